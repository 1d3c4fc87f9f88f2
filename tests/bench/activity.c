/* Many activities, imported over children who are in the register already: each
 * child is looked up, and its case opened for what was said of consent.  Beside it
 * the same file in SQLite, where a child is looked up by an index. */

#include <stdio.h>

#include <sodium.h>

#include "bench.h"

#define ATTENDING 3		/* children of an activity, of one village */

/* ${n} activities that no run before ${turn} had. */
static void
write_activities(const char *path, size_t n, size_t children, size_t turn)
{
	const char *village[VILLAGES];
	char date[RX_DATE_TEXT];
	FILE *f;
	size_t i, k, first;

	villages(village, VILLAGES);
	assert_non_null(f = fopen(path, "we"));
	for (i = 0; i < n; i++) {
		rx_date_format(from + (int32_t)randombytes_uniform(300), date);
		(void)fprintf(f, "{\"type\":\"activity\",\"id\":\"a%zu-%zu\","
		    "\"unit\":\"%s\",\"date\":\"%s\",\"kind\":"
		    "\"theme_activity\",\"venue\":\"儿童之家\",\"held\":true,"
		    "\"children\":[", turn, i, village[i % VILLAGES], date);
		/* Neighbours in the list of the village. */
		first = randombytes_uniform((uint32_t)(children / VILLAGES -
		    ATTENDING + 1));
		for (k = 0; k < ATTENDING; k++)
			(void)fprintf(f, "%s\"c%zu\"", k > 0 ? "," : "",
			    (first + k) * VILLAGES + i % VILLAGES);
		(void)fputs("]}\n", f);
	}
	assert_int_equal(fclose(f), 0);
}

static void
put_activity(sqlite3_stmt *const *insert, const json_t *json)
{
	static const char *const keys[] = { "id", "unit", "date", "kind",
		"venue", "held" };
	const json_t *child;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		bind_json(insert[0], (int)i + 1, json, keys[i]);
	run(insert[0]);
	bind_json(insert[1], 1, json, "id");
	json_array_foreach(json_object_get(json, "children"), i, child) {
		(void)sqlite3_bind_text(insert[1], 2, json_string_value(child),
		    -1, SQLITE_TRANSIENT);
		run(insert[1]);
		assert_int_equal(sqlite3_changes(sqlite3_db_handle(
		    insert[1])), 1);
	}
}

static void
activities_clear(struct result *r, const char *path, const char *file)
{
	sqlite3_stmt *insert[2];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sql(db, PRAGMAS("main") "CREATE TABLE IF NOT EXISTS activity(id TEXT "
	    "PRIMARY KEY, unit TEXT, date TEXT, kind TEXT, venue TEXT, "
	    "held INTEGER); CREATE TABLE IF NOT EXISTS attended(activity TEXT, "
	    "child TEXT, PRIMARY KEY(activity, child))");
	insert[0] = prepare(db,
	    "INSERT INTO activity VALUES(?1,?2,?3,?4,?5,?6)");
	insert[1] = prepare(db, "INSERT INTO attended SELECT ?1, id FROM child "
	    "WHERE id = ?2");
	lines_clear(r, db, file, put_activity, insert);
	(void)sqlite3_finalize(insert[0]);
	(void)sqlite3_finalize(insert[1]);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void
bench_activities(int argc, char *argv[])
{
	const size_t n = number(argc, argv, 2, 20000, 10000000);
	const size_t children = number(argc, argv, 3, 50000, 1000000);
	struct series time = { 0 }, memory = { 0 };
	struct result ours, clear;
	char file[PATH_BYTES], work[128];
	struct lists l;
	size_t i;

	runs = number(argc, argv, 4, 3, RUNS_MAX);
	if (children < VILLAGES * ATTENDING)
		fail_msg("too few children for an activity");
	lists_make(&l, "activities", children);
	path_in(file, scratch, "activities.ndjson");
	put("work / baseline", "ours", "baseline", "ratio", "spread");
	for (i = 0; i < runs; i++) {
		write_activities(file, n, children, i);
		ours = apart(import_ours, l.ours, file);
		clear = apart(activities_clear, l.clear, file);
		assert_true(ours.count == (int64_t)n && clear.count ==
		    ours.count);
		add(&time, ours.seconds / (double)n, clear.seconds /
		    (double)n);
		add(&memory, ours.mib, clear.mib);
	}
	(void)snprintf(work, sizeof(work), "import %zu activities of %zu "
	    "stored children, one (%.0f/s) / SQLite, clear text", n, children,
	    1 / median(time.ours, time.n));
	show(work, &time, "s");
	show("  the same, peak memory", &memory, "MiB");
}
