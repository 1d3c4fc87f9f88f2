/*
 * Transactions, and the manifest of live rows that goes with each.
 */

#include <string.h>

#include "store/internal.h"

#define PROGRESS_ROWS 1000

/* Read the stored manifest. */
static rx_err
load(struct rx_store *s, struct rx_manifest *m, struct rx_status *st)
{
	const struct rx_value id = rx_int(1);
	sqlite3_stmt *stmt;
	int code;
	rx_err rc;

	rc = rx_table_statement(&stmt, s, RX_TABLE_MANIFEST, RX_OP_SELECT, st);
	if (rc != RX_OK)
		return (rc);
	if ((code = rx_bind(stmt, 1, &id, SQLITE_STATIC)) == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code != SQLITE_ROW)
		rc = rx_sqlite_fail(st, code == SQLITE_DONE ? SQLITE_CORRUPT :
		    code, s->how, __func__);
	else if (sqlite3_column_type(stmt, 1) != SQLITE_BLOB ||
	    sqlite3_column_bytes(stmt, 1) != RX_MANIFEST_BYTES)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
	else if (sqlite3_column_blob(stmt, 1) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rx_manifest_load(m, sqlite3_column_blob(stmt, 1));
	(void)sqlite3_reset(stmt);
	return (rc);
}

/* Write the manifest of the open transaction. */
static rx_err
save(struct rx_store *s, struct rx_status *st)
{
	uint8_t lanes[RX_MANIFEST_BYTES];
	sqlite3_stmt *stmt;
	int code;
	rx_err rc;

	rc = rx_table_statement(&stmt, s, RX_TABLE_MANIFEST, RX_OP_REPLACE,
	    st);
	if (rc != RX_OK)
		return (rc);
	rx_manifest_store(lanes, &s->manifest);
	code = sqlite3_bind_int64(stmt, 1, 1);
	if (code == SQLITE_OK)
		code = sqlite3_bind_blob(stmt, 2, lanes, sizeof(lanes),
		    SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code != SQLITE_DONE)
		rc = rx_sqlite_fail(st, code, s->how, __func__);
	else if (sqlite3_changes(s->db) != 1)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return (rc);
}

/* End the transaction as ${how} says; a result code of SQLite.  The statements were
 * prepared when the register was opened: to give up must not take memory. */
static int
end(struct rx_store *s, enum rx_end how)
{
	const int code = sqlite3_step(s->end[how]);

	(void)sqlite3_reset(s->end[how]);
	return (code);
}

/*
 * Who writes to either file takes the lock of content.db first, by a write that
 * finds no row, so there is one at a time.  BEGIN IMMEDIATE would take the locks of
 * both, and then a commit goes the way of one that has changed both, with three
 * more waits for the disk and a third file: few change the keys.
 */
static rx_err
lock(struct rx_store *s, struct rx_status *st)
{
	rx_err rc;
	int code;

	if (s->lock == NULL && (rc = rx_store_prepare(&s->lock, s, "UPDATE "
	    "main.manifest SET lanes = lanes WHERE id = 0", st)) != RX_OK)
		return (rc);
	code = sqlite3_step(s->lock);
	(void)sqlite3_reset(s->lock);
	return (code == SQLITE_DONE ? RX_OK : rx_sqlite_fail(st, code, s->how,
	    __func__));
}

rx_err
rx_store_begin(struct rx_store *s, struct rx_status *st)
{
	rx_err rc;

	if (s->tx || s->reading)
		return (rx_store_misuse(st, "nested transaction", __func__));
	if (s->how & RX_SQL_IMAGE)
		return (rx_store_misuse(st, "read-only image", __func__));
	if ((rc = rx_exec(s->db, "BEGIN", s->how, st)) != RX_OK)
		return (rc);
	s->tx = true;
	s->dirty = false;
	s->uncounted = 0;
	if ((rc = lock(s, st)) != RX_OK ||
	    (rc = load(s, &s->manifest, st)) != RX_OK)
		rx_store_rollback(s);
	return (rc);
}

/* Whatever goes wrong, no transaction is open afterwards. */
rx_err
rx_store_commit(struct rx_store *s, struct rx_status *st)
{
	rx_err rc = RX_OK;
	int code;

	if (!s->tx)
		return (rx_store_misuse(st, "no transaction", __func__));

	/* SQLite may have rolled back by itself: a write would then stand
	 * alone, outside of any transaction. */
	if (sqlite3_get_autocommit(s->db))
		rc = rx_sqlite_fail(st, SQLITE_IOERR, s->how, __func__);
	if (rc == RX_OK && s->uncounted > 0)
		rc = rx_store_misuse(st, "uncounted rows", __func__);
	if (rc == RX_OK && s->dirty)
		rc = save(s, st);
	if (rc == RX_OK && (code = end(s, RX_END_COMMIT)) != SQLITE_DONE)
		rc = rx_sqlite_fail(st, code, s->how, __func__);
	if (rc != RX_OK)
		rx_store_rollback(s);
	s->tx = false;
	s->dirty = false;
	return (rc);
}

void
rx_store_rollback(struct rx_store *s)
{

	if (!s->tx && !s->reading)
		return;
	if (!sqlite3_get_autocommit(s->db))
		(void)end(s, RX_END_ROLLBACK);
	s->tx = false;
	s->reading = false;
	s->dirty = false;
}

bool
rx_store_in_transaction(const struct rx_store *s)
{

	return (s->tx);
}

/*
 * The shared lock is taken on content.db first, as every commit does with the
 * exclusive one: each commit writes the manifest, so none can come between.
 */
rx_err
rx_read_begin(struct rx_store *s, struct rx_status *st)
{
	int64_t count;
	rx_err rc;
	int f;

	if (s->tx || s->reading)
		return (RX_OK);
	if ((rc = rx_exec(s->db, "BEGIN", s->how, st)) != RX_OK)
		return (rc);
	for (f = 0; rc == RX_OK && f < RX_FILE_COUNT; f++)
		rc = rx_exec_int(s->db, rx_file_defs[f].touch, &count, s->how,
		    st);
	if (rc != RX_OK)
		rx_read_end(s);
	return (rc);
}

/* COMMIT leaves cursors that are open as they are; ROLLBACK might not. */
void
rx_read_end(struct rx_store *s)
{

	if (s->tx || s->reading || sqlite3_get_autocommit(s->db))
		return;
	if (end(s, RX_END_COMMIT) != SQLITE_DONE)
		(void)end(s, RX_END_ROLLBACK);
}

rx_err
rx_store_read(struct rx_store *s, struct rx_status *st)
{
	rx_err rc;

	if (s->tx || s->reading)
		return (rx_store_misuse(st, "nested transaction", __func__));
	if ((rc = rx_read_begin(s, st)) == RX_OK)
		s->reading = true;
	return (rc);
}

rx_err
rx_store_hold(struct rx_store *s, bool *held, struct rx_status *st)
{
	rx_err rc = RX_OK;

	*held = false;
	if (!s->tx && !s->reading && (rc = rx_store_read(s, st)) == RX_OK)
		*held = true;
	return (rc);
}

rx_err
rx_store_manifest_digest(struct rx_store *s, uint8_t digest[RX_HASH_BYTES],
    struct rx_status *st)
{
	struct rx_manifest stored;
	rx_err rc;

	memset(digest, 0, RX_HASH_BYTES);
	if (s->tx) {
		rx_manifest_digest(digest, &s->manifest);
		return (RX_OK);
	}
	if ((rc = load(s, &stored, st)) == RX_OK)
		rx_manifest_digest(digest, &stored);
	return (rc);
}

/* Hand every row of ${table}, encoded, to ${into} with ${m}. */
static rx_err
recount_table(struct rx_store *s, enum rx_table table, struct rx_manifest *m,
    void (*into)(struct rx_manifest *, const void *, size_t), size_t *rows,
    void (*progress)(void *, size_t), void *cookie, struct rx_status *st)
{
	sqlite3_stmt *stmt;
	int code;
	rx_err rc;

	rc = rx_table_statement(&stmt, s, table, RX_OP_SCAN, st);
	if (rc != RX_OK)
		return (rc);
	while (rc == RX_OK && (code = sqlite3_step(stmt)) != SQLITE_DONE) {
		if (code != SQLITE_ROW) {
			rc = rx_sqlite_fail(st, code, s->how, __func__);
			break;
		}
		rc = rx_table_encode_row(&s->row, table, stmt, st);
		if (rc != RX_OK)
			break;
		into(m, s->row.b, s->row.len);
		if (++*rows % PROGRESS_ROWS == 0 && progress != NULL)
			progress(cookie, *rows);
	}
	(void)sqlite3_reset(stmt);
	return (rc);
}

rx_err
rx_store_manifest_recount(struct rx_store *s, uint8_t digest[RX_HASH_BYTES],
    void (*progress)(void *, size_t), void *cookie, struct rx_status *st)
{
	struct rx_manifest m;
	size_t rows = 0;
	int table;
	rx_err rc;

	memset(digest, 0, RX_HASH_BYTES);
	memset(&m, 0, sizeof(m));

	if ((rc = rx_read_begin(s, st)) != RX_OK)
		return (rc);
	for (table = 1; rc == RX_OK && table < RX_TABLE_COUNT; table++)
		if (rx_table_defs[table].counted)
			rc = recount_table(s, (enum rx_table)table, &m,
			    rx_manifest_add, &rows, progress, cookie, st);
	rx_read_end(s);
	if (rc != RX_OK)
		return (rc);
	if (progress != NULL)
		progress(cookie, rows);
	rx_manifest_digest(digest, &m);
	return (RX_OK);
}

rx_err
rx_store_manifest_keys(struct rx_store *s, bool stored,
    uint8_t digest[RX_HASH_BYTES], struct rx_status *st)
{
	static const char in_keys[] = "SELECT * FROM keys.";
	const struct rx_table_def *def;
	struct rx_manifest m;
	size_t rows = 0;
	int table;
	rx_err rc;

	memset(digest, 0, RX_HASH_BYTES);
	memset(&m, 0, sizeof(m));
	if ((rc = rx_read_begin(s, st)) != RX_OK)
		return (rc);
	if (stored)
		rc = load(s, &m, st);
	for (table = 1; rc == RX_OK && table < RX_TABLE_COUNT; table++) {
		def = &rx_table_defs[table];
		if (def->counted && stored == (strncmp(def->sql[RX_OP_SCAN],
		    in_keys, sizeof(in_keys) - 1) != 0))
			rc = recount_table(s, (enum rx_table)table, &m,
			    stored ? rx_manifest_remove : rx_manifest_add,
			    &rows, NULL, NULL, st);
	}
	rx_read_end(s);
	if (rc == RX_OK)
		rx_manifest_digest(digest, &m);
	return (rc);
}
