#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "crypto/certificate.h"

#define CERT_SIGNED 216
#define REVOCATION_SIGNED 48
#define CERT_LABEL "runxin certificate v1"
#define REVOCATION_LABEL "runxin revocation v1"

void
rx_identity_derive(struct rx_identity *id, const uint8_t seed[32])
{
	uint8_t sub[32];

	(void)crypto_kdf_derive_from_key(sub, sizeof(sub), 1, "runxinid", seed);
	(void)crypto_box_seed_keypair(id->box_public, id->box_secret, sub);
	(void)crypto_kdf_derive_from_key(sub, sizeof(sub), 2, "runxinid", seed);
	(void)crypto_sign_seed_keypair(id->sign_public, id->sign_secret, sub);
	rx_wipe(sub, sizeof(sub));
}

void
rx_root_derive(uint8_t root_public[32], uint8_t secret[64],
    const uint8_t seed[32])
{

	(void)crypto_sign_seed_keypair(root_public, secret, seed);
}

/*
 * Ed25519 wants its message in one piece.  What we sign is short and fits
 * ${small}; the rest goes to the heap.  Without memory there is no way to say
 * "not signed" that a caller could overlook, so the program ends there.
 */
static uint8_t *
message_join(uint8_t *small, size_t size, const char *label, const void *p,
    size_t n)
{
	const size_t at = strlen(label) + 1;
	uint8_t *m = small;

	if (n > SIZE_MAX - at || (at + n > size && (m = malloc(at + n)) == NULL))
		abort();
	memcpy(m, label, at);
	if (n > 0)
		memcpy(m + at, p, n);
	return (m);
}

static void
message_free(uint8_t *m, uint8_t *small, const char *label, size_t n)
{

	rx_wipe(m, strlen(label) + 1 + n);
	if (m != small)
		free(m);
}

void
rx_sign(uint8_t sig[RX_SIGNATURE_BYTES], const uint8_t secret[64],
    const char *label, const void *p, size_t n)
{
	uint8_t small[1024], *m;

	m = message_join(small, sizeof(small), label, p, n);
	(void)crypto_sign_detached(sig, NULL, m, strlen(label) + 1 + n, secret);
	message_free(m, small, label, n);
}

bool
rx_sign_verify(const uint8_t sig[RX_SIGNATURE_BYTES],
    const uint8_t sign_public[32], const char *label, const void *p, size_t n)
{
	uint8_t small[1024], *m;
	bool good;

	m = message_join(small, sizeof(small), label, p, n);
	good = crypto_sign_verify_detached(sig, m, strlen(label) + 1 + n,
	    sign_public) == 0;
	message_free(m, small, label, n);
	return (good);
}

void
rx_cert_make(uint8_t out[RX_CERT_BYTES], const struct rx_cert *cert,
    const uint8_t root_secret[64])
{

	memset(out, 0, RX_CERT_BYTES);
	memcpy(out, "RXCT", 4);
	out[4] = 1;
	out[5] = cert->role;
	memcpy(out + 8, cert->id, 16);
	memcpy(out + 24, cert->store, 16);
	memcpy(out + 40, cert->user, 16);
	memcpy(out + 56, cert->name,
	    strnlen(cert->name, RX_USER_NAME_BYTES - 1));
	memcpy(out + 120, cert->unit, strnlen(cert->unit, RX_UNIT_BYTES));
	memcpy(out + 136, cert->box_public, 32);
	memcpy(out + 168, cert->sign_public, 32);
	rx_put64(out + 200, (uint64_t)cert->not_before);
	rx_put64(out + 208, (uint64_t)cert->not_after);
	rx_sign(out + CERT_SIGNED, root_secret, CERT_LABEL, out, CERT_SIGNED);
}

/* Whether all of the ${size} bytes at ${p} from ${n} on are zero. */
static bool
zero_after(const uint8_t *p, size_t n, size_t size)
{

	for (; n < size; n++) {
		if (p[n] != 0)
			return (false);
	}
	return (true);
}

/* Whether the signed bytes ${p} have the form of a certificate of ${store}. */
static bool
cert_form(const uint8_t *p, const uint8_t store[RX_ID_BYTES])
{
	const char *name = (const char *)p + 56;
	const char *unit = (const char *)p + 120;
	size_t n, i;

	if (memcmp(p, "RXCT", 4) != 0 || p[4] != 1 || p[5] < RX_ROLE_ADMIN ||
	    p[5] > RX_ROLE_RECOVERY || p[6] != 0 || p[7] != 0)
		return (false);
	if (memcmp(p + 24, store, RX_ID_BYTES) != 0)
		return (false);
	n = strnlen(name, RX_USER_NAME_BYTES);
	if (n == RX_USER_NAME_BYTES || !rx_utf8_valid(name, n) ||
	    !zero_after(p + 56, n, RX_USER_NAME_BYTES))
		return (false);
	n = strnlen(unit, RX_UNIT_BYTES);
	for (i = 0; i < n; i++) {
		if (unit[i] < 0x21 || unit[i] > 0x7e)
			return (false);
	}
	return (zero_after(p + 120, n, RX_UNIT_BYTES));
}

rx_err
rx_cert_open(struct rx_cert *cert, const uint8_t *p, size_t n,
    const uint8_t root_public[32], const uint8_t store[RX_ID_BYTES],
    struct rx_status *st)
{

	memset(cert, 0, sizeof(*cert));
	if (n != RX_CERT_BYTES || !rx_sign_verify(p + CERT_SIGNED, root_public,
	    CERT_LABEL, p, CERT_SIGNED) || !cert_form(p, store))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT));

	cert->role = p[5];
	memcpy(cert->id, p + 8, 16);
	memcpy(cert->store, p + 24, 16);
	memcpy(cert->user, p + 40, 16);
	memcpy(cert->name, p + 56, RX_USER_NAME_BYTES);
	memcpy(cert->unit, p + 120, RX_UNIT_BYTES);
	memcpy(cert->box_public, p + 136, 32);
	memcpy(cert->sign_public, p + 168, 32);
	cert->not_before = (int64_t)rx_get64(p + 200);
	cert->not_after = (int64_t)rx_get64(p + 208);
	return (RX_OK);
}

bool
rx_cert_valid_at(const struct rx_cert *cert, int64_t ms)
{

	return (cert->not_before <= ms && ms <= cert->not_after);
}

void
rx_revocation_make(uint8_t out[RX_REVOCATION_BYTES],
    const uint8_t cert_id[RX_ID_BYTES], const uint8_t store[RX_ID_BYTES],
    int64_t at, enum rx_revoked why, const uint8_t root_secret[64])
{

	memset(out, 0, RX_REVOCATION_BYTES);
	memcpy(out, "RXRV", 4);
	out[4] = why == RX_REVOKED_UNSAID ? 1 : 2;
	out[5] = (uint8_t)why;
	memcpy(out + 8, cert_id, 16);
	memcpy(out + 24, store, 16);
	rx_put64(out + 40, (uint64_t)at);
	rx_sign(out + REVOCATION_SIGNED, root_secret, REVOCATION_LABEL, out,
	    REVOCATION_SIGNED);
}

/* Version 1 with no reason, version 2 with one. */
static bool
revocation_form(const uint8_t *p)
{

	if (memcmp(p, "RXRV", 4) != 0 || p[6] != 0 || p[7] != 0)
		return (false);
	return ((p[4] == 1 && p[5] == RX_REVOKED_UNSAID) || (p[4] == 2 &&
	    (p[5] == RX_REVOKED_REPLACED || p[5] == RX_REVOKED_ENDED)));
}

rx_err
rx_revocation_open(uint8_t cert_id[RX_ID_BYTES], int64_t *at,
    enum rx_revoked *why, const uint8_t *p, size_t n,
    const uint8_t root_public[32], const uint8_t store[RX_ID_BYTES],
    struct rx_status *st)
{

	memset(cert_id, 0, RX_ID_BYTES);
	*at = 0;
	*why = RX_REVOKED_UNSAID;
	if (n != RX_REVOCATION_BYTES || !rx_sign_verify(p + REVOCATION_SIGNED,
	    root_public, REVOCATION_LABEL, p, REVOCATION_SIGNED) ||
	    !revocation_form(p) || memcmp(p + 24, store, RX_ID_BYTES) != 0)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_REVOCATION_CORRUPT));
	memcpy(cert_id, p + 8, 16);
	*at = (int64_t)rx_get64(p + 40);
	*why = (enum rx_revoked)p[5];
	return (RX_OK);
}

rx_err
rx_pair_mac(uint8_t mac[RX_HASH_BYTES], const struct rx_identity *mine,
    const uint8_t his[RX_BOX_PUBLIC_BYTES], const char *label, const void *p,
    size_t n, struct rx_status *st)
{
	uint8_t shared[crypto_box_BEFORENMBYTES];

	_Static_assert(sizeof(shared) == RX_KEY_BYTES, "a key of rx_hash");
	memset(mac, 0, RX_HASH_BYTES);
	if (crypto_box_beforenm(shared, his, mine->box_secret) != 0)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT));
	rx_hash(mac, RX_HASH_BYTES, shared, label, p, n);
	rx_wipe(shared, sizeof(shared));
	return (RX_OK);
}
