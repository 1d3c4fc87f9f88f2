/* import: NDJSON, all or nothing, with a progress bar on a terminal. */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"

#define BAR 30

struct progress {
	int64_t started;	/* ms */
	int percent;		/* shown last, -1 at first */
};

/* "[#####.....]  45%  123 kB/s", only when the percentage has changed. */
static void
show(void *cookie, size_t done, size_t total)
{
	struct progress *p = cookie;
	int percent, i;
	int64_t ms;

	percent = total == 0 ? 100 : (int)(done * 100 / total);
	if (percent == p->percent)
		return;
	p->percent = percent;
	ms = rx_time_now() - p->started;
	(void)fputs("\r[", stderr);
	for (i = 0; i < BAR; i++)
		(void)fputc(i * 100 < percent * BAR ? '#' : '.', stderr);
	(void)fprintf(stderr, "] %3d%%  %lld kB/s ", percent,
	    (long long)(ms > 0 ? (int64_t)done / ms : 0));
}

static rx_err
report_json(struct rx_cli *cli, const struct rx_import_counts *n,
    struct rx_status *st)
{
	json_t *o;
	int type;
	rx_err rc;

	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "lines", json_integer((json_int_t)n->lines), st);
	for (type = 1; rc == RX_OK && type < RX_TYPE_COUNT; type++) {
		if (type == RX_REVIEW)		/* never imported */
			continue;
		rc = rx_cli_set(o, rx_type_key((enum rx_type)type),
		    json_integer((json_int_t)n->saved[type]), st);
	}
	if (rc == RX_OK)
		rc = rx_cli_set(o, "present",
		    json_integer((json_int_t)n->present), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "flagged",
		    json_integer((json_int_t)n->flagged), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
report(struct rx_cli *cli, const struct rx_import_counts *n, int64_t ms,
    struct rx_status *st)
{
	char lines[24], rate[24], number[24];
	int type;
	rx_err rc;

	if (n->lines == 0)
		return (rx_cli_say(cli, st, RX_MSG_CLI_IMPORT_EMPTY, NULL));
	(void)snprintf(lines, sizeof(lines), "%zu", n->lines);
	(void)snprintf(rate, sizeof(rate), "%lld",
	    (long long)((int64_t)n->lines * 1000 / (ms > 0 ? ms : 1)));
	rc = rx_cli_say(cli, st, RX_MSG_CLI_IMPORT_DONE, "lines", lines,
	    "rate", rate, NULL);
	for (type = 1; rc == RX_OK && type < RX_TYPE_COUNT; type++) {
		if (n->saved[type] == 0)
			continue;
		(void)snprintf(number, sizeof(number), "%zu", n->saved[type]);
		rc = rx_cli_say(cli, st, RX_MSG_CLI_IMPORT_COUNT, "type",
		    rx_cli_type_name(cli, (enum rx_type)type), "n", number,
		    NULL);
	}
	(void)snprintf(number, sizeof(number), "%zu", n->present);
	if (rc == RX_OK)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_IMPORT_PRESENT, "n",
		    number, NULL);
	(void)snprintf(number, sizeof(number), "%zu", n->flagged);
	if (rc == RX_OK && n->flagged > 0)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_IMPORT_FLAGGED, "n",
		    number, NULL);
	return (rc);
}

/* Every line that is wrong, so that one need not try again for each. */
static void
tell_faults(struct rx_cli *cli, const struct rx_import_counts *n)
{
	char more[24];
	size_t i;

	for (i = 0; i < n->faulty && i < RX_IMPORT_FAULTS; i++)
		rx_cli_complain(cli, &n->fault[i]);
	(void)snprintf(more, sizeof(more), "%zu", n->faulty - i);
	if (i < n->faulty)
		rx_cli_note(cli, RX_MSG_CLI_IMPORT_MORE, "n", more, NULL);
	cli->told = i > 0;
}

static rx_err
run(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_import_counts counts;
	struct progress p = { 0, -1 };
	bool bar = isatty(STDERR_FILENO) == 1;
	struct rx_session *s;
	int64_t ms;
	rx_err rc;

	memset(&counts, 0, sizeof(counts));
	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	p.started = rx_time_now();
	rc = rx_import(s, cli->operand[0], &counts, bar ? show : NULL, &p, st);
	ms = rx_time_now() - p.started;
	if (bar && p.percent >= 0)
		(void)fputc('\n', stderr);
	rx_session_close(s);
	if (rc == RX_EUSAGE)
		tell_faults(cli, &counts);
	if (rc != RX_OK)
		return (rc);
	return (cli->json ? report_json(cli, &counts, st) :
	    report(cli, &counts, ms, st));
}

const struct rx_cli_command rx_cli_import = {
	{ "import", NULL }, "FILE.ndjson", RX_MSG_CLI_HELP_IMPORT, run, 1, 1,
	RX_TYPE_COUNT, { { NULL, RX_CLI_SWITCH, 0 } }
};
