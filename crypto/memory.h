#ifndef RX_CRYPTO_MEMORY_H
#define RX_CRYPTO_MEMORY_H

/*
 * Guarded memory for keys, and the few primitives that the rest of the
 * program needs without knowing the library.
 */

#include <stdbool.h>

#include "base/error.h"

#define RX_KEY_BYTES 32
#define RX_ID_BYTES 16
#define RX_HASH_BYTES 32

/* Prepare the library; call once, first. */
rx_err rx_crypto_init(struct rx_status *st) RX_MUST_USE;

/* No core dumps, not dumpable, no new privileges.  Call once, at start. */
rx_err rx_process_harden(struct rx_status *st) RX_MUST_USE;

/*
 * A pool of keys in locked memory between guard pages (sodium_malloc; its
 * mlock is checked: RX_EINTERNAL, MEMLOCK).  A key lives as long as its pool;
 * all of them are wiped when the pool is freed.
 */
struct rx_keypool;

struct rx_key {
	uint8_t b[RX_KEY_BYTES];
};

rx_err rx_keypool_new(struct rx_keypool **out, struct rx_status *st)
    RX_MUST_USE;
void rx_keypool_free(struct rx_keypool *pool);	/* wipes; NULL is allowed */

/* A new zeroed key in ${pool}.  rx_key_random fills it at random. */
rx_err rx_key_new(struct rx_key **out, struct rx_keypool *pool,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_key_random(struct rx_key **out, struct rx_keypool *pool,
    struct rx_status *st) RX_MUST_USE;

/*
 * A block of secret bytes in guarded memory (a passphrase, a keyblob opened).
 */
struct rx_secret {
	uint8_t *b;
	size_t len;	/* bytes used */
	size_t cap;	/* bytes there */
	size_t spare;	/* of what rx_secret_spare may take */
};
rx_err rx_secret_new(struct rx_secret **out, size_t cap, struct rx_status *st)
    RX_MUST_USE;
/* The same for what is kept only to be faster: NULL when it is not to be had, or
 * when such blocks would take more than half of what the process may lock, which
 * is for keys first, or leave no room for the next ones. */
struct rx_secret *rx_secret_spare(size_t cap);
void rx_secret_free(struct rx_secret *s);	/* wipes; NULL is allowed */

void rx_random(void *p, size_t n);
void rx_wipe(void *p, size_t n);
bool rx_equal(const void *a, const void *b, size_t n);	/* constant time */

/* UUIDv7 (RFC 9562) of time ${ms}: 16 bytes; its text form, 36 characters. */
#define RX_UUID_TEXT 37
void rx_uuid7(uint8_t id[RX_ID_BYTES], int64_t ms);
void rx_uuid_text(const uint8_t id[RX_ID_BYTES], char out[RX_UUID_TEXT]);
bool rx_uuid_parse(const char *s, uint8_t id[RX_ID_BYTES]);

/* BLAKE2b (RFC 7693), ${outlen} 16..64 bytes, ${key} NULL or 32 bytes, over
 * the NUL-free ASCII ${label} followed by its NUL, then the ${n} bytes ${p}. */
void rx_hash(uint8_t *out, size_t outlen, const uint8_t *key,
    const char *label, const void *p, size_t n);

/* SipHash-2-4 (Aumasson, Bernstein 2012) of the ${n} bytes ${p}: for tables, whose
 * places nobody without ${key} is to foresee; not against finding two alike. */
#define RX_HASH64_KEY_BYTES 16
uint64_t rx_hash64(const uint8_t key[RX_HASH64_KEY_BYTES], const void *p,
    size_t n);

/* "0123abcd...": 2 * n characters and NUL. */
void rx_hex(char *out, const void *p, size_t n);

#endif
