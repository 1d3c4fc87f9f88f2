#include <stdlib.h>

#include "register/save.h"

/*
 * The history of a case that another register wrote.  Its rows stay as they were
 * sealed and signed there, and its keys come with them, so that every signature
 * verifies under the root of that register, for ever: to look at it a register
 * is made in memory, of its certificates and these rows, and read like any
 * other.
 *
 * A history: address (address.c) of the director who sent it || child 16 ||
 * n 4 || n times: epoch 4, the case's keys I, N, C of 32 bytes || rows, each
 * length 4 || the row as the manifest counts it: the certificates of all its
 * authors and what revoked them, the versions of the child, of its records, and
 * the rows of conflict.
 *
 * A row of ORIGIN: child, number, a field (N, padded NOTE) with the history, at
 * store, object = subject = child, column 2, version = number; of no unit, as
 * the case may move.  Whoever has the narrative key of a case has its identity
 * key too (supervisors: in one slot), so one field holds all three.
 */

#define HEAD (RX_ADDRESS_BYTES + RX_ID_BYTES + 4)
#define EPOCH_BYTES (4 + 3 * RX_KEY_BYTES)
#define COL_SEALED 2
#define HISTORY_MAX ((size_t)24 << 20)

static rx_err
corrupt(struct rx_status *st)
{

	/* No memory is no fault of the file. */
	if (st->code == RX_EINTERNAL && st->msg == RX_MSG_NO_MEMORY)
		return (st->code);
	rx_status_clear(st);
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_TRANSFER_FILE_CORRUPT));
}

/* ---- looking at one ---- */

/* Whether the row may stand in a history of the case ${id}. */
static bool
belongs(enum rx_table table, const struct rx_value *v, const uint8_t *id)
{
	const struct rx_value *child;

	switch (table) {
	case RX_TABLE_CERT:
	case RX_TABLE_REVOCATION:
		return (true);
	case RX_TABLE_CHILD:
		child = &v[0];
		break;
	case RX_TABLE_RECORD:
		child = &v[2];
		break;
	case RX_TABLE_CONFLICT:
		child = &v[4];
		break;
	default:
		return (false);
	}
	return (child->kind == RX_BYTES && child->n == RX_ID_BYTES &&
	    memcmp(child->p, id, RX_ID_BYTES) == 0);
}

/* Put the rows ${p} of ${n} bytes into the store of ${v}. */
static rx_err
rows_put(struct rx_view *v, const uint8_t *p, size_t n, struct rx_status *st)
{
	struct rx_value row[RX_COLUMNS_MAX];
	enum rx_table table;
	size_t at, len;
	rx_err rc;

	if ((rc = rx_store_begin(v->s.store, st)) != RX_OK)
		return (rc);
	for (at = 0; at < n; at += 4 + len) {
		if (n - at < 4 || (len = rx_get32(p + at)) > n - at - 4)
			return (corrupt(st));
		if (rx_row_decode(&table, row, p + at + 4, len, st) != RX_OK ||
		    !belongs(table, row, v->c.id) ||
		    rx_store_insert(v->s.store, table, row, st) != RX_OK)
			return (corrupt(st));
	}
	/* Never committed: it ends with the store. */
	return (RX_OK);
}

/* The keys of the case, ${n} epochs at ${p}, in guarded memory. */
static rx_err
keys_take(struct rx_view *v, const uint8_t *p, size_t n, struct rx_status *st)
{
	struct rx_key *key;
	size_t i, k;
	rx_err rc;

	if ((rc = rx_secret_new(&v->mem, 3 * n * sizeof(*key), st)) != RX_OK)
		return (rc);
	key = (struct rx_key *)(void *)v->mem->b;
	for (i = 0; i < n; i++, p += EPOCH_BYTES) {
		v->c.e[i].epoch = rx_get32(p);
		if (v->c.e[i].epoch != i + 1)
			return (corrupt(st));
		for (k = 0; k < 3; k++, key++) {
			memcpy(key->b, p + 4 + k * RX_KEY_BYTES, RX_KEY_BYTES);
			v->c.e[i].key[k] = key;
		}
	}
	v->c.n = n;
	return (RX_OK);
}

/* What the first bytes say: from whom, whose, how many keys. */
static rx_err
head_take(struct rx_view *v, const uint8_t *p, size_t n, size_t *epochs,
    struct rx_status *st)
{

	if (n < HEAD || rx_address_take(&v->from, p, RX_ADDRESS_BYTES, st) !=
	    RX_OK)
		return (corrupt(st));
	memcpy(v->c.id, p + RX_ADDRESS_BYTES, RX_ID_BYTES);
	memcpy(v->c.unit, v->from.unit, RX_UNIT_BYTES);
	*epochs = rx_get32(p + HEAD - 4);
	if (*epochs == 0 || *epochs > RX_CASE_EPOCHS ||
	    (n - HEAD) / EPOCH_BYTES < *epochs)
		return (corrupt(st));
	return (RX_OK);
}

static rx_err
count_each(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	size_t *n = cookie;

	(void)st;
	n[r->type != RX_CHILD]++;
	return (RX_OK);
}

static rx_err
view_fill(struct rx_view *v, const uint8_t *p, size_t n, struct rx_status *st)
{
	size_t epochs = 0, count[2] = { 0, 0 };
	rx_err rc;

	if ((rc = head_take(v, p, n, &epochs, st)) != RX_OK ||
	    (rc = keys_take(v, p + HEAD, epochs, st)) != RX_OK ||
	    (rc = rx_store_open_memory(&v->s.store, st)) != RX_OK ||
	    (rc = rows_put(v, p + HEAD + epochs * EPOCH_BYTES, n - HEAD -
	    epochs * EPOCH_BYTES, st)) != RX_OK)
		return (rc);
	memcpy(v->s.store_id, v->from.store, RX_ID_BYTES);
	if ((rc = rx_members_load(&v->s, v->from.root, st)) != RX_OK ||
	    (rc = rx_view_each(v, RX_CASE_KEYS, count_each, count, st)) != RX_OK)
		return (rc);
	v->records = count[1];
	return (count[0] > 0 ? RX_OK : corrupt(st));
}

rx_err
rx_view_open(struct rx_view **out, const struct rx_session *s,
    const uint8_t *p, size_t n, struct rx_status *st)
{
	struct rx_view *v;
	rx_err rc;

	*out = NULL;
	if ((v = calloc(1, sizeof(*v))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	v->s.borrowed = true;
	v->s.clock = s->clock;
	memcpy(v->s.setting, s->setting, sizeof(v->s.setting));
	if ((rc = view_fill(v, p, n, st)) != RX_OK) {
		rx_view_close(v);
		return (rc);
	}
	*out = v;
	return (RX_OK);
}

void
rx_view_close(struct rx_view *v)
{

	if (v == NULL)
		return;
	rx_store_close(v->s.store);
	free(v->s.members);
	rx_secret_free(v->mem);		/* wipes */
	rx_wipe(v, sizeof(*v));
	free(v);
}

typedef rx_err record_fn(void *, const struct rx_record *, struct rx_status *);

struct asked {
	unsigned comps;		/* to be opened */
	record_fn *each;
	void *cookie;
};

/* Call ${each} for the rows of ${q}, a query of ${table} by ${id}; only
 * ${version}, unless that is 0. */
static rx_err
each_row(struct rx_view *v, enum rx_query q, enum rx_table table,
    const uint8_t *id, int64_t version, const struct asked *ask,
    struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	struct rx_record r;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, v->s.store, q, &arg, 1, st)) != RX_OK)
		return (rc);
	rx_record_init(&r);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if (version != 0 && rx_col_int(cur, 1) != version)
			continue;
		if ((rc = rx_row_open(&v->s, &v->c, cur, table, ask->comps,
		    true, &r, st)) != RX_OK ||
		    (rc = ask->each(ask->cookie, &r, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	rx_record_free(&r);
	return (rc);
}

/* The version ${p} that lost against another: it is put in that one's place, in
 * memory alone, and read; then the other comes back. */
static rx_err
lost(struct rx_view *v, const uint8_t *p, size_t n, const struct asked *ask,
    struct rx_status *st)
{
	struct rx_value row[RX_COLUMNS_MAX], won[RX_COLUMNS_MAX];
	struct rx_buf old = RX_BUF_INIT;
	enum rx_table table, same;
	enum rx_there how;
	rx_err rc;

	if (rx_row_decode(&table, row, p, n, st) != RX_OK ||
	    (table != RX_TABLE_CHILD && table != RX_TABLE_RECORD) ||
	    !belongs(table, row, v->c.id) || rx_store_compare(v->s.store,
	    table, row, &how, &old, st) != RX_OK || how != RX_OTHER) {
		rx_buf_free(&old);
		return (corrupt(st));
	}
	if ((rc = rx_store_replace(v->s.store, table, row, st)) == RX_OK &&
	    (rc = each_row(v, table == RX_TABLE_CHILD ? RX_Q_CHILD_HISTORY :
	    RX_Q_RECORD_HISTORY, table, row[0].p, row[1].i, ask, st)) ==
	    RX_OK && (rc = rx_row_decode(&same, won, old.b, old.len,
	    st)) == RX_OK)
		rc = rx_store_replace(v->s.store, table, won, st);
	rx_buf_free(&old);
	return (rc);
}

rx_err
rx_view_each(struct rx_view *v, unsigned comps, record_fn *each, void *cookie,
    struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(v->c.id, RX_ID_BYTES);
	const struct asked ask = { comps, each, cookie };
	struct rx_buf rows = RX_BUF_INIT;
	size_t at, n;
	rx_err rc;

	if ((rc = each_row(v, RX_Q_CHILD_HISTORY, RX_TABLE_CHILD, v->c.id, 0,
	    &ask, st)) != RX_OK ||
	    (rc = each_row(v, RX_Q_RECORDS_ALL, RX_TABLE_RECORD, v->c.id, 0,
	    &ask, st)) != RX_OK)
		return (rc);
	rc = rx_conflict_rows(&rows, &v->s, RX_Q_CONFLICTS_OF_CHILD, &arg, st);
	for (at = 0; at < rows.len && rc == RX_OK; at += 4 + n) {
		n = rx_get32(rows.b + at);
		rc = lost(v, rows.b + at + 4, n, &ask, st);
	}
	rx_buf_free(&rows);
	return (rc);
}

/* ---- making one ---- */

/* Whether ${user} is among the ${ids}; all are when there is no list. */
static bool
listed(const struct rx_buf *ids, const uint8_t *user)
{
	size_t i;

	for (i = 0; ids != NULL && i < ids->len; i += RX_ID_BYTES)
		if (memcmp(ids->b + i, user, RX_ID_BYTES) == 0)
			return (true);
	return (ids == NULL);
}

/* Whose certificate ${id} is; NULL. */
static const uint8_t *
owner(const struct rx_session *s, const uint8_t *id)
{
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (memcmp(s->members[i].cert.id, id, RX_ID_BYTES) == 0)
			return (s->members[i].cert.user);
	return (NULL);
}

/* Append the rows of ${q}, certificates or revocations, of ${people}. */
static rx_err
add_people(struct rx_buf *out, struct rx_session *s, enum rx_query q,
    enum rx_table table, const struct rx_buf *people, struct rx_status *st)
{
	struct rx_buf all = RX_BUF_INIT;
	struct rx_value v[RX_COLUMNS_MAX];
	const uint8_t *user;
	enum rx_table same;
	size_t at, n;
	rx_err rc;

	rc = rx_rows_add(&all, s, q, table, NULL, st);
	for (at = 0; at < all.len && rc == RX_OK; at += 4 + n) {
		n = rx_get32(all.b + at);
		if ((rc = rx_row_decode(&same, v, all.b + at + 4, n, st)) ==
		    RX_OK && v[0].n == RX_ID_BYTES &&
		    (user = owner(s, v[0].p)) != NULL && listed(people, user))
			rc = rx_buf_add(out, all.b + at, 4 + n, st);
	}
	rx_buf_free(&all);
	return (rc);
}

/* Address, child and keys. */
static rx_err
add_head(struct rx_buf *out, struct rx_session *s, const struct rx_case *c,
    struct rx_status *st)
{
	struct rx_address own;
	uint8_t *p;
	size_t i, k;
	rx_err rc;

	if ((rc = rx_address_own(&own, s, c->unit, st)) != RX_OK ||
	    (rc = rx_buf_extend(out, HEAD + c->n * EPOCH_BYTES, &p, st)) !=
	    RX_OK)
		return (rc);
	memcpy(p, own.bytes, RX_ADDRESS_BYTES);
	memcpy(p + RX_ADDRESS_BYTES, c->id, RX_ID_BYTES);
	rx_put32(p + HEAD - 4, (uint32_t)c->n);
	for (p += HEAD, i = 0; i < c->n; i++, p += EPOCH_BYTES) {
		rx_put32(p, c->e[i].epoch);
		for (k = 0; k < 3; k++) {
			if (c->e[i].key[k] == NULL)
				return (rx_fail(st, RX_EPERM,
				    RX_MSG_CASE_CLOSED));
			memcpy(p + 4 + k * RX_KEY_BYTES, c->e[i].key[k]->b,
			    RX_KEY_BYTES);
		}
	}
	return (RX_OK);
}

/* The whole of it, with the certificates of ${people} (NULL: of all). */
static rx_err
make(struct rx_buf *out, struct rx_session *s, const struct rx_case *c,
    const struct rx_buf *people, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	rx_err rc;

	if ((rc = add_head(out, s, c, st)) != RX_OK ||
	    (rc = add_people(out, s, RX_Q_CERTS, RX_TABLE_CERT, people,
	    st)) != RX_OK ||
	    (rc = add_people(out, s, RX_Q_REVOCATIONS, RX_TABLE_REVOCATION,
	    people, st)) != RX_OK ||
	    (rc = rx_rows_add(out, s, RX_Q_CHILD_HISTORY, RX_TABLE_CHILD,
	    &arg, st)) != RX_OK ||
	    (rc = rx_rows_add(out, s, RX_Q_RECORDS_ALL, RX_TABLE_RECORD, &arg,
	    st)) != RX_OK)
		return (rc);
	return (rx_rows_add(out, s, RX_Q_CONFLICTS_OF_CHILD,
	    RX_TABLE_CONFLICT, &arg, st));
}

static rx_err
note_author(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	struct rx_buf *people = cookie;

	return (people->len > 0 && listed(people, r->author) ? RX_OK :
	    rx_buf_add(people, r->author, RX_ID_BYTES, st));
}

/*
 * Made twice: with everybody's certificates, to see who the authors are, and
 * with theirs alone: who else works in a county is nobody's business.  Each is
 * opened as the receiver will, so that nothing goes out that he would refuse.
 */
rx_err
rx_view_make(struct rx_buf *out, struct rx_session *s,
    const struct rx_case *c, struct rx_status *st)
{
	struct rx_buf draft = RX_BUF_INIT, people = RX_BUF_INIT;
	struct rx_view *v = NULL;
	rx_err rc;

	if ((rc = make(&draft, s, c, NULL, st)) != RX_OK ||
	    (rc = rx_view_open(&v, s, draft.b, draft.len, st)) != RX_OK ||
	    (rc = rx_view_each(v, 0, note_author, &people, st)) != RX_OK)
		goto done;
	rx_view_close(v);
	v = NULL;
	rx_buf_reset(&draft);
	if ((rc = make(&draft, s, c, &people, st)) == RX_OK &&
	    draft.len > HISTORY_MAX) {
		rx_status_arg(st, "max", "%zu", HISTORY_MAX >> 20);
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_TRANSFER_TOO_LARGE);
	}
	if (rc == RX_OK && (rc = rx_view_open(&v, s, draft.b, draft.len,
	    st)) == RX_OK)
		rc = rx_buf_add(out, draft.b, draft.len, st);
done:
	rx_view_close(v);
	rx_buf_free(&draft);
	rx_buf_free(&people);
	return (rc);
}

/* ---- kept ---- */

static void
place_of(struct rx_place *p, const struct rx_session *s, const uint8_t *id,
    unsigned no)
{

	rx_place_init(p, s, "", id, id, RX_TABLE_ORIGIN, COL_SEALED, no);
}

rx_err
rx_origin_put(struct rx_session *s, const struct rx_case *c, unsigned no,
    const uint8_t *p, size_t n, struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	struct rx_buf box = RX_BUF_INIT;
	struct rx_place place;
	struct rx_value v[3];
	rx_err rc;

	place_of(&place, s, c->id, no);
	if ((rc = rx_field_seal(&box, e->key[1], RX_COMP_NARRATIVE, e->epoch,
	    &place, RX_PAD_NOTE, p, n, st)) == RX_OK) {
		v[0] = rx_bytes(c->id, RX_ID_BYTES);
		v[1] = rx_int(no);
		v[2] = rx_bytes(box.b, box.len);
		rc = rx_store_insert(s->store, RX_TABLE_ORIGIN, v, st);
	}
	rx_buf_free(&box);
	return (rc);
}

/* Append the history under ${cur} with its length. */
static rx_err
origin_open(struct rx_buf *out, struct rx_session *s,
    const struct rx_case *c, const struct rx_cursor *cur,
    struct rx_status *st)
{
	const struct rx_case_epoch *e;
	struct rx_place place;
	const uint8_t *box;
	uint8_t *length;
	size_t n, at = out->len;
	rx_err rc;

	box = rx_col_bytes(cur, COL_SEALED, &n);
	place_of(&place, s, c->id, (unsigned)rx_col_int(cur, 1));
	if ((rc = rx_buf_extend(out, 4, &length, st)) != RX_OK)
		return (rc);
	if ((e = rx_case_of_epoch(c, rx_envelope_epoch(box, n))) == NULL)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	if (e->key[1] == NULL)
		return (rx_fail(st, RX_EPERM, RX_MSG_CASE_CLOSED));
	if ((rc = rx_field_open(out, box, n, e->key[1], RX_COMP_NARRATIVE,
	    &place, st)) == RX_OK)
		rx_put32(out->b + at, (uint32_t)(out->len - at - 4));
	return (rc);
}

rx_err
rx_origins_read(struct rx_buf *out, unsigned *count, struct rx_session *s,
    const struct rx_case *c, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*count = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_ORIGINS, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if ((rc = origin_open(out, s, c, cur, st)) != RX_OK)
			break;
		++*count;
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_origins_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(id, RX_ID_BYTES), rx_int(1) };
	bool deleted;
	rx_err rc;

	/* Their numbers follow each other. */
	do {
		rc = rx_store_delete(s->store, RX_TABLE_ORIGIN, key, &deleted,
		    st);
		key[1].i++;
	} while (rc == RX_OK && deleted);
	return (rc);
}

rx_err
rx_origin_count(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    unsigned *count, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*count = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_ORIGINS, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		++*count;
	rx_query_close(cur);
	return (rc);
}

struct telling {
	struct rx_view *v;
	rx_origin_fn *each;
	void *cookie;
	unsigned comps;
};

static rx_err
tell(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	const struct telling *t = cookie;

	return (t->each(t->cookie, &t->v->from, r, rx_member_name(&t->v->s,
	    r->author), st));
}

/* Hand on the histories ${all}. */
static rx_err
tell_all(struct rx_session *s, const struct rx_buf *all, struct telling *t,
    struct rx_status *st)
{
	size_t at, n;
	rx_err rc = RX_OK;

	for (at = 0; at < all->len && rc == RX_OK; at += 4 + n) {
		n = rx_get32(all->b + at);
		if ((rc = rx_view_open(&t->v, s, all->b + at + 4, n, st)) ==
		    RX_OK)
			rc = rx_view_each(t->v, t->comps, tell, t, st);
		rx_view_close(t->v);
	}
	return (rc);
}

rx_err
rx_origin_each(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason, rx_origin_fn *each, void *cookie, unsigned *count,
    struct rx_status *st)
{
	struct telling t = { NULL, each, cookie, RX_CASE_KEYS };
	struct rx_buf all = RX_BUF_INIT;
	struct rx_case c;
	bool director = false, names;
	rx_err rc;

	*count = 0;
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rx_case_init(&c);
	if ((rc = rx_case_load_reading(s, &c, id, &director, st)) == RX_OK)
		rc = rx_origins_read(&all, count, s, &c, st);
	if (rc == RX_OK && *count == 0) {
		rx_abandon(s);
		goto done;
	}
	names = director || (reason != NULL && *reason != '\0');
	if (!names)
		t.comps &= ~RX_BIT(RX_COMP_IDENTITY);
	/* First the audit, then the sight of it. */
	if ((rc = rx_finish(s, rc, RX_DID_REVEAL, id, names ?
	    "history: identity" : "history", st)) == RX_OK)
		rc = tell_all(s, &all, &t, st);
done:
	rx_buf_free(&all);
	rx_case_done(&c, s);
	return (rc);
}
