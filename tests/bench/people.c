/* What people do on the page, all day. */

#include <stdio.h>
#include <time.h>

#include <sodium.h>

#include "web.h"

const char *const page_name[PAGES] = {
	[P_CSS] = "static/app.css", [P_LOGIN] = "sign in",
	[P_TODAY] = "today", [P_CHILDREN] = "children",
	[P_SEARCH] = "children, a search", [P_CASE] = "a child",
	[P_OBSERVE] = "observation form", [P_DRAFT] = "save a draft",
	[P_SAVE] = "save an observation", [P_ACTIVITIES] = "activities",
	[P_REVIEW] = "review queue", [P_FLAG] = "a flagged case",
	[P_COVERAGE] = "coverage", [P_VILLAGE] = "coverage, all children",
	[P_ANNEX] = "annex preview", [P_EXPORT] = "annex export",
	[P_TABLE] = "cross-table form",
	[P_RELEASES] = "release ledger", [P_PEOPLE] = "people",
	[P_UNITS] = "units", [P_SAFETY] = "safety", [P_LOGOUT] = "sign out",
	[P_DOOR] = "the door", [P_FORM] = "passphrase form"
};

#define TRIES 20		/* of who is told to come back */
#define A_SIGN_OUT 6		/* days, on average */

bool person_astray;

static void
pause_for(double s)
{
	const struct timespec t = { (time_t)s,
	    (long)((s - (double)(time_t)s) * 1e9) };

	if (s > 0)
		(void)nanosleep(&t, NULL);
}

/* Ask once on ${c}, and note how long it took. */
static unsigned
ask(struct person *p, struct client *c, enum page page, const char *path,
    const char *form)
{
	struct sample *grown;
	double t = now();

	(void)client_ask(c, path, form);
	t = now() - t;
	if (p->n == p->cap) {
		grown = reallocarray(p->sample, 2 * p->cap + 256,
		    sizeof(*grown));
		if (grown == NULL) {
			p->lost++;
			return (c->status);
		}
		p->sample = grown;
		p->cap = 2 * p->cap + 256;
	}
	p->sample[p->n++] = (struct sample){ page, c->status, 1000 * t };
	return (c->status);
}

unsigned
person_ask(struct person *p, enum page page, const char *path,
    const char *form)
{
	struct client *c = page == P_CSS && p->files.port != 0 ? &p->files :
	    &p->c;
	unsigned tries = 0;

	while (ask(p, c, page, path, form) == 503 && p->patient &&
	    c->retry > 0 && ++tries < TRIES && now() < p->until)
		pause_for(c->retry);
	p->saved += page == P_SAVE && c->status == 303;
	return (c->status);
}

/* A pause between a half and one and a half of the average; false when the day
 * is over. */
static bool
think(const struct person *p)
{
	pause_for(p->think * (0.5 + randombytes_uniform(1000) / 1000.0));
	return (now() < p->until);
}

static bool
look(struct person *p, enum page page, const char *path)
{

	(void)person_ask(p, page, path, NULL);
	return (think(p));
}

/* One of the things whose link begins with ${link} on the page. */
static bool
pick(const struct person *p, const char *link, char *out, size_t size)
{
	const size_t n = client_find(&p->c, link, 0, NULL, 0);

	return (n > 0 && client_find(&p->c, link,
	    randombytes_uniform((uint32_t)n), out, size) > 0);
}

/* The form, half of the time a draft, then the record. */
static bool
observe(struct person *p, const char *child)
{
	char path[128], form[512], id[64] = "", date[RX_DATE_TEXT];

	(void)snprintf(path, sizeof(path), "/child/%s/observe", child);
	if (!look(p, P_OBSERVE, path))
		return (false);
	(void)client_find(&p->c, "name=\"id\" value=\"", 0, id, sizeof(id));
	rx_date_format(today, date);
	(void)snprintf(form, sizeof(form), "id=%s&signs=mood_low&risk=yellow&"
	    "channel=home_visit&date=%s&note=%%E5%%AD%%A9%%E5%%AD%%90%%E8%%BF"
	    "%%91%%E6%%9D%%A5%%E8%%AF%%9D%%E5%%B0%%91", id, date);
	if (randombytes_uniform(2) == 0) {
		(void)snprintf(path, sizeof(path), "/child/%s/draft", child);
		(void)person_ask(p, P_DRAFT, path, form);
		if (!think(p))
			return (false);
	}
	(void)snprintf(path, sizeof(path), "/child/%s/observe", child);
	if (person_ask(p, P_SAVE, path, form) != 303)
		return (think(p));
	/* Where a browser is led. */
	return (look(p, P_CASE, p->c.location));
}

static bool
director_day(struct person *p)
{
	char child[64], path[128];

	if (person_astray)
		(void)person_ask(p, P_ANNEX, "/annex", NULL);
	if (!look(p, P_TODAY, "/today") || !look(p, P_CHILDREN, "/children"))
		return (false);
	if (!pick(p, "href=\"/child/", child, sizeof(child)))
		return (think(p));
	(void)person_ask(p, P_SEARCH, "/children", "fragment=1&q=cs1");
	(void)snprintf(path, sizeof(path), "/child/%s", child);
	return (think(p) && look(p, P_CASE, path) && observe(p, child) &&
	    look(p, P_TODAY, "/today") &&
	    look(p, P_ACTIVITIES, "/activities"));
}

static bool
supervisor_day(struct person *p)
{
	char flag[64], path[128];

	if (!look(p, P_REVIEW, "/review"))
		return (false);
	if (pick(p, "href=\"/flag/", flag, sizeof(flag))) {
		(void)snprintf(path, sizeof(path), "/flag/%s", flag);
		if (!look(p, P_FLAG, path))
			return (false);
	}
	return (look(p, P_COVERAGE, "/coverage") &&
	    look(p, P_VILLAGE, "/coverage/all"));
}

static bool
statistician_day(struct person *p)
{
	char path[128], a[RX_DATE_TEXT], b[RX_DATE_TEXT], form[128];

	rx_date_format(from, a);
	rx_date_format(today, b);
	(void)snprintf(path, sizeof(path), "/annex?unit=%s&from=%s&to=%s",
	    COUNTY, a, b);
	if (!look(p, P_ANNEX, path))
		return (false);
	if (p->patient) {
		(void)snprintf(form, sizeof(form),
		    "unit=%s&from=%s&to=%s&format=%s", COUNTY, a, b,
		    randombytes_uniform(2) == 0 ? "xlsx" : "csv");
		(void)person_ask(p, P_EXPORT, "/annex/export", form);
		if (!think(p))
			return (false);
	}
	return (look(p, P_TABLE, "/table") &&
	    look(p, P_RELEASES, "/releases"));
}

static bool
admin_day(struct person *p)
{

	return (look(p, P_PEOPLE, "/people") && look(p, P_UNITS, "/units") &&
	    look(p, P_SAFETY, "/safety"));
}

static bool (*const day[])(struct person *) = {
	[RX_ROLE_DIRECTOR] = director_day,
	[RX_ROLE_SUPERVISOR] = supervisor_day,
	[RX_ROLE_STATISTICIAN] = statistician_day,
	[RX_ROLE_ADMIN] = admin_day,
};

void *
person_days(void *person)
{
	struct person *p = person;

	/* They do not all begin at once. */
	if (!think(p))
		return (NULL);
	while (look(p, P_CSS, "/static/app.css") && day[p->role](p))
		continue;
	return (NULL);
}

/* Through the door; false when it stays shut. */
static bool
enter(struct person *p)
{
	const double began = now();
	char form[128];

	(void)snprintf(form, sizeof(form), "user=%.50s&passphrase=%.50s",
	    p->user, p->user);
	if (person_ask(p, P_DOOR, "/login", NULL) != 200 ||
	    person_ask(p, P_LOGIN, "/login", form) != 303)
		return (false);
	p->waited = now() - began;
	return (true);
}

/* The way out needs the token of the session, which a page has. */
static void
leave(struct person *p)
{

	(void)person_ask(p, P_FORM, "/passphrase", NULL);
	(void)person_ask(p, P_LOGOUT, "/logout", "");
}

void *
person_works(void *person)
{
	struct person *p = person;
	bool in = false;

	pause_for(p->waited);
	while (now() < p->until) {
		if (!in && !(in = enter(p))) {
			pause_for(1);
			continue;
		}
		if (!look(p, P_CSS, "/static/app.css") || !day[p->role](p))
			break;
		if (randombytes_uniform(A_SIGN_OUT) == 0) {
			leave(p);
			in = false;
			(void)think(p);
		}
	}
	return (NULL);
}

void *
person_hashes(void *person)
{
	struct person *p = person;
	char form[128];

	(void)snprintf(form, sizeof(form), "user=%.50s&passphrase=%.50s", p->user,
	    p->user);
	while (now() < p->until) {
		if (client_ask(&p->c, "/login", NULL) != 200)
			p->lost++;
		/* The way out needs the token of the new session. */
		if (person_ask(p, P_LOGIN, "/login", form) == 303 &&
		    (client_ask(&p->c, "/passphrase", NULL) != 200 ||
		    client_ask(&p->c, "/logout", "") != 303))
			p->lost++;
	}
	return (NULL);
}
