#include "web/director.h"

/*
 * Versions that were written in two copies of the register under one number: the
 * later stands, the other is kept, for a director to compare.
 */

struct twice {
	const struct rx_request *q;
	json_t *data;
	int64_t n;
};

/* The fields of the identity, which a page of facts leaves out. */
static rx_err
put_identity(json_t *item, const struct rx_request *q,
    const struct rx_record *r, struct rx_status *st)
{
	json_t *fact;
	unsigned f;
	rx_err rc;

	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (rx_fields[f].comp != RX_COMP_IDENTITY || !r->v[f].set)
			continue;
		if ((rc = rx_put_item(item, "facts", &fact, st)) != RX_OK ||
		    (rc = rx_put_text(fact, "label", rx_msg(rx_form_label(
		    (enum rx_field)f), q->lang), st)) != RX_OK ||
		    (rc = rx_put_text(fact, "text", rx_record_text(r,
		    (enum rx_field)f), st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* One version that does not stand; of a record the way to those that do. */
static rx_err
take_twice(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	struct twice *t = cookie;
	char id[RX_UUID_TEXT];
	json_t *item;
	rx_err rc;

	t->n++;
	rx_uuid_text(r->id, id);
	if ((rc = rx_put_item(t->data, "conflicts", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "type", rx_msg(rx_director_type(r->type),
	    t->q->lang), st)) != RX_OK ||
	    (rc = rx_put_text(item, "record", r->type == RX_CHILD ||
	    r->type == RX_ACTIVITY ? "" : id, st)) != RX_OK ||
	    (rc = rx_put_say_int(item, "version", t->q,
	    RX_MSG_WEB_HISTORY_VERSION, "n", r->version, st)) != RX_OK ||
	    (rc = rx_put_date(item, "date", (int32_t)rx_record_int(r,
	    RX_F_DATE), st)) != RX_OK ||
	    (rc = rx_put_time(item, "at", r->at, st)) != RX_OK ||
	    (rc = rx_put_text(item, "author", rx_session_author(t->q->session,
	    r->author), st)) != RX_OK ||
	    (rc = rx_put_code(item, "risk", t->q, RX_LIST_RISK,
	    rx_record_int(r, RX_F_RISK), st)) != RX_OK ||
	    (rc = put_identity(item, t->q, r, st)) != RX_OK)
		return (rc);
	return (rx_put_facts(item, t->q, r, st));
}

static rx_err
put_said(struct rx_reply *a, const struct rx_request *q, int64_t n,
    struct rx_status *st)
{

	return (n == 0 ? RX_OK : rx_put_say_int(a->data, "conflicts_said", q,
	    RX_MSG_WEB_CONFLICTS, "n", n, st));
}

rx_err
rx_director_conflicts(struct rx_reply *a, const struct rx_request *q,
    const uint8_t child[RX_ID_BYTES], bool show, struct rx_status *st)
{
	struct twice t = { q, a->data, 0 };
	size_t n;
	rx_err rc;

	if ((rc = rx_conflicts_of(q->session, child, &n, st)) != RX_OK ||
	    n == 0 || (rc = put_said(a, q, (int64_t)n, st)) != RX_OK || !show)
		return (rc);
	return (rx_conflict_each(q->session, child, take_twice, &t, st));
}

rx_err
rx_director_activity_conflicts(struct rx_reply *a, const struct rx_request *q,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	struct twice t = { q, a->data, 0 };
	rx_err rc;

	if ((rc = rx_activity_conflict_each(q->session, id, take_twice, &t,
	    st)) != RX_OK)
		return (rc);
	return (put_said(a, q, t.n, st));
}
