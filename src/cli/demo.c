/* demo: a register of invented data, its users and their passphrases. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"
#include "cli/demo.h"

enum { O_CHILDREN, O_OBSERVATIONS, O_SEED };

#define CHILDREN 60
#define OBSERVATIONS 400
#define SEED 56

struct person {
	const char *user;
	enum rx_role role;
	enum rx_msg role_name;
	const char *role_key;
	const char *unit;
	const char *passphrase;		/* of a demonstration: no secret */
};

#define ADMIN 0
#define FIRST_DIRECTOR 1
#define STATISTICIAN 7
static const struct person people[] = {
	{ "admin", RX_ROLE_ADMIN, RX_MSG_CLI_ROLE_ADMIN, "administrator",
	    RX_DEMO_UNIT, "demo-admin-runxin" },
	{ "dir1", RX_ROLE_DIRECTOR, RX_MSG_CLI_ROLE_DIRECTOR, "director",
	    "350102001001", "demo-dir1-runxin" },
	{ "dir2", RX_ROLE_DIRECTOR, RX_MSG_CLI_ROLE_DIRECTOR, "director",
	    "350102001002", "demo-dir2-runxin" },
	{ "dir3", RX_ROLE_DIRECTOR, RX_MSG_CLI_ROLE_DIRECTOR, "director",
	    "350102002002", "demo-dir3-runxin" },
	{ "dir4", RX_ROLE_DIRECTOR, RX_MSG_CLI_ROLE_DIRECTOR, "director",
	    "350102002003", "demo-dir4-runxin" },
	{ "sup1", RX_ROLE_SUPERVISOR, RX_MSG_CLI_ROLE_SUPERVISOR,
	    "supervisor", "350102001", "demo-sup1-runxin" },
	{ "sup2", RX_ROLE_SUPERVISOR, RX_MSG_CLI_ROLE_SUPERVISOR,
	    "supervisor", "350102002", "demo-sup2-runxin" },
	{ "stat", RX_ROLE_STATISTICIAN, RX_MSG_CLI_ROLE_STATISTICIAN,
	    "statistician", RX_DEMO_UNIT, "demo-stat-runxin" },
};
#define NPEOPLE (sizeof(people) / sizeof(people[0]))

static rx_err
secret_of(const char *text, struct rx_secret **out, struct rx_status *st)
{
	size_t n = strlen(text);
	rx_err rc;

	if ((rc = rx_secret_new(out, n, st)) != RX_OK)
		return (rc);
	memcpy((*out)->b, text, n);
	(*out)->len = n;
	return (RX_OK);
}

static rx_err
sign_in(const char *dir, const struct person *who, struct rx_session **s,
    struct rx_status *st)
{
	struct rx_secret *passphrase;
	rx_err rc;

	*s = NULL;
	if ((rc = secret_of(who->passphrase, &passphrase, st)) != RX_OK)
		return (rc);
	rc = rx_session_open(s, dir, who->user, passphrase, st);
	rx_secret_free(passphrase);
	return (rc);
}

/* ---- the register and its people ---- */

static rx_err
create(struct rx_cli *cli, const char *dir, const char *codes_path,
    struct rx_status *st)
{
	struct rx_secret *passphrase, *mem;
	struct rx_codes *codes;
	rx_err rc;

	rc = secret_of(people[ADMIN].passphrase, &passphrase, st);
	if (rc != RX_OK)
		goto err0;
	if ((rc = rx_secret_new(&mem, sizeof(*codes), st)) != RX_OK)
		goto err1;
	codes = (struct rx_codes *)(void *)mem->b;
	rc = rx_register_create(dir, people[ADMIN].user,
	    rx_msg(RX_MSG_CLI_ROLE_ADMIN, cli->lang), RX_DEMO_UNIT,
	    passphrase, codes, st);
	if (rc == RX_OK)
		rc = rx_cli_recovery_write(codes_path, codes, true, st);
	rx_secret_free(mem);
err1:
	rx_secret_free(passphrase);
err0:
	return (rc);
}

static rx_err
enrol(const char *dir, struct rx_status *st)
{
	struct rx_secret *passphrase;
	struct rx_session *s;
	rx_err rc;
	size_t i;

	if ((rc = sign_in(dir, &people[ADMIN], &s, st)) != RX_OK)
		return (rc);
	for (i = FIRST_DIRECTOR; rc == RX_OK && i < NPEOPLE; i++) {
		rc = secret_of(people[i].passphrase, &passphrase, st);
		if (rc != RX_OK)
			break;
		rc = rx_user_add(s, people[i].user, people[i].role,
		    people[i].unit, passphrase, st);
		rx_secret_free(passphrase);
	}
	rx_session_close(s);
	return (rc);
}

/* ---- the data ---- */

static rx_err
write_all(int fd, const struct rx_buf *lines, struct rx_status *st)
{
	size_t done = 0;
	ssize_t n;

	while (done < lines->len) {
		n = write(fd, lines->b + done, lines->len - done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (rx_fail(st, RX_EIO, RX_MSG_CLI_DEMO_MEMORY));
		done += (size_t)n;
	}
	return (RX_OK);
}

/* Import ${lines} as ${who}, from a file in memory: there is no temporary
 * file of records anywhere in this program, not even of invented ones. */
static rx_err
import(const char *dir, const struct person *who, const struct rx_buf *lines,
    struct rx_status *st)
{
	struct rx_import_counts counts;
	struct rx_session *s;
	char path[32];
	rx_err rc;
	int fd;

	if ((fd = memfd_create("runxin-demo", MFD_CLOEXEC)) == -1)
		return (rx_fail(st, RX_EIO, RX_MSG_CLI_DEMO_MEMORY));
	if ((rc = write_all(fd, lines, st)) != RX_OK)
		goto err0;
	if ((rc = sign_in(dir, who, &s, st)) != RX_OK)
		goto err0;
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (lines->len > 0)
		rc = rx_import(s, path, &counts, NULL, NULL, st);
	rx_session_close(s);
err0:
	(void)close(fd);
	return (rc);
}

static rx_err
fill(const char *dir, const struct rx_demo *demo, struct rx_status *st)
{
	struct rx_buf lines[RX_DEMO_VILLAGES + 1];
	const struct person *who;
	rx_err rc;
	size_t i;

	memset(lines, 0, sizeof(lines));
	rc = rx_demo_generate(demo, lines, st);
	for (i = 0; i <= RX_DEMO_VILLAGES; i++) {
		who = &people[i < RX_DEMO_VILLAGES ? FIRST_DIRECTOR + i :
		    STATISTICIAN];
		if (rc == RX_OK)
			rc = import(dir, who, &lines[i], st);
		rx_buf_free(&lines[i]);
	}
	return (rc);
}

/* ---- the report ---- */

static rx_err
people_json(json_t *rows, struct rx_status *st)
{
	json_t *o;
	rx_err rc = RX_OK;
	size_t i;

	for (i = 0; rc == RX_OK && i < NPEOPLE; i++) {
		if ((o = json_object()) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		rc = rx_cli_set(o, "user", json_string(people[i].user), st);
		if (rc == RX_OK)
			rc = rx_cli_set(o, "role",
			    json_string(people[i].role_key), st);
		if (rc == RX_OK)
			rc = rx_cli_set(o, "unit",
			    json_string(people[i].unit), st);
		if (rc == RX_OK)
			rc = rx_cli_set(o, "passphrase",
			    json_string(people[i].passphrase), st);
		if (rc != RX_OK)
			json_decref(o);
		else
			rc = rx_cli_append(rows, o, st);
	}
	return (rc);
}

static rx_err
role_cell(struct rx_cli *cli, const json_t *row, struct rx_buf *out,
    struct rx_status *st)
{
	const char *key = json_string_value(json_object_get(row, "role"));
	const char *s = "";
	size_t i;

	for (i = 0; key != NULL && i < NPEOPLE; i++)
		if (strcmp(people[i].role_key, key) == 0)
			s = rx_msg(people[i].role_name, cli->lang);
	return (rx_buf_add(out, s, strlen(s), st));
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_USER, "user", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_ROLE, NULL, RX_LIST_NONE, role_cell },
	{ RX_MSG_CLI_COL_UNIT, "unit", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_DEMO_COL_PASSPHRASE, "passphrase", RX_LIST_NONE, NULL },
};

/* Commands that show something. */
static rx_err
next_steps(struct rx_cli *cli, const char *dir, int32_t today,
    struct rx_status *st)
{
	static const char *const simple[] = { "dir1 due", "dir1 child list",
		"dir1 child show c1", "sup1 review list", "admin user list",
		"admin audit verify" };
	char from[RX_DATE_TEXT], to[RX_DATE_TEXT];
	rx_err rc;
	size_t i;

	/* Whole months: other dates are no period for the form. */
	rx_date_format(rx_month_first(rx_date_month(today) - 11), from);
	rx_date_format(rx_month_first(rx_date_month(today) + 1) - 1, to);
	rc = rx_cli_say(cli, st, RX_MSG_CLI_DEMO_NEXT, NULL);
	for (i = 0; rc == RX_OK && i < sizeof(simple) / sizeof(simple[0]); i++)
		rc = rx_buf_printf(&cli->out, st, "  runxin -r %s -u %s\n",
		    dir, simple[i]);
	if (rc == RX_OK)
		rc = rx_buf_printf(&cli->out, st, "  runxin -r %s -u stat "
		    "export annex --unit %s --from %s --to %s --format xlsx "
		    "-o annex.xlsx\n", dir, RX_DEMO_UNIT, from, to);
	return (rc);
}

static rx_err
report_json(struct rx_cli *cli, json_t *rows, const char *dir,
    const char *codes, struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "register", json_string(dir), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "unit", json_string(RX_DEMO_UNIT), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "recovery", json_string(codes), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "users", json_incref(rows), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
report(struct rx_cli *cli, const char *dir, const char *codes, int32_t today,
    struct rx_status *st)
{
	json_t *rows;
	rx_err rc;

	if ((rows = json_array()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = people_json(rows, st)) != RX_OK)
		goto err0;
	if (cli->json) {
		rc = report_json(cli, rows, dir, codes, st);
		goto err0;
	}
	rc = rx_cli_say(cli, st, RX_MSG_CLI_DEMO_DONE, "dir", dir, NULL);
	if (rc == RX_OK)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_DEMO_CODES, "file", codes,
		    NULL);
	if (rc == RX_OK)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_DEMO_USERS, NULL);
	if (rc == RX_OK)
		rc = rx_cli_list(cli, rows, columns,
		    sizeof(columns) / sizeof(columns[0]),
		    RX_MSG_CLI_USERS_NONE, st);
	if (rc == RX_OK)
		rc = next_steps(cli, dir, today, st);
err0:
	json_decref(rows);
	return (rc);
}

/* ---- the command ---- */

static rx_err
parse(struct rx_cli *cli, struct rx_demo *demo, struct rx_status *st)
{
	unsigned long n[3] = { CHILDREN, OBSERVATIONS, SEED };
	static const struct {
		const char *name;
		unsigned long min, max;
	} opts[3] = {
		[O_CHILDREN] = { "--children", 1, 10000 },
		[O_OBSERVATIONS] = { "--observations", 0, 1000000 },
		[O_SEED] = { "--seed", 0, UINT32_MAX },
	};
	rx_err rc;
	size_t i;

	for (i = 0; i < 3; i++)
		if (cli->value[i] != NULL && (rc = rx_cli_number(cli->value[i],
		    opts[i].name, opts[i].min, opts[i].max, &n[i], st)) !=
		    RX_OK)
			return (rc);
	demo->children = (unsigned)n[O_CHILDREN];
	demo->observations = (unsigned)n[O_OBSERVATIONS];
	demo->seed = n[O_SEED];
	demo->today = rx_date_today();
	return (RX_OK);
}

static rx_err
run(struct rx_cli *cli, struct rx_status *st)
{
	const char *dir = cli->operand[0];
	char codes[PATH_MAX];
	struct rx_demo demo;
	rx_err rc;
	int n;

	if ((rc = parse(cli, &demo, st)) != RX_OK)
		return (rc);
	n = snprintf(codes, sizeof(codes), "%s/recovery-codes.txt", dir);
	if (dir[0] == '\0' || n < 0 || (size_t)n >= sizeof(codes)) {
		rx_status_arg(st, "file", "%s", dir);
		return (rx_fail(st, RX_EIO, RX_MSG_CLI_UNWRITABLE));
	}
	if ((rc = create(cli, dir, codes, st)) != RX_OK ||
	    (rc = enrol(dir, st)) != RX_OK ||
	    (rc = fill(dir, &demo, st)) != RX_OK)
		return (rc);
	return (report(cli, dir, codes, demo.today, st));
}

const struct rx_cli_command rx_cli_demo = {
	{ "demo", NULL }, "DIR [--children N] [--observations N] [--seed S]",
	RX_MSG_CLI_HELP_DEMO, run, 1, 1, 0, {
		[O_CHILDREN] = { "children", RX_CLI_VALUE, 0 },
		[O_OBSERVATIONS] = { "observations", RX_CLI_VALUE, 0 },
		[O_SEED] = { "seed", RX_CLI_VALUE, 0 },
	}
};
