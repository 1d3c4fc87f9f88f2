#include <stdlib.h>

#include "register/save.h"

/*
 * Sealing ahead.  Signing and sealing a record takes longer than all else that
 * an import does with it, and needs nothing but its bytes and keys: so it is
 * done by other threads (ring.c), while the one that has the register reads the
 * next lines.  Only that thread asks the store, takes memory and inserts, in the
 * order in which the records came; when the ring is full it lends a hand.  So are
 * the closed slots of the cases, an X25519 box each, when all records are in.
 */

#define RING 128
#define WAKE 16			/* rows that wait before a thread is woken */

struct slot {
	bool closed;		/* ${slot}, not ${row}, is sealed */
	struct rx_sealing row;
	struct rx_key *key;	/* three: copies, as the case goes on */
	struct rx_slot slot;
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
	struct rx_status st;

	rx_status_clear(&st);
	if (a->slot[i].closed)
		return (rx_slot_seal(&a->slot[i].slot, a->s, &st));
	return (rx_sealing_seal(&a->slot[i].row, a->s, &st));
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
	if (rc != RX_OK)
		return (rx_fail(st, rc, RX_MSG_INTERNAL));
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
