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
	char unit[128], id[RX_UUID_TEXT];
	rx_err rc;

	rx_uuid_text(r->id, id);
	if ((rc = rx_put_text(item, "id", id, st)) != RX_OK ||
	    (rc = rx_unit_name(q->session, r->unit, unit, sizeof(unit), st)) !=
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
	if ((rc = rx_put(a->data, "activities", list, st)) == RX_OK &&
	    (rc = rx_director_title(a, q, RX_MSG_WEB_ACTIVITIES_TITLE, st)) ==
	    RX_OK)
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

	rx_uuid_text(row->child->id, id);
	for (k = 0; !on && (v = rx_field_nth(at->q, "children", k)) != NULL;
	    k++)
		on = strcmp(v, id) == 0;
	/* Who took part before consent was withdrawn did take part. */
	if (row->withdrawn && !on)
		return (RX_OK);
	if ((rc = rx_put_item(at->data, "children", &item, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "checked", on, st)) != RX_OK)
		return (rc);
	return (rx_director_item(item, at->q, row, st));
}

rx_err
rx_director_activity_put(struct rx_request *q, struct rx_reply *a, bool names,
    struct rx_status *st)
{
	struct attendance at = { q, a->data };
	char date[RX_DATE_TEXT];
	rx_err rc;

	a->page = "director/activity_new";
	rx_date_format(rx_date_today(), date);
	if ((rc = rx_form_preset(q, "date", date, st)) != RX_OK ||
	    (rc = rx_director_units(a, q, true, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "action", "/activities/new", st)) !=
	    RX_OK || (rc = rx_director_title(a, q, RX_MSG_WEB_ACTIVITIES_ADD,
	    st)) != RX_OK ||
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

	rx_err rc;

	if ((rc = rx_form_preset(q, "held", "1", st)) != RX_OK)
		return (rc);
	return (rx_director_activity_put(q, a, false, st));
}

rx_err
rx_director_activity_save(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const bool names = rx_field_set(q, "names");
	static const uint8_t none[RX_ID_BYTES];
	struct rx_save_result result;
	json_t *json = NULL;
	bool asked = false, back;
	rx_err rc;

	/* The button beside the children: the form comes back with names. */
	if (rx_field_set(q, "show"))
		return (rx_director_activity_put(q, a, true, st));
	if ((rc = rx_form_json(&json, q, RX_ACTIVITY, st)) == RX_OK &&
	    (rc = rx_director_doubts(q, a, RX_ACTIVITY, json, NULL, none,
	    &asked, st)) == RX_OK && !asked)
		rc = rx_save(q->session, RX_ACTIVITY, json, false, &result,
		    st);
	json_decref(json);
	back = rc != RX_OK || asked;
	if (rc != RX_OK && (rc = rx_form_error(a, q, st)) != RX_OK)
		return (rc);
	if (back)
		return (rx_director_activity_put(q, a, names, st));
	rx_redirect_with(a, RX_MSG_WEB_ACTIVITY_SAVED, "/activities");
	return (RX_OK);
}

/* ---- one ---- */

struct one {
	struct rx_versions versions;
	json_t *data;
	json_t *item;			/* the latest version */
	json_t *ids;			/* of its children */
};

static rx_err
take_version(void *cookie, const struct rx_record *r, uint64_t changed,
    struct rx_status *st)
{
	struct one *o = cookie;
	char id[RX_UUID_TEXT];
	const uint8_t *child;
	size_t k;
	rx_err rc;

	if ((rc = rx_director_version(&o->versions, r, changed, st)) != RX_OK)
		return (rc);
	o->item = json_object();
	if ((rc = rx_put(o->data, "activity", o->item, st)) != RX_OK ||
	    (rc = put_activity(o->item, o->versions.q, r, st)) != RX_OK ||
	    (rc = rx_put_facts(o->item, o->versions.q, r, st)) != RX_OK ||
	    json_array_clear(o->ids) != 0)
		return (rc);
	for (k = 0; (child = rx_record_id(r, RX_F_CHILDREN, k)) != NULL; k++) {
		rx_uuid_text(child, id);
		if (json_array_append_new(o->ids, json_string(id)) != 0)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	return (RX_OK);
}

static rx_err
put_attending(void *cookie, const struct rx_child_row *row,
    struct rx_status *st)
{
	const struct attendance *at = cookie;
	json_t *item;
	rx_err rc;

	if ((rc = rx_put_item(at->data, "children", &item, st)) != RX_OK)
		return (rc);
	return (rx_director_item(item, at->q, row, st));
}

/* The children who took part: exactly as many as the list of activities says,
 * those whose file is not here as a number. */
static rx_err
put_attendance(struct rx_request *q, struct rx_reply *a, const json_t *ids,
    struct rx_status *st)
{
	struct attendance at = { q, a->data };
	uint8_t id[RX_ID_BYTES];
	struct rx_status why;
	int64_t gone = 0;
	size_t k;
	rx_err rc;

	for (k = 0; k < json_array_size(ids); k++) {
		rx_status_clear(&why);
		rc = rx_uuid_parse(json_string_value(json_array_get(ids, k)),
		    id) ? rx_child_glance(q->session, id, put_attending, &at,
		    &why) : RX_ENOENT;
		if (rc == RX_ENOENT || rc == RX_EPERM)
			gone++;
		else if (rc != RX_OK) {
			*st = why;
			return (rc);
		}
	}
	return (gone == 0 ? RX_OK : rx_put_say_int(a->data, "gone", q,
	    RX_MSG_WEB_ACTIVITY_GONE, "n", gone, st));
}

rx_err
rx_director_activity(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct one o = { { .q = q, .list = json_array() }, a->data, NULL,
	    json_array() };
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	a->page = "director/activity";
	if ((rc = rx_put(a->data, "versions", o.versions.list, st)) != RX_OK ||
	    (rc = rx_director_title(a, q, RX_MSG_WEB_ACTIVITY_TITLE, st)) !=
	    RX_OK)
		goto done;
	if (o.ids == NULL || !rx_uuid_parse(q->arg[0], id))
		rc = rx_fail(st, RX_ENOENT, RX_MSG_RECORD_UNKNOWN);
	else if ((rc = rx_activity_history(q->session, id, take_version, &o,
	    st)) == RX_OK && (rc = rx_director_activity_conflicts(a, q, id,
	    st)) == RX_OK && (rc = put_attendance(q, a, o.ids, st)) == RX_OK)
		rc = rx_put_bool(a->data, "corrected",
		    json_array_size(o.versions.list) > 1, st);
done:
	json_decref(o.versions.texts);
	json_decref(o.ids);
	return (rc);
}
