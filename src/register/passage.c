#include "register/internal.h"

/*
 * A case came to another unit: the statement of it, which also somebody verifies
 * who has the keys of neither.  The row of MOVE: child, epoch of the keys that
 * the case got there, statement, and these keys as case_key had them (identity,
 * narrative, coded).  The statement, little-endian:
 *
 *     0   4  "RXMV"
 *     4   1  version, 1
 *     5   3  0
 *     8   4  version of the child that was written there
 *    12   4  epoch, as in the row
 *    16  16  unit that it left
 *    32  16  unit that it came to
 *    48  16  who accepted, a director there
 *    64   8  at, ms
 *    72  32  H("runxin move child v1\0" || the row of that version)
 *   104  32  H("runxin move keys v1\0" || the links of the case up to this epoch,
 *            newest first || the row of case_key)
 *   136  16  who offered, a director of the unit that it left
 *   152  32  the X25519 key that he offered it to
 *   184  32  H("runxin grant keys v1\0" || the keys that were offered)
 *   216  64  his signature of the offer (crypto/grant.h; context: unit that it
 *            came to, child, epoch before, all three compartments)
 *   280  64  signature of who accepted, over "runxin move v1\0" || store 16 ||
 *            child 16 || 0..279
 *
 * H is BLAKE2b-256; a row stands as in a bundle: length 4 || its bytes.
 */

#define MAGIC "RXMV"
#define SIGNED_AT 280
#define LABEL "runxin move v1"

static void
statement_write(uint8_t p[RX_PASSAGE_BYTES], const struct rx_passage *m)
{

	memset(p, 0, RX_PASSAGE_BYTES);
	memcpy(p, MAGIC, 4);
	p[4] = 1;
	rx_put32(p + 8, m->version);
	rx_put32(p + 12, m->epoch);
	memcpy(p + 16, m->from, RX_UNIT_BYTES);
	memcpy(p + 32, m->to, RX_UNIT_BYTES);
	memcpy(p + 48, m->who, RX_ID_BYTES);
	rx_put64(p + 64, (uint64_t)m->at);
	memcpy(p + 72, m->child, RX_HASH_BYTES);
	memcpy(p + 104, m->keys, RX_HASH_BYTES);
	memcpy(p + 136, m->offer.grantor, RX_ID_BYTES);
	memcpy(p + 152, m->offer.recipient, RX_BOX_PUBLIC_BYTES);
	memcpy(p + 184, m->offer.keys, RX_HASH_BYTES);
	memcpy(p + 216, m->offer.signature, RX_SIGNATURE_BYTES);
}

/* The unit of the 16 bytes ${p}. */
static bool
unit_read(char unit[RX_UNIT_BYTES], const uint8_t *p)
{

	return (rx_unit_stored(unit, p, strnlen((const char *)p,
	    RX_UNIT_BYTES)));
}

bool
rx_passage_read(struct rx_passage *m, const void *statement, size_t n)
{
	const uint8_t *p = statement;
	uint8_t again[RX_PASSAGE_BYTES];

	memset(m, 0, sizeof(*m));
	if (n != RX_PASSAGE_BYTES || !unit_read(m->from, p + 16) ||
	    !unit_read(m->to, p + 32))
		return (false);
	m->version = rx_get32(p + 8);
	m->epoch = rx_get32(p + 12);
	memcpy(m->who, p + 48, RX_ID_BYTES);
	m->at = (int64_t)rx_get64(p + 64);
	memcpy(m->child, p + 72, RX_HASH_BYTES);
	memcpy(m->keys, p + 104, RX_HASH_BYTES);
	memcpy(m->offer.grantor, p + 136, RX_ID_BYTES);
	memcpy(m->offer.recipient, p + 152, RX_BOX_PUBLIC_BYTES);
	memcpy(m->offer.keys, p + 184, RX_HASH_BYTES);
	memcpy(m->offer.signature, p + 216, RX_SIGNATURE_BYTES);
	m->offer.kind = RX_GRANT_OPEN;
	statement_write(again, m);
	return (memcmp(again, p, SIGNED_AT) == 0 && m->version >= 2 &&
	    m->epoch >= 2 && memcmp(m->from, m->to, RX_UNIT_BYTES) != 0);
}

static void
signed_bytes(uint8_t out[2 * RX_ID_BYTES + SIGNED_AT],
    const struct rx_session *s, const uint8_t *child, const uint8_t *statement)
{

	memcpy(out, s->store_id, RX_ID_BYTES);
	memcpy(out + RX_ID_BYTES, child, RX_ID_BYTES);
	memcpy(out + 2 * RX_ID_BYTES, statement, SIGNED_AT);
}

/* Whether the certificate ${c} of ${m} was good at ${at}, for a director of
 * ${unit}. */
static bool
directed(const struct rx_member *m, const char *unit, int64_t at)
{

	return (m->cert.role == RX_ROLE_DIRECTOR &&
	    rx_unit_covers(m->cert.unit, unit) &&
	    rx_cert_valid_at(&m->cert, at) &&
	    (m->revoked == 0 || at <= m->revoked));
}

/* Whether a director of the unit that the case left offered it to a key of who
 * accepted, a director of the unit that it came to. */
static bool
offered(const struct rx_session *s, const uint8_t *child,
    const struct rx_passage *m)
{
	const size_t who = rx_member_first(s, m->who);
	const size_t by = rx_member_first(s, m->offer.grantor);
	struct rx_grant_context ctx;
	bool his = false;
	size_t i;

	for (i = who; i < s->nmembers && i < rx_member_next(s, who); i++)
		his |= directed(&s->members[i], m->to, m->at) &&
		    memcmp(s->members[i].cert.box_public, m->offer.recipient,
		    RX_BOX_PUBLIC_BYTES) == 0;
	rx_grant_context_set(&ctx, s, m->to, child, m->epoch - 1,
	    RX_CASE_KEYS);
	for (i = by; his && i < s->nmembers && i < rx_member_next(s, by); i++)
		if (directed(&s->members[i], m->from, m->at) &&
		    rx_grant_proof_verify(&m->offer, &ctx,
		    s->members[i].cert.sign_public))
			return (true);
	return (false);
}

bool
rx_passage_true(const struct rx_session *s, const uint8_t child[RX_ID_BYTES],
    const struct rx_passage *m, const uint8_t statement[RX_PASSAGE_BYTES])
{
	uint8_t message[2 * RX_ID_BYTES + SIGNED_AT];

	signed_bytes(message, s, child, statement);
	return (rx_member_signed(s, m->who, m->at, statement + SIGNED_AT,
	    LABEL, message, sizeof(message)) && offered(s, child, m));
}

void
rx_passage_child_hash(uint8_t hash[RX_HASH_BYTES], const void *row, size_t n)
{

	rx_hash(hash, RX_HASH_BYTES, NULL, "runxin move child v1", row, n);
}

void
rx_passage_keys_hash(uint8_t hash[RX_HASH_BYTES], const void *rows, size_t n)
{

	rx_hash(hash, RX_HASH_BYTES, NULL, "runxin move keys v1", rows, n);
}

/* The hashes of what is stored of the case, which has its new keys. */
static rx_err
hash_stored(struct rx_passage *m, struct rx_session *s, const uint8_t *id,
    struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_buf b = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_rows_add(&b, s, RX_Q_CHILD, RX_TABLE_CHILD, &arg, st)) !=
	    RX_OK)
		goto done;
	rx_passage_child_hash(m->child, b.b, b.len);
	rx_buf_reset(&b);
	if ((rc = rx_rows_add(&b, s, RX_Q_CASE_LINKS, RX_TABLE_CASE_LINK, &arg,
	    st)) == RX_OK && (rc = rx_rows_add(&b, s, RX_Q_CASE_KEYS,
	    RX_TABLE_CASE_KEY, &arg, st)) == RX_OK)
		rx_passage_keys_hash(m->keys, b.b, b.len);
done:
	rx_buf_free(&b);
	return (rc);
}

/* Insert the row with the statement ${p} and the stored keys of the case. */
static rx_err
row_insert(struct rx_session *s, const uint8_t *id, uint32_t epoch,
    const uint8_t *p, struct rx_status *st)
{
	struct rx_value v[6] = { rx_bytes(id, RX_ID_BYTES), rx_int(epoch),
	    rx_bytes(p, RX_PASSAGE_BYTES) };
	struct rx_value key[RX_COLUMNS_MAX];
	struct rx_buf b = RX_BUF_INIT;
	enum rx_table table;
	size_t k;
	rx_err rc;

	if ((rc = rx_rows_add(&b, s, RX_Q_CASE_KEYS, RX_TABLE_CASE_KEY, &v[0],
	    st)) == RX_OK && (rc = rx_row_decode(&table, key, b.b + 4,
	    b.len - 4, st)) == RX_OK) {
		for (k = 3; k < 6; k++)
			v[k] = key[k];
		rc = rx_store_insert(s->store, RX_TABLE_MOVE, v, st);
	}
	rx_buf_free(&b);
	return (rc);
}

rx_err
rx_passage_add(struct rx_session *s, const struct rx_case *c,
    struct rx_passage *m, const struct rx_record *r, struct rx_status *st)
{
	uint8_t p[RX_PASSAGE_BYTES], message[2 * RX_ID_BYTES + SIGNED_AT];
	rx_err rc;

	m->version = r->version;
	m->epoch = c->e[c->n - 1].epoch;
	m->at = r->at;
	memcpy(m->to, c->unit, RX_UNIT_BYTES);
	memcpy(m->who, s->user_id, RX_ID_BYTES);
	if ((rc = hash_stored(m, s, c->id, st)) != RX_OK)
		return (rc);
	statement_write(p, m);
	signed_bytes(message, s, c->id, p);
	rx_sign(p + SIGNED_AT, s->id->sign_secret, LABEL, message,
	    sizeof(message));
	return (row_insert(s, c->id, m->epoch, p, st));
}

rx_err
rx_passages_load(struct rx_buf *moves, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	struct rx_passage m;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_MOVES, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 2, &n);
		rc = rx_passage_read(&m, p, n) ? rx_buf_add(moves, &m, sizeof(m),
		    st) : rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
		if (rc != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_passages_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(id, RX_ID_BYTES) };
	struct rx_buf moves = RX_BUF_INIT;
	const struct rx_passage *m;
	size_t i;
	rx_err rc;

	rc = rx_passages_load(&moves, s, id, st);
	m = (const void *)moves.b;
	for (i = 0; i < moves.len / sizeof(*m) && rc == RX_OK; i++) {
		key[1] = rx_int(m[i].epoch);
		rc = rx_store_delete(s->store, RX_TABLE_MOVE, key, NULL, st);
	}
	rx_buf_free(&moves);
	return (rc);
}
