#include "base/date.h"
#include "register/merge.h"

/* Merging who is who, the heads that people signed, and the keys of units. */

typedef rx_err put_fn(struct merge *, const struct in_row *,
    struct rx_status *);

/* All rows of ${table}, in their order. */
static rx_err
rows_put(struct merge *m, enum rx_table table, put_fn *put,
    struct rx_status *st)
{
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < m->n && rc == RX_OK; i++)
		if (m->row[i].table == table)
			rc = put(m, &m->row[i], st);
	return (rc);
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
		return (rx_merge_corrupt(st));
	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how, NULL,
	    st)) != RX_OK || how != RX_ABSENT)
		return (rc);
	m->info->keys++;
	m->changed = true;
	return (rx_store_insert(m->s->store, r->table, r->v, st));
}

/* What the revoked person signs in this audit after his end breaks it. */
struct ended {
	const uint8_t *user;
	int64_t at;
};

static bool
is_signed_since(const void *cookie, const struct rx_audit_entry *e)
{
	const struct ended *who = cookie;

	return (e->time > who->at &&
	    memcmp(e->actor, who->user, RX_ID_BYTES) == 0);
}

static rx_err
revocation_put(struct merge *m, const struct in_row *r, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_status no;
	enum rx_revoked why;
	enum rx_there how;
	struct ended who = { NULL, 0 };
	size_t i;
	bool since = false;
	rx_err rc;

	rx_status_clear(&no);
	if (rx_revocation_open(id, &who.at, &why, r->v[1].p, r->v[1].n,
	    m->s->blob->root_public, m->s->store_id, &no) != RX_OK ||
	    memcmp(id, r->v[0].p, RX_ID_BYTES) != 0)
		return (rx_merge_corrupt(st));
	if ((rc = rx_store_compare(m->s->store, r->table, r->v, &how, NULL,
	    st)) != RX_OK || how != RX_ABSENT)
		return (rc);
	for (i = 0; i < m->s->nmembers; i++) {
		const struct rx_cert *c = &m->s->members[i].cert;

		if (memcmp(c->id, id, RX_ID_BYTES) != 0)
			continue;
		who.user = c->user;
		if ((rc = rx_audit_seek(m->s, who.at, is_signed_since, &who,
		    &since, st)) != RX_OK)
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
		return (rx_merge_corrupt(st));
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

rx_err
rx_merge_people(struct merge *m, struct rx_status *st)
{
	const uint8_t *root = m->s->blob->root_public;
	rx_err rc;

	if ((rc = rows_put(m, RX_TABLE_CERT, cert_put, st)) != RX_OK ||
	    (rc = rx_members_load(m->s, root, st)) != RX_OK ||
	    (rc = rows_put(m, RX_TABLE_REVOCATION, revocation_put, st)) !=
	    RX_OK || (rc = rx_members_load(m->s, root, st)) != RX_OK)
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

rx_err
rx_merge_heads(struct merge *m, struct rx_status *st)
{
	size_t lost = 0;
	rx_err rc = RX_OK;

	if (m->newer)
		rc = rx_chain_compare(m->s, m->c->head.copy, &m->info->head,
		    m->c->head.made, m->despite, &lost, st);
	m->info->lost += lost;
	m->changed |= lost > 0;
	if (rc == RX_OK)
		rc = rows_put(m, RX_TABLE_ANCHOR, anchor_put, st);
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

	(void)rx_merge_unit(unit, &r->v[0]);
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

	(void)rx_merge_unit(unit, &r->v[0]);
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
		return (rx_merge_corrupt(st));
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

rx_err
rx_merge_unit_keys(struct merge *m, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rows_put(m, RX_TABLE_UNIT_EPOCH, epoch_put, st)) != RX_OK ||
	    (rc = rows_put(m, RX_TABLE_UNIT_GRANT, grant_put, st)) != RX_OK)
		return (rc);
	/* What was known as the newest may not be. */
	m->s->serial++;
	return (epochs_check(m, st));
}
