#ifndef RX_STATS_SOLVE_H
#define RX_STATS_SOLVE_H

/*
 * The linear and integer programmes of the attacker, behind which GLPK stands
 * (solve.c is the only file that includes it).  What comes back is a guess in
 * whole numbers; whoever asked checks it exactly.  Not for more than one
 * programme a thread at a time: a failure inside GLPK frees all of them.
 */

#include "base/error.h"

struct rx_term {			/* coef * unknown col */
	uint32_t col;
	int32_t coef;
};

struct rx_program {			/* all borrowed while it is made */
	size_t ncols, nrows;
	const int64_t *col_lo, *col_hi;
	const int64_t *row_lo, *row_hi;	/* INT64_MIN, INT64_MAX: no limit */
	const size_t *row_at;		/* nrows + 1 places in ${terms} */
	const struct rx_term *terms;
};

struct rx_solver;

rx_err rx_solver_new(struct rx_solver **out, const struct rx_program *p,
    struct rx_status *st) RX_MUST_USE;
void rx_solver_free(struct rx_solver *s);

/* Hold the unknown ${col} within lo..hi from now on. */
rx_err rx_solver_hold(struct rx_solver *s, size_t col, int64_t lo, int64_t hi,
    struct rx_status *st) RX_MUST_USE;

/**
 * rx_solver_push(s, f, n, dir, need, x, possible, st):
 * Make the form ${f} of ${n} terms as large (${dir} 1) or as small (-1) as the
 * linear programme lets it, starting from the last answer.  *possible is
 * whether that reaches ${need}; ${x} (an element an unknown) is then the
 * vertex, rounded.
 */
rx_err rx_solver_push(struct rx_solver *s, const struct rx_term *f, size_t n,
    int dir, int64_t need, int64_t *x, bool *possible, struct rx_status *st)
    RX_MUST_USE;
/* What the programme has cost so far: pivots times rows and columns. */
uint64_t rx_solver_work(const struct rx_solver *s);
/* Which rows held the form back in the last push: those whose dual value is
 * not zero; a flag for each row of the programme. */
void rx_solver_binding(const struct rx_solver *s, bool *row, size_t nrows);
/**
 * rx_solver_whole(s, f, n, dir, need, x, possible, st):
 * Look for whole numbers for which the form reaches ${need}, by branch and
 * bound over at most a fixed number of nodes; false in *possible when none
 * was found.
 */
rx_err rx_solver_whole(struct rx_solver *s, const struct rx_term *f, size_t n,
    int dir, int64_t need, int64_t *x, bool *possible, struct rx_status *st)
    RX_MUST_USE;

#endif
