/* child list, child show, child find, child erase. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"

/* ---- rows ---- */

static json_t *
codes_json(const struct rx_record *r, enum rx_field f)
{
	json_t *a = json_array();
	size_t k;

	for (k = 0; a != NULL && k < r->v[f].n; k++)
		if (json_array_append_new(a, rx_cli_code_json(
		    rx_fields[f].list, rx_record_item(r, f, k))) != 0) {
			json_decref(a);
			return (NULL);
		}
	return (a);
}

/* Who the child is. */
static rx_err
row_head(json_t *o, const struct rx_record *c, struct rx_status *st)
{
	char uuid[RX_UUID_TEXT], unit[RX_UNIT_TEXT], month[RX_MONTH_TEXT];
	int32_t birth = (int32_t)rx_record_int(c, RX_F_BIRTH);
	rx_err rc;

	rx_uuid_text(c->id, uuid);
	rx_unit_text(unit, c->unit);
	rx_month_format(birth, month);
	rc = rx_cli_set(o, "id", json_string(rx_record_text(c,
	    RX_F_CALLER_ID)), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "uuid", json_string(uuid), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "unit", json_string(unit), st);
	if (rc == RX_OK && c->identity)
		rc = rx_cli_set(o, "name", json_string(rx_record_text(c,
		    RX_F_NAME)), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "sex", rx_cli_code_json(RX_LIST_SEX,
		    rx_record_int(c, RX_F_SEX)), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "birth", json_string(month), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "age", json_integer(rx_age(birth,
		    rx_date_today())), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "categories", codes_json(c,
		    RX_F_CATEGORIES), st);
	return (rc);
}

/* How the case stands. */
static rx_err
row_state(json_t *o, const struct rx_child_row *row, struct rx_status *st)
{
	rx_err rc;

	rc = rx_cli_set(o, "observations", json_integer(row->observations),
	    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "interventions",
		    json_integer(row->interventions), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "risk", rx_cli_code_json(RX_LIST_RISK,
		    row->risk), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "last", rx_cli_date_json(row->last), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "due", rx_cli_date_json(row->due), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "flagged", json_boolean(row->flagged), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "withdrawn", json_boolean(row->withdrawn),
		    st);
	return (rc);
}

rx_err
rx_cli_child_row(void *cookie, const struct rx_child_row *row,
    struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = row_head(o, row->child, st)) != RX_OK ||
	    (rc = row_state(o, row, st)) != RX_OK) {
		json_decref(o);
		return (rc);
	}
	return (rx_cli_append(cookie, o, st));
}

rx_err
rx_cli_unit_names(struct rx_session *s, json_t *rows, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES], name[256];
	const char *code;
	json_t *row;
	size_t i;
	rx_err rc;

	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		code = json_string_value(json_object_get(row, "unit"));
		if (code == NULL)
			continue;
		if ((rc = rx_unit_parse(unit, code, st)) != RX_OK ||
		    (rc = rx_unit_name(s, unit, name, sizeof(name), st)) !=
		    RX_OK ||
		    (rc = rx_cli_set(row, "unit_name", json_string(name),
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static int
by_unit_and_id(const void *a, const void *b)
{
	const json_t *x = *(json_t *const *)a, *y = *(json_t *const *)b;
	int d;

	d = strcmp(json_string_value(json_object_get(x, "unit")),
	    json_string_value(json_object_get(y, "unit")));
	if (d != 0)
		return (d);
	/* "c2" before "c10" */
	return (strverscmp(json_string_value(json_object_get(x, "id")),
	    json_string_value(json_object_get(y, "id"))));
}

rx_err
rx_cli_marks_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *s;
	rx_err rc = RX_OK;

	if (json_is_true(json_object_get(row, "flagged"))) {
		s = rx_msg(RX_MSG_CLI_MARK_FLAG, cli->lang);
		rc = rx_buf_add(out, s, strlen(s), st);
	}
	if (rc == RX_OK && json_is_true(json_object_get(row, "withdrawn"))) {
		s = rx_msg(RX_MSG_CLI_MARK_WITHDRAWN, cli->lang);
		rc = rx_buf_printf(out, st, "%s%s",
		    json_is_true(json_object_get(row, "flagged")) ? " " : "",
		    s);
	}
	return (rc);
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_ID, "id", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_CHILD_NAME, "name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_SEX, "sex", RX_LIST_SEX, NULL },
	{ RX_MSG_CLI_COL_AGE, "age", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_UNIT, "unit_name", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_CATEGORIES, "categories", RX_LIST_CATEGORY, NULL },
	{ RX_MSG_CLI_COL_RISK, "risk", RX_LIST_RISK, NULL },
	{ RX_MSG_CLI_COL_LAST, "last", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_DUE, "due", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_MARKS, NULL, RX_LIST_NONE, rx_cli_marks_cell },
};
#define NCOLUMNS (sizeof(columns) / sizeof(columns[0]))

static rx_err
print_rows(struct rx_cli *cli, json_t *rows, enum rx_msg empty,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_cli_sort(rows, by_unit_and_id, st)) != RX_OK)
		return (rc);
	return (rx_cli_list(cli, rows, columns, NCOLUMNS, empty, st));
}

/* ---- list ---- */

enum { O_FLAGGED, O_DUE };

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	unsigned filter = 0;
	json_t *rows;
	rx_err rc;

	if (cli->value[O_FLAGGED] != NULL)
		filter |= RX_LIST_FLAGGED;
	if (cli->value[O_DUE] != NULL)
		filter |= RX_LIST_DUE;
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = rx_child_each(s, filter, rx_date_today(),
		    rx_cli_child_row, rows, st);
	if (rc == RX_OK)
		rc = rx_cli_unit_names(s, rows, st);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = print_rows(cli, rows, filter != 0 ?
		    RX_MSG_CLI_CHILDREN_NO_MATCH : RX_MSG_CLI_CHILDREN_NONE,
		    st);
	json_decref(rows);
	return (rc);
}

const struct rx_cli_command rx_cli_child_list = {
	{ "child", "list" }, "[--flagged] [--due]",
	RX_MSG_CLI_HELP_CHILD_LIST, run_list, 0, 0, 0, {
		[O_FLAGGED] = { "flagged", RX_CLI_SWITCH, 0 },
		[O_DUE] = { "due", RX_CLI_SWITCH, 0 },
	}
};

/* ---- find ---- */

enum { O_ID_NUMBER, O_NAME };

/**
 * search(cli, s, rows, st):
 * Search by the option that was given.  Its value "-" is read from stdin, so
 * that it need not stand in the list of processes.
 */
static rx_err
search(struct rx_cli *cli, struct rx_session *s, json_t *rows,
    struct rx_status *st)
{
	const char *text, *id_number = cli->value[O_ID_NUMBER];
	struct rx_secret *line = NULL;
	rx_err rc;

	text = id_number != NULL ? id_number : cli->value[O_NAME];
	if (strcmp(text, "-") == 0) {
		if ((rc = rx_cli_line(STDIN_FILENO, &line, st)) != RX_OK)
			return (rc);
		text = (const char *)line->b;
	}
	if (text[0] == '\0')
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_CLI_FIND_ONE);
	else
		rc = rx_child_search(s, id_number != NULL ? text : NULL,
		    id_number != NULL ? NULL : text, rx_cli_child_row, rows,
		    st);
	rx_secret_free(line);
	return (rc);
}

static rx_err
run_find(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	json_t *rows;
	rx_err rc;

	if ((cli->value[O_ID_NUMBER] == NULL) == (cli->value[O_NAME] == NULL))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_FIND_ONE));
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = search(cli, s, rows, st);
	if (rc == RX_OK)
		rc = rx_cli_unit_names(s, rows, st);
	rx_session_close(s);
	if (rc == RX_OK)
		rc = print_rows(cli, rows, RX_MSG_CLI_CHILDREN_NO_MATCH, st);
	json_decref(rows);
	return (rc);
}

const struct rx_cli_command rx_cli_child_find = {
	{ "child", "find" }, "--id-number X | --name X",
	RX_MSG_CLI_HELP_CHILD_FIND, run_find, 0, 0, 0, {
		[O_ID_NUMBER] = { "id-number", RX_CLI_VALUE, 0 },
		[O_NAME] = { "name", RX_CLI_VALUE, 0 },
	}
};

/* ---- show ---- */

enum { O_REASON, O_YES, O_GROUND, O_ASKED_BY };

/* Append to ${array} the version ${r} that does not stand. */
struct conflicts {
	struct rx_cli_case c;
	json_t *array;
};

static rx_err
conflict_each(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	struct conflicts *k = cookie;
	json_t *o;
	rx_err rc;

	if (k->array == NULL)
		return (rx_cli_case_each(&k->c, r, st));
	if ((rc = rx_record_json(&o, r, st)) != RX_OK)
		return (rc);
	return (rx_cli_append(k->array, o, st));
}

/* After the case: versions that were written in another copy too.  With --json
 * they go to ${o}. */
static rx_err
conflicts(struct rx_cli *cli, struct rx_session *s, const uint8_t *id,
    struct rx_cli_case *c, json_t *o, struct rx_status *st)
{
	const bool director = rx_session_has_role(s, RX_ROLE_DIRECTOR);
	struct conflicts k = { *c, NULL };
	char text[24];
	size_t n;
	rx_err rc;

	if ((rc = rx_conflicts_of(s, id, &n, st)) != RX_OK || n == 0)
		return (rc);
	(void)snprintf(text, sizeof(text), "%zu", n);
	if (!cli->json)
		rc = rx_cli_say(cli, st, director ? RX_MSG_CLI_CONFLICTS :
		    RX_MSG_CLI_CONFLICTS_HIDDEN, "n", text, NULL);
	else if ((k.array = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	if (rc == RX_OK && director)
		rc = rx_conflict_each(s, id, conflict_each, &k, st);
	if (!cli->json)
		return (rc);
	if (rc != RX_OK) {
		json_decref(k.array);
		return (rc);
	}
	return (rx_cli_set(o, "conflicts", k.array, st));
}

static rx_err
show(struct rx_cli *cli, struct rx_session *s, struct rx_cli_case *c,
    struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	json_t *o;
	rx_err rc;

	if ((rc = rx_child_seek(s, cli->operand[0], id, st)) != RX_OK ||
	    (rc = rx_child_show(s, id, cli->value[O_REASON],
	    rx_cli_case_each, c, st)) != RX_OK)
		return (rc);
	if (!cli->json)
		return ((rc = conflicts(cli, s, id, c, NULL, st)) != RX_OK ?
		    rc : rx_cli_origins(cli, s, id, cli->value[O_REASON], c,
		    NULL, st));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_cli_case_into(c, o, st)) == RX_OK &&
	    (rc = conflicts(cli, s, id, c, o, st)) == RX_OK &&
	    (rc = rx_cli_origins(cli, s, id, cli->value[O_REASON], c, o,
	    st)) == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
run_show(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	struct rx_cli_case c;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_case_open(&c, cli, s, st)) == RX_OK) {
		rc = show(cli, s, &c, st);
		rx_cli_case_close(&c);
	}
	rx_session_close(s);
	return (rc);
}

const struct rx_cli_command rx_cli_child_show = {
	{ "child", "show" }, "ID [--reason TEXT]",
	RX_MSG_CLI_HELP_CHILD_SHOW, run_show, 1, 1, 0, {
		[O_REASON] = { "reason", RX_CLI_VALUE, 0 },
	}
};

/* ---- erase ---- */

/* The place of the option's ${text} among the ${n} words of ${list}; 0 when it
 * was not given. */
static rx_err
word(const char *text, const char *option, const struct rx_erase_word *list,
    unsigned n, unsigned *out, struct rx_status *st)
{

	for (*out = 0; text != NULL && *out < n; ++*out)
		if (strcmp(text, list[*out].key) == 0)
			return (RX_OK);
	if (text == NULL)
		return (RX_OK);
	rx_status_arg(st, "value", "%s", text);
	rx_status_arg(st, "option", "%s", option);
	return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_ERASE_WORD));
}

static rx_err
erased(struct rx_cli *cli, const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	char uuid[RX_UUID_TEXT];
	json_t *o;
	rx_err rc;

	rx_uuid_text(id, uuid);
	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_ERASE_DONE, "id", uuid,
		    NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_cli_set(o, "erased", json_string(uuid), st)) == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
run_erase(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_erase_order order = { .reason = cli->value[O_REASON] };
	unsigned ground, asker;
	uint8_t id[RX_ID_BYTES];
	struct rx_session *s;
	rx_err rc;

	if (cli->value[O_REASON][0] == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_REASON_EMPTY));
	if ((rc = word(cli->value[O_GROUND], "--ground", rx_erase_grounds,
	    RX_GROUND_MOVED, &ground, st)) != RX_OK ||
	    (rc = word(cli->value[O_ASKED_BY], "--asked-by", rx_erase_askers,
	    RX_ERASE_ASKERS, &asker, st)) != RX_OK)
		return (rc);
	order.ground = (enum rx_erase_ground)ground;
	order.asker = (enum rx_erase_asker)asker;
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_child_seek(s, cli->operand[0], id, st)) == RX_OK &&
	    (rc = rx_cli_confirm(cli, cli->value[O_YES] != NULL,
	    RX_MSG_CLI_ERASE_ASK, RX_MSG_CLI_CANCELLED, st)) ==
	    RX_OK)
		rc = rx_child_erase_for(s, id, &order, st);
	rx_session_close(s);
	return (rc != RX_OK ? rc : erased(cli, id, st));
}

const struct rx_cli_command rx_cli_child_erase = {
	{ "child", "erase" }, "ID --reason TEXT "
	"[--ground purpose|expired|withdrawn|unlawful|other] "
	"[--asked-by guardian|child|authority|office] [--yes]",
	RX_MSG_CLI_HELP_CHILD_ERASE, run_erase, 1, 1, 0, {
		[O_REASON] = { "reason", RX_CLI_NEEDED, 0 },
		[O_YES] = { "yes", RX_CLI_SWITCH, 0 },
		[O_GROUND] = { "ground", RX_CLI_VALUE, 0 },
		[O_ASKED_BY] = { "asked-by", RX_CLI_VALUE, 0 },
	}
};
