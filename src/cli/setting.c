/* setting list, setting set. */

#include "cli/cli.h"

struct settings {
	enum rx_lang lang;
	json_t *rows;
};

static rx_err
collect_setting(void *cookie, const struct rx_setting_row *row,
    struct rx_status *st)
{
	const struct {
		const char *key;
		int n;
	} of[] = {
		{ "value", row->value }, { "default", row->otherwise },
		{ "min", row->min }, { "max", row->max }
	};
	json_t *o;
	size_t i;
	rx_err rc;

	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "name", json_string(row->key), st);
	for (i = 0; i < sizeof(of) / sizeof(of[0]) && rc == RX_OK; i++)
		rc = rx_cli_set(o, of[i].key, json_integer(of[i].n), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "set", json_boolean(row->set), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "about", json_string(rx_msg(row->about,
		    ((struct settings *)cookie)->lang)), st);
	if (rc != RX_OK) {
		json_decref(o);
		return (rc);
	}
	return (rx_cli_append(((struct settings *)cookie)->rows, o, st));
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_SETTING, "name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_VALUE, "value", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_DEFAULT, "default", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_MIN, "min", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_MAX, "max", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_MEANING, "about", RX_LIST_NONE, NULL },
};

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	struct settings x = { cli->lang, NULL };
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((x.rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = rx_setting_each(s, collect_setting, &x, st);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = rx_cli_list(cli, x.rows, columns,
		    sizeof(columns) / sizeof(columns[0]),
		    RX_MSG_CLI_COL_SETTING, st);
	json_decref(x.rows);
	return (rc);
}

const struct rx_cli_command rx_cli_setting_list = {
	{ "setting", "list" }, "", RX_MSG_CLI_HELP_SETTING_LIST, run_list, 0,
	0, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

static rx_err
run_set(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	unsigned long value;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_number(cli->operand[1], cli->operand[0], 0, 1000000,
	    &value, st)) != RX_OK || (rc = rx_cli_session(cli, &s, st)) !=
	    RX_OK)
		return (rc);
	rc = rx_setting_set(s, cli->operand[0], (int64_t)value, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_SETTING_DONE, "name",
		    cli->operand[0], "value", cli->operand[1], NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, rx_cli_set(o, cli->operand[0],
	    json_integer((json_int_t)value), st), st));
}

const struct rx_cli_command rx_cli_setting_set = {
	{ "setting", "set" }, "NAME VALUE", RX_MSG_CLI_HELP_SETTING_SET,
	run_set, 2, 2, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};
