/* Attacks on who belongs where, and on the grants that hand keys to them. */

#include <string.h>

#include <sodium.h>

#include "../helper.h"
#include "../spec.h"
#include "crypto/certificate.h"
#include "crypto/grant.h"

static struct rx_status st;
static const uint8_t store[RX_ID_BYTES] = { 1 };
static uint8_t root_public[32], root_secret[64];	/* the register's */
static uint8_t false_public[32], false_secret[64];	/* Mallory's own */

static const struct rx_cert supervisor = {
	.role = RX_ROLE_SUPERVISOR, .id = { 1 }, .store = { 1 }, .user = { 3 },
	.name = "林老师", .unit = "350102001000", .box_public = { 4 },
	.sign_public = { 5 }, .not_before = 1000, .not_after = 2000
};

static rx_err
try_open(const uint8_t *c, size_t n)
{
	struct rx_cert out;
	rx_err rc;

	rc = rx_cert_open(&out, c, n, root_public, store, &st);
	if (rc != RX_OK)
		assert_true(sodium_is_zero((uint8_t *)&out, sizeof(out)));
	return (rc);
}

/* A certificate that carries a mere checksum: who edits it makes it anew. */
static void
control_checksum_is_made_anew(size_t at, uint8_t b)
{
	uint8_t c[RX_CERT_BYTES], sum[32];

	rx_cert_make(c, &supervisor, root_secret);
	c[at] = b;
	rx_hash(c + 216, 32, NULL, "checksum", c, 216);
	rx_hash(sum, 32, NULL, "checksum", c, 216);
	assert_memory_equal(sum, c + 216, 32);
	assert_int_equal(c[at], b);
}

/* ---- certificates ---- */

static void
test_self_signed_supervisor_is_refused(void **state)
{
	uint8_t c[RX_CERT_BYTES];
	struct rx_cert out;

	(void)state;
	rx_cert_make(c, &supervisor, false_secret);

	/* Control: whoever takes the root key from the database believes it. */
	ok(rx_cert_open(&out, c, sizeof(c), false_public, store, &st), &st);
	assert_int_equal(out.role, RX_ROLE_SUPERVISOR);
	refused(try_open(c, sizeof(c)), RX_ECORRUPT, &st);
}

static void
test_director_cannot_make_himself_a_supervisor(void **state)
{
	struct rx_cert director = supervisor;
	uint8_t c[RX_CERT_BYTES];

	(void)state;
	director.role = RX_ROLE_DIRECTOR;
	rx_cert_make(c, &director, root_secret);
	ok(try_open(c, sizeof(c)), &st);
	c[5] = RX_ROLE_SUPERVISOR;
	refused(try_open(c, sizeof(c)), RX_ECORRUPT, &st);

	/* Signing it himself, or not knowing where the signature comes from. */
	rx_sign(c + 216, false_secret, "runxin certificate v1", c, 216);
	assert_true(rx_sign_verify(c + 216, false_public,
	    "runxin certificate v1", c, 216));
	refused(try_open(c, sizeof(c)), RX_ECORRUPT, &st);
	control_checksum_is_made_anew(5, RX_ROLE_ADMIN);
}

static void
test_every_edited_bit_of_a_certificate_is_refused(void **state)
{
	uint8_t c[RX_CERT_BYTES + 1];
	size_t bit, n;

	(void)state;
	control_checksum_is_made_anew(120, '9');
	memset(c, 0, sizeof(c));
	rx_cert_make(c, &supervisor, root_secret);
	for (bit = 0; bit < RX_CERT_BYTES * 8; bit++) {
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused(try_open(c, RX_CERT_BYTES), RX_ECORRUPT, &st);
		c[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (n = 0; n <= sizeof(c); n++) {
		if (n != RX_CERT_BYTES)
			refused(try_open(c, n), RX_ECORRUPT, &st);
	}
	ok(try_open(c, RX_CERT_BYTES), &st);
}

static void
test_certificate_of_another_register_is_refused(void **state)
{
	struct rx_cert other = supervisor, out;
	uint8_t c[RX_CERT_BYTES];

	(void)state;
	other.store[0] = 2;
	rx_cert_make(c, &other, root_secret);
	ok(rx_cert_open(&out, c, sizeof(c), root_public, other.store, &st),
	    &st);
	refused(try_open(c, sizeof(c)), RX_ECORRUPT, &st);
}

static void
test_expired_certificate_is_not_valid(void **state)
{
	uint8_t c[RX_CERT_BYTES];
	struct rx_cert out;

	(void)state;
	rx_cert_make(c, &supervisor, root_secret);
	/* Its signature is as good as ever: that alone is not enough. */
	ok(rx_cert_open(&out, c, sizeof(c), root_public, store, &st), &st);
	assert_true(rx_cert_valid_at(&out, 2000));
	assert_false(rx_cert_valid_at(&out, 2001));
	assert_false(rx_cert_valid_at(&out, 999));
	assert_false(rx_cert_valid_at(&out, INT64_MAX));
	assert_false(rx_cert_valid_at(&out, INT64_MIN));
}

/* The root's signature does not make a malformed certificate a good one. */
static void
test_signed_but_malformed_certificate_is_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t b;
	} bad[] = {
		{ 0, 'r' }, { 4, 0 }, { 4, 2 }, { 5, 0 }, { 5, 6 }, { 6, 1 },
		{ 7, 1 }, { 24, 9 }, { 56, 0xff }, { 119, 'x' }, { 120, 0x80 },
		{ 120, 0x20 }, { 120, 0x7f }, { 125, 0 }, { 134, '0' },
		{ 56, 'x' }	/* the last: a name without an end */
	};
	const size_t n = sizeof(bad) / sizeof(bad[0]);
	struct spec_bytes x;
	uint8_t c[RX_CERT_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < n; i++) {
		rx_cert_make(c, &supervisor, root_secret);
		memset(c + bad[i].at, bad[i].b,
		    i == n - 1 ? RX_USER_NAME_BYTES : 1);
		x.n = 0;
		spec_label(&x, "runxin certificate v1");
		spec_add(&x, c, 216);
		assert_int_equal(crypto_sign_detached(c + 216, NULL, x.b, x.n,
		    root_secret), 0);
		assert_int_equal(crypto_sign_verify_detached(c + 216, x.b, x.n,
		    root_public), 0);
		refused(try_open(c, sizeof(c)), RX_ECORRUPT, &st);
	}
}

static void
test_long_name_is_cut_and_ends(void **state)
{
	struct rx_cert in = supervisor, out;
	uint8_t c[RX_CERT_BYTES];

	(void)state;
	memset(in.name, 'x', sizeof(in.name));
	rx_cert_make(c, &in, root_secret);
	ok(rx_cert_open(&out, c, sizeof(c), root_public, store, &st), &st);
	assert_int_equal(strlen(out.name), RX_USER_NAME_BYTES - 1);
}

/* ---- revocations ---- */

static void
test_forged_and_edited_revocations_are_refused(void **state)
{
	uint8_t r[RX_REVOCATION_BYTES], id[RX_ID_BYTES];
	const uint8_t other[RX_ID_BYTES] = { 2 };
	size_t bit;
	enum rx_revoked why;
	int64_t at;

	(void)state;
	rx_revocation_make(r, supervisor.id, store, 1500, RX_REVOKED_ENDED,
	    false_secret);
	ok(rx_revocation_open(id, &at, &why, r, sizeof(r), false_public, store, &st),
	    &st);
	refused(rx_revocation_open(id, &at, &why, r, sizeof(r), root_public, store,
	    &st), RX_ECORRUPT, &st);

	rx_revocation_make(r, supervisor.id, store, 1500, RX_REVOKED_ENDED,
	    root_secret);
	ok(rx_revocation_open(id, &at, &why, r, sizeof(r), root_public, store, &st),
	    &st);
	refused(rx_revocation_open(id, &at, &why, r, sizeof(r), root_public, other,
	    &st), RX_ECORRUPT, &st);
	refused(rx_revocation_open(id, &at, &why, r, sizeof(r) - 1, root_public,
	    store, &st), RX_ECORRUPT, &st);
	for (bit = 0; bit < sizeof(r) * 8; bit++) {
		r[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused(rx_revocation_open(id, &at, &why, r, sizeof(r), root_public,
		    store, &st), RX_ECORRUPT, &st);
		assert_true(sodium_is_zero(id, sizeof(id)) && at == 0);
		r[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

/* What the root signed and is no revocation: of another kind, of a version to
 * come, with a reason that its version has not. */
static void
test_revocation_of_another_form_is_refused(void **state)
{
	static const struct { size_t at; uint8_t b; } bad[] = {
		{ 0, 'Q' }, { 6, 1 }, { 7, 1 }, { 4, 3 }, { 4, 1 }, { 5, 0 },
		{ 5, 9 }
	};
	uint8_t r[RX_REVOCATION_BYTES], id[RX_ID_BYTES];
	const size_t n = RX_REVOCATION_BYTES - RX_SIGNATURE_BYTES;
	enum rx_revoked why;
	int64_t at;
	size_t i;

	(void)state;
	rx_revocation_make(r, supervisor.id, store, 1500, RX_REVOKED_ENDED,
	    root_secret);
	rx_sign(r + n, root_secret, "runxin revocation v1", r, n);
	ok(rx_revocation_open(id, &at, &why, r, sizeof(r), root_public, store,
	    &st), &st);	/* control: it is signed so */
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rx_revocation_make(r, supervisor.id, store, 1500,
		    RX_REVOKED_ENDED, root_secret);
		r[bad[i].at] = bad[i].b;
		rx_sign(r + n, root_secret, "runxin revocation v1", r, n);
		refused(rx_revocation_open(id, &at, &why, r, sizeof(r),
		    root_public, store, &st), RX_ECORRUPT, &st);
	}
}

/* A signature made for one purpose says nothing for another. */
static void
test_signature_of_one_kind_is_not_one_of_another(void **state)
{
	uint8_t sig[RX_SIGNATURE_BYTES];

	(void)state;
	/* Control: without labels the same bytes mean the same thing. */
	assert_int_equal(crypto_sign_detached(sig, NULL,
	    (const uint8_t *)"bytes", 5, root_secret), 0);
	assert_int_equal(crypto_sign_verify_detached(sig,
	    (const uint8_t *)"bytes", 5, root_public), 0);
	assert_false(rx_sign_verify(sig, root_public, "", "bytes", 5));

	rx_sign(sig, root_secret, "runxin certificate v1", "bytes", 5);
	assert_false(rx_sign_verify(sig, root_public, "runxin revocation v1",
	    "bytes", 5));
	assert_true(rx_sign_verify(sig, root_public, "runxin certificate v1",
	    "bytes", 5));
}

/* ---- grants ---- */

static const struct rx_grant_context ctx = {
	.store = { 1 }, .unit = "350102001001", .subject = { 2 }, .epoch = 3,
	.compartments = 1u << RX_COMP_IDENTITY | 1u << RX_COMP_NARRATIVE
};
static const struct rx_key k1 = { { 11 } }, k2 = { { 12 } };
static const struct rx_key *const keys[RX_GRANT_KEYS] = { &k1, &k2, NULL };
static const struct rx_key *const nokeys[RX_GRANT_KEYS];
static const uint8_t director[RX_ID_BYTES] = { 9 };
static struct rx_identity directors, reviewers, others, mallorys;

static void
grant(uint8_t box[RX_GRANT_BYTES])
{

	ok(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, director, &directors,
	    reviewers.box_public, &st), &st);
}

static void
test_grant_copied_elsewhere_is_refused(void **state)
{
	struct rx_grant_context moved;
	uint8_t box[RX_GRANT_BYTES], sig[RX_SIGNATURE_BYTES], *bytes;
	struct rx_grant g;
	size_t i;

	(void)state;
	grant(box);
	ok(rx_grant_open(&g, box, sizeof(box), &reviewers, &st), &st);
	ok(rx_grant_verify(&g, &ctx, &reviewers, directors.sign_public, &st),
	    &st);

	/* Control: a signature over the keys alone fits every case. */
	rx_sign(sig, directors.sign_secret, "keys", g.keys, sizeof(g.keys));
	assert_true(rx_sign_verify(sig, directors.sign_public, "keys", g.keys,
	    sizeof(g.keys)));

	/* Store, unit, case, epoch, compartments: every bit counts. */
	_Static_assert(sizeof(moved) == 56, "no bytes between");
	for (i = 0; i < sizeof(moved) * 8; i++) {
		moved = ctx;
		bytes = (uint8_t *)&moved;
		bytes[i / 8] ^= (uint8_t)(1 << i % 8);
		refused(rx_grant_verify(&g, &moved, &reviewers,
		    directors.sign_public, &st), RX_ECORRUPT, &st);
	}
}

static void
test_grant_for_another_recipient_is_refused(void **state)
{
	uint8_t box[RX_GRANT_BYTES], in[RX_GRANT_BYTES - 48];
	struct rx_grant g;

	(void)state;
	grant(box);
	refused(rx_grant_open(&g, box, sizeof(box), &others, &st), RX_ECORRUPT,
	    &st);
	assert_true(sodium_is_zero((uint8_t *)&g, sizeof(g)));

	/* The recipient passes it on as if the director had granted it: the
	 * box opens (control), the signature names somebody else. */
	assert_int_equal(crypto_box_seal_open(in, box, sizeof(box),
	    reviewers.box_public, reviewers.box_secret), 0);
	assert_int_equal(crypto_box_seal(box, in, sizeof(in),
	    others.box_public), 0);
	ok(rx_grant_open(&g, box, sizeof(box), &others, &st), &st);
	assert_memory_equal(g.keys[0].b, k1.b, RX_KEY_BYTES);
	refused(rx_grant_verify(&g, &ctx, &others, directors.sign_public, &st),
	    RX_ECORRUPT, &st);
}

/* Anybody can encrypt to a public key: without a signature a stranger puts
 * keys that he knows under a case, and reads what is written with them. */
static void
test_grant_forged_by_a_stranger_is_refused(void **state)
{
	uint8_t naive[48 + 32], out[32], box[RX_GRANT_BYTES];
	struct rx_grant g;

	(void)state;
	assert_int_equal(crypto_box_seal(naive, k1.b, 32,
	    reviewers.box_public), 0);
	assert_int_equal(crypto_box_seal_open(out, naive, sizeof(naive),
	    reviewers.box_public, reviewers.box_secret), 0);
	assert_memory_equal(out, k1.b, 32);

	ok(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, director, &mallorys,
	    reviewers.box_public, &st), &st);
	ok(rx_grant_open(&g, box, sizeof(box), &reviewers, &st), &st);
	assert_memory_equal(g.grantor, director, RX_ID_BYTES);
	refused(rx_grant_verify(&g, &ctx, &reviewers, directors.sign_public,
	    &st), RX_ECORRUPT, &st);
}

static void
test_grant_with_changed_content_is_refused(void **state)
{
	uint8_t box[RX_GRANT_BYTES];
	struct rx_grant g, h;
	size_t i;

	(void)state;
	grant(box);
	ok(rx_grant_open(&g, box, sizeof(box), &reviewers, &st), &st);
	for (i = 0; i < sizeof(g) * 8; i++) {
		h = g;
		((uint8_t *)&h)[i / 8] ^= (uint8_t)(1 << i % 8);
		refused(rx_grant_verify(&h, &ctx, &reviewers,
		    directors.sign_public, &st), RX_ECORRUPT, &st);
	}
	_Static_assert(sizeof(g) == 96 + 16 + 1 + 64, "no bytes between");
}

static void
test_every_edited_bit_of_a_grant_is_refused(void **state)
{
	uint8_t box[RX_GRANT_BYTES + 1];
	struct rx_grant g;
	size_t bit, n;

	(void)state;
	memset(box, 0, sizeof(box));
	grant(box);
	for (bit = 0; bit < RX_GRANT_BYTES * 8; bit++) {
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
		/* X25519 ignores the highest bit, but the nonce does not. */
		refused(rx_grant_open(&g, box, RX_GRANT_BYTES, &reviewers,
		    &st), RX_ECORRUPT, &st);
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (n = 0; n <= sizeof(box); n++) {
		if (n != RX_GRANT_BYTES)
			refused(rx_grant_open(&g, box, n, &reviewers, &st),
			    RX_ECORRUPT, &st);
	}
	ok(rx_grant_open(&g, box, RX_GRANT_BYTES, &reviewers, &st), &st);
}

/* Seals just the keys that there are; the length of the box. */
static size_t
naive_slot(uint8_t *box, const struct rx_key *const some[RX_GRANT_KEYS])
{
	uint8_t in[RX_KEY_BYTES * RX_GRANT_KEYS];
	size_t i, n = 0;

	for (i = 0; i < RX_GRANT_KEYS; i++) {
		if (some[i] != NULL) {
			memcpy(in + n, some[i]->b, RX_KEY_BYTES);
			n += RX_KEY_BYTES;
		}
	}
	assert_int_equal(crypto_box_seal(box, in, n, reviewers.box_public), 0);
	return (crypto_box_SEALBYTES + n);
}

static void
test_closed_grant_looks_like_an_open_one(void **state)
{
	uint8_t open[RX_GRANT_BYTES], closed[RX_GRANT_BYTES];
	uint8_t again[RX_GRANT_BYTES], naive[RX_GRANT_BYTES];
	struct rx_grant g;
	size_t i, same = 0;

	(void)state;
	/* Control: sealing the keys that there are shows how many. */
	assert_int_not_equal(naive_slot(naive, keys), naive_slot(naive,
	    nokeys));

	grant(open);
	ok(rx_grant_make(closed, &ctx, nokeys, RX_GRANT_CLOSED, director,
	    &directors, reviewers.box_public, &st), &st);
	ok(rx_grant_make(again, &ctx, nokeys, RX_GRANT_CLOSED, director,
	    &directors, reviewers.box_public, &st), &st);
	assert_int_equal(sizeof(open), sizeof(closed));
	for (i = 0; i < RX_GRANT_BYTES; i++)
		same += (closed[i] == again[i]);
	assert_true(same < 20);		/* of 225; 1 in 256 by chance */

	/* Only the recipient can tell. */
	refused(rx_grant_open(&g, closed, sizeof(closed), &others, &st),
	    RX_ECORRUPT, &st);
	ok(rx_grant_open(&g, closed, sizeof(closed), &reviewers, &st), &st);
	ok(rx_grant_verify(&g, &ctx, &reviewers, directors.sign_public, &st),
	    &st);
	assert_int_equal(g.kind, RX_GRANT_CLOSED);
	assert_true(sodium_is_zero(g.keys[0].b, sizeof(g.keys)));
}

static void
test_closed_grant_with_keys_and_unknown_kind_are_refused(void **state)
{
	uint8_t box[RX_GRANT_BYTES], in[RX_GRANT_BYTES - 48];
	static const uint8_t kinds[] = { 0, RX_GRANT_CLOSED, 4, 255 };
	struct rx_grant g;
	size_t i;

	(void)state;
	grant(box);
	assert_int_equal(crypto_box_seal_open(in, box, sizeof(box),
	    reviewers.box_public, reviewers.box_secret), 0);
	for (i = 0; i < sizeof(kinds); i++) {
		in[112] = kinds[i];
		assert_int_equal(crypto_box_seal(box, in, sizeof(in),
		    reviewers.box_public), 0);
		refused(rx_grant_open(&g, box, sizeof(box), &reviewers, &st),
		    RX_ECORRUPT, &st);
		assert_true(sodium_is_zero((uint8_t *)&g, sizeof(g)));
	}
	in[112] = RX_GRANT_OPEN;
	assert_int_equal(crypto_box_seal(box, in, sizeof(in),
	    reviewers.box_public), 0);
	ok(rx_grant_open(&g, box, sizeof(box), &reviewers, &st), &st);
}

/* A public key of low order would make the box readable to everybody. */
static void
test_grant_to_a_low_order_key_is_refused(void **state)
{
	static const uint8_t low[RX_BOX_PUBLIC_BYTES];
	uint8_t box[RX_GRANT_BYTES];

	(void)state;
	refused(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, director,
	    &directors, low, &st), RX_ECORRUPT, &st);
	assert_true(sodium_is_zero(box, sizeof(box)));
	ok(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, director, &directors,
	    reviewers.box_public, &st), &st);
}

static int
setup(void **state)
{
	uint8_t seed[32] = { 0 };

	(void)state;
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (-1);
	seed[0] = 1;
	rx_root_derive(root_public, root_secret, seed);
	seed[0] = 2;
	rx_root_derive(false_public, false_secret, seed);
	seed[0] = 3;
	rx_identity_derive(&directors, seed);
	seed[0] = 4;
	rx_identity_derive(&reviewers, seed);
	seed[0] = 5;
	rx_identity_derive(&others, seed);
	seed[0] = 6;
	rx_identity_derive(&mallorys, seed);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self_signed_supervisor_is_refused),
		cmocka_unit_test(test_director_cannot_make_himself_a_supervisor),
		cmocka_unit_test(test_every_edited_bit_of_a_certificate_is_refused),
		cmocka_unit_test(test_certificate_of_another_register_is_refused),
		cmocka_unit_test(test_expired_certificate_is_not_valid),
		cmocka_unit_test(test_signed_but_malformed_certificate_is_refused),
		cmocka_unit_test(test_long_name_is_cut_and_ends),
		cmocka_unit_test(test_forged_and_edited_revocations_are_refused),
		cmocka_unit_test(test_revocation_of_another_form_is_refused),
		cmocka_unit_test(test_signature_of_one_kind_is_not_one_of_another),
		cmocka_unit_test(test_grant_copied_elsewhere_is_refused),
		cmocka_unit_test(test_grant_for_another_recipient_is_refused),
		cmocka_unit_test(test_grant_forged_by_a_stranger_is_refused),
		cmocka_unit_test(test_grant_with_changed_content_is_refused),
		cmocka_unit_test(test_every_edited_bit_of_a_grant_is_refused),
		cmocka_unit_test(test_closed_grant_looks_like_an_open_one),
		cmocka_unit_test(test_closed_grant_with_keys_and_unknown_kind_are_refused),
		cmocka_unit_test(test_grant_to_a_low_order_key_is_refused)
	};

	return (cmocka_run_group_tests_name("attack: certificate", tests,
	    setup, NULL));
}
