/* review list, review show, review decide. */

#include <string.h>

#include "cli/cli.h"

static const struct {
	const char *key;
	enum rx_msg msg;
} states[] = {
	[RX_FLAG_OPEN] = { "open", RX_MSG_CLI_STATE_OPEN },
	[RX_FLAG_ACCEPTED] = { "accepted", RX_MSG_CLI_STATE_ACCEPTED },
	[RX_FLAG_ESCALATED] = { "escalated", RX_MSG_CLI_STATE_ESCALATED },
	[RX_FLAG_RETURNED] = { "returned", RX_MSG_CLI_STATE_RETURNED },
	[RX_FLAG_CLOSED] = { "closed", RX_MSG_CLI_STATE_CLOSED },
};
#define NSTATES (sizeof(states) / sizeof(states[0]))

/* ---- a flag as JSON ---- */

static rx_err
flag_ids(json_t *o, const struct rx_flag_row *f, struct rx_status *st)
{
	char uuid[RX_UUID_TEXT], child[RX_UUID_TEXT], unit[RX_UNIT_TEXT];
	rx_err rc;

	rx_uuid_text(f->id, uuid);
	rx_uuid_text(f->child, child);
	rx_unit_text(unit, f->unit);
	rc = rx_cli_set(o, "id", json_string(f->caller_id), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "uuid", json_string(uuid), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "child", json_string(f->child_caller_id),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "child_uuid", json_string(child), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "unit", json_string(unit), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "author", json_string(f->author), st);
	return (rc);
}

/* The signs for which it was raised, as keys. */
static rx_err
flag_signs(json_t *o, const struct rx_flag_row *f, struct rx_status *st)
{
	const struct rx_code *codes;
	json_t *list = json_array();
	size_t i, n;
	rx_err rc;

	codes = rx_codes(RX_LIST_SIGN, &n);
	rc = rx_cli_set(o, "signs", list, st);
	for (i = 0; rc == RX_OK && i < n; i++)
		if (codes[i].no <= 64 &&
		    (f->signs >> (codes[i].no - 1) & 1) != 0)
			rc = rx_cli_append(list, json_string(codes[i].key),
			    st);
	return (rc);
}

static rx_err
flag_state(json_t *o, const struct rx_flag_row *f, struct rx_status *st)
{
	rx_err rc;

	rc = rx_cli_set(o, "raised_by", json_string(rx_type_key(
	    f->raised_by)), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "by_rule", json_boolean(f->by_rule), st);
	if (rc == RX_OK)
		rc = flag_signs(o, f, st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "corrected", json_boolean(f->corrected),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "again", json_boolean(f->again), st);
	if (rc == RX_OK && rx_risk_worse(f->risk, f->was) != f->risk)
		rc = rx_cli_set(o, "was", rx_cli_code_json(RX_LIST_RISK,
		    f->was), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "state", json_string(f->state < NSTATES ?
		    states[f->state].key : "?"), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "date", rx_cli_date_json(f->date), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "recorded", rx_cli_time_json(f->at), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "risk", rx_cli_code_json(RX_LIST_RISK,
		    f->risk), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "due", rx_cli_time_json(f->due), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "overdue", json_boolean(f->overdue), st);
	return (rc);
}

static rx_err
flag_json(json_t **out, const struct rx_flag_row *f, struct rx_status *st)
{
	rx_err rc;

	if ((*out = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = flag_ids(*out, f, st)) != RX_OK ||
	    (rc = flag_state(*out, f, st)) != RX_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return (rc);
}

static rx_err
collect(void *cookie, const struct rx_flag_row *f, struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	if ((rc = flag_json(&o, f, st)) != RX_OK)
		return (rc);
	return (rx_cli_append(cookie, o, st));
}

/* ---- list ---- */

static rx_err
state_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *key = json_string_value(json_object_get(row, "state"));
	const char *s = key;
	size_t i;
	rx_err rc;

	for (i = 0; key != NULL && i < NSTATES; i++)
		if (strcmp(key, states[i].key) == 0)
			s = rx_msg(states[i].msg, cli->lang);
	if (s == NULL || (rc = rx_buf_add(out, s, strlen(s), st)) != RX_OK ||
	    !json_is_true(json_object_get(row, "corrected")))
		return (s == NULL ? RX_OK : rc);
	return (rx_buf_printf(out, st, " %s", rx_msg(json_is_true(
	    json_object_get(row, "again")) ? RX_MSG_FLAG_AGAIN :
	    RX_MSG_FLAG_CORRECTED, cli->lang)));
}

static rx_err
source_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s;

	s = rx_msg(json_is_true(json_object_get(row, "by_rule")) ?
	    RX_MSG_CLI_BY_RULE : RX_MSG_CLI_BY_PERSON, cli->lang);
	return (rx_buf_add(out, s, strlen(s), st));
}

static rx_err
due_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s = json_string_value(json_object_get(row, "due"));
	bool late = json_is_true(json_object_get(row, "overdue"));

	if (s == NULL)
		return (RX_OK);
	return (rx_buf_printf(out, st, "%.16s%s%s", s, late ? " " : "",
	    late ? rx_msg(RX_MSG_CLI_MARK_OVERDUE, cli->lang) : ""));
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_FLAG, "id", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_CHILD, "child", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_UNIT, "unit_name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_DATE, "date", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_RISK, "risk", RX_LIST_RISK, NULL },
	{ RX_MSG_FLAG_WAS, "was", RX_LIST_RISK, NULL },
	{ RX_MSG_CLI_COL_SOURCE, NULL, RX_LIST_NONE, source_cell },
	{ RX_MSG_CLI_COL_AUTHOR, "author", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_STATE, NULL, RX_LIST_NONE, state_cell },
	{ RX_MSG_CLI_COL_ANSWER, NULL, RX_LIST_NONE, due_cell },
};
#define NCOLUMNS (sizeof(columns) / sizeof(columns[0]))

enum { O_ALL };

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	bool all = cli->value[O_ALL] != NULL;
	struct rx_session *s;
	json_t *rows;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = rx_review_each(s, all, collect, rows, st);
	if (rc == RX_OK)
		rc = rx_cli_unit_names(s, rows, st);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = rx_cli_list(cli, rows, columns, NCOLUMNS, all ?
		    RX_MSG_CLI_FLAGS_NONE : RX_MSG_CLI_FLAGS_NONE_OPEN, st);
	json_decref(rows);
	return (rc);
}

const struct rx_cli_command rx_cli_review_list = {
	{ "review", "list" }, "[--all]", RX_MSG_CLI_HELP_REVIEW_LIST,
	run_list, 0, 0, 0, { [O_ALL] = { "all", RX_CLI_SWITCH, 0 } }
};

/* ---- show ---- */

enum { O_SHOW_REASON };

/* The flag as a table of one row, above its case. */
static rx_err
print_flag(struct rx_cli *cli, struct rx_session *s, const json_t *flag,
    struct rx_status *st)
{
	json_t *rows;
	rx_err rc;

	if ((rows = json_array()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_append(rows, json_deep_copy(flag), st);
	if (rc == RX_OK)
		rc = rx_cli_unit_names(s, rows, st);
	if (rc == RX_OK)
		rc = rx_cli_list(cli, rows, columns, NCOLUMNS,
		    RX_MSG_CLI_FLAGS_NONE, st);
	if (rc == RX_OK)
		rc = rx_buf_add(&cli->out, "\n", 1, st);
	json_decref(rows);
	return (rc);
}

struct versions {
	struct rx_cli_case *c;
	json_t *list;		/* with --json */
};

static rx_err
version_each(void *cookie, const struct rx_record *r, uint64_t changed,
    struct rx_status *st)
{
	struct versions *v = cookie;

	(void)changed;
	return (rx_cli_version(v->c, v->list, r, rx_session_author(
	    v->c->session, r->author), st));
}

/* The versions of the record that raised the flag, if it was corrected; with
 * --json they go to ${doc}. */
static rx_err
show_versions(struct rx_cli_case *c, const struct rx_flag_row *flag,
    json_t *doc, struct rx_status *st)
{
	struct versions v = { c, NULL };
	rx_err rc;

	if (!flag->corrected)
		return (RX_OK);
	if (!c->cli->json)
		rc = rx_cli_say(c->cli, st, RX_MSG_CLI_FLAG_VERSIONS, NULL);
	else {
		v.list = json_array();
		rc = rx_cli_set(doc, "flag_versions", v.list, st);
	}
	return (rc != RX_OK ? rc : rx_review_history(c->session, flag,
	    version_each, &v, st));
}

static rx_err
show(struct rx_cli *cli, struct rx_session *s, struct rx_cli_case *c,
    json_t *doc, struct rx_status *st)
{
	struct rx_flag_row flag;
	json_t *o;
	rx_err rc;

	if ((rc = rx_review_find(s, cli->operand[0], &flag, st)) != RX_OK ||
	    (rc = flag_json(&o, &flag, st)) != RX_OK)
		return (rc);
	if (!cli->json && (rc = print_flag(cli, s, o, st)) != RX_OK) {
		json_decref(o);
		return (rc);
	}
	if ((rc = rx_cli_set(doc, "flag", o, st)) != RX_OK)
		return (rc);
	rc = rx_child_show(s, flag.child, cli->value[O_SHOW_REASON],
	    rx_cli_case_each, c, st);
	if (rc == RX_OK)
		rc = show_versions(c, &flag, doc, st);
	if (rc != RX_OK || !cli->json)
		return (rc);
	if ((rc = rx_cli_case_into(c, doc, st)) != RX_OK)
		return (rc);
	return (rx_json_write(&cli->out, doc, st));
}

static rx_err
run_show(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	struct rx_cli_case c;
	json_t *doc;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		goto err0;
	if ((rc = rx_cli_case_open(&c, cli, s, st)) != RX_OK)
		goto err1;
	if ((doc = json_object()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = show(cli, s, &c, doc, st);
	json_decref(doc);
	rx_cli_case_close(&c);
err1:
	rx_session_close(s);
err0:
	return (rc);
}

const struct rx_cli_command rx_cli_review_show = {
	{ "review", "show" }, "FLAG [--reason TEXT]",
	RX_MSG_CLI_HELP_REVIEW_SHOW, run_show, 1, 1, 0,
	{ [O_SHOW_REASON] = { "reason", RX_CLI_VALUE, 0 } }
};

/* ---- decide ---- */

enum { O_DECISION, O_REASON };

static rx_err
decided(struct rx_cli *cli, const struct rx_flag_row *flag,
    const struct rx_code *decision, struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_DECIDED, "flag",
		    flag->caller_id, "decision", cli->lang == RX_LANG_EN ?
		    decision->en : decision->zh, NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "flag", json_string(flag->caller_id), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "decision", json_string(decision->key), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
run_decide(struct rx_cli *cli, struct rx_status *st)
{
	const struct rx_code *decision;
	struct rx_flag_row flag;
	struct rx_session *s;
	rx_err rc;

	decision = rx_code_by_key(RX_LIST_DECISION, cli->value[O_DECISION]);
	if (decision == NULL)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_DECISION_UNKNOWN));
	if (cli->value[O_REASON][0] == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_REASON_EMPTY));
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_review_find(s, cli->operand[0], &flag, st);
	if (rc == RX_OK)
		rc = rx_review_decide(s, &flag, decision->key,
		    cli->value[O_REASON], st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (strcmp(decision->key, "escalate") == 0 && !flag.above)
		rx_cli_note(cli, RX_MSG_ESCALATED_TO_NOBODY, NULL);
	return (decided(cli, &flag, decision, st));
}

const struct rx_cli_command rx_cli_review_decide = {
	{ "review", "decide" },
	"FLAG --decision accept|return|escalate|close --reason TEXT",
	RX_MSG_CLI_HELP_REVIEW_DECIDE, run_decide, 1, 1, 0, {
		[O_DECISION] = { "decision", RX_CLI_NEEDED, 0 },
		[O_REASON] = { "reason", RX_CLI_NEEDED, 0 },
	}
};
