/*
 * Erasure: the certificate, who reads it, what it refuses, what is checked.
 */

#include <stdio.h>
#include <string.h>

#include "tests/fixture.h"

static struct rx_status st;

#define try(expr) (rx_status_clear(&st), (expr))
#define must(expr) ok(try(expr), &st)
/* Expect the failure ${code} with the message ${msg}. */
#define refuses(expr, code_, msg_) do { \
	assert_int_equal(expr, code_); \
	assert_int_equal(st.msg, RX_MSG_##msg_); \
} while (0)

static struct rx_erase_order
order_of(const char *reason)
{
	struct rx_erase_order o = {
		reason, RX_GROUND_WITHDRAWN, RX_ASKER_GUARDIAN
	};

	return (o);
}

/* In a copy of the register, erase ${id} as d1. */
static const char *
erased_copy(enum fixture_id id)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_erase_order o = order_of("监护人申请");

	must(rx_child_erase_for(s, fixture_id[id], &o, &st));
	rx_session_close(s);
	return (dir);
}

static struct rx_erasure
find(struct rx_session *s, enum fixture_id id)
{
	char text[RX_UUID_TEXT];
	struct rx_erasure e;

	rx_uuid_text(fixture_id[id], text);
	must(rx_erasure_find(s, text, &e, &st));
	return (e);
}

static void
test_certificate_says_what_was_destroyed_and_why(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_erase_order o = order_of("监护人申请");
	struct rx_erasure e;
	int64_t epochs, slots;

	(void)state;
	epochs = fixture_number(dir, "SELECT (SELECT count(*) FROM "
	    "keys.case_key WHERE child = $c1) + (SELECT count(*) FROM "
	    "keys.case_link WHERE child = $c1)");
	slots = fixture_number(dir, "SELECT count(*) FROM keys.slot "
	    "WHERE child = $c1");
	must(rx_child_erase_for(s, fixture_id[C1], &o, &st));
	e = find(s, C1);
	assert_memory_equal(e.child, fixture_id[C1], RX_ID_BYTES);
	assert_memory_equal(e.unit, VILLAGE1, RX_UNIT_BYTES);
	assert_string_equal(e.author, "d1");
	assert_int_equal(e.ground, RX_GROUND_WITHDRAWN);
	assert_int_equal(e.asker, RX_ASKER_GUARDIAN);
	assert_true(e.reasoned);
	assert_string_equal(e.reason, "监护人申请");
	assert_int_equal(e.versions, 1);
	assert_int_equal(e.records, 2);
	assert_int_equal(e.record_versions, 3);
	assert_int_equal(e.epochs, epochs);
	assert_int_equal(e.slots, slots);
	assert_true(slots > 0);
	assert_true(e.swept);
	rx_session_close(s);
}

static rx_err
counted(void *cookie, const struct rx_erasure *e, struct rx_status *u)
{

	(void)e;
	(void)u;
	++*(size_t *)cookie;
	return (RX_OK);
}

static void
test_supervisor_reads_the_certificate_without_the_reason(void **state)
{
	const char *dir = erased_copy(C1);
	struct rx_session *s = fixture_open(dir, "s1");
	struct rx_erasure e = find(s, C1);
	size_t n = 0;

	(void)state;
	assert_false(e.reasoned);
	assert_string_equal(e.reason, "");
	assert_int_equal(e.records, 2);
	must(rx_erasures(s, counted, &n, &st));
	assert_int_equal(n, 1);
	rx_session_close(s);
}

static void
test_not_permitted_to_read_certificates_of_other_units(void **state)
{
	static const char *const who[] = { "d2", "s2", "st", "admin" };
	const char *dir = erased_copy(C1);
	char text[RX_UUID_TEXT];
	struct rx_erasure e;
	size_t i, n = 0;

	(void)state;
	rx_uuid_text(fixture_id[C1], text);
	for (i = 0; i < 4; i++) {
		struct rx_session *s = fixture_open(dir, who[i]);

		refuses(try(rx_erasure_find(s, text, &e, &st)), RX_EPERM,
		    NOT_PERMITTED);
		if (i < 2) {
			must(rx_erasures(s, counted, &n, &st));
			assert_int_equal(n, 0);
		} else
			refuses(try(rx_erasures(s, counted, &n, &st)),
			    RX_EPERM, CASES_NOT_YOURS);
		rx_session_close(s);
	}
}

static void
test_erasure_unknown_is_refused(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	char text[RX_UUID_TEXT];
	struct rx_erasure e;

	(void)state;
	refuses(try(rx_erasure_find(s, "c1", &e, &st)), RX_ENOENT,
	    ERASURE_UNKNOWN);
	rx_uuid_text(fixture_id[C1], text);
	refuses(try(rx_erasure_find(s, text, &e, &st)), RX_ENOENT,
	    ERASURE_UNKNOWN);
	rx_session_close(s);
}

static void
test_child_erased_is_refused_when_it_is_stored_again(void **state)
{
	static const char text[] = "{\"unit\":\"350102001001\",\"name\":"
	    "\"又来\",\"sex\":\"f\",\"birth\":\"2014-05\",\"categories\":"
	    "[\"orphan\"],\"legal_basis\":\"statutory_duty\"}";
	struct rx_session *s = fixture_open(erased_copy(C1), "d1");
	struct rx_save_result result;
	bool erased;
	json_t *json;

	(void)state;
	must(rx_json_parse(&json, text, strlen(text), &st));
	refuses(try(rx_child_register(s, fixture_id[C1], json, &result, &st)),
	    RX_ECONFLICT, CHILD_ERASED);
	must(rx_erased(s, fixture_id[C1], &erased, &st));
	assert_true(erased);
	/* Control: any other id is taken, and nothing says that it was erased. */
	must(rx_erased(s, fixture_id[O4], &erased, &st));
	assert_false(erased);
	must(rx_child_register(s, fixture_id[O4], json, &result, &st));
	json_decref(json);
	rx_session_close(s);
}

static void
test_erase_reason_names_the_child_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	uint8_t id[RX_ID_BYTES];

	(void)state;
	fixture_save(s, RX_CHILD, "{\"id\":\"named\",\"unit\":\"350102001001\","
	    "\"name\":\"林小满\",\"sex\":\"m\",\"birth\":\"2014-05\","
	    "\"id_number\":\"35010220140507100X\",\"categories\":[\"orphan\"],"
	    "\"legal_basis\":\"statutory_duty\"}", false, id);
	refuses(try(rx_child_erase(s, id, "林小满已迁出", &st)), RX_EUSAGE,
	    ERASE_REASON_NAMES);
	refuses(try(rx_child_erase(s, id, "证件35010220140507100x重复", &st)),
	    RX_EUSAGE, ERASE_REASON_NAMES);
	must(rx_child_erase(s, id, "重复建档", &st));
	rx_session_close(s);
}

static void
test_erase_reason_long_is_refused(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	char text[257 * 3 + 1] = "";
	struct rx_erasure e;
	int i;

	(void)state;
	for (i = 0; i < 257; i++)
		memcpy(text + 3 * i, "删", 4);
	refuses(try(rx_child_erase(s, fixture_id[C1], text, &st)), RX_EUSAGE,
	    ERASE_REASON_LONG);
	text[256 * 3] = '\0';
	must(rx_child_erase(s, fixture_id[C1], text, &st));
	e = find(s, C1);
	assert_string_equal(e.reason, text);
	rx_session_close(s);
}

static void
test_verify_is_content_after_an_erasure(void **state)
{
	struct rx_session *s = fixture_open(erased_copy(C1), "d1");
	size_t n = 0;

	(void)state;
	must(rx_erasure_verify(s, &n, &st));
	assert_int_equal(n, 1);
	must(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st));
	rx_session_close(s);
}

/* The certificate is written and the files are not rewritten, as when the
 * program was killed in between: the next sign-in, whoever's, does it. */
static void
test_files_that_were_not_rewritten_are_at_the_next_sign_in(void **state)
{
	const char *dir = erased_copy(C1);
	struct rx_session *s;
	struct rx_store *store;
	struct rx_erasure e;
	struct rx_value v[6];
	struct rx_buf coded = RX_BUF_INIT, narrative = RX_BUF_INIT;

	(void)state;
	s = fixture_open(dir, "d1");
	e = find(s, C1);
	fixture_blob(dir, "SELECT coded FROM erasure", &coded);
	fixture_blob(dir, "SELECT narrative FROM erasure", &narrative);
	v[0] = rx_bytes(e.child, RX_ID_BYTES);
	v[1] = rx_text(e.unit);
	v[2] = rx_int(e.time);
	v[3] = rx_int(0);
	v[4] = rx_bytes(coded.b, coded.len);
	v[5] = rx_bytes(narrative.b, narrative.len);
	must(rx_begin(s, &st));
	must(rx_store_replace(s->store, RX_TABLE_ERASURE, v, &st));
	must(rx_finish(s, RX_OK, RX_DID_ERASE, NULL, NULL, &st));
	e = find(s, C1);
	assert_false(e.swept);
	{
		size_t n;

		refuses(try(rx_erasure_verify(s, &n, &st)), RX_EIO,
		    ERASE_NOT_SWEPT);
	}
	rx_session_close(s);
	rx_session_close(fixture_open(dir, "st"));
	must(rx_store_open(&store, dir, &st));
	rx_store_close(store);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM erasure "
	    "WHERE swept = 1"), 1);
	rx_buf_free(&coded);
	rx_buf_free(&narrative);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_certificate_says_what_was_destroyed_and_why),
		cmocka_unit_test(
		    test_supervisor_reads_the_certificate_without_the_reason),
		cmocka_unit_test(
		    test_not_permitted_to_read_certificates_of_other_units),
		cmocka_unit_test(test_erasure_unknown_is_refused),
		cmocka_unit_test(
		    test_child_erased_is_refused_when_it_is_stored_again),
		cmocka_unit_test(test_erase_reason_names_the_child_is_refused),
		cmocka_unit_test(test_erase_reason_long_is_refused),
		cmocka_unit_test(test_verify_is_content_after_an_erasure),
		cmocka_unit_test(
		    test_files_that_were_not_rewritten_are_at_the_next_sign_in),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
