#include "crypto/lot.h"
#include "register/internal.h"

/*
 * From a record to a row of the store and back.
 *
 * The coded box holds: type 1 || what 1 (bit 0: there is a narrative; bit 1: there
 * is a path) || author 16 || recorded at, ms 8 || signature 64 || path 129, or
 * nothing || the coded fields (register/record.h).  The narrative box holds the
 * narrative fields, padded the same whether there are any or not; each identity
 * field has a box of its own.  The author's Ed25519 signature is over "runxin record v1\0" ||
 *   store 16 || table 4 || id 16 || version 4 || child 16 || unit 16 ||
 *   the 26 bytes before the signature ||
 *   BLAKE2b-256("runxin record coded v1\0" || coded fields) ||
 *   BLAKE2b-256("runxin record boxes v1\0" || the other boxes of the row).
 * With a path (crypto/lot.h) it is over the root of a lot of which this is a leaf,
 * under the key of the coded box.
 */

#define HEAD_BYTES 26
#define SIGNED_HEAD (HEAD_BYTES + RX_SIGNATURE_BYTES)
#define HAS_NARRATIVE 1
#define HAS_PATH 2
#define SIGN_LABEL "runxin record v1"
#define SIGNED_BYTES (16 + 4 + 16 + 4 + 16 + 16 + HEAD_BYTES + 32 + 32)

#define ROW_ROOM 256		/* of a counted row, beside its boxes */

/* Columns, as in schema/content-001.sql. */
enum {
	CHILD_NAME = 4, CHILD_CODED = 11, CHILD_COLUMNS = 12,
	ROW_TAG = 3, RECORD_TAG = 4,	/* of child and activity; of record */
	RECORD_CODED = 5, RECORD_NARRATIVE = 6, RECORD_COLUMNS = 7,
	ACTIVITY_CODED = 4, ACTIVITY_COLUMNS = 5
};

static const enum rx_field identity_field[RX_IDENTITY_BOXES] = {
	RX_F_NAME, RX_F_ID_NUMBER, RX_F_PHONE, RX_F_ADDRESS, RX_F_SCHOOL,
	RX_F_GUARDIAN_NAME, RX_F_GUARDIAN_PHONE
};

static enum rx_pad
identity_pad(size_t k)
{

	/* id number, phone, guardian's phone */
	return (k == 1 || k == 2 || k == 6 ? RX_PAD_SHORT : RX_PAD_TEXT);
}

static enum rx_table
table_of(enum rx_type type)
{

	return (type == RX_CHILD ? RX_TABLE_CHILD :
	    type == RX_ACTIVITY ? RX_TABLE_ACTIVITY : RX_TABLE_RECORD);
}

void
rx_unit_set(char unit[RX_UNIT_BYTES], const char *text)
{
	size_t n = strlen(text);

	memset(unit, 0, RX_UNIT_BYTES);
	memcpy(unit, text, n < RX_UNIT_BYTES ? n : RX_UNIT_BYTES - 1);
}

void
rx_place_init(struct rx_place *p, const struct rx_session *s,
    const char *unit, const uint8_t *object, const uint8_t *subject,
    enum rx_table table, uint32_t column, uint32_t version)
{

	memset(p, 0, sizeof(*p));
	memcpy(p->store, s->store_id, RX_ID_BYTES);
	rx_unit_set(p->unit, unit);
	if (object != NULL)
		memcpy(p->object, object, RX_ID_BYTES);
	if (subject != NULL)
		memcpy(p->subject, subject, RX_ID_BYTES);
	p->table = (uint32_t)table;
	p->column = column;
	p->schema = RX_SCHEMA_VERSION;
	p->version = version;
}

static rx_err
tag_make(uint8_t tag[RX_ID_BYTES], const struct rx_key *key,
    enum rx_type type, const char *caller_id, struct rx_status *st)
{
	struct rx_buf b = RX_BUF_INIT;
	const uint8_t t = (uint8_t)type;
	rx_err rc;

	if ((rc = rx_buf_add(&b, &t, 1, st)) == RX_OK &&
	    (rc = rx_buf_add(&b, caller_id, strlen(caller_id), st)) == RX_OK)
		rx_hash(tag, RX_ID_BYTES, key->b, "runxin tag v1", b.b, b.len);
	rx_buf_free(&b);
	return (rc);
}

/* The first epoch: a tag must not change when keys do. */
static rx_err
tag_key(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    const struct rx_key **key, struct rx_status *st)
{

	return (rx_unit_key(s, unit, RX_COMP_CODED, 1, key, NULL, st));
}

rx_err
rx_tag(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    enum rx_type type, const char *caller_id, uint8_t tag[RX_ID_BYTES],
    struct rx_status *st)
{
	const struct rx_key *key;
	rx_err rc;

	if ((rc = tag_key(s, unit, &key, st)) != RX_OK)
		return (rc);
	return (tag_make(tag, key, type, caller_id, st));
}

/* What the author signs. */
static void
signed_bytes(uint8_t out[SIGNED_BYTES], const struct rx_session *s,
    const struct rx_record *r, const uint8_t head[HEAD_BYTES],
    const void *coded, size_t n, const struct rx_buf *boxes)
{
	uint8_t *p = out;

	memcpy(p, s->store_id, 16);
	rx_put32(p + 16, (uint32_t)table_of(r->type));
	memcpy(p + 20, r->id, 16);
	rx_put32(p + 36, r->version);
	memcpy(p + 40, r->child, 16);
	memcpy(p + 56, r->unit, 16);
	memcpy(p + 72, head, HEAD_BYTES);
	rx_hash(p + 72 + HEAD_BYTES, 32, NULL, "runxin record coded v1", coded,
	    n);
	rx_hash(p + 104 + HEAD_BYTES, 32, NULL, "runxin record boxes v1",
	    boxes->b, boxes->len);
}

/* ---- writing: gather, seal, insert ---- */

void
rx_sealing_init(struct rx_sealing *w)
{

	memset(w, 0, sizeof(*w));
}

void
rx_sealing_free(struct rx_sealing *w)
{

	rx_buf_free(&w->plain);
	rx_buf_free(&w->other);
	rx_buf_free(&w->boxes);
	rx_buf_free(&w->coded);
	rx_buf_free(&w->row);
	rx_wipe(w, sizeof(*w));
}

/* The keys of the case, or of the unit of an activity, to write under. */
static rx_err
write_keys(struct rx_sealing *w, struct rx_session *s, const struct rx_case *c,
    struct rx_status *st)
{
	const size_t other = w->r.type == RX_CHILD ? 0 : 1;

	w->key[0] = w->key[1] = w->key[2] = NULL;
	if (c == NULL)
		return (rx_unit_key(s, w->r.unit, RX_COMP_CODED, 0, &w->key[2],
		    &w->epoch, st));
	w->key[other] = c->e[c->n - 1].key[other];
	w->key[2] = c->e[c->n - 1].key[2];
	w->epoch = c->e[c->n - 1].epoch;
	if (w->key[other] == NULL || w->key[2] == NULL)
		return (rx_fail(st, RX_EPERM, RX_MSG_CASE_CLOSED));
	return (RX_OK);
}

/* What is sealed beside the coded box: the identity texts of a child, one after
 * the other, or a narrative; room for the boxes. */
static rx_err
gather_other(struct rx_sealing *w, const struct rx_record *r,
    struct rx_status *st)
{
	size_t k, n, room = 0;
	const char *text;
	rx_err rc;

	rx_buf_reset(&w->other);
	rx_buf_reset(&w->boxes);
	if (r->type == RX_ACTIVITY)
		return (RX_OK);
	for (k = 0; r->type == RX_CHILD && k < RX_IDENTITY_BOXES; k++) {
		text = rx_record_text(r, identity_field[k]);
		n = strlen(text);
		if ((rc = rx_buf_add(&w->other, text, n, st)) != RX_OK)
			return (rc);
		w->text_end[k] = w->other.len;
		room += rx_envelope_size(rx_pad_size(identity_pad(k), n));
	}
	if (r->type != RX_CHILD) {
		if ((rc = rx_record_encode(&w->other, r, RX_COMP_NARRATIVE,
		    st)) != RX_OK)
			return (rc);
		room = rx_envelope_size(rx_pad_size(RX_PAD_NOTE,
		    w->other.len));
	}
	return (rx_buf_reserve(&w->boxes, room, st));
}

/* Head, room for the signature, coded fields; room for a path, the box, and the row
 * as it is counted. */
static rx_err
gather_coded(struct rx_sealing *w, const struct rx_record *r,
    struct rx_status *st)
{
	uint8_t *head;
	size_t n;
	rx_err rc;

	rx_buf_reset(&w->plain);
	rx_buf_reset(&w->coded);
	if ((rc = rx_buf_extend(&w->plain, SIGNED_HEAD, &head, st)) != RX_OK ||
	    (rc = rx_record_encode(&w->plain, r, RX_COMP_CODED, st)) != RX_OK)
		return (rc);
	head = w->plain.b;
	head[0] = (uint8_t)r->type;
	head[1] = r->type != RX_CHILD && w->other.len > 0 ? HAS_NARRATIVE : 0;
	memcpy(head + 2, r->author, RX_ID_BYTES);
	rx_put64(head + 18, (uint64_t)r->at);
	n = rx_envelope_size(rx_pad_size(RX_PAD_CODED, w->plain.len));
	if ((rc = rx_buf_reserve(&w->plain, RX_LOT_PATH_BYTES, st)) != RX_OK ||
	    (rc = rx_buf_reserve(&w->coded, n, st)) != RX_OK)
		return (rc);
	rx_buf_reset(&w->row);
	return (rx_buf_reserve(&w->row, n + w->boxes.cap + ROW_ROOM, st));
}

rx_err
rx_sealing_gather(struct rx_sealing *w, struct rx_session *s,
    const struct rx_case *c, const struct rx_record *r,
    const uint8_t tag[RX_ID_BYTES], struct rx_status *st)
{
	rx_err rc;

	w->r = *r;
	memset(&w->r.data, 0, sizeof(w->r.data));
	memcpy(w->tag, tag, RX_ID_BYTES);
	if ((rc = write_keys(w, s, c, st)) != RX_OK ||
	    (rc = gather_other(w, r, st)) != RX_OK)
		return (rc);
	return (gather_coded(w, r, st));
}

bool
rx_sealing_is(const struct rx_sealing *w, const struct rx_case *c,
    const struct rx_record *r)
{
	size_t f;

	if (w->epoch != c->e[c->n - 1].epoch || w->r.type != r->type ||
	    w->r.version != r->version || w->r.at != r->at ||
	    memcmp(w->r.id, r->id, RX_ID_BYTES) != 0 ||
	    memcmp(w->r.child, r->child, RX_ID_BYTES) != 0 ||
	    memcmp(w->r.unit, r->unit, RX_UNIT_BYTES) != 0 ||
	    memcmp(w->r.author, r->author, RX_ID_BYTES) != 0)
		return (false);
	/* Whatever is set anew stands at another place of its data. */
	for (f = 0; f < RX_FIELD_COUNT; f++)
		if (w->r.v[f].set != r->v[f].set || w->r.v[f].i != r->v[f].i ||
		    w->r.v[f].off != r->v[f].off || w->r.v[f].n != r->v[f].n)
			return (false);
	return (true);
}

/* Seal the identity boxes of a child, or the narrative of a record. */
static rx_err
seal_other(struct rx_sealing *w, const struct rx_session *s,
    struct rx_status *st)
{
	const bool child = w->r.type == RX_CHILD;
	const size_t n = child ? RX_IDENTITY_BOXES :
	    w->r.type == RX_ACTIVITY ? 0 : 1;
	struct rx_place place;
	size_t k, at = 0, end;
	rx_err rc;

	for (k = 0; k < n; k++) {
		end = child ? w->text_end[k] : w->other.len;
		rx_place_init(&place, s, w->r.unit, w->r.id, w->r.child,
		    table_of(w->r.type), (uint32_t)(child ? CHILD_NAME + k :
		    RECORD_NARRATIVE), w->r.version);
		if ((rc = rx_field_seal(&w->boxes, w->key[child ? 0 : 1],
		    child ? RX_COMP_IDENTITY : RX_COMP_NARRATIVE, w->epoch,
		    &place, child ? identity_pad(k) : RX_PAD_NOTE,
		    end > at ? w->other.b + at : NULL, end - at, st)) != RX_OK)
			return (rc);
		w->end[k] = w->boxes.len;
		at = end;
	}
	return (RX_OK);
}

/* Whether a path makes the coded box no longer: its size must not tell how a record
 * was signed. */
static bool
has_room(const struct rx_sealing *w)
{

	return (rx_pad_size(RX_PAD_CODED, w->plain.len + RX_LOT_PATH_BYTES) ==
	    rx_pad_size(RX_PAD_CODED, w->plain.len));
}

/* What the author of ${w}, which has no path yet, signs. */
static void
message_make(uint8_t message[SIGNED_BYTES], const struct rx_sealing *w,
    const struct rx_session *s)
{

	signed_bytes(message, s, &w->r, w->plain.b, w->plain.b + SIGNED_HEAD,
	    w->plain.len - SIGNED_HEAD, &w->boxes);
}

static void
sign_alone(struct rx_sealing *w, const struct rx_session *s)
{
	uint8_t message[SIGNED_BYTES];

	message_make(message, w, s);
	rx_sign(w->plain.b + HEAD_BYTES, s->id->sign_secret, SIGN_LABEL,
	    message, sizeof(message));
}

/* Put the ${path} between the signature and the fields, for which there is room. */
static void
path_insert(struct rx_sealing *w, const uint8_t path[RX_LOT_PATH_BYTES])
{
	uint8_t *at = w->plain.b + SIGNED_HEAD;

	memmove(at + RX_LOT_PATH_BYTES, at, w->plain.len - SIGNED_HEAD);
	memcpy(at, path, RX_LOT_PATH_BYTES);
	w->plain.len += RX_LOT_PATH_BYTES;
}

/* One signature for ${n} records that have room for a path. */
static void
sign_lot(struct rx_sealing *const *w, size_t n, const struct rx_session *s)
{
	uint8_t leaf[RX_LOT][RX_HASH_BYTES], path[RX_LOT][RX_LOT_PATH_BYTES];
	uint8_t message[SIGNED_BYTES], sig[RX_SIGNATURE_BYTES];
	size_t i;

	for (i = 0; i < n; i++) {
		w[i]->plain.b[1] |= HAS_PATH;
		message_make(message, w[i], s);
		rx_lot_leaf(leaf[i], w[i]->key[2], message, sizeof(message));
	}
	rx_lot_sign(sig, path, (const uint8_t (*)[RX_HASH_BYTES])leaf, n,
	    s->id->sign_secret);
	for (i = 0; i < n; i++) {
		memcpy(w[i]->plain.b + HEAD_BYTES, sig, sizeof(sig));
		path_insert(w[i], path[i]);
	}
}

static void
sign(struct rx_sealing *const *w, size_t n, const struct rx_session *s)
{
	struct rx_sealing *lot[RX_LOT];
	size_t i, in = 0;

	for (i = 0; i < n; i++)
		if (has_room(w[i]))
			lot[in++] = w[i];
		else
			sign_alone(w[i], s);
	if (in == 1)
		sign_alone(lot[0], s);
	else if (in > 1)
		sign_lot(lot, in, s);
}

/* Seal the signed coded box. */
static rx_err
seal_coded(struct rx_sealing *w, const struct rx_session *s,
    struct rx_status *st)
{
	struct rx_place place;

	rx_place_init(&place, s, w->r.unit, w->r.id, w->r.child,
	    table_of(w->r.type), w->r.type == RX_CHILD ? CHILD_CODED :
	    w->r.type == RX_ACTIVITY ? ACTIVITY_CODED : RECORD_CODED,
	    w->r.version);
	return (rx_field_seal(&w->coded, w->key[2], RX_COMP_CODED, w->epoch,
	    &place, RX_PAD_CODED, w->plain.b, w->plain.len, st));
}

/* The values of the row, CHILD_COLUMNS at the most. */
static void
row_values(const struct rx_sealing *w, struct rx_value *v)
{
	const enum rx_table table = table_of(w->r.type);
	size_t k, at = 0, col = 2;

	v[0] = rx_bytes(w->r.id, RX_ID_BYTES);
	v[1] = rx_int(w->r.version);
	if (table == RX_TABLE_RECORD)
		v[col++] = rx_bytes(w->r.child, RX_ID_BYTES);
	v[col++] = rx_text(w->r.unit);
	v[col++] = rx_bytes(w->tag, RX_ID_BYTES);
	for (k = 0; table == RX_TABLE_CHILD && k < RX_IDENTITY_BOXES; k++) {
		v[col++] = rx_bytes(w->boxes.b + at, w->end[k] - at);
		at = w->end[k];
	}
	v[col++] = rx_bytes(w->coded.b, w->coded.len);
	if (table == RX_TABLE_RECORD)
		v[col++] = rx_bytes(w->boxes.b, w->boxes.len);
}

rx_err
rx_sealing_seal(struct rx_sealing *w, const struct rx_session *s,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = seal_other(w, s, st)) != RX_OK)
		return (rc);
	sign_alone(w, s);
	return (seal_coded(w, s, st));
}

rx_err
rx_sealing_seal_lot(struct rx_sealing *const *w, size_t n,
    const struct rx_session *s, struct rx_manifest *m, struct rx_status *st)
{
	struct rx_value v[CHILD_COLUMNS];
	size_t i;
	rx_err rc = RX_OK;

	memset(m, 0, sizeof(*m));
	for (i = 0; i < n && rc == RX_OK; i++)
		rc = seal_other(w[i], s, st);
	if (rc != RX_OK)
		return (rc);
	sign(w, n, s);
	for (i = 0; i < n && rc == RX_OK; i++) {
		if ((rc = seal_coded(w[i], s, st)) != RX_OK)
			break;
		row_values(w[i], v);
		rc = rx_store_row_count(m, &w[i]->row, table_of(w[i]->r.type),
		    v, st);
	}
	return (rc);
}

rx_err
rx_sealing_insert(const struct rx_sealing *w, struct rx_session *s,
    struct rx_status *st)
{
	struct rx_value v[CHILD_COLUMNS];

	row_values(w, v);
	return (rx_store_insert(s->store, table_of(w->r.type), v, st));
}

rx_err
rx_sealing_insert_counted(const struct rx_sealing *w, struct rx_session *s,
    struct rx_status *st)
{
	struct rx_value v[CHILD_COLUMNS];

	row_values(w, v);
	return (rx_store_insert_counted(s->store, table_of(w->r.type), v, st));
}

rx_err
rx_row_insert(struct rx_session *s, struct rx_case *c,
    const struct rx_record *r, struct rx_status *st)
{
	uint8_t tag[RX_ID_BYTES];
	struct rx_sealing w;
	rx_err rc;

	rx_sealing_init(&w);
	if ((rc = rx_tag(s, r->unit, r->type, rx_record_text(r,
	    RX_F_CALLER_ID), tag, st)) == RX_OK &&
	    (rc = rx_sealing_gather(&w, s, c, r, tag, st)) == RX_OK &&
	    (rc = rx_sealing_seal(&w, s, st)) == RX_OK)
		rc = rx_sealing_insert(&w, s, st);
	rx_sealing_free(&w);
	return (rc);
}

/* ---- reading ---- */

/* The case key of compartment ${k} for the epoch in the header of ${box}. */
static rx_err
read_key(struct rx_session *s, const struct rx_case *c,
    const struct rx_record *r, size_t k, const uint8_t *box, size_t n,
    const struct rx_key **key, struct rx_status *st)
{
	const uint32_t epoch = rx_envelope_epoch(box, n);
	const struct rx_case_epoch *e;

	*key = NULL;
	if (c == NULL)
		return (rx_unit_key(s, r->unit, RX_COMP_CODED, epoch, key,
		    NULL, st));
	if ((e = rx_case_of_epoch(c, epoch)) == NULL)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	*key = e->key[k];	/* NULL: not ours to open */
	return (RX_OK);
}

/* Open one box of the row into ${out}, with *key; NULL without one. */
static rx_err
box_open(struct rx_session *s, const struct rx_case *c,
    const struct rx_record *r, size_t k, enum rx_table table, uint32_t column,
    const struct rx_cursor *cur, struct rx_buf *out, const struct rx_key **key,
    struct rx_status *st)
{
	struct rx_place place;
	const uint8_t *box;
	size_t n;
	rx_err rc;

	box = rx_col_bytes(cur, (int)column, &n);
	if ((rc = read_key(s, c, r, k, box, n, key, st)) != RX_OK ||
	    *key == NULL)
		return (rc);
	rx_place_init(&place, s, r->unit, r->id, r->child, table, column,
	    r->version);
	rx_buf_reset(out);
	return (rx_field_open(out, box, n, *key, rx_case_comp[k], &place,
	    st));
}

static int
tag_column(enum rx_table table)
{

	return (table == RX_TABLE_RECORD ? RECORD_TAG : ROW_TAG);
}

static uint32_t
coded_column(enum rx_table table)
{

	return (table == RX_TABLE_CHILD ? CHILD_CODED :
	    table == RX_TABLE_RECORD ? RECORD_CODED : ACTIVITY_CODED);
}

/* How many bytes of the opened coded box stand before the fields. */
static size_t
fields_at(const struct rx_buf *plain)
{

	return (SIGNED_HEAD + (plain->len > 1 && plain->b[1] & HAS_PATH ?
	    RX_LOT_PATH_BYTES : 0));
}

/* Whether the signature of the box ${plain}, opened with ${key}, is the author's
 * over ${message}, or over a lot that has it. */
static bool
author_signed(const struct rx_session *s, const struct rx_record *r,
    const struct rx_buf *plain, const struct rx_key *key,
    const uint8_t message[SIGNED_BYTES])
{
	uint8_t leaf[RX_HASH_BYTES], root[RX_HASH_BYTES];
	const uint8_t *sig = plain->b + HEAD_BYTES;

	if ((plain->b[1] & HAS_PATH) == 0)
		return (rx_member_signed(s, r->author, r->at, sig, SIGN_LABEL,
		    message, SIGNED_BYTES));
	rx_lot_leaf(leaf, key, message, SIGNED_BYTES);
	return (rx_lot_root(root, leaf, plain->b + SIGNED_HEAD) &&
	    rx_member_signed(s, r->author, r->at, sig, RX_LOT_LABEL, root,
	    sizeof(root)));
}

/* Check the author's signature over the coded box ${plain}, opened with ${key}. */
static rx_err
row_verify(struct rx_session *s, const struct rx_record *r,
    const struct rx_cursor *cur, enum rx_table table,
    const struct rx_buf *plain, const struct rx_key *key, struct rx_status *st)
{
	const int from = table == RX_TABLE_CHILD ? CHILD_NAME :
	    RECORD_NARRATIVE;
	const int to = table == RX_TABLE_CHILD ? CHILD_CODED :
	    table == RX_TABLE_RECORD ? RECORD_COLUMNS : from;
	const size_t at = fields_at(plain);
	struct rx_buf boxes = RX_BUF_INIT;
	uint8_t message[SIGNED_BYTES];
	const void *p;
	size_t n;
	int col;
	rx_err rc = RX_OK;

	for (col = from; col < to && rc == RX_OK; col++) {
		p = rx_col_bytes(cur, col, &n);
		rc = rx_buf_add(&boxes, p, n, st);
	}
	if (rc == RX_OK) {
		signed_bytes(message, s, r, plain->b, plain->b + at,
		    plain->len - at, &boxes);
		if (!rx_author_may(s, r->author, r->type, r->unit, r->at) ||
		    !author_signed(s, r, plain, key, message))
			rc = rx_fail(st, RX_ECORRUPT,
			    RX_MSG_SIGNATURE_CORRUPT);
	}
	rx_buf_free(&boxes);
	return (rc);
}

/* The key to verify the tag of ${r} with; NULL when it cannot be. */
static rx_err
tag_reader(struct rx_session *s, const struct rx_case *c,
    const struct rx_record *r, const struct rx_key **key,
    struct rx_status *st)
{
	struct rx_status why;
	rx_err rc;

	*key = NULL;
	/* It finds nothing for whoever has not the key of the row's unit: the
	 * case has left it, or is offered to a reader of another one. */
	if (c != NULL && (rx_entitled(s, rx_member_first(s, s->user_id),
	    r->unit) & RX_BIT(RX_COMP_CODED)) == 0)
		return (RX_OK);
	rx_status_clear(&why);
	rc = tag_key(s, r->unit, key, &why);
	if (rc == RX_EPERM && c != NULL)
		return (RX_OK);		/* entitled, and still to come */
	if (rc != RX_OK)
		*st = why;
	return (rc);
}

/* The blind index stands outside the seal; it must be that of the caller's id
 * inside, lest an exchanged one send a record into another child's file. */
static rx_err
tag_verify(const struct rx_key *key, const struct rx_record *r,
    const uint8_t *stored, size_t n, struct rx_status *st)
{
	uint8_t tag[RX_ID_BYTES];
	rx_err rc;

	if (key == NULL)
		return (RX_OK);
	if ((rc = tag_make(tag, key, r->type, rx_record_text(r,
	    RX_F_CALLER_ID), st)) != RX_OK)
		return (rc);
	if (n != sizeof(tag) || !rx_equal(stored, tag, sizeof(tag)))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	return (RX_OK);
}

/* What the opened coded box ${plain} of a row of ${table} says, into ${r}. */
static rx_err
coded_read(struct rx_record *r, enum rx_table table,
    const struct rx_buf *plain, struct rx_status *st)
{
	const size_t at = fields_at(plain);

	if (plain->len < at || plain->b[0] == 0 ||
	    plain->b[0] >= RX_TYPE_COUNT ||
	    plain->b[1] > (HAS_NARRATIVE | HAS_PATH) ||
	    table_of((enum rx_type)plain->b[0]) != table)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	r->type = (enum rx_type)plain->b[0];
	memcpy(r->author, plain->b + 2, RX_ID_BYTES);
	r->at = (int64_t)rx_get64(plain->b + 18);
	return (rx_record_decode(r, RX_COMP_CODED, plain->b + at,
	    plain->len - at, st));
}

/* The first ${n} identity fields of a child. */
static rx_err
identity_open(struct rx_session *s, struct rx_case *c,
    const struct rx_cursor *cur, size_t n, struct rx_buf *plain,
    struct rx_record *r, struct rx_status *st)
{
	const struct rx_key *key;
	size_t k;
	rx_err rc;

	for (k = 0; k < n; k++) {
		if ((rc = box_open(s, c, r, 0, RX_TABLE_CHILD,
		    (uint32_t)(CHILD_NAME + k), cur, plain, &key, st)) !=
		    RX_OK || key == NULL)
			return (rc);
		r->identity = true;
		if (plain->len > 0 && (rc = rx_record_set_text(r,
		    identity_field[k], (const char *)plain->b, plain->len,
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* The clear columns of the row. */
static rx_err
row_clear(const struct rx_cursor *cur, enum rx_table table,
    struct rx_record *r, struct rx_status *st)
{
	const void *p;
	size_t n;
	int col = 2;

	rx_record_reset(r);
	if ((p = rx_col_bytes(cur, 0, &n)) == NULL || n != RX_ID_BYTES)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	memcpy(r->id, p, RX_ID_BYTES);
	r->version = (uint32_t)rx_col_int(cur, 1);
	memset(r->child, 0, RX_ID_BYTES);
	if (table == RX_TABLE_CHILD)
		memcpy(r->child, r->id, RX_ID_BYTES);
	if (table == RX_TABLE_RECORD) {
		if ((p = rx_col_bytes(cur, col++, &n)) == NULL ||
		    n != RX_ID_BYTES)
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_SEALED_CORRUPT));
		memcpy(r->child, p, RX_ID_BYTES);
	}
	rx_unit_set(r->unit, rx_col_text(cur, col));
	return (RX_OK);
}

rx_err
rx_row_open(struct rx_session *s, struct rx_case *c,
    const struct rx_cursor *cur, enum rx_table table, unsigned comps,
    bool verify, struct rx_record *r, struct rx_status *st)
{
	const uint32_t column = coded_column(table);
	struct rx_buf plain = RX_BUF_INIT;
	const struct rx_key *key, *reader;
	const uint8_t *box;
	bool narrative;
	size_t n;
	rx_err rc;

	if ((rc = row_clear(cur, table, r, st)) != RX_OK)
		return (rc);
	box = rx_col_bytes(cur, (int)column, &n);
	r->epoch = rx_envelope_epoch(box, n);
	if ((rc = box_open(s, c, r, 2, table, column, cur, &plain, &key,
	    st)) != RX_OK)
		goto done;
	if (key == NULL) {
		rc = rx_fail(st, RX_EPERM, RX_MSG_CASE_CLOSED);
		goto done;
	}
	if ((rc = coded_read(r, table, &plain, st)) != RX_OK)
		goto done;
	narrative = (plain.b[1] & HAS_NARRATIVE) != 0;
	box = rx_col_bytes(cur, tag_column(table), &n);
	if ((rc = tag_reader(s, c, r, &reader, st)) != RX_OK ||
	    (rc = tag_verify(reader, r, box, n, st)) != RX_OK)
		goto done;
	if (verify && (rc = row_verify(s, r, cur, table, &plain, key, st)) !=
	    RX_OK)
		goto done;
	if (table == RX_TABLE_CHILD &&
	    (comps & RX_BIT(RX_COMP_IDENTITY)) != 0)
		rc = identity_open(s, c, cur, RX_IDENTITY_BOXES, &plain, r,
		    st);
	if (table == RX_TABLE_RECORD &&
	    (comps & RX_BIT(RX_COMP_NARRATIVE)) != 0 && narrative) {
		rc = box_open(s, c, r, 1, table, RECORD_NARRATIVE, cur, &plain,
		    &key, st);
		if (rc == RX_OK && key != NULL) {
			r->narrative = true;
			rc = rx_record_decode(r, RX_COMP_NARRATIVE, plain.b,
			    plain.len, st);
		}
	}
done:
	rx_buf_free(&plain);
	return (rc);
}

void
rx_opening_free(struct rx_opening *w)
{

	rx_record_free(&w->r);
	rx_buf_free(&w->box);
	rx_buf_free(&w->plain);
}

rx_err
rx_opening_row(struct rx_opening *w, enum rx_table table,
    const struct rx_cursor *cur, struct rx_status *st)
{

	w->table = table;
	return (row_clear(cur, table, &w->r, st));
}

rx_err
rx_opening_gather(struct rx_opening *w, struct rx_session *s,
    const struct rx_case *c, const struct rx_cursor *cur, struct rx_status *st)
{
	const uint8_t *p;
	size_t n;
	rx_err rc;

	p = rx_col_bytes(cur, (int)coded_column(w->table), &n);
	w->r.epoch = rx_envelope_epoch(p, n);
	w->box.len = 0;		/* it is sealed: nothing to wipe */
	if ((rc = read_key(s, c, &w->r, 2, p, n, &w->key, st)) != RX_OK ||
	    (rc = rx_buf_add(&w->box, p, n, st)) != RX_OK)
		return (rc);
	return (w->key != NULL ? RX_OK : rx_fail(st, RX_EPERM,
	    RX_MSG_CASE_CLOSED));
}

rx_err
rx_opening_open(struct rx_opening *w, const struct rx_session *s,
    struct rx_status *st)
{
	struct rx_place place;
	rx_err rc;

	rx_place_init(&place, s, w->r.unit, w->r.id, w->r.child, w->table,
	    coded_column(w->table), w->r.version);
	rx_buf_reset(&w->plain);
	if ((rc = rx_field_open_id(&w->plain, w->box.b, w->box.len, w->key,
	    w->key_id, RX_COMP_CODED, &place, st)) != RX_OK)
		return (rc);
	return (coded_read(&w->r, w->table, &w->plain, st));
}

rx_err
rx_child_open(struct rx_session *s, struct rx_case *c, unsigned comps,
    bool verify, struct rx_record *r, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_CHILD, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK)
		rc = row ? rx_row_open(s, c, cur, RX_TABLE_CHILD, comps,
		    verify, r, st) :
		    rx_fail(st, RX_ENOENT, RX_MSG_CHILD_UNKNOWN);
	rx_query_close(cur);
	return (rc);
}

rx_err
rx_child_name_open(struct rx_session *s, struct rx_case *c, bool number,
    struct rx_record *r, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	struct rx_buf plain = RX_BUF_INIT;
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_CHILD_NAME, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK) {
		if (row && r->version == (uint32_t)rx_col_int(cur, 1))
			rc = identity_open(s, c, cur, number ? 2 : 1, &plain,
			    r, st);
		else
			rc = rx_fail(st, RX_ENOENT, RX_MSG_CHILD_UNKNOWN);
	}
	rx_query_close(cur);
	rx_buf_free(&plain);
	return (rc);
}
