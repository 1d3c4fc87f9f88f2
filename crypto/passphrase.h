#ifndef RX_CRYPTO_PASSPHRASE_H
#define RX_CRYPTO_PASSPHRASE_H

/*
 * From a passphrase to the user's seed: Argon2id (RFC 9106, libargon2) and the
 * keyblob.
 *
 * Keyblob v1, RX_KEYBLOB_BYTES in all:
 *        0    4  "RXKB"
 *        4    1  version, 1
 *        5    1  KDF, 1 (Argon2id v1.3, one lane)
 *        6    2  0
 *        8    4  memory in KiB
 *       12    4  passes
 *       16   16  salt
 *       32   16  user id
 *       48  104+256  envelope (type KEYBLOB, key below) of the content
 *      408   64  Ed25519 signature of the owner over "runxin keyblob v1\0" ||
 *                store id || bytes 0..407
 * H = Argon2id(passphrase, salt, memory, passes, 1 lane, 32 bytes)
 * key = BLAKE2b-256(key = H, "runxin keyblob kek v1\0" || bytes 0..47), so the
 * parameters are authenticated by what they produce.
 * Place: store, object = user id, rest zero.
 * Content (256 bytes, the rest zero):
 *        0   32  seed            (the user's: box and sign keys come from it)
 *       32   32  next seed       (asked for, not certified yet; zero when none)
 *       64   32  register root public key, pinned
 *       96   32  root secret seed (administrator; zero otherwise)
 *      128   32  recovery X25519 public key, pinned
 *
 * Parameters below the floor or above the ceiling are RX_ECORRUPT before any
 * memory is allocated for them.
 */

#include "crypto/envelope.h"

#define RX_KDF_MEMORY_FLOOR 65536u	/* KiB: 64 MiB */
#define RX_KDF_MEMORY_CEILING 1048576u	/* KiB: 1 GiB */
#define RX_KDF_PASSES_FLOOR 3u
#define RX_KDF_PASSES_CEILING 32u
#define RX_KEYBLOB_BYTES 472
#define RX_PASSPHRASE_MAX 1024

struct rx_kdf {
	uint32_t memory;	/* KiB */
	uint32_t passes;
};
/* What new keyblobs use; what is read may cost less, down to the floor. */
extern const struct rx_kdf rx_kdf_default;

struct rx_keyblob {		/* opened; kept in an rx_secret by the owner */
	uint8_t seed[32];
	uint8_t next[32];
	uint8_t root_public[32];
	uint8_t root_seed[32];
	uint8_t recovery_public[32];
};

/* H above, for tests and for the keyblob. */
rx_err rx_kdf(struct rx_key *out, const struct rx_secret *passphrase,
    const uint8_t salt[16], const struct rx_kdf *kdf, struct rx_status *st)
    RX_MUST_USE;

/* What opening the keyblob ${box} costs, as its header says; and whether that is
 * less than ${today} in memory or in passes. */
struct rx_kdf rx_keyblob_cost(const uint8_t box[RX_KEYBLOB_BYTES]);
bool rx_kdf_below(const struct rx_kdf *kdf, const struct rx_kdf *today);

/* Seal ${blob} of user ${user} under ${passphrase}; signed with the seed in it. */
rx_err rx_keyblob_seal(uint8_t out[RX_KEYBLOB_BYTES],
    const struct rx_keyblob *blob, const struct rx_secret *passphrase,
    const uint8_t store[RX_ID_BYTES], const uint8_t user[RX_ID_BYTES],
    const struct rx_kdf *kdf, struct rx_status *st) RX_MUST_USE;

/**
 * rx_keyblob_open(blob, box, boxlen, sign_public, passphrase, store, user, st):
 * RX_ECORRUPT when the form, the parameters or the owner's signature (checked
 * with ${sign_public}, NULL to skip, before the passphrase is stretched) are
 * not right; RX_EPERM (message WRONG_PASSPHRASE) when it does not open.  What
 * opens must be signed with the seed in it: RX_ECORRUPT otherwise.  ${blob} is
 * all zeros on failure.
 */
rx_err rx_keyblob_open(struct rx_keyblob *blob, const uint8_t *box,
    size_t boxlen, const uint8_t *sign_public,
    const struct rx_secret *passphrase, const uint8_t store[RX_ID_BYTES],
    const uint8_t user[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;

#endif
