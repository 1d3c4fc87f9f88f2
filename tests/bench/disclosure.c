#include <math.h>
#include <stdio.h>

#include <glpk.h>

#include "bench.h"
#include "stats/internal.h"

/*
 * Cross-tables: how many cells are suppressed beyond those that must be, against
 * the fewest that can be (a GLPK integer programme, on tables small enough for
 * it); and how long protection and audit take on large ones.
 */

#define AXES 3
#define OPTIMUM_MS 3000	/* for one table; what takes longer is not counted */
#define TABLES 30

static uint64_t dice_state;

static unsigned
dice(unsigned n)
{

	dice_state = dice_state * UINT64_C(6364136223846793005) +
	    1442695040888963407u;
	return ((unsigned)(dice_state >> 33) % n);
}

/* ---- tables ---- */

/* ${n} things over the axes of ${c}, most of them on the first leaves. */
static void
fill(struct rx_cube *c, size_t n)
{
	uint32_t leaf[RX_AXES_MAX][2], count[RX_AXES_MAX];
	const uint32_t *const p[RX_AXES_MAX] = {
		leaf[0], leaf[1], leaf[2], leaf[3]
	};
	unsigned a, l, x;
	size_t k;

	for (k = 0; k < n; k++) {
		for (a = 0; a < c->naxes; a++) {
			l = c->axis[a].nleaf;
			x = dice(l);
			leaf[a][0] = dice(2) ? x : x * dice(l + 1) / (l + 1);
			count[a] = 1;
			if (c->axis[a].multi && dice(4) == 0)
				leaf[a][count[a]++] = (leaf[a][0] + 1 +
				    dice(l - 1)) % l;
		}
		ok(rx_cube_fact(c, (uint32_t)k, p, count, &st), &st);
	}
	ok(rx_cube_count(c, &st), &st);
}

/* Villages under townships under a county: ${n} villages, ten a township. */
static void
nest(struct rx_cube *c, unsigned n)
{
	uint32_t *path = calloc(n, 3 * sizeof(*path)), *tuple;
	unsigned k;

	assert_non_null(path);
	for (k = 0; k < n; k++) {
		path[3 * k + 1] = k / 10;
		path[3 * k + 2] = k;
	}
	ok(rx_cube_nest(c, 3, n, path, &tuple, &st), &st);
	free(tuple);
	free(path);
}

static struct rx_cube *
small_table(void)
{
	static const unsigned shapes[][AXES] = {
		{ 4, 4, 1 }, { 4, 3, 1 }, { 5, 3, 1 }, { 2, 2, 2 }, { 6, 2, 1 }
	};
	static const uint32_t path[] = { 0, 0, 0, 1, 0, 2, 1, 3, 1, 4, 1, 5 };
	const unsigned *n = shapes[dice(5)];
	struct rx_cube *c;
	uint32_t *tuple;
	unsigned a, cells = n[0] * n[1] * n[2];

	ok(rx_cube_new(&c, 5, &st), &st);
	if (dice(3) == 0) {
		ok(rx_cube_nest(c, 2, 6, path, &tuple, &st), &st);
		free(tuple);
		ok(rx_cube_axis(c, 3, false, false, -1, &st), &st);
		cells = 18;
	} else {
		for (a = 0; a < AXES; a++)
			ok(rx_cube_axis(c, n[a], false, false, -1, &st), &st);
	}
	fill(c, (size_t)cells * (8 + dice(12)));
	return (c);
}

/* ---- the optimum ---- */

/* Columns: one a cell for whether it is suppressed, then for each need the
 * whole table as it could be. */
struct model {
	glp_prob *p;
	const struct rx_cube *c;
	int first;		/* column of cell 0 of the table at hand */
	int ind[256];
	double val[256];
};

static void
model_lines(struct model *m)
{
	const struct rx_cube *c = m->c;
	const struct rx_axis *x;
	unsigned a, k;
	size_t at, i;
	int row, n;

	for (a = 0; a < c->naxes; a++) {
		x = &c->axis[a];
		for (at = 0; at < x->linelen; at += 2 + x->lines[at + 1]) {
			for (i = 0; i < c->ncells; i++) {
				if (rx_cube_pos(c, i, a) != x->lines[at])
					continue;
				n = 1;
				m->ind[n] = m->first + (int)i;
				m->val[n++] = -1;
				for (k = 0; k < x->lines[at + 1]; k++) {
					m->ind[n] = m->first + (int)i +
					    ((int)x->lines[at + 2 + k] -
					    (int)x->lines[at]) *
					    (int)c->stride[a];
					m->val[n++] = 1;
				}
				row = glp_add_rows(m->p, 1);
				glp_set_row_bnds(m->p, row, GLP_FX, 0, 0);
				glp_set_mat_row(m->p, row, n - 1, m->ind,
				    m->val);
			}
		}
	}
}

/* A table in which the need is met and only suppressed cells differ. */
static void
model_need(struct model *m, const struct rx_need *need)
{
	const struct rx_cube *c = m->c;
	double v, room;
	size_t i;
	int row, side;

	m->first = glp_add_cols(m->p, (int)c->ncells);
	for (i = 0; i < c->ncells; i++) {
		v = (double)c->value[i];
		glp_set_col_bnds(m->p, m->first + (int)i, GLP_DB,
		    (double)c->lower[i], v + 20);
		for (side = -1; side <= 1; side += 2) {
			/* |x - v| <= room * suppressed */
			room = side < 0 ? v - (double)c->lower[i] : 20;
			row = glp_add_rows(m->p, 1);
			m->ind[1] = m->first + (int)i;
			m->val[1] = side;
			m->ind[2] = (int)i + 1;
			m->val[2] = -room;
			glp_set_row_bnds(m->p, row, GLP_UP, 0, side * v);
			glp_set_mat_row(m->p, row, 2, m->ind, m->val);
		}
	}
	v = (double)(c->value[need->cell] + need->dir * need->amount);
	glp_set_col_bnds(m->p, m->first + (int)need->cell, GLP_DB,
	    need->dir > 0 ? v : (double)c->lower[need->cell],
	    need->dir > 0 ? v + 20 : v);
	model_lines(m);
}

/* The fewest cells that have to be suppressed beyond the primary ones for the
 * first ${nneeds} needs; -1 when it takes too long to find out. */
static int64_t
optimum(const struct rx_cube *c, size_t nneeds, int64_t primary)
{
	struct model m = { .p = glp_create_prob(), .c = c };
	glp_iocp parm;
	size_t k;
	int64_t best = -1;

	(void)glp_term_out(GLP_OFF);
	assert_true(c->ncells < 250);
	(void)glp_add_cols(m.p, (int)c->ncells);
	for (k = 0; k < c->ncells; k++) {
		glp_set_col_kind(m.p, (int)k + 1, GLP_BV);
		glp_set_obj_coef(m.p, (int)k + 1, 1);
		if (c->primary[k])
			glp_set_col_bnds(m.p, (int)k + 1, GLP_FX, 1, 1);
	}
	for (k = 0; k < nneeds; k++)
		model_need(&m, &c->needs[k]);
	glp_init_iocp(&parm);
	parm.presolve = GLP_ON;
	parm.gmi_cuts = GLP_ON;
	parm.tm_lim = OPTIMUM_MS;
	if (glp_intopt(m.p, &parm) == 0 && glp_mip_status(m.p) == GLP_OPT)
		best = (int64_t)(glp_mip_obj_val(m.p) + 0.5) - primary;
	glp_delete_prob(m.p);
	return (best);
}

struct extra {
	unsigned tables, unsolved, refused;
	int64_t cells, primary, ours, least;
};

static void
measure_extra(struct extra *e, bool alone)
{
	struct rx_cube *c = small_table();
	int64_t primary = 0, all = 0, least;
	size_t nneeds = 0, k;

	/* Who is alone somewhere is not in the programme. */
	for (k = 0; k < c->ncells && !alone; k++)
		c->sole[k] = -1;
	if (rx_cube_protect(c, &st) != RX_OK) {
		rx_status_clear(&st);
		e->refused++;
		rx_cube_free(c);
		return;
	}
	for (k = 0; k < c->ncells; k++) {
		primary += c->primary[k];
		all += c->suppressed[k];
	}
	while (nneeds < c->nneeds && !c->needs[nneeds].guard &&
	    c->needs[nneeds].knower < 0)
		nneeds++;
	least = optimum(c, nneeds, primary);
	if (least >= 0) {
		e->tables++;
		e->cells += (int64_t)c->ncells;
		e->primary += primary;
		e->ours += all - primary;
		e->least += least;
	} else
		e->unsolved++;
	rx_cube_free(c);
}

static void
bench_extra(bool alone)
{
	struct extra e = { 0 };
	char ours[32], base[32], ratio[32], spread[64];
	unsigned k;

	dice_state = 7;
	for (k = 0; k < TABLES; k++)
		measure_extra(&e, alone);
	(void)snprintf(ours, sizeof(ours), "%.2f %%",
	    100.0 * (double)e.ours / (double)e.cells);
	(void)snprintf(base, sizeof(base), "%.2f %%",
	    100.0 * (double)e.least / (double)e.cells);
	(void)snprintf(ratio, sizeof(ratio), "%.2f",
	    (double)e.ours / (double)e.least);
	(void)snprintf(spread, sizeof(spread), "%u tables, %u unsolved",
	    e.tables, e.unsolved);
	put(alone ? "cells suppressed beyond primary, knowers too / fewest "
	    "without knowers" : "cells suppressed beyond primary / fewest",
	    ours, base, ratio, spread);
}

/* ---- time ---- */

struct timing {
	size_t cells;
	double protect, solver;
};

/* Villages by ${b} by ${d}, and by ${e} when that is not 0. */
static struct timing
bench_time(const char *what, unsigned villages, unsigned b, unsigned d,
    unsigned e, bool multi)
{
	struct timing t;
	struct rx_cube *c;
	int64_t primary = 0, all = 0;
	char work[96], ours[32], share[64];
	uint32_t *unmet;
	size_t k, n;

	dice_state = 11;
	ok(rx_cube_new(&c, 5, &st), &st);
	nest(c, villages);
	ok(rx_cube_axis(c, b, multi, multi, -1, &st), &st);
	ok(rx_cube_axis(c, d, false, false, -1, &st), &st);
	if (e > 0)
		ok(rx_cube_axis(c, e, false, false, -1, &st), &st);
	fill(c, (size_t)villages * b * d * (e > 0 ? e : 1) * 4);
	t.cells = c->ncells;
	t.protect = cpu();
	ok(rx_cube_protect(c, &st), &st);
	t.protect = cpu() - t.protect;
	for (k = 0; k < c->ncells; k++) {
		primary += c->primary[k];
		all += c->suppressed[k];
	}
	/* The same audit with nothing known but the truth. */
	c->nwitnesses = 0;
	t.solver = cpu();
	if (t.cells < 5000) {
		ok(rx_cube_audit(c, &unmet, &n, &st), &st);
		free(unmet);
	}
	t.solver = cpu() - t.solver;
	(void)snprintf(work, sizeof(work), "protect and audit %zu cells, %s",
	    c->ncells, what);
	(void)snprintf(ours, sizeof(ours), "%.2f s", t.protect);
	(void)snprintf(share, sizeof(share), "%.1f %% primary, %.1f %% beyond",
	    100.0 * (double)primary / (double)c->ncells,
	    100.0 * (double)(all - primary) / (double)c->ncells);
	put(work, ours, "-", "-", share);
	if (t.cells < 5000) {
		(void)snprintf(work, sizeof(work), "audit of it by the solver "
		    "alone, nothing known before");
		(void)snprintf(ours, sizeof(ours), "%.2f s", t.solver);
		put(work, ours, "-", "-", "-");
	}
	rx_cube_free(c);
	return (t);
}

void
bench_disclosure(void)
{
	struct timing small, large;
	char growth[32];

	bench_extra(false);
	bench_extra(true);
	small = bench_time("units by 8 by 3", 25, 8, 3, 0, false);
	(void)bench_time("units by 8 by 3", 250, 8, 3, 0, false);
	(void)bench_time("units by 8 categories by 3", 250, 8, 3, 0, true);
	(void)bench_time("units by 8 categories by 6 by 3", 30, 8, 6, 3, true);
	large = bench_time("units by 24 by 3", 900, 24, 3, 0, false);
	(void)snprintf(growth, sizeof(growth), "cells^%.2f",
	    log(large.protect / small.protect) /
	    log((double)large.cells / (double)small.cells));
	put("protect and audit, growth", growth, "-", "-", "-");
}
