#include <stdlib.h>
#include <string.h>

#include "web/admin.h"
#include "web/units.h"

/* The units of the register: looking around, searching, adding. */

#define FOUND_MAX 100		/* shown of a search */

static const enum rx_msg level_names[] = {
	[RX_LEVEL_PROVINCE] = RX_MSG_CLI_LEVEL_PROVINCE,
	[RX_LEVEL_PREFECTURE] = RX_MSG_CLI_LEVEL_PREFECTURE,
	[RX_LEVEL_COUNTY] = RX_MSG_CLI_LEVEL_COUNTY,
	[RX_LEVEL_TOWNSHIP] = RX_MSG_CLI_LEVEL_TOWNSHIP,
	[RX_LEVEL_VILLAGE] = RX_MSG_CLI_LEVEL_VILLAGE
};
static const char *const level_keys[] = {
	[RX_LEVEL_PROVINCE] = "province",
	[RX_LEVEL_PREFECTURE] = "prefecture",
	[RX_LEVEL_COUNTY] = "county",
	[RX_LEVEL_TOWNSHIP] = "township",
	[RX_LEVEL_VILLAGE] = "village"
};

/* Units by part of their name or code, for search as one types. */
rx_err
rx_admin_units_json(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (rx_unit_suggest(q, a, NULL, st));
}

/* ---- the page ---- */

static rx_err
put_unit(struct rx_request *q, json_t *data, const struct rx_unit_item *u,
    struct rx_status *st)
{
	char text[RX_UNIT_TEXT];
	json_t *o;
	rx_err rc;

	rx_unit_text(text, u->code);
	if ((rc = rx_put_item(data, "units", &o, st)) != RX_OK ||
	    (rc = rx_put_text(o, "code", text, st)) != RX_OK ||
	    (rc = rx_put_text(o, "name", u->name, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "has_below", u->below > 0, st)) != RX_OK ||
	    (rc = rx_put_int(o, "below", u->below, st)) != RX_OK)
		return (rc);
	if (u->level > RX_LEVEL_VILLAGE)
		return (RX_OK);
	return (rx_put_text(o, "level", rx_msg(level_names[u->level],
	    q->lang), st));
}

/* From the register's own unit down to ${code}. */
static rx_err
put_trail(json_t *data, const struct rx_unit_list *all, const char *code,
    struct rx_status *st)
{
	const struct rx_unit_item *trail[8], *u = rx_unit_list_find(all, code);
	size_t n = 0;
	rx_err rc;

	for (; u != NULL && n < 8; u = rx_unit_list_find(all, u->above))
		trail[n++] = u;
	while (n-- > 0)
		if ((rc = rx_put_unit(data, "trail", all, trail[n], st)) !=
		    RX_OK)
			return (rc);
	return (RX_OK);
}

static rx_err
put_search(struct rx_request *q, json_t *data, const struct rx_unit_list *all,
    struct rx_status *st)
{
	size_t i, found = 0;
	rx_err rc;

	for (i = 0; i < all->n; i++)
		if (rx_unit_fits(&all->u[i], rx_field(q, "q")) &&
		    found++ < FOUND_MAX &&
		    (rc = put_unit(q, data, &all->u[i], st)) != RX_OK)
			return (rc);
	if ((rc = rx_put_bool(data, "searched", true, st)) != RX_OK ||
	    (rc = rx_put_bool(data, "cut", found > FOUND_MAX, st)) != RX_OK)
		return (rc);
	return (rx_put_say_int(data, "found", q, RX_MSG_WEB_UNITS_FOUND, "n",
	    (int64_t)found, st));
}

/* What lies right under ${code}. */
static rx_err
put_under(struct rx_request *q, json_t *data, const struct rx_unit_list *all,
    const char *code, struct rx_status *st)
{
	size_t i;
	rx_err rc;

	for (i = 0; i < all->n; i++)
		if (memcmp(all->u[i].above, code, RX_UNIT_BYTES) == 0 &&
		    (rc = put_unit(q, data, &all->u[i], st)) != RX_OK)
			return (rc);
	return (put_trail(data, all, code, st));
}

static rx_err
put_page(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	static const char *const keep[] = { "q", "code", "name", NULL };
	char under[RX_UNIT_BYTES];
	struct rx_unit_list all;
	rx_err rc;

	a->page = "admin/units";
	memset(&all, 0, sizeof(all));
	memcpy(under, rx_session_unit(q->session), RX_UNIT_BYTES);
	if ((rx_field_set(q, "under") && (rc = rx_unit_parse(under, rx_field(q,
	    "under"), st)) != RX_OK) ||
	    (rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = rx_unit_list_read(&all, q, NULL, st)) != RX_OK)
		goto done;
	rc = rx_field_set(q, "q") ? put_search(q, a->data, &all, st) :
	    put_under(q, a->data, &all, under, st);
	if (rc == RX_OK)
		rc = rx_put_shown(a->data, "units", st);
	if (rc == RX_OK)
		rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_NAV_UNITS,
		    NULL, NULL, st);
done:
	free(all.u);
	return (rc);
}

rx_err
rx_admin_units(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	return (put_page(q, a, st));
}

rx_err
rx_admin_unit_add(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES], above[RX_UNIT_BYTES], text[RX_UNIT_TEXT];
	enum rx_level level;
	rx_err rc;

	/* The level follows from the digits. */
	if (*rx_field(q, "code") == '\0')
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_WEB_UNIT_CODE_MISSING);
	else if ((rc = rx_unit_parse(unit, rx_field(q, "code"), st)) == RX_OK) {
		level = rx_unit_level(unit);
		rc = rx_unit_add(q->session, unit, rx_field(q, "name"),
		    level <= RX_LEVEL_VILLAGE ? level_keys[level] : "self",
		    "", st);
	}
	if (rc != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) != RX_OK)
			return (rc);
		return (put_page(q, a, st));
	}
	rx_unit_ancestor(above, unit, level == RX_LEVEL_PROVINCE ? level :
	    (enum rx_level)(level - 1));
	rx_unit_text(text, above);
	rx_redirect_with(a, RX_MSG_WEB_UNIT_ADDED, "/units?under=%s", text);
	return (RX_OK);
}
