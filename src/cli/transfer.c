/* child transfer, transfer list, accept, reject, withdraw: within a register, and
 * with files (moving.c) to another one. */

#include <string.h>

#include "base/date.h"
#include "cli/cli.h"

/* Say ${msg}, or with --json {${key}: the case, "id": its new id}. */
static rx_err
report(struct rx_cli *cli, enum rx_msg msg, const char *key,
    const uint8_t id[RX_ID_BYTES], const char *number, struct rx_status *st)
{
	char uuid[RX_UUID_TEXT];
	json_t *o;
	rx_err rc;

	rx_uuid_text(id, uuid);
	if (!cli->json) {
		rc = rx_cli_say(cli, st, msg, "id", cli->operand[0], NULL);
		if (rc == RX_OK && number != NULL && *number != '\0')
			rc = rx_cli_say(cli, st, RX_MSG_CLI_TRANSFER_NUMBER,
			    "number", number, NULL);
		return (rc);
	}
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, key, json_string(uuid), st);
	if (rc == RX_OK && number != NULL)
		rc = rx_cli_set(o, "id", *number != '\0' ?
		    json_string(number) : json_null(), st);
	return (rx_cli_print(cli, o, rc, st));
}

/* ---- child transfer ---- */

enum { O_TO, O_REASON, O_YES, O_TO_REGISTER, O_FINGERPRINT, O_FILE };

/* One way or the other, with all that it needs. */
static rx_err
check_way(const struct rx_cli *cli, struct rx_status *st)
{
	const bool out = cli->value[O_TO_REGISTER] != NULL;

	if (cli->value[O_REASON][0] == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_REASON_EMPTY));
	if (out == (cli->value[O_TO] != NULL) ||
	    out != (cli->value[O_FINGERPRINT] != NULL) ||
	    out != (cli->value[O_FILE] != NULL))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_TRANSFER_WAY));
	return (out ? rx_cli_writable(cli->value[O_FILE], st) : RX_OK);
}

/* ${id} to another register. */
static rx_err
run_depart(struct rx_cli *cli, struct rx_session *s, const uint8_t *id,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_departure_offer(s, id, cli->value[O_TO_REGISTER],
	    cli->value[O_FINGERPRINT], cli->value[O_REASON],
	    cli->value[O_FILE], st)) != RX_OK || (rc = report(cli,
	    RX_MSG_CLI_TRANSFER_DEPARTED, "offered", id, NULL, st)) != RX_OK ||
	    cli->json)
		return (rc);
	return (rx_cli_say(cli, st, RX_MSG_CLI_TRANSFER_DEPARTED_HINT, "file",
	    cli->value[O_FILE], NULL));
}

static rx_err
run_offer(struct rx_cli *cli, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_session *s;
	bool out;
	rx_err rc;

	if ((rc = check_way(cli, st)) != RX_OK)
		return (rc);
	out = cli->value[O_TO_REGISTER] != NULL;
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_child_seek(s, cli->operand[0], id, st)) == RX_OK &&
	    (rc = rx_cli_confirm(cli, cli->value[O_YES] != NULL,
	    RX_MSG_CLI_TRANSFER_ASK, RX_MSG_CLI_CANCELLED, st)) ==
	    RX_OK)
		rc = out ? run_depart(cli, s, id, st) : rx_transfer_offer(s,
		    id, cli->value[O_TO], cli->value[O_REASON], st);
	rx_session_close(s);
	return (rc != RX_OK || out ? rc : report(cli,
	    RX_MSG_CLI_TRANSFER_OFFERED, "offered", id, NULL, st));
}

const struct rx_cli_command rx_cli_child_transfer = {
	{ "child", "transfer" }, "ID --to UNIT | --to-register ADDRESS "
	"--fingerprint DIGITS -o FILE --reason TEXT [--yes]",
	RX_MSG_CLI_HELP_CHILD_TRANSFER, run_offer, 1, 1, 0, {
		[O_TO] = { "to", RX_CLI_VALUE, 0 },
		[O_REASON] = { "reason", RX_CLI_NEEDED, 0 },
		[O_YES] = { "yes", RX_CLI_SWITCH, 0 },
		[O_TO_REGISTER] = { "to-register", RX_CLI_VALUE, 0 },
		[O_FINGERPRINT] = { "fingerprint", RX_CLI_VALUE, 0 },
		[O_FILE] = { "output", RX_CLI_VALUE, 'o' },
	}
};

/* ---- accept, reject, withdraw ---- */

enum { O_DIGITS, O_RECEIPT };

static rx_err
run_accept(struct rx_cli *cli, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_session *s;
	char number[16] = "";
	rx_err rc;

	if (cli->value[O_DIGITS] != NULL || cli->value[O_RECEIPT] != NULL)
		return (rx_cli_arrival_accept(cli, cli->value[O_DIGITS],
		    cli->value[O_RECEIPT], st));
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_transfer_find(s, cli->operand[0], id, st)) == RX_OK)
		rc = rx_transfer_accept(s, id, number, st);
	rx_session_close(s);
	return (rc != RX_OK ? rc : report(cli, RX_MSG_CLI_TRANSFER_ACCEPTED,
	    "accepted", id, number, st));
}

const struct rx_cli_command rx_cli_transfer_accept = {
	{ "transfer", "accept" }, "ID | FILE --fingerprint DIGITS -o RECEIPT",
	RX_MSG_CLI_HELP_TRANSFER_ACCEPT, run_accept, 1, 1, 0, {
		[O_DIGITS] = { "fingerprint", RX_CLI_VALUE, 0 },
		[O_RECEIPT] = { "output", RX_CLI_VALUE, 'o' },
	}
};

enum { O_WHY, O_ANSWER };

static rx_err
run_reject(struct rx_cli *cli, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_session *s;
	rx_err rc;

	if (cli->value[O_WHY][0] == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_REASON_EMPTY));
	if (cli->value[O_ANSWER] != NULL)
		return (rx_cli_arrival_reject(cli, cli->value[O_WHY],
		    cli->value[O_ANSWER], st));
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_transfer_find(s, cli->operand[0], id, st)) == RX_OK)
		rc = rx_transfer_reject(s, id, cli->value[O_WHY], st);
	rx_session_close(s);
	return (rc != RX_OK ? rc : report(cli, RX_MSG_CLI_TRANSFER_REJECTED,
	    "rejected", id, NULL, st));
}

const struct rx_cli_command rx_cli_transfer_reject = {
	{ "transfer", "reject" }, "ID | FILE -o RECEIPT --reason TEXT",
	RX_MSG_CLI_HELP_TRANSFER_REJECT, run_reject, 1, 1, 0, {
		[O_WHY] = { "reason", RX_CLI_NEEDED, 0 },
		[O_ANSWER] = { "output", RX_CLI_VALUE, 'o' },
	}
};

static rx_err
run_withdraw(struct rx_cli *cli, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_session *s;
	bool away = false;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_child_seek(s, cli->operand[0], id, st)) == RX_OK &&
	    (rc = rx_departure_is_open(s, id, &away, st)) == RX_OK)
		rc = rx_transfer_withdraw(s, id, st);
	rx_session_close(s);
	if (rc != RX_OK || (rc = report(cli, RX_MSG_CLI_TRANSFER_WITHDRAWN,
	    "withdrawn", id, NULL, st)) != RX_OK || !away || cli->json)
		return (rc);
	return (rx_cli_say(cli, st, RX_MSG_CLI_TRANSFER_WITHDRAWN_AWAY,
	    NULL));
}

const struct rx_cli_command rx_cli_transfer_withdraw = {
	{ "transfer", "withdraw" }, "ID", RX_MSG_CLI_HELP_TRANSFER_WITHDRAW,
	run_withdraw, 1, 1, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

/* ---- list ---- */

static const char *
direction(const struct rx_transfer_row *row)
{

	/* One who directs both units is on both sides. */
	return (row->incoming ? "in" : row->outgoing ? "out" : "");
}

/* A new row of ${kind}, borrowed: where from, where to, and how it stands. */
static rx_err
row_new(json_t **out, json_t *rows, const char *kind, const uint8_t *child,
    const char *from, const char *to, const char *way, const char *state,
    struct rx_status *st)
{
	char uuid[RX_UUID_TEXT], a[RX_UNIT_TEXT], b[RX_UNIT_TEXT];
	json_t *o = json_object();
	rx_err rc;

	*out = o;
	rx_uuid_text(child, uuid);
	rx_unit_text(a, from);
	rx_unit_text(b, to);
	if (o == NULL || json_array_append_new(rows, o) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "uuid", json_string(uuid), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "kind", json_string(kind), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "from", json_string(a), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "to", json_string(b), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "direction", json_string(way), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "state", json_string(state), st);
	return (rc);
}

/* What the reader has a key to. */
static rx_err
row_case(json_t *o, const struct rx_record *child, const char *by, int64_t at,
    const char *reason, struct rx_status *st)
{
	rx_err rc;

	rc = rx_cli_set(o, "id", json_string(rx_record_text(child,
	    RX_F_CALLER_ID)), st);
	if (rc == RX_OK && child->identity)
		rc = rx_cli_set(o, "name", json_string(rx_record_text(child,
		    RX_F_NAME)), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "by", json_string(by), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "at", rx_cli_time_json(at), st);
	if (rc == RX_OK && reason[0] != '\0')
		rc = rx_cli_set(o, "reason", json_string(reason), st);
	return (rc);
}

static rx_err
collect(void *rows, const struct rx_transfer_row *row, struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	if ((rc = row_new(&o, rows, "unit", row->child, row->from, row->to,
	    direction(row), row->bad != RX_MSG_NONE ? "bad" : row->rejected ?
	    "rejected" : "offered", st)) != RX_OK || row->record == NULL)
		return (rc);
	return (row_case(o, row->record, row->by, row->at, row->reason, st));
}

static rx_err
collect_away(void *rows, const struct rx_departure_row *row,
    struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	rc = row_new(&o, rows, "register", row->child, row->record->unit,
	    row->to.unit, "out", row->state == RX_DEPARTURE_OPEN ? "offered" :
	    row->state == RX_DEPARTURE_REJECTED ? "rejected" : "withdrawn", st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "register", json_string(
		    row->to.register_name), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "unit_name", json_string(
		    row->to.unit_name), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "person", json_string(row->to.cert.name),
		    st);
	return (rc != RX_OK ? rc : row_case(o, row->record, row->by, row->at,
	    row->reason, st));
}

/* Where it goes: the name of the other register, "" for a unit of this one. */
static rx_err
register_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s = json_string_value(json_object_get(row, "register"));

	if (s == NULL)
		s = rx_msg(RX_MSG_CLI_TRANSFER_HERE, cli->lang);
	return (rx_cli_clean(out, s, strlen(s), st));
}

/* The sentence for the state ${state} of an offer that goes ${way}. */
static enum rx_msg
state_said(const char *state, const char *way, bool away)
{

	if (strcmp(state, "bad") == 0)
		return (RX_MSG_CLI_TRANSFER_IS_BAD);
	if (strcmp(state, "withdrawn") == 0)
		return (RX_MSG_CLI_TRANSFER_IS_WITHDRAWN);
	if (strcmp(state, "rejected") == 0)
		return (RX_MSG_CLI_TRANSFER_IS_REJECTED);
	return (away ? RX_MSG_CLI_TRANSFER_IS_AWAY : strcmp(way, "in") == 0 ?
	    RX_MSG_CLI_TRANSFER_IS_MINE : RX_MSG_CLI_TRANSFER_IS_OPEN);
}

static rx_err
state_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s = rx_msg(state_said(json_string_value(json_object_get(
	    row, "state")), json_string_value(json_object_get(row,
	    "direction")), json_object_get(row, "register") != NULL),
	    cli->lang);

	return (rx_buf_add(out, s, strlen(s), st));
}

/* A supervisor of the other side knows the case by our id only. */
static rx_err
id_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s = json_string_value(json_object_get(row, "id"));

	(void)cli;
	if (s == NULL)
		s = json_string_value(json_object_get(row, "uuid"));
	return (rx_cli_clean(out, s, strlen(s), st));
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_ID, NULL, RX_LIST_NONE, id_cell },
	{ RX_MSG_CLI_COL_CHILD_NAME, "name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_FROM, "from", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_TO, "to", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_REGISTER, NULL, RX_LIST_NONE, register_cell },
	{ RX_MSG_CLI_COL_STATE, NULL, RX_LIST_NONE, state_cell },
	{ RX_MSG_CLI_COL_AUTHOR, "by", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_REASON, "reason", RX_LIST_NONE, NULL },
};
#define NCOLUMNS (sizeof(columns) / sizeof(columns[0]))

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
	else if ((rc = rx_transfer_each(s, true, collect, rows, st)) == RX_OK)
		rc = rx_departure_each(s, NULL, true, collect_away, rows, st);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = rx_cli_list(cli, rows, columns, NCOLUMNS,
		    RX_MSG_CLI_TRANSFER_EMPTY, st);
	json_decref(rows);
	return (rc);
}

const struct rx_cli_command rx_cli_transfer_list = {
	{ "transfer", "list" }, "", RX_MSG_CLI_HELP_TRANSFER_LIST, run_list,
	0, 0, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};
