#include <qrencode.h>

#include "base/qr.h"

rx_err
rx_qr_make(struct rx_qr *qr, const char *text, struct rx_status *st)
{
	QRcode *code;
	rx_err rc = RX_OK;
	int x, y;

	qr->side = 0;
	if ((code = QRcode_encodeString(text, 0, QR_ECLEVEL_M, QR_MODE_8,
	    1)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (code->width > RX_QR_SIDE) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto done;
	}
	qr->side = code->width;
	for (y = 0; y < code->width; y++)
		for (x = 0; x < code->width; x++)
			qr->dark[y][x] = (code->data[y * code->width + x] &
			    1) != 0;
done:
	QRcode_free(code);
	return (rc);
}
