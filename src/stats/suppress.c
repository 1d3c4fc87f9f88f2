#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

/*
 * What is suppressed.  First what discloses by itself: a cell of fewer children
 * than the threshold, or of a smaller figure; and the cell that holds all of a
 * group on a sensitive dimension, which says of everyone in the group that he
 * has that value.  Each becomes one or two needs: how far from the truth the
 * cell must be able to lie.  Then, for each need, the cells that make it so
 * (move.c).  At last the attacker tries (attack.c).
 *
 * A small figure v, 1 .. t-1, must be able to be anything in 1 .. t-1.  A
 * larger figure of few children: anything in 1 .. v+t-1.  The figure of a whole
 * group: t-1 less, while the group stays as it is.
 *
 * Then the same against a child who is alone in a cell, and so knows that cell:
 * he must not find out another small cell exactly.
 */

static rx_err
need(struct rx_cube *c, size_t cell, int apart, int dir, int64_t amount,
    struct rx_status *st)
{
	size_t cap = c->needcap > 0 ? 2 * c->needcap : 64;
	struct rx_need *p;

	c->suppressed[cell] = true;
	if (amount <= 0)
		return (RX_OK);
	if (c->nneeds == c->needcap) {
		if ((p = realloc(c->needs, cap * sizeof(*p))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		c->needs = p;
		c->needcap = cap;
	}
	c->needs[c->nneeds++] = (struct rx_need){ .cell = (uint32_t)cell,
	    .apart = apart, .dir = dir, .amount = amount, .knower = -1 };
	return (RX_OK);
}

static rx_err
find_small(struct rx_cube *c, struct rx_status *st)
{
	int64_t v, t = c->threshold;
	size_t i;
	rx_err rc;

	for (i = 0; i < c->ncells; i++) {
		v = c->value[i];
		if (v == 0 || (v >= t && c->children[i] >= t))
			continue;
		if ((rc = need(c, i, -1, -1, v - 1, st)) != RX_OK)
			return (rc);
		rc = need(c, i, -1, 1, v < t ? t - 1 - v : t - 1, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* The parts of the line through margin ${i} that hold all of it. */
static rx_err
find_full(struct rx_cube *c, size_t i, unsigned a, struct rx_status *st)
{
	const struct rx_axis *x = &c->axis[a];
	int64_t v = c->value[i], amount;
	unsigned l;
	size_t part;
	rx_err rc;

	for (l = 0; l < x->nleaf; l++) {
		part = i - (x->nleaf - l) * c->stride[a];
		if ((int)l == x->silent || c->value[part] != v)
			continue;
		amount = v - c->lower[part];
		if (amount > c->threshold - 1)
			amount = c->threshold - 1;
		rc = need(c, part, (int)a, -1, amount, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
find_groups(struct rx_cube *c, struct rx_status *st)
{
	const struct rx_axis *x;
	unsigned a;
	size_t i;
	rx_err rc;

	for (a = 0; a < c->naxes; a++) {
		x = &c->axis[a];
		for (i = 0; i < c->ncells; i++) {
			if (!x->sensitive || x->nleaf < 2 || c->value[i] == 0 ||
			    rx_cube_pos(c, i, a) != x->nleaf)
				continue;
			if ((rc = find_full(c, i, a, st)) != RX_OK)
				return (rc);
		}
	}
	return (RX_OK);
}

/* ---- those who know a cell ---- */

/*
 * Guard the small cell ${i}.  One other table is found for it: only a child who
 * is alone in a cell that it changes can tell the two apart.  For each of them
 * there must be another table that leaves his cells as they are.
 */
static rx_err
guard_cell(struct rx_cube *c, size_t i, struct rx_buf *alone,
    struct rx_status *st)
{
	struct rx_need n = { .cell = (uint32_t)i, .apart = -1, .dir = 1,
	    .amount = 1, .knower = -1 };
	uint32_t child;
	size_t k;
	rx_err rc;

	rx_buf_reset(alone);
	if ((rc = rx_move_provide(c, &n, alone, st)) != RX_OK)
		return (rc);
	for (k = 0; k < alone->len; k += sizeof(child)) {
		memcpy(&child, &alone->b[k], sizeof(child));
		n.knower = child;
		if ((rc = rx_move_provide(c, &n, NULL, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
guard(struct rx_cube *c, struct rx_status *st)
{
	struct rx_buf alone = RX_BUF_INIT;
	rx_err rc = RX_OK;
	size_t i;

	for (i = 0; i < c->ncells && rc == RX_OK; i++) {
		if (c->children[i] > 0 && c->children[i] < c->threshold)
			rc = guard_cell(c, i, &alone, st);
	}
	rx_buf_free(&alone);
	return (rc);
}

/* Every need against what the attacker found; and no suppressed cell pinned. */
static rx_err
audit(const struct rx_cube *c, struct rx_status *st)
{
	const struct rx_need *n;
	int64_t *lo, *hi, v;
	size_t k;
	bool safe = true;
	rx_err rc;

	if ((rc = rx_stats_alloc(&lo, c->ncells, sizeof(*lo), st)) != RX_OK)
		goto err0;
	if ((rc = rx_stats_alloc(&hi, c->ncells, sizeof(*hi), st)) != RX_OK)
		goto err1;
	if ((rc = rx_attack_bounds(c, lo, hi, st)) != RX_OK)
		goto err2;
	for (k = 0; k < c->nneeds; k++) {
		n = &c->needs[k];
		v = c->value[n->cell];
		safe = safe && (n->dir < 0 ? lo[n->cell] <= v - n->amount :
		    hi[n->cell] >= v + n->amount);
	}
	for (k = 0; k < c->ncells; k++)
		safe = safe && (!c->suppressed[k] || lo[k] < hi[k]);
	if (!safe)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_UNSAFE);
	/* FALLTHROUGH */
err2:
	free(hi);
err1:
	free(lo);
err0:
	return (rc);
}

/* Whether anything but zeros is left to publish. */
static bool
worth_publishing(const struct rx_cube *c)
{
	size_t i;

	for (i = 0; i < c->ncells; i++) {
		if (!c->suppressed[i] && c->value[i] > 0)
			return (true);
	}
	return (c->value[c->ncells - 1] == 0);
}

rx_err
rx_cube_protect(struct rx_cube *c, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	if ((rc = find_small(c, st)) != RX_OK ||
	    (rc = find_groups(c, st)) != RX_OK)
		return (rc);
	for (k = 0; k < c->nneeds; k++) {
		if ((rc = rx_move_provide(c, &c->needs[k], NULL,
		    st)) != RX_OK)
			return (rc);
	}
	if ((rc = guard(c, st)) != RX_OK || (rc = audit(c, st)) != RX_OK)
		return (rc);
	if (!worth_publishing(c))
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_UNSAFE));
	return (RX_OK);
}
