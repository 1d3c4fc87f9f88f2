#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "register/internal.h"

#define THREADS_MOST 3

struct slot {
	bool done;
	rx_err rc;
};

struct rx_ring {
	rx_err (*work)(void *, size_t);
	void *cookie;
	size_t n, wake;
	size_t nthreads;
	pthread_t thread[THREADS_MOST];
	pthread_mutex_t lock;		/* of what follows */
	pthread_cond_t more, done;
	bool stop;
	size_t head, next, tail;	/* to be taken, worked on, put; counted
					 * from the start, modulo n */
	struct slot *slot;
};

/* Do the next; the lock is held, but not meanwhile. */
static void
work_next(struct rx_ring *r)
{
	const size_t i = r->next++ % r->n;
	rx_err rc;

	(void)pthread_mutex_unlock(&r->lock);
	rc = r->work(r->cookie, i);
	(void)pthread_mutex_lock(&r->lock);
	r->slot[i].rc = rc;
	r->slot[i].done = true;
}

static void *
thread_main(void *cookie)
{
	struct rx_ring *r = cookie;

	(void)pthread_mutex_lock(&r->lock);
	for (;;) {
		while (!r->stop && r->next == r->tail)
			(void)pthread_cond_wait(&r->more, &r->lock);
		if (r->stop)
			break;
		work_next(r);
		(void)pthread_cond_signal(&r->done);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return (NULL);
}

/* One thread a processor, this one counted; without any it works as well. */
static void
threads_start(struct rx_ring *r)
{
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	while (r->nthreads < THREADS_MOST && (long)r->nthreads + 1 < cpus &&
	    pthread_create(&r->thread[r->nthreads], NULL, thread_main, r) == 0)
		r->nthreads++;
}

rx_err
rx_ring_new(struct rx_ring **out, size_t n, size_t wake,
    rx_err (*work)(void *, size_t), void *cookie, struct rx_status *st)
{
	struct rx_ring *r;

	*out = NULL;
	if ((r = calloc(1, sizeof(*r))) == NULL ||
	    (r->slot = calloc(n, sizeof(*r->slot))) == NULL) {
		free(r);
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	r->work = work;
	r->cookie = cookie;
	r->n = n;
	r->wake = wake;
	(void)pthread_mutex_init(&r->lock, NULL);
	(void)pthread_cond_init(&r->more, NULL);
	(void)pthread_cond_init(&r->done, NULL);
	threads_start(r);
	*out = r;
	return (RX_OK);
}

void
rx_ring_free(struct rx_ring *r)
{
	size_t i;

	if (r == NULL)
		return;
	(void)pthread_mutex_lock(&r->lock);
	r->stop = true;
	(void)pthread_cond_broadcast(&r->more);
	(void)pthread_mutex_unlock(&r->lock);
	for (i = 0; i < r->nthreads; i++)
		(void)pthread_join(r->thread[i], NULL);
	(void)pthread_mutex_destroy(&r->lock);
	(void)pthread_cond_destroy(&r->more);
	(void)pthread_cond_destroy(&r->done);
	free(r->slot);
	free(r);
}

bool
rx_ring_full(const struct rx_ring *r)
{

	return (r->tail - r->head == r->n);
}

size_t
rx_ring_next(const struct rx_ring *r)
{

	return (r->tail % r->n);
}

void
rx_ring_put(struct rx_ring *r)
{

	(void)pthread_mutex_lock(&r->lock);
	r->slot[r->tail % r->n].done = false;
	r->tail++;
	if (r->tail - r->next >= r->wake)
		(void)pthread_cond_signal(&r->more);
	(void)pthread_mutex_unlock(&r->lock);
}

bool
rx_ring_take(struct rx_ring *r, size_t *slot, rx_err *rc)
{

	if (r->head == r->tail)
		return (false);
	*slot = r->head % r->n;
	(void)pthread_mutex_lock(&r->lock);
	while (!r->slot[*slot].done)
		if (r->next != r->tail)
			work_next(r);
		else
			(void)pthread_cond_wait(&r->done, &r->lock);
	*rc = r->slot[*slot].rc;
	(void)pthread_mutex_unlock(&r->lock);
	r->head++;
	return (true);
}
