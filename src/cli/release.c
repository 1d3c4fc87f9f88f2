/* release list, release verify: the release ledger. */

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

struct ledger {
	json_t *rows;
	size_t damaged;
	size_t pairs, failed;	/* of tables audited together */
};

static rx_err
collect(void *cookie, const struct rx_release_row *row, struct rx_status *st)
{
	struct ledger *l = cookie;
	json_t *o;
	rx_err rc;

	if (!row->intact)
		l->damaged++;
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "id", json_string(row->id), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "at", rx_cli_time_json(row->at), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "kind", json_string(row->kind), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "author", json_string(row->author), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "title", json_string(row->title), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "issue", json_integer(row->issue), st);
	if (rc == RX_OK && strcmp(row->kind, "annex") != 0)
		rc = rx_cli_set(o, "cells", json_integer(row->cells), st);
	if (rc == RX_OK && strcmp(row->kind, "annex") != 0)
		rc = rx_cli_set(o, "suppressed", json_integer(row->suppressed),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "from", json_string(row->from), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "to", json_string(row->to), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "intact", json_boolean(row->intact), st);
	if (rc != RX_OK) {
		json_decref(o);
		return (rc);
	}
	return (rx_cli_append(l->rows, o, st));
}

static rx_err
kind_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s = json_string_value(json_object_get(row, "kind"));

	if (s == NULL)
		return (RX_OK);
	if (strcmp(s, "annex") == 0)
		s = rx_msg(RX_MSG_CLI_KIND_ANNEX, cli->lang);
	else if (strcmp(s, "table") == 0)
		s = rx_msg(RX_MSG_CLI_KIND_TABLE, cli->lang);
	else if (strcmp(s, "private") == 0)
		s = rx_msg(RX_MSG_CLI_KIND_PRIVATE, cli->lang);
	return (rx_buf_add(out, s, strlen(s), st));
}

static rx_err
intact_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s;

	s = rx_msg(json_is_true(json_object_get(row, "intact")) ?
	    RX_MSG_CLI_INTACT : RX_MSG_CLI_NOT_INTACT, cli->lang);
	return (rx_buf_add(out, s, strlen(s), st));
}

/* "12/40": withheld, of so many cells. */
static rx_err
suppressed_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const json_t *cells = json_object_get(row, "cells");

	(void)cli;
	if (cells == NULL)
		return (RX_OK);
	return (rx_buf_printf(out, st, "%lld/%lld", (long long)
	    json_integer_value(json_object_get(row, "suppressed")),
	    (long long)json_integer_value(cells)));
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_TIME, "at", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_KIND, "kind", RX_LIST_NONE, kind_cell },
	{ RX_MSG_CLI_COL_TITLE, "title", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_SUPPRESSED, NULL, RX_LIST_NONE, suppressed_cell },
	{ RX_MSG_CLI_COL_ISSUE, "issue", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_AUTHOR, "author", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_INTACT, NULL, RX_LIST_NONE, intact_cell },
};

/* Tables ${a} and ${b} were audited together: the row of each says so. */
static rx_err
note_pair(void *cookie, const char *a, const char *b, struct rx_status *st)
{
	struct ledger *l = cookie;
	json_t *row, *with;
	const char *id, *other;
	size_t i;
	rx_err rc;

	l->pairs++;
	for (i = 0; i < json_array_size(l->rows); i++) {
		row = json_array_get(l->rows, i);
		id = json_string_value(json_object_get(row, "id"));
		if (id == NULL)
			continue;
		other = strcmp(id, a) == 0 ? b : strcmp(id, b) == 0 ? a : NULL;
		if (other == NULL)
			continue;
		if ((with = json_object_get(row, "audited_with")) == NULL) {
			with = json_array();
			rc = rx_cli_set(row, "audited_with", with, st);
			if (rc != RX_OK)
				return (rc);
		}
		rc = rx_cli_append(with, json_string(other), st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
read_ledger(struct rx_cli *cli, struct ledger *l, bool audit,
    struct rx_status *st)
{
	struct rx_session *s;
	rx_err rc;

	l->rows = NULL;
	l->damaged = l->pairs = l->failed = 0;
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((l->rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = rx_releases_each(s, collect, l, st);
	/* What was tampered with is no ground to reckon on. */
	if (rc == RX_OK && audit && l->damaged == 0)
		rc = rx_releases_audit(s, note_pair, l, &l->failed, st);
	rx_session_close(s);
	return (rc);
}

static rx_err
print_ledger(struct rx_cli *cli, const struct ledger *l, struct rx_status *st)
{

	return (rx_cli_list(cli, l->rows, columns,
	    sizeof(columns) / sizeof(columns[0]), RX_MSG_CLI_RELEASES_NONE,
	    st));
}

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	struct ledger l;
	rx_err rc;

	if ((rc = read_ledger(cli, &l, false, st)) == RX_OK)
		rc = print_ledger(cli, &l, st);
	json_decref(l.rows);
	return (rc);
}

const struct rx_cli_command rx_cli_release_list = {
	{ "release", "list" }, "", RX_MSG_CLI_HELP_RELEASE_LIST, run_list,
	0, 0, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

/* The list shows which ones, then the exit code says that there are any. */
static rx_err
run_verify(struct rx_cli *cli, struct rx_status *st)
{
	struct ledger l;
	char n[24];
	rx_err rc;

	if ((rc = read_ledger(cli, &l, true, st)) != RX_OK ||
	    (rc = print_ledger(cli, &l, st)) != RX_OK)
		goto err0;
	(void)snprintf(n, sizeof(n), "%zu", json_array_size(l.rows));
	if (l.damaged > 0) {
		if ((rc = rx_cli_flush(cli, st)) == RX_OK) {
			rx_status_arg(st, "n", "%zu", l.damaged);
			rc = rx_fail(st, RX_ECORRUPT,
			    RX_MSG_CLI_RELEASE_DAMAGED);
		}
	} else if (l.failed > 0) {
		if ((rc = rx_cli_flush(cli, st)) == RX_OK) {
			rx_status_arg(st, "n", "%zu", l.failed);
			rc = rx_fail(st, RX_ECONFLICT,
			    RX_MSG_CLI_RELEASES_UNSAFE);
		}
	} else if (!cli->json && json_array_size(l.rows) > 0) {
		rc = rx_cli_say(cli, st, RX_MSG_CLI_RELEASES_INTACT, "n", n,
		    NULL);
		(void)snprintf(n, sizeof(n), "%zu", l.pairs);
		if (rc == RX_OK && l.pairs > 0)
			rc = rx_cli_say(cli, st, RX_MSG_CLI_RELEASES_AUDITED,
			    "n", n, NULL);
	}
err0:
	json_decref(l.rows);
	return (rc);
}

const struct rx_cli_command rx_cli_release_verify = {
	{ "release", "verify" }, "", RX_MSG_CLI_HELP_RELEASE_VERIFY,
	run_verify, 0, 0, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};
