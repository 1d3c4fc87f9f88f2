/*
 * Files whose time is over, the decision to keep one, and the settings that say
 * when.
 */

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "tests/fixture.h"

static struct rx_status st;

#define try(expr) (rx_status_clear(&st), (expr))
#define must(expr) ok(try(expr), &st)
/* Expect the failure ${code} with the message ${msg}. */
#define refuses(expr, code_, msg_) do { \
	assert_int_equal(expr, code_); \
	assert_int_equal(st.msg, RX_MSG_##msg_); \
} while (0)

struct found {
	size_t n;
	unsigned why;		/* of the last */
	int32_t since;
	bool named;
	char name[64];
	const struct rx_session *s;
	int32_t day;
};

static rx_err
each(void *cookie, const struct rx_retention_row *r, struct rx_status *u)
{
	struct found *f = cookie;

	(void)u;
	f->n++;
	f->why = r->why;
	f->since = r->since;
	f->named = r->row->child->identity;
	(void)snprintf(f->name, sizeof(f->name), "%s",
	    rx_record_text(r->row->child, RX_F_NAME));
	return (RX_OK);
}

static int32_t
day(const char *text)
{
	int32_t d;

	assert_true(rx_date_parse(text, &d));
	return (d);
}

static struct found
on(struct rx_session *s, const char *date, enum rx_retention_as as)
{
	struct found f = { .n = 0 };

	must(rx_retention_each(s, day(date), as, each, &f, &st));
	return (f);
}

/* As d1: withdraw the consent of c1 and close c2. */
static struct rx_session *
begun(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");

	fixture_save(s, RX_CONSENT, "{\"id\":\"w1\",\"child\":\"c1\",\"date\":"
	    "\"2025-07-10\",\"state\":\"withdrawn\",\"by\":\"guardian\"}",
	    false, NULL);
	fixture_save(s, RX_INTERVENTION, "{\"id\":\"z1\",\"child\":\"c2\","
	    "\"date\":\"2025-08-31\",\"kind\":\"companionship\","
	    "\"delivered\":true,\"outcome\":\"moved_out\"}", false, NULL);
	return (s);
}

static void
test_files_are_listed_from_the_day_their_time_is_over(void **state)
{
	struct rx_session *s = begun(fixture_copy());
	struct found f;

	(void)state;
	f = on(s, "2026-01-09", RX_RETENTION_NAMES);
	assert_int_equal(f.n, 0);
	f = on(s, "2026-01-10", RX_RETENTION_NAMES);	/* 6 months */
	assert_int_equal(f.n, 1);
	assert_int_equal(f.why, RX_OVER_WITHDRAWN);
	assert_int_equal(f.since, day("2026-01-10"));
	assert_true(f.named);
	f = on(s, "2030-08-30", RX_RETENTION_NAMES);
	assert_int_equal(f.n, 1);
	f = on(s, "2030-08-31", RX_RETENTION_NAMES);	/* 5 years */
	assert_int_equal(f.n, 2);
	/* Born in May of 2014: surely 18 in June of 2032. */
	f = on(s, "2032-05-31", RX_RETENTION_NAMES);
	assert_false(f.why & RX_OVER_ADULT);
	f = on(s, "2032-06-01", RX_RETENTION_NAMES);
	assert_true(f.why & RX_OVER_ADULT);
	rx_session_close(s);
}

static rx_err
over_each(void *cookie, const struct rx_child_row *row, struct rx_status *u)
{
	struct found *f = cookie;
	struct rx_retention_row r;

	(void)u;
	if (!rx_retention_over(f->s, f->day, row, &r))
		return (RX_OK);
	f->n++;
	f->why = r.why;
	f->since = r.since;
	return (RX_OK);
}

/* A page asks of each row of a list that it has anyway. */
static void
test_one_file_is_over_when_the_list_has_it(void **state)
{
	static const char *const days[] = { "2026-01-09", "2026-01-10",
	    "2030-08-30", "2030-08-31", "2032-05-31", "2032-06-01" };
	struct rx_session *s = begun(fixture_copy());
	struct found listed, asked;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(days) / sizeof(days[0]); i++) {
		listed = on(s, days[i], RX_RETENTION_MASKED);
		memset(&asked, 0, sizeof(asked));
		asked.s = s;
		asked.day = day(days[i]);
		must(rx_child_browse(s, "", false, over_each, &asked, &st));
		assert_int_equal(asked.n, listed.n);
		assert_int_equal(asked.why, listed.why);
		assert_int_equal(asked.since, listed.since);
	}
	assert_int_equal(asked.n, 2);
	must(rx_retention_keep(s, fixture_id[C1], day("2040-01-01"), "仍需",
	    &st));
	memset(&asked, 0, sizeof(asked));
	asked.s = s;
	asked.day = day("2040-01-01");
	must(rx_child_browse(s, "", false, over_each, &asked, &st));
	assert_int_equal(asked.n, 1);
	rx_session_close(s);
}

static void
test_retention_list_shows_each_what_he_may_see(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = begun(dir);
	struct found f = on(s, "2026-02-01", RX_RETENTION_MASKED);

	(void)state;
	assert_int_equal(f.n, 1);
	assert_non_null(strstr(f.name, "○"));
	rx_session_close(s);
	s = fixture_open(dir, "s1");
	f = on(s, "2026-02-01", RX_RETENTION_CODED);
	assert_int_equal(f.n, 1);
	assert_false(f.named);
	rx_session_close(s);
	s = fixture_open(dir, "d2");
	f = on(s, "2026-02-01", RX_RETENTION_NAMES);
	assert_int_equal(f.n, 0);
	rx_session_close(s);
	s = fixture_open(dir, "st");
	refuses(try(rx_retention_each(s, day("2026-02-01"),
	    RX_RETENTION_NAMES, each, &f, &st)), RX_EPERM, CASES_NOT_YOURS);
	rx_session_close(s);
}

static void
test_file_that_is_kept_is_not_listed_until_then(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = begun(dir), *other;
	const int32_t today = rx_date_today();
	struct found f = { .n = 0 };
	size_t n = 0;

	(void)state;
	refuses(try(rx_retention_keep(s, fixture_id[C1], today, "诉讼未结",
	    &st)), RX_EUSAGE, DATE_BEFORE);
	refuses(try(rx_retention_keep(s, fixture_id[C1], today + 400, "",
	    &st)), RX_EUSAGE, FIELD_MISSING);
	other = fixture_open(dir, "s1");
	refuses(try(rx_retention_keep(other, fixture_id[C1], today + 400,
	    "理由", &st)), RX_EPERM, NOT_PERMITTED);
	rx_session_close(other);
	must(rx_retention_keep(s, fixture_id[C1], today + 400, "诉讼未结",
	    &st));
	must(rx_retention_each(s, today + 400, RX_RETENTION_NAMES, each, &f,
	    &st));
	assert_int_equal(f.n, 0);
	must(rx_retention_each(s, today + 401, RX_RETENTION_NAMES, each, &f,
	    &st));
	assert_int_equal(f.n, 1);
	/* The newest decision stands. */
	must(rx_retention_keep(s, fixture_id[C1], today + 800, "诉讼未结",
	    &st));
	must(rx_retention_each(s, today + 401, RX_RETENTION_NAMES, each, &f,
	    &st));
	assert_int_equal(f.n, 1);
	/* It is no consent: the file is read-only as before. */
	{
		struct rx_save_result result;
		json_t *json;
		static const char text[] = "{\"id\":\"no\",\"child\":\"c1\","
		    "\"date\":\"2025-08-01\",\"channel\":\"home_visit\","
		    "\"signs\":[\"mood_low\"],\"risk\":\"green\"}";

		must(rx_json_parse(&json, text, strlen(text), &st));
		refuses(try(rx_save(s, RX_OBSERVATION, json, false, &result,
		    &st)), RX_EPERM, CONSENT_WITHDRAWN);
		json_decref(json);
	}
	must(fixture_show(s, fixture_id[C1], NULL, &n, &st));
	rx_session_close(s);
}

/* Whichever of them is entered first. */
static void
test_older_decision_to_keep_entered_late_changes_nothing(void **state)
{
	static const char *const decision[2] = {
		"{'child':'c1','date':'2025-09-01','state':'kept','until':"
		    "'2030-01-01','reason':'诉讼未结'}",
		"{'child':'c1','date':'2025-08-01','state':'kept','until':"
		    "'2027-01-01','reason':'复查'}" };
	const char *dir;
	struct rx_session *s;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		dir = fixture_copy();
		s = begun(dir);
		must(fixture_write(s, RX_CONSENT, false, decision[i], &st));
		must(fixture_write(s, RX_CONSENT, false, decision[1 - i],
		    &st));
		rx_session_close(s);
		s = fixture_open(dir, "d1");
		assert_int_equal(on(s, "2030-01-01", RX_RETENTION_NAMES).n, 0);
		assert_int_equal(on(s, "2030-01-02", RX_RETENTION_NAMES).n, 1);
		rx_session_close(s);
	}
}

/* ---- settings ---- */

static void
test_setting_decides_when_time_is_over_and_visits_are_due(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = begun(dir), *admin = fixture_open(dir, "admin");
	struct found f;

	(void)state;
	must(rx_setting_set(admin, "retention-withdrawn-months", 12, &st));
	must(rx_setting_set(admin, "visit-green-days", 31, &st));
	/* He who is signed in has what was set then. */
	f = on(s, "2026-01-10", RX_RETENTION_NAMES);
	assert_int_equal(f.n, 1);
	rx_session_close(s);
	s = fixture_open(dir, "d1");
	f = on(s, "2026-01-10", RX_RETENTION_NAMES);
	assert_int_equal(f.n, 0);
	f = on(s, "2026-07-10", RX_RETENTION_NAMES);
	assert_int_equal(f.n, 1);
	{
		struct rx_save_result result;
		json_t *json;
		static const char text[] = "{\"id\":\"g1\",\"child\":\"c2\","
		    "\"date\":\"2025-09-01\",\"channel\":\"home_visit\","
		    "\"signs\":[\"mood_low\"],\"risk\":\"green\"}";

		must(rx_json_parse(&json, text, strlen(text), &st));
		must(rx_save(s, RX_OBSERVATION, json, false, &result, &st));
		assert_int_equal(result.due, day("2025-10-02"));
		json_decref(json);
	}
	rx_session_close(s);
	rx_session_close(admin);
}

static void
test_setting_unknown_or_out_of_bounds_is_refused(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "admin");

	(void)state;
	refuses(try(rx_setting_set(s, "colour", 1, &st)), RX_EUSAGE,
	    SETTING_UNKNOWN);
	refuses(try(rx_setting_set(s, "visit-red-days", 0, &st)), RX_EUSAGE,
	    SETTING_BOUNDS);
	refuses(try(rx_setting_set(s, "visit-red-days", 32, &st)), RX_EUSAGE,
	    SETTING_BOUNDS);
	must(rx_setting_set(s, "visit-red-days", 31, &st));
	must(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st));
	rx_session_close(s);
}

static void
test_not_permitted_to_change_settings_for_anybody_but_the_administrator(
    void **state)
{
	static const char *const who[] = { "d1", "s1", "st" };
	const char *dir = fixture_copy();
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		struct rx_session *s = fixture_open(dir, who[i]);

		refuses(try(rx_setting_set(s, "visit-red-days", 3, &st)),
		    RX_EPERM, ADMIN_ONLY);
		rx_session_close(s);
	}
}

static rx_err
red(void *cookie, const struct rx_setting_row *row, struct rx_status *u)
{

	(void)u;
	if (strcmp(row->key, "visit-red-days") == 0) {
		assert_int_equal(row->otherwise, 7);
		*(int *)cookie = row->value;
	}
	return (RX_OK);
}

/* Whoever can write to the file cannot set what the program would not. */
static void
test_setting_that_is_out_of_bounds_in_the_file_counts_as_not_set(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	int value = 0;

	(void)state;
	fixture_tamper(dir, "INSERT INTO setting VALUES('visit-red-days', "
	    "4000)");
	s = fixture_open(dir, "d1");
	must(rx_setting_each(s, red, &value, &st));
	assert_int_equal(value, 7);
	/* And what was put there is found. */
	assert_int_equal(try(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st)),
	    RX_ECORRUPT);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_files_are_listed_from_the_day_their_time_is_over),
		cmocka_unit_test(test_one_file_is_over_when_the_list_has_it),
		cmocka_unit_test(
		    test_retention_list_shows_each_what_he_may_see),
		cmocka_unit_test(
		    test_file_that_is_kept_is_not_listed_until_then),
		cmocka_unit_test(
		    test_older_decision_to_keep_entered_late_changes_nothing),
		cmocka_unit_test(
		    test_setting_decides_when_time_is_over_and_visits_are_due),
		cmocka_unit_test(
		    test_setting_unknown_or_out_of_bounds_is_refused),
		cmocka_unit_test(
    test_not_permitted_to_change_settings_for_anybody_but_the_administrator),
		cmocka_unit_test(
	    test_setting_that_is_out_of_bounds_in_the_file_counts_as_not_set),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
