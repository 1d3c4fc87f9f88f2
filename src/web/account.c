#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "web/web.h"

/* Signing in and out, the passphrase, and the first run. */

static bool
register_there(const char *dir)
{
	char path[4200];
	struct stat sb;

	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	return (stat(path, &sb) == 0);
}

/* "/": to where the day of this person begins. */
static rx_err
home(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	(void)st;
	if (q->session == NULL)
		rx_redirect(a, register_there(q->dir) ? "/login" : "/setup");
	else if (rx_session_has_role(q->session, RX_ROLE_DIRECTOR))
		rx_redirect(a, "/today");
	else if (rx_session_has_role(q->session, RX_ROLE_SUPERVISOR))
		rx_redirect(a, "/review");
	else if (rx_session_has_role(q->session, RX_ROLE_STATISTICIAN))
		rx_redirect(a, "/annex");
	else
		rx_redirect(a, "/people");
	return (RX_OK);
}

static rx_err
login_form(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	rx_err rc;

	if (!register_there(q->dir)) {
		rx_redirect(a, "/setup");
		return (RX_OK);
	}
	if (q->session != NULL) {
		rx_redirect(a, "/");
		return (RX_OK);
	}
	a->page = "account/login";
	if ((rc = rx_put_bool(a->data, "recovered", rx_field_set(q,
	    "recovered"), st)) != RX_OK)
		return (rc);
	return (rx_put_bool(a->data, "locked", rx_field_set(q, "locked"), st));
}

rx_err
rx_try_passphrase(struct rx_request *q, struct rx_reply *a, const char *user,
    const char *name, rx_try *try, void *cookie, struct rx_status *st)
{
	struct rx_secret *passphrase;
	rx_err rc;

	if ((a->retry = rx_guard_wait(user, q->source)) > 0) {
		rx_status_arg(st, "seconds", "%u", a->retry);
		return (rx_fail(st, RX_EPERM, RX_MSG_WEB_TOO_MANY));
	}
	if ((rc = rx_field_secret(&passphrase, q, name, st)) != RX_OK)
		return (rc);
	rc = try(cookie, q, user, passphrase, st);
	rx_secret_free(passphrase);
	if (rc == RX_OK || rc == RX_EPERM)
		rx_guard_note(user, q->source, rc == RX_OK);
	return (rc);
}

/* Sign in: ${cookie} is where the session goes. */
static rx_err
try_session(void *cookie, struct rx_request *q, const char *user,
    const struct rx_secret *passphrase, struct rx_status *st)
{

	return (rx_session_open(cookie, q->dir, user, passphrase, st));
}

static rx_err
login(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	static const char *const keep[] = { "user", NULL };
	rx_err rc;

	a->page = "account/login";
	if ((rc = rx_put_form(a->data, q, keep, st)) != RX_OK)
		return (rc);
	if (rx_try_passphrase(q, a, rx_field(q, "user"), "passphrase",
	    try_session, &a->sign_in, st) != RX_OK)
		return (rx_put_error(a, q, st));
	rx_redirect(a, "/");
	return (RX_OK);
}

static rx_err
logout(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	(void)st;
	a->sign_out = true;
	rx_redirect(a, rx_field_set(q, "locked") ? "/login?locked=1" :
	    "/login");
	return (RX_OK);
}

/* The page tells that somebody is at it: being asked is all it takes. */
static rx_err
alive(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	(void)q;
	a->type = "application/json; charset=utf-8";
	return (rx_buf_add(&a->body, "{}\n", 3, st));
}

/* ---- the passphrase ---- */

/* The form, and what a thief of the files pays for one guess. */
static rx_err
put_passphrase(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_kdf cost;
	const bool below = rx_session_kdf(q->session, &cost);
	char mib[16], passes[16];
	rx_err rc;

	(void)snprintf(mib, sizeof(mib), "%u", cost.memory / 1024);
	(void)snprintf(passes, sizeof(passes), "%u", cost.passes);
	a->page = "account/passphrase";
	if ((rc = rx_put_bool(a->data, "below", below, st)) != RX_OK)
		return (rc);
	return (rx_put_say_two(a->data, "cost", q, RX_MSG_WEB_PASSPHRASE_COST,
	    "mib", mib, "passes", passes, st));
}

static rx_err
passphrase_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_passphrase(q, a, st));
}

/* Two fields that must hold the same new passphrase of some length. */
rx_err
rx_field_new_secret(struct rx_secret **out, struct rx_request *q,
    struct rx_status *st)
{
	struct rx_secret *again;
	rx_err rc;

	if ((rc = rx_field_secret(out, q, "new", st)) != RX_OK)
		return (rc);
	if ((rc = rx_field_secret(&again, q, "again", st)) != RX_OK)
		goto err0;
	if ((*out)->len != again->len || !rx_equal((*out)->b, again->b,
	    again->len))
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_WEB_PASSPHRASE_DIFFERS);
	else if (rx_passphrase_short(*out))
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_WEB_PASSPHRASE_SHORT);
	rx_secret_free(again);
	if (rc == RX_OK)
		return (RX_OK);
err0:
	rx_secret_free(*out);
	*out = NULL;
	return (rc);
}

/* It is easily read out over the telephone. */
void
rx_suggest(char out[RX_SUGGESTION_BYTES])
{
	static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint8_t r[20];
	size_t i, to = 0;

	rx_random(r, sizeof(r));
	for (i = 0; i < sizeof(r); i++) {
		if (i > 0 && i % 4 == 0)
			out[to++] = '-';
		out[to++] = digits[r[i] & 31];
	}
	out[to] = '\0';
	rx_wipe(r, sizeof(r));
}

/* It may have been written down: a refused form shows it again. */
void
rx_suggest_again(char out[RX_SUGGESTION_BYTES], const struct rx_request *q)
{

	rx_text_copy(out, RX_SUGGESTION_BYTES, rx_field(q, "suggested"));
	if (strlen(out) != RX_SUGGESTION_BYTES - 1)
		rx_suggest(out);
}

rx_err
rx_field_chosen_secret(struct rx_secret **out, struct rx_request *q,
    struct rx_status *st)
{

	*out = NULL;
	if (strcmp(rx_field(q, "how"), "own") == 0)
		return (rx_field_new_secret(out, q, st));
	if (strlen(rx_field(q, "suggested")) != RX_SUGGESTION_BYTES - 1)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_PASSPHRASE_EMPTY));
	return (rx_field_secret(out, q, "suggested", st));
}

static rx_err
passphrase(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	const char *user = rx_session_user(q->session);
	struct rx_secret *fresh;
	struct rx_session *check = NULL;
	rx_err rc;

	if ((rc = put_passphrase(q, a, st)) != RX_OK)
		return (rc);
	if (rx_field_new_secret(&fresh, q, st) != RX_OK)
		return (rx_put_error(a, q, st));
	/* Whoever sits at an open page must know the old one. */
	rc = rx_try_passphrase(q, a, user, "old", try_session, &check, st);
	/* By the session that it opened, which has taken up what was changed
	 * for him since he signed in: the page's own would put back what it
	 * knew then. */
	if (rc == RX_OK)
		rc = rx_session_passwd(check, fresh, st);
	rx_session_close(check);
	/* Open pages elsewhere were opened with the old one: all end. */
	if (rc == RX_OK)
		rc = rx_session_open(&a->sign_in, q->dir, user, fresh, st);
	rx_secret_free(fresh);
	if (rc != RX_OK)
		return (rx_put_error(a, q, st));
	rx_text_copy(a->end_user, sizeof(a->end_user), user);
	rx_redirect_with(a, RX_MSG_WEB_PASSPHRASE_CHANGED, "/");
	return (RX_OK);
}

/* ---- the first run ---- */

static rx_err
put_setup(struct rx_request *q, struct rx_reply *a, const char *suggestion,
    struct rx_status *st)
{
	static const char *const keep[] = { "unit", "name", "user", NULL };
	rx_err rc;

	a->page = "account/setup";
	if ((rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "own", strcmp(rx_field(q, "how"),
	    "suggested") != 0, st)) != RX_OK)
		return (rc);
	return (rx_put_text(a->data, "suggestion", suggestion, st));
}

static rx_err
setup_form(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char suggestion[RX_SUGGESTION_BYTES];
	rx_err rc;

	if (register_there(q->dir)) {
		rx_redirect(a, "/login");
		return (RX_OK);
	}
	rx_suggest(suggestion);
	rc = put_setup(q, a, suggestion, st);
	rx_wipe(suggestion, sizeof(suggestion));
	return (rc);
}

/* "350102 鼓楼区": the code comes first. */
static void
unit_code(const struct rx_request *q, char out[32])
{
	const char *text = rx_field(q, "unit");

	rx_text_copy(out, 32, text);
	out[strcspn(out, " ")] = '\0';
}

/* The embedded unit whose name is ${part}, or contains it (${whole} false);
 * villages keep no register.  NULL when none or more than one does. */
static const struct rx_embedded_unit *
only_named(const char *part, bool whole, size_t *found)
{
	const struct rx_embedded_unit *u = NULL, *all;
	size_t i, n;

	all = rx_embedded_units(&n);
	for (*found = 0, i = 0; i < n; i++)
		if (strcmp(all[i].level, "village") != 0 && (whole ?
		    strcmp(all[i].name, part) == 0 :
		    strstr(all[i].name, part) != NULL)) {
			u = &all[i];
			(*found)++;
		}
	return (*found == 1 ? u : NULL);
}

/* The code of the unit that was typed, which is a code or a name: without
 * script nothing is chosen from a list. */
static rx_err
setup_unit(char code[32], const struct rx_request *q, struct rx_status *st)
{
	const char *part = rx_field(q, "unit");
	const struct rx_embedded_unit *u;
	size_t found;
	rx_err rc;

	unit_code(q, code);
	if (code[0] >= '0' && code[0] <= '9')
		return (RX_OK);
	if (code[0] == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_SETUP_UNIT_EMPTY));
	if ((u = only_named(part, true, &found)) == NULL)
		u = only_named(part, false, &found);
	if (u != NULL) {
		rx_text_copy(code, 32, u->code);
		return (RX_OK);
	}
	rc = rx_fail(st, RX_EUSAGE, found == 0 ? RX_MSG_WEB_SETUP_UNIT_NONE :
	    RX_MSG_WEB_SETUP_UNIT_SEVERAL);
	rx_status_arg(st, "unit", "%.60s", part);
	return (rc);
}

static rx_err
setup(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_secret *passphrase = NULL, *mem = NULL;
	char suggestion[RX_SUGGESTION_BYTES], unit[32], id[RX_UNIT_BYTES];
	struct rx_codes *codes;
	const char *name;
	rx_err rc;

	if (register_there(q->dir)) {
		rx_redirect(a, "/login");
		return (RX_OK);
	}
	rx_suggest_again(suggestion, q);
	if ((rc = rx_secret_new(&mem, sizeof(*codes), st)) != RX_OK)
		return (rc);
	codes = (struct rx_codes *)(void *)mem->b;
	/* A slip in a code is not seen on a page: only listed units here. */
	if ((rc = setup_unit(unit, q, st)) == RX_OK &&
	    (rc = rx_unit_parse(id, unit, st)) == RX_OK &&
	    rx_embedded_unit(id) == NULL) {
		rx_status_arg(st, "unit", "%s", unit);
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_NOT_LISTED);
	}
	name = rx_field_set(q, "name") ? rx_field(q, "name") : unit;
	if (rc == RX_OK &&
	    (rc = rx_field_chosen_secret(&passphrase, q, st)) == RX_OK)
		rc = rx_register_create(q->dir, rx_field(q, "user"), name,
		    unit, passphrase, codes, st);
	if (rc != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) == RX_OK)
			rc = put_setup(q, a, suggestion, st);
		goto done;
	}
	a->page = "account/codes";
	rc = rx_put_sheets(a->data, q, name, codes, st);
done:
	rx_secret_free(passphrase);
	rx_secret_free(mem);
	rx_wipe(suggestion, sizeof(suggestion));
	return (rc);
}

/* Units by part of their name or code, for search as one types. */
static rx_err
units_search(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	const char *part = rx_field(q, "q");
	const struct rx_embedded_unit *all;
	json_t *list, *o;
	size_t i, n;
	rx_err rc = RX_OK;

	if ((list = json_array()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	all = rx_embedded_units(&n);
	for (i = 0; i < n && json_array_size(list) < 20 && *part != '\0'; i++) {
		if (strcmp(all[i].level, "village") == 0 ||
		    (strstr(all[i].name, part) == NULL &&
		    strncmp(all[i].code, part, strlen(part)) != 0))
			continue;
		o = json_pack("{s:s,s:s}", "code", all[i].code, "name",
		    all[i].name);
		if (o == NULL || json_array_append_new(list, o) != 0) {
			rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
			break;
		}
	}
	if (rc == RX_OK)
		rc = rx_json_write(&a->body, list, st);
	json_decref(list);
	a->type = "application/json; charset=utf-8";
	return (rc);
}

const struct rx_route rx_routes_account[] = {
	{ "GET", "/", RX_WEB_ANYONE, home },
	{ "GET", "/login", RX_WEB_ANYONE, login_form },
	{ "POST", "/login", RX_WEB_ANYONE | RX_WEB_SLOW, login },
	{ "POST", "/logout", RX_WEB_ANYONE, logout },
	{ "GET", "/alive", RX_WEB_SIGNED_IN | RX_WEB_SCRIPT, alive },
	{ "GET", "/passphrase", RX_WEB_SIGNED_IN, passphrase_form },
	{ "POST", "/passphrase", RX_WEB_SIGNED_IN | RX_WEB_SLOW, passphrase },
	{ "GET", "/setup", RX_WEB_ANYONE, setup_form },
	{ "POST", "/setup", RX_WEB_ANYONE | RX_WEB_SLOW, setup },
	{ "GET", "/units.json", RX_WEB_ANYONE | RX_WEB_SCRIPT, units_search },
	{ NULL, NULL, 0, NULL }
};
