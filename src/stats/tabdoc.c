#include <stdio.h>
#include <string.h>

#include "stats/table.h"

#define METHOD "threshold+audit/2"
#define METHOD_PRIVATE "discrete-laplace/1"
#define MARK "※"
#define KEY_BYTES 64

static const char *const bands[] = { "0-5", "6-11", "12-15", "16-17", "18+" };

static rx_err
put(json_t *to, const char *key, json_t *v, struct rx_status *st)
{

	if (json_object_set_new(to, key, v) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

static rx_err
push(json_t *to, json_t *v, struct rx_status *st)
{

	if (json_array_append_new(to, v) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

static const char *
member_text(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return (s != NULL ? s : "");
}

/* ---- keys and labels ---- */

/* The key of value ${v} of dimension ${dim}, as it stands in the document. */
static void
key_text(char out[KEY_BYTES], enum rx_dim dim, int64_t v)
{
	const struct rx_dim_info *info = &rx_dim_infos[dim];
	const struct rx_code *code = NULL;
	char unit[RX_UNIT_BYTES], text[RX_UNIT_TEXT];

	if (v == RX_VALUE_NONE)
		(void)snprintf(out, KEY_BYTES, "none");
	else if (info->family == RX_FAMILY_UNIT) {
		rx_value_unit(unit, v);
		rx_unit_text(text, unit);
		(void)snprintf(out, KEY_BYTES, "%s", text);
	} else if (dim == RX_DIM_MONTH)
		rx_month_format((int32_t)v, out);
	else if (dim == RX_DIM_QUARTER)
		(void)snprintf(out, KEY_BYTES, "%lld-Q%lld", (long long)v / 4,
		    (long long)v % 4 + 1);
	else if (dim == RX_DIM_YEAR)
		(void)snprintf(out, KEY_BYTES, "%lld", (long long)v);
	else if (dim == RX_DIM_AGE_BAND)
		(void)snprintf(out, KEY_BYTES, "%s", bands[v]);
	else {
		code = rx_code_by_no(info->list, (uint16_t)v);
		(void)snprintf(out, KEY_BYTES, "%s", code != NULL ?
		    code->key : "?");
	}
}

/* "2025", "2025-Q3" */
static bool
parse_run(int64_t *v, enum rx_dim dim, const char *text)
{
	char back[KEY_BYTES];
	size_t k;

	for (*v = 0, k = 0; k < 4 && text[k] >= '0' && text[k] <= '9'; k++)
		*v = 10 * *v + (text[k] - '0');
	if (dim == RX_DIM_QUARTER && strlen(text) == 7)
		*v = 4 * *v + (text[6] - '1');
	key_text(back, dim, *v);
	return (strcmp(back, text) == 0);
}

bool
rx_tab_value(enum rx_dim dim, const char *text, int64_t *v)
{
	const struct rx_dim_info *info = &rx_dim_infos[dim];
	char unit[RX_UNIT_BYTES];
	struct rx_status why;
	int32_t month;
	int64_t band;

	rx_status_clear(&why);
	*v = RX_VALUE_NONE;
	if (strcmp(text, "none") == 0)
		return (true);
	if (info->family == RX_FAMILY_UNIT) {
		if (rx_unit_parse(unit, text, &why) != RX_OK)
			return (false);
		*v = rx_unit_value(unit);
		return (true);
	}
	if (dim == RX_DIM_MONTH) {
		if (!rx_month_parse(text, &month))
			return (false);
		*v = month;
		return (true);
	}
	if (dim == RX_DIM_QUARTER || dim == RX_DIM_YEAR)
		return (parse_run(v, dim, text));
	for (band = 0; dim == RX_DIM_AGE_BAND && band < RX_AGE_BANDS; band++) {
		if (strcmp(text, bands[band]) == 0) {
			*v = band;
			return (true);
		}
	}
	*v = info->list != RX_LIST_NONE ? rx_code_no(info->list, text) : 0;
	return (*v != 0);
}

struct namer {
	rx_err (*name)(void *, const char unit[RX_UNIT_BYTES], char *, size_t,
	    struct rx_status *);
	void *cookie;
};

/* Its Chinese label. */
static rx_err
label_text(struct rx_buf *out, const struct namer *nm, enum rx_dim dim,
    int64_t v, struct rx_status *st)
{
	const struct rx_dim_info *info = &rx_dim_infos[dim];
	const struct rx_code *code;
	char key[KEY_BYTES], unit[RX_UNIT_BYTES], name[128];
	struct rx_word word = { "band", key }, above = { "unit", name };
	const char *label = key;
	rx_err rc;

	key_text(key, dim, v);
	if (v == RX_VALUE_NONE)
		return (rx_say(out, RX_MSG_TABLE_NONE, RX_LANG_ZH, NULL, 0,
		    st));
	if (dim == RX_DIM_AGE_BAND)
		return (rx_say(out, RX_MSG_TABLE_YEARS, RX_LANG_ZH, &word, 1,
		    st));
	if (info->family == RX_FAMILY_UNIT && nm->name != NULL) {
		rx_value_unit(unit, v);
		rc = nm->name(nm->cookie, unit, name, sizeof(name), st);
		if (rc != RX_OK)
			return (rc);
		/* What is recorded at a county itself, among its townships. */
		if (rx_unit_level(unit) < rx_dim_level(dim))
			return (rx_say(out, RX_MSG_ANNEX_SELF, RX_LANG_ZH,
			    &above, 1, st));
		label = name;
	} else if (info->list != RX_LIST_NONE &&
	    (code = rx_code_by_no(info->list, (uint16_t)v)) != NULL)
		label = code->zh;
	rx_buf_reset(out);
	return (rx_buf_add(out, label, strlen(label) + 1, st));
}

/* "labels": {"sex": {"m": "男", ...}, ...} */
static rx_err
put_labels(json_t *doc, const struct rx_tab *t, const struct namer *nm,
    struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	json_t *labels = json_object(), *of;
	char key[KEY_BYTES];
	size_t d, k;
	rx_err rc = put(doc, "labels", labels, st);

	for (d = 0; d < t->req.ndims && rc == RX_OK; d++) {
		of = json_object();
		rc = put(labels, rx_dim_infos[t->req.dims[d]].key, of, st);
		for (k = 0; k < t->values[d].n && rc == RX_OK; k++) {
			key_text(key, t->req.dims[d], t->values[d].v[k]);
			rc = label_text(&text, nm, t->req.dims[d],
			    t->values[d].v[k], st);
			if (rc == RX_OK)
				rc = put(of, key, json_string((const char *)
				    text.b), st);
		}
	}
	rx_buf_free(&text);
	return (rc);
}

/* ---- cells ---- */

static rx_err
put_value(json_t *cell, const struct rx_tab *t, size_t i, struct rx_status *st)
{
	const struct rx_cube *c = t->cube;
	bool s = c->suppressed[i];
	rx_err rc;

	rc = put(cell, "value", s ? json_null() : json_integer(c->value[i]),
	    st);
	if (rc == RX_OK && t->error != NULL)
		rc = put(cell, "error95", json_integer(t->error[i]), st);
	if (rc != RX_OK)
		return (rc);
	return (put(cell, "status", json_string(s ? "suppressed" : "ok"), st));
}

static rx_err
push_cell(json_t *cells, const struct rx_tab *t, size_t i,
    struct rx_status *st)
{
	json_t *cell = json_object(), *keys = json_array();
	char key[KEY_BYTES];
	int64_t v;
	size_t d;
	rx_err rc;

	if ((rc = put(cell, "key", keys, st)) != RX_OK) {
		json_decref(cell);
		return (rc);
	}
	if ((rc = push(cells, cell, st)) != RX_OK)
		return (rc);
	for (d = 0; d < t->req.ndims; d++) {
		if (rx_tab_shown_key(t, i, d, &v))
			key_text(key, t->req.dims[d], v);
		else
			(void)snprintf(key, sizeof(key), "*");
		if ((rc = push(keys, json_string(key), st)) != RX_OK)
			return (rc);
	}
	return (put_value(cell, t, rx_tab_cell(t, i), st));
}

static rx_err
put_cells(json_t *doc, const struct rx_tab *t, struct rx_status *st)
{
	const struct rx_cube *c = t->cube;
	json_t *cells = json_array(), *totals = json_object();
	int64_t suppressed = 0;
	size_t i;
	rx_err rc;

	rc = put(doc, "cells", cells, st);
	for (i = 0; i < t->nshown && rc == RX_OK; i++) {
		suppressed += c->suppressed[rx_tab_cell(t, i)];
		rc = push_cell(cells, t, i, st);
	}
	if (rc != RX_OK) {
		json_decref(totals);
		return (rc);
	}
	if ((rc = put(doc, "totals", totals, st)) != RX_OK ||
	    (rc = put_value(totals, t, c->ncells - 1, st)) != RX_OK)
		return (rc);
	return (put(doc, "suppressed", json_integer(suppressed), st));
}

/* ---- the rest of the document ---- */

/* Add to ${text} how much a child counts for. */
static rx_err
say_cap(struct rx_buf *text, const struct rx_private_bounds *b,
    enum rx_lang lang, struct rx_status *st)
{
	struct rx_buf cap = RX_BUF_INIT;
	char r[16], v[16];
	const struct rx_word words[] = { { "records", r }, { "values", v } };
	rx_err rc;

	(void)snprintf(r, sizeof(r), "%u", b->records);
	(void)snprintf(v, sizeof(v), "%u", b->values);
	if ((rc = rx_say(&cap, RX_MSG_PRIVATE_CAP, lang, words, 2, st)) ==
	    RX_OK) {
		text->len--;	/* its NUL */
		rc = rx_buf_add(text, cap.b, cap.len, st);
	}
	rx_buf_free(&cap);
	return (rc);
}

static rx_err
put_legend(json_t *doc, const struct rx_table_request *req,
    struct rx_status *st)
{
	struct rx_private_bounds b;
	struct rx_buf text = RX_BUF_INIT;
	json_t *legend = json_array();
	char t[16], e[RX_EPSILON_TEXT];
	const struct rx_word words[] = {
		{ "mark", MARK }, { "threshold", t }, { "epsilon", e }
	};
	unsigned lang;
	rx_err rc;

	rx_private_bounds(&b, req);
	(void)snprintf(t, sizeof(t), "%u", req->threshold);
	rx_epsilon_text(e, req->epsilon);
	rc = put(doc, "legend", legend, st);
	for (lang = 0; lang < RX_LANG_COUNT && rc == RX_OK; lang++) {
		rc = rx_say(&text, req->epsilon > 0 ? RX_MSG_PRIVATE_LEGEND :
		    RX_MSG_TABLE_LEGEND, (enum rx_lang)lang, words, 3, st);
		if (rc == RX_OK && req->epsilon > 0 && b.touch > 1)
			rc = say_cap(&text, &b, (enum rx_lang)lang, st);
		if (rc == RX_OK)
			rc = push(legend, json_string((const char *)text.b),
			    st);
	}
	rx_buf_free(&text);
	return (rc);
}

static rx_err
put_unit(json_t *doc, const struct rx_tab *t, const struct namer *nm,
    struct rx_status *st)
{
	char code[RX_UNIT_TEXT], name[128];
	rx_err rc;

	rx_unit_text(code, t->req.unit);
	(void)snprintf(name, sizeof(name), "%s", code);
	if (nm->name != NULL && (rc = nm->name(nm->cookie, t->req.unit, name,
	    sizeof(name), st)) != RX_OK)
		return (rc);
	if ((rc = put(doc, "unit", json_string(code), st)) != RX_OK)
		return (rc);
	return (put(doc, "name", json_string(name), st));
}

static rx_err
put_question(json_t *doc, const struct rx_tab *t, const struct namer *nm,
    struct rx_status *st)
{
	json_t *dims = json_array();
	char from[RX_DATE_TEXT], to[RX_DATE_TEXT];
	size_t d;
	rx_err rc;

	rx_date_format(t->req.from, from);
	rx_date_format(t->req.to, to);
	if ((rc = put(doc, "dims", dims, st)) != RX_OK)
		return (rc);
	for (d = 0; d < t->req.ndims; d++) {
		rc = push(dims, json_string(rx_dim_infos[t->req.dims[d]].key),
		    st);
		if (rc != RX_OK)
			return (rc);
	}
	if ((rc = put_unit(doc, t, nm, st)) != RX_OK ||
	    (rc = put(doc, "count", json_string(rx_count_key(t->req.count)),
	    st)) != RX_OK ||
	    (rc = put(doc, "from", json_string(from), st)) != RX_OK ||
	    (rc = put(doc, "to", json_string(to), st)) != RX_OK)
		return (rc);
	if (t->req.epsilon > 0)
		return (put(doc, "method", json_string(METHOD_PRIVATE), st));
	if ((rc = put(doc, "threshold", json_integer(t->req.threshold),
	    st)) != RX_OK)
		return (rc);
	return (put(doc, "method", json_string(METHOD), st));
}

/* "private": {"epsilon": "0.5", "mechanism": ..., "error95": {...}, ...}:
 * epsilon is text, so that it stays exact. */
static rx_err
put_private(json_t *doc, const struct rx_tab *t, struct rx_status *st)
{
	struct rx_private_bounds b;
	char epsilon[RX_EPSILON_TEXT];
	json_t *of, *error;

	if (t->req.epsilon == 0)
		return (RX_OK);
	rx_private_bounds(&b, &t->req);
	rx_epsilon_text(epsilon, t->req.epsilon);
	error = json_pack("{s:I, s:I}", "cell", (json_int_t)t->widest, "total",
	    (json_int_t)t->error[t->cube->ncells - 1]);
	of = json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:o}", "epsilon",
	    epsilon, "mechanism", "discrete-laplace", "unit", "child",
	    "records", (int)b.records, "values", (int)b.values, "touch",
	    (int)b.touch, "error95", error);
	if (of == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (put(doc, "private", of, st));
}

rx_err
rx_tab_json(json_t **out, struct rx_tab *t,
    rx_err (*name)(void *, const char unit[RX_UNIT_BYTES], char *, size_t,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	const struct namer nm = { name, cookie };
	json_t *doc;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_tab_count(t, st)) != RX_OK ||
	    (rc = rx_tab_protect(t, st)) != RX_OK)
		return (rc);
	if ((doc = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = put_question(doc, t, &nm, st)) != RX_OK ||
	    (rc = put_private(doc, t, st)) != RX_OK ||
	    (rc = put_legend(doc, &t->req, st)) != RX_OK ||
	    (rc = put_labels(doc, t, &nm, st)) != RX_OK ||
	    (rc = put_cells(doc, t, st)) != RX_OK)
		goto err0;

	/* Success! */
	*out = doc;
	return (RX_OK);

err0:
	/* Failure! */
	json_decref(doc);
	return (rc);
}

/* ---- as a sheet ---- */

static const struct rx_dim_info *
info_of(const char *key)
{
	unsigned d;

	for (d = 0; key != NULL && d < RX_DIM_NUMBER; d++) {
		if (strcmp(rx_dim_infos[d].key, key) == 0)
			return (&rx_dim_infos[d]);
	}
	return (NULL);
}

static bool
is_private(const json_t *doc)
{

	return (json_object_get(doc, "private") != NULL);
}

static rx_err
sheet_head(struct rx_sheet *sh, const json_t *doc, struct rx_status *st)
{
	const json_t *dims = json_object_get(doc, "dims");
	struct rx_buf text = RX_BUF_INIT;
	struct rx_word word = { "dim", "" };
	const struct rx_dim_info *info;
	size_t d;
	rx_err rc = RX_OK;

	for (d = 0; d < json_array_size(dims) && rc == RX_OK; d++) {
		info = info_of(json_string_value(json_array_get(dims, d)));
		if (info == NULL)
			rc = rx_stats_bug("dimension", st);
		else {
			word.value = rx_msg(info->label, RX_LANG_ZH);
			rc = rx_say(&text, RX_MSG_TABLE_CODE, RX_LANG_ZH,
			    &word, 1, st);
		}
		if (rc == RX_OK)
			rc = rx_sheet_text(sh, (const char *)text.b, st);
		if (rc == RX_OK)
			rc = rx_sheet_text(sh, word.value, st);
	}
	if (rc == RX_OK)
		rc = rx_sheet_text(sh, rx_msg(RX_MSG_TABLE_VALUE, RX_LANG_ZH),
		    st);
	if (rc == RX_OK && is_private(doc))
		rc = rx_sheet_text(sh, rx_msg(RX_MSG_PRIVATE_ERROR,
		    RX_LANG_ZH), st);
	rx_buf_free(&text);
	return (rc);
}

static rx_err
sheet_cell(struct rx_sheet *sh, const json_t *doc, const json_t *cell,
    struct rx_status *st)
{
	const json_t *dims = json_object_get(doc, "dims");
	const json_t *keys = json_object_get(cell, "key");
	const json_t *value = json_object_get(cell, "value"), *of;
	const char *key, *label;
	size_t d;
	rx_err rc;

	for (d = 0; d < json_array_size(dims); d++) {
		/* An entry of the ledger may be of any shape. */
		if ((key = json_string_value(json_array_get(keys, d))) == NULL)
			return (rx_stats_bug("table key", st));
		of = json_object_get(json_object_get(doc, "labels"),
		    json_string_value(json_array_get(dims, d)));
		label = strcmp(key, "*") == 0 ?
		    rx_msg(RX_MSG_ANNEX_TOTAL, RX_LANG_ZH) :
		    member_text(of, key);
		if ((rc = rx_sheet_text(sh, key, st)) != RX_OK ||
		    (rc = rx_sheet_text(sh, label, st)) != RX_OK)
			return (rc);
	}
	if (json_is_null(value))
		return (rx_sheet_text(sh, MARK, st));
	rc = rx_sheet_int(sh, json_integer_value(value), st);
	if (rc != RX_OK || !is_private(doc))
		return (rc);
	return (rx_sheet_int(sh, json_integer_value(json_object_get(cell,
	    "error95")), st));
}

/* Title, unit and dates above; the legend below. */
static rx_err
sheet_lines(struct rx_sheet *sh, const json_t *doc, struct rx_status *st)
{
	static const enum rx_msg counts[] = {
		RX_MSG_COUNT_CHILDREN, RX_MSG_COUNT_OBSERVATIONS,
		RX_MSG_COUNT_INTERVENTIONS
	};
	const char *count = member_text(doc, "count");
	struct rx_word words[] = {
		{ "count", count }, { "unit", member_text(doc, "name") },
		{ "from", member_text(doc, "from") },
		{ "to", member_text(doc, "to") }
	};
	struct rx_buf text = RX_BUF_INIT;
	const char *line;
	unsigned k;
	rx_err rc;

	for (k = 0; k <= RX_COUNT_INTERVENTIONS; k++) {
		if (strcmp(count, rx_count_key((enum rx_count)k)) == 0)
			words[0].value = rx_msg(counts[k], RX_LANG_ZH);
	}
	rc = rx_say(&text, RX_MSG_TABLE_TITLE, RX_LANG_ZH, words, 4, st);
	if (rc == RX_OK)
		rc = rx_sheet_line(sh, RX_LINE_TITLE, (const char *)text.b, st);
	if (rc == RX_OK)
		rc = rx_say(&text, RX_MSG_TABLE_SCOPE, RX_LANG_ZH, words, 4,
		    st);
	if (rc == RX_OK)
		rc = rx_sheet_line(sh, RX_LINE_ABOVE, (const char *)text.b, st);
	for (k = 0; k < RX_LANG_COUNT && rc == RX_OK; k++) {
		line = json_string_value(json_array_get(json_object_get(doc,
		    "legend"), k));
		rc = rx_sheet_line(sh, RX_LINE_NOTE, line != NULL ? line : "",
		    st);
	}
	rx_buf_free(&text);
	return (rc);
}

rx_err
rx_tab_render(struct rx_buf *out, const json_t *doc, enum rx_format format,
    struct rx_status *st)
{
	static const unsigned width[2 * RX_DIMS_MAX + 2] = {
		18, 18, 18, 18, 18, 18, 18, 18, 18, 18
	};
	const json_t *dims = json_object_get(doc, "dims");
	const json_t *cells = json_object_get(doc, "cells");
	struct rx_sheet *sh;
	int32_t to;
	size_t i;
	rx_err rc;

	if (format == RX_FORMAT_JSON)
		return (rx_json_write(out, doc, st));
	if (!rx_date_parse(member_text(doc, "to"), &to))
		return (rx_stats_bug("table date", st));
	if (json_array_size(dims) > RX_DIMS_MAX)
		return (rx_stats_bug("table dimensions", st));
	rc = rx_sheet_new(&sh, 2 * (unsigned)json_array_size(dims) + 1 +
	    is_private(doc), width, to, st);
	if (rc != RX_OK)
		return (rc);
	if ((rc = sheet_lines(sh, doc, st)) == RX_OK)
		rc = sheet_head(sh, doc, st);
	for (i = 0; i < json_array_size(cells) && rc == RX_OK; i++)
		rc = sheet_cell(sh, doc, json_array_get(cells, i), st);
	if (rc == RX_OK)
		rc = rx_sheet_write(out, sh, format, st);
	rx_sheet_free(sh);
	return (rc);
}
