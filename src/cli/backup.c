/* backup create, backup verify, backup restore. */

#include "cli/cli.h"

static rx_err
run_create(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_writable(cli->operand[0], st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_backup_create(s, cli->operand[0], st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_BACKUP_DONE, "file",
		    cli->operand[0], NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "file", json_string(cli->operand[0]), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

const struct rx_cli_command rx_cli_backup_create = {
	{ "backup", "create" }, "FILE", RX_MSG_CLI_HELP_BACKUP_CREATE,
	run_create, 1, 1, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

/* Verify, and restore to ${dir} unless it is NULL, as the copy ${copy} unless
 * that is NULL. */
static rx_err
check(struct rx_cli *cli, const char *dir, const char *copy,
    struct rx_status *st)
{
	struct rx_secret *passphrase;
	struct rx_audit_head head;
	rx_err rc;

	if ((rc = rx_cli_need_user(cli, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_passphrase(cli, &passphrase, st)) != RX_OK)
		return (rc);
	rc = copy != NULL && dir != NULL ?
	    rx_copy_restore(cli->operand[0], cli->user,
	    passphrase, dir, copy, &head, st) :
	    rx_backup_check(cli->operand[0], cli->user, passphrase, dir,
	    &head, st);
	rx_secret_free(passphrase);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json) {
		rc = dir == NULL ?
		    rx_cli_say(cli, st, RX_MSG_CLI_BACKUP_INTACT, NULL) :
		    copy != NULL ? rx_cli_say(cli, st, RX_MSG_CLI_COPY_DONE,
		    "dir", dir, "copy", copy, NULL) :
		    rx_cli_say(cli, st, RX_MSG_CLI_RESTORED, "dir", dir, NULL);
		if (rc != RX_OK)
			return (rc);
	}
	return (rx_cli_head(cli, &head, st));
}

static rx_err
run_verify(struct rx_cli *cli, struct rx_status *st)
{

	return (check(cli, NULL, NULL, st));
}

const struct rx_cli_command rx_cli_backup_verify = {
	{ "backup", "verify" }, "FILE", RX_MSG_CLI_HELP_BACKUP_VERIFY,
	run_verify, 1, 1, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

enum { O_COPY };

static rx_err
run_restore(struct rx_cli *cli, struct rx_status *st)
{

	return (check(cli, cli->operand[1], cli->value[O_COPY], st));
}

const struct rx_cli_command rx_cli_backup_restore = {
	{ "backup", "restore" }, "FILE DIR [--copy NAME]",
	RX_MSG_CLI_HELP_BACKUP_RESTORE, run_restore, 2, 2, 0, {
		[O_COPY] = { "copy", RX_CLI_VALUE, 0 },
	}
};
