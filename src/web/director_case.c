#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "web/director.h"

/* One child's page: identity masked, what happened, what to do next. */

struct file {
	const struct rx_request *q;
	json_t *data, *timeline;
	bool read_only;		/* consent withdrawn, or offered away */
	unsigned shown;		/* identity fields that were asked for */
	char unit[RX_UNIT_BYTES];	/* that keeps it */
};

enum rx_msg
rx_director_type(enum rx_type type)
{

	/* Who is not a supervisor reads what was decided. */
	return (type == RX_REVIEW ? RX_MSG_WEB_CASE_REVIEW :
	    rx_type_label(type));
}

/* The identity, field by field, with those that were shown before, so that
 * showing another does not mask them again. */
static rx_err
put_identity(struct file *f, const struct rx_record *r, struct rx_status *st)
{
	json_t *item;
	bool shown;
	unsigned k;
	rx_err rc;

	for (k = 0; k < RX_FIELD_COUNT; k++) {
		if (rx_fields[k].comp != RX_COMP_IDENTITY)
			continue;
		shown = (f->shown & 1u << k) != 0;
		if ((rc = rx_put_item(f->data, "identity", &item, st)) !=
		    RX_OK || (rc = rx_put_text(item, "key", rx_fields[k].key,
		    st)) != RX_OK || (rc = rx_put_text(item, "label",
		    rx_msg(rx_form_label((enum rx_field)k), f->q->lang),
		    st)) != RX_OK || (rc = rx_put_text(item, "text",
		    rx_record_text(r, (enum rx_field)k), st)) != RX_OK ||
		    (rc = rx_put_bool(item, "shown", shown, st)) != RX_OK)
			return (rc);
		if (!shown)
			continue;
		if ((rc = rx_put_item(f->data, "shown_fields", &item, st)) !=
		    RX_OK || (rc = rx_put_text(item, "key", rx_fields[k].key,
		    st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
take_move(void *cookie, const struct rx_move *m, struct rx_status *st)
{
	struct file *f = cookie;
	json_t *item;
	rx_err rc;

	if ((rc = rx_put_item(f->data, "moves", &item, st)) != RX_OK)
		return (rc);
	return (rx_director_moved(item, f->q, m, st));
}

/* data.moves, and data.file_versions when the file was corrected. */
static rx_err
put_way(struct file *f, const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	uint32_t corrections;
	rx_err rc;

	if ((rc = rx_child_moves(f->q->session, id, take_move, f,
	    &corrections, st)) != RX_OK)
		return (rc);
	return (rx_put_versions(f->data, "file_versions", f->q,
	    corrections + 1, st));
}

static rx_err
put_record(struct file *f, json_t *item, const struct rx_record *r,
    struct rx_status *st)
{
	char at[RX_TIME_TEXT], id[RX_UUID_TEXT];
	rx_err rc;

	rx_time_format(r->at, at);
	at[16] = '\0';
	rx_uuid_text(r->id, id);
	if ((rc = rx_put_text(item, "type", rx_msg(rx_director_type(r->type),
	    f->q->lang), st)) != RX_OK ||
	    (rc = rx_put_date(item, "date", (int32_t)rx_record_int(r,
	    RX_F_DATE), st)) != RX_OK ||
	    (rc = rx_put_text(item, "at", at, st)) != RX_OK ||
	    (rc = rx_put_text(item, "author", rx_session_author(f->q->session,
	    r->author), st)) != RX_OK ||
	    (rc = rx_put_code(item, "risk", f->q, RX_LIST_RISK,
	    rx_record_int(r, RX_F_RISK), st)) != RX_OK ||
	    (rc = rx_put_bool(item, "by_rule", rx_record_int(r,
	    RX_F_RAISES_FLAG) == 1, st)) != RX_OK)
		return (rc);
	/* What another unit wrote before a transfer stays as it was. */
	if ((rc = rx_put_text(item, "record", id, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "correctable", !f->read_only &&
	    memcmp(r->unit, f->unit, RX_UNIT_BYTES) == 0 &&
	    (r->type == RX_OBSERVATION || r->type == RX_INTERVENTION ||
	    r->type == RX_FLAG), st)) != RX_OK ||
	    (rc = rx_put_versions(item, "versions", f->q, r->version, st)) !=
	    RX_OK)
		return (rc);
	if (r->type == RX_REPORT &&
	    (rc = rx_put_text(item, "receipt", id, st)) != RX_OK)
		return (rc);
	return (rx_put_facts(item, f->q, r, st));
}

/* What consent was stored without: by whom, when. */
static rx_err
put_consent_gaps(json_t *item, const struct rx_request *q,
    const struct rx_record *r, struct rx_status *st)
{
	static const struct {
		enum rx_field field;
		enum rx_msg label;
	} wanted[] = {
		{ RX_F_CONSENT_BY, RX_MSG_WEB_F_CONSENT_BY },
		{ RX_F_CONSENT_ON, RX_MSG_WEB_F_CONSENT_ON },
	};
	const struct rx_code *consent = rx_code_by_key(RX_LIST_LEGAL_BASIS,
	    "consent");
	json_t *gap;
	size_t i;
	rx_err rc = RX_OK;

	if (consent == NULL || rx_record_int(r, RX_F_LEGAL_BASIS) !=
	    consent->no)
		return (RX_OK);
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]) && rc == RX_OK;
	    i++)
		if (!r->v[wanted[i].field].set &&
		    (rc = rx_put_item(item, "gaps", &gap, st)) == RX_OK)
			rc = rx_put_text(gap, "label", rx_msg(wanted[i].label,
			    q->lang), st);
	return (rc);
}

/* The child first, then its records by date; the page has the latest on top. */
static rx_err
take_record(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	struct file *f = cookie;
	json_t *item = json_object();
	rx_err rc;

	if (r->type == RX_CHILD) {
		memcpy(f->unit, r->unit, RX_UNIT_BYTES);
		if ((rc = rx_put(f->data, "file", item, st)) != RX_OK ||
		    (rc = rx_put_facts(item, f->q, r, st)) != RX_OK ||
		    (rc = put_consent_gaps(item, f->q, r, st)) != RX_OK)
			return (rc);
		return (put_identity(f, r, st));
	}
	if (item == NULL || json_array_insert_new(f->timeline, 0, item) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (put_record(f, item, r, st));
}

/* data.draft: a visit to the child is not written to its end. */
static rx_err
put_draft(struct rx_request *q, json_t *data, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	struct rx_buf places = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_draft_places(q->session, &places, st)) == RX_OK)
		rc = rx_put_bool(data, "draft", rx_draft_among(q->session,
		    &places, id), st);
	rx_buf_free(&places);
	return (rc);
}

static rx_err
page(struct rx_request *q, struct rx_reply *a, unsigned shown,
    struct rx_status *st)
{
	struct file f = { .q = q, .data = a->data, .timeline = json_array(),
	    .shown = shown };
	uint8_t id[RX_ID_BYTES];
	bool away;
	rx_err rc;

	a->page = "director/case";
	if ((rc = rx_put(a->data, "timeline", f.timeline, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "any_shown", shown != 0, st)) != RX_OK ||
	    (rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = rx_director_head(a, q, id, NULL, st)) != RX_OK ||
	    (rc = rx_director_offer_of(q, a->data, id, st)) != RX_OK ||
	    (rc = rx_director_moves_of(q, a->data, id, st)) != RX_OK ||
	    (rc = rx_director_conflicts(a, q, id, false, st)) != RX_OK ||
	    (rc = put_draft(q, a->data, id, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "help", rx_field_set(q, "help"), st)) !=
	    RX_OK)
		return (rc);
	away = json_is_true(json_object_get(a->data, "is_away"));
	f.read_only = away || json_is_true(json_object_get(json_object_get(
	    a->data, "child"), "withdrawn"));
	if ((rc = rx_put_bool(a->data, "read_only", f.read_only, st)) !=
	    RX_OK || (rc = rx_director_title(a, q, RX_MSG_WEB_F_CHILD, st)) !=
	    RX_OK || (rc = put_way(&f, id, st)) != RX_OK)
		return (rc);
	return (rx_child_case(q->session, id, shown, take_record, &f, st));
}

rx_err
rx_director_case(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (page(q, a, 0, st));
}

/* The fields named in the form, by their keys. */
rx_err
rx_director_reveal(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	unsigned shown = 0, f;
	const char *key;
	size_t k;

	for (k = 0; (key = rx_field_nth(q, "field", k)) != NULL; k++)
		for (f = 0; f < RX_FIELD_COUNT; f++)
			if (rx_fields[f].comp == RX_COMP_IDENTITY &&
			    strcmp(key, rx_fields[f].key) == 0)
				shown |= 1u << f;
	return (page(q, a, shown, st));
}
