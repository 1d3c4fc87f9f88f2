/* child add, observe, intervene, activity add, flag add, report add: one
 * record as JSON from stdin. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"

#define STDIN_MAX (1u << 20)

enum { O_CORRECT };

/* All of stdin, at most STDIN_MAX bytes. */
static rx_err
read_stdin(struct rx_buf *buf, struct rx_status *st)
{
	uint8_t block[4096];
	ssize_t n;
	rx_err rc = RX_OK;

	while (rc == RX_OK && (n = read(STDIN_FILENO, block,
	    sizeof(block))) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			rc = rx_fail(st, RX_EIO, RX_MSG_CLI_READ);
		else if (buf->len + (size_t)n > STDIN_MAX)
			rc = rx_fail(st, RX_EUSAGE, RX_MSG_CLI_STDIN_LONG);
		else
			rc = rx_buf_add(buf, block, (size_t)n, st);
	}
	rx_wipe(block, sizeof(block));
	return (rc);
}

static rx_err
read_json(struct rx_cli *cli, json_t **json, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	rx_err rc;

	*json = NULL;
	if (isatty(STDIN_FILENO) == 1)
		rx_cli_note(cli, RX_MSG_CLI_STDIN_HINT, NULL);
	if ((rc = read_stdin(&text, st)) == RX_OK)
		rc = rx_json_parse(json, text.b != NULL ?
		    (const char *)text.b : "", text.len, st);
	rx_buf_free(&text);
	return (rc);
}

/* Whether the signs of an observation have an urgent one. */
static bool
is_urgent(const json_t *json)
{
	const json_t *signs = json_object_get(json, "signs");
	const struct rx_code *code;
	const char *key;
	size_t i;

	for (i = 0; i < json_array_size(signs); i++) {
		key = json_string_value(json_array_get(signs, i));
		code = key == NULL ? NULL :
		    rx_code_by_key(RX_LIST_SIGN, key);
		if (code != NULL && rx_code_has(code, "urgent"))
			return (true);
	}
	return (false);
}

/* What to do now; the record is saved already. */
static rx_err
help_card(struct rx_cli *cli, struct rx_status *st)
{
	static const enum rx_msg lines[] = {
		RX_MSG_CLI_CARD_TITLE, RX_MSG_CLI_CARD_STAY,
		RX_MSG_CLI_CARD_CALL, RX_MSG_CLI_CARD_LINES,
		RX_MSG_CLI_CARD_REPORT
	};
	const struct rx_code *codes;
	size_t i, n = 0;
	rx_err rc = RX_OK;

	for (i = 0; rc == RX_OK && i < sizeof(lines) / sizeof(lines[0]); i++)
		rc = rx_cli_say(cli, st, lines[i], NULL);
	codes = rx_codes(RX_LIST_SITUATION, &n);
	for (i = 0; rc == RX_OK && i < n; i++)
		rc = rx_buf_printf(&cli->out, st, "    %s  %s\n",
		    codes[i].key, cli->lang == RX_LANG_EN ? codes[i].en :
		    codes[i].zh);
	return (rc);
}

static rx_err
saved_json(struct rx_cli *cli, enum rx_type type, const char *id,
    const struct rx_save_result *r, bool urgent, struct rx_status *st)
{
	static const char *const how[] = {
		[RX_SAVED_NEW] = "new", [RX_SAVED_PRESENT] = "present",
		[RX_SAVED_CORRECTED] = "corrected"
	};
	char uuid[RX_UUID_TEXT];
	json_t *o;
	rx_err rc;

	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rx_uuid_text(r->id, uuid);
	rc = rx_cli_set(o, "type", json_string(rx_type_key(type)), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "saved", json_string(how[r->how]), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "id", json_string(id != NULL ? id : uuid),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "uuid", json_string(uuid), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "flagged", json_boolean(r->flagged), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "again", json_boolean(r->again), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "urgent", json_boolean(urgent), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "due", rx_cli_date_json(r->due), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

rx_err
rx_cli_saved(struct rx_cli *cli, enum rx_type type, const json_t *json,
    const struct rx_save_result *result, struct rx_status *st)
{
	static const enum rx_msg how[] = {
		[RX_SAVED_NEW] = RX_MSG_CLI_SAVED_NEW,
		[RX_SAVED_PRESENT] = RX_MSG_CLI_SAVED_PRESENT,
		[RX_SAVED_CORRECTED] = RX_MSG_CLI_SAVED_CORRECTED
	};
	const char *id = result->number[0] != '\0' ? result->number :
	    json_string_value(json_object_get(json, "id"));
	bool urgent = type == RX_OBSERVATION && is_urgent(json);
	char uuid[RX_UUID_TEXT], text[RX_TIME_TEXT];
	rx_err rc;

	if (cli->json)
		return (saved_json(cli, type, id, result, urgent, st));
	rx_uuid_text(result->id, uuid);
	/* The name by which other commands know it. */
	rc = rx_cli_say(cli, st, how[result->how], "type",
	    rx_cli_type_name(cli, type), "id", id != NULL ? id : uuid, NULL);
	if (rc == RX_OK && type == RX_REPORT) {
		rx_time_format(rx_time_now(), text);
		rc = rx_cli_say(cli, st, RX_MSG_CLI_REPORT_RECEIPT, "id",
		    uuid, "time", text, NULL);
	}
	if (rc == RX_OK && result->flagged)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_SAVED_FLAGGED, NULL);
	if (rc == RX_OK && result->again)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_SAVED_AGAIN, NULL);
	if (rc == RX_OK && result->due != 0 && (type == RX_CHILD ||
	    type == RX_OBSERVATION || type == RX_INTERVENTION)) {
		rx_date_format(result->due, text);
		rc = rx_cli_say(cli, st, RX_MSG_CLI_SAVED_DUE, "date", text,
		    NULL);
	}
	if (rc == RX_OK && urgent)
		rc = help_card(cli, st);
	return (rc);
}

static rx_err
run(struct rx_cli *cli, struct rx_status *st)
{
	enum rx_type type = (enum rx_type)cli->command->type;
	struct rx_save_result result;
	struct rx_session *s;
	json_t *json;
	rx_err rc;

	/* The passphrase first: it may be the first line of stdin. */
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = read_json(cli, &json, st)) == RX_OK &&
	    (rc = rx_save(s, type, json, cli->value[O_CORRECT] != NULL,
	    &result, st)) == RX_OK)
		rc = rx_cli_saved(cli, type, json, &result, st);
	json_decref(json);
	rx_session_close(s);
	return (rc);
}

#define FROM_STDIN(first, second, help, type) { \
	{ first, second }, "[--correct] < JSON", help, run, 0, 0, type, \
	{ [O_CORRECT] = { "correct", RX_CLI_SWITCH, 0 } } \
}

const struct rx_cli_command rx_cli_child_add =
    FROM_STDIN("child", "add", RX_MSG_CLI_HELP_CHILD_ADD, RX_CHILD);
const struct rx_cli_command rx_cli_observe =
    FROM_STDIN("observe", NULL, RX_MSG_CLI_HELP_OBSERVE, RX_OBSERVATION);
const struct rx_cli_command rx_cli_intervene =
    FROM_STDIN("intervene", NULL, RX_MSG_CLI_HELP_INTERVENE, RX_INTERVENTION);
const struct rx_cli_command rx_cli_activity_add =
    FROM_STDIN("activity", "add", RX_MSG_CLI_HELP_ACTIVITY_ADD, RX_ACTIVITY);
const struct rx_cli_command rx_cli_flag_add =
    FROM_STDIN("flag", "add", RX_MSG_CLI_HELP_FLAG_ADD, RX_FLAG);
const struct rx_cli_command rx_cli_report_add =
    FROM_STDIN("report", "add", RX_MSG_CLI_HELP_REPORT_ADD, RX_REPORT);
