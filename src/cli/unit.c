/* unit import, unit add, unit list. */

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"

#define TSV_MAX (64u << 20)

static rx_err
report(struct rx_cli *cli, size_t added, struct rx_status *st)
{
	char number[24];
	json_t *o;
	rx_err rc;

	if (!cli->json) {
		(void)snprintf(number, sizeof(number), "%zu", added);
		return (rx_cli_say(cli, st, RX_MSG_CLI_UNITS_ADDED, "n",
		    number, NULL));
	}
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "added", json_integer((json_int_t)added), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
run_import(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_buf tsv = RX_BUF_INIT;
	struct rx_session *s;
	size_t added = 0;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_file_read(&tsv, cli->operand[0], TSV_MAX, st);
	if (rc == RX_OK)
		rc = rx_unit_import(s, tsv.b != NULL ? (const char *)tsv.b :
		    "", tsv.len, &added, st);
	rx_buf_free(&tsv);
	rx_session_close(s);
	return (rc != RX_OK ? rc : report(cli, added, st));
}

const struct rx_cli_command rx_cli_unit_import = {
	{ "unit", "import" }, "FILE.tsv", RX_MSG_CLI_HELP_UNIT_IMPORT,
	run_import, 1, 1, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

enum { O_LEVEL, O_PARENT };

static rx_err
run_add(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_unit_add(s, cli->operand[0], cli->operand[1],
	    cli->value[O_LEVEL], cli->value[O_PARENT], st);
	rx_session_close(s);
	return (rc != RX_OK ? rc : report(cli, 1, st));
}

const struct rx_cli_command rx_cli_unit_add = {
	{ "unit", "add" }, "CODE NAME --level L --parent CODE",
	RX_MSG_CLI_HELP_UNIT_ADD, run_add, 2, 2, 0, {
		[O_LEVEL] = { "level", RX_CLI_NEEDED, 0 },
		[O_PARENT] = { "parent", RX_CLI_NEEDED, 0 },
	}
};

static rx_err
collect(void *cookie, const char *code, const char *name, const char *level,
    const char *parent, struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "code", json_string(code), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "name", json_string(name), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "level", json_string(level), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "parent", json_string(parent), st);
	if (rc != RX_OK) {
		json_decref(o);
		return (rc);
	}
	return (rx_cli_append(cookie, o, st));
}

static rx_err
level_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	static const struct { const char *key; enum rx_msg msg; } levels[] = {
		{ "province", RX_MSG_CLI_LEVEL_PROVINCE },
		{ "prefecture", RX_MSG_CLI_LEVEL_PREFECTURE },
		{ "county", RX_MSG_CLI_LEVEL_COUNTY },
		{ "township", RX_MSG_CLI_LEVEL_TOWNSHIP },
		{ "village", RX_MSG_CLI_LEVEL_VILLAGE },
	};
	const char *s = json_string_value(json_object_get(row, "level"));
	size_t i;

	for (i = 0; s != NULL && i < sizeof(levels) / sizeof(levels[0]); i++)
		if (strcmp(levels[i].key, s) == 0)
			s = rx_msg(levels[i].msg, cli->lang);
	return (s == NULL ? RX_OK : rx_cli_clean(out, s, strlen(s), st));
}

/* Note in the rows ${cookie}, sorted by code, that ${unit} waits for new keys. */
static rx_err
mark_rotation(void *cookie, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	size_t lo = 0, hi = json_array_size(cookie), mid;
	const char *code;
	int c;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		code = json_string_value(json_object_get(
		    json_array_get(cookie, mid), "code"));
		if (code == NULL)
			break;
		if ((c = strncmp(code, unit, RX_UNIT_BYTES)) == 0)
			return (rx_cli_set(json_array_get(cookie, mid),
			    "rotation", json_true(), st));
		if (c < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (RX_OK);		/* a prefecture's own work has no row */
}

static rx_err
rotation_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s = rx_msg(RX_MSG_CLI_MARK_ROTATES, cli->lang);

	if (!json_is_true(json_object_get(row, "rotation")))
		return (RX_OK);
	return (rx_buf_add(out, s, strlen(s), st));
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_CODE, "code", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_NAME, "name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_LEVEL, "level", RX_LIST_NONE, level_cell },
	{ RX_MSG_CLI_COL_PARENT, "parent", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_REMARKS, NULL, RX_LIST_NONE, rotation_cell },
};
#define NCOLUMNS (sizeof(columns) / sizeof(columns[0]))

/* Whether any unit waits: only then is there a last column. */
static bool
waits(const json_t *rows)
{
	size_t i;

	for (i = 0; i < json_array_size(rows); i++)
		if (json_is_true(json_object_get(json_array_get(rows, i),
		    "rotation")))
			return (true);
	return (false);
}

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	json_t *rows;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		goto err0;
	if ((rows = json_array()) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto err1;
	}
	if ((rc = rx_unit_each(s, collect, rows, st)) == RX_OK &&
	    (rc = rx_rotation_each(s, rx_session_unit(s), mark_rotation, rows,
	    st)) == RX_OK)
		rc = rx_cli_list(cli, rows, columns, NCOLUMNS - !waits(rows),
		    RX_MSG_CLI_UNITS_NONE, st);
	json_decref(rows);
err1:
	rx_session_close(s);
err0:
	return (rc);
}

const struct rx_cli_command rx_cli_unit_list = {
	{ "unit", "list" }, "", RX_MSG_CLI_HELP_UNIT_LIST, run_list, 0, 0, 0,
	{ { NULL, RX_CLI_SWITCH, 0 } }
};
