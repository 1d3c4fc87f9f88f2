/* Attacks around a session: what is put back, changed behind its back, or
 * written by somebody who is a member but not the right one. */

#include <string.h>

#include "base/date.h"
#include "tests/fixture.h"

/* Delete the newest version of o1 and its part of the manifest, as a program
 * of one's own would; the audit is left alone. */
static void
delete_quietly(const char *dir)
{
	struct rx_value key[2] = { rx_bytes(fixture_id[O1], RX_ID_BYTES),
	    rx_int(2) };
	struct rx_store *store;
	struct rx_status st;
	bool deleted;

	rx_status_clear(&st);
	ok(rx_store_open(&store, dir, &st), &st);
	ok(rx_store_begin(store, &st), &st);
	ok(rx_store_delete(store, RX_TABLE_RECORD, key, &deleted, &st), &st);
	assert_true(deleted);
	ok(rx_store_commit(store, &st), &st);
	rx_store_close(store);
}

static void
test_change_behind_an_open_session_is_not_signed_for(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	delete_quietly(dir);
	refused(rx_begin(s, &st), RX_ECORRUPT, &st);
	assert_false(rx_store_in_transaction(s->store));

	/* Control: an entry without that check signs for it, and then the audit
	 * finds nothing. */
	ok(rx_store_begin(s->store, &st), &st);
	ok(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st), &st);
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
}

static void
test_open_session_learns_of_newcomers_and_of_its_own_revocation(void **state)
{
	const char *dir = fixture_copy();
	struct rx_secret *p = test_passphrase("d9-pass");
	struct rx_session *s = fixture_open(dir, "d1"), *other;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	other = fixture_open(dir, "admin");
	ok(rx_user_add(other, "d9", RX_ROLE_DIRECTOR, "350102002002", p, &st),
	    &st);
	rx_secret_free(p);
	rx_session_close(other);
	/* The administrator is known: his entry is no obstacle. */
	ok(rx_begin(s, &st), &st);
	rx_store_rollback(s->store);
	other = fixture_open(dir, "d9");
	rx_session_close(other);
	/* So is the newcomer, as soon as he has written. */
	ok(rx_begin(s, &st), &st);
	rx_store_rollback(s->store);
	other = fixture_open(dir, "admin");
	ok(rx_user_disable(other, "d1", &st), &st);
	rx_session_close(other);
	assert_int_equal(rx_begin(s, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_NOT_A_MEMBER);
	rx_session_close(s);
}

/* Not revoked: somebody has taken all his certificates out of the files. */
static void
test_session_whose_certificates_are_gone_writes_nothing(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	int64_t entries;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	ok(rx_begin(s, &st), &st);			/* the control */
	rx_store_rollback(s->store);
	entries = fixture_number(dir, "SELECT count(*) FROM audit");
	fixture_tamper(dir, "DELETE FROM keys.cert WHERE user = $d1");
	assert_int_equal(rx_begin(s, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_NOT_A_MEMBER);
	assert_false(rx_store_in_transaction(s->store));
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM audit"),
	    entries);
	rx_session_close(s);
}

/* d2 changes his passphrase; the administrator certifies, d2 takes it up.  The
 * keyblob and the request of before are put in the buffers. */
static void
change_keys(const char *dir, struct rx_buf *keyblob, struct rx_buf *request)
{
	struct rx_secret *p = test_passphrase("another");
	struct rx_session *s;
	struct rx_status st;

	rx_status_clear(&st);
	fixture_blob(dir, "SELECT keyblob FROM keys.user WHERE id = $d2",
	    keyblob);
	s = fixture_open(dir, "d2");
	ok(rx_session_passwd(s, p, &st), &st);
	rx_session_close(s);
	fixture_blob(dir, "SELECT request FROM keys.request WHERE id = $d2",
	    request);
	rx_session_close(fixture_open(dir, "admin"));
	ok(rx_session_open(&s, dir, "d2", p, &st), &st);
	rx_session_close(s);
	rx_secret_free(p);
}

static void
test_keyblob_of_before_the_change_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_buf old = RX_BUF_INIT, request = RX_BUF_INIT;
	struct rx_secret *p = test_passphrase("d2-pass");
	struct rx_keyblob blob;
	struct rx_session *s;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	change_keys(dir, &old, &request);
	fixture_tamper_blob(dir, "UPDATE keys.user SET keyblob = ?1 "
	    "WHERE id = $d2", old.b, old.len);
	assert_int_equal(fixture_try(&s, dir, "d2", &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_KEYBLOB_CORRUPT);

	/* Control: by itself it is a good keyblob, and opens. */
	rx_status_clear(&st);
	s = fixture_open(dir, "d1");
	ok(rx_keyblob_open(&blob, old.b, old.len, NULL, p, s->store_id,
	    fixture_id[D2], &st), &st);
	rx_secret_free(p);
	rx_wipe(&blob, sizeof(blob));
	rx_session_close(s);
	rx_buf_free(&old);
	rx_buf_free(&request);
}

static void
test_request_by_replaced_keys_is_not_certified(void **state)
{
	static const char count[] =
	    "SELECT count(*) FROM keys.cert WHERE user = $d2";
	const char *dir = fixture_copy();
	struct rx_buf old = RX_BUF_INIT, request = RX_BUF_INIT;
	struct rx_session *s;
	int64_t before;

	(void)state;
	change_keys(dir, &old, &request);
	before = fixture_number(dir, count);
	fixture_tamper_blob(dir, "INSERT INTO keys.request(id, request) "
	    "VALUES($d2, ?1)", request.b, request.len);
	s = fixture_open(dir, "admin");
	assert_int_equal(fixture_number(dir, count), before);

	/* Control: the old certificate is there still, and would verify it for
	 * a time at which it was valid. */
	assert_true(rx_member_signed(s, fixture_id[D2],
	    s->members[rx_member_first(s, fixture_id[D2])].cert.not_before,
	    request.b + request.len - RX_SIGNATURE_BYTES, "runxin request v1",
	    request.b, request.len - RX_SIGNATURE_BYTES));
	rx_session_close(s);
	rx_buf_free(&old);
	rx_buf_free(&request);
}

/* His own keys sign it, so only its form is wrong: another header, and more or less
 * of it than there is to be. */
static void
test_request_of_another_form_is_not_certified(void **state)
{
	/* The byte that is another, the length; the last is the control. */
	static const struct { int at, more; } of[] = { { 0, 0 }, { 4, 0 },
	    { 7, 0 }, { -1, -1 }, { -1, 1 }, { -1, 0 } };
	static const char count[] =
	    "SELECT count(*) FROM keys.cert WHERE user = $d2";
	static const size_t n = sizeof(of) / sizeof(of[0]);
	struct rx_secret *p = test_passphrase("another");
	struct rx_buf request = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_status st;
	const char *dir;
	size_t i, end;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < n; i++) {
		dir = fixture_copy();
		s = fixture_open(dir, "d2");
		ok(rx_session_passwd(s, p, &st), &st);
		rx_buf_reset(&request);
		fixture_blob(dir, "SELECT request FROM keys.request WHERE id "
		    "= $d2", &request);
		end = request.len - RX_SIGNATURE_BYTES;
		if (of[i].at >= 0)
			request.b[of[i].at] ^= 1;
		rx_sign(request.b + end, s->id->sign_secret,
		    "runxin request v1", request.b, end);
		ok(rx_buf_add(&request, "", 1, &st), &st);
		fixture_tamper_blob(dir, "UPDATE keys.request SET request = ?1 "
		    "WHERE id = $d2", request.b, (size_t)((int)request.len -
		    1 + of[i].more));
		rx_session_close(s);
		rx_session_close(fixture_open(dir, "admin"));
		assert_int_equal(fixture_number(dir, count), i + 1 == n ? 2 :
		    1);
		/* What is not certified stays, and is shown. */
		assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
		    "keys.request"), i + 1 == n ? 0 : 1);
	}
	rx_secret_free(p);
	rx_buf_free(&request);
}

#define OBSERVATION(id, child, signs) "{\"id\":\"" id "\",\"child\":\"" \
    child "\",\"date\":\"2025-06-03\",\"channel\":\"talk\",\"signs\":[" \
    signs "],\"risk\":\"green\"}"

static void
case_state(struct rx_session *s, const uint8_t *id, struct rx_case_state *cs)
{
	struct rx_status st;
	struct rx_case c;

	rx_status_clear(&st);
	rx_case_init(&c);
	ok(rx_case_load(&c, s, id, VILLAGE1, RX_CASE_KEYS, &st), &st);
	ok(rx_case_state(s, &c, cs, NULL, NULL, &st), &st);
	rx_case_done(&c, s);
}

static void
test_correction_does_not_take_a_flag_back(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_case_state cs;
	uint8_t id[RX_ID_BYTES];

	(void)state;
	/* Control: without an urgent sign there is no flag. */
	fixture_save(s, RX_OBSERVATION, OBSERVATION("o90", "c2", ""), false,
	    id);
	case_state(s, fixture_id[C2], &cs);
	assert_false(cs.flagged);
	fixture_save(s, RX_OBSERVATION, OBSERVATION("o91", "c2",
	    "\"self_harm\""), false, id);
	fixture_save(s, RX_OBSERVATION, OBSERVATION("o91", "c2", ""), true,
	    id);
	case_state(s, fixture_id[C2], &cs);
	assert_true(cs.flagged);
	/* The same correction again changes nothing. */
	fixture_save(s, RX_OBSERVATION, OBSERVATION("o91", "c2", ""), true,
	    id);
	assert_int_equal(fixture_number(dir, "SELECT max(version) FROM "
	    "main.record WHERE id NOT IN ($o1)"), 2);
	rx_session_close(s);
}

static void
test_id_of_another_childs_record_is_a_conflict(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	static const char text[] = OBSERVATION("o1", "c2", "");
	struct rx_save_result result;
	struct rx_status st;
	json_t *json;

	(void)state;
	rx_status_clear(&st);
	ok(rx_json_parse(&json, text, strlen(text), &st), &st);
	refused(rx_save(s, RX_OBSERVATION, json, false, &result, &st),
	    RX_ECONFLICT, &st);
	refused(rx_save(s, RX_OBSERVATION, json, true, &result, &st),
	    RX_ECONFLICT, &st);
	json_decref(json);
	rx_session_close(s);
}

static void
test_nobody_decides_his_own_flag_by_a_second_role(void **state)
{
	const char *dir = fixture_copy();
	struct rx_flag_row flag;
	struct rx_session *s;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(dir, "admin");
	ok(rx_user_add(s, "d1", RX_ROLE_SUPERVISOR, "350102001", NULL, &st),
	    &st);
	rx_session_close(s);
	/* Who holds the other village's coded key hands it on. */
	rx_session_close(fixture_open(dir, "d2"));
	s = fixture_open(dir, "d1");
	flag = fixture_flag(s);
	assert_int_equal(flag.state, RX_FLAG_OPEN);
	assert_true(rx_permitted(s, RX_ACT_SUPERVISE, VILLAGE1));
	assert_int_equal(rx_review_decide(s, &flag, "close", "x", &st),
	    RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_OWN_FLAG);
	rx_session_close(s);

	/* Control: another supervisor of the township may. */
	rx_status_clear(&st);
	s = fixture_open(dir, "s1");
	ok(rx_review_decide(s, &flag, "close", "x", &st), &st);
	rx_session_close(s);
}

/* A review that closes the flag of c1, by a director who holds its keys. */
static void
forge_review(struct rx_session *s)
{
	struct rx_flag_row flag;
	struct rx_status st;
	struct rx_record r;
	struct rx_case c;

	rx_status_clear(&st);
	flag = fixture_flag(s);
	rx_record_init(&r);
	r.type = RX_REVIEW;
	r.version = 1;
	r.at = rx_time_now();
	rx_uuid7(r.id, r.at);
	memcpy(r.child, fixture_id[C1], RX_ID_BYTES);
	memcpy(r.unit, VILLAGE1, RX_UNIT_BYTES);
	memcpy(r.author, s->user_id, RX_ID_BYTES);
	ok(rx_record_set_text(&r, RX_F_CALLER_ID, "r90", 3, &st), &st);
	ok(rx_record_set_text(&r, RX_F_REASON, "x", 1, &st), &st);
	ok(rx_record_set_int(&r, RX_F_DATE, rx_date_today(), &st), &st);
	ok(rx_record_set_int(&r, RX_F_DECISION,
	    rx_code_by_key(RX_LIST_DECISION, "close")->no, &st), &st);
	ok(rx_record_set_ids(&r, RX_F_FLAG, flag.id, 1, &st), &st);
	rx_case_init(&c);
	ok(rx_begin(s, &st), &st);
	ok(rx_case_load(&c, s, r.child, r.unit, RX_CASE_KEYS, &st), &st);
	ok(rx_row_insert(s, &c, &r, &st), &st);
	ok(rx_finish(s, RX_OK, RX_DID_SAVE, r.id, NULL, &st), &st);
	rx_case_done(&c, s);
	rx_record_free(&r);
}

static void
test_review_by_a_director_is_not_shown_as_one(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_status st;
	size_t n;

	(void)state;
	rx_status_clear(&st);
	ok(fixture_show(s, fixture_id[C1], NULL, &n, &st), &st);
	forge_review(s);
	assert_int_equal(fixture_show(s, fixture_id[C1], NULL, &n, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_SIGNATURE_CORRUPT);

	/* Control: chain and rows are in order; only his role is not. */
	rx_status_clear(&st);
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_change_behind_an_open_session_is_not_signed_for),
		cmocka_unit_test(test_open_session_learns_of_newcomers_and_of_its_own_revocation),
		cmocka_unit_test(
		    test_session_whose_certificates_are_gone_writes_nothing),
		cmocka_unit_test(test_keyblob_of_before_the_change_is_refused),
		cmocka_unit_test(
		    test_request_by_replaced_keys_is_not_certified),
		cmocka_unit_test(
		    test_request_of_another_form_is_not_certified),
		cmocka_unit_test(test_correction_does_not_take_a_flag_back),
		cmocka_unit_test(
		    test_id_of_another_childs_record_is_a_conflict),
		cmocka_unit_test(
		    test_nobody_decides_his_own_flag_by_a_second_role),
		cmocka_unit_test(test_review_by_a_director_is_not_shown_as_one)
	};
	struct rx_status st;

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("attack: session", tests,
	    fixture_setup, NULL));
}
