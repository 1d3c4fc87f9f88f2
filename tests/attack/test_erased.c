/*
 * A child was erased.  Somebody has old files of the register, or may write to
 * those of now: what he can bring back is nothing, and what he puts back is
 * found.
 */

#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "tests/fixture.h"

static struct rx_status st;

static void
put_file(const char *from, const char *to, const char *name)
{
	struct rx_buf b = RX_BUF_INIT;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", from, name);
	ok(rx_file_read(&b, path, SIZE_MAX, &st), &st);
	(void)snprintf(path, sizeof(path), "%s/%s", to, name);
	ok(rx_file_write(path, b.b, b.len, 0600, true, &st), &st);
	rx_buf_free(&b);
}

/* A folder with the content of ${content} and the keys of ${keys}. */
static const char *
mixed(const char *content, const char *keys)
{
	const char *dir = fixture_copy_of(content);

	put_file(keys, dir, "keys.db");
	return (dir);
}

static const char *
erased_copy(void)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");

	rx_status_clear(&st);
	ok(rx_child_erase(s, fixture_id[C1], "迁出", &st), &st);
	rx_session_close(s);
	return (dir);
}

/* How many records of c1 its director, who has all keys of the unit, can open in
 * ${dir}; 0 when he is refused. */
static size_t
opened(const char *dir, rx_err *rc)
{
	struct rx_session *s = NULL;
	size_t n = 0;

	rx_status_clear(&st);
	if ((*rc = fixture_try(&s, dir, "d1", &st)) == RX_OK)
		*rc = fixture_show(s, fixture_id[C1], NULL, &n, &st);
	rx_session_close(s);
	return (*rc == RX_OK ? n : 0);
}

static void
test_erased_child_from_an_old_content_backup_with_current_keys_does_not_open(
    void **state)
{
	const char *old = fixture_dir(), *now = erased_copy(), *weak;
	struct rx_buf wrap = RX_BUF_INIT, keys = RX_BUF_INIT;
	char path[512];
	rx_err rc;

	(void)state;
	/* The rows are back, and there is no key for them. */
	assert_true(fixture_number(mixed(old, now), "SELECT count(*) FROM "
	    "record WHERE child = $c1") > 0);
	assert_int_equal(opened(mixed(old, now), &rc), 0);
	assert_int_not_equal(rc, RX_OK);
	/* Not even sealed ones: no byte of what held them is in the file. */
	fixture_blob(old, "SELECT identity FROM keys.case_key WHERE child = "
	    "$c1", &wrap);
	(void)snprintf(path, sizeof(path), "%s/keys.db", now);
	ok(rx_file_read(&keys, path, SIZE_MAX, &st), &st);
	assert_null(memmem(keys.b, keys.len, wrap.b + wrap.len - 32, 32));
	rx_buf_free(&keys);
	rx_buf_free(&wrap);

	/* Control: the same with keys of before opens it, which is why backups
	 * of keys are kept for a short time only ... */
	assert_true(opened(mixed(old, old), &rc) > 0);
	/* ... and with keys of now, had an erasure deleted the rows alone. */
	weak = fixture_copy();
	fixture_tamper(weak, "DELETE FROM record WHERE child = $c1");
	fixture_tamper(weak, "DELETE FROM child WHERE id = $c1");
	assert_int_equal(opened(weak, &rc), 0);
	assert_true(opened(mixed(old, weak), &rc) > 0);
}

/* The slot of s1 in the flagged case c1 of ${dir}, opened with his own keys by
 * nothing but the library. */
static void
slot_of(struct rx_grant *g, const struct rx_session *s, const char *dir)
{
	struct rx_buf b = RX_BUF_INIT;

	fixture_blob(dir, "SELECT sealed FROM main.slot WHERE child = $c1 AND "
	    "recipient = $s1", &b);
	ok(rx_grant_open(g, b.b, b.len, s->id, &st), &st);
	rx_buf_free(&b);
}

/* Whether ${key} opens the note of o2, a record of c1, in ${dir}. */
static bool
opens_note(const struct rx_session *s, const char *dir,
    const struct rx_key *key)
{
	struct rx_buf b = RX_BUF_INIT, note = RX_BUF_INIT;
	struct rx_place place;
	rx_err rc;

	fixture_blob(dir, "SELECT narrative FROM record WHERE id = $o2 AND "
	    "version = 1", &b);
	rx_place_init(&place, s, "350102001001\0\0\0", fixture_id[O2],
	    fixture_id[C1], RX_TABLE_RECORD, 6, 1);
	rx_status_clear(&st);
	rc = rx_field_open(&note, b.b, b.len, key, RX_COMP_NARRATIVE, &place,
	    &st);
	rx_buf_free(&b);
	rx_buf_free(&note);
	return (rc == RX_OK);
}

/* The narrative key of c1 by the slot key ${slot} and the row of slot_key, when
 * there is one in ${dir}. */
static bool
leads_on(struct rx_key *key, const struct rx_session *s, const char *dir,
    const struct rx_key *slot)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_place place;
	rx_err rc;

	if (fixture_number(dir, "SELECT count(*) FROM keys.slot_key WHERE "
	    "child = $c1") == 0)
		return (false);
	fixture_blob(dir, "SELECT narrative FROM keys.slot_key WHERE child = "
	    "$c1", &b);
	rx_place_init(&place, s, "", fixture_id[C1], fixture_id[C1],
	    RX_TABLE_SLOT_KEY, 3, 1);
	rx_status_clear(&st);
	rc = rx_envelope_open(key->b, RX_KEY_BYTES, b.b, b.len, slot,
	    RX_ENV_KEY, RX_COMP_NARRATIVE, 1, &place, &st);
	rx_buf_free(&b);
	return (rc == RX_OK);
}

/* The supervisor, to whom c1 was flagged, kept the content of before, and his
 * slot with it.  What it holds is no key of the case, and the row that it leads to
 * went with the keys. */
static void
test_open_slot_of_an_old_content_backup_leads_nowhere_with_current_keys(
    void **state)
{
	const char *old = fixture_dir(), *now = erased_copy(), *both;
	struct rx_session *s = fixture_open(now, "s1");
	struct rx_grant g;
	struct rx_key key;

	(void)state;
	both = mixed(old, now);
	rx_status_clear(&st);
	slot_of(&g, s, both);
	assert_int_equal(g.kind, RX_GRANT_SLOT);
	assert_false(opens_note(s, both, &g.keys[1]));
	assert_false(leads_on(&key, s, both, &g.keys[1]));
	/* Control: with the keys of before it leads to the note, ... */
	assert_true(leads_on(&key, s, old, &g.keys[1]));
	assert_true(opens_note(s, old, &key));
	/* ... and so would it with those of now, did it hold what it leads to. */
	assert_true(opens_note(s, both, &key));
	rx_wipe(&key, sizeof(key));
	rx_wipe(&g, sizeof(g));
	rx_session_close(s);
}

/* Expect that ${dir} does not verify, with ${msg}. */
static void
refuses(const char *dir, const char *user, enum rx_msg msg)
{
	struct rx_session *s = fixture_open(dir, user);
	size_t n;

	rx_status_clear(&st);
	assert_int_equal(rx_erasure_verify(s, &n, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, msg);
	rx_status_clear(&st);
	assert_int_equal(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st),
	    RX_ECORRUPT);
	rx_session_close(s);
}

static void
test_row_of_an_erased_child_that_is_put_back_is_found(void **state)
{
	static const struct {
		const char *get, *put;
	} rows[] = {
		{ "SELECT sealed FROM main.slot WHERE child = $c1 LIMIT 1",
		    "INSERT INTO main.slot VALUES($c1, $s1, ?1)" },
		{ "SELECT sealed FROM main.slot WHERE child = $c1 LIMIT 1",
		    "INSERT INTO keys.slot VALUES($c1, $s1, ?1)" },
		{ "SELECT identity FROM keys.slot_key WHERE child = $c1",
		    "INSERT INTO keys.slot_key VALUES($c1, 1, ?1, ?1)" },
		{ "SELECT identity FROM keys.case_key WHERE child = $c1",
		    "INSERT INTO keys.case_key VALUES($c1, 1, '350102001001', "
		    "?1, ?1, ?1)" },
		{ "SELECT coded FROM record WHERE id = $o2", "INSERT INTO "
		    "record VALUES($o2, 1, $c1, '350102001001', "
		    "zeroblob(16), ?1, ?1)" },
	};
	struct rx_buf b = RX_BUF_INIT;
	const char *now = erased_copy(), *dir;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rx_buf_reset(&b);
		fixture_blob(fixture_dir(), rows[i].get, &b);
		dir = fixture_copy_of(now);
		fixture_tamper_blob(dir, rows[i].put, b.b, b.len);
		refuses(dir, "d1", RX_MSG_ERASURE_LEFT);
	}
	rx_buf_free(&b);
}

/* Without its certificate an erased child could come back. */
static void
test_certificate_of_erasure_that_is_deleted_is_found(void **state)
{
	const char *dir = erased_copy();
	struct rx_session *s;

	(void)state;
	fixture_tamper(dir, "DELETE FROM erasure");
	s = fixture_open(dir, "d1");
	rx_status_clear(&st);
	assert_int_equal(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_AUDIT_ROWS);
	rx_session_close(s);
}

/* The reason of another certificate in the place of the own: the supervisor, who
 * cannot read either, sees that it is not what was signed. */
static void
test_certificate_of_erasure_that_is_mixed_is_refused(void **state)
{
	const char *dir = erased_copy();
	struct rx_session *s = fixture_open(dir, "d1");

	(void)state;
	rx_status_clear(&st);
	ok(rx_child_erase(s, fixture_id[C2], "到期", &st), &st);
	rx_session_close(s);
	fixture_tamper(dir, "UPDATE erasure SET narrative = (SELECT narrative "
	    "FROM erasure WHERE child = $c2) WHERE child = $c1");
	refuses(dir, "s1", RX_MSG_ERASURE_CORRUPT);
}

static void
test_certificate_of_erasure_of_another_time_is_refused(void **state)
{
	const char *dir = erased_copy();

	(void)state;
	fixture_tamper(dir, "UPDATE erasure SET time = time - 86400000");
	refuses(dir, "d1", RX_MSG_ERASURE_CORRUPT);
}

/* The id of a record was cut in a copy: what home has erased would stay behind
 * there, so the bundle that says so is not taken. */
static void
test_record_of_a_broken_id_does_not_outlast_an_erasure_at_home(void **state)
{
	static const char left[] = "SELECT (SELECT count(*) FROM main.record "
	    "WHERE child = $c1) + (SELECT count(*) FROM keys.case_key WHERE "
	    "child = $c1)";
	const char *home = fixture_copy();
	const char *whole = fixture_village(home), *cut;
	const int64_t all = fixture_number(whole, left);
	struct rx_session *s = fixture_open(home, "d1");
	struct rx_bundle b;
	char path[300];

	(void)state;
	rx_status_clear(&st);
	ok(rx_child_erase(s, fixture_id[C1], "迁出", &st), &st);
	(void)snprintf(path, sizeof(path), "%s/b.rxb", test_dir());
	ok(rx_bundle_make(s, "350102001001", path, &b, &st), &st);
	rx_session_close(s);
	cut = fixture_copy_of(whole);
	fixture_tamper(cut, "PRAGMA ignore_check_constraints = 1; "
	    "UPDATE main.record SET id = CAST(substr(id, 1, 15) AS BLOB) "
	    "WHERE id = $o2");
	s = fixture_open(cut, "d1");
	assert_int_equal(rx_bundle_open(s, path, true, &b, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_SEALED_CORRUPT);
	rx_status_clear(&st);
	rx_session_close(s);
	assert_int_equal(fixture_number(cut, left), all);
	/* The control. */
	s = fixture_open(whole, "d1");
	ok(rx_bundle_open(s, path, true, &b, &st), &st);
	rx_session_close(s);
	assert_int_equal(fixture_number(whole, left), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
    test_erased_child_from_an_old_content_backup_with_current_keys_does_not_open),
		cmocka_unit_test(
    test_open_slot_of_an_old_content_backup_leads_nowhere_with_current_keys),
		cmocka_unit_test(
		    test_row_of_an_erased_child_that_is_put_back_is_found),
		cmocka_unit_test(
		    test_certificate_of_erasure_that_is_deleted_is_found),
		cmocka_unit_test(
		    test_certificate_of_erasure_that_is_mixed_is_refused),
		cmocka_unit_test(
		    test_certificate_of_erasure_of_another_time_is_refused),
		cmocka_unit_test(
    test_record_of_a_broken_id_does_not_outlast_an_erasure_at_home),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
