#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "../helper.h"
#include "stats/internal.h"

/* The annex, figure by figure, and the files that it is written to. */

enum { THEME, COUNSELLING, AGENCIES, VISITS, CASH, HELPED, RESOLVED };

#define VILLAGE "350102001001"
#define OTHER "350103001001"

static struct rx_status st;

static int32_t
day(const char *s)
{
	int32_t d;

	assert_true(rx_date_parse(s, &d));
	return (d);
}

static void
unit_of(char unit[RX_UNIT_BYTES], const char *text)
{

	ok(rx_unit_parse(unit, text, &st), &st);
}

/* A tally for ${unit}, May 1st to August 25th. */
static struct rx_tally *
tally(const char *text)
{
	struct rx_tally *t;
	char unit[RX_UNIT_BYTES];
	bool known;

	rx_status_clear(&st);
	unit_of(unit, text);
	ok(rx_tally_new(&t, unit, "福州市", day("2025-05-01"),
	    day("2025-08-25"), &st), &st);
	ok(rx_tally_form(t, &known, &st), &st);
	assert_true(known);
	return (t);
}

static struct rx_annex *
done(struct rx_tally *t)
{
	struct rx_annex *a;

	ok(rx_tally_finish(&a, t, &st), &st);
	rx_tally_free(t);
	return (a);
}

static const struct rx_annex_row *
row(const struct rx_annex *a, const char *code)
{
	size_t i;

	for (i = 0; i < a->nrows; i++) {
		if (strcmp(a->rows[i].code, code) == 0)
			return (&a->rows[i]);
	}
	fail_msg("no row %s", code);
	return (NULL);
}

static void
record(struct rx_record *r, enum rx_type type, const char *unit, uint8_t child,
    const char *date)
{

	rx_record_init(r);
	r->type = type;
	unit_of(r->unit, unit);
	r->child[0] = child;
	if (type == RX_CHILD)
		r->id[0] = child;
	if (date != NULL)
		ok(rx_record_set_int(r, RX_F_DATE, day(date), &st), &st);
}

static void
set(struct rx_record *r, enum rx_field f, int64_t v)
{

	ok(rx_record_set_int(r, f, v, &st), &st);
}

static void
kind(struct rx_record *r, const char *key)
{

	set(r, RX_F_KIND, rx_code_no(RX_LIST_KIND, key));
}

static void
agency(struct rx_record *r, const char *code, const char *type)
{

	ok(rx_record_set_text(r, RX_F_AGENCY, code, strlen(code), &st), &st);
	if (type != NULL)
		set(r, RX_F_AGENCY_TYPE, rx_code_no(RX_LIST_AGENCY_TYPE, type));
}

static void
add(struct rx_tally *t, struct rx_record *r)
{

	ok(rx_tally_add(t, r, &st), &st);
	rx_record_free(r);
}

static void
intervention(struct rx_record *r, const char *unit, uint8_t child,
    const char *date, const char *key, bool delivered)
{

	record(r, RX_INTERVENTION, unit, child, date);
	kind(r, key);
	set(r, RX_F_DELIVERED, delivered);
}

static void
activity(struct rx_record *r, const char *unit, const char *date,
    const char *key, bool held)
{

	record(r, RX_ACTIVITY, unit, 0, date);
	kind(r, key);
	set(r, RX_F_HELD, held);
}

/* ---- rows ---- */

static void
test_fuzhou_has_13_rows_own_work_first_without_pingtan(void **state)
{
	struct rx_annex *a = done(tally("350100"));
	size_t i;

	(void)state;
	assert_int_equal(a->nrows, 13);
	assert_string_equal(a->rows[0].code, "350100-SELF");
	assert_string_equal(a->rows[0].name, "福州市本级");
	for (i = 0; i < a->nrows; i++)
		assert_string_not_equal(a->rows[i].code, "350128");
	rx_annex_free(a);
}

static void
test_pingtan_county_and_province_have_their_rows(void **state)
{
	struct rx_annex *a = done(tally("350128"));

	(void)state;
	assert_int_equal(a->nrows, 1);
	assert_string_equal(a->rows[0].name, "平潭综合实验区");
	rx_annex_free(a);
	a = done(tally("350102"));
	assert_int_equal(a->nrows, 1);
	assert_string_equal(a->rows[0].code, "350102");
	rx_annex_free(a);
	a = done(tally("350000"));
	assert_int_equal(a->nrows, 93);
	assert_string_equal(a->rows[92].code, "350128");
	rx_annex_free(a);
}

static void
test_unit_that_no_form_knows_is_left_to_the_register(void **state)
{
	struct rx_tally *t;
	char unit[RX_UNIT_BYTES];
	bool known;

	(void)state;
	rx_status_clear(&st);
	unit_of(unit, "440100");
	ok(rx_tally_new(&t, unit, "x", 0, 1, &st), &st);
	ok(rx_tally_form(t, &known, &st), &st);
	assert_false(known);
	rx_tally_free(t);
}

static void
test_township_gets_no_annex(void **state)
{
	struct rx_annex *a;
	char unit[RX_UNIT_BYTES];

	(void)state;
	rx_status_clear(&st);
	unit_of(unit, "350102001");
	refused(rx_annex_count(&a, NULL, unit, 0, 1, &st), RX_EUSAGE, &st);
	unit_of(unit, "350102");
	refused(rx_annex_count(&a, NULL, unit, 1, 0, &st), RX_EUSAGE, &st);
}

/* ---- columns ---- */

static void
test_theme_activities_count_held_records_once(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;

	(void)state;
	activity(&r, "350102", "2025-05-01", "theme_activity", true);
	set(&r, RX_F_SESSIONS, 4);	/* multiplies column 2 only */
	add(t, &r);
	activity(&r, VILLAGE, "2025-08-25", "theme_activity", true);
	add(t, &r);
	activity(&r, "350102", "2025-06-01", "theme_activity", false);
	add(t, &r);
	activity(&r, "350102", "2025-04-30", "theme_activity", true);
	add(t, &r);
	activity(&r, "350102", "2025-08-26", "theme_activity", true);
	add(t, &r);
	intervention(&r, VILLAGE, 1, "2025-06-01", "theme_activity", true);
	add(t, &r);
	a = done(t);
	assert_int_equal(row(a, "350102")->v[THEME], 2);
	assert_int_equal(a->total[THEME], 2);
	assert_int_equal(a->total[COUNSELLING], 0);
	rx_annex_free(a);
}

static void
test_counselling_multiplies_sessions_and_needs_a_professional(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;

	(void)state;
	activity(&r, "350102", "2025-06-01", "group_counselling", true);
	set(&r, RX_F_SESSIONS, 3);
	add(t, &r);
	activity(&r, "350102", "2025-06-01", "parent_child_group", true);
	add(t, &r);
	activity(&r, "350102", "2025-06-01", "parent_child_group", false);
	set(&r, RX_F_SESSIONS, 9);
	add(t, &r);
	intervention(&r, VILLAGE, 1, "2025-06-02", "individual_counselling",
	    true);
	set(&r, RX_F_PROFESSIONAL, 1);
	add(t, &r);
	intervention(&r, VILLAGE, 1, "2025-06-02", "individual_counselling",
	    true);
	set(&r, RX_F_PROFESSIONAL, 0);
	add(t, &r);
	intervention(&r, VILLAGE, 1, "2025-06-02", "individual_counselling",
	    false);
	set(&r, RX_F_PROFESSIONAL, 1);
	add(t, &r);
	a = done(t);
	assert_int_equal(row(a, "350102")->v[COUNSELLING], 5);
	assert_int_equal(a->total[THEME], 0);
	rx_annex_free(a);
}

static void
test_agencies_total_is_the_union_not_the_row_sum(void **state)
{
	static const char one[] = "52350100MJ0000001A";
	static const char two[] = "52350100MJ0000002B";
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;

	(void)state;
	intervention(&r, VILLAGE, 1, "2025-06-02", "agency_link", true);
	agency(&r, one, NULL);
	add(t, &r);
	intervention(&r, VILLAGE, 2, "2025-06-03", "companionship", true);
	agency(&r, one, "social_work");
	add(t, &r);
	activity(&r, "350103", "2025-06-01", "camp", true);
	agency(&r, one, "social_work");
	add(t, &r);
	intervention(&r, OTHER, 3, "2025-06-03", "agency_link", true);
	agency(&r, two, "hospital");
	add(t, &r);
	intervention(&r, OTHER, 3, "2025-06-03", "agency_link", false);
	agency(&r, two, NULL);
	add(t, &r);
	activity(&r, "350103", "2025-06-01", "camp", false);
	agency(&r, two, NULL);
	add(t, &r);
	a = done(t);
	assert_int_equal(row(a, "350102")->v[AGENCIES], 1);
	assert_int_equal(row(a, "350103")->v[AGENCIES], 1);
	assert_int_equal(a->total[AGENCIES], 1);
	assert_int_equal(a->agencies_row_sum, 2);
	rx_annex_free(a);
}

static void
test_visit_is_face_to_face_and_once_a_child_day_and_unit(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;
	int k;

	(void)state;
	for (k = 0; k < 2; k++) {	/* twice the same day */
		intervention(&r, VILLAGE, 1, "2025-06-02", "visit_condolence",
		    true);
		set(&r, RX_F_FACE_TO_FACE, 1);
		add(t, &r);
	}
	intervention(&r, VILLAGE, 1, "2025-06-03", "visit_condolence", true);
	set(&r, RX_F_FACE_TO_FACE, 1);
	add(t, &r);
	intervention(&r, "350102001002", 1, "2025-06-02", "visit_condolence",
	    true);
	set(&r, RX_F_FACE_TO_FACE, 1);
	add(t, &r);
	intervention(&r, VILLAGE, 2, "2025-06-02", "visit_condolence", true);
	set(&r, RX_F_FACE_TO_FACE, 0);
	add(t, &r);
	intervention(&r, VILLAGE, 3, "2025-06-02", "visit_condolence", true);
	add(t, &r);
	intervention(&r, VILLAGE, 4, "2025-06-02", "visit_condolence", false);
	set(&r, RX_F_FACE_TO_FACE, 1);
	add(t, &r);
	a = done(t);
	assert_int_equal(row(a, "350102")->v[VISITS], 3);
	assert_int_equal(row(a, "350102")->v[HELPED], 3);
	rx_annex_free(a);
}

static void
test_cash_total_is_rounded_once_and_half_up(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;
	char text[32];

	(void)state;
	rx_cash_wan(text, 0);
	assert_string_equal(text, "0.0000");
	rx_cash_wan(text, 49);
	assert_string_equal(text, "0.0000");
	rx_cash_wan(text, 50);		/* 0.00005 */
	assert_string_equal(text, "0.0001");
	rx_cash_wan(text, 149);
	assert_string_equal(text, "0.0001");
	rx_cash_wan(text, 123456789);
	assert_string_equal(text, "123.4568");

	intervention(&r, VILLAGE, 1, "2025-06-02", "cash_condolence", true);
	set(&r, RX_F_AMOUNT_FEN, 50);
	add(t, &r);
	intervention(&r, OTHER, 2, "2025-06-02", "cash_condolence", true);
	set(&r, RX_F_AMOUNT_FEN, 50);
	add(t, &r);
	intervention(&r, OTHER, 2, "2025-06-02", "cash_condolence", false);
	set(&r, RX_F_AMOUNT_FEN, 5000);
	add(t, &r);
	intervention(&r, OTHER, 2, "2025-06-02", "in_kind", true);
	set(&r, RX_F_AMOUNT_FEN, 5000);
	add(t, &r);
	a = done(t);
	assert_int_equal(row(a, "350102")->v[CASH], 50);
	assert_int_equal(a->total[CASH], 100);
	rx_cash_wan(text, a->total[CASH]);
	assert_string_equal(text, "0.0001");	/* not 0.0001 + 0.0001 */
	rx_annex_free(a);
}

static void
test_child_helped_twice_is_one_child(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;

	(void)state;
	record(&r, RX_CHILD, VILLAGE, 1, NULL);
	add(t, &r);
	intervention(&r, VILLAGE, 1, "2025-05-01", "companionship", true);
	add(t, &r);
	intervention(&r, VILLAGE, 1, "2025-08-25", "policy_help", true);
	add(t, &r);
	intervention(&r, OTHER, 2, "2025-06-02", "policy_help", true);
	add(t, &r);
	intervention(&r, OTHER, 3, "2025-06-02", "policy_help", false);
	add(t, &r);
	intervention(&r, OTHER, 4, "2025-04-30", "policy_help", true);
	add(t, &r);
	a = done(t);
	assert_int_equal(row(a, "350102")->v[HELPED], 1);
	assert_int_equal(row(a, "350103")->v[HELPED], 1);
	assert_int_equal(a->total[HELPED], 2);
	assert_int_equal(a->children_on_register, 1);
	rx_annex_free(a);
}

static void
test_need_counts_by_the_day_it_was_resolved(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;

	(void)state;
	intervention(&r, VILLAGE, 1, "2025-03-01", "policy_help", true);
	set(&r, RX_F_NEED_RESOLVED_ON, day("2025-05-01"));
	add(t, &r);
	intervention(&r, VILLAGE, 1, "2025-06-01", "policy_help", true);
	set(&r, RX_F_NEED_RESOLVED_ON, day("2025-08-26"));
	add(t, &r);
	intervention(&r, VILLAGE, 1, "2025-06-01", "policy_help", false);
	set(&r, RX_F_NEED_RESOLVED_ON, day("2025-06-26"));
	add(t, &r);
	a = done(t);
	assert_int_equal(a->total[RESOLVED], 1);
	assert_int_equal(a->total[HELPED], 1);	/* the one of June */
	rx_annex_free(a);
}

static void
test_joint_activity_counts_for_its_lead_unit(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;
	char lead[RX_UNIT_BYTES];

	(void)state;
	activity(&r, "350102", "2025-06-01", "theme_activity", true);
	unit_of(lead, "350103");
	ok(rx_record_set_text(&r, RX_F_LEAD_UNIT, lead, RX_UNIT_BYTES, &st),
	    &st);
	add(t, &r);
	activity(&r, "350102", "2025-06-01", "theme_activity", true);
	unit_of(lead, "350100-SELF");
	ok(rx_record_set_text(&r, RX_F_LEAD_UNIT, lead, RX_UNIT_BYTES, &st),
	    &st);
	add(t, &r);
	a = done(t);
	assert_int_equal(row(a, "350102")->v[THEME], 0);
	assert_int_equal(row(a, "350103")->v[THEME], 1);
	assert_int_equal(row(a, "350100-SELF")->v[THEME], 1);
	assert_int_equal(a->total[THEME], 2);
	rx_annex_free(a);
}

static void
test_own_work_is_of_self_and_of_the_prefecture_code(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;

	(void)state;
	activity(&r, "350100-SELF", "2025-06-01", "theme_activity", true);
	add(t, &r);
	activity(&r, "350100", "2025-06-01", "theme_activity", true);
	add(t, &r);
	a = done(t);
	assert_int_equal(row(a, "350100-SELF")->v[THEME], 2);
	rx_annex_free(a);
}

static void
test_record_outside_the_form_is_named_and_not_counted(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;

	(void)state;
	activity(&r, "350128", "2025-06-01", "theme_activity", true);
	add(t, &r);
	record(&r, RX_CHILD, "350128001001", 9, NULL);
	add(t, &r);
	intervention(&r, "350128001001", 9, "2025-06-01", "policy_help", true);
	add(t, &r);
	intervention(&r, "350128001001", 9, "2025-06-01", "policy_help",
	    false);
	add(t, &r);
	a = done(t);
	assert_int_equal(a->total[THEME], 0);
	assert_int_equal(a->total[HELPED], 0);
	assert_int_equal(a->children_on_register, 0);
	assert_int_equal(a->outside, 2);
	rx_annex_free(a);
}

static void
test_silent_units_are_told_from_zero(void **state)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;
	struct rx_annex *a;

	(void)state;
	record(&r, RX_OBSERVATION, VILLAGE, 1, "2025-06-01");
	add(t, &r);
	record(&r, RX_OBSERVATION, OTHER, 1, "2025-01-01");
	add(t, &r);
	a = done(t);
	assert_true(row(a, "350102")->reported);
	assert_false(row(a, "350103")->reported);
	rx_annex_free(a);
}

/* ---- files ---- */

/* An annex with something in it. */
static struct rx_annex *
sample(int64_t fen)
{
	struct rx_tally *t = tally("350100");
	struct rx_record r;

	activity(&r, "350102", "2025-06-01", "theme_activity", true);
	add(t, &r);
	intervention(&r, VILLAGE, 1, "2025-06-02", "cash_condolence", true);
	set(&r, RX_F_AMOUNT_FEN, fen);
	add(t, &r);
	return (done(t));
}

static void
test_csv_is_the_form(void **state)
{
	struct rx_annex *a = sample(12345600);
	struct rx_buf out = RX_BUF_INIT;
	const char *s;

	(void)state;
	ok(rx_annex_write(&out, a, RX_FORMAT_CSV, &st), &st);
	ok(rx_buf_add(&out, "", 1, &st), &st);
	s = (const char *)out.b;
	assert_memory_equal(s, "\xef\xbb\xbf"
	    "2025年“润心伴成长 同心护未来”主题活动情况统计表,,,,,,,,\r\n"
	    "填表单位（盖章）：福州市,,,,,,,,\r\n"
	    "截止时间：2025年8月25日,,,,,,,,\r\n"
	    "序号,地区,举办困境儿童关爱主题活动(场次),", 200);
	assert_non_null(strstr(s, "\r\n1,福州市本级,0,0,0,0,0.0000,0,0\r\n"));
	assert_non_null(strstr(s, "\r\n2,鼓楼区,1,0,0,0,12.3456,1,0\r\n"));
	assert_non_null(strstr(s, "\r\n合计,,1,0,0,0,12.3456,1,0\r\n"));
	assert_non_null(strstr(s, "台江区、"));	/* recorded nothing */
	rx_buf_free(&out);
	rx_annex_free(a);
}

static void
test_csv_cell_is_quoted_and_never_a_formula(void **state)
{
	static const unsigned width[] = { 9, 9 };
	static const char *const evil[] = {
		"=1+1", "+1", "-1", "@A1", "\tx", "\r=x"
	};
	struct rx_sheet *sh;
	struct rx_buf out = RX_BUF_INIT;
	size_t k;

	(void)state;
	rx_status_clear(&st);
	ok(rx_sheet_new(&sh, 2, width, 0, &st), &st);
	for (k = 0; k < sizeof(evil) / sizeof(*evil); k++)
		ok(rx_sheet_text(sh, evil[k], &st), &st);
	ok(rx_sheet_text(sh, "a\"b,c", &st), &st);
	ok(rx_sheet_int(sh, -5, &st), &st);
	ok(rx_sheet_write(&out, sh, RX_FORMAT_CSV, &st), &st);
	ok(rx_buf_add(&out, "", 1, &st), &st);
	assert_string_equal((const char *)out.b, "\xef\xbb\xbf"
	    "'=1+1,'+1\r\n'-1,'@A1\r\n'\tx,\"'\r=x\"\r\n"
	    "\"a\"\"b,c\",-5\r\n");
	rx_buf_free(&out);
	rx_sheet_free(sh);
}

static void
test_xlsx_is_a_zip_and_the_same_for_the_same_figures(void **state)
{
	struct rx_annex *a = sample(12345600);
	struct rx_buf one = RX_BUF_INIT, two = RX_BUF_INIT;

	(void)state;
	ok(rx_annex_write(&one, a, RX_FORMAT_XLSX, &st), &st);
	ok(rx_annex_write(&two, a, RX_FORMAT_XLSX, &st), &st);
	assert_true(one.len > 4000);
	assert_memory_equal(one.b, "PK\x03\x04", 4);
	assert_int_equal(one.len, two.len);
	assert_memory_equal(one.b, two.b, one.len);
	rx_buf_free(&one);
	rx_buf_free(&two);
	rx_annex_free(a);
}

static void
test_json_has_the_agreed_members(void **state)
{
	static const char want[] = "{\"code\":\"350102\",\"name\":\"鼓楼区\","
	    "\"values\":[1,0,0,0,\"12.3456\",1,0]}";
	struct rx_annex *a = sample(12345600);
	struct rx_buf out = RX_BUF_INIT;
	json_t *doc, *line;

	(void)state;
	ok(rx_annex_write(&out, a, RX_FORMAT_JSON, &st), &st);
	ok(rx_json_parse(&doc, (const char *)out.b, out.len, &st), &st);
	ok(rx_json_parse(&line, want, strlen(want), &st), &st);
	assert_true(json_equal(line, json_array_get(json_object_get(doc,
	    "rows"), 1)));
	assert_string_equal(json_string_value(json_object_get(doc, "unit")),
	    "350100");
	assert_string_equal(json_string_value(json_object_get(doc, "from")),
	    "2025-05-01");
	assert_string_equal(json_string_value(json_array_get(json_object_get(
	    doc, "columns"), 4)), "cash_wan");
	assert_string_equal(json_string_value(json_array_get(json_object_get(
	    doc, "total"), 4)), "12.3456");
	assert_true(json_array_size(json_object_get(doc, "notes")) >= 2);
	json_decref(line);
	json_decref(doc);
	rx_buf_free(&out);
	rx_annex_free(a);
}

/* ---- reissue ---- */

/* Enter ${doc} in ${entries}. */
static void
enter(json_t *entries, const json_t *doc)
{
	json_t *entry;

	ok(rx_release_entry(&entry, "annex", "lin", 1000, "json", doc, &st),
	    &st);
	assert_int_equal(json_array_append_new(entries, entry), 0);
}

static void
test_reissue_is_numbered_and_says_what_changed(void **state)
{
	struct rx_annex *a = sample(100), *b = sample(20000);
	json_t *entries = json_array(), *one, *two, *again;
	const char *note;
	bool same;

	(void)state;
	ok(rx_annex_issue(&one, &same, a, entries, &st), &st);
	assert_false(same);
	enter(entries, one);
	ok(rx_annex_issue(&two, &same, b, entries, &st), &st);
	assert_false(same);
	assert_int_equal(json_integer_value(json_object_get(two, "issue")), 2);
	note = json_string_value(json_array_get(json_object_get(two, "notes"),
	    0));
	assert_non_null(strstr(note, "第2次"));
	assert_non_null(strstr(note, "0.0001→0.0200"));
	enter(entries, two);

	/* the same figures: the same document, as it was */
	ok(rx_annex_issue(&again, &same, b, entries, &st), &st);
	assert_true(same);
	assert_true(json_equal(again, two));
	json_decref(again);
	json_decref(two);
	json_decref(one);
	json_decref(entries);
	rx_annex_free(b);
	rx_annex_free(a);
}

static void
test_ledger_entry_that_was_altered_is_seen(void **state)
{
	struct rx_annex *a = sample(100);
	struct rx_release_row line;
	json_t *doc, *entry, *total;

	(void)state;
	ok(rx_annex_json(&doc, a, &st), &st);
	ok(rx_release_entry(&entry, "annex", "lin", 1000, "csv", doc, &st),
	    &st);
	rx_release_row_of(&line, "id", entry);
	assert_true(line.intact);
	assert_string_equal(line.title, "350100 2025-05-01..2025-08-25");
	assert_string_equal(line.author, "lin");
	total = json_object_get(json_object_get(entry, "published"), "total");
	assert_int_equal(json_array_set_new(total, 0, json_integer(7)), 0);
	rx_release_row_of(&line, "id", entry);
	assert_false(line.intact);
	json_decref(entry);
	json_decref(doc);
	rx_annex_free(a);
}

/* ---- checks ---- */

static void
count_warning(void *cookie, const char *text)
{
	unsigned *n = cookie;

	assert_true(strlen(text) > 0 && strchr(text, '{') == NULL);
	(*n)++;
}

static void
test_periods_are_whole_months_or_what_a_notice_asks_for(void **state)
{

	(void)state;
	assert_true(rx_annex_declared(day("2025-06-01"), day("2025-06-30")));
	assert_true(rx_annex_declared(day("2024-01-01"), day("2024-02-29")));
	assert_true(rx_annex_declared(day("2025-05-29"), day("2025-08-25")));
	assert_false(rx_annex_declared(day("2025-05-29"), day("2025-08-24")));
	assert_false(rx_annex_declared(day("2025-05-28"), day("2025-08-25")));
	assert_false(rx_annex_declared(day("2025-06-01"), day("2025-06-29")));
	assert_false(rx_annex_declared(day("2025-06-02"), day("2025-06-30")));
}

static void
test_checks_warn_about_figures_that_do_not_fit(void **state)
{
	struct rx_annex *a = sample(100);
	unsigned n = 0, more = 0;

	(void)state;
	/* silent units; dates that are no whole months; more children helped
	 * than on the register */
	ok(rx_annex_check(a, RX_LANG_ZH, count_warning, &n, &st), &st);
	assert_int_equal(n, 3);
	a->rows[3].v[RESOLVED] = 1;
	a->payments = 0;
	ok(rx_annex_check(a, RX_LANG_EN, count_warning, &more, &st), &st);
	assert_int_equal(more, 5);
	rx_annex_free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_fuzhou_has_13_rows_own_work_first_without_pingtan),
		cmocka_unit_test(
		    test_pingtan_county_and_province_have_their_rows),
		cmocka_unit_test(
		    test_unit_that_no_form_knows_is_left_to_the_register),
		cmocka_unit_test(test_township_gets_no_annex),
		cmocka_unit_test(test_theme_activities_count_held_records_once),
		cmocka_unit_test(
		    test_counselling_multiplies_sessions_and_needs_a_professional),
		cmocka_unit_test(
		    test_agencies_total_is_the_union_not_the_row_sum),
		cmocka_unit_test(
		    test_visit_is_face_to_face_and_once_a_child_day_and_unit),
		cmocka_unit_test(test_cash_total_is_rounded_once_and_half_up),
		cmocka_unit_test(test_child_helped_twice_is_one_child),
		cmocka_unit_test(test_need_counts_by_the_day_it_was_resolved),
		cmocka_unit_test(test_joint_activity_counts_for_its_lead_unit),
		cmocka_unit_test(
		    test_own_work_is_of_self_and_of_the_prefecture_code),
		cmocka_unit_test(
		    test_record_outside_the_form_is_named_and_not_counted),
		cmocka_unit_test(test_silent_units_are_told_from_zero),
		cmocka_unit_test(test_csv_is_the_form),
		cmocka_unit_test(test_csv_cell_is_quoted_and_never_a_formula),
		cmocka_unit_test(
		    test_xlsx_is_a_zip_and_the_same_for_the_same_figures),
		cmocka_unit_test(test_json_has_the_agreed_members),
		cmocka_unit_test(
		    test_reissue_is_numbered_and_says_what_changed),
		cmocka_unit_test(test_ledger_entry_that_was_altered_is_seen),
		cmocka_unit_test(
		    test_periods_are_whole_months_or_what_a_notice_asks_for),
		cmocka_unit_test(
		    test_checks_warn_about_figures_that_do_not_fit),
	};

	rx_json_init();
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	return (cmocka_run_group_tests_name("annex", tests, NULL, NULL));
}
