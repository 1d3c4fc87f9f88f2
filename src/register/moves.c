#include "base/date.h"
#include "register/save.h"

/* The way of a case through the units of the register: for whoever had it, where
 * it is now; for whoever has it, where it was. */

/* ---- where it is ---- */

/* Whether a version of the case ${id} lies in a unit whose cases the session
 * writes: it had the case before another unit took it over. */
static rx_err
was_ours(struct rx_session *s, const uint8_t *id, bool *ours,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	char unit[RX_UNIT_BYTES];
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*ours = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_CHILD_HISTORY, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while (!*ours && (rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		rx_unit_set(unit, rx_col_text(cur, 2));
		*ours = rx_permitted(s, RX_ACT_WRITE_CASE, unit);
	}
	rx_query_close(cur);
	return (rc);
}

/* When the case ${id} was accepted last, by the statement of it; 0 when there is
 * none. */
static rx_err
accepted_at(struct rx_session *s, const uint8_t *id, int64_t *at,
    struct rx_status *st)
{
	struct rx_buf moves = RX_BUF_INIT;
	struct rx_passage m;
	rx_err rc;

	*at = 0;
	if ((rc = rx_passages_load(&moves, s, id, st)) == RX_OK &&
	    moves.len >= sizeof(m)) {
		memcpy(&m, moves.b + moves.len - sizeof(m), sizeof(m));
		*at = m.at;
	}
	rx_buf_free(&moves);
	return (rc);
}

/* Refuse the case ${id}, which was the session's, by where it is now. */
static rx_err
say_moved(struct rx_session *s, const uint8_t *id, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES], text[RX_UNIT_TEXT], name[128];
	char day[RX_DATE_TEXT];
	int64_t at;
	rx_err rc;

	if ((rc = rx_case_unit(s, id, unit, st)) != RX_OK ||
	    (rc = rx_unit_name(s, unit, name, sizeof(name), st)) != RX_OK ||
	    (rc = accepted_at(s, id, &at, st)) != RX_OK)
		return (rc);
	if (at == 0)
		return (rx_case_moved(unit, RX_EPERM, st));
	rx_unit_text(text, unit);
	rx_date_format(rx_date_of_time(at), day);
	rx_status_arg(st, "unit", "%s", text);
	rx_status_arg(st, "name", "%s", name);
	rx_status_arg(st, "date", "%s", day);
	return (rx_fail(st, RX_EPERM, RX_MSG_CHILD_MOVED_ON));
}

/* Refuse the unknown case ${text}; when the session may read its certificate of
 * erasure, by that. */
static rx_err
say_erased(struct rx_session *s, const char *text, struct rx_status *st)
{
	char day[RX_DATE_TEXT];
	struct rx_status none;
	struct rx_erasure e;

	rx_status_clear(&none);
	if (rx_erasure_find(s, text, &e, &none) != RX_OK)
		return (rx_fail(st, RX_ENOENT, RX_MSG_CHILD_UNKNOWN));
	rx_date_format(rx_date_of_time(e.time), day);
	rx_wipe(e.reason, sizeof(e.reason));
	rx_status_arg(st, "date", "%s", day);
	return (rx_fail(st, RX_ENOENT, e.ground == RX_GROUND_MOVED ?
	    RX_MSG_CHILD_LEFT_ON : RX_MSG_CHILD_ERASED_ON));
}

rx_err
rx_child_seek(struct rx_session *s, const char *text,
    uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	uint8_t ours[RX_ID_BYTES];
	struct rx_status why;
	bool had = false;
	rx_err rc;

	rx_status_clear(&why);
	if (rx_child_find(s, text, id, &why) == RX_OK)
		return (RX_OK);
	if (rx_uuid_parse(text, ours)) {
		if (why.msg == RX_MSG_CHILD_UNKNOWN)
			return (say_erased(s, text, st));
		if (why.msg == RX_MSG_NOT_PERMITTED &&
		    (rc = was_ours(s, ours, &had, st)) != RX_OK)
			return (rc);
	}
	if (had)
		return (say_moved(s, ours, st));
	*st = why;
	return (rx_failed(why.code));
}

/* ---- where it was ---- */

struct way {
	struct rx_record r;		/* scratch */
	char unit[RX_UNIT_BYTES];	/* of the version before */
	size_t n;
	rx_move_each *each;
	void *cookie;
};

/* Take the version under ${cur} of the loaded case: a move, or a correction. */
static rx_err
step(struct way *w, struct rx_session *s, struct rx_case *c,
    const struct rx_cursor *cur, uint32_t *corrections, struct rx_status *st)
{
	struct rx_move m;
	rx_err rc;

	memset(&m, 0, sizeof(m));
	memcpy(m.from, w->unit, RX_UNIT_BYTES);
	rx_unit_set(m.to, rx_col_text(cur, 2));
	memcpy(w->unit, m.to, RX_UNIT_BYTES);
	if (w->n++ == 0)
		return (RX_OK);
	if (memcmp(m.from, m.to, RX_UNIT_BYTES) == 0) {
		(*corrections)++;
		return (RX_OK);
	}
	if ((rc = rx_row_open(s, c, cur, RX_TABLE_CHILD,
	    RX_BIT(RX_COMP_CODED), true, &w->r, st)) != RX_OK)
		return (rc);
	m.at = w->r.at;
	return (w->each(w->cookie, &m, st));
}

rx_err
rx_child_moves(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    rx_move_each *each, void *cookie, uint32_t *corrections,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct way w = { .each = each, .cookie = cookie };
	char unit[RX_UNIT_BYTES];
	struct rx_cursor *cur;
	struct rx_case c;
	bool row = false;
	rx_err rc;

	*corrections = 0;
	if ((rc = rx_members_refresh(s, st)) != RX_OK ||
	    (rc = rx_case_unit(s, id, unit, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, st)) != RX_OK)
		return (rc);
	rx_case_init(&c);
	rx_record_init(&w.r);
	if ((rc = rx_case_load(&c, s, id, unit, RX_BIT(RX_COMP_CODED), st)) !=
	    RX_OK || (rc = rx_query_open(&cur, s->store, RX_Q_CHILD_HISTORY,
	    &arg, 1, st)) != RX_OK)
		goto done;
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = step(&w, s, &c, cur, corrections, st)) != RX_OK)
			break;
	rx_query_close(cur);
done:
	rx_record_free(&w.r);
	rx_case_done(&c, s);
	return (rc);
}
