#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <sqlite3.h>
#include <time.h>

#include "register/save.h"
#include "tests/unit/register.h"

/*
 * Import: all or nothing, and a bad line is named by its number.  One register
 * for all tests; what is refused must leave it as it was.
 */

/* The clock of the program, which a test may stop. */
static int64_t stopped;	/* ms */

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	const int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_REALTIME && stopped != 0) {
		ts->tv_sec = stopped / 1000;
		ts->tv_nsec = stopped % 1000 * 1000000;
	}
	return (rc);
}

static struct {
	char dir[256];
	struct rx_session *admin;
	struct rx_session *d1;		/* director of VILLAGE1 */
	struct rx_session *town;	/* director of TOWN */
	struct rx_session *s1;		/* supervisor of TOWN */
	struct rx_session *county;	/* statistician */
} w;

static int
setup(void **state)
{

	(void)state;
	must(rx_crypto_init(&st));
	rx_json_init();
	w.admin = new_register(w.dir, "register", CITY);
	ok(enrol(w.admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(w.admin, "town", RX_ROLE_DIRECTOR, TOWN), &st);
	ok(enrol(w.admin, "s1", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(enrol(w.admin, "county", RX_ROLE_STATISTICIAN, COUNTY), &st);
	w.d1 = sign_in(w.dir, "d1");
	w.town = sign_in(w.dir, "town");
	w.s1 = sign_in(w.dir, "s1");
	w.county = sign_in(w.dir, "county");
	return (0);
}

static int
teardown(void **state)
{

	(void)state;
	rx_session_close(w.admin);
	rx_session_close(w.d1);
	rx_session_close(w.town);
	rx_session_close(w.s1);
	rx_session_close(w.county);
	return (0);
}

/* Expect that ${text} is refused at line ${line}, and nothing is stored. */
#define refuses_line(text, line, code, msg) do {			\
	const struct mark before_ = mark_of(w.d1);			\
									\
	refuses(import(w.d1, NULL, text), code, msg);			\
	assert_string_equal(arg_of("line"), line);			\
	assert_true(unchanged(w.d1, &before_));				\
} while (0)

/* ---- what is taken ---- */

static void
test_all_types_are_imported_and_counted(void **state)
{
	struct rx_import_counts counts;
	size_t before[RX_TYPE_COUNT], after[RX_TYPE_COUNT];
	int t;

	(void)state;
	ok(count(w.county, COUNTY, before), &st);
	ok(import(w.d1, &counts, CHILD_LINE("al", VILLAGE1)
	    OBSERVATION_LINE("al", "al", "2025-06-01")
	    "{'type':'intervention','id':'al','child':'al','date':"
	    "'2025-06-10','kind':'visit_condolence','delivered':true,"
	    "'face_to_face':true,'amount_fen':0,'agency':null,'need':null,"
	    "'need_resolved_on':null,'professional':false,'note':'看望'}\n"
	    "{'type':'activity','id':'al','unit':'" VILLAGE1 "','date':"
	    "'2025-06-01','kind':'theme_activity','venue':'儿童之家',"
	    "'agency':null,'held':true,'children':['al']}\n"
	    "{'type':'flag','id':'al','child':'al','date':'2025-06-03',"
	    "'reason':'请关注'}\n"
	    "{'type':'report','id':'al','child':'al','date':'2025-06-03',"
	    "'situations':['mr4_injury_violence'],'authority':'police',"
	    "'reference':'1'}\n"
	    CONSENT_LINE("al", "al", "2025-07-01", "given")), &st);
	assert_int_equal(counts.lines, 7);
	assert_int_equal(counts.present, 0);
	assert_int_equal(counts.flagged, 1);
	ok(count(w.county, COUNTY, after), &st);
	for (t = RX_CHILD; t < RX_TYPE_COUNT; t++) {
		assert_int_equal(counts.saved[t], t != RX_REVIEW);
		assert_int_equal(after[t], before[t] + (t != RX_REVIEW));
	}
}

static void
test_lines_may_stand_in_any_order(void **state)
{
	struct rx_import_counts counts;

	(void)state;
	ok(import(w.d1, &counts,
	    OBSERVATION_LINE("fo-1", "fo", "2025-06-01")
	    "{'type':'activity','id':'fo','unit':'" VILLAGE1 "','date':"
	    "'2025-06-01','kind':'camp','held':true,'children':['fo']}\n"
	    CHILD_LINE("fo", VILLAGE1)
	    OBSERVATION_LINE("fo-2", "fo", "2025-06-02")), &st);
	assert_int_equal(counts.saved[RX_CHILD], 1);
	assert_int_equal(counts.saved[RX_OBSERVATION], 2);
	assert_int_equal(counts.saved[RX_ACTIVITY], 1);
	assert_int_equal(listed(w.d1, "fo").row.observations, 2);
}

static void
test_same_file_again_is_present_and_changes_no_row(void **state)
{
	static const char text[] = CHILD_LINE("sf", VILLAGE1)
	    OBSERVATION_LINE("sf-1", "sf", "2025-06-01")
	    "{'type':'flag','id':'sf-f','child':'sf','date':'2025-06-03',"
	    "'reason':'x'}\n"
	    "{'type':'activity','id':'sf','unit':'" VILLAGE1 "','date':"
	    "'2025-06-01','kind':'camp','held':true,'children':['sf']}\n"
	    CONSENT_LINE("sf-w", "sf", "2025-07-01", "withdrawn");
	struct rx_import_counts counts;
	struct mark before;

	(void)state;
	ok(import(w.d1, &counts, text), &st);
	before = mark_of(w.d1);
	ok(import(w.d1, &counts, text), &st);
	assert_int_equal(counts.lines, 5);
	assert_int_equal(counts.present, 5);
	assert_int_equal(counts.flagged, 0);
	assert_int_equal(counts.saved[RX_CHILD], 0);
	assert_memory_equal(mark_of(w.d1).digest, before.digest,
	    RX_HASH_BYTES);
	/* A longer file adds what is new. */
	ok(import(w.d1, &counts, CHILD_LINE("sf2", VILLAGE1)
	    CHILD_LINE("sf", VILLAGE1)), &st);
	assert_int_equal(counts.present, 1);
	assert_int_equal(counts.saved[RX_CHILD], 1);
}

static void
test_blank_lines_are_skipped_and_counted_as_lines(void **state)
{
	struct rx_import_counts counts;

	(void)state;
	ok(import(w.d1, &counts, "\n \t \n" CHILD_LINE("bl", VILLAGE1)
	    "\r\n\n" OBSERVATION_LINE("bl-1", "bl", "2025-06-01") "\n\n"),
	    &st);
	assert_int_equal(counts.lines, 2);
	refuses_line("\n\n" CHILD_LINE("bl2", VILLAGE1) "\n{}\n", "5",
	    RX_EUSAGE, TYPE_UNKNOWN);
	ok(import(w.d1, &counts, "\n"), &st);
	ok(import(w.d1, &counts, ""), &st);
	assert_int_equal(counts.lines, 0);
}

static void
test_crlf_and_a_byte_order_mark_are_taken(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
	    "{'type':'child','id':'cr','unit':'" VILLAGE1 "','name':'林',"
	    "'sex':'m','birth':'2014-05','categories':['orphan'],"
	    "'legal_basis':'consent'}\r\n"
	    "{'type':'flag','id':'cr','child':'cr','date':'2025-06-03',"
	    "'reason':'x'}\r\n";
	struct rx_import_counts counts;

	(void)state;
	ok(import(w.d1, &counts, text), &st);
	assert_int_equal(counts.lines, 2);
	assert_int_equal(listed(w.d1, "cr").found, 1);
}

static void
test_byte_order_mark_elsewhere_is_refused(void **state)
{

	(void)state;
	refuses_line("\n\xef\xbb\xbf" CHILD_LINE("bm", VILLAGE1), "2",
	    RX_EUSAGE, JSON_SYNTAX);
}

static void
test_last_line_needs_no_end(void **state)
{
	struct rx_import_counts counts;
	char text[] = CHILD_LINE("le", VILLAGE1)
	    OBSERVATION_LINE("le-1", "le", "2025-06-01");

	(void)state;
	text[strlen(text) - 1] = '\0';
	ok(import(w.d1, &counts, text), &st);
	assert_int_equal(counts.lines, 2);
	assert_int_equal(listed(w.d1, "le").row.observations, 1);
}

static void
test_empty_file_is_nothing(void **state)
{
	struct rx_import_counts counts;

	(void)state;
	ok(import(w.d1, &counts, ""), &st);
	assert_int_equal(counts.lines, 0);
	ok(import(w.d1, &counts, "\n"), &st);
	assert_int_equal(counts.lines, 0);
	ok(import(w.d1, &counts, "\xef\xbb\xbf"), &st);
	assert_int_equal(counts.lines, 0);
}

/* A line with ${n} bytes, blanks before the object. */
static char *
long_line(size_t n, const char *id)
{
	char *text = malloc(n + 512), one[512];
	size_t len;

	assert_non_null(text);
	(void)snprintf(one, sizeof(one), "{'type':'child','id':'%s','unit':'"
	    VILLAGE1 "','name':'林','sex':'m','birth':'2014-05',"
	    "'categories':['orphan'],'legal_basis':'consent'}", id);
	len = strlen(one);
	memset(text, ' ', n - len);
	memcpy(text + n - len, one, len + 1);
	return (text);
}

static void
test_line_too_long_is_refused(void **state)
{
	char *text;

	(void)state;
	text = long_line(1u << 20, "lt");
	ok(import(w.d1, NULL, text), &st);
	assert_int_equal(listed(w.d1, "lt").found, 1);
	free(text);
	text = long_line((1u << 20) + 1, "lt2");
	refuses_line(text, "1", RX_EUSAGE, LINE_TOO_LONG);
	free(text);
}

/* Longer than the limit by far, and not the first line. */
static void
test_line_too_long_is_named(void **state)
{
	static const char first[] = CHILD_LINE("lu", VILLAGE1);
	char *text = long_line((3u << 20) + sizeof(first), "lu2");

	(void)state;
	memcpy(text, first, strlen(first));
	refuses_line(text, "2", RX_EUSAGE, LINE_TOO_LONG);
	free(text);
}

/* ---- what is refused: nothing of the file is stored ---- */

#define GOOD(id) CHILD_LINE(id, VILLAGE1) \
    OBSERVATION_LINE(id "-1", id, "2025-06-01")

static void
test_bad_line_anywhere_stores_nothing(void **state)
{

	(void)state;
	refuses_line("{'type':'child'}\n" GOOD("ba"), "1", RX_EUSAGE,
	    FIELD_MISSING);
	refuses_line(CHILD_LINE("ba", VILLAGE1) "{'type':'child'}\n"
	    OBSERVATION_LINE("ba-1", "ba", "2025-06-01"), "2", RX_EUSAGE,
	    FIELD_MISSING);
	refuses_line(GOOD("ba") GOOD("bb") "{'type':'child'}\n", "5",
	    RX_EUSAGE, FIELD_MISSING);
	assert_int_equal(listed(w.d1, "ba").found, 0);
	/* The same without the bad line is taken. */
	ok(import(w.d1, NULL, GOOD("ba") GOOD("bb")), &st);
	assert_int_equal(listed(w.d1, "ba").row.observations, 1);
}

/* What only the register can tell comes out in the last reading. */
static void
test_child_unknown_in_a_file_is_refused_by_line(void **state)
{

	(void)state;
	refuses_line(GOOD("un") OBSERVATION_LINE("un-2", "nobody",
	    "2025-06-01") GOOD("uo"), "3", RX_EUSAGE, CHILD_UNKNOWN);
	refuses_line(OBSERVATION_LINE("un-2", "nobody", "2025-06-01")
	    GOOD("un"), "1", RX_EUSAGE, CHILD_UNKNOWN);
	refuses_line(GOOD("un") "{'type':'activity','id':'un','unit':'"
	    VILLAGE1 "','date':'2025-06-01','kind':'camp','held':true,"
	    "'children':['un','nobody']}\n", "3", RX_EUSAGE, CHILD_UNKNOWN);
	refuses_line(GOOD("un") CONSENT_LINE("un", "nobody", "2025-06-01",
	    "given"), "3", RX_EUSAGE, CHILD_UNKNOWN);
	assert_int_equal(listed(w.d1, "un").found, 0);
}

static void
test_not_permitted_line_for_another_unit_is_refused(void **state)
{
	struct mark before = mark_of(w.d1);

	(void)state;
	refuses_line(GOOD("ou") CHILD_LINE("ou2", VILLAGE2), "3", RX_EPERM,
	    NOT_PERMITTED);
	assert_string_equal(arg_of("unit"), VILLAGE2);
	refuses(import(w.s1, NULL, CHILD_LINE("ou", VILLAGE1)), RX_EPERM,
	    NOT_PERMITTED);
	refuses(import(w.county, NULL, CHILD_LINE("ou", VILLAGE1)), RX_EPERM,
	    NOT_PERMITTED);
	refuses(import(w.admin, NULL, CHILD_LINE("ou", VILLAGE1)), RX_EPERM,
	    NOT_PERMITTED);
	assert_true(unchanged(w.d1, &before));
}

static void
test_director_of_a_township_imports_for_all_its_villages(void **state)
{
	struct rx_import_counts counts;

	(void)state;
	ok(import(w.town, &counts, CHILD_LINE("tv1", VILLAGE1)
	    CHILD_LINE("tv2", VILLAGE2)
	    OBSERVATION_LINE("tv", "tv2", "2025-06-01")
	    "{'type':'activity','id':'tv','unit':'" TOWN "','date':"
	    "'2025-06-01','kind':'camp','held':true,'children':['tv1',"
	    "'tv2']}\n"), &st);
	assert_int_equal(counts.saved[RX_CHILD], 2);
	assert_int_equal(listed(w.d1, "tv1").found, 1);
	assert_int_equal(listed(w.d1, "tv2").found, 0);
}

static void
test_statistician_imports_his_own_activities(void **state)
{
	struct rx_import_counts counts;

	(void)state;
	ok(import(w.county, &counts, "{'type':'activity','id':'si','unit':'"
	    COUNTY "','date':'2025-06-01','kind':'camp','held':true}\n"),
	    &st);
	assert_int_equal(counts.saved[RX_ACTIVITY], 1);
}

static void
test_id_twice_in_a_file_is_refused(void **state)
{

	(void)state;
	refuses_line(GOOD("tw") CHILD_LINE("tw", VILLAGE1), "3", RX_EUSAGE,
	    ID_TWICE);
	refuses_line(GOOD("tw") OBSERVATION_LINE("tw-1", "tw", "2025-06-02"),
	    "3", RX_EUSAGE, ID_TWICE);
	refuses_line(CONSENT_LINE("x", "tw", "2025-06-01", "given")
	    CHILD_LINE("tw", VILLAGE1)
	    CONSENT_LINE("x", "tw", "2025-06-02", "given"), "3", RX_EUSAGE,
	    ID_TWICE);
	/* Two types may share one. */
	ok(import(w.d1, NULL, CHILD_LINE("tw", VILLAGE1)
	    OBSERVATION_LINE("tw", "tw", "2025-06-01")
	    CONSENT_LINE("tw", "tw", "2025-06-02", "given")), &st);
}

/* Also among many. */
static void
test_id_twice_among_many_is_refused(void **state)
{
	enum { LINES = 5000 };
	char *text = malloc(LINES * 160);
	struct mark before = mark_of(w.d1);
	size_t n = 0;
	int i;

	(void)state;
	assert_non_null(text);
	for (i = 0; i < LINES; i++)
		n += (size_t)snprintf(text + n, 160, "{\"type\":\"flag\","
		    "\"id\":\"f%d\",\"child\":\"c\",\"date\":\"2025-06-01\","
		    "\"reason\":\"x\"}\n", i == LINES - 1 ? 17 : i);
	refuses(import_bytes(w.d1, text, n, NULL), RX_EUSAGE, ID_TWICE);
	assert_string_equal(arg_of("line"), "5000");
	assert_string_equal(arg_of("first"), "18");
	assert_true(unchanged(w.d1, &before));
	free(text);
}

static void
test_id_missing_is_refused(void **state)
{

	(void)state;
	refuses_line(GOOD("im") "{'type':'flag','child':'im','date':"
	    "'2025-06-01','reason':'x'}\n", "3", RX_EUSAGE, ID_MISSING);
	refuses_line(GOOD("im") "{'type':'flag','id':null,'child':'im',"
	    "'date':'2025-06-01','reason':'x'}\n", "3", RX_EUSAGE,
	    ID_MISSING);
}

/* What is said of the ${i}th line that is wrong. */
static void
fault_is(const struct rx_import_counts *counts, size_t i, const char *line,
    enum rx_msg msg)
{

	st = counts->fault[i];
	assert_int_equal(st.code, RX_EUSAGE);
	assert_int_equal(st.msg, msg);
	assert_string_equal(arg_of("line"), line);
}

/* All that is wrong is told at once, in the order of the file. */
static void
test_every_line_that_is_wrong_is_told(void **state)
{
	struct rx_import_counts counts;
	struct mark before = mark_of(w.d1);
	char *text = long_line(3u << 20, "ev"), *many = malloc(100 * 80);
	size_t n, i;

	(void)state;
	assert_non_null(many);
	/* Long, not the first, and not the last. */
	n = (size_t)sprintf(many, "nonsense\n%s", "\n{\"type\":\"flag\","
	    "\"child\":\"c\",\"date\":\"2025-06-01\",\"reason\":\"x\"}\n");
	memcpy(text, many, n);
	n = strlen(text);
	text = realloc(text, n + 200);
	assert_non_null(text);
	n += (size_t)sprintf(text + n, "%s{\"type\":\"flag\",\"id\":\"f\","
	    "\"child\":\"c\",\"date\":\"2025-06-01\",\"reason\":\"x\"}\n"
	    "{\"type\":\"visit\"}", text[n - 1] == '\n' ? "" : "\n");
	refuses(import_bytes(w.d1, text, n, &counts), RX_EUSAGE, JSON_SYNTAX);
	assert_string_equal(arg_of("line"), "1");
	assert_int_equal(counts.faulty, 4);
	fault_is(&counts, 0, "1", RX_MSG_JSON_SYNTAX);
	fault_is(&counts, 1, "3", RX_MSG_ID_MISSING);
	fault_is(&counts, 2, "4", RX_MSG_LINE_TOO_LONG);
	fault_is(&counts, 3, "6", RX_MSG_TYPE_UNKNOWN);
	free(text);
	/* More than are kept. */
	for (n = i = 0; i < 100; i++)
		n += (size_t)sprintf(many + n, "{\"n\":%zu}\n", i);
	refuses(import_bytes(w.d1, many, n, &counts), RX_EUSAGE,
	    TYPE_UNKNOWN);
	assert_int_equal(counts.faulty, 100);
	fault_is(&counts, RX_IMPORT_FAULTS - 1, "20", RX_MSG_TYPE_UNKNOWN);
	free(many);
	assert_true(unchanged(w.d1, &before));
}

static void
test_type_unknown_is_refused(void **state)
{

	(void)state;
	refuses_line(GOOD("ut") "{'id':'x','child':'ut'}\n", "3", RX_EUSAGE,
	    TYPE_UNKNOWN);
	refuses_line(GOOD("ut") "{'type':'kid','id':'x'}\n", "3", RX_EUSAGE,
	    TYPE_UNKNOWN);
	refuses_line(GOOD("ut") "{'type':1,'id':'x'}\n", "3", RX_EUSAGE,
	    TYPE_UNKNOWN);
	refuses_line(GOOD("ut") "{'type':'','id':'x'}\n", "3", RX_EUSAGE,
	    TYPE_UNKNOWN);
}

/* A decision is made in the program, by the right person. */
static void
test_type_not_input_a_review_is_refused(void **state)
{

	(void)state;
	refuses_line(GOOD("rv") "{'type':'review','id':'x','child':'rv',"
	    "'date':'2025-06-01','decision':'close','reason':'x'}\n", "3",
	    RX_EUSAGE, TYPE_NOT_INPUT);
}

static void
test_json_syntax_is_refused_by_line(void **state)
{

	(void)state;
	refuses_line(GOOD("js") "{'type':'child',\n", "3", RX_EUSAGE,
	    JSON_SYNTAX);
	refuses_line(GOOD("js") "[1]\n", "3", RX_EUSAGE, JSON_NOT_OBJECT);
	refuses_line(GOOD("js") "{'type':'flag','type':'flag'}\n", "3",
	    RX_EUSAGE, JSON_SYNTAX);
	refuses_line(GOOD("js") "{}{}\n", "3", RX_EUSAGE, JSON_SYNTAX);
	refuses_line(GOOD("js") "{'type':'flag','id':'\xff'}\n", "3",
	    RX_EUSAGE, JSON_NOT_UTF8);
}

static void
test_json_not_utf8_a_nul_byte_is_refused(void **state)
{
	static const char in_text[] = "\n{\"type\":\"flag\",\"id\":\"a\0b\"}\n";
	static const char alone[] = "\n\0\n";
	static const char after[] = "\n{\"type\":\"flag\"}\0\n";
	static const char escaped[] = "\n{\"type\":\"flag\",\"id\":"
	    "\"a\\u0000b\"}\n";
	struct mark before = mark_of(w.d1);

	(void)state;
	refuses(import_bytes(w.d1, in_text, sizeof(in_text) - 1, NULL),
	    RX_EUSAGE, JSON_NOT_UTF8);
	assert_string_equal(arg_of("line"), "2");
	refuses(import_bytes(w.d1, alone, sizeof(alone) - 1, NULL),
	    RX_EUSAGE, JSON_NOT_UTF8);
	refuses(import_bytes(w.d1, after, sizeof(after) - 1, NULL),
	    RX_EUSAGE, JSON_NOT_UTF8);
	refuses(import_bytes(w.d1, escaped, sizeof(escaped) - 1, NULL),
	    RX_EUSAGE, JSON_SYNTAX);
	assert_true(unchanged(w.d1, &before));
}

static void
test_id_conflict_with_what_is_stored_is_refused_by_line(void **state)
{

	(void)state;
	ok(import(w.d1, NULL, GOOD("cf")), &st);
	refuses_line(GOOD("cg") CHILD_LINE("cf", VILLAGE1)
	    OBSERVATION_LINE("cf-1", "cf", "2025-06-02"), "4", RX_ECONFLICT,
	    ID_CONFLICT_FILE);
	refuses_line(GOOD("cg") "{'type':'child','id':'cf','unit':'" VILLAGE1
	    "','name':'别名','sex':'m','birth':'2014-05','categories':"
	    "['left_behind'],'legal_basis':'consent'}\n", "3", RX_ECONFLICT,
	    ID_CONFLICT_FILE);
	/* The stored record is another child's. */
	refuses_line(GOOD("cg") OBSERVATION_LINE("cf-1", "cg", "2025-06-01"),
	    "3", RX_ECONFLICT, ID_CONFLICT_FILE);
	assert_int_equal(listed(w.d1, "cg").found, 0);
}

static void
test_date_before_birth_in_a_file_is_refused_by_line(void **state)
{

	(void)state;
	refuses_line(GOOD("db") OBSERVATION_LINE("db-2", "db", "2014-04-30"),
	    "3", RX_EUSAGE, DATE_BEFORE_BIRTH);
	refuses_line(OBSERVATION_LINE("db-2", "db", "2014-04-30") GOOD("db"),
	    "1", RX_EUSAGE, DATE_BEFORE_BIRTH);
	/* The child is stored already. */
	ok(import(w.d1, NULL, GOOD("db")), &st);
	refuses_line(OBSERVATION_LINE("db-2", "db", "2014-04-30"), "1",
	    RX_EUSAGE, DATE_BEFORE_BIRTH);
	refuses_line(GOOD("db") OBSERVATION_LINE("db-2", "db", "2014-04-30"),
	    "3", RX_EUSAGE, DATE_BEFORE_BIRTH);
}

static void
test_unit_unknown_in_a_file_is_refused_by_line(void **state)
{
	struct mark before = mark_of(w.town);

	(void)state;
	refuses(import(w.town, NULL, CHILD_LINE("uu", VILLAGE1)
	    CHILD_LINE("uu2", "350102001999")), RX_EUSAGE, UNIT_UNKNOWN);
	assert_string_equal(arg_of("line"), "2");
	assert_true(unchanged(w.town, &before));
}

static void
test_child_twice_in_an_activity_is_refused_by_line(void **state)
{

	(void)state;
	refuses_line(GOOD("ct") "{'type':'activity','id':'ct','unit':'"
	    VILLAGE1 "','date':'2025-06-01','kind':'camp','held':true,"
	    "'children':['ct','ct']}\n", "3", RX_EUSAGE, REF_REPEATED);
}

/* ---- consent within a file: dates decide, not lines ---- */

static void
test_record_before_a_withdrawal_of_the_same_file_is_taken(void **state)
{

	(void)state;
	ok(import(w.d1, NULL,
	    CONSENT_LINE("wb-w", "wb", "2025-07-01", "withdrawn")
	    CHILD_LINE("wb", VILLAGE1)
	    OBSERVATION_LINE("wb-1", "wb", "2025-06-30")), &st);
	assert_true(listed(w.d1, "wb").row.withdrawn);
	assert_int_equal(listed(w.d1, "wb").row.observations, 1);
}

static void
test_consent_withdrawn_in_the_file_refuses_what_comes_after(void **state)
{

	(void)state;
	refuses_line(CHILD_LINE("wa", VILLAGE1)
	    CONSENT_LINE("wa-w", "wa", "2025-07-01", "withdrawn")
	    OBSERVATION_LINE("wa-1", "wa", "2025-07-02"), "3", RX_EPERM,
	    CONSENT_WITHDRAWN);
	/* In whichever order the lines stand, and on the day itself. */
	refuses_line(CHILD_LINE("wa", VILLAGE1)
	    OBSERVATION_LINE("wa-1", "wa", "2025-07-01")
	    CONSENT_LINE("wa-w", "wa", "2025-07-01", "withdrawn"), "2",
	    RX_EPERM, CONSENT_WITHDRAWN);
	/* The report is a duty. */
	ok(import(w.d1, NULL, CHILD_LINE("wa", VILLAGE1)
	    CONSENT_LINE("wa-w", "wa", "2025-07-01", "withdrawn")
	    "{'type':'report','id':'wa','child':'wa','date':'2025-07-03',"
	    "'situations':['mr4_injury_violence'],'authority':'police'}\n"),
	    &st);
}

/* To be among the children of an activity is something new, too. */
static void
test_consent_withdrawn_refuses_an_activity_with_the_child(void **state)
{
#define CAMP(id, date) "{'type':'activity','id':'" id "','unit':'" VILLAGE1 \
	    "','date':'" date "','kind':'camp','held':true,'children':" \
	    "['wx','wy']}\n"
#define BOTH CHILD_LINE("wx", VILLAGE1) CHILD_LINE("wy", VILLAGE1) \
	    CONSENT_LINE("wy", "wy", "2025-07-01", "withdrawn")

	(void)state;
	refuses_line(CAMP("wx", "2025-07-02") BOTH, "1", RX_EPERM,
	    CONSENT_WITHDRAWN);
	ok(import(w.d1, NULL, CAMP("wx", "2025-06-30") BOTH), &st);
	ok(import(w.d1, NULL, CAMP("wx", "2025-06-30") BOTH), &st);
	refuses_line(CAMP("wy", "2025-06-30"), "1", RX_EPERM,
	    CONSENT_WITHDRAWN);
#undef CAMP
#undef BOTH
}

static void
test_consent_withdrawn_and_given_again_in_one_file(void **state)
{
#define TWICE CHILD_LINE("wg", VILLAGE1) \
	    CONSENT_LINE("wg-2", "wg", "2025-08-01", "given") \
	    CONSENT_LINE("wg-1", "wg", "2025-07-01", "withdrawn")

	(void)state;
	refuses_line(TWICE OBSERVATION_LINE("wg-1", "wg", "2025-07-15"), "4",
	    RX_EPERM, CONSENT_WITHDRAWN);
	ok(import(w.d1, NULL, TWICE
	    OBSERVATION_LINE("wg-1", "wg", "2025-06-15")
	    OBSERVATION_LINE("wg-2", "wg", "2025-08-15")), &st);
	assert_false(listed(w.d1, "wg").row.withdrawn);
#undef TWICE
}

static void
test_consent_withdrawn_earlier_closes_the_file_to_an_import(void **state)
{

	(void)state;
	ok(import(w.d1, NULL, GOOD("we")
	    CONSENT_LINE("we-w", "we", "2025-07-01", "withdrawn")), &st);
	refuses_line(OBSERVATION_LINE("we-2", "we", "2025-06-02"), "1",
	    RX_EPERM, CONSENT_WITHDRAWN);
	/* Until it is given again. */
	ok(import(w.d1, NULL, OBSERVATION_LINE("we-2", "we", "2025-09-02")
	    CONSENT_LINE("we-g", "we", "2025-09-01", "given")), &st);
	refuses_line(OBSERVATION_LINE("we-3", "we", "2025-10-02")
	    CONSENT_LINE("we-x", "we", "2025-10-01", "withdrawn"), "1",
	    RX_EPERM, CONSENT_WITHDRAWN);
}

/* ---- files ---- */

static void
test_file_absent_is_refused(void **state)
{
	struct rx_import_counts counts;
	char path[300];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s.nowhere/x.ndjson", w.dir);
	refuses(try(rx_import(w.d1, path, &counts, NULL, NULL, &st)), RX_EIO,
	    FILE_ABSENT);
	assert_string_equal(arg_of("file"), path);
}

static void
test_file_read_a_folder_is_refused(void **state)
{
	struct rx_import_counts counts;

	(void)state;
	refuses(try(rx_import(w.d1, w.dir, &counts, NULL, NULL, &st)),
	    RX_EIO, IMPORT_NOT_REGULAR);
	/* A file that can be opened and not read. */
	refuses(try(rx_import(w.d1, "/proc/self/mem", &counts, NULL, NULL,
	    &st)), RX_EIO, FILE_READ);
}

/* Root may read everything, so another user asks; he is stopped before his
 * session is looked at. */
static void
test_file_no_access_is_refused(void **state)
{
	const uid_t me = geteuid();
	struct rx_import_counts counts;
	char path[300];
	int status;
	pid_t pid;
	bool said;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s.secret", w.dir);
	must(rx_file_write(path, "\n", 1, 0, true, &st));
	if ((pid = fork()) == 0) {
		if (me == 0 && seteuid(65534) != 0)
			_exit(2);
		rx_status_clear(&st);
		said = rx_import(w.d1, path, &counts, NULL, NULL, &st) ==
		    RX_EIO && st.msg == RX_MSG_FILE_NO_ACCESS;
		/* Root again, to write down which lines these were. */
		_exit(seteuid(me) != 0 ? 3 : said ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(unlink(path), 0);
}

struct seen {
	size_t calls, done, total;
};

static void
seen_progress(void *cookie, size_t done, size_t total)
{
	struct seen *p = cookie;

	assert_true(done >= p->done);
	assert_true(done <= total);
	p->calls++;
	p->done = done;
	p->total = total;
}

static void
test_progress_runs_from_nothing_to_all(void **state)
{
	struct rx_import_counts counts;
	struct seen seen = { 0, 0, 0 };
	char path[300];
	FILE *f;
	int i;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s.progress", w.dir);
	assert_non_null(f = fopen(path, "we"));
	for (i = 0; i < 2000; i++)
		(void)fprintf(f, "\n");
	assert_int_equal(fclose(f), 0);
	must(rx_import(w.d1, path, &counts, seen_progress, &seen, &st));
	assert_true(seen.calls > 3);
	assert_int_equal(seen.done, seen.total);
	assert_int_equal(unlink(path), 0);
}

/* ---- keys ---- */

/* The first file for a new unit makes its keys.  When it fails they are gone
 * with it, and must not be used for the next one. */
static void
test_failed_first_import_leaves_no_keys_behind(void **state)
{
	struct shown_case c;

	(void)state;
	refuses(import(w.town, NULL, CHILD_LINE("nk", "350102001004")
	    OBSERVATION_LINE("nk-1", "nobody", "2025-06-01")), RX_EUSAGE,
	    CHILD_UNKNOWN);
	ok(import(w.town, NULL, CHILD_LINE("nk", "350102001004")
	    OBSERVATION_LINE("nk-1", "nk", "2025-06-01")), &st);
	/* Another session of his reads it. */
	rx_session_close(w.town);
	w.town = sign_in(w.dir, "town");
	must(show(w.town, "nk", NULL, &c));
	assert_int_equal(c.n, 2);
	assert_true(c.name);
	audit_holds(w.town);
}

/* The same with single records. */
static void
test_failed_first_record_leaves_no_keys_behind(void **state)
{
	struct shown_case c;

	(void)state;
	refuses(save(w.town, RX_CHILD, false, NULL, "{'id':'nl','unit':"
	    "'350102001005','name':'林','sex':'m','birth':'2014-05',"
	    "'categories':['orphan'],'legal_basis':'consent','consent_on':"
	    "'2010-01-01'}"), RX_EUSAGE, DATE_BEFORE_BIRTH);
	add_child(w.town, "nl", "350102001005");
	rx_session_close(w.town);
	w.town = sign_in(w.dir, "town");
	must(show(w.town, "nl", NULL, &c));
	assert_true(c.name);
}

/* ---- more than there is room for ---- */

/* The number that ${sql} asks for, of the file of sealed data. */
static int64_t
asked(const char *sql)
{
	char path[300];
	sqlite3_stmt *q;
	sqlite3 *db;
	int64_t n;

	(void)snprintf(path, sizeof(path), "%s/content.db", w.dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	n = sqlite3_column_int64(q, 0);
	(void)sqlite3_finalize(q);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return (n);
}

/* ---- many cases, one after the other ---- */

#define NEW_VILLAGE "350102001006"
#define CAMP(id, on, children) "{'type':'activity','id':'" id "','unit':'" \
    VILLAGE1 "','date':'" on "','kind':'camp','held':true,'children':[" \
    children "]}\n"

/* ${lines}, then two of each of ${n} new children of ${unit} whose ids are ${id} and a
 * number: the child last. */
static char *
many_cases(const char *lines, const char *unit, const char *id, int n)
{
	const size_t size = strlen(lines) + (size_t)n * 500 + 1;
	char *text = malloc(size);
	size_t at;
	int i;

	assert_non_null(text);
	at = (size_t)snprintf(text, size, "%s", lines);
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, size - at,
		    OBSERVATION_LINE("%s%d", "%s%d", "2025-06-01"), id, i, id,
		    i);
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, size - at,
		    CHILD_LINE("%s%d", "%s"), id, i, unit, id, i);
	return (text);
}

/* More than an import knows of at once.  What of a case was forgotten is found again:
 * by an activity of many children, and by the next import. */
static void
test_import_of_many_cases_is_as_good_as_one_of_few(void **state)
{
	enum { N = 2100 };
	char county[RX_UNIT_BYTES];
	struct rx_import_counts counts;
	struct shown_case c;
	char *text;
	size_t wrong;

	(void)state;
	text = many_cases(CAMP("mc1", "2025-06-03", "'mc0','mc1500','mc2099'")
	    "{'type':'flag','id':'mcf','child':'mc7','date':'2025-06-03',"
	    "'reason':'x'}\n", VILLAGE1, "mc", N);
	ok(import(w.d1, &counts, text), &st);
	assert_int_equal(counts.lines, 2 * N + 2);
	assert_int_equal(counts.saved[RX_CHILD], N);
	assert_int_equal(counts.saved[RX_OBSERVATION], N);
	assert_int_equal(counts.saved[RX_ACTIVITY], 1);
	must(show(w.d1, "mc0", NULL, &c));
	assert_int_equal(c.by_type[RX_OBSERVATION], 1);
	must(show(w.s1, "mc7", "核实", &c));
	assert_int_equal(c.by_type[RX_FLAG], 1);
	refuses(show(w.s1, "mc2099", "核实", NULL), RX_EPERM, CASE_CLOSED);
	must(rx_unit_parse(county, COUNTY, &st));
	must(rx_extracts_check(w.county, county, &wrong, &st));
	assert_int_equal(wrong, 0);
	audit_holds(w.d1);
	/* All of it is there. */
	ok(import(w.d1, &counts, text), &st);
	assert_int_equal(counts.present, 2 * N + 2);
	free(text);
}

/* Of how many versions of records the extract of the child ${text} is; -1: not of as
 * many as there are. */
static int
extracted(struct rx_session *s, const char *text)
{
	struct rx_extract x = { 0 };
	char unit[RX_UNIT_BYTES];
	uint8_t id[RX_ID_BYTES];
	struct rx_case c;
	bool is;
	int n;

	rx_case_init(&c);
	must(rx_child_find(s, text, id, &st));
	must(rx_case_unit(s, id, unit, &st));
	must(rx_case_load(&c, s, id, unit, RX_BIT(RX_COMP_CODED), &st));
	must(rx_extract_open(&x, s, &c, &is, &st));
	n = is ? (int)x.versions : -1;
	rx_extract_free(&x);
	rx_case_done(&c, s);
	return (n);
}

/* What a file says of consent counts from its date on, however many cases lie between
 * that and what it is asked for: vm0 is new, vs withdraws, vg gives again what he had
 * withdrawn. */
#define WITHDRAWN CONSENT_LINE("vm", "vm0", "2025-06-05", "withdrawn") \
    CONSENT_LINE("vs", "vs", "2025-06-05", "withdrawn") \
    CONSENT_LINE("vg2", "vg", "2025-06-05", "given")

static void
test_withdrawal_before_many_cases_decides_by_its_date(void **state)
{
	static const char *const refused[] = {
		WITHDRAWN CAMP("vm1", "2025-06-05", "'vm0'"),
		WITHDRAWN CAMP("vm1", "2025-06-05", "'vm3','vs'"),
		WITHDRAWN CAMP("vm1", "2025-06-04", "'vg'")
	};
	enum { N = 1100 };
	char lines[2000], county[RX_UNIT_BYTES], ours[RX_UUID_TEXT];
	struct rx_import_counts counts;
	struct shown_case c;
	struct mark before;
	uint8_t id[RX_ID_BYTES];
	size_t i, wrong;
	char *text;

	(void)state;
	ok(import(w.d1, NULL, CHILD_LINE("vs", VILLAGE1)
	    CHILD_LINE("vg", VILLAGE1)
	    CONSENT_LINE("vg1", "vg", "2025-05-01", "withdrawn")), &st);
	before = mark_of(w.d1);
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		text = many_cases(refused[i], VILLAGE1, "vm", N);
		refuses(import(w.d1, NULL, text), RX_EPERM,
		    CONSENT_WITHDRAWN);
		assert_string_equal(arg_of("line"), "4");
		assert_true(unchanged(w.d1, &before));
		free(text);
	}
	/* The last line, by our id, is stored after all of them, under keys of its
	 * case. */
	must(rx_child_find(w.d1, "vs", id, &st));
	rx_uuid_text(id, ours);
	(void)snprintf(lines, sizeof(lines), "%s" OBSERVATION_LINE("vs3", "%s",
	    "2025-06-04"), WITHDRAWN CAMP("vm1", "2025-06-04", "'vm0','vs'")
	    CAMP("vm2", "2025-06-05", "'vm3','vg'"), ours);
	text = many_cases(lines, VILLAGE1, "vm", N);
	ok(import(w.d1, &counts, text), &st);
	assert_int_equal(counts.saved[RX_ACTIVITY], 2);
	free(text);
	must(show(w.d1, "vs", NULL, &c));
	assert_int_equal(c.by_type[RX_OBSERVATION], 1);
	must(rx_unit_parse(county, COUNTY, &st));
	must(rx_extracts_check(w.county, county, &wrong, &st));
	assert_int_equal(wrong, 0);
	assert_int_equal(extracted(w.d1, "vm0"), 2);
	assert_int_equal(extracted(w.d1, "vm1"), 1);
	assert_int_equal(extracted(w.d1, "vs"), 2);
	audit_holds(w.d1);
}

/* In a unit that has its keys since this import, too. */
static void
test_many_cases_of_a_new_unit_are_found_again(void **state)
{
	enum { N = 1100 };
	struct rx_import_counts counts;
	char *text;

	(void)state;
	ok(import(w.town, NULL, CHILD_LINE("nt", TOWN "000")), &st);
	/* One who is there already is looked for first. */
	text = many_cases(OBSERVATION_LINE("nt", "nt", "2025-06-01")
	    "{'type':'activity','id':'nu','unit':'" NEW_VILLAGE
	    "','date':'2025-06-03','kind':'camp','held':true,'children':"
	    "['nu0','nu1099']}\n", NEW_VILLAGE, "nu", N);
	ok(import(w.town, &counts, text), &st);
	assert_int_equal(counts.saved[RX_CHILD], N);
	assert_int_equal(counts.saved[RX_ACTIVITY], 1);
	free(text);
}

/* Make the file shorter than it was when its lines were first read. */
static void
cut(void *path, size_t done, size_t total)
{

	if (2 * done >= total)
		assert_int_equal(truncate(path, 10), 0);
}

/* Who is brought by the file is meant by it, whoever else has the same number in
 * another unit, or is called the same here. */
static void
test_child_of_the_file_is_meant_before_others_of_its_name(void **state)
{
	enum { N = 1100 };
	static const char camp[] = "{'type':'activity','id':'%s','unit':'"
	    NEW_VILLAGE "','date':'2025-06-03','kind':'camp','held':true,"
	    "'children':['%s']}\n";
	static const char later[] = "{'type':'child','id':'%s','unit':'"
	    NEW_VILLAGE "','name':'林','sex':'m','birth':'2025-07',"
	    "'categories':['left_behind'],'legal_basis':'consent'}\n";
	struct rx_import_counts counts;
	char lines[1200], ours[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];
	char *text;

	(void)state;
	ok(import(w.town, NULL, CHILD_LINE("me1", VILLAGE2)), &st);
	must(rx_child_find(w.town, "me1", id, &st));
	rx_uuid_text(id, ours);
	(void)snprintf(lines, sizeof(lines), camp, "me", "me1");
	text = many_cases(lines, NEW_VILLAGE, "me", N);
	ok(import(w.town, &counts, text), &st);
	assert_int_equal(counts.saved[RX_ACTIVITY], 1);
	free(text);
	/* Not yet born, as the other is. */
	(void)snprintf(lines, sizeof(lines), camp, "mf", ours);
	(void)snprintf(lines + strlen(lines), sizeof(lines) - strlen(lines),
	    later, ours);
	text = many_cases(lines, NEW_VILLAGE, "mf", N);
	refuses(import(w.town, NULL, text), RX_EUSAGE, DATE_BEFORE_BIRTH);
	assert_string_equal(arg_of("line"), "1");
	free(text);
}

/* Between what is said under one name and under the other lie many cases. */
static void
test_consents_under_both_names_of_a_case_count_after_many(void **state)
{
	enum { N = 1100 };
	static const char last[] =
	    CONSENT_LINE("cb2", "cb", "2025-06-01", "withdrawn")
	    OBSERVATION_LINE("cb3", "cb", "2025-06-03");
	char lines[300], ours[RX_UUID_TEXT], *text, *all;
	uint8_t id[RX_ID_BYTES];

	(void)state;
	ok(import(w.d1, NULL, CHILD_LINE("cb", VILLAGE1)), &st);
	must(rx_child_find(w.d1, "cb", id, &st));
	rx_uuid_text(id, ours);
	(void)snprintf(lines, sizeof(lines), CONSENT_LINE("cb1", "%s",
	    "2025-06-05", "given"), ours);
	text = many_cases(lines, VILLAGE1, "cc", N);
	assert_int_not_equal(asprintf(&all, "%s%s", text, last), -1);
	refuses(import(w.d1, NULL, all), RX_EPERM, CONSENT_WITHDRAWN);
	assert_string_equal(arg_of("line"), "2203");
	free(all);
	free(text);
}

/* Write over its end, which is read last. */
static void
scribble(void *path, size_t done, size_t total)
{
	char spaces[100];
	struct stat sb;
	int fd;

	if (2 * done < total)
		return;
	memset(spaces, ' ', sizeof(spaces));
	assert_int_equal(stat(path, &sb), 0);
	assert_true((fd = open(path, O_WRONLY | O_CLOEXEC)) != -1);
	assert_int_equal(pwrite(fd, spaces, sizeof(spaces), sb.st_size - 101),
	    (ssize_t)sizeof(spaces));
	assert_int_equal(close(fd), 0);
}

static const struct timespec then[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

/* The same, and say that it was written before. */
static void
scribble_and_hide(void *path, size_t done, size_t total)
{

	(void)usleep(20000);	/* the kernel's clock for files is a coarse one */
	scribble(path, done, total);
	assert_int_equal(utimensat(AT_FDCWD, path, then, 0), 0);
}

/* What is on the disk in files without a name that this process has open. */
struct spill {
	size_t bytes;
	size_t words;		/* how often it has "spilled" */
};

static void
look_into(struct spill *spill, int fd)
{
	static const char word[] = "spilled";
	char *text;
	const char *p;
	struct stat sb;
	size_t n;

	assert_int_equal(fstat(fd, &sb), 0);
	n = (size_t)sb.st_size;
	text = malloc(n + 1);
	assert_non_null(text);
	assert_int_equal(pread(fd, text, n, 0), (ssize_t)n);
	spill->bytes += n;
	for (p = text; (p = memmem(p, n - (size_t)(p - text), word,
	    sizeof(word) - 1)) != NULL; p++)
		spill->words++;
	free(text);
}

static void
find_spill(void *cookie, size_t done, size_t total)
{
	struct spill *spill = cookie;
	char link[40], to[300];
	ssize_t n;
	int fd;

	/* Once, near the end of the first reading. */
	if (2 * done < total / 10 * 9 || spill->bytes > 0)
		return;
	for (fd = 3; fd < 64; fd++) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if ((n = readlink(link, to, sizeof(to) - 1)) <= 0)
			continue;
		to[n] = '\0';
		if (strstr(to, " (deleted)") != NULL)
			look_into(spill, fd);
	}
}

/* So many that they do not fit in memory; the last is wrong, so none is stored. */
static void
test_what_sorting_puts_on_the_disk_has_no_word_of_a_line(void **state)
{
	enum { N = 100000, LINE = 128 };
	struct spill spill = { 0, 0 };
	struct rx_import_counts counts;
	char *text = malloc((N + 1) * LINE), path[300];
	size_t n = 0, i;
	FILE *f;

	(void)state;
	assert_non_null(text);
	(void)snprintf(path, sizeof(path), "%s.spill", w.dir);
	for (i = 0; i < N; i++)
		n += (size_t)snprintf(text + n, LINE, "{\"type\":\"flag\","
		    "\"id\":\"spilled%zu\",\"child\":\"spilled\",\"date\":"
		    "\"2025-06-01\",\"reason\":\"spilled\"}\n", i);
	n += (size_t)snprintf(text + n, LINE, "wrong\n");
	must(rx_file_write(path, text, n, 0600, true, &st));
	refuses(rx_import(w.d1, path, &counts, find_spill, &spill, &st),
	    RX_EUSAGE, JSON_SYNTAX);
	assert_int_equal(counts.lines, N);
	assert_true(spill.bytes > 1u << 16);
	assert_int_equal(spill.words, 0);
	/* The control: words in such a file are found. */
	assert_non_null(f = tmpfile());
	assert_int_equal(fwrite(text, 1, 1000, f), 1000);
	assert_int_equal(fflush(f), 0);
	spill.bytes = 0;
	find_spill(&spill, 1, 1);
	assert_true(spill.words > 10);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(unlink(path), 0);
	free(text);
}

static void
test_file_changed_between_its_two_readings_stores_nothing(void **state)
{
	const struct mark before = mark_of(w.d1);
	struct rx_import_counts counts;
	char *text = many_cases("", VILLAGE1, "fd", 10);
	char path[300];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s.changed", w.dir);
	unquote(text);
	must(rx_file_write(path, text, strlen(text), 0600, true, &st));
	/* Times of files do not tell one millisecond from the next. */
	assert_int_equal(utimensat(AT_FDCWD, path, then, 0), 0);
	refuses(rx_import(w.d1, path, &counts, scribble, path, &st), RX_EIO,
	    FILE_CHANGED);
	must(rx_file_write(path, text, strlen(text), 0600, true, &st));
	assert_int_equal(utimensat(AT_FDCWD, path, then, 0), 0);
	refuses(rx_import(w.d1, path, &counts, scribble_and_hide, path, &st),
	    RX_EIO, FILE_CHANGED);
	assert_true(unchanged(w.d1, &before));
	assert_int_equal(unlink(path), 0);
	free(text);
}

static void
test_file_cut_between_its_two_readings_stores_nothing(void **state)
{
	const struct mark before = mark_of(w.d1);
	struct rx_import_counts counts;
	char *text = many_cases("", VILLAGE1, "fc", 300);
	char path[300];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s.cut", w.dir);
	unquote(text);
	must(rx_file_write(path, text, strlen(text), 0600, true, &st));
	refuses(rx_import(w.d1, path, &counts, cut, path, &st), RX_EIO,
	    FILE_READ);
	assert_string_equal(arg_of("errno"), "EIO");
	assert_true(unchanged(w.d1, &before));
	must(rx_file_write(path, text, strlen(text), 0600, true, &st));
	ok(rx_import(w.d1, path, &counts, NULL, NULL, &st), &st);
	assert_int_equal(unlink(path), 0);
	free(text);
}

/* One case by two names: by its id here and by the caller's.  What is said of consent
 * under either counts for both. */
static void
test_case_by_both_of_its_names_is_one_case(void **state)
{
	struct rx_import_counts counts;
	char ours[RX_UUID_TEXT], text[700];
	uint8_t id[RX_ID_BYTES];
	const char *said, *asked;
	int i, late;

	(void)state;
	for (i = 0; i < 4; i++) {
		char name[8];

		late = i % 2;
		(void)snprintf(name, sizeof(name), "bn%d", i);
		(void)snprintf(text, sizeof(text),
		    CHILD_LINE("%s", VILLAGE1), name, name);
		ok(import(w.d1, NULL, text), &st);
		must(rx_child_find(w.d1, name, id, &st));
		rx_uuid_text(id, ours);
		said = i < 2 ? ours : name;
		asked = i < 2 ? name : ours;
		/* First what it is asked for, as far as lines go. */
		(void)snprintf(text, sizeof(text),
		    OBSERVATION_LINE("%s-1", "%s", "2025-06-0%d")
		    CONSENT_LINE("%s-2", "%s", "2025-06-05", "withdrawn"),
		    name, asked, late ? 6 : 4, name, said);
		if (late) {
			refuses(import(w.d1, NULL, text), RX_EPERM,
			    CONSENT_WITHDRAWN);
			assert_string_equal(arg_of("line"), "1");
		} else {
			ok(import(w.d1, &counts, text), &st);
			assert_int_equal(counts.saved[RX_OBSERVATION], 1);
		}
	}
}

/* A child that another program calls by a UUID of its own is as any. */
static void
test_caller_id_that_looks_like_ours_is_taken_in_any_order(void **state)
{
#define THEIRS "0190aaaa-bbbb-7ccc-8ddd-eeeeeeeeeeee"
	struct rx_import_counts counts;

	(void)state;
	ok(import(w.d1, &counts,
	    CONSENT_LINE("li", THEIRS, "2025-06-05", "withdrawn")
	    OBSERVATION_LINE("li", THEIRS, "2025-06-01")
	    CAMP("li", "2025-06-02", "'" THEIRS "'")
	    CHILD_LINE(THEIRS, VILLAGE1)), &st);
	assert_int_equal(counts.lines, 4);
	refuses(import(w.d1, NULL, OBSERVATION_LINE("li2", THEIRS,
	    "2025-06-06")), RX_EPERM, CONSENT_WITHDRAWN);
}

/* A millisecond has 4096 of them, however long it is: then they are of the next. */
static void
test_ids_follow_the_order_of_lines_in_one_millisecond(void **state)
{
	enum { N = 4096 + 300 };
	struct rx_import_counts counts;
	struct rx_buf text = RX_BUF_INIT;
	char *line = strdup(CHILD_LINE("ms", VILLAGE1));
	int64_t last;
	int i;

	(void)state;
	assert_non_null(line);
	unquote(line);
	last = asked("SELECT max(rowid) FROM record");
	must(rx_buf_add(&text, line, strlen(line), &st));
	for (i = 0; i < N; i++)
		must(rx_buf_printf(&text, &st, "{\"type\":\"consent\",\"id\":"
		    "\"ms%d\",\"child\":\"ms\",\"date\":\"2025-06-01\","
		    "\"state\":\"given\"}\n", i));
	stopped = rx_time_now();
	ok(import_bytes(w.d1, text.b, text.len, &counts), &st);
	stopped = 0;
	assert_int_equal(counts.lines, N + 1);
	assert_int_equal(counts.saved[RX_CONSENT], N);
	assert_int_equal(asked("SELECT max(rowid) FROM record") - last, N);
	/* Each is a UUID of version 7, and greater than the one of the line before. */
	assert_int_equal(asked("SELECT count(*) FROM record WHERE "
	    "hex(substr(id, 7, 1)) NOT LIKE '7%'"), 0);
	assert_int_equal(asked("SELECT count(*) FROM (SELECT id, lag(id) OVER "
	    "(ORDER BY rowid) AS before FROM record WHERE child = (SELECT "
	    "child FROM record ORDER BY rowid DESC LIMIT 1)) WHERE id <= "
	    "before"), 0);
	rx_buf_free(&text);
	free(line);
}

/* All that may be locked for what can be done without is taken: the keys of its cases
 * are read whenever they are needed. */
static void
test_import_without_room_for_the_keys_of_its_cases_is_the_same(void **state)
{
	enum { MOST = 4096 };
	static struct rx_secret *taken[MOST];
	struct rx_import_counts counts;
	struct shown_case c;
	size_t n;
	int i;

	(void)state;
	ok(import(w.d1, NULL, CHILD_LINE("ro1", VILLAGE1)), &st);
	ok(import(w.d1, NULL, CHILD_LINE("ro2", VILLAGE1)), &st);
	for (n = 0; n < MOST; n++)
		if ((taken[n] = rx_secret_spare((size_t)32 << 10)) == NULL)
			break;
	assert_true(n > 0 && n < MOST);
	ok(import(w.d1, &counts, CHILD_LINE("ro3", VILLAGE1)
	    CHILD_LINE("ro4", VILLAGE1)
	    OBSERVATION_LINE("ro1", "ro1", "2025-06-01")
	    OBSERVATION_LINE("ro2", "ro2", "2025-06-01")
	    OBSERVATION_LINE("ro3", "ro3", "2025-06-01")
	    OBSERVATION_LINE("ro4", "ro4", "2025-06-01")
	    OBSERVATION_LINE("ro5", "ro1", "2025-06-02")), &st);
	while (n > 0)
		rx_secret_free(taken[--n]);
	assert_int_equal(counts.saved[RX_OBSERVATION], 5);
	for (i = 1; i <= 4; i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "ro%d", i);
		must(show(w.d1, id, NULL, &c));
		assert_int_equal(c.by_type[RX_OBSERVATION], i == 1 ? 2 : 1);
		assert_true(c.name);
	}
	/* What his supervisor has of it is as after any save. */
	refuses(show(w.s1, "ro1", "核实", NULL), RX_EPERM, CASE_CLOSED);
	audit_holds(w.d1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_types_are_imported_and_counted),
		cmocka_unit_test(test_lines_may_stand_in_any_order),
		cmocka_unit_test(
		    test_same_file_again_is_present_and_changes_no_row),
		cmocka_unit_test(
		    test_blank_lines_are_skipped_and_counted_as_lines),
		cmocka_unit_test(test_crlf_and_a_byte_order_mark_are_taken),
		cmocka_unit_test(test_byte_order_mark_elsewhere_is_refused),
		cmocka_unit_test(test_last_line_needs_no_end),
		cmocka_unit_test(test_empty_file_is_nothing),
		cmocka_unit_test(test_line_too_long_is_refused),
		cmocka_unit_test(test_line_too_long_is_named),
		cmocka_unit_test(test_bad_line_anywhere_stores_nothing),
		cmocka_unit_test(
		    test_child_unknown_in_a_file_is_refused_by_line),
		cmocka_unit_test(
		    test_not_permitted_line_for_another_unit_is_refused),
		cmocka_unit_test(
		    test_director_of_a_township_imports_for_all_its_villages),
		cmocka_unit_test(test_statistician_imports_his_own_activities),
		cmocka_unit_test(test_id_twice_in_a_file_is_refused),
		cmocka_unit_test(test_id_twice_among_many_is_refused),
		cmocka_unit_test(test_id_missing_is_refused),
		cmocka_unit_test(test_every_line_that_is_wrong_is_told),
		cmocka_unit_test(test_type_unknown_is_refused),
		cmocka_unit_test(test_type_not_input_a_review_is_refused),
		cmocka_unit_test(test_json_syntax_is_refused_by_line),
		cmocka_unit_test(test_json_not_utf8_a_nul_byte_is_refused),
		cmocka_unit_test(
		    test_id_conflict_with_what_is_stored_is_refused_by_line),
		cmocka_unit_test(
		    test_date_before_birth_in_a_file_is_refused_by_line),
		cmocka_unit_test(
		    test_unit_unknown_in_a_file_is_refused_by_line),
		cmocka_unit_test(
		    test_child_twice_in_an_activity_is_refused_by_line),
		cmocka_unit_test(
		    test_record_before_a_withdrawal_of_the_same_file_is_taken),
		cmocka_unit_test(
		    test_consent_withdrawn_in_the_file_refuses_what_comes_after),
		cmocka_unit_test(
		    test_consent_withdrawn_refuses_an_activity_with_the_child),
		cmocka_unit_test(
		    test_consent_withdrawn_and_given_again_in_one_file),
		cmocka_unit_test(
		    test_consent_withdrawn_earlier_closes_the_file_to_an_import),
		cmocka_unit_test(test_file_absent_is_refused),
		cmocka_unit_test(test_file_read_a_folder_is_refused),
		cmocka_unit_test(test_file_no_access_is_refused),
		cmocka_unit_test(test_progress_runs_from_nothing_to_all),
		cmocka_unit_test(
		    test_failed_first_import_leaves_no_keys_behind),
		cmocka_unit_test(
		    test_failed_first_record_leaves_no_keys_behind),
		cmocka_unit_test(
		    test_import_of_many_cases_is_as_good_as_one_of_few),
		cmocka_unit_test(
		    test_withdrawal_before_many_cases_decides_by_its_date),
		cmocka_unit_test(test_many_cases_of_a_new_unit_are_found_again),
		cmocka_unit_test(
		    test_child_of_the_file_is_meant_before_others_of_its_name),
		cmocka_unit_test(
		    test_consents_under_both_names_of_a_case_count_after_many),
		cmocka_unit_test(
		    test_what_sorting_puts_on_the_disk_has_no_word_of_a_line),
		cmocka_unit_test(
		    test_file_changed_between_its_two_readings_stores_nothing),
		cmocka_unit_test(
		    test_file_cut_between_its_two_readings_stores_nothing),
		cmocka_unit_test(test_case_by_both_of_its_names_is_one_case),
		cmocka_unit_test(
		    test_caller_id_that_looks_like_ours_is_taken_in_any_order),
		cmocka_unit_test(
		    test_ids_follow_the_order_of_lines_in_one_millisecond),
		cmocka_unit_test(
		    test_import_without_room_for_the_keys_of_its_cases_is_the_same),
	};

	return (cmocka_run_group_tests_name("import", tests, setup,
	    teardown));
}
