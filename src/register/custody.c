#include <stdlib.h>

#include "base/date.h"
#include "crypto/recovery.h"
#include "register/save.h"

/*
 * What two custodians can do together: hand a unit's keys to somebody who is
 * certified for it, show that their codes work, give the administrator's account
 * new keys, and have new codes made.
 *
 * The recovery key acts as a session of its own, which shares the store and the
 * members of the person who is signed in, and holds what was granted to it.
 *
 * A new recovery key is trusted by a member when the old one, which is pinned in
 * his keyblob, vouches for it to him: the proof is a MAC under the key that the
 * old recovery key and his own have in common (rx_pair_mac), label "runxin
 * succession v1", over store 16 || old recovery X25519 32 || new 32 || user 16.
 * So the register root alone cannot put a key of its own there.
 * Row of succession: new recovery X25519 32 || proof 32.
 */

#define SUCCESSION_LABEL "runxin succession v1"
#define SUCCESSION_BYTES (RX_BOX_PUBLIC_BYTES + RX_HASH_BYTES)

static const unsigned pairs[3][2] = { { 0, 1 }, { 0, 2 }, { 1, 2 } };

struct work {			/* secrets in passing, in guarded memory */
	uint8_t code[2][RX_CODE_BYTES];
	struct rx_key secret;		/* the recovery seed of the codes */
	struct rx_key follower;		/* the seed that is to follow it */
	struct rx_codes codes;		/* of the follower */
	uint8_t fresh[3][RX_CODE_BYTES];
};

/* ---- the recovery key as a session ---- */

static void
recovery_close(struct rx_session *r)
{

	if (r == NULL)
		return;
	r->members = NULL;	/* not its own */
	r->nmembers = 0;
	rx_session_close(r);
}

/* A session of somebody else in the register of ${s}: of nobody yet. */
static rx_err
beside(struct rx_session **out, const struct rx_session *s,
    struct rx_status *st)
{
	struct rx_session *r;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_session_new(&r, st)) != RX_OK)
		return (rc);
	r->store = s->store;
	r->borrowed = true;
	r->clock = s->clock;
	memcpy(r->store_id, s->store_id, RX_ID_BYTES);
	memcpy(r->unit, s->unit, RX_UNIT_BYTES);
	memcpy(r->blob->root_public, s->blob->root_public, 32);
	memcpy(r->blob->recovery_public, s->blob->recovery_public, 32);
	*out = r;
	return (RX_OK);
}

/* The recovery key of the seed ${secret}, beside ${s}. */
static rx_err
recovery_session(struct rx_session **out, struct rx_session *s,
    const struct rx_key *secret, struct rx_status *st)
{
	struct rx_session *r;
	rx_err rc;

	*out = NULL;
	if ((rc = beside(&r, s, st)) != RX_OK)
		return (rc);
	rx_identity_derive(r->id, secret->b);
	r->members = s->members;
	r->nmembers = s->nmembers;
	*out = r;
	return (RX_OK);
}

const struct rx_member *
rx_recovery_live(const struct rx_session *s,
    const uint8_t box_public[RX_BOX_PUBLIC_BYTES])
{
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (s->members[i].cert.role == RX_ROLE_RECOVERY &&
		    rx_member_live(&s->members[i]) &&
		    memcmp(s->members[i].cert.box_public, box_public,
		    RX_BOX_PUBLIC_BYTES) == 0)
			return (&s->members[i]);
	return (NULL);
}

/* Which live certificate of a recovery key is that of ${r}? */
static rx_err
recovery_find(struct rx_session *r, struct rx_status *st)
{
	const struct rx_member *m = rx_recovery_live(r, r->id->box_public);

	if (m == NULL)
		return (rx_fail(st, RX_EPERM, RX_MSG_CODES_WRONG));
	memcpy(r->user_id, m->cert.user, RX_ID_BYTES);
	return (RX_OK);
}

/* Try both orders of the codes on the box of pair ${pair}. */
static bool
box_try(struct rx_session *s, struct work *w, unsigned pair,
    const uint8_t *box, size_t n)
{
	struct rx_status no;
	unsigned i;

	for (i = 0; i < 2; i++) {
		rx_status_clear(&no);
		if (rx_recovery_open(&w->secret, box, n, pairs[pair][i],
		    pairs[pair][!i], w->code[0], w->code[1], s->store_id,
		    &no) == RX_OK)
			return (true);
	}
	return (false);
}

/* Open the recovery seed with the two codes, whosever they are. */
static rx_err
seed_open(struct rx_session *s, struct work *w, const char *const codes[2],
    struct rx_status *st)
{
	struct rx_cursor *cur;
	const uint8_t *box;
	int64_t pair;
	bool row = false, opened = false;
	size_t i, n;
	rx_err rc;

	for (i = 0; i < 2; i++)
		if ((rc = rx_code_parse(w->code[i], codes[i], st)) != RX_OK)
			return (rc);
	if (rx_equal(w->code[0], w->code[1], RX_CODE_BYTES))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CODE_PAIR));
	if ((rc = rx_query_open(&cur, s->store, RX_Q_RECOVERY, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while (!opened && (rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		box = rx_col_bytes(cur, 1, &n);
		pair = rx_col_int(cur, 0);
		opened = pair >= 0 && pair < 3 &&
		    box_try(s, w, (unsigned)pair, box, n);
	}
	rx_query_close(cur);
	if (rc == RX_OK && !opened)
		rc = rx_fail(st, RX_EPERM, RX_MSG_CODES_WRONG);
	return (rc);
}

/* The recovery key of the seed w->secret, if it is the one in use.  The caller
 * closes it, when it is not as well. */
static rx_err
recovery_enter(struct rx_session **out, struct rx_session *s, struct work *w,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = recovery_session(out, s, &w->secret, st)) == RX_OK)
		rc = recovery_find(*out, st);
	return (rc);
}

static rx_err
recovery_open(struct rx_session **out, struct rx_session *s, struct work *w,
    const char *const codes[2], struct rx_status *st)
{
	rx_err rc;

	*out = NULL;
	if ((rc = seed_open(s, w, codes, st)) != RX_OK)
		return (rc);
	return (recovery_enter(out, s, w, st));
}

static rx_err
work_new(struct rx_secret **mem, struct work **w, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_secret_new(mem, sizeof(**w), st)) == RX_OK)
		*w = (struct work *)(void *)(*mem)->b;
	return (rc);
}

/* ---- handing on ---- */

/* In a transaction: ${r} gives members[first..] what he lacks of ${units}. */
static rx_err
recover(struct rx_session *r, size_t first, const struct rx_buf *units,
    size_t *made, struct rx_status *st)
{
	size_t i, before;
	rx_err rc;

	for (i = 0; i < units->len; i += RX_UNIT_BYTES) {
		const char *unit = (const char *)units->b + i;

		if (rx_unit_of_register(unit))
			continue;
		before = *made;
		if ((rc = rx_grant_member(r, unit, first, made, st)) != RX_OK)
			return (rc);
		*made = *made > before ? before + 1 : before;
	}
	if (*made == 0)
		return (rx_fail(st, RX_ENOENT, RX_MSG_RECOVER_NOTHING));
	return (RX_OK);
}

rx_err
rx_recover(struct rx_session *s, const char *user,
    const struct rx_buf *units, const char *const codes[2], size_t *made,
    struct rx_status *st)
{
	struct rx_buf all = RX_BUF_INIT;
	uint8_t id[RX_ID_BYTES];
	struct rx_session *r = NULL;
	struct rx_secret *mem;
	struct work *w;
	bool found;
	rx_err rc;

	*made = 0;
	if ((rc = rx_user_find(s, user, id, &found, st)) != RX_OK)
		return (rc);
	rx_status_arg(st, "user", "%.60s", user);
	if (!found)
		return (rx_fail(st, RX_ENOENT, RX_MSG_USER_UNKNOWN));
	if ((rc = work_new(&mem, &w, st)) != RX_OK)
		return (rc);
	if ((rc = rx_begin(s, st)) != RX_OK)
		goto done;
	if ((rc = recovery_open(&r, s, w, codes, st)) == RX_OK &&
	    units->len == 0)
		rc = rx_units_of(s, rx_member_first(s, id), &all, st);
	if (rc == RX_OK)
		rc = recover(r, rx_member_first(s, id), units->len > 0 ?
		    units : &all, made, st);
	rc = rx_finish(s, rc, RX_DID_RECOVER, id, user, st);
	if (rc == RX_OK)
		rx_status_clear(st);
	recovery_close(r);
done:
	rx_buf_free(&all);
	rx_secret_free(mem);
	return (rc);
}

/* ---- showing that it works ---- */

/* The root seed that ${r} was granted, *root in its memory: that of the root that
 * is trusted, and with it the newest keys of the register.  RX_ENOENT
 * (ADMIN_NOT_HELD), RX_ECORRUPT (ADMIN_ROOT_OTHER). */
static rx_err
root_open(struct rx_session *r, const struct rx_key **root,
    struct rx_status *st)
{
	const unsigned all = RX_AUDIT_KEYS | RX_BIT(RX_COMP_ROOT);
	uint8_t root_public[32], secret[64];
	unsigned comps;
	rx_err rc;

	*root = NULL;
	if ((rc = rx_granted_newest(r, RX_REGISTER_KEYS, r->user_id, &comps,
	    st)) != RX_OK)
		return (rc);
	if ((comps & all) != all)
		return (rx_fail(st, RX_ENOENT, RX_MSG_ADMIN_NOT_HELD));
	if ((rc = rx_unit_key(r, RX_REGISTER_KEYS, RX_COMP_ROOT, 1, root, NULL,
	    st)) != RX_OK)
		return (rc);
	rx_root_derive(root_public, secret, (*root)->b);
	rx_wipe(secret, sizeof(secret));
	if (!rx_equal(root_public, r->blob->root_public, 32))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_ADMIN_ROOT_OTHER));
	return (RX_OK);
}

/* Open all that ${r} was granted of ${unit}'s newest keys; *whole tells whether
 * that is all there are. */
static rx_err
unit_try(struct rx_session *r, const char *unit, bool *whole,
    struct rx_status *st)
{
	const struct rx_key *key;
	struct rx_status why;
	unsigned c, comps;
	rx_err rc;

	if ((rc = rx_granted_newest(r, unit, r->user_id, &comps, st)) != RX_OK)
		return (rc);
	*whole = comps != 0;
	for (c = RX_COMP_IDENTITY; c <= RX_COMP_CODED; c++) {
		rx_status_clear(&why);
		if ((comps & RX_BIT(c)) != 0 && rx_unit_key(r, unit,
		    (enum rx_compartment)c, 0, &key, NULL, &why) != RX_OK)
			*whole = false;
	}
	return (RX_OK);
}

static rx_err
custodian_test(struct rx_session *s, struct rx_session *r,
    struct rx_custody *found, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	const struct rx_key *root;
	struct rx_status why;
	bool whole;
	size_t i;
	rx_err rc;

	rx_status_clear(&why);
	found->root = root_open(r, &root, &why) == RX_OK;
	rc = rx_keyed_units(s, s->unit, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES) {
		found->all++;
		if ((rc = unit_try(r, (const char *)units.b + i, &whole,
		    st)) == RX_OK)
			found->opened += whole;
	}
	rx_buf_free(&units);
	return (rc);
}

rx_err
rx_custodian_test(struct rx_session *s, const char *const codes[2],
    struct rx_custody *found, struct rx_status *st)
{
	struct rx_session *r;
	struct rx_secret *mem;
	struct work *w;
	rx_err rc;

	memset(found, 0, sizeof(*found));
	if ((rc = work_new(&mem, &w, st)) != RX_OK)
		return (rc);
	if ((rc = rx_begin(s, st)) != RX_OK)
		goto done;
	if ((rc = recovery_open(&r, s, w, codes, st)) == RX_OK)
		rc = custodian_test(s, r, found, st);
	rc = rx_finish(s, rc, RX_DID_CUSTODY, NULL, "test", st);
	recovery_close(r);
done:
	rx_secret_free(mem);
	return (rc);
}

/* ---- the administrator's account ---- */

/* Give ${new} what ${old} has of ${unit}'s newest keys, but for the root seed. */
static rx_err
unit_move(struct rx_session *old, struct rx_session *new, const char *unit,
    struct rx_status *st)
{
	const struct rx_key *keys[RX_GRANT_KEYS];
	enum rx_compartment c;
	unsigned comps;
	uint32_t epoch;
	size_t k;
	rx_err rc;

	if ((rc = rx_granted_newest(old, unit, old->user_id, &comps, st)) !=
	    RX_OK)
		return (rc);
	comps &= RX_CASE_KEYS | RX_AUDIT_KEYS;
	for (k = 0; k < RX_GRANT_KEYS; k++) {
		c = rx_grant_comp(comps, k);
		if (c == RX_COMP_NONE || (comps & RX_BIT(c)) == 0)
			continue;
		memset(keys, 0, sizeof(keys));
		if ((rc = rx_unit_key(old, unit, c, 0, &keys[k], &epoch,
		    st)) != RX_OK ||
		    (rc = rx_grant_insert(new, unit, epoch, RX_BIT(c), keys,
		    new->user_id, new->id->box_public, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* His newest certificate; NULL. */
static const struct rx_member *
administrator(const struct rx_session *s)
{
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (s->members[i].cert.role == RX_ROLE_ADMIN &&
		    rx_member_live(&s->members[i]))
			return (&s->members[i]);
	return (NULL);
}

const char *
rx_session_administrator(const struct rx_session *s)
{
	const struct rx_member *m = administrator(s);

	return (m == NULL ? "" : m->cert.name);
}

/* The administrator as a session of its own, with a new seed and the root that
 * ${r} was granted; he is not certified for it yet. */
static rx_err
admin_session(struct rx_session **out, const struct rx_session *s,
    struct rx_session *r, struct rx_status *st)
{
	const struct rx_member *m = administrator(s);
	const struct rx_key *root;
	struct rx_session *n;
	rx_err rc;

	*out = NULL;
	if (m == NULL)
		return (rx_fail(st, RX_ENOENT, RX_MSG_ADMIN_NOT_HELD));
	if ((rc = root_open(r, &root, st)) != RX_OK ||
	    (rc = beside(&n, s, st)) != RX_OK)
		return (rc);
	memcpy(n->user_id, m->cert.user, RX_ID_BYTES);
	rx_text_copy(n->user, sizeof(n->user), m->cert.name);
	memcpy(n->blob->root_seed, root->b, RX_KEY_BYTES);
	memcpy(n->blob->recovery_public, r->id->box_public, 32);
	rx_random(n->blob->seed, 32);
	rx_identity_derive(n->id, n->blob->seed);
	if ((rc = rx_members_load(n, n->blob->root_public, st)) != RX_OK) {
		rx_session_close(n);
		return (rc);
	}
	*out = n;
	return (RX_OK);
}

/* In a transaction: the keyblob and certificates of ${n}, the keys of the
 * register from ${r}.  What he grants himself needs no other warrant. */
static rx_err
admin_renew(struct rx_session *n, struct rx_session *r,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	struct rx_cert cert = { .role = RX_ROLE_ADMIN };
	rx_err rc;

	memcpy(cert.user, n->user_id, RX_ID_BYTES);
	rx_text_copy(cert.name, sizeof(cert.name), n->user);
	memcpy(cert.box_public, n->id->box_public, 32);
	memcpy(cert.sign_public, n->id->sign_public, 32);
	if ((rc = rx_keyblob_replace(n, passphrase, st)) != RX_OK ||
	    (rc = rx_drafts_forget(n, st)) != RX_OK ||
	    (rc = rx_person_renew(n, rx_member_first(n, n->user_id), &cert,
	    st)) != RX_OK)
		return (rc);
	return (unit_move(r, n, RX_REGISTER_KEYS, st));
}

/* In a transaction, with two entries of the audit: what ${s} did; then, under new
 * keys of the register, that there are new ones. */
static rx_err
admin_give(struct rx_session *s, struct rx_session *r,
    const struct rx_secret *passphrase, struct rx_status *st)
{
	struct rx_session *n;
	size_t ended;
	rx_err rc;

	if ((rc = admin_session(&n, s, r, st)) != RX_OK)
		return (rc);
	if ((rc = admin_renew(n, r, passphrase, st)) == RX_OK &&
	    (rc = rx_audit_add(s, RX_DID_ADMIN, n->user_id, n->user,
	    strlen(n->user), st)) == RX_OK)
		rc = rx_person_end(n, rx_member_first(n, n->user_id), &ended,
		    st);
	rx_session_close(n);
	return (rc);
}

rx_err
rx_custodian_admin(struct rx_session *s, const char *const codes[2],
    const struct rx_secret *passphrase, struct rx_status *st)
{
	struct rx_session *r = NULL;
	struct rx_secret *mem;
	struct work *w;
	rx_err rc;

	if ((rc = rx_copy_permit(s, RX_DID_ADMIN, st)) != RX_OK)
		return (rc);
	/* His own change of passphrase needs nobody; and this would end the
	 * session that is to sign for it. */
	if (rx_session_has_role(s, RX_ROLE_ADMIN))
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_ADMIN_SELF));
	if ((rc = work_new(&mem, &w, st)) != RX_OK)
		return (rc);
	if ((rc = rx_begin(s, st)) != RX_OK)
		goto done;
	if ((rc = recovery_open(&r, s, w, codes, st)) == RX_OK)
		rc = admin_give(s, r, passphrase, st);
	recovery_close(r);
	if ((rc = rx_finish_entered(s, rc, st)) == RX_OK)
		rc = rx_members_load(s, s->blob->root_public, st);
done:
	rx_secret_free(mem);
	return (rc);
}

/* ---- new codes ---- */

/* A seed to follow, and three codes for it; nothing of it is stored. */
static void
follower_make(struct work *w)
{
	unsigned i;

	rx_random(w->follower.b, RX_KEY_BYTES);
	for (i = 0; i < 3; i++) {
		rx_random(w->fresh[i], RX_CODE_BYTES);
		rx_code_text(w->codes.text[i], w->fresh[i]);
	}
}

/* The seed w->follower under pairs of its codes, in place of the one before. */
static rx_err
boxes_replace(struct rx_session *s, struct work *w, struct rx_status *st)
{
	uint8_t box[RX_RECOVERY_BOX];
	struct rx_value v[2];
	unsigned i;
	rx_err rc;

	for (i = 0; i < 3; i++) {
		if ((rc = rx_recovery_seal(box, &w->follower, pairs[i][0],
		    pairs[i][1], w->fresh[pairs[i][0]], w->fresh[pairs[i][1]],
		    s->store_id, st)) != RX_OK)
			return (rc);
		v[0] = rx_int(i);
		v[1] = rx_bytes(box, sizeof(box));
		if ((rc = rx_store_replace(s->store, RX_TABLE_RECOVERY, v,
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* What ${old}, vouching for ${new}, tells ${user}. */
static rx_err
proof_make(uint8_t mac[RX_HASH_BYTES], const struct rx_identity *mine,
    const uint8_t his[32], const struct rx_session *s, const uint8_t old[32],
    const uint8_t new[32], const uint8_t user[RX_ID_BYTES],
    struct rx_status *st)
{
	uint8_t all[2 * RX_ID_BYTES + 64];

	memcpy(all, s->store_id, RX_ID_BYTES);
	memcpy(all + 16, old, 32);
	memcpy(all + 48, new, 32);
	memcpy(all + 80, user, RX_ID_BYTES);
	return (rx_pair_mac(mac, mine, his, SUCCESSION_LABEL, all, sizeof(all),
	    st));
}

/* One proof for every member. */
static rx_err
proofs_insert(struct rx_session *s, const struct rx_session *old,
    const uint8_t new[32], struct rx_status *st)
{
	uint8_t row[SUCCESSION_BYTES];
	const struct rx_member *m;
	struct rx_value v[2];
	size_t i;
	rx_err rc;

	for (i = 0; i < s->nmembers; i = rx_member_next(s, i)) {
		if ((m = rx_member_newest(s, i)) == NULL ||
		    m->cert.role == RX_ROLE_RECOVERY)
			continue;
		memcpy(row, new, 32);
		if ((rc = proof_make(row + 32, old->id, m->cert.box_public, s,
		    old->id->box_public, new, m->cert.user, st)) != RX_OK)
			return (rc);
		v[0] = rx_bytes(m->cert.user, RX_ID_BYTES);
		v[1] = rx_bytes(row, sizeof(row));
		if ((rc = rx_store_replace(s->store, RX_TABLE_SUCCESSION, v,
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
keys_move(struct rx_session *s, struct rx_session *old,
    struct rx_session *new, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	size_t i;
	rx_err rc;

	rc = rx_keyed_units(s, s->unit, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = unit_move(old, new, (const char *)units.b + i, st);
	if (rc == RX_OK)
		rc = unit_move(old, new, RX_REGISTER_KEYS, st);
	if (rc == RX_OK)
		rc = rx_grants_forget(s, old->user_id, st);
	/* Not the one that the old had: this is the right one. */
	if (rc == RX_OK)
		rc = rx_root_insert(s, new->user_id, new->id->box_public, st);
	rx_buf_free(&units);
	return (rc);
}

/* The certificate of ${new}; that of ${old} ends, and with it all units' keys
 * wait for others. */
static rx_err
certs_exchange(struct rx_session *s, const struct rx_session *old,
    struct rx_session *new, struct rx_status *st)
{
	struct rx_cert cert = { .role = RX_ROLE_RECOVERY };
	size_t i;
	rx_err rc;

	for (i = 0; i < s->nmembers; i++)
		if (memcmp(s->members[i].cert.user, old->user_id,
		    RX_ID_BYTES) == 0 && s->members[i].revoked == 0 &&
		    (rc = rx_cert_revoke(s, &s->members[i], RX_REVOKED_ENDED,
		    st)) != RX_OK)
			return (rc);
	rx_uuid7(cert.user, rx_time_now());
	rx_text_copy(cert.name, sizeof(cert.name), "recovery");
	memcpy(cert.unit, s->unit, RX_UNIT_BYTES);
	memcpy(cert.box_public, new->id->box_public, 32);
	memcpy(cert.sign_public, new->id->sign_public, 32);
	memcpy(new->user_id, cert.user, RX_ID_BYTES);
	return (rx_cert_issue(s, &cert, st));
}

/* In a transaction: the follower of ${old}, whose seed w->secret is, takes its
 * place. */
static rx_err
reissue(struct rx_session *s, struct work *w, struct rx_session *old,
    struct rx_status *st)
{
	struct rx_session *new;
	rx_err rc;

	if ((rc = boxes_replace(s, w, st)) != RX_OK ||
	    (rc = recovery_session(&new, s, &w->follower, st)) != RX_OK)
		return (rc);
	if ((rc = certs_exchange(s, old, new, st)) == RX_OK &&
	    (rc = proofs_insert(s, old, new->id->box_public, st)) == RX_OK)
		rc = keys_move(s, old, new, st);
	recovery_close(new);
	return (rc);
}

/* End the transaction of a reissue. */
static rx_err
reissue_end(struct rx_session *s, rx_err rc, struct rx_status *st)
{

	rc = rx_finish(s, rc, RX_DID_CUSTODY, NULL, "reissue", st);
	return (rc != RX_OK ? rc :
	    rx_members_load(s, s->blob->root_public, st));
}

rx_err
rx_custodian_reissue(struct rx_session *s, const char *const codes[2],
    rx_err (*keep)(void *, const struct rx_codes *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_session *old;
	struct rx_secret *mem;
	struct work *w;
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK ||
	    (rc = work_new(&mem, &w, st)) != RX_OK)
		return (rc);
	if ((rc = rx_begin(s, st)) != RX_OK)
		goto done;
	if ((rc = recovery_open(&old, s, w, codes, st)) == RX_OK) {
		follower_make(w);
		if ((rc = reissue(s, w, old, st)) == RX_OK)
			rc = keep(cookie, &w->codes, st);
	}
	recovery_close(old);
	rc = reissue_end(s, rc, st);
done:
	rx_secret_free(mem);
	return (rc);
}

/* ---- new codes in two steps ---- */

/* The codes that were typed are wiped at once: the seed is what is kept. */
rx_err
rx_custodian_prepare(struct rx_session *s, const char *const codes[2],
    struct rx_status *st)
{
	struct rx_session *old;
	struct rx_secret *mem;
	struct work *w;
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK ||
	    (rc = work_new(&mem, &w, st)) != RX_OK)
		return (rc);
	if ((rc = rx_begin(s, st)) != RX_OK)
		goto err0;
	rc = recovery_open(&old, s, w, codes, st);
	recovery_close(old);
	if ((rc = rx_finish(s, rc, RX_DID_CUSTODY, NULL, "prepare", st)) !=
	    RX_OK)
		goto err0;
	rx_wipe(w->code, sizeof(w->code));
	follower_make(w);

	/* Success! */
	rx_custodian_drop(s);
	s->reissue = mem;
	return (RX_OK);

err0:
	rx_secret_free(mem);
	return (rc);
}

const struct rx_codes *
rx_custodian_prepared(const struct rx_session *s)
{

	return (s->reissue == NULL ? NULL :
	    &((const struct work *)(const void *)s->reissue->b)->codes);
}

rx_err
rx_custodian_issue(struct rx_session *s, struct rx_status *st)
{
	struct rx_session *old;
	struct work *w;
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK)
		return (rc);
	if (s->reissue == NULL)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_CODES_NOT_PREPARED));
	w = (struct work *)(void *)s->reissue->b;
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	/* Somebody else may have issued others meanwhile. */
	if ((rc = recovery_enter(&old, s, w, st)) == RX_OK)
		rc = reissue(s, w, old, st);
	recovery_close(old);
	if ((rc = reissue_end(s, rc, st)) == RX_OK)
		rx_custodian_drop(s);
	return (rc);
}

void
rx_custodian_drop(struct rx_session *s)
{

	rx_secret_free(s->reissue);
	s->reissue = NULL;
}

/* ---- taking the new one up ---- */

/* Whether ${row} proves its new recovery key to this session. */
static rx_err
proof_holds(struct rx_session *s, const uint8_t row[SUCCESSION_BYTES],
    bool *holds, struct rx_status *st)
{
	const struct rx_identity *ids[2] = { s->id, s->next };
	uint8_t mac[RX_HASH_BYTES];
	size_t i;
	rx_err rc;

	*holds = false;
	for (i = 0; i < 2 && !*holds; i++) {
		if (ids[i] == NULL)
			continue;
		if ((rc = proof_make(mac, ids[i], s->blob->recovery_public, s,
		    s->blob->recovery_public, row, s->user_id, st)) != RX_OK)
			return (rc);
		*holds = rx_equal(mac, row + 32, RX_HASH_BYTES);
	}
	return (RX_OK);
}

/* The new recovery key for this session in ${row}, if there is one that proves
 * itself: one that proves nothing changes nothing. */
static rx_err
succession_read(struct rx_session *s, uint8_t row[SUCCESSION_BYTES],
    bool *found, struct rx_status *st)
{
	struct rx_value key = rx_bytes(s->user_id, RX_ID_BYTES);
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	rx_err rc;

	*found = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_SUCCESSION, &key, 1,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, found, st)) == RX_OK && *found) {
		p = rx_col_bytes(cur, 1, &n);
		if ((*found = n == SUCCESSION_BYTES))
			memcpy(row, p, n);
	}
	rx_query_close(cur);
	return (rc == RX_OK && *found ? proof_holds(s, row, found, st) : rc);
}

rx_err
rx_succession_adopt(struct rx_session *s, bool *adopted,
    struct rx_status *st)
{
	struct rx_value key = rx_bytes(s->user_id, RX_ID_BYTES);
	uint8_t row[SUCCESSION_BYTES];
	bool found;
	rx_err rc;

	*adopted = false;
	if ((rc = succession_read(s, row, &found, st)) != RX_OK || !found ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	/* Another may have come in its place meanwhile. */
	if ((rc = succession_read(s, row, &found, st)) != RX_OK || !found) {
		rx_abandon(s);
		return (rc);
	}
	*adopted = true;
	/* What the old key handed on is warranted by oneself from now on. */
	if ((rc = rx_grants_rekey(s, s->id, st)) == RX_OK)
		rc = rx_store_delete(s->store, RX_TABLE_SUCCESSION, &key, NULL,
		    st);
	if (rc == RX_OK)
		memcpy(s->blob->recovery_public, row, 32);
	return (rc);
}
