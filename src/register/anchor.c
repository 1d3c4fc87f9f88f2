#include <stdio.h>
#include <stdlib.h>

#include "crypto/base32.h"
#include "register/internal.h"

/*
 * Heads of the audit that are kept outside the register, where whoever can put
 * an old disk back cannot reach them: as a code on paper, or as a member's
 * signature.
 */

#define HASH_CHARS (8 * RX_ANCHOR_HASH / 5)
#define CHECK_CHARS 4
#define CODE_CHARS (HASH_CHARS + CHECK_CHARS)
#define SEQ_DIGITS 10
#define CHECK_LABEL "runxin anchor check v1"

/* ---- as text ---- */

/* The groups of the code of (${seq}, ${hash}), its check group last. */
static void
code_values(uint8_t value[CODE_CHARS], uint64_t seq,
    const uint8_t hash[RX_ANCHOR_HASH])
{
	uint8_t all[8 + RX_ANCHOR_HASH], check[16];

	rx_put64(all, seq);
	memcpy(all + 8, hash, RX_ANCHOR_HASH);
	rx_hash(check, sizeof(check), NULL, CHECK_LABEL, all, sizeof(all));
	rx_base32_split(value, HASH_CHARS, hash);
	rx_base32_split(value + HASH_CHARS, CHECK_CHARS, check);
}

void
rx_anchor_format(char out[RX_ANCHOR_TEXT], const struct rx_audit_head *head)
{
	uint8_t value[CODE_CHARS];
	int n;

	n = snprintf(out, RX_ANCHOR_TEXT, "%llu-",
	    (unsigned long long)head->seq);
	code_values(value, head->seq, head->hash);
	rx_base32_write(out + n, value, CODE_CHARS);
}

/* The bytes of ${text}, ${n} of them in hexadecimal, then nothing but a line
 * end. */
static bool
hex_bytes(uint8_t *out, size_t n, const char *text)
{
	char two[3] = "";
	size_t i;

	if (strspn(text, "0123456789abcdefABCDEF") != 2 * n ||
	    text[2 * n + strspn(text + 2 * n, "\r\n ")] != '\0')
		return (false);
	for (i = 0; i < n; i++) {
		memcpy(two, text + 2 * i, 2);
		out[i] = (uint8_t)strtoul(two, NULL, 16);
	}
	return (true);
}

/* "SEQ-" and 64 hexadecimal digits: the whole hash. */
static bool
hex_parse(struct rx_anchor *a, const char *text)
{
	char *end;

	a->seq = strtoull(text, &end, 10);
	/* strtoull takes a sign and leading blanks; we do not. */
	if (text[0] < '0' || text[0] > '9' || a->seq == 0 ||
	    a->seq > INT64_MAX || *end++ != '-' ||
	    strlen(end) != 2 * RX_HASH_BYTES ||
	    !hex_bytes(a->hash, RX_HASH_BYTES, end))
		return (false);
	a->n = RX_HASH_BYTES;
	return (true);
}

/* The groups of ${text}: up to SEQ_DIGITS decimal digits, then the code.  Where
 * the dashes stand does not matter. */
static bool
groups_read(uint8_t value[CODE_CHARS], uint64_t *seq, const char *text)
{
	uint8_t all[SEQ_DIGITS + CODE_CHARS];
	size_t i, n = 0;
	int v;
	char c;

	while ((c = rx_base32_next(&text)) != '\0') {
		if ((v = rx_base32_value(c)) < 0 || n == sizeof(all))
			return (false);
		all[n++] = (uint8_t)v;
	}
	if (n <= CODE_CHARS)
		return (false);
	*seq = 0;
	for (i = 0; i < n - CODE_CHARS; i++) {
		if (all[i] > 9)
			return (false);
		*seq = 10 * *seq + all[i];
	}
	memcpy(value, all + i, CODE_CHARS);
	return (*seq != 0);
}

/* What rx_countersigned_format wrote: the last of its three lines says all. */
static bool
file_parse(struct rx_anchor *a, const char *text)
{
	const char *line = text;
	int i;

	if (strncmp(text, RX_COUNTERSIGNED_LINE,
	    strlen(RX_COUNTERSIGNED_LINE)) != 0)
		return (false);
	for (i = 0; i < 2 && line != NULL; i++)
		if ((line = strchr(line, '\n')) != NULL)
			line++;
	if (line == NULL || !hex_bytes(a->statement, RX_ANCHOR_BYTES, line))
		return (false);
	a->seq = rx_get64(a->statement + RX_ANCHOR_AT_SEQ);
	memcpy(a->hash, a->statement + RX_ANCHOR_AT_SEQ + 8, RX_HASH_BYTES);
	a->n = RX_HASH_BYTES;
	a->countersigned = true;
	return (a->seq != 0 && a->seq <= INT64_MAX);
}

rx_err
rx_anchor_parse(struct rx_anchor *a, const char *text, struct rx_status *st)
{
	uint8_t value[CODE_CHARS], again[CODE_CHARS];
	uint64_t seq;

	memset(a, 0, sizeof(*a));
	if (hex_parse(a, text) || file_parse(a, text))
		return (RX_OK);
	memset(a, 0, sizeof(*a));
	if (!groups_read(value, &seq, text))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_ANCHOR_INVALID));
	rx_base32_join(a->hash, value, HASH_CHARS);
	code_values(again, seq, a->hash);
	if (memcmp(value, again, CODE_CHARS) != 0) {
		memset(a, 0, sizeof(*a));
		return (rx_fail(st, RX_EUSAGE, RX_MSG_ANCHOR_MISTYPED));
	}
	a->seq = seq;
	a->n = RX_ANCHOR_HASH;
	return (RX_OK);
}

/* ---- on the chain ---- */

rx_err
rx_anchor_missing(const struct rx_anchor *a, uint64_t last,
    struct rx_status *st)
{

	rx_status_arg(st, "seq", "%llu", (unsigned long long)a->seq);
	rx_status_arg(st, "last", "%llu", (unsigned long long)last);
	rx_status_arg(st, "n", "%llu", (unsigned long long)(a->seq - last));
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_ANCHOR_ROLLBACK));
}

rx_err
rx_anchor_match(const struct rx_anchor *a, const struct rx_audit_head *entry,
    struct rx_status *st)
{

	if (a->seq == entry->seq && memcmp(a->hash, entry->hash, a->n) == 0)
		return (RX_OK);
	rx_status_arg(st, "seq", "%llu", (unsigned long long)a->seq);
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_ANCHOR_FORK));
}

rx_err
rx_anchor_find(struct rx_session *s, const struct rx_anchor *a,
    struct rx_status *st)
{
	struct rx_audit_head head;
	rx_err rc;

	if ((rc = rx_audit_head(s, &head, st)) != RX_OK)
		return (rc);
	if (a->seq > head.seq)
		return (rx_anchor_missing(a, head.seq, st));
	if ((rc = rx_audit_head_at(s, a->seq, &head, st)) != RX_OK)
		return (rc);
	return (rx_anchor_match(a, &head, st));
}
