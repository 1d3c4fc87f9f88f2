/* Attacks on recovery by a custodian who has one code, and by whoever can
 * write to the disk. */

#include <string.h>

#include <sodium.h>

#include "../fixture.h"
#include "../spec.h"
#include "crypto/recovery.h"

static struct rx_status st;
static const uint8_t store[RX_ID_BYTES] = { 6 };
static const uint8_t code[3][RX_CODE_BYTES] = { { 1 }, { 2 }, { 3 } };
static const uint8_t none[RX_CODE_BYTES];
static const struct rx_key secret = { { 42 } };

static void
seal(uint8_t box[RX_RECOVERY_BOX], unsigned a, unsigned b)
{

	ok(rx_recovery_seal(box, &secret, a, b, code[a], code[b], store, &st),
	    &st);
}

static rx_err
try_open(const uint8_t *box, size_t n, unsigned a, unsigned b,
    const uint8_t *ca, const uint8_t *cb)
{
	struct rx_key out;
	rx_err rc;

	rc = rx_recovery_open(&out, box, n, a, b, ca, cb, store, &st);
	if (rc != RX_OK)
		assert_true(sodium_is_zero(out.b, sizeof(out.b)));
	else
		assert_memory_equal(out.b, secret.b, sizeof(out.b));
	return (rc);
}

static void
test_one_code_alone_opens_nothing(void **state)
{
	uint8_t box[RX_RECOVERY_BOX], weak[32 + 16], wrap[32], out[32];
	const uint8_t nonce[24] = { 0 };
	unsigned a, b;

	(void)state;
	/* Control: wrapped under each code by itself, one is enough. */
	rx_hash(wrap, 32, NULL, "one code", code[0], RX_CODE_BYTES);
	assert_int_equal(crypto_secretbox_easy(weak, secret.b, 32, nonce,
	    wrap), 0);
	assert_int_equal(crypto_secretbox_open_easy(out, weak, sizeof(weak),
	    nonce, wrap), 0);
	assert_memory_equal(out, secret.b, 32);

	for (a = 0; a < 3; a++) {
		for (b = a + 1; b < 3; b++) {
			seal(box, a, b);
			refused(try_open(box, sizeof(box), a, b, code[a],
			    code[a]), RX_EPERM, &st);
			refused(try_open(box, sizeof(box), a, b, code[b],
			    code[b]), RX_EPERM, &st);
			refused(try_open(box, sizeof(box), a, b, code[a],
			    none), RX_EPERM, &st);
			refused(try_open(box, sizeof(box), a, a, code[a],
			    code[a]), RX_EUSAGE, &st);
			ok(try_open(box, sizeof(box), a, b, code[a], code[b]),
			    &st);
		}
	}
	refused(try_open(box, sizeof(box), 1, 3, code[1], code[2]), RX_EUSAGE,
	    &st);
}

static void
test_wrong_pair_opens_nothing(void **state)
{
	uint8_t box[RX_RECOVERY_BOX];

	(void)state;
	seal(box, 0, 1);
	refused(try_open(box, sizeof(box), 0, 2, code[0], code[2]), RX_EPERM,
	    &st);
	refused(try_open(box, sizeof(box), 1, 2, code[1], code[2]), RX_EPERM,
	    &st);
	/* The right codes with the custodians exchanged. */
	refused(try_open(box, sizeof(box), 0, 1, code[1], code[0]), RX_EPERM,
	    &st);
	/* The right codes for the place of another pair. */
	refused(try_open(box, sizeof(box), 0, 2, code[0], code[1]), RX_EPERM,
	    &st);
	ok(try_open(box, sizeof(box), 1, 0, code[1], code[0]), &st);
}

static void
test_box_of_another_register_or_edited_opens_nothing(void **state)
{
	const uint8_t other[RX_ID_BYTES] = { 7 };
	uint8_t box[RX_RECOVERY_BOX + 1];
	struct rx_key out;
	size_t bit, n;

	(void)state;
	memset(box, 0, sizeof(box));
	ok(rx_recovery_seal(box, &secret, 0, 1, code[0], code[1], other, &st),
	    &st);
	ok(rx_recovery_open(&out, box, RX_RECOVERY_BOX, 0, 1, code[0],
	    code[1], other, &st), &st);
	refused(try_open(box, RX_RECOVERY_BOX, 0, 1, code[0], code[1]),
	    RX_EPERM, &st);

	seal(box, 0, 1);
	for (bit = 0; bit < RX_RECOVERY_BOX * 8; bit++) {
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused(try_open(box, RX_RECOVERY_BOX, 0, 1, code[0], code[1]),
		    RX_EPERM, &st);
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (n = 0; n <= sizeof(box); n++) {
		if (n != RX_RECOVERY_BOX)
			refused(try_open(box, n, 0, 1, code[0], code[1]),
			    RX_EPERM, &st);
	}
	ok(try_open(box, RX_RECOVERY_BOX, 0, 1, code[0], code[1]), &st);
}

/* ---- the administrator's account ---- */

/* A register of admin and the director d1, and another; their codes. */
static char base[256], foreign[256];
static struct rx_codes codes, others;

#define ROOT_ROW "unit = 'REGISTER' AND compartments = 64"

static void
register_make(char dir[256], const char *name, struct rx_codes *c)
{
	struct rx_secret *p = test_passphrase("admin-pass");
	struct rx_session *admin;

	rx_status_clear(&st);
	(void)snprintf(dir, 256, "%s/%s", test_dir(), name);
	ok(rx_register_create(dir, "admin", "测试民政局", "350102", p, c, &st),
	    &st);
	rx_secret_free(p);
	admin = fixture_open(dir, "admin");
	p = test_passphrase("d1-pass");
	ok(rx_user_add(admin, "d1", RX_ROLE_DIRECTOR, "350102001001", p, &st),
	    &st);
	rx_secret_free(p);
	rx_session_close(admin);
	rx_session_close(fixture_open(dir, "d1"));
}

/* d1 has the two codes typed; the new passphrase is "new-pass". */
static rx_err
give(struct rx_session *d1, const char *one, const char *other)
{
	const char *const two[2] = { one, other };
	struct rx_secret *p = test_passphrase("new-pass");
	rx_err rc;

	rx_status_clear(&st);
	rc = rx_custodian_admin(d1, two, p, &st);
	rx_secret_free(p);
	return (rc);
}

static rx_err
enter(struct rx_session **s, const char *dir, const char *user,
    const char *pass)
{
	struct rx_secret *p = test_passphrase(pass);
	rx_err rc;

	rx_status_clear(&st);
	rc = rx_session_open(s, dir, user, p, &st);
	rx_secret_free(p);
	return (rc);
}

/* The old passphrase holds, and nothing was entered since entry ${seq}. */
static void
as_before(const char *dir, int64_t seq)
{

	assert_int_equal(fixture_number(dir, "SELECT max(seq) FROM audit"),
	    seq);
	rx_session_close(fixture_open(dir, "admin"));
}

static void
test_one_code_alone_makes_nobody_administrator(void **state)
{
	const char *dir = fixture_copy_of(base);
	struct rx_session *d1 = fixture_open(dir, "d1"), *admin;
	const int64_t seq = fixture_number(dir, "SELECT max(seq) FROM audit");
	char guess[RX_CODE_TEXT];
	uint8_t random[RX_CODE_BYTES];

	(void)state;
	rx_random(random, sizeof(random));
	rx_code_text(guess, random);
	assert_int_equal(give(d1, codes.text[0], codes.text[0]), RX_EUSAGE);
	assert_int_equal(st.msg, RX_MSG_CODE_PAIR);
	assert_int_equal(give(d1, codes.text[0], guess), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_CODES_WRONG);
	assert_int_equal(give(d1, codes.text[0], others.text[1]), RX_EPERM);
	assert_int_equal(give(d1, others.text[0], others.text[1]), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_CODES_WRONG);
	as_before(dir, seq);
	/* The control. */
	ok(give(d1, codes.text[2], codes.text[0]), &st);
	ok(enter(&admin, dir, "admin", "new-pass"), &st);
	rx_session_close(admin);
	rx_session_close(d1);
}

static void
test_session_without_codes_has_no_root(void **state)
{
	const char *dir = fixture_copy_of(base);
	struct rx_session *d1 = fixture_open(dir, "d1");
	struct rx_secret *p = test_passphrase("mallory");
	struct rx_buf row = RX_BUF_INIT;
	const struct rx_key *key;
	struct rx_custody found;
	struct rx_grant g;

	(void)state;
	refused(rx_unit_key(d1, RX_REGISTER_KEYS, RX_COMP_ROOT, 1, &key, NULL,
	    &st), RX_EPERM, &st);
	refused(rx_user_add(d1, "mallory", RX_ROLE_DIRECTOR, "350102001001", p,
	    &st), RX_EPERM, &st);
	rx_secret_free(p);
	fixture_blob(dir, "SELECT sealed FROM keys.unit_grant WHERE " ROOT_ROW,
	    &row);
	refused(rx_grant_open(&g, row.b, row.len, d1->id, &st), RX_ECORRUPT,
	    &st);
	rx_buf_free(&row);
	/* The control: with two codes the same session opens it. */
	{
		const char *const two[2] = { codes.text[1], codes.text[2] };

		ok(rx_custodian_test(d1, two, &found, &st), &st);
	}
	assert_true(found.root);
	rx_session_close(d1);
}

static rx_err
keep(void *cookie, const struct rx_codes *c, struct rx_status *u)
{

	(void)u;
	*(struct rx_codes *)cookie = *c;
	return (RX_OK);
}

static void
reissue(const char *dir, struct rx_codes *fresh)
{
	const char *const two[2] = { codes.text[0], codes.text[1] };
	struct rx_session *admin = fixture_open(dir, "admin");

	rx_status_clear(&st);
	ok(rx_custodian_reissue(admin, two, keep, fresh, &st), &st);
	rx_session_close(admin);
}

static void
test_codes_of_before_a_reissue_make_nobody_administrator(void **state)
{
	const char *dir = fixture_copy_of(base);
	struct rx_codes fresh;
	struct rx_session *d1, *admin;
	struct rx_buf b = RX_BUF_INIT;

	(void)state;
	reissue(dir, &fresh);
	d1 = fixture_open(dir, "d1");
	assert_int_equal(give(d1, codes.text[0], codes.text[1]), RX_EPERM);
	/* Not even with their box, and what was granted to their key. */
	fixture_blob(base, "SELECT sealed FROM keys.recovery WHERE pair = 0",
	    &b);
	fixture_tamper_blob(dir, "UPDATE keys.recovery SET sealed = ?1 WHERE "
	    "pair = 0", b.b, b.len);
	rx_buf_reset(&b);
	fixture_blob(base, "SELECT sealed FROM keys.unit_grant WHERE " ROOT_ROW,
	    &b);
	fixture_tamper_blob(dir, "UPDATE keys.unit_grant SET sealed = ?1 WHERE "
	    ROOT_ROW, b.b, b.len);
	assert_int_equal(give(d1, codes.text[0], codes.text[1]), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_CODES_WRONG);
	/* And the new ones open nothing that was for the key before. */
	assert_int_equal(give(d1, fresh.text[1], fresh.text[2]), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_GRANT_CORRUPT);
	rx_session_close(d1);
	rx_buf_free(&b);
	/* The controls: the new ones; in a copy of before, the old ones. */
	dir = fixture_copy_of(base);
	d1 = fixture_open(dir, "d1");
	ok(give(d1, codes.text[0], codes.text[1]), &st);
	rx_session_close(d1);
	dir = fixture_copy_of(base);
	reissue(dir, &fresh);
	d1 = fixture_open(dir, "d1");
	ok(give(d1, fresh.text[1], fresh.text[2]), &st);
	ok(enter(&admin, dir, "admin", "new-pass"), &st);
	rx_session_close(admin);
	rx_session_close(d1);
}

static void
test_root_granted_in_another_register_is_refused(void **state)
{
	const char *dir = fixture_copy_of(base);
	struct rx_session *d1 = fixture_open(dir, "d1");
	const int64_t seq = fixture_number(dir, "SELECT max(seq) FROM audit");
	struct rx_buf b = RX_BUF_INIT, own = RX_BUF_INIT;

	(void)state;
	fixture_blob(dir, "SELECT sealed FROM keys.unit_grant WHERE " ROOT_ROW,
	    &own);
	fixture_blob(foreign, "SELECT sealed FROM keys.unit_grant WHERE "
	    ROOT_ROW, &b);
	fixture_tamper_blob(dir, "UPDATE keys.unit_grant SET sealed = ?1 WHERE "
	    ROOT_ROW, b.b, b.len);
	assert_int_equal(give(d1, codes.text[0], codes.text[1]), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_GRANT_CORRUPT);
	fixture_tamper_blob(dir, "UPDATE keys.unit_grant SET sealed = ?1 WHERE "
	    ROOT_ROW, own.b, own.len);
	as_before(dir, seq);
	/* The control: its own. */
	ok(give(d1, codes.text[0], codes.text[1]), &st);
	rx_session_close(d1);
	rx_buf_free(&b);
	rx_buf_free(&own);
}

/* The certificate of ${role}, of which one is in use. */
static const struct rx_member *
only(const struct rx_session *s, enum rx_role role)
{
	const struct rx_member *m = NULL;
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (s->members[i].cert.role == role &&
		    rx_member_live(&s->members[i])) {
			assert_null(m);
			m = &s->members[i];
		}
	assert_non_null(m);
	return (m);
}

/* Granted by the administrator himself, rightly in every way but one. */
static void
test_root_that_is_not_the_pinned_one_is_refused(void **state)
{
	const char *dir = fixture_copy_of(base);
	const char *const two[2] = { codes.text[0], codes.text[1] };
	struct rx_session *admin = fixture_open(dir, "admin"), *d1;
	const struct rx_member *m = only(admin, RX_ROLE_RECOVERY);
	struct rx_custody found;
	struct rx_codes fresh;
	int64_t seq;

	(void)state;
	rx_status_clear(&st);
	ok(rx_begin(admin, &st), &st);
	admin->blob->root_seed[0] ^= 1;
	ok(rx_root_insert(admin, m->cert.user, m->cert.box_public, &st), &st);
	admin->blob->root_seed[0] ^= 1;
	ok(rx_finish(admin, RX_OK, RX_DID_GRANT, NULL, NULL, &st), &st);
	rx_session_close(admin);
	d1 = fixture_open(dir, "d1");
	seq = fixture_number(dir, "SELECT max(seq) FROM audit");
	assert_int_equal(give(d1, two[0], two[1]), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ADMIN_ROOT_OTHER);
	as_before(dir, seq);
	rx_status_clear(&st);
	ok(rx_custodian_test(d1, two, &found, &st), &st);
	assert_false(found.root);
	rx_session_close(d1);
	/* The control: new codes come with the right one. */
	reissue(dir, &fresh);
	d1 = fixture_open(dir, "d1");
	ok(give(d1, fresh.text[0], fresh.text[2]), &st);
	rx_session_close(d1);
}

/* One grant of it, to the recovery key in use, and to nobody else. */
static void
root_held_once(const char *dir)
{
	struct rx_session *d1 = fixture_open(dir, "d1");
	struct rx_buf b = RX_BUF_INIT;

	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE (compartments & 64) <> 0"), 1);
	fixture_blob(dir, "SELECT recipient FROM keys.unit_grant WHERE "
	    ROOT_ROW, &b);
	assert_int_equal(b.len, RX_ID_BYTES);
	assert_memory_equal(b.b, only(d1, RX_ROLE_RECOVERY)->cert.user,
	    RX_ID_BYTES);
	rx_buf_free(&b);
	rx_session_close(d1);
}

static void
test_nobody_but_the_recovery_key_holds_the_root(void **state)
{
	const char *dir = fixture_copy_of(base);
	struct rx_session *s;
	struct rx_codes fresh;

	(void)state;
	root_held_once(dir);
	reissue(dir, &fresh);
	root_held_once(dir);
	rx_session_close(fixture_open(dir, "admin"));
	s = fixture_open(dir, "d1");
	ok(give(s, fresh.text[0], fresh.text[1]), &st);
	rx_session_close(s);
	root_held_once(dir);
	ok(enter(&s, dir, "admin", "new-pass"), &st);
	rx_session_close(s);
	root_held_once(dir);
}

/* What the keys ${a} can still write with a program that asks nobody: a
 * certificate under the root, and an entry for it under the audit key they had. */
static void
forge(struct rx_session *a)
{
	struct rx_cert cert = { .role = RX_ROLE_DIRECTOR, .name = "mallory" };
	size_t i;

	for (i = 0; i < a->nheld; i++)
		a->held[i].newest = a->serial;
	rx_uuid7(cert.user, 1);
	memcpy(cert.unit, VILLAGE1, RX_UNIT_BYTES);
	memcpy(cert.box_public, a->id->box_public, 32);
	memcpy(cert.sign_public, a->id->sign_public, 32);
	rx_status_clear(&st);
	ok(rx_store_begin(a->store, &st), &st);
	ok(rx_cert_issue(a, &cert, &st), &st);
	ok(rx_finish(a, RX_OK, RX_DID_USER_ADD, cert.user, "mallory", &st),
	    &st);
}

static void
test_keys_of_the_administrator_of_before_write_nothing_that_counts(
    void **state)
{
	const char *dir = fixture_copy_of(base), *free = fixture_copy_of(base);
	struct rx_session *old = fixture_open(dir, "admin"), *d1, *s;
	struct rx_secret *p = test_passphrase("n1");
	struct rx_buf blob = RX_BUF_INIT;

	(void)state;
	d1 = fixture_open(dir, "d1");
	ok(give(d1, codes.text[0], codes.text[1]), &st);
	rx_session_close(d1);
	/* By the program. */
	rx_status_clear(&st);
	assert_int_equal(rx_user_add(old, "n1", RX_ROLE_DIRECTOR,
	    "350102001001", p, &st), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_SESSION_STALE);
	rx_secret_free(p);
	assert_int_equal(enter(&s, dir, "admin", "admin-pass"), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_WRONG_PASSPHRASE);
	/* With the keyblob of a copy of before. */
	fixture_blob(base, "SELECT keyblob FROM keys.user WHERE name = "
	    "'admin'", &blob);
	{
		const char *put = fixture_copy_of(dir);

		fixture_tamper_blob(put, "UPDATE keys.user SET keyblob = ?1 "
		    "WHERE name = 'admin'", blob.b, blob.len);
		assert_int_equal(enter(&s, put, "admin", "admin-pass"),
		    RX_ECORRUPT);
		assert_int_equal(st.msg, RX_MSG_KEYBLOB_CORRUPT);
	}
	rx_buf_free(&blob);
	/* With a program of his own: the root is the same, but the entry is
	 * under an audit key that was left behind. */
	forge(old);
	rx_session_close(old);
	rx_status_clear(&st);
	assert_int_equal(fixture_try(&s, dir, "d1", &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_AUDIT_BROKEN);
	/* The control: where nobody gave the account new keys, it counts. */
	old = fixture_open(free, "admin");
	forge(old);
	rx_session_close(old);
	rx_session_close(fixture_open(free, "d1"));
}

static void
test_in_a_copy_nobody_is_made_administrator_and_a_bundle_brings_it(
    void **state)
{
	const char *dir = fixture_copy_of(base), *copy = fixture_copy_of(base);
	struct rx_secret *p = test_passphrase("d1-pass");
	struct rx_session *d1, *there;
	struct rx_bundle b;
	char file[300];

	(void)state;
	rx_status_clear(&st);
	ok(rx_copy_begin(copy, "d1", p, "laptop", &st), &st);
	rx_secret_free(p);
	there = fixture_open(copy, "d1");
	assert_int_equal(give(there, codes.text[0], codes.text[1]), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_COPY_HOME_ONLY);
	d1 = fixture_open(dir, "d1");
	ok(give(d1, codes.text[0], codes.text[1]), &st);
	rx_session_close(d1);
	d1 = fixture_open(dir, "d1");
	/* The control: it is another one before the bundle. */
	assert_memory_not_equal(only(there, RX_ROLE_ADMIN)->cert.sign_public,
	    only(d1, RX_ROLE_ADMIN)->cert.sign_public, RX_SIGN_PUBLIC_BYTES);
	(void)snprintf(file, sizeof(file), "%s/to-copy.rxb", test_dir());
	ok(rx_bundle_make(d1, "350102001001", file, &b, &st), &st);
	ok(rx_bundle_open(there, file, true, &b, &st), &st);
	rx_session_close(there);
	there = fixture_open(copy, "d1");
	assert_memory_equal(only(there, RX_ROLE_ADMIN)->cert.sign_public,
	    only(d1, RX_ROLE_ADMIN)->cert.sign_public, RX_SIGN_PUBLIC_BYTES);
	ok(fixture_verify(there, NULL, &st), &st);
	rx_session_close(there);
	rx_session_close(d1);
}

static int
setup(void **state)
{

	(void)state;
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (-1);
	rx_json_init();
	register_make(base, "base", &codes);
	register_make(foreign, "foreign", &others);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_code_alone_opens_nothing),
		cmocka_unit_test(test_wrong_pair_opens_nothing),
		cmocka_unit_test(test_box_of_another_register_or_edited_opens_nothing),
		cmocka_unit_test(test_one_code_alone_makes_nobody_administrator),
		cmocka_unit_test(test_session_without_codes_has_no_root),
		cmocka_unit_test(
		    test_codes_of_before_a_reissue_make_nobody_administrator),
		cmocka_unit_test(
		    test_root_granted_in_another_register_is_refused),
		cmocka_unit_test(
		    test_root_that_is_not_the_pinned_one_is_refused),
		cmocka_unit_test(
		    test_nobody_but_the_recovery_key_holds_the_root),
		cmocka_unit_test(
		    test_keys_of_the_administrator_of_before_write_nothing_that_counts),
		cmocka_unit_test(
		    test_in_a_copy_nobody_is_made_administrator_and_a_bundle_brings_it)
	};

	return (cmocka_run_group_tests_name("attack: recovery", tests, setup,
	    NULL));
}
