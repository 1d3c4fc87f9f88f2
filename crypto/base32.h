#ifndef RX_CRYPTO_BASE32_H
#define RX_CRYPTO_BASE32_H

/*
 * Bytes as characters that people read out and type: Crockford's Base32,
 * 0..9 and A..Z without I, L, O and U, five bits a character, the first bits of
 * the first byte first.  What is typed may be in lower case; I and L read as 1,
 * O as 0; spaces and dashes do not count; the full-width forms of a Chinese
 * input method (U+FF01..U+FF5E, U+3000) and dashes of all lengths are what they
 * stand for.  [D. Crockford, "Base 32", 2002]
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first ${n} groups of five bits of ${p}, (5 n + 7) / 8 bytes. */
void rx_base32_split(uint8_t *value, size_t n, const uint8_t *p);
/* The reverse: 5 n / 8 whole bytes of ${n} groups, n a multiple of eight. */
void rx_base32_join(uint8_t *p, const uint8_t *value, size_t n);
/* Write ${n} groups in fours with dashes between, and a NUL: n + (n - 1) / 4 + 1
 * characters. */
void rx_base32_write(char *out, const uint8_t *value, size_t n);
/* The next character of ${*s} that counts, in upper case, and ${*s} behind it;
 * '\0' at the end, '?' for one that nothing can be made of. */
char rx_base32_next(const char **s);
/* The group that ${c} stands for, -1 for none. */
int rx_base32_value(char c);

#endif
