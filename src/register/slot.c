#include <limits.h>

#include "register/save.h"

/*
 * The slots of a case, through which the supervisors above it reach identity and
 * narrative while it is flagged.  Every supervisor above has a slot in every case,
 * and every save writes all of them anew, so that a slot says nothing to a thief.
 *
 * They lie with the sealed data, which every save writes in any case.  So that they
 * are worth nothing once a child is erased, what an open one holds (the slot keys,
 * crypto/grant.h) opens only the row of slot_key, which lies with the keys of the
 * case and goes with them.
 */

_Static_assert(RX_TABLE_SLOT == 36 && RX_TABLE_SLOT_OLD == 14,
    "query SLOT says which table a slot is in");

#define HEALED_AT_ONCE 100
#define SLOT_COMPS (RX_BIT(RX_COMP_IDENTITY) | RX_BIT(RX_COMP_NARRATIVE))

/* ---- slot keys ---- */

static void
slot_key_place(struct rx_place *p, const struct rx_session *s,
    const uint8_t *id, size_t k, uint32_t epoch)
{

	rx_place_init(p, s, "", id, id, RX_TABLE_SLOT_KEY, (uint32_t)(2 + k),
	    epoch);
}

/* Wipe what was taken of the case's memory since it had ${used} keys. */
static void
give_back(struct rx_case *c, size_t used)
{

	while (c->used > used)
		rx_wipe(c->mem[--c->used]->b, RX_KEY_BYTES);
}

/* Derive the slot keys of the newest epoch into memory of the case; NULL when its
 * keys are not held. */
static rx_err
slot_keys(const struct rx_key *slot[2], struct rx_case *c,
    struct rx_session *s, struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	struct rx_key *mem;
	size_t k;
	rx_err rc;

	slot[0] = slot[1] = NULL;
	if (e->key[0] == NULL || e->key[1] == NULL)
		return (RX_OK);
	for (k = 0; k < 2; k++) {
		if ((rc = rx_case_take(c, s, &mem, st)) != RX_OK)
			return (rc);
		rx_slot_key(mem, e->key[k]);
		slot[k] = mem;
	}
	return (RX_OK);
}

/* What the row under ${cur} of slot_key has. */
static void
slot_key_seen(struct rx_slot_seen *seen, const struct rx_cursor *cur)
{
	int k;

	seen->epoch = rx_col_int(cur, 1);
	for (k = 0; k < 2; k++)
		seen->key[k] = rx_col_bytes(cur, 2 + k, &seen->nkey[k]);
}

/* Open what was ${seen} of slot_key into ${key}; *right is false when that is not of
 * the newest epoch, or not under ${slot}. */
static rx_err
slot_key_open(struct rx_key *const key[2],
    const struct rx_key *const slot[2], const struct rx_slot_seen *seen,
    struct rx_case *c, struct rx_session *s, bool *right,
    struct rx_status *st)
{
	const uint32_t epoch = c->e[c->n - 1].epoch;
	struct rx_place place;
	struct rx_key *again;
	struct rx_status no;
	size_t k;
	rx_err rc;

	*right = false;
	if ((rc = rx_case_take(c, s, &again, st)) != RX_OK)
		return (rc);
	*right = seen->epoch == (int64_t)epoch;
	for (k = 0; k < 2 && *right; k++) {
		slot_key_place(&place, s, c->id, k, epoch);
		rx_status_clear(&no);
		*right = rx_envelope_open(key[k]->b, RX_KEY_BYTES,
		    seen->key[k], seen->nkey[k], slot[k], RX_ENV_KEY,
		    rx_case_comp[k], epoch, &place, &no) == RX_OK;
		/* Who had a slot could seal other keys under the same. */
		rx_slot_key(again, key[k]);
		*right &= rx_equal(again->b, slot[k]->b, RX_KEY_BYTES);
	}
	return (RX_OK);
}

/* The same with the row that is stored. */
static rx_err
slot_key_stored(struct rx_key *const key[2],
    const struct rx_key *const slot[2], struct rx_case *c,
    struct rx_session *s, bool *right, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	struct rx_slot_seen seen = { .epoch = 0 };
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*right = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_SLOT_KEY, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		slot_key_seen(&seen, cur);
		rc = slot_key_open(key, slot, &seen, c, s, right, st);
	}
	rx_query_close(cur);
	return (rc);
}

/* Seal the newest keys of the case under ${slot}. */
static rx_err
slot_key_seal(const struct rx_key *const slot[2], const struct rx_case *c,
    struct rx_session *s, struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	uint8_t box[2][RX_ENV_KEY_BYTES];
	struct rx_place place;
	struct rx_value v[4];
	size_t k;
	rx_err rc;

	for (k = 0; k < 2; k++) {
		slot_key_place(&place, s, c->id, k, e->epoch);
		if ((rc = rx_envelope_seal(box[k], slot[k], RX_ENV_KEY,
		    rx_case_comp[k], e->epoch, &place, e->key[k]->b,
		    RX_KEY_BYTES, st)) != RX_OK)
			return (rc);
		v[2 + k] = rx_bytes(box[k], RX_ENV_KEY_BYTES);
	}
	v[0] = rx_bytes(c->id, RX_ID_BYTES);
	v[1] = rx_int(e->epoch);
	return (rx_store_replace(s->store, RX_TABLE_SLOT_KEY, v, st));
}

rx_err
rx_slot_keys_put(struct rx_case *c, struct rx_session *s,
    struct rx_status *st)
{
	const size_t used = c->used;
	const struct rx_key *slot[2];
	rx_err rc;

	if ((rc = slot_keys(slot, c, s, st)) == RX_OK)
		rc = slot_key_seal(slot, c, s, st);
	give_back(c, used);
	return (rc);
}

/* Let the row of slot_key be the one of ${slot}. */
static rx_err
slot_key_mend(const struct rx_key *const slot[2], struct rx_case *c,
    struct rx_session *s, struct rx_status *st)
{
	const size_t used = c->used;
	struct rx_key *key[2];
	bool right = false;
	rx_err rc;

	if ((rc = rx_case_take(c, s, &key[0], st)) == RX_OK &&
	    (rc = rx_case_take(c, s, &key[1], st)) == RX_OK)
		rc = slot_key_stored(key, slot, c, s, &right, st);
	give_back(c, used);
	return (rc != RX_OK || right ? rc : slot_key_seal(slot, c, s, st));
}

/* ---- reading ---- */

/* Whether the keys at hand are those of the child's identity.  Any supervisor may
 * write slots, also one who has no keys to put there; who has this one was given both.
 * Not those of notes: a supervisor may write these too, under keys of his own. */
static rx_err
keys_true(const struct rx_case *c, struct rx_session *s, bool *right,
    struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	uint8_t id[RX_ID_BYTES];
	struct rx_cursor *cur;
	const struct rx_key *key;
	const uint8_t *p;
	uint32_t epoch;
	size_t n;
	bool row = false;
	rx_err rc;

	*right = true;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_IDENTITY_KEYS, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		p = rx_col_bytes(cur, 0, &n);
		epoch = n == RX_ID_BYTES + 4 ? rx_get32(p + RX_ID_BYTES) : 0;
		key = epoch == 0 || epoch > c->n ? NULL : c->e[epoch - 1].key[0];
		if (key == NULL)
			continue;	/* it does not open, then */
		rx_key_id(id, key);
		*right &= memcmp(id, p, sizeof(id)) == 0;
	}
	rx_query_close(cur);
	return (rc);
}

/* Take the keys that the open slot ${g} holds, or those that it leads to. */
static rx_err
slot_use(struct rx_case *c, struct rx_session *s, const struct rx_grant *g,
    const struct rx_slot_seen *seen, struct rx_status *st)
{
	const struct rx_key *slot[2] = { &g->keys[0], &g->keys[1] };
	struct rx_case_epoch *e = &c->e[c->n - 1];
	struct rx_key *key[2];
	bool right = true;
	size_t used;
	rx_err rc;

	if ((rc = rx_case_take(c, s, &key[0], st)) != RX_OK ||
	    (rc = rx_case_take(c, s, &key[1], st)) != RX_OK)
		return (rc);
	used = c->used;
	if (seen->table == RX_TABLE_SLOT) {
		if ((rc = slot_key_stored(key, slot, c, s, &right, st)) ==
		    RX_OK && !right)
			rc = slot_key_open(key, slot, seen, c, s, &right, st);
	} else {
		*key[0] = *slot[0];
		*key[1] = *slot[1];
	}
	give_back(c, used);
	if (rc != RX_OK || !right)
		return (rc != RX_OK ? rc : rx_fail(st, RX_ECORRUPT,
		    RX_MSG_GRANT_CORRUPT));
	e->key[0] = key[0];
	e->key[1] = key[1];
	if ((rc = rx_case_links_open(c, s, st)) != RX_OK ||
	    (rc = keys_true(c, s, &right, st)) != RX_OK || right)
		return (rc);
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT));
}

rx_err
rx_case_try_slot(struct rx_case *c, struct rx_session *s,
    const struct rx_slot_seen *seen, bool *opened, struct rx_status *st)
{
	const size_t used = c->used;
	struct rx_secret *mem;
	struct rx_grant *g;
	size_t i;
	rx_err rc;

	*opened = false;
	if ((rc = rx_secret_new(&mem, sizeof(*g), st)) != RX_OK)
		return (rc);
	g = (struct rx_grant *)(void *)mem->b;
	if ((rc = rx_grant_accept(s, g, seen->box, seen->n, c->unit, c->id,
	    c->e[c->n - 1].epoch, SLOT_COMPS, st)) != RX_OK)
		goto done;
	if (g->kind != RX_GRANT_CLOSED) {
		rc = slot_use(c, s, g, seen, st);
		*opened = rc == RX_OK;
	}
	if (rc != RX_OK) {
		for (i = 0; i < c->n; i++)
			c->e[i].key[0] = c->e[i].key[1] = NULL;
		give_back(c, used);
	}
done:
	rx_secret_free(mem);
	return (rc);
}

rx_err
rx_case_load_slot(struct rx_case *c, struct rx_session *s, bool *opened,
    struct rx_status *st)
{
	const struct rx_value args[2] = { rx_bytes(c->id, RX_ID_BYTES),
	    rx_bytes(s->user_id, RX_ID_BYTES) };
	struct rx_slot_seen seen = { .epoch = 0 };
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*opened = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_SLOT, args, 2, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		seen.table = (enum rx_table)rx_col_int(cur, 3);
		seen.box = rx_col_bytes(cur, 2, &seen.n);
		rc = rx_case_try_slot(c, s, &seen, opened, st);
	}
	rx_query_close(cur);
	return (rc);
}

/* ---- who reviews ---- */

/* The supervisor's level closest above ${unit} among live ones of
 * members[first..]; -1 when he does not supervise it. */
static int
supervises(const struct rx_session *s, size_t first, const char *unit)
{
	int level = -1;
	size_t i;

	for (i = first; i < rx_member_next(s, first); i++) {
		const struct rx_member *m = &s->members[i];

		if (m->cert.role == RX_ROLE_SUPERVISOR &&
		    rx_unit_covers(m->cert.unit, unit) && rx_member_live(m) &&
		    (int)rx_unit_level(m->cert.unit) > level)
			level = (int)rx_unit_level(m->cert.unit);
	}
	return (level);
}

/* Does members[first..] supervise ${unit}, or did he ever? */
static bool
supervised(const struct rx_session *s, size_t first, const char *unit)
{
	size_t i;

	for (i = first; i < rx_member_next(s, first); i++)
		if (s->members[i].cert.role == RX_ROLE_SUPERVISOR &&
		    rx_unit_covers(s->members[i].cert.unit, unit))
			return (true);
	return (false);
}

/* The nearest level that has a supervisor of ${unit} and lies above the level
 * ${below}; -1 when there is none. */
static int
level_above(const struct rx_session *s, const char *unit, int below)
{
	int level, nearest = -1;
	size_t i;

	for (i = 0; i < s->nmembers; i = rx_member_next(s, i)) {
		level = supervises(s, i, unit);
		if (level < below && level > nearest)
			nearest = level;
	}
	return (nearest);
}

/* The highest level from which a flag of ${unit} is reviewed: the township if
 * it has a supervisor, else the nearest level above that has one; ${above}
 * levels more, as far as there are any. */
static int
review_level(const struct rx_session *s, const char *unit, unsigned above)
{
	int next, level = level_above(s, unit, RX_LEVEL_SELF + 1);

	while (above-- > 0 && (next = level_above(s, unit, level)) >= 0)
		level = next;
	return (level);
}

int
rx_review_step(const struct rx_session *s, const char unit[RX_UNIT_BYTES],
    const uint8_t user[RX_ID_BYTES])
{
	const size_t first = rx_member_first(s, user);
	const int own = first == s->nmembers ? -1 : supervises(s, first, unit);
	int level, step = 0;

	if (own < 0)
		return (-1);
	for (level = review_level(s, unit, 0); level > own; step++)
		level = level_above(s, unit, level);
	return (step);
}

bool
rx_review_reaches(const struct rx_session *s, const char unit[RX_UNIT_BYTES],
    unsigned step)
{

	return (step == 0 ? review_level(s, unit, 0) >= 0 :
	    review_level(s, unit, step) < review_level(s, unit, step - 1));
}

bool
rx_reviews_alone(const struct rx_session *s, const char unit[RX_UNIT_BYTES],
    const uint8_t user[RX_ID_BYTES])
{
	const int nearest = review_level(s, unit, 0);
	size_t i;
	bool does = false;

	for (i = 0; i < s->nmembers; i = rx_member_next(s, i)) {
		if (supervises(s, i, unit) != nearest)
			continue;
		if (memcmp(s->members[i].cert.user, user, RX_ID_BYTES) != 0)
			return (false);
		does = true;
	}
	return (does && nearest >= 0);
}

/* ---- writing ---- */

/* The slot of members[first..], to be sealed: open with ${slot}, or closed; false
 * when his certificate has just ended. */
static bool
slot_gather(struct rx_slot *w, const struct rx_case *c,
    const struct rx_session *s, size_t first,
    const struct rx_key *const *slot)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	const struct rx_member *m = rx_member_newest(s, first);

	if (m == NULL)
		return (false);
	memset(w, 0, sizeof(*w));
	w->kind = slot != NULL ? RX_GRANT_SLOT : RX_GRANT_CLOSED;
	if (slot != NULL) {
		w->keys[0] = slot[0];
		w->keys[1] = slot[1];
	}
	rx_grant_context_set(&w->ctx, s, c->unit, c->id, e->epoch, SLOT_COMPS);
	memcpy(w->recipient, m->cert.user, RX_ID_BYTES);
	memcpy(w->box_public, m->cert.box_public, RX_BOX_PUBLIC_BYTES);
	return (true);
}

rx_err
rx_slot_seal(struct rx_slot *w, const struct rx_session *s,
    struct rx_status *st)
{

	return (rx_grant_make(w->box, &w->ctx, w->keys, w->kind, s->user_id,
	    s->id, w->box_public, st));
}

rx_err
rx_slot_insert(const struct rx_slot *w, struct rx_session *s,
    struct rx_status *st)
{
	const struct rx_value v[3] = { rx_bytes(w->ctx.subject, RX_ID_BYTES),
	    rx_bytes(w->recipient, RX_ID_BYTES),
	    rx_bytes(w->box, sizeof(w->box)) };

	return (rx_store_replace(s->store, RX_TABLE_SLOT, v, st));
}

/* Delete the slots of case ${child}, or (NULL) those of ${user}, in ${table}, which
 * query ${q} finds; *count grows by as many. */
static rx_err
slots_delete(struct rx_session *s, const uint8_t *child, const uint8_t *user,
    enum rx_query q, enum rx_table table, uint32_t *count,
    struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(child, RX_ID_BYTES),
	    rx_bytes(user, RX_ID_BYTES) };
	const int found = child != NULL ? 1 : 0;	/* the column */
	struct rx_buf ids = RX_BUF_INIT;
	size_t i;
	rx_err rc;

	rc = rx_query_ids(s->store, q, &key[!found], 1, found, &ids, st);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES) {
		key[found] = rx_bytes(ids.b + i, RX_ID_BYTES);
		++*count;
		rc = rx_store_delete(s->store, table, key, NULL, st);
	}
	rx_buf_free(&ids);
	return (rc);
}

rx_err
rx_slots_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    uint32_t *count, struct rx_status *st)
{
	const struct rx_value key = rx_bytes(id, RX_ID_BYTES);
	rx_err rc;

	if ((rc = slots_delete(s, id, NULL, RX_Q_SLOTS_OF_CASE, RX_TABLE_SLOT,
	    count, st)) != RX_OK ||
	    (rc = slots_delete(s, id, NULL, RX_Q_SLOTS_OLD_OF_CASE,
	    RX_TABLE_SLOT_OLD, count, st)) != RX_OK)
		return (rc);
	return (rx_store_delete(s->store, RX_TABLE_SLOT_KEY, &key, NULL, st));
}

rx_err
rx_slots_forget_to(struct rx_session *s, const uint8_t user[RX_ID_BYTES],
    struct rx_status *st)
{
	uint32_t count = 0;
	rx_err rc;

	if ((rc = slots_delete(s, NULL, user, RX_Q_SLOTS_TO, RX_TABLE_SLOT,
	    &count, st)) != RX_OK)
		return (rc);
	return (slots_delete(s, NULL, user, RX_Q_SLOTS_OLD_TO,
	    RX_TABLE_SLOT_OLD, &count, st));
}

/* Remove the slots of people who supervise the case no longer, and those that
 * others have followed. */
static rx_err
slots_prune(struct rx_case *c, struct rx_session *s, struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(c->id, RX_ID_BYTES) };
	struct rx_buf gone = RX_BUF_INIT;
	struct rx_cursor *cur;
	const uint8_t *who;
	uint32_t old = 0;
	size_t first, n, i;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_SLOTS_OF_CASE, key, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		who = rx_col_bytes(cur, 1, &n);
		if (n != RX_ID_BYTES)
			continue;	/* for nobody */
		first = rx_member_first(s, who);
		if ((first == s->nmembers ||
		    supervises(s, first, c->unit) < 0) &&
		    (rc = rx_buf_add(&gone, who, n, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	for (i = 0; i < gone.len && rc == RX_OK; i += RX_ID_BYTES) {
		key[1] = rx_bytes(gone.b + i, RX_ID_BYTES);
		rc = rx_store_delete(s->store, RX_TABLE_SLOT, key, NULL, st);
	}
	rx_buf_free(&gone);
	return (rc != RX_OK ? rc : slots_delete(s, c->id, NULL,
	    RX_Q_SLOTS_OLD_OF_CASE, RX_TABLE_SLOT_OLD, &old, st));
}

rx_err
rx_slot_keys_there(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    bool *there, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	rx_err rc;

	*there = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_SLOT_KEY, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	rc = rx_query_next(cur, there, st);
	rx_query_close(cur);
	return (rc);
}

size_t
rx_slots_closed(const struct rx_case *c, const struct rx_session *s,
    struct rx_slot *slots, size_t most)
{
	size_t i, n = 0;

	for (i = 0; i < s->nmembers && n < most; i = rx_member_next(s, i))
		n += supervises(s, i, c->unit) >= 0 &&
		    slot_gather(&slots[n], c, s, i, NULL);
	return (n);
}

bool
rx_slot_same(const struct rx_slot *a, const struct rx_slot *b)
{

	return (a->kind == b->kind &&
	    memcmp(&a->ctx, &b->ctx, sizeof(a->ctx)) == 0 &&
	    memcmp(a->recipient, b->recipient, RX_ID_BYTES) == 0 &&
	    memcmp(a->box_public, b->box_public, RX_BOX_PUBLIC_BYTES) == 0);
}

/* A slot for everybody who supervises the case, open from the level ${from} on;
 * sealed by other threads when ${a} is not NULL, or already, as far as ${aside}
 * has it. */
static rx_err
slots_seal(struct rx_case *c, struct rx_session *s, int from,
    const struct rx_key *const *slot, struct rx_ahead *a,
    struct rx_aside *aside, struct rx_status *st)
{
	struct rx_slot w;
	size_t i;
	int level;
	rx_err rc;

	for (i = 0; i < s->nmembers; i = rx_member_next(s, i)) {
		if ((level = supervises(s, i, c->unit)) < 0 ||
		    !slot_gather(&w, c, s, i, level >= from ? slot : NULL))
			continue;
		if (a != NULL)
			rc = rx_ahead_slot(a, &w, st);
		else if (rx_aside_slot(aside, &w) ||
		    (rc = rx_slot_seal(&w, s, st)) == RX_OK)
			rc = rx_slot_insert(&w, s, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (slots_prune(c, s, st));
}

rx_err
rx_slots_write(struct rx_case *c, struct rx_session *s, bool flagged,
    unsigned above, struct rx_aside *aside, struct rx_status *st)
{
	const int from = flagged ? review_level(s, c->unit, above) : INT_MAX;
	const size_t used = c->used;
	const struct rx_key *slot[2];
	rx_err rc;

	/* Also where none is open: the row is not to tell of a flag. */
	if ((rc = slot_keys(slot, c, s, st)) == RX_OK && slot[1] != NULL)
		rc = slot_key_mend(slot, c, s, st);
	else if (rc == RX_OK && flagged)
		rc = rx_fail(st, RX_EPERM, RX_MSG_CASE_CLOSED);
	if (rc == RX_OK)
		rc = slots_seal(c, s, from, slot, NULL, aside, st);
	give_back(c, used);
	return (rc);
}

rx_err
rx_slots_close(struct rx_case *c, struct rx_session *s, struct rx_ahead *a,
    struct rx_status *st)
{

	return (slots_seal(c, s, INT_MAX, NULL, a, NULL, st));
}

/* ---- mending ---- */

/* The children of ${unit} who have a slot for ${user}, or who lack one if he
 * supervises it (${does}), appended to ${ids}. */
static rx_err
slots_wrong(struct rx_session *s, const char *unit, const uint8_t *user,
    bool does, struct rx_buf *ids, struct rx_status *st)
{
	struct rx_value args[2] = { rx_text(unit),
	    rx_bytes(user, RX_ID_BYTES) };

	return (rx_query_ids(s->store, does ? RX_Q_SLOTS_MISSING :
	    RX_Q_SLOTS_HELD, args, 2, 0, ids, st));
}

/* Write the slots of those of the cases ${ids} of ${unit} anew that open, some at a
 * time: others wait meanwhile. */
static rx_err
slots_heal_cases(struct rx_session *s, const char *unit,
    const struct rx_buf *ids, struct rx_case *c, size_t *made,
    struct rx_status *st)
{
	struct rx_case_state state;
	size_t i;
	bool opens, idle = false;
	rx_err rc = RX_OK;

	for (i = 0; i < ids->len && rc == RX_OK; i += RX_ID_BYTES) {
		if (!rx_store_in_transaction(s->store)) {
			if ((rc = rx_begin(s, st)) != RX_OK)
				break;
			idle = true;
		}
		if ((rc = rx_case_try(c, s, ids->b + i, unit, &state, &opens,
		    st)) != RX_OK || !opens)
			continue;
		idle = false;
		if ((rc = rx_slots_write(c, s, state.flagged, state.above,
		    NULL, st)) == RX_OK && ++*made % HEALED_AT_ONCE == 0)
			rc = rx_finish(s, RX_OK, RX_DID_GRANT, NULL, NULL, st);
	}
	if (rc == RX_OK && idle)
		rx_abandon(s);
	return (rc);
}

rx_err
rx_slots_heal(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    size_t *made, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	const struct rx_key *key;
	struct rx_status why;
	struct rx_case c;
	size_t i;
	rx_err rc;

	if (memcmp(unit, RX_REGISTER_KEYS, RX_UNIT_BYTES) == 0 ||
	    !rx_permitted(s, RX_ACT_WRITE_CASE, unit))
		return (RX_OK);
	/* While the unit's keys are still to come, this waits for them too. */
	rx_status_clear(&why);
	if ((rc = rx_unit_key(s, unit, RX_COMP_NARRATIVE, 0, &key, NULL,
	    &why)) == RX_EPERM)
		return (RX_OK);
	if (rc != RX_OK) {
		*st = why;
		return (rc);
	}
	rx_case_init(&c);
	/* The list may become a longer one at a transaction: then somebody before
	 * is asked about again, who lacks nothing by then, and nobody is left
	 * out. */
	for (i = 0; i < s->nmembers && rc == RX_OK; i = rx_member_next(s, i)) {
		if (!supervised(s, i, unit))
			continue;
		rx_buf_reset(&ids);
		if ((rc = slots_wrong(s, unit, s->members[i].cert.user,
		    supervises(s, i, unit) >= 0, &ids, st)) == RX_OK)
			rc = slots_heal_cases(s, unit, &ids, &c, made, st);
	}
	rx_case_done(&c, s);
	rx_buf_free(&ids);
	return (rc);
}

/* The unit and the newest epoch of case ${id}. */
static rx_err
case_where(struct rx_session *s, const uint8_t *id, char *unit,
    uint32_t *epoch, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*epoch = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_CASE_KEYS, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		*epoch = (uint32_t)rx_col_int(cur, 1);
		rx_unit_set(unit, rx_col_text(cur, 2));
	}
	rx_query_close(cur);
	if (rc == RX_OK && *epoch == 0)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_CASE_KEYS_MISSING);
	return (rc);
}

/* Seal the slot ${box} of case ${id} to ${to}, and put it in its place. */
static rx_err
slot_rekey(struct rx_session *s, const struct rx_identity *to,
    enum rx_table table, const uint8_t *id,
    const uint8_t box[RX_GRANT_BYTES], struct rx_grant *g,
    struct rx_status *st)
{
	const struct rx_key *keys[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	uint8_t anew[RX_GRANT_BYTES];
	struct rx_grant_context ctx;
	char unit[RX_UNIT_BYTES] = "";
	struct rx_status why;
	struct rx_value v[3];
	uint32_t epoch;
	rx_err rc;

	if ((rc = case_where(s, id, unit, &epoch, st)) != RX_OK)
		return (rc);
	rx_status_clear(&why);
	if ((rc = rx_grant_accept(s, g, box, RX_GRANT_BYTES, unit, id, epoch,
	    SLOT_COMPS, &why)) != RX_OK && rc != RX_ECORRUPT) {
		*st = why;
		return (rc);
	}
	v[0] = rx_bytes(id, RX_ID_BYTES);
	v[1] = rx_bytes(s->user_id, RX_ID_BYTES);
	/* What does not open came with a bundle, unseen: who has the keys writes
	 * another.  Case keys by themselves lie in the slots of keys.db alone. */
	if (rc != RX_OK || (g->kind == RX_GRANT_OPEN && table == RX_TABLE_SLOT))
		return (rx_store_delete(s->store, table, v, NULL, st));
	if (g->kind != RX_GRANT_CLOSED) {
		keys[0] = &g->keys[0];
		keys[1] = &g->keys[1];
	}
	rx_grant_context_set(&ctx, s, unit, id, epoch, SLOT_COMPS);
	if ((rc = rx_grant_make(anew, &ctx, keys,
	    (enum rx_grant_kind)g->kind, s->user_id, s->id, to->box_public,
	    st)) != RX_OK)
		return (rc);
	v[2] = rx_bytes(anew, sizeof(anew));
	return (rx_store_replace(s->store, table, v, st));
}

static rx_err
slots_rekey(struct rx_session *s, const struct rx_identity *to,
    enum rx_query q, enum rx_table table, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(s->user_id, RX_ID_BYTES);
	struct rx_buf rows = RX_BUF_INIT;
	struct rx_secret *mem;
	struct rx_cursor *cur;
	const size_t one = RX_ID_BYTES + RX_GRANT_BYTES;
	static const uint8_t none[RX_GRANT_BYTES];
	const void *id, *box;
	size_t i, n, nid;
	bool row = false;
	rx_err rc;

	if ((rc = rx_secret_new(&mem, sizeof(struct rx_grant), st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_open(&cur, s->store, q, &arg, 1, st)) != RX_OK)
		goto done;
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		id = rx_col_bytes(cur, 0, &nid);
		box = rx_col_bytes(cur, 2, &n);
		if (nid != RX_ID_BYTES) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT);
			break;
		}
		/* One of another size opens as little as zeros. */
		if ((rc = rx_buf_add(&rows, id, nid, st)) != RX_OK ||
		    (rc = rx_buf_add(&rows, n == RX_GRANT_BYTES ? box : none,
		    RX_GRANT_BYTES, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	for (i = 0; i < rows.len && rc == RX_OK; i += one)
		rc = slot_rekey(s, to, table, rows.b + i,
		    rows.b + i + RX_ID_BYTES,
		    (struct rx_grant *)(void *)mem->b, st);
done:
	rx_buf_free(&rows);
	rx_secret_free(mem);
	return (rc);
}

rx_err
rx_slots_rekey(struct rx_session *s, const struct rx_identity *to,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = slots_rekey(s, to, RX_Q_SLOTS_TO, RX_TABLE_SLOT, st)) !=
	    RX_OK)
		return (rc);
	return (slots_rekey(s, to, RX_Q_SLOTS_OLD_TO, RX_TABLE_SLOT_OLD, st));
}
