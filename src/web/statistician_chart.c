#include <stdio.h>
#include <string.h>

#include "web/statistician.h"

/*
 * Charts of a released table, drawn from its published cells alone: a line over
 * months, or bars of a single dimension.  A suppressed value is a gap with the
 * mark.  Colours and sizes are in app.css; text stays readable at 360 px.
 */

#define MARK "※"
#define WIDTH 480
#define BARS_MAX 60
#define MONTHS_MAX 240
#define PLOT_LEFT 46		/* of the line chart */
#define PLOT_RIGHT 466
#define PLOT_TOP 18
#define PLOT_BOTTOM 200
#define LINE_HEIGHT 236
#define BAR_STEP 46		/* of the bar chart: a label and a bar */
#define BAR_LONGEST 400

struct point {
	const char *key;
	int64_t value;		/* -1: suppressed */
	int32_t month;		/* of a line chart */
};

struct chart {
	const struct rx_request *q;
	const json_t *doc;
	const char *dim;
	struct point p[MONTHS_MAX];
	size_t n;
	int64_t top;		/* of the scale */
	struct rx_buf svg;
};

/* Append text that stands between tags. */
static rx_err
put_text(struct rx_buf *out, const char *s, struct rx_status *st)
{
	const char *esc;
	size_t n;
	rx_err rc;

	for (; *s != '\0'; s += n) {
		if ((n = strcspn(s, "&<>\"'")) > 0) {
			if ((rc = rx_buf_add(out, s, n, st)) != RX_OK)
				return (rc);
			continue;
		}
		n = 1;
		esc = *s == '&' ? "&amp;" : *s == '<' ? "&lt;" :
		    *s == '>' ? "&gt;" : *s == '"' ? "&quot;" : "&#39;";
		if ((rc = rx_buf_add(out, esc, strlen(esc), st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
put_label(struct chart *c, const char *class, double x, double y,
    const char *text, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_buf_printf(&c->svg, st,
	    "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">", class, x, y)) !=
	    RX_OK || (rc = put_text(&c->svg, text, st)) != RX_OK)
		return (rc);
	return (rx_buf_printf(&c->svg, st, "</text>"));
}

static void
value_text(char out[32], const struct point *p)
{

	if (p->value < 0)
		(void)snprintf(out, 32, MARK);
	else
		(void)snprintf(out, 32, "%lld", (long long)p->value);
}

/* The smallest of 2, 4, 6, 8, 10, 20, 40 ... that holds all values. */
static void
scale(struct chart *c)
{
	static const int64_t steps[] = { 2, 4, 6, 8, 10 };
	int64_t most = 0, unit = 1;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->p[i].value > most)
			most = c->p[i].value;
	for (i = 0; steps[i] * unit < most && unit < INT64_MAX / 100;)
		if (++i == sizeof(steps) / sizeof(steps[0])) {
			i = 0;
			unit *= 10;
		}
	c->top = steps[i] * unit;
}

/* The margin of dimension ${d}: cells that are "*" on all others.  False when
 * there are too many, or one is not what it should be. */
static bool
collect(struct chart *c, size_t d, bool months, size_t max)
{
	const json_t *cells = json_object_get(c->doc, "cells"), *cell, *key;
	const char *s;
	size_t i, k;
	bool margin;

	for (i = 0; i < json_array_size(cells); i++) {
		cell = json_array_get(cells, i);
		key = json_object_get(cell, "key");
		for (margin = true, k = 0; k < json_array_size(key); k++) {
			s = json_string_value(json_array_get(key, k));
			margin = margin && s != NULL &&
			    (k == d) == (strcmp(s, "*") != 0);
		}
		if (!margin)
			continue;
		if (c->n == max || (s = json_string_value(json_array_get(key,
		    d))) == NULL)
			return (false);
		c->p[c->n].key = s;
		c->p[c->n].value = json_is_integer(json_object_get(cell,
		    "value")) ? json_integer_value(json_object_get(cell,
		    "value")) : -1;
		if (months && (!rx_month_parse(s, &c->p[c->n].month) ||
		    (c->n > 0 && c->p[c->n].month <= c->p[c->n - 1].month)))
			return (false);
		c->n++;
	}
	return (c->n > 1);
}

/* The beginning: what it is, and all values in words. */
static rx_err
begin(struct chart *c, unsigned height, enum rx_msg title,
    struct rx_status *st)
{
	char label[RX_STAT_LABEL], value[32];
	struct rx_status say;
	char text[512];
	const struct rx_dim_info *info = rx_stat_dim(c->dim);
	size_t i;
	rx_err rc;

	rx_status_clear(&say);
	rx_status_arg(&say, "count", "%s", rx_stat_count(c->q,
	    rx_stat_text(c->doc, "count")));
	rx_status_arg(&say, "dim", "%s", info != NULL ? rx_msg(info->label,
	    c->q->lang) : c->dim);
	say.msg = title;
	rx_status_text(&say, c->q->lang, text, sizeof(text));
	if ((rc = rx_buf_printf(&c->svg, st, "<svg class=\"chart\" "
	    "viewBox=\"0 0 %d %u\" role=\"img\" aria-labelledby=\"chart-title "
	    "chart-desc\"><title id=\"chart-title\">", WIDTH, height)) !=
	    RX_OK || (rc = put_text(&c->svg, text, st)) != RX_OK ||
	    (rc = rx_buf_printf(&c->svg, st,
	    "</title><desc id=\"chart-desc\">")) != RX_OK)
		return (rc);
	for (i = 0; i < c->n; i++) {
		rx_stat_label(label, c->q, c->doc, c->dim, c->p[i].key);
		value_text(value, &c->p[i]);
		(void)snprintf(text, sizeof(text), "%s%s %s", i > 0 ?
		    rx_msg(RX_MSG_LIST_SEMICOLON, c->q->lang) : "", label,
		    c->p[i].value < 0 ? rx_msg(RX_MSG_WEB_STAT_WITHHELD,
		    c->q->lang) : value);
		if ((rc = put_text(&c->svg, text, st)) != RX_OK)
			return (rc);
	}
	return (rx_buf_printf(&c->svg, st, "</desc>"));
}

/* ---- bars ---- */

static rx_err
bars(struct chart *c, struct rx_status *st)
{
	char label[RX_STAT_LABEL], value[32];
	double long_, y;
	size_t i;
	rx_err rc;

	if ((rc = begin(c, (unsigned)c->n * BAR_STEP + 6,
	    RX_MSG_WEB_STAT_BARS, st)) != RX_OK)
		return (rc);
	for (i = 0; i < c->n; i++) {
		y = (double)i * BAR_STEP;
		long_ = c->p[i].value < 0 ? 0 : (double)BAR_LONGEST *
		    (double)c->p[i].value / (double)c->top;
		rx_stat_label(label, c->q, c->doc, c->dim, c->p[i].key);
		value_text(value, &c->p[i]);
		if ((rc = put_label(c, "name", 8, y + 16, label, st)) !=
		    RX_OK || (rc = rx_buf_printf(&c->svg, st, "<rect "
		    "class=\"bar\" x=\"2\" y=\"%.1f\" width=\"%.1f\" "
		    "height=\"16\"/>", y + 22, long_)) != RX_OK ||
		    (rc = put_label(c, "value", 8 + long_, y + 35, value,
		    st)) != RX_OK)
			return (rc);
	}
	return (rx_buf_printf(&c->svg, st, "<line class=\"axis\" x1=\"2\" "
	    "x2=\"2\" y1=\"0\" y2=\"%u\"/></svg>", (unsigned)c->n *
	    BAR_STEP));
}

/* ---- a line over months ---- */

static double
line_x(const struct chart *c, int32_t month)
{
	const int32_t first = c->p[0].month, span = c->p[c->n - 1].month -
	    first;

	return (PLOT_LEFT + 14 + (double)(PLOT_RIGHT - PLOT_LEFT - 34) *
	    (double)(month - first) / (double)span);
}

static double
line_y(const struct chart *c, int64_t value)
{

	return (PLOT_BOTTOM - (double)(PLOT_BOTTOM - PLOT_TOP) *
	    (double)value / (double)c->top);
}

/* 0, the half and the top as lines with their numbers. */
static rx_err
line_grid(struct chart *c, struct rx_status *st)
{
	char text[32];
	double y;
	int k;
	rx_err rc;

	for (k = 0; k <= 2; k++) {
		y = line_y(c, c->top * k / 2);
		(void)snprintf(text, sizeof(text), "%lld",
		    (long long)(c->top * k / 2));
		if ((rc = rx_buf_printf(&c->svg, st, "<line class=\"%s\" "
		    "x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>", k == 0 ?
		    "axis" : "rule", PLOT_LEFT, PLOT_RIGHT, y, y)) != RX_OK ||
		    (rc = put_label(c, "scale", PLOT_LEFT - 6, y + 4, text,
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Lines join neighbouring months that are both published. */
static rx_err
line_path(struct chart *c, struct rx_status *st)
{
	const struct point *p;
	size_t i;
	rx_err rc;

	for (i = 1; i < c->n; i++) {
		p = &c->p[i];
		if (p->value < 0 || p[-1].value < 0 ||
		    p->month != p[-1].month + 1)
			continue;
		if ((rc = rx_buf_printf(&c->svg, st, "<line class=\"trend\" "
		    "x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
		    line_x(c, p[-1].month), line_y(c, p[-1].value),
		    line_x(c, p->month), line_y(c, p->value))) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
line_points(struct chart *c, struct rx_status *st)
{
	const size_t step = (c->n + 4) / 5;
	char value[32];
	const struct point *p;
	double x, y;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < c->n && rc == RX_OK; i++) {
		p = &c->p[i];
		x = line_x(c, p->month);
		value_text(value, p);
		y = p->value < 0 ? PLOT_BOTTOM - 6 : line_y(c, p->value);
		if (p->value >= 0)
			rc = rx_buf_printf(&c->svg, st, "<circle class=\"dot\""
			    " cx=\"%.1f\" cy=\"%.1f\" r=\"4\"/>", x, y);
		if (rc == RX_OK && (p->value < 0 || c->n <= 13))
			rc = put_label(c, "value mid", x, p->value < 0 ? y :
			    y - 9, value, st);
		if (rc == RX_OK && i % step == 0)
			rc = put_label(c, "name mid", x, PLOT_BOTTOM + 22,
			    p->key, st);
	}
	return (rc);
}

static rx_err
line(struct chart *c, struct rx_status *st)
{
	rx_err rc;

	if ((rc = begin(c, LINE_HEIGHT, RX_MSG_WEB_STAT_TREND, st)) != RX_OK ||
	    (rc = line_grid(c, st)) != RX_OK ||
	    (rc = line_path(c, st)) != RX_OK ||
	    (rc = line_points(c, st)) != RX_OK)
		return (rc);
	return (rx_buf_printf(&c->svg, st, "</svg>"));
}

rx_err
rx_stat_chart(json_t *data, const struct rx_request *q, const json_t *doc,
    struct rx_status *st)
{
	const json_t *dims = json_object_get(doc, "dims");
	struct chart *c;
	const char *s;
	size_t d, at = 0, n = json_array_size(dims);
	bool months = false;
	rx_err rc = RX_OK;

	for (d = 0; d < n && !months; d++) {
		s = json_string_value(json_array_get(dims, d));
		months = s != NULL && strcmp(s, "month") == 0;
		at = months ? d : 0;
	}
	if (!months && n != 1)
		return (RX_OK);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	c->q = q;
	c->doc = doc;
	if ((c->dim = json_string_value(json_array_get(dims, at))) != NULL &&
	    collect(c, at, months, months ? MONTHS_MAX : BARS_MAX)) {
		scale(c);
		rc = months ? line(c, st) : bars(c, st);
		if (rc == RX_OK)
			rc = rx_put(data, "chart", json_stringn((const char *)
			    c->svg.b, c->svg.len), st);
	}
	rx_buf_free(&c->svg);
	free(c);
	return (rc);
}
