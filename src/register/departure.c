#include <stdlib.h>

#include "base/file.h"
#include "register/save.h"

/*
 * A case goes to another register: the sender's side.
 *
 * The file is a container (crypto/container.h) of kind 1, from the register of
 * the sender, for the register and unit of the address, sealed to its owner
 * alone.  Body: answer key 32 || reason, length 4 and text || how many histories
 * 4 || each length 4 || history (origin.c): that of this register, then those
 * that came with the case.
 *
 * A row of DEPARTURE: digest of the file, child, number, state; two fields at
 * store, object = subject = child, version = number, of no unit:
 *   coded (column 4, C, CODED): author 16 || at, ms 8 || address 608
 *   note (column 5, N, TEXT): answer key 32 || reason
 * Of an accepted one both are empty.
 *
 * A receipt, which whoever holds the answer key can read and nobody but the owner
 * of the address could write:
 *      0   4  "RXRC"
 *      4   1  version, 1
 *      5   1  answer: accepted 1, rejected 2
 *      6   2  0
 *      8  16  store of the sender
 *     24  16  store of the receiver
 *     40  16  child, as the sender knows it
 *     56   8  number
 *     64   8  at, ms
 *     72  32  digest of the file
 *    104  16  certificate of the receiver
 *    120   4  n
 *    124   n  why it was rejected, else nothing: a field (N, epoch 1, TEXT) under
 *             the answer key at store of the sender, object = subject = child,
 *             table DEPARTURE, column 6, version = number
 *    +    64  his signature over "runxin receipt v1\0" || all before
 */

#define WHO_BYTES (RX_ID_BYTES + 8 + RX_ADDRESS_BYTES)
#define RECEIPT_HEAD 124
#define RECEIPT_LABEL "runxin receipt v1"
#define RECEIPT_MAX 4096
#define FILE_MAX SIZE_MAX	/* what goes to a file may have any size */

enum { COL_CODED = 4, COL_NOTE = 5, COL_ANSWER = 6 };
enum {
	OPEN = RX_DEPARTURE_OPEN, WITHDRAWN = RX_DEPARTURE_WITHDRAWN,
	REJECTED = RX_DEPARTURE_REJECTED, ACCEPTED = RX_DEPARTURE_ACCEPTED
};

struct departure {		/* a row */
	uint8_t digest[RX_HASH_BYTES], child[RX_ID_BYTES];
	int64_t number, state;
	struct rx_buf coded, note;
};

static void
departure_free(struct departure *d)
{

	rx_buf_free(&d->coded);
	rx_buf_free(&d->note);
	memset(d, 0, sizeof(*d));
}

static rx_err
departure_copy(struct departure *d, const struct rx_cursor *cur,
    struct rx_status *st)
{
	const void *p, *digest;
	size_t n, nd;
	rx_err rc;

	digest = rx_col_bytes(cur, 0, &nd);
	p = rx_col_bytes(cur, 1, &n);
	if (nd != RX_HASH_BYTES || n != RX_ID_BYTES)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	memcpy(d->digest, digest, nd);
	memcpy(d->child, p, n);
	d->number = rx_col_int(cur, 2);
	d->state = rx_col_int(cur, 3);
	p = rx_col_bytes(cur, COL_CODED, &n);
	if ((rc = rx_buf_add(&d->coded, p, n, st)) != RX_OK)
		return (rc);
	p = rx_col_bytes(cur, COL_NOTE, &n);
	return (rx_buf_add(&d->note, p, n, st));
}

/* The first row of ${q} by ${arg} in ${state} (0: any); *found.  To be freed in
 * any case. */
static rx_err
departure_load(struct departure *d, struct rx_session *s, enum rx_query q,
    struct rx_value arg, int64_t state, bool *found, struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	memset(d, 0, sizeof(*d));
	*found = false;
	if ((rc = rx_query_open(&cur, s->store, q, &arg, 1, st)) != RX_OK)
		return (rc);
	while (!*found && (rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if (state == 0 || rx_col_int(cur, 3) == state) {
			*found = true;
			rc = departure_copy(d, cur, st);
		}
	rx_query_close(cur);
	return (rc);
}

static rx_err
departure_store(struct rx_session *s, const struct departure *d,
    struct rx_status *st)
{
	struct rx_value v[6];

	v[0] = rx_bytes(d->digest, RX_HASH_BYTES);
	v[1] = rx_bytes(d->child, RX_ID_BYTES);
	v[2] = rx_int(d->number);
	v[3] = rx_int(d->state);
	v[4] = rx_bytes(d->coded.b != NULL ? d->coded.b : (const void *)"",
	    d->coded.len);
	v[5] = rx_bytes(d->note.b != NULL ? d->note.b : (const void *)"",
	    d->note.len);
	return (rx_store_replace(s->store, RX_TABLE_DEPARTURE, v, st));
}

rx_err
rx_departure_is_open(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    bool *open, struct rx_status *st)
{
	struct departure d;
	rx_err rc;

	*open = false;
	/* A copy never hears how an offer ended: what it has of one is old. */
	if (s->copy)
		return (RX_OK);
	rc = departure_load(&d, s, RX_Q_DEPARTURES_OF_CHILD, rx_bytes(id,
	    RX_ID_BYTES), OPEN, open, st);
	departure_free(&d);
	return (rc);
}

rx_err
rx_departure_refuse(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	bool open;
	rx_err rc;

	if ((rc = rx_departure_is_open(s, id, &open, st)) != RX_OK)
		return (rc);
	return (open ? rx_fail(st, RX_ECONFLICT, RX_MSG_TRANSFER_AWAY) :
	    RX_OK);
}

rx_err
rx_departure_withdraw(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	struct departure d;
	bool found;
	rx_err rc;

	if ((rc = departure_load(&d, s, RX_Q_DEPARTURES_OF_CHILD, rx_bytes(id,
	    RX_ID_BYTES), OPEN, &found, st)) == RX_OK && !found)
		rc = rx_fail(st, RX_ENOENT, RX_MSG_TRANSFER_NONE);
	if (rc == RX_OK) {
		d.state = WITHDRAWN;
		rc = departure_store(s, &d, st);
	}
	departure_free(&d);
	return (rc);
}

rx_err
rx_departures_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_value key;
	struct departure d;
	bool found = true;
	rx_err rc = RX_OK;

	while (rc == RX_OK && found) {
		rc = departure_load(&d, s, RX_Q_DEPARTURES_OF_CHILD,
		    rx_bytes(id, RX_ID_BYTES), 0, &found, st);
		key = rx_bytes(d.digest, RX_HASH_BYTES);
		if (rc == RX_OK && found)
			rc = rx_store_delete(s->store, RX_TABLE_DEPARTURE,
			    &key, NULL, st);
		departure_free(&d);
	}
	return (rc);
}

/* ---- what stands in a row ---- */

static void
place_of(struct rx_place *p, const struct rx_session *s,
    const uint8_t *child, uint32_t column, uint64_t number)
{

	rx_place_init(p, s, "", child, child, RX_TABLE_DEPARTURE, column,
	    (uint32_t)number);
}

/* Append what ${box}, compartment ${k} of the loaded case, says. */
static rx_err
box_read(struct rx_buf *out, struct rx_session *s, const struct rx_case *c,
    const struct departure *d, size_t k, const struct rx_buf *box,
    struct rx_status *st)
{
	const struct rx_case_epoch *e = rx_case_of_epoch(c,
	    rx_envelope_epoch(box->b, box->len));
	struct rx_place place;

	if (e == NULL || e->key[k] == NULL)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	place_of(&place, s, d->child, k == 1 ? COL_NOTE : COL_CODED,
	    (uint64_t)d->number);
	return (rx_field_open(out, box->b, box->len, e->key[k], k == 1 ?
	    RX_COMP_NARRATIVE : RX_COMP_CODED, &place, st));
}

/* To whom it went, and its note (answer key || reason || NUL). */
static rx_err
departure_read(struct rx_address *to, struct rx_buf *note,
    struct rx_session *s, const struct rx_case *c, const struct departure *d,
    struct rx_status *st)
{
	struct rx_buf who = RX_BUF_INIT;
	rx_err rc;

	if ((rc = box_read(&who, s, c, d, 2, &d->coded, st)) == RX_OK &&
	    (rc = box_read(note, s, c, d, 1, &d->note, st)) == RX_OK &&
	    (rc = rx_buf_add(note, "", 1, st)) == RX_OK) {
		if (who.len != WHO_BYTES || note->len <= RX_KEY_BYTES)
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
		else
			rc = rx_address_take(to, who.b + RX_ID_BYTES + 8,
			    RX_ADDRESS_BYTES, st);
	}
	rx_buf_free(&who);
	return (rc);
}

/* Seal who offers to whom, and why, under the newest keys of the case. */
static rx_err
departure_seal(struct departure *d, struct rx_session *s,
    const struct rx_case *c, const struct rx_address *to,
    const uint8_t key[RX_KEY_BYTES], const char *reason,
    struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	struct rx_buf note = RX_BUF_INIT;
	uint8_t who[WHO_BYTES];
	struct rx_place place;
	rx_err rc;

	memcpy(who, s->user_id, RX_ID_BYTES);
	rx_put64(who + RX_ID_BYTES, (uint64_t)rx_session_now(s));
	memcpy(who + RX_ID_BYTES + 8, to->bytes, RX_ADDRESS_BYTES);
	place_of(&place, s, d->child, COL_CODED, (uint64_t)d->number);
	if ((rc = rx_field_seal(&d->coded, e->key[2], RX_COMP_CODED, e->epoch,
	    &place, RX_PAD_CODED, who, sizeof(who), st)) != RX_OK ||
	    (rc = rx_buf_add(&note, key, RX_KEY_BYTES, st)) != RX_OK ||
	    (rc = rx_buf_add(&note, reason, strlen(reason), st)) != RX_OK)
		goto done;
	place_of(&place, s, d->child, COL_NOTE, (uint64_t)d->number);
	rc = rx_field_seal(&d->note, e->key[1], RX_COMP_NARRATIVE, e->epoch,
	    &place, RX_PAD_TEXT, note.b, note.len, st);
done:
	rx_buf_free(&note);
	return (rc);
}

/* ---- offer ---- */

static rx_err
add_length(struct rx_buf *out, size_t n, struct rx_status *st)
{
	uint8_t b[4];

	rx_put32(b, (uint32_t)n);
	return (rx_buf_add(out, b, sizeof(b), st));
}

static rx_err
body_make(struct rx_buf *body, struct rx_session *s, const struct rx_case *c,
    const uint8_t key[RX_KEY_BYTES], const char *reason,
    struct rx_status *st)
{
	struct rx_buf own = RX_BUF_INIT, before = RX_BUF_INIT;
	unsigned count;
	rx_err rc;

	if ((rc = rx_view_make(&own, s, c, st)) == RX_OK &&
	    (rc = rx_origins_read(&before, &count, s, c, st)) == RX_OK &&
	    (rc = rx_buf_add(body, key, RX_KEY_BYTES, st)) == RX_OK &&
	    (rc = add_length(body, strlen(reason), st)) == RX_OK &&
	    (rc = rx_buf_add(body, reason, strlen(reason), st)) == RX_OK &&
	    (rc = add_length(body, 1 + count, st)) == RX_OK &&
	    (rc = add_length(body, own.len, st)) == RX_OK &&
	    (rc = rx_buf_add(body, own.b, own.len, st)) == RX_OK)
		rc = rx_buf_add(body, before.b, before.len, st);
	rx_buf_free(&own);
	rx_buf_free(&before);
	return (rc);
}

/* The number of the next offer. */
static rx_err
next_number(struct rx_session *s, int64_t *number, struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	*number = 1;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_DEPARTURE_LAST, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		*number = rx_col_int(cur, 0) + 1;
	rx_query_close(cur);
	return (rc);
}

/* Seal ${body} to ${to}, from the director of ${from}. */
static rx_err
seal(struct rx_buf *out, struct departure *d, struct rx_session *s,
    const char *from, const struct rx_address *to, const struct rx_buf *body,
    struct rx_status *st)
{
	struct rx_container_head head = { .kind = RX_CONTAINER_CASE };
	struct rx_recipient r;
	struct rx_address own;
	rx_err rc;

	if ((rc = rx_address_own(&own, s, from, st)) != RX_OK)
		return (rc);
	memcpy(head.store, s->store_id, RX_ID_BYTES);
	memcpy(head.cert, own.cert.id, RX_ID_BYTES);
	memcpy(head.copy, to->store, RX_ID_BYTES);
	memcpy(head.unit, to->unit, RX_UNIT_BYTES);
	head.number = (uint64_t)d->number;
	head.made = rx_session_now(s);
	memcpy(r.user, to->cert.user, RX_ID_BYTES);
	memcpy(r.box_public, to->cert.box_public, RX_BOX_PUBLIC_BYTES);
	return (rx_container_seal(out, &head, &r, 1, s->id->sign_secret,
	    body->b, body->len, d->digest, st));
}

/* In a transaction: everything that the offer of the loaded case ${c} is; the
 * file goes to ${out}. */
static rx_err
offer(struct rx_buf *out, struct rx_session *s, const struct rx_case *c,
    const struct rx_address *to, const char *reason, struct rx_status *st)
{
	struct departure d = { .state = OPEN };
	struct rx_buf body = RX_BUF_INIT;
	struct rx_secret *key;
	rx_err rc;

	if ((rc = rx_secret_new(&key, RX_KEY_BYTES, st)) != RX_OK)
		return (rc);
	rx_random(key->b, RX_KEY_BYTES);
	memcpy(d.child, c->id, RX_ID_BYTES);
	if ((rc = body_make(&body, s, c, key->b, reason, st)) == RX_OK &&
	    (rc = next_number(s, &d.number, st)) == RX_OK &&
	    (rc = seal(out, &d, s, c->unit, to, &body, st)) == RX_OK &&
	    (rc = departure_seal(&d, s, c, to, key->b, reason, st)) == RX_OK)
		rc = departure_store(s, &d, st);
	rx_secret_free(key);
	rx_buf_free(&body);
	departure_free(&d);
	return (rc);
}

/* Whether it is offered within the register. */
static rx_err
check_offered(struct rx_session *s, const uint8_t *id, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_TRANSFER, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	rc = rx_query_next(cur, &row, st);
	rx_query_close(cur);
	return (rc == RX_OK && row ? rx_fail(st, RX_ECONFLICT,
	    RX_MSG_TRANSFER_OPEN) : rc);
}

/* The owner of the right address: another register's, and what people read out
 * to each other. */
static rx_err
address_check(struct rx_address *to, const struct rx_session *s,
    const uint8_t *address, size_t n, const char *fingerprint,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_address_take(to, address, n, st)) != RX_OK ||
	    (rc = rx_address_compare(to, fingerprint, st)) != RX_OK)
		return (rc);
	if (memcmp(to->store, s->store_id, RX_ID_BYTES) == 0)
		return (rx_fail(st, RX_EUSAGE,
		    RX_MSG_TRANSFER_SAME_REGISTER));
	return (rx_cert_valid_at(&to->cert, rx_session_now(s)) ? RX_OK :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_ADDRESS_CORRUPT));
}

/* A file that could not be sent on is none to make. */
static rx_err
size_check(size_t n, size_t most, struct rx_status *st)
{

	if (n <= most)
		return (RX_OK);
	rx_status_arg(st, "max", "%zu", most >> 20);
	return (rx_fail(st, RX_EUSAGE, RX_MSG_TRANSFER_TOO_LARGE));
}

rx_err
rx_departure_seal(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const uint8_t *address, size_t n, const char *fingerprint,
    const char *reason, size_t most, struct rx_buf *out, struct rx_status *st)
{
	char from[RX_UNIT_BYTES];
	struct rx_address to;
	struct rx_case c;
	rx_err rc;

	if (reason == NULL || *reason == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_REASON_MISSING));
	rx_case_init(&c);
	if ((rc = rx_case_unit(s, id, from, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, from, st)) != RX_OK ||
	    (rc = address_check(&to, s, address, n, fingerprint, st)) != RX_OK ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	/* As things are now, and not before. */
	if ((rc = rx_case_unit(s, id, from, st)) == RX_OK &&
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, from, st)) == RX_OK &&
	    (rc = rx_departure_refuse(s, id, st)) == RX_OK &&
	    (rc = check_offered(s, id, st)) == RX_OK &&
	    (rc = rx_case_load(&c, s, id, from, RX_CASE_KEYS, st)) == RX_OK &&
	    (rc = rx_erase_reason_check(s, &c, reason, st)) == RX_OK &&
	    (rc = offer(out, s, &c, &to, reason, st)) == RX_OK)
		rc = size_check(out->len, most, st);
	if ((rc = rx_finish(s, rc, RX_DID_TRANSFER, id, "depart", st)) !=
	    RX_OK)
		rx_buf_reset(out);
	rx_case_done(&c, s);
	return (rc);
}

rx_err
rx_departure_offer(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *address, const char *fingerprint, const char *reason,
    const char *file, struct rx_status *st)
{
	struct rx_buf out = RX_BUF_INIT;
	struct rx_address to;
	rx_err rc;

	/* First the entry, then the file: none exists that is not in it. */
	if ((rc = rx_address_read(address, &to, st)) == RX_OK &&
	    (rc = rx_departure_seal(s, id, to.bytes, sizeof(to.bytes),
	    fingerprint, reason, FILE_MAX, &out, st)) == RX_OK)
		rc = rx_file_write(file, out.b, out.len, 0600, false, st);
	rx_buf_free(&out);
	return (rc);
}

/* ---- lists ---- */

struct listing {
	bool names;
	size_t opened;
	rx_departure_fn *each;
	void *cookie;
	struct rx_case c;
	struct rx_record r;
};

/* What a row says to who directs the case's unit, which ${l}->c is loaded for. */
static rx_err
row_fill(struct listing *l, struct rx_departure_row *row,
    struct rx_session *s, const struct departure *d, struct rx_buf *who,
    struct rx_buf *note, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_child_open(s, &l->c, RX_CASE_KEYS, false, &l->r, st)) !=
	    RX_OK ||
	    (!l->names && (rc = rx_record_mask(&l->r, 0, st)) != RX_OK) ||
	    (rc = departure_read(&row->to, note, s, &l->c, d, st)) != RX_OK ||
	    (rc = box_read(who, s, &l->c, d, 2, &d->coded, st)) != RX_OK ||
	    (rc = rx_member_name_find(s, who->b, row->by, st)) != RX_OK)
		return (rc);
	memcpy(row->child, d->child, RX_ID_BYTES);
	memcpy(row->digest, d->digest, RX_HASH_BYTES);
	row->number = (uint64_t)d->number;
	row->state = (enum rx_departure_state)d->state;
	row->record = &l->r;
	row->reason = (const char *)note->b + RX_KEY_BYTES;
	row->at = (int64_t)rx_get64(who->b + RX_ID_BYTES);
	l->opened += l->names;
	return (RX_OK);
}

static rx_err
list_one(struct listing *l, struct rx_session *s, const struct departure *d,
    const char *unit, struct rx_status *st)
{
	struct rx_buf who = RX_BUF_INIT, note = RX_BUF_INIT;
	struct rx_departure_row row;
	rx_err rc;

	memset(&row, 0, sizeof(row));
	if ((rc = rx_case_load(&l->c, s, d->child, unit, RX_CASE_KEYS, st)) ==
	    RX_OK &&
	    (rc = row_fill(l, &row, s, d, &who, &note, st)) == RX_OK)
		rc = l->each(l->cookie, &row, st);
	rx_buf_free(&who);
	rx_buf_free(&note);
	return (rc);
}

/* The latest offer of the case ${id}, if it is one of the session's. */
static rx_err
list_case(struct listing *l, struct rx_session *s, const uint8_t *id,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	struct rx_status none;
	struct departure d;
	bool found;
	rx_err rc;

	rx_status_clear(&none);
	/* Of one that left a certificate is all that there is. */
	if (rx_case_unit(s, id, unit, &none) != RX_OK ||
	    !rx_permitted(s, RX_ACT_WRITE_CASE, unit))
		return (RX_OK);
	if ((rc = departure_load(&d, s, RX_Q_DEPARTURE_OF_CHILD_LAST,
	    rx_bytes(id, RX_ID_BYTES), 0, &found, st)) == RX_OK && found)
		rc = list_one(l, s, &d, unit, st);
	departure_free(&d);
	return (rc);
}

rx_err
rx_departure_each(struct rx_session *s, const uint8_t *id, bool names,
    rx_departure_fn *each, void *cookie, struct rx_status *st)
{
	struct listing l = { .names = names, .each = each, .cookie = cookie };
	struct rx_buf ids = RX_BUF_INIT;
	size_t i;
	rx_err rc;

	/* A copy never hears how an offer ended. */
	if (s->copy || !rx_session_has_role(s, RX_ROLE_DIRECTOR))
		return (RX_OK);
	rx_case_init(&l.c);
	rx_record_init(&l.r);
	rc = id != NULL ? rx_buf_add(&ids, id, RX_ID_BYTES, st) :
	    rx_query_ids(s->store, RX_Q_DEPARTED, NULL, 0, 0, &ids, st);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES)
		rc = list_case(&l, s, ids.b + i, st);
	if (rc == RX_OK)
		rc = rx_audit_reveal(s, l.opened, NULL, "list", st);
	rx_buf_free(&ids);
	rx_record_free(&l.r);
	rx_case_done(&l.c, s);
	return (rc);
}

/* ---- receipts ---- */

static void
answer_place(struct rx_place *p, const struct rx_receipt *r)
{

	memset(p, 0, sizeof(*p));
	memcpy(p->store, r->sender, RX_ID_BYTES);
	memcpy(p->object, r->child, RX_ID_BYTES);
	memcpy(p->subject, r->child, RX_ID_BYTES);
	p->table = RX_TABLE_DEPARTURE;
	p->column = COL_ANSWER;
	p->schema = RX_SCHEMA_VERSION;
	p->version = (uint32_t)r->number;
}

/* The answer key as a key, in guarded memory. */
static rx_err
answer_key(struct rx_secret **mem, const uint8_t *key, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_secret_new(mem, sizeof(struct rx_key), st)) == RX_OK)
		memcpy(((struct rx_key *)(void *)(*mem)->b)->b, key,
		    RX_KEY_BYTES);
	return (rc);
}

rx_err
rx_receipt_make(struct rx_buf *out, const struct rx_receipt *r,
    const uint8_t key[RX_KEY_BYTES], const char *reason,
    const uint8_t sign_secret[64], struct rx_status *st)
{
	const size_t start = out->len;
	struct rx_secret *mem;
	struct rx_place place;
	uint8_t *p;
	rx_err rc;

	if ((rc = rx_buf_extend(out, RECEIPT_HEAD, &p, st)) != RX_OK ||
	    (rc = answer_key(&mem, key, st)) != RX_OK)
		return (rc);
	memcpy(p, "RXRC\1", 5);
	p[5] = (uint8_t)r->answer;
	memcpy(p + 8, r->sender, RX_ID_BYTES);
	memcpy(p + 24, r->receiver, RX_ID_BYTES);
	memcpy(p + 40, r->child, RX_ID_BYTES);
	rx_put64(p + 56, r->number);
	rx_put64(p + 64, (uint64_t)r->at);
	memcpy(p + 72, r->digest, RX_HASH_BYTES);
	memcpy(p + 104, r->cert, RX_ID_BYTES);
	answer_place(&place, r);
	if ((rc = rx_field_seal(out, (const struct rx_key *)(void *)mem->b,
	    RX_COMP_NARRATIVE, 1, &place, RX_PAD_TEXT, reason, strlen(reason),
	    st)) == RX_OK) {
		rx_put32(out->b + start + 120, (uint32_t)(out->len - start -
		    RECEIPT_HEAD));
		rc = rx_buf_extend(out, RX_SIGNATURE_BYTES, &p, st);
	}
	if (rc == RX_OK)
		rx_sign(p, sign_secret, RECEIPT_LABEL, out->b + start,
		    out->len - start - RX_SIGNATURE_BYTES);
	rx_secret_free(mem);
	return (rc);
}

rx_err
rx_receipt_read(struct rx_receipt *r, const uint8_t *p, size_t n,
    struct rx_status *st)
{

	memset(r, 0, sizeof(*r));
	if (n < RECEIPT_HEAD + RX_SIGNATURE_BYTES ||
	    memcmp(p, "RXRC\1", 5) != 0 || p[6] != 0 || p[7] != 0 ||
	    (p[5] != RX_ANSWER_ACCEPTED && p[5] != RX_ANSWER_REJECTED) ||
	    rx_get32(p + 120) != n - RECEIPT_HEAD - RX_SIGNATURE_BYTES)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_RECEIPT_CORRUPT));
	r->answer = (enum rx_answer)p[5];
	memcpy(r->sender, p + 8, RX_ID_BYTES);
	memcpy(r->receiver, p + 24, RX_ID_BYTES);
	memcpy(r->child, p + 40, RX_ID_BYTES);
	r->number = rx_get64(p + 56);
	r->at = (int64_t)rx_get64(p + 64);
	memcpy(r->digest, p + 72, RX_HASH_BYTES);
	memcpy(r->cert, p + 104, RX_ID_BYTES);
	r->box = p + RECEIPT_HEAD;
	r->nbox = rx_get32(p + 120);
	r->p = p;
	r->n = n;
	return (RX_OK);
}

bool
rx_receipt_signed(const struct rx_receipt *r,
    const uint8_t sign_public[RX_SIGN_PUBLIC_BYTES])
{

	return (rx_sign_verify(r->p + r->n - RX_SIGNATURE_BYTES, sign_public,
	    RECEIPT_LABEL, r->p, r->n - RX_SIGNATURE_BYTES));
}

rx_err
rx_receipt_reason(struct rx_buf *out, const struct rx_receipt *r,
    const uint8_t key[RX_KEY_BYTES], struct rx_status *st)
{
	struct rx_secret *mem;
	struct rx_place place;
	rx_err rc;

	if ((rc = answer_key(&mem, key, st)) != RX_OK)
		return (rc);
	answer_place(&place, r);
	if ((rc = rx_field_open(out, r->box, r->nbox, (const struct rx_key *)
	    (void *)mem->b, RX_COMP_NARRATIVE, &place, st)) == RX_ECORRUPT) {
		rx_status_clear(st);
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_RECEIPT_CORRUPT);
	}
	rx_secret_free(mem);
	return (rc);
}

/* ---- taking one in ---- */

struct taking {
	struct rx_receipt r;
	struct departure d;
	struct rx_case c;
	char unit[RX_UNIT_BYTES];
	struct rx_buf note;	/* answer key || reason of the offer || NUL */
	struct rx_departed *info;
};

/* Whether the receipt is by whom the case was offered to, about this offer. */
static rx_err
receipt_verify(struct taking *t, struct rx_session *s, struct rx_status *st)
{
	struct rx_buf why = RX_BUF_INIT;
	struct rx_address to;
	rx_err rc;

	if ((rc = departure_read(&to, &t->note, s, &t->c, &t->d, st)) != RX_OK)
		return (rc);
	if (memcmp(t->r.receiver, to.store, RX_ID_BYTES) != 0 ||
	    memcmp(t->r.cert, to.cert.id, RX_ID_BYTES) != 0 ||
	    memcmp(t->r.child, t->d.child, RX_ID_BYTES) != 0 ||
	    t->r.number != (uint64_t)t->d.number ||
	    !rx_receipt_signed(&t->r, to.cert.sign_public))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_RECEIPT_CORRUPT));
	if ((rc = rx_receipt_reason(&why, &t->r, t->note.b, st)) == RX_OK &&
	    (rc = rx_buf_add(&why, "", 1, st)) == RX_OK) {
		rx_text_copy(t->info->reason, sizeof(t->info->reason),
		    (const char *)why.b);
		if (!rx_utf8_valid(t->info->reason, strlen(t->info->reason)))
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_RECEIPT_CORRUPT);
	}
	rx_buf_free(&why);
	return (rc);
}

/* In a transaction: find the offer that is answered, and its case. */
static rx_err
taking_load(struct taking *t, struct rx_session *s, struct rx_status *st)
{
	bool found;
	rx_err rc;

	if ((rc = departure_load(&t->d, s, RX_Q_DEPARTURE, rx_bytes(
	    t->r.digest, RX_HASH_BYTES), 0, &found, st)) == RX_OK && !found)
		rc = rx_fail(st, RX_ENOENT, RX_MSG_RECEIPT_UNKNOWN);
	if (rc != RX_OK)
		return (rc);
	memcpy(t->info->child, t->d.child, RX_ID_BYTES);
	/* The keys that could verify it are gone, and it can do nothing. */
	if (t->d.state == ACCEPTED)
		return (RX_OK);
	if ((rc = rx_case_unit(s, t->d.child, t->unit, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, t->unit, st)) != RX_OK ||
	    (rc = rx_case_load(&t->c, s, t->d.child, t->unit, RX_CASE_KEYS,
	    st)) != RX_OK)
		return (rc);
	return (receipt_verify(t, s, st));
}

/* The case is theirs: what is here of it ends. */
static rx_err
accepted(struct taking *t, struct rx_session *s, struct rx_status *st)
{
	struct departure left = t->d;
	rx_err rc;

	if ((rc = rx_erase_moved(s, &t->c, t->d.child, t->unit,
	    (const char *)t->note.b + RX_KEY_BYTES, st)) != RX_OK)
		return (rc);
	left.state = ACCEPTED;
	left.coded = left.note = (struct rx_buf)RX_BUF_INIT;
	return (departure_store(s, &left, st));
}

/* The case stays, with new keys: they have seen the old ones. */
static rx_err
rejected(struct taking *t, struct rx_session *s, struct rx_status *st)
{
	rx_err rc;

	t->d.state = REJECTED;
	if ((rc = departure_store(s, &t->d, st)) != RX_OK ||
	    (rc = rx_case_renew(&t->c, s, st)) != RX_OK)
		return (rc);
	return (rx_slots_now(s, &t->c, st));
}

/* Whether the receipt fits the state of the offer; *before: it was taken in. */
static rx_err
take_check(struct taking *t, struct rx_status *st)
{
	const bool yes = t->r.answer == RX_ANSWER_ACCEPTED;

	switch (t->d.state) {
	case OPEN:
		return (RX_OK);
	case WITHDRAWN:
		t->info->before = !yes;
		return (yes ? rx_fail(st, RX_ECONFLICT,
		    RX_MSG_RECEIPT_WITHDRAWN) : RX_OK);
	default:
		t->info->before = yes == (t->d.state == ACCEPTED);
		return (t->info->before ? RX_OK : rx_fail(st, RX_ECONFLICT,
		    RX_MSG_RECEIPT_TWO_ANSWERS));
	}
}

/* With ${keep} what it says is done, else it is found out only. */
static rx_err
taking_do(struct taking *t, struct rx_session *s, bool keep,
    struct rx_status *st)
{
	const bool yes = t->r.answer == RX_ANSWER_ACCEPTED;
	rx_err rc;

	rx_case_init(&t->c);
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	if ((rc = taking_load(t, s, st)) == RX_OK)
		rc = take_check(t, st);
	if (!keep || (rc == RX_OK && t->info->before)) {
		rx_abandon(s);
		return (rc);
	}
	if (rc == RX_OK)
		rc = yes ? accepted(t, s, st) : rejected(t, s, st);
	rc = rx_finish(s, rc, RX_DID_TRANSFER, t->d.child, yes ?
		    "left" : "returned", st);
	rx_known_free(s);
	/* Gone it is, whatever comes now. */
	if (rc == RX_OK && yes)
		rc = rx_erase_sweep(s, st);
	return (rc);
}

rx_err
rx_departure_answer(struct rx_session *s, const uint8_t *p, size_t n,
    bool keep, struct rx_departed *info, struct rx_status *st)
{
	struct taking *t;
	rx_err rc;

	memset(info, 0, sizeof(*info));
	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	t->info = info;
	if ((rc = rx_receipt_read(&t->r, p, n, st)) != RX_OK)
		goto done;
	info->answer = t->r.answer;
	rc = memcmp(t->r.sender, s->store_id, RX_ID_BYTES) != 0 ?
	    rx_fail(st, RX_ECONFLICT, RX_MSG_RECEIPT_OTHER_REGISTER) :
	    taking_do(t, s, keep, st);
done:
	rx_case_done(&t->c, s);
	departure_free(&t->d);
	rx_buf_free(&t->note);
	free(t);
	return (rc);
}

rx_err
rx_departure_receipt(struct rx_session *s, const char *file,
    struct rx_departed *info, struct rx_status *st)
{
	struct rx_buf bytes = RX_BUF_INIT;
	rx_err rc;

	memset(info, 0, sizeof(*info));
	if ((rc = rx_file_read(&bytes, file, RECEIPT_MAX, st)) == RX_OK)
		rc = rx_departure_answer(s, bytes.b, bytes.len, true, info,
		    st);
	rx_buf_free(&bytes);
	return (rc);
}
