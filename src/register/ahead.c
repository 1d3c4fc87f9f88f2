#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "crypto/lot.h"
#include "register/save.h"

/*
 * Sealing ahead.  Sealing a record takes longer than all else that an import does
 * with it, and needs nothing but its bytes and keys: so it is done by other threads
 * (ring.c), a lot at a time, which shares one signature (crypto/lot.h), while the one
 * that has the register reads the next lines.  Only that thread asks the store, takes
 * memory and inserts, in the order in which the records came; when the ring is full
 * it lends a hand.  So are the closed slots of the cases, an X25519 box each, when
 * all records are in.
 *
 * Of a single record it can be foreseen what will be sealed: most are new, and most
 * cases are without a flag, before and after.  So the record and the closed slots are
 * sealed by another thread while the case is read and the record is checked against
 * it; what comes out otherwise is sealed again, in its turn.
 */

#define RING 8			/* lots */
#define WAKE 1
#define KEYS 3			/* of a slot */

struct slot {
	struct rx_sealing row;
	struct rx_key *key;	/* copies, as the case goes on */
	struct rx_slot slot;
};

struct lot {
	bool closed;		/* the slots, not the rows, are sealed */
	size_t n;
	struct slot slot[RX_LOT];
	struct rx_manifest counted;	/* what the rows add to the manifest */
	struct rx_status why;	/* it was not sealed */
};

struct rx_ahead {
	struct rx_session *s;
	struct rx_secret *keys;		/* of all slots */
	struct rx_ring *ring;
	bool filling;			/* the next lot has something */
	struct lot lot[RING];
};

static rx_err
seal(void *cookie, size_t i)
{
	struct rx_ahead *a = cookie;
	struct rx_sealing *row[RX_LOT];
	struct lot *lot = &a->lot[i];
	size_t k;
	rx_err rc = RX_OK;

	rx_status_clear(&lot->why);
	for (k = 0; lot->closed && k < lot->n && rc == RX_OK; k++)
		rc = rx_slot_seal(&lot->slot[k].slot, a->s, &lot->why);
	if (lot->closed)
		return (rc);
	for (k = 0; k < lot->n; k++)
		row[k] = &lot->slot[k].row;
	return (rx_sealing_seal_lot(row, lot->n, a->s, &lot->counted,
	    &lot->why));
}

rx_err
rx_ahead_new(struct rx_ahead **out, struct rx_session *s, struct rx_status *st)
{
	struct rx_ahead *a;
	struct rx_key *key;
	size_t i, k;
	rx_err rc;

	*out = NULL;
	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	a->s = s;
	for (i = 0; i < RING; i++)
		for (k = 0; k < RX_LOT; k++)
			rx_sealing_init(&a->lot[i].slot[k].row);
	if ((rc = rx_secret_new(&a->keys, RING * RX_LOT * KEYS * sizeof(*key),
	    st)) != RX_OK)
		goto err1;
	key = (struct rx_key *)(void *)a->keys->b;
	for (i = 0; i < RING; i++)
		for (k = 0; k < RX_LOT; k++, key += KEYS)
			a->lot[i].slot[k].key = key;
	if ((rc = rx_ring_new(&a->ring, RING, WAKE, seal, a, st)) != RX_OK)
		goto err1;

	/* Success! */
	*out = a;
	return (RX_OK);

err1:
	rx_ahead_free(a);
	/* Failure! */
	return (rc);
}

void
rx_ahead_free(struct rx_ahead *a)
{
	size_t i, k;

	if (a == NULL)
		return;
	rx_ring_free(a->ring);
	for (i = 0; i < RING; i++)
		for (k = 0; k < RX_LOT; k++)
			rx_sealing_free(&a->lot[i].slot[k].row);
	rx_secret_free(a->keys);
	free(a);
}

static rx_err
insert(struct rx_ahead *a, const struct lot *lot, struct rx_status *st)
{
	size_t k;
	rx_err rc = RX_OK;

	for (k = 0; k < lot->n && rc == RX_OK; k++)
		rc = lot->closed ?
		    rx_slot_insert(&lot->slot[k].slot, a->s, st) :
		    rx_sealing_insert_counted(&lot->slot[k].row, a->s, st);
	return (rc == RX_OK && !lot->closed ?
	    rx_store_count(a->s->store, &lot->counted, lot->n, st) : rc);
}

/* Insert the oldest lot, when it is sealed; *more is false when there is none. */
static rx_err
insert_oldest(struct rx_ahead *a, bool *more, struct rx_status *st)
{
	size_t i;
	rx_err rc;

	if (!(*more = rx_ring_take(a->ring, &i, &rc)))
		return (RX_OK);
	if (rc != RX_OK) {
		*st = a->lot[i].why;
		return (rc);
	}
	return (insert(a, &a->lot[i], st));
}

/* Hand on the lot that is being filled. */
static void
hand_on(struct rx_ahead *a)
{

	if (a->filling)
		rx_ring_put(a->ring);
	a->filling = false;
}

/* The lot that the next row, or ${closed} slot, comes into, with room for it. */
static rx_err
lot_open(struct rx_ahead *a, bool closed, struct lot **out,
    struct rx_status *st)
{
	struct lot *lot = &a->lot[rx_ring_next(a->ring)];
	bool more;
	rx_err rc;

	if (a->filling && (lot->n == RX_LOT || lot->closed != closed))
		hand_on(a);
	if (!a->filling) {
		if (rx_ring_full(a->ring) &&
		    (rc = insert_oldest(a, &more, st)) != RX_OK)
			return (rc);
		lot = &a->lot[rx_ring_next(a->ring)];
		lot->n = 0;
		lot->closed = closed;
		a->filling = true;
	}
	*out = lot;
	return (RX_OK);
}

rx_err
rx_ahead_drain(struct rx_ahead *a, struct rx_status *st)
{
	bool more = true;
	rx_err rc = RX_OK;

	hand_on(a);
	while (rc == RX_OK && more)
		rc = insert_oldest(a, &more, st);
	return (rc);
}

/* The keys of the case change hands with the next record. */
static void
keep_keys(struct slot *slot)
{
	struct rx_sealing *w = &slot->row;
	size_t k;

	for (k = 0; k < KEYS; k++)
		if (w->key[k] != NULL) {
			slot->key[k] = *w->key[k];
			w->key[k] = &slot->key[k];
		}
}

rx_err
rx_ahead_put(struct rx_ahead *a, const struct rx_case *c,
    const struct rx_record *r, const uint8_t tag[RX_ID_BYTES],
    struct rx_status *st)
{
	struct lot *lot = NULL;
	struct slot *slot;
	rx_err rc;

	if ((rc = lot_open(a, false, &lot, st)) != RX_OK)
		return (rc);
	slot = &lot->slot[lot->n];
	if ((rc = rx_sealing_gather(&slot->row, a->s, c, r, tag, st)) != RX_OK)
		return (rc);
	keep_keys(slot);
	lot->n++;
	return (RX_OK);
}

rx_err
rx_ahead_slot(struct rx_ahead *a, const struct rx_slot *w,
    struct rx_status *st)
{
	struct lot *lot = NULL;
	rx_err rc;

	if ((rc = lot_open(a, true, &lot, st)) != RX_OK)
		return (rc);
	lot->slot[lot->n++].slot = *w;
	return (RX_OK);
}

/* ---- one record ---- */

struct rx_aside {
	struct rx_session *s;
	pthread_t thread;
	bool running, waited;
	sem_t done;			/* the row is */
	struct rx_sealing row;
	rx_err rc;			/* of the row */
	atomic_bool stop;		/* nothing more is wanted */
	size_t n, sealed;		/* sealed: when the thread has ended */
	struct rx_slot slot[RX_ASIDE_SLOTS];
};

static void *
aside_main(void *cookie)
{
	struct rx_aside *a = cookie;
	struct rx_status st;

	rx_status_clear(&st);
	if (a->rc == RX_OK)
		a->rc = rx_sealing_seal(&a->row, a->s, &st);
	(void)sem_post(&a->done);
	while (!a->stop && a->sealed < a->n &&
	    rx_slot_seal(&a->slot[a->sealed], a->s, &st) == RX_OK)
		a->sealed++;
	return (NULL);
}

void
rx_aside_start(struct rx_aside **out, struct rx_session *s,
    const struct rx_case *c, const struct rx_record *r)
{
	uint8_t tag[RX_ID_BYTES];
	struct rx_aside *a;
	struct rx_status st;

	*out = NULL;
	if ((a = calloc(1, sizeof(*a))) == NULL)
		return;
	a->s = s;
	(void)sem_init(&a->done, 0, 0);
	rx_status_clear(&st);
	rx_sealing_init(&a->row);
	if ((a->rc = rx_tag(s, r->unit, r->type, rx_record_text(r,
	    RX_F_CALLER_ID), tag, &st)) == RX_OK)
		a->rc = rx_sealing_gather(&a->row, s, c, r, tag, &st);
	a->n = rx_slots_closed(c, s, a->slot, RX_ASIDE_SLOTS);
	a->running = pthread_create(&a->thread, NULL, aside_main, a) == 0;
	if (a->running)
		*out = a;
	else
		rx_aside_free(a);
}

const struct rx_sealing *
rx_aside_row(struct rx_aside *a, const struct rx_case *c,
    const struct rx_record *r)
{

	if (a == NULL)
		return (NULL);
	while (!a->waited)	/* once more, if a signal came */
		a->waited = sem_wait(&a->done) == 0;
	return (a->rc == RX_OK && rx_sealing_is(&a->row, c, r) ? &a->row :
	    NULL);
}

static void
aside_join(struct rx_aside *a)
{

	if (a->running)
		(void)pthread_join(a->thread, NULL);
	a->running = false;
}

bool
rx_aside_slot(struct rx_aside *a, struct rx_slot *w)
{
	size_t i;

	if (a == NULL || w->kind != RX_GRANT_CLOSED)
		return (false);
	aside_join(a);
	for (i = 0; i < a->sealed; i++)
		if (rx_slot_same(&a->slot[i], w)) {
			memcpy(w->box, a->slot[i].box, sizeof(w->box));
			return (true);
		}
	return (false);
}

void
rx_aside_free(struct rx_aside *a)
{

	if (a == NULL)
		return;
	a->stop = true;
	aside_join(a);
	(void)sem_destroy(&a->done);
	rx_sealing_free(&a->row);
	free(a);
}
