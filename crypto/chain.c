#include <endian.h>
#include <string.h>

#include <sodium.h>

#include "base/buffer.h"
#include "crypto/chain.h"

#define LANES (RX_MANIFEST_BYTES / 2)

/* The lanes of the row ${p} of ${n} bytes, in the byte order of the stream. */
static void
row_lanes(uint16_t lane[LANES], const void *p, size_t n)
{
	static const uint8_t nonce[crypto_stream_chacha20_NONCEBYTES];
	uint8_t key[crypto_stream_chacha20_KEYBYTES];

	rx_hash(key, sizeof(key), NULL, "runxin manifest row v1", p, n);
	(void)crypto_stream_chacha20((uint8_t *)lane, RX_MANIFEST_BYTES, nonce,
	    key);
}

void
rx_manifest_add(struct rx_manifest *m, const void *p, size_t n)
{
	uint16_t lane[LANES];
	size_t i;

	row_lanes(lane, p, n);
	for (i = 0; i < LANES; i++)
		m->lane[i] = (uint16_t)(m->lane[i] + le16toh(lane[i]));
}

void
rx_manifest_remove(struct rx_manifest *m, const void *p, size_t n)
{
	uint16_t lane[LANES];
	size_t i;

	row_lanes(lane, p, n);
	for (i = 0; i < LANES; i++)
		m->lane[i] = (uint16_t)(m->lane[i] - le16toh(lane[i]));
}

void
rx_manifest_join(struct rx_manifest *m, const struct rx_manifest *more)
{
	size_t i;

	for (i = 0; i < LANES; i++)
		m->lane[i] = (uint16_t)(m->lane[i] + more->lane[i]);
}

void
rx_manifest_store(uint8_t out[RX_MANIFEST_BYTES], const struct rx_manifest *m)
{
	size_t i;

	for (i = 0; i < LANES; i++)
		rx_put16(out + 2 * i, m->lane[i]);
}

void
rx_manifest_load(struct rx_manifest *m, const uint8_t in[RX_MANIFEST_BYTES])
{
	size_t i;

	for (i = 0; i < LANES; i++)
		m->lane[i] = rx_get16(in + 2 * i);
}

void
rx_manifest_digest(uint8_t out[RX_HASH_BYTES], const struct rx_manifest *m)
{
	uint8_t b[RX_MANIFEST_BYTES];

	rx_manifest_store(b, m);
	rx_hash(out, RX_HASH_BYTES, NULL, "runxin manifest v1", b, sizeof(b));
}

void
rx_audit_entry_hash(uint8_t out[RX_HASH_BYTES],
    const uint8_t store[RX_ID_BYTES], uint64_t seq,
    const uint8_t previous[RX_HASH_BYTES], int64_t time_ms,
    const void *payload, size_t n)
{
	uint8_t e[16 + 8 + 32 + 8 + 32];

	memcpy(e, store, 16);
	rx_put64(e + 16, seq);
	memcpy(e + 24, previous, 32);
	rx_put64(e + 56, (uint64_t)time_ms);
	rx_hash(e + 64, 32, NULL, "runxin audit payload v1", payload, n);
	rx_hash(out, RX_HASH_BYTES, NULL, "runxin audit entry v1", e,
	    sizeof(e));
}
