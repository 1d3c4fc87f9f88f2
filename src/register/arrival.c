#include <stdlib.h>

#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "register/save.h"

/*
 * A case comes from another register: the receiver's side; the bytes are in
 * departure.c and origin.c.
 *
 * The child becomes a case of its own here, with a new id: it may have been here
 * before, and been destroyed when it left.  What came is kept as its history, and
 * nothing of it is a record of this register: this one counts what it writes
 * itself.  What must not end at the border is written anew, by who accepts: a
 * withdrawal of consent, and a flag if one is open.
 *
 * A row of ARRIVAL: digest of the file, source, the child's id here (zeros:
 * rejected), the receipt, which goes out again as it is.
 * source = BLAKE2b-256("runxin arrival v1\0" || store of the sender || child
 * there).
 */

#define FUTURE_MAX INT64_C(86400000)	/* ms */
#define FLAG_CHARACTERS 256

struct arriving {
	struct rx_buf body;
	struct rx_container box;
	struct rx_buf history;	/* borrowed: the first one, in body */
	size_t at;		/* of the histories in body, with lengths */
	struct rx_view *v;	/* of the first */
	uint8_t source[RX_HASH_BYTES];
	struct rx_arrival *in;
};

static const uint8_t nobody[RX_ID_BYTES];

static void
arriving_free(struct arriving *a)
{

	rx_view_close(a->v);
	rx_buf_free(&a->body);
	memset(a, 0, sizeof(*a));
}

static rx_err
corrupt(struct rx_status *st)
{

	rx_status_clear(st);
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_TRANSFER_FILE_CORRUPT));
}

/* ---- opening ---- */

/* Read the outside; it must be a case for this register. */
static rx_err
outside_read(struct arriving *a, struct rx_session *s, const uint8_t *p,
    size_t n, struct rx_status *st)
{

	if (rx_container_read(&a->box, p, n, st) != RX_OK || a->box.head.kind != RX_CONTAINER_CASE ||
	    a->box.recipients != 1)
		return (corrupt(st));
	return (memcmp(a->box.head.copy, s->store_id, RX_ID_BYTES) == 0 ?
	    RX_OK : rx_fail(st, RX_ECONFLICT, RX_MSG_TRANSFER_FILE_ELSEWHERE));
}

/* Open it with the keys that the session has, or is about to have. */
static rx_err
body_open(struct arriving *a, const struct rx_session *s,
    struct rx_status *st)
{
	struct rx_status why;
	rx_err rc;

	rx_status_clear(&why);
	rc = rx_container_open(&a->body, &a->box, s->user_id, s->id, &why);
	if (why.msg == RX_MSG_BUNDLE_KEY && s->next != NULL) {
		rx_status_clear(&why);
		rc = rx_container_open(&a->body, &a->box, s->user_id, s->next,
		    &why);
	}
	if (rc == RX_EPERM)
		return (rx_fail(st, RX_EPERM,
		    RX_MSG_TRANSFER_FILE_NOT_YOURS));
	if (why.msg == RX_MSG_BUNDLE_KEY)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_TRANSFER_FILE_KEY));
	if (why.msg == RX_MSG_BUNDLE_CORRUPT)
		return (corrupt(st));
	if (rc != RX_OK)
		*st = why;
	return (rc);
}

rx_err
rx_arrival_parts(struct rx_arrival *in, size_t *first, const uint8_t *p,
    size_t n, struct rx_status *st)
{
	size_t at = RX_KEY_BYTES + 4, len, i, count;

	if (n < at || (len = rx_get32(p + at - 4)) > 1024 || n - at < len + 4)
		return (corrupt(st));
	memcpy(in->reason, p + at, len);
	in->reason[len] = '\0';
	if (!rx_utf8_valid(in->reason, strlen(in->reason)) ||
	    strlen(in->reason) != len)
		return (corrupt(st));
	at += len + 4;
	count = rx_get32(p + at - 4);
	*first = at;
	for (i = 0; i < count; i++, at += 4 + len)
		if (n - at < 4 || (len = rx_get32(p + at)) > n - at - 4)
			return (corrupt(st));
	in->registers = count;
	return (count == 0 || at != n ? corrupt(st) : RX_OK);
}

/* Find the parts of the body. */
static rx_err
body_parse(struct arriving *a, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_arrival_parts(a->in, &a->at, a->body.b, a->body.len,
	    st)) != RX_OK)
		return (rc);
	a->history.b = a->body.b + a->at + 4;
	a->history.len = rx_get32(a->body.b + a->at);
	return (RX_OK);
}

/* Who sent it: the owner of the address in the first history, who signed the
 * file with the key of his certificate. */
static rx_err
sender_verify(struct arriving *a, const struct rx_session *s,
    struct rx_status *st)
{
	const struct rx_container_head *h = &a->box.head;
	struct rx_address *from = &a->in->from;

	if (a->history.len < RX_ADDRESS_BYTES || rx_address_take(from,
	    a->history.b, RX_ADDRESS_BYTES, st) != RX_OK)
		return (corrupt(st));
	if (memcmp(h->store, from->store, RX_ID_BYTES) != 0 ||
	    memcmp(h->cert, from->cert.id, RX_ID_BYTES) != 0 ||
	    memcmp(h->store, s->store_id, RX_ID_BYTES) == 0 ||
	    !rx_container_signed(&a->box, from->cert.sign_public) ||
	    !rx_cert_valid_at(&from->cert, h->made))
		return (corrupt(st));
	return (h->made > rx_session_now(s) + FUTURE_MAX ?
	    rx_fail(st, RX_ECONFLICT, RX_MSG_BUNDLE_FUTURE) : RX_OK);
}

/* Verify every history, and keep the first open. */
static rx_err
histories_verify(struct arriving *a, const struct rx_session *s,
    struct rx_status *st)
{
	struct rx_view *v;
	size_t at, n;
	rx_err rc;

	for (at = a->at; at < a->body.len; at += 4 + n) {
		n = rx_get32(a->body.b + at);
		if ((rc = rx_view_open(&v, s, a->body.b + at + 4, n, st)) !=
		    RX_OK)
			return (rc);
		a->in->records += v->records;
		if (a->v == NULL)
			a->v = v;
		else
			rx_view_close(v);
	}
	return (RX_OK);
}

/* What a person decides by: the child, and how it stood there. */
static rx_err
describe(struct arriving *a, struct rx_status *st)
{
	struct rx_arrival *in = a->in;
	struct rx_case_state state;
	struct rx_record r;
	rx_err rc;

	rx_record_init(&r);
	if ((rc = rx_child_open(&a->v->s, &a->v->c, RX_CASE_KEYS, true, &r,
	    st)) == RX_OK && (rc = rx_case_state(&a->v->s, &a->v->c, &state,
	    NULL, NULL, st)) == RX_OK) {
		rx_text_copy(in->name, sizeof(in->name), rx_record_text(&r,
		    RX_F_NAME));
		in->risk = state.risk;
		in->due = state.due;
		in->flagged = state.flagged;
		in->withdrawn = state.withdrawn;
	}
	rx_record_free(&r);
	return (rc);
}

/* All that can be said of the ${n} bytes ${p} without deciding; they outlive
 * ${a}, which is freed by the caller in any case. */
static rx_err
arriving_open(struct arriving *a, struct rx_session *s, const uint8_t *p,
    size_t n, struct rx_arrival *in, struct rx_status *st)
{
	uint8_t source[2 * RX_ID_BYTES];
	rx_err rc;

	memset(a, 0, sizeof(*a));
	memset(in, 0, sizeof(*in));
	a->in = in;
	if ((rc = outside_read(a, s, p, n, st)) != RX_OK ||
	    (rc = body_open(a, s, st)) != RX_OK ||
	    (rc = body_parse(a, st)) != RX_OK ||
	    (rc = sender_verify(a, s, st)) != RX_OK)
		return (rc);
	if (!rx_unit_stored(in->to, a->box.head.unit,
	    strnlen(a->box.head.unit, RX_UNIT_BYTES)))
		return (corrupt(st));
	memcpy(in->digest, a->box.digest, RX_HASH_BYTES);
	in->number = a->box.head.number;
	in->made = a->box.head.made;
	if ((rc = rx_permit(s, RX_ACT_WRITE_CASE, in->to, st)) != RX_OK ||
	    (rc = histories_verify(a, s, st)) != RX_OK)
		return (rc);
	memcpy(source, in->from.store, RX_ID_BYTES);
	memcpy(source + RX_ID_BYTES, a->v->c.id, RX_ID_BYTES);
	rx_hash(a->source, RX_HASH_BYTES, NULL, "runxin arrival v1", source,
	    sizeof(source));
	return (describe(a, st));
}

rx_err
rx_arrival_look(struct rx_session *s, const uint8_t *p, size_t n,
    struct rx_arrival *in, struct rx_status *st)
{
	struct arriving a;
	rx_err rc;

	rc = arriving_open(&a, s, p, n, in, st);
	arriving_free(&a);
	return (rc);
}

rx_err
rx_arrival_show(struct rx_session *s, const char *file,
    struct rx_arrival *in, struct rx_status *st)
{
	struct rx_buf bytes = RX_BUF_INIT;
	rx_err rc;

	memset(in, 0, sizeof(*in));
	if ((rc = rx_file_read(&bytes, file, RX_ARRIVAL_MAX, st)) == RX_OK)
		rc = rx_arrival_look(s, bytes.b, bytes.len, in, st);
	rx_buf_free(&bytes);
	return (rc);
}

/* ---- answers ---- */

/* The answer that was given to this file before: *found, the child (zeros:
 * rejected), and the receipt. */
static rx_err
answered(struct arriving *a, struct rx_session *s, struct rx_buf *receipt,
    bool *found, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(a->box.digest, RX_HASH_BYTES);
	struct rx_cursor *cur;
	const void *p;
	size_t n;
	rx_err rc;

	*found = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_ARRIVAL, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, found, st)) == RX_OK && *found) {
		p = rx_col_bytes(cur, 2, &n);
		if (n == RX_ID_BYTES)
			memcpy(a->in->child, p, n);
		p = rx_col_bytes(cur, 3, &n);
		rc = rx_buf_add(receipt, p, n, st);
	}
	rx_query_close(cur);
	return (rc);
}

/* RX_ECONFLICT when the child is here already, from another file. */
static rx_err
check_here(const struct arriving *a, struct rx_session *s,
    struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(a->source, RX_HASH_BYTES);
	struct rx_buf ids = RX_BUF_INIT;
	char unit[RX_UNIT_BYTES];
	struct rx_status none;
	size_t i;
	rx_err rc;

	rc = rx_query_ids(s->store, RX_Q_ARRIVALS_FROM, &arg, 1, 2, &ids, st);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES) {
		rx_status_clear(&none);
		if (memcmp(ids.b + i, nobody, RX_ID_BYTES) != 0 &&
		    rx_case_unit(s, ids.b + i, unit, &none) == RX_OK)
			rc = rx_fail(st, RX_ECONFLICT, RX_MSG_TRANSFER_HERE);
	}
	rx_buf_free(&ids);
	return (rc);
}

/* In a transaction: make the receipt and remember the answer. */
static rx_err
answer(struct arriving *a, struct rx_session *s, enum rx_answer how,
    const char *reason, struct rx_buf *receipt, struct rx_status *st)
{
	struct rx_receipt r = { .answer = how, .number = a->box.head.number,
	    .at = rx_session_now(s) };
	struct rx_address own;
	struct rx_value v[4];
	rx_err rc;

	if ((rc = rx_address_own(&own, s, a->in->to, st)) != RX_OK)
		return (rc);
	memcpy(r.sender, a->in->from.store, RX_ID_BYTES);
	memcpy(r.receiver, s->store_id, RX_ID_BYTES);
	memcpy(r.child, a->v->c.id, RX_ID_BYTES);
	memcpy(r.digest, a->box.digest, RX_HASH_BYTES);
	memcpy(r.cert, own.cert.id, RX_ID_BYTES);
	if ((rc = rx_receipt_make(receipt, &r, a->body.b, reason,
	    s->id->sign_secret, st)) != RX_OK)
		return (rc);
	v[0] = rx_bytes(a->box.digest, RX_HASH_BYTES);
	v[1] = rx_bytes(a->source, RX_HASH_BYTES);
	v[2] = rx_bytes(how == RX_ANSWER_ACCEPTED ? a->in->child : nobody,
	    RX_ID_BYTES);
	v[3] = rx_bytes(receipt->b, receipt->len);
	return (rx_store_insert(s->store, RX_TABLE_ARRIVAL, v, st));
}

/* Save the record ${json}, which is consumed, of the new case. */
static rx_err
put_record(struct rx_saver *sv, const struct arriving *a, enum rx_type type,
    json_t *json, struct rx_status *st)
{
	struct rx_save_result result;
	struct rx_record r;
	rx_err rc;

	if (json == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rx_record_init(&r);
	r.type = type;
	if ((rc = rx_record_parse(&r, json, rx_date_today(), st)) == RX_OK)
		rc = rx_saver_put_case(sv, &r, a->in->child, &result, st);
	rx_record_free(&r);
	json_decref(json);
	return (rc);
}

struct flag_text {
	const uint8_t *id;	/* the record that raised it */
	char text[4 * FLAG_CHARACTERS + 1];
};

/* What was written when the flag was raised, as far as it fits a reason. */
static rx_err
flag_text_each(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	struct flag_text *f = cookie;
	const char *from;
	size_t n;

	(void)st;
	if (memcmp(r->id, f->id, RX_ID_BYTES) != 0)
		return (RX_OK);
	from = rx_record_text(r, r->type == RX_FLAG ? RX_F_REASON :
	    RX_F_NOTE);
	for (n = strlen(from); rx_utf8_count(from, n) > FLAG_CHARACTERS; n--)
		;
	rx_text_copy(f->text, n + 1 < sizeof(f->text) ? n + 1 :
	    sizeof(f->text), from);
	return (RX_OK);
}

/* An open flag is raised again here, in the words it was raised with. */
static rx_err
put_flag(struct rx_saver *sv, struct arriving *a, const char *child,
    struct rx_status *st)
{
	char today[RX_DATE_TEXT];
	struct flag_text f = { .id = nobody };
	struct rx_case_state state;
	struct rx_flag *flags = NULL;
	size_t i, n = 0;
	rx_err rc;

	if ((rc = rx_case_state(&a->v->s, &a->v->c, &state, &flags, &n,
	    st)) != RX_OK)
		return (rc);
	for (i = 0; i < n; i++)
		if (flags[i].state != RX_FLAG_RETURNED &&
		    flags[i].state != RX_FLAG_CLOSED)
			f.id = flags[i].id;
	rx_date_format(rx_date_today(), today);
	if ((rc = rx_view_each(a->v, RX_CASE_KEYS, flag_text_each, &f, st)) ==
	    RX_OK)
		rc = put_record(sv, a, RX_FLAG, json_pack("{s:s,s:s,s:s}",
		    "child", child, "date", today, "reason",
		    f.text[0] != '\0' ? f.text : a->in->reason), st);
	rx_wipe(&f, sizeof(f));
	free(flags);
	return (rc);
}

/* What is in force there stays in force here. */
static rx_err
carry_over(struct rx_saver *sv, struct arriving *a, struct rx_status *st)
{
	char child[RX_UUID_TEXT], on[RX_DATE_TEXT];
	struct rx_case_state state;
	rx_err rc = RX_OK;

	rx_uuid_text(a->in->child, child);
	if (a->in->flagged)
		rc = put_flag(sv, a, child, st);
	/* After the flag: with it the file is read-only. */
	if (rc != RX_OK || !a->in->withdrawn || (rc = rx_case_state(&a->v->s,
	    &a->v->c, &state, NULL, NULL, st)) != RX_OK)
		return (rc);
	rx_date_format(state.consent_on, on);
	return (put_record(sv, a, RX_CONSENT, json_pack("{s:s,s:s,s:s}",
	    "child", child, "date", on, "state", "withdrawn"), st));
}

/* The child as it was written last, as a new one of in->to. */
static rx_err
put_child(struct rx_saver *sv, struct rx_session *s, struct arriving *a,
    struct rx_status *st)
{
	struct rx_save_result result;
	struct rx_record r;
	bool taken = false;
	rx_err rc;

	rx_record_init(&r);
	if ((rc = rx_child_open(&a->v->s, &a->v->c, RX_CASE_KEYS, true, &r,
	    st)) != RX_OK ||
	    (rc = rx_unit_require(s, a->in->to, st)) != RX_OK ||
	    (rc = rx_unit_keys_ensure(s, a->in->to, st)) != RX_OK)
		goto done;
	memcpy(r.unit, a->in->to, RX_UNIT_BYTES);
	r.version = 1;
	memcpy(r.id, nobody, RX_ID_BYTES);
	if ((rc = rx_child_id_taken(s, &r, &taken, st)) != RX_OK)
		goto done;
	if (taken)
		r.v[RX_F_CALLER_ID].set = false;
	if ((rc = rx_saver_put(sv, &r, false, &result, st)) != RX_OK)
		goto done;
	memcpy(a->in->child, result.id, RX_ID_BYTES);
	rx_text_copy(a->in->id, sizeof(a->in->id), rx_record_text(&r,
	    RX_F_CALLER_ID));
done:
	rx_record_free(&r);
	return (rc);
}

/* Keep all that came as the histories of the new case. */
static rx_err
put_histories(struct rx_session *s, const struct arriving *a,
    struct rx_status *st)
{
	struct rx_case c;
	size_t at, n;
	unsigned no = 0;
	rx_err rc;

	rx_case_init(&c);
	rc = rx_case_load(&c, s, a->in->child, a->in->to, RX_CASE_KEYS, st);
	for (at = a->at; at < a->body.len && rc == RX_OK; at += 4 + n) {
		n = rx_get32(a->body.b + at);
		rc = rx_origin_put(s, &c, ++no, a->body.b + at + 4, n, st);
	}
	rx_case_done(&c, s);
	return (rc);
}

/* The caller's id here of the case that was made before. */
static rx_err
present(struct rx_session *s, struct arriving *a, struct rx_status *st)
{
	struct rx_status none;
	struct rx_record r;
	struct rx_case c;
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	a->in->before = true;
	rx_status_clear(&none);
	/* It may have gone on, to a third register. */
	if (rx_case_unit(s, a->in->child, unit, &none) != RX_OK ||
	    !rx_permitted(s, RX_ACT_WRITE_CASE, unit))
		return (RX_OK);
	rx_record_init(&r);
	rx_case_init(&c);
	if ((rc = rx_case_load(&c, s, a->in->child, unit, RX_CASE_KEYS, st)) ==
	    RX_OK && (rc = rx_child_open(s, &c, RX_BIT(RX_COMP_CODED), true,
	    &r, st)) == RX_OK)
		rx_text_copy(a->in->id, sizeof(a->in->id), rx_record_text(&r,
		    RX_F_CALLER_ID));
	rx_case_done(&c, s);
	rx_record_free(&r);
	return (rc);
}

/* One transaction: the case, what stays in force, its histories, the answer. */
static rx_err
accept(struct rx_session *s, struct arriving *a, struct rx_buf *receipt,
    struct rx_status *st)
{
	struct rx_saver *sv;
	bool found;
	rx_err rc;

	if ((rc = rx_saver_new(&sv, s, false, st)) != RX_OK)
		return (rc);
	if ((rc = answered(a, s, receipt, &found, st)) != RX_OK)
		goto done;
	if (found) {
		rc = memcmp(a->in->child, nobody, RX_ID_BYTES) == 0 ?
		    rx_fail(st, RX_ECONFLICT, RX_MSG_TRANSFER_ANSWERED) :
		    present(s, a, st);
		goto done;
	}
	if ((rc = check_here(a, s, st)) == RX_OK &&
	    (rc = put_child(sv, s, a, st)) == RX_OK &&
	    (rc = carry_over(sv, a, st)) == RX_OK &&
	    (rc = put_histories(s, a, st)) == RX_OK &&
	    (rc = answer(a, s, RX_ANSWER_ACCEPTED, "", receipt, st)) == RX_OK)
		rc = rx_saver_finish(sv, RX_DID_TRANSFER, a->in->child,
		    "arrive", st);
done:
	rx_saver_free(sv);
	return (rc);
}

rx_err
rx_arrival_take(struct rx_session *s, const uint8_t *p, size_t n,
    const char *fingerprint, struct rx_buf *receipt, struct rx_arrival *in,
    struct rx_status *st)
{
	struct arriving a;
	rx_err rc;

	if ((rc = arriving_open(&a, s, p, n, in, st)) == RX_OK &&
	    (rc = rx_address_compare(&in->from, fingerprint, st)) == RX_OK)
		rc = accept(s, &a, receipt, st);
	arriving_free(&a);
	return (rc);
}

rx_err
rx_arrival_accept(struct rx_session *s, const char *file,
    const char *fingerprint, const char *path, struct rx_arrival *in,
    struct rx_status *st)
{
	struct rx_buf receipt = RX_BUF_INIT, bytes = RX_BUF_INIT;
	rx_err rc;

	memset(in, 0, sizeof(*in));
	if ((rc = rx_file_read(&bytes, file, RX_ARRIVAL_MAX, st)) == RX_OK &&
	    (rc = rx_arrival_take(s, bytes.b, bytes.len, fingerprint,
	    &receipt, in, st)) == RX_OK)
		rc = rx_file_write(path, receipt.b, receipt.len, 0644, false,
		    st);
	rx_buf_free(&receipt);
	rx_buf_free(&bytes);
	return (rc);
}

static rx_err
reject(struct rx_session *s, struct arriving *a, const char *reason,
    struct rx_buf *receipt, struct rx_status *st)
{
	bool found;
	rx_err rc;

	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	if ((rc = answered(a, s, receipt, &found, st)) == RX_OK && found) {
		rx_abandon(s);
		a->in->before = true;
		return (memcmp(a->in->child, nobody, RX_ID_BYTES) == 0 ?
		    RX_OK : rx_fail(st, RX_ECONFLICT,
		    RX_MSG_TRANSFER_ACCEPTED_BEFORE));
	}
	if (rc == RX_OK)
		rc = answer(a, s, RX_ANSWER_REJECTED, reason, receipt, st);
	return (rx_finish(s, rc, RX_DID_TRANSFER, NULL, "refuse", st));
}

rx_err
rx_arrival_return(struct rx_session *s, const uint8_t *p, size_t n,
    const char *reason, struct rx_buf *receipt, struct rx_arrival *in,
    struct rx_status *st)
{
	struct arriving a;
	rx_err rc;

	memset(in, 0, sizeof(*in));
	if (reason == NULL || *reason == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_REASON_MISSING));
	if (rx_utf8_count(reason, strlen(reason)) > FLAG_CHARACTERS)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_ERASE_REASON_LONG));
	if ((rc = arriving_open(&a, s, p, n, in, st)) == RX_OK)
		rc = reject(s, &a, reason, receipt, st);
	arriving_free(&a);
	return (rc);
}

rx_err
rx_arrival_reject(struct rx_session *s, const char *file, const char *reason,
    const char *path, struct rx_arrival *in, struct rx_status *st)
{
	struct rx_buf receipt = RX_BUF_INIT, bytes = RX_BUF_INIT;
	rx_err rc;

	memset(in, 0, sizeof(*in));
	if ((rc = rx_file_read(&bytes, file, RX_ARRIVAL_MAX, st)) == RX_OK &&
	    (rc = rx_arrival_return(s, bytes.b, bytes.len, reason, &receipt,
	    in, st)) == RX_OK)
		rc = rx_file_write(path, receipt.b, receipt.len, 0644, false,
		    st);
	rx_buf_free(&receipt);
	rx_buf_free(&bytes);
	return (rc);
}

/* ---- receipts, again ---- */

/* The certificate ${id}; NULL. */
static const struct rx_cert *
cert_of(const struct rx_session *s, const uint8_t *id)
{
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (memcmp(s->members[i].cert.id, id, RX_ID_BYTES) == 0)
			return (&s->members[i].cert);
	return (NULL);
}

/* The row under ${cur} as it was answered; *mine: by who directs what the session
 * does.  It points into ${cur}. */
static rx_err
answer_read(struct rx_answered *row, const struct rx_session *s,
    const struct rx_cursor *cur, bool *mine, struct rx_status *st)
{
	const struct rx_cert *cert;
	struct rx_receipt r;
	const void *p, *child;
	size_t n, nc;
	rx_err rc;

	memset(row, 0, sizeof(*row));
	row->receipt = rx_col_bytes(cur, 3, &row->nreceipt);
	if ((rc = rx_receipt_read(&r, row->receipt, row->nreceipt, st)) !=
	    RX_OK)
		return (rc);
	p = rx_col_bytes(cur, 0, &n);
	child = rx_col_bytes(cur, 2, &nc);
	if (n != RX_HASH_BYTES || nc != RX_ID_BYTES)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	memcpy(row->digest, p, n);
	memcpy(row->child, child, nc);
	row->answer = r.answer;
	row->number = r.number;
	row->at = r.at;
	cert = cert_of(s, r.cert);
	*mine = cert != NULL && rx_permitted(s, RX_ACT_WRITE_CASE, cert->unit);
	if (cert != NULL)
		rx_text_copy(row->by, sizeof(row->by), cert->name);
	return (RX_OK);
}

rx_err
rx_arrival_each(struct rx_session *s, rx_answered_fn *each, void *cookie,
    struct rx_status *st)
{
	struct rx_cursor *cur;
	struct rx_answered r;
	bool row = false, mine;
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK ||
	    (rc = rx_query_open(&cur, s->store, RX_Q_ARRIVALS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = answer_read(&r, s, cur, &mine, st)) != RX_OK ||
		    (mine && (rc = each(cookie, &r, st)) != RX_OK))
			break;
	rx_query_close(cur);
	return (rc);
}
