#ifndef RX_STATS_SYSTEM_H
#define RX_STATS_SYSTEM_H

/*
 * What an attacker knows, as a system of whole unknowns, and what must stay
 * possible, as questions.
 *
 * An unknown is a figure that was not published (or one that was: lo = hi).  A
 * row is what is known of several: a sum of parts is its margin, and so on.  A
 * question asks that a form of unknowns can still be as small as need_lo and as
 * large as need_hi.  A question is met only by points: whole numbers for all
 * unknowns that agree with every bound and every row, checked in integers.
 * Such a point is a proof, however it was found; that none was found, for
 * whatever reason, counts as not met.  So no rounding of a solver can let
 * anything pass, and what the attacker draws from figures being whole is
 * covered.
 *
 * The order of use: columns, rows, questions; then points and steps that are
 * known already, if any; then the audit; then the answers.
 */

#include "base/error.h"
#include "stats/solve.h"

#define RX_LEAST INT64_MIN		/* no limit below; as a need: none */
#define RX_MOST INT64_MAX		/* no limit above; as a need: none */
#define RX_FIGURE_MAX ((int64_t)1 << 40)	/* of all other numbers */

struct rx_system;

rx_err rx_system_new(struct rx_system **out, struct rx_status *st)
    RX_MUST_USE;
void rx_system_free(struct rx_system *s);	/* wipes */

/* A new unknown of lo..hi; columns count from 0. */
rx_err rx_system_column(struct rx_system *s, uint32_t *col, int64_t lo,
    int64_t hi, struct rx_status *st) RX_MUST_USE;
/* The sum of ${n} terms is lo..hi.  No column twice in it. */
rx_err rx_system_row(struct rx_system *s, const struct rx_term *t, size_t n,
    int64_t lo, int64_t hi, struct rx_status *st) RX_MUST_USE;
/* The form of ${n} terms must be able to be need_lo or less (RX_LEAST: not
 * asked) and need_hi or more (RX_MOST: not asked); questions count from 0. */
rx_err rx_system_ask(struct rx_system *s, uint32_t *question,
    const struct rx_term *t, size_t n, int64_t need_lo, int64_t need_hi,
    struct rx_status *st) RX_MUST_USE;
/* The same against somebody who knows the ${nknown} unknowns ${known}: they
 * stay as in the first point, which must be given (rx_system_point). */
rx_err rx_system_ask_knower(struct rx_system *s, uint32_t *question,
    const struct rx_term *t, size_t n, int64_t need_lo, int64_t need_hi,
    const uint32_t *known, size_t nknown, struct rx_status *st) RX_MUST_USE;

/* A point: ${x} has a figure for every column.  The first that is given is
 * where steps begin; the truth, where it is known.  *fits is whether it agrees
 * with all bounds and rows; it is forgotten otherwise. */
rx_err rx_system_point(struct rx_system *s, const int64_t *x, bool *fits,
    struct rx_status *st) RX_MUST_USE;
/* Another point: the first one with coef added to each column of ${t}. */
rx_err rx_system_step(struct rx_system *s, const struct rx_term *t, size_t n,
    bool *fits, struct rx_status *st) RX_MUST_USE;

/**
 * rx_system_audit(s, failed, st):
 * Look for the points that are still lacking, by linear and integer programmes;
 * *failed is the number of questions that stay unmet.  RX_ECONFLICT
 * (TABLE_TOO_HARD) when the system is larger than can be audited.
 */
rx_err rx_system_audit(struct rx_system *s, size_t *failed,
    struct rx_status *st) RX_MUST_USE;

/* Audits and blame may cost ${work} together (rx_solver_work), however it is
 * spread; what is left.  An audit that finds nothing left is TABLE_TOO_HARD. */
void rx_system_limit(struct rx_system *s, uint64_t work);
uint64_t rx_system_left(const struct rx_system *s);

/* Which rows (a flag each, in their order) keep the unmet ${question} from
 * being met, in the linear programme; of them something has to go. */
rx_err rx_system_blame(struct rx_system *s, uint32_t question, bool *row,
    struct rx_status *st) RX_MUST_USE;
/* How many rows there are. */
size_t rx_system_rows(const struct rx_system *s);

/* Whether ${question} is met; low and high (may be NULL) are the least and the
 * greatest value of its form over the points found: an interval inside of what
 * the attacker can derive. */
bool rx_system_met(const struct rx_system *s, uint32_t question, int64_t *low,
    int64_t *high);

#endif
