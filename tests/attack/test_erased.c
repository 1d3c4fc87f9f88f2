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

/* The keys of c1, as its director has them in ${dir}. */
static void
case_keys(const char *dir, struct rx_key key[2])
{
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_case c;
	size_t k;

	rx_case_init(&c);
	ok(rx_case_load(&c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS, &st),
	    &st);
	for (k = 0; k < 2; k++)
		key[k] = *c.e[c.n - 1].key[k];
	rx_case_done(&c, s);
	rx_session_close(s);
}

/* What lies in the slot for s1 in c1 that is in ${dir}. */
static void
slot_open(const char *dir, struct rx_session *s, struct rx_grant *g)
{
	struct rx_buf box = RX_BUF_INIT;

	fixture_blob(dir, "SELECT sealed FROM main.slot WHERE child = $c1 AND "
	    "recipient = $s1", &box);
	ok(rx_grant_open(g, box.b, box.len, s->id, &st), &st);
	rx_buf_free(&box);
}

/* Whether ${slot} opens the box of ${sql}, in the place of column ${k} of slot_key,
 * and what it leads to is ${key}. */
static bool
leads_to(const char *dir, struct rx_session *s, const char *sql, size_t k,
    const struct rx_key *slot, const struct rx_key *key)
{
	struct rx_buf box = RX_BUF_INIT;
	struct rx_place place;
	struct rx_status no;
	struct rx_key out;
	bool does;

	rx_status_clear(&no);
	fixture_blob(dir, sql, &box);
	rx_place_init(&place, s, "", fixture_id[C1], fixture_id[C1],
	    RX_TABLE_SLOT_KEY, (uint32_t)(2 + k), 1);
	does = rx_envelope_open(out.b, RX_KEY_BYTES, box.b, box.len, slot,
	    RX_ENV_KEY, k == 0 ? RX_COMP_IDENTITY : RX_COMP_NARRATIVE, 1,
	    &place, &no) == RX_OK && rx_equal(out.b, key->b, RX_KEY_BYTES);
	rx_buf_free(&box);
	return (does);
}

#define LEADS_I "SELECT identity FROM keys.slot_key WHERE child = $c1"
#define LEADS_N "SELECT narrative FROM keys.slot_key WHERE child = $c1"

/* Slots are in the old content, and one of them is the supervisor's, open. */
static void
test_slot_from_an_old_content_backup_opens_nothing_of_an_erased_child(
    void **state)
{
	const char *old = fixture_dir(), *now = erased_copy();
	const char *dir = mixed(old, now);
	struct rx_buf keys = RX_BUF_INIT, lead = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_key key[2];
	struct rx_grant g;
	char path[512];
	size_t k, n;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(dir, "s1");
	slot_open(dir, s, &g);
	assert_int_equal(g.kind, RX_GRANT_SLOT);
	assert_int_not_equal(fixture_show(s, fixture_id[C1], "reason", &n,
	    &st), RX_OK);
	assert_int_equal(n, 0);
	/* What it holds is no key of the case, and the row that it leads to is
	 * not in the keys of now, neither as a row nor as bytes. */
	case_keys(old, key);
	for (k = 0; k < 2; k++)
		assert_memory_not_equal(g.keys[k].b, key[k].b, RX_KEY_BYTES);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.slot_key WHERE child = $c1"), 0);
	(void)snprintf(path, sizeof(path), "%s/keys.db", now);
	ok(rx_file_read(&keys, path, SIZE_MAX, &st), &st);
	fixture_blob(old, LEADS_I, &lead);
	assert_null(memmem(keys.b, keys.len, lead.b + lead.len - 32, 32));
	rx_buf_reset(&lead);
	fixture_blob(old, LEADS_N, &lead);
	assert_null(memmem(keys.b, keys.len, lead.b + lead.len - 32, 32));
	/* The control: that row and the slot are all that it takes. */
	assert_true(leads_to(old, s, LEADS_I, 0, &g.keys[0], &key[0]));
	assert_true(leads_to(old, s, LEADS_N, 1, &g.keys[1], &key[1]));
	rx_session_close(s);
	s = fixture_open(mixed(old, old), "s1");
	rx_status_clear(&st);
	ok(fixture_show(s, fixture_id[C1], "reason", &n, &st), &st);
	assert_true(n > 0);
	rx_session_close(s);
	rx_wipe(&g, sizeof(g));
	rx_buf_free(&keys);
	rx_buf_free(&lead);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
    test_erased_child_from_an_old_content_backup_with_current_keys_does_not_open),
		cmocka_unit_test(
	    test_slot_from_an_old_content_backup_opens_nothing_of_an_erased_child),
		cmocka_unit_test(
		    test_row_of_an_erased_child_that_is_put_back_is_found),
		cmocka_unit_test(
		    test_certificate_of_erasure_that_is_deleted_is_found),
		cmocka_unit_test(
		    test_certificate_of_erasure_that_is_mixed_is_refused),
		cmocka_unit_test(
		    test_certificate_of_erasure_of_another_time_is_refused),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
