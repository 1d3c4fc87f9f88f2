#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

/*
 * What is suppressed.  First what discloses by itself: a cell of fewer children
 * than the threshold, or of a smaller figure; and the cell that holds all of a
 * group on a sensitive dimension, which says of everyone in the group that he
 * has that value.  Each becomes one or two needs: how far from the truth the
 * cell must be able to lie.  Then, for each need, the cells that make it so
 * (move.c), less what turns out needless (trim.c).  At last the attacker tries
 * (attack.c); where he succeeds more is suppressed, a few times.
 *
 * A small figure v, 1 .. t-1, must be able to be anything in 1 .. t-1.  A
 * larger figure of few children: anything in 1 .. v+t-1.  The figure of a whole
 * group: t-1 less, while the group stays as it is.
 *
 * Then the same against a child who is alone in a cell, and so knows that cell:
 * he must not find out another small cell exactly.
 */

#define ROUNDS 3		/* of audit and mending */

rx_err
rx_need_add(struct rx_cube *c, const struct rx_need *need, size_t *index,
    struct rx_status *st)
{
	rx_err rc;

	rc = rx_room(&c->needs, c->nneeds, 1, &c->needcap, sizeof(*need), st);
	if (rc != RX_OK)
		return (rc);
	*index = c->nneeds;
	c->needs[c->nneeds++] = *need;
	return (RX_OK);
}

/* The cell ${cell} discloses by itself, and must be able to move by ${amount}. */
static rx_err
hide(struct rx_cube *c, size_t cell, int apart, int dir, int64_t amount,
    struct rx_status *st)
{
	const struct rx_need n = { .cell = (uint32_t)cell, .apart = apart,
	    .dir = dir, .amount = amount, .knower = -1 };
	size_t index;

	c->suppressed[cell] = c->primary[cell] = true;
	return (amount > 0 ? rx_need_add(c, &n, &index, st) : RX_OK);
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
		if ((rc = hide(c, i, -1, -1, v - 1, st)) != RX_OK)
			return (rc);
		rc = hide(c, i, -1, 1, v < t ? t - 1 - v : t - 1, st);
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
		rc = hide(c, part, (int)a, -1, amount, st);
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

/* The need of ${knower} that belongs to the guard ${g}; NULL. */
static struct rx_need *
knower_need(struct rx_cube *c, size_t g, int64_t knower)
{
	uint32_t k;

	for (k = c->needs[g].next; k != 0; k = c->needs[k - 1].next) {
		if (c->needs[k - 1].knower == knower)
			return (&c->needs[k - 1]);
	}
	return (NULL);
}

rx_err
rx_need_find(struct rx_cube *c, struct rx_need *n, bool free,
    struct rx_status *st)
{
	bool either = n->guard || n->knower >= 0;
	unsigned way;
	rx_err rc = RX_OK;

	/* Up or down is the same to a guard: first without a price. */
	for (way = 0; way < 4 && n->witness == 0 && rc == RX_OK; way++) {
		if ((way < 2 && !either && !free) || (way >= 2 && free))
			continue;
		rc = rx_move_find(c, n, way < 2, &n->witness, st);
		if (either && n->witness == 0)
			n->dir = -n->dir;
		else if (!either)
			break;
	}
	return (rc);
}

static rx_err
guard_from(struct rx_cube *c, size_t g, int64_t knower, bool free, bool *met,
    struct rx_status *st)
{
	struct rx_need n = { .cell = c->needs[g].cell, .apart = -1, .dir = 1,
	    .amount = 1, .knower = knower, .base = (uint32_t)g };
	const struct rx_need *old = knower_need(c, g, knower);
	size_t index;
	rx_err rc;

	if (old != NULL) {
		*met = *met && old->witness != 0;
		return (RX_OK);
	}
	if ((rc = rx_need_find(c, &n, free, st)) != RX_OK)
		return (rc);
	*met = *met && n.witness != 0;
	n.next = c->needs[g].next;
	if ((rc = rx_need_add(c, &n, &index, st)) == RX_OK)
		c->needs[g].next = (uint32_t)index + 1;
	return (rc);
}

rx_err
rx_guard_knowers(struct rx_cube *c, size_t index, uint32_t witness, bool free,
    bool *met, struct rx_status *st)
{
	int64_t own = c->sole[c->needs[index].cell], sole;
	struct rx_witness w;
	size_t k;
	rx_err rc;

	*met = witness != 0;
	if (witness == 0)
		return (RX_OK);
	w = c->witnesses[witness - 1];
	for (k = w.at; k < w.at + w.n && (*met || !free); k++) {
		sole = c->sole[c->changes[k].col];
		if (sole < 0 || sole == own)
			continue;
		rc = guard_from(c, index, sole, free, met, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/*
 * Guard every small cell.  One other table is found for it: only a child who
 * is alone in a cell that it changes can tell the two apart.  For each of them
 * there must be another table that leaves his cells as they are.
 */
static rx_err
find_guards(struct rx_cube *c, struct rx_status *st)
{
	struct rx_need n;
	size_t i, index;
	rx_err rc = RX_OK;

	for (i = 0; i < c->ncells && rc == RX_OK; i++) {
		if (c->children[i] == 0 || c->children[i] >= c->threshold)
			continue;
		n = (struct rx_need){ .cell = (uint32_t)i, .apart = -1,
		    .dir = 1, .amount = 1, .knower = -1, .guard = true };
		rc = rx_need_add(c, &n, &index, st);
	}
	return (rc);
}

/* ---- tables that show what is possible ---- */

/* A table found for another cell that shows what ${n} asks; 0. */
static uint32_t
shown_by(const struct rx_cube *c, const struct rx_need *n)
{
	int64_t v = c->value[n->cell];

	if (n->apart >= 0 || n->guard || n->knower >= 0)
		return (0);
	if (n->dir > 0)
		return (c->most[n->cell] >= v + n->amount ?
		    c->by_most[n->cell] : 0);
	return (c->least[n->cell] <= v - n->amount ? c->by_least[n->cell] : 0);
}

static void
remember(struct rx_cube *c, uint32_t witness)
{
	const struct rx_witness *w = &c->witnesses[witness - 1];
	const struct rx_term *t;
	int64_t v;
	size_t k;

	for (k = 0; k < w->n; k++) {
		t = &c->changes[w->at + k];
		v = c->value[t->col] + t->coef;
		if (v < c->least[t->col]) {
			c->least[t->col] = v;
			c->by_least[t->col] = witness;
		}
		if (v > c->most[t->col]) {
			c->most[t->col] = v;
			c->by_most[t->col] = witness;
		}
	}
}

/* Find a witness for every need that has none; guards get those of their
 * knowers, which are needs further on. */
static rx_err
provide(struct rx_cube *c, struct rx_status *st)
{
	struct rx_need n;
	size_t k;
	bool met;
	rx_err rc;

	for (k = 0; k < c->nneeds; k++) {
		n = c->needs[k];
		if (n.witness != 0 ||
		    (c->needs[k].witness = shown_by(c, &n)) != 0)
			continue;
		if ((rc = rx_need_find(c, &n, false, st)) != RX_OK)
			return (rc);
		n.next = c->needs[k].next;
		c->needs[k] = n;
		if (n.witness != 0)
			remember(c, n.witness);
		if (n.guard && (rc = rx_guard_knowers(c, k, n.witness, false,
		    &met, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* ---- mending ---- */

/* Suppress all lines through ${cell}, and ${depth} - 1 times those through
 * what that suppressed. */
static void
widen(struct rx_cube *c, size_t cell, unsigned depth)
{
	const struct rx_axis *x;
	unsigned a, k, here;
	size_t base, at;
	bool through;

	for (a = 0; a < c->naxes && depth > 0; a++) {
		x = &c->axis[a];
		here = rx_cube_pos(c, cell, a);
		base = cell - here * c->stride[a];
		for (at = 0; at < x->linelen; at += 2 + x->lines[at + 1]) {
			through = x->lines[at] == here;
			for (k = 0; k < x->lines[at + 1]; k++)
				through = through ||
				    x->lines[at + 2 + k] == here;
			if (!through)
				continue;
			c->suppressed[base + x->lines[at] * c->stride[a]] = true;
			for (k = 0; k < x->lines[at + 1]; k++) {
				c->suppressed[base + x->lines[at + 2 + k] *
				    c->stride[a]] = true;
				widen(c, base + x->lines[at + 2 + k] *
				    c->stride[a], depth - 1);
			}
		}
	}
}

/* Audit; for what is not met, suppress more around it and begin again. */
static rx_err
audit(struct rx_cube *c, struct rx_status *st)
{
	uint32_t *unmet;
	unsigned round;
	size_t n, k;
	rx_err rc;

	for (round = 1;; round++) {
		if ((rc = rx_cube_audit(c, &unmet, &n, st)) != RX_OK)
			return (rc);
		for (k = 0; k < n && round < ROUNDS; k++)
			widen(c, c->needs[unmet[k]].cell, round);
		free(unmet);
		if (n == 0)
			return (RX_OK);
		if (round == ROUNDS)
			return (rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_UNSAFE));
		if ((rc = provide(c, st)) != RX_OK ||
		    (rc = rx_cube_trim(c, st)) != RX_OK)
			return (rc);
	}
}

/* Whether anything but zeros is left to publish. */
bool
rx_cube_worth(const struct rx_cube *c)
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
	rx_err rc;

	if ((rc = find_small(c, st)) != RX_OK ||
	    (rc = find_groups(c, st)) != RX_OK ||
	    (rc = find_guards(c, st)) != RX_OK ||
	    (rc = provide(c, st)) != RX_OK ||
	    (rc = rx_cube_trim(c, st)) != RX_OK ||
	    (rc = audit(c, st)) != RX_OK)
		return (rc);
	if (!rx_cube_worth(c))
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_UNSAFE));
	return (RX_OK);
}
