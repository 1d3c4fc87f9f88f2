#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/*
 * A case: its keys, wrapped under the keys of its unit, and those before them.
 */

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

const struct rx_case_epoch *
rx_case_of_epoch(const struct rx_case *c, uint32_t epoch)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->e[i].epoch == epoch)
			return (&c->e[i]);
	return (NULL);
}

rx_err
rx_case_take(struct rx_case *c, struct rx_session *s, struct rx_key **key,
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
		    (rc = rx_case_take(c, s, &mem, st)) != RX_OK)
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
		if ((rc = rx_case_take(c, s, &mem, st)) != RX_OK ||
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

rx_err
rx_case_links_open(struct rx_case *c, struct rx_session *s,
    struct rx_status *st)
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
	return (rx_case_links_open(c, s, st));
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
		if ((rc = rx_case_take(c, s, &mem, st)) != RX_OK)
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
	if ((rc = epoch_add(c, s, st)) != RX_OK ||
	    (rc = wraps_insert(c, s, st)) != RX_OK)
		return (rc);
	return (rx_slot_keys_put(c, s, st));
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
	    (rc = wraps_insert(c, s, st)) != RX_OK ||
	    (rc = rx_slot_keys_put(c, s, st)) != RX_OK)
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
		if ((rc = rx_case_take(c, s, &mem, st)) != RX_OK)
			return (rc);
		*mem = keys[k];
		c->e[c->n - 1].key[k] = mem;
	}
	return (rx_case_links_open(c, s, st));
}
