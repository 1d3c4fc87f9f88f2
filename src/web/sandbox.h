#ifndef RX_WEB_SANDBOX_H
#define RX_WEB_SANDBOX_H

#include <stdbool.h>

#include "base/error.h"

/**
 * rx_sandbox_enter(dirs, n, st):
 * Take from this process, for good and before its first thread, what the
 * server does not need: by Landlock every file outside the ${n} folders
 * ${dirs} (made already; NULL ones are passed over) but for reading /etc and
 * the time zones, and every new TCP listener or connection; by seccomp every
 * system call that is not on a list, so that nothing can be executed, traced
 * or mounted.  A kernel without Landlock leaves files to their modes, and a new
 * connection to seccomp.  RX_EINTERNAL when the kernel refuses.
 * Sources: landlock(7), seccomp(2).
 */
rx_err rx_sandbox_enter(const char *const *dirs, size_t n,
    struct rx_status *st) RX_MUST_USE;
/* Whether this kernel has Landlock. */
bool rx_sandbox_files(void);

#endif
