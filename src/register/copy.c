#include "register/internal.h"

/*
 * A copy of the register: the folder of a backup with one row more, which says
 * which copy it is.  It has the store id, root, certificates and grants of the
 * home register, so rows fit both byte for byte, and an audit that goes on from
 * the same head as a chain of its own.
 */

#define NAME_MAX_CHARACTERS 20

/* Its id and name; *row tells whether it is a copy. */
static rx_err
row_of(struct rx_store *store, uint8_t id[RX_ID_BYTES], char *name,
    size_t size, bool *row, struct rx_status *st)
{
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	rx_err rc;

	*row = false;
	if ((rc = rx_query_open(&cur, store, RX_Q_COPY, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, row, st)) == RX_OK && *row) {
		p = rx_col_bytes(cur, 0, &n);
		if (n == RX_ID_BYTES)
			memcpy(id, p, n);
		rx_text_copy(name, size, rx_col_text(cur, 1));
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_copy_load(struct rx_session *s, struct rx_status *st)
{

	memset(s->copy_id, 0, RX_ID_BYTES);
	return (row_of(s->store, s->copy_id, s->copy_name,
	    sizeof(s->copy_name), &s->copy, st));
}

void
rx_copy_of(const char *dir, char *name, size_t size)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_store *store;
	struct rx_status st;
	bool row = false;

	name[0] = '\0';
	rx_status_clear(&st);
	if (rx_store_open(&store, dir, &st) != RX_OK)
		return;
	if (row_of(store, id, name, size, &row, &st) != RX_OK)
		name[0] = '\0';
	rx_store_close(store);
}

const char *
rx_session_copy(const struct rx_session *s)
{

	return (s->copy ? s->copy_name : NULL);
}

/* It stands in lists and entries of the audit, as one word. */
bool
rx_copy_name_valid(const char *name)
{
	const size_t n = strlen(name);
	size_t i;

	for (i = 0; i < n; i++)
		if ((unsigned char)name[i] <= ' ' || name[i] == 0x7f ||
		    name[i] == ':')
			return (false);
	return (n > 0 && n < RX_USER_NAME_BYTES && strcmp(name, "home") != 0 &&
	    rx_utf8_valid(name, n) && rx_utf8_count(name, n) <=
	    NAME_MAX_CHARACTERS);
}

static rx_err
name_check(const char *name, struct rx_status *st)
{

	return (rx_copy_name_valid(name) ? RX_OK :
	    rx_fail(st, RX_EUSAGE, RX_MSG_COPY_NAME));
}

/* The row, and an entry of the audit. */
static rx_err
begin(struct rx_session *s, const char *name, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_value v[3];
	rx_err rc;

	if (s->copy) {
		rx_status_arg(st, "copy", "%s", s->copy_name);
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_COPY_ALREADY));
	}
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rx_random(id, sizeof(id));
	v[0] = rx_bytes(id, sizeof(id));
	v[1] = rx_text(name);
	v[2] = rx_int(rx_session_now(s));
	rc = rx_store_insert(s->store, RX_TABLE_COPY, v, st);
	return (rx_finish(s, rc, RX_DID_COPY, NULL, name, st));
}

rx_err
rx_copy_begin(const char *dir, const char *user,
    const struct rx_secret *passphrase, const char *name,
    struct rx_status *st)
{
	struct rx_store *store;
	struct rx_session *s;
	rx_err rc;

	if ((rc = name_check(name, st)) != RX_OK ||
	    (rc = rx_store_open(&store, dir, st)) != RX_OK)
		return (rc);
	/* Not rx_session_open: signing in to the home register works on keys. */
	if ((rc = rx_session_attach(&s, store, user, passphrase, st)) ==
	    RX_OK) {
		rc = begin(s, name, st);
		rx_session_close(s);
	}
	rx_store_close(store);
	return (rc);
}
