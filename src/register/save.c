#include <search.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/* All that an import knows of cases, it knows of so many, and then forgets them. */
#define CASES_MOST 1024
/* So many bytes may what the form counts of one of them take; a case of which there is
 * more is read again. */
#define EXTRACT_MOST 4096u

struct said {			/* a record of consent */
	int32_t on;
	bool withdrawn;
};

/* A case that the transaction has looked at; kept in a tree by id. */
struct touched {
	uint8_t id[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];
	int32_t birth;
	struct said before;	/* what was stored: withdrawn is read-only */
	struct said *said;	/* in this transaction */
	size_t nsaid;
	struct rx_case_sum *sum;	/* what it adds up to now; NULL: read it */
	struct rx_extract extract;	/* bulk, when ${extracted} */
	bool extracted;
	bool written;
	bool renew;		/* new keys, before anything is written */
	bool moved;		/* has records of another unit */
	bool away;		/* offered to another register */
	bool flagged;		/* has an open flag, or was given one */
	bool brought;		/* bulk: it is new, and ${name} is the child's */
	bool ours;		/* some line calls it by our id */
	uint64_t name[2];
	struct rx_key *keys;	/* to write under, N and C, of ${epoch}; may be NULL */
	uint32_t epoch;
};

/* The case that a text names, of a hash table.  Of a child that an import brought it
 * is as much as an activity asks of it, so that the case may be forgotten. */
struct named {
	uint64_t hash[2];	/* of the text, by two keys; twice 0: a free place */
	uint8_t id[RX_ID_BYTES];
	int32_t birth;		/* 0: what is known of the case is in the store */
	bool flagged;
};

struct rx_saver {
	struct rx_session *s;
	bool bulk, committed;
	const uint8_t *key;	/* the id of a new child; NULL: a fresh one */
	uint8_t tag[RX_ID_BYTES];	/* of the record that was looked for */
	struct rx_case c;	/* the case at hand */
	bool part;		/* of its keys only the kept ones */
	struct rx_secret *kept;	/* bulk: keys of cases; NULL when there is no room */
	size_t nkept;
	struct rx_record old;	/* the stored version */
	struct rx_form_kinds kinds;	/* bulk */
	bool first;			/* bulk: before it, no record was stored */
	struct rx_ahead *ahead;	/* bulk: rows on their way to the store */
	const struct rx_record *foreseen;	/* NULL, or a record of a case */
	struct rx_aside *aside;	/* it, and the slots of its case */
	void *cases;
	size_t ncases;
	struct named *name;
	size_t nnames, namecap;	/* a power of two, and at most 3/4 of it taken */
	uint8_t name_key[2][RX_HASH64_KEY_BYTES];
	struct rx_buf units;	/* where stored cases are looked for */
	struct rx_status *st;	/* of the tree walk in rx_saver_finish */
	rx_err rc;
	int64_t ms;		/* of the last id, and how many it has had */
	unsigned count;
	int32_t due;
};

static int
touched_cmp(const void *a, const void *b)
{

	return (memcmp(((const struct touched *)a)->id,
	    ((const struct touched *)b)->id, RX_ID_BYTES));
}

static void
touched_free(void *p)
{
	struct touched *t = p;

	rx_case_sum_free(t->sum);
	rx_extract_free(&t->extract);
	free(t->said);
	free(t);
}

static rx_err
find_first(struct rx_saver *sv, struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, sv->s->store, RX_Q_RECORDS_ANY, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	rc = rx_query_next(cur, &row, st);
	sv->first = rc == RX_OK && row && rx_col_int(cur, 0) == 0;
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_saver_new(struct rx_saver **out, struct rx_session *s, bool bulk,
    struct rx_status *st)
{
	struct rx_saver *sv;
	rx_err rc;

	*out = NULL;
	if ((sv = calloc(1, sizeof(*sv))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	sv->s = s;
	sv->bulk = bulk;
	rx_random(sv->name_key, sizeof(sv->name_key));
	rx_record_init(&sv->old);
	rx_case_init(&sv->c);
	if ((bulk && (rc = rx_form_kinds_find(&sv->kinds, st)) != RX_OK) ||
	    (rc = rx_begin(s, st)) != RX_OK) {
		sv->committed = true;	/* nothing to roll back */
		rx_saver_free(sv);
		return (rc);
	}
	if (bulk && ((rc = find_first(sv, st)) != RX_OK ||
	    (rc = rx_ahead_new(&sv->ahead, s, st)) != RX_OK)) {
		rx_saver_free(sv);
		return (rc);
	}
	if (bulk)
		sv->kept = rx_secret_spare(CASES_MOST * 2 *
		    sizeof(struct rx_key));
	*out = sv;
	return (RX_OK);
}

/* Insert what was put and still waits to be sealed: before it is looked for in the
 * store. */
static rx_err
drain(struct rx_saver *sv, struct rx_status *st)
{

	return (sv->ahead != NULL ? rx_ahead_drain(sv->ahead, st) : RX_OK);
}

/* Seal and insert ${r}, now or, of many, in passing, unless it is sealed. */
static rx_err
insert(struct rx_saver *sv, struct rx_case *c, const struct rx_record *r,
    struct rx_status *st)
{
	const struct rx_sealing *w;

	if (sv->ahead != NULL)
		return (rx_ahead_put(sv->ahead, c, r, sv->tag, st));
	if ((w = rx_aside_row(sv->aside, c, r)) != NULL)
		return (rx_sealing_insert(w, sv->s, st));
	return (rx_row_insert(sv->s, c, r, st));
}

void
rx_saver_free(struct rx_saver *sv)
{

	if (sv == NULL)
		return;
	rx_ahead_free(sv->ahead);
	rx_aside_free(sv->aside);
	if (!sv->committed)
		rx_abandon(sv->s);
	rx_case_done(&sv->c, sv->s);
	free(sv->name);
	rx_wipe(sv->name_key, sizeof(sv->name_key));
	tdestroy(sv->cases, touched_free);
	rx_secret_free(sv->kept);
	rx_record_free(&sv->old);
	rx_buf_free(&sv->units);
	free(sv);
}

/* A new id: UUIDv7 whose 12 bits after the time count within a millisecond
 * (RFC 9562, 6.2, method 1), so that ids follow the order of saving. */
static void
next_id(struct rx_saver *sv, uint8_t id[RX_ID_BYTES])
{
	const int64_t now = rx_time_now();

	if (now > sv->ms) {
		sv->ms = now;
		sv->count = 0;
	} else if (++sv->count > 0xfff) {
		sv->ms++;
		sv->count = 0;
	}
	rx_uuid7(id, sv->ms);
	id[6] = (uint8_t)(0x70 | sv->count >> 8);
	id[7] = (uint8_t)sv->count;
}

/* ---- cases ---- */

static void
aside_end(struct rx_saver *sv)
{

	rx_aside_free(sv->aside);
	sv->aside = NULL;
}

/* Room for the keys of one more case; NULL when there is none. */
static struct rx_key *
kept_room(struct rx_saver *sv)
{

	if (sv->kept == NULL || sv->nkept == CASES_MOST)
		return (NULL);
	return ((struct rx_key *)(void *)sv->kept->b + 2 * sv->nkept++);
}

/* Keep the keys of the case at hand, of which an import may bring more. */
static void
keep_keys(struct rx_saver *sv, struct touched *t)
{
	const struct rx_case_epoch *e = &sv->c.e[sv->c.n - 1];

	if (!sv->bulk || (t->keys == NULL &&
	    (t->keys = kept_room(sv)) == NULL))
		return;
	t->keys[0] = *e->key[1];
	t->keys[1] = *e->key[2];
	t->epoch = e->epoch;
}

static bool
at_hand(const struct rx_saver *sv, const struct touched *t)
{

	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): t is set */
	return (sv->c.n > 0 && memcmp(sv->c.id, t->id, RX_ID_BYTES) == 0);
}

/* Make case ${id} the one at hand; its keys are loaded. */
static rx_err
hold_case(struct rx_saver *sv, struct touched *t, struct rx_status *st)
{
	bool opened = false;
	rx_err rc;

	if (at_hand(sv, t) && !sv->part)
		return (RX_OK);
	aside_end(sv);		/* it has the keys of the case before */
	sv->part = false;
	if (rx_permitted(sv->s, RX_ACT_WRITE_CASE, t->unit)) {
		rc = rx_case_load(&sv->c, sv->s, t->id, t->unit, RX_CASE_KEYS,
		    st);
		if (rc == RX_OK)
			keep_keys(sv, t);
		return (rc);
	}
	/* A supervisor, through his slot. */
	if ((rc = rx_case_load(&sv->c, sv->s, t->id, t->unit,
	    RX_BIT(RX_COMP_CODED), st)) != RX_OK ||
	    (rc = rx_case_load_slot(&sv->c, sv->s, &opened, st)) != RX_OK)
		return (rc);
	return (opened ? RX_OK : rx_fail(st, RX_EPERM, RX_MSG_CASE_CLOSED));
}

/* The same to write one more record, which most likely is new: with the kept keys. */
static rx_err
hold_case_kept(struct rx_saver *sv, struct touched *t, struct rx_status *st)
{
	struct rx_case *c = &sv->c;

	if (t->keys == NULL || t->renew || t->moved)
		return (hold_case(sv, t, st));
	if (at_hand(sv, t))
		return (RX_OK);
	memcpy(c->id, t->id, RX_ID_BYTES);
	memcpy(c->unit, t->unit, RX_UNIT_BYTES);
	c->n = 1;
	c->used = 0;
	memset(&c->e[0], 0, sizeof(c->e[0]));
	c->e[0].epoch = t->epoch;
	c->e[0].key[1] = &t->keys[0];
	c->e[0].key[2] = &t->keys[1];
	sv->part = true;
	return (RX_OK);
}

/* New keys for the case at hand, if it needs them.  A supervisor cannot seal
 * them to the unit: the next director does it. */
static rx_err
renew(struct rx_saver *sv, struct touched *t, struct rx_status *st)
{
	rx_err rc;

	if (!t->renew || !rx_permitted(sv->s, RX_ACT_WRITE_CASE, t->unit))
		return (RX_OK);
	aside_end(sv);
	if ((rc = rx_case_renew(&sv->c, sv->s, st)) == RX_OK) {
		t->renew = false;
		keep_keys(sv, t);
	}
	return (rc);
}

static rx_err
touch(struct rx_saver *sv, const uint8_t *id, const char *unit,
    struct touched **out, struct rx_status *st)
{
	struct touched *t, **found;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	memcpy(t->id, id, RX_ID_BYTES);
	memcpy(t->unit, unit, RX_UNIT_BYTES);
	if ((found = tsearch(t, &sv->cases, touched_cmp)) == NULL) {
		free(t);
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	if (*found != t)
		free(t);
	else
		sv->ncases++;
	*out = *found;
	return (RX_OK);
}

/* Whether the case at hand gets new keys; those are made at home. */
static rx_err
to_renew(struct rx_saver *sv, struct touched *t,
    const struct rx_case_state *state, struct rx_status *st)
{
	const uint32_t newest = sv->c.e[sv->c.n - 1].epoch;
	rx_err rc;

	/* Whoever answered a flag that has ended keeps its keys. */
	t->renew = !state->flagged && state->reviewed != 0 &&
	    sv->c.n < RX_CASE_RENEWALS && state->reviewed == newest;
	if ((!t->renew && (rc = rx_case_stale(&sv->c, sv->s, &t->renew,
	    st)) != RX_OK) || (!t->renew && (rc = rx_transfer_over(sv->s,
	    t->id, newest, &t->renew, st)) != RX_OK))
		return (rc);
	t->renew = t->renew && !sv->s->copy;
	return (RX_OK);
}

/* A sign that needs somebody above today raises a flag by itself. */
static rx_err
raise_flag(struct rx_record *r, struct rx_save_result *result,
    struct rx_status *st)
{
	const struct rx_code *code;
	size_t i;

	if (r->type == RX_FLAG) {
		result->flagged = true;
		return (rx_record_set_int(r, RX_F_RAISES_FLAG, 2, st));
	}
	for (i = 0; r->type == RX_OBSERVATION && i < r->v[RX_F_SIGNS].n; i++) {
		code = rx_code_by_no(RX_LIST_SIGN,
		    (uint16_t)rx_record_item(r, RX_F_SIGNS, i));
		if (code != NULL && (rx_code_has(code, "urgent") ||
		    rx_code_has(code, "flag"))) {
			result->flagged = true;
			return (rx_record_set_int(r, RX_F_RAISES_FLAG, 1, st));
		}
	}
	return (RX_OK);
}

/* Have the record and the slots of the case at hand sealed, as they will most likely
 * be, while it is read. */
static void
seal_aside(struct rx_saver *sv, const struct touched *t)
{
	struct rx_save_result result;
	struct rx_record r;
	struct rx_status st;

	if (sv->foreseen == NULL || sv->aside != NULL)
		return;
	r = *sv->foreseen;	/* its data is shared, and not changed */
	sv->foreseen = NULL;
	memcpy(r.child, t->id, RX_ID_BYTES);
	memcpy(r.unit, t->unit, RX_UNIT_BYTES);
	r.version = 1;
	rx_status_clear(&st);
	if (raise_flag(&r, &result, &st) == RX_OK)
		rx_aside_start(&sv->aside, sv->s, &sv->c, &r);
	rx_wipe(&r, sizeof(r));
}

/* The case ${id} as it was before this transaction. */
static rx_err
touch_stored(struct rx_saver *sv, const uint8_t *id, const char *unit,
    struct touched **out, struct rx_status *st)
{
	const struct rx_case_state *state;
	struct touched *t;
	rx_err rc;

	*out = NULL;
	if ((rc = touch(sv, id, unit, out, st)) != RX_OK)
		return (rc);
	t = *out;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): t is set */
	if (t->birth != 0)
		return (RX_OK);
	if ((rc = hold_case(sv, t, st)) != RX_OK)
		return (rc);
	seal_aside(sv, t);
	if ((rc = rx_case_sum_new(&t->sum, sv->s, &sv->c, st)) != RX_OK)
		return (rc);
	state = rx_case_sum_state(t->sum);
	t->birth = state->birth;
	t->moved = state->moved;
	t->flagged = state->flagged;
	t->before.withdrawn = state->withdrawn;
	t->before.on = state->consent_on;
	if ((rc = to_renew(sv, t, state, st)) != RX_OK ||
	    (rc = rx_departure_is_open(sv->s, id, &t->away, st)) != RX_OK)
		return (rc);
	/* Of many it is not kept, but for what the form counts. */
	if (sv->bulk) {
		t->extract = *rx_case_sum_extract(t->sum);
		memset(rx_case_sum_extract(t->sum), 0, sizeof(t->extract));
		t->extracted = true;
		rx_case_sum_free(t->sum);
		t->sum = NULL;
	}
	return (RX_OK);
}

static void
name_hash(const struct rx_saver *sv, const char *text, uint64_t hash[2])
{
	const size_t n = strlen(text);

	hash[0] = rx_hash64(sv->name_key[0], text, n);
	hash[1] = rx_hash64(sv->name_key[1], text, n);
}

static bool
name_is_free(const struct named *n)
{

	return (n->hash[0] == 0 && n->hash[1] == 0);
}

/* Where the text of ${hash} is in the table, or would be. */
static struct named *
name_place(const struct rx_saver *sv, const uint64_t hash[2])
{
	size_t i = (size_t)hash[0] & (sv->namecap - 1);

	while (!name_is_free(&sv->name[i]) && (sv->name[i].hash[0] != hash[0] ||
	    sv->name[i].hash[1] != hash[1]))
		i = (i + 1) & (sv->namecap - 1);
	return (&sv->name[i]);
}

static rx_err
names_grow(struct rx_saver *sv, struct rx_status *st)
{
	struct named *old = sv->name, *n;
	const size_t cap = sv->namecap;
	size_t i;

	n = calloc(cap == 0 ? 16 : 2 * cap, sizeof(*n));
	if (n == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	sv->name = n;
	sv->namecap = cap == 0 ? 16 : 2 * cap;
	for (i = 0; i < cap; i++)
		if (!name_is_free(&old[i]))
			*name_place(sv, old[i].hash) = old[i];
	free(old);
	return (RX_OK);
}

/* The text of ${hash} names ${t} from now on. */
static rx_err
remember(struct rx_saver *sv, const uint64_t hash[2], const struct touched *t,
    struct rx_status *st)
{
	struct named *n;
	rx_err rc;

	if (4 * sv->nnames >= 3 * sv->namecap &&
	    (rc = names_grow(sv, st)) != RX_OK)
		return (rc);
	n = name_place(sv, hash);
	sv->nnames += name_is_free(n);
	n->hash[0] = hash[0];
	n->hash[1] = hash[1];
	memcpy(n->id, t->id, RX_ID_BYTES);
	n->birth = t->brought ? t->birth : 0;
	n->flagged = t->flagged;
	return (RX_OK);
}

/* The case of ${n}, which may have been forgotten. */
static rx_err
recall(struct rx_saver *sv, const struct named *n, struct touched **out,
    struct rx_status *st)
{
	struct touched key, **found, *t = NULL;
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	memcpy(key.id, n->id, RX_ID_BYTES);
	if ((found = tfind(&key, &sv->cases, touched_cmp)) != NULL) {
		*out = *found;
		return (RX_OK);
	}
	if ((rc = rx_case_unit(sv->s, n->id, unit, st)) != RX_OK)
		return (rc);
	if (n->birth == 0)
		return (touch_stored(sv, n->id, unit, out, st));
	if ((rc = touch(sv, n->id, unit, &t, st)) != RX_OK)
		return (rc);
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): t is set */
	t->birth = n->birth;
	t->flagged = n->flagged;
	*out = t;
	return (RX_OK);
}

/* The case that a record's reference ${text} names. */
static rx_err
resolve(struct rx_saver *sv, const char *text, struct touched **out,
    struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES], ours[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];
	const struct named *n;
	uint64_t hash[2];
	rx_err rc;

	name_hash(sv, text, hash);
	if (sv->nnames > 0 && !name_is_free(n = name_place(sv, hash)))
		return (recall(sv, n, out, st));
	/* What was stored before is in a unit that had keys before. */
	if (sv->units.len == 0 &&
	    (rc = rx_locate_units(sv->s, &sv->units, st)) != RX_OK)
		return (rc);
	rc = rx_case_locate_in(sv->s, &sv->units, text, id, unit, st);
	if (rc == RX_ENOENT && sv->bulk) {
		/* In a file it is the line that is wrong. */
		rx_status_clear(st);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CHILD_UNKNOWN));
	}
	if (rc != RX_OK || (rc = touch_stored(sv, id, unit, out, st)) != RX_OK)
		return (rc);
	(*out)->ours |= rx_uuid_parse(text, ours) &&
	    memcmp(ours, id, RX_ID_BYTES) == 0;
	return (remember(sv, hash, *out, st));
}

/* ---- checks ---- */

/* The id is taken by other content; a file corrects nothing. */
static rx_err
id_conflict(const struct rx_saver *sv, struct rx_status *st)
{

	return (rx_fail(st, RX_ECONFLICT, sv->bulk ?
	    RX_MSG_ID_CONFLICT_FILE : RX_MSG_ID_CONFLICT));
}

/* No date before birth. */
static rx_err
check_dates(const struct rx_record *r, int32_t birth, struct rx_status *st)
{
	static const enum rx_field dates[] = {
		RX_F_DATE, RX_F_NEED_RESOLVED_ON, RX_F_CONSENT_ON
	};
	size_t i;

	for (i = 0; i < sizeof(dates) / sizeof(dates[0]); i++)
		if (r->v[dates[i]].set && rx_date_month((int32_t)
		    rx_record_int(r, dates[i])) < birth) {
			rx_status_arg(st, "key", "%s",
			    rx_fields[dates[i]].key);
			return (rx_fail(st, RX_EUSAGE,
			    RX_MSG_DATE_BEFORE_BIRTH));
		}
	return (RX_OK);
}

/* After a withdrawal only statutory duty may write; nobody while the case is
 * offered to another register.  What this transaction says of consent counts from
 * its date on. */
static rx_err
check_consent(const struct touched *t, const struct rx_record *r,
    struct rx_status *st)
{
	struct said now = t->before;
	size_t i;

	if (t->away && r->type != RX_ACTIVITY)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_TRANSFER_AWAY));
	if (r->type == RX_REPORT || r->type == RX_CONSENT ||
	    r->type == RX_REVIEW)
		return (RX_OK);
	for (i = 0; i < t->nsaid; i++)
		if (t->said[i].on >= now.on &&
		    t->said[i].on <= rx_record_int(r, RX_F_DATE))
			now = t->said[i];
	if (now.withdrawn)
		return (rx_fail(st, RX_EPERM, RX_MSG_CONSENT_WITHDRAWN));
	return (RX_OK);
}

/* Note for check_consent what the consent ${r} says. */
static rx_err
say(struct touched *t, const struct rx_record *r, struct rx_status *st)
{
	const struct rx_code *state = rx_code_by_no(RX_LIST_CONSENT_STATE,
	    (uint16_t)rx_record_int(r, RX_F_STATE));
	struct said *grown;

	if (rx_record_kept(r))
		return (RX_OK);
	if ((grown = reallocarray(t->said, t->nsaid + 1, sizeof(*grown))) ==
	    NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	t->said = grown;
	grown[t->nsaid].on = (int32_t)rx_record_int(r, RX_F_DATE);
	grown[t->nsaid].withdrawn = state != NULL &&
	    strcmp(state->key, "withdrawn") == 0;
	t->nsaid++;
	return (RX_OK);
}

/* Who may write this type of record in ${unit}. */
static rx_err
check_permission(struct rx_session *s, const struct rx_record *r,
    const char *unit, struct rx_status *st)
{

	if ((r->type == RX_REPORT || r->type == RX_REVIEW) &&
	    rx_permitted(s, RX_ACT_SUPERVISE, unit))
		return (RX_OK);		/* his slot decides */
	if (r->type == RX_ACTIVITY) {
		if (r->v[RX_F_CHILDREN].set && r->v[RX_F_CHILDREN].n > 0 &&
		    !rx_permitted(s, RX_ACT_WRITE_CASE, unit))
			return (rx_permit(s, RX_ACT_WRITE_CASE, unit, st));
		return (rx_permit(s, RX_ACT_WRITE_ACTIVITY, unit, st));
	}
	return (rx_permit(s, RX_ACT_WRITE_CASE, unit, st));
}

/* ---- the same id again ---- */

static enum rx_query
query_by_tag(enum rx_type type)
{

	return (type == RX_CHILD ? RX_Q_CHILD_BY_TAG :
	    type == RX_ACTIVITY ? RX_Q_ACTIVITY_BY_TAG : RX_Q_RECORD_BY_TAG);
}

static rx_err
tag_make(struct rx_session *s, const struct rx_record *r,
    uint8_t tag[RX_ID_BYTES], struct rx_status *st)
{

	return (rx_tag(s, r->unit, r->type, rx_record_text(r, RX_F_CALLER_ID),
	    tag, st));
}

/* Look for a stored record with the caller's id of ${r}, of which ${tag} is made;
 * *version 0: none. */
static rx_err
find_stored(struct rx_session *s, const struct rx_record *r,
    uint8_t tag[RX_ID_BYTES], uint8_t id[RX_ID_BYTES], uint32_t *version,
    struct rx_status *st)
{
	struct rx_cursor *cur;
	struct rx_value arg;
	const void *p;
	size_t n;
	bool row = false;
	rx_err rc;

	*version = 0;
	if ((rc = tag_make(s, r, tag, st)) != RX_OK)
		return (rc);
	arg = rx_bytes(tag, RX_ID_BYTES);
	if ((rc = rx_query_open(&cur, s->store, query_by_tag(r->type),
	    &arg, 1, st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row &&
	    (p = rx_col_bytes(cur, 0, &n)) != NULL && n == RX_ID_BYTES) {
		memcpy(id, p, n);
		*version = (uint32_t)rx_col_int(cur, 1);
	}
	rx_query_close(cur);
	return (rc);
}

/* Open the live version of row ${id} into sv->old. */
static rx_err
open_stored(struct rx_saver *sv, const struct rx_record *r,
    const uint8_t *id, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	const void *child;
	size_t n;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, sv->s->store, r->type == RX_CHILD ?
	    RX_Q_CHILD : r->type == RX_ACTIVITY ? RX_Q_ACTIVITY : RX_Q_RECORD,
	    &arg, 1, st)) != RX_OK)
		return (rc);
	rc = rx_query_next(cur, &row, st);
	/* The same id in another case, whose keys are not at hand. */
	if (rc == RX_OK && row && r->type != RX_CHILD &&
	    r->type != RX_ACTIVITY &&
	    ((child = rx_col_bytes(cur, 2, &n)) == NULL || n != RX_ID_BYTES ||
	    memcmp(child, r->child, RX_ID_BYTES) != 0))
		rc = id_conflict(sv, st);
	if (rc == RX_OK)
		rc = row ? rx_row_open(sv->s, r->type == RX_ACTIVITY ? NULL :
		    &sv->c, cur, r->type == RX_CHILD ? RX_TABLE_CHILD :
		    r->type == RX_ACTIVITY ? RX_TABLE_ACTIVITY :
		    RX_TABLE_RECORD, RX_CASE_KEYS, true, &sv->old, st) :
		    rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
	rx_query_close(cur);
	return (rc);
}

/* Do both records say the same? */
static rx_err
same_content(const struct rx_record *a, const struct rx_record *b, bool *same,
    struct rx_status *st)
{
	struct rx_buf x = RX_BUF_INIT, y = RX_BUF_INIT;
	size_t k;
	rx_err rc = RX_OK;

	*same = a->type == b->type &&
	    memcmp(a->child, b->child, RX_ID_BYTES) == 0;
	for (k = 0; k < 3 && *same; k++) {
		rx_buf_reset(&x);
		rx_buf_reset(&y);
		if ((rc = rx_record_encode(&x, a, rx_case_comp[k], st)) != RX_OK ||
		    (rc = rx_record_encode(&y, b, rx_case_comp[k], st)) != RX_OK)
			break;
		*same = x.len == y.len && (x.len == 0 ||
		    memcmp(x.b, y.b, x.len) == 0);
	}
	rx_buf_free(&x);
	rx_buf_free(&y);
	return (rc);
}

/* Decide whether ${r} is new, there already, or a correction; id and version
 * are set. */
static rx_err
settle(struct rx_saver *sv, struct rx_record *r, struct touched *of,
    bool correct, struct rx_save_result *result, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	char now[RX_UNIT_BYTES];
	uint32_t version = 0;
	bool same = false;
	rx_err rc;

	/* What the same import has stored has other ids: it refuses one twice. */
	rc = sv->first && of != NULL ? tag_make(sv->s, r, sv->tag, st) :
	    find_stored(sv->s, r, sv->tag, id, &version, st);
	if (rc != RX_OK)
		return (rc);
	if (version == 0) {
		result->how = RX_SAVED_NEW;
		r->version = 1;
		return (RX_OK);
	}
	memcpy(r->id, id, RX_ID_BYTES);
	if (r->type == RX_CHILD) {
		struct touched *t = NULL;

		if ((rc = rx_case_unit(sv->s, id, now, st)) != RX_OK)
			return (rc);
		if (memcmp(now, r->unit, RX_UNIT_BYTES) != 0)
			return (rx_case_moved(now, RX_ECONFLICT, st));
		memcpy(r->child, id, RX_ID_BYTES);
		if ((rc = touch_stored(sv, id, r->unit, &t, st)) != RX_OK ||
		    (rc = hold_case(sv, t, st)) != RX_OK)
			return (rc);
	}
	if ((of != NULL && (rc = hold_case(sv, of, st)) != RX_OK) ||
	    (rc = open_stored(sv, r, id, st)) != RX_OK)
		return (rc);
	/* A correction does not take a flag back: that is for the review. */
	if ((r->type == RX_OBSERVATION && !r->v[RX_F_RAISES_FLAG].set &&
	    sv->old.v[RX_F_RAISES_FLAG].set && (rc = rx_record_set_int(r,
	    RX_F_RAISES_FLAG, rx_record_int(&sv->old, RX_F_RAISES_FLAG),
	    st)) != RX_OK) ||
	    (rc = same_content(r, &sv->old, &same, st)) != RX_OK)
		return (rc);
	if (same) {
		result->how = RX_SAVED_PRESENT;
		return (RX_OK);
	}
	if (!correct)
		return (id_conflict(sv, st));
	if (r->type == RX_CONSENT || r->type == RX_REPORT)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_NOT_CORRECTABLE));
	result->how = RX_SAVED_CORRECTED;
	r->version = sv->old.version + 1;
	return (RX_OK);
}

/* A record that the case has from a unit it was in before stands as it is: the
 * new unit has it already, or uses another id.  *present: it is ${r}. */
static rx_err
settle_moved(struct rx_saver *sv, const struct rx_record *r, bool *present,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(r->child, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, sv->s->store, RX_Q_RECORDS_OF_CHILD, &arg,
	    1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if (strcmp(rx_col_text(cur, 3), r->unit) == 0)
			continue;
		if ((rc = rx_row_open(sv->s, &sv->c, cur, RX_TABLE_RECORD,
		    RX_CASE_KEYS, true, &sv->old, st)) != RX_OK)
			break;
		if (sv->old.type != r->type ||
		    strcmp(rx_record_text(&sv->old, RX_F_CALLER_ID),
		    rx_record_text(r, RX_F_CALLER_ID)) != 0)
			continue;
		if ((rc = same_content(r, &sv->old, present, st)) == RX_OK &&
		    !*present)
			rc = rx_fail(st, RX_ECONFLICT,
			    RX_MSG_RECORD_OF_BEFORE);
		break;
	}
	rx_query_close(cur);
	return (rc);
}

/* ---- a child's number ---- */

/* The caller's id of the child sv->key, when it is stored already: the same
 * form was sent again. */
static rx_err
number_stored(struct rx_saver *sv, struct rx_record *r, bool *stored,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	struct touched *t = NULL;
	struct rx_status none;
	const char *text;
	rx_err rc;

	rx_status_clear(&none);
	*stored = false;
	if (sv->key == NULL ||
	    (rc = rx_case_unit(sv->s, sv->key, unit, &none)) == RX_ENOENT)
		return (RX_OK);
	if (rc != RX_OK) {
		*st = none;
		return (rc);
	}
	if (memcmp(unit, r->unit, RX_UNIT_BYTES) != 0)
		return (id_conflict(sv, st));
	if ((rc = touch_stored(sv, sv->key, unit, &t, st)) != RX_OK ||
	    (rc = hold_case(sv, t, st)) != RX_OK ||
	    (rc = open_stored(sv, r, sv->key, st)) != RX_OK)
		return (rc);
	*stored = true;
	text = rx_record_text(&sv->old, RX_F_CALLER_ID);
	return (rx_record_set_text(r, RX_F_CALLER_ID, text, strlen(text), st));
}

rx_err
rx_child_id_taken(struct rx_session *s, const struct rx_record *r,
    bool *taken, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES], tag[RX_ID_BYTES];
	uint32_t version;
	rx_err rc;

	rc = find_stored(s, r, tag, id, &version, st);
	*taken = rc == RX_OK && version != 0 &&
	    memcmp(id, r->id, RX_ID_BYTES) != 0;
	return (rc);
}

/**
 * rx_child_number(s, r, number, size, st):
 * Give the child ${r} an id that people can say and
 * type: the last three digits of the unit's code and the next free count,
 * "001-012", so that the villages of a township do not share numbers; in a copy
 * "001-3f-012", so that copies seldom give the same one (two children who have
 * it are told apart by their UUIDs).  The
 * count starts after as many children as the unit has; a number is free when
 * its tag is in no row.
 */
rx_err
rx_child_number(struct rx_session *s, struct rx_record *r, char *number,
    size_t size, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	uint8_t id[RX_ID_BYTES], tag[RX_ID_BYTES];
	uint32_t version;
	size_t n;
	rx_err rc;

	rc = rx_child_ids(s, r->unit, &ids, st);
	n = ids.len / RX_ID_BYTES;
	rx_buf_free(&ids);
	do {
		if (rc != RX_OK)
			return (rc);
		if (s->copy)
			(void)snprintf(number, size, "%.3s-%02x-%03zu",
			    r->unit + 9, s->copy_id[15], ++n);
		else
			(void)snprintf(number, size, "%.3s-%03zu", r->unit + 9,
			    ++n);
		if ((rc = rx_record_set_text(r, RX_F_CALLER_ID, number,
		    strlen(number), st)) == RX_OK)
			rc = find_stored(s, r, tag, id, &version, st);
	} while (rc != RX_OK || version != 0);
	return (RX_OK);
}

/* Number the child ${r}, which came without an id. */
static rx_err
number_child(struct rx_saver *sv, struct rx_record *r,
    struct rx_save_result *result, struct rx_status *st)
{
	bool stored = false;
	rx_err rc;

	if ((rc = number_stored(sv, r, &stored, st)) != RX_OK || stored)
		return (rc);
	return (rx_child_number(sv->s, r, result->number,
	    sizeof(result->number), st));
}

/* ---- the three shapes ---- */

static rx_err
put_child(struct rx_saver *sv, struct rx_record *r, bool correct,
    struct rx_save_result *result, struct rx_status *st)
{
	struct touched *t = NULL;
	uint64_t hash[2];
	rx_err rc;

	if ((rc = check_permission(sv->s, r, r->unit, st)) != RX_OK ||
	    (rc = rx_unit_require(sv->s, r->unit, st)) != RX_OK ||
	    (rc = rx_unit_keys_ensure(sv->s, r->unit, st)) != RX_OK ||
	    (!r->v[RX_F_CALLER_ID].set &&
	    (rc = number_child(sv, r, result, st)) != RX_OK) ||
	    (rc = check_dates(r, (int32_t)rx_record_int(r, RX_F_BIRTH),
	    st)) != RX_OK ||
	    (rc = settle(sv, r, NULL, correct, result, st)) != RX_OK)
		return (rc);
	memcpy(r->child, r->id, RX_ID_BYTES);
	aside_end(sv);		/* the keys are made where those of another lie */
	if (result->how == RX_SAVED_NEW && (rc = rx_case_create(&sv->c, sv->s,
	    r->id, r->unit, st)) != RX_OK)
		return (rc);
	if ((rc = touch(sv, r->id, r->unit, &t, st)) != RX_OK)
		return (rc);
	if (result->how == RX_SAVED_NEW) {
		sv->part = false;
		keep_keys(sv, t);
		t->extracted = sv->bulk;
	}
	if (result->how != RX_SAVED_PRESENT) {
		if ((rc = check_consent(t, r, st)) != RX_OK ||
		    (rc = renew(sv, t, st)) != RX_OK ||
		    (rc = insert(sv, &sv->c, r, st)) != RX_OK)
			return (rc);
		t->written = true;
		t->birth = (int32_t)rx_record_int(r, RX_F_BIRTH);
		rx_case_sum_free(t->sum);
		t->sum = NULL;
	}
	name_hash(sv, rx_record_text(r, RX_F_CALLER_ID), hash);
	if (result->how == RX_SAVED_NEW) {
		t->brought = sv->bulk;
		memcpy(t->name, hash, sizeof(hash));
	}
	return (remember(sv, hash, t, st));
}

/* Replace the callers' ids of an activity's children by ours. */
static rx_err
resolve_children(struct rx_saver *sv, struct rx_record *r,
    struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT, texts = RX_BUF_INIT;
	const size_t n = r->v[RX_F_CHILDREN].n;
	struct touched *t = NULL;
	const char *text;
	size_t i, k;
	rx_err rc;

	if (!r->v[RX_F_CHILDREN].set)
		return (RX_OK);
	if ((rc = rx_buf_add(&texts, r->data.b + r->v[RX_F_CHILDREN].off,
	    (size_t)r->v[RX_F_CHILDREN].i, st)) != RX_OK)
		goto done;
	text = (const char *)texts.b;
	for (i = 0; i < n; i++, text += strlen(text) + 1) {
		if ((rc = resolve(sv, text, &t, st)) != RX_OK)
			goto done;
		for (k = 0; ids.b != NULL && k < ids.len; k += RX_ID_BYTES)
			/* NOLINTNEXTLINE(clang-analyzer-core.*): t is set */
			if (memcmp(ids.b + k, t->id, RX_ID_BYTES) == 0) {
				rc = rx_fail(st, RX_EUSAGE,
				    RX_MSG_CHILD_TWICE);
				goto done;
			}
		if ((rc = rx_buf_add(&ids, t->id, RX_ID_BYTES, st)) != RX_OK)
			goto done;
	}
	rc = rx_record_set_ids(r, RX_F_CHILDREN, ids.b, n, st);
done:
	rx_buf_free(&ids);
	rx_buf_free(&texts);
	return (rc);
}

static bool
has_id(const struct rx_record *r, enum rx_field f, const uint8_t *id)
{
	const uint8_t *p;
	size_t k;

	for (k = 0; (p = rx_record_id(r, f, k)) != NULL; k++)
		if (memcmp(p, id, RX_ID_BYTES) == 0)
			return (true);
	return (false);
}

/* Among the children of anything new is nobody who was not yet born, nor whose
 * consent was withdrawn; a correction keeps those who were there before. */
static rx_err
check_children(const struct rx_saver *sv, const struct rx_record *r,
    bool corrected, struct rx_status *st)
{
	struct touched key, **found;
	const uint8_t *id;
	size_t k;
	rx_err rc;

	for (k = 0; (id = rx_record_id(r, RX_F_CHILDREN, k)) != NULL; k++) {
		memcpy(key.id, id, RX_ID_BYTES);
		/* resolve_children has touched it. */
		found = tfind(&key, &sv->cases, touched_cmp);
		if ((rc = check_dates(r, (*found)->birth, st)) != RX_OK ||
		    (!(corrected && has_id(&sv->old, RX_F_CHILDREN, id)) &&
		    (rc = check_consent(*found, r, st)) != RX_OK))
			return (rc);
	}
	return (RX_OK);
}

static rx_err
put_activity(struct rx_saver *sv, struct rx_record *r, bool correct,
    struct rx_save_result *result, struct rx_status *st)
{
	rx_err rc;

	if ((rc = check_permission(sv->s, r, r->unit, st)) != RX_OK ||
	    (rc = rx_unit_require(sv->s, r->unit, st)) != RX_OK ||
	    (rc = rx_unit_keys_ensure(sv->s, r->unit, st)) != RX_OK ||
	    (rc = resolve_children(sv, r, st)) != RX_OK ||
	    (rc = settle(sv, r, NULL, correct, result, st)) != RX_OK ||
	    result->how == RX_SAVED_PRESENT ||
	    (rc = check_children(sv, r, result->how == RX_SAVED_CORRECTED,
	    st)) != RX_OK)
		return (rc);
	return (insert(sv, NULL, r, st));
}

/* The new record ${r} of an import: what the form counts of its case now. */
static rx_err
extract_add(struct rx_saver *sv, struct touched *t, const struct rx_record *r,
    struct rx_status *st)
{
	rx_err rc;

	t->extract.versions++;
	if ((rc = rx_extract_add(&t->extract, &sv->kinds, r, st)) == RX_OK &&
	    t->extract.lines.len > EXTRACT_MOST) {
		rx_extract_free(&t->extract);
		t->extracted = false;	/* the case is read again */
	}
	return (rc);
}

/* The record ${r} of the case at hand is stored: what ${t} adds up to now. */
static rx_err
add_up(struct rx_saver *sv, struct touched *t, struct rx_record *r,
    struct rx_status *st)
{
	bool fits = false;
	rx_err rc;

	if (t->extracted)
		return (extract_add(sv, t, r, st));
	if (t->sum == NULL)
		return (RX_OK);
	r->epoch = sv->c.e[sv->c.n - 1].epoch;
	rc = rx_case_sum_add(t->sum, r, &fits, st);
	if (!fits) {
		rx_case_sum_free(t->sum);
		t->sum = NULL;
	}
	return (rc);
}

/* A record of case ${t}. */
static rx_err
put_in_case(struct rx_saver *sv, struct rx_record *r, struct touched *t,
    bool correct, struct rx_save_result *result, struct rx_status *st)
{
	bool present = false;
	rx_err rc;

	memcpy(r->child, t->id, RX_ID_BYTES);
	memcpy(r->unit, t->unit, RX_UNIT_BYTES);
	if ((rc = check_permission(sv->s, r, t->unit, st)) != RX_OK ||
	    (rc = check_dates(r, t->birth, st)) != RX_OK ||
	    (rc = hold_case_kept(sv, t, st)) != RX_OK ||
	    (rc = raise_flag(r, result, st)) != RX_OK ||
	    (t->moved && (rc = settle_moved(sv, r, &present, st)) != RX_OK))
		return (rc);
	if (present) {
		memcpy(r->id, sv->old.id, RX_ID_BYTES);
		result->how = RX_SAVED_PRESENT;
	} else if ((rc = settle(sv, r, t, correct, result, st)) != RX_OK)
		return (rc);
	if (result->how == RX_SAVED_PRESENT) {
		result->flagged = false;
		return (RX_OK);
	}
	result->again = result->how == RX_SAVED_CORRECTED && t->sum != NULL &&
	    rx_case_sum_answered(t->sum, r->id);
	if ((rc = check_consent(t, r, st)) != RX_OK ||
	    (rc = renew(sv, t, st)) != RX_OK ||
	    (rc = insert(sv, &sv->c, r, st)) != RX_OK ||
	    (rc = add_up(sv, t, r, st)) != RX_OK)
		return (rc);
	t->written = true;
	t->flagged |= result->flagged;
	return (r->type == RX_CONSENT ? say(t, r, st) : RX_OK);
}

/* Id, time, author; a caller's id when there is none (a child gets a number,
 * see number_child). */
static rx_err
label(struct rx_saver *sv, struct rx_record *r,
    struct rx_save_result *result, struct rx_status *st)
{
	char text[RX_UUID_TEXT];

	memset(result, 0, sizeof(*result));
	if (sv->key != NULL)
		memcpy(r->id, sv->key, RX_ID_BYTES);
	else
		next_id(sv, r->id);
	r->at = rx_session_now(sv->s);
	memcpy(r->author, sv->s->user_id, RX_ID_BYTES);
	if (r->v[RX_F_CALLER_ID].set || r->type == RX_CHILD)
		return (RX_OK);
	rx_uuid_text(r->id, text);
	return (rx_record_set_text(r, RX_F_CALLER_ID, text, strlen(text), st));
}

rx_err
rx_saver_put_case(struct rx_saver *sv, struct rx_record *r,
    const uint8_t child[RX_ID_BYTES], struct rx_save_result *result,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	struct touched *t = NULL;
	rx_err rc;

	sv->foreseen = sv->bulk ? NULL : r;
	if ((rc = label(sv, r, result, st)) != RX_OK ||
	    (rc = rx_case_unit(sv->s, child, unit, st)) != RX_OK ||
	    (rc = touch_stored(sv, child, unit, &t, st)) != RX_OK)
		return (rc);
	rc = put_in_case(sv, r, t, false, result, st);
	memcpy(result->id, r->id, RX_ID_BYTES);
	return (rc);
}

rx_err
rx_saver_put(struct rx_saver *sv, struct rx_record *r, bool correct,
    struct rx_save_result *result, struct rx_status *st)
{
	struct touched *t = NULL;
	rx_err rc;

	sv->foreseen = sv->bulk || r->type == RX_CHILD ||
	    r->type == RX_ACTIVITY ? NULL : r;
	if ((rc = label(sv, r, result, st)) != RX_OK)
		return (rc);
	if (r->type == RX_CHILD)
		rc = put_child(sv, r, correct, result, st);
	else if (r->type == RX_ACTIVITY)
		rc = put_activity(sv, r, correct, result, st);
	else if ((rc = resolve(sv, rx_record_text(r, RX_F_CHILD), &t, st)) ==
	    RX_OK)
		rc = put_in_case(sv, r, t, correct, result, st);
	memcpy(result->id, r->id, RX_ID_BYTES);
	return (rc);
}

/* What ${t} adds up to, read again unless it is known; it is at hand with all of its
 * keys, which that takes. */
static rx_err
sum_ensure(struct rx_saver *sv, struct touched *t, struct rx_status *st)
{
	rx_err rc;

	if ((rc = hold_case(sv, t, st)) != RX_OK || t->sum != NULL)
		return (rc);
	return (rx_case_sum_new(&t->sum, sv->s, &sv->c, st));
}

/* Write the slots of a touched case. */
static rx_err
finish_slots(struct rx_saver *sv, struct touched *t, struct rx_status *st)
{
	const struct rx_case_state *state;
	bool lead = false;
	rx_err rc;

	if (sv->bulk && !t->flagged && (rc = rx_slot_keys_there(sv->s, t->id,
	    &lead, st)) != RX_OK)
		return (rc);
	/* Without a flag before, or since, there is none to be looked for; but what
	 * slots lead to must be of all cases, or it would tell of flags. */
	if (lead) {
		rc = t->keys != NULL ? hold_case_kept(sv, t, st) :
		    rx_case_load(&sv->c, sv->s, t->id, t->unit, 0, st);
		sv->part = true;
		if (rc == RX_OK)
			rc = rx_slots_close(&sv->c, sv->s, sv->ahead, st);
		return (rc);
	}
	if ((rc = sum_ensure(sv, t, st)) != RX_OK)
		return (rc);
	state = rx_case_sum_state(t->sum);
	sv->due = state->due;
	return (rx_slots_write(&sv->c, sv->s, state->flagged, state->above,
	    sv->aside, st));
}

/* And what the form counts of it. */
static rx_err
finish_extract(struct rx_saver *sv, struct touched *t, struct rx_status *st)
{
	rx_err rc;

	if ((rc = t->extracted ? hold_case_kept(sv, t, st) :
	    sum_ensure(sv, t, st)) != RX_OK)
		return (rc);
	return (rx_extract_put(t->extracted ? &t->extract :
	    rx_case_sum_extract(t->sum), sv->s, &sv->c, st));
}

static void
finish_case(const void *node, VISIT which, void *cookie)
{
	struct touched *t = *(struct touched *const *)node;
	struct rx_saver *sv = cookie;

	if ((which != postorder && which != leaf) || sv->rc != RX_OK ||
	    !t->written)
		return;
	if ((sv->rc = finish_slots(sv, t, sv->st)) == RX_OK)
		sv->rc = finish_extract(sv, t, sv->st);
	if (sv->bulk) {
		rx_case_sum_free(t->sum);
		t->sum = NULL;
	}
}

/* Write what the cases add up to that were written. */
static rx_err
finish_cases(struct rx_saver *sv, struct rx_status *st)
{

	sv->st = st;
	if ((sv->rc = drain(sv, st)) != RX_OK)
		return (sv->rc);
	twalk_r(sv->cases, finish_case, sv);
	return (sv->rc == RX_OK ? drain(sv, st) : sv->rc);
}

rx_err
rx_saver_finish(struct rx_saver *sv, enum rx_action action,
    const uint8_t *subject, const char *detail, struct rx_status *st)
{
	rx_err rc = finish_cases(sv, st);

	aside_end(sv);
	sv->committed = true;	/* or rolled back */
	return (rx_finish(sv->s, rc, action, subject, detail, st));
}

/* Whether what was said of consent decides by its dates, which what is stored then
 * would not; or may, with what is said of the case under its other name. */
static bool
said_by_dates(const struct touched *t)
{
	bool withdrawn = t->before.withdrawn;
	size_t i;

	for (i = 0; i < t->nsaid; i++)
		withdrawn |= t->said[i].withdrawn;
	return (t->nsaid > 0 && (withdrawn || t->ours));
}

/* Forget the cases, but for those whose dates of consent still count. */
static rx_err
cases_forget(struct rx_saver *sv, struct rx_status *st)
{
	void *stay = NULL;
	struct touched *t;
	rx_err rc = RX_OK;
	bool stays;

	while (sv->cases != NULL) {
		t = *(struct touched **)sv->cases;
		(void)tdelete(t, &sv->cases, touched_cmp);
		if (t->brought)
			name_place(sv, t->name)->flagged = t->flagged;
		rx_extract_free(&t->extract);
		t->written = t->extracted = false;
		t->keys = NULL;
		stays = rc == RX_OK && said_by_dates(t);
		if (stays && tsearch(t, &stay, touched_cmp) != NULL)
			continue;
		if (stays)
			rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		touched_free(t);
	}
	sv->cases = stay;
	sv->ncases = 0;
	return (rc);
}

rx_err
rx_saver_rest(struct rx_saver *sv, struct rx_status *st)
{
	rx_err rc;

	if (sv->ncases < CASES_MOST)
		return (RX_OK);
	if ((rc = finish_cases(sv, st)) != RX_OK)
		return (rc);
	rx_case_done(&sv->c, sv->s);
	sv->part = false;
	if (sv->kept != NULL)
		rx_wipe(sv->kept->b, sv->nkept * 2 * sizeof(struct rx_key));
	sv->nkept = 0;
	return (cases_forget(sv, st));
}

/* rx_save; ${key} is the id of a new child, NULL for a fresh one. */
static rx_err
save_one(struct rx_session *s, enum rx_type type, const json_t *json,
    bool correct, const uint8_t *key, struct rx_save_result *result,
    struct rx_status *st)
{
	struct rx_saver *sv = NULL;
	struct rx_record r;
	rx_err rc;

	memset(result, 0, sizeof(*result));
	rx_record_init(&r);
	r.type = type;
	if ((rc = rx_record_parse(&r, json, rx_date_today(), st)) != RX_OK)
		goto done;
	if ((rc = rx_saver_new(&sv, s, false, st)) != RX_OK)
		goto done;
	sv->key = key;
	if ((rc = rx_saver_put(sv, &r, correct, result, st)) == RX_OK &&
	    result->how != RX_SAVED_PRESENT) {
		rc = rx_saver_finish(sv, RX_DID_SAVE, result->id,
		    rx_type_key(type), st);
		result->due = sv->due;
	}
	rx_saver_free(sv);
done:
	rx_record_free(&r);
	return (rc);
}

rx_err
rx_save(struct rx_session *s, enum rx_type type, const json_t *json,
    bool correct, struct rx_save_result *result, struct rx_status *st)
{

	return (save_one(s, type, json, correct, NULL, result, st));
}

rx_err
rx_save_check(enum rx_type type, const json_t *json, struct rx_status *st)
{
	struct rx_record r;
	rx_err rc;

	rx_record_init(&r);
	r.type = type;
	rc = rx_record_parse(&r, json, rx_date_today(), st);
	rx_record_free(&r);
	return (rc);
}

rx_err
rx_child_register(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const json_t *json, struct rx_save_result *result, struct rx_status *st)
{

	return (save_one(s, RX_CHILD, json, false, id, result, st));
}
