#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "register/save.h"

/*
 * Import, in one transaction.  Mostly a child stands before what happened to it,
 * and consent before that: then one reading stores the file as it comes.  When
 * it does not, all is given up and begun anew with several: the first checks
 * every line by itself and stores the children; the second, if there is any,
 * what was said of consent; the last one the rest.  So lines may stand in any
 * order, and the order changes nothing but the time.
 */
enum turn { TURN_ALL, TURN_CHILDREN, TURN_CONSENTS, TURN_REST };

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
	size_t number;
	size_t at, n;		/* its text */
	size_t done;		/* bytes read, with it */
	bool blank;
	struct rx_record r;
};

struct chunk {
	struct line line[CHUNK_LINES];
	size_t n;
	struct rx_buf text;
	rx_err rc;		/* what is wrong after these lines */
	size_t wrong;		/* on which */
	struct rx_status why;
};

/* Which ids the file has had: a set of their hashes, 8 bytes each, under a key for
 * each type, in open addressing; 0 is a free place.  Of a million lines two that
 * differ have the same hash once in thirty million imports, and then not when it is
 * tried again. */
struct idset {
	uint8_t key[RX_TYPE_COUNT][RX_HASH64_KEY_BYTES];
	uint64_t *hash;
	size_t n, cap;
};

struct importer {
	const char *path;
	FILE *f;
	char *block;		/* of the file; from next on it is to come */
	size_t next, end;
	bool ended;
	size_t number;		/* of the last line read */
	size_t done, total;
	enum turn turn;
	int32_t today;
	struct rx_ring *ring;
	struct chunk chunk[CHUNKS];
	bool consents;		/* there are some */
	bool rest;		/* one reading: it has come to the rest */
	bool disorder;		/* one reading does not do */
	struct idset ids;
	struct rx_saver *sv;
	struct rx_import_counts *counts;
	void (*progress)(void *, size_t, size_t);
	void *cookie;
};

static bool
idset_put(struct idset *set, uint64_t h)
{
	size_t i = (size_t)h & (set->cap - 1);

	while (set->hash[i] != 0) {
		if (set->hash[i] == h)
			return (false);
		i = (i + 1) & (set->cap - 1);
	}
	set->hash[i] = h;
	set->n++;
	return (true);
}

static rx_err
idset_grow(struct idset *set, struct rx_status *st)
{
	struct idset bigger = *set;
	size_t i;

	bigger.cap = set->cap == 0 ? 4096 : 2 * set->cap;
	bigger.n = 0;
	if ((bigger.hash = calloc(bigger.cap, sizeof(*set->hash))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < set->cap; i++)
		if (set->hash[i] != 0)
			(void)idset_put(&bigger, set->hash[i]);
	free(set->hash);
	*set = bigger;
	return (RX_OK);
}

/* The same type and id a second time in the file is refused. */
static rx_err
check_twice(struct importer *im, const struct rx_record *r,
    struct rx_status *st)
{
	const char *id = rx_record_text(r, RX_F_CALLER_ID);
	uint64_t hash;
	rx_err rc;

	if (4 * im->ids.n >= 3 * im->ids.cap &&
	    (rc = idset_grow(&im->ids, st)) != RX_OK)
		return (rc);
	hash = rx_hash64(im->ids.key[r->type], id, strlen(id));
	if (!idset_put(&im->ids, hash != 0 ? hash : 1))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_ID_TWICE));
	return (RX_OK);
}

static rx_err
unreadable(const struct importer *im, struct rx_status *st)
{

	rx_status_arg(st, "file", "%s", im->path);
	rx_status_arg(st, "errno", "%s", strerrorname_np(errno));
	return (rx_fail(st, RX_EIO, RX_MSG_FILE_READ));
}

/* ---- reading and parsing ---- */

/* The next line, appended to ${text}; *more is false at the end of the file. */
static rx_err
read_line(struct importer *im, struct rx_buf *text, bool *more,
    struct rx_status *st)
{
	const size_t at = text->len;
	const char *end = NULL, *from;
	size_t n;
	rx_err rc;

	*more = false;
	while (end == NULL) {
		if (im->next == im->end) {
			im->next = 0;
			im->end = fread(im->block, 1, BLOCK_BYTES, im->f);
			if (ferror(im->f))
				return (unreadable(im, st));
			if (im->end == 0)
				break;
		}
		im->number += !*more;
		*more = true;
		from = im->block + im->next;
		end = memchr(from, '\n', im->end - im->next);
		n = end != NULL ? (size_t)(end - from) : im->end - im->next;
		if (text->len - at + n > LINE_MAX_BYTES)
			return (rx_fail(st, RX_EUSAGE, RX_MSG_LINE_TOO_LONG));
		if ((rc = rx_buf_add(text, from, n, st)) != RX_OK)
			return (rc);
		im->next += n + (end != NULL);
		im->done += n + (end != NULL);
	}
	return (RX_OK);
}

/* Note what came into ${chunk} from ${at} on as its next line. */
static void
line_add(struct importer *im, struct chunk *chunk, size_t at)
{
	struct line *line = &chunk->line[chunk->n++];

	line->number = im->number;
	line->done = im->done;
	line->at = at;
	line->n = chunk->text.len - at;
	/* A byte order mark, as some editors write it. */
	if (line->number == 1 && line->n >= 3 &&
	    memcmp(chunk->text.b + at, "\xef\xbb\xbf", 3) == 0) {
		line->at += 3;
		line->n -= 3;
	}
}

/* The next lines; what is wrong with one comes up in its turn. */
static void
read_chunk(struct importer *im, struct chunk *chunk)
{
	bool more = true;
	size_t at;

	rx_buf_reset(&chunk->text);
	rx_status_clear(&chunk->why);
	chunk->n = 0;
	/* So that also empty lines lie somewhere. */
	chunk->rc = rx_buf_reserve(&chunk->text, 1, &chunk->why);
	while (chunk->rc == RX_OK && more && chunk->n < CHUNK_LINES &&
	    chunk->text.len < CHUNK_BYTES) {
		at = chunk->text.len;
		chunk->rc = read_line(im, &chunk->text, &more, &chunk->why);
		if (chunk->rc == RX_OK && more)
			line_add(im, chunk, at);
	}
	chunk->wrong = im->number;
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

/* When records of ${type} are stored. */
static enum turn
turn_of(enum rx_type type)
{

	return (type == RX_CHILD ? TURN_CHILDREN :
	    type == RX_CONSENT ? TURN_CONSENTS : TURN_REST);
}

static rx_err
parse_line(const struct importer *im, const char *text, struct line *line,
    struct rx_status *st)
{
	enum rx_type type = RX_CHILD;
	json_t *json;
	rx_err rc;

	rx_record_reset(&line->r);
	if ((line->blank = blank(text, line->n)))
		return (RX_OK);
	if ((rc = rx_json_parse(&json, text, line->n, st)) != RX_OK)
		return (rc);
	if ((rc = line_type(json, &type, st)) == RX_OK) {
		line->r.type = type;
		/* The first reading has checked the rest. */
		if (im->turn <= TURN_CHILDREN || im->turn == turn_of(type))
			rc = rx_record_parse(&line->r, json, im->today, st);
	}
	json_decref(json);
	return (rc);
}

/* The work on the chunk ${i}, up to what is wrong. */
static rx_err
parse_chunk(void *cookie, size_t i)
{
	struct importer *im = cookie;
	struct chunk *chunk = &im->chunk[i];
	struct rx_status st;
	size_t k;
	rx_err rc;

	rx_status_clear(&st);
	for (k = 0; k < chunk->n; k++)
		if ((rc = parse_line(im, (const char *)chunk->text.b +
		    chunk->line[k].at, &chunk->line[k], &st)) != RX_OK) {
			chunk->rc = rc;
			chunk->wrong = chunk->line[k].number;
			chunk->why = st;
			break;
		}
	chunk->n = k;
	return (RX_OK);
}

/* ---- taking ---- */

/* In the one reading: whether a line of ${type} comes too late. */
static bool
too_late(struct importer *im, enum rx_type type)
{
	const enum turn turn = turn_of(type);

	im->disorder |= turn == TURN_CONSENTS && im->rest;
	im->rest |= turn == TURN_REST;
	return (im->disorder);
}

/* Store the record of a line whose turn has come. */
static rx_err
store(struct importer *im, struct rx_record *r, struct rx_status *st)
{
	const enum rx_type type = r->type;
	struct rx_save_result result;
	rx_err rc;

	if (im->turn == TURN_ALL && too_late(im, type))
		return (RX_OK);
	if ((rc = rx_saver_put(im->sv, r, false, &result, st)) != RX_OK)
		return (rc);
	if (result.how == RX_SAVED_PRESENT)
		im->counts->present++;
	else
		im->counts->saved[type]++;
	im->counts->flagged += result.flagged;
	return (RX_OK);
}

/* One line, parsed: checked; stored when its turn has come. */
static rx_err
take_line(struct importer *im, struct rx_record *r, struct rx_status *st)
{
	rx_err rc;

	if (im->turn <= TURN_CHILDREN) {
		im->counts->lines++;
		im->consents |= r->type == RX_CONSENT;
		if (!r->v[RX_F_CALLER_ID].set)
			return (rx_fail(st, RX_EUSAGE, RX_MSG_ID_MISSING));
		if ((rc = check_twice(im, r, st)) != RX_OK)
			return (rc);
	}
	return (im->turn == TURN_ALL || im->turn == turn_of(r->type) ?
	    store(im, r, st) : RX_OK);
}

/* The lines of ${chunk}, up to one that is wrong, or out of order. */
static rx_err
take_chunk(struct importer *im, struct chunk *chunk, struct rx_status *st)
{
	size_t k, number = chunk->wrong;
	struct line *line;
	rx_err rc = RX_OK;

	for (k = 0; k < chunk->n && rc == RX_OK && !im->disorder; k++) {
		line = &chunk->line[k];
		if (!line->blank &&
		    (rc = take_line(im, &line->r, st)) != RX_OK)
			number = line->number;
		else if (im->progress != NULL && line->number % 256 == 0)
			im->progress(im->cookie, line->done, im->total);
	}
	if (im->disorder)
		return (RX_OK);
	if (rc == RX_OK && (rc = chunk->rc) != RX_OK)
		*st = chunk->why;
	if (rc != RX_OK)
		rx_status_arg(st, "line", "%zu", number);
	return (rc);
}

static rx_err
reading(struct importer *im, enum turn turn, struct rx_status *st)
{
	size_t i;
	rx_err rc;

	/* What the reading before has left. */
	while (rx_ring_take(im->ring, &i, &rc))
		continue;
	im->turn = turn;
	im->number = im->next = im->end = 0;
	im->ended = false;
	if (turn <= TURN_CHILDREN)
		im->done = 0;
	clearerr(im->f);
	if (fseek(im->f, 0, SEEK_SET) != 0)
		return (unreadable(im, st));
	for (;;) {
		while (!im->ended && !rx_ring_full(im->ring)) {
			read_chunk(im, &im->chunk[rx_ring_next(im->ring)]);
			rx_ring_put(im->ring);
		}
		if (!rx_ring_take(im->ring, &i, &rc))
			break;
		if ((rc = take_chunk(im, &im->chunk[i], st)) != RX_OK ||
		    im->disorder)
			return (rc);
	}
	return (rx_saver_drain(im->sv, st));
}

static rx_err
open_file(struct importer *im, const char *path, struct rx_status *st)
{
	enum rx_msg msg = RX_MSG_FILE_READ;
	struct stat sb = { .st_mode = S_IFREG };
	int fd, e;

	/* O_NONBLOCK: a pipe must not make us wait for its writer. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd != -1 && fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode) &&
	    (im->f = fdopen(fd, "r")) != NULL) {
		im->total = (size_t)sb.st_size;
		/* What was read lies in our block alone, which is wiped. */
		(void)setvbuf(im->f, NULL, _IONBF, 0);
		if ((im->block = malloc(BLOCK_BYTES)) == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		return (RX_OK);
	}
	e = errno;
	if (fd != -1) {
		if (!S_ISREG(sb.st_mode))
			msg = RX_MSG_IMPORT_NOT_REGULAR;
		(void)close(fd);
	} else if (e == ENOENT || e == ENOTDIR)
		msg = RX_MSG_FILE_ABSENT;
	else if (e == EACCES)
		msg = RX_MSG_FILE_NO_ACCESS;
	rx_status_arg(st, "file", "%s", path);
	rx_status_arg(st, "errno", "%s", strerrorname_np(e));
	return (rx_fail(st, RX_EIO, msg));
}

/* Everything in one reading; *done is false when that does not do: what it
 * refuses may be right once a later line is known. */
static rx_err
read_once(struct importer *im, bool *done, struct rx_status *st)
{
	rx_err rc;

	rc = reading(im, TURN_ALL, st);
	im->disorder |= rc == RX_EUSAGE || rc == RX_EPERM ||
	    rc == RX_ENOENT || rc == RX_ECONFLICT ||
	    rx_saver_astray(im->sv);
	*done = !im->disorder;
	if (*done)
		return (rc);
	rx_status_clear(st);
	return (RX_OK);
}

/* As long as there is a reading to come, the file is so much longer. */
static rx_err
read_in_turns(struct importer *im, struct rx_status *st)
{
	rx_err rc;

	im->disorder = false;
	im->total *= 3;
	free(im->ids.hash);
	im->ids.hash = NULL;
	im->ids.n = im->ids.cap = 0;
	memset(im->counts, 0, sizeof(*im->counts));
	if ((rc = reading(im, TURN_CHILDREN, st)) != RX_OK)
		return (rc);
	if (!im->consents)
		im->done += im->total / 3;
	if (im->consents && (rc = reading(im, TURN_CONSENTS, st)) != RX_OK)
		return (rc);
	return (reading(im, TURN_REST, st));
}

/* Read the file into a saver that the caller ends. */
static rx_err
read_file(struct importer *im, struct rx_session *s, struct rx_status *st)
{
	bool done = false;
	rx_err rc;

	if ((rc = rx_saver_new(&im->sv, s, true, st)) != RX_OK ||
	    (rc = read_once(im, &done, st)) != RX_OK || done)
		return (rc);
	rx_saver_free(im->sv);
	if ((rc = rx_saver_new(&im->sv, s, true, st)) != RX_OK)
		return (rc);
	return (read_in_turns(im, st));
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
	rx_random(im->ids.key, sizeof(im->ids.key));
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
	if (im->f != NULL)
		(void)fclose(im->f);
	free(im->ids.hash);
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
	if ((rc = open_file(im, path, st)) != RX_OK ||
	    (rc = rx_ring_new(&im->ring, CHUNKS, 1, parse_chunk, im, st)) !=
	    RX_OK || (rc = read_file(im, s, st)) != RX_OK)
		goto done;
	(void)snprintf(detail, sizeof(detail), "lines=%zu present=%zu",
	    counts->lines, counts->present);
	rc = rx_saver_finish(im->sv, RX_DID_IMPORT, NULL, detail, st);
	if (rc == RX_OK && progress != NULL)
		progress(cookie, im->total, im->total);
done:
	importer_free(im);
	return (rc);
}
