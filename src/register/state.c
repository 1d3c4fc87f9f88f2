#include <stdlib.h>

#include "base/date.h"
#include "register/internal.h"

/* What the records of one case add up to: risk, next visit, flags, consent. */

#define HOUR_MS INT64_C(3600000)
#define ANSWER_URGENT (24 * HOUR_MS)
#define ANSWER_OTHER (72 * HOUR_MS)

struct seen {			/* an observation */
	int32_t date, follow_up;
	int64_t at, risk;
	bool urgent;		/* its signs raise a flag by themselves */
};

struct reading {		/* while a case is read */
	const struct rx_session *s;	/* its settings */
	struct rx_case_state *state;
	struct seen last, before;	/* the two latest; date 0 when none */
	struct rx_flag *flags;
	size_t nflags, cap;
};

/* Whether ${a} is the later one; ${a} is read after ${b}, in order of id, which
 * decides between two of one day and one millisecond. */
static bool
later(const struct seen *a, const struct seen *b)
{

	return (a->date != b->date ? a->date > b->date : a->at >= b->at);
}

static void
read_observation(struct reading *rd, const struct rx_record *r)
{
	const struct seen o = {
		.date = (int32_t)rx_record_int(r, RX_F_DATE),
		.follow_up = (int32_t)rx_record_int(r, RX_F_FOLLOW_UP_ON),
		.at = r->at, .risk = rx_record_int(r, RX_F_RISK),
		.urgent = rx_record_int(r, RX_F_RAISES_FLAG) == 1
	};

	rd->state->observations++;
	if (rd->last.risk == 0 || later(&o, &rd->last)) {
		rd->before = rd->last;
		rd->last = o;
	} else if (rd->before.risk == 0 || later(&o, &rd->before))
		rd->before = o;
}

/* The signs of ${r} that raise a flag by themselves. */
static uint64_t
raising_signs(const struct rx_record *r)
{
	const struct rx_code *code;
	uint64_t set = 0;
	size_t i;

	for (i = 0; i < r->v[RX_F_SIGNS].n; i++) {
		code = rx_code_by_no(RX_LIST_SIGN,
		    (uint16_t)rx_record_item(r, RX_F_SIGNS, i));
		if (code != NULL && code->no <= 64 &&
		    (rx_code_has(code, "urgent") || rx_code_has(code, "flag")))
			set |= UINT64_C(1) << (code->no - 1);
	}
	return (set);
}

static rx_err
read_flag(struct reading *rd, const struct rx_record *r, struct rx_status *st)
{
	struct rx_flag *f, *grown;

	if (rd->nflags == rd->cap) {
		rd->cap = rd->cap == 0 ? 4 : 2 * rd->cap;
		if ((grown = reallocarray(rd->flags, rd->cap,
		    sizeof(*grown))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		rd->flags = grown;
	}
	f = &rd->flags[rd->nflags++];
	memset(f, 0, sizeof(*f));
	memcpy(f->id, r->id, RX_ID_BYTES);
	memcpy(f->author, r->author, RX_ID_BYTES);
	f->raised_by = r->type;
	f->by_rule = rx_record_int(r, RX_F_RAISES_FLAG) == 1;
	f->signs = raising_signs(r);
	f->state = RX_FLAG_OPEN;
	f->date = (int32_t)rx_record_int(r, RX_F_DATE);
	f->at = r->at;
	rx_text_copy(f->caller_id, sizeof(f->caller_id), rx_record_text(r, RX_F_CALLER_ID));
	return (RX_OK);
}

/* A decision moves the flag it names.  Reviews have later ids than the record
 * that raised the flag, so the flag is known by now. */
static void
read_review(struct reading *rd, const struct rx_record *r)
{
	const struct rx_code *decision = rx_code_by_no(RX_LIST_DECISION,
	    (uint16_t)rx_record_int(r, RX_F_DECISION));
	const uint8_t *id = rx_record_id(r, RX_F_FLAG, 0);
	size_t i;

	if (r->epoch > rd->state->reviewed)
		rd->state->reviewed = r->epoch;
	for (i = 0; i < rd->nflags && decision != NULL && id != NULL; i++) {
		/* What was corrected since was not what was decided on. */
		if (memcmp(rd->flags[i].id, id, RX_ID_BYTES) != 0 ||
		    rd->flags[i].at > r->at)
			continue;
		/* Nor does anybody decide his own. */
		if (memcmp(rd->flags[i].author, r->author, RX_ID_BYTES) == 0)
			continue;
		rd->flags[i].answered = r->at;
		if (strcmp(decision->key, "accept") == 0)
			rd->flags[i].state = RX_FLAG_ACCEPTED;
		else if (strcmp(decision->key, "escalate") == 0) {
			rd->flags[i].state = RX_FLAG_ESCALATED;
			rd->flags[i].escalations++;
		}
		else if (strcmp(decision->key, "return") == 0)
			rd->flags[i].state = RX_FLAG_RETURNED;
		else
			rd->flags[i].state = RX_FLAG_CLOSED;
	}
}

/* The newest decision to keep the file stands. */
static void
read_kept(struct rx_case_state *state, const struct rx_record *r)
{
	const int32_t date = (int32_t)rx_record_int(r, RX_F_DATE);

	if (date < state->kept_on)
		return;
	state->kept_on = date;
	state->kept_until = (int32_t)rx_record_int(r, RX_F_UNTIL);
}

static rx_err
read_record(struct reading *rd, const struct rx_record *r,
    struct rx_status *st)
{
	const struct rx_code *code;

	switch (r->type) {
	case RX_OBSERVATION:
		read_observation(rd, r);
		break;
	case RX_INTERVENTION:
		rd->state->interventions++;
		code = rx_code_by_no(RX_LIST_OUTCOME,
		    (uint16_t)rx_record_int(r, RX_F_OUTCOME));
		if (code != NULL && rx_code_has(code, "closes") &&
		    rx_record_int(r, RX_F_DATE) > rd->state->closed_on)
			rd->state->closed_on = (int32_t)rx_record_int(r, RX_F_DATE);
		break;
	case RX_REVIEW:
		read_review(rd, r);
		break;
	case RX_CONSENT:
		if (rx_record_kept(r)) {
			read_kept(rd->state, r);
			break;
		}
		/* An older one that is entered late changes nothing. */
		if (rx_record_int(r, RX_F_DATE) < rd->state->consent_on)
			break;
		code = rx_code_by_no(RX_LIST_CONSENT_STATE,
		    (uint16_t)rx_record_int(r, RX_F_STATE));
		rd->state->withdrawn = code != NULL &&
		    strcmp(code->key, "withdrawn") == 0;
		rd->state->consent_on = (int32_t)rx_record_int(r, RX_F_DATE);
		break;
	default:
		break;
	}
	if (rx_record_int(r, RX_F_RAISES_FLAG) != 0)
		return (read_flag(rd, r, st));
	return (RX_OK);
}

int
rx_visit_days(const struct rx_session *s, const struct rx_code *risk,
    bool first)
{
	static const struct {
		const char *key;
		enum rx_setting first, then;
	} of[] = {
		{ "red", RX_SET_VISIT_RED_FIRST, RX_SET_VISIT_RED },
		{ "orange", RX_SET_VISIT_ORANGE, RX_SET_VISIT_ORANGE },
		{ "yellow", RX_SET_VISIT_YELLOW, RX_SET_VISIT_YELLOW },
		{ "green", RX_SET_VISIT_GREEN, RX_SET_VISIT_GREEN }
	};
	size_t i;

	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		if (risk != NULL && strcmp(risk->key, of[i].key) == 0)
			return (rx_setting(s, first ? of[i].first :
			    of[i].then));
	return (0);
}

/* From the latest observation: what it says, else the interval of its risk; a
 * first red one has an interval of its own. */
static int32_t
visit_as_said(const struct reading *rd)
{

	if (rd->last.follow_up != 0)
		return (rd->last.follow_up);
	return (rd->last.date + rx_visit_days(rd->s, rx_code_by_no(RX_LIST_RISK,
	    (uint16_t)rd->last.risk), rd->before.risk != rd->last.risk));
}

/* The next visit.  After an urgent sign it is not later than after a red risk,
 * whatever was ticked beside it. */
static int32_t
next_visit(const struct reading *rd, int64_t child_at)
{
	const struct rx_code *red = rx_code_by_key(RX_LIST_RISK, "red");
	int32_t said, latest;

	if (rd->state->closed)
		return (0);
	if (rd->last.risk == 0)
		return (rx_date_add_workdays(rx_date_of_time(child_at),
		    rx_setting(rd->s, RX_SET_VISIT_NEW)));
	said = visit_as_said(rd);
	if (!rd->last.urgent || red == NULL)
		return (said);
	latest = rd->last.date + rx_visit_days(rd->s, red,
	    !rd->before.urgent);
	return (said < latest ? said : latest);
}

/* The child's own row: birth, version, when it was recorded. */
static rx_err
read_child(struct rx_session *s, struct rx_case *c,
    struct rx_case_state *state, int64_t *at, struct rx_record *r,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_child_open(s, c, 0, false, r, st)) != RX_OK)
		return (rc);
	state->birth = (int32_t)rx_record_int(r, RX_F_BIRTH);
	state->version = r->version;
	*at = r->at;
	return (RX_OK);
}

/* When ${f} is to be answered, and how many levels above the first review it:
 * as many as it was escalated; one when an urgent one is overdue; and, since
 * nobody decides his own flag, one when there is nobody else at the first. */
static void
sum_up_flag(const struct rx_session *s, const char *unit,
    struct rx_case_state *state, struct rx_flag *f)
{
	const struct rx_code *risk = rx_code_by_no(RX_LIST_RISK,
	    (uint16_t)state->risk);

	f->urgent = f->by_rule || (risk != NULL &&
	    strcmp(risk->key, "red") == 0);
	f->due = f->at + (f->urgent ? ANSWER_URGENT : ANSWER_OTHER);
	if (f->state > RX_FLAG_ESCALATED)
		return;
	state->flagged = true;
	f->levels = f->escalations + rx_reviews_alone(s, unit, f->author);
	if (f->levels == 0 && f->state == RX_FLAG_OPEN && f->urgent &&
	    f->due < rx_time_now())
		f->levels = 1;
	if (f->levels > state->above)
		state->above = f->levels;
}

/* What hangs on the hour and on who is a member, and not on the rows alone. */
static void
sum_up_flags(const struct rx_session *s, const char *unit,
    struct rx_case_state *state, struct rx_flag *flags, size_t n)
{
	size_t i;

	state->flagged = false;
	state->above = 0;
	for (i = 0; i < n; i++)
		sum_up_flag(s, unit, state, &flags[i]);
}

/* What the record ${r}, of which ${flag} was raised by a version before, adds. */
static rx_err
read_live(struct reading *rd, struct rx_record *r, int64_t flag,
    struct rx_status *st)
{
	rx_err rc;

	/* A flag stands until it is decided, whatever was corrected since. */
	if (flag != 0 && rx_record_int(r, RX_F_RAISES_FLAG) == 0 &&
	    (rc = rx_record_set_int(r, RX_F_RAISES_FLAG, flag, st)) != RX_OK)
		return (rc);
	return (read_record(rd, r, st));
}

/* All records of the case: of each the newest version counts. */
static rx_err
read_records(struct reading *rd, struct rx_session *s, struct rx_case *c,
    struct rx_record *r, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	uint8_t id[RX_ID_BYTES] = { 0 };
	struct rx_cursor *cur;
	int64_t flag = 0, live;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_RECORDS_AND_LIVE, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		live = rx_col_int(cur, 7);
		if ((rc = rx_row_open(s, c, cur, RX_TABLE_RECORD, 0, false, r,
		    st)) != RX_OK)
			break;
		if (memcmp(id, r->id, RX_ID_BYTES) != 0)
			flag = 0;
		memcpy(id, r->id, RX_ID_BYTES);
		if (live == r->version && (rc = read_live(rd, r, flag, st)) !=
		    RX_OK)
			break;
		if (rx_record_int(r, RX_F_RAISES_FLAG) != 0)
			flag = rx_record_int(r, RX_F_RAISES_FLAG);
		rd->state->moved |= memcmp(r->unit, c->unit, RX_UNIT_BYTES) !=
		    0;
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_case_state(struct rx_session *s, struct rx_case *c,
    struct rx_case_state *state, struct rx_flag **flags, size_t *nflags,
    struct rx_status *st)
{
	struct reading rd = { .state = state, .s = s };
	struct rx_record r;
	int64_t child_at = 0;
	rx_err rc;

	memset(state, 0, sizeof(*state));
	rx_record_init(&r);
	if ((rc = read_child(s, c, state, &child_at, &r, st)) != RX_OK)
		goto done;
	if ((rc = read_records(&rd, s, c, &r, st)) != RX_OK)
		goto done;
	state->risk = rd.last.risk;
	state->last = rd.last.date;
	/* Whoever is seen on a later day has come back. */
	state->closed = state->closed_on != 0 &&
	    rd.last.date <= state->closed_on;
	state->due = next_visit(&rd, child_at);
	sum_up_flags(s, c->unit, state, rd.flags, rd.nflags);
done:
	rx_record_free(&r);
	if (rc == RX_OK && flags != NULL) {
		*flags = rd.flags;
		*nflags = rd.nflags;
	} else
		free(rd.flags);
	return (rc);
}

/* ---- what the session has read before ---- */

/*
 * Opening all records of all one's cases for every list takes milliseconds a
 * child.  A row is never changed, only added (or all are erased), so a case
 * that has as many rows as before is as it was: what its records said then,
 * authenticated, stands.  Whom its flags have come to is found anew.
 */

static void
known_clear(struct rx_known *k)
{

	if (k->flags != NULL)
		rx_wipe(k->flags, k->nflags * sizeof(*k->flags));
	free(k->flags);
	k->flags = NULL;
	k->nflags = 0;
	memset(&k->state, 0, sizeof(k->state));
	k->records = -1;
}

/* Where ${id} stands, or would stand. */
static size_t
known_place(const struct rx_session *s, const uint8_t *id)
{
	size_t low = 0, high = s->nknown, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (memcmp(s->known[mid].id, id, RX_ID_BYTES) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return (low);
}

static bool
known_at(const struct rx_session *s, size_t i, const uint8_t *id)
{

	return (i < s->nknown && memcmp(s->known[i].id, id, RX_ID_BYTES) == 0);
}

static rx_err
known_grow(struct rx_session *s, struct rx_status *st)
{
	const size_t cap = 2 * s->knowncap + 64;
	struct rx_known *grown;

	if ((grown = reallocarray(NULL, cap, sizeof(*grown))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (s->known != NULL) {
		memcpy(grown, s->known, s->nknown * sizeof(*grown));
		rx_wipe(s->known, s->nknown * sizeof(*s->known));
	}
	free(s->known);
	s->known = grown;
	s->knowncap = cap;
	return (RX_OK);
}

/* The entry of ${id}, a new one when there is none. */
static rx_err
known_entry(struct rx_session *s, const uint8_t *id, struct rx_known **out,
    struct rx_status *st)
{
	const size_t i = known_place(s, id);
	rx_err rc;

	*out = NULL;
	if (!known_at(s, i, id)) {
		if (s->nknown == s->knowncap &&
		    (rc = known_grow(s, st)) != RX_OK)
			return (rc);
		memmove(&s->known[i + 1], &s->known[i],
		    (s->nknown - i) * sizeof(*s->known));
		s->nknown++;
		memset(&s->known[i], 0, sizeof(s->known[i]));
		memcpy(s->known[i].id, id, RX_ID_BYTES);
		s->known[i].records = -1;
	}
	*out = &s->known[i];
	return (RX_OK);
}

static rx_err
case_stamp(struct rx_session *s, const uint8_t *id, int64_t *records,
    int64_t *version, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*records = *version = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_CASE_STAMP, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		*records = rx_col_int(cur, 0);
		*version = rx_col_int(cur, 1);
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_case_known(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    const struct rx_known **known, struct rx_status *st)
{
	int64_t records, version;
	struct rx_known *k;
	rx_err rc;

	*known = NULL;
	if ((rc = known_entry(s, id, &k, st)) != RX_OK ||
	    (rc = case_stamp(s, id, &records, &version, st)) != RX_OK)
		return (rc);
	*known = k;
	if (version > 0 && k->records == records &&
	    k->state.version == version) {
		sum_up_flags(s, unit, &k->state, k->flags, k->nflags);
		return (RX_OK);
	}
	known_clear(k);
	if ((rc = rx_case_load(c, s, id, unit, RX_BIT(RX_COMP_CODED), st)) !=
	    RX_OK || (rc = rx_case_state(s, c, &k->state, &k->flags,
	    &k->nflags, st)) != RX_OK)
		return (rc);
	/* What is rolled back must not be taken for what comes instead. */
	if (!rx_store_in_transaction(s->store))
		k->records = records;
	return (RX_OK);
}

void
rx_known_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES])
{
	const size_t i = known_place(s, id);

	if (known_at(s, i, id))
		known_clear(&s->known[i]);
}

void
rx_known_free(struct rx_session *s)
{
	size_t i;

	for (i = 0; i < s->nknown; i++)
		known_clear(&s->known[i]);
	free(s->known);
	s->known = NULL;
	s->nknown = s->knowncap = 0;
}
