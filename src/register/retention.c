#include "base/date.h"
#include "base/json.h"
#include "register/save.h"

/* Files whose time is over, and the decision to keep one all the same. */

#define ADULT_MONTHS (18 * 12)

struct listing {
	const struct rx_session *s;
	int32_t on;
	rx_err (*each)(void *, const struct rx_retention_row *,
	    struct rx_status *);
	void *cookie;
};

/* ${months} after the day ${date}. */
static int32_t
months_after(int32_t date, int months)
{
	const int32_t month = rx_date_month(date);

	return (rx_month_first(month + months) + date - rx_month_first(month));
}

/* If ${day} has come: ${why}, since then. */
static void
over(struct rx_retention_row *r, int32_t on, unsigned why, int32_t day)
{

	if (day > on)
		return;
	if (r->why == 0 || day < r->since)
		r->since = day;
	r->why |= why;
}

bool
rx_retention_over(const struct rx_session *s, int32_t on,
    const struct rx_child_row *row, struct rx_retention_row *r)
{
	const int32_t birth = (int32_t)rx_record_int(row->child, RX_F_BIRTH);

	memset(r, 0, sizeof(*r));
	r->row = row;
	if (row->closed_on != 0)
		over(r, on, RX_OVER_CLOSED, months_after(row->closed_on,
		    12 * rx_setting(s, RX_SET_RETENTION_CLOSED)));
	/* Of the birth the month is known: it has passed when the month has. */
	over(r, on, RX_OVER_ADULT, rx_month_first(birth + ADULT_MONTHS + 1 +
	    rx_setting(s, RX_SET_RETENTION_ADULT)));
	if (row->withdrawn)
		over(r, on, RX_OVER_WITHDRAWN, months_after(
		    row->consent_on, rx_setting(s,
		    RX_SET_RETENTION_WITHDRAWN)));
	return (r->why != 0 && row->kept_until < on);
}

static rx_err
consider(void *cookie, const struct rx_child_row *row, struct rx_status *st)
{
	const struct listing *l = cookie;
	struct rx_retention_row r;

	if (!rx_retention_over(l->s, l->on, row, &r))
		return (RX_OK);
	return (l->each(l->cookie, &r, st));
}

rx_err
rx_retention_each(struct rx_session *s, int32_t on, enum rx_retention_as as,
    rx_err (*each)(void *, const struct rx_retention_row *,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	struct listing l = { s, on, each, cookie };

	if (as == RX_RETENTION_MASKED)
		return (rx_child_browse(s, "", false, consider, &l, st));
	return (rx_child_each(s, as == RX_RETENTION_CODED ? RX_LIST_CODED : 0,
	    on, consider, &l, st));
}

rx_err
rx_retention_keep(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    int32_t until, const char *reason, struct rx_status *st)
{
	char child[RX_UUID_TEXT], today[RX_DATE_TEXT], day[RX_DATE_TEXT];
	struct rx_save_result result;
	json_t *json;
	rx_err rc;

	rx_uuid_text(id, child);
	rx_date_format(rx_date_today(), today);
	rx_date_format(until, day);
	if ((json = json_pack("{s:s, s:s, s:s, s:s, s:s}", "child", child,
	    "date", today, "state", "kept", "until", day, "reason",
	    reason)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_save(s, RX_CONSENT, json, false, &result, st);
	json_decref(json);
	return (rc);
}
