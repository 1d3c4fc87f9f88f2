/*
 * Somebody has the two files of a backup.  What he changes, cuts, mixes or
 * makes up is refused, and nothing of it is restored.
 */

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fixture.h"

/* As src/register/backup.c lays it out. */
#define HEAD 160
#define SIGNED (HEAD + RX_SIGNATURE_BYTES)
#define LENGTH 88
#define HASH 96

struct backup {
	struct rx_buf part[2];
};

static struct backup good;		/* of the fixture, by d1 */
static struct backup later;		/* of the same register, later */
static struct backup foreign;		/* of another register, by its d1 */

static void
read_backup(struct backup *b, const char *path)
{
	struct rx_status st;
	char keys[320];

	rx_status_clear(&st);
	memset(b, 0, sizeof(*b));
	(void)snprintf(keys, sizeof(keys), "%s.keys", path);
	ok(rx_file_read(&b->part[0], path, SIZE_MAX, &st), &st);
	ok(rx_file_read(&b->part[1], keys, SIZE_MAX, &st), &st);
}

static void
make_backup(struct backup *b, const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_status st;
	char path[300];

	rx_status_clear(&st);
	(void)snprintf(path, sizeof(path), "%s/backup", test_dir());
	ok(rx_backup_create(s, path, &st), &st);
	rx_session_close(s);
	read_backup(b, path);
}

static int
setup(void **state)
{
	const char *dir;

	if (fixture_setup(state) != 0)
		return (-1);
	dir = fixture_copy();
	make_backup(&good, dir);
	make_backup(&later, dir);
	make_backup(&foreign, fixture_another(NULL));
	return (0);
}

static int
teardown(void **state)
{
	struct backup *const all[] = { &good, &later, &foreign };
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		rx_buf_free(&all[i]->part[0]);
		rx_buf_free(&all[i]->part[1]);
	}
	return (0);
}

/* Check and restore the files ${content} and ${keys}; *restored tells whether
 * anything came into being. */
static rx_err
check(const void *content, size_t n, const void *keys, size_t m,
    const char *user, const char *passphrase, bool *restored,
    struct rx_status *st)
{
	static const char *base;
	char file[300], other[320], dir[300];
	struct rx_audit_head head;
	struct rx_secret *p = test_passphrase(passphrase);
	struct stat sb;
	rx_err rc;

	if (base == NULL)
		base = test_dir();
	rx_status_clear(st);
	(void)snprintf(file, sizeof(file), "%s/b", base);
	(void)snprintf(other, sizeof(other), "%s/b.keys", base);
	(void)snprintf(dir, sizeof(dir), "%s/restored", base);
	ok(rx_file_write(file, content, n, 0600, true, st), st);
	ok(rx_file_write(other, keys, m, 0600, true, st), st);
	rc = rx_backup_check(file, user, p, dir, &head, st);
	rx_secret_free(p);
	*restored = lstat(dir, &sb) == 0;
	return (rc);
}

static void
refuses(const struct rx_buf *content, const struct rx_buf *keys)
{
	struct rx_status st;
	bool restored;

	assert_int_equal(check(content->b, content->len, keys->b, keys->len,
	    "d1", "d1-pass", &restored, &st), RX_ECORRUPT);
	assert_false(restored);
}

static void
test_flipped_byte_is_refused(void **state)
{
	size_t part, at, signatures;

	(void)state;
	for (part = 0; part < 2; part++) {
		struct rx_buf *b = &good.part[part];

		signatures = 0;
		for (at = 0; at < b->len; at += at < HEAD ? 1 :
		    at < SIGNED ? 21 : 7919) {
			/* A signature is looked at after signing in. */
			if (at >= HEAD && at < SIGNED)
				signatures++;
			b->b[at] ^= 0x20;
			refuses(&good.part[0], &good.part[1]);
			b->b[at] ^= 0x20;
		}
		assert_true(signatures >= 3);
	}
}

static void
test_byte_flipped_in_both_heads_is_refused(void **state)
{
	/* store, maker, time, seq, head */
	static const size_t at[] = { 8, 23, 24, 39, 40, 48, 56, 87 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		good.part[0].b[at[i]] ^= 1;
		good.part[1].b[at[i]] ^= 1;
		refuses(&good.part[0], &good.part[1]);
		good.part[0].b[at[i]] ^= 1;
		good.part[1].b[at[i]] ^= 1;
	}
}

static void
test_mixed_halves_are_refused(void **state)
{

	(void)state;
	refuses(&good.part[0], &later.part[1]);
	refuses(&later.part[0], &good.part[1]);
	refuses(&good.part[0], &foreign.part[1]);
	refuses(&foreign.part[0], &good.part[1]);
	refuses(&good.part[1], &good.part[0]);
	refuses(&good.part[0], &good.part[0]);
	refuses(&good.part[1], &good.part[1]);
}

/* The keys of another backup with the head of this one: nothing is amiss but
 * the maker's signature, and with the old image the hash. */
static void
test_mixed_halves_under_one_head_are_refused(void **state)
{
	const struct backup *const from[] = { &later, &foreign };
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < 2; i++) {
		rx_buf_free(&b);
		ok(rx_buf_add(&b, from[i]->part[1].b, from[i]->part[1].len,
		    &st), &st);
		memcpy(b.b + 8, good.part[0].b + 8, 80);
		refuses(&good.part[0], &b);
	}
	rx_buf_free(&b);
}

static void
test_truncated_backup_is_refused(void **state)
{
	size_t part, n;

	(void)state;
	for (part = 0; part < 2; part++) {
		const size_t whole = good.part[part].len;

		for (n = 0; n < whole; n += n < 2 * SIGNED ? 31 : 30011) {
			good.part[part].len = n;
			refuses(&good.part[0], &good.part[1]);
		}
		good.part[part].len = whole - 1;
		refuses(&good.part[0], &good.part[1]);
		good.part[part].len = whole;
	}
}

static void
test_lengthened_backup_is_refused(void **state)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	size_t part;

	(void)state;
	rx_status_clear(&st);
	for (part = 0; part < 2; part++) {
		rx_buf_free(&b);
		ok(rx_buf_add(&b, good.part[part].b, good.part[part].len,
		    &st), &st);
		ok(rx_buf_add(&b, "", 1, &st), &st);
		refuses(part == 0 ? &b : &good.part[0],
		    part == 1 ? &b : &good.part[1]);
	}
	rx_buf_free(&b);
}

/* A register that was tampered with, in a backup whose length and hash are
 * right; the maker's signature is the old one, or the attacker's. */
static void
test_backup_made_up_around_an_image_is_refused(void **state)
{
	struct rx_buf image = RX_BUF_INIT, b = RX_BUF_INIT;
	const char *dir = fixture_copy();
	uint8_t seed[32] = { 7 }, hash[RX_HASH_BYTES];
	struct rx_identity own;
	struct rx_status st;
	char path[300];
	int i;

	(void)state;
	rx_status_clear(&st);
	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	ok(rx_file_write(path, good.part[0].b + SIGNED,
	    good.part[0].len - SIGNED, 0600, true, &st), &st);
	fixture_tamper(dir, "DELETE FROM record WHERE id = $o3");
	ok(rx_file_read(&image, path, SIZE_MAX, &st), &st);
	rx_identity_derive(&own, seed);
	for (i = 0; i < 2; i++) {
		rx_buf_free(&b);
		ok(rx_buf_add(&b, good.part[0].b, SIGNED, &st), &st);
		ok(rx_buf_add(&b, image.b, image.len, &st), &st);
		rx_put64(b.b + LENGTH, image.len);
		rx_hash(b.b + HASH, RX_HASH_BYTES, NULL,
		    "runxin backup image v1", image.b, image.len);
		if (i == 1)
			rx_sign(b.b + HEAD, own.sign_secret,
			    "runxin backup v1", b.b, HEAD);
		/* The controls: the hash alone is right, and so is the form. */
		rx_hash(hash, sizeof(hash), NULL, "runxin backup image v1",
		    b.b + SIGNED, b.len - SIGNED);
		assert_memory_equal(hash, b.b + HASH, sizeof(hash));
		assert_int_equal(rx_get64(b.b + LENGTH), b.len - SIGNED);
		refuses(&b, &good.part[1]);
	}
	rx_buf_free(&b);
	rx_buf_free(&image);
}

/* A member signs a backup of a register that he tampered with: his signature
 * is good, and the audit in it is not. */
static void
test_members_backup_of_a_tampered_register_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct backup bad;

	(void)state;
	fixture_tamper(dir, "DELETE FROM record WHERE id = $o3");
	make_backup(&bad, dir);
	refuses(&bad.part[0], &bad.part[1]);
	rx_buf_free(&bad.part[0]);
	rx_buf_free(&bad.part[1]);
}

static void
test_only_a_member_restores(void **state)
{
	static const char *const who[][2] = {
		{ "d1", "wrong" }, { "nobody", "d1-pass" }, { "d2", "d1-pass" }
	};
	struct rx_status st;
	bool restored;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		assert_int_equal(check(good.part[0].b, good.part[0].len,
		    good.part[1].b, good.part[1].len, who[i][0], who[i][1],
		    &restored, &st), RX_EPERM);
		assert_int_equal(st.msg, RX_MSG_WRONG_PASSPHRASE);
		assert_false(restored);
	}
}

static void
test_half_a_backup_is_refused(void **state)
{
	struct rx_audit_head head;
	struct rx_secret *p = test_passphrase("d1-pass");
	struct rx_status st;
	const char *base = test_dir();
	char file[300], dir[300];
	struct stat sb;

	(void)state;
	rx_status_clear(&st);
	(void)snprintf(file, sizeof(file), "%s/b", base);
	(void)snprintf(dir, sizeof(dir), "%s/restored", base);
	ok(rx_file_write(file, good.part[0].b, good.part[0].len, 0600, false,
	    &st), &st);
	refused(rx_backup_check(file, "d1", p, dir, &head, &st), RX_EIO, &st);
	assert_int_equal(lstat(dir, &sb), -1);
	rx_secret_free(p);
}

/* The control of all the others; it comes last, because it does restore. */
static void
test_whole_backup_is_restored(void **state)
{
	struct rx_status st;
	bool restored;

	(void)state;
	ok(check(good.part[0].b, good.part[0].len, good.part[1].b,
	    good.part[1].len, "d1", "d1-pass", &restored, &st), &st);
	assert_true(restored);
	/* Nor does it replace what is there. */
	assert_int_equal(check(good.part[0].b, good.part[0].len,
	    good.part[1].b, good.part[1].len, "d1", "d1-pass", &restored,
	    &st), RX_ECONFLICT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flipped_byte_is_refused),
		cmocka_unit_test(test_byte_flipped_in_both_heads_is_refused),
		cmocka_unit_test(test_mixed_halves_are_refused),
		cmocka_unit_test(
		    test_mixed_halves_under_one_head_are_refused),
		cmocka_unit_test(test_truncated_backup_is_refused),
		cmocka_unit_test(test_lengthened_backup_is_refused),
		cmocka_unit_test(
		    test_backup_made_up_around_an_image_is_refused),
		cmocka_unit_test(
		    test_members_backup_of_a_tampered_register_is_refused),
		cmocka_unit_test(test_only_a_member_restores),
		cmocka_unit_test(test_half_a_backup_is_refused),
		cmocka_unit_test(test_whole_backup_is_restored),
	};
	struct rx_status st;

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("attack backup", tests, setup,
	    teardown));
}
