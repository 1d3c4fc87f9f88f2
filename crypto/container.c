#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "crypto/container.h"

#define HEAD_BYTES 104
#define SEALED_KEY (crypto_box_SEALBYTES + RX_KEY_BYTES)
#define RECIPIENT_BYTES (RX_ID_BYTES + SEALED_KEY)
#define SIGN_LABEL "runxin bundle v1"
#define TIME_MAX ((int64_t)1 << 47)	/* ms; year 6429 */
#define NUMBER_MAX ((uint64_t)1 << 53)	/* whole in JSON, too */
#define TABLE 27	/* RX_TABLE_BUNDLE; part of the place of a chunk */

_Static_assert(SEALED_KEY == 80, "container layout");

/* Bytes of ${n} with the zeros after them. */
static size_t
padded(size_t n)
{

	return (n == 0 ? RX_CONTAINER_STEP : (n + RX_CONTAINER_STEP - 1) /
	    RX_CONTAINER_STEP * RX_CONTAINER_STEP);
}

static size_t
chunks_of(size_t n)
{

	return ((padded(n) + RX_CONTAINER_CHUNK - 1) / RX_CONTAINER_CHUNK);
}

/* Plaintext in chunk ${i} of a body of ${n} bytes. */
static size_t
chunk_size(size_t n, size_t i)
{
	const size_t left = padded(n) - i * RX_CONTAINER_CHUNK;

	return (left < RX_CONTAINER_CHUNK ? left : RX_CONTAINER_CHUNK);
}

/* The place of chunk 0 under the ${n} bytes ${p} before the chunks. */
static void
place_set(struct rx_place *place, const struct rx_container_head *head,
    const uint8_t *p, size_t n)
{
	uint8_t hash[RX_HASH_BYTES];

	rx_hash(hash, sizeof(hash), NULL, "runxin bundle header v1", p, n);
	memset(place, 0, sizeof(*place));
	memcpy(place->store, head->store, RX_ID_BYTES);
	memcpy(place->unit, head->unit, RX_UNIT_BYTES);
	memcpy(place->object, hash, RX_ID_BYTES);
	memcpy(place->subject, hash + RX_ID_BYTES, RX_ID_BYTES);
	place->table = TABLE;
	place->schema = 1;
}

static void
head_put(uint8_t *p, const struct rx_container_head *head, size_t nto,
    size_t n)
{

	memcpy(p, "RXBU\1", 5);
	p[5] = head->kind;
	memcpy(p + 8, head->store, RX_ID_BYTES);
	memcpy(p + 24, head->cert, RX_ID_BYTES);
	memcpy(p + 40, head->copy, RX_ID_BYTES);
	rx_put64(p + 56, head->number);
	rx_put64(p + 64, (uint64_t)head->made);
	memcpy(p + 72, head->unit, RX_UNIT_BYTES);
	rx_put32(p + 88, (uint32_t)nto);
	rx_put32(p + 92, (uint32_t)chunks_of(n));
	rx_put64(p + 96, n);
}

/* Append the sealed chunks of ${body}; ${place} is that of the first. */
static rx_err
chunks_seal(struct rx_buf *out, const struct rx_key *key,
    struct rx_place *place, const uint8_t *body, size_t n,
    struct rx_status *st)
{
	const size_t all = chunks_of(n);
	size_t i, size, at, have;
	uint8_t *box;
	rx_err rc;

	for (i = 0; i < all; i++) {
		size = chunk_size(n, i);
		at = i * RX_CONTAINER_CHUNK;
		have = at >= n ? 0 : n - at < size ? n - at : size;
		if ((rc = rx_buf_extend(out, rx_envelope_size(size), &box,
		    st)) != RX_OK)
			return (rc);
		/* The plaintext where the ciphertext goes; zeros after it. */
		if (have > 0)
			memcpy(box + 88, body + at, have);
		place->version = (uint32_t)i;
		place->column = i + 1 == all;
		if ((rc = rx_envelope_seal(box, key, RX_ENV_BUNDLE,
		    RX_COMP_NONE, 1, place, box + 88, size, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Header, recipients, chunks. */
static rx_err
seal(struct rx_buf *out, size_t start, const struct rx_key *key,
    const struct rx_container_head *head, const struct rx_recipient *to,
    size_t nto, const uint8_t *body, size_t n, struct rx_status *st)
{
	struct rx_place place;
	uint8_t *p;
	size_t i;
	rx_err rc;

	if ((rc = rx_buf_extend(out, HEAD_BYTES + nto * RECIPIENT_BYTES, &p,
	    st)) != RX_OK)
		return (rc);
	head_put(p, head, nto, n);
	for (i = 0; i < nto; i++) {
		uint8_t *r = p + HEAD_BYTES + i * RECIPIENT_BYTES;

		memcpy(r, to[i].user, RX_ID_BYTES);
		/* It refuses only a public key that is not one. */
		if (crypto_box_seal(r + RX_ID_BYTES, key->b, RX_KEY_BYTES,
		    to[i].box_public) != 0)
			return (rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT));
	}
	place_set(&place, head, out->b + start, out->len - start);
	return (chunks_seal(out, key, &place, body, n, st));
}

rx_err
rx_container_seal(struct rx_buf *out, const struct rx_container_head *head,
    const struct rx_recipient *to, size_t nto, const uint8_t sign_secret[64],
    const void *body, size_t n, uint8_t digest[RX_HASH_BYTES],
    struct rx_status *st)
{
	const size_t start = out->len;
	struct rx_secret *mem;
	uint8_t *sig;
	rx_err rc;

	memset(digest, 0, RX_HASH_BYTES);
	if (nto == 0 || nto > RX_CONTAINER_RECIPIENTS || n > RX_CONTAINER_MAX) {
		rx_status_arg(st, "max", "%zu", RX_CONTAINER_MAX >> 20);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_BUNDLE_TOO_LARGE));
	}
	if ((rc = rx_secret_new(&mem, sizeof(struct rx_key), st)) != RX_OK)
		return (rc);
	rx_random(mem->b, RX_KEY_BYTES);
	if ((rc = seal(out, start, (const struct rx_key *)(void *)mem->b, head,
	    to, nto, body, n, st)) != RX_OK)
		goto done;
	rx_hash(digest, RX_HASH_BYTES, NULL, "runxin bundle digest v1",
	    out->b + start, out->len - start);
	if ((rc = rx_buf_extend(out, RX_SIGNATURE_BYTES, &sig, st)) == RX_OK)
		rx_sign(sig, sign_secret, SIGN_LABEL, digest, RX_HASH_BYTES);
done:
	rx_secret_free(mem);
	return (rc);
}

rx_err
rx_container_read(struct rx_container *c, const uint8_t *p, size_t n,
    struct rx_status *st)
{
	size_t before;

	memset(c, 0, sizeof(*c));
	if (n < HEAD_BYTES + RECIPIENT_BYTES + RX_SIGNATURE_BYTES ||
	    memcmp(p, "RXBU\1", 5) != 0 || p[5] > RX_CONTAINER_CASE ||
	    p[6] != 0 || p[7] != 0)
		goto err0;
	c->head.kind = p[5];
	memcpy(c->head.store, p + 8, RX_ID_BYTES);
	memcpy(c->head.cert, p + 24, RX_ID_BYTES);
	memcpy(c->head.copy, p + 40, RX_ID_BYTES);
	c->head.number = rx_get64(p + 56);
	c->head.made = (int64_t)rx_get64(p + 64);
	memcpy(c->head.unit, p + 72, RX_UNIT_BYTES);
	c->recipients = rx_get32(p + 88);
	c->chunks = rx_get32(p + 92);
	c->body = rx_get64(p + 96);
	c->p = p;
	c->n = n;
	/* With these bounds nothing below overflows. */
	if (c->recipients == 0 || c->recipients > RX_CONTAINER_RECIPIENTS ||
	    c->head.number == 0 || c->head.number > NUMBER_MAX ||
	    c->head.made < 0 || c->head.made > TIME_MAX ||
	    c->body > RX_CONTAINER_MAX || c->chunks != chunks_of(c->body))
		goto err0;
	before = HEAD_BYTES + c->recipients * RECIPIENT_BYTES;
	if (n != before + padded(c->body) + c->chunks * RX_ENV_OVERHEAD +
	    RX_SIGNATURE_BYTES)
		goto err0;
	rx_hash(c->digest, RX_HASH_BYTES, NULL, "runxin bundle digest v1", p,
	    n - RX_SIGNATURE_BYTES);
	return (RX_OK);
err0:
	memset(c, 0, sizeof(*c));
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT));
}

const uint8_t *
rx_container_recipient(const struct rx_container *c, size_t i)
{

	return (c->p + HEAD_BYTES + i * RECIPIENT_BYTES);
}

bool
rx_container_signed(const struct rx_container *c,
    const uint8_t sign_public[RX_SIGN_PUBLIC_BYTES])
{

	return (rx_sign_verify(c->p + c->n - RX_SIGNATURE_BYTES, sign_public,
	    SIGN_LABEL, c->digest, RX_HASH_BYTES));
}

/* Open all chunks with ${key}; what comes after the body must be zeros. */
static bool
chunks_open(uint8_t *out, const struct rx_container *c,
    const struct rx_key *key)
{
	const size_t before = HEAD_BYTES + c->recipients * RECIPIENT_BYTES;
	const uint8_t *box = c->p + before;
	struct rx_place place;
	struct rx_status no;
	size_t i, size;

	place_set(&place, &c->head, c->p, before);
	for (i = 0; i < c->chunks; i++) {
		size = chunk_size(c->body, i);
		place.version = (uint32_t)i;
		place.column = i + 1 == c->chunks;
		rx_status_clear(&no);
		if (rx_envelope_open(out + i * RX_CONTAINER_CHUNK, size, box,
		    rx_envelope_size(size), key, RX_ENV_BUNDLE, RX_COMP_NONE,
		    1, &place, &no) != RX_OK)
			return (false);
		box += rx_envelope_size(size);
	}
	return (sodium_is_zero(out + c->body, padded(c->body) - c->body));
}

rx_err
rx_container_open(struct rx_buf *out, const struct rx_container *c,
    const uint8_t user[RX_ID_BYTES], const struct rx_identity *identity,
    struct rx_status *st)
{
	const size_t start = out->len;
	const uint8_t *mine = NULL;
	struct rx_secret *mem;
	uint8_t *p;
	size_t i;
	rx_err rc;

	for (i = 0; i < c->recipients && mine == NULL; i++)
		if (memcmp(rx_container_recipient(c, i), user,
		    RX_ID_BYTES) == 0)
			mine = rx_container_recipient(c, i) + RX_ID_BYTES;
	if (mine == NULL)
		return (rx_fail(st, RX_EPERM, RX_MSG_BUNDLE_NOT_YOURS));
	if ((rc = rx_secret_new(&mem, sizeof(struct rx_key), st)) != RX_OK)
		return (rc);
	if (crypto_box_seal_open(mem->b, mine, SEALED_KEY,
	    identity->box_public, identity->box_secret) != 0) {
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_KEY);
		goto done;
	}
	if ((rc = rx_buf_extend(out, padded(c->body), &p, st)) != RX_OK)
		goto done;
	if (!chunks_open(p, c, (const struct rx_key *)(void *)mem->b)) {
		rx_wipe(p, padded(c->body));
		out->len = start;
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT);
	} else
		out->len = start + c->body;
done:
	rx_secret_free(mem);
	return (rc);
}

void
rx_fingerprint(char out[RX_FINGERPRINT_TEXT], const void *p, size_t n)
{
	uint8_t h[64];
	size_t i;

	rx_hash(h, sizeof(h), NULL, "runxin fingerprint v1", p, n);
	for (i = 0; i < 6; i++) {
		const uint32_t v = (uint32_t)h[4 * i] << 24 |
		    (uint32_t)h[4 * i + 1] << 16 |
		    (uint32_t)h[4 * i + 2] << 8 | h[4 * i + 3];

		(void)snprintf(out + 6 * i, RX_FINGERPRINT_TEXT - 6 * i,
		    "%05u%s", v % 100000, i < 5 ? " " : "");
	}
}
