/*
 * Cursors: every read of the program is one of the statements of query.def.
 */

#include "store/internal.h"

static const char *const queries[RX_QUERY_COUNT] = {
#define QUERY(name, sql) [RX_Q_##name] = sql,
#include "store/query.def"
#undef QUERY
};

rx_err
rx_query_open(struct rx_cursor **out, struct rx_store *s, enum rx_query q,
    const struct rx_value *args, unsigned nargs, struct rx_status *st)
{
	struct rx_cursor *c;
	int code = SQLITE_OK;
	unsigned i;
	rx_err rc;

	*out = NULL;
	if ((unsigned)q >= RX_QUERY_COUNT)
		return (rx_store_misuse(st, "query", __func__));
	c = &s->cursor[q];
	if (c->open)
		return (rx_store_misuse(st, "query is open", __func__));
	if (c->stmt == NULL &&
	    (rc = rx_store_prepare(&c->stmt, s, queries[q], st)) != RX_OK)
		return (rc);
	if ((int)nargs != sqlite3_bind_parameter_count(c->stmt))
		return (rx_store_misuse(st, "query arguments", __func__));
	for (i = 0; code == SQLITE_OK && i < nargs; i++)
		code = rx_bind(c->stmt, (int)i + 1, &args[i],
		    SQLITE_TRANSIENT);
	if (code != SQLITE_OK) {
		(void)sqlite3_clear_bindings(c->stmt);
		return (rx_sqlite_fail(st, code, s->how, __func__));
	}

	/* Success! */
	c->s = s;
	c->open = true;
	c->done = false;
	*out = c;
	return (RX_OK);
}

rx_err
rx_query_next(struct rx_cursor *c, bool *row, struct rx_status *st)
{
	int code;

	*row = false;
	if (c == NULL || !c->open)
		return (rx_store_misuse(st, "query is closed", __func__));
	if (c->done)
		return (RX_OK);
	code = sqlite3_step(c->stmt);
	if (code == SQLITE_ROW) {
		*row = true;
		return (RX_OK);
	}

	/* Let go of the lock; a later step would start again from the top. */
	(void)sqlite3_reset(c->stmt);
	c->done = true;
	if (code == SQLITE_DONE)
		return (RX_OK);
	return (rx_sqlite_fail(st, code, c->s->how, __func__));
}

int64_t
rx_col_int(const struct rx_cursor *c, int col)
{

	if (sqlite3_column_type(c->stmt, col) != SQLITE_INTEGER)
		return (0);
	return (sqlite3_column_int64(c->stmt, col));
}

const void *
rx_col_bytes(const struct rx_cursor *c, int col, size_t *n)
{
	const void *p;
	int type;

	*n = 0;
	type = sqlite3_column_type(c->stmt, col);
	if (type != SQLITE_BLOB && type != SQLITE_TEXT)
		return ("");
	if ((p = sqlite3_column_blob(c->stmt, col)) == NULL)
		return ("");
	*n = (size_t)sqlite3_column_bytes(c->stmt, col);
	return (p);
}

const char *
rx_col_text(const struct rx_cursor *c, int col)
{
	const unsigned char *p;

	if (sqlite3_column_type(c->stmt, col) != SQLITE_TEXT)
		return ("");
	p = sqlite3_column_text(c->stmt, col);
	return (p != NULL ? (const char *)p : "");
}

void
rx_query_close(struct rx_cursor *c)
{

	if (c == NULL)
		return;
	(void)sqlite3_reset(c->stmt);
	(void)sqlite3_clear_bindings(c->stmt);
	c->open = false;
}

rx_err
rx_query_ids(struct rx_store *s, enum rx_query q, const struct rx_value *args,
    unsigned nargs, int col, struct rx_buf *ids, struct rx_status *st)
{
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s, q, args, nargs, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, col, &n);
		if (n == RX_ID_BYTES &&
		    (rc = rx_buf_add(ids, p, n, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}
