#ifndef RX_BASE_ERROR_H
#define RX_BASE_ERROR_H

/*
 * Errors are values.  Whatever can fail returns an rx_err, which must be
 * looked at, and takes a struct rx_status as its last argument, where the
 * first failure leaves what the user is to be told.  Nothing here allocates.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/message.h"

/* The values are the exit codes of the program (CONTRACT: Exit). */
typedef enum rx_err {
	RX_OK = 0,
	RX_EINTERNAL = 1,	/* a bug, or no memory */
	RX_EUSAGE = 2,		/* wrong usage or invalid input */
	RX_EPERM = 3,		/* not permitted, no key, wrong passphrase */
	RX_ENOENT = 4,		/* no such record */
	RX_ECONFLICT = 5,	/* clashes with what is stored */
	RX_ECORRUPT = 6,	/* corrupt or tampered with */
	RX_EIO = 7		/* the disk, a file */
} rx_err;

#define RX_MUST_USE __attribute__((warn_unused_result))
#define RX_PRINTF(f, a) __attribute__((format(printf, f, a)))

#define RX_STATUS_ARGS 6

struct rx_status {
	rx_err code;		/* RX_OK until something fails */
	enum rx_msg msg;	/* what to tell the user, translated at the edge */
	const char *where;	/* function that failed, for a developer */
	unsigned nargs;
	struct {
		const char *name;	/* "{name}" in the message */
		char value[200];	/* UTF-8, cut at a character */
	} arg[RX_STATUS_ARGS];
};

/* Clear ${st}: no failure, no arguments. */
void rx_status_clear(struct rx_status *st);

/**
 * rx_fail(st, code, msg, where):
 * Record the failure ${code} with message ${msg} in ${st} unless an earlier
 * failure is recorded there already (the first failure wins), and return the
 * code that is recorded.
 */
rx_err rx_fail_at(struct rx_status *st, rx_err code, enum rx_msg msg,
    const char *where);
#define rx_fail(st, code, msg) rx_failed(rx_fail_at((st), (code), (msg), __func__))

/* Lets compilers and analysers see that a failure is never RX_OK. */
static inline rx_err
rx_failed(rx_err rc)
{

	if (rc == RX_OK)
		abort();
	return (rc);
}

/**
 * rx_status_arg(st, name, fmt, ...):
 * Give the placeholder {name} of the message of ${st} its value.  ${name} is
 * a string literal.  A second value for the same name is ignored, so that the
 * innermost caller wins; when all places are taken the value is dropped.
 * Never pass personal data: arguments are printed and may be logged.
 */
void rx_status_arg(struct rx_status *st, const char *name, const char *fmt, ...)
    RX_PRINTF(3, 4);

/**
 * rx_status_text(st, lang, buf, size):
 * Write the message of ${st} in ${lang}, its placeholders replaced, as a
 * NUL-terminated line without line end into the ${size} bytes at ${buf}.
 * An argument "line" that the message does not place itself goes before it.
 */
void rx_status_text(const struct rx_status *st, enum rx_lang lang, char *buf,
    size_t size);

#endif
