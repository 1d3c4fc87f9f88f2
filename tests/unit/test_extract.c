/*
 * Extracts: whatever is written, that of a case is what its records come to; one
 * that is not of them as they are is as good as none; and its size tells nothing
 * of what it says.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "register/save.h"
#include "stats/internal.h"
#include "tests/fixture.h"

static struct rx_status st;
static int32_t from, to;

#define try(expr) (rx_status_clear(&st), (expr))
#define must(expr) ok(try(expr), &st)
#define VISITS 3	/* columns of the form */
#define CASH 4

static int
setup(void **unused)
{

	if (fixture_setup(unused) != 0)
		return (-1);
	assert_true(rx_date_parse("2025-01-01", &from));
	assert_true(rx_date_parse("2025-12-31", &to));
	return (0);
}

/* ---- helpers ---- */

static rx_err
save(struct rx_session *s, enum rx_type type, bool correct, const char *text)
{

	return (fixture_write(s, type, correct, text, &st));
}

/* A visit to c2 of ${day} in June, ${id}. */
static void
visit(struct rx_session *s, const char *id, unsigned day)
{
	char text[300];

	(void)snprintf(text, sizeof(text), "{'id':'%s','child':'c2','date':"
	    "'2025-06-%02u','kind':'visit_condolence','delivered':true,"
	    "'face_to_face':true}", id, day);
	must(save(s, RX_INTERVENTION, false, text));
}

/* Whether the extract of case ${id}, which ${s} has the keys of, is of its records
 * as they are; then how many versions, and bytes of lines. */
static bool
current(struct rx_session *s, const uint8_t *id, uint32_t *versions,
    size_t *bytes)
{
	struct rx_extract x = { 0 };
	char unit[RX_UNIT_BYTES];
	struct rx_case c;
	bool is;

	rx_case_init(&c);
	must(rx_case_unit(s, id, unit, &st));
	must(rx_case_load(&c, s, id, unit, RX_BIT(RX_COMP_CODED), &st));
	must(rx_extract_open(&x, s, &c, &is, &st));
	if (versions != NULL)
		*versions = x.versions;
	if (bytes != NULL)
		*bytes = x.lines.len;
	rx_extract_free(&x);
	rx_case_done(&c, s);
	return (is);
}

static uint32_t
versions_of(struct rx_session *s, const uint8_t *id)
{
	uint32_t n;

	assert_true(current(s, id, &n, NULL));
	return (n);
}

static rx_err
count(struct rx_session *s, enum rx_counting how, struct rx_annex **a)
{

	return (try(rx_annex_count_how(a, s, COUNTY, from, to, how, &st)));
}

/* The figure in ${column} by the extracts; every record gives the same. */
static int64_t
figure(struct rx_session *s, int column)
{
	struct rx_annex *a, *b;
	size_t wrong;
	int64_t n;

	must(rx_extracts_check(s, COUNTY, &wrong, &st));
	assert_int_equal(wrong, 0);
	must(count(s, RX_COUNT_COLD, &a));
	must(count(s, RX_COUNT_ANEW, &b));
	n = a->total[column];
	assert_memory_equal(a->total, b->total, sizeof(a->total));
	assert_memory_equal(a->rows, b->rows, a->nrows * sizeof(*a->rows));
	rx_annex_free(a);
	rx_annex_free(b);
	return (n);
}

/* ---- what it is ---- */

/* An intervention that says everything. */
static void
whole(struct rx_record *r)
{
	const struct rx_code *cash = rx_code_by_key(RX_LIST_KIND,
	    "cash_condolence");

	rx_record_reset(r);
	r->type = RX_INTERVENTION;
	must(rx_record_set_int(r, RX_F_DATE, from, &st));
	must(rx_record_set_int(r, RX_F_NEED_RESOLVED_ON, to, &st));
	must(rx_record_set_int(r, RX_F_KIND, cash->no, &st));
	must(rx_record_set_int(r, RX_F_DELIVERED, 1, &st));
	must(rx_record_set_int(r, RX_F_AMOUNT_FEN, 0x0102030405, &st));
	must(rx_record_set_text(r, RX_F_AGENCY, "91350100M000100Y43", 18,
	    &st));
}

/* Its bytes are frozen: another format has another number (extract.c). */
static void
test_lines_are_as_they_were_written_first(void **state)
{
	static const uint8_t observation[] = { 2, 0, 0x79, 0x4e, 0, 0 },
	    intervention[] = { 7, 21, 0x79, 0x4e, 0, 0, 0xe5, 0x4f, 0, 0,
	    5, 4, 3, 2, 1, 0, 0, 0, '9', '1', '3', '5', '0', '1', '0', '0',
	    'M', '0', '0', '0', '1', '0', '0', 'Y', '4', '3' };
	struct rx_form_kinds kinds;
	struct rx_form_line line, want;
	struct rx_extract x = { 0 };
	struct rx_record r;
	size_t at = 0;

	(void)state;
	must(rx_form_kinds_find(&kinds, &st));
	rx_record_init(&r);
	r.type = RX_OBSERVATION;
	must(rx_record_set_int(&r, RX_F_DATE, from, &st));
	must(rx_extract_add(&x, &kinds, &r, &st));
	assert_int_equal(x.lines.len, sizeof(observation));
	assert_memory_equal(x.lines.b, observation, sizeof(observation));
	assert_true(rx_extract_line(&x, &at, &line));
	rx_form_line(&want, &kinds, &r);
	assert_memory_equal(&line, &want, sizeof(line));

	whole(&r);
	must(rx_extract_add(&x, &kinds, &r, &st));
	assert_int_equal(x.lines.len, sizeof(observation) +
	    sizeof(intervention));
	assert_memory_equal(x.lines.b + sizeof(observation), intervention,
	    sizeof(intervention));
	assert_true(rx_extract_line(&x, &at, &line));
	rx_form_line(&want, &kinds, &r);
	assert_memory_equal(&line, &want, sizeof(line));
	assert_string_equal(line.agency, "91350100M000100Y43");
	assert_int_equal(line.fen, 0x0102030405);
	assert_int_equal(line.resolved_on, to);
	assert_false(rx_extract_line(&x, &at, &line));

	/* What is of no day counts for nothing. */
	rx_record_reset(&r);
	r.type = RX_INTERVENTION;
	must(rx_extract_add(&x, &kinds, &r, &st));
	assert_int_equal(x.lines.len, at);
	rx_extract_free(&x);
	rx_record_free(&r);
}

static void
test_no_other_bytes_are_lines(void **state)
{
	static const uint8_t bad[][14] = {
		{ 0, 0, 1, 0, 0, 0 },		/* of no day */
		{ 1, 1, 1, 0, 0, 0 },
		{ 10, 0, 1, 0, 0, 0 },		/* more than is known */
		{ 2, 1, 1, 0, 0, 0 },		/* an observation that helps */
		{ 4, 0, 1, 0, 0, 0 },		/* or resolves */
		{ 3, 4, 1, 0, 0, 0 },		/* cut off */
		{ 3, 16, 1, 0, 0, 0 },
		{ 3, 32, 1, 0, 0, 0 },		/* counts for what is not known */
		{ 3, 1, 0, 0, 0, 0x7f },	/* of no day that there is */
		{ 5, 1, 0, 0, 0, 0x7f },
		{ 3, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x7f }	/* fen */
	};
	static const uint8_t agency[3][24] = {
		{ 3, 16, 1, 0, 0, 0 },				/* none */
		{ 3, 16, 1, 0, 0, 0, 'A', 0, 'B' },
		{ 3, 16, 1, 0, 0, 0, 'A', 'B' }			/* control */
	};
	static const uint8_t good[] = { 3, 1, 1, 0, 0, 0 };
	struct rx_form_line line;
	struct rx_extract x = { 0 };
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rx_buf_reset(&x.lines);
		must(rx_buf_add(&x.lines, bad[i], i + 1 < sizeof(bad) /
		    sizeof(bad[0]) ? 6 : 14, &st));
		at = 0;
		assert_false(rx_extract_line(&x, &at, &line));
		assert_int_equal(at, 0);
	}
	for (i = 0; i < 3; i++) {
		rx_buf_reset(&x.lines);
		must(rx_buf_add(&x.lines, agency[i], 24, &st));
		at = 0;
		assert_int_equal(rx_extract_line(&x, &at, &line), i == 2);
	}
	rx_buf_reset(&x.lines);
	must(rx_buf_add(&x.lines, good, sizeof(good), &st));
	at = 0;
	assert_true(rx_extract_line(&x, &at, &line));	/* the control */
	rx_extract_free(&x);
}

/* Sixteen records each: of one case observations, of the other all that an
 * intervention may say. */
static void
test_size_of_an_extract_tells_only_how_many_versions_there_are(void **state)
{
	struct rx_form_kinds kinds;
	struct rx_extract x[2] = { { 0 }, { 0 } };
	struct rx_record r;
	struct rx_session *s;
	const char *dir = fixture_copy();
	struct rx_buf box[2] = { RX_BUF_INIT, RX_BUF_INIT };
	struct rx_case c;
	size_t i, k;

	(void)state;
	s = fixture_open(dir, "d1");
	must(rx_form_kinds_find(&kinds, &st));
	rx_record_init(&r);
	rx_case_init(&c);
	for (k = 0; k < 2; k++) {
		if (k == 0) {
			r.type = RX_OBSERVATION;
			must(rx_record_set_int(&r, RX_F_DATE, from, &st));
		} else
			whole(&r);
		for (i = 0; i < 16; i++) {
			x[k].versions++;
			must(rx_extract_add(&x[k], &kinds, &r, &st));
		}
		must(rx_case_load(&c, s, fixture_id[C1 + k], VILLAGE1,
		    RX_BIT(RX_COMP_CODED), &st));
		must(rx_begin(s, &st));
		must(rx_finish(s, rx_extract_put(&x[k], s, &c, &st),
		    RX_DID_SAVE, c.id, "x", &st));
		rx_extract_free(&x[k]);
	}
	fixture_blob(dir, "SELECT sealed FROM main.extract WHERE child = $c1",
	    &box[0]);
	fixture_blob(dir, "SELECT sealed FROM main.extract WHERE child = $c2",
	    &box[1]);
	assert_int_equal(box[0].len, box[1].len);
	/* What it is read as is as long as it was, not as its box. */
	must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1,
	    RX_BIT(RX_COMP_CODED), &st));
	must(rx_extract_open(&x[0], s, &c, &(bool){ false }, &st));
	assert_int_equal(x[0].lines.len, 16 * 6);
	rx_extract_free(&x[0]);
	rx_buf_free(&box[0]);
	rx_buf_free(&box[1]);
	rx_record_free(&r);
	rx_case_done(&c, s);
	rx_session_close(s);
}

/* ---- who writes it ---- */

static void
test_every_save_writes_the_extract_of_its_case(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1"),
	    *s1 = fixture_open(dir, "s1"), *s = fixture_open(dir, "st");
	struct rx_buf box[2] = { RX_BUF_INIT, RX_BUF_INIT };
	struct rx_flag_row flag;
	uint8_t id[RX_ID_BYTES];
	uint32_t n;
	int64_t visits;
	size_t bytes;

	(void)state;
	must(save(d1, RX_CHILD, false, "{'id':'n1','unit':'350102001001',"
	    "'name':'林一','sex':'f','birth':'2014-05','categories':"
	    "['left_behind'],'legal_basis':'consent'}"));
	must(rx_child_find(d1, "n1", id, &st));
	assert_int_equal(versions_of(d1, id), 0);

	n = versions_of(d1, fixture_id[C2]);
	visits = figure(s, VISITS);
	visit(d1, "e1", 10);
	assert_int_equal(versions_of(d1, fixture_id[C2]), n + 1);
	assert_int_equal(figure(s, VISITS), visits + 1);
	/* The correction takes its place. */
	must(save(d1, RX_INTERVENTION, true, "{'id':'e1','child':'c2','date':"
	    "'2025-06-10','kind':'cash_condolence','delivered':true,"
	    "'amount_fen':30000}"));
	assert_int_equal(versions_of(d1, fixture_id[C2]), n + 2);
	assert_int_equal(figure(s, VISITS), visits);
	must(save(d1, RX_CONSENT, false, "{'id':'e2','child':'c2','date':"
	    "'2025-06-11','state':'given','by':'guardian'}"));
	assert_int_equal(versions_of(d1, fixture_id[C2]), n + 3);
	/* Also where nothing in it is new. */
	fixture_blob(dir, "SELECT sealed FROM main.extract WHERE child = $c2",
	    &box[0]);
	must(save(d1, RX_CHILD, true, "{'id':'c2','unit':'350102001001',"
	    "'name':'林二','sex':'f','birth':'2014-05','categories':"
	    "['left_behind'],'legal_basis':'consent'}"));
	assert_int_equal(versions_of(d1, fixture_id[C2]), n + 3);
	fixture_blob(dir, "SELECT sealed FROM main.extract WHERE child = $c2",
	    &box[1]);
	assert_int_equal(box[0].len, box[1].len);
	assert_memory_not_equal(box[0].b, box[1].b, box[0].len);
	rx_buf_free(&box[0]);
	rx_buf_free(&box[1]);

	/* A supervisor's review. */
	n = versions_of(d1, fixture_id[C1]);
	flag = fixture_flag(s1);
	must(rx_review_decide(s1, &flag, "close", "已核实", &st));
	assert_true(current(d1, fixture_id[C1], &n, &bytes));
	assert_int_equal(n, fixture_number(dir, "SELECT count(*) FROM "
	    "main.record WHERE child = $c1"));
	assert_true(bytes > 0);
	/* Then the case gets new keys. */
	must(save(d1, RX_OBSERVATION, false, "{'id':'e3','child':'c1','date':"
	    "'2025-06-12','channel':'home_visit','signs':['mood_low'],"
	    "'risk':'green'}"));
	assert_int_equal(versions_of(d1, fixture_id[C1]), n + 1);
	(void)figure(s, VISITS);
	rx_session_close(d1);
	rx_session_close(s1);
	rx_session_close(s);
}

/* Of a new case, of one that was there, and of one with more than an import
 * remembers of a case, whose lines are read again. */
static void
test_an_import_writes_the_extract_of_every_case(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1"),
	    *s = fixture_open(dir, "st");
	struct rx_import_counts counts;
	struct rx_buf text = RX_BUF_INIT;
	uint8_t id[RX_ID_BYTES];
	int64_t cash = figure(s, CASH);
	uint32_t n = versions_of(d1, fixture_id[C2]), old;
	struct rx_session *s1 = fixture_open(dir, "s1");
	struct rx_flag_row flag = fixture_flag(s1);
	unsigned i;

	(void)state;
	/* Into one with a flag, whose slots are open. */
	old = versions_of(d1, fixture_id[C1]);
	must(rx_buf_printf(&text, &st, "{\"type\":\"intervention\","
	    "\"id\":\"f1\",\"child\":\"c1\",\"date\":\"2025-06-03\","
	    "\"kind\":\"cash_condolence\",\"delivered\":true,"
	    "\"amount_fen\":7}\n"));
	must(fixture_import(d1, &text, &counts, &st));
	assert_int_equal(versions_of(d1, fixture_id[C1]), old + 1);
	rx_buf_free(&text);
	assert_int_equal(figure(s, CASH), cash + 7);
	/* c1 has records under keys of before. */
	must(rx_review_decide(s1, &flag, "close", "已核实", &st));
	must(save(d1, RX_OBSERVATION, false, "{'id':'e3','child':'c1','date':"
	    "'2025-06-12','channel':'home_visit','signs':['mood_low'],"
	    "'risk':'green'}"));
	old = versions_of(d1, fixture_id[C1]);
	for (i = 0; i < 2; i++)
		must(rx_buf_printf(&text, &st, "{\"type\":\"child\",\"id\":"
		    "\"n%u\",\"unit\":\"350102001001\",\"name\":\"x\",\"sex\":"
		    "\"m\",\"birth\":\"2014-05\",\"categories\":"
		    "[\"left_behind\"],\"legal_basis\":\"consent\"}\n", i));
	for (i = 0; i < 401; i++)
		must(rx_buf_printf(&text, &st, "{\"type\":\"intervention\","
		    "\"id\":\"j%u\",\"child\":\"%s\",\"date\":\"2025-06-03\","
		    "\"kind\":\"cash_condolence\",\"delivered\":true,"
		    "\"amount_fen\":100,\"agency\":\"91350100M000100Y43\"}\n",
		    i, i == 400 ? "c2" : i % 2 == 0 ? "n0" : "c1"));
	must(fixture_import(d1, &text, &counts, &st));
	must(rx_child_find(d1, "n0", id, &st));
	assert_int_equal(versions_of(d1, id), 200);
	must(rx_child_find(d1, "n1", id, &st));
	assert_int_equal(versions_of(d1, id), 0);
	assert_int_equal(versions_of(d1, fixture_id[C2]), n + 1);
	assert_int_equal(versions_of(d1, fixture_id[C1]), old + 200);
	assert_int_equal(figure(s, CASH), cash + 40107);
	rx_buf_free(&text);
	rx_session_close(s1);
	rx_session_close(d1);
	rx_session_close(s);
}

/* A visit to c2 in 2025 is corrected at home, and, later, in a copy, where it is of
 * 2024: as many versions, others.  If it ${moves}, c2 goes to d2 meanwhile.  d1 opens
 * what comes from the copy; *visits is the figure of before. */
static struct rx_bundle
corrected_twice(const char *dir, bool moves, int64_t *visits)
{
#define SEEN(day) "{'id':'b1','child':'c2','date':'" day "','kind':" \
    "'visit_condolence','delivered':true,'face_to_face':true}"
	struct rx_session *d1 = fixture_open(dir, "d1"), *copy,
	    *d2 = fixture_open(dir, "d2"), *s;
	char path[300], number[16];
	struct rx_bundle b;
	const char *away;

	must(save(d1, RX_INTERVENTION, false, SEEN("2025-06-10")));
	rx_session_close(d1);
	away = fixture_village(dir);
	copy = fixture_open(away, "d1");
	d1 = fixture_open(dir, "d1");
	s = fixture_open(dir, "st");
	must(save(d1, RX_INTERVENTION, true, SEEN("2025-06-11")));
	if (moves) {
		must(rx_transfer_offer(d1, fixture_id[C2], "350102001002",
		    "搬家", &st));
		must(rx_transfer_accept(d2, fixture_id[C2], number, &st));
	}
	*visits = figure(s, VISITS);
	(void)usleep(3000);
	must(save(copy, RX_INTERVENTION, true, SEEN("2024-06-11")));
	(void)snprintf(path, sizeof(path), "%s/bundle", test_dir());
	must(rx_bundle_make(copy, "350102001001", path, &b, &st));
	must(rx_bundle_open(d1, path, true, &b, &st));
	rx_session_close(copy);
	rx_session_close(d1);
	rx_session_close(d2);
	rx_session_close(s);
	return (b);
}

/* The later one stands: nobody was seen in 2025. */
static void
test_who_opens_a_bundle_writes_the_extracts_of_its_cases(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1, *s;
	int64_t visits;

	(void)state;
	(void)corrected_twice(dir, false, &visits);
	d1 = fixture_open(dir, "d1");
	s = fixture_open(dir, "st");
	assert_true(current(d1, fixture_id[C2], NULL, NULL));
	assert_int_equal(figure(s, VISITS), visits - 1);
	rx_session_close(d1);
	rx_session_close(s);
}

/* The same of a case that has moved meanwhile: who opens it has its keys of before
 * alone, and cannot write it; then there is none. */
static void
test_who_changes_a_case_that_moved_leaves_no_extract(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	int64_t visits;

	(void)state;
	assert_int_equal(corrected_twice(dir, true, &visits).conflicts, 1);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "main.extract WHERE child = $c2"), 0);
	s = fixture_open(dir, "st");
	assert_int_equal(figure(s, VISITS), visits - 1);
	rx_session_close(s);
}

/* A case that has moved is counted where it is. */
static void
test_extract_goes_with_a_case_that_moves(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1"),
	    *d2 = fixture_open(dir, "d2"), *s = fixture_open(dir, "st");
	char number[16];
	int64_t visits;

	(void)state;
	visit(d1, "e1", 10);
	visits = figure(s, VISITS);
	must(rx_transfer_offer(d1, fixture_id[C2], "350102001002", "搬家",
	    &st));
	must(rx_transfer_accept(d2, fixture_id[C2], number, &st));
	assert_true(current(d2, fixture_id[C2], NULL, NULL));
	assert_int_equal(figure(s, VISITS), visits);
	rx_session_close(d1);
	rx_session_close(d2);
	rx_session_close(s);
}

static void
test_erased_case_leaves_no_extract(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1");

	(void)state;
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "main.extract WHERE child = $c2"), 1);
	must(rx_child_erase(d1, fixture_id[C2], "到期", &st));
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "main.extract WHERE child = $c2"), 0);
	rx_session_close(d1);
}

/* ---- one that is not to be believed ---- */

/* The figure is that of the records: it was ${want} before the attack. */
static void
still(const char *dir, int64_t want, const char *what)
{
	struct rx_session *s = fixture_open(dir, "st");
	struct rx_annex *a;

	must(count(s, RX_COUNT_COLD, &a));
	if (a->total[VISITS] != want)
		fail_msg("%s: %d visits, not %d", what, (int)a->total[VISITS],
		    (int)want);
	rx_annex_free(a);
	rx_session_close(s);
}

static void
put_back(const char *dir, const struct rx_buf *box)
{

	fixture_tamper_blob(dir, "UPDATE main.extract SET sealed = ?1 "
	    "WHERE child = $c2", box->b, box->len);
}

/* As in a register of before; who saves in the case writes it. */
static void
test_cases_without_an_extract_are_counted_by_their_records(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1");

	(void)state;
	visit(d1, "e1", 10);
	fixture_tamper(dir, "DELETE FROM main.extract");
	still(dir, 1, "no extract");
	assert_false(current(d1, fixture_id[C2], NULL, NULL));
	visit(d1, "e2", 11);
	assert_true(current(d1, fixture_id[C2], NULL, NULL));
	still(dir, 2, "written again");
	rx_session_close(d1);
}

/* Control: with the records of then it is taken (a case that was put back as a
 * whole, which the audit finds). */
static void
test_old_extract_that_is_put_back_is_not_taken(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1");
	struct rx_buf old = RX_BUF_INIT;

	(void)state;
	visit(d1, "e1", 10);
	fixture_blob(dir, "SELECT sealed FROM main.extract WHERE child = $c2",
	    &old);
	visit(d1, "e2", 11);
	put_back(dir, &old);
	assert_false(current(d1, fixture_id[C2], NULL, NULL));
	still(dir, 2, "an old one");
	fixture_tamper(dir, "DELETE FROM main.record WHERE rowid = "
	    "(SELECT max(rowid) FROM main.record)");
	assert_true(current(d1, fixture_id[C2], NULL, NULL));
	still(dir, 1, "the control");
	refused(fixture_verify(d1, NULL, &st), RX_ECORRUPT, &st);
	rx_buf_free(&old);
	rx_session_close(d1);
}

static void
test_extract_that_was_changed_or_is_anothers_is_not_taken(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1");
	struct rx_buf box = RX_BUF_INIT, was = RX_BUF_INIT;
	size_t i;

	(void)state;
	visit(d1, "e1", 10);
	fixture_blob(dir, "SELECT sealed FROM main.extract WHERE child = $c2",
	    &was);
	fixture_blob(dir, "SELECT sealed FROM main.extract WHERE child = $c1",
	    &box);
	put_back(dir, &box);
	assert_false(current(d1, fixture_id[C2], NULL, NULL));
	still(dir, 1, "that of another case");
	for (i = 0; i < was.len; i += 41) {
		was.b[i] ^= 1;
		put_back(dir, &was);
		was.b[i] ^= 1;
		assert_false(current(d1, fixture_id[C2], NULL, NULL));
	}
	still(dir, 1, "a changed byte");
	put_back(dir, &was);
	assert_true(current(d1, fixture_id[C2], NULL, NULL));	/* control */
	/* The manifest has it as any row. */
	must(fixture_verify(d1, NULL, &st));
	put_back(dir, &box);
	refused(fixture_verify(d1, NULL, &st), RX_ECORRUPT, &st);
	rx_buf_free(&box);
	rx_buf_free(&was);
	rx_session_close(d1);
}

static rx_err
released(struct rx_session *s)
{

	return (fixture_release(s, COUNTY, from, to, &st));
}

static rx_err
words(void *out, const struct rx_audit_row *row, struct rx_status *why)
{

	assert_string_equal(row->user, "st");
	assert_string_equal(rx_action_key(row->action), "extract");
	return (rx_audit_words(out, row, RX_LANG_ZH, why));
}

static void
said_in_the_audit(struct rx_session *s)
{
	const struct rx_audit_filter f = { .action = RX_DID_EXTRACT };
	struct rx_buf out = RX_BUF_INIT;
	size_t n;

	must(rx_audit_list(s, &f, &n, words, &out, &st));
	assert_int_equal(n, 1);
	must(rx_buf_add(&out, "", 1, &st));
	assert_string_equal((const char *)out.b, "1 个个案");
	rx_buf_free(&out);
}

/* What enters the ledger is counted by every record, also when nothing was counted
 * before; a preview is not (the control). */
static void
test_a_release_opens_every_record(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1"), *s;

	(void)state;
	visit(d1, "e1", 10);
	fixture_tamper(dir, "UPDATE main.record SET coded = x'' WHERE rowid = "
	    "(SELECT max(rowid) FROM main.record)");
	s = fixture_open(dir, "st");
	assert_int_equal(released(s), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_SEALED_CORRUPT);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "main.release"), 0);
	still(dir, 1, "a record that does not open");
	rx_session_close(d1);
	rx_session_close(s);
}

/* Put ${n} of the ${bytes} as lines of ${versions} in the place of c2's extract. */
static void
forge(struct rx_session *s, const uint8_t *bytes, size_t n, uint32_t versions)
{
	struct rx_extract x = { .versions = versions };
	struct rx_case c;

	rx_case_init(&c);
	must(rx_case_load(&c, s, fixture_id[C2], VILLAGE1,
	    RX_BIT(RX_COMP_CODED), &st));
	must(rx_buf_add(&x.lines, bytes, n, &st));
	must(rx_begin(s, &st));
	must(rx_finish(s, rx_extract_put(&x, s, &c, &st), RX_DID_SAVE, c.id,
	    "x", &st));
	rx_extract_free(&x);
	rx_case_done(&c, s);
}

/* Sealed as it should be, but no extract: as good as none. */
static void
test_what_is_no_extract_is_not_taken(void **state)
{
	static const uint8_t line[] = { 3, 1, 1, 0, 0, 0 },
	    more[] = { 3, 1, 1, 0, 0, 0, 9, 1, 1, 0 };
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1");
	uint8_t many[16 * sizeof(line)];
	uint32_t n;
	size_t i;

	(void)state;
	visit(d1, "e1", 10);
	n = versions_of(d1, fixture_id[C2]);
	assert_true(n < 15);
	for (i = 0; i < 16; i++)
		memcpy(many + i * sizeof(line), line, sizeof(line));
	/* The controls: as many lines as there are versions, and fewer. */
	forge(d1, many, n * sizeof(line), n);
	assert_true(current(d1, fixture_id[C2], NULL, NULL));
	forge(d1, line, sizeof(line), n);
	assert_true(current(d1, fixture_id[C2], NULL, NULL));
	/* One more; what is no line. */
	forge(d1, many, (n + 1) * sizeof(line), n);
	assert_false(current(d1, fixture_id[C2], NULL, NULL));
	still(dir, 1, "more lines than versions");
	forge(d1, more, sizeof(more), n);
	assert_false(current(d1, fixture_id[C2], NULL, NULL));
	still(dir, 1, "no line");
	rx_session_close(d1);
}

/* Put the ${n} bytes ${p}, sealed, in the place of c2's extract. */
static void
forge_bytes(struct rx_session *s, const void *p, size_t n)
{
	struct rx_value v[2] = { rx_bytes(fixture_id[C2], RX_ID_BYTES) };
	struct rx_buf box = RX_BUF_INIT;
	struct rx_place place;
	struct rx_case c;

	rx_case_init(&c);
	must(rx_case_load(&c, s, fixture_id[C2], VILLAGE1,
	    RX_BIT(RX_COMP_CODED), &st));
	rx_place_init(&place, s, "", c.id, c.id, RX_TABLE_EXTRACT, 1, 1);
	must(rx_field_seal(&box, c.e[c.n - 1].key[2], RX_COMP_CODED,
	    c.e[c.n - 1].epoch, &place, RX_PAD_CODED, p, n, &st));
	v[1] = rx_bytes(box.b, box.len);
	must(rx_begin(s, &st));
	must(rx_finish(s, rx_store_replace(s->store, RX_TABLE_EXTRACT, v, &st),
	    RX_DID_SAVE, c.id, "x", &st));
	rx_buf_free(&box);
	rx_case_done(&c, s);
}

static void
test_extract_of_another_length_is_not_taken(void **state)
{
	struct rx_session *d1 = fixture_open(fixture_copy(), "d1");
	uint8_t b[4 + 36 * 15 + 1] = { 0 };
	uint32_t n = versions_of(d1, fixture_id[C2]);

	(void)state;
	assert_true(n < 15);
	rx_put32(b, n);
	forge_bytes(d1, b, 4 + 36 * n);
	assert_true(current(d1, fixture_id[C2], NULL, NULL)); /* control */
	forge_bytes(d1, b, 4 + 36 * n + 1);
	assert_false(current(d1, fixture_id[C2], NULL, NULL));
	forge_bytes(d1, b, 4 + 36 * n - 1);
	assert_false(current(d1, fixture_id[C2], NULL, NULL));
	forge_bytes(d1, b, 3);
	assert_false(current(d1, fixture_id[C2], NULL, NULL));
	rx_session_close(d1);
}

/* The order in which records were read is no matter. */
static void
test_extract_in_another_order_is_not_wrong(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1"),
	    *s = fixture_open(dir, "st");
	struct rx_form_line line;
	struct rx_extract x = { 0 };
	struct rx_buf other = RX_BUF_INIT;
	struct rx_case c;
	size_t at = 0, wrong;
	bool is;

	(void)state;
	visit(d1, "e1", 10);
	visit(d1, "e2", 11);
	rx_case_init(&c);
	must(rx_case_load(&c, d1, fixture_id[C2], VILLAGE1,
	    RX_BIT(RX_COMP_CODED), &st));
	must(rx_extract_open(&x, d1, &c, &is, &st));
	assert_true(is && rx_extract_line(&x, &at, &line));
	/* The first line last; then another in its place. */
	must(rx_buf_add(&other, x.lines.b + at, x.lines.len - at, &st));
	must(rx_buf_add(&other, x.lines.b, at, &st));
	assert_memory_not_equal(other.b, x.lines.b, other.len);
	forge(d1, other.b, other.len, x.versions);
	must(rx_extracts_check(s, COUNTY, &wrong, &st));
	assert_int_equal(wrong, 0);
	other.b[other.len - 4] ^= 1;
	forge(d1, other.b, other.len, x.versions);
	must(rx_extracts_check(s, COUNTY, &wrong, &st));
	assert_int_equal(wrong, 1);
	/* Who does not count does not check. */
	refused(rx_extracts_check(d1, COUNTY, &wrong, &st), RX_EPERM, &st);
	rx_buf_free(&other);
	rx_extract_free(&x);
	rx_case_done(&c, d1);
	rx_session_close(d1);
	rx_session_close(s);
}

/* Of records that whoever reads the case refuses, and a count does not (it finds
 * nothing by tags, and opens no version of before), nobody knows: it goes on. */
static void
test_what_cannot_be_compared_stops_no_recount(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	struct rx_annex *a;
	size_t wrong, n;

	(void)state;
	/* c1's first record has two versions; the other tag is that of c2's. */
	fixture_tamper(dir, "UPDATE main.record SET tag = (SELECT tag FROM "
	    "main.record WHERE id = $i1) WHERE id = $o2");
	fixture_tamper(dir, "UPDATE main.record SET coded = x'' "
	    "WHERE id = $o1 AND version = 1");
	s = fixture_open(dir, "st");
	assert_int_equal(try(fixture_coded(s, "350102", &n, &st)),
	    RX_ECORRUPT);
	must(rx_annex_recount(s, COUNTY, from, to, &wrong, &st));
	assert_int_equal(wrong, 0);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "main.extract WHERE child = $c1"), 1);
	must(count(s, RX_COUNT_RUNNING, &a));
	rx_annex_free(a);
	rx_session_close(s);
}

/* Nobody has so many: their records are counted. */
static void
test_case_of_very_many_versions_has_no_extract(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1");

	(void)state;
	forge(d1, (const uint8_t *)"", 0, 16384);
	assert_int_equal(fixture_number(dir, "SELECT length(sealed) > 500000 "
	    "FROM main.extract WHERE child = $c2"), 1);
	forge(d1, (const uint8_t *)"", 0, 16385);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "main.extract WHERE child = $c2"), 0);
	rx_session_close(d1);
}

/* One structure reads case after case; a case of very many records leaves no large
 * room behind, which each of the others would have to wipe. */
static void
test_room_of_a_large_case_is_not_kept_for_the_next(void **state)
{
	static const struct { size_t room; bool stays; } of[] = {
		{ 60000, true }, { 70000, false }	/* the first: the control */
	};
	struct rx_session *s = fixture_open(fixture_dir(), "d1");
	const uint32_t versions = versions_of(s, fixture_id[C2]);
	struct rx_extract x = { 0 };
	struct rx_case c;
	size_t i, bytes;
	bool is;

	(void)state;
	assert_true(current(s, fixture_id[C2], NULL, &bytes));
	rx_case_init(&c);
	must(rx_case_load(&c, s, fixture_id[C2], VILLAGE1,
	    RX_BIT(RX_COMP_CODED), &st));
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++) {
		must(rx_buf_reserve(&x.lines, of[i].room, &st));
		must(rx_extract_open(&x, s, &c, &is, &st));
		assert_true(is);
		assert_int_equal(x.versions, versions);
		assert_int_equal(x.lines.len, bytes);
		assert_int_equal(x.lines.cap >= of[i].room, of[i].stays);
		rx_extract_free(&x);
	}
	rx_case_done(&c, s);
	rx_session_close(s);
}

/* Who has the coded key of a case can write what no record says, as he can write
 * a record with no signature: a count takes it (the control), and one that opens
 * every record does not. */
static void
test_forged_extract_is_found_where_every_record_is_opened(void **state)
{
	const char *dir = fixture_copy();
	struct rx_secret *p = test_passphrase("other-pass");
	struct rx_session *admin = fixture_open(dir, "admin"), *d1, *other,
	    *s = fixture_open(dir, "st");
	struct rx_form_kinds kinds;
	struct rx_extract x = { 0 };
	struct rx_annex *a;
	struct rx_record r;
	struct rx_case c;
	int64_t cash = figure(s, CASH);
	size_t wrong;

	(void)state;
	must(rx_user_add(admin, "other", RX_ROLE_STATISTICIAN, "350102", p,
	    &st));
	rx_session_close(admin);
	rx_secret_free(p);
	d1 = fixture_open(dir, "d1");		/* these hand keys on */
	rx_session_close(fixture_open(dir, "st"));
	other = fixture_open(dir, "other");
	must(rx_form_kinds_find(&kinds, &st));
	rx_record_init(&r);
	rx_case_init(&c);
	whole(&r);
	x.versions = versions_of(d1, fixture_id[C2]);
	must(rx_extract_add(&x, &kinds, &r, &st));
	must(rx_case_load(&c, d1, fixture_id[C2], VILLAGE1,
	    RX_BIT(RX_COMP_CODED), &st));
	must(rx_begin(d1, &st));
	must(rx_finish(d1, rx_extract_put(&x, d1, &c, &st), RX_DID_SAVE,
	    c.id, "x", &st));
	must(count(s, RX_COUNT_COLD, &a));
	assert_int_equal(a->total[CASH], cash + 0x0102030405);
	rx_annex_free(a);
	must(count(other, RX_COUNT_COLD, &a));	/* and keeps it */
	rx_annex_free(a);
	/* The release, and who counts anew: then it is gone, and others have to count
	 * anew what they kept. */
	assert_int_equal(released(s), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_TALLY_DIFFERS);
	must(rx_annex_recount(s, COUNTY, from, to, &wrong, &st));
	assert_int_equal(wrong, 1);
	assert_false(current(d1, fixture_id[C2], NULL, NULL));
	said_in_the_audit(s);
	must(count(s, RX_COUNT_RUNNING, &a));
	assert_int_equal(a->total[CASH], cash);
	rx_annex_free(a);
	must(count(other, RX_COUNT_RUNNING, &a));
	assert_int_equal(a->total[CASH], cash);
	rx_annex_free(a);
	rx_session_close(other);
	assert_int_equal(released(s), RX_OK);
	must(fixture_verify(s, NULL, &st));
	/* The next save in the case writes it from the records. */
	visit(d1, "e9", 9);
	assert_true(current(d1, fixture_id[C2], NULL, NULL));
	assert_int_equal(figure(s, CASH), cash);
	rx_extract_free(&x);
	rx_record_free(&r);
	rx_case_done(&c, d1);
	rx_session_close(d1);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_as_they_were_written_first),
		cmocka_unit_test(test_no_other_bytes_are_lines),
		cmocka_unit_test(
	    test_size_of_an_extract_tells_only_how_many_versions_there_are),
		cmocka_unit_test(
		    test_every_save_writes_the_extract_of_its_case),
		cmocka_unit_test(
		    test_an_import_writes_the_extract_of_every_case),
		cmocka_unit_test(
		    test_who_opens_a_bundle_writes_the_extracts_of_its_cases),
		cmocka_unit_test(
		    test_who_changes_a_case_that_moved_leaves_no_extract),
		cmocka_unit_test(test_extract_goes_with_a_case_that_moves),
		cmocka_unit_test(test_erased_case_leaves_no_extract),
		cmocka_unit_test(
		    test_cases_without_an_extract_are_counted_by_their_records),
		cmocka_unit_test(test_old_extract_that_is_put_back_is_not_taken),
		cmocka_unit_test(
		    test_extract_that_was_changed_or_is_anothers_is_not_taken),
		cmocka_unit_test(test_a_release_opens_every_record),
		cmocka_unit_test(test_what_is_no_extract_is_not_taken),
		cmocka_unit_test(test_extract_of_another_length_is_not_taken),
		cmocka_unit_test(test_extract_in_another_order_is_not_wrong),
		cmocka_unit_test(test_what_cannot_be_compared_stops_no_recount),
		cmocka_unit_test(
		    test_case_of_very_many_versions_has_no_extract),
		cmocka_unit_test(
		    test_room_of_a_large_case_is_not_kept_for_the_next),
		cmocka_unit_test(
		    test_forged_extract_is_found_where_every_record_is_opened),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, setup, NULL));
}
