#ifndef RX_REGISTER_RECORD_H
#define RX_REGISTER_RECORD_H

/*
 * What is recorded.  One table of fields (record.def) says for every field its
 * JSON key, kind, limit, code list, compartment, and the record types that
 * may or must have it.  Parsing and checking of input, the stored form and
 * output all follow that table; there is no second list.
 *
 * Stored form of a compartment: for each field that is set, in the order of
 * the table: tag 1 || length 3 || bytes (integers 8 bytes little-endian, text
 * UTF-8, a list its elements 8 bytes each, ids 16 bytes each).  Two bytes of
 * length would not hold a note of 64 KiB, nor a long list of children.
 */

#include "base/json.h"
#include "register/unit.h"
#include "schema.h"

enum rx_type {
	RX_CHILD = 1, RX_OBSERVATION = 2, RX_INTERVENTION = 3, RX_ACTIVITY = 4,
	RX_FLAG = 5, RX_REVIEW = 6, RX_REPORT = 7, RX_CONSENT = 8, RX_TYPE_COUNT
};

enum rx_field {
#define FIELD(name, tag, key, kind, list, comp, may, must) RX_F_##name,
#include "register/record.def"
#undef FIELD
	RX_FIELD_COUNT
};

enum rx_kind {
	RX_K_TEXT,	/* at most 256 characters */
	RX_K_NOTE,	/* at most 64 KiB */
	RX_K_CODE,	/* a number of its code list */
	RX_K_CODES,	/* several */
	RX_K_DATE, RX_K_MONTH, RX_K_BOOL,
	RX_K_FEN,	/* money in fen, 0 .. 10^13 */
	RX_K_COUNT,	/* 1 .. 1000 */
	RX_K_UNIT,	/* a unit id, as text of 16 bytes */
	RX_K_ID,	/* one of ours, 16 bytes */
	RX_K_IDS,
	RX_K_REF,	/* in JSON another record's caller's id; stored as ID */
	RX_K_REFS
};

struct rx_field_info {
	uint8_t tag;
	const char *key;	/* JSON */
	enum rx_kind kind;
	enum rx_list list;
	enum rx_compartment comp;
	unsigned may, must;	/* bit sets: 1 << enum rx_type */
	enum rx_msg label;
};
extern const struct rx_field_info rx_fields[RX_FIELD_COUNT];

/* A decoded record.  Text and lists live in ${data}, which is wiped when the
 * record is reset or freed. */
struct rx_record {
	enum rx_type type;
	uint8_t id[RX_ID_BYTES];
	uint32_t version;		/* 0 until stored */
	uint8_t child[RX_ID_BYTES];	/* the case; zero for an activity */
	char unit[RX_UNIT_BYTES];
	uint8_t author[RX_ID_BYTES];
	int64_t at;			/* recorded, ms */
	uint32_t epoch;			/* of the keys it was sealed under */
	bool identity, narrative;	/* were these compartments opened? */
	struct rx_buf data;
	struct {
		bool set;
		int64_t i;		/* code, date, month, bool, fen, count */
		size_t off, n;		/* in data: bytes of text, or elements */
	} v[RX_FIELD_COUNT];
};

void rx_record_init(struct rx_record *r);
void rx_record_reset(struct rx_record *r);	/* wipes, keeps memory */
void rx_record_free(struct rx_record *r);	/* wipes, frees */

#define RX_AGENCY_CHARS 18	/* of a unified social credit code */
/* Whether ${v} can stand in a field of kind ${k}, which is a number. */
bool rx_kind_takes(enum rx_kind k, int64_t v);

/* Read access.  Absent: 0, "", NULL with *n = 0. */
int64_t rx_record_int(const struct rx_record *r, enum rx_field f);
const char *rx_record_text(const struct rx_record *r, enum rx_field f);
int64_t rx_record_item(const struct rx_record *r, enum rx_field f, size_t k);
const uint8_t *rx_record_id(const struct rx_record *r, enum rx_field f,
    size_t k);
bool rx_record_has(const struct rx_record *r, enum rx_field f, int64_t item);

/* Write access; each replaces what the field had. */
rx_err rx_record_set_int(struct rx_record *r, enum rx_field f, int64_t v,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_record_set_text(struct rx_record *r, enum rx_field f, const char *s,
    size_t n, struct rx_status *st) RX_MUST_USE;
rx_err rx_record_set_items(struct rx_record *r, enum rx_field f,
    const int64_t *v, size_t n, struct rx_status *st) RX_MUST_USE;
rx_err rx_record_set_ids(struct rx_record *r, enum rx_field f,
    const uint8_t *ids, size_t n, struct rx_status *st) RX_MUST_USE;

/**
 * rx_record_parse(r, json, today, st):
 * Fill ${r} from an import object, checking everything that the line alone
 * can tell: keys, kinds, limits, codes, dates (none after ${today} but
 * follow_up_on), the id number's check digit (GB 11643), the agency's form.
 * References stay as the caller's text (v[f].n bytes of text; a list of REFS
 * is a sequence of NUL-terminated texts, v[f].n of them) until the register
 * resolves them.  RX_EUSAGE with a message that quotes key or code.
 */
rx_err rx_record_parse(struct rx_record *r, const json_t *json, int32_t today,
    struct rx_status *st) RX_MUST_USE;

/* The stored form of the fields of ${comp}, appended to ${out}; and back. */
rx_err rx_record_encode(struct rx_buf *out, const struct rx_record *r,
    enum rx_compartment comp, struct rx_status *st) RX_MUST_USE;
rx_err rx_record_decode(struct rx_record *r, enum rx_compartment comp,
    const void *p, size_t n, struct rx_status *st) RX_MUST_USE;

/* A new JSON object of all set fields, codes as keys, dates as text, ids as
 * UUID text; identity and narrative only where they were opened. */
rx_err rx_record_json(json_t **out, const struct rx_record *r,
    struct rx_status *st) RX_MUST_USE;

/* Whether ${r} is a consent that says that the file is kept. */
bool rx_record_kept(const struct rx_record *r);
const char *rx_type_key(enum rx_type type);	/* "child", "observation" ... */
enum rx_msg rx_type_label(enum rx_type type);	/* what people call it */

#endif
