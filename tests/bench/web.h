#ifndef RX_TESTS_BENCH_WEB_H
#define RX_TESTS_BENCH_WEB_H

/* The page under load: a small browser, the people, what is measured of them. */

#include "bench.h"

/* ---- client.c ---- */

struct client {
	uint16_t port;
	int fd;				/* -1: not connected */
	char cookie[80], csrf[80];
	char *in;			/* the last answer, NUL at its end */
	size_t len, cap;
	char *body;			/* in ${in} */
	unsigned status;		/* 0: no answer */
	char location[512];
};

void client_init(struct client *c, uint16_t port);
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
	P_ANNEX, P_TABLE, P_RELEASES, P_PEOPLE, P_UNITS, P_SAFETY, PAGES
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
};

/* Directors ask for a page that is not theirs too: to see that it counts. */
extern bool person_astray;

/* Ask for one page, and note how long it took. */
unsigned person_ask(struct person *p, enum page page, const char *path,
    const char *form);
/* Days of his role, one after the other until the time is over; a thread. */
void *person_days(void *person);
/* Sign in and out without a pause until the time is over; a thread. */
void *person_hashes(void *person);

/* ---- web.c ---- */

/* bench web [PEOPLE [SECONDS [CHILDREN [RECORDS [astray]]]]] */
int bench_web(int argc, char *argv[]);
/* Argument ${i}, ${otherwise} when it is missing (bench.c). */

#endif
