#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/* Lists of children, one case in full, search, erasure. */

#define REASON_BYTES 188	/* what one padded text holds */

typedef rx_err (*child_each)(void *, const struct rx_child_row *,
    struct rx_status *);

/* Whether the session has any keyed or unkeyed unit for ${act} at all. */
static rx_err
units_or_refuse(struct rx_session *s, struct rx_buf *units, bool directors,
    bool supervisors, struct rx_status *st)
{
	const bool director = directors &&
	    rx_session_has_role(s, RX_ROLE_DIRECTOR);
	const bool supervisor = supervisors &&
	    rx_session_has_role(s, RX_ROLE_SUPERVISOR);
	rx_err rc;

	if (!director && !supervisor)
		return (rx_fail(st, RX_EPERM, RX_MSG_CASES_NOT_YOURS));
	if (director && (rc = rx_units_for(s, RX_ACT_WRITE_CASE, units, st)) !=
	    RX_OK)
		return (rc);
	if (supervisor && (rc = rx_units_for(s, RX_ACT_SUPERVISE, units,
	    st)) != RX_OK)
		return (rc);
	return (RX_OK);
}

/* Collect the ids of the live children of ${unit}. */
rx_err
rx_child_ids(struct rx_session *s, const char *unit, struct rx_buf *ids,
    struct rx_status *st)
{
	const struct rx_value arg = rx_text(unit);

	return (rx_query_ids(s->store, RX_Q_CHILD_IDS_OF_UNIT, &arg, 1, 0, ids,
	    st));
}

/* What a list is of: coded data alone, or with names; the rows that ${keep} keeps
 * (NULL: all) of the cases that the texts of ${find} fit (NULL: all). */
struct list {
	bool coded;
	bool (*keep)(const void *, const struct rx_child_row *);
	const void *what;
	bool (*find)(const void *, const char *texts);
	child_each each;
	void *cookie;
	size_t opened;		/* names shown */
};

/* Which cases of ${u} are on the list; these are read then.  ${texts} are those to
 * be searched, if any. */
static rx_err
cases_select(bool *on, struct rx_session *s, const struct list *l,
    struct rx_case *c, const struct rx_known_unit *u, const char *texts,
    struct rx_status *st)
{
	struct rx_child_row row;
	struct rx_known *k;
	size_t i;
	rx_err rc;

	for (i = 0; i < u->n; i++) {
		k = &u->k[i];
		if (l->find != NULL && !l->find(l->what, texts + k->text))
			continue;
		if ((rc = rx_known_read(s, c, u, k, st)) != RX_OK)
			return (rc);
		rx_known_row(k, NULL, &row);
		on[i] = l->keep == NULL || l->keep(l->what, &row);
	}
	return (RX_OK);
}

/* Hand on one case of the list, which is read; with its name if ${names}. */
static rx_err
case_show(struct rx_session *s, struct list *l, struct rx_case *c,
    const struct rx_known_unit *u, const struct rx_known *k,
    const struct rx_names *names, struct rx_record *r, struct rx_status *st)
{
	struct rx_child_row row;
	rx_err rc;

	rx_known_row(k, r, &row);
	if ((rc = rx_known_child(u, k, r, st)) != RX_OK ||
	    (names != NULL && (rc = rx_known_name(s, c, u, k, names, r,
	    st)) != RX_OK))
		return (rc);
	l->opened += r->identity;
	return (l->each(l->cookie, &row, st));
}

/* Hand on those of ${u}, whose ${texts} are to be searched, if any, that are on the
 * list. */
static rx_err
cases_show(struct rx_session *s, struct list *l, struct rx_case *c,
    struct rx_known_unit *u, const char *texts, struct rx_record *r,
    struct rx_status *st)
{
	const bool named = !l->coded &&
	    rx_permitted(s, RX_ACT_WRITE_CASE, u->unit);
	struct rx_names names = { .at = NULL };
	bool *on;
	size_t i;
	rx_err rc;

	if ((on = calloc(u->n + 1, sizeof(*on))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = cases_select(on, s, l, c, u, texts, st)) == RX_OK && named)
		rc = rx_names_open(&names, s, u, on, false, st);
	for (i = 0; i < u->n && rc == RX_OK; i++)
		if (on[i])
			rc = case_show(s, l, c, u, &u->k[i], named ? &names :
			    NULL, r, st);
	rx_names_free(&names);
	free(on);
	return (rc);
}

/* Hand on those of one unit, in one reading of the store; ${c} and ${r} are
 * scratch. */
static rx_err
each_of_unit(struct rx_session *s, const char *unit, struct list *l,
    struct rx_case *c, struct rx_record *r, struct rx_status *st)
{
	struct rx_buf scratch = RX_BUF_INIT;
	struct rx_known_unit *u;
	const char *texts = NULL;
	bool held = false;
	size_t n;
	rx_err rc;

	if ((rc = rx_store_hold(s->store, &held, st)) == RX_OK &&
	    (rc = l->find == NULL ? rx_known_unit(s, unit, &u, st) :
	    rx_known_texts(s, c, unit, &u, &scratch, &texts, &n, st)) == RX_OK)
		rc = cases_show(s, l, c, u, texts, r, st);
	if (held)
		rx_store_rollback(s->store);
	rx_buf_free(&scratch);
	return (rc);
}

/* The same for ${units}. */
static rx_err
each_child(struct rx_session *s, const struct rx_buf *units, struct list *l,
    struct rx_status *st)
{
	struct rx_record r;
	struct rx_case c;
	size_t i;
	rx_err rc = RX_OK;

	rx_record_init(&r);
	rx_case_init(&c);
	for (i = 0; i < units->len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = each_of_unit(s, (const char *)units->b + i, l, &c, &r,
		    st);
	rx_case_done(&c, s);
	rx_record_free(&r);
	return (rc);
}

/* Enter in the audit that ${n} names were shown; nothing when none was. */
rx_err
rx_audit_reveal(struct rx_session *s, size_t n, const uint8_t *subject,
    const char *detail, struct rx_status *st)
{
	rx_err rc;

	if (n == 0)
		return (RX_OK);
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	return (rx_finish(s, RX_OK, RX_DID_REVEAL, subject, detail, st));
}

rx_err
rx_reason_seal(struct rx_buf *box, struct rx_session *s,
    const struct rx_case *c, const struct rx_key *key, uint32_t epoch,
    const char *reason, struct rx_status *st)
{
	char text[REASON_BYTES + 1];
	struct rx_place place;

	rx_text_copy(text, sizeof(text), reason);
	rx_place_init(&place, s, c->unit, c->id, c->id, RX_TABLE_AUDIT, 4, 1);
	return (rx_field_seal(box, key, RX_COMP_NARRATIVE, epoch, &place,
	    RX_PAD_TEXT, text, strlen(text), st));
}

struct filter {
	unsigned bits;
	int32_t on;
};

static bool
keep_filter(const void *what, const struct rx_child_row *row)
{
	const struct filter *f = what;

	return (((f->bits & RX_LIST_FLAGGED) == 0 || row->flagged) &&
	    ((f->bits & RX_LIST_DUE) == 0 ||
	    (row->due != 0 && row->due <= f->on)));
}

rx_err
rx_child_each(struct rx_session *s, unsigned filter, int32_t on,
    child_each each, void *cookie, struct rx_status *st)
{
	const struct filter f = { filter, on };
	struct list l = { .coded = (filter & RX_LIST_CODED) != 0,
	    .keep = keep_filter, .what = &f, .each = each, .cookie = cookie };
	struct rx_buf units = RX_BUF_INIT;
	rx_err rc;

	if ((rc = units_or_refuse(s, &units, !l.coded, true, st)) == RX_OK)
		rc = each_child(s, &units, &l, st);
	if (rc == RX_OK)
		rc = rx_audit_reveal(s, l.opened, NULL, "list", st);
	if (rc == RX_OK)
		rc = rx_known_keep(s, RX_KEEP_LEAST, st);
	rx_buf_free(&units);
	return (rc);
}

struct search {
	const char *id_number, *name;
};

/* ${texts}: name, caller's id, id number in small letters. */
static bool
find_search(const void *what, const char *texts)
{
	const struct search *q = what;
	const char *number = texts + strlen(texts) + 1;

	number += strlen(number) + 1;
	return ((q->id_number == NULL ||
	    strcasecmp(q->id_number, number) == 0) &&
	    (q->name == NULL || strstr(texts, q->name) != NULL));
}

rx_err
rx_child_search(struct rx_session *s, const char *id_number,
    const char *name, child_each each, void *cookie, struct rx_status *st)
{
	/* An empty field of a form asks for nothing. */
	const struct search q = {
		id_number != NULL && *id_number != '\0' ? id_number : NULL,
		name != NULL && *name != '\0' ? name : NULL
	};
	struct list l = { .find = find_search, .what = &q, .each = each,
	    .cookie = cookie };
	struct rx_buf units = RX_BUF_INIT;
	rx_err rc;

	if (q.id_number == NULL && q.name == NULL)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_SEARCH_EMPTY));
	if ((rc = units_or_refuse(s, &units, true, false, st)) == RX_OK)
		rc = each_child(s, &units, &l, st);
	if (rc == RX_OK)
		rc = rx_audit_reveal(s, l.opened, NULL, "search", st);
	if (rc == RX_OK)
		rc = rx_known_keep(s, RX_KEEP_LEAST, st);
	rx_buf_free(&units);
	return (rc);
}

/* ---- one case ---- */

struct shown {			/* a record's place in a case, by date */
	int32_t date;
	size_t order;
	struct rx_record r;
};

static int
shown_cmp(const void *a, const void *b)
{
	const struct shown *x = a, *y = b;

	if (x->date != y->date)
		return (x->date < y->date ? -1 : 1);
	return (x->order < y->order ? -1 : 1);
}

/* Read every record of the loaded case, verified, sorted by date. */
static rx_err
read_case(struct rx_session *s, struct rx_case *c, struct shown **out,
    size_t *count, struct rx_status *st)
{
	struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	struct shown *all = NULL, *grown;
	struct rx_cursor *cur;
	size_t n = 0, cap = 0;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, s->store, RX_Q_RECORDS_OF_CHILD, &arg, 1,
	    st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		if (n == cap) {
			cap = cap == 0 ? 16 : 2 * cap;
			if ((grown = reallocarray(all, cap, sizeof(*all))) ==
			    NULL) {
				rc = rx_fail(st, RX_EINTERNAL,
				    RX_MSG_NO_MEMORY);
				break;
			}
			all = grown;
		}
		rx_record_init(&all[n].r);
		all[n].order = n;
		n++;
		if ((rc = rx_row_open(s, c, cur, RX_TABLE_RECORD, RX_CASE_KEYS,
		    true, &all[n - 1].r, st)) != RX_OK)
			break;
		all[n - 1].date = (int32_t)rx_record_int(&all[n - 1].r,
		    RX_F_DATE);
	}
	rx_query_close(cur);
	if (n > 1)
		qsort(all, n, sizeof(*all), shown_cmp);
	*out = all;
	*count = n;
	return (rc);
}

rx_err
rx_case_load_reading(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], bool *director, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	bool opened = false;
	rx_err rc;

	if ((rc = rx_case_unit(s, id, unit, st)) != RX_OK)
		return (rc);
	if ((*director = rx_permitted(s, RX_ACT_WRITE_CASE, unit)))
		return (rx_case_load(c, s, id, unit, RX_CASE_KEYS, st));
	if ((rc = rx_permit(s, RX_ACT_SUPERVISE, unit, st)) != RX_OK ||
	    (rc = rx_case_load(c, s, id, unit, RX_BIT(RX_COMP_CODED), st)) !=
	    RX_OK || (rc = rx_case_load_slot(c, s, &opened, st)) != RX_OK)
		return (rc);
	return (opened ? RX_OK : rx_fail(st, RX_EPERM, RX_MSG_CASE_CLOSED));
}

rx_err
rx_case_reveal(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], const char *detail, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_case_unit(s, id, unit, st)) == RX_OK &&
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, st)) == RX_OK)
		rc = rx_case_load(c, s, id, unit, RX_CASE_KEYS, st);
	return (rx_finish(s, rc, RX_DID_REVEAL, id, detail, st));
}

/* The same for a director or, a flagged case, a supervisor, whose ${reason} for a
 * sight of the identity, if he has one, is entered; *comps is what may be shown. */
static rx_err
reveal_reading(struct rx_session *s, struct rx_case *c,
    const uint8_t id[RX_ID_BYTES], const char *reason, unsigned *comps,
    struct rx_status *st)
{
	const struct rx_case_epoch *e;
	struct rx_buf box = RX_BUF_INIT;
	bool director = false;
	rx_err rc;

	*comps = RX_CASE_KEYS;
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rc = rx_case_load_reading(s, c, id, &director, st);
	if (rc == RX_OK && !director) {
		e = &c->e[c->n - 1];
		if (reason == NULL || *reason == '\0')
			*comps &= ~RX_BIT(RX_COMP_IDENTITY);
		else
			rc = rx_reason_seal(&box, s, c, e->key[1], e->epoch,
			    reason, st);
	}
	rc = rx_finish_with(s, rc, RX_DID_REVEAL, id, box.b, box.len, st);
	rx_buf_free(&box);
	return (rc);
}

/* Hand on the child and the records of the loaded case; of the identity only
 * the fields of ${shown} (bits 1 << enum rx_field), the rest masked. */
static rx_err
show(struct rx_session *s, struct rx_case *c, unsigned comps, unsigned shown,
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct shown *all = NULL;
	struct rx_record child;
	size_t i, n = 0;
	rx_err rc;

	rx_record_init(&child);
	if ((rc = rx_child_open(s, c, comps, true, &child, st)) != RX_OK ||
	    (rc = rx_record_mask(&child, shown, st)) != RX_OK ||
	    (rc = read_case(s, c, &all, &n, st)) != RX_OK)
		goto done;
	rc = each(cookie, &child, st);
	for (i = 0; i < n && rc == RX_OK; i++)
		rc = each(cookie, &all[i].r, st);
done:
	for (i = 0; i < n; i++)
		rx_record_free(&all[i].r);
	free(all);
	rx_record_free(&child);
	return (rc);
}

rx_err
rx_child_show(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason,
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_case c;
	unsigned comps;
	rx_err rc;

	rx_case_init(&c);
	/* First the audit, then the sight of it. */
	if ((rc = reveal_reading(s, &c, id, reason, &comps, st)) == RX_OK)
		rc = show(s, &c, comps, ~0u, each, cookie, st);
	rx_case_done(&c, s);
	return (rc);
}

rx_err
rx_child_case(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    unsigned shown,
    rx_err (*each)(void *, const struct rx_record *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	char detail[256] = "case";
	struct rx_case c;
	size_t n;
	unsigned f;
	rx_err rc;

	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (rx_fields[f].comp != RX_COMP_IDENTITY ||
		    (shown & 1u << f) == 0)
			continue;
		n = strlen(detail);
		(void)snprintf(detail + n, sizeof(detail) - n, "%s %s",
		    strchr(detail, ':') == NULL ? ":" : "", rx_fields[f].key);
	}
	rx_case_init(&c);
	if ((rc = rx_case_reveal(s, &c, id, detail, st)) == RX_OK)
		rc = show(s, &c, RX_CASE_KEYS, shown, each, cookie, st);
	rx_case_done(&c, s);
	return (rc);
}
