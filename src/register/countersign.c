#include <stdio.h>
#include <stdlib.h>

#include "register/internal.h"

/*
 * Heads of the audit that somebody signed who writes no cases.  What the
 * register alone cannot show, that nobody put an old one back, is shown by a
 * head that is known elsewhere: each register keeps those that reach it, of its
 * own chain and of the chains of others, and sends them along in bundles, so
 * that each is a witness of the others.
 *
 * Countersignature v1, RX_ANCHOR_BYTES, little-endian:
 *        0    4  "RXAN"
 *        4    1  version, 1
 *        5    1  kind: 1 everything up to the head was verified; 2 it was only
 *                seen, in a bundle
 *        6    2  0
 *        8   16  store id
 *       24   16  chain: zeros for the home register, or the id of a copy
 *       40    8  number of the entry
 *       48   32  its hash
 *       80   32  what its proofs add up to (kind 2: zeros): P = 0; for each
 *                entry from the first, P = BLAKE2b-256("runxin audit proofs
 *                v1\0" || P || its sealed proof)
 *      112    8  signed at, ms since the epoch
 *      120   16  user id of the signer
 *      136   16  id of the certificate that he signed with
 *      152   64  his signature over "runxin anchor v1\0" || 0..151
 * The hash of an entry does not cover its proof, which holds a signature over
 * that hash; with both, all that lies before the head is as it was, bit for bit.
 */

#define LABEL "runxin anchor v1"
#define SIGNED (RX_ANCHOR_BYTES - RX_SIGNATURE_BYTES)

enum {
	AT_KIND = 5, AT_STORE = 8, AT_CHAIN = 24, AT_SEQ = RX_ANCHOR_AT_SEQ, AT_HASH = 48,
	AT_PROOFS = 80, AT_TIME = 112, AT_SIGNER = 120, AT_CERT = 136
};

static const uint8_t home[RX_ID_BYTES];

/* ---- the statement ---- */

static rx_err
forged(struct rx_status *st, uint64_t seq)
{

	rx_status_clear(st);
	rx_status_arg(st, "seq", "%llu", (unsigned long long)seq);
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_ANCHOR_FORGED));
}

/* Who signed ${c}, and what that is worth. */
static void
judge(struct rx_countersigned *c, const struct rx_session *s)
{
	const size_t first = rx_member_first(s, c->signer);
	const struct rx_member *m;
	size_t i;

	c->standing = RX_ANCHOR_FORGED;
	rx_text_copy(c->user, sizeof(c->user), rx_member_name(s, c->signer));
	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++) {
		m = &s->members[i];
		if (memcmp(m->cert.id, c->statement + AT_CERT, RX_ID_BYTES) !=
		    0)
			continue;
		if (!rx_role_countersigns(m->cert.role) ||
		    !rx_cert_valid_at(&m->cert, c->time) ||
		    !rx_sign_verify(c->statement + SIGNED,
		    m->cert.sign_public, LABEL, c->statement, SIGNED))
			return;
		c->standing = m->revoked != 0 && c->time > m->revoked ?
		    RX_ANCHOR_LATE : rx_member_live(m) ? RX_ANCHOR_LIVE :
		    RX_ANCHOR_PAST;
		return;
	}
}

void
rx_countersigned_read(struct rx_countersigned *c, bool *whole,
    const struct rx_session *s, const uint8_t *p, size_t n)
{

	memset(c, 0, sizeof(*c));
	*whole = n == RX_ANCHOR_BYTES && memcmp(p, "RXAN\1", 5) == 0 &&
	    (p[AT_KIND] == RX_ANCHOR_VERIFIED || p[AT_KIND] ==
	    RX_ANCHOR_SEEN) && rx_get16(p + 6) == 0 &&
	    memcmp(p + AT_STORE, s->store_id, RX_ID_BYTES) == 0 &&
	    rx_get64(p + AT_SEQ) >= 1 && rx_get64(p + AT_SEQ) <= UINT32_MAX;
	if (!*whole)
		return;
	c->kind = (enum rx_anchor_kind)p[AT_KIND];
	memcpy(c->chain, p + AT_CHAIN, RX_ID_BYTES);
	c->seq = rx_get64(p + AT_SEQ);
	memcpy(c->hash, p + AT_HASH, RX_HASH_BYTES);
	memcpy(c->proofs, p + AT_PROOFS, RX_HASH_BYTES);
	c->time = (int64_t)rx_get64(p + AT_TIME);
	memcpy(c->signer, p + AT_SIGNER, RX_ID_BYTES);
	memcpy(c->statement, p, RX_ANCHOR_BYTES);
	judge(c, s);
}

/* The newest certificate of the session's user that lets him countersign. */
static const struct rx_member *
own_cert(const struct rx_session *s)
{
	const size_t first = rx_member_first(s, s->user_id);
	const struct rx_member *m = NULL;
	size_t i;

	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++)
		if (rx_member_live(&s->members[i]) &&
		    rx_role_countersigns(s->members[i].cert.role))
			m = &s->members[i];
	return (m);
}

bool
rx_may_countersign(const struct rx_session *s)
{

	return (rx_permitted(s, RX_ACT_COUNTERSIGN, NULL));
}

/* Sign ${c}, of which kind, chain, seq, hash and proofs are set, with the keys
 * of the session's user. */
static rx_err
sign(struct rx_countersigned *c, const struct rx_session *s,
    struct rx_status *st)
{
	const struct rx_member *m = own_cert(s);
	uint8_t p[RX_ANCHOR_BYTES] = { 0 };
	bool whole;
	rx_err rc;

	/* The clock may have moved since it was asked for the certificate. */
	if (m == NULL)
		return ((rc = rx_permit(s, RX_ACT_COUNTERSIGN, NULL, st)) !=
		    RX_OK ? rc : rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL));
	memcpy(p, "RXAN\1", 5);
	p[AT_KIND] = (uint8_t)c->kind;
	memcpy(p + AT_STORE, s->store_id, RX_ID_BYTES);
	memcpy(p + AT_CHAIN, c->chain, RX_ID_BYTES);
	rx_put64(p + AT_SEQ, c->seq);
	memcpy(p + AT_HASH, c->hash, RX_HASH_BYTES);
	memcpy(p + AT_PROOFS, c->proofs, RX_HASH_BYTES);
	rx_put64(p + AT_TIME, (uint64_t)rx_session_now(s));
	memcpy(p + AT_SIGNER, s->user_id, RX_ID_BYTES);
	memcpy(p + AT_CERT, m->cert.id, RX_ID_BYTES);
	rx_sign(p + SIGNED, s->id->sign_secret, LABEL, p, SIGNED);
	rx_countersigned_read(c, &whole, s, p, sizeof(p));
	return (whole && c->standing == RX_ANCHOR_LIVE ? RX_OK :
	    forged(st, rx_get64(p + AT_SEQ)));
}

void
rx_countersigned_format(char out[RX_COUNTERSIGNED_TEXT],
    const struct rx_countersigned *c)
{
	char code[RX_ANCHOR_TEXT], hex[2 * RX_ANCHOR_BYTES + 1];
	struct rx_audit_head head = { .seq = c->seq };

	memcpy(head.hash, c->hash, RX_HASH_BYTES);
	rx_anchor_format(code, &head);
	rx_hex(hex, c->statement, RX_ANCHOR_BYTES);
	(void)snprintf(out, RX_COUNTERSIGNED_TEXT, RX_COUNTERSIGNED_LINE
	    "\n%s\n%s\n", code, hex);
}

/* ---- which chain ---- */

/* Whether entry ${seq} is the one that made this register a copy. */
static rx_err
is_beginning(struct rx_session *s, uint64_t seq, bool *is,
    struct rx_status *st)
{
	struct rx_audit_entry e;
	rx_err rc;

	rc = rx_audit_peek_at(s, seq, &e, is, st);
	*is = *is && e.action == RX_DID_COPY;
	return (rc);
}

/* When this copy was made, ms. */
static rx_err
copy_made(struct rx_session *s, int64_t *made, struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*made = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_COPY, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		*made = rx_col_int(cur, 2);
	rx_query_close(cur);
	return (rc);
}

/*
 * Times never go back along the chain, so the entry that made the copy is the
 * first of its action that is not before the time in the row of the copy.
 */
rx_err
rx_chain_fork(struct rx_session *s, uint64_t *fork, struct rx_status *st)
{
	struct rx_audit_head head, at;
	uint64_t lo = 1, hi, mid;
	int64_t made;
	bool is = false;
	rx_err rc;

	*fork = UINT64_MAX;
	if (!s->copy)
		return (RX_OK);
	if ((rc = copy_made(s, &made, st)) != RX_OK ||
	    (rc = rx_audit_head(s, &head, st)) != RX_OK)
		return (rc);
	for (hi = head.seq; lo < hi;) {
		mid = lo + (hi - lo) / 2;
		if ((rc = rx_audit_head_at(s, mid, &at, st)) != RX_OK)
			return (rc);
		if (at.time < made)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo <= head.seq && !is; lo++)
		if ((rc = is_beginning(s, lo, &is, st)) != RX_OK)
			return (rc);
	/* Without such an entry nothing can be compared. */
	*fork = is ? lo - 2 : 0;
	return (RX_OK);
}

bool
rx_countersigned_here(const struct rx_session *s, uint64_t fork,
    const struct rx_countersigned *c)
{

	return (memcmp(c->chain, s->copy_id, RX_ID_BYTES) == 0 ||
	    (memcmp(c->chain, home, RX_ID_BYTES) == 0 && c->seq <= fork));
}

rx_err
rx_anchor_vouched(struct rx_session *s, const struct rx_anchor *a,
    struct rx_status *st)
{
	struct rx_countersigned c;
	uint64_t fork;
	bool whole;
	rx_err rc;

	if (!a->countersigned)
		return (RX_OK);
	rx_countersigned_read(&c, &whole, s, a->statement, RX_ANCHOR_BYTES);
	if (!whole || c.standing < RX_ANCHOR_PAST)
		return (forged(st, a->seq));
	if ((rc = rx_chain_fork(s, &fork, st)) != RX_OK)
		return (rc);
	return (rx_countersigned_here(s, fork, &c) ? RX_OK :
	    rx_fail(st, RX_EUSAGE, RX_MSG_ANCHOR_OTHER_CHAIN));
}

/* ---- what is kept ---- */

/* The row under ${cur} must say what was signed. */
static rx_err
row_read(struct rx_session *s, const struct rx_cursor *cur, uint64_t fork,
    struct rx_countersigned *c, struct rx_status *st)
{
	const uint8_t *p, *chain, *hash, *signer;
	size_t n, nc, nh, ns;
	bool whole;

	chain = rx_col_bytes(cur, 0, &nc);
	hash = rx_col_bytes(cur, 2, &nh);
	signer = rx_col_bytes(cur, 3, &ns);
	p = rx_col_bytes(cur, 4, &n);
	rx_countersigned_read(c, &whole, s, p, n);
	if (!whole || nc != RX_ID_BYTES || nh != RX_HASH_BYTES ||
	    ns != RX_ID_BYTES || memcmp(c->chain, chain, nc) != 0 ||
	    memcmp(c->hash, hash, nh) != 0 || memcmp(c->signer, signer, ns) !=
	    0 || (int64_t)c->seq != rx_col_int(cur, 1) ||
	    c->standing == RX_ANCHOR_FORGED)
		return (forged(st, (uint64_t)rx_col_int(cur, 1)));
	c->lost = rx_col_int(cur, 5) != 0;
	c->here = rx_countersigned_here(s, fork, c);
	return (RX_OK);
}

typedef rx_err each_fn(void *, const struct rx_countersigned *,
    struct rx_status *);

/* The rows of ${q}: of all chains, or of ${chain} and the number ${seq}. */
static rx_err
each_of(struct rx_session *s, enum rx_query q, const uint8_t *chain,
    uint64_t seq, each_fn *each, void *cookie, struct rx_status *st)
{
	const struct rx_value args[2] = { rx_bytes(chain, RX_ID_BYTES),
	    rx_int((int64_t)seq) };
	struct rx_countersigned c;
	struct rx_cursor *cur;
	uint64_t fork;
	bool row = false;
	rx_err rc;

	if ((rc = rx_chain_fork(s, &fork, st)) != RX_OK ||
	    (rc = rx_query_open(&cur, s->store, q, args, chain != NULL ? 2 :
	    0, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = row_read(s, cur, fork, &c, st)) != RX_OK ||
		    (rc = each(cookie, &c, st)) != RX_OK)
			break;
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_countersigned_each(struct rx_session *s, each_fn *each, void *cookie,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK)
		return (rc);
	return (each_of(s, RX_Q_ANCHORS, NULL, 0, each, cookie, st));
}

struct here {
	struct rx_buf *out;
	size_t lost;
};

static rx_err
here_each(void *cookie, const struct rx_countersigned *c,
    struct rx_status *st)
{
	struct here *h = cookie;

	if (!c->here || c->standing < RX_ANCHOR_PAST)
		return (RX_OK);
	h->lost += c->lost;
	return (c->lost ? RX_OK : rx_buf_add(h->out, c, sizeof(*c), st));
}

rx_err
rx_countersigned_here_all(struct rx_session *s, struct rx_buf *out,
    size_t *lost, struct rx_status *st)
{
	struct here h = { out, 0 };
	rx_err rc;

	rc = rx_countersigned_each(s, here_each, &h, st);
	*lost = h.lost;
	return (rc);
}

rx_err
rx_countersigned_newest(struct rx_session *s, struct rx_store *store,
    struct rx_countersigned *newest, bool *found, struct rx_status *st)
{
	struct rx_countersigned c;
	struct rx_cursor *cur;
	bool row = false, whole;
	const uint8_t *p;
	uint64_t fork;
	size_t n;
	rx_err rc;

	*found = false;
	if ((rc = rx_chain_fork(s, &fork, st)) != RX_OK ||
	    (rc = rx_query_open(&cur, store, RX_Q_ANCHORS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 4, &n);
		rx_countersigned_read(&c, &whole, s, p, n);
		if (!whole || c.standing < RX_ANCHOR_PAST ||
		    rx_col_int(cur, 5) != 0 ||
		    !rx_countersigned_here(s, fork, &c) ||
		    (*found && c.seq <= newest->seq))
			continue;
		*newest = c;
		*found = true;
	}
	rx_query_close(cur);
	return (rc);
}

/* The row of ${c}. */
static void
row_of(struct rx_value v[6], const struct rx_countersigned *c)
{

	v[0] = rx_bytes(c->chain, RX_ID_BYTES);
	v[1] = rx_int((int64_t)c->seq);
	v[2] = rx_bytes(c->hash, RX_HASH_BYTES);
	v[3] = rx_bytes(c->signer, RX_ID_BYTES);
	v[4] = rx_bytes(c->statement, RX_ANCHOR_BYTES);
	v[5] = rx_int(c->lost);
}

/*
 * One signer may have signed the same head twice: of the two the one whose bytes
 * are lower stays, so a verified one before one that was seen, wherever and in
 * whatever order they meet.  What is lost stays lost.
 */
rx_err
rx_countersigned_keep(struct rx_session *s, const struct rx_countersigned *c,
    bool *changed, struct rx_status *st)
{
	struct rx_value v[6], old[RX_COLUMNS_MAX];
	struct rx_buf bytes = RX_BUF_INIT;
	enum rx_table table;
	enum rx_there how;
	rx_err rc;

	*changed = false;
	row_of(v, c);
	if ((rc = rx_store_compare(s->store, RX_TABLE_ANCHOR, v, &how, &bytes,
	    st)) != RX_OK || how == RX_SAME || (how == RX_OTHER &&
	    (rc = rx_row_decode(&table, old, bytes.b, bytes.len, st)) !=
	    RX_OK))
		goto done;
	if (how == RX_OTHER) {
		if (old[4].n == RX_ANCHOR_BYTES && memcmp(old[4].p,
		    c->statement, RX_ANCHOR_BYTES) <= 0)
			v[4] = old[4];
		if (old[5].i != 0)
			v[5] = old[5];
		if (v[4].p == old[4].p && v[5].i == old[5].i)
			goto done;
	}
	*changed = true;
	rc = rx_store_replace(s->store, RX_TABLE_ANCHOR, v, st);
done:
	rx_buf_free(&bytes);
	return (rc);
}

/* ---- signing ---- */

rx_err
rx_countersign_seen(struct rx_session *s, const uint8_t chain[RX_ID_BYTES],
    const struct rx_audit_head *head, struct rx_status *st)
{
	struct rx_countersigned c;
	bool changed;
	rx_err rc;

	if (!rx_may_countersign(s) || head->seq < 1 || head->seq > UINT32_MAX)
		return (RX_OK);
	memset(&c, 0, sizeof(c));
	c.kind = RX_ANCHOR_SEEN;
	memcpy(c.chain, chain, RX_ID_BYTES);
	c.seq = head->seq;
	memcpy(c.hash, head->hash, RX_HASH_BYTES);
	if ((rc = sign(&c, s, st)) != RX_OK)
		return (rc);
	return (rx_countersigned_keep(s, &c, &changed, st));
}

/* In a transaction: what was verified, ${head}, must still be on the chain. */
static rx_err
still_there(struct rx_session *s, const struct rx_audit_head *head,
    struct rx_status *st)
{
	struct rx_anchor a = { .seq = head->seq, .n = RX_HASH_BYTES };

	memcpy(a.hash, head->hash, RX_HASH_BYTES);
	return (rx_anchor_find(s, &a, st));
}

rx_err
rx_audit_countersign(struct rx_session *s, struct rx_countersigned *made,
    void (*progress)(void *, size_t), void *cookie, struct rx_status *st)
{
	struct rx_audit_check check = { .trust = RX_TRUST_MYSELF };
	char detail[24];
	bool changed;
	rx_err rc;

	memset(made, 0, sizeof(*made));
	if ((rc = rx_permit(s, RX_ACT_COUNTERSIGN, NULL, st)) != RX_OK ||
	    (rc = rx_audit_check(s, &check, progress, cookie, st)) != RX_OK ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	made->kind = RX_ANCHOR_VERIFIED;
	memcpy(made->chain, s->copy_id, RX_ID_BYTES);
	made->seq = check.head.seq;
	memcpy(made->hash, check.head.hash, RX_HASH_BYTES);
	memcpy(made->proofs, check.proofs, RX_HASH_BYTES);
	if ((rc = still_there(s, &check.head, st)) == RX_OK &&
	    (rc = sign(made, s, st)) == RX_OK)
		rc = rx_countersigned_keep(s, made, &changed, st);
	made->here = true;
	(void)snprintf(detail, sizeof(detail), "%llu",
	    (unsigned long long)made->seq);
	return (rx_finish(s, rc, RX_DID_ANCHOR, NULL, detail, st));
}

/* ---- what comes in a bundle ---- */

/* How ${c} fits what is here. */
struct fit {
	const struct rx_countersigned *c;
	bool fork;
};

static rx_err
fit_each(void *cookie, const struct rx_countersigned *other,
    struct rx_status *st)
{
	struct fit *f = cookie;

	(void)st;
	f->fork |= !other->lost && other->standing >= RX_ANCHOR_PAST &&
	    memcmp(other->hash, f->c->hash, RX_HASH_BYTES) != 0;
	return (RX_OK);
}

/* RX_OK, or RX_ECORRUPT when ${c} is not on the chain here, or, of another one,
 * is not what somebody else signed of it. */
static rx_err
fits(struct rx_session *s, const struct rx_countersigned *c,
    struct rx_status *st)
{
	struct rx_anchor a = { .seq = c->seq, .n = RX_HASH_BYTES };
	struct rx_audit_head head;
	struct fit f = { c, false };
	uint64_t fork;
	rx_err rc;

	rx_status_arg(st, "user", "%s", c->user);
	rx_status_arg(st, "seq", "%llu", (unsigned long long)c->seq);
	memcpy(a.hash, c->hash, RX_HASH_BYTES);
	if ((rc = rx_chain_fork(s, &fork, st)) != RX_OK ||
	    (rc = each_of(s, RX_Q_ANCHORS_AT, c->chain, c->seq, fit_each, &f,
	    st)) != RX_OK)
		return (rc);
	if (f.fork)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_ANCHOR_FORK));
	if (!rx_countersigned_here(s, fork, c))
		goto done;
	if ((rc = rx_audit_head(s, &head, st)) != RX_OK)
		return (rc);
	if (c->seq > head.seq) {
		rx_status_arg(st, "last", "%llu",
		    (unsigned long long)head.seq);
		return (rx_fail(st, RX_ECORRUPT,
		    RX_MSG_BUNDLE_ANCHOR_ROLLBACK));
	}
	if ((rc = rx_audit_head_at(s, c->seq, &head, st)) != RX_OK)
		return (rc);
	if (memcmp(head.hash, c->hash, RX_HASH_BYTES) != 0)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_ANCHOR_FORK));
done:
	rx_status_clear(st);
	return (RX_OK);
}

struct known {
	const struct rx_countersigned *c;
	bool same;
};

static rx_err
known_each(void *cookie, const struct rx_countersigned *other,
    struct rx_status *st)
{
	struct known *k = cookie;

	(void)st;
	k->same |= memcmp(other->statement, k->c->statement,
	    RX_ANCHOR_BYTES) == 0;
	return (RX_OK);
}

rx_err
rx_countersigned_take(struct rx_session *s, const uint8_t *statement,
    size_t n, bool despite, enum rx_anchor_taken *how, struct rx_status *st)
{
	struct rx_countersigned c;
	struct rx_status why;
	struct known k = { &c, false };
	bool whole, changed;
	rx_err rc;

	*how = RX_ANCHOR_KNOWN;
	rx_countersigned_read(&c, &whole, s, statement, n);
	if (!whole || c.standing == RX_ANCHOR_FORGED)
		return (forged(st, c.seq));
	if ((rc = each_of(s, RX_Q_ANCHORS_AT, c.chain, c.seq, known_each, &k,
	    st)) != RX_OK || k.same)
		return (rc);
	/* Honest work of somebody who did not know yet; it does not count. */
	*how = RX_ANCHOR_REFUSED;
	if (c.standing == RX_ANCHOR_LATE)
		return (RX_OK);
	rx_status_clear(&why);
	if ((rc = fits(s, &c, &why)) != RX_OK) {
		if (rc != RX_ECORRUPT || !despite) {
			*st = why;
			return (rc);
		}
		c.lost = true;
	}
	if ((rc = rx_countersigned_keep(s, &c, &changed, st)) == RX_OK)
		*how = !changed ? RX_ANCHOR_KNOWN : c.lost ? RX_ANCHOR_LOST :
		    RX_ANCHOR_TAKEN;
	return (rc);
}

struct compare {
	struct rx_buf against;	/* heads that the sender's chain has not */
	const struct rx_audit_head *head;
	int64_t made;
};

static rx_err
compare_each(void *cookie, const struct rx_countersigned *c,
    struct rx_status *st)
{
	struct compare *k = cookie;

	if (c->lost || c->standing < RX_ANCHOR_PAST || c->time >= k->made ||
	    (c->seq == k->head->seq &&
	    memcmp(c->hash, k->head->hash, RX_HASH_BYTES) == 0))
		return (RX_OK);
	return (rx_buf_add(&k->against, c, sizeof(*c), st));
}

rx_err
rx_chain_compare(struct rx_session *s, const uint8_t chain[RX_ID_BYTES],
    const struct rx_audit_head *head, int64_t made, bool despite,
    size_t *lost, struct rx_status *st)
{
	struct compare k = { RX_BUF_INIT, head, made };
	struct rx_countersigned c;
	size_t i;
	bool changed;
	rx_err rc;

	rc = each_of(s, RX_Q_ANCHORS_FROM, chain, head->seq, compare_each, &k,
	    st);
	for (i = 0; i < k.against.len && rc == RX_OK; i += sizeof(c)) {
		memcpy(&c, k.against.b + i, sizeof(c));
		if (!despite) {
			rx_status_arg(st, "user", "%s", c.user);
			rx_status_arg(st, "seq", "%llu",
			    (unsigned long long)c.seq);
			rx_status_arg(st, "last", "%llu",
			    (unsigned long long)head->seq);
			rc = rx_fail(st, RX_ECORRUPT, c.seq == head->seq ?
			    RX_MSG_BUNDLE_FORK : RX_MSG_BUNDLE_ROLLBACK);
			break;
		}
		c.lost = true;
		(*lost)++;
		rc = rx_countersigned_keep(s, &c, &changed, st);
	}
	rx_buf_free(&k.against);
	return (rc);
}
