#ifndef RX_CRYPTO_GRANT_H
#define RX_CRYPTO_GRANT_H

/*
 * A grant hands keys to one person: crypto_box_seal (X25519,
 * XSalsa20-Poly1305) to his certified public key, around the keys and the
 * grantor's signature, so that the box shows neither who made it nor what it
 * holds.
 *
 * Inside the box, 32 * RX_GRANT_KEYS + 16 + 1 + 64 bytes:
 *   keys: RX_GRANT_KEYS of 32, unused ones zero || grantor's user id 16 ||
 *   kind 1 || signature 64
 * The signature is over "runxin grant v1\0" || context || recipient's X25519
 * public key || BLAKE2b-256("runxin grant keys v1\0" || keys) || grantor || kind.
 * context, 56 bytes of fixed width: store 16 || unit 16 || subject 16 (the
 * case; zero for unit keys) || epoch 4 || compartments 4 (a bit set:
 * 1 << enum rx_compartment).
 *
 * A closed grant (kind RX_GRANT_CLOSED) has the same form around zero keys: it
 * is what stands in a supervisor's slot while a case is not flagged.
 *
 * An open slot is of the kind RX_GRANT_SLOT: in the place of the keys it holds
 * what is derived from them, one way:
 *   slot key = BLAKE2b-256, keyed with the case key, of "runxin slot key v1\0"
 * The case's keys lie sealed under these elsewhere (DESIGN.md, 4.5).
 */

#include "crypto/certificate.h"

#define RX_GRANT_KEYS 3		/* identity, narrative, coded, in this order */
#define RX_GRANT_BYTES (48 + 32 * RX_GRANT_KEYS + 16 + 1 + 64)

enum rx_grant_kind {
	RX_GRANT_OPEN = 1, RX_GRANT_CLOSED = 2, RX_GRANT_SLOT = 3
};

struct rx_grant_context {
	uint8_t store[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];
	uint8_t subject[RX_ID_BYTES];
	uint32_t epoch;
	uint32_t compartments;	/* bit set */
};

/* Derive what a slot holds of the case key ${key}; ${slot} is in locked memory,
 * and the caller's to wipe. */
void rx_slot_key(struct rx_key *slot, const struct rx_key *key);

/**
 * rx_grant_make(out, ctx, keys, kind, grantor, identity, recipient, st):
 * Seal ${keys} (NULL pointers are stored as zero; all must be NULL for
 * RX_GRANT_CLOSED) to the X25519 key ${recipient}, signed by ${identity},
 * the keys of user ${grantor}.
 */
rx_err rx_grant_make(uint8_t out[RX_GRANT_BYTES],
    const struct rx_grant_context *ctx,
    const struct rx_key *const keys[RX_GRANT_KEYS], enum rx_grant_kind kind,
    const uint8_t grantor[RX_ID_BYTES], const struct rx_identity *identity,
    const uint8_t recipient[RX_BOX_PUBLIC_BYTES], struct rx_status *st)
    RX_MUST_USE;

/*
 * Opening takes two steps, because the grantor is named inside the box:
 * rx_grant_open decrypts (RX_ECORRUPT, GRANT_CORRUPT), the caller finds the
 * grantor's certificate and asks whether he may grant this, and
 * rx_grant_verify checks his signature.  The keys must not be used before.
 * ${g} is to live in guarded memory and to be wiped by the caller.
 */
struct rx_grant {
	struct rx_key keys[RX_GRANT_KEYS];
	uint8_t grantor[RX_ID_BYTES];
	uint8_t kind;
	uint8_t signature[RX_SIGNATURE_BYTES];
};
rx_err rx_grant_open(struct rx_grant *g, const uint8_t *box, size_t boxlen,
    const struct rx_identity *recipient, struct rx_status *st) RX_MUST_USE;
rx_err rx_grant_verify(const struct rx_grant *g,
    const struct rx_grant_context *ctx, const struct rx_identity *recipient,
    const uint8_t grantor_sign_public[RX_SIGN_PUBLIC_BYTES],
    struct rx_status *st) RX_MUST_USE;

/*
 * What shows to others that a grant was made, without the keys: all that the
 * grantor signed, with the hash of the keys in their place.
 */
struct rx_grant_proof {
	uint8_t grantor[RX_ID_BYTES];
	uint8_t recipient[RX_BOX_PUBLIC_BYTES];
	uint8_t keys[32];		/* rx_grant_keys_hash */
	uint8_t signature[RX_SIGNATURE_BYTES];
	uint8_t kind;
};
void rx_grant_prove(struct rx_grant_proof *p, const struct rx_grant *g,
    const uint8_t recipient[RX_BOX_PUBLIC_BYTES]);
bool rx_grant_proof_verify(const struct rx_grant_proof *p,
    const struct rx_grant_context *ctx,
    const uint8_t grantor_sign_public[RX_SIGN_PUBLIC_BYTES]);
void rx_grant_keys_hash(uint8_t hash[32],
    const struct rx_key keys[RX_GRANT_KEYS]);

#endif
