#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "register/internal.h"

/*
 * Payload, sealed under the audit key (type AUDIT, place: object = seq):
 *   action 1 || actor 16 || subject 16 || manifest digest 32 ||
 *   members digest 32 (rx_members_digest) || detail,
 * padded as a note; the detail is cut so that every payload has one size.
 * Proof, sealed beside it: actor 16 || signature 64.
 */
#define DIGEST_BYTES (2 * RX_HASH_BYTES)
#define PAYLOAD_HEAD (1 + RX_ID_BYTES + RX_ID_BYTES + DIGEST_BYTES)
/* Three years, ms.  The audit's time never goes back, so one entry of a clock
 * set far ahead would outlive everybody's certificate. */
#define CLOCK_AHEAD_MAX (INT64_C(3) * 31557600000)
#define PAYLOAD_PLAIN 512
#define PAYLOAD_BOX (RX_ENV_OVERHEAD + PAYLOAD_PLAIN)
#define PROOF_PLAIN (RX_ID_BYTES + RX_SIGNATURE_BYTES)
#define PROOF_BOX (RX_ENV_OVERHEAD + PROOF_PLAIN)
#define SIGN_LABEL "runxin audit v1"

enum { COL_PAYLOAD = 2, COL_PROOF = 3 };

static void
audit_place(struct rx_place *p, const struct rx_session *s, uint64_t seq,
    uint32_t column)
{
	uint8_t object[RX_ID_BYTES] = {0};

	rx_put64(object, seq);
	rx_place_init(p, s, "", object, NULL, RX_TABLE_AUDIT, column, 1);
}

static rx_err
audit_key(struct rx_session *s, const struct rx_key **key, uint32_t *epoch,
    struct rx_status *st)
{

	return (rx_unit_key(s, RX_REGISTER_KEYS, RX_COMP_AUDIT, 0, key, epoch,
	    st));
}

/* The newest entry's seq and hash; zero when the chain is empty. */
static rx_err
head_read(struct rx_session *s, struct rx_audit_head *head,
    struct rx_status *st)
{
	struct rx_cursor *cur;
	const uint8_t *p;
	size_t n;
	bool row = false;
	rx_err rc;

	memset(head, 0, sizeof(*head));
	if ((rc = rx_query_open(&cur, s->store, RX_Q_AUDIT_HEAD, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		head->seq = (uint64_t)rx_col_int(cur, 0);
		head->time = rx_col_int(cur, 1);
		p = rx_col_bytes(cur, 2, &n);
		head->epoch = rx_envelope_epoch(p, n);
		p = rx_col_bytes(cur, 4, &n);
		if (n == RX_HASH_BYTES)
			memcpy(head->hash, p, RX_HASH_BYTES);
		else
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_AUDIT_BROKEN);
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_audit_head(struct rx_session *s, struct rx_audit_head *head,
    struct rx_status *st)
{

	return (head_read(s, head, st));
}

/*
 * The signature of the newest entry is verified at the beginning of each
 * transaction.  Of one that this session has verified, or made itself, it keeps a
 * hash of all that is signed and of the signature as it is sealed: the same bytes
 * need not be verified again, as long as the members are the same.
 */
static void
entry_known(uint8_t known[RX_HASH_BYTES], const uint8_t hash[RX_HASH_BYTES],
    const uint8_t proof[PROOF_BOX])
{
	uint8_t all[RX_HASH_BYTES + PROOF_BOX];

	memcpy(all, hash, RX_HASH_BYTES);
	memcpy(all + RX_HASH_BYTES, proof, PROOF_BOX);
	rx_hash(known, RX_HASH_BYTES, NULL, "runxin audit known v1", all,
	    sizeof(all));
}

/* Whether others would take a signature that is made at ${now}. */
static bool
own_valid(const struct rx_session *s, int64_t now)
{
	const struct rx_member *m = rx_member_newest(s,
	    rx_member_first(s, s->user_id));

	return (m != NULL && rx_cert_valid_at(&m->cert, now) &&
	    memcmp(m->cert.sign_public, s->id->sign_public,
	    RX_SIGN_PUBLIC_BYTES) == 0);
}

/* Seal the payload of entry ${seq}. */
static rx_err
payload_seal(struct rx_session *s, uint8_t box[PAYLOAD_BOX], uint64_t seq,
    enum rx_action action, const uint8_t *subject, const void *detail,
    size_t n, struct rx_status *st)
{
	uint8_t plain[PAYLOAD_PLAIN] = {0};
	const struct rx_key *key;
	struct rx_place place;
	uint32_t epoch;
	rx_err rc;

	rx_put32(plain, (uint32_t)(PAYLOAD_HEAD + n));
	plain[4] = (uint8_t)action;
	memcpy(plain + 5, s->user_id, RX_ID_BYTES);
	if (subject != NULL)
		memcpy(plain + 5 + RX_ID_BYTES, subject, RX_ID_BYTES);
	if (n > 0)
		memcpy(plain + 4 + PAYLOAD_HEAD, detail, n);
	if ((rc = rx_store_manifest_digest(s->store,
	    plain + 5 + 2 * RX_ID_BYTES, st)) != RX_OK ||
	    (rc = rx_members_digest(s,
	    plain + 5 + 2 * RX_ID_BYTES + RX_HASH_BYTES, st)) != RX_OK)
		goto done;
	if ((rc = audit_key(s, &key, &epoch, st)) != RX_OK)
		goto done;
	audit_place(&place, s, seq, COL_PAYLOAD);
	rc = rx_envelope_seal(box, key, RX_ENV_AUDIT, RX_COMP_AUDIT, epoch,
	    &place, plain, sizeof(plain), st);
done:
	rx_wipe(plain, sizeof(plain));
	return (rc);
}

/* Sign ${hash} and seal the signature. */
static rx_err
proof_seal(struct rx_session *s, uint8_t box[PROOF_BOX], uint64_t seq,
    const uint8_t hash[RX_HASH_BYTES], struct rx_status *st)
{
	uint8_t plain[PROOF_PLAIN];
	const struct rx_key *key;
	struct rx_place place;
	uint32_t epoch;
	rx_err rc;

	memcpy(plain, s->user_id, RX_ID_BYTES);
	rx_sign(plain + RX_ID_BYTES, s->id->sign_secret, SIGN_LABEL, hash,
	    RX_HASH_BYTES);
	if ((rc = audit_key(s, &key, &epoch, st)) != RX_OK)
		return (rc);
	audit_place(&place, s, seq, COL_PROOF);
	return (rx_envelope_seal(box, key, RX_ENV_AUDIT, RX_COMP_AUDIT, epoch,
	    &place, plain, sizeof(plain), st));
}

rx_err
rx_audit_add(struct rx_session *s, enum rx_action action,
    const uint8_t *subject, const void *detail, size_t n,
    struct rx_status *st)
{
	uint8_t payload[PAYLOAD_BOX], proof[PROOF_BOX], hash[RX_HASH_BYTES];
	struct rx_audit_head head;
	struct rx_value v[5];
	int64_t now;
	rx_err rc;

	if ((rc = rx_copy_permit(s, action, st)) != RX_OK ||
	    (rc = head_read(s, &head, st)) != RX_OK)
		return (rc);
	/* What was kept of a child that is gone is to be gone. */
	if (rx_action_effect(action) == RX_EFFECT_ANY &&
	    (rc = rx_kept_forget(s, NULL, st)) != RX_OK)
		return (rc);
	if (head.time > s->clock)
		s->clock = head.time;
	now = rx_session_now(s);
	if ((rc = payload_seal(s, payload, head.seq + 1, action, subject,
	    detail, n < RX_AUDIT_DETAIL ? n : RX_AUDIT_DETAIL, st)) != RX_OK)
		return (rc);
	rx_audit_entry_hash(hash, s->store_id, head.seq + 1, head.hash, now,
	    payload, sizeof(payload));
	if ((rc = proof_seal(s, proof, head.seq + 1, hash, st)) != RX_OK)
		return (rc);
	v[0] = rx_int((int64_t)head.seq + 1);
	v[1] = rx_int(now);
	v[2] = rx_bytes(payload, sizeof(payload));
	v[3] = rx_bytes(proof, sizeof(proof));
	v[4] = rx_bytes(hash, sizeof(hash));
	if ((rc = rx_store_insert(s->store, RX_TABLE_AUDIT, v, st)) == RX_OK &&
	    own_valid(s, now))
		entry_known(s->entry_known, hash, proof);
	return (rc);
}

/* Fail for entry ${seq}. */
static rx_err
broken(struct rx_status *st, uint64_t seq)
{

	rx_status_clear(st);
	rx_status_arg(st, "seq", "%llu", (unsigned long long)seq);
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_AUDIT_BROKEN));
}

/* A signature that is to be verified: who made it, when, over which hash. */
struct due {
	uint8_t actor[RX_ID_BYTES];
	int64_t time;
	uint8_t signature[RX_SIGNATURE_BYTES];
	uint8_t hash[RX_HASH_BYTES];
	uint64_t seq;
};

static bool
due_right(const struct rx_session *s, const struct due *d)
{

	return (rx_member_signed(s, d->actor, d->time, d->signature,
	    SIGN_LABEL, d->hash, RX_HASH_BYTES));
}

/* Number, time, epoch and hash of the entry under ${cur}; *whole is false when
 * one of its columns has another size than all entries have. */
static void
entry_head(struct rx_audit_head *e, bool *whole, const struct rx_cursor *cur)
{
	const uint8_t *payload, *hash;
	size_t np, nb, nh;

	memset(e, 0, sizeof(*e));
	payload = rx_col_bytes(cur, 2, &np);
	(void)rx_col_bytes(cur, 3, &nb);
	hash = rx_col_bytes(cur, 4, &nh);
	*whole = np == PAYLOAD_BOX && nb == PROOF_BOX && nh == RX_HASH_BYTES;
	e->seq = (uint64_t)rx_col_int(cur, 0);
	e->time = rx_col_int(cur, 1);
	e->epoch = rx_envelope_epoch(payload, np);
	if (nh == RX_HASH_BYTES)
		memcpy(e->hash, hash, RX_HASH_BYTES);
}

/* What needs no key: the entry ${e} under ${cur} goes on from ${prev}. */
static rx_err
entry_link(struct rx_session *s, const struct rx_cursor *cur,
    const struct rx_audit_head *prev, struct rx_audit_head *e,
    struct rx_status *st)
{
	uint8_t hash[RX_HASH_BYTES];
	const uint8_t *payload;
	size_t n;
	bool whole;

	entry_head(e, &whole, cur);
	payload = rx_col_bytes(cur, 2, &n);
	rx_audit_entry_hash(hash, s->store_id, e->seq, prev->hash, e->time,
	    payload, n);
	/* Times do not run backwards: nobody signs for a time before his end. */
	if (!whole || e->seq != prev->seq + 1 || e->time < prev->time ||
	    !rx_equal(hash, e->hash, RX_HASH_BYTES))
		return (broken(st, prev->seq + 1));
	/* Nor do the epochs of the audit key: nobody signs with one that was
	 * left behind when somebody went. */
	return (e->epoch < prev->epoch ? broken(st, e->seq) : RX_OK);
}

/* Open the entry ${e} under ${cur}, which is linked: the digests of manifest and
 * members that it names go to ${digest}, the signature on it to ${d}. */
static rx_err
entry_open(struct rx_session *s, const struct rx_cursor *cur,
    const struct rx_audit_head *e, uint8_t digest[DIGEST_BYTES],
    struct due *d, struct rx_status *st)
{
	uint8_t plain[PAYLOAD_PLAIN], proof[PROOF_PLAIN];
	const uint8_t *payload, *box;
	const struct rx_key *key;
	struct rx_place place;
	size_t np, nb;
	rx_err rc;

	payload = rx_col_bytes(cur, 2, &np);
	box = rx_col_bytes(cur, 3, &nb);
	if ((rc = rx_unit_key(s, RX_REGISTER_KEYS, RX_COMP_AUDIT, e->epoch,
	    &key, NULL, st)) != RX_OK)
		return (rc);
	audit_place(&place, s, e->seq, COL_PAYLOAD);
	if (rx_envelope_open(plain, sizeof(plain), payload, np, key,
	    RX_ENV_AUDIT, RX_COMP_AUDIT, e->epoch, &place, st) != RX_OK)
		return (broken(st, e->seq));
	audit_place(&place, s, e->seq, COL_PROOF);
	if (rx_envelope_open(proof, sizeof(proof), box, nb, key, RX_ENV_AUDIT,
	    RX_COMP_AUDIT, e->epoch, &place, st) != RX_OK ||
	    memcmp(proof, plain + 5, RX_ID_BYTES) != 0)
		return (broken(st, e->seq));
	memcpy(d->actor, proof, RX_ID_BYTES);
	memcpy(d->signature, proof + RX_ID_BYTES, RX_SIGNATURE_BYTES);
	memcpy(d->hash, e->hash, RX_HASH_BYTES);
	d->time = e->time;
	d->seq = e->seq;
	memcpy(digest, plain + 5 + 2 * RX_ID_BYTES, DIGEST_BYTES);
	rx_wipe(plain, sizeof(plain));
	return (RX_OK);
}

/* Verify the entry under ${cur}, whose predecessor is ${prev}; the digests of
 * manifest and members that it names go to ${digest}. */
static rx_err
entry_verify(struct rx_session *s, const struct rx_cursor *cur,
    const struct rx_audit_head *prev, uint8_t digest[DIGEST_BYTES],
    struct rx_status *st)
{
	uint8_t known[RX_HASH_BYTES];
	struct rx_audit_head e;
	struct due d;
	size_t n;
	rx_err rc;

	memset(&d, 0, sizeof(d));
	if ((rc = entry_link(s, cur, prev, &e, st)) != RX_OK ||
	    (rc = entry_open(s, cur, &e, digest, &d, st)) != RX_OK)
		return (rc);
	entry_known(known, e.hash, rx_col_bytes(cur, 3, &n));
	if (rx_equal(known, s->entry_known, RX_HASH_BYTES))
		return (RX_OK);
	/* He may have come, or got other keys, since the session looked. */
	if (!due_right(s, &d) && ((rc = rx_members_refresh(s, st)) != RX_OK ||
	    !due_right(s, &d)))
		return (rc != RX_OK ? rc : broken(st, e.seq));
	memcpy(s->entry_known, known, RX_HASH_BYTES);
	return (RX_OK);
}

/* Open the payload of the entry under ${cur} without verifying who made it. */
static rx_err
payload_open(struct rx_session *s, const struct rx_cursor *cur,
    uint8_t plain[PAYLOAD_PLAIN], struct rx_status *st)
{
	const uint64_t seq = (uint64_t)rx_col_int(cur, 0);
	const struct rx_key *key;
	struct rx_place place;
	const uint8_t *box;
	uint32_t epoch;
	size_t n;
	rx_err rc;

	box = rx_col_bytes(cur, 2, &n);
	if (n != PAYLOAD_BOX)
		return (broken(st, seq));
	epoch = rx_envelope_epoch(box, n);
	if ((rc = rx_unit_key(s, RX_REGISTER_KEYS, RX_COMP_AUDIT, epoch, &key,
	    NULL, st)) != RX_OK)
		return (rc);
	audit_place(&place, s, seq, COL_PAYLOAD);
	if (rx_envelope_open(plain, PAYLOAD_PLAIN, box, n, key, RX_ENV_AUDIT,
	    RX_COMP_AUDIT, epoch, &place, st) != RX_OK)
		return (broken(st, seq));
	return (RX_OK);
}

bool
rx_audit_reasoned(const struct rx_audit_entry *e)
{

	return ((e->action == RX_DID_REVEAL || e->action == RX_DID_ERASE) &&
	    e->n >= 2 && memcmp(e->detail, "RX", 2) == 0);
}

/* What the opened payload says, but for the actor.  Any member can seal nonsense
 * and sign for it, and must not thereby make the audit unreadable to others. */
static void
payload_read(struct rx_audit_entry *e, const uint8_t plain[PAYLOAD_PLAIN])
{
	const uint32_t n = rx_get32(plain);

	if (n < PAYLOAD_HEAD || n > PAYLOAD_HEAD + RX_AUDIT_DETAIL)
		return;
	e->action = (enum rx_action)plain[4];
	memcpy(e->subject, plain + 5 + RX_ID_BYTES, RX_ID_BYTES);
	e->n = n - PAYLOAD_HEAD;
	memcpy(e->detail, plain + 4 + PAYLOAD_HEAD, e->n);
	if (!rx_audit_reasoned(e) && !rx_utf8_valid((const char *)e->detail,
	    e->n)) {
		e->action = RX_DID_UNREADABLE;
		e->n = 0;
	}
}

rx_err
rx_audit_peek(struct rx_session *s, const struct rx_cursor *cur,
    struct rx_audit_entry *e, struct rx_status *st)
{
	uint8_t plain[PAYLOAD_PLAIN];
	rx_err rc;

	memset(e, 0, sizeof(*e));
	if ((rc = payload_open(s, cur, plain, st)) != RX_OK)
		return (rc);
	e->seq = (uint64_t)rx_col_int(cur, 0);
	e->time = rx_col_int(cur, 1);
	memcpy(e->actor, plain + 5, RX_ID_BYTES);
	payload_read(e, plain);
	rx_wipe(plain, sizeof(plain));
	return (RX_OK);
}

rx_err
rx_audit_peek_at(struct rx_session *s, uint64_t seq, struct rx_audit_entry *e,
    bool *found, struct rx_status *st)
{
	const struct rx_value arg = rx_int((int64_t)seq);
	struct rx_cursor *cur;
	rx_err rc;

	*found = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_AUDIT_AT, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, found, st)) == RX_OK && *found)
		rc = rx_audit_peek(s, cur, e, st);
	rx_query_close(cur);
	return (rc);
}

enum rx_effect
rx_action_effect(enum rx_action action)
{

	switch (action) {
	case RX_DID_REVEAL:
	case RX_DID_RELEASE:
	case RX_DID_BACKUP:
	case RX_DID_ANCHOR:
		return (RX_EFFECT_NONE);
	case RX_DID_SAVE:
	case RX_DID_REVIEW:
		return (RX_EFFECT_CASE);
	case RX_DID_PASSWD:
	case RX_DID_SETTING:
	case RX_DID_IMPORT:
	case RX_DID_TRANSFER:
		return (RX_EFFECT_MORE);
	case RX_DID_USER_ADD:
	case RX_DID_USER_DISABLE:
	case RX_DID_GRANT:
	case RX_DID_CERTIFY:
	case RX_DID_ROTATE:
	case RX_DID_HANDOVER:
	case RX_DID_RECOVER:
	case RX_DID_CUSTODY:
	case RX_DID_RESET:
		return (RX_EFFECT_KEYS);
	default:	/* erased, opened a bundle, deleted extracts, and what is
			 * to come */
		return (RX_EFFECT_ANY);
	}
}

rx_err
rx_audit_seek(struct rx_session *s, int64_t since,
    bool (*fits)(const void *, const struct rx_audit_entry *),
    const void *cookie, bool *found, struct rx_status *st)
{
	struct rx_audit_entry e = { .time = since };
	struct rx_audit_head head;
	bool row = true;
	uint64_t seq;
	rx_err rc;

	*found = false;
	if ((rc = rx_audit_head(s, &head, st)) != RX_OK)
		return (rc);
	for (seq = head.seq; seq > 0 && row && !*found && e.time >= since &&
	    rc == RX_OK; seq--)
		if ((rc = rx_audit_peek_at(s, seq, &e, &row, st)) == RX_OK &&
		    row)
			*found = fits(cookie, &e);
	return (rc);
}

rx_err
rx_audit_after(struct rx_session *s, const struct rx_audit_head *from,
    struct rx_audit_head *head, rx_err (*each)(void *, enum rx_action,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	const struct rx_value arg = rx_int((int64_t)from->seq);
	struct rx_audit_entry entry;
	struct rx_audit_head e;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_audit_head_at(s, from->seq, head, st)) != RX_OK)
		return (rc);
	if (!rx_equal(head->hash, from->hash, RX_HASH_BYTES))
		return (broken(st, from->seq));
	if ((rc = rx_query_open(&cur, s->store, RX_Q_AUDIT_AFTER, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if ((rc = entry_link(s, cur, head, &e, st)) != RX_OK ||
		    (rc = rx_audit_peek(s, cur, &entry, st)) != RX_OK ||
		    (rc = each(cookie, entry.action, st)) != RX_OK)
			break;
		*head = e;
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_audit_head_at(struct rx_session *s, uint64_t seq, struct rx_audit_head *head,
    struct rx_status *st)
{
	struct rx_value arg = rx_int((int64_t)seq);
	struct rx_cursor *cur;
	const uint8_t *p;
	size_t n;
	bool row = false;
	rx_err rc;

	memset(head, 0, sizeof(*head));
	head->seq = seq;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_AUDIT_AT, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 2, &n);
		head->epoch = rx_envelope_epoch(p, n);
		p = rx_col_bytes(cur, 4, &n);
		if (n == RX_HASH_BYTES)
			memcpy(head->hash, p, n);
		head->time = rx_col_int(cur, 1);
	} else if (rc == RX_OK && seq != 0)
		rc = broken(st, seq);
	rx_query_close(cur);
	return (rc);
}

/* Verify entry ${seq}, the next after ${prev}; what it says goes to ${e} (may be
 * NULL), the digests it names to ${digest}. */
static rx_err
entry_at(struct rx_session *s, const struct rx_audit_head *prev,
    struct rx_audit_entry *e, uint8_t digest[DIGEST_BYTES],
    struct rx_status *st)
{
	struct rx_value arg = rx_int((int64_t)prev->seq + 1);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_AUDIT_AT, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK)
		rc = row ? entry_verify(s, cur, prev, digest, st) :
		    broken(st, prev->seq + 1);
	if (rc == RX_OK && e != NULL)
		rc = rx_audit_peek(s, cur, e, st);
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_audit_entry_at(struct rx_session *s, uint64_t seq,
    struct rx_audit_entry *e, struct rx_status *st)
{
	uint8_t digest[DIGEST_BYTES];
	struct rx_audit_head prev;
	rx_err rc;

	memset(e, 0, sizeof(*e));
	if (seq == 0)
		return (broken(st, 0));
	if ((rc = rx_audit_head_at(s, seq - 1, &prev, st)) != RX_OK)
		return (rc);
	return (entry_at(s, &prev, e, digest, st));
}

/* The entry under ${cur}, if it is of ${action}, verified. */
static rx_err
entry_pick(struct rx_session *s, const struct rx_cursor *cur,
    const struct rx_audit_head *prev, enum rx_action action,
    rx_err (*each)(void *, int64_t, const char *, const char *,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	uint8_t digest[DIGEST_BYTES];
	struct rx_audit_entry e;
	char detail[RX_AUDIT_DETAIL + 1];
	rx_err rc;

	if ((rc = rx_audit_peek(s, cur, &e, st)) != RX_OK ||
	    e.action != action ||
	    (rc = entry_verify(s, cur, prev, digest, st)) != RX_OK)
		return (rc);
	memcpy(detail, e.detail, e.n);
	detail[e.n] = '\0';
	return (each(cookie, e.time, rx_member_name(s, e.actor), detail, st));
}

rx_err
rx_audit_each(struct rx_session *s, enum rx_action action,
    rx_err (*each)(void *, int64_t time, const char *user, const char *detail,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	struct rx_audit_head prev;
	struct rx_cursor *cur;
	const uint8_t *hash;
	size_t n;
	bool row = false;
	rx_err rc;

	memset(&prev, 0, sizeof(prev));
	if ((rc = rx_query_open(&cur, s->store, RX_Q_AUDIT, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if ((rc = entry_pick(s, cur, &prev, action, each, cookie,
		    st)) != RX_OK)
			break;
		prev.seq = (uint64_t)rx_col_int(cur, 0);
		prev.time = rx_col_int(cur, 1);
		hash = rx_col_bytes(cur, 2, &n);
		prev.epoch = rx_envelope_epoch(hash, n);
		hash = rx_col_bytes(cur, 4, &n);
		if (n == RX_HASH_BYTES)
			memcpy(prev.hash, hash, n);
	}
	rx_query_close(cur);
	return (rc);
}

/* Inside a transaction.  The members are compared too, because a session acts
 * on them at once: with a revocation deleted it would hand keys to the
 * revoked; ${members} is their digest as they are stored. */
static rx_err
head_check(struct rx_session *s, const uint8_t members[RX_HASH_BYTES],
    struct rx_status *st)
{
	uint8_t named[DIGEST_BYTES], stored[DIGEST_BYTES];
	struct rx_audit_head head, prev;
	rx_err rc;

	if ((rc = head_read(s, &head, st)) != RX_OK)
		return (rc);
	if (head.seq == 0)
		return (broken(st, 1));
	if (head.time > s->clock)
		s->clock = head.time;
	if ((rc = rx_audit_head_at(s, head.seq - 1, &prev, st)) != RX_OK ||
	    (rc = entry_at(s, &prev, NULL, named, st)) != RX_OK)
		return (rc);
	if ((rc = rx_store_manifest_digest(s->store, stored, st)) != RX_OK)
		return (rc);
	memcpy(stored + RX_HASH_BYTES, members, RX_HASH_BYTES);
	if (!rx_equal(named, stored, DIGEST_BYTES))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_AUDIT_ROWS));
	return (RX_OK);
}

rx_err
rx_audit_check_head(struct rx_session *s, struct rx_status *st)
{
	uint8_t members[RX_HASH_BYTES];
	rx_err rc;

	if ((rc = rx_store_read(s->store, st)) != RX_OK)
		return (rc);
	if ((rc = rx_members_digest(s, members, st)) == RX_OK)
		rc = head_check(s, members, st);
	rx_store_rollback(s->store);
	return (rc);
}

/* Load the certificates again when others have changed them; a session whose
 * own was revoked ends here. */
static rx_err
members_refresh(struct rx_session *s, struct rx_status *st)
{
	const struct rx_member *m;
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK)
		return (rc);
	m = rx_member_newest(s, rx_member_first(s, s->user_id));
	if (m == NULL) {
		rx_status_arg(st, "user", "%s", s->user);
		return (rx_fail(st, RX_EPERM, RX_MSG_NOT_A_MEMBER));
	}
	/* Nothing is signed with keys that another certificate has replaced;
	 * signing in takes the new ones. */
	if (memcmp(m->cert.sign_public, s->id->sign_public,
	    RX_SIGN_PUBLIC_BYTES) != 0)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_SESSION_STALE));
	return (RX_OK);
}

bool
rx_clock_plausible(int64_t now, int64_t last)
{

	return (now - last <= CLOCK_AHEAD_MAX);
}

rx_err
rx_begin(struct rx_session *s, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_store_begin(s->store, st)) != RX_OK)
		return (rc);
	s->serial++;
	if ((rc = members_refresh(s, st)) == RX_OK &&
	    (rc = head_check(s, s->members_digest, st)) == RX_OK &&
	    rx_clock_plausible(rx_time_now(), s->clock))
		return (RX_OK);
	rx_store_rollback(s->store);
	return (rc != RX_OK ? rc :
	    rx_fail(st, RX_ECONFLICT, RX_MSG_CLOCK_AHEAD));
}

/* ---- verifying all of it ---- */

/* Signatures that are verified together, half of them by another thread: they
 * are what takes the time. */
#define BATCH 512

struct walk {
	struct rx_session *s;
	const struct rx_anchor *want;	/* NULL */
	const struct rx_countersigned *known;	/* heads of this chain, in order */
	size_t nknown, at;
	const struct rx_countersigned *by;	/* whom to believe up to there */
	bool fits;			/* all is as it was when he signed */
	uint64_t end;			/* the newest entry */
	struct rx_audit_head last;
	uint8_t proofs[RX_HASH_BYTES];
	uint8_t digest[DIGEST_BYTES];	/* that the newest names */
	struct due *due;
	size_t ndue;
	void (*progress)(void *, size_t);
	void *cookie;
};

struct share {
	const struct rx_session *s;
	const struct due *d;
	size_t n;
	uint64_t wrong;			/* the first entry that is; 0 */
};

static void *
share_verify(void *cookie)
{
	struct share *h = cookie;
	size_t i;

	for (i = 0; i < h->n && h->wrong == 0; i++)
		if (!due_right(h->s, &h->d[i]))
			h->wrong = h->d[i].seq;
	return (NULL);
}

/* Verify the signatures that wait. */
static rx_err
batch_verify(struct walk *w, struct rx_status *st)
{
	const size_t half = w->ndue / 2;
	struct share a = { w->s, w->due, w->ndue - half, 0 };
	struct share b = { w->s, w->due + a.n, half, 0 };
	pthread_t thread;
	bool two;

	two = half > 16 && pthread_create(&thread, NULL, share_verify, &b) ==
	    0;
	(void)share_verify(&a);
	if (two)
		(void)pthread_join(thread, NULL);
	else
		(void)share_verify(&b);
	w->ndue = 0;
	if (a.wrong != 0 || b.wrong != 0)
		return (broken(st, a.wrong != 0 ? a.wrong : b.wrong));
	return (RX_OK);
}

/* The heads that somebody kept, or countersigned, of the entry at which the walk
 * is. */
static rx_err
heads_match(struct walk *w, struct rx_status *st)
{
	struct rx_anchor a = { .n = RX_HASH_BYTES };
	rx_err rc;

	if (w->want != NULL && w->want->seq == w->last.seq &&
	    (rc = rx_anchor_match(w->want, &w->last, st)) != RX_OK)
		return (rc);
	for (; w->at < w->nknown && w->known[w->at].seq == w->last.seq;
	    w->at++) {
		a.seq = w->last.seq;
		memcpy(a.hash, w->known[w->at].hash, RX_HASH_BYTES);
		if ((rc = rx_anchor_match(&a, &w->last, st)) != RX_OK)
			return (rc);
	}
	if (w->by != NULL && w->by->seq == w->last.seq)
		w->fits = rx_equal(w->by->proofs, w->proofs, RX_HASH_BYTES);
	return (RX_OK);
}

/* The next entry. */
static rx_err
walk_step(struct walk *w, const struct rx_cursor *cur, struct rx_status *st)
{
	uint8_t all[RX_HASH_BYTES + PROOF_BOX];
	struct rx_audit_head e;
	const uint8_t *proof;
	size_t n;
	rx_err rc;

	if ((rc = entry_link(w->s, cur, &w->last, &e, st)) != RX_OK)
		return (rc);
	proof = rx_col_bytes(cur, 3, &n);
	memcpy(all, w->proofs, RX_HASH_BYTES);
	memcpy(all + RX_HASH_BYTES, proof, PROOF_BOX);
	rx_hash(w->proofs, RX_HASH_BYTES, NULL, "runxin audit proofs v1", all,
	    sizeof(all));
	/* The newest is always opened: it names the rows. */
	if (w->by == NULL || e.seq > w->by->seq || e.seq >= w->end) {
		if ((rc = entry_open(w->s, cur, &e, w->digest,
		    &w->due[w->ndue], st)) != RX_OK)
			return (rc);
		if (++w->ndue == BATCH && (rc = batch_verify(w, st)) != RX_OK)
			return (rc);
	}
	w->last = e;
	if (w->progress != NULL && e.seq % 256 == 0)
		w->progress(w->cookie, (size_t)e.seq);
	return (heads_match(w, st));
}

/* Walk the chain from its first entry to its last. */
static rx_err
chain_walk(struct walk *w, struct rx_status *st)
{
	struct rx_anchor a = { .n = RX_HASH_BYTES };
	struct rx_status earlier;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	memset(&w->last, 0, sizeof(w->last));
	memset(w->proofs, 0, sizeof(w->proofs));
	w->at = w->ndue = 0;
	w->fits = false;
	if ((rc = rx_query_open(&cur, w->s->store, RX_Q_AUDIT, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = walk_step(w, cur, st)) != RX_OK)
			break;
	rx_query_close(cur);
	/* What waits is of entries before the one that failed. */
	rx_status_clear(&earlier);
	if (batch_verify(w, &earlier) != RX_OK) {
		*st = earlier;
		return (earlier.code);
	}
	if (rc == RX_OK && w->last.seq == 0)
		rc = broken(st, 1);
	if (rc == RX_OK && w->want != NULL && w->last.seq < w->want->seq)
		rc = rx_anchor_missing(w->want, w->last.seq, st);
	if (rc == RX_OK && w->at < w->nknown) {
		a.seq = w->known[w->nknown - 1].seq;
		rc = rx_anchor_missing(&a, w->last.seq, st);
	}
	return (rc);
}

/* The newest of the ${n} heads ${c} that ${trust} lets us believe; NULL.  Of
 * somebody whose keys ended none is: he could still sign one with a time before
 * that. */
static const struct rx_countersigned *
believable(const struct rx_session *s, enum rx_audit_trust trust,
    const struct rx_countersigned *c, size_t n)
{

	if (trust == RX_TRUST_NOBODY)
		return (NULL);
	while (n-- > 0)
		if (c[n].kind == RX_ANCHOR_VERIFIED &&
		    c[n].standing == RX_ANCHOR_LIVE &&
		    (memcmp(c[n].signer, s->user_id, RX_ID_BYTES) == 0) ==
		    (trust == RX_TRUST_MYSELF))
			return (&c[n]);
	return (NULL);
}

/* The chain, once; from its beginning when what was countersigned is not what is
 * there now. */
static rx_err
chain_verify(struct walk *w, struct rx_audit_check *check,
    struct rx_status *st)
{
	rx_err rc;

	if ((w->due = calloc(BATCH, sizeof(*w->due))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = chain_walk(w, st);
	if (rc == RX_OK && w->by != NULL && !w->fits) {
		w->by = NULL;
		rc = chain_walk(w, st);
	}
	free(w->due);
	if (rc != RX_OK)
		return (rc);
	check->head = w->last;
	memcpy(check->proofs, w->proofs, RX_HASH_BYTES);
	if (w->by != NULL) {
		check->from = w->by->seq;
		check->by = *w->by;
	}
	return (RX_OK);
}

/* The chain and the rows of the store that ${s} reads; ${known} is scratch. */
static rx_err
verify_read(struct rx_session *s, struct rx_audit_check *check,
    const struct rx_anchor *want, struct rx_buf *known,
    void (*progress)(void *, size_t), void *cookie, struct rx_status *st)
{
	struct walk w = { .s = s, .want = want, .progress = progress,
	    .cookie = cookie };
	uint8_t live[RX_HASH_BYTES];
	struct rx_audit_head head;
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK ||
	    (rc = rx_audit_head(s, &head, st)) != RX_OK ||
	    (want != NULL && (rc = rx_anchor_vouched(s, want, st)) != RX_OK) ||
	    (rc = rx_countersigned_here_all(s, known, &check->lost, st)) !=
	    RX_OK)
		return (rc);
	w.end = head.seq;
	w.known = (const void *)known->b;
	w.nknown = check->anchors = known->len /
	    sizeof(struct rx_countersigned);
	w.by = believable(s, check->trust, w.known, w.nknown);
	if ((rc = chain_verify(&w, check, st)) != RX_OK ||
	    (rc = rx_store_manifest_recount(s->store, live, progress, cookie,
	    st)) != RX_OK)
		return (rc);
	return (rx_equal(w.digest, live, RX_HASH_BYTES) ? RX_OK :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_AUDIT_ROWS));
}

static rx_err
verify_store(struct rx_session *s, struct rx_audit_check *check,
    const struct rx_anchor *want, void (*progress)(void *, size_t),
    void *cookie, struct rx_status *st)
{
	struct rx_buf known = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_store_check(s->store, st)) != RX_OK ||
	    (rc = rx_store_read(s->store, st)) != RX_OK)
		return (rc);
	rc = verify_read(s, check, want, &known, progress, cookie, st);
	rx_store_rollback(s->store);
	rx_buf_free(&known);
	return (rc != RX_OK ? rc : rx_erasures_clean(s, st));
}

rx_err
rx_audit_check(struct rx_session *s, struct rx_audit_check *check,
    void (*progress)(void *, size_t), void *cookie, struct rx_status *st)
{
	struct rx_buf content = RX_BUF_INIT, keys = RX_BUF_INIT;
	struct rx_store *own = s->store, *copy;
	struct rx_anchor parsed;
	const struct rx_anchor *want = NULL;
	rx_err rc;

	if (check->anchor != NULL) {
		if ((rc = rx_anchor_parse(&parsed, check->anchor, st)) !=
		    RX_OK)
			return (rc);
		want = &parsed;
	}
	if (s->borrowed)
		return (verify_store(s, check, want, progress, cookie, st));
	/* On a copy of one moment: a reader of the files themselves would hold
	 * up everybody who saves, for as long as the check takes. */
	if ((rc = rx_store_images(own, &content, &keys, st)) != RX_OK ||
	    (rc = rx_store_open_images(&copy, &content, &keys, st)) != RX_OK)
		goto done;
	s->store = copy;
	rc = verify_store(s, check, want, progress, cookie, st);
	s->store = own;
	rx_store_close(copy);
done:
	rx_buf_free(&content);
	rx_buf_free(&keys);
	return (rc);
}

rx_err
rx_audit_verify(struct rx_session *s, const char *anchor, uint64_t *entries,
    void (*progress)(void *, size_t), void *cookie, struct rx_status *st)
{
	struct rx_audit_check check = { .anchor = anchor };
	rx_err rc;

	if ((rc = rx_audit_check(s, &check, progress, cookie, st)) == RX_OK &&
	    entries != NULL)
		*entries = check.head.seq;
	return (rc);
}

rx_err
rx_finish_with(struct rx_session *s, rx_err rc, enum rx_action action,
    const uint8_t *subject, const void *detail, size_t n,
    struct rx_status *st)
{

	if (rc == RX_OK)
		rc = rx_audit_add(s, action, subject, detail, n, st);
	return (rx_finish_entered(s, rc, st));
}

rx_err
rx_finish_entered(struct rx_session *s, rx_err rc, struct rx_status *st)
{

	if (rc == RX_OK)
		rc = rx_store_commit(s->store, st);
	if (rc != RX_OK)
		rx_abandon(s);
	return (rc);
}

rx_err
rx_finish(struct rx_session *s, rx_err rc, enum rx_action action,
    const uint8_t *subject, const char *detail, struct rx_status *st)
{
	char text[RX_AUDIT_DETAIL + 1] = "";

	/* Cut at a character. */
	if (detail != NULL)
		rx_text_copy(text, sizeof(text), detail);
	return (rx_finish_with(s, rc, action, subject, text, strlen(text),
	    st));
}

void
rx_abandon(struct rx_session *s)
{

	rx_store_rollback(s->store);
	/* Keys that were made in the transaction exist no longer; the memory
	 * of all is kept for those that are opened next. */
	while (s->nheld > 0)
		rx_wipe(s->held[--s->nheld].key->b, RX_KEY_BYTES);
}
