/* Sentences, tables, JSON; and the one line of an error. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"

/* Bytes of the UTF-8 character at ${s} that must not reach a terminal:
 * controls (C0, DEL, C1) and direction overrides; 0 when it may. */
static size_t
unsafe(const unsigned char *s, size_t n)
{

	if (s[0] < 0x20 || s[0] == 0x7f)
		return (1);
	if (n >= 2 && s[0] == 0xc2 && s[1] >= 0x80 && s[1] <= 0x9f)
		return (2);
	if (n >= 3 && s[0] == 0xe2 && s[1] == 0x80 &&
	    s[2] >= 0xaa && s[2] <= 0xae)
		return (3);
	if (n >= 3 && s[0] == 0xe2 && s[1] == 0x81 &&
	    s[2] >= 0xa6 && s[2] <= 0xa9)
		return (3);
	return (0);
}

rx_err
rx_cli_clean(struct rx_buf *out, const char *s, size_t n, struct rx_status *st)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t i, k, from = 0;
	rx_err rc;

	for (i = 0; i < n; i += k) {
		if ((k = unsafe(p + i, n - i)) == 0) {
			k = 1;
			continue;
		}
		if ((rc = rx_buf_add(out, s + from, i - from, st)) != RX_OK)
			return (rc);
		if (p[i] == '\t' || p[i] == '\n' || p[i] == '\r')
			rc = rx_buf_add(out, " ", 1, st);
		else
			rc = rx_buf_add(out, "\xef\xbf\xbd", 3, st);
		if (rc != RX_OK)
			return (rc);
		from = i + k;
	}
	return (rx_buf_add(out, s + from, n - from, st));
}

/* The value of the placeholder ${name} of ${n} bytes; NULL when not given. */
static const char *
argument(const char *name, size_t n, va_list given)
{
	const char *key, *value, *found = NULL;
	va_list ap;

	va_copy(ap, given);
	while (found == NULL && (key = va_arg(ap, const char *)) != NULL) {
		value = va_arg(ap, const char *);
		if (strlen(key) == n && memcmp(key, name, n) == 0)
			found = value;
	}
	va_end(ap);
	return (found);
}

/* Append the text ${s}, its placeholders replaced, and a line end. */
static rx_err
sentence(struct rx_buf *out, const char *s, va_list ap, struct rx_status *st)
{
	const char *open, *close, *value;
	rx_err rc;

	while ((open = strchr(s, '{')) != NULL &&
	    (close = strchr(open, '}')) != NULL) {
		value = argument(open + 1, (size_t)(close - open - 1), ap);
		if (value == NULL) {
			/* Not ours: as it stands. */
			rc = rx_buf_add(out, s, (size_t)(close + 1 - s), st);
			if (rc != RX_OK)
				return (rc);
			s = close + 1;
			continue;
		}
		rc = rx_buf_add(out, s, (size_t)(open - s), st);
		if (rc == RX_OK)
			rc = rx_cli_clean(out, value, strlen(value), st);
		if (rc != RX_OK)
			return (rc);
		s = close + 1;
	}
	return (rx_buf_printf(out, st, "%s\n", s));
}

rx_err
rx_cli_say(struct rx_cli *cli, struct rx_status *st, enum rx_msg msg, ...)
{
	va_list ap;
	rx_err rc;

	va_start(ap, msg);
	rc = sentence(&cli->out, rx_msg(msg, cli->lang), ap, st);
	va_end(ap);
	return (rc);
}

void
rx_cli_note(struct rx_cli *cli, enum rx_msg msg, ...)
{
	struct rx_buf line = RX_BUF_INIT;
	struct rx_status st;
	va_list ap;

	rx_status_clear(&st);
	va_start(ap, msg);
	if (sentence(&line, rx_msg(msg, cli->lang), ap, &st) == RX_OK)
		(void)fprintf(stderr, "runxin: %.*s", (int)line.len,
		    (const char *)line.b);
	va_end(ap);
	rx_buf_free(&line);
}

void
rx_cli_complain(const struct rx_cli *cli, const struct rx_status *st)
{
	struct rx_buf line = RX_BUF_INIT;
	struct rx_status none;
	char text[2048];

	rx_status_text(st, cli->lang, text, sizeof(text));
	rx_status_clear(&none);
	if (rx_cli_clean(&line, text, strlen(text), &none) == RX_OK)
		(void)fprintf(stderr, "runxin: %.*s\n", (int)line.len,
		    line.b != NULL ? (const char *)line.b : "");
	rx_buf_free(&line);
}

rx_err
rx_cli_flush(struct rx_cli *cli, struct rx_status *st)
{
	size_t done = 0;
	ssize_t n;

	while (done < cli->out.len) {
		n = write(STDOUT_FILENO, cli->out.b + done,
		    cli->out.len - done);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return (rx_fail(st, RX_EIO, RX_MSG_CLI_OUTPUT));
		done += (size_t)n;
	}
	rx_buf_reset(&cli->out);
	return (RX_OK);
}

/* ---- JSON ---- */

rx_err
rx_cli_set(json_t *obj, const char *key, json_t *value, struct rx_status *st)
{

	if (json_object_set_new(obj, key, value) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

rx_err
rx_cli_append(json_t *array, json_t *value, struct rx_status *st)
{

	if (json_array_append_new(array, value) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

static const struct rx_code *
code_of(enum rx_list list, int64_t no)
{

	if (no <= 0 || no > UINT16_MAX)
		return (NULL);
	return (rx_code_by_no(list, (uint16_t)no));
}

const char *
rx_cli_code(const struct rx_cli *cli, enum rx_list list, int64_t no)
{
	const struct rx_code *c = code_of(list, no);

	if (c == NULL)
		return ("");
	return (cli->lang == RX_LANG_EN ? c->en : c->zh);
}

json_t *
rx_cli_code_json(enum rx_list list, int64_t no)
{
	const struct rx_code *c = code_of(list, no);

	return (c == NULL ? json_null() : json_string(c->key));
}

json_t *
rx_cli_date_json(int32_t date)
{
	char text[RX_DATE_TEXT];

	if (date == 0)
		return (json_null());
	rx_date_format(date, text);
	return (json_string(text));
}

json_t *
rx_cli_time_json(int64_t ms)
{
	char text[RX_TIME_TEXT];

	if (ms == 0)
		return (json_null());
	rx_time_format(ms, text);
	return (json_string(text));
}

rx_err
rx_cli_sort(json_t *array, int (*compare)(const void *, const void *),
    struct rx_status *st)
{
	size_t i, n = json_array_size(array);
	json_t **rows;
	rx_err rc = RX_OK;

	if (n < 2)
		return (RX_OK);
	if ((rows = calloc(n, sizeof(json_t *))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < n; i++)
		rows[i] = json_incref(json_array_get(array, i));
	qsort(rows, n, sizeof(json_t *), compare);
	(void)json_array_clear(array);
	for (i = 0; i < n; i++)
		if (rc == RX_OK)
			rc = rx_cli_append(array, rows[i], st);
		else
			json_decref(rows[i]);
	free(rows);
	return (rc);
}

/* ---- tables ---- */

#define COLUMNS_MAX 16

/* The text of a code given by its key. */
static const char *
code_text(const struct rx_cli *cli, enum rx_list list, const char *key)
{
	const struct rx_code *c = rx_code_by_key(list, key);

	if (c == NULL)
		return (key);
	return (cli->lang == RX_LANG_EN ? c->en : c->zh);
}

static rx_err
cell_text(struct rx_cli *cli, const json_t *v, enum rx_list list,
    struct rx_buf *out, struct rx_status *st)
{
	const char *s;
	size_t i;
	rx_err rc;

	if (json_is_integer(v))
		return (rx_buf_printf(out, st, "%lld",
		    (long long)json_integer_value(v)));
	if (json_is_string(v)) {
		s = json_string_value(v);
		if (list != RX_LIST_NONE)
			s = code_text(cli, list, s);
		return (rx_cli_clean(out, s, strlen(s), st));
	}
	for (i = 0; i < json_array_size(v); i++) {
		s = cli->lang == RX_LANG_EN ? ", " : "、";
		if (i > 0 && (rc = rx_buf_add(out, s, strlen(s), st)) != RX_OK)
			return (rc);
		rc = cell_text(cli, json_array_get(v, i), list, out, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Append one cell, as text with its NUL, "-" when it has none. */
static rx_err
cell(struct rx_cli *cli, const struct rx_cli_column *col, const json_t *row,
    struct rx_buf *cells, struct rx_status *st)
{
	size_t before = cells->len;
	rx_err rc;

	if (col->cell != NULL)
		rc = col->cell(cli, row, cells, st);
	else
		rc = cell_text(cli, json_object_get(row, col->key), col->list,
		    cells, st);
	if (rc == RX_OK && cells->len == before)
		rc = rx_buf_add(cells, "-", 1, st);
	if (rc == RX_OK)
		rc = rx_buf_add(cells, "", 1, st);
	return (rc);
}

/* Print ${nrows} rows of cells, each column as wide as its widest cell. */
static rx_err
print_cells(struct rx_cli *cli, const struct rx_buf *cells, size_t nrows,
    size_t ncols, struct rx_status *st)
{
	size_t width[COLUMNS_MAX] = { 0 }, i, w;
	const char *s;
	rx_err rc;

	if (cells->b == NULL)
		return (RX_OK);
	s = (const char *)cells->b;
	for (i = 0; i < nrows * ncols; i++, s += strlen(s) + 1)
		if ((w = rx_utf8_width(s)) > width[i % ncols])
			width[i % ncols] = w;
	s = (const char *)cells->b;
	for (i = 0; i < nrows * ncols; i++, s += strlen(s) + 1) {
		if ((i + 1) % ncols == 0)
			rc = rx_buf_printf(&cli->out, st, "%s\n", s);
		else
			rc = rx_buf_printf(&cli->out, st, "%s%*s", s,
			    (int)(width[i % ncols] - rx_utf8_width(s) + 2), "");
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Whether a row of ${array} has something for the column. */
static bool
is_used(const struct rx_cli_column *col, const json_t *array)
{
	size_t i;

	if (col->cell != NULL)
		return (true);
	for (i = 0; i < json_array_size(array); i++)
		if (json_object_get(json_array_get(array, i), col->key) !=
		    NULL)
			return (true);
	return (false);
}

rx_err
rx_cli_list(struct rx_cli *cli, const json_t *array,
    const struct rx_cli_column *columns, size_t ncolumns, enum rx_msg empty,
    struct rx_status *st)
{
	const struct rx_cli_column *used[COLUMNS_MAX];
	struct rx_buf cells = RX_BUF_INIT;
	size_t i, k, nused = 0, n = json_array_size(array);
	const char *title;
	rx_err rc = RX_OK;

	if (cli->json)
		return (rx_json_write(&cli->out, array, st));
	if (n == 0)
		return (rx_cli_say(cli, st, empty, NULL));
	for (k = 0; k < ncolumns && nused < COLUMNS_MAX; k++)
		if (is_used(&columns[k], array))
			used[nused++] = &columns[k];
	for (k = 0; rc == RX_OK && k < nused; k++) {
		title = rx_msg(used[k]->title, cli->lang);
		rc = rx_buf_add(&cells, title, strlen(title) + 1, st);
	}
	for (i = 0; rc == RX_OK && i < n; i++)
		for (k = 0; rc == RX_OK && k < nused; k++)
			rc = cell(cli, used[k], json_array_get(array, i),
			    &cells, st);
	if (rc == RX_OK)
		rc = print_cells(cli, &cells, n + 1, nused, st);
	rx_buf_free(&cells);
	return (rc);
}

rx_err
rx_cli_print(struct rx_cli *cli, json_t *o, rx_err rc, struct rx_status *st)
{

	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}
