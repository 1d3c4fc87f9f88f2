#include <stdlib.h>
#include <string.h>

#include "stats/table.h"

static const struct rx_thing *
thing_at(const struct rx_tab *t, size_t k)
{

	return ((const struct rx_thing *)(const void *)t->things.b + k);
}

static int64_t
pool_at(const struct rx_tab *t, size_t k)
{
	int64_t v;

	memcpy(&v, &t->pool.b[k * sizeof(v)], sizeof(v));
	return (v);
}

static int
by_value(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x < y ? -1 : x > y);
}

/* The place of ${v} among the values of dimension ${d}.  In a private table,
 * whose values are fixed, one that is not listed counts as the table's own
 * unit, or as not recorded. */
static uint32_t
place(const struct rx_tab *t, size_t d, int64_t v)
{
	const struct rx_values *x = &t->values[d];
	const int64_t *p = bsearch(&v, x->v, x->n, sizeof(v), by_value);

	if (p == NULL)
		p = rx_dim_infos[t->req.dims[d]].family == RX_FAMILY_UNIT ?
		    x->v : &x->v[x->n - 1];
	return ((uint32_t)(p - x->v));
}

/*
 * A sensitive dimension on which only one value occurs would say of everyone
 * that he has it: another value of its list is listed beside it.
 */
static void
pad(struct rx_values *x, const struct rx_dim_info *info)
{
	const struct rx_code *codes;
	size_t n, k;

	if (!info->sensitive || x->n != 1 || x->v[0] == RX_VALUE_NONE)
		return;
	codes = rx_codes(info->list, &n);
	for (k = 0; k < n; k++) {
		if (codes[k].no == x->v[0])
			continue;
		x->v[x->n++] = codes[k].no;
		qsort(x->v, x->n, sizeof(*x->v), by_value);
		return;
	}
}

/* Collect the values that occur on dimension ${d}, sorted, each once. */
static rx_err
collect(struct rx_tab *t, size_t d, struct rx_status *st)
{
	struct rx_values *x = &t->values[d];
	struct rx_set seen = { .size = sizeof(int64_t) };
	const struct rx_thing *thing;
	size_t things = t->things.len / sizeof(*thing), k, j;
	int64_t v;
	rx_err rc = RX_OK;

	for (k = 0; k < things && rc == RX_OK; k++) {
		thing = thing_at(t, k);
		for (j = 0; j < thing->at[d].n && rc == RX_OK; j++) {
			v = pool_at(t, thing->at[d].off + j);
			rc = rx_set_add(&seen, &v, NULL, NULL, st);
		}
	}
	if (rc == RX_OK)
		rc = rx_stats_alloc(&x->v, seen.n + 1, sizeof(v), st);
	if (rc == RX_OK && seen.n > 0) {
		memcpy(x->v, seen.keys, seen.n * sizeof(v));
		x->n = seen.n;
		qsort(x->v, x->n, sizeof(v), by_value);
		pad(x, &rx_dim_infos[t->req.dims[d]]);
	}
	rx_set_free(&seen);
	if (rc == RX_OK && x->n >= RX_CELLS_MAX)
		rc = rx_table_too_large(st);
	return (rc);
}

/* The dimensions of each family, the coarsest first.  Dates nest only when more
 * than one of them was asked for. */
static void
find_nests(struct rx_tab *t)
{
	static const enum rx_dim order[] = {
		RX_DIM_PROVINCE, RX_DIM_CITY, RX_DIM_COUNTY, RX_DIM_TOWNSHIP,
		RX_DIM_VILLAGE, RX_DIM_YEAR, RX_DIM_QUARTER, RX_DIM_MONTH
	};
	struct rx_nest *nest;
	size_t k, d;

	for (k = 0; k < sizeof(order) / sizeof(*order); k++) {
		for (d = 0; d < t->req.ndims; d++) {
			if (t->req.dims[d] != order[k])
				continue;
			nest = &t->nests[rx_dim_infos[order[k]].family];
			nest->dim[nest->levels++] = d;
		}
	}
	if (t->nests[RX_FAMILY_DATE].levels == 1)
		t->nests[RX_FAMILY_DATE].levels = 0;
}

int64_t
rx_value_above(enum rx_dim dim, enum rx_dim finest, int64_t v)
{
	char unit[RX_UNIT_BYTES], above[RX_UNIT_BYTES];

	if (rx_dim_infos[dim].family == RX_FAMILY_DATE)
		return (v * rx_dim_months(finest) / rx_dim_months(dim));
	rx_value_unit(unit, v);
	rx_unit_ancestor(above, unit, rx_dim_level(dim));
	return (rx_unit_value(above));
}

/*
 * What the document shows of a nest: every position once for each choice of the
 * coarser dimensions that are named beside its finest one ("*" or their value,
 * which is the same figure).  In order of those choices, all named first.
 */
static rx_err
list_shown(struct rx_nest *nest, size_t npos, struct rx_status *st)
{
	unsigned mask = 1u << nest->levels;
	size_t p, k;
	rx_err rc;

	rc = rx_stats_alloc(&nest->shown, npos << (nest->levels - 1),
	    sizeof(*nest->shown), st);
	if (rc != RX_OK)
		return (rc);
	while (mask-- > 0) {
		for (p = 0; p < npos; p++) {
			for (k = nest->levels; k > 0 && nest->tuple[p *
			    nest->levels + k - 1] == UINT32_MAX; k--)
				continue;
			/* k levels are given: the finest must be named */
			if (mask >> k != 0 ||
			    (k > 0 && !(mask & (1u << (k - 1)))))
				continue;
			nest->shown[nest->nshown].pos = (uint32_t)p;
			nest->shown[nest->nshown++].mask = mask;
		}
	}
	return (RX_OK);
}

/* The axis of a nest: its leaves are the finest values, each with what it has
 * at every level. */
static rx_err
make_nest(struct rx_tab *t, struct rx_nest *nest, struct rx_status *st)
{
	size_t finest = nest->dim[nest->levels - 1], l, d;
	const struct rx_values *x = &t->values[finest];
	uint32_t *path;
	unsigned k;
	rx_err rc;

	rc = rx_stats_alloc(&path, x->n * nest->levels, sizeof(*path), st);
	if (rc != RX_OK)
		return (rc);
	for (l = 0; l < x->n; l++) {
		for (k = 0; k < nest->levels; k++) {
			d = nest->dim[k];
			path[l * nest->levels + k] = place(t, d,
			    rx_value_above(t->req.dims[d], t->req.dims[finest],
			    x->v[l]));
		}
	}
	nest->axis = t->cube->naxes;
	rc = rx_cube_nest(t->cube, nest->levels, (unsigned)x->n, path,
	    &nest->tuple, st);
	free(path);
	if (rc != RX_OK)
		return (rc);
	for (k = 0; k < nest->levels; k++) {
		t->values[nest->dim[k]].axis = nest->axis;
		t->values[nest->dim[k]].level = k;
		t->values[nest->dim[k]].nest = nest;
	}
	return (list_shown(nest, t->cube->axis[nest->axis].npos, st));
}

static rx_err
make_axes(struct rx_tab *t, struct rx_status *st)
{
	const struct rx_dim_info *info;
	struct rx_values *x;
	size_t d;
	int silent;
	unsigned f;
	rx_err rc;

	for (f = 0; f < RX_FAMILIES; f++) {
		if (t->nests[f].levels > 0 &&
		    (rc = make_nest(t, &t->nests[f], st)) != RX_OK)
			return (rc);
	}
	for (d = 0; d < t->req.ndims; d++) {
		info = &rx_dim_infos[t->req.dims[d]];
		x = &t->values[d];
		if (x->nest != NULL)
			continue;
		silent = x->n > 0 && x->v[x->n - 1] == RX_VALUE_NONE ?
		    (int)x->n - 1 : -1;
		x->axis = t->cube->naxes;
		rc = rx_cube_axis(t->cube, (unsigned)x->n, info->multi,
		    info->sensitive, silent, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Put the leaves of ${thing} on the axis of dimension ${d} in ${leaf}. */
static uint32_t
leaves(const struct rx_tab *t, const struct rx_thing *thing, size_t d,
    uint32_t *leaf, size_t max)
{
	size_t k;

	for (k = 0; k < thing->at[d].n && k < max; k++)
		leaf[k] = place(t, d, pool_at(t, thing->at[d].off + k));
	return ((uint32_t)k);
}

static rx_err
add_facts(struct rx_tab *t, struct rx_status *st)
{
	uint32_t leaf[RX_AXES_MAX][128], n[RX_AXES_MAX] = { 0 };
	const uint32_t *const p[RX_AXES_MAX] = {
		leaf[0], leaf[1], leaf[2], leaf[3]
	};
	const struct rx_thing *thing;
	const struct rx_nest *nest;
	size_t things = t->things.len / sizeof(*thing), k, d;
	unsigned axis;
	rx_err rc;

	for (k = 0; k < things; k++) {
		thing = thing_at(t, k);
		for (d = 0; d < t->req.ndims; d++) {
			/* of a nest the finest dimension only */
			nest = t->values[d].nest;
			if (nest != NULL && d != nest->dim[nest->levels - 1])
				continue;
			axis = t->values[d].axis;
			n[axis] = leaves(t, thing, d, leaf[axis], 128);
		}
		if ((rc = rx_cube_fact(t->cube, thing->kid, p, n, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* The nest that axis ${a} is; NULL. */
static const struct rx_nest *
nest_of(const struct rx_tab *t, unsigned a)
{
	unsigned f;

	for (f = 0; f < RX_FAMILIES; f++) {
		if (t->nests[f].levels > 0 && t->nests[f].axis == a)
			return (&t->nests[f]);
	}
	return (NULL);
}

/* How many cells the document has, and along each axis. */
static rx_err
count_shown(struct rx_tab *t, struct rx_status *st)
{
	const struct rx_nest *nest;
	unsigned a;

	t->nshown = 1;
	for (a = 0; a < t->cube->naxes; a++) {
		nest = nest_of(t, a);
		t->shown[a] = nest != NULL ? nest->nshown :
		    t->cube->axis[a].npos;
		t->nshown *= t->shown[a];
		if (t->nshown > RX_CELLS_MAX)
			return (rx_table_too_large(st));
	}
	return (RX_OK);
}

rx_err
rx_tab_cube(struct rx_tab *t, struct rx_status *st)
{
	size_t d;
	rx_err rc;

	if ((rc = rx_cube_new(&t->cube, t->req.threshold, st)) != RX_OK)
		return (rc);
	for (d = 0; d < t->req.ndims; d++) {
		rc = t->req.epsilon > 0 ? rx_tab_domain(t, d, st) :
		    collect(t, d, st);
		if (rc != RX_OK)
			return (rc);
	}
	find_nests(t);
	if ((rc = make_axes(t, st)) != RX_OK ||
	    (rc = count_shown(t, st)) != RX_OK ||
	    (rc = add_facts(t, st)) != RX_OK)
		return (rc);
	return (rx_cube_count(t->cube, st));
}

size_t
rx_tab_cell(const struct rx_tab *t, size_t i)
{
	const struct rx_nest *nest;
	size_t cell = 0;
	unsigned a;

	for (a = t->cube->naxes; a-- > 0; i /= t->shown[a]) {
		nest = nest_of(t, a);
		cell += t->cube->stride[a] * (nest != NULL ?
		    nest->shown[i % t->shown[a]].pos : i % t->shown[a]);
	}
	return (cell);
}

bool
rx_tab_key(const struct rx_tab *t, size_t i, size_t d, int64_t *v)
{
	const struct rx_values *x = &t->values[d];
	unsigned pos = rx_cube_pos(t->cube, i, x->axis);
	size_t k = pos;

	if (x->nest != NULL)
		k = x->nest->tuple[(size_t)pos * x->nest->levels + x->level];
	if (k >= x->n)
		return (false);
	*v = x->v[k];
	return (true);
}

bool
rx_tab_shown_key(const struct rx_tab *t, size_t i, size_t d, int64_t *v)
{
	const struct rx_values *x = &t->values[d];
	size_t cell = rx_tab_cell(t, i);
	unsigned a;

	for (a = t->cube->naxes; a-- > x->axis + 1;)
		i /= t->shown[a];
	if (x->nest != NULL && !(x->nest->shown[i % t->shown[x->axis]].mask &
	    (1u << x->level)))
		return (false);
	return (rx_tab_key(t, cell, d, v));
}
