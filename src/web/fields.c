#include <stdlib.h>
#include <string.h>

#include "web/web.h"

/* The fields of a request: of its query and of its form. */

#define FIELDS_MAX 2048

struct field {
	char *name;
	struct rx_buf value;	/* UTF-8, and a NUL that its length leaves out */
};

struct rx_fields {
	struct field *field;
	size_t n, cap;
};

rx_err
rx_fields_new(struct rx_fields **out, struct rx_status *st)
{

	if ((*out = calloc(1, sizeof(**out))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

void
rx_fields_free(struct rx_fields *f)
{
	size_t i;

	if (f == NULL)
		return;
	for (i = 0; i < f->n; i++) {
		free(f->field[i].name);
		rx_buf_free(&f->field[i].value);
	}
	free(f->field);
	free(f);
}

static rx_err
grow(struct rx_fields *f, struct rx_status *st)
{
	const size_t cap = f->cap == 0 ? 32 : 2 * f->cap;
	struct field *grown;

	if (f->n == FIELDS_MAX)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_BAD_REQUEST));
	if (f->n < f->cap)
		return (RX_OK);
	if ((grown = reallocarray(f->field, cap, sizeof(*grown))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	f->field = grown;
	f->cap = cap;
	return (RX_OK);
}

rx_err
rx_fields_add(struct rx_fields *f, const char *name, const char *p, size_t n,
    struct rx_status *st)
{
	struct field fresh = { NULL, RX_BUF_INIT };
	size_t i, from;
	rx_err rc;

	if (!rx_utf8_valid(name, strlen(name)) || !rx_utf8_valid(p, n))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_BAD_REQUEST));
	if ((rc = grow(f, st)) != RX_OK)
		return (rc);
	for (i = from = 0; i < n && rc == RX_OK; i++)
		if (p[i] == '\r' && i + 1 < n && p[i + 1] == '\n') {
			rc = rx_buf_add(&fresh.value, p + from, i - from, st);
			from = i + 1;
		}
	if (rc != RX_OK || (rc = rx_buf_add(&fresh.value, p + from, n - from,
	    st)) != RX_OK || (rc = rx_buf_add(&fresh.value, "", 1, st)) !=
	    RX_OK)
		goto err0;
	fresh.value.len--;
	if ((fresh.name = strdup(name)) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto err0;
	}
	f->field[f->n++] = fresh;
	return (RX_OK);

err0:
	rx_buf_free(&fresh.value);
	return (rc);
}

/* ---- application/x-www-form-urlencoded ---- */

static int
digit(char c)
{
	static const char digits[] = "0123456789abcdef0123456789ABCDEF";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;

	return (at != NULL ? (int)((at - digits) & 15) : -1);
}

/* The ${n} bytes ${p} decoded, and a NUL, in place of what ${out} held. */
static rx_err
decode(struct rx_buf *out, const char *p, size_t n, struct rx_status *st)
{
	size_t i;
	char c;
	rx_err rc = RX_OK;

	rx_buf_reset(out);
	for (i = 0; i < n && rc == RX_OK; i++) {
		c = p[i] == '+' ? ' ' : p[i];
		if (c == '%') {
			if (n - i < 3 || digit(p[i + 1]) < 0 ||
			    digit(p[i + 2]) < 0)
				return (rx_fail(st, RX_EUSAGE,
				    RX_MSG_WEB_BAD_REQUEST));
			c = (char)(digit(p[i + 1]) * 16 + digit(p[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return (rx_fail(st, RX_EUSAGE,
			    RX_MSG_WEB_BAD_REQUEST));
		rc = rx_buf_add(out, &c, 1, st);
	}
	return (rc != RX_OK ? rc : rx_buf_add(out, "", 1, st));
}

rx_err
rx_fields_parse(struct rx_fields *f, const char *p, size_t n,
    struct rx_status *st)
{
	struct rx_buf name = RX_BUF_INIT, value = RX_BUF_INIT;
	const char *end, *amp, *is;
	rx_err rc = RX_OK;

	if (n == 0)	/* ${p} may be NULL then */
		return (RX_OK);
	for (end = p + n; p < end && rc == RX_OK; p = amp + 1) {
		if ((amp = memchr(p, '&', (size_t)(end - p))) == NULL)
			amp = end;
		if (amp == p)
			continue;
		if ((is = memchr(p, '=', (size_t)(amp - p))) == NULL)
			is = amp;
		if ((rc = decode(&name, p, (size_t)(is - p), st)) != RX_OK ||
		    (rc = decode(&value, is < amp ? is + 1 : amp, is < amp ?
		    (size_t)(amp - is) - 1 : 0, st)) != RX_OK)
			break;
		rc = rx_fields_add(f, (const char *)name.b,
		    (const char *)value.b, value.len - 1, st);
	}
	rx_buf_free(&name);
	rx_buf_free(&value);
	return (rc);
}

rx_err
rx_url_add(struct rx_buf *url, const char *p, size_t n, const char *also,
    struct rx_status *st)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < n && rc == RX_OK; i++)
		if (p[i] != '\0' && (strchr(plain, p[i]) != NULL ||
		    strchr(also, p[i]) != NULL))
			rc = rx_buf_add(url, &p[i], 1, st);
		else
			rc = rx_buf_printf(url, st, "%%%02X",
			    (unsigned)(uint8_t)p[i]);
	return (rc);
}

rx_err
rx_fields_query(const struct rx_fields *f, const char *but,
    struct rx_buf *url, struct rx_status *st)
{
	const struct field *v;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < f->n && rc == RX_OK; i++) {
		v = &f->field[i];
		if (strcmp(v->name, but) == 0)
			continue;
		if ((rc = rx_buf_add(url, "&", 1, st)) == RX_OK &&
		    (rc = rx_url_add(url, v->name, strlen(v->name), "",
		    st)) == RX_OK && (rc = rx_buf_add(url, "=", 1, st)) ==
		    RX_OK)
			rc = rx_url_add(url, (const char *)v->value.b,
			    v->value.len, "", st);
	}
	return (rc);
}

/* ---- what pages ask for ---- */

const char *
rx_field_nth(const struct rx_request *q, const char *name, size_t k)
{
	size_t i;

	for (i = 0; i < q->fields->n; i++)
		if (strcmp(q->fields->field[i].name, name) == 0 && k-- == 0)
			return ((const char *)q->fields->field[i].value.b);
	return (NULL);
}

const char *
rx_field(const struct rx_request *q, const char *name)
{
	const char *v = rx_field_nth(q, name, 0);

	return (v != NULL ? v : "");
}

bool
rx_field_set(const struct rx_request *q, const char *name)
{

	return (*rx_field(q, name) != '\0');
}

rx_err
rx_field_reason(struct rx_buf *out, const struct rx_request *q,
    struct rx_status *st)
{
	const char *p = rx_field(q, "reason");
	size_t i, n;
	rx_err rc;

	p += strspn(p, " \t\n");
	for (n = strlen(p); n > 0 && strchr(" \t\n", p[n - 1]) != NULL; n--)
		;
	if (n == 0)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_REASON_MISSING));
	if (rx_utf8_count(p, n) > 256)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_REASON_LONG));
	if ((rc = rx_buf_add(out, p, n, st)) != RX_OK ||
	    (rc = rx_buf_add(out, "", 1, st)) != RX_OK)
		return (rc);
	for (i = 0; i < n; i++)
		if (out->b[i] == '\n' || out->b[i] == '\t')
			out->b[i] = ' ';
	return (RX_OK);
}

rx_err
rx_field_secret(struct rx_secret **out, struct rx_request *q,
    const char *name, struct rx_status *st)
{
	struct rx_buf *v = NULL;
	size_t i;
	rx_err rc;

	*out = NULL;
	for (i = 0; i < q->fields->n && v == NULL; i++)
		if (strcmp(q->fields->field[i].name, name) == 0)
			v = &q->fields->field[i].value;
	if (v == NULL || v->len == 0)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_PASSPHRASE_EMPTY));
	if (v->len > RX_PASSPHRASE_MAX) {
		rx_status_arg(st, "max", "%d", RX_PASSPHRASE_MAX);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_PASSPHRASE_LONG));
	}
	if ((rc = rx_secret_new(out, v->len, st)) != RX_OK)
		return (rc);
	memcpy((*out)->b, v->b, v->len);
	(*out)->len = v->len;
	rx_wipe(v->b, v->len);
	v->b[0] = '\0';
	v->len = 0;
	return (RX_OK);
}
