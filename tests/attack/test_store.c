/*
 * Somebody has the files and SQLite, and no keys.  Each attack has a control:
 * SQLite alone, asked by its own integrity check, finds nothing wrong.
 */

#include "tests/helper.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/envelope.h"
#include "store/internal.h"

#define ROWS 120

static void
path_of(char path[512], const char *dir, const char *name)
{

	(void)snprintf(path, 512, "%s/%s", dir, name);
}

static void
fill(uint8_t *p, size_t n, unsigned seed)
{
	size_t i;

	for (i = 0; i < n; i++) {
		seed = seed * 1103515245u + 12345u;
		p[i] = (uint8_t)(seed >> 16);
	}
}

/* A register with rows in both files; ${seed} makes it differ from another. */
static const char *
register_new(unsigned seed)
{
	const char *dir = test_dir();
	struct rx_store *s = NULL;
	struct rx_status st;
	struct rx_value v[RX_COLUMNS_MAX];
	uint8_t id[16], child[16], tag[16], box[616];
	int64_t n;

	rx_status_clear(&st);
	ok(rx_store_create(&s, dir, &st), &st);
	ok(rx_store_begin(s, &st), &st);
	for (n = 0; n < ROWS; n++) {
		fill(id, 16, seed + (unsigned)n * 3);
		fill(child, 16, seed + (unsigned)n % 7);
		fill(tag, 16, seed + 1000 + (unsigned)n);
		fill(box, sizeof(box), seed + 5000 + (unsigned)n);
		v[0] = rx_bytes(id, 16);
		v[1] = rx_int(1);
		v[2] = rx_bytes(child, 16);
		v[3] = rx_text("350102001001");
		v[4] = rx_bytes(tag, 16);
		v[5] = rx_bytes(box, 552);
		v[6] = rx_bytes(box, 616);
		ok(rx_store_insert(s, RX_TABLE_RECORD, v, &st), &st);
		v[2] = v[3] = rx_bytes(box, 136);
		ok(rx_store_insert(s, RX_TABLE_SLOT_KEY, v, &st), &st);
	}
	ok(rx_store_commit(s, &st), &st);
	rx_store_close(s);
	return (dir);
}

/* Do ${sql} to a file of the register as any user of SQLite could. */
static void
raw(const char *dir, const char *name, const char *sql)
{
	sqlite3 *db = NULL;
	char path[512], *text = NULL;

	path_of(path, dir, name);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE,
	    NULL), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s", sql, text);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int
is_ok(void *cookie, int n, char **text, char **names)
{

	(void)names;
	if (n == 1 && strcmp(text[0], "ok") == 0)
		*(int *)cookie = 1;
	return (0);
}

/* The control: SQLite finds nothing wrong with the file. */
static void
control(const char *dir, const char *name)
{
	sqlite3 *db = NULL;
	char path[512];
	int fine = 0;

	path_of(path, dir, name);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE,
	    NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA integrity_check", is_ok,
	    &fine, NULL), SQLITE_OK);
	assert_int_equal(fine, 1);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void
copy_file(const char *from_dir, const char *from, const char *to_dir,
    const char *to)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	char path[512];

	rx_status_clear(&st);
	path_of(path, from_dir, from);
	ok(rx_file_read(&b, path, SIZE_MAX, &st), &st);
	path_of(path, to_dir, to);
	ok(rx_file_write(path, b.b, b.len, 0600, true, &st), &st);
	rx_buf_free(&b);
}

/* Whether the rows are those of the manifest; the register must open. */
static bool
manifest_agrees(const char *dir)
{
	uint8_t stored[RX_HASH_BYTES], counted[RX_HASH_BYTES];
	struct rx_store *s = NULL;
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_store_open(&s, dir, &st), &st);
	ok(rx_store_manifest_digest(s, stored, &st), &st);
	ok(rx_store_manifest_recount(s, counted, NULL, NULL, &st), &st);
	rx_store_close(s);
	return (memcmp(stored, counted, sizeof(stored)) == 0);
}

/* Opening must be refused as tampered, with ${msg}. */
static void
expect_refused(const char *dir, enum rx_msg msg)
{
	struct rx_store *s = NULL;
	struct rx_status st;

	rx_status_clear(&st);
	assert_int_equal(rx_store_open(&s, dir, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, msg);
	assert_null(s);
}

/* ---- rows ---- */

static void
test_changed_rows_do_not_fit_the_manifest(void **state)
{
	static const struct {
		const char *file, *sql;
	} attacks[] = {
		{ "content.db", "DELETE FROM record WHERE rowid = 7" },
		{ "content.db", "DELETE FROM record" },
		{ "content.db", "INSERT INTO record SELECT randomblob(16), 1, "
		    "child, unit, tag, coded, narrative FROM record LIMIT 1" },
		{ "content.db", "UPDATE record SET version = 2 "
		    "WHERE rowid = 7" },
		{ "content.db", "UPDATE record SET unit = '350102001002' "
		    "WHERE rowid = 7" },
		{ "content.db", "UPDATE record SET coded = (SELECT coded "
		    "FROM record WHERE rowid = 8) WHERE rowid = 7" },
		{ "content.db", "UPDATE record SET narrative = "
		    "CAST(narrative || x'00' AS BLOB) WHERE rowid = 7" },
		{ "content.db", "INSERT INTO store VALUES(1, randomblob(16), "
		    "'350102000000', 1, 'x')" },
		{ "content.db", "UPDATE manifest SET lanes = zeroblob(2048)" },
		{ "keys.db", "DELETE FROM slot_key WHERE child = "
		    "(SELECT min(child) FROM slot_key)" },
		{ "keys.db", "UPDATE slot_key SET identity = "
		    "randomblob(136)" },
		{ "keys.db", "INSERT INTO root VALUES(1, randomblob(32))" },
	};
	const char *dir;
	size_t i;

	(void)state;
	assert_true(manifest_agrees(register_new(1)));
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		dir = register_new(1);
		raw(dir, attacks[i].file, attacks[i].sql);
		control(dir, attacks[i].file);
		assert_false(manifest_agrees(dir));
	}
}

/* Change one row of each file as the program does. */
static void
change_rows(const char *dir)
{
	struct rx_store *s = NULL;
	struct rx_status st;
	struct rx_value v[3];
	uint8_t id[16];

	rx_status_clear(&st);
	ok(rx_store_open(&s, dir, &st), &st);
	ok(rx_store_begin(s, &st), &st);
	fill(id, 16, 99);
	v[0] = rx_bytes(id, 16);
	v[1] = rx_bytes("new", 3);
	ok(rx_store_replace(s, RX_TABLE_RELEASE, v, &st), &st);
	ok(rx_store_replace(s, RX_TABLE_REQUEST, v, &st), &st);
	ok(rx_store_commit(s, &st), &st);
	rx_store_close(s);
}

static void
test_row_of_yesterday_does_not_fit_the_manifest(void **state)
{
	const char *dir = register_new(1), *old = test_dir();
	char sql[600];

	(void)state;
	change_rows(dir);
	copy_file(dir, "content.db", old, "content.db");
	raw(dir, "content.db", "UPDATE record SET coded = randomblob(552) "
	    "WHERE rowid = 7");
	assert_false(manifest_agrees(dir));

	/* The row as it once was, put back: the manifest fits again, so it
	 * is the row that it judges. */
	(void)snprintf(sql, sizeof(sql), "ATTACH '%s/content.db' AS old; "
	    "REPLACE INTO record SELECT * FROM old.record WHERE rowid = 7",
	    old);
	raw(dir, "content.db", sql);
	assert_true(manifest_agrees(dir));

	/* And an old version in place of a row that the program changed. */
	raw(dir, "content.db", "UPDATE release SET sealed = x'6f6c64'");
	control(dir, "content.db");
	assert_false(manifest_agrees(dir));
}

static void
test_one_file_of_yesterday_does_not_fit_the_other(void **state)
{
	const char *files[] = { "content.db", "keys.db" };
	const char *dir, *old = test_dir();
	int f;

	(void)state;
	for (f = 0; f < 2; f++) {
		dir = register_new(1);
		copy_file(dir, files[f], old, files[f]);
		change_rows(dir);
		assert_true(manifest_agrees(dir));
		copy_file(old, files[f], dir, files[f]);
		control(dir, files[f]);
		assert_false(manifest_agrees(dir));
	}

	/* Both together do fit: only the head of the audit, kept elsewhere,
	 * can tell. */
	dir = register_new(1);
	copy_file(dir, "content.db", old, "content.db");
	copy_file(dir, "keys.db", old, "keys.db");
	change_rows(dir);
	copy_file(old, "content.db", dir, "content.db");
	copy_file(old, "keys.db", dir, "keys.db");
	assert_true(manifest_agrees(dir));
}

static void
test_keys_of_another_register_do_not_fit(void **state)
{
	const char *dir = register_new(1), *other = register_new(2);

	(void)state;
	copy_file(other, "keys.db", dir, "keys.db");
	control(dir, "keys.db");
	assert_false(manifest_agrees(dir));
}

/* A value of a kind that no column has, let in by a schema that was changed
 * and changed back. */
static void
test_value_of_another_kind_is_refused(void **state)
{
	static const char *const values[] = { "1.5", "NULL", "'text'", "7" };
	uint8_t digest[RX_HASH_BYTES];
	struct rx_store *s = NULL;
	struct rx_status st;
	const char *dir;
	char sql[400];
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		dir = register_new(1);
		raw(dir, "content.db", "PRAGMA writable_schema = ON;"
		    "CREATE TABLE keep AS SELECT sql FROM sqlite_schema "
		    "WHERE name = 'record';"
		    "UPDATE sqlite_schema SET sql = replace(replace(sql, "
		    "') STRICT', ')'), 'narrative BLOB NOT NULL', "
		    "'narrative') WHERE name = 'record'");
		(void)snprintf(sql, sizeof(sql), "PRAGMA writable_schema = ON;"
		    "UPDATE record SET narrative = %s WHERE rowid = 7;"
		    "UPDATE sqlite_schema SET sql = (SELECT sql FROM keep) "
		    "WHERE name = 'record'; DROP TABLE keep", values[i]);
		raw(dir, "content.db", sql);
		rx_status_clear(&st);
		ok(rx_store_open(&s, dir, &st), &st);
		refused(rx_store_manifest_recount(s, digest, NULL, NULL, &st),
		    RX_ECORRUPT, &st);
		refused(rx_store_check(s, &st), RX_ECORRUPT, &st);
		rx_store_close(s);
	}
}

/* The record is there, and the index by which it would be found leaves it out:
 * the manifest, which reads the table, cannot see that, and the check must. */
static void
test_row_hidden_from_its_index_is_found_by_the_check(void **state)
{
	const char *dir = register_new(1);
	struct rx_store *s = NULL;
	struct rx_cursor *c = NULL;
	struct rx_status st;
	struct rx_value child;
	uint8_t id[16];
	bool row;

	(void)state;
	rx_status_clear(&st);
	raw(dir, "content.db", "PRAGMA writable_schema = ON;"
	    "CREATE TABLE keep AS SELECT sql FROM sqlite_schema "
	    "WHERE name = 'record_child';"
	    "UPDATE sqlite_schema SET sql = sql || ' WHERE version > 1' "
	    "WHERE name = 'record_child'");
	raw(dir, "content.db", "REINDEX record_child;"
	    "PRAGMA writable_schema = ON;"
	    "UPDATE sqlite_schema SET sql = (SELECT sql FROM keep) "
	    "WHERE name = 'record_child'; DROP TABLE keep");
	assert_true(manifest_agrees(dir));
	ok(rx_store_open(&s, dir, &st), &st);
	fill(id, 16, 1);	/* the child of records 0, 7, 14 ... */
	child = rx_bytes(id, 16);
	ok(rx_query_open(&c, s, RX_Q_RECORDS_OF_CHILD, &child, 1, &st), &st);
	ok(rx_query_next(c, &row, &st), &st);
	assert_false(row);	/* hidden */
	rx_query_close(c);
	refused(rx_store_check(s, &st), RX_ECORRUPT, &st);
	rx_store_close(s);
}

/* ---- the schema ---- */

static void
test_changed_schema_is_refused(void **state)
{
	static const char *const content[] = {
		"CREATE TRIGGER t AFTER INSERT ON record BEGIN "
		    "DELETE FROM record WHERE id <> NEW.id; END",
		"CREATE VIEW v AS SELECT * FROM record",
		"CREATE INDEX i ON record(unit)",
		"CREATE TABLE extra(x)",
		"CREATE VIRTUAL TABLE ft USING fts5(x)",
		"ALTER TABLE record ADD COLUMN extra TEXT",
		"ALTER TABLE record RENAME COLUMN coded TO code",
		"DROP INDEX record_child",
		"DROP TABLE release",
		"CREATE TABLE seq(a INTEGER PRIMARY KEY AUTOINCREMENT);"
		    "DROP TABLE seq",	/* leaves sqlite_sequence */
		"ANALYZE",		/* leaves sqlite_stat1 */
		"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = "
		    "replace(sql, 'STRICT', '') WHERE name = 'store'",
		"PRAGMA user_version = 0",
		"PRAGMA user_version = 100000",
		"UPDATE schema_migration SET hash = randomblob(32)",
		"UPDATE schema_migration SET hash = x''",
		"UPDATE schema_migration SET number = 100000 WHERE number = 1",
		"DELETE FROM schema_migration",
		"INSERT INTO schema_migration VALUES(100000, randomblob(32))"
	};
	static const char *const keys[] = {
		"CREATE TRIGGER t DELETE ON slot BEGIN DELETE FROM slot; END",
		"CREATE VIEW v AS SELECT * FROM slot",
		"CREATE TABLE record(id)",	/* would shadow nothing */
		"UPDATE schema_migration SET hash = randomblob(32)",
		"DROP INDEX unit_grant_recipient"
	};
	const char *dir;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(content) / sizeof(content[0]); i++) {
		dir = register_new(1);
		raw(dir, "content.db", content[i]);
		control(dir, "content.db");
		expect_refused(dir, RX_MSG_STORE_SCHEMA);
	}
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		dir = register_new(1);
		raw(dir, "keys.db", keys[i]);
		control(dir, "keys.db");
		expect_refused(dir, RX_MSG_STORE_SCHEMA);
	}
}

/* The control of the trigger: without the comparison it would have run. */
static void
test_trigger_does_run_in_plain_sqlite(void **state)
{
	const char *dir = register_new(1);

	(void)state;
	raw(dir, "content.db", "CREATE TRIGGER t AFTER INSERT ON release BEGIN "
	    "DELETE FROM record; END;"
	    "INSERT INTO release VALUES(randomblob(16), x'00'); DROP TRIGGER t");
	assert_false(manifest_agrees(dir));
}

static void
test_files_in_each_others_place_are_refused(void **state)
{
	const char *dir = register_new(1), *tmp = test_dir();

	(void)state;
	copy_file(dir, "content.db", tmp, "content.db");
	copy_file(dir, "keys.db", dir, "content.db");
	expect_refused(dir, RX_MSG_STORE_CORRUPT);
	copy_file(tmp, "content.db", dir, "keys.db");
	expect_refused(dir, RX_MSG_STORE_CORRUPT);

	/* With the other's application id, it is still the other. */
	raw(dir, "content.db", "PRAGMA application_id = 0x52584331");
	control(dir, "content.db");
	expect_refused(dir, RX_MSG_STORE_SCHEMA);
	dir = register_new(1);
	raw(dir, "keys.db", "PRAGMA application_id = 0");
	control(dir, "keys.db");
	expect_refused(dir, RX_MSG_STORE_CORRUPT);
}

static void
test_file_in_another_encoding_is_refused(void **state)
{
	const char *dir = register_new(1);
	struct rx_status st;
	sqlite3 *db = NULL;
	char path[512];

	(void)state;
	rx_status_clear(&st);
	path_of(path, dir, "keys.db");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "PRAGMA encoding = 'UTF-16le'", NULL,
	    NULL, NULL), SQLITE_OK);
	ok(rx_migrate_birth(db, RX_FILE_KEYS, rx_migrations,
	    rx_migration_count, 0, &st), &st);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	control(dir, "keys.db");
	expect_refused(dir, RX_MSG_STORE_CORRUPT);
}

/* Fields of the header that SQLite writes for us in one way only.  Of most that are
 * changed it takes no notice, or says that the disk is read only. */
static void
test_header_that_is_not_ours_is_refused(void **state)
{
	static const struct {
		off_t at;
		uint8_t b;
		bool taken;	/* by SQLite */
	} bad[] = {
		{ 18, 2, true }, { 18, 3, true }, { 21, 63, false },
		{ 22, 33, false }, { 47, 1, true }, { 56, 1, true },
		{ 72, 1, true }, { 91, 1, true }
	};
	static const char *const files[] = { "content.db", "keys.db" };
	const char *dir;
	char path[512];
	size_t i;
	int f, fd;

	(void)state;
	for (f = 0; f < 2; f++)
		for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			dir = register_new(1);
			path_of(path, dir, files[f]);
			fd = open(path, O_WRONLY | O_CLOEXEC);
			assert_int_equal(pwrite(fd, &bad[i].b, 1, bad[i].at),
			    1);
			assert_int_equal(close(fd), 0);
			if (bad[i].taken)
				control(dir, files[f]);
			expect_refused(dir, RX_MSG_STORE_CORRUPT);
		}
}

/* A file left in WAL mode keeps deleted bytes; it is brought back. */
static void
test_file_in_wal_mode_is_brought_back(void **state)
{
	const char *dir = register_new(1);
	struct rx_status st;
	struct rx_store *s = NULL;
	struct stat sb;
	char path[512];

	(void)state;
	rx_status_clear(&st);
	raw(dir, "content.db", "PRAGMA journal_mode = WAL");
	ok(rx_store_open(&s, dir, &st), &st);
	path_of(path, dir, "content.db-wal");
	assert_int_equal(stat(path, &sb), -1);
	rx_store_close(s);
	assert_true(manifest_agrees(dir));
}

/* ---- bytes ---- */

/* Read everything that there is; RX_OK only when all of it fits. */
static rx_err
use(struct rx_store *s, struct rx_status *st)
{
	uint8_t stored[RX_HASH_BYTES], counted[RX_HASH_BYTES];
	struct rx_cursor *c = NULL;
	struct rx_value args[2] = { rx_bytes("0123456789abcdef", 16),
	    rx_bytes("0123456789abcdef", 16) };
	bool row;
	rx_err rc, bad = RX_OK;
	size_t n;
	int q;
	unsigned i;

	for (q = 0; q < RX_QUERY_COUNT; q++) {
		for (i = 0; i < 3; i++) {
			rx_status_clear(st);
			if ((rc = rx_query_open(&c, s, (enum rx_query)q, args,
			    i, st)) != RX_EINTERNAL)
				break;
		}
		while (rc == RX_OK) {
			rc = rx_query_next(c, &row, st);
			if (rc != RX_OK || !row)
				break;
			(void)rx_col_bytes(c, 1, &n);
			(void)strlen(rx_col_text(c, 3));
		}
		rx_query_close(c);
		if (rc != RX_OK)
			bad = rc;
	}
	rx_status_clear(st);
	if ((rc = rx_store_check(s, st)) != RX_OK)
		bad = rc;
	rx_status_clear(st);
	rc = rx_store_manifest_digest(s, stored, st);
	if (rc == RX_OK)
		rc = rx_store_manifest_recount(s, counted, NULL, NULL, st);
	if (rc == RX_OK && memcmp(stored, counted, sizeof(stored)) != 0)
		rc = RX_ECORRUPT;
	return (rc != RX_OK ? rc : bad);
}

/* ${n} random bytes at ${at} of the image, opened and read. */
static rx_err
with_damage(const struct rx_buf *good, const struct rx_buf *other, bool keys,
    size_t at, size_t n, unsigned seed)
{
	struct rx_buf bad = RX_BUF_INIT;
	struct rx_store *s = NULL;
	struct rx_status st;
	rx_err rc;

	rx_status_clear(&st);
	ok(rx_buf_add(&bad, good->b, good->len, &st), &st);
	fill(bad.b + at, n, seed);
	rc = rx_store_open_images(&s, keys ? other : &bad, keys ? &bad : other,
	    &st);
	if (rc == RX_OK)
		rc = use(s, &st);
	rx_store_close(s);
	rx_buf_free(&bad);
	return (rc);
}

static void
images(const char *dir, struct rx_buf b[2])
{
	struct rx_store *s = NULL;
	struct rx_status st;

	rx_status_clear(&st);
	memset(b, 0, 2 * sizeof(b[0]));
	ok(rx_store_open(&s, dir, &st), &st);
	ok(rx_store_images(s, &b[0], &b[1], &st), &st);
	rx_store_close(s);
}

static void
test_damaged_bytes_are_found_and_never_crash(void **state)
{
	struct rx_buf b[2];
	size_t at, n;
	unsigned seed, found = 0;
	int keys;
	rx_err rc;

	(void)state;
	images(register_new(1), b);
	for (keys = 0; keys < 2; keys++)
		for (seed = 1; seed <= 1500; seed++) {
			n = (size_t[]){ 1, 2, 8, 64, 700 }[seed % 5];
			at = (seed * 2654435761u) % (b[keys].len - n);
			if (seed % 3 == 0)	/* headers of pages */
				at = at / 4096 * 4096 + seed % 100;
			rc = with_damage(&b[keys], &b[!keys], keys == 1, at, n,
			    seed);
			/* Bytes that no page uses, or as they were: every row
			 * was read, and fits the manifest. */
			if (rc == RX_OK)
				continue;
			assert_int_equal(rc, RX_ECORRUPT);
			found++;
		}
	/* The rest hit pages without rows, of which a new register has many. */
	assert_true(found > 900);
	rx_buf_free(&b[0]);
	rx_buf_free(&b[1]);
}

static void
test_page_of_random_bytes_in_a_file_is_corrupt(void **state)
{
	unsigned refused_pages = 0;
	const char *dir;
	struct rx_store *s = NULL;
	struct rx_status st;
	struct stat sb;
	uint8_t page[4096], head[8];
	char path[512];
	off_t at;
	rx_err rc;
	int fd;

	(void)state;
	dir = register_new(1);
	path_of(path, dir, "content.db");
	assert_int_equal(stat(path, &sb), 0);
	for (at = 0; at < sb.st_size; at += 4096) {
		dir = register_new(1);
		path_of(path, dir, "content.db");
		fill(page, sizeof(page), (unsigned)at + 7);
		assert_true((fd = open(path, O_RDWR)) != -1);
		assert_int_equal(pread(fd, head, 8, at), 8);
		assert_int_equal(pwrite(fd, page + 100, 3000, at + 100), 3000);
		assert_int_equal(close(fd), 0);
		rx_status_clear(&st);
		if ((rc = rx_store_open(&s, dir, &st)) == RX_OK)
			rc = use(s, &st);
		rx_store_close(s);
		s = NULL;
		/* A page whose cells all lie behind has nothing there. */
		if (at > 0 && head[5] * 256 + head[6] >= 3100) {
			assert_int_equal(rc, RX_OK);
			continue;
		}
		assert_int_equal(rc, RX_ECORRUPT);
		refused_pages++;
	}
	assert_true(refused_pages > 10);
}

static void
test_short_files_are_refused(void **state)
{
	static const off_t sizes[] = { 0, 1, 50, 100, 512, 4096, 8192, 12288,
	    13000, 40960, 65536 };
	const char *files[] = { "content.db", "keys.db" };
	struct rx_store *s = NULL;
	struct rx_status st;
	struct stat sb;
	const char *dir;
	char path[512];
	size_t i;
	int f;
	rx_err rc;

	(void)state;
	for (f = 0; f < 2; f++)
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			dir = register_new(1);
			path_of(path, dir, files[f]);
			assert_int_equal(stat(path, &sb), 0);
			if (sizes[i] >= sb.st_size)
				continue;
			assert_int_equal(truncate(path, sizes[i]), 0);
			rx_status_clear(&st);
			rc = rx_store_open(&s, dir, &st);
			assert_int_equal(rc, RX_ECORRUPT);
			assert_null(s);
			/* Nothing was repaired into an empty register. */
			assert_int_equal(stat(path, &sb), 0);
			assert_int_equal(sb.st_size, sizes[i]);
		}
}

static void
test_short_images_are_refused(void **state)
{
	struct rx_buf b[2], cut[2];
	struct rx_store *s = NULL;
	struct rx_status st;
	size_t n;
	int f;

	(void)state;
	images(register_new(1), b);
	for (f = 0; f < 2; f++)
		for (n = 0; n < b[f].len; n += n < 300 ? 37 : 1531) {
			cut[0] = b[0];
			cut[1] = b[1];
			cut[f].len = n;
			rx_status_clear(&st);
			refused(rx_store_open_images(&s, &cut[0], &cut[1],
			    &st), RX_ECORRUPT, &st);
		}
	refused(rx_store_open_images(&s, &b[1], &b[0], &st), RX_ECORRUPT, &st);

	/* An image that asks for a WAL, which memory does not have. */
	b[0].b[18] = b[0].b[19] = 2;
	refused(rx_store_open_images(&s, &b[0], &b[1], &st), RX_ECORRUPT, &st);
	rx_buf_free(&b[0]);
	rx_buf_free(&b[1]);
}

static void
test_another_file_in_place_is_refused(void **state)
{
	const char *files[] = { "content.db", "keys.db" };
	static const char text[] = "This is not a register at all.\n";
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	const char *dir;
	char path[512];
	int f, i;

	(void)state;
	rx_status_clear(&st);
	for (f = 0; f < 2; f++) {
		dir = register_new(1);
		for (i = 0; i < 400; i++)
			ok(rx_buf_add(&b, text, sizeof(text) - 1, &st), &st);
		path_of(path, dir, files[f]);
		ok(rx_file_write(path, b.b, b.len, 0600, true, &st), &st);
		expect_refused(dir, RX_MSG_STORE_CORRUPT);

		/* An SQLite database, but not ours. */
		assert_int_equal(unlink(path), 0);
		ok(rx_file_write(path, "", 0, 0600, true, &st), &st);
		raw(dir, files[f], "CREATE TABLE t(x)");
		control(dir, files[f]);
		expect_refused(dir, RX_MSG_STORE_CORRUPT);
		rx_buf_free(&b);
	}
}

static void
test_half_a_register_is_refused(void **state)
{
	const char *files[] = { "content.db", "keys.db" };
	struct stat sb;
	const char *dir;
	char path[512];
	int f;

	(void)state;
	for (f = 0; f < 2; f++) {
		dir = register_new(1);
		path_of(path, dir, files[f]);
		assert_int_equal(unlink(path), 0);
		expect_refused(dir, RX_MSG_REGISTER_HALF);
		assert_int_equal(stat(path, &sb), -1);	/* not made anew */
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changed_rows_do_not_fit_the_manifest),
		cmocka_unit_test(
		    test_row_of_yesterday_does_not_fit_the_manifest),
		cmocka_unit_test(
		    test_one_file_of_yesterday_does_not_fit_the_other),
		cmocka_unit_test(test_keys_of_another_register_do_not_fit),
		cmocka_unit_test(test_value_of_another_kind_is_refused),
		cmocka_unit_test(
		    test_row_hidden_from_its_index_is_found_by_the_check),
		cmocka_unit_test(test_changed_schema_is_refused),
		cmocka_unit_test(test_trigger_does_run_in_plain_sqlite),
		cmocka_unit_test(test_files_in_each_others_place_are_refused),
		cmocka_unit_test(test_file_in_another_encoding_is_refused),
		cmocka_unit_test(test_header_that_is_not_ours_is_refused),
		cmocka_unit_test(test_file_in_wal_mode_is_brought_back),
		cmocka_unit_test(test_damaged_bytes_are_found_and_never_crash),
		cmocka_unit_test(
		    test_page_of_random_bytes_in_a_file_is_corrupt),
		cmocka_unit_test(test_short_files_are_refused),
		cmocka_unit_test(test_short_images_are_refused),
		cmocka_unit_test(test_another_file_in_place_is_refused),
		cmocka_unit_test(test_half_a_register_is_refused),
	};
	struct rx_status st;

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	return (cmocka_run_group_tests_name("attack store", tests,
	    NULL, NULL));
}
