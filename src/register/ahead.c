#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "register/save.h"

/*
 * Sealing ahead.  Signing and sealing a record takes longer than all else that
 * an import does with it, and needs nothing but its bytes and keys: so it is
 * done by other threads, while the one that has the register reads the next
 * lines.  Only that thread asks the store, takes memory and inserts, in the
 * order in which the records came; when the ring is full it lends a hand.
 */

#define RING 128
#define WAKE 16			/* rows that wait before a thread is woken */
#define THREADS_MOST 3

struct slot {
	struct rx_sealing row;
	struct rx_key *key;	/* three: copies, as the case goes on */
	bool sealed;
	rx_err rc;
};

struct rx_ahead {
	struct rx_session *s;
	struct rx_secret *keys;		/* of all slots */
	size_t nthreads;
	pthread_t thread[THREADS_MOST];
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t work, done;
	bool stop;
	size_t head, next, tail;	/* to be inserted, sealed, put; counted
					 * from the start, modulo RING */
	struct slot slot[RING];
};

/* Seal the next row; the lock is held, but not meanwhile. */
static void
seal_next(struct rx_ahead *a)
{
	struct slot *slot = &a->slot[a->next++ % RING];
	struct rx_status st;

	(void)pthread_mutex_unlock(&a->lock);
	rx_status_clear(&st);
	slot->rc = rx_sealing_seal(&slot->row, a->s, &st);
	(void)pthread_mutex_lock(&a->lock);
	slot->sealed = true;
}

static void *
thread_main(void *cookie)
{
	struct rx_ahead *a = cookie;

	(void)pthread_mutex_lock(&a->lock);
	for (;;) {
		while (!a->stop && a->next == a->tail)
			(void)pthread_cond_wait(&a->work, &a->lock);
		if (a->stop)
			break;
		seal_next(a);
		(void)pthread_cond_signal(&a->done);
	}
	(void)pthread_mutex_unlock(&a->lock);
	return (NULL);
}

/* One thread a processor, this one counted; without any it works as well. */
static void
threads_start(struct rx_ahead *a)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	while (a->nthreads < THREADS_MOST && (long)a->nthreads + 1 < cpus &&
	    pthread_create(&a->thread[a->nthreads], NULL, thread_main, a) == 0)
		a->nthreads++;
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
	if ((rc = rx_secret_new(&a->keys, RING * 3 * sizeof(struct rx_key),
	    st)) != RX_OK) {
		free(a);
		return (rc);
	}
	a->s = s;
	for (i = 0; i < RING; i++) {
		rx_sealing_init(&a->slot[i].row);
		a->slot[i].key = (struct rx_key *)(void *)a->keys->b + 3 * i;
	}
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->work, NULL);
	(void)pthread_cond_init(&a->done, NULL);
	threads_start(a);
	*out = a;
	return (RX_OK);
}

void
rx_ahead_free(struct rx_ahead *a)
{
	size_t i;

	if (a == NULL)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->stop = true;
	(void)pthread_cond_broadcast(&a->work);
	(void)pthread_mutex_unlock(&a->lock);
	for (i = 0; i < a->nthreads; i++)
		(void)pthread_join(a->thread[i], NULL);
	(void)pthread_mutex_destroy(&a->lock);
	(void)pthread_cond_destroy(&a->work);
	(void)pthread_cond_destroy(&a->done);
	for (i = 0; i < RING; i++)
		rx_sealing_free(&a->slot[i].row);
	rx_secret_free(a->keys);
	free(a);
}

/* Insert the oldest row, when it is sealed. */
static rx_err
insert_oldest(struct rx_ahead *a, struct rx_status *st)
{
	struct slot *slot = &a->slot[a->head % RING];
	rx_err rc;

	(void)pthread_mutex_lock(&a->lock);
	while (!slot->sealed)
		if (a->next != a->tail)
			seal_next(a);
		else
			(void)pthread_cond_wait(&a->done, &a->lock);
	rc = slot->rc;
	(void)pthread_mutex_unlock(&a->lock);
	a->head++;
	if (rc != RX_OK)
		return (rx_fail(st, rc, RX_MSG_INTERNAL));
	return (rx_sealing_insert(&slot->row, a->s, st));
}

rx_err
rx_ahead_drain(struct rx_ahead *a, struct rx_status *st)
{
	rx_err rc = RX_OK;

	while (rc == RX_OK && a->head != a->tail)
		rc = insert_oldest(a, st);
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
	struct slot *slot;
	rx_err rc;

	if (a->tail - a->head == RING && (rc = insert_oldest(a, st)) != RX_OK)
		return (rc);
	slot = &a->slot[a->tail % RING];
	if ((rc = rx_sealing_gather(&slot->row, a->s, c, r, st)) != RX_OK)
		return (rc);
	keep_keys(slot);
	(void)pthread_mutex_lock(&a->lock);
	slot->sealed = false;
	a->tail++;
	if (a->tail - a->next >= WAKE)
		(void)pthread_cond_signal(&a->work);
	(void)pthread_mutex_unlock(&a->lock);
	return (RX_OK);
}
