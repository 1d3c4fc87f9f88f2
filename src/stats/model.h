#ifndef RX_STATS_MODEL_H
#define RX_STATS_MODEL_H

/*
 * What several tables of the same kind of thing say together, as a system of
 * whole numbers (model.c), and the tables themselves (joint.c).
 *
 * Things are described by attributes: unit, day, birth month, and one for each
 * list of codes.  Every attribute is cut into parts so that each cell of each
 * table is a box: a product of sets of parts.  One unknown for every product of
 * parts would be exact but far too many, so attributes that stand together in
 * no table are kept apart: the graph of "stand together in a table" is made
 * chordal, each of its cliques gets an array of unknowns, and arrays agree on
 * what they share.  For single-valued attributes this loses nothing: arrays
 * that agree along the edges of a junction tree are margins of some table of
 * whole numbers (S. Lauritzen, Graphical Models, 1996; A. Dobra and
 * S. Fienberg, PNAS 97, 2000).  An attribute of which a thing may have several
 * values lies in one clique alone.
 */

#include "stats/table.h"
#include "stats/system.h"

#define RX_STAR INT64_MIN	/* a key that is "*" */

/* A table as the reader knows it. */
struct rx_view {
	struct rx_table_request req;
	const char (*except)[RX_UNIT_BYTES];	/* units it is not about */
	size_t nexcept;
	int64_t *value[RX_DIMS_MAX];	/* the values that are listed */
	size_t nvalue[RX_DIMS_MAX];
	size_t ncells;
	int64_t *key;			/* ncells * RX_DIMS_MAX */
	int64_t *shown;			/* per cell; -1 when suppressed */
};

struct rx_model;

rx_err rx_model_new(struct rx_model **out, struct rx_status *st) RX_MUST_USE;
void rx_model_free(struct rx_model *m);
/* The model is to know ${v}, which stays with the caller; all tables come
 * before rx_model_layout.  TABLE_NOT_COMPARABLE when it cannot. */
rx_err rx_model_view(struct rx_model *m, const struct rx_view *v,
    struct rx_status *st) RX_MUST_USE;
/* Cut, and make the arrays; *large when they are too large to be used. */
rx_err rx_model_layout(struct rx_model *m, bool *large, struct rx_status *st)
    RX_MUST_USE;
/* Things are recorded at the ${n} units of ${unit}, RX_UNIT_BYTES each, and
 * nowhere else. */
rx_err rx_model_units(struct rx_model *m, const uint8_t *unit, size_t n,
    struct rx_status *st) RX_MUST_USE;
/* Add ${coef} times the cell of table ${t} (in the order they came) with
 * ${key} to the sum in the making. */
rx_err rx_model_cell(struct rx_model *m, size_t t,
    const int64_t key[RX_DIMS_MAX], int coef, struct rx_status *st) RX_MUST_USE;
/* The same for all things of the table's scope whose value on dimension ${d}
 * is not listed. */
rx_err rx_model_unlisted(struct rx_model *m, size_t t, size_t d, int coef,
    struct rx_status *st) RX_MUST_USE;
/* That sum lies in lo..hi (INT64_MAX: no bound). */
rx_err rx_model_known(struct rx_model *m, int64_t lo, int64_t hi,
    struct rx_status *st) RX_MUST_USE;
/* How far must it be able to lie?  At ${lo} or below, and at ${hi} or above;
 * INT64_MIN and INT64_MAX: does not matter.  Questions are numbered. */
rx_err rx_model_ask(struct rx_model *m, int64_t lo, int64_t hi,
    struct rx_status *st) RX_MUST_USE;

/**
 * rx_model_finish(m, sys, st):
 * Everything is in: put it in the empty ${sys}.  Unknowns that must be zero are
 * left out, and those that no sum tells apart are one.  What is asked twice is
 * asked once; about nothing at all, of an unknown that is 0.
 */
rx_err rx_model_finish(struct rx_model *m, struct rx_system *sys,
    struct rx_status *st) RX_MUST_USE;
/* The row of the system that the ${k}th sum has become (sums that are asked
 * about are counted too), or its question; SIZE_MAX when it says nothing. */
size_t rx_model_place(const struct rx_model *m, size_t k);
/* How many sums there are so far. */
size_t rx_model_sums(const struct rx_model *m);

#endif
