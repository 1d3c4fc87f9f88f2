#include "register/save.h"

/* The versions of one thing.  Nothing is overwritten: a correction is a version
 * more, and what stood before can be read. */

/* Whether the set or unset field ${f} says the same in both. */
static bool
same_field(const struct rx_record *a, const struct rx_record *b,
    enum rx_field f)
{
	const uint8_t *p, *q;
	size_t k;

	if (a->v[f].set != b->v[f].set || a->v[f].n != b->v[f].n)
		return (false);
	switch (rx_fields[f].kind) {
	case RX_K_TEXT:
	case RX_K_NOTE:
	case RX_K_UNIT:
		return (strcmp(rx_record_text(a, f), rx_record_text(b, f)) ==
		    0);
	case RX_K_CODES:
		for (k = 0; k < a->v[f].n; k++)
			if (rx_record_item(a, f, k) != rx_record_item(b, f, k))
				return (false);
		return (true);
	case RX_K_REF:
	case RX_K_REFS:
	case RX_K_ID:
	case RX_K_IDS:
		for (k = 0; k < a->v[f].n; k++) {
			p = rx_record_id(a, f, k);
			q = rx_record_id(b, f, k);
			if (p == NULL || q == NULL ||
			    memcmp(p, q, RX_ID_BYTES) != 0)
				return (false);
		}
		return (true);
	default:
		return (rx_record_int(a, f) == rx_record_int(b, f));
	}
}

static uint64_t
changes(const struct rx_record *before, const struct rx_record *r)
{
	uint64_t bits = 0;
	unsigned f;

	for (f = 0; f < RX_FIELD_COUNT; f++)
		if (!same_field(before, r, (enum rx_field)f))
			bits |= UINT64_C(1) << f;
	return (bits);
}
_Static_assert(RX_FIELD_COUNT <= 64, "a field has no bit");

struct versions {
	struct rx_case *c;		/* NULL for an activity */
	enum rx_table table;
	enum rx_query query;
	const uint8_t *child;		/* whose a record must be */
	unsigned shown;
};

/* Call ${each} for the versions of ${id}.  Two records take turns: the one
 * before is kept unmasked, to be compared. */
static rx_err
each_version(struct rx_session *s, const struct versions *v,
    const uint8_t *id, rx_version_each *each, void *cookie,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_record r[2], shown;
	struct rx_cursor *cur;
	bool row = false;
	const void *of;
	size_t n = 0, len = 0;
	uint64_t bits;
	rx_err rc;

	rx_record_init(&r[0]);
	rx_record_init(&r[1]);
	rx_record_init(&shown);
	if ((rc = rx_query_open(&cur, s->store, v->query, &arg, 1, st)) !=
	    RX_OK)
		goto done;
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		/* Of another case, whose keys are not at hand. */
		of = v->table == RX_TABLE_RECORD ? rx_col_bytes(cur, 2, &len) :
		    NULL;
		if (of != NULL && (len != RX_ID_BYTES || memcmp(of, v->child,
		    RX_ID_BYTES) != 0)) {
			rc = rx_fail(st, RX_ENOENT, RX_MSG_RECORD_UNKNOWN);
			break;
		}
		if ((rc = rx_row_open(s, v->c, cur, v->table, RX_CASE_KEYS,
		    true, &r[n & 1], st)) != RX_OK)
			break;
		bits = n == 0 ? 0 : changes(&r[(n - 1) & 1], &r[n & 1]);
		if ((rc = rx_row_open(s, v->c, cur, v->table, RX_CASE_KEYS,
		    false, &shown, st)) != RX_OK ||
		    (rc = rx_record_mask(&shown, v->shown, st)) != RX_OK ||
		    (rc = each(cookie, &shown, bits, st)) != RX_OK)
			break;
		n++;
	}
	rx_query_close(cur);
	if (rc == RX_OK && n == 0)
		rc = rx_fail(st, RX_ENOENT, RX_MSG_RECORD_UNKNOWN);
done:
	rx_record_free(&r[0]);
	rx_record_free(&r[1]);
	rx_record_free(&shown);
	return (rc);
}

rx_err
rx_child_history(struct rx_session *s, const uint8_t child[RX_ID_BYTES],
    const uint8_t id[RX_ID_BYTES], unsigned shown, rx_version_each *each,
    void *cookie, struct rx_status *st)
{
	const bool whole = memcmp(child, id, RX_ID_BYTES) == 0;
	struct rx_case c;
	struct versions v = { &c, whole ? RX_TABLE_CHILD : RX_TABLE_RECORD,
	    whole ? RX_Q_CHILD_HISTORY : RX_Q_RECORD_HISTORY, child, shown };
	rx_err rc;

	rx_case_init(&c);
	/* First the audit, then the sight of it. */
	if ((rc = rx_case_reveal(s, &c, child, shown != 0 ?
	    "history: identity" : "history", st)) == RX_OK)
		rc = each_version(s, &v, id, each, cookie, st);
	rx_case_done(&c, s);
	return (rc);
}

rx_err
rx_review_history(struct rx_session *s, const struct rx_flag_row *flag,
    rx_version_each *each, void *cookie, struct rx_status *st)
{
	struct rx_case c;
	const struct versions v = { &c, RX_TABLE_RECORD,
	    RX_Q_RECORD_HISTORY, flag->child, 0 };
	bool director;
	rx_err rc;

	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rx_case_init(&c);
	/* First the audit, then the sight of it. */
	rc = rx_case_load_reading(s, &c, flag->child, &director, st);
	if ((rc = rx_finish(s, rc, RX_DID_REVEAL, flag->child, "history",
	    st)) == RX_OK)
		rc = each_version(s, &v, flag->id, each, cookie, st);
	rx_case_done(&c, s);
	return (rc);
}

rx_err
rx_activity_unit(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	memset(unit, 0, RX_UNIT_BYTES);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_ACTIVITY, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		rx_unit_set(unit, rx_col_text(cur, 2));
	rx_query_close(cur);
	if (rc == RX_OK && !row)
		rc = rx_fail(st, RX_ENOENT, RX_MSG_RECORD_UNKNOWN);
	return (rc != RX_OK ? rc : rx_permit(s, RX_ACT_WRITE_ACTIVITY, unit,
	    st));
}

rx_err
rx_activity_history(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    rx_version_each *each, void *cookie, struct rx_status *st)
{
	const struct versions v = { NULL, RX_TABLE_ACTIVITY,
	    RX_Q_ACTIVITY_HISTORY, NULL, 0 };
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK ||
	    (rc = rx_activity_unit(s, id, unit, st)) != RX_OK)
		return (rc);
	return (each_version(s, &v, id, each, cookie, st));
}
