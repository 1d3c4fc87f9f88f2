#include <stdlib.h>
#include <string.h>

#include "web/admin.h"

/* The units of the register: looking around, searching, adding. */

#define FOUND_MAX 100		/* shown of a search */
#define SUGGEST_MAX 20

struct unit {
	char code[RX_UNIT_BYTES];
	char above[RX_UNIT_BYTES];
	char name[128];
	enum rx_level level;
	unsigned below;		/* units right under it */
};

struct units {			/* in order of their codes */
	struct unit *u;
	size_t n, cap;
};

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

static rx_err
unit_each(void *cookie, const char *code, const char *name, const char *level,
    const char *parent, struct rx_status *st)
{
	struct units *all = cookie;
	struct unit *grown, *u;

	(void)level;
	if (all->n == all->cap) {
		all->cap = all->cap == 0 ? 256 : 2 * all->cap;
		if ((grown = reallocarray(all->u, all->cap,
		    sizeof(*grown))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		all->u = grown;
	}
	u = &all->u[all->n++];
	memset(u, 0, sizeof(*u));
	memcpy(u->code, code, strnlen(code, RX_UNIT_BYTES - 1));
	memcpy(u->above, parent, strnlen(parent, RX_UNIT_BYTES - 1));
	rx_text_copy(u->name, sizeof(u->name), name);
	u->level = rx_unit_level(u->code);
	return (RX_OK);
}

static int
unit_cmp(const void *a, const void *b)
{
	const struct unit *x = a, *y = b;

	return (memcmp(x->code, y->code, RX_UNIT_BYTES));
}

static struct unit *
unit_find(const struct units *all, const char code[RX_UNIT_BYTES])
{
	struct unit key;

	if (all->n == 0)
		return (NULL);
	memset(&key, 0, sizeof(key));
	memcpy(key.code, code, RX_UNIT_BYTES);
	return (bsearch(&key, all->u, all->n, sizeof(*all->u), unit_cmp));
}

/* Read all units, and count what is right under each. */
static rx_err
units_read(struct units *all, const struct rx_request *q,
    struct rx_status *st)
{
	struct unit *u;
	size_t i;
	rx_err rc;

	memset(all, 0, sizeof(*all));
	if ((rc = rx_unit_each(q->session, unit_each, all, st)) != RX_OK)
		return (rc);
	for (i = 0; i < all->n; i++)
		if ((u = unit_find(all, all->u[i].above)) != NULL)
			u->below++;
	return (RX_OK);
}

/* Whether the unit fits what was typed: its code begins with it, or its name
 * contains it. */
static bool
fits(const struct unit *u, const char *part)
{

	return (strstr(u->name, part) != NULL ||
	    strncmp(u->code, part, strlen(part)) == 0);
}

/* The name, with that of the unit above in front of a village's. */
static rx_err
put_name(json_t *o, const struct units *all, const struct unit *u,
    struct rx_status *st)
{
	const struct unit *above = unit_find(all, u->above);
	struct rx_buf name = RX_BUF_INIT;
	rx_err rc;

	if (u->level != RX_LEVEL_VILLAGE || above == NULL)
		return (rx_put_text(o, "name", u->name, st));
	if ((rc = rx_buf_printf(&name, st, "%s %s", above->name, u->name)) ==
	    RX_OK)
		rc = rx_put(o, "name", json_stringn((const char *)name.b,
		    name.len), st);
	rx_buf_free(&name);
	return (rc);
}

/* ---- what a form means ---- */

/* Append the unit to the list data[key]: code and name. */
static rx_err
put_candidate(json_t *data, const char *key, const struct units *all,
    const struct unit *u, struct rx_status *st)
{
	char text[RX_UNIT_TEXT];
	json_t *o;
	rx_err rc;

	rx_unit_text(text, u->code);
	if ((rc = rx_put_item(data, key, &o, st)) != RX_OK ||
	    (rc = rx_put_text(o, "code", text, st)) != RX_OK)
		return (rc);
	return (put_name(o, all, u, st));
}

/* The one unit whose name is ${part}, or contains it; NULL when there is none
 * or more than one. */
static const struct unit *
only_one(const struct units *all, const char *part, bool whole, size_t *found)
{
	const struct unit *u = NULL;
	size_t i;

	for (*found = 0, i = 0; i < all->n; i++)
		if (whole ? strcmp(all->u[i].name, part) == 0 :
		    strstr(all->u[i].name, part) != NULL) {
			u = &all->u[i];
			(*found)++;
		}
	return (*found == 1 ? u : NULL);
}

static rx_err
resolve_name(char code[32], const struct rx_request *q, const char *part,
    json_t *data, struct rx_status *st)
{
	const struct unit *u;
	struct units all;
	size_t i, found;
	rx_err rc;

	if ((rc = units_read(&all, q, st)) != RX_OK)
		goto done;
	if ((u = only_one(&all, part, true, &found)) == NULL)
		u = only_one(&all, part, false, &found);
	if (u != NULL) {
		rx_unit_text(code, u->code);
		goto done;
	}
	rx_status_arg(st, "unit", "%.60s", part);
	if (found == 0) {
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_WEB_UNIT_NONE);
		goto done;
	}
	for (i = 0; i < all.n && rc == RX_OK && json_array_size(
	    json_object_get(data, "candidates")) < SUGGEST_MAX; i++)
		if (strstr(all.u[i].name, part) != NULL)
			rc = put_candidate(data, "candidates", &all, &all.u[i],
			    st);
	if (rc == RX_OK)
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_WEB_UNIT_SEVERAL);
done:
	free(all.u);
	return (rc);
}

rx_err
rx_admin_unit_resolve(char code[32], const struct rx_request *q, json_t *data,
    struct rx_status *st)
{
	const char *text = rx_field(q, rx_field_set(q, "unit_pick") ?
	    "unit_pick" : "unit");

	text += strspn(text, " ");
	if (*text == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_UNIT_MISSING));
	if (*text < '0' || *text > '9')
		return (resolve_name(code, q, text, data, st));
	/* "350102001 鼓东街道": the code comes first. */
	rx_text_copy(code, 32, text);
	code[strcspn(code, " ")] = '\0';
	return (RX_OK);
}

/* Units by part of their name or code, for search as one types. */
rx_err
rx_admin_units_json(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const char *part = rx_field(q, "q");
	json_t *list, *data = json_object();
	struct units all;
	size_t i;
	rx_err rc;

	if (data == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	list = json_array();
	if ((rc = rx_put(data, "units", list, st)) != RX_OK ||
	    (rc = units_read(&all, q, st)) != RX_OK) {
		json_decref(data);
		return (rc);
	}
	for (i = 0; i < all.n && rc == RX_OK && *part != '\0' &&
	    json_array_size(list) < SUGGEST_MAX; i++)
		if (fits(&all.u[i], part))
			rc = put_candidate(data, "units", &all, &all.u[i],
			    st);
	if (rc == RX_OK)
		rc = rx_json_write(&a->body, list, st);
	a->type = "application/json; charset=utf-8";
	free(all.u);
	json_decref(data);
	return (rc);
}

/* ---- the page ---- */

static rx_err
put_unit(struct rx_request *q, json_t *data, const struct unit *u,
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
put_trail(json_t *data, const struct units *all, const char *code,
    struct rx_status *st)
{
	const struct unit *trail[8], *u = unit_find(all, code);
	size_t n = 0;
	rx_err rc;

	for (; u != NULL && n < 8; u = unit_find(all, u->above))
		trail[n++] = u;
	while (n-- > 0)
		if ((rc = put_candidate(data, "trail", all, trail[n], st)) !=
		    RX_OK)
			return (rc);
	return (RX_OK);
}

static rx_err
put_search(struct rx_request *q, json_t *data, const struct units *all,
    struct rx_status *st)
{
	size_t i, found = 0;
	rx_err rc;

	for (i = 0; i < all->n; i++)
		if (fits(&all->u[i], rx_field(q, "q")) &&
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
put_under(struct rx_request *q, json_t *data, const struct units *all,
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
	struct units all;
	rx_err rc;

	a->page = "admin/units";
	memset(&all, 0, sizeof(all));
	memcpy(under, rx_session_unit(q->session), RX_UNIT_BYTES);
	if ((rx_field_set(q, "under") && (rc = rx_unit_parse(under, rx_field(q,
	    "under"), st)) != RX_OK) ||
	    (rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = units_read(&all, q, st)) != RX_OK)
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
	if ((rc = rx_unit_parse(unit, rx_field(q, "code"), st)) == RX_OK) {
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
