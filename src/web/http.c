#include <microhttpd.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "web/web.h"

/*
 * HTTP.  One polling thread takes every request and runs the pages; two
 * workers run the slow ones (those that stretch a passphrase) from a short
 * queue, while their connections are suspended; a sweeper ends idle sessions.
 *
 * A session is found by a cookie of 32 random bytes, of which only a hash is
 * kept.  The CSRF token is BLAKE2b(server key, cookie): a visitor has one too,
 * and signing in changes both.
 */

#define BODY_MAX (512u << 10)
#define SESSIONS_MAX 256
#define CONNECTIONS_MAX 256
#define PER_ADDRESS_MAX 64
#define TIMEOUT 20		/* seconds a connection may be silent */
#define READ_MAX 30		/* seconds a request may take to arrive */
#define WORKERS 2
#define WORKER_NICE 10
#define QUEUE_MAX 16
#define TOKEN_HEX 64
#define ARGS_MAX 2
#define PATH_LONGEST 512

struct entry {			/* a session; user NULL when free */
	uint8_t hash[32];	/* of the cookie */
	struct rx_session *s;
	int64_t last;		/* ticks */
	bool busy;		/* a worker has it */
	bool doomed;		/* end it when the worker is done */
	enum rx_msg flash;
};

struct conn {			/* one request */
	struct MHD_PostProcessor *pp;
	struct rx_fields *fields;
	size_t body;
	unsigned refused;	/* a status, when it was not even looked at */
	char token[TOKEN_HEX + 1];	/* the cookie; "" when none */
	char fresh[TOKEN_HEX + 1];	/* a cookie to set */
	char source[64], args[ARGS_MAX][128], csrf[TOKEN_HEX + 1];
	const char *set_lang;
	struct entry *entry;
	const struct rx_route *route;
	struct rx_request q;
	struct rx_reply a;
	struct rx_status st;
	rx_err rc;
	bool ran, finished;
	struct MHD_Connection *c;
	struct conn *next;	/* in the queue */
};

struct link {			/* a connection; fd -1 when free */
	int fd;
	bool reading;		/* waiting for a request, or for its rest */
	int64_t since;		/* ticks */
};

struct rx_web {
	struct rx_web_options o;
	struct rx_buf cert, key;
	struct MHD_Daemon *daemon;
	uint16_t port;
	uint8_t secret[32];
	struct entry entry[SESSIONS_MAX];
	struct link link[CONNECTIONS_MAX];
	pthread_mutex_t links;
	pthread_mutex_t lock;	/* entries and queue */
	pthread_cond_t wake;
	pthread_t worker[WORKERS], sweeper;
	unsigned threads;	/* started: workers first, then the sweeper */
	struct conn *head, *tail;
	unsigned queued;
	bool stopping;
};

/* Milliseconds that go on while the machine sleeps, whoever sets its clock. */
static int64_t
ticks(void)
{
	struct timespec t = { 0, 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* ---- tokens ---- */

static void
token_hash(const struct rx_web *w, const char *token, uint8_t hash[32])
{

	rx_hash(hash, 32, w->secret, "runxin web token", token,
	    strlen(token));
}

static void
csrf_of(const struct rx_web *w, const char *token, char out[TOKEN_HEX + 1])
{
	uint8_t h[32];

	rx_hash(h, sizeof(h), w->secret, "runxin web csrf", token,
	    strlen(token));
	rx_hex(out, h, sizeof(h));
}

static void
token_new(char out[TOKEN_HEX + 1])
{
	uint8_t r[32];

	rx_random(r, sizeof(r));
	rx_hex(out, r, sizeof(r));
	rx_wipe(r, sizeof(r));
}

/* ---- sessions; the lock is held ---- */

static struct entry *
entry_find(struct rx_web *w, const char *token)
{
	uint8_t hash[32];
	size_t i;

	if (strlen(token) != TOKEN_HEX)
		return (NULL);
	token_hash(w, token, hash);
	for (i = 0; i < SESSIONS_MAX; i++)
		if (w->entry[i].s != NULL && !w->entry[i].doomed &&
		    rx_equal(w->entry[i].hash, hash, sizeof(hash)))
			return (&w->entry[i]);
	return (NULL);
}

static void
entry_end(struct entry *e)
{

	if (e->busy) {
		e->doomed = true;
		return;
	}
	rx_session_close(e->s);
	memset(e, 0, sizeof(*e));
}

/* Put ${s} in a free entry, the one idle longest when all are taken. */
static struct entry *
entry_new(struct rx_web *w, struct rx_session *s, const char *token)
{
	struct entry *e = NULL;
	size_t i;

	for (i = 0; i < SESSIONS_MAX; i++) {
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
	entry_end(e);
	token_hash(w, token, e->hash);
	e->s = s;
	e->last = ticks();
	return (e);
}

/* End every session of ${user}. */
static void
end_user(struct rx_web *w, const char *user)
{
	size_t i;

	for (i = 0; i < SESSIONS_MAX; i++)
		if (w->entry[i].s != NULL &&
		    strcmp(rx_session_user(w->entry[i].s), user) == 0)
			entry_end(&w->entry[i]);
}

/* End the sessions that have been idle too long. */
static void
sweep(struct rx_web *w)
{
	const int64_t before = ticks() - (int64_t)w->o.idle * 1000;
	size_t i;

	for (i = 0; i < SESSIONS_MAX; i++)
		if (w->entry[i].s != NULL && w->entry[i].last < before)
			entry_end(&w->entry[i]);
}

/* Cut off whoever sends a request so slowly that it never ends: each byte is
 * in time for TIMEOUT.  Its own thread closes the connection then. */
static void
sweep_links(struct rx_web *w)
{
	const int64_t before = ticks() - READ_MAX * 1000;
	size_t i;

	(void)pthread_mutex_lock(&w->links);
	for (i = 0; i < CONNECTIONS_MAX; i++)
		if (w->link[i].fd != -1 && w->link[i].reading &&
		    w->link[i].since < before)
			(void)shutdown(w->link[i].fd, SHUT_RDWR);
	(void)pthread_mutex_unlock(&w->links);
}

/* The connection ${c} begins to wait for a request, or has read one. */
static void
link_reads(struct rx_web *w, struct MHD_Connection *c, bool reading)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct link *l = info != NULL ? info->socket_context : NULL;

	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&w->links);
	l->reading = reading;
	l->since = ticks();
	(void)pthread_mutex_unlock(&w->links);
}

static void
connected(void *cookie, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CONNECTION_FD);
	struct rx_web *w = cookie;
	struct link *l = *context;
	size_t i;

	(void)pthread_mutex_lock(&w->links);
	if (code == MHD_CONNECTION_NOTIFY_STARTED && info != NULL) {
		for (i = 0; i < CONNECTIONS_MAX && w->link[i].fd != -1; i++)
			continue;
		if (i < CONNECTIONS_MAX) {
			l = &w->link[i];
			*l = (struct link){ info->connect_fd, true, ticks() };
			*context = l;
		}
	}
	if (code == MHD_CONNECTION_NOTIFY_CLOSED && l != NULL)
		l->fd = -1;
	(void)pthread_mutex_unlock(&w->links);
}

static void *
sweeper_main(void *cookie)
{
	const struct timespec second = { 1, 0 };
	struct rx_web *w = cookie;
	bool stop = false;

	while (!stop) {
		(void)nanosleep(&second, NULL);
		(void)pthread_mutex_lock(&w->lock);
		sweep(w);
		stop = w->stopping;
		(void)pthread_mutex_unlock(&w->lock);
		sweep_links(w);
	}
	return (NULL);
}

/* ---- answers ---- */

static const char *
header(struct MHD_Connection *c, const char *name)
{

	return (MHD_lookup_connection_value(c, MHD_HEADER_KIND, name));
}

static void
add_headers(const struct conn *cn, const struct rx_web *w,
    struct MHD_Response *r, bool is_static)
{
	static const char *const fixed[][2] = {
		{ "Content-Security-Policy", "default-src 'none'; "
		    "style-src 'self'; script-src 'self'; img-src 'self'; "
		    "connect-src 'self'; form-action 'self'; "
		    "frame-ancestors 'none'; base-uri 'none'" },
		{ "X-Frame-Options", "DENY" },
		{ "X-Content-Type-Options", "nosniff" },
		{ "Referrer-Policy", "same-origin" },
		{ "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Permissions-Policy",
		    "camera=(), microphone=(), geolocation=()" },
	};
	char cookie[160];
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		(void)MHD_add_response_header(r, fixed[i][0], fixed[i][1]);
	(void)MHD_add_response_header(r, "Cache-Control",
	    is_static ? "private, max-age=3600" : "no-store");
	if (cn == NULL)
		return;
	if (cn->fresh[0] != '\0') {
		(void)snprintf(cookie, sizeof(cookie),
		    "rx=%s; Path=/; HttpOnly; SameSite=Strict%s", cn->fresh,
		    w->o.tls_cert != NULL ? "; Secure" : "");
		(void)MHD_add_response_header(r, "Set-Cookie", cookie);
	}
	if (cn->set_lang != NULL) {
		(void)snprintf(cookie, sizeof(cookie), "lang=%s; Path=/; "
		    "HttpOnly; SameSite=Strict; Max-Age=31536000",
		    cn->set_lang);
		(void)MHD_add_response_header(r, "Set-Cookie", cookie);
	}
}

static enum MHD_Result
answer_bytes(const struct conn *cn, const struct rx_web *w,
    struct MHD_Connection *c, unsigned status, const char *type,
    const void *p, size_t n, bool is_static)
{
	struct MHD_Response *r;
	enum MHD_Result ok;

	if ((r = MHD_create_response_from_buffer(n, (void *)(uintptr_t)p,
	    is_static ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY)) ==
	    NULL)
		return (MHD_NO);
	(void)MHD_add_response_header(r, "Content-Type", type);
	add_headers(cn, w, r, is_static);
	if (cn != NULL && cn->a.filename[0] != '\0') {
		char disposition[192];

		(void)snprintf(disposition, sizeof(disposition),
		    "attachment; filename=\"%s\"", cn->a.filename);
		(void)MHD_add_response_header(r, "Content-Disposition",
		    disposition);
	}
	ok = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return (ok);
}

/* A refusal without a page: what was asked is malformed or foreign. */
static enum MHD_Result
answer_refusal(struct rx_web *w, struct MHD_Connection *c, unsigned status)
{
	static const char text[] = "runxin: request refused\n";
	struct MHD_Response *r;
	enum MHD_Result ok;

	if ((r = MHD_create_response_from_buffer(sizeof(text) - 1,
	    (void *)(uintptr_t)text, MHD_RESPMEM_PERSISTENT)) == NULL)
		return (MHD_NO);
	(void)MHD_add_response_header(r, "Content-Type",
	    "text/plain; charset=utf-8");
	(void)MHD_add_response_header(r, "Connection", "close");
	add_headers(NULL, w, r, false);
	ok = MHD_queue_response(c, status, r);
	MHD_destroy_response(r);
	return (ok);
}

static enum MHD_Result
answer_redirect(const struct conn *cn, struct rx_web *w,
    struct MHD_Connection *c, const char *path)
{
	struct MHD_Response *r;
	enum MHD_Result ok;

	if ((r = MHD_create_response_from_buffer(0, NULL,
	    MHD_RESPMEM_PERSISTENT)) == NULL)
		return (MHD_NO);
	(void)MHD_add_response_header(r, "Location", path);
	add_headers(cn, w, r, false);
	ok = MHD_queue_response(c, MHD_HTTP_SEE_OTHER, r);
	MHD_destroy_response(r);
	return (ok);
}

/* What every page is given besides its own data. */
static rx_err
put_common(struct conn *cn, struct rx_web *w, struct rx_status *st)
{
	static const struct { enum rx_role role; const char *key; } roles[] = {
		{ RX_ROLE_DIRECTOR, "is_director" },
		{ RX_ROLE_SUPERVISOR, "is_supervisor" },
		{ RX_ROLE_STATISTICIAN, "is_statistician" },
		{ RX_ROLE_ADMIN, "is_admin" },
	};
	struct rx_session *s = cn->entry != NULL ? cn->entry->s : NULL;
	json_t *d = cn->a.data;
	size_t i;
	rx_err rc;

	(void)w;
	if ((rc = rx_put_text(d, "csrf", cn->csrf, st)) != RX_OK ||
	    (rc = rx_put_text(d, "path", cn->q.path, st)) != RX_OK ||
	    (rc = rx_put_bool(d, "english", cn->q.lang == RX_LANG_EN, st)) !=
	    RX_OK || (rc = rx_put_bool(d, "signed_in", s != NULL, st)) != RX_OK)
		return (rc);
	if (s == NULL)
		return (RX_OK);
	if ((rc = rx_put_bool(d, "temporary", rx_session_temporary(s), st)) !=
	    RX_OK ||
	    (rc = rx_put_text(d, "user", rx_session_user(s), st)) != RX_OK ||
	    (rc = rx_put_int(d, "idle", w->o.idle, st)) != RX_OK)
		return (rc);
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++)
		if ((rc = rx_put_bool(d, roles[i].key,
		    rx_session_has_role(s, roles[i].role), st)) != RX_OK)
			return (rc);
	if (cn->entry->flash != RX_MSG_NONE && cn->a.page != NULL) {
		rc = rx_put_text(d, "flash", rx_msg(cn->entry->flash,
		    cn->q.lang), st);
		cn->entry->flash = RX_MSG_NONE;
	}
	return (rc);
}

/* What only whoever runs the server can mend is told there. */
static void
log_failure(const struct rx_status *st)
{
	char text[512];

	rx_status_text(st, RX_LANG_EN, text, sizeof(text));
	(void)fprintf(stderr, "runxin: %s\n", text);
}

/* Render the page of ${cn}. */
static enum MHD_Result
answer_page(struct conn *cn, struct rx_web *w, struct MHD_Connection *c)
{
	struct rx_buf html = RX_BUF_INIT;
	enum MHD_Result ok;

	if (put_common(cn, w, &cn->st) != RX_OK || rx_template_render(&html,
	    cn->a.page, cn->a.data, cn->q.lang, &cn->st) != RX_OK) {
		log_failure(&cn->st);
		rx_buf_free(&html);
		return (answer_refusal(w, c, MHD_HTTP_INTERNAL_SERVER_ERROR));
	}
	ok = answer_bytes(cn, w, c, cn->a.status, "text/html; charset=utf-8",
	    html.b, html.len, false);
	rx_buf_free(&html);
	return (ok);
}

/* An error becomes a page that says what to do. */
static enum MHD_Result
answer_error(struct conn *cn, struct rx_web *w, struct MHD_Connection *c)
{
	struct rx_status st;

	rx_status_clear(&st);
	if (cn->st.code == RX_EINTERNAL || cn->st.code == RX_ECORRUPT)
		log_failure(&cn->st);
	json_object_clear(cn->a.data);
	if (rx_put_error(&cn->a, &cn->q, &cn->st) != RX_OK)
		return (answer_refusal(w, c, MHD_HTTP_INTERNAL_SERVER_ERROR));
	cn->a.page = "error";
	return (answer_page(cn, w, c));
}

/* ---- requests ---- */

struct header_count {
	unsigned length, encoding, host, origin, cookie, type, odd;
};

static enum MHD_Result
count_header(void *cookie, enum MHD_ValueKind kind, const char *name,
    const char *value)
{
	struct header_count *n = cookie;

	(void)kind;
	(void)value;
	n->length += strcasecmp(name, "Content-Length") == 0;
	n->encoding += strcasecmp(name, "Transfer-Encoding") == 0;
	n->host += strcasecmp(name, "Host") == 0;
	n->origin += strcasecmp(name, "Origin") == 0;
	n->cookie += strcasecmp(name, "Cookie") == 0;
	n->type += strcasecmp(name, "Content-Type") == 0;
	n->odd += *name == '\0' || strpbrk(name, " \t\r\n") != NULL;
	return (MHD_YES);
}

/* A plain decimal of at most 10 digits. */
static bool
length_parse(const char *s, size_t *n)
{
	size_t i;

	for (i = 0, *n = 0; s[i] >= '0' && s[i] <= '9' && i < 10; i++)
		*n = *n * 10 + (size_t)(s[i] - '0');
	return (i > 0 && s[i] == '\0');
}

/* Why this request is not to be looked at: a status, or 0. */
static unsigned
refuse_headers(struct rx_web *w, struct MHD_Connection *c, bool post)
{
	struct header_count n;
	const char *type;
	size_t length = 0;

	memset(&n, 0, sizeof(n));
	(void)MHD_get_connection_values(c, MHD_HEADER_KIND, count_header, &n);
	/* What two readers of the request could read differently. */
	if (n.length > 1 || n.encoding > 0 || n.host != 1 || n.origin > 1 ||
	    n.cookie > 1 || n.type > 1 || n.odd > 0)
		return (MHD_HTTP_BAD_REQUEST);
	if (n.length == 1 && !length_parse(header(c, "Content-Length"),
	    &length))
		return (MHD_HTTP_BAD_REQUEST);
	if (length > BODY_MAX)
		return (MHD_HTTP_CONTENT_TOO_LARGE);
	if (!rx_guard_host(&w->o, w->port, header(c, "Host")))
		return (MHD_HTTP_MISDIRECTED_REQUEST);
	if (!post)
		return (length > 0 ? MHD_HTTP_BAD_REQUEST : 0);
	if (n.length != 1)
		return (MHD_HTTP_LENGTH_REQUIRED);
	type = header(c, "Content-Type");
	if (type == NULL || strncasecmp(type,
	    "application/x-www-form-urlencoded", 33) != 0 ||
	    strchr("; ", type[33]) == NULL)
		return (MHD_HTTP_UNSUPPORTED_MEDIA_TYPE);
	if (!rx_guard_origin(w->o.tls_cert != NULL, header(c, "Host"),
	    header(c, "Origin"), header(c, "Sec-Fetch-Site")))
		return (MHD_HTTP_FORBIDDEN);
	return (0);
}

static enum MHD_Result
take_form(void *cookie, enum MHD_ValueKind kind, const char *name,
    const char *filename, const char *type, const char *encoding,
    const char *data, uint64_t off, size_t size)
{
	struct conn *cn = cookie;

	(void)kind;
	(void)filename;
	(void)type;
	(void)encoding;
	return (rx_fields_add(cn->fields, name, data, size, off == 0,
	    &cn->st) == RX_OK ? MHD_YES : MHD_NO);
}

static enum MHD_Result
take_query(void *cookie, enum MHD_ValueKind kind, const char *name,
    size_t nname, const char *value, size_t nvalue)
{
	struct conn *cn = cookie;

	(void)kind;
	(void)nname;
	return (rx_fields_add(cn->fields, name, value != NULL ? value : "",
	    nvalue, true, &cn->st) == RX_OK ? MHD_YES : MHD_NO);
}

static void
source_of(struct MHD_Connection *c, char out[64])
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *sa = info != NULL ? info->client_addr : NULL;

	out[0] = '\0';
	if (sa != NULL && sa->sa_family == AF_INET)
		(void)inet_ntop(AF_INET, &((const struct sockaddr_in *)
		    (const void *)sa)->sin_addr, out, 64);
	else if (sa != NULL && sa->sa_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)
		    (const void *)sa)->sin6_addr, out, 64);
}

static enum rx_lang
lang_of(struct conn *cn, struct rx_web *w, struct MHD_Connection *c)
{
	const char *v = cn->st.code == RX_OK ? rx_field(&cn->q, "lang") : "";

	if (strcmp(v, "zh") == 0 || strcmp(v, "en") == 0)
		cn->set_lang = v[0] == 'z' ? "zh" : "en";
	else if ((v = MHD_lookup_connection_value(c, MHD_COOKIE_KIND,
	    "lang")) == NULL)
		v = header(c, "Accept-Language");
	if (v != NULL && strncmp(v, "en", 2) == 0)
		return (RX_LANG_EN);
	if (v != NULL && strncmp(v, "zh", 2) == 0)
		return (RX_LANG_ZH);
	return (w->o.lang);
}

/* Does ${path} fit ${pattern}?  Each * stands for one part of the path. */
static bool
path_fits(const char *pattern, const char *path, char args[ARGS_MAX][128])
{
	size_t n, k = 0;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern != '*') {
			if (*path++ != *pattern)
				return (false);
			continue;
		}
		n = strcspn(path, "/");
		if (n == 0 || n >= 128 || k == ARGS_MAX)
			return (false);
		memcpy(args[k], path, n);
		args[k++][n] = '\0';
		path += n;
	}
	return (*path == '\0');
}

static const struct rx_route *
route_find(struct conn *cn, const char *method, const char *path)
{
	const struct rx_route *all;
	size_t i, n;

	all = rx_route_all(&n);
	for (i = 0; i < n; i++)
		if (strcmp(all[i].method, method) == 0 &&
		    path_fits(all[i].pattern, path, cn->args))
			return (&all[i]);
	return (NULL);
}

static bool
role_permits(const struct rx_route *route, struct rx_session *s)
{
	int role;

	if (route->roles & RX_WEB_SIGNED_IN)
		return (true);
	for (role = RX_ROLE_ADMIN; role <= RX_ROLE_STATISTICIAN; role++)
		if ((route->roles & (1u << role)) != 0 &&
		    rx_session_has_role(s, (enum rx_role)role))
			return (true);
	return (false);
}

/* ---- workers ---- */

static void
run_page(struct conn *cn)
{

	rx_status_clear(&cn->st);
	cn->rc = cn->route->page(&cn->q, &cn->a, &cn->st);
	cn->ran = true;
}

static void *
worker_main(void *cookie)
{
	struct rx_web *w = cookie;
	struct conn *cn;

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
		(void)pthread_mutex_unlock(&w->lock);
		run_page(cn);
		MHD_resume_connection(cn->c);
	}
}

/* Give ${cn} to the workers; false when the queue is full. */
static bool
enqueue(struct rx_web *w, struct conn *cn, struct MHD_Connection *c)
{
	bool room;

	(void)pthread_mutex_lock(&w->lock);
	if ((room = w->queued < QUEUE_MAX && !w->stopping)) {
		if (cn->entry != NULL)
			cn->entry->busy = true;
		cn->c = c;
		MHD_suspend_connection(c);
		cn->next = NULL;
		if (w->tail != NULL)
			w->tail->next = cn;
		else
			w->head = cn;
		w->tail = cn;
		w->queued++;
		(void)pthread_cond_signal(&w->wake);
	}
	(void)pthread_mutex_unlock(&w->lock);
	return (room);
}

/* ---- one request from end to end ---- */

/* After a page has run: sessions begin and end, then the answer goes out.  The
 * lock is held. */
static enum MHD_Result
finish(struct rx_web *w, struct conn *cn, struct MHD_Connection *c)
{

	cn->finished = true;
	if (cn->entry != NULL) {
		cn->entry->busy = false;
		cn->entry->last = ticks();
	}
	if (cn->rc == RX_OK && cn->a.end_user[0] != '\0') {
		end_user(w, cn->a.end_user);
		if (cn->entry != NULL && cn->entry->s == NULL)
			cn->entry = NULL;	/* his own */
	}
	if (cn->a.sign_in != NULL) {
		if (cn->entry != NULL)
			entry_end(cn->entry);
		/* A new cookie: what a visitor was given is worth nothing. */
		token_new(cn->fresh);
		cn->entry = entry_new(w, cn->a.sign_in, cn->fresh);
		if (cn->entry == NULL) {
			rx_session_close(cn->a.sign_in);
			cn->a.sign_in = NULL;
			return (answer_refusal(w, c,
			    MHD_HTTP_SERVICE_UNAVAILABLE));
		}
		cn->a.sign_in = NULL;
	}
	if (cn->entry != NULL && cn->a.flash != RX_MSG_NONE)
		cn->entry->flash = cn->a.flash;
	if (cn->entry != NULL && (cn->a.sign_out || cn->entry->doomed)) {
		cn->entry->doomed = false;
		entry_end(cn->entry);
		cn->entry = NULL;
		token_new(cn->fresh);
	}
	if (cn->rc != RX_OK)
		return (answer_error(cn, w, c));
	if (cn->a.redirect[0] != '\0')
		return (answer_redirect(cn, w, c, cn->a.redirect));
	if (cn->a.page == NULL)
		return (answer_bytes(cn, w, c, cn->a.status, cn->a.type,
		    cn->a.body.b, cn->a.body.len, false));
	return (answer_page(cn, w, c));
}

/* Who asks: cookie, session, language, CSRF token.  The lock is held. */
static void
identify(struct rx_web *w, struct conn *cn, struct MHD_Connection *c)
{
	const char *token = MHD_lookup_connection_value(c, MHD_COOKIE_KIND,
	    "rx");

	if (token != NULL && strlen(token) == TOKEN_HEX)
		rx_text_copy(cn->token, sizeof(cn->token), token);
	else {
		token_new(cn->token);
		rx_text_copy(cn->fresh, sizeof(cn->fresh), cn->token);
	}
	sweep(w);
	cn->entry = entry_find(w, cn->token);
	csrf_of(w, cn->token, cn->csrf);
	source_of(c, cn->source);
	cn->q.web = w;
	cn->q.dir = w->o.dir;
	cn->q.source = cn->source;
	cn->q.fields = cn->fields;
	cn->q.lang = lang_of(cn, w, c);
	cn->q.arg[0] = cn->args[0];
	cn->q.arg[1] = cn->args[1];
	cn->q.session = cn->entry != NULL ? cn->entry->s : NULL;
}

/* Fail the request with ${msg}. */
static enum MHD_Result
fail(struct rx_web *w, struct conn *cn, struct MHD_Connection *c, rx_err code,
    enum rx_msg msg)
{

	rx_status_clear(&cn->st);
	(void)rx_fail(&cn->st, code, msg);
	return (answer_error(cn, w, c));
}

static bool
is_open(const struct rx_route *route)
{

	return ((route->roles & ~RX_WEB_SLOW) == RX_WEB_ANYONE);
}

/* Whether the form has the token of its session. */
static bool
has_token(const struct conn *cn)
{
	const char *token = rx_field(&cn->q, "csrf");

	return (strlen(token) == TOKEN_HEX && rx_equal(cn->csrf, token,
	    TOKEN_HEX));
}

/* Why this request may not reach its page; RX_MSG_NONE when it may. */
static enum rx_msg
why_not(const struct conn *cn)
{
	const struct rx_route *route = cn->route;

	if (cn->q.post && cn->q.session == NULL && route != NULL &&
	    !is_open(route))
		return (RX_MSG_WEB_SIGN_IN);
	if (cn->q.post && !has_token(cn))
		return (RX_MSG_WEB_CSRF);
	if (route != NULL && !is_open(route) && cn->q.session != NULL &&
	    !role_permits(route, cn->q.session))
		return (RX_MSG_WEB_NOT_YOUR_PAGE);
	return (RX_MSG_NONE);
}

/* No page has this address.  That of a form that was sent, asked for again or
 * in the other language, leads to the page above, on which the form stood. */
static enum MHD_Result
answer_absent(struct rx_web *w, struct conn *cn, struct MHD_Connection *c,
    const char *path)
{
	char above[PATH_LONGEST];

	if (cn->q.post || route_find(cn, "POST", path) == NULL)
		return (fail(w, cn, c, RX_ENOENT, RX_MSG_WEB_NOT_FOUND));
	rx_text_copy(above, sizeof(above), path);
	*strrchr(above, '/') = '\0';
	return (answer_redirect(cn, w, c, *above != '\0' ? above : "/"));
}

/* Everything is here: check rights, run the page.  The lock is held. */
static enum MHD_Result
dispatch(struct rx_web *w, struct conn *cn, struct MHD_Connection *c,
    const char *method, const char *path)
{
	enum rx_msg why;
	bool queued;
	rx_err rc;

	cn->q.path = path;
	/* First the fields: identify reads the language from one. */
	rc = rx_fields_check(cn->fields, &cn->st);
	identify(w, cn, c);
	if (rc != RX_OK)
		return (answer_error(cn, w, c));
	cn->route = route_find(cn, method, path);
	if ((why = why_not(cn)) != RX_MSG_NONE)
		return (fail(w, cn, c, RX_EPERM, why));
	if (cn->route != NULL && cn->q.session == NULL && !is_open(cn->route))
		return (answer_redirect(cn, w, c, "/login"));
	if (cn->route == NULL)
		return (answer_absent(w, cn, c, path));
	if (cn->entry != NULL && cn->entry->busy)
		return (fail(w, cn, c, RX_EIO, RX_MSG_WEB_BUSY));
	cn->a.status = 200;
	if ((cn->route->roles & RX_WEB_SLOW) == 0) {
		run_page(cn);
		return (finish(w, cn, c));
	}
	(void)pthread_mutex_unlock(&w->lock);
	queued = enqueue(w, cn, c);
	(void)pthread_mutex_lock(&w->lock);
	return (queued ? MHD_YES : fail(w, cn, c, RX_EIO, RX_MSG_WEB_BUSY));
}

static enum MHD_Result
answer_static(struct rx_web *w, struct MHD_Connection *c, const char *path)
{
	const char *dot = strrchr(path, '.'), *type = "text/plain";
	const char *p;
	size_t n;

	if (strncmp(path, "/static/", 8) != 0 ||
	    (p = rx_web_asset(path + 1, &n)) == NULL)
		return (answer_refusal(w, c, MHD_HTTP_NOT_FOUND));
	if (dot != NULL && strcmp(dot, ".css") == 0)
		type = "text/css; charset=utf-8";
	if (dot != NULL && strcmp(dot, ".js") == 0)
		type = "text/javascript; charset=utf-8";
	if (dot != NULL && strcmp(dot, ".svg") == 0)
		type = "image/svg+xml";
	return (answer_bytes(NULL, w, c, 200, type, p, n, true));
}

/* The first call for a request: only the headers are there. */
static enum MHD_Result
begin(struct rx_web *w, struct MHD_Connection *c, const char *method,
    const char *path, void **state)
{
	const bool post = strcmp(method, "POST") == 0;
	struct conn *cn;
	unsigned status = 0;

	if (!post && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return (answer_refusal(w, c, MHD_HTTP_METHOD_NOT_ALLOWED));
	if (*path != '/' || strlen(path) >= PATH_LONGEST ||
	    !rx_utf8_valid(path, strlen(path)))
		return (answer_refusal(w, c, MHD_HTTP_BAD_REQUEST));
	if ((status = refuse_headers(w, c, post)) != 0)
		return (answer_refusal(w, c, status));
	if ((cn = calloc(1, sizeof(*cn))) == NULL)
		return (MHD_NO);
	*state = cn;
	cn->q.post = post;
	rx_status_clear(&cn->st);
	if ((cn->a.data = json_object()) == NULL ||
	    rx_fields_new(&cn->fields, &cn->st) != RX_OK)
		return (MHD_NO);
	(void)MHD_get_connection_values_n(c, MHD_GET_ARGUMENT_KIND, take_query,
	    cn);
	if (post && (cn->pp = MHD_create_post_processor(c, 4096, take_form,
	    cn)) == NULL)
		return (MHD_NO);
	return (MHD_YES);
}

static enum MHD_Result
handle(void *cookie, struct MHD_Connection *c, const char *path,
    const char *method, const char *version, const char *data, size_t *size,
    void **state)
{
	struct rx_web *w = cookie;
	struct conn *cn = *state;
	enum MHD_Result ok;

	(void)version;
	if (cn == NULL) {
		if (strncmp(path, "/static/", 8) == 0 &&
		    strcmp(method, "GET") == 0)
			return (refuse_headers(w, c, false) != 0 ?
			    answer_refusal(w, c, MHD_HTTP_BAD_REQUEST) :
			    answer_static(w, c, path));
		return (begin(w, c, method, path, state));
	}
	if (*size > 0) {
		cn->body += *size;
		if (cn->body > BODY_MAX || cn->pp == NULL ||
		    MHD_post_process(cn->pp, data, *size) != MHD_YES)
			cn->refused = MHD_HTTP_BAD_REQUEST;
		*size = 0;
		return (MHD_YES);
	}
	if (cn->pp != NULL) {
		if (MHD_destroy_post_processor(cn->pp) != MHD_YES)
			cn->refused = MHD_HTTP_BAD_REQUEST;
		cn->pp = NULL;
	}
	if (cn->refused != 0)
		return (answer_refusal(w, c, cn->refused));
	link_reads(w, c, false);
	(void)pthread_mutex_lock(&w->lock);
	ok = cn->ran ? finish(w, cn, c) : dispatch(w, cn, c,
	    strcmp(method, "HEAD") == 0 ? "GET" : method, path);
	(void)pthread_mutex_unlock(&w->lock);
	return (ok);
}

static void
completed(void *cookie, struct MHD_Connection *c, void **state,
    enum MHD_RequestTerminationCode code)
{
	struct conn *cn = *state;
	struct rx_web *w = cookie;

	(void)code;
	link_reads(w, c, true);
	if (cn == NULL)
		return;
	if (cn->ran && !cn->finished && cn->entry != NULL) {
		/* He left while a worker was at it. */
		(void)pthread_mutex_lock(&w->lock);
		cn->entry->busy = false;
		if (cn->entry->doomed || cn->a.sign_out)
			entry_end(cn->entry);
		(void)pthread_mutex_unlock(&w->lock);
	}
	if (cn->pp != NULL)
		(void)MHD_destroy_post_processor(cn->pp);
	rx_session_close(cn->a.sign_in);
	rx_fields_free(cn->fields);
	rx_buf_free(&cn->a.body);
	json_decref(cn->a.data);
	rx_wipe(cn, sizeof(*cn));
	free(cn);
	*state = NULL;
}

/* ---- the server ---- */

static rx_err
start_threads(struct rx_web *w, struct rx_status *st)
{
	unsigned i;

	for (i = 0; i < WORKERS; i++, w->threads++)
		if (pthread_create(&w->worker[i], NULL, worker_main, w) != 0)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (pthread_create(&w->sweeper, NULL, sweeper_main, w) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	w->threads++;
	return (RX_OK);
}

static rx_err
read_tls(struct rx_web *w, struct rx_status *st)
{
	rx_err rc;

	if (w->o.tls_cert == NULL)
		return (RX_OK);
	if ((rc = rx_file_read(&w->cert, w->o.tls_cert, 1 << 20, st)) !=
	    RX_OK || (rc = rx_file_read(&w->key, w->o.tls_key, 1 << 20, st)) !=
	    RX_OK || (rc = rx_buf_add(&w->cert, "", 1, st)) != RX_OK)
		return (rc);
	return (rx_buf_add(&w->key, "", 1, st));
}

static rx_err
cannot_listen(const struct rx_web *w, struct rx_status *st)
{

	rx_status_arg(st, "address", "%s:%u", w->o.address,
	    (unsigned)w->o.port);
	return (rx_fail(st, RX_EIO, RX_MSG_WEB_LISTEN));
}

/* The port must be known before the first request is looked at: so the socket
 * is made here, and the daemon takes it over. */
static rx_err
bind_socket(struct rx_web *w, int *fd, struct rx_status *st)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);
	const int on = 1;

	sa.sin_port = htons(w->o.port);
	if (inet_pton(AF_INET, w->o.address, &sa.sin_addr) != 1)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_ADDRESS));
	if ((*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0)) == -1)
		return (cannot_listen(w, st));
	if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    bind(*fd, (const struct sockaddr *)(const void *)&sa, n) != 0 ||
	    listen(*fd, SOMAXCONN) != 0 || getsockname(*fd,
	    (struct sockaddr *)(void *)&sa, &n) != 0) {
		(void)close(*fd);
		return (cannot_listen(w, st));
	}
	w->port = ntohs(sa.sin_port);
	return (RX_OK);
}

static rx_err
listen_on(struct rx_web *w, struct rx_status *st)
{
	char versions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	struct MHD_OptionItem tls[] = {
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, w->cert.b },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, w->key.b },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, versions },
		{ MHD_OPTION_END, 0, NULL }
	};
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO |
	    MHD_ALLOW_SUSPEND_RESUME;
	int fd;
	rx_err rc;

	if (w->cert.len > 0)
		flags |= MHD_USE_TLS;
	else
		tls[0].option = MHD_OPTION_END;
	if ((rc = bind_socket(w, &fd, st)) != RX_OK)
		return (rc);
	w->daemon = MHD_start_daemon(flags, w->port, NULL, NULL, handle, w,
	    MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)PER_ADDRESS_MAX,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(64 << 10),
	    MHD_OPTION_STRICT_FOR_CLIENT, 1,
	    MHD_OPTION_NOTIFY_COMPLETED, completed, w,
	    MHD_OPTION_NOTIFY_CONNECTION, connected, w,
	    MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
	if (w->daemon == NULL) {
		(void)close(fd);
		return (cannot_listen(w, st));
	}
	return (RX_OK);
}

rx_err
rx_web_start(struct rx_web **out, const struct rx_web_options *options,
    struct rx_status *st)
{
	struct rx_web *w;
	size_t i;
	rx_err rc;

	*out = NULL;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	w->o = *options;
	rx_random(w->secret, sizeof(w->secret));
	for (i = 0; i < CONNECTIONS_MAX; i++)
		w->link[i].fd = -1;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_mutex_init(&w->links, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	if ((rc = read_tls(w, st)) != RX_OK ||
	    (rc = start_threads(w, st)) != RX_OK ||
	    (rc = listen_on(w, st)) != RX_OK) {
		rx_web_stop(w);
		return (rc);
	}
	*out = w;
	return (RX_OK);
}

uint16_t
rx_web_port(const struct rx_web *w)
{

	return (w->port);
}

void
rx_web_stop(struct rx_web *w)
{
	unsigned i;
	size_t k;

	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stopping = true;
	(void)pthread_cond_broadcast(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	/* The workers finish what is queued, so that nothing stays suspended. */
	for (i = 0; i < w->threads && i < WORKERS; i++)
		(void)pthread_join(w->worker[i], NULL);
	if (w->threads > WORKERS)
		(void)pthread_join(w->sweeper, NULL);
	if (w->daemon != NULL)
		MHD_stop_daemon(w->daemon);
	for (k = 0; k < SESSIONS_MAX; k++)
		rx_session_close(w->entry[k].s);
	rx_buf_free(&w->cert);
	rx_buf_free(&w->key);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_mutex_destroy(&w->links);
	(void)pthread_cond_destroy(&w->wake);
	rx_wipe(w, sizeof(*w));
	free(w);
}
