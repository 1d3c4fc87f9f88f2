#include <stdio.h>
#include <string.h>

#include "base/qr.h"
#include "web/admin.h"

/*
 * The head of the audit on a sheet to print: its code, and the same as a QR
 * code; who countersigned earlier ones; and the button that countersigns this
 * one.  Open to everybody who is signed in.
 */

/* The dark modules as a path, a rectangle for each run of them in a row. */
static rx_err
put_qr(json_t *data, const char *text, struct rx_status *st)
{
	struct rx_buf path = RX_BUF_INIT;
	struct rx_qr qr;
	int x, y, n;
	rx_err rc;

	if ((rc = rx_qr_make(&qr, text, st)) != RX_OK)
		return (rc);
	for (y = 0; y < qr.side; y++)
		for (x = 0; x < qr.side; x += n) {
			for (n = 0; x + n < qr.side && qr.dark[y][x + n]; n++)
				;
			if (n > 0 && (rc = rx_buf_printf(&path, st,
			    "M%d %dh%dv1h-%dz", x + 4, y + 4, n, n)) != RX_OK)
				goto done;
			n += n == 0;
		}
	if ((rc = rx_put_int(data, "qr_side", qr.side + 8, st)) == RX_OK)
		rc = rx_put(data, "qr", json_stringn((const char *)path.b,
		    path.len), st);
done:
	rx_buf_free(&path);
	return (rc);
}

struct heads {
	const struct rx_request *q;
	json_t *data;
};

static rx_err
head_each(void *cookie, const struct rx_countersigned *c,
    struct rx_status *st)
{
	const struct heads *h = cookie;
	const enum rx_msg msg = c->lost ? RX_MSG_ANCHOR_IS_LOST :
	    !c->here ? RX_MSG_ANCHOR_ELSEWHERE :
	    c->kind == RX_ANCHOR_SEEN ? RX_MSG_ANCHOR_WAS_SEEN :
	    RX_MSG_ANCHOR_WAS_VERIFIED;
	json_t *o;
	rx_err rc;

	if ((rc = rx_put_item(h->data, "heads", &o, st)) != RX_OK ||
	    (rc = rx_put_int(o, "seq", (int64_t)c->seq, st)) != RX_OK ||
	    (rc = rx_put_text(o, "user", c->user, st)) != RX_OK ||
	    (rc = rx_put_time(o, "time", c->time, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "lost", c->lost, st)) != RX_OK)
		return (rc);
	return (rx_put_text(o, "standing", rx_msg(msg, h->q->lang), st));
}

static rx_err
put_head(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct heads h = { q, a->data };
	char code[RX_ANCHOR_TEXT], unit[256];
	struct rx_audit_head head;
	rx_err rc;

	a->page = "admin/head";
	if ((rc = rx_audit_head(q->session, &head, st)) != RX_OK)
		return (rc);
	rx_anchor_format(code, &head);
	if ((rc = rx_unit_name(q->session, rx_session_unit(q->session), unit,
	    sizeof(unit), st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "register", unit, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "code", code, st)) != RX_OK ||
	    (rc = rx_put_time(a->data, "head_time", head.time, st)) != RX_OK ||
	    (rc = put_qr(a->data, code, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "may", rx_may_countersign(q->session),
	    st)) != RX_OK ||
	    (rc = rx_countersigned_each(q->session, head_each, &h, st)) !=
	    RX_OK || (rc = rx_put_shown(a->data, "heads", st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_AUDIT_HEAD, NULL,
	    NULL, st));
}

rx_err
rx_admin_head(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	return (put_head(q, a, st));
}

rx_err
rx_admin_countersign(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_countersigned c;
	rx_err rc;

	if (rx_audit_countersign(q->session, &c, NULL, NULL, st) == RX_OK) {
		rx_redirect_with(a, RX_MSG_WEB_COUNTERSIGNED, "/audit/head");
		return (RX_OK);
	}
	if ((rc = rx_put_error(a, q, st)) != RX_OK)
		return (rc);
	return (put_head(q, a, st));
}
