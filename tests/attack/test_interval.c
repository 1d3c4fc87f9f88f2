#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <glpk.h>

#include "../helper.h"
#include "stats/internal.h"

/*
 * Random hierarchical tables against linear programming over all that is
 * published.  The attacker here shares no code with the program: he sets up
 * his own programme over the finest cells, and what each cell promises is
 * reckoned anew from the figures.  `test_interval N` tries N tables of each
 * kind instead of 1200.
 */

#define CELLS_MAX 1024

static struct rx_status st;
static unsigned tables = 1200;
static uint64_t seed;

static unsigned
dice(unsigned n)
{

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return ((unsigned)(seed >> 33) % n);
}

/* ---- tables ---- */

/* ${n} things; one child in ${share} has two of them. */
static void
fill(struct rx_cube *c, unsigned n, unsigned share)
{
	uint32_t leaf[RX_AXES_MAX][4], count[RX_AXES_MAX];
	const uint32_t *const p[RX_AXES_MAX] = {
		leaf[0], leaf[1], leaf[2], leaf[3]
	};
	uint32_t child = 0;
	unsigned k, a, l;

	for (k = 0; k < n; k++) {
		for (a = 0; a < c->naxes; a++) {
			l = c->axis[a].nleaf;
			leaf[a][0] = dice(3) == 0 ? 0 : dice(l);
			count[a] = 1;
			/* who says nothing says nothing else */
			if (c->axis[a].multi && dice(3) == 0 &&
			    (int)leaf[a][0] != c->axis[a].silent) {
				leaf[a][1] = dice(l);
				count[a] += leaf[a][1] != leaf[a][0] &&
				    (int)leaf[a][1] != c->axis[a].silent;
			}
		}
		child += dice(share) != 0;
		ok(rx_cube_fact(c, child, p, count, &st), &st);
	}
	ok(rx_cube_count(c, &st), &st);
}

/* Villages, townships, counties: each leaf under a random one above. */
static void
random_units(struct rx_cube *c, unsigned levels)
{
	uint32_t path[3 * 8], *tuple;
	unsigned nleaf = 3 + dice(6), l, top = 0, mid = 0;

	for (l = 0; l < nleaf; l++) {
		if (l > 0 && dice(2) == 0) {
			mid++;
			top += dice(2);
		}
		if (levels == 3)
			path[3 * l] = top;
		path[levels * l + levels - 2] = mid;
		path[levels * l + levels - 1] = l;
	}
	ok(rx_cube_nest(c, levels, nleaf, path, &tuple, &st), &st);
	free(tuple);
}

static struct rx_cube *
random_nested(void)
{
	struct rx_cube *c;
	unsigned n;

	ok(rx_cube_new(&c, 3 + dice(4), &st), &st);
	random_units(c, 2 + dice(2));
	ok(rx_cube_axis(c, 2 + dice(3), false, dice(2) == 0, -1, &st), &st);
	if (dice(2) == 0)
		ok(rx_cube_axis(c, 2, false, false, -1, &st), &st);
	n = c->axis[0].nleaf * c->axis[1].nleaf;
	fill(c, n * (2 + dice(12)), 1 + dice(9));
	return (c);
}

static struct rx_cube *
random_two_nests(void)
{
	struct rx_cube *c;

	ok(rx_cube_new(&c, 3 + dice(4), &st), &st);
	random_units(c, 2);
	random_units(c, 3);
	fill(c, 40 + dice(300), 1 + dice(9));
	return (c);
}

static struct rx_cube *
random_multiple(void)
{
	struct rx_cube *c;
	unsigned l = 2 + dice(4);

	ok(rx_cube_new(&c, 3 + dice(4), &st), &st);
	random_units(c, 2);
	ok(rx_cube_axis(c, l, true, true, dice(2) ? (int)l - 1 : -1, &st),
	    &st);
	fill(c, 20 + dice(200), 1 + dice(9));
	return (c);
}

/* ---- the attacker ---- */

struct attacker {
	glp_prob *p;
	const struct rx_cube *c;
	int col[CELLS_MAX];	/* of a finest cell; 0 */
	int target;		/* the row of what is asked */
	int ind[CELLS_MAX + 1];
	double val[CELLS_MAX + 1];
};

static bool
is_finest(const struct rx_cube *c, size_t i)
{
	unsigned a;

	for (a = 0; a < c->naxes; a++) {
		if (!c->axis[a].multi &&
		    rx_cube_pos(c, i, a) >= c->axis[a].nleaf)
			return (false);
	}
	return (true);
}

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
		held = pb == pi;
		for (u = 0; u < x->nup && !x->multi; u++)
			held = held || x->up[pb * x->nup + u] == pi;
		if (!held)
			return (false);
	}
	return (true);
}

/* Row ${row} is the sum of the finest cells under each of ${cell}, times its
 * ${coef}. */
static void
set_row(struct attacker *t, int row, const size_t *cell, const int *coef,
    unsigned n)
{
	unsigned k;
	size_t i;
	int m = 0;
	double sum;

	for (i = 0; i < t->c->ncells; i++) {
		if (t->col[i] == 0)
			continue;
		for (sum = 0, k = 0; k < n; k++)
			sum += is_under(t->c, i, cell[k]) ? coef[k] : 0;
		if (sum != 0) {
			t->ind[++m] = t->col[i];
			t->val[m] = sum;
		}
	}
	glp_set_mat_row(t->p, row, m, t->ind, t->val);
}

static void
learn(struct attacker *t, const size_t *cell, const int *coef, unsigned n,
    double lo, double hi)
{
	int row = glp_add_rows(t->p, 1);

	set_row(t, row, cell, coef, n);
	glp_set_row_bnds(t->p, row, hi < lo ? GLP_LO : lo == hi ? GLP_FX :
	    GLP_DB, lo, hi);
}

/* Of the axis where a thing may have several leaves: each part is at most its
 * margin less those who say nothing, and all parts are at least the margin. */
static void
learn_multiple(struct attacker *t, unsigned a)
{
	const struct rx_axis *x = &t->c->axis[a];
	size_t i, cell[64];
	int coef[64];
	unsigned l;

	for (i = 0; i < t->c->ncells; i++) {
		if (!is_finest(t->c, i) ||
		    rx_cube_pos(t->c, i, a) != x->nleaf)
			continue;
		for (l = 0; l < x->nleaf; l++) {
			cell[l] = i - (x->nleaf - l) * t->c->stride[a];
			coef[l] = 1;
		}
		cell[l] = i;
		coef[l] = -1;
		learn(t, cell, coef, x->nleaf + 1, 0, -1);
		for (l = 0; l < x->nleaf; l++) {
			const size_t those[] = { i, cell[l],
			    cell[x->silent >= 0 ? x->silent : 0] };
			const int sum[] = { 1, -1, -1 };

			learn(t, those, sum, x->silent >= 0 &&
			    (int)l != x->silent ? 3 : 2, 0, -1);
		}
	}
}

static void
look(struct attacker *t, const struct rx_cube *c)
{
	const int one = 1;
	unsigned a;
	size_t i;

	memset(t, 0, sizeof(*t));
	assert_true(c->ncells < CELLS_MAX);
	t->p = glp_create_prob();
	t->c = c;
	for (i = 0; i < c->ncells; i++) {
		if (!is_finest(c, i))
			continue;
		t->col[i] = glp_add_cols(t->p, 1);
		glp_set_col_bnds(t->p, t->col[i], GLP_LO, 0, 0);
	}
	for (i = 0; i < c->ncells; i++) {
		if (!c->suppressed[i])
			learn(t, &i, &one, 1, (double)c->value[i],
			    (double)c->value[i]);
		else if (c->lower[i] > 0)
			learn(t, &i, &one, 1, 1, 0);
	}
	for (a = 0; a < c->naxes; a++) {
		if (c->axis[a].multi)
			learn_multiple(t, a);
	}
	t->target = glp_add_rows(t->p, 1);
	glp_set_row_bnds(t->p, t->target, GLP_FR, 0, 0);
	glp_std_basis(t->p);
}

/* The least or the most that the cell ${i}, less cell ${less} if that is
 * another one, can be. */
static double
bound(struct attacker *t, size_t i, size_t less, bool most)
{
	const size_t cell[] = { i, less };
	const int coef[] = { 1, -1 };
	glp_smcp parm;
	int k, n;

	set_row(t, t->target, cell, coef, i == less ? 1 : 2);
	for (k = 1; k <= glp_get_num_cols(t->p); k++)
		glp_set_obj_coef(t->p, k, 0);
	n = glp_get_mat_row(t->p, t->target, t->ind, t->val);
	for (k = 1; k <= n; k++)
		glp_set_obj_coef(t->p, t->ind[k], t->val[k]);
	set_row(t, t->target, NULL, NULL, 0);
	glp_set_obj_dir(t->p, most ? GLP_MAX : GLP_MIN);
	glp_init_smcp(&parm);
	parm.msg_lev = GLP_MSG_OFF;
	assert_int_equal(glp_simplex(t->p, &parm), 0);
	if (glp_get_status(t->p) == GLP_UNBND)
		return (most ? INFINITY : -INFINITY);
	assert_int_equal(glp_get_status(t->p), GLP_OPT);
	return (glp_get_obj_val(t->p));
}

struct score {
	unsigned tables, refused, cells, open, small, tight, known, groups;
	unsigned told;
};

/* A small cell must be able to be anything from 1 to below the threshold; of
 * few children but many things, from 1 to threshold - 1 more than it is. */
static void
attack_small(struct score *s, struct attacker *t, size_t i)
{
	const struct rx_cube *c = t->c;
	double lo = bound(t, i, i, false), hi = bound(t, i, i, true);
	int64_t v = c->value[i], top = c->threshold - 1;

	if (v > top)
		top += v;
	s->small++;
	s->tight += lo > 1 + 1e-6 || hi < (double)top - 1e-6;
	s->known += hi - lo < 1 - 1e-6;
}

/* A cell that holds all of a group on a sensitive axis. */
static void
attack_group(struct score *s, struct attacker *t, size_t i, unsigned a)
{
	const struct rx_cube *c = t->c;
	const struct rx_axis *x = &c->axis[a];
	unsigned pos = rx_cube_pos(c, i, a);
	size_t margin = i + (x->nleaf - pos) * c->stride[a];
	int64_t must;

	if (!x->sensitive || pos >= x->nleaf || (int)pos == x->silent ||
	    c->value[i] == 0 || c->value[i] != c->value[margin])
		return;
	must = c->value[i] - c->lower[i];
	if (must > c->threshold - 1)
		must = c->threshold - 1;
	s->groups++;
	s->told += bound(t, margin, i, true) < (double)must - 1e-6;
}

static void
attack(struct score *s, const struct rx_cube *c)
{
	struct attacker t;
	unsigned a;
	size_t i;

	look(&t, c);
	for (i = 0; i < c->ncells; i++) {
		s->cells++;
		s->open += !c->suppressed[i];
		if (c->value[i] > 0 && (c->value[i] < c->threshold ||
		    c->children[i] < c->threshold))
			attack_small(s, &t, i);
		for (a = 0; a < c->naxes; a++)
			attack_group(s, &t, i, a);
	}
	glp_delete_prob(t.p);
}

static void
naive(struct rx_cube *c)
{
	size_t i;

	for (i = 0; i < c->ncells; i++)
		c->suppressed[i] = c->value[i] > 0 &&
		    (c->value[i] < c->threshold ||
		    c->children[i] < c->threshold);
}

static void
show(const char *who, const struct score *s)
{

	print_message("%s: %u tables, %u refused, %u of %u cells open; of %u "
	    "small ones %u too tight, %u known; of %u groups %u told\n", who,
	    s->tables, s->refused, s->open, s->cells, s->small, s->tight,
	    s->known, s->groups, s->told);
}

static void
campaign(struct rx_cube *(*make)(void), uint64_t start)
{
	struct score plain = { 0 }, ours = { 0 };
	struct rx_cube *c;
	unsigned k;
	rx_err rc;

	seed = start;
	for (k = 0; k < tables; k++) {
		c = make();
		ours.tables++;
		if (k % 4 == 0) {	/* the control needs no more */
			plain.tables++;
			naive(c);
			attack(&plain, c);
			memset(c->suppressed, 0, c->ncells);
		}
		rc = rx_cube_protect(c, &st);
		assert_true(rc == RX_OK || rc == RX_ECONFLICT);
		rx_status_clear(&st);
		if (rc == RX_OK)
			attack(&ours, c);
		else
			ours.refused++;
		rx_cube_free(c);
	}
	show("plain", &plain);
	show("ours", &ours);
	assert_true(plain.tight > plain.small / 20);
	assert_true(plain.known > 20);
	assert_true(ours.small > 500 && ours.refused < ours.tables / 2);
	assert_int_equal(ours.tight, 0);
	assert_int_equal(ours.known, 0);
	assert_int_equal(ours.told, 0);
}

static void
test_nested_tables_keep_their_intervals(void **state)
{

	(void)state;
	campaign(random_nested, 1);
}

static void
test_two_nests_keep_their_intervals(void **state)
{

	(void)state;
	campaign(random_two_nests, 2);
}

static void
test_several_values_keep_their_intervals(void **state)
{

	(void)state;
	campaign(random_multiple, 3);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nested_tables_keep_their_intervals),
		cmocka_unit_test(test_two_nests_keep_their_intervals),
		cmocka_unit_test(test_several_values_keep_their_intervals),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	if (argc > 1)
		tables = (unsigned)strtoul(argv[1], NULL, 10);
	(void)glp_term_out(GLP_OFF);
	return (cmocka_run_group_tests_name("interval", tests, NULL, NULL));
}
