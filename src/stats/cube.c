#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

#define STAR UINT32_MAX
#define LEVELS_MAX 3
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
	free(c->least);
	free(c->most);
	free(c->other);
	free(c->needs);
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
	rc = rx_stats_alloc(&x->given, npos, sizeof(*x->given), st);
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

/* Collect the positions of a nest: the leaves, then their projections by
 * fewer and fewer levels, all "*" last; up as it will stand in the axis. */
static rx_err
nest_positions(struct rx_set *set, unsigned *up, unsigned levels,
    unsigned nleaf, const uint32_t *path, struct rx_status *st)
{
	unsigned nup = 1u << levels, mask, l, k;
	uint32_t tuple[LEVELS_MAX];
	size_t index;
	rx_err rc;

	for (mask = nup; mask-- > 0;) {
		for (l = 0; l < nleaf; l++) {
			for (k = 0; k < levels; k++)
				tuple[k] = mask & (1u << k) ?
				    path[l * levels + k] : STAR;
			rc = rx_set_add(set, tuple, &index, NULL, st);
			if (rc != RX_OK)
				return (rc);
			up[l * nup + (nup - 1 - mask)] = (unsigned)index;
		}
	}
	for (k = 0; k < levels; k++)
		tuple[k] = STAR;
	return (rx_set_add(set, tuple, NULL, NULL, st));
}

/* Whether position ${p} is a part of the line of margin ${q} over level j. */
static bool
is_part(const uint32_t *tuple, unsigned levels, unsigned q, unsigned p,
    unsigned j)
{
	const uint32_t *tq = &tuple[(size_t)q * levels];
	const uint32_t *tp = &tuple[(size_t)p * levels];
	unsigned k;

	for (k = 0; k < levels; k++) {
		if (k == j ? tp[k] == STAR : tp[k] != tq[k])
			return (false);
	}
	return (true);
}

/* Put the lines of a nest in x->lines, or only measure when that is NULL. */
static void
nest_lines(struct rx_axis *x, unsigned levels, const uint32_t *tuple)
{
	unsigned q, p, j, n;
	size_t at = 0;

	x->nlines = 0;
	for (q = 0; q < x->npos; q++) {
		for (j = 0; j < levels; j++) {
			if (tuple[(size_t)q * levels + j] != STAR)
				continue;
			for (n = 0, p = 0; p < x->npos; p++) {
				if (!is_part(tuple, levels, q, p, j))
					continue;
				if (x->lines != NULL)
					x->lines[at + 2 + n] = p;
				n++;
			}
			if (n == 0)
				continue;
			if (x->lines != NULL) {
				x->lines[at] = q;
				x->lines[at + 1] = n;
			}
			at += 2 + n;
			x->nlines++;
		}
	}
	x->linelen = at;
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
	unsigned p, k;
	rx_err rc;

	rc = new_axis(&x, c, nleaf, (unsigned)npos, 1u << levels, st);
	if (rc != RX_OK || x == NULL)
		return (rc);
	memcpy(x->up, up, (size_t)nleaf * x->nup * sizeof(*up));
	for (p = 0; p < x->npos; p++) {
		for (k = 0; k < levels; k++)
			x->given[p] += tuple[(size_t)p * levels + k] != STAR;
	}
	nest_lines(x, levels, tuple);
	rc = rx_stats_alloc(&x->lines, x->linelen, sizeof(*x->lines), st);
	if (rc != RX_OK)
		return (rc);
	nest_lines(x, levels, tuple);
	return (RX_OK);
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
	rc = rx_stats_alloc(&up, (size_t)nleaf << levels, sizeof(*up), st);
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

/* Room for one more of the elements of ${size} bytes in ${p}. */
static rx_err
room(void **p, size_t n, size_t *cap, size_t size, struct rx_status *st)
{
	size_t want = *cap > 0 ? 2 * *cap : 256;
	void *q;

	if (n < *cap)
		return (RX_OK);
	if ((q = realloc(*p, want * size)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	*p = q;
	*cap = want;
	return (RX_OK);
}

rx_err
rx_cube_fact(struct rx_cube *c, uint32_t child,
    const uint32_t *const leaf[RX_AXES_MAX], const uint32_t n[RX_AXES_MAX],
    struct rx_status *st)
{
	struct rx_fact *f;
	void *p;
	unsigned a;
	uint32_t k;
	rx_err rc;

	p = c->facts;
	rc = room(&p, c->nfacts, &c->factcap, sizeof(*c->facts), st);
	c->facts = p;
	if (rc != RX_OK)
		return (rc);
	f = &c->facts[c->nfacts];
	memset(f, 0, sizeof(*f));
	f->child = child;
	for (a = 0; a < c->naxes; a++) {
		f->at[a].off = (uint32_t)c->npool;
		f->at[a].n = n[a];
		for (k = 0; k < n[a]; k++) {
			p = c->pool;
			rc = room(&p, c->npool, &c->poolcap, sizeof(*c->pool),
			    st);
			c->pool = p;
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
	unsigned a, given, all = 0;
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

	for (a = 0; a < c->naxes; a++)
		all += c->axis[a].nleaf > 0 ? c->axis[a].given[0] : 0;

	/* A value is listed because something has it: everyone knows that. */
	for (k = 0; k < c->ncells; k++) {
		for (given = 0, a = 0; a < c->naxes; a++)
			given += c->axis[a].given[rx_cube_pos(c, k, a)];
		c->stars[k] = (int64_t)all - (int64_t)given;
		if (c->children[k] == 0)
			c->sole[k] = -1;
		c->lower[k] = given == 1 && c->value[k] > 0;
		c->least[k] = c->most[k] = c->other[k] = c->value[k];
	}
	return (RX_OK);
}
