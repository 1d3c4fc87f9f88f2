#include <stdlib.h>
#include <string.h>

#include "web/units.h"

/* The list of units, and what somebody means who types a part of it. */

#define SUGGEST_MAX 20

static rx_err
unit_each(void *cookie, const char *code, const char *name, const char *level,
    const char *parent, struct rx_status *st)
{
	struct rx_unit_list *all = cookie;
	struct rx_unit_item *grown, *u, unit;

	(void)level;
	memset(&unit, 0, sizeof(unit));
	memcpy(unit.code, code, strnlen(code, RX_UNIT_BYTES - 1));
	if (all->within != NULL && !rx_unit_covers(all->within, unit.code))
		return (RX_OK);
	memcpy(unit.above, parent, strnlen(parent, RX_UNIT_BYTES - 1));
	rx_text_copy(unit.name, sizeof(unit.name), name);
	unit.level = rx_unit_level(unit.code);
	if (all->n == all->cap) {
		all->cap = all->cap == 0 ? 256 : 2 * all->cap;
		if ((grown = reallocarray(all->u, all->cap,
		    sizeof(*grown))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		all->u = grown;
	}
	u = &all->u[all->n++];
	*u = unit;
	return (RX_OK);
}

static int
unit_cmp(const void *a, const void *b)
{
	const struct rx_unit_item *x = a, *y = b;

	return (memcmp(x->code, y->code, RX_UNIT_BYTES));
}

struct rx_unit_item *
rx_unit_list_find(const struct rx_unit_list *all,
    const char code[RX_UNIT_BYTES])
{
	struct rx_unit_item key;

	if (all->n == 0)
		return (NULL);
	memset(&key, 0, sizeof(key));
	memcpy(key.code, code, RX_UNIT_BYTES);
	return (bsearch(&key, all->u, all->n, sizeof(*all->u), unit_cmp));
}

rx_err
rx_unit_list_read(struct rx_unit_list *all, const struct rx_request *q,
    const char *within, struct rx_status *st)
{
	struct rx_unit_item *u;
	size_t i;
	rx_err rc;

	memset(all, 0, sizeof(*all));
	all->within = within;
	if ((rc = rx_unit_each(q->session, unit_each, all, st)) != RX_OK)
		return (rc);
	for (i = 0; i < all->n; i++)
		if ((u = rx_unit_list_find(all, all->u[i].above)) != NULL)
			u->below++;
	return (RX_OK);
}

bool
rx_unit_fits(const struct rx_unit_item *u, const char *part)
{

	return (strstr(u->name, part) != NULL ||
	    strncmp(u->code, part, strlen(part)) == 0);
}

/* The name, with that of the unit above in front of a village's. */
static rx_err
put_name(json_t *o, const struct rx_unit_list *all,
    const struct rx_unit_item *u, struct rx_status *st)
{
	const struct rx_unit_item *above = rx_unit_list_find(all, u->above);
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

rx_err
rx_put_unit(json_t *data, const char *key, const struct rx_unit_list *all,
    const struct rx_unit_item *u, struct rx_status *st)
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
static const struct rx_unit_item *
only_one(const struct rx_unit_list *all, const char *part, bool whole,
    size_t *found)
{
	const struct rx_unit_item *u = NULL;
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
resolve_name(char code[32], const struct rx_request *q, const char *within,
    const char *part, json_t *data, struct rx_status *st)
{
	const struct rx_unit_item *u;
	struct rx_unit_list all;
	size_t i, found;
	rx_err rc;

	if ((rc = rx_unit_list_read(&all, q, within, st)) != RX_OK)
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
			rc = rx_put_unit(data, "candidates", &all, &all.u[i],
			    st);
	if (rc == RX_OK)
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_WEB_UNIT_SEVERAL);
done:
	free(all.u);
	return (rc);
}

rx_err
rx_unit_resolve(char code[32], const struct rx_request *q,
    const char *within, json_t *data, struct rx_status *st)
{
	const char *text = rx_field(q, rx_field_set(q, "unit_pick") ?
	    "unit_pick" : "unit");

	text += strspn(text, " ");
	if (*text == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_UNIT_MISSING));
	if (*text < '0' || *text > '9')
		return (resolve_name(code, q, within, text, data, st));
	/* "350102001 鼓东街道": the code comes first. */
	rx_text_copy(code, 32, text);
	code[strcspn(code, " ")] = '\0';
	return (RX_OK);
}

rx_err
rx_unit_suggest(const struct rx_request *q, struct rx_reply *a,
    const char *within, struct rx_status *st)
{
	const char *part = rx_field(q, "q");
	json_t *list, *data = json_object();
	struct rx_unit_list all;
	size_t i;
	rx_err rc;

	memset(&all, 0, sizeof(all));
	if (data == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	list = json_array();
	if ((rc = rx_put(data, "units", list, st)) != RX_OK ||
	    (rc = rx_unit_list_read(&all, q, within, st)) != RX_OK)
		goto done;
	for (i = 0; i < all.n && rc == RX_OK && *part != '\0' &&
	    json_array_size(list) < SUGGEST_MAX; i++)
		if (rx_unit_fits(&all.u[i], part))
			rc = rx_put_unit(data, "units", &all, &all.u[i], st);
	if (rc == RX_OK)
		rc = rx_json_write(&a->body, list, st);
	a->type = "application/json; charset=utf-8";
done:
	free(all.u);
	json_decref(data);
	return (rc);
}
