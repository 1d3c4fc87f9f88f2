/* A field, sealed and opened, beside the primitives that this is made of. */

#include <stdio.h>

#include <sodium.h>

#include "bench.h"

#define SEALS 20000		/* fields sealed or opened in a run */
#define AD_BYTES 155		/* label, header, nonce, place (crypto/envelope.h) */

/* The calls of the library that sealing makes, and nothing else; without
 * ${commit} the AEAD alone. */
static void
bare_seal(uint8_t *box, const uint8_t *plain, size_t n, const uint8_t key[32],
    const uint8_t ad[AD_BYTES], bool commit)
{
	uint8_t ec[64];

	randombytes_buf(box + RX_ENV_HEADER, 24);
	if (commit) {
		(void)crypto_generichash(ec, sizeof(ec), ad, AD_BYTES, key, 32);
		memcpy(box + RX_ENV_HEADER + 24, ec + 32, 32);
	}
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(box + 88, NULL, plain,
	    n, ad, AD_BYTES, NULL, box + RX_ENV_HEADER, commit ? ec : key);
}

static void
bare_open(uint8_t *plain, const uint8_t *box, size_t n, const uint8_t key[32],
    const uint8_t ad[AD_BYTES], bool commit)
{
	uint8_t ec[64];

	if (commit) {
		(void)crypto_generichash(ec, sizeof(ec), ad, AD_BYTES, key, 32);
		assert_int_equal(sodium_memcmp(ec + 32,
		    box + RX_ENV_HEADER + 24, 32), 0);
	}
	assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL,
	    NULL, box + 88, n + 16, ad, AD_BYTES, box + RX_ENV_HEADER,
	    commit ? ec : key), 0);
}

static double
time_bare(bool sealing, size_t n, bool commit)
{
	uint8_t key[32], ad[AD_BYTES], plain[512], box[RX_ENV_OVERHEAD + 512];
	double t;
	size_t i;

	randombytes_buf(key, sizeof(key));
	randombytes_buf(ad, sizeof(ad));
	randombytes_buf(plain, sizeof(plain));
	bare_seal(box, plain, n, key, ad, commit);
	t = cpu();
	for (i = 0; i < SEALS; i++) {
		if (sealing)
			bare_seal(box, plain, n, key, ad, commit);
		else
			bare_open(plain, box, n, key, ad, commit);
	}
	return ((cpu() - t) / SEALS);
}

static double
time_field(bool sealing, enum rx_pad pad, enum rx_compartment comp, size_t n)
{
	struct rx_buf box = RX_BUF_INIT, out = RX_BUF_INIT;
	struct rx_place place;
	struct rx_key key;
	uint8_t plain[512];
	double t;
	size_t i;

	rx_random(&key, sizeof(key));
	rx_random(&place, sizeof(place));
	rx_random(plain, sizeof(plain));
	ok(rx_field_seal(&box, &key, comp, 1, &place, pad, plain, n, &st), &st);
	t = cpu();
	for (i = 0; i < SEALS; i++) {
		if (sealing) {
			rx_buf_reset(&box);
			ok(rx_field_seal(&box, &key, comp, 1, &place, pad,
			    plain, n, &st), &st);
		} else {
			rx_buf_reset(&out);
			ok(rx_field_open(&out, box.b, box.len, &key, comp,
			    &place, &st), &st);
		}
	}
	t = (cpu() - t) / SEALS;
	rx_buf_free(&box);
	rx_buf_free(&out);
	return (t);
}

void
bench_field(const char *what, bool sealing, enum rx_pad pad,
    enum rx_compartment comp, size_t n)
{
	struct series same = { 0 }, aead = { 0 };
	const size_t padded = rx_pad_size(pad, n);
	char work[96];
	double ours;
	size_t i;

	for (i = 0; i < runs; i++) {
		ours = time_field(sealing, pad, comp, n);
		add(&same, ours, time_bare(sealing, padded, true));
		add(&aead, ours, time_bare(sealing, padded, false));
	}
	(void)snprintf(work, sizeof(work), "%s / BLAKE2b-64 + XChaCha20", what);
	show(work, &same, "s");
	(void)snprintf(work, sizeof(work), "%s / XChaCha20 alone", what);
	show(work, &aead, "s");
}
