#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

#define COL_AGENCIES 2
#define COL_CASH 4
#define COL_HELPED 5
#define COL_RESOLVED 6
#define FEN_A_YUAN 100
#define YUAN_A_WAN 10000

static const char *const keys[RX_ANNEX_COLUMNS] = {
	"theme_activities", "counselling_sessions", "agencies", "visits",
	"cash_wan", "children_helped", "needs_resolved"
};
static const enum rx_msg heads[RX_ANNEX_COLUMNS] = {
	RX_MSG_ANNEX_THEME, RX_MSG_ANNEX_COUNSELLING, RX_MSG_ANNEX_AGENCIES,
	RX_MSG_ANNEX_VISITS, RX_MSG_ANNEX_CASH, RX_MSG_ANNEX_HELPED,
	RX_MSG_ANNEX_RESOLVED
};
static const unsigned widths[2 + RX_ANNEX_COLUMNS] = {
	6, 18, 14, 14, 16, 14, 14, 14, 16
};

/* fen in yuan, rounded half up; 0.0001 万元 is one yuan. */
static int64_t
yuan(int64_t fen)
{

	return (fen / FEN_A_YUAN + (fen % FEN_A_YUAN >= FEN_A_YUAN / 2));
}

void
rx_cash_wan(char out[32], int64_t fen)
{
	int64_t y = yuan(fen);

	(void)snprintf(out, 32, "%lld.%04lld", (long long)(y / YUAN_A_WAN),
	    (long long)(y % YUAN_A_WAN));
}

/* ---- the document ---- */

/* Append ${v} to the array ${to}, which takes it over. */
static rx_err
push(json_t *to, json_t *v, struct rx_status *st)
{

	if (json_array_append_new(to, v) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

/* The same for the member ${key} of an object. */
static rx_err
put(json_t *to, const char *key, json_t *v, struct rx_status *st)
{

	if (json_object_set_new(to, key, v) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

/* A new array of figures, cash as text; NULL when there is no memory. */
static json_t *
figures(const int64_t v[RX_ANNEX_COLUMNS])
{
	json_t *a = json_array();
	char wan[32];
	unsigned c;

	for (c = 0; a != NULL && c < RX_ANNEX_COLUMNS; c++) {
		rx_cash_wan(wan, v[c]);
		if (json_array_append_new(a, c == COL_CASH ?
		    json_string(wan) : json_integer(v[c])) != 0) {
			json_decref(a);
			a = NULL;
		}
	}
	return (a);
}

static rx_err
put_rows(json_t *doc, const struct rx_annex *a, struct rx_status *st)
{
	json_t *rows = json_array(), *row;
	size_t i;
	rx_err rc;

	if ((rc = put(doc, "rows", rows, st)) != RX_OK)
		return (rc);
	for (i = 0; i < a->nrows; i++) {
		row = json_object();
		if ((rc = push(rows, row, st)) != RX_OK ||
		    (rc = put(row, "code", json_string(a->rows[i].code),
		    st)) != RX_OK ||
		    (rc = put(row, "name", json_string(a->rows[i].name),
		    st)) != RX_OK ||
		    (rc = put(row, "values", figures(a->rows[i].v),
		    st)) != RX_OK)
			return (rc);
	}
	return (put(doc, "total", figures(a->total), st));
}

static rx_err
put_head(json_t *doc, const struct rx_annex *a, struct rx_status *st)
{
	json_t *columns = json_array();
	char code[RX_UNIT_TEXT], from[RX_DATE_TEXT], to[RX_DATE_TEXT];
	unsigned c;
	rx_err rc;

	rx_unit_text(code, a->unit);
	rx_date_format(a->from, from);
	rx_date_format(a->to, to);
	if ((rc = put(doc, "unit", json_string(code), st)) != RX_OK ||
	    (rc = put(doc, "name", json_string(a->owner), st)) != RX_OK ||
	    (rc = put(doc, "from", json_string(from), st)) != RX_OK ||
	    (rc = put(doc, "to", json_string(to), st)) != RX_OK ||
	    (rc = put(doc, "issue", json_integer(a->issue > 0 ? a->issue : 1),
	    st)) != RX_OK) {
		json_decref(columns);
		return (rc);
	}
	if ((rc = put(doc, "columns", columns, st)) != RX_OK)
		return (rc);
	for (c = 0; c < RX_ANNEX_COLUMNS; c++) {
		if ((rc = push(columns, json_string(keys[c]), st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* ---- notes ---- */

/* Append the message with its words to the notes. */
static rx_err
note(json_t *notes, enum rx_lang lang, enum rx_msg msg,
    const struct rx_word *words, size_t n, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_say(&text, msg, lang, words, n, st)) == RX_OK)
		rc = push(notes, json_string((const char *)text.b), st);
	rx_buf_free(&text);
	return (rc);
}

static void
number(char out[32], int64_t v)
{

	(void)snprintf(out, 32, "%lld", (long long)v);
}

static rx_err
note_agencies(json_t *notes, enum rx_lang lang, const struct rx_annex *a,
    struct rx_status *st)
{
	char together[32], sum[32];
	const struct rx_word words[] = { { "union", together }, { "sum", sum } };

	number(together, a->total[COL_AGENCIES]);
	number(sum, a->agencies_row_sum);
	return (note(notes, lang, RX_MSG_ANNEX_NOTE_AGENCIES, words, 2, st));
}

/* The names of the rows that reported nothing, "、" between; "" when none. */
static rx_err
silent_units(struct rx_buf *out, const struct rx_annex *a, enum rx_lang lang,
    struct rx_status *st)
{
	size_t i;
	rx_err rc;

	for (i = 0; i < a->nrows; i++) {
		if (a->rows[i].reported)
			continue;
		rc = rx_buf_printf(out, st, "%s%s", out->len > 0 ?
		    rx_msg(RX_MSG_LIST_COMMA, lang) : "", a->rows[i].name);
		if (rc != RX_OK)
			return (rc);
	}
	return (rx_buf_add(out, "", 1, st));
}

static rx_err
note_silent(json_t *notes, enum rx_lang lang, const struct rx_annex *a,
    struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	struct rx_word word = { "units", "" };
	rx_err rc;

	if ((rc = silent_units(&units, a, lang, st)) == RX_OK &&
	    units.len > 1) {
		word.value = (const char *)units.b;
		rc = note(notes, lang, RX_MSG_ANNEX_NOTE_SILENT, &word, 1, st);
	}
	rx_buf_free(&units);
	return (rc);
}

static rx_err
note_outside(json_t *notes, enum rx_lang lang, const struct rx_annex *a,
    struct rx_status *st)
{
	char n[32];
	const struct rx_word word = { "n", n };

	if (a->outside == 0)
		return (RX_OK);
	number(n, a->outside);
	return (note(notes, lang, RX_MSG_ANNEX_NOTE_OUTSIDE, &word, 1, st));
}

static rx_err
note_cut(json_t *notes, enum rx_lang lang, const struct rx_annex *a,
    struct rx_status *st)
{

	return (a->residue_cut ? note(notes, lang, RX_MSG_ANNEX_NOTE_ERASED,
	    NULL, 0, st) : RX_OK);
}

/* One column's change: "head old→new". */
static rx_err
change(struct rx_buf *out, enum rx_lang lang, const struct rx_annex *a,
    unsigned c, struct rx_status *st)
{
	char was[32], is[32];

	if (c == COL_CASH) {
		rx_cash_wan(was, a->before[c]);
		rx_cash_wan(is, a->total[c]);
	} else {
		number(was, a->before[c]);
		number(is, a->total[c]);
	}
	if (strcmp(was, is) == 0)
		return (RX_OK);
	return (rx_buf_printf(out, st, "%s%s %s→%s", out->len > 0 ?
	    rx_msg(RX_MSG_LIST_SEMICOLON, lang) : "",
	    rx_msg(heads[c], lang), was, is));
}

static rx_err
note_issue(json_t *notes, enum rx_lang lang, const struct rx_annex *a,
    struct rx_status *st)
{
	struct rx_buf changes = RX_BUF_INIT;
	const char *none = rx_msg(RX_MSG_ANNEX_ROWS_CHANGED, lang);
	char issue[32];
	struct rx_word words[] = { { "issue", issue }, { "changes", none } };
	unsigned c;
	rx_err rc = RX_OK;

	if (a->issue < 2)
		return (RX_OK);
	number(issue, a->issue);
	for (c = 0; c < RX_ANNEX_COLUMNS && rc == RX_OK; c++)
		rc = change(&changes, lang, a, c, st);
	if (rc == RX_OK && changes.len > 0) {
		rc = rx_buf_add(&changes, "", 1, st);
		words[1].value = (const char *)changes.b;
	}
	if (rc == RX_OK)
		rc = note(notes, lang, RX_MSG_ANNEX_NOTE_ISSUE, words, 2, st);
	rx_buf_free(&changes);
	return (rc);
}

rx_err
rx_annex_notes(json_t **out, const struct rx_annex *a, enum rx_lang lang,
    struct rx_status *st)
{
	json_t *notes;
	rx_err rc;

	*out = NULL;
	if ((notes = json_array()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = note_issue(notes, lang, a, st)) != RX_OK ||
	    (rc = note_agencies(notes, lang, a, st)) != RX_OK ||
	    (rc = note_silent(notes, lang, a, st)) != RX_OK ||
	    (rc = note_outside(notes, lang, a, st)) != RX_OK ||
	    (rc = note_cut(notes, lang, a, st)) != RX_OK ||
	    (rc = note(notes, lang, RX_MSG_ANNEX_NOTE_RULES, NULL, 0, st)) !=
	    RX_OK) {
		json_decref(notes);
		return (rc);
	}
	*out = notes;
	return (RX_OK);
}

static rx_err
put_notes(json_t *doc, const struct rx_annex *a, struct rx_status *st)
{
	json_t *notes;
	rx_err rc;

	if ((rc = rx_annex_notes(&notes, a, RX_LANG_ZH, st)) != RX_OK)
		return (rc);
	return (put(doc, "notes", notes, st));
}

rx_err
rx_annex_json(json_t **out, const struct rx_annex *a, struct rx_status *st)
{
	json_t *doc;
	rx_err rc;

	*out = NULL;
	if ((doc = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = put_head(doc, a, st)) != RX_OK ||
	    (rc = put_rows(doc, a, st)) != RX_OK ||
	    (rc = put_notes(doc, a, st)) != RX_OK)
		goto err0;

	/* Success! */
	*out = doc;
	return (RX_OK);

err0:
	/* Failure! */
	json_decref(doc);
	return (rc);
}

/* ---- as a form ---- */

static const char *
member_text(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return (s != NULL ? s : "");
}

/* "12.3456" in units of the last place; 0 for anything else. */
static int64_t
wan_to_yuan(const char *s)
{
	int64_t v = 0;

	for (; *s != '\0' && v < INT64_MAX / 100; s++) {
		if (*s >= '0' && *s <= '9')
			v = 10 * v + (*s - '0');
	}
	return (v);
}

static rx_err
sheet_figures(struct rx_sheet *sh, const json_t *v, struct rx_status *st)
{
	const json_t *item;
	unsigned c;
	rx_err rc;

	for (c = 0; c < RX_ANNEX_COLUMNS; c++) {
		item = json_array_get(v, c);
		if (json_is_string(item))
			rc = rx_sheet_wan(sh,
			    wan_to_yuan(json_string_value(item)), st);
		else
			rc = rx_sheet_int(sh, json_integer_value(item), st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
sheet_head(struct rx_sheet *sh, struct rx_status *st)
{
	unsigned c;
	rx_err rc;

	if ((rc = rx_sheet_text(sh, rx_msg(RX_MSG_ANNEX_NO, RX_LANG_ZH),
	    st)) != RX_OK || (rc = rx_sheet_text(sh,
	    rx_msg(RX_MSG_ANNEX_PLACE, RX_LANG_ZH), st)) != RX_OK)
		return (rc);
	for (c = 0; c < RX_ANNEX_COLUMNS; c++) {
		rc = rx_sheet_text(sh, rx_msg(heads[c], RX_LANG_ZH), st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
sheet_rows(struct rx_sheet *sh, const json_t *doc, struct rx_status *st)
{
	const json_t *rows = json_object_get(doc, "rows"), *row;
	size_t i;
	rx_err rc;

	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		if ((rc = rx_sheet_int(sh, (int64_t)i + 1, st)) != RX_OK ||
		    (rc = rx_sheet_text(sh, member_text(row, "name"),
		    st)) != RX_OK || (rc = sheet_figures(sh,
		    json_object_get(row, "values"), st)) != RX_OK)
			return (rc);
	}
	if ((rc = rx_sheet_text(sh, rx_msg(RX_MSG_ANNEX_TOTAL, RX_LANG_ZH),
	    st)) != RX_OK || (rc = rx_sheet_text(sh, "", st)) != RX_OK)
		return (rc);
	return (sheet_figures(sh, json_object_get(doc, "total"), st));
}

static rx_err
sheet_say(struct rx_sheet *sh, enum rx_line kind, enum rx_msg msg,
    const struct rx_word *words, size_t n, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_say(&text, msg, RX_LANG_ZH, words, n, st)) == RX_OK)
		rc = rx_sheet_line(sh, kind, (const char *)text.b, st);
	rx_buf_free(&text);
	return (rc);
}

/* Title, 填表单位, 截止时间 of the form; the notes below it. */
static rx_err
sheet_lines(struct rx_sheet *sh, const json_t *doc, int32_t to,
    struct rx_status *st)
{
	const json_t *notes = json_object_get(doc, "notes");
	int32_t month = rx_date_month(to);
	char y[32], m[32], d[32];
	const struct rx_word date[] = {
		{ "year", y }, { "month", m }, { "day", d }
	};
	const struct rx_word unit = { "unit", member_text(doc, "name") };
	const char *line;
	size_t i;
	rx_err rc;

	number(y, month / 12);
	number(m, month % 12 + 1);
	number(d, to - rx_month_first(month) + 1);
	if ((rc = sheet_say(sh, RX_LINE_TITLE, RX_MSG_ANNEX_TITLE, date, 3,
	    st)) != RX_OK || (rc = sheet_say(sh, RX_LINE_ABOVE,
	    RX_MSG_ANNEX_OWNER, &unit, 1, st)) != RX_OK ||
	    (rc = sheet_say(sh, RX_LINE_ABOVE, RX_MSG_ANNEX_UNTIL, date, 3,
	    st)) != RX_OK)
		return (rc);
	for (i = 0; i < json_array_size(notes); i++) {
		line = json_string_value(json_array_get(notes, i));
		rc = rx_sheet_line(sh, RX_LINE_NOTE, line != NULL ? line : "",
		    st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

rx_err
rx_annex_render(struct rx_buf *out, const json_t *doc, enum rx_format format,
    struct rx_status *st)
{
	struct rx_sheet *sh;
	int32_t to;
	rx_err rc;

	if (format == RX_FORMAT_JSON)
		return (rx_json_write(out, doc, st));
	if (!rx_date_parse(member_text(doc, "to"), &to))
		return (rx_stats_bug("annex date", st));
	rc = rx_sheet_new(&sh, 2 + RX_ANNEX_COLUMNS, widths, to, st);
	if (rc != RX_OK)
		return (rc);
	if ((rc = sheet_lines(sh, doc, to, st)) == RX_OK &&
	    (rc = sheet_head(sh, st)) == RX_OK &&
	    (rc = sheet_rows(sh, doc, st)) == RX_OK)
		rc = rx_sheet_write(out, sh, format, st);
	rx_sheet_free(sh);
	return (rc);
}

rx_err
rx_annex_write(struct rx_buf *out, const struct rx_annex *a,
    enum rx_format format, struct rx_status *st)
{
	json_t *doc;
	rx_err rc;

	if ((rc = rx_annex_json(&doc, a, st)) != RX_OK)
		return (rc);
	rc = rx_annex_render(out, doc, format, st);
	json_decref(doc);
	return (rc);
}

/* ---- checks ---- */

struct warning {
	enum rx_lang lang;
	void (*warn)(void *, const char *);
	void *cookie;
};

static rx_err
warn(const struct warning *w, enum rx_msg msg, const struct rx_word *words,
    size_t n, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_say(&text, msg, w->lang, words, n, st)) == RX_OK)
		w->warn(w->cookie, (const char *)text.b);
	rx_buf_free(&text);
	return (rc);
}

static rx_err
check_over(const struct warning *w, const struct rx_annex *a,
    struct rx_status *st)
{
	char to[RX_DATE_TEXT];
	const struct rx_word word = { "to", to };

	rx_date_format(a->to, to);
	return (a->to <= rx_date_today() ? RX_OK :
	    warn(w, RX_MSG_ANNEX_NOT_OVER, &word, 1, st));
}

static rx_err
check_silent(const struct warning *w, const struct rx_annex *a,
    struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	struct rx_word word = { "units", "" };
	rx_err rc;

	if ((rc = silent_units(&units, a, w->lang, st)) == RX_OK &&
	    units.len > 1) {
		word.value = (const char *)units.b;
		rc = warn(w, RX_MSG_ANNEX_NOTE_SILENT, &word, 1, st);
	}
	rx_buf_free(&units);
	return (rc);
}

static rx_err
check_totals(const struct warning *w, const struct rx_annex *a,
    struct rx_status *st)
{
	char helped[32], children[32], empty[32];
	const struct rx_word words[] = {
		{ "helped", helped }, { "children", children }, { "n", empty }
	};
	rx_err rc = RX_OK;

	number(helped, a->total[COL_HELPED]);
	number(children, a->children_on_register);
	number(empty, a->payments_empty);
	if (a->total[COL_HELPED] > a->children_on_register)
		rc = warn(w, RX_MSG_ANNEX_CHECK_HELPED, words, 3, st);
	if (rc == RX_OK && a->total[COL_CASH] > 0 && a->payments == 0)
		rc = warn(w, RX_MSG_ANNEX_CHECK_CASH, words, 3, st);
	if (rc == RX_OK && a->payments_empty > 0)
		rc = warn(w, RX_MSG_ANNEX_CHECK_EMPTY, words, 3, st);
	return (rc);
}

rx_err
rx_annex_check(const struct rx_annex *a, enum rx_lang lang,
    void (*warn_each)(void *, const char *), void *cookie,
    struct rx_status *st)
{
	const struct warning w = { lang, warn_each, cookie };
	struct rx_word name = { "name", "" };
	size_t i;
	rx_err rc;

	if (warn_each == NULL)
		return (RX_OK);
	if ((rc = check_over(&w, a, st)) != RX_OK ||
	    (rc = check_silent(&w, a, st)) != RX_OK)
		return (rc);
	if (!rx_annex_declared(a->from, a->to) && (rc = warn(&w,
	    RX_MSG_ANNEX_NOT_PERIOD, NULL, 0, st)) != RX_OK)
		return (rc);
	for (i = 0; i < a->nrows; i++) {
		if (a->rows[i].v[COL_RESOLVED] == 0 ||
		    a->rows[i].v[COL_HELPED] > 0)
			continue;
		name.value = a->rows[i].name;
		rc = warn(&w, RX_MSG_ANNEX_CHECK_RESOLVED, &name, 1, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (check_totals(&w, a, st));
}
