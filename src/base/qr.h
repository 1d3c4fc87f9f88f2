#ifndef RX_BASE_QR_H
#define RX_BASE_QR_H

/* A short text as a QR code.  The only user of libqrencode is qr.c. */

#include <stdbool.h>

#include "base/error.h"

#define RX_QR_SIDE 57		/* modules at most: version 10 */

struct rx_qr {
	int side;		/* modules, without the white border */
	bool dark[RX_QR_SIDE][RX_QR_SIDE];	/* row, column */
};

/* ${text} as a code that bears damage to 15 % of it; RX_EINTERNAL when there is
 * no memory, or the text is too long. */
rx_err rx_qr_make(struct rx_qr *qr, const char *text, struct rx_status *st)
    RX_MUST_USE;

#endif
