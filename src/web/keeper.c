#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/date.h"
#include "web/server.h"

/*
 * Scheduled backups.  Nobody's keys are kept for the night: when a backup is due,
 * it is taken, signed and entered in the audit by a session that is signed in
 * and idle, in the name of its user, as if he had asked for it.  He has his
 * session back before anything is written; writing and proving need none.  That
 * it was proved is entered by whoever is signed in then, and what is old is
 * tidied away.
 */

#define HOUR_MS INT64_C(3600000)
#define RETRY (10 * 60 * 1000)	/* ticks, after a failure or without a change */
#define QUIET 2000		/* ticks for which a session must have been idle */
#define KEEPER_NICE 10

/* A session that nobody is using, which is busy from now on; NULL.  Locked. */
static struct rx_entry *
entry_take(struct rx_web *w)
{
	const int64_t before = rx_ticks() - QUIET;
	struct rx_entry *e;
	size_t i;

	for (i = 0; i < RX_SESSIONS_MAX; i++) {
		e = &w->entry[i];
		if (e->s != NULL && !e->busy && !e->doomed &&
		    e->last < before) {
			e->busy = true;
			return (e);
		}
	}
	return (NULL);
}

/* He has it back, and was not active meanwhile. */
static void
entry_return(struct rx_web *w, struct rx_entry *e)
{

	(void)pthread_mutex_lock(&w->lock);
	e->busy = false;
	if (e->doomed)
		rx_entry_end(e);
	rx_queue_release(w, e);
	(void)pthread_mutex_unlock(&w->lock);
}

static bool
is_due(struct rx_web *w)
{
	const struct rx_keeper *k = &w->keeper;
	const int64_t age = rx_time_now() - k->now.made;

	/* One of the future is of a clock that was wrong. */
	return (rx_ticks() >= k->next && (k->name[0] != '\0' || age < 0 ||
	    age >= (int64_t)w->o.backup_every * HOUR_MS));
}

/* Tell the pages how it went. */
static void
settle(struct rx_web *w, const struct rx_status *st)
{
	struct rx_keeper *k = &w->keeper;

	(void)pthread_mutex_lock(&k->lock);
	k->now.failed = st->code == RX_OK ? 0 : rx_time_now();
	k->now.why = st->msg;
	(void)pthread_mutex_unlock(&k->lock);
	if (st->code != RX_OK) {
		rx_web_log(st);
		k->next = rx_ticks() + RETRY;
	}
}

static void
made_at(struct rx_keeper *k, int64_t ms)
{

	(void)pthread_mutex_lock(&k->lock);
	k->now.made = ms;
	(void)pthread_mutex_unlock(&k->lock);
}

/* With a session, for only what its register signed counts: the newest backup in
 * the folder.  The first look tells how old it is. */
static rx_err
look(struct rx_web *w, struct rx_session *s, struct rx_status *st)
{
	struct rx_keeper *k = &w->keeper;
	rx_err rc;

	if ((rc = rx_vault_newest(s, w->o.backup, &k->top, st)) != RX_OK ||
	    k->looked)
		return (rc);
	k->looked = true;
	k->seq = k->top.seq;
	made_at(k, k->top.made);
	return (RX_OK);
}

/* With a session: NULL when it is not time yet, or nothing was changed since the
 * last one. */
static rx_err
take(struct rx_web *w, struct rx_session *s, struct rx_backup **b,
    struct rx_status *st)
{
	struct rx_keeper *k = &w->keeper;
	bool changed;
	rx_err rc;

	*b = NULL;
	if ((rc = look(w, s, st)) != RX_OK || !is_due(w))
		return (rc);
	if ((rc = rx_vault_changed(s, k->seq, &changed, st)) != RX_OK)
		return (rc);
	if (!changed && k->now.made != 0) {
		k->next = rx_ticks() + RETRY;
		return (RX_OK);
	}
	return (rx_backup_take(b, s, RX_BACKUP_KEEP, st));
}

/* Without one. */
static rx_err
put(struct rx_web *w, const struct rx_backup *b, struct rx_status *st)
{
	struct rx_keeper *k = &w->keeper;
	char name[RX_VAULT_NAME];
	bool whole;
	rx_err rc;

	if ((rc = rx_vault_write(b, w->o.backup, w->o.backup_keys, &k->top,
	    name, &whole, st)) != RX_OK ||
	    (rc = rx_vault_prove(b, w->o.backup, w->o.backup_keys, name,
	    st)) != RX_OK)
		return (rc);
	rx_backup_head(b, &k->head);
	k->seq = k->head.seq;
	rx_text_copy(k->name, sizeof(k->name), name);
	made_at(k, rx_time_now());
	return (RX_OK);
}

/* Enter what was proved, and tidy up. */
static rx_err
enter(struct rx_web *w, struct rx_session *s, struct rx_status *st)
{
	struct rx_keeper *k = &w->keeper;
	size_t removed;
	rx_err rc;

	if ((rc = rx_vault_note(s, k->name, &k->head, st)) != RX_OK)
		return (rc);
	k->name[0] = '\0';
	return (rx_vault_tidy(s, w->o.backup, w->o.backup_keys, &removed, st));
}

static void
keep(struct rx_web *w, struct rx_entry *e)
{
	struct rx_backup *b = NULL;
	struct rx_status st;
	rx_err rc;

	rx_status_clear(&st);
	rc = w->keeper.name[0] != '\0' ? enter(w, e->s, &st) :
	    take(w, e->s, &b, &st);
	entry_return(w, e);
	if (rc == RX_OK && b != NULL)
		rc = put(w, b, &st);
	rx_backup_release(b);
	if (rc == RX_OK)
		rx_status_clear(&st);
	settle(w, &st);
}

void *
rx_keeper_main(void *web)
{
	const struct timespec second = { 1, 0 };
	struct rx_web *w = web;
	struct rx_entry *e;
	bool stop;

	(void)setpriority(PRIO_PROCESS, (id_t)gettid(), KEEPER_NICE);
	do {
		(void)nanosleep(&second, NULL);
		(void)pthread_mutex_lock(&w->lock);
		stop = w->stopping;
		e = stop || !is_due(w) ? NULL : entry_take(w);
		(void)pthread_mutex_unlock(&w->lock);
		if (e != NULL)
			keep(w, e);
	} while (!stop);
	return (NULL);
}

void
rx_web_schedule(struct rx_web *w, struct rx_schedule *out)
{

	memset(out, 0, sizeof(*out));
	if (w == NULL || w->o.backup == NULL)
		return;
	(void)pthread_mutex_lock(&w->keeper.lock);
	*out = w->keeper.now;
	(void)pthread_mutex_unlock(&w->keeper.lock);
	out->dir = w->o.backup;
	out->keys = w->o.backup_keys != NULL ? w->o.backup_keys : w->o.backup;
	out->every = w->o.backup_every;
}

rx_err
rx_web_verified(struct rx_web *w, struct rx_session *s, int64_t *at,
    struct rx_status *st)
{
	struct rx_keeper *k = &w->keeper;
	uint64_t seen;
	rx_err rc;

	(void)pthread_mutex_lock(&k->lock);
	seen = k->seen;
	*at = k->verified;
	(void)pthread_mutex_unlock(&k->lock);
	if ((rc = rx_backup_verified(s, &seen, at, st)) != RX_OK)
		return (rc);
	(void)pthread_mutex_lock(&k->lock);
	k->seen = seen;
	k->verified = *at;
	(void)pthread_mutex_unlock(&k->lock);
	return (RX_OK);
}
