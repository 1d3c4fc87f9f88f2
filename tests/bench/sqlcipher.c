/*
 * sqlcipher DIR ROWS SAVES LAYOUT: print how many seconds one durable save takes in
 * SQLCipher, which cannot be linked beside SQLite.  The layout is that of a
 * register: two files, attached, both encrypted, the same settings, rows of the
 * same sizes, ROWS of them there before; a save writes "one" of them or "both".  Without STRICT, which the SQLite
 * inside an old SQLCipher does not know.  bench.c runs this.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#define KEY "\"x'2dd29ca851e7b56e4697b0e1f08507293d761a05ce4d1b628663f411a8086d99'\""
#define PRAGMAS(s) "PRAGMA " s ".journal_mode = DELETE;" \
    "PRAGMA " s ".synchronous = EXTRA; PRAGMA " s ".secure_delete = ON;"

static const char schema[] =
    "CREATE TABLE main.record(id BLOB NOT NULL, version INTEGER NOT NULL, "
    "child BLOB NOT NULL, unit TEXT NOT NULL, tag BLOB NOT NULL, "
    "coded BLOB NOT NULL, narrative BLOB NOT NULL, PRIMARY KEY(id, version));"
    "CREATE INDEX main.record_child ON record(child);"
    "CREATE INDEX main.record_tag ON record(tag);"
    "CREATE TABLE main.audit(seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, "
    "payload BLOB NOT NULL, proof BLOB NOT NULL, hash BLOB NOT NULL);"
    "CREATE TABLE main.manifest(id INTEGER PRIMARY KEY, lanes BLOB NOT NULL);"
    "CREATE TABLE main.slot(child BLOB NOT NULL, recipient BLOB NOT NULL, "
    "sealed BLOB NOT NULL, PRIMARY KEY(child, recipient)) WITHOUT ROWID;"
    "CREATE TABLE keys.slot(child BLOB NOT NULL, recipient BLOB NOT NULL, "
    "sealed BLOB NOT NULL, PRIMARY KEY(child, recipient)) WITHOUT ROWID;"
    "INSERT INTO manifest VALUES(1, randomblob(2048));";

/* An id in the order of time, as UUIDv7 is. */
static const char record[] =
    "INSERT INTO record VALUES(CAST(?1 AS BLOB), 1, ?2, '350102001001', "
    "randomblob(16), randomblob(552), randomblob(616))";
static const char slot_one[] =
    "INSERT OR REPLACE INTO main.slot VALUES(?1, zeroblob(16), "
    "randomblob(225))";
static const char slot_both[] =
    "INSERT OR REPLACE INTO keys.slot VALUES(?1, zeroblob(16), "
    "randomblob(225))";
static const char audit[] =
    "INSERT INTO audit SELECT coalesce(max(seq), 0) + 1, 0, randomblob(616), "
    "randomblob(184), randomblob(32) FROM audit";
static const char manifest[] =
    "UPDATE manifest SET lanes = randomblob(2048) WHERE id = 1";

static void
die(sqlite3 *db, const char *what)
{

	(void)fprintf(stderr, "sqlcipher: %s: %s\n", what, sqlite3_errmsg(db));
	exit(1);
}

static void
sql(sqlite3 *db, const char *text)
{

	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		die(db, text);
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *text)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
		die(db, text);
	return (stmt);
}

static void
run(sqlite3_stmt *stmt)
{

	if (sqlite3_step(stmt) != SQLITE_DONE)
		die(sqlite3_db_handle(stmt), sqlite3_sql(stmt));
	(void)sqlite3_reset(stmt);
}

/* The two new files of ${dir}. */
static sqlite3 *
open_files(const char *dir)
{
	static const char *const names[] = { "content.db", "keys.db" };
	sqlite3_stmt *attach;
	char path[2][512];
	sqlite3 *db;
	int i;

	for (i = 0; i < 2; i++) {
		(void)snprintf(path[i], sizeof(path[i]), "%s/%s", dir,
		    names[i]);
		(void)unlink(path[i]);
	}
	if (sqlite3_open(path[0], &db) != SQLITE_OK)
		die(db, path[0]);
	sql(db, "PRAGMA key = " KEY);
	attach = prepare(db, "ATTACH ?1 AS keys KEY " KEY);
	(void)sqlite3_bind_text(attach, 1, path[1], -1, SQLITE_STATIC);
	run(attach);
	(void)sqlite3_finalize(attach);
	sql(db, PRAGMAS("main") PRAGMAS("keys"));
	sql(db, schema);
	return (db);
}

int
main(int argc, char *argv[])
{
	struct timespec a, b;
	sqlite3_stmt *stmt[4];
	unsigned long rows, saves, i;
	char id[24], child[24];
	sqlite3 *db;
	int k;

	if (argc != 5 || (saves = strtoul(argv[3], NULL, 10)) == 0)
		return (2);
	rows = strtoul(argv[2], NULL, 10);
	db = open_files(argv[1]);
	stmt[0] = prepare(db, record);
	stmt[1] = prepare(db, strcmp(argv[4], "one") == 0 ? slot_one :
	    slot_both);
	stmt[2] = prepare(db, audit);
	stmt[3] = prepare(db, manifest);
	sql(db, "BEGIN IMMEDIATE");
	for (i = 0; i < rows + saves; i++) {
		if (i == rows) {
			sql(db, "COMMIT");
			(void)clock_gettime(CLOCK_MONOTONIC, &a);
		}
		/* IMMEDIATE would take a commit to both files in any case. */
		if (i >= rows)
			sql(db, strcmp(argv[4], "one") == 0 ? "BEGIN" :
			    "BEGIN IMMEDIATE");
		(void)snprintf(id, sizeof(id), "%016lu", i);
		(void)snprintf(child, sizeof(child), "%016lu", i * 7919 %
		    (rows / 20 + 1));
		(void)sqlite3_bind_text(stmt[0], 1, id, -1, SQLITE_STATIC);
		(void)sqlite3_bind_blob(stmt[0], 2, child, 16, SQLITE_STATIC);
		(void)sqlite3_bind_blob(stmt[1], 1, child, 16, SQLITE_STATIC);
		for (k = 0; k < 4; k++)
			if (i >= rows || k < 2)
				run(stmt[k]);
		if (i >= rows)
			sql(db, "COMMIT");
	}
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	for (k = 0; k < 4; k++)
		(void)sqlite3_finalize(stmt[k]);
	(void)sqlite3_close(db);
	(void)printf("%.9f\n", ((double)(b.tv_sec - a.tv_sec) +
	    (double)(b.tv_nsec - a.tv_nsec) / 1e9) / (double)saves);
	return (0);
}
