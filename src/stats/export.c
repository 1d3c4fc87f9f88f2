#include <string.h>

#include "base/file.h"
#include "stats/joint.h"

#define TRIES 4			/* while others enter releases */
#define RELEASE_MODE 0644	/* it is meant to be handed on */

/* ---- counting the annex ---- */

struct feed {
	struct rx_session *s;
	struct rx_tally *t;
	const char *unit, *owner;
	int32_t from, to;
};

/* An activity that was recorded elsewhere and led here. */
static rx_err
feed_led(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	struct feed *f = cookie;
	char unit[RX_UNIT_BYTES];

	rx_tally_unit(unit, r);
	if (rx_unit_covers(f->unit, r->unit) || !rx_unit_covers(f->unit, unit))
		return (RX_OK);
	return (rx_tally_add(f->t, r, st));
}

static rx_err
pass_over(void *cookie, const struct rx_record *r, struct rx_status *st)
{

	(void)cookie;
	(void)r;
	(void)st;
	return (RX_OK);
}

/*
 * Joint activities that other units recorded and this one led, from as far up
 * as the session may count: so a county's own form has the figures of its row
 * in the city's.  A county's statistician cannot read them, and counts less.
 */
static rx_err
count_led(struct feed *f, struct rx_status *st)
{
	char wide[RX_UNIT_BYTES];
	struct rx_status tried;
	unsigned level;
	rx_err rc;

	for (level = RX_LEVEL_PROVINCE; level < rx_unit_level(f->unit);
	    level++) {
		rx_unit_ancestor(wide, f->unit, (enum rx_level)level);
		rx_status_clear(&tried);
		/* Once for the keys, so that nothing is counted by half. */
		rc = rx_activity_each(f->s, wide, pass_over, NULL, &tried);
		if (rc == RX_OK)
			return (rx_activity_each(f->s, wide, feed_led, f, st));
		if (rc != RX_EPERM) {
			*st = tried;
			return (rc);
		}
	}
	return (RX_OK);
}

/* "<name>本级": the row of a prefecture's own work. */
static rx_err
self_row(struct feed *f, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *st)
{
	const struct rx_word word = { "unit", name };
	struct rx_buf text = RX_BUF_INIT;
	char self[RX_UNIT_BYTES];
	rx_err rc;

	memcpy(self, unit, sizeof(self));
	self[12] = 'S';
	if ((rc = rx_say(&text, RX_MSG_ANNEX_SELF, RX_LANG_ZH, &word, 1,
	    st)) == RX_OK)
		rc = rx_tally_row(f->t, self, (const char *)text.b, st);
	rx_buf_free(&text);
	return (rc);
}

/* A unit of the register, in order of codes: a county is a row, a prefecture
 * the row of its own work before its counties. */
static rx_err
register_row(void *cookie, const char *code, const char *name,
    const char *level, const char *parent, struct rx_status *st)
{
	struct feed *f = cookie;
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	(void)level;
	(void)parent;
	if ((rc = rx_unit_parse(unit, code, st)) != RX_OK)
		return (rc);
	if (!rx_unit_covers(f->unit, unit))
		return (RX_OK);
	if (rx_unit_level(unit) == RX_LEVEL_PREFECTURE)
		return (self_row(f, unit, name, st));
	if (rx_unit_level(unit) == RX_LEVEL_COUNTY)
		return (rx_tally_row(f->t, unit, name, st));
	return (RX_OK);
}

/* The rows of the form: the official list's, else the register's. */
static rx_err
make_rows(struct feed *f, struct rx_status *st)
{
	bool known;
	rx_err rc;

	if ((rc = rx_tally_form(f->t, &known, st)) != RX_OK || known)
		return (rc);
	if (rx_unit_level(f->unit) == RX_LEVEL_COUNTY)
		return (rx_tally_row(f->t, f->unit, f->owner, st));
	return (rx_unit_each(f->s, register_row, f, st));
}

/* An empty tally for the form. */
static rx_err
make_tally(struct rx_tally **out, void *cookie, struct rx_status *st)
{
	struct feed f = *(struct feed *)cookie;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_tally_new(&f.t, f.unit, f.owner, f.from, f.to, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = make_rows(&f, st)) != RX_OK) {
		rx_tally_free(f.t);
		return (rc);
	}
	*out = f.t;
	return (RX_OK);
}

static rx_err
check_annex(const char unit[RX_UNIT_BYTES], int32_t from, int32_t to,
    struct rx_status *st)
{
	char code[RX_UNIT_TEXT];
	rx_err rc;

	if (rx_unit_level(unit) > RX_LEVEL_COUNTY) {
		rx_unit_text(code, unit);
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_ANNEX_TOO_FINE);
		rx_status_arg(st, "unit", "%s", code);
		return (rc);
	}
	if (from > to)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_DATES_REVERSED));
	return (RX_OK);
}

/* Count, all at one moment; then keep what was counted. */
static rx_err
count_annex(struct rx_annex **out, struct feed *f, enum rx_counting how,
    struct rx_status *st)
{
	const struct rx_counter c = { f->s, f->unit, f->from, f->to,
	    make_tally, f };
	struct rx_buf keep = RX_BUF_INIT;
	bool held, in_full = false;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_form_hold(f->s, &held, st)) != RX_OK)
		return (rc);
	if ((rc = rx_count_running(&f->t, &c, how, &in_full, &keep, st)) ==
	    RX_OK && (rc = count_led(f, st)) == RX_OK)
		rc = rx_tally_finish(out, f->t, st);
	rx_form_release(f->s, held);
	if (rc == RX_OK) {
		(*out)->in_full = in_full;
		rx_count_keep(&c, &keep);
	}
	rx_buf_free(&keep);
	rx_tally_free(f->t);
	return (rc);
}

rx_err
rx_annex_count_how(struct rx_annex **out, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], int32_t from, int32_t to,
    enum rx_counting how, struct rx_status *st)
{
	char owner[sizeof((*out)->owner)];
	struct feed f = { s, NULL, unit, owner, from, to };
	rx_err rc;

	*out = NULL;
	if ((rc = check_annex(unit, from, to, st)) != RX_OK ||
	    (rc = rx_unit_name(s, unit, owner, sizeof(owner), st)) != RX_OK)
		return (rc);
	return (count_annex(out, &f, how, st));
}

rx_err
rx_annex_count(struct rx_annex **out, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], int32_t from, int32_t to,
    struct rx_status *st)
{

	return (rx_annex_count_how(out, s, unit, from, to, RX_COUNT_RUNNING, st));
}

rx_err
rx_annex_recount(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, size_t *wrong, struct rx_status *st)
{
	struct rx_annex *a;
	rx_err rc;

	*wrong = 0;
	if ((rc = check_annex(unit, from, to, st)) == RX_OK &&
	    (rc = rx_extracts_check(s, unit, wrong, st)) == RX_OK &&
	    (rc = rx_annex_count_how(&a, s, unit, from, to, RX_COUNT_ANEW,
	    st)) == RX_OK)
		rx_annex_free(a);
	return (rc);
}

/* ---- exporting ---- */

/* Count, and see how it stands to the ledger. */
static rx_err
preview(struct rx_annex **out, json_t **doc, bool *again,
    struct rx_session *s, const char unit[RX_UNIT_BYTES], int32_t from,
    int32_t to, enum rx_counting how, struct rx_status *st)
{
	struct rx_annex *a;
	json_t *entries;
	rx_err rc;

	*out = NULL;
	*doc = NULL;
	if ((rc = rx_annex_count_how(&a, s, unit, from, to, how, st)) != RX_OK)
		goto err0;
	if ((rc = rx_release_load(&entries, &a->seen, s, "annex", st)) !=
	    RX_OK)
		goto err1;
	rc = rx_annex_issue(doc, again, a, entries, st);
	if (rc == RX_OK && !*again)
		rc = rx_annex_period(s, a, entries, st);
	json_decref(entries);
	if (rc != RX_OK) {
		json_decref(*doc);
		*doc = NULL;
		goto err1;
	}

	/* Success! */
	*out = a;
	return (RX_OK);

err1:
	rx_annex_free(a);
err0:
	/* Failure! */
	return (rc);
}

rx_err
rx_annex_preview(struct rx_annex **out, json_t **doc, bool *again,
    struct rx_session *s, const char unit[RX_UNIT_BYTES], int32_t from,
    int32_t to, struct rx_status *st)
{

	return (preview(out, doc, again, s, unit, from, to, RX_COUNT_RUNNING,
	    st));
}

/* The same for a release: what is not in the ledger yet is counted record by
 * record. */
static rx_err
preview_full(struct rx_annex **a, json_t **doc, bool *again,
    struct rx_session *s, const char unit[RX_UNIT_BYTES], int32_t from,
    int32_t to, struct rx_status *st)
{
	rx_err rc;

	if ((rc = preview(a, doc, again, s, unit, from, to, RX_COUNT_RELEASE,
	    st)) != RX_OK || *again || (*a)->in_full)
		return (rc);
	json_decref(*doc);
	rx_annex_free(*a);
	return (preview(a, doc, again, s, unit, from, to, RX_COUNT_COMPARED,
	    st));
}

/*
 * The ledger first, then the file: what was handed out is always in the
 * ledger, and an entry whose file was not written is answered again as it is.
 */
rx_err
rx_annex_bytes(struct rx_buf *out, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], int32_t from, int32_t to,
    enum rx_format format, enum rx_lang lang,
    void (*warn)(void *, const char *), void *cookie, struct rx_status *st)
{
	struct rx_annex *a;
	json_t *doc;
	bool again;
	rx_err rc;

	if ((rc = preview_full(&a, &doc, &again, s, unit, from, to, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_annex_check(a, lang, warn, cookie, st)) == RX_OK &&
	    (rc = rx_annex_render(out, doc, format, st)) == RX_OK && !again)
		rc = rx_release_enter(s, a->seen, "annex", format, doc,
		    NULL, st);
	json_decref(doc);
	rx_annex_free(a);
	return (rc);
}

rx_err
rx_annex_export(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, enum rx_format format, const char *path,
    enum rx_lang lang, void (*warn)(void *, const char *), void *cookie,
    struct rx_status *st)
{
	struct rx_buf file = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_annex_bytes(&file, s, unit, from, to, format, lang, warn,
	    cookie, st)) == RX_OK)
		rc = rx_file_write(path, file.b, file.len, RELEASE_MODE, true,
		    st);
	rx_buf_free(&file);
	return (rc);
}

static rx_err
feed_table(void *cookie, const struct rx_record *r, struct rx_status *st)
{

	return (rx_tab_add(cookie, r, st));
}

/* A new table, and the earlier ones that it has to stand beside. */
struct tables {
	struct rx_tab *t;
	struct rx_joint *j;
};

static rx_err
feed_tables(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	struct tables *x = cookie;
	rx_err rc = RX_OK;

	if (rx_unit_covers(x->t->req.unit, r->unit))
		rc = rx_tab_add(x->t, r, st);
	return (rc != RX_OK ? rc : rx_joint_add(x->j, r, st));
}

/* The widest unit over the earlier tables that the session may count. */
static rx_err
widest(char unit[RX_UNIT_BYTES], struct rx_session *s,
    const struct rx_joint *j, const char own[RX_UNIT_BYTES],
    struct rx_status *st)
{
	char top[RX_UNIT_BYTES];
	struct rx_status tried;
	unsigned level;
	rx_err rc;

	rx_joint_unit(j, top);
	for (level = rx_unit_level(top); level < rx_unit_level(own); level++) {
		rx_unit_ancestor(unit, own, (enum rx_level)level);
		rx_status_clear(&tried);
		rc = rx_activity_each(s, unit, pass_over, NULL, &tried);
		if (rc == RX_OK)
			return (RX_OK);
		if (rc != RX_EPERM) {
			*st = tried;
			return (rc);
		}
	}
	memcpy(unit, own, RX_UNIT_BYTES);
	return (RX_OK);
}

static rx_err
count_tables(struct rx_session *s, struct tables *x, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	if ((rc = widest(unit, s, x->j, x->t->req.unit, st)) != RX_OK ||
	    (rc = rx_joint_begin(x->j, unit, st)) != RX_OK ||
	    (rc = rx_coded_each(s, unit, feed_tables, x, st)) != RX_OK)
		return (rc);
	return (rx_tab_count(x->t, st));
}

static rx_err
unit_name(void *cookie, const char unit[RX_UNIT_BYTES], char *name,
    size_t size, struct rx_status *st)
{

	return (rx_unit_name(cookie, unit, name, size, st));
}

static rx_err
list_unit(void *cookie, const char *code, const char *name, const char *level,
    const char *parent, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	(void)name;
	(void)level;
	(void)parent;
	if ((rc = rx_unit_parse(unit, code, st)) != RX_OK)
		return (rc);
	return (rx_tab_unit(cookie, unit, st));
}

/* The private table that ${req} asks for: this year's, or a new one.  All is
 * counted first in either case, so that a missing right is said first. */
static rx_err
make_private(json_t **out, bool *again, size_t *seen, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st)
{
	struct rx_tab *t;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_tab_new(&t, req, st)) != RX_OK)
		return (rc);
	if ((rc = rx_coded_each(s, req->unit, feed_table, t, st)) == RX_OK &&
	    (rc = rx_private_find(out, seen, s, req, st)) == RX_OK &&
	    !(*again = *out != NULL) &&
	    (rc = rx_unit_each(s, list_unit, t, st)) == RX_OK)
		rc = rx_tab_json(out, t, unit_name, s, st);
	rx_tab_free(t);
	return (rc);
}

/* What its entry in the ledger is called: private tables have an account of
 * their own, and are not compared with the others. */
static const char *
kind_of(const struct rx_table_request *req)
{

	return (req->epsilon > 0 ? RX_KIND_PRIVATE : "table");
}

/* A document, and how it stands to the ledger. */
struct answer {
	json_t *doc, *kept;
	size_t seen;		/* entries it was checked against */
	bool again;		/* one of them is it */
};

static void
answer_free(struct answer *a)
{

	json_decref(a->doc);
	json_decref(a->kept);
	a->doc = a->kept = NULL;
}

/* Protect the table, by itself and beside the earlier ones. */
static rx_err
protect(struct answer *a, struct rx_session *s, struct tables *x,
    const json_t *entries, struct rx_status *st)
{
	char id[RX_UUID_TEXT];
	rx_err rc;

	if ((a->again = (a->doc = rx_joint_answer(x->j, x->t)) != NULL)) {
		a->doc = json_incref(a->doc);
		return (RX_OK);
	}
	if ((rc = rx_tab_protect(x->t, st)) != RX_OK ||
	    (rc = rx_joint_protect(x->j, x->t, st)) != RX_OK ||
	    (rc = rx_tab_json(&a->doc, x->t, unit_name, s, st)) != RX_OK)
		return (rc);
	/* Entries of before they kept a digest. */
	a->again = rx_release_same(id, entries, a->doc);
	return (rx_joint_keep(&a->kept, x->t, st));
}

/* The table that ${req} asks for, audited together with the ledger. */
static rx_err
make_table(struct answer *a, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st)
{
	struct tables x = { NULL, NULL };
	json_t *entries;
	rx_err rc;

	memset(a, 0, sizeof(*a));
	if (req->epsilon > 0)
		return (make_private(&a->doc, &a->again, &a->seen, s, req, st));
	if ((rc = rx_release_load(&entries, &a->seen, s, "table", st)) != RX_OK)
		return (rc);
	if ((rc = rx_tab_new(&x.t, req, st)) == RX_OK &&
	    (rc = rx_joint_new(&x.j, req, entries, st)) == RX_OK &&
	    (rc = count_tables(s, &x, st)) == RX_OK)
		rc = protect(a, s, &x, entries, st);
	rx_joint_free(x.j);
	rx_tab_free(x.t);
	json_decref(entries);
	if (rc != RX_OK)
		answer_free(a);
	return (rc);
}

/*
 * Make the table and enter it.  When somebody else's came in between, it is
 * made again, with that one to stand beside; so of two that do not go together
 * only the first gets through.
 */
static rx_err
publish(struct answer *a, struct rx_session *s,
    const struct rx_table_request *req, enum rx_format format,
    struct rx_buf *file, struct rx_status *st)
{
	unsigned tries = 0;
	rx_err rc;

	do {
		rx_status_clear(st);
		if ((rc = make_table(a, s, req, st)) != RX_OK)
			return (rc);
		if (file != NULL) {
			rx_buf_reset(file);
			rc = rx_tab_render(file, a->doc, format, st);
		}
		if (rc == RX_OK && !a->again)
			rc = rx_release_enter(s, a->seen, kind_of(req), format,
			    a->doc, a->kept, st);
		if (rc != RX_OK)
			answer_free(a);
	} while (rc == RX_ECONFLICT && st->msg == RX_MSG_RELEASE_MEANWHILE &&
	    ++tries < TRIES);
	return (rc);
}

rx_err
rx_table_export(struct rx_session *s, const struct rx_table_request *req,
    enum rx_format format, const char *path, struct rx_status *st)
{
	struct rx_buf file = RX_BUF_INIT;
	struct answer a;
	rx_err rc;

	if ((rc = publish(&a, s, req, format, &file, st)) == RX_OK) {
		rc = rx_file_write(path, file.b, file.len, RELEASE_MODE, true,
		    st);
		answer_free(&a);
	}
	rx_buf_free(&file);
	return (rc);
}

rx_err
rx_table_release(char id[RX_UUID_TEXT], bool *again, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st)
{
	struct answer a;
	json_t *entries;
	size_t seen;
	rx_err rc;

	*again = false;
	if ((rc = publish(&a, s, req, RX_FORMAT_PAGE, NULL, st)) != RX_OK)
		return (rc);
	if ((rc = rx_release_load(&entries, &seen, s, kind_of(req), st)) ==
	    RX_OK) {
		if (!rx_release_same(id, entries, a.doc))
			rc = rx_stats_bug("release", st);
		json_decref(entries);
	}
	*again = a.again;
	answer_free(&a);
	return (rc);
}

rx_err
rx_table_try(json_t **doc, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st)
{
	struct answer a;
	rx_err rc;

	*doc = NULL;
	if ((rc = make_table(&a, s, req, st)) != RX_OK)
		return (rc);
	*doc = json_incref(a.doc);
	answer_free(&a);
	return (RX_OK);
}

/* ---- all of them once more ---- */

static rx_err
feed_joint(void *cookie, const struct rx_record *r, struct rx_status *st)
{

	return (rx_joint_add(cookie, r, st));
}

/* Count again what the session may count; the rest is taken as published. */
static rx_err
count_again(struct rx_session *s, struct rx_joint *j,
    const char own[RX_UNIT_BYTES], struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	struct rx_status tried;
	rx_err rc;

	if ((rc = widest(unit, s, j, own, st)) != RX_OK)
		return (rc);
	rx_status_clear(&tried);
	rc = rx_activity_each(s, unit, pass_over, NULL, &tried);
	if (rc == RX_EPERM)
		return (RX_OK);
	if (rc != RX_OK) {
		*st = tried;
		return (rc);
	}
	if ((rc = rx_joint_begin(j, unit, st)) != RX_OK)
		return (rc);
	return (rx_coded_each(s, unit, feed_joint, j, st));
}

struct auditing {
	rx_err (*pair)(void *, const char *, const char *, struct rx_status *);
	void *cookie;
	json_t *done;		/* ids of those that were audited */
	size_t failed;
};

/* Name the pairs of ${j}, and note all of it as done. */
static rx_err
name_pairs(struct auditing *x, const struct rx_joint *j, struct rx_status *st)
{
	size_t n = rx_joint_size(j), k, i;
	rx_err rc = RX_OK;

	for (k = 0; k < n && rc == RX_OK; k++) {
		if (json_object_set_new(x->done, rx_joint_id(j, k),
		    json_true()) != 0)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		for (i = k + 1; i < n && rc == RX_OK; i++) {
			if (rx_joint_overlap(j, k, i))
				rc = x->pair(x->cookie, rx_joint_id(j, k),
				    rx_joint_id(j, i), st);
		}
	}
	return (rc);
}

/* Audit the tables that hang together with ${entry}. */
static rx_err
audit_around(struct auditing *x, struct rx_session *s, const json_t *entries,
    const json_t *entry, struct rx_status *st)
{
	struct rx_table_request req;
	struct rx_joint *j;
	size_t failed = 0;
	rx_err rc;

	if ((rc = rx_joint_request(&req, entry, st)) != RX_OK ||
	    (rc = rx_joint_new(&j, &req, entries, st)) != RX_OK)
		return (rc);
	if ((rc = name_pairs(x, j, st)) == RX_OK && rx_joint_size(j) > 1 &&
	    (rc = count_again(s, j, req.unit, st)) == RX_OK)
		rc = rx_joint_verify(j, &failed, st);
	x->failed += failed;
	rx_joint_free(j);
	return (rc);
}

rx_err
rx_releases_audit(struct rx_session *s,
    rx_err (*pair)(void *, const char *, const char *, struct rx_status *),
    void *cookie, size_t *failed, struct rx_status *st)
{
	struct auditing x = { pair, cookie, json_object(), 0 };
	const json_t *entry;
	json_t *entries;
	size_t seen, i;
	rx_err rc;

	*failed = 0;
	if ((rc = rx_release_load(&entries, &seen, s, "table", st)) != RX_OK) {
		json_decref(x.done);
		return (rc);
	}
	for (i = 0; i < json_array_size(entries) && rc == RX_OK; i++) {
		entry = json_array_get(entries, i);
		if (json_object_get(x.done, json_string_value(json_object_get(
		    entry, "id"))) == NULL)
			rc = audit_around(&x, s, entries, entry, st);
	}
	json_decref(entries);
	json_decref(x.done);
	*failed = x.failed;
	return (rc);
}

/* ---- handing out again ---- */

rx_err
rx_release_render(struct rx_buf *out, const struct rx_release_row *row,
    const json_t *published, enum rx_format format, struct rx_status *st)
{

	if (!row->intact)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_RELEASE_CORRUPT));
	if (strcmp(row->kind, "annex") == 0)
		return (rx_annex_render(out, published, format, st));
	return (rx_tab_render(out, published, format, st));
}
