#include <string.h>

#include "web/web.h"

/*
 * What a page says to somebody who is entitled to keys and was not handed them
 * yet: who has to sign in, and that nothing else is to be done.
 */

#define UNITS_SHOWN 20

static const enum rx_msg role_names[] = {
	[RX_ROLE_ADMIN] = RX_MSG_CLI_ROLE_ADMIN,
	[RX_ROLE_DIRECTOR] = RX_MSG_CLI_ROLE_DIRECTOR,
	[RX_ROLE_SUPERVISOR] = RX_MSG_CLI_ROLE_SUPERVISOR,
	[RX_ROLE_STATISTICIAN] = RX_MSG_CLI_ROLE_STATISTICIAN,
	[RX_ROLE_RECOVERY] = RX_MSG_CLI_ROLE_RECOVERY
};

struct holders {
	const struct rx_request *q;
	json_t *unit;
};

static rx_err
holder_each(void *cookie, const char *name, enum rx_role role,
    struct rx_status *st)
{
	struct holders *h = cookie;
	json_t *item;
	rx_err rc;

	if ((rc = rx_put_item(h->unit, "people", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "name", name, st)) != RX_OK)
		return (rc);
	return (rx_put_text(item, "role", rx_msg(role_names[role],
	    h->q->lang), st));
}

rx_err
rx_put_holders(json_t *o, const struct rx_request *q, const char *user,
    const char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	struct holders h = { q, o };
	rx_err rc;

	if ((rc = rx_key_holders_each(q->session, user, unit,
	    holder_each, &h, st)) != RX_OK)
		return (rc);
	return (rx_put_shown(o, "people", st));
}

static rx_err
put_unit(const struct rx_request *q, json_t *data, const char *unit,
    struct rx_status *st)
{
	char name[256], code[RX_UNIT_TEXT];
	json_t *item;
	rx_err rc;

	rx_unit_text(code, unit);
	if ((rc = rx_unit_name(q->session, unit, name, sizeof(name), st)) !=
	    RX_OK ||
	    (rc = rx_put_item(data, "units", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "name", name, st)) != RX_OK ||
	    (rc = rx_put_text(item, "code", code, st)) != RX_OK)
		return (rc);
	return (rx_put_holders(item, q, rx_session_user(q->session), unit,
	    st));
}

rx_err
rx_put_waiting(struct rx_reply *a, const struct rx_request *q,
    struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	size_t i, n;
	rx_err rc;

	if ((rc = rx_user_pending(q->session, rx_session_user(q->session),
	    &units, st)) != RX_OK)
		goto done;
	n = units.len / RX_UNIT_BYTES;
	for (i = 0; i < n && i < UNITS_SHOWN && rc == RX_OK; i++)
		if (!rx_unit_of_register((const char *)units.b +
		    i * RX_UNIT_BYTES))
			rc = put_unit(q, a->data, (const char *)units.b +
			    i * RX_UNIT_BYTES, st);
	if (rc == RX_OK && n > UNITS_SHOWN)
		rc = rx_put_say_int(a->data, "more", q, RX_MSG_WEB_WAIT_MORE,
		    "n", (int64_t)(n - UNITS_SHOWN), st);
	if (rc != RX_OK ||
	    (rc = rx_put_shown(a->data, "units", st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "again", q->post ? "/" : q->path,
	    st)) != RX_OK)
		goto done;
	a->status = 403;
	a->page = "waiting";
	rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_WAIT_TITLE, NULL,
	    NULL, st);
done:
	rx_buf_free(&units);
	return (rc);
}
