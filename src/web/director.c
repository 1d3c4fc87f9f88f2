#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "web/director.h"

/* The director's day, and the list of his children. */

#define SOON_DAYS 7
#define ANSWER_DAYS 14		/* so long an answer counts as new */
#define DAY_MS INT64_C(86400000)
#define OVER_SHOWN 5		/* files whose time is over; there is no hurry */

rx_err
rx_director_child(uint8_t id[RX_ID_BYTES], const struct rx_request *q,
    struct rx_status *st)
{

	return (rx_child_seek(q->session, q->arg[0], id, st));
}

rx_err
rx_director_title(struct rx_reply *a, const struct rx_request *q,
    enum rx_msg title, struct rx_status *st)
{

	return (rx_put_text(a->data, "title", rx_msg(title, q->lang), st));
}

rx_err
rx_director_today(json_t *data, struct rx_status *st)
{

	return (rx_put_date(data, "today", rx_date_today(), st));
}

static rx_err
put_marks(json_t *item, const struct rx_request *q,
    const struct rx_child_row *row, struct rx_status *st)
{
	const int32_t late = rx_date_today() - row->due;
	rx_err rc;

	/* Nobody is late for a visit that cannot be recorded. */
	if (row->due != 0 && late > 0 && !row->withdrawn &&
	    ((rc = rx_put_int(item, "days", late, st)) != RX_OK ||
	    (rc = rx_put_say_int(item, "late_by", q, late == 1 ?
	    RX_MSG_WEB_OVER_ONE : RX_MSG_WEB_OVER_DAYS, "n", late, st)) !=
	    RX_OK))
		return (rc);
	if ((rc = rx_put_date(item, "withdrawn_on", row->withdrawn ?
	    row->consent_on : 0, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "flagged", row->flagged, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "withdrawn", row->withdrawn, st)) != RX_OK)
		return (rc);
	return (rx_put_bool(item, "closed", row->due == 0, st));
}

rx_err
rx_director_who(json_t *item, const struct rx_request *q,
    const struct rx_record *r, struct rx_status *st)
{
	const char *number = rx_record_text(r, RX_F_CALLER_ID);
	char id[RX_UUID_TEXT];
	uint8_t ours[RX_ID_BYTES];
	rx_err rc;

	rx_uuid_text(r->id, id);
	if ((rc = rx_put_text(item, "id", id, st)) != RX_OK ||
	    (rc = rx_put_text(item, "name", rx_record_text(r, RX_F_NAME),
	    st)) != RX_OK || (rc = rx_put_code(item, "sex", q, RX_LIST_SEX,
	    rx_record_int(r, RX_F_SEX), st)) != RX_OK ||
	    (rc = rx_put_say_int(item, "aged", q, RX_MSG_WEB_AGED, "n",
	    rx_age((int32_t)rx_record_int(r, RX_F_BIRTH), rx_date_today()),
	    st)) != RX_OK)
		return (rc);
	/* One that we made ourselves tells nobody anything. */
	return (rx_uuid_parse(number, ours) ? RX_OK :
	    rx_put_text(item, "number", number, st));
}

/* item.kept, the day until which somebody decided to keep it, and kept_said, which
 * tells whether that is over; nothing when nobody did. */
static rx_err
put_kept(json_t *item, const struct rx_request *q, int32_t until,
    struct rx_status *st)
{
	char day[RX_DATE_TEXT];
	rx_err rc;

	if (until == 0)
		return (RX_OK);
	rx_date_format(until, day);
	if ((rc = rx_put_date(item, "kept", until, st)) != RX_OK)
		return (rc);
	return (rx_put_say(item, "kept_said", q, until < rx_date_today() ?
	    RX_MSG_WEB_KEPT_OVER : RX_MSG_WEB_KEPT_UNTIL, "date", day, st));
}

rx_err
rx_director_item(json_t *item, const struct rx_request *q,
    const struct rx_child_row *row, struct rx_status *st)
{
	struct rx_retention_row over;
	rx_err rc;

	if ((rc = rx_director_who(item, q, row->child, st)) != RX_OK ||
	    (rc = rx_put_codes(item, "categories", q, row->child,
	    RX_F_CATEGORIES, st)) != RX_OK ||
	    (rc = rx_put_code(item, "risk", q, RX_LIST_RISK, row->risk, st)) !=
	    RX_OK || (rc = rx_put_date(item, "due", row->due, st)) != RX_OK ||
	    (rc = rx_put_date(item, "last", row->last, st)) != RX_OK ||
	    (rc = put_kept(item, q, row->kept_until, st)) != RX_OK)
		return (rc);
	if (rx_retention_over(q->session, rx_date_today(), row, &over) &&
	    (rc = rx_director_over(item, q, &over, st)) != RX_OK)
		return (rc);
	return (put_marks(item, q, row, st));
}

struct heading {
	const struct rx_request *q;
	json_t *data;
	int64_t risk;
};

static rx_err
put_head(void *cookie, const struct rx_child_row *row, struct rx_status *st)
{
	struct heading *h = cookie;
	json_t *child = json_object();
	rx_err rc;

	if ((rc = rx_put(h->data, "child", child, st)) != RX_OK)
		return (rc);
	h->risk = row->risk;
	return (rx_director_item(child, h->q, row, st));
}

rx_err
rx_director_head(struct rx_reply *a, const struct rx_request *q,
    const uint8_t id[RX_ID_BYTES], int64_t *risk, struct rx_status *st)
{
	struct heading h = { q, a->data, 0 };
	rx_err rc;

	rc = rx_child_glance(q->session, id, put_head, &h, st);
	if (risk != NULL)
		*risk = h.risk;
	return (rc);
}

/* ---- today ---- */

struct visit {			/* a child that is to be visited */
	int64_t risk;
	int32_t due;
	json_t *item;		/* of day.known */
};

struct day {
	const struct rx_request *q;
	struct visit *visit;
	size_t n, cap;
	json_t *known;		/* children by id, for the flags */
	int64_t over;		/* files whose time is over */
	json_t *data;
};

/* A reference to ${item} at the end of the list data[key]. */
static rx_err
append(json_t *data, const char *key, json_t *item, struct rx_status *st)
{
	json_t *list = json_object_get(data, key);
	rx_err rc;

	if (list == NULL) {
		list = json_array();
		if ((rc = rx_put(data, key, list, st)) != RX_OK)
			return (rc);
	}
	return (json_array_append(list, item) == 0 ? RX_OK :
	    rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
}

/* Red first, then who has waited longest. */
static int
visit_cmp(const void *a, const void *b)
{
	const struct visit *x = a, *y = b;

	if (x->risk != y->risk)
		return (x->risk < y->risk ? -1 : 1);
	return ((x->due > y->due) - (x->due < y->due));
}

static rx_err
take_child(void *cookie, const struct rx_child_row *row, struct rx_status *st)
{
	struct day *d = cookie;
	struct visit *grown, *v;
	char id[RX_UUID_TEXT];
	json_t *item = json_object();
	rx_err rc;

	rx_uuid_text(row->child->id, id);
	if ((rc = rx_put(d->known, id, item, st)) != RX_OK ||
	    (rc = rx_director_item(item, d->q, row, st)) != RX_OK ||
	    (json_object_get(item, "over_why") != NULL &&
	    d->over++ < OVER_SHOWN &&
	    (rc = append(d->data, "over", item, st)) != RX_OK))
		return (rc);
	if (row->due == 0 || row->due > rx_date_today() + SOON_DAYS)
		return (rc);
	/* Said, not hidden: why there is nothing to do. */
	if (row->withdrawn)
		return (append(d->data, "withdrawn_due", item, st));
	if (d->n == d->cap) {
		d->cap = d->cap == 0 ? 16 : 2 * d->cap;
		if ((grown = reallocarray(d->visit, d->cap,
		    sizeof(*grown))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		d->visit = grown;
	}
	v = &d->visit[d->n++];
	v->item = item;
	v->risk = row->risk == 0 ? INT64_MAX : row->risk;
	v->due = row->due;
	return (RX_OK);
}

/* Sort the visits into three lists, and count each. */
static rx_err
put_visits(struct day *d, struct rx_status *st)
{
	static const char *const lists[3] = { "overdue", "due_today", "soon" };
	static const char *const counts[3] = {
		"overdue_count", "due_count", "soon_count"
	};
	const int32_t today = rx_date_today();
	json_t *list[3];
	size_t i, k;
	rx_err rc;

	for (k = 0; k < 3; k++) {
		list[k] = json_array();
		if ((rc = rx_put(d->data, lists[k], list[k], st)) != RX_OK)
			return (rc);
	}
	if (d->n > 1)
		qsort(d->visit, d->n, sizeof(*d->visit), visit_cmp);
	for (i = 0; i < d->n; i++) {
		k = d->visit[i].due < today ? 0 : d->visit[i].due == today ?
		    1 : 2;
		if (json_array_append(list[k], d->visit[i].item) != 0)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	for (k = 0; k < 3; k++)
		if ((rc = rx_put_int(d->data, counts[k],
		    (json_int_t)json_array_size(list[k]), st)) != RX_OK)
			return (rc);
	return (RX_OK);
}

static enum rx_msg
flag_state(enum rx_flag_state state)
{

	switch (state) {
	case RX_FLAG_ACCEPTED: return (RX_MSG_CLI_STATE_ACCEPTED);
	case RX_FLAG_ESCALATED: return (RX_MSG_CLI_STATE_ESCALATED);
	case RX_FLAG_RETURNED: return (RX_MSG_CLI_STATE_RETURNED);
	case RX_FLAG_CLOSED: return (RX_MSG_CLI_STATE_CLOSED);
	default: return (RX_MSG_CLI_STATE_OPEN);
	}
}

/* A flag: among the answers when it was answered of late, else among those that
 * wait. */
static rx_err
take_flag(void *cookie, const struct rx_flag_row *f, struct rx_status *st)
{
	struct day *d = cookie;
	char id[RX_UUID_TEXT], at[RX_TIME_TEXT];
	const bool answered = f->answered != 0;
	json_t *item, *child;
	rx_err rc;

	if (answered ? f->answered < rx_time_now() - ANSWER_DAYS * DAY_MS :
	    f->state != RX_FLAG_OPEN)
		return (RX_OK);
	rx_uuid_text(f->child, id);
	/* A supervisor's own flags are on his page. */
	if ((child = json_object_get(d->known, id)) == NULL)
		return (RX_OK);
	rx_time_format(answered ? f->answered : f->due, at);
	at[16] = '\0';
	if ((rc = rx_put_item(d->data, answered ? "answers" : "waiting",
	    &item, st)) != RX_OK ||
	    (rc = rx_put(item, "child", json_incref(child), st)) != RX_OK ||
	    (rc = rx_put_text(item, "at", at, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "late", f->overdue, st)) != RX_OK)
		return (rc);
	return (rx_put_text(item, "state", rx_msg(flag_state(f->state),
	    d->q->lang), st));
}

/* data.drafts: the children with a visit that is not written to its end; a child
 * whose consent is withdrawn has no form to go on with. */
static rx_err
put_drafts(struct day *d, struct rx_status *st)
{
	struct rx_buf places = RX_BUF_INIT;
	uint8_t child[RX_ID_BYTES];
	const char *id;
	json_t *item;
	rx_err rc;

	rc = rx_draft_places(d->q->session, &places, st);
	if (rc == RX_OK && places.len > 0)
		json_object_foreach(d->known, id, item)
			if (rc == RX_OK && rx_uuid_parse(id, child) &&
			    !json_is_true(json_object_get(item,
			    "withdrawn")) && rx_draft_among(d->q->session,
			    &places, child))
				rc = append(d->data, "drafts", item, st);
	rx_buf_free(&places);
	return (rc != RX_OK ? rc : rx_put_shown(d->data, "drafts", st));
}

/* GET, and POST for the names. */
static rx_err
today(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	const bool names = q->post && rx_field_set(q, "names");
	struct day d = { .q = q, .data = a->data };
	rx_err rc;

	a->page = "director/today";
	if ((d.known = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_child_browse(q->session, "", names, take_child, &d,
	    st)) == RX_OK &&
	    (rc = rx_put_bool(a->data, "names", names, st)) == RX_OK &&
	    (rc = rx_put_shown(a->data, "withdrawn_due", st)) == RX_OK &&
	    (rc = rx_put_shown(a->data, "over", st)) == RX_OK &&
	    (rc = rx_put_int(a->data, "over_count", d.over, st)) == RX_OK &&
	    (rc = rx_director_offers(q, a->data, false, st)) == RX_OK &&
	    (rc = rx_director_title(a, q, RX_MSG_WEB_TODAY_TITLE, st)) ==
	    RX_OK && (rc = put_visits(&d, st)) == RX_OK &&
	    (rc = put_drafts(&d, st)) == RX_OK &&
	    (rc = rx_review_each(q->session, true, take_flag, &d, st)) ==
	    RX_OK && (rc = rx_put_bool(a->data, "no_children",
	    json_object_size(d.known) == 0, st)) == RX_OK)
		rc = rx_director_today(a->data, st);
	free(d.visit);
	json_decref(d.known);
	return (rc);
}

/* ---- the list ---- */

struct listing {
	const struct rx_request *q;
	json_t *data;
	int64_t n;
};

static rx_err
list_child(void *cookie, const struct rx_child_row *row, struct rx_status *st)
{
	struct listing *l = cookie;
	json_t *item;
	rx_err rc;

	if ((rc = rx_put_item(l->data, "children", &item, st)) != RX_OK)
		return (rc);
	l->n++;
	return (rx_director_item(item, l->q, row, st));
}

/* GET and POST: what is searched for may be a name, so it never stands in an
 * address, which browsers keep. */
static rx_err
children(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	const char *text = q->post ? rx_field(q, "q") : "";
	const bool names = q->post && rx_field_set(q, "names");
	struct listing l = { q, a->data, 0 };
	rx_err rc;

	a->page = q->post && rx_field_set(q, "fragment") ?
	    "director/children_list" : "director/children";
	if ((rc = rx_child_browse(q->session, text, names, list_child, &l,
	    st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "q", text, st)) != RX_OK ||
	    (rc = rx_director_title(a, q, RX_MSG_WEB_CHILDREN_TITLE, st)) !=
	    RX_OK ||
	    (rc = rx_put_bool(a->data, "names", names, st)) != RX_OK)
		return (rc);
	return (rx_put_say_int(a->data, "count_said", q,
	    RX_MSG_WEB_CHILDREN_COUNT, "n", l.n, st));
}

#define DIRECTOR (1u << RX_ROLE_DIRECTOR)
#define OVERSEER (DIRECTOR | 1u << RX_ROLE_SUPERVISOR)
#define ORGANISER (DIRECTOR | 1u << RX_ROLE_STATISTICIAN)

const struct rx_route rx_routes_director[] = {
	{ "GET", "/today", DIRECTOR, today },
	{ "POST", "/today", DIRECTOR, today },
	{ "GET", "/children", DIRECTOR, children },
	{ "POST", "/children", DIRECTOR, children },
	{ "GET", "/children/new", DIRECTOR, rx_director_child_form },
	{ "POST", "/children/new", DIRECTOR, rx_director_child_save },
	{ "GET", "/child/*", DIRECTOR, rx_director_case },
	{ "POST", "/child/*/reveal", DIRECTOR, rx_director_reveal },
	{ "GET", "/child/*/observe", DIRECTOR, rx_director_observe_form },
	{ "POST", "/child/*/observe", DIRECTOR, rx_director_observe },
	{ "POST", "/child/*/draft", DIRECTOR, rx_director_draft },
	{ "GET", "/child/*/intervene", DIRECTOR, rx_director_intervene_form },
	{ "POST", "/child/*/intervene", DIRECTOR, rx_director_intervene },
	{ "GET", "/child/*/flag", DIRECTOR, rx_director_flag_form },
	{ "POST", "/child/*/flag", DIRECTOR, rx_director_flag },
	{ "GET", "/child/*/report", DIRECTOR, rx_director_report_form },
	{ "POST", "/child/*/report", DIRECTOR, rx_director_report },
	{ "GET", "/child/*/consent", DIRECTOR, rx_director_consent_form },
	{ "POST", "/child/*/consent", DIRECTOR, rx_director_consent },
	{ "GET", "/child/*/correct", DIRECTOR, rx_director_correct_form },
	{ "POST", "/child/*/correct", DIRECTOR, rx_director_correct },
	{ "GET", "/child/*/correct/*", DIRECTOR, rx_director_correct_form },
	{ "POST", "/child/*/correct/*", DIRECTOR, rx_director_correct },
	{ "GET", "/child/*/history", DIRECTOR, rx_director_history },
	{ "POST", "/child/*/history", DIRECTOR, rx_director_history },
	{ "GET", "/child/*/history/*", DIRECTOR, rx_director_history },
	{ "GET", "/child/*/transfer", DIRECTOR, rx_director_transfer_form },
	{ "POST", "/child/*/transfer", DIRECTOR, rx_director_transfer },
	{ "POST", "/child/*/transfer/withdraw", DIRECTOR,
	    rx_director_transfer_withdraw },
	{ "GET", "/child/*/units.json", DIRECTOR | RX_WEB_SCRIPT,
	    rx_director_units_json },
	{ "GET", "/child/*/keep", DIRECTOR, rx_director_keep_form },
	{ "POST", "/child/*/keep", DIRECTOR, rx_director_keep },
	{ "GET", "/child/*/erase", DIRECTOR, rx_director_erase_form },
	{ "POST", "/child/*/erase", DIRECTOR | RX_WEB_SLOW,
	    rx_director_erase },
	{ "GET", "/transfers", OVERSEER, rx_director_transfers },
	{ "POST", "/transfers", OVERSEER, rx_director_transfers },
	{ "GET", "/transfer/*", DIRECTOR, rx_director_offer },
	{ "POST", "/transfer/*", DIRECTOR, rx_director_offer },
	{ "POST", "/transfer/*/accept", DIRECTOR, rx_director_accept },
	{ "POST", "/transfer/*/reject", DIRECTOR, rx_director_reject },
	{ "GET", "/retention", OVERSEER, rx_director_retention },
	{ "POST", "/retention", OVERSEER, rx_director_retention },
	{ "GET", "/erasures", OVERSEER, rx_director_erasures },
	{ "POST", "/erasures/verify", OVERSEER | RX_WEB_SLOW,
	    rx_director_erasures_verify },
	{ "GET", "/erasure/*", OVERSEER, rx_director_erasure },
	{ "GET", "/activities", ORGANISER, rx_director_activities },
	{ "GET", "/activities/new", ORGANISER, rx_director_activity_form },
	{ "POST", "/activities/new", ORGANISER, rx_director_activity_save },
	{ "GET", "/activity/*", ORGANISER, rx_director_activity },
	{ "GET", "/activity/*/correct", ORGANISER,
	    rx_director_activity_correct_form },
	{ "POST", "/activity/*/correct", ORGANISER,
	    rx_director_activity_correct },
	{ NULL, NULL, 0, NULL }
};
