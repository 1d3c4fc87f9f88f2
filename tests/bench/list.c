/* What somebody waits for on a page: today's list after signing in, one child
 * among many, the queue and the coverage of a supervisor.  Processor time: what
 * is read lies in memory by then. */

#include <stdio.h>

#include "bench.h"

#define RECORDS 3		/* a child */

static void
write_lists(const char *path, size_t children)
{
	const char *village[VILLAGES];
	char date[RX_DATE_TEXT];
	FILE *f;
	size_t i, k;

	villages(village, VILLAGES);
	assert_non_null(f = fopen(path, "we"));
	for (i = 0; i < children; i++) {
		(void)fprintf(f, "{\"type\":\"child\",\"id\":\"c%zu\","
		    "\"unit\":\"%s\",\"name\":\"测试%zu\",\"sex\":\"f\","
		    "\"birth\":\"2014-05\",\"categories\":[\"left_behind\"],"
		    "\"legal_basis\":\"statutory_duty\"}\n", i,
		    village[i % VILLAGES], i);
		for (k = 0; k < RECORDS; k++) {
			rx_date_format(from + (int32_t)(120 * k + i % 100),
			    date);
			(void)fprintf(f, "{\"type\":\"observation\",\"id\":"
			    "\"o%zu-%zu\",\"child\":\"c%zu\",\"date\":\"%s\","
			    "\"channel\":\"home_visit\",\"signs\":[\"%s\"],"
			    "\"risk\":\"yellow\",\"note\":"
			    "\"孩子近来话少，睡得晚。\"}\n", i, k, i, date,
			    i % 500 == 0 && k == 2 ? "death_talk" :
			    "mood_low");
		}
	}
	assert_int_equal(fclose(f), 0);
}

void
lists_make(struct lists *l, const char *of, size_t children)
{
	struct rx_import_counts counts;
	char file[PATH_BYTES], name[64];
	struct rx_session *s;
	struct result clear;

	l->children = children;
	(void)snprintf(name, sizeof(name), "list-%s", of);
	path_in(l->ours, scratch, name);
	(void)snprintf(name, sizeof(name), "list-%s.clear", of);
	path_in(l->clear, scratch, name);
	path_in(file, scratch, "list.ndjson");
	write_lists(file, children);
	make_register(l->ours);
	s = sign_in(l->ours, "director");
	ok(rx_import(s, file, &counts, NULL, NULL, &st), &st);
	rx_session_close(s);
	clear = apart(import_clear, l->clear, file);
	assert_true(clear.count == (int64_t)counts.lines);
}

static rx_err
count_child(void *cookie, const struct rx_child_row *row,
    struct rx_status *why)
{

	(void)row;
	(void)why;
	++*(size_t *)cookie;
	return (RX_OK);
}

static rx_err
count_flag(void *cookie, const struct rx_flag_row *row, struct rx_status *why)
{

	(void)row;
	(void)why;
	++*(size_t *)cookie;
	return (RX_OK);
}

/* Seconds for the query ${text}, with ${arg} for its parameter unless NULL; the
 * file is opened in them when ${anew}. */
static double
clear_query(sqlite3 *db, const char *path, const char *text, const char *arg,
    size_t *rows)
{
	double t = cpu();
	const bool anew = db == NULL;
	sqlite3_stmt *stmt;

	if (anew)
		assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	stmt = prepare(db, text);
	if (arg != NULL)
		(void)sqlite3_bind_text(stmt, 1, arg, -1, SQLITE_STATIC);
	for (*rows = 0; sqlite3_step(stmt) == SQLITE_ROW; ++*rows)
		(void)sqlite3_column_text(stmt, 0);
	(void)sqlite3_finalize(stmt);
	if (anew)
		(void)sqlite3_close(db);
	return (cpu() - t);
}

static void
show_lists(const char *what, const struct lists *l, const struct series *s)
{
	char work[128];

	(void)snprintf(work, sizeof(work), "%s, %zu children", what,
	    l->children);
	show(work, s, "s");
}

/* Signing in, without the hash, and the list of visits due. */
static void
bench_today(const struct lists *l)
{
	struct series today_list = { 0 }, again = { 0 };
	struct rx_session *s;
	size_t i, n, rows;
	double t, base;

	for (i = 0; i < runs; i++) {
		hash_seconds = n = 0;
		t = cpu();
		s = sign_in(l->ours, "director");
		ok(rx_child_each(s, RX_LIST_DUE, today, count_child, &n, &st),
		    &st);
		t = cpu() - t - hash_seconds;
		base = clear_query(NULL, l->clear, "SELECT c.id, "
		    "c.name, (SELECT max(date) FROM record WHERE child = c.id)"
		    " FROM child AS c", NULL, &rows);
		add(&today_list, t, base);
		assert_true(n > 0 && rows == l->children);
		t = cpu();
		ok(rx_child_each(s, RX_LIST_DUE, today, count_child, &n, &st),
		    &st);
		add(&again, cpu() - t, base);
		rx_session_close(s);
	}
	show_lists("sign in after Argon2id and today's list / SQLite query", l,
	    &today_list);
	show_lists("  the same list again in that session", l, &again);
}

/* The first search of a session opens the names of all children, which its later
 * ones find in memory: by all processors, so by the clock too.  Somebody is looked
 * for who is not there, with what was ${kept} of his lists or without. */
static void
bench_first_search(const struct lists *l, bool kept)
{
	struct series clock = { 0 }, time = { 0 };
	struct rx_session *s;
	size_t i, n, rows;
	double t, c, base;

	for (i = 0; i < runs; i++) {
		s = sign_in(l->ours, "director");
		s->kept.tried = !kept;
		n = 0;
		t = now();
		c = cpu();
		ok(rx_child_browse(s, "无此人", false, count_child, &n, &st),
		    &st);
		c = cpu() - c;
		t = now() - t;
		rx_session_close(s);
		base = clear_query(NULL, l->clear, "SELECT id FROM child "
		    "WHERE name LIKE '%' || ?1 || '%'", "无此人", &rows);
		assert_true(n == 0 && rows == 0);
		add(&clock, t, base);
		add(&time, c, base);
	}
	show_lists(kept ? "  when his lists were kept, clock" :
	    "first search after signing in, clock / SQLite, LIKE", l, &clock);
	show_lists("  the same, processor time", l, &time);
}

/* Both, with a list between them, which is kept. */
static void
bench_first_searches(const struct lists *l)
{
	struct rx_session *s;
	size_t n = 0;

	bench_first_search(l, false);
	s = sign_in(l->ours, "director");
	ok(rx_child_each(s, 0, today, count_child, &n, &st), &st);
	assert_int_equal(n, l->children);
	rx_session_close(s);
	bench_first_search(l, true);
}

static void
bench_find(const struct lists *l)
{
	struct series number = { 0 }, name = { 0 }, letters = { 0 };
	struct rx_session *s = sign_in(l->ours, "director");
	char id_text[32], like[64];
	uint8_t id[RX_ID_BYTES];
	size_t i, n = 0, rows;
	sqlite3 *db;
	double t;

	/* In memory from now on. */
	ok(rx_child_browse(s, "无此人", false, count_child, &n, &st), &st);
	assert_int_equal(sqlite3_open(l->clear, &db), SQLITE_OK);
	for (i = 0; i < runs; i++) {
		/* From the middle on, and round. */
		const size_t one = (l->children / 2 + i) % l->children;

		(void)snprintf(id_text, sizeof(id_text), "c%zu", one);
		t = cpu();
		ok(rx_child_find(s, id_text, id, &st), &st);
		t = cpu() - t;
		add(&number, t, clear_query(db, NULL, "SELECT id FROM child "
		    "WHERE id = ?1", id_text, &rows));
		(void)snprintf(like, sizeof(like), "测试%zu", one);
		n = 0;
		t = cpu();
		ok(rx_child_browse(s, like, false, count_child, &n, &st),
		    &st);
		t = cpu() - t;
		add(&name, t, clear_query(db, NULL, "SELECT id FROM child "
		    "WHERE name LIKE ?1 || '%'", like, &rows));
		assert_true(n == rows);
		n = 0;
		t = cpu();
		ok(rx_child_browse(s, "zzz", false, count_child, &n, &st),
		    &st);
		t = cpu() - t;
		add(&letters, t, clear_query(db, NULL, "SELECT id FROM child "
		    "WHERE name LIKE ?1 || '%'", "zzz", &rows));
		assert_true(n == 0 && rows == 0);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	rx_session_close(s);
	show_lists("find by number / SQLite, indexed", l, &number);
	show_lists("find by name / SQLite, LIKE", l, &name);
	show_lists("find by initials / SQLite, LIKE", l, &letters);
}

/* The first queue of a session opens every case; the later ones only what is
 * new to it: an observation by a director before each.  Shown is the slowest of
 * all runs, the p99 of a hundred. */
static void
bench_supervisor(const struct lists *l)
{
	double t, first = 0, queue = 0, coverage = 0;
	struct rx_session *s = sign_in(l->ours, "supervisor");
	struct rx_session *director = sign_in(l->ours, "director");
	char work[128], text[32];
	size_t i, n;

	for (i = 0; i < runs; i++) {
		save_one(director, i % l->children);
		n = 0;
		t = cpu();
		ok(rx_review_each(s, false, count_flag, &n, &st), &st);
		t = cpu() - t;
		assert_true(n > 0);
		if (i == 0)
			first = t;
		else if (t > queue)
			queue = t;
		n = 0;
		t = cpu();
		ok(rx_child_each(s, RX_LIST_CODED, today, count_child, &n,
		    &st), &st);
		t = cpu() - t;
		assert_true(n == l->children);
		if (t > coverage)
			coverage = t;
	}
	rx_session_close(s);
	rx_session_close(director);
	(void)snprintf(work, sizeof(work), "supervisor over %zu cases: first "
	    "queue", l->children);
	(void)snprintf(text, sizeof(text), "%.2f s", first);
	put(work, text, "-", "-", "-");
	(void)snprintf(text, sizeof(text), "%.1f ms", queue * 1e3);
	put("  later queues, the slowest", text, "-", "-", "-");
	(void)snprintf(text, sizeof(text), "%.1f ms", coverage * 1e3);
	put("  coverage, the slowest", text, "-", "-", "-");
}

void
bench_lists(int argc, char *argv[])
{
	struct lists day, find, cases;

	runs = number(argc, argv, 5, 5, RUNS_MAX);
	put("work / baseline", "ours", "baseline", "ratio", "spread");
	lists_make(&day, "today", number(argc, argv, 2, 3000, 1000000));
	bench_today(&day);
	lists_make(&find, "find", number(argc, argv, 3, 100000, 1000000));
	bench_first_searches(&find);
	bench_find(&find);
	lists_make(&cases, "cases", number(argc, argv, 4, 50000, 1000000));
	bench_supervisor(&cases);
}
