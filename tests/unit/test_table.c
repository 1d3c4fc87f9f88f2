#include <stdlib.h>
#include <string.h>

#include "../helper.h"
#include "stats/internal.h"

/* Cross-tables: what is counted, what the document says, what is refused. */

static struct rx_status st;

static int32_t
day(const char *s)
{
	int32_t d;

	assert_true(rx_date_parse(s, &d));
	return (d);
}

static struct rx_table_request
request(enum rx_count count, const char *dims)
{
	struct rx_table_request req = { .count = count, .threshold = 5 };

	rx_status_clear(&st);
	ok(rx_unit_parse(req.unit, "350102", &st), &st);
	ok(rx_table_dims(&req, dims, &st), &st);
	req.from = day("2025-01-01");
	req.to = day("2025-06-30");
	return (req);
}

static struct rx_tab *
begin(enum rx_count count, const char *dims)
{
	struct rx_table_request req = request(count, dims);
	struct rx_tab *t;

	ok(rx_tab_new(&t, &req, &st), &st);
	return (t);
}

static void
record(struct rx_record *r, enum rx_type type, const char *unit, uint16_t child)
{
	uint8_t *id = type == RX_CHILD ? r->id : r->child;

	rx_record_init(r);
	r->type = type;
	ok(rx_unit_parse(r->unit, unit, &st), &st);
	rx_put16(id, child);
}

static void
add(struct rx_tab *t, struct rx_record *r)
{

	ok(rx_tab_add(t, r, &st), &st);
	rx_record_free(r);
}

static void
child(struct rx_tab *t, const char *unit, uint16_t no, int64_t sex,
    const int64_t *categories, size_t n)
{
	struct rx_record r;
	int32_t birth;

	record(&r, RX_CHILD, unit, no);
	assert_true(rx_month_parse("2014-05", &birth));
	ok(rx_record_set_int(&r, RX_F_SEX, sex, &st), &st);
	ok(rx_record_set_int(&r, RX_F_BIRTH, birth, &st), &st);
	ok(rx_record_set_items(&r, RX_F_CATEGORIES, categories, n, &st), &st);
	add(t, &r);
}

static void
observation(struct rx_tab *t, const char *unit, uint16_t no, const char *date,
    const char *risk, int64_t sign)
{
	struct rx_record r;

	record(&r, RX_OBSERVATION, unit, no);
	ok(rx_record_set_int(&r, RX_F_DATE, day(date), &st), &st);
	ok(rx_record_set_int(&r, RX_F_RISK, rx_code_no(RX_LIST_RISK, risk),
	    &st), &st);
	ok(rx_record_set_items(&r, RX_F_SIGNS, &sign, 1, &st), &st);
	add(t, &r);
}

static json_t *
document(struct rx_tab *t)
{
	json_t *doc;

	ok(rx_tab_json(&doc, t, NULL, NULL, &st), &st);
	rx_tab_free(t);
	return (doc);
}

/* The value of the cell whose keys, joined by commas, are ${key}; -1 when it
 * is suppressed, -2 when there is none. */
static int64_t
value(const json_t *doc, const char *key)
{
	const json_t *cells = json_object_get(doc, "cells"), *cell, *keys;
	char text[256];
	size_t i, k, n;

	for (i = 0; i < json_array_size(cells); i++) {
		cell = json_array_get(cells, i);
		keys = json_object_get(cell, "key");
		for (n = 0, k = 0; k < json_array_size(keys); k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n,
			    "%s%s", k > 0 ? "," : "",
			    json_string_value(json_array_get(keys, k)));
		if (strcmp(text, key) != 0)
			continue;
		cell = json_object_get(cell, "value");
		return (json_is_null(cell) ? -1 : json_integer_value(cell));
	}
	return (-2);
}

/* ---- the request ---- */

static void
test_dimensions_are_parsed(void **state)
{
	struct rx_table_request req = request(RX_COUNT_CHILDREN,
	    "sex,age_band,village");

	(void)state;
	assert_int_equal(req.ndims, 3);
	assert_int_equal(req.dims[0], RX_DIM_SEX);
	assert_int_equal(req.dims[2], RX_DIM_VILLAGE);
	refused(rx_table_dims(&req, "sex,colour", &st), RX_EUSAGE, &st);
	refused(rx_table_dims(&req, "", &st), RX_EUSAGE, &st);
	refused(rx_table_dims(&req, "sex,", &st), RX_EUSAGE, &st);
	refused(rx_table_dims(&req, "sex,sex", &st), RX_EUSAGE, &st);
	refused(rx_table_dims(&req, "sex,month,risk,sign,county", &st),
	    RX_EUSAGE, &st);
}

static void
refuse_request(const struct rx_table_request *req)
{
	struct rx_tab *t;

	refused(rx_tab_new(&t, req, &st), RX_EUSAGE, &st);
	assert_null(t);
}

static void
test_questions_without_meaning_are_refused(void **state)
{
	struct rx_table_request req;

	(void)state;
	req = request(RX_COUNT_CHILDREN, "month");
	refuse_request(&req);
	req = request(RX_COUNT_CHILDREN, "kind");
	refuse_request(&req);
	req = request(RX_COUNT_OBSERVATIONS, "outcome");
	refuse_request(&req);
	req = request(RX_COUNT_INTERVENTIONS, "risk");
	refuse_request(&req);
	req = request(RX_COUNT_CHILDREN, "sex");
	req.threshold = 2;
	refuse_request(&req);
	req.threshold = 3;
	req.from = req.to + 1;
	refuse_request(&req);
}

/* ---- counting ---- */

static void
test_margin_of_categories_counts_a_child_once(void **state)
{
	static const int64_t both[] = { 1, 5 };
	struct rx_tab *t = begin(RX_COUNT_CHILDREN, "category,sex");
	json_t *doc;
	uint16_t k;

	(void)state;
	for (k = 0; k < 40; k++)
		child(t, "350102001001", k, 1 + k % 2, k < 10 ? both :
		    &both[k < 24], k < 10 ? 2 : 1);
	doc = document(t);
	assert_int_equal(value(doc, "orphan,*"), 10 + 16);
	assert_int_equal(value(doc, "poverty,*"), 10 + 14);
	assert_int_equal(value(doc, "*,*"), 40);
	assert_int_equal(value(doc, "orphan,m"), 13);
	assert_int_equal(value(doc, "*,f"), 20);
	assert_int_equal(json_integer_value(json_object_get(doc,
	    "suppressed")), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(
	    doc, "totals"), "value")), 40);
	json_decref(doc);
}

static void
test_child_has_the_risk_of_its_latest_observation(void **state)
{
	static const int64_t one = 1;
	struct rx_tab *t = begin(RX_COUNT_CHILDREN, "risk");
	json_t *doc;
	uint16_t k;

	(void)state;
	for (k = 0; k < 30; k++) {
		child(t, "350102001001", k, 1, &one, 1);
		if (k < 8)
			continue;	/* not observed */
		observation(t, "350102001001", k, "2025-03-02",
		    k < 18 ? "yellow" : "green", 1);
		observation(t, "350102001001", k, "2025-02-01", "red", 1);
		observation(t, "350102001001", k, "2025-07-01", "red", 1);
	}
	doc = document(t);
	assert_int_equal(value(doc, "yellow"), 10);
	assert_int_equal(value(doc, "green"), 12);
	assert_int_equal(value(doc, "none"), 8);
	assert_int_equal(value(doc, "red"), -2);
	assert_int_equal(value(doc, "*"), 30);
	json_decref(doc);
}

static void
test_observations_count_by_month_in_the_period(void **state)
{
	static const int64_t one = 1;
	struct rx_tab *t = begin(RX_COUNT_OBSERVATIONS, "month");
	json_t *doc;
	uint16_t k;

	(void)state;
	for (k = 0; k < 12; k++) {
		child(t, "350102001001", k, 1, &one, 1);
		observation(t, "350102001001", k, "2025-01-01", "red", 1);
		observation(t, "350102001001", k, "2025-06-30", "red", 1);
		observation(t, "350102001001", k, "2025-06-01", "red", 1);
		observation(t, "350102001001", k, "2024-12-31", "red", 1);
		observation(t, "350102001001", k, "2025-07-01", "red", 1);
	}
	doc = document(t);
	assert_int_equal(value(doc, "2025-01"), 12);
	assert_int_equal(value(doc, "2025-06"), 24);
	assert_int_equal(value(doc, "*"), 36);
	assert_int_equal(value(doc, "2024-12"), -2);
	json_decref(doc);
}

static void
test_many_observations_of_few_children_are_suppressed(void **state)
{
	static const int64_t one = 1;
	struct rx_tab *t = begin(RX_COUNT_OBSERVATIONS, "village");
	static const char *const village[] = {
		"350102001001", "350102001002", "350102001003"
	};
	json_t *doc;
	uint16_t k;
	int j;

	(void)state;
	for (k = 0; k < 30; k++) {
		child(t, village[k / 4 > 2 ? 2 : k / 4 > 0], k, 1, &one, 1);
		for (j = 0; j < 5; j++)
			observation(t, village[k / 4 > 2 ? 2 : k / 4 > 0], k,
			    "2025-03-01", "red", 1);
	}
	doc = document(t);
	assert_int_equal(value(doc, "350102001001"), -1);	/* 20 of 4 */
	assert_int_equal(value(doc, "*"), 150);
	json_decref(doc);
}

static void
test_units_nest_and_impossible_pairs_are_left_out(void **state)
{
	static const int64_t one = 1;
	static const char *const village[] = {
		"350102001001", "350102001002", "350102002001", "350102002002"
	};
	struct rx_tab *t = begin(RX_COUNT_CHILDREN, "village,sex,township");
	json_t *doc;
	uint16_t k;

	(void)state;
	for (k = 0; k < 80; k++)
		child(t, village[k % 4], k, 1 + k / 4 % 2, &one, 1);
	doc = document(t);
	assert_int_equal(value(doc, "350102001001,m,350102001000"), 10);
	assert_int_equal(value(doc, "350102001001,m,*"), 10);
	assert_int_equal(value(doc, "*,*,350102001000"), 40);
	assert_int_equal(value(doc, "*,m,*"), 40);
	assert_int_equal(value(doc, "*,*,*"), 80);
	assert_int_equal(value(doc, "350102001001,m,350102002000"), -2);
	assert_int_equal(json_array_size(json_object_get(doc, "cells")),
	    (4 + 4 + 2 + 1) * 3);
	json_decref(doc);
}

static void
test_months_nest_in_quarters_and_years(void **state)
{
	static const int64_t one = 1;
	static const char *const dates[] = {
		"2025-01-05", "2025-02-05", "2025-04-05", "2025-06-05"
	};
	struct rx_tab *t = begin(RX_COUNT_OBSERVATIONS, "month,year,quarter");
	json_t *doc;
	uint16_t k;

	(void)state;
	for (k = 0; k < 80; k++) {
		child(t, "350102001001", k, 1, &one, 1);
		observation(t, "350102001001", k, dates[k / 20], "green", 1);
	}
	doc = document(t);
	assert_int_equal(value(doc, "2025-01,2025,2025-Q1"), 20);
	assert_int_equal(value(doc, "2025-01,*,*"), 20);
	assert_int_equal(value(doc, "*,2025,2025-Q2"), 40);
	assert_int_equal(value(doc, "*,*,2025-Q1"), 40);
	assert_int_equal(value(doc, "*,2025,*"), 80);
	assert_int_equal(value(doc, "*,*,*"), 80);
	assert_int_equal(value(doc, "2025-04,2025,2025-Q1"), -2);
	assert_int_equal(json_array_size(json_object_get(doc, "cells")),
	    4 * 4 + 2 * 2 + 1 + 1);
	json_decref(doc);
}

static void
test_townships_nest_in_cities_and_the_province(void **state)
{
	static const int64_t one = 1;
	static const char *const village[] = {
		"350102001001", "350102002001", "350203001001", "350203002001"
	};
	struct rx_table_request req = request(RX_COUNT_CHILDREN,
	    "township,city,province");
	struct rx_tab *t;
	json_t *doc;
	uint16_t k;

	(void)state;
	ok(rx_unit_parse(req.unit, "350000", &st), &st);
	ok(rx_tab_new(&t, &req, &st), &st);
	for (k = 0; k < 80; k++)
		child(t, village[k / 20], k, 1, &one, 1);
	doc = document(t);
	assert_int_equal(value(doc, "350102001000,350100,350000"), 20);
	assert_int_equal(value(doc, "*,350200,350000"), 40);
	assert_int_equal(value(doc, "*,350200,*"), 40);
	assert_int_equal(value(doc, "*,*,350000"), 80);
	assert_int_equal(value(doc, "350102001000,350200,*"), -2);
	json_decref(doc);
}

static void
test_too_few_children_and_too_many_cells_are_refused(void **state)
{
	static const int64_t one = 1;
	struct rx_tab *t = begin(RX_COUNT_CHILDREN, "sex");
	json_t *doc;
	char unit[16];
	uint16_t k;

	(void)state;
	for (k = 0; k < 4; k++)
		child(t, "350102001001", k, 1 + k % 2, &one, 1);
	refused(rx_tab_json(&doc, t, NULL, NULL, &st), RX_ECONFLICT, &st);
	assert_null(doc);
	rx_tab_free(t);

	t = begin(RX_COUNT_CHILDREN, "county,township,village,sex");
	for (k = 0; k < 9000; k++) {
		(void)snprintf(unit, sizeof(unit), "350102%03d%03d",
		    1 + k / 100, 1 + k % 100);
		child(t, unit, k, 1 + k % 2, &one, 1);
	}
	refused(rx_tab_json(&doc, t, NULL, NULL, &st), RX_EUSAGE, &st);
	rx_tab_free(t);
}

static void
test_no_children_is_a_table_of_zero(void **state)
{
	json_t *doc = document(begin(RX_COUNT_INTERVENTIONS, "kind,sex"));

	(void)state;
	assert_int_equal(value(doc, "*,*"), 0);
	assert_int_equal(json_array_size(json_object_get(doc, "cells")), 1);
	json_decref(doc);
}

static void
test_a_risk_that_all_children_have_is_not_shown(void **state)
{
	static const int64_t one = 1;
	struct rx_tab *t = begin(RX_COUNT_CHILDREN, "risk");
	json_t *doc;
	uint16_t k;

	(void)state;
	for (k = 0; k < 30; k++) {
		child(t, "350102001001", k, 1, &one, 1);
		observation(t, "350102001001", k, "2025-03-02", "red", 1);
	}
	doc = document(t);
	assert_int_equal(value(doc, "*"), 30);
	assert_int_equal(value(doc, "red"), -1);
	assert_int_equal(value(doc, "orange"), -1);
	json_decref(doc);
}

/* ---- files ---- */

static json_t *
sample(unsigned girls)
{
	static const int64_t one = 1;
	struct rx_tab *t = begin(RX_COUNT_CHILDREN, "sex,age_band");
	uint16_t k;

	for (k = 0; k < 30; k++)
		child(t, "350102001001", k, 1 + (k < girls), &one, 1);
	return (document(t));
}

static void
test_csv_shows_a_mark_never_a_number(void **state)
{
	json_t *doc = sample(3);
	struct rx_buf out = RX_BUF_INIT;
	const char *s;

	(void)state;
	ok(rx_tab_render(&out, doc, RX_FORMAT_CSV, &st), &st);
	ok(rx_buf_add(&out, "", 1, &st), &st);
	s = (const char *)out.b;
	assert_memory_equal(s, "\xef\xbb\xbf", 3);
	assert_non_null(strstr(s, "\r\n性别代码,性别,年龄段代码,年龄段,数量\r\n"));
	assert_non_null(strstr(s, "\r\nf,女,*,合计,※\r\n"));
	assert_non_null(strstr(s, "\r\n*,合计,*,合计,30\r\n"));
	assert_null(strstr(s, ",3\r\n"));
	assert_null(strstr(s, ",27\r\n"));
	rx_buf_free(&out);
	ok(rx_tab_render(&out, doc, RX_FORMAT_XLSX, &st), &st);
	assert_true(out.len > 4000);
	assert_memory_equal(out.b, "PK\x03\x04", 4);
	rx_buf_free(&out);
	json_decref(doc);
}

static void
test_document_says_how_it_was_made(void **state)
{
	json_t *doc = sample(10);

	(void)state;
	assert_string_equal(json_string_value(json_object_get(doc, "unit")),
	    "350102");
	assert_string_equal(json_string_value(json_object_get(doc, "count")),
	    "children");
	assert_string_equal(json_string_value(json_object_get(doc, "to")),
	    "2025-06-30");
	assert_int_equal(json_integer_value(json_object_get(doc,
	    "threshold")), 5);
	assert_int_equal(json_array_size(json_object_get(doc, "legend")), 2);
	assert_string_equal(json_string_value(json_array_get(json_object_get(
	    doc, "dims"), 1)), "age_band");
	assert_int_equal(value(doc, "f,6-11"), 10);
	json_decref(doc);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dimensions_are_parsed),
		cmocka_unit_test(test_questions_without_meaning_are_refused),
		cmocka_unit_test(test_margin_of_categories_counts_a_child_once),
		cmocka_unit_test(
		    test_child_has_the_risk_of_its_latest_observation),
		cmocka_unit_test(
		    test_observations_count_by_month_in_the_period),
		cmocka_unit_test(
		    test_many_observations_of_few_children_are_suppressed),
		cmocka_unit_test(
		    test_units_nest_and_impossible_pairs_are_left_out),
		cmocka_unit_test(test_months_nest_in_quarters_and_years),
		cmocka_unit_test(
		    test_townships_nest_in_cities_and_the_province),
		cmocka_unit_test(
		    test_too_few_children_and_too_many_cells_are_refused),
		cmocka_unit_test(test_no_children_is_a_table_of_zero),
		cmocka_unit_test(
		    test_a_risk_that_all_children_have_is_not_shown),
		cmocka_unit_test(test_csv_shows_a_mark_never_a_number),
		cmocka_unit_test(test_document_says_how_it_was_made),
	};

	rx_json_init();
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	return (cmocka_run_group_tests_name("table", tests, NULL, NULL));
}
