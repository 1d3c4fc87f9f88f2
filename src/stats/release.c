#include <stdio.h>
#include <string.h>

#include "stats/internal.h"

#define LABEL "runxin release v1"

static const char *const format_keys[] = {
	"csv", "xlsx", "json", "page"
};

static const char *
member_text(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return (s != NULL ? s : "");
}

/* Whether the members ${key} of both are there and equal. */
static bool
same(const json_t *a, const json_t *b, const char *key)
{
	const json_t *x = json_object_get(a, key), *y = json_object_get(b, key);

	return (x != NULL && y != NULL && json_equal(x, y) != 0);
}

/* ---- entries ---- */

struct sink {
	struct rx_buf *buf;
	struct rx_status *st;
};

static int
sink_add(const char *p, size_t n, void *cookie)
{
	struct sink *sink = cookie;

	return (rx_buf_add(sink->buf, p, n, sink->st) == RX_OK ? 0 : -1);
}

rx_err
rx_release_digest(char out[RX_DIGEST_TEXT], const json_t *published,
    const json_t *kept, struct rx_status *st)
{
	const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
	struct rx_buf text = RX_BUF_INIT;
	struct sink sink = { &text, st };
	uint8_t hash[RX_HASH_BYTES];
	rx_err rc = RX_OK;

	memset(out, 0, RX_DIGEST_TEXT);
	/* An object ends where it ends: nothing has to stand between them. */
	if (json_dump_callback(published, sink_add, &sink, flags) != 0 ||
	    (kept != NULL && json_dump_callback(kept, sink_add, &sink,
	    flags) != 0))
		rc = rx_stats_bug("json", st);
	else {
		rx_hash(hash, sizeof(hash), NULL, LABEL, text.b, text.len);
		rx_hex(out, hash, sizeof(hash));
	}
	rx_buf_free(&text);
	return (rc);
}

static rx_err
put(json_t *to, const char *key, json_t *v, struct rx_status *st)
{

	if (json_object_set_new(to, key, v) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

/* Copy the members that say what the question was. */
static rx_err
put_question(json_t *entry, const json_t *published, struct rx_status *st)
{
	static const char *const keys[] = {
		"unit", "from", "to", "issue", "count", "dims", "threshold"
	};
	json_t *v;
	size_t k;

	for (k = 0; k < sizeof(keys) / sizeof(*keys); k++) {
		if ((v = json_object_get(published, keys[k])) == NULL)
			continue;
		if (json_object_set(entry, keys[k], v) != 0)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	return (RX_OK);
}

rx_err
rx_release_entry(json_t **out, const char *kind, const char *author,
    int64_t at, const char *format, const json_t *published,
    struct rx_status *st)
{
	char digest[RX_DIGEST_TEXT];
	json_t *entry;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_release_digest(digest, published, NULL, st)) != RX_OK)
		return (rc);
	if ((entry = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = put(entry, "kind", json_string(kind), st)) != RX_OK ||
	    (rc = put(entry, "author", json_string(author), st)) != RX_OK ||
	    (rc = put(entry, "at", json_integer(at), st)) != RX_OK ||
	    (rc = put_question(entry, published, st)) != RX_OK ||
	    (rc = put(entry, "format", json_string(format), st)) != RX_OK ||
	    (rc = put(entry, "digest", json_string(digest), st)) != RX_OK ||
	    (rc = put(entry, "published", json_deep_copy(published),
	    st)) != RX_OK)
		goto err0;

	/* Success! */
	*out = entry;
	return (RX_OK);

err0:
	/* Failure! */
	json_decref(entry);
	return (rc);
}

rx_err
rx_release_keep(json_t *entry, json_t *kept, struct rx_status *st)
{
	char digest[RX_DIGEST_TEXT];
	rx_err rc;

	if ((rc = rx_release_digest(digest, json_object_get(entry,
	    "published"), kept, st)) != RX_OK ||
	    (rc = put(entry, "digest", json_string(digest), st)) != RX_OK)
		return (rc);
	return (put(entry, "kept", json_incref(kept), st));
}

bool
rx_release_intact(const json_t *entry)
{
	const json_t *published = json_object_get(entry, "published");
	char digest[RX_DIGEST_TEXT];
	struct rx_status st;

	rx_status_clear(&st);
	return (published != NULL && rx_release_digest(digest, published,
	    json_object_get(entry, "kept"), &st) == RX_OK &&
	    strcmp(digest, member_text(entry, "digest")) == 0);
}

rx_err
rx_release_enter(struct rx_session *s, size_t seen, const char *kind,
    enum rx_format format, const json_t *published, json_t *kept,
    struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	uint8_t id[RX_ID_BYTES];
	json_t *entry;
	rx_err rc;

	rc = rx_release_entry(&entry, kind, rx_session_user(s), rx_time_now(),
	    format_keys[format], published, st);
	if (rc != RX_OK)
		return (rc);
	if (kept != NULL)
		rc = rx_release_keep(entry, kept, st);
	if (rc == RX_OK && (rc = rx_json_write(&text, entry, st)) == RX_OK)
		rc = rx_release_add(s, seen, (const char *)text.b, text.len,
		    id, st);
	rx_buf_free(&text);
	json_decref(entry);
	return (rc);
}

/* ---- reading the ledger ---- */

struct load {
	json_t *list;
	size_t seen;
	const char *kind;
};

/* A sealed entry that is not ours to read is not skipped: it is corrupt. */
static rx_err
parse_entry(json_t **out, const char *text, size_t n, struct rx_status *st)
{
	struct rx_status why;

	rx_status_clear(&why);
	if (rx_json_parse(out, text, n, &why) == RX_OK)
		return (RX_OK);
	if (why.code == RX_EINTERNAL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_RELEASE_CORRUPT));
}

static rx_err
load_one(void *cookie, const uint8_t id[RX_ID_BYTES], const char *text,
    size_t n, struct rx_status *st)
{
	struct load *l = cookie;
	char uuid[RX_UUID_TEXT];
	json_t *entry;
	rx_err rc;

	l->seen++;
	if ((rc = parse_entry(&entry, text, n, st)) != RX_OK)
		return (rc);
	rx_uuid_text(id, uuid);
	if (strcmp(member_text(entry, "kind"), l->kind) == 0 &&
	    (json_object_set_new(entry, "id", json_string(uuid)) != 0 ||
	    json_array_append(l->list, entry) != 0))
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	json_decref(entry);
	return (rc);
}

rx_err
rx_release_load(json_t **out, size_t *seen, struct rx_session *s,
    const char *kind, struct rx_status *st)
{
	struct load l = { json_array(), 0, kind };
	rx_err rc;

	*out = NULL;
	if (l.list == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_release_each(s, load_one, &l, st)) != RX_OK) {
		json_decref(l.list);
		return (rc);
	}
	*out = l.list;
	*seen = l.seen;
	return (RX_OK);
}

bool
rx_release_same(char id[RX_UUID_TEXT], const json_t *entries,
    const json_t *doc)
{
	const json_t *entry;
	size_t i = json_array_size(entries);

	while (i-- > 0) {
		entry = json_array_get(entries, i);
		if (json_equal(json_object_get(entry, "published"), doc)) {
			(void)snprintf(id, RX_UUID_TEXT, "%s",
			    member_text(entry, "id"));
			return (true);
		}
	}
	return (false);
}

/* "350102 2025-06-01..2025-08-25 interventions sex,month", of a private table
 * with " ε=0.5"; and its parts */
static void
make_title(struct rx_release_row *row, const json_t *entry)
{
	const json_t *dims = json_object_get(entry, "dims");
	const char *dim, *epsilon = member_text(json_object_get(
	    json_object_get(entry, "published"), "private"), "epsilon");
	size_t k, n;

	(void)snprintf(row->from, sizeof(row->from), "%s",
	    member_text(entry, "from"));
	(void)snprintf(row->to, sizeof(row->to), "%s",
	    member_text(entry, "to"));
	(void)snprintf(row->count, sizeof(row->count), "%s",
	    member_text(entry, "count"));
	for (k = 0; k < json_array_size(dims); k++) {
		n = strlen(row->dims);
		dim = json_string_value(json_array_get(dims, k));
		(void)snprintf(row->dims + n, sizeof(row->dims) - n, "%s%s",
		    k > 0 ? "," : "", dim != NULL ? dim : "?");
	}
	(void)snprintf(row->title, sizeof(row->title), "%s %s..%s%s%s%s%s",
	    member_text(entry, "unit"), row->from, row->to,
	    *row->count != '\0' ? " " : "", row->count,
	    *row->dims != '\0' ? " " : "", row->dims);
	if (*epsilon != '\0') {
		n = strlen(row->title);
		(void)snprintf(row->title + n, sizeof(row->title) - n,
		    " ε=%s", epsilon);
	}
}

void
rx_release_row_of(struct rx_release_row *row, const char *id,
    const json_t *entry)
{
	const json_t *published = json_object_get(entry, "published");
	const json_t *issue = json_object_get(entry, "issue");

	memset(row, 0, sizeof(*row));
	(void)snprintf(row->id, sizeof(row->id), "%s", id);
	(void)snprintf(row->kind, sizeof(row->kind), "%s",
	    member_text(entry, "kind"));
	(void)snprintf(row->author, sizeof(row->author), "%s",
	    member_text(entry, "author"));
	make_title(row, entry);
	rx_text_copy(row->name, sizeof(row->name),
	    member_text(published, "name"));
	row->at = json_integer_value(json_object_get(entry, "at"));
	row->issue = issue != NULL ? (unsigned)json_integer_value(issue) : 1;
	row->cells = (int64_t)json_array_size(json_object_get(published,
	    "cells"));
	row->suppressed = json_integer_value(json_object_get(published,
	    "suppressed"));
	row->intact = rx_release_intact(entry);
}

struct listing {
	rx_err (*each)(void *, const struct rx_release_row *,
	    struct rx_status *);
	void *cookie;
};

static rx_err
list_one(void *cookie, const uint8_t id[RX_ID_BYTES], const char *text,
    size_t n, struct rx_status *st)
{
	struct listing *l = cookie;
	struct rx_release_row row;
	char uuid[RX_UUID_TEXT];
	json_t *entry;
	rx_err rc;

	if ((rc = parse_entry(&entry, text, n, st)) != RX_OK)
		return (rc);
	rx_uuid_text(id, uuid);
	rx_release_row_of(&row, uuid, entry);
	json_decref(entry);
	return (l->each(l->cookie, &row, st));
}

rx_err
rx_releases_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_release_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct listing l = { each, cookie };

	return (rx_release_each(s, list_one, &l, st));
}

struct reading {
	struct rx_release_row *row;
	json_t *published;
	const char *id;
};

static rx_err
read_one(void *cookie, const uint8_t id[RX_ID_BYTES], const char *text,
    size_t n, struct rx_status *st)
{
	struct reading *r = cookie;
	char uuid[RX_UUID_TEXT];
	json_t *entry;
	rx_err rc;

	rx_uuid_text(id, uuid);
	if (strcmp(uuid, r->id) != 0)
		return (RX_OK);
	if ((rc = parse_entry(&entry, text, n, st)) != RX_OK)
		return (rc);
	rx_release_row_of(r->row, uuid, entry);
	r->published = json_incref(json_object_get(entry, "published"));
	json_decref(entry);
	if (r->published == NULL)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_RELEASE_CORRUPT));
	return (RX_OK);
}

rx_err
rx_release_read(struct rx_release_row *row, json_t **published,
    struct rx_session *s, const char *id, struct rx_status *st)
{
	/* cppcheck-suppress ctuuninitvar ; it is written, not read */
	struct reading r = { row, NULL, id };
	rx_err rc;

	memset(row, 0, sizeof(*row));
	*published = NULL;
	if ((rc = rx_release_each(s, read_one, &r, st)) != RX_OK) {
		json_decref(r.published);
		return (rc);
	}
	if (r.published == NULL)
		return (rx_fail(st, RX_ENOENT, RX_MSG_RELEASE_UNKNOWN));
	*published = r.published;
	return (RX_OK);
}

/* ---- a reissue of the annex ---- */

/* The totals of the published annex ${doc}; cash comes back in fen. */
static void
read_totals(int64_t v[RX_ANNEX_COLUMNS], const json_t *doc)
{
	const json_t *total = json_object_get(doc, "total"), *item;
	const char *s;
	unsigned c;

	for (c = 0; c < RX_ANNEX_COLUMNS; c++) {
		item = json_array_get(total, c);
		v[c] = json_integer_value(item);
		if ((s = json_string_value(item)) == NULL)
			continue;
		for (v[c] = 0; *s != '\0' && v[c] < INT64_MAX / 10000; s++) {
			if (*s >= '0' && *s <= '9')
				v[c] = 10 * v[c] + (*s - '0');
		}
		v[c] *= 100;	/* a yuan is the last place */
	}
}

/* The newest entry that answers the question of ${doc}; NULL. */
static const json_t *
newest_issue(const json_t *entries, const json_t *doc)
{
	const json_t *entry;
	size_t i = json_array_size(entries);

	while (i-- > 0) {
		entry = json_array_get(entries, i);
		if (same(entry, doc, "unit") && same(entry, doc, "from") &&
		    same(entry, doc, "to"))
			return (entry);
	}
	return (NULL);
}

rx_err
rx_annex_issue(json_t **out, bool *again, struct rx_annex *a,
    const json_t *entries, struct rx_status *st)
{
	const json_t *last;
	json_t *published, *doc;
	rx_err rc;

	*out = NULL;
	*again = false;
	a->issue = 1;
	if ((rc = rx_annex_json(&doc, a, st)) != RX_OK)
		return (rc);
	if ((last = newest_issue(entries, doc)) == NULL) {
		*out = doc;
		return (RX_OK);
	}
	published = json_object_get(last, "published");
	if (same(published, doc, "rows") && same(published, doc, "total")) {
		json_decref(doc);
		*out = json_incref(published);
		*again = true;
		return (RX_OK);
	}
	json_decref(doc);
	a->issue = (unsigned)json_integer_value(json_object_get(last,
	    "issue")) + 1;
	read_totals(a->before, published);
	return (rx_annex_json(out, a, st));
}
