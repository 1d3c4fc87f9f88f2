/*
 * A connection, its settings, and what SQLite's errors mean to the user.
 */

#include <string.h>

#include "store/internal.h"

#define BUSY_MS 10000
#define BUSY_STEP_MS 1

/* What a hostile file may make SQLite spend is bounded. */
static const struct {
	int which;
	int value;
} limits[] = {
	{ SQLITE_LIMIT_LENGTH, 2 * RX_ROW_MAX },
	{ SQLITE_LIMIT_SQL_LENGTH, 100000 },
	{ SQLITE_LIMIT_COLUMN, 64 },
	{ SQLITE_LIMIT_EXPR_DEPTH, 32 },
	{ SQLITE_LIMIT_COMPOUND_SELECT, 4 },
	{ SQLITE_LIMIT_FUNCTION_ARG, 8 },
	{ SQLITE_LIMIT_ATTACHED, 2 },	/* keys.db, and one while VACUUM runs */
	{ SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 64 },
	{ SQLITE_LIMIT_VARIABLE_NUMBER, 32 },
	{ SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
	{ SQLITE_LIMIT_WORKER_THREADS, 0 }
};

static const struct {
	int which;
	int value;
} switches[] = {
	{ SQLITE_DBCONFIG_DEFENSIVE, 1 },
	{ SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
	{ SQLITE_DBCONFIG_ENABLE_VIEW, 0 },
	{ SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
	{ SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0 },
	{ SQLITE_DBCONFIG_ENABLE_FKEY, 1 },
	{ SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
	{ SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0 },
	{ SQLITE_DBCONFIG_DQS_DML, 0 },
	{ SQLITE_DBCONFIG_DQS_DDL, 0 }
};

static const char settings[] =
    "PRAGMA cell_size_check = ON;"
    "PRAGMA temp_store = MEMORY;"
    "PRAGMA mmap_size = 0;";

/* A constraint that a caller may run into; the others are bugs of ours. */
static rx_err
fail_constraint(struct rx_status *st, int code, const char *where)
{

	if (code == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    code == SQLITE_CONSTRAINT_ROWID ||
	    code == SQLITE_CONSTRAINT_UNIQUE)
		return (rx_fail_at(st, RX_ECONFLICT, RX_MSG_STORE_DUPLICATE,
		    where));
	rx_status_arg(st, "what", "SQLite %d", code);
	return (rx_fail_at(st, RX_EINTERNAL, RX_MSG_INTERNAL, where));
}

/* No memory hides in an I/O error; an image in memory has no disk to blame. */
static rx_err
fail_io(struct rx_status *st, int code, unsigned how, const char *where)
{

	if (code == SQLITE_IOERR_NOMEM)
		return (rx_fail_at(st, RX_EINTERNAL, RX_MSG_NO_MEMORY, where));
	if (how & RX_SQL_IMAGE || code == SQLITE_IOERR_SHORT_READ ||
	    code == SQLITE_IOERR_CORRUPTFS)
		return (rx_fail_at(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT,
		    where));
	rx_status_arg(st, "code", "SQLite %d", code);
	return (rx_fail_at(st, RX_EIO, RX_MSG_STORE_IO, where));
}

rx_err
rx_sqlite_fail(struct rx_status *st, int code, unsigned how,
    const char *where)
{

	switch (code & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_TOOBIG:	/* we never write one: a length was damaged */
		return (rx_fail_at(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT,
		    where));
	case SQLITE_FULL:
		return (rx_fail_at(st, RX_EIO, RX_MSG_STORE_FULL, where));
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return (rx_fail_at(st, RX_EIO, RX_MSG_STORE_BUSY, where));
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
	case SQLITE_READONLY:
	case SQLITE_PERM:
		return (fail_io(st, code, how, where));
	case SQLITE_NOMEM:
		return (rx_fail_at(st, RX_EINTERNAL, RX_MSG_NO_MEMORY, where));
	case SQLITE_CONSTRAINT:
		return (fail_constraint(st, code, where));
	default:
		break;
	}
	/* A statement that does not fit the tables, a file format of the
	 * future, another text encoding: not what we made. */
	if (how & RX_SQL_UNCHECKED && (code & 0xff) == SQLITE_ERROR)
		return (rx_fail_at(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT,
		    where));
	rx_status_arg(st, "what", "SQLite %d", code);
	return (rx_fail_at(st, RX_EINTERNAL, RX_MSG_INTERNAL, where));
}

rx_err
rx_store_misuse(struct rx_status *st, const char *what, const char *where)
{

	rx_status_arg(st, "what", "%s", what);
	return (rx_fail_at(st, RX_EINTERNAL, RX_MSG_INTERNAL, where));
}

/* Another connection is at the file.  SQLite's own waiting sleeps up to 100 ms
 * at a time, for what mostly takes a few: on the page everybody would wait. */
static int
wait_a_little(void *cookie, int times)
{

	(void)cookie;
	if (times >= BUSY_MS / BUSY_STEP_MS)
		return (0);
	(void)sqlite3_sleep(BUSY_STEP_MS);
	return (1);
}

void
rx_store_patient(struct rx_store *s, bool patient)
{

	(void)sqlite3_busy_handler(s->db, patient ? wait_a_little : NULL,
	    NULL);
}

/* The settings that SQLite keeps for the connection; a result code. */
static int
configure(sqlite3 *db)
{
	size_t i;
	int got, code;

	for (i = 0; i < sizeof(switches) / sizeof(switches[0]); i++) {
		code = sqlite3_db_config(db, switches[i].which,
		    switches[i].value, &got);
		if (code != SQLITE_OK)
			return (code);
		if (got != switches[i].value)
			return (SQLITE_MISUSE);
	}
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		(void)sqlite3_limit(db, limits[i].which, limits[i].value);
	if ((code = sqlite3_extended_result_codes(db, 1)) != SQLITE_OK)
		return (code);
	return (sqlite3_busy_handler(db, wait_a_little, NULL));
}

rx_err
rx_connect(sqlite3 **out, const char *path, unsigned how,
    struct rx_status *st)
{
	sqlite3 *db = NULL;
	rx_err rc;
	int code;

	*out = NULL;

	/* Never SQLITE_OPEN_CREATE: also what is attached must exist.  A store
	 * is used by one thread at a time, so it needs no locks of its own. */
	code = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE | SQLITE_OPEN_EXRESCODE, NULL);
	if (code == SQLITE_OK)
		code = configure(db);
	if (code != SQLITE_OK) {
		rc = rx_sqlite_fail(st, code, how, __func__);
		goto err0;
	}
	if ((rc = rx_exec(db, settings, how, st)) != RX_OK)
		goto err0;

	/* Success! */
	*out = db;
	return (RX_OK);

err0:
	/* Failure!  There is a handle even then. */
	(void)sqlite3_close(db);
	return (rc);
}

/**
 * check_header(db, schema):
 * SQLITE_OK when the fields of the file's first 100 bytes that never change are
 * what SQLite writes for us, SQLITE_CORRUPT when they are not; a disk that does
 * not answer is its own error.  SQLite itself takes a foreign write version for
 * "read only", which we would blame on the disk.  The file is read through
 * SQLite's own handle: closing another one would drop its locks.
 */
static int
check_header(sqlite3 *db, const char *schema)
{
	static const struct {
		size_t at, n;
		uint8_t b[20];
	} fixed[] = {
		{ 20, 4, { 0, 64, 32, 32 } },	/* no reserved space */
		{ 44, 4, { 0, 0, 0, 4 } },	/* schema format */
		{ 56, 4, { 0, 0, 0, 1 } },	/* UTF-8 */
		{ 72, 20, { 0 } }		/* for expansion */
	};
	uint8_t head[100];
	sqlite3_file *f = NULL;
	size_t i;
	int code;

	if (sqlite3_file_control(db, schema, SQLITE_FCNTL_FILE_POINTER, &f) !=
	    SQLITE_OK || f == NULL || f->pMethods == NULL)
		return (SQLITE_CORRUPT);
	if ((code = f->pMethods->xRead(f, head, sizeof(head), 0)) != SQLITE_OK)
		return (code);
	/* 1: journal; 2: a write-ahead log, which the next write ends. */
	if (head[18] != head[19] || head[18] < 1 || head[18] > 2)
		return (SQLITE_CORRUPT);
	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		if (memcmp(head + fixed[i].at, fixed[i].b, fixed[i].n) != 0)
			return (SQLITE_CORRUPT);
	return (SQLITE_OK);
}

rx_err
rx_connect_journal(sqlite3 *db, enum rx_file_no f, unsigned how,
    struct rx_status *st)
{
	sqlite3_stmt *stmt = NULL;
	const char *mode;
	rx_err rc = RX_OK;
	int code;

	code = sqlite3_prepare_v2(db, rx_file_defs[f].journal, -1, &stmt,
	    NULL);
	if (code != SQLITE_OK)
		return (rx_sqlite_fail(st, code, how, __func__));
	if ((code = sqlite3_step(stmt)) != SQLITE_ROW) {
		rc = rx_sqlite_fail(st, code, how, __func__);
		goto done;
	}

	/* It answers with the mode that it could not leave. */
	mode = (const char *)sqlite3_column_text(stmt, 0);
	if (mode == NULL || sqlite3_stricmp(mode, "delete") != 0)
		rc = rx_sqlite_fail(st, SQLITE_BUSY, how, __func__);
	else if ((code = check_header(db, f == RX_FILE_CONTENT ? "main" :
	    "keys")) != SQLITE_OK)
		rc = rx_sqlite_fail(st, code, how, __func__);
done:
	(void)sqlite3_finalize(stmt);
	return (rc);
}

rx_err
rx_exec(sqlite3 *db, const char *sql, unsigned how, struct rx_status *st)
{
	int code;

	if ((code = sqlite3_exec(db, sql, NULL, NULL, NULL)) != SQLITE_OK)
		return (rx_sqlite_fail(st, code, how, __func__));
	return (RX_OK);
}

rx_err
rx_exec_int(sqlite3 *db, const char *sql, int64_t *v, unsigned how,
    struct rx_status *st)
{
	sqlite3_stmt *stmt = NULL;
	rx_err rc = RX_OK;
	int code;

	*v = 0;
	code = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	if (code != SQLITE_OK)
		return (rx_sqlite_fail(st, code, how, __func__));
	if ((code = sqlite3_step(stmt)) == SQLITE_ROW)
		*v = sqlite3_column_int64(stmt, 0);
	else
		rc = rx_sqlite_fail(st, code == SQLITE_DONE ? SQLITE_CORRUPT :
		    code, how, __func__);
	(void)sqlite3_finalize(stmt);
	return (rc);
}
