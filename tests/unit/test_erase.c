/*
 * Erasure: the certificate, who reads it, what it refuses, what is checked.
 */

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "stats/stats.h"
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
	slots = fixture_number(dir, "SELECT count(*) FROM main.slot "
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

/* What its author sealed as the reason is no text: the certificate is one without. */
static void
test_reason_that_is_no_text_is_not_shown(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_erase_order o = order_of("\xff\xfe");
	struct rx_erasure e;

	(void)state;
	must(rx_child_erase_for(s, fixture_id[C1], &o, &st));
	e = find(s, C1);
	assert_false(e.reasoned);
	assert_string_equal(e.reason, "");
	assert_int_equal(e.records, 2);
	rx_session_close(s);
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

/* ---- the form ---- */

#define HELP(id, child, date, kind, more) \
    "{\"id\":\"" id "\",\"child\":\"" child "\",\"date\":\"" date "\"," \
    "\"kind\":\"" kind "\",\"delivered\":true" more "}"
#define AGENCY(c) ",\"agency\":\"" c "\""
#define SWO1 "52350100MJB1234567"
#define SWO2 "52350100MJB7654321"

static void
write_help(const char *dir)
{
	static const char *const help[] = {
		HELP("h1", "c1", "2025-03-31", "visit_condolence",
		    ",\"face_to_face\":true" AGENCY(SWO1)),
		HELP("h2", "c2", "2025-03-30", "visit_condolence",
		    ",\"face_to_face\":true" AGENCY(SWO1)),
		HELP("h3", "c2", "2025-03-30", "visit_condolence",
		    ",\"face_to_face\":true"),
		HELP("h4", "c2", "2025-05-02", "cash_condolence",
		    ",\"amount_fen\":12345"),
		HELP("h5", "c2", "2025-05-02", "cash_condolence",
		    ",\"amount_fen\":0"),
		HELP("h6", "c2", "2025-06-10", "individual_counselling",
		    ",\"professional\":true" AGENCY(SWO2)),
		HELP("h7", "c2", "2025-02-10", "companionship",
		    ",\"need\":\"x\",\"need_resolved_on\":\"2025-07-01\""),
		HELP("h8", "c1", "2025-08-01", "companionship", ""),
		"{\"id\":\"h9\",\"child\":\"c2\",\"date\":\"2025-09-09\","
		    "\"kind\":\"visit_condolence\",\"face_to_face\":true,"
		    "\"delivered\":false}",
	};
	struct rx_session *s = fixture_open(dir, "d1");
	size_t i;

	for (i = 0; i < sizeof(help) / sizeof(help[0]); i++)
		fixture_save(s, RX_INTERVENTION, help[i], false, NULL);
	rx_session_close(s);
}

/* The form over [from,to] as st counts it now. */
static struct rx_annex *
count(struct rx_session *s, int32_t from, int32_t to)
{
	struct rx_annex *a;

	must(rx_annex_count(&a, s, COUNTY, from, to, &st));
	return (a);
}

/* The form of every run of months from January to October of 2025: 55. */
static size_t
count_all(const char *dir, struct rx_annex *out[55])
{
	const int32_t january = 12 * 2025;
	struct rx_session *s = fixture_open(dir, "st");
	int32_t i, k;
	size_t n = 0;

	for (i = 0; i < 10; i++)
		for (k = i; k < 10; k++)
			out[n++] = count(s, rx_month_first(january + i),
			    rx_month_first(january + k + 1) - 1);
	rx_session_close(s);
	return (n);
}

/* Compare and free both. */
static void
same(struct rx_annex *a, struct rx_annex *b)
{
	size_t i;

	assert_memory_equal(a->total, b->total, sizeof(a->total));
	assert_int_equal(a->nrows, b->nrows);
	for (i = 0; i < a->nrows; i++) {
		assert_memory_equal(a->rows[i].v, b->rows[i].v,
		    sizeof(a->rows[i].v));
		assert_int_equal(a->rows[i].reported, b->rows[i].reported);
	}
	assert_int_equal(a->agencies_row_sum, b->agencies_row_sum);
	assert_int_equal(a->children_on_register, b->children_on_register);
	assert_int_equal(a->payments, b->payments);
	assert_int_equal(a->payments_empty, b->payments_empty);
	assert_false(b->residue_cut);
	rx_annex_free(a);
	rx_annex_free(b);
}

static void
test_form_of_whole_months_is_the_same_after_erasures(void **state)
{
	static const enum fixture_id gone[] = { C2, C1 };
	struct rx_annex *before[55], *after[55];
	const char *dir = fixture_copy();
	struct rx_session *s;
	size_t i, k, n;

	(void)state;
	write_help(dir);
	for (i = 0; i < 2; i++) {
		n = count_all(dir, before);
		assert_int_equal(before[9]->total[5], 2);
		assert_int_equal(before[9]->total[4], 12345);
		assert_int_equal(before[9]->total[3], 2);
		assert_int_equal(before[9]->total[2], 2);
		assert_int_equal(before[9]->total[6], 1);
		s = fixture_open(dir, "d1");
		must(rx_child_erase(s, fixture_id[gone[i]], "迁出", &st));
		rx_session_close(s);
		assert_int_equal(count_all(dir, after), n);
		for (k = 0; k < n; k++)
			same(before[k], after[k]);
	}
}

/* What is known by the month cannot be cut: it is left out, and said so. */
static void
test_form_of_half_months_says_what_it_leaves_out(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s, *d;
	struct rx_annex *a;
	json_t *notes;
	int32_t from, to;

	(void)state;
	write_help(dir);
	assert_true(rx_date_parse("2025-05-01", &from));
	assert_true(rx_date_parse("2025-06-15", &to));
	s = fixture_open(dir, "st");
	a = count(s, from, to);
	assert_int_equal(a->total[1], 1);
	assert_int_equal(a->total[4], 12345);
	assert_false(a->residue_cut);
	rx_annex_free(a);
	d = fixture_open(dir, "d1");
	must(rx_child_erase(d, fixture_id[C2], "迁出", &st));
	rx_session_close(d);
	a = count(s, from, to);
	assert_int_equal(a->total[1], 0);	/* of June */
	assert_int_equal(a->total[4], 12345);	/* of May */
	assert_true(a->residue_cut);
	must(rx_annex_notes(&notes, a, RX_LANG_EN, &st));
	assert_non_null(strstr(json_string_value(json_array_get(notes, 1)),
	    "whole months only"));
	json_decref(notes);
	rx_annex_free(a);
	rx_session_close(s);
}

/* A form of before an erasure is issued again with the same figures, and all
 * releases, tables too, verify. */
static rx_err
intact_each(void *cookie, const struct rx_release_row *row,
    struct rx_status *u)
{

	(void)u;
	assert_true(row->intact);
	++*(size_t *)cookie;
	return (RX_OK);
}

/* Enough of both sexes that a table of them is published. */
static void
many_children(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");
	char text[400];
	int i;

	for (i = 0; i < 18; i++) {
		(void)snprintf(text, sizeof(text), "{\"id\":\"m%d\",\"unit\":"
		    "\"350102001001\",\"name\":\"林\",\"sex\":\"%c\",\"birth\":"
		    "\"2014-05\",\"categories\":[\"left_behind\"],"
		    "\"legal_basis\":\"consent\"}", i, i % 2 ? 'f' : 'm');
		fixture_save(s, RX_CHILD, text, false, NULL);
		(void)snprintf(text, sizeof(text), HELP("mh%d", "m%d",
		    "2025-04-01", "companionship", ""), i, i);
		fixture_save(s, RX_INTERVENTION, text, false, NULL);
	}
	rx_session_close(s);
}

static rx_err
pair_each(void *cookie, const char *a, const char *b, struct rx_status *u)
{

	(void)cookie;
	(void)a;
	(void)b;
	(void)u;
	return (RX_OK);
}

static void
test_releases_of_before_an_erasure_verify_after_it(void **state)
{
	struct rx_table_request req = { .unit = COUNTY,
	    .count = RX_COUNT_CHILDREN, .dims = { RX_DIM_SEX }, .ndims = 1,
	    .from = rx_month_first(12 * 2025),
	    .to = rx_month_first(12 * 2025 + 6) - 1, .threshold = 5 };
	const char *dir = fixture_copy();
	struct rx_buf one = RX_BUF_INIT, two = RX_BUF_INIT;
	char id[RX_UUID_TEXT];
	struct rx_session *s, *d;
	size_t n = 0, failed = 0;
	bool again;

	(void)state;
	write_help(dir);
	many_children(dir);
	s = fixture_open(dir, "st");
	must(rx_annex_bytes(&one, s, COUNTY, req.from, req.to, RX_FORMAT_JSON,
	    RX_LANG_ZH, NULL, NULL, &st));
	must(rx_table_release(id, &again, s, &req, &st));
	assert_false(again);
	d = fixture_open(dir, "d1");
	must(rx_child_erase(d, fixture_id[C2], "迁出", &st));
	rx_session_close(d);
	must(rx_annex_bytes(&two, s, COUNTY, req.from, req.to, RX_FORMAT_JSON,
	    RX_LANG_ZH, NULL, NULL, &st));
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.b, two.b, one.len);
	must(rx_table_release(id, &again, s, &req, &st));
	must(rx_releases_each(s, intact_each, &n, &st));
	assert_true(n >= 2);
	must(rx_releases_audit(s, pair_each, NULL, &failed, &st));
	assert_int_equal(failed, 0);
	rx_buf_free(&one);
	rx_buf_free(&two);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reason_that_is_no_text_is_not_shown),
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
		cmocka_unit_test(
		    test_form_of_whole_months_is_the_same_after_erasures),
		cmocka_unit_test(
		    test_form_of_half_months_says_what_it_leaves_out),
		cmocka_unit_test(
		    test_releases_of_before_an_erasure_verify_after_it),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
