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
 *   slots                       not believed: written anew from the records
 *   certificates of erasure     from home: opened, author's signature and role;
 *                               the case that one names is destroyed
 *
 * Rows of one key are the union of both sides.  When two differ, one that raises
 * a flag stands in its table, else the one that was recorded later (of one
 * moment: whose digest is higher), the others in conflict, so that the order of
 * merging does not matter.
 *
 * Where a case lies is what the live version of its child says, and only a move
 * says another unit than the version before: a version that was written where the
 * case had left before (its writer did not know) is put in conflict, whatever its
 * number.  The rows of a case go by the child, not by the unit: they are taken by
 * whoever has the keys that they lie under.  Who has none where the case lies now
 * takes the move, and what lies under the keys of before.
 */

struct in_row {
	enum rx_table table;
	struct rx_value v[RX_COLUMNS_MAX];
	const uint8_t *p;		/* its bytes */
	size_t n;
	const uint8_t *child;		/* of a row of a case; NULL */
	size_t at;			/* its place in the bundle */
};

/* The rows of one case, and what is to be known of it. */
struct group {
	const struct in_row *row;
	size_t n;
	const uint8_t *id;
	char unit[RX_UNIT_BYTES];	/* where it lies, all told */
	char at[RX_UNIT_BYTES];	/* where it lay here so far */
	char sent[RX_UNIT_BYTES];	/* of the keys that came */
	struct rx_buf moves;	/* struct rx_passage; the first ${known} were here */
	size_t known;
	unsigned comps;		/* the keys of it that the opener has */
	bool here;		/* it is stored already */
	uint32_t have, comes;	/* newest epoch of its keys; 0: none */
	size_t nkeys;		/* rows of its keys that came */
	struct rx_case_state before, after;
	struct rx_bundle was;	/* counted before it */
	bool changed;
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
	const struct group *g;		/* the case that is at hand; NULL */
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
	[RX_TABLE_MOVE] = { { 0, -1, -1 }, 0, -1, 1, false },
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
	    st)) != RX_OK || how != RX_ABSENT)
		return (rc);
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

/* ---- where a case lay ---- */

static const struct rx_passage *
moves_of(const struct group *g, size_t *n)
{

	*n = g->moves.len / sizeof(struct rx_passage);
	return ((const void *)g->moves.b);
}

/* The newest; NULL when it never moved. */
static const struct rx_passage *
move_last(const struct group *g)
{
	const struct rx_passage *m;
	size_t n;

	m = moves_of(g, &n);
	return (m == NULL || n == 0 ? NULL : &m[n - 1]);
}

/* Where the case lay when its child had ${version} (or, if that is 0, its keys
 * ${epoch}). */
static const char *
lay(const struct group *g, uint32_t version, uint32_t epoch)
{
	const char *unit = g->unit;
	const struct rx_passage *m;
	size_t i, n;

	m = moves_of(g, &n);
	for (i = n; i-- > 0; unit = m[i].from)
		if (version != 0 ? version >= m[i].version :
		    epoch >= m[i].epoch)
			return (m[i].to);
	return (unit);
}

/* Whether ${unit} is one where the case lies or lay. */
static bool
lay_once(const struct group *g, const char *unit)
{
	const struct rx_passage *m;
	size_t i, n;

	m = moves_of(g, &n);
	for (i = 0; i < n; i++)
		if (memcmp(m[i].from, unit, RX_UNIT_BYTES) == 0)
			return (true);
	return (memcmp(g->unit, unit, RX_UNIT_BYTES) == 0);
}

/* The move with which the version ${r} of the child was written; NULL. */
static const struct rx_passage *
move_with(const struct group *g, const struct in_row *r)
{
	const struct rx_passage *m;
	size_t i, n;

	m = moves_of(g, &n);
	for (i = 0; i < n; i++)
		if (r->v[1].i == (int64_t)m[i].version)
			return (&m[i]);
	return (NULL);
}

/* A row as the hashes of a move take it; its length stands before it. */
static bool
is_moved_child(const struct rx_passage *m, const struct in_row *r)
{
	uint8_t hash[RX_HASH_BYTES];

	rx_passage_child_hash(hash, r->p - 4, r->n + 4);
	return (memcmp(hash, m->child, sizeof(hash)) == 0);
}

/* Whether the version ${r} of a child was written where the case lay then, and
 * not where it had been before. */
static bool
stands(const struct merge *m, const struct in_row *r)
{
	const struct rx_passage *move;
	char unit[RX_UNIT_BYTES];

	if (r->table != RX_TABLE_CHILD)
		return (true);
	(void)unit_of(unit, &r->v[2]);
	move = move_with(m->g, r);
	return (memcmp(unit, lay(m->g, (uint32_t)r->v[1].i, 0),
	    RX_UNIT_BYTES) == 0 && (move == NULL || is_moved_child(move, r)));
}

/* The version ${r} of a child, whose unit must be one where the case was. */
static rx_err
place_check(const struct merge *m, const struct in_row *r,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];

	if (r->table != RX_TABLE_CHILD)
		return (RX_OK);
	(void)unit_of(unit, &r->v[2]);
	return (lay_once(m->g, unit) ? RX_OK :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_VERSION));
}

/* ---- versions ---- */

/* Keep in conflict the row ${p}, of ${r}'s key. */
static rx_err
conflict_keep(struct merge *m, const struct in_row *r, const char *unit,
    const void *p, size_t n, struct rx_status *st)
{
	uint8_t digest[RX_HASH_BYTES];
	struct rx_value v[7];

	digest_of(digest, p, n);
	conflict_row(v, r, unit, digest, p, n);
	m->info->conflicts++;
	m->changed = true;
	return (rx_store_replace(m->s->store, RX_TABLE_CONFLICT, v, st));
}

/* Whether the row ${r} is in conflict already, and was told of. */
static rx_err
conflict_known(struct merge *m, const struct in_row *r, const char *unit,
    bool *known, struct rx_status *st)
{
	uint8_t digest[RX_HASH_BYTES];
	struct rx_value v[7];
	enum rx_there how;
	rx_err rc;

	digest_of(digest, r->p, r->n);
	conflict_row(v, r, unit, digest, r->p, r->n);
	rc = rx_store_compare(m->s->store, RX_TABLE_CONFLICT, v, &how, NULL,
	    st);
	*known = rc == RX_OK && how == RX_SAME;
	m->info->present += *known;
	return (rc);
}

/* The version ${r} of a child was written where the case had left before; in its
 * place is ${m->bytes}, or nothing (${absent}).  It is verified and kept in
 * conflict. */
static rx_err
version_passed(struct merge *m, struct rx_case *c, const struct in_row *r,
    const char *unit, bool absent, struct rx_status *st)
{
	struct rx_status why;
	bool known, out = false;
	rx_err rc;

	if ((rc = conflict_known(m, r, unit, &known, st)) != RX_OK || known)
		return (rc);
	if ((rc = rx_store_replace(m->s->store, r->table, r->v, st)) != RX_OK)
		return (rc);
	rx_status_clear(&why);
	if ((rc = verify_new(m, c, r, &why)) != RX_OK &&
	    !(out = left_out(m, &why))) {
		*st = why;
		return (rc);
	}
	if ((rc = absent ? rx_store_delete(m->s->store, r->table, r->v, NULL,
	    st) : put_back(m, st)) != RX_OK || out)
		return (rc);
	return (conflict_keep(m, r, unit, r->p, r->n, st));
}

/* Two people wrote this version, one of them ${m->bytes}, which is stored. */
static rx_err
version_conflict(struct merge *m, struct rx_case *c, const struct in_row *r,
    const char *unit, struct rx_status *st)
{
	uint8_t mine[RX_HASH_BYTES], his[RX_HASH_BYTES];
	struct rx_status why;
	enum rx_type type;
	int64_t at;
	bool flag, wins, known;
	rx_err rc;

	digest_of(mine, m->bytes.b, m->bytes.len);
	digest_of(his, r->p, r->n);
	if ((rc = conflict_known(m, r, unit, &known, st)) != RX_OK || known)
		return (rc);
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
	if (!wins && (rc = put_back(m, st)) != RX_OK)
		return (rc);
	return (conflict_keep(m, r, unit, wins ? m->bytes.b : r->p,
	    wins ? m->bytes.len : r->n, st));
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
	if ((rc = place_check(m, r, st)) != RX_OK)
		return (rc);
	if (!stands(m, r))
		return (version_passed(m, c, r, unit, how == RX_ABSENT, st));
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

/* The keys that came: how many rows, the newest epoch and its unit (of some row,
 * when there are none). */
static void
group_sent(struct group *g)
{
	size_t i;

	for (i = 0; i < g->n; i++) {
		const struct in_row *r = &g->row[i];
		const int col = forms[r->table].unit;

		g->nkeys += r->table == RX_TABLE_CASE_KEY;
		if (r->table == RX_TABLE_CASE_KEY &&
		    (uint32_t)r->v[1].i > g->comes) {
			g->comes = (uint32_t)r->v[1].i;
			(void)unit_of(g->sent, &r->v[col]);
		} else if (col >= 0 && g->comes == 0)
			(void)unit_of(g->sent, &r->v[col]);
	}
}

/* Of the keys that the row ${r} of MOVE has: the row of case_key, as it was. */
static void
moved_key(struct rx_value v[6], const struct rx_passage *m,
    const struct in_row *r)
{
	size_t k;

	v[0] = r->v[0];
	v[1] = r->v[1];
	v[2] = rx_text(m->to);
	for (k = 3; k < 6; k++)
		v[k] = r->v[k];
}

/* Whether the links that came and the keys in ${r} are those that were signed. */
static rx_err
keys_signed(const struct group *g, const struct rx_passage *m,
    const struct in_row *r, bool *same, struct rx_status *st)
{
	uint8_t hash[RX_HASH_BYTES], length[4] = { 0 };
	struct rx_buf b = RX_BUF_INIT;
	struct rx_value v[6];
	size_t i, at;
	rx_err rc = RX_OK;

	for (i = 0; i < g->n && rc == RX_OK; i++)
		if (g->row[i].table == RX_TABLE_CASE_LINK &&
		    g->row[i].v[1].i <= (int64_t)m->epoch)
			rc = rx_buf_add(&b, g->row[i].p - 4, g->row[i].n + 4,
			    st);
	at = b.len;
	moved_key(v, m, r);
	if (rc == RX_OK && (rc = rx_buf_add(&b, length, 4, st)) == RX_OK &&
	    (rc = rx_row_encode(&b, RX_TABLE_CASE_KEY, v, st)) == RX_OK) {
		rx_put32(b.b + at, (uint32_t)(b.len - at - 4));
		rx_passage_keys_hash(hash, b.b, b.len);
		*same = memcmp(hash, m->keys, sizeof(hash)) == 0;
	}
	rx_buf_free(&b);
	return (rc);
}

/* The version of the child that came with the move ${m}; NULL. */
static const struct in_row *
moved_child(const struct group *g, const struct rx_passage *m)
{
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->row[i].table == RX_TABLE_CHILD &&
		    g->row[i].v[1].i == (int64_t)m->version &&
		    is_moved_child(m, &g->row[i]))
			return (&g->row[i]);
	return (NULL);
}

/* The row ${r} of a move that is not known here: all that it says must be true,
 * and follow what was before. */
static rx_err
move_check(struct merge *m, struct group *g, const struct in_row *r,
    struct rx_status *st)
{
	const struct rx_passage *before = move_last(g);
	const char *from = before != NULL ? before->to : g->here ? g->at :
	    NULL;
	struct rx_passage move;
	bool same = false;
	rx_err rc;

	if (!rx_passage_read(&move, r->v[2].p, r->v[2].n) ||
	    move.epoch != (uint32_t)r->v[1].i || move.at > m->c->head.made ||
	    (from != NULL && memcmp(from, move.from, RX_UNIT_BYTES) != 0) ||
	    (before != NULL && (before->epoch >= move.epoch ||
	    before->version >= move.version)) ||
	    !rx_passage_true(m->s, g->id, &move, r->v[2].p) ||
	    moved_child(g, &move) == NULL)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_MOVE));
	if ((rc = keys_signed(g, &move, r, &same, st)) != RX_OK)
		return (rc);
	return (same ? rx_buf_add(&g->moves, &move, sizeof(move), st) :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_MOVE));
}

/* The moves that are here, and those that came; *mine is false for one that home
 * has not made itself: nobody else tells it where a case lies. */
static rx_err
moves_read(struct merge *m, struct group *g, bool *mine, struct rx_status *st)
{
	enum rx_there how;
	size_t i;
	rx_err rc;

	if ((rc = rx_passages_load(&g->moves, m->s, g->id, st)) != RX_OK)
		return (rc);
	g->known = g->moves.len / sizeof(struct rx_passage);
	for (i = 0; i < g->n; i++) {
		if (g->row[i].table != RX_TABLE_MOVE)
			continue;
		if ((rc = rx_store_compare(m->s->store, RX_TABLE_MOVE,
		    g->row[i].v, &how, NULL, st)) != RX_OK)
			return (rc);
		if (how == RX_SAME)
			continue;
		*mine &= m->s->copy && how == RX_ABSENT;
		if (*mine && (rc = move_check(m, g, &g->row[i], st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Fill in ${g}; *mine is false for a case that lies elsewhere, by what no move
 * says. */
static rx_err
group_load(struct merge *m, struct group *g, bool *mine,
    struct rx_status *st)
{
	const struct rx_passage *move;
	struct rx_status none;
	rx_err rc;

	*mine = true;
	group_sent(g);
	rx_status_clear(&none);
	if ((rc = rx_case_unit(m->s, g->id, g->at, &none)) == RX_OK)
		g->here = true;
	else if (rc != RX_ENOENT) {
		*st = none;
		return (rc);
	}
	if ((rc = moves_read(m, g, mine, st)) != RX_OK)
		return (rc);
	move = move_last(g);
	memcpy(g->unit, move != NULL ? move->to : g->here ? g->at : g->sent,
	    RX_UNIT_BYTES);
	/* A case has one row of keys, and those before them in links. */
	if (g->unit[0] == '\0' || rx_unit_of_register(g->unit) || g->nkeys > 1)
		return (corrupt(st));
	if (g->comes != 0)
		*mine &= memcmp(g->sent, lay(g, 0, g->comes),
		    RX_UNIT_BYTES) == 0;
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

/* The same of a case: of one unit at least where it lies or lay. */
static rx_err
sides_check(struct merge *m, const struct group *g, struct rx_status *st)
{
	const struct rx_passage *move;
	struct rx_status no;
	size_t i, n;

	move = moves_of(g, &n);
	for (i = 0; i < n; i++) {
		rx_status_clear(&no);
		if (unit_check(m, move[i].from, &no) == RX_OK)
			return (RX_OK);
	}
	return (unit_check(m, g->unit, st));
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
		versions += r->table != RX_TABLE_CASE_KEY &&
		    r->table != RX_TABLE_MOVE;
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

/* Whether the keys that came are those that were signed with the newest move. */
static bool
sent_with_move(const struct group *g)
{
	const struct in_row *key = NULL, *move = NULL;
	size_t i, k;

	for (i = 0; i < g->n; i++)
		if (g->row[i].table == RX_TABLE_CASE_KEY)
			key = &g->row[i];
		else if (g->row[i].table == RX_TABLE_MOVE)
			move = &g->row[i];	/* oldest first */
	if (key == NULL || move == NULL || key->v[1].i != move->v[1].i)
		return (false);
	for (k = 3; k < 6; k++)
		if (key->v[k].n != move->v[k].n || memcmp(key->v[k].p,
		    move->v[k].p, key->v[k].n) != 0)
			return (false);
	return (true);
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
	    rx_user_permitted(s, m->cert->user, RX_ACT_WRITE_CASE, g->unit) ||
	    sent_with_move(g);
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
		    memcmp(r->v[1].p, m->s->user_id, RX_ID_BYTES) != 0)) &&
		    (rc = rx_store_replace(m->s->store, r->table, r->v, st)) !=
		    RX_OK)
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

/* ---- moves ---- */

/* Insert the moves that are new. */
static rx_err
moves_insert(struct merge *m, const struct group *g, struct rx_status *st)
{
	enum rx_there how;
	size_t i;
	rx_err rc;

	for (i = 0; i < g->n; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table != RX_TABLE_MOVE)
			continue;
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) != RX_OK || (how != RX_SAME &&
		    (rc = rx_store_insert(m->s->store, r->table, r->v, st)) !=
		    RX_OK))
			return (rc);
		m->changed |= how != RX_SAME;
	}
	return (RX_OK);
}

/* The keys that the case, which is here, got with the newest move ${move} take the
 * place of those that it had. */
static rx_err
moved_keys(struct merge *m, struct group *g, const struct rx_passage *move,
    struct rx_status *st)
{
	struct rx_value old[2] = { rx_bytes(g->id, RX_ID_BYTES),
	    rx_int(g->have) };
	struct rx_value v[6];
	enum rx_there how;
	size_t i;
	rx_err rc = RX_OK;

	if (g->have >= move->epoch)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_KEYS_DIFFER));
	for (i = 0; i < g->n && rc == RX_OK; i++) {
		const struct in_row *r = &g->row[i];

		if (r->v[1].i > (int64_t)move->epoch)
			continue;
		if (r->table == RX_TABLE_MOVE &&
		    r->v[1].i == (int64_t)move->epoch) {
			moved_key(v, move, r);
			rc = rx_store_insert(m->s->store, RX_TABLE_CASE_KEY, v,
			    st);
		}
		if (r->table != RX_TABLE_CASE_LINK)
			continue;
		if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
		    NULL, st)) == RX_OK && how == RX_OTHER)
			rc = rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BUNDLE_KEYS_DIFFER);
		if (rc == RX_OK && how == RX_ABSENT)
			rc = rx_store_insert(m->s->store, r->table, r->v, st);
	}
	if (rc == RX_OK && g->have != 0)
		rc = rx_store_delete(m->s->store, RX_TABLE_CASE_KEY, old, NULL,
		    st);
	g->have = move->epoch;
	m->info->keys++;
	return (rc);
}

/* The version of the child that came with ${move}. */
static rx_err
moved_child_put(struct merge *m, const struct group *g,
    const struct rx_passage *move, struct rx_status *st)
{
	const struct in_row *r = moved_child(g, move);
	enum rx_there how;
	rx_err rc;

	if (r == NULL)
		return (corrupt(st));
	rx_buf_reset(&m->bytes);
	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how,
	    &m->bytes, st)) != RX_OK || how == RX_SAME)
		return (rc);
	if (how == RX_OTHER && (rc = conflict_keep(m, r, g->unit, m->bytes.b,
	    m->bytes.len, st)) != RX_OK)
		return (rc);
	m->info->children++;
	return (rx_store_replace(m->s->store, r->table, r->v, st));
}

/* What was written here of the child where it had left before, as is known now,
 * goes to conflict. */
static rx_err
passed_aside(struct merge *m, const struct group *g, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(g->id, RX_ID_BYTES);
	struct rx_buf rows = RX_BUF_INIT;
	struct in_row r;
	size_t at, n;
	rx_err rc;

	rc = rx_rows_add(&rows, m->s, RX_Q_CHILD_HISTORY, RX_TABLE_CHILD, &arg,
	    st);
	for (at = 0; at < rows.len && rc == RX_OK; at += 4 + n) {
		memset(&r, 0, sizeof(r));
		r.n = n = rx_get32(rows.b + at);
		r.p = rows.b + at + 4;
		if ((rc = rx_row_decode(&r.table, r.v, r.p, r.n, st)) != RX_OK)
			break;
		r.child = r.v[0].p;
		if (!stands(m, &r) && (rc = conflict_keep(m, &r, g->unit, r.p,
		    r.n, st)) == RX_OK)
			rc = rx_store_delete(m->s->store, r.table, r.v, NULL,
			    st);
	}
	rx_buf_free(&rows);
	return (rc);
}

/* Bring the case, which is here, to where it lay when it was accepted last. */
static rx_err
moves_apply(struct merge *m, struct group *g, struct rx_status *st)
{
	const struct rx_passage *move;
	uint32_t slots = 0;
	size_t i, n;
	rx_err rc;

	move = moves_of(g, &n);
	if (n == g->known)
		return (RX_OK);
	rx_known_free(m->s);
	if ((rc = moves_insert(m, g, st)) != RX_OK ||
	    (rc = moved_keys(m, g, &move[n - 1], st)) != RX_OK)
		return (rc);
	for (i = g->known; i < n && rc == RX_OK; i++)
		rc = moved_child_put(m, g, &move[i], st);
	if (rc != RX_OK || (rc = passed_aside(m, g, st)) != RX_OK)
		return (rc);
	/* They were for who supervised it before. */
	return (rx_slots_forget(m->s, g->id, &slots, st));
}

/* ---- for who has no keys where the case lies ---- */

/* Load the case with the keys that it had where the opener still is: those here,
 * while the move is news; *can. */
static rx_err
keys_before(struct merge *m, const struct group *g, bool *can,
    struct rx_status *st)
{
	const unsigned comps = rx_permitted(m->s, RX_ACT_WRITE_CASE, g->at) ?
	    RX_CASE_KEYS : RX_BIT(RX_COMP_CODED);
	struct rx_status why;
	rx_err rc;

	*can = false;
	if (comps != RX_CASE_KEYS && !rx_permitted(m->s, RX_ACT_SUPERVISE,
	    g->at))
		return (RX_OK);
	rx_status_clear(&why);
	rc = rx_case_load(&m->now, m->s, g->id, g->at, comps, &why);
	*can = rc == RX_OK;
	if (rc == RX_OK || rc == RX_EPERM)
		return (RX_OK);
	*st = why;
	return (rc);
}

/* The move that left the unit of the keys ${r}, of the epoch before it; NULL. */
static const struct rx_passage *
move_after(const struct group *g, const struct in_row *r)
{
	const struct rx_passage *m;
	size_t i, n;

	m = moves_of(g, &n);
	for (i = 0; i < n; i++)
		if (r->v[1].i + 1 == (int64_t)m[i].epoch &&
		    memcmp(m[i].from, g->sent, RX_UNIT_BYTES) == 0)
			return (&m[i]);
	return (NULL);
}

/* Put the row of keys ${in} in the place of ${out}. */
static rx_err
keys_swap(struct merge *m, const struct rx_value *out,
    const struct rx_value *in, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_store_delete(m->s->store, RX_TABLE_CASE_KEY, out, NULL,
	    st)) != RX_OK)
		return (rc);
	return (rx_store_insert(m->s->store, RX_TABLE_CASE_KEY, in, st));
}

/* Whether the newest keys of m->now are those that ${move} says were offered. */
static rx_err
keys_are(const struct merge *m, const struct rx_passage *move, bool *same,
    struct rx_status *st)
{
	const struct rx_case_epoch *e = &m->now.e[m->now.n - 1];
	uint8_t hash[RX_HASH_BYTES];
	struct rx_secret *mem;
	struct rx_key *keys;
	size_t k;
	rx_err rc;

	if ((rc = rx_secret_new(&mem, 3 * sizeof(*keys), st)) != RX_OK)
		return (rc);
	keys = (struct rx_key *)(void *)mem->b;
	for (k = 0; k < 3; k++)
		keys[k] = *e->key[k];
	rx_grant_keys_hash(hash, keys);
	*same = memcmp(hash, move->offer.keys, sizeof(hash)) == 0;
	rx_secret_free(mem);	/* wipes */
	return (RX_OK);
}

/* Load it with the keys ${r} that came from a register which does not know of the
 * move yet.  They are put in their place for that; *can tells that they are those
 * which the move says were offered. */
static rx_err
keys_offered(struct merge *m, const struct group *g, const struct in_row *r,
    bool *can, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(g->id, RX_ID_BYTES);
	const struct rx_passage *move = move_after(g, r);
	struct rx_value v[RX_COLUMNS_MAX];
	struct rx_buf kept = RX_BUF_INIT;
	struct rx_status why;
	enum rx_table table;
	rx_err rc;

	*can = false;
	if (move == NULL || g->have == 0 ||
	    !rx_permitted(m->s, RX_ACT_WRITE_CASE, g->sent))
		return (RX_OK);
	if ((rc = rx_rows_add(&kept, m->s, RX_Q_CASE_KEYS, RX_TABLE_CASE_KEY,
	    &arg, st)) != RX_OK || (rc = rx_row_decode(&table, v, kept.b + 4,
	    kept.len - 4, st)) != RX_OK ||
	    (rc = keys_swap(m, v, r->v, st)) != RX_OK)
		goto done;
	rx_status_clear(&why);
	if (rx_case_load(&m->now, m->s, g->id, g->sent, RX_CASE_KEYS, &why) ==
	    RX_OK)
		rc = keys_are(m, move, can, st);
	if (rc == RX_OK)
		rc = keys_swap(m, r->v, v, st);
done:
	rx_buf_free(&kept);
	return (rc);
}

/* Whether the opener has the key that the row ${r} lies under. */
static bool
lies_before(const struct merge *m, const struct in_row *r)
{
	const struct rx_value *box = &r->v[r->table == RX_TABLE_CHILD ? 11 : 5];
	const uint32_t epoch = rx_envelope_epoch(box->p, box->n);

	return (epoch <= m->now.e[m->now.n - 1].epoch);
}

/* Put the versions that lie under the keys at hand (none unless ${can}); *left
 * tells that others are not here. */
static rx_err
versions_before(struct merge *m, const struct group *g, bool can, bool *left,
    struct rx_status *st)
{
	enum rx_there how;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < g->n && rc == RX_OK; i++) {
		const struct in_row *r = &g->row[i];

		if (r->table != RX_TABLE_CHILD && r->table != RX_TABLE_RECORD)
			continue;
		if (can && lies_before(m, r))
			rc = version_put(m, &m->now, r, g->unit, st);
		else if ((rc = rx_store_compare(m->s->store, r->table, r->v,
		    &how, NULL, st)) == RX_OK)
			*left |= how != RX_SAME &&
			    (r->table != RX_TABLE_CHILD ||
			    move_with(g, r) == NULL || !stands(m, r));
	}
	return (rc);
}

/* The case, which is here, lies where the opener is nobody. */
static rx_err
before_put(struct merge *m, struct group *g, struct rx_status *st)
{
	const struct in_row *key = NULL;
	bool can = false, left = false;
	size_t i, n;
	rx_err rc = RX_OK;

	(void)moves_of(g, &n);
	for (i = 0; i < g->n; i++)
		if (g->row[i].table == RX_TABLE_CASE_KEY)
			key = &g->row[i];
	if (n > g->known)
		rc = keys_before(m, g, &can, st);
	else if (key != NULL)
		rc = keys_offered(m, g, key, &can, st);
	if (rc != RX_OK || (rc = versions_before(m, g, can, &left, st)) !=
	    RX_OK || (rc = moves_apply(m, g, st)) != RX_OK)
		return (rc);
	m->info->skipped += left;
	rx_known_free(m->s);
	return (n > g->known && g->comes == g->have ? slots_copy(m, g, st) :
	    RX_OK);
}

/* All rows of one case whose keys the opener has where it lies. */
static rx_err
case_merge(struct merge *m, struct group *g, struct rx_status *st)
{
	bool can, dropped;
	rx_err rc;

	if ((g->here && (rc = moves_apply(m, g, st)) != RX_OK) ||
	    (rc = case_keys(m, g, &can, st)) != RX_OK)
		return (rc);
	if (!can) {
		m->info->skipped++;
		return (RX_OK);
	}
	if ((rc = moves_insert(m, g, st)) != RX_OK ||
	    (rc = versions_put(m, g, &dropped, st)) != RX_OK || dropped)
		return (rc);
	rx_known_free(m->s);
	return (slots_put(m, g, st));
}

/* Whether the case is left as it is: it was erased here, and does not come back; it
 * was offered to another register, and what comes now would not go with it (the
 * next bundle has it again); or it lies elsewhere by what no move says. */
static rx_err
left_alone(struct merge *m, const struct group *g, bool mine, bool *alone,
    struct rx_status *st)
{
	bool erased, away;
	rx_err rc;

	*alone = true;
	if ((rc = rx_erased(m->s, g->id, &erased, st)) != RX_OK ||
	    (rc = rx_departure_is_open(m->s, g->id, &away, st)) != RX_OK)
		return (rc);
	m->info->erased += erased;
	m->info->skipped += !erased && (away || !mine);
	*alone = erased || away || !mine;
	return (RX_OK);
}

/* All rows of one case. */
static rx_err
case_put(struct merge *m, struct group *g, struct rx_status *st)
{
	bool mine, alone, nothing;
	rx_err rc;

	if ((rc = group_load(m, g, &mine, st)) != RX_OK ||
	    (rc = sides_check(m, g, st)) != RX_OK ||
	    (rc = left_alone(m, g, mine, &alone, st)) != RX_OK || alone ||
	    (rc = nothing_new(m, g, &nothing, st)) != RX_OK || nothing)
		return (rc);
	g->comps = rx_permitted(m->s, RX_ACT_WRITE_CASE, g->unit) ?
	    RX_CASE_KEYS : rx_permitted(m->s, RX_ACT_SUPERVISE, g->unit) ?
	    RX_BIT(RX_COMP_CODED) : 0;
	g->was = *m->info;
	g->changed = m->changed;
	if (g->comps != 0)
		return (case_merge(m, g, st));
	if (g->here)
		return (before_put(m, g, st));
	m->info->skipped++;
	return (RX_OK);
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
		m->g = &g;
		rc = case_put(m, &g, st);
		m->g = NULL;
		rx_buf_free(&g.moves);
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
