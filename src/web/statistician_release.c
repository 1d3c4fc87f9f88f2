#include <stdio.h>
#include <string.h>

#include "web/statistician.h"

/* The release ledger: what was handed out, shown from the ledger alone. */

/* "鼓楼区，2026-01-01 至 2026-11-24" */
static rx_err
put_scope(json_t *item, const struct rx_request *q,
    const struct rx_release_row *row, struct rx_status *st)
{
	struct rx_status say;
	char text[512];

	rx_status_clear(&say);
	rx_status_arg(&say, "unit", "%s", row->name);
	rx_status_arg(&say, "from", "%s", row->from);
	rx_status_arg(&say, "to", "%s", row->to);
	say.msg = RX_MSG_TABLE_SCOPE;
	rx_status_text(&say, q->lang, text, sizeof(text));
	return (rx_put_text(item, "scope", text, st));
}

/* "统计表" or "儿童人数：按性别、月份", and what the ledger says of it. */
static rx_err
put_row(json_t *item, const struct rx_request *q,
    const struct rx_release_row *row, struct rx_status *st)
{
	const bool annex = strcmp(row->kind, "annex") == 0;
	struct rx_status say;
	char what[512], dims[256];
	rx_err rc;

	rx_stat_dims(dims, sizeof(dims), q, row->dims);
	rx_status_clear(&say);
	rx_status_arg(&say, "count", "%s", rx_stat_count(q, row->count));
	rx_status_arg(&say, "dims", "%s", dims);
	say.msg = annex ? RX_MSG_WEB_STAT_KIND_ANNEX :
	    strcmp(row->kind, "private") == 0 ? RX_MSG_WEB_STAT_KIND_PRIVATE :
	    RX_MSG_WEB_STAT_KIND_TABLE;
	rx_status_text(&say, q->lang, what, sizeof(what));
	if ((rc = rx_put_text(item, "id", row->id, st)) != RX_OK ||
	    (rc = rx_put_time(item, "at", row->at, st)) != RX_OK ||
	    (rc = rx_put_text(item, "author", row->author, st)) != RX_OK ||
	    (rc = rx_put_text(item, "what", what, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "intact", row->intact, st)) != RX_OK ||
	    (rc = put_scope(item, q, row, st)) != RX_OK)
		return (rc);
	return (annex ? rx_put_int(item, "issue", row->issue, st) : RX_OK);
}

/* ---- the list ---- */

struct listing {
	const struct rx_request *q;
	json_t *data;
	unsigned damaged;
};

static rx_err
list_one(void *cookie, const struct rx_release_row *row, struct rx_status *st)
{
	struct listing *l = cookie;
	json_t *list = json_object_get(l->data, "releases"), *item;
	rx_err rc;

	l->damaged += !row->intact;
	/* The newest first. */
	if ((item = json_object()) == NULL ||
	    json_array_insert_new(list, 0, item) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = put_row(item, l->q, row, st);
	return (rc);
}

/* Read the whole ledger into data["releases"]; *damaged of them do not hash
 * to what was entered. */
static rx_err
put_list(struct rx_request *q, struct rx_reply *a, unsigned *damaged,
    struct rx_status *st)
{
	struct listing l = { q, a->data, 0 };
	rx_err rc;

	a->page = "statistician/releases";
	if ((rc = rx_put_text(a->data, "title", rx_msg(RX_MSG_WEB_NAV_RELEASES,
	    q->lang), st)) != RX_OK ||
	    (rc = rx_put(a->data, "releases", json_array(), st)) != RX_OK)
		return (rc);
	rc = rx_releases_each(q->session, list_one, &l, st);
	*damaged = l.damaged;
	return (rc);
}

rx_err
rx_stat_releases(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	unsigned damaged;

	return (put_list(q, a, &damaged, st));
}

rx_err
rx_stat_verify(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	unsigned damaged;
	rx_err rc;

	if ((rc = put_list(q, a, &damaged, st)) != RX_OK)
		return (rc);
	if (damaged == 0) {
		rx_redirect_with(a, RX_MSG_WEB_STAT_INTACT, "/releases");
		return (RX_OK);
	}
	rx_status_arg(st, "n", "%u", damaged);
	(void)rx_fail(st, RX_ECORRUPT, RX_MSG_CLI_RELEASE_DAMAGED);
	return (rx_put_error(a, q, st));
}

rx_err
rx_stat_to_releases(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	(void)q;
	(void)st;
	rx_redirect(a, "/releases");
	return (RX_OK);
}

/* ---- one release ---- */

static rx_err
put_release(struct rx_request *q, struct rx_reply *a,
    const struct rx_release_row *row, const json_t *doc,
    struct rx_status *st)
{
	const bool annex = strcmp(row->kind, "annex") == 0;
	rx_err rc;

	a->page = "statistician/release";
	if ((rc = put_row(a->data, q, row, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "title", rx_stat_text(a->data, "what"),
	    st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "annex", annex, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "notes_zh", true, st)) != RX_OK)
		return (rc);
	if (annex)
		return (rx_stat_sheet(a->data, q, doc, json_object_get(doc,
		    "notes"), st));
	if ((rc = rx_put_bool(a->data, "table", true, st)) != RX_OK ||
	    (rc = rx_stat_grid(a->data, q, doc, st)) != RX_OK)
		return (rc);
	return (rx_stat_chart(a->data, q, doc, st));
}

rx_err
rx_stat_release(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_release_row row;
	json_t *doc;
	rx_err rc;

	if ((rc = rx_release_read(&row, &doc, q->session, q->arg[0], st)) !=
	    RX_OK)
		return (rc);
	rc = put_release(q, a, &row, doc, st);
	json_decref(doc);
	return (rc);
}

/* The same figures as a file: no new release. */
rx_err
rx_stat_release_file(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_release_row row;
	enum rx_format format;
	char stem[96];
	json_t *doc;
	rx_err rc;

	if (rx_stat_format(q->arg[1], &format, st) != RX_OK) {
		rx_status_clear(st);
		return (rx_fail(st, RX_ENOENT, RX_MSG_WEB_NOT_FOUND));
	}
	if ((rc = rx_release_read(&row, &doc, q->session, q->arg[0], st)) !=
	    RX_OK)
		return (rc);
	rc = rx_release_render(&a->body, &row, doc, format, st);
	json_decref(doc);
	if (rc != RX_OK)
		return (rc);
	(void)snprintf(stem, sizeof(stem), "%s-%s",
	    strcmp(row.kind, "annex") == 0 ? "annex" : "table", row.id);
	rx_stat_download(a, format, stem);
	return (RX_OK);
}
