#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "register/save.h"

/*
 * Sealing ahead.  Signing and sealing a record takes longer than all else that
 * an import does with it, and needs nothing but its bytes and keys: so it is
 * done by other threads (ring.c), while the one that has the register reads the
 * next lines.  Only that thread asks the store, takes memory and inserts, in the
 * order in which the records came; when the ring is full it lends a hand.  So are
 * the closed slots of the cases, an X25519 box each, when all records are in.
 *
 * Of a single record it can be foreseen what will be sealed: most are new, and most
 * cases are without a flag, before and after.  So the record and the closed slots are
 * sealed by another thread while the case is read and the record is checked against
 * it; what comes out otherwise is sealed again, in its turn.
 */

#define RING 128
#define WAKE 16			/* rows that wait before a thread is woken */

struct slot {
	bool closed;		/* ${slot}, not ${row}, is sealed */
	struct rx_sealing row;
	struct rx_key *key;	/* three: copies, as the case goes on */
	struct rx_slot slot;
	struct rx_status why;	/* it was not sealed */
};

struct rx_ahead {
	struct rx_session *s;
	struct rx_secret *keys;		/* of all slots */
	struct rx_ring *ring;
	struct slot slot[RING];
};

static rx_err
seal(void *cookie, size_t i)
{
	struct rx_ahead *a = cookie;
	struct slot *slot = &a->slot[i];

	rx_status_clear(&slot->why);
	if (slot->closed)
		return (rx_slot_seal(&slot->slot, a->s, &slot->why));
	return (rx_sealing_seal(&slot->row, a->s, &slot->why));
}

rx_err
rx_ahead_new(struct rx_ahead **out, struct rx_session *s, struct rx_status *st)
{
	struct rx_ahead *a;
	size_t i;
	rx_err rc;

	*out = NULL;
	if ((a = calloc(1, sizeof(*a))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	a->s = s;
	for (i = 0; i < RING; i++)
		rx_sealing_init(&a->slot[i].row);
	if ((rc = rx_secret_new(&a->keys, RING * 3 * sizeof(struct rx_key),
	    st)) != RX_OK)
		goto err1;
	for (i = 0; i < RING; i++)
		a->slot[i].key = (struct rx_key *)(void *)a->keys->b + 3 * i;
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
	size_t i;

	if (a == NULL)
		return;
	rx_ring_free(a->ring);
	for (i = 0; i < RING; i++)
		rx_sealing_free(&a->slot[i].row);
	rx_secret_free(a->keys);
	free(a);
}

/* Insert the oldest row, when it is sealed; *more is false when there is none. */
static rx_err
insert_oldest(struct rx_ahead *a, bool *more, struct rx_status *st)
{
	size_t i;
	rx_err rc;

	if (!(*more = rx_ring_take(a->ring, &i, &rc)))
		return (RX_OK);
	if (rc != RX_OK) {
		*st = a->slot[i].why;
		return (rc);
	}
	if (a->slot[i].closed)
		return (rx_slot_insert(&a->slot[i].slot, a->s, st));
	return (rx_sealing_insert(&a->slot[i].row, a->s, st));
}

/* The next place in the ring, free. */
static rx_err
place(struct rx_ahead *a, struct slot **out, struct rx_status *st)
{
	bool more;
	rx_err rc;

	if (rx_ring_full(a->ring) &&
	    (rc = insert_oldest(a, &more, st)) != RX_OK)
		return (rc);
	*out = &a->slot[rx_ring_next(a->ring)];
	return (RX_OK);
}

rx_err
rx_ahead_drain(struct rx_ahead *a, struct rx_status *st)
{
	bool more = true;
	rx_err rc = RX_OK;

	while (rc == RX_OK && more)
		rc = insert_oldest(a, &more, st);
	return (rc);
}

/* The keys of the case change hands with the next record. */
static void
keep_keys(struct slot *slot)
{
	size_t k;

	for (k = 0; k < 3; k++)
		if (slot->row.key[k] != NULL) {
			slot->key[k] = *slot->row.key[k];
			slot->row.key[k] = &slot->key[k];
		}
}

rx_err
rx_ahead_put(struct rx_ahead *a, const struct rx_case *c,
    const struct rx_record *r, struct rx_status *st)
{
	struct slot *slot = NULL;
	rx_err rc;

	if ((rc = place(a, &slot, st)) != RX_OK ||
	    (rc = rx_sealing_gather(&slot->row, a->s, c, r, st)) != RX_OK)
		return (rc);
	keep_keys(slot);
	slot->closed = false;
	rx_ring_put(a->ring);
	return (RX_OK);
}

rx_err
rx_ahead_slot(struct rx_ahead *a, const struct rx_slot *w,
    struct rx_status *st)
{
	struct slot *slot = NULL;
	rx_err rc;

	if ((rc = place(a, &slot, st)) != RX_OK)
		return (rc);
	slot->slot = *w;
	slot->closed = true;
	rx_ring_put(a->ring);
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
	struct rx_aside *a;
	struct rx_status st;

	*out = NULL;
	if ((a = calloc(1, sizeof(*a))) == NULL)
		return;
	a->s = s;
	(void)sem_init(&a->done, 0, 0);
	rx_status_clear(&st);
	rx_sealing_init(&a->row);
	a->rc = rx_sealing_gather(&a->row, s, c, r, &st);
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
	while (!a->waited && sem_wait(&a->done) != 0)
		continue;	/* a signal came */
	a->waited = true;
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
