#ifndef RX_REGISTER_MERGE_H
#define RX_REGISTER_MERGE_H

/* What the three parts of the merge share (merge.c says what it does). */

#include "register/save.h"

struct in_row {
	enum rx_table table;
	struct rx_value v[RX_COLUMNS_MAX];
	const uint8_t *p;		/* its bytes */
	size_t n;
	const uint8_t *child;		/* of a row of a case; NULL */
	int unit;			/* column of its unit; -1: none */
	size_t at;			/* its place in the bundle */
};

struct group;			/* merge_case.c */
struct merge {
	struct rx_session *s;
	const struct rx_container *c;
	const struct rx_cert *cert;	/* the sender's */
	struct rx_bundle *info;
	bool newer;			/* than all of this copy so far */
	bool despite;			/* heads that do not fit */
	bool from_home;
	bool changed;
	bool ended;			/* somebody of whom it was not known */
	struct in_row *row;
	size_t n;
	struct rx_case old, now;	/* a case's keys before and after */
	const struct group *g;		/* the case that is at hand; NULL */
	struct rx_record r;
	struct rx_buf bytes;		/* scratch */
};

/* ---- merge.c ---- */

rx_err rx_merge_corrupt(struct rx_status *st);
/* The sender sent what he may not. */
rx_err rx_merge_not_entitled(const struct merge *m, struct rx_status *st);
/* The unit that ${v} names, or the pseudo unit of the register's keys. */
bool rx_merge_unit(char unit[RX_UNIT_BYTES], const struct rx_value *v);

/* ---- merge_people.c ---- */

/* Certificates, then revocations; then sender and opener must be at work. */
rx_err rx_merge_people(struct merge *m, struct rx_status *st) RX_MUST_USE;
/* Where the sender's audit ends must fit what others signed of it; then the heads
 * that came. */
rx_err rx_merge_heads(struct merge *m, struct rx_status *st) RX_MUST_USE;
/* Epochs and grants of units. */
rx_err rx_merge_unit_keys(struct merge *m, struct rx_status *st) RX_MUST_USE;

/* ---- merge_case.c ---- */

/* The cases, one after the other. */
rx_err rx_merge_cases(struct merge *m, struct rx_status *st) RX_MUST_USE;
/* One version of a child, a record (of the case ${c}) or an activity (NULL). */
rx_err rx_merge_version(struct merge *m, struct rx_case *c,
    const struct in_row *r, const char *unit, struct rx_status *st)
    RX_MUST_USE;
/* Open the stored row that has the key of ${r}, and verify all of it; it is in
 * m->r. */
rx_err rx_merge_verify(struct merge *m, struct rx_case *c,
    const struct in_row *r, struct rx_status *st) RX_MUST_USE;
/* Sender and opener must both have to do with the unit. */
rx_err rx_merge_unit_check(struct merge *m, const char *unit,
    struct rx_status *st) RX_MUST_USE;

#endif
