#include <stdlib.h>
#include <string.h>

#include "../helper.h"
#include "stats/table.h"

/* Private tables: that the noise has exactly the distribution that is stated,
 * that a child counts for no more than was said, and that keys and margins are
 * what they should be. */

static struct rx_status st;

/* ---- bits ---- */

/* A generator with a fixed seed (splitmix64). */
static void
fill_seeded(void *cookie, void *p, size_t n)
{
	uint64_t *state = cookie, z;
	uint8_t *b = p;
	size_t i;

	for (i = 0; i < n; i++) {
		z = (*state += UINT64_C(0x9e3779b97f4a7c15));
		z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
		z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
		b[i] = (uint8_t)(z >> 32);
	}
}

static double
e_to(double x)
{
	double sum = 1, term = 1;
	int k;

	if (x < -1 || x > 1)
		return (e_to(x / 2) * e_to(x / 2));
	for (k = 1; k < 24; k++)
		sum += term *= x / k;
	return (sum);
}

/* Of scale ${b}: the probability of ${x}. */
static double
laplace(double b, int64_t x)
{
	double q = e_to(-1 / b);

	return ((1 - q) / (1 + q) * e_to(-(double)llabs(x) / b));
}

/* ---- every string of bits ---- */

#define DEPTH 24
#define OUTCOMES 64

/* What a sampler gives for all strings of DEPTH bits: the share of strings
 * that lead to each outcome, and of those that ask for more. */
struct tree {
	uint8_t path[DEPTH];
	uint64_t after;		/* the seed of the bits that come then */
	unsigned fills;
	double mass[OUTCOMES], open;
};

static void
fill_path(void *cookie, void *p, size_t n)
{
	struct tree *t = cookie;
	uint8_t *b = p;
	size_t i;

	fill_seeded(&t->after, p, n);
	for (i = 0; i < DEPTH && t->fills == 0; i++) {
		b[i / 8] &= (uint8_t)~(1u << (i % 8));
		b[i / 8] |= (uint8_t)(t->path[i] << (i % 8));
	}
	t->fills++;
}

typedef int64_t (*sampler)(struct rx_noise *, uint64_t, uint64_t);

static void
walk(struct tree *t, sampler draw, uint64_t p, uint64_t q)
{
	struct rx_noise src;
	int64_t x;
	size_t used;

	memset(t, 0, sizeof(*t));
	for (;;) {
		t->after = 1;
		t->fills = 0;
		rx_noise_init(&src, fill_path, t);
		x = draw(&src, p, q) + OUTCOMES / 2;
		used = t->fills == 0 ? 0 : t->fills > 1 ? SIZE_MAX : src.used;
		if (used > DEPTH) {
			used = DEPTH;
			t->open += 1.0 / (1 << DEPTH);
		} else if (x >= 0 && x < OUTCOMES)
			t->mass[x] += 1.0 / (double)(1u << used);
		/* The next string that differs in what was used. */
		while (used > 0 && t->path[used - 1] == 1)
			t->path[--used] = 0;
		if (used == 0)
			return;
		t->path[used - 1] = 1;
		memset(t->path + used, 0, DEPTH - used);
	}
}

static int64_t
draw_exp(struct rx_noise *src, uint64_t p, uint64_t q)
{

	return (rx_noise_exp(src, p, q));
}

static bool
within(const struct tree *t, int64_t x, double p)
{
	double mass = t->mass[x + OUTCOMES / 2];

	return (mass <= p + 1e-12 && p <= mass + t->open + 1e-12);
}

static void
test_coin_of_exp_is_exact(void **state)
{
	static const uint64_t pq[][2] = {
		{ 0, 1 }, { 1, 1 }, { 1, 2 }, { 2, 3 }, { 3, 2 }, { 2, 1 }
	};
	struct tree t;
	double p;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(pq) / sizeof(*pq); k++) {
		walk(&t, draw_exp, pq[k][0], pq[k][1]);
		p = e_to(-(double)pq[k][0] / (double)pq[k][1]);
		assert_true(t.open < 0.02);
		assert_true(within(&t, 1, p));
		assert_true(within(&t, 0, 1 - p));
		/* The control: another coin does not pass. */
		assert_false(within(&t, 1, p - 0.03));
	}
}

static void
test_discrete_laplace_is_exact(void **state)
{
	static const uint64_t ts[][2] = {
		{ 1, 1 }, { 2, 1 }, { 1, 2 }
	};
	struct tree t;
	int64_t x;
	double b;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(ts) / sizeof(*ts); k++) {
		walk(&t, rx_noise_laplace, ts[k][0], ts[k][1]);
		b = (double)ts[k][0] / (double)ts[k][1];
		assert_true(t.open < 0.07);
		for (x = -8; x <= 8; x++)
			assert_true(within(&t, x, laplace(b, x)));
		/* The controls: half the scale, and a Laplace of real numbers,
		 * rounded (which is hard to tell where the scale is large). */
		assert_false(within(&t, 0, laplace(b / 2, 0)));
		if (b <= 1)
			assert_false(within(&t, 0, 1 - e_to(-0.5 / b)));
	}
}

static void
test_uniform_is_exact(void **state)
{
	struct rx_noise src;
	uint64_t seed = 1, n[5] = { 0 }, k;

	(void)state;
	rx_noise_init(&src, fill_seeded, &seed);
	for (k = 0; k < 50000; k++)
		n[rx_noise_below(&src, 5)]++;
	for (k = 0; k < 5; k++)
		assert_in_range(n[k], 9600, 10400);
	assert_int_equal(rx_noise_below(&src, 1), 0);
	assert_true(rx_noise_below(&src, UINT64_C(1) << 63) <
	    UINT64_C(1) << 63);
}

/* ---- many draws ---- */

#define DRAWS 200000
#define BINS 21			/* -9..9, and beyond on either side */

/* A Laplace of floating-point numbers, rounded: what is not to be used. */
static int64_t
draw_rounded(struct rx_noise *src, uint64_t t, uint64_t s)
{
	double u = (double)(rx_noise_below(src, 1 << 30) + 1) / (1 << 30);
	double b = (double)t / (double)s, x = 0;
	int k;

	/* -ln u by halving, then a series. */
	for (k = 0; u < 0.5; k++)
		u *= 2;
	for (x = 0, s = 60; s > 0; s--)
		x = (1 - u) * (1.0 / (double)s + x);
	x = b * (x + k * 0.69314718055994531);
	return (rx_noise_below(src, 2) != 0 ? (int64_t)(x + 0.5) :
	    -(int64_t)(x + 0.5));
}

/* Pearson's sum over the bins, against the distribution of scale t/s. */
static double
chi_square(sampler draw, uint64_t t, uint64_t s, double b)
{
	double n[BINS] = { 0 }, p, sum = 0, tail = 1;
	struct rx_noise src;
	uint64_t seed = 7;
	int64_t x;
	int k;

	rx_noise_init(&src, fill_seeded, &seed);
	for (k = 0; k < DRAWS; k++) {
		x = draw(&src, t, s);
		n[x < -9 ? 0 : x > 9 ? BINS - 1 : x + 10]++;
	}
	for (k = 1; k < BINS - 1; k++) {
		p = laplace(b, k - 10);
		tail -= p;
		p *= DRAWS;
		if (p >= 5)
			sum += (n[k] - p) * (n[k] - p) / p;
	}
	p = tail / 2 * DRAWS;
	if (p >= 5)
		sum += (n[0] - p) * (n[0] - p) / p +
		    (n[BINS - 1] - p) * (n[BINS - 1] - p) / p;
	return (sum);
}

static void
test_draws_fit_the_distribution(void **state)
{

	(void)state;
	/* Of 20 degrees of freedom: 45.3 is passed once in a thousand times. */
	assert_true(chi_square(rx_noise_laplace, 1, 1, 1) < 45.3);
	assert_true(chi_square(rx_noise_laplace, 4000, 1000, 4) < 45.3);
	assert_true(chi_square(rx_noise_laplace, 16000, 3001, 16000.0 / 3001) <
	    45.3);
	/* The controls fail the same test. */
	assert_true(chi_square(rx_noise_laplace, 3900, 1000, 4) > 45.3);
	assert_true(chi_square(draw_rounded, 1, 1, 1) > 45.3);
}

/* ---- the error that is stated ---- */

#define SPAN 4096

/* The probability that the sum of 2^${doublings} noises lies beyond -k..k. */
static double
beyond(double b, int doublings, int64_t k)
{
	static double p[SPAN], next[SPAN];	/* of |x|; symmetric */
	int64_t x, y, z;
	double inside;

	for (x = 0; x < SPAN; x++)
		p[x] = laplace(b, x);
	for (; doublings > 0; doublings--) {
		for (x = 0; x < SPAN; x++) {
			next[x] = 0;
			for (y = -(SPAN - 1); y < SPAN; y++) {
				z = llabs(x - y);
				if (z < SPAN)
					next[x] += p[llabs(y)] * p[z];
			}
		}
		memcpy(p, next, sizeof(p));
	}
	for (inside = p[0], x = 1; x <= k; x++)
		inside += 2 * p[x];
	return (1 - inside);
}

static void
test_error_holds_95_percent_and_little_more(void **state)
{
	static const unsigned scale[][2] = {	/* touch, epsilon */
		{ 1, 1000 }, { 4, 1000 }, { 16, 500 }, { 1, 10000 }
	};
	int64_t k;
	double b;
	size_t i;
	int d;

	(void)state;
	for (i = 0; i < sizeof(scale) / sizeof(*scale); i++) {
		b = scale[i][0] * 1000.0 / scale[i][1];
		for (d = 0; d <= 3; d++) {
			k = rx_private_error(UINT64_C(1) << d, scale[i][0],
			    scale[i][1]);
			assert_true(beyond(b, d, k) <= 0.05);
			if (b >= 1)
				assert_true(beyond(b, d, k * 3 / 4) > 0.05);
		}
	}
	assert_int_equal(rx_private_error(1, 1, 1000), 3);
	assert_int_equal(rx_private_error(4, 1, 1000), 6);
	assert_int_equal(rx_private_error(2, 1, 1000), 5);
	assert_int_equal(rx_private_error(100000, 16, 10), 1517894);
}

/* ---- tables ---- */

static struct rx_table_request
request(enum rx_count count, const char *dims, unsigned epsilon)
{
	struct rx_table_request req = { .count = count, .epsilon = epsilon,
	    .threshold = 5 };

	rx_status_clear(&st);
	ok(rx_unit_parse(req.unit, "350102", &st), &st);
	ok(rx_table_dims(&req, dims, &st), &st);
	assert_true(rx_date_parse("2025-01-01", &req.from));
	assert_true(rx_date_parse("2025-03-31", &req.to));
	return (req);
}

static struct rx_tab *
begin(enum rx_count count, const char *dims, unsigned epsilon)
{
	static const char *const units[] = {
		"350102", "350102001", "350102001001", "350102001002",
		"350102002", "350102002001", "350103001001"
	};
	struct rx_table_request req = request(count, dims, epsilon);
	char unit[RX_UNIT_BYTES];
	struct rx_tab *t;
	size_t k;

	ok(rx_tab_new(&t, &req, &st), &st);
	for (k = 0; k < sizeof(units) / sizeof(*units) && epsilon > 0; k++) {
		ok(rx_unit_parse(unit, units[k], &st), &st);
		ok(rx_tab_unit(t, unit, &st), &st);
	}
	return (t);
}

static void
child(struct rx_tab *t, const char *unit, uint16_t no, int64_t sex,
    size_t categories)
{
	static const int64_t category[] = { 3, 5, 1, 2, 4 };
	struct rx_record r;

	rx_record_init(&r);
	r.type = RX_CHILD;
	ok(rx_unit_parse(r.unit, unit, &st), &st);
	rx_put16(r.id, no);
	ok(rx_record_set_int(&r, RX_F_SEX, sex, &st), &st);
	ok(rx_record_set_int(&r, RX_F_BIRTH, 2014 * 12, &st), &st);
	ok(rx_record_set_items(&r, RX_F_CATEGORIES, category, categories,
	    &st), &st);
	ok(rx_tab_add(t, &r, &st), &st);
	rx_record_free(&r);
}

static void
observation(struct rx_tab *t, const char *unit, uint16_t no, int32_t day,
    size_t signs)
{
	static const int64_t sign[] = { 7, 2, 9, 1 };
	struct rx_record r;

	rx_record_init(&r);
	r.type = RX_OBSERVATION;
	ok(rx_unit_parse(r.unit, unit, &st), &st);
	rx_put16(r.child, no);
	ok(rx_record_set_int(&r, RX_F_DATE, t->req.from + day, &st), &st);
	ok(rx_record_set_int(&r, RX_F_RISK, 1, &st), &st);
	ok(rx_record_set_items(&r, RX_F_SIGNS, sign, signs, &st), &st);
	ok(rx_tab_add(t, &r, &st), &st);
	rx_record_free(&r);
}

/* Some children, and with ${more} one who has a great deal. */
static void
people(struct rx_tab *t, bool more)
{
	uint16_t k;

	for (k = 1; k <= 20; k++) {
		child(t, k % 3 != 0 ? "350102001001" : "350102002001", k,
		    1 + k % 2, 1 + k % 2);
		observation(t, k % 3 != 0 ? "350102001001" : "350102002001", k,
		    k, 1);
	}
	if (!more)
		return;
	child(t, "350102001002", 99, 1, 5);
	for (k = 0; k < 20; k++)
		observation(t, "350102001002", 99, 3 * k, 4);
}

static json_t *
document(struct rx_tab *t, uint64_t seed)
{
	json_t *doc;

	rx_noise_init(&t->noise, fill_seeded, &seed);
	ok(rx_tab_json(&doc, t, NULL, NULL, &st), &st);
	rx_tab_free(t);
	return (doc);
}

static json_t *
table(enum rx_count count, const char *dims, unsigned epsilon, bool more)
{
	struct rx_tab *t = begin(count, dims, epsilon);

	people(t, more);
	return (document(t, 5));
}

static const char *const splits[] = {
	"sex", "village,sex", "township,village,risk", "category",
	"sex,category,township", "sign,month", "age_band,month", "risk,sign"
};
#define SPLITS (sizeof(splits) / sizeof(*splits))

static enum rx_count
count_of(const char *dims)
{

	return (strstr(dims, "month") != NULL || strstr(dims, "risk") != NULL ?
	    RX_COUNT_OBSERVATIONS : RX_COUNT_CHILDREN);
}

static json_t *
keys(const json_t *doc)
{
	const json_t *cells = json_object_get(doc, "cells");
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < json_array_size(cells); i++)
		assert_int_equal(json_array_append(list, json_object_get(
		    json_array_get(cells, i), "key")), 0);
	return (list);
}

static void
test_keys_do_not_depend_on_the_children(void **state)
{
	json_t *a, *b, *ka, *kb;
	size_t k;

	(void)state;
	for (k = 0; k < SPLITS; k++) {
		a = table(count_of(splits[k]), splits[k], 1000, false);
		b = table(count_of(splits[k]), splits[k], 1000, true);
		ka = keys(a);
		kb = keys(b);
		assert_true(json_equal(ka, kb));
		assert_true(json_equal(json_object_get(a, "labels"),
		    json_object_get(b, "labels")));
		json_decref(a);
		json_decref(b);
		json_decref(ka);
		json_decref(kb);
	}
	/* The control: an exact table lists what there is. */
	{
		struct rx_tab *x = begin(RX_COUNT_CHILDREN, "village", 0);
		struct rx_tab *y = begin(RX_COUNT_CHILDREN, "village", 0);

		people(x, false);
		people(y, true);
		ok(rx_tab_children(x, &st), &st);
		ok(rx_tab_cube(x, &st), &st);
		ok(rx_tab_children(y, &st), &st);
		ok(rx_tab_cube(y, &st), &st);
		assert_true(y->cube->ncells > x->cube->ncells);
		rx_tab_free(x);
		rx_tab_free(y);
	}
}

/* By how much the counts of all base cells differ with the child there. */
static int64_t
difference(const char *dims, unsigned epsilon, unsigned *touch)
{
	struct rx_tab *t[2];
	struct rx_private_bounds b;
	int64_t sum = 0;
	unsigned a, more;
	size_t i;
	bool base;

	for (more = 0; more < 2; more++) {
		t[more] = begin(count_of(dims), dims, epsilon);
		people(t[more], more == 1);
		ok(rx_tab_children(t[more], &st), &st);
		ok(rx_tab_cube(t[more], &st), &st);
	}
	rx_private_bounds(&b, &t[0]->req);
	*touch = b.touch;
	for (i = 0; i < t[0]->cube->ncells; i++) {
		for (base = true, a = 0; a < t[0]->cube->naxes; a++)
			base = base && (t[0]->cube->axis[a].multi ||
			    rx_cube_pos(t[0]->cube, i, a) <
			    t[0]->cube->axis[a].nleaf);
		if (base)
			sum += llabs(t[1]->cube->value[i] -
			    t[0]->cube->value[i]);
	}
	rx_tab_free(t[0]);
	rx_tab_free(t[1]);
	return (sum);
}

static void
test_a_child_counts_for_no_more_than_the_noise_covers(void **state)
{
	int64_t changed;
	unsigned touch, k;

	(void)state;
	for (k = 0; k < SPLITS; k++) {
		/* This child exhausts every bound. */
		changed = difference(splits[k], 1000, &touch);
		assert_int_equal(changed, touch);
	}
	assert_int_equal(difference("sex", 1000, &touch), 1);
	assert_int_equal(difference("category", 1000, &touch), 4);
	assert_int_equal(difference("risk", 1000, &touch), 4);
	assert_int_equal(difference("month,sign", 1000, &touch), 16);
	/* The control: an exact table counts all that there is. */
	assert_true(difference("month,sign", 0, &touch) > 16);
}

/* ---- margins ---- */

static int64_t
value(const json_t *doc, size_t i, const char *member)
{

	return (json_integer_value(json_object_get(json_array_get(
	    json_object_get(doc, "cells"), i), member)));
}

static const char *
key(const json_t *doc, size_t i, size_t d)
{

	return (json_string_value(json_array_get(json_object_get(
	    json_array_get(json_object_get(doc, "cells"), i), "key"), d)));
}

/* The sum of the cells like ${i} but with a value on dimension ${d}; *most is
 * the largest of them; *n their number. */
static int64_t
parts(const json_t *doc, size_t i, size_t d, int64_t *most, size_t *n)
{
	size_t cells = json_array_size(json_object_get(doc, "cells")), j, k;
	size_t dims = json_array_size(json_object_get(doc, "dims"));
	int64_t sum = 0;
	bool part;

	*most = 0;
	*n = 0;
	for (j = 0; j < cells; j++) {
		for (part = true, k = 0; k < dims; k++)
			part = part && (k == d ? strcmp(key(doc, j, k), "*") !=
			    0 : strcmp(key(doc, j, k), key(doc, i, k)) == 0);
		if (!part)
			continue;
		sum += value(doc, j, "value");
		*most = value(doc, j, "value") > *most ?
		    value(doc, j, "value") : *most;
		++*n;
	}
	return (sum);
}

static void
check_margins(const json_t *doc)
{
	const json_t *dims = json_object_get(doc, "dims");
	size_t i, d, n;
	int64_t sum, most, v;
	bool several;

	for (i = 0; i < json_array_size(json_object_get(doc, "cells")); i++) {
		v = value(doc, i, "value");
		assert_true(v >= 0);
		assert_true(value(doc, i, "error95") > 0);
		for (d = 0; d < json_array_size(dims); d++) {
			if (strcmp(key(doc, i, d), "*") != 0)
				continue;
			several = strcmp(json_string_value(json_array_get(dims,
			    d)), "sign") == 0 || strcmp(json_string_value(
			    json_array_get(dims, d)), "category") == 0;
			sum = parts(doc, i, d, &most, &n);
			assert_true(n > 0);
			if (several) {
				assert_true(most <= v);
				assert_true(sum >= v);
			} else
				assert_int_equal(sum, v);
		}
	}
}

static void
test_margins_add_up_and_nothing_is_negative(void **state)
{
	struct rx_tab *t;
	json_t *doc;
	uint64_t seed;
	size_t k;

	(void)state;
	for (k = 0; k < SPLITS; k++) {
		for (seed = 1; seed <= 6; seed++) {
			t = begin(count_of(splits[k]), splits[k],
			    seed % 2 != 0 ? 100 : 2000);
			people(t, seed % 3 == 0);
			doc = document(t, seed);
			check_margins(doc);
			json_decref(doc);
		}
	}
}

/* How often the true figure of each cell lies within the error beside it; most
 * cells are empty, so that the full ones give much to keep the total. */
static void
test_true_figures_lie_within_the_stated_error(void **state)
{
	enum { RUNS = 200 };
	struct rx_tab *t = begin(RX_COUNT_CHILDREN, "township,category,age_band", 1000);
	int64_t *want, *hits;
	json_t *doc;
	size_t n, i;
	uint64_t seed;

	(void)state;
	people(t, false);
	ok(rx_tab_children(t, &st), &st);
	ok(rx_tab_cube(t, &st), &st);
	n = t->cube->ncells;
	want = calloc(n, sizeof(*want));
	hits = calloc(n, sizeof(*hits));
	assert_non_null(want);
	assert_non_null(hits);
	memcpy(want, t->cube->value, n * sizeof(*want));
	rx_tab_free(t);
	for (seed = 1; seed <= RUNS; seed++) {
		t = begin(RX_COUNT_CHILDREN, "township,category,age_band", 1000);
		people(t, false);
		doc = document(t, seed * 1000003);
		for (i = 0; i < n; i++)
			hits[i] += llabs(value(doc, i, "value") - want[i]) <=
			    value(doc, i, "error95");
		json_decref(doc);
	}
	for (i = 0; i < n; i++)
		/* 190 expected at the least; 177 is four deviations below. */
		assert_true(hits[i] >= 177);
	free(want);
	free(hits);
}

/* ---- the request and the document ---- */

static void
test_epsilon_is_read_exactly(void **state)
{
	static const struct {
		const char *text;
		unsigned want;
	} good[] = {
		{ "0.01", 10 }, { "0.5", 500 }, { "0.50", 500 }, { "1", 1000 },
		{ "1.0", 1000 }, { "0.125", 125 }, { "10", 10000 },
		{ "10.000", 10000 }, { "3", 3000 }
	};
	static const char *const bad[] = {
		"", "0", "0.0", "0.009", "10.001", "11", "-1", "+1", "1.",
		".5", "1e0", "0.1234", "1,5", " 1", "1 ", "0x1", "nan",
		"99999999999", "1.0.0", "１"
	};
	char text[RX_EPSILON_TEXT];
	unsigned e;
	size_t k;

	(void)state;
	for (k = 0; k < sizeof(good) / sizeof(*good); k++) {
		ok(rx_epsilon_parse(&e, good[k].text, &st), &st);
		assert_int_equal(e, good[k].want);
	}
	for (k = 0; k < sizeof(bad) / sizeof(*bad); k++)
		refused(rx_epsilon_parse(&e, bad[k], &st), RX_EUSAGE, &st);
	rx_epsilon_text(text, 500);
	assert_string_equal(text, "0.5");
	rx_epsilon_text(text, 3000);
	assert_string_equal(text, "3");
	rx_epsilon_text(text, 0);
	assert_string_equal(text, "0");
}

static void
test_two_lists_in_a_private_table_are_refused(void **state)
{
	struct rx_table_request req = request(RX_COUNT_CHILDREN,
	    "category,sign", 1000);
	struct rx_tab *t;

	(void)state;
	refused(rx_tab_new(&t, &req, &st), RX_EUSAGE, &st);
	req.epsilon = 0;
	ok(rx_tab_new(&t, &req, &st), &st);
	rx_tab_free(t);
}

static void
test_document_says_what_was_done(void **state)
{
	json_t *doc = table(RX_COUNT_OBSERVATIONS, "sign", 500, false);
	const json_t *of = json_object_get(doc, "private");
	struct rx_buf csv = RX_BUF_INIT;

	(void)state;
	assert_string_equal(json_string_value(json_object_get(of, "epsilon")),
	    "0.5");
	assert_string_equal(json_string_value(json_object_get(of,
	    "mechanism")), "discrete-laplace");
	assert_true(json_integer_value(json_object_get(json_object_get(of,
	    "error95"), "cell")) >= rx_private_error(1, 16, 500));
	assert_null(json_object_get(doc, "threshold"));
	ok(rx_tab_render(&csv, doc, RX_FORMAT_CSV, &st), &st);
	ok(rx_buf_add(&csv, "", 1, &st), &st);
	assert_non_null(strstr((const char *)csv.b, "误差（95%）"));
	assert_non_null(strstr((const char *)csv.b, "（ε = 0.5）"));
	assert_non_null(strstr((const char *)csv.b, "epsilon = 0.5"));
	assert_non_null(strstr((const char *)csv.b, "最多计 4 次"));
	rx_buf_free(&csv);
	json_decref(doc);

	doc = table(RX_COUNT_CHILDREN, "sex", 500, false);
	ok(rx_tab_render(&csv, doc, RX_FORMAT_CSV, &st), &st);
	ok(rx_buf_add(&csv, "", 1, &st), &st);
	assert_null(strstr((const char *)csv.b, "最多计"));
	rx_buf_free(&csv);
	json_decref(doc);
}

/* A record of a unit that the register does not list is counted, and shows
 * nothing of that unit. */
static void
test_unlisted_unit_counts_at_the_tables_own(void **state)
{
	struct rx_tab *t = begin(RX_COUNT_CHILDREN, "village", 10000);
	json_t *doc;
	uint16_t k;

	(void)state;
	for (k = 1; k <= 200; k++)
		child(t, "350102777001", k, 1, 1);
	doc = document(t, 3);
	assert_string_equal(key(doc, 0, 0), "350102");
	assert_in_range(value(doc, 0, "value"), 190, 210);
	assert_null(json_object_get(json_object_get(json_object_get(doc,
	    "labels"), "village"), "350102777001"));
	json_decref(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_coin_of_exp_is_exact),
		cmocka_unit_test(test_discrete_laplace_is_exact),
		cmocka_unit_test(test_uniform_is_exact),
		cmocka_unit_test(test_draws_fit_the_distribution),
		cmocka_unit_test(test_error_holds_95_percent_and_little_more),
		cmocka_unit_test(test_keys_do_not_depend_on_the_children),
		cmocka_unit_test(
		    test_a_child_counts_for_no_more_than_the_noise_covers),
		cmocka_unit_test(test_margins_add_up_and_nothing_is_negative),
		cmocka_unit_test(
		    test_true_figures_lie_within_the_stated_error),
		cmocka_unit_test(test_epsilon_is_read_exactly),
		cmocka_unit_test(
		    test_two_lists_in_a_private_table_are_refused),
		cmocka_unit_test(test_document_says_what_was_done),
		cmocka_unit_test(test_unlisted_unit_counts_at_the_tables_own),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("private", tests, NULL, NULL));
}
