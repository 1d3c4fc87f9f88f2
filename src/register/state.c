#include <stdlib.h>

#include "base/date.h"
#include "register/internal.h"

/* What the records of one case add up to: risk, next visit, flags, consent. */

#define HOUR_MS INT64_C(3600000)
#define ANSWER_URGENT (24 * HOUR_MS)
#define ANSWER_OTHER (72 * HOUR_MS)
#define VERSION_BYTES 12

struct seen {			/* an observation */
	int32_t date, follow_up;
	int64_t at, risk;
	bool urgent;		/* its signs raise a flag by themselves */
};

/* What the versions of a record before the one that counts said, of those that
 * raised a flag; zeros when there are none. */
struct past {
	int64_t flag, risk;
	int64_t at;		/* of the first of them, ms */
	uint8_t author[RX_ID_BYTES];	/* of that */
	uint64_t signs;
};

/* A case that is read, and of which more may come. */
struct rx_case_sum {
	const struct rx_session *s;	/* its settings */
	char unit[RX_UNIT_BYTES];
	int64_t child_at;		/* when the child's row was written */
	uint8_t newest[RX_ID_BYTES];	/* the highest id of a record */
	struct rx_case_state state;
	struct seen last, before;	/* the two latest; date 0 when none */
	struct past past;		/* of the record that is read */
	struct rx_flag *flags;
	size_t nflags, cap;
	struct rx_buf versions;	/* of each flag: its place 4, when recorded 8 */
	bool extracting;
	struct rx_form_kinds kinds;	/* when it is */
	struct rx_extract extract;
};

/* Whether ${a} is the later one; ${a} is read after ${b}, in order of id, which
 * decides between two of one day and one millisecond. */
static bool
later(const struct seen *a, const struct seen *b)
{

	return (a->date != b->date ? a->date > b->date : a->at >= b->at);
}

static void
read_observation(struct rx_case_sum *rd, const struct rx_record *r)
{
	const struct seen o = {
		.date = (int32_t)rx_record_int(r, RX_F_DATE),
		.follow_up = (int32_t)rx_record_int(r, RX_F_FOLLOW_UP_ON),
		.at = r->at, .risk = rx_record_int(r, RX_F_RISK),
		.urgent = rx_record_int(r, RX_F_RAISES_FLAG) == 1
	};

	rd->state.observations++;
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

int64_t
rx_risk_worse(int64_t a, int64_t b)
{

	/* The list goes from red down. */
	return (a == 0 || (b != 0 && b < a) ? b : a);
}

/* When what stood at ${at} of the flag ${i} was first corrected, which it was. */
static int64_t
corrected_after(const struct rx_case_sum *rd, size_t i, int64_t at)
{
	int64_t v, first = rd->flags[i].at;
	size_t k;

	for (k = 0; k < rd->versions.len; k += VERSION_BYTES) {
		v = (int64_t)rx_get64(rd->versions.b + k + 4);
		if (rx_get32(rd->versions.b + k) == i && v > at && v < first)
			first = v;
	}
	return (first);
}

/* The version ${r} is followed by another. */
static rx_err
past_add(struct rx_case_sum *rd, const struct rx_record *r,
    struct rx_status *st)
{
	struct past *past = &rd->past;
	uint8_t p[VERSION_BYTES];

	if (rx_record_int(r, RX_F_RAISES_FLAG) == 0)
		return (RX_OK);
	if (past->flag == 0) {
		past->at = r->at;
		memcpy(past->author, r->author, RX_ID_BYTES);
	}
	past->flag = rx_record_int(r, RX_F_RAISES_FLAG);
	past->risk = rx_risk_worse(past->risk, rx_record_int(r, RX_F_RISK));
	past->signs |= raising_signs(r);
	rx_put32(p, (uint32_t)rd->nflags);	/* what it will be */
	rx_put64(p + 4, (uint64_t)r->at);
	return (rx_buf_add(&rd->versions, p, sizeof(p), st));
}

/* What tells this version of a record from any other, whatever clock it was written
 * by: BLAKE2b-128("runxin version v1\0" || version 4 || recorded 8 || author 16 ||
 * coded fields). */
static rx_err
digest(uint8_t out[RX_ID_BYTES], const struct rx_record *r,
    struct rx_status *st)
{
	struct rx_buf b = RX_BUF_INIT;
	uint8_t head[12 + RX_ID_BYTES];
	rx_err rc;

	rx_put32(head, r->version);
	rx_put64(head + 4, (uint64_t)r->at);
	memcpy(head + 12, r->author, RX_ID_BYTES);
	if ((rc = rx_buf_add(&b, head, sizeof(head), st)) == RX_OK &&
	    (rc = rx_record_encode(&b, r, RX_COMP_CODED, st)) == RX_OK)
		rx_hash(out, RX_ID_BYTES, NULL, "runxin version v1", b.b,
		    b.len);
	rx_buf_free(&b);
	return (rc);
}

static rx_err
read_flag(struct rx_case_sum *rd, const struct rx_record *r, struct rx_status *st)
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
	memcpy(f->raiser, rd->past.flag != 0 ? rd->past.author : r->author,
	    RX_ID_BYTES);
	f->raised_by = r->type;
	f->by_rule = rx_record_int(r, RX_F_RAISES_FLAG) == 1;
	f->signs = rd->past.signs | raising_signs(r);
	f->corrected = r->version > 1;
	f->was = !f->corrected ? 0 : rx_risk_worse(rd->past.risk,
	    rx_record_int(r, RX_F_RISK));
	f->state = RX_FLAG_OPEN;
	f->date = (int32_t)rx_record_int(r, RX_F_DATE);
	f->at = r->at;
	f->since = rd->past.flag != 0 ? rd->past.at : r->at;
	rx_text_copy(f->caller_id, sizeof(f->caller_id), rx_record_text(r, RX_F_CALLER_ID));
	return (digest(f->live, r, st));
}

static bool
is_decided(const struct rx_flag *f)
{

	return (f->state != RX_FLAG_OPEN && f->state != RX_FLAG_ESCALATED);
}

/* Whether the review ${r} of ${f} was not of what stands there now.  One that does
 * not say what it saw goes by the clock. */
static bool
is_stale(const struct rx_flag *f, const struct rx_record *r)
{
	const uint8_t *seen = rx_record_id(r, RX_F_SEEN, 0);

	return (seen != NULL ? memcmp(seen, f->live, RX_ID_BYTES) != 0 :
	    f->at > r->at);
}

/* A decision moves the flag it names.  Reviews have later ids than the record
 * that raised the flag, so the flag is known by now. */
static void
read_review(struct rx_case_sum *rd, const struct rx_record *r)
{
	const struct rx_code *decision = rx_code_by_no(RX_LIST_DECISION,
	    (uint16_t)rx_record_int(r, RX_F_DECISION));
	const uint8_t *id = rx_record_id(r, RX_F_FLAG, 0);
	struct rx_flag *f;
	bool escalates;
	size_t i;

	if (r->epoch > rd->state.reviewed)
		rd->state.reviewed = r->epoch;
	for (i = 0; i < rd->nflags && decision != NULL && id != NULL; i++) {
		f = &rd->flags[i];
		/* Nobody decides his own, whoever corrected it. */
		if (memcmp(f->id, id, RX_ID_BYTES) != 0 ||
		    memcmp(f->author, r->author, RX_ID_BYTES) == 0 ||
		    memcmp(f->raiser, r->author, RX_ID_BYTES) == 0)
			continue;
		/* What was corrected is not what was decided on, unless somebody
		 * decided on that; but whoever it was handed up to keeps it. */
		escalates = strcmp(decision->key, "escalate") == 0;
		if (!escalates && is_stale(f, r)) {
			if (is_decided(f))
				continue;
			f->again = true;
			f->since = corrected_after(rd, i, r->at);
			if (f->since < r->at)	/* and came here later */
				f->since = r->at;
			continue;
		}
		f->again = false;
		f->answered = r->at;
		if (strcmp(decision->key, "accept") == 0)
			f->state = RX_FLAG_ACCEPTED;
		else if (escalates) {
			f->state = RX_FLAG_ESCALATED;
			f->escalations++;
		}
		else if (strcmp(decision->key, "return") == 0)
			f->state = RX_FLAG_RETURNED;
		else
			f->state = RX_FLAG_CLOSED;
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
read_record(struct rx_case_sum *rd, const struct rx_record *r,
    struct rx_status *st)
{
	const struct rx_code *code;

	switch (r->type) {
	case RX_OBSERVATION:
		read_observation(rd, r);
		break;
	case RX_INTERVENTION:
		rd->state.interventions++;
		code = rx_code_by_no(RX_LIST_OUTCOME,
		    (uint16_t)rx_record_int(r, RX_F_OUTCOME));
		if (code != NULL && rx_code_has(code, "closes") &&
		    rx_record_int(r, RX_F_DATE) > rd->state.closed_on)
			rd->state.closed_on = (int32_t)rx_record_int(r, RX_F_DATE);
		break;
	case RX_REVIEW:
		read_review(rd, r);
		break;
	case RX_CONSENT:
		if (rx_record_kept(r)) {
			read_kept(&rd->state, r);
			break;
		}
		/* An older one that is entered late changes nothing. */
		if (rx_record_int(r, RX_F_DATE) < rd->state.consent_on)
			break;
		code = rx_code_by_no(RX_LIST_CONSENT_STATE,
		    (uint16_t)rx_record_int(r, RX_F_STATE));
		rd->state.withdrawn = code != NULL &&
		    strcmp(code->key, "withdrawn") == 0;
		rd->state.consent_on = (int32_t)rx_record_int(r, RX_F_DATE);
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
visit_as_said(const struct rx_case_sum *rd)
{

	if (rd->last.follow_up != 0)
		return (rd->last.follow_up);
	return (rd->last.date + rx_visit_days(rd->s, rx_code_by_no(RX_LIST_RISK,
	    (uint16_t)rd->last.risk), rd->before.risk != rd->last.risk));
}

/* The next visit.  After an urgent sign it is not later than after a red risk,
 * whatever was ticked beside it. */
static int32_t
next_visit(const struct rx_case_sum *rd, int64_t child_at)
{
	const struct rx_code *red = rx_code_by_key(RX_LIST_RISK, "red");
	int32_t said, latest;

	if (rd->state.closed)
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
	f->due = f->since + (f->urgent ? ANSWER_URGENT : ANSWER_OTHER);
	if (f->state > RX_FLAG_ESCALATED)
		return;
	state->flagged = true;
	f->levels = f->escalations + (rx_reviews_alone(s, unit, f->author) ||
	    rx_reviews_alone(s, unit, f->raiser));
	if (f->levels == 0 && f->state == RX_FLAG_OPEN && f->urgent &&
	    f->due < rx_time_now())
		f->levels = 1;
	if (f->levels > state->above)
		state->above = f->levels;
}

void
rx_flags_now(const struct rx_session *s, const char unit[RX_UNIT_BYTES],
    struct rx_case_state *state, struct rx_flag *flags, size_t n)
{
	size_t i;

	state->flagged = false;
	state->above = 0;
	for (i = 0; i < n; i++)
		sum_up_flag(s, unit, state, &flags[i]);
}

/* What the record ${r}, after its versions of rd->past, adds. */
static rx_err
read_live(struct rx_case_sum *rd, struct rx_record *r, struct rx_status *st)
{
	rx_err rc;

	/* A flag stands until it is decided, whatever was corrected since. */
	if ((rd->past.flag != 0 && rx_record_int(r, RX_F_RAISES_FLAG) == 0 &&
	    (rc = rx_record_set_int(r, RX_F_RAISES_FLAG, rd->past.flag,
	    st)) != RX_OK) ||
	    (rd->extracting && (rc = rx_extract_add(&rd->extract, &rd->kinds,
	    r, st)) != RX_OK) || (rc = read_record(rd, r, st)) != RX_OK)
		return (rc);
	memset(&rd->past, 0, sizeof(rd->past));
	return (RX_OK);
}

/* All records of the case: of each the newest version counts, which is the last
 * that is read. */
static rx_err
read_records(struct rx_case_sum *rd, struct rx_session *s, struct rx_case *c,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	struct rx_record r[2];
	struct rx_cursor *cur;
	size_t n = 0;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_CODED_VERSIONS, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	rx_record_init(&r[0]);
	rx_record_init(&r[1]);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		struct rx_record *now = &r[n % 2], *last = &r[(n + 1) % 2];

		if ((rc = rx_row_open(s, c, cur, RX_TABLE_RECORD, 0, false,
		    now, st)) != RX_OK)
			break;
		rd->state.moved |= memcmp(now->unit, c->unit,
		    RX_UNIT_BYTES) != 0;
		memcpy(rd->newest, now->id, RX_ID_BYTES);
		rd->extract.versions++;
		if (n++ == 0)
			continue;
		if ((rc = memcmp(last->id, now->id, RX_ID_BYTES) == 0 ?
		    past_add(rd, last, st) : read_live(rd, last, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	if (rc == RX_OK && n > 0)
		rc = read_live(rd, &r[(n + 1) % 2], st);
	rx_record_free(&r[0]);
	rx_record_free(&r[1]);
	return (rc);
}

/* What hangs on all of it. */
static void
sum_up(struct rx_case_sum *rd)
{
	struct rx_case_state *state = &rd->state;

	state->risk = rd->last.risk;
	state->last = rd->last.date;
	/* Whoever is seen on a later day has come back. */
	state->closed = state->closed_on != 0 &&
	    rd->last.date <= state->closed_on;
	state->due = next_visit(rd, rd->child_at);
	rx_flags_now(rd->s, rd->unit, state, rd->flags, rd->nflags);
}

/* Read the loaded case into ${rd}, which is all zeros. */
static rx_err
read_case(struct rx_case_sum *rd, struct rx_session *s, struct rx_case *c,
    struct rx_record *child, struct rx_status *st)
{
	rx_err rc;

	rd->s = s;
	memcpy(rd->unit, c->unit, RX_UNIT_BYTES);
	if ((rc = rx_child_open(s, c, 0, false, child, st)) != RX_OK ||
	    (rc = read_records(rd, s, c, st)) != RX_OK)
		return (rc);
	rd->state.birth = (int32_t)rx_record_int(child, RX_F_BIRTH);
	rd->state.version = child->version;
	rd->child_at = child->at;
	sum_up(rd);
	return (RX_OK);
}

rx_err
rx_case_read(struct rx_session *s, struct rx_case *c, struct rx_record *child,
    struct rx_case_state *state, struct rx_flag **flags, size_t *nflags,
    struct rx_status *st)
{
	struct rx_case_sum rd = { 0 };
	rx_err rc;

	*flags = NULL;
	*nflags = 0;
	rc = read_case(&rd, s, c, child, st);
	rx_buf_free(&rd.versions);
	*state = rd.state;
	if (rc != RX_OK) {
		free(rd.flags);
		return (rc);
	}
	*flags = rd.flags;
	*nflags = rd.nflags;
	return (RX_OK);
}

rx_err
rx_case_sum_new(struct rx_case_sum **out, struct rx_session *s,
    struct rx_case *c, struct rx_status *st)
{
	struct rx_record child;
	struct rx_case_sum *rd;
	rx_err rc;

	*out = NULL;
	if ((rd = calloc(1, sizeof(*rd))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rx_record_init(&child);
	rd->extracting = true;
	if ((rc = rx_form_kinds_find(&rd->kinds, st)) == RX_OK)
		rc = read_case(rd, s, c, &child, st);
	rx_record_free(&child);
	if (rc == RX_OK)
		*out = rd;
	else
		rx_case_sum_free(rd);
	return (rc);
}

const struct rx_case_state *
rx_case_sum_state(const struct rx_case_sum *rd)
{

	return (&rd->state);
}

bool
rx_case_sum_answered(const struct rx_case_sum *rd,
    const uint8_t id[RX_ID_BYTES])
{
	size_t i;

	for (i = 0; i < rd->nflags; i++)
		if (memcmp(rd->flags[i].id, id, RX_ID_BYTES) == 0)
			return (rd->flags[i].state != RX_FLAG_OPEN &&
			    rd->flags[i].state != RX_FLAG_ESCALATED);
	return (false);
}

struct rx_extract *
rx_case_sum_extract(struct rx_case_sum *rd)
{

	return (&rd->extract);
}

rx_err
rx_case_sum_add(struct rx_case_sum *rd, const struct rx_record *r, bool *fits,
    struct rx_status *st)
{
	rx_err rc;

	*fits = r->version == 1 &&
	    memcmp(r->id, rd->newest, RX_ID_BYTES) > 0;
	if (!*fits)
		return (RX_OK);
	memcpy(rd->newest, r->id, RX_ID_BYTES);
	rd->extract.versions++;
	if ((rc = rx_extract_add(&rd->extract, &rd->kinds, r, st)) == RX_OK &&
	    (rc = read_record(rd, r, st)) == RX_OK)
		sum_up(rd);
	return (rc);
}

void
rx_case_sum_free(struct rx_case_sum *rd)
{

	if (rd == NULL)
		return;
	if (rd->flags != NULL)
		rx_wipe(rd->flags, rd->nflags * sizeof(*rd->flags));
	free(rd->flags);
	rx_buf_free(&rd->versions);
	rx_extract_free(&rd->extract);
	rx_wipe(rd, sizeof(*rd));
	free(rd);
}

rx_err
rx_case_state(struct rx_session *s, struct rx_case *c,
    struct rx_case_state *state, struct rx_flag **flags, size_t *nflags,
    struct rx_status *st)
{
	struct rx_flag *found;
	struct rx_record child;
	size_t n;
	rx_err rc;

	rx_record_init(&child);
	rc = rx_case_read(s, c, &child, state, &found, &n, st);
	rx_record_free(&child);
	if (rc == RX_OK && flags != NULL) {
		*flags = found;
		*nflags = n;
	} else
		free(found);
	return (rc);
}

rx_err
rx_case_try(struct rx_case *c, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    struct rx_case_state *state, bool *opens, struct rx_status *st)
{
	struct rx_status why;
	rx_err rc;

	rx_status_clear(&why);
	if ((rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, &why)) == RX_OK &&
	    (rc = rx_case_load(c, s, id, unit, RX_CASE_KEYS, &why)) == RX_OK)
		rc = rx_case_state(s, c, state, NULL, NULL, &why);
	*opens = rc == RX_OK;
	if (rc == RX_OK || rc == RX_ECORRUPT || rc == RX_EPERM)
		return (RX_OK);
	*st = why;
	return (rc);
}
