#include "register/save.h"

/*
 * Running tallies: what a statistician has counted for a form, kept so that the
 * next count has only to add what is new.  They lie beside the drafts and are
 * sealed like these, to their maker alone; they are in no manifest and in no
 * audit, as nothing rests on them: one that is gone or is not whole is counted
 * anew, and an old one that somebody puts back names a moment from which the
 * register still tells what came since (since.c).
 *
 * D = BLAKE2b-256(key = the user's seed, "runxin tally user v1\0")
 * question = unit 16 || from 4 || to 4
 * K = BLAKE2b-256(key = D, "runxin tally key v1\0" || question)
 * shelf = the first byte of K, modulo SHELVES
 * place = BLAKE2b-128(key = D, "runxin tally place v1\0" || shelf 1)
 *
 * A tally is a field (compartment C, epoch FORMAT, padded as a note) under K at:
 * store, unit, object = place, table draft, column 2, version FORMAT.  A user has
 * SHELVES of them at the most: a question that comes to the shelf of another
 * takes its place.
 */

#define COL_SEALED 2
#define SHELVES 16
#define FORMAT 1
#define QUESTION_BYTES (RX_UNIT_BYTES + 8)

/* Where the answer to the question lies; K goes to scratch 1. */
static void
shelf_of(struct rx_session *s, const char *unit, int32_t from, int32_t to,
    struct rx_place *where)
{
	uint8_t question[QUESTION_BYTES], place[RX_ID_BYTES], shelf;

	memcpy(question, unit, RX_UNIT_BYTES);
	rx_put32(question + RX_UNIT_BYTES, (uint32_t)from);
	rx_put32(question + RX_UNIT_BYTES + 4, (uint32_t)to);
	rx_hash(s->scratch[0]->b, RX_KEY_BYTES, s->blob->seed,
	    "runxin tally user v1", NULL, 0);
	rx_hash(s->scratch[1]->b, RX_KEY_BYTES, s->scratch[0]->b,
	    "runxin tally key v1", question, sizeof(question));
	shelf = s->scratch[1]->b[0] % SHELVES;
	rx_hash(place, RX_ID_BYTES, s->scratch[0]->b, "runxin tally place v1",
	    &shelf, 1);
	rx_place_init(where, s, unit, place, NULL, RX_TABLE_DRAFT, COL_SEALED,
	    FORMAT);
}

static void
forget_keys(struct rx_session *s)
{

	rx_wipe(s->scratch[0]->b, RX_KEY_BYTES);
	rx_wipe(s->scratch[1]->b, RX_KEY_BYTES);
}

rx_err
rx_running_save(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, const void *p, size_t n, struct rx_status *st)
{
	struct rx_buf box = RX_BUF_INIT;
	struct rx_place where;
	struct rx_value v[3];
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_COUNT, unit, st)) != RX_OK)
		return (rc);
	shelf_of(s, unit, from, to, &where);
	rc = rx_field_seal(&box, s->scratch[1], RX_COMP_CODED, FORMAT, &where,
	    RX_PAD_NOTE, p, n, st);
	forget_keys(s);
	rx_store_patient(s->store, false);	/* nobody waits for it */
	if (rc != RX_OK || (rc = rx_store_begin(s->store, st)) != RX_OK)
		goto done;
	v[0] = rx_bytes(s->user_id, RX_ID_BYTES);
	v[1] = rx_bytes(where.object, RX_ID_BYTES);
	v[2] = rx_bytes(box.b, box.len);
	if ((rc = rx_store_replace(s->store, RX_TABLE_DRAFT, v, st)) == RX_OK)
		rc = rx_store_commit(s->store, st);
	else
		rx_store_rollback(s->store);
done:
	rx_store_patient(s->store, true);
	rx_buf_free(&box);
	return (rc);
}

rx_err
rx_running_load(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, struct rx_buf *out, bool *found,
    struct rx_status *st)
{
	struct rx_status why;
	struct rx_value args[2];
	struct rx_place where;
	struct rx_cursor *cur;
	const uint8_t *box;
	size_t n;
	rx_err rc;

	*found = false;
	if ((rc = rx_permit(s, RX_ACT_COUNT, unit, st)) != RX_OK)
		return (rc);
	shelf_of(s, unit, from, to, &where);
	args[0] = rx_bytes(s->user_id, RX_ID_BYTES);
	args[1] = rx_bytes(where.object, RX_ID_BYTES);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_DRAFT, args, 2, st)) ==
	    RX_OK) {
		rx_status_clear(&why);
		if ((rc = rx_query_next(cur, found, st)) == RX_OK && *found) {
			box = rx_col_bytes(cur, COL_SEALED, &n);
			*found = rx_field_open(out, box, n, s->scratch[1],
			    RX_COMP_CODED, &where, &why) == RX_OK;
		}
		rx_query_close(cur);
	}
	forget_keys(s);
	return (rc);
}
