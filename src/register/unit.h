#ifndef RX_REGISTER_UNIT_H
#define RX_REGISTER_UNIT_H

/*
 * Units.  A unit id is 16 bytes: the 12-digit statistical code in ASCII, then
 * 'S' for a prefecture's own work ("350100-SELF" is "350100000000S"), zeros
 * after.  Who stands above whom follows from the digits alone (2, 4, 6, 9, 12),
 * never from the database, so that nobody becomes a child's supervisor by
 * editing a table.
 */

#include <stdbool.h>

#include "crypto/envelope.h"

enum rx_level {
	RX_LEVEL_PROVINCE, RX_LEVEL_PREFECTURE, RX_LEVEL_COUNTY,
	RX_LEVEL_TOWNSHIP, RX_LEVEL_VILLAGE, RX_LEVEL_SELF
};

/* "350102001001", "350102001", "350102", "350100-SELF": RX_EUSAGE
 * (UNIT_INVALID, argument unit) when it is none of these. */
rx_err rx_unit_parse(char unit[RX_UNIT_BYTES], const char *text,
    struct rx_status *st) RX_MUST_USE;
/* The short text form, at most 12 characters and NUL: 6 digits for a county
 * and above ("350102"), 12 digits below, "350100-SELF". */
#define RX_UNIT_TEXT 14
void rx_unit_text(char out[RX_UNIT_TEXT], const char unit[RX_UNIT_BYTES]);
/* Take ${n} bytes of text that came from elsewhere as the id of a unit, as rows
 * hold it; false when they are none, whatever ${unit} is then. */
bool rx_unit_stored(char unit[RX_UNIT_BYTES], const void *p, size_t n);
enum rx_level rx_unit_level(const char unit[RX_UNIT_BYTES]);
/* Whether ${below} is ${above} or lies under it (SELF lies under its prefecture). */
bool rx_unit_covers(const char above[RX_UNIT_BYTES],
    const char below[RX_UNIT_BYTES]);
/* The unit above at ${level}; copies the unit itself when it is of that level
 * or higher.  A SELF unit's prefecture is its own. */
void rx_unit_ancestor(char out[RX_UNIT_BYTES], const char unit[RX_UNIT_BYTES],
    enum rx_level level);
/* First and last possible codes under ${unit}, for a range query. */
void rx_unit_range(const char unit[RX_UNIT_BYTES], char first[RX_UNIT_BYTES],
    char last[RX_UNIT_BYTES]);

#endif
