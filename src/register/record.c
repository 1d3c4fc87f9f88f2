#include <string.h>

#include "crypto/memory.h"
#include "register/record.h"

#define TEXT_CHARS 256			/* characters of a text */
#define UTF8_MAX 4			/* bytes of a character */
#define NOTE_BYTES (64u * 1024)
#define FEN_MAX INT64_C(10000000000000)
#define COUNT_MAX 1000
#define HEAD 4				/* tag 1 || length 3 */
#define LENGTH_MAX 0xffffffu

/* The dates and months of 1900..2999, which are all that base/date.h knows. */
#define DATE_MIN (-25567)
#define DATE_MAX 376199
#define MONTH_MIN (1900 * 12)
#define MONTH_MAX (2999 * 12 + 11)

/*
 * In v[]: a text has its bytes (and a NUL after them) at off, n of them; a list
 * has n elements of 8 or 16 bytes at off.  v[].i of a REF or REFS is the number
 * of bytes of the caller's texts, their NULs too, while they are not resolved;
 * 0 once they are.
 */

const struct rx_field_info rx_fields[RX_FIELD_COUNT] = {
#define FIELD(name, tag, key, kind, list, comp, may, must) \
	{ tag, key, kind, list, comp, may, must, RX_MSG_LABEL_##name },
#include "register/record.def"
#undef FIELD
};

/* Field + 1 by tag; 0 where there is none. */
static const uint8_t field_of_tag[256] = {
#define FIELD(name, tag, key, kind, list, comp, may, must) \
	[tag] = RX_F_##name + 1,
#include "register/record.def"
#undef FIELD
};

static const char *const type_keys[RX_TYPE_COUNT] = {
	"", "child", "observation", "intervention", "activity", "flag",
	"review", "report", "consent"
};

const char *
rx_type_key(enum rx_type type)
{

	return ((unsigned)type < RX_TYPE_COUNT ? type_keys[type] : "");
}

static const enum rx_msg type_labels[RX_TYPE_COUNT] = {
	[RX_CHILD] = RX_MSG_CLI_TYPE_CHILD,
	[RX_OBSERVATION] = RX_MSG_CLI_TYPE_OBSERVATION,
	[RX_INTERVENTION] = RX_MSG_CLI_TYPE_INTERVENTION,
	[RX_ACTIVITY] = RX_MSG_CLI_TYPE_ACTIVITY,
	[RX_FLAG] = RX_MSG_CLI_TYPE_FLAG,
	[RX_REVIEW] = RX_MSG_CLI_TYPE_REVIEW,
	[RX_REPORT] = RX_MSG_CLI_TYPE_REPORT,
	[RX_CONSENT] = RX_MSG_CLI_TYPE_CONSENT
};

enum rx_msg
rx_type_label(enum rx_type type)
{

	return ((unsigned)type < RX_TYPE_COUNT ? type_labels[type] :
	    RX_MSG_NONE);
}

void
rx_record_init(struct rx_record *r)
{

	memset(r, 0, sizeof(*r));
}

void
rx_record_reset(struct rx_record *r)
{
	struct rx_buf data = r->data;

	rx_buf_reset(&data);
	rx_wipe(r, sizeof(*r));
	r->data = data;
}

void
rx_record_free(struct rx_record *r)
{

	rx_buf_free(&r->data);
	rx_wipe(r, sizeof(*r));
}

/* ---- kinds ---- */

static bool
is_text(enum rx_kind k)
{

	return (k == RX_K_TEXT || k == RX_K_NOTE);
}

static bool
is_int(enum rx_kind k)
{

	return (k == RX_K_CODE || k == RX_K_DATE || k == RX_K_MONTH ||
	    k == RX_K_BOOL || k == RX_K_FEN || k == RX_K_COUNT);
}

static bool
is_ref(enum rx_kind k)
{

	return (k == RX_K_REF || k == RX_K_REFS);
}

static bool
is_ids(enum rx_kind k)
{

	return (k == RX_K_ID || k == RX_K_IDS || is_ref(k));
}

bool
rx_kind_takes(enum rx_kind k, int64_t v)
{

	switch (k) {
	case RX_K_CODE:
	case RX_K_CODES:
		return (v >= 1 && v <= UINT16_MAX);
	case RX_K_BOOL:
		return (v == 0 || v == 1);
	case RX_K_FEN:
		return (v >= 0 && v <= FEN_MAX);
	case RX_K_COUNT:
		return (v >= 1 && v <= COUNT_MAX);
	case RX_K_DATE:
		return (v >= DATE_MIN && v <= DATE_MAX);
	case RX_K_MONTH:
		return (v >= MONTH_MIN && v <= MONTH_MAX);
	default:
		return (false);
	}
}

static rx_err
bug(const char *what, const char *where, struct rx_status *st)
{
	rx_err rc = rx_fail_at(st, RX_EINTERNAL, RX_MSG_INTERNAL, where);

	rx_status_arg(st, "what", "%s", what);
	return (rc);
}

/* ---- reading ---- */

int64_t
rx_record_int(const struct rx_record *r, enum rx_field f)
{

	return (r->v[f].set && is_int(rx_fields[f].kind) ? r->v[f].i : 0);
}

/* The text of ${f}, the 16 bytes of a unit, or the caller's texts of
 * references that are not resolved; it moves when ${r} is written. */
const char *
rx_record_text(const struct rx_record *r, enum rx_field f)
{
	enum rx_kind k = rx_fields[f].kind;

	if (!r->v[f].set || !(is_text(k) || k == RX_K_UNIT ||
	    (is_ref(k) && r->v[f].i > 0)))
		return ("");
	return ((const char *)r->data.b + r->v[f].off);
}

int64_t
rx_record_item(const struct rx_record *r, enum rx_field f, size_t k)
{

	if (!r->v[f].set || rx_fields[f].kind != RX_K_CODES || k >= r->v[f].n)
		return (0);
	return ((int64_t)rx_get64(r->data.b + r->v[f].off + 8 * k));
}

const uint8_t *
rx_record_id(const struct rx_record *r, enum rx_field f, size_t k)
{

	if (!r->v[f].set || !is_ids(rx_fields[f].kind) || r->v[f].i != 0 ||
	    k >= r->v[f].n)
		return (NULL);
	return (r->data.b + r->v[f].off + RX_ID_BYTES * k);
}

bool
rx_record_has(const struct rx_record *r, enum rx_field f, int64_t item)
{
	size_t k;

	if (!r->v[f].set || rx_fields[f].kind != RX_K_CODES)
		return (false);
	for (k = 0; k < r->v[f].n; k++) {
		if (rx_record_item(r, f, k) == item)
			return (true);
	}
	return (false);
}

/* ---- writing ---- */

rx_err
rx_record_set_int(struct rx_record *r, enum rx_field f, int64_t v,
    struct rx_status *st)
{

	if (!is_int(rx_fields[f].kind) || !rx_kind_takes(rx_fields[f].kind, v))
		return (bug(rx_fields[f].key, __func__, st));
	r->v[f].set = true;
	r->v[f].i = v;
	return (RX_OK);
}

/* Put ${n} bytes, no more than LENGTH_MAX, and ${nul} zeros at the end of the data
 * as the field ${f}. */
static rx_err
put(struct rx_record *r, enum rx_field f, const void *p, size_t n, size_t nul,
    struct rx_status *st)
{
	size_t off = r->data.len;
	uint8_t *to;
	rx_err rc;

	if ((rc = rx_buf_extend(&r->data, n + nul, &to, st)) != RX_OK)
		return (rc);
	if (n > 0)
		memcpy(to, p, n);
	r->v[f].set = true;
	r->v[f].i = 0;
	r->v[f].off = off;
	r->v[f].n = n;
	return (RX_OK);
}

/* Whether the valid UTF-8 ${s} has a control character (Unicode's Cc); a note
 * may have lines and tabs. */
static bool
has_control(const char *s, size_t n, bool note)
{
	size_t i;
	uint8_t c;

	for (i = 0; i < n; i++) {
		c = (uint8_t)s[i];
		if (note && (c == '\n' || c == '\t'))
			continue;
		if (c < 0x20 || c == 0x7f ||
		    (c == 0xc2 && i + 1 < n && (uint8_t)s[i + 1] < 0xa0))
			return (true);
	}
	return (false);
}

/**
 * text_check(f, s, n, st):
 * RX_EUSAGE unless the ${n} bytes ${s} may stand in the field ${f}: UTF-8, no
 * longer than its kind allows, no control characters.  The message names the
 * key only: the text may be personal.
 */
static rx_err
text_check(enum rx_field f, const char *s, size_t n, struct rx_status *st)
{
	bool note = rx_fields[f].kind == RX_K_NOTE;
	enum rx_msg msg;
	rx_err rc;

	if (note && n > NOTE_BYTES)
		msg = RX_MSG_NOTE_TOO_LONG;
	else if (!rx_utf8_valid(s, n))
		msg = RX_MSG_FIELD_NOT_UTF8;
	else if (!note && (n > TEXT_CHARS * UTF8_MAX ||
	    rx_utf8_count(s, n) > TEXT_CHARS))
		msg = RX_MSG_FIELD_TOO_LONG;
	else if (has_control(s, n, note))
		msg = RX_MSG_FIELD_CONTROL;
	else
		return (RX_OK);
	rc = rx_fail(st, RX_EUSAGE, msg);
	rx_status_arg(st, "key", "%s", rx_fields[f].key);
	return (rc);
}

/**
 * rx_record_set_text(r, f, s, n, st):
 * Make the ${n} bytes ${s}, which must not lie in ${r}, the text of ${f}, with
 * the checks that input gets (RX_EUSAGE); a unit must be the 16 bytes of one.
 * A REF takes the caller's id of the record that it refers to, and REFS become
 * a list of one such id.
 */
rx_err
rx_record_set_text(struct rx_record *r, enum rx_field f, const char *s,
    size_t n, struct rx_status *st)
{
	enum rx_kind k = rx_fields[f].kind;
	rx_err rc;

	if (k == RX_K_UNIT && n == RX_UNIT_BYTES && rx_unit_covers(s, s))
		return (put(r, f, s, n, 0, st));
	if (!is_text(k) && !is_ref(k))
		return (bug(rx_fields[f].key, __func__, st));
	if ((rc = text_check(f, s, n, st)) != RX_OK)
		return (rc);
	if ((rc = put(r, f, s, n, 1, st)) != RX_OK)
		return (rc);
	if (is_ref(k))
		r->v[f].i = (int64_t)n + 1;
	if (k == RX_K_REFS)
		r->v[f].n = 1;
	return (RX_OK);
}

rx_err
rx_record_set_items(struct rx_record *r, enum rx_field f, const int64_t *v,
    size_t n, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	if (rx_fields[f].kind != RX_K_CODES || n > LENGTH_MAX / 8)
		return (bug(rx_fields[f].key, __func__, st));
	for (k = 0; k < n; k++) {
		if (!rx_kind_takes(RX_K_CODES, v[k]))
			return (bug(rx_fields[f].key, __func__, st));
	}
	if ((rc = put(r, f, v, 8 * n, 0, st)) != RX_OK)
		return (rc);
	for (k = 0; k < n; k++)
		rx_put64(r->data.b + r->v[f].off + 8 * k, (uint64_t)v[k]);
	r->v[f].n = n;
	return (RX_OK);
}

rx_err
rx_record_set_ids(struct rx_record *r, enum rx_field f, const uint8_t *ids,
    size_t n, struct rx_status *st)
{
	enum rx_kind k = rx_fields[f].kind;
	rx_err rc;

	if (!is_ids(k) || n > LENGTH_MAX / RX_ID_BYTES ||
	    ((k == RX_K_ID || k == RX_K_REF) && n != 1))
		return (bug(rx_fields[f].key, __func__, st));
	if ((rc = put(r, f, ids, RX_ID_BYTES * n, 0, st)) != RX_OK)
		return (rc);
	r->v[f].n = n;
	return (RX_OK);
}

/* ---- the stored form ---- */

/* The bytes that the set field ${f} has in the data. */
static size_t
data_bytes(const struct rx_record *r, enum rx_field f)
{
	enum rx_kind k = rx_fields[f].kind;

	if (k == RX_K_CODES)
		return (8 * r->v[f].n);
	return (is_ids(k) ? RX_ID_BYTES * r->v[f].n : r->v[f].n);
}

static rx_err
encode_field(struct rx_buf *out, const struct rx_record *r, enum rx_field f,
    struct rx_status *st)
{
	bool in_v = is_int(rx_fields[f].kind);
	size_t n = in_v ? 8 : data_bytes(r, f);
	uint8_t *to;
	rx_err rc;

	/* What is written must be readable again: only what the type may
	 * have, and no reference that is still the caller's text. */
	if ((rx_fields[f].may >> r->type & 1) == 0 || n > LENGTH_MAX ||
	    (is_ref(rx_fields[f].kind) && r->v[f].i != 0))
		return (bug(rx_fields[f].key, __func__, st));
	if ((rc = rx_buf_extend(out, HEAD + n, &to, st)) != RX_OK)
		return (rc);
	rx_put32(to, (uint32_t)n << 8 | rx_fields[f].tag);
	if (in_v)
		rx_put64(to + HEAD, (uint64_t)r->v[f].i);
	else if (n > 0)
		memcpy(to + HEAD, r->data.b + r->v[f].off, n);
	return (RX_OK);
}

rx_err
rx_record_encode(struct rx_buf *out, const struct rx_record *r,
    enum rx_compartment comp, struct rx_status *st)
{
	unsigned f;
	rx_err rc;

	if (r->type < RX_CHILD || r->type >= RX_TYPE_COUNT)
		return (bug("type", __func__, st));
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (!r->v[f].set || rx_fields[f].comp != comp)
			continue;
		rc = encode_field(out, r, (enum rx_field)f, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/**
 * decode_field(r, f, p, n, to):
 * Give the field ${f} the ${n} bytes ${p}, those that are not in v[] copied to
 * the data at ${*to}, which is moved on; false when they do not fit its kind.
 * The data has room for them and a NUL.
 */
static bool
decode_field(struct rx_record *r, unsigned f, const uint8_t *p, size_t n,
    size_t *to)
{
	enum rx_kind k = rx_fields[f].kind;
	size_t unit = k == RX_K_CODES ? 8 : is_ids(k) ? RX_ID_BYTES : 1, i;

	r->v[f].i = 0;
	if (is_int(k)) {
		if (n != 8)
			return (false);
		r->v[f].i = (int64_t)rx_get64(p);
		r->v[f].set = rx_kind_takes(k, r->v[f].i);
		return (r->v[f].set);
	}
	if (n % unit != 0 || (k == RX_K_ID && n != RX_ID_BYTES))
		return (false);
	if (is_text(k) && (n > (k == RX_K_NOTE ? NOTE_BYTES :
	    TEXT_CHARS * UTF8_MAX) || !rx_utf8_valid((const char *)p, n)))
		return (false);
	if (k == RX_K_UNIT && (n != RX_UNIT_BYTES ||
	    !rx_unit_covers((const char *)p, (const char *)p)))
		return (false);
	for (i = 0; k == RX_K_CODES && i < n; i += 8) {
		if (!rx_kind_takes(k, (int64_t)rx_get64(p + i)))
			return (false);
	}
	if (n > 0)
		memcpy(r->data.b + *to, p, n);
	r->v[f].set = true;
	r->v[f].off = *to;
	r->v[f].n = n / unit;
	*to += n + (is_text(k) ? 1 : 0);
	return (true);
}

static bool
decode_all(struct rx_record *r, enum rx_compartment comp, const uint8_t *p,
    size_t n, size_t *to)
{
	unsigned next = 0, f;
	uint32_t head;
	size_t len;

	while (n > 0) {
		if (n < HEAD)
			return (false);
		head = rx_get32(p);
		len = head >> 8;
		f = field_of_tag[head & 0xff];
		/* In the order of the table, so that none comes twice. */
		if (f <= next || len > n - HEAD ||
		    rx_fields[f - 1].comp != comp ||
		    (rx_fields[f - 1].may >> r->type & 1) == 0)
			return (false);
		if (!decode_field(r, f - 1, p + HEAD, len, to))
			return (false);
		next = f;
		p += HEAD + len;
		n -= HEAD + len;
	}
	return (true);
}

/**
 * rx_record_decode(r, comp, p, n, st):
 * Make the stored form ${p} of ${n} bytes the fields that ${r}, whose type is
 * set, has in ${comp}, replacing those that it had there, and mark the
 * compartment as opened.  RX_ECORRUPT (RECORD_CORRUPT) when any byte of it is
 * not what rx_record_encode writes; ${r} has no field of ${comp} then.
 */
rx_err
rx_record_decode(struct rx_record *r, enum rx_compartment comp, const void *p,
    size_t n, struct rx_status *st)
{
	size_t start = r->data.len, to = start;
	uint8_t *room;
	unsigned f;
	rx_err rc;

	if (r->type < RX_CHILD || r->type >= RX_TYPE_COUNT)
		return (bug("type", __func__, st));
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (rx_fields[f].comp == comp)
			r->v[f].set = false;
	}
	/* A field's NUL takes less room than its tag and length. */
	if (n > 0 && (rc = rx_buf_extend(&r->data, n, &room, st)) != RX_OK)
		return (rc);
	if (!decode_all(r, comp, p, n, &to))
		goto corrupt;

	/* Success! */
	r->data.len = to;	/* what is left above is zero */
	r->identity = r->identity || comp == RX_COMP_IDENTITY;
	r->narrative = r->narrative || comp == RX_COMP_NARRATIVE;
	return (RX_OK);

corrupt:
	rx_wipe(r->data.b + start, n);
	r->data.len = start;
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (rx_fields[f].comp == comp)
			r->v[f].set = false;
	}
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_RECORD_CORRUPT));
}

bool
rx_record_kept(const struct rx_record *r)
{
	const struct rx_code *state = r->type != RX_CONSENT ? NULL :
	    rx_code_by_no(RX_LIST_CONSENT_STATE,
	    (uint16_t)rx_record_int(r, RX_F_STATE));

	return (state != NULL && rx_code_has(state, "keeps"));
}
