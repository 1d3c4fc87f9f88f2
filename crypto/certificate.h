#ifndef RX_CRYPTO_CERTIFICATE_H
#define RX_CRYPTO_CERTIFICATE_H

/*
 * Who belongs where.  The register root (Ed25519) signs certificates and
 * revocations; users sign with keys derived from their seed.
 *
 * From a seed: crypto_kdf (BLAKE2b) context "runxinid", subkey 1 seeds the
 * X25519 box pair, subkey 2 the Ed25519 signing pair.
 *
 * Certificate v1, RX_CERT_BYTES, little-endian:
 *        0    4  "RXCT"
 *        4    1  version, 1
 *        5    1  role
 *        6    2  0
 *        8   16  certificate id
 *       24   16  store id
 *       40   16  user id
 *       56   64  user name, UTF-8, zeros after
 *      120   16  unit
 *      136   32  X25519 public key
 *      168   32  Ed25519 public key
 *      200    8  not before, ms since the epoch
 *      208    8  not after
 *      216   64  signature of the root over "runxin certificate v1\0" || 0..215
 *
 * Revocation, RX_REVOCATION_BYTES:
 *        0    4  "RXRV"
 *        4    1  version: 1 does not say why, 2 does
 *        5    1  reason, enum rx_revoked; 0 in version 1
 *        6    2  0
 *        8   16  certificate id
 *       24   16  store id
 *       40    8  revoked at, ms
 *       48   64  signature of the root over "runxin revocation v1\0" || 0..47
 */

#include "crypto/envelope.h"

#define RX_CERT_BYTES 280
#define RX_REVOCATION_BYTES 112
#define RX_USER_NAME_BYTES 64
#define RX_BOX_PUBLIC_BYTES 32
#define RX_SIGN_PUBLIC_BYTES 32
#define RX_SIGNATURE_BYTES 64

enum rx_role {
	RX_ROLE_ADMIN = 1, RX_ROLE_DIRECTOR = 2, RX_ROLE_SUPERVISOR = 3,
	RX_ROLE_STATISTICIAN = 4, RX_ROLE_RECOVERY = 5
};

/* Why a certificate was revoked: its owner has another for the same (he changed
 * his passphrase), or what it stood for is over (he left, his keys were lost).
 * Old revocations do not say. */
enum rx_revoked {
	RX_REVOKED_UNSAID = 0, RX_REVOKED_REPLACED = 1, RX_REVOKED_ENDED = 2
};

struct rx_cert {
	uint8_t role;
	uint8_t id[RX_ID_BYTES];
	uint8_t store[RX_ID_BYTES];
	uint8_t user[RX_ID_BYTES];
	char name[RX_USER_NAME_BYTES];	/* NUL-terminated */
	char unit[RX_UNIT_BYTES];
	uint8_t box_public[RX_BOX_PUBLIC_BYTES];
	uint8_t sign_public[RX_SIGN_PUBLIC_BYTES];
	int64_t not_before, not_after;
};

/* A user's secret keys; lives in guarded memory (a struct rx_secret). */
struct rx_identity {
	uint8_t box_secret[32], box_public[RX_BOX_PUBLIC_BYTES];
	uint8_t sign_secret[64], sign_public[RX_SIGN_PUBLIC_BYTES];
};
void rx_identity_derive(struct rx_identity *id, const uint8_t seed[32]);

/* The root's pair from its seed; ${root_public} 32 bytes, ${secret} 64. */
void rx_root_derive(uint8_t root_public[32], uint8_t secret[64],
    const uint8_t seed[32]);

/* An Ed25519 signature over the NUL-terminated ${label} with its NUL, and p.
 * More than 1 KiB is joined on the heap; without memory the program ends. */
void rx_sign(uint8_t sig[RX_SIGNATURE_BYTES], const uint8_t secret[64],
    const char *label, const void *p, size_t n);
bool rx_sign_verify(const uint8_t sig[RX_SIGNATURE_BYTES],
    const uint8_t sign_public[32], const char *label, const void *p, size_t n);

void rx_cert_make(uint8_t out[RX_CERT_BYTES], const struct rx_cert *cert,
    const uint8_t root_secret[64]);
/* Parse and verify against ${root_public} and ${store}; RX_ECORRUPT
 * (CERT_CORRUPT) otherwise.  Validity in time is the caller's to ask:
 * rx_cert_valid_at. */
rx_err rx_cert_open(struct rx_cert *cert, const uint8_t *p, size_t n,
    const uint8_t root_public[32], const uint8_t store[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;
bool rx_cert_valid_at(const struct rx_cert *cert, int64_t ms);

void rx_revocation_make(uint8_t out[RX_REVOCATION_BYTES],
    const uint8_t cert_id[RX_ID_BYTES], const uint8_t store[RX_ID_BYTES],
    int64_t at, enum rx_revoked why, const uint8_t root_secret[64]);
rx_err rx_revocation_open(uint8_t cert_id[RX_ID_BYTES], int64_t *at,
    enum rx_revoked *why, const uint8_t *p, size_t n,
    const uint8_t root_public[32], const uint8_t store[RX_ID_BYTES],
    struct rx_status *st) RX_MUST_USE;

/**
 * rx_pair_mac(mac, mine, his, label, p, n):
 * A proof for one person: BLAKE2b-256 under the key that the box pair of
 * ${mine} and the X25519 public key ${his} have in common (crypto_box_beforenm),
 * over the NUL-terminated ${label} with its NUL, and the ${n} bytes ${p}.  Both
 * sides make the same one, and nobody else can.  RX_ECORRUPT (CERT_CORRUPT)
 * when ${his} is no public key; ${mac} is all zeros then.
 */
rx_err rx_pair_mac(uint8_t mac[RX_HASH_BYTES], const struct rx_identity *mine,
    const uint8_t his[RX_BOX_PUBLIC_BYTES], const char *label, const void *p,
    size_t n, struct rx_status *st) RX_MUST_USE;

#endif
