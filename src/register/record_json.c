#include <string.h>

#include "base/date.h"
#include "crypto/memory.h"
#include "register/record.h"

static json_t *
code_json(enum rx_list list, int64_t no)
{
	const struct rx_code *code = rx_code_by_no(list, (uint16_t)no);

	return (code != NULL ? json_string(code->key) : NULL);
}

static json_t *
codes_json(const struct rx_record *r, enum rx_field f)
{
	json_t *list = json_array();
	size_t k;

	for (k = 0; list != NULL && k < r->v[f].n; k++) {
		if (json_array_append_new(list, code_json(rx_fields[f].list,
		    rx_record_item(r, f, k))) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return (list);
}

static json_t *
id_json(const uint8_t id[RX_ID_BYTES])
{
	char text[RX_UUID_TEXT];

	rx_uuid_text(id, text);
	return (json_string(text));
}

/* References: our ids, or the caller's texts while they are not resolved. */
static json_t *
refs_json(const struct rx_record *r, enum rx_field f)
{
	const char *s = rx_record_text(r, f);
	json_t *list = json_array();
	const uint8_t *id;
	size_t k;

	for (k = 0; list != NULL && k < r->v[f].n; k++) {
		id = rx_record_id(r, f, k);
		if (json_array_append_new(list,
		    id != NULL ? id_json(id) : json_string(s)) != 0) {
			json_decref(list);
			list = NULL;
		} else if (id == NULL)
			s += strlen(s) + 1;
	}
	return (list);
}

static json_t *
unit_json(const char unit[RX_UNIT_BYTES])
{
	char text[RX_UNIT_TEXT];

	rx_unit_text(text, unit);
	return (json_string(text));
}

static json_t *
date_json(int64_t date)
{
	char text[RX_DATE_TEXT];

	rx_date_format((int32_t)date, text);
	return (json_string(text));
}

static json_t *
month_json(int64_t month)
{
	char text[RX_MONTH_TEXT];

	rx_month_format((int32_t)month, text);
	return (json_string(text));
}

/* The value of the set field ${f}; NULL when there is no memory or its code
 * is in no list. */
static json_t *
field_json(const struct rx_record *r, enum rx_field f)
{
	const uint8_t *id;

	switch (rx_fields[f].kind) {
	case RX_K_TEXT:
	case RX_K_NOTE:
		return (json_stringn(rx_record_text(r, f), r->v[f].n));
	case RX_K_CODE:
		return (code_json(rx_fields[f].list, r->v[f].i));
	case RX_K_CODES:
		return (codes_json(r, f));
	case RX_K_DATE:
		return (date_json(r->v[f].i));
	case RX_K_MONTH:
		return (month_json(r->v[f].i));
	case RX_K_BOOL:
		return (json_boolean(r->v[f].i != 0));
	case RX_K_FEN:
	case RX_K_COUNT:
		return (json_integer(r->v[f].i));
	case RX_K_UNIT:
		return (unit_json(rx_record_text(r, f)));
	case RX_K_ID:
	case RX_K_REF:
		id = rx_record_id(r, f, 0);
		return (id != NULL ? id_json(id) :
		    json_string(rx_record_text(r, f)));
	case RX_K_IDS:
	case RX_K_REFS:
		break;
	}
	return (refs_json(r, f));
}

/* Whether the reader of ${r} was given what ${comp} holds. */
static bool
opened(const struct rx_record *r, enum rx_compartment comp)
{

	if (comp == RX_COMP_IDENTITY)
		return (r->identity);
	if (comp == RX_COMP_NARRATIVE)
		return (r->narrative);
	return (true);
}

/* Whether the code or a code of the set field ${f} is in no list: a register
 * written with a later list. */
static bool
unknown_code(const struct rx_record *r, enum rx_field f)
{
	enum rx_list list = rx_fields[f].list;
	size_t k;

	if (rx_fields[f].kind == RX_K_CODE)
		return (rx_code_by_no(list, (uint16_t)r->v[f].i) == NULL);
	for (k = 0; rx_fields[f].kind == RX_K_CODES && k < r->v[f].n; k++) {
		if (rx_code_by_no(list, (uint16_t)rx_record_item(r, f, k)) ==
		    NULL)
			return (true);
	}
	return (false);
}

/* Put "type", "unit" of what has one of its own, and "child" into ${json}. */
static int
put_head(json_t *json, const struct rx_record *r)
{
	static const uint8_t none[RX_ID_BYTES];

	if (json_object_set_new(json, "type",
	    json_string(rx_type_key(r->type))) != 0)
		return (-1);
	if ((r->type == RX_CHILD || r->type == RX_ACTIVITY) &&
	    r->unit[0] != '\0' &&
	    json_object_set_new(json, "unit", unit_json(r->unit)) != 0)
		return (-1);
	if ((rx_fields[RX_F_CHILD].may >> r->type & 1) != 0 &&
	    memcmp(r->child, none, sizeof(none)) != 0)
		return (json_object_set_new(json, rx_fields[RX_F_CHILD].key,
		    id_json(r->child)));
	return (0);
}

/**
 * rx_record_json(out, r, st):
 * Make ${*out}, which the caller releases with json_decref, the import object
 * of ${r}: "type", "unit" of a child or an activity, "child" from ${r}->child
 * (the caller's text while that is zero), and every set field whose
 * compartment was opened.  RX_ECORRUPT (RECORD_CORRUPT) for a code that no
 * list has.
 */
rx_err
rx_record_json(json_t **out, const struct rx_record *r, struct rx_status *st)
{
	json_t *json;
	unsigned f;
	rx_err rc;

	*out = NULL;
	if ((json = json_object()) == NULL || put_head(json, r) != 0)
		goto memory;
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (!r->v[f].set || !opened(r, rx_fields[f].comp) ||
		    json_object_get(json, rx_fields[f].key) != NULL)
			continue;
		if (unknown_code(r, (enum rx_field)f)) {
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_RECORD_CORRUPT);
			goto err0;
		}
		if (json_object_set_new(json, rx_fields[f].key,
		    field_json(r, (enum rx_field)f)) != 0)
			goto memory;
	}

	/* Success! */
	*out = json;
	return (RX_OK);

memory:
	rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
err0:
	json_decref(json);
	/* Failure! */
	return (rc);
}
