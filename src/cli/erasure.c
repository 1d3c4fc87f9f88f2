/* erasure list, erasure show, erasure verify: what stays of erased children. */

#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

/* The certificate as an object, which *out is. */
static rx_err
certificate_json(json_t **out, const struct rx_erasure *e,
    struct rx_status *st)
{
	char id[RX_UUID_TEXT], unit[RX_UNIT_TEXT];
	const struct {
		const char *key;
		uint32_t n;
	} counts[] = {
		{ "versions", e->versions }, { "records", e->records },
		{ "record_versions", e->record_versions },
		{ "key_epochs", e->epochs }, { "slots", e->slots }
	};
	json_t *o;
	size_t i;
	rx_err rc;

	*out = NULL;
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rx_uuid_text(e->child, id);
	rx_unit_text(unit, e->unit);
	rc = rx_cli_set(o, "number", json_string(id), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "unit", json_string(unit), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "at", rx_cli_time_json(e->time), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "author", json_string(e->author), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "asked_by", json_string(
		    rx_erase_askers[e->asker].key), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "ground", json_string(
		    rx_erase_grounds[e->ground].key), st);
	if (rc == RX_OK && e->reasoned)
		rc = rx_cli_set(o, "reason", json_string(e->reason), st);
	for (i = 0; rc == RX_OK && i < sizeof(counts) / sizeof(counts[0]); i++)
		rc = rx_cli_set(o, counts[i].key, json_integer(counts[i].n),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "files_rewritten", json_boolean(e->swept),
		    st);
	if (rc != RX_OK) {
		json_decref(o);
		return (rc);
	}
	*out = o;
	return (RX_OK);
}

static rx_err
collect(void *cookie, const struct rx_erasure *e, struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	if ((rc = certificate_json(&o, e, st)) != RX_OK)
		return (rc);
	return (rx_cli_append(cookie, o, st));
}

/* The sentence for the key ${key} of ${row} among the ${n} words of ${list}. */
static rx_err
word_cell(struct rx_cli *cli, const json_t *row, const char *key,
    const struct rx_erase_word *list, size_t n, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s = json_string_value(json_object_get(row, key));
	size_t i;

	for (i = 0; i < n; i++)
		if (s != NULL && strcmp(s, list[i].key) == 0)
			return (rx_buf_printf(out, st, "%s",
			    rx_msg(list[i].msg, cli->lang)));
	return (RX_OK);
}

static rx_err
ground_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{

	return (word_cell(cli, row, "ground", rx_erase_grounds,
	    RX_ERASE_GROUNDS, out, st));
}

static rx_err
asker_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{

	return (word_cell(cli, row, "asked_by", rx_erase_askers,
	    RX_ERASE_ASKERS, out, st));
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_ID, "number", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_TIME, "at", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_UNIT, "unit_name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_AUTHOR, "author", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_ASKED_BY, NULL, RX_LIST_NONE, asker_cell },
	{ RX_MSG_CLI_COL_GROUND, NULL, RX_LIST_NONE, ground_cell },
	{ RX_MSG_CLI_COL_RECORDS, "records", RX_LIST_NONE, NULL },
};

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	json_t *rows;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = rx_erasures(s, collect, rows, st);
	if (rc == RX_OK)
		rc = rx_cli_unit_names(s, rows, st);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = rx_cli_list(cli, rows, columns,
		    sizeof(columns) / sizeof(columns[0]),
		    RX_MSG_CLI_ERASURES_NONE, st);
	json_decref(rows);
	return (rc);
}

const struct rx_cli_command rx_cli_erasure_list = {
	{ "erasure", "list" }, "", RX_MSG_CLI_HELP_ERASURE_LIST, run_list, 0,
	0, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

/* The certificate as a page to print. */
static rx_err
print(struct rx_cli *cli, const struct rx_erasure *e, const char *unit,
    struct rx_status *st)
{
	char id[RX_UUID_TEXT], n[5][12];
	const uint32_t counts[5] = { e->versions, e->records,
	    e->record_versions, e->epochs, e->slots };
	json_t *at = rx_cli_time_json(e->time);
	const char *time = json_string_value(at);
	size_t i;
	rx_err rc;

	rx_uuid_text(e->child, id);
	for (i = 0; i < 5; i++)
		(void)snprintf(n[i], sizeof(n[i]), "%u", counts[i]);
	rc = rx_cli_say(cli, st, RX_MSG_ERASURE_PAGE, "id", id, "unit", unit,
	    "time", time != NULL ? time : "", "author", e->author,
	    "asker", rx_msg(rx_erase_askers[e->asker].msg, cli->lang),
	    "ground", rx_msg(rx_erase_grounds[e->ground].msg, cli->lang),
	    NULL);
	if (rc == RX_OK && e->reasoned)
		rc = rx_cli_say(cli, st, RX_MSG_ERASURE_REASON, "reason",
		    e->reason, NULL);
	if (rc == RX_OK)
		rc = rx_cli_say(cli, st, RX_MSG_ERASURE_COUNTS, "versions",
		    n[0], "records", n[1], "all", n[2], "epochs", n[3],
		    "slots", n[4], NULL);
	if (rc == RX_OK)
		rc = rx_cli_say(cli, st, e->swept ? RX_MSG_ERASURE_WHOLE :
		    RX_MSG_ERASE_NOT_SWEPT, NULL);
	json_decref(at);
	return (rc);
}

static rx_err
show(struct rx_cli *cli, struct rx_session *s, struct rx_status *st)
{
	struct rx_erasure e;
	char unit[256];
	json_t *o;
	rx_err rc;

	if ((rc = rx_erasure_find(s, cli->operand[0], &e, st)) != RX_OK)
		return (rc);
	if (cli->json) {
		rc = certificate_json(&o, &e, st);
		rc = rx_cli_print(cli, o, rc, st);
	} else if ((rc = rx_unit_name(s, e.unit, unit, sizeof(unit), st)) ==
	    RX_OK)
		rc = print(cli, &e, unit, st);
	rx_wipe(&e, sizeof(e));
	return (rc);
}

static rx_err
run_show(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = show(cli, s, st);
	rx_session_close(s);
	return (rc);
}

const struct rx_cli_command rx_cli_erasure_show = {
	{ "erasure", "show" }, "NUMBER", RX_MSG_CLI_HELP_ERASURE_SHOW,
	run_show, 1, 1, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

static rx_err
run_verify(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	char number[24];
	size_t n = 0;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_erasure_verify(s, &n, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	(void)snprintf(number, sizeof(number), "%zu", n);
	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_ERASURES_CLEAN, "n",
		    number, NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, rx_cli_set(o, "certificates",
	    json_integer((json_int_t)n), st), st));
}

const struct rx_cli_command rx_cli_erasure_verify = {
	{ "erasure", "verify" }, "", RX_MSG_CLI_HELP_ERASURE_VERIFY,
	run_verify, 0, 0, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};
