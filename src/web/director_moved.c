#include <stdio.h>
#include <string.h>

#include "crypto/container.h"
#include "web/director.h"

/*
 * A case goes to another register, by three files: the address of who will have
 * it, the sealed case, the receipt.  What is uploaded is looked at, and kept with
 * the session, in memory, until whoever is here has compared who it is from; so is
 * the sealed case until it was downloaded.  Nothing of it is ever written.
 */

#define MADE_MAX (RX_UPLOAD_MAX - (16u << 10))	/* with what a form adds */
#define BYTES "application/octet-stream"

/* ---- what is kept ---- */

enum kept { KEPT_OTHER, KEPT_ADDRESS, KEPT_CASE, KEPT_RECEIPT };

/* What kind of file the session keeps, by its first bytes. */
static enum kept
kept(const struct rx_request *q)
{

	if (q->nkept < 8)
		return (KEPT_OTHER);
	if (memcmp(q->kept, "RXBU", 4) == 0)
		return (q->kept[5] == RX_CONTAINER_CASE ? KEPT_CASE :
		    KEPT_OTHER);
	return (memcmp(q->kept, "RXAD", 4) == 0 ? KEPT_ADDRESS :
	    memcmp(q->kept, "RXRC", 4) == 0 ? KEPT_RECEIPT : KEPT_OTHER);
}

/* Tell why above the page.  A file that is damaged is no damage here. */
static rx_err
put_refusal(struct rx_reply *a, const struct rx_request *q,
    struct rx_status *st)
{

	if (st->msg == RX_MSG_ADDRESS_CORRUPT ||
	    st->msg == RX_MSG_TRANSFER_FILE_CORRUPT ||
	    st->msg == RX_MSG_TRANSFER_FILE_KEY ||
	    st->msg == RX_MSG_RECEIPT_CORRUPT)
		st->code = RX_EUSAGE;
	return (rx_put_error(a, q, st));
}

/* Whether a file came with the form. */
static rx_err
file_sent(const struct rx_request *q, struct rx_status *st)
{

	return (q->nfile > 0 ? RX_OK : rx_fail(st, RX_EUSAGE,
	    RX_MSG_WEB_BUNDLE_NO_FILE));
}

static rx_err
gone(struct rx_reply *a, const char *where)
{

	rx_redirect_with(a, RX_MSG_WEB_MOVED_GONE, "%s", where);
	return (RX_OK);
}

/* ${p} as a download called ${name}. */
static rx_err
download(struct rx_reply *a, const uint8_t *p, size_t n, const char *name,
    const char *end, struct rx_status *st)
{

	a->type = BYTES;
	(void)snprintf(a->filename, sizeof(a->filename), "runxin-%s.%s", name,
	    end);
	return (rx_buf_add(&a->body, p, n, st));
}

/* register, unit, person, digits of a director. */
static rx_err
put_address(json_t *o, const struct rx_address *a, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_put_text(o, "register", a->register_name, st)) != RX_OK ||
	    (rc = rx_put_text(o, "unit", a->unit_name, st)) != RX_OK ||
	    (rc = rx_put_text(o, "person", a->cert.name, st)) != RX_OK)
		return (rc);
	return (rx_put_text(o, "digits", a->fingerprint, st));
}

static rx_err
put_hex(json_t *o, const char *key, const uint8_t digest[RX_HASH_BYTES],
    struct rx_status *st)
{
	char hex[2 * RX_HASH_BYTES + 1];

	rx_hex(hex, digest, RX_HASH_BYTES);
	return (rx_put_text(o, key, hex, st));
}

/* Whether the form is about the file ${digest}: RX_ECONFLICT. */
static rx_err
is_shown(const struct rx_request *q, const uint8_t digest[RX_HASH_BYTES],
    struct rx_status *st)
{
	char hex[2 * RX_HASH_BYTES + 1];

	rx_hex(hex, digest, RX_HASH_BYTES);
	return (strcmp(hex, rx_field(q, "digest")) == 0 ? RX_OK :
	    rx_fail(st, RX_ECONFLICT, RX_MSG_WEB_MOVED_OTHER));
}

/* ---- what was offered ---- */

struct moves {
	const struct rx_request *q;
	json_t *data;
	bool one;
	uint8_t digest[RX_HASH_BYTES];	/* of the one */
	bool open;
	const char *hex;		/* of a file that was answered; NULL */
};

static rx_err
put_departure(json_t *o, const struct rx_request *q,
    const struct rx_departure_row *row, struct rx_status *st)
{
	char id[RX_UUID_TEXT];
	rx_err rc;

	rx_uuid_text(row->child, id);
	if ((rc = rx_director_who(o, q, row->record, st)) != RX_OK ||
	    (rc = rx_put_text(o, "id", id, st)) != RX_OK ||
	    (rc = put_address(o, &row->to, st)) != RX_OK ||
	    (rc = rx_put_text(o, "by", row->by, st)) != RX_OK ||
	    (rc = rx_put_time(o, "at", row->at, st)) != RX_OK ||
	    (rc = rx_put_text(o, "reason", row->reason, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "open", row->state == RX_DEPARTURE_OPEN,
	    st)) != RX_OK)
		return (rc);
	return (rx_put_bool(o, "rejected", row->state ==
	    RX_DEPARTURE_REJECTED, st));
}

static rx_err
departure_each(void *cookie, const struct rx_departure_row *row,
    struct rx_status *st)
{
	struct moves *m = cookie;
	json_t *o;
	rx_err rc;

	if (!m->one)
		return ((rc = rx_put_item(m->data, "departures", &o, st)) !=
		    RX_OK ? rc : put_departure(o, m->q, row, st));
	memcpy(m->digest, row->digest, RX_HASH_BYTES);
	m->open = row->state == RX_DEPARTURE_OPEN;
	if ((rc = rx_put(m->data, "away", o = json_object(), st)) != RX_OK)
		return (rc);
	return (put_departure(o, m->q, row, st));
}

/* Whether the session keeps the sealed case ${digest}. */
static bool
is_kept(const struct rx_request *q, const uint8_t digest[RX_HASH_BYTES])
{
	struct rx_container box;
	struct rx_status no;

	rx_status_clear(&no);
	return (kept(q) == KEPT_CASE && rx_container_read(&box, q->kept,
	    q->nkept, &no) == RX_OK && memcmp(box.digest, digest,
	    RX_HASH_BYTES) == 0);
}

rx_err
rx_director_moves_of(const struct rx_request *q, json_t *data,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	struct moves m = { .q = q, .data = data, .one = true };
	unsigned count;
	rx_err rc;

	if ((rc = rx_departure_each(q->session, id, false, departure_each, &m,
	    st)) != RX_OK ||
	    (rc = rx_origin_count(q->session, id, &count, st)) != RX_OK ||
	    (rc = rx_put_bool(data, "is_away", m.open, st)) != RX_OK ||
	    (rc = rx_put_bool(data, "sealed", m.open && is_kept(q, m.digest),
	    st)) != RX_OK)
		return (rc);
	return (rx_put_bool(data, "origins", count > 0, st));
}

rx_err
rx_director_moves(const struct rx_request *q, json_t *data, bool names,
    struct rx_status *st)
{
	struct moves m = { .q = q, .data = data };
	rx_err rc;

	if ((rc = rx_departure_each(q->session, NULL, names, departure_each,
	    &m, st)) != RX_OK)
		return (rc);
	return (rx_put_shown(data, "departures", st));
}

/* ---- sending ---- */

/* To whom, when an address is kept; else the form asks for one. */
static rx_err
send_form(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	static const char *const keep[] = { "reason", NULL };
	struct rx_address to;
	uint8_t id[RX_ID_BYTES];
	json_t *o;
	rx_err rc;

	a->page = "moved/send";
	if ((rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = rx_director_head(a, q, id, NULL, st)) != RX_OK ||
	    (rc = rx_director_moves_of(q, a->data, id, st)) != RX_OK ||
	    (rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = rx_director_title(a, q, RX_MSG_WEB_MOVED_SEND, st)) != RX_OK)
		return (rc);
	if (kept(q) != KEPT_ADDRESS)
		return (RX_OK);
	if (rx_address_take(&to, q->kept, q->nkept, st) != RX_OK)
		return (put_refusal(a, q, st));
	if ((rc = rx_put(a->data, "to", o = json_object(), st)) != RX_OK)
		return (rc);
	return (put_address(o, &to, st));
}

static rx_err
send_upload(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char text[RX_UUID_TEXT];
	struct rx_address to;
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK)
		return (rc);
	if (file_sent(q, st) != RX_OK || rx_address_take(&to, q->file,
	    q->nfile, st) != RX_OK)
		return ((rc = put_refusal(a, q, st)) != RX_OK ? rc :
		    send_form(q, a, st));
	rx_uuid_text(id, text);
	a->keep = RX_KEEP_UPLOADED;
	rx_redirect(a, "/child/%s/move", text);
	return (RX_OK);
}

static rx_err
seal(struct rx_request *q, struct rx_reply *a, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_buf reason = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_field_reason(&reason, q, st)) == RX_OK)
		rc = !rx_field_set(q, "sure") ? rx_fail(st, RX_EUSAGE,
		    RX_MSG_WEB_MOVED_SURE_MISSING) :
		    rx_departure_seal(q->session, id, q->kept, q->nkept,
		    rx_field(q, "digits"), (const char *)reason.b, MADE_MAX,
		    &a->made, st);
	rx_buf_free(&reason);
	return (rc);
}

/* The digits of the form are those that he was shown. */
static rx_err
send_do(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char text[RX_UUID_TEXT], where[64];
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK)
		return (rc);
	rx_uuid_text(id, text);
	(void)snprintf(where, sizeof(where), "/child/%s/move", text);
	if (kept(q) != KEPT_ADDRESS)
		return (gone(a, where));
	if (seal(q, a, id, st) != RX_OK)
		return ((rc = put_refusal(a, q, st)) != RX_OK ? rc :
		    send_form(q, a, st));
	a->keep = RX_KEEP_MADE;
	rx_redirect_with(a, RX_MSG_WEB_MOVED_SENT, "/child/%s/transfer", text);
	return (RX_OK);
}

/* The sealed case, while it is kept. */
static rx_err
send_file(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char text[RX_UUID_TEXT], where[64];
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = rx_director_moves_of(q, a->data, id, st)) != RX_OK)
		return (rc);
	if (json_is_true(json_object_get(a->data, "sealed")))
		return (download(a, q->kept, q->nkept, "case", "rxc", st));
	rx_uuid_text(id, text);
	(void)snprintf(where, sizeof(where), "/child/%s/transfer", text);
	rx_redirect_with(a, RX_MSG_WEB_MOVED_NO_FILE, "%s", where);
	return (RX_OK);
}

/* ---- the page of what comes from elsewhere ---- */

static rx_err
answered_each(void *cookie, const struct rx_answered *row,
    struct rx_status *st)
{
	static const uint8_t nobody[RX_ID_BYTES];
	char id[RX_UUID_TEXT], hex[2 * RX_HASH_BYTES + 1];
	const struct moves *m = cookie;
	json_t *o;
	rx_err rc;

	rx_hex(hex, row->digest, RX_HASH_BYTES);
	if (m->hex != NULL && strcmp(hex, m->hex) != 0)
		return (RX_OK);
	if ((rc = rx_put_item(m->data, "receipts", &o, st)) != RX_OK ||
	    (rc = rx_put_text(o, "digest", hex, st)) != RX_OK ||
	    (rc = rx_put_int(o, "number", (int64_t)row->number, st)) !=
	    RX_OK || (rc = rx_put_time(o, "at", row->at, st)) != RX_OK ||
	    (rc = rx_put_text(o, "by", row->by, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "accepted", row->answer ==
	    RX_ANSWER_ACCEPTED, st)) != RX_OK)
		return (rc);
	if (memcmp(row->child, nobody, RX_ID_BYTES) == 0)
		return (RX_OK);
	rx_uuid_text(row->child, id);
	return (rx_put_text(o, "child", id, st));
}

/* Who he is to other registers, and the unit that the field names. */
static rx_err
put_own(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_address own;
	json_t *o;
	rx_err rc;

	if (rx_address_issue(q->session, rx_field_set(q, "unit") ?
	    rx_field(q, "unit") : NULL, &own, st) != RX_OK)
		return (rx_put_error(a, q, st));
	if ((rc = rx_put(a->data, "own", o = json_object(), st)) != RX_OK ||
	    (rc = rx_put_text(o, "code", rx_field(q, "unit"), st)) != RX_OK)
		return (rc);
	return (put_address(o, &own, st));
}

static rx_err
moved(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct moves m = { .q = q, .data = a->data };
	rx_err rc;

	a->page = "moved/moved";
	if ((rc = put_own(q, a, st)) != RX_OK ||
	    (rc = rx_director_units(a, q, false, st)) != RX_OK ||
	    (rc = rx_arrival_each(q->session, answered_each, &m, st)) !=
	    RX_OK || (rc = rx_put_shown(a->data, "receipts", st)) != RX_OK)
		return (rc);
	return (rx_director_title(a, q, RX_MSG_WEB_MOVED_TITLE, st));
}

static rx_err
address_file(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_address own;
	char unit[RX_UNIT_TEXT];
	rx_err rc;

	if ((rc = rx_address_issue(q->session, rx_field_set(q, "unit") ?
	    rx_field(q, "unit") : NULL, &own, st)) != RX_OK)
		return (rc);
	rx_unit_text(unit, own.unit);
	return (download(a, own.bytes, sizeof(own.bytes), unit, "rxa", st));
}

/* ---- receiving ---- */

static rx_err
arrival_upload(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_arrival in;
	rx_err rc;

	rc = file_sent(q, st);
	if (rc == RX_OK) {
		rc = rx_arrival_look(q->session, q->file, q->nfile, &in, st);
		rx_wipe(&in, sizeof(in));
	}
	if (rc != RX_OK)
		return ((rc = put_refusal(a, q, st)) != RX_OK ? rc :
		    moved(q, a, st));
	a->keep = RX_KEEP_UPLOADED;
	rx_redirect(a, "/moved/open");
	return (RX_OK);
}

static rx_err
put_arrival(json_t *o, const struct rx_request *q,
    const struct rx_arrival *in, struct rx_status *st)
{
	char to[256];
	rx_err rc;

	if ((rc = put_address(o, &in->from, st)) != RX_OK ||
	    (rc = put_hex(o, "digest", in->digest, st)) != RX_OK ||
	    (rc = rx_unit_name(q->session, in->to, to, sizeof(to), st)) !=
	    RX_OK || (rc = rx_put_text(o, "for", to, st)) != RX_OK ||
	    (rc = rx_put_int(o, "number", (int64_t)in->number, st)) != RX_OK ||
	    (rc = rx_put_time(o, "made", in->made, st)) != RX_OK ||
	    (rc = rx_put_text(o, "name", in->name, st)) != RX_OK ||
	    (rc = rx_put_text(o, "why", in->reason, st)) != RX_OK ||
	    (rc = rx_put_int(o, "records", (int64_t)in->records, st)) !=
	    RX_OK || (rc = rx_put_code(o, "risk", q, RX_LIST_RISK, in->risk,
	    st)) != RX_OK || (rc = rx_put_date(o, "due", in->due, st)) !=
	    RX_OK || (rc = rx_put_bool(o, "flagged", in->flagged, st)) !=
	    RX_OK)
		return (rc);
	return (rx_put_bool(o, "withdrawn", in->withdrawn, st));
}

/* What is in the kept file, and the two answers. */
static rx_err
put_open(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	static const char *const keep[] = { "reason", NULL };
	struct rx_arrival in;
	json_t *o;
	rx_err rc;

	a->page = "moved/open";
	if ((rc = rx_director_title(a, q, RX_MSG_WEB_MOVED_ARRIVED, st)) !=
	    RX_OK || (rc = rx_put_form(a->data, q, keep, st)) != RX_OK)
		return (rc);
	if (rx_arrival_look(q->session, q->kept, q->nkept, &in, st) != RX_OK)
		rc = put_refusal(a, q, st);
	else if ((rc = rx_put(a->data, "in", o = json_object(), st)) == RX_OK)
		rc = put_arrival(o, q, &in, st);
	rx_wipe(&in, sizeof(in));
	return (rc);
}

static rx_err
arrival_open(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	return (kept(q) != KEPT_CASE ? gone(a, "/moved") : put_open(q, a, st));
}

/* The kept file must be the one that the form is about. */
static rx_err
same_file(const struct rx_request *q, struct rx_status *st)
{
	struct rx_container box;
	rx_err rc;

	if ((rc = rx_container_read(&box, q->kept, q->nkept, st)) != RX_OK)
		return (rc);
	return (is_shown(q, box.digest, st));
}

/* It was answered: to the page of its receipt. */
static rx_err
answered(struct rx_reply *a, const struct rx_arrival *in, enum rx_msg msg)
{
	char hex[2 * RX_HASH_BYTES + 1];

	rx_hex(hex, in->digest, RX_HASH_BYTES);
	a->keep = RX_KEEP_NOTHING;
	rx_redirect_with(a, in->before ? RX_MSG_CLI_ARRIVAL_BEFORE : msg,
	    "/moved/receipt/%s", hex);
	return (RX_OK);
}

static rx_err
arrival_accept(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_buf receipt = RX_BUF_INIT;
	struct rx_arrival in;
	rx_err rc;

	if (kept(q) != KEPT_CASE)
		return (gone(a, "/moved"));
	memset(&in, 0, sizeof(in));
	if ((rc = same_file(q, st)) == RX_OK && !rx_field_set(q, "sure"))
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_WEB_MOVED_SURE_MISSING);
	if (rc == RX_OK)
		rc = rx_arrival_take(q->session, q->kept, q->nkept,
		    rx_field(q, "digits"), &receipt, &in, st);
	rc = rc == RX_OK ? answered(a, &in, RX_MSG_WEB_MOVED_ACCEPTED) :
	    (rc = put_refusal(a, q, st)) != RX_OK ? rc : put_open(q, a, st);
	rx_wipe(&in, sizeof(in));
	rx_buf_free(&receipt);
	return (rc);
}

static rx_err
arrival_reject(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_buf receipt = RX_BUF_INIT, reason = RX_BUF_INIT;
	struct rx_arrival in;
	rx_err rc;

	if (kept(q) != KEPT_CASE)
		return (gone(a, "/moved"));
	memset(&in, 0, sizeof(in));
	if ((rc = same_file(q, st)) == RX_OK &&
	    (rc = rx_field_reason(&reason, q, st)) == RX_OK)
		rc = rx_arrival_return(q->session, q->kept, q->nkept,
		    (const char *)reason.b, &receipt, &in, st);
	rc = rc == RX_OK ? answered(a, &in, RX_MSG_WEB_MOVED_REJECTED) :
	    (rc = put_refusal(a, q, st)) != RX_OK ? rc : put_open(q, a, st);
	rx_wipe(&in, sizeof(in));
	rx_buf_free(&receipt);
	rx_buf_free(&reason);
	return (rc);
}

static rx_err
drop(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	(void)q;
	(void)st;
	a->keep = RX_KEEP_NOTHING;
	rx_redirect_with(a, RX_MSG_WEB_MOVED_DROPPED, "/moved");
	return (RX_OK);
}

/* ---- the receipt that goes back ---- */

struct finding {
	const char *hex;	/* the digest that the path names */
	struct rx_buf *out;
};

static rx_err
receipt_each(void *cookie, const struct rx_answered *row,
    struct rx_status *st)
{
	const struct finding *f = cookie;
	char hex[2 * RX_HASH_BYTES + 1];

	rx_hex(hex, row->digest, RX_HASH_BYTES);
	return (strcmp(hex, f->hex) != 0 ? RX_OK :
	    rx_buf_add(f->out, row->receipt, row->nreceipt, st));
}

static rx_err
receipt_file(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct finding f = { q->arg[0], &a->body };
	rx_err rc;

	if ((rc = download(a, NULL, 0, "receipt", "rxr", st)) != RX_OK ||
	    (rc = rx_arrival_each(q->session, receipt_each, &f, st)) != RX_OK)
		return (rc);
	return (a->body.len > 0 ? RX_OK :
	    rx_fail(st, RX_ENOENT, RX_MSG_TRANSFER_NONE));
}

static rx_err
receipt(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct moves m = { .q = q, .data = a->data, .hex = q->arg[0] };
	rx_err rc;

	a->page = "moved/receipt";
	if ((rc = rx_arrival_each(q->session, answered_each, &m, st)) !=
	    RX_OK)
		return (rc);
	if (json_object_get(a->data, "receipts") == NULL)
		return (rx_fail(st, RX_ENOENT, RX_MSG_TRANSFER_NONE));
	return (rx_director_title(a, q, RX_MSG_WEB_MOVED_RECEIPT, st));
}

/* ---- the receipt that came back ---- */

static rx_err
answer_upload(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_departed info;
	rx_err rc;

	if ((rc = file_sent(q, st)) == RX_OK)
		rc = rx_departure_answer(q->session, q->file, q->nfile, false,
		    &info, st);
	if (rc != RX_OK)
		return ((rc = put_refusal(a, q, st)) != RX_OK ? rc :
		    moved(q, a, st));
	a->keep = RX_KEEP_UPLOADED;
	rx_redirect(a, "/moved/answer");
	return (RX_OK);
}

/* What the kept receipt says. */
static rx_err
put_answer(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_departed info;
	uint8_t digest[RX_HASH_BYTES];
	rx_err rc;

	a->page = "moved/answer";
	if ((rc = rx_director_title(a, q, RX_MSG_WEB_MOVED_ANSWERED, st)) !=
	    RX_OK)
		return (rc);
	if (rx_departure_answer(q->session, q->kept, q->nkept, false, &info,
	    st) != RX_OK)
		return (put_refusal(a, q, st));
	rx_hash(digest, RX_HASH_BYTES, NULL, "runxin shown v1", q->kept,
	    q->nkept);
	/* The case may be gone: the receipt came before. */
	if ((!info.before && (rc = rx_director_head(a, q, info.child, NULL,
	    st)) != RX_OK) ||
	    (rc = put_hex(a->data, "digest", digest, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "accepted", info.answer ==
	    RX_ANSWER_ACCEPTED, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "before", info.before, st)) != RX_OK)
		return (rc);
	return (rx_put_text(a->data, "why", info.reason, st));
}

static rx_err
answer_form(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	return (kept(q) != KEPT_RECEIPT ? gone(a, "/moved") :
	    put_answer(q, a, st));
}

/* Whether he may: what is to be destroyed he was shown, and knows. */
static rx_err
answer_sure(const struct rx_request *q, struct rx_departed *info,
    struct rx_status *st)
{
	uint8_t digest[RX_HASH_BYTES];
	rx_err rc;

	rx_hash(digest, RX_HASH_BYTES, NULL, "runxin shown v1", q->kept,
	    q->nkept);
	if ((rc = is_shown(q, digest, st)) != RX_OK ||
	    (rc = rx_departure_answer(q->session, q->kept, q->nkept, false,
	    info, st)) != RX_OK)
		return (rc);
	return (info->answer == RX_ANSWER_ACCEPTED && !info->before &&
	    !rx_field_set(q, "sure") ? rx_fail(st, RX_EUSAGE,
	    RX_MSG_WEB_MOVED_YES_SURE_MISSING) : RX_OK);
}

static rx_err
answer_take(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char id[RX_UUID_TEXT];
	struct rx_departed info;
	rx_err rc;

	if (kept(q) != KEPT_RECEIPT)
		return (gone(a, "/moved"));
	if (answer_sure(q, &info, st) != RX_OK ||
	    rx_departure_answer(q->session, q->kept, q->nkept, true, &info,
	    st) != RX_OK)
		return ((rc = put_refusal(a, q, st)) != RX_OK ? rc :
		    put_answer(q, a, st));
	a->keep = RX_KEEP_NOTHING;
	rx_uuid_text(info.child, id);
	if (info.before)
		rx_redirect_with(a, RX_MSG_WEB_MOVED_BEFORE, "/moved");
	else if (info.answer == RX_ANSWER_ACCEPTED)
		rx_redirect_with(a, RX_MSG_WEB_MOVED_LEFT, "/erasure/%s", id);
	else
		rx_redirect_with(a, RX_MSG_WEB_MOVED_RETURNED, "/child/%s",
		    id);
	return (RX_OK);
}

/* ---- what was written there ---- */

struct origins {
	const struct rx_request *q;
	json_t *data;
	json_t *origin;		/* the last of data.origin */
	char digits[36];	/* of it */
};

static rx_err
put_identity(json_t *item, const struct rx_request *q,
    const struct rx_record *r, struct rx_status *st)
{
	json_t *fact;
	unsigned f;
	rx_err rc;

	for (f = 0; r->type == RX_CHILD && f < RX_FIELD_COUNT; f++)
		if (rx_fields[f].comp == RX_COMP_IDENTITY && r->v[f].set &&
		    ((rc = rx_put_item(item, "identity", &fact, st)) !=
		    RX_OK || (rc = rx_put_text(fact, "label", rx_msg(
		    rx_form_label((enum rx_field)f), q->lang), st)) != RX_OK ||
		    (rc = rx_put_text(fact, "text", rx_record_text(r,
		    (enum rx_field)f), st)) != RX_OK))
			return (rc);
	return (RX_OK);
}

static rx_err
origin_each(void *cookie, const struct rx_address *from,
    const struct rx_record *r, const char *author, struct rx_status *st)
{
	struct origins *og = cookie;
	json_t *item;
	rx_err rc;

	if (strcmp(og->digits, from->fingerprint) != 0) {
		rx_text_copy(og->digits, sizeof(og->digits),
		    from->fingerprint);
		if ((rc = rx_put_item(og->data, "origin", &og->origin, st)) !=
		    RX_OK || (rc = put_address(og->origin, from, st)) != RX_OK)
			return (rc);
	}
	if ((rc = rx_put_item(og->origin, "records", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "type", rx_msg(rx_director_type(r->type),
	    og->q->lang), st)) != RX_OK ||
	    (rc = rx_put_date(item, "date", (int32_t)rx_record_int(r,
	    RX_F_DATE), st)) != RX_OK ||
	    (rc = rx_put_time(item, "at", r->at, st)) != RX_OK ||
	    (rc = rx_put_text(item, "author", author, st)) != RX_OK ||
	    (rc = rx_put_say_int(item, "verified", og->q,
	    RX_MSG_WEB_MOVED_VERIFIED, "n", r->version, st)) != RX_OK ||
	    (rc = rx_put_code(item, "risk", og->q, RX_LIST_RISK,
	    rx_record_int(r, RX_F_RISK), st)) != RX_OK ||
	    (rc = put_identity(item, og->q, r, st)) != RX_OK)
		return (rc);
	return (rx_put_facts(item, og->q, r, st));
}

/* GET, and POST to see it, which is audited. */
static rx_err
origin(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct origins og = { .q = q, .data = a->data };
	uint8_t id[RX_ID_BYTES];
	unsigned count;
	rx_err rc;

	a->page = "moved/origin";
	if ((rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = rx_director_head(a, q, id, NULL, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "masked", !q->post, st)) != RX_OK ||
	    (rc = rx_director_title(a, q, RX_MSG_WEB_MOVED_ORIGIN, st)) !=
	    RX_OK || !q->post)
		return (rc);
	return (rx_origin_each(q->session, id, NULL, origin_each, &og, &count,
	    st));
}

#define DIRECTOR (1u << RX_ROLE_DIRECTOR)
#define SLOW (DIRECTOR | RX_WEB_SLOW)

const struct rx_route rx_routes_moved[] = {
	{ "GET", "/child/*/move", DIRECTOR, send_form },
	{ "POST", "/child/*/move", SLOW | RX_WEB_UPLOAD, send_upload },
	{ "POST", "/child/*/move/send", SLOW, send_do },
	{ "GET", "/child/*/move/file", SLOW, send_file },
	{ "GET", "/child/*/origin", SLOW, origin },
	{ "POST", "/child/*/origin", SLOW, origin },
	{ "GET", "/moved", DIRECTOR, moved },
	{ "GET", "/moved/address", DIRECTOR, address_file },
	{ "POST", "/moved/show", SLOW | RX_WEB_UPLOAD, arrival_upload },
	{ "GET", "/moved/open", SLOW, arrival_open },
	{ "POST", "/moved/accept", SLOW, arrival_accept },
	{ "POST", "/moved/reject", SLOW, arrival_reject },
	{ "POST", "/moved/drop", DIRECTOR, drop },
	{ "GET", "/moved/receipt/*", DIRECTOR, receipt },
	{ "GET", "/moved/receipt/*/file", DIRECTOR, receipt_file },
	{ "POST", "/moved/answer", SLOW | RX_WEB_UPLOAD, answer_upload },
	{ "GET", "/moved/answer", SLOW, answer_form },
	{ "POST", "/moved/answer/take", SLOW, answer_take },
	{ NULL, NULL, 0, NULL }
};
