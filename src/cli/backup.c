/* backup create, backup keys, backup prune, backup verify, backup restore. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static bool
is_folder(const char *path)
{
	struct stat sb;

	return (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode));
}

/* Tell what lies in the folder and is not of this register. */
static rx_err
odd_each(void *cookie, const struct rx_vault_file *f, struct rx_status *st)
{

	(void)st;
	if (!f->ours)
		rx_cli_note(cookie, RX_MSG_CLI_BACKUP_ODD, "file", f->name,
		    NULL);
	return (RX_OK);
}

/* A backup in the folder ${dir}, which builds on what is there. */
static rx_err
create_in(struct rx_cli *cli, struct rx_session *s, const char *dir,
    unsigned keep, struct rx_status *st)
{
	const char *other = cli->value[O_KEYS] != NULL ? cli->value[O_KEYS] :
	    dir;
	char name[RX_VAULT_NAME], *file = NULL, *keys = NULL;
	struct rx_vault_file top;
	struct rx_backup *b;
	bool whole;
	rx_err rc;

	if ((rc = rx_vault_each(s, dir, odd_each, cli, st)) != RX_OK ||
	    (rc = rx_vault_newest(s, dir, &top, st)) != RX_OK ||
	    (rc = rx_backup_take(&b, s, keep, st)) != RX_OK)
		return (rc);
	if ((rc = rx_vault_write(b, dir, other, &top, name, &whole, st)) !=
	    RX_OK ||
	    (rc = rx_vault_prove(b, dir, other, name, st)) != RX_OK)
		goto done;
	if (asprintf(&file, "%s/%s", dir, name) < 0 ||
	    asprintf(&keys, "%s/%s.keys", other, name) < 0) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto done;
	}
	rc = cli->json ? print_files(cli, file, keys, st) :
	    rx_cli_say(cli, st, whole ? RX_MSG_CLI_BACKUP_DONE :
	    RX_MSG_CLI_BACKUP_ADDED, "file", file, "keys", keys, NULL);
done:
	free(file);
	free(keys);
	rx_backup_release(b);
	return (rc);
}

static rx_err
create_as(struct rx_cli *cli, struct rx_session *s, const char *file,
    const char *keys, unsigned keep, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_backup_make(s, file, keys, cli->value[O_SINCE], keep,
	    st)) != RX_OK)
		return (rc);
	return (created(cli, keys, st));
}

static rx_err
run_create(struct rx_cli *cli, struct rx_status *st)
{
	const char *file = cli->operand[0];
	const bool folder = is_folder(file);
	struct rx_session *s;
	unsigned keep;
	char *keys;
	rx_err rc;

	if ((rc = keep_days(cli->value[O_KEEP], &keep, st)) != RX_OK)
		return (rc);
	if (folder && cli->value[O_SINCE] != NULL)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_BACKUP_SINCE_FILE));
	if ((cli->value[O_KEYS] != NULL ? asprintf(&keys, "%s",
	    cli->value[O_KEYS]) : asprintf(&keys, "%s.keys", file)) < 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (!folder && ((rc = rx_cli_writable(file, st)) != RX_OK ||
	    (rc = rx_cli_writable(keys, st)) != RX_OK))
		goto done;
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		goto done;
	rc = folder ? create_in(cli, s, file, keep, st) :
	    create_as(cli, s, file, keys, keep, st);
	rx_session_close(s);
done:
	free(keys);
	return (rc);
}

const struct rx_cli_command rx_cli_backup_create = {
	{ "backup", "create" },
	"FILE|FOLDER [--since PREVIOUS] [--keys FILE|FOLDER] [--keep DAYS]",
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

/* ---- prune ---- */

enum { O_PRUNE_YES };

struct pruning {
	struct rx_cli *cli;
	bool remove;
	size_t n;
};

static rx_err
prune_each(void *cookie, const char *path, int64_t days, struct rx_status *st)
{
	struct pruning *p = cookie;
	char n[24];

	p->n++;
	if (!p->remove) {
		(void)snprintf(n, sizeof(n), "%lld", (long long)days);
		rx_cli_note(p->cli, RX_MSG_CLI_PRUNE_ONE, "file", path,
		    "days", n, NULL);
		return (RX_OK);
	}
	if (unlink(path) == 0)
		return (RX_OK);
	rx_status_arg(st, "file", "%s", path);
	return (rx_fail(st, RX_EIO, RX_MSG_FILE_NO_ACCESS));
}

/* Show what would go, ask, remove. */
static rx_err
prune(struct rx_cli *cli, struct rx_session *s, size_t *removed,
    struct rx_status *st)
{
	struct pruning p = { cli, false, 0 };
	rx_err rc;

	*removed = 0;
	if ((rc = rx_vault_expired(s, cli->operand[0], false, prune_each, &p,
	    st)) != RX_OK || p.n == 0)
		return (rc);
	if ((rc = rx_cli_confirm(cli, cli->value[O_PRUNE_YES] != NULL,
	    RX_MSG_CLI_PRUNE_ASK, RX_MSG_CLI_PRUNE_CANCELLED, st)) != RX_OK)
		return (rc);
	p.remove = true;
	p.n = 0;
	rc = rx_vault_expired(s, cli->operand[0], false, prune_each, &p, st);
	*removed = p.n;
	return (rc);
}

static rx_err
run_prune(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	size_t removed;
	char n[24];
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = prune(cli, s, &removed, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	(void)snprintf(n, sizeof(n), "%zu", removed);
	if (!cli->json)
		return (removed == 0 ? rx_cli_say(cli, st,
		    RX_MSG_CLI_PRUNE_NONE, NULL) : rx_cli_say(cli, st,
		    RX_MSG_CLI_PRUNED, "n", n, NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, rx_cli_set(o, "removed",
	    json_integer((json_int_t)removed), st), st));
}

const struct rx_cli_command rx_cli_backup_prune = {
	{ "backup", "prune" }, "FOLDER [--yes]", RX_MSG_CLI_HELP_BACKUP_PRUNE,
	run_prune, 1, 1, 0, {
		[O_PRUNE_YES] = { "yes", RX_CLI_SWITCH, 0 },
	}
};

/* ---- verify, restore ---- */

enum { O_FROM_KEYS, O_ANCHOR, O_OLDER, O_COPY };

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

/* Verify, and restore to ${dir} unless it is NULL, as the copy ${copy} unless
 * that is NULL. */
static rx_err
check(struct rx_cli *cli, const char *dir, const char *copy,
    struct rx_status *st)
{
	struct rx_restore ask = { .file = cli->operand[0],
	    .keys = cli->value[O_FROM_KEYS], .dir = dir, .copy = copy,
	    .older = cli->value[O_OLDER] != NULL,
	    .live = dir != NULL ? cli->dir : NULL };
	struct rx_buf text = RX_BUF_INIT;
	struct rx_secret *passphrase;
	struct rx_restored got;
	rx_err rc;

	if ((rc = rx_cli_anchor(&ask.anchor, &text, cli->value[O_ANCHOR],
	    st)) != RX_OK || (rc = rx_cli_need_user(cli, st)) != RX_OK ||
	    (rc = rx_cli_passphrase(cli, &passphrase, st)) != RX_OK)
		goto done;
	ask.user = cli->user;
	ask.passphrase = passphrase;
	rc = rx_backup_restore(&ask, &got, st);
	rx_secret_free(passphrase);
done:
	rx_buf_free(&text);
	if (rc != RX_OK)
		return (rc);
	warn(cli, &got);
	if (!cli->json) {
		rc = dir == NULL ?
		    rx_cli_say(cli, st, RX_MSG_CLI_BACKUP_INTACT, NULL) :
		    copy != NULL ? rx_cli_say(cli, st, RX_MSG_CLI_COPY_DONE,
		    "dir", dir, "copy", copy, NULL) :
		    rx_cli_say(cli, st, RX_MSG_CLI_RESTORED, "dir", dir, NULL);
		if (rc != RX_OK)
			return (rc);
	}
	return (rx_cli_head(cli, &got.head, st));
}

static rx_err
run_verify(struct rx_cli *cli, struct rx_status *st)
{

	return (check(cli, NULL, NULL, st));
}

const struct rx_cli_command rx_cli_backup_verify = {
	{ "backup", "verify" },
	"FILE [--keys FILE] [--anchor CODE|FILE] [--older-than-head]",
	RX_MSG_CLI_HELP_BACKUP_VERIFY, run_verify, 1, 1, 0, {
		[O_FROM_KEYS] = { "keys", RX_CLI_VALUE, 0 },
		[O_ANCHOR] = { "anchor", RX_CLI_VALUE, 0 },
		[O_OLDER] = { "older-than-head", RX_CLI_SWITCH, 0 },
	}
};

static rx_err
run_restore(struct rx_cli *cli, struct rx_status *st)
{

	return (check(cli, cli->operand[1], cli->value[O_COPY], st));
}

const struct rx_cli_command rx_cli_backup_restore = {
	{ "backup", "restore" },
	"FILE DIR [--keys FILE] [--anchor CODE|FILE] [--older-than-head] [--copy NAME]",
	RX_MSG_CLI_HELP_BACKUP_RESTORE, run_restore, 2, 2, 0, {
		[O_COPY] = { "copy", RX_CLI_VALUE, 0 },
		[O_FROM_KEYS] = { "keys", RX_CLI_VALUE, 0 },
		[O_ANCHOR] = { "anchor", RX_CLI_VALUE, 0 },
		[O_OLDER] = { "older-than-head", RX_CLI_SWITCH, 0 },
	}
};
