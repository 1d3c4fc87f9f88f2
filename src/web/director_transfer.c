#include <string.h>

#include "web/director.h"
#include "web/units.h"

/*
 * A child moves: its file is offered to another unit of the county, from its
 * page, and is accepted or rejected there.  Until then it stays.
 */

/* ---- what is offered ---- */

static rx_err
put_place(json_t *item, const char *key, const struct rx_request *q,
    const char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	char name[128];
	rx_err rc;

	if ((rc = rx_unit_name(q->session, unit, name, sizeof(name), st)) !=
	    RX_OK)
		return (rc);
	return (rx_put_text(item, key, name, st));
}

/* Of the child what the reader has a key to; from, to, by, at, reason, state. */
static rx_err
put_offer(json_t *item, const struct rx_request *q,
    const struct rx_transfer_row *row, struct rx_status *st)
{
	char id[RX_UUID_TEXT];
	rx_err rc;

	rx_uuid_text(row->child, id);
	if ((row->record != NULL && (rc = rx_director_who(item, q,
	    row->record, st)) != RX_OK) ||
	    (rc = rx_put_text(item, "id", id, st)) != RX_OK ||
	    (rc = put_place(item, "from", q, row->from, st)) != RX_OK ||
	    (rc = put_place(item, "to", q, row->to, st)) != RX_OK ||
	    (rc = rx_put_text(item, "by", row->by, st)) != RX_OK ||
	    (rc = rx_put_time(item, "at", row->at, st)) != RX_OK ||
	    (rc = rx_put_text(item, "reason", row->reason, st)) != RX_OK)
		return (rc);
	if (row->bad != RX_MSG_NONE && (rc = rx_put_text(item, "bad",
	    rx_msg(row->bad, q->lang), st)) != RX_OK)
		return (rc);
	return (rx_put_bool(item, "rejected", row->rejected, st));
}

struct looking {
	const struct rx_request *q;
	json_t *data;
	const uint8_t *id;		/* of one case; NULL: all */
	bool incoming;			/* of one: that its reader may answer */
};

static rx_err
one_each(void *cookie, const struct rx_transfer_row *row,
    struct rx_status *st)
{
	struct looking *l = cookie;
	json_t *item;
	rx_err rc;

	if (memcmp(row->child, l->id, RX_ID_BYTES) != 0 ||
	    !(l->incoming ? row->incoming : row->outgoing))
		return (RX_OK);
	if (row->bad != RX_MSG_NONE)
		return (rx_fail(st, RX_ECORRUPT, row->bad));
	item = json_object();
	if ((rc = rx_put(l->data, "offer", item, st)) != RX_OK)
		return (rc);
	return (put_offer(item, l->q, row, st));
}

static rx_err
list_each(void *cookie, const struct rx_transfer_row *row,
    struct rx_status *st)
{
	struct looking *l = cookie;
	json_t *item;
	rx_err rc;

	/* One who directs both units is on both sides. */
	if (row->incoming && ((rc = rx_put_item(l->data, "incoming", &item,
	    st)) != RX_OK || (rc = put_offer(item, l->q, row, st)) != RX_OK))
		return (rc);
	if (row->incoming && !row->outgoing)
		return (RX_OK);
	if ((rc = rx_put_item(l->data, row->outgoing ? "outgoing" : "others",
	    &item, st)) != RX_OK)
		return (rc);
	return (put_offer(item, l->q, row, st));
}

/* An offer of this very case that cannot be believed any more (who made it was
 * disabled since) is no reason to keep a director from its file: it is said. */
static rx_err
said_only(rx_err rc, const struct rx_request *q, json_t *data,
    struct rx_status *st)
{
	char text[512];

	if (rc != RX_ECORRUPT && rc != RX_ECONFLICT)
		return (rc);
	if (rc == RX_ECORRUPT)
		rx_web_log(st);
	rx_status_text(st, q->lang, text, sizeof(text));
	rx_status_clear(st);
	(void)json_object_del(data, "offer");
	return (rx_put_text(data, "offers_wrong", text, st));
}

rx_err
rx_director_offer_of(const struct rx_request *q, json_t *data,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	struct looking l = { q, data, id, false };

	return (said_only(rx_transfer_each(q->session, false, one_each, &l,
	    st), q, data, st));
}

rx_err
rx_director_offers(const struct rx_request *q, json_t *data, bool names,
    struct rx_status *st)
{
	struct looking l = { q, data, NULL, false };
	rx_err rc;

	if ((rc = rx_transfer_each(q->session, names, list_each, &l, st)) !=
	    RX_OK ||
	    (rc = rx_put_shown(data, "incoming", st)) != RX_OK ||
	    (rc = rx_put_shown(data, "outgoing", st)) != RX_OK)
		return (rc);
	return (rx_put_shown(data, "others", st));
}

/* GET, and POST for the names. */
rx_err
rx_director_transfers(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const bool names = q->post && rx_field_set(q, "names");
	rx_err rc;

	a->page = "director/transfers";
	if ((rc = rx_director_offers(q, a->data, names, st)) != RX_OK ||
	    (rc = rx_director_moves(q, a->data, names, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "names", names, st)) != RX_OK)
		return (rc);
	return (rx_director_title(a, q, RX_MSG_WEB_TRANSFERS_TITLE, st));
}

/* ---- offering ---- */

static rx_err
county_each(void *cookie, const struct rx_child_row *row,
    struct rx_status *st)
{

	(void)st;
	rx_unit_ancestor(cookie, row->child->unit, RX_LEVEL_COUNTY);
	return (RX_OK);
}

/* The county in which the case ${id} may move. */
static rx_err
county_of(char county[RX_UNIT_BYTES], const struct rx_request *q,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{

	memset(county, 0, RX_UNIT_BYTES);
	return (rx_child_glance(q->session, id, county_each, county, st));
}

rx_err
rx_director_units_json(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char county[RX_UNIT_BYTES];
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = county_of(county, q, id, st)) != RX_OK)
		return (rc);
	return (rx_unit_suggest(q, a, county, st));
}

/* The form, or how it stands with the offer that was made. */
rx_err
rx_director_transfer_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	static const char *const keep[] = { "unit", "reason", NULL };
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	a->page = "director/transfer";
	if ((rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = rx_director_head(a, q, id, NULL, st)) != RX_OK ||
	    (rc = rx_director_offer_of(q, a->data, id, st)) != RX_OK ||
	    (rc = rx_director_moves_of(q, a->data, id, st)) != RX_OK ||
	    (rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = rx_put_shown(a->data, "candidates", st)) != RX_OK)
		return (rc);
	return (rx_director_title(a, q, RX_MSG_WEB_TRANSFER_TITLE, st));
}

static rx_err
offer(struct rx_request *q, struct rx_reply *a,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	struct rx_buf reason = RX_BUF_INIT;
	char county[RX_UNIT_BYTES], code[32];
	rx_err rc;

	if ((rc = county_of(county, q, id, st)) != RX_OK ||
	    (rc = rx_unit_resolve(code, q, county, a->data, st)) != RX_OK ||
	    (rc = rx_field_reason(&reason, q, st)) != RX_OK)
		goto done;
	rc = !rx_field_set(q, "sure") ? rx_fail(st, RX_EUSAGE,
	    RX_MSG_WEB_SURE_MISSING) : rx_transfer_offer(q->session, id, code,
	    (const char *)reason.b, st);
done:
	rx_buf_free(&reason);
	return (rc);
}

rx_err
rx_director_transfer(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char text[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK)
		return (rc);
	if (offer(q, a, id, st) != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) != RX_OK)
			return (rc);
		return (rx_director_transfer_form(q, a, st));
	}
	rx_uuid_text(id, text);
	rx_redirect_with(a, RX_MSG_WEB_TRANSFER_OFFERED, "/child/%s", text);
	return (RX_OK);
}

/* Take an offer back, or the notice away that it was rejected. */
rx_err
rx_director_transfer_withdraw(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char text[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];
	bool away;
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = rx_departure_is_open(q->session, id, &away, st)) != RX_OK ||
	    (rc = rx_transfer_withdraw(q->session, id, st)) != RX_OK)
		return (rc);
	rx_uuid_text(id, text);
	/* A mandatory report waits for nobody: on to its form. */
	rx_redirect_with(a, away ? RX_MSG_CLI_TRANSFER_WITHDRAWN_AWAY :
	    RX_MSG_WEB_TRANSFER_WITHDRAWN, rx_field_set(q, "report") ?
	    "/child/%s/report" : "/child/%s", text);
	return (RX_OK);
}

/* ---- answering ---- */

/* The case that the path names, which may be another unit's still. */
static rx_err
offered(uint8_t id[RX_ID_BYTES], const struct rx_request *q,
    struct rx_status *st)
{

	return (rx_uuid_parse(q->arg[0], id) ? RX_OK :
	    rx_fail(st, RX_ENOENT, RX_MSG_TRANSFER_NONE));
}

/* GET, and POST for the name. */
rx_err
rx_director_offer(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	static const char *const keep[] = { "reason", NULL };
	const bool names = q->post && rx_field_set(q, "names");
	uint8_t id[RX_ID_BYTES];
	struct looking l = { q, a->data, id, true };
	rx_err rc;

	a->page = "director/offer";
	if ((rc = offered(id, q, st)) != RX_OK ||
	    (rc = rx_transfer_each(q->session, names, one_each, &l, st)) !=
	    RX_OK)
		return (rc);
	if (json_object_get(a->data, "offer") == NULL)
		return (rx_fail(st, RX_ENOENT, RX_MSG_TRANSFER_NONE));
	if ((rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "names", names, st)) != RX_OK)
		return (rc);
	return (rx_director_title(a, q, RX_MSG_WEB_OFFER_TITLE, st));
}

rx_err
rx_director_accept(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char text[RX_UUID_TEXT], number[16];
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = offered(id, q, st)) != RX_OK ||
	    (rc = rx_transfer_accept(q->session, id, number, st)) != RX_OK)
		return (rc);
	rx_uuid_text(id, text);
	rx_redirect_with(a, number[0] != '\0' ?
	    RX_MSG_WEB_TRANSFER_RENUMBERED : RX_MSG_WEB_TRANSFER_ACCEPTED,
	    "/child/%s", text);
	return (RX_OK);
}

rx_err
rx_director_reject(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_buf reason = RX_BUF_INIT;
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = offered(id, q, st)) != RX_OK)
		return (rc);
	if (rx_field_reason(&reason, q, st) != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) == RX_OK)
			rc = rx_director_offer(q, a, st);
	} else if ((rc = rx_transfer_reject(q->session, id,
	    (const char *)reason.b, st)) == RX_OK)
		rx_redirect_with(a, RX_MSG_WEB_TRANSFER_REJECTED,
		    "/transfers");
	rx_buf_free(&reason);
	return (rc);
}
