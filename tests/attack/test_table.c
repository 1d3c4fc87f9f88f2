#include <stdlib.h>
#include <string.h>

#include "../helper.h"
#include "stats/internal.h"

/*
 * Attacks on a cross-table from what is published alone.  The attacker here
 * shares nothing with the program: he tries all tables of whole numbers that
 * agree with every published figure.  Each attack is shown to work against
 * plain threshold suppression first.
 */

#define DIMS 3
#define BASE_MAX 32
#define SUMS_MAX 256
#define CELL_CAP 80		/* figures above it are not tried */
#define NODES_MAX 4000000

static struct rx_status st;

/* ---- what the attacker sees ---- */

/* What he does not know is the figure of every base cell: a leaf on every axis,
 * or "*" on one where a thing may have several leaves.  What he knows are sums
 * of base cells, some added, some taken away, within bounds. */
struct view {
	unsigned nbase;
	size_t cell[BASE_MAX];	/* of the cube */
	unsigned nsums;
	struct sum {
		uint32_t plus, minus;	/* bit sets */
		int64_t lo, hi;
	} s[SUMS_MAX];
};

static bool
is_base(const struct rx_cube *c, size_t i)
{
	unsigned a;

	for (a = 0; a < c->naxes; a++) {
		if (!c->axis[a].multi &&
		    rx_cube_pos(c, i, a) >= c->axis[a].nleaf)
			return (false);
	}
	return (true);
}

/* Whether the base cell ${b} is a part of the sum that cell ${i} shows. */
static bool
is_under(const struct rx_cube *c, size_t b, size_t i)
{
	const struct rx_axis *x;
	unsigned a, u, pb, pi;
	bool held;

	for (a = 0; a < c->naxes; a++) {
		x = &c->axis[a];
		pb = rx_cube_pos(c, b, a);
		pi = rx_cube_pos(c, i, a);
		held = x->multi && pb == pi;
		for (u = 0; u < x->nup && !x->multi; u++)
			held = held || x->up[pb * x->nup + u] == pi;
		if (!held)
			return (false);
	}
	return (true);
}

static uint32_t
bits_of(const struct view *v, const struct rx_cube *c, size_t i)
{
	uint32_t bits = 0;
	unsigned k;

	for (k = 0; k < v->nbase; k++) {
		if (is_under(c, v->cell[k], i))
			bits |= 1u << k;
	}
	return (bits);
}

static void
learn(struct view *v, uint32_t plus, uint32_t minus, int64_t lo, int64_t hi)
{

	assert_true(v->nsums < SUMS_MAX);
	v->s[v->nsums++] = (struct sum){ plus, minus, lo, hi };
}

/* Part <= margin <= sum of parts, for every margin of a multiple axis. */
static void
learn_multiple(struct view *v, const struct rx_cube *c, unsigned a)
{
	const struct rx_axis *x = &c->axis[a];
	uint32_t parts, part, margin;
	unsigned k, l;

	for (k = 0; k < v->nbase; k++) {
		if (rx_cube_pos(c, v->cell[k], a) != x->nleaf)
			continue;
		margin = 1u << k;
		for (parts = 0, l = 0; l < x->nleaf; l++) {
			part = bits_of(v, c, v->cell[k] -
			    (x->nleaf - l) * c->stride[a]);
			learn(v, margin, part, 0, INT32_MAX);
			parts |= part;
		}
		learn(v, parts, margin, 0, INT32_MAX);
	}
}

/* Both >= one + other - all, for two multiple axes. */
static void
learn_pairs(struct view *v, const struct rx_cube *c, unsigned a, unsigned b)
{
	unsigned k, la = c->axis[a].nleaf, lb = c->axis[b].nleaf, pa, pb;
	size_t i, ea, eb;

	for (k = 0; k < v->nbase; k++) {
		i = v->cell[k];
		pa = rx_cube_pos(c, i, a);
		pb = rx_cube_pos(c, i, b);
		if (pa == la || pb == lb)
			continue;
		ea = (la - pa) * c->stride[a];
		eb = (lb - pb) * c->stride[b];
		learn(v, 1u << k | bits_of(v, c, i + ea + eb),
		    bits_of(v, c, i + ea) | bits_of(v, c, i + eb), 0,
		    INT32_MAX);
	}
}

static void
look(struct view *v, const struct rx_cube *c)
{
	unsigned a, b;
	size_t i;

	memset(v, 0, sizeof(*v));
	for (i = 0; i < c->ncells; i++) {
		if (is_base(c, i)) {
			assert_true(v->nbase < BASE_MAX);
			v->cell[v->nbase++] = i;
		}
	}
	for (i = 0; i < c->ncells; i++) {
		if (!c->suppressed[i])
			learn(v, bits_of(v, c, i), 0, c->value[i],
			    c->value[i]);
	}
	for (a = 0; a < c->naxes; a++) {
		if (!c->axis[a].multi)
			continue;
		learn_multiple(v, c, a);
		for (b = a + 1; b < c->naxes; b++) {
			if (c->axis[b].multi)
				learn_pairs(v, c, a, b);
		}
	}
}

/* ---- trying all tables ---- */

struct hunt {
	const struct view *v;
	struct sum target;	/* what must hold besides */
	unsigned long nodes;
};

struct box {			/* what the base cells can still be */
	int64_t lo[BASE_MAX], hi[BASE_MAX];
};

/* Narrow cell ${j}, whose coefficient is ${sign}, to l..h: 1 when something
 * changed, -1 when nothing is left. */
static int
narrow_cell(struct box *b, unsigned j, int sign, int64_t l, int64_t h)
{
	int64_t t;
	int changed = 0;

	if (sign < 0) {
		t = l;
		l = -h;
		h = -t;
	}
	if (l > b->lo[j]) {
		b->lo[j] = l;
		changed = 1;
	}
	if (h < b->hi[j]) {
		b->hi[j] = h;
		changed = 1;
	}
	return (b->lo[j] > b->hi[j] ? -1 : changed);
}

/* The same for all cells of the sum ${s}. */
static int
narrow_by(struct box *b, unsigned nbase, const struct sum *s)
{
	int64_t least = 0, most = 0, l, h;
	unsigned j;
	int changed = 0, one, sign;

	for (j = 0; j < nbase; j++) {
		if (s->plus & (1u << j)) {
			least += b->lo[j];
			most += b->hi[j];
		} else if (s->minus & (1u << j)) {
			least -= b->hi[j];
			most -= b->lo[j];
		}
	}
	if (least > s->hi || most < s->lo)
		return (-1);
	for (j = 0; j < nbase; j++) {
		if (!((s->plus | s->minus) & (1u << j)))
			continue;
		/* by the sums as they were: weaker, never wrong */
		sign = s->plus & (1u << j) ? 1 : -1;
		l = s->lo - (most - (sign > 0 ? b->hi[j] : -b->lo[j]));
		h = s->hi - (least - (sign > 0 ? b->lo[j] : -b->hi[j]));
		one = narrow_cell(b, j, sign, l, h);
		if (one < 0)
			return (-1);
		changed |= one;
	}
	return (changed);
}

/* Everything that follows from adding and subtracting; false: impossible. */
static bool
narrow(const struct hunt *h, struct box *b)
{
	unsigned j;
	int changed, one;

	do {
		changed = narrow_by(b, h->v->nbase, &h->target);
		for (j = 0; j < h->v->nsums && changed >= 0; j++) {
			one = narrow_by(b, h->v->nbase, &h->v->s[j]);
			changed = one < 0 ? -1 : changed | one;
		}
	} while (changed > 0);
	return (changed == 0);
}

/* 1: there is such a table; 0: there is none; -1: gave up. */
static int
try_from(struct hunt *h, const struct box *from)
{
	struct box b = *from;
	unsigned j, best = BASE_MAX;
	int64_t x, lo, hi;
	int found;

	if (++h->nodes > NODES_MAX)
		return (-1);
	if (!narrow(h, &b))
		return (0);
	for (j = 0; j < h->v->nbase; j++) {
		if (b.lo[j] < b.hi[j] && (best == BASE_MAX ||
		    b.hi[j] - b.lo[j] < b.hi[best] - b.lo[best]))
			best = j;
	}
	if (best == BASE_MAX)
		return (1);
	lo = b.lo[best];
	hi = b.hi[best];
	for (x = lo; x <= hi; x++) {
		b.lo[best] = b.hi[best] = x;
		if ((found = try_from(h, &b)) != 0)
			return (found);
	}
	return (0);
}

/* Whether the sum over ${plus} less that over ${minus} could lie in lo..hi. */
static bool
could_differ(const struct view *v, uint32_t plus, uint32_t minus, int64_t lo,
    int64_t hi)
{
	struct hunt h = { .v = v, .target = { plus, minus, lo, hi } };
	struct box b;
	unsigned j;
	int found;

	if (lo > hi)
		return (false);
	for (j = 0; j < v->nbase; j++) {
		b.lo[j] = 0;
		b.hi[j] = CELL_CAP;
	}
	found = try_from(&h, &b);
	assert_int_not_equal(found, -1);
	return (found == 1);
}

static bool
could_be(const struct view *v, uint32_t cells, int64_t lo, int64_t hi)
{

	return (could_differ(v, cells, 0, lo, hi));
}

/* Whether the attacker knows the sum over ${cells}, which is ${value}. */
static bool
recovered(const struct view *v, uint32_t cells, int64_t value)
{

	return (!could_be(v, cells, 0, value - 1) &&
	    !could_be(v, cells, value + 1, INT32_MAX));
}

/* ---- tables ---- */

static void
fill(struct rx_cube *c, const unsigned n[DIMS], const int *table)
{
	uint32_t leaf[DIMS], one[RX_AXES_MAX] = { 1, 1, 1, 1 };
	const uint32_t *const p[RX_AXES_MAX] = {
		&leaf[0], &leaf[1], &leaf[2], &leaf[0]
	};
	uint32_t child = 0;
	unsigned k;
	int j;

	for (k = 0; k < n[0] * n[1] * n[2]; k++) {
		leaf[0] = k / (n[1] * n[2]);
		leaf[1] = k / n[2] % n[1];
		leaf[2] = k % n[2];
		for (j = 0; j < table[k]; j++)
			ok(rx_cube_fact(c, child++, p, one, &st), &st);
	}
	ok(rx_cube_count(c, &st), &st);
}

/* A cube of ${table}; ${sensitive} is an axis, or -1. */
static struct rx_cube *
cube(const unsigned n[DIMS], const int *table, unsigned threshold,
    int sensitive)
{
	struct rx_cube *c;
	unsigned a;

	rx_status_clear(&st);
	ok(rx_cube_new(&c, threshold, &st), &st);
	for (a = 0; a < DIMS; a++)
		ok(rx_cube_axis(c, n[a], false, (int)a == sensitive, -1, &st),
		    &st);
	fill(c, n, table);
	return (c);
}

/* Whether cell ${i} is too small to be shown. */
static bool
is_small(const struct rx_cube *c, size_t i)
{

	return (c->children[i] > 0 && c->children[i] < c->threshold);
}

/* Plain threshold suppression. */
static void
naive(struct rx_cube *c)
{
	size_t i;

	for (i = 0; i < c->ncells; i++)
		c->suppressed[i] = is_small(c, i);
}

/* What the program publishes; false when it publishes nothing. */
static bool
ours(struct rx_cube *c)
{
	rx_err rc;

	memset(c->suppressed, 0, c->ncells * sizeof(*c->suppressed));
	rc = rx_cube_protect(c, &st);
	if (rc != RX_OK)
		assert_int_equal(rc, RX_ECONFLICT);
	rx_status_clear(&st);
	return (rc == RX_OK);
}

/* ---- attacks one by one ---- */

static void
test_subtraction_from_a_total(void **state)
{
	static const unsigned n[DIMS] = { 4, 1, 1 };
	static const int table[] = { 2, 9, 10, 12 };
	struct rx_cube *c = cube(n, table, 5, -1);
	struct view v;

	(void)state;
	naive(c);
	look(&v, c);
	assert_true(recovered(&v, 1, 2));	/* 33 - 9 - 10 - 12 */

	assert_true(ours(c));
	look(&v, c);
	assert_false(recovered(&v, 1, 2));
	assert_true(could_be(&v, 1, 0, 1));
	assert_true(could_be(&v, 1, 4, CELL_CAP));
	rx_cube_free(c);
}

static void
test_elimination_across_rows_and_columns(void **state)
{
	static const unsigned n[DIMS] = { 4, 4, 1 };
	/* two blocks of suppressed cells, joined by the 2 at (0,2) alone */
	static const int table[] = {
		4, 3, 2, 9,
		3, 4, 9, 9,
		9, 9, 4, 3,
		9, 9, 3, 4
	};
	struct rx_cube *c = cube(n, table, 5, -1);
	struct view v;

	(void)state;
	/* no line has a single suppressed cell, and still it falls */
	naive(c);
	look(&v, c);
	assert_true(recovered(&v, 1u << 2, 2));

	assert_true(ours(c));
	look(&v, c);
	assert_true(could_be(&v, 1u << 2, 0, 1));
	assert_true(could_be(&v, 1u << 2, 4, CELL_CAP));
	rx_cube_free(c);
}

static void
test_child_alone_in_a_cell_subtracts_himself(void **state)
{
	static const unsigned n[DIMS] = { 3, 1, 1 };
	static const int table[] = { 1, 4, 12 };
	struct rx_cube *c = cube(n, table, 5, -1);
	struct view v;

	(void)state;
	naive(c);
	look(&v, c);
	learn(&v, 1, 0, 1, 1);		/* that is me */
	assert_true(recovered(&v, 2, 4));

	assert_true(ours(c));
	look(&v, c);
	learn(&v, 1, 0, 1, 1);
	assert_false(recovered(&v, 2, 4));
	rx_cube_free(c);
}

static void
test_zeros_tell_of_a_whole_group(void **state)
{
	/* groups by risk; all nine of the first group have the first risk */
	static const unsigned n[DIMS] = { 3, 3, 1 };
	static const int table[] = {
		9, 0, 0,
		8, 7, 9,
		9, 8, 6
	};
	struct rx_cube *c = cube(n, table, 5, 1);
	struct view v;

	(void)state;
	naive(c);
	look(&v, c);
	assert_false(could_be(&v, 6, 1, CELL_CAP));	/* nobody else */

	assert_true(ours(c));
	look(&v, c);
	assert_true(could_be(&v, 6, 4, 2 * CELL_CAP));
	rx_cube_free(c);
}

static void
test_small_group_of_one_value(void **state)
{
	static const unsigned n[DIMS] = { 3, 2, 1 };
	static const int table[] = {
		2, 0,
		8, 7,
		9, 8
	};
	struct rx_cube *c = cube(n, table, 5, 1);
	struct view v;

	(void)state;
	naive(c);
	look(&v, c);
	assert_false(could_be(&v, 2, 1, CELL_CAP));
	assert_true(ours(c));
	look(&v, c);
	assert_true(could_be(&v, 2, 1, CELL_CAP));
	rx_cube_free(c);
}

/* ---- thousands of tables ---- */

static uint64_t seed;

static unsigned
dice(unsigned n)
{

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return ((unsigned)(seed >> 33) % n);
}

/* A random table of single leaves. */
static struct rx_cube *
random_simple(unsigned threshold)
{
	static const unsigned shapes[][DIMS] = {
		{ 3, 1, 1 }, { 5, 1, 1 }, { 2, 2, 1 }, { 3, 2, 1 },
		{ 3, 3, 1 }, { 4, 3, 1 }, { 2, 2, 2 }, { 3, 2, 2 }
	};
	const unsigned *n = shapes[dice(sizeof(shapes) / sizeof(*shapes))];
	unsigned k, zero = 1 + dice(5);
	int table[BASE_MAX];

	for (k = 0; k < n[0] * n[1] * n[2]; k++)
		table[k] = dice(6) < zero ? (int)dice(3) : (int)dice(11);
	return (cube(n, table, threshold, n[1] > 1 && dice(3) == 0 ? 1 : -1));
}

/* ${n} random things over the axes of ${c}; one child in ${share} has two. */
static void
random_facts(struct rx_cube *c, unsigned n, unsigned share)
{
	uint32_t leaf[RX_AXES_MAX][8], count[RX_AXES_MAX];
	const uint32_t *const p[RX_AXES_MAX] = {
		leaf[0], leaf[1], leaf[2], leaf[3]
	};
	unsigned k, a, l;
	uint32_t child = 0;

	for (k = 0; k < n; k++) {
		for (a = 0; a < c->naxes; a++) {
			l = c->axis[a].nleaf;
			leaf[a][0] = dice(4) == 0 ? 0 : dice(l);
			count[a] = 1;
			if (c->axis[a].multi && dice(3) == 0)
				leaf[a][count[a]++] = (leaf[a][0] + 1) % l;
		}
		child += dice(share) != 0;
		ok(rx_cube_fact(c, child, p, count, &st), &st);
	}
	ok(rx_cube_count(c, &st), &st);
}

/* Counties over townships, by something else. */
static struct rx_cube *
random_nest(unsigned threshold)
{
	static const uint32_t path[] = { 0, 0, 0, 1, 1, 2, 1, 3, 1, 4 };
	struct rx_cube *c;
	uint32_t *tuple;

	ok(rx_cube_new(&c, threshold, &st), &st);
	ok(rx_cube_nest(c, 2, 3 + dice(3), path, &tuple, &st), &st);
	ok(rx_cube_axis(c, 2, false, dice(2) == 0, -1, &st), &st);
	free(tuple);
	random_facts(c, 5 + dice(60), 1 + dice(9));
	return (c);
}

/* One axis where a thing may have two leaves, by groups; or two of them. */
static struct rx_cube *
random_multiple(unsigned threshold)
{
	struct rx_cube *c;
	bool two = dice(2) == 0;

	ok(rx_cube_new(&c, threshold, &st), &st);
	ok(rx_cube_axis(c, 2 + dice(2), two, false, -1, &st), &st);
	ok(rx_cube_axis(c, 2 + dice(2), true, dice(2) == 0, -1, &st), &st);
	random_facts(c, 5 + dice(50), 1 + dice(9));
	return (c);
}

struct score {
	unsigned tables, refused, small, known, narrow, insider, group;
	unsigned cells, open;
};

/* Attack every small cell of what is published. */
static void
attack(struct score *s, const struct rx_cube *c)
{
	struct view v;
	int64_t value, high;
	uint32_t bits;
	size_t i;

	look(&v, c);
	for (i = 0; i < c->ncells; i++) {
		s->cells++;
		s->open += !c->suppressed[i];
		if (!is_small(c, i))
			continue;
		value = c->value[i];
		high = value < c->threshold ? c->threshold - 1 : value + 1;
		bits = bits_of(&v, c, i);
		s->small++;
		s->narrow += !could_be(&v, bits, 0, 1) ||
		    !could_be(&v, bits, high, INT32_MAX);
		s->known += recovered(&v, bits, value);
	}
}

/* Who reads the table must not learn that all of a group have one value. */
static void
attack_groups(struct score *s, const struct rx_cube *c, unsigned a)
{
	const struct rx_axis *x = &c->axis[a];
	struct view v;
	unsigned l;
	size_t i, part;

	look(&v, c);
	for (i = 0; i < c->ncells && x->sensitive; i++) {
		if (rx_cube_pos(c, i, a) != x->nleaf || c->value[i] < 2)
			continue;
		for (l = 0; l < x->nleaf; l++) {
			part = i - (x->nleaf - l) * c->stride[a];
			if (c->value[part] == c->value[i])
				s->group += !could_differ(&v,
				    bits_of(&v, c, i) & ~bits_of(&v, c, part),
				    bits_of(&v, c, part) &
				    ~bits_of(&v, c, i), 1, INT32_MAX);
		}
	}
}

/* A child knows the cells where he is alone, and attacks other small cells. */
static void
attack_from(struct score *s, const struct rx_cube *c, int64_t child)
{
	struct view v;
	size_t i;

	look(&v, c);
	for (i = 0; i < c->ncells; i++) {
		if (c->sole[i] == child)
			learn(&v, bits_of(&v, c, i), 0, c->value[i],
			    c->value[i]);
	}
	for (i = 0; i < c->ncells; i++) {
		if (is_small(c, i) && c->sole[i] != child)
			s->insider += recovered(&v, bits_of(&v, c, i),
			    c->value[i]);
	}
}

static void
attack_all(struct score *s, const struct rx_cube *c)
{
	int64_t done = -1;
	unsigned a;
	size_t i;

	attack(s, c);
	for (a = 0; a < c->naxes; a++)
		attack_groups(s, c, a);
	for (i = 0; i < c->ncells; i++) {
		if (!is_base(c, i) || c->sole[i] < 0 || c->sole[i] == done)
			continue;
		done = c->sole[i];
		attack_from(s, c, done);
	}
}

static void
show(const char *who, const struct score *s)
{

	print_message("%s: %u tables, %u refused, %u of %u cells open, %u "
	    "small: %u known, %u narrow; %u known from inside, %u groups\n",
	    who, s->tables, s->refused, s->open, s->cells, s->small, s->known,
	    s->narrow, s->insider, s->group);
}

static void
campaign(struct rx_cube *(*make)(unsigned), unsigned tables, uint64_t start)
{
	struct score plain = { 0 }, mine = { 0 };
	struct rx_cube *c;
	unsigned k;

	seed = start;
	rx_status_clear(&st);
	for (k = 0; k < tables; k++) {
		c = make(3 + dice(3));
		plain.tables++;
		naive(c);
		attack_all(&plain, c);
		mine.tables++;
		if (ours(c))
			attack_all(&mine, c);
		else
			mine.refused++;
		rx_cube_free(c);
	}
	show("plain", &plain);
	show("ours", &mine);
	assert_true(plain.known > 100 && plain.insider > 100 &&
	    plain.group > 10);
	assert_true(mine.small > 1000);
	assert_int_equal(mine.known, 0);
	assert_int_equal(mine.narrow, 0);
	assert_int_equal(mine.insider, 0);
	assert_int_equal(mine.group, 0);
}

static void
test_random_tables_keep_their_small_cells(void **state)
{

	(void)state;
	campaign(random_simple, 3000, 2025);
}

static void
test_random_nested_units_keep_their_small_cells(void **state)
{

	(void)state;
	campaign(random_nest, 1500, 56);
}

static void
test_random_tables_with_several_values_a_child(void **state)
{

	(void)state;
	campaign(random_multiple, 1500, 8);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_subtraction_from_a_total),
		cmocka_unit_test(test_elimination_across_rows_and_columns),
		cmocka_unit_test(test_child_alone_in_a_cell_subtracts_himself),
		cmocka_unit_test(test_zeros_tell_of_a_whole_group),
		cmocka_unit_test(test_small_group_of_one_value),
		cmocka_unit_test(test_random_tables_keep_their_small_cells),
		cmocka_unit_test(
		    test_random_nested_units_keep_their_small_cells),
		cmocka_unit_test(
		    test_random_tables_with_several_values_a_child),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	return (cmocka_run_group_tests_name("table", tests, NULL, NULL));
}
