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

/* ---- increments ---- */

#define INCREMENT (48 + 256 + SIGNED)
#define AT_BASE_NAME 48

/* A folder with a chain of four: "0" is whole, "1" to "3" build on the one
 * before; all keys are beside them. */
struct chain {
	char dir[256];
	struct rx_buf file[4];
};

static void
chain_path(char out[300], const struct chain *c, int i)
{

	(void)snprintf(out, 300, "%s/%d", c->dir, i);
}

static void
chain_make(struct chain *c, const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");
	char path[2][300], json[200];
	struct rx_status st;
	int i;

	rx_status_clear(&st);
	memset(c, 0, sizeof(*c));
	(void)snprintf(c->dir, sizeof(c->dir), "%s", test_dir());
	for (i = 0; i < 4; i++) {
		chain_path(path[i % 2], c, i);
		(void)snprintf(json, sizeof(json), "{\"id\":\"n%d\",\"child\":"
		    "\"c1\",\"date\":\"2025-06-03\",\"channel\":\"home_visit\","
		    "\"signs\":[\"mood_low\"],\"risk\":\"yellow\",\"note\":"
		    "\"n\"}", i);
		fixture_save(s, RX_OBSERVATION, json, false, NULL);
		ok(rx_backup_make(s, path[i % 2], NULL, i == 0 ? NULL :
		    path[(i + 1) % 2], RX_BACKUP_KEEP, &st), &st);
		ok(rx_file_read(&c->file[i], path[i % 2], SIZE_MAX, &st), &st);
	}
	rx_session_close(s);
}

static void
chain_free(struct chain *c)
{
	int i;

	for (i = 0; i < 4; i++)
		rx_buf_free(&c->file[i]);
}

/* Put ${b} in the place of file ${i}. */
static void
chain_put(const struct chain *c, int i, const struct rx_buf *b)
{
	struct rx_status st;
	char path[300];

	rx_status_clear(&st);
	chain_path(path, c, i);
	ok(rx_file_write(path, b->b, b->len, 0600, true, &st), &st);
}

static rx_err
chain_try(const struct chain *c, int i, struct rx_status *st)
{
	struct rx_secret *p = test_passphrase("d1-pass");
	struct rx_audit_head head;
	char path[300];
	rx_err rc;

	rx_status_clear(st);
	chain_path(path, c, i);
	rc = rx_backup_check(path, "d1", p, NULL, &head, st);
	rx_secret_free(p);
	return (rc);
}

/* The last of the chain does not open, and with ${i} put back it does. */
static void
chain_refuses(const struct chain *c, int i, const struct rx_buf *b)
{
	struct rx_status st;

	chain_put(c, i, b);
	assert_int_equal(chain_try(c, 3, &st), RX_ECORRUPT);
	chain_put(c, i, &c->file[i]);
	ok(chain_try(c, 3, &st), &st);
}

static void
test_increment_edited_is_refused(void **state)
{
	struct chain c;
	size_t at;
	int i;

	(void)state;
	chain_make(&c, fixture_copy());
	for (i = 1; i < 4; i++)
		for (at = 0; at < c.file[i].len; at += at < INCREMENT ? 23 :
		    1999) {
			/* The name of the base: another file, or none. */
			if (at >= AT_BASE_NAME && at < AT_BASE_NAME + 256)
				continue;
			c.file[i].b[at] ^= 4;
			chain_put(&c, i, &c.file[i]);
			c.file[i].b[at] ^= 4;
			assert_int_equal(chain_try(&c, 3, &(struct rx_status)
			    { 0 }), RX_ECORRUPT);
			chain_put(&c, i, &c.file[i]);
		}
	chain_free(&c);
}

static void
test_increment_cut_or_lengthened_is_refused(void **state)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	struct chain c;
	size_t n;

	(void)state;
	rx_status_clear(&st);
	chain_make(&c, fixture_copy());
	ok(rx_buf_add(&b, c.file[2].b, c.file[2].len, &st), &st);
	ok(rx_buf_add(&b, "", 1, &st), &st);
	chain_refuses(&c, 2, &b);
	for (n = 0; n < c.file[2].len; n += 997) {
		b.len = n;
		chain_refuses(&c, 2, &b);
	}
	rx_buf_free(&b);
	chain_free(&c);
}

/* Give the increment ${b} the base ${on} by name and digest, as anybody can:
 * only what comes out of it is signed. */
static void
rebase(struct rx_buf *b, const struct rx_buf *on, char name)
{
	const uint8_t *head = memcmp(on->b, "RXBI", 4) == 0 ?
	    on->b + 48 + 256 : on->b;

	rx_hash(b->b + 8, RX_HASH_BYTES, NULL, "runxin backup base v1", head,
	    SIGNED);
	b->b[AT_BASE_NAME] = (uint8_t)name;
}

static void
test_increment_dropped_or_reordered_is_refused(void **state)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	struct chain c;

	(void)state;
	rx_status_clear(&st);
	chain_make(&c, fixture_copy());
	/* Two change places. */
	chain_refuses(&c, 2, &c.file[1]);
	chain_refuses(&c, 1, &c.file[2]);
	/* One is left out: refused by the digest of its base, and with that
	 * made right by the image that comes out. */
	ok(rx_buf_add(&b, c.file[3].b, c.file[3].len, &st), &st);
	b.b[AT_BASE_NAME] = '1';
	chain_refuses(&c, 3, &b);
	rebase(&b, &c.file[1], '1');
	chain_refuses(&c, 3, &b);
	/* The control: with the right base it is what it was. */
	rebase(&b, &c.file[2], '2');
	assert_memory_equal(b.b, c.file[3].b, b.len);
	rx_buf_free(&b);
	chain_free(&c);
}

static void
test_increment_on_another_register_is_refused(void **state)
{
	struct rx_buf b = RX_BUF_INIT;
	struct chain c, other;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	chain_make(&c, fixture_copy());
	chain_make(&other, fixture_another(NULL));
	chain_refuses(&c, 2, &other.file[2]);
	chain_refuses(&c, 0, &other.file[0]);
	ok(rx_buf_add(&b, other.file[1].b, other.file[1].len, &st), &st);
	rebase(&b, &c.file[0], '0');
	chain_refuses(&c, 1, &b);
	/* The control: at home it is good. */
	ok(chain_try(&other, 3, &st), &st);
	rx_buf_free(&b);
	chain_free(&c);
	chain_free(&other);
}

/* A chain that goes round, or out of its folder. */
static void
test_increment_that_names_itself_is_refused(void **state)
{
	static const char *const name[] = { "1", "../0", "/etc/passwd", "" };
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	struct chain c;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	chain_make(&c, fixture_copy());
	ok(rx_buf_add(&b, c.file[1].b, c.file[1].len, &st), &st);
	for (i = 0; i < 4; i++) {
		memset(b.b + AT_BASE_NAME, 0, 256);
		memcpy(b.b + AT_BASE_NAME, name[i], strlen(name[i]));
		chain_refuses(&c, 1, &b);
	}
	memset(b.b + AT_BASE_NAME, 'x', 256);
	chain_refuses(&c, 1, &b);
	rx_buf_free(&b);
	chain_free(&c);
}

/* ---- an old backup in the place of a new one ---- */

static rx_err
restore_with(const struct backup *what, const char *anchor, bool older,
    const char *live, struct rx_restored *got, struct rx_status *st)
{
	struct rx_secret *p = test_passphrase("d1-pass");
	const char *base = test_dir();
	char file[300], keys[320], dir[300];
	const struct rx_restore ask = { .file = file, .user = "d1",
	    .passphrase = p, .dir = dir, .anchor = anchor, .older = older,
	    .live = live };
	struct stat sb;
	rx_err rc;

	rx_status_clear(st);
	(void)snprintf(file, sizeof(file), "%s/b", base);
	(void)snprintf(keys, sizeof(keys), "%s/b.keys", base);
	(void)snprintf(dir, sizeof(dir), "%s/restored", base);
	ok(rx_file_write(file, what->part[0].b, what->part[0].len, 0600, true,
	    st), st);
	ok(rx_file_write(keys, what->part[1].b, what->part[1].len, 0600, true,
	    st), st);
	rc = rx_backup_restore(&ask, got, st);
	assert_int_equal(lstat(dir, &sb) == 0, rc == RX_OK);
	rx_secret_free(p);
	return (rc);
}

static void
anchor_of(char out[RX_ANCHOR_TEXT], const struct backup *b)
{
	struct rx_audit_head head;

	memset(&head, 0, sizeof(head));
	head.seq = rx_get64(b->part[0].b + 48);
	memcpy(head.hash, b->part[0].b + 56, RX_HASH_BYTES);
	rx_anchor_format(out, &head);
}

static void
test_rolled_back_backup_is_refused_by_an_anchor(void **state)
{
	char anchor[RX_ANCHOR_TEXT];
	struct rx_restored got;
	struct rx_status st;

	(void)state;
	anchor_of(anchor, &later);
	/* The control: without an anchor an old backup is as good as a new
	 * one. */
	ok(restore_with(&good, NULL, false, NULL, &got, &st), &st);
	assert_int_equal(got.behind, 0);
	assert_int_equal(restore_with(&good, anchor, false, NULL, &got, &st),
	    RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_BACKUP_OLDER);
	ok(restore_with(&good, anchor, true, NULL, &got, &st), &st);
	assert_int_equal(got.behind, 1);
	ok(restore_with(&later, anchor, false, NULL, &got, &st), &st);
	assert_int_equal(got.behind, 0);
	anchor_of(anchor, &good);
	ok(restore_with(&later, anchor, false, NULL, &got, &st), &st);
}

static void
test_forked_backup_is_refused_by_an_anchor(void **state)
{
	char anchor[RX_ANCHOR_TEXT];
	struct rx_restored got;
	struct backup twin;
	struct rx_status st;

	(void)state;
	/* From the same beginning as good and later, but another entry. */
	make_backup(&twin, fixture_copy());
	anchor_of(anchor, &twin);
	assert_int_equal(restore_with(&later, anchor, false, NULL, &got, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_FORK);
	/* Saying that it is older does not help. */
	assert_int_equal(restore_with(&later, anchor, true, NULL, &got, &st),
	    RX_ECORRUPT);
	assert_int_equal(restore_with(&later, "12-nonsense", true, NULL, &got,
	    &st), RX_EUSAGE);
	ok(restore_with(&twin, anchor, false, NULL, &got, &st), &st);
	rx_buf_free(&twin.part[0]);
	rx_buf_free(&twin.part[1]);
}

static void
test_restore_tells_what_the_register_in_use_has_more(void **state)
{
	const char *dir = fixture_copy(), *other = fixture_copy();
	struct backup first, second, twin;
	struct rx_restored got;
	struct rx_status st;

	(void)state;
	make_backup(&first, dir);
	make_backup(&second, dir);
	make_backup(&twin, other);
	ok(restore_with(&first, NULL, false, dir, &got, &st), &st);
	assert_int_equal(got.behind, 1);
	assert_false(got.forked);
	ok(restore_with(&second, NULL, false, dir, &got, &st), &st);
	assert_int_equal(got.behind, 0);
	ok(restore_with(&first, NULL, false, other, &got, &st), &st);
	assert_true(got.forked);
	/* Another register, and none at all, say nothing. */
	ok(restore_with(&first, NULL, false, fixture_another(NULL), &got,
	    &st), &st);
	assert_int_equal(got.behind, 0);
	assert_false(got.forked);
	ok(restore_with(&first, NULL, false, test_dir(), &got, &st), &st);
	assert_int_equal(got.behind, 0);
	rx_buf_free(&first.part[0]);
	rx_buf_free(&first.part[1]);
	rx_buf_free(&second.part[0]);
	rx_buf_free(&second.part[1]);
	rx_buf_free(&twin.part[0]);
	rx_buf_free(&twin.part[1]);
}

/* ---- a folder that others can write to ---- */

/* One more backup in the vault ${dir}; its path. */
static void
vault_add(struct rx_session *s, const char *dir, char path[400], bool *whole)
{
	char name[RX_VAULT_NAME];
	struct rx_vault_file top;
	struct rx_backup *b;
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_vault_newest(s, dir, &top, &st), &st);
	ok(rx_backup_take(&b, s, 30, &st), &st);
	ok(rx_vault_write(b, dir, NULL, &top, name, whole, &st), &st);
	(void)snprintf(path, 400, "%s/%s", dir, name);
	rx_backup_release(b);
}

/* Whole backups in a folder of their own each, moved to ${dir}: their paths. */
static void
vault_wholes(struct rx_session *s, const char *dir, char path[][400], size_t n)
{
	const char *from;
	char made[400], keys[410], to[410];
	bool whole;
	size_t i;

	for (i = 0; i < n; i++) {
		from = test_dir();
		vault_add(s, from, made, &whole);
		assert_true(whole);
		(void)snprintf(path[i], 400, "%s/runxin-2025010%zu-000000",
		    dir, i + 1);
		(void)snprintf(keys, sizeof(keys), "%s.keys", made);
		(void)snprintf(to, sizeof(to), "%s.keys", path[i]);
		assert_int_equal(rename(made, path[i]), 0);
		assert_int_equal(rename(keys, to), 0);
	}
}

static void
plant(const char *dir, int i, const void *p, size_t n)
{
	struct rx_status st;
	char path[400];

	rx_status_clear(&st);
	(void)snprintf(path, sizeof(path), "%s/runxin-9999010%d-000000", dir,
	    i);
	ok(rx_file_write(path, p, n, 0600, true, &st), &st);
}

static size_t
tidy(struct rx_session *s, const char *dir)
{
	struct rx_status st;
	size_t removed;

	rx_status_clear(&st);
	ok(rx_vault_tidy(s, dir, NULL, &removed, &st), &st);
	return (removed);
}

static void
present(char path[][400], size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		assert_int_equal(access(path[i], F_OK), 0);
}

static size_t
planted_left(const char *dir)
{
	char path[400];
	size_t n = 0;
	int i;

	for (i = 1; i <= RX_VAULT_WHOLE; i++) {
		(void)snprintf(path, sizeof(path), "%s/runxin-9999010%d-000000",
		    dir, i);
		n += access(path, F_OK) == 0;
	}
	return (n);
}

/* What is planted with names of the future: ${what} 0, nobody's head; 1, a
 * member's of this register without its image; 2, the same with another image; 3,
 * the oldest backup again, whole; 4, a backup of another register. */
static void
plant_all(const char *dir, const struct rx_buf *old, int what)
{
	struct rx_buf b = RX_BUF_INIT;
	const struct rx_buf *from = what == 4 ? &foreign.part[0] : old;
	struct rx_status st;
	int i;

	rx_status_clear(&st);
	ok(rx_buf_add(&b, from->b, what == 1 ? SIGNED : from->len, &st), &st);
	if (what == 0)
		b.b[HEAD] ^= 1;
	if (what == 2)
		b.b[b.len - 1] ^= 1;
	for (i = 1; i <= RX_VAULT_WHOLE; i++)
		plant(dir, i, b.b, b.len);
	rx_buf_free(&b);
}

static void
test_planted_backups_make_the_tidying_delete_nothing(void **state)
{
	enum { N = RX_VAULT_WHOLE };
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	char path[N + 1][400];
	struct rx_buf old = RX_BUF_INIT;
	struct rx_status st;
	const char *dir;
	int what;

	(void)state;
	rx_status_clear(&st);
	for (what = 0; what < 5; what++) {
		dir = test_dir();
		vault_wholes(s, dir, path, N);
		rx_buf_reset(&old);
		ok(rx_file_read(&old, path[0], SIZE_MAX, &st), &st);
		plant_all(dir, &old, what);
		assert_int_equal(tidy(s, dir), 0);
		present(path, N);
		assert_int_equal(planted_left(dir), RX_VAULT_WHOLE);
	}
	rx_buf_free(&old);
	/* The control: one whole backup more that is real, and one goes. */
	dir = test_dir();
	vault_wholes(s, dir, path, N + 1);
	assert_int_equal(tidy(s, dir), 1);
	assert_int_not_equal(access(path[0], F_OK), 0);
	present(path + 1, N);
	rx_session_close(s);
}

/* A whole one among the last that was spoiled is not one of them. */
static void
test_spoiled_backup_does_not_count_among_the_last(void **state)
{
	enum { N = RX_VAULT_WHOLE + 1 };
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	const char *dir = test_dir();
	char path[N][400];
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	vault_wholes(s, dir, path, N);
	ok(rx_file_read(&b, path[N - 1], SIZE_MAX, &st), &st);
	b.b[b.len - 1] ^= 1;
	ok(rx_file_write(path[N - 1], b.b, b.len, 0600, true, &st), &st);
	assert_int_equal(tidy(s, dir), 0);
	present(path, N);
	b.b[b.len - 1] ^= 1;
	ok(rx_file_write(path[N - 1], b.b, b.len, 0600, true, &st), &st);
	assert_int_equal(tidy(s, dir), 1);
	rx_buf_free(&b);
	rx_session_close(s);
}

static rx_err
odd_each(void *cookie, const struct rx_vault_file *f, struct rx_status *st)
{

	(void)st;
	*(size_t *)cookie += !f->ours;
	return (RX_OK);
}

static void
test_planted_head_is_not_the_newest_backup(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	const char *dir = test_dir();
	struct rx_buf b = RX_BUF_INIT;
	struct rx_vault_file top;
	char path[3][400];
	struct rx_status st;
	size_t odd = 0;
	bool whole;

	(void)state;
	rx_status_clear(&st);
	vault_add(s, dir, path[0], &whole);
	assert_true(whole);
	/* The control: it is found, and the next one builds on it. */
	ok(rx_vault_newest(s, dir, &top, &st), &st);
	assert_string_equal(top.name, strrchr(path[0], '/') + 1);
	/* A head of next year, where the audit ends at entry 999999. */
	ok(rx_file_read(&b, path[0], SIZE_MAX, &st), &st);
	rx_put64(b.b + 40, rx_get64(b.b + 40) + UINT64_C(31536000000));
	rx_put64(b.b + 48, 999999);
	plant(dir, 1, b.b, b.len);
	/* And the real one under a name that is later. */
	vault_add(s, dir, path[1], &whole);
	assert_false(whole);
	rx_buf_reset(&b);
	ok(rx_file_read(&b, path[0], SIZE_MAX, &st), &st);
	plant(dir, 2, b.b, b.len);
	ok(rx_vault_newest(s, dir, &top, &st), &st);
	assert_string_equal(top.name, strrchr(path[1], '/') + 1);
	vault_add(s, dir, path[2], &whole);
	assert_false(whole);
	ok(rx_vault_each(s, dir, odd_each, &odd, &st), &st);
	assert_int_equal(odd, 1);
	/* What nobody signed is not built on, but begun anew. */
	dir = test_dir();
	rx_put64(b.b + 48, 999999);
	plant(dir, 1, b.b, b.len);
	vault_add(s, dir, path[0], &whole);
	assert_true(whole);
	rx_buf_free(&b);
	rx_session_close(s);
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
		cmocka_unit_test(test_increment_edited_is_refused),
		cmocka_unit_test(
		    test_increment_cut_or_lengthened_is_refused),
		cmocka_unit_test(
		    test_increment_dropped_or_reordered_is_refused),
		cmocka_unit_test(
		    test_increment_on_another_register_is_refused),
		cmocka_unit_test(test_increment_that_names_itself_is_refused),
		cmocka_unit_test(
		    test_rolled_back_backup_is_refused_by_an_anchor),
		cmocka_unit_test(test_forked_backup_is_refused_by_an_anchor),
		cmocka_unit_test(
		    test_restore_tells_what_the_register_in_use_has_more),
		cmocka_unit_test(
		    test_planted_backups_make_the_tidying_delete_nothing),
		cmocka_unit_test(
		    test_spoiled_backup_does_not_count_among_the_last),
		cmocka_unit_test(test_planted_head_is_not_the_newest_backup),
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
