#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xlsxwriter.h>

#include "base/file.h"
#include "stats/internal.h"

#define CELLS_MAX 1000000	/* a sheet of Excel has 1048576 rows */
#define FILE_MAX (64u << 20)
#define YUAN_A_WAN 10000

enum cell_kind { CELL_TEXT, CELL_INT, CELL_WAN };

struct cell {
	enum cell_kind kind;
	int64_t i;		/* the number; of a text, where it begins */
};

struct rx_sheet {
	unsigned columns;
	unsigned width[16];
	int32_t date;
	struct rx_buf text;	/* NUL-terminated texts */
	struct rx_buf cells;	/* struct cell */
	struct rx_buf lines[RX_LINE_KINDS];	/* uint32_t: where in text */
};

/* ---- making one ---- */

rx_err
rx_sheet_new(struct rx_sheet **out, unsigned columns, const unsigned *width,
    int32_t date, struct rx_status *st)
{
	struct rx_sheet *sh;
	rx_err rc;

	*out = NULL;
	if (columns == 0 || columns > sizeof(sh->width) / sizeof(*sh->width))
		return (rx_stats_bug("sheet columns", st));
	if ((rc = rx_stats_alloc(&sh, 1, sizeof(*sh), st)) != RX_OK)
		return (rc);
	sh->columns = columns;
	memcpy(sh->width, width, columns * sizeof(*width));
	sh->date = date;
	*out = sh;
	return (RX_OK);
}

void
rx_sheet_free(struct rx_sheet *sh)
{
	unsigned k;

	if (sh == NULL)
		return;
	for (k = 0; k < RX_LINE_KINDS; k++)
		rx_buf_free(&sh->lines[k]);
	rx_buf_free(&sh->cells);
	rx_buf_free(&sh->text);
	free(sh);
}

rx_err
rx_sheet_line(struct rx_sheet *sh, enum rx_line kind, const char *text,
    struct rx_status *st)
{
	uint32_t at = (uint32_t)sh->text.len;
	rx_err rc;

	rc = rx_buf_add(&sh->text, text, strlen(text) + 1, st);
	if (rc != RX_OK)
		return (rc);
	return (rx_buf_add(&sh->lines[kind], &at, sizeof(at), st));
}

static rx_err
add_cell(struct rx_sheet *sh, enum cell_kind kind, int64_t i,
    struct rx_status *st)
{
	struct cell cell = { kind, i };

	if (sh->cells.len / sizeof(cell) >= CELLS_MAX)
		return (rx_stats_bug("sheet size", st));
	return (rx_buf_add(&sh->cells, &cell, sizeof(cell), st));
}

rx_err
rx_sheet_text(struct rx_sheet *sh, const char *text, struct rx_status *st)
{
	size_t at = sh->text.len;
	rx_err rc;

	rc = rx_buf_add(&sh->text, text, strlen(text) + 1, st);
	if (rc != RX_OK)
		return (rc);
	return (add_cell(sh, CELL_TEXT, (int64_t)at, st));
}

rx_err
rx_sheet_int(struct rx_sheet *sh, int64_t v, struct rx_status *st)
{

	return (add_cell(sh, CELL_INT, v, st));
}

rx_err
rx_sheet_wan(struct rx_sheet *sh, int64_t yuan, struct rx_status *st)
{

	return (add_cell(sh, CELL_WAN, yuan, st));
}

/* ---- reading one ---- */

static const char *
line_text(const struct rx_sheet *sh, enum rx_line kind, size_t k)
{
	uint32_t at;

	memcpy(&at, &sh->lines[kind].b[k * sizeof(at)], sizeof(at));
	return ((const char *)&sh->text.b[at]);
}

static size_t
line_count(const struct rx_sheet *sh, enum rx_line kind)
{

	return (sh->lines[kind].len / sizeof(uint32_t));
}

static struct cell
get_cell(const struct rx_sheet *sh, size_t k)
{
	struct cell cell;

	memcpy(&cell, &sh->cells.b[k * sizeof(cell)], sizeof(cell));
	return (cell);
}

static const char *
cell_text(const struct rx_sheet *sh, const struct cell *cell)
{

	return ((const char *)&sh->text.b[cell->i]);
}

/* ---- CSV: UTF-8 with BOM, CRLF, RFC 4180 ---- */

/* A text cell: a leading character that a spreadsheet takes for the start of
 * a formula is made harmless by an apostrophe; quoted where RFC 4180 asks. */
static rx_err
csv_text(struct rx_buf *out, const char *s, struct rx_status *st)
{
	bool quote = strpbrk(s, ",\"\r\n") != NULL;
	bool formula = *s != '\0' && strchr("=+-@\t\r", *s) != NULL;
	size_t n;
	rx_err rc;

	if ((rc = rx_buf_printf(out, st, "%s%s", quote ? "\"" : "",
	    formula ? "'" : "")) != RX_OK)
		return (rc);
	while (*s != '\0') {
		n = strcspn(s, "\"");
		if ((rc = rx_buf_add(out, s, n, st)) != RX_OK)
			return (rc);
		s += n;
		if (*s == '\0')
			break;
		if ((rc = rx_buf_add(out, "\"\"", 2, st)) != RX_OK)
			return (rc);
		s++;
	}
	return (quote ? rx_buf_add(out, "\"", 1, st) : RX_OK);
}

static rx_err
csv_cell(struct rx_buf *out, const struct rx_sheet *sh, struct cell cell,
    struct rx_status *st)
{

	switch (cell.kind) {
	case CELL_INT:
		return (rx_buf_printf(out, st, "%lld", (long long)cell.i));
	case CELL_WAN:
		return (rx_buf_printf(out, st, "%lld.%04lld",
		    (long long)(cell.i / YUAN_A_WAN),
		    (long long)(cell.i % YUAN_A_WAN)));
	default:
		return (csv_text(out, cell_text(sh, &cell), st));
	}
}

/* A line of text: the first cell of a row that is empty otherwise. */
static rx_err
csv_lines(struct rx_buf *out, const struct rx_sheet *sh, enum rx_line kind,
    struct rx_status *st)
{
	size_t k, n = line_count(sh, kind);
	unsigned c;
	rx_err rc;

	for (k = 0; k < n; k++) {
		if ((rc = csv_text(out, line_text(sh, kind, k), st)) != RX_OK)
			return (rc);
		for (c = 1; c < sh->columns; c++) {
			if ((rc = rx_buf_add(out, ",", 1, st)) != RX_OK)
				return (rc);
		}
		if ((rc = rx_buf_add(out, "\r\n", 2, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
write_csv(struct rx_buf *out, const struct rx_sheet *sh, struct rx_status *st)
{
	size_t k, n = sh->cells.len / sizeof(struct cell);
	bool last;
	rx_err rc;

	if ((rc = rx_buf_add(out, "\xef\xbb\xbf", 3, st)) != RX_OK ||
	    (rc = csv_lines(out, sh, RX_LINE_TITLE, st)) != RX_OK ||
	    (rc = csv_lines(out, sh, RX_LINE_ABOVE, st)) != RX_OK)
		return (rc);
	for (k = 0; k < n; k++) {
		last = k % sh->columns == sh->columns - 1;
		if ((rc = csv_cell(out, sh, get_cell(sh, k), st)) != RX_OK)
			return (rc);
		rc = rx_buf_add(out, last ? "\r\n" : ",", last ? 2 : 1, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (csv_lines(out, sh, RX_LINE_NOTE, st));
}

/* ---- XLSX ---- */

struct book {
	lxw_workbook *wb;
	lxw_worksheet *ws;
	lxw_format *title, *line, *head, *text, *number, *wan, *note;
	lxw_row_t row;
	lxw_error error;	/* the first one */
};

static void
keep(struct book *b, lxw_error error)
{

	if (b->error == LXW_NO_ERROR)
		b->error = error;
}

static lxw_format *
bordered(struct book *b, enum lxw_format_alignments align)
{
	lxw_format *f = workbook_add_format(b->wb);

	if (f == NULL) {
		keep(b, LXW_ERROR_MEMORY_MALLOC_FAILED);
		return (NULL);
	}
	format_set_border(f, LXW_BORDER_THIN);
	format_set_align(f, (uint8_t)align);
	format_set_align(f, LXW_ALIGN_VERTICAL_CENTER);
	return (f);
}

static lxw_format *
plain(struct book *b, double size, bool bold, enum lxw_format_alignments align)
{
	lxw_format *f = workbook_add_format(b->wb);

	if (f == NULL) {
		keep(b, LXW_ERROR_MEMORY_MALLOC_FAILED);
		return (NULL);
	}
	format_set_font_size(f, size);
	if (bold)
		format_set_bold(f);
	format_set_text_wrap(f);
	format_set_align(f, (uint8_t)align);
	format_set_align(f, LXW_ALIGN_VERTICAL_CENTER);
	return (f);
}

static void
make_formats(struct book *b)
{

	b->title = plain(b, 16, true, LXW_ALIGN_CENTER);
	b->line = plain(b, 11, false, LXW_ALIGN_LEFT);
	b->note = plain(b, 10, false, LXW_ALIGN_LEFT);
	b->head = bordered(b, LXW_ALIGN_CENTER);
	b->text = bordered(b, LXW_ALIGN_LEFT);
	b->number = bordered(b, LXW_ALIGN_RIGHT);
	b->wan = bordered(b, LXW_ALIGN_RIGHT);
	if (b->error != LXW_NO_ERROR)
		return;
	format_set_bold(b->head);
	format_set_text_wrap(b->head);
	format_set_num_format(b->number, "0");
	format_set_num_format(b->wan, "0.0000");
}

/* A4, lying, one page wide, margins in inches. */
static void
page_setup(struct book *b, const struct rx_sheet *sh)
{
	unsigned c;

	worksheet_set_landscape(b->ws);
	worksheet_set_paper(b->ws, 9);
	worksheet_fit_to_pages(b->ws, 1, 0);
	worksheet_set_margins(b->ws, 0.5, 0.5, 0.6, 0.6);
	worksheet_center_horizontally(b->ws);
	for (c = 0; c < sh->columns; c++)
		keep(b, worksheet_set_column(b->ws, (lxw_col_t)c, (lxw_col_t)c,
		    sh->width[c], NULL));
}

static void
xlsx_lines(struct book *b, const struct rx_sheet *sh, enum rx_line kind,
    lxw_format *format)
{
	size_t k, n = line_count(sh, kind);
	unsigned c, wide = 0, rows;
	const char *s;

	for (c = 0; c < sh->columns; c++)
		wide += sh->width[c];
	for (k = 0; k < n; k++, b->row++) {
		s = line_text(sh, kind, k);
		rows = (unsigned)(rx_utf8_width(s) / (wide > 0 ? wide : 1)) + 1;
		if (rows > 20)
			rows = 20;
		keep(b, worksheet_set_row(b->ws, b->row,
		    kind == RX_LINE_TITLE ? 30 : 16 * rows, NULL));
		if (sh->columns > 1)
			keep(b, worksheet_merge_range(b->ws, b->row, 0, b->row,
			    (lxw_col_t)(sh->columns - 1), s, format));
		else
			keep(b, worksheet_write_string(b->ws, b->row, 0, s,
			    format));
	}
}

/* A text goes in as a string, never as a formula, whatever it begins with. */
static void
xlsx_cell(struct book *b, const struct rx_sheet *sh, size_t k)
{
	struct cell cell = get_cell(sh, k);
	lxw_col_t col = (lxw_col_t)(k % sh->columns);
	const char *s;

	switch (cell.kind) {
	case CELL_INT:
		keep(b, worksheet_write_number(b->ws, b->row, col,
		    (double)cell.i, b->number));
		break;
	case CELL_WAN:
		keep(b, worksheet_write_number(b->ws, b->row, col,
		    (double)cell.i / YUAN_A_WAN, b->wan));
		break;
	default:
		s = cell_text(sh, &cell);
		keep(b, *s != '\0' ? worksheet_write_string(b->ws, b->row, col,
		    s, k < sh->columns ? b->head : b->text) :
		    worksheet_write_blank(b->ws, b->row, col, b->text));
	}
}

static void
xlsx_body(struct book *b, const struct rx_sheet *sh)
{
	size_t k, n = sh->cells.len / sizeof(struct cell);

	keep(b, worksheet_repeat_rows(b->ws, b->row, b->row));
	keep(b, worksheet_set_row(b->ws, b->row, 64, NULL));
	for (k = 0; k < n; k++) {
		if (k > 0 && k % sh->columns == 0)
			b->row++;
		xlsx_cell(b, sh, k);
	}
	if (n > 0)
		b->row++;
}

/* The workbook as the file ${path}, its parts made in the folder ${dir}. */
static lxw_error
xlsx_file(const struct rx_sheet *sh, const char *path, char *dir)
{
	lxw_workbook_options options = { .tmpdir = dir };
	lxw_doc_properties properties = {
		.created = (time_t)sh->date * 86400
	};
	struct book b = { .error = LXW_NO_ERROR };
	lxw_error error;

	if ((b.wb = workbook_new_opt(path, &options)) == NULL)
		return (LXW_ERROR_MEMORY_MALLOC_FAILED);
	keep(&b, workbook_set_properties(b.wb, &properties));
	b.ws = workbook_add_worksheet(b.wb, NULL);
	if (b.ws == NULL)
		keep(&b, LXW_ERROR_MEMORY_MALLOC_FAILED);
	else
		make_formats(&b);
	if (b.error == LXW_NO_ERROR) {
		page_setup(&b, sh);
		xlsx_lines(&b, sh, RX_LINE_TITLE, b.title);
		xlsx_lines(&b, sh, RX_LINE_ABOVE, b.line);
		xlsx_body(&b, sh);
		xlsx_lines(&b, sh, RX_LINE_NOTE, b.note);
	}
	error = workbook_close(b.wb);	/* frees it, too */
	return (b.error != LXW_NO_ERROR ? b.error : error);
}

/* A new private folder on a memory file system. */
static rx_err
memory_dir(char *dir, size_t size, struct rx_status *st)
{
	const char *base[2] = { "/dev/shm", secure_getenv("XDG_RUNTIME_DIR") };
	size_t k;
	int n;

	for (k = 0; k < 2; k++) {
		if (base[k] == NULL || base[k][0] != '/')
			continue;
		n = snprintf(dir, size, "%s/runxin-XXXXXX", base[k]);
		if (n > 0 && (size_t)n < size && mkdtemp(dir) != NULL)
			return (RX_OK);
	}
	return (rx_fail(st, RX_EIO, RX_MSG_SHEET_NO_TMP));
}

static rx_err
write_xlsx(struct rx_buf *out, const struct rx_sheet *sh, struct rx_status *st)
{
	char dir[256], path[sizeof(dir) + 16];
	lxw_error error;
	rx_err rc;

	if ((rc = memory_dir(dir, sizeof(dir), st)) != RX_OK)
		goto err0;
	(void)snprintf(path, sizeof(path), "%s/sheet.xlsx", dir);
	if ((error = xlsx_file(sh, path, dir)) != LXW_NO_ERROR) {
		rc = rx_fail(st, RX_EIO, RX_MSG_SHEET_FAILED);
		rx_status_arg(st, "what", "%s", lxw_strerror(error));
		goto err1;
	}
	rc = rx_file_read(out, path, FILE_MAX, st);
	/* FALLTHROUGH */
err1:
	(void)unlink(path);
	(void)rmdir(dir);
err0:
	return (rc);
}

rx_err
rx_sheet_write(struct rx_buf *out, const struct rx_sheet *sh,
    enum rx_format format, struct rx_status *st)
{

	if (format == RX_FORMAT_XLSX)
		return (write_xlsx(out, sh, st));
	return (write_csv(out, sh, st));
}
