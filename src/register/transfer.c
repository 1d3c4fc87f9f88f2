#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/*
 * A case goes to another unit.  The offer is a row of the table transfer: the
 * target, the epoch of the case keys that are offered, and a grant of these
 * (crypto/grant.h; context: target unit, case, epoch, all three compartments)
 * for each director of the target, 16 bytes with the id of his certificate
 * before each.  Nothing else of the case changes until somebody accepts.
 *
 * Accepting gives the case new keys under those of the new unit, in the
 * transaction in which the child gets a version there: what is written from
 * then on opens with no key that the old unit ever had.  A statement of it stays
 * (passage.c), for the copies.  Who was offered a case
 * and does not get it knows its keys too, so that it gets new ones as well.
 *
 * A refused offer keeps its row, without grants, for the answer.
 */

#define ENTRY_BYTES (RX_ID_BYTES + RX_GRANT_BYTES)
#define WHO_BYTES (RX_ID_BYTES + 8)	/* author || at, ms */

enum { COL_GRANTS = 3, COL_CODED = 4, COL_NOTE = 5 };

struct offer {			/* a row */
	uint8_t child[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];
	uint32_t epoch;
	struct rx_buf grants, coded, note;
};

static void
offer_free(struct offer *o)
{

	rx_buf_free(&o->grants);
	rx_buf_free(&o->coded);
	rx_buf_free(&o->note);
	memset(o, 0, sizeof(*o));
}

/* Copy the row under ${cur}, of o->child, into ${o}, zeroed but for that. */
static rx_err
offer_copy(struct offer *o, const struct rx_cursor *cur, struct rx_status *st)
{
	struct rx_buf *to[3] = { &o->grants, &o->coded, &o->note };
	const void *p;
	size_t k, n;
	rx_err rc;

	rx_unit_set(o->unit, rx_col_text(cur, 1));
	o->epoch = (uint32_t)rx_col_int(cur, 2);
	for (k = 0; k < 3; k++) {
		p = rx_col_bytes(cur, (int)(COL_GRANTS + k), &n);
		if ((rc = rx_buf_add(to[k], p, n, st)) != RX_OK)
			return (rc);
	}
	if (o->grants.len % ENTRY_BYTES != 0)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_GRANT_CORRUPT));
	return (RX_OK);
}

/* The offer of case ${id}; *found.  To be freed in any case. */
static rx_err
offer_load(struct offer *o, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES], bool *found, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	rx_err rc;

	memset(o, 0, sizeof(*o));
	memcpy(o->child, id, RX_ID_BYTES);
	*found = false;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_TRANSFER, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, found, st)) == RX_OK && *found)
		rc = offer_copy(o, cur, st);
	rx_query_close(cur);
	return (rc);
}

static rx_err
offer_store(struct rx_session *s, const struct offer *o, struct rx_status *st)
{
	struct rx_value v[6];

	v[0] = rx_bytes(o->child, RX_ID_BYTES);
	v[1] = rx_text(o->unit);
	v[2] = rx_int(o->epoch);
	v[3] = rx_bytes(o->grants.b, o->grants.len);
	v[4] = rx_bytes(o->coded.b, o->coded.len);
	v[5] = rx_bytes(o->note.b, o->note.len);
	return (rx_store_replace(s->store, RX_TABLE_TRANSFER, v, st));
}

static rx_err
offer_delete(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_value key = rx_bytes(id, RX_ID_BYTES);

	return (rx_store_delete(s->store, RX_TABLE_TRANSFER, &key, NULL, st));
}

/* ---- what stands in it ---- */

static void
offer_place(struct rx_place *p, const struct rx_session *s,
    const struct offer *o, uint32_t column)
{

	rx_place_init(p, s, o->unit, o->child, o->child, RX_TABLE_TRANSFER,
	    column, 1);
}

/* Who says ${reason}, now: sealed under the newest keys of the loaded case. */
static rx_err
offer_say(struct offer *o, struct rx_session *s, const struct rx_case *c,
    const char *reason, struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	uint8_t who[WHO_BYTES];
	struct rx_place place;
	rx_err rc;

	memcpy(who, s->user_id, RX_ID_BYTES);
	rx_put64(who + RX_ID_BYTES, (uint64_t)rx_session_now(s));
	rx_buf_reset(&o->coded);
	rx_buf_reset(&o->note);
	offer_place(&place, s, o, COL_CODED);
	if ((rc = rx_field_seal(&o->coded, e->key[2], RX_COMP_CODED, e->epoch,
	    &place, RX_PAD_SHORT, who, sizeof(who), st)) != RX_OK)
		return (rc);
	offer_place(&place, s, o, COL_NOTE);
	return (rx_field_seal(&o->note, e->key[1], RX_COMP_NARRATIVE, e->epoch,
	    &place, RX_PAD_TEXT, reason, strlen(reason), st));
}

/* Append what ${box} says to ${out}; nothing when the loaded case has no key. */
static rx_err
offer_read(struct rx_buf *out, struct rx_session *s, const struct rx_case *c,
    const struct offer *o, size_t k, const struct rx_buf *box,
    struct rx_status *st)
{
	const struct rx_case_epoch *e = rx_case_of_epoch(c,
	    rx_envelope_epoch(box->b, box->len));
	struct rx_place place;

	if (e == NULL)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	if (e->key[k] == NULL)
		return (RX_OK);
	offer_place(&place, s, o, k == 1 ? COL_NOTE : COL_CODED);
	return (rx_field_open(out, box->b, box->len, e->key[k], k == 1 ?
	    RX_COMP_NARRATIVE : RX_COMP_CODED, &place, st));
}

/* A live certificate of a director of ${unit}. */
static bool
directs(const struct rx_member *m, const char *unit)
{

	return (m->cert.role == RX_ROLE_DIRECTOR &&
	    rx_unit_covers(m->cert.unit, unit) && rx_member_live(m));
}

/* The newest such certificate of members[first..]; NULL. */
static const struct rx_member *
director(const struct rx_session *s, size_t first, const char *unit)
{
	const struct rx_member *m = NULL;
	size_t i;

	for (i = first; i < rx_member_next(s, first); i++)
		if (directs(&s->members[i], unit))
			m = &s->members[i];
	return (m);
}

/* Grant the newest keys of the loaded case to all who direct o->unit now. */
static rx_err
offer_grant(struct offer *o, struct rx_session *s, const struct rx_case *c,
    struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	struct rx_grant_context ctx;
	const struct rx_member *m;
	uint8_t *entry;
	size_t i;
	rx_err rc;

	o->epoch = e->epoch;
	rx_buf_reset(&o->grants);
	rx_grant_context_set(&ctx, s, o->unit, o->child, o->epoch,
	    RX_CASE_KEYS);
	for (i = 0; i < s->nmembers; i = rx_member_next(s, i)) {
		if ((m = director(s, i, o->unit)) == NULL)
			continue;
		if ((rc = rx_buf_extend(&o->grants, ENTRY_BYTES, &entry,
		    st)) != RX_OK)
			return (rc);
		memcpy(entry, m->cert.id, RX_ID_BYTES);
		if ((rc = rx_grant_make(entry + RX_ID_BYTES, &ctx, e->key,
		    RX_GRANT_OPEN, s->user_id, s->id, m->cert.box_public,
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Whether those who direct o->unit now are the ones who have grants. */
static bool
offer_reaches(const struct offer *o, const struct rx_session *s)
{
	const struct rx_member *m;
	size_t i, at = 0;

	for (i = 0; i < s->nmembers; i = rx_member_next(s, i)) {
		if ((m = director(s, i, o->unit)) == NULL)
			continue;
		if (at == o->grants.len || memcmp(o->grants.b + at, m->cert.id,
		    RX_ID_BYTES) != 0)
			return (false);
		at += ENTRY_BYTES;
	}
	return (at == o->grants.len);
}

/* ---- the other side ---- */

/* The grant in ${o} for a certificate of the session, if it directs o->unit. */
static const uint8_t *
offer_mine(const struct offer *o, const struct rx_session *s)
{
	const size_t first = rx_member_first(s, s->user_id);
	size_t i, at;

	for (i = first; i < rx_member_next(s, first); i++)
		for (at = 0; at < o->grants.len; at += ENTRY_BYTES)
			if (directs(&s->members[i], o->unit) &&
			    memcmp(o->grants.b + at, s->members[i].cert.id,
			    RX_ID_BYTES) == 0)
				return (o->grants.b + at + RX_ID_BYTES);
	return (NULL);
}

/**
 * offer_open(g, proof, o, s, from, st):
 * Open the session's grant in the offer ${o} and put the case's keys in ${g},
 * which the caller wipes, and what shows the offer to others in ${proof}.  RX_ENOENT (TRANSFER_NONE) when there is none for it;
 * RX_ECORRUPT (TRANSFER_FORGED) unless somebody signed it who is a director of
 * ${from}, the case's unit, at this moment.
 */
static rx_err
offer_open(struct rx_grant *g, struct rx_grant_proof *proof,
    const struct offer *o, struct rx_session *s, const char *from,
    struct rx_status *st)
{
	const uint8_t *box = offer_mine(o, s);
	const struct rx_identity *as = s->id;
	struct rx_grant_context ctx;
	struct rx_status no;
	size_t i, first;

	if (box == NULL)
		return (rx_fail(st, RX_ENOENT, RX_MSG_TRANSFER_NONE));
	rx_status_clear(&no);
	if (rx_grant_open(g, box, RX_GRANT_BYTES, as, &no) != RX_OK) {
		rx_status_clear(&no);
		if (s->next == NULL || rx_grant_open(g, box, RX_GRANT_BYTES,
		    as = s->next, &no) != RX_OK)
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_TRANSFER_FORGED));
	}
	rx_grant_context_set(&ctx, s, o->unit, o->child, o->epoch,
	    RX_CASE_KEYS);
	first = rx_member_first(s, g->grantor);
	for (i = first; i < s->nmembers && i < rx_member_next(s, first); i++) {
		rx_status_clear(&no);
		if (g->kind == RX_GRANT_OPEN && directs(&s->members[i], from) &&
		    rx_grant_verify(g, &ctx, as, s->members[i].cert.sign_public,
		    &no) == RX_OK) {
			rx_grant_prove(proof, g, as->box_public);
			return (RX_OK);
		}
	}
	rx_wipe(g, sizeof(*g));
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_TRANSFER_FORGED));
}

/* Load the case of ${o}, a case of move->from, with the keys that were offered;
 * move->offer shows it. */
static rx_err
load_offered(struct rx_case *c, struct rx_session *s, const struct offer *o,
    struct rx_passage *move, struct rx_status *st)
{
	struct rx_secret *mem;
	struct rx_grant *g;
	rx_err rc;

	if ((rc = rx_secret_new(&mem, sizeof(*g), st)) != RX_OK)
		return (rc);
	g = (struct rx_grant *)(void *)mem->b;
	if ((rc = offer_open(g, &move->offer, o, s, move->from, st)) == RX_OK)
		rc = rx_case_load_given(c, s, o->child, move->from, o->epoch,
		    g->keys, st);
	rx_secret_free(mem);	/* wipes */
	return (rc);
}

rx_err
rx_slots_now(struct rx_session *s, struct rx_case *c, struct rx_status *st)
{
	struct rx_case_state state;
	rx_err rc;

	if ((rc = rx_case_state(s, c, &state, NULL, NULL, st)) != RX_OK)
		return (rc);
	return (rx_slots_write(c, s, state.flagged, state.above, NULL, st));
}

/* ---- offer ---- */

static rx_err
check_target(struct rx_session *s, const char *from, const char *to,
    struct rx_status *st)
{
	char a[RX_UNIT_BYTES], b[RX_UNIT_BYTES], text[RX_UNIT_TEXT];
	size_t i;
	rx_err rc;

	if ((rc = rx_unit_require(s, to, st)) != RX_OK)
		return (rc);
	if (memcmp(from, to, RX_UNIT_BYTES) == 0)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_TRANSFER_SAME));
	rx_unit_ancestor(a, from, RX_LEVEL_COUNTY);
	rx_unit_ancestor(b, to, RX_LEVEL_COUNTY);
	if (memcmp(a, b, RX_UNIT_BYTES) != 0)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_TRANSFER_COUNTY));
	for (i = 0; i < s->nmembers; i = rx_member_next(s, i))
		if (director(s, i, to) != NULL)
			return (RX_OK);
	rx_unit_text(text, to);
	rx_status_arg(st, "unit", "%s", text);
	return (rx_fail(st, RX_ECONFLICT, RX_MSG_TRANSFER_NOBODY));
}

/* In a transaction: offer the case ${id} of ${from} to ${to}. */
static rx_err
offer_make(struct rx_session *s, const uint8_t *id, const char *from,
    const char *to, const char *reason, struct rx_status *st)
{
	struct offer o;
	struct rx_case c;
	bool found;
	rx_err rc;

	rx_case_init(&c);
	if ((rc = offer_load(&o, s, id, &found, st)) != RX_OK)
		goto done;
	if (found && o.grants.len > 0) {
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_TRANSFER_OPEN);
		goto done;
	}
	if ((rc = rx_case_load(&c, s, id, from, RX_CASE_KEYS, st)) != RX_OK)
		goto done;
	/* Who refused it knows these keys. */
	if (found && o.epoch == c.e[c.n - 1].epoch &&
	    ((rc = rx_case_renew(&c, s, st)) != RX_OK ||
	    (rc = rx_slots_now(s, &c, st)) != RX_OK))
		goto done;
	memcpy(o.child, id, RX_ID_BYTES);
	memcpy(o.unit, to, RX_UNIT_BYTES);
	if ((rc = offer_say(&o, s, &c, reason, st)) == RX_OK &&
	    (rc = offer_grant(&o, s, &c, st)) == RX_OK)
		rc = offer_store(s, &o, st);
done:
	offer_free(&o);
	rx_case_done(&c, s);
	return (rc);
}

rx_err
rx_transfer_offer(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *unit, const char *reason, struct rx_status *st)
{
	char from[RX_UNIT_BYTES], to[RX_UNIT_BYTES];
	rx_err rc;

	if (reason == NULL || *reason == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_REASON_MISSING));
	if ((rc = rx_case_unit(s, id, from, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, from, st)) != RX_OK ||
	    (rc = rx_unit_parse(to, unit, st)) != RX_OK ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	/* As things are now, and not before. */
	if ((rc = rx_case_unit(s, id, from, st)) == RX_OK &&
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, from, st)) == RX_OK &&
	    (rc = check_target(s, from, to, st)) == RX_OK &&
	    (rc = rx_departure_refuse(s, id, st)) == RX_OK)
		rc = offer_make(s, id, from, to, reason, st);
	return (rx_finish(s, rc, RX_DID_TRANSFER, id, "offer", st));
}

rx_err
rx_transfer_withdraw(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	char from[RX_UNIT_BYTES];
	struct rx_case c;
	struct offer o;
	bool found;
	rx_err rc;

	rx_case_init(&c);
	if ((rc = rx_case_unit(s, id, from, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, from, st)) != RX_OK ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	if ((rc = offer_load(&o, s, id, &found, st)) != RX_OK ||
	    (rc = rx_case_unit(s, id, from, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, from, st)) != RX_OK ||
	    (rc = found ? offer_delete(s, id, st) :
	    rx_departure_withdraw(s, id, st)) != RX_OK ||
	    (rc = rx_case_load(&c, s, id, from, RX_CASE_KEYS, st)) != RX_OK)
		goto done;
	/* Who could have accepted knows the keys. */
	if ((!found || o.epoch == c.e[c.n - 1].epoch) &&
	    (rc = rx_case_renew(&c, s, st)) == RX_OK)
		rc = rx_slots_now(s, &c, st);
done:
	rc = rx_finish(s, rc, RX_DID_TRANSFER, id, "withdraw", st);
	offer_free(&o);
	rx_case_done(&c, s);
	return (rc);
}

/* ---- answer ---- */

/* The loaded case is one of o->unit now: new keys, a version of the child by the
 * new director, the statement ${move} of it, slots of the supervisors there. */
static rx_err
take_over(struct rx_session *s, struct rx_case *c, const struct offer *o,
    struct rx_passage *move, char number[16], struct rx_status *st)
{
	struct rx_record r;
	bool taken = false;
	rx_err rc;

	rx_record_init(&r);
	if ((rc = rx_child_open(s, c, RX_CASE_KEYS, true, &r, st)) != RX_OK ||
	    (rc = rx_unit_keys_ensure(s, o->unit, st)) != RX_OK)
		goto done;
	memcpy(r.unit, o->unit, RX_UNIT_BYTES);
	memcpy(r.author, s->user_id, RX_ID_BYTES);
	r.at = rx_session_now(s);
	r.version++;
	if ((rc = rx_child_id_taken(s, &r, &taken, st)) != RX_OK ||
	    (taken && (rc = rx_child_number(s, &r, number, 16, st)) != RX_OK) ||
	    (rc = offer_delete(s, o->child, st)) != RX_OK ||
	    (rc = rx_case_move(c, s, o->unit, st)) != RX_OK ||
	    (rc = rx_row_insert(s, c, &r, st)) != RX_OK ||
	    (rc = rx_passage_add(s, c, move, &r, st)) != RX_OK)
		goto done;
	rc = rx_slots_now(s, c, st);
done:
	rx_record_free(&r);
	return (rc);
}

/* In a transaction: load the offer of ${id} and its case for the receiver. */
static rx_err
receive(struct rx_session *s, const uint8_t *id, struct offer *o,
    struct rx_case *c, struct rx_passage *move, struct rx_status *st)
{
	bool found;
	rx_err rc;

	memset(move, 0, sizeof(*move));
	if ((rc = offer_load(o, s, id, &found, st)) != RX_OK)
		return (rc);
	if (!found || o->grants.len == 0)
		return (rx_fail(st, RX_ENOENT, RX_MSG_TRANSFER_NONE));
	if ((rc = rx_permit(s, RX_ACT_WRITE_CASE, o->unit, st)) != RX_OK ||
	    (rc = rx_case_unit(s, id, move->from, st)) != RX_OK)
		return (rc);
	return (load_offered(c, s, o, move, st));
}

rx_err
rx_transfer_accept(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    char number[16], struct rx_status *st)
{
	struct rx_passage move;
	struct rx_case c;
	struct offer o;
	rx_err rc;

	number[0] = '\0';
	memset(&o, 0, sizeof(o));
	rx_case_init(&c);
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	if ((rc = receive(s, id, &o, &c, &move, st)) == RX_OK)
		rc = take_over(s, &c, &o, &move, number, st);
	rx_known_free(s);
	rc = rx_finish(s, rc, RX_DID_TRANSFER, id, RX_TRANSFER_ACCEPTED,
	    st);
	offer_free(&o);
	rx_case_done(&c, s);
	return (rc);
}

rx_err
rx_transfer_reject(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason, struct rx_status *st)
{
	struct rx_passage move;
	struct rx_case c;
	struct offer o;
	rx_err rc;

	if (reason == NULL || *reason == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_REASON_MISSING));
	memset(&o, 0, sizeof(o));
	rx_case_init(&c);
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	if ((rc = receive(s, id, &o, &c, &move, st)) == RX_OK &&
	    (rc = offer_say(&o, s, &c, reason, st)) == RX_OK) {
		rx_buf_reset(&o.grants);
		rc = offer_store(s, &o, st);
	}
	rc = rx_finish(s, rc, RX_DID_TRANSFER, id, "reject", st);
	offer_free(&o);
	rx_case_done(&c, s);
	return (rc);
}

/* ---- lists ---- */

/* The ids of the cases that are offered or were refused, appended. */
static rx_err
offered_ids(struct rx_session *s, struct rx_buf *ids, struct rx_status *st)
{

	return (rx_query_ids(s->store, RX_Q_TRANSFERS, NULL, 0, 0, ids, st));
}

/* Load the case of ${o} with what the reader has of it; *none: nothing. */
static rx_err
load_for_list(struct rx_case *c, struct rx_session *s, const struct offer *o,
    const struct rx_transfer_row *row, bool *none, struct rx_status *st)
{
	struct rx_passage move;

	*none = false;
	memcpy(move.from, row->from, RX_UNIT_BYTES);
	if (row->outgoing)
		return (rx_case_load(c, s, o->child, row->from, RX_CASE_KEYS,
		    st));
	if (row->incoming)
		return (load_offered(c, s, o, &move, st));
	*none = !rx_permitted(s, RX_ACT_SUPERVISE, row->from);
	return (*none ? RX_OK : rx_case_load(c, s, o->child, row->from,
	    RX_BIT(RX_COMP_CODED), st));
}

struct listing {
	bool names;
	size_t opened;
	rx_err (*each)(void *, const struct rx_transfer_row *,
	    struct rx_status *);
	void *cookie;
	struct rx_record r;
	struct rx_buf who, note;
};

/* What the loaded case lets the reader see of the offer. */
static rx_err
row_fill(struct listing *l, struct rx_session *s, struct rx_case *c,
    const struct offer *o, struct rx_transfer_row *row, struct rx_status *st)
{
	const bool director = row->outgoing || row->incoming;
	rx_err rc;

	rx_buf_reset(&l->who);
	rx_buf_reset(&l->note);
	if ((rc = rx_child_open(s, c, director ? RX_CASE_KEYS :
	    RX_BIT(RX_COMP_CODED), row->incoming, &l->r, st)) != RX_OK ||
	    (!l->names && (rc = rx_record_mask(&l->r, 0, st)) != RX_OK) ||
	    (rc = offer_read(&l->who, s, c, o, 2, &o->coded, st)) != RX_OK ||
	    (rc = offer_read(&l->note, s, c, o, 1, &o->note, st)) != RX_OK ||
	    (rc = rx_buf_add(&l->note, "", 1, st)) != RX_OK)
		return (rc);
	if (l->who.len != WHO_BYTES)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	row->record = &l->r;
	row->reason = (const char *)l->note.b;
	rx_text_copy(row->by, sizeof(row->by), rx_member_name(s, l->who.b));
	row->at = (int64_t)rx_get64(l->who.b + RX_ID_BYTES);
	l->opened += l->names && director;
	return (RX_OK);
}

static rx_err
list_one(struct listing *l, struct rx_session *s, struct rx_case *c,
    const struct offer *o, struct rx_status *st)
{
	struct rx_transfer_row row;
	bool none;
	rx_err rc;

	memset(&row, 0, sizeof(row));
	memcpy(row.child, o->child, RX_ID_BYTES);
	memcpy(row.to, o->unit, RX_UNIT_BYTES);
	row.reason = "";
	if ((rc = rx_case_unit(s, o->child, row.from, st)) != RX_OK)
		return (rc);
	row.outgoing = rx_permitted(s, RX_ACT_WRITE_CASE, row.from);
	row.incoming = offer_mine(o, s) != NULL;
	row.rejected = o->grants.len == 0;
	if (!row.outgoing && !row.incoming &&
	    !rx_permitted(s, RX_ACT_SUPERVISE, row.from) &&
	    !rx_permitted(s, RX_ACT_SUPERVISE, row.to))
		return (RX_OK);
	if ((rc = load_for_list(c, s, o, &row, &none, st)) == RX_OK && !none)
		rc = row_fill(l, s, c, o, &row, st);
	/* It is told, and keeps nobody from the others. */
	if (rc == RX_ECORRUPT || rc == RX_ECONFLICT) {
		row.bad = st->msg;
		row.record = NULL;
		row.reason = "";
		rx_status_clear(st);
		rc = RX_OK;
	}
	return (rc != RX_OK ? rc : l->each(l->cookie, &row, st));
}

static rx_err
list_all(struct listing *l, struct rx_session *s, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	struct rx_case c;
	struct offer o;
	size_t i;
	bool found;
	rx_err rc;

	rx_case_init(&c);
	if ((rc = rx_members_refresh(s, st)) == RX_OK)
		rc = offered_ids(s, &ids, st);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES) {
		if ((rc = offer_load(&o, s, ids.b + i, &found, st)) == RX_OK &&
		    found)
			rc = list_one(l, s, &c, &o, st);
		offer_free(&o);
	}
	rx_buf_free(&ids);
	rx_case_done(&c, s);
	return (rc);
}

rx_err
rx_transfer_each(struct rx_session *s, bool names,
    rx_err (*each)(void *, const struct rx_transfer_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct listing l = { .names = names, .each = each, .cookie = cookie };
	rx_err rc;

	if (!rx_session_has_role(s, RX_ROLE_DIRECTOR) &&
	    !rx_session_has_role(s, RX_ROLE_SUPERVISOR))
		return (rx_fail(st, RX_EPERM, RX_MSG_CASES_NOT_YOURS));
	rx_record_init(&l.r);
	if ((rc = list_all(&l, s, st)) == RX_OK)
		rc = rx_audit_reveal(s, l.opened, NULL, "list", st);
	rx_buf_free(&l.who);
	rx_buf_free(&l.note);
	rx_record_free(&l.r);
	return (rc);
}

struct finding {
	const char *text;
	const uint8_t *uuid;	/* what the text is, too; NULL */
	uint8_t id[RX_ID_BYTES];
	bool ours;		/* found by our id: no other counts */
	size_t found;
};

static rx_err
find_each(void *cookie, const struct rx_transfer_row *row,
    struct rx_status *st)
{
	struct finding *f = cookie;
	const bool ours = f->uuid != NULL && memcmp(f->uuid, row->child,
	    RX_ID_BYTES) == 0;

	if (!row->incoming || f->ours)
		return (RX_OK);
	if (ours && row->bad != RX_MSG_NONE)
		return (rx_fail(st, RX_ECORRUPT, row->bad));
	if (!ours && (row->bad != RX_MSG_NONE || strcmp(f->text,
	    rx_record_text(row->record, RX_F_CALLER_ID)) != 0))
		return (RX_OK);
	memcpy(f->id, row->child, RX_ID_BYTES);
	f->ours = ours;
	f->found = ours ? 1 : f->found + 1;
	return (RX_OK);
}

rx_err
rx_transfer_find(struct rx_session *s, const char *text,
    uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	struct finding f = { .text = text };
	rx_err rc;

	if (rx_uuid_parse(text, id))
		f.uuid = id;
	if ((rc = rx_transfer_each(s, false, find_each, &f, st)) != RX_OK)
		return (rc);
	if (f.found == 0)
		return (rx_fail(st, RX_ENOENT, RX_MSG_TRANSFER_NONE));
	if (f.found > 1)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_CHILD_AMBIGUOUS));
	memcpy(id, f.id, RX_ID_BYTES);
	return (RX_OK);
}

/* ---- keys that follow ---- */

rx_err
rx_transfer_follow(struct rx_case *c, struct rx_session *s,
    struct rx_status *st)
{
	struct offer o;
	bool found;
	rx_err rc;

	if ((rc = offer_load(&o, s, c->id, &found, st)) == RX_OK && found &&
	    o.grants.len > 0 && (rc = offer_grant(&o, s, c, st)) == RX_OK)
		rc = offer_store(s, &o, st);
	offer_free(&o);
	return (rc);
}

rx_err
rx_transfer_over(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    uint32_t epoch, bool *over, struct rx_status *st)
{
	struct offer o;
	bool found;
	rx_err rc;

	rc = offer_load(&o, s, id, &found, st);
	*over = rc == RX_OK && found && o.grants.len == 0 && o.epoch == epoch;
	offer_free(&o);
	return (rc);
}

/* Whether the case ${id} of the session's needs new keys (it was refused), or its
 * offer other grants. */
static rx_err
to_heal(struct rx_session *s, struct rx_case *c, const uint8_t *id,
    bool *renew, bool *grant, struct rx_status *st)
{
	struct rx_case_state state;
	char unit[RX_UNIT_BYTES];
	const struct rx_key *key;
	struct rx_status why;
	struct offer o;
	bool found, opens;
	rx_err rc;

	*renew = *grant = false;
	if ((rc = rx_case_unit(s, id, unit, st)) != RX_OK ||
	    !rx_permitted(s, RX_ACT_WRITE_CASE, unit))
		return (rc);
	rx_status_clear(&why);
	if ((rc = rx_unit_key(s, unit, RX_COMP_NARRATIVE, 0, &key, NULL,
	    &why)) == RX_EPERM)
		return (RX_OK);		/* his own keys are still to come */
	if (rc != RX_OK) {
		*st = why;
		return (rc);
	}
	if ((rc = rx_case_try(c, s, id, unit, &state, &opens, st)) != RX_OK ||
	    !opens)
		return (rc);
	if ((rc = offer_load(&o, s, id, &found, st)) == RX_OK && found) {
		*renew = o.grants.len == 0 && o.epoch == c->e[c->n - 1].epoch;
		*grant = o.grants.len > 0 && !offer_reaches(&o, s);
	}
	offer_free(&o);
	return (rc);
}

rx_err
rx_transfers_heal(struct rx_session *s, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	bool renew, grant;
	struct rx_case c;
	size_t i;
	rx_err rc;

	if (!rx_session_has_role(s, RX_ROLE_DIRECTOR))
		return (RX_OK);
	rx_case_init(&c);
	rc = offered_ids(s, &ids, st);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES) {
		const uint8_t *id = ids.b + i;

		if ((rc = to_heal(s, &c, id, &renew, &grant, st)) != RX_OK ||
		    (!renew && !grant))
			continue;
		/* Others may have done it since. */
		if ((rc = rx_begin(s, st)) != RX_OK)
			break;
		if ((rc = to_heal(s, &c, id, &renew, &grant, st)) == RX_OK &&
		    renew && (rc = rx_case_renew(&c, s, st)) == RX_OK)
			rc = rx_slots_now(s, &c, st);
		if (rc == RX_OK && grant)
			rc = rx_transfer_follow(&c, s, st);
		rc = rx_finish(s, rc, RX_DID_TRANSFER, id, "keys", st);
	}
	rx_buf_free(&ids);
	rx_case_done(&c, s);
	return (rc);
}
