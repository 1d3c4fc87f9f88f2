#include <string.h>

#include <sodium.h>

#include "crypto/envelope.h"

#define NONCE_AT RX_ENV_HEADER
#define COMMIT_AT (NONCE_AT + 24)
#define CT_AT (COMMIT_AT + 32)
#define TAG_BYTES 16
#define LENGTH_BYTES 4		/* at the front of a padded field */

#define LABEL "runxin envelope v1"
#define AD_BYTES (sizeof(LABEL) + RX_ENV_HEADER + 24 + RX_PLACE_BYTES)

_Static_assert(CT_AT + TAG_BYTES == RX_ENV_OVERHEAD, "envelope layout");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_NPUBBYTES == 24, "nonce");
_Static_assert(crypto_aead_xchacha20poly1305_ietf_ABYTES == TAG_BYTES, "tag");

size_t
rx_envelope_size(size_t n)
{

	return (n + RX_ENV_OVERHEAD);
}

void
rx_key_id(uint8_t id[RX_ID_BYTES], const struct rx_key *key)
{

	rx_hash(id, RX_ID_BYTES, key->b, "runxin key id v1", NULL, 0);
}

/* The header of an envelope of ${n} bytes under the key of ${id}: there is only
 * one. */
static void
header_make(uint8_t h[RX_ENV_HEADER], const uint8_t id[RX_ID_BYTES],
    enum rx_env_type type, enum rx_compartment comp, uint32_t epoch, size_t n)
{

	memcpy(h, "RX", 2);
	h[2] = 1;
	h[3] = 1;
	h[4] = (uint8_t)type;
	h[5] = (uint8_t)comp;
	rx_put16(h + 6, 0);
	memcpy(h + 8, id, RX_ID_BYTES);
	rx_put32(h + 24, epoch);
	rx_put32(h + 28, (uint32_t)n);
}

static void
place_encode(uint8_t *p, const struct rx_place *place)
{

	memcpy(p, place->store, 16);
	memcpy(p + 16, place->unit, 16);
	memcpy(p + 32, place->object, 16);
	memcpy(p + 48, place->subject, 16);
	rx_put32(p + 64, place->table);
	rx_put32(p + 68, place->column);
	rx_put32(p + 72, place->schema);
	rx_put32(p + 76, place->version);
}

/**
 * derive(ad, ec, box, key, place):
 * Put X, made of the header and nonce at the start of ${box} and of ${place},
 * in ${ad}, and E and the commitment in the 64 bytes at ${ec}, which the
 * caller wipes.
 */
static void
derive(uint8_t ad[AD_BYTES], uint8_t ec[64], const uint8_t *box,
    const struct rx_key *key, const struct rx_place *place)
{
	const size_t at = sizeof(LABEL);

	memcpy(ad, LABEL, at);
	memcpy(ad + at, box, RX_ENV_HEADER + 24);
	place_encode(ad + at + RX_ENV_HEADER + 24, place);
	rx_hash(ec, 64, key->b, LABEL, ad + at, AD_BYTES - at);
}

rx_err
rx_envelope_seal(uint8_t *box, const struct rx_key *key, enum rx_env_type type,
    enum rx_compartment comp, uint32_t epoch, const struct rx_place *place,
    const void *p, size_t n, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES], ad[AD_BYTES], ec[64];

	if (n > RX_ENV_MAX) {
		(void)rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);
		rx_status_arg(st, "what", "envelope of %zu bytes", n);
		return (RX_EINTERNAL);
	}

	/* ${p} may be the place of the ciphertext itself: write around it. */
	rx_key_id(id, key);
	header_make(box, id, type, comp, epoch, n);
	rx_random(box + NONCE_AT, 24);
	derive(ad, ec, box, key, place);
	memcpy(box + COMMIT_AT, ec + 32, 32);
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(box + CT_AT, NULL,
	    p, n, ad, sizeof(ad), NULL, box + NONCE_AT, ec);
	rx_wipe(ec, sizeof(ec));
	return (RX_OK);
}

/* rx_envelope_open, the key id of ${key} being ${id}. */
static rx_err
open_id(void *p, size_t n, const uint8_t *box, size_t boxlen,
    const struct rx_key *key, const uint8_t id[RX_ID_BYTES],
    enum rx_env_type type, enum rx_compartment comp, uint32_t epoch,
    const struct rx_place *place, struct rx_status *st)
{
	uint8_t want[RX_ENV_HEADER], ad[AD_BYTES], ec[64];

	if (boxlen < RX_ENV_OVERHEAD || boxlen - RX_ENV_OVERHEAD != n ||
	    n > RX_ENV_MAX)
		goto err0;

	/*
	 * The header must be the very one that sealing would have written:
	 * this is magic, version, suite, flags, type, compartment, epoch, key
	 * id and length at once.  Nothing in it is secret.
	 */
	header_make(want, id, type, comp, epoch, n);
	if (memcmp(want, box, RX_ENV_HEADER) != 0)
		goto err0;

	derive(ad, ec, box, key, place);
	if (!rx_equal(box + COMMIT_AT, ec + 32, 32))
		goto err1;
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(p, NULL, NULL,
	    box + CT_AT, n + TAG_BYTES, ad, sizeof(ad), box + NONCE_AT,
	    ec) != 0)
		goto err1;

	/* Success! */
	rx_wipe(ec, sizeof(ec));
	return (RX_OK);

err1:
	rx_wipe(ec, sizeof(ec));
err0:
	/* Failure! */
	rx_wipe(p, n);
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
}

rx_err
rx_envelope_open(void *p, size_t n, const uint8_t *box, size_t boxlen,
    const struct rx_key *key, enum rx_env_type type, enum rx_compartment comp,
    uint32_t epoch, const struct rx_place *place, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];

	rx_key_id(id, key);
	return (open_id(p, n, box, boxlen, key, id, type, comp, epoch, place,
	    st));
}

uint32_t
rx_envelope_epoch(const uint8_t *box, size_t boxlen)
{

	return (boxlen < RX_ENV_OVERHEAD ? 0 : rx_get32(box + 24));
}

/* The first of ${size}, ${size} * 2, ... that is at least ${n}. */
static size_t
doubled(size_t size, size_t n)
{

	while (size < n)
		size *= 2;
	return (size);
}

size_t
rx_pad_size(enum rx_pad pad, size_t n)
{

	if (n > RX_ENV_MAX - 4)
		return (0);
	n += 4;
	switch (pad) {
	case RX_PAD_SHORT:
		if (n <= 64)
			return (64);
		__attribute__((fallthrough));
	case RX_PAD_TEXT:
		if (n <= 192)
			return (192);
		if (n <= 1040)
			return (1040);
		break;
	case RX_PAD_CODED:
		return (n <= 448 ? 448 : doubled(1024, n));
	case RX_PAD_NOTE:
		break;
	}
	return (doubled(512, n));
}

rx_err
rx_field_seal(struct rx_buf *box, const struct rx_key *key,
    enum rx_compartment comp, uint32_t epoch, const struct rx_place *place,
    enum rx_pad pad, const void *p, size_t n, struct rx_status *st)
{
	size_t padded;
	uint8_t *b;
	rx_err rc;

	if ((padded = rx_pad_size(pad, n)) == 0) {
		(void)rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);
		rx_status_arg(st, "what", "field of %zu bytes", n);
		return (RX_EINTERNAL);
	}
	if ((rc = rx_buf_extend(box, rx_envelope_size(padded), &b, st)) !=
	    RX_OK)
		return (rc);

	/* The new bytes are zero; encrypt where the plaintext lies. */
	rx_put32(b + CT_AT, (uint32_t)n);
	if (n > 0)
		memcpy(b + CT_AT + 4, p, n);
	return (rx_envelope_seal(b, key, RX_ENV_FIELD, comp, epoch, place,
	    b + CT_AT, padded, st));
}

/* Whether the padded ${p} of ${n} bytes, not less than a length has, is well
 * formed; its length. */
static bool
padding_check(const uint8_t *p, size_t n, size_t *len)
{
	size_t i;
	uint64_t bits = 0, word;

	*len = 0;
	if (rx_get32(p) > n - LENGTH_BYTES)
		return (false);
	for (i = LENGTH_BYTES + rx_get32(p); n - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		bits |= word;
	}
	for (; i < n; i++)
		bits |= p[i];
	if (bits != 0)
		return (false);
	*len = rx_get32(p);
	return (true);
}

rx_err
rx_field_open(struct rx_buf *out, const uint8_t *box, size_t boxlen,
    const struct rx_key *key, enum rx_compartment comp,
    const struct rx_place *place, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];

	rx_key_id(id, key);
	return (rx_field_open_id(out, box, boxlen, key, id, comp, place, st));
}

rx_err
rx_field_open_id(struct rx_buf *out, const uint8_t *box, size_t boxlen,
    const struct rx_key *key, const uint8_t id[RX_ID_BYTES],
    enum rx_compartment comp, const struct rx_place *place,
    struct rx_status *st)
{
	size_t n, len;
	uint8_t *p;
	rx_err rc;

	if (boxlen < RX_ENV_OVERHEAD + LENGTH_BYTES ||
	    boxlen - RX_ENV_OVERHEAD > RX_ENV_MAX) {
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
		goto err0;
	}
	n = boxlen - RX_ENV_OVERHEAD;
	if ((rc = rx_buf_reserve(out, n, st)) != RX_OK)
		goto err0;
	p = out->b + out->len;
	if ((rc = open_id(p, n, box, boxlen, key, id, RX_ENV_FIELD, comp,
	    rx_envelope_epoch(box, boxlen), place, st)) != RX_OK)
		goto err0;
	if (!padding_check(p, n, &len)) {
		rx_wipe(p, n);
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
		goto err0;
	}

	/* Success!  Behind the bytes are zeros of the padding. */
	memmove(p, p + LENGTH_BYTES, len);
	memset(p + len, 0, LENGTH_BYTES);
	out->len += len;
	return (RX_OK);

err0:
	/* Failure! */
	return (rc);
}
