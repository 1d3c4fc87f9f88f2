#ifndef RX_STATS_JOINT_H
#define RX_STATS_JOINT_H

/*
 * A new table together with all earlier ones that bear on it.
 *
 * The attacker has every release and is told which published figures of the
 * past still hold.  An earlier table is counted again from the register as it
 * is now: a figure that is the same is known to him as a figure of today; one
 * that has changed is not, but how much it has changed is itself a figure that
 * he must not learn when it is of few things or children.  What an earlier
 * table suppressed must stay as open as it was promised to be, by its own
 * threshold, and so must what the new one suppresses.
 */

#include "stats/table.h"

struct rx_joint;

/* The earlier tables of ${entries} (as rx_release_load gives them) that bear on
 * ${req}, directly or through others.  RELEASE_CORRUPT for an entry that is
 * none. */
rx_err rx_joint_new(struct rx_joint **out, const struct rx_table_request *req,
    const json_t *entries, struct rx_status *st) RX_MUST_USE;
void rx_joint_free(struct rx_joint *j);
/* How many there are. */
size_t rx_joint_size(const struct rx_joint *j);
/* The id of the ${k}th, and whether it and the ${i}th overlap. */
const char *rx_joint_id(const struct rx_joint *j, size_t k);
bool rx_joint_overlap(const struct rx_joint *j, size_t k, size_t i);
/* The unit over all of them. */
void rx_joint_unit(const struct rx_joint *j, char unit[RX_UNIT_BYTES]);
/* Records of ${unit} will come: count the tables at or under it again. */
rx_err rx_joint_begin(struct rx_joint *j, const char unit[RX_UNIT_BYTES],
    struct rx_status *st) RX_MUST_USE;
rx_err rx_joint_add(struct rx_joint *j, const struct rx_record *r,
    struct rx_status *st) RX_MUST_USE;
/* What was published for the same question about the same data as ${t}, which
 * is counted; NULL when nothing was.  Borrowed from the entries. */
json_t *rx_joint_answer(const struct rx_joint *j, const struct rx_tab *t);
/**
 * rx_joint_protect(j, t, st):
 * All records are in, and ${t} is protected by itself: audit it together with
 * the earlier ones; suppress more of it while something can be deduced.
 * RX_ECONFLICT when that does not help: TABLE_OVERLAPS or TABLE_CHANGED
 * (argument id: the earlier release), TABLE_JOINT_TOO_LARGE.
 */
rx_err rx_joint_protect(struct rx_joint *j, struct rx_tab *t,
    struct rx_status *st) RX_MUST_USE;
/* The same for the releases alone, which were counted again: *failed is how
 * many of their promises are not kept. */
rx_err rx_joint_verify(struct rx_joint *j, size_t *failed,
    struct rx_status *st) RX_MUST_USE;

/* The question of the entry ${entry} of the ledger.  RELEASE_CORRUPT. */
rx_err rx_joint_request(struct rx_table_request *req, const json_t *entry,
    struct rx_status *st) RX_MUST_USE;
/* What an entry keeps of ${t} besides what is published: a digest of what was
 * counted, and which suppressed cells are small by themselves ("primary") or
 * hold all of a group ("whole": cell, margin); by their places in the document.  No figure. */
rx_err rx_joint_keep(json_t **out, const struct rx_tab *t,
    struct rx_status *st) RX_MUST_USE;

#endif
