/* retention list, retention keep: files whose time is over. */

#include <string.h>

#include "base/date.h"
#include "cli/cli.h"

enum { O_ON };

struct listing {
	json_t *rows;
};

static const struct {
	unsigned why;
	const char *key;
	enum rx_msg msg;
} whys[] = {
	{ RX_OVER_CLOSED, "closed", RX_MSG_OVER_CLOSED },
	{ RX_OVER_ADULT, "adult", RX_MSG_OVER_ADULT },
	{ RX_OVER_WITHDRAWN, "withdrawn", RX_MSG_OVER_WITHDRAWN }
};
#define NWHYS (sizeof(whys) / sizeof(whys[0]))

static rx_err
collect(void *cookie, const struct rx_retention_row *r, struct rx_status *st)
{
	struct listing *l = cookie;
	json_t *o, *why;
	size_t i;
	rx_err rc;

	if ((rc = rx_cli_child_row(l->rows, r->row, st)) != RX_OK)
		return (rc);
	o = json_array_get(l->rows, json_array_size(l->rows) - 1);
	why = json_array();
	if ((rc = rx_cli_set(o, "why", why, st)) != RX_OK)
		return (rc);
	for (i = 0; i < NWHYS && rc == RX_OK; i++)
		if ((r->why & whys[i].why) != 0)
			rc = rx_cli_append(why, json_string(whys[i].key), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "since", rx_cli_date_json(r->since), st);
	return (rc);
}

static rx_err
why_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const json_t *why = json_object_get(row, "why");
	const char *s;
	size_t i, k;
	rx_err rc = RX_OK;

	for (i = 0; i < json_array_size(why) && rc == RX_OK; i++) {
		s = json_string_value(json_array_get(why, i));
		for (k = 0; k < NWHYS && strcmp(s, whys[k].key) != 0; k++)
			continue;
		if (k < NWHYS)
			rc = rx_buf_printf(out, st, "%s%s", i == 0 ? "" :
			    rx_msg(RX_MSG_LIST_COMMA, cli->lang),
			    rx_msg(whys[k].msg, cli->lang));
	}
	return (rc);
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_ID, "id", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_CHILD_NAME, "name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_AGE, "age", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_UNIT, "unit_name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_OVER, NULL, RX_LIST_NONE, why_cell },
	{ RX_MSG_CLI_COL_SINCE, "since", RX_LIST_NONE, NULL },
};

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	struct listing l = { NULL };
	int32_t on = rx_date_today();
	struct rx_session *s;
	rx_err rc;

	if (cli->value[O_ON] != NULL &&
	    (rc = rx_cli_date(cli->value[O_ON], "--on", &on, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((l.rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = rx_retention_each(s, on, RX_RETENTION_NAMES, collect, &l,
		    st);
	if (rc == RX_OK)
		rc = rx_cli_unit_names(s, l.rows, st);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = rx_cli_list(cli, l.rows, columns,
		    sizeof(columns) / sizeof(columns[0]),
		    RX_MSG_CLI_RETENTION_NONE, st);
	json_decref(l.rows);
	return (rc);
}

const struct rx_cli_command rx_cli_retention_list = {
	{ "retention", "list" }, "[--on DATE]",
	RX_MSG_CLI_HELP_RETENTION_LIST, run_list, 0, 0, 0,
	{ [O_ON] = { "on", RX_CLI_VALUE, 0 } }
};

/* ---- keep ---- */

enum { O_UNTIL, O_REASON };

static rx_err
run_keep(struct rx_cli *cli, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_session *s;
	int32_t until;
	rx_err rc;

	if (cli->value[O_REASON][0] == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_REASON_EMPTY));
	if ((rc = rx_cli_date(cli->value[O_UNTIL], "--until", &until, st)) !=
	    RX_OK || (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_child_seek(s, cli->operand[0], id, st)) == RX_OK)
		rc = rx_retention_keep(s, id, until, cli->value[O_REASON],
		    st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	return (cli->json ? rx_buf_printf(&cli->out, st,
	    "{\"kept_until\": \"%s\"}\n", cli->value[O_UNTIL]) :
	    rx_cli_say(cli, st, RX_MSG_CLI_RETENTION_KEPT, "date",
	    cli->value[O_UNTIL], NULL));
}

const struct rx_cli_command rx_cli_retention_keep = {
	{ "retention", "keep" }, "CHILD --until DATE --reason TEXT",
	RX_MSG_CLI_HELP_RETENTION_KEEP, run_keep, 1, 1, 0, {
		[O_UNTIL] = { "until", RX_CLI_NEEDED, 0 },
		[O_REASON] = { "reason", RX_CLI_NEEDED, 0 },
	}
};
