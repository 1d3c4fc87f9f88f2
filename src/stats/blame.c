#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"
#include "stats/reduce.h"

/*
 * Why a question is not met.  The linear programme that makes its form as small
 * or as large as it can be has a dual answer: a sum of rows from which the
 * bound follows.  Whoever wants the question met has to give up one of them.
 */

size_t
rx_system_rows(const struct rx_system *s)
{

	return (s->nrows);
}

struct arrays {
	int64_t *v[4];		/* bounds of columns and rows */
	size_t *at;
	struct rx_term *terms;
};

static void
arrays_free(struct arrays *a)
{
	unsigned k;

	for (k = 0; k < 4; k++)
		free(a->v[k]);
	free(a->at);
	free(a->terms);
}

static rx_err
copy(struct arrays *a, struct rx_program *p, const struct rx_system *s,
    struct rx_status *st)
{
	size_t k, n = 0;
	unsigned j;
	rx_err rc;

	for (k = 0; k < s->nrows; k++)
		n += s->row[k].f.n;
	for (j = 0; j < 4; j++) {
		rc = rx_stats_alloc(&a->v[j], j < 2 ? s->ncols : s->nrows,
		    sizeof(int64_t), st);
		if (rc != RX_OK)
			return (rc);
	}
	if ((rc = rx_stats_alloc(&a->at, s->nrows + 1, sizeof(*a->at), st)) !=
	    RX_OK || (rc = rx_stats_alloc(&a->terms, n, sizeof(*a->terms),
	    st)) != RX_OK)
		return (rc);
	for (k = 0; k < s->ncols; k++) {
		a->v[0][k] = s->col[k].lo;
		a->v[1][k] = s->col[k].hi;
	}
	for (n = 0, k = 0; k < s->nrows; k++) {
		a->v[2][k] = s->row[k].lo;
		a->v[3][k] = s->row[k].hi;
		a->at[k] = n;
		if (s->row[k].f.n > 0)
			memcpy(&a->terms[n], &s->pool[s->row[k].f.at],
			    s->row[k].f.n * sizeof(*a->terms));
		n += s->row[k].f.n;
	}
	a->at[s->nrows] = n;
	*p = (struct rx_program){ s->ncols, s->nrows, a->v[0], a->v[1],
	    a->v[2], a->v[3], a->at, a->terms };
	return (RX_OK);
}

rx_err
rx_system_blame(struct rx_system *s, uint32_t question, bool *row,
    struct rx_status *st)
{
	const struct rx_ask *q = &s->ask[question];
	struct arrays a = { .at = NULL };
	struct rx_solver *solver = NULL;
	struct rx_program p;
	int64_t *x = NULL;
	int dir = q->need_lo != RX_LEAST && q->low > q->need_lo ? -1 : 1;
	bool possible;
	rx_err rc;

	if ((rc = copy(&a, &p, s, st)) == RX_OK &&
	    (rc = rx_stats_alloc(&x, s->ncols, sizeof(*x), st)) == RX_OK &&
	    (rc = rx_solver_new(&solver, &p, st)) == RX_OK &&
	    (rc = rx_solver_push(solver, &s->pool[q->f.at], q->f.n, dir,
	    dir > 0 ? q->need_hi : q->need_lo, x, &possible, st)) == RX_OK)
		rx_solver_binding(solver, row, s->nrows);
	if (solver != NULL)
		rx_system_spend(s, rx_solver_work(solver));
	rx_solver_free(solver);
	free(x);
	arrays_free(&a);
	return (rc);
}
