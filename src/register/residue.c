#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/json.h"
#include "register/internal.h"

/*
 * What erased children add to the form: sums by unit and month, and no child.
 * Without them a form for a period of before an erasure would show less than was
 * reported, and the difference would be that child.
 *
 * A row of TALLY: unit, a field (C, padded NOTE) at store, unit, column 1,
 * version 1, with the JSON object {"children": N, "months": {"2025-06": {
 * "reported": n, "counselling": n, "visits": n, "payments": n,
 * "payments_empty": n, "fen": n, "resolved": n, "helped": {"2025-03": n,
 * "": n}, "agencies": [code...]}}}.  A row is of all that were erased in the
 * unit together, and is sealed anew with each.
 *
 * Children helped are counted once over several months: "helped" has those of a
 * month by the month before in which they were helped too, "" for none.  Of the
 * months FROM..TO a child is counted in the first, whose month before lies
 * before FROM: the sum of these is the number of children, for any whole months.
 */

#define COL_SEALED 1

enum {
	REPORTED, COUNSELLING, VISITS, PAYMENTS, PAYMENTS_EMPTY, FEN, RESOLVED,
	SUMS
};
static const char *const sums[SUMS] = {
	"reported", "counselling", "visits", "payments", "payments_empty",
	"fen", "resolved"
};

/* ---- one child ---- */

struct month {
	int32_t month;
	bool helped;
	int64_t sum[SUMS];
};
struct child {
	struct rx_form_kinds kinds;
	struct rx_buf months;	/* struct month, in no order */
	struct rx_buf visits;	/* dates, each once */
	struct rx_buf agencies;	/* struct agency */
};
struct agency {
	int32_t month;
	char code[32];
};

/* The child's month of ${date}; valid until the next call. */
static rx_err
month_of(struct child *ch, int32_t date, struct month **out,
    struct rx_status *st)
{
	const int32_t month = rx_date_month(date);
	struct month *m, fresh = { .month = month };
	size_t i;
	rx_err rc;

	for (i = 0; i < ch->months.len; i += sizeof(*m)) {
		m = (struct month *)(void *)(ch->months.b + i);
		if (m->month == month) {
			*out = m;
			return (RX_OK);
		}
	}
	if ((rc = rx_buf_add(&ch->months, &fresh, sizeof(fresh), st)) != RX_OK)
		return (rc);
	*out = (struct month *)(void *)(ch->months.b + ch->months.len -
	    sizeof(*m));
	return (RX_OK);
}

/* Whether the child was not visited on ${date} before. */
static rx_err
visited(struct child *ch, int32_t date, bool *first, struct rx_status *st)
{
	int32_t d;
	size_t i;

	*first = true;
	for (i = 0; i < ch->visits.len; i += sizeof(d)) {
		memcpy(&d, ch->visits.b + i, sizeof(d));
		if (d == date)
			*first = false;
	}
	return (*first ? rx_buf_add(&ch->visits, &date, sizeof(date), st) :
	    RX_OK);
}

/* What a delivered intervention adds to ${m}, the month of its date. */
static rx_err
add_dated(struct child *ch, struct month *m, const struct rx_form_line *line,
    struct rx_status *st)
{
	struct agency a = { .month = rx_date_month(line->date) };
	bool first = false;
	rx_err rc;

	if ((line->counts & RX_COUNTS_AGENCY) != 0) {
		rx_text_copy(a.code, sizeof(a.code), line->agency);
		if ((rc = rx_buf_add(&ch->agencies, &a, sizeof(a), st)) !=
		    RX_OK)
			return (rc);
	}
	if ((line->counts & RX_COUNTS_VISIT) != 0 &&
	    (rc = visited(ch, line->date, &first, st)) != RX_OK)
		return (rc);
	m->helped = true;
	m->sum[VISITS] += first;
	m->sum[COUNSELLING] += (line->counts & RX_COUNTS_COUNSELLING) != 0;
	if ((line->counts & RX_COUNTS_CASH) != 0) {
		m->sum[PAYMENTS]++;
		m->sum[PAYMENTS_EMPTY] += line->fen == 0;
		m->sum[FEN] += line->fen;
	}
	return (RX_OK);
}

static rx_err
add_record(struct child *ch, const struct rx_record *r, struct rx_status *st)
{
	struct rx_form_line line;
	struct month *m;
	rx_err rc;

	rx_form_line(&line, &ch->kinds, r);
	if (line.dated) {
		if ((rc = month_of(ch, line.date, &m, st)) != RX_OK)
			return (rc);
		m->sum[REPORTED] = 1;
		if (line.counts != 0 &&
		    (rc = add_dated(ch, m, &line, st)) != RX_OK)
			return (rc);
	}
	if (!line.resolved)
		return (RX_OK);
	if ((rc = month_of(ch, line.resolved_on, &m, st)) != RX_OK)
		return (rc);
	m->sum[REPORTED] = 1;
	m->sum[RESOLVED] += line.counts != 0;
	return (RX_OK);
}

/* Everything that the live records of the loaded case count for. */
static rx_err
read_case(struct rx_session *s, struct rx_case *c, struct child *ch,
    struct rx_status *st)
{
	struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	struct rx_cursor *cur;
	struct rx_record r;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_RECORDS_OF_CHILD, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	rx_record_init(&r);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = rx_row_open(s, c, cur, RX_TABLE_RECORD,
		    RX_BIT(RX_COMP_CODED), false, &r, st)) != RX_OK ||
		    (rc = add_record(ch, &r, st)) != RX_OK)
			break;
	rx_query_close(cur);
	rx_record_free(&r);
	return (rc);
}

/* ---- into the unit's sums ---- */

/* ${to}[key], an object that is made when there is none; NULL: no memory. */
static json_t *
member(json_t *to, const char *key)
{
	json_t *o = json_object_get(to, key);

	if (o == NULL && (o = json_object()) != NULL &&
	    json_object_set_new(to, key, o) != 0)
		return (NULL);
	return (o);
}

static rx_err
add(json_t *to, const char *key, int64_t n, struct rx_status *st)
{

	n += json_integer_value(json_object_get(to, key));
	if (json_object_set_new(to, key, json_integer(n)) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

/* Add the agency ${code} to the list of the month ${o}, once. */
static rx_err
add_agency(json_t *o, const char *code, struct rx_status *st)
{
	json_t *list = json_object_get(o, "agencies");
	size_t i;

	if (list == NULL && ((list = json_array()) == NULL ||
	    json_object_set_new(o, "agencies", list) != 0))
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)),
		    code) == 0)
			return (RX_OK);
	if (json_array_append_new(list, json_string(code)) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

static int
month_cmp(const void *a, const void *b)
{
	const struct month *x = a, *y = b;

	return (x->month < y->month ? -1 : x->month > y->month);
}

/* Add one month of the child, helped in ${before} before ("": never). */
static rx_err
merge_month(json_t *o, const struct month *m, const char *before,
    struct rx_status *st)
{
	json_t *helped;
	size_t k;
	rx_err rc;

	for (k = 0; k < SUMS; k++)
		if (m->sum[k] != 0 &&
		    (rc = add(o, sums[k], m->sum[k], st)) != RX_OK)
			return (rc);
	if (!m->helped)
		return (RX_OK);
	if ((helped = member(o, "helped")) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (add(helped, before, 1, st));
}

/* Add the child to the sums ${doc} of its unit. */
static rx_err
merge(json_t *doc, struct child *ch, struct rx_status *st)
{
	const size_t n = ch->months.len / sizeof(struct month);
	struct month *m = (struct month *)(void *)ch->months.b;
	char key[RX_MONTH_TEXT], before[RX_MONTH_TEXT] = "";
	json_t *months, *o;
	struct agency a;
	size_t i;
	rx_err rc;

	if ((months = member(doc, "months")) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (n > 1)
		qsort(m, n, sizeof(*m), month_cmp);
	for (i = 0; i < n; i++) {
		rx_month_format(m[i].month, key);
		if ((o = member(months, key)) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		if ((rc = merge_month(o, &m[i], before, st)) != RX_OK)
			return (rc);
		if (m[i].helped)
			memcpy(before, key, sizeof(before));
	}
	for (i = 0; i < ch->agencies.len; i += sizeof(a)) {
		memcpy(&a, ch->agencies.b + i, sizeof(a));
		rx_month_format(a.month, key);
		if ((rc = add_agency(json_object_get(months, key), a.code,
		    st)) != RX_OK)
			return (rc);
	}
	return (add(doc, "children", 1, st));
}

/* ---- sealed ---- */

static void
place_of(struct rx_place *p, const struct rx_session *s, const char *unit)
{

	rx_place_init(p, s, unit, NULL, NULL, RX_TABLE_TALLY, COL_SEALED, 1);
}

/* The sums of ${unit}, *out NULL when there are none yet. */
static rx_err
doc_open(struct rx_session *s, const char *unit, json_t **out,
    struct rx_status *st)
{
	struct rx_buf plain = RX_BUF_INIT;
	struct rx_value arg = rx_text(unit);
	const struct rx_key *key;
	struct rx_cursor *cur;
	struct rx_place place;
	const uint8_t *box;
	size_t n;
	bool row = false;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_query_open(&cur, s->store, RX_Q_TALLY, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		box = rx_col_bytes(cur, COL_SEALED, &n);
		place_of(&place, s, unit);
		if ((rc = rx_unit_key(s, unit, RX_COMP_CODED,
		    rx_envelope_epoch(box, n), &key, NULL, st)) == RX_OK &&
		    (rc = rx_field_open(&plain, box, n, key, RX_COMP_CODED,
		    &place, st)) == RX_OK && (rc = rx_json_parse(out,
		    (const char *)plain.b, plain.len, st)) == RX_EUSAGE) {
			rx_status_clear(st);
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT);
		}
	}
	rx_query_close(cur);
	rx_buf_free(&plain);
	return (rc);
}

static rx_err
doc_seal(struct rx_session *s, const char *unit, const json_t *doc,
    struct rx_status *st)
{
	struct rx_buf plain = RX_BUF_INIT, box = RX_BUF_INIT;
	const struct rx_key *key;
	struct rx_place place;
	struct rx_value v[2];
	uint32_t epoch;
	rx_err rc;

	place_of(&place, s, unit);
	if ((rc = rx_json_write(&plain, doc, st)) == RX_OK &&
	    (rc = rx_unit_key(s, unit, RX_COMP_CODED, 0, &key, &epoch, st)) ==
	    RX_OK && (rc = rx_field_seal(&box, key, RX_COMP_CODED, epoch,
	    &place, RX_PAD_NOTE, plain.b, plain.len, st)) == RX_OK) {
		v[0] = rx_text(unit);
		v[1] = rx_bytes(box.b, box.len);
		rc = rx_store_replace(s->store, RX_TABLE_TALLY, v, st);
	}
	rx_buf_free(&plain);
	rx_buf_free(&box);
	return (rc);
}

rx_err
rx_residue_add(struct rx_session *s, struct rx_case *c, struct rx_status *st)
{
	struct child ch = { .months = RX_BUF_INIT, .visits = RX_BUF_INIT,
	    .agencies = RX_BUF_INIT };
	json_t *doc = NULL;
	rx_err rc;

	if ((rc = rx_form_kinds_find(&ch.kinds, st)) != RX_OK ||
	    (rc = read_case(s, c, &ch, st)) != RX_OK ||
	    (rc = doc_open(s, c->unit, &doc, st)) != RX_OK)
		goto done;
	if (doc == NULL && (doc = json_object()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	if (rc == RX_OK && (rc = merge(doc, &ch, st)) == RX_OK)
		rc = doc_seal(s, c->unit, doc, st);
done:
	json_decref(doc);
	rx_buf_free(&ch.months);
	rx_buf_free(&ch.visits);
	rx_buf_free(&ch.agencies);
	return (rc);
}

/* ---- reading ---- */

/* The month ${key} of the sums into ${r}, whose pointers are borrowed. */
static rx_err
month_read(struct rx_residue *r, const char *key, const json_t *o,
    struct rx_status *st)
{
	int64_t *const to[SUMS] = { &r->reported, &r->counselling, &r->visits,
	    &r->payments, &r->payments_empty, &r->fen, &r->resolved };
	size_t k;

	if (!rx_month_parse(key, &r->month))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	for (k = 0; k < SUMS; k++)
		*to[k] = json_integer_value(json_object_get(o, sums[k]));
	r->helped = json_object_get(o, "helped");
	r->agencies = json_object_get(o, "agencies");
	return (RX_OK);
}

rx_err
rx_residue_each(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    rx_residue_fn *each, void *cookie, struct rx_status *st)
{
	struct rx_residue r;
	const char *key;
	json_t *doc, *o;
	rx_err rc;

	if ((rc = doc_open(s, unit, &doc, st)) != RX_OK || doc == NULL)
		return (rc);
	memset(&r, 0, sizeof(r));
	memcpy(r.unit, unit, RX_UNIT_BYTES);
	r.children = json_integer_value(json_object_get(doc, "children"));
	json_object_foreach(json_object_get(doc, "months"), key, o) {
		if ((rc = month_read(&r, key, o, st)) != RX_OK ||
		    (rc = each(cookie, &r, st)) != RX_OK)
			break;
		r.children = 0;
	}
	json_decref(doc);
	return (rc);
}

int64_t
rx_residue_helped(const struct rx_residue *r, int32_t first)
{
	int64_t n = 0;
	const char *key;
	int32_t before;
	json_t *v;

	json_object_foreach((json_t *)(uintptr_t)r->helped, key, v)
		if (!rx_month_parse(key, &before) || before < first)
			n += json_integer_value(v);
	return (n);
}
