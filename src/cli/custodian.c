/* recover, custodian test, custodian admin, custodian reissue: with two codes. */

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"

struct two {			/* the codes, in guarded memory */
	struct rx_secret *line[2];
	const char *text[2];
};

static void
codes_free(struct two *t)
{

	rx_secret_free(t->line[0]);
	rx_secret_free(t->line[1]);
}

/* Sign in, then read the codes: both may come from one descriptor. */
static rx_err
begin(struct rx_cli *cli, const char *fd_text, struct rx_session **s,
    struct two *t, struct rx_status *st)
{
	int fd, i;
	rx_err rc;

	memset(t, 0, sizeof(*t));
	*s = NULL;
	if ((rc = rx_cli_fd(fd_text, "--codes-fd", &fd, st)) != RX_OK ||
	    (rc = rx_cli_session(cli, s, st)) != RX_OK)
		return (rc);
	for (i = 0; i < 2; i++) {
		if ((rc = rx_cli_code_line(cli, fd, i, &t->line[i], st)) !=
		    RX_OK)
			return (rc);
		t->text[i] = (const char *)t->line[i]->b;
	}
	return (RX_OK);
}

/* ---- recover ---- */

enum { O_USER, O_CODES };

static rx_err
units_parse(struct rx_cli *cli, struct rx_buf *units, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	size_t i;
	rx_err rc;

	for (i = 0; i < RX_CLI_OPERANDS && cli->operand[i] != NULL; i++)
		if ((rc = rx_unit_parse(unit, cli->operand[i], st)) != RX_OK ||
		    (rc = rx_buf_add(units, unit, sizeof(unit), st)) != RX_OK)
			return (rc);
	return (RX_OK);
}

static rx_err
recovered(struct rx_cli *cli, const char *user, size_t made,
    struct rx_status *st)
{
	char n[24];
	json_t *o;
	rx_err rc;

	(void)snprintf(n, sizeof(n), "%zu", made);
	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_RECOVERED, "user",
		    user, "n", n, NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "user", json_string(user), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "units", json_integer((json_int_t)made),
		    st);
	return (rx_cli_print(cli, o, rc, st));
}

static rx_err
run_recover(struct rx_cli *cli, struct rx_status *st)
{
	const char *user = cli->value[O_USER] != NULL ? cli->value[O_USER] :
	    cli->user;
	struct rx_buf units = RX_BUF_INIT;
	struct rx_session *s = NULL;
	struct two codes = { { NULL, NULL }, { NULL, NULL } };
	size_t made = 0;
	rx_err rc;

	if ((rc = units_parse(cli, &units, st)) == RX_OK &&
	    (rc = begin(cli, cli->value[O_CODES], &s, &codes, st)) == RX_OK)
		rc = rx_recover(s, user, &units, codes.text, &made, st);
	codes_free(&codes);
	rx_session_close(s);
	rx_buf_free(&units);
	return (rc != RX_OK ? rc : recovered(cli, user, made, st));
}

const struct rx_cli_command rx_cli_recover = {
	{ "recover", NULL }, "[UNIT…] [--for NAME] [--codes-fd N]",
	RX_MSG_CLI_HELP_RECOVER, run_recover, 0, RX_CLI_OPERANDS, 0, {
		[O_USER] = { "for", RX_CLI_VALUE, 0 },
		[O_CODES] = { "codes-fd", RX_CLI_VALUE, 0 },
	}
};

/* ---- custodian test ---- */

enum { O_TEST_CODES };

static rx_err
tested(struct rx_cli *cli, const struct rx_custody *found,
    struct rx_status *st)
{
	char n[24], of[24];
	json_t *o;
	rx_err rc;

	(void)snprintf(n, sizeof(n), "%zu", found->opened);
	(void)snprintf(of, sizeof(of), "%zu", found->all);
	if (!cli->json) {
		rc = rx_cli_say(cli, st, found->opened == found->all ?
		    RX_MSG_CLI_CUSTODIAN_GOOD : RX_MSG_CLI_CUSTODIAN_PART,
		    "n", n, "all", of, NULL);
		return (rc != RX_OK ? rc : rx_cli_say(cli, st, found->root ?
		    RX_MSG_CUSTODIAN_ROOT : RX_MSG_CUSTODIAN_NO_ROOT, NULL));
	}
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "opened", json_integer((json_int_t)found->opened),
	    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "units", json_integer(
		    (json_int_t)found->all), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "administrator", json_boolean(found->root),
		    st);
	return (rx_cli_print(cli, o, rc, st));
}

static rx_err
run_test(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s = NULL;
	struct rx_custody found = { 0 };
	struct two codes = { { NULL, NULL }, { NULL, NULL } };
	rx_err rc;

	if ((rc = begin(cli, cli->value[O_TEST_CODES], &s, &codes, st)) ==
	    RX_OK)
		rc = rx_custodian_test(s, codes.text, &found, st);
	codes_free(&codes);
	rx_session_close(s);
	return (rc != RX_OK ? rc : tested(cli, &found, st));
}

const struct rx_cli_command rx_cli_custodian_test = {
	{ "custodian", "test" }, "[--codes-fd N]",
	RX_MSG_CLI_HELP_CUSTODIAN_TEST, run_test, 0, 0, 0, {
		[O_TEST_CODES] = { "codes-fd", RX_CLI_VALUE, 0 },
	}
};

/* ---- custodian admin ---- */

enum { O_ADMIN_CODES, O_ADMIN_NEW, O_ADMIN_YES };

static rx_err
admin_done(struct rx_cli *cli, const char *user, struct rx_status *st)
{
	json_t *o;

	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_ADMIN_DONE, "user",
		    user, NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, rx_cli_set(o, "administrator",
	    json_string(user), st), st));
}

static rx_err
run_admin(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_secret *passphrase = NULL;
	struct rx_session *s = NULL;
	struct two codes = { { NULL, NULL }, { NULL, NULL } };
	char user[RX_USER_NAME_BYTES] = "";
	int fd;
	rx_err rc;

	if ((rc = rx_cli_fd(cli->value[O_ADMIN_NEW], "--new-passphrase-fd",
	    &fd, st)) == RX_OK && (rc = rx_cli_confirm(cli,
	    cli->value[O_ADMIN_YES] != NULL, RX_MSG_CLI_ADMIN_ASK,
	    RX_MSG_CLI_CANCELLED, st)) == RX_OK && (rc = begin(cli,
	    cli->value[O_ADMIN_CODES], &s, &codes, st)) == RX_OK &&
	    (rc = rx_cli_new_passphrase(cli, fd, &passphrase, st)) == RX_OK)
		rc = rx_custodian_admin(s, codes.text, passphrase, st);
	if (rc == RX_OK)
		rx_text_copy(user, sizeof(user), rx_session_administrator(s));
	codes_free(&codes);
	rx_secret_free(passphrase);
	rx_session_close(s);
	return (rc != RX_OK ? rc : admin_done(cli, user, st));
}

const struct rx_cli_command rx_cli_custodian_admin = {
	{ "custodian", "admin" }, "[--codes-fd N] [--new-passphrase-fd N] "
	"[--yes]", RX_MSG_CLI_HELP_CUSTODIAN_ADMIN, run_admin, 0, 0, 0, {
		[O_ADMIN_CODES] = { "codes-fd", RX_CLI_VALUE, 0 },
		[O_ADMIN_NEW] = { "new-passphrase-fd", RX_CLI_VALUE, 0 },
		[O_ADMIN_YES] = { "yes", RX_CLI_SWITCH, 0 },
	}
};

/* ---- custodian reissue ---- */

enum { O_OUT, O_REISSUE_CODES };

struct sheet {
	const char *path;
	bool written;
};

static rx_err
keep(void *cookie, const struct rx_codes *codes, struct rx_status *st)
{
	struct sheet *sheet = cookie;
	rx_err rc;

	rc = rx_cli_recovery_write(sheet->path, codes, false, st);
	sheet->written = rc == RX_OK;
	return (rc);
}

static rx_err
run_reissue(struct rx_cli *cli, struct rx_status *st)
{
	struct sheet sheet = { cli->value[O_OUT], false };
	struct rx_session *s = NULL;
	struct two codes = { { NULL, NULL }, { NULL, NULL } };
	json_t *o;
	rx_err rc;

	if ((rc = rx_file_absent(sheet.path, st)) == RX_OK &&
	    (rc = rx_cli_writable(sheet.path, st)) == RX_OK && (rc = begin(cli,
	    cli->value[O_REISSUE_CODES], &s, &codes, st)) == RX_OK)
		rc = rx_custodian_reissue(s, codes.text, keep, &sheet, st);
	/* Codes of a reissue that did not happen are codes of nothing. */
	if (rc != RX_OK && sheet.written)
		(void)remove(sheet.path);
	codes_free(&codes);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_REISSUED, "file",
		    sheet.path,
		    NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, rx_cli_set(o, "recovery",
	    json_string(sheet.path), st), st));
}

const struct rx_cli_command rx_cli_custodian_reissue = {
	{ "custodian", "reissue" }, "--recovery-out FILE [--codes-fd N]",
	RX_MSG_CLI_HELP_CUSTODIAN_REISSUE, run_reissue, 0, 0, 0, {
		[O_OUT] = { "recovery-out", RX_CLI_NEEDED, 0 },
		[O_REISSUE_CODES] = { "codes-fd", RX_CLI_VALUE, 0 },
	}
};
