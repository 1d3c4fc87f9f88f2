#include "register/internal.h"

/*
 * Whether a version that came in a bundle fits those that are here.  The
 * program writes the next version of a record in the same case and of the same
 * kind; a stranger who knows our formats need not.
 */

/* How far a version may be from the one before it that is here: some are left
 * out, where their authors had ended. */
#define LEFT_OUT_MAX 1000

static rx_err
unfit(struct rx_status *st)
{

	rx_status_clear(st);
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_VERSION));
}

/* Whether the row under ${cur} is of the unit, and of a record the case, of
 * ${r}.  A child may move. */
static bool
same_place(const struct rx_cursor *cur, enum rx_table table,
    const struct rx_record *r)
{
	char unit[RX_UNIT_BYTES];
	const void *child;
	size_t n;

	if (table == RX_TABLE_CHILD)
		return (true);
	rx_unit_set(unit, rx_col_text(cur, table == RX_TABLE_RECORD ? 3 : 2));
	if (memcmp(unit, r->unit, RX_UNIT_BYTES) != 0)
		return (false);
	if (table != RX_TABLE_RECORD)
		return (true);
	child = rx_col_bytes(cur, 2, &n);
	return (n == RX_ID_BYTES && memcmp(child, r->child, n) == 0);
}

/* Whether the version under ${cur} and ${r} can be two of one record. */
static rx_err
pair_fits(struct rx_session *s, struct rx_case *c, const struct rx_cursor *cur,
    enum rx_table table, const struct rx_record *r, struct rx_status *st)
{
	struct rx_record other;
	bool same;
	rx_err rc;

	/* In another case, whose keys are not at hand. */
	if (!same_place(cur, table, r))
		return (unfit(st));
	if (table != RX_TABLE_RECORD)
		return (RX_OK);
	rx_record_init(&other);
	rc = rx_row_open(s, c, cur, table, 0, false, &other, st);
	same = other.type == r->type;
	rx_record_free(&other);
	return (rc != RX_OK || same ? rc : unfit(st));
}

rx_err
rx_version_fits(struct rx_session *s, struct rx_case *c, enum rx_table table,
    const struct rx_record *r, struct rx_status *st)
{
	const struct rx_value id = rx_bytes(r->id, RX_ID_BYTES);
	uint32_t version, before = 0;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if (r->version > 1 && (r->type == RX_REVIEW || r->type == RX_CONSENT ||
	    r->type == RX_REPORT))
		return (unfit(st));
	if ((rc = rx_query_open(&cur, s->store, table == RX_TABLE_CHILD ?
	    RX_Q_CHILD_HISTORY : table == RX_TABLE_RECORD ?
	    RX_Q_RECORD_HISTORY : RX_Q_ACTIVITY_HISTORY, &id, 1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		version = (uint32_t)rx_col_int(cur, 1);
		if (version < r->version)
			before = version;
		if (version != r->version && (rc = pair_fits(s, c, cur, table,
		    r, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	if (rc == RX_OK && r->version - before > LEFT_OUT_MAX)
		rc = unfit(st);
	return (rc);
}
