#include <sys/resource.h>
#include <unistd.h>

#include "web/server.h"

/*
 * Slow pages: they stretch a passphrase or count a register, and run on the
 * workers while their connections are suspended.  A session is used by one
 * page at a time: what else it asks for meanwhile waits here, suspended too,
 * and is looked at anew when the session is free.
 */

#define QUEUE_MAX 64
#define QUEUE_WAIT 8		/* seconds: when its first one waits so long, no
				 * more are taken, as they would wait longer */
#define WAITERS_MAX 8		/* of one session */
#define WAIT_MAX 30		/* seconds */
#define WORKER_NICE 10

bool
rx_queue_add(struct rx_conn *cn)
{
	struct rx_web *w = cn->w;
	const int64_t now = rx_ticks();

	if (w->queued >= QUEUE_MAX || w->stopping || (w->head != NULL &&
	    now - w->head->since > QUEUE_WAIT * 1000))
		return (false);
	cn->since = now;
	if (cn->entry != NULL)
		cn->entry->busy = true;
	MHD_suspend_connection(cn->c);
	cn->next = NULL;
	if (w->tail != NULL)
		w->tail->next = cn;
	else
		w->head = cn;
	w->tail = cn;
	w->queued++;
	(void)pthread_cond_signal(&w->wake);
	return (true);
}

bool
rx_queue_wait(struct rx_conn *cn)
{
	struct rx_web *w = cn->w;
	const int64_t now = rx_ticks();
	const struct rx_conn *p;
	unsigned n = 0;

	for (p = w->waiting; p != NULL; p = p->next)
		n += p->entry == cn->entry;
	if (n >= WAITERS_MAX || w->stopping ||
	    (cn->since != 0 && now - cn->since >= WAIT_MAX * 1000))
		return (false);
	if (cn->since == 0)
		cn->since = now;
	MHD_suspend_connection(cn->c);
	cn->next = w->waiting;
	w->waiting = cn;
	return (true);
}

/* Resume those who wait for ${e}, or since ${before} ticks or earlier. */
static void
resume(struct rx_web *w, const struct rx_entry *e, int64_t before)
{
	struct rx_conn **at = &w->waiting, *cn;

	while ((cn = *at) != NULL) {
		if (cn->entry != e && cn->since > before) {
			at = &cn->next;
			continue;
		}
		*at = cn->next;
		cn->next = NULL;
		MHD_resume_connection(cn->c);
	}
}

void
rx_queue_release(struct rx_web *w, const struct rx_entry *e)
{

	resume(w, e, -1);
}

void
rx_queue_sweep(struct rx_web *w, bool all)
{

	resume(w, NULL, all ? INT64_MAX : rx_ticks() - WAIT_MAX * 1000);
}

void *
rx_queue_worker(void *web)
{
	struct rx_web *w = web;
	struct rx_conn *cn;
	bool stopping;

	/* Whoever signs in or counts waits for those who turn pages. */
	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), WORKER_NICE);
	for (;;) {
		(void)pthread_mutex_lock(&w->lock);
		while (w->head == NULL && !w->stopping)
			(void)pthread_cond_wait(&w->wake, &w->lock);
		if ((cn = w->head) == NULL) {
			(void)pthread_mutex_unlock(&w->lock);
			return (NULL);
		}
		if ((w->head = cn->next) == NULL)
			w->tail = NULL;
		w->queued--;
		stopping = w->stopping;
		(void)pthread_mutex_unlock(&w->lock);
		/* At the end nobody waits for what has not begun. */
		cn->rc = stopping ? rx_fail(&cn->st, RX_EIO, RX_MSG_WEB_BUSY) :
		    cn->route->page(&cn->q, &cn->a, &cn->st);
		cn->ran = true;
		MHD_resume_connection(cn->c);
	}
}
