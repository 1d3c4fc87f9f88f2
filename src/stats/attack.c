#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

/*
 * The attacker: what follows about every cell from the published ones by
 * adding and subtracting along every line of the table, over and over, until
 * nothing more follows.  He knows no more than the reader of the table: which
 * cells are suppressed, not why.
 */

#define PASSES_MAX 1000
#define NONE INT64_MAX		/* no upper bound */

struct bounds {
	const struct rx_cube *c;
	int64_t *lo, *hi;
	bool changed;
};

static void
raise_lo(struct bounds *b, size_t i, int64_t v)
{

	if (v > b->lo[i]) {
		b->lo[i] = v;
		b->changed = true;
	}
}

static void
lower_hi(struct bounds *b, size_t i, int64_t v)
{

	if (v < b->hi[i]) {
		b->hi[i] = v;
		b->changed = true;
	}
}

/* A line of cells: ${margin}, and ${n} parts at first + part[k] * stride. */
struct line {
	size_t margin, first, stride;
	const unsigned *part;
	unsigned n;
	bool multi;
};

static size_t
part_cell(const struct line *l, unsigned k)
{

	return (l->first + l->part[k] * l->stride);
}

/* What the line tells: margin = sum, or part <= margin <= sum. */
static void
use_line(struct bounds *b, const struct line *l)
{
	int64_t lo = 0, hi = 0, rest;
	unsigned open = 0, k;
	size_t i;

	for (k = 0; k < l->n; k++) {
		i = part_cell(l, k);
		lo += b->lo[i];
		if (b->hi[i] == NONE)
			open++;
		else
			hi += b->hi[i];
		if (l->multi) {
			raise_lo(b, l->margin, b->lo[i]);
			lower_hi(b, i, b->hi[l->margin]);
		}
	}
	if (!l->multi)
		raise_lo(b, l->margin, lo);
	if (open == 0)
		lower_hi(b, l->margin, hi);
	for (k = 0; k < l->n; k++) {
		i = part_cell(l, k);
		if (open == 0 || (open == 1 && b->hi[i] == NONE)) {
			rest = b->hi[i] == NONE ? hi : hi - b->hi[i];
			raise_lo(b, i, b->lo[l->margin] - rest);
		}
		if (!l->multi && b->hi[l->margin] != NONE)
			lower_hi(b, i, b->hi[l->margin] - (lo - b->lo[i]));
	}
}

/* All lines of axis ${a}, wherever the cell stands on the other axes. */
static void
use_axis(struct bounds *b, unsigned a)
{
	const struct rx_cube *c = b->c;
	const struct rx_axis *x = &c->axis[a];
	size_t block = c->stride[a] * x->npos, high, low, at;
	struct line l = { .stride = c->stride[a], .multi = x->multi };

	for (at = 0; at < x->linelen; at += 2 + x->lines[at + 1]) {
		l.n = x->lines[at + 1];
		l.part = &x->lines[at + 2];
		for (high = 0; high < c->ncells; high += block) {
			for (low = 0; low < c->stride[a]; low++) {
				l.first = high + low;
				l.margin = l.first + x->lines[at] * l.stride;
				use_line(b, &l);
			}
		}
	}
}

/* |A and B| >= |A| + |B| - |all|, read in every direction. */
static void
use_pair(struct bounds *b, size_t both, size_t x, size_t y, size_t all)
{

	if (b->hi[all] != NONE) {
		raise_lo(b, both, b->lo[x] + b->lo[y] - b->hi[all]);
		if (b->hi[both] != NONE) {
			lower_hi(b, x, b->hi[both] + b->hi[all] - b->lo[y]);
			lower_hi(b, y, b->hi[both] + b->hi[all] - b->lo[x]);
		}
	}
	if (b->hi[both] != NONE)
		raise_lo(b, all, b->lo[x] + b->lo[y] - b->hi[both]);
}

static void
use_pairs(struct bounds *b, unsigned a, unsigned d)
{
	const struct rx_cube *c = b->c;
	const struct rx_axis *x = &c->axis[a], *y = &c->axis[d];
	size_t i, ea, ed;
	unsigned pa, pd;

	for (i = 0; i < c->ncells; i++) {
		pa = rx_cube_pos(c, i, a);
		pd = rx_cube_pos(c, i, d);
		if (pa == x->nleaf || pd == y->nleaf)
			continue;
		ea = (x->nleaf - pa) * c->stride[a];
		ed = (y->nleaf - pd) * c->stride[d];
		use_pair(b, i, i + ed, i + ea, i + ea + ed);
	}
}

rx_err
rx_attack_bounds(const struct rx_cube *c, int64_t *lo, int64_t *hi,
    struct rx_status *st)
{
	struct bounds b = { c, lo, hi, true };
	unsigned a, d, pass;
	size_t i;

	for (i = 0; i < c->ncells; i++) {
		lo[i] = c->suppressed[i] ? c->lower[i] : c->value[i];
		hi[i] = c->suppressed[i] ? NONE : c->value[i];
	}
	for (pass = 0; b.changed && pass < PASSES_MAX; pass++) {
		b.changed = false;
		for (a = 0; a < c->naxes; a++) {
			use_axis(&b, a);
			for (d = a + 1; d < c->naxes; d++) {
				if (c->axis[a].multi && c->axis[d].multi)
					use_pairs(&b, a, d);
			}
		}
	}
	for (i = 0; i < c->ncells; i++) {
		if (lo[i] > c->value[i] || hi[i] < c->value[i])
			return (rx_stats_bug("attacker", st));
	}
	return (RX_OK);
}
