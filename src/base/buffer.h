#ifndef RX_BASE_BUFFER_H
#define RX_BASE_BUFFER_H

/*
 * A byte buffer that grows, and wipes what it leaves behind: old blocks when
 * it grows, all of it when it is freed.  Decrypted text lives in these.
 */

#include "base/error.h"

struct rx_buf {
	uint8_t *b;	/* NULL when empty */
	size_t len;	/* bytes used */
	size_t cap;	/* bytes allocated */
};

#define RX_BUF_INIT { NULL, 0, 0 }

/* Make room for ${n} more bytes, so that adding these cannot fail. */
rx_err rx_buf_reserve(struct rx_buf *buf, size_t n, struct rx_status *st)
    RX_MUST_USE;

/* Append ${n} bytes; RX_EINTERNAL when there is no memory (unchanged then). */
rx_err rx_buf_add(struct rx_buf *buf, const void *p, size_t n,
    struct rx_status *st) RX_MUST_USE;

/* Make ${*p} point at ${n} new zero bytes at the end of ${buf}. */
rx_err rx_buf_extend(struct rx_buf *buf, size_t n, uint8_t **p,
    struct rx_status *st) RX_MUST_USE;

rx_err rx_buf_printf(struct rx_buf *buf, struct rx_status *st,
    const char *fmt, ...) RX_PRINTF(3, 4) RX_MUST_USE;

/* Forget the contents (wiped), keep the memory. */
void rx_buf_reset(struct rx_buf *buf);

/* Wipe and free; ${buf} is empty and usable after it.  NULL is allowed. */
void rx_buf_free(struct rx_buf *buf);

/* Little-endian integers at ${p}. */
void rx_put16(uint8_t *p, uint16_t v);
void rx_put32(uint8_t *p, uint32_t v);
void rx_put64(uint8_t *p, uint64_t v);
uint16_t rx_get16(const uint8_t *p);
uint32_t rx_get32(const uint8_t *p);
uint64_t rx_get64(const uint8_t *p);

/* Whether the ${n} bytes at ${s} are well-formed UTF-8 (RFC 3629) without NUL. */
int rx_utf8_valid(const char *s, size_t n);

/* The number of code points in the valid UTF-8 ${s} of ${n} bytes. */
size_t rx_utf8_count(const char *s, size_t n);

/* Copy the string ${s} into the ${size} bytes at ${dst}, cut at a character. */
void rx_text_copy(char *dst, size_t size, const char *s);

/* Terminal columns of a valid UTF-8 string: CJK counts two. */
size_t rx_utf8_width(const char *s);

#endif
