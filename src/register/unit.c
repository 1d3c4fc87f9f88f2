#include <string.h>

#include "base/buffer.h"
#include "register/unit.h"

#define DIGITS 12	/* of a full code */
#define SHORT 6		/* of the short form of a county and above */
#define SELF_MARK 'S'

/* How many leading digits a unit of each level has to itself. */
static const size_t own[] = {
	[RX_LEVEL_PROVINCE] = 2, [RX_LEVEL_PREFECTURE] = 4,
	[RX_LEVEL_COUNTY] = 6, [RX_LEVEL_TOWNSHIP] = 9,
	[RX_LEVEL_VILLAGE] = DIGITS
};

static bool
zeros(const char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (p[i] != '0')
			return (false);
	}
	return (true);
}

static size_t
count_digits(const char *p, size_t max)
{
	size_t i;

	for (i = 0; i < max && p[i] >= '0' && p[i] <= '9'; i++)
		;
	return (i);
}

/* The level of the 12 digits ${p}. */
static enum rx_level
level_of(const char *p)
{
	unsigned level;

	for (level = RX_LEVEL_VILLAGE; level > RX_LEVEL_PROVINCE; level--) {
		if (!zeros(p + own[level - 1], own[level] - own[level - 1]))
			break;
	}
	return ((enum rx_level)level);
}

/**
 * well_formed(unit):
 * Whether ${unit} is a unit id: 12 digits of which no part above the lowest
 * one in use is zero (a village "350102000001" would stand under no township),
 * then 'S', for a prefecture only, or zero, then zeros.
 */
static bool
well_formed(const char unit[RX_UNIT_BYTES])
{
	static const char none[RX_UNIT_BYTES - DIGITS - 1];
	unsigned level, k;
	size_t from = 0;

	if (count_digits(unit, DIGITS) != DIGITS ||
	    memcmp(unit + DIGITS + 1, none, sizeof(none)) != 0)
		return (false);
	level = level_of(unit);
	for (k = RX_LEVEL_PROVINCE; k <= level; k++) {
		if (zeros(unit + from, own[k] - from))
			return (false);
		from = own[k];
	}
	return (unit[DIGITS] == '\0' || (unit[DIGITS] == SELF_MARK &&
	    level == RX_LEVEL_PREFECTURE));
}

bool
rx_unit_stored(char unit[RX_UNIT_BYTES], const void *p, size_t n)
{

	memset(unit, 0, RX_UNIT_BYTES);
	if (n >= RX_UNIT_BYTES)
		return (false);
	memcpy(unit, p, n);
	return (strlen(unit) == n && well_formed(unit));
}

/**
 * rx_unit_parse(unit, text, st):
 * Put the id of the unit that ${text} names in ${unit}: 12, 9 or 6 digits, or
 * the 6 digits of a prefecture and "-SELF".  ${unit} is all zeros on failure.
 */
rx_err
rx_unit_parse(char unit[RX_UNIT_BYTES], const char *text, struct rx_status *st)
{
	char id[RX_UNIT_BYTES] = { 0 };
	size_t n = count_digits(text, DIGITS);
	rx_err rc;

	memset(unit, 0, RX_UNIT_BYTES);
	memset(id, '0', DIGITS);
	memcpy(id, text, n);
	if (n == SHORT && strcmp(text + n, "-SELF") == 0)
		id[DIGITS] = SELF_MARK;
	else if ((n != SHORT && n != own[RX_LEVEL_TOWNSHIP] && n != DIGITS) ||
	    text[n] != '\0')
		goto refuse;
	if (!well_formed(id))
		goto refuse;

	/* Success! */
	memcpy(unit, id, sizeof(id));
	return (RX_OK);

refuse:
	rc = rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_INVALID);
	rx_status_arg(st, "unit", "%s", text);
	return (rc);
}

void
rx_unit_text(char out[RX_UNIT_TEXT], const char unit[RX_UNIT_BYTES])
{
	size_t n = DIGITS;

	memset(out, 0, RX_UNIT_TEXT);
	if (rx_unit_level(unit) <= RX_LEVEL_COUNTY || unit[DIGITS] != '\0')
		n = SHORT;
	memcpy(out, unit, n);
	if (unit[DIGITS] == SELF_MARK)
		memcpy(out + n, "-SELF", 5);
}

enum rx_level
rx_unit_level(const char unit[RX_UNIT_BYTES])
{

	if (unit[DIGITS] == SELF_MARK)
		return (RX_LEVEL_SELF);
	return (level_of(unit));
}

/**
 * rx_unit_covers(above, below):
 * Whether ${below} is ${above} or lies under it.  False when either is not a
 * unit id, so that what a tampered table holds stands under nobody.
 */
bool
rx_unit_covers(const char above[RX_UNIT_BYTES], const char below[RX_UNIT_BYTES])
{
	enum rx_level level;

	if (!well_formed(above) || !well_formed(below))
		return (false);
	level = rx_unit_level(above);
	if (level == RX_LEVEL_SELF || level == RX_LEVEL_VILLAGE)
		return (memcmp(above, below, RX_UNIT_BYTES) == 0);
	return (memcmp(above, below, own[level]) == 0);
}

void
rx_unit_ancestor(char out[RX_UNIT_BYTES], const char unit[RX_UNIT_BYTES],
    enum rx_level level)
{
	enum rx_level has = rx_unit_level(unit);
	char id[RX_UNIT_BYTES] = { 0 };

	/* A prefecture's own work lies directly under the prefecture. */
	if (has <= level ||
	    (has == RX_LEVEL_SELF && level > RX_LEVEL_PREFECTURE)) {
		memmove(out, unit, RX_UNIT_BYTES);
		return;
	}
	memset(id, '0', DIGITS);
	memcpy(id, unit, own[level]);
	memcpy(out, id, sizeof(id));
}

/* A SELF id sorts after its prefecture's code and before the first county's,
 * as text and as bytes, so one range holds all that a unit covers. */
void
rx_unit_range(const char unit[RX_UNIT_BYTES], char first[RX_UNIT_BYTES],
    char last[RX_UNIT_BYTES])
{
	enum rx_level level = rx_unit_level(unit);
	char id[RX_UNIT_BYTES];

	memcpy(id, unit, sizeof(id));
	memcpy(first, id, sizeof(id));
	if (level < RX_LEVEL_VILLAGE)
		memset(id + own[level], '9', DIGITS - own[level]);
	memcpy(last, id, sizeof(id));
}
