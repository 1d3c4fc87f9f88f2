#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/*
 * What the statistics read, and the ledger they write.  Only coded keys are
 * asked for here: a statistician's session has no others.
 */

typedef rx_err record_each(void *, const struct rx_record *,
    struct rx_status *);

/* A reading of what is coded. */
struct reading {
	struct rx_session *s;
	struct rx_case c;
	struct rx_record r;
	bool gather;		/* else the records of each child follow it */
	struct rx_scan *scan;	/* of what is gathered; NULL: nothing yet */
	record_each *each;
	rx_line_fn *line;	/* NULL: records are asked for */
	struct rx_extract extract;
	void *cookie;
};

/* The records of the loaded case, in the order of recording. */
static rx_err
each_of_child(struct reading *w, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(w->c.id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, w->s->store, RX_Q_RECORDS_OF_CHILD, &arg,
	    1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if ((rc = rx_row_open(w->s, &w->c, cur, RX_TABLE_RECORD,
		    RX_BIT(RX_COMP_CODED), false, &w->r, st)) != RX_OK)
			break;
		/* A case that has moved is counted where it is. */
		memcpy(w->r.unit, w->c.unit, RX_UNIT_BYTES);
		if ((rc = w->each(w->cookie, &w->r, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* The child under ${cur}, of the loaded case, and its records. */
static rx_err
child_now(struct reading *w, const struct rx_cursor *cur, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_row_open(w->s, &w->c, cur, RX_TABLE_CHILD,
	    RX_BIT(RX_COMP_CODED), false, &w->r, st)) != RX_OK ||
	    (rc = w->each(w->cookie, &w->r, st)) != RX_OK)
		return (rc);
	return (each_of_child(w, st));
}

/* The same, gathered; when there is room for no more, those that are are read. */
static rx_err
child_gather(struct reading *w, const struct rx_cursor *cur,
    struct rx_status *st)
{
	rx_err rc;

	if (w->scan == NULL && (rc = rx_scan_new(&w->scan, w->s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_scan_child(w->scan, &w->c, cur, w->each, w->cookie,
	    st)) != RX_OK || !rx_scan_full(w->scan))
		return (rc);
	return (rx_scan_records(w->scan, w->each, w->cookie, st));
}

/* The loaded case by its extract; *done is false when that is not to be had. */
static rx_err
child_extract(struct reading *w, bool *done, struct rx_status *st)
{
	struct rx_form_line line;
	size_t at = 0;
	rx_err rc;

	if ((rc = rx_extract_open(&w->extract, w->s, &w->c, done, st)) !=
	    RX_OK || !*done)
		return (rc);
	rx_record_reset(&w->r);
	w->r.type = RX_CHILD;
	memcpy(w->r.id, w->c.id, RX_ID_BYTES);
	memcpy(w->r.child, w->c.id, RX_ID_BYTES);
	memcpy(w->r.unit, w->c.unit, RX_UNIT_BYTES);
	rc = w->each(w->cookie, &w->r, st);
	while (rc == RX_OK && rx_extract_line(&w->extract, &at, &line))
		rc = w->line(w->cookie, w->c.id, w->c.unit, &line, st);
	return (rc);
}

/* The case under ${cur}, whose keys are loaded. */
static rx_err
child_read(struct reading *w, const struct rx_cursor *cur,
    struct rx_status *st)
{
	bool done;
	rx_err rc;

	if (w->line != NULL && ((rc = child_extract(w, &done, st)) != RX_OK ||
	    done))
		return (rc);
	return (w->gather ? child_gather(w, cur, st) : child_now(w, cur, st));
}

/* The children of a unit with their records. */
static rx_err
each_child(struct reading *w, const char *unit, struct rx_status *st)
{
	struct rx_value arg = rx_text(unit);
	struct rx_cursor *cur;
	const uint8_t *id;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, w->s->store, RX_Q_CODED_CHILDREN, &arg,
	    1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		id = rx_col_bytes(cur, 0, &n);
		if (n != RX_ID_BYTES) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
			break;
		}
		if ((rc = rx_case_load(&w->c, w->s, id, unit,
		    RX_BIT(RX_COMP_CODED), st)) != RX_OK ||
		    (rc = child_read(w, cur, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

static rx_err
each_activity(struct rx_session *s, struct rx_record *r, const char *unit,
    record_each *each, void *cookie, struct rx_status *st)
{
	struct rx_value arg = rx_text(unit);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_ACTIVITIES_OF_UNIT, &arg,
	    1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = rx_row_open(s, NULL, cur, RX_TABLE_ACTIVITY,
		    RX_BIT(RX_COMP_CODED), false, r, st)) != RX_OK ||
		    (rc = each(cookie, r, st)) != RX_OK)
			break;
	rx_query_close(cur);
	return (rc);
}

/* Everything coded at or under ${unit}; the activities alone unless ${cases};
 * what erased children add goes to ${residue}, if that is not NULL: then it is
 * the form, for which the order of records is no matter. */
static rx_err
each_unit(struct reading *w, const char *unit, bool cases,
    rx_residue_fn *residue, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	const struct rx_key *key;
	const char *u;
	size_t i;
	rx_err rc;

	rc = rx_keyed_units(w->s, unit, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES) {
		u = (const char *)units.b + i;
		/* A unit without the key is a refusal, never a gap. */
		rc = rx_unit_key(w->s, u, RX_COMP_CODED, 0, &key, NULL, st);
		if (rc == RX_OK && cases)
			rc = each_child(w, u, st);
		if (rc == RX_OK)
			rc = each_activity(w->s, &w->r, u, w->each, w->cookie,
			    st);
		if (rc == RX_OK && residue != NULL)
			rc = rx_residue_each(w->s, u, residue, w->cookie, st);
	}
	if (rc == RX_OK && w->scan != NULL)
		rc = rx_scan_records(w->scan, w->each, w->cookie, st);
	rx_buf_free(&units);
	return (rc);
}

static rx_err
each_coded(struct rx_session *s, const char unit[RX_UNIT_BYTES], bool cases,
    record_each *each, rx_line_fn *line, rx_residue_fn *residue,
    void *cookie, struct rx_mark *mark, struct rx_status *st)
{
	struct reading w = { .s = s, .gather = residue != NULL, .each = each,
	    .line = line, .cookie = cookie };
	bool held = false;
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_COUNT, unit, st)) != RX_OK)
		return (rc);
	rx_case_init(&w.c);
	rx_record_init(&w.r);
	if ((rc = rx_store_hold(s->store, &held, st)) != RX_OK ||
	    (mark != NULL && (rc = rx_mark_now(mark, s, st)) != RX_OK))
		goto done;
	rc = each_unit(&w, unit, cases, residue, st);
done:
	if (held)
		rx_store_rollback(s->store);
	rx_scan_free(w.scan);
	rx_case_done(&w.c, s);
	rx_record_free(&w.r);
	rx_extract_free(&w.extract);
	return (rc);
}

rx_err
rx_coded_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    record_each *each, void *cookie, struct rx_status *st)
{

	return (each_coded(s, unit, true, each, NULL, NULL, cookie, NULL, st));
}

rx_err
rx_form_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    record_each *each, rx_line_fn *line, rx_residue_fn *residue,
    void *cookie, struct rx_mark *mark, struct rx_status *st)
{

	return (each_coded(s, unit, true, each, line, residue, cookie, mark,
	    st));
}

rx_err
rx_form_hold(struct rx_session *s, bool *held, struct rx_status *st)
{

	return (rx_store_hold(s->store, held, st));
}

void
rx_form_release(struct rx_session *s, bool held)
{

	if (held)
		rx_store_rollback(s->store);
}

rx_err
rx_activity_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    record_each *each, void *cookie, struct rx_status *st)
{

	return (each_coded(s, unit, false, each, NULL, NULL, cookie, NULL, st));
}

rx_err
rx_activity_own_each(struct rx_session *s, record_each *each, void *cookie,
    struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	struct rx_record r;
	size_t i;
	rx_err rc;

	rx_record_init(&r);
	if (!rx_session_has_role(s, RX_ROLE_DIRECTOR) &&
	    !rx_session_has_role(s, RX_ROLE_STATISTICIAN))
		return (rx_fail(st, RX_EPERM, RX_MSG_CASES_NOT_YOURS));
	rc = rx_units_for(s, RX_ACT_WRITE_ACTIVITY, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = each_activity(s, &r, (const char *)units.b + i, each,
		    cookie, st);
	rx_record_free(&r);
	rx_buf_free(&units);
	return (rc);
}

/* ---- the ledger ---- */

/* A release is sealed under the ledger key (type RELEASE, place: object = its
 * id, table, column 1), padded as a note. */
static void
release_place(struct rx_place *p, const struct rx_session *s,
    const uint8_t *id)
{

	rx_place_init(p, s, "", id, NULL, RX_TABLE_RELEASE, 1, 1);
}

/* In the writing transaction: whether the ledger is as long as it was. */
static rx_err
still(struct rx_session *s, size_t seen, struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	int64_t n = 0;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_RELEASES_NUMBER, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		n = rx_col_int(cur, 0);
	rx_query_close(cur);
	if (rc == RX_OK && (n < 0 || (size_t)n != seen))
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_RELEASE_MEANWHILE);
	return (rc);
}

rx_err
rx_release_add(struct rx_session *s, size_t seen, const char *text, size_t n,
    uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	struct rx_buf box = RX_BUF_INIT;
	const struct rx_key *key;
	struct rx_place place;
	struct rx_value v[2];
	uint32_t epoch;
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_LEDGER, NULL, st)) != RX_OK ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rx_uuid7(id, rx_time_now());
	release_place(&place, s, id);
	if ((rc = rx_unit_key(s, RX_REGISTER_KEYS, RX_COMP_LEDGER, 0, &key,
	    &epoch, st)) == RX_OK)
		rc = rx_field_seal(&box, key, RX_COMP_LEDGER, epoch, &place,
		    RX_PAD_NOTE, text, n, st);
	v[0] = rx_bytes(id, RX_ID_BYTES);
	v[1] = rx_bytes(box.b, box.len);
	if (rc == RX_OK)
		rc = still(s, seen, st);
	if (rc == RX_OK)
		rc = rx_store_insert(s->store, RX_TABLE_RELEASE, v, st);
	rc = rx_finish(s, rc, RX_DID_RELEASE, id, NULL, st);
	rx_buf_free(&box);
	return (rc);
}

rx_err
rx_release_each(struct rx_session *s,
    rx_err (*each)(void *, const uint8_t id[RX_ID_BYTES], const char *text,
    size_t n, struct rx_status *), void *cookie, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	const struct rx_key *key;
	const uint8_t *id, *box;
	struct rx_place place;
	struct rx_cursor *cur;
	size_t n, nb;
	bool row = false;
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_LEDGER, NULL, st)) != RX_OK ||
	    (rc = rx_query_open(&cur, s->store, RX_Q_RELEASES, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		id = rx_col_bytes(cur, 0, &n);
		box = rx_col_bytes(cur, 1, &nb);
		if (n != RX_ID_BYTES) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
			break;
		}
		release_place(&place, s, id);
		rx_buf_reset(&text);
		if ((rc = rx_unit_key(s, RX_REGISTER_KEYS, RX_COMP_LEDGER,
		    rx_envelope_epoch(box, nb), &key, NULL, st)) != RX_OK ||
		    (rc = rx_field_open(&text, box, nb, key, RX_COMP_LEDGER,
		    &place, st)) != RX_OK ||
		    (rc = each(cookie, id, (const char *)text.b, text.len,
		    st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	rx_buf_free(&text);
	return (rc);
}
