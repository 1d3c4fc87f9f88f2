#include <string.h>

#include "base/date.h"
#include "crypto/memory.h"
#include "register/record.h"

#define CODES_MAX 256		/* more than any list has */
#define ID_NUMBER_CHARS 18

#define UNSAID "\xe2\x80\xa6"	/* an ellipsis, for what is not quoted */

/*
 * What a message may quote: keys, codes and dates.  Never a text, a note, an
 * id number or a reference: those are personal.  Nor what stands where a key,
 * a code or a date should and does not look like one: in a line whose columns
 * have slipped that is a name or a telephone number.
 */
static rx_err
refuse(enum rx_field f, enum rx_msg msg, const char *value,
    const char *where, struct rx_status *st)
{
	rx_err rc = rx_fail_at(st, RX_EUSAGE, msg, where);

	rx_status_arg(st, "key", "%s", rx_fields[f].key);
	if (value != NULL)
		rx_status_arg(st, "value", "%s", value);
	return (rc);
}

/* ${s} when it has the form of a key or a code, letters and "_". */
static const char *
word_or_unsaid(const char *s)
{
	static const char word[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ_";
	size_t n = strspn(s, word);

	return (n <= 32 && s[n] == '\0' ? s : UNSAID);
}

/* ${s} when it has the form of a date or a month, digits between "-" or "/". */
static const char *
date_or_unsaid(const char *s)
{
	size_t n = strspn(s, "0123456789"), k;

	for (k = n; s[k] == '-' || s[k] == '/'; k += n) {
		k++;
		if ((n = strspn(s + k, "0123456789")) == 0 || n > 4)
			return (UNSAID);
	}
	return (k > n && k <= 10 && s[k] == '\0' ? s : UNSAID);
}

/* ${s} when it has the length and the form of a unit's code. */
static const char *
unit_or_unsaid(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return ((n == 6 && strcmp(s + n, "-SELF") == 0) || (s[n] == '\0' &&
	    (n == 6 || n == 9 || n == 12)) ? s : UNSAID);
}

/* Whether ${f} may come with a record of this type: not what is worked out, nor
 * an id of ours. */
static bool
may_have(const struct rx_record *r, enum rx_field f)
{

	return ((rx_fields[f].may >> r->type & 1) != 0 &&
	    rx_fields[f].kind != RX_K_ID && rx_fields[f].kind != RX_K_IDS &&
	    f != RX_F_RAISES_FLAG && f != RX_F_HAS_NEED);
}

static bool
must_have(const struct rx_record *r, enum rx_field f)
{

	return ((rx_fields[f].must >> r->type & 1) != 0);
}

/* Whether the text is nothing but blanks (ASCII and ideographic spaces). */
static bool
is_blank(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (s[i] == ' ' || s[i] == '\n' || s[i] == '\t' ||
		    s[i] == '\r')
			continue;
		if (n - i < 3 || memcmp(s + i, "\xe3\x80\x80", 3) != 0)
			return (false);
		i += 2;
	}
	return (true);
}

/* ---- texts ---- */

/**
 * id_number_valid(s, n, id):
 * Whether ${s} is a citizen's number by GB 11643: 17 digits and the check
 * character of ISO 7064 MOD 11-2, 'x' for 'X'; put it in ${id} with 'X'.
 */
static bool
id_number_valid(const char *s, size_t n, char id[ID_NUMBER_CHARS])
{
	static const char check[] = "10X98765432";
	unsigned sum = 0, weight, i;

	if (n != ID_NUMBER_CHARS)
		return (false);
	for (i = 0; i < ID_NUMBER_CHARS - 1; i++) {
		if (s[i] < '0' || s[i] > '9')
			return (false);
		/* The weight is 2^(17 - i) mod 11. */
		weight = (1u << (ID_NUMBER_CHARS - 1 - i)) % 11;
		sum += weight * (unsigned)(s[i] - '0');
		id[i] = s[i];
	}
	id[i] = s[i] == 'x' ? 'X' : s[i];
	return (id[i] == check[sum % 11]);
}

static bool
agency_valid(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (!((s[i] >= '0' && s[i] <= '9') ||
		    (s[i] >= 'A' && s[i] <= 'Z')))
			return (false);
	}
	return (n == RX_AGENCY_CHARS);
}

static rx_err
parse_id_number(struct rx_record *r, const char *s, size_t n,
    struct rx_status *st)
{
	char id[ID_NUMBER_CHARS];
	rx_err rc;

	if (!id_number_valid(s, n, id))
		rc = refuse(RX_F_ID_NUMBER, RX_MSG_ID_NUMBER_INVALID, NULL,
		    __func__, st);
	else
		rc = rx_record_set_text(r, RX_F_ID_NUMBER, id, sizeof(id), st);
	rx_wipe(id, sizeof(id));
	return (rc);
}

/* A note, the line ends of Windows and of web forms ("\r\n") made "\n". */
static rx_err
parse_note(struct rx_record *r, enum rx_field f, const char *s, size_t n,
    struct rx_status *st)
{
	struct rx_buf note = RX_BUF_INIT;
	uint8_t *to;
	size_t i, len = 0;
	rx_err rc;

	if (memchr(s, '\r', n) == NULL)
		return (rx_record_set_text(r, f, s, n, st));
	if ((rc = rx_buf_extend(&note, n, &to, st)) == RX_OK) {
		for (i = 0; i < n; i++)
			if (s[i] != '\r' || i + 1 == n || s[i + 1] != '\n')
				to[len++] = (uint8_t)s[i];
		rc = rx_record_set_text(r, f, (const char *)to, len, st);
	}
	rx_buf_free(&note);
	return (rc);
}

/* A text, a note or the caller's id of a record.  What is empty is absent,
 * where it may be: a form sends its empty fields. */
static rx_err
parse_text(struct rx_record *r, enum rx_field f, const json_t *v,
    struct rx_status *st)
{
	const char *s = json_string_value(v);
	size_t n = json_string_length(v);

	if (s == NULL)
		return (refuse(f, RX_MSG_FIELD_NOT_TEXT, NULL, __func__, st));
	if (f == RX_F_ID_NUMBER)
		return (parse_id_number(r, s, n, st));
	if (f == RX_F_AGENCY && !agency_valid(s, n))
		return (refuse(f, RX_MSG_AGENCY_INVALID, NULL, __func__, st));
	if (!is_blank(s, n))
		return (rx_fields[f].kind == RX_K_NOTE ?
		    parse_note(r, f, s, n, st) :
		    rx_record_set_text(r, f, s, n, st));
	if (must_have(r, f) || f == RX_F_CALLER_ID)
		return (refuse(f, RX_MSG_FIELD_EMPTY, NULL, __func__, st));
	return (RX_OK);
}

static rx_err
parse_unit(char unit[RX_UNIT_BYTES], const char *key, const json_t *v,
    struct rx_status *st)
{
	const char *s = json_string_value(v);
	rx_err rc;

	/* Its own message quotes: what is not quotable fails here already. */
	if (s != NULL && unit_or_unsaid(s) == s)
		return (rx_unit_parse(unit, s, st));
	if (s != NULL) {
		rx_status_arg(st, "unit", "%s", UNSAID);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_UNIT_INVALID));
	}
	if (v == NULL || json_is_null(v))
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_FIELD_MISSING);
	else
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_FIELD_NOT_TEXT);
	rx_status_arg(st, "key", "%s", key);
	return (rc);
}

/* ---- codes ---- */

/* Whether ${s} is the ${name} of a code, with what follows in brackets or without. */
static bool
is_name(const char *s, const char *name, const char *bracket)
{
	const char *end = strstr(name, bracket);
	size_t n = strlen(s);

	return (n > 0 && strncasecmp(s, name, n) == 0 &&
	    (name[n] == '\0' || name + n == end));
}

/* The code that is called ${name}, in Chinese or in English; NULL when none is. */
static const struct rx_code *
code_called(enum rx_list list, const char *name)
{
	size_t n, i;
	const struct rx_code *codes = rx_codes(list, &n);

	for (i = 0; i < n; i++)
		if (is_name(name, codes[i].zh, "（") ||
		    is_name(name, codes[i].en, " ("))
			return (&codes[i]);
	return (NULL);
}

static rx_err
find_code(int64_t *no, enum rx_field f, const json_t *v, struct rx_status *st)
{
	const char *s = json_string_value(v);
	const struct rx_code *code;

	*no = 0;
	if (s == NULL)
		return (refuse(f, RX_MSG_FIELD_NOT_TEXT, NULL, __func__, st));
	if ((code = rx_code_by_key(rx_fields[f].list, s)) == NULL) {
		code = code_called(rx_fields[f].list, s);
		return (code != NULL ?
		    refuse(f, RX_MSG_CODE_NAMED, code->key, __func__, st) :
		    refuse(f, RX_MSG_CODE_UNKNOWN, word_or_unsaid(s),
		    __func__, st));
	}
	*no = code->no;
	return (RX_OK);
}

static rx_err
parse_code(struct rx_record *r, enum rx_field f, const json_t *v,
    struct rx_status *st)
{
	const struct rx_code *code;
	int64_t no;
	rx_err rc;

	if ((rc = find_code(&no, f, v, st)) != RX_OK)
		return (rc);
	code = rx_code_by_no(rx_fields[f].list, (uint16_t)no);
	if (f == RX_F_KIND && r->type == RX_INTERVENTION &&
	    rx_code_has(code, "activity_only"))
		return (refuse(f, RX_MSG_KIND_ACTIVITY_ONLY, code->key,
		    __func__, st));
	return (rx_record_set_int(r, f, no, st));
}

/* Whether the empty list says something: only an observation without signs
 * does; elsewhere it is absent, or missing where there must be one. */
static bool
may_be_empty(enum rx_field f)
{

	return (f == RX_F_SIGNS);
}

static rx_err
parse_codes(struct rx_record *r, enum rx_field f, const json_t *v,
    struct rx_status *st)
{
	int64_t no[CODES_MAX];
	size_t n = json_array_size(v), i, k;
	rx_err rc;

	if (!json_is_array(v))
		return (refuse(f, RX_MSG_FIELD_NOT_LIST, NULL, __func__, st));
	if (n == 0 && !may_be_empty(f))
		return (must_have(r, f) ? refuse(f, RX_MSG_LIST_EMPTY, NULL,
		    __func__, st) : RX_OK);
	if (n > CODES_MAX)
		return (refuse(f, RX_MSG_LIST_TOO_LONG, NULL, __func__, st));
	for (i = 0; i < n; i++) {
		rc = find_code(&no[i], f, json_array_get(v, i), st);
		if (rc != RX_OK)
			return (rc);
		for (k = 0; k < i && no[k] != no[i]; k++)
			;
		if (k < i)
			return (refuse(f, RX_MSG_CODE_REPEATED,
			    json_string_value(json_array_get(v, i)),
			    __func__, st));
	}
	return (rx_record_set_items(r, f, no, n, st));
}

/* ---- dates and numbers ---- */

static rx_err
parse_date(struct rx_record *r, enum rx_field f, const json_t *v,
    int32_t today, struct rx_status *st)
{
	const char *s = json_string_value(v);
	int32_t date;

	if (s == NULL)
		return (refuse(f, RX_MSG_FIELD_NOT_TEXT, NULL, __func__, st));
	if (!rx_date_parse(s, &date))
		return (refuse(f, RX_MSG_DATE_INVALID, date_or_unsaid(s),
		    __func__, st));
	if (date > today && f != RX_F_FOLLOW_UP_ON && f != RX_F_UNTIL)
		return (refuse(f, RX_MSG_DATE_FUTURE, s, __func__, st));
	return (rx_record_set_int(r, f, date, st));
}

static rx_err
parse_month(struct rx_record *r, enum rx_field f, const json_t *v,
    int32_t today, struct rx_status *st)
{
	const char *s = json_string_value(v);
	int32_t month;

	if (s == NULL)
		return (refuse(f, RX_MSG_FIELD_NOT_TEXT, NULL, __func__, st));
	if (!rx_month_parse(s, &month))
		return (refuse(f, RX_MSG_MONTH_INVALID, date_or_unsaid(s),
		    __func__, st));
	if (month > rx_date_month(today))
		return (refuse(f, RX_MSG_DATE_FUTURE, s, __func__, st));
	return (rx_record_set_int(r, f, month, st));
}

static rx_err
parse_bool(struct rx_record *r, enum rx_field f, const json_t *v,
    struct rx_status *st)
{

	if (!json_is_boolean(v))
		return (refuse(f, RX_MSG_FIELD_NOT_BOOL, NULL, __func__, st));
	return (rx_record_set_int(r, f, json_is_true(v) ? 1 : 0, st));
}

static rx_err
parse_number(struct rx_record *r, enum rx_field f, const json_t *v,
    struct rx_status *st)
{
	int64_t i = json_integer_value(v);
	bool fen = rx_fields[f].kind == RX_K_FEN;

	if (!json_is_integer(v))
		return (refuse(f, RX_MSG_FIELD_NOT_INTEGER, NULL, __func__,
		    st));
	if (!rx_kind_takes(rx_fields[f].kind, i))
		return (refuse(f, fen ? RX_MSG_FEN_RANGE : RX_MSG_COUNT_RANGE,
		    NULL, __func__, st));
	return (rx_record_set_int(r, f, i, st));
}

/* ---- references ---- */

/**
 * parse_refs(r, f, v, st):
 * Put the caller's ids of the list ${v} in ${r}, NUL after each; none may be
 * empty or come twice.  ${seen} is a set of them, so that a long list of
 * children is not compared pair by pair.
 */
static rx_err
parse_refs(struct rx_record *r, enum rx_field f, const json_t *v,
    struct rx_status *st)
{
	json_t *seen, *item;
	size_t n = json_array_size(v), first = r->data.len, i;
	const char *s;
	rx_err rc;

	if (!json_is_array(v))
		return (refuse(f, RX_MSG_FIELD_NOT_LIST, NULL, __func__, st));
	if (n == 0)
		return (RX_OK);
	if ((seen = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < n; i++) {
		item = json_array_get(v, i);
		if ((s = json_string_value(item)) == NULL)
			rc = refuse(f, RX_MSG_FIELD_NOT_TEXT, NULL, __func__,
			    st);
		else if (is_blank(s, json_string_length(item)))
			rc = refuse(f, RX_MSG_FIELD_EMPTY, NULL, __func__, st);
		else if (json_object_get(seen, s) != NULL)
			rc = refuse(f, RX_MSG_REF_REPEATED, NULL, __func__,
			    st);
		else if (json_object_set_new(seen, s, json_true()) != 0)
			rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		else
			rc = rx_record_set_text(r, f, s,
			    json_string_length(item), st);
		if (rc != RX_OK)
			goto err0;
	}
	json_decref(seen);

	/* Success!  The texts stand one after the other in the data. */
	r->v[f].off = first;
	r->v[f].n = n;
	r->v[f].i = (int64_t)(r->data.len - first);
	return (RX_OK);

err0:
	json_decref(seen);
	/* Failure! */
	return (rc);
}

/* ---- the object ---- */

static rx_err
parse_field(struct rx_record *r, enum rx_field f, const json_t *v,
    int32_t today, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	switch (rx_fields[f].kind) {
	case RX_K_TEXT:
	case RX_K_NOTE:
	case RX_K_REF:
		return (parse_text(r, f, v, st));
	case RX_K_CODE:
		return (parse_code(r, f, v, st));
	case RX_K_CODES:
		return (parse_codes(r, f, v, st));
	case RX_K_DATE:
		return (parse_date(r, f, v, today, st));
	case RX_K_MONTH:
		return (parse_month(r, f, v, today, st));
	case RX_K_BOOL:
		return (parse_bool(r, f, v, st));
	case RX_K_FEN:
	case RX_K_COUNT:
		return (parse_number(r, f, v, st));
	case RX_K_UNIT:
		rc = parse_unit(unit, rx_fields[f].key, v, st);
		return (rc != RX_OK ? rc : rx_record_set_text(r, f, unit,
		    sizeof(unit), st));
	case RX_K_REFS:
	case RX_K_ID:
	case RX_K_IDS:
		break;	/* an id of ours never comes: may_have */
	}
	return (parse_refs(r, f, v, st));
}

static bool
has_unit(const struct rx_record *r)
{

	return (r->type == RX_CHILD || r->type == RX_ACTIVITY);
}

static bool
key_known(const struct rx_record *r, const char *key)
{
	unsigned f;

	if (strcmp(key, "type") == 0)
		return (true);
	if (strcmp(key, "unit") == 0)
		return (has_unit(r));
	for (f = 0; f < RX_FIELD_COUNT; f++)
		if (may_have(r, (enum rx_field)f) &&
		    strcmp(key, rx_fields[f].key) == 0)
			return (true);
	return (false);
}

/* Refuse keys that records of this type do not have, and another "type". */
static rx_err
check_keys(const struct rx_record *r, const json_t *json, struct rx_status *st)
{
	json_t *obj = (json_t *)json;	/* jansson's iterators lack a const */
	const json_t *type = json_object_get(json, "type");
	const char *s = json_string_value(type);
	void *it;
	rx_err rc = RX_OK;

	for (it = json_object_iter(obj); it != NULL;
	    it = json_object_iter_next(obj, it)) {
		if (key_known(r, json_object_iter_key(it)))
			continue;
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_KEY_UNKNOWN);
		rx_status_arg(st, "key", "%s",
		    word_or_unsaid(json_object_iter_key(it)));
		break;
	}
	if (rc != RX_OK || type == NULL || json_is_null(type))
		return (rc);
	if (s == NULL || strcmp(s, rx_type_key(r->type)) != 0) {
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_TYPE_OTHER);
		rx_status_arg(st, "type", "%s", rx_type_key(r->type));
	}
	return (rc);
}

/* A decision to keep a file says until when and why; no other consent does. */
static rx_err
check_kept(const struct rx_record *r, struct rx_status *st)
{
	const bool kept = rx_record_kept(r);
	int64_t until = rx_record_int(r, RX_F_UNTIL);
	char text[RX_DATE_TEXT];

	if (r->type != RX_CONSENT)
		return (RX_OK);
	if (kept != r->v[RX_F_UNTIL].set)
		return (refuse(RX_F_UNTIL, kept ? RX_MSG_FIELD_MISSING :
		    RX_MSG_KEY_UNKNOWN, NULL, __func__, st));
	if (kept != r->v[RX_F_REASON].set)
		return (refuse(RX_F_REASON, kept ? RX_MSG_FIELD_MISSING :
		    RX_MSG_KEY_UNKNOWN, NULL, __func__, st));
	if (!kept || until > rx_record_int(r, RX_F_DATE))
		return (RX_OK);
	rx_date_format((int32_t)until, text);
	return (refuse(RX_F_UNTIL, RX_MSG_DATE_BEFORE, text, __func__, st));
}

/* What two fields say together, and what follows from one. */
static rx_err
finish(struct rx_record *r, struct rx_status *st)
{
	char text[RX_DATE_TEXT];
	int64_t due = rx_record_int(r, RX_F_FOLLOW_UP_ON);
	rx_err rc;

	if ((rc = check_kept(r, st)) != RX_OK)
		return (rc);
	if (r->v[RX_F_FOLLOW_UP_ON].set && due < rx_record_int(r, RX_F_DATE)) {
		rx_date_format((int32_t)due, text);
		return (refuse(RX_F_FOLLOW_UP_ON, RX_MSG_DATE_BEFORE, text,
		    __func__, st));
	}
	if (r->v[RX_F_NEED].set)
		return (rx_record_set_int(r, RX_F_HAS_NEED, 1, st));
	return (RX_OK);
}

static rx_err
parse_all(struct rx_record *r, const json_t *json, int32_t today,
    struct rx_status *st)
{
	const json_t *v;
	unsigned f;
	rx_err rc;

	if ((rc = check_keys(r, json, st)) != RX_OK)
		return (rc);
	if (has_unit(r) && (rc = parse_unit(r->unit, "unit",
	    json_object_get(json, "unit"), st)) != RX_OK)
		return (rc);
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (!may_have(r, (enum rx_field)f))
			continue;
		v = json_object_get(json, rx_fields[f].key);
		if (v != NULL && !json_is_null(v))
			rc = parse_field(r, (enum rx_field)f, v, today, st);
		else if (must_have(r, (enum rx_field)f))
			rc = refuse((enum rx_field)f, RX_MSG_FIELD_MISSING,
			    NULL, __func__, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (finish(r, st));
}

/* Forget all fields; what the record is and whose stays. */
static void
clear_fields(struct rx_record *r)
{

	rx_buf_reset(&r->data);
	rx_wipe(r->v, sizeof(r->v));
	r->identity = false;
	r->narrative = false;
}

/**
 * rx_record_parse(r, json, today, st):
 * See record.h.  ${r}->type is set by the caller; a review is never taken from
 * input (TYPE_NOT_INPUT).  The unit of a child or an activity goes to
 * ${r}->unit, HAS_NEED follows from a need, and the compartments count as
 * opened.  On failure ${r} has no fields.
 */
rx_err
rx_record_parse(struct rx_record *r, const json_t *json, int32_t today,
    struct rx_status *st)
{
	rx_err rc;

	clear_fields(r);
	if (r->type < RX_CHILD || r->type >= RX_TYPE_COUNT ||
	    r->type == RX_REVIEW) {
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_TYPE_NOT_INPUT);
		rx_status_arg(st, "type", "%s", rx_type_key(r->type));
		return (rc);
	}
	if (!json_is_object(json))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_JSON_NOT_OBJECT));
	if ((rc = parse_all(r, json, today, st)) != RX_OK) {
		clear_fields(r);
		return (rc);
	}
	r->identity = true;
	r->narrative = true;
	return (RX_OK);
}
