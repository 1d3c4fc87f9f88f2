#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "web/director.h"

/* The forms about one child. */

#define ORANGE_SIGNS 3		/* so many signs together are orange */

/* ---- what the forms have in common ---- */

/* What the form of a type is called. */
struct form {
	const char *page, *path;	/* template; after /child/… */
	enum rx_msg title;
};
static const struct form forms[RX_TYPE_COUNT] = {
	[RX_OBSERVATION] = { "director/observe", "observe",
	    RX_MSG_WEB_OBSERVE_TITLE },
	[RX_INTERVENTION] = { "director/intervene", "intervene",
	    RX_MSG_WEB_INTERVENE_TITLE },
	[RX_FLAG] = { "director/flag", "flag", RX_MSG_WEB_FLAG_TITLE },
	[RX_REPORT] = { "director/report", "report", RX_MSG_WEB_REPORT_TITLE },
	[RX_CONSENT] = { "director/consent", "consent",
	    RX_MSG_WEB_CONSENT_TITLE },
};

/* The child above the form, and today's date in it. */
static rx_err
put_form(struct rx_request *q, struct rx_reply *a, enum rx_type type,
    const uint8_t id[RX_ID_BYTES], int64_t *risk, struct rx_status *st)
{
	char date[RX_DATE_TEXT], text[RX_UUID_TEXT], action[80];
	rx_err rc;

	a->page = forms[type].page;
	rx_uuid_text(id, text);
	(void)snprintf(action, sizeof(action), "/child/%s/%s", text,
	    forms[type].path);
	rx_date_format(rx_date_today(), date);
	if ((rc = rx_form_preset(q, "date", date, st)) != RX_OK ||
	    (rc = rx_director_head(a, q, id, risk, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "action", action, st)) != RX_OK ||
	    (rc = rx_director_title(a, q, forms[type].title, st)) != RX_OK ||
	    (rc = rx_director_today(a->data, st)) != RX_OK)
		return (rc);
	return (rx_form_put(a->data, q, type, st));
}

static rx_err
put_plain(struct rx_request *q, struct rx_reply *a, enum rx_type type,
    struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK)
		return (rc);
	return (rx_director_form(q, a, type, id, st));
}

/* Save the form as a record of ${type} about the case ${id}; ${risk} is taken
 * when the form leaves it open (NULL: it has none).  Not when *asked: something
 * in it is to be confirmed first. */
static rx_err
save_form(struct rx_request *q, struct rx_reply *a, enum rx_type type,
    const uint8_t id[RX_ID_BYTES], const char *risk, bool *asked,
    struct rx_status *st)
{
	struct rx_save_result result;
	char child[RX_UUID_TEXT];
	json_t *json;
	rx_err rc;

	*asked = false;
	if ((rc = rx_form_json(&json, q, type, st)) != RX_OK)
		return (rc);
	rx_uuid_text(id, child);
	if ((rc = rx_put_text(json, "child", child, st)) != RX_OK ||
	    (rc = rx_director_doubts(q, a, type, json, NULL, id, asked,
	    st)) != RX_OK || *asked)
		goto done;
	if (risk != NULL && json_object_get(json, "risk") == NULL &&
	    (rc = rx_put_text(json, "risk", risk, st)) != RX_OK)
		goto done;
	/* A second sending is RX_SAVED_PRESENT, which is as good. */
	rc = rx_save(q->session, type, json, false, &result, st);
done:
	json_decref(json);
	return (rc);
}

/* A form without more ado: save and go to the case, or show it again. */
static rx_err
save_plain(struct rx_request *q, struct rx_reply *a, enum rx_type type,
    rx_page *form, enum rx_msg saved, struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	char text[RX_UUID_TEXT];
	bool asked;
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK)
		return (rc);
	if (save_form(q, a, type, id, NULL, &asked, st) != RX_OK) {
		if ((rc = rx_form_error(a, q, st)) != RX_OK)
			return (rc);
		return (form(q, a, st));
	}
	if (asked)
		return (form(q, a, st));
	rx_uuid_text(id, text);
	rx_redirect_with(a, saved, "/child/%s", text);
	return (RX_OK);
}

/* ---- a new child ---- */

struct choice {
	const struct rx_request *q;
	json_t *data;
};

static rx_err
put_unit(void *cookie, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *st)
{
	const struct choice *to = cookie;
	char text[RX_UNIT_TEXT];
	json_t *item;
	rx_err rc;

	rx_unit_text(text, unit);
	if ((rc = rx_put_item(to->data, "units", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "key", text, st)) != RX_OK ||
	    (rc = rx_put_text(item, "name", name, st)) != RX_OK)
		return (rc);
	return (rx_put_bool(item, "checked", strcmp(text, rx_field(to->q,
	    "unit")) == 0, st));
}

rx_err
rx_director_unit(json_t *data, const struct rx_request *q,
    const char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	struct choice to = { q, data };
	char name[128];
	rx_err rc;

	(void)json_object_del(data, "units");
	if ((rc = rx_unit_name(q->session, unit, name, sizeof(name), st)) !=
	    RX_OK || (rc = put_unit(&to, unit, name, st)) != RX_OK)
		return (rc);
	return (rx_put_bool(data, "several_units", false, st));
}

rx_err
rx_director_units(struct rx_reply *a, const struct rx_request *q,
    bool activities, struct rx_status *st)
{
	struct choice to = { q, a->data };
	rx_err rc;

	if ((rc = rx_unit_own_each(q->session, activities, put_unit, &to,
	    st)) != RX_OK)
		return (rc);
	return (rx_put_bool(a->data, "several_units",
	    json_array_size(json_object_get(a->data, "units")) > 1, st));
}

rx_err
rx_director_child_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	rx_err rc;

	a->page = "director/child_new";
	if ((rc = rx_form_preset(q, "legal_basis", "consent", st)) != RX_OK ||
	    (rc = rx_director_units(a, q, false, st)) != RX_OK ||
	    (rc = rx_put_text(a->data, "action", "/children/new", st)) !=
	    RX_OK || (rc = rx_director_title(a, q, RX_MSG_WEB_CHILD_NEW_TITLE,
	    st)) != RX_OK || (rc = rx_director_today(a->data, st)) != RX_OK)
		return (rc);
	return (rx_form_put(a->data, q, RX_CHILD, st));
}

rx_err
rx_director_child_save(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct rx_save_result result;
	char id[RX_UUID_TEXT];
	uint8_t own[RX_ID_BYTES];
	json_t *json = NULL;
	bool asked = false, wrong = false, back;
	rx_err rc;

	/* The form's id is the child's; people get a number to say. */
	if (!rx_uuid_parse(rx_field(q, "id"), own))
		rx_uuid7(own, rx_time_now());
	if ((rc = rx_form_json(&json, q, RX_CHILD, st)) == RX_OK) {
		(void)json_object_del(json, "id");
		/* What cannot be comes first, with what is odd below it. */
		wrong = rx_save_check(RX_CHILD, json, st) != RX_OK;
		if (!wrong || (rc = rx_form_error(a, q, st)) == RX_OK)
			rc = rx_director_doubts(q, a, RX_CHILD, json, NULL,
			    own, &asked, st);
	}
	if (rc == RX_OK && !asked && !wrong)
		rc = rx_child_register(q->session, own, json, &result, st);
	json_decref(json);
	back = rc != RX_OK || asked || wrong;
	if (rc != RX_OK && (rc = rx_form_error(a, q, st)) != RX_OK)
		return (rc);
	if (back)
		return (rx_director_child_form(q, a, st));
	rx_uuid_text(result.id, id);
	rx_redirect_with(a, RX_MSG_WEB_CHILD_SAVED, "/child/%s", id);
	return (RX_OK);
}

/* ---- observation ---- */

/* What the signs that were ticked propose.  director.js does the same. */
const char *
rx_director_propose(const struct rx_request *q, bool *urgent)
{
	const struct rx_code *code;
	const char *key;
	bool flag = false;
	size_t k;

	*urgent = false;
	for (k = 0; (key = rx_field_nth(q, "signs", k)) != NULL; k++) {
		if ((code = rx_code_by_key(RX_LIST_SIGN, key)) == NULL)
			continue;
		*urgent |= rx_code_has(code, "urgent");
		flag |= rx_code_has(code, "flag");
	}
	return (*urgent ? "red" : flag || k >= ORANGE_SIGNS ? "orange" :
	    k > 0 ? "yellow" : "green");
}

/* Tell the script what weighs how much, and how soon to come again. */
static rx_err
put_weights(json_t *data, const struct rx_request *q, int64_t before,
    struct rx_status *st)
{
	const struct rx_code *c;
	json_t *item, *list;
	size_t i;
	rx_err rc;

	list = json_object_get(data, "signs_list");
	json_array_foreach(list, i, item) {
		c = rx_code_by_key(RX_LIST_SIGN, json_string_value(
		    json_object_get(item, "key")));
		if (c != NULL && (rc = rx_put_text(item, "weight",
		    rx_code_has(c, "urgent") ? "red" : rx_code_has(c, "flag") ?
		    "orange" : "", st)) != RX_OK)
			return (rc);
	}
	list = json_object_get(data, "risk_list");
	json_array_foreach(list, i, item) {
		c = rx_code_by_key(RX_LIST_RISK, json_string_value(
		    json_object_get(item, "key")));
		if (c != NULL && (rc = rx_put_int(item, "days",
		    rx_visit_days(q->session, c, c->no != before), st)) !=
		    RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Fill the form from the draft of the case, if there is one. */
static rx_err
take_draft(struct rx_request *q, struct rx_reply *a,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	char at[RX_TIME_TEXT];
	json_t *draft = NULL;
	bool found;
	rx_err rc;

	if ((rc = rx_draft_load(q->session, id, &text, &found, st)) != RX_OK ||
	    !found || (rc = rx_json_parse(&draft, (const char *)text.b,
	    text.len, st)) != RX_OK)
		goto done;
	rx_time_format(json_integer_value(json_object_get(draft, "at")), at);
	at[16] = '\0';
	if ((rc = rx_form_refill(q, json_object_get(draft, "form"), st)) ==
	    RX_OK)
		rc = rx_put_text(a->data, "draft_at", at, st);
done:
	json_decref(draft);
	rx_buf_free(&text);
	return (rc);
}

static rx_err
put_observe(struct rx_request *q, struct rx_reply *a,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	int64_t risk = 0;
	rx_err rc;

	if ((rc = rx_form_preset(q, "channel", "home_visit", st)) != RX_OK ||
	    (rc = put_form(q, a, RX_OBSERVATION, id, &risk, st)) != RX_OK)
		return (rc);
	return (put_weights(a->data, q, risk, st));
}

rx_err
rx_director_observe_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = take_draft(q, a, id, st)) != RX_OK)
		return (rc);
	return (put_observe(q, a, id, st));
}

rx_err
rx_director_observe(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	char text[RX_UUID_TEXT];
	const char *risk;
	bool urgent, asked;
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK)
		return (rc);
	risk = rx_director_propose(q, &urgent);
	if (save_form(q, a, RX_OBSERVATION, id, risk, &asked, st) != RX_OK) {
		if ((rc = rx_form_error(a, q, st)) != RX_OK ||
		    (rc = rx_put_bool(a->data, "help", urgent, st)) != RX_OK)
			return (rc);
		return (put_observe(q, a, id, st));
	}
	if ((rc = rx_draft_drop(q->session, id, st)) != RX_OK)
		return (rc);
	rx_uuid_text(id, text);
	if (urgent)
		rx_redirect_with(a, RX_MSG_WEB_OBSERVE_SAVED_URGENT,
		    "/child/%s?help=1", text);
	else
		rx_redirect_with(a, RX_MSG_WEB_OBSERVE_SAVED, "/child/%s",
		    text);
	return (RX_OK);
}

/* Keep the form as it stands, sealed.  Its id is left out: every rendering of
 * the form makes a new one. */
static rx_err
keep_draft(const struct rx_request *q, const uint8_t id[RX_ID_BYTES],
    int64_t now, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	json_t *form, *draft;
	rx_err rc;

	if ((rc = rx_form_json(&form, q, RX_OBSERVATION, st)) != RX_OK)
		return (rc);
	(void)json_object_del(form, "id");
	draft = json_pack("{s:I,s:o}", "at", (json_int_t)now, "form", form);
	if (draft == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_json_write(&text, draft, st)) == RX_OK)
		rc = rx_draft_save(q->session, id, text.b, text.len, st);
	json_decref(draft);
	rx_buf_free(&text);
	return (rc);
}

/* From the button, or (auto) from the script, which is told the time. */
rx_err
rx_director_draft(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const int64_t now = rx_time_now();
	const bool drop = rx_field_set(q, "drop");
	char text[RX_UUID_TEXT], at[RX_TIME_TEXT];
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK ||
	    (rc = drop ? rx_draft_drop(q->session, id, st) :
	    keep_draft(q, id, now, st)) != RX_OK)
		return (rc);
	if (rx_field_set(q, "auto")) {
		rx_time_format(now, at);
		at[16] = '\0';
		a->type = "text/plain; charset=utf-8";
		return (rx_buf_printf(&a->body, st, "%s", at + 11));
	}
	rx_uuid_text(id, text);
	rx_redirect_with(a, drop ? RX_MSG_WEB_DRAFT_DROPPED :
	    RX_MSG_WEB_DRAFT_SAVED, "/child/%s/observe", text);
	return (RX_OK);
}

/* ---- intervention ---- */

void
rx_director_kinds(json_t *data, bool activities)
{
	json_t *list = json_object_get(data, "kind_list");
	const struct rx_code *c;
	size_t i = json_array_size(list);

	while (i-- > 0) {
		c = rx_code_by_key(RX_LIST_KIND, json_string_value(
		    json_object_get(json_array_get(list, i), "key")));
		if (c == NULL || (activities ? !rx_code_has(c, "activity") &&
		    !rx_code_has(c, "activity_only") :
		    rx_code_has(c, "activity_only")))
			(void)json_array_remove(list, i);
	}
}

static rx_err
put_intervene(struct rx_request *q, struct rx_reply *a,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	static const char *const more[] = {
		"need", "need_resolved_on", "outcome", "referral", "agency",
		"agency_type", NULL
	};
	bool open = false;
	size_t i;
	rx_err rc;

	if ((rc = put_form(q, a, RX_INTERVENTION, id, NULL, st)) != RX_OK)
		return (rc);
	rx_director_kinds(a->data, false);
	for (i = 0; more[i] != NULL; i++)
		open |= rx_field_set(q, more[i]);
	return (rx_put_bool(a->data, "more", open, st));
}

rx_err
rx_director_intervene_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	rx_err rc;

	if (!q->post && ((rc = rx_form_preset(q, "delivered", "1", st)) !=
	    RX_OK || (rc = rx_form_preset(q, "face_to_face", "1", st)) !=
	    RX_OK))
		return (rc);
	return (put_plain(q, a, RX_INTERVENTION, st));
}

rx_err
rx_director_intervene(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (save_plain(q, a, RX_INTERVENTION, rx_director_intervene_form,
	    RX_MSG_WEB_INTERVENE_SAVED, st));
}

/* ---- flag, report, consent ---- */

rx_err
rx_director_flag_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_plain(q, a, RX_FLAG, st));
}

rx_err
rx_director_flag(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (save_plain(q, a, RX_FLAG, rx_director_flag_form,
	    RX_MSG_WEB_FLAG_SAVED, st));
}

rx_err
rx_director_report_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_plain(q, a, RX_REPORT, st));
}

rx_err
rx_director_report(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (save_plain(q, a, RX_REPORT, rx_director_report_form,
	    RX_MSG_WEB_REPORT_SAVED, st));
}

rx_err
rx_director_consent_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_plain(q, a, RX_CONSENT, st));
}

rx_err
rx_director_consent(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (save_plain(q, a, RX_CONSENT, rx_director_consent_form,
	    RX_MSG_WEB_CONSENT_SAVED, st));
}

/* ---- any of them ---- */

rx_err
rx_director_form(struct rx_request *q, struct rx_reply *a, enum rx_type type,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	rx_err rc;

	switch (type) {
	case RX_CHILD:
		if ((rc = rx_director_head(a, q, id, NULL, st)) != RX_OK)
			return (rc);
		return (rx_director_child_form(q, a, st));
	case RX_OBSERVATION:
		return (put_observe(q, a, id, st));
	case RX_INTERVENTION:
		return (put_intervene(q, a, id, st));
	default:
		return (put_form(q, a, type, id, NULL, st));
	}
}
