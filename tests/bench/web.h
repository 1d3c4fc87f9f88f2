#ifndef RX_TESTS_BENCH_WEB_H
#define RX_TESTS_BENCH_WEB_H

/* The page under load: a small browser, the people, what is measured of them. */

#include <sys/types.h>

#include <gnutls/gnutls.h>

#include "bench.h"

struct server {				/* a real `runxin serve` (county.c) */
	pid_t pid;
	uint16_t port;
	gnutls_certificate_credentials_t trust;	/* NULL: no TLS */
};

/* ---- client.c ---- */

struct client {
	uint16_t port;
	gnutls_certificate_credentials_t trust;
	gnutls_session_t tls;
	int fd;				/* -1: not connected */
	char cookie[80], csrf[80];
	char *in;			/* the last answer, NUL at its end */
	size_t len, cap;
	char *body;			/* in ${in} */
	unsigned status;		/* 0: no answer */
	unsigned retry;			/* seconds, when it is to ask again */
	char location[512];
};

void client_init(struct client *c, const struct server *v);
void client_free(struct client *c);
/* GET ${path}, or POST ${form} (without the token) to it; the status. */
unsigned client_ask(struct client *c, const char *path, const char *form);
/* How often ${before} stands in the last page; what follows the one counted
 * ${nth} from 0, up to a quote or slash, is put in ${out}. */
size_t client_find(const struct client *c, const char *before, size_t nth,
    char *out, size_t size);
/* The passphrase is the name. */
bool client_sign_in(struct client *c, const char *user);

/* ---- people.c ---- */

enum page {
	P_CSS, P_LOGIN, P_TODAY, P_CHILDREN, P_SEARCH, P_CASE, P_OBSERVE,
	P_DRAFT, P_SAVE, P_ACTIVITIES, P_REVIEW, P_FLAG, P_COVERAGE, P_VILLAGE,
	P_ANNEX, P_EXPORT, P_TABLE, P_RELEASES, P_PEOPLE, P_UNITS, P_SAFETY,
	P_LOGOUT, P_DOOR, P_FORM, PAGES
};
extern const char *const page_name[PAGES];

struct sample {
	enum page page;
	unsigned status;
	double ms;
};

struct person {
	char user[RX_USER_NAME_BYTES];
	enum rx_role role;
	char unit[16];
	struct client c;
	struct sample *sample;
	size_t n, cap;
	double think;			/* seconds between pages, on average */
	double until;			/* when the day ends, see now() */
	unsigned lost;			/* what went wrong and is not a sample */
	bool patient;			/* asks again when he is told to */
	struct client files;		/* a second connection, if port is set */
	size_t saved;			/* observations that were acknowledged */
	double waited;			/* seconds that the last sign-in took */
};

/* Directors ask for a page that is not theirs too: to see that it counts. */
extern bool person_astray;

/* Ask for one page, and note how long it took. */
unsigned person_ask(struct person *p, enum page page, const char *path,
    const char *form);
/* Days of his role, one after the other until the time is over; a thread. */
void *person_days(void *person);
/* The same, beginning with a sign-in, with sign-outs between; a thread. */
void *person_works(void *person);
/* Sign in and out without a pause until the time is over; a thread. */
void *person_hashes(void *person);

/* ---- county.c ---- */

/* Name ${n} people: one administrator, statisticians, supervisors of townships;
 * most are directors, each of a village: how many. */
size_t cast_people(struct person *people, size_t n);
/* The register ${dir} in which they are, with so much in it. */
void make_county(const char *dir, const struct person *people, size_t npeople,
    size_t dirs, size_t children, size_t records);
/* Serve it, with TLS when ${cert} is not NULL; v->trust is the caller's. */
void serve(struct server *v, const char *dir, const char *cert,
    const char *key);
void serve_end(struct server *v);	/* properly */
void show_memory(const struct server *v, const char *when);
/* Whether it was answered as it should be. */
bool sample_good(const struct sample *s);
int sample_cmp(const void *a, const void *b);	/* by page, then time */

/* ---- web.c, load.c ---- */

/* bench web [PEOPLE [SECONDS [CHILDREN [RECORDS [astray]]]]] */
int bench_web(int argc, char *argv[]);
/* bench load [PEOPLE [SECONDS [PAUSE [CHILDREN [RECORDS [astray]]]]]] */
int bench_load(int argc, char *argv[]);

#endif
