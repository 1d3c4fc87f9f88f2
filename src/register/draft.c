#include "register/save.h"

/*
 * Drafts: what a director is typing about a case, kept until it is saved as a
 * record.  They change every few seconds, so they are in no manifest and in no
 * audit: nothing is decided by them, and a draft that somebody puts back or
 * deletes costs its writer some typing.
 *
 * D = BLAKE2b-256(key = the user's seed, "runxin draft user v1\0")
 * place = BLAKE2b-128(key = D, "runxin draft place v1\0" || case id 16)
 * K = BLAKE2b-256(key = D, "runxin draft key v1\0" || the case's N key 32)
 *
 * A draft is a field (compartment N, epoch of the case key, padded as a note)
 * under K at: store, unit, object = place, subject = case, table draft, column
 * 2, version 1.  So nobody but its writer opens it, nobody at all when the case
 * is erased, and the table does not show on which case somebody writes.
 */

#define COL_SEALED 2

/* Where the draft of the session on case ${id} stands; D goes to scratch 0. */
static void
place_of(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    uint8_t place[RX_ID_BYTES])
{

	rx_hash(s->scratch[0]->b, RX_KEY_BYTES, s->blob->seed,
	    "runxin draft user v1", NULL, 0);
	rx_hash(place, RX_ID_BYTES, s->scratch[0]->b, "runxin draft place v1",
	    id, RX_ID_BYTES);
}

static void
forget_keys(struct rx_session *s)
{

	rx_wipe(s->scratch[0]->b, RX_KEY_BYTES);
	rx_wipe(s->scratch[1]->b, RX_KEY_BYTES);
}

/* Load the case of a draft; only who writes in it has drafts on it. */
static rx_err
load_case(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	if ((rc = rx_case_unit(s, id, unit, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, st)) != RX_OK)
		return (rc);
	return (rx_case_load(c, s, id, unit, RX_BIT(RX_COMP_NARRATIVE), st));
}

/* Make K of the case's epoch ${epoch} (0: the newest) in scratch 1. */
static rx_err
derive(struct rx_session *s, const struct rx_case *c, uint32_t *epoch,
    struct rx_place *where, struct rx_status *st)
{
	uint8_t place[RX_ID_BYTES];
	size_t i;

	place_of(s, c->id, place);
	rx_place_init(where, s, c->unit, place, c->id, RX_TABLE_DRAFT,
	    COL_SEALED, 1);
	for (i = c->n; i > 0; i--)
		if (*epoch == 0 || c->e[i - 1].epoch == *epoch) {
			*epoch = c->e[i - 1].epoch;
			rx_hash(s->scratch[1]->b, RX_KEY_BYTES,
			    s->scratch[0]->b, "runxin draft key v1",
			    c->e[i - 1].key[1]->b, RX_KEY_BYTES);
			return (RX_OK);
		}
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
}

/* In a transaction of its own, without an entry in the audit. */
static rx_err
commit(struct rx_session *s, rx_err rc, struct rx_status *st)
{

	if (rc == RX_OK)
		return (rx_store_commit(s->store, st));
	rx_store_rollback(s->store);
	return (rc);
}

rx_err
rx_draft_save(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const void *p, size_t n, struct rx_status *st)
{
	struct rx_buf box = RX_BUF_INIT;
	struct rx_place where;
	struct rx_value v[3];
	uint32_t epoch = 0;
	struct rx_case c;
	rx_err rc;

	rx_case_init(&c);
	if ((rc = load_case(s, &c, id, st)) != RX_OK ||
	    (rc = derive(s, &c, &epoch, &where, st)) != RX_OK ||
	    (rc = rx_field_seal(&box, s->scratch[1], RX_COMP_NARRATIVE, epoch,
	    &where, RX_PAD_NOTE, p, n, st)) != RX_OK ||
	    (rc = rx_store_begin(s->store, st)) != RX_OK)
		goto done;
	v[0] = rx_bytes(s->user_id, RX_ID_BYTES);
	v[1] = rx_bytes(where.object, RX_ID_BYTES);
	v[2] = rx_bytes(box.b, box.len);
	rc = commit(s, rx_store_replace(s->store, RX_TABLE_DRAFT, v, st), st);
done:
	forget_keys(s);
	rx_buf_free(&box);
	rx_case_done(&c, s);
	return (rc);
}

/* Read the sealed draft at ${place}. */
static rx_err
read_box(struct rx_session *s, const uint8_t place[RX_ID_BYTES],
    struct rx_buf *box, bool *found, struct rx_status *st)
{
	const struct rx_value arg[2] = {
		rx_bytes(s->user_id, RX_ID_BYTES), rx_bytes(place, RX_ID_BYTES)
	};
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	rx_err rc;

	*found = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_DRAFT, arg, 2, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, found, st)) == RX_OK && *found) {
		p = rx_col_bytes(cur, COL_SEALED, &n);
		rc = rx_buf_add(box, p, n, st);
	}
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_draft_places(struct rx_session *s, struct rx_buf *places,
    struct rx_status *st)
{
	const struct rx_value user = rx_bytes(s->user_id, RX_ID_BYTES);

	return (rx_query_ids(s->store, RX_Q_DRAFTS_OF_USER, &user, 1, 1,
	    places, st));
}

bool
rx_draft_among(struct rx_session *s, const struct rx_buf *places,
    const uint8_t id[RX_ID_BYTES])
{
	uint8_t place[RX_ID_BYTES];
	size_t i;

	place_of(s, id, place);
	forget_keys(s);
	for (i = 0; i + RX_ID_BYTES <= places->len; i += RX_ID_BYTES)
		if (memcmp(places->b + i, place, RX_ID_BYTES) == 0)
			return (true);
	return (false);
}

rx_err
rx_draft_load(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_buf *out, bool *found, struct rx_status *st)
{
	struct rx_buf box = RX_BUF_INIT;
	uint8_t place[RX_ID_BYTES];
	struct rx_place where;
	struct rx_case c;
	uint32_t epoch;
	rx_err rc;

	*found = false;
	rx_case_init(&c);
	place_of(s, id, place);
	if ((rc = load_case(s, &c, id, st)) != RX_OK ||
	    (rc = read_box(s, place, &box, found, st)) != RX_OK || !*found)
		goto done;
	/* Epoch 0, no box at all, is nobody's. */
	if ((epoch = rx_envelope_epoch(box.b, box.len)) == 0)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
	else if ((rc = derive(s, &c, &epoch, &where, st)) == RX_OK)
		rc = rx_field_open(out, box.b, box.len, s->scratch[1],
		    RX_COMP_NARRATIVE, &where, st);
	if (rc != RX_OK)
		*found = false;
done:
	forget_keys(s);
	rx_buf_free(&box);
	rx_case_done(&c, s);
	return (rc);
}

rx_err
rx_draft_delete(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	uint8_t place[RX_ID_BYTES];
	struct rx_value key[2];

	place_of(s, id, place);
	forget_keys(s);
	key[0] = rx_bytes(s->user_id, RX_ID_BYTES);
	key[1] = rx_bytes(place, RX_ID_BYTES);
	return (rx_store_delete(s->store, RX_TABLE_DRAFT, key, NULL, st));
}

rx_err
rx_draft_drop(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_store_begin(s->store, st)) != RX_OK)
		return (rc);
	return (commit(s, rx_draft_delete(s, id, st), st));
}

rx_err
rx_drafts_forget(struct rx_session *s, struct rx_status *st)
{
	struct rx_value key[2] = { rx_bytes(s->user_id, RX_ID_BYTES) };
	struct rx_buf places = RX_BUF_INIT;
	size_t i;
	rx_err rc;

	rc = rx_draft_places(s, &places, st);
	for (i = 0; i < places.len && rc == RX_OK; i += RX_ID_BYTES) {
		key[1] = rx_bytes(places.b + i, RX_ID_BYTES);
		rc = rx_store_delete(s->store, RX_TABLE_DRAFT, key, NULL, st);
	}
	rx_buf_free(&places);
	/* It is sealed under the same seed. */
	if (rc == RX_OK)
		rc = rx_kept_forget(s, s->user_id, st);
	return (rc);
}
