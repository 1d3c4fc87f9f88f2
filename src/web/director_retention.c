#include <string.h>

#include "base/date.h"
#include "web/director.h"

/* Files whose time is over: a decision is due, to keep them or to erase them. */

static const struct {
	unsigned why;
	enum rx_msg msg;
} whys[] = {
	{ RX_OVER_CLOSED, RX_MSG_OVER_CLOSED },
	{ RX_OVER_ADULT, RX_MSG_OVER_ADULT },
	{ RX_OVER_WITHDRAWN, RX_MSG_OVER_WITHDRAWN }
};

rx_err
rx_director_over(json_t *item, const struct rx_request *q,
    const struct rx_retention_row *r, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < sizeof(whys) / sizeof(whys[0]) && rc == RX_OK; i++)
		if ((r->why & whys[i].why) != 0)
			rc = rx_buf_printf(&text, st, "%s%s", text.len == 0 ?
			    "" : rx_msg(RX_MSG_LIST_COMMA, q->lang),
			    rx_msg(whys[i].msg, q->lang));
	if (rc == RX_OK && (rc = rx_put(item, "over_why", json_stringn(
	    (const char *)text.b, text.len), st)) == RX_OK)
		rc = rx_put_date(item, "over_since", r->since, st);
	rx_buf_free(&text);
	return (rc);
}

/* ---- the list ---- */

struct listing {
	const struct rx_request *q;
	json_t *data;
	int64_t n;
};

static rx_err
over_each(void *cookie, const struct rx_retention_row *r,
    struct rx_status *st)
{
	struct listing *l = cookie;
	char unit[128];
	json_t *item;
	rx_err rc;

	l->n++;
	if ((rc = rx_unit_name(l->q->session, r->row->child->unit, unit,
	    sizeof(unit), st)) != RX_OK ||
	    (rc = rx_put_item(l->data, "over", &item, st)) != RX_OK ||
	    (rc = rx_director_item(item, l->q, r->row, st)) != RX_OK ||
	    (rc = rx_put_text(item, "unit", unit, st)) != RX_OK)
		return (rc);
	return (rx_director_over(item, l->q, r, st));
}

/* The day that the list is for: today when the field "on" is no date. */
static rx_err
put_day(struct rx_request *q, struct rx_reply *a, int32_t *on,
    struct rx_status *st)
{
	const char *text = rx_field(q, "on");
	int32_t date;
	rx_err rc;

	if (rx_date_parse(text, &date))
		*on = date;
	else if (*text != '\0') {
		rx_status_arg(st, "key", "on");
		rx_status_arg(st, "value", "%.32s", text);
		(void)rx_fail(st, RX_EUSAGE, RX_MSG_DATE_INVALID);
		if ((rc = rx_form_error(a, q, st)) != RX_OK)
			return (rc);
	}
	return (rx_put_date(a->data, "on", *on, st));
}

/* GET, and POST for the names.  One who supervises alone gets coded data. */
rx_err
rx_director_retention(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const bool director = rx_session_has_role(q->session,
	    RX_ROLE_DIRECTOR);
	const bool names = director && q->post && rx_field_set(q, "names");
	struct listing l = { q, a->data, 0 };
	int32_t on = rx_date_today();
	rx_err rc;

	a->page = "director/retention";
	if ((rc = put_day(q, a, &on, st)) != RX_OK ||
	    (rc = rx_retention_each(q->session, on, !director ?
	    RX_RETENTION_CODED : names ? RX_RETENTION_NAMES :
	    RX_RETENTION_MASKED, over_each, &l, st)) != RX_OK ||
	    (rc = rx_put_shown(a->data, "over", st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "names", names, st)) != RX_OK ||
	    (rc = rx_put_say_int(a->data, "count_said", q,
	    RX_MSG_WEB_CHILDREN_COUNT, "n", l.n, st)) != RX_OK)
		return (rc);
	return (rx_director_title(a, q, RX_MSG_WEB_RETENTION_TITLE, st));
}

/* ---- keeping one ---- */

rx_err
rx_director_keep_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	static const char *const keep[] = { "until", "reason", NULL };
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	a->page = "director/keep";
	if ((rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = rx_director_head(a, q, id, NULL, st)) != RX_OK ||
	    (rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = rx_put_date(a->data, "tomorrow", rx_date_today() + 1,
	    st)) != RX_OK)
		return (rc);
	return (rx_director_title(a, q, RX_MSG_WEB_KEEP_TITLE, st));
}

static rx_err
keep_file(struct rx_request *q, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_buf reason = RX_BUF_INIT;
	const char *text = rx_field(q, "until");
	int32_t until;
	rx_err rc;

	if (!rx_date_parse(text, &until)) {
		rx_status_arg(st, "key", "until");
		rx_status_arg(st, "value", "%.32s", text);
		return (rx_fail(st, RX_EUSAGE, *text == '\0' ?
		    RX_MSG_FIELD_MISSING : RX_MSG_DATE_INVALID));
	}
	if ((rc = rx_field_reason(&reason, q, st)) == RX_OK)
		rc = rx_retention_keep(q->session, id, until,
		    (const char *)reason.b, st);
	rx_buf_free(&reason);
	return (rc);
}

rx_err
rx_director_keep(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char text[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK)
		return (rc);
	if (keep_file(q, id, st) != RX_OK) {
		if ((rc = rx_form_error(a, q, st)) != RX_OK)
			return (rc);
		return (rx_director_keep_form(q, a, st));
	}
	rx_uuid_text(id, text);
	rx_redirect_with(a, RX_MSG_WEB_KEEP_DONE, "/child/%s", text);
	return (RX_OK);
}
