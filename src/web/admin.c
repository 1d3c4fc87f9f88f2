#include <stdio.h>
#include <string.h>

#include "web/admin.h"
#include "web/units.h"

/* People: who is here, enrolling, disabling. */

static const enum rx_msg role_names[] = {
	[RX_ROLE_ADMIN] = RX_MSG_CLI_ROLE_ADMIN,
	[RX_ROLE_DIRECTOR] = RX_MSG_CLI_ROLE_DIRECTOR,
	[RX_ROLE_SUPERVISOR] = RX_MSG_CLI_ROLE_SUPERVISOR,
	[RX_ROLE_STATISTICIAN] = RX_MSG_CLI_ROLE_STATISTICIAN,
	[RX_ROLE_RECOVERY] = RX_MSG_CLI_ROLE_RECOVERY
};

/* ---- user names in paths ---- */

/* A name may hold what a path may not: such bytes are escaped, and those that
 * servers or browsers act on even when escaped ('/', '%', a dot in front) are
 * escaped twice: five bytes for one at most. */
void
rx_admin_path(char out[RX_ADMIN_PATH_BYTES], const char *name)
{
	size_t i, to = 0;

	for (i = 0; name[i] != '\0' && to + 6 < RX_ADMIN_PATH_BYTES; i++) {
		const unsigned char c = (unsigned char)name[i];

		if (c == '/' || c == '%' || (c == '.' && i == 0))
			to += (size_t)snprintf(out + to, 6, "%%25%02X", c);
		else if (c > 0x7f || strchr("\"#?\\<>&'+;", c) != NULL)
			to += (size_t)snprintf(out + to, 6, "%%%02X", c);
		else
			out[to++] = (char)c;
	}
	out[to] = '\0';
}

static int
hex_digit(char c)
{

	if (c >= '0' && c <= '9')
		return (c - '0');
	return (c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1);
}

/* What is left of the escaping when the server has undone it once. */
void
rx_admin_user(const struct rx_request *q, char out[RX_USER_NAME_BYTES])
{
	const char *p = q->arg[0];
	size_t to = 0;

	for (; *p != '\0' && to + 1 < RX_USER_NAME_BYTES; p++) {
		if (*p == '%' && p[1] != '\0' && hex_digit(p[1]) >= 0 &&
		    hex_digit(p[2]) >= 0) {
			out[to++] = (char)(hex_digit(p[1]) * 16 +
			    hex_digit(p[2]));
			p += 2;
		} else
			out[to++] = *p;
	}
	out[to] = '\0';
}

/* ---- everyone ---- */

enum { EVERYONE, TEMPORARY, PENDING, WIDE, DISABLED, COUNTS };

static const struct {
	const char *show;	/* ?show=, and the key of a person's mark */
	enum rx_msg name;
} counts[COUNTS] = {
	[EVERYONE] = { "all", RX_MSG_WEB_PEOPLE_ALL },
	[TEMPORARY] = { "temporary", RX_MSG_WEB_PEOPLE_TEMPORARY },
	[PENDING] = { "pending", RX_MSG_WEB_PEOPLE_PENDING },
	[WIDE] = { "wide", RX_MSG_WEB_PEOPLE_WIDE },
	[DISABLED] = { "disabled", RX_MSG_WEB_PEOPLE_DISABLED },
};

struct people {
	const struct rx_request *q;
	json_t *list;		/* every person; owned */
	const char *only;	/* a name, or NULL for everyone */
};

static rx_err
person_new(struct people *p, const struct rx_user_row *row, json_t **person,
    struct rx_status *st)
{
	char path[RX_ADMIN_PATH_BYTES];
	rx_err rc;

	if ((*person = json_object()) == NULL ||
	    json_array_append_new(p->list, *person) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rx_admin_path(path, row->name);
	if ((rc = rx_put_text(*person, "name", row->name, st)) != RX_OK ||
	    (rc = rx_put_text(*person, "path_name", path, st)) != RX_OK ||
	    (rc = rx_put_bool(*person, "me", strcmp(row->name,
	    rx_session_user(p->q->session)) == 0, st)) != RX_OK ||
	    (rc = rx_put_bool(*person, "all", true, st)) != RX_OK ||
	    (rc = rx_put_bool(*person, "temporary", false, st)) != RX_OK ||
	    (rc = rx_put_bool(*person, "wide", false, st)) != RX_OK ||
	    (rc = rx_put_bool(*person, "pending", false, st)) != RX_OK)
		return (rc);
	/* Until a role that is not. */
	return (rx_put_bool(*person, "disabled", true, st));
}

static rx_err
put_role(struct people *p, json_t *person, const struct rx_user_row *row,
    struct rx_status *st)
{
	char text[RX_UNIT_TEXT], name[256];
	json_t *item;
	rx_err rc;

	rx_unit_text(text, row->unit);
	if ((rc = rx_unit_name(p->q->session, row->unit, name, sizeof(name),
	    st)) != RX_OK ||
	    (rc = rx_put_item(person, "roles", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "role", rx_msg(role_names[row->role],
	    p->q->lang), st)) != RX_OK ||
	    (rc = rx_put_text(item, "unit", name, st)) != RX_OK ||
	    (rc = rx_put_text(item, "code", text, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "off", row->disabled, st)) != RX_OK)
		return (rc);
	return (rx_put_bool(item, "is_wide", row->wide && !row->disabled,
	    st));
}

/* The rows of one person follow each other. */
static rx_err
people_each(void *cookie, const struct rx_user_row *row, struct rx_status *st)
{
	struct people *p = cookie;
	const size_t n = json_array_size(p->list);
	json_t *person = n == 0 ? NULL : json_array_get(p->list, n - 1);
	rx_err rc;

	if (p->only != NULL && strcmp(p->only, row->name) != 0)
		return (RX_OK);
	if ((person == NULL || strcmp(json_string_value(json_object_get(
	    person, "name")), row->name) != 0) &&
	    (rc = person_new(p, row, &person, st)) != RX_OK)
		return (rc);
	if ((rc = put_role(p, person, row, st)) != RX_OK)
		return (rc);
	if (row->disabled)	/* what he left behind */
		return (rx_put_int(person, "nrotation", row->rotation +
		    json_integer_value(json_object_get(person, "nrotation")),
		    st));
	if ((rc = rx_put_bool(person, "disabled", false, st)) != RX_OK ||
	    (row->temporary && (rc = rx_put_bool(person, "temporary", true,
	    st)) != RX_OK) ||
	    (row->wide && (rc = rx_put_bool(person, "wide", true, st)) !=
	    RX_OK) ||
	    (row->pending > 0 && (rc = rx_put_bool(person, "pending", true,
	    st)) != RX_OK))
		return (rc);
	return (rx_put_int(person, "npending", row->pending, st));
}

static rx_err
people_read(struct people *p, const struct rx_request *q, const char *only,
    struct rx_status *st)
{

	p->q = q;
	p->only = only;
	if ((p->list = json_array()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_user_each(q->session, people_each, p, st));
}

/* The numbers on top, and those people that are asked for. */
static rx_err
put_people(const struct people *p, json_t *data, int show,
    struct rx_status *st)
{
	json_t *item, *person, *shown = json_array();
	size_t i, n;
	int k;
	rx_err rc;

	if ((rc = rx_put(data, "people", shown, st)) != RX_OK)
		return (rc);
	for (k = 0; k < COUNTS; k++) {
		n = 0;
		json_array_foreach(p->list, i, person) {
			if (!json_is_true(json_object_get(person,
			    counts[k].show)))
				continue;
			n++;
			if (k == show && json_array_append(shown, person) != 0)
				return (rx_fail(st, RX_EINTERNAL,
				    RX_MSG_NO_MEMORY));
		}
		if ((rc = rx_put_item(data, "counts", &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "show", counts[k].show, st)) !=
		    RX_OK || (rc = rx_put_text(item, "label",
		    rx_msg(counts[k].name, p->q->lang), st)) != RX_OK ||
		    (rc = rx_put_int(item, "n", (int64_t)n, st)) != RX_OK ||
		    (rc = rx_put_bool(item, "here", k == show, st)) != RX_OK)
			return (rc);
	}
	return (rx_put_shown(data, "people", st));
}

static rx_err
people(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct people p;
	int k, show = EVERYONE;
	rx_err rc;

	a->page = "admin/people";
	for (k = 0; k < COUNTS; k++)
		if (strcmp(rx_field(q, "show"), counts[k].show) == 0)
			show = k;
	if ((rc = people_read(&p, q, NULL, st)) == RX_OK &&
	    (rc = put_people(&p, a->data, show, st)) == RX_OK)
		rc = rx_admin_handovers(q, a->data, st);
	/* The administrator alone: what a first day begins with. */
	if (rc == RX_OK)
		rc = rx_put_bool(a->data, "first", json_array_size(p.list) ==
		    1, st);
	json_decref(p.list);
	if (rc == RX_OK && (rc = rx_admin_put_verified(a->data, q, st)) ==
	    RX_OK)
		rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_NAV_PEOPLE,
		    NULL, NULL, st);
	return (rc);
}

rx_err
rx_admin_person(const struct rx_request *q, json_t *data, const char *name,
    struct rx_status *st)
{
	struct people p;
	rx_err rc;

	if ((rc = people_read(&p, q, name, st)) == RX_OK) {
		if (json_array_size(p.list) == 0) {
			rx_status_arg(st, "user", "%.60s", name);
			rc = rx_fail(st, RX_ENOENT, RX_MSG_USER_UNKNOWN);
		} else
			rc = rx_put(data, "person", json_incref(
			    json_array_get(p.list, 0)), st);
	}
	json_decref(p.list);
	return (rc);
}

/* ---- keys that wait ---- */

static rx_err
pending(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char user[RX_USER_NAME_BYTES], name[256];
	struct rx_buf units = RX_BUF_INIT, query = RX_BUF_INIT;
	const char *unit;
	json_t *item;
	size_t i;
	rx_err rc;

	a->page = "admin/pending";
	rx_admin_user(q, user);
	if ((rc = rx_admin_person(q, a->data, user, st)) != RX_OK ||
	    (rc = rx_user_pending(q->session, user, &units, st)) != RX_OK)
		goto done;
	for (i = 0; i < units.len; i += RX_UNIT_BYTES) {
		unit = (const char *)units.b + i;
		if ((rc = rx_put_item(a->data, "units", &item, st)) != RX_OK)
			goto done;
		if (rx_unit_of_register(unit))
			rc = rx_put_say(item, "name", q,
			    RX_MSG_WEB_REGISTER_KEYS, NULL, NULL, st);
		else if ((rc = rx_unit_name(q->session, unit, name,
		    sizeof(name), st)) == RX_OK)
			rc = rx_put_text(item, "name", name, st);
		if (rc != RX_OK || (rc = rx_put_holders(item, q, user, unit,
		    st)) != RX_OK)
			goto done;
	}
	if ((rc = rx_put_shown(a->data, "units", st)) == RX_OK &&
	    (rc = rx_url_add(&query, user, strlen(user), "", st)) == RX_OK &&
	    (rc = rx_buf_add(&query, "", 1, st)) == RX_OK &&
	    (rc = rx_put_text(a->data, "for", (const char *)query.b, st)) ==
	    RX_OK)
		rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_PENDING_TITLE,
		    "user", user, st);
done:
	rx_buf_free(&query);
	rx_buf_free(&units);
	return (rc);
}

/* ---- disabling ---- */

static rx_err
put_disable(struct rx_request *q, struct rx_reply *a, const char *user,
    struct rx_status *st)
{
	rx_err rc;

	a->page = "admin/disable";
	if ((rc = rx_admin_person(q, a->data, user, st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_DISABLE_TITLE,
	    "user", user, st));
}

static rx_err
disable_form(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char user[RX_USER_NAME_BYTES];

	rx_admin_user(q, user);
	return (put_disable(q, a, user, st));
}

static rx_err
disable(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char user[RX_USER_NAME_BYTES];
	rx_err rc;

	rx_admin_user(q, user);
	if (rx_user_disable(q->session, user, st) != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) != RX_OK)
			return (rc);
		return (put_disable(q, a, user, st));
	}
	/* He may be signed in on this server right now. */
	rx_text_copy(a->end_user, sizeof(a->end_user), user);
	rx_redirect_with(a, RX_MSG_WEB_DISABLED, "/people");
	return (RX_OK);
}

/* ---- enrolling ---- */

static const struct {
	const char *key;
	enum rx_role role;
	enum rx_msg hint;
} roles[] = {
	{ "director", RX_ROLE_DIRECTOR, RX_MSG_WEB_ROLE_DIRECTOR_HINT },
	{ "supervisor", RX_ROLE_SUPERVISOR, RX_MSG_WEB_ROLE_SUPERVISOR_HINT },
	{ "statistician", RX_ROLE_STATISTICIAN,
	    RX_MSG_WEB_ROLE_STATISTICIAN_HINT },
};
#define NROLES (sizeof(roles) / sizeof(roles[0]))

/* The form; ${suggestion} is a passphrase that nobody uses yet. */
static rx_err
put_new(struct rx_request *q, struct rx_reply *a, const char *suggestion,
    struct rx_status *st)
{
	static const char *const keep[] = { "user", "unit", NULL };
	json_t *item;
	size_t i;
	rx_err rc;

	a->page = "admin/new";
	if ((rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "existing", rx_field_set(q,
	    "existing"), st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "own", strcmp(rx_field(q, "how"),
	    "own") == 0, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "suggestion", suggestion, st)) !=
	    RX_OK)
		return (rc);
	for (i = 0; i < NROLES; i++)
		if ((rc = rx_put_item(a->data, "choices", &item, st)) !=
		    RX_OK ||
		    (rc = rx_put_text(item, "key", roles[i].key, st)) !=
		    RX_OK || (rc = rx_put_text(item, "name",
		    rx_msg(role_names[roles[i].role], q->lang), st)) !=
		    RX_OK || (rc = rx_put_text(item, "hint",
		    rx_msg(roles[i].hint, q->lang), st)) != RX_OK ||
		    (rc = rx_put_bool(item, "checked", strcmp(rx_field(q,
		    "role"), roles[i].key) == 0, st)) != RX_OK)
			return (rc);
	if ((rc = rx_put_shown(a->data, "candidates", st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, rx_field_set(q, "existing") ?
	    RX_MSG_WEB_PERSON_MORE : RX_MSG_WEB_PERSON_NEW, NULL, NULL, st));
}

static rx_err
person_form(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char suggestion[RX_SUGGESTION_BYTES];
	rx_err rc;

	rx_suggest(suggestion);
	rc = put_new(q, a, suggestion, st);
	rx_wipe(suggestion, sizeof(suggestion));
	return (rc);
}

static rx_err
count_each(void *cookie, const struct rx_user_row *row, struct rx_status *st)
{
	struct people *p = cookie;

	(void)st;
	if (strcmp(p->only, row->name) == 0)
		p->q = NULL;	/* found */
	return (RX_OK);
}

/* Nobody gets a role because he bears the name that somebody new was to get:
 * the form says which of the two is meant. */
static rx_err
check_existing(struct rx_request *q, const char *user, bool existing,
    struct rx_status *st)
{
	struct people p = { .q = q, .only = user };
	rx_err rc;

	if ((rc = rx_user_each(q->session, count_each, &p, st)) != RX_OK ||
	    (p.q == NULL) == existing)
		return (rc);
	rx_status_arg(st, "user", "%.60s", user);
	return (existing ? rx_fail(st, RX_ENOENT, RX_MSG_USER_UNKNOWN) :
	    rx_fail(st, RX_ECONFLICT, RX_MSG_WEB_USER_TAKEN));
}

static rx_err
enrol(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	const char *user = rx_field(q, "user"), *key = rx_field(q, "role");
	const bool existing = rx_field_set(q, "existing");
	struct rx_secret *passphrase = NULL;
	char code[32];
	size_t i;
	rx_err rc;

	for (i = 0; i < NROLES && strcmp(roles[i].key, key) != 0; i++)
		;
	if (i == NROLES)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_ROLE_MISSING));
	if ((rc = check_existing(q, user, existing, st)) != RX_OK ||
	    (rc = rx_unit_resolve(code, q, NULL, a->data, st)) != RX_OK ||
	    (!existing && (rc = rx_field_chosen_secret(&passphrase, q, st)) !=
	    RX_OK))
		return (rc);
	rc = rx_user_add(q->session, user, roles[i].role, code, passphrase,
	    st);
	rx_secret_free(passphrase);
	return (rc);
}

static rx_err
person_add(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char suggestion[RX_SUGGESTION_BYTES];
	rx_err rc;

	/* It may have been written down: a refused form shows it again. */
	rx_suggest_again(suggestion, q);
	if (enrol(q, a, st) == RX_OK) {
		rx_redirect_with(a, rx_field_set(q, "existing") ?
		    RX_MSG_WEB_PERSON_EXTENDED : RX_MSG_WEB_PERSON_ADDED,
		    "/people");
		rc = RX_OK;
	} else if ((rc = rx_put_error(a, q, st)) == RX_OK)
		rc = put_new(q, a, suggestion, st);
	rx_wipe(suggestion, sizeof(suggestion));
	return (rc);
}

#define ADMIN (1u << RX_ROLE_ADMIN)
#define ADMIN_SLOW (ADMIN | RX_WEB_SLOW)

const struct rx_route rx_routes_admin[] = {
	{ "GET", "/people", ADMIN_SLOW, people },
	{ "GET", "/people/new", ADMIN, person_form },
	{ "POST", "/people/new", ADMIN_SLOW, person_add },
	{ "GET", "/people/units.json", ADMIN | RX_WEB_SCRIPT,
	    rx_admin_units_json },
	{ "GET", "/people/*/pending", ADMIN, pending },
	{ "GET", "/people/*/disable", ADMIN, disable_form },
	{ "POST", "/people/*/disable", ADMIN, disable },
	{ "GET", "/people/*/handover", ADMIN_SLOW, rx_admin_handover_form },
	{ "POST", "/people/*/handover", ADMIN_SLOW, rx_admin_handover },
	{ "GET", "/people/*/reset", ADMIN, rx_admin_reset_form },
	{ "POST", "/people/*/reset", ADMIN_SLOW, rx_admin_reset },
	{ "GET", "/units", ADMIN, rx_admin_units },
	{ "POST", "/units/add", ADMIN, rx_admin_unit_add },
	{ "GET", "/audit", RX_WEB_SIGNED_IN | RX_WEB_SLOW, rx_admin_audit },
	{ "GET", "/settings", ADMIN, rx_admin_settings },
	{ "POST", "/settings", ADMIN, rx_admin_settings_save },
	{ "GET", "/audit/head", RX_WEB_SIGNED_IN, rx_admin_head },
	{ "POST", "/audit/countersign", ADMIN_SLOW |
	    1u << RX_ROLE_SUPERVISOR | 1u << RX_ROLE_STATISTICIAN,
	    rx_admin_countersign },
	{ "GET", "/safety", ADMIN_SLOW, rx_admin_safety },
	{ "POST", "/safety/verify", ADMIN_SLOW, rx_admin_verify },
	{ "GET", "/safety/custody", ADMIN, rx_admin_custody },
	{ "GET", "/safety/codes", ADMIN, rx_admin_codes_form },
	{ "POST", "/safety/codes", ADMIN_SLOW, rx_admin_codes },
	{ "GET", "/safety/codes/test", ADMIN, rx_admin_codes_test_form },
	{ "POST", "/safety/codes/test", ADMIN_SLOW, rx_admin_codes_test },
	{ "GET", "/safety/codes/new", ADMIN, rx_admin_codes_new },
	{ "POST", "/safety/codes/confirm", ADMIN_SLOW,
	    rx_admin_codes_confirm },
	{ "POST", "/safety/codes/drop", ADMIN, rx_admin_codes_drop },
	{ "POST", "/safety/backup", ADMIN_SLOW, rx_admin_backup },
	{ "GET", "/safety/backup/*/verify", ADMIN, rx_admin_backup_form },
	{ "POST", "/safety/backup/*/verify", ADMIN_SLOW,
	    rx_admin_backup_verify },
	{ NULL, NULL, 0, NULL }
};
