#include <sys/prctl.h>
#include <sys/resource.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/buffer.h"
#include "crypto/memory.h"

/* Keys in the first chunk of a pool, and the most that a later one has. */
#define CHUNK_FIRST 64
#define CHUNK_MOST 2048

/* What rx_secret_spare takes at most, all together, whatever may be locked. */
#define SPARE_MOST ((size_t)64 << 20)
#define SPARE_ROOM ((size_t)64 << 10)	/* stays free beside them */
#define PAGE 4096

static atomic_size_t spare_taken;

struct chunk {
	struct chunk *next;
	struct rx_key *keys;	/* sodium_malloc, locked */
	size_t used, cap;
};

struct rx_keypool {
	struct chunk *head;	/* the one that is being filled */
};

rx_err
rx_crypto_init(struct rx_status *st)
{

	if (sodium_init() < 0) {
		(void)rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);
		rx_status_arg(st, "what", "sodium_init");
		return (RX_EINTERNAL);
	}
	return (RX_OK);
}

rx_err
rx_process_harden(struct rx_status *st)
{
	const struct rlimit none = { 0, 0 };
	const char *what;

	what = "RLIMIT_CORE";
	if (setrlimit(RLIMIT_CORE, &none) != 0)
		goto err0;
	what = "PR_SET_DUMPABLE";
	if (prctl(PR_SET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
		goto err0;
	what = "PR_SET_NO_NEW_PRIVS";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		goto err0;

	/* Success! */
	return (RX_OK);

err0:
	/* Failure! */
	(void)rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);
	rx_status_arg(st, "what", "%s: errno %d", what, errno);
	return (RX_EINTERNAL);
}

/**
 * guarded_alloc(out, n, st):
 * Put ${n} zeroed bytes between guard pages in ${*out}, locked in memory, to
 * be released with sodium_free, which wipes them.  sodium_malloc does not tell
 * whether its mlock worked, so ask again: locking twice is harmless.
 */
static rx_err
guarded_alloc(void **out, size_t n, struct rx_status *st)
{
	void *p;

	*out = NULL;
	if ((p = sodium_malloc(n)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (sodium_mlock(p, n) != 0) {
		sodium_free(p);
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_MEMLOCK));
	}
	memset(p, 0, n);
	*out = p;
	return (RX_OK);
}

/* Put a new chunk of ${cap} keys in front of the others of ${pool}. */
static rx_err
pool_grow(struct rx_keypool *pool, size_t cap, struct rx_status *st)
{
	struct chunk *c;
	void *p;
	rx_err rc;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto err0;
	}
	if ((rc = guarded_alloc(&p, cap * sizeof(struct rx_key), st)) != RX_OK)
		goto err1;

	/* Success! */
	c->keys = p;
	c->cap = cap;
	c->next = pool->head;
	pool->head = c;
	return (RX_OK);

err1:
	free(c);
err0:
	/* Failure! */
	return (rc);
}

rx_err
rx_keypool_new(struct rx_keypool **out, struct rx_status *st)
{
	struct rx_keypool *pool;
	rx_err rc;

	*out = NULL;
	if ((pool = calloc(1, sizeof(*pool))) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto err0;
	}
	if ((rc = pool_grow(pool, CHUNK_FIRST, st)) != RX_OK)
		goto err1;

	/* Success! */
	*out = pool;
	return (RX_OK);

err1:
	free(pool);
err0:
	/* Failure! */
	return (rc);
}

void
rx_keypool_free(struct rx_keypool *pool)
{
	struct chunk *c, *next;

	if (pool == NULL)
		return;
	for (c = pool->head; c != NULL; c = next) {
		next = c->next;
		sodium_free(c->keys);	/* wipes */
		free(c);
	}
	free(pool);
}

rx_err
rx_key_new(struct rx_key **out, struct rx_keypool *pool, struct rx_status *st)
{
	size_t cap;
	rx_err rc;

	*out = NULL;
	if (pool->head->used == pool->head->cap) {
		cap = pool->head->cap * 2;
		if (cap > CHUNK_MOST)
			cap = CHUNK_MOST;
		if ((rc = pool_grow(pool, cap, st)) != RX_OK)
			return (rc);
	}
	*out = &pool->head->keys[pool->head->used++];
	return (RX_OK);
}

rx_err
rx_key_random(struct rx_key **out, struct rx_keypool *pool,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_key_new(out, pool, st)) != RX_OK)
		return (rc);
	rx_random((*out)->b, RX_KEY_BYTES);
	return (RX_OK);
}

rx_err
rx_secret_new(struct rx_secret **out, size_t cap, struct rx_status *st)
{
	struct rx_secret *s;
	void *p;
	rx_err rc;

	*out = NULL;
	if (cap > SIZE_MAX / 2 || (s = calloc(1, sizeof(*s))) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto err0;
	}

	/* The block ends at a guard page: only a multiple of 16 is aligned. */
	if ((rc = guarded_alloc(&p, (cap + 16) & ~(size_t)15, st)) != RX_OK)
		goto err1;

	/* Success! */
	s->b = p;
	s->cap = cap;
	*out = s;
	return (RX_OK);

err1:
	free(s);
err0:
	/* Failure! */
	return (rc);
}

/* Half of what the process may lock. */
static size_t
spare_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_MEMLOCK, &r) != 0)
		return (0);
	return (r.rlim_cur / 2 < SPARE_MOST ? (size_t)r.rlim_cur / 2 :
	    SPARE_MOST);
}

struct rx_secret *
rx_secret_spare(size_t cap)
{
	const size_t take = (cap / PAGE + 2) * PAGE;
	struct rx_status ignored;
	struct rx_secret *s;
	void *room;

	rx_status_clear(&ignored);
	if (cap > SPARE_MOST || atomic_fetch_add(&spare_taken, take) + take >
	    spare_limit() || rx_secret_new(&s, cap, &ignored) != RX_OK) {
		if (cap <= SPARE_MOST)
			(void)atomic_fetch_sub(&spare_taken, take);
		return (NULL);
	}
	s->spare = take;
	/* Whoever signs in next comes first. */
	if (guarded_alloc(&room, SPARE_ROOM, &ignored) != RX_OK) {
		rx_secret_free(s);
		return (NULL);
	}
	sodium_free(room);
	return (s);
}

void
rx_secret_free(struct rx_secret *s)
{

	if (s == NULL)
		return;
	(void)atomic_fetch_sub(&spare_taken, s->spare);
	sodium_free(s->b);	/* wipes */
	free(s);
}

void
rx_random(void *p, size_t n)
{

	randombytes_buf(p, n);
}

void
rx_wipe(void *p, size_t n)
{

	if (n > 0)
		sodium_memzero(p, n);
}

bool
rx_equal(const void *a, const void *b, size_t n)
{

	return (sodium_memcmp(a, b, n) == 0);
}

void
rx_uuid7(uint8_t id[RX_ID_BYTES], int64_t ms)
{
	uint64_t t = (uint64_t)ms;
	int i;

	rx_random(id, RX_ID_BYTES);
	for (i = 0; i < 6; i++)
		id[i] = (uint8_t)(t >> (40 - 8 * i));
	id[6] = (uint8_t)(0x70 | (id[6] & 0x0f));
	id[8] = (uint8_t)(0x80 | (id[8] & 0x3f));
}

/* Whether a dash stands before byte ${i} of a UUID's text. */
static bool
uuid_dash(size_t i)
{

	return (i == 4 || i == 6 || i == 8 || i == 10);
}

void
rx_uuid_text(const uint8_t id[RX_ID_BYTES], char out[RX_UUID_TEXT])
{
	static const char hex[] = "0123456789abcdef";
	size_t i;

	for (i = 0; i < RX_ID_BYTES; i++) {
		if (uuid_dash(i))
			*out++ = '-';
		*out++ = hex[id[i] >> 4];
		*out++ = hex[id[i] & 0x0f];
	}
	*out = '\0';
}

static int
hex_value(char c)
{

	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

bool
rx_uuid_parse(const char *s, uint8_t id[RX_ID_BYTES])
{
	size_t i;
	int hi, lo;

	memset(id, 0, RX_ID_BYTES);
	if (strlen(s) != RX_UUID_TEXT - 1)
		return (false);
	for (i = 0; i < RX_ID_BYTES; i++) {
		if (uuid_dash(i) && *s++ != '-')
			goto bad;
		hi = hex_value(*s++);
		lo = hex_value(*s++);
		if (hi < 0 || lo < 0)
			goto bad;
		id[i] = (uint8_t)(hi << 4 | lo);
	}
	return (true);

bad:
	memset(id, 0, RX_ID_BYTES);
	return (false);
}

void
rx_hash(uint8_t *out, size_t outlen, const uint8_t *key, const char *label,
    const void *p, size_t n)
{
	crypto_generichash_blake2b_state h;

	/* It fails for a wrong ${outlen} only, which is a bug: end at once. */
	if (outlen < crypto_generichash_blake2b_BYTES_MIN ||
	    crypto_generichash_blake2b_init(&h, key,
	    key != NULL ? RX_KEY_BYTES : 0, outlen) != 0)
		abort();
	(void)crypto_generichash_blake2b_update(&h, (const uint8_t *)label,
	    strlen(label) + 1);
	if (n > 0)
		(void)crypto_generichash_blake2b_update(&h, p, n);
	(void)crypto_generichash_blake2b_final(&h, out, outlen);
	rx_wipe(&h, sizeof(h));
}

_Static_assert(crypto_shorthash_KEYBYTES == RX_HASH64_KEY_BYTES &&
    crypto_shorthash_BYTES == 8, "SipHash-2-4");

uint64_t
rx_hash64(const uint8_t key[RX_HASH64_KEY_BYTES], const void *p, size_t n)
{
	uint8_t h[crypto_shorthash_BYTES];

	(void)crypto_shorthash(h, p, n, key);
	return (rx_get64(h));
}

void
rx_hex(char *out, const void *p, size_t n)
{

	(void)sodium_bin2hex(out, 2 * n + 1, p, n);
}
