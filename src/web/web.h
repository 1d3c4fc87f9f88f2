#ifndef RX_WEB_WEB_H
#define RX_WEB_WEB_H

/*
 * The web page: server-rendered, escaped templates over the same register.
 *
 * The server (server.h, http.c) takes a request apart, refuses what is malformed
 * or comes from elsewhere, finds the signed-in session, checks the route's roles
 * and the CSRF token, and then calls the page.  A page reads the request, asks
 * the register, and fills in a reply.  A session is used by one page at a time.
 */

#include "base/json.h"
#include "stats/stats.h"

struct rx_web;
struct rx_reply;

struct rx_web_options {
	const char *dir;	/* the register */
	const char *address;	/* "127.0.0.1" or "[::1]" */
	uint16_t port;		/* 0: the system chooses; see rx_web_port */
	const char *tls_cert, *tls_key;	/* PEM files, or both NULL */
	const char *host;	/* a further Host name to accept, or NULL */
	const char *backup;	/* a folder for scheduled backups, or NULL */
	const char *backup_keys;	/* one for their keys; NULL: the same */
	unsigned backup_every;	/* hours */
	bool sandbox;		/* sandbox.h: for good, of the whole process */
	unsigned idle;		/* seconds until a session is locked */
	enum rx_lang lang;	/* of a visitor who has not chosen */
};

/* ---- guards.c: who may try, and where from ---- */

/* Seconds until ${user} from ${source} may try a passphrase again; 0: now. */
unsigned rx_guard_wait(const char *user, const char *source);
/* He failed (or, with ${ok}, did not): 5 free tries an account and 20 a source,
 * then a wait that doubles from 2 s to 15 min.  Whoever has signed in from a
 * source neither waits for it nor adds to it. */
void rx_guard_note(const char *user, const char *source, bool ok);
/* Whether the Host header ${host} names this server. */
bool rx_guard_host(const struct rx_web_options *o, uint16_t port,
    const char *host);
/* Whether ${origin} (NULL when not sent) is this server's own, reached under
 * the Host ${host}. */
bool rx_guard_origin(bool tls, const char *host, const char *origin,
    const char *fetch_site);

/* ---- server.c ---- */

rx_err rx_web_start(struct rx_web **out, const struct rx_web_options *options,
    struct rx_status *st) RX_MUST_USE;
uint16_t rx_web_port(const struct rx_web *w);
/* Stop serving, wipe every session. NULL is allowed. */
void rx_web_stop(struct rx_web *w);

/* ---- keeper.c: scheduled backups ---- */

struct rx_schedule {
	const char *dir;	/* of backups; NULL: none are scheduled */
	const char *keys;	/* of their keys */
	unsigned every;		/* hours */
	int64_t made;		/* the newest one, ms; 0: none */
	int64_t failed;		/* the last attempt, which failed; 0: it did not */
	enum rx_msg why;
};
/* How it stands; ${w} may be NULL. */
void rx_web_schedule(struct rx_web *w, struct rx_schedule *out);
/* When a backup was last found whole, ms; 0: never.  For the pages of a worker. */
rx_err rx_web_verified(struct rx_web *w, struct rx_session *s, int64_t *at,
    struct rx_status *st) RX_MUST_USE;

/* ---- what a page sees ---- */

struct rx_request {
	struct rx_web *web;
	const char *dir;		/* the register's folder */
	const char *source;		/* address of the client */
	const char *path;		/* "/child/…", without the query */
	const char *arg[2];		/* what stands for * in the pattern */
	struct rx_session *session;	/* NULL when nobody is signed in */
	enum rx_lang lang;
	bool post;
	struct rx_fields *fields;	/* query and form together */
	const uint8_t *file;		/* what was uploaded; NULL: nothing */
	size_t nfile;
	const uint8_t *kept;		/* what the session keeps of before */
	size_t nkept;
};

/* ---- fields.c ---- */

/* The first value of the field ${name}: "" when it is absent.  Valid UTF-8
 * without NUL, CRLF turned into LF. */
const char *rx_field(const struct rx_request *q, const char *name);
/* The ${k}th value of a repeated field; NULL when there is none. */
const char *rx_field_nth(const struct rx_request *q, const char *name,
    size_t k);
/* Whether the field was sent and is not empty. */
bool rx_field_set(const struct rx_request *q, const char *name);
/* One line, with its NUL, of what was typed in the field "reason": line feeds
 * become blanks, blanks at both ends go.  RX_EUSAGE when nothing is left
 * (REASON_MISSING), or more than 256 characters (WEB_REASON_LONG). */
rx_err rx_field_reason(struct rx_buf *out, const struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;
/* A passphrase field, moved into guarded memory; the field is wiped.
 * RX_EUSAGE when it is empty. */
rx_err rx_field_secret(struct rx_secret **out, struct rx_request *q,
    const char *name, struct rx_status *st) RX_MUST_USE;

/* How a passphrase is checked: with a session or a backup that opens.  RX_EPERM
 * when it is wrong. */
typedef rx_err rx_try(void *cookie, struct rx_request *q, const char *user,
    const struct rx_secret *passphrase, struct rx_status *st);
/* Check the field ${name} as the passphrase of ${user} with ${try}; the only way
 * in which a page does.  Who has failed too often is told to wait (RX_EPERM,
 * WEB_TOO_MANY, a->retry) before anything is stretched (account.c). */
rx_err rx_try_passphrase(struct rx_request *q, struct rx_reply *a,
    const char *user, const char *name, rx_try *try, void *cookie,
    struct rx_status *st) RX_MUST_USE;
/* ---- codes.c: custodian codes on pages ---- */

/* What two codes are used for. */
typedef rx_err rx_codes_try(void *cookie, struct rx_request *q,
    const char *const codes[2], struct rx_status *st);
/* Give the fields "code1" and "code2" to ${try}; the only way in which a page
 * does.  RX_EUSAGE (WEB_CODE_EMPTY, WEB_CODE_TYPED) with data.error_field when
 * one is no code; who brought wrong pairs too often waits, as with passphrases
 * (RX_EPERM, WEB_TOO_MANY, a->retry). */
rx_err rx_try_codes(struct rx_request *q, struct rx_reply *a,
    rx_codes_try *try, void *cookie, struct rx_status *st) RX_MUST_USE;
/* data.sheets = [{"who","which","code"}…], data.register, data.made: three new
 * codes of the register ${name} for the template account/sheets. */
rx_err rx_put_sheets(json_t *data, const struct rx_request *q,
    const char *name, const struct rx_codes *codes, struct rx_status *st)
    RX_MUST_USE;

/* The two fields "new" and "again", which must hold the same new passphrase of
 * some length (account.c). */
rx_err rx_field_new_secret(struct rx_secret **out, struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;

/* A passphrase that nobody uses yet: 100 random bits in five groups. */
#define RX_SUGGESTION_BYTES 25
void rx_suggest(char out[RX_SUGGESTION_BYTES]);
/* The suggestion of the form that was sent, for the form to come back with, or
 * a new one; what it says is for the caller to wipe. */
void rx_suggest_again(char out[RX_SUGGESTION_BYTES],
    const struct rx_request *q);
/* The passphrase that was chosen: "suggested" unless the field "how" is "own". */
rx_err rx_field_chosen_secret(struct rx_secret **out, struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;

/* Fields, as http.c fills them. */
rx_err rx_fields_new(struct rx_fields **out, struct rx_status *st) RX_MUST_USE;
/* Add the field ${name} with the ${n} bytes ${p}, in which CRLF becomes LF.
 * RX_EUSAGE unless both are UTF-8 without NUL, or for too many fields. */
rx_err rx_fields_add(struct rx_fields *f, const char *name, const char *p,
    size_t n, struct rx_status *st) RX_MUST_USE;
/* Add the fields of "name=value&…" (URL Living Standard, section 5.1), but
 * RX_EUSAGE for an escape that is none. */
rx_err rx_fields_parse(struct rx_fields *f, const char *p, size_t n,
    struct rx_status *st) RX_MUST_USE;
/* Add the fields of the multipart/form-data ${body}, with parts between lines of
 * ${boundary}; its file is put in ${*file}, NULL when there is none, which points
 * into ${body}.  RX_EUSAGE unless all of it is as a browser writes it
 * (multipart.c). */
#define RX_BOUNDARY_BYTES 71
rx_err rx_fields_multipart(struct rx_fields *f, const char *boundary,
    const uint8_t *body, size_t n, const uint8_t **file, size_t *nfile,
    struct rx_status *st) RX_MUST_USE;
void rx_fields_free(struct rx_fields *f);	/* wipes */
/* Append the ${n} bytes ${p} to ${url}, escaped but for letters, digits, "-._~"
 * and the characters of ${also}. */
rx_err rx_url_add(struct rx_buf *url, const char *p, size_t n,
    const char *also, struct rx_status *st) RX_MUST_USE;
/* Append "&name=value" for each field but those named ${but}. */
rx_err rx_fields_query(const struct rx_fields *f, const char *but,
    struct rx_buf *url, struct rx_status *st) RX_MUST_USE;

/* What becomes of the file that the session keeps, until it ends or the place is
 * needed: it is in memory only. */
enum rx_keep {
	RX_KEEP_AS_IS, RX_KEEP_UPLOADED, RX_KEEP_NOTHING,
	RX_KEEP_MADE,		/* a->made, in the place of what was kept */
};

struct rx_reply {
	unsigned status;		/* 200 unless a page says otherwise */
	unsigned retry;			/* seconds, told with 429 and 503 */
	const char *page;		/* template, "director/today"; or NULL */
	json_t *data;			/* its data, owned; never NULL */
	char redirect[512];		/* 303 to this path when not empty */
	enum rx_msg flash;		/* shown once on the next page */
	struct rx_buf body;		/* a download instead of a page */
	const char *type;		/* of the download */
	char filename[128];		/* of the download, ASCII */
	enum rx_keep keep;
	struct rx_buf made;		/* ciphertext, to be downloaded after */
	json_t *after;		/* shown once on the next page, as data.after */
	struct rx_session *sign_in;	/* begin this session with the reply */
	bool sign_out;			/* end this session after the reply */
	char end_user[RX_USER_NAME_BYTES];	/* first end all of this user's */
};

typedef rx_err rx_page(struct rx_request *, struct rx_reply *,
    struct rx_status *);

/* Who may call a route: a bit set of 1 << enum rx_role, or one of these. */
#define RX_WEB_ANYONE 0u		/* signed in or not */
#define RX_WEB_SIGNED_IN (1u << 31)	/* any role */

/* Stretches a passphrase or counts a register: runs on a worker thread, queued. */
#define RX_WEB_SLOW (1u << 30)
/* Asked by our script and not by a person: errors are JSON, {"error": text},
 * and nobody is led to the door. */
#define RX_WEB_SCRIPT (1u << 29)

/* Takes a file of up to RX_UPLOAD_MAX bytes, less what stands around it, from
 * whoever is signed in. */
#define RX_WEB_UPLOAD (1u << 28)
#define RX_UPLOAD_MAX (32u << 20)

struct rx_route {
	const char *method;		/* "GET" (HEAD too) or "POST" */
	const char *pattern;		/* "/child/ * /observe" without blanks */
	unsigned roles;			/* and RX_WEB_SLOW and the like */
	rx_page *page;
};
/* Each page file ends with its table; routes.c lists the tables. */
extern const struct rx_route rx_routes_account[], rx_routes_director[],
    rx_routes_supervisor[], rx_routes_statistician[], rx_routes_admin[],
    rx_routes_bundles[], rx_routes_keys[], rx_routes_moved[];
/* All routes, for the matrix test and the router. */
const struct rx_route *rx_route_all(size_t *count);
/* The route of ${method} and the decoded ${path}, NULL when there is none; what
 * stands for each * is put in ${args}. */
struct rx_args {
	char v[2][128];
};
const struct rx_route *rx_route_find(const char *method, const char *path,
    struct rx_args *args);

/* ---- helpers for pages (page.c) ---- */

/* data[key] = value; the value is consumed; NULL is "no memory". */
rx_err rx_put(json_t *data, const char *key, json_t *value,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_put_text(json_t *data, const char *key, const char *text,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_put_int(json_t *data, const char *key, int64_t v,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_put_bool(json_t *data, const char *key, bool v,
    struct rx_status *st) RX_MUST_USE;
/* "2026-11-24"; nothing is put for 0. */
rx_err rx_put_date(json_t *data, const char *key, int32_t date,
    struct rx_status *st) RX_MUST_USE;
/* "2026-11-24 08:30", local time; nothing is put for 0. */
rx_err rx_put_time(json_t *data, const char *key, int64_t ms,
    struct rx_status *st) RX_MUST_USE;
/* The sentence ${msg} with its placeholder ${arg} replaced by ${value}; ${arg}
 * may be NULL. */
rx_err rx_put_say(json_t *data, const char *key, const struct rx_request *q,
    enum rx_msg msg, const char *arg, const char *value, struct rx_status *st)
    RX_MUST_USE;
/* The same with two placeholders. */
rx_err rx_put_say_two(json_t *data, const char *key,
    const struct rx_request *q, enum rx_msg msg, const char *a,
    const char *va, const char *b, const char *vb, struct rx_status *st)
    RX_MUST_USE;
/* The same for a number. */
rx_err rx_put_say_int(json_t *data, const char *key,
    const struct rx_request *q, enum rx_msg msg, const char *arg,
    int64_t value, struct rx_status *st) RX_MUST_USE;
/* The name of a code in the reader's language, and its key as key_code. */
rx_err rx_put_code(json_t *data, const char *key, const struct rx_request *q,
    enum rx_list list, int64_t no, struct rx_status *st) RX_MUST_USE;
/* data[key] = [{"key","name","checked"}…] of a code list, for check boxes and
 * selects; ${chosen} is the name of the form field that keeps the choice. */
rx_err rx_put_choices(json_t *data, const char *key,
    const struct rx_request *q, enum rx_list list, const char *chosen,
    struct rx_status *st) RX_MUST_USE;
/* Keep what was typed: data["form"][name] = field for each of ${names} (NULL
 * ends them), so that a refused form comes back filled in. */
rx_err rx_put_form(json_t *data, const struct rx_request *q,
    const char *const *names, struct rx_status *st) RX_MUST_USE;
/* A new object appended to the array data[key] (made when absent); borrowed. */
rx_err rx_put_item(json_t *data, const char *key, json_t **item,
    struct rx_status *st) RX_MUST_USE;
/* data[key_shown] = whether the list data[key] has anything in it: what stands
 * around a list is rendered once. */
rx_err rx_put_shown(json_t *data, const char *key, struct rx_status *st)
    RX_MUST_USE;
/* Show the failure ${st} above a form again: data["error"] = its text, status
 * by its code; logged when it is no fault of the reader's; ${st} is cleared. */
rx_err rx_put_error(struct rx_reply *a, const struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;
/* waiting.c: the page "waiting" in place of one that lacks keys (NO_KEY,
 * NO_KEY_NOBODY): which units, and who has to sign in; status 403. */
rx_err rx_put_waiting(struct rx_reply *a, const struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;
/* bundles.c: data.copies says how many copies have sent bundles; nothing is put
 * when none has. */
rx_err rx_put_copies(json_t *data, const struct rx_request *q,
    struct rx_status *st) RX_MUST_USE;
/* o["people"] = those who could hand the keys of ${unit} on to ${user}. */
rx_err rx_put_holders(json_t *o, const struct rx_request *q, const char *user,
    const char unit[RX_UNIT_BYTES], struct rx_status *st) RX_MUST_USE;
/* Tell a failure on the standard error of the server. */
void rx_web_log(const struct rx_status *st);
/* The HTTP status of a failure: by its code, but 429 for who must wait and 503
 * when no memory can be locked for another session. */
unsigned rx_web_status(const struct rx_status *st);
/* Go on at ${fmt} after a POST (303). */
void rx_redirect(struct rx_reply *a, const char *fmt, ...) RX_PRINTF(2, 3);
/* The same, with the sentence ${msg} shown once on the next page. */
void rx_redirect_with(struct rx_reply *a, enum rx_msg msg, const char *fmt,
    ...) RX_PRINTF(3, 4);

/* ---- templates (template.c): a subset of mustache over JSON ---- */

/*
 * {{name}} {{a.b}} {{.}}   the value, HTML-escaped (text and numbers)
 * {{#name}}…{{/name}}      once for true, a text or an object; for each of a list
 * {{^name}}…{{/name}}      when absent, false, empty
 * {{>part}}                another template, same data
 * {{@NAME}}                the message NAME in the reader's language, escaped
 * {{{name}}}               raw; only for SVG that we made ourselves (grep it)
 * Names are looked up in the innermost object first, then outwards.
 */
rx_err rx_template_render(struct rx_buf *out, const char *name,
    const json_t *data, enum rx_lang lang, struct rx_status *st) RX_MUST_USE;

/* The same for the text ${text}; ${name} is for the error text. */
rx_err rx_template_render_text(struct rx_buf *out, const char *name,
    const char *text, size_t len, const json_t *data, enum rx_lang lang,
    struct rx_status *st) RX_MUST_USE;

/* An embedded file of static/ or templates/; NULL when there is none. */
const char *rx_web_asset(const char *name, size_t *len);

#endif
