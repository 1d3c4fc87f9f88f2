/* consent withdraw, consent give. */

#include "base/date.h"
#include "cli/cli.h"

enum { O_BY, O_ON, O_ID };

static rx_err
consent_json(struct rx_cli *cli, const char *state, int32_t on, json_t **out,
    struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	*out = NULL;
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "child", json_string(cli->operand[0]), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "date", rx_cli_date_json(on), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "state", json_string(state), st);
	if (rc == RX_OK && cli->value[O_BY] != NULL)
		rc = rx_cli_set(o, "by", json_string(cli->value[O_BY]), st);
	if (rc == RX_OK && cli->value[O_ID] != NULL)
		rc = rx_cli_set(o, "id", json_string(cli->value[O_ID]), st);
	if (rc != RX_OK) {
		json_decref(o);
		return (rc);
	}
	*out = o;
	return (RX_OK);
}

static rx_err
consent(struct rx_cli *cli, const char *state, struct rx_status *st)
{
	struct rx_save_result result;
	int32_t on = rx_date_today();
	struct rx_session *s;
	json_t *json;
	rx_err rc;

	if (cli->value[O_ON] != NULL &&
	    (rc = rx_cli_date(cli->value[O_ON], "--on", &on, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = consent_json(cli, state, on, &json, st)) == RX_OK &&
	    (rc = rx_save(s, RX_CONSENT, json, false, &result, st)) == RX_OK)
		rc = rx_cli_saved(cli, RX_CONSENT, json, &result, st);
	json_decref(json);
	rx_session_close(s);
	return (rc);
}

static rx_err
run_withdraw(struct rx_cli *cli, struct rx_status *st)
{

	return (consent(cli, "withdrawn", st));
}

static rx_err
run_give(struct rx_cli *cli, struct rx_status *st)
{

	return (consent(cli, "given", st));
}

#define CONSENT(word, help, run) { \
	{ "consent", word }, "CHILD [--by guardian|child|both|agency] " \
	"[--on DATE] [--id ID]", help, run, 1, 1, 0, { \
		[O_BY] = { "by", RX_CLI_VALUE, 0 }, \
		[O_ON] = { "on", RX_CLI_VALUE, 0 }, \
		[O_ID] = { "id", RX_CLI_VALUE, 0 }, \
	} \
}

const struct rx_cli_command rx_cli_consent_withdraw =
    CONSENT("withdraw", RX_MSG_CLI_HELP_CONSENT_WITHDRAW, run_withdraw);
const struct rx_cli_command rx_cli_consent_give =
    CONSENT("give", RX_MSG_CLI_HELP_CONSENT_GIVE, run_give);
