#ifndef RX_TESTS_CRASH_DEEDS_H
#define RX_TESTS_CRASH_DEEDS_H

/* More of what people do (test_starve.c): in copies of the register and with what
 * comes from them, with the heads of audits, and with many cases. */

#include "tests/crash/attempt.h"

/* In the register ${base}, whose files are not changed: make what they need. */
void more_setup(const char *base);
/* The ${i}th of them; NULL when there are no more. */
const struct deed *more_deed(size_t i);

#endif
