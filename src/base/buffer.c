#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

#define CAP_MIN 64

rx_err
rx_buf_reserve(struct rx_buf *buf, size_t n, struct rx_status *st)
{
	uint8_t *b;
	size_t cap;

	if (n <= buf->cap - buf->len)
		return (RX_OK);
	if (n > SIZE_MAX / 2 - buf->len)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	cap = buf->cap < CAP_MIN ? CAP_MIN : buf->cap;
	while (cap < buf->len + n)
		cap *= 2;

	/* Not realloc, which would leave the old bytes behind. */
	if ((b = malloc(cap)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (buf->b != NULL) {
		memcpy(b, buf->b, buf->len);
		explicit_bzero(buf->b, buf->cap);
		free(buf->b);
	}
	buf->b = b;
	buf->cap = cap;
	return (RX_OK);
}

rx_err
rx_buf_add(struct rx_buf *buf, const void *p, size_t n, struct rx_status *st)
{
	rx_err rc;

	if (n == 0)
		return (RX_OK);
	if ((rc = rx_buf_reserve(buf, n, st)) != RX_OK)
		return (rc);
	memcpy(&buf->b[buf->len], p, n);
	buf->len += n;
	return (RX_OK);
}

rx_err
rx_buf_extend(struct rx_buf *buf, size_t n, uint8_t **p, struct rx_status *st)
{
	rx_err rc;

	*p = NULL;

	/* One byte even for none, so that the answer is never NULL. */
	if ((rc = rx_buf_reserve(buf, n > 0 ? n : 1, st)) != RX_OK)
		return (rc);
	*p = &buf->b[buf->len];
	memset(*p, 0, n);
	buf->len += n;
	return (RX_OK);
}

rx_err
rx_buf_printf(struct rx_buf *buf, struct rx_status *st, const char *fmt, ...)
{
	va_list ap;
	int n, m;
	rx_err rc;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);
		rx_status_arg(st, "what", "printf");
		return (rc);
	}

	/* The NUL of vsnprintf needs room, but is no part of the contents. */
	if ((rc = rx_buf_reserve(buf, (size_t)n + 1, st)) != RX_OK)
		return (rc);
	va_start(ap, fmt);
	m = vsnprintf((char *)&buf->b[buf->len], (size_t)n + 1, fmt, ap);
	va_end(ap);
	if (m != n) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);
		rx_status_arg(st, "what", "printf");
		return (rc);
	}
	buf->len += (size_t)n;
	return (RX_OK);
}

void
rx_buf_reset(struct rx_buf *buf)
{

	if (buf->b != NULL)
		explicit_bzero(buf->b, buf->cap);
	buf->len = 0;
}

void
rx_buf_free(struct rx_buf *buf)
{

	if (buf == NULL)
		return;
	if (buf->b != NULL) {
		explicit_bzero(buf->b, buf->cap);
		free(buf->b);
	}
	buf->b = NULL;
	buf->len = 0;
	buf->cap = 0;
}

void
rx_put16(uint8_t *p, uint16_t v)
{

	p[0] = (uint8_t)(v & 0xff);
	p[1] = (uint8_t)(v >> 8);
}

void
rx_put32(uint8_t *p, uint32_t v)
{

	rx_put16(p, (uint16_t)(v & 0xffff));
	rx_put16(&p[2], (uint16_t)(v >> 16));
}

void
rx_put64(uint8_t *p, uint64_t v)
{

	rx_put32(p, (uint32_t)(v & 0xffffffff));
	rx_put32(&p[4], (uint32_t)(v >> 32));
}

uint16_t
rx_get16(const uint8_t *p)
{

	return ((uint16_t)(p[0] | (p[1] << 8)));
}

uint32_t
rx_get32(const uint8_t *p)
{

	return ((uint32_t)rx_get16(p) | ((uint32_t)rx_get16(&p[2]) << 16));
}

uint64_t
rx_get64(const uint8_t *p)
{

	return ((uint64_t)rx_get32(p) | ((uint64_t)rx_get32(&p[4]) << 32));
}

/*
 * The length of the sequence that begins with ${lead}, 0 when none does, and
 * the bounds of its second byte, which keep overlong forms, surrogates and
 * what lies beyond U+10FFFF out (RFC 3629, section 4).
 */
static size_t
sequence(uint8_t lead, uint8_t *lo, uint8_t *hi)
{

	*lo = 0x80;
	*hi = 0xbf;
	if (lead < 0x80)
		return (lead != 0 ? 1 : 0);
	if (lead < 0xc2 || lead > 0xf4)
		return (0);
	if (lead == 0xe0)
		*lo = 0xa0;
	else if (lead == 0xed)
		*hi = 0x9f;
	else if (lead == 0xf0)
		*lo = 0x90;
	else if (lead == 0xf4)
		*hi = 0x8f;
	return (lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);
}

int
rx_utf8_valid(const char *s, size_t n)
{
	const uint8_t *u = (const uint8_t *)s;
	uint8_t lo, hi;
	size_t i, j, len;

	for (i = 0; i < n; i += len) {
		len = sequence(u[i], &lo, &hi);
		if (len == 0 || len > n - i)
			return (0);
		if (len > 1 && (u[i + 1] < lo || u[i + 1] > hi))
			return (0);
		for (j = 2; j < len; j++) {
			if ((u[i + j] & 0xc0) != 0x80)
				return (0);
		}
	}
	return (1);
}

size_t
rx_utf8_count(const char *s, size_t n)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < n; i++) {
		if (((uint8_t)s[i] & 0xc0) != 0x80)
			count++;
	}
	return (count);
}

/* Columns of the code point ${c}, after Unicode's East Asian Width. */
static size_t
columns(uint32_t c)
{
	static const struct {
		uint32_t first, last;
		size_t columns;
	} ranges[] = {
		{ 0x0300, 0x036f, 0 },		/* combining marks */
		{ 0x1100, 0x115f, 2 },		/* Hangul Jamo */
		{ 0x200b, 0x200f, 0 },		/* zero width, direction */
		{ 0x2e80, 0x303e, 2 },		/* radicals, punctuation */
		{ 0x3041, 0xa4cf, 2 },		/* kana, CJK, Yi */
		{ 0xac00, 0xd7a3, 2 },		/* Hangul */
		{ 0xf900, 0xfaff, 2 },		/* compatibility CJK */
		{ 0xfe00, 0xfe0f, 0 },		/* variation selectors */
		{ 0xfe30, 0xfe6f, 2 },		/* compatibility forms */
		{ 0xff01, 0xff60, 2 },		/* full width */
		{ 0xffe0, 0xffe6, 2 },
		{ 0x1f300, 0x1f64f, 2 },	/* pictographs */
		{ 0x1f900, 0x1f9ff, 2 },
		{ 0x20000, 0x3fffd, 2 },	/* CJK extensions B and up */
	};
	size_t i;

	for (i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return (ranges[i].columns);
	}
	return (1);
}

size_t
rx_utf8_width(const char *s)
{
	const uint8_t *u = (const uint8_t *)s;
	uint32_t c;
	size_t width = 0;

	while (*u != 0) {
		if (*u < 0x80)
			c = *u++;
		else {
			c = *u & (*u < 0xe0 ? 0x1f : *u < 0xf0 ? 0x0f : 0x07);
			for (u++; (*u & 0xc0) == 0x80; u++)
				c = (c << 6) | (*u & 0x3f);
		}
		width += columns(c);
	}
	return (width);
}

void
rx_text_copy(char *dst, size_t size, const char *s)
{
	size_t n = strlen(s);

	if (n >= size)
		for (n = size - 1; n > 0 && (s[n] & 0xc0) == 0x80; n--)
			;
	memcpy(dst, s, n);
	dst[n] = '\0';
}
