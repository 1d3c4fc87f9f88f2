#include <string.h>

#include "base/date.h"
#include "web/admin.h"

/*
 * The audit, one page of entries at a time.  Which of them the reader is shown
 * is decided by rx_audit_list; the page is open to everybody who is signed in.
 */

#define PER_PAGE 50

struct trail {
	const struct rx_request *q;
	json_t *data;
};

/* ---- the filter ---- */

static rx_err
take_day(const struct rx_request *q, const char *name, int32_t *day,
    struct rx_status *st)
{

	if (!rx_field_set(q, name) || rx_date_parse(rx_field(q, name), day))
		return (RX_OK);
	return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_TRAIL_DATE));
}

/* The page number of the address, counted from 1. */
static size_t
page_of(const struct rx_request *q)
{
	const char *p = rx_field(q, "page");
	size_t n = 0;

	for (; *p >= '0' && *p <= '9' && n < 1000000; p++)
		n = 10 * n + (size_t)(*p - '0');
	return (n == 0 ? 1 : n);
}

static rx_err
take_filter(const struct rx_request *q, struct rx_audit_filter *f,
    uint8_t child[RX_ID_BYTES], struct rx_status *st)
{
	int a;
	rx_err rc;

	if ((rc = take_day(q, "from", &f->from, st)) != RX_OK ||
	    (rc = take_day(q, "to", &f->to, st)) != RX_OK)
		return (rc);
	f->user = rx_field_set(q, "user") ? rx_field(q, "user") : NULL;
	for (a = RX_DID_INIT; a <= RX_DID_LAST; a++)
		if (rx_action_key((enum rx_action)a) != NULL &&
		    strcmp(rx_field(q, "kind"), rx_action_key(
		    (enum rx_action)a)) == 0)
			f->action = (enum rx_action)a;
	if (rx_field_set(q, "case")) {
		if (!rx_uuid_parse(rx_field(q, "case"), child))
			return (rx_fail(st, RX_ENOENT, RX_MSG_CHILD_UNKNOWN));
		f->child = child;
	}
	f->limit = PER_PAGE;
	f->skip = (page_of(q) - 1) * PER_PAGE;
	return (RX_OK);
}

/* ---- the form ---- */

static rx_err
user_each(void *cookie, const struct rx_user_row *row, struct rx_status *st)
{
	struct trail *t = cookie;
	json_t *item, *list = json_object_get(t->data, "users");
	const size_t n = json_array_size(list);
	rx_err rc;

	/* A person has a row for each of his roles, one after the other. */
	if (n > 0 && strcmp(json_string_value(json_object_get(json_array_get(
	    list, n - 1), "name")), row->name) == 0)
		return (RX_OK);
	if ((rc = rx_put_item(t->data, "users", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "name", row->name, st)) != RX_OK)
		return (rc);
	return (rx_put_bool(item, "chosen", strcmp(rx_field(t->q, "user"),
	    row->name) == 0, st));
}

static rx_err
put_kinds(struct trail *t, struct rx_status *st)
{
	json_t *item;
	int a;
	rx_err rc;

	for (a = RX_DID_INIT; a <= RX_DID_LAST; a++) {
		const char *key = rx_action_key((enum rx_action)a);

		if (key == NULL)
			continue;	/* no action has this number */
		if ((rc = rx_put_item(t->data, "kinds", &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "key", key, st)) != RX_OK ||
		    (rc = rx_put_text(item, "name", rx_msg(rx_action_name(
		    (enum rx_action)a), t->q->lang), st)) != RX_OK ||
		    (rc = rx_put_bool(item, "chosen", strcmp(rx_field(t->q,
		    "kind"), key) == 0, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
put_filter(struct trail *t, struct rx_status *st)
{
	static const char *const keep[] = {
		"user", "kind", "from", "to", "case", NULL
	};
	rx_err rc;

	if ((rc = rx_put_form(t->data, t->q, keep, st)) != RX_OK ||
	    (rc = rx_put_bool(t->data, "everything", rx_session_has_role(
	    t->q->session, RX_ROLE_ADMIN), st)) != RX_OK ||
	    (rc = put_kinds(t, st)) != RX_OK)
		return (rc);
	return (rx_user_each(t->q->session, user_each, t, st));
}

/* ---- the entries ---- */

/* What it was done to: a case by the end of its id and its unit, a person by
 * his name. */
static rx_err
put_about(const struct trail *t, json_t *o, const struct rx_audit_row *row,
    struct rx_status *st)
{
	static const enum rx_msg kinds[] = {
		[RX_ABOUT_NOTHING] = RX_MSG_NONE,
		[RX_ABOUT_CASE] = RX_MSG_WEB_TRAIL_CASE,
		[RX_ABOUT_ACTIVITY] = RX_MSG_WEB_TRAIL_ACTIVITY,
		[RX_ABOUT_PERSON] = RX_MSG_NONE,
		[RX_ABOUT_RELEASE] = RX_MSG_WEB_TRAIL_RELEASE,
		[RX_ABOUT_GONE] = RX_MSG_ABOUT_GONE
	};
	char id[RX_UUID_TEXT], unit[256];
	rx_err rc;

	if (row->about == RX_ABOUT_PERSON)
		return (rx_put_text(o, "person", row->name, st));
	if (kinds[row->about] == RX_MSG_NONE)
		return (RX_OK);
	rx_uuid_text(row->id, id);
	if ((rc = rx_put_text(o, "about", rx_msg(kinds[row->about],
	    t->q->lang), st)) != RX_OK ||
	    (rc = rx_put_text(o, "id", id, st)) != RX_OK ||
	    (rc = rx_put_text(o, "short", id + RX_UUID_TEXT - 1 - 12, st)) !=
	    RX_OK ||
	    (rc = rx_put_bool(o, "case", row->about == RX_ABOUT_CASE, st)) !=
	    RX_OK || row->unit[0] == '\0')
		return (rc);
	if ((rc = rx_unit_name(t->q->session, row->unit, unit, sizeof(unit),
	    st)) != RX_OK)
		return (rc);
	return (rx_put_text(o, "unit", unit, st));
}

static rx_err
entry_each(void *cookie, const struct rx_audit_row *row, struct rx_status *st)
{
	struct rx_buf words = RX_BUF_INIT;
	const enum rx_msg name = rx_action_name(row->action);
	const struct trail *t = cookie;
	json_t *o;
	rx_err rc;

	if ((rc = rx_put_item(t->data, "entries", &o, st)) != RX_OK ||
	    (rc = rx_put_int(o, "seq", (int64_t)row->seq, st)) != RX_OK ||
	    (rc = rx_put_time(o, "time", row->time, st)) != RX_OK ||
	    (rc = rx_put_text(o, "user", row->user, st)) != RX_OK ||
	    (rc = rx_put_text(o, "what", name == RX_MSG_NONE ? "?" :
	    rx_msg(name, t->q->lang), st)) != RX_OK ||
	    (rc = put_about(t, o, row, st)) != RX_OK ||
	    (rc = rx_audit_words(&words, row, t->q->lang, st)) != RX_OK)
		goto done;
	rc = rx_put(o, "detail", json_stringn(words.len > 0 ?
	    (const char *)words.b : "", words.len), st);
done:
	rx_buf_free(&words);
	return (rc);
}

/* Which pages there are beside this one. */
static rx_err
put_pages(const struct trail *t, size_t found, struct rx_status *st)
{
	const size_t page = page_of(t->q);
	rx_err rc;

	if ((page > 1 && (rc = rx_put_int(t->data, "newer", (int64_t)page - 1,
	    st)) != RX_OK) ||
	    (page * PER_PAGE < found && (rc = rx_put_int(t->data, "older",
	    (int64_t)page + 1, st)) != RX_OK))
		return (rc);
	return (rx_put_say_int(t->data, "found", t->q, RX_MSG_WEB_TRAIL_FOUND,
	    "n", (int64_t)found, st));
}

rx_err
rx_admin_audit(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	struct trail t = { q, a->data };
	struct rx_audit_filter f = { 0 };
	uint8_t child[RX_ID_BYTES];
	size_t found = 0;
	rx_err rc;

	a->page = "admin/audit";
	if ((rc = put_filter(&t, st)) != RX_OK ||
	    (rc = rx_put_say(a->data, "title", q, RX_MSG_WEB_NAV_AUDIT, NULL,
	    NULL, st)) != RX_OK)
		return (rc);
	if ((rc = take_filter(q, &f, child, st)) == RX_OK)
		rc = rx_audit_list(q->session, &f, &found, entry_each, &t, st);
	/* A filter that makes no sense comes back with the form. */
	if (rc == RX_EUSAGE)
		return (rx_put_error(a, q, st));
	if (rc == RX_OK)
		rc = put_pages(&t, found, st);
	return (rc != RX_OK ? rc : rx_put_shown(a->data, "entries", st));
}
