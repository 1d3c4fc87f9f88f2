#ifndef RX_TESTS_HELPER_H
#define RX_TESTS_HELPER_H

/* What several test programs need. */

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/file.h"
#include "crypto/memory.h"

/* Expect success, with the message of ${st} shown when it fails. */
#define ok(expr, st) test_ok_((expr), (st), #expr, __FILE__, __LINE__)
void test_ok_(rx_err rc, const struct rx_status *st, const char *expr,
    const char *file, int line);

/* Expect exactly the failure ${code}; clears ${st} afterwards. */
#define refused(expr, want, st) \
    test_refused_((expr), (want), (st), #expr, __FILE__, __LINE__)
void test_refused_(rx_err rc, rx_err want, struct rx_status *st,
    const char *expr, const char *file, int line);

/* A new empty folder under $TMPDIR or /tmp; removed with all in it at exit. */
const char *test_dir(void);

/* A passphrase in guarded memory. */
struct rx_secret *test_passphrase(const char *text);

#endif
