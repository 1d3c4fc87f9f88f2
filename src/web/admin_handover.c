#include <string.h>

#include "web/admin.h"

/*
 * One person goes and another takes over; and somebody starts anew, who forgot
 * his passphrase or lost his computer.
 *
 * A handover is asked for in two steps: who and when, and then a page that says
 * what will happen, which is confirmed.  After that the same address shows what
 * is done and what is waited for, made of what the register holds: whoever was
 * interrupted opens it again.
 */

/* What the first step asked. */
struct asked {
	char leaver[RX_USER_NAME_BYTES];
	const char *successor;
	bool fresh;		/* he is to be enrolled */
	bool now;
};

/* ---- who takes over from whom ---- */

struct successor {
	const char *leaver;
	char name[RX_USER_NAME_BYTES];	/* "" when there is none */
};

static rx_err
statement_each(void *cookie, const char *leaver, const char *successor,
    struct rx_status *st)
{
	struct successor *s = cookie;

	(void)st;
	if (strcmp(s->leaver, leaver) == 0)
		rx_text_copy(s->name, sizeof(s->name), successor);
	return (RX_OK);
}

/* The newest entry comes first. */
static rx_err
entry_each(void *cookie, const struct rx_audit_row *row, struct rx_status *st)
{
	struct successor *s = cookie;

	(void)st;
	if (s->name[0] == '\0' && row->about == RX_ABOUT_PERSON &&
	    strcmp(row->name, s->leaver) == 0)
		rx_text_copy(s->name, sizeof(s->name), row->detail);
	return (RX_OK);
}

/* Who takes over from s->leaver: *waits tells that the statement of it is still
 * there; of a handover that has ended only the audit knows. */
static rx_err
successor_find(const struct rx_request *q, struct successor *s, bool ended,
    bool *waits, struct rx_status *st)
{
	const struct rx_audit_filter f = { .action = RX_DID_HANDOVER };
	size_t found;
	rx_err rc;

	s->name[0] = '\0';
	if ((rc = rx_handover_each(q->session, statement_each, s, st)) !=
	    RX_OK)
		return (rc);
	*waits = s->name[0] != '\0';
	if (*waits || !ended)
		return (RX_OK);
	return (rx_audit_list(q->session, &f, &found, entry_each, s, st));
}

/* ---- how far it is ---- */

static bool
flag_of(const json_t *data, const char *key)
{

	return (json_is_true(json_object_get(json_object_get(data, "person"),
	    key)));
}

static int64_t
number_of(const json_t *data, const char *key)
{

	return (json_integer_value(json_object_get(json_object_get(data,
	    "person"), key)));
}

/* data.steps: a step about ${user}; ${hint} says what is to be done while it is
 * not ${done}. */
static rx_err
put_step(json_t *data, const struct rx_request *q, const char *user, bool done,
    enum rx_msg step, enum rx_msg hint, json_t **item, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_put_item(data, "steps", item, st)) != RX_OK ||
	    (rc = rx_put_bool(*item, "done", done, st)) != RX_OK ||
	    (rc = rx_put_say(*item, "text", q, step, "user", user, st)) !=
	    RX_OK)
		return (rc);
	if (!done)
		rc = rx_put_bool(data, "unfinished", true, st);
	return (rc != RX_OK || done ? rc : rx_put_say(*item, "hint", q, hint,
	    "user", user, st));
}

/* The steps that are the successor's. */
static rx_err
put_his_steps(json_t *data, const struct rx_request *q, const char *user,
    const json_t *his, struct rx_status *st)
{
	char path[RX_ADMIN_PATH_BYTES];
	const bool keys = number_of(his, "npending") == 0;
	json_t *item;
	rx_err rc;

	rx_admin_path(path, user);
	if ((rc = put_step(data, q, user, keys, RX_MSG_WEB_STEP_KEYS,
	    RX_MSG_WEB_STEP_KEYS_HINT, &item, st)) != RX_OK ||
	    (!keys && (rc = rx_put_text(item, "pending", path, st)) != RX_OK))
		return (rc);
	return (put_step(data, q, user, !flag_of(his, "temporary"),
	    RX_MSG_WEB_STEP_PASSPHRASE, RX_MSG_WEB_STEP_PASSPHRASE_HINT, &item,
	    st));
}

static rx_err
put_steps(json_t *data, const struct rx_request *q, const char *leaver,
    const char *successor, bool waits, struct rx_status *st)
{
	const bool ended = flag_of(data, "disabled");
	json_t *his = json_object(), *item;
	rx_err rc;

	if ((rc = rx_put(data, "successor", his, st)) != RX_OK ||
	    (rc = rx_admin_person(q, his, successor, st)) != RX_OK ||
	    (rc = put_step(data, q, successor, true, RX_MSG_WEB_STEP_ENROLLED,
	    RX_MSG_NONE, &item, st)) != RX_OK ||
	    (rc = put_step(data, q, leaver, ended, RX_MSG_WEB_STEP_ENDED,
	    RX_MSG_WEB_STEP_ENDED_HINT, &item, st)) != RX_OK ||
	    (rc = rx_put_bool(data, "waits", waits, st)) != RX_OK ||
	    (rc = put_his_steps(data, q, successor, his, st)) != RX_OK)
		return (rc);
	return (put_step(data, q, successor, ended && number_of(data,
	    "nrotation") == 0, RX_MSG_WEB_STEP_ROTATED, ended ?
	    RX_MSG_WEB_STEP_ROTATED_HINT : RX_MSG_WEB_STEP_ROTATED_LATER,
	    &item, st));
}

/* ---- asking for it ---- */

struct people {
	const struct rx_request *q;
	json_t *data;
	const char *leaver, *last;
};

/* data.others: those who could take over. */
static rx_err
other_each(void *cookie, const struct rx_user_row *row, struct rx_status *st)
{
	struct people *p = cookie;
	json_t *item;
	rx_err rc;

	if (row->disabled || strcmp(row->name, p->leaver) == 0 ||
	    (p->last != NULL && strcmp(p->last, row->name) == 0))
		return (RX_OK);
	if ((rc = rx_put_item(p->data, "others", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "name", row->name, st)) != RX_OK)
		return (rc);
	p->last = json_string_value(json_object_get(item, "name"));
	return (rx_put_bool(item, "chosen", strcmp(rx_field(p->q, "to"),
	    row->name) == 0, st));
}

static void
read_asked(const struct rx_request *q, struct asked *w)
{

	rx_admin_user(q, w->leaver);
	w->fresh = strcmp(rx_field(q, "who"), "new") == 0;
	w->successor = rx_field(q, w->fresh ? "name" : "to");
	w->now = strcmp(rx_field(q, "when"), "now") == 0;
}

/* The first step: who and when. */
static rx_err
put_asking(struct rx_request *q, struct rx_reply *a, const struct asked *w,
    struct rx_status *st)
{
	static const char *const keep[] = { "name", NULL };
	struct people p = { q, a->data, w->leaver, NULL };
	rx_err rc;

	a->page = "admin/handover";
	if ((rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "fresh", w->fresh, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "now", w->now, st)) != RX_OK ||
	    (rc = rx_user_each(q->session, other_each, &p, st)) != RX_OK)
		return (rc);
	return (rx_put_shown(a->data, "others", st));
}

/* Nobody takes over because he bears the name that somebody new was to get. */
static rx_err
known_each(void *cookie, const struct rx_user_row *row, struct rx_status *st)
{
	struct people *p = cookie;

	(void)st;
	if (strcmp(row->name, p->leaver) == 0)
		p->q = NULL;	/* found */
	return (RX_OK);
}

static rx_err
check_asked(struct rx_request *q, const struct asked *w, struct rx_status *st)
{
	struct people p = { .q = q, .leaver = w->successor };
	rx_err rc;

	if (*w->successor == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_HANDOVER_WHO));
	if ((rc = rx_user_each(q->session, known_each, &p, st)) != RX_OK ||
	    (p.q == NULL) != w->fresh)
		return (rc);
	rx_status_arg(st, "user", "%.60s", w->successor);
	return (w->fresh ? rx_fail(st, RX_ECONFLICT,
	    RX_MSG_WEB_HANDOVER_TAKEN) : rx_fail(st, RX_ENOENT,
	    RX_MSG_USER_UNKNOWN));
}

/* The second step: what will happen. */
static rx_err
put_confirming(struct rx_request *q, struct rx_reply *a,
    const struct asked *w, const char *suggestion, struct rx_status *st)
{
	rx_err rc;

	a->page = "admin/handover_confirm";
	if ((rc = rx_put_text(a->data, "to", w->successor, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "fresh", w->fresh, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "now", w->now, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "own", strcmp(rx_field(q, "how"),
	    "own") == 0, st)) != RX_OK ||
	    (rc = rx_put_say(a->data, "says_takes", q,
	    RX_MSG_WEB_HANDOVER_TAKES, "user", w->successor, st)) != RX_OK ||
	    (rc = rx_put_say(a->data, "says_leaves", q, w->now ?
	    RX_MSG_WEB_HANDOVER_NOW_TEXT : RX_MSG_WEB_HANDOVER_AFTER_TEXT,
	    "user", w->leaver, st)) != RX_OK)
		return (rc);
	return (rx_put_text(a->data, "suggestion", suggestion, st));
}

static rx_err
put_either(struct rx_request *q, struct rx_reply *a, const struct asked *w,
    const char *suggestion, struct rx_status *st)
{
	rx_err rc;

	if (check_asked(q, w, st) == RX_OK)
		return (put_confirming(q, a, w, suggestion, st));
	if ((rc = rx_put_error(a, q, st)) != RX_OK)
		return (rc);
	return (put_asking(q, a, w, st));
}

/* The page for the person of the path, at whichever step it is. */
static rx_err
put_page(struct rx_request *q, struct rx_reply *a, const char *suggestion,
    struct rx_status *st)
{
	struct successor found;
	struct asked w;
	bool waits;
	rx_err rc;

	read_asked(q, &w);
	found.leaver = w.leaver;
	if ((rc = rx_admin_person(q, a->data, w.leaver, st)) != RX_OK ||
	    (rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_HANDOVER_TITLE,
	    "user", w.leaver, st)) != RX_OK ||
	    (rc = successor_find(q, &found, flag_of(a->data, "disabled"),
	    &waits, st)) != RX_OK)
		return (rc);
	if (!flag_of(a->data, "disabled") && rx_field_set(q, "who"))
		return (put_either(q, a, &w, suggestion, st));
	if (!flag_of(a->data, "disabled") && !waits)
		return (put_asking(q, a, &w, st));
	a->page = "admin/handover_state";
	return (found.name[0] == '\0' ? RX_OK : put_steps(a->data, q,
	    w.leaver, found.name, waits, st));
}

rx_err
rx_admin_handover_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char suggestion[RX_SUGGESTION_BYTES];
	rx_err rc;

	rx_suggest(suggestion);
	rc = put_page(q, a, suggestion, st);
	rx_wipe(suggestion, sizeof(suggestion));
	return (rc);
}

static rx_err
hand_over(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_secret *passphrase = NULL;
	struct rx_handover h;
	struct asked w;
	rx_err rc;

	read_asked(q, &w);
	if ((rc = check_asked(q, &w, st)) != RX_OK)
		return (rc);
	if (!rx_field_set(q, "sure"))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_SURE_MISSING));
	if (w.fresh && (rc = rx_field_chosen_secret(&passphrase, q, st)) !=
	    RX_OK)
		return (rc);
	rc = rx_user_handover(q->session, w.leaver, w.successor, passphrase,
	    w.now, &h, st);
	rx_secret_free(passphrase);
	if (rc == RX_OK && h.ended)	/* he may be signed in right now */
		rx_text_copy(a->end_user, sizeof(a->end_user), w.leaver);
	return (rc);
}

rx_err
rx_admin_handover(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char suggestion[RX_SUGGESTION_BYTES], user[RX_USER_NAME_BYTES];
	char path[RX_ADMIN_PATH_BYTES];
	rx_err rc;

	rx_admin_user(q, user);
	rx_admin_path(path, user);
	/* It may have been written down: a refused form shows it again. */
	rx_suggest_again(suggestion, q);
	if (hand_over(q, a, st) == RX_OK) {
		rx_redirect_with(a, a->end_user[0] != '\0' ?
		    RX_MSG_WEB_HANDOVER_ENDED : RX_MSG_WEB_HANDOVER_WAITS,
		    "/people/%s/handover", path);
		rc = RX_OK;
	} else if ((rc = rx_put_error(a, q, st)) == RX_OK)
		rc = put_page(q, a, suggestion, st);
	rx_wipe(suggestion, sizeof(suggestion));
	return (rc);
}

/* ---- those that are not finished ---- */

static rx_err
open_each(void *cookie, const char *leaver, const char *successor,
    struct rx_status *st)
{
	char path[RX_ADMIN_PATH_BYTES];
	json_t *item;
	rx_err rc;

	rx_admin_path(path, leaver);
	if ((rc = rx_put_item(cookie, "open", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "leaver", leaver, st)) != RX_OK ||
	    (rc = rx_put_text(item, "leaver_path", path, st)) != RX_OK)
		return (rc);
	return (rx_put_text(item, "successor", successor, st));
}

rx_err
rx_admin_handovers(const struct rx_request *q, json_t *data,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_handover_each(q->session, open_each, data, st)) != RX_OK)
		return (rc);
	return (rx_put_shown(data, "open", st));
}

/* ---- starting anew ---- */

static rx_err
put_reset(struct rx_request *q, struct rx_reply *a, const char *user,
    const char *suggestion, struct rx_status *st)
{
	rx_err rc;

	a->page = "admin/reset";
	if ((rc = rx_admin_person(q, a->data, user, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "own", strcmp(rx_field(q, "how"),
	    "own") == 0, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "suggestion", suggestion, st)) !=
	    RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_RESET_TITLE, "user",
	    user, st));
}

rx_err
rx_admin_reset_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char suggestion[RX_SUGGESTION_BYTES], user[RX_USER_NAME_BYTES];
	rx_err rc;

	rx_admin_user(q, user);
	rx_suggest(suggestion);
	rc = put_reset(q, a, user, suggestion, st);
	rx_wipe(suggestion, sizeof(suggestion));
	return (rc);
}

static rx_err
reset(struct rx_request *q, const char *user, struct rx_status *st)
{
	struct rx_secret *passphrase;
	rx_err rc;

	if (!rx_field_set(q, "sure"))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_SURE_MISSING));
	if ((rc = rx_field_chosen_secret(&passphrase, q, st)) != RX_OK)
		return (rc);
	rc = rx_user_reset(q->session, user, passphrase, st);
	rx_secret_free(passphrase);
	return (rc);
}

rx_err
rx_admin_reset(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char suggestion[RX_SUGGESTION_BYTES], user[RX_USER_NAME_BYTES];
	char path[RX_ADMIN_PATH_BYTES];
	rx_err rc;

	rx_admin_user(q, user);
	rx_admin_path(path, user);
	rx_suggest_again(suggestion, q);
	if (reset(q, user, st) == RX_OK) {
		/* Whoever has his computer may be signed in right now. */
		rx_text_copy(a->end_user, sizeof(a->end_user), user);
		rx_redirect_with(a, RX_MSG_WEB_RESET_DONE,
		    "/people/%s/pending", path);
		rc = RX_OK;
	} else if ((rc = rx_put_error(a, q, st)) == RX_OK)
		rc = put_reset(q, a, user, suggestion, st);
	rx_wipe(suggestion, sizeof(suggestion));
	return (rc);
}
