#include <stdio.h>
#include <string.h>

#include "web/director.h"
#include "web/supervisor.h"

/* A flag: its case without identity, what was decided, and deciding it. */

/* ---- showing ---- */

static const struct {
	const char *key;		/* of the code list */
	enum rx_flag_state makes;
	enum rx_msg hint;
} decisions[] = {
	{ "accept", RX_FLAG_ACCEPTED, RX_MSG_WEB_DECIDE_ACCEPT },
	{ "escalate", RX_FLAG_ESCALATED, RX_MSG_WEB_DECIDE_ESCALATE },
	{ "return", RX_FLAG_RETURNED, RX_MSG_WEB_DECIDE_RETURN },
	{ "close", RX_FLAG_CLOSED, RX_MSG_WEB_DECIDE_CLOSE },
};
#define NDECISIONS (sizeof(decisions) / sizeof(decisions[0]))

/* Whether a decision that makes ${state} would change ${f}: an escalated flag
 * goes on upwards only from where it has come to. */
static bool
changes_something(const struct rx_flag_row *f, enum rx_flag_state state)
{

	if (state == RX_FLAG_ESCALATED && f->escalated)
		return (f->above && f->mine_to_raise);
	return (state != f->state);
}

/* The decisions that would change something. */
static rx_err
put_decisions(struct rx_request *q, json_t *data, const struct rx_flag_row *f,
    struct rx_status *st)
{
	const char *chosen = rx_field(q, "decision");
	const struct rx_code *code;
	json_t *item;
	size_t i;
	rx_err rc;

	for (i = 0; i < NDECISIONS; i++) {
		if (!changes_something(f, decisions[i].makes))
			continue;
		code = rx_code_by_key(RX_LIST_DECISION, decisions[i].key);
		if ((rc = rx_put_item(data, "decisions", &item, st)) !=
		    RX_OK ||
		    (rc = rx_put_text(item, "key", decisions[i].key, st)) !=
		    RX_OK ||
		    (rc = rx_put_code(item, "name", q, RX_LIST_DECISION,
		    code != NULL ? code->no : 0, st)) != RX_OK ||
		    (rc = rx_put_text(item, "hint", rx_msg(decisions[i].hint,
		    q->lang), st)) != RX_OK ||
		    (rc = rx_put_bool(item, "checked", strcmp(chosen,
		    decisions[i].key) == 0, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* What a form says of the flag that its reader saw: when it was decided, and the
 * digest of the version that raised it. */
#define SEEN (RX_UUID_TEXT + 22)
static void
seen_text(char out[SEEN], const struct rx_flag_row *f)
{
	char live[RX_UUID_TEXT];

	rx_uuid_text(f->live, live);
	(void)snprintf(out, SEEN, "%lld.%s", (long long)f->answered, live);
}

/* data.flag */
static rx_err
put_flag(struct rx_request *q, json_t *data, const struct rx_flag_row *f,
    struct rx_status *st)
{
	json_t *o = json_object();
	char seen[SEEN];
	rx_err rc;

	seen_text(seen, f);
	if ((rc = rx_put(data, "flag", o, st)) != RX_OK ||
	    (rc = rx_supervisor_put_flag(o, q, f, st)) != RX_OK)
		return (rc);
	return (rx_put_text(o, "seen", seen, st));
}

/* data.versions of the record that raised the flag, if it was corrected. */
static rx_err
put_versions(struct rx_request *q, json_t *data, const struct rx_flag_row *f,
    struct rx_status *st)
{
	struct rx_versions v = { .q = q };
	rx_err rc;

	if (!f->corrected)
		return (RX_OK);
	v.list = json_array();
	if ((rc = rx_put(data, "versions", v.list, st)) == RX_OK)
		rc = rx_review_history(q->session, f, rx_director_version, &v,
		    st);
	json_decref(v.texts);
	return (rc);
}

/* A case that is no longer open to the supervisor is no error here: the flag
 * itself is still his to see. */
static rx_err
put_case(struct rx_request *q, json_t *data, const struct rx_flag_row *f,
    const char *reason, struct rx_status *st)
{
	struct rx_supervisor_case c = { q, data, f, reason != NULL };
	rx_err rc;

	rc = rx_child_show(q->session, f->child, reason,
	    rx_supervisor_put_record, &c, st);
	if (rc == RX_EPERM && st->msg == RX_MSG_CASE_CLOSED) {
		rx_status_clear(st);
		return (rx_put_bool(data, "case_closed", true, st));
	}
	if (rc == RX_OK)
		rc = rx_put_bool(data, "case", true, st);
	if (rc == RX_OK)
		rc = put_versions(q, data, f, st);
	if (rc == RX_OK && f->state <= RX_FLAG_ESCALATED)
		rc = put_decisions(q, data, f, st);
	return (rc);
}

/* Everything on the page of flag ${f}; with the identity when ${reason}. */
static rx_err
put_page(struct rx_request *q, struct rx_reply *a,
    const struct rx_flag_row *f, const char *reason, struct rx_status *st)
{
	static const char *const keep[] = { "reason", NULL };
	static const char *const lists[] = {
		"identity", "history", "decisions", "timeline", "versions"
	};
	size_t i;
	rx_err rc;

	a->page = "supervisor/flag";
	if ((rc = put_flag(q, a->data, f, st)) != RX_OK ||
	    (rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "mine", f->own, st)) != RX_OK ||
	    (rc = put_case(q, a->data, f, reason, st)) != RX_OK)
		return (rc);
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		if ((rc = rx_put_shown(a->data, lists[i], st)) != RX_OK)
			return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_FLAG_PAGE,
	    "child", f->child_caller_id, st));
}

/* The flag of the path; only one that the reader supervises. */
static rx_err
find_flag(struct rx_request *q, struct rx_flag_row *f, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_review_find(q->session, q->arg[0], f, st)) != RX_OK)
		return (rc);
	if (!rx_session_supervises(q->session, f->unit))
		return (rx_fail(st, RX_EPERM, RX_MSG_WEB_NOT_YOUR_PAGE));
	return (RX_OK);
}

rx_err
rx_supervisor_flag(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_flag_row f;
	rx_err rc;

	if ((rc = find_flag(q, &f, st)) != RX_OK)
		return (rc);
	return (put_page(q, a, &f, NULL, st));
}

/* ---- reasons ---- */

/* The page again, with the failure of ${st} on top. */
static rx_err
put_again(struct rx_request *q, struct rx_reply *a,
    const struct rx_flag_row *f, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_put_error(a, q, st)) != RX_OK)
		return (rc);
	return (put_page(q, a, f, NULL, st));
}

rx_err
rx_supervisor_reveal(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_buf reason = RX_BUF_INIT;
	struct rx_flag_row f;
	rx_err rc;

	if ((rc = find_flag(q, &f, st)) != RX_OK)
		return (rc);
	if (rx_field_reason(&reason, q, st) != RX_OK) {
		if ((rc = rx_put_bool(a->data, "revealing", true, st)) ==
		    RX_OK || st->code != RX_OK)
			rc = put_again(q, a, &f, st);
		goto done;
	}
	/* Shown on this answer alone: no redirect, nothing is kept. */
	rc = put_page(q, a, &f, (const char *)reason.b, st);
	/* What was typed was the reason to look, not one to decide. */
	if (rc == RX_OK)
		rc = rx_put(a->data, "form", json_object(), st);
done:
	rx_buf_free(&reason);
	return (rc);
}

/* ---- deciding ---- */

/* The state that the decision ${key} makes; false when there is none. */
static bool
state_of(const char *key, enum rx_flag_state *state)
{
	size_t i;

	for (i = 0; i < NDECISIONS; i++)
		if (strcmp(decisions[i].key, key) == 0) {
			*state = decisions[i].makes;
			return (true);
		}
	return (false);
}

/* Whether the flag was decided, or corrected, since the form was shown. */
static bool
is_stale(const struct rx_request *q, const struct rx_flag_row *f)
{
	char seen[SEEN];

	seen_text(seen, f);
	return (rx_field_nth(q, "seen", 0) != NULL &&
	    strcmp(rx_field(q, "seen"), seen) != 0);
}

/* Whether it was decided alone since then, not corrected. */
static bool
is_decided(const struct rx_request *q, const struct rx_flag_row *f)
{
	const char *then = strchr(rx_field(q, "seen"), '.');
	char live[RX_UUID_TEXT];

	rx_uuid_text(f->live, live);
	return (then != NULL && strcmp(then + 1, live) == 0);
}

static rx_err
ask_close(struct rx_request *q, struct rx_reply *a,
    const struct rx_flag_row *f, struct rx_status *st)
{
	static const char *const keep[] = { "reason", NULL };
	rx_err rc;

	a->page = "supervisor/close";
	if ((rc = put_flag(q, a->data, f, st)) != RX_OK ||
	    (rc = rx_put_form(a->data, q, keep, st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_CLOSE_TITLE, NULL,
	    NULL, st));
}

rx_err
rx_supervisor_decide(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const char *decision = rx_field(q, "decision");
	enum rx_flag_state state;
	struct rx_buf reason = RX_BUF_INIT;
	struct rx_flag_row f;
	rx_err rc;

	if ((rc = find_flag(q, &f, st)) != RX_OK)
		return (rc);
	if (!state_of(decision, &state)) {
		(void)rx_fail(st, RX_EUSAGE, RX_MSG_WEB_DECISION_MISSING);
		return (put_again(q, a, &f, st));
	}
	if (is_stale(q, &f)) {
		/* The same form twice: it is stored, say so.  What was handed
		 * up and then corrected is in that state without it. */
		if (f.state == state && is_decided(q, &f)) {
			rx_redirect_with(a, RX_MSG_WEB_DECIDED, "/review");
			return (RX_OK);
		}
		(void)rx_fail(st, RX_ECONFLICT, RX_MSG_WEB_FLAG_STALE);
		return (put_again(q, a, &f, st));
	}
	if ((rc = rx_field_reason(&reason, q, st)) == RX_OK &&
	    state == RX_FLAG_CLOSED && !rx_field_set(q, "confirm")) {
		rc = ask_close(q, a, &f, st);
		goto done;
	}
	if (rc == RX_OK)
		rc = rx_review_decide(q->session, &f, decision,
		    (const char *)reason.b, st);
	if (rc != RX_OK) {
		rc = put_again(q, a, &f, st);
		goto done;
	}
	rx_redirect_with(a, state == RX_FLAG_ESCALATED && !f.above ?
	    RX_MSG_ESCALATED_TO_NOBODY : RX_MSG_WEB_DECIDED, "/review");
done:
	rx_buf_free(&reason);
	return (rc);
}
