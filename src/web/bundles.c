#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/container.h"
#include "web/web.h"

/*
 * Sealed bundles: made and downloaded; uploaded, looked at, and opened when
 * whoever is here has compared who sent it.  Between the last two steps the
 * file is kept with the session, in memory: nothing of it is ever written.
 */

#define UNITS_MAX 400		/* to choose from */
#define PEOPLE_MAX 200		/* whose fingerprints are shown */
#define MADE_MAX (RX_UPLOAD_MAX - (16u << 10))	/* with what a form adds */

static const uint8_t home[RX_ID_BYTES];

static bool
is_home(const struct rx_bundle *b)
{

	return (memcmp(b->copy, home, RX_ID_BYTES) == 0);
}

/* Whether a bundle is kept, and not a case or an address (director_moved.c). */
static bool
is_kept(const struct rx_request *q)
{

	return (q->nkept > 5 && memcmp(q->kept, "RXBU", 4) == 0 &&
	    q->kept[5] == RX_CONTAINER_BUNDLE);
}

/* ---- words for what there is ---- */

/* Which register made it: home, the copy that this is, one whose name is in the
 * bundle, or the beginning of an id. */
static rx_err
put_from(json_t *o, const struct rx_request *q, const struct rx_bundle *b,
    struct rx_status *st)
{
	char hex[2 * RX_ID_BYTES + 1];

	if (is_home(b))
		return (rx_put_text(o, "from", rx_msg(RX_MSG_CLI_BUNDLE_HOME,
		    q->lang), st));
	rx_hex(hex, b->copy, RX_ID_BYTES);
	hex[8] = '\0';
	return (rx_put_say(o, "from", q, RX_MSG_WEB_BUNDLE_COPY, "copy",
	    b->copy_name[0] != '\0' ? b->copy_name : hex, st));
}

static rx_err
put_note(json_t *o, const struct rx_request *q, enum rx_msg msg, size_t n,
    struct rx_status *st)
{
	json_t *note;
	rx_err rc;

	if (n == 0)
		return (RX_OK);
	if ((rc = rx_put_item(o, "notes", &note, st)) != RX_OK)
		return (rc);
	return (rx_put_say_int(note, "text", q, msg, "n", (int64_t)n, st));
}

/* What opening it did, or would do. */
static rx_err
put_counts(json_t *o, const struct rx_request *q, const struct rx_bundle *b,
    struct rx_status *st)
{
	const struct { const char *key; size_t n; } count[] = {
		{ "children", b->children }, { "records", b->records },
		{ "activities", b->activities }, { "keys", b->keys },
		{ "present", b->present }, { "conflicts", b->conflicts },
	};
	size_t i;
	rx_err rc;

	if ((rc = put_from(o, q, b, st)) != RX_OK ||
	    (rc = rx_put_int(o, "number", (int64_t)b->number, st)) != RX_OK ||
	    (rc = rx_put_text(o, "sender", b->sender, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "nothing", b->children + b->records +
	    b->activities + b->keys + b->conflicts + b->gone == 0, st)) !=
	    RX_OK)
		return (rc);
	for (i = 0; i < sizeof(count) / sizeof(count[0]); i++)
		if ((rc = rx_put_int(o, count[i].key, (int64_t)count[i].n,
		    st)) != RX_OK)
			return (rc);
	if ((rc = put_note(o, q, RX_MSG_WEB_BUNDLE_CONFLICTS, b->conflicts,
	    st)) != RX_OK ||
	    (rc = put_note(o, q, RX_MSG_CLI_BUNDLE_REFUSED, b->refused,
	    st)) != RX_OK ||
	    (rc = put_note(o, q, RX_MSG_CLI_BUNDLE_ERASED, b->erased, st)) !=
	    RX_OK || (rc = put_note(o, q, RX_MSG_CLI_BUNDLE_GONE, b->gone,
	    st)) != RX_OK)
		return (rc);
	return (put_note(o, q, RX_MSG_CLI_BUNDLE_SKIPPED, b->skipped, st));
}

/* ---- the page: whom a bundle can be made for ---- */

struct people {
	const struct rx_request *q;
	json_t *data;
	char unit[RX_UNIT_BYTES];	/* the one that came last */
	json_t *option;			/* of it */
	size_t units;
};

static bool
is_listed(const json_t *list, const char *name)
{
	const json_t *o;
	size_t i;

	json_array_foreach(list, i, o)
		if (strcmp(json_string_value(json_object_get(o, "name")),
		    name) == 0)
			return (true);
	return (false);
}

static rx_err
put_person(struct people *p, const char *name, struct rx_status *st)
{
	const json_t *list = json_object_get(p->data, "people");
	char digits[36], root[36];
	json_t *o;
	rx_err rc;

	if (json_array_size(list) >= PEOPLE_MAX || is_listed(list, name) ||
	    strcmp(name, rx_session_user(p->q->session)) == 0)
		return (RX_OK);
	if ((rc = rx_user_fingerprint(p->q->session, name, digits, root,
	    st)) != RX_OK || (rc = rx_put_item(p->data, "people", &o, st)) !=
	    RX_OK || (rc = rx_put_text(o, "name", name, st)) != RX_OK)
		return (rc);
	return (rx_put_text(o, "digits", digits, st));
}

/* A unit to choose, and who is there. */
static rx_err
put_option(struct people *p, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	char name[256], code[RX_UNIT_TEXT];
	rx_err rc;

	memcpy(p->unit, unit, RX_UNIT_BYTES);
	p->option = NULL;
	if (p->units++ >= UNITS_MAX)
		return (rx_put_bool(p->data, "more_units", true, st));
	rx_unit_text(code, unit);
	if ((rc = rx_unit_name(p->q->session, unit, name, sizeof(name),
	    st)) != RX_OK ||
	    (rc = rx_put_item(p->data, "units", &p->option, st)) != RX_OK ||
	    (rc = rx_put_text(p->option, "code", code, st)) != RX_OK ||
	    (rc = rx_put_bool(p->option, "chosen", strcmp(code,
	    rx_field(p->q, "to")) == 0, st)) != RX_OK)
		return (rc);
	return (rx_put_text(p->option, "name", name, st));
}

static rx_err
recipient_each(void *cookie, const char unit[RX_UNIT_BYTES],
    const char *name, struct rx_status *st)
{
	struct people *p = cookie;
	json_t *o;
	rx_err rc;

	if ((p->units == 0 || memcmp(p->unit, unit, RX_UNIT_BYTES) != 0) &&
	    (rc = put_option(p, unit, st)) != RX_OK)
		return (rc);
	if (p->option != NULL &&
	    ((rc = rx_put_item(p->option, "who", &o, st)) != RX_OK ||
	    (rc = rx_put_text(o, "name", name, st)) != RX_OK))
		return (rc);
	return (put_person(p, name, st));
}

static rx_err
put_recipients(struct rx_request *q, json_t *data, struct rx_status *st)
{
	struct people p = { .q = q, .data = data };
	rx_err rc;

	if ((rc = rx_bundle_recipients(q->session, recipient_each, &p, st)) !=
	    RX_OK || (rc = rx_put_shown(data, "units", st)) != RX_OK)
		return (rc);
	return (rx_put_shown(data, "people", st));
}

/* ---- the page: what there was ---- */

struct listing {
	const struct rx_request *q;
	json_t *data;
	int64_t copies;		/* that have sent something */
};

static rx_err
bundle_each(void *cookie, const struct rx_bundle *b, struct rx_status *st)
{
	struct listing *l = cookie;
	json_t *o;
	rx_err rc;

	l->copies += !is_home(b);
	if (l->data == NULL)
		return (RX_OK);
	if ((rc = rx_put_item(l->data, "bundles", &o, st)) != RX_OK ||
	    (rc = put_from(o, l->q, b, st)) != RX_OK ||
	    (rc = rx_put_int(o, "number", (int64_t)b->number, st)) != RX_OK ||
	    (rc = rx_put_time(o, "made", b->made, st)) != RX_OK)
		return (rc);
	return (rx_put_text(o, "sender", b->sender, st));
}

rx_err
rx_put_copies(json_t *data, const struct rx_request *q, struct rx_status *st)
{
	struct listing l = { q, NULL, 0 };
	rx_err rc;

	if ((rc = rx_bundle_each(q->session, bundle_each, &l, st)) != RX_OK ||
	    l.copies == 0)
		return (rc);
	return (rx_put_say_int(data, "copies", q, RX_MSG_WEB_COPIES, "n",
	    l.copies, st));
}

static rx_err
conflict_each(void *cookie, const struct rx_child_row *row,
    struct rx_status *st)
{
	char id[RX_UUID_TEXT];
	json_t *data = cookie, *o;
	rx_err rc;

	rx_uuid_text(row->child->id, id);
	if ((rc = rx_put_item(data, "conflicted", &o, st)) != RX_OK ||
	    (rc = rx_put_text(o, "id", id, st)) != RX_OK ||
	    (rc = rx_put_text(o, "number", rx_record_text(row->child,
	    RX_F_CALLER_ID), st)) != RX_OK)
		return (rc);
	return (rx_put_text(o, "name", rx_record_text(row->child, RX_F_NAME),
	    st));
}

/* The cases of which a version was written twice, those that he may read. */
static rx_err
put_conflicts(struct rx_request *q, json_t *data, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	size_t i;
	rx_err rc;

	rc = rx_conflict_cases(q->session, &ids, st);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES)
		if ((rc = rx_child_glance(q->session, ids.b + i,
		    conflict_each, data, st)) == RX_EPERM) {
			rx_status_clear(st);
			rc = RX_OK;
		}
	rx_buf_free(&ids);
	return (rc != RX_OK ? rc : rx_put_shown(data, "conflicted", st));
}

/* ---- the page ---- */

static rx_err
put_page(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct listing l = { q, a->data, 0 };
	char digits[36], root[36];
	rx_err rc;

	a->page = "bundles/bundles";
	if ((rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_NAV_BUNDLES, NULL,
	    NULL, st)) != RX_OK ||
	    (rc = rx_user_fingerprint(q->session, rx_session_user(q->session),
	    digits, root, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "mine", digits, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "root", root, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "opens", rx_session_has_role(q->session,
	    RX_ROLE_DIRECTOR) || rx_session_has_role(q->session,
	    RX_ROLE_SUPERVISOR), st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "waits", is_kept(q) &&
	    a->keep != RX_KEEP_NOTHING, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "at_home", rx_session_copy(q->session)
	    == NULL, st)) != RX_OK ||
	    (rc = put_recipients(q, a->data, st)) != RX_OK ||
	    (rc = put_conflicts(q, a->data, st)) != RX_OK ||
	    (rc = rx_bundle_each(q->session, bundle_each, &l, st)) != RX_OK)
		return (rc);
	return (rx_put_shown(a->data, "bundles", st));
}

static rx_err
page(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	return (put_page(q, a, st));
}

/* Tell why above the page.  A bundle that is damaged is no damage here. */
static rx_err
put_refusal(struct rx_reply *a, const struct rx_request *q,
    struct rx_status *st)
{

	if (st->msg == RX_MSG_BUNDLE_CORRUPT || st->msg == RX_MSG_BUNDLE_KEY ||
	    st->msg == RX_MSG_BUNDLE_SENDER_UNKNOWN ||
	    st->msg == RX_MSG_BUNDLE_KEYS_DIFFER)
		st->code = RX_EUSAGE;
	return (rx_put_error(a, q, st));
}

/* ---- making one ---- */

static rx_err
make(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	const char *to = rx_field(q, rx_field_set(q, "code") ? "code" : "to");
	char unit[RX_UNIT_TEXT], hex[2 * RX_ID_BYTES + 1];
	struct rx_bundle b;
	rx_err rc;

	if (rx_bundle_seal(q->session, to, MADE_MAX, &a->body, &b, st) !=
	    RX_OK)
		return ((rc = put_refusal(a, q, st)) != RX_OK ? rc :
		    put_page(q, a, st));
	rx_unit_text(unit, b.unit);
	rx_hex(hex, b.copy, RX_ID_BYTES);
	hex[8] = '\0';
	a->type = "application/octet-stream";
	(void)snprintf(a->filename, sizeof(a->filename),
	    "runxin-%s-%s-%llu.rxb", unit, is_home(&b) ? "home" : hex,
	    (unsigned long long)b.number);
	return (RX_OK);
}

/* ---- opening one ---- */

static rx_err
upload(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_bundle b;
	rx_err rc;

	rc = q->nfile == 0 ? rx_fail(st, RX_EUSAGE, RX_MSG_WEB_BUNDLE_NO_FILE) :
	    rx_bundle_look(q->session, q->file, q->nfile, &b, st);
	if (rc != RX_OK)
		return ((rc = put_refusal(a, q, st)) != RX_OK ? rc :
		    put_page(q, a, st));
	a->keep = RX_KEEP_UPLOADED;
	rx_redirect(a, "/bundles/open");
	return (RX_OK);
}

/* What its outside says, and its sender. */
static rx_err
put_outside(json_t *data, const struct rx_request *q,
    const struct rx_bundle *b, struct rx_status *st)
{
	char hex[2 * RX_HASH_BYTES + 1], name[256];
	rx_err rc;

	rx_hex(hex, b->digest, RX_HASH_BYTES);
	if ((rc = rx_unit_name(q->session, b->unit, name, sizeof(name),
	    st)) != RX_OK ||
	    (rc = put_from(data, q, b, st)) != RX_OK ||
	    (rc = rx_put_int(data, "number", (int64_t)b->number, st)) !=
	    RX_OK || (rc = rx_put_time(data, "made", b->made, st)) != RX_OK ||
	    (rc = rx_put_text(data, "unit", name, st)) != RX_OK ||
	    (rc = rx_put_text(data, "recipients", b->recipients, st)) !=
	    RX_OK || (rc = rx_put_text(data, "root", b->root, st)) != RX_OK ||
	    (rc = rx_put_text(data, "digest", hex, st)) != RX_OK)
		return (rc);
	if (!b->known)
		return (RX_OK);
	if ((rc = rx_put_text(data, "sender", b->sender, st)) != RX_OK)
		return (rc);
	return (rx_put_text(data, "digits", b->fingerprint, st));
}

/* What is in the kept file; opening is tried, and all of it taken back. */
static rx_err
put_inside(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	json_t *counts = NULL;
	struct rx_bundle b;
	rx_err rc;

	a->page = "bundles/open";
	if ((rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_BUNDLE_OPEN, NULL,
	    NULL, st)) != RX_OK)
		return (rc);
	if (rx_bundle_merge(q->session, q->kept, q->nkept, false, &b, st) !=
	    RX_OK)
		rc = put_refusal(a, q, st);
	else if ((rc = rx_put(a->data, "counts", counts = json_object(),
	    st)) == RX_OK)
		rc = put_counts(counts, q, &b, st);
	return (rc != RX_OK || b.made == 0 ? rc :
	    put_outside(a->data, q, &b, st));
}

/* Without a file, which another upload or the end of the session took. */
static rx_err
gone(struct rx_reply *a)
{

	rx_redirect_with(a, RX_MSG_WEB_BUNDLE_GONE, "/bundles");
	return (RX_OK);
}

static rx_err
open_form(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	return (!is_kept(q) ? gone(a) : put_inside(q, a, st));
}

/* Whether the kept file is the one that he was shown: RX_ECONFLICT. */
static rx_err
is_shown(struct rx_request *q, struct rx_status *st)
{
	char hex[2 * RX_HASH_BYTES + 1];
	struct rx_bundle b;
	rx_err rc;

	if ((rc = rx_bundle_look(q->session, q->kept, q->nkept, &b, st)) !=
	    RX_OK)
		return (rc);
	rx_hex(hex, b.digest, RX_HASH_BYTES);
	return (strcmp(hex, rx_field(q, "digest")) == 0 ? RX_OK :
	    rx_fail(st, RX_ECONFLICT, RX_MSG_WEB_BUNDLE_OTHER));
}

static rx_err
open_it(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_bundle b;
	rx_err rc;

	if (!is_kept(q))
		return (gone(a));
	if ((rc = is_shown(q, st)) == RX_OK && !rx_field_set(q, "sure"))
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_WEB_BUNDLE_SURE_MISSING);
	if (rc != RX_OK || rx_bundle_merge(q->session, q->kept, q->nkept, true,
	    &b, st) != RX_OK)
		return ((rc = put_refusal(a, q, st)) != RX_OK ? rc :
		    put_inside(q, a, st));
	if ((a->after = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	a->keep = RX_KEEP_NOTHING;
	rx_redirect(a, "/bundles");
	return (put_counts(a->after, q, &b, st));
}

static rx_err
drop(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	(void)q;
	(void)st;
	a->keep = RX_KEEP_NOTHING;
	rx_redirect_with(a, RX_MSG_WEB_BUNDLE_DROPPED, "/bundles");
	return (RX_OK);
}

#define READER (1u << RX_ROLE_DIRECTOR | 1u << RX_ROLE_SUPERVISOR)
#define MAKER (READER | 1u << RX_ROLE_ADMIN)

const struct rx_route rx_routes_bundles[] = {
	{ "GET", "/bundles", MAKER | RX_WEB_SLOW, page },
	{ "POST", "/bundles/make", MAKER | RX_WEB_SLOW, make },
	{ "POST", "/bundles/show", READER | RX_WEB_SLOW | RX_WEB_UPLOAD,
	    upload },
	{ "GET", "/bundles/open", READER | RX_WEB_SLOW, open_form },
	{ "POST", "/bundles/open", READER | RX_WEB_SLOW, open_it },
	{ "POST", "/bundles/drop", READER, drop },
	{ NULL, NULL, 0, NULL }
};
