/* backup create, backup keys, backup verify, backup restore. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

#define KEEP_MAX 3650

/* The value of --keep. */
static rx_err
keep_days(const char *text, unsigned *days, struct rx_status *st)
{
	unsigned long n = RX_BACKUP_KEEP;
	rx_err rc;

	if (text != NULL && (rc = rx_cli_number(text, "--keep", 1, KEEP_MAX,
	    &n, st)) != RX_OK)
		return (rc);
	*days = (unsigned)n;
	return (RX_OK);
}

/* {"file": …, "keys": …} */
static rx_err
print_files(struct rx_cli *cli, const char *file, const char *keys,
    struct rx_status *st)
{
	json_t *o = json_object();
	rx_err rc = RX_OK;

	if (o == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (file != NULL)
		rc = rx_cli_set(o, "file", json_string(file), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "keys", json_string(keys), st);
	return (rx_cli_print(cli, o, rc, st));
}

/* ---- create ---- */

enum { O_SINCE, O_KEYS, O_KEEP };

static rx_err
created(struct rx_cli *cli, const char *keys, struct rx_status *st)
{
	const char *file = cli->operand[0], *since = cli->value[O_SINCE];

	if (cli->json)
		return (print_files(cli, file, keys, st));
	if (since != NULL)
		return (rx_cli_say(cli, st, RX_MSG_CLI_BACKUP_SINCE_DONE,
		    "file", file, "keys", keys, "since", since, NULL));
	return (rx_cli_say(cli, st, RX_MSG_CLI_BACKUP_DONE, "file", file,
	    "keys", keys, NULL));
}

static rx_err
run_create(struct rx_cli *cli, struct rx_status *st)
{
	const char *file = cli->operand[0];
	struct rx_session *s;
	unsigned keep;
	char *keys;
	rx_err rc;

	if ((rc = keep_days(cli->value[O_KEEP], &keep, st)) != RX_OK ||
	    (rc = rx_cli_writable(file, st)) != RX_OK)
		return (rc);
	if ((cli->value[O_KEYS] != NULL ? asprintf(&keys, "%s",
	    cli->value[O_KEYS]) : asprintf(&keys, "%s.keys", file)) < 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_cli_writable(keys, st)) != RX_OK ||
	    (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		goto done;
	rc = rx_backup_make(s, file, keys, cli->value[O_SINCE], keep, st);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = created(cli, keys, st);
done:
	free(keys);
	return (rc);
}

const struct rx_cli_command rx_cli_backup_create = {
	{ "backup", "create" },
	"FILE [--since PREVIOUS] [--keys FILE] [--keep DAYS]",
	RX_MSG_CLI_HELP_BACKUP_CREATE, run_create, 1, 1, 0, {
		[O_SINCE] = { "since", RX_CLI_VALUE, 0 },
		[O_KEYS] = { "keys", RX_CLI_VALUE, 0 },
		[O_KEEP] = { "keep", RX_CLI_VALUE, 0 },
	}
};

/* ---- keys ---- */

enum { O_KEYS_KEEP };

static rx_err
run_keys(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	char days[16];
	unsigned keep;
	rx_err rc;

	if ((rc = keep_days(cli->value[O_KEYS_KEEP], &keep, st)) != RX_OK ||
	    (rc = rx_cli_writable(cli->operand[0], st)) != RX_OK ||
	    (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_backup_keys(s, cli->operand[0], keep, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (cli->json)
		return (print_files(cli, NULL, cli->operand[0], st));
	(void)snprintf(days, sizeof(days), "%u", keep);
	return (rx_cli_say(cli, st, RX_MSG_CLI_BACKUP_KEYS_DONE, "file",
	    cli->operand[0], "days", days, NULL));
}

const struct rx_cli_command rx_cli_backup_keys = {
	{ "backup", "keys" }, "FILE [--keep DAYS]",
	RX_MSG_CLI_HELP_BACKUP_KEYS, run_keys, 1, 1, 0, {
		[O_KEYS_KEEP] = { "keep", RX_CLI_VALUE, 0 },
	}
};

/* ---- verify, restore ---- */

enum { O_FROM_KEYS, O_ANCHOR, O_OLDER };

static void
warn(struct rx_cli *cli, const struct rx_restored *got)
{
	char n[24];

	(void)snprintf(n, sizeof(n), "%lld", (long long)got->expired);
	if (got->expired > 0)
		rx_cli_note(cli, RX_MSG_CLI_BACKUP_EXPIRED, "days", n, NULL);
	(void)snprintf(n, sizeof(n), "%llu", (unsigned long long)got->behind);
	if (got->behind > 0)
		rx_cli_note(cli, RX_MSG_CLI_BACKUP_BEHIND, "n", n, NULL);
	if (got->forked)
		rx_cli_note(cli, RX_MSG_CLI_BACKUP_FORKED, "dir", cli->dir,
		    NULL);
}

/* Verify, and restore to ${dir} unless it is NULL. */
static rx_err
check(struct rx_cli *cli, const char *dir, struct rx_status *st)
{
	struct rx_restore ask = { .file = cli->operand[0],
	    .keys = cli->value[O_FROM_KEYS], .dir = dir,
	    .anchor = cli->value[O_ANCHOR],
	    .older = cli->value[O_OLDER] != NULL,
	    .live = dir != NULL ? cli->dir : NULL };
	struct rx_secret *passphrase;
	struct rx_restored got;
	rx_err rc;

	if ((rc = rx_cli_need_user(cli, st)) != RX_OK ||
	    (rc = rx_cli_passphrase(cli, &passphrase, st)) != RX_OK)
		return (rc);
	ask.user = cli->user;
	ask.passphrase = passphrase;
	rc = rx_backup_restore(&ask, &got, st);
	rx_secret_free(passphrase);
	if (rc != RX_OK)
		return (rc);
	warn(cli, &got);
	if (!cli->json) {
		rc = dir == NULL ?
		    rx_cli_say(cli, st, RX_MSG_CLI_BACKUP_INTACT, NULL) :
		    rx_cli_say(cli, st, RX_MSG_CLI_RESTORED, "dir", dir, NULL);
		if (rc != RX_OK)
			return (rc);
	}
	return (rx_cli_head(cli, &got.head, st));
}

static rx_err
run_verify(struct rx_cli *cli, struct rx_status *st)
{

	return (check(cli, NULL, st));
}

const struct rx_cli_command rx_cli_backup_verify = {
	{ "backup", "verify" },
	"FILE [--keys FILE] [--anchor CODE [--older-than-head]]",
	RX_MSG_CLI_HELP_BACKUP_VERIFY, run_verify, 1, 1, 0, {
		[O_FROM_KEYS] = { "keys", RX_CLI_VALUE, 0 },
		[O_ANCHOR] = { "anchor", RX_CLI_VALUE, 0 },
		[O_OLDER] = { "older-than-head", RX_CLI_SWITCH, 0 },
	}
};

static rx_err
run_restore(struct rx_cli *cli, struct rx_status *st)
{

	return (check(cli, cli->operand[1], st));
}

const struct rx_cli_command rx_cli_backup_restore = {
	{ "backup", "restore" },
	"FILE DIR [--keys FILE] [--anchor CODE [--older-than-head]]",
	RX_MSG_CLI_HELP_BACKUP_RESTORE, run_restore, 2, 2, 0, {
		[O_FROM_KEYS] = { "keys", RX_CLI_VALUE, 0 },
		[O_ANCHOR] = { "anchor", RX_CLI_VALUE, 0 },
		[O_OLDER] = { "older-than-head", RX_CLI_SWITCH, 0 },
	}
};
