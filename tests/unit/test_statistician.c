#include <stdio.h>
#include <string.h>

#include "tests/fixture.h"
#include "web/statistician.h"

/* The statistician's pages: what a preview leaves behind, what is handed out a
 * second time, and what a chart shows of a value that is withheld. */

static struct rx_status st;
static struct rx_session *stat, *director;
static const char *dir;

static int
setup(void **state)
{

	if (fixture_setup(state) != 0)
		return (-1);
	dir = fixture_copy();
	stat = fixture_open(dir, "st");
	director = fixture_open(dir, "d1");
	return (0);
}

static int
teardown(void **state)
{

	(void)state;
	rx_session_close(stat);
	rx_session_close(director);
	return (0);
}

static rx_err
count_one(void *cookie, const struct rx_release_row *row, struct rx_status *s)
{

	(void)row;
	(void)s;
	++*(size_t *)cookie;
	return (RX_OK);
}

static size_t
releases(void)
{
	size_t n = 0;

	ok(rx_releases_each(stat, count_one, &n, &st), &st);
	return (n);
}

static int32_t
date(const char *text)
{
	int32_t d;

	assert_true(rx_date_parse(text, &d));
	return (d);
}

/* ---- handing out ---- */

static void
test_a_preview_is_not_a_release(void **state)
{
	const int32_t from = date("2025-01-01"), to = date("2025-12-31");
	struct rx_buf csv = RX_BUF_INIT, json = RX_BUF_INIT;
	struct rx_annex *a;
	const size_t before = releases();
	json_t *doc;
	bool again;

	(void)state;
	ok(rx_annex_preview(&a, &doc, &again, stat, COUNTY, from, to, &st),
	    &st);
	assert_false(again);
	assert_int_equal(releases(), before);
	json_decref(doc);
	rx_annex_free(a);

	/* Handing it out is: once, in whatever formats. */
	ok(rx_annex_bytes(&csv, stat, COUNTY, from, to, RX_FORMAT_CSV,
	    RX_LANG_ZH, NULL, NULL, &st), &st);
	assert_int_equal(releases(), before + 1);
	ok(rx_annex_bytes(&json, stat, COUNTY, from, to, RX_FORMAT_JSON,
	    RX_LANG_ZH, NULL, NULL, &st), &st);
	assert_int_equal(releases(), before + 1);
	assert_true(csv.len > 0 && json.len > 0);
	rx_buf_free(&csv);
	rx_buf_free(&json);

	ok(rx_annex_preview(&a, &doc, &again, stat, COUNTY, from, to, &st),
	    &st);
	assert_true(again);
	json_decref(doc);
	rx_annex_free(a);
}

static void
test_the_page_and_the_command_line_give_the_same_bytes(void **state)
{
	const int32_t from = date("2025-02-01"), to = date("2025-12-31");
	struct rx_buf page = RX_BUF_INIT, file = RX_BUF_INIT;
	char path[512];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/annex.csv", test_dir());
	ok(rx_annex_bytes(&page, stat, COUNTY, from, to, RX_FORMAT_CSV,
	    RX_LANG_ZH, NULL, NULL, &st), &st);
	ok(rx_annex_export(stat, COUNTY, from, to, RX_FORMAT_CSV, path,
	    RX_LANG_ZH, NULL, NULL, &st), &st);
	ok(rx_file_read(&file, path, 1 << 20, &st), &st);
	assert_int_equal(page.len, file.len);
	assert_memory_equal(page.b, file.b, file.len);
	rx_buf_free(&page);
	rx_buf_free(&file);
}

static void
request(struct rx_table_request *req)
{

	memset(req, 0, sizeof(*req));
	memcpy(req->unit, COUNTY, RX_UNIT_BYTES);
	req->count = RX_COUNT_INTERVENTIONS;
	req->dims[0] = RX_DIM_KIND;
	req->ndims = 1;
	req->from = date("2001-01-01");
	req->to = date("2001-12-31");
	req->threshold = 5;
}

static void
test_a_table_is_released_once_and_read_from_the_ledger(void **state)
{
	struct rx_buf again = RX_BUF_INIT, file = RX_BUF_INIT;
	char one[RX_UUID_TEXT], two[RX_UUID_TEXT], path[512];
	struct rx_table_request req;
	struct rx_release_row row;
	size_t before;
	json_t *doc;
	bool earlier;

	(void)state;
	request(&req);
	ok(rx_table_release(one, &earlier, stat, &req, &st), &st);
	assert_false(earlier);
	before = releases();
	ok(rx_table_release(two, &earlier, stat, &req, &st), &st);
	assert_true(earlier);
	assert_string_equal(one, two);
	(void)snprintf(path, sizeof(path), "%s/table.csv", test_dir());
	ok(rx_table_export(stat, &req, RX_FORMAT_CSV, path, &st), &st);
	assert_int_equal(releases(), before);

	ok(rx_release_read(&row, &doc, stat, one, &st), &st);
	assert_true(row.intact);
	assert_string_equal(row.count, "interventions");
	assert_string_equal(row.dims, "kind");
	ok(rx_release_render(&again, &row, doc, RX_FORMAT_CSV, &st), &st);
	ok(rx_file_read(&file, path, 1 << 20, &st), &st);
	assert_int_equal(again.len, file.len);
	assert_memory_equal(again.b, file.b, file.len);
	rx_buf_free(&again);

	/* One that was altered is shown, but not handed out again. */
	row.intact = false;
	refused(rx_release_render(&again, &row, doc, RX_FORMAT_CSV, &st),
	    RX_ECORRUPT, &st);
	assert_int_equal(again.len, 0);
	json_decref(doc);
	rx_buf_free(&file);
}

static void
test_a_release_that_is_not_there_is_not_found(void **state)
{
	struct rx_release_row row;
	json_t *doc;

	(void)state;
	refused(rx_release_read(&row, &doc, stat,
	    "00000000-0000-7000-8000-000000000000", &st), RX_ENOENT, &st);
	assert_null(doc);
}

static void
test_a_director_sees_neither_preview_nor_ledger(void **state)
{
	struct rx_buf out = RX_BUF_INIT;
	struct rx_table_request req;
	struct rx_release_row row;
	struct rx_annex *a;
	char id[RX_UUID_TEXT];
	json_t *doc;
	bool again;

	(void)state;
	refused(rx_annex_preview(&a, &doc, &again, director, COUNTY,
	    date("2025-01-01"), date("2025-12-31"), &st), RX_EPERM, &st);
	assert_null(a);
	assert_null(doc);
	refused(rx_annex_bytes(&out, director, COUNTY, date("2025-01-01"),
	    date("2025-12-31"), RX_FORMAT_CSV, RX_LANG_ZH, NULL, NULL, &st),
	    RX_EPERM, &st);
	assert_int_equal(out.len, 0);
	request(&req);
	refused(rx_table_release(id, &again, director, &req, &st), RX_EPERM,
	    &st);
	refused(rx_release_read(&row, &doc, director, id, &st), RX_EPERM, &st);
}

/* ---- charts and rows ---- */

static json_t *
parse(const char *text)
{
	char buf[2048];
	json_t *doc;
	size_t i;

	(void)snprintf(buf, sizeof(buf), "%s", text);
	for (i = 0; buf[i] != '\0'; i++)
		if (buf[i] == '\'')
			buf[i] = '"';
	ok(rx_json_parse(&doc, buf, strlen(buf), &st), &st);
	return (doc);
}

static unsigned
times(const char *text, const char *part)
{
	unsigned n = 0;

	for (; (text = strstr(text, part)) != NULL; text++)
		n++;
	return (n);
}

/* The chart of the document ${text}; "" when there is none. */
static const char *
chart(const char *text)
{
	static char svg[16384];
	const struct rx_request q = { .lang = RX_LANG_ZH };
	json_t *doc = parse(text), *data = json_object();
	const char *s;

	ok(rx_stat_chart(data, &q, doc, &st), &st);
	s = json_string_value(json_object_get(data, "chart"));
	(void)snprintf(svg, sizeof(svg), "%s", s != NULL ? s : "");
	json_decref(doc);
	json_decref(data);
	return (svg);
}

#define MONTHS(value) "{'dims':['month'],'count':'observations','labels':" \
    "{'month':{'2026-01':'2026-01','2026-02':'2026-02','2026-03':'2026-03'}}," \
    "'cells':[{'key':['2026-01'],'value':10},{'key':['2026-02'],'value':" \
    value "},{'key':['2026-03'],'value':12},{'key':['*'],'value':33}]}"

static void
test_a_withheld_month_is_a_gap_with_the_mark(void **state)
{
	const char *svg;

	(void)state;
	svg = chart(MONTHS("11"));	/* control: a line through all three */
	assert_int_equal(times(svg, "<circle"), 3);
	assert_int_equal(times(svg, "class=\"trend\""), 2);
	assert_int_equal(times(svg, "※"), 0);
	assert_int_equal(times(svg, ">33<"), 0);

	svg = chart(MONTHS("null"));
	assert_int_equal(times(svg, "<circle"), 2);
	assert_int_equal(times(svg, "class=\"trend\""), 0);
	assert_int_equal(times(svg, "※"), 1);
	assert_int_equal(times(svg, "role=\"img\""), 1);
	assert_non_null(strstr(svg, "2026-02 不公布"));
}

static void
test_a_withheld_bar_has_no_length_and_labels_are_escaped(void **state)
{
	const char *svg;

	(void)state;
	svg = chart("{'dims':['village'],'count':'children','labels':{"
	    "'village':{'a':'<script>x</script>&','b':'乙村'}},'cells':["
	    "{'key':['a'],'value':null},{'key':['b'],'value':7},"
	    "{'key':['*'],'value':null}]}");
	assert_int_equal(times(svg, "<rect"), 2);
	assert_int_equal(times(svg, "width=\"0.0\""), 1);
	assert_int_equal(times(svg, "※"), 1);
	assert_null(strstr(svg, "<script"));
	assert_non_null(strstr(svg, "&lt;script&gt;x&lt;/script&gt;&amp;"));
	assert_non_null(strstr(svg, ">7<"));
}

static void
test_a_document_of_another_shape_gives_no_chart(void **state)
{

	(void)state;
	assert_string_equal(chart("{}"), "");
	assert_string_equal(chart("{'dims':[1],'cells':[{},1,{'key':[2]}]}"),
	    "");
	assert_string_equal(chart("{'dims':['month'],'cells':[{'key':['x'],"
	    "'value':1},{'key':['y'],'value':2}]}"), "");
	assert_string_equal(chart("{'dims':['sex','risk'],'cells':[{'key':"
	    "['m','red'],'value':1}]}"), "");
}

static void
test_a_table_of_two_has_rows_and_columns(void **state)
{
	const struct rx_request q = { .lang = RX_LANG_EN };
	json_t *data = json_object(), *rows, *cells, *doc = parse(
	    "{'dims':['township','sex'],'count':'children','labels':{"
	    "'township':{'350102001000':'一街道','350102002000':'二街道'},"
	    "'sex':{'m':'男','f':'女'}},'cells':["
	    "{'key':['350102001000','m'],'value':9},"
	    "{'key':['350102001000','f'],'value':null},"
	    "{'key':['350102001000','*'],'value':null},"
	    "{'key':['*','m'],'value':20},{'key':['*','f'],'value':30},"
	    "{'key':['*','*'],'value':50}],'legend':['※：甲','※: b']}");

	(void)state;
	ok(rx_stat_grid(data, &q, doc, &st), &st);
	assert_int_equal(json_array_size(json_object_get(data, "heads")), 1);
	assert_int_equal(json_array_size(json_object_get(data, "columns")), 3);
	rows = json_object_get(data, "rows");
	assert_int_equal(json_array_size(rows), 2);
	cells = json_object_get(json_array_get(rows, 0), "cells");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(
	    cells, 0), "v")), 9);
	assert_true(json_is_true(json_object_get(json_array_get(cells, 1),
	    "mark")));
	assert_null(json_object_get(json_array_get(cells, 1), "v"));
	assert_true(json_is_true(json_object_get(json_array_get(rows, 1),
	    "sum")));
	assert_string_equal(rx_stat_text(data, "legend"), "※: b");
	json_decref(doc);
	json_decref(data);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_preview_is_not_a_release),
		cmocka_unit_test(
		    test_the_page_and_the_command_line_give_the_same_bytes),
		cmocka_unit_test(
		    test_a_table_is_released_once_and_read_from_the_ledger),
		cmocka_unit_test(
		    test_a_release_that_is_not_there_is_not_found),
		cmocka_unit_test(
		    test_a_director_sees_neither_preview_nor_ledger),
		cmocka_unit_test(test_a_withheld_month_is_a_gap_with_the_mark),
		cmocka_unit_test(
		    test_a_withheld_bar_has_no_length_and_labels_are_escaped),
		cmocka_unit_test(
		    test_a_document_of_another_shape_gives_no_chart),
		cmocka_unit_test(test_a_table_of_two_has_rows_and_columns),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("statistician", tests, setup,
	    teardown));
}
