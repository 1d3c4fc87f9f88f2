#ifndef RX_STATS_TABLE_H
#define RX_STATS_TABLE_H

/*
 * A cross-table in the making, shared by table.c (records in), axes.c (values
 * become axes) and tabdoc.c (the document).
 */

#include "stats/internal.h"

#define RX_THRESHOLD_MIN 3
#define RX_VALUE_NONE INT64_MAX	/* "none": nothing recorded; sorts last */

struct rx_kid {			/* a child */
	char unit[RX_UNIT_BYTES];
	int64_t sex, birth;
	size_t off, n;		/* its categories in the pool */
	bool seen;		/* observed in the period: */
	int64_t date, at, risk;	/* the latest observation */
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
	uint32_t *tuple;	/* at level 0 of a nest: the axis's tuples */
};

struct rx_tab {
	struct rx_table_request req;
	struct rx_set ids;	/* children by id; kids in the same order */
	struct rx_set signs;	/* child << 32 | sign */
	struct rx_buf kids;	/* struct rx_kid */
	struct rx_buf things;	/* struct rx_thing */
	struct rx_buf pool;	/* int64_t */
	struct rx_values values[RX_DIMS_MAX];
	unsigned levels;	/* of the nest; 0 when there is none */
	unsigned nest;		/* its axis */
	size_t nest_dim[3];	/* its dimensions, from the top */
	struct rx_cube *cube;
};

rx_err rx_table_too_large(struct rx_status *st);
enum rx_level rx_dim_level(enum rx_dim dim);
/* A unit as a number, in order of codes; and back. */
int64_t rx_unit_value(const char unit[RX_UNIT_BYTES]);
void rx_value_unit(char unit[RX_UNIT_BYTES], int64_t v);

/* All records are in: count the children themselves, when they are asked. */
rx_err rx_tab_children(struct rx_tab *t, struct rx_status *st) RX_MUST_USE;
/* Make the cube of all things. */
rx_err rx_tab_cube(struct rx_tab *t, struct rx_status *st) RX_MUST_USE;
/* The value of cell ${i} on dimension ${d}; false for "*". */
bool rx_tab_key(const struct rx_tab *t, size_t i, size_t d, int64_t *v);

#endif
