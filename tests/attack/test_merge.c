/*
 * A copy or a register in which somebody exchanged rows of keys or of records, at
 * the moment when a bundle comes from there or to it: it is refused, and nothing
 * of it stays.
 */

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "crypto/container.h"
#include "tests/fixture.h"

#define VILLAGE "350102001001"
#define NEXT "350102001002"
#define TOWN "350102001"

static struct rx_status st;

#define must(expr) (rx_status_clear(&st), ok((expr), &st))

static void
observe(const char *dir, const char *user, const char *id, const char *of)
{
	struct rx_session *s = fixture_open(dir, user);
	char text[300];

	(void)snprintf(text, sizeof(text), "{%s%s%s\"child\":\"%s\","
	    "\"date\":\"2025-06-03\",\"channel\":\"home_visit\",\"signs\":"
	    "[\"mood_low\"],\"risk\":\"yellow\"}", id != NULL ? "\"id\":\"" : "",
	    id != NULL ? id : "", id != NULL ? "\"," : "", of);
	fixture_save(s, RX_OBSERVATION, text, false, NULL);
	rx_session_close(s);
}

/* c1 and c2 have new keys. */
static void
renew(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");
	size_t n;

	must(rx_rotate(s, NULL, &n, &st));
	rx_session_close(s);
	observe(dir, "d1", NULL, "c1");
	observe(dir, "d1", NULL, "c2");
}

/* A bundle of ${user} in ${from} for ${unit}. */
static const char *
make(const char *from, const char *user, const char *unit)
{
	static char path[300];
	static unsigned n;
	struct rx_session *s = fixture_open(from, user);
	struct rx_bundle b;

	(void)snprintf(path, sizeof(path), "%s/b%u", test_dir(), n++);
	must(rx_bundle_make(s, unit, path, &b, &st));
	rx_session_close(s);
	return (path);
}

static rx_err
take(const char *to, const char *user, const char *path)
{
	struct rx_session *s = fixture_open(to, user);
	struct rx_bundle b;
	rx_err rc;

	rx_status_clear(&st);
	rc = rx_bundle_open(s, path, true, &b, &st);
	rx_session_close(s);
	return (rc);
}

/* ${user} of ${to} refuses ${path}, and nothing is changed there. */
static void
refuses(const char *to, const char *user, const char *path, rx_err code,
    enum rx_msg msg)
{
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	char text[400];
	rx_err rc;

	rx_session_close(fixture_open(to, user));
	fixture_digest(to, before);
	rc = take(to, user, path);
	rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
	if (rc != code || st.msg != msg)
		fail_msg("%d, %s", (int)rc, text);
	fixture_digest(to, after);
	assert_memory_equal(before, after, sizeof(before));
}

/* ---- keys of a case ---- */

/* In the copy the same key lies under the unit's in another box. */
static void
test_keys_of_the_same_epoch_in_another_box_are_refused(void **state)
{
	const char *home = fixture_copy(), *village = fixture_village(home);
	uint8_t box[RX_ENV_OVERHEAD + RX_KEY_BYTES];
	const struct rx_key *unit_key;
	struct rx_session *s;
	struct rx_place place;
	struct rx_case c;

	(void)state;
	observe(village, "d1", "x1", "c1");
	ok(take(fixture_copy_of(home), "d1", make(village, "d1", VILLAGE)),
	    &st);					/* the control */
	s = fixture_open(village, "d1");
	rx_case_init(&c);
	must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS, &st));
	must(rx_unit_key(s, VILLAGE1, RX_COMP_CODED, 1, &unit_key, NULL,
	    &st));
	rx_place_init(&place, s, VILLAGE1, fixture_id[C1], fixture_id[C1],
	    RX_TABLE_CASE_KEY, 5, 1);
	must(rx_envelope_seal(box, unit_key, RX_ENV_KEY, RX_COMP_CODED, 1,
	    &place, c.e[0].key[2]->b, RX_KEY_BYTES, &st));
	rx_case_done(&c, s);
	rx_session_close(s);
	fixture_tamper_blob(village, "UPDATE keys.case_key SET coded = ?1 "
	    "WHERE child = $c1", box, sizeof(box));
	refuses(home, "d1", make(village, "d1", VILLAGE), RX_ECORRUPT,
	    RX_MSG_BUNDLE_KEYS_DIFFER);
}

/* Home has the first keys of the case beside the third: somebody put them back. */
static void
test_keys_put_back_do_not_merge(void **state)
{
	const char *home = fixture_copy(), *old = fixture_copy_of(home);
	const char *village = fixture_village(home);
	char sql[600];

	(void)state;
	observe(village, "d1", "x1", "c1");
	renew(home);
	renew(home);
	ok(take(fixture_copy_of(home), "d1", make(village, "d1", VILLAGE)),
	    &st);					/* the control */
	(void)snprintf(sql, sizeof(sql), "ATTACH '%s/keys.db' AS old; INSERT "
	    "INTO keys.case_key SELECT * FROM old.case_key WHERE child = $c1",
	    old);
	fixture_tamper(home, sql);
	refuses(home, "d1", make(village, "d1", VILLAGE), RX_ECORRUPT,
	    RX_MSG_BUNDLE_KEYS_DIFFER);
}

/* A case with new keys moves at home; in the copy its link is another. */
static void
test_links_that_a_move_does_not_follow_are_refused(void **state)
{
	const char *home = fixture_copy(), *village, *path;
	struct rx_session *d1, *d2;
	char number[16];

	(void)state;
	renew(home);
	village = fixture_village(home);
	d1 = fixture_open(home, "d1");
	d2 = fixture_open(home, "d2");
	must(rx_transfer_offer(d1, fixture_id[C2], NEXT, "搬家", &st));
	must(rx_transfer_accept(d2, fixture_id[C2], number, &st));
	rx_session_close(d1);
	rx_session_close(d2);
	path = make(home, "s1", TOWN);
	ok(take(fixture_copy_of(village), "s1", path), &st);	/* the control */
	fixture_tamper(village, "UPDATE keys.case_link SET coded = narrative "
	    "WHERE child = $c2");
	refuses(village, "s1", path, RX_ECORRUPT, RX_MSG_BUNDLE_KEYS_DIFFER);
}

/* ---- records ---- */

/* d1 puts in the place of an observation, of the same version, what he says is an
 * intervention. */
static void
test_same_version_of_another_kind_is_refused(void **state)
{
	static const enum rx_type kinds[2] = { RX_OBSERVATION,
	    RX_INTERVENTION };
	const char *home, *village;
	struct rx_session *s;
	struct rx_record r;
	struct rx_case c;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		home = fixture_copy();
		village = fixture_village(home);
		fixture_tamper(village, "DELETE FROM record WHERE id = $o2");
		s = fixture_open(village, "d1");
		rx_record_init(&r);
		r.type = kinds[i];
		memcpy(r.id, fixture_id[O2], RX_ID_BYTES);
		r.version = 1;
		memcpy(r.child, fixture_id[C1], RX_ID_BYTES);
		memcpy(r.unit, VILLAGE1, RX_UNIT_BYTES);
		memcpy(r.author, s->user_id, RX_ID_BYTES);
		r.at = rx_session_now(s);
		must(rx_record_set_text(&r, RX_F_CALLER_ID, "o2", 2, &st));
		must(rx_record_set_int(&r, RX_F_DATE, rx_date_today(), &st));
		must(rx_begin(s, &st));
		rx_case_init(&c);
		must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1,
		    RX_CASE_KEYS, &st));
		must(rx_row_insert(s, &c, &r, &st));
		must(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
		rx_case_done(&c, s);
		rx_record_free(&r);
		rx_session_close(s);
		if (kinds[i] == RX_OBSERVATION)		/* the control */
			ok(take(home, "d1", make(village, "d1", VILLAGE)),
			    &st);
		else
			refuses(home, "d1", make(village, "d1", VILLAGE),
			    RX_ECORRUPT, RX_MSG_BUNDLE_VERSION);
	}
}

/* A copy in which a record has lost its id hears of somebody's end, so that all
 * records of the case are read again. */
static void
test_record_without_an_id_is_seen_by_who_reads_all(void **state)
{
	const char *home = fixture_copy(), *village = fixture_village(home), *path;
	struct rx_session *admin = fixture_open(home, "admin");

	(void)state;
	must(rx_user_disable(admin, "gone", &st));
	rx_session_close(admin);
	rx_session_close(fixture_open(home, "d1"));
	path = make(home, "s1", VILLAGE);
	ok(take(fixture_copy_of(village), "d1", path), &st);	/* the control */
	fixture_tamper(village, "PRAGMA ignore_check_constraints = 1; UPDATE "
	    "record SET id = x'01' WHERE id = $o3");
	refuses(village, "d1", path, RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
}

/* ---- what was written twice ---- */

static rx_err
count_each(void *cookie, const struct rx_record *r, struct rx_status *u)
{

	(void)r;
	(void)u;
	(*(size_t *)cookie)++;
	return (RX_OK);
}

/* What is kept beside the records of c1 is a row of something else: whoever looks at
 * it is shown nothing. */
static void
test_kept_row_that_is_of_no_case_is_not_shown(void **state)
{
	static const struct {
		enum rx_query q;
		enum rx_table table;
		enum fixture_id id;
		rx_err rc;
	} what[] = {
		{ RX_Q_RECORDS_ALL, RX_TABLE_RECORD, C1, RX_OK },
		{ RX_Q_ACTIVITY, RX_TABLE_ACTIVITY, A1, RX_ECORRUPT },
	};
	struct rx_buf rows = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_value arg;
	const char *dir;
	size_t i, n;
	rx_err rc;

	(void)state;
	for (i = 0; i < sizeof(what) / sizeof(what[0]); i++) {
		dir = fixture_copy();
		s = fixture_open(dir, "d1");
		arg = rx_bytes(fixture_id[what[i].id], RX_ID_BYTES);
		rx_buf_reset(&rows);
		must(rx_rows_add(&rows, s, what[i].q, what[i].table, &arg,
		    &st));
		fixture_tamper_blob(dir, "INSERT INTO conflict VALUES(4, $o1, "
		    "1, zeroblob(32), $c1, '350102001001', ?1)", rows.b + 4,
		    rx_get32(rows.b));
		n = 0;
		rx_status_clear(&st);
		rc = rx_conflict_each(s, fixture_id[C1], count_each, &n, &st);
		assert_int_equal(rc, what[i].rc);	/* the first: the control */
		assert_int_equal(n, rc == RX_OK);
		assert_true(rc == RX_OK || st.msg == RX_MSG_BUNDLE_CORRUPT);
		assert_false(rx_store_in_transaction(s->store));
		rx_session_close(s);
	}
	rx_buf_free(&rows);
}

/* ---- what the sender signed is not a bundle ---- */

/* Seal ${n} bytes to d1 of home, signed by d1 of ${village}. */
static const char *
sealed(const char *village, const void *p, size_t n)
{
	static char path[300];
	struct rx_session *s = fixture_open(village, "d1");
	struct rx_container_head head;
	struct rx_buf b = RX_BUF_INIT, out = RX_BUF_INIT;
	uint8_t digest[RX_HASH_BYTES];
	struct rx_container c;
	struct rx_recipient r;

	must(rx_file_read(&b, make(village, "d1", VILLAGE), SIZE_MAX, &st));
	must(rx_container_read(&c, b.b, b.len, &st));
	head = c.head;
	memcpy(r.user, s->user_id, RX_ID_BYTES);
	memcpy(r.box_public, s->id->box_public, RX_BOX_PUBLIC_BYTES);
	must(rx_container_seal(&out, &head, &r, 1, s->id->sign_secret, p, n,
	    digest, &st));
	(void)snprintf(path, sizeof(path), "%s/sealed", test_dir());
	must(rx_file_write(path, out.b, out.len, 0600, true, &st));
	rx_session_close(s);
	rx_buf_free(&b);
	rx_buf_free(&out);
	return (path);
}

static void
test_body_that_is_too_short_is_refused(void **state)
{
	static const uint8_t body[50];
	const char *home = fixture_copy(), *village = fixture_village(home);

	(void)state;
	observe(village, "d1", "x1", "c1");
	refuses(home, "d1", sealed(village, body, sizeof(body)), RX_ECORRUPT,
	    RX_MSG_BUNDLE_CORRUPT);
}

/* Whoever only looks at a bundle is not told that a member sent it. */
static void
test_bundle_with_another_signature_is_not_shown(void **state)
{
	const char *home = fixture_copy(), *village = fixture_village(home), *path;
	struct rx_session *s = fixture_open(home, "d1");
	struct rx_buf b = RX_BUF_INIT;
	struct rx_bundle info;

	(void)state;
	path = make(village, "d1", VILLAGE);
	must(rx_file_read(&b, path, SIZE_MAX, &st));
	must(rx_bundle_look(s, b.b, b.len, &info, &st));	/* the control */
	assert_true(info.known);
	b.b[b.len - 1] ^= 1;
	rx_status_clear(&st);
	assert_int_equal(rx_bundle_look(s, b.b, b.len, &info, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_BUNDLE_CORRUPT);
	rx_buf_free(&b);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_keys_of_the_same_epoch_in_another_box_are_refused),
		cmocka_unit_test(test_keys_put_back_do_not_merge),
		cmocka_unit_test(
		    test_links_that_a_move_does_not_follow_are_refused),
		cmocka_unit_test(test_same_version_of_another_kind_is_refused),
		cmocka_unit_test(
		    test_record_without_an_id_is_seen_by_who_reads_all),
		cmocka_unit_test(test_body_that_is_too_short_is_refused),
		cmocka_unit_test(
		    test_bundle_with_another_signature_is_not_shown),
		cmocka_unit_test(test_kept_row_that_is_of_no_case_is_not_shown),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
