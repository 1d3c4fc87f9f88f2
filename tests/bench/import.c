/* Imports, beside the same rows and the same file in SQLite. */

#include <stdio.h>
#include <unistd.h>

#include "bench.h"

void
import_ours(struct result *r, const char *dir, const char *file)
{
	struct rx_session *s = sign_in(dir, "director");
	struct rx_import_counts counts;

	peak_reset();
	r->seconds = now();
	ok(rx_import(s, file, &counts, NULL, NULL, &st), &st);
	r->seconds = now() - r->seconds;
	r->mib = peak_mib();
	r->count = (int64_t)counts.lines;
	rx_session_close(s);
}

/* Copy the rows of ${select} one by one, as a program would insert them. */
static int64_t
insert_rows(sqlite3 *db, const char *select, const char *insert)
{
	sqlite3_stmt *in = prepare(db, select), *out = prepare(db, insert);
	int64_t count = 0;
	int i;

	while (sqlite3_step(in) == SQLITE_ROW) {
		for (i = 0; i < sqlite3_column_count(in); i++)
			(void)sqlite3_bind_value(out, i + 1,
			    sqlite3_column_value(in, i));
		run(out);
		count++;
	}
	(void)sqlite3_finalize(in);
	(void)sqlite3_finalize(out);
	return (count);
}

/* The rows that our import has made in ${source}, into the empty ${dir}. */
static void
import_bytes(struct result *r, const char *dir, const char *source)
{
	sqlite3 *db = open_plain(dir);

	attach(db, source, "content.db", "c");
	attach(db, source, "keys.db", "k");
	peak_reset();
	r->seconds = now();
	sql(db, "BEGIN IMMEDIATE");
	r->count = insert_rows(db, "SELECT * FROM c.child", "INSERT INTO "
	    "main.child VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)");
	r->count += insert_rows(db, "SELECT * FROM c.record",
	    "INSERT INTO main.record VALUES(?1,?2,?3,?4,?5,?6,?7)");
	(void)insert_rows(db, "SELECT * FROM k.case_key",
	    "INSERT INTO keys.case_key VALUES(?1,?2,?3,?4,?5,?6)");
	(void)insert_rows(db, "SELECT * FROM k.slot_key",
	    "INSERT INTO keys.slot_key VALUES(?1,?2,?3,?4)");
	(void)insert_rows(db, "SELECT * FROM c.slot",
	    "INSERT INTO main.slot VALUES(?1,?2,?3)");
	(void)insert_rows(db, "SELECT * FROM c.extract",
	    "INSERT INTO main.extract VALUES(?1,?2)");
	sql(db, "COMMIT");
	r->seconds = now() - r->seconds;
	r->mib = peak_mib();
	(void)sqlite3_close(db);
}

void
bind_json(sqlite3_stmt *stmt, int i, const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);
	char *text;

	if (json_is_string(v))
		(void)sqlite3_bind_text(stmt, i, json_string_value(v), -1,
		    SQLITE_TRANSIENT);
	else if (json_is_boolean(v))
		(void)sqlite3_bind_int(stmt, i, json_is_true(v));
	else if (json_is_array(v)) {
		text = json_dumps(v, JSON_COMPACT);
		(void)sqlite3_bind_text(stmt, i, text, -1, SQLITE_TRANSIENT);
		free(text);
	} else
		(void)sqlite3_bind_null(stmt, i);
}

void
lines_clear(struct result *r, sqlite3 *db, const char *file,
    void (*store)(sqlite3_stmt *const *, const json_t *),
    sqlite3_stmt *const *insert)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	json_t *json;
	size_t cap = 0;
	ssize_t len;

	assert_non_null(f);
	json_set_alloc_funcs(malloc, free);	/* without our wiping */
	peak_reset();
	r->seconds = now();
	sql(db, "BEGIN IMMEDIATE");
	while ((len = getline(&text, &cap, f)) > 0) {
		json = json_loadb(text, (size_t)len, 0, NULL);
		store(insert, json);
		json_decref(json);
		r->count++;
	}
	sql(db, "COMMIT");
	r->seconds = now() - r->seconds;
	r->mib = peak_mib();
	free(text);
	(void)fclose(f);
}

/* A child, or a record of one. */
static void
put_clear(sqlite3_stmt *const *insert, const json_t *json)
{
	static const char *const child[] = { "id", "unit", "name", "sex",
		"birth", "categories", "legal_basis" };
	static const char *const record[] = { "id", "child", "type", "date",
		"channel", "signs", "risk", "kind", "delivered",
		"face_to_face", "note" };
	const bool is_child = strcmp(json_string_value(json_object_get(json,
	    "type")), "child") == 0;
	const size_t n = is_child ? sizeof(child) / sizeof(child[0]) :
	    sizeof(record) / sizeof(record[0]);
	sqlite3_stmt *stmt = insert[is_child ? 0 : 1];
	size_t i;

	for (i = 0; i < n; i++)
		bind_json(stmt, (int)i + 1, json, is_child ? child[i] :
		    record[i]);
	run(stmt);
}

/* The same file, parsed and stored in the clear. */
void
import_clear(struct result *r, const char *path, const char *file)
{
	sqlite3_stmt *insert[2];
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sql(db, PRAGMAS("main") "CREATE TABLE child(id TEXT PRIMARY KEY, "
	    "unit TEXT, name TEXT, sex TEXT, birth TEXT, categories TEXT, "
	    "legal_basis TEXT); CREATE INDEX child_unit ON child(unit);"
	    "CREATE TABLE record(id TEXT PRIMARY KEY, child TEXT, type TEXT, "
	    "date TEXT, channel TEXT, signs TEXT, risk TEXT, kind TEXT, "
	    "delivered INTEGER, face_to_face INTEGER, note TEXT);"
	    "CREATE INDEX record_child ON record(child)");
	insert[0] = prepare(db,
	    "INSERT INTO child VALUES(?1,?2,?3,?4,?5,?6,?7)");
	insert[1] = prepare(db,
	    "INSERT INTO record VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)");
	lines_clear(r, db, file, put_clear, insert);
	(void)sqlite3_finalize(insert[0]);
	(void)sqlite3_finalize(insert[1]);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void
imports_init(struct imports *im, size_t records, enum notes notes)
{
	static const char *const names[] = { "input", "ours", "bytes",
		"clear" };
	char *const paths[] = { im->file, im->ours, im->bytes, im->clear };
	char name[64];
	size_t i;

	memset(im, 0, sizeof(*im));
	im->records = records;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s-%zu-%d", names[i],
		    records, (int)notes);
		path_in(paths[i], scratch, name);
	}
	make_file(im->file, records, notes);
}

static void
remove_register(const char *dir)
{
	char path[PATH_BYTES];

	path_in(path, dir, "content.db");
	(void)unlink(path);
	path_in(path, dir, "keys.db");
	(void)unlink(path);
	(void)rmdir(dir);
}

static void
add_disk(struct imports *im)
{

	add(&im->disk, size_mib(im->ours, "/content.db") +
	    size_mib(im->ours, "/keys.db"), size_mib(im->clear, ""));
}

/* One run of all three; what it leaves replaces what the one before left. */
static void
imports_run(struct imports *im, const char *empty)
{
	struct result ours, bytes, clear;
	double n;

	remove_register(im->ours);
	remove_register(im->bytes);
	(void)unlink(im->clear);
	copy_register(im->ours, empty);
	copy_register(im->bytes, empty);
	ours = apart(import_ours, im->ours, im->file);
	bytes = apart(import_bytes, im->bytes, im->ours);
	clear = apart(import_clear, im->clear, im->file);
	assert_true(ours.count == bytes.count && ours.count == clear.count);
	n = (double)ours.count;
	add(&im->by_bytes, ours.seconds / n, bytes.seconds / n);
	add(&im->by_clear, ours.seconds / n, clear.seconds / n);
	add(&im->memory, ours.mib, clear.mib);
	add_disk(im);
}

void
imports_make(struct imports *im, const char *empty)
{
	struct result ours, clear;

	copy_register(im->ours, empty);
	ours = apart(import_ours, im->ours, im->file);
	clear = apart(import_clear, im->clear, im->file);
	assert_true(ours.count == clear.count);
}

void
bench_size(const char *empty, size_t records)
{
	static const struct {
		enum notes notes;
		const char *what;
	} kinds[] = {
		{ NOTES_TYPICAL, "with typical notes" },
		{ NOTES_FULL, "with a note of 150 characters each" },
	};
	struct imports im;
	char work[96];
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		imports_init(&im, records, kinds[i].notes);
		imports_make(&im, empty);
		add_disk(&im);
		(void)snprintf(work, sizeof(work), "size of %zu %s / SQLite, "
		    "clear text", records, kinds[i].what);
		show(work, &im.disk, "MiB");
	}
}

static void
imports_show(const struct imports *im)
{
	char work[96];

	(void)snprintf(work, sizeof(work), "import %zu, a record (%.0f/s) / "
	    "SQLite, clear text", im->records, 1 / median(im->by_clear.ours,
	    im->by_clear.n));
	show(work, &im->by_clear, "s");
	(void)snprintf(work, sizeof(work), "import %zu, a record / "
	    "SQLite, same bytes", im->records);
	show(work, &im->by_bytes, "s");
	(void)snprintf(work, sizeof(work), "import %zu, peak memory / "
	    "SQLite, clear text", im->records);
	show(work, &im->memory, "MiB");
	(void)snprintf(work, sizeof(work), "import %zu, size on disk / "
	    "SQLite, clear text", im->records);
	show(work, &im->disk, "MiB");
}

void
bench_import(struct imports *small, struct imports *large, const char *empty)
{
	struct series linear = { 0 };
	size_t i;

	for (i = 0; i < runs; i++) {
		imports_run(small, empty);
		imports_run(large, empty);
		add(&linear, large->by_clear.ours[i], small->by_clear.ours[i]);
	}
	imports_show(small);
	imports_show(large);
	show("import, a record in the large one / in the small one", &linear,
	    "s");
}
