#include <string.h>

#include "web/director.h"

/*
 * Erasing a child's file for good, asked for by its number, and the certificates
 * that stay of those that were erased.
 */

#define PART 8		/* of our id, for a child without a number */

/* ---- the form ---- */

/* data[key] = [{"key","name","checked"}…] of the ${n} words but the first, which
 * is for what was not said; ${chosen} is the field, ${otherwise} what is chosen
 * while nothing is. */
static rx_err
put_words(json_t *data, const char *key, const struct rx_request *q,
    const struct rx_erase_word *words, size_t n, const char *chosen,
    const char *otherwise, struct rx_status *st)
{
	const char *on = rx_field_set(q, chosen) ? rx_field(q, chosen) :
	    otherwise;
	json_t *item;
	size_t i;
	rx_err rc;

	for (i = 1; i < n; i++)
		if ((rc = rx_put_item(data, key, &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "key", words[i].key, st)) !=
		    RX_OK || (rc = rx_put_text(item, "name",
		    rx_msg(words[i].msg, q->lang), st)) != RX_OK ||
		    (rc = rx_put_bool(item, "checked", strcmp(on,
		    words[i].key) == 0, st)) != RX_OK)
			return (rc);
	return (RX_OK);
}

/* What is to be typed: the number of data.child, or the beginning of our id. */
static void
number_of(const json_t *data, char out[RX_CALLER_ID_BYTES])
{
	const json_t *child = json_object_get(data, "child");
	const char *s = json_string_value(json_object_get(child, "number"));

	if (s == NULL) {
		s = json_string_value(json_object_get(child, "id"));
		rx_text_copy(out, PART + 1, s != NULL ? s : "");
	} else
		rx_text_copy(out, RX_CALLER_ID_BYTES, s);
}

/* The ground that the file itself tells. */
static const char *
likely_ground(const json_t *data)
{
	const json_t *child = json_object_get(data, "child");

	return (json_is_true(json_object_get(child, "withdrawn")) ?
	    rx_erase_grounds[RX_GROUND_WITHDRAWN].key :
	    json_object_get(child, "over_why") != NULL ?
	    rx_erase_grounds[RX_GROUND_EXPIRED].key : "");
}

static rx_err
put_form(struct rx_request *q, struct rx_reply *a,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	static const char *const keep[] = { "reason", NULL };
	char number[RX_CALLER_ID_BYTES];
	rx_err rc;

	a->page = "director/erase";
	if (json_object_get(a->data, "child") == NULL &&
	    (rc = rx_director_head(a, q, id, NULL, st)) != RX_OK)
		return (rc);
	number_of(a->data, number);
	if ((rc = rx_put_text(a->data, "wanted", number, st)) != RX_OK ||
	    (rc = rx_put_form(a->data, q, keep, st)) != RX_OK ||
	    (rc = put_words(a->data, "grounds", q, rx_erase_grounds,
	    RX_GROUND_MOVED, "ground", likely_ground(a->data), st)) !=
	    RX_OK ||
	    (rc = put_words(a->data, "askers", q, rx_erase_askers,
	    RX_ERASE_ASKERS, "asker", "", st)) != RX_OK)
		return (rc);
	return (rx_director_title(a, q, RX_MSG_WEB_ERASE_TITLE, st));
}

rx_err
rx_director_erase_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK)
		return (rc);
	return (put_form(q, a, id, st));
}

/* ---- the order ---- */

/* RX_EUSAGE with ${msg}, about the field ${field}. */
static rx_err
wrong(struct rx_reply *a, const char *field, enum rx_msg msg,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_put_text(a->data, "error_field", field, st)) != RX_OK)
		return (rc);
	return (rx_fail(st, RX_EUSAGE, msg));
}

/* The word that the field ${name} has chosen; 0 for none. */
static size_t
word_of(const struct rx_request *q, const char *name,
    const struct rx_erase_word *words, size_t n)
{
	size_t i;

	for (i = n - 1; i > 0; i--)
		if (strcmp(words[i].key, rx_field(q, name)) == 0)
			break;
	return (i);
}

/* Whether the number that was typed, blanks aside, is that of data.child. */
static bool
number_typed(const struct rx_request *q, const json_t *data)
{
	const char *typed = rx_field(q, "number");
	char number[RX_CALLER_ID_BYTES];
	size_t n;

	typed += strspn(typed, " ");
	for (n = strlen(typed); n > 0 && typed[n - 1] == ' '; n--)
		continue;
	number_of(data, number);
	return (n > 0 && strlen(number) == n &&
	    memcmp(typed, number, n) == 0);
}

static rx_err
erase(struct rx_request *q, struct rx_reply *a,
    const uint8_t id[RX_ID_BYTES], struct rx_status *st)
{
	struct rx_buf reason = RX_BUF_INIT;
	struct rx_erase_order order;
	rx_err rc;

	if ((rc = rx_director_head(a, q, id, NULL, st)) != RX_OK)
		return (rc);
	order.ground = (enum rx_erase_ground)word_of(q, "ground",
	    rx_erase_grounds, RX_GROUND_MOVED);
	order.asker = (enum rx_erase_asker)word_of(q, "asker",
	    rx_erase_askers, RX_ERASE_ASKERS);
	if (order.ground == RX_GROUND_UNSTATED)
		return (wrong(a, "ground", RX_MSG_WEB_ERASE_NO_GROUND, st));
	if (order.asker == RX_ASKER_UNSTATED)
		return (wrong(a, "asker", RX_MSG_WEB_ERASE_NO_ASKER, st));
	if ((rc = rx_field_reason(&reason, q, st)) == RX_OK) {
		order.reason = (const char *)reason.b;
		rc = !number_typed(q, a->data) ? wrong(a, "number",
		    RX_MSG_WEB_ERASE_NUMBER, st) :
		    rx_child_erase_for(q->session, id, &order, st);
	}
	rx_buf_free(&reason);
	return (rc);
}

/* Whether the path names a file that was erased, as when a form is sent twice:
 * its certificate is where to go. */
static bool
erased_before(const struct rx_request *q, struct rx_reply *a)
{
	struct rx_status none;
	struct rx_erasure e;
	bool found;

	rx_status_clear(&none);
	found = rx_erasure_find(q->session, q->arg[0], &e, &none) == RX_OK;
	rx_wipe(&e, sizeof(e));
	if (found)
		rx_redirect(a, "/erasure/%s", q->arg[0]);
	return (found);
}

rx_err
rx_director_erase(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char text[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];
	enum rx_msg said = RX_MSG_WEB_ERASE_DONE;
	rx_err rc;

	if ((rc = rx_director_child(id, q, st)) != RX_OK) {
		if (rc != RX_ENOENT || !erased_before(q, a))
			return (rc);
		rx_status_clear(st);
		return (RX_OK);
	}
	if (erase(q, a, id, st) != RX_OK) {
		/* Erased it is; the certificate says what is left to do. */
		if (st->msg != RX_MSG_ERASE_NOT_SWEPT) {
			if ((rc = rx_put_error(a, q, st)) != RX_OK)
				return (rc);
			return (put_form(q, a, id, st));
		}
		rx_web_log(st);
		said = st->msg;
		rx_status_clear(st);
	}
	rx_uuid_text(id, text);
	rx_redirect_with(a, said, "/erasure/%s", text);
	return (RX_OK);
}

/* ---- certificates ---- */

/* item.counts: what was destroyed, in a sentence. */
static rx_err
put_counts(json_t *item, const struct rx_request *q,
    const struct rx_erasure *e, struct rx_status *st)
{
	struct rx_status say;
	char text[512];

	rx_status_clear(&say);
	rx_status_arg(&say, "versions", "%u", e->versions);
	rx_status_arg(&say, "records", "%u", e->records);
	rx_status_arg(&say, "all", "%u", e->record_versions);
	rx_status_arg(&say, "epochs", "%u", e->epochs);
	rx_status_arg(&say, "slots", "%u", e->slots);
	say.msg = RX_MSG_WEB_ERASURE_COUNTS;
	rx_status_text(&say, q->lang, text, sizeof(text));
	return (rx_put_text(item, "counts", text, st));
}

static rx_err
put_certificate(json_t *item, const struct rx_request *q,
    const struct rx_erasure *e, struct rx_status *st)
{
	char id[RX_UUID_TEXT], unit[128], code[RX_UNIT_TEXT];
	rx_err rc;

	rx_uuid_text(e->child, id);
	rx_unit_text(code, e->unit);
	if ((rc = rx_unit_name(q->session, e->unit, unit, sizeof(unit),
	    st)) != RX_OK || (rc = rx_put_text(item, "id", id, st)) != RX_OK ||
	    (rc = rx_put_text(item, "unit", unit, st)) != RX_OK ||
	    (rc = rx_put_text(item, "code", code, st)) != RX_OK ||
	    (rc = rx_put_time(item, "at", e->time, st)) != RX_OK ||
	    (rc = rx_put_text(item, "author", e->author, st)) != RX_OK ||
	    (rc = rx_put_text(item, "asker", rx_msg(
	    rx_erase_askers[e->asker].msg, q->lang), st)) != RX_OK ||
	    (rc = rx_put_text(item, "ground", rx_msg(
	    rx_erase_grounds[e->ground].msg, q->lang), st)) != RX_OK ||
	    (rc = rx_put_text(item, "reason", e->reason, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "swept", e->swept, st)) != RX_OK)
		return (rc);
	return (put_counts(item, q, e, st));
}

rx_err
rx_director_erasure(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	json_t *item = json_object();
	struct rx_erasure e;
	rx_err rc;

	a->page = "director/erasure";
	if ((rc = rx_put(a->data, "certificate", item, st)) != RX_OK)
		return (rc);
	if ((rc = rx_erasure_find(q->session, q->arg[0], &e, st)) == RX_OK &&
	    (rc = put_certificate(item, q, &e, st)) == RX_OK)
		rc = rx_director_title(a, q, RX_MSG_WEB_ERASURE_TITLE, st);
	rx_wipe(&e, sizeof(e));
	return (rc);
}

struct listing {
	const struct rx_request *q;
	json_t *list;			/* the latest first */
};

static rx_err
list_each(void *cookie, const struct rx_erasure *e, struct rx_status *st)
{
	struct listing *l = cookie;
	json_t *item = json_object();

	if (item == NULL || json_array_insert_new(l->list, 0, item) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (put_certificate(item, l->q, e, st));
}

rx_err
rx_director_erasures(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct listing l = { q, json_array() };
	rx_err rc;

	a->page = "director/erasures";
	if ((rc = rx_put(a->data, "erasures", l.list, st)) != RX_OK ||
	    (rc = rx_erasures(q->session, list_each, &l, st)) != RX_OK ||
	    (rc = rx_put_shown(a->data, "erasures", st)) != RX_OK)
		return (rc);
	return (rx_director_title(a, q, RX_MSG_WEB_ERASURES_TITLE, st));
}

/* Nothing is left of any of them, or what is. */
rx_err
rx_director_erasures_verify(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	size_t n;
	rx_err rc;

	if (rx_erasure_verify(q->session, &n, st) != RX_OK)
		rc = rx_put_error(a, q, st);
	else
		rc = rx_put_say_int(a->data, "clean", q,
		    RX_MSG_CLI_ERASURES_CLEAN, "n", (int64_t)n, st);
	return (rc != RX_OK ? rc : rx_director_erasures(q, a, st));
}
