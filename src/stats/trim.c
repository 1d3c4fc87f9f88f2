#include <stdlib.h>

#include "stats/internal.h"

/*
 * Publishing again what was suppressed for others and has become needless: cell
 * by cell, the dearest first.  A cell may be published when for every need
 * whose witness changes it there is another witness within what is still
 * suppressed.  What is left cannot be made smaller by one cell (though perhaps
 * by an exchange).
 */

#define NIL UINT32_MAX

struct use {				/* a need whose witness changes a cell */
	uint32_t need, witness, next;
};

struct trim {
	struct rx_cube *c;
	uint32_t *head;			/* per cell */
	struct use *uses;
	size_t nuses, usecap;
	struct fresh {			/* new witnesses of a trial */
		uint32_t need, witness;
		int dir;
	} *fresh;
	size_t nfresh, freshcap;
};

static rx_err
note_uses(struct trim *t, uint32_t need, struct rx_status *st)
{
	const struct rx_cube *c = t->c;
	uint32_t witness = c->needs[need].witness, cell;
	struct rx_witness w;
	size_t k;
	rx_err rc;

	if (witness == 0)
		return (RX_OK);
	w = c->witnesses[witness - 1];
	rc = rx_room(&t->uses, t->nuses, w.n, &t->usecap, sizeof(*t->uses),
	    st);
	if (rc != RX_OK)
		return (rc);
	for (k = w.at; k < w.at + w.n; k++) {
		cell = c->changes[k].col;
		t->uses[t->nuses] = (struct use){ need, witness,
		    t->head[cell] };
		t->head[cell] = (uint32_t)t->nuses++;
	}
	return (RX_OK);
}

/* Find another witness for the need ${k} within what is suppressed. */
static rx_err
replace(struct trim *t, uint32_t k, bool *found, struct rx_status *st)
{
	struct rx_need need = t->c->needs[k];
	rx_err rc;

	*found = false;
	need.witness = 0;
	if ((rc = rx_need_find(t->c, &need, true, st)) != RX_OK ||
	    need.witness == 0)
		return (rc);
	*found = true;
	if (need.guard && (rc = rx_guard_knowers(t->c, k, need.witness, true,
	    found, st)) != RX_OK)
		return (rc);
	rc = rx_room(&t->fresh, t->nfresh, 1, &t->freshcap, sizeof(*t->fresh),
	    st);
	if (rc != RX_OK)
		return (rc);
	t->fresh[t->nfresh++] = (struct fresh){ k, need.witness, need.dir };
	return (RX_OK);
}

/* The trial failed: forget what it made. */
static void
forget(struct trim *t, size_t nneeds, size_t nwitnesses, size_t nchanges)
{
	struct rx_cube *c = t->c;
	const struct rx_need *n;

	while (c->nneeds > nneeds) {
		n = &c->needs[--c->nneeds];
		c->needs[n->base].next = n->next;
	}
	c->nwitnesses = nwitnesses;
	c->nchanges = nchanges;
}

static rx_err
settle(struct trim *t, size_t nneeds, struct rx_status *st)
{
	const struct fresh *f;
	size_t k;
	rx_err rc;

	for (k = 0; k < t->nfresh; k++) {
		f = &t->fresh[k];
		t->c->needs[f->need].witness = f->witness;
		t->c->needs[f->need].dir = f->dir;
		if ((rc = note_uses(t, f->need, st)) != RX_OK)
			return (rc);
	}
	for (k = nneeds; k < t->c->nneeds; k++) {
		if ((rc = note_uses(t, (uint32_t)k, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
try_cell(struct trim *t, uint32_t cell, struct rx_status *st)
{
	struct rx_cube *c = t->c;
	size_t nneeds = c->nneeds, nwitnesses = c->nwitnesses;
	size_t nchanges = c->nchanges;
	struct use u;
	uint32_t k;
	bool found = true;
	rx_err rc;

	t->nfresh = 0;
	c->suppressed[cell] = false;
	for (k = t->head[cell]; k != NIL && found; k = u.next) {
		u = t->uses[k];
		if (c->needs[u.need].witness != u.witness)
			continue;	/* it has another one by now */
		if ((rc = replace(t, u.need, &found, st)) != RX_OK)
			return (rc);
	}
	if (found)
		return (settle(t, nneeds, st));
	forget(t, nneeds, nwitnesses, nchanges);
	c->suppressed[cell] = true;
	return (RX_OK);
}

/* ---- which cells, and in what order ---- */

struct order {
	int64_t price;
	uint32_t cell;
};

static int
dearest_first(const void *a, const void *b)
{
	const struct order *x = a, *y = b;

	if (x->price != y->price)
		return (x->price > y->price ? -1 : 1);
	return (x->cell < y->cell ? -1 : x->cell > y->cell);
}

static rx_err
try_cells(struct trim *t, struct rx_status *st)
{
	const struct rx_cube *c = t->c;
	struct order *order;
	size_t n = 0, k;
	rx_err rc;

	if ((rc = rx_stats_alloc(&order, c->ncells, sizeof(*order), st)) !=
	    RX_OK)
		return (rc);
	for (k = 0; k < c->ncells; k++) {
		if (c->suppressed[k] && !c->primary[k])
			order[n++] = (struct order){ rx_cell_price(c, k),
			    (uint32_t)k };
	}
	qsort(order, n, sizeof(*order), dearest_first);
	for (k = 0; k < n && rc == RX_OK; k++)
		rc = try_cell(t, order[k].cell, st);
	free(order);
	return (rc);
}

rx_err
rx_cube_trim(struct rx_cube *c, struct rx_status *st)
{
	struct trim t = { .c = c };
	size_t k;
	rx_err rc;

	rc = rx_stats_alloc(&t.head, c->ncells, sizeof(*t.head), st);
	for (k = 0; k < c->ncells && rc == RX_OK; k++)
		t.head[k] = NIL;
	for (k = 0; k < c->nneeds && rc == RX_OK; k++)
		rc = note_uses(&t, (uint32_t)k, st);
	if (rc == RX_OK)
		rc = try_cells(&t, st);
	free(t.head);
	free(t.uses);
	free(t.fresh);
	return (rc);
}
