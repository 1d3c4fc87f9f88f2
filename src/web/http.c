#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "web/server.h"

/*
 * One request from end to end.  The library calls rx_http_target when it has
 * read the first line, rx_http_handle when the head is there, with each piece
 * of the body, at its end and when a suspended request goes on, and
 * rx_http_completed at last, whatever happened.
 */

#define DRAIN_MAX (8u << 20)	/* of a body too large, to answer it in peace */
#define DRAIN_UPLOAD (256u << 20)	/* of a file */

int64_t
rx_ticks(void)
{
	struct timespec t = { 0, 0 };

	(void)clock_gettime(CLOCK_BOOTTIME, &t);
	return ((int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* ---- who asks ---- */

/* The address that failures are counted for, as text. */
static void
source_of(struct rx_conn *cn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(cn->c,
	    MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	uint8_t source[16];

	rx_link_source(source, info != NULL ? info->client_addr : NULL);
	if (inet_ntop(AF_INET6, source, cn->source, sizeof(cn->source)) ==
	    NULL)
		cn->source[0] = '\0';
}

/* Asked for in the address, chosen before, of the browser, of the server. */
static enum rx_lang
lang_of(struct rx_conn *cn)
{
	const char *v = cn->q.fields != NULL ? rx_field(&cn->q, "lang") : "";
	char chosen[3];

	if (strcmp(v, "zh") == 0 || strcmp(v, "en") == 0)
		cn->set_lang = v[0] == 'z' ? "zh" : "en";
	else if (rx_check_cookie(cn, "lang", chosen, 2))
		v = chosen;
	else
		v = rx_header(cn, "Accept-Language");
	if (v != NULL && strncmp(v, "en", 2) == 0)
		return (RX_LANG_EN);
	if (v != NULL && strncmp(v, "zh", 2) == 0)
		return (RX_LANG_ZH);
	return (cn->w->o.lang);
}

/* Cookie, session, CSRF token, language.  The lock is held. */
static void
identify(struct rx_conn *cn)
{

	if (!rx_check_cookie(cn, rx_cookie_name(cn->w), cn->token,
	    RX_TOKEN_HEX)) {
		rx_token_new(cn->token);
		memcpy(cn->fresh, cn->token, sizeof(cn->fresh));
	}
	rx_sessions_sweep(cn->w);
	cn->entry = rx_entry_find(cn->w, cn->token);
	rx_csrf_of(cn->w, cn->token, cn->csrf);
	source_of(cn);
	cn->q.web = cn->w;
	cn->q.dir = cn->w->o.dir;
	cn->q.source = cn->source;
	cn->q.path = cn->path;
	cn->q.fields = cn->fields;
	cn->q.arg[0] = cn->args.v[0];
	cn->q.arg[1] = cn->args.v[1];
	cn->q.session = cn->entry != NULL ? cn->entry->s : NULL;
	cn->q.kept = NULL;
	cn->q.nkept = 0;
	if (cn->entry != NULL && cn->entry->kept.len > 0) {
		cn->q.kept = cn->entry->kept.b + cn->entry->file;
		cn->q.nkept = cn->entry->nfile;
	}
	cn->q.lang = lang_of(cn);
}

/* ---- may he ---- */

static bool
is_open(const struct rx_route *route)
{

	return ((route->roles & ~(RX_WEB_SLOW | RX_WEB_SCRIPT |
	    RX_WEB_UPLOAD)) == RX_WEB_ANYONE);
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

/* Whether the form has the token of its session. */
static bool
has_token(const struct rx_conn *cn)
{
	const char *token = rx_field(&cn->q, "csrf");

	return (strlen(token) == RX_TOKEN_HEX && rx_equal(cn->csrf, token,
	    RX_TOKEN_HEX));
}

/* Why this request may not reach its page; RX_MSG_NONE when it may. */
static enum rx_msg
why_not(const struct rx_conn *cn)
{
	const struct rx_route *route = cn->route;
	const bool closed = route != NULL && !is_open(route);

	if (closed && cn->q.session == NULL && (cn->q.post ||
	    (route->roles & RX_WEB_SCRIPT) != 0))
		return (RX_MSG_WEB_SIGN_IN);
	if (cn->q.post && !has_token(cn))
		return (RX_MSG_WEB_CSRF);
	if (closed && cn->q.session != NULL &&
	    !role_permits(route, cn->q.session))
		return (RX_MSG_WEB_NOT_YOUR_PAGE);
	return (RX_MSG_NONE);
}

/* ---- the page ---- */

static enum MHD_Result
fail(struct rx_conn *cn, rx_err code, enum rx_msg msg)
{

	rx_status_clear(&cn->st);
	(void)rx_fail(&cn->st, code, msg);
	return (rx_answer_error(cn));
}

/* No page has this address.  One with a slash too many leads to it without;
 * that of a form, asked for again, to the page on which the form stood. */
static enum MHD_Result
answer_absent(struct rx_conn *cn)
{
	char path[RX_PATH_BYTES];
	size_t n = strlen(cn->path);

	if (!cn->q.post && n > 1 && cn->path[n - 1] == '/') {
		rx_text_copy(path, sizeof(path), cn->path);
		path[n - 1] = '\0';
		if (rx_route_find("GET", path, &cn->args) != NULL)
			return (rx_answer_redirect(cn, path));
	}
	if (cn->q.post || rx_route_find("POST", cn->path, &cn->args) == NULL)
		return (fail(cn, RX_ENOENT, RX_MSG_WEB_NOT_FOUND));
	rx_page_above(path, cn->path);
	return (rx_answer_redirect(cn, path));
}

/* A page signed somebody in: what a visitor was given is worth nothing, so he
 * gets a new cookie.  False when there is no room. */
static bool
sign_in(struct rx_conn *cn)
{

	if (cn->entry != NULL)
		rx_entry_end(cn->entry);
	rx_token_new(cn->fresh);
	cn->entry = rx_entry_new(cn->w, cn->a.sign_in, cn->fresh);
	if (cn->entry == NULL)
		rx_session_close(cn->a.sign_in);
	cn->a.sign_in = NULL;
	return (cn->entry != NULL);
}

/* The session is free again: now it can end, and others may go on. */
static void
let_go(struct rx_conn *cn)
{
	struct rx_entry *e = cn->entry;

	if (e == NULL)
		return;
	e->busy = false;
	e->last = rx_ticks();
	if (e->doomed || cn->a.sign_out) {
		rx_entry_end(e);
		cn->entry = NULL;
	}
	rx_queue_release(cn->w, e);
}

/* What the page leaves with the session. */
static void
keep(struct rx_conn *cn)
{
	struct rx_entry *e = cn->entry;

	if (cn->a.keep != RX_KEEP_AS_IS)
		rx_entry_drop(e);
	if (cn->a.keep == RX_KEEP_UPLOADED && cn->q.file != NULL) {
		e->file = (size_t)(cn->q.file - cn->body.b);
		e->nfile = cn->q.nfile;
		e->kept = cn->body;
		cn->body = (struct rx_buf)RX_BUF_INIT;
		cn->q.file = NULL;
	}
	/* Its place is that of what the page was made from. */
	if (cn->a.keep == RX_KEEP_MADE) {
		e->nfile = cn->a.made.len;
		e->kept = cn->a.made;
		cn->a.made = (struct rx_buf)RX_BUF_INIT;
	}
	if (cn->a.after != NULL) {
		json_decref(e->after);
		e->after = cn->a.after;
		cn->a.after = NULL;
	}
	if (cn->a.flash != RX_MSG_NONE)
		e->flash = cn->a.flash;
}

/* After a page has run: sessions begin and end, then the answer goes out.  The
 * lock is held. */
static enum MHD_Result
finish(struct rx_conn *cn)
{
	const bool was_in = cn->entry != NULL;

	cn->finished = true;
	let_go(cn);
	if (cn->rc == RX_OK && cn->a.end_user[0] != '\0') {
		rx_sessions_end_user(cn->w, cn->a.end_user);
		if (cn->entry != NULL && cn->entry->s == NULL)
			cn->entry = NULL;	/* his own */
	}
	if (cn->entry == NULL)
		cn->q.session = NULL;	/* closed, should it have been one */
	if (cn->a.sign_in != NULL && !sign_in(cn))
		return (fail(cn, RX_EIO, RX_MSG_WEB_BUSY));
	if (cn->entry != NULL && cn->rc == RX_OK)
		keep(cn);
	if (was_in && cn->entry == NULL)
		rx_token_new(cn->fresh);
	return (cn->rc != RX_OK ? rx_answer_error(cn) : rx_answer(cn));
}

/* A worker has the session, and may be replacing what it knows of its members:
 * not even its roles are looked at meanwhile. */
static enum MHD_Result
wait_for_it(struct rx_conn *cn)
{

	if (rx_queue_wait(cn))
		return (MHD_YES);
	cn->entry = NULL;
	cn->q.session = NULL;
	return (fail(cn, RX_EIO, RX_MSG_WEB_BUSY));
}

/* Everything is here: check rights, run the page.  The lock is held. */
static enum MHD_Result
dispatch(struct rx_conn *cn, const char *method)
{
	enum rx_msg why;

	identify(cn);
	cn->route = rx_route_find(strcmp(method, "HEAD") == 0 ? "GET" : method,
	    cn->path, &cn->args);
	if (cn->entry != NULL && cn->entry->busy)
		return (wait_for_it(cn));
	if (cn->rc != RX_OK)	/* of the fields */
		return (rx_answer_error(cn));
	if ((why = why_not(cn)) != RX_MSG_NONE)
		return (fail(cn, RX_EPERM, why));
	if (cn->route == NULL)
		return (answer_absent(cn));
	if (cn->q.session == NULL && !is_open(cn->route))
		return (rx_answer_redirect(cn, "/login"));
	cn->a.status = MHD_HTTP_OK;
	if ((cn->route->roles & RX_WEB_SLOW) != 0)
		return (rx_queue_add(cn) ? MHD_YES :
		    fail(cn, RX_EIO, RX_MSG_WEB_BUSY));
	cn->rc = cn->route->page(&cn->q, &cn->a, &cn->st);
	return (finish(cn));
}

/* ---- callbacks of the library ---- */

void *
rx_http_target(void *web, const char *target, struct MHD_Connection *c)
{
	struct rx_conn *cn;

	if ((cn = calloc(1, sizeof(*cn))) == NULL)
		return (NULL);
	cn->w = web;
	cn->c = c;
	rx_link_set(cn, RX_LINK_READS);
	rx_status_clear(&cn->st);
	if ((cn->target = strdup(target)) == NULL ||
	    (cn->a.data = json_object()) == NULL) {
		free(cn->target);
		free(cn);
		return (NULL);
	}
	return (cn);
}

/* Answer a refused request: at once, unless the browser is about to send a body
 * of some size, and would not listen before that. */
static enum MHD_Result
refuse(struct rx_conn *cn)
{
	const size_t n = rx_check_length(cn);
	const size_t most = cn->boundary[0] != '\0' ? DRAIN_UPLOAD :
	    DRAIN_MAX;

	if (cn->refused != MHD_HTTP_BAD_REQUEST && n <= most &&
	    cn->drained < n)
		return (MHD_YES);
	return (rx_answer_refusal(cn, cn->refused));
}

/* A file comes in only from somebody who is signed in, and while there is room:
 * a status, 0 when it may. */
static unsigned
place_upload(struct rx_conn *cn)
{
	struct rx_web *w = cn->w;
	struct rx_entry *e;
	unsigned status = 0;

	(void)pthread_mutex_lock(&w->lock);
	rx_sessions_sweep(w);
	e = rx_check_cookie(cn, rx_cookie_name(w), cn->token, RX_TOKEN_HEX) ?
	    rx_entry_find(w, cn->token) : NULL;
	if (e == NULL)
		status = MHD_HTTP_UNAUTHORIZED;
	else if (!rx_entry_place(w, e))
		status = MHD_HTTP_SERVICE_UNAVAILABLE;
	else {
		cn->placed = true;
		w->uploads++;
	}
	(void)pthread_mutex_unlock(&w->lock);
	if (cn->placed)
		rx_link_set(cn, RX_LINK_UPLOADS);
	return (status);
}

/* Only the head is there. */
static enum MHD_Result
begin(struct rx_conn *cn, const char *method, const char *version)
{

	cn->begun = true;
	cn->q.post = strcmp(method, "POST") == 0;
	(void)rx_check_path(cn->path, cn->target);
	cn->route = rx_route_find(cn->q.post ? "POST" : "GET", cn->path,
	    &cn->args);
	cn->most = rx_check_upload(cn, cn->boundary) ? RX_UPLOAD_MAX :
	    RX_BODY_MAX;
	cn->refused = rx_check_request(cn, method, version);
	if (cn->refused == 0 && rx_link_crowded(cn))
		cn->refused = MHD_HTTP_SERVICE_UNAVAILABLE;
	if (cn->refused == 0 && cn->boundary[0] != '\0')
		cn->refused = place_upload(cn);
	cn->q.lang = lang_of(cn);
	if (cn->refused != 0)
		return (refuse(cn));
	if (!cn->q.post && strncmp(cn->path, "/static/", 8) == 0)
		return (rx_answer_static(cn));
	if (rx_fields_new(&cn->fields, &cn->st) != RX_OK)
		return (MHD_NO);
	return (MHD_YES);
}

static enum MHD_Result
take(struct rx_conn *cn, const char *data, size_t n)
{

	if (cn->refused != 0) {
		cn->drained += n;
		return (MHD_YES);
	}
	if (n > cn->most - cn->body.len)
		cn->refused = MHD_HTTP_CONTENT_TOO_LARGE;
	else if (rx_buf_add(&cn->body, data, n, &cn->st) != RX_OK)
		return (MHD_NO);
	return (MHD_YES);
}

/* The fields of the address and of the form, together.  A file stays where it
 * is. */
static void
read_fields(struct rx_conn *cn)
{
	const char *query = strchr(cn->target, '?');
	rx_err rc = RX_OK;

	if (query != NULL)
		rc = rx_fields_parse(cn->fields, query + 1,
		    strlen(query + 1), &cn->st);
	if (rc == RX_OK && cn->boundary[0] != '\0')
		rc = rx_fields_multipart(cn->fields, cn->boundary,
		    cn->body.b, cn->body.len, &cn->q.file, &cn->q.nfile,
		    &cn->st);
	else if (rc == RX_OK && cn->body.len > 0)
		rc = rx_fields_parse(cn->fields, (const char *)cn->body.b,
		    cn->body.len, &cn->st);
	if (cn->q.file == NULL)
		rx_buf_free(&cn->body);
	cn->rc = rc;
}

enum MHD_Result
rx_http_handle(void *web, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *data, size_t *size,
    void **state)
{
	struct rx_web *w = web;
	struct rx_conn *cn = *state;
	enum MHD_Result ok;

	(void)c;
	(void)url;	/* decoded by the library; target is what was sent */
	if (cn == NULL)
		return (MHD_NO);
	if (!cn->begun)
		return (begin(cn, method, version));
	if (*size > 0) {
		ok = take(cn, data, *size);
		*size = 0;
		return (ok);
	}
	if (cn->refused != 0)
		return (rx_answer_refusal(cn, cn->refused));
	if (cn->q.fields == NULL)
		read_fields(cn);
	rx_link_set(cn, RX_LINK_WORKS);
	(void)pthread_mutex_lock(&w->lock);
	ok = cn->ran ? finish(cn) : dispatch(cn, method);
	(void)pthread_mutex_unlock(&w->lock);
	return (ok);
}

void
rx_http_completed(void *web, struct MHD_Connection *c, void **state,
    enum MHD_RequestTerminationCode code)
{
	struct rx_conn *cn = *state;
	struct rx_web *w = web;

	(void)c;
	(void)code;
	if (cn == NULL)
		return;
	*state = NULL;
	rx_link_set(cn, RX_LINK_IDLE);
	if (cn->placed || (cn->ran && !cn->finished)) {
		(void)pthread_mutex_lock(&w->lock);
		w->uploads -= cn->placed;
		/* He left while a worker was at it. */
		if (cn->ran && !cn->finished)
			let_go(cn);
		(void)pthread_mutex_unlock(&w->lock);
	}
	rx_session_close(cn->a.sign_in);
	rx_fields_free(cn->fields);
	rx_buf_free(&cn->body);
	rx_buf_free(&cn->a.body);
	rx_buf_free(&cn->a.made);
	json_decref(cn->a.data);
	json_decref(cn->a.after);
	rx_wipe(cn->target, strlen(cn->target));
	free(cn->target);
	rx_wipe(cn, sizeof(*cn));
	free(cn);
}
