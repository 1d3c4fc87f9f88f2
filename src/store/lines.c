/*
 * The lines of a file that is imported, put in the order in which they are stored,
 * by SQLite in a file without a name: in memory as long as they are few, else where
 * SQLite has its temporary files.  They are numbers only: hashes under keys of the
 * caller's, who forgets them, and places in his file.
 */

#include <stdlib.h>
#include <string.h>

#include "store/internal.h"

/* cache_size: KiB of memory, once for what is put and once for sorting. */
static const char schema[] = "PRAGMA temp_store = FILE;"
    "PRAGMA cache_size = -2000;"
    "PRAGMA journal_mode = OFF;"
    "PRAGMA synchronous = OFF;"
    "CREATE TABLE line(number INTEGER PRIMARY KEY, id INTEGER NOT NULL, "
    "child INTEGER NOT NULL, step INTEGER NOT NULL, ours INTEGER NOT NULL, "
    "at INTEGER NOT NULL, n INTEGER NOT NULL) STRICT;"
    "CREATE TABLE child(child INTEGER PRIMARY KEY, first INTEGER NOT NULL, "
    "here INTEGER NOT NULL) STRICT;"
    "BEGIN";

static const char insert[] = "INSERT INTO line(number, id, child, step, ours, "
    "at, n) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)";

static const char twice[] = "SELECT max(number) AS again, min(number) FROM line "
    "GROUP BY id HAVING count(*) > 1 ORDER BY again LIMIT 1";

/* Of each child the first line, and whether it stands in the file itself. */
static const char children[] = "INSERT INTO child SELECT child, min(number), "
    "min(step) = 0 FROM line GROUP BY child";

/*
 * Child by child, as they come first in the file; of each the child itself, its
 * consents, the rest.  Who is called by our id may have lines under the caller's as
 * well: his consents come before all, and his records after.  Last what is of no
 * one child.  (CROSS JOIN: in this order.)
 */
static const char sorted[] = "SELECT number, first, at, n FROM line "
    "CROSS JOIN child AS of ON of.child = line.child ORDER BY (CASE "
    "WHEN step = 3 THEN 3 WHEN ours AND NOT here THEN 2 * step - 2 ELSE 1 END "
    "<< 60) + (first << 2) + step, number";

struct rx_lines {
	sqlite3 *db;
	sqlite3_stmt *insert, *sorted;
};

/* What goes wrong here is not the register's. */
static rx_err
lines_fail(struct rx_status *st, int code, const char *where)
{

	if (code == SQLITE_NOMEM || code == SQLITE_IOERR_NOMEM)
		return (rx_fail_at(st, RX_EINTERNAL, RX_MSG_NO_MEMORY, where));
	rx_status_arg(st, "code", "SQLite %d", code);
	return (rx_fail_at(st, RX_EIO, RX_MSG_STORE_TEMPORARY, where));
}

rx_err
rx_lines_new(struct rx_lines **out, struct rx_status *st)
{
	struct rx_lines *l;
	rx_err rc;
	int code;

	*out = NULL;
	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_connect(&l->db, "", 0, st)) != RX_OK)
		goto err0;
	/* One more thread sorts. */
	(void)sqlite3_limit(l->db, SQLITE_LIMIT_WORKER_THREADS, 1);
	if ((code = sqlite3_exec(l->db, schema, NULL, NULL, NULL)) !=
	    SQLITE_OK || (code = sqlite3_prepare_v2(l->db, insert, -1,
	    &l->insert, NULL)) != SQLITE_OK) {
		rc = lines_fail(st, code, __func__);
		goto err0;
	}

	/* Success! */
	*out = l;
	return (RX_OK);

err0:
	/* Failure! */
	rx_lines_free(l);
	return (rc);
}

void
rx_lines_free(struct rx_lines *l)
{

	if (l == NULL)
		return;
	(void)sqlite3_finalize(l->insert);
	(void)sqlite3_finalize(l->sorted);
	(void)sqlite3_close(l->db);
	free(l);
}

rx_err
rx_lines_put(struct rx_lines *l, const struct rx_file_line *line,
    struct rx_status *st)
{
	const int64_t v[] = { line->number, (int64_t)line->id,
	    (int64_t)line->child, line->step, line->ours, line->at, line->n };
	size_t i;
	int code = SQLITE_OK;

	for (i = 0; i < sizeof(v) / sizeof(v[0]) && code == SQLITE_OK; i++)
		code = sqlite3_bind_int64(l->insert, (int)i + 1, v[i]);
	if (code == SQLITE_OK)
		code = sqlite3_step(l->insert);
	(void)sqlite3_reset(l->insert);
	return (code == SQLITE_DONE ? RX_OK : lines_fail(st, code, __func__));
}

rx_err
rx_lines_twice(struct rx_lines *l, int64_t *number, int64_t *first,
    struct rx_status *st)
{
	sqlite3_stmt *stmt = NULL;
	int code;

	*number = *first = 0;
	if ((code = sqlite3_prepare_v2(l->db, twice, -1, &stmt, NULL)) ==
	    SQLITE_OK && (code = sqlite3_step(stmt)) == SQLITE_ROW) {
		*number = sqlite3_column_int64(stmt, 0);
		*first = sqlite3_column_int64(stmt, 1);
	}
	(void)sqlite3_finalize(stmt);
	return (code == SQLITE_ROW || code == SQLITE_DONE ? RX_OK :
	    lines_fail(st, code, __func__));
}

rx_err
rx_lines_next(struct rx_lines *l, struct rx_file_line *line, bool *more,
    struct rx_status *st)
{
	int code;

	*more = false;
	if (l->sorted == NULL && ((code = sqlite3_exec(l->db, children, NULL,
	    NULL, NULL)) != SQLITE_OK || (code = sqlite3_prepare_v2(l->db,
	    sorted, -1, &l->sorted, NULL)) != SQLITE_OK))
		return (lines_fail(st, code, __func__));
	if ((code = sqlite3_step(l->sorted)) == SQLITE_DONE)
		return (RX_OK);
	if (code != SQLITE_ROW)
		return (lines_fail(st, code, __func__));
	memset(line, 0, sizeof(*line));
	line->number = sqlite3_column_int64(l->sorted, 0);
	line->child = (uint64_t)sqlite3_column_int64(l->sorted, 1);
	line->at = sqlite3_column_int64(l->sorted, 2);
	line->n = sqlite3_column_int64(l->sorted, 3);
	*more = true;
	return (RX_OK);
}
