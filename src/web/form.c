#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "web/form.h"

#define FEN_MAX INT64_C(10000000000000)	/* as in register/record_parse.c */

static const enum rx_msg labels[RX_FIELD_COUNT] = {
	[RX_F_NAME] = RX_MSG_WEB_F_NAME,
	[RX_F_ID_NUMBER] = RX_MSG_WEB_F_ID_NUMBER,
	[RX_F_PHONE] = RX_MSG_WEB_F_PHONE,
	[RX_F_ADDRESS] = RX_MSG_WEB_F_ADDRESS,
	[RX_F_SCHOOL] = RX_MSG_WEB_F_SCHOOL,
	[RX_F_GUARDIAN_NAME] = RX_MSG_WEB_F_GUARDIAN_NAME,
	[RX_F_GUARDIAN_PHONE] = RX_MSG_WEB_F_GUARDIAN_PHONE,
	[RX_F_CALLER_ID] = RX_MSG_WEB_F_ID,
	[RX_F_SEX] = RX_MSG_WEB_F_SEX,
	[RX_F_BIRTH] = RX_MSG_WEB_F_BIRTH,
	[RX_F_CATEGORIES] = RX_MSG_WEB_F_CATEGORIES,
	[RX_F_PRIORITY] = RX_MSG_WEB_F_PRIORITY,
	[RX_F_LEGAL_BASIS] = RX_MSG_WEB_F_LEGAL_BASIS,
	[RX_F_CONSENT_BY] = RX_MSG_WEB_F_CONSENT_BY,
	[RX_F_CONSENT_ON] = RX_MSG_WEB_F_CONSENT_ON,
	[RX_F_CHILD] = RX_MSG_WEB_F_CHILD,
	[RX_F_DATE] = RX_MSG_WEB_F_DATE,
	[RX_F_CHANNEL] = RX_MSG_WEB_F_CHANNEL,
	[RX_F_SIGNS] = RX_MSG_WEB_F_SIGNS,
	[RX_F_RISK] = RX_MSG_WEB_F_RISK,
	[RX_F_FOLLOW_UP_ON] = RX_MSG_WEB_F_FOLLOW_UP_ON,
	[RX_F_KIND] = RX_MSG_WEB_F_KIND,
	[RX_F_DELIVERED] = RX_MSG_WEB_F_DELIVERED,
	[RX_F_FACE_TO_FACE] = RX_MSG_WEB_F_FACE_TO_FACE,
	[RX_F_PROFESSIONAL] = RX_MSG_WEB_F_PROFESSIONAL,
	[RX_F_AMOUNT_FEN] = RX_MSG_WEB_F_AMOUNT,
	[RX_F_OUTCOME] = RX_MSG_WEB_F_OUTCOME,
	[RX_F_REFERRAL] = RX_MSG_WEB_F_REFERRAL,
	[RX_F_NEED_RESOLVED_ON] = RX_MSG_WEB_F_NEED_RESOLVED_ON,
	[RX_F_AGENCY] = RX_MSG_WEB_F_AGENCY,
	[RX_F_AGENCY_TYPE] = RX_MSG_WEB_F_AGENCY_TYPE,
	[RX_F_VENUE] = RX_MSG_WEB_F_VENUE,
	[RX_F_HELD] = RX_MSG_WEB_F_HELD,
	[RX_F_SESSIONS] = RX_MSG_WEB_F_SESSIONS,
	[RX_F_LEAD_UNIT] = RX_MSG_WEB_F_LEAD_UNIT,
	[RX_F_CHILDREN] = RX_MSG_WEB_F_CHILDREN,
	[RX_F_SITUATIONS] = RX_MSG_WEB_F_SITUATIONS,
	[RX_F_STATE] = RX_MSG_WEB_F_STATE,
	[RX_F_UNTIL] = RX_MSG_WEB_F_UNTIL,
	[RX_F_BY] = RX_MSG_WEB_F_BY,
	[RX_F_DECISION] = RX_MSG_WEB_F_DECISION,
	[RX_F_NOTE] = RX_MSG_WEB_F_NOTE,
	[RX_F_NEED] = RX_MSG_WEB_F_NEED,
	[RX_F_REASON] = RX_MSG_WEB_F_REASON,
	[RX_F_AUTHORITY] = RX_MSG_WEB_F_AUTHORITY,
	[RX_F_REFERENCE] = RX_MSG_WEB_F_REFERENCE,
};

enum rx_msg
rx_form_label(enum rx_field f)
{

	return (labels[f]);
}

/* Whether a form of ${type} has the field ${f}: not what is worked out. */
static bool
in_form(enum rx_type type, unsigned f)
{

	return ((rx_fields[f].may >> type & 1) != 0 &&
	    f != RX_F_RAISES_FLAG && f != RX_F_HAS_NEED);
}

static bool
has_unit(enum rx_type type)
{

	return (type == RX_CHILD || type == RX_ACTIVITY);
}

/* ---- from the form ---- */

/* "12", "12.5", "12.50" yuan to fen. */
static bool
yuan_parse(const char *s, int64_t *fen)
{
	size_t n = strspn(s, "0123456789"), i;

	*fen = 0;
	if (n == 0)
		return (false);
	/* What is too large stays too large. */
	for (i = 0; i < n; i++)
		*fen = *fen > FEN_MAX ? *fen : *fen * 10 + (s[i] - '0');
	*fen *= 100;
	if (s[n] == '\0')
		return (true);
	s += n + 1;
	n = strspn(s, "0123456789");
	if (s[-1] != '.' || n < 1 || n > 2 || s[n] != '\0')
		return (false);
	*fen += (s[0] - '0') * 10 + (n == 2 ? s[1] - '0' : 0);
	return (true);
}

/* Back: "12", "12.50"; nothing for 0. */
static void
yuan_format(int64_t fen, char *text, size_t size)
{

	if (fen == 0)
		text[0] = '\0';
	else if (fen % 100 == 0)
		(void)snprintf(text, size, "%lld", (long long)(fen / 100));
	else
		(void)snprintf(text, size, "%lld.%02lld",
		    (long long)(fen / 100), (long long)(fen % 100));
}

static json_t *
list_json(const struct rx_request *q, const char *name)
{
	json_t *list = json_array();
	const char *v;
	size_t k;

	for (k = 0; list != NULL && (v = rx_field_nth(q, name, k)) != NULL;
	    k++)
		if (*v != '\0' && json_array_append_new(list,
		    json_string(v)) != 0) {
			json_decref(list);
			list = NULL;
		}
	return (list);
}

/* A whole number; a text that is none stays one, and is refused later. */
static json_t *
count_json(const char *s)
{
	const size_t n = strspn(s, "0123456789");
	json_int_t v = 0;
	size_t i;

	if (s[n] != '\0' || n > 9)
		return (json_string(s));
	for (i = 0; i < n; i++)
		v = v * 10 + (s[i] - '0');
	return (json_integer(v));
}

/* json[key] of one field of the form; nothing when it is absent. */
static rx_err
field_json(json_t *json, const struct rx_request *q, unsigned f,
    struct rx_status *st)
{
	const char *key = rx_fields[f].key, *v = rx_field(q, key);
	int64_t fen;

	switch (rx_fields[f].kind) {
	case RX_K_CODES:
	case RX_K_REFS:
		return (rx_put(json, key, list_json(q, key), st));
	case RX_K_BOOL:
		return (rx_put_bool(json, key, *v != '\0', st));
	default:
		break;
	}
	if (*v == '\0')
		return (RX_OK);
	switch (rx_fields[f].kind) {
	case RX_K_FEN:
		if (!yuan_parse(v, &fen)) {
			rx_status_arg(st, "key", "%s", key);
			return (rx_fail(st, RX_EUSAGE,
			    RX_MSG_WEB_AMOUNT_INVALID));
		}
		if (fen > FEN_MAX) {
			rx_status_arg(st, "key", "%s", key);
			return (rx_fail(st, RX_EUSAGE,
			    RX_MSG_WEB_AMOUNT_RANGE));
		}
		return (rx_put_int(json, key, fen, st));
	case RX_K_COUNT:
		return (rx_put(json, key, count_json(v), st));
	default:
		return (rx_put_text(json, key, v, st));
	}
}

rx_err
rx_form_json(json_t **out, const struct rx_request *q, enum rx_type type,
    struct rx_status *st)
{
	json_t *json;
	unsigned f;
	rx_err rc = RX_OK;

	*out = NULL;
	if ((json = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (has_unit(type) && rx_field_set(q, "unit"))
		rc = rx_put_text(json, "unit", rx_field(q, "unit"), st);
	for (f = 0; f < RX_FIELD_COUNT && rc == RX_OK; f++)
		if (in_form(type, f))
			rc = field_json(json, q, f, st);
	if (rc != RX_OK) {
		json_decref(json);
		return (rc);
	}
	*out = json;
	return (RX_OK);
}

/* ---- back into the form ---- */

static rx_err
put_record_id(json_t *data, const struct rx_request *q, struct rx_status *st)
{
	char text[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];

	if (!q->post || !rx_uuid_parse(rx_field(q, "id"), id))
		rx_uuid7(id, rx_time_now());
	rx_uuid_text(id, text);
	return (rx_put_text(data, "record_id", text, st));
}

rx_err
rx_form_put(json_t *data, const struct rx_request *q, enum rx_type type,
    struct rx_status *st)
{
	const char *names[RX_FIELD_COUNT + 2];
	char list[64];
	size_t n = 0;
	unsigned f;
	rx_err rc;

	if (has_unit(type))
		names[n++] = "unit";
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (!in_form(type, f) || f == RX_F_CALLER_ID)
			continue;
		if (rx_fields[f].list == RX_LIST_NONE) {
			names[n++] = rx_fields[f].key;
			continue;
		}
		(void)snprintf(list, sizeof(list), "%s_list",
		    rx_fields[f].key);
		if ((rc = rx_put_choices(data, list, q, rx_fields[f].list,
		    rx_fields[f].key, st)) != RX_OK)
			return (rc);
	}
	names[n] = NULL;
	if ((rc = rx_put_form(data, q, names, st)) != RX_OK)
		return (rc);
	return (put_record_id(data, q, st));
}

/* The label of the field with the JSON key ${key}; itself when there is none. */
static const char *
label_of_key(const char *key, enum rx_lang lang)
{
	unsigned f;

	if (strcmp(key, "unit") == 0)
		return (rx_msg(RX_MSG_WEB_F_UNIT, lang));
	if (strcmp(key, "on") == 0)
		return (rx_msg(RX_MSG_WEB_RETENTION_ON, lang));
	for (f = 0; f < RX_FIELD_COUNT; f++)
		if (labels[f] != RX_MSG_NONE &&
		    strcmp(key, rx_fields[f].key) == 0)
			return (rx_msg(labels[f], lang));
	return (key);
}

/* In Chinese no space stands beside quotation marks; the sentences, made for
 * the keys of an import, have them beside the label. */
static rx_err
close_up(json_t *data, enum rx_lang lang, struct rx_status *st)
{
	static const char open[] = "“", close[] = "”";
	const size_t mark = sizeof(open) - 1;
	const char *p = json_string_value(json_object_get(data, "error"));
	char text[1024];
	size_t n = 0;

	if (p == NULL || lang != RX_LANG_ZH)
		return (RX_OK);
	for (; *p != '\0' && n < sizeof(text) - 1; p++)
		if (*p != ' ' || (strncmp(p + 1, open, mark) != 0 &&
		    (n < mark || memcmp(&text[n - mark], close, mark) != 0)))
			text[n++] = *p;
	text[n] = '\0';
	return (rx_put_text(data, "error", text, st));
}

rx_err
rx_form_error(struct rx_reply *a, const struct rx_request *q,
    struct rx_status *st)
{
	char key[sizeof(st->arg[0].value)];
	unsigned i;
	rx_err rc;

	/* What the command line says of `report add` is a button here. */
	if (st->msg == RX_MSG_CONSENT_WITHDRAWN)
		st->msg = RX_MSG_WEB_CASE_WITHDRAWN;
	for (i = 0; i < st->nargs; i++) {
		if (strcmp(st->arg[i].name, "key") != 0)
			continue;
		/* The summary leads to the field. */
		if ((rc = rx_put_text(a->data, "error_field",
		    st->arg[i].value, st)) != RX_OK)
			return (rc);
		/* The label may be the key itself. */
		memcpy(key, st->arg[i].value, sizeof(key));
		(void)snprintf(st->arg[i].value, sizeof(st->arg[i].value),
		    "“%.*s”", (int)sizeof(key) - 7,
		    label_of_key(key, q->lang));
	}
	if ((rc = rx_put_error(a, q, st)) != RX_OK)
		return (rc);
	return (close_up(a->data, q->lang, st));
}

rx_err
rx_form_preset(struct rx_request *q, const char *name, const char *value,
    struct rx_status *st)
{

	if (rx_field_nth(q, name, 0) != NULL)
		return (RX_OK);
	return (rx_fields_add(q->fields, name, value, strlen(value), st));
}

/* Add one value of a draft or a record to the fields. */
static rx_err
refill_one(struct rx_request *q, const char *key, const json_t *v,
    struct rx_status *st)
{
	char text[32];

	if (json_is_string(v))
		return (rx_fields_add(q->fields, key, json_string_value(v),
		    json_string_length(v), st));
	if (json_is_true(v))
		return (rx_fields_add(q->fields, key, "1", 1, st));
	if (!json_is_integer(v))
		return (RX_OK);
	if (strcmp(key, rx_fields[RX_F_AMOUNT_FEN].key) == 0)
		yuan_format(json_integer_value(v), text, sizeof(text));
	else
		(void)snprintf(text, sizeof(text), "%lld",
		    (long long)json_integer_value(v));
	return (rx_fields_add(q->fields, key, text, strlen(text), st));
}

rx_err
rx_form_refill(struct rx_request *q, const json_t *json,
    struct rx_status *st)
{
	json_t *obj = (json_t *)(uintptr_t)json, *v;
	size_t i;
	void *it;
	rx_err rc = RX_OK;

	for (it = json_object_iter(obj); it != NULL && rc == RX_OK;
	    it = json_object_iter_next(obj, it)) {
		v = json_object_iter_value(it);
		if (!json_is_array(v))
			rc = refill_one(q, json_object_iter_key(it), v, st);
		for (i = 0; i < json_array_size(v) && rc == RX_OK; i++)
			rc = refill_one(q, json_object_iter_key(it),
			    json_array_get(v, i), st);
	}
	return (rc);
}

/* ---- a record on a page ---- */

static const char *
code_name(const struct rx_request *q, enum rx_list list, int64_t no)
{
	const struct rx_code *c = no <= 0 || no > UINT16_MAX ? NULL :
	    rx_code_by_no(list, (uint16_t)no);

	if (c == NULL)
		return ("?");
	return (q->lang == RX_LANG_EN ? c->en : c->zh);
}

/* The codes of the list ${f} with commas between. */
static rx_err
codes_text(struct rx_buf *out, const struct rx_request *q,
    const struct rx_record *r, enum rx_field f, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	for (k = 0; k < r->v[f].n; k++)
		if ((rc = rx_buf_printf(out, st, "%s%s", k == 0 ? "" :
		    q->lang == RX_LANG_EN ? ", " : "、", code_name(q,
		    rx_fields[f].list, rx_record_item(r, f, k)))) != RX_OK)
			return (rc);
	return (RX_OK);
}

rx_err
rx_field_text(struct rx_buf *out, const struct rx_request *q,
    const struct rx_record *r, enum rx_field f, struct rx_status *st)
{
	const int64_t i = rx_record_int(r, f);
	char text[RX_UNIT_TEXT + RX_DATE_TEXT];

	switch (rx_fields[f].kind) {
	case RX_K_TEXT:
	case RX_K_NOTE:
		return (rx_buf_printf(out, st, "%s", rx_record_text(r, f)));
	case RX_K_CODE:
		return (rx_buf_printf(out, st, "%s", code_name(q,
		    rx_fields[f].list, i)));
	case RX_K_CODES:
		/* Nothing seen was seen too. */
		return (r->v[f].n == 0 ? rx_buf_printf(out, st, "%s",
		    rx_msg(RX_MSG_CLI_NONE_SEEN, q->lang)) :
		    codes_text(out, q, r, f, st));
	case RX_K_DATE:
		rx_date_format((int32_t)i, text);
		return (rx_buf_printf(out, st, "%s", text));
	case RX_K_MONTH:
		rx_month_format((int32_t)i, text);
		return (rx_buf_printf(out, st, "%s", text));
	case RX_K_BOOL:
		return (rx_buf_printf(out, st, "%s", rx_msg(i != 0 ?
		    RX_MSG_CLI_YES : RX_MSG_CLI_NO, q->lang)));
	case RX_K_FEN:
		return (i == 0 ? RX_OK : rx_buf_printf(out, st, "%lld.%02lld",
		    (long long)(i / 100), (long long)(i % 100)));
	case RX_K_IDS:
	case RX_K_REFS:
		return (rx_buf_printf(out, st, "%zu", r->v[f].n));
	case RX_K_COUNT:
		return (rx_buf_printf(out, st, "%lld", (long long)i));
	case RX_K_UNIT:
		rx_unit_text(text, rx_record_text(r, f));
		return (rx_buf_printf(out, st, "%s", text));
	default:
		return (RX_OK);
	}
}

/* Fields that stand elsewhere on the page, or are not for a reader; a "no" is
 * said of what should have been done only. */
static bool
left_out(const struct rx_record *r, enum rx_field f)
{

	if (rx_fields[f].kind == RX_K_BOOL && rx_record_int(r, f) == 0)
		return (f != RX_F_DELIVERED && f != RX_F_HELD);
	return (!r->v[f].set || rx_fields[f].comp == RX_COMP_IDENTITY ||
	    labels[f] == RX_MSG_NONE || f == RX_F_CALLER_ID ||
	    f == RX_F_CHILD || f == RX_F_DATE || f == RX_F_RISK ||
	    f == RX_F_CHILDREN || f == RX_F_NOTE || (r->type == RX_CHILD &&
	    (f == RX_F_SEX || f == RX_F_BIRTH)));
}

rx_err
rx_put_codes(json_t *item, const char *key, const struct rx_request *q,
    const struct rx_record *r, enum rx_field f, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	rx_err rc;

	if ((rc = codes_text(&text, q, r, f, st)) == RX_OK && text.len > 0)
		rc = rx_put(item, key, json_stringn((const char *)text.b,
		    text.len), st);
	rx_buf_free(&text);
	return (rc);
}

rx_err
rx_put_facts(json_t *item, const struct rx_request *q,
    const struct rx_record *r, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	json_t *fact;
	unsigned f;
	rx_err rc = RX_OK;

	for (f = 0; f < RX_FIELD_COUNT && rc == RX_OK; f++) {
		if (!r->v[f].set || left_out(r, (enum rx_field)f))
			continue;
		rx_buf_reset(&text);
		if ((rc = rx_field_text(&text, q, r, (enum rx_field)f, st)) !=
		    RX_OK || text.len == 0)
			continue;
		if ((rc = rx_put_item(item, "facts", &fact, st)) == RX_OK &&
		    (rc = rx_put_text(fact, "label", rx_msg(labels[f],
		    q->lang), st)) == RX_OK)
			rc = rx_put(fact, "text", json_stringn((const char *)
			    text.b, text.len), st);
	}
	rx_buf_free(&text);
	if (rc == RX_OK && r->v[RX_F_NOTE].set)
		rc = rx_put_text(item, "note", rx_record_text(r, RX_F_NOTE),
		    st);
	return (rc);
}

rx_err
rx_put_versions(json_t *item, const char *key, const struct rx_request *q,
    uint32_t versions, struct rx_status *st)
{

	return (versions < 2 ? RX_OK : rx_put_say_int(item, key, q,
	    RX_MSG_WEB_CASE_VERSIONS, "n", versions, st));
}
