/* Attacks on sealed fields by somebody who can write to the disk, and by
 * insiders who know a key.  Each one first works against something weaker. */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "../helper.h"
#include "../spec.h"
#include "crypto/envelope.h"

#define PLAIN 64
#define BOX (PLAIN + RX_ENV_OVERHEAD)

static struct rx_status st;

static const struct rx_key key = { { 0x11, 0x22, 0x33 } };

static const struct rx_place here = {
	.store = { 1, 2, 3 }, .unit = "350102001001", .object = { 4 },
	.subject = { 5 }, .table = 4, .column = 2, .schema = 1, .version = 1
};

/* The ${PLAIN} bytes of a padded field with ${text}. */
static void
pad(uint8_t p[PLAIN], const char *text)
{

	memset(p, 0, PLAIN);
	rx_put32(p, (uint32_t)strlen(text));
	memcpy(p + 4, text, strlen(text));
}

static void
seal(uint8_t box[BOX], const char *text, const struct rx_place *where)
{
	uint8_t p[PLAIN];

	pad(p, text);
	ok(rx_envelope_seal(box, &key, RX_ENV_FIELD, RX_COMP_IDENTITY, 7,
	    where, p, PLAIN, &st), &st);
}

/* Opens as an identity field of epoch 7 at ${where}; nothing leaks if not. */
static rx_err
try_open(const uint8_t *box, size_t boxlen, const struct rx_place *where)
{
	uint8_t p[BOX];
	size_t n = boxlen >= RX_ENV_OVERHEAD ? boxlen - RX_ENV_OVERHEAD : 0;
	rx_err rc;

	assert_true(n <= sizeof(p));
	memset(p, 0xee, sizeof(p));
	rc = rx_envelope_open(p, n, box, boxlen, &key, RX_ENV_FIELD,
	    RX_COMP_IDENTITY, 7, where, &st);
	if (rc != RX_OK) {
		assert_true(sodium_is_zero(p, n));
		assert_int_equal(st.msg, RX_MSG_SEALED_CORRUPT);
		rx_status_clear(&st);
	}
	return (rc);
}

/* ---- the weaker things ---- */

/* A stream cipher alone: nonce || ciphertext, nothing authenticated. */
static void
stream_seal(uint8_t *box, const uint8_t *p, size_t n)
{

	rx_random(box, 24);
	assert_int_equal(crypto_stream_xchacha20_xor(box + 24, p, n, box,
	    key.b), 0);
}

static void
stream_open(uint8_t *p, const uint8_t *box, size_t n)
{

	assert_int_equal(crypto_stream_xchacha20_xor(p, box + 24, n, box,
	    key.b), 0);
}

/* The usual AEAD with ${ad}: nonce || ciphertext || tag. */
static void
aead_seal(uint8_t *box, const uint8_t *p, size_t n, const char *ad)
{

	rx_random(box, 24);
	assert_int_equal(crypto_aead_xchacha20poly1305_ietf_encrypt(box + 24,
	    NULL, p, n, (const uint8_t *)ad, strlen(ad), NULL, box, key.b), 0);
}

static bool
aead_open(uint8_t *p, const uint8_t *box, size_t n, const char *ad)
{

	return (crypto_aead_xchacha20poly1305_ietf_decrypt(p, NULL, NULL,
	    box + 24, n + 16, (const uint8_t *)ad, strlen(ad), box,
	    key.b) == 0);
}

/* An AEAD without any place works wherever it is put. */
static void
control_placeless_aead_opens_anywhere(void)
{
	uint8_t p[PLAIN], out[PLAIN], box[24 + PLAIN + 16];

	pad(p, "another child");
	aead_seal(box, p, PLAIN, "");
	assert_true(aead_open(out, box, PLAIN, ""));
	assert_memory_equal(p, out, PLAIN);
}

/* ---- the bytes ---- */

static void
test_every_flipped_bit_is_refused(void **state)
{
	uint8_t p[PLAIN], out[PLAIN], weak[24 + PLAIN], box[BOX];
	size_t bit;

	(void)state;
	pad(p, "13900000000");
	stream_seal(weak, p, PLAIN);
	for (bit = 24 * 8; bit < sizeof(weak) * 8; bit++) {
		weak[bit / 8] ^= (uint8_t)(1 << bit % 8);
		stream_open(out, weak, PLAIN);	/* "fine", and changed */
		out[bit / 8 - 24] ^= (uint8_t)(1 << bit % 8);
		assert_memory_equal(p, out, PLAIN);
		weak[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}

	seal(box, "13900000000", &here);
	for (bit = 0; bit < sizeof(box) * 8; bit++) {
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_equal(try_open(box, BOX, &here), RX_ECORRUPT);
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(try_open(box, BOX, &here), RX_OK);
}

static void
test_truncated_and_extended_are_refused(void **state)
{
	uint8_t p[PLAIN], out[PLAIN], weak[24 + PLAIN], box[BOX + 40];
	size_t n;

	(void)state;
	pad(p, "13900000000");
	stream_seal(weak, p, PLAIN);
	stream_open(out, weak, 20);
	assert_memory_equal(p, out, 20);

	memset(box, 0, sizeof(box));
	seal(box, "13900000000", &here);
	for (n = 0; n < sizeof(box); n++)
		assert_int_equal(try_open(box, n, &here),
		    n == BOX ? RX_OK : RX_ECORRUPT);

	/* The length in the header following along does not help. */
	for (n = RX_ENV_OVERHEAD; n < sizeof(box); n++) {
		rx_put32(box + 28, (uint32_t)(n - RX_ENV_OVERHEAD));
		assert_int_equal(try_open(box, n, &here),
		    n == BOX ? RX_OK : RX_ECORRUPT);
	}
}

static void
test_lying_length_is_refused(void **state)
{
	static const uint32_t lies[] = { 0, 1, 63, 65, 128, 0x7fffffff,
	    0x80000000, 0xffffffa0, 0xffffffff };
	uint8_t box[BOX], h[RX_ENV_HEADER], p[PLAIN], out[PLAIN];
	struct spec_bytes header = { .n = 0 };
	const uint8_t nonce[24] = { 1 };
	size_t i;

	(void)state;
	pad(p, "13900000000");
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		header.n = 0;
		spec_header(&header, key.b, 1, 1, RX_ENV_FIELD,
		    RX_COMP_IDENTITY, 0, 7, PLAIN);
		memcpy(h, header.b, sizeof(h));
		rx_put32(h + 28, lies[i]);
		spec_envelope(box, key.b, h, nonce, &here, p, PLAIN);
		assert_true(spec_careless_open(out, box, BOX, key.b, &here));
		assert_int_equal(try_open(box, BOX, &here), RX_ECORRUPT);
	}
}

/* A caller with a wrong idea of the size gets zeros, not a partial text. */
static void
test_wrong_output_size_is_refused(void **state)
{
	uint8_t box[BOX], out[PLAIN + 1];

	(void)state;
	seal(box, "13900000000", &here);
	memset(out, 0xee, sizeof(out));
	refused(rx_envelope_open(out, PLAIN + 1, box, BOX, &key, RX_ENV_FIELD,
	    RX_COMP_IDENTITY, 7, &here, &st), RX_ECORRUPT, &st);
	assert_true(sodium_is_zero(out, sizeof(out)));
	ok(rx_envelope_open(out, PLAIN, box, BOX, &key, RX_ENV_FIELD,
	    RX_COMP_IDENTITY, 7, &here, &st), &st);
}

/* More than an envelope holds is refused by its length: nothing of it is read, and
 * no memory is taken. */
static void
test_envelope_beyond_the_most_is_refused_unread(void **state)
{
	const size_t n = (size_t)RX_ENV_MAX + 1;
	struct rx_buf text = RX_BUF_INIT;
	uint8_t *out;

	(void)state;
	assert_non_null(out = calloc(1, n));
	refused(rx_envelope_open(out, n, NULL, RX_ENV_OVERHEAD + n, &key,
	    RX_ENV_FIELD, RX_COMP_IDENTITY, 7, &here, &st), RX_ECORRUPT, &st);
	free(out);
	refused(rx_field_open(&text, NULL, RX_ENV_OVERHEAD + n, &key,
	    RX_COMP_IDENTITY, &here, &st), RX_ECORRUPT, &st);
	assert_int_equal(text.cap, 0);
}

/* ---- the place ---- */

static void
test_column_swapped_between_children_is_refused(void **state)
{
	struct rx_place other = here;
	uint8_t a[BOX], b[BOX];

	(void)state;
	control_placeless_aead_opens_anywhere();
	other.subject[0] = 6;
	other.object[0] = 6;
	seal(a, "13900000000", &here);
	seal(b, "13911111111", &other);
	assert_int_equal(try_open(a, BOX, &other), RX_ECORRUPT);
	assert_int_equal(try_open(b, BOX, &here), RX_ECORRUPT);
	assert_int_equal(try_open(a, BOX, &here), RX_OK);
	assert_int_equal(try_open(b, BOX, &other), RX_OK);
}

static void
test_every_part_of_the_place_counts(void **state)
{
	struct rx_place moved;
	uint8_t box[BOX], *bytes;
	size_t i;

	(void)state;
	control_placeless_aead_opens_anywhere();
	seal(box, "13900000000", &here);
	for (i = 0; i < sizeof(moved) * 8; i++) {
		moved = here;
		bytes = (uint8_t *)&moved;
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(try_open(box, BOX, &moved), RX_ECORRUPT);
	}
	_Static_assert(sizeof(moved) == RX_PLACE_BYTES, "no bytes between");
}

static void
test_moved_to_another_unit_or_register_is_refused(void **state)
{
	struct rx_place unit = here, store = here;
	uint8_t box[BOX];

	(void)state;
	control_placeless_aead_opens_anywhere();
	memcpy(unit.unit, "350102001002", 12);
	store.store[15] = 9;
	seal(box, "13900000000", &here);
	assert_int_equal(try_open(box, BOX, &unit), RX_ECORRUPT);
	assert_int_equal(try_open(box, BOX, &store), RX_ECORRUPT);
}

static void
test_old_version_under_a_new_row_version_is_refused(void **state)
{
	struct rx_place now = here;
	uint8_t old[BOX], new[BOX];

	(void)state;
	control_placeless_aead_opens_anywhere();
	now.version = 2;
	seal(old, "13900000000", &here);
	seal(new, "13911111111", &now);
	assert_int_equal(try_open(old, BOX, &now), RX_ECORRUPT);
	assert_int_equal(try_open(new, BOX, &now), RX_OK);
}

/*
 * Parts of variable width that are only put one behind the other can be cut
 * elsewhere: ("350102001", "001...") reads like ("350102001001", "...").
 */
static void
test_boundary_in_the_place_cannot_be_moved(void **state)
{
	struct rx_place cut = here, whole = here;
	uint8_t p[PLAIN], out[PLAIN], weak[24 + PLAIN + 16], box[BOX];
	char ad1[64] = "", ad2[64] = "";

	(void)state;
	(void)snprintf(ad1, sizeof(ad1), "%s%s", "350102001", "001abc");
	(void)snprintf(ad2, sizeof(ad2), "%s%s", "350102001001", "abc");
	pad(p, "13900000000");
	aead_seal(weak, p, PLAIN, ad1);
	assert_true(aead_open(out, weak, PLAIN, ad2));

	memset(cut.unit, 0, sizeof(cut.unit));
	memset(cut.object, 0, sizeof(cut.object));
	memset(whole.unit, 0, sizeof(whole.unit));
	memset(whole.object, 0, sizeof(whole.object));
	memcpy(cut.unit, "350102001", 9);
	memcpy(cut.object, "001abc", 6);
	memcpy(whole.unit, "350102001001", 12);
	memcpy(whole.object, "abc", 3);
	seal(box, "13900000000", &cut);
	assert_int_equal(try_open(box, BOX, &whole), RX_ECORRUPT);
	assert_int_equal(try_open(box, BOX, &cut), RX_OK);
}

/* ---- what it is ---- */

static void
test_one_type_or_compartment_is_not_another(void **state)
{
	uint8_t p[PLAIN], out[PLAIN], box[BOX];
	int type, comp, as, in;
	rx_err rc;

	(void)state;
	control_placeless_aead_opens_anywhere();
	pad(p, "13900000000");
	for (type = RX_ENV_FIELD; type <= RX_ENV_RECOVERY; type++) {
		for (comp = RX_COMP_NONE; comp <= RX_COMP_LEDGER; comp++) {
			ok(rx_envelope_seal(box, &key, (enum rx_env_type)type,
			    (enum rx_compartment)comp, 7, &here, p, PLAIN,
			    &st), &st);
			for (as = 0; as < 36; as++) {
				in = as % 6;
				rc = rx_envelope_open(out, PLAIN, box, BOX,
				    &key, (enum rx_env_type)(as / 6 + 1),
				    (enum rx_compartment)in, 7, &here, &st);
				rx_status_clear(&st);
				assert_int_equal(rc,
				    as / 6 + 1 == type && in == comp ?
				    RX_OK : RX_ECORRUPT);
			}
		}
	}
}

static void
test_other_epoch_is_refused(void **state)
{
	uint8_t box[BOX], out[PLAIN];

	(void)state;
	control_placeless_aead_opens_anywhere();
	seal(box, "13900000000", &here);
	refused(rx_envelope_open(out, PLAIN, box, BOX, &key, RX_ENV_FIELD,
	    RX_COMP_IDENTITY, 8, &here, &st), RX_ECORRUPT, &st);
}

/* Somebody who has the key writes authentic envelopes of forms that do not
 * exist: a reader that only authenticates takes them. */
static void
test_unknown_version_suite_and_flags_are_refused(void **state)
{
	static const struct {
		unsigned version, suite, flags;
	} forms[] = {
		{ 0, 1, 0 }, { 2, 1, 0 }, { 255, 1, 0 }, { 1, 0, 0 },
		{ 1, 2, 0 }, { 1, 255, 0 }, { 1, 1, 1 }, { 1, 1, 0x8000 }
	};
	uint8_t p[PLAIN], out[PLAIN], box[BOX];
	const uint8_t nonce[24] = { 3 };
	struct spec_bytes h;
	size_t i;

	(void)state;
	pad(p, "13900000000");
	for (i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		h.n = 0;
		spec_header(&h, key.b, forms[i].version, forms[i].suite,
		    RX_ENV_FIELD, RX_COMP_IDENTITY, forms[i].flags, 7, PLAIN);
		spec_envelope(box, key.b, h.b, nonce, &here, p, PLAIN);
		assert_true(spec_careless_open(out, box, BOX, key.b, &here));
		assert_memory_equal(p, out, PLAIN);
		assert_int_equal(try_open(box, BOX, &here), RX_ECORRUPT);
	}
	h.n = 0;
	spec_header(&h, key.b, 1, 1, RX_ENV_FIELD, RX_COMP_IDENTITY, 0, 7,
	    PLAIN);
	spec_envelope(box, key.b, h.b, nonce, &here, p, PLAIN);
	assert_int_equal(try_open(box, BOX, &here), RX_OK);
}

/* ---- padding ---- */

/* Believes the length and does not look at the rest. */
static size_t
careless_unpad(const uint8_t *p)
{

	return (rx_get32(p));
}

static void
test_padding_that_is_not_zero_is_refused(void **state)
{
	struct rx_buf out = RX_BUF_INIT;
	uint8_t p[PLAIN], box[BOX];
	size_t i;

	(void)state;
	for (i = 15; i < PLAIN; i++) {
		pad(p, "13900000000");
		p[i] = 1;
		assert_int_equal(careless_unpad(p), 11);
		ok(rx_envelope_seal(box, &key, RX_ENV_FIELD, RX_COMP_IDENTITY,
		    7, &here, p, PLAIN, &st), &st);
		refused(rx_field_open(&out, box, BOX, &key, RX_COMP_IDENTITY,
		    &here, &st), RX_ECORRUPT, &st);
		assert_int_equal(out.len, 0);
	}
	pad(p, "13900000000");
	ok(rx_envelope_seal(box, &key, RX_ENV_FIELD, RX_COMP_IDENTITY, 7,
	    &here, p, PLAIN, &st), &st);
	ok(rx_field_open(&out, box, BOX, &key, RX_COMP_IDENTITY, &here, &st),
	    &st);
	assert_int_equal(out.len, 11);
	rx_buf_free(&out);
}

static void
test_padded_length_beyond_the_field_is_refused(void **state)
{
	static const uint32_t lies[] = { PLAIN - 3, PLAIN, 0x7fffffff,
	    0xfffffffc, 0xffffffff };
	struct rx_buf out = RX_BUF_INIT;
	uint8_t p[PLAIN], box[BOX];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		pad(p, "13900000000");
		rx_put32(p, lies[i]);
		assert_true(careless_unpad(p) > PLAIN - 4);	/* reads on */
		ok(rx_envelope_seal(box, &key, RX_ENV_FIELD, RX_COMP_IDENTITY,
		    7, &here, p, PLAIN, &st), &st);
		refused(rx_field_open(&out, box, BOX, &key, RX_COMP_IDENTITY,
		    &here, &st), RX_ECORRUPT, &st);
	}

	/* Too small for a length at all. */
	for (i = 0; i < 4; i++) {
		ok(rx_envelope_seal(box, &key, RX_ENV_FIELD, RX_COMP_IDENTITY,
		    7, &here, p, i, &st), &st);
		refused(rx_field_open(&out, box, RX_ENV_OVERHEAD + i, &key,
		    RX_COMP_IDENTITY, &here, &st), RX_ECORRUPT, &st);
	}
	for (i = 0; i < RX_ENV_OVERHEAD; i++)
		refused(rx_field_open(&out, box, i, &key, RX_COMP_IDENTITY,
		    &here, &st), RX_ECORRUPT, &st);
	rx_buf_free(&out);
}

/* ---- one ciphertext under two keys ---- */

/*
 * Numbers modulo 2^130 - 5 in five limbs of 26 bits.  Poly1305 of the blocks
 * b[0..N-1] is the sum of (b[i] + 2^128) * r^(N-i), plus s modulo 2^128: with
 * both keys known it is a linear equation in any one block (Dodis, Grubbs,
 * Ristenpart, Woodage 2018; Len, Grubbs, Ristenpart 2021).
 */
struct fe {
	uint64_t v[5];
};
#define LIMB 0x3ffffffu

static void
fe_carry(struct fe *a)
{
	uint64_t c;
	int i, round;

	for (round = 0; round < 3; round++) {
		for (c = 0, i = 0; i < 5; i++) {
			a->v[i] += c;
			c = a->v[i] >> 26;
			a->v[i] &= LIMB;
		}
		a->v[0] += 5 * c;
	}
}

/* The one representation below 2^130 - 5. */
static void
fe_canon(struct fe *a)
{
	struct fe t;
	int i;

	fe_carry(a);
	t = *a;
	t.v[0] += 5;
	for (i = 0; i < 4; i++) {
		t.v[i + 1] += t.v[i] >> 26;
		t.v[i] &= LIMB;
	}
	if (t.v[4] >> 26 != 0) {
		t.v[4] &= LIMB;
		*a = t;
	}
}

static struct fe
fe_add(struct fe a, struct fe b)
{
	int i;

	for (i = 0; i < 5; i++)
		a.v[i] += b.v[i];
	fe_canon(&a);
	return (a);
}

static struct fe
fe_sub(struct fe a, struct fe b)
{
	static const struct fe p2 = { { 2 * (uint64_t)(LIMB - 4),
	    2 * (uint64_t)LIMB, 2 * (uint64_t)LIMB, 2 * (uint64_t)LIMB,
	    2 * (uint64_t)LIMB } };
	int i;

	fe_canon(&b);
	for (i = 0; i < 5; i++)
		a.v[i] += p2.v[i] - b.v[i];
	fe_canon(&a);
	return (a);
}

static struct fe
fe_mul(struct fe a, struct fe b)
{
	struct fe r = { { 0 } };
	int i, j;

	for (i = 0; i < 5; i++) {
		for (j = 0; j < 5; j++)
			r.v[(i + j) % 5] += a.v[i] * b.v[j] *
			    (i + j >= 5 ? 5 : 1);
	}
	fe_canon(&r);
	return (r);
}

/* 1 / ${a} = a^(p - 2); p - 2 = 2^130 - 7 has all bits but 2^1 and 2^2. */
static struct fe
fe_invert(struct fe a)
{
	struct fe r = { { 1, 0, 0, 0, 0 } };
	int bit;

	for (bit = 129; bit >= 0; bit--) {
		r = fe_mul(r, r);
		if (bit != 1 && bit != 2)
			r = fe_mul(r, a);
	}
	return (r);
}

/* 16 bytes, and ${top} * 2^128. */
static struct fe
fe_load(const uint8_t p[16], uint64_t top)
{
	struct fe r;

	r.v[0] = rx_get32(p) & LIMB;
	r.v[1] = rx_get32(p + 3) >> 2 & LIMB;
	r.v[2] = rx_get32(p + 6) >> 4 & LIMB;
	r.v[3] = rx_get32(p + 9) >> 6;
	r.v[4] = rx_get32(p + 12) >> 8 | top << 24;
	fe_canon(&r);
	return (r);
}

/* The low 128 bits; returns the two above. */
static unsigned
fe_store(uint8_t p[16], struct fe a)
{

	fe_canon(&a);
	rx_put32(p, (uint32_t)(a.v[0] | a.v[1] << 26));
	rx_put32(p + 4, (uint32_t)(a.v[1] >> 6 | a.v[2] << 20));
	rx_put32(p + 8, (uint32_t)(a.v[2] >> 12 | a.v[3] << 14));
	rx_put32(p + 12, (uint32_t)(a.v[3] >> 18 | a.v[4] << 8));
	return ((unsigned)(a.v[4] >> 24));
}

struct poly {
	struct fe r;
	uint8_t s[16];
};

/* The one-time Poly1305 key of XChaCha20-Poly1305 under ${k} and ${nonce}. */
static void
poly_key(struct poly *out, const uint8_t k[32], const uint8_t nonce[24])
{
	uint8_t sub[32], n12[12] = { 0 }, block[32];

	assert_int_equal(crypto_core_hchacha20(sub, nonce, k, NULL), 0);
	memcpy(n12 + 4, nonce + 16, 8);
	assert_int_equal(crypto_stream_chacha20_ietf(block, sizeof(block), n12,
	    sub), 0);
	block[3] &= 15;
	block[7] &= 15;
	block[11] &= 15;
	block[15] &= 15;
	block[4] &= 252;
	block[8] &= 252;
	block[12] &= 252;
	out->r = fe_load(block, 0);
	memcpy(out->s, block + 16, 16);
}

/* The sum of all ${n} blocks but ${skip} (n for none), and the power of r that
 * belongs to ${skip}. */
static struct fe
poly_sum(const struct poly *k, const uint8_t *m, size_t n, size_t skip,
    struct fe *power)
{
	struct fe h = { { 0 } }, e = { { 1, 0, 0, 0, 0 } };
	size_t i;

	for (i = n; i-- > 0;) {
		e = fe_mul(e, k->r);
		if (i == skip)
			*power = e;
		else
			h = fe_add(h, fe_mul(fe_load(m + 16 * i, 1), e));
	}
	return (h);
}

static void
poly_tag(uint8_t tag[16], const struct poly *k, const uint8_t *m, size_t n)
{
	unsigned carry = 0;
	struct fe none;
	size_t i;

	(void)fe_store(tag, poly_sum(k, m, n, n, &none));
	for (i = 0; i < 16; i++) {
		carry += (unsigned)tag[i] + k->s[i];
		tag[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

/**
 * collide(m, n, at, a, b, tag):
 * Choose the block ${at} of the ${n} blocks ${m} so that they have one ${tag}
 * under both keys; false when these other blocks have no solution.  The sums
 * must differ by s_b - s_a + k * 2^128 for a small k.
 */
static bool
collide(uint8_t *m, size_t n, size_t at, const struct poly *a,
    const struct poly *b, uint8_t tag[16])
{
	static const uint8_t zero[16];
	struct fe ha, hb, ea, eb, d, x;
	uint8_t other[16];
	int k;

	ha = poly_sum(a, m, n, at, &ea);
	hb = poly_sum(b, m, n, at, &eb);
	for (k = -3; k <= 3; k++) {
		d = fe_sub(fe_load(b->s, 0), fe_load(a->s, 0));
		d = k < 0 ? fe_sub(d, fe_load(zero, (uint64_t)-k)) :
		    fe_add(d, fe_load(zero, (uint64_t)k));
		x = fe_mul(fe_sub(d, fe_sub(ha, hb)), fe_invert(fe_sub(ea, eb)));
		if (fe_store(m + 16 * at, x) != 1)
			continue;	/* not a block and its 2^128 */
		poly_tag(tag, a, m, n);
		poly_tag(other, b, m, n);
		if (memcmp(tag, other, 16) == 0)
			return (true);
	}
	return (false);
}

/**
 * two_key_ct(ct, e1, e2, nonce, ad, adlen):
 * ${ct}, PLAIN bytes and a tag, that the AEAD accepts under ${e1} and ${e2}.
 */
static void
two_key_ct(uint8_t *ct, const uint8_t *e1, const uint8_t *e2,
    const uint8_t nonce[24], const uint8_t *ad, size_t adlen)
{
	const size_t adblocks = (adlen + 15) / 16, n = adblocks + PLAIN / 16 + 1;
	struct poly a, b;
	uint8_t m[512];
	int tries;

	assert_true(n * 16 <= sizeof(m));
	memset(m, 0, sizeof(m));
	if (adlen > 0)
		memcpy(m, ad, adlen);
	rx_put64(m + (n - 1) * 16, adlen);
	rx_put64(m + (n - 1) * 16 + 8, PLAIN);
	poly_key(&a, e1, nonce);
	poly_key(&b, e2, nonce);
	for (tries = 0; tries < 1000; tries++) {
		rx_random(m + adblocks * 16, PLAIN);
		if (collide(m, n, adblocks + 1, &a, &b, ct + PLAIN)) {
			memcpy(ct, m + adblocks * 16, PLAIN);
			return;
		}
	}
	fail_msg("no collision found");
}

static bool
raw_accepts(uint8_t *p, const uint8_t *ct, const uint8_t *e,
    const uint8_t nonce[24], const uint8_t *ad, size_t adlen)
{

	return (crypto_aead_xchacha20poly1305_ietf_decrypt(p, NULL, NULL, ct,
	    PLAIN + 16, ad, adlen, nonce, e) == 0);
}

static rx_err
open_with(const uint8_t *box, const struct rx_key *k)
{
	uint8_t p[PLAIN];
	rx_err rc;

	rc = rx_envelope_open(p, PLAIN, box, BOX, k, RX_ENV_FIELD,
	    RX_COMP_IDENTITY, 7, &here, &st);
	rx_status_clear(&st);
	return (rc);
}

/*
 * An insider makes one ciphertext that says one thing to the director and
 * another to the supervisor.
 */
static void
test_ciphertext_for_two_keys_is_refused(void **state)
{
	const struct rx_key k1 = { { 1 } }, k2 = { { 2 } };
	uint8_t box[BOX], ct[PLAIN + 16], p1[PLAIN], p2[PLAIN];
	uint8_t ec1[64], ec2[64];
	struct spec_bytes h = { .n = 0 }, x;

	(void)state;
	/* Control: the AEAD itself takes it under both. */
	rx_random(box, 24);
	two_key_ct(ct, k1.b, k2.b, box, NULL, 0);
	assert_true(raw_accepts(p1, ct, k1.b, box, NULL, 0));
	assert_true(raw_accepts(p2, ct, k2.b, box, NULL, 0));
	assert_memory_not_equal(p1, p2, PLAIN);

	/* The same in an envelope, with the keys E that it would give. */
	spec_header(&h, k1.b, 1, 1, RX_ENV_FIELD, RX_COMP_IDENTITY, 0, 7,
	    PLAIN);
	memcpy(box, h.b, RX_ENV_HEADER);
	rx_random(box + 32, 24);
	spec_derive(&x, ec1, k1.b, box, &here);
	spec_derive(&x, ec2, k2.b, box, &here);
	two_key_ct(box + 88, ec1, ec2, box + 32, x.b, x.n);
	assert_true(raw_accepts(p1, box + 88, ec1, box + 32, x.b, x.n));
	assert_true(raw_accepts(p2, box + 88, ec2, box + 32, x.b, x.n));

	/* Committed to the first key, it opens with that one only. */
	memcpy(box + 56, ec1 + 32, 32);
	assert_int_equal(open_with(box, &k1), RX_OK);
	assert_int_equal(open_with(box, &k2), RX_ECORRUPT);
	assert_false(spec_careless_open(p2, box, BOX, k2.b, &here));

	/* Committed to the second, its header still names the first. */
	memcpy(box + 56, ec2 + 32, 32);
	assert_int_equal(open_with(box, &k1), RX_ECORRUPT);
	assert_int_equal(open_with(box, &k2), RX_ECORRUPT);
}

static int
setup(void **state)
{

	(void)state;
	rx_status_clear(&st);
	return (rx_crypto_init(&st) == RX_OK ? 0 : -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_flipped_bit_is_refused),
		cmocka_unit_test(test_truncated_and_extended_are_refused),
		cmocka_unit_test(test_lying_length_is_refused),
		cmocka_unit_test(test_wrong_output_size_is_refused),
		cmocka_unit_test(
		    test_envelope_beyond_the_most_is_refused_unread),
		cmocka_unit_test(test_column_swapped_between_children_is_refused),
		cmocka_unit_test(test_every_part_of_the_place_counts),
		cmocka_unit_test(test_moved_to_another_unit_or_register_is_refused),
		cmocka_unit_test(test_old_version_under_a_new_row_version_is_refused),
		cmocka_unit_test(test_boundary_in_the_place_cannot_be_moved),
		cmocka_unit_test(test_one_type_or_compartment_is_not_another),
		cmocka_unit_test(test_other_epoch_is_refused),
		cmocka_unit_test(test_unknown_version_suite_and_flags_are_refused),
		cmocka_unit_test(test_padding_that_is_not_zero_is_refused),
		cmocka_unit_test(test_padded_length_beyond_the_field_is_refused),
		cmocka_unit_test(test_ciphertext_for_two_keys_is_refused)
	};

	return (cmocka_run_group_tests_name("attack: envelope", tests, setup,
	    NULL));
}
