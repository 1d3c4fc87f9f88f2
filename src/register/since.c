#include "register/internal.h"

/*
 * What is new for the form since a mark.
 *
 * Rows of children, records and activities are only ever added, each numbered
 * by the store after the newest, but for what erases and what opens a bundle.
 * So a case is now what all of its rows make of it, and was at the mark what
 * those up to the newest row of then make of it: both can be read.  Whether
 * anything but adding was done says the audit, whose entries from the mark to
 * the head hang together by their hashes: what may do anything (rx_action_effect)
 * makes the answer "not known".  A mark of another register, of one that was put
 * back or went on otherwise, is not on the chain.
 *
 * Of a case without a new intervention, and without a new version of anything,
 * the new records are enough: only interventions are counted by the case (a day
 * of visits, a child helped), any other record counts for itself.
 *
 * The mark names its newest rows by id and version, not by number: rewriting
 * the files may number rows anew, though in the same order.
 */

#define MOSTLY 4	/* one case in so many is new: counting all costs less */
#define FEW 64

enum { OF_CHILD, OF_RECORD, OF_ACTIVITY, TABLES };

static const enum rx_query newest_of[TABLES] = {
	RX_Q_CHILD_NEWEST, RX_Q_RECORD_NEWEST, RX_Q_ACTIVITY_NEWEST
};
static const enum rx_query number_of[TABLES] = {
	RX_Q_CHILD_NUMBER, RX_Q_RECORD_NUMBER, RX_Q_ACTIVITY_NUMBER
};

typedef rx_err since_each(void *, const struct rx_record *, bool,
    struct rx_status *);

struct since {
	struct rx_session *s;
	const char *unit;	/* of the form */
	since_each *each;
	void *cookie;
	bool known;
	bool keys;		/* who holds which may have changed */
	int64_t then[TABLES];	/* numbers of the newest rows at the mark */
	struct rx_case c;
	struct rx_record r;
};

/* The number in the first row of ${q}, ${*n} as it was when there is none. */
static rx_err
number(int64_t *n, struct rx_session *s, enum rx_query q,
    const struct rx_value *args, unsigned nargs, struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, q, args, nargs, st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		*n = rx_col_int(cur, 0);
	rx_query_close(cur);
	return (rc);
}

/* ---- where the register stands ---- */

static rx_err
newest_row(struct rx_mark *mark, struct rx_session *s, int table,
    struct rx_status *st)
{
	struct rx_cursor *cur;
	const void *id;
	bool row = false;
	size_t n;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, newest_of[table], NULL, 0,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		id = rx_col_bytes(cur, 0, &n);
		if (n == RX_ID_BYTES)
			memcpy(mark->newest[table].id, id, RX_ID_BYTES);
		mark->newest[table].version = (uint32_t)rx_col_int(cur, 1);
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_mark_now(struct rx_mark *mark, struct rx_session *s, struct rx_status *st)
{
	struct rx_audit_head head;
	int table;
	rx_err rc;

	memset(mark, 0, sizeof(*mark));
	if ((rc = rx_audit_head(s, &head, st)) != RX_OK)
		return (rc);
	mark->seq = head.seq;
	memcpy(mark->hash, head.hash, RX_HASH_BYTES);
	for (table = 0; table < TABLES && rc == RX_OK; table++)
		rc = newest_row(mark, s, table, st);
	if (rc != RX_OK)
		return (rc);
	return (number(&mark->erased, s, RX_Q_ERASURES_NUMBER, NULL, 0, st));
}

/* ---- whether rows were only added ---- */

static rx_err
done_since(void *cookie, enum rx_action action, struct rx_status *st)
{
	const enum rx_effect effect = rx_action_effect(action);
	struct since *w = cookie;

	(void)st;
	w->keys |= effect == RX_EFFECT_KEYS;
	w->known &= effect != RX_EFFECT_ANY;
	return (RX_OK);
}

/* The numbers of the newest rows of ${mark}: not known when one is gone. */
static rx_err
rows_find(struct since *w, const struct rx_mark *mark, struct rx_status *st)
{
	struct rx_value args[2];
	int table;
	rx_err rc = RX_OK;

	for (table = 0; table < TABLES && rc == RX_OK; table++) {
		w->then[table] = 0;
		if (mark->newest[table].version == 0)
			continue;
		args[0] = rx_bytes(mark->newest[table].id, RX_ID_BYTES);
		args[1] = rx_int(mark->newest[table].version);
		rc = number(&w->then[table], w->s, number_of[table], args, 2,
		    st);
		w->known = w->known && w->then[table] > 0;
	}
	return (rc);
}

/* Whether, and from which rows on, the register has only grown since ${mark}. */
static rx_err
grown(struct since *w, const struct rx_mark *mark, const struct rx_mark *now,
    struct rx_status *st)
{
	struct rx_audit_head from, head;
	struct rx_status why;
	rx_err rc;

	memset(&from, 0, sizeof(from));
	from.seq = mark->seq;
	memcpy(from.hash, mark->hash, RX_HASH_BYTES);
	w->known = now->seq >= mark->seq && now->erased == mark->erased;
	rx_status_clear(&why);
	if (w->known && (rc = rx_audit_after(w->s, &from, &head, done_since, w,
	    &why)) != RX_OK) {
		w->known = false;
		if (rc != RX_ECORRUPT) {
			*st = why;
			return (rc);
		}
	}
	return (w->known ? rows_find(w, mark, st) : RX_OK);
}

/* A unit without the key is a refusal, never a gap. */
static rx_err
keys_check(struct since *w, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	const struct rx_key *key;
	size_t i;
	rx_err rc;

	rc = rx_keyed_units(w->s, w->unit, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = rx_unit_key(w->s, (const char *)units.b + i,
		    RX_COMP_CODED, 0, &key, NULL, st);
	rx_buf_free(&units);
	return (rc);
}

/* ---- what is new ---- */

/* Open the row that ${q} has of ${id} up to ${number}; *row: there is one. */
static rx_err
row_as_of(struct since *w, enum rx_query q, struct rx_case *c,
    enum rx_table table, const uint8_t *id, int64_t upto, bool *row,
    struct rx_status *st)
{
	const struct rx_value args[2] = { rx_bytes(id, RX_ID_BYTES),
	    rx_int(upto) };
	struct rx_cursor *cur;
	rx_err rc;

	*row = false;
	if ((rc = rx_query_open(&cur, w->s->store, q, args, 2, st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, row, st)) == RX_OK && *row)
		rc = rx_row_open(w->s, c, cur, table, RX_BIT(RX_COMP_CODED),
		    false, &w->r, st);
	rx_query_close(cur);
	return (rc);
}

/* Hand over the opened record, of a case that is, or was, in ${unit}: one that
 * has moved is counted where it is. */
static rx_err
hand(struct since *w, const char unit[RX_UNIT_BYTES], bool now,
    struct rx_status *st)
{

	memcpy(w->r.unit, unit, RX_UNIT_BYTES);
	return (w->each(w->cookie, &w->r, now, st));
}

/* The record under ${cur} of the loaded case, which was in ${unit[0]} ("": was not
 * there) and is in ${unit[1]}. */
static rx_err
record_both(struct since *w, const struct rx_cursor *cur,
    char unit[2][RX_UNIT_BYTES], struct rx_status *st)
{
	bool live[2];
	int now;
	rx_err rc;

	live[0] = rx_col_int(cur, 6) != 0 && unit[0][0] != '\0';
	live[1] = rx_col_int(cur, 7) != 0;
	if (!live[0] && !live[1])
		return (RX_OK);
	if ((rc = rx_row_open(w->s, &w->c, cur, RX_TABLE_RECORD,
	    RX_BIT(RX_COMP_CODED), false, &w->r, st)) != RX_OK)
		return (rc);
	for (now = 0; now < 2 && rc == RX_OK; now++)
		if (live[now])
			rc = hand(w, unit[now], now, st);
	return (rc);
}

/* All of the loaded case as it was at the mark, and as it is. */
static rx_err
case_both(struct since *w, char unit[2][RX_UNIT_BYTES], struct rx_status *st)
{
	const int64_t upto[2] = { w->then[OF_CHILD], INT64_MAX };
	const struct rx_value args[2] = { rx_bytes(w->c.id, RX_ID_BYTES),
	    rx_int(w->then[OF_RECORD]) };
	struct rx_cursor *cur;
	bool row = false;
	int now;
	rx_err rc;

	for (now = 0; now < 2; now++) {
		if ((rc = row_as_of(w, RX_Q_CHILD_AS_OF, &w->c, RX_TABLE_CHILD,
		    w->c.id, upto[now], &row, st)) != RX_OK ||
		    (row && (rc = hand(w, unit[now], now, st)) != RX_OK))
			return (rc);
	}
	if ((rc = rx_query_open(&cur, w->s->store, RX_Q_CODED_SINCE, args, 2,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = record_both(w, cur, unit, st)) != RX_OK)
			break;
	rx_query_close(cur);
	return (rc);
}

/* The new records of the loaded case, handed over if ${tell}; *whole: they do not
 * count for themselves. */
static rx_err
records_new(struct since *w, const char unit[RX_UNIT_BYTES], bool tell,
    bool *whole, struct rx_status *st)
{
	const struct rx_value args[2] = { rx_bytes(w->c.id, RX_ID_BYTES),
	    rx_int(w->then[OF_RECORD]) };
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*whole = false;
	if ((rc = rx_query_open(&cur, w->s->store, RX_Q_CODED_NEW, args, 2,
	    st)) != RX_OK)
		return (rc);
	while (!*whole && (rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if ((rc = rx_row_open(w->s, &w->c, cur, RX_TABLE_RECORD,
		    RX_BIT(RX_COMP_CODED), false, &w->r, st)) != RX_OK)
			break;
		*whole = w->r.version > 1 || w->r.type == RX_INTERVENTION;
		if (tell && (rc = hand(w, unit, true, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* The unit of the row that ${q} has of ${id} up to ${number}; "": there is none. */
static rx_err
unit_as_of(struct since *w, enum rx_query q, const uint8_t *id, int64_t upto,
    char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	const struct rx_value args[2] = { rx_bytes(id, RX_ID_BYTES),
	    rx_int(upto) };
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	memset(unit, 0, RX_UNIT_BYTES);
	if ((rc = rx_query_open(&cur, w->s->store, q, args, 2, st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		rx_unit_set(unit, rx_col_text(cur, 2));
	rx_query_close(cur);
	return (rc);
}

/* The loaded case, which has new rows. */
static rx_err
case_loaded(struct since *w, char unit[2][RX_UNIT_BYTES], bool child,
    struct rx_status *st)
{
	bool whole = child;
	rx_err rc;

	if (!whole && (rc = records_new(w, unit[1], false, &whole, st)) !=
	    RX_OK)
		return (rc);
	return (whole ? case_both(w, unit, st) :
	    records_new(w, unit[1], true, &whole, st));
}

static rx_err
case_since(struct since *w, const uint8_t *id, struct rx_status *st)
{
	const struct rx_value args[2] = { rx_bytes(id, RX_ID_BYTES),
	    rx_int(w->then[OF_CHILD]) };
	char unit[2][RX_UNIT_BYTES];
	int64_t child = 0;
	bool was, is;
	rx_err rc;

	if ((rc = unit_as_of(w, RX_Q_CHILD_AS_OF, id, w->then[OF_CHILD],
	    unit[0], st)) != RX_OK || (rc = unit_as_of(w, RX_Q_CHILD_AS_OF, id,
	    INT64_MAX, unit[1], st)) != RX_OK || (rc = number(&child, w->s,
	    RX_Q_CHILD_NEW, args, 2, st)) != RX_OK)
		return (rc);
	was = unit[0][0] != '\0' && rx_unit_covers(w->unit, unit[0]);
	is = unit[1][0] != '\0' && rx_unit_covers(w->unit, unit[1]);
	if (!was && !is)
		return (RX_OK);
	/* A case of another form, whose keys are another's. */
	w->known = is && (was || unit[0][0] == '\0');
	if (!w->known)
		return (RX_OK);
	if ((rc = rx_case_load(&w->c, w->s, id, unit[1], RX_BIT(RX_COMP_CODED),
	    st)) != RX_OK)
		return (rc);
	return (case_loaded(w, unit, child != 0, st));
}

static rx_err
activity_since(struct since *w, const uint8_t *id, struct rx_status *st)
{
	const int64_t upto[2] = { w->then[OF_ACTIVITY], INT64_MAX };
	char unit[RX_UNIT_BYTES];
	bool row;
	int now;
	rx_err rc;

	for (now = 0; now < 2; now++) {
		if ((rc = unit_as_of(w, RX_Q_ACTIVITY_AS_OF, id, upto[now],
		    unit, st)) != RX_OK)
			return (rc);
		if (unit[0] == '\0' || !rx_unit_covers(w->unit, unit))
			continue;
		if ((rc = row_as_of(w, RX_Q_ACTIVITY_AS_OF, NULL,
		    RX_TABLE_ACTIVITY, id, upto[now], &row, st)) != RX_OK ||
		    (rc = w->each(w->cookie, &w->r, now, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
new_rows(struct since *w, struct rx_status *st)
{
	const struct rx_value cases[2] = { rx_int(w->then[OF_CHILD]),
	    rx_int(w->then[OF_RECORD]) };
	const struct rx_value activities = rx_int(w->then[OF_ACTIVITY]);
	struct rx_buf ids = RX_BUF_INIT;
	size_t i, n;
	rx_err rc;

	if ((rc = rx_query_ids(w->s->store, RX_Q_CASES_SINCE, cases, 2, 0,
	    &ids, st)) != RX_OK)
		goto done;
	n = ids.len;
	w->known = n / RX_ID_BYTES <= FEW +
	    (size_t)w->then[OF_CHILD] / MOSTLY;
	if (w->known && (rc = rx_query_ids(w->s->store, RX_Q_ACTIVITIES_SINCE,
	    &activities, 1, 0, &ids, st)) != RX_OK)
		goto done;
	for (i = 0; i < ids.len && w->known && rc == RX_OK; i += RX_ID_BYTES)
		rc = i < n ? case_since(w, ids.b + i, st) :
		    activity_since(w, ids.b + i, st);
done:
	rx_buf_free(&ids);
	return (rc);
}

rx_err
rx_form_since(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_mark *mark, since_each *each, void *cookie, bool *known,
    struct rx_status *st)
{
	struct since w = { .s = s, .unit = unit, .each = each,
	    .cookie = cookie };
	struct rx_mark now;
	bool held = false;
	rx_err rc;

	*known = false;
	if ((rc = rx_permit(s, RX_ACT_COUNT, unit, st)) != RX_OK)
		return (rc);
	rx_case_init(&w.c);
	rx_record_init(&w.r);
	if ((rc = rx_store_hold(s->store, &held, st)) == RX_OK &&
	    (rc = rx_mark_now(&now, s, st)) == RX_OK)
		rc = grown(&w, mark, &now, st);
	if (rc == RX_OK && w.known && w.keys)
		rc = keys_check(&w, st);
	if (rc == RX_OK && w.known)
		rc = new_rows(&w, st);
	if (held)
		rx_store_rollback(s->store);
	rx_case_done(&w.c, s);
	rx_record_free(&w.r);
	if ((*known = rc == RX_OK && w.known))
		*mark = now;
	return (rc);
}
