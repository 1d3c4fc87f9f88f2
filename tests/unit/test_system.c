#include <stdlib.h>
#include <string.h>

#include "../helper.h"
#include "stats/internal.h"
#include "stats/system.h"

/* The audit of a system of whole unknowns against trying all of them. */

#define COLS 6
#define TOP 4			/* the largest figure tried */

static struct rx_status st;

static struct rx_system *
system_of(unsigned n, int64_t lo, int64_t hi)
{
	struct rx_system *s;
	uint32_t col;

	rx_status_clear(&st);
	ok(rx_system_new(&s, &st), &st);
	while (n-- > 0)
		ok(rx_system_column(s, &col, lo, hi, &st), &st);
	return (s);
}

static void
sum_is(struct rx_system *s, const char *coefs, int64_t lo, int64_t hi)
{
	struct rx_term t[COLS];
	size_t n = 0;
	uint32_t k;

	for (k = 0; coefs[k] != '\0'; k++) {
		if (coefs[k] != '0')
			t[n++] = (struct rx_term){ k, coefs[k] == '-' ? -1 :
			    coefs[k] - '0' };
	}
	ok(rx_system_row(s, t, n, lo, hi, &st), &st);
}

static uint32_t
ask(struct rx_system *s, uint32_t col, int64_t lo, int64_t hi)
{
	const struct rx_term t = { col, 1 };
	uint32_t q;

	ok(rx_system_ask(s, &q, &t, 1, lo, hi, &st), &st);
	return (q);
}

static size_t
unmet(struct rx_system *s)
{
	size_t n;

	ok(rx_system_audit(s, &n, &st), &st);
	return (n);
}

/* ---- */

static void
test_sum_bounds_its_parts(void **state)
{
	struct rx_system *s = system_of(3, 0, RX_MOST);
	int64_t low, high;
	uint32_t wide, tight;

	(void)state;
	sum_is(s, "111", 7, 7);
	sum_is(s, "110", 4, RX_MOST);
	wide = ask(s, 2, 0, 3);
	tight = ask(s, 2, 0, 4);
	assert_int_equal(unmet(s), 1);
	assert_true(rx_system_met(s, wide, &low, &high));
	assert_int_equal(low, 0);
	assert_int_equal(high, 3);
	assert_false(rx_system_met(s, tight, NULL, NULL));
	rx_system_free(s);
}

/* Three pairs that each make 3: linear reasoning allows 3/2 for all. */
static void
test_half_a_child_is_no_answer(void **state)
{
	struct rx_system *s = system_of(4, 0, RX_MOST);
	const struct rx_term all[] = { { 0, 2 }, { 1, 2 }, { 2, 2 } };
	uint32_t q, far;

	(void)state;
	sum_is(s, "1100", 0, 1);
	sum_is(s, "0110", 0, 1);
	sum_is(s, "1010", 0, 1);
	/* 3 by halves, 2 by whole children */
	ok(rx_system_ask(s, &q, all, 3, RX_LEAST, 3, &st), &st);
	ok(rx_system_ask(s, &far, all, 3, 0, 2, &st), &st);
	assert_int_equal(unmet(s), 1);
	assert_false(rx_system_met(s, q, NULL, NULL));
	assert_true(rx_system_met(s, far, NULL, NULL));
	rx_system_free(s);
}

static void
test_knower_holds_what_he_knows(void **state)
{
	static const int64_t truth[] = { 1, 4, 12 };
	const struct rx_term t = { 1, 1 };
	const uint32_t own = 0, other = 2;
	struct rx_system *s = system_of(3, 0, RX_MOST);
	uint32_t q, k, o;
	bool fits;

	(void)state;
	sum_is(s, "110", 5, 5);
	ok(rx_system_ask(s, &q, &t, 1, 1, 5, &st), &st);
	ok(rx_system_ask_knower(s, &k, &t, 1, RX_LEAST, 5, &own, 1, &st), &st);
	ok(rx_system_ask_knower(s, &o, &t, 1, 1, 5, &other, 1, &st), &st);
	ok(rx_system_point(s, truth, &fits, &st), &st);
	assert_true(fits);
	assert_int_equal(unmet(s), 1);
	assert_true(rx_system_met(s, q, NULL, NULL));
	assert_false(rx_system_met(s, k, NULL, NULL));
	assert_true(rx_system_met(s, o, NULL, NULL));
	rx_system_free(s);
}

static void
test_point_that_does_not_fit_is_forgotten(void **state)
{
	static const int64_t truth[] = { 2, 3 }, wrong[] = { 5, 1 },
	    below[] = { -1, 6 }, right[] = { 0, 5 };
	const struct rx_term bad[] = { { 0, 1 } };
	const struct rx_term good[] = { { 0, 1 }, { 1, -2 }, { 0, 1 } };
	struct rx_system *s = system_of(2, 0, RX_MOST);
	int64_t low, high;
	uint32_t q;
	bool fits;

	(void)state;
	sum_is(s, "11", 5, 5);
	q = ask(s, 0, 0, 4);
	ok(rx_system_point(s, truth, &fits, &st), &st);
	assert_true(fits);
	ok(rx_system_point(s, wrong, &fits, &st), &st);
	assert_false(fits);
	ok(rx_system_point(s, below, &fits, &st), &st);
	assert_false(fits);
	ok(rx_system_step(s, bad, 1, &fits, &st), &st);
	assert_false(fits);
	assert_false(rx_system_met(s, q, &low, &high));
	assert_int_equal(low, 2);
	assert_int_equal(high, 2);
	ok(rx_system_point(s, right, &fits, &st), &st);
	assert_true(fits);
	ok(rx_system_step(s, good, 3, &fits, &st), &st);
	assert_true(fits);
	assert_true(rx_system_met(s, q, &low, &high));
	assert_int_equal(low, 0);
	assert_int_equal(high, 4);
	rx_system_free(s);
}

static void
test_contradiction_meets_nothing(void **state)
{
	struct rx_system *s = system_of(2, 0, 3);
	uint32_t q;

	(void)state;
	sum_is(s, "11", 7, 9);
	q = ask(s, 0, RX_LEAST, RX_MOST);
	assert_int_equal(unmet(s), 1);
	assert_false(rx_system_met(s, q, NULL, NULL));
	rx_system_free(s);
}

/* An audit that may cost nothing any more is refused, not taken for passed. */
static void
test_audit_that_costs_too_much_is_refused(void **state)
{
	const struct rx_term t[2] = { { 0, 1 }, { 1, 1 } };
	struct rx_system *s;
	uint32_t col, q;
	size_t failed;
	unsigned k;

	(void)state;
	for (k = 0; k < 2; k++) {
		ok(rx_system_new(&s, &st), &st);
		ok(rx_system_column(s, &col, 0, RX_MOST, &st), &st);
		ok(rx_system_column(s, &col, 0, RX_MOST, &st), &st);
		ok(rx_system_row(s, t, 2, 5, 9, &st), &st);
		ok(rx_system_ask(s, &q, t, 1, 0, 9, &st), &st);
		if (k == 0) {
			rx_system_limit(s, 0);
			refused(rx_system_audit(s, &failed, &st),
			    RX_ECONFLICT, &st);
			assert_int_equal(rx_system_left(s), 0);
		} else {
			ok(rx_system_audit(s, &failed, &st), &st);
			assert_int_equal(failed, 0);
		}
		rx_system_free(s);
	}
}

static void
test_misuse_is_refused(void **state)
{
	const struct rx_term far = { 9, 1 }, huge = { 0, 5000 };
	struct rx_system *s = system_of(1, 0, 3);
	uint32_t col;

	(void)state;
	assert_int_equal(rx_system_column(s, &col, 4, 3, &st), RX_EINTERNAL);
	assert_int_equal(rx_system_column(s, &col, 0, RX_FIGURE_MAX + 1, &st),
	    RX_EINTERNAL);
	assert_int_equal(rx_system_row(s, &far, 1, 0, 1, &st), RX_EINTERNAL);
	assert_int_equal(rx_system_row(s, &huge, 1, 0, 1, &st), RX_EINTERNAL);
	rx_status_clear(&st);
	assert_int_equal(unmet(s), 0);
	assert_int_equal(rx_system_column(s, &col, 0, 1, &st), RX_EINTERNAL);
	rx_status_clear(&st);
	rx_system_free(s);
}

/* ---- thousands of systems ---- */

static uint64_t seed = 4;

static unsigned
dice(unsigned n)
{

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return ((unsigned)(seed >> 33) % n);
}

struct random {
	unsigned ncols, nrows;
	int coef[8][COLS], form[4][COLS];
	int64_t lo[8], hi[8], need_lo[4], need_hi[4];
	bool known[4][COLS];
	int64_t truth[COLS];
};

static int64_t
dot(const int *coef, const int64_t *x, unsigned n)
{
	int64_t sum = 0;
	unsigned k;

	for (k = 0; k < n; k++)
		sum += coef[k] * x[k];
	return (sum);
}

static void
make_random(struct random *r)
{
	int64_t v;
	unsigned k, j;

	memset(r, 0, sizeof(*r));
	r->ncols = 2 + dice(COLS - 1);
	r->nrows = 1 + dice(6);
	for (k = 0; k < r->ncols; k++)
		r->truth[k] = dice(TOP + 1);
	for (k = 0; k < r->nrows; k++) {
		for (j = 0; j < r->ncols; j++)
			r->coef[k][j] = dice(2) ? 0 : (int)dice(5) - 2;
		v = dot(r->coef[k], r->truth, r->ncols);
		r->lo[k] = dice(3) ? v : v - dice(3);
		r->hi[k] = dice(3) ? v : dice(3) ? v + dice(3) : RX_MOST;
	}
	for (k = 0; k < 4; k++) {
		for (j = 0; j < r->ncols; j++) {
			r->form[k][j] = k < 2 ? j == k : (int)dice(3) - 1;
			r->known[k][j] = k == 3 && dice(4) == 0;
		}
		v = dot(r->form[k], r->truth, r->ncols);
		r->need_lo[k] = dice(4) ? v - dice(3) : RX_LEAST;
		r->need_hi[k] = dice(4) ? v + dice(3) : RX_MOST;
	}
}

static size_t
terms(struct rx_term *t, const int *coef, unsigned n)
{
	size_t m = 0;
	unsigned k;

	for (k = 0; k < n; k++) {
		if (coef[k] != 0)
			t[m++] = (struct rx_term){ k, coef[k] };
	}
	return (m);
}

/* What trying all figures 0..TOP finds for question ${k}. */
static bool
brute(const struct random *r, unsigned k)
{
	int64_t x[COLS] = { 0 }, v;
	bool low = r->need_lo[k] == RX_LEAST, high = r->need_hi[k] == RX_MOST;
	bool fits;
	unsigned j;

	do {
		for (fits = true, j = 0; j < r->nrows && fits; j++) {
			v = dot(r->coef[j], x, r->ncols);
			fits = v >= r->lo[j] && v <= r->hi[j];
		}
		for (j = 0; j < r->ncols; j++)
			fits = fits && (!r->known[k][j] || x[j] == r->truth[j]);
		v = dot(r->form[k], x, r->ncols);
		low = low || (fits && v <= r->need_lo[k]);
		high = high || (fits && v >= r->need_hi[k]);
		for (j = 0; j < r->ncols && ++x[j] > TOP; j++)
			x[j] = 0;
	} while (j < r->ncols);
	return (low && high);
}

static void
try_random(const struct random *r, bool given, unsigned *met)
{
	struct rx_system *s = system_of(r->ncols, 0, TOP);
	struct rx_term t[COLS];
	uint32_t q[4], known[COLS];
	size_t n, nknown;
	unsigned k, j;
	bool fits;

	for (k = 0; k < r->nrows; k++) {
		n = terms(t, r->coef[k], r->ncols);
		ok(rx_system_row(s, t, n, r->lo[k], r->hi[k], &st), &st);
	}
	for (k = 0; k < 4; k++) {
		for (nknown = 0, j = 0; j < r->ncols; j++) {
			if (r->known[k][j])
				known[nknown++] = j;
		}
		n = terms(t, r->form[k], r->ncols);
		ok(rx_system_ask_knower(s, &q[k], t, n, r->need_lo[k],
		    r->need_hi[k], known, given ? nknown : 0, &st), &st);
	}
	if (given)
		ok(rx_system_point(s, r->truth, &fits, &st), &st);
	n = unmet(s);
	for (k = 0; k < (given ? 4 : 3); k++) {
		assert_int_equal(rx_system_met(s, q[k], NULL, NULL),
		    brute(r, k));
		*met += brute(r, k);
	}
	rx_system_free(s);
}

static void
test_random_systems_as_by_trying_everything(void **state)
{
	struct random r;
	unsigned k, met = 0;

	(void)state;
	for (k = 0; k < 3000; k++) {
		make_random(&r);
		try_random(&r, dice(2) == 0, &met);
	}
	print_message("%u questions met\n", met);
	assert_in_range(met, 2000, 9000);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sum_bounds_its_parts),
		cmocka_unit_test(test_half_a_child_is_no_answer),
		cmocka_unit_test(test_knower_holds_what_he_knows),
		cmocka_unit_test(test_point_that_does_not_fit_is_forgotten),
		cmocka_unit_test(test_contradiction_meets_nothing),
		cmocka_unit_test(test_audit_that_costs_too_much_is_refused),
		cmocka_unit_test(test_misuse_is_refused),
		cmocka_unit_test(test_random_systems_as_by_trying_everything),
	};

	rx_status_clear(&st);
	return (cmocka_run_group_tests_name("system", tests, NULL, NULL));
}
