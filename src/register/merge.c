#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

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
 *   keys of a case              open for the opener, and lead to the keys that
 *                               he had; new ones by somebody who may make them,
 *                               or checked in all three compartments
 *   versions, records           opened under these keys, author's signature and
 *                               role, tag; the narrative too if he has the key;
 *                               not dated after the bundle, and fitting the
 *                               other versions (version.c)
 *   slots                       not believed: written anew from the records
 *   certificates of erasure     from home: opened, author's signature and role;
 *                               the case that one names is destroyed
 *
 * Rows of one key are the union of both sides.  When two differ, one that raises
 * a flag stands in its table, else the one that was recorded later (of one
 * moment: whose digest is higher), the others in conflict, so that the order of
 * merging does not matter.
 */

struct in_row {
	enum rx_table table;
	struct rx_value v[RX_COLUMNS_MAX];
	const uint8_t *p;		/* its bytes */
	size_t n;
	const uint8_t *child;		/* of a row of a case; NULL */
	size_t at;			/* its place in the bundle */
};

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
	struct rx_record r;
	struct rx_buf bytes;		/* scratch */
};

static rx_err
corrupt(struct rx_status *st)
{

	return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT));
}

static rx_err
not_entitled(const struct merge *m, struct rx_status *st)
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
	[RX_TABLE_SLOT] = { { 0, 1, -1 }, 0, -1, -1, false },
	[RX_TABLE_CHILD] = { { 0, 3, -1 }, 0, 2, 1, false },
	[RX_TABLE_RECORD] = { { 0, 2, 4 }, 2, 3, 1, false },
	[RX_TABLE_ACTIVITY] = { { 0, 3, -1 }, -1, 2, 1, false },
	[RX_TABLE_ERASURE] = { { 0, -1, -1 }, -1, 1, -1, true },
};

static bool
allowed(enum rx_table table)
{

	return (table == RX_TABLE_CERT || table == RX_TABLE_REVOCATION ||
	    forms[table].number >= 1 || table == RX_TABLE_SLOT ||
	    table == RX_TABLE_ERASURE);
}

/* The unit that ${v} names, or the pseudo unit of the register's keys. */
static bool
unit_of(char unit[RX_UNIT_BYTES], const struct rx_value *v)
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
	    !unit_of(unit, &r->v[forms[r->table].unit]))
		return (false);
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
			return (corrupt(st));
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
			return (corrupt(st));
		if (forms[r->table].only_home && !m->from_home)
			return (not_entitled(m, st));
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

/* ---- people ---- */

static rx_err
cert_put(struct merge *m, const struct in_row *r, struct rx_status *st)
{
	struct rx_status no;
	enum rx_there how;
	struct rx_cert c;
	rx_err rc;

	rx_status_clear(&no);
	if (rx_cert_open(&c, r->v[2].p, r->v[2].n, m->s->blob->root_public,
	    m->s->store_id, &no) != RX_OK ||
	    memcmp(c.id, r->v[0].p, RX_ID_BYTES) != 0 ||
	    memcmp(c.user, r->v[1].p, RX_ID_BYTES) != 0)
		return (corrupt(st));
	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how, NULL,
	    st)) != RX_OK)
		return (rc);
	if (how == RX_OTHER)
		return (corrupt(st));
	if (how == RX_SAME)
		return (RX_OK);
	m->info->keys++;
	m->changed = true;
	return (rx_store_insert(m->s->store, r->table, r->v, st));
}

/* What the revoked person signed in this audit after his end would break it:
 * *since tells. */
static rx_err
signed_since(struct rx_session *s, const uint8_t *user, int64_t at,
    bool *since, struct rx_status *st)
{
	struct rx_audit_head head;
	struct rx_audit_entry e;
	bool row = true;
	uint64_t seq;
	rx_err rc;

	*since = false;
	if ((rc = rx_audit_head(s, &head, st)) != RX_OK)
		return (rc);
	e.time = INT64_MAX;
	for (seq = head.seq; seq > 0 && row && !*since && e.time > at &&
	    rc == RX_OK; seq--)
		if ((rc = rx_audit_peek_at(s, seq, &e, &row, st)) == RX_OK &&
		    row)
			*since = e.time > at && memcmp(e.actor, user,
			    RX_ID_BYTES) == 0;
	return (rc);
}

static rx_err
revocation_put(struct merge *m, const struct in_row *r, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_status no;
	enum rx_revoked why;
	enum rx_there how;
	int64_t at;
	size_t i;
	bool since = false;
	rx_err rc;

	rx_status_clear(&no);
	if (rx_revocation_open(id, &at, &why, r->v[1].p, r->v[1].n,
	    m->s->blob->root_public, m->s->store_id, &no) != RX_OK ||
	    memcmp(id, r->v[0].p, RX_ID_BYTES) != 0)
		return (corrupt(st));
	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how, NULL,
	    st)) != RX_OK || how != RX_ABSENT)
		return (rc);
	for (i = 0; i < m->s->nmembers; i++) {
		const struct rx_cert *c = &m->s->members[i].cert;

		if (memcmp(c->id, id, RX_ID_BYTES) != 0)
			continue;
		if ((rc = signed_since(m->s, c->user, at, &since, st)) !=
		    RX_OK)
			return (rc);
		if (since) {
			rx_status_arg(st, "user", "%s", c->name);
			return (rx_fail(st, RX_ECONFLICT,
			    RX_MSG_COPY_STALE));
		}
	}
	m->info->keys++;
	m->changed = true;
	m->ended = true;
	return (rx_store_insert(m->s->store, r->table, r->v, st));
}

/* Nobody who is gone sends anything, whenever he did; and the opener is still
 * who he was. */
static rx_err
people_check(struct merge *m, struct rx_status *st)
{
	struct rx_session *s = m->s;
	const struct rx_member *me;
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (memcmp(s->members[i].cert.id, m->cert->id, RX_ID_BYTES) ==
		    0)
			break;
	if (i == s->nmembers)
		return (corrupt(st));
	if (!rx_member_live(&s->members[i])) {
		rx_status_arg(st, "user", "%s", m->cert->name);
		return (rx_fail(st, RX_EPERM, RX_MSG_BUNDLE_SENDER_REVOKED));
	}
	me = rx_member_newest(s, rx_member_first(s, s->user_id));
	rx_status_arg(st, "user", "%s", s->user);
	if (me == NULL)
		return (rx_fail(st, RX_EPERM, RX_MSG_NOT_A_MEMBER));
	if (memcmp(me->cert.sign_public, s->id->sign_public,
	    RX_SIGN_PUBLIC_BYTES) != 0)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_COPY_STALE));
	rx_status_clear(st);
	return (RX_OK);
}

static rx_err
people_put(struct merge *m, struct rx_status *st)
{
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < m->n && rc == RX_OK; i++)
		if (m->row[i].table == RX_TABLE_CERT)
			rc = cert_put(m, &m->row[i], st);
	if (rc != RX_OK || (rc = rx_members_load(m->s,
	    m->s->blob->root_public, st)) != RX_OK)
		return (rc);
	for (i = 0; i < m->n && rc == RX_OK; i++)
		if (m->row[i].table == RX_TABLE_REVOCATION)
			rc = revocation_put(m, &m->row[i], st);
	if (rc != RX_OK || (rc = rx_members_load(m->s,
	    m->s->blob->root_public, st)) != RX_OK)
		return (rc);
	return (people_check(m, st));
}

/* ---- countersigned heads ---- */

static rx_err
anchor_put(struct merge *m, const struct in_row *r, struct rx_status *st)
{
	enum rx_anchor_taken how;
	rx_err rc;

	if ((rc = rx_countersigned_take(m->s, r->v[4].p, r->v[4].n,
	    m->despite, &how, st)) != RX_OK)
		return (rc);
	m->info->refused += how == RX_ANCHOR_REFUSED;
	m->info->lost += how == RX_ANCHOR_LOST;
	m->info->heads += how == RX_ANCHOR_TAKEN;
	m->changed |= how == RX_ANCHOR_LOST || how == RX_ANCHOR_TAKEN;
	return (RX_OK);
}

/* Where the sender's audit ends must fit what others signed of it; then the heads
 * that came. */
static rx_err
anchors_put(struct merge *m, struct rx_status *st)
{
	size_t i, lost = 0;
	rx_err rc = RX_OK;

	if (m->newer)
		rc = rx_chain_compare(m->s, m->c->head.copy, &m->info->head,
		    m->c->head.made, m->despite, &lost, st);
	m->info->lost += lost;
	m->changed |= lost > 0;
	for (i = 0; i < m->n && m->row[i].child == NULL && rc == RX_OK; i++)
		if (m->row[i].table == RX_TABLE_ANCHOR)
			rc = anchor_put(m, &m->row[i], st);
	if (rc == RX_OK && m->newer)
		rc = rx_countersign_seen(m->s, m->c->head.copy,
		    &m->info->head, st);
	return (rc);
}

/* ---- keys of units ---- */

/* Whether the opener is entitled to the key whose later epoch ${r} is; its unit,
 * or the pseudo unit of the register. */
static bool
epoch_mine(const struct merge *m, const struct in_row *r,
    char unit[RX_UNIT_BYTES])
{

	(void)unit_of(unit, &r->v[0]);
	return (r->v[1].i >= 1 && r->v[1].i <= RX_COMP_LEDGER &&
	    (rx_entitled(m->s, rx_member_first(m->s, m->s->user_id), unit) &
	    RX_BIT(r->v[1].i)) != 0);
}

/* A later epoch of a key that the opener is entitled to. */
static rx_err
epoch_put(struct merge *m, const struct in_row *r, struct rx_status *st)
{
	struct rx_session *s = m->s;
	char unit[RX_UNIT_BYTES];
	enum rx_there how;
	rx_err rc;

	if (!epoch_mine(m, r, unit))
		return (RX_OK);
	if ((rc = rx_store_compare(s->store, r->table, r->v, &how, NULL,
	    st)) != RX_OK || how == RX_SAME)
		return (rc);
	/* At home they are made, not brought; there is one of each. */
	if (how == RX_OTHER || !s->copy)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_KEYS_DIFFER));
	m->info->keys++;
	m->changed = true;
	return (rx_store_insert(s->store, r->table, r->v, st));
}

/* Is there a row for the epoch of every key of the grant ${r}? */
static rx_err
grant_founded(struct merge *m, const struct in_row *r, const char *unit,
    bool *founded, struct rx_status *st)
{
	struct rx_value args[2] = { rx_text(unit) };
	struct rx_cursor *cur;
	unsigned c;
	bool row, found;
	rx_err rc;

	*founded = true;
	for (c = 1; c <= RX_COMP_LEDGER && r->v[1].i > 1; c++) {
		if ((r->v[2].i & (int64_t)RX_BIT(c)) == 0)
			continue;
		args[1] = rx_int(c);
		if ((rc = rx_query_open(&cur, m->s->store, RX_Q_EPOCHS_OF_KEY,
		    args, 2, st)) != RX_OK)
			return (rc);
		row = found = false;
		while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
			found |= rx_col_int(cur, 2) == r->v[1].i;
		rx_query_close(cur);
		if (rc != RX_OK)
			return (rc);
		*founded &= found;
	}
	return (RX_OK);
}

/*
 * A grant.  The opener's own is verified; another's is sealed to him, who
 * verifies it when he signs in here, as he would at home.
 */
static rx_err
grant_put(struct merge *m, const struct in_row *r, struct rx_status *st)
{
	struct rx_session *s = m->s;
	char unit[RX_UNIT_BYTES];
	struct rx_secret *mem;
	enum rx_there how;
	bool founded;
	rx_err rc;

	(void)unit_of(unit, &r->v[0]);
	if (!s->copy)
		return (RX_OK);
	if ((rc = grant_founded(m, r, unit, &founded, st)) != RX_OK)
		return (rc);
	if ((rc = rx_store_compare(s->store, r->table, r->v, &how, NULL,
	    st)) != RX_OK)
		return (rc);
	if (!founded || how == RX_SAME || (how == RX_OTHER && !m->newer))
		return (RX_OK);
	if (memcmp(r->v[3].p, s->user_id, RX_ID_BYTES) == 0) {
		if ((rc = rx_secret_new(&mem, sizeof(struct rx_grant), st)) !=
		    RX_OK)
			return (rc);
		rc = rx_grant_accept(s, (struct rx_grant *)(void *)mem->b,
		    r->v[4].p, r->v[4].n, unit, NULL, (uint32_t)r->v[1].i,
		    (unsigned)r->v[2].i, st);
		rx_secret_free(mem);
		if (rc != RX_OK)
			return (rc);
	} else if (r->v[4].n != RX_GRANT_BYTES)
		return (corrupt(st));
	m->info->keys++;
	m->changed = true;
	return (rx_store_replace(s->store, r->table, r->v, st));
}

/* The opener's newest keys must open the epochs that came. */
static rx_err
epochs_check(struct merge *m, struct rx_status *st)
{
	const struct rx_key *key;
	char unit[RX_UNIT_BYTES];
	struct rx_status why;
	size_t i;
	rx_err rc;

	for (i = 0; i < m->n && m->row[i].child == NULL; i++) {
		const struct in_row *r = &m->row[i];

		if (r->table != RX_TABLE_UNIT_EPOCH || !epoch_mine(m, r, unit))
			continue;
		rx_status_clear(&why);
		rc = rx_unit_key(m->s, unit, (enum rx_compartment)r->v[1].i,
		    0, &key, NULL, &why);
		if (rc == RX_EPERM || rc == RX_ECORRUPT)
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BUNDLE_KEYS_DIFFER));
		if (rc != RX_OK) {
			*st = why;
			return (rc);
		}
	}
	return (RX_OK);
}

static rx_err
unit_keys_put(struct merge *m, struct rx_status *st)
{
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < m->n && rc == RX_OK; i++)
		if (m->row[i].table == RX_TABLE_UNIT_EPOCH)
			rc = epoch_put(m, &m->row[i], st);
	for (i = 0; i < m->n && rc == RX_OK; i++)
		if (m->row[i].table == RX_TABLE_UNIT_GRANT)
			rc = grant_put(m, &m->row[i], st);
	if (rc != RX_OK)
		return (rc);
	/* What was known as the newest may not be. */
	m->s->serial++;
	return (epochs_check(m, st));
}

/* ---- versions ---- */

/* Open the stored row that has the key of ${r}, and verify all of it. */
static rx_err
verify_stored(struct merge *m, struct rx_case *c, const struct in_row *r,
    struct rx_status *st)
{
	const enum rx_query q = r->table == RX_TABLE_CHILD ? RX_Q_CHILD_AT :
	    r->table == RX_TABLE_RECORD ? RX_Q_RECORD_AT : RX_Q_ACTIVITY_AT;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, m->s->store, q, r->v, 2, st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK)
		rc = row ? rx_row_open(m->s, c, cur, r->table, RX_CASE_KEYS,
		    true, &m->r, st) : corrupt(st);
	rx_query_close(cur);
	return (rc);
}

/* The same for a row that came: it is also of before the bundle, and fits the
 * other versions that are here. */
static rx_err
verify_new(struct merge *m, struct rx_case *c, const struct in_row *r,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = verify_stored(m, c, r, st)) != RX_OK)
		return (rc);
	/* Later than anything: it would win against all others, and be of after
	 * its author's end, whenever that comes. */
	if (m->r.at > m->c->head.made)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_LATER));
	return (rx_version_fits(m->s, c, r->table, &m->r, st));
}

/* Whether the record at hand was signed by somebody after his end. */
static bool
signed_too_late(const struct merge *m)
{
	const struct rx_session *s = m->s;
	const size_t first = rx_member_first(s, m->r.author);
	int64_t last = 0;
	size_t i;

	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++) {
		if (s->members[i].revoked == 0)
			return (false);
		if (s->members[i].revoked > last)
			last = s->members[i].revoked;
	}
	return (last != 0 && m->r.at > last);
}

/* Honest work of somebody who did not know yet of his end does not count: is that
 * what ${why} the record at hand was refused? */
static bool
left_out(struct merge *m, const struct rx_status *why)
{

	if (why->msg != RX_MSG_SIGNATURE_CORRUPT || !signed_too_late(m))
		return (false);
	m->info->refused++;
	return (true);
}

static void
digest_of(uint8_t digest[RX_HASH_BYTES], const void *p, size_t n)
{

	rx_hash(digest, RX_HASH_BYTES, NULL, "runxin conflict v1", p, n);
}

/* The row of conflict that keeps ${p}, of ${r}'s key; columns in ${v}. */
static void
conflict_row(struct rx_value v[7], const struct in_row *r, const char *unit,
    const uint8_t *digest, const void *p, size_t n)
{
	static const uint8_t none[RX_ID_BYTES];

	v[0] = rx_int(r->table);
	v[1] = r->v[0];
	v[2] = r->v[1];
	v[3] = rx_bytes(digest, RX_HASH_BYTES);
	v[4] = rx_bytes(r->child != NULL ? r->child : none, RX_ID_BYTES);
	v[5] = rx_text(unit);
	v[6] = rx_bytes(p, n);
}

/* Put the row ${m->bytes} in its place again. */
static rx_err
put_back(struct merge *m, struct rx_status *st)
{
	struct rx_value old[RX_COLUMNS_MAX];
	enum rx_table table;
	rx_err rc;

	if ((rc = rx_row_decode(&table, old, m->bytes.b, m->bytes.len, st)) !=
	    RX_OK)
		return (rc);
	return (rx_store_replace(m->s->store, table, old, st));
}

/* Two people wrote this version, one of them ${m->bytes}, which is stored. */
static rx_err
version_conflict(struct merge *m, struct rx_case *c, const struct in_row *r,
    const char *unit, struct rx_status *st)
{
	uint8_t mine[RX_HASH_BYTES], his[RX_HASH_BYTES];
	struct rx_value v[7];
	struct rx_status why;
	enum rx_there how;
	enum rx_type type;
	int64_t at;
	bool flag, wins;
	rx_err rc;

	digest_of(mine, m->bytes.b, m->bytes.len);
	digest_of(his, r->p, r->n);
	conflict_row(v, r, unit, his, r->p, r->n);
	if ((rc = rx_store_compare(m->s->store, RX_TABLE_CONFLICT, v, &how,
	    NULL, st)) != RX_OK)
		return (rc);
	if (how == RX_SAME) {
		m->info->present++;
		return (RX_OK);
	}
	if ((rc = verify_stored(m, c, r, st)) != RX_OK)
		return (rc);
	at = m->r.at;
	type = m->r.type;
	flag = rx_record_int(&m->r, RX_F_RAISES_FLAG) != 0;
	if ((rc = rx_store_replace(m->s->store, r->table, r->v, st)) != RX_OK)
		return (rc);
	rx_status_clear(&why);
	if ((rc = verify_new(m, c, r, &why)) != RX_OK) {
		if (left_out(m, &why))
			return (put_back(m, st));
		*st = why;
		return (rc);
	}
	if (m->r.type != type)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_VERSION));
	if (flag != (rx_record_int(&m->r, RX_F_RAISES_FLAG) != 0))
		wins = !flag;
	else
		wins = m->r.at > at || (m->r.at == at && memcmp(his, mine,
		    sizeof(his)) > 0);
	if (wins)
		conflict_row(v, r, unit, mine, m->bytes.b, m->bytes.len);
	else if ((rc = put_back(m, st)) != RX_OK)
		return (rc);
	m->info->conflicts++;
	m->changed = true;
	return (rx_store_replace(m->s->store, RX_TABLE_CONFLICT, v, st));
}

static size_t *
counter(struct merge *m, enum rx_table table)
{

	return (table == RX_TABLE_CHILD ? &m->info->children :
	    table == RX_TABLE_RECORD ? &m->info->records :
	    &m->info->activities);
}

/* One version of a child, a record (of the case ${c}) or an activity (NULL). */
static rx_err
version_put(struct merge *m, struct rx_case *c, const struct in_row *r,
    const char *unit, struct rx_status *st)
{
	struct rx_status why;
	enum rx_there how;
	rx_err rc;

	rx_buf_reset(&m->bytes);
	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
	    &m->bytes, st)) != RX_OK)
		return (rc);
	if (how == RX_SAME) {
		m->info->present++;
		return (RX_OK);
	}
	if (how == RX_OTHER)
		return (version_conflict(m, c, r, unit, st));
	if ((rc = rx_store_insert(m->s->store, r->table, r->v, st)) != RX_OK)
		return (rc);
	rx_status_clear(&why);
	if ((rc = verify_new(m, c, r, &why)) == RX_OK) {
		(*counter(m, r->table))++;
		m->changed = true;
		return (RX_OK);
	}
	if (left_out(m, &why))
		return (rx_store_delete(m->s->store, r->table, r->v, NULL,
		    st));
	*st = why;
	return (rc);
}

/* ---- cases ---- */

/* The rows of one case, and what is to be known of it. */
struct group {
	const struct in_row *row;
	size_t n;
	const uint8_t *id;
	char unit[RX_UNIT_BYTES];
	unsigned comps;		/* the keys of it that the opener has */
	bool here;		/* it is stored already */
	uint32_t have, comes;	/* newest epoch of its keys; 0: none */
	size_t nkeys;		/* rows of its keys that came */
	struct rx_case_state before, after;
	struct rx_bundle was;	/* counted before it */
	bool changed;
};

/* The newest epoch of the keys of the case that is stored; 0. */
static rx_err
epoch_stored(struct merge *m, struct group *g, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(g->id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, m->s->store, RX_Q_CASE_KEYS, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		g->have = (uint32_t)rx_col_int(cur, 1);
	rx_query_close(cur);
	return (rc);
}

/* The unit that the case lies in: that of its newest keys; of some row, when
 * there are none. */
static void
group_unit(struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		const struct in_row *r = &g->row[i];
		const int col = forms[r->table].unit;

		g->nkeys += r->table == RX_TABLE_CASE_KEY;
		if (r->table == RX_TABLE_CASE_KEY &&
		    (uint32_t)r->v[1].i > g->comes) {
			g->comes = (uint32_t)r->v[1].i;
			(void)unit_of(g->unit, &r->v[col]);
		} else if (col >= 0 && g->comes == 0)
			(void)unit_of(g->unit, &r->v[col]);
	}
}

/* Fill in ${g}; *mine is false for a case that lies elsewhere by now. */
static rx_err
group_load(struct merge *m, struct group *g, bool *mine,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	struct rx_status none;
	rx_err rc;

	*mine = true;
	group_unit(g);
	rx_status_clear(&none);
	if ((rc = rx_case_unit(m->s, g->id, unit, &none)) == RX_OK) {
		g->here = true;
		if (g->unit[0] == '\0')
			memcpy(g->unit, unit, RX_UNIT_BYTES);
		*mine = memcmp(unit, g->unit, RX_UNIT_BYTES) == 0;
	} else if (rc != RX_ENOENT) {
		*st = none;
		return (rc);
	}
	/* A case has one row of keys, and those before them in links. */
	if (g->unit[0] == '\0' || rx_unit_of_register(g->unit) || g->nkeys > 1)
		return (corrupt(st));
	return (epoch_stored(m, g, st));
}

/* Sender and opener must both have to do with the unit. */
static rx_err
unit_check(struct merge *m, const char *unit, struct rx_status *st)
{
	const uint8_t *user = m->cert->user;

	if (!rx_unit_covers(m->c->head.unit, unit) ||
	    (!rx_user_permitted(m->s, user, RX_ACT_WRITE_CASE, unit) &&
	    !rx_user_permitted(m->s, user, RX_ACT_SUPERVISE, unit)))
		return (not_entitled(m, st));
	if (rx_permitted(m->s, RX_ACT_SUPERVISE, unit))
		return (RX_OK);
	return (rx_permit(m->s, RX_ACT_WRITE_CASE, unit, st));
}

/* Are all rows of the case that count here already, the same? */
static rx_err
nothing_new(struct merge *m, const struct group *g, bool *nothing,
    struct rx_status *st)
{
	enum rx_there how;
	size_t i, versions = 0;
	rx_err rc;

	*nothing = g->comes <= g->have && !(m->ended && g->here);
	for (i = 0; i < g->n && *nothing; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table == RX_TABLE_SLOT ||
		    r->table == RX_TABLE_CASE_LINK ||
		    (r->table == RX_TABLE_CASE_KEY && g->comes < g->have))
			continue;
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) != RX_OK)
			return (rc);
		versions += r->table != RX_TABLE_CASE_KEY;
		*nothing = how == RX_SAME;
	}
	if (*nothing)
		m->info->present += versions;
	return (RX_OK);
}

/* Put the keys of the case that came, and take those away that they follow. */
static rx_err
case_keys_put(struct merge *m, const struct group *g, struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(g->id, RX_ID_BYTES),
	    rx_int(g->have) };
	enum rx_there how;
	size_t i;
	rx_err rc;

	for (i = 0; i < g->n; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table != RX_TABLE_CASE_KEY &&
		    r->table != RX_TABLE_CASE_LINK)
			continue;
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) != RX_OK)
			return (rc);
		if (how == RX_OTHER)
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BUNDLE_KEYS_DIFFER));
		if (how == RX_SAME)
			continue;
		m->info->keys++;
		m->changed = true;
		if ((rc = rx_store_insert(m->s->store, r->table, r->v, st)) !=
		    RX_OK)
			return (rc);
	}
	if (g->have == 0 || g->comes == g->have)
		return (RX_OK);
	return (rx_store_delete(m->s->store, RX_TABLE_CASE_KEY, key, NULL,
	    st));
}

/* The keys that the opener had must be among those that he has now. */
static rx_err
keys_go_on(const struct merge *m, const struct group *g,
    struct rx_status *st)
{
	const struct rx_case_epoch *a, *b;
	size_t k;

	if (m->now.n < g->have)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_KEYS_DIFFER));
	a = &m->old.e[m->old.n - 1];
	b = &m->now.e[g->have - 1];
	for (k = 0; k < 3; k++)
		if (a->key[k] != NULL && (b->key[k] == NULL ||
		    a->epoch != b->epoch || !rx_equal(a->key[k]->b,
		    b->key[k]->b, RX_KEY_BYTES)))
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BUNDLE_KEYS_DIFFER));
	return (RX_OK);
}

/* Whether the opener has the unit's keys under which those of the case come: in a
 * copy the newest may still be on their way from home. */
static rx_err
unit_keys_here(struct merge *m, const struct group *g, bool *can,
    struct rx_status *st)
{
	static const enum rx_compartment comps[3] = { RX_COMP_IDENTITY,
	    RX_COMP_NARRATIVE, RX_COMP_CODED };
	const struct rx_value *box;
	const struct rx_key *key;
	struct rx_status why;
	size_t i, k;
	rx_err rc = RX_OK;

	for (i = 0; i < g->n && *can; i++)
		for (k = 0; g->row[i].table == RX_TABLE_CASE_KEY && k < 3 &&
		    rc == RX_OK; k++) {
			box = &g->row[i].v[3 + k];
			if ((g->comps & RX_BIT(comps[k])) == 0 ||
			    rx_envelope_epoch(box->p, box->n) == 0)
				continue;
			rx_status_clear(&why);
			rc = rx_unit_key(m->s, g->unit, comps[k],
			    rx_envelope_epoch(box->p, box->n), &key, NULL,
			    &why);
			*can = rc == RX_OK;
		}
	if (rc == RX_OK || rc == RX_EPERM)
		return (RX_OK);
	*st = why;
	return (rc);
}

/* The keys of the case that is here into m->old; *can is false when the opener
 * lacks those of the unit under which somebody else has them already. */
static rx_err
old_keys(struct merge *m, const struct group *g, bool *can,
    struct rx_status *st)
{
	struct rx_status why;
	rx_err rc;

	rx_status_clear(&why);
	rc = rx_case_load(&m->old, m->s, g->id, g->unit, g->comps, &why);
	*can = rc != RX_EPERM;
	if (rc == RX_OK || !*can)
		return (RX_OK);
	*st = why;
	return (rc);
}

/* Bring m->now to the keys of the case after the merge; *can is false when they
 * cannot be verified here. */
static rx_err
case_keys(struct merge *m, const struct group *g, bool *can,
    struct rx_status *st)
{
	struct rx_session *s = m->s;
	rx_err rc;

	/* Whoever has only the coded key takes new keys of a case from those
	 * alone who may make them. */
	*can = g->comes <= g->have || g->comps == RX_CASE_KEYS ||
	    rx_user_permitted(s, m->cert->user, RX_ACT_WRITE_CASE, g->unit);
	if (!*can)
		return (RX_OK);
	if (g->comes == 0 && g->have == 0)
		return (corrupt(st));
	/* Keys are made at home; whoever uses them up leaves it none. */
	if (!m->s->copy && g->comes > g->have && g->comes > RX_CASE_EPOCHS / 2)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_KEYS_DIFFER));
	if (g->have != 0 && (rc = old_keys(m, g, can, st)) != RX_OK)
		return (rc);
	if (!*can)
		return (RX_OK);
	if (g->comes >= g->have && ((rc = unit_keys_here(m, g, can, st)) !=
	    RX_OK || !*can || (rc = case_keys_put(m, g, st)) != RX_OK))
		return (rc);
	if ((rc = rx_case_load(&m->now, s, g->id, g->unit, g->comps, st)) !=
	    RX_OK)
		return (rc);
	return (g->have != 0 ? keys_go_on(m, g, st) : RX_OK);
}

/* ---- slots ---- */

/* The slot of the opener that came; NULL. */
static const struct in_row *
my_slot(const struct merge *m, const struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->row[i].table == RX_TABLE_SLOT && memcmp(
		    g->row[i].v[1].p, m->s->user_id, RX_ID_BYTES) == 0)
			return (&g->row[i]);
	return (NULL);
}

/* Try the opener's slot as it is stored. */
static rx_err
slot_try(struct merge *m, bool *opened, struct rx_status *st)
{
	struct rx_status why;
	rx_err rc;

	*opened = false;
	rx_status_clear(&why);
	rc = rx_case_load_slot(&m->now, m->s, opened, &why);
	if (rc == RX_OK || rc == RX_ECORRUPT) {
		*opened &= rc == RX_OK;
		return (RX_OK);
	}
	*st = why;
	return (rc);
}

/* A supervisor's own: the one that is here if it opens, or the one that came.
 * A bundle that is old or made up has none that opens and was not meant. */
static rx_err
slot_take(struct merge *m, const struct group *g, bool *opened,
    struct rx_status *st)
{
	const struct in_row *r = my_slot(m, g);
	struct rx_value v[RX_COLUMNS_MAX];
	enum rx_there how;
	enum rx_table table;
	rx_err rc;

	if ((rc = slot_try(m, opened, st)) != RX_OK || *opened || r == NULL ||
	    !g->after.flagged)
		return (rc);
	rx_buf_reset(&m->bytes);
	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
	    &m->bytes, st)) != RX_OK || how == RX_SAME ||
	    (rc = rx_store_replace(m->s->store, r->table, r->v, st)) !=
	    RX_OK || (rc = slot_try(m, opened, st)) != RX_OK || *opened)
		return (rc);
	if (how == RX_ABSENT)
		return (rx_store_delete(m->s->store, r->table, r->v, NULL,
		    st));
	if ((rc = rx_row_decode(&table, v, m->bytes.b, m->bytes.len, st)) !=
	    RX_OK)
		return (rc);
	return (rx_store_replace(m->s->store, table, v, st));
}

/* The slots of others as the sender wrote them: he knew of a flag that was not
 * known here.  Whoever they are for verifies them. */
static rx_err
slots_copy(struct merge *m, const struct group *g, struct rx_status *st)
{
	const bool grew = g->after.flagged && (!g->before.flagged ||
	    g->after.above > g->before.above);
	enum rx_there how;
	size_t i;
	rx_err rc;

	for (i = 0; i < g->n; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table != RX_TABLE_SLOT ||
		    rx_review_step(m->s, g->unit, r->v[1].p) < 0)
			continue;
		if (r->v[2].n != RX_GRANT_BYTES)
			return (corrupt(st));
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) != RX_OK)
			return (rc);
		if ((how == RX_ABSENT || (how == RX_OTHER && grew &&
		    m->newer && memcmp(r->v[1].p, m->s->user_id,
		    RX_ID_BYTES) != 0)) && (rc = rx_store_replace(
		    m->s->store, r->table, r->v, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* After the records: who may open identity and narrative now. */
static rx_err
slots_put(struct merge *m, struct group *g, struct rx_status *st)
{
	bool opened = g->comps == RX_CASE_KEYS;
	rx_err rc;

	if (!opened && (rc = slot_take(m, g, &opened, st)) != RX_OK)
		return (rc);
	if (opened)
		return (rx_slots_write(&m->now, m->s, g->after.flagged,
		    g->after.above, st));
	return (slots_copy(m, g, st));
}

/* Append id 16 || version 8 of the versions that query ${q} finds. */
static rx_err
versions_of(struct merge *m, const struct group *g, enum rx_query q,
    struct rx_buf *keys, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(g->id, RX_ID_BYTES);
	struct rx_cursor *cur;
	int64_t version;
	const void *id;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, m->s->store, q, &arg, 1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		id = rx_col_bytes(cur, 0, &n);
		version = rx_col_int(cur, 1);
		if (n != RX_ID_BYTES)
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
		if (rc != RX_OK || (rc = rx_buf_add(keys, id, n, st)) !=
		    RX_OK || (rc = rx_buf_add(keys, &version, sizeof(version),
		    st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* What was taken here from others before it was known that its author had ended
 * makes the case unreadable now: it goes, as it would have been left out. */
static rx_err
case_clean(struct merge *m, const struct group *g, struct rx_status *st)
{
	struct rx_buf keys = RX_BUF_INIT;
	struct in_row r = { .table = RX_TABLE_RECORD };
	struct rx_status why;
	int64_t version;
	size_t i;
	rx_err rc;

	rc = versions_of(m, g, RX_Q_RECORD_VERSIONS, &keys, st);
	for (i = 0; i < keys.len && rc == RX_OK; i += RX_ID_BYTES +
	    sizeof(version)) {
		memcpy(&version, keys.b + i + RX_ID_BYTES, sizeof(version));
		r.v[0] = rx_bytes(keys.b + i, RX_ID_BYTES);
		r.v[1] = rx_int(version);
		rx_status_clear(&why);
		if ((rc = verify_stored(m, &m->now, &r, &why)) == RX_OK)
			continue;
		if (left_out(m, &why)) {
			m->changed = true;
			rc = rx_store_delete(m->s->store, r.table, r.v, NULL,
			    st);
		} else
			*st = why;
	}
	rx_buf_free(&keys);
	return (rc);
}

/* The child that came was left out: nothing of its case stays. */
static rx_err
case_drop(struct merge *m, const struct group *g, struct rx_status *st)
{
	size_t i;
	rx_err rc = RX_OK;

	*m->info = g->was;
	m->changed = g->changed;
	for (i = 0; i < g->n && rc == RX_OK; i++) {
		const struct in_row *r = &g->row[i];

		m->info->refused += r->table == RX_TABLE_CHILD ||
		    r->table == RX_TABLE_RECORD;
		rc = rx_store_delete(m->s->store, r->table, r->v, NULL, st);
	}
	return (rc);
}

/* Put the versions of the case, whose keys are at hand; *dropped tells that its
 * child is not taken. */
static rx_err
versions_put(struct merge *m, struct group *g, bool *dropped,
    struct rx_status *st)
{
	struct rx_status why;
	size_t i;
	rx_err rc = RX_OK;

	*dropped = false;
	if (g->here && m->ended && (rc = case_clean(m, g, st)) != RX_OK)
		return (rc);
	if (g->here && (rc = rx_case_state(m->s, &m->now, &g->before, NULL,
	    NULL, st)) != RX_OK)
		return (rc);
	for (i = 0; i < g->n && rc == RX_OK; i++)
		if (g->row[i].table == RX_TABLE_CHILD ||
		    g->row[i].table == RX_TABLE_RECORD)
			rc = version_put(m, &m->now, &g->row[i], g->unit, st);
	if (rc != RX_OK)
		return (rc);
	/* There must be a child, whose records these are. */
	rx_status_clear(&why);
	rc = rx_case_state(m->s, &m->now, &g->after, NULL, NULL, &why);
	*dropped = rc == RX_ENOENT && !g->here &&
	    m->info->refused > g->was.refused;
	if (*dropped)
		return (case_drop(m, g, st));
	if (rc != RX_OK)
		*st = why;
	return (rc);
}

/* All rows of one case. */
static rx_err
case_put(struct merge *m, struct group *g, struct rx_status *st)
{
	bool mine, nothing, can, erased, dropped, away;
	rx_err rc;

	if ((rc = group_load(m, g, &mine, st)) != RX_OK ||
	    (rc = unit_check(m, g->unit, st)) != RX_OK)
		return (rc);
	/* What was erased here does not come back. */
	if ((rc = rx_erased(m->s, g->id, &erased, st)) != RX_OK)
		return (rc);
	m->info->erased += erased;
	if (erased)
		return (RX_OK);
	/* It would not go with the case; the next bundle has it again. */
	if ((rc = rx_departure_is_open(m->s, g->id, &away, st)) != RX_OK)
		return (rc);
	m->info->skipped += away;
	if (away)
		return (RX_OK);
	g->comps = rx_permitted(m->s, RX_ACT_WRITE_CASE, g->unit) ?
	    RX_CASE_KEYS : RX_BIT(RX_COMP_CODED);
	if (!mine) {
		m->info->skipped++;
		return (RX_OK);
	}
	if ((rc = nothing_new(m, g, &nothing, st)) != RX_OK || nothing)
		return (rc);
	g->was = *m->info;
	g->changed = m->changed;
	if ((rc = case_keys(m, g, &can, st)) != RX_OK)
		return (rc);
	if (!can) {
		m->info->skipped++;
		return (RX_OK);
	}
	if ((rc = versions_put(m, g, &dropped, st)) != RX_OK || dropped)
		return (rc);
	rx_known_free(m->s);
	return (slots_put(m, g, st));
}

static rx_err
cases_put(struct merge *m, struct rx_status *st)
{
	struct group g;
	size_t i, k;
	rx_err rc = RX_OK;

	for (i = 0; i < m->n && m->row[i].child == NULL; i++)
		;
	for (; i < m->n && rc == RX_OK; i = k) {
		for (k = i + 1; k < m->n && memcmp(m->row[k].child,
		    m->row[i].child, RX_ID_BYTES) == 0; k++)
			;
		memset(&g, 0, sizeof(g));
		g.row = &m->row[i];
		g.n = k - i;
		g.id = m->row[i].child;
		rc = case_put(m, &g, st);
	}
	return (rc);
}

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
		(void)unit_of(unit, &m->row[i].v[1]);
		if ((rc = unit_check(m, unit, st)) != RX_OK ||
		    (rc = rx_erasure_take(m->s, &m->now, m->row[i].v, &how,
		    st)) != RX_OK)
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
		(void)unit_of(unit, &m->row[i].v[2]);
		if ((rc = unit_check(m, unit, st)) == RX_OK)
			rc = version_put(m, NULL, &m->row[i], unit, st);
	}
	return (rc);
}

/* ---- what was written twice ---- */

/* The conflicts that somebody looks at. */
struct twice {
	enum rx_query q;		/* which find them by */
	struct rx_value arg;
	const char *unit;		/* where they lie */
	const uint8_t *activity;	/* of it alone; NULL: of the case */
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
		return (corrupt(st));
	if (t->activity != NULL && memcmp(r.v[0].p, t->activity,
	    RX_ID_BYTES) != 0)
		return (RX_OK);
	if ((r.child != NULL && (rc = rx_case_load(&m->now, m->s, r.child,
	    t->unit, RX_CASE_KEYS, st)) != RX_OK) ||
	    (rc = rx_store_replace(m->s->store, r.table, r.v, st)) != RX_OK ||
	    (rc = verify_stored(m, r.child != NULL ? &m->now : NULL, &r,
	    st)) != RX_OK)
		return (rc);
	return (t->each(t->cookie, &m->r, st));
}

/* In a transaction that is not kept: open them all. */
static rx_err
conflicts_open(struct merge *m, const struct rx_buf *rows,
    const struct twice *t, struct rx_status *st)
{
	size_t i, n;
	rx_err rc;

	if ((rc = rx_begin(m->s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_case_init(&m->now, m->s, st)) == RX_OK)
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
    const uint8_t *audited, struct rx_status *st)
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
	if (rc == RX_OK && rows.len > 0 && audited != NULL)
		rc = rx_audit_reveal(s, 1, audited, "history: identity", st);
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
	    rx_bytes(id, RX_ID_BYTES), unit, NULL, each, cookie };
	rx_err rc;

	if ((rc = rx_case_unit(s, id, unit, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, st)) != RX_OK)
		return (rc);
	return (conflicts_each(s, &t, id, st));
}

rx_err
rx_activity_conflict_each(struct rx_session *s,
    const uint8_t id[RX_ID_BYTES],
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	struct twice t = { RX_Q_CONFLICTS_OF_UNIT, { 0 }, unit, id, each,
	    cookie };
	rx_err rc;

	if ((rc = rx_activity_unit(s, id, unit, st)) != RX_OK)
		return (rc);
	t.arg = rx_text(unit);
	return (conflicts_each(s, &t, NULL, st));
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
	if ((rc = rx_case_init(&m->old, s, st)) != RX_OK ||
	    (rc = rx_case_init(&m->now, s, st)) != RX_OK ||
	    (rc = rows_read(m, body->b + RX_BUNDLE_HEAD, body->len -
	    RX_BUNDLE_HEAD, st)) != RX_OK)
		goto done;
	if (m->n > 1)
		qsort(m->row, m->n, sizeof(*m->row), row_cmp);
	if ((rc = people_put(m, st)) == RX_OK &&
	    (rc = anchors_put(m, st)) == RX_OK &&
	    (rc = unit_keys_put(m, st)) == RX_OK &&
	    (rc = erasures_put(m, st)) == RX_OK &&
	    (rc = cases_put(m, st)) == RX_OK)
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
