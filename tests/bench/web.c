/*
 * The page under load: a county's people signed in to a real `runxin serve`,
 * each clicking through his day.  First one at a time without a pause, then all
 * at once, then all at once while four others sign in and out without a pause.
 * Beside the times stand two baselines of the same run: a file of the page
 * that costs the server nothing, and the calls of the register behind the
 * page, alone in a process.  A page that is not answered as it should be is an
 * error, and any error is the end's exit status; speed is only shown.
 */

#include <sys/wait.h>

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "stats/stats.h"
#include "web.h"

#define PEOPLE_MAX 64
#define PAUSE 1.0		/* seconds between two pages of a person */
#define HASHING 4
#define CALLS 5			/* of the register, for the baseline */
#define VILLAGES_MAX 69

enum { QUIET, CROWD, HASHED, PHASES };

static struct person people[PEOPLE_MAX], hashing[HASHING];
static size_t npeople;
static const char *village[VILLAGES_MAX];
static struct sample *all[PHASES];
static size_t nall[PHASES];
static size_t errors;

/* ---- the register ---- */

static void
person_init(struct person *p, enum rx_role role, const char *letter, size_t i,
    const char *unit, size_t digits)
{

	memset(p, 0, sizeof(*p));
	p->role = role;
	(void)snprintf(p->user, sizeof(p->user), "%s%zu", letter, i + 1);
	(void)snprintf(p->unit, sizeof(p->unit), "%.*s", (int)digits, unit);
}

/* One administrator; of the rest most are directors, each of a village. */
static size_t
cast_people(size_t n)
{
	const size_t stats = n / 16 > 0 ? n / 16 : 1;
	const size_t sups = n / 8 > 0 ? n / 8 : 1;
	const size_t dirs = n - stats - sups - 1;
	struct person *p = people;
	size_t i, k = 0;

	villages(village, VILLAGES_MAX);
	for (i = 0; i < dirs; i++)
		person_init(p++, RX_ROLE_DIRECTOR, "dir", i, village[i], 12);
	for (i = 0; i < sups; i++, k++) {
		while (i > 0 && strncmp(village[k], p[-1].unit, 9) == 0)
			k++;
		person_init(p++, RX_ROLE_SUPERVISOR, "sup", i, village[k], 9);
	}
	for (i = 0; i < stats; i++)
		person_init(p++, RX_ROLE_STATISTICIAN, "stat", i, COUNTY, 6);
	person_init(p, RX_ROLE_ADMIN, "admin", 0, COUNTY, 6);
	(void)snprintf(p->user, sizeof(p->user), "admin");
	npeople = n;
	return (dirs);
}

static void
write_year(const char *path, size_t dirs, size_t children, size_t records)
{
	static const char *const risks[] = { "green", "yellow", "yellow",
	    "orange" };
	char date[RX_DATE_TEXT];
	FILE *f;
	size_t i;

	assert_non_null(f = fopen(path, "we"));
	for (i = 0; i < children; i++)
		(void)fprintf(f, "{\"type\":\"child\",\"id\":\"c%zu\","
		    "\"unit\":\"%s\",\"name\":\"测试%zu\",\"sex\":\"%s\","
		    "\"birth\":\"2014-05\",\"address\":\"示例路%zu号\","
		    "\"guardian_name\":\"例大山\",\"categories\":"
		    "[\"left_behind\"],\"legal_basis\":\"statutory_duty\"}\n",
		    i, village[i % dirs], i, i % 2 == 0 ? "f" : "m", i);
	for (i = 0; i < records; i++) {
		rx_date_format(from + (int32_t)randombytes_uniform(365), date);
		(void)fprintf(f, i % 10 == 9 ?
		    "{\"type\":\"intervention\",\"id\":\"r%zu\","
		    "\"child\":\"c%zu\",\"date\":\"%s\",\"kind\":"
		    "\"visit_condolence\",\"delivered\":true,\"face_to_face\":"
		    "true,\"note\":\"走访时孩子在家，情况平稳。\"}\n" :
		    "{\"type\":\"observation\",\"id\":\"r%zu\","
		    "\"child\":\"c%zu\",\"date\":\"%s\",\"channel\":"
		    "\"home_visit\",\"signs\":[\"%s\"],\"risk\":\"%s\","
		    "\"note\":\"孩子近来话少，睡得晚。\"}\n", i, i % children,
		    date, i % 600 == 0 ? "death_talk" : "mood_low",
		    risks[randombytes_uniform(4)]);
	}
	assert_int_equal(fclose(f), 0);
}

static void
make_county(const char *dir, size_t dirs, size_t children, size_t records)
{
	struct rx_import_counts counts;
	char file[PATH_BYTES];
	struct rx_session *s;
	double t = now();
	size_t i;

	make_register(dir);
	s = sign_in(dir, "admin");
	for (i = 0; i + 1 < npeople; i++)
		enrol(s, people[i].user, people[i].role, people[i].unit);
	rx_session_close(s);
	path_in(file, scratch, "web.ndjson");
	write_year(file, dirs, children, records);
	s = sign_in(dir, "director");
	ok(rx_import(s, file, &counts, NULL, NULL, &st), &st);
	rx_session_close(s);
	assert_int_equal(counts.lines, children + records);
	(void)printf("a register of %zu children with %zu records, %zu flags, "
	    "and %zu people (%zu directors), made in %.0f s\n", children,
	    records, counts.flagged, npeople, dirs, now() - t);
}

/* ---- the server ---- */

struct server {
	pid_t pid;
	uint16_t port;
};

/* The first line of what the server says, however it comes. */
static void
read_line(int fd, char *text, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && strchr(text, '\n') == NULL &&
	    read(fd, text + n, 1) == 1)
		text[++n] = '\0';
}

static void
serve(struct server *v, const char *dir)
{
	char exe[PATH_BYTES + 32], text[256] = "";
	const char *port;
	ssize_t n;
	int fd[2], i;

	n = readlink("/proc/self/exe", exe, PATH_BYTES - 1);
	assert_true(n > 0);
	exe[n] = '\0';
	for (i = 0; i < 3; i++)		/* .../tests/bench/bench */
		*strrchr(exe, '/') = '\0';
	(void)strcat(exe, "/runxin");
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_true((v->pid = fork()) != -1);
	if (v->pid == 0) {
		(void)dup2(fd[1], STDOUT_FILENO);
		(void)execl(exe, "runxin", "-r", dir, "serve", "--listen",
		    "127.0.0.1:0", (char *)NULL);
		_exit(127);
	}
	(void)close(fd[1]);
	read_line(fd[0], text, sizeof(text));
	(void)close(fd[0]);
	assert_non_null(port = strstr(text, "127.0.0.1:"));
	v->port = (uint16_t)strtoul(port + 10, NULL, 10);
	assert_true(v->port != 0);
}

static void
show_memory(const struct server *v, const char *when)
{
	static const char *const keys[] = { "VmRSS:", "VmHWM:", "VmLck:" };
	double mib[3] = { 0, 0, 0 };
	char path[64], text[256];
	FILE *f;
	size_t k;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)v->pid);
	assert_non_null(f = fopen(path, "re"));
	while (fgets(text, sizeof(text), f) != NULL)
		for (k = 0; k < 3; k++)
			if (strncmp(text, keys[k], 6) == 0)
				mib[k] = strtod(text + 6, NULL) / 1024;
	(void)fclose(f);
	(void)printf("server, %-28s resident %6.1f MiB, highest %6.1f MiB, "
	    "locked %5.2f MiB\n", when, mib[0], mib[1], mib[2]);
}

/* ---- the three phases ---- */

static bool
as_expected(const struct sample *s)
{

	switch (s->page) {
	case P_LOGIN:
	case P_DRAFT:
	case P_SAVE:
		return (s->status == 303);
	default:
		return (s->status == 200);
	}
}

/* Move what ${p} has measured to the samples of ${phase}. */
static void
collect(struct person *p, int phase)
{
	size_t i;

	all[phase] = reallocarray(all[phase], nall[phase] + p->n + 1,
	    sizeof(*all[phase]));
	assert_non_null(all[phase]);
	for (i = 0; i < p->n; i++) {
		all[phase][nall[phase]++] = p->sample[i];
		if (as_expected(&p->sample[i]))
			continue;
		if (errors++ < 5)
			(void)printf("error: %s: %s answered %u\n", p->user,
			    page_name[p->sample[i].page], p->sample[i].status);
	}
	errors += p->lost;
	p->n = p->lost = 0;
}

static void
sign_all_in(uint16_t port)
{
	double t = now();
	size_t i;

	for (i = 0; i < npeople; i++) {
		client_init(&people[i].c, port);
		if (!client_sign_in(&people[i].c, people[i].user))
			fail_msg("%s cannot sign in: %u", people[i].user,
			    people[i].c.status);
	}
	(void)printf("%zu people signed in, one after the other, in %.1f s\n",
	    npeople, now() - t);
}

/* One of each role, one after the other. */
static void
run_quiet(double seconds)
{
	size_t i;

	for (i = 0; i < npeople; i++) {
		if (i > 0 && people[i].role == people[i - 1].role)
			continue;
		people[i].think = 0;
		people[i].until = now() + seconds;
		(void)person_days(&people[i]);
		collect(&people[i], QUIET);
	}
}

static void
run_crowd(double seconds, int phase)
{
	pthread_t thread[PEOPLE_MAX + HASHING];
	const size_t more = phase == HASHED ? HASHING : 0;
	const double until = now() + seconds;
	size_t i;

	for (i = 0; i < npeople + more; i++) {
		struct person *p = i < npeople ? &people[i] :
		    &hashing[i - npeople];

		p->think = PAUSE;
		p->until = until;
		assert_int_equal(pthread_create(&thread[i], NULL, i < npeople ?
		    person_days : person_hashes, p), 0);
	}
	for (i = 0; i < npeople + more; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	for (i = 0; i < npeople + more; i++)
		collect(i < npeople ? &people[i] : &hashing[i - npeople],
		    phase);
}

/* ---- the register behind the pages ---- */

static rx_err
see_child(void *cookie, const struct rx_child_row *row, struct rx_status *s)
{
	uint8_t *id = cookie;

	(void)s;
	if (id != NULL)
		memcpy(id, row->child->id, RX_ID_BYTES);
	return (RX_OK);
}

static rx_err
see_record(void *cookie, const struct rx_record *r, struct rx_status *s)
{

	(void)cookie;
	(void)r;
	(void)s;
	return (RX_OK);
}

static rx_err
see_flag(void *cookie, const struct rx_flag_row *f, struct rx_status *s)
{

	(void)cookie;
	(void)f;
	(void)s;
	return (RX_OK);
}

/* The calls of ${page}, once. */
static void
call(struct rx_session *s, enum page page)
{
	char unit[RX_UNIT_BYTES];
	uint8_t id[RX_ID_BYTES];
	struct rx_annex *a;

	switch (page) {
	case P_TODAY:
		ok(rx_child_browse(s, "", false, see_child, NULL, &st), &st);
		ok(rx_review_each(s, true, see_flag, NULL, &st), &st);
		break;
	case P_CHILDREN:
		ok(rx_child_browse(s, "", false, see_child, NULL, &st), &st);
		break;
	case P_CASE:
		ok(rx_child_find(s, "c0", id, &st), &st);
		ok(rx_child_case(s, id, 0, see_record, NULL, &st), &st);
		break;
	case P_REVIEW:
		ok(rx_review_each(s, true, see_flag, NULL, &st), &st);
		break;
	case P_COVERAGE:
		ok(rx_child_each(s, RX_LIST_CODED, today, see_child, NULL,
		    &st), &st);
		break;
	default:
		ok(rx_unit_parse(unit, COUNTY, &st), &st);
		ok(rx_annex_count(&a, s, unit, from, today, &st), &st);
		rx_annex_free(a);
		break;
	}
}

static void
bench_calls(const char *dir, double ms[PAGES])
{
	static const struct {
		enum page page;
		const char *user;
	} of[] = {
		{ P_TODAY, "dir1" }, { P_CHILDREN, "dir1" },
		{ P_CASE, "dir1" }, { P_REVIEW, "sup1" },
		{ P_COVERAGE, "sup1" }, { P_ANNEX, "stat1" }
	};
	struct rx_session *s;
	double t[CALLS];
	size_t i, k;

	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		s = sign_in(dir, of[i].user);
		for (k = 0; k < CALLS; k++) {
			t[k] = now();
			call(s, of[i].page);
			t[k] = now() - t[k];
		}
		ms[of[i].page] = 1000 * median(t, CALLS);
		rx_session_close(s);
	}
}

/* ---- the report ---- */

static int
sample_cmp(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->page != y->page)
		return (x->page < y->page ? -1 : 1);
	return ((x->ms > y->ms) - (x->ms < y->ms));
}

/* Number, median and 99th percentile of a page (of fewer than a hundred that is
 * the slowest); 0 when it was not asked for. */
static size_t
of_page(int phase, enum page page, double *p50, double *p99)
{
	size_t i, first = nall[phase], n = 0;

	for (i = 0; i < nall[phase]; i++) {
		if (all[phase][i].page != page)
			continue;
		first = i < first ? i : first;
		n++;
	}
	*p50 = n > 0 ? all[phase][first + (n - 1) / 2].ms : 0;
	*p99 = n > 0 ? all[phase][first + (99 * n + 99) / 100 - 1].ms : 0;
	return (n);
}

static void
show_page(enum page page, double css, double calls)
{
	double p50, p99, quiet = 0;
	char text[32];
	size_t n;
	int phase;

	(void)printf("%-24s", page_name[page]);
	for (phase = 0; phase < PHASES; phase++) {
		if ((n = of_page(phase, page, &p50, &p99)) == 0) {
			(void)printf(" |%22s", "-");
			continue;
		}
		(void)printf(" |%6zu%8.1f%8.1f", n, p50, p99);
		quiet = phase == QUIET ? p50 : quiet;
	}
	(void)snprintf(text, sizeof(text), "%.1f", quiet / css);
	(void)printf(" |%8s", quiet > 0 ? text : "-");
	(void)snprintf(text, sizeof(text), "%.2f", quiet / calls);
	(void)printf("%8s\n", quiet > 0 && calls > 0 ? text : "-");
}

static void
report(const double calls[PAGES])
{
	double css, p99;
	int page, phase;

	for (phase = 0; phase < PHASES; phase++)
		qsort(all[phase], nall[phase], sizeof(*all[phase]),
		    sample_cmp);
	(void)of_page(QUIET, P_CSS, &css, &p99);
	(void)printf("\n%-24s |%22s |%18zu people |%22s | alone, ratio to\n"
	    "%-24s |%6s%8s%8s |%6s%8s%8s |%6s%8s%8s |%8s%8s\n",
	    "milliseconds", "one at a time", npeople, "and 4 logins hashing",
	    "", "n", "p50", "p99", "n", "p50", "p99", "n", "p50", "p99",
	    "app.css", "calls");
	for (page = 0; page < PAGES; page++)
		show_page((enum page)page, css, calls[page]);
	(void)printf("%zu requests, %zu errors\n", nall[QUIET] + nall[CROWD] +
	    nall[HASHED], errors);
}

static void
sign_all_out(void)
{
	size_t i;

	for (i = 0; i < npeople + HASHING; i++) {
		struct person *p = i < npeople ? &people[i] :
		    &hashing[i - npeople];

		client_free(&p->c);
		free(p->sample);
	}
	for (i = 0; i < PHASES; i++)
		free(all[i]);
}

int
bench_web(int argc, char *argv[])
{
	const size_t n = number(argc, argv, 2, 50, PEOPLE_MAX - HASHING);
	const size_t seconds = number(argc, argv, 3, 40, 3600);
	const size_t children = number(argc, argv, 4, 3000, 100000);
	const size_t records = number(argc, argv, 5, 60000, 10000000);
	double calls[PAGES] = { 0 };
	char dir[PATH_BYTES];
	struct server v;
	size_t i;
	int status;

	if (n < 5)
		fail_msg("bench web needs at least 5 people");
	person_astray = argc > 6 && strcmp(argv[6], "astray") == 0;
	path_in(dir, scratch, "web");
	make_county(dir, cast_people(n), children, records);
	serve(&v, dir);
	show_memory(&v, "nobody signed in");
	sign_all_in(v.port);
	for (i = 0; i < HASHING; i++) {
		hashing[i] = people[i % 2];
		hashing[i].sample = NULL;
		hashing[i].n = hashing[i].cap = 0;
		client_init(&hashing[i].c, v.port);
	}
	show_memory(&v, "all signed in");
	run_quiet((double)seconds / 8);
	run_crowd((double)seconds, CROWD);
	show_memory(&v, "after their day");
	run_crowd((double)seconds, HASHED);
	show_memory(&v, "after that, while four hash");
	assert_int_equal(kill(v.pid, SIGTERM), 0);
	assert_int_equal(waitpid(v.pid, &status, 0), v.pid);
	assert_int_equal(status, 0);
	bench_calls(dir, calls);
	report(calls);
	sign_all_out();
	return (errors == 0 ? 0 : 1);
}
