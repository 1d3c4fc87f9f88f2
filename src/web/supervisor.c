#include <string.h>

#include "base/date.h"
#include "web/supervisor.h"

/* The supervisor's queue. */

#define HOUR_MS INT64_C(3600000)

static const enum rx_msg state_names[] = {
	[RX_FLAG_OPEN] = RX_MSG_WEB_STATE_OPEN,
	[RX_FLAG_ACCEPTED] = RX_MSG_WEB_STATE_ACCEPTED,
	[RX_FLAG_ESCALATED] = RX_MSG_WEB_STATE_ESCALATED,
	[RX_FLAG_RETURNED] = RX_MSG_WEB_STATE_RETURNED,
	[RX_FLAG_CLOSED] = RX_MSG_WEB_STATE_CLOSED
};

/* ---- one flag ---- */

/* Why it was raised: the signs, or who asked. */
static rx_err
put_why(json_t *o, const struct rx_request *q, const struct rx_flag_row *f,
    struct rx_status *st)
{
	const struct rx_code *codes;
	json_t *item;
	size_t i, n;
	rx_err rc;

	if ((rc = rx_put_say(o, "why", q, f->by_rule ? RX_MSG_WEB_WHY_RULE :
	    f->raised_by == RX_REPORT ? RX_MSG_WEB_WHY_REPORT :
	    RX_MSG_WEB_WHY_PERSON, "author", f->author, st)) != RX_OK)
		return (rc);
	codes = rx_codes(RX_LIST_SIGN, &n);
	for (i = 0; i < n; i++) {
		if (codes[i].no > 64 ||
		    (f->signs >> (codes[i].no - 1) & 1) == 0)
			continue;
		if ((rc = rx_put_item(o, "signs", &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "name", q->lang == RX_LANG_EN ?
		    codes[i].en : codes[i].zh, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* That it was corrected, and what it was if that was more urgent; the more
 * urgent of both for the colour. */
static rx_err
put_corrected(json_t *o, const struct rx_request *q,
    const struct rx_flag_row *f, struct rx_status *st)
{
	const int64_t worst = rx_risk_worse(f->risk, f->was);
	rx_err rc;

	if ((f->corrected && (rc = rx_put_text(o, "corrected", rx_msg(
	    f->again ? RX_MSG_FLAG_AGAIN : RX_MSG_FLAG_CORRECTED, q->lang),
	    st)) != RX_OK) ||
	    (worst != f->risk && (rc = rx_put_code(o, "was", q, RX_LIST_RISK,
	    f->was, st)) != RX_OK))
		return (rc);
	return (rx_put_code(o, "worst", q, RX_LIST_RISK, worst, st));
}

/* When an answer is due, and how far off that is. */
static rx_err
put_due(json_t *o, const struct rx_request *q, const struct rx_flag_row *f,
    struct rx_status *st)
{
	const int64_t left = f->due - rx_time_now();
	const int64_t hours = (left < 0 ? -left : left) / HOUR_MS;
	const bool days = hours >= 48;
	enum rx_msg msg;
	rx_err rc;

	if (f->state != RX_FLAG_OPEN)
		return (RX_OK);
	if (left < 0)
		msg = days ? RX_MSG_WEB_LATE_DAYS : RX_MSG_WEB_LATE_HOURS;
	else
		msg = days ? RX_MSG_WEB_LEFT_DAYS : RX_MSG_WEB_LEFT_HOURS;
	if ((rc = rx_put_time(o, "answer_by", f->due, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "overdue", left < 0, st)) != RX_OK)
		return (rc);
	return (rx_put_say_int(o, "left", q, msg, "n", days ? hours / 24 :
	    hours, st));
}

static rx_err
put_place(json_t *o, const struct rx_request *q, const char *unit,
    struct rx_status *st)
{
	char name[256];
	rx_err rc;

	if ((rc = rx_unit_name(q->session, unit, name, sizeof(name), st)) !=
	    RX_OK)
		return (rc);
	return (rx_put_text(o, "village", name, st));
}

rx_err
rx_supervisor_put_flag(json_t *o, const struct rx_request *q,
    const struct rx_flag_row *f, struct rx_status *st)
{
	char id[RX_UUID_TEXT], child[RX_UUID_TEXT];
	rx_err rc;

	rx_uuid_text(f->id, id);
	rx_uuid_text(f->child, child);
	if ((rc = rx_put_text(o, "id", id, st)) != RX_OK ||
	    (rc = rx_put_text(o, "child", child, st)) != RX_OK ||
	    (rc = rx_put_text(o, "child_id", f->child_caller_id[0] != '\0' ?
	    f->child_caller_id : child, st)) != RX_OK ||
	    (rc = put_place(o, q, f->unit, st)) != RX_OK ||
	    (rc = rx_put_text(o, "author", f->author, st)) != RX_OK ||
	    (rc = rx_put_text(o, "state", rx_msg(state_names[f->state],
	    q->lang), st)) != RX_OK ||
	    (rc = rx_put_bool(o, "open", f->state == RX_FLAG_OPEN, st)) !=
	    RX_OK ||
	    (rc = rx_put_bool(o, "ended", f->state >= RX_FLAG_RETURNED,
	    st)) != RX_OK ||
	    (rc = rx_put_bool(o, "passed", f->passed, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "own", f->own, st)) != RX_OK ||
	    (rc = rx_put_time(o, "answered", f->answered, st)) != RX_OK ||
	    (rc = rx_put_date(o, "date", f->date, st)) != RX_OK ||
	    (rc = rx_put_time(o, "raised_at", f->since, st)) != RX_OK ||
	    (rc = rx_put_code(o, "risk", q, RX_LIST_RISK, f->risk, st)) !=
	    RX_OK || (rc = put_why(o, q, f, st)) != RX_OK ||
	    (rc = put_corrected(o, q, f, st)) != RX_OK)
		return (rc);
	return (put_due(o, q, f, st));
}

/* ---- the queue ---- */

enum { OPEN, OVERDUE, WORKING, ENDED, ALL, COUNTS };

static const struct {
	const char *show;	/* ?show= */
	enum rx_msg name;
} counts[COUNTS] = {
	[OPEN] = { "open", RX_MSG_WEB_COUNT_OPEN },
	[OVERDUE] = { "overdue", RX_MSG_WEB_COUNT_OVERDUE },
	[WORKING] = { "working", RX_MSG_WEB_COUNT_WORKING },
	[ENDED] = { "ended", RX_MSG_WEB_COUNT_ENDED },
	[ALL] = { "all", RX_MSG_WEB_COUNT_ALL },
};

struct queue {
	const struct rx_request *q;
	json_t *data;
	int show;		/* index of counts; -1 for all that is not ended */
	uint8_t child[RX_ID_BYTES];
	bool one_child;		/* only the flags of ${child} */
	unsigned count[COUNTS];
};

static bool
counts_as(const struct rx_flag_row *f, int what)
{

	switch (what) {
	case OPEN: return (f->state == RX_FLAG_OPEN);
	case OVERDUE: return (f->overdue);
	case WORKING: return (f->state == RX_FLAG_ACCEPTED ||
	    f->state == RX_FLAG_ESCALATED);
	case ENDED: return (f->state >= RX_FLAG_RETURNED);
	case ALL: return (true);
	default: return (f->state <= RX_FLAG_ESCALATED);
	}
}

/* Flags come in order of urgency and age; what waits for an answer stands
 * before what is being worked on, that before what is over. */
static rx_err
queue_each(void *cookie, const struct rx_flag_row *f, struct rx_status *st)
{
	struct queue *qu = cookie;
	json_t *item;
	int i;
	rx_err rc;

	/* Who is a director too is shown his own flags on his own pages. */
	if (!rx_session_supervises(qu->q->session, f->unit))
		return (RX_OK);
	if (qu->one_child && memcmp(f->child, qu->child, RX_ID_BYTES) != 0)
		return (RX_OK);
	for (i = 0; i < COUNTS; i++)
		qu->count[i] += counts_as(f, i);
	if (!counts_as(f, qu->show))
		return (RX_OK);
	if ((rc = rx_put_item(qu->data, f->state == RX_FLAG_OPEN ? "waiting" :
	    f->state <= RX_FLAG_ESCALATED ? "working" : "ended", &item, st)) !=
	    RX_OK)
		return (rc);
	return (rx_supervisor_put_flag(item, qu->q, f, st));
}

/* What the reader asked to see. */
static rx_err
queue_wish(struct queue *qu, struct rx_status *st)
{
	const char *show = rx_field(qu->q, "show");
	int i;
	rx_err rc;

	qu->show = rx_field_set(qu->q, "all") ? ALL : -1;
	for (i = 0; i < COUNTS; i++)
		if (strcmp(show, counts[i].show) == 0)
			qu->show = i;
	if (!rx_field_set(qu->q, "child"))
		return (RX_OK);
	if ((rc = rx_child_find(qu->q->session, rx_field(qu->q, "child"),
	    qu->child, st)) != RX_OK)
		return (rc);
	qu->one_child = true;
	return (rx_put_text(qu->data, "one_child", rx_field(qu->q, "child"),
	    st));
}

static rx_err
put_counts(const struct queue *qu, struct rx_status *st)
{
	json_t *item;
	int i;
	rx_err rc;

	for (i = 0; i < COUNTS; i++)
		if ((rc = rx_put_item(qu->data, "counts", &item, st)) !=
		    RX_OK ||
		    (rc = rx_put_text(item, "show", counts[i].show, st)) !=
		    RX_OK ||
		    (rc = rx_put_text(item, "name", rx_msg(counts[i].name,
		    qu->q->lang), st)) != RX_OK ||
		    (rc = rx_put_int(item, "n", qu->count[i], st)) != RX_OK ||
		    (rc = rx_put_bool(item, "warn", i == OVERDUE &&
		    qu->count[i] > 0, st)) != RX_OK ||
		    (rc = rx_put_bool(item, "here", i == qu->show, st)) !=
		    RX_OK)
			return (rc);
	return (RX_OK);
}

static rx_err
review(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	static const char *const lists[] = { "waiting", "working", "ended" };
	struct queue qu = { .q = q, .data = a->data };
	bool nothing = true;
	size_t i;
	rx_err rc;

	a->page = "supervisor/review";
	if ((rc = queue_wish(&qu, st)) != RX_OK ||
	    (rc = rx_review_each(q->session, true, queue_each, &qu, st)) !=
	    RX_OK || (rc = put_counts(&qu, st)) != RX_OK)
		return (rc);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		nothing &= json_object_get(a->data, lists[i]) == NULL;
		if ((rc = rx_put_shown(a->data, lists[i], st)) != RX_OK)
			return (rc);
	}
	if ((rc = rx_put_bool(a->data, "nothing", nothing, st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_REVIEW_TITLE, NULL,
	    NULL, st));
}

#define SUPERVISOR (1u << RX_ROLE_SUPERVISOR)

const struct rx_route rx_routes_supervisor[] = {
	{ "GET", "/review", SUPERVISOR, review },
	{ "GET", "/flag/*", SUPERVISOR, rx_supervisor_flag },
	{ "POST", "/flag/*/reveal", SUPERVISOR, rx_supervisor_reveal },
	{ "POST", "/flag/*/decide", SUPERVISOR, rx_supervisor_decide },
	{ "GET", "/coverage", SUPERVISOR, rx_supervisor_coverage },
	{ "GET", "/coverage/*", SUPERVISOR, rx_supervisor_village },
	{ NULL, NULL, 0, NULL }
};
