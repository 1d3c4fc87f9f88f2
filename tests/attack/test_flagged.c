/*
 * A thief with the files, and without a key, does not learn which children are
 * flagged: not from the number of rows, not from sizes, not from what stands in
 * the clear.  The control is the same comparison of layouts that do show it.
 */

#include <sqlite3.h>

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fixture.h"

static const char *const files[2] = { "content.db", "keys.db" };

/*
 * Everything that a thief can put side by side in column ${c} of ${t}: clear
 * values (but when), and of a blob its size and, of an envelope, the header
 * without the key's id.
 */
#define COLUMN \
    "SELECT coalesce(group_concat(v, ' '), '-'), count(*) FROM (SELECT CASE " \
    "typeof(\"%w\") WHEN 'blob' THEN length(\"%w\") || CASE WHEN " \
    "substr(\"%w\", 1, 3) = x'525801' THEN ':' || hex(substr(\"%w\", 1, 8)) " \
    "|| hex(substr(\"%w\", 25, 8)) ELSE '' END ELSE quote(\"%w\") END AS v " \
    "FROM \"%w\" ORDER BY v)"

static void
add_column(struct rx_buf *out, sqlite3 *db, const char *t, const char *c)
{
	sqlite3_stmt *stmt = NULL;
	struct rx_status st;
	char *sql;

	rx_status_clear(&st);
	if (strcmp(c, "time") == 0 || strcmp(c, "created") == 0)
		return;
	sql = sqlite3_mprintf(COLUMN, c, c, c, c, c, c, t);
	assert_non_null(sql);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	ok(rx_buf_printf(out, &st, "%s.%s %d rows: %s\n", t, c,
	    sqlite3_column_int(stmt, 1),
	    (const char *)sqlite3_column_text(stmt, 0)), &st);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	sqlite3_free(sql);
}

/* Append what the register in ${dir} shows, as text. */
static void
looks(const char *dir, struct rx_buf *out)
{
	sqlite3_stmt *stmt = NULL;
	struct rx_status st;
	struct stat sb;
	sqlite3 *db = NULL;
	char path[300];
	size_t f;

	rx_status_clear(&st);
	for (f = 0; f < 2; f++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, files[f]);
		assert_int_equal(stat(path, &sb), 0);
		ok(rx_buf_printf(out, &st, "%s %lld bytes\n", files[f],
		    (long long)sb.st_size), &st);
		assert_int_equal(sqlite3_open_v2(path, &db,
		    SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
		assert_int_equal(sqlite3_prepare_v2(db, "SELECT m.name, c.name "
		    "FROM sqlite_schema AS m, pragma_table_info(m.name) AS c "
		    "WHERE m.type = 'table' ORDER BY 1, 2", -1, &stmt, NULL),
		    SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW)
			add_column(out, db,
			    (const char *)sqlite3_column_text(stmt, 0),
			    (const char *)sqlite3_column_text(stmt, 1));
		assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
		assert_int_equal(sqlite3_close(db), SQLITE_OK);
	}
	ok(rx_buf_add(out, "", 1, &st), &st);
}

static bool
look_alike(const char *dir, const char *other)
{
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;
	bool same;

	looks(dir, &a);
	looks(other, &b);
	assert_true(a.len > 2000);
	same = strcmp((const char *)a.b, (const char *)b.b) == 0;
	rx_buf_free(&a);
	rx_buf_free(&b);
	return (same);
}

#define OBSERVATION(id, child, sign, risk, note) \
    "{\"id\":\"" id "\",\"child\":\"" child "\",\"date\":\"2025-06-20\"," \
    "\"channel\":\"home_visit\",\"signs\":[\"" sign "\"],\"risk\":\"" risk \
    "\",\"note\":\"" note "\"}"

/* Two more records in the case of c2: with an urgent sign and a flag, or with
 * neither. */
static void
two_records(const char *dir, bool flagged)
{
	struct rx_session *s = fixture_open(dir, "d1");

	if (flagged) {
		fixture_save(s, RX_OBSERVATION, OBSERVATION("x1", "c2",
		    "suicide_attempt", "red",
		    "Much is written here, because much has happened."),
		    false, NULL);
		fixture_save(s, RX_FLAG, "{\"id\":\"x2\",\"child\":\"c2\","
		    "\"date\":\"2025-06-21\",\"reason\":\"needs help today, "
		    "and somebody who can give it\"}", false, NULL);
	} else {
		fixture_save(s, RX_OBSERVATION, OBSERVATION("x1", "c2",
		    "mood_low", "green", ""), false, NULL);
		fixture_save(s, RX_OBSERVATION, OBSERVATION("x2", "c2",
		    "grade_drop", "green", "fine"), false, NULL);
	}
	rx_session_close(s);
}

/* Whether s1 sees an open flag on c2: that there is something to hide. */
static bool
supervisor_opens(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "s1");
	struct rx_status st;
	size_t n;
	rx_err rc;

	rx_status_clear(&st);
	rc = fixture_show(s, fixture_id[C2], "reason", &n, &st);
	rx_session_close(s);
	assert_true(rc == RX_OK || rc == RX_EPERM);
	return (rc == RX_OK);
}

static void
test_flagged_and_unflagged_registers_look_alike(void **state)
{
	const char *flagged = fixture_copy(), *not = fixture_copy();

	(void)state;
	two_records(flagged, true);
	two_records(not, false);
	assert_true(look_alike(flagged, not));
	assert_true(supervisor_opens(flagged));
	assert_false(supervisor_opens(not));
	/* After he looked, there is one entry more: reading is not hidden. */
	assert_false(look_alike(flagged, not));
}

/* The same of two registers with nothing in common but how they were made. */
static void
test_registers_made_apart_look_alike(void **state)
{
	const char *flagged = fixture_another(NULL);
	const char *not = fixture_another(NULL);

	(void)state;
	assert_true(look_alike(flagged, not));
	two_records(flagged, true);
	assert_false(look_alike(flagged, not));	/* the control: counts differ */
	two_records(not, false);
	assert_true(look_alike(flagged, not));
}

/* The controls: layouts that show a flag do show it to this comparison. */
static void
test_naive_layouts_are_told_apart(void **state)
{
	static const struct {
		const char *both, *flagged, *not;
	} layouts[] = {
		/* a row of its own */
		{ "CREATE TABLE main.flag(child BLOB, sealed BLOB)",
		    "INSERT INTO flag VALUES($c2, randomblob(600))",
		    "SELECT 1" },
		/* a column */
		{ "ALTER TABLE main.child ADD COLUMN flagged INTEGER NOT NULL "
		    "DEFAULT 0", "UPDATE child SET flagged = 1 WHERE "
		    "id = $c2", "SELECT 1" },
		/* no slot where there is no flag */
		{ "SELECT 1", "SELECT 1", "DELETE FROM main.slot WHERE "
		    "child = $c2" },
		/* a shorter one */
		{ "SELECT 1", "SELECT 1", "UPDATE main.slot SET sealed = "
		    "zeroblob(48) WHERE child = $c2" },
		/* a note that is not padded */
		{ "SELECT 1", "SELECT 1", "UPDATE record SET narrative = "
		    "substr(narrative, 1, 130) WHERE child = $c2" },
		/* a type in the clear */
		{ "ALTER TABLE main.record ADD COLUMN type TEXT NOT NULL "
		    "DEFAULT 'observation'", "UPDATE record SET type = 'flag' "
		    "WHERE id = $i1",
		    "SELECT 1" },
		/* an entry of the audit more */
		{ "SELECT 1", "INSERT INTO audit SELECT seq + 1, time, "
		    "payload, proof, hash FROM audit ORDER BY seq DESC "
		    "LIMIT 1", "SELECT 1" },
	};
	const char *flagged, *not;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(layouts) / sizeof(layouts[0]); i++) {
		flagged = fixture_copy();
		not = fixture_copy();
		fixture_sql(flagged, layouts[i].both);
		fixture_sql(not, layouts[i].both);
		assert_true(look_alike(flagged, not));
		fixture_sql(flagged, layouts[i].flagged);
		fixture_sql(not, layouts[i].not);
		if (look_alike(flagged, not))
			fail_msg("layout %zu", i);
	}
}

/* Whether ${one} answers the same for the flagged case c1 and for c2. */
static bool
same_answer(const char *one, const char *other)
{
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;
	bool same;

	fixture_blob(fixture_dir(), one, &a);
	fixture_blob(fixture_dir(), other, &b);
	assert_true(a.len > 10);
	same = a.len == b.len && memcmp(a.b, b.b, a.len) == 0;
	rx_buf_free(&a);
	rx_buf_free(&b);
	return (same);
}

#define SLOTS(child) "SELECT CAST(group_concat(v, ' ') AS BLOB) FROM (SELECT " \
    "hex(recipient) || length(sealed) AS v FROM main.slot WHERE child = " \
    child " ORDER BY v)"
#define KEYS(child) "SELECT CAST(epoch || unit || length(identity) || ' ' || " \
    "length(narrative) || ' ' || length(coded) AS BLOB) FROM keys.case_key " \
    "WHERE child = " child
#define SLOT_KEYS(child) "SELECT CAST('of ' || epoch || ' ' || " \
    "length(identity) || ' ' || length(narrative) AS BLOB) FROM keys.slot_key " \
    "WHERE child = " child
#define BOXES(child) "SELECT sealed FROM main.slot WHERE recipient = $s1 AND " \
    "child = " child

/* Within one register: c1 is flagged, c2 is not. */
static void
test_flagged_case_looks_like_its_neighbour(void **state)
{

	(void)state;
	assert_true(same_answer(SLOTS("$c1"), SLOTS("$c2")));
	assert_true(same_answer(KEYS("$c1"), KEYS("$c2")));
	assert_true(same_answer(SLOT_KEYS("$c1"), SLOT_KEYS("$c2")));
	/* Every record, of whatever type and case, is of one shape. */
	assert_int_equal(fixture_number(fixture_dir(), "SELECT count(DISTINCT "
	    "length(coded) || ' ' || length(narrative)) FROM record"), 1);
	/* The control: they are not the same bytes. */
	assert_false(same_answer(BOXES("$c1"), BOXES("$c2")));
	assert_int_equal(fixture_number(fixture_dir(), "SELECT "
	    "count(DISTINCT narrative) = count(*) FROM record"), 1);
}

/* Whether the bytes that ${sql} asks for was written anew in ${dir}. */
static bool
written_anew(const char *dir, const char *sql)
{
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;
	bool same;

	fixture_blob(dir, sql, &a);
	fixture_blob(fixture_dir(), sql, &b);
	assert_int_equal(a.len, b.len);
	same = memcmp(a.b, b.b, a.len) == 0;
	rx_buf_free(&a);
	rx_buf_free(&b);
	return (!same);
}

#define SLOT(child, who) "SELECT sealed FROM main.slot WHERE child = " child \
    " AND recipient = " who

#define SLOT_KEY(child) "SELECT identity FROM keys.slot_key WHERE child = " \
    child

/* Every save of a case writes all its slots anew, and what they lead to never, so
 * that two snapshots show no more about it than that there was a save. */
static void
test_every_save_writes_every_slot_anew(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;

	(void)state;
	s = fixture_open(dir, "d1");
	fixture_save(s, RX_OBSERVATION, OBSERVATION("x1", "c1", "mood_low",
	    "green", ""), false, NULL);
	fixture_save(s, RX_OBSERVATION, OBSERVATION("x2", "c2", "mood_low",
	    "green", ""), false, NULL);
	/* One that raises a flag where there was none. */
	fixture_save(s, RX_OBSERVATION, OBSERVATION("x3", "c2", "self_harm",
	    "red", "x"), false, NULL);
	rx_session_close(s);
	assert_false(written_anew(dir, SLOT_KEY("$c1")));
	assert_false(written_anew(dir, SLOT_KEY("$c2")));
	assert_true(written_anew(dir, SLOT("$c1", "$s1")));
	assert_true(written_anew(dir, SLOT("$c1", "$gone")));
	assert_true(written_anew(dir, SLOT("$c2", "$s1")));
	assert_true(written_anew(dir, SLOT("$c2", "$gone")));
	/* The control: where nothing was saved it is the old one. */
	assert_false(written_anew(dir, SLOT("$c3", "$s1")));
}

/* Somebody took away what slots lead to, and looks which of it an import brings back:
 * that of every case. */
static void
test_import_writes_what_slots_lead_to_of_every_case(void **state)
{
	static const char lines[] = "{\"type\":\"observation\","
	    "\"id\":\"q1\",\"child\":\"c1\",\"date\":\"2025-06-20\","
	    "\"channel\":\"home_visit\",\"signs\":[\"mood_low\"],"
	    "\"risk\":\"green\",\"note\":\"\"}\n"
	    "{\"type\":\"observation\",\"id\":\"q2\",\"child\":\"c2\","
	    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
	    "\"signs\":[\"mood_low\"],\"risk\":\"green\",\"note\":\"\"}\n";
	const char *dir = fixture_copy();
	struct rx_import_counts counts;
	struct rx_buf text = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	fixture_tamper(dir, "DELETE FROM keys.slot_key");
	s = fixture_open(dir, "d1");
	ok(rx_buf_add(&text, lines, sizeof(lines) - 1, &st), &st);
	ok(fixture_import(s, &text, &counts, &st), &st);
	rx_session_close(s);
	rx_buf_free(&text);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.slot_key WHERE child IN ($c1, $c2)"), 2);
	/* The control: of one that nothing was imported for there is none. */
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.slot_key WHERE child = $c3"), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_flagged_and_unflagged_registers_look_alike),
		cmocka_unit_test(test_registers_made_apart_look_alike),
		cmocka_unit_test(test_naive_layouts_are_told_apart),
		cmocka_unit_test(test_flagged_case_looks_like_its_neighbour),
		cmocka_unit_test(test_every_save_writes_every_slot_anew),
		cmocka_unit_test(
		    test_import_writes_what_slots_lead_to_of_every_case),
	};
	struct rx_status st;

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("attack flagged", tests,
	    fixture_setup, NULL));
}
