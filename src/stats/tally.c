#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

/*
 * The seven figures.  A case's record belongs to the row of its unit, which is
 * its child's; an activity to the row of its lead unit, else of its unit.
 */

enum {
	COL_THEME, COL_COUNSELLING, COL_AGENCIES, COL_VISITS, COL_CASH,
	COL_HELPED, COL_RESOLVED
};

#define NO_ROW SIZE_MAX

struct kinds {
	uint16_t theme, group, parent_child;
	struct rx_form_kinds form;
};

#define AGENCY_BYTES (sizeof(uint32_t) + 16)

struct rx_tally {
	struct rx_annex *a;
	size_t cap, last;	/* rows; the row found last */
	struct kinds kind;
	struct rx_set agencies;	/* row 4 || hash of the code 16 */
	int64_t *times;		/* by its place there: how often it came */
	size_t timescap;
	struct rx_set visits;	/* child 16 || unit 16 || date 4 */
	struct rx_set helped;	/* row 4 || child 16 */
	struct rx_set helped_all, children;	/* child 16 */
};

static rx_err
kinds_find(struct kinds *k, struct rx_status *st)
{

	k->theme = rx_code_no(RX_LIST_KIND, "theme_activity");
	k->group = rx_code_no(RX_LIST_KIND, "group_counselling");
	k->parent_child = rx_code_no(RX_LIST_KIND, "parent_child_group");
	if (k->theme == 0 || k->group == 0 || k->parent_child == 0)
		return (rx_stats_bug("code lists", st));
	return (rx_form_kinds_find(&k->form, st));
}

rx_err
rx_tally_new(struct rx_tally **out, const char unit[RX_UNIT_BYTES],
    const char *owner, int32_t from, int32_t to, struct rx_status *st)
{
	struct rx_tally *t;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_stats_alloc(&t, 1, sizeof(*t), st)) != RX_OK)
		goto err0;
	if ((rc = rx_stats_alloc(&t->a, 1, sizeof(*t->a), st)) != RX_OK)
		goto err1;
	if ((rc = kinds_find(&t->kind, st)) != RX_OK)
		goto err1;
	memcpy(t->a->unit, unit, RX_UNIT_BYTES);
	strncpy(t->a->owner, owner, sizeof(t->a->owner) - 1);
	t->a->from = from;
	t->a->to = to;
	t->agencies.size = AGENCY_BYTES;
	t->visits.size = RX_ID_BYTES + RX_UNIT_BYTES + sizeof(int32_t);
	t->helped.size = sizeof(uint32_t) + RX_ID_BYTES;
	t->helped_all.size = t->children.size = RX_ID_BYTES;

	/* Success! */
	*out = t;
	return (RX_OK);

err1:
	rx_tally_free(t);
err0:
	/* Failure! */
	return (rc);
}

void
rx_tally_free(struct rx_tally *t)
{

	if (t == NULL)
		return;
	rx_annex_free(t->a);
	rx_set_free(&t->agencies);
	free(t->times);
	rx_set_free(&t->visits);
	rx_set_free(&t->helped);
	rx_set_free(&t->helped_all);
	rx_set_free(&t->children);
	free(t);
}

void
rx_annex_free(struct rx_annex *a)
{

	if (a == NULL)
		return;
	free(a->rows);
	free(a);
}

/* ---- rows ---- */

rx_err
rx_tally_row(struct rx_tally *t, const char unit[RX_UNIT_BYTES],
    const char *name, struct rx_status *st)
{
	struct rx_annex *a = t->a;
	struct rx_annex_row *rows;
	size_t cap = t->cap > 0 ? 2 * t->cap : 16;

	if (a->nrows == t->cap) {
		if ((rows = realloc(a->rows, cap * sizeof(*rows))) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		a->rows = rows;
		t->cap = cap;
	}
	memset(&a->rows[a->nrows], 0, sizeof(*a->rows));
	memcpy(a->rows[a->nrows].unit, unit, RX_UNIT_BYTES);
	rx_unit_text(a->rows[a->nrows].code, unit);
	strncpy(a->rows[a->nrows].name, name, sizeof(a->rows->name) - 1);
	a->nrows++;
	return (RX_OK);
}

/* Whether the line ${r} of the form's list stands in the form of ${unit},
 * whose short code is ${code} and which is (or not) the owner of a form. */
static bool
in_form(const struct rx_reporting_unit *r, const char unit[RX_UNIT_BYTES],
    const char *code, bool owner)
{

	if (rx_unit_level(unit) == RX_LEVEL_PROVINCE)
		return (strncmp(r->code, unit, 2) == 0);
	return (strcmp(owner ? r->owner : r->code, code) == 0);
}

rx_err
rx_tally_form(struct rx_tally *t, bool *known, struct rx_status *st)
{
	const struct rx_reporting_unit *list;
	char code[RX_UNIT_TEXT], unit[RX_UNIT_BYTES];
	size_t n, i;
	bool owner = false;
	rx_err rc;

	list = rx_reporting_units(&n);
	rx_unit_text(code, t->a->unit);
	for (i = 0; i < n; i++)
		owner = owner || strcmp(list[i].owner, code) == 0;
	for (i = 0; i < n; i++) {
		if (!in_form(&list[i], t->a->unit, code, owner))
			continue;
		if ((rc = rx_unit_parse(unit, list[i].code, st)) != RX_OK ||
		    (rc = rx_tally_row(t, unit, list[i].name, st)) != RX_OK)
			return (rc);
	}
	*known = t->a->nrows > 0;
	return (RX_OK);
}

/* The unit whose row ${unit} belongs to. */
static void
row_unit(char out[RX_UNIT_BYTES], const char unit[RX_UNIT_BYTES])
{

	rx_unit_ancestor(out, unit, RX_LEVEL_COUNTY);
	if (rx_unit_level(out) == RX_LEVEL_PREFECTURE)
		out[12] = 'S';
}

static size_t
find_row(struct rx_tally *t, const char unit[RX_UNIT_BYTES])
{
	const struct rx_annex *a = t->a;
	char want[RX_UNIT_BYTES];
	size_t i;

	row_unit(want, unit);
	if (t->last < a->nrows &&
	    memcmp(a->rows[t->last].unit, want, RX_UNIT_BYTES) == 0)
		return (t->last);
	for (i = 0; i < a->nrows; i++) {
		if (memcmp(a->rows[i].unit, want, RX_UNIT_BYTES) == 0) {
			t->last = i;
			return (i);
		}
	}
	return (NO_ROW);
}

/* ---- counting ---- */

static bool
in_period(const struct rx_tally *t, bool set, int64_t date)
{

	return (set && date >= t->a->from && date <= t->a->to);
}

static void
count(struct rx_tally *t, size_t row, unsigned column, int64_t n)
{

	t->a->rows[row].v[column] += n;
	t->a->total[column] += n;
}

/* The agency of ${key} came ${n} times more, or less. */
static rx_err
agency_times(struct rx_tally *t, const uint8_t key[AGENCY_BYTES], int64_t n,
    struct rx_status *st)
{
	size_t i;
	bool added;
	rx_err rc;

	if ((rc = rx_set_add(&t->agencies, key, &i, &added, st)) != RX_OK ||
	    (rc = rx_room(&t->times, i, 1, &t->timescap, sizeof(*t->times),
	    st)) != RX_OK)
		return (rc);
	t->times[i] = (added ? 0 : t->times[i]) + n;
	return (RX_OK);
}

static rx_err
count_agency(struct rx_tally *t, size_t row, const char *code,
    struct rx_status *st)
{
	uint8_t key[AGENCY_BYTES];

	rx_hash(key + sizeof(uint32_t), 16, NULL, "runxin agency", code,
	    strlen(code));
	rx_put32(key, (uint32_t)row);
	return (agency_times(t, key, 1, st));
}

static rx_err
count_visit(struct rx_tally *t, size_t row, const uint8_t *child,
    const char *unit, int32_t date, struct rx_status *st)
{
	uint8_t key[RX_ID_BYTES + RX_UNIT_BYTES + sizeof(uint32_t)];
	bool added;
	rx_err rc;

	memcpy(key, child, RX_ID_BYTES);
	memcpy(key + RX_ID_BYTES, unit, RX_UNIT_BYTES);
	rx_put32(key + RX_ID_BYTES + RX_UNIT_BYTES, (uint32_t)date);
	if ((rc = rx_set_add(&t->visits, key, NULL, &added, st)) != RX_OK)
		return (rc);
	count(t, row, COL_VISITS, added);
	return (RX_OK);
}

static rx_err
count_helped(struct rx_tally *t, size_t row, const uint8_t *child,
    struct rx_status *st)
{
	uint8_t key[sizeof(uint32_t) + RX_ID_BYTES];
	bool added;
	rx_err rc;

	rx_put32(key, (uint32_t)row);
	memcpy(key + sizeof(uint32_t), child, RX_ID_BYTES);
	if ((rc = rx_set_add(&t->helped, key, NULL, &added, st)) != RX_OK)
		return (rc);
	t->a->rows[row].v[COL_HELPED] += added;
	if ((rc = rx_set_add(&t->helped_all, child, NULL, &added, st)) !=
	    RX_OK)
		return (rc);
	t->a->total[COL_HELPED] += added;
	return (RX_OK);
}

static void
count_cash(struct rx_tally *t, size_t row, int64_t fen)
{

	count(t, row, COL_CASH, fen);
	t->a->payments++;
	if (fen == 0)
		t->a->payments_empty++;
}

/* An intervention dated in the period. */
static rx_err
count_delivered(struct rx_tally *t, size_t row, const uint8_t *child,
    const char *unit, const struct rx_form_line *line, struct rx_status *st)
{
	rx_err rc;

	if ((line->counts & RX_COUNTS_COUNSELLING) != 0)
		count(t, row, COL_COUNSELLING, 1);
	if ((line->counts & RX_COUNTS_CASH) != 0)
		count_cash(t, row, line->fen);
	if ((line->counts & RX_COUNTS_AGENCY) != 0 &&
	    (rc = count_agency(t, row, line->agency, st)) != RX_OK)
		return (rc);
	if ((line->counts & RX_COUNTS_VISIT) != 0 && (rc = count_visit(t, row,
	    child, unit, line->date, st)) != RX_OK)
		return (rc);
	return (count_helped(t, row, child, st));
}

rx_err
rx_tally_line(struct rx_tally *t, const uint8_t child[RX_ID_BYTES],
    const char unit[RX_UNIT_BYTES], const struct rx_form_line *line,
    struct rx_status *st)
{
	bool dated = in_period(t, line->dated, line->date);
	bool resolved = in_period(t, line->resolved, line->resolved_on);
	size_t row = find_row(t, unit);

	if (!dated && !resolved)
		return (RX_OK);
	if (row != NO_ROW)
		t->a->rows[row].records++;
	if (line->counts == 0)
		return (RX_OK);
	if (row == NO_ROW) {
		t->a->outside++;
		return (RX_OK);
	}
	if (resolved)
		count(t, row, COL_RESOLVED, 1);
	return (dated ? count_delivered(t, row, child, unit, line, st) :
	    RX_OK);
}

void
rx_tally_unit(char out[RX_UNIT_BYTES], const struct rx_record *r)
{
	const char *lead = rx_record_text(r, RX_F_LEAD_UNIT);
	size_t n = strnlen(lead, RX_UNIT_BYTES);

	memcpy(out, r->unit, RX_UNIT_BYTES);
	if (!r->v[RX_F_LEAD_UNIT].set || n == 0)
		return;
	memset(out, 0, RX_UNIT_BYTES);
	memcpy(out, lead, n);
}

static rx_err
add_activity(struct rx_tally *t, const struct rx_record *r,
    struct rx_status *st)
{
	int64_t kind = rx_record_int(r, RX_F_KIND);
	int64_t sessions = 1;
	bool theme = kind == t->kind.theme;
	bool group = kind == t->kind.group || kind == t->kind.parent_child;
	bool agency = rx_form_agency(&t->kind.form, r);
	char unit[RX_UNIT_BYTES];
	size_t row;

	if (!in_period(t, r->v[RX_F_DATE].set, rx_record_int(r, RX_F_DATE)))
		return (RX_OK);
	rx_tally_unit(unit, r);
	row = find_row(t, unit);
	if (row != NO_ROW)
		t->a->rows[row].records++;
	if (!rx_record_int(r, RX_F_HELD) ||
	    (!theme && !group && !agency))
		return (RX_OK);
	if (row == NO_ROW) {
		t->a->outside++;
		return (RX_OK);
	}
	if (r->v[RX_F_SESSIONS].set)
		sessions = rx_record_int(r, RX_F_SESSIONS);
	if (theme)
		count(t, row, COL_THEME, 1);
	if (group)
		count(t, row, COL_COUNSELLING, sessions);
	return (agency ? count_agency(t, row, rx_record_text(r, RX_F_AGENCY),
	    st) : RX_OK);
}

static rx_err
add_child(struct rx_tally *t, const struct rx_record *r, struct rx_status *st)
{
	bool added;
	rx_err rc;

	if (find_row(t, r->unit) == NO_ROW)
		return (RX_OK);
	if ((rc = rx_set_add(&t->children, r->id, NULL, &added, st)) != RX_OK)
		return (rc);
	t->a->children_on_register += added;
	return (RX_OK);
}

rx_err
rx_tally_add(struct rx_tally *t, const struct rx_record *r,
    struct rx_status *st)
{
	struct rx_form_line line;

	if (r->type == RX_CHILD)
		return (add_child(t, r, st));
	if (r->type == RX_ACTIVITY)
		return (add_activity(t, r, st));
	rx_form_line(&line, &t->kind.form, r);
	return (rx_tally_line(t, r->child, r->unit, &line, st));
}

/* Add the sums of ${r} to the row. */
static rx_err
add_sums(struct rx_tally *t, size_t row, const struct rx_residue *r,
    struct rx_status *st)
{
	const int64_t helped = rx_residue_helped(r,
	    rx_date_month(t->a->from));
	size_t i;
	rx_err rc;

	t->a->rows[row].records += r->reported > 0;
	count(t, row, COL_COUNSELLING, r->counselling);
	count(t, row, COL_VISITS, r->visits);
	count(t, row, COL_CASH, r->fen);
	count(t, row, COL_RESOLVED, r->resolved);
	count(t, row, COL_HELPED, helped);
	t->a->payments += r->payments;
	t->a->payments_empty += r->payments_empty;
	for (i = 0; i < json_array_size(r->agencies); i++)
		if ((rc = count_agency(t, row, json_string_value(
		    json_array_get(r->agencies, i)), st)) != RX_OK)
			return (rc);
	return (RX_OK);
}

rx_err
rx_tally_residue(struct rx_tally *t, const struct rx_residue *r,
    struct rx_status *st)
{
	const int32_t first = rx_month_first(r->month);
	const int32_t last = rx_month_first(r->month + 1) - 1;
	const size_t row = find_row(t, r->unit);

	if (row == NO_ROW)
		return (RX_OK);
	t->a->children_on_register += r->children;
	if (last < t->a->from || first > t->a->to)
		return (RX_OK);
	/* Of a month that is counted by half nobody knows which half. */
	if (first < t->a->from || last > t->a->to) {
		t->a->residue_cut = true;
		return (RX_OK);
	}
	return (add_sums(t, row, r, st));
}

/* ---- taken together ---- */

/* The figures of a tally, but the agencies, in an order that is kept: how many
 * there are, and the ${k}th. */
#define ONES 4
#define OF_ROW (RX_ANNEX_COLUMNS + 1)

static size_t
figures(const struct rx_annex *a)
{

	return (ONES + RX_ANNEX_COLUMNS + a->nrows * OF_ROW);
}

static int64_t *
figure(struct rx_annex *a, size_t k)
{
	int64_t *const one[ONES] = { &a->children_on_register, &a->payments,
	    &a->payments_empty, &a->outside };
	struct rx_annex_row *row;

	if (k < ONES)
		return (one[k]);
	if ((k -= ONES) < RX_ANNEX_COLUMNS)
		return (&a->total[k]);
	k -= RX_ANNEX_COLUMNS;
	row = &a->rows[k / OF_ROW];
	return (k % OF_ROW < RX_ANNEX_COLUMNS ? &row->v[k % OF_ROW] :
	    &row->records);
}

rx_err
rx_tally_take(struct rx_tally *t, const struct rx_tally *u, bool off,
    struct rx_status *st)
{
	const int64_t n = off ? -1 : 1;
	size_t i;
	rx_err rc = RX_OK;

	if (t->a->nrows != u->a->nrows)
		return (rx_stats_bug("rows", st));
	for (i = 0; i < figures(t->a); i++)
		*figure(t->a, i) += n * *figure(u->a, i);
	t->a->residue_cut = t->a->residue_cut || u->a->residue_cut;
	for (i = 0; i < u->agencies.n && rc == RX_OK; i++)
		rc = agency_times(t, &u->agencies.keys[i * AGENCY_BYTES],
		    n * u->times[i], st);
	return (rc);
}

bool
rx_tally_equal(const struct rx_tally *t, const struct rx_tally *u)
{
	size_t i, at;
	int64_t times;

	if (t->a->nrows != u->a->nrows ||
	    t->a->residue_cut != u->a->residue_cut)
		return (false);
	for (i = 0; i < figures(t->a); i++)
		if (*figure(t->a, i) != *figure(u->a, i))
			return (false);
	/* What one lacks came no time. */
	for (i = 0; i < t->agencies.n; i++) {
		times = rx_set_find(&u->agencies, &t->agencies.keys[i *
		    AGENCY_BYTES], &at) ? u->times[at] : 0;
		if (times != t->times[i])
			return (false);
	}
	for (i = 0; i < u->agencies.n; i++)
		if (u->times[i] != 0 && !rx_set_find(&t->agencies,
		    &u->agencies.keys[i * AGENCY_BYTES], &at))
			return (false);
	return (true);
}

/* ---- kept ---- */

/* Rows 4 || their units 16 each || figures 8 each || cut 1 || agencies 4 ||
 * each key 20, times 8. */
rx_err
rx_tally_encode(struct rx_buf *out, const struct rx_tally *t,
    struct rx_status *st)
{
	const uint8_t cut = t->a->residue_cut;
	uint8_t b[8];
	size_t i;
	rx_err rc;

	rx_put32(b, (uint32_t)t->a->nrows);
	rc = rx_buf_add(out, b, 4, st);
	for (i = 0; i < t->a->nrows && rc == RX_OK; i++)
		rc = rx_buf_add(out, t->a->rows[i].unit, RX_UNIT_BYTES, st);
	for (i = 0; i < figures(t->a) && rc == RX_OK; i++) {
		rx_put64(b, (uint64_t)*figure(t->a, i));
		rc = rx_buf_add(out, b, 8, st);
	}
	rx_put32(b, (uint32_t)t->agencies.n);
	if (rc != RX_OK || (rc = rx_buf_add(out, &cut, 1, st)) != RX_OK ||
	    (rc = rx_buf_add(out, b, 4, st)) != RX_OK)
		return (rc);
	for (i = 0; i < t->agencies.n && rc == RX_OK; i++) {
		rx_put64(b, (uint64_t)t->times[i]);
		if ((rc = rx_buf_add(out, &t->agencies.keys[i * AGENCY_BYTES],
		    AGENCY_BYTES, st)) == RX_OK)
			rc = rx_buf_add(out, b, 8, st);
	}
	return (rc);
}

/* What is left of bytes; take() gives the next ${n}, NULL when there are none. */
struct rest {
	const uint8_t *p;
	size_t n;
};

static const uint8_t *
take(struct rest *b, size_t n)
{
	const uint8_t *p = b->p;

	if (b->n < n)
		return (NULL);
	b->p += n;
	b->n -= n;
	return (p);
}

rx_err
rx_tally_decode(struct rx_tally *t, const uint8_t *bytes, size_t len,
    bool *fits, struct rx_status *st)
{
	struct rest b = { bytes, len };
	const uint8_t *p;
	size_t i, n;
	rx_err rc;

	*fits = false;
	if ((p = take(&b, 4)) == NULL || rx_get32(p) != t->a->nrows)
		return (RX_OK);
	for (i = 0; i < t->a->nrows; i++)
		if ((p = take(&b, RX_UNIT_BYTES)) == NULL ||
		    memcmp(p, t->a->rows[i].unit, RX_UNIT_BYTES) != 0)
			return (RX_OK);
	for (i = 0; i < figures(t->a); i++) {
		if ((p = take(&b, 8)) == NULL)
			return (RX_OK);
		*figure(t->a, i) = (int64_t)rx_get64(p);
	}
	if ((p = take(&b, 5)) == NULL)
		return (RX_OK);
	t->a->residue_cut = p[0] == 1;
	n = rx_get32(p + 1);
	for (i = 0; i < n; i++) {
		if ((p = take(&b, AGENCY_BYTES + 8)) == NULL ||
		    rx_get32(p) >= t->a->nrows)
			return (RX_OK);
		if ((rc = agency_times(t, p, (int64_t)rx_get64(p +
		    AGENCY_BYTES), st)) != RX_OK)
			return (rc);
	}
	*fits = b.n == 0;
	return (RX_OK);
}

/* The agencies of each row, and all of them together, each once. */
static rx_err
agencies_finish(struct rx_tally *t, struct rx_status *st)
{
	struct rx_set all = { .size = AGENCY_BYTES - sizeof(uint32_t) };
	const uint8_t *key;
	bool added;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < t->agencies.n && rc == RX_OK; i++) {
		if (t->times[i] == 0)
			continue;
		key = &t->agencies.keys[i * AGENCY_BYTES];
		t->a->rows[rx_get32(key)].v[COL_AGENCIES]++;
		t->a->agencies_row_sum++;
		if ((rc = rx_set_add(&all, key + sizeof(uint32_t), NULL, &added,
		    st)) == RX_OK)
			t->a->total[COL_AGENCIES] += added;
	}
	rx_set_free(&all);
	return (rc);
}

rx_err
rx_tally_finish(struct rx_annex **out, struct rx_tally *t,
    struct rx_status *st)
{
	size_t i;
	rx_err rc;

	*out = NULL;
	if ((rc = agencies_finish(t, st)) != RX_OK)
		return (rc);
	for (i = 0; i < t->a->nrows; i++)
		t->a->rows[i].reported = t->a->rows[i].records > 0;
	*out = t->a;
	t->a = NULL;
	return (RX_OK);
}
