#include <string.h>

#include "web/server.h"

/*
 * Who is signed in.  A session is found by a cookie of 32 random bytes, of
 * which only a hash is kept.  The CSRF token is BLAKE2b(server key, cookie): a
 * visitor has one too, and signing in changes both.
 */

void
rx_token_new(char out[RX_TOKEN_HEX + 1])
{
	uint8_t r[32];

	rx_random(r, sizeof(r));
	rx_hex(out, r, sizeof(r));
	rx_wipe(r, sizeof(r));
}

static void
token_hash(const struct rx_web *w, const char *token, uint8_t hash[32])
{

	rx_hash(hash, 32, w->secret, "runxin web token", token,
	    strlen(token));
}

void
rx_csrf_of(const struct rx_web *w, const char *token,
    char out[RX_TOKEN_HEX + 1])
{
	uint8_t h[32];

	rx_hash(h, sizeof(h), w->secret, "runxin web csrf", token,
	    strlen(token));
	rx_hex(out, h, sizeof(h));
}

struct rx_entry *
rx_entry_find(struct rx_web *w, const char *token)
{
	uint8_t hash[32];
	size_t i;

	if (strlen(token) != RX_TOKEN_HEX)
		return (NULL);
	token_hash(w, token, hash);
	for (i = 0; i < RX_SESSIONS_MAX; i++)
		if (w->entry[i].s != NULL && !w->entry[i].doomed &&
		    rx_equal(w->entry[i].hash, hash, sizeof(hash)))
			return (&w->entry[i]);
	return (NULL);
}

void
rx_entry_end(struct rx_entry *e)
{

	if (e->busy) {
		e->doomed = true;
		return;
	}
	rx_session_close(e->s);
	rx_buf_free(&e->kept);
	json_decref(e->after);
	rx_wipe(e, sizeof(*e));
}

void
rx_entry_drop(struct rx_entry *e)
{

	rx_buf_free(&e->kept);
	e->file = e->nfile = 0;
}

bool
rx_entry_place(struct rx_web *w, struct rx_entry *e)
{
	struct rx_entry *oldest = NULL, *k;
	unsigned n = w->uploads;
	size_t i;

	if (!e->busy)
		rx_entry_drop(e);
	for (i = 0; i < RX_SESSIONS_MAX; i++) {
		k = &w->entry[i];
		if (k->kept.len == 0)
			continue;
		n++;
		if (!k->busy && (oldest == NULL || k->last < oldest->last))
			oldest = k;
	}
	if (n < RX_UPLOADS_MAX)
		return (true);
	if (oldest == NULL)
		return (false);
	rx_entry_drop(oldest);
	return (n == RX_UPLOADS_MAX);
}

struct rx_entry *
rx_entry_new(struct rx_web *w, struct rx_session *s, const char *token)
{
	struct rx_entry *e = NULL;
	size_t i;

	for (i = 0; i < RX_SESSIONS_MAX; i++) {
		if (w->entry[i].busy)
			continue;
		if (w->entry[i].s == NULL) {
			e = &w->entry[i];
			break;
		}
		if (e == NULL || w->entry[i].last < e->last)
			e = &w->entry[i];
	}
	if (e == NULL)
		return (NULL);
	rx_entry_end(e);
	token_hash(w, token, e->hash);
	e->s = s;
	e->last = rx_ticks();
	return (e);
}

void
rx_sessions_end_user(struct rx_web *w, const char *user)
{
	size_t i;

	for (i = 0; i < RX_SESSIONS_MAX; i++)
		if (w->entry[i].s != NULL &&
		    strcmp(rx_session_user(w->entry[i].s), user) == 0)
			rx_entry_end(&w->entry[i]);
}

/* Whoever waits for a slow page is not idle. */
void
rx_sessions_sweep(struct rx_web *w)
{
	const int64_t before = rx_ticks() - (int64_t)w->o.idle * 1000;
	size_t i;

	for (i = 0; i < RX_SESSIONS_MAX; i++)
		if (w->entry[i].s != NULL && !w->entry[i].busy &&
		    w->entry[i].last < before)
			rx_entry_end(&w->entry[i]);
}
