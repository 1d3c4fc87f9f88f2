/* audit verify, audit head, audit countersign, audit anchors, audit list. */

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/qr.h"
#include "cli/cli.h"

enum { O_ANCHOR, O_FULL };

#define ANCHOR_FILE_MAX 4096

static void
progress(void *cookie, size_t done)
{

	(void)cookie;
	if (done % 1000 == 0)
		(void)fprintf(stderr, "\r%zu ", done);
}

rx_err
rx_cli_anchor(const char **anchor, struct rx_buf *text, const char *value,
    struct rx_status *st)
{
	struct stat sb;
	rx_err rc;

	*anchor = value;
	if (value == NULL || stat(value, &sb) != 0 || !S_ISREG(sb.st_mode))
		return (RX_OK);
	if ((rc = rx_file_read(text, value, ANCHOR_FILE_MAX, st)) != RX_OK ||
	    (rc = rx_buf_add(text, "", 1, st)) != RX_OK)
		return (rc);
	*anchor = (const char *)text->b;
	return (RX_OK);
}

/* How the entries were verified. */
static rx_err
say_how(struct rx_cli *cli, const struct rx_audit_check *check,
    struct rx_status *st)
{
	char from[24], rest[24], time[RX_TIME_TEXT];

	if (check->from == 0)
		return (rx_cli_say(cli, st, RX_MSG_CLI_AUDIT_FULL, NULL));
	(void)snprintf(from, sizeof(from), "%llu",
	    (unsigned long long)check->from);
	(void)snprintf(rest, sizeof(rest), "%llu",
	    (unsigned long long)(check->head.seq - check->from));
	rx_time_format(check->by.time, time);
	return (rx_cli_say(cli, st, RX_MSG_CLI_AUDIT_FROM, "from", from, "user",
	    check->by.user, "time", time, "rest", rest, NULL));
}

static rx_err
say_number(struct rx_cli *cli, enum rx_msg msg, size_t count,
    struct rx_status *st)
{
	char n[24];

	(void)snprintf(n, sizeof(n), "%zu", count);
	return (rx_cli_say(cli, st, msg, "n", n, NULL));
}

static rx_err
verified_text(struct rx_cli *cli, const struct rx_audit_check *check,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = say_number(cli, RX_MSG_CLI_AUDIT_INTACT,
	    (size_t)check->head.seq, st)) != RX_OK ||
	    (rc = say_how(cli, check, st)) != RX_OK ||
	    (check->anchors > 0 && (rc = say_number(cli,
	    RX_MSG_CLI_AUDIT_HEADS, check->anchors, st)) != RX_OK) ||
	    (check->lost > 0 && (rc = say_number(cli, RX_MSG_CLI_AUDIT_LOST,
	    check->lost, st)) != RX_OK))
		return (rc);
	return (cli->value[O_ANCHOR] != NULL ? RX_OK :
	    rx_cli_say(cli, st, RX_MSG_CLI_AUDIT_NO_ANCHOR, NULL));
}

static rx_err
verified_json(struct rx_cli *cli, const struct rx_audit_check *check,
    json_t *o, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_cli_set(o, "entries", json_integer(
	    (json_int_t)check->head.seq), st)) != RX_OK ||
	    (rc = rx_cli_set(o, "intact", json_true(), st)) != RX_OK ||
	    (rc = rx_cli_set(o, "anchored", json_boolean(
	    cli->value[O_ANCHOR] != NULL), st)) != RX_OK ||
	    (rc = rx_cli_set(o, "from", json_integer((json_int_t)check->from),
	    st)) != RX_OK ||
	    (rc = rx_cli_set(o, "by", check->from == 0 ? json_null() :
	    json_string(check->by.user), st)) != RX_OK ||
	    (rc = rx_cli_set(o, "countersigned", json_integer(
	    (json_int_t)check->anchors), st)) != RX_OK)
		return (rc);
	return (rx_cli_set(o, "lost", json_integer((json_int_t)check->lost),
	    st));
}

static rx_err
run_verify(struct rx_cli *cli, struct rx_status *st)
{
	const bool show = isatty(STDERR_FILENO) == 1;
	struct rx_audit_check check = { .trust = cli->value[O_FULL] != NULL ?
	    RX_TRUST_NOBODY : RX_TRUST_OTHERS };
	struct rx_buf text = RX_BUF_INIT;
	struct rx_session *s;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_anchor(&check.anchor, &text, cli->value[O_ANCHOR],
	    st)) != RX_OK || (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		goto done;
	rc = rx_audit_check(s, &check, show ? progress : NULL, NULL, st);
	if (show)
		(void)fputs("\r          \r", stderr);
	rx_session_close(s);
	if (rc != RX_OK)
		goto done;
	if (!cli->json)
		rc = verified_text(cli, &check, st);
	else if ((o = json_object()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = rx_cli_print(cli, o, verified_json(cli, &check, o, st),
		    st);
done:
	rx_buf_free(&text);
	return (rc);
}

const struct rx_cli_command rx_cli_audit_verify = {
	{ "audit", "verify" }, "[--anchor CODE|FILE] [--full]",
	RX_MSG_CLI_HELP_AUDIT_VERIFY, run_verify, 0, 0, 0, {
		[O_ANCHOR] = { "anchor", RX_CLI_VALUE, 0 },
		[O_FULL] = { "full", RX_CLI_SWITCH, 0 },
	}
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

enum { O_CODE, O_QR };

/* Two rows of modules a line; what is light is drawn, with a border of four. */
static rx_err
qr_text(struct rx_buf *out, const struct rx_qr *qr, bool color,
    struct rx_status *st)
{
	static const char *const cell[4] = { "█", "▀", "▄", " " };
	int x, y, n = qr->side;
	bool up, down;
	rx_err rc;

	for (y = -4; y < n + 4; y += 2) {
		if (color && (rc = rx_buf_printf(out, st, "\033[40;97m")) !=
		    RX_OK)
			return (rc);
		for (x = -4; x < n + 4; x++) {
			up = x >= 0 && x < n && y >= 0 && y < n &&
			    qr->dark[y][x];
			down = x >= 0 && x < n && y + 1 >= 0 && y + 1 < n &&
			    qr->dark[y + 1][x];
			if ((rc = rx_buf_printf(out, st, "%s", cell[2 * up +
			    down])) != RX_OK)
				return (rc);
		}
		if ((rc = rx_buf_printf(out, st, color ? "\033[0m\n" :
		    "\n")) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
run_head(struct rx_cli *cli, struct rx_status *st)
{
	char code[RX_ANCHOR_TEXT];
	struct rx_audit_head head;
	struct rx_session *s;
	struct rx_qr qr;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_audit_head(s, &head, st);
	rx_session_close(s);
	if (rc != RX_OK || cli->json || (cli->value[O_CODE] == NULL &&
	    cli->value[O_QR] == NULL))
		return (rc != RX_OK ? rc : rx_cli_head(cli, &head, st));
	rx_anchor_format(code, &head);
	if ((rc = rx_buf_printf(&cli->out, st, "%s\n", code)) != RX_OK ||
	    cli->value[O_QR] == NULL ||
	    (rc = rx_qr_make(&qr, code, st)) != RX_OK)
		return (rc);
	return (qr_text(&cli->out, &qr, isatty(STDOUT_FILENO) == 1, st));
}

const struct rx_cli_command rx_cli_audit_head = {
	{ "audit", "head" }, "[--code] [--qr]", RX_MSG_CLI_HELP_AUDIT_HEAD,
	run_head, 0, 0, 0, {
		[O_CODE] = { "code", RX_CLI_SWITCH, 0 },
		[O_QR] = { "qr", RX_CLI_SWITCH, 0 },
	}
};

/* ---- countersigned heads ---- */

enum { O_FILE };

/* "SEQ-XXXX-…" */
static void
code_of(char code[RX_ANCHOR_TEXT], const struct rx_countersigned *c)
{
	struct rx_audit_head head = { .seq = c->seq };

	memcpy(head.hash, c->hash, RX_HASH_BYTES);
	rx_anchor_format(code, &head);
}

static rx_err
countersigned_json(json_t *o, const struct rx_countersigned *c,
    struct rx_status *st)
{
	static const uint8_t none[RX_ID_BYTES];
	char code[RX_ANCHOR_TEXT], hex[2 * RX_ID_BYTES + 1];
	rx_err rc;

	code_of(code, c);
	rx_hex(hex, c->chain, RX_ID_BYTES);
	if ((rc = rx_cli_set(o, "seq", json_integer((json_int_t)c->seq),
	    st)) != RX_OK ||
	    (rc = rx_cli_set(o, "code", json_string(code), st)) != RX_OK ||
	    (rc = rx_cli_set(o, "user", json_string(c->user), st)) != RX_OK ||
	    (rc = rx_cli_set(o, "time", rx_cli_time_json(c->time), st)) !=
	    RX_OK ||
	    (rc = rx_cli_set(o, "kind", json_string(c->kind ==
	    RX_ANCHOR_VERIFIED ? "verified" : "seen"), st)) != RX_OK ||
	    (rc = rx_cli_set(o, "copy", memcmp(c->chain, none, RX_ID_BYTES) ==
	    0 ? json_null() : json_string(hex), st)) != RX_OK ||
	    (rc = rx_cli_set(o, "here", json_boolean(c->here), st)) != RX_OK)
		return (rc);
	return (rx_cli_set(o, "lost", json_boolean(c->lost), st));
}

static rx_err
countersigned_text(struct rx_cli *cli, const struct rx_countersigned *c,
    struct rx_status *st)
{
	char code[RX_ANCHOR_TEXT];
	rx_err rc;

	code_of(code, c);
	rc = rx_cli_say(cli, st, RX_MSG_CLI_COUNTERSIGNED, "code", code, NULL);
	return (rc != RX_OK || cli->value[O_FILE] == NULL ? rc :
	    rx_cli_say(cli, st, RX_MSG_CLI_COUNTERSIGNED_FILE, "file",
	    cli->value[O_FILE], NULL));
}

static rx_err
run_countersign(struct rx_cli *cli, struct rx_status *st)
{
	const bool show = isatty(STDERR_FILENO) == 1;
	const char *file = cli->value[O_FILE];
	char text[RX_COUNTERSIGNED_TEXT];
	struct rx_countersigned c;
	struct rx_session *s;
	json_t *o;
	rx_err rc;

	if ((file != NULL && (rc = rx_cli_writable(file, st)) != RX_OK) ||
	    (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_audit_countersign(s, &c, show ? progress : NULL, NULL, st);
	if (show)
		(void)fputs("\r          \r", stderr);
	rx_session_close(s);
	if (rc == RX_OK && file != NULL) {
		rx_countersigned_format(text, &c);
		rc = rx_file_write(file, text, strlen(text), 0600, true, st);
	}
	if (rc != RX_OK)
		return (rc);
	if (!cli->json)
		return (countersigned_text(cli, &c, st));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, countersigned_json(o, &c, st), st));
}

const struct rx_cli_command rx_cli_audit_countersign = {
	{ "audit", "countersign" }, "[-o FILE]",
	RX_MSG_CLI_HELP_AUDIT_COUNTERSIGN, run_countersign, 0, 0, 0, {
		[O_FILE] = { "output", RX_CLI_VALUE, 'o' },
	}
};

static rx_err
anchor_each(void *cookie, const struct rx_countersigned *c,
    struct rx_status *st)
{
	json_t *o = json_object();
	rx_err rc;

	if (o == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = countersigned_json(o, c, st)) != RX_OK) {
		json_decref(o);
		return (rc);
	}
	return (rx_cli_append(cookie, o, st));
}

/* What is known of it: verified, or seen in a bundle; of which chain. */
static rx_err
standing_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *kind = json_string_value(json_object_get(row, "kind"));
	const enum rx_msg msg = json_is_true(json_object_get(row, "lost")) ?
	    RX_MSG_ANCHOR_IS_LOST : !json_is_true(json_object_get(row,
	    "here")) ? RX_MSG_ANCHOR_ELSEWHERE : strcmp(kind, "seen") == 0 ?
	    RX_MSG_ANCHOR_WAS_SEEN : RX_MSG_ANCHOR_WAS_VERIFIED;
	const char *text = rx_msg(msg, cli->lang);

	return (rx_buf_add(out, text, strlen(text), st));
}

static const struct rx_cli_column anchor_columns[] = {
	{ RX_MSG_CLI_COL_SEQ, "seq", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_USER, "user", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_TIME, "time", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_HEAD, "code", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_STATE, NULL, RX_LIST_NONE, standing_cell },
};

static rx_err
run_anchors(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	json_t *rows;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else if ((rc = rx_countersigned_each(s, anchor_each, rows, st)) ==
	    RX_OK)
		rc = rx_cli_list(cli, rows, anchor_columns,
		    sizeof(anchor_columns) / sizeof(anchor_columns[0]),
		    RX_MSG_CLI_ANCHORS_NONE, st);
	json_decref(rows);
	rx_session_close(s);
	return (rc);
}

const struct rx_cli_command rx_cli_audit_anchors = {
	{ "audit", "anchors" }, "", RX_MSG_CLI_HELP_AUDIT_ANCHORS,
	run_anchors, 0, 0, 0, { { NULL, RX_CLI_SWITCH, 0 } }
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

	for (a = RX_DID_UNREADABLE; a <= RX_DID_LAST; a++) {
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
