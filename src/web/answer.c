#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "web/server.h"

/*
 * What goes back: pages, redirects, downloads, errors, and the headers of all.
 * An answer is handed to the library in a buffer that is wiped when it is sent.
 */

#define RETRY 5			/* seconds, when the server is busy */
#define JSON "application/json; charset=utf-8"
#define HTML "text/html; charset=utf-8"

/* ---- headers ---- */

/* With TLS a browser takes this name only from a secure page of this host. */
const char *
rx_cookie_name(const struct rx_web *w)
{

	return (w->o.tls_cert != NULL ? "__Host-rx" : "rx");
}

static void
add(struct MHD_Response *r, const char *name, const char *value)
{

	/* Without memory a header is missing; without any, the answer. */
	(void)MHD_add_response_header(r, name, value);
}

static void
add_cookies(const struct rx_conn *cn, struct MHD_Response *r)
{
	const char *secure = cn->w->o.tls_cert != NULL ? "; Secure" : "";
	char cookie[192];

	if (cn->fresh[0] != '\0') {
		(void)snprintf(cookie, sizeof(cookie),
		    "%s=%s; Path=/; HttpOnly; SameSite=Strict%s",
		    rx_cookie_name(cn->w), cn->fresh, secure);
		add(r, "Set-Cookie", cookie);
		rx_wipe(cookie, sizeof(cookie));
	}
	if (cn->set_lang != NULL) {
		(void)snprintf(cookie, sizeof(cookie), "lang=%s; Path=/; "
		    "HttpOnly; SameSite=Strict; Max-Age=31536000%s",
		    cn->set_lang, secure);
		add(r, "Set-Cookie", cookie);
	}
}

static void
add_retry(struct MHD_Response *r, unsigned seconds)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", seconds);
	add(r, "Retry-After", text);
}

static void
add_headers(const struct rx_conn *cn, struct MHD_Response *r)
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
		{ "Cross-Origin-Embedder-Policy", "require-corp" },
		{ "Cross-Origin-Resource-Policy", "same-origin" },
		{ "Permissions-Policy",
		    "camera=(), microphone=(), geolocation=(), payment=(), "
		    "usb=(), display-capture=()" },
	};
	size_t i;

	for (i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		add(r, fixed[i][0], fixed[i][1]);
	add_cookies(cn, r);
}

/* ---- sending ---- */

/* The library has sent it all, or given up. */
static void
sent(void *cookie)
{
	struct rx_buf *body = cookie;

	rx_buf_free(body);
	free(body);
}

/* A response of the bytes of ${body}, which is emptied; NULL: no memory. */
static struct MHD_Response *
response_of(struct rx_buf *body)
{
	struct MHD_Response *r;
	struct rx_buf *held;

	if (body->len == 0)
		return (MHD_create_response_from_buffer(0, NULL,
		    MHD_RESPMEM_PERSISTENT));
	if ((held = malloc(sizeof(*held))) == NULL)
		return (NULL);
	*held = *body;
	if ((r = MHD_create_response_from_buffer_with_free_callback_cls(
	    held->len, held->b, sent, held)) == NULL) {
		free(held);
		return (NULL);
	}
	*body = (struct rx_buf)RX_BUF_INIT;
	return (r);
}

static enum MHD_Result
send_off(struct rx_conn *cn, unsigned status, struct MHD_Response *r)
{
	enum MHD_Result ok;

	if (r == NULL)
		return (MHD_NO);
	add_headers(cn, r);
	rx_link_set(cn, RX_LINK_WRITES);
	ok = MHD_queue_response(cn->c, status, r);
	MHD_destroy_response(r);
	return (ok);
}

/* Send ${body}, which is emptied, as ${type}. */
static enum MHD_Result
answer_body(struct rx_conn *cn, unsigned status, const char *type,
    struct rx_buf *body)
{
	struct MHD_Response *r;

	if ((r = response_of(body)) == NULL)
		return (MHD_NO);
	add(r, "Content-Type", type);
	add(r, "Cache-Control", "no-store");
	if (cn->a.filename[0] != '\0' && status == 200) {
		char text[192];

		(void)snprintf(text, sizeof(text),
		    "attachment; filename=\"%s\"", cn->a.filename);
		add(r, "Content-Disposition", text);
	}
	if (cn->refused != 0)
		add(r, "Connection", "close");
	if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
		add(r, "Allow", "GET, HEAD, POST");
	if (status == MHD_HTTP_SERVICE_UNAVAILABLE ||
	    status == MHD_HTTP_TOO_MANY_REQUESTS)
		add_retry(r, cn->a.retry > 0 ? cn->a.retry : RETRY);
	return (send_off(cn, status, r));
}

enum MHD_Result
rx_answer_redirect(struct rx_conn *cn, const char *path)
{
	struct rx_buf none = RX_BUF_INIT, url = RX_BUF_INIT;
	struct MHD_Response *r = NULL;
	struct rx_status st;

	rx_status_clear(&st);
	if (rx_url_add(&url, path, strlen(path), "/?&=#%+", &st) == RX_OK &&
	    rx_buf_add(&url, "", 1, &st) == RX_OK &&
	    (r = response_of(&none)) != NULL) {
		add(r, "Location", (const char *)url.b);
		add(r, "Cache-Control", "no-store");
	}
	rx_buf_free(&url);
	return (send_off(cn, MHD_HTTP_SEE_OTHER, r));
}

/* Asked for again with each page, and sent when it is another. */
enum MHD_Result
rx_answer_static(struct rx_conn *cn)
{
	static const char *const types[][2] = {
		{ ".css", "text/css; charset=utf-8" },
		{ ".js", "text/javascript; charset=utf-8" },
		{ ".svg", "image/svg+xml" },
	};
	const char *dot = strrchr(cn->path, '.'), *p, *asked;
	char hex[2 * 16 + 1], tag[sizeof(hex) + 2];
	struct MHD_Response *r;
	uint8_t hash[16];
	bool same;
	size_t i, n;

	if ((p = rx_web_asset(cn->path + 1, &n)) == NULL || dot == NULL)
		return (rx_answer_refusal(cn, MHD_HTTP_NOT_FOUND));
	rx_hash(hash, sizeof(hash), NULL, "runxin web asset", p, n);
	rx_hex(hex, hash, sizeof(hash));
	(void)snprintf(tag, sizeof(tag), "\"%s\"", hex);
	asked = rx_header(cn, "If-None-Match");
	same = asked != NULL && strstr(asked, tag) != NULL;
	if ((r = MHD_create_response_from_buffer(same ? 0 : n,
	    (void *)(uintptr_t)p, MHD_RESPMEM_PERSISTENT)) == NULL)
		return (MHD_NO);
	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(dot, types[i][0]) == 0)
			add(r, "Content-Type", types[i][1]);
	add(r, "ETag", tag);
	add(r, "Cache-Control", "private, no-cache");
	return (send_off(cn, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, r));
}

/* ---- what every page is given besides its own data ---- */

static bool
opens(const char *path)
{
	struct rx_args args;

	return (rx_route_find("GET", path, &args) != NULL);
}

void
rx_page_above(char out[RX_PATH_BYTES], const char *path)
{

	char *slash;

	rx_text_copy(out, RX_PATH_BYTES, path);
	while ((slash = strrchr(out, '/')) != NULL && slash != out) {
		*slash = '\0';
		if (opens(out))
			return;
	}
	rx_text_copy(out, RX_PATH_BYTES, "/");
}

/* The same page in the other language, its query kept; after a form was sent
 * the page that asks for it, which a GET opens. */
static rx_err
put_other_language(struct rx_conn *cn, struct rx_status *st)
{
	struct rx_buf url = RX_BUF_INIT;
	char path[RX_PATH_BYTES];
	rx_err rc;

	rx_text_copy(path, sizeof(path), cn->path);
	if (cn->path[0] == '\0' || cn->refused != 0)
		rx_text_copy(path, sizeof(path), "/");
	else if (cn->q.post && !opens(path))
		rx_page_above(path, cn->path);
	if ((rc = rx_url_add(&url, path, strlen(path), "/", st)) == RX_OK &&
	    (rc = rx_buf_printf(&url, st, "?lang=%s", cn->q.lang ==
	    RX_LANG_EN ? "zh" : "en")) == RX_OK && !cn->q.post &&
	    cn->fields != NULL)
		rc = rx_fields_query(cn->fields, "lang", &url, st);
	if (rc == RX_OK && (rc = rx_buf_add(&url, "", 1, st)) == RX_OK)
		rc = rx_put_text(cn->a.data, "other_language",
		    (const char *)url.b, st);
	rx_buf_free(&url);
	return (rc);
}

static rx_err
put_person(struct rx_conn *cn, struct rx_session *s, struct rx_status *st)
{
	static const struct { enum rx_role role; const char *key; } roles[] = {
		{ RX_ROLE_DIRECTOR, "is_director" },
		{ RX_ROLE_SUPERVISOR, "is_supervisor" },
		{ RX_ROLE_STATISTICIAN, "is_statistician" },
		{ RX_ROLE_ADMIN, "is_admin" },
	};
	json_t *d = cn->a.data;
	size_t i;
	rx_err rc;

	if ((rc = rx_put_bool(d, "temporary", rx_session_temporary(s), st)) !=
	    RX_OK ||
	    (rc = rx_put_text(d, "user", rx_session_user(s), st)) != RX_OK ||
	    (rc = rx_put_int(d, "idle", cn->w->o.idle, st)) != RX_OK)
		return (rc);
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]) && rc == RX_OK; i++)
		rc = rx_put_bool(d, roles[i].key,
		    rx_session_has_role(s, roles[i].role), st);
	if (rc == RX_OK)
		rc = rx_put_bool(d, "exchanges", rx_session_has_role(s,
		    RX_ROLE_DIRECTOR) || rx_session_has_role(s,
		    RX_ROLE_SUPERVISOR) || rx_session_has_role(s,
		    RX_ROLE_ADMIN), st);
	return (rc);
}

/* Which copy of the register this is: of every page the first thing to know. */
static rx_err
put_copy(struct rx_conn *cn, struct rx_session *s, struct rx_status *st)
{
	const char *copy = s != NULL ? rx_session_copy(s) :
	    cn->w->copy[0] != '\0' ? cn->w->copy : NULL;

	return (copy == NULL ? RX_OK : rx_put_say(cn->a.data, "banner", &cn->q,
	    RX_MSG_WEB_COPY_BANNER, "copy", copy, st));
}

static rx_err
put_common(struct rx_conn *cn, struct rx_status *st)
{
	struct rx_session *s = cn->entry != NULL ? cn->entry->s : NULL;
	json_t *d = cn->a.data;
	rx_err rc;

	if ((rc = rx_put_text(d, "csrf", cn->csrf, st)) != RX_OK ||
	    (rc = rx_put_text(d, "path", cn->path, st)) != RX_OK ||
	    (rc = rx_put_bool(d, "english", cn->q.lang == RX_LANG_EN, st)) !=
	    RX_OK ||
	    (rc = rx_put_bool(d, "signed_in", s != NULL, st)) != RX_OK ||
	    (rc = put_copy(cn, s, st)) != RX_OK ||
	    (rc = put_other_language(cn, st)) != RX_OK)
		return (rc);
	if (s == NULL)
		return (RX_OK);
	if ((rc = put_person(cn, s, st)) != RX_OK)
		return (rc);
	if (cn->entry->flash != RX_MSG_NONE) {
		rc = rx_put_text(d, "flash", rx_msg(cn->entry->flash,
		    cn->q.lang), st);
		cn->entry->flash = RX_MSG_NONE;
	}
	if (rc == RX_OK && cn->entry->after != NULL) {
		rc = rx_put(d, "after", cn->entry->after, st);
		cn->entry->after = NULL;
	}
	return (rc);
}

/* When not even a page can be made. */
static enum MHD_Result
answer_plainly(struct rx_conn *cn, const struct rx_status *why)
{
	static const char text[] = "runxin: internal error\n";
	struct rx_buf body = RX_BUF_INIT;
	struct rx_status st;
	enum MHD_Result ok;

	rx_web_log(why);
	rx_status_clear(&st);
	if (rx_buf_add(&body, text, sizeof(text) - 1, &st) != RX_OK)
		return (MHD_NO);
	ok = answer_body(cn, MHD_HTTP_INTERNAL_SERVER_ERROR,
	    "text/plain; charset=utf-8", &body);
	rx_buf_free(&body);
	return (ok);
}

static enum MHD_Result
answer_page(struct rx_conn *cn)
{
	struct rx_buf html = RX_BUF_INIT;
	struct rx_status st;
	enum MHD_Result ok;

	rx_status_clear(&st);
	if (put_common(cn, &st) != RX_OK || rx_template_render(&html,
	    cn->a.page, cn->a.data, cn->q.lang, &st) != RX_OK)
		ok = answer_plainly(cn, &st);
	else
		ok = answer_body(cn, cn->a.status, HTML, &html);
	rx_buf_free(&html);
	return (ok);
}

enum MHD_Result
rx_answer(struct rx_conn *cn)
{

	if (cn->a.redirect[0] != '\0')
		return (rx_answer_redirect(cn, cn->a.redirect));
	if (cn->a.page == NULL)
		return (answer_body(cn, cn->a.status, cn->a.type,
		    &cn->a.body));
	return (answer_page(cn));
}

/* ---- errors ---- */

/* Whether a script asked, and not somebody who reads pages. */
static bool
for_a_script(const struct rx_conn *cn)
{
	const char *dest = rx_header(cn, "Sec-Fetch-Dest");

	if (cn->route != NULL && (cn->route->roles & RX_WEB_SCRIPT) != 0)
		return (true);
	return (dest != NULL && strcmp(dest, "empty") == 0);
}

static enum MHD_Result
answer_json(struct rx_conn *cn, const char *text)
{
	struct rx_buf body = RX_BUF_INIT;
	json_t *o = json_pack("{s:s}", "error", text);
	struct rx_status st;
	enum MHD_Result ok;
	rx_err rc;

	rx_status_clear(&st);
	rc = o == NULL ? rx_fail(&st, RX_EINTERNAL, RX_MSG_NO_MEMORY) :
	    rx_json_write(&body, o, &st);
	ok = rc != RX_OK ? answer_plainly(cn, &st) :
	    answer_body(cn, cn->a.status, JSON, &body);
	json_decref(o);
	rx_buf_free(&body);
	return (ok);
}

/* Where one was: the page of ours that the browser came from, or the page above
 * a form; false when that leads nowhere else. */
static bool
page_before(const struct rx_conn *cn, char out[RX_PATH_BYTES])
{
	const char *scheme = cn->w->o.tls_cert != NULL ? "https://" : "http://";
	const char *host = rx_header(cn, "Host");
	const char *from = rx_header(cn, "Referer");
	char path[RX_PATH_BYTES];

	if (cn->refused == MHD_HTTP_MISDIRECTED_REQUEST || host == NULL)
		return (false);
	if (from != NULL && strncmp(from, scheme, strlen(scheme)) == 0 &&
	    strncasecmp(from + strlen(scheme), host, strlen(host)) == 0) {
		from += strlen(scheme) + strlen(host);
		if (strlen(from) < RX_PATH_BYTES &&
		    rx_check_path(path, from) && opens(path) &&
		    (cn->q.post || strcmp(path, cn->path) != 0)) {
			rx_text_copy(out, RX_PATH_BYTES, from);
			return (strcmp(path, "/") != 0);
		}
	}
	if (!cn->q.post || cn->path[0] == '\0')
		return (false);
	rx_text_copy(path, sizeof(path), cn->path);
	if (!opens(path))
		rx_page_above(path, cn->path);
	rx_text_copy(out, RX_PATH_BYTES, path);
	return (strcmp(path, "/") != 0);
}

static enum rx_msg
title_of(unsigned status)
{

	switch (status) {
	case MHD_HTTP_FORBIDDEN: return (RX_MSG_WEB_ERROR_403);
	case MHD_HTTP_NOT_FOUND: return (RX_MSG_WEB_ERROR_404);
	case MHD_HTTP_CONFLICT: return (RX_MSG_WEB_ERROR_409);
	case MHD_HTTP_CONTENT_TOO_LARGE: return (RX_MSG_WEB_ERROR_413);
	case MHD_HTTP_SERVICE_UNAVAILABLE: return (RX_MSG_WEB_ERROR_503);
	case MHD_HTTP_INTERNAL_SERVER_ERROR: return (RX_MSG_WEB_ERROR_500);
	default: return (RX_MSG_WEB_ERROR_TITLE);
	}
}

/* Heading, what happened, and the ways on. */
static enum MHD_Result
answer_why(struct rx_conn *cn, const char *text, bool sign_in)
{
	char before[RX_PATH_BYTES];
	json_t *d = cn->a.data;
	struct rx_status st;

	if (for_a_script(cn))
		return (answer_json(cn, text));
	rx_status_clear(&st);
	json_object_clear(d);
	cn->a.page = "error";
	if (rx_put_text(d, "title", rx_msg(title_of(cn->a.status),
	    cn->q.lang), &st) != RX_OK ||
	    rx_put_text(d, "what", text, &st) != RX_OK ||
	    rx_put_bool(d, "sign_in", sign_in, &st) != RX_OK ||
	    (page_before(cn, before) &&
	    rx_put_text(d, "before", before, &st) != RX_OK))
		return (answer_plainly(cn, &st));
	return (answer_page(cn));
}

enum MHD_Result
rx_answer_error(struct rx_conn *cn)
{
	const bool sign_in = cn->st.msg == RX_MSG_WEB_SIGN_IN;
	struct rx_status st;
	char text[1024];

	if (cn->st.code == RX_EINTERNAL || cn->st.code == RX_ECORRUPT)
		rx_web_log(&cn->st);
	rx_status_text(&cn->st, cn->q.lang, text, sizeof(text));
	cn->a.status = rx_web_status(&cn->st);
	/* Somebody new whose keys are still to come is told whom to ask. */
	if (cn->q.session != NULL && !for_a_script(cn) &&
	    (cn->st.msg == RX_MSG_NO_KEY ||
	    cn->st.msg == RX_MSG_NO_KEY_NOBODY)) {
		rx_status_clear(&st);
		json_object_clear(cn->a.data);
		if (rx_put_waiting(&cn->a, &cn->q, &st) == RX_OK)
			return (answer_page(cn));
	}
	return (answer_why(cn, text, sign_in));
}

enum MHD_Result
rx_answer_refusal(struct rx_conn *cn, unsigned status)
{
	enum rx_msg msg = RX_MSG_WEB_BAD_REQUEST;

	if (status == MHD_HTTP_CONTENT_TOO_LARGE)
		msg = cn->boundary[0] != '\0' ? RX_MSG_WEB_FILE_TOO_LARGE :
		    RX_MSG_WEB_TOO_LARGE;
	else if (status == MHD_HTTP_UNAUTHORIZED)
		msg = RX_MSG_WEB_SIGN_IN;
	else if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
		msg = RX_MSG_WEB_BUSY;
	else if (status == MHD_HTTP_FORBIDDEN)
		msg = RX_MSG_WEB_FOREIGN_FORM;
	else if (status == MHD_HTTP_MISDIRECTED_REQUEST)
		msg = RX_MSG_WEB_FOREIGN_HOST;
	else if (status == MHD_HTTP_NOT_FOUND)
		msg = RX_MSG_WEB_NOT_FOUND;
	cn->refused = status;
	/* Our door asks for no credentials by HTTP. */
	cn->a.status = status == MHD_HTTP_UNAUTHORIZED ? MHD_HTTP_FORBIDDEN :
	    status;
	return (answer_why(cn, rx_msg(msg, cn->q.lang),
	    status == MHD_HTTP_UNAUTHORIZED));
}
