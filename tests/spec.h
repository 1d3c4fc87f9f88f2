#ifndef RX_TESTS_SPEC_H
#define RX_TESTS_SPEC_H

/*
 * The formats once more, written from the comments of the headers with the
 * primitives of libsodium and nothing of the code in crypto/: the frozen
 * vectors are recomputed with it, and attackers who know a key forge with it.
 */

#include <string.h>

#include <sodium.h>

#include "helper.h"
#include "crypto/envelope.h"

struct spec_bytes {
	uint8_t b[4096];
	size_t n;
};

static inline void
spec_add(struct spec_bytes *s, const void *p, size_t n)
{

	assert_true(n <= sizeof(s->b) - s->n);
	if (n > 0)
		memcpy(s->b + s->n, p, n);
	s->n += n;
}

/* Text with the NUL that ends it. */
static inline void
spec_label(struct spec_bytes *s, const char *label)
{

	spec_add(s, label, strlen(label) + 1);
}

static inline void
spec_int(struct spec_bytes *s, uint64_t v, int bytes)
{
	uint8_t c;

	for (; bytes > 0; bytes--, v >>= 8) {
		c = (uint8_t)(v & 0xff);
		spec_add(s, &c, 1);
	}
}

static inline void
spec_hash(uint8_t *out, size_t outlen, const uint8_t *key,
    const struct spec_bytes *s)
{

	assert_true(crypto_generichash(out, outlen, s->b, s->n, key,
	    key != NULL ? 32 : 0) == 0);
}

static inline void
spec_place(struct spec_bytes *s, const struct rx_place *w)
{

	spec_add(s, w->store, 16);
	spec_add(s, w->unit, 16);
	spec_add(s, w->object, 16);
	spec_add(s, w->subject, 16);
	spec_int(s, w->table, 4);
	spec_int(s, w->column, 4);
	spec_int(s, w->schema, 4);
	spec_int(s, w->version, 4);
}

static inline void
spec_header(struct spec_bytes *s, const uint8_t key[32], unsigned version,
    unsigned suite, unsigned type, unsigned comp, unsigned flags,
    uint32_t epoch, size_t n)
{
	struct spec_bytes id = { .n = 0 };
	uint8_t key_id[16];

	spec_label(&id, "runxin key id v1");
	spec_hash(key_id, 16, key, &id);
	spec_add(s, "RX", 2);
	spec_int(s, version, 1);
	spec_int(s, suite, 1);
	spec_int(s, type, 1);
	spec_int(s, comp, 1);
	spec_int(s, flags, 2);
	spec_add(s, key_id, 16);
	spec_int(s, epoch, 4);
	spec_int(s, n, 4);
}

/* X of an envelope that begins with ${box}, and E || commitment. */
static inline void
spec_derive(struct spec_bytes *x, uint8_t ec[64], const uint8_t key[32],
    const uint8_t *box, const struct rx_place *w)
{

	x->n = 0;
	spec_label(x, "runxin envelope v1");
	spec_add(x, box, 32 + 24);
	spec_place(x, w);
	spec_hash(ec, 64, key, x);
}

/* The envelope with any ${header} of 32 bytes and any ${nonce}. */
static inline void
spec_envelope(uint8_t *box, const uint8_t key[32], const uint8_t *header,
    const uint8_t nonce[24], const struct rx_place *w, const void *p, size_t n)
{
	struct spec_bytes x;
	uint8_t ec[64];

	memcpy(box, header, 32);
	memcpy(box + 32, nonce, 24);
	spec_derive(&x, ec, key, box, w);
	memcpy(box + 56, ec + 32, 32);
	assert_true(crypto_aead_xchacha20poly1305_ietf_encrypt(box + 88, NULL, p, n,
	    x.b, x.n, NULL, nonce, ec) == 0);
}

/* Opens what is authentic, whatever its header says: a careless reader. */
static inline bool
spec_careless_open(uint8_t *p, const uint8_t *box, size_t boxlen,
    const uint8_t key[32], const struct rx_place *w)
{
	struct spec_bytes x;
	uint8_t ec[64];

	spec_derive(&x, ec, key, box, w);
	return (memcmp(box + 56, ec + 32, 32) == 0 &&
	    crypto_aead_xchacha20poly1305_ietf_decrypt(p, NULL, NULL, box + 88,
	    boxlen - 88, x.b, x.n, box + 32, ec) == 0);
}

#endif
