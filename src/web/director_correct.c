#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "web/director.h"

/*
 * Corrections.  A correction is a version more of the same record: the form comes
 * filled in with what stands, what is saved supersedes it, and the page of its
 * versions tells what changed.
 */

/* ---- the versions ---- */

/* Whether a reader of the history is told of the field ${f}. */
static bool
told(enum rx_field f)
{

	return (rx_form_label(f) != RX_MSG_NONE && f != RX_F_CALLER_ID &&
	    f != RX_F_CHILD);
}

/* The texts of all fields of ${r}, by key. */
static rx_err
texts_of(json_t **out, const struct rx_request *q, const struct rx_record *r,
    struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	unsigned f;
	rx_err rc = RX_OK;

	if ((*out = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (f = 0; f < RX_FIELD_COUNT && rc == RX_OK; f++) {
		if (!r->v[f].set)
			continue;
		rx_buf_reset(&text);
		if ((rc = rx_field_text(&text, q, r, (enum rx_field)f, st)) ==
		    RX_OK && text.len > 0)
			rc = rx_put(*out, rx_fields[f].key, json_stringn(
			    (const char *)text.b, text.len), st);
	}
	rx_buf_free(&text);
	return (rc);
}

static rx_err
put_change(json_t *item, const struct rx_versions *v, const json_t *texts,
    unsigned f, struct rx_status *st)
{
	const char *key = rx_fields[f].key, *s;
	json_t *change;
	rx_err rc;

	if ((rc = rx_put_item(item, "changes", &change, st)) != RX_OK ||
	    (rc = rx_put_text(change, "label", rx_msg(rx_form_label(
	    (enum rx_field)f), v->q->lang), st)) != RX_OK)
		return (rc);
	if ((s = json_string_value(json_object_get(v->texts, key))) != NULL &&
	    (rc = rx_put_text(change, "before", s, st)) != RX_OK)
		return (rc);
	if ((s = json_string_value(json_object_get(texts, key))) != NULL)
		return (rx_put_text(change, "after", s, st));
	return (RX_OK);
}

rx_err
rx_director_moved(json_t *item, const struct rx_request *q,
    const struct rx_move *m, struct rx_status *st)
{
	char from[128], to[128], day[RX_DATE_TEXT], text[512];
	struct rx_status say;
	rx_err rc;

	if ((rc = rx_unit_name(q->session, m->from, from, sizeof(from),
	    st)) != RX_OK || (rc = rx_unit_name(q->session, m->to, to,
	    sizeof(to), st)) != RX_OK)
		return (rc);
	rx_date_format(rx_date_of_time(m->at), day);
	rx_status_clear(&say);
	say.msg = RX_MSG_WEB_CASE_MOVED_FROM;
	rx_status_arg(&say, "from", "%s", from);
	rx_status_arg(&say, "to", "%s", to);
	rx_status_arg(&say, "date", "%s", day);
	rx_status_text(&say, q->lang, text, sizeof(text));
	return (rx_put_text(item, "moved", text, st));
}

/* That the version ${r} moved the child, if it did. */
static rx_err
put_move(json_t *item, struct rx_versions *v, const struct rx_record *r,
    struct rx_status *st)
{
	struct rx_move m;
	rx_err rc = RX_OK;

	memcpy(m.from, v->unit, RX_UNIT_BYTES);
	memcpy(m.to, r->unit, RX_UNIT_BYTES);
	m.at = r->at;
	if (r->type == RX_CHILD && v->texts != NULL &&
	    memcmp(m.from, m.to, RX_UNIT_BYTES) != 0)
		rc = rx_director_moved(item, v->q, &m, st);
	memcpy(v->unit, r->unit, RX_UNIT_BYTES);
	return (rc);
}

rx_err
rx_director_version(void *cookie, const struct rx_record *r, uint64_t changed,
    struct rx_status *st)
{
	struct rx_versions *v = cookie;
	json_t *item = json_object(), *texts = NULL;
	unsigned f;
	rx_err rc;

	if (item == NULL || json_array_insert_new(v->list, 0, item) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_put_say_int(item, "version", v->q,
	    RX_MSG_WEB_HISTORY_VERSION, "n", r->version, st)) != RX_OK ||
	    (rc = rx_put_time(item, "at", r->at, st)) != RX_OK ||
	    (rc = rx_put_text(item, "author", rx_session_author(v->q->session,
	    r->author), st)) != RX_OK ||
	    (rc = rx_put_code(item, "level", v->q, RX_LIST_RISK,
	    rx_record_int(r, RX_F_RISK), st)) != RX_OK ||
	    (rc = put_move(item, v, r, st)) != RX_OK ||
	    (rc = texts_of(&texts, v->q, r, st)) != RX_OK)
		goto done;
	for (f = 0; f < RX_FIELD_COUNT && rc == RX_OK; f++)
		if ((changed >> f & 1) != 0 && told((enum rx_field)f))
			rc = put_change(item, v, texts, f, st);
	if (rc == RX_OK && r->version == 1 &&
	    (rc = rx_put_bool(item, "first", true, st)) == RX_OK &&
	    (rc = rx_put_date(item, "date", (int32_t)rx_record_int(r,
	    RX_F_DATE), st)) == RX_OK)
		rc = rx_put_facts(item, v->q, r, st);
	json_decref(v->texts);
	v->texts = texts;
	return (rc);
done:
	json_decref(texts);
	return (rc);
}

/* The record that the path names: the second *, or the child itself. */
static rx_err
record_of(uint8_t id[RX_ID_BYTES], const uint8_t child[RX_ID_BYTES],
    const struct rx_request *q, struct rx_status *st)
{

	if (q->arg[1] == NULL || *q->arg[1] == '\0') {
		memcpy(id, child, RX_ID_BYTES);
		return (RX_OK);
	}
	return (rx_uuid_parse(q->arg[1], id) ? RX_OK :
	    rx_fail(st, RX_ENOENT, RX_MSG_RECORD_UNKNOWN));
}

/* All identity fields. */
static unsigned
identity(void)
{
	unsigned bits = 0, f;

	for (f = 0; f < RX_FIELD_COUNT; f++)
		if (rx_fields[f].comp == RX_COMP_IDENTITY)
			bits |= 1u << f;
	return (bits);
}

/* GET, and POST to see the identity of the child in its versions. */
rx_err
rx_director_history(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_versions v = { .q = q, .list = json_array() };
	uint8_t child[RX_ID_BYTES], id[RX_ID_BYTES];
	bool own;
	rx_err rc;

	a->page = "director/history";
	if ((rc = rx_put(a->data, "versions", v.list, st)) != RX_OK ||
	    (rc = rx_director_child(child, q, st)) != RX_OK ||
	    (rc = record_of(id, child, q, st)) != RX_OK ||
	    (rc = rx_director_head(a, q, child, NULL, st)) != RX_OK)
		return (rc);
	own = memcmp(child, id, RX_ID_BYTES) == 0;
	if ((rc = rx_director_conflicts(a, q, child, own && q->post, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_child_history(q->session, child, id, own && q->post ?
	    identity() : 0, rx_director_version, &v, st)) == RX_OK &&
	    (rc = rx_put_bool(a->data, "masked", own && !q->post, st)) ==
	    RX_OK && (rc = rx_put_bool(a->data, "of_record", !own, st)) ==
	    RX_OK && (rc = rx_put_bool(a->data, "only_one",
	    json_array_size(v.list) == 1, st)) == RX_OK)
		rc = rx_director_title(a, q, RX_MSG_WEB_HISTORY_TITLE, st);
	json_decref(v.texts);
	return (rc);
}

/* ---- what stands ---- */

struct standing {
	enum rx_type type;
	char unit[RX_UNIT_BYTES];
	uint32_t version;
	json_t *json;			/* the latest version */
};

static rx_err
take_latest(void *cookie, const struct rx_record *r, uint64_t changed,
    struct rx_status *st)
{
	struct standing *s = cookie;

	(void)changed;
	s->type = r->type;
	memcpy(s->unit, r->unit, RX_UNIT_BYTES);
	s->version = r->version;
	json_decref(s->json);
	return (rx_record_json(&s->json, r, st));
}

static bool
correctable(enum rx_type type)
{

	return (type == RX_CHILD || type == RX_OBSERVATION ||
	    type == RX_INTERVENTION || type == RX_FLAG ||
	    type == RX_ACTIVITY);
}

/* The text json[key]. */
static const char *
caller_id(const struct standing *s)
{

	return (json_string_value(json_object_get(s->json, "id")));
}

/* The version from which the form was filled in: a form that comes back keeps
 * it, so that what was refused as stale stays so. */
static rx_err
put_base(struct rx_reply *a, const struct rx_request *q,
    const struct standing *s, struct rx_status *st)
{

	if (q->post)
		return (rx_put_text(a->data, "version", rx_field(q, "version"),
		    st));
	return (rx_put_int(a->data, "version", s->version, st));
}

/* What a form for a correction has besides: where it goes, of which record and
 * of which version of it. */
static rx_err
put_correction(struct rx_reply *a, const struct rx_request *q,
    const struct standing *s, const char *action, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_put_text(a->data, "action", action, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "correcting", true, st)) != RX_OK ||
	    (rc = rx_put_bool(a->data, "identity_opened",
	    s->type == RX_CHILD, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "record_id", caller_id(s), st)) !=
	    RX_OK || (rc = put_base(a, q, s, st)) != RX_OK)
		return (rc);
	return (rx_director_title(a, q, RX_MSG_WEB_CORRECT_TITLE, st));
}

/* Whether the form was filled in from the version that stands. */
static rx_err
check_version(const struct rx_request *q, const struct standing *s,
    struct rx_status *st)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", s->version);
	return (strcmp(rx_field(q, "version"), text) == 0 ? RX_OK :
	    rx_fail(st, RX_ECONFLICT, RX_MSG_WEB_CORRECT_STALE));
}

/* ---- of a child or a record ---- */

/* Find what the path names; ${shown} of its identity. */
static rx_err
stand(struct standing *s, const struct rx_request *q,
    uint8_t child[RX_ID_BYTES], uint8_t id[RX_ID_BYTES], unsigned shown,
    struct rx_status *st)
{
	rx_err rc;

	memset(s, 0, sizeof(*s));
	if ((rc = rx_director_child(child, q, st)) != RX_OK ||
	    (rc = record_of(id, child, q, st)) != RX_OK ||
	    (rc = rx_child_history(q->session, child, id, shown, take_latest,
	    s, st)) != RX_OK)
		return (rc);
	return (correctable(s->type) ? RX_OK :
	    rx_fail(st, RX_ECONFLICT, RX_MSG_NOT_CORRECTABLE));
}

static void
path_of(char *out, size_t size, const uint8_t *child, const uint8_t *id,
    const char *what)
{
	char c[RX_UUID_TEXT], r[RX_UUID_TEXT];

	rx_uuid_text(child, c);
	rx_uuid_text(id, r);
	if (memcmp(child, id, RX_ID_BYTES) == 0)
		(void)snprintf(out, size, "/child/%s/%s", c, what);
	else
		(void)snprintf(out, size, "/child/%s/%s/%s", c, what, r);
}

static rx_err
put_correct(struct rx_request *q, struct rx_reply *a,
    const struct standing *s, const uint8_t *child, const uint8_t *id,
    struct rx_status *st)
{
	char action[128];
	rx_err rc;

	path_of(action, sizeof(action), child, id, "correct");
	if ((rc = rx_director_form(q, a, s->type, child, st)) != RX_OK ||
	    (s->type == RX_CHILD && (rc = rx_director_unit(a->data, q,
	    s->unit, st)) != RX_OK))
		return (rc);
	return (put_correction(a, q, s, action, st));
}

rx_err
rx_director_correct_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	uint8_t child[RX_ID_BYTES], id[RX_ID_BYTES];
	struct standing s;
	rx_err rc;

	if ((rc = stand(&s, q, child, id, identity(), st)) == RX_OK &&
	    (rc = rx_form_refill(q, s.json, st)) == RX_OK)
		rc = put_correct(q, a, &s, child, id, st);
	json_decref(s.json);
	return (rc);
}

/* The object that replaces ${s}, made of the form. */
static rx_err
corrected(json_t **json, const struct rx_request *q,
    const struct standing *s, const uint8_t *child, struct rx_status *st)
{
	char text[RX_UUID_TEXT], unit[RX_UNIT_TEXT];
	bool urgent;
	rx_err rc;

	if ((rc = check_version(q, s, st)) != RX_OK ||
	    (rc = rx_form_json(json, q, s->type, st)) != RX_OK ||
	    (rc = rx_put_text(*json, "id", caller_id(s), st)) != RX_OK)
		return (rc);
	/* As the signs have it, which may be chosen here too. */
	if (s->type == RX_OBSERVATION &&
	    json_object_get(*json, "risk") == NULL &&
	    (rc = rx_put_text(*json, "risk", rx_director_propose(q, &urgent),
	    st)) != RX_OK)
		return (rc);
	if (s->type == RX_CHILD || s->type == RX_ACTIVITY) {
		rx_unit_text(unit, s->unit);
		return (rx_put_text(*json, "unit", unit, st));
	}
	rx_uuid_text(child, text);
	return (rx_put_text(*json, "child", text, st));
}

rx_err
rx_director_correct(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	uint8_t child[RX_ID_BYTES], id[RX_ID_BYTES];
	struct rx_save_result result;
	struct standing s;
	json_t *json = NULL;
	bool asked = false, back;
	char path[128];
	rx_err rc;

	if ((rc = stand(&s, q, child, id, 0, st)) != RX_OK)
		goto done;
	if ((rc = corrected(&json, q, &s, child, st)) == RX_OK &&
	    (rc = rx_director_doubts(q, a, s.type, json, s.json, child, &asked,
	    st)) == RX_OK && !asked)
		rc = rx_save(q->session, s.type, json, true, &result, st);
	back = rc != RX_OK || asked;
	if (rc != RX_OK)
		rc = rx_form_error(a, q, st);
	if (rc == RX_OK && back) {
		rc = put_correct(q, a, &s, child, id, st);
		goto done;
	}
	path_of(path, sizeof(path), child, id, "history");
	if (rc == RX_OK)
		rx_redirect_with(a, result.how == RX_SAVED_PRESENT ?
		    RX_MSG_WEB_CORRECT_SAME : result.again ?
		    RX_MSG_WEB_CORRECTED_AGAIN : RX_MSG_WEB_CORRECTED, "%s",
		    path);
done:
	json_decref(json);
	json_decref(s.json);
	return (rc);
}

/* ---- of an activity ---- */

static rx_err
stand_activity(struct standing *s, const struct rx_request *q,
    uint8_t id[RX_ID_BYTES], struct rx_status *st)
{

	memset(s, 0, sizeof(*s));
	if (!rx_uuid_parse(q->arg[0], id))
		return (rx_fail(st, RX_ENOENT, RX_MSG_RECORD_UNKNOWN));
	return (rx_activity_history(q->session, id, take_latest, s, st));
}

static rx_err
put_activity(struct rx_request *q, struct rx_reply *a,
    const struct standing *s, const uint8_t *id, bool names,
    struct rx_status *st)
{
	char text[RX_UUID_TEXT], action[64];
	rx_err rc;

	rx_uuid_text(id, text);
	(void)snprintf(action, sizeof(action), "/activity/%s/correct", text);
	if ((rc = rx_director_activity_put(q, a, names, st)) != RX_OK ||
	    (rc = rx_director_unit(a->data, q, s->unit, st)) != RX_OK)
		return (rc);
	return (put_correction(a, q, s, action, st));
}

rx_err
rx_director_activity_correct_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	struct standing s;
	rx_err rc;

	if ((rc = stand_activity(&s, q, id, st)) == RX_OK &&
	    (rc = rx_form_refill(q, s.json, st)) == RX_OK)
		rc = put_activity(q, a, &s, id, false, st);
	json_decref(s.json);
	return (rc);
}

rx_err
rx_director_activity_correct(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const bool show = rx_field_set(q, "show");
	struct rx_save_result result;
	char text[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];
	struct standing s;
	json_t *json = NULL;
	bool asked = false, back;
	rx_err rc;

	if ((rc = stand_activity(&s, q, id, st)) != RX_OK)
		goto done;
	if (!show && (rc = corrected(&json, q, &s, NULL, st)) == RX_OK &&
	    (rc = rx_director_doubts(q, a, RX_ACTIVITY, json, s.json, id,
	    &asked, st)) == RX_OK && !asked)
		rc = rx_save(q->session, RX_ACTIVITY, json, true, &result, st);
	back = rc != RX_OK || asked;
	if (rc != RX_OK)
		rc = rx_form_error(a, q, st);
	if (rc == RX_OK && (show || back)) {
		rc = put_activity(q, a, &s, id, show || rx_field_set(q,
		    "names"), st);
		goto done;
	}
	rx_uuid_text(id, text);
	if (rc == RX_OK)
		rx_redirect_with(a, result.how == RX_SAVED_PRESENT ?
		    RX_MSG_WEB_CORRECT_SAME : RX_MSG_WEB_CORRECTED,
		    "/activity/%s", text);
done:
	json_decref(json);
	json_decref(s.json);
	return (rc);
}
