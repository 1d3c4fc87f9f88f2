#ifndef RX_STORE_STORE_H
#define RX_STORE_STORE_H

/*
 * The only SQL.  A register is one folder with content.db and keys.db; the
 * second is attached to the first so that a commit spans both.  Rows go in and
 * out as arrays of values in the column order of the migration; every row that
 * is written or deleted is added to or taken from the manifest (crypto/chain)
 * in the same transaction, but for the tables marked below.  Nothing that comes
 * here is plaintext of a child.
 *
 * Failures: RX_EIO (STORE_IO: cannot read or write; STORE_FULL: disk full;
 * STORE_BUSY: another process holds it for more than 10 s), RX_ECORRUPT
 * (STORE_CORRUPT: not a register, a damaged page, a schema that is not what
 * the migrations make), RX_EINTERNAL.
 */

#include <stdbool.h>

#include "base/buffer.h"
#include "crypto/chain.h"

/* Numbers are part of the manifest and of the places of sealed fields: never
 * reuse one. */
enum rx_table {
	RX_TABLE_NONE = 0,
	RX_TABLE_STORE = 1, RX_TABLE_UNIT = 2, RX_TABLE_CHILD = 3,
	RX_TABLE_RECORD = 4, RX_TABLE_ACTIVITY = 5, RX_TABLE_RELEASE = 6,
	RX_TABLE_USER = 7, RX_TABLE_CERT = 8, RX_TABLE_REVOCATION = 9,
	RX_TABLE_REQUEST = 10, RX_TABLE_ROOT = 11, RX_TABLE_UNIT_GRANT = 12,
	RX_TABLE_CASE_KEY = 13,
	RX_TABLE_SLOT_OLD = 14,	/* where slots were once: read and emptied */
	RX_TABLE_RECOVERY = 15,
	/* not in the manifest: they carry it */
	RX_TABLE_AUDIT = 16, RX_TABLE_MANIFEST = 17,
	/* not in the manifest: it changes with every pause in typing, and with
	 * every count that is kept (running.c) */
	RX_TABLE_DRAFT = 18,
	/* in the manifest again */
	RX_TABLE_UNIT_EPOCH = 19, RX_TABLE_CASE_LINK = 20,
	RX_TABLE_SUCCESSION = 21, RX_TABLE_HANDOVER = 22,
	RX_TABLE_ERASURE = 23, RX_TABLE_ANCHOR = 24, RX_TABLE_TRANSFER = 25, RX_TABLE_COPY = 26,
	RX_TABLE_BUNDLE = 27, RX_TABLE_SETTING = 28, RX_TABLE_TALLY = 29, RX_TABLE_CONFLICT = 30,
	RX_TABLE_DEPARTURE = 31, RX_TABLE_ARRIVAL = 32, RX_TABLE_ORIGIN = 33,
	RX_TABLE_MOVE = 34,
	/* not in the manifest: whoever reads writes it (kept.c) */
	RX_TABLE_KEPT = 35,
	/* in the manifest again */
	RX_TABLE_SLOT = 36, RX_TABLE_SLOT_KEY = 37, RX_TABLE_EXTRACT = 38,
	RX_TABLE_COUNT		/* after the highest */
};

enum rx_value_kind { RX_NULL, RX_INT, RX_BYTES, RX_TEXT };

/* Pointers are borrowed: for the time of the call going in, until the cursor
 * moves coming out. */
struct rx_value {
	enum rx_value_kind kind;
	int64_t i;
	const void *p;
	size_t n;
};
struct rx_value rx_int(int64_t i);
struct rx_value rx_bytes(const void *p, size_t n);
struct rx_value rx_text(const char *s);		/* NUL-terminated */

#define RX_COLUMNS_MAX 12

struct rx_store;	/* an open register folder */
struct rx_cursor;

/* Queries: each a constant statement in query.def, columns as commented. */
enum rx_query {
#define QUERY(name, sql) RX_Q_##name,
#include "store/query.def"
#undef QUERY
	RX_QUERY_COUNT
};

/* Make an empty register in the folder ${dir} (made with mode 0700 when
 * absent); RX_ECONFLICT (REGISTER_EXISTS) when there is one already.  Both
 * files are made with mode 0600. */
rx_err rx_store_create(struct rx_store **out, const char *dir,
    struct rx_status *st) RX_MUST_USE;

/* Open the register in ${dir}: RX_EIO (REGISTER_MISSING) when there is none.
 * Migrations still missing are applied, one transaction each; their hashes,
 * then the whole sqlite_schema, are compared with what is embedded. */
rx_err rx_store_open(struct rx_store **out, const char *dir,
    struct rx_status *st) RX_MUST_USE;

/* The same on two images in memory (a backup), read-only; borrowed until
 * closed.  Images of an older schema are brought up to date in a copy: what
 * was backed up stays as it is. */
rx_err rx_store_open_images(struct rx_store **out, const struct rx_buf *content,
    const struct rx_buf *keys, struct rx_status *st) RX_MUST_USE;

/* An empty register in memory, to look at rows that came from elsewhere. */
rx_err rx_store_open_memory(struct rx_store **out, struct rx_status *st)
    RX_MUST_USE;

void rx_store_close(struct rx_store *s);	/* rolls back; NULL is allowed */

/* Wait to be the only one who writes; the manifest is read.  Not nested. */
rx_err rx_store_begin(struct rx_store *s, struct rx_status *st) RX_MUST_USE;
rx_err rx_store_commit(struct rx_store *s, struct rx_status *st) RX_MUST_USE;
void rx_store_rollback(struct rx_store *s);
/* Whether to wait for others who are at the files, as a store does, or to fail at
 * once (STORE_BUSY): for what may as well be left undone. */
void rx_store_patient(struct rx_store *s, bool patient);
bool rx_store_in_transaction(const struct rx_store *s);
/* BEGIN: what is read until rx_store_rollback is of one moment. */
rx_err rx_store_read(struct rx_store *s, struct rx_status *st) RX_MUST_USE;
/* The same for a list, which reads many rows: to take the lock for each of them
 * costs more than the reading.  *held: it is for the caller to roll back; no, in
 * a transaction that is there already. */
rx_err rx_store_hold(struct rx_store *s, bool *held, struct rx_status *st)
    RX_MUST_USE;

/* Insert one row of ${table}, ${vals} in column order, all columns.
 * RX_ECONFLICT (STORE_DUPLICATE) when the primary key exists. */
rx_err rx_store_insert(struct rx_store *s, enum rx_table table,
    const struct rx_value *vals, struct rx_status *st) RX_MUST_USE;
/* The same in steps, for who has many rows and threads.  What a row adds to the
 * manifest is gathered in ${m}, zeros to begin with, for which no store is needed;
 * ${scratch} takes no memory when it has room for the row's bytes, 13 a column and 4.
 * Rows are inserted, which does not count them.  What was gathered of ${n} rows that
 * were is counted, in the same transaction, which does not commit before. */
rx_err rx_store_row_count(struct rx_manifest *m, struct rx_buf *scratch,
    enum rx_table table, const struct rx_value *vals, struct rx_status *st)
    RX_MUST_USE;
rx_err rx_store_insert_counted(struct rx_store *s, enum rx_table table,
    const struct rx_value *vals, struct rx_status *st) RX_MUST_USE;
rx_err rx_store_count(struct rx_store *s, const struct rx_manifest *m, size_t n,
    struct rx_status *st) RX_MUST_USE;
/* Insert, or replace the row with that primary key. */
rx_err rx_store_replace(struct rx_store *s, enum rx_table table,
    const struct rx_value *vals, struct rx_status *st) RX_MUST_USE;
/* Delete the row with the primary key ${key}; *deleted (may be NULL) tells
 * whether there was one. */
rx_err rx_store_delete(struct rx_store *s, enum rx_table table,
    const struct rx_value *key, bool *deleted, struct rx_status *st)
    RX_MUST_USE;

/*
 * A row as bytes, as the manifest counts it (crypto/chain.h): how rows travel.
 * The first appends the row under ${c}, all columns of ${table} in order; the
 * second appends ${vals}; the third takes such bytes apart, pointers into them,
 * RX_ECORRUPT (STORE_CORRUPT) when they are not what would have been written.
 */
rx_err rx_row_bytes(struct rx_buf *out, const struct rx_cursor *c,
    enum rx_table table, struct rx_status *st) RX_MUST_USE;
rx_err rx_row_encode(struct rx_buf *out, enum rx_table table,
    const struct rx_value *vals, struct rx_status *st) RX_MUST_USE;
rx_err rx_row_decode(enum rx_table *table,
    struct rx_value vals[RX_COLUMNS_MAX], const void *p, size_t n,
    struct rx_status *st) RX_MUST_USE;
/* Is there a row with the primary key of ${vals}, and is it the same?  If it is
 * another its bytes go to ${old} (may be NULL).  In a transaction. */
enum rx_there { RX_ABSENT, RX_SAME, RX_OTHER };
rx_err rx_store_compare(struct rx_store *s, enum rx_table table,
    const struct rx_value *vals, enum rx_there *how, struct rx_buf *old,
    struct rx_status *st) RX_MUST_USE;

/* Run query ${q} with ${nargs} arguments.  One cursor of a query at a time;
 * different queries may be open together. */
rx_err rx_query_open(struct rx_cursor **out, struct rx_store *s,
    enum rx_query q, const struct rx_value *args, unsigned nargs,
    struct rx_status *st) RX_MUST_USE;
/* The next row: *row is true, or false at the end. */
rx_err rx_query_next(struct rx_cursor *c, bool *row, struct rx_status *st)
    RX_MUST_USE;
int64_t rx_col_int(const struct rx_cursor *c, int col);
const void *rx_col_bytes(const struct rx_cursor *c, int col, size_t *n);
const char *rx_col_text(const struct rx_cursor *c, int col);	/* never NULL */
void rx_query_close(struct rx_cursor *c);	/* NULL is allowed */
/* All rows at once: the ids (16 bytes each) in column ${col}, appended to
 * ${ids}. */
rx_err rx_query_ids(struct rx_store *s, enum rx_query q,
    const struct rx_value *args, unsigned nargs, int col, struct rx_buf *ids,
    struct rx_status *st) RX_MUST_USE;

/* The digest of the manifest as it stands in this transaction (or as stored,
 * outside one). */
rx_err rx_store_manifest_digest(struct rx_store *s,
    uint8_t digest[RX_HASH_BYTES], struct rx_status *st) RX_MUST_USE;

/* The digest of a manifest made anew by reading every row of every table in
 * it.  ${progress} may be NULL; it is called with rows done. */
rx_err rx_store_manifest_recount(struct rx_store *s,
    uint8_t digest[RX_HASH_BYTES], void (*progress)(void *, size_t),
    void *cookie, struct rx_status *st) RX_MUST_USE;

/* The digest of the manifest of the rows of keys.db alone: counted there, or
 * (${stored}) what the stored manifest leaves when every row of content.db is
 * taken from it.  Equal, when content.db is as the manifest was written. */
rx_err rx_store_manifest_keys(struct rx_store *s, bool stored,
    uint8_t digest[RX_HASH_BYTES], struct rx_status *st) RX_MUST_USE;

/* SQLite's own check of both files (PRAGMA integrity_check). */
rx_err rx_store_check(struct rx_store *s, struct rx_status *st) RX_MUST_USE;

/* Rewrite both files without free pages; outside a transaction. */
rx_err rx_store_vacuum(struct rx_store *s, struct rx_status *st) RX_MUST_USE;

/* The lines of a file that is imported, in the order in which they are stored.  RX_EIO
 * (STORE_TEMPORARY) when SQLite's temporary file cannot be used. */
struct rx_file_line {
	int64_t number;		/* in the file, from 1 */
	uint64_t id;		/* a hash of type and caller's id: stands once */
	uint64_t child;		/* a hash of whose it is; some other, of nobody's */
	int step;		/* 0 the child, 1 consent, 2 the rest, 3 of nobody */
	bool ours;		/* the child may be called by our id */
	int64_t at, n;		/* where it is in the file, bytes */
};
struct rx_lines;
rx_err rx_lines_new(struct rx_lines **out, struct rx_status *st) RX_MUST_USE;
void rx_lines_free(struct rx_lines *l);		/* NULL is allowed */
rx_err rx_lines_put(struct rx_lines *l, const struct rx_file_line *line,
    struct rx_status *st) RX_MUST_USE;
/* After all were put: the number of a line whose id stood before, on the line
 * *first, or 0; the first such where none stands more than twice. */
rx_err rx_lines_twice(struct rx_lines *l, int64_t *number, int64_t *first,
    struct rx_status *st) RX_MUST_USE;
/* Then: the next in order (number, at, n, and for ${child} another number of its own,
 * not 0); *more is false at the end. */
rx_err rx_lines_next(struct rx_lines *l, struct rx_file_line *line, bool *more,
    struct rx_status *st) RX_MUST_USE;

/* A consistent image of both files, appended. */
rx_err rx_store_images(struct rx_store *s, struct rx_buf *content,
    struct rx_buf *keys, struct rx_status *st) RX_MUST_USE;

#endif
