#ifndef RX_WEB_SERVER_H
#define RX_WEB_SERVER_H

/*
 * What the files of the server share; pages never see it.  libmicrohttpd is
 * included here alone.
 *
 *	server.c	begins and ends; listens
 *	http.c		one request from end to end
 *	check.c		what a request must be to be looked at
 *	answer.c	what goes back: pages, errors, headers
 *	sessions.c	who is signed in: cookies, tokens, idleness
 *	queue.c		workers for slow pages, and who waits for them
 *	link.c		connections that are too slow, or too many
 *	keeper.c	scheduled backups
 *
 * One polling thread takes every request and runs the pages; two workers run
 * the slow ones from a short queue while their connections are suspended; a
 * sweeper ends idle sessions, long waits and slow connections.  The lock of
 * struct rx_web guards sessions, queue and waiting list; a page that is not
 * slow runs under it.
 */

#include <microhttpd.h>
#include <pthread.h>

#include "web/web.h"

#define RX_BODY_MAX (512u << 10)
#define RX_UPLOADS_MAX 4	/* on their way, or kept */
#define RX_SESSIONS_MAX 256
/* Of the connections the library takes no more than MAX, and of one address no
 * more than SOURCE + SPARE; the rest waits in the queue of the kernel, or is
 * closed.  Before that, from CROWD of all and SOURCE of one address on, who does
 * nothing makes room, and if nobody does a request is answered with 503. */
#define RX_CONNECTIONS_MAX 640
#define RX_CONNECTIONS_CROWD 576
#define RX_CONNECTIONS_SOURCE 448
#define RX_CONNECTIONS_SPARE 32
#define RX_WORKERS 2
#define RX_TOKEN_HEX 64
#define RX_PATH_BYTES 512

struct rx_entry {		/* a session; s NULL when free */
	uint8_t hash[32];	/* of the cookie */
	struct rx_session *s;
	int64_t last;		/* ticks */
	bool busy;		/* a worker has it */
	bool doomed;		/* end it when the worker is done */
	enum rx_msg flash;
	json_t *after;
	struct rx_buf kept;	/* the body of an upload */
	size_t file, nfile;	/* the file in it */
};

struct rx_conn {		/* one request */
	struct rx_web *w;
	struct MHD_Connection *c;
	char *target;		/* as it was sent; owned */
	char path[RX_PATH_BYTES];	/* decoded, without the query */
	struct rx_buf body;
	size_t most;		/* bytes that it may have */
	char boundary[RX_BOUNDARY_BYTES];	/* of an upload; "": a form */
	bool placed;		/* one of RX_UPLOADS_MAX */
	size_t drained;		/* bytes of a body that is too large */
	struct rx_fields *fields;
	unsigned refused;	/* a status, when it is not even looked at */
	char token[RX_TOKEN_HEX + 1];	/* the cookie; "" when none */
	char fresh[RX_TOKEN_HEX + 1];	/* a cookie to set */
	char csrf[RX_TOKEN_HEX + 1];
	char source[64];
	struct rx_args args;
	const char *set_lang;
	struct rx_entry *entry;
	const struct rx_route *route;
	struct rx_request q;
	struct rx_reply a;
	struct rx_status st;
	rx_err rc;
	bool begun, ran, finished;
	int64_t since;		/* ticks: it waits, for its session or in the
				 * queue; 0: it never did */
	struct rx_conn *next;	/* in the queue, or among those who wait */
};

struct rx_keeper {
	pthread_mutex_t lock;	/* of what pages look at: */
	struct rx_schedule now;
	uint64_t seen;		/* entries of the audit, for rx_web_verified */
	int64_t verified;
	bool looked;		/* somebody was signed in to look for the newest */
	struct rx_vault_file top;	/* on which the next one builds */
	uint64_t seq;		/* where the audit of the newest backup ends */
	int64_t next;		/* ticks: not before */
	char name[RX_VAULT_NAME];	/* proved, and not entered yet; "" */
	struct rx_audit_head head;	/* of that one */
};

enum rx_link_state {
	RX_LINK_IDLE,		/* between two requests */
	RX_LINK_READS, RX_LINK_UPLOADS, RX_LINK_WORKS, RX_LINK_WRITES,
	RX_LINK_LEAVES		/* gave its place to another */
};

struct rx_link {		/* a connection; fd -1 when free */
	int fd;
	enum rx_link_state state;
	bool crowds;		/* there was no place for it when it began */
	int64_t since;		/* ticks */
	uint8_t source[16];	/* address; of IPv6 the network */
};

struct rx_web {
	struct rx_web_options o;
	struct rx_buf cert, key;
	struct MHD_Daemon *daemon;
	uint16_t port;
	uint8_t secret[32];
	struct rx_entry entry[RX_SESSIONS_MAX];
	struct rx_link link[RX_CONNECTIONS_MAX];
	pthread_mutex_t links;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t worker[RX_WORKERS], sweeper, keeping;
	unsigned threads;	/* started: workers, the sweeper, the keeper */
	struct rx_keeper keeper;
	struct rx_conn *head, *tail;	/* the queue */
	unsigned queued;
	unsigned uploads;	/* on their way */
	char copy[RX_USER_NAME_BYTES];	/* what the register called itself at
				 * the beginning; "" at home */
	struct rx_conn *waiting;
	bool stopping;
};

/* Milliseconds that go on while the machine sleeps, whoever sets its clock. */
int64_t rx_ticks(void);
/* The header ${name}; NULL when it was not sent. */
const char *rx_header(const struct rx_conn *cn, const char *name);

/* ---- http.c: callbacks of the library ---- */

/* Begin a request with its target as it was sent; NULL: no memory. */
void *rx_http_target(void *web, const char *target, struct MHD_Connection *c);
enum MHD_Result rx_http_handle(void *web, struct MHD_Connection *c,
    const char *url, const char *method, const char *version,
    const char *data, size_t *size, void **state);
void rx_http_completed(void *web, struct MHD_Connection *c, void **state,
    enum MHD_RequestTerminationCode code);

/* ---- check.c ---- */

/* Why the request is not to be looked at: an HTTP status, or 0. */
unsigned rx_check_request(const struct rx_conn *cn, const char *method,
    const char *version);
/* Whether a file is sent to a route that takes one; ${boundary} stands between
 * its parts, "" when it does not. */
bool rx_check_upload(const struct rx_conn *cn,
    char boundary[RX_BOUNDARY_BYTES]);
/* The bytes of the body, as announced; 0 when it is not said. */
size_t rx_check_length(const struct rx_conn *cn);
/* Decode the path of ${target}, up to its query, into ${path}; false when it is
 * none that we could serve. */
bool rx_check_path(char path[RX_PATH_BYTES], const char *target);
/* The value of the cookie ${name}, ${n} characters, into ${out} of n + 1 bytes;
 * false when it is absent, of another length, or there twice. */
bool rx_check_cookie(const struct rx_conn *cn, const char *name, char *out,
    size_t n);

/* ---- answer.c ---- */

const char *rx_cookie_name(const struct rx_web *w);
/* Send the page, redirect or download that cn->a describes. */
enum MHD_Result rx_answer(struct rx_conn *cn);
/* Send cn->st as a page that says what to do, or as JSON to a script. */
enum MHD_Result rx_answer_error(struct rx_conn *cn);
/* The same for a request that was not looked at; the connection ends. */
enum MHD_Result rx_answer_refusal(struct rx_conn *cn, unsigned status);
enum MHD_Result rx_answer_redirect(struct rx_conn *cn, const char *path);
enum MHD_Result rx_answer_static(struct rx_conn *cn);
/* The page above ${path} that a GET opens; "/" at last. */
void rx_page_above(char out[RX_PATH_BYTES], const char *path);

/* ---- sessions.c; the lock is held ---- */

void rx_token_new(char out[RX_TOKEN_HEX + 1]);
void rx_csrf_of(const struct rx_web *w, const char *token,
    char out[RX_TOKEN_HEX + 1]);
struct rx_entry *rx_entry_find(struct rx_web *w, const char *token);
/* Put ${s} in a free entry, the one idle longest when all are taken; NULL when
 * all are busy. */
struct rx_entry *rx_entry_new(struct rx_web *w, struct rx_session *s,
    const char *token);
/* End it; when a worker has it, as soon as that is done. */
void rx_entry_end(struct rx_entry *e);
/* Forget the file that it keeps; not while a worker has it. */
void rx_entry_drop(struct rx_entry *e);
/* Whether one more file may come in, for the session ${e}, in place of what it
 * keeps; if need be the one is dropped that has been kept longest. */
bool rx_entry_place(struct rx_web *w, struct rx_entry *e);
void rx_sessions_end_user(struct rx_web *w, const char *user);
/* End those that have been idle too long. */
void rx_sessions_sweep(struct rx_web *w);

/* ---- queue.c ---- */

/* Give the request to the workers; false when the queue is full, or does not
 * move.  Locked. */
bool rx_queue_add(struct rx_conn *cn);
/* Let the request wait until its session is free; false when too many do, or
 * it has waited too long.  Locked. */
bool rx_queue_wait(struct rx_conn *cn);
/* The session ${e} is free again: whoever waits for it is looked at anew.
 * Locked. */
void rx_queue_release(struct rx_web *w, const struct rx_entry *e);
/* Look anew at those who have waited too long, or at all.  Locked. */
void rx_queue_sweep(struct rx_web *w, bool all);
void *rx_queue_worker(void *web);

/* ---- keeper.c ---- */

void *rx_keeper_main(void *web);

/* ---- link.c ---- */

/* The address ${sa} that failures and connections are counted for: of IPv6 the
 * network, as whoever has one address has the others; IPv4 as ::ffff:a.b.c.d;
 * zeros when it is neither. */
void rx_link_source(uint8_t out[16], const struct sockaddr *sa);
void rx_link_set(const struct rx_conn *cn, enum rx_link_state state);
/* Whether there is still no place for the connection of ${cn}: its request is
 * to be refused (503). */
bool rx_link_crowded(const struct rx_conn *cn);
void rx_link_notify(void *web, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode code);
void rx_link_sweep(struct rx_web *w);

#endif
