#include "base/file.h"
#include "register/internal.h"

/*
 * An address: who may be sent a case from another register, and where his
 * signatures come from.  608 bytes:
 *      0   4  "RXAD"
 *      4   1  version, 1
 *      5   3  0
 *      8  16  store id
 *     24  32  public key of the root
 *     56 280  certificate of a director
 *    336  16  unit, at or under that of the certificate
 *    352  64  name of the register, zeros after
 *    416 128  name of the unit, zeros after
 *    544  64  signature of the certificate's key over "runxin address v1\0" ||
 *             0..543
 * Its fingerprint (crypto/container.h) is that of bytes 0..543, so that six
 * groups of digits stand for all of it.  Nothing in it changes until keys or
 * names do: the same address, made again, has the same digits.
 */

#define SIGNED 544
#define LABEL "runxin address v1"

_Static_assert(SIGNED + RX_SIGNATURE_BYTES == RX_ADDRESS_BYTES, "address");

static rx_err
corrupt(struct rx_status *st)
{

	rx_status_clear(st);
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_ADDRESS_CORRUPT));
}

/* The text of ${n} bytes at ${p}: UTF-8, at least one zero after it, and
 * nothing after that. */
static bool
text_take(char *out, const uint8_t *p, size_t n)
{
	const size_t len = strnlen((const char *)p, n);
	size_t i;

	if (len == 0 || len == n || !rx_utf8_valid((const char *)p, len))
		return (false);
	for (i = len; i < n; i++)
		if (p[i] != 0)
			return (false);
	memcpy(out, p, n);
	return (true);
}

rx_err
rx_address_take(struct rx_address *a, const void *bytes, size_t n,
    struct rx_status *st)
{
	const uint8_t *p = bytes;

	memset(a, 0, sizeof(*a));
	if (n != RX_ADDRESS_BYTES || memcmp(p, "RXAD\1\0\0\0", 8) != 0)
		return (corrupt(st));
	memcpy(a->bytes, p, n);
	memcpy(a->store, p + 8, RX_ID_BYTES);
	memcpy(a->root, p + 24, sizeof(a->root));
	if (rx_cert_open(&a->cert, p + 56, RX_CERT_BYTES, a->root, a->store,
	    st) != RX_OK || a->cert.role != RX_ROLE_DIRECTOR ||
	    !rx_sign_verify(p + SIGNED, a->cert.sign_public, LABEL, p,
	    SIGNED) || !rx_unit_stored(a->unit, p + 336, strnlen(
	    (const char *)p + 336, RX_UNIT_BYTES)) ||
	    memcmp(a->unit, p + 336, RX_UNIT_BYTES) != 0 ||
	    !rx_unit_covers(a->cert.unit, a->unit) ||
	    !text_take(a->register_name, p + 352, sizeof(a->register_name)) ||
	    !text_take(a->unit_name, p + 416, sizeof(a->unit_name))) {
		memset(a, 0, sizeof(*a));
		return (corrupt(st));
	}
	rx_fingerprint(a->fingerprint, p, SIGNED);
	return (RX_OK);
}

/* The newest live certificate by which the session directs ${unit}; NULL. */
static const struct rx_member *
directing(const struct rx_session *s, const char *unit)
{
	const size_t first = rx_member_first(s, s->user_id);
	const struct rx_member *m = NULL;
	size_t i;

	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++)
		if (s->members[i].cert.role == RX_ROLE_DIRECTOR &&
		    rx_member_live(&s->members[i]) && (unit == NULL ||
		    rx_unit_covers(s->members[i].cert.unit, unit)))
			m = &s->members[i];
	return (m);
}

/* The bytes of the certificate ${id} at ${p}. */
static rx_err
cert_bytes(uint8_t p[RX_CERT_BYTES], struct rx_session *s, const uint8_t *id,
    struct rx_status *st)
{
	struct rx_cursor *cur;
	const void *from;
	size_t n;
	bool row = false, found = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_CERTS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while (!found && (rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		from = rx_col_bytes(cur, 0, &n);
		if (n != RX_ID_BYTES || memcmp(from, id, n) != 0)
			continue;
		from = rx_col_bytes(cur, 2, &n);
		if ((found = n == RX_CERT_BYTES))
			memcpy(p, from, n);
	}
	rx_query_close(cur);
	return (rc != RX_OK || found ? rc :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_CERT_CORRUPT));
}

/* The name of the register, at most ${size} bytes. */
static rx_err
register_name(struct rx_session *s, char *out, size_t size,
    struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_STORE, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		rx_text_copy(out, size, rx_col_text(cur, 4));
	rx_query_close(cur);
	/* A register may have no name; an address needs something to read. */
	if (rc == RX_OK && out[0] == '\0')
		rx_text_copy(out, size, s->unit);
	return (rc);
}

rx_err
rx_address_own(struct rx_address *a, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	const struct rx_member *m = directing(s, unit);
	uint8_t p[RX_ADDRESS_BYTES] = { 0 };
	rx_err rc;

	/* The clock may have moved since it was asked for the certificate. */
	if (m == NULL)
		return ((rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, st)) !=
		    RX_OK ? rc : rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL));
	memcpy(p, "RXAD\1", 5);
	memcpy(p + 8, s->store_id, RX_ID_BYTES);
	memcpy(p + 24, s->blob->root_public, 32);
	memcpy(p + 336, unit, RX_UNIT_BYTES);
	if ((rc = cert_bytes(p + 56, s, m->cert.id, st)) != RX_OK ||
	    (rc = register_name(s, (char *)p + 352, 64, st)) != RX_OK ||
	    (rc = rx_unit_name(s, unit, (char *)p + 416, 128, st)) != RX_OK)
		return (rc);
	rx_sign(p + SIGNED, s->id->sign_secret, LABEL, p, SIGNED);
	/* What nobody could read must not go out: keys just changed. */
	return (rx_address_take(a, p, sizeof(p), st));
}

rx_err
rx_address_compare(const struct rx_address *a, const char *text,
    struct rx_status *st)
{
	const char *p = a->fingerprint;

	for (; text != NULL && *text != '\0'; text++) {
		if (*text == ' ' || *text == '-')
			continue;
		while (*p == ' ')
			p++;
		if (*text != *p++)
			break;
	}
	if (text != NULL && *text == '\0' && *p == '\0')
		return (RX_OK);
	return (rx_fail(st, RX_EPERM, RX_MSG_TRANSFER_FINGERPRINT));
}

rx_err
rx_address_issue(struct rx_session *s, const char *text,
    struct rx_address *a, struct rx_status *st)
{
	const struct rx_member *m = directing(s, NULL);
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	memset(a, 0, sizeof(*a));
	if (m == NULL)
		return (rx_fail(st, RX_EPERM, RX_MSG_CASES_NOT_YOURS));
	if (s->copy)
		return (rx_copy_permit(s, RX_DID_TRANSFER, st));
	memcpy(unit, m->cert.unit, RX_UNIT_BYTES);
	if ((text != NULL && (rc = rx_unit_parse(unit, text, st)) != RX_OK) ||
	    (rc = rx_unit_require(s, unit, st)) != RX_OK)
		return (rc);
	return (rx_address_own(a, s, unit, st));
}

rx_err
rx_address_make(struct rx_session *s, const char *text, const char *file,
    struct rx_address *a, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_address_issue(s, text, a, st)) != RX_OK)
		return (rc);
	return (rx_file_write(file, a->bytes, sizeof(a->bytes), 0644, false,
	    st));
}

rx_err
rx_address_read(const char *file, struct rx_address *a, struct rx_status *st)
{
	struct rx_buf bytes = RX_BUF_INIT;
	rx_err rc;

	memset(a, 0, sizeof(*a));
	if ((rc = rx_file_read(&bytes, file, 1 << 20, st)) == RX_OK)
		rc = rx_address_take(a, bytes.b, bytes.len, st);
	rx_buf_free(&bytes);
	return (rc);
}
