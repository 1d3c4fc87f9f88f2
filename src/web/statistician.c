#include <stdio.h>
#include <string.h>

#include "web/statistician.h"

/* The annex: choose, look at it, hand it out.  A preview is not a release. */

/* The campaign of the notice: the end of May to the end of August. */

const char *
rx_stat_text(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return (s != NULL ? s : "");
}

/* ---- units ---- */

#define OWN_MAX 16

struct units {
	const struct rx_request *q;
	json_t *data;
	enum rx_level finest;
	char own[OWN_MAX][RX_UNIT_BYTES];
	size_t nown;
	const char *chosen;
	bool found;
	bool own_pass;		/* own units are put, the others passed over */
};

static rx_err
own_unit(void *cookie, const struct rx_user_row *row, struct rx_status *st)
{
	struct units *u = cookie;
	size_t i;

	(void)st;
	if (row->role != RX_ROLE_STATISTICIAN || row->disabled ||
	    strcmp(row->name, rx_session_user(u->q->session)) != 0)
		return (RX_OK);
	for (i = 0; i < u->nown; i++)
		if (memcmp(u->own[i], row->unit, RX_UNIT_BYTES) == 0)
			return (RX_OK);
	if (u->nown < OWN_MAX)
		memcpy(u->own[u->nown++], row->unit, RX_UNIT_BYTES);
	return (RX_OK);
}

static rx_err
put_unit(struct units *u, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *st)
{
	char code[RX_UNIT_TEXT];
	json_t *item;
	bool chosen;
	rx_err rc;

	rx_unit_text(code, unit);
	/* The first one stands for "none chosen". */
	chosen = !u->found && (*u->chosen == '\0' ||
	    strcmp(u->chosen, code) == 0);
	u->found = u->found || chosen;
	if ((rc = rx_put_item(u->data, "units", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "code", code, st)) != RX_OK ||
	    (rc = rx_put_text(item, "name", name, st)) != RX_OK ||
	    (chosen && (rc = rx_put_text(u->data, "unit", code, st)) != RX_OK))
		return (rc);
	return (rx_put_bool(item, "chosen", chosen, st));
}

static rx_err
each_unit(void *cookie, const char *code, const char *name, const char *level,
    const char *parent, struct rx_status *st)
{
	struct units *u = cookie;
	char unit[RX_UNIT_BYTES];
	bool own = false, below = false;
	size_t i;
	rx_err rc;

	(void)level;
	(void)parent;
	if ((rc = rx_unit_parse(unit, code, st)) != RX_OK)
		return (rc);
	if (rx_unit_level(unit) > u->finest)
		return (RX_OK);
	for (i = 0; i < u->nown; i++) {
		own = own || memcmp(u->own[i], unit, RX_UNIT_BYTES) == 0;
		below = below || rx_unit_covers(u->own[i], unit);
	}
	if (u->own_pass ? own : below && !own)
		return (put_unit(u, unit, name, st));
	return (RX_OK);
}

rx_err
rx_stat_units(json_t *data, const struct rx_request *q, enum rx_level finest,
    const char *chosen, struct rx_status *st)
{
	struct units u = { .q = q, .data = data, .finest = finest,
	    .chosen = chosen, .own_pass = true };
	struct rx_status tried;
	char unit[RX_UNIT_BYTES], code[RX_UNIT_TEXT], name[128];
	rx_err rc;

	/* "350102000000" and "350102" are the same unit. */
	rx_status_clear(&tried);
	if (rx_unit_parse(unit, chosen, &tried) == RX_OK) {
		rx_unit_text(code, unit);
		u.chosen = code;
	} else
		u.chosen = "";
	if ((rc = rx_user_each(q->session, own_unit, &u, st)) != RX_OK ||
	    (rc = rx_unit_each(q->session, each_unit, &u, st)) != RX_OK)
		return (rc);
	u.own_pass = false;
	if ((rc = rx_unit_each(q->session, each_unit, &u, st)) != RX_OK)
		return (rc);
	if (*u.chosen == '\0' || u.found)
		return (RX_OK);
	if ((rc = rx_unit_name(q->session, unit, name, sizeof(name), st)) !=
	    RX_OK)
		return (rc);
	return (put_unit(&u, unit, name, st));
}

/* ---- period and format ---- */

/* data["form"], made when absent; NULL when there is no memory. */
static json_t *
form_of(json_t *data, struct rx_status *st)
{
	json_t *form = json_object_get(data, "form");

	if (form != NULL)
		return (form);
	form = json_object();
	return (rx_put(data, "form", form, st) == RX_OK ? form : NULL);
}

rx_err
rx_stat_put_period(json_t *data, const struct rx_request *q, const char *from,
    const char *to, struct rx_status *st)
{
	json_t *form = form_of(data, st);
	rx_err rc;

	if (form == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_put_text(form, "from", rx_field_nth(q, "from", 0) != NULL ?
	    rx_field(q, "from") : from, st)) != RX_OK)
		return (rc);
	return (rx_put_text(form, "to", rx_field_nth(q, "to", 0) != NULL ?
	    rx_field(q, "to") : to, st));
}

rx_err
rx_stat_period(const struct rx_request *q, int32_t *from, int32_t *to,
    struct rx_status *st)
{

	if (!rx_date_parse(rx_field(q, "from"), from) ||
	    !rx_date_parse(rx_field(q, "to"), to))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_STAT_DATES));
	if (*from > *to)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_STAT_REVERSED));
	return (RX_OK);
}

static const struct {
	const char *key, *type;
} formats[] = {
	[RX_FORMAT_CSV] = { "csv", "text/csv; charset=utf-8" },
	[RX_FORMAT_XLSX] = { "xlsx", "application/vnd.openxmlformats-"
	    "officedocument.spreadsheetml.sheet" },
	[RX_FORMAT_JSON] = { "json", "application/json; charset=utf-8" },
};

rx_err
rx_stat_format(const char *text, enum rx_format *format, struct rx_status *st)
{
	size_t i;

	for (i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (strcmp(formats[i].key, text) == 0) {
			*format = (enum rx_format)i;
			return (RX_OK);
		}
	return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_STAT_FORMAT));
}

void
rx_stat_download(struct rx_reply *a, enum rx_format format, const char *stem)
{

	a->page = NULL;
	a->type = formats[format].type;
	(void)snprintf(a->filename, sizeof(a->filename), "%s.%s", stem,
	    formats[format].key);
}

/* ---- the sheet ---- */

static rx_err
put_figures(json_t *row, const json_t *values, struct rx_status *st)
{
	const json_t *v;
	json_t *cell;
	size_t c;
	rx_err rc;

	for (c = 0; c < RX_ANNEX_COLUMNS; c++) {
		v = json_array_get(values, c);
		if ((rc = rx_put_item(row, "cells", &cell, st)) != RX_OK ||
		    (rc = json_is_string(v) ? rx_put_text(cell, "v",
		    json_string_value(v), st) : rx_put_int(cell, "v",
		    json_integer_value(v), st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Title, 填表单位 and 截止时间, as the form has them. */
static rx_err
put_head(json_t *data, const struct rx_request *q, const json_t *doc,
    struct rx_status *st)
{
	static const struct { const char *key; enum rx_msg msg; } lines[] = {
		{ "form_title", RX_MSG_ANNEX_TITLE },
		{ "form_until", RX_MSG_ANNEX_UNTIL },
	};
	const char *to = rx_stat_text(doc, "to");
	struct rx_status say;
	char text[512];
	int year = 0, month = 0, day = 0;
	size_t i;
	int32_t date;
	rx_err rc;

	if (rx_date_parse(to, &date)) {
		month = rx_date_month(date);
		day = date - rx_month_first(month) + 1;
		year = month / 12;
		month = month % 12 + 1;
	}
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		rx_status_clear(&say);
		rx_status_arg(&say, "year", "%d", year);
		rx_status_arg(&say, "month", "%d", month);
		rx_status_arg(&say, "day", "%d", day);
		say.msg = lines[i].msg;
		rx_status_text(&say, q->lang, text, sizeof(text));
		if ((rc = rx_put_text(data, lines[i].key, text, st)) != RX_OK)
			return (rc);
	}
	return (rx_put_say(data, "form_owner", q, RX_MSG_ANNEX_OWNER, "unit",
	    rx_stat_text(doc, "name"), st));
}

rx_err
rx_stat_sheet(json_t *data, const struct rx_request *q, const json_t *doc,
    const json_t *notes, struct rx_status *st)
{
	const json_t *rows = json_object_get(doc, "rows"), *row;
	json_t *item, *total;
	size_t i;
	rx_err rc;

	if ((rc = put_head(data, q, doc, st)) != RX_OK)
		return (rc);
	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		if ((rc = rx_put_item(data, "rows", &item, st)) != RX_OK ||
		    (rc = rx_put_int(item, "no", (int64_t)i + 1, st)) !=
		    RX_OK || (rc = rx_put_text(item, "name",
		    rx_stat_text(row, "name"), st)) != RX_OK ||
		    (rc = put_figures(item, json_object_get(row, "values"),
		    st)) != RX_OK)
			return (rc);
	}
	total = json_object();
	if ((rc = rx_put(data, "total", total, st)) != RX_OK ||
	    (rc = put_figures(total, json_object_get(doc, "total"), st)) !=
	    RX_OK)
		return (rc);
	return (rx_put(data, "notes", json_deep_copy(notes), st));
}

/* ---- the page ---- */

/* One click for the usual periods: links that show the preview. */
static rx_err
put_suggestion(json_t *data, const struct rx_request *q, enum rx_msg msg,
    const char *notice, const char *from, const char *to,
    struct rx_status *st)
{
	json_t *item;
	rx_err rc;

	if ((rc = rx_put_item(data, "suggestions", &item, st)) != RX_OK ||
	    (rc = rx_put_say(item, "label", q, msg, notice != NULL ? "notice" :
	    NULL, notice, st)) != RX_OK ||
	    (rc = rx_put_text(item, "from", from, st)) != RX_OK)
		return (rc);
	return (rx_put_text(item, "to", to, st));
}

/* The year up to the end of the last month, or of January while it lasts. */
static void
whole_months(char from[RX_DATE_TEXT], char to[RX_DATE_TEXT])
{
	const int32_t month = rx_date_month(rx_date_today());
	const int32_t year = month - month % 12;

	rx_date_format(rx_month_first(year), from);
	rx_date_format(rx_month_first(month > year ? month : year + 1) - 1,
	    to);
}

static rx_err
put_suggestions(json_t *data, const struct rx_request *q,
    struct rx_status *st)
{
	const int32_t month = rx_date_month(rx_date_today());
	char from[RX_DATE_TEXT], to[RX_DATE_TEXT];
	const struct rx_period *notices;
	size_t k, n;
	rx_err rc;

	whole_months(from, to);
	if ((rc = put_suggestion(data, q, RX_MSG_WEB_STAT_YEAR, NULL, from, to,
	    st)) != RX_OK)
		return (rc);
	rx_date_format(rx_month_first(month - 1), from);
	rx_date_format(rx_month_first(month) - 1, to);
	rc = put_suggestion(data, q, RX_MSG_WEB_STAT_LAST_MONTH, NULL, from,
	    to, st);
	notices = rx_periods(&n);
	for (k = 0; k < n && rc == RX_OK; k++)
		rc = put_suggestion(data, q, RX_MSG_WEB_STAT_NOTICE,
		    notices[k].notice, notices[k].from, notices[k].to, st);
	return (rc);
}

static rx_err
put_annex(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char from[RX_DATE_TEXT], to[RX_DATE_TEXT];
	rx_err rc;

	whole_months(from, to);
	a->page = "statistician/annex";
	if ((rc = rx_put_text(a->data, "title", rx_msg(
	    RX_MSG_WEB_STAT_ANNEX_TITLE, q->lang), st)) != RX_OK ||
	    (rc = rx_stat_units(a->data, q, RX_LEVEL_COUNTY,
	    rx_field(q, "unit"), st)) != RX_OK ||
	    (rc = rx_stat_put_period(a->data, q, from, to, st)) != RX_OK)
		return (rc);
	return (put_suggestions(a->data, q, st));
}

struct warnings {
	json_t *data;
	struct rx_status st;
};

static void
warning(void *cookie, const char *text)
{
	struct warnings *w = cookie;
	json_t *item;

	if (rx_put_item(w->data, "warnings", &item, &w->st) == RX_OK &&
	    rx_put_text(item, "text", text, &w->st) != RX_OK)
		return;		/* the failure is in w->st */
}

/* The latest release of an annex. */
struct latest {
	char title[64];		/* its unit and dates, as the ledger has them */
	char id[RX_UUID_TEXT];	/* "": there is none */
	int64_t at;
};

static rx_err
find_latest(void *cookie, const struct rx_release_row *row,
    struct rx_status *st)
{
	struct latest *l = cookie;

	(void)st;
	if (strcmp(row->kind, "annex") != 0 ||
	    strcmp(row->title, l->title) != 0 || row->at < l->at)
		return (RX_OK);
	rx_text_copy(l->id, sizeof(l->id), row->id);
	l->at = row->at;
	return (RX_OK);
}

/* What the ledger has of this annex already, in a sentence. */
static rx_err
put_standing(json_t *data, const struct rx_request *q, const json_t *doc,
    bool again, struct rx_status *st)
{
	struct latest l = { .at = 0 };
	json_t *last = json_object();
	char issue[24];
	rx_err rc;

	(void)snprintf(l.title, sizeof(l.title), "%s %s..%s",
	    rx_stat_text(doc, "unit"), rx_stat_text(doc, "from"),
	    rx_stat_text(doc, "to"));
	if ((rc = rx_put(data, "last", last, st)) != RX_OK ||
	    (rc = rx_releases_each(q->session, find_latest, &l, st)) !=
	    RX_OK || *l.id == '\0')
		return (rc);
	(void)snprintf(issue, sizeof(issue), "%lld", (long long)
	    json_integer_value(json_object_get(doc, "issue")));
	if ((rc = rx_put_text(last, "id", l.id, st)) != RX_OK ||
	    (rc = rx_put_time(last, "at", l.at, st)) != RX_OK)
		return (rc);
	return (rx_put_say_two(data, "standing", q, again ?
	    RX_MSG_WEB_STAT_AGAIN : RX_MSG_WEB_STAT_REISSUE, "at",
	    rx_stat_text(last, "at"), "issue", issue, st));
}

static rx_err
put_preview(json_t *data, const struct rx_request *q,
    const struct rx_annex *annex, const json_t *doc, bool again,
    struct rx_status *st)
{
	struct warnings w = { .data = data };
	json_t *notes;
	rx_err rc;

	rx_status_clear(&w.st);
	if ((rc = rx_put_bool(data, "preview", true, st)) != RX_OK ||
	    (rc = rx_put_bool(data, "again", again, st)) != RX_OK ||
	    (rc = put_standing(data, q, doc, again, st)) != RX_OK ||
	    (rc = rx_annex_check(annex, q->lang, warning, &w, st)) != RX_OK)
		return (rc);
	if (w.st.code != RX_OK) {
		*st = w.st;
		return (st->code);
	}
	if ((rc = rx_put_bool(data, "warned", json_object_get(data,
	    "warnings") != NULL, st)) != RX_OK ||
	    (rc = rx_annex_notes(&notes, annex, q->lang, st)) != RX_OK)
		return (rc);
	rc = rx_stat_sheet(data, q, doc, notes, st);
	json_decref(notes);
	return (rc);
}

/* Count what was asked for and show it. */
static rx_err
preview(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct rx_annex *annex;
	char unit[RX_UNIT_BYTES];
	int32_t from, to;
	json_t *doc;
	bool again;
	rx_err rc;

	if ((rc = rx_unit_parse(unit, rx_field(q, "unit"), st)) != RX_OK ||
	    (rc = rx_stat_period(q, &from, &to, st)) != RX_OK ||
	    (rc = rx_annex_preview(&annex, &doc, &again, q->session, unit,
	    from, to, st)) != RX_OK)
		return (rc);
	rc = put_preview(a->data, q, annex, doc, again, st);
	json_decref(doc);
	rx_annex_free(annex);
	return (rc);
}

static rx_err
annex(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	rx_err rc;

	if ((rc = put_annex(q, a, st)) != RX_OK ||
	    rx_field_nth(q, "unit", 0) == NULL)
		return (rc);
	if (preview(q, a, st) != RX_OK)
		return (rx_put_error(a, q, st));
	return (RX_OK);
}

static rx_err
export(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES], code[RX_UNIT_TEXT], from_text[RX_DATE_TEXT],
	    to_text[RX_DATE_TEXT], stem[96];
	enum rx_format format;
	int32_t from, to;
	rx_err rc;

	if ((rc = rx_unit_parse(unit, rx_field(q, "unit"), st)) != RX_OK ||
	    (rc = rx_stat_period(q, &from, &to, st)) != RX_OK ||
	    (rc = rx_stat_format(rx_field(q, "format"), &format, st)) !=
	    RX_OK || (rc = rx_annex_bytes(&a->body, q->session, unit, from, to,
	    format, q->lang, NULL, NULL, st)) != RX_OK) {
		struct rx_status fresh;

		rx_status_clear(&fresh);
		rx_buf_free(&a->body);
		if (put_annex(q, a, &fresh) != RX_OK)
			return (rc);
		return (rx_put_error(a, q, st));
	}
	rx_unit_text(code, unit);
	rx_date_format(from, from_text);
	rx_date_format(to, to_text);
	(void)snprintf(stem, sizeof(stem), "annex-%s-%s-%s", code, from_text,
	    to_text);
	rx_stat_download(a, format, stem);
	return (RX_OK);
}

/* Where a change of language leads after a refused form. */
static rx_err
to_annex(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	(void)q;
	(void)st;
	rx_redirect(a, "/annex");
	return (RX_OK);
}

#define STATISTICIAN (1u << RX_ROLE_STATISTICIAN)

const struct rx_route rx_routes_statistician[] = {
	{ "GET", "/annex", STATISTICIAN | RX_WEB_SLOW, annex },
	{ "GET", "/annex/export", STATISTICIAN, to_annex },
	{ "POST", "/annex/export", STATISTICIAN | RX_WEB_SLOW, export },
	{ "GET", "/table", STATISTICIAN, rx_stat_table_form },
	{ "POST", "/table", STATISTICIAN | RX_WEB_SLOW, rx_stat_table_make },
	{ "GET", "/releases", STATISTICIAN, rx_stat_releases },
	{ "GET", "/releases/verify", STATISTICIAN, rx_stat_to_releases },
	{ "POST", "/releases/verify", STATISTICIAN, rx_stat_verify },
	{ "GET", "/release/*", STATISTICIAN, rx_stat_release },
	{ "GET", "/release/*/*", STATISTICIAN, rx_stat_release_file },
	{ NULL, NULL, 0, NULL }
};
