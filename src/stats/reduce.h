#ifndef RX_STATS_REDUCE_H
#define RX_STATS_REDUCE_H

/* How a system lies in memory, for system.c and reduce.c alone. */

#include "stats/system.h"

struct rx_form {			/* terms in the pool */
	size_t at, n;
};
struct rx_col {
	int64_t lo, hi, x;		/* x: in the first point */
};
struct rx_row {
	struct rx_form f;
	int64_t lo, hi, value;		/* in the first point */
};
struct rx_ask {
	struct rx_form f;
	int64_t need_lo, need_hi;
	size_t known_at, nknown;
	int64_t value, low, high;	/* in the first point; in all points */
};
struct rx_change {
	int64_t by;
	bool touched;
};

struct rx_system {
	bool closed;			/* nothing more is added */
	bool based;			/* there is a first point */
	uint64_t left;			/* work that it may still cost */
	struct rx_col *col;
	struct rx_row *row;
	struct rx_ask *ask;
	struct rx_term *pool;
	uint32_t *known;
	size_t ncols, nrows, nasks, npool, nknown;
	size_t colcap, rowcap, askcap, poolcap, knowncap;
	/* rows and questions of a column: rows_of[rows_at[c] ... ] */
	size_t *rows_at, *asks_at;
	struct rx_term *rows_of, *asks_of;
	/* scratch of a step, zero in between */
	struct rx_change *delta, *row_delta, *ask_delta;
	size_t *touched;
};

/* Take ${work} from what is left. */
void rx_system_spend(struct rx_system *s, uint64_t work);
/* Nothing more will be added: index what there is. */
rx_err rx_system_close(struct rx_system *s, struct rx_status *st) RX_MUST_USE;

#endif
