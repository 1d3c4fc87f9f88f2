#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"
#include "stats/system.h"

/*
 * The attacker: everything that a reader of the table knows, as a system, and
 * every need as a question to it.  He knows which cells are suppressed, not
 * why; that each line adds up; and where a thing may have several leaves, that
 * a part is no larger than its margin, and the margin no larger than the sum.
 */

#define NONE UINT32_MAX

struct view {
	const struct rx_cube *c;
	struct rx_system *s;
	uint32_t *col;		/* per cell; NONE: published */
	struct rx_term *t;	/* a row in the making, of nt terms */
	size_t nt;
	int64_t rest;		/* what is published of it */
};

static void
row_begin(struct view *v)
{

	v->nt = 0;
	v->rest = 0;
}

static void
row_add(struct view *v, size_t cell, int32_t coef)
{

	if (v->col[cell] == NONE)
		v->rest += coef * v->c->value[cell];
	else
		v->t[v->nt++] = (struct rx_term){ v->col[cell], coef };
}

/* The row is ${lo} or more, and ${hi} or less. */
static rx_err
row_end(struct view *v, int64_t lo, int64_t hi, struct rx_status *st)
{

	if (v->nt == 0)
		return (RX_OK);
	return (rx_system_row(v->s, v->t, v->nt, lo == RX_LEAST ? lo :
	    lo - v->rest, hi == RX_MOST ? hi : hi - v->rest, st));
}

/* ---- rows ---- */

/* A line of cells: ${margin}, and ${n} parts at first + part[k] * stride. */
struct line {
	size_t margin, first, stride;
	const unsigned *part;
	unsigned n;
	int silent;		/* the part that has no leaf else, or -1 */
};

static rx_err
sum_line(struct view *v, const struct line *l, int64_t most,
    struct rx_status *st)
{
	unsigned k;

	row_begin(v);
	row_add(v, l->margin, -1);
	for (k = 0; k < l->n; k++)
		row_add(v, l->first + l->part[k] * l->stride, 1);
	return (row_end(v, 0, most, st));
}

static rx_err
multi_line(struct view *v, const struct line *l, struct rx_status *st)
{
	size_t silent = l->first + (size_t)l->silent * l->stride;
	unsigned k;
	rx_err rc;

	if ((rc = sum_line(v, l, RX_MOST, st)) != RX_OK)
		return (rc);
	for (k = 0; k < l->n; k++) {
		if (l->silent >= 0 && l->n > 1 &&
		    l->part[k] == (unsigned)l->silent)
			continue;
		row_begin(v);
		row_add(v, l->margin, 1);
		row_add(v, l->first + l->part[k] * l->stride, -1);
		if (l->silent >= 0 && l->part[k] != (unsigned)l->silent)
			row_add(v, silent, -1);
		if ((rc = row_end(v, 0, RX_MOST, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* All lines of axis ${a}, wherever the cell stands on the other axes. */
static rx_err
axis_rows(struct view *v, unsigned a, struct rx_status *st)
{
	const struct rx_cube *c = v->c;
	const struct rx_axis *x = &c->axis[a];
	size_t block = c->stride[a] * x->npos, high, low, at;
	struct line l = { .stride = c->stride[a], .silent = x->silent };
	rx_err rc;

	for (at = 0; at < x->linelen; at += 2 + x->lines[at + 1]) {
		l.n = x->lines[at + 1];
		l.part = &x->lines[at + 2];
		for (high = 0; high < c->ncells; high += block) {
			for (low = 0; low < c->stride[a]; low++) {
				l.first = high + low;
				l.margin = l.first + x->lines[at] * l.stride;
				rc = x->multi ? multi_line(v, &l, st) :
				    sum_line(v, &l, 0, st);
				if (rc != RX_OK)
					return (rc);
			}
		}
	}
	return (RX_OK);
}

/* |A and B| >= |A| + |B| - |all|, for two axes of several leaves. */
static rx_err
pair_rows(struct view *v, unsigned a, unsigned b, struct rx_status *st)
{
	const struct rx_cube *c = v->c;
	const struct rx_axis *x = &c->axis[a], *y = &c->axis[b];
	size_t i, ea, eb;
	unsigned pa, pb;
	rx_err rc;

	for (i = 0; i < c->ncells; i++) {
		pa = rx_cube_pos(c, i, a);
		pb = rx_cube_pos(c, i, b);
		if (pa == x->nleaf || pb == y->nleaf)
			continue;
		ea = (x->nleaf - pa) * c->stride[a];
		eb = (y->nleaf - pb) * c->stride[b];
		row_begin(v);
		row_add(v, i, 1);
		row_add(v, i + ea, -1);
		row_add(v, i + eb, -1);
		row_add(v, i + ea + eb, 1);
		if ((rc = row_end(v, 0, RX_MOST, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
all_rows(struct view *v, struct rx_status *st)
{
	const struct rx_cube *c = v->c;
	unsigned a, b;
	size_t i;
	rx_err rc;

	for (i = 0; i < c->ncells; i++) {
		v->col[i] = NONE;
		if (c->suppressed[i] && (rc = rx_system_column(v->s,
		    &v->col[i], c->lower[i], RX_MOST, st)) != RX_OK)
			return (rc);
	}
	for (a = 0; a < c->naxes; a++) {
		if ((rc = axis_rows(v, a, st)) != RX_OK)
			return (rc);
		for (b = a + 1; b < c->naxes; b++) {
			if (c->axis[a].multi && c->axis[b].multi &&
			    (rc = pair_rows(v, a, b, st)) != RX_OK)
				return (rc);
		}
	}
	return (RX_OK);
}

/* ---- questions ---- */

struct own {				/* where a child is alone */
	int64_t child;
	uint32_t col;
};

struct knowers {
	struct own *own;
	size_t n;
	uint32_t *known;		/* the columns of one of them */
};

static int
by_child(const void *a, const void *b)
{
	const struct own *x = a, *y = b;

	if (x->child != y->child)
		return (x->child < y->child ? -1 : 1);
	return (x->col < y->col ? -1 : x->col > y->col);
}

static rx_err
list_knowers(struct knowers *k, const struct view *v, struct rx_status *st)
{
	const struct rx_cube *c = v->c;
	size_t i;
	rx_err rc;

	if ((rc = rx_stats_alloc(&k->own, c->ncells, sizeof(*k->own), st)) !=
	    RX_OK ||
	    (rc = rx_stats_alloc(&k->known, c->ncells, sizeof(*k->known),
	    st)) != RX_OK)
		return (rc);
	for (i = 0; i < c->ncells; i++) {
		if (c->suppressed[i] && c->sole[i] >= 0)
			k->own[k->n++] = (struct own){ c->sole[i], v->col[i] };
	}
	qsort(k->own, k->n, sizeof(*k->own), by_child);
	return (RX_OK);
}

/* Put in k->known what ${child} knows. */
static size_t
known_to(struct knowers *k, int64_t child)
{
	size_t low = 0, high = k->n, mid, n = 0;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (k->own[mid].child < child)
			low = mid + 1;
		else
			high = mid;
	}
	for (; low < k->n && k->own[low].child == child; low++)
		k->known[n++] = k->own[low].col;
	return (n);
}

static rx_err
ask_need(struct view *v, struct knowers *k, const struct rx_need *need,
    struct rx_status *st)
{
	const struct rx_cube *c = v->c;
	int64_t at = c->value[need->cell] + need->dir * need->amount;
	size_t nknown = 0, margin;
	uint32_t question;

	row_begin(v);
	if (need->apart >= 0) {
		/* the others of the group, which now are none */
		margin = need->cell + (c->axis[need->apart].nleaf -
		    rx_cube_pos(c, need->cell, (unsigned)need->apart)) *
		    c->stride[need->apart];
		row_add(v, margin, 1);
		row_add(v, need->cell, -1);
		return (rx_system_ask(v->s, &question, v->t, v->nt, RX_LEAST,
		    need->amount - v->rest, st));
	}
	row_add(v, need->cell, 1);
	if (need->knower >= 0)
		nknown = known_to(k, need->knower);
	return (rx_system_ask_knower(v->s, &question, v->t, v->nt,
	    need->dir < 0 ? at : RX_LEAST, need->dir > 0 ? at : RX_MOST,
	    k->known, nknown, st));
}

static rx_err
ask_all(struct view *v, struct rx_status *st)
{
	struct knowers k = { NULL, 0, NULL };
	size_t i;
	rx_err rc;

	rc = list_knowers(&k, v, st);
	for (i = 0; i < v->c->nneeds && rc == RX_OK; i++)
		rc = ask_need(v, &k, &v->c->needs[i], st);
	free(k.own);
	free(k.known);
	return (rc);
}

/* ---- what is known to be possible ---- */

static rx_err
offer_truth(struct view *v, struct rx_status *st)
{
	const struct rx_cube *c = v->c;
	int64_t *x;
	bool fits;
	size_t i;
	rx_err rc;

	if ((rc = rx_stats_alloc(&x, c->ncells, sizeof(*x), st)) != RX_OK)
		return (rc);
	for (i = 0; i < c->ncells; i++) {
		if (v->col[i] != NONE)
			x[v->col[i]] = c->value[i];
	}
	rc = rx_system_point(v->s, x, &fits, st);
	rx_drop(x, c->ncells, sizeof(*x));
	if (rc == RX_OK && !fits)
		rc = rx_stats_bug("attacker", st);
	return (rc);
}

static rx_err
offer_witness(struct view *v, const struct rx_witness *w, struct rx_status *st)
{
	const struct rx_term *t;
	bool fits;
	size_t k;

	for (v->nt = 0, k = w->at; k < w->at + w->n; k++) {
		t = &v->c->changes[k];
		if (v->col[t->col] == NONE)
			return (RX_OK);		/* from before a cell was published */
		v->t[v->nt++] = (struct rx_term){ v->col[t->col], t->coef };
	}
	return (rx_system_step(v->s, v->t, v->nt, &fits, st));
}

static rx_err
offer_all(struct view *v, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	rc = offer_truth(v, st);
	for (k = 0; k < v->c->nwitnesses && rc == RX_OK; k++)
		rc = offer_witness(v, &v->c->witnesses[k], st);
	return (rc);
}

/* ---- */

/* Whether the guard ${g} holds: the table found for it, and for everyone who
 * can tell it apart another one. */
static bool
guard_met(const struct view *v, size_t g)
{
	const struct rx_cube *c = v->c;
	const struct rx_need *n = &c->needs[g];
	const struct rx_witness *w;
	int64_t sole;
	size_t j;
	uint32_t k;

	if (n->witness == 0)
		return (false);
	w = &c->witnesses[n->witness - 1];
	for (j = w->at; j < w->at + w->n; j++) {
		sole = c->sole[c->changes[j].col];
		if (v->col[c->changes[j].col] == NONE)
			return (false);
		if (sole < 0 || sole == c->sole[n->cell])
			continue;
		for (k = n->next; k != 0 && c->needs[k - 1].knower != sole;)
			k = c->needs[k - 1].next;
		if (k == 0 || !rx_system_met(v->s, k - 1, NULL, NULL))
			return (false);
	}
	return (true);
}

static rx_err
list_unmet(const struct view *v, uint32_t **unmet, size_t *n,
    struct rx_status *st)
{
	const struct rx_cube *c = v->c;
	size_t k;
	rx_err rc;

	*n = 0;
	rc = rx_stats_alloc(unmet, c->nneeds, sizeof(**unmet), st);
	for (k = 0; k < c->nneeds && rc == RX_OK; k++) {
		if (!rx_system_met(v->s, (uint32_t)k, NULL, NULL) ||
		    (c->needs[k].guard && !guard_met(v, k)))
			(*unmet)[(*n)++] = (uint32_t)k;
	}
	return (rc);
}

rx_err
rx_cube_audit(const struct rx_cube *c, uint32_t **unmet, size_t *n,
    struct rx_status *st)
{
	struct view v = { .c = c };
	size_t failed;
	rx_err rc;

	*unmet = NULL;
	if ((rc = rx_system_new(&v.s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_stats_alloc(&v.col, c->ncells, sizeof(*v.col), st)) ==
	    RX_OK &&
	    (rc = rx_stats_alloc(&v.t, c->ncells + 2, sizeof(*v.t), st)) ==
	    RX_OK &&
	    (rc = all_rows(&v, st)) == RX_OK &&
	    (rc = ask_all(&v, st)) == RX_OK &&
	    (rc = offer_all(&v, st)) == RX_OK &&
	    (rc = rx_system_audit(v.s, &failed, st)) == RX_OK)
		rc = list_unmet(&v, unmet, n, st);
	rx_system_free(v.s);
	free(v.col);
	free(v.t);
	return (rc);
}
