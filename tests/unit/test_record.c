#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "register/record.h"
#include "register/register.h"
#include "tests/helper.h"

/* The two numbers are the examples of GB 11643-1999 itself. */
#define ID_X "11010519491231002X"
#define ID_DIGIT "440524188001010014"
#define AGENCY "51350000MJB0000000"

static struct rx_status st;
static int32_t today;

/* One object of every type that is taken from input, every key of it used. */
static const char *const full[RX_TYPE_COUNT] = {
	[RX_CHILD] = "{\"type\":\"child\",\"unit\":\"350102001001\","
	    "\"name\":\"小禾\",\"id_number\":\"" ID_X "\",\"phone\":\"0591-0000\","
	    "\"address\":\"某路 1 号\",\"school\":\"某小学\","
	    "\"guardian_name\":\"老禾\",\"guardian_phone\":\"0591-0001\","
	    "\"id\":\"c1\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\",\"poverty\"],"
	    "\"priority\":[\"single_parent\"],\"legal_basis\":\"consent\","
	    "\"consent_by\":\"guardian\",\"consent_on\":\"2025-03-01\"}",
	[RX_OBSERVATION] = "{\"type\":\"observation\",\"id\":\"o1\","
	    "\"child\":\"c1\",\"date\":\"2025-06-03\","
	    "\"channel\":\"home_visit\",\"signs\":[\"mood_low\",\"grief\"],"
	    "\"risk\":\"yellow\",\"follow_up_on\":\"2025-09-01\","
	    "\"note\":\"第一行\\n\\t第二行\"}",
	[RX_INTERVENTION] = "{\"type\":\"intervention\",\"id\":\"i1\","
	    "\"child\":\"c1\",\"date\":\"2025-06-10\","
	    "\"kind\":\"visit_condolence\",\"delivered\":true,"
	    "\"face_to_face\":true,\"professional\":false,"
	    "\"amount_fen\":50000,\"outcome\":\"improved\","
	    "\"referral\":\"education\",\"need_resolved_on\":\"2025-06-20\","
	    "\"agency\":\"" AGENCY "\",\"agency_type\":\"social_work\","
	    "\"note\":\"谈了一小时\",\"need\":\"需要返校\"}",
	[RX_ACTIVITY] = "{\"type\":\"activity\",\"unit\":\"350102\","
	    "\"id\":\"a1\",\"date\":\"2025-06-01\",\"kind\":\"theme_activity\","
	    "\"agency\":\"" AGENCY "\",\"agency_type\":\"hospital\","
	    "\"venue\":\"儿童之家\",\"held\":true,\"sessions\":2,"
	    "\"lead_unit\":\"350100-SELF\",\"children\":[\"c1\",\"c2\"]}",
	[RX_FLAG] = "{\"type\":\"flag\",\"id\":\"f1\",\"child\":\"c1\","
	    "\"date\":\"2025-06-03\",\"reason\":\"放心不下\"}",
	[RX_REPORT] = "{\"type\":\"report\",\"id\":\"m1\",\"child\":\"c1\","
	    "\"date\":\"2025-06-03\","
	    "\"situations\":[\"mr4_injury_violence\"],"
	    "\"authority\":\"police\",\"reference\":\"回执 1\"}",
	[RX_CONSENT] = "{\"type\":\"consent\",\"id\":\"w1\",\"child\":\"c1\","
	    "\"date\":\"2025-07-01\",\"state\":\"kept\","
	    "\"by\":\"guardian\",\"until\":\"2030-07-01\","
	    "\"reason\":\"诉讼未结\"}"
};

/* The import examples of the interface, with real numbers where it has "…". */
static const char *const examples[RX_TYPE_COUNT] = {
	[RX_CHILD] = "{\"type\":\"child\",\"id\":\"c1\","
	    "\"unit\":\"350102001001\",\"name\":\"…\",\"sex\":\"f\","
	    "\"birth\":\"2014-05\",\"id_number\":\"" ID_DIGIT "\","
	    "\"phone\":\"…\",\"address\":\"…\",\"school\":\"…\","
	    "\"guardian_name\":\"…\",\"guardian_phone\":\"…\","
	    "\"categories\":[\"left_behind\"],"
	    "\"priority\":[\"single_parent\"],\"legal_basis\":\"consent\","
	    "\"consent_by\":\"guardian\",\"consent_on\":\"2025-03-01\"}",
	[RX_OBSERVATION] = "{\"type\":\"observation\",\"id\":\"o1\","
	    "\"child\":\"c1\",\"date\":\"2025-06-03\","
	    "\"channel\":\"home_visit\",\"signs\":[\"mood_low\"],"
	    "\"risk\":\"yellow\",\"note\":\"…\"}",
	[RX_INTERVENTION] = "{\"type\":\"intervention\",\"id\":\"i1\","
	    "\"child\":\"c1\",\"date\":\"2025-06-10\","
	    "\"kind\":\"visit_condolence\",\"delivered\":true,"
	    "\"face_to_face\":true,\"amount_fen\":0,\"agency\":null,"
	    "\"need\":null,\"need_resolved_on\":null,\"professional\":false,"
	    "\"note\":\"…\"}",
	[RX_ACTIVITY] = "{\"type\":\"activity\",\"id\":\"a1\","
	    "\"unit\":\"350102\",\"date\":\"2025-06-01\","
	    "\"kind\":\"theme_activity\",\"venue\":\"…\",\"agency\":null,"
	    "\"held\":true,\"children\":[\"c1\"]}",
	[RX_FLAG] = "{\"type\":\"flag\",\"id\":\"f1\",\"child\":\"c1\","
	    "\"date\":\"2025-06-03\",\"reason\":\"…\"}",
	[RX_REPORT] = "{\"type\":\"report\",\"id\":\"m1\",\"child\":\"c1\","
	    "\"date\":\"2025-06-03\","
	    "\"situations\":[\"mr4_injury_violence\"],"
	    "\"authority\":\"police\",\"reference\":\"…\"}",
	[RX_CONSENT] = "{\"type\":\"consent\",\"id\":\"w1\",\"child\":\"c1\","
	    "\"date\":\"2025-07-01\",\"state\":\"withdrawn\","
	    "\"by\":\"guardian\"}"
};

static const enum rx_compartment comps[] = {
	RX_COMP_IDENTITY, RX_COMP_NARRATIVE, RX_COMP_CODED
};

static json_t *
object(const char *text)
{
	json_t *json;

	rx_status_clear(&st);
	ok(rx_json_parse(&json, text, strlen(text), &st), &st);
	return (json);
}

/* ${full} of ${type} with ${key} set to the JSON ${value}; NULL removes it. */
static json_t *
changed(enum rx_type type, const char *key, const char *value)
{
	json_t *json = object(full[type]);
	json_t *v;

	if (value == NULL) {
		(void)json_object_del(json, key);
		return (json);
	}
	v = json_loads(value, JSON_DECODE_ANY, NULL);
	assert_non_null(v);
	assert_int_equal(json_object_set_new(json, key, v), 0);
	return (json);
}

/* Parse the changed object; ${r} is the caller's to free. */
static void
accepts(struct rx_record *r, enum rx_type type, const char *key,
    const char *value)
{
	json_t *json = changed(type, key, value);

	rx_record_init(r);
	r->type = type;
	ok(rx_record_parse(r, json, today, &st), &st);
	json_decref(json);
}

static void
is_taken(enum rx_type type, const char *key, const char *value)
{
	struct rx_record r;

	accepts(&r, type, key, value);
	rx_record_free(&r);
}

static bool
has_fields(const struct rx_record *r)
{
	unsigned f;

	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (r->v[f].set)
			return (true);
	}
	return (r->data.len != 0);
}

/* What the message has for {name}; "" when it has nothing. */
static const char *
arg(const char *name)
{
	unsigned i;

	for (i = 0; i < st.nargs; i++) {
		if (strcmp(st.arg[i].name, name) == 0)
			return (st.arg[i].value);
	}
	return ("");
}

/* The changed object must be refused with exactly ${msg}, naming the key, and
 * leave nothing behind; the object unchanged is taken (the control). */
static void
is_refused(enum rx_type type, const char *key, const char *value,
    enum rx_msg msg)
{
	json_t *json = changed(type, key, value);
	char text[1024];
	struct rx_record r;

	rx_record_init(&r);
	r.type = type;
	rx_status_clear(&st);
	if (rx_record_parse(&r, json, today, &st) != RX_EUSAGE ||
	    st.msg != msg) {
		rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
		fail_msg("%s = %.80s: code %d, %s", key,
		    value != NULL ? value : "(absent)", (int)st.code, text);
	}
	rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
	assert_null(strchr(text, '{'));
	rx_status_text(&st, RX_LANG_ZH, text, sizeof(text));
	assert_null(strchr(text, '{'));
	if (msg != RX_MSG_UNIT_INVALID && msg != RX_MSG_TYPE_OTHER)
		assert_string_equal(arg("key"), key);
	assert_false(has_fields(&r));
	rx_record_free(&r);
	json_decref(json);
	is_taken(type, "type", NULL);
}

/* ---- what is taken ---- */

static void
resolve(struct rx_record *r)
{
	static const uint8_t ids[2 * RX_ID_BYTES] = { 1, 2, 3, [16] = 4, 5 };
	size_t n;

	if (r->v[RX_F_CHILD].set)
		memcpy(r->child, ids, RX_ID_BYTES);
	if ((n = r->v[RX_F_CHILDREN].n) > 0)
		ok(rx_record_set_ids(r, RX_F_CHILDREN, ids, n, &st), &st);
}

/* Store all compartments of ${from} and read them into ${to}. */
static void
through_store(struct rx_record *to, const struct rx_record *from)
{
	struct rx_buf buf = RX_BUF_INIT;
	size_t i;

	rx_record_init(to);
	to->type = from->type;
	memcpy(to->child, from->child, RX_ID_BYTES);
	memcpy(to->unit, from->unit, RX_UNIT_BYTES);
	for (i = 0; i < 3; i++) {
		rx_buf_reset(&buf);
		ok(rx_record_encode(&buf, from, comps[i], &st), &st);
		ok(rx_record_decode(to, comps[i], buf.b, buf.len, &st), &st);
	}
	rx_buf_free(&buf);
}

static void
strip_nulls(json_t *json)
{
	const char *key;
	json_t *v;
	void *tmp;

	json_object_foreach_safe(json, tmp, key, v) {
		if (json_is_null(v))
			(void)json_object_del(json, key);
	}
}

/* Parse, write as JSON; resolve, store, read, write as JSON; compare. */
static void
round_trip(enum rx_type type, const char *text)
{
	json_t *in = object(text), *out, *stored;
	struct rx_record r, back;

	rx_record_init(&r);
	r.type = type;
	ok(rx_record_parse(&r, in, today, &st), &st);
	ok(rx_record_json(&out, &r, &st), &st);
	strip_nulls(in);
	if (json_object_get(in, "need") != NULL)
		(void)json_object_set_new(in, "has_need", json_true());
	if (!json_equal(in, out))
		fail_msg("%s became %s", text, json_dumps(out, 0));
	json_decref(out);

	resolve(&r);
	ok(rx_record_json(&out, &r, &st), &st);
	through_store(&back, &r);
	ok(rx_record_json(&stored, &back, &st), &st);
	if (!json_equal(out, stored))
		fail_msg("%s became %s", json_dumps(out, 0),
		    json_dumps(stored, 0));
	json_decref(in);
	json_decref(out);
	json_decref(stored);
	rx_record_free(&r);
	rx_record_free(&back);
}

static void
test_every_import_example_parses_and_round_trips(void **state)
{
	int t;

	(void)state;
	for (t = RX_CHILD; t < RX_TYPE_COUNT; t++) {
		if (t == RX_REVIEW)
			continue;
		round_trip((enum rx_type)t, examples[t]);
	}
}

static void
test_every_optional_key_parses_and_round_trips(void **state)
{
	json_t *json;
	unsigned f;
	int t;

	(void)state;
	for (t = RX_CHILD; t < RX_TYPE_COUNT; t++) {
		if (t == RX_REVIEW)
			continue;
		round_trip((enum rx_type)t, full[t]);
		/* The object does have every key that its type may have. */
		json = object(full[t]);
		for (f = 0; f < RX_FIELD_COUNT; f++) {
			if ((rx_fields[f].may >> t & 1) != 0 &&
			    f != RX_F_RAISES_FLAG && f != RX_F_HAS_NEED)
				assert_non_null(json_object_get(json,
				    rx_fields[f].key));
		}
		json_decref(json);
	}
}

static void
test_parsed_values_are_what_was_written(void **state)
{
	struct rx_record r;
	int32_t day;

	(void)state;
	accepts(&r, RX_CHILD, "type", NULL);
	assert_string_equal(rx_record_text(&r, RX_F_NAME), "小禾");
	assert_int_equal(rx_record_int(&r, RX_F_SEX),
	    rx_code_by_key(RX_LIST_SEX, "f")->no);
	assert_int_equal(rx_record_int(&r, RX_F_BIRTH), 2014 * 12 + 4);
	assert_int_equal(r.v[RX_F_CATEGORIES].n, 2);
	assert_int_equal(rx_record_item(&r, RX_F_CATEGORIES, 1),
	    rx_code_by_key(RX_LIST_CATEGORY, "poverty")->no);
	assert_true(rx_record_has(&r, RX_F_CATEGORIES,
	    rx_code_by_key(RX_LIST_CATEGORY, "left_behind")->no));
	assert_false(rx_record_has(&r, RX_F_CATEGORIES,
	    rx_code_by_key(RX_LIST_CATEGORY, "orphan")->no));
	assert_string_equal(r.unit, "350102001001");
	assert_true(r.identity);
	rx_record_free(&r);

	accepts(&r, RX_INTERVENTION, "type", NULL);
	assert_true(rx_date_parse("2025-06-10", &day));
	assert_int_equal(rx_record_int(&r, RX_F_DATE), day);
	assert_int_equal(rx_record_int(&r, RX_F_AMOUNT_FEN), 50000);
	assert_int_equal(rx_record_int(&r, RX_F_DELIVERED), 1);
	assert_true(r.v[RX_F_PROFESSIONAL].set);
	assert_int_equal(rx_record_int(&r, RX_F_PROFESSIONAL), 0);
	assert_string_equal(rx_record_text(&r, RX_F_CHILD), "c1");
	assert_null(rx_record_id(&r, RX_F_CHILD, 0));
	rx_record_free(&r);

	accepts(&r, RX_ACTIVITY, "type", NULL);
	assert_int_equal(r.v[RX_F_CHILDREN].n, 2);
	assert_memory_equal(rx_record_text(&r, RX_F_CHILDREN), "c1\0c2", 6);
	assert_string_equal(rx_record_text(&r, RX_F_LEAD_UNIT),
	    "350100000000S");
	rx_record_free(&r);
}

static void
test_null_is_absent(void **state)
{
	struct rx_record r;

	(void)state;
	accepts(&r, RX_INTERVENTION, "note", "null");
	assert_false(r.v[RX_F_NOTE].set);
	rx_record_free(&r);
	accepts(&r, RX_CHILD, "priority", "null");
	assert_false(r.v[RX_F_PRIORITY].set);
	rx_record_free(&r);
	is_taken(RX_CHILD, "type", "null");
}

static void
test_defaults_are_not_stored(void **state)
{
	struct rx_record r;

	(void)state;
	accepts(&r, RX_ACTIVITY, "sessions", NULL);
	assert_false(r.v[RX_F_SESSIONS].set);
	assert_int_equal(rx_record_int(&r, RX_F_SESSIONS), 0);
	rx_record_free(&r);
	accepts(&r, RX_INTERVENTION, "agency_type", NULL);
	assert_false(r.v[RX_F_AGENCY_TYPE].set);
	rx_record_free(&r);
}

static void
test_empty_optional_text_and_list_are_absent(void **state)
{
	struct rx_record r;

	(void)state;
	accepts(&r, RX_CHILD, "phone", "\"\"");
	assert_false(r.v[RX_F_PHONE].set);
	rx_record_free(&r);
	accepts(&r, RX_CHILD, "priority", "[]");
	assert_false(r.v[RX_F_PRIORITY].set);
	rx_record_free(&r);
	accepts(&r, RX_ACTIVITY, "children", "[]");
	assert_false(r.v[RX_F_CHILDREN].set);
	rx_record_free(&r);
}

static void
test_observation_without_signs_is_taken(void **state)
{
	struct rx_record r, back;

	(void)state;
	accepts(&r, RX_OBSERVATION, "signs", "[]");
	assert_true(r.v[RX_F_SIGNS].set);
	through_store(&back, &r);
	assert_true(back.v[RX_F_SIGNS].set);
	assert_int_equal(back.v[RX_F_SIGNS].n, 0);
	rx_record_free(&r);
	rx_record_free(&back);
}

static void
test_need_text_sets_has_need(void **state)
{
	struct rx_record r;

	(void)state;
	accepts(&r, RX_INTERVENTION, "need", "\"修屋顶\"");
	assert_int_equal(rx_record_int(&r, RX_F_HAS_NEED), 1);
	rx_record_free(&r);
	accepts(&r, RX_INTERVENTION, "need", "null");
	assert_false(r.v[RX_F_HAS_NEED].set);
	assert_true(r.v[RX_F_NEED_RESOLVED_ON].set);
	rx_record_free(&r);
	accepts(&r, RX_INTERVENTION, "need", "\" \"");
	assert_false(r.v[RX_F_HAS_NEED].set);
	rx_record_free(&r);
}

static void
test_small_x_of_an_id_number_is_stored_as_capital(void **state)
{
	struct rx_record r;

	(void)state;
	accepts(&r, RX_CHILD, "id_number", "\"11010519491231002x\"");
	assert_string_equal(rx_record_text(&r, RX_F_ID_NUMBER), ID_X);
	rx_record_free(&r);
	is_taken(RX_CHILD, "id_number", "\"" ID_DIGIT "\"");
}

static void
test_delivered_cash_of_nothing_is_taken(void **state)
{
	json_t *json;
	struct rx_record r;

	(void)state;
	json = changed(RX_INTERVENTION, "kind", "\"cash_condolence\"");
	assert_int_equal(json_object_set_new(json, "amount_fen",
	    json_integer(0)), 0);
	rx_record_init(&r);
	r.type = RX_INTERVENTION;
	ok(rx_record_parse(&r, json, today, &st), &st);
	assert_true(r.v[RX_F_AMOUNT_FEN].set);
	rx_record_free(&r);
	json_decref(json);
}

static void
test_follow_up_may_lie_in_the_future_and_on_the_day(void **state)
{

	(void)state;
	is_taken(RX_OBSERVATION, "follow_up_on", "\"2030-01-01\"");
	is_taken(RX_OBSERVATION, "follow_up_on", "\"2025-06-03\"");
}

static void
test_today_is_not_the_future(void **state)
{

	(void)state;
	is_taken(RX_FLAG, "date", "\"2025-08-01\"");
	is_taken(RX_CHILD, "birth", "\"2025-08\"");
}

static void
test_unit_forms_are_taken(void **state)
{
	struct rx_record r;

	(void)state;
	accepts(&r, RX_ACTIVITY, "unit", "\"350100-SELF\"");
	assert_string_equal(r.unit, "350100000000S");
	rx_record_free(&r);
	accepts(&r, RX_CHILD, "unit", "\"350102001\"");
	assert_string_equal(r.unit, "350102001000");
	rx_record_free(&r);
}

static void
test_activity_only_kind_is_taken_for_an_activity(void **state)
{

	(void)state;
	is_taken(RX_ACTIVITY, "kind", "\"camp\"");
}

/* A JSON text of ${n} times ${c}; lives until the next call. */
static const char *
times(const char *c, size_t n)
{
	static char buf[300000];
	size_t len = strlen(c), i;

	assert_true(n * len + 3 <= sizeof(buf));
	buf[0] = '"';
	for (i = 0; i < n; i++)
		memcpy(buf + 1 + i * len, c, len);
	memcpy(buf + 1 + n * len, "\"", 2);
	return (buf);
}

static void
test_limits_are_reached_but_not_passed(void **state)
{

	(void)state;
	is_taken(RX_CHILD, "name", times("禾", 256));
	is_taken(RX_CHILD, "name", times("𠮷", 256));
	is_refused(RX_CHILD, "name", times("禾", 257),
	    RX_MSG_FIELD_TOO_LONG);
	is_refused(RX_CHILD, "name", times("a", 257), RX_MSG_FIELD_TOO_LONG);
	is_refused(RX_CHILD, "id", times("a", 257), RX_MSG_FIELD_TOO_LONG);
	is_refused(RX_FLAG, "child", times("a", 257), RX_MSG_FIELD_TOO_LONG);
	is_taken(RX_OBSERVATION, "note", times("a", 65536));
	is_refused(RX_OBSERVATION, "note", times("a", 65537),
	    RX_MSG_NOTE_TOO_LONG);
	is_refused(RX_OBSERVATION, "note", times("禾", 21846),
	    RX_MSG_NOTE_TOO_LONG);
	is_taken(RX_INTERVENTION, "amount_fen", "10000000000000");
	is_taken(RX_INTERVENTION, "amount_fen", "0");
	is_taken(RX_ACTIVITY, "sessions", "1000");
	is_taken(RX_ACTIVITY, "sessions", "1");
}

static void
test_longest_note_and_many_children_are_stored(void **state)
{
	uint8_t ids[5000 * RX_ID_BYTES];
	struct rx_record r, back;
	size_t i;

	(void)state;
	accepts(&r, RX_OBSERVATION, "note", times("a", 65536));
	through_store(&back, &r);
	assert_int_equal(back.v[RX_F_NOTE].n, 65536);
	assert_string_equal(rx_record_text(&back, RX_F_NOTE),
	    rx_record_text(&r, RX_F_NOTE));
	rx_record_free(&r);
	rx_record_free(&back);

	for (i = 0; i < sizeof(ids); i++)
		ids[i] = (uint8_t)(i * 7 >> 3);
	accepts(&r, RX_ACTIVITY, "type", NULL);
	ok(rx_record_set_ids(&r, RX_F_CHILDREN, ids, 5000, &st), &st);
	through_store(&back, &r);
	assert_int_equal(back.v[RX_F_CHILDREN].n, 5000);
	assert_memory_equal(rx_record_id(&back, RX_F_CHILDREN, 0), ids,
	    sizeof(ids));
	assert_null(rx_record_id(&back, RX_F_CHILDREN, 5000));
	rx_record_free(&r);
	rx_record_free(&back);
}

/* ---- what is refused ---- */

static void
test_unknown_key_is_refused(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "bank_account", "\"1\"", RX_MSG_KEY_UNKNOWN);
	is_refused(RX_CHILD, "Name", "\"x\"", RX_MSG_KEY_UNKNOWN);
	is_refused(RX_CHILD, "", "\"x\"", RX_MSG_KEY_UNKNOWN);
	is_refused(RX_CHILD, "nothing", "null", RX_MSG_KEY_UNKNOWN);
}

static void
test_key_of_another_type_is_refused(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "date", "\"2025-06-01\"", RX_MSG_KEY_UNKNOWN);
	is_refused(RX_ACTIVITY, "child", "\"c1\"", RX_MSG_KEY_UNKNOWN);
	is_refused(RX_OBSERVATION, "unit", "\"350102001001\"",
	    RX_MSG_KEY_UNKNOWN);
	is_refused(RX_REPORT, "note", "\"x\"", RX_MSG_KEY_UNKNOWN);
}

static void
test_what_the_register_sets_is_refused_from_input(void **state)
{

	(void)state;
	is_refused(RX_OBSERVATION, "raises_flag", "1", RX_MSG_KEY_UNKNOWN);
	is_refused(RX_INTERVENTION, "has_need", "true", RX_MSG_KEY_UNKNOWN);
	is_refused(RX_FLAG, "flag", "\"f1\"", RX_MSG_KEY_UNKNOWN);
	is_refused(RX_FLAG, "decision", "\"close\"", RX_MSG_KEY_UNKNOWN);
}

static void
test_review_is_refused_from_input(void **state)
{
	struct rx_record r;
	json_t *json;

	(void)state;
	json = object("{\"type\":\"review\",\"child\":\"c1\","
	    "\"date\":\"2025-06-03\",\"decision\":\"close\","
	    "\"reason\":\"x\"}");
	rx_record_init(&r);
	r.type = RX_REVIEW;
	assert_int_equal(rx_record_parse(&r, json, today, &st), RX_EUSAGE);
	assert_int_equal(st.msg, RX_MSG_TYPE_NOT_INPUT);
	json_decref(json);
	rx_record_free(&r);
}

/* What a form says alone is told before it is stored. */
static void
test_form_is_checked_as_it_would_be_parsed(void **state)
{
	json_t *json = object(full[RX_CHILD]);

	(void)state;
	ok(rx_save_check(RX_CHILD, json, &st), &st);
	json_decref(json);
	json = changed(RX_CHILD, "id_number", "\"11010519491231002Y\"");
	assert_int_equal(rx_save_check(RX_CHILD, json, &st), RX_EUSAGE);
	assert_int_equal(st.msg, RX_MSG_ID_NUMBER_INVALID);
	json_decref(json);
}

static void
test_other_type_is_refused(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "type", "\"flag\"", RX_MSG_TYPE_OTHER);
	is_refused(RX_CHILD, "type", "1", RX_MSG_TYPE_OTHER);
	is_refused(RX_CHILD, "type", "\"\"", RX_MSG_TYPE_OTHER);
}

static void
test_every_missing_required_key_is_refused(void **state)
{
	unsigned f, n = 0;
	int t;

	(void)state;
	for (t = RX_CHILD; t < RX_TYPE_COUNT; t++) {
		for (f = 0; f < RX_FIELD_COUNT; f++) {
			if (t == RX_REVIEW || (rx_fields[f].must >> t & 1) == 0)
				continue;
			is_refused((enum rx_type)t, rx_fields[f].key, NULL,
			    RX_MSG_FIELD_MISSING);
			is_refused((enum rx_type)t, rx_fields[f].key, "null",
			    RX_MSG_FIELD_MISSING);
			n++;
		}
	}
	assert_int_equal(n, 27);	/* counted by hand in record.def */
	is_refused(RX_CHILD, "unit", NULL, RX_MSG_FIELD_MISSING);
	is_refused(RX_ACTIVITY, "unit", "null", RX_MSG_FIELD_MISSING);
}

static void
test_every_wrong_json_type_is_refused(void **state)
{
	static const struct {
		enum rx_kind kind;
		const char *wrong[4];
		enum rx_msg msg;
	} c[] = {
		{ RX_K_TEXT, { "1", "true", "[]", "{}" },
		    RX_MSG_FIELD_NOT_TEXT },
		{ RX_K_NOTE, { "1", "true", "[]", "{}" },
		    RX_MSG_FIELD_NOT_TEXT },
		{ RX_K_CODE, { "1", "true", "[]", "{}" },
		    RX_MSG_FIELD_NOT_TEXT },
		{ RX_K_CODES, { "1", "true", "\"x\"", "{}" },
		    RX_MSG_FIELD_NOT_LIST },
		{ RX_K_DATE, { "20250601", "true", "[]", "{}" },
		    RX_MSG_FIELD_NOT_TEXT },
		{ RX_K_MONTH, { "201405", "true", "[]", "{}" },
		    RX_MSG_FIELD_NOT_TEXT },
		{ RX_K_BOOL, { "1", "\"true\"", "[]", "{}" },
		    RX_MSG_FIELD_NOT_BOOL },
		{ RX_K_FEN, { "1.0", "\"1\"", "true", "{}" },
		    RX_MSG_FIELD_NOT_INTEGER },
		{ RX_K_COUNT, { "1.5", "\"1\"", "true", "[]" },
		    RX_MSG_FIELD_NOT_INTEGER },
		{ RX_K_UNIT, { "350102", "true", "[]", "{}" },
		    RX_MSG_FIELD_NOT_TEXT },
		{ RX_K_REF, { "1", "true", "[]", "{}" },
		    RX_MSG_FIELD_NOT_TEXT },
		{ RX_K_REFS, { "1", "true", "\"c1\"", "{}" },
		    RX_MSG_FIELD_NOT_LIST }
	};
	unsigned f, k, w;
	int t;

	(void)state;
	for (t = RX_CHILD; t < RX_TYPE_COUNT; t++) {
		for (f = 0; f < RX_FIELD_COUNT; f++) {
			if (t == RX_REVIEW ||
			    (rx_fields[f].may >> t & 1) == 0 ||
			    f == RX_F_RAISES_FLAG || f == RX_F_HAS_NEED)
				continue;
			for (k = 0; c[k].kind != rx_fields[f].kind; k++)
				;
			for (w = 0; w < 4; w++)
				is_refused((enum rx_type)t, rx_fields[f].key,
				    c[k].wrong[w], c[k].msg);
		}
	}
	is_refused(RX_CHILD, "unit", "350102001001", RX_MSG_FIELD_NOT_TEXT);
	is_refused(RX_CHILD, "categories", "[1]", RX_MSG_FIELD_NOT_TEXT);
	is_refused(RX_ACTIVITY, "children", "[1]", RX_MSG_FIELD_NOT_TEXT);
	is_refused(RX_ACTIVITY, "children", "[null]", RX_MSG_FIELD_NOT_TEXT);
}

static void
test_unknown_code_is_refused_and_quoted(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "sex", "\"x\"", RX_MSG_CODE_UNKNOWN);
	is_refused(RX_CHILD, "sex", "\"\"", RX_MSG_CODE_UNKNOWN);
	is_refused(RX_CHILD, "sex", "\"F\"", RX_MSG_CODE_UNKNOWN);
	is_refused(RX_CHILD, "categories", "[\"left_behind\",\"no_such\"]",
	    RX_MSG_CODE_UNKNOWN);
	is_refused(RX_OBSERVATION, "channel", "\"red\"", RX_MSG_CODE_UNKNOWN);
	is_refused(RX_REPORT, "situations", "[\"mr10\"]",
	    RX_MSG_CODE_UNKNOWN);
	assert_string_equal(arg("value"), "");	/* cleared by the control */
}

/* Who writes ${value}, as he sees it on the page, is told to write ${code}. */
static void
is_told(enum rx_type type, const char *key, const char *value,
    const char *code)
{
	json_t *json = changed(type, key, value);
	struct rx_record r;

	rx_record_init(&r);
	r.type = type;
	rx_status_clear(&st);
	assert_int_equal(rx_record_parse(&r, json, today, &st), RX_EUSAGE);
	assert_int_equal(st.msg, RX_MSG_CODE_NAMED);
	assert_string_equal(arg("value"), code);
	rx_record_free(&r);
	json_decref(json);
}

static void
test_name_instead_of_a_code_is_refused_with_the_code(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "sex", "\"女\"", RX_MSG_CODE_NAMED);
	is_told(RX_CHILD, "sex", "\"女\"", "f");
	is_told(RX_CHILD, "sex", "\"Female\"", "f");
	is_told(RX_OBSERVATION, "risk", "\"红\"", "red");
	is_told(RX_OBSERVATION, "risk", "\"红（高，立即处置）\"", "red");
	is_told(RX_OBSERVATION, "risk", "\"Red\"", "red");
	is_told(RX_OBSERVATION, "signs", "[\"mood_low\",\"紧张害怕\"]",
	    "anxious_fear");
	/* Not from a part of it, and not of another list. */
	is_refused(RX_OBSERVATION, "risk", "\"红（\"", RX_MSG_CODE_UNKNOWN);
	is_refused(RX_OBSERVATION, "signs", "[\"紧张\"]", RX_MSG_CODE_UNKNOWN);
	is_refused(RX_OBSERVATION, "channel", "\"红\"", RX_MSG_CODE_UNKNOWN);
}

static void
test_message_quotes_a_code_and_a_date(void **state)
{
	struct rx_record r;
	json_t *json;

	(void)state;
	rx_record_init(&r);
	r.type = RX_OBSERVATION;
	json = changed(RX_OBSERVATION, "risk", "\"purple\"");
	assert_int_equal(rx_record_parse(&r, json, today, &st), RX_EUSAGE);
	assert_string_equal(arg("key"), "risk");
	assert_string_equal(arg("value"), "purple");
	json_decref(json);
	json = changed(RX_OBSERVATION, "date", "\"2025-02-30\"");
	rx_status_clear(&st);
	assert_int_equal(rx_record_parse(&r, json, today, &st), RX_EUSAGE);
	assert_string_equal(arg("key"), "date");
	assert_string_equal(arg("value"), "2025-02-30");
	json_decref(json);
	rx_record_free(&r);
}

static void
test_message_never_quotes_personal_text(void **state)
{
	static const char *const keys[] = {
		"name", "id_number", "phone", "address", "school",
		"guardian_name", "guardian_phone", "id"
	};
	struct rx_record r;
	json_t *json;
	unsigned i, k;

	(void)state;
	rx_record_init(&r);
	r.type = RX_CHILD;
	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		json = changed(RX_CHILD, keys[i], "\"canary\\u0007\"");
		rx_status_clear(&st);
		assert_int_equal(rx_record_parse(&r, json, today, &st),
		    RX_EUSAGE);
		for (k = 0; k < st.nargs; k++)
			assert_null(strstr(st.arg[k].value, "canary"));
		json_decref(json);
	}
	rx_record_free(&r);
}

/* In a line whose columns have slipped. */
static void
test_message_never_quotes_what_is_no_code_no_date_and_no_unit(void **state)
{
	static const char *const wrong[][2] = {
		{ "sex", "\"\u5f20\u5c0f\u660e\"" },
		{ "sex", "\"canary 13912345678\"" },
		{ "birth", "\"13912345678\"" },
		{ "birth", "\"2014-0513912345678\"" },
		{ "consent_on", "\"13912345678\"" },
		{ "unit", "\"13912345678\"" },
		{ "unit", "\"350102201405010011\"" },
		{ "categories", "[\"canary road 5\"]" },
		{ "canary 13912345678", "1" }
	};
	struct rx_record r;
	json_t *json;
	unsigned i, k;

	(void)state;
	rx_record_init(&r);
	r.type = RX_CHILD;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		json = changed(RX_CHILD, wrong[i][0], wrong[i][1]);
		rx_status_clear(&st);
		assert_int_equal(rx_record_parse(&r, json, today, &st),
		    RX_EUSAGE);
		for (k = 0; k < st.nargs; k++) {
			assert_null(strstr(st.arg[k].value, "canary"));
			assert_null(strstr(st.arg[k].value, "139123"));
			assert_null(strstr(st.arg[k].value, "350102"));
			assert_null(strstr(st.arg[k].value, "\u5f20"));
		}
		json_decref(json);
	}
	rx_record_free(&r);
}

static void
test_impossible_date_is_refused(void **state)
{

	(void)state;
	is_refused(RX_FLAG, "date", "\"2025-02-29\"", RX_MSG_DATE_INVALID);
	is_refused(RX_FLAG, "date", "\"2025-13-01\"", RX_MSG_DATE_INVALID);
	is_refused(RX_FLAG, "date", "\"2025-6-1\"", RX_MSG_DATE_INVALID);
	is_refused(RX_FLAG, "date", "\"2025/06/01\"", RX_MSG_DATE_INVALID);
	is_refused(RX_FLAG, "date", "\"2025-06-01T00:00\"",
	    RX_MSG_DATE_INVALID);
	is_refused(RX_FLAG, "date", "\"\"", RX_MSG_DATE_INVALID);
	is_refused(RX_CHILD, "consent_on", "\"2025-00-10\"",
	    RX_MSG_DATE_INVALID);
	is_refused(RX_CHILD, "birth", "\"2014-13\"", RX_MSG_MONTH_INVALID);
	is_refused(RX_CHILD, "birth", "\"2014-05-01\"", RX_MSG_MONTH_INVALID);
	is_refused(RX_CHILD, "birth", "\"2014\"", RX_MSG_MONTH_INVALID);
}

static void
test_future_date_is_refused(void **state)
{

	(void)state;
	is_refused(RX_FLAG, "date", "\"2025-08-02\"", RX_MSG_DATE_FUTURE);
	is_refused(RX_OBSERVATION, "date", "\"2025-08-02\"",
	    RX_MSG_DATE_FUTURE);
	is_refused(RX_ACTIVITY, "date", "\"2026-01-01\"", RX_MSG_DATE_FUTURE);
	is_refused(RX_CHILD, "consent_on", "\"2025-08-02\"",
	    RX_MSG_DATE_FUTURE);
	is_refused(RX_INTERVENTION, "need_resolved_on", "\"2025-08-02\"",
	    RX_MSG_DATE_FUTURE);
	is_refused(RX_CHILD, "birth", "\"2025-09\"", RX_MSG_DATE_FUTURE);
}

static void
test_follow_up_before_the_observation_is_refused(void **state)
{

	(void)state;
	is_refused(RX_OBSERVATION, "follow_up_on", "\"2025-06-02\"",
	    RX_MSG_DATE_BEFORE);
}

static void
test_kept_file_says_until_when_and_why_and_no_other_does(void **state)
{
	static const char *const keys[2] = { "until", "reason" };
	static const char *const values[2] = { "2030-07-01", "诉讼未结" };
	struct rx_record r;
	json_t *json;
	size_t i;

	(void)state;
	is_refused(RX_CONSENT, "until", NULL, RX_MSG_FIELD_MISSING);
	is_refused(RX_CONSENT, "reason", NULL, RX_MSG_FIELD_MISSING);
	is_refused(RX_CONSENT, "until", "\"2025-07-01\"", RX_MSG_DATE_BEFORE);
	for (i = 0; i < 2; i++) {
		json = object("{\"child\":\"c1\",\"date\":\"2025-07-01\","
		    "\"state\":\"given\"}");
		rx_record_init(&r);
		r.type = RX_CONSENT;
		ok(rx_record_parse(&r, json, today, &st), &st);
		assert_int_equal(json_object_set_new(json, keys[i],
		    json_string(values[i])), 0);
		assert_int_equal(rx_record_parse(&r, json, today, &st),
		    RX_EUSAGE);
		assert_int_equal(st.msg, RX_MSG_KEY_UNKNOWN);
		assert_string_equal(arg("key"), keys[i]);
		assert_false(has_fields(&r));
		rx_status_clear(&st);
		json_decref(json);
		rx_record_free(&r);
	}
}

static void
test_wrong_id_number_is_refused(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "id_number", "\"110105194912310021\"",
	    RX_MSG_ID_NUMBER_INVALID);
	is_refused(RX_CHILD, "id_number", "\"11010519491231003X\"",
	    RX_MSG_ID_NUMBER_INVALID);
	is_refused(RX_CHILD, "id_number", "\"11010519491213002X\"",
	    RX_MSG_ID_NUMBER_INVALID);
	is_refused(RX_CHILD, "id_number", "\"11010519491231002\"",
	    RX_MSG_ID_NUMBER_INVALID);
	is_refused(RX_CHILD, "id_number", "\"11010519491231002XX\"",
	    RX_MSG_ID_NUMBER_INVALID);
	is_refused(RX_CHILD, "id_number", "\"1101051949123100X2\"",
	    RX_MSG_ID_NUMBER_INVALID);
	is_refused(RX_CHILD, "id_number", "\"\"", RX_MSG_ID_NUMBER_INVALID);
}

/* Every single wrong digit of the standard's example is caught. */
static void
test_any_one_wrong_digit_of_an_id_number_is_refused(void **state)
{
	char json[] = "\"" ID_DIGIT "\"";
	char right;
	unsigned i;
	char d;

	(void)state;
	for (i = 1; i <= 18; i++) {
		right = json[i];
		for (d = '0'; d <= '9'; d++) {
			json[i] = d;
			if (d != right)
				is_refused(RX_CHILD, "id_number", json,
				    RX_MSG_ID_NUMBER_INVALID);
		}
		json[i] = right;
	}
	is_taken(RX_CHILD, "id_number", json);
}

static void
test_wrong_agency_is_refused(void **state)
{

	(void)state;
	is_refused(RX_ACTIVITY, "agency", "\"51350000MJB000000\"",
	    RX_MSG_AGENCY_INVALID);
	is_refused(RX_ACTIVITY, "agency", "\"51350000MJB00000000\"",
	    RX_MSG_AGENCY_INVALID);
	is_refused(RX_ACTIVITY, "agency", "\"51350000mjb0000000\"",
	    RX_MSG_AGENCY_INVALID);
	is_refused(RX_INTERVENTION, "agency", "\"51350000-JB0000000\"",
	    RX_MSG_AGENCY_INVALID);
	is_refused(RX_INTERVENTION, "agency", "\"\"", RX_MSG_AGENCY_INVALID);
}

static void
test_control_character_is_refused(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "name", "\"小\\n禾\"", RX_MSG_FIELD_CONTROL);
	is_refused(RX_CHILD, "name", "\"小\\t禾\"", RX_MSG_FIELD_CONTROL);
	is_refused(RX_CHILD, "phone", "\"1\\u007f\"", RX_MSG_FIELD_CONTROL);
	is_refused(RX_CHILD, "school", "\"a\\u0085\"", RX_MSG_FIELD_CONTROL);
	is_refused(RX_CHILD, "id", "\"c\\u001b\"", RX_MSG_FIELD_CONTROL);
	is_refused(RX_FLAG, "child", "\"c\\n1\"", RX_MSG_FIELD_CONTROL);
	is_refused(RX_ACTIVITY, "children", "[\"c\\n1\"]",
	    RX_MSG_FIELD_CONTROL);
	is_refused(RX_OBSERVATION, "note", "\"a\\rb\"", RX_MSG_FIELD_CONTROL);
	is_refused(RX_OBSERVATION, "note", "\"\\u001b[2J\"",
	    RX_MSG_FIELD_CONTROL);
	is_taken(RX_OBSERVATION, "note", "\"a\\n\\tb\"");
	is_taken(RX_CHILD, "school", "\"a\\u00a0b\"");
}

/* As Windows and web forms write lines; a CR of any other kind stays refused. */
static void
test_line_ends_of_windows_in_a_note_become_line_feeds(void **state)
{
	struct rx_record r;

	(void)state;
	accepts(&r, RX_OBSERVATION, "note", "\"a\\r\\n\\r\\nb\\r\\n\"");
	assert_string_equal(rx_record_text(&r, RX_F_NOTE), "a\n\nb\n");
	rx_record_free(&r);
	accepts(&r, RX_OBSERVATION, "note", "\"\\r\\n \\r\\n\"");
	assert_false(r.v[RX_F_NOTE].set);	/* blank is absent */
	rx_record_free(&r);
	is_refused(RX_OBSERVATION, "note", "\"a\\r\\r\\nb\"",
	    RX_MSG_FIELD_CONTROL);
	is_refused(RX_OBSERVATION, "note", "\"a\\n\\rb\"",
	    RX_MSG_FIELD_CONTROL);
	is_refused(RX_OBSERVATION, "note", "\"a\\r\"", RX_MSG_FIELD_CONTROL);
	is_refused(RX_INTERVENTION, "need", "\"a\\r\\nb\"",
	    RX_MSG_FIELD_CONTROL);
}

static void
test_empty_required_text_is_refused(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "name", "\"\"", RX_MSG_FIELD_EMPTY);
	is_refused(RX_CHILD, "name", "\" \\u3000 \"", RX_MSG_FIELD_EMPTY);
	is_refused(RX_FLAG, "reason", "\"\"", RX_MSG_FIELD_EMPTY);
	is_refused(RX_FLAG, "child", "\"\"", RX_MSG_FIELD_EMPTY);
	is_refused(RX_REPORT, "authority", "\"\"", RX_MSG_FIELD_EMPTY);
	is_refused(RX_ACTIVITY, "children", "[\"c1\",\"\"]",
	    RX_MSG_FIELD_EMPTY);
	is_refused(RX_CHILD, "id", "\"\"", RX_MSG_FIELD_EMPTY);
}

static void
test_empty_required_list_is_refused(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "categories", "[]", RX_MSG_LIST_EMPTY);
	is_refused(RX_REPORT, "situations", "[]", RX_MSG_LIST_EMPTY);
}

static void
test_repeated_item_is_refused(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "categories", "[\"orphan\",\"orphan\"]",
	    RX_MSG_CODE_REPEATED);
	is_refused(RX_OBSERVATION, "signs",
	    "[\"grief\",\"mood_low\",\"grief\"]", RX_MSG_CODE_REPEATED);
	is_refused(RX_ACTIVITY, "children", "[\"c1\",\"c2\",\"c1\"]",
	    RX_MSG_REF_REPEATED);
}

static void
test_endless_code_list_is_refused(void **state)
{
	char text[257 * 4 + 2];
	size_t i;

	(void)state;
	for (i = 0; i < 257; i++)
		memcpy(text + 4 * i, i == 0 ? "[\"a\"" : ",\"a\"", 4);
	memcpy(text + sizeof(text) - 2, "]", 2);
	is_refused(RX_OBSERVATION, "signs", text, RX_MSG_LIST_TOO_LONG);
}

static void
test_amount_out_of_range_is_refused(void **state)
{

	(void)state;
	is_refused(RX_INTERVENTION, "amount_fen", "-1", RX_MSG_FEN_RANGE);
	is_refused(RX_INTERVENTION, "amount_fen", "10000000000001",
	    RX_MSG_FEN_RANGE);
}

static void
test_sessions_out_of_range_are_refused(void **state)
{

	(void)state;
	is_refused(RX_ACTIVITY, "sessions", "0", RX_MSG_COUNT_RANGE);
	is_refused(RX_ACTIVITY, "sessions", "-1", RX_MSG_COUNT_RANGE);
	is_refused(RX_ACTIVITY, "sessions", "1001", RX_MSG_COUNT_RANGE);
}

static void
test_activity_only_kind_is_refused_for_an_intervention(void **state)
{

	(void)state;
	is_refused(RX_INTERVENTION, "kind", "\"camp\"",
	    RX_MSG_KIND_ACTIVITY_ONLY);
	is_refused(RX_INTERVENTION, "kind", "\"staff_training\"",
	    RX_MSG_KIND_ACTIVITY_ONLY);
}

static void
test_wrong_unit_is_refused(void **state)
{

	(void)state;
	is_refused(RX_CHILD, "unit", "\"35010\"", RX_MSG_UNIT_INVALID);
	is_refused(RX_CHILD, "unit", "\"\"", RX_MSG_UNIT_INVALID);
	is_refused(RX_ACTIVITY, "unit", "\"350102-SELF\"",
	    RX_MSG_UNIT_INVALID);
	is_refused(RX_ACTIVITY, "lead_unit", "\"abc\"", RX_MSG_UNIT_INVALID);
}

static void
test_what_is_no_object_is_refused(void **state)
{
	json_t *json = json_array();
	struct rx_record r;

	(void)state;
	rx_record_init(&r);
	r.type = RX_CHILD;
	refused(rx_record_parse(&r, json, today, &st), RX_EUSAGE, &st);
	refused(rx_record_parse(&r, NULL, today, &st), RX_EUSAGE, &st);
	json_decref(json);
	rx_record_free(&r);
}

/* ---- the stored form ---- */

/* Give ${f} a value of its kind; the length that it is stored in. */
static size_t
sample(struct rx_record *r, enum rx_field f)
{
	static const int64_t items[] = { 3, 1, 65535 };
	static const uint8_t ids[2 * RX_ID_BYTES] = { 9, 8, [31] = 7 };
	static const char unit[RX_UNIT_BYTES] = "350100000000S";

	switch (rx_fields[f].kind) {
	case RX_K_TEXT:
	case RX_K_NOTE:
		ok(rx_record_set_text(r, f, "润心 1", 8, &st), &st);
		return (8);
	case RX_K_CODES:
		ok(rx_record_set_items(r, f, items, 3, &st), &st);
		return (24);
	case RX_K_UNIT:
		ok(rx_record_set_text(r, f, unit, sizeof(unit), &st), &st);
		return (16);
	case RX_K_ID:
	case RX_K_REF:
		ok(rx_record_set_ids(r, f, ids, 1, &st), &st);
		return (16);
	case RX_K_IDS:
	case RX_K_REFS:
		ok(rx_record_set_ids(r, f, ids, 2, &st), &st);
		return (32);
	case RX_K_MONTH:
		ok(rx_record_set_int(r, f, 2014 * 12, &st), &st);
		return (8);
	case RX_K_FEN:
		ok(rx_record_set_int(r, f, 10000000000000, &st), &st);
		return (8);
	default:
		ok(rx_record_set_int(r, f, 1, &st), &st);
		return (8);
	}
}

static void
same_field(const struct rx_record *a, const struct rx_record *b,
    enum rx_field f)
{
	size_t k;

	assert_true(b->v[f].set);
	assert_int_equal(rx_record_int(a, f), rx_record_int(b, f));
	assert_string_equal(rx_record_text(a, f), rx_record_text(b, f));
	assert_int_equal(a->v[f].n, b->v[f].n);
	for (k = 0; k <= a->v[f].n; k++) {
		assert_int_equal(rx_record_item(a, f, k),
		    rx_record_item(b, f, k));
		if (rx_record_id(a, f, k) == NULL)
			assert_null(rx_record_id(b, f, k));
		else
			assert_memory_equal(rx_record_id(a, f, k),
			    rx_record_id(b, f, k), RX_ID_BYTES);
	}
}

static void
field_round_trips(enum rx_type type, enum rx_field f)
{
	struct rx_buf buf = RX_BUF_INIT;
	struct rx_record r, back;
	size_t n;

	rx_record_init(&r);
	rx_record_init(&back);
	r.type = back.type = type;
	n = sample(&r, f);
	ok(rx_record_encode(&buf, &r, rx_fields[f].comp, &st), &st);
	assert_int_equal(buf.len, 4 + n);
	assert_int_equal(buf.b[0], rx_fields[f].tag);
	assert_int_equal(rx_get32(buf.b) >> 8, n);
	ok(rx_record_decode(&back, rx_fields[f].comp, buf.b, buf.len, &st),
	    &st);
	same_field(&r, &back, f);

	/* One byte less, and one more, is not it. */
	refused(rx_record_decode(&back, rx_fields[f].comp, buf.b, buf.len - 1,
	    &st), RX_ECORRUPT, &st);
	assert_false(back.v[f].set);
	ok(rx_buf_add(&buf, "x", 1, &st), &st);
	refused(rx_record_decode(&back, rx_fields[f].comp, buf.b, buf.len,
	    &st), RX_ECORRUPT, &st);
	assert_false(back.v[f].set);
	rx_record_free(&r);
	rx_record_free(&back);
	rx_buf_free(&buf);
}

static void
test_every_field_of_every_type_round_trips(void **state)
{
	unsigned f;
	int t;

	(void)state;
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		for (t = RX_CHILD; t < RX_TYPE_COUNT; t++) {
			if ((rx_fields[f].may >> t & 1) != 0)
				field_round_trips((enum rx_type)t,
				    (enum rx_field)f);
		}
	}
}

static void
test_tags_are_unique_and_ascend(void **state)
{
	unsigned f;

	(void)state;
	for (f = 1; f < RX_FIELD_COUNT; f++)
		assert_true(rx_fields[f].tag > rx_fields[f - 1].tag);
	assert_true(rx_fields[0].tag > 0);
}

static void
test_encoding_does_not_depend_on_the_order_of_writing(void **state)
{
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;
	struct rx_record r, q;

	(void)state;
	rx_record_init(&r);
	rx_record_init(&q);
	r.type = q.type = RX_OBSERVATION;
	(void)sample(&r, RX_F_CALLER_ID);
	(void)sample(&r, RX_F_SIGNS);
	(void)sample(&r, RX_F_RISK);
	(void)sample(&q, RX_F_RISK);
	(void)sample(&q, RX_F_SIGNS);
	(void)sample(&q, RX_F_SIGNS);	/* written twice: replaced */
	(void)sample(&q, RX_F_CALLER_ID);
	ok(rx_record_encode(&a, &r, RX_COMP_CODED, &st), &st);
	ok(rx_record_encode(&b, &q, RX_COMP_CODED, &st), &st);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.b, b.b, a.len);
	rx_buf_free(&a);
	rx_buf_free(&b);
	rx_record_free(&r);
	rx_record_free(&q);
}

static void
test_encode_takes_only_its_compartment(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	struct rx_record r;

	(void)state;
	accepts(&r, RX_CHILD, "type", NULL);
	ok(rx_record_encode(&buf, &r, RX_COMP_CODED, &st), &st);
	assert_null(memmem(buf.b, buf.len, "小禾", 6));
	assert_null(memmem(buf.b, buf.len, ID_X, 18));
	ok(rx_record_encode(&buf, &r, RX_COMP_IDENTITY, &st), &st);
	assert_non_null(memmem(buf.b, buf.len, "小禾", 6));	/* control */
	rx_record_free(&r);
	rx_buf_free(&buf);
}

static void
test_unresolved_reference_is_not_stored(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	struct rx_record r;

	(void)state;
	accepts(&r, RX_ACTIVITY, "type", NULL);
	refused(rx_record_encode(&buf, &r, RX_COMP_CODED, &st), RX_EINTERNAL,
	    &st);
	resolve(&r);
	ok(rx_record_encode(&buf, &r, RX_COMP_CODED, &st), &st);
	rx_record_free(&r);
	rx_buf_free(&buf);
}

static void
test_field_of_another_type_is_not_stored(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	struct rx_record r;

	(void)state;
	rx_record_init(&r);
	r.type = RX_CHILD;
	(void)sample(&r, RX_F_RISK);
	refused(rx_record_encode(&buf, &r, RX_COMP_CODED, &st), RX_EINTERNAL,
	    &st);
	r.type = RX_OBSERVATION;
	ok(rx_record_encode(&buf, &r, RX_COMP_CODED, &st), &st);
	rx_record_free(&r);
	rx_buf_free(&buf);
}

/* Decode exactly ${n} bytes in a block of their own, so that the sanitizers
 * see a read past them. */
static rx_err
decode_exactly(struct rx_record *r, const void *p, size_t n)
{
	uint8_t *copy = malloc(n > 0 ? n : 1);
	rx_err rc;

	assert_non_null(copy);
	memcpy(copy, p, n);
	rx_status_clear(&st);
	rc = rx_record_decode(r, RX_COMP_CODED, copy, n, &st);
	free(copy);
	return (rc);
}

/* The ${n} bytes must be RECORD_CORRUPT as coded data of a ${type}, and what
 * was there before must be gone. */
static void
is_corrupt_as(enum rx_type type, const void *p, size_t n)
{
	struct rx_record r;

	rx_record_init(&r);
	r.type = type;
	(void)sample(&r, RX_F_DATE);
	assert_int_equal(decode_exactly(&r, p, n), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_RECORD_CORRUPT);
	assert_false(r.v[RX_F_DATE].set);
	assert_false(has_fields(&r));
	rx_record_free(&r);
}

static void
is_corrupt(const void *p, size_t n)
{

	is_corrupt_as(RX_OBSERVATION, p, n);
}

static void
test_every_truncation_is_refused(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	struct rx_record r, back;
	size_t n, whole = 0;

	(void)state;
	accepts(&r, RX_OBSERVATION, "type", NULL);
	ok(rx_record_encode(&buf, &r, RX_COMP_CODED, &st), &st);
	rx_record_init(&back);
	back.type = RX_OBSERVATION;
	for (n = 0; n <= buf.len; n++) {
		if (decode_exactly(&back, buf.b, n) == RX_OK)
			whole++;
		else
			assert_int_equal(st.msg, RX_MSG_RECORD_CORRUPT);
	}
	/* Cut where one of its six fields ends it is a shorter record, the
	 * empty one too: that all bytes are there the envelope has shown. */
	assert_int_equal(whole, 7);
	rx_record_free(&r);
	rx_record_free(&back);
	rx_buf_free(&buf);
}

static void
test_unknown_tag_is_refused(void **state)
{
	uint8_t b[12] = { 24, 8, 0, 0, 1 };
	struct rx_record r;
	unsigned tag, known = 0;

	(void)state;
	for (tag = 0; tag < 256; tag++) {
		b[0] = (uint8_t)tag;
		rx_record_init(&r);
		r.type = RX_OBSERVATION;
		rx_status_clear(&st);
		if (rx_record_decode(&r, RX_COMP_CODED, b, sizeof(b), &st) ==
		    RX_OK)
			known++;
		rx_record_free(&r);
	}
	/* 1 as a text of 8 bytes has NULs, as a date it is 1970-01-02:
	 * date, channel, signs, risk, follow_up_on, raises_flag. */
	assert_int_equal(known, 6);
	b[0] = 9;
	is_corrupt(b, sizeof(b));
	b[0] = 255;
	is_corrupt(b, sizeof(b));
}

static void
test_field_of_another_compartment_or_type_is_refused(void **state)
{
	static const uint8_t name[] = { 1, 1, 0, 0, 'a' };
	static const uint8_t note[] = { 60, 1, 0, 0, 'a' };
	static const uint8_t sex[] = { 11, 8, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 };
	struct rx_record r;

	(void)state;
	is_corrupt(name, sizeof(name));
	is_corrupt(note, sizeof(note));
	is_corrupt(sex, sizeof(sex));
	/* Controls: each where it belongs. */
	rx_record_init(&r);
	r.type = RX_CHILD;
	ok(rx_record_decode(&r, RX_COMP_IDENTITY, name, sizeof(name), &st),
	    &st);
	ok(rx_record_decode(&r, RX_COMP_CODED, sex, sizeof(sex), &st), &st);
	r.type = RX_OBSERVATION;
	ok(rx_record_decode(&r, RX_COMP_NARRATIVE, note, sizeof(note), &st),
	    &st);
	rx_record_free(&r);
}

static void
test_wrong_length_is_refused(void **state)
{
	static const uint8_t risk7[] = { 24, 7, 0, 0, 1, 0, 0, 0, 0, 0, 0 };
	static const uint8_t risk9[] =
	    { 24, 9, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t signs9[] =
	    { 23, 9, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t beyond[] =
	    { 24, 8, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0 };
	uint8_t b[4 + 32] = { 0 };
	struct rx_record r;

	(void)state;
	is_corrupt(risk7, sizeof(risk7));
	is_corrupt(risk9, sizeof(risk9));
	is_corrupt(signs9, sizeof(signs9));
	is_corrupt(beyond, sizeof(beyond));

	/* Ids: lists are whole multiples of 16, a single one is exactly 16. */
	b[0] = 40;
	b[1] = 17;
	is_corrupt_as(RX_ACTIVITY, b, 4 + 17);
	b[1] = 32;
	rx_record_init(&r);
	r.type = RX_ACTIVITY;
	ok(decode_exactly(&r, b, 4 + 32), &st);		/* control */
	rx_record_free(&r);
	b[0] = 44;
	is_corrupt_as(RX_REVIEW, b, 4 + 32);
	b[1] = 0;
	is_corrupt_as(RX_REVIEW, b, 4);
	b[1] = 16;
	rx_record_init(&r);
	r.type = RX_REVIEW;
	ok(decode_exactly(&r, b, 4 + 16), &st);		/* control */
	rx_record_free(&r);
}

static void
test_repeated_or_disordered_field_is_refused(void **state)
{
	uint8_t b[24] = { 24, 8, 0, 0, 1 };

	(void)state;
	memcpy(b + 12, b, 12);
	is_corrupt(b, sizeof(b));
	b[12] = 22;
	is_corrupt(b, sizeof(b));
}

static void
test_impossible_value_is_refused(void **state)
{
	static const uint8_t code0[] =
	    { 24, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t code65536[] =
	    { 24, 8, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0 };
	static const uint8_t sign0[] =
	    { 23, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
	static const uint8_t date[] =
	    { 21, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80 };
	static const uint8_t lead[4 + RX_UNIT_BYTES] = { 39, 16 };
	static const uint8_t id_nul[] = { 10, 2, 0, 0, 'a', 0 };
	static const uint8_t id_utf8[] = { 10, 2, 0, 0, 'a', 0xff };

	(void)state;
	is_corrupt(code0, sizeof(code0));
	is_corrupt(code65536, sizeof(code65536));
	is_corrupt(sign0, sizeof(sign0));
	is_corrupt(date, sizeof(date));
	is_corrupt_as(RX_ACTIVITY, lead, sizeof(lead));
	is_corrupt(id_nul, sizeof(id_nul));
	is_corrupt(id_utf8, sizeof(id_utf8));
}

/* No byte pattern may make the decoder read or write outside (run it under
 * the sanitizers), and what it does take must encode to the same bytes. */
static void
test_damaged_bytes_are_refused_or_mean_themselves(void **state)
{
	struct rx_buf buf = RX_BUF_INIT, again = RX_BUF_INIT;
	struct rx_record r, back;
	uint32_t x = 1;
	unsigned i;
	uint8_t old;
	size_t at;

	(void)state;
	accepts(&r, RX_OBSERVATION, "type", NULL);
	ok(rx_record_encode(&buf, &r, RX_COMP_CODED, &st), &st);
	rx_record_init(&back);
	for (i = 0; i < 200000; i++) {
		x = x * 1664525u + 1013904223u;
		at = (x >> 8) % buf.len;
		old = buf.b[at];
		buf.b[at] = (uint8_t)(x >> 24 ^ x);
		rx_record_reset(&back);
		back.type = RX_OBSERVATION;
		rx_status_clear(&st);
		if (rx_record_decode(&back, RX_COMP_CODED, buf.b, buf.len,
		    &st) == RX_OK) {
			rx_buf_reset(&again);
			ok(rx_record_encode(&again, &back, RX_COMP_CODED, &st),
			    &st);
			assert_int_equal(again.len, buf.len);
			assert_memory_equal(again.b, buf.b, buf.len);
		}
		buf.b[at] = old;
	}
	rx_record_free(&r);
	rx_record_free(&back);
	rx_buf_free(&buf);
	rx_buf_free(&again);
}

static void
test_decode_into_a_warm_record_does_not_allocate(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	struct rx_record r, back;
	const uint8_t *warm;
	size_t cap;
	unsigned i;

	(void)state;
	accepts(&r, RX_OBSERVATION, "type", NULL);
	ok(rx_record_encode(&buf, &r, RX_COMP_CODED, &st), &st);
	through_store(&back, &r);
	warm = back.data.b;
	cap = back.data.cap;
	for (i = 0; i < 1000; i++) {
		rx_record_reset(&back);
		back.type = RX_OBSERVATION;
		ok(rx_record_decode(&back, RX_COMP_CODED, buf.b, buf.len,
		    &st), &st);
	}
	assert_ptr_equal(back.data.b, warm);
	assert_int_equal(back.data.cap, cap);
	rx_record_free(&r);
	rx_record_free(&back);
	rx_buf_free(&buf);
}

static void
test_reset_wipes_what_was_there(void **state)
{
	struct rx_record r;
	const uint8_t *data;
	size_t n;

	(void)state;
	accepts(&r, RX_CHILD, "type", NULL);
	data = r.data.b;
	n = r.data.cap;
	assert_non_null(memmem(data, n, "小禾", 6));	/* control */
	rx_record_reset(&r);
	assert_null(memmem(data, n, "小禾", 6));
	assert_false(has_fields(&r));
	assert_false(r.identity);
	assert_string_equal(rx_record_text(&r, RX_F_NAME), "");
	rx_record_free(&r);
}

/* ---- JSON out ---- */

static void
test_closed_compartments_are_not_in_the_json(void **state)
{
	struct rx_record r;
	json_t *json;

	(void)state;
	accepts(&r, RX_CHILD, "type", NULL);
	ok(rx_record_json(&json, &r, &st), &st);
	assert_non_null(json_object_get(json, "name"));		/* control */
	json_decref(json);
	r.identity = false;
	ok(rx_record_json(&json, &r, &st), &st);
	assert_null(json_object_get(json, "name"));
	assert_null(json_object_get(json, "id_number"));
	assert_non_null(json_object_get(json, "sex"));
	json_decref(json);
	rx_record_free(&r);

	accepts(&r, RX_INTERVENTION, "type", NULL);
	r.narrative = false;
	ok(rx_record_json(&json, &r, &st), &st);
	assert_null(json_object_get(json, "note"));
	assert_null(json_object_get(json, "need"));
	assert_true(json_is_true(json_object_get(json, "has_need")));
	json_decref(json);
	rx_record_free(&r);
}

static void
test_code_in_no_list_is_corrupt_in_json(void **state)
{
	struct rx_record r;
	json_t *json;

	(void)state;
	rx_record_init(&r);
	r.type = RX_OBSERVATION;
	ok(rx_record_set_int(&r, RX_F_RISK, 999, &st), &st);
	refused(rx_record_json(&json, &r, &st), RX_ECORRUPT, &st);
	assert_null(json);
	ok(rx_record_set_int(&r, RX_F_RISK, 1, &st), &st);
	ok(rx_record_json(&json, &r, &st), &st);
	json_decref(json);
	(void)sample(&r, RX_F_SIGNS);	/* 65535 is among them */
	refused(rx_record_json(&json, &r, &st), RX_ECORRUPT, &st);
	rx_record_free(&r);
}

/* ---- writing ---- */

static void
test_writing_what_does_not_fit_the_kind_is_a_bug(void **state)
{
	static const int64_t zero = 0, one = 1;
	static const uint8_t id[RX_ID_BYTES];
	struct rx_record r;

	(void)state;
	rx_record_init(&r);
	refused(rx_record_set_int(&r, RX_F_NAME, 1, &st), RX_EINTERNAL, &st);
	refused(rx_record_set_int(&r, RX_F_RISK, 0, &st), RX_EINTERNAL, &st);
	refused(rx_record_set_int(&r, RX_F_DELIVERED, 2, &st), RX_EINTERNAL,
	    &st);
	refused(rx_record_set_text(&r, RX_F_RISK, "red", 3, &st),
	    RX_EINTERNAL, &st);
	refused(rx_record_set_text(&r, RX_F_LEAD_UNIT, "350102", 6, &st),
	    RX_EINTERNAL, &st);
	refused(rx_record_set_items(&r, RX_F_SIGNS, &zero, 1, &st),
	    RX_EINTERNAL, &st);
	refused(rx_record_set_items(&r, RX_F_RISK, &one, 1, &st),
	    RX_EINTERNAL, &st);
	refused(rx_record_set_ids(&r, RX_F_FLAG, id, 0, &st), RX_EINTERNAL,
	    &st);
	assert_false(has_fields(&r));
	rx_record_free(&r);
}

/* Of a length that its stored form has no room for: 24 bits. */
static void
test_writing_more_than_can_be_stored_is_a_bug(void **state)
{
	const size_t items = (1 << 24) / sizeof(int64_t);
	const size_t ids = (1 << 24) / RX_ID_BYTES;
	int64_t *many = malloc(items * sizeof(*many));
	struct rx_record r;
	size_t i;

	(void)state;
	assert_non_null(many);
	for (i = 0; i < items; i++)
		many[i] = 1;
	rx_record_init(&r);
	refused(rx_record_set_items(&r, RX_F_SIGNS, many, items, &st),
	    RX_EINTERNAL, &st);
	refused(rx_record_set_ids(&r, RX_F_CHILDREN, (const uint8_t *)many,
	    ids, &st), RX_EINTERNAL, &st);
	assert_false(has_fields(&r));
	/* The control: one less. */
	ok(rx_record_set_items(&r, RX_F_SIGNS, many, items - 1, &st), &st);
	ok(rx_record_set_ids(&r, RX_F_CHILDREN, (const uint8_t *)many,
	    ids - 1, &st), &st);
	rx_record_free(&r);
	free(many);
}

/* No record is of it: it would be read as having no fields, and written so. */
static void
test_type_that_is_none_is_a_bug(void **state)
{
	static const enum rx_type types[] = { (enum rx_type)0, RX_TYPE_COUNT };
	struct rx_buf out = RX_BUF_INIT;
	struct rx_record r;
	size_t i;

	(void)state;
	rx_record_init(&r);
	ok(rx_record_set_text(&r, RX_F_REASON, "x", 1, &st), &st);
	for (i = 0; i < 2; i++) {
		r.type = types[i];
		refused(rx_record_encode(&out, &r, RX_COMP_NARRATIVE, &st),
		    RX_EINTERNAL, &st);
		assert_int_equal(out.len, 0);
		refused(rx_record_decode(&r, RX_COMP_NARRATIVE, "", 0, &st),
		    RX_EINTERNAL, &st);
		assert_string_equal(rx_record_text(&r, RX_F_REASON), "x");
	}
	r.type = RX_FLAG;				/* the control */
	ok(rx_record_encode(&out, &r, RX_COMP_NARRATIVE, &st), &st);
	ok(rx_record_decode(&r, RX_COMP_NARRATIVE, out.b, out.len, &st), &st);
	rx_buf_free(&out);
	rx_record_free(&r);
}

static void
test_text_unit_or_reference_is_no_number(void **state)
{
	static const enum rx_kind kinds[] = { RX_K_TEXT, RX_K_NOTE, RX_K_UNIT,
	    RX_K_ID, RX_K_IDS, RX_K_REF, RX_K_REFS };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		assert_false(rx_kind_takes(kinds[i], 1));
	assert_true(rx_kind_takes(RX_K_CODE, 1));
}

static void
test_writing_a_text_checks_it_as_input(void **state)
{
	struct rx_record r;

	(void)state;
	rx_record_init(&r);
	refused(rx_record_set_text(&r, RX_F_REASON, "a\n", 2, &st), RX_EUSAGE,
	    &st);
	refused(rx_record_set_text(&r, RX_F_REASON, "\xff", 1, &st),
	    RX_EUSAGE, &st);
	refused(rx_record_set_text(&r, RX_F_REASON, "a\0b", 3, &st),
	    RX_EUSAGE, &st);
	assert_false(has_fields(&r));
	ok(rx_record_set_text(&r, RX_F_REASON, "好", 3, &st), &st);
	ok(rx_record_set_text(&r, RX_F_REASON, "不好", 6, &st), &st);
	assert_string_equal(rx_record_text(&r, RX_F_REASON), "不好");
	rx_record_free(&r);
}

static void
test_absent_reads_as_nothing(void **state)
{
	struct rx_record r;
	unsigned f;

	(void)state;
	rx_record_init(&r);
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		assert_int_equal(rx_record_int(&r, (enum rx_field)f), 0);
		assert_string_equal(rx_record_text(&r, (enum rx_field)f), "");
		assert_int_equal(rx_record_item(&r, (enum rx_field)f, 0), 0);
		assert_null(rx_record_id(&r, (enum rx_field)f, 0));
		assert_false(rx_record_has(&r, (enum rx_field)f, 0));
	}
	rx_record_free(&r);
}

static int
setup(void **state)
{

	(void)state;
	rx_json_init();
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (-1);
	return (rx_date_parse("2025-08-01", &today) ? 0 : -1);
}

static int
clear(void **state)
{

	(void)state;
	rx_status_clear(&st);
	return (0);
}

#define TEST(f) cmocka_unit_test_setup(f, clear)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_import_example_parses_and_round_trips),
		TEST(test_every_optional_key_parses_and_round_trips),
		TEST(test_parsed_values_are_what_was_written),
		TEST(test_null_is_absent),
		TEST(test_defaults_are_not_stored),
		TEST(test_empty_optional_text_and_list_are_absent),
		TEST(test_observation_without_signs_is_taken),
		TEST(test_need_text_sets_has_need),
		TEST(test_small_x_of_an_id_number_is_stored_as_capital),
		TEST(test_delivered_cash_of_nothing_is_taken),
		TEST(test_follow_up_may_lie_in_the_future_and_on_the_day),
		TEST(test_today_is_not_the_future),
		TEST(test_unit_forms_are_taken),
		TEST(test_activity_only_kind_is_taken_for_an_activity),
		TEST(test_limits_are_reached_but_not_passed),
		TEST(test_longest_note_and_many_children_are_stored),
		TEST(test_unknown_key_is_refused),
		TEST(test_key_of_another_type_is_refused),
		TEST(test_what_the_register_sets_is_refused_from_input),
		TEST(test_review_is_refused_from_input),
		TEST(test_form_is_checked_as_it_would_be_parsed),
		TEST(test_other_type_is_refused),
		TEST(test_every_missing_required_key_is_refused),
		TEST(test_every_wrong_json_type_is_refused),
		TEST(test_unknown_code_is_refused_and_quoted),
		TEST(test_name_instead_of_a_code_is_refused_with_the_code),
		TEST(test_message_quotes_a_code_and_a_date),
		TEST(test_message_never_quotes_personal_text),
		TEST(test_message_never_quotes_what_is_no_code_no_date_and_no_unit),
		TEST(test_impossible_date_is_refused),
		TEST(test_future_date_is_refused),
		TEST(test_follow_up_before_the_observation_is_refused),
		TEST(test_wrong_id_number_is_refused),
		TEST(test_any_one_wrong_digit_of_an_id_number_is_refused),
		TEST(test_wrong_agency_is_refused),
		TEST(test_control_character_is_refused),
		TEST(test_line_ends_of_windows_in_a_note_become_line_feeds),
		TEST(test_empty_required_text_is_refused),
		TEST(test_empty_required_list_is_refused),
		TEST(test_repeated_item_is_refused),
		TEST(test_endless_code_list_is_refused),
		TEST(test_amount_out_of_range_is_refused),
		TEST(test_sessions_out_of_range_are_refused),
		TEST(test_activity_only_kind_is_refused_for_an_intervention),
		TEST(test_wrong_unit_is_refused),
		TEST(test_what_is_no_object_is_refused),
		TEST(test_every_field_of_every_type_round_trips),
		TEST(test_tags_are_unique_and_ascend),
		TEST(test_encoding_does_not_depend_on_the_order_of_writing),
		TEST(test_encode_takes_only_its_compartment),
		TEST(test_unresolved_reference_is_not_stored),
		TEST(test_field_of_another_type_is_not_stored),
		TEST(test_every_truncation_is_refused),
		TEST(test_unknown_tag_is_refused),
		TEST(test_field_of_another_compartment_or_type_is_refused),
		TEST(test_wrong_length_is_refused),
		TEST(test_repeated_or_disordered_field_is_refused),
		TEST(test_impossible_value_is_refused),
		TEST(test_damaged_bytes_are_refused_or_mean_themselves),
		TEST(test_decode_into_a_warm_record_does_not_allocate),
		TEST(test_reset_wipes_what_was_there),
		TEST(test_closed_compartments_are_not_in_the_json),
		TEST(test_code_in_no_list_is_corrupt_in_json),
		TEST(test_writing_what_does_not_fit_the_kind_is_a_bug),
		TEST(test_writing_a_text_checks_it_as_input),
		TEST(test_absent_reads_as_nothing),
		cmocka_unit_test(
		    test_kept_file_says_until_when_and_why_and_no_other_does),
		cmocka_unit_test(test_writing_more_than_can_be_stored_is_a_bug),
		cmocka_unit_test(test_type_that_is_none_is_a_bug),
		cmocka_unit_test(test_text_unit_or_reference_is_no_number),
	};

	return (cmocka_run_group_tests_name("record", tests, setup, NULL));
}
