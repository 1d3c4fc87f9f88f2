#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

#define STAR UINT32_MAX
#define LEVELS_MAX RX_DIMS_MAX
#define POSITIONS_MAX 256	/* of one thing on one axis */

rx_err
rx_cube_new(struct rx_cube **out, unsigned threshold, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_stats_alloc(out, 1, sizeof(**out), st)) != RX_OK)
		return (rc);
	(*out)->threshold = threshold;
	return (RX_OK);
}

void
rx_cube_free(struct rx_cube *c)
{
	unsigned a;

	if (c == NULL)
		return;
	for (a = 0; a < c->naxes; a++) {
		free(c->axis[a].up);
		free(c->axis[a].given);
		free(c->axis[a].stars);
		free(c->axis[a].lines);
	}
	free(c->facts);
	free(c->pool);
	free(c->value);
	free(c->children);
	free(c->sole);
	free(c->stars);
	free(c->lower);
	free(c->suppressed);
	free(c->primary);
	free(c->least);
	free(c->most);
	free(c->other);
	free(c->needs);
	free(c->witnesses);
	free(c->changes);
	free(c->by_least);
	free(c->by_most);
	free(c);
}

/* ---- axes ---- */

/* The next axis; its arrays of ${npos} positions. */
static rx_err
new_axis(struct rx_axis **out, struct rx_cube *c, unsigned nleaf,
    unsigned npos, unsigned nup, struct rx_status *st)
{
	struct rx_axis *x;
	rx_err rc;

	if (c->naxes == RX_AXES_MAX)
		return (rx_stats_bug("axes", st));
	x = &c->axis[c->naxes++];
	x->nleaf = nleaf;
	x->npos = npos;
	x->nup = nup;
	x->silent = -1;
	rc = rx_stats_alloc(&x->up, (size_t)nleaf * nup, sizeof(*x->up), st);
	if (rc != RX_OK)
		return (rc);
	if ((rc = rx_stats_alloc(&x->given, npos, sizeof(*x->given), st)) ==
	    RX_OK)
		rc = rx_stats_alloc(&x->stars, npos, sizeof(*x->stars), st);
	*out = x;
	return (rc);
}

rx_err
rx_cube_axis(struct rx_cube *c, unsigned nleaf, bool multi, bool sensitive,
    int silent, struct rx_status *st)
{
	struct rx_axis *x = NULL;
	unsigned l;
	rx_err rc;

	rc = new_axis(&x, c, nleaf, nleaf + 1, 2, st);
	if (rc != RX_OK || x == NULL)
		return (rc);
	x->multi = multi;
	x->sensitive = sensitive;
	x->silent = silent;
	x->nlines = nleaf > 0;
	x->linelen = nleaf > 0 ? 2 + (size_t)nleaf : 0;
	rc = rx_stats_alloc(&x->lines, x->linelen, sizeof(*x->lines), st);
	if (rc != RX_OK)
		return (rc);
	x->stars[nleaf] = 1;
	for (l = 0; l < nleaf; l++) {
		x->up[2 * l] = l;
		x->up[2 * l + 1] = nleaf;
		x->given[l] = 1;
		x->lines[2 + l] = l;
	}
	if (nleaf > 0) {
		x->lines[0] = nleaf;
		x->lines[1] = nleaf;
	}
	return (RX_OK);
}

/* Whether every value has the same values above it wherever it occurs. */
static rx_err
check_nested(unsigned levels, unsigned nleaf, const uint32_t *path,
    struct rx_status *st)
{
	struct rx_set seen = { .size = 2 * sizeof(uint32_t) };
	uint32_t *first, key[2];
	size_t index;
	unsigned l, k;
	bool added;
	rx_err rc;

	rc = rx_stats_alloc(&first, (size_t)nleaf * levels, sizeof(*first),
	    st);
	for (l = 0; l < nleaf && rc == RX_OK; l++) {
		for (k = 0; k < levels && rc == RX_OK; k++) {
			key[0] = k;
			key[1] = path[l * levels + k];
			rc = rx_set_add(&seen, key, &index, &added, st);
			if (rc != RX_OK)
				break;
			if (added)
				first[index] = l;
			else if (memcmp(&path[first[index] * levels],
			    &path[l * levels], k * sizeof(*path)) != 0)
				rc = rx_stats_bug("nest", st);
		}
	}
	rx_set_free(&seen);
	free(first);
	return (rc);
}

/* Collect the positions of a nest: the leaves, then what holds them at fewer
 * and fewer levels, all "*" last; up as it will stand in the axis. */
static rx_err
nest_positions(struct rx_set *set, unsigned *up, unsigned levels,
    unsigned nleaf, const uint32_t *path, struct rx_status *st)
{
	uint32_t tuple[LEVELS_MAX];
	unsigned l, k, j;
	size_t index;
	rx_err rc;

	for (j = 0; j <= levels; j++) {
		for (l = 0; l < nleaf; l++) {
			for (k = 0; k < levels; k++)
				tuple[k] = k < levels - j ?
				    path[l * levels + k] : STAR;
			rc = rx_set_add(set, tuple, &index, NULL, st);
			if (rc != RX_OK)
				return (rc);
			up[l * (levels + 1) + j] = (unsigned)index;
		}
	}
	for (k = 0; k < levels; k++)
		tuple[k] = STAR;
	return (rx_set_add(set, tuple, NULL, NULL, st));
}

/* The position that holds ${p} next; its own for the last. */
static void
find_parents(unsigned *parent, const struct rx_axis *x)
{
	unsigned l, j, p;

	for (p = 0; p < x->npos; p++)
		parent[p] = x->npos - 1;
	for (l = 0; l < x->nleaf; l++) {
		for (j = 0; j + 1 < x->nup; j++)
			parent[x->up[l * x->nup + j]] =
			    x->up[l * x->nup + j + 1];
	}
}

/* A line for everything that has parts; ${parent} is per position. */
static rx_err
nest_lines(struct rx_axis *x, const unsigned *parent, struct rx_status *st)
{
	unsigned *parts, *at, p;
	size_t n = 0;
	rx_err rc;

	if ((rc = rx_stats_alloc(&parts, x->npos, sizeof(*parts), st)) !=
	    RX_OK)
		return (rc);
	for (p = 0; p + 1 < x->npos; p++)
		parts[parent[p]]++;
	for (p = 0; p < x->npos; p++) {
		x->nlines += parts[p] > 0;
		x->linelen += parts[p] > 0 ? 2 + (size_t)parts[p] : 0;
	}
	if ((rc = rx_stats_alloc(&x->lines, x->linelen, sizeof(*x->lines),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&at, x->npos, sizeof(*at), st)) != RX_OK) {
		free(parts);
		return (rc);
	}
	for (p = 0; p < x->npos; p++) {
		if (parts[p] == 0)
			continue;
		x->lines[n] = p;
		x->lines[n + 1] = parts[p];
		at[p] = (unsigned)n + 2;
		n += 2 + (size_t)parts[p];
	}
	for (p = 0; p + 1 < x->npos; p++)
		x->lines[at[parent[p]]++] = p;
	free(at);
	free(parts);
	return (RX_OK);
}

static rx_err
too_large(struct rx_status *st)
{
	rx_err rc = rx_fail(st, RX_EUSAGE, RX_MSG_TABLE_TOO_LARGE);

	rx_status_arg(st, "cells", "%d", RX_CELLS_MAX);
	rx_status_arg(st, "dims", "%d", RX_DIMS_MAX);
	return (rc);
}

/* The axis of the positions in ${set}, whose ${tuple}s are laid out already. */
static rx_err
nest_axis(struct rx_cube *c, unsigned levels, unsigned nleaf,
    const unsigned *up, const uint32_t *tuple, size_t npos,
    struct rx_status *st)
{
	struct rx_axis *x = NULL;
	unsigned p, k, *parent;
	rx_err rc;

	rc = new_axis(&x, c, nleaf, (unsigned)npos, levels + 1, st);
	if (rc != RX_OK || x == NULL)
		return (rc);
	memcpy(x->up, up, (size_t)nleaf * x->nup * sizeof(*up));
	for (p = 0; p < x->npos; p++) {
		/* known by its finest value alone */
		x->given[p] = tuple[(size_t)p * levels] != STAR;
		for (k = 0; k < levels; k++)
			x->stars[p] += tuple[(size_t)p * levels + k] == STAR;
	}
	if ((rc = rx_stats_alloc(&parent, npos, sizeof(*parent), st)) != RX_OK)
		return (rc);
	find_parents(parent, x);
	rc = nest_lines(x, parent, st);
	free(parent);
	return (rc);
}

rx_err
rx_cube_nest(struct rx_cube *c, unsigned levels, unsigned nleaf,
    const uint32_t *path, uint32_t **tuple, struct rx_status *st)
{
	struct rx_set set = { .size = levels * sizeof(uint32_t) };
	unsigned *up;
	rx_err rc;

	*tuple = NULL;
	if (levels == 0 || levels > LEVELS_MAX)
		return (rx_stats_bug("levels", st));
	if (nleaf >= RX_CELLS_MAX)
		return (too_large(st));
	if ((rc = check_nested(levels, nleaf, path, st)) != RX_OK)
		goto err0;
	rc = rx_stats_alloc(&up, (size_t)nleaf * (levels + 1), sizeof(*up),
	    st);
	if (rc != RX_OK)
		goto err0;
	if ((rc = nest_positions(&set, up, levels, nleaf, path, st)) != RX_OK)
		goto err1;
	if (set.n > RX_CELLS_MAX) {
		rc = too_large(st);
		goto err1;
	}
	rc = rx_stats_alloc(tuple, set.n * levels, sizeof(**tuple), st);
	if (rc != RX_OK)
		goto err1;
	memcpy(*tuple, set.keys, set.n * set.size);
	rc = nest_axis(c, levels, nleaf, up, *tuple, set.n, st);
	/* FALLTHROUGH */
err1:
	rx_set_free(&set);
	free(up);
err0:
	if (rc != RX_OK) {
		free(*tuple);
		*tuple = NULL;
	}
	return (rc);
}

/* ---- facts ---- */

rx_err
rx_cube_fact(struct rx_cube *c, uint32_t child,
    const uint32_t *const leaf[RX_AXES_MAX], const uint32_t n[RX_AXES_MAX],
    struct rx_status *st)
{
	struct rx_fact *f;
	unsigned a;
	uint32_t k;
	rx_err rc;

	rc = rx_room(&c->facts, c->nfacts, 1, &c->factcap, sizeof(*c->facts),
	    st);
	if (rc != RX_OK)
		return (rc);
	f = &c->facts[c->nfacts];
	memset(f, 0, sizeof(*f));
	f->child = child;
	for (a = 0; a < c->naxes; a++) {
		f->at[a].off = (uint32_t)c->npool;
		f->at[a].n = n[a];
		for (k = 0; k < n[a]; k++) {
			rc = rx_room(&c->pool, c->npool, 1, &c->poolcap,
			    sizeof(*c->pool), st);
			if (rc != RX_OK)
				return (rc);
			c->pool[c->npool++] = leaf[a][k];
		}
	}
	c->nfacts++;
	return (RX_OK);
}

/* ---- counting ---- */

unsigned
rx_cube_pos(const struct rx_cube *c, size_t i, unsigned a)
{

	return ((unsigned)(i / c->stride[a] % c->axis[a].npos));
}

static rx_err
layout(struct rx_cube *c, struct rx_status *st)
{
	size_t n = 1;
	unsigned a;

	/* The last axis runs fastest. */
	for (a = c->naxes; a-- > 0;) {
		c->stride[a] = n;
		n *= c->axis[a].npos;
		if (n > RX_CELLS_MAX)
			return (too_large(st));
	}
	c->ncells = n;
	return (RX_OK);
}

static rx_err
arrays(struct rx_cube *c, struct rx_status *st)
{
	int64_t **v[] = {
		&c->value, &c->children, &c->sole, &c->stars, &c->lower,
		&c->least, &c->most, &c->other
	};
	size_t k;
	rx_err rc;

	for (k = 0; k < sizeof(v) / sizeof(*v); k++) {
		rc = rx_stats_alloc(v[k], c->ncells, sizeof(int64_t), st);
		if (rc != RX_OK)
			return (rc);
	}
	if ((rc = rx_stats_alloc(&c->by_least, c->ncells, sizeof(uint32_t),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&c->by_most, c->ncells, sizeof(uint32_t),
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_stats_alloc(&c->primary, c->ncells, sizeof(bool), st)) !=
	    RX_OK)
		return (rc);
	return (rx_stats_alloc(&c->suppressed, c->ncells, sizeof(bool), st));
}

/* The positions that hold fact ${f} on axis ${a}, each once. */
static unsigned
fact_positions(unsigned *pos, const struct rx_cube *c, const struct rx_fact *f,
    unsigned a)
{
	const struct rx_axis *x = &c->axis[a];
	unsigned n = 0, u;
	uint32_t k;

	for (k = 0; k < f->at[a].n; k++) {
		/* "*" is common to all leaves: once, at the end. */
		for (u = 0; u < x->nup - 1 && n < POSITIONS_MAX - 1; u++)
			pos[n++] = x->up[c->pool[f->at[a].off + k] * x->nup +
			    u];
	}
	pos[n++] = x->npos - 1;
	return (n);
}

/* Count ${f} in every cell that holds it; last[cell] is the child that was
 * counted there last, plus one. */
static void
count_fact(struct rx_cube *c, const struct rx_fact *f, uint32_t *last)
{
	unsigned pos[RX_AXES_MAX][POSITIONS_MAX], n[RX_AXES_MAX];
	unsigned at[RX_AXES_MAX] = { 0 }, a;
	size_t i;

	for (a = 0; a < c->naxes; a++)
		n[a] = fact_positions(pos[a], c, f, a);
	do {
		for (i = 0, a = 0; a < c->naxes; a++)
			i += pos[a][at[a]] * c->stride[a];
		c->value[i]++;
		if (last[i] != f->child + 1) {
			last[i] = f->child + 1;
			c->sole[i] = c->children[i]++ == 0 ?
			    (int64_t)f->child : -1;
		}
		for (a = 0; a < c->naxes && ++at[a] == n[a]; a++)
			at[a] = 0;
	} while (a < c->naxes);
}

static int
by_child(const void *a, const void *b)
{
	const struct rx_fact *x = a, *y = b;

	if (x->child != y->child)
		return (x->child < y->child ? -1 : 1);
	return (x->at[0].off < y->at[0].off ? -1 :
	    x->at[0].off > y->at[0].off);
}

rx_err
rx_cube_count(struct rx_cube *c, struct rx_status *st)
{
	uint32_t *last;
	size_t k;
	unsigned a, given;
	rx_err rc;

	if ((rc = layout(c, st)) != RX_OK || (rc = arrays(c, st)) != RX_OK)
		return (rc);
	rc = rx_stats_alloc(&last, c->ncells, sizeof(*last), st);
	if (rc != RX_OK)
		return (rc);
	if (c->nfacts > 0)
		qsort(c->facts, c->nfacts, sizeof(*c->facts), by_child);
	for (k = 0; k < c->nfacts; k++)
		count_fact(c, &c->facts[k], last);
	free(last);

	/* A value is listed because something has it: everyone knows that. */
	for (k = 0; k < c->ncells; k++) {
		for (given = 0, a = 0; a < c->naxes; a++) {
			given += c->axis[a].given[rx_cube_pos(c, k, a)];
			c->stars[k] += c->axis[a].stars[rx_cube_pos(c, k, a)];
		}
		if (c->children[k] == 0)
			c->sole[k] = -1;
		c->lower[k] = given == 1 && c->value[k] > 0;
		c->least[k] = c->most[k] = c->other[k] = c->value[k];
	}
	return (RX_OK);
}
