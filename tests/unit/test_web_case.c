/*
 * What the pages of a case's fate stand on: reasons, units by a part of a name,
 * and the pages of settings and of erasure, called as the server calls them.
 */

#include <stdio.h>
#include <string.h>

#include "tests/fixture.h"
#include "web/admin.h"
#include "web/director.h"
#include "web/units.h"

static struct rx_status st;

#define try(expr) (rx_status_clear(&st), (expr))
#define must(expr) ok(try(expr), &st)

/* A form that the session ${s} sends: names and values, NULL ends them. */
static struct rx_request
sent(struct rx_session *s, const char *const *form)
{
	struct rx_request q = { .session = s, .lang = RX_LANG_EN,
	    .post = true, .arg = { "", "" } };

	must(rx_fields_new(&q.fields, &st));
	for (; *form != NULL; form += 2)
		must(rx_fields_add(q.fields, form[0], form[1],
		    strlen(form[1]), &st));
	return (q);
}

static struct rx_reply
nothing(void)
{
	struct rx_reply a = { .status = 200, .data = json_object() };

	assert_non_null(a.data);
	return (a);
}

static void
done(struct rx_request *q, struct rx_reply *a)
{

	rx_fields_free(q->fields);
	json_decref(a->data);
	rx_buf_free(&a->body);
}

static uint64_t
entries(struct rx_session *s)
{
	struct rx_audit_head head;

	must(rx_audit_head(s, &head, &st));
	return (head.seq);
}

/* ---- reasons ---- */

static void
reason_is(const char *typed, enum rx_msg want, const char *text)
{
	const char *const form[] = { "reason", typed, NULL };
	struct rx_request q = sent(NULL, form);
	struct rx_buf out = RX_BUF_INIT;

	if (want == RX_MSG_NONE) {
		must(rx_field_reason(&out, &q, &st));
		assert_string_equal((const char *)out.b, text);
	} else {
		assert_int_equal(try(rx_field_reason(&out, &q, &st)),
		    RX_EUSAGE);
		assert_int_equal(st.msg, want);
	}
	rx_buf_free(&out);
	rx_fields_free(q.fields);
}

static void
test_a_reason_is_one_line_of_some_length(void **state)
{
	char full[257], more[258];

	(void)state;
	memset(full, 'x', 256);
	memset(more, 'x', 257);
	full[256] = more[257] = '\0';
	reason_is(" 一\n二\t三 \n", RX_MSG_NONE, "一 二 三");
	reason_is("", RX_MSG_REASON_MISSING, NULL);
	reason_is(" \n\t ", RX_MSG_REASON_MISSING, NULL);
	reason_is(full, RX_MSG_NONE, full);
	reason_is(more, RX_MSG_WEB_REASON_LONG, NULL);
}

/* ---- units ---- */

/* What ${typed} means within ${within}: a code, or "" and st.msg. */
static const char *
unit_of(struct rx_session *s, const char *typed, const char *within,
    size_t *candidates)
{
	const char *const form[] = { "unit", typed, NULL };
	struct rx_request q = sent(s, form);
	struct rx_reply a = nothing();
	static char code[32];

	code[0] = '\0';
	if (try(rx_unit_resolve(code, &q, within, a.data, &st)) != RX_OK) {
		assert_int_equal(st.code, RX_EUSAGE);
		code[0] = '\0';
	}
	*candidates = json_array_size(json_object_get(a.data, "candidates"));
	done(&q, &a);
	return (code);
}

static void
test_a_unit_is_found_by_its_name_within_what_is_allowed(void **state)
{
	struct rx_session *s = fixture_open(fixture_dir(), "d1");
	const char *const part[] = { "q", "3501020", NULL };
	struct rx_request q = sent(s, part);
	struct rx_reply a = nothing();
	const char *found;
	size_t n;

	(void)state;
	assert_string_equal(unit_of(s, "中山社区", COUNTY, &n),
	    "350102001001");
	assert_string_equal(unit_of(s, "中山社区", NULL, &n), "350102001001");
	/* Not there, though it is in the register. */
	assert_string_equal(unit_of(s, "中山社区", "350102002000\0\0\0", &n),
	    "");
	assert_int_equal(st.msg, RX_MSG_WEB_UNIT_NONE);
	assert_string_equal(unit_of(s, "社区", TOWN1, &n), "");
	assert_int_equal(st.msg, RX_MSG_WEB_UNIT_SEVERAL);
	assert_true(n > 1 && n <= 20);
	assert_string_equal(unit_of(s, "  ", NULL, &n), "");
	assert_int_equal(st.msg, RX_MSG_WEB_UNIT_MISSING);
	/* A code is for the register to judge; what follows it is a name. */
	assert_string_equal(unit_of(s, "350102001001 中山", NULL, &n),
	    "350102001001");
	must(rx_unit_suggest(&q, &a, VILLAGE1, &st));
	must(rx_buf_add(&a.body, "", 1, &st));
	found = strstr((const char *)a.body.b, "\"code\"");
	assert_non_null(found);
	assert_non_null(strstr(found, "350102001001"));
	assert_null(strstr(found + 1, "\"code\""));	/* it alone */
	done(&q, &a);
	rx_session_close(s);
}

/* ---- settings ---- */

static void
test_one_wrong_setting_keeps_all_from_being_saved(void **state)
{
	static const char *const wrong[] = { "visit-red-days", "6",
	    "visit-green-days", "0", NULL };
	static const char *const right[] = { "visit-red-days", "6",
	    "visit-green-days", "60", NULL };
	struct rx_session *s = fixture_open(fixture_copy(), "admin");
	const uint64_t before = entries(s);
	struct rx_request q = sent(s, wrong);
	struct rx_reply a = nothing();

	(void)state;
	must(rx_admin_settings_save(&q, &a, &st));
	assert_int_equal(a.status, 422);
	assert_string_equal(json_string_value(json_object_get(a.data,
	    "error_field")), "visit-green-days");
	assert_int_equal(json_array_size(json_object_get(a.data,
	    "settings")), RX_SETTINGS);
	assert_int_equal(entries(s), before);
	done(&q, &a);
	q = sent(s, right);
	a = nothing();
	must(rx_admin_settings_save(&q, &a, &st));
	assert_string_equal(a.redirect, "/settings");
	assert_int_equal(a.flash, RX_MSG_WEB_SETTINGS_SAVED);
	assert_int_equal(entries(s), before + 2);
	assert_int_equal(rx_visit_days(s, rx_code_by_key(RX_LIST_RISK,
	    "green"), true), 60);
	assert_int_equal(rx_visit_days(s, rx_code_by_key(RX_LIST_RISK,
	    "red"), false), 6);
	assert_int_equal(rx_visit_days(s, NULL, true), 0);	/* no risk */
	done(&q, &a);
	rx_session_close(s);
}

/* The route lets in no other role; if it did, the register refuses. */
static void
test_settings_are_the_administrators(void **state)
{
	static const char *const form[] = { "visit-green-days", "60", NULL };
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_request q = sent(s, form);
	struct rx_reply a = nothing();

	(void)state;
	must(rx_admin_settings_save(&q, &a, &st));
	assert_int_equal(a.status, 403);
	done(&q, &a);
	rx_session_close(s);
}

/* ---- offers ---- */

/* The page of ${path} as the session ${s} gets it; data.offers_wrong, or what is
 * said to be wrong with the first offer in its list, or "". */
static const char *
wrong_on(struct rx_session *s, const char *path)
{
	static const char *const form[] = { NULL };
	struct rx_request q = sent(s, form);
	struct rx_reply a = nothing();
	const struct rx_route *route;
	const char *text;
	static char said[256];
	struct rx_args args;

	route = rx_route_find("GET", path, &args);
	assert_non_null(route);
	q.post = false;
	q.arg[0] = args.v[0];
	must(route->page(&q, &a, &st));
	text = json_string_value(json_object_get(a.data, "offers_wrong"));
	if (text == NULL)
		text = json_string_value(json_object_get(json_array_get(
		    json_object_get(a.data, "incoming"), 0), "bad"));
	rx_text_copy(said, sizeof(said), text != NULL ? text : "");
	done(&q, &a);
	return (said);
}

static void
test_an_offer_by_somebody_who_left_keeps_nobody_from_his_day(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d2");
	char path[64], id[RX_UUID_TEXT];

	(void)state;
	rx_uuid_text(fixture_id[C1], id);
	(void)snprintf(path, sizeof(path), "/child/%s", id);
	must(rx_transfer_offer(s, fixture_id[C3], "350102001001", "搬家",
	    &st));
	rx_session_close(s);
	s = fixture_open(dir, "d1");
	assert_string_equal(wrong_on(s, "/today"), "");	/* the control */
	assert_string_equal(wrong_on(s, path), "");
	rx_session_close(s);
	s = fixture_open(dir, "admin");
	must(rx_user_disable(s, "d2", &st));
	rx_session_close(s);
	s = fixture_open(dir, "d1");
	assert_non_null(strstr(wrong_on(s, "/today"), "not made by a"));
	assert_non_null(strstr(wrong_on(s, "/transfers"), "not made by a"));
	/* No other case's page has to do with it. */
	assert_string_equal(wrong_on(s, path), "");
	rx_session_close(s);
}

/* ---- erasure ---- */

static void
test_an_erasure_needs_the_number_of_this_very_file(void **state)
{
	static const char *const numbers[] = { "", "c", "c2", "c1 c1", "C1",
	    "c1\n", NULL };
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	const uint64_t before = entries(s);
	char path[RX_UUID_TEXT];
	struct rx_request q;
	struct rx_reply a;
	size_t i;

	(void)state;
	rx_uuid_text(fixture_id[C1], path);
	for (i = 0; numbers[i] != NULL; i++) {
		const char *const form[] = { "ground", "other", "asker",
		    "office", "reason", "试", "number", numbers[i], NULL };

		q = sent(s, form);
		a = nothing();
		q.arg[0] = path;
		must(rx_director_erase(&q, &a, &st));
		assert_int_equal(a.status, 422);
		assert_string_equal(a.page, "director/erase");
		assert_string_equal(json_string_value(json_object_get(a.data,
		    "error_field")), "number");
		done(&q, &a);
	}
	assert_int_equal(entries(s), before);
	{
		static const char *const form[] = { "ground", "other",
		    "asker", "office", "reason", "试", "number", "c1", NULL };

		q = sent(s, form);
		a = nothing();
		q.arg[0] = path;
		must(rx_director_erase(&q, &a, &st));
		assert_int_equal(strncmp(a.redirect, "/erasure/", 9), 0);
		done(&q, &a);
	}
	rx_session_close(s);
}

static void
test_the_ground_of_a_receipt_is_nobodys_to_choose(void **state)
{
	static const char *const form[] = { "ground", "moved", "asker",
	    "office", "reason", "试", "number", "c1", NULL };
	const struct rx_erase_order order = { "试", RX_GROUND_MOVED,
	    RX_ASKER_OFFICE };
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_request q = sent(s, form);
	struct rx_reply a = nothing();
	char path[RX_UUID_TEXT];
	const json_t *word;
	size_t i;

	(void)state;
	rx_uuid_text(fixture_id[C1], path);
	q.arg[0] = path;
	must(rx_director_erase(&q, &a, &st));
	assert_int_equal(a.status, 422);
	assert_string_equal(json_string_value(json_object_get(a.data,
	    "error_field")), "ground");
	assert_int_equal(json_array_size(json_object_get(a.data, "grounds")),
	    RX_ERASE_GROUNDS - 2);
	json_array_foreach(json_object_get(a.data, "grounds"), i, word)
		assert_string_not_equal(json_string_value(json_object_get(word,
		    "key")), "moved");
	assert_int_equal(try(rx_child_erase_for(s, fixture_id[C1], &order,
	    &st)), RX_EUSAGE);
	assert_int_equal(st.msg, RX_MSG_ERASE_GROUND_MOVED);
	done(&q, &a);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reason_is_one_line_of_some_length),
		cmocka_unit_test(
		    test_a_unit_is_found_by_its_name_within_what_is_allowed),
		cmocka_unit_test(
		    test_one_wrong_setting_keeps_all_from_being_saved),
		cmocka_unit_test(test_settings_are_the_administrators),
		cmocka_unit_test(
		    test_an_offer_by_somebody_who_left_keeps_nobody_from_his_day),
		cmocka_unit_test(
		    test_an_erasure_needs_the_number_of_this_very_file),
		cmocka_unit_test(
		    test_the_ground_of_a_receipt_is_nobodys_to_choose),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("web case", tests, fixture_setup,
	    NULL));
}
