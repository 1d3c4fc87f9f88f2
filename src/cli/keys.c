/* unit rotate, user reset, user handover, handover list. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* Tell on a terminal how far a rotation is; at sign-in it may take a while. */
static void
watch(void *cookie, const char unit[RX_UNIT_BYTES], size_t done, size_t all)
{
	char text[RX_UNIT_TEXT], n[24], of[24];

	rx_unit_text(text, unit);
	if (rx_unit_of_register(unit))
		return;
	if (all == 0) {
		rx_cli_note(cookie, RX_MSG_CLI_ROTATING, "unit", text, NULL);
		return;
	}
	(void)snprintf(n, sizeof(n), "%zu", done);
	(void)snprintf(of, sizeof(of), "%zu", all);
	rx_cli_note(cookie, RX_MSG_CLI_ROTATING_CASES, "unit", text, "n", n,
	    "all", of, NULL);
}

void
rx_cli_watch(struct rx_cli *cli)
{

	if (isatty(STDERR_FILENO) == 1)
		rx_rotation_watch(watch, cli);
}

static rx_err
say_number(struct rx_cli *cli, enum rx_msg msg, const char *key, size_t n,
    struct rx_status *st)
{
	char number[24];
	json_t *o;

	(void)snprintf(number, sizeof(number), "%zu", n);
	if (!cli->json)
		return (rx_cli_say(cli, st, msg, "n", number, NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, rx_cli_set(o, key,
	    json_integer((json_int_t)n), st), st));
}

/* ---- unit rotate ---- */

enum { O_ALL };

static rx_err
run_rotate(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	size_t rotated;
	rx_err rc;

	/* One of them, and not both. */
	if ((cli->operand[0] == NULL) == (cli->value[O_ALL] == NULL))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_ROTATE_WHAT));
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_rotate(s, cli->operand[0], &rotated, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	return (say_number(cli, RX_MSG_CLI_ROTATED, "rotated", rotated, st));
}

const struct rx_cli_command rx_cli_unit_rotate = {
	{ "unit", "rotate" }, "CODE | --all", RX_MSG_CLI_HELP_UNIT_ROTATE,
	run_rotate, 0, 1, 0, {
		[O_ALL] = { "all", RX_CLI_SWITCH, 0 },
	}
};

/* ---- user reset ---- */

enum { O_RESET_NEW };

static rx_err
run_reset(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_secret *passphrase;
	struct rx_session *s;
	json_t *o;
	int fd;
	rx_err rc;

	rc = rx_cli_fd(cli->value[O_RESET_NEW], "--new-passphrase-fd", &fd,
	    st);
	if (rc != RX_OK || (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_new_passphrase(cli, fd, &passphrase, st)) == RX_OK) {
		rc = rx_user_reset(s, cli->operand[0], passphrase, st);
		rx_secret_free(passphrase);
	}
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_RESET_DONE, "user",
		    cli->operand[0], NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, rx_cli_set(o, "reset",
	    json_string(cli->operand[0]), st), st));
}

const struct rx_cli_command rx_cli_user_reset = {
	{ "user", "reset" }, "USER [--new-passphrase-fd N]",
	RX_MSG_CLI_HELP_USER_RESET, run_reset, 1, 1, 0, {
		[O_RESET_NEW] = { "new-passphrase-fd", RX_CLI_VALUE, 0 },
	}
};

/* ---- user handover ---- */

enum { O_NOW, O_HANDOVER_NEW };

static rx_err
handover_report(struct rx_cli *cli, const struct rx_handover *h, bool enrolled,
    struct rx_status *st)
{
	const char *old = cli->operand[0], *new = cli->operand[1];
	char n[24];
	json_t *o;
	rx_err rc;

	(void)snprintf(n, sizeof(n), "%u", h->waiting);
	if (cli->json) {
		if ((o = json_object()) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		rc = rx_cli_set(o, "ended", json_boolean(h->ended), st);
		if (rc == RX_OK)
			rc = rx_cli_set(o, "waiting",
			    json_integer(h->waiting), st);
		return (rx_cli_print(cli, o, rc, st));
	}
	rc = rx_cli_say(cli, st, !h->ended ? RX_MSG_CLI_HANDOVER_WAITS :
	    RX_MSG_CLI_HANDOVER_ENDED, "old", old, "new", new, NULL);
	if (rc == RX_OK && h->ended && h->waiting > 0)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_HANDOVER_KEYS, "new", new,
		    "n", n, NULL);
	if (rc == RX_OK && enrolled)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_USER_ADDED, "user", new,
		    NULL);
	return (rc);
}

static rx_err
run_handover(struct rx_cli *cli, struct rx_status *st)
{
	const char *user = cli->operand[1];
	bool known = false;
	struct rx_secret *passphrase = NULL;
	struct rx_handover h = { false, 0 };
	struct rx_session *s;
	int fd;
	rx_err rc;

	rc = rx_cli_fd(cli->value[O_HANDOVER_NEW], "--new-passphrase-fd", &fd,
	    st);
	if (rc != RX_OK || (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_user_known(&known, s, user, st)) == RX_OK &&
	    !known)
		rc = rx_cli_new_passphrase(cli, fd, &passphrase, st);
	if (rc == RX_OK)
		rc = rx_user_handover(s, cli->operand[0], user, passphrase,
		    cli->value[O_NOW] != NULL, &h, st);
	rx_secret_free(passphrase);
	rx_session_close(s);
	return (rc != RX_OK ? rc : handover_report(cli, &h, !known, st));
}

const struct rx_cli_command rx_cli_user_handover = {
	{ "user", "handover" }, "OLD NEW [--now] [--new-passphrase-fd N]",
	RX_MSG_CLI_HELP_USER_HANDOVER, run_handover, 2, 2, 0, {
		[O_NOW] = { "now", RX_CLI_SWITCH, 0 },
		[O_HANDOVER_NEW] = { "new-passphrase-fd", RX_CLI_VALUE, 0 },
	}
};

/* ---- handover list: on screen only ---- */

enum { O_NAMES };

struct listing {
	char unit[RX_UNIT_BYTES];
	json_t *rows;
};

static rx_err
list_row(void *cookie, const struct rx_child_row *row, struct rx_status *st)
{
	struct listing *l = cookie;

	if (!rx_unit_covers(l->unit, row->child->unit))
		return (RX_OK);
	return (rx_cli_child_row(l->rows, row, st));
}

/* What a successor needs for a start, and no notes. */
static const struct rx_cli_column list_columns[] = {
	{ RX_MSG_CLI_COL_ID, "id", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_AGE, "age", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_RISK, "risk", RX_LIST_RISK, NULL },
	{ RX_MSG_CLI_COL_LAST, "last", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_DUE, "due", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_MARKS, NULL, RX_LIST_NONE, rx_cli_marks_cell },
	{ RX_MSG_CLI_COL_CHILD_NAME, "name", RX_LIST_NONE, NULL },
};
#define NLIST (sizeof(list_columns) / sizeof(list_columns[0]))

static void
names_drop(json_t *rows)
{
	size_t i;

	for (i = 0; i < json_array_size(rows); i++)
		(void)json_object_del(json_array_get(rows, i), "name");
}

static rx_err
run_handover_list(struct rx_cli *cli, struct rx_status *st)
{
	const bool names = cli->value[O_NAMES] != NULL;
	struct listing l = { "", NULL };
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_unit_parse(l.unit, cli->operand[0], st)) != RX_OK ||
	    (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((l.rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else if ((rc = rx_child_browse(s, "", names, list_row, &l, st)) ==
	    RX_OK && !names)
		names_drop(l.rows);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = rx_cli_list(cli, l.rows, list_columns, names ? NLIST :
		    NLIST - 1, RX_MSG_CLI_HANDOVER_NONE, st);
	json_decref(l.rows);
	return (rc);
}

const struct rx_cli_command rx_cli_handover_list = {
	{ "handover", "list" }, "UNIT [--names]", RX_MSG_CLI_HELP_HANDOVER_LIST,
	run_handover_list, 1, 1, 0, {
		[O_NAMES] = { "names", RX_CLI_SWITCH, 0 },
	}
};
