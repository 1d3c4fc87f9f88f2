#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "register/save.h"

/*
 * Import, in one transaction.  The file is read twice.  First every line is checked
 * by itself, and sorted (store/lines.c): child by child, of each the child, what was
 * said of consent, the rest; last what is of several.  Then the lines are stored in
 * that order.  So they may stand in any order, which changes nothing; what is known
 * of a case is needed only while its lines pass, so that memory is the same for any
 * number; and what is of one case lies together on the disk.  What the first reading
 * finds wrong is told together, and there is no second one then.
 */
enum step { STEP_CHILD, STEP_CONSENT, STEP_REST, STEP_ACTIVITY };

#define LINE_MAX_BYTES (1u << 20)
#define BLOCK_BYTES (1u << 16)

/*
 * Lines are parsed by other threads (ring.c), some at a time; they are taken, checked
 * against the register and stored in their order.
 */
#define CHUNKS 4
#define CHUNK_LINES 32
#define CHUNK_BYTES BLOCK_BYTES		/* when it is full: and the rest of a line */

struct line {
	struct rx_file_line is;	/* its number, and its place in the file */
	size_t at;		/* of its text in that of the chunk */
	bool blank;
	struct rx_record r;
	rx_err rc;
	struct rx_status why;	/* with it; clear when it is right */
};

struct chunk {
	struct line line[CHUNK_LINES];
	size_t n;
	struct rx_buf text;
	rx_err rc;		/* why there are no more */
	int64_t wrong;		/* on which line */
	struct rx_status why;
};

struct importer {
	const char *path;
	int fd;
	uint8_t *block;		/* of the file; from next on it is to come */
	size_t next, end;
	int64_t at;		/* of what is to come, in the file */
	int64_t number;		/* of the last line read */
	bool ended;		/* the reading */
	bool again;		/* it is the second */
	int64_t done, total;	/* bytes, in both readings; of the file */
	struct timespec written, changed;	/* mtime, ctime */
	int32_t today;
	/* For the hashes of lines: of ids by type, and of children. */
	uint8_t id_key[RX_TYPE_COUNT][RX_HASH64_KEY_BYTES];
	uint8_t child_key[RX_HASH64_KEY_BYTES];
	struct rx_lines *lines;
	struct rx_ring *ring;
	struct chunk chunk[CHUNKS];
	uint64_t child;		/* the one whose lines pass */
	struct rx_saver *sv;
	struct rx_import_counts *counts;
	void (*progress)(void *, size_t, size_t);
	void *cookie;
};

static rx_err
unreadable(const struct importer *im, struct rx_status *st)
{

	rx_status_arg(st, "file", "%s", im->path);
	rx_status_arg(st, "errno", "%s", strerrorname_np(errno));
	return (rx_fail(st, RX_EIO, RX_MSG_FILE_READ));
}

/* ---- reading and parsing ---- */

/* The next block of the file; none at its end. */
static rx_err
read_block(struct importer *im, struct rx_status *st)
{
	ssize_t n;

	do
		n = pread(im->fd, im->block, BLOCK_BYTES, im->at);
	while (n == -1 && errno == EINTR);
	if (n == -1)
		return (unreadable(im, st));
	im->next = 0;
	im->end = (size_t)n;
	return (RX_OK);
}

/* The next line, appended to ${text}, of one that is too long only as much as shows
 * it; *more is false at the end of the file. */
static rx_err
read_line(struct importer *im, struct rx_buf *text, bool *more,
    struct rx_status *st)
{
	const size_t at = text->len;
	const uint8_t *end = NULL, *from;
	size_t n, room;
	rx_err rc;

	*more = false;
	while (end == NULL) {
		if (im->next == im->end &&
		    (rc = read_block(im, st)) != RX_OK)
			return (rc);
		if (im->end == 0)
			break;
		im->number += !*more;
		*more = true;
		from = im->block + im->next;
		end = memchr(from, '\n', im->end - im->next);
		n = end != NULL ? (size_t)(end - from) : im->end - im->next;
		room = LINE_MAX_BYTES + 1 - (text->len - at);
		if ((rc = rx_buf_add(text, from, n < room ? n : room, st)) !=
		    RX_OK)
			return (rc);
		im->next += n + (end != NULL);
		im->at += (int64_t)n + (end != NULL);
	}
	return (RX_OK);
}

/* The next line of the file into ${line}. */
static rx_err
line_read(struct importer *im, struct chunk *chunk, struct line *line,
    bool *more, struct rx_status *st)
{
	rx_err rc;

	line->at = chunk->text.len;
	line->is.at = im->at;
	if ((rc = read_line(im, &chunk->text, more, st)) != RX_OK)
		return (rc);
	line->is.number = im->number;
	line->is.n = (int64_t)(chunk->text.len - line->at);
	/* A byte order mark, as some editors write it. */
	if (im->number == 1 && line->is.n >= 3 &&
	    line->is.n <= LINE_MAX_BYTES &&
	    memcmp(chunk->text.b + line->at, "\xef\xbb\xbf", 3) == 0) {
		line->at += 3;
		line->is.at += 3;
		line->is.n -= 3;
	}
	return (RX_OK);
}

/* The next line in order, and room for its text. */
static rx_err
line_next(struct importer *im, struct chunk *chunk, struct line *line,
    bool *more, struct rx_status *st)
{
	uint8_t *text;
	rx_err rc;

	if ((rc = rx_lines_next(im->lines, &line->is, more, st)) != RX_OK ||
	    !*more)
		return (rc);
	line->at = chunk->text.len;
	return (rx_buf_extend(&chunk->text, (size_t)line->is.n, &text, st));
}

/* The next lines; that they cannot be read comes up after them. */
static void
chunk_fill(struct importer *im, struct chunk *chunk)
{
	struct line *line;
	bool more = true;

	rx_buf_reset(&chunk->text);
	rx_status_clear(&chunk->why);
	chunk->n = 0;
	/* So that also empty lines lie somewhere. */
	chunk->rc = rx_buf_reserve(&chunk->text, 1, &chunk->why);
	while (chunk->rc == RX_OK && more && chunk->n < CHUNK_LINES &&
	    chunk->text.len < CHUNK_BYTES) {
		line = &chunk->line[chunk->n];
		chunk->rc = im->again ?
		    line_next(im, chunk, line, &more, &chunk->why) :
		    line_read(im, chunk, line, &more, &chunk->why);
		chunk->n += chunk->rc == RX_OK && more;
	}
	chunk->wrong = im->again ? 0 : im->number;
	im->ended = !more || chunk->rc != RX_OK;
}

static bool
blank(const char *text, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (text[i] != ' ' && text[i] != '\t' && text[i] != '\r')
			return (false);
	return (true);
}

/* Which type the line says it is of. */
static rx_err
line_type(const json_t *json, enum rx_type *type, struct rx_status *st)
{
	const char *key = json_string_value(json_object_get(json, "type"));
	int t;

	for (t = 1; t < RX_TYPE_COUNT && key != NULL; t++)
		if (strcmp(key, rx_type_key((enum rx_type)t)) == 0) {
			*type = (enum rx_type)t;
			return (RX_OK);
		}
	return (rx_fail(st, RX_EUSAGE, RX_MSG_TYPE_UNKNOWN));
}

/* Read again the text of ${line}, of which there is room at ${text}. */
static rx_err
text_read(const struct importer *im, uint8_t *text, const struct line *line,
    struct rx_status *st)
{
	size_t have = 0;
	ssize_t n;

	while (have < (size_t)line->is.n) {
		n = pread(im->fd, text + have, (size_t)line->is.n - have,
		    line->is.at + (off_t)have);
		if (n == 0)
			errno = EIO;	/* it was longer before */
		if (n > 0)
			have += (size_t)n;
		else if (errno != EINTR)
			return (unreadable(im, st));
	}
	return (RX_OK);
}

static rx_err
parse_line(const struct importer *im, uint8_t *text, struct line *line,
    struct rx_status *st)
{
	const size_t n = (size_t)line->is.n;
	enum rx_type type = RX_CHILD;
	json_t *json;
	rx_err rc;

	rx_record_reset(&line->r);
	line->blank = false;
	if (im->again && (rc = text_read(im, text, line, st)) != RX_OK)
		return (rc);
	if (n > LINE_MAX_BYTES)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_LINE_TOO_LONG));
	if ((line->blank = blank((const char *)text, n)))
		return (RX_OK);
	if ((rc = rx_json_parse(&json, (const char *)text, n, st)) != RX_OK)
		return (rc);
	if ((rc = line_type(json, &type, st)) == RX_OK) {
		line->r.type = type;
		rc = rx_record_parse(&line->r, json, im->today, st);
	}
	json_decref(json);
	return (rc);
}

/* The work on the chunk ${i}. */
static rx_err
chunk_parse(void *cookie, size_t i)
{
	struct importer *im = cookie;
	struct chunk *chunk = &im->chunk[i];
	struct line *line;
	size_t k;

	for (k = 0; k < chunk->n; k++) {
		line = &chunk->line[k];
		line->rc = parse_line(im, chunk->text.b + line->at, line,
		    &line->why);
	}
	return (RX_OK);
}

/* ---- the first reading ---- */

/* Note where the line of ${r} comes in the order. */
static rx_err
line_note(struct importer *im, const struct line *line, struct rx_status *st)
{
	const struct rx_record *r = &line->r;
	const char *id = rx_record_text(r, RX_F_CALLER_ID), *child;
	uint8_t ours[RX_ID_BYTES];
	struct rx_file_line is = line->is;

	im->counts->lines++;
	if (!r->v[RX_F_CALLER_ID].set)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_ID_MISSING));
	is.id = rx_hash64(im->id_key[r->type], id, strlen(id));
	is.child = is.id;
	is.ours = false;
	is.step = STEP_ACTIVITY;
	if (r->type != RX_ACTIVITY) {
		child = r->type == RX_CHILD ? id :
		    rx_record_text(r, RX_F_CHILD);
		is.child = rx_hash64(im->child_key, child, strlen(child));
		is.ours = rx_uuid_parse(child, ours);
		is.step = r->type == RX_CHILD ? STEP_CHILD :
		    r->type == RX_CONSENT ? STEP_CONSENT : STEP_REST;
	}
	return (rx_lines_put(im->lines, &is, st));
}

/* ---- the second ---- */

static rx_err
line_store(struct importer *im, struct line *line, struct rx_status *st)
{
	const enum rx_type type = line->r.type;
	struct rx_save_result result;
	rx_err rc;

	if ((rc = rx_saver_put(im->sv, &line->r, false, &result, st)) != RX_OK)
		return (rc);
	if (result.how == RX_SAVED_PRESENT)
		im->counts->present++;
	else
		im->counts->saved[type]++;
	im->counts->flagged += result.flagged;
	return (RX_OK);
}

/* Before the lines of another child than the one whose lines pass. */
static rx_err
rest(struct importer *im, const struct line *line, struct rx_status *st)
{

	if (line->is.child == im->child)
		return (RX_OK);
	im->child = line->is.child;
	return (rx_saver_rest(im->sv, st));
}

/* ---- both ---- */

/* What is wrong, ${why}, with the line ${number}.  In the first reading it is kept,
 * ${why} cleared, and what follows is looked at too; else it ends the import. */
static rx_err
line_wrong(struct importer *im, struct rx_status *why, int64_t number,
    struct rx_status *st)
{
	struct rx_import_counts *counts = im->counts;

	rx_status_arg(why, "line", "%jd", (intmax_t)number);
	if (im->again || why->code != RX_EUSAGE) {
		*st = *why;
		return (rx_failed(st->code));
	}
	if (counts->faulty < RX_IMPORT_FAULTS)
		counts->fault[counts->faulty] = *why;
	counts->faulty++;
	rx_status_clear(why);
	return (RX_OK);
}

static rx_err
line_take(struct importer *im, struct line *line, struct rx_status *st)
{
	rx_err rc;

	if (im->again && (rc = rest(im, line, st)) != RX_OK)
		return (rc);		/* not this one's fault */
	if ((rc = line->rc) == RX_OK && !line->blank)
		rc = im->again ? line_store(im, line, &line->why) :
		    line_note(im, line, &line->why);
	return (rc == RX_OK ? RX_OK :
	    line_wrong(im, &line->why, line->is.number, st));
}

static rx_err
chunk_take(struct importer *im, struct chunk *chunk, struct rx_status *st)
{
	rx_err rc = RX_OK;
	size_t k;

	for (k = 0; k < chunk->n && rc == RX_OK; k++) {
		rc = line_take(im, &chunk->line[k], st);
		im->done += chunk->line[k].is.n;
	}
	if (rc == RX_OK && (rc = chunk->rc) != RX_OK) {
		*st = chunk->why;
		if (chunk->wrong != 0)
			rx_status_arg(st, "line", "%jd",
			    (intmax_t)chunk->wrong);
	}
	if (im->progress != NULL)
		im->progress(im->cookie, (size_t)im->done / 2,
		    (size_t)im->total);
	return (rc);
}

static rx_err
reading(struct importer *im, struct rx_status *st)
{
	size_t i;
	rx_err rc;

	im->ended = false;
	for (;;) {
		while (!im->ended && !rx_ring_full(im->ring)) {
			chunk_fill(im, &im->chunk[rx_ring_next(im->ring)]);
			rx_ring_put(im->ring);
		}
		if (!rx_ring_take(im->ring, &i, &rc))
			return (RX_OK);
		if ((rc = chunk_take(im, &im->chunk[i], st)) != RX_OK)
			return (rc);
	}
}

/* The same type and id a second time in the file is refused. */
static rx_err
check_twice(struct importer *im, struct rx_status *st)
{
	struct rx_status why;
	int64_t number, first;
	rx_err rc;

	if ((rc = rx_lines_twice(im->lines, &number, &first, st)) != RX_OK)
		return (rc);
	if (number == 0)
		return (RX_OK);
	rx_status_clear(&why);
	rx_status_arg(&why, "first", "%jd", (intmax_t)first);
	(void)rx_fail(&why, RX_EUSAGE, RX_MSG_ID_TWICE);
	return (line_wrong(im, &why, number, st));
}

static bool
time_is(const struct timespec *a, const struct timespec *b)
{

	return (a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec);
}

/* Both readings were of the same file, also by the time that nobody sets. */
static rx_err
check_same(const struct importer *im, struct rx_status *st)
{
	struct stat sb;

	if (fstat(im->fd, &sb) == 0 && sb.st_size == im->total &&
	    time_is(&sb.st_mtim, &im->written) &&
	    time_is(&sb.st_ctim, &im->changed))
		return (RX_OK);
	rx_status_arg(st, "file", "%s", im->path);
	return (rx_fail(st, RX_EIO, RX_MSG_FILE_CHANGED));
}

/* Read the file into a saver that the caller ends. */
static rx_err
read_file(struct importer *im, struct rx_session *s, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_lines_new(&im->lines, st)) != RX_OK ||
	    (rc = reading(im, st)) != RX_OK ||
	    (rc = check_twice(im, st)) != RX_OK)
		return (rc);
	if (im->counts->faulty > 0) {
		*st = im->counts->fault[0];
		return (rx_failed(st->code));
	}
	im->again = true;
	if ((rc = rx_saver_new(&im->sv, s, true, st)) != RX_OK ||
	    (rc = reading(im, st)) != RX_OK)
		return (rc);
	return (check_same(im, st));
}

static rx_err
file_open(struct importer *im, const char *path, struct rx_status *st)
{
	enum rx_msg msg = RX_MSG_FILE_READ;
	struct stat sb = { .st_mode = S_IFREG };
	int e;

	/* O_NONBLOCK: a pipe must not make us wait for its writer. */
	im->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (im->fd != -1 && fstat(im->fd, &sb) == 0 && S_ISREG(sb.st_mode)) {
		im->total = (int64_t)sb.st_size;
		im->written = sb.st_mtim;
		im->changed = sb.st_ctim;
		if ((im->block = malloc(BLOCK_BYTES)) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		return (RX_OK);
	}
	e = errno;
	if (im->fd != -1) {
		if (!S_ISREG(sb.st_mode))
			msg = RX_MSG_IMPORT_NOT_REGULAR;
	} else if (e == ENOENT || e == ENOTDIR)
		msg = RX_MSG_FILE_ABSENT;
	else if (e == EACCES)
		msg = RX_MSG_FILE_NO_ACCESS;
	rx_status_arg(st, "file", "%s", path);
	rx_status_arg(st, "errno", "%s", strerrorname_np(e));
	return (rx_fail(st, RX_EIO, msg));
}

static rx_err
importer_new(struct importer **out, struct rx_status *st)
{
	struct importer *im;
	size_t i, k;

	*out = NULL;
	if ((im = calloc(1, sizeof(*im))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < CHUNKS; i++)
		for (k = 0; k < CHUNK_LINES; k++)
			rx_record_init(&im->chunk[i].line[k].r);
	rx_random(im->id_key, sizeof(im->id_key));
	rx_random(im->child_key, sizeof(im->child_key));
	im->fd = -1;
	im->today = rx_date_today();
	*out = im;
	return (RX_OK);
}

static void
importer_free(struct importer *im)
{
	size_t i, k;

	rx_ring_free(im->ring);
	rx_saver_free(im->sv);
	for (i = 0; i < CHUNKS; i++) {
		for (k = 0; k < CHUNK_LINES; k++)
			rx_record_free(&im->chunk[i].line[k].r);
		rx_buf_free(&im->chunk[i].text);
	}
	if (im->block != NULL)
		rx_wipe(im->block, BLOCK_BYTES);
	free(im->block);
	if (im->fd != -1)
		(void)close(im->fd);
	rx_lines_free(im->lines);
	rx_wipe(im->id_key, sizeof(im->id_key));
	rx_wipe(im->child_key, sizeof(im->child_key));
	free(im);
}

rx_err
rx_import(struct rx_session *s, const char *path,
    struct rx_import_counts *counts,
    void (*progress)(void *, size_t done, size_t total), void *cookie,
    struct rx_status *st)
{
	struct importer *im;
	char detail[64];
	rx_err rc;

	memset(counts, 0, sizeof(*counts));
	if ((rc = importer_new(&im, st)) != RX_OK)
		return (rc);
	im->path = path;
	im->counts = counts;
	im->progress = progress;
	im->cookie = cookie;
	if ((rc = file_open(im, path, st)) != RX_OK ||
	    (rc = rx_ring_new(&im->ring, CHUNKS, 1, chunk_parse, im, st)) !=
	    RX_OK || (rc = read_file(im, s, st)) != RX_OK)
		goto done;
	(void)snprintf(detail, sizeof(detail), "lines=%zu present=%zu",
	    counts->lines, counts->present);
	rc = rx_saver_finish(im->sv, RX_DID_IMPORT, NULL, detail, st);
	if (rc == RX_OK && progress != NULL)
		progress(cookie, (size_t)im->total, (size_t)im->total);
done:
	importer_free(im);
	return (rc);
}
