#include "register/internal.h"

/*
 * From a record to a row of the store and back.
 *
 * The coded box holds: type 1 || what 1 (bit 0: there is a narrative) ||
 * author 16 || recorded at, ms 8 || signature 64 || the coded fields
 * (register/record.h).  The narrative box holds the narrative fields, padded
 * the same whether there are any or not; each identity field has a box of its
 * own.  The author's Ed25519 signature is over "runxin record v1\0" ||
 *   store 16 || table 4 || id 16 || version 4 || child 16 || unit 16 ||
 *   the 26 bytes before the signature ||
 *   BLAKE2b-256("runxin record coded v1\0" || coded fields) ||
 *   BLAKE2b-256("runxin record boxes v1\0" || the other boxes of the row).
 */

#define HEAD_BYTES 26
#define SIGNED_HEAD (HEAD_BYTES + RX_SIGNATURE_BYTES)
#define SIGN_LABEL "runxin record v1"
#define SIGNED_BYTES (16 + 4 + 16 + 4 + 16 + 16 + HEAD_BYTES + 32 + 32)

/* Columns, as in schema/content-001.sql. */
enum {
	CHILD_NAME = 4, CHILD_CODED = 11, CHILD_COLUMNS = 12,
	ROW_TAG = 3, RECORD_TAG = 4,	/* of child and activity; of record */
	RECORD_CODED = 5, RECORD_NARRATIVE = 6, RECORD_COLUMNS = 7,
	ACTIVITY_CODED = 4, ACTIVITY_COLUMNS = 5
};

static const enum rx_field identity_field[7] = {
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

rx_err
rx_tag(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    enum rx_type type, const char *caller_id, uint8_t tag[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_buf b = RX_BUF_INIT;
	const struct rx_key *key;
	const uint8_t t = (uint8_t)type;
	rx_err rc;

	/* The first epoch: a tag must not change when keys do. */
	if ((rc = rx_unit_key(s, unit, RX_COMP_CODED, 1, &key, NULL, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_buf_add(&b, &t, 1, st)) == RX_OK &&
	    (rc = rx_buf_add(&b, caller_id, strlen(caller_id), st)) == RX_OK)
		rx_hash(tag, RX_ID_BYTES, key->b, "runxin tag v1", b.b, b.len);
	rx_buf_free(&b);
	return (rc);
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

/* The key of compartment ${k} (0 I, 1 N, 2 C) for writing, and its epoch. */
static rx_err
write_key(struct rx_session *s, const struct rx_case *c,
    const struct rx_record *r, size_t k, const struct rx_key **key,
    uint32_t *epoch, struct rx_status *st)
{

	if (c == NULL)
		return (rx_unit_key(s, r->unit, RX_COMP_CODED, 0, key, epoch,
		    st));
	*key = c->e[c->n - 1].key[k];
	*epoch = c->e[c->n - 1].epoch;
	if (*key == NULL)
		return (rx_fail(st, RX_EPERM, RX_MSG_CASE_CLOSED));
	return (RX_OK);
}

/* Seal the identity boxes of a child, one after the other; ${end} gets where
 * each ends. */
static rx_err
identity_seal(struct rx_buf *boxes, size_t end[7], struct rx_session *s,
    struct rx_case *c, const struct rx_record *r, struct rx_status *st)
{
	const struct rx_key *key;
	struct rx_place place;
	const char *text;
	uint32_t epoch;
	size_t k;
	rx_err rc;

	if ((rc = write_key(s, c, r, 0, &key, &epoch, st)) != RX_OK)
		return (rc);
	for (k = 0; k < 7; k++) {
		text = rx_record_text(r, identity_field[k]);
		rx_place_init(&place, s, r->unit, r->id, r->child,
		    RX_TABLE_CHILD, (uint32_t)(CHILD_NAME + k), r->version);
		if ((rc = rx_field_seal(boxes, key, RX_COMP_IDENTITY, epoch,
		    &place, identity_pad(k), text, strlen(text), st)) != RX_OK)
			return (rc);
		end[k] = boxes->len;
	}
	return (RX_OK);
}

/* Seal the narrative of a record. */
static rx_err
narrative_seal(struct rx_buf *boxes, const struct rx_buf *plain,
    struct rx_session *s, struct rx_case *c, const struct rx_record *r,
    struct rx_status *st)
{
	const struct rx_key *key;
	struct rx_place place;
	uint32_t epoch;
	rx_err rc;

	if ((rc = write_key(s, c, r, 1, &key, &epoch, st)) != RX_OK)
		return (rc);
	rx_place_init(&place, s, r->unit, r->id, r->child, RX_TABLE_RECORD,
	    RECORD_NARRATIVE, r->version);
	return (rx_field_seal(boxes, key, RX_COMP_NARRATIVE, epoch, &place,
	    RX_PAD_NOTE, plain->b, plain->len, st));
}

/* Seal head, signature and coded fields into ${box}. */
static rx_err
coded_seal(struct rx_buf *box, struct rx_session *s, struct rx_case *c,
    const struct rx_record *r, bool narrative, const struct rx_buf *boxes,
    struct rx_status *st)
{
	struct rx_buf plain = RX_BUF_INIT;
	uint8_t message[SIGNED_BYTES], *head;
	const struct rx_key *key;
	struct rx_place place;
	uint32_t epoch;
	rx_err rc;

	if ((rc = rx_buf_extend(&plain, SIGNED_HEAD, &head, st)) != RX_OK ||
	    (rc = rx_record_encode(&plain, r, RX_COMP_CODED, st)) != RX_OK ||
	    (rc = write_key(s, c, r, 2, &key, &epoch, st)) != RX_OK)
		goto done;
	head = plain.b;
	head[0] = (uint8_t)r->type;
	head[1] = narrative ? 1 : 0;
	memcpy(head + 2, r->author, RX_ID_BYTES);
	rx_put64(head + 18, (uint64_t)r->at);
	signed_bytes(message, s, r, head, plain.b + SIGNED_HEAD,
	    plain.len - SIGNED_HEAD, boxes);
	rx_sign(head + HEAD_BYTES, s->id->sign_secret, SIGN_LABEL, message,
	    sizeof(message));
	rx_place_init(&place, s, r->unit, r->id, r->child, table_of(r->type),
	    r->type == RX_CHILD ? CHILD_CODED : r->type == RX_ACTIVITY ?
	    ACTIVITY_CODED : RECORD_CODED, r->version);
	rc = rx_field_seal(box, key, RX_COMP_CODED, epoch, &place,
	    RX_PAD_CODED, plain.b, plain.len, st);
done:
	rx_buf_free(&plain);
	return (rc);
}

rx_err
rx_row_insert(struct rx_session *s, struct rx_case *c,
    const struct rx_record *r, struct rx_status *st)
{
	struct rx_buf boxes = RX_BUF_INIT, coded = RX_BUF_INIT;
	struct rx_buf narrative = RX_BUF_INIT;
	struct rx_value v[CHILD_COLUMNS];
	uint8_t tag[RX_ID_BYTES];
	size_t end[7] = { 0 }, k, col = 2;
	rx_err rc;

	if ((rc = rx_tag(s, r->unit, r->type,
	    rx_record_text(r, RX_F_CALLER_ID), tag, st)) != RX_OK)
		goto done;
	if (r->type == RX_CHILD)
		rc = identity_seal(&boxes, end, s, c, r, st);
	else if (r->type != RX_ACTIVITY &&
	    (rc = rx_record_encode(&narrative, r, RX_COMP_NARRATIVE, st)) ==
	    RX_OK)
		rc = narrative_seal(&boxes, &narrative, s, c, r, st);
	if (rc != RX_OK || (rc = coded_seal(&coded, s, c, r,
	    narrative.len > 0, &boxes, st)) != RX_OK)
		goto done;
	v[0] = rx_bytes(r->id, RX_ID_BYTES);
	v[1] = rx_int(r->version);
	if (table_of(r->type) == RX_TABLE_RECORD)
		v[col++] = rx_bytes(r->child, RX_ID_BYTES);
	v[col++] = rx_text(r->unit);
	v[col++] = rx_bytes(tag, RX_ID_BYTES);
	if (r->type == RX_CHILD)
		for (k = 0; k < 7; k++)
			v[col++] = rx_bytes(boxes.b + (k == 0 ? 0 : end[k - 1]),
			    end[k] - (k == 0 ? 0 : end[k - 1]));
	v[col++] = rx_bytes(coded.b, coded.len);
	if (table_of(r->type) == RX_TABLE_RECORD)
		v[col++] = rx_bytes(boxes.b, boxes.len);
	rc = rx_store_insert(s->store, table_of(r->type), v, st);
done:
	rx_buf_free(&narrative);
	rx_buf_free(&boxes);
	rx_buf_free(&coded);
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
	size_t i;

	*key = NULL;
	if (c == NULL)
		return (rx_unit_key(s, r->unit, RX_COMP_CODED, epoch, key,
		    NULL, st));
	for (i = 0; i < c->n; i++)
		if (c->e[i].epoch == epoch && c->e[i].key[k] != NULL) {
			*key = c->e[i].key[k];
			return (RX_OK);
		}
	for (i = 0; i < c->n; i++)
		if (c->e[i].epoch == epoch)
			return (RX_OK);	/* not ours to open */
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
}

/* Open one box of the row into ${out}; *opened is false without a key. */
static rx_err
box_open(struct rx_session *s, const struct rx_case *c,
    const struct rx_record *r, size_t k, enum rx_table table, uint32_t column,
    const struct rx_cursor *cur, struct rx_buf *out, bool *opened,
    struct rx_status *st)
{
	static const enum rx_compartment comp[3] = {
		RX_COMP_IDENTITY, RX_COMP_NARRATIVE, RX_COMP_CODED
	};
	const struct rx_key *key;
	struct rx_place place;
	const uint8_t *box;
	size_t n;
	rx_err rc;

	*opened = false;
	box = rx_col_bytes(cur, (int)column, &n);
	if ((rc = read_key(s, c, r, k, box, n, &key, st)) != RX_OK ||
	    key == NULL)
		return (rc);
	rx_place_init(&place, s, r->unit, r->id, r->child, table, column,
	    r->version);
	rx_buf_reset(out);
	*opened = true;
	return (rx_field_open(out, box, n, key, comp[k], &place, st));
}

/* Check the author's signature over the opened coded box ${plain}. */
static rx_err
row_verify(struct rx_session *s, const struct rx_record *r,
    const struct rx_cursor *cur, enum rx_table table,
    const struct rx_buf *plain, struct rx_status *st)
{
	const int from = table == RX_TABLE_CHILD ? CHILD_NAME :
	    RECORD_NARRATIVE;
	const int to = table == RX_TABLE_CHILD ? CHILD_CODED :
	    table == RX_TABLE_RECORD ? RECORD_COLUMNS : from;
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
		signed_bytes(message, s, r, plain->b, plain->b + SIGNED_HEAD,
		    plain->len - SIGNED_HEAD, &boxes);
		if (!rx_author_may(s, r->author, r->type, r->unit, r->at) ||
		    !rx_member_signed(s, r->author, r->at, plain->b + HEAD_BYTES,
		    SIGN_LABEL, message, sizeof(message)))
			rc = rx_fail(st, RX_ECORRUPT,
			    RX_MSG_SIGNATURE_CORRUPT);
	}
	rx_buf_free(&boxes);
	return (rc);
}

/* The blind index stands outside the seal; it must be that of the caller's id
 * inside, lest an exchanged one send a record into another child's file. */
static rx_err
tag_verify(struct rx_session *s, const struct rx_case *c,
    const struct rx_record *r, const struct rx_cursor *cur,
    enum rx_table table, struct rx_status *st)
{
	const int col = table == RX_TABLE_RECORD ? RECORD_TAG : ROW_TAG;
	uint8_t tag[RX_ID_BYTES];
	struct rx_status why;
	const void *p;
	size_t n;
	rx_err rc;

	/* It finds nothing for whoever has not the key of the row's unit: the
	 * case has left it, or is offered to a reader of another one. */
	if (c != NULL && (rx_entitled(s, rx_member_first(s, s->user_id),
	    r->unit) & RX_BIT(RX_COMP_CODED)) == 0)
		return (RX_OK);
	rx_status_clear(&why);
	rc = rx_tag(s, r->unit, r->type, rx_record_text(r, RX_F_CALLER_ID),
	    tag, &why);
	if (rc == RX_EPERM && c != NULL)
		return (RX_OK);		/* entitled, and still to come */
	if (rc != RX_OK) {
		*st = why;
		return (rc);
	}
	p = rx_col_bytes(cur, col, &n);
	if (n != sizeof(tag) || !rx_equal(p, tag, sizeof(tag)))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	return (RX_OK);
}

/* The seven identity fields of a child. */
static rx_err
identity_open(struct rx_session *s, struct rx_case *c,
    const struct rx_cursor *cur, struct rx_buf *plain, struct rx_record *r,
    struct rx_status *st)
{
	bool opened = false;
	size_t k;
	rx_err rc;

	for (k = 0; k < 7; k++) {
		if ((rc = box_open(s, c, r, 0, RX_TABLE_CHILD,
		    (uint32_t)(CHILD_NAME + k), cur, plain, &opened, st)) !=
		    RX_OK || !opened)
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
	const uint32_t column = table == RX_TABLE_CHILD ? CHILD_CODED :
	    table == RX_TABLE_RECORD ? RECORD_CODED : ACTIVITY_CODED;
	struct rx_buf plain = RX_BUF_INIT;
	bool opened = false, narrative;
	const uint8_t *box;
	size_t n;
	rx_err rc;

	if ((rc = row_clear(cur, table, r, st)) != RX_OK)
		return (rc);
	box = rx_col_bytes(cur, (int)column, &n);
	r->epoch = rx_envelope_epoch(box, n);
	if ((rc = box_open(s, c, r, 2, table, column, cur, &plain, &opened,
	    st)) != RX_OK)
		goto done;
	if (!opened) {
		rc = rx_fail(st, RX_EPERM, RX_MSG_CASE_CLOSED);
		goto done;
	}
	if (plain.len < SIGNED_HEAD || plain.b[0] == 0 ||
	    plain.b[0] >= RX_TYPE_COUNT ||
	    table_of((enum rx_type)plain.b[0]) != table) {
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
		goto done;
	}
	r->type = (enum rx_type)plain.b[0];
	narrative = plain.b[1] == 1;
	memcpy(r->author, plain.b + 2, RX_ID_BYTES);
	r->at = (int64_t)rx_get64(plain.b + 18);
	if ((rc = rx_record_decode(r, RX_COMP_CODED, plain.b + SIGNED_HEAD,
	    plain.len - SIGNED_HEAD, st)) != RX_OK)
		goto done;
	if ((rc = tag_verify(s, c, r, cur, table, st)) != RX_OK)
		goto done;
	if (verify && (rc = row_verify(s, r, cur, table, &plain, st)) != RX_OK)
		goto done;
	if (table == RX_TABLE_CHILD &&
	    (comps & RX_BIT(RX_COMP_IDENTITY)) != 0)
		rc = identity_open(s, c, cur, &plain, r, st);
	if (table == RX_TABLE_RECORD &&
	    (comps & RX_BIT(RX_COMP_NARRATIVE)) != 0 && narrative) {
		rc = box_open(s, c, r, 1, table, RECORD_NARRATIVE, cur, &plain,
		    &opened, st);
		if (rc == RX_OK && opened) {
			r->narrative = true;
			rc = rx_record_decode(r, RX_COMP_NARRATIVE, plain.b,
			    plain.len, st);
		}
	}
done:
	rx_buf_free(&plain);
	return (rc);
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
