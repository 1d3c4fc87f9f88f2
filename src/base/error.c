#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"

void
rx_status_clear(struct rx_status *st)
{

	memset(st, 0, sizeof(*st));
	st->code = RX_OK;
	st->msg = RX_MSG_NONE;
}

rx_err
rx_fail_at(struct rx_status *st, rx_err code, enum rx_msg msg,
    const char *where)
{

	/* Failing with RX_OK would let a caller go on: it is a bug. */
	if (code == RX_OK)
		code = RX_EINTERNAL;
	if (st->code != RX_OK)
		return (st->code);
	st->code = code;
	st->msg = msg;
	st->where = where;
	return (code);
}

/* The length of the well-formed character at ${s} of ${n} bytes, 0 if none. */
static size_t
char_len(const char *s, size_t n)
{
	size_t len;

	for (len = 1; len <= 4 && len <= n; len++) {
		if (rx_utf8_valid(s, len))
			return (len);
	}
	return (0);
}

/* Whether the character at ${s} of ${len} bytes is a C0 or C1 control. */
static int
is_control(const char *s, size_t len)
{
	const uint8_t *u = (const uint8_t *)s;

	if (len == 1)
		return (u[0] < 0x20 || u[0] == 0x7f);
	return (len == 2 && u[0] == 0xc2 && u[1] < 0xa0);
}

/*
 * Make ${s} safe to print on a terminal: controls and bytes that are not UTF-8
 * become '?'; what is left of a character that was cut at the end goes.
 */
static void
clean(char *s, int cut)
{
	size_t n = strlen(s);
	size_t i, len;

	for (i = 0; i < n; i += len) {
		if ((len = char_len(&s[i], n - i)) != 0) {
			if (is_control(&s[i], len))
				memset(&s[i], '?', len);
			continue;
		}
		if (cut && n - i < 4 && (uint8_t)s[i] >= 0xc2) {
			s[i] = '\0';
			return;
		}
		s[i] = '?';
		len = 1;
	}
}

void
rx_status_arg(struct rx_status *st, const char *name, const char *fmt, ...)
{
	va_list ap;
	unsigned i;
	int n;

	for (i = 0; i < st->nargs; i++) {
		if (strcmp(st->arg[i].name, name) == 0)
			return;
	}
	if (st->nargs >= RX_STATUS_ARGS)
		return;
	va_start(ap, fmt);
	n = vsnprintf(st->arg[i].value, sizeof(st->arg[i].value), fmt, ap);
	va_end(ap);
	if (n < 0)
		st->arg[i].value[0] = '\0';
	clean(st->arg[i].value, n >= (int)sizeof(st->arg[i].value));
	st->arg[i].name = name;
	st->nargs++;
}

/* The value of the placeholder that is the ${n} bytes at ${name}, or NULL. */
static const char *
value_of(const struct rx_status *st, const char *name, size_t n)
{
	unsigned i;

	for (i = 0; i < st->nargs; i++) {
		if (strlen(st->arg[i].name) == n &&
		    memcmp(st->arg[i].name, name, n) == 0)
			return (st->arg[i].value);
	}
	return (NULL);
}

/* Append the ${n} bytes at ${s}; whole characters only once ${buf} is full. */
static void
put(char *buf, size_t size, size_t *used, const char *s, size_t n)
{

	if (n > size - 1 - *used) {
		n = size - 1 - *used;
		while (n > 0 && ((uint8_t)s[n] & 0xc0) == 0x80)
			n--;
		memcpy(&buf[*used], s, n);
		buf[*used + n] = '\0';
		*used = size - 1;
		return;
	}
	memcpy(&buf[*used], s, n);
	*used += n;
	buf[*used] = '\0';
}

/* Write ${p} with its placeholders replaced, after the ${*used} bytes there. */
static void
fill(const struct rx_status *st, const char *p, char *buf, size_t size,
    size_t *used)
{
	const char *value, *open, *close;

	while (*p != '\0') {
		if ((open = strchr(p, '{')) == NULL ||
		    (close = strchr(open, '}')) == NULL) {
			put(buf, size, used, p, strlen(p));
			return;
		}
		put(buf, size, used, p, (size_t)(open - p));
		value = value_of(st, open + 1, (size_t)(close - open - 1));

		/* A placeholder without a value shows itself. */
		if (value != NULL)
			put(buf, size, used, value, strlen(value));
		else
			put(buf, size, used, open,
			    (size_t)(close - open + 1));
		p = close + 1;
	}
}

void
rx_status_text(const struct rx_status *st, enum rx_lang lang, char *buf,
    size_t size)
{
	const char *text = rx_msg(st->msg, lang);
	size_t used = 0;

	if (size == 0)
		return;
	buf[0] = '\0';
	if (value_of(st, "line", 4) != NULL && strstr(text, "{line}") == NULL)
		fill(st, rx_msg(RX_MSG_LINE_PREFIX, lang), buf, size, &used);
	fill(st, text, buf, size, &used);
}
