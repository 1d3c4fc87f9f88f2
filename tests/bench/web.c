/*
 * The page under load: a county's people signed in to a real `runxin serve`,
 * each clicking through his day.  First one at a time without a pause, then all
 * at once, then all at once while four others sign in and out without a pause.
 * Beside the times stand two baselines of the same run: a file of the page
 * that costs the server nothing, and the calls of the register behind the
 * page, alone in a process.  A page that is not answered as it should be is an
 * error, and any error is the end's exit status; speed is only shown.
 */

#include <pthread.h>
#include <stdio.h>

#include "stats/stats.h"
#include "web.h"

#define PEOPLE_MAX 64
#define PAUSE 1.0		/* seconds between two pages of a person */
#define HASHING 4
#define CALLS 5			/* of the register, for the baseline */

enum { QUIET, CROWD, HASHED, PHASES };

static struct person people[PEOPLE_MAX], hashing[HASHING];
static size_t npeople;
static struct sample *all[PHASES];
static size_t nall[PHASES];
static size_t errors;

/* ---- the three phases ---- */

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
		if (sample_good(&p->sample[i]))
			continue;
		if (errors++ < 5)
			(void)printf("error: %s: %s answered %u\n", p->user,
			    page_name[p->sample[i].page], p->sample[i].status);
	}
	errors += p->lost;
	p->n = p->lost = 0;
}

static void
sign_all_in(const struct server *v)
{
	double t = now();
	size_t i;

	for (i = 0; i < npeople; i++) {
		client_init(&people[i].c, v);
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

	person_astray = argc > 6 && strcmp(argv[6], "astray") == 0;
	path_in(dir, scratch, "web");
	npeople = n;
	make_county(dir, people, n, cast_people(people, n), children, records);
	serve(&v, dir, NULL, NULL);
	show_memory(&v, "nobody signed in");
	sign_all_in(&v);
	for (i = 0; i < HASHING; i++) {
		hashing[i] = people[i % 2];
		hashing[i].sample = NULL;
		hashing[i].n = hashing[i].cap = 0;
		client_init(&hashing[i].c, &v);
	}
	show_memory(&v, "all signed in");
	run_quiet((double)seconds / 8);
	run_crowd((double)seconds, CROWD);
	show_memory(&v, "after their day");
	run_crowd((double)seconds, HASHED);
	show_memory(&v, "after that, while four hash");
	serve_end(&v);
	bench_calls(dir, calls);
	report(calls);
	sign_all_out();
	return (errors == 0 ? 0 : 1);
}
