#include "register/save.h"

/* Finding a case by what people call it. */

/* Append the keyed units at or under ${above} in which the session may do ${act}
 * or ${other}, except those that ${out} has already. */
static rx_err
units_under(struct rx_session *s, enum rx_act act, enum rx_act other,
    const char *above, struct rx_buf *out, struct rx_status *st)
{
	struct rx_buf all = RX_BUF_INIT;
	const size_t had = out->len;
	size_t i, k;
	rx_err rc;

	rc = rx_keyed_units(s, above, &all, st);
	for (i = 0; i < all.len && rc == RX_OK; i += RX_UNIT_BYTES) {
		if (!rx_permitted(s, act, (const char *)all.b + i) &&
		    !rx_permitted(s, other, (const char *)all.b + i))
			continue;
		for (k = 0; k < had; k += RX_UNIT_BYTES)
			if (memcmp(out->b + k, all.b + i, RX_UNIT_BYTES) == 0)
				break;
		if (k >= had)
			rc = rx_buf_add(out, all.b + i, RX_UNIT_BYTES, st);
	}
	rx_buf_free(&all);
	return (rc);
}

static rx_err
units_for(struct rx_session *s, enum rx_act act, enum rx_act other,
    struct rx_buf *out, struct rx_status *st)
{
	size_t i, first = rx_member_first(s, s->user_id);
	rx_err rc = RX_OK;

	/* Two certificates may cover the same unit. */
	for (i = first; i < s->nmembers && i < rx_member_next(s, first) &&
	    rc == RX_OK; i++)
		if (rx_member_live(&s->members[i]) &&
		    s->members[i].cert.role != RX_ROLE_ADMIN)
			rc = units_under(s, act, other, s->members[i].cert.unit,
			    out, st);
	return (rc);
}

rx_err
rx_units_for(struct rx_session *s, enum rx_act act, struct rx_buf *out,
    struct rx_status *st)
{

	return (units_for(s, act, act, out, st));
}

rx_err
rx_case_unit(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_CHILD, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK) {
		if (row)
			rx_unit_set(unit, rx_col_text(cur, 2));
		else
			rc = rx_fail(st, RX_ENOENT, RX_MSG_CHILD_UNKNOWN);
	}
	rx_query_close(cur);
	return (rc);
}

/* Count the cases of ${unit} that bear the caller's id ${text}; the last one's
 * id goes to ${id}.  One that has moved goes to ${moved}, where it is now. */
static rx_err
by_caller_id(struct rx_session *s, const char *unit, const char *text,
    uint8_t id[RX_ID_BYTES], size_t *found, char moved[RX_UNIT_BYTES],
    struct rx_status *st)
{
	uint8_t tag[RX_ID_BYTES];
	char now[RX_UNIT_BYTES];
	struct rx_cursor *cur;
	struct rx_value arg;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_tag(s, unit, RX_CHILD, text, tag, st)) != RX_OK)
		return (rc);
	arg = rx_bytes(tag, sizeof(tag));
	if ((rc = rx_query_open(&cur, s->store, RX_Q_CHILD_BY_TAG, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 0, &n);
		if (n != RX_ID_BYTES)
			continue;
		if ((rc = rx_case_unit(s, p, now, st)) != RX_OK)
			break;
		if (memcmp(now, unit, RX_UNIT_BYTES) != 0)
			memcpy(moved, now, RX_UNIT_BYTES);
		else {
			memcpy(id, p, n);
			(*found)++;
		}
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_case_moved(const char unit[RX_UNIT_BYTES], rx_err rc,
    struct rx_status *st)
{
	char text[RX_UNIT_TEXT];

	rx_unit_text(text, unit);
	rx_status_arg(st, "unit", "%s", text);
	return (rx_fail(st, rc, RX_MSG_CHILD_MOVED));
}

rx_err
rx_locate_units(struct rx_session *s, struct rx_buf *units,
    struct rx_status *st)
{

	return (units_for(s, RX_ACT_WRITE_CASE, RX_ACT_SUPERVISE, units, st));
}

rx_err
rx_case_locate_in(struct rx_session *s, const struct rx_buf *units,
    const char *text, uint8_t id[RX_ID_BYTES], char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	char moved[RX_UNIT_BYTES] = "";
	size_t i, found = 0, before;
	bool elsewhere = false;
	rx_err rc = RX_OK;

	if (rx_uuid_parse(text, id)) {
		struct rx_status tried;

		rx_status_clear(&tried);
		rc = rx_case_unit(s, id, unit, &tried);
		elsewhere = rc == RX_OK;
		if (rc != RX_OK && rc != RX_ENOENT) {
			*st = tried;
			return (rc);
		}
		rc = RX_OK;
		for (i = 0; elsewhere && i < units->len; i += RX_UNIT_BYTES)
			if (memcmp(units->b + i, unit, RX_UNIT_BYTES) == 0)
				return (RX_OK);
	}
	for (i = 0; i < units->len && rc == RX_OK; i += RX_UNIT_BYTES) {
		struct rx_status tried;

		before = found;
		rx_status_clear(&tried);
		rc = by_caller_id(s, (const char *)units->b + i, text, id,
		    &found, moved, &tried);
		/* A unit whose keys are still to come hides nothing else. */
		if (rc == RX_EPERM)
			rc = RX_OK;
		else if (rc != RX_OK)
			*st = tried;
		if (found > before)
			memcpy(unit, units->b + i, RX_UNIT_BYTES);
	}
	/* Our id of a case that is another's: refused, not unknown. */
	if (rc == RX_OK && found == 0 && elsewhere)
		rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, st);
	if (rc == RX_OK && found == 0 && moved[0] != '\0')
		rc = rx_case_moved(moved, RX_EPERM, st);
	if (rc == RX_OK && found == 0)
		rc = rx_fail(st, RX_ENOENT, RX_MSG_CHILD_UNKNOWN);
	if (rc == RX_OK && found > 1)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_CHILD_AMBIGUOUS);
	return (rc);
}

rx_err
rx_case_locate(struct rx_session *s, const char *text,
    uint8_t id[RX_ID_BYTES], char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_locate_units(s, &units, st)) == RX_OK)
		rc = rx_case_locate_in(s, &units, text, id, unit, st);
	rx_buf_free(&units);
	return (rc);
}

rx_err
rx_child_find(struct rx_session *s, const char *text,
    uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];

	if (!rx_session_has_role(s, RX_ROLE_DIRECTOR) &&
	    !rx_session_has_role(s, RX_ROLE_SUPERVISOR))
		return (rx_fail(st, RX_EPERM, RX_MSG_CASES_NOT_YOURS));
	return (rx_case_locate(s, text, id, unit, st));
}
