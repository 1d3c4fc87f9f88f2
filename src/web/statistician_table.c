#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "web/statistician.h"

/* The cross-table builder, and a released table as rows and columns. */

#define THRESHOLD "5"
#define COLUMNS_MAX 12		/* values side by side; else one a line */

static const struct { enum rx_msg label; } counts[] = {
	[RX_COUNT_CHILDREN] = { RX_MSG_COUNT_CHILDREN },
	[RX_COUNT_OBSERVATIONS] = { RX_MSG_COUNT_OBSERVATIONS },
	[RX_COUNT_INTERVENTIONS] = { RX_MSG_COUNT_INTERVENTIONS },
};
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

const struct rx_dim_info *
rx_stat_dim(const char *key)
{
	unsigned d;

	for (d = 0; d < RX_DIM_NUMBER; d++)
		if (strcmp(rx_dim_infos[d].key, key) == 0)
			return (&rx_dim_infos[d]);
	return (NULL);
}

const char *
rx_stat_count(const struct rx_request *q, const char *key)
{
	size_t i;

	for (i = 0; i < COUNTS; i++)
		if (strcmp(rx_count_key((enum rx_count)i), key) == 0)
			return (rx_msg(counts[i].label, q->lang));
	return (key);
}

void
rx_stat_dims(char *out, size_t size, const struct rx_request *q,
    const char *keys)
{
	const struct rx_dim_info *info;
	char key[32];
	size_t n, used = 0;

	for (*out = '\0'; *keys != '\0'; keys += n + (keys[n] == ',')) {
		n = strcspn(keys, ",");
		(void)snprintf(key, sizeof(key), "%.*s", (int)n, keys);
		info = rx_stat_dim(key);
		(void)snprintf(out + used, size - used, "%s%s", used > 0 ?
		    rx_msg(RX_MSG_LIST_COMMA, q->lang) : "", info != NULL ?
		    rx_msg(info->label, q->lang) : key);
		used = strlen(out);
	}
}

void
rx_stat_label(char out[RX_STAT_LABEL], const struct rx_request *q,
    const json_t *doc, const char *dim, const char *key)
{
	const struct rx_dim_info *info = rx_stat_dim(dim);
	const struct rx_code *code;
	const char *text = rx_stat_text(json_object_get(json_object_get(doc,
	    "labels"), dim), key);
	struct rx_status say;

	if (strcmp(key, "*") == 0)
		text = rx_msg(RX_MSG_ANNEX_TOTAL, q->lang);
	else if (q->lang != RX_LANG_ZH && strcmp(key, "none") == 0)
		text = rx_msg(RX_MSG_TABLE_NONE, q->lang);
	else if (q->lang != RX_LANG_ZH && info != NULL &&
	    info->list != RX_LIST_NONE &&
	    (code = rx_code_by_key(info->list, key)) != NULL)
		text = code->en;
	else if (q->lang != RX_LANG_ZH && strcmp(dim, "age_band") == 0) {
		rx_status_clear(&say);
		rx_status_arg(&say, "band", "%s", key);
		say.msg = RX_MSG_TABLE_YEARS;
		rx_status_text(&say, q->lang, out, RX_STAT_LABEL);
		return;
	}
	rx_text_copy(out, RX_STAT_LABEL, *text != '\0' ? text : key);
}

/* ---- the form ---- */

static bool
ticked(const struct rx_request *q, const char *field, const char *key)
{
	const char *v;
	size_t k;

	for (k = 0; (v = rx_field_nth(q, field, k)) != NULL; k++)
		if (strcmp(v, key) == 0)
			return (true);
	return (false);
}

static rx_err
put_counts(json_t *data, const struct rx_request *q, struct rx_status *st)
{
	const bool chosen = rx_field_set(q, "count");
	json_t *item;
	size_t i;
	rx_err rc;

	for (i = 0; i < COUNTS; i++) {
		const char *key = rx_count_key((enum rx_count)i);

		if ((rc = rx_put_item(data, "counts", &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "key", key, st)) != RX_OK ||
		    (rc = rx_put_text(item, "name", rx_msg(counts[i].label,
		    q->lang), st)) != RX_OK || (rc = rx_put_bool(item,
		    "checked", chosen ? ticked(q, "count", key) : i == 0,
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* "only for: ..." of a dimension that does not go with every count. */
static rx_err
put_only(json_t *item, const struct rx_request *q,
    const struct rx_dim_info *info, struct rx_status *st)
{
	char text[256] = "";
	size_t i, n;

	if (info->counts == (1u << COUNTS) - 1)
		return (RX_OK);
	for (i = 0; i < COUNTS; i++) {
		if ((info->counts & 1u << i) == 0)
			continue;
		n = strlen(text);
		(void)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ?
		    rx_msg(RX_MSG_LIST_COMMA, q->lang) : "",
		    rx_msg(counts[i].label, q->lang));
	}
	return (rx_put_say(item, "only", q, RX_MSG_WEB_STAT_ONLY, "counts",
	    text, st));
}

static rx_err
put_dims(json_t *data, const struct rx_request *q, struct rx_status *st)
{
	json_t *item;
	unsigned d;
	rx_err rc;

	for (d = 0; d < RX_DIM_NUMBER; d++) {
		const struct rx_dim_info *info = &rx_dim_infos[d];

		if ((rc = rx_put_item(data, "dims", &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "key", info->key, st)) != RX_OK ||
		    (rc = rx_put_text(item, "name", rx_msg(info->label,
		    q->lang), st)) != RX_OK || (rc = rx_put_bool(item,
		    "checked", ticked(q, "dim", info->key), st)) != RX_OK ||
		    (rc = put_only(item, q, info, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
put_builder(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	char from[RX_DATE_TEXT], to[RX_DATE_TEXT];
	rx_err rc;

	rx_date_format(rx_date_today(), to);
	(void)snprintf(from, sizeof(from), "%.4s-01-01", to);
	a->page = "statistician/table";
	if ((rc = rx_put_text(a->data, "title", rx_msg(
	    RX_MSG_WEB_STAT_TABLE_TITLE, q->lang), st)) != RX_OK ||
	    (rc = rx_stat_units(a->data, q, RX_LEVEL_TOWNSHIP,
	    rx_field(q, "unit"), st)) != RX_OK ||
	    (rc = rx_stat_put_period(a->data, q, from, to, st)) != RX_OK ||
	    (rc = put_counts(a->data, q, st)) != RX_OK ||
	    (rc = put_dims(a->data, q, st)) != RX_OK)
		return (rc);
	if ((rc = rx_put_text(json_object_get(a->data, "form"), "private",
	    rx_field(q, "private"), st)) != RX_OK)
		return (rc);
	return (rx_put_text(json_object_get(a->data, "form"), "threshold",
	    rx_field_nth(q, "threshold", 0) != NULL ?
	    rx_field(q, "threshold") : THRESHOLD, st));
}

rx_err
rx_stat_table_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_builder(q, a, st));
}

/* ---- the request ---- */

static rx_err
parse_count(const struct rx_request *q, enum rx_count *count,
    struct rx_status *st)
{
	size_t i;

	for (i = 0; i < COUNTS; i++)
		if (strcmp(rx_count_key((enum rx_count)i),
		    rx_field(q, "count")) == 0) {
			*count = (enum rx_count)i;
			return (RX_OK);
		}
	return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_STAT_NO_COUNT));
}

/* A whole number that the register then finds too small or not. */
static rx_err
parse_threshold(const char *text, unsigned *threshold, struct rx_status *st)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	if (*text < '0' || *text > '9' || *end != '\0' || errno != 0 ||
	    v < 3 || v > 1000)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_STAT_THRESHOLD));
	*threshold = (unsigned)v;
	return (RX_OK);
}

static rx_err
parse_dims(const struct rx_request *q, struct rx_table_request *req,
    struct rx_status *st)
{
	const struct rx_dim_info *info;
	char text[256] = "";
	const char *v;
	size_t k, n = 0;

	for (k = 0; (v = rx_field_nth(q, "dim", k)) != NULL; k++) {
		if (k >= RX_DIMS_MAX)
			return (rx_fail(st, RX_EUSAGE,
			    RX_MSG_WEB_STAT_MANY_DIMS));
		if ((info = rx_stat_dim(v)) != NULL &&
		    (info->counts & 1u << req->count) == 0) {
			rx_status_arg(st, "dim", "%s", rx_msg(info->label,
			    q->lang));
			rx_status_arg(st, "count", "%s", rx_msg(
			    counts[req->count].label, q->lang));
			return (rx_fail(st, RX_EUSAGE,
			    RX_MSG_WEB_STAT_DIM_NOT));
		}
		(void)snprintf(text + n, sizeof(text) - n, "%s%s", k > 0 ?
		    "," : "", v);
		n = strlen(text);
	}
	if (k == 0)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_STAT_NO_DIM));
	return (rx_table_dims(req, text, st));
}

static rx_err
parse_request(const struct rx_request *q, struct rx_table_request *req,
    struct rx_status *st)
{
	rx_err rc;

	memset(req, 0, sizeof(*req));
	if ((rc = parse_count(q, &req->count, st)) != RX_OK ||
	    (rc = parse_dims(q, req, st)) != RX_OK ||
	    (rc = rx_unit_parse(req->unit, rx_field(q, "unit"), st)) !=
	    RX_OK || (rc = rx_stat_period(q, &req->from, &req->to, st)) !=
	    RX_OK)
		return (rc);
	if (rx_field_set(q, "private"))
		return (rx_epsilon_parse(&req->epsilon, rx_field(q, "private"),
		    st));
	return (parse_threshold(rx_field(q, "threshold"), &req->threshold,
	    st));
}

/* The release that stands in the way of a refused table, as a link. */
static rx_err
put_obstacle(json_t *data, const struct rx_status *why, struct rx_status *st)
{
	unsigned k;

	for (k = 0; why->code == RX_ECONFLICT && k < why->nargs; k++)
		if (strcmp(why->arg[k].name, "id") == 0)
			return (rx_put_text(data, "obstacle",
			    why->arg[k].value, st));
	return (RX_OK);
}

/* One line of a dry run: by what, and how many cells. */
static rx_err
put_plan(json_t *data, const struct rx_request *q, const struct rx_plan *p,
    const char *list, enum rx_msg msg, struct rx_status *st)
{
	char dims[256], text[512];
	struct rx_status say;
	json_t *item;
	rx_err rc;

	rx_stat_dims(dims, sizeof(dims), q, p->dims);
	rx_status_clear(&say);
	rx_status_arg(&say, "by", "%s", dims);
	rx_status_arg(&say, "cells", "%zu", p->cells);
	rx_status_arg(&say, "shown", "%zu", p->cells - p->suppressed);
	rx_status_arg(&say, "suppressed", "%zu", p->suppressed);
	say.msg = msg;
	rx_status_text(&say, q->lang, text, sizeof(text));
	if ((rc = rx_put_item(data, list, &item, st)) != RX_OK)
		return (rc);
	return (rx_put_text(item, "text", text, st));
}

/* data.sure: the question with these fields, to be released when it is confirmed. */
static rx_err
put_sure(json_t *data, struct rx_request *q,
    const struct rx_table_request *req, struct rx_status *st)
{
	static const char *const names[] = { "count", "dim", "unit", "from",
		"to", "threshold", "private" };
	char from[RX_DATE_TEXT], to[RX_DATE_TEXT], unit[128], text[512];
	struct rx_status say;
	json_t *sure, *item;
	const char *v;
	size_t i, k;
	rx_err rc;

	rx_date_format(req->from, from);
	rx_date_format(req->to, to);
	if ((rc = rx_unit_name(q->session, req->unit, unit, sizeof(unit),
	    st)) != RX_OK)
		return (rc);
	rx_status_clear(&say);
	say.msg = RX_MSG_WEB_STAT_SURE;
	rx_status_arg(&say, "unit", "%s", unit);
	rx_status_arg(&say, "from", "%s", from);
	rx_status_arg(&say, "to", "%s", to);
	rx_status_text(&say, q->lang, text, sizeof(text));
	if ((rc = rx_put_item(data, "sure", &sure, st)) != RX_OK ||
	    (rc = rx_put_text(sure, "text", text, st)) != RX_OK)
		return (rc);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		for (k = 0; (v = rx_field_nth(q, names[i], k)) != NULL; k++)
			if ((rc = rx_put_item(sure, "fields", &item, st)) !=
			    RX_OK || (rc = rx_put_text(item, "name", names[i],
			    st)) != RX_OK || (rc = rx_put_text(item, "value",
			    v, st)) != RX_OK)
				return (rc);
	return (RX_OK);
}

/* What the table would show and lose; nothing is released.  What it would be
 * refused for is put in ${why}. */
static rx_err
put_plans(struct rx_request *q, struct rx_reply *a,
    const struct rx_table_request *req, struct rx_status *why,
    struct rx_status *st)
{
	struct rx_plan plan[RX_PLANS_MAX];
	size_t n, k;
	rx_err rc;

	if ((rc = rx_table_plan(plan, &n, q->session, req, st)) != RX_OK)
		return (rc);
	*why = plan[0].why;
	if (why->code == RX_OK)
		rc = put_plan(a->data, q, &plan[0], "plans",
		    RX_MSG_CLI_DRY_RUN, st);
	for (k = 1; k < n && rc == RX_OK; k++)
		rc = put_plan(a->data, q, &plan[k], "plans",
		    RX_MSG_CLI_DRY_COARSER, st);
	return (rc);
}

rx_err
rx_stat_table_make(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_table_request req;
	struct rx_status why;
	char id[RX_UUID_TEXT];
	bool again;
	rx_err rc;

	/* First what it would show; when that is confirmed, it is released. */
	if (parse_request(q, &req, st) == RX_OK &&
	    !rx_field_set(q, "release")) {
		rx_status_clear(&why);
		if (put_plans(q, a, &req, &why, st) == RX_OK) {
			if (why.code == RX_OK && put_sure(a->data, q, &req,
			    st) == RX_OK)
				return (put_builder(q, a, st));
			if (why.code != RX_OK)
				*st = why;
		}
	} else if (st->code == RX_OK &&
	    rx_table_release(id, &again, q->session, &req, st) == RX_OK) {
		rx_redirect_with(a, again ? RX_MSG_WEB_STAT_TABLE_AGAIN :
		    RX_MSG_WEB_STAT_TABLE_DONE, "/release/%s", id);
		return (RX_OK);
	}
	why = *st;
	rx_status_clear(st);
	if ((rc = put_builder(q, a, st)) != RX_OK ||
	    (rc = put_obstacle(a->data, &why, st)) != RX_OK)
		return (rc);
	/* The long id says nothing to a reader: the link below does. */
	if (why.msg == RX_MSG_TABLE_OVERLAPS)
		why.msg = RX_MSG_WEB_STAT_OVERLAPS;
	*st = why;
	return (rx_put_error(a, q, st));
}

/* ---- a released table as rows and columns ---- */

struct grid {
	json_t *data;
	const struct rx_request *q;
	const json_t *doc, *dims, *cells;
	size_t ndims, across;	/* the dimension side by side; or ndims */
	json_t *place;		/* row key: index of its row */
	json_t *columns;	/* column key: index of its column */
};

static const char *
dim_at(const struct grid *g, size_t d)
{
	const char *s = json_string_value(json_array_get(g->dims, d));

	return (s != NULL ? s : "");
}

static const char *
key_at(const json_t *cell, size_t d)
{
	const char *s = json_string_value(json_array_get(json_object_get(cell,
	    "key"), d));

	return (s != NULL ? s : "");
}

/* The dimension with the fewest values, not of units, lies across. */
static void
choose_across(struct grid *g)
{
	const struct rx_dim_info *info;
	size_t d, n, least = COLUMNS_MAX + 1;

	g->across = g->ndims;
	for (d = 0; g->ndims > 1 && d < g->ndims; d++) {
		info = rx_stat_dim(dim_at(g, d));
		n = json_object_size(json_object_get(json_object_get(g->doc,
		    "labels"), dim_at(g, d)));
		if (info != NULL && info->family != RX_FAMILY_UNIT &&
		    n < least) {
			least = n;
			g->across = d;
		}
	}
}

static rx_err
put_heads(struct grid *g, struct rx_status *st)
{
	char label[RX_STAT_LABEL];
	const struct rx_dim_info *info;
	const char *key;
	json_t *item;
	size_t d, i;
	rx_err rc = RX_OK;

	for (d = 0; d < g->ndims && rc == RX_OK; d++) {
		info = rx_stat_dim(dim_at(g, d));
		if (d == g->across)
			continue;
		if ((rc = rx_put_item(g->data, "heads", &item, st)) == RX_OK)
			rc = rx_put_text(item, "label", info != NULL ?
			    rx_msg(info->label, g->q->lang) : dim_at(g, d),
			    st);
	}
	/* Columns in the order in which the cells name them. */
	for (i = 0; i < json_array_size(g->cells) && g->across < g->ndims &&
	    rc == RX_OK; i++) {
		key = key_at(json_array_get(g->cells, i), g->across);
		if (json_object_get(g->columns, key) != NULL)
			continue;
		rx_stat_label(label, g->q, g->doc, dim_at(g, g->across), key);
		if ((rc = rx_put_int(g->columns, key, (int64_t)
		    json_object_size(g->columns), st)) == RX_OK &&
		    (rc = rx_put_item(g->data, "columns", &item, st)) == RX_OK)
			rc = rx_put_text(item, "label", label, st);
	}
	return (rc);
}

/* A row for ${cell}: its headings, and cells yet empty. */
static rx_err
new_row(struct grid *g, const json_t *cell, json_t **row,
    struct rx_status *st)
{
	char label[RX_STAT_LABEL];
	json_t *item;
	size_t d, c, n = json_object_size(g->columns);
	bool total = true;
	rx_err rc;

	if ((rc = rx_put_item(g->data, "rows", row, st)) != RX_OK)
		return (rc);
	for (d = 0; d < g->ndims; d++) {
		if (d == g->across)
			continue;
		total = total && strcmp(key_at(cell, d), "*") == 0;
		rx_stat_label(label, g->q, g->doc, dim_at(g, d),
		    key_at(cell, d));
		if ((rc = rx_put_item(*row, "names", &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "name", label, st)) != RX_OK)
			return (rc);
	}
	for (c = 0; c < (n > 0 ? n : 1); c++)
		if ((rc = rx_put_item(*row, "cells", &item, st)) != RX_OK)
			return (rc);
	return (rx_put_bool(*row, "sum", total, st));
}

static rx_err
put_cell(struct grid *g, const json_t *cell, struct rx_status *st)
{
	const json_t *value = json_object_get(cell, "value");
	char key[RX_DIMS_MAX * 66] = "";
	json_t *row, *to, *at;
	size_t d, n = 0, column = 0;
	rx_err rc;

	for (d = 0; d < g->ndims; d++) {
		if (d == g->across) {
			column = (size_t)json_integer_value(json_object_get(
			    g->columns, key_at(cell, d)));
			continue;
		}
		(void)snprintf(key + n, sizeof(key) - n, "%.64s\t",
		    key_at(cell, d));
		n = strlen(key);
	}
	if ((at = json_object_get(g->place, key)) != NULL)
		row = json_array_get(json_object_get(g->data, "rows"),
		    (size_t)json_integer_value(at));
	else if ((rc = new_row(g, cell, &row, st)) != RX_OK ||
	    (rc = rx_put_int(g->place, key, (int64_t)json_array_size(
	    json_object_get(g->data, "rows")) - 1, st)) != RX_OK)
		return (rc);
	to = json_array_get(json_object_get(row, "cells"), column);
	if (json_is_integer(value)) {
		rc = rx_put_int(to, "v", json_integer_value(value), st);
		/* of a private table */
		value = json_object_get(cell, "error95");
		return (rc != RX_OK || value == NULL ? rc :
		    rx_put_int(to, "error", json_integer_value(value), st));
	}
	return (rx_put_bool(to, "mark", true, st));
}

rx_err
rx_stat_grid(json_t *data, const struct rx_request *q, const json_t *doc,
    struct rx_status *st)
{
	struct grid g = { .data = data, .q = q, .doc = doc,
	    .dims = json_object_get(doc, "dims"),
	    .cells = json_object_get(doc, "cells"),
	    .place = json_object(), .columns = json_object() };
	const char *legend = json_string_value(json_array_get(
	    json_object_get(doc, "legend"), q->lang == RX_LANG_EN));
	size_t i;
	rx_err rc = RX_OK;

	g.ndims = json_array_size(g.dims);
	if (g.ndims > RX_DIMS_MAX)
		g.ndims = RX_DIMS_MAX;
	choose_across(&g);
	if (g.place == NULL || g.columns == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	if (rc == RX_OK)
		rc = put_heads(&g, st);
	for (i = 0; i < json_array_size(g.cells) && rc == RX_OK; i++)
		rc = put_cell(&g, json_array_get(g.cells, i), st);
	json_decref(g.place);
	json_decref(g.columns);
	if (rc == RX_OK)
		rc = rx_put_text(data, "legend", legend != NULL ? legend : "",
		    st);
	return (rc);
}
