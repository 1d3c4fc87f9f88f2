#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "web/director.h"

/* Activities: what was held where, and which children took part. */

struct listed {
	int32_t date;
	size_t order;
	json_t *item;
};

struct listing {
	const struct rx_request *q;
	struct listed *all;
	size_t n, cap;
};

static int
listed_cmp(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->date != y->date)
		return (x->date > y->date ? -1 : 1);
	return (x->order > y->order ? -1 : 1);
}

static rx_err
put_activity(json_t *item, const struct rx_request *q,
    const struct rx_record *r, struct rx_status *st)
{
	char unit[128];
	rx_err rc;

	if ((rc = rx_unit_name(q->session, r->unit, unit, sizeof(unit), st)) !=
	    RX_OK || (rc = rx_put_text(item, "unit", unit, st)) != RX_OK ||
	    (rc = rx_put_date(item, "date", (int32_t)rx_record_int(r,
	    RX_F_DATE), st)) != RX_OK ||
	    (rc = rx_put_code(item, "kind", q, RX_LIST_KIND, rx_record_int(r,
	    RX_F_KIND), st)) != RX_OK ||
	    (rc = rx_put_text(item, "venue", rx_record_text(r, RX_F_VENUE),
	    st)) != RX_OK ||
	    (rc = rx_put_int(item, "sessions", r->v[RX_F_SESSIONS].set ?
	    rx_record_int(r, RX_F_SESSIONS) : 1, st)) != RX_OK ||
	    (rc = rx_put_int(item, "attended",
	    (json_int_t)r->v[RX_F_CHILDREN].n, st)) != RX_OK)
		return (rc);
	return (rx_put_bool(item, "held", rx_record_int(r, RX_F_HELD) != 0,
	    st));
}

static rx_err
take_activity(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	struct listing *l = cookie;
	struct listed *grown;

	if (l->n == l->cap) {
		l->cap = l->cap == 0 ? 16 : 2 * l->cap;
		if ((grown = reallocarray(l->all, l->cap, sizeof(*grown))) ==
		    NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		l->all = grown;
	}
	if ((l->all[l->n].item = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	l->all[l->n].date = (int32_t)rx_record_int(r, RX_F_DATE);
	l->all[l->n].order = l->n;
	l->n++;
	return (put_activity(l->all[l->n - 1].item, l->q, r, st));
}

rx_err
rx_director_activities(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct listing l = { .q = q };
	json_t *list = json_array();
	size_t i;
	rx_err rc;

	a->page = "director/activities";
	if ((rc = rx_put(a->data, "activities", list, st)) == RX_OK)
		rc = rx_activity_own_each(q->session, take_activity, &l, st);
	if (l.n > 1)
		qsort(l.all, l.n, sizeof(*l.all), listed_cmp);
	for (i = 0; i < l.n; i++) {
		if (rc == RX_OK && json_array_append(list, l.all[i].item) != 0)
			rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		json_decref(l.all[i].item);
	}
	free(l.all);
	return (rc);
}

/* ---- a new one ---- */

struct attendance {
	const struct rx_request *q;
	json_t *data;
};

static rx_err
put_child(void *cookie, const struct rx_child_row *row, struct rx_status *st)
{
	const struct attendance *at = cookie;
	char id[RX_UUID_TEXT];
	const char *v;
	json_t *item;
	bool on = false;
	size_t k;
	rx_err rc;

	if (row->withdrawn)
		return (RX_OK);
	rx_uuid_text(row->child->id, id);
	for (k = 0; !on && (v = rx_field_nth(at->q, "children", k)) != NULL;
	    k++)
		on = strcmp(v, id) == 0;
	if ((rc = rx_put_item(at->data, "children", &item, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "checked", on, st)) != RX_OK)
		return (rc);
	return (rx_director_item(item, at->q, row, st));
}

/* ${names}: the children's names were asked for. */
static rx_err
put_new(struct rx_request *q, struct rx_reply *a, bool names,
    struct rx_status *st)
{
	struct attendance at = { q, a->data };
	char date[RX_DATE_TEXT];
	rx_err rc;

	a->page = "director/activity_new";
	rx_date_format(rx_date_today(), date);
	if ((rc = rx_form_preset(q, "date", date, st)) != RX_OK ||
	    (!q->post && (rc = rx_form_preset(q, "held", "1", st)) != RX_OK) ||
	    (rc = rx_director_units(a, q, true, st)) != RX_OK ||
	    (rc = rx_director_today(a->data, st)) != RX_OK ||
	    (rc = rx_form_put(a->data, q, RX_ACTIVITY, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "names", names, st)) != RX_OK)
		return (rc);
	rx_director_kinds(a->data, true);
	if (!rx_session_has_role(q->session, RX_ROLE_DIRECTOR))
		return (RX_OK);
	return (rx_child_browse(q->session, "", names, put_child, &at, st));
}

rx_err
rx_director_activity_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_new(q, a, false, st));
}

rx_err
rx_director_activity_save(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const bool names = rx_field_set(q, "names");
	struct rx_save_result result;
	json_t *json = NULL;
	rx_err rc;

	/* The button beside the children: the form comes back with names. */
	if (rx_field_set(q, "show"))
		return (put_new(q, a, true, st));
	if ((rc = rx_form_json(&json, q, RX_ACTIVITY, st)) == RX_OK)
		rc = rx_save(q->session, RX_ACTIVITY, json, false, &result,
		    st);
	json_decref(json);
	if (rc != RX_OK) {
		if ((rc = rx_form_error(a, q, st)) != RX_OK)
			return (rc);
		return (put_new(q, a, names, st));
	}
	rx_redirect_with(a, RX_MSG_WEB_ACTIVITY_SAVED, "/activities");
	return (RX_OK);
}
