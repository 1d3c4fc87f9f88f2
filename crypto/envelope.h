#ifndef RX_CRYPTO_ENVELOPE_H
#define RX_CRYPTO_ENVELOPE_H

/*
 * Envelope v1: the one form in which anything is sealed under a symmetric key.
 *
 *   offset size
 *        0    2  "RX"
 *        2    1  version, 1
 *        3    1  suite, 1 (BLAKE2b commitment, XChaCha20-Poly1305-IETF)
 *        4    1  type, enum rx_env_type
 *        5    1  compartment, enum rx_compartment
 *        6    2  flags, 0
 *        8   16  key id = BLAKE2b-128(key = K, "runxin key id v1\0")
 *       24    4  key epoch
 *       28    4  length of ct without the tag
 *       32   24  nonce, random
 *       56   32  commitment
 *       88    n  ct
 *     88+n   16  tag
 *
 * Integers are little-endian.  The header is bytes 0..31.  The place (AAD) is
 * never stored; it is 80 bytes of fixed width:
 *   store 16 || unit 16 || object 16 || subject 16 || table 4 || column 4 ||
 *   schema 4 || version 4.
 * X = "runxin envelope v1\0" || header || nonce || place.
 * E || commitment = BLAKE2b-512(key = K, X); E encrypts with ad = X.
 * Opening checks, in this order: exact length, magic, version, suite, flags,
 * type, compartment, epoch, key id, commitment in constant time, AEAD.
 * Every failure is the same RX_ECORRUPT (message SEALED_CORRUPT).
 *
 * Padding (fields): plaintext = length 4 || bytes || zeros up to a size of its
 * class; the zeros are checked.
 */

#include "base/buffer.h"
#include "crypto/memory.h"

#define RX_ENV_HEADER 32
#define RX_ENV_OVERHEAD 104
#define RX_ENV_KEY_BYTES (RX_ENV_OVERHEAD + RX_KEY_BYTES)	/* a sealed key */
#define RX_PLACE_BYTES 80
#define RX_UNIT_BYTES 16	/* ASCII "350102001001" or "350100000000S", zeros after */
#define RX_ENV_MAX (64u << 20)	/* no envelope holds more plaintext */

enum rx_env_type {
	RX_ENV_FIELD = 1, RX_ENV_KEY = 2, RX_ENV_KEYBLOB = 3, RX_ENV_AUDIT = 4,
	RX_ENV_RELEASE = 5, RX_ENV_RECOVERY = 6, RX_ENV_BUNDLE = 7
};

enum rx_compartment {
	RX_COMP_NONE = 0, RX_COMP_IDENTITY = 1, RX_COMP_NARRATIVE = 2,
	RX_COMP_CODED = 3, RX_COMP_AUDIT = 4, RX_COMP_LEDGER = 5,
	RX_COMP_ROOT = 6	/* in grants alone: the root seed, no key of this */
};

/* Where a sealed thing stands. Unused parts are zero. */
struct rx_place {
	uint8_t store[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];
	uint8_t object[RX_ID_BYTES];	/* the row */
	uint8_t subject[RX_ID_BYTES];	/* the case it is about */
	uint32_t table;			/* enum rx_table */
	uint32_t column;
	uint32_t schema;
	uint32_t version;		/* of the row */
};

/* Bytes of an envelope around ${n} bytes. */
size_t rx_envelope_size(size_t n);

/**
 * rx_envelope_seal(box, key, type, comp, epoch, place, p, n, st):
 * Seal the ${n} bytes ${p} into the rx_envelope_size(n) bytes at ${box}.
 * ${p} may be box + 88, where the ciphertext goes.
 */
rx_err rx_envelope_seal(uint8_t *box, const struct rx_key *key,
    enum rx_env_type type, enum rx_compartment comp, uint32_t epoch,
    const struct rx_place *place, const void *p, size_t n,
    struct rx_status *st) RX_MUST_USE;

/**
 * rx_envelope_open(p, n, box, boxlen, key, type, comp, epoch, place, st):
 * Open ${box} into the ${n} bytes at ${p}; ${n} must be exactly boxlen - 104.
 * On failure ${p} is all zeros.
 */
rx_err rx_envelope_open(void *p, size_t n, const uint8_t *box, size_t boxlen,
    const struct rx_key *key, enum rx_env_type type, enum rx_compartment comp,
    uint32_t epoch, const struct rx_place *place,
    struct rx_status *st) RX_MUST_USE;

/* The epoch in the header of ${box}, not authenticated until it is opened;
 * 0 when the box is too short to have one. */
uint32_t rx_envelope_epoch(const uint8_t *box, size_t boxlen);

/* Sizes to which plaintext is padded (the 4 bytes of length included). */
enum rx_pad {
	RX_PAD_SHORT,	/* 64: sex, phone, id number; a longer one as TEXT */
	RX_PAD_TEXT,	/* 192; 1040 up to 256 characters; then 2048 doubling */
	RX_PAD_CODED,	/* 448, then 1024 doubling */
	RX_PAD_NOTE	/* 512 doubling */
};
/* The padded size for ${n} bytes; 0 when they do not fit RX_ENV_MAX. */
size_t rx_pad_size(enum rx_pad pad, size_t n);

/* Seal ${n} bytes padded as ${pad} as a field; appended to ${box}. */
rx_err rx_field_seal(struct rx_buf *box, const struct rx_key *key,
    enum rx_compartment comp, uint32_t epoch, const struct rx_place *place,
    enum rx_pad pad, const void *p, size_t n, struct rx_status *st)
    RX_MUST_USE;

/* Open such a field; its bytes are appended to ${out}, unpadded. */
rx_err rx_field_open(struct rx_buf *out, const uint8_t *box, size_t boxlen,
    const struct rx_key *key, enum rx_compartment comp,
    const struct rx_place *place, struct rx_status *st) RX_MUST_USE;

/* The key id of ${key}, which every header under it has: for whoever opens many
 * fields under one key, and gives it each time. */
void rx_key_id(uint8_t id[RX_ID_BYTES], const struct rx_key *key);
rx_err rx_field_open_id(struct rx_buf *out, const uint8_t *box, size_t boxlen,
    const struct rx_key *key, const uint8_t id[RX_ID_BYTES],
    enum rx_compartment comp, const struct rx_place *place,
    struct rx_status *st) RX_MUST_USE;

#endif
