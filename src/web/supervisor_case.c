#include <string.h>

#include "base/date.h"
#include "web/form.h"
#include "web/supervisor.h"

/* A flagged case on the supervisor's page: facts of the child, then what
 * happened, by date.  Fields are shown by the table of fields. */

/* ---- values ---- */

static rx_err
add_text(struct rx_buf *out, const char *s, struct rx_status *st)
{

	return (rx_buf_add(out, s, strlen(s), st));
}

static rx_err
add_code(struct rx_buf *out, const struct rx_request *q, enum rx_list list,
    int64_t no, struct rx_status *st)
{
	const struct rx_code *c = no <= 0 || no > UINT16_MAX ? NULL :
	    rx_code_by_no(list, (uint16_t)no);

	return (add_text(out, c == NULL ? "?" : q->lang == RX_LANG_EN ?
	    c->en : c->zh, st));
}

static rx_err
add_codes(struct rx_buf *out, const struct rx_request *q,
    const struct rx_record *r, enum rx_field f, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	for (k = 0; k < r->v[f].n; k++)
		if ((k > 0 && (rc = add_text(out, rx_msg(RX_MSG_LIST_COMMA,
		    q->lang), st)) != RX_OK) ||
		    (rc = add_code(out, q, rx_fields[f].list,
		    rx_record_item(r, f, k), st)) != RX_OK)
			return (rc);
	return (RX_OK);
}

/* Append the value of ${f}; nothing for kinds that are ids. */
static rx_err
add_value(struct rx_buf *out, const struct rx_request *q,
    const struct rx_record *r, enum rx_field f, struct rx_status *st)
{
	const int64_t v = rx_record_int(r, f);
	char text[RX_DATE_TEXT];

	switch (rx_fields[f].kind) {
	case RX_K_TEXT:
	case RX_K_NOTE:
		return (add_text(out, rx_record_text(r, f), st));
	case RX_K_CODE:
		return (add_code(out, q, rx_fields[f].list, v, st));
	case RX_K_CODES:
		return (add_codes(out, q, r, f, st));
	case RX_K_DATE:
		rx_date_format((int32_t)v, text);
		return (add_text(out, text, st));
	case RX_K_MONTH:
		rx_month_format((int32_t)v, text);
		return (add_text(out, text, st));
	case RX_K_BOOL:
		return (add_text(out, rx_msg(v != 0 ? RX_MSG_CLI_YES :
		    RX_MSG_CLI_NO, q->lang), st));
	case RX_K_FEN:
		return (rx_buf_printf(out, st, "%lld.%02d %s",
		    (long long)(v / 100), (int)(v % 100),
		    rx_msg(RX_MSG_CLI_YUAN, q->lang)));
	case RX_K_COUNT:
		return (rx_buf_printf(out, st, "%lld", (long long)v));
	default:
		return (RX_OK);
	}
}

/* Put the field as {label, value} in the list data[key]. */
static rx_err
put_field(json_t *data, const char *key, const struct rx_request *q,
    const struct rx_record *r, enum rx_field f, struct rx_status *st)
{
	struct rx_buf value = RX_BUF_INIT;
	json_t *item;
	rx_err rc;

	if ((rc = add_value(&value, q, r, f, st)) != RX_OK || value.len == 0)
		goto done;
	if ((rc = rx_put_item(data, key, &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "label", rx_msg(rx_fields[f].label,
	    q->lang), st)) != RX_OK)
		goto done;
	rc = rx_put(item, "value", json_stringn((const char *)value.b,
	    value.len), st);
done:
	rx_buf_free(&value);
	return (rc);
}

/* ---- the child ---- */

static rx_err
put_child(struct rx_supervisor_case *c, const struct rx_record *r,
    struct rx_status *st)
{
	const int32_t birth = (int32_t)rx_record_int(r, RX_F_BIRTH);
	enum rx_field f;
	rx_err rc;

	if (birth != 0 && (rc = rx_put_int(c->data, "age", rx_age(birth,
	    rx_date_today()), st)) != RX_OK)
		return (rc);
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (!r->v[f].set || f == RX_F_CALLER_ID)
			continue;
		if (rx_fields[f].comp == RX_COMP_IDENTITY) {
			if (c->identity && (rc = put_field(c->data,
			    "identity", c->q, r, f, st)) != RX_OK)
				return (rc);
		} else if ((rc = put_field(c->data, "facts", c->q, r, f,
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* ---- the records ---- */

/* Is ${r} a decision on the flag whose page this is? */
static bool
decides(const struct rx_supervisor_case *c, const struct rx_record *r)
{
	const uint8_t *id = rx_record_id(r, RX_F_FLAG, 0);

	return (r->type == RX_REVIEW && id != NULL &&
	    memcmp(id, c->flag->id, RX_ID_BYTES) == 0);
}

static bool
in_facts(enum rx_field f)
{

	return (f != RX_F_DATE && f != RX_F_CALLER_ID && f != RX_F_CHILD &&
	    f != RX_F_FLAG && f != RX_F_RAISES_FLAG && f != RX_F_RISK &&
	    f != RX_F_SEEN &&
	    f != RX_F_HAS_NEED && f != RX_F_LEAD_UNIT &&
	    f != RX_F_CHILDREN && rx_fields[f].comp != RX_COMP_IDENTITY);
}

/* A new object in front of the list data[key]: the newest stands first. */
static rx_err
put_first(json_t *data, const char *key, json_t **item, struct rx_status *st)
{
	json_t *list = json_object_get(data, key);
	rx_err rc;

	*item = NULL;
	if (list == NULL) {
		list = json_array();
		if ((rc = rx_put(data, key, list, st)) != RX_OK)
			return (rc);
	}
	if ((*item = json_object()) == NULL ||
	    json_array_insert_new(list, 0, *item) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

static rx_err
put_event(struct rx_supervisor_case *c, const struct rx_record *r,
    const char *list, struct rx_status *st)
{
	enum rx_field f;
	json_t *o;
	rx_err rc;

	if ((rc = put_first(c->data, list, &o, st)) != RX_OK ||
	    (rc = rx_put_text(o, "type", rx_msg(rx_type_label(r->type),
	    c->q->lang), st)) != RX_OK ||
	    (rc = rx_put_date(o, "day", (int32_t)rx_record_int(r, RX_F_DATE),
	    st)) != RX_OK ||
	    (rc = rx_put_text(o, "by", rx_session_author(c->q->session,
	    r->author), st)) != RX_OK ||
	    (rc = rx_put_time(o, "at", r->at, st)) != RX_OK ||
	    (rc = rx_put_bool(o, "this_flag", memcmp(r->id, c->flag->id,
	    RX_ID_BYTES) == 0, st)) != RX_OK ||
	    (rc = rx_put_versions(o, "revised", c->q, r->version, st)) !=
	    RX_OK || (rc = rx_put_code(o, "level", c->q, RX_LIST_RISK,
	    rx_record_int(r, RX_F_RISK), st)) != RX_OK)
		return (rc);
	for (f = 0; f < RX_FIELD_COUNT; f++)
		if (r->v[f].set && in_facts(f) && (rc = put_field(o,
		    rx_fields[f].comp == RX_COMP_NARRATIVE ? "words" :
		    "points", c->q, r, f, st)) != RX_OK)
			return (rc);
	return (RX_OK);
}

rx_err
rx_supervisor_put_record(void *cookie, const struct rx_record *r,
    struct rx_status *st)
{
	struct rx_supervisor_case *c = cookie;
	rx_err rc;

	if (r->type == RX_CHILD)
		return (put_child(c, r, st));
	if (decides(c, r) && (rc = put_event(c, r, "history", st)) != RX_OK)
		return (rc);
	return (put_event(c, r, "timeline", st));
}
