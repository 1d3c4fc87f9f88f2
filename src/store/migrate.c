/*
 * Migrations: how the two files are made, and the check that they still are
 * what the migrations make.
 *
 * The SQL of a migration names its tables without a schema.  It is therefore
 * always run in a connection where the file that it is for is main; the joint
 * connection, in which keys.db is attached, never runs one.
 */

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

/* Whether the ${col}th columns of the rows of ${a} and ${b} are the same. */
static bool
same_column(sqlite3_stmt *a, sqlite3_stmt *b, int col)
{
	const void *p, *q;
	int n;

	if (sqlite3_column_type(a, col) != sqlite3_column_type(b, col))
		return (false);
	p = sqlite3_column_blob(a, col);
	q = sqlite3_column_blob(b, col);
	n = sqlite3_column_bytes(a, col);
	if (n != sqlite3_column_bytes(b, col))
		return (false);
	if (n == 0)
		return (true);
	return (p != NULL && q != NULL && memcmp(p, q, (size_t)n) == 0);
}

/* Compare the rows of sqlite_schema of ${db} (statement ${sql}) and ${fresh}. */
static rx_err
compare_objects(sqlite3 *db, const char *sql, sqlite3 *fresh, unsigned how,
    struct rx_status *st)
{
	sqlite3_stmt *a = NULL, *b = NULL;
	int ca, cb, col;
	rx_err rc = RX_OK;

	ca = sqlite3_prepare_v2(db, sql, -1, &a, NULL);
	cb = sqlite3_prepare_v2(fresh, rx_file_defs[RX_FILE_CONTENT].objects,
	    -1, &b, NULL);
	if (ca != SQLITE_OK || cb != SQLITE_OK) {
		rc = rx_sqlite_fail(st, ca != SQLITE_OK ? ca : cb, how,
		    __func__);
		goto done;
	}
	do {
		ca = sqlite3_step(a);
		cb = sqlite3_step(b);
		for (col = 0; ca == SQLITE_ROW && cb == SQLITE_ROW && col < 4;
		    col++)
			if (!same_column(a, b, col))
				ca = SQLITE_DONE;
	} while (ca == SQLITE_ROW && cb == SQLITE_ROW);
	if (ca != SQLITE_ROW && ca != SQLITE_DONE)
		rc = rx_sqlite_fail(st, ca, how, __func__);
	else if (cb != SQLITE_ROW && cb != SQLITE_DONE)
		rc = rx_sqlite_fail(st, cb, 0, __func__);
	else if (ca != cb)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_SCHEMA);
done:
	(void)sqlite3_finalize(b);
	(void)sqlite3_finalize(a);
	return (rc);
}

rx_err
rx_migrate_verify(sqlite3 *db, enum rx_file_no f,
    const struct rx_migration *list, size_t n, unsigned how,
    struct rx_status *st)
{
	const struct rx_file_def *def = &rx_file_defs[f];
	sqlite3 *fresh = NULL;
	int64_t version;
	rx_err rc;

	rc = check_history(db, def, &version, f, list, n, how, st);
	if (rc != RX_OK)
		return (rc);
	if (version != rx_migrate_last(f, list, n))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_SCHEMA));
	if ((rc = rx_connect(&fresh, ":memory:", 0, st)) != RX_OK)
		return (rc);
	if ((rc = rx_migrate_birth(fresh, f, list, n, 0, st)) == RX_OK)
		rc = compare_objects(db, def->objects, fresh, how, st);
	(void)sqlite3_close(fresh);
	return (rc);
}
