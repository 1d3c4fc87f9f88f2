/* user add, user list, user disable, passwd. */

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { O_ROLE, O_UNIT, O_NEW };

static const struct {
	const char *key;
	enum rx_role role;
	enum rx_msg name;
} roles[] = {
	{ "director", RX_ROLE_DIRECTOR, RX_MSG_CLI_ROLE_DIRECTOR },
	{ "supervisor", RX_ROLE_SUPERVISOR, RX_MSG_CLI_ROLE_SUPERVISOR },
	{ "statistician", RX_ROLE_STATISTICIAN, RX_MSG_CLI_ROLE_STATISTICIAN },
	{ "administrator", RX_ROLE_ADMIN, RX_MSG_CLI_ROLE_ADMIN },
	{ "recovery", RX_ROLE_RECOVERY, RX_MSG_CLI_ROLE_RECOVERY },
};
#define NROLES (sizeof(roles) / sizeof(roles[0]))

/* Only the first three are enrolled by name. */
static rx_err
parse_role(const char *text, enum rx_role *role, struct rx_status *st)
{
	size_t i;

	for (i = 0; i < 3; i++) {
		if (strcmp(text, roles[i].key) == 0) {
			*role = roles[i].role;
			return (RX_OK);
		}
	}
	return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_ROLE_UNKNOWN));
}

static rx_err
done(struct rx_cli *cli, enum rx_msg msg, const char *key, const char *user,
    struct rx_status *st)
{
	json_t *o;

	if (!cli->json)
		return (rx_cli_say(cli, st, msg, "user", user, NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, rx_cli_set(o, key, json_string(user), st),
	    st));
}

struct known {
	const char *user;
	bool found;
};

static rx_err
is_known(void *cookie, const struct rx_user_row *row, struct rx_status *st)
{
	struct known *k = cookie;

	(void)st;
	if (strcmp(row->name, k->user) == 0)
		k->found = true;
	return (RX_OK);
}

rx_err
rx_cli_user_known(bool *known, struct rx_session *s, const char *name,
    struct rx_status *st)
{
	struct known k = { name, false };
	rx_err rc = rx_user_each(s, is_known, &k, st);

	*known = k.found;
	return (rc);
}

/* Enrol; who is enrolled already keeps his passphrase, and is not asked for a
 * new one on the terminal. */
static rx_err
enrol(struct rx_cli *cli, struct rx_session *s, enum rx_role role, int fd,
    struct rx_status *st)
{
	const char *user = cli->operand[0];
	bool known = false;
	struct rx_secret *passphrase = NULL;
	rx_err rc;

	if ((rc = rx_cli_user_known(&known, s, user, st)) != RX_OK)
		return (rc);
	if ((!known || fd >= 0) &&
	    (rc = rx_cli_new_passphrase(cli, fd, &passphrase, st)) != RX_OK)
		return (rc);
	rc = rx_user_add(s, user, role, cli->value[O_UNIT], passphrase, st);
	rx_secret_free(passphrase);
	if (rc != RX_OK)
		return (rc);
	return (done(cli, known ? RX_MSG_CLI_USER_EXTENDED :
	    RX_MSG_CLI_USER_ADDED, "added", user, st));
}

static rx_err
run_add(struct rx_cli *cli, struct rx_status *st)
{
	enum rx_role role = RX_ROLE_DIRECTOR;
	char unit[RX_UNIT_BYTES];
	struct rx_session *s;
	int fd;
	rx_err rc;

	if ((rc = parse_role(cli->value[O_ROLE], &role, st)) != RX_OK ||
	    (rc = rx_unit_parse(unit, cli->value[O_UNIT], st)) != RX_OK ||
	    (rc = rx_cli_fd(cli->value[O_NEW], "--new-passphrase-fd", &fd,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = enrol(cli, s, role, fd, st);
	rx_session_close(s);
	return (rc);
}

const struct rx_cli_command rx_cli_user_add = {
	{ "user", "add" }, "USER --role director|supervisor|statistician "
	"--unit CODE [--new-passphrase-fd N]", RX_MSG_CLI_HELP_USER_ADD,
	run_add, 1, 1, 0, {
		[O_ROLE] = { "role", RX_CLI_NEEDED, 0 },
		[O_UNIT] = { "unit", RX_CLI_NEEDED, 0 },
		[O_NEW] = { "new-passphrase-fd", RX_CLI_VALUE, 0 },
	}
};

static rx_err
run_disable(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_user_disable(s, cli->operand[0], st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	return (done(cli, RX_MSG_CLI_USER_DISABLED, "disabled",
	    cli->operand[0], st));
}

const struct rx_cli_command rx_cli_user_disable = {
	{ "user", "disable" }, "USER", RX_MSG_CLI_HELP_USER_DISABLE,
	run_disable, 1, 1, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

enum { O_PASSWD_NEW };

static rx_err
run_passwd(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_secret *passphrase;
	struct rx_session *s;
	int fd;
	rx_err rc;

	rc = rx_cli_fd(cli->value[O_PASSWD_NEW], "--new-passphrase-fd", &fd,
	    st);
	if (rc != RX_OK || (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_new_passphrase(cli, fd, &passphrase, st)) == RX_OK) {
		rc = rx_session_passwd(s, passphrase, st);
		rx_secret_free(passphrase);
	}
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	return (done(cli, RX_MSG_CLI_PASSWD_DONE, "changed", cli->user, st));
}

const struct rx_cli_command rx_cli_passwd = {
	{ "passwd", NULL }, "[--new-passphrase-fd N]",
	RX_MSG_CLI_HELP_PASSWD, run_passwd, 0, 0, 0, {
		[O_PASSWD_NEW] = { "new-passphrase-fd", RX_CLI_VALUE, 0 },
	}
};

/* ---- list ---- */

static rx_err
collect(void *cookie, const struct rx_user_row *row, struct rx_status *st)
{
	char unit[RX_UNIT_TEXT];
	const char *role = "?";
	json_t *o;
	size_t i;
	rx_err rc;

	for (i = 0; i < NROLES; i++)
		if (roles[i].role == row->role)
			role = roles[i].key;
	rx_unit_text(unit, row->unit);
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "name", json_string(row->name), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "role", json_string(role), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "unit", json_string(unit), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "wide", json_boolean(row->wide), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "pending", json_integer(row->pending), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "temporary", json_boolean(row->temporary),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "disabled", json_boolean(row->disabled),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "rotation", json_integer(row->rotation),
		    st);
	if (rc != RX_OK) {
		json_decref(o);
		return (rc);
	}
	return (rx_cli_append(cookie, o, st));
}

static rx_err
role_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s = json_string_value(json_object_get(row, "role"));
	size_t i;

	for (i = 0; s != NULL && i < NROLES; i++)
		if (strcmp(roles[i].key, s) == 0)
			s = rx_msg(roles[i].name, cli->lang);
	return (s == NULL ? RX_OK : rx_buf_add(out, s, strlen(s), st));
}

/* The remarks of a row, separated. */
static rx_err
remark(struct rx_cli *cli, struct rx_buf *out, size_t start, enum rx_msg msg,
    struct rx_status *st)
{
	const char *s = rx_msg(msg, cli->lang);
	const char *sep = cli->lang == RX_LANG_EN ? "; " : "；";
	rx_err rc;

	if (out->len > start &&
	    (rc = rx_buf_add(out, sep, strlen(sep), st)) != RX_OK)
		return (rc);
	return (rx_buf_add(out, s, strlen(s), st));
}

static rx_err
state_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	size_t start = out->len;
	const char *successor;
	json_int_t pending;
	rx_err rc = RX_OK;

	pending = json_integer_value(json_object_get(row, "rotation"));
	if (json_is_true(json_object_get(row, "disabled"))) {
		rc = remark(cli, out, start, RX_MSG_CLI_MARK_DISABLED, st);
		if (rc == RX_OK && pending > 0 && (rc = remark(cli, out,
		    start, RX_MSG_CLI_MARK_ROTATION, st)) == RX_OK)
			rc = rx_buf_printf(out, st, " %lld",
			    (long long)pending);
		return (rc);
	}
	successor = json_string_value(json_object_get(row, "successor"));
	if (successor != NULL && (rc = remark(cli, out, start,
	    RX_MSG_CLI_MARK_HANDOVER, st)) == RX_OK)
		rc = rx_cli_clean(out, successor, strlen(successor), st);
	if (rc != RX_OK)
		return (rc);
	if (json_is_true(json_object_get(row, "wide")))
		rc = remark(cli, out, start, RX_MSG_CLI_MARK_WIDE, st);
	if (rc == RX_OK && json_is_true(json_object_get(row, "temporary")))
		rc = remark(cli, out, start, RX_MSG_CLI_MARK_TEMPORARY, st);
	pending = json_integer_value(json_object_get(row, "pending"));
	if (rc == RX_OK && pending > 0) {
		rc = remark(cli, out, start, RX_MSG_CLI_MARK_PENDING, st);
		if (rc == RX_OK)
			rc = rx_buf_printf(out, st, " %lld",
			    (long long)pending);
	}
	return (rc);
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_USER, "name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_ROLE, "role", RX_LIST_NONE, role_cell },
	{ RX_MSG_CLI_COL_UNIT, "unit", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_UNIT_NAME, "unit_name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_REMARKS, NULL, RX_LIST_NONE, state_cell },
};

/* Note in the rows ${cookie} of a leaver who takes over from him. */
static rx_err
mark_leaver(void *cookie, const char *leaver, const char *successor,
    struct rx_status *st)
{
	const char *name;
	json_t *row;
	size_t i;
	rx_err rc;

	for (i = 0; i < json_array_size(cookie); i++) {
		row = json_array_get(cookie, i);
		name = json_string_value(json_object_get(row, "name"));
		if (name != NULL && strcmp(name, leaver) == 0 &&
		    (rc = rx_cli_set(row, "successor", json_string(successor),
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	json_t *rows;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		goto err0;
	if ((rows = json_array()) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto err1;
	}
	if ((rc = rx_user_each(s, collect, rows, st)) == RX_OK &&
	    (rc = rx_handover_each(s, mark_leaver, rows, st)) == RX_OK)
		rc = rx_cli_unit_names(s, rows, st);
	if (rc == RX_OK)
		rc = rx_cli_list(cli, rows, columns,
		    sizeof(columns) / sizeof(columns[0]),
		    RX_MSG_CLI_USERS_NONE, st);
	json_decref(rows);
err1:
	rx_session_close(s);
err0:
	return (rc);
}

const struct rx_cli_command rx_cli_user_list = {
	{ "user", "list" }, "", RX_MSG_CLI_HELP_USER_LIST, run_list, 0, 0, 0,
	{ { NULL, RX_CLI_SWITCH, 0 } }
};
