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

/* A set of 16-byte hashes: which ids the file has had.  Open addressing. */
struct idset {
	uint8_t key[32];
	uint8_t (*slot)[16];
	size_t n, cap;
};

struct importer {
	const char *path;
	FILE *f;
	char *line;
	size_t len;
	size_t number;
	size_t done, total;
	bool consents;		/* there are some */
	bool rest;		/* one reading: it has come to the rest */
	bool disorder;		/* one reading does not do */
	struct idset ids;
	struct rx_record r;
	struct rx_saver *sv;
	struct rx_import_counts *counts;
	void (*progress)(void *, size_t, size_t);
	void *cookie;
};

static bool
idset_put(struct idset *set, const uint8_t h[16])
{
	static const uint8_t none[16];
	size_t i = (size_t)rx_get64(h) & (set->cap - 1);

	while (memcmp(set->slot[i], none, 16) != 0) {
		if (memcmp(set->slot[i], h, 16) == 0)
			return (false);
		i = (i + 1) & (set->cap - 1);
	}
	memcpy(set->slot[i], h, 16);
	set->n++;
	return (true);
}

static rx_err
idset_grow(struct idset *set, struct rx_status *st)
{
	struct idset bigger = *set;
	static const uint8_t none[16];
	size_t i;

	bigger.cap = set->cap == 0 ? 4096 : 2 * set->cap;
	bigger.n = 0;
	if ((bigger.slot = calloc(bigger.cap, 16)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < set->cap; i++)
		if (memcmp(set->slot[i], none, 16) != 0)
			(void)idset_put(&bigger, set->slot[i]);
	free(set->slot);
	*set = bigger;
	return (RX_OK);
}

/* The same type and id a second time in the file is refused. */
static rx_err
check_twice(struct importer *im, struct rx_status *st)
{
	const char *id = rx_record_text(&im->r, RX_F_CALLER_ID);
	struct rx_buf b = RX_BUF_INIT;
	const uint8_t type = (uint8_t)im->r.type;
	uint8_t h[16];
	rx_err rc;

	if (4 * im->ids.n >= 3 * im->ids.cap &&
	    (rc = idset_grow(&im->ids, st)) != RX_OK)
		return (rc);
	if ((rc = rx_buf_add(&b, &type, 1, st)) == RX_OK &&
	    (rc = rx_buf_add(&b, id, strlen(id), st)) == RX_OK) {
		rx_hash(h, 16, im->ids.key, "runxin import id", b.b, b.len);
		if (!idset_put(&im->ids, h))
			rc = rx_fail(st, RX_EUSAGE, RX_MSG_ID_TWICE);
	}
	rx_buf_free(&b);
	return (rc);
}

static rx_err
unreadable(const struct importer *im, struct rx_status *st)
{

	rx_status_arg(st, "file", "%s", im->path);
	rx_status_arg(st, "errno", "%s", strerrorname_np(errno));
	return (rx_fail(st, RX_EIO, RX_MSG_FILE_READ));
}

/* The next line into im->line; *more is false at the end of the file. */
static rx_err
read_line(struct importer *im, bool *more, struct rx_status *st)
{
	int c = EOF;

	im->len = 0;
	while (im->len <= LINE_MAX_BYTES &&
	    (c = getc_unlocked(im->f)) != EOF && c != '\n')
		im->line[im->len++] = (char)c;
	if (c == EOF && ferror(im->f))
		return (unreadable(im, st));
	*more = im->len > 0 || c != EOF;
	if (*more)
		im->number++;
	if (im->len > LINE_MAX_BYTES)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_LINE_TOO_LONG));
	im->done += im->len + 1;
	/* A byte order mark, as some editors write it. */
	if (im->number == 1 && im->len >= 3 &&
	    memcmp(im->line, "\xef\xbb\xbf", 3) == 0) {
		im->len -= 3;
		memmove(im->line, im->line + 3, im->len);
	}
	return (RX_OK);
}

static bool
blank(const struct importer *im)
{
	size_t i;

	for (i = 0; i < im->len; i++)
		if (im->line[i] != ' ' && im->line[i] != '\t' &&
		    im->line[i] != '\r')
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
store(struct importer *im, enum turn turn, struct rx_status *st)
{
	const enum rx_type type = im->r.type;
	struct rx_save_result result;
	rx_err rc;

	if (turn == TURN_ALL && too_late(im, type))
		return (RX_OK);
	if ((rc = rx_saver_put(im->sv, &im->r, false, &result, st)) != RX_OK)
		return (rc);
	if (result.how == RX_SAVED_PRESENT)
		im->counts->present++;
	else
		im->counts->saved[type]++;
	im->counts->flagged += result.flagged;
	return (RX_OK);
}

/* One line: parsed, checked; stored when its turn has come. */
static rx_err
take_line(struct importer *im, enum turn turn, struct rx_status *st)
{
	const bool first = turn <= TURN_CHILDREN;
	enum rx_type type = RX_CHILD;
	json_t *json;
	rx_err rc;

	if ((rc = rx_json_parse(&json, im->line, im->len, st)) != RX_OK)
		return (rc);
	rx_record_reset(&im->r);
	if ((rc = line_type(json, &type, st)) == RX_OK) {
		im->r.type = type;
		/* The first reading has checked the rest. */
		if (first || turn == turn_of(type))
			rc = rx_record_parse(&im->r, json, rx_date_today(),
			    st);
	}
	json_decref(json);
	if (rc != RX_OK)
		return (rc);
	if (first) {
		im->counts->lines++;
		im->consents |= type == RX_CONSENT;
		if (!im->r.v[RX_F_CALLER_ID].set)
			return (rx_fail(st, RX_EUSAGE, RX_MSG_ID_MISSING));
		if ((rc = check_twice(im, st)) != RX_OK)
			return (rc);
	}
	return (turn == TURN_ALL || turn == turn_of(type) ?
	    store(im, turn, st) : RX_OK);
}

static rx_err
reading(struct importer *im, enum turn turn, struct rx_status *st)
{
	bool more = false;
	rx_err rc;

	im->number = 0;
	if (turn <= TURN_CHILDREN)
		im->done = 0;
	if (fseek(im->f, 0, SEEK_SET) != 0)
		return (unreadable(im, st));
	for (;;) {
		if ((rc = read_line(im, &more, st)) != RX_OK || !more)
			break;
		if (!blank(im) && (rc = take_line(im, turn, st)) != RX_OK)
			break;
		if (im->disorder)
			return (RX_OK);
		if (im->progress != NULL && im->number % 256 == 0)
			im->progress(im->cookie, im->done, im->total);
	}
	if (rc != RX_OK) {
		rx_status_arg(st, "line", "%zu", im->number);
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
	free(im->ids.slot);
	im->ids.slot = NULL;
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

rx_err
rx_import(struct rx_session *s, const char *path,
    struct rx_import_counts *counts,
    void (*progress)(void *, size_t done, size_t total), void *cookie,
    struct rx_status *st)
{
	struct importer im = { .path = path, .counts = counts,
	    .progress = progress, .cookie = cookie };
	char detail[64];
	rx_err rc;

	memset(counts, 0, sizeof(*counts));
	rx_record_init(&im.r);
	rx_random(im.ids.key, sizeof(im.ids.key));
	if ((rc = open_file(&im, path, st)) != RX_OK)
		goto done;
	if ((im.line = malloc(LINE_MAX_BYTES + 2)) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto done;
	}
	if ((rc = read_file(&im, s, st)) != RX_OK)
		goto done;
	(void)snprintf(detail, sizeof(detail), "lines=%zu present=%zu",
	    counts->lines, counts->present);
	rc = rx_saver_finish(im.sv, RX_DID_IMPORT, NULL, detail, st);
	if (rc == RX_OK && progress != NULL)
		progress(cookie, im.total, im.total);
done:
	rx_saver_free(im.sv);
	if (im.line != NULL)
		rx_wipe(im.line, LINE_MAX_BYTES + 2);
	free(im.line);
	if (im.f != NULL)
		(void)fclose(im.f);
	free(im.ids.slot);
	rx_record_free(&im.r);
	return (rc);
}
