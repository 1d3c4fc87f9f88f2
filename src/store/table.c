/*
 * The tables: constant statements to write a row, and its encoding for the
 * manifest.  The primary key is always the first columns.
 */

#include <string.h>

#include "store/internal.h"

#define V1 "?1"
#define V2 V1 ", ?2"
#define V3 V2 ", ?3"
#define V4 V3 ", ?4"
#define V5 V4 ", ?5"
#define V6 V5 ", ?6"
#define V7 V6 ", ?7"
#define V12 V7 ", ?8, ?9, ?10, ?11, ?12"

/* TABLE(kinds, nkeys, counted, name, columns, values, key, where, set) */
#define TABLE(k, nk, in, name, columns, values, key, where, set) { \
	.kinds = k, .nkeys = nk, .counted = in, .sql = { \
	    [RX_OP_INSERT] = "INSERT INTO " name "(" columns ") VALUES(" \
	        values ")", \
	    [RX_OP_REPLACE] = "INSERT INTO " name "(" columns ") VALUES(" \
	        values ") ON CONFLICT(" key ") DO UPDATE SET " set, \
	    [RX_OP_DELETE] = "DELETE FROM " name " WHERE " where, \
	    [RX_OP_SELECT] = "SELECT " columns " FROM " name " WHERE " where, \
	    [RX_OP_SCAN] = "SELECT * FROM " name " NOT INDEXED" } }

#define NEW(column) #column " = excluded." #column

const struct rx_table_def rx_table_defs[RX_TABLE_COUNT] = {
	[RX_TABLE_STORE] = TABLE("ibtit", 1, true, "main.store",
	    "id, store_id, unit, created, name", V5, "id", "id = ?1",
	    NEW(store_id) ", " NEW(unit) ", " NEW(created) ", " NEW(name)),
	[RX_TABLE_UNIT] = TABLE("tttt", 1, true, "main.unit",
	    "code, name, level, parent", V4, "code", "code = ?1",
	    NEW(name) ", " NEW(level) ", " NEW(parent)),
	[RX_TABLE_CHILD] = TABLE("bitbbbbbbbbb", 2, true, "main.child",
	    "id, version, unit, tag, name, id_number, phone, address, school, "
	    "guardian_name, guardian_phone, coded", V12, "id, version",
	    "id = ?1 AND version = ?2",
	    NEW(unit) ", " NEW(tag) ", " NEW(name) ", " NEW(id_number) ", "
	    NEW(phone) ", " NEW(address) ", " NEW(school) ", "
	    NEW(guardian_name) ", " NEW(guardian_phone) ", " NEW(coded)),
	[RX_TABLE_RECORD] = TABLE("bibtbbb", 2, true, "main.record",
	    "id, version, child, unit, tag, coded, narrative", V7,
	    "id, version", "id = ?1 AND version = ?2",
	    NEW(child) ", " NEW(unit) ", " NEW(tag) ", " NEW(coded) ", "
	    NEW(narrative)),
	[RX_TABLE_ACTIVITY] = TABLE("bitbb", 2, true, "main.activity",
	    "id, version, unit, tag, coded", V5,
	    "id, version", "id = ?1 AND version = ?2",
	    NEW(unit) ", " NEW(tag) ", " NEW(coded)),
	[RX_TABLE_RELEASE] = TABLE("bb", 1, true, "main.release",
	    "id, sealed", V2, "id", "id = ?1", NEW(sealed)),
	[RX_TABLE_USER] = TABLE("btb", 1, true, "keys.user",
	    "id, name, keyblob", V3, "id", "id = ?1",
	    NEW(name) ", " NEW(keyblob)),
	[RX_TABLE_CERT] = TABLE("bbb", 1, true, "keys.cert",
	    "id, user, cert", V3, "id", "id = ?1",
	    NEW(user) ", " NEW(cert)),
	[RX_TABLE_REVOCATION] = TABLE("bb", 1, true, "keys.revocation",
	    "id, revocation", V2, "id", "id = ?1", NEW(revocation)),
	[RX_TABLE_REQUEST] = TABLE("bb", 1, true, "keys.request",
	    "id, request", V2, "id", "id = ?1", NEW(request)),
	[RX_TABLE_ROOT] = TABLE("ib", 1, true, "keys.root",
	    "id, public", V2, "id", "id = ?1", NEW(public)),
	[RX_TABLE_UNIT_GRANT] = TABLE("tiibb", 4, true, "keys.unit_grant",
	    "unit, epoch, compartments, recipient, sealed", V5,
	    "unit, epoch, compartments, recipient",
	    "unit = ?1 AND epoch = ?2 AND compartments = ?3 AND "
	    "recipient = ?4", NEW(sealed)),
	[RX_TABLE_CASE_KEY] = TABLE("bitbbb", 2, true, "keys.case_key",
	    "child, epoch, unit, identity, narrative, coded", V6,
	    "child, epoch", "child = ?1 AND epoch = ?2",
	    NEW(unit) ", " NEW(identity) ", " NEW(narrative) ", "
	    NEW(coded)),
	[RX_TABLE_SLOT_OLD] = TABLE("bbb", 2, true, "keys.slot",
	    "child, recipient, sealed", V3, "child, recipient",
	    "child = ?1 AND recipient = ?2", NEW(sealed)),
	[RX_TABLE_RECOVERY] = TABLE("ib", 1, true, "keys.recovery",
	    "pair, sealed", V2, "pair", "pair = ?1", NEW(sealed)),
	[RX_TABLE_DRAFT] = TABLE("bbb", 2, false, "main.draft",
	    "user, place, sealed", V3, "user, place",
	    "user = ?1 AND place = ?2", NEW(sealed)),
	[RX_TABLE_UNIT_EPOCH] = TABLE("tiiib", 3, true, "keys.unit_epoch",
	    "unit, compartment, epoch, made, sealed", V5,
	    "unit, compartment, epoch",
	    "unit = ?1 AND compartment = ?2 AND epoch = ?3",
	    NEW(made) ", " NEW(sealed)),
	[RX_TABLE_CASE_LINK] = TABLE("bibbb", 2, true, "keys.case_link",
	    "child, epoch, identity, narrative, coded", V5, "child, epoch",
	    "child = ?1 AND epoch = ?2",
	    NEW(identity) ", " NEW(narrative) ", " NEW(coded)),
	[RX_TABLE_SUCCESSION] = TABLE("bb", 1, true, "keys.succession",
	    "user, proof", V2, "user", "user = ?1", NEW(proof)),
	[RX_TABLE_HANDOVER] = TABLE("bb", 1, true, "keys.handover",
	    "leaver, statement", V2, "leaver", "leaver = ?1", NEW(statement)),
	[RX_TABLE_COPY] = TABLE("bti", 1, true, "main.copy",
	    "id, name, made", V3, "id", "id = ?1",
	    NEW(name) ", " NEW(made)),
	[RX_TABLE_BUNDLE] = TABLE("biib", 1, true, "main.bundle",
	    "copy, number, made, sender", V4, "copy", "copy = ?1",
	    NEW(number) ", " NEW(made) ", " NEW(sender)),
	[RX_TABLE_CONFLICT] = TABLE("ibibbtb", 4, true, "main.conflict",
	    "source, id, version, digest, child, unit, stored", V7,
	    "source, id, version, digest", "source = ?1 AND id = ?2 AND "
	    "version = ?3 AND digest = ?4",
	    NEW(child) ", " NEW(unit) ", " NEW(stored)),
	[RX_TABLE_TRANSFER] = TABLE("btibbb", 1, true, "keys.transfer",
	    "child, unit, epoch, grants, coded, note", V6, "child",
	    "child = ?1", NEW(unit) ", " NEW(epoch) ", " NEW(grants) ", "
	    NEW(coded) ", " NEW(note)),
	[RX_TABLE_ERASURE] = TABLE("btiibb", 1, true, "main.erasure",
	    "child, unit, time, swept, coded, narrative", V6, "child",
	    "child = ?1", NEW(unit) ", " NEW(time) ", " NEW(swept) ", "
	    NEW(coded) ", " NEW(narrative)),
	[RX_TABLE_ANCHOR] = TABLE("bibbbi", 4, true, "main.anchor",
	    "chain, seq, hash, signer, statement, lost", V6,
	    "chain, seq, hash, signer", "chain = ?1 AND seq = ?2 AND "
	    "hash = ?3 AND signer = ?4", NEW(statement) ", " NEW(lost)),
	[RX_TABLE_SETTING] = TABLE("ti", 1, true, "main.setting",
	    "name, value", V2, "name", "name = ?1", NEW(value)),
	[RX_TABLE_TALLY] = TABLE("tb", 1, true, "main.tally",
	    "unit, sealed", V2, "unit", "unit = ?1", NEW(sealed)),
	[RX_TABLE_DEPARTURE] = TABLE("bbiibb", 1, true, "keys.departure",
	    "digest, child, number, state, coded, note", V6, "digest",
	    "digest = ?1", NEW(child) ", " NEW(number) ", " NEW(state) ", "
	    NEW(coded) ", " NEW(note)),
	[RX_TABLE_ARRIVAL] = TABLE("bbbb", 1, true, "main.arrival",
	    "digest, source, child, receipt", V4, "digest", "digest = ?1",
	    NEW(source) ", " NEW(child) ", " NEW(receipt)),
	[RX_TABLE_ORIGIN] = TABLE("bib", 2, true, "main.origin",
	    "child, no, sealed", V3, "child, no", "child = ?1 AND no = ?2",
	    NEW(sealed)),
	[RX_TABLE_MOVE] = TABLE("bibbbb", 2, true, "keys.move",
	    "child, epoch, statement, identity, narrative, coded", V6,
	    "child, epoch", "child = ?1 AND epoch = ?2",
	    NEW(statement) ", " NEW(identity) ", " NEW(narrative) ", "
	    NEW(coded)),
	[RX_TABLE_KEPT] = TABLE("bb", 1, false, "keys.kept",
	    "user, sealed", V2, "user", "user = ?1", NEW(sealed)),
	[RX_TABLE_SLOT] = TABLE("bbb", 2, true, "main.slot",
	    "child, recipient, sealed", V3, "child, recipient",
	    "child = ?1 AND recipient = ?2", NEW(sealed)),
	[RX_TABLE_SLOT_KEY] = TABLE("bibb", 1, true, "keys.slot_key",
	    "child, epoch, identity, narrative", V4, "child", "child = ?1",
	    NEW(epoch) ", " NEW(identity) ", " NEW(narrative)),
	[RX_TABLE_EXTRACT] = TABLE("bb", 1, true, "main.extract",
	    "child, sealed", V2, "child", "child = ?1", NEW(sealed)),
	/* Append-only: there is no statement to change an entry. */
	[RX_TABLE_AUDIT] = { .kinds = "iibbb", .nkeys = 1, .counted = false,
	    .sql = { [RX_OP_INSERT] = "INSERT INTO main.audit("
	        "seq, time, payload, proof, hash) VALUES(" V5 ")" } },
	/* Written by the commit only. */
	[RX_TABLE_MANIFEST] = { .kinds = "ib", .nkeys = 1, .counted = false,
	    .sql = {
	        [RX_OP_REPLACE] = "UPDATE main.manifest SET lanes = ?2 "
	            "WHERE id = ?1",
	        [RX_OP_SELECT] = "SELECT id, lanes FROM main.manifest "
	            "WHERE id = ?1" } }
};

struct rx_value
rx_int(int64_t i)
{
	struct rx_value v = { RX_INT, i, NULL, 0 };

	return (v);
}

struct rx_value
rx_bytes(const void *p, size_t n)
{
	struct rx_value v = { RX_BYTES, 0, p, n };

	return (v);
}

struct rx_value
rx_text(const char *s)
{
	struct rx_value v = { RX_TEXT, 0, s, strlen(s) };

	return (v);
}

rx_err
rx_store_prepare(sqlite3_stmt **out, struct rx_store *s, const char *sql,
    struct rx_status *st)
{
	int code;

	code = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT,
	    out, NULL);
	if (code != SQLITE_OK)
		return (rx_sqlite_fail(st, code, s->how, __func__));
	return (RX_OK);
}

rx_err
rx_table_statement(sqlite3_stmt **out, struct rx_store *s,
    enum rx_table table, enum rx_op op, struct rx_status *st)
{
	const char *sql = rx_table_defs[table].sql[op];
	sqlite3_stmt **kept = &s->table[table][op];
	rx_err rc;

	*out = NULL;
	if (sql == NULL)
		return (rx_store_misuse(st, "statement", __func__));
	if (*kept == NULL &&
	    (rc = rx_store_prepare(kept, s, sql, st)) != RX_OK)
		return (rc);
	*out = *kept;
	return (RX_OK);
}

int
rx_bind(sqlite3_stmt *stmt, int i, const struct rx_value *v,
    sqlite3_destructor_type keep)
{
	/* SQLite takes a NULL pointer for NULL, also with no bytes. */
	const char *p = v->p != NULL ? v->p : "";

	switch (v->kind) {
	case RX_NULL:
		return (sqlite3_bind_null(stmt, i));
	case RX_INT:
		return (sqlite3_bind_int64(stmt, i, v->i));
	case RX_BYTES:
		return (sqlite3_bind_blob64(stmt, i, p, v->n, keep));
	case RX_TEXT:
		return (sqlite3_bind_text64(stmt, i, p, v->n, keep,
		    SQLITE_UTF8));
	}
	return (SQLITE_MISUSE);
}

/* Append one column of a row to its encoding. */
static rx_err
encode_value(struct rx_buf *buf, const struct rx_value *v,
    struct rx_status *st)
{
	uint8_t head[5], integer[8];
	const void *p = v->p;
	size_t n = v->n;
	rx_err rc;

	if (v->kind == RX_INT) {
		rx_put64(integer, (uint64_t)v->i);
		p = integer;
		n = sizeof(integer);
	} else if (v->kind == RX_NULL) {
		n = 0;
	}
	if (n > UINT32_MAX)
		return (rx_store_misuse(st, "row too large", __func__));
	head[0] = (uint8_t)v->kind;
	rx_put32(head + 1, (uint32_t)n);
	if ((rc = rx_buf_add(buf, head, sizeof(head), st)) != RX_OK)
		return (rc);
	if (n == 0)
		return (RX_OK);
	return (rx_buf_add(buf, p, n, st));
}

static bool
kind_is(const struct rx_value *v, char kind)
{

	return ((kind == 'i' && v->kind == RX_INT) ||
	    (kind == 'b' && v->kind == RX_BYTES) ||
	    (kind == 't' && v->kind == RX_TEXT));
}

/**
 * check_kinds(table, vals, n, st):
 * The first ${n} of ${vals} must have the kinds of the columns of ${table}: a
 * STRICT table would quietly turn the text "5" into the integer 5, and a NULL
 * key into a new number, and the manifest would then describe another row.
 * Together they must not exceed RX_ROW_MAX.
 */
static rx_err
check_kinds(enum rx_table table, const struct rx_value *vals, size_t n,
    struct rx_status *st)
{
	size_t i, left = RX_ROW_MAX;

	for (i = 0; i < n; i++) {
		if (!kind_is(&vals[i], rx_table_defs[table].kinds[i]))
			return (rx_store_misuse(st, "column kind", __func__));
		if (vals[i].kind == RX_INT)
			continue;
		if (vals[i].n > left)
			return (rx_store_misuse(st, "row too large",
			    __func__));
		left -= vals[i].n;
	}
	return (RX_OK);
}

static rx_err
encode_values(struct rx_buf *buf, enum rx_table table,
    const struct rx_value *vals, size_t n, struct rx_status *st)
{
	uint8_t no[4];
	size_t i;
	rx_err rc;

	rx_buf_reset(buf);
	rx_put32(no, (uint32_t)table);
	if ((rc = rx_buf_add(buf, no, sizeof(no), st)) != RX_OK)
		return (rc);
	for (i = 0; i < n; i++)
		if ((rc = encode_value(buf, &vals[i], st)) != RX_OK)
			return (rc);
	return (RX_OK);
}

/* Column ${col} of the row of ${stmt}; false when SQLite has no memory. */
static bool
column_value(struct rx_value *v, sqlite3_stmt *stmt, int col)
{

	memset(v, 0, sizeof(*v));
	switch (sqlite3_column_type(stmt, col)) {
	case SQLITE_INTEGER:
		*v = rx_int(sqlite3_column_int64(stmt, col));
		return (true);
	case SQLITE_BLOB:
		v->kind = RX_BYTES;
		v->p = sqlite3_column_blob(stmt, col);
		break;
	case SQLITE_TEXT:
		v->kind = RX_TEXT;
		v->p = sqlite3_column_text(stmt, col);
		break;
	default:	/* NULL or a float: neither is in any of our columns */
		v->kind = RX_NULL;
		return (true);
	}
	v->n = (size_t)sqlite3_column_bytes(stmt, col);
	return (v->p != NULL || v->n == 0);
}

rx_err
rx_table_encode_row(struct rx_buf *buf, enum rx_table table,
    sqlite3_stmt *stmt, struct rx_status *st)
{
	struct rx_value vals[RX_COLUMNS_MAX];
	const char *kinds = rx_table_defs[table].kinds;
	size_t i, n = strlen(kinds);

	/* A table that has grown in a migration, and not here. */
	if (sqlite3_column_count(stmt) != (int)n)
		return (rx_store_misuse(st, "column count", __func__));
	for (i = 0; i < n; i++) {
		if (!column_value(&vals[i], stmt, (int)i))
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		if (!kind_is(&vals[i], kinds[i]))
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_STORE_CORRUPT));
	}
	return (encode_values(buf, table, vals, n, st));
}

/* Run the writing statement ${op} of ${table} with the first ${n} values. */
static rx_err
run(struct rx_store *s, enum rx_table table, enum rx_op op,
    const struct rx_value *vals, size_t n, struct rx_status *st)
{
	sqlite3_stmt *stmt;
	int code = SQLITE_OK;
	size_t i;
	rx_err rc;

	if ((rc = rx_table_statement(&stmt, s, table, op, st)) != RX_OK)
		return (rc);
	for (i = 0; code == SQLITE_OK && i < n; i++)
		code = rx_bind(stmt, (int)i + 1, &vals[i], SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code != SQLITE_DONE)
		rc = rx_sqlite_fail(st, code, s->how, __func__);
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return (rc);
}

/* Put the encoding of the row with the key ${key} in s->old, if there is one. */
static rx_err
read_old(struct rx_store *s, enum rx_table table, const struct rx_value *key,
    bool *found, struct rx_status *st)
{
	sqlite3_stmt *stmt;
	int i, code = SQLITE_OK;
	rx_err rc;

	*found = false;
	rc = rx_table_statement(&stmt, s, table, RX_OP_SELECT, st);
	if (rc != RX_OK)
		return (rc);
	for (i = 0; code == SQLITE_OK && i < rx_table_defs[table].nkeys; i++)
		code = rx_bind(stmt, i + 1, &key[i], SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	if (code == SQLITE_ROW) {
		rc = rx_table_encode_row(&s->old, table, stmt, st);
		*found = (rc == RX_OK);
	} else if (code != SQLITE_DONE) {
		rc = rx_sqlite_fail(st, code, s->how, __func__);
	}
	(void)sqlite3_reset(stmt);
	(void)sqlite3_clear_bindings(stmt);
	return (rc);
}

/**
 * check_write(s, table, vals, n, st):
 * A row may only be written in a transaction, which SQLite ends by itself
 * after some failures, and with values that fit the columns.
 */
static rx_err
check_write(struct rx_store *s, enum rx_table table,
    const struct rx_value *vals, size_t n, struct rx_status *st)
{

	if (!s->tx)
		return (rx_store_misuse(st, "no transaction", __func__));
	if (sqlite3_get_autocommit(s->db))
		return (rx_sqlite_fail(st, SQLITE_IOERR, s->how, __func__));
	return (check_kinds(table, vals, n, st));
}

/* Whether ${table} is one that callers may write with ${op}. */
static bool
allowed(enum rx_table table, enum rx_op op)
{

	return (table > RX_TABLE_NONE && table < RX_TABLE_COUNT &&
	    table != RX_TABLE_MANIFEST && rx_table_defs[table].sql[op] != NULL);
}

rx_err
rx_store_insert(struct rx_store *s, enum rx_table table,
    const struct rx_value *vals, struct rx_status *st)
{
	size_t n;
	rx_err rc;

	if (!allowed(table, RX_OP_INSERT))
		return (rx_store_misuse(st, "insert", __func__));
	n = strlen(rx_table_defs[table].kinds);
	if ((rc = check_write(s, table, vals, n, st)) != RX_OK)
		return (rc);
	if (rx_table_defs[table].counted &&
	    (rc = encode_values(&s->row, table, vals, n, st)) != RX_OK)
		return (rc);
	if ((rc = run(s, table, RX_OP_INSERT, vals, n, st)) != RX_OK)
		return (rc);

	/* From here on nothing fails: the manifest and the rows agree. */
	if (rx_table_defs[table].counted) {
		rx_manifest_add(&s->manifest, s->row.b, s->row.len);
		s->dirty = true;
	}
	return (RX_OK);
}

rx_err
rx_store_row_count(struct rx_manifest *m, struct rx_buf *scratch,
    enum rx_table table, const struct rx_value *vals, struct rx_status *st)
{
	const size_t n = strlen(rx_table_defs[table].kinds);
	rx_err rc;

	if ((rc = check_kinds(table, vals, n, st)) != RX_OK ||
	    (rc = encode_values(scratch, table, vals, n, st)) != RX_OK)
		return (rc);
	rx_manifest_add(m, scratch->b, scratch->len);
	return (RX_OK);
}

rx_err
rx_store_insert_counted(struct rx_store *s, enum rx_table table,
    const struct rx_value *vals, struct rx_status *st)
{
	const size_t n = strlen(rx_table_defs[table].kinds);
	rx_err rc;

	if (!allowed(table, RX_OP_INSERT) || !rx_table_defs[table].counted)
		return (rx_store_misuse(st, "insert", __func__));
	if ((rc = check_write(s, table, vals, n, st)) != RX_OK)
		return (rc);
	if ((rc = run(s, table, RX_OP_INSERT, vals, n, st)) == RX_OK)
		s->uncounted++;
	return (rc);
}

rx_err
rx_store_count(struct rx_store *s, const struct rx_manifest *m, size_t n,
    struct rx_status *st)
{

	if (!s->tx || n > s->uncounted)
		return (rx_store_misuse(st, "rows to count", __func__));
	rx_manifest_join(&s->manifest, m);
	s->uncounted -= n;
	s->dirty = true;
	return (RX_OK);
}

rx_err
rx_store_replace(struct rx_store *s, enum rx_table table,
    const struct rx_value *vals, struct rx_status *st)
{
	bool found = false;
	size_t n;
	rx_err rc;

	if (!allowed(table, RX_OP_REPLACE))
		return (rx_store_misuse(st, "replace", __func__));
	n = strlen(rx_table_defs[table].kinds);
	if ((rc = check_write(s, table, vals, n, st)) != RX_OK)
		return (rc);
	if (rx_table_defs[table].counted &&
	    ((rc = encode_values(&s->row, table, vals, n, st)) != RX_OK ||
	    (rc = read_old(s, table, vals, &found, st)) != RX_OK))
		return (rc);
	if ((rc = run(s, table, RX_OP_REPLACE, vals, n, st)) != RX_OK)
		return (rc);
	if (rx_table_defs[table].counted) {
		if (found)
			rx_manifest_remove(&s->manifest, s->old.b, s->old.len);
		rx_manifest_add(&s->manifest, s->row.b, s->row.len);
		s->dirty = true;
	}
	return (RX_OK);
}

rx_err
rx_store_delete(struct rx_store *s, enum rx_table table,
    const struct rx_value *key, bool *deleted, struct rx_status *st)
{
	const bool counted = rx_table_defs[table].counted;
	bool found = true;
	size_t n;
	rx_err rc;

	if (deleted != NULL)
		*deleted = false;
	if (!allowed(table, RX_OP_DELETE))
		return (rx_store_misuse(st, "delete", __func__));
	n = (size_t)rx_table_defs[table].nkeys;
	if ((rc = check_write(s, table, key, n, st)) != RX_OK)
		return (rc);
	if (counted && ((rc = read_old(s, table, key, &found, st)) != RX_OK ||
	    !found))
		return (rc);
	if ((rc = run(s, table, RX_OP_DELETE, key, n, st)) != RX_OK)
		return (rc);
	if (counted) {
		rx_manifest_remove(&s->manifest, s->old.b, s->old.len);
		s->dirty = true;
	}
	if (deleted != NULL)
		*deleted = counted || sqlite3_changes(s->db) > 0;
	return (RX_OK);
}

/* ---- rows as bytes ---- */

rx_err
rx_row_bytes(struct rx_buf *out, const struct rx_cursor *c,
    enum rx_table table, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_table_encode_row(&c->s->row, table, c->stmt, st)) !=
	    RX_OK)
		return (rc);
	return (rx_buf_add(out, c->s->row.b, c->s->row.len, st));
}

rx_err
rx_row_encode(struct rx_buf *out, enum rx_table table,
    const struct rx_value *vals, struct rx_status *st)
{
	const size_t n = strlen(rx_table_defs[table].kinds);
	uint8_t no[4];
	size_t i;
	rx_err rc;

	if ((rc = check_kinds(table, vals, n, st)) != RX_OK)
		return (rc);
	rx_put32(no, (uint32_t)table);
	rc = rx_buf_add(out, no, sizeof(no), st);
	for (i = 0; i < n && rc == RX_OK; i++)
		rc = encode_value(out, &vals[i], st);
	return (rc);
}

/* One column at ${*p}, of ${*n} bytes; false when it is not whole. */
static bool
decode_value(struct rx_value *v, char kind, const uint8_t **p, size_t *n)
{
	size_t len;

	if (*n < 5 || (len = rx_get32(*p + 1)) > *n - 5)
		return (false);
	memset(v, 0, sizeof(*v));
	v->kind = (enum rx_value_kind)(*p)[0];
	if (!kind_is(v, kind) || (v->kind == RX_INT && len != 8))
		return (false);
	*p += 5;
	if (v->kind == RX_INT)
		v->i = (int64_t)rx_get64(*p);
	else {
		v->p = *p;
		v->n = len;
	}
	*p += len;
	*n -= 5 + len;
	/* A zero byte in it would be the end for us, and not for SQLite. */
	return (v->kind != RX_TEXT ||
	    (memchr(v->p, '\0', v->n) == NULL &&
	    rx_utf8_valid((const char *)v->p, v->n)));
}

rx_err
rx_row_decode(enum rx_table *table, struct rx_value vals[RX_COLUMNS_MAX],
    const void *bytes, size_t n, struct rx_status *st)
{
	const uint8_t *p = bytes;
	const char *kinds;
	size_t i;

	*table = RX_TABLE_NONE;
	if (n < 4 || rx_get32(p) >= RX_TABLE_COUNT ||
	    (kinds = rx_table_defs[rx_get32(p)].kinds) == NULL)
		goto err0;
	*table = (enum rx_table)rx_get32(p);
	p += 4;
	n -= 4;
	for (i = 0; kinds[i] != '\0'; i++)
		if (!decode_value(&vals[i], kinds[i], &p, &n))
			goto err0;
	if (n == 0)
		return (RX_OK);
err0:
	*table = RX_TABLE_NONE;
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT));
}

rx_err
rx_store_compare(struct rx_store *s, enum rx_table table,
    const struct rx_value *vals, enum rx_there *how, struct rx_buf *old,
    struct rx_status *st)
{
	const size_t n = strlen(rx_table_defs[table].kinds);
	bool found;
	rx_err rc;

	*how = RX_ABSENT;
	if ((rc = check_write(s, table, vals, n, st)) != RX_OK ||
	    (rc = encode_values(&s->row, table, vals, n, st)) != RX_OK ||
	    (rc = read_old(s, table, vals, &found, st)) != RX_OK || !found)
		return (rc);
	*how = s->row.len == s->old.len &&
	    memcmp(s->row.b, s->old.b, s->row.len) == 0 ? RX_SAME : RX_OTHER;
	if (*how == RX_SAME || old == NULL)
		return (RX_OK);
	return (rx_buf_add(old, s->old.b, s->old.len, st));
}
