#ifndef RX_BASE_FILE_H
#define RX_BASE_FILE_H

/* Whole files: read, and written whole or not at all. */

#include <stdbool.h>

#include "base/buffer.h"

/* Append the whole file ${path} to ${buf}; RX_EIO (argument file) if it cannot
 * be read, RX_EUSAGE when it has more than ${max} bytes. */
rx_err rx_file_read(struct rx_buf *buf, const char *path, size_t max,
    struct rx_status *st) RX_MUST_USE;

/**
 * rx_file_write(path, p, n, mode, replace, st):
 * Write ${n} bytes to ${path} so that it is whole or absent: a temporary file
 * beside it, fsync, rename, fsync of the folder.  When ${replace} is false an
 * existing file is RX_ECONFLICT and stays as it is.
 */
rx_err rx_file_write(const char *path, const void *p, size_t n,
    unsigned mode, bool replace, struct rx_status *st) RX_MUST_USE;
/* The same refusal, before anything is done for it: RX_ECONFLICT (FILE_EXISTS). */
rx_err rx_file_absent(const char *path, struct rx_status *st) RX_MUST_USE;

#endif
