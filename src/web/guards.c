#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/date.h"
#include "web/web.h"

/*
 * The checks that stand before every page: whose name is the server called by,
 * where does a form come from, who has failed too often.  Back-off: after the
 * free tries each failure doubles the wait; a quiet hour forgets it.
 *
 * A source may be a whole county behind one address: whoever has signed in from
 * there does not wait for the slips of others, nor others for his, and what he
 * mistyped before is taken back.  So what a source is made to wait for are
 * failures with accounts that nobody there ever opened.
 */

#define SLOTS 4096		/* accounts, sources and both remembered */
#define FREE_ACCOUNT 5
#define FREE_SOURCE 20
#define WAIT_FIRST 2		/* seconds */
#define WAIT_MAX 900
#define FORGET_MS INT64_C(3600000)

struct failures {
	uint8_t who[16];	/* hash; all zero when free */
	unsigned count;
	bool known;		/* of both together: he has signed in from there */
	int64_t last;		/* ms */
};

static struct failures table[SLOTS];
static uint8_t table_key[32];
static bool table_ready;
static pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;

/* The slot of ${who}; the one that was quiet longest when it is new. */
static struct failures *
slot_of(const char *kind, const char *who)
{
	uint8_t h[16];
	size_t i, oldest = 0;

	if (!table_ready) {
		rx_random(table_key, sizeof(table_key));
		table_ready = true;
	}
	rx_hash(h, sizeof(h), table_key, kind, who, strlen(who));
	for (i = 0; i < SLOTS; i++) {
		if (memcmp(table[i].who, h, sizeof(h)) == 0)
			return (&table[i]);
		if (table[i].last < table[oldest].last)
			oldest = i;
	}
	memset(&table[oldest], 0, sizeof(table[oldest]));
	memcpy(table[oldest].who, h, sizeof(h));
	return (&table[oldest]);
}

/* Seconds still to wait. */
static unsigned
wait_of(struct failures *f, unsigned free_tries, int64_t now)
{
	int64_t wait = WAIT_FIRST, over;
	unsigned i;

	if (now - f->last > FORGET_MS)
		f->count = 0;
	if (f->count < free_tries)
		return (0);
	for (i = free_tries; i < f->count && wait < WAIT_MAX; i++)
		wait *= 2;
	if (wait > WAIT_MAX)
		wait = WAIT_MAX;
	over = f->last + wait * 1000 - now;
	return (over <= 0 ? 0 : (unsigned)((over + 999) / 1000));
}

/* The slot of ${user} at ${source}. */
static struct failures *
slot_of_both(const char *user, const char *source)
{
	char who[RX_USER_NAME_BYTES + 80];

	(void)snprintf(who, sizeof(who), "%s\n%s", source, user);
	return (slot_of("runxin guard both", who));
}

unsigned
rx_guard_wait(const char *user, const char *source)
{
	const int64_t now = rx_time_now();
	unsigned a, b = 0;

	(void)pthread_mutex_lock(&table_lock);
	a = wait_of(slot_of("runxin guard user", user), FREE_ACCOUNT, now);
	if (!slot_of_both(user, source)->known)
		b = wait_of(slot_of("runxin guard source", source),
		    FREE_SOURCE, now);
	(void)pthread_mutex_unlock(&table_lock);
	return (a > b ? a : b);
}

/* What ${user} mistyped at ${source} before he signed in there is no guessing. */
static void
note_good(const char *user, const char *source, int64_t now)
{
	struct failures *both = slot_of_both(user, source), *f;
	const unsigned own = both->count;

	both->known = true;
	both->count = 0;
	both->last = now;
	f = slot_of("runxin guard source", source);
	f->count -= own < f->count ? own : f->count;
}

static void
note_bad(const char *user, const char *source, int64_t now)
{
	struct failures *f = slot_of_both(user, source);
	const bool known = f->known;

	f->count += !known;
	f->last = now;
	if (known)
		return;
	f = slot_of("runxin guard source", source);
	f->count++;
	f->last = now;
}

void
rx_guard_note(const char *user, const char *source, bool ok)
{
	const int64_t now = rx_time_now();
	struct failures *f;

	(void)pthread_mutex_lock(&table_lock);
	f = slot_of("runxin guard user", user);
	f->count = ok ? 0 : f->count + 1;
	f->last = now;
	if (ok)
		note_good(user, source, now);
	else
		note_bad(user, source, now);
	(void)pthread_mutex_unlock(&table_lock);
}

/* Split "host:port" or "[v6]:port"; *port 0 when it has none. */
static bool
host_split(const char *host, char *name, size_t size, unsigned *port)
{
	const char *colon, *bracket;
	size_t n;

	bracket = host[0] == '[' ? strchr(host, ']') : NULL;
	if (host[0] == '[' && bracket == NULL)
		return (false);
	colon = strchr(bracket != NULL ? bracket : host, ':');
	n = colon != NULL ? (size_t)(colon - host) : strlen(host);
	if (n == 0 || n >= size)
		return (false);
	memcpy(name, host, n);
	name[n] = '\0';
	*port = 0;
	if (colon == NULL)
		return (true);
	for (colon++; *colon >= '0' && *colon <= '9' && *port < 65536; colon++)
		*port = *port * 10 + (unsigned)(*colon - '0');
	return (*colon == '\0' && *port < 65536);
}

bool
rx_guard_host(const struct rx_web_options *o, uint16_t port, const char *host)
{
	static const char *const loopback[] = {
		"127.0.0.1", "localhost", "[::1]"
	};
	char name[256];
	unsigned got;
	size_t i;

	if (host == NULL || !host_split(host, name, sizeof(name), &got))
		return (false);
	if (got == 0)
		got = o->tls_cert != NULL ? 443 : 80;
	if (o->host != NULL && strcasecmp(name, o->host) == 0)
		return (true);	/* a proxy may have given it another port */
	if (got != port)
		return (false);
	if (strcasecmp(name, o->address) == 0)
		return (true);
	for (i = 0; i < sizeof(loopback) / sizeof(loopback[0]); i++)
		if (strcasecmp(name, loopback[i]) == 0)
			return (true);
	return (false);
}

bool
rx_guard_origin(bool tls, const char *host, const char *origin,
    const char *fetch_site)
{
	const char *scheme = tls ? "https://" : "http://";
	const size_t n = strlen(scheme);

	if (fetch_site != NULL && strcmp(fetch_site, "same-origin") != 0 &&
	    strcmp(fetch_site, "none") != 0)
		return (false);
	if (origin == NULL)
		return (true);	/* an old browser: the CSRF token decides */
	return (host != NULL && strncasecmp(origin, scheme, n) == 0 &&
	    strcasecmp(origin + n, host) == 0);
}
