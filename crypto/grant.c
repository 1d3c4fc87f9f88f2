#include <string.h>

#include <sodium.h>

#include "crypto/grant.h"

#define LABEL "runxin grant v1"
#define KEYS_BYTES (RX_KEY_BYTES * RX_GRANT_KEYS)
#define GRANTOR_AT KEYS_BYTES
#define KIND_AT (GRANTOR_AT + RX_ID_BYTES)
#define SIGNATURE_AT (KIND_AT + 1)
#define INSIDE_BYTES (SIGNATURE_AT + RX_SIGNATURE_BYTES)
#define CONTEXT_BYTES 56
#define SIGNED_BYTES (CONTEXT_BYTES + 32 + 32 + RX_ID_BYTES + 1)

_Static_assert(INSIDE_BYTES + crypto_box_SEALBYTES == RX_GRANT_BYTES,
    "grant layout");

static void
keys_hash(uint8_t hash[32], const uint8_t keys[KEYS_BYTES])
{

	rx_hash(hash, 32, NULL, "runxin grant keys v1", keys, KEYS_BYTES);
}

/* What the grantor signs. */
static void
signed_bytes(uint8_t out[SIGNED_BYTES], const struct rx_grant_context *ctx,
    const uint8_t recipient[32], const uint8_t hash[32],
    const uint8_t grantor[RX_ID_BYTES], uint8_t kind)
{

	memcpy(out, ctx->store, 16);
	memcpy(out + 16, ctx->unit, 16);
	memcpy(out + 32, ctx->subject, 16);
	rx_put32(out + 48, ctx->epoch);
	rx_put32(out + 52, ctx->compartments);
	memcpy(out + 56, recipient, 32);
	memcpy(out + 88, hash, 32);
	memcpy(out + 120, grantor, 16);
	out[136] = kind;
}

void
rx_slot_key(struct rx_key *slot, const struct rx_key *key)
{

	rx_hash(slot->b, RX_KEY_BYTES, key->b, "runxin slot key v1", NULL, 0);
}

rx_err
rx_grant_make(uint8_t out[RX_GRANT_BYTES], const struct rx_grant_context *ctx,
    const struct rx_key *const keys[RX_GRANT_KEYS], enum rx_grant_kind kind,
    const uint8_t grantor[RX_ID_BYTES], const struct rx_identity *identity,
    const uint8_t recipient[RX_BOX_PUBLIC_BYTES], struct rx_status *st)
{
	uint8_t in[INSIDE_BYTES], tbs[SIGNED_BYTES], hash[32];
	size_t i;
	rx_err rc = RX_OK;

	memset(out, 0, RX_GRANT_BYTES);
	memset(in, 0, sizeof(in));
	for (i = 0; i < RX_GRANT_KEYS; i++) {
		if (keys[i] == NULL)
			continue;
		if (kind == RX_GRANT_CLOSED) {
			rc = rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);
			rx_status_arg(st, "what", "keys in a closed grant");
			goto done;
		}
		memcpy(in + RX_KEY_BYTES * i, keys[i]->b, RX_KEY_BYTES);
	}
	memcpy(in + GRANTOR_AT, grantor, RX_ID_BYTES);
	in[KIND_AT] = (uint8_t)kind;
	keys_hash(hash, in);
	signed_bytes(tbs, ctx, recipient, hash, grantor, (uint8_t)kind);
	rx_sign(in + SIGNATURE_AT, identity->sign_secret, LABEL, tbs,
	    sizeof(tbs));

	/* It refuses only a public key that is not one. */
	if (crypto_box_seal(out, in, sizeof(in), recipient) != 0) {
		memset(out, 0, RX_GRANT_BYTES);
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT);
	}

done:
	rx_wipe(in, sizeof(in));
	return (rc);
}

rx_err
rx_grant_open(struct rx_grant *g, const uint8_t *box, size_t boxlen,
    const struct rx_identity *recipient, struct rx_status *st)
{
	uint8_t in[INSIDE_BYTES];
	size_t i;
	rx_err rc;

	memset(g, 0, sizeof(*g));
	memset(in, 0, sizeof(in));
	if (boxlen != RX_GRANT_BYTES || crypto_box_seal_open(in, box, boxlen,
	    recipient->box_public, recipient->box_secret) != 0)
		goto err0;
	if (in[KIND_AT] < RX_GRANT_OPEN || in[KIND_AT] > RX_GRANT_SLOT)
		goto err0;
	if (in[KIND_AT] == RX_GRANT_CLOSED && !sodium_is_zero(in, KEYS_BYTES))
		goto err0;

	/* Success! */
	for (i = 0; i < RX_GRANT_KEYS; i++)
		memcpy(g->keys[i].b, in + RX_KEY_BYTES * i, RX_KEY_BYTES);
	memcpy(g->grantor, in + GRANTOR_AT, RX_ID_BYTES);
	g->kind = in[KIND_AT];
	memcpy(g->signature, in + SIGNATURE_AT, RX_SIGNATURE_BYTES);
	rx_wipe(in, sizeof(in));
	return (RX_OK);

err0:
	/* Failure! */
	rc = rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT);
	rx_wipe(in, sizeof(in));
	return (rc);
}

void
rx_grant_keys_hash(uint8_t hash[32], const struct rx_key keys[RX_GRANT_KEYS])
{

	_Static_assert(sizeof(struct rx_key[RX_GRANT_KEYS]) == KEYS_BYTES,
	    "keys lie side by side");
	keys_hash(hash, (const uint8_t *)keys);
}

void
rx_grant_prove(struct rx_grant_proof *p, const struct rx_grant *g,
    const uint8_t recipient[RX_BOX_PUBLIC_BYTES])
{

	memcpy(p->grantor, g->grantor, RX_ID_BYTES);
	memcpy(p->recipient, recipient, RX_BOX_PUBLIC_BYTES);
	rx_grant_keys_hash(p->keys, g->keys);
	memcpy(p->signature, g->signature, RX_SIGNATURE_BYTES);
	p->kind = g->kind;
}

bool
rx_grant_proof_verify(const struct rx_grant_proof *p,
    const struct rx_grant_context *ctx,
    const uint8_t grantor_sign_public[RX_SIGN_PUBLIC_BYTES])
{
	uint8_t tbs[SIGNED_BYTES];

	signed_bytes(tbs, ctx, p->recipient, p->keys, p->grantor, p->kind);
	return (rx_sign_verify(p->signature, grantor_sign_public, LABEL, tbs,
	    sizeof(tbs)));
}

rx_err
rx_grant_verify(const struct rx_grant *g, const struct rx_grant_context *ctx,
    const struct rx_identity *recipient,
    const uint8_t grantor_sign_public[RX_SIGN_PUBLIC_BYTES],
    struct rx_status *st)
{
	struct rx_grant_proof p;

	rx_grant_prove(&p, g, recipient->box_public);
	return (rx_grant_proof_verify(&p, ctx, grantor_sign_public) ? RX_OK :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT));
}
