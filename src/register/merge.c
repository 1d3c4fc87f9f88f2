#include <stdlib.h>

#include "register/merge.h"

/*
 * Merging the rows of an opened bundle.  All of it happens in the caller's
 * transaction, and every row is verified before that ends, as if the sender
 * were a stranger who knows our formats:
 *
 *   certificates, revocations   signed by the pinned root
 *   countersigned heads         signed by somebody who may; on the chain here,
 *                               if they are of it
 *   epochs and grants of units  from home, in a copy: those that the opener is
 *                               entitled to; his newest keys must open them
 *   moves of a case             in a copy: accepted by a director of the new unit,
 *                               offered by one of the old; the keys and the
 *                               version of the child are the ones that were signed
 *   keys of a case              open for the opener, and lead to the keys that
 *                               he had; new ones by somebody who may make them,
 *                               or checked in all three compartments
 *   versions, records           opened under these keys, author's signature and
 *                               role, tag; the narrative too if he has the key;
 *                               not dated after the bundle, and fitting the
 *                               other versions (version.c)
 *   slots, what they lead to    not believed: written anew from the records, or
 *                               kept for whoever they are for to verify
 *   certificates of erasure     from home: opened, author's signature and role;
 *                               the case that one names is destroyed
 */

rx_err
rx_merge_corrupt(struct rx_status *st)
{

	return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT));
}

rx_err
rx_merge_not_entitled(const struct merge *m, struct rx_status *st)
{

	rx_status_arg(st, "user", "%s", m->cert->name);
	return (rx_fail(st, RX_EPERM, RX_MSG_BUNDLE_NOT_ENTITLED));
}

/* ---- taking the body apart ---- */

/* What may come in a bundle: how long the bytes of the key columns are (of text:
 * a unit), which column is the case, and which a version or epoch. */
static const struct {
	int id[3];		/* columns of 16 bytes; -1: no more */
	int child, unit, number;
	bool only_home;
} forms[RX_TABLE_COUNT] = {
	[RX_TABLE_CERT] = { { 0, 1, -1 }, -1, -1, -1, false },
	[RX_TABLE_REVOCATION] = { { 0, -1, -1 }, -1, -1, -1, false },
	[RX_TABLE_ANCHOR] = { { 0, 3, -1 }, -1, -1, 1, false },
	[RX_TABLE_UNIT_EPOCH] = { { -1, -1, -1 }, -1, 0, 2, true },
	[RX_TABLE_UNIT_GRANT] = { { 3, -1, -1 }, -1, 0, 1, true },
	[RX_TABLE_CASE_KEY] = { { 0, -1, -1 }, 0, 2, 1, false },
	[RX_TABLE_CASE_LINK] = { { 0, -1, -1 }, 0, -1, 1, false },
	[RX_TABLE_SLOT_OLD] = { { 0, 1, -1 }, 0, -1, -1, false },
	[RX_TABLE_SLOT] = { { 0, 1, -1 }, 0, -1, -1, false },
	[RX_TABLE_SLOT_KEY] = { { 0, -1, -1 }, 0, -1, 1, false },
	[RX_TABLE_CHILD] = { { 0, 3, -1 }, 0, 2, 1, false },
	[RX_TABLE_RECORD] = { { 0, 2, 4 }, 2, 3, 1, false },
	[RX_TABLE_ACTIVITY] = { { 0, 3, -1 }, -1, 2, 1, false },
	[RX_TABLE_ERASURE] = { { 0, -1, -1 }, -1, 1, -1, true },
	[RX_TABLE_MOVE] = { { 0, -1, -1 }, 0, -1, 1, false },
};

static bool
allowed(enum rx_table table)
{

	return (table == RX_TABLE_CERT || table == RX_TABLE_REVOCATION ||
	    forms[table].number >= 1 || table == RX_TABLE_SLOT ||
	    table == RX_TABLE_SLOT_OLD ||
	    table == RX_TABLE_ERASURE);
}

bool
rx_merge_unit(char unit[RX_UNIT_BYTES], const struct rx_value *v)
{

	return (rx_unit_stored(unit, v->p, v->n) || (v->n == 8 &&
	    rx_unit_of_register(unit)));
}

static bool
form_right(struct in_row *r)
{
	char unit[RX_UNIT_BYTES];
	size_t i;

	if (!allowed(r->table))
		return (false);
	for (i = 0; i < 3 && forms[r->table].id[i] >= 0; i++)
		if (r->v[forms[r->table].id[i]].n != RX_ID_BYTES)
			return (false);
	if (forms[r->table].number >= 0 &&
	    (r->v[forms[r->table].number].i < 1 ||
	    r->v[forms[r->table].number].i > UINT32_MAX - 1))
		return (false);
	if (forms[r->table].unit >= 0 &&
	    !rx_merge_unit(unit, &r->v[forms[r->table].unit]))
		return (false);
	r->unit = forms[r->table].unit;
	r->child = forms[r->table].child >= 0 ?
	    r->v[forms[r->table].child].p : NULL;
	return (true);
}

/* Cut ${p} into rows. */
static rx_err
rows_read(struct merge *m, const uint8_t *p, size_t left,
    struct rx_status *st)
{
	struct rx_status no;
	struct in_row *grown, *r;
	size_t cap = 0, n;

	while (left > 0) {
		if (left < 4 || (n = rx_get32(p)) > left - 4)
			return (rx_merge_corrupt(st));
		if (m->n == cap) {
			cap = cap == 0 ? 256 : 2 * cap;
			if ((grown = reallocarray(m->row, cap,
			    sizeof(*grown))) == NULL)
				return (rx_fail(st, RX_EINTERNAL,
				    RX_MSG_NO_MEMORY));
			m->row = grown;
		}
		r = &m->row[m->n];
		memset(r, 0, sizeof(*r));
		r->p = p + 4;
		r->n = n;
		r->at = m->n;
		rx_status_clear(&no);
		if (rx_row_decode(&r->table, r->v, r->p, n, &no) != RX_OK ||
		    !form_right(r))
			return (rx_merge_corrupt(st));
		if (forms[r->table].only_home && !m->from_home)
			return (rx_merge_not_entitled(m, st));
		m->n++;
		p += 4 + n;
		left -= 4 + n;
	}
	return (RX_OK);
}

/* Rows of no case first, then case by case; otherwise as they came. */
static int
row_cmp(const void *a, const void *b)
{
	const struct in_row *x = a, *y = b;
	int c;

	if ((x->child == NULL) != (y->child == NULL))
		return (x->child == NULL ? -1 : 1);
	c = x->child == NULL ? 0 : memcmp(x->child, y->child, RX_ID_BYTES);
	return (c != 0 ? c : x->at < y->at ? -1 : 1);
}

/* ---- what is of no case ---- */

/* What home has erased, before anything is put in.  At home it is done by hand:
 * what the child added to past forms is kept there. */
static rx_err
erasures_put(struct merge *m, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	enum rx_taken how;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < m->n && m->row[i].child == NULL && rc == RX_OK; i++) {
		if (m->row[i].table != RX_TABLE_ERASURE || !m->s->copy)
			continue;
		(void)rx_merge_unit(unit, &m->row[i].v[1]);
		if ((rc = rx_merge_unit_check(m, unit, st)) != RX_OK ||
		    (rc = rx_erasure_take(m->s, &m->now, m->row[i].v, unit,
		    &how, st)) != RX_OK)
			break;
		m->info->gone += how == RX_TAKEN_GONE;
		m->info->skipped += how == RX_TAKEN_ELSEWHERE;
		m->changed = m->changed || how == RX_TAKEN_GONE ||
		    how == RX_TAKEN_KNOWN;
	}
	return (rc);
}

static rx_err
activities_put(struct merge *m, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < m->n && m->row[i].child == NULL && rc == RX_OK; i++) {
		if (m->row[i].table != RX_TABLE_ACTIVITY)
			continue;
		(void)rx_merge_unit(unit, &m->row[i].v[2]);
		if ((rc = rx_merge_unit_check(m, unit, st)) == RX_OK)
			rc = rx_merge_version(m, NULL, &m->row[i], unit, st);
	}
	return (rc);
}

/* ---- what was written twice ---- */

/* The conflicts that somebody looks at. */
struct twice {
	enum rx_query q;		/* which find them by */
	struct rx_value arg;
	const uint8_t *child, *activity;	/* of the one; the other is NULL */
	rx_err (*each)(void *, const struct rx_record *, struct rx_status *);
	void *cookie;
};

/* Open the row ${p} that a conflict keeps: it is put in its place, verified like
 * any other, and handed on; the transaction is not kept. */
static rx_err
conflict_open(struct merge *m, const uint8_t *p, size_t n,
    const struct twice *t, struct rx_status *st)
{
	struct in_row r = { .p = p, .n = n };
	rx_err rc;

	if ((rc = rx_row_decode(&r.table, r.v, p, n, st)) != RX_OK)
		return (rc);
	if (!form_right(&r) || (r.child == NULL) != (t->activity != NULL))
		return (rx_merge_corrupt(st));
	if (t->activity != NULL && memcmp(r.v[0].p, t->activity,
	    RX_ID_BYTES) != 0)
		return (RX_OK);
	if ((rc = rx_store_replace(m->s->store, r.table, r.v, st)) != RX_OK ||
	    (rc = rx_merge_verify(m, r.child != NULL ? &m->now : NULL, &r,
	    st)) != RX_OK)
		return (rc);
	return (t->each(t->cookie, &m->r, st));
}

/* In a transaction that is not kept: open them all. */
static rx_err
conflicts_open(struct merge *m, const struct rx_buf *rows,
    const struct twice *t, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	size_t i, n;
	rx_err rc;

	if ((rc = rx_begin(m->s, st)) != RX_OK)
		return (rc);
	rx_case_init(&m->now);
	/* It may have moved, or be erased, since it was asked for. */
	if (t->child != NULL &&
	    (rc = rx_case_unit(m->s, t->child, unit, st)) == RX_OK &&
	    (rc = rx_permit(m->s, RX_ACT_WRITE_CASE, unit, st)) == RX_OK)
		rc = rx_case_load(&m->now, m->s, t->child, unit, RX_CASE_KEYS,
		    st);
	for (i = 0; i < rows->len && rc == RX_OK; i += 4 + n) {
		n = rx_get32(rows->b + i);
		rc = conflict_open(m, rows->b + i + 4, n, t, st);
	}
	rx_case_done(&m->now, m->s);
	rx_abandon(m->s);
	return (rc);
}

static rx_err
conflicts_each(struct rx_session *s, const struct twice *t,
    struct rx_status *st)
{
	struct rx_buf rows = RX_BUF_INIT;
	struct merge *m;
	rx_err rc;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	m->s = s;
	rx_record_init(&m->r);
	rc = rx_conflict_rows(&rows, s, t->q, &t->arg, st);
	/* First the audit, then the sight of it. */
	if (rc == RX_OK && rows.len > 0 && t->child != NULL)
		rc = rx_audit_reveal(s, 1, t->child, "history: identity", st);
	if (rc == RX_OK && rows.len > 0)
		rc = conflicts_open(m, &rows, t, st);
	rx_record_free(&m->r);
	rx_buf_free(&rows);
	free(m);
	return (rc);
}

rx_err
rx_conflict_each(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	const struct twice t = { RX_Q_CONFLICTS_OF_CHILD,
	    rx_bytes(id, RX_ID_BYTES), id, NULL, each, cookie };
	rx_err rc;

	if ((rc = rx_case_unit(s, id, unit, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, st)) != RX_OK)
		return (rc);
	return (conflicts_each(s, &t, st));
}

rx_err
rx_activity_conflict_each(struct rx_session *s,
    const uint8_t id[RX_ID_BYTES],
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	struct twice t = { RX_Q_CONFLICTS_OF_UNIT, { 0 }, NULL, id, each,
	    cookie };
	rx_err rc;

	if ((rc = rx_activity_unit(s, id, unit, st)) != RX_OK)
		return (rc);
	t.arg = rx_text(unit);
	return (conflicts_each(s, &t, st));
}

rx_err
rx_merge(struct rx_session *s, const struct rx_container *c,
    const struct rx_cert *cert, const struct rx_buf *body,
    bool newer, bool despite, struct rx_bundle *info, bool *changed,
    struct rx_status *st)
{
	static const uint8_t home[RX_ID_BYTES];
	struct merge *m;
	rx_err rc;

	*changed = false;
	if ((m = calloc(1, sizeof(*m))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	m->s = s;
	m->c = c;
	m->cert = cert;
	m->info = info;
	m->from_home = memcmp(c->head.copy, home, RX_ID_BYTES) == 0;
	m->newer = newer;
	m->despite = despite;
	rx_record_init(&m->r);
	rx_case_init(&m->old);
	rx_case_init(&m->now);
	if ((rc = rows_read(m, body->b + RX_BUNDLE_HEAD, body->len -
	    RX_BUNDLE_HEAD, st)) != RX_OK)
		goto done;
	if (m->n > 1)
		qsort(m->row, m->n, sizeof(*m->row), row_cmp);
	if ((rc = rx_merge_people(m, st)) == RX_OK &&
	    (rc = rx_merge_heads(m, st)) == RX_OK &&
	    (rc = rx_merge_unit_keys(m, st)) == RX_OK &&
	    (rc = erasures_put(m, st)) == RX_OK &&
	    (rc = rx_merge_cases(m, st)) == RX_OK)
		rc = activities_put(m, st);
	*changed = m->changed;
done:
	rx_case_done(&m->old, s);
	rx_case_done(&m->now, s);
	rx_record_free(&m->r);
	rx_buf_free(&m->bytes);
	free(m->row);
	free(m);
	return (rc);
}
