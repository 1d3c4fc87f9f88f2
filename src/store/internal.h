#ifndef RX_STORE_INTERNAL_H
#define RX_STORE_INTERNAL_H

/*
 * What the files of src/store share; the only header that includes sqlite3.h.
 *
 *   store.c    the folder: create, open, close, check, vacuum, images
 *   connect.c  a connection and its settings; SQLite's errors as ours
 *   migrate.c  migrations, and the comparison with what they make
 *   table.c    the tables: insert, replace, delete, the encoding of a row
 *   manifest.c transactions and the manifest that they carry
 *   query.c    cursors over query.def
 *   lines.c    a file of lines, sorted; no part of the register
 */

#include <sqlite3.h>

#include "schema.h"
#include "store/store.h"

/* ---- the two files ---- */
enum rx_file_no { RX_FILE_CONTENT, RX_FILE_KEYS, RX_FILE_COUNT };

struct rx_file_def {
	const char *name;	/* in rx_migrations */
	const char *path;	/* in the folder */
	int application_id;
	/* constant statements */
	const char *birth;	/* in its own connection, before migration 1 */
	const char *seed;	/* the same, after the last one; NULL for none */
	const char *get_id, *get_version, *get_hash, *count_hashes;
	const char *objects;	/* type, name, tbl_name, sql, in order */
	const char *touch;	/* any read, to take the shared lock */
	const char *page_count, *page_size;
	const char *journal;
	const char *check;
	const char *vacuum;
};
extern const struct rx_file_def rx_file_defs[RX_FILE_COUNT];

/* Bytes of a row at most; SQLite is told to refuse more than twice that. */
#define RX_ROW_MAX (64 * 1024 * 1024)

/* ---- connect.c ---- */

/* What SQLite's code means depends on what was already checked. */
#define RX_SQL_UNCHECKED 1u	/* the schema is not known to be ours yet */
#define RX_SQL_IMAGE 2u		/* there is no disk */

/* Record the SQLite result ${code}, not SQLITE_OK, in ${st}. */
rx_err rx_sqlite_fail(struct rx_status *st, int code, unsigned how,
    const char *where);

/**
 * rx_connect(out, path, how, st):
 * Open the one file ${path} (or ":memory:"), which must exist, with every
 * connection-wide setting that the design asks for.  The caller closes
 * ${*out} with sqlite3_close.
 */
rx_err rx_connect(sqlite3 **out, const char *path, unsigned how,
    struct rx_status *st) RX_MUST_USE;

/* Set and check the journal of the joint connection's file ${f}. */
rx_err rx_connect_journal(sqlite3 *db, enum rx_file_no f, unsigned how,
    struct rx_status *st) RX_MUST_USE;

/* Run the constant statements ${sql}, rows ignored. */
rx_err rx_exec(sqlite3 *db, const char *sql, unsigned how,
    struct rx_status *st) RX_MUST_USE;

/* The integer in the first column of the first row of ${sql}. */
rx_err rx_exec_int(sqlite3 *db, const char *sql, int64_t *v, unsigned how,
    struct rx_status *st) RX_MUST_USE;

/* ---- migrate.c ---- */

/* The number of the last migration of file ${f} among the ${n} in ${list}. */
int64_t rx_migrate_last(enum rx_file_no f, const struct rx_migration *list,
    size_t n);

/**
 * rx_migrate_birth(db, f, list, n, how, st):
 * In one transaction make the empty database that is main in ${db} into the
 * file ${f}: its application id, the table schema_migration, then all its
 * migrations of the ${n} in ${list}.
 */
rx_err rx_migrate_birth(sqlite3 *db, enum rx_file_no f,
    const struct rx_migration *list, size_t n, unsigned how,
    struct rx_status *st) RX_MUST_USE;

/**
 * rx_migrate_upgrade(db, f, list, n, st):
 * Check that the database that is main in ${db} is a file ${f} that was made by
 * the first migrations in ${list}, then apply those that are still missing, one
 * transaction each.  RX_ECORRUPT (STORE_SCHEMA) when a migration that was
 * applied is not the one in the list, or not in the list at all.
 */
rx_err rx_migrate_upgrade(sqlite3 *db, enum rx_file_no f,
    const struct rx_migration *list, size_t n, struct rx_status *st)
    RX_MUST_USE;

/**
 * rx_migrate_verify(db, f, how, st):
 * Compare the file ${f} of the joint connection ${db} with what the program's
 * own migrations make: application id, version, migrations, and every row of
 * sqlite_schema.  RX_ECORRUPT when there is a difference.
 */
rx_err rx_migrate_verify(sqlite3 *db, enum rx_file_no f, unsigned how,
    struct rx_status *st) RX_MUST_USE;

/* ---- table.c ---- */
enum rx_op {
	RX_OP_INSERT, RX_OP_REPLACE, RX_OP_DELETE, RX_OP_SELECT, RX_OP_SCAN,
	RX_OP_COUNT
};

struct rx_table_def {
	const char *kinds;	/* a column each: i integer, b bytes, t text */
	int nkeys;		/* the first columns are the primary key */
	bool counted;		/* in the manifest */
	const char *sql[RX_OP_COUNT];
};
extern const struct rx_table_def rx_table_defs[RX_TABLE_COUNT];

/* The statement ${op} of ${table}, prepared once. */
rx_err rx_table_statement(sqlite3_stmt **out, struct rx_store *s,
    enum rx_table table, enum rx_op op, struct rx_status *st) RX_MUST_USE;

/* Put the encoding (crypto/chain.h) of the row on which ${stmt} stands, all
 * columns of ${table}, in ${buf}, whose contents are forgotten. */
rx_err rx_table_encode_row(struct rx_buf *buf, enum rx_table table,
    sqlite3_stmt *stmt, struct rx_status *st) RX_MUST_USE;

/* Bind ${v} as parameter ${i}; ${keep} is SQLITE_STATIC or SQLITE_TRANSIENT.
 * Returns a result code of SQLite. */
int rx_bind(sqlite3_stmt *stmt, int i, const struct rx_value *v,
    sqlite3_destructor_type keep);

/* ---- manifest.c ---- */

/* Between these two all reads see both files as they stood at one moment;
 * inside a transaction, where that is so anyway, they do nothing. */
rx_err rx_read_begin(struct rx_store *s, struct rx_status *st) RX_MUST_USE;
void rx_read_end(struct rx_store *s);

/* ---- the open register ---- */
struct rx_cursor {
	struct rx_store *s;
	sqlite3_stmt *stmt;	/* kept when closed */
	bool open;
	bool done;		/* no more rows */
};

enum rx_end { RX_END_COMMIT, RX_END_ROLLBACK, RX_ENDS };

struct rx_store {
	sqlite3 *db;
	unsigned how;		/* RX_SQL_ flags */
	bool tx;		/* between begin and commit or rollback */
	bool reading;		/* between read and rollback */
	bool dirty;		/* the manifest differs from the stored one */
	struct rx_manifest manifest;	/* while tx */
	size_t uncounted;		/* rows that are not in it yet */
	struct rx_buf row, old;	/* encodings, scratch */
	struct rx_buf image[RX_FILE_COUNT];	/* brought up to date; of an
						 * older backup */
	sqlite3_stmt *lock;	/* when it was taken once */
	sqlite3_stmt *end[RX_ENDS];
	sqlite3_stmt *table[RX_TABLE_COUNT][RX_OP_COUNT];
	struct rx_cursor cursor[RX_QUERY_COUNT];
};

/* Prepare the constant ${sql} to be kept with the store. */
rx_err rx_store_prepare(sqlite3_stmt **out, struct rx_store *s,
    const char *sql, struct rx_status *st) RX_MUST_USE;

/* A call that the program must not make: RX_EINTERNAL, naming ${what}. */
rx_err rx_store_misuse(struct rx_status *st, const char *what,
    const char *where);

#endif
