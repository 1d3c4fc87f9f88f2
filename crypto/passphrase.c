#include <string.h>

#include <argon2.h>
#include <sodium.h>

#include "crypto/certificate.h"
#include "crypto/passphrase.h"

#define LABEL "runxin keyblob v1"
#define HEAD_BYTES 48
#define CONTENT_BYTES 256
#define SIGNED_BYTES (HEAD_BYTES + RX_ENV_OVERHEAD + CONTENT_BYTES)
#define KEYS_BYTES 160		/* of the content that are used */

_Static_assert(SIGNED_BYTES + RX_SIGNATURE_BYTES == RX_KEYBLOB_BYTES,
    "keyblob layout");
_Static_assert(sizeof(struct rx_keyblob) == KEYS_BYTES,
    "the parts of a keyblob lie side by side");

const struct rx_kdf rx_kdf_default = {
	RX_KDF_MEMORY_FLOOR, RX_KDF_PASSES_FLOOR
};

/* Secrets in use while a keyblob is sealed or opened, in guarded memory. */
struct work {
	struct rx_key stretched;	/* H */
	struct rx_key kek;
	struct rx_identity identity;
	uint8_t content[CONTENT_BYTES];
};

static bool
kdf_within(const struct rx_kdf *kdf)
{

	return (kdf->memory >= RX_KDF_MEMORY_FLOOR &&
	    kdf->memory <= RX_KDF_MEMORY_CEILING &&
	    kdf->passes >= RX_KDF_PASSES_FLOOR &&
	    kdf->passes <= RX_KDF_PASSES_CEILING);
}

struct rx_kdf
rx_keyblob_cost(const uint8_t box[RX_KEYBLOB_BYTES])
{
	const struct rx_kdf kdf = { rx_get32(box + 8), rx_get32(box + 12) };

	return (kdf);
}

bool
rx_kdf_below(const struct rx_kdf *kdf, const struct rx_kdf *today)
{

	return (kdf->memory < today->memory || kdf->passes < today->passes);
}

rx_err
rx_kdf(struct rx_key *out, const struct rx_secret *passphrase,
    const uint8_t salt[16], const struct rx_kdf *kdf, struct rx_status *st)
{
	rx_err rc;
	int r;

	memset(out, 0, sizeof(*out));
	if (!kdf_within(kdf))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_KEYBLOB_CORRUPT));
	if (passphrase->len > RX_PASSPHRASE_MAX) {
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_PASSPHRASE_LONG);
		rx_status_arg(st, "max", "%d", RX_PASSPHRASE_MAX);
		return (rc);
	}
	r = argon2id_hash_raw(kdf->passes, kdf->memory, 1, passphrase->b,
	    passphrase->len, salt, 16, out->b, sizeof(out->b));
	if (r == ARGON2_OK)
		return (RX_OK);

	rx_wipe(out, sizeof(*out));
	if (r == ARGON2_MEMORY_ALLOCATION_ERROR)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);
	rx_status_arg(st, "what", "argon2: %d", r);
	return (rc);
}

/* The key of the envelope in the keyblob that begins with ${head}. */
static rx_err
kek_derive(struct work *w, const struct rx_secret *passphrase,
    const uint8_t head[HEAD_BYTES], struct rx_status *st)
{
	const struct rx_kdf kdf = { rx_get32(head + 8), rx_get32(head + 12) };
	rx_err rc;

	if ((rc = rx_kdf(&w->stretched, passphrase, head + 16, &kdf, st)) !=
	    RX_OK)
		return (rc);
	rx_hash(w->kek.b, sizeof(w->kek.b), w->stretched.b,
	    "runxin keyblob kek v1", head, HEAD_BYTES);
	return (RX_OK);
}

static void
place_make(struct rx_place *place, const uint8_t store[RX_ID_BYTES],
    const uint8_t user[RX_ID_BYTES])
{

	memset(place, 0, sizeof(*place));
	memcpy(place->store, store, RX_ID_BYTES);
	memcpy(place->object, user, RX_ID_BYTES);
}

/* Put what the owner signs of the keyblob ${box} in ${tbs}. */
static void
signed_bytes(uint8_t tbs[RX_ID_BYTES + SIGNED_BYTES],
    const uint8_t store[RX_ID_BYTES], const uint8_t *box)
{

	memcpy(tbs, store, RX_ID_BYTES);
	memcpy(tbs + RX_ID_BYTES, box, SIGNED_BYTES);
}

static void
head_make(uint8_t head[HEAD_BYTES], const struct rx_kdf *kdf,
    const uint8_t user[RX_ID_BYTES])
{

	memcpy(head, "RXKB", 4);
	head[4] = 1;
	head[5] = 1;
	rx_put16(head + 6, 0);
	rx_put32(head + 8, kdf->memory);
	rx_put32(head + 12, kdf->passes);
	rx_random(head + 16, 16);
	memcpy(head + 32, user, RX_ID_BYTES);
}

rx_err
rx_keyblob_seal(uint8_t out[RX_KEYBLOB_BYTES], const struct rx_keyblob *blob,
    const struct rx_secret *passphrase, const uint8_t store[RX_ID_BYTES],
    const uint8_t user[RX_ID_BYTES], const struct rx_kdf *kdf,
    struct rx_status *st)
{
	uint8_t tbs[RX_ID_BYTES + SIGNED_BYTES];
	struct rx_secret *s;
	struct rx_place place;
	struct work *w;
	rx_err rc;

	memset(out, 0, RX_KEYBLOB_BYTES);
	if ((rc = rx_secret_new(&s, sizeof(*w), st)) != RX_OK)
		goto err0;
	w = (struct work *)(void *)s->b;
	head_make(out, kdf, user);
	if ((rc = kek_derive(w, passphrase, out, st)) != RX_OK)
		goto err1;
	memcpy(w->content, blob, KEYS_BYTES);
	place_make(&place, store, user);
	if ((rc = rx_envelope_seal(out + HEAD_BYTES, &w->kek, RX_ENV_KEYBLOB,
	    RX_COMP_NONE, 0, &place, w->content, CONTENT_BYTES, st)) != RX_OK)
		goto err1;
	rx_identity_derive(&w->identity, blob->seed);
	signed_bytes(tbs, store, out);
	rx_sign(out + SIGNED_BYTES, w->identity.sign_secret, LABEL, tbs,
	    sizeof(tbs));

	/* Success! */
	rx_secret_free(s);	/* wipes */
	return (RX_OK);

err1:
	rx_secret_free(s);	/* wipes */
	memset(out, 0, RX_KEYBLOB_BYTES);
err0:
	/* Failure! */
	return (rc);
}

/* Whether ${box} has the form of a keyblob of ${user}, its parameters in
 * bounds and, unless ${sign_public} is NULL, the signature of its owner. */
static bool
keyblob_check(const uint8_t *box, size_t boxlen, const uint8_t *sign_public,
    const uint8_t store[RX_ID_BYTES], const uint8_t user[RX_ID_BYTES])
{
	uint8_t tbs[RX_ID_BYTES + SIGNED_BYTES];
	struct rx_kdf kdf;

	if (boxlen != RX_KEYBLOB_BYTES ||
	    memcmp(box, "RXKB\x01\x01\0\0", 8) != 0 ||
	    memcmp(box + 32, user, RX_ID_BYTES) != 0)
		return (false);
	kdf.memory = rx_get32(box + 8);
	kdf.passes = rx_get32(box + 12);
	if (!kdf_within(&kdf))
		return (false);
	if (sign_public == NULL)
		return (true);
	signed_bytes(tbs, store, box);
	return (rx_sign_verify(box + SIGNED_BYTES, sign_public, LABEL, tbs,
	    sizeof(tbs)));
}

/* Open the checked ${box} into ${w}.  Whatever does not open is a wrong
 * passphrase; what opens must be signed with the seed that was inside. */
static rx_err
keyblob_open(struct work *w, const uint8_t *box,
    const struct rx_secret *passphrase, const uint8_t store[RX_ID_BYTES],
    const uint8_t user[RX_ID_BYTES], struct rx_status *st)
{
	struct rx_status inner;
	struct rx_place place;
	rx_err rc;

	if ((rc = kek_derive(w, passphrase, box, st)) != RX_OK)
		return (rc);
	place_make(&place, store, user);
	rx_status_clear(&inner);
	if (rx_envelope_open(w->content, CONTENT_BYTES, box + HEAD_BYTES,
	    RX_ENV_OVERHEAD + CONTENT_BYTES, &w->kek, RX_ENV_KEYBLOB,
	    RX_COMP_NONE, 0, &place, &inner) != RX_OK)
		return (rx_fail(st, RX_EPERM, RX_MSG_WRONG_PASSPHRASE));
	rx_identity_derive(&w->identity, w->content);
	if (!sodium_is_zero(w->content + KEYS_BYTES,
	    CONTENT_BYTES - KEYS_BYTES) || !keyblob_check(box,
	    RX_KEYBLOB_BYTES, w->identity.sign_public, store, user))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_KEYBLOB_CORRUPT));
	return (RX_OK);
}

rx_err
rx_keyblob_open(struct rx_keyblob *blob, const uint8_t *box, size_t boxlen,
    const uint8_t *sign_public, const struct rx_secret *passphrase,
    const uint8_t store[RX_ID_BYTES], const uint8_t user[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_secret *s;
	struct work *w;
	rx_err rc;

	memset(blob, 0, sizeof(*blob));
	if (!keyblob_check(box, boxlen, sign_public, store, user)) {
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_KEYBLOB_CORRUPT);
		goto err0;
	}
	if ((rc = rx_secret_new(&s, sizeof(*w), st)) != RX_OK)
		goto err0;
	w = (struct work *)(void *)s->b;
	if ((rc = keyblob_open(w, box, passphrase, store, user, st)) != RX_OK)
		goto err1;

	/* Success! */
	memcpy(blob, w->content, KEYS_BYTES);
	rx_secret_free(s);	/* wipes */
	return (RX_OK);

err1:
	rx_secret_free(s);	/* wipes */
err0:
	/* Failure! */
	return (rc);
}
