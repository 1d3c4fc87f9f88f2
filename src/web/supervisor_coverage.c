#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "web/supervisor.h"

/*
 * How well the villages are covered: children, visits, flags, from coded data
 * alone; no case is opened.  Every number leads to the list that it counts.
 */

struct child {			/* one child, without identity */
	char unit[RX_UNIT_BYTES];
	uint8_t id[RX_ID_BYTES];
	char name[64];		/* the caller's id, cut; "" when it has none */
	int32_t birth, last, due;
	int64_t risk;
	bool overdue, flagged, withdrawn;
};

struct children {
	struct child *c;
	size_t n, cap;
	int32_t today;
};

enum { CHILDREN, OVERDUE, FLAGGED, KINDS };

static const struct {
	const char *what;	/* ?what= */
	enum rx_msg name, title;
} kinds[KINDS] = {
	[CHILDREN] = { "all", RX_MSG_WEB_COVER_CHILDREN,
	    RX_MSG_WEB_COVER_CHILDREN },
	[OVERDUE] = { "overdue", RX_MSG_WEB_COVER_OVERDUE,
	    RX_MSG_WEB_COVER_OVERDUE },
	[FLAGGED] = { "flagged", RX_MSG_WEB_COVER_FLAGGED,
	    RX_MSG_WEB_COVER_FLAGGED },
};

static bool
is_kind(const struct child *c, int kind)
{

	return (kind == CHILDREN || (kind == OVERDUE && c->overdue) ||
	    (kind == FLAGGED && c->flagged));
}

static rx_err
child_each(void *cookie, const struct rx_child_row *row, struct rx_status *st)
{
	struct children *all = cookie;
	struct child *grown, *c;

	if (all->n == all->cap) {
		all->cap = all->cap == 0 ? 64 : 2 * all->cap;
		if ((grown = reallocarray(all->c, all->cap,
		    sizeof(*grown))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		all->c = grown;
	}
	c = &all->c[all->n++];
	memset(c, 0, sizeof(*c));
	memcpy(c->unit, row->child->unit, RX_UNIT_BYTES);
	memcpy(c->id, row->child->id, RX_ID_BYTES);
	rx_text_copy(c->name, sizeof(c->name), rx_record_text(row->child,
	    RX_F_CALLER_ID));
	c->birth = (int32_t)rx_record_int(row->child, RX_F_BIRTH);
	c->last = row->last;
	c->due = row->due;
	c->risk = row->risk;
	c->flagged = row->flagged;
	c->withdrawn = row->withdrawn;
	/* Nobody is to visit for a file that is read-only. */
	c->overdue = row->due != 0 && row->due < all->today && !row->withdrawn;
	return (RX_OK);
}

/* Late visits first, red ones before the rest, then by the date. */
static int
child_cmp(const void *a, const void *b)
{
	const struct child *x = a, *y = b;

	if (x->overdue != y->overdue)
		return (x->overdue ? -1 : 1);
	if (x->overdue && (x->risk == 1) != (y->risk == 1))
		return (x->risk == 1 ? -1 : 1);
	if (x->due != y->due)
		return (x->due == 0 ? 1 : y->due == 0 ? -1 :
		    x->due < y->due ? -1 : 1);
	return (memcmp(x->id, y->id, RX_ID_BYTES));
}

static rx_err
read_children(struct rx_request *q, struct children *all,
    struct rx_status *st)
{
	rx_err rc;

	memset(all, 0, sizeof(*all));
	all->today = rx_date_today();
	rc = rx_child_each(q->session, RX_LIST_CODED, all->today, child_each,
	    all, st);
	if (rc == RX_OK && all->n > 1)
		qsort(all->c, all->n, sizeof(*all->c), child_cmp);
	return (rc);
}

static void
free_children(struct children *all)
{

	if (all->c != NULL)
		rx_wipe(all->c, all->cap * sizeof(*all->c));
	free(all->c);
}

/* A date that may be missing: "" then, for a template would look for it in what
 * surrounds the row. */
static rx_err
put_date(json_t *o, const char *key, int32_t date, struct rx_status *st)
{

	return (date == 0 ? rx_put_text(o, key, "", st) :
	    rx_put_date(o, key, date, st));
}

/* ---- the villages ---- */

struct cover {
	struct rx_request *q;
	json_t *data;
	const struct children *all;
	unsigned total[KINDS];
	bool townships;		/* name the township too */
	char township[256];
};

/* Numbers of ${unit}, or of all when it is NULL. */
static rx_err
put_numbers(json_t *o, const struct rx_request *q,
    const struct children *all, const char *unit, struct rx_status *st)
{
	unsigned n[KINDS] = { 0, 0, 0 };
	int32_t last = 0;
	json_t *item;
	size_t i;
	int k;
	rx_err rc;

	for (i = 0; i < all->n; i++) {
		if (unit != NULL && memcmp(all->c[i].unit, unit,
		    RX_UNIT_BYTES) != 0)
			continue;
		for (k = 0; k < KINDS; k++)
			n[k] += is_kind(&all->c[i], k);
		if (all->c[i].last > last)
			last = all->c[i].last;
	}
	for (k = 0; k < KINDS; k++)
		if ((rc = rx_put_item(o, "numbers", &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "what", kinds[k].what, st)) !=
		    RX_OK ||
		    (rc = rx_put_text(item, "label", rx_msg(kinds[k].name,
		    q->lang), st)) != RX_OK ||
		    (rc = rx_put_int(item, "n", n[k], st)) != RX_OK ||
		    (rc = rx_put_bool(item, "warn", k != CHILDREN && n[k] > 0,
		    st)) != RX_OK)
			return (rc);
	if ((rc = rx_put_bool(o, "empty", n[CHILDREN] == 0, st)) != RX_OK)
		return (rc);
	return (put_date(o, "last", last, st));
}

/* A village or another unit that has children. */
static rx_err
put_unit(struct cover *c, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *st)
{
	char text[RX_UNIT_TEXT];
	json_t *item;
	rx_err rc;

	rx_unit_text(text, unit);
	if ((rc = rx_put_item(c->data, "villages", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "code", text, st)) != RX_OK ||
	    (rc = rx_put_text(item, "name", name, st)) != RX_OK ||
	    (c->townships && (rc = rx_put_text(item, "township", c->township,
	    st)) != RX_OK))
		return (rc);
	return (put_numbers(item, c->q, c->all, unit, st));
}

static bool
has_children(const struct children *all, const char *unit)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (memcmp(all->c[i].unit, unit, RX_UNIT_BYTES) == 0)
			return (true);
	return (false);
}

/* Units come by code: a township before its villages. */
static rx_err
cover_each(void *cookie, const char *code, const char *name,
    const char *level, const char *parent, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES] = "";
	struct cover *c = cookie;

	(void)level;
	(void)parent;
	memcpy(unit, code, strnlen(code, RX_UNIT_BYTES));
	if (rx_unit_level(unit) == RX_LEVEL_TOWNSHIP)
		rx_text_copy(c->township, sizeof(c->township), name);
	if (!rx_session_supervises(c->q->session, unit) ||
	    (rx_unit_level(unit) != RX_LEVEL_VILLAGE &&
	    !has_children(c->all, unit)))
		return (RX_OK);
	return (put_unit(c, unit, name, st));
}

/* Does the reader supervise more than a township? */
static rx_err
wide_each(void *cookie, const char *code, const char *name,
    const char *level, const char *parent, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES] = "";
	struct cover *c = cookie;

	(void)name;
	(void)level;
	(void)parent;
	(void)st;
	memcpy(unit, code, strnlen(code, RX_UNIT_BYTES));
	c->total[0] += rx_unit_level(unit) == RX_LEVEL_TOWNSHIP &&
	    rx_session_supervises(c->q->session, unit);
	return (RX_OK);
}

rx_err
rx_supervisor_coverage(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct children all;
	struct cover c = { .q = q, .data = a->data, .all = &all };
	rx_err rc;

	a->page = "supervisor/coverage";
	if ((rc = read_children(q, &all, st)) != RX_OK ||
	    (rc = rx_unit_each(q->session, wide_each, &c, st)) != RX_OK)
		goto done;
	c.townships = c.total[0] > 1;
	if ((rc = rx_put_bool(a->data, "townships", c.townships, st)) !=
	    RX_OK ||
	    (rc = rx_unit_each(q->session, cover_each, &c, st)) != RX_OK ||
	    (rc = put_numbers(a->data, q, &all, NULL, st)) != RX_OK)
		goto done;
	if ((rc = rx_put_shown(a->data, "villages", st)) == RX_OK)
		rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_COVER_TITLE,
		    NULL, NULL, st);
done:
	free_children(&all);
	return (rc);
}

/* ---- the children of one ---- */

static rx_err
put_one(struct rx_request *q, json_t *data, const struct child *c,
    int32_t today, struct rx_status *st)
{
	char id[RX_UUID_TEXT], village[256];
	json_t *o;
	rx_err rc;

	rx_uuid_text(c->id, id);
	if ((rc = rx_unit_name(q->session, c->unit, village, sizeof(village),
	    st)) != RX_OK ||
	    (rc = rx_put_item(data, "children", &o, st)) != RX_OK ||
	    (rc = rx_put_text(o, "uuid", id, st)) != RX_OK ||
	    (rc = rx_put_text(o, "id", c->name[0] != '\0' ? c->name : id,
	    st)) != RX_OK ||
	    (rc = rx_put_text(o, "village", village, st)) != RX_OK ||
	    (rc = rx_put_int(o, "age", rx_age(c->birth, today), st)) !=
	    RX_OK ||
	    (rc = rx_put_code(o, "risk", q, RX_LIST_RISK, c->risk, st)) !=
	    RX_OK ||
	    (rc = put_date(o, "last", c->last, st)) != RX_OK ||
	    (rc = put_date(o, "due", c->due, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "flagged", c->flagged, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "withdrawn", c->withdrawn, st)) != RX_OK)
		return (rc);
	if (!c->overdue)
		return (RX_OK);
	return (rx_put_say_int(o, "late", q, RX_MSG_WEB_COVER_LATE, "n",
	    today - c->due, st));
}

/* The unit of the path, "all" for everything. */
static rx_err
path_unit(struct rx_request *q, char unit[RX_UNIT_BYTES], bool *all,
    json_t *data, struct rx_status *st)
{
	char name[256];
	rx_err rc;

	*all = strcmp(q->arg[0], "all") == 0;
	if (*all)
		return (rx_put_bool(data, "everywhere", true, st));
	if ((rc = rx_unit_parse(unit, q->arg[0], st)) != RX_OK)
		return (rc);
	if (!rx_session_supervises(q->session, unit)) {
		rx_status_arg(st, "unit", "%.32s", q->arg[0]);
		return (rx_fail(st, RX_EPERM, RX_MSG_NOT_PERMITTED));
	}
	if ((rc = rx_unit_name(q->session, unit, name, sizeof(name), st)) !=
	    RX_OK)
		return (rc);
	return (rx_put_text(data, "place", name, st));
}

/* The tabs above the list: the three kinds, with their numbers. */
static rx_err
put_tabs(struct rx_request *q, json_t *data, const struct children *all,
    const char *unit, int kind, struct rx_status *st)
{
	json_t *list;
	rx_err rc;

	if ((rc = put_numbers(data, q, all, unit, st)) != RX_OK ||
	    (rc = rx_put_text(data, "path_unit", q->arg[0], st)) != RX_OK)
		return (rc);
	list = json_object_get(data, "numbers");
	return (rx_put_bool(json_array_get(list, (size_t)kind), "here", true,
	    st));
}

rx_err
rx_supervisor_village(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const char *what = rx_field(q, "what");
	struct children all;
	char unit[RX_UNIT_BYTES];
	bool everywhere;
	size_t i;
	int kind = CHILDREN, k;
	rx_err rc;

	memset(&all, 0, sizeof(all));
	a->page = "supervisor/village";
	for (k = 0; k < KINDS; k++)
		if (strcmp(what, kinds[k].what) == 0)
			kind = k;
	if ((rc = path_unit(q, unit, &everywhere, a->data, st)) != RX_OK ||
	    (rc = read_children(q, &all, st)) != RX_OK ||
	    (rc = put_tabs(q, a->data, &all, everywhere ? NULL : unit, kind,
	    st)) != RX_OK)
		goto done;
	for (i = 0; i < all.n && rc == RX_OK; i++)
		if ((everywhere || memcmp(all.c[i].unit, unit,
		    RX_UNIT_BYTES) == 0) && is_kind(&all.c[i], kind))
			rc = put_one(q, a->data, &all.c[i], all.today, st);
	if (rc == RX_OK)
		rc = rx_put_shown(a->data, "children", st);
	if (rc == RX_OK)
		rc = rx_put_say(a->data, "title", q, kinds[kind].title, NULL,
		    NULL, st);
done:
	free_children(&all);
	return (rc);
}
