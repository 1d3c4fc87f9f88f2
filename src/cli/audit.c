/* audit verify, audit head, audit list. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"

enum { O_ANCHOR };

static void
progress(void *cookie, size_t done)
{

	(void)cookie;
	if (done % 1000 == 0)
		(void)fprintf(stderr, "\r%zu ", done);
}

static rx_err
verified(struct rx_cli *cli, uint64_t entries, struct rx_status *st)
{
	char n[24];
	json_t *o;
	rx_err rc;

	if (!cli->json) {
		(void)snprintf(n, sizeof(n), "%llu",
		    (unsigned long long)entries);
		rc = rx_cli_say(cli, st, RX_MSG_CLI_AUDIT_INTACT, "n", n,
		    NULL);
		if (rc == RX_OK && cli->value[O_ANCHOR] == NULL)
			rc = rx_cli_say(cli, st, RX_MSG_CLI_AUDIT_NO_ANCHOR,
			    NULL);
		return (rc);
	}
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "entries", json_integer((json_int_t)entries), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "intact", json_true(), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "anchored",
		    json_boolean(cli->value[O_ANCHOR] != NULL), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
run_verify(struct rx_cli *cli, struct rx_status *st)
{
	bool show = isatty(STDERR_FILENO) == 1;
	uint64_t entries = 0;
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_audit_verify(s, cli->value[O_ANCHOR], &entries,
	    show ? progress : NULL, NULL, st);
	if (show)
		(void)fputs("\r          \r", stderr);
	rx_session_close(s);
	return (rc != RX_OK ? rc : verified(cli, entries, st));
}

const struct rx_cli_command rx_cli_audit_verify = {
	{ "audit", "verify" }, "[--anchor CODE]",
	RX_MSG_CLI_HELP_AUDIT_VERIFY, run_verify, 0, 0, 0,
	{ [O_ANCHOR] = { "anchor", RX_CLI_VALUE, 0 } }
};

rx_err
rx_cli_head(struct rx_cli *cli, const struct rx_audit_head *head,
    struct rx_status *st)
{
	char hex[2 * RX_HASH_BYTES + 1], text[2 * RX_HASH_BYTES + 32];
	char code[RX_ANCHOR_TEXT];
	json_t *o;
	rx_err rc;

	rx_hex(hex, head->hash, sizeof(head->hash));
	(void)snprintf(text, sizeof(text), "%llu-%s",
	    (unsigned long long)head->seq, hex);
	rx_anchor_format(code, head);
	if (!cli->json)
		return (rx_buf_printf(&cli->out, st, "%s\n", text));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "head", json_string(text), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "code", json_string(code), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "seq", json_integer((json_int_t)head->seq),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "time", rx_cli_time_json(head->time), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

enum { O_CODE };

static rx_err
run_head(struct rx_cli *cli, struct rx_status *st)
{
	char code[RX_ANCHOR_TEXT];
	struct rx_audit_head head;
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_audit_head(s, &head, st);
	rx_session_close(s);
	if (rc != RX_OK || cli->json || cli->value[O_CODE] == NULL)
		return (rc != RX_OK ? rc : rx_cli_head(cli, &head, st));
	rx_anchor_format(code, &head);
	return (rx_buf_printf(&cli->out, st, "%s\n", code));
}

const struct rx_cli_command rx_cli_audit_head = {
	{ "audit", "head" }, "[--code]", RX_MSG_CLI_HELP_AUDIT_HEAD, run_head,
	0, 0, 0, { [O_CODE] = { "code", RX_CLI_SWITCH, 0 } }
};

/* ---- list ---- */

enum { O_BY, O_FROM, O_TO };

struct listing {
	struct rx_cli *cli;
	json_t *rows;
};

/* Set "about" and what goes with it. */
static rx_err
put_about(json_t *o, const struct rx_audit_row *row, struct rx_status *st)
{
	static const char *const about[] = {
		[RX_ABOUT_CASE] = "child", [RX_ABOUT_ACTIVITY] = "activity",
		[RX_ABOUT_PERSON] = "user", [RX_ABOUT_RELEASE] = "release",
		[RX_ABOUT_GONE] = "erased"
	};
	char id[RX_UUID_TEXT], unit[RX_UNIT_TEXT];
	rx_err rc;

	if (row->about == RX_ABOUT_NOTHING)
		return (rx_cli_set(o, "about", json_null(), st));
	if ((rc = rx_cli_set(o, "about", json_string(about[row->about]),
	    st)) != RX_OK)
		return (rc);
	rx_uuid_text(row->id, id);
	rc = rx_cli_set(o, "id", json_string(row->about == RX_ABOUT_PERSON ?
	    row->name : id), st);
	if (rc != RX_OK || row->unit[0] == '\0')
		return (rc);
	rx_unit_text(unit, row->unit);
	return (rx_cli_set(o, "unit", json_string(unit), st));
}

static rx_err
put_row(json_t *o, const struct rx_cli *cli, const struct rx_audit_row *row,
    struct rx_status *st)
{
	const char *key = rx_action_key(row->action);
	struct rx_buf words = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_cli_set(o, "seq", json_integer((json_int_t)row->seq),
	    st)) != RX_OK ||
	    (rc = rx_cli_set(o, "time", rx_cli_time_json(row->time), st)) !=
	    RX_OK ||
	    (rc = rx_cli_set(o, "user", json_string(row->user), st)) !=
	    RX_OK ||
	    (rc = rx_cli_set(o, "action", json_string(key != NULL ? key :
	    "?"), st)) != RX_OK ||
	    (rc = put_about(o, row, st)) != RX_OK)
		return (rc);
	if (!cli->json)
		rc = rx_audit_words(&words, row, cli->lang, st);
	else
		rc = rx_buf_add(&words, row->detail, strlen(row->detail), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "detail", words.len == 0 ? json_null() :
		    json_stringn((const char *)words.b, words.len), st);
	rx_buf_free(&words);
	return (rc != RX_OK ? rc : rx_cli_set(o, "reason_sealed",
	    json_boolean(row->reasoned), st));
}

static rx_err
list_each(void *cookie, const struct rx_audit_row *row, struct rx_status *st)
{
	struct listing *l = cookie;
	json_t *o = json_object();
	rx_err rc;

	if (o == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = put_row(o, l->cli, row, st)) != RX_OK) {
		json_decref(o);
		return (rc);
	}
	return (rx_cli_append(l->rows, o, st));
}

/* "looked at the case name phone" */
static rx_err
what_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *key = json_string_value(json_object_get(row, "action"));
	const char *s, *detail = json_string_value(json_object_get(row,
	    "detail"));
	int a;
	rx_err rc;

	for (a = RX_DID_INIT; a <= RX_DID_LAST; a++) {
		/* Some numbers have no action. */
		if (rx_action_key((enum rx_action)a) == NULL ||
		    strcmp(rx_action_key((enum rx_action)a), key) != 0)
			continue;
		s = rx_msg(rx_action_name((enum rx_action)a), cli->lang);
		if ((rc = rx_buf_add(out, s, strlen(s), st)) != RX_OK)
			return (rc);
	}
	return (detail == NULL ? RX_OK : rx_buf_printf(out, st, " %s",
	    detail));
}

static const struct rx_cli_column audit_columns[] = {
	{ RX_MSG_CLI_COL_SEQ, "seq", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_TIME, "time", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_USER, "user", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_WHAT, NULL, RX_LIST_NONE, what_cell },
	{ RX_MSG_CLI_COL_ABOUT, "id", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_UNIT_NAME, "unit_name", RX_LIST_NONE, NULL },
};

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_audit_filter f = { .user = cli->value[O_BY] };
	struct listing l = { cli, NULL };
	struct rx_session *s;
	size_t found;
	rx_err rc;

	if ((cli->value[O_FROM] != NULL && (rc = rx_cli_date(
	    cli->value[O_FROM], "--from", &f.from, st)) != RX_OK) ||
	    (cli->value[O_TO] != NULL && (rc = rx_cli_date(cli->value[O_TO],
	    "--to", &f.to, st)) != RX_OK) ||
	    (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((l.rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else if ((rc = rx_audit_list(s, &f, &found, list_each, &l, st)) ==
	    RX_OK && (rc = rx_cli_unit_names(s, l.rows, st)) == RX_OK)
		rc = rx_cli_list(cli, l.rows, audit_columns,
		    sizeof(audit_columns) / sizeof(audit_columns[0]),
		    RX_MSG_CLI_AUDIT_NONE, st);
	json_decref(l.rows);
	rx_session_close(s);
	return (rc);
}

const struct rx_cli_command rx_cli_audit_list = {
	{ "audit", "list" }, "[--by USER] [--from DATE] [--to DATE]",
	RX_MSG_CLI_HELP_AUDIT_LIST, run_list, 0, 0, 0, {
		[O_BY] = { "by", RX_CLI_VALUE, 0 },
		[O_FROM] = { "from", RX_CLI_VALUE, 0 },
		[O_TO] = { "to", RX_CLI_VALUE, 0 },
	}
};
