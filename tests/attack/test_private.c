/*
 * Attacks on private tables, through what is published and through the ledger:
 * telling two neighbouring registers apart, averaging repeated questions,
 * spending more than the budget by asking for parts and wholes.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "stats/table.h"
#include "tests/fixture.h"

static struct rx_status st;

static void
fill_seeded(void *cookie, void *p, size_t n)
{
	uint64_t *state = cookie, z;
	uint8_t *b = p;
	size_t i;

	for (i = 0; i < n; i++) {	/* splitmix64 */
		z = (*state += UINT64_C(0x9e3779b97f4a7c15));
		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		b[i] = (uint8_t)(z >> 32);
	}
}

static struct rx_table_request
request(const char *unit, const char *dims, unsigned epsilon)
{
	struct rx_table_request req = { .count = RX_COUNT_CHILDREN,
	    .epsilon = epsilon };

	rx_status_clear(&st);
	ok(rx_unit_parse(req.unit, unit, &st), &st);
	ok(rx_table_dims(&req, dims, &st), &st);
	assert_true(rx_date_parse("2025-01-01", &req.from));
	assert_true(rx_date_parse("2025-12-31", &req.to));
	return (req);
}

/* ---- without a register: boys and girls ---- */

/* Publish a table of ${boys} and ${girls} with the noise of ${epsilon}: the
 * figures of boys, girls, all. */
static void
publish(int64_t v[3], unsigned boys, unsigned girls, unsigned epsilon,
    uint64_t *seed)
{
	struct rx_table_request req = request("350102", "sex", epsilon);
	struct rx_record r;
	struct rx_tab *t;
	unsigned k;

	ok(rx_tab_new(&t, &req, &st), &st);
	rx_noise_init(&t->noise, fill_seeded, seed);
	for (k = 0; k < boys + girls; k++) {
		rx_record_init(&r);
		r.type = RX_CHILD;
		memcpy(r.unit, req.unit, RX_UNIT_BYTES);
		rx_put16(r.id, (uint16_t)(k + 1));
		ok(rx_record_set_int(&r, RX_F_SEX, k < boys ? 1 : 2, &st),
		    &st);
		ok(rx_tab_add(t, &r, &st), &st);
		rx_record_free(&r);
	}
	ok(rx_tab_children(t, &st), &st);
	ok(rx_tab_cube(t, &st), &st);
	ok(rx_tab_blur(t, &st), &st);
	memcpy(v, t->cube->value, 3 * sizeof(*v));
	rx_tab_free(t);
}

#define RUNS 30000
#define TOP 8

/*
 * Publish tables of two registers, one child apart, over and over with the
 * noise of ${epsilon}, and see what tells them apart: the largest ratio of the
 * chances of any published pair of figures, less three standard errors.
 */
static double
told_apart(unsigned epsilon)
{
	static unsigned n[2][TOP][TOP];
	uint64_t seed = 11;
	int64_t v[3];
	double a, b, ratio, most = 0;
	unsigned k, more, x, y;

	memset(n, 0, sizeof(n));
	for (k = 0; k < RUNS; k++) {
		for (more = 0; more < 2; more++) {
			publish(v, 2 + more, 2, epsilon, &seed);
			x = v[0] < TOP ? (unsigned)v[0] : TOP - 1;
			y = v[1] < TOP ? (unsigned)v[1] : TOP - 1;
			n[more][x][y]++;
		}
	}
	for (x = 0; x < TOP; x++) {
		for (y = 0; y < TOP; y++) {
			a = n[0][x][y];
			b = n[1][x][y];
			if (a < 400 || b < 400)
				continue;
			ratio = a > b ? a / b : b / a;
			/* of log(a/b): sqrt(1/a + 1/b) < 0.08 */
			ratio *= 1 - 3 * (1 / a + 1 / b > 0.0025 ? 0.0707 :
			    0.05);
			most = ratio > most ? ratio : most;
		}
	}
	return (most);
}

static void
test_neighbours_are_told_apart_no_better_than_epsilon(void **state)
{
	const double e = 2.718281828;

	(void)state;
	assert_true(told_apart(1000) <= e);
	/* The control: half the noise, and the same attack breaks the claim. */
	assert_true(told_apart(2000) > e);
}

/* ---- with a register ---- */

static struct rx_session *stats;
static const char *dir;

static int
start(void **state)
{

	(void)state;
	dir = fixture_copy();
	stats = fixture_open(dir, "st");
	return (0);
}

static int
stop(void **state)
{

	(void)state;
	rx_session_close(stats);
	return (0);
}

static rx_err
count_one(void *cookie, const struct rx_release_row *row, struct rx_status *s)
{

	(void)row;
	(void)s;
	++*(size_t *)cookie;
	return (RX_OK);
}

static size_t
releases(void)
{
	size_t n = 0;

	ok(rx_releases_each(stats, count_one, &n, &st), &st);
	return (n);
}

static int64_t
total(const struct rx_table_request *req)
{
	bool again;
	struct rx_release_row row;
	char id[RX_UUID_TEXT];
	int64_t v;
	json_t *doc;

	ok(rx_table_release(id, &again, stats, req, &st), &st);
	ok(rx_release_read(&row, &doc, stats, id, &st), &st);
	assert_true(row.intact);
	assert_string_equal(row.kind, "private");
	v = json_integer_value(json_object_get(json_object_get(doc, "totals"),
	    "value"));
	json_decref(doc);
	return (v);
}

static unsigned
left(const char *unit)
{
	struct rx_table_request req = request(unit, "sex", 1000);
	unsigned n;

	ok(rx_private_left(&n, stats, req.unit, &st), &st);
	return (n);
}

static rx_err
try(const struct rx_table_request *req)
{
	bool again;
	char id[RX_UUID_TEXT];

	return (rx_table_release(id, &again, stats, req, &st));
}

static const char *
argument(const char *name)
{
	unsigned k;

	for (k = 0; k < st.nargs; k++) {
		if (strcmp(st.arg[k].name, name) == 0)
			return (st.arg[k].value);
	}
	return ("");
}

/* Refused for the budget, of which ${want} is left. */
static void
spent(const struct rx_table_request *req, const char *want)
{
	const size_t before = releases();
	char year[16], renew[32];

	assert_int_equal(try(req), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_PRIVATE_SPENT);
	assert_string_equal(argument("left"), want);
	(void)snprintf(year, sizeof(year), "%d",
	    rx_date_month(rx_date_today()) / 12);
	assert_string_equal(argument("year"), year);
	(void)snprintf(renew, sizeof(renew), "%d-01-01",
	    rx_date_month(rx_date_today()) / 12 + 1);
	assert_string_equal(argument("renew"), renew);
	rx_status_clear(&st);
	assert_int_equal(releases(), before);
}

static void
test_budget_that_is_spent_is_refused(void **state)
{
	struct rx_table_request req = request("350102", "sex", 2000);

	(void)state;
	assert_int_equal(left("350102"), 3000);
	(void)total(&req);
	assert_int_equal(left("350102"), 1000);
	req = request("350102", "age_band", 1001);
	spent(&req, "1");
	req.epsilon = 1000;
	(void)total(&req);
	req = request("350102", "category", 10);
	spent(&req, "0");
	/* What was released already is handed out still. */
	req = request("350102", "sex", 2000);
	(void)total(&req);
	/* More than there ever is: refused, not an input error. */
	req = request("350102001", "category", 10000);
	spent(&req, "0");
}

/* A child is counted by the tables of its village, township and county: these
 * add up; townships beside each other do not. */
static void
test_parts_and_wholes_spend_one_budget(void **state)
{
	struct rx_table_request req = request("350102", "sex", 500);

	(void)state;
	(void)total(&req);
	req = request("350102001", "sex", 1000);
	(void)total(&req);
	req = request("350102002", "sex", 2000);
	(void)total(&req);
	req = request("350102001001", "sex", 1500);
	(void)total(&req);
	assert_int_equal(left("350102001001"), 0);
	assert_int_equal(left("350102001002"), 1500);
	assert_int_equal(left("350102001"), 0);
	assert_int_equal(left("350102002"), 500);
	assert_int_equal(left("350102003"), 2500);
	assert_int_equal(left("350102"), 0);
	req = request("350102", "age_band", 10);
	spent(&req, "0");
	/* The control: units beside each other would add up to far more. */
	req = request("350102003", "sex", 2500);
	(void)total(&req);
}

/* An entry of the ledger as it was made at ${at}. */
static void
enter(int64_t at, const char *epsilon)
{
	uint8_t id[RX_ID_BYTES];
	json_t *doc = json_pack("{s:s, s:s, s:s, s:s, s:[s], s:{s:s}}",
	    "unit", "350102", "count", "children", "from", "2025-01-01", "to",
	    "2025-12-31", "dims", "risk", "private", "epsilon", epsilon);
	struct rx_buf text = RX_BUF_INIT;
	json_t *entry;

	assert_non_null(doc);
	ok(rx_release_entry(&entry, "private", "st", at, "csv", doc, &st),
	    &st);
	ok(rx_json_write(&text, entry, &st), &st);
	ok(rx_release_add(stats, releases(), (const char *)text.b, text.len, id,
	    &st), &st);
	rx_buf_free(&text);
	json_decref(entry);
	json_decref(doc);
}

#define YEAR_MS INT64_C(31622400000)	/* 366 days */

static void
test_budget_is_of_a_calendar_year(void **state)
{

	(void)state;
	enter(rx_time_now() - YEAR_MS, "2");
	assert_int_equal(left("350102"), 3000);
	enter(rx_time_now(), "1.25");
	assert_int_equal(left("350102"), 1750);
}

/* A clock put back into a year whose budget is not spent. */
static void
test_clock_put_back_finds_no_old_budget(void **state)
{

	(void)state;
	enter(rx_time_now(), "1");
	enter(rx_time_now() + YEAR_MS, "3");
	assert_int_equal(left("350102"), 0);
}

static void
test_entry_that_does_not_say_what_it_spent_is_corrupt(void **state)
{
	struct rx_table_request req = request("350102", "sex", 10);

	(void)state;
	enter(rx_time_now(), "0");
	refused(try(&req), RX_ECORRUPT, &st);
}

/* ---- averaging ---- */

static void
test_asking_again_averages_nothing_out(void **state)
{
	enum { TIMES = 60, FRESH = 3000 };
	struct rx_table_request req = request("350102", "sex", 500);
	const int64_t first = total(&req);
	struct rx_buf one = RX_BUF_INIT, two = RX_BUF_INIT;
	const size_t before = releases();
	char a[512], b[512];
	uint64_t seed = 3;
	int64_t v[3], sum = 0;
	unsigned k;

	(void)state;
	(void)snprintf(a, sizeof(a), "%s/a.csv", test_dir());
	(void)snprintf(b, sizeof(b), "%s/b.csv", test_dir());
	ok(rx_table_export(stats, &req, RX_FORMAT_CSV, a, &st), &st);
	ok(rx_file_read(&one, a, 1 << 20, &st), &st);
	for (k = 0; k < TIMES; k++)
		assert_int_equal(total(&req), first);
	ok(rx_table_export(stats, &req, RX_FORMAT_CSV, b, &st), &st);
	ok(rx_file_read(&two, b, 1 << 20, &st), &st);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.b, two.b, one.len);
	assert_int_equal(releases(), before);
	assert_int_equal(left("350102"), 2500);
	rx_buf_free(&one);
	rx_buf_free(&two);

	/* The control: with fresh noise every time the mean is the count. */
	for (k = 0; k < FRESH; k++) {
		publish(v, 60, 40, 500, &seed);
		sum += v[2];
	}
	assert_in_range(sum, 100 * FRESH - FRESH / 2, 100 * FRESH + FRESH / 2);
}

/* That the answer is a new one would say that a child was changed. */
static void
test_answer_does_not_show_that_the_data_changed(void **state)
{
	struct rx_table_request req = request("350102", "sex", 500);
	struct rx_session *d = fixture_open(dir, "d1");
	const int64_t before = total(&req);
	const size_t n = releases();

	(void)state;
	fixture_save(d, RX_CHILD, "{\"id\":\"new\",\"unit\":\"350102001001\","
	    "\"name\":\"例\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    false, NULL);
	rx_session_close(d);
	assert_int_equal(total(&req), before);
	assert_int_equal(releases(), n);
	/* Other dates are another question, and spend. */
	req.to++;
	(void)total(&req);
	assert_int_equal(releases(), n + 1);
	assert_int_equal(left("350102"), 2000);
}

static void
test_private_table_of_a_unit_not_ones_own_is_refused(void **state)
{
	struct rx_table_request req = request("350103", "sex", 500);

	(void)state;
	refused(try(&req), RX_EPERM, &st);
}

#define IN_REGISTER(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_neighbours_are_told_apart_no_better_than_epsilon),
		IN_REGISTER(test_budget_that_is_spent_is_refused),
		IN_REGISTER(test_parts_and_wholes_spend_one_budget),
		IN_REGISTER(test_budget_is_of_a_calendar_year),
		IN_REGISTER(test_clock_put_back_finds_no_old_budget),
		IN_REGISTER(
		    test_entry_that_does_not_say_what_it_spent_is_corrupt),
		IN_REGISTER(test_asking_again_averages_nothing_out),
		IN_REGISTER(test_answer_does_not_show_that_the_data_changed),
		IN_REGISTER(
		    test_private_table_of_a_unit_not_ones_own_is_refused),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("private tables attacked", tests,
	    fixture_setup, NULL));
}
