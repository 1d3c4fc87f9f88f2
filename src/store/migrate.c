/*
 * Migrations: how the two files are made, and the check that they still are
 * what the migrations make.
 *
 * The SQL of a migration names its tables without a schema.  It is therefore
 * always run in a connection where the file that it is for is main; the joint
 * connection, in which keys.db is attached, never runs one.
 */

#include <pthread.h>
#include <string.h>

#include "store/internal.h"

#define MIGRATION_TABLE \
    "CREATE TABLE main.schema_migration(" \
    "number INTEGER PRIMARY KEY, hash BLOB NOT NULL) STRICT;"

#define FILE_SQL(s) \
	.get_id = "PRAGMA " s ".application_id", \
	.get_version = "PRAGMA " s ".user_version", \
	.get_hash = "SELECT hash FROM " s ".schema_migration " \
	    "WHERE number = ?1", \
	.count_hashes = "SELECT count(*) FROM " s ".schema_migration", \
	.objects = "SELECT type, name, tbl_name, sql FROM " s \
	    ".sqlite_schema ORDER BY type, name, tbl_name", \
	.touch = "SELECT count(*) FROM " s ".schema_migration", \
	.page_count = "PRAGMA " s ".page_count", \
	.page_size = "PRAGMA " s ".page_size", \
	.journal = "PRAGMA " s ".journal_mode = DELETE", \
	.check = "PRAGMA " s ".integrity_check(1)", \
	.vacuum = "VACUUM " s

/* 0x52584331 is "RXC1", 0x52584B31 "RXK1". */
const struct rx_file_def rx_file_defs[RX_FILE_COUNT] = {
	[RX_FILE_CONTENT] = {
		.name = "content", .path = "content.db",
		.application_id = 0x52584331,
		.birth = "PRAGMA main.application_id = 0x52584331;"
		    MIGRATION_TABLE,
		.seed = "INSERT INTO main.manifest(id, lanes) "
		    "VALUES(1, zeroblob(2048));",
		FILE_SQL("main")
	},
	[RX_FILE_KEYS] = {
		.name = "keys", .path = "keys.db",
		.application_id = 0x52584B31,
		.birth = "PRAGMA main.application_id = 0x52584B31;"
		    MIGRATION_TABLE,
		.seed = NULL,
		FILE_SQL("keys")
	}
};

/* A pragma takes no parameter, and no statement is put together at run time. */
#define SET_VERSION(n) "PRAGMA main.user_version = " #n
static const char *const set_version[] = {
	NULL, SET_VERSION(1), SET_VERSION(2), SET_VERSION(3), SET_VERSION(4),
	SET_VERSION(5), SET_VERSION(6), SET_VERSION(7), SET_VERSION(8),
	SET_VERSION(9), SET_VERSION(10), SET_VERSION(11), SET_VERSION(12),
	SET_VERSION(13), SET_VERSION(14), SET_VERSION(15), SET_VERSION(16)
};
#define VERSION_MAX (sizeof(set_version) / sizeof(set_version[0]) - 1)

static const char record_hash[] =
    "INSERT INTO main.schema_migration(number, hash) VALUES(?1, ?2)";

static void
migration_hash(uint8_t hash[RX_HASH_BYTES], const struct rx_migration *m)
{

	rx_hash(hash, RX_HASH_BYTES, NULL, "runxin migration v1", m->sql,
	    m->len);
}

/* Migration ${number} of file ${f}; NULL when the list has none. */
static const struct rx_migration *
find(enum rx_file_no f, int64_t number, const struct rx_migration *list,
    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (list[i].number == number &&
		    strcmp(list[i].database, rx_file_defs[f].name) == 0)
			return (&list[i]);
	return (NULL);
}

int64_t
rx_migrate_last(enum rx_file_no f, const struct rx_migration *list, size_t n)
{
	int64_t number = 0;

	while (find(f, number + 1, list, n) != NULL)
		number++;
	return (number);
}

/* Run ${m} in the open transaction of ${db} and record it. */
static rx_err
apply(sqlite3 *db, const struct rx_migration *m, unsigned how,
    struct rx_status *st)
{
	uint8_t hash[RX_HASH_BYTES];
	sqlite3_stmt *stmt = NULL;
	rx_err rc;
	int code;

	if (m->number > VERSION_MAX)
		return (rx_store_misuse(st, "migration number", __func__));
	if ((rc = rx_exec(db, m->sql, how, st)) != RX_OK)
		return (rc);
	migration_hash(hash, m);
	code = sqlite3_prepare_v2(db, record_hash, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_bind_int64(stmt, 1, m->number);
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 2, hash, sizeof(hash),
		    SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	(void)sqlite3_finalize(stmt);
	if (code != SQLITE_DONE)
		return (rx_sqlite_fail(st, code, how, __func__));
	return (rx_exec(db, set_version[m->number], how, st));
}

rx_err
rx_migrate_birth(sqlite3 *db, enum rx_file_no f,
    const struct rx_migration *list, size_t n, unsigned how,
    struct rx_status *st)
{
	const struct rx_migration *m;
	int64_t number;
	rx_err rc;

	if ((rc = rx_exec(db, "BEGIN IMMEDIATE", how, st)) != RX_OK)
		return (rc);
	if ((rc = rx_exec(db, rx_file_defs[f].birth, how, st)) != RX_OK)
		goto err0;
	for (number = 1; (m = find(f, number, list, n)) != NULL; number++)
		if ((rc = apply(db, m, how, st)) != RX_OK)
			goto err0;
	if (rx_file_defs[f].seed != NULL &&
	    (rc = rx_exec(db, rx_file_defs[f].seed, how, st)) != RX_OK)
		goto err0;
	if ((rc = rx_exec(db, "COMMIT", how, st)) != RX_OK)
		goto err0;
	return (RX_OK);

err0:
	(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return (rc);
}

/* Whether the hash that is recorded for ${m} in ${stmt}'s table is its own. */
static rx_err
compare_hash(sqlite3_stmt *stmt, const struct rx_migration *m, unsigned how,
    struct rx_status *st)
{
	uint8_t hash[RX_HASH_BYTES];
	rx_err rc = RX_OK;
	int code;

	migration_hash(hash, m);
	if ((code = sqlite3_bind_int64(stmt, 1, m->number)) != SQLITE_OK)
		return (rx_sqlite_fail(st, code, how, __func__));
	code = sqlite3_step(stmt);
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		rc = rx_sqlite_fail(st, code, how, __func__);
	else if (code == SQLITE_DONE ||
	    sqlite3_column_bytes(stmt, 0) != sizeof(hash) ||
	    memcmp(sqlite3_column_blob(stmt, 0), hash, sizeof(hash)) != 0)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_SCHEMA);
	(void)sqlite3_reset(stmt);
	return (rc);
}

/**
 * check_history(db, q, version, f, list, n, how, st):
 * The database must bear the application id of file ${f}, and its migrations
 * must be the first ${*version} of the list, which is its user_version.  ${q}
 * has the statements: those of ${f} in the joint connection, those of
 * content.db in a connection where the file is main.
 */
static rx_err
check_history(sqlite3 *db, const struct rx_file_def *q, int64_t *version,
    enum rx_file_no f, const struct rx_migration *list, size_t n,
    unsigned how, struct rx_status *st)
{
	const struct rx_migration *m;
	sqlite3_stmt *stmt = NULL;
	int64_t id, count, i;
	rx_err rc;
	int code;

	if ((rc = rx_exec_int(db, q->get_id, &id, how, st)) != RX_OK)
		return (rc);
	if (id != rx_file_defs[f].application_id)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT));
	if ((rc = rx_exec_int(db, q->get_version, version, how, st)) != RX_OK)
		return (rc);
	if ((rc = rx_exec_int(db, q->count_hashes, &count, how, st)) != RX_OK)
		return (rc);
	if (*version < 1 || *version != count)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_SCHEMA));
	code = sqlite3_prepare_v2(db, q->get_hash, -1, &stmt, NULL);
	if (code != SQLITE_OK)
		return (rx_sqlite_fail(st, code, how, __func__));
	for (i = 1; rc == RX_OK && i <= *version; i++) {
		if ((m = find(f, i, list, n)) == NULL)
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_SCHEMA);
		else
			rc = compare_hash(stmt, m, how, st);
	}
	(void)sqlite3_finalize(stmt);
	return (rc);
}

/* Apply the migration after the newest, unless another process just did. */
static rx_err
upgrade_one(sqlite3 *db, enum rx_file_no f, const struct rx_migration *list,
    size_t n, int64_t *version, struct rx_status *st)
{
	const struct rx_migration *m;
	rx_err rc;

	rc = rx_exec(db, "BEGIN IMMEDIATE", RX_SQL_UNCHECKED, st);
	if (rc != RX_OK)
		return (rc);
	rc = check_history(db, &rx_file_defs[RX_FILE_CONTENT], version, f,
	    list, n, RX_SQL_UNCHECKED, st);
	if (rc != RX_OK)
		goto err0;
	if ((m = find(f, *version + 1, list, n)) != NULL) {
		if ((rc = apply(db, m, RX_SQL_UNCHECKED, st)) != RX_OK)
			goto err0;
		*version = m->number;
	}
	if ((rc = rx_exec(db, "COMMIT", RX_SQL_UNCHECKED, st)) != RX_OK)
		goto err0;
	return (RX_OK);

err0:
	(void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return (rc);
}

rx_err
rx_migrate_upgrade(sqlite3 *db, enum rx_file_no f,
    const struct rx_migration *list, size_t n, struct rx_status *st)
{
	int64_t version;
	rx_err rc;

	rc = check_history(db, &rx_file_defs[RX_FILE_CONTENT], &version, f,
	    list, n, RX_SQL_UNCHECKED, st);
	while (rc == RX_OK && version < rx_migrate_last(f, list, n))
		rc = upgrade_one(db, f, list, n, &version, st);
	return (rc);
}

/* Append the column ${col} of ${stmt} with its type and length. */
static rx_err
column_add(struct rx_buf *out, sqlite3_stmt *stmt, int col,
    struct rx_status *st)
{
	uint8_t head[9];
	const void *p;
	int n;
	rx_err rc;

	head[0] = (uint8_t)sqlite3_column_type(stmt, col);
	p = sqlite3_column_blob(stmt, col);
	n = sqlite3_column_bytes(stmt, col);
	if (p == NULL)
		n = 0;
	rx_put64(head + 1, (uint64_t)n);
	if ((rc = rx_buf_add(out, head, sizeof(head), st)) != RX_OK || n == 0)
		return (rc);
	return (rx_buf_add(out, p, (size_t)n, st));
}

/* The hash of the rows of sqlite_schema that ${sql} gives. */
static rx_err
objects_hash(uint8_t hash[RX_HASH_BYTES], sqlite3 *db, const char *sql,
    unsigned how, struct rx_status *st)
{
	struct rx_buf rows = RX_BUF_INIT;
	sqlite3_stmt *stmt = NULL;
	int code, col;
	rx_err rc = RX_OK;

	if ((code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL)) ==
	    SQLITE_OK)
		code = sqlite3_step(stmt);
	for (; code == SQLITE_ROW && rc == RX_OK; code = sqlite3_step(stmt))
		for (col = 0; col < 4 && rc == RX_OK; col++)
			rc = column_add(&rows, stmt, col, st);
	if (rc == RX_OK && code != SQLITE_DONE)
		rc = rx_sqlite_fail(st, code, how, __func__);
	if (rc == RX_OK)
		rx_hash(hash, RX_HASH_BYTES, NULL, "runxin schema v1", rows.b,
		    rows.len);
	(void)sqlite3_finalize(stmt);
	rx_buf_free(&rows);
	return (rc);
}

/* The same of a file ${f} that is made in memory.  It is the same for as long as
 * the program runs, and to make it takes longer than all else of opening a
 * register: so it is made once. */
static rx_err
objects_made(uint8_t hash[RX_HASH_BYTES], enum rx_file_no f,
    struct rx_status *st)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static uint8_t made[RX_FILE_COUNT][RX_HASH_BYTES];
	static bool is_made[RX_FILE_COUNT];
	sqlite3 *fresh = NULL;
	rx_err rc = RX_OK;

	(void)pthread_mutex_lock(&lock);
	if (!is_made[f] && (rc = rx_connect(&fresh, ":memory:", 0, st)) ==
	    RX_OK) {
		if ((rc = rx_migrate_birth(fresh, f, rx_migrations,
		    rx_migration_count, 0, st)) == RX_OK)
			rc = objects_hash(made[f], fresh,
			    rx_file_defs[RX_FILE_CONTENT].objects, 0, st);
		is_made[f] = rc == RX_OK;
		(void)sqlite3_close(fresh);
	}
	memcpy(hash, made[f], RX_HASH_BYTES);
	(void)pthread_mutex_unlock(&lock);
	return (rc);
}

rx_err
rx_migrate_verify(sqlite3 *db, enum rx_file_no f, unsigned how,
    struct rx_status *st)
{
	const struct rx_file_def *def = &rx_file_defs[f];
	uint8_t made[RX_HASH_BYTES], here[RX_HASH_BYTES];
	int64_t version;
	rx_err rc;

	rc = check_history(db, def, &version, f, rx_migrations,
	    rx_migration_count, how, st);
	if (rc != RX_OK)
		return (rc);
	if (version != rx_migrate_last(f, rx_migrations, rx_migration_count))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_SCHEMA));
	if ((rc = objects_made(made, f, st)) != RX_OK ||
	    (rc = objects_hash(here, db, def->objects, how, st)) != RX_OK)
		return (rc);
	return (memcmp(made, here, RX_HASH_BYTES) == 0 ? RX_OK :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_SCHEMA));
}
