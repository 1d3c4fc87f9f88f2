#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/* Flags, who answers them, and what was decided. */

/* Rows while they are collected. */
struct rows {
	struct rx_flag_row *row;
	size_t n, cap;
};

static bool
is_red(int64_t risk)
{
	const struct rx_code *code = rx_code_by_no(RX_LIST_RISK,
	    (uint16_t)risk);

	return (code != NULL && strcmp(code->key, "red") == 0);
}

/* How soon: red now, or until it was corrected; an urgent sign; the rest. */
static int
rank(const struct rx_flag_row *r)
{

	return (is_red(rx_risk_worse(r->risk, r->was)) ? 2 : r->urgent ? 1 :
	    0);
}

/* The more urgent first, then the older. */
static int
row_cmp(const void *a, const void *b)
{
	const struct rx_flag_row *x = a, *y = b;

	if (rank(x) != rank(y))
		return (rank(y) - rank(x));
	if (x->since != y->since)
		return (x->since < y->since ? -1 : 1);
	return (memcmp(x->id, y->id, RX_ID_BYTES));
}

static bool
is_own(const struct rx_session *s, const struct rx_flag_row *r)
{

	return (memcmp(r->author_id, s->user_id, RX_ID_BYTES) == 0 ||
	    memcmp(r->raiser_id, s->user_id, RX_ID_BYTES) == 0);
}

static rx_err
rows_add(struct rows *rows, struct rx_session *s, const struct rx_case *c,
    const struct rx_case_state *state, const struct rx_flag *f,
    const char *child_caller_id, struct rx_status *st)
{
	struct rx_flag_row *grown, *r;
	rx_err rc;

	if (rows->n == rows->cap) {
		rows->cap = rows->cap == 0 ? 16 : 2 * rows->cap;
		if ((grown = reallocarray(rows->row, rows->cap,
		    sizeof(*grown))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		rows->row = grown;
	}
	r = &rows->row[rows->n++];
	memset(r, 0, sizeof(*r));
	memcpy(r->id, f->id, RX_ID_BYTES);
	memcpy(r->child, c->id, RX_ID_BYTES);
	memcpy(r->unit, c->unit, RX_UNIT_BYTES);
	memcpy(r->caller_id, f->caller_id, sizeof(r->caller_id));
	rx_text_copy(r->child_caller_id, sizeof(r->child_caller_id), child_caller_id);
	memcpy(r->author_id, f->author, RX_ID_BYTES);
	if ((rc = rx_member_name_find(s, f->author, r->author, st)) != RX_OK)
		return (rc);
	memcpy(r->raiser_id, f->raiser, RX_ID_BYTES);
	memcpy(r->live, f->live, RX_ID_BYTES);
	r->own = is_own(s, r);
	r->raised_by = f->raised_by;
	r->by_rule = f->by_rule;
	r->signs = f->signs;
	r->corrected = f->corrected;
	r->again = f->again;
	r->was = f->was;
	r->state = f->state;
	r->date = f->date;
	r->at = f->at;
	r->since = f->since;
	r->answered = f->answered;
	r->risk = state->risk;
	r->urgent = f->urgent;
	r->escalated = f->escalations > 0;
	r->above = rx_review_reaches(s, c->unit, f->levels + 1);
	r->mine_to_raise = rx_review_step(s, c->unit, s->user_id) >=
	    (int)f->levels;
	r->due = f->due;
	r->overdue = f->state == RX_FLAG_OPEN && r->due < rx_time_now();
	r->passed = r->overdue && r->urgent && f->levels > 0 &&
	    rx_review_reaches(s, c->unit, f->levels);
	return (RX_OK);
}

/* The ${n} flags of the case of ${c}, whose child is ${child}. */
static rx_err
case_flags(struct rows *rows, struct rx_session *s, const struct rx_case *c,
    const struct rx_record *child, const struct rx_case_state *state,
    const struct rx_flag *flags, size_t n, bool all, struct rx_status *st)
{
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < n && rc == RX_OK; i++)
		if (all || flags[i].state <= RX_FLAG_ESCALATED)
			rc = rows_add(rows, s, c, state, &flags[i],
			    rx_record_text(child, RX_F_CALLER_ID), st);
	return (rc);
}

/* The flags of one unit, in one reading of the store. */
static rx_err
unit_flags(struct rows *rows, struct rx_session *s, struct rx_case *c,
    const char *unit, bool all, struct rx_status *st)
{
	struct rx_known_unit *u;
	struct rx_record child;
	bool held = false;
	size_t i;
	rx_err rc;

	rx_record_init(&child);
	if ((rc = rx_store_hold(s->store, &held, st)) != RX_OK ||
	    (rc = rx_known_unit(s, unit, &u, st)) != RX_OK)
		goto done;
	for (i = 0; i < u->n && rc == RX_OK; i++) {
		struct rx_known *k = &u->k[i];

		if ((rc = rx_known_read(s, c, u, k, st)) != RX_OK ||
		    k->nflags == 0 ||
		    (rc = rx_known_child(u, k, &child, st)) != RX_OK)
			continue;
		memcpy(c->id, k->id, RX_ID_BYTES);
		memcpy(c->unit, u->unit, RX_UNIT_BYTES);
		rc = case_flags(rows, s, c, &child, &k->state, k->flags,
		    k->nflags, all, st);
	}
done:
	if (held)
		rx_store_rollback(s->store);
	rx_record_free(&child);
	return (rc);
}

static rx_err
collect(struct rows *rows, struct rx_session *s, bool all,
    struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	struct rx_case c;
	size_t i;
	rx_err rc;

	if (!rx_session_has_role(s, RX_ROLE_SUPERVISOR) &&
	    !rx_session_has_role(s, RX_ROLE_DIRECTOR))
		return (rx_fail(st, RX_EPERM, RX_MSG_CASES_NOT_YOURS));
	if ((rc = rx_units_for(s, RX_ACT_SUPERVISE, &units, st)) != RX_OK ||
	    (rc = rx_units_for(s, RX_ACT_WRITE_CASE, &units, st)) != RX_OK)
		goto done;
	rx_case_init(&c);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = unit_flags(rows, s, &c, (const char *)units.b + i, all,
		    st);
	if (rc == RX_OK && rows->n > 1)
		qsort(rows->row, rows->n, sizeof(*rows->row), row_cmp);
	rx_case_done(&c, s);
done:
	rx_buf_free(&units);
	return (rc);
}

rx_err
rx_review_each(struct rx_session *s, bool all,
    rx_err (*each)(void *, const struct rx_flag_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rows rows = { NULL, 0, 0 };
	size_t i;
	rx_err rc;

	rc = collect(&rows, s, all, st);
	for (i = 0; i < rows.n && rc == RX_OK; i++)
		rc = each(cookie, &rows.row[i], st);
	free(rows.row);
	if (rc == RX_OK)
		rc = rx_known_keep(s, RX_KEEP_LEAST, st);
	return (rc);
}

/* No flag of the session's has the id ${id}: RX_EPERM when it is one of our
 * records in a unit that is another's, RX_ENOENT otherwise. */
static rx_err
not_mine(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	char unit[RX_UNIT_BYTES];
	struct rx_cursor *cur;
	bool row;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_RECORD, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		rx_unit_set(unit, rx_col_text(cur, 3));
		if (!rx_permitted(s, RX_ACT_WRITE_CASE, unit))
			rc = rx_permit(s, RX_ACT_SUPERVISE, unit, st);
	}
	rx_query_close(cur);
	return (rc != RX_OK ? rc :
	    rx_fail(st, RX_ENOENT, RX_MSG_FLAG_UNKNOWN));
}

rx_err
rx_review_find(struct rx_session *s, const char *text,
    struct rx_flag_row *flag, struct rx_status *st)
{
	struct rows rows = { NULL, 0, 0 };
	uint8_t id[RX_ID_BYTES];
	const bool uuid = rx_uuid_parse(text, id);
	bool ours = false;
	size_t i, found = 0;
	rx_err rc;

	rc = collect(&rows, s, true, st);
	/* A caller's id may look like ours: what a form gives does. */
	for (i = 0; i < rows.n && rc == RX_OK && !ours; i++) {
		ours = uuid && memcmp(rows.row[i].id, id, RX_ID_BYTES) == 0;
		if (!ours && strcmp(rows.row[i].caller_id, text) != 0)
			continue;
		*flag = rows.row[i];
		found = ours ? 1 : found + 1;
	}
	free(rows.row);
	if (rc == RX_OK && found == 0)
		rc = uuid ? not_mine(s, id, st) :
		    rx_fail(st, RX_ENOENT, RX_MSG_FLAG_UNKNOWN);
	if (rc == RX_OK && found > 1)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_FLAG_AMBIGUOUS);
	return (rc);
}

/* An escalated flag goes on upwards only from where it has come to, and only
 * while there is somebody above; otherwise nothing would happen. */
static rx_err
check_again(const struct rx_flag_row *flag, struct rx_status *st)
{

	if (!flag->mine_to_raise)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_FLAG_ESCALATED));
	if (!flag->above)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_FLAG_TOP));
	return (RX_OK);
}

/* The flag ${flag} as it is in this transaction, in ${*now}.  RX_ENOENT
 * (FLAG_UNKNOWN) when it is there no more, RX_EPERM when the case has moved out of
 * the session's reach. */
static rx_err
flag_now(struct rx_session *s, const struct rx_flag_row *flag,
    struct rx_flag_row *now, struct rx_status *st)
{
	struct rows rows = { NULL, 0, 0 };
	struct rx_flag *flags = NULL;
	struct rx_case_state state;
	char unit[RX_UNIT_BYTES];
	struct rx_record child;
	struct rx_case c;
	size_t i, n = 0;
	rx_err rc;

	rx_record_init(&child);
	rx_case_init(&c);
	if ((rc = rx_case_unit(s, flag->child, unit, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_SUPERVISE, unit, st)) != RX_OK ||
	    (rc = rx_case_load(&c, s, flag->child, unit,
	    RX_BIT(RX_COMP_CODED), st)) != RX_OK ||
	    (rc = rx_case_read(s, &c, &child, &state, &flags, &n, st)) !=
	    RX_OK || (rc = case_flags(&rows, s, &c, &child, &state, flags, n,
	    true, st)) != RX_OK)
		goto done;
	for (i = 0; i < rows.n && memcmp(rows.row[i].id, flag->id,
	    RX_ID_BYTES) != 0; i++)
		continue;
	if (i < rows.n)
		*now = rows.row[i];
	else
		rc = rx_fail(st, RX_ENOENT, RX_MSG_FLAG_UNKNOWN);
done:
	free(rows.row);
	free(flags);
	rx_record_free(&child);
	rx_case_done(&c, s);
	return (rc);
}

/* May the session decide this flag now? */
static rx_err
check_decision(struct rx_session *s, const struct rx_flag_row *flag,
    const char *reason, const struct rx_code *decision, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_SUPERVISE, flag->unit, st)) != RX_OK)
		return (rc);
	if (decision == NULL)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_DECISION_UNKNOWN));
	if (reason == NULL || *reason == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_REASON_MISSING));
	if (is_own(s, flag))
		return (rx_fail(st, RX_EPERM, RX_MSG_OWN_FLAG));
	if (flag->state == RX_FLAG_RETURNED || flag->state == RX_FLAG_CLOSED)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_FLAG_DECIDED));
	if (strcmp(decision->key, "escalate") == 0 && flag->escalated)
		return (check_again(flag, st));
	return (RX_OK);
}

/* The review as a record. */
static rx_err
fill_review(struct rx_record *r, const struct rx_flag_row *flag,
    const struct rx_code *decision, const char *reason, struct rx_status *st)
{
	char child[RX_UUID_TEXT];
	rx_err rc;

	r->type = RX_REVIEW;
	rx_uuid_text(flag->child, child);
	if ((rc = rx_record_set_text(r, RX_F_REASON, reason, strlen(reason),
	    st)) != RX_OK ||
	    (rc = rx_record_set_int(r, RX_F_DATE, rx_date_today(), st)) !=
	    RX_OK ||
	    (rc = rx_record_set_int(r, RX_F_DECISION, decision->no, st)) !=
	    RX_OK ||
	    (rc = rx_record_set_ids(r, RX_F_SEEN, flag->live, 1, st)) != RX_OK)
		return (rc);
	return (rx_record_set_ids(r, RX_F_FLAG, flag->id, 1, st));
}

rx_err
rx_review_decide(struct rx_session *s, const struct rx_flag_row *flag,
    const char *decision, const char *reason, struct rx_status *st)
{
	const struct rx_code *code = rx_code_by_key(RX_LIST_DECISION, decision);
	struct rx_save_result result;
	struct rx_flag_row now;
	struct rx_saver *sv;
	struct rx_record r;
	rx_err rc;

	rx_record_init(&r);
	if ((rc = check_decision(s, flag, reason, code, st)) != RX_OK ||
	    (rc = fill_review(&r, flag, code, reason, st)) != RX_OK)
		goto done;
	if ((rc = rx_saver_new(&sv, s, false, st)) != RX_OK)
		goto done;
	/* Somebody may have decided, or corrected, since the flag was read. */
	if ((rc = flag_now(s, flag, &now, st)) == RX_OK &&
	    memcmp(now.live, flag->live, RX_ID_BYTES) != 0)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_FLAG_CHANGED);
	if (rc == RX_OK &&
	    (rc = check_decision(s, &now, reason, code, st)) == RX_OK &&
	    (rc = rx_saver_put_case(sv, &r, flag->child, &result, st)) ==
	    RX_OK)
		rc = rx_saver_finish(sv, RX_DID_REVIEW, flag->child, decision,
		    st);
	rx_saver_free(sv);
done:
	rx_record_free(&r);
	return (rc);
}

/* ---- unanswered ---- */

/* Whether the entry says that the case ${id} was handed on. */
static bool
is_passing(const void *id, const struct rx_audit_entry *e)
{

	return (e->action == RX_DID_GRANT &&
	    memcmp(e->subject, id, RX_ID_BYTES) == 0);
}

static bool
is_overdue(const struct rx_flag *f)
{

	return (f->state == RX_FLAG_OPEN && f->urgent &&
	    f->due < rx_time_now());
}

/* Load the case ${id}.  *due: it is one of ${unit} still, for which the session writes,
 * with an urgent flag that is overdue and for which it was not handed on. */
static rx_err
case_due(struct rx_session *s, struct rx_case *c, const uint8_t *id,
    const char *unit, struct rx_case_state *state, bool *due,
    struct rx_status *st)
{
	char now[RX_UNIT_BYTES];
	struct rx_flag *flags = NULL;
	struct rx_status why;
	bool passed = true;
	size_t i, n = 0;
	rx_err rc;

	*due = false;
	rx_status_clear(&why);
	if ((rc = rx_case_unit(s, id, now, &why)) == RX_ENOENT)
		return (RX_OK);		/* erased */
	if (rc != RX_OK) {
		*st = why;
		return (rc);
	}
	if (memcmp(now, unit, RX_UNIT_BYTES) != 0 ||
	    !rx_permitted(s, RX_ACT_WRITE_CASE, unit))
		return (RX_OK);
	if ((rc = rx_case_load(c, s, id, unit, RX_CASE_KEYS, st)) != RX_OK ||
	    (rc = rx_case_state(s, c, state, &flags, &n, st)) != RX_OK)
		return (rc);
	for (i = 0; i < n && passed && rc == RX_OK; i++)
		if (is_overdue(&flags[i]))
			rc = rx_audit_seek(s, flags[i].due, is_passing, id,
			    &passed, st);
	free(flags);
	*due = !passed;
	return (rc);
}

/* Hand the case ${id} of ${unit} on if an urgent flag of it is overdue. */
static rx_err
pass_case(struct rx_session *s, struct rx_case *c, const uint8_t *id,
    const char *unit, struct rx_status *st)
{
	struct rx_case_state state;
	bool held = false, due = false;
	rx_err rc;

	if ((rc = rx_store_hold(s->store, &held, st)) == RX_OK)
		rc = case_due(s, c, id, unit, &state, &due, st);
	if (held)
		rx_store_rollback(s->store);
	if (rc != RX_OK || !due || (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	/* Whoever wrote before may have erased, answered, moved or renewed it. */
	rc = case_due(s, c, id, unit, &state, &due, st);
	if (rc == RX_OK && !due) {
		rx_abandon(s);
		return (RX_OK);
	}
	if (rc == RX_OK)
		rc = rx_slots_write(c, s, state.flagged, state.above, NULL, st);
	return (rx_finish(s, rc, RX_DID_GRANT, id, "overdue", st));
}

/* The cases of ${unit} with an urgent flag that is overdue, appended to
 * ${ids}. */
static rx_err
overdue_cases(struct rx_session *s, struct rx_case *c, const char *unit,
    struct rx_buf *ids, struct rx_status *st)
{
	struct rx_known_unit *u = NULL;
	bool held = false, due;
	size_t i, k;
	rx_err rc;

	if ((rc = rx_store_hold(s->store, &held, st)) == RX_OK)
		rc = rx_known_unit(s, unit, &u, st);
	for (i = 0; rc == RX_OK && i < u->n; i++) {
		if ((rc = rx_known_read(s, c, u, &u->k[i], st)) != RX_OK)
			break;
		for (due = false, k = 0; k < u->k[i].nflags; k++)
			due |= is_overdue(&u->k[i].flags[k]);
		if (due)
			rc = rx_buf_add(ids, u->k[i].id, RX_ID_BYTES, st);
	}
	if (held)
		rx_store_rollback(s->store);
	return (rc);
}

static rx_err
pass_unit(struct rx_session *s, struct rx_case *c, const char *unit,
    struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	const struct rx_key *key;
	struct rx_status why;
	size_t i;
	rx_err rc;

	/* Nobody above: it would change nothing. */
	if (!rx_review_reaches(s, unit, 1))
		return (RX_OK);
	rx_status_clear(&why);
	if (rx_unit_key(s, unit, RX_COMP_NARRATIVE, 0, &key, NULL, &why) ==
	    RX_EPERM)
		return (RX_OK);		/* his own keys are still to come */
	rc = overdue_cases(s, c, unit, &ids, st);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES)
		rc = pass_case(s, c, ids.b + i, unit, st);
	rx_buf_free(&ids);
	return (rc);
}

rx_err
rx_overdue_pass(struct rx_session *s, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	struct rx_case c;
	size_t i;
	rx_err rc;

	if (!rx_session_has_role(s, RX_ROLE_DIRECTOR))
		return (RX_OK);
	rx_case_init(&c);
	rc = rx_units_for(s, RX_ACT_WRITE_CASE, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = pass_unit(s, &c, (const char *)units.b + i, st);
	rx_case_done(&c, s);
	rx_buf_free(&units);
	return (rc);
}
