#include <stdio.h>
#include <string.h>

#include "web/web.h"

/*
 * A member's keys: those he still waits for, which two custodians can bring back
 * on the spot; the administrator's account, to which they give new ones; and new keys for units, when somebody had the old ones who should
 * not know what is written from now on.
 *
 * New keys for many cases are made in pieces, a request each.  What is left is
 * read from the register every time, so whoever was interrupted goes on from the
 * page, or by signing in.
 */

#define PIECE 400		/* cases in one request */
#define UNITS_SHOWN 50
#define UNITS_CHOSEN 200	/* in a list to choose from */

/* A unit as it is listed: its name, and its code. */
static rx_err
put_unit(json_t *o, const struct rx_request *q, const char *unit,
    struct rx_status *st)
{
	char name[256], code[RX_UNIT_TEXT];
	rx_err rc;

	if (rx_unit_of_register(unit))
		return (rx_put_say(o, "name", q, RX_MSG_WEB_REGISTER_KEYS,
		    NULL, NULL, st));
	rx_unit_text(code, unit);
	if ((rc = rx_unit_name(q->session, unit, name, sizeof(name), st)) !=
	    RX_OK || (rc = rx_put_text(o, "name", name, st)) != RX_OK)
		return (rc);
	return (rx_put_text(o, "code", code, st));
}

/* ---- recovery ---- */

/* For whom: the one who is signed in, unless the form names another. */
static const char *
for_whom(const struct rx_request *q)
{

	return (rx_field_set(q, "for") ? rx_field(q, "for") :
	    rx_session_user(q->session));
}

/* data.units: what ${user} waits for, and who could hand it on without
 * custodians. */
static rx_err
put_pending(json_t *data, const struct rx_request *q, const char *user,
    struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	json_t *item;
	size_t i, n = 0;
	rx_err rc;

	rc = rx_user_pending(q->session, user, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES) {
		const char *unit = (const char *)units.b + i;

		/* No custodian has keys of the register itself. */
		if (rx_unit_of_register(unit) || n++ >= UNITS_SHOWN)
			continue;
		if ((rc = rx_put_item(data, "units", &item, st)) == RX_OK &&
		    (rc = put_unit(item, q, unit, st)) == RX_OK)
			rc = rx_put_holders(item, q, user, unit, st);
	}
	if (rc == RX_OK && n > UNITS_SHOWN)
		rc = rx_put_say_int(data, "more", q, RX_MSG_WEB_WAIT_MORE,
		    "n", (int64_t)(n - UNITS_SHOWN), st);
	rx_buf_free(&units);
	return (rc != RX_OK ? rc : rx_put_shown(data, "units", st));
}

static rx_err
put_recover(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	const char *user = for_whom(q);
	const bool own = strcmp(user, rx_session_user(q->session)) == 0;
	rx_err rc;

	a->page = "account/recover";
	/* Back to where the administrator came from. */
	if (!own && rx_session_has_role(q->session, RX_ROLE_ADMIN) &&
	    (rc = rx_put_bool(a->data, "from_people", true, st)) != RX_OK)
		return (rc);
	if ((rc = rx_put_text(a->data, "for", user, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "own", own, st)) != RX_OK ||
	    (rc = put_pending(a->data, q, user, st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, own ? RX_MSG_WEB_RECOVER_OWN :
	    RX_MSG_WEB_RECOVER_FOR, "user", user, st));
}

static rx_err
recover_form(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	return (put_recover(q, a, st));
}

static rx_err
recover_with(void *cookie, struct rx_request *q, const char *const codes[2],
    struct rx_status *st)
{
	struct rx_buf all = RX_BUF_INIT;
	size_t made;

	return (rx_recover(q->session, cookie, &all, codes, &made, st));
}

static rx_err
recover(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char user[RX_USER_NAME_BYTES];
	rx_err rc;

	rx_text_copy(user, sizeof(user), for_whom(q));
	if (rx_try_codes(q, a, recover_with, user, st) != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) != RX_OK)
			return (rc);
		return (put_recover(q, a, st));
	}
	/* He signs in again: that takes up a recovery key that is new to him,
	 * and gives his units new keys where they wait for them. */
	rx_text_copy(a->end_user, sizeof(a->end_user), user);
	if (strcmp(user, rx_session_user(q->session)) == 0)
		rx_redirect(a, "/login?recovered=1");
	else
		rx_redirect_with(a, RX_MSG_WEB_RECOVERED, rx_session_has_role(
		    q->session, RX_ROLE_ADMIN) ? "/people" : "/keys");
	return (RX_OK);
}

/* ---- the administrator's account ---- */

/* data.refused says why there is no form: who is signed in, or where. */
static rx_err
put_administrator(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const char *copy = rx_session_copy(q->session);
	rx_err rc;

	a->page = "account/administrator";
	if ((rc = rx_put_text(a->data, "administrator",
	    rx_session_administrator(q->session), st)) != RX_OK ||
	    (rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_ADMIN_TITLE,
	    NULL, NULL, st)) != RX_OK)
		return (rc);
	if (copy != NULL)
		return (rx_put_say(a->data, "refused", q,
		    RX_MSG_COPY_HOME_ONLY, "copy", copy, st));
	return (rx_session_has_role(q->session, RX_ROLE_ADMIN) ? rx_put_say(
	    a->data, "refused", q, RX_MSG_ADMIN_SELF, NULL, NULL, st) : RX_OK);
}

static rx_err
administrator_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_administrator(q, a, st));
}

static rx_err
administrator_with(void *cookie, struct rx_request *q,
    const char *const codes[2], struct rx_status *st)
{

	return (rx_custodian_admin(q->session, codes, cookie, st));
}

static rx_err
administrator(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_secret *fresh = NULL;
	rx_err rc;

	rc = rx_field_set(q, "sure") ? rx_field_new_secret(&fresh, q, st) :
	    rx_fail(st, RX_EUSAGE, RX_MSG_WEB_SURE_MISSING);
	if (rc == RX_OK)
		rc = rx_try_codes(q, a, administrator_with, fresh, st);
	rx_secret_free(fresh);
	if (rc != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) != RX_OK)
			return (rc);
		return (put_administrator(q, a, st));
	}
	rx_text_copy(a->end_user, sizeof(a->end_user),
	    rx_session_administrator(q->session));
	rx_redirect_with(a, RX_MSG_WEB_ADMIN_DONE, "/");
	return (RX_OK);
}

/* ---- how it stands with the units ---- */

struct look {
	const struct rx_request *q;
	json_t *data;
	size_t due, mine;
	size_t stale, cases;
};

static rx_err
holder_each(void *cookie, const char *name, enum rx_role role,
    struct rx_status *st)
{
	json_t *item;
	rx_err rc;

	(void)role;
	if ((rc = rx_put_item(cookie, "people", &item, st)) != RX_OK)
		return (rc);
	return (rx_put_text(item, "name", name, st));
}

/* data.due: a unit that waits for new keys, and who can give it some. */
static rx_err
put_due(struct look *k, const char *unit, bool now, struct rx_status *st)
{
	json_t *item;
	rx_err rc;

	if (k->due++ >= UNITS_SHOWN)
		return (RX_OK);
	if ((rc = rx_put_item(k->data, "due", &item, st)) != RX_OK ||
	    (rc = put_unit(item, k->q, unit, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "now", now, st)) != RX_OK ||
	    (rc = rx_unit_holders_each(k->q->session, unit, holder_each, item,
	    st)) != RX_OK || (rc = rx_put_shown(item, "people", st)) != RX_OK)
		return (rc);
	return (now ? rx_put_bool(k->data, "any_now", true, st) : RX_OK);
}

static rx_err
mine_each(void *cookie, const struct rx_rotation *r, struct rx_status *st)
{
	struct look *k = cookie;
	json_t *item;
	rx_err rc;

	if (r->stale > 0) {
		k->stale += r->stale;
		k->cases += r->cases;
	}
	if (r->due && (rc = put_due(k, r->unit, r->now, st)) != RX_OK)
		return (rc);
	if (!r->mine || rx_unit_of_register(r->unit) ||
	    k->mine++ >= UNITS_CHOSEN)
		return (RX_OK);
	if ((rc = rx_put_item(k->data, "mine", &item, st)) != RX_OK)
		return (rc);
	return (put_unit(item, k->q, r->unit, st));
}

static rx_err
other_each(void *cookie, const char unit[RX_UNIT_BYTES], struct rx_status *st)
{

	return (put_due(cookie, unit, false, st));
}

static rx_err
put_look(struct rx_request *q, json_t *data, struct rx_status *st)
{
	const bool admin = rx_session_has_role(q->session, RX_ROLE_ADMIN);
	struct look k = { .q = q, .data = data };
	char done[24], all[24];
	rx_err rc;

	if ((rc = rx_rotation_mine(q->session, mine_each, &k, st)) != RX_OK ||
	    (admin && (rc = rx_rotation_each(q->session, rx_session_unit(
	    q->session), other_each, &k, st)) != RX_OK) ||
	    (rc = rx_put_shown(data, "due", st)) != RX_OK ||
	    (rc = rx_put_shown(data, "mine", st)) != RX_OK ||
	    (rc = rx_put_bool(data, "many", k.mine > UNITS_CHOSEN, st)) !=
	    RX_OK || (rc = rx_put_bool(data, "any_mine", admin || k.mine > 0,
	    st)) != RX_OK)
		return (rc);
	if (k.due > UNITS_SHOWN && (rc = rx_put_say_int(data, "more", q,
	    RX_MSG_WEB_WAIT_MORE, "n", (int64_t)(k.due - UNITS_SHOWN), st)) !=
	    RX_OK)
		return (rc);
	if (k.stale == 0)
		return (RX_OK);
	(void)snprintf(done, sizeof(done), "%zu", k.cases - k.stale);
	(void)snprintf(all, sizeof(all), "%zu", k.cases);
	if ((rc = rx_put_text(data, "done", done, st)) != RX_OK ||
	    (rc = rx_put_text(data, "all", all, st)) != RX_OK ||
	    (rc = rx_put_bool(data, "go_on", rx_field_set(q, "go_on"), st)) !=
	    RX_OK)
		return (rc);
	return (rx_put_say_two(data, "stale", q, RX_MSG_WEB_KEYS_CASES,
	    "n", done, "all", all, st));
}

static rx_err
put_keys(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	rx_err rc;

	a->page = "account/keys";
	if ((rc = rx_user_pending(q->session, rx_session_user(q->session),
	    &units, st)) == RX_OK && units.len > 0)
		rc = rx_put_say_int(a->data, "pending", q,
		    RX_MSG_WEB_KEYS_PENDING, "n",
		    (int64_t)(units.len / RX_UNIT_BYTES), st);
	rx_buf_free(&units);
	if (rc != RX_OK || (rc = put_look(q, a->data, st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_KEYS_TITLE, NULL,
	    NULL, st));
}

static rx_err
keys(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	return (put_keys(q, a, st));
}

/* ---- new keys ---- */

/* ${rc} of a piece: to the page, which asks for the next one by itself as long
 * as there is less and less ${left}. */
static rx_err
piece_done(struct rx_request *q, struct rx_reply *a, rx_err rc, size_t left,
    bool less, struct rx_status *st)
{

	if (rc != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) != RX_OK)
			return (rc);
		return (put_keys(q, a, st));
	}
	if (left == 0)
		rx_redirect_with(a, RX_MSG_WEB_ROTATED, "/keys");
	else
		rx_redirect(a, less ? "/keys?go_on=1" : "/keys");
	return (RX_OK);
}

/* The unit that was chosen: NULL is all of them. */
static rx_err
rotate_which(const struct rx_request *q, char code[32], bool *all,
    struct rx_status *st)
{

	/* "350102001001 鼓东社区": the code comes first. */
	rx_text_copy(code, 32, rx_field(q, "unit"));
	code[strcspn(code, " ")] = '\0';
	*all = strcmp(code, "all") == 0;
	if (code[0] == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_UNIT_MISSING));
	if (!rx_field_set(q, "sure"))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_SURE_MISSING));
	return (RX_OK);
}

static rx_err
rotate(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	size_t rotated, left = 0;
	char code[32];
	bool all;
	rx_err rc;

	if ((rc = rotate_which(q, code, &all, st)) == RX_OK)
		rc = rx_rotate_some(q->session, all ? NULL : code, PIECE,
		    &rotated, &left, st);
	return (piece_done(q, a, rc, left, true, st));
}

static rx_err
stale_each(void *cookie, const struct rx_rotation *r, struct rx_status *st)
{

	(void)st;
	*(size_t *)cookie += r->stale;
	return (RX_OK);
}

static rx_err
go_on(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	size_t before = 0, left = 0;
	rx_err rc;

	if ((rc = rx_rotation_mine(q->session, stale_each, &before, st)) ==
	    RX_OK)
		rc = rx_rotate_go_on(q->session, PIECE, &left, st);
	return (piece_done(q, a, rc, left, left < before || before == 0, st));
}

#define SLOW (RX_WEB_SIGNED_IN | RX_WEB_SLOW)

const struct rx_route rx_routes_keys[] = {
	{ "GET", "/recover", RX_WEB_SIGNED_IN, recover_form },
	{ "POST", "/recover", SLOW, recover },
	{ "GET", "/recover/administrator", RX_WEB_SIGNED_IN,
	    administrator_form },
	{ "POST", "/recover/administrator", SLOW, administrator },
	{ "GET", "/keys", SLOW, keys },
	{ "POST", "/keys/rotate", SLOW, rotate },
	{ "POST", "/keys/go-on", SLOW, go_on },
	{ NULL, NULL, 0, NULL }
};
