#include "crypto/base32.h"

#include <string.h>

static const char alphabet[33] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void
rx_base32_split(uint8_t *value, size_t n, const uint8_t *p)
{
	size_t i, bit;
	unsigned two;

	for (i = 0; i < n; i++) {
		bit = 5 * i;
		two = (unsigned)p[bit / 8] << 8;
		if (bit % 8 > 3)
			two |= p[bit / 8 + 1];
		value[i] = (two >> (11 - bit % 8)) & 0x1f;
	}
}

void
rx_base32_join(uint8_t *p, const uint8_t *value, size_t n)
{
	size_t i, bit;
	unsigned two;

	memset(p, 0, 5 * n / 8);
	for (i = 0; i < n; i++) {
		bit = 5 * i;
		two = (unsigned)value[i] << (11 - bit % 8);
		p[bit / 8] |= (uint8_t)(two >> 8);
		if (bit % 8 > 3)
			p[bit / 8 + 1] |= (uint8_t)two;
	}
}

void
rx_base32_write(char *out, const uint8_t *value, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (i > 0 && i % 4 == 0)
			*out++ = '-';
		*out++ = alphabet[value[i]];
	}
	*out = '\0';
}

/**
 * next_char(s):
 * The next character of ${*s} as ASCII, moving on behind it; '?' for what has
 * no ASCII form.  A Chinese input method in full-width mode types U+FF01 to
 * U+FF5E for ASCII and U+3000 for the space, and dashes of its own: they count
 * as what they stand for.
 */
static char
next_char(const char **s)
{
	const uint8_t *u = (const uint8_t *)*s;

	if (u[0] < 0x80) {
		*s += 1;
		return ((char)u[0]);
	}
	if (u[1] == 0 || u[2] == 0) {
		*s += 1;
		return ('?');
	}
	*s += 3;
	if (u[0] == 0xef && u[1] == 0xbc && u[2] >= 0x81 && u[2] <= 0xbf)
		return ((char)(u[2] - 0x81 + 0x21));
	if (u[0] == 0xef && u[1] == 0xbd && u[2] >= 0x80 && u[2] <= 0x9e)
		return ((char)(u[2] - 0x80 + 0x60));
	if (u[0] == 0xe3 && u[1] == 0x80 && u[2] == 0x80)
		return (' ');
	if (u[0] == 0xe2 && u[1] == 0x80 && u[2] >= 0x90 && u[2] <= 0x95)
		return ('-');
	return ('?');
}

char
rx_base32_next(const char **s)
{
	char c;

	while (**s != '\0') {
		c = next_char(s);
		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (strchr(" \t\r\n-", c) == NULL)
			return (c);
	}
	return ('\0');
}

int
rx_base32_value(char c)
{
	const char *at;

	if (c == 'I' || c == 'L')
		c = '1';
	if (c == 'O')
		c = '0';
	at = memchr(alphabet, c, sizeof(alphabet) - 1);
	return (at == NULL ? -1 : (int)(at - alphabet));
}
