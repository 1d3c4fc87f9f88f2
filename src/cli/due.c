/* due: visits that are due, red first. */

#include <string.h>

#include "base/date.h"
#include "cli/cli.h"

enum { O_ON };

/* Red is 1; who was never observed comes last. */
static int
risk_rank(const json_t *row)
{
	const char *key = json_string_value(json_object_get(row, "risk"));
	const struct rx_code *c;

	c = key == NULL ? NULL : rx_code_by_key(RX_LIST_RISK, key);
	return (c == NULL ? UINT16_MAX : c->no);
}

static int
red_first(const void *a, const void *b)
{
	static const char *const keys[] = { "due", "unit", "id" };
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	const char *s, *t;
	size_t i;
	int d;

	if ((d = risk_rank(x) - risk_rank(y)) != 0)
		return (d);
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		s = json_string_value(json_object_get(x, keys[i]));
		t = json_string_value(json_object_get(y, keys[i]));
		d = strverscmp(s != NULL ? s : "", t != NULL ? t : "");
		if (d != 0)
			return (d);
	}
	return (0);
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_RISK, "risk", RX_LIST_RISK, NULL },
	{ RX_MSG_CLI_COL_DUE, "due", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_OVERDUE, "overdue_days", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_ID, "id", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_CHILD_NAME, "name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_UNIT, "unit_name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_LAST, "last", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_MARKS, NULL, RX_LIST_NONE, rx_cli_marks_cell },
};

struct due {
	json_t *rows;
	int32_t on;
};

static rx_err
collect(void *cookie, const struct rx_child_row *row, struct rx_status *st)
{
	struct due *d = cookie;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_child_row(d->rows, row, st)) != RX_OK)
		return (rc);
	o = json_array_get(d->rows, json_array_size(d->rows) - 1);
	return (rx_cli_set(o, "overdue_days", json_integer(d->on - row->due),
	    st));
}

static rx_err
print(struct rx_cli *cli, struct due *d, struct rx_status *st)
{
	char date[RX_DATE_TEXT];
	rx_err rc;

	if (!cli->json && json_array_size(d->rows) == 0) {
		rx_date_format(d->on, date);
		return (rx_cli_say(cli, st, RX_MSG_CLI_DUE_NONE, "date", date,
		    NULL));
	}
	if ((rc = rx_cli_sort(d->rows, red_first, st)) != RX_OK)
		return (rc);
	return (rx_cli_list(cli, d->rows, columns,
	    sizeof(columns) / sizeof(columns[0]), RX_MSG_CLI_DUE_NONE, st));
}

static rx_err
run(struct rx_cli *cli, struct rx_status *st)
{
	struct due d = { NULL, rx_date_today() };
	struct rx_session *s;
	rx_err rc;

	if (cli->value[O_ON] != NULL &&
	    (rc = rx_cli_date(cli->value[O_ON], "--on", &d.on, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((d.rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = rx_child_each(s, RX_LIST_DUE, d.on, collect, &d, st);
	if (rc == RX_OK)
		rc = rx_cli_unit_names(s, d.rows, st);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = print(cli, &d, st);
	json_decref(d.rows);
	return (rc);
}

const struct rx_cli_command rx_cli_due = {
	{ "due", NULL }, "[--on DATE]", RX_MSG_CLI_HELP_DUE, run, 0, 0, 0,
	{ [O_ON] = { "on", RX_CLI_VALUE, 0 } }
};
