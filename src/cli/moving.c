/* transfer address, transfer show, transfer receipt; the files of accept and
 * reject: a case between two registers. */

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "base/file.h"
#include "cli/cli.h"

/* Who it is, on screen or into ${o}. */
static rx_err
address_say(struct rx_cli *cli, const struct rx_address *a, enum rx_msg msg,
    const char *n, const char *time, struct rx_status *st)
{
	char unit[RX_UNIT_TEXT];
	rx_err rc;

	rx_unit_text(unit, a->unit);
	if ((rc = rx_cli_say(cli, st, msg, "name", a->unit_name, "unit", unit,
	    "user", a->cert.name, "register", a->register_name, "n", n,
	    "time", time, NULL)) != RX_OK)
		return (rc);
	return (rx_cli_say(cli, st, RX_MSG_CLI_ADDRESS_DIGITS, "digits",
	    a->fingerprint, NULL));
}

static rx_err
address_json(json_t *o, const struct rx_address *a, struct rx_status *st)
{
	char unit[RX_UNIT_TEXT];
	rx_err rc;

	rx_unit_text(unit, a->unit);
	rc = rx_cli_set(o, "register", json_string(a->register_name), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "unit", json_string(unit), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "unit_name", json_string(a->unit_name),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "user", json_string(a->cert.name), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "fingerprint", json_string(a->fingerprint),
		    st);
	return (rc);
}

static rx_err
address_print(struct rx_cli *cli, const struct rx_address *a,
    struct rx_status *st)
{
	json_t *o;

	if (!cli->json)
		return (address_say(cli, a, RX_MSG_CLI_ADDRESS, "", "", st));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, address_json(o, a, st), st));
}

/* ---- address ---- */

enum { O_FILE, O_UNIT };

static rx_err
run_address(struct rx_cli *cli, struct rx_status *st)
{
	const char *file = cli->value[O_FILE];
	struct rx_address a;
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_writable(file, st)) != RX_OK ||
	    (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_address_make(s, cli->value[O_UNIT], file, &a, st);
	rx_session_close(s);
	if (rc != RX_OK || (rc = address_print(cli, &a, st)) != RX_OK ||
	    cli->json)
		return (rc);
	return (rx_cli_say(cli, st, RX_MSG_CLI_ADDRESS_WRITTEN, "file", file,
	    NULL));
}

const struct rx_cli_command rx_cli_transfer_address = {
	{ "transfer", "address" }, "-o FILE [--unit UNIT]",
	RX_MSG_CLI_HELP_TRANSFER_ADDRESS, run_address, 0, 0, 0, {
		[O_FILE] = { "output", RX_CLI_NEEDED, 'o' },
		[O_UNIT] = { "unit", RX_CLI_VALUE, 0 },
	}
};

/* ---- show ---- */

static rx_err
arrival_say(struct rx_cli *cli, const struct rx_arrival *in,
    struct rx_status *st)
{
	char n[24], records[24], time[RX_TIME_TEXT], due[RX_DATE_TEXT] = "-";
	const char *risk = rx_cli_code(cli, RX_LIST_RISK, in->risk);
	rx_err rc;

	(void)snprintf(n, sizeof(n), "%llu", (unsigned long long)in->number);
	(void)snprintf(records, sizeof(records), "%zu", in->records);
	rx_time_format(in->made, time);
	if (in->due != 0)
		rx_date_format(in->due, due);
	if ((rc = address_say(cli, &in->from, RX_MSG_CLI_ARRIVAL_FROM, n,
	    time, st)) != RX_OK ||
	    (rc = rx_cli_say(cli, st, RX_MSG_CLI_ARRIVAL_CHILD, "name",
	    in->name, "reason", in->reason, "n", records, NULL)) != RX_OK ||
	    (rc = rx_cli_say(cli, st, RX_MSG_CLI_ARRIVAL_RISK, "risk",
	    *risk != '\0' ? risk : "-", "due", due, NULL)) != RX_OK ||
	    (in->flagged && (rc = rx_cli_say(cli, st,
	    RX_MSG_CLI_ARRIVAL_FLAGGED, NULL)) != RX_OK))
		return (rc);
	return (in->withdrawn ? rx_cli_say(cli, st,
	    RX_MSG_CLI_ARRIVAL_WITHDRAWN, NULL) : RX_OK);
}

static rx_err
arrival_json(json_t *o, const struct rx_arrival *in, struct rx_status *st)
{
	rx_err rc = address_json(o, &in->from, st);

	if (rc == RX_OK)
		rc = rx_cli_set(o, "number", json_integer((json_int_t)
		    in->number), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "made", rx_cli_time_json(in->made), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "name", json_string(in->name), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "reason", json_string(in->reason), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "records", json_integer((json_int_t)
		    in->records), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "risk", rx_cli_code_json(RX_LIST_RISK,
		    in->risk), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "due", rx_cli_date_json(in->due), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "flagged", json_boolean(in->flagged), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "withdrawn", json_boolean(in->withdrawn),
		    st);
	return (rc);
}

/* Show the case in the operand to whom it is sealed. */
static rx_err
show_arrival(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_arrival in;
	struct rx_session *s;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_arrival_show(s, cli->operand[0], &in, st);
	rx_session_close(s);
	if (rc == RX_OK && !cli->json) {
		if ((rc = arrival_say(cli, &in, st)) == RX_OK)
			rc = rx_cli_say(cli, st, RX_MSG_CLI_FINGERPRINT_HINT,
			    NULL);
	} else if (rc == RX_OK) {
		o = json_object();
		rc = o == NULL ? rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY) :
		    rx_cli_print(cli, o, arrival_json(o, &in, st), st);
	}
	rx_wipe(&in, sizeof(in));
	return (rc);
}

static rx_err
run_show(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_buf bytes = RX_BUF_INIT;
	struct rx_address a;
	bool address;
	rx_err rc;

	rc = rx_file_read(&bytes, cli->operand[0], RX_ARRIVAL_MAX, st);
	address = bytes.len == RX_ADDRESS_BYTES &&
	    memcmp(bytes.b, "RXAD", 4) == 0;
	rx_buf_free(&bytes);
	if (rc != RX_OK)
		return (rc);
	if (!address)
		return (show_arrival(cli, st));
	/* It needs nobody to be signed in. */
	if ((rc = rx_address_read(cli->operand[0], &a, st)) == RX_OK)
		rc = address_print(cli, &a, st);
	return (rc);
}

const struct rx_cli_command rx_cli_transfer_show = {
	{ "transfer", "show" }, "FILE", RX_MSG_CLI_HELP_TRANSFER_SHOW,
	run_show, 1, 1, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

/* ---- answers ---- */

/* Say how the file was answered, and where the receipt is. */
static rx_err
answer_print(struct rx_cli *cli, const struct rx_arrival *in, bool accepted,
    const char *receipt, struct rx_status *st)
{
	char uuid[RX_UUID_TEXT];
	json_t *o;
	rx_err rc;

	if (!cli->json) {
		rc = rx_cli_say(cli, st, in->before ?
		    RX_MSG_CLI_ARRIVAL_BEFORE : accepted ?
		    RX_MSG_CLI_ARRIVAL_ACCEPTED : RX_MSG_CLI_ARRIVAL_REJECTED,
		    "id", in->id, NULL);
		return (rc != RX_OK ? rc : rx_cli_say(cli, st,
		    RX_MSG_CLI_RECEIPT_WRITTEN, "file", receipt, NULL));
	}
	rx_uuid_text(in->child, uuid);
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = arrival_json(o, in, st);
	if (rc == RX_OK && accepted)
		rc = rx_cli_set(o, "accepted", json_string(uuid), st);
	if (rc == RX_OK && accepted)
		rc = rx_cli_set(o, "id", json_string(in->id), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "before", json_boolean(in->before), st);
	return (rx_cli_print(cli, o, rc, st));
}

rx_err
rx_cli_arrival_accept(struct rx_cli *cli, const char *digits,
    const char *receipt, struct rx_status *st)
{
	struct rx_arrival in;
	struct rx_session *s;
	rx_err rc;

	if (digits == NULL || receipt == NULL)
		return (rx_fail(st, RX_EUSAGE,
		    RX_MSG_CLI_TRANSFER_ANSWER_WAY));
	if ((rc = rx_cli_writable(receipt, st)) != RX_OK ||
	    (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_arrival_accept(s, cli->operand[0], digits, receipt, &in,
	    st)) == RX_OK)
		rc = answer_print(cli, &in, true, receipt, st);
	rx_session_close(s);
	rx_wipe(&in, sizeof(in));
	return (rc);
}

rx_err
rx_cli_arrival_reject(struct rx_cli *cli, const char *reason,
    const char *receipt, struct rx_status *st)
{
	struct rx_arrival in;
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_writable(receipt, st)) != RX_OK ||
	    (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_arrival_reject(s, cli->operand[0], reason, receipt, &in,
	    st)) == RX_OK)
		rc = answer_print(cli, &in, false, receipt, st);
	rx_session_close(s);
	rx_wipe(&in, sizeof(in));
	return (rc);
}

/* ---- receipt ---- */

static rx_err
run_receipt(struct rx_cli *cli, struct rx_status *st)
{
	char uuid[RX_UUID_TEXT];
	struct rx_departed info;
	struct rx_session *s;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_departure_receipt(s, cli->operand[0], &info, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json)
		return (rx_cli_say(cli, st, info.before ?
		    RX_MSG_CLI_RECEIPT_BEFORE : info.answer ==
		    RX_ANSWER_ACCEPTED ? RX_MSG_CLI_RECEIPT_ACCEPTED :
		    RX_MSG_CLI_RECEIPT_REJECTED, "reason", info.reason, NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rx_uuid_text(info.child, uuid);
	rc = rx_cli_set(o, info.answer == RX_ANSWER_ACCEPTED ? "accepted" :
	    "rejected", json_string(uuid), st);
	if (rc == RX_OK && info.reason[0] != '\0')
		rc = rx_cli_set(o, "reason", json_string(info.reason), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "before", json_boolean(info.before), st);
	return (rx_cli_print(cli, o, rc, st));
}

const struct rx_cli_command rx_cli_transfer_receipt = {
	{ "transfer", "receipt" }, "FILE", RX_MSG_CLI_HELP_TRANSFER_RECEIPT,
	run_receipt, 1, 1, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

/* ---- history ---- */

struct origins {
	struct rx_cli *cli;
	struct rx_cli_case *c;
	json_t *all, *records;	/* with --json; records of the last of all */
	char fingerprint[36];	/* of the one at hand */
};

/* Another register than that of the record before: say which. */
static rx_err
origin_begin(struct origins *og, const struct rx_address *from,
    struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	rx_text_copy(og->fingerprint, sizeof(og->fingerprint),
	    from->fingerprint);
	if (og->all == NULL)
		return (rx_cli_say(og->cli, st, RX_MSG_CLI_ORIGIN, "register",
		    from->register_name, "name", from->unit_name, "digits",
		    from->fingerprint, NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = address_json(o, from, st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "records", json_array(), st);
	if (rc != RX_OK) {
		json_decref(o);
		return (rc);
	}
	og->records = json_object_get(o, "records");
	return (rx_cli_append(og->all, o, st));
}

static rx_err
origin_each(void *cookie, const struct rx_address *from,
    const struct rx_record *r, const char *author, struct rx_status *st)
{
	struct origins *og = cookie;
	rx_err rc;

	if (strcmp(og->fingerprint, from->fingerprint) != 0 &&
	    (rc = origin_begin(og, from, st)) != RX_OK)
		return (rc);
	return (rx_cli_version(og->c, og->records, r, author, st));
}

rx_err
rx_cli_origins(struct rx_cli *cli, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char *reason,
    struct rx_cli_case *c, json_t *o, struct rx_status *st)
{
	struct origins og = { .cli = cli, .c = c };
	unsigned count;
	rx_err rc;

	if (cli->json && (og.all = json_array()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_origin_each(s, id, reason, origin_each, &og, &count, st);
	if (og.all == NULL)
		return (rc);
	if (rc == RX_OK && count > 0)
		return (rx_cli_set(o, "origins", og.all, st));
	json_decref(og.all);
	return (rc);
}
