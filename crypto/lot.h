#ifndef RX_CRYPTO_LOT_H
#define RX_CRYPTO_LOT_H

/*
 * One signature for up to RX_LOT messages of one signer: that of the root of a
 * hash tree over them (Merkle 1987).  To sign is the dearest step of sealing a
 * record, and an import has a million of them.  Each message is verified by itself,
 * by its path: the hashes that stand beside its way up to the root.
 *
 *   leaf = BLAKE2b-256 under a key of the message's, "runxin lot leaf v1\0" || message
 *   node = BLAKE2b-256("runxin lot node v1\0" || left 32 || right 32)
 *   signature over "runxin lot v1\0" || root 32
 *   path: place of the leaf 1 (0..15) || the four hashes, the lowest first
 * The tree always has sixteen leaves; those without a message are 32 zero bytes.
 * Every path has the same length, so no node passes for a leaf; the labels tell them
 * apart as well (RFC 6962, 2.1, does it with a byte).
 *
 * A leaf stays in the paths of others when its own message is destroyed.  If its key
 * is destroyed too, nobody finds out by trying what the message said: the leaf hides
 * it as a commitment does.
 */

#include "crypto/certificate.h"

#define RX_LOT 16
#define RX_LOT_DEPTH 4
#define RX_LOT_PATH_BYTES (1 + RX_LOT_DEPTH * RX_HASH_BYTES)

/* The leaf of the message ${p}, ${n} bytes, under ${key}. */
void rx_lot_leaf(uint8_t leaf[RX_HASH_BYTES], const struct rx_key *key,
    const void *p, size_t n);

/* Sign the ${n} leaves, 1..RX_LOT, with the Ed25519 key ${secret}: the signature, and
 * the path of each. */
void rx_lot_sign(uint8_t sig[RX_SIGNATURE_BYTES],
    uint8_t (*path)[RX_LOT_PATH_BYTES],
    const uint8_t (*leaf)[RX_HASH_BYTES], size_t n, const uint8_t secret[64]);

/* The root to which ${path} leads from ${leaf}, which the signature must be over
 * (rx_sign_verify with RX_LOT_LABEL); false when it is not a path. */
#define RX_LOT_LABEL "runxin lot v1"
bool rx_lot_root(uint8_t root[RX_HASH_BYTES],
    const uint8_t leaf[RX_HASH_BYTES], const uint8_t path[RX_LOT_PATH_BYTES])
    RX_MUST_USE;

#endif
