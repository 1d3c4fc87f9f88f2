/* export annex, export table. */

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "cli/cli.h"

enum { O_UNIT, O_FROM, O_TO, O_FORMAT, O_OUT, O_COUNT, O_BY, O_THRESHOLD,
	O_PRIVATE, O_DRY };
#define O_RECOUNT O_COUNT	/* of the annex: after the last it shares */

#define THRESHOLD 5
#define THRESHOLD_MIN 3
#define THRESHOLD_MAX 1000

static rx_err
parse_format(const char *text, enum rx_format *format, struct rx_status *st)
{

	if (strcmp(text, "csv") == 0)
		*format = RX_FORMAT_CSV;
	else if (strcmp(text, "xlsx") == 0)
		*format = RX_FORMAT_XLSX;
	else if (strcmp(text, "json") == 0)
		*format = RX_FORMAT_JSON;
	else
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_FORMAT_UNKNOWN));
	return (RX_OK);
}

static rx_err
parse_period(struct rx_cli *cli, int32_t *from, int32_t *to,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_cli_date(cli->value[O_FROM], "--from", from, st)) !=
	    RX_OK ||
	    (rc = rx_cli_date(cli->value[O_TO], "--to", to, st)) != RX_OK)
		return (rc);
	if (*from > *to)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_PERIOD));
	return (RX_OK);
}

static rx_err
parse_count(const char *text, enum rx_count *count, struct rx_status *st)
{

	if (strcmp(text, "children") == 0)
		*count = RX_COUNT_CHILDREN;
	else if (strcmp(text, "observations") == 0)
		*count = RX_COUNT_OBSERVATIONS;
	else if (strcmp(text, "interventions") == 0)
		*count = RX_COUNT_INTERVENTIONS;
	else
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_COUNT_UNKNOWN));
	return (RX_OK);
}

static rx_err
exported(struct rx_cli *cli, struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_EXPORTED, "file",
		    cli->value[O_OUT], NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "file", json_string(cli->value[O_OUT]), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static void
warn(void *cookie, const char *text)
{

	rx_cli_note(cookie, RX_MSG_CLI_WARNING, "text", text, NULL);
}

/* Count every record; say when extracts did not fit theirs. */
static rx_err
recount(struct rx_cli *cli, struct rx_session *s, const char *unit,
    int32_t from, int32_t to, struct rx_status *st)
{
	char n[24];
	size_t wrong;
	rx_err rc;

	rc = rx_annex_recount(s, unit, from, to, &wrong, st);
	(void)snprintf(n, sizeof(n), "%zu", wrong);
	if (wrong > 0)		/* they are gone, also when the count fails */
		rx_cli_note(cli, RX_MSG_EXTRACTS_WRONG, "n", n, NULL);
	return (rc);
}

static rx_err
run_annex(struct rx_cli *cli, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	enum rx_format format;
	struct rx_session *s;
	int32_t from, to;
	rx_err rc;

	if ((rc = rx_unit_parse(unit, cli->value[O_UNIT], st)) != RX_OK ||
	    (rc = parse_period(cli, &from, &to, st)) != RX_OK ||
	    (rc = parse_format(cli->value[O_FORMAT], &format, st)) != RX_OK ||
	    (rc = rx_cli_writable(cli->value[O_OUT], st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if (cli->value[O_RECOUNT] == NULL || (rc = recount(cli, s, unit, from,
	    to, st)) == RX_OK)
		rc = rx_annex_export(s, unit, from, to, format,
		    cli->value[O_OUT], cli->lang, warn, cli, st);
	rx_session_close(s);
	return (rc != RX_OK ? rc : exported(cli, st));
}

const struct rx_cli_command rx_cli_export_annex = {
	{ "export", "annex" }, "--unit CODE --from DATE --to DATE "
	"--format csv|xlsx|json -o FILE [--recount]",
	RX_MSG_CLI_HELP_EXPORT_ANNEX,
	run_annex, 0, 0, 0, {
		[O_UNIT] = { "unit", RX_CLI_NEEDED, 0 },
		[O_FROM] = { "from", RX_CLI_NEEDED, 0 },
		[O_TO] = { "to", RX_CLI_NEEDED, 0 },
		[O_FORMAT] = { "format", RX_CLI_NEEDED, 0 },
		[O_OUT] = { "output", RX_CLI_NEEDED, 'o' },
		[O_RECOUNT] = { "recount", RX_CLI_SWITCH, 0 },
	}
};

/* Where the table goes: nowhere in a dry run. */
static rx_err
parse_file(struct rx_cli *cli, enum rx_format *format, struct rx_status *st)
{
	char usage[512];
	const char *missing = cli->value[O_FORMAT] == NULL ? "--format" :
	    cli->value[O_OUT] == NULL ? "-o" : NULL;

	*format = RX_FORMAT_JSON;
	if (cli->value[O_DRY] != NULL)
		return (RX_OK);
	if (missing != NULL) {
		rx_cli_usage(&rx_cli_export_table, usage, sizeof(usage));
		rx_status_arg(st, "option", "%s", missing);
		rx_status_arg(st, "usage", "%s", usage);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_OPTION_MISSING));
	}
	return (parse_format(cli->value[O_FORMAT], format, st));
}

static rx_err
parse_table(struct rx_cli *cli, struct rx_table_request *req,
    enum rx_format *format, struct rx_status *st)
{
	unsigned long threshold = THRESHOLD;
	rx_err rc;

	memset(req, 0, sizeof(*req));
	if ((rc = rx_unit_parse(req->unit, cli->value[O_UNIT], st)) !=
	    RX_OK ||
	    (rc = parse_count(cli->value[O_COUNT], &req->count, st)) !=
	    RX_OK ||
	    (rc = rx_table_dims(req, cli->value[O_BY], st)) != RX_OK ||
	    (rc = parse_period(cli, &req->from, &req->to, st)) != RX_OK ||
	    (rc = parse_file(cli, format, st)) != RX_OK)
		return (rc);
	if (cli->value[O_THRESHOLD] != NULL &&
	    (rc = rx_cli_number(cli->value[O_THRESHOLD], "--threshold",
	    THRESHOLD_MIN, THRESHOLD_MAX, &threshold, st)) != RX_OK)
		return (rc);
	req->threshold = (unsigned)threshold;
	if (cli->value[O_PRIVATE] != NULL &&
	    (rc = rx_epsilon_parse(&req->epsilon, cli->value[O_PRIVATE],
	    st)) != RX_OK)
		return (rc);
	if (cli->value[O_PRIVATE] != NULL && cli->value[O_THRESHOLD] != NULL)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_PRIVATE_THRESHOLD));
	return (cli->value[O_DRY] != NULL ? RX_OK :
	    rx_cli_writable(cli->value[O_OUT], st));
}

/* ---- a dry run ---- */

/* One plan as JSON. */
static rx_err
plan_json(json_t *o, const struct rx_plan *p, enum rx_lang lang,
    struct rx_status *st)
{
	char why[1024];
	rx_err rc;

	rx_status_text(&p->why, lang, why, sizeof(why));
	if ((rc = rx_cli_set(o, "by", json_string(p->dims), st)) != RX_OK ||
	    (rc = rx_cli_set(o, "cells", json_integer((json_int_t)p->cells),
	    st)) != RX_OK || (rc = rx_cli_set(o, "suppressed",
	    json_integer((json_int_t)p->suppressed), st)) != RX_OK)
		return (rc);
	return (rx_cli_set(o, "refused", p->why.code == RX_OK ? json_null() :
	    json_string(why), st));
}

static rx_err
plans_json(struct rx_cli *cli, const struct rx_plan *plan, size_t n,
    struct rx_status *st)
{
	json_t *o = json_object(), *list = json_array(), *one;
	size_t k;
	rx_err rc;

	if ((rc = rx_cli_set(o, "coarser", list, st)) == RX_OK)
		rc = plan_json(o, &plan[0], cli->lang, st);
	for (k = 1; k < n && rc == RX_OK; k++) {
		one = json_object();
		if ((rc = plan_json(one, &plan[k], cli->lang, st)) == RX_OK)
			rc = rx_cli_append(list, one, st);
		else
			json_decref(one);
	}
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
say_plan(struct rx_cli *cli, const struct rx_plan *p, enum rx_msg msg,
    struct rx_status *st)
{
	char cells[24], shown[24], suppressed[24];

	(void)snprintf(cells, sizeof(cells), "%zu", p->cells);
	(void)snprintf(shown, sizeof(shown), "%zu", p->cells - p->suppressed);
	(void)snprintf(suppressed, sizeof(suppressed), "%zu", p->suppressed);
	return (rx_cli_say(cli, st, msg, "by", p->dims, "cells", cells,
	    "shown", shown, "suppressed", suppressed, NULL));
}

static rx_err
dry_run(struct rx_cli *cli, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st)
{
	struct rx_plan plan[RX_PLANS_MAX];
	size_t n, k;
	rx_err rc;

	if ((rc = rx_table_plan(plan, &n, s, req, st)) != RX_OK)
		return (rc);
	if (cli->json)
		rc = plans_json(cli, plan, n, st);
	else if (plan[0].why.code == RX_OK)
		rc = say_plan(cli, &plan[0], RX_MSG_CLI_DRY_RUN, st);
	for (k = 1; k < n && rc == RX_OK && !cli->json; k++)
		rc = say_plan(cli, &plan[k], RX_MSG_CLI_DRY_COARSER, st);
	/* A refusal is the answer too, after what would do instead. */
	if (rc == RX_OK && plan[0].why.code != RX_OK &&
	    (rc = rx_cli_flush(cli, st)) == RX_OK) {
		*st = plan[0].why;
		rc = st->code;
	}
	return (rc);
}

/* What private tables of the unit may still spend this year. */
static rx_err
say_left(struct rx_cli *cli, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st)
{
	char text[RX_EPSILON_TEXT], code[RX_UNIT_TEXT];
	unsigned left;
	rx_err rc;

	if (req->epsilon == 0)
		return (RX_OK);
	if ((rc = rx_private_left(&left, s, req->unit, st)) != RX_OK)
		return (rc);
	rx_epsilon_text(text, left);
	rx_unit_text(code, req->unit);
	rx_cli_note(cli, RX_MSG_CLI_PRIVATE_LEFT, "unit", code, "left", text,
	    NULL);
	return (RX_OK);
}

static rx_err
run_table(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_table_request req;
	enum rx_format format;
	struct rx_session *s;
	rx_err rc;

	if ((rc = parse_table(cli, &req, &format, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if (cli->value[O_DRY] != NULL) {
		rc = dry_run(cli, s, &req, st);
		rx_session_close(s);
		return (rc);
	}
	if ((rc = rx_table_export(s, &req, format, cli->value[O_OUT], st)) ==
	    RX_OK)
		rc = say_left(cli, s, &req, st);
	rx_session_close(s);
	return (rc != RX_OK ? rc : exported(cli, st));
}

const struct rx_cli_command rx_cli_export_table = {
	{ "export", "table" }, "--unit CODE "
	"--count children|observations|interventions --by DIM[,DIM...] "
	"--from DATE --to DATE --format csv|xlsx|json -o FILE "
	"[--threshold N | --private EPSILON] [--dry-run]",
	RX_MSG_CLI_HELP_EXPORT_TABLE, run_table, 0, 0, 0, {
		[O_UNIT] = { "unit", RX_CLI_NEEDED, 0 },
		[O_FROM] = { "from", RX_CLI_NEEDED, 0 },
		[O_TO] = { "to", RX_CLI_NEEDED, 0 },
		[O_FORMAT] = { "format", RX_CLI_VALUE, 0 },
		[O_OUT] = { "output", RX_CLI_VALUE, 'o' },
		[O_COUNT] = { "count", RX_CLI_NEEDED, 0 },
		[O_BY] = { "by", RX_CLI_NEEDED, 0 },
		[O_THRESHOLD] = { "threshold", RX_CLI_VALUE, 0 },
		[O_PRIVATE] = { "private", RX_CLI_VALUE, 0 },
		[O_DRY] = { "dry-run", RX_CLI_SWITCH, 0 },
	}
};
