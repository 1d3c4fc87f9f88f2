#ifndef RX_STATS_TABLE_H
#define RX_STATS_TABLE_H

/*
 * A cross-table in the making, shared by table.c (records in), axes.c (values
 * become axes) and tabdoc.c (the document).
 */

#include "stats/internal.h"
#include "stats/noise.h"

#define RX_THRESHOLD_MIN 3
#define RX_VALUE_NONE INT64_MAX	/* "none": nothing recorded; sorts last */

struct rx_kid {			/* a child */
	char unit[RX_UNIT_BYTES];
	int64_t sex, birth;
	size_t off, n;		/* its categories in the pool */
	bool seen;		/* observed in the period: */
	int64_t date, at, risk;	/* the latest observation */
	unsigned things;	/* counted of him; private tables only */
};

struct rx_thing {		/* what is counted */
	uint32_t kid;
	struct {
		size_t off, n;	/* its values in the pool, per dimension */
	} at[RX_DIMS_MAX];
};

struct rx_values {		/* the values of one dimension that occur */
	int64_t *v;		/* sorted */
	size_t n;
	unsigned axis, level;	/* where it went */
	const struct rx_nest *nest;	/* NULL: an axis of its own */
};

struct rx_nest {		/* dimensions of one family */
	unsigned levels, axis;	/* 0: there is none */
	size_t dim[RX_DIMS_MAX];	/* the coarsest first */
	uint32_t *tuple;	/* of the axis */
	struct {
		uint32_t pos, mask;	/* mask: the levels named */
	} *shown;		/* along the axis in the document */
	size_t nshown;
};

struct rx_tab {
	struct rx_table_request req;
	struct rx_set ids;	/* children by id; kids in the same order */
	struct rx_set signs;	/* child << 32 | sign */
	struct rx_buf kids;	/* struct rx_kid */
	struct rx_buf things;	/* struct rx_thing */
	struct rx_buf pool;	/* int64_t */
	struct rx_values values[RX_DIMS_MAX];
	struct rx_nest nests[RX_FAMILIES];
	struct rx_cube *cube;
	size_t shown[RX_AXES_MAX], nshown;	/* cells of the document */
	bool safe;		/* protected already */
	uint64_t data[4];	/* of all things: rx_tab_digest */
	/* of a private table: */
	struct rx_buf units;	/* those that are listed, RX_UNIT_BYTES each */
	struct rx_noise noise;
	int64_t *error;		/* per cell: within it in 95 % */
	int64_t widest;		/* of the finest cells */
};

#define RX_AGE_BANDS 5

rx_err rx_table_too_large(struct rx_status *st);
enum rx_level rx_dim_level(enum rx_dim dim);
/* The months in a value of a dimension of dates. */
int64_t rx_dim_months(enum rx_dim dim);
/* A unit as a number, in order of codes; and back. */
int64_t rx_unit_value(const char unit[RX_UNIT_BYTES]);
void rx_value_unit(char unit[RX_UNIT_BYTES], int64_t v);

/* All records are in: count the children themselves, when they are asked. */
rx_err rx_tab_children(struct rx_tab *t, struct rx_status *st) RX_MUST_USE;
/* Both, unless they were done: count. */
rx_err rx_tab_count(struct rx_tab *t, struct rx_status *st) RX_MUST_USE;
/* Suppress what the table must not show, by itself; once. */
rx_err rx_tab_protect(struct rx_tab *t, struct rx_status *st) RX_MUST_USE;
/* A digest of what was counted: which records, with which values.  It depends
 * on ids that nobody can guess, so it tells figures to nobody. */
void rx_tab_digest(char out[RX_DIGEST_TEXT], const struct rx_tab *t);
/* The value that ${text} is as a key of dimension ${dim}. */
bool rx_tab_value(enum rx_dim dim, const char *text, int64_t *v);
/* Make the cube of all things. */
rx_err rx_tab_cube(struct rx_tab *t, struct rx_status *st) RX_MUST_USE;
/* The value of cell ${i} of the cube on dimension ${d}, of a nest those above its
 * own too; false for "*". */
bool rx_tab_key(const struct rx_tab *t, size_t i, size_t d, int64_t *v);
/* The document shows cells of a nest with and without the values above their
 * own: the cell of the cube that is cell ${i} of the document; and the value
 * there, false for "*". */
size_t rx_tab_cell(const struct rx_tab *t, size_t i);
bool rx_tab_shown_key(const struct rx_tab *t, size_t i, size_t d, int64_t *v);
/* The value at ${dim} of what has ${v} at ${finest}, of the same family. */
int64_t rx_value_above(enum rx_dim dim, enum rx_dim finest, int64_t v);

/* ---- private.c ---- */

/* How much one child may count for. */
struct rx_private_bounds {
	unsigned records;	/* things */
	unsigned values;	/* of a thing, where it may have several */
	unsigned touch;		/* so much he changes base cells in all */
};
void rx_private_bounds(struct rx_private_bounds *b,
    const struct rx_table_request *req);
/* PRIVATE_EPSILON, PRIVATE_TWO_LISTS. */
rx_err rx_private_check(const struct rx_table_request *req,
    struct rx_status *st) RX_MUST_USE;
/* List ${unit} if it lies in the unit of the table. */
rx_err rx_tab_unit(struct rx_tab *t, const char unit[RX_UNIT_BYTES],
    struct rx_status *st) RX_MUST_USE;
/* All values that dimension ${d} can have, whatever the children. */
rx_err rx_tab_domain(struct rx_tab *t, size_t d, struct rx_status *st)
    RX_MUST_USE;
/* Put noisy figures in the place of the counts, and their errors in
 * t->error. */
rx_err rx_tab_blur(struct rx_tab *t, struct rx_status *st) RX_MUST_USE;
/* What at least 95 % of sums of ${parts} noises stay within. */
int64_t rx_private_error(uint64_t parts, uint64_t touch, uint64_t epsilon);

/* ---- budget.c ---- */

#define RX_KIND_PRIVATE "private"	/* its entries in the ledger */
/* *doc is this year's answer to ${req} in the ledger, which the caller
 * releases; or NULL, when it may be spent: then *seen is the number of entries
 * that this was found from.  PRIVATE_SPENT. */
rx_err rx_private_find(json_t **doc, size_t *seen, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st) RX_MUST_USE;

#endif
