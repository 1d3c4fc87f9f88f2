#ifndef RX_CRYPTO_CHAIN_H
#define RX_CRYPTO_CHAIN_H

/*
 * The audit chain and the manifest of live rows.
 *
 * Entry hash = BLAKE2b-256("runxin audit entry v1\0" || store 16 || seq 8 ||
 *   previous hash 32 || time ms 8 || BLAKE2b-256("runxin audit payload v1\0" ||
 *   sealed payload)).
 * The first entry has seq 1 and an all-zero previous hash.  The actor and his
 * signature over "runxin audit v1\0" || entry hash are sealed beside it
 * (register/audit), so that a stolen disk does not show who acted.
 *
 * The manifest is a homomorphic set hash of all live rows (LtHash16: Bellare
 * and Micciancio 1997; Lewi, Kim, Maykov, Weis 2019): 1024 lanes of 16 bits,
 * added modulo 2^16.  A row's lanes are the ChaCha20 keystream (nonce zero)
 * under BLAKE2b-256("runxin manifest row v1\0" || row), where row is
 *   table 4 || for each column: kind 1 (0 null, 1 integer, 2 bytes, 3 text)
 *   || length 4 || bytes (an integer is 8 bytes, little-endian).
 * Adding and removing a row costs the same whatever the size of the register.
 */

#include "crypto/memory.h"

#define RX_MANIFEST_BYTES 2048

struct rx_manifest {
	uint16_t lane[RX_MANIFEST_BYTES / 2];
};
/* Add (or remove) the encoded row ${p} of ${n} bytes. */
void rx_manifest_add(struct rx_manifest *m, const void *p, size_t n);
void rx_manifest_remove(struct rx_manifest *m, const void *p, size_t n);
/* Add all that ${more}, zeros to begin with, has had added. */
void rx_manifest_join(struct rx_manifest *m, const struct rx_manifest *more);
/* BLAKE2b-256("runxin manifest v1\0" || lanes, little-endian). */
void rx_manifest_digest(uint8_t out[RX_HASH_BYTES],
    const struct rx_manifest *m);
/* The lanes as RX_MANIFEST_BYTES little-endian bytes, and back. */
void rx_manifest_store(uint8_t out[RX_MANIFEST_BYTES],
    const struct rx_manifest *m);
void rx_manifest_load(struct rx_manifest *m,
    const uint8_t in[RX_MANIFEST_BYTES]);

void rx_audit_entry_hash(uint8_t out[RX_HASH_BYTES],
    const uint8_t store[RX_ID_BYTES], uint64_t seq,
    const uint8_t previous[RX_HASH_BYTES], int64_t time_ms,
    const void *payload, size_t n);

#endif
