#include <limits.h>
#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/*
 * A case: its keys (wrapped under the keys of its unit), and the slots through
 * which the supervisors above it reach identity and narrative while it is
 * flagged.  Every supervisor above has a slot in every case, and every save
 * writes all of them anew, so that a slot says nothing to a thief.
 */

#define SLOT_COMPS (RX_BIT(RX_COMP_IDENTITY) | RX_BIT(RX_COMP_NARRATIVE))

const enum rx_compartment rx_case_comp[3] = {
	RX_COMP_IDENTITY, RX_COMP_NARRATIVE, RX_COMP_CODED
};

void
rx_wrap_place(struct rx_place *p, const struct rx_session *s, const char *unit,
    const uint8_t *id, size_t k, uint32_t epoch)
{

	rx_place_init(p, s, unit, id, id, RX_TABLE_CASE_KEY, (uint32_t)(3 + k),
	    epoch);
}

void
rx_link_place(struct rx_place *p, const struct rx_session *s, const uint8_t *id,
    size_t k, uint32_t epoch)
{

	rx_place_init(p, s, "", id, id, RX_TABLE_CASE_LINK,
	    (uint32_t)(2 + k), epoch);
}

void
rx_case_init(struct rx_case *c)
{

	memset(c, 0, sizeof(*c));
}

/* Memory for one more key of the case: its own, the session's spare, or new. */
static rx_err
take(struct rx_case *c, struct rx_session *s, struct rx_key **key,
    struct rx_status *st)
{
	rx_err rc;

	*key = NULL;
	if (c->used == RX_CASE_MEM)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_CASE_EPOCHS));
	if (c->used == c->nmem) {
		if (s->nspare > 0)
			c->mem[c->nmem] = s->spare[--s->nspare];
		else if ((rc = rx_key_new(&c->mem[c->nmem], s->pool, st)) !=
		    RX_OK)
			return (rc);
		c->nmem++;
	}
	*key = c->mem[c->used++];
	return (RX_OK);
}

void
rx_case_done(struct rx_case *c, struct rx_session *s)
{
	struct rx_key **grown;
	size_t i;

	for (i = 0; i < c->nmem; i++)
		rx_wipe(c->mem[i]->b, RX_KEY_BYTES);
	if (s->nspare + c->nmem > s->sparecap) {
		grown = reallocarray(s->spare, s->nspare + c->nmem,
		    sizeof(*grown));
		/* What is not kept lives until the session ends. */
		if (grown == NULL)
			c->nmem = 0;
		else {
			s->spare = grown;
			s->sparecap = s->nspare + c->nmem;
		}
	}
	for (i = 0; i < c->nmem; i++)
		s->spare[s->nspare++] = c->mem[i];
	memset(c, 0, sizeof(*c));
}

/* Open the wraps of one epoch from the row under ${cur}. */
static rx_err
epoch_load(struct rx_case *c, struct rx_session *s,
    const struct rx_cursor *cur, unsigned comps, struct rx_status *st)
{
	struct rx_case_epoch *e = &c->e[c->n];
	const struct rx_key *key;
	struct rx_place place;
	struct rx_key *mem;
	const uint8_t *box;
	uint32_t epoch;
	size_t k, n;
	rx_err rc;

	memset(e, 0, sizeof(*e));
	e->epoch = (uint32_t)rx_col_int(cur, 1);
	for (k = 0; k < 3; k++) {
		box = rx_col_bytes(cur, (int)(3 + k), &n);
		c->under[k] = epoch = rx_envelope_epoch(box, n);
		if ((comps & RX_BIT(rx_case_comp[k])) == 0)
			continue;
		if (epoch == 0)
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_SEALED_CORRUPT));
		if ((rc = rx_unit_key(s, c->unit, rx_case_comp[k], epoch, &key,
		    NULL, st)) != RX_OK ||
		    (rc = take(c, s, &mem, st)) != RX_OK)
			return (rc);
		rx_wrap_place(&place, s, c->unit, c->id, k, e->epoch);
		if ((rc = rx_envelope_open(mem->b, RX_KEY_BYTES, box, n, key,
		    RX_ENV_KEY, rx_case_comp[k], epoch, &place, st)) != RX_OK)
			return (rc);
		e->key[k] = mem;
	}
	c->n++;
	return (RX_OK);
}

/* Open what the row of case_link under ${cur} has of the keys before c->e[at],
 * as far as they are not held. */
static rx_err
link_open(struct rx_case *c, struct rx_session *s,
    const struct rx_cursor *cur, size_t at, struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[at];
	struct rx_case_epoch *before = &c->e[at - 1];
	struct rx_place place;
	struct rx_key *mem;
	const uint8_t *box;
	size_t k, n;
	rx_err rc;

	for (k = 0; k < 3; k++) {
		if (e->key[k] == NULL || before->key[k] != NULL)
			continue;
		box = rx_col_bytes(cur, (int)(2 + k), &n);
		rx_link_place(&place, s, c->id, k, e->epoch);
		if ((rc = take(c, s, &mem, st)) != RX_OK ||
		    (rc = rx_envelope_open(mem->b, RX_KEY_BYTES, box, n,
		    e->key[k], RX_ENV_KEY, rx_case_comp[k], e->epoch, &place,
		    st)) != RX_OK)
			return (rc);
		before->key[k] = mem;
	}
	return (RX_OK);
}

/* With a key of the case all before it must be there. */
static rx_err
chain_whole(const struct rx_case *c, struct rx_status *st)
{
	size_t i, k;

	for (i = 1; i < c->n; i++)
		for (k = 0; k < 3; k++)
			if (c->e[i].key[k] != NULL &&
			    c->e[i - 1].key[k] == NULL)
				return (rx_fail(st, RX_ECORRUPT,
				    RX_MSG_CASE_KEYS_MISSING));
	return (RX_OK);
}

/* From the newest keys of the case to all before them. */
static rx_err
links_open(struct rx_case *c, struct rx_session *s, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	size_t at = c->n - 1;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if (at == 0)
		return (RX_OK);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_CASE_LINKS, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	/* Newest first. */
	while (at > 0 && (rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		while (at > 0 && c->e[at].epoch > (uint32_t)rx_col_int(cur, 1))
			at--;
		if (at == 0 || c->e[at].epoch != (uint32_t)rx_col_int(cur, 1))
			continue;
		if ((rc = link_open(c, s, cur, at, st)) != RX_OK)
			break;
		at--;
	}
	rx_query_close(cur);
	return (rc != RX_OK ? rc : chain_whole(c, st));
}

/* Make room for the epochs before the first that has a row of its own. */
static rx_err
epochs_before(struct rx_case *c, struct rx_status *st)
{
	const uint32_t first = c->e[0].epoch;
	uint32_t i;

	if (first - 1 > RX_CASE_EPOCHS - c->n)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_CASE_EPOCHS));
	memmove(&c->e[first - 1], &c->e[0], c->n * sizeof(c->e[0]));
	memset(&c->e[0], 0, (first - 1) * sizeof(c->e[0]));
	for (i = 1; i < first; i++)
		c->e[i - 1].epoch = i;
	c->n += first - 1;
	return (RX_OK);
}

rx_err
rx_case_load(struct rx_case *c, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    unsigned comps, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	memcpy(c->id, id, RX_ID_BYTES);
	memcpy(c->unit, unit, RX_UNIT_BYTES);
	c->n = 0;
	c->used = 0;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_CASE_KEYS, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if (c->n == RX_CASE_EPOCHS) {
			rc = rx_fail(st, RX_EINTERNAL, RX_MSG_CASE_EPOCHS);
			break;
		}
		if ((rc = epoch_load(c, s, cur, comps, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	if (rc == RX_OK && c->n == 0)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_CASE_KEYS_MISSING);
	if (rc != RX_OK || c->e[0].epoch == 1)
		return (rc);
	if ((rc = epochs_before(c, st)) != RX_OK)
		return (rc);
	return (links_open(c, s, st));
}

/* Seal the newest keys of ${c} under its unit's newest, as a new row. */
static rx_err
wraps_insert(struct rx_case *c, struct rx_session *s, struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	uint8_t box[3][RX_ENV_KEY_BYTES];
	const struct rx_key *key;
	struct rx_place place;
	struct rx_value v[6];
	size_t k;
	rx_err rc;

	for (k = 0; k < 3; k++) {
		if ((rc = rx_unit_key(s, c->unit, rx_case_comp[k], 0, &key,
		    &c->under[k], st)) != RX_OK)
			return (rc);
		rx_wrap_place(&place, s, c->unit, c->id, k, e->epoch);
		if ((rc = rx_envelope_seal(box[k], key, RX_ENV_KEY,
		    rx_case_comp[k], c->under[k], &place, e->key[k]->b,
		    RX_KEY_BYTES, st)) != RX_OK)
			return (rc);
		v[3 + k] = rx_bytes(box[k], RX_ENV_KEY_BYTES);
	}
	v[0] = rx_bytes(c->id, RX_ID_BYTES);
	v[1] = rx_int(e->epoch);
	v[2] = rx_text(c->unit);
	return (rx_store_insert(s->store, RX_TABLE_CASE_KEY, v, st));
}

/* Add an epoch of random keys after the newest in memory. */
static rx_err
epoch_add(struct rx_case *c, struct rx_session *s, struct rx_status *st)
{
	struct rx_case_epoch *e;
	struct rx_key *mem;
	size_t k;
	rx_err rc;

	if (c->n == RX_CASE_EPOCHS)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_CASE_EPOCHS));
	e = &c->e[c->n];
	memset(e, 0, sizeof(*e));
	e->epoch = c->n == 0 ? 1 : c->e[c->n - 1].epoch + 1;
	for (k = 0; k < 3; k++) {
		if ((rc = take(c, s, &mem, st)) != RX_OK)
			return (rc);
		rx_random(mem->b, RX_KEY_BYTES);
		e->key[k] = mem;
	}
	c->n++;
	return (RX_OK);
}

rx_err
rx_case_create(struct rx_case *c, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_erased_refuse(s, id, st)) != RX_OK)
		return (rc);
	memcpy(c->id, id, RX_ID_BYTES);
	memcpy(c->unit, unit, RX_UNIT_BYTES);
	c->n = 0;
	c->used = 0;
	if ((rc = epoch_add(c, s, st)) != RX_OK)
		return (rc);
	return (wraps_insert(c, s, st));
}

rx_err
rx_case_stale(struct rx_case *c, struct rx_session *s, bool *stale,
    struct rx_status *st)
{
	uint32_t newest;
	size_t k;
	rx_err rc;

	*stale = false;
	for (k = 0; k < 3; k++) {
		if ((rc = rx_unit_newest(s, c->unit, rx_case_comp[k], &newest,
		    NULL, st)) != RX_OK)
			return (rc);
		*stale |= c->under[k] < newest;
	}
	return (RX_OK);
}

/* Seal the keys before the newest under these, as a row of case_link. */
static rx_err
link_insert(struct rx_case *c, struct rx_session *s, struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	const struct rx_case_epoch *before = &c->e[c->n - 2];
	uint8_t box[3][RX_ENV_KEY_BYTES];
	struct rx_place place;
	struct rx_value v[5];
	size_t k;
	rx_err rc;

	for (k = 0; k < 3; k++) {
		rx_link_place(&place, s, c->id, k, e->epoch);
		if ((rc = rx_envelope_seal(box[k], e->key[k], RX_ENV_KEY,
		    rx_case_comp[k], e->epoch, &place, before->key[k]->b,
		    RX_KEY_BYTES, st)) != RX_OK)
			return (rc);
		v[2 + k] = rx_bytes(box[k], RX_ENV_KEY_BYTES);
	}
	v[0] = rx_bytes(c->id, RX_ID_BYTES);
	v[1] = rx_int(e->epoch);
	return (rx_store_insert(s->store, RX_TABLE_CASE_LINK, v, st));
}

/* Seal new keys of the case under those of c->unit. */
static rx_err
renew(struct rx_case *c, struct rx_session *s, struct rx_status *st)
{
	const struct rx_case_epoch *old = &c->e[c->n - 1];
	struct rx_value key[2] = { rx_bytes(c->id, RX_ID_BYTES),
	    rx_int(old->epoch) };
	size_t k;
	rx_err rc;

	for (k = 0; k < 3; k++)
		if (old->key[k] == NULL)
			return (rx_fail(st, RX_EPERM, RX_MSG_CASE_CLOSED));
	if ((rc = epoch_add(c, s, st)) != RX_OK ||
	    (rc = link_insert(c, s, st)) != RX_OK ||
	    (rc = wraps_insert(c, s, st)) != RX_OK)
		return (rc);
	/* The link has what it held. */
	return (rx_store_delete(s->store, RX_TABLE_CASE_KEY, key, NULL, st));
}

rx_err
rx_case_renew(struct rx_case *c, struct rx_session *s, struct rx_status *st)
{
	rx_err rc;

	if ((rc = renew(c, s, st)) != RX_OK)
		return (rc);
	return (rx_transfer_follow(c, s, st));
}

rx_err
rx_case_move(struct rx_case *c, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], struct rx_status *st)
{

	memcpy(c->unit, unit, RX_UNIT_BYTES);
	return (renew(c, s, st));
}

rx_err
rx_case_load_given(struct rx_case *c, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], const char unit[RX_UNIT_BYTES],
    uint32_t epoch, const struct rx_key keys[3], struct rx_status *st)
{
	struct rx_key *mem;
	size_t k;
	rx_err rc;

	if ((rc = rx_case_load(c, s, id, unit, 0, st)) != RX_OK)
		return (rc);
	if (c->e[c->n - 1].epoch != epoch)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_TRANSFER_OVER));
	for (k = 0; k < 3; k++) {
		if ((rc = take(c, s, &mem, st)) != RX_OK)
			return (rc);
		*mem = keys[k];
		c->e[c->n - 1].key[k] = mem;
	}
	return (links_open(c, s, st));
}

/* ---- slots ---- */

rx_err
rx_case_load_slot(struct rx_case *c, struct rx_session *s, bool *opened,
    struct rx_status *st)
{
	struct rx_value args[2] = { rx_bytes(c->id, RX_ID_BYTES),
	    rx_bytes(s->user_id, RX_ID_BYTES) };
	struct rx_case_epoch *e = &c->e[c->n - 1];
	struct rx_secret *mem;
	struct rx_key *mem_key;
	struct rx_cursor *cur;
	struct rx_grant *g;
	const uint8_t *box;
	size_t k, n;
	bool row = false;
	rx_err rc;

	*opened = false;
	if ((rc = rx_secret_new(&mem, sizeof(*g), st)) != RX_OK)
		return (rc);
	g = (struct rx_grant *)(void *)mem->b;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_SLOT, args, 2, st)) !=
	    RX_OK)
		goto done;
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		box = rx_col_bytes(cur, 2, &n);
		rc = rx_grant_accept(s, g, box, n, c->unit, c->id, e->epoch,
		    SLOT_COMPS, st);
		if (rc == RX_OK && g->kind == RX_GRANT_OPEN) {
			for (k = 0; k < 2 && rc == RX_OK; k++)
				if ((rc = take(c, s, &mem_key, st)) == RX_OK) {
					*mem_key = g->keys[k];
					e->key[k] = mem_key;
				}
			*opened = rc == RX_OK;
		}
	}
	rx_query_close(cur);
	if (*opened)
		rc = links_open(c, s, st);
done:
	rx_secret_free(mem);
	return (rc);
}

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

/* The slot of members[first..], to be sealed. */
static void
slot_gather(struct rx_slot *w, const struct rx_case *c,
    const struct rx_session *s, size_t first, bool open)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	const struct rx_member *m = rx_member_newest(s, first);

	memset(w, 0, sizeof(*w));
	w->kind = open ? RX_GRANT_OPEN : RX_GRANT_CLOSED;
	if (open) {
		w->keys[0] = e->key[0];
		w->keys[1] = e->key[1];
	}
	rx_grant_context_set(&w->ctx, s, c->unit, c->id, e->epoch, SLOT_COMPS);
	memcpy(w->recipient, m->cert.user, RX_ID_BYTES);
	memcpy(w->box_public, m->cert.box_public, RX_BOX_PUBLIC_BYTES);
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

/* Remove the slots of people who supervise the case no longer. */
static rx_err
slots_prune(struct rx_case *c, struct rx_session *s, struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(c->id, RX_ID_BYTES) };
	struct rx_buf gone = RX_BUF_INIT;
	struct rx_cursor *cur;
	const uint8_t *who;
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
	return (rc);
}

rx_err
rx_slots_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    uint32_t *count, struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(id, RX_ID_BYTES) };
	struct rx_buf who = RX_BUF_INIT;
	size_t i;
	rx_err rc;

	rc = rx_query_ids(s->store, RX_Q_SLOTS_OF_CASE, key, 1, 1, &who, st);
	for (i = 0; i < who.len && rc == RX_OK; i += RX_ID_BYTES) {
		key[1] = rx_bytes(who.b + i, RX_ID_BYTES);
		++*count;
		rc = rx_store_delete(s->store, RX_TABLE_SLOT, key, NULL, st);
	}
	rx_buf_free(&who);
	return (rc);
}

size_t
rx_slots_closed(const struct rx_case *c, const struct rx_session *s,
    struct rx_slot *slots, size_t most)
{
	size_t i, n = 0;

	for (i = 0; i < s->nmembers && n < most; i = rx_member_next(s, i))
		if (supervises(s, i, c->unit) >= 0)
			slot_gather(&slots[n++], c, s, i, false);
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
slots_write(struct rx_case *c, struct rx_session *s, int from,
    struct rx_ahead *a, struct rx_aside *aside, struct rx_status *st)
{
	struct rx_slot w;
	size_t i;
	int level;
	rx_err rc;

	for (i = 0; i < s->nmembers; i = rx_member_next(s, i)) {
		if ((level = supervises(s, i, c->unit)) < 0)
			continue;
		slot_gather(&w, c, s, i, level >= from);
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

	return (slots_write(c, s, flagged ? review_level(s, c->unit, above) :
	    INT_MAX, NULL, aside, st));
}

rx_err
rx_slots_close(struct rx_case *c, struct rx_session *s, struct rx_ahead *a,
    struct rx_status *st)
{

	return (slots_write(c, s, INT_MAX, a, NULL, st));
}

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

/* Write the slots of the cases of ${unit} anew in which those of
 * members[first..] are not as they should be. */
static rx_err
slots_heal_one(struct rx_session *s, const char *unit, size_t first,
    struct rx_case *c, size_t *made, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	struct rx_case_state state;
	size_t i;
	rx_err rc;

	rc = slots_wrong(s, unit, s->members[first].cert.user,
	    supervises(s, first, unit) >= 0, &ids, st);
	if (ids.len > 0 && rc == RX_OK && !rx_store_in_transaction(s->store))
		rc = rx_begin(s, st);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES) {
		if ((rc = rx_case_load(c, s, ids.b + i, unit, RX_CASE_KEYS,
		    st)) != RX_OK ||
		    (rc = rx_case_state(s, c, &state, NULL, NULL, st)) != RX_OK)
			break;
		rc = rx_slots_write(c, s, state.flagged, state.above, NULL,
		    st);
		(*made)++;
	}
	rx_buf_free(&ids);
	return (rc);
}

rx_err
rx_slots_heal(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    size_t *made, struct rx_status *st)
{
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
	for (i = 0; i < s->nmembers && rc == RX_OK; i = rx_member_next(s, i))
		if (supervised(s, i, unit))
			rc = slots_heal_one(s, unit, i, &c, made, st);
	rx_case_done(&c, s);
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
    const uint8_t *id, const uint8_t *box, size_t n, struct rx_grant *g,
    struct rx_status *st)
{
	const struct rx_key *keys[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	uint8_t anew[RX_GRANT_BYTES];
	struct rx_grant_context ctx;
	char unit[RX_UNIT_BYTES] = "";
	struct rx_value v[3];
	uint32_t epoch;
	rx_err rc;

	if ((rc = case_where(s, id, unit, &epoch, st)) != RX_OK)
		return (rc);
	if ((rc = rx_grant_accept(s, g, box, n, unit, id, epoch, SLOT_COMPS,
	    st)) != RX_OK)
		return (rc);
	if (g->kind == RX_GRANT_OPEN) {
		keys[0] = &g->keys[0];
		keys[1] = &g->keys[1];
	}
	rx_grant_context_set(&ctx, s, unit, id, epoch, SLOT_COMPS);
	if ((rc = rx_grant_make(anew, &ctx, keys,
	    (enum rx_grant_kind)g->kind, s->user_id, s->id, to->box_public,
	    st)) != RX_OK)
		return (rc);
	v[0] = rx_bytes(id, RX_ID_BYTES);
	v[1] = rx_bytes(s->user_id, RX_ID_BYTES);
	v[2] = rx_bytes(anew, sizeof(anew));
	return (rx_store_replace(s->store, RX_TABLE_SLOT, v, st));
}

rx_err
rx_slots_rekey(struct rx_session *s, const struct rx_identity *to,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(s->user_id, RX_ID_BYTES);
	struct rx_buf rows = RX_BUF_INIT;
	struct rx_secret *mem;
	struct rx_cursor *cur;
	const size_t one = RX_ID_BYTES + RX_GRANT_BYTES;
	const void *id, *box;
	size_t i, n, nid;
	bool row = false;
	rx_err rc;

	if ((rc = rx_secret_new(&mem, sizeof(struct rx_grant), st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_SLOTS_TO, &arg, 1, st)) !=
	    RX_OK)
		goto done;
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		id = rx_col_bytes(cur, 0, &nid);
		box = rx_col_bytes(cur, 2, &n);
		if (nid != RX_ID_BYTES || n != RX_GRANT_BYTES) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT);
			break;
		}
		if ((rc = rx_buf_add(&rows, id, nid, st)) != RX_OK ||
		    (rc = rx_buf_add(&rows, box, n, st)) != RX_OK)
			break;
	}
	rx_query_close(cur);
	for (i = 0; i < rows.len && rc == RX_OK; i += one)
		rc = slot_rekey(s, to, rows.b + i, rows.b + i + RX_ID_BYTES,
		    RX_GRANT_BYTES, (struct rx_grant *)(void *)mem->b, st);
done:
	rx_buf_free(&rows);
	rx_secret_free(mem);
	return (rc);
}
