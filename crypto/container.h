#ifndef RX_CRYPTO_CONTAINER_H
#define RX_CRYPTO_CONTAINER_H

/*
 * A sealed bundle: bytes that travel on a USB stick, or by any channel that is
 * not trusted, from one member to some others.
 *
 * Container v1, little-endian:
 *        0    4  "RXBU"
 *        4    1  version, 1
 *        5    1  kind: a bundle 0, a case for another register 1
 *        6    2  0
 *        8   16  store id
 *       24   16  id of the sender's certificate
 *       40   16  id of the copy that it was made in; zero: the home register;
 *                 of kind 1 the store id of the register that it is for
 *       56    8  number, counted by that copy, 1..2^53
 *       64    8  made at, ms, below 2^47
 *       72   16  target unit
 *       88    4  r, recipients, 1..RX_CONTAINER_RECIPIENTS
 *       92    4  c, chunks, at least 1
 *       96    8  n, length of the body, at most RX_CONTAINER_MAX
 *      104  96r  recipients: user id 16 || crypto_box_seal(content key 32) 80
 *    +         c chunks: envelopes (type BUNDLE, no compartment, epoch 1) under
 *                the content key
 *    +     64  signature of the sender over "runxin bundle v1\0" || digest
 * digest = BLAKE2b-256("runxin bundle digest v1\0" || all before the signature).
 *
 * The body is followed by zeros up to a multiple of RX_CONTAINER_STEP, so that a
 * stranger sees its size roughly, and cut into chunks of RX_CONTAINER_CHUNK, the
 * last one shorter perhaps.  Place of chunk i: store, unit = target unit, object
 * and subject the two halves of BLAKE2b-256("runxin bundle header v1\0" || all
 * before the chunks), table 27, column 1 for the last and 0 for the others,
 * version i.  So no chunk can be moved, left out, or opened under another
 * header or list of recipients.
 */

#include "crypto/certificate.h"

#define RX_CONTAINER_RECIPIENTS 1000
#define RX_CONTAINER_CHUNK 65536
#define RX_CONTAINER_STEP 16384
#define RX_CONTAINER_MAX ((size_t)1 << 30)

enum rx_container_kind { RX_CONTAINER_BUNDLE = 0, RX_CONTAINER_CASE = 1 };

struct rx_container_head {
	uint8_t kind;
	uint8_t store[RX_ID_BYTES];
	uint8_t cert[RX_ID_BYTES];
	uint8_t copy[RX_ID_BYTES];
	uint64_t number;
	int64_t made;
	char unit[RX_UNIT_BYTES];
};

struct rx_recipient {
	uint8_t user[RX_ID_BYTES];
	uint8_t box_public[RX_BOX_PUBLIC_BYTES];
};

/* A container as it was read; points into the bytes, which the caller keeps. */
struct rx_container {
	struct rx_container_head head;
	uint32_t recipients, chunks;
	uint64_t body;			/* its length */
	const uint8_t *p;		/* the whole of it */
	size_t n;
	uint8_t digest[RX_HASH_BYTES];	/* what is signed; names the bundle */
};

/**
 * rx_container_seal(out, head, to, nto, sign_secret, body, n, digest, st):
 * Append to ${out} the container of the ${n} bytes ${body}, sealed to the
 * ${nto} recipients ${to} and signed with the Ed25519 key ${sign_secret}; its
 * digest goes to ${digest}.  The content key lives in guarded memory and is
 * wiped.  RX_ECORRUPT (CERT_CORRUPT) when a public key is none.
 */
rx_err rx_container_seal(struct rx_buf *out,
    const struct rx_container_head *head, const struct rx_recipient *to,
    size_t nto, const uint8_t sign_secret[64], const void *body, size_t n,
    uint8_t digest[RX_HASH_BYTES], struct rx_status *st) RX_MUST_USE;

/* Take ${p} apart: every length must be the one that sealing would have written.
 * Nothing in it is verified yet.  RX_ECORRUPT (BUNDLE_CORRUPT) otherwise. */
rx_err rx_container_read(struct rx_container *c, const uint8_t *p, size_t n,
    struct rx_status *st) RX_MUST_USE;

/* The user id of recipient ${i}. */
const uint8_t *rx_container_recipient(const struct rx_container *c, size_t i);

/* Whether the owner of ${sign_public} signed all of it. */
bool rx_container_signed(const struct rx_container *c,
    const uint8_t sign_public[RX_SIGN_PUBLIC_BYTES]);

/**
 * rx_container_open(out, c, user, identity, st):
 * Open the body for the recipient ${user} with his keys ${identity}, appended
 * to ${out}.  RX_EPERM (BUNDLE_NOT_YOURS) when he is not in the list;
 * RX_ECORRUPT, with nothing appended, when the content key does not open with
 * these keys (BUNDLE_KEY) or a chunk does not (BUNDLE_CORRUPT).  The signature is the caller's to ask, before he uses what is inside.
 */
rx_err rx_container_open(struct rx_buf *out, const struct rx_container *c,
    const uint8_t user[RX_ID_BYTES], const struct rx_identity *identity,
    struct rx_status *st) RX_MUST_USE;

/* Groups of digits that two people compare: 6 of 5, each 4 bytes of
 * BLAKE2b-512("runxin fingerprint v1\0" || ${p}), big-endian, modulo 100000;
 * about 99 bits. */
#define RX_FINGERPRINT_TEXT 36
void rx_fingerprint(char out[RX_FINGERPRINT_TEXT], const void *p, size_t n);

#endif
