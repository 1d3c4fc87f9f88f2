#include "tests/fixture.h"

#include "base/date.h"
#include "register/save.h"
#include "web/form.h"

/* What the director's pages stand on: drafts, masked names, the search, and
 * forms that become records. */

static struct rx_status st;

/* ---- drafts ---- */

static bool
has_draft(struct rx_session *s, const uint8_t *id)
{
	struct rx_buf places = RX_BUF_INIT;
	bool found;

	ok(rx_draft_places(s, &places, &st), &st);
	found = rx_draft_among(s, &places, id);
	rx_buf_free(&places);
	return (found);
}

static void
draft_is(struct rx_session *s, const uint8_t *id, const char *want)
{
	struct rx_buf text = RX_BUF_INIT;
	bool found;

	assert_int_equal(has_draft(s, id), want != NULL);
	ok(rx_draft_load(s, id, &text, &found, &st), &st);
	assert_int_equal(found, want != NULL);
	if (want != NULL) {
		assert_int_equal(text.len, strlen(want));
		assert_memory_equal(text.b, want, text.len);
	}
	rx_buf_free(&text);
}

static void
draft_put(struct rx_session *s, const uint8_t *id, const char *text)
{

	ok(rx_draft_save(s, id, text, strlen(text), &st), &st);
}

static void
test_a_draft_comes_back_until_it_is_dropped(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");

	(void)state;
	draft_is(s, fixture_id[C1], NULL);
	draft_put(s, fixture_id[C1], "first");
	draft_put(s, fixture_id[C1], "second");
	draft_put(s, fixture_id[C2], "other");
	rx_session_close(s);
	s = fixture_open(dir, "d1");
	draft_is(s, fixture_id[C1], "second");
	draft_is(s, fixture_id[C2], "other");
	ok(rx_draft_drop(s, fixture_id[C1], &st), &st);
	ok(rx_draft_drop(s, fixture_id[C1], &st), &st);
	draft_is(s, fixture_id[C1], NULL);
	draft_is(s, fixture_id[C2], "other");
	rx_session_close(s);
}

static void
test_a_draft_is_only_for_who_writes_in_the_case(void **state)
{
	const char *dir = fixture_copy();
	static const char *const others[] = { "d2", "s1", "st", "admin" };
	struct rx_buf text = RX_BUF_INIT;
	struct rx_session *s;
	bool found;
	size_t i;

	(void)state;
	s = fixture_open(dir, "d1");
	draft_put(s, fixture_id[C1], "mine");
	rx_session_close(s);
	for (i = 0; i < 4; i++) {
		s = fixture_open(dir, others[i]);
		assert_false(has_draft(s, fixture_id[C1]));
		refused(rx_draft_load(s, fixture_id[C1], &text, &found, &st),
		    RX_EPERM, &st);
		refused(rx_draft_save(s, fixture_id[C1], "x", 1, &st),
		    RX_EPERM, &st);
		rx_session_close(s);
	}
	s = fixture_open(dir, "d1");
	draft_is(s, fixture_id[C1], "mine");
	rx_session_close(s);
}

static void
test_a_draft_is_no_entry_and_breaks_no_audit(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_audit_head before, after;

	(void)state;
	ok(rx_audit_head(s, &before, &st), &st);
	draft_put(s, fixture_id[C1], "text");
	ok(rx_draft_drop(s, fixture_id[C2], &st), &st);
	ok(rx_audit_head(s, &after, &st), &st);
	assert_int_equal(before.seq, after.seq);
	ok(fixture_verify(s, NULL, &st), &st);
	/* The control: a record is an entry. */
	fixture_save(s, RX_OBSERVATION, "{\"child\":\"c1\",\"date\":"
	    "\"2025-06-09\",\"channel\":\"talk\",\"signs\":[],"
	    "\"risk\":\"green\"}", false, NULL);
	ok(rx_audit_head(s, &after, &st), &st);
	assert_int_equal(before.seq + 1, after.seq);
	draft_is(s, fixture_id[C1], "text");
	rx_session_close(s);
}

static void
test_a_draft_moved_to_another_case_does_not_open(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_buf text = RX_BUF_INIT;
	unsigned opened = 0, corrupt = 0;
	bool found;
	rx_err rc;
	int i;

	(void)state;
	draft_put(s, fixture_id[C1], "of the first");
	draft_put(s, fixture_id[C2], "of the second");
	/* The first row gets the second's box; the second keeps it. */
	fixture_tamper(dir, "UPDATE draft SET sealed = (SELECT d.sealed FROM "
	    "draft AS d WHERE d.place <> draft.place)");
	for (i = C1; i <= C2; i++) {
		rx_status_clear(&st);
		rc = rx_draft_load(s, fixture_id[i], &text, &found, &st);
		opened += rc == RX_OK && found;
		corrupt += rc == RX_ECORRUPT && !found;
	}
	rx_status_clear(&st);
	assert_int_equal(corrupt, 1);
	assert_int_equal(opened, 1);	/* the control */
	rx_buf_free(&text);
	rx_session_close(s);
}

static void
test_the_drafts_place_does_not_name_its_case(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_buf place = RX_BUF_INIT;

	(void)state;
	draft_put(s, fixture_id[C1], "secret-words");
	fixture_blob(dir, "SELECT place FROM draft", &place);
	assert_int_equal(place.len, RX_ID_BYTES);
	assert_memory_not_equal(place.b, fixture_id[C1], RX_ID_BYTES);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM draft "
	    "WHERE instr(sealed, CAST('secret-words' AS BLOB))"), 0);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM draft "
	    "WHERE length(sealed) = 616"), 1);
	rx_buf_free(&place);
	rx_session_close(s);
}

static void
test_a_draft_goes_with_its_case(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_buf text = RX_BUF_INIT;
	bool found;

	(void)state;
	draft_put(s, fixture_id[C1], "gone");
	draft_put(s, fixture_id[C2], "stays");
	ok(rx_child_erase(s, fixture_id[C1], "test", &st), &st);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM draft"), 1);
	refused(rx_draft_load(s, fixture_id[C1], &text, &found, &st),
	    RX_ENOENT, &st);
	draft_is(s, fixture_id[C2], "stays");
	rx_session_close(s);
}

/* They are sealed under a key that goes with the old seed: when the new one is
 * taken, so that nothing is left that nobody opens. */
static void
test_drafts_go_with_the_seed(void **state)
{
	const char *dir = fixture_copy();
	struct rx_secret *p = test_passphrase("a new passphrase");
	struct rx_session *s = fixture_open(dir, "d1");

	(void)state;
	draft_put(s, fixture_id[C1], "old");
	ok(rx_session_passwd(s, p, &st), &st);
	rx_session_close(s);
	/* Not certified yet: the old seed is in use, and the draft is there. */
	ok(rx_session_open(&s, dir, "d1", p, &st), &st);
	draft_is(s, fixture_id[C1], "old");
	rx_session_close(s);
	rx_session_close(fixture_open(dir, "admin"));
	ok(rx_session_open(&s, dir, "d1", p, &st), &st);
	draft_is(s, fixture_id[C1], NULL);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM draft"), 0);
	draft_put(s, fixture_id[C1], "new");
	draft_is(s, fixture_id[C1], "new");
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
	rx_secret_free(p);
}

/* ---- masks and the search ---- */

struct seen {
	size_t n;
	char name[64], phone[64], school[64];
};

static rx_err
see_row(void *cookie, const struct rx_child_row *row, struct rx_status *s)
{
	struct seen *seen = cookie;

	(void)s;
	seen->n++;
	rx_text_copy(seen->name, sizeof(seen->name),
	    rx_record_text(row->child, RX_F_NAME));
	rx_text_copy(seen->school, sizeof(seen->school),
	    rx_record_text(row->child, RX_F_SCHOOL));
	return (RX_OK);
}

static rx_err
see_record(void *cookie, const struct rx_record *r, struct rx_status *s)
{
	struct seen *seen = cookie;

	(void)s;
	if (r->type == RX_CHILD) {
		rx_text_copy(seen->name, sizeof(seen->name),
		    rx_record_text(r, RX_F_NAME));
		rx_text_copy(seen->phone, sizeof(seen->phone),
		    rx_record_text(r, RX_F_PHONE));
		rx_text_copy(seen->school, sizeof(seen->school),
		    rx_record_text(r, RX_F_SCHOOL));
	} else
		seen->n++;
	return (RX_OK);
}

static void
test_names_are_masked_until_asked_and_then_audited(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_audit_head before, after;
	struct seen seen = { 0 };

	(void)state;
	ok(rx_audit_head(s, &before, &st), &st);
	ok(rx_child_glance(s, fixture_id[C1], see_row, &seen, &st), &st);
	assert_string_equal(seen.name, "甲○");
	assert_string_equal(seen.school, "○");
	ok(rx_child_browse(s, "甲", false, see_row, &seen, &st), &st);
	assert_int_equal(seen.n, 2);
	assert_string_equal(seen.name, "甲○");
	ok(rx_audit_head(s, &after, &st), &st);
	assert_int_equal(before.seq, after.seq);
	ok(rx_child_browse(s, "甲", true, see_row, &seen, &st), &st);
	assert_string_equal(seen.name, "甲");
	ok(rx_audit_head(s, &after, &st), &st);
	assert_int_equal(before.seq + 1, after.seq);
	rx_session_close(s);
}

static void
test_a_case_shows_the_fields_that_were_asked_for(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct seen seen = { 0 };

	(void)state;
	ok(rx_child_case(s, fixture_id[C1], 0, see_record, &seen, &st), &st);
	assert_string_equal(seen.name, "甲○");
	assert_string_equal(seen.school, "○");
	assert_string_equal(seen.phone, "");	/* not given */
	assert_int_equal(seen.n, 2);
	ok(rx_child_case(s, fixture_id[C1], 1u << RX_F_SCHOOL, see_record,
	    &seen, &st), &st);
	assert_string_equal(seen.name, "甲○");
	assert_string_equal(seen.school, "一小");
	rx_session_close(s);
	s = fixture_open(fixture_copy(), "d2");
	refused(rx_child_case(s, fixture_id[C1], 0, see_record, &seen, &st),
	    RX_EPERM, &st);
	refused(rx_child_glance(s, fixture_id[C1], see_row, &seen, &st),
	    RX_EPERM, &st);
	rx_session_close(s);
}

static size_t
found(struct rx_session *s, const char *text)
{
	struct seen seen = { 0 };

	ok(rx_child_browse(s, text, false, see_row, &seen, &st), &st);
	return (seen.n);
}

static void
test_the_search_knows_names_initials_and_numbers(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");

	(void)state;
	fixture_save(s, RX_CHILD, "{\"id\":\"K-77\",\"unit\":\"350102001001\","
	    "\"name\":\"单晓婷\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"id_number\":\"11010519491231002X\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    false, NULL);
	assert_int_equal(found(s, ""), 3);
	assert_int_equal(found(s, "晓"), 1);
	assert_int_equal(found(s, "sxt"), 1);
	assert_int_equal(found(s, "DXT"), 1);	/* the other reading of 单 */
	assert_int_equal(found(s, "xt"), 1);
	assert_int_equal(found(s, "xtq"), 0);
	assert_int_equal(found(s, "k-7"), 1);
	assert_int_equal(found(s, "002x"), 1);
	assert_int_equal(found(s, "02x"), 0);	/* too short a part */
	assert_int_equal(found(s, "不在"), 0);
	rx_session_close(s);
}

static rx_err
count_record(void *cookie, const struct rx_record *r, struct rx_status *s)
{

	(void)r;
	(void)s;
	++*(size_t *)cookie;
	return (RX_OK);
}

static rx_err
count_unit(void *cookie, const char *unit, const char *name,
    struct rx_status *s)
{

	(void)s;
	assert_memory_equal(unit, VILLAGE1, RX_UNIT_BYTES);
	assert_true(*name != '\0');
	++*(size_t *)cookie;
	return (RX_OK);
}

static void
test_own_activities_and_units_only(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	size_t n = 0;

	(void)state;
	ok(rx_activity_own_each(s, count_record, &n, &st), &st);
	assert_int_equal(n, 1);
	n = 0;
	ok(rx_unit_own_each(s, false, count_unit, &n, &st), &st);
	assert_int_equal(n, 1);
	rx_session_close(s);
	s = fixture_open(dir, "d2");
	n = 0;
	ok(rx_activity_own_each(s, count_record, &n, &st), &st);
	assert_int_equal(n, 0);
	rx_session_close(s);
	s = fixture_open(dir, "s1");
	refused(rx_activity_own_each(s, count_record, &n, &st), RX_EPERM, &st);
	rx_session_close(s);
}

/* ---- forms ---- */

static void
field(struct rx_request *q, const char *name, const char *value)
{

	ok(rx_fields_add(q->fields, name, value, strlen(value), &st),
	    &st);
}

static void
test_a_form_becomes_the_import_object(void **state)
{
	struct rx_request q = { .post = true };
	struct rx_record r;
	json_t *json;

	(void)state;
	ok(rx_fields_new(&q.fields, &st), &st);
	field(&q, "csrf", "not a field of a record");
	field(&q, "child", "c1");
	field(&q, "date", "2025-06-03");
	field(&q, "kind", "cash_condolence");
	field(&q, "delivered", "1");
	field(&q, "amount_fen", "200.5");
	field(&q, "agency", "");
	field(&q, "note", "a\r\nb");
	ok(rx_form_json(&json, &q, RX_INTERVENTION, &st), &st);
	rx_record_init(&r);
	r.type = RX_INTERVENTION;
	ok(rx_record_parse(&r, json, rx_date_today(), &st), &st);
	assert_int_equal(rx_record_int(&r, RX_F_AMOUNT_FEN), 20050);
	assert_int_equal(rx_record_int(&r, RX_F_DELIVERED), 1);
	assert_int_equal(rx_record_int(&r, RX_F_FACE_TO_FACE), 0);
	assert_false(r.v[RX_F_AGENCY].set);
	assert_string_equal(rx_record_text(&r, RX_F_NOTE), "a\nb");
	json_decref(json);
	rx_record_free(&r);
	rx_fields_free(q.fields);
}

static void
test_amounts_that_are_none_are_refused(void **state)
{
	static const char *const bad[] = {
		"abc", "1.234", "1.", ".5", "-1", "1,000", "1e3", "1.5.0",
		"9999999999999"
	};
	struct rx_request q = { .post = true };
	json_t *json;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok(rx_fields_new(&q.fields, &st), &st);
		field(&q, "amount_fen", bad[i]);
		refused(rx_form_json(&json, &q, RX_INTERVENTION, &st),
		    RX_EUSAGE, &st);
		assert_null(json);
		rx_fields_free(q.fields);
	}
	/* The control. */
	ok(rx_fields_new(&q.fields, &st), &st);
	field(&q, "amount_fen", "0.05");
	ok(rx_form_json(&json, &q, RX_INTERVENTION, &st), &st);
	assert_int_equal(json_integer_value(json_object_get(json,
	    "amount_fen")), 5);
	json_decref(json);
	rx_fields_free(q.fields);
}

static void
test_a_form_comes_back_from_what_it_made(void **state)
{
	struct rx_request q = { .post = true }, again = { .post = true };
	json_t *json, *second;

	(void)state;
	ok(rx_fields_new(&q.fields, &st), &st);
	ok(rx_fields_new(&again.fields, &st), &st);
	field(&q, "signs", "mood_low");
	field(&q, "signs", "grief");
	field(&q, "channel", "talk");
	field(&q, "note", "<b>不是标签</b>");
	ok(rx_form_json(&json, &q, RX_OBSERVATION, &st), &st);
	ok(rx_form_refill(&again, json, &st), &st);
	ok(rx_form_json(&second, &again, RX_OBSERVATION, &st), &st);
	assert_true(json_equal(json, second));
	assert_int_equal(json_array_size(json_object_get(second, "signs")), 2);
	json_decref(json);
	json_decref(second);
	rx_fields_free(q.fields);
	rx_fields_free(again.fields);
}

static void
test_every_field_of_a_form_has_a_label(void **state)
{
	unsigned f;

	(void)state;
	for (f = 0; f < RX_FIELD_COUNT; f++) {
		const bool shown = f != RX_F_FLAG && f != RX_F_RAISES_FLAG &&
		    f != RX_F_SEEN && f != RX_F_HAS_NEED;

		assert_int_equal(rx_form_label((enum rx_field)f) !=
		    RX_MSG_NONE, shown);
	}
}

static void
test_an_amount_too_large_is_refused_for_that(void **state)
{
	static const char *const large[] = { "100000000000.01",
		"100000000001", "99999999999999999999999999" };
	struct rx_request q = { .post = true };
	json_t *json;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		ok(rx_fields_new(&q.fields, &st), &st);
		field(&q, "amount_fen", large[i]);
		assert_int_equal(rx_form_json(&json, &q, RX_INTERVENTION,
		    &st), RX_EUSAGE);
		assert_int_equal(st.msg, RX_MSG_WEB_AMOUNT_RANGE);
		rx_status_clear(&st);
		rx_fields_free(q.fields);
	}
	/* The control: the largest that there is. */
	ok(rx_fields_new(&q.fields, &st), &st);
	field(&q, "amount_fen", "100000000000.00");
	ok(rx_form_json(&json, &q, RX_INTERVENTION, &st), &st);
	assert_int_equal(json_integer_value(json_object_get(json,
	    "amount_fen")), 10000000000000);
	json_decref(json);
	rx_fields_free(q.fields);
}

/* ---- numbers of children ---- */

#define NEW_CHILD "\"name\":\"无号\",\"sex\":\"f\"," \
    "\"birth\":\"2014-05\",\"categories\":[\"orphan\"]," \
    "\"legal_basis\":\"statutory_duty\"}"

/* Register a child without an id under ${id}; what rx_child_register says. */
static rx_err
enrol(struct rx_session *s, const uint8_t *id, const char *text,
    struct rx_save_result *result)
{
	json_t *json;
	rx_err rc;

	ok(rx_json_parse(&json, text, strlen(text), &st), &st);
	rc = rx_child_register(s, id, json, result, &st);
	json_decref(json);
	return (rc);
}

static void
test_a_child_without_an_id_gets_the_next_number(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_save_result result;
	struct seen seen = { 0 };
	uint8_t id[RX_ID_BYTES];

	(void)state;
	/* Somebody has the third already. */
	fixture_save(s, RX_CHILD, "{\"id\":\"001-004\",\"unit\":"
	    "\"350102001001\"," NEW_CHILD, false, NULL);
	rx_uuid7(id, rx_time_now());
	ok(enrol(s, id, "{\"unit\":\"350102001001\"," NEW_CHILD, &result),
	    &st);
	assert_string_equal(result.number, "001-005");
	rx_uuid7(id, rx_time_now() + 1);
	ok(enrol(s, id, "{\"unit\":\"350102001001\"," NEW_CHILD, &result),
	    &st);
	assert_string_equal(result.number, "001-006");
	ok(rx_child_browse(s, "1-006", false, see_row, &seen, &st), &st);
	assert_int_equal(seen.n, 1);
	rx_session_close(s);
	/* Another village has numbers of its own. */
	s = fixture_open(fixture_copy(), "d2");
	ok(enrol(s, id, "{\"unit\":\"350102001002\"," NEW_CHILD, &result),
	    &st);
	assert_string_equal(result.number, "002-002");
	rx_session_close(s);
}

static void
test_a_child_registered_twice_is_one(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_save_result result;
	uint8_t id[RX_ID_BYTES];
	int64_t before;

	(void)state;
	rx_uuid7(id, rx_time_now());
	ok(enrol(s, id, "{\"unit\":\"350102001001\"," NEW_CHILD, &result),
	    &st);
	assert_int_equal(result.how, RX_SAVED_NEW);
	assert_memory_equal(result.id, id, RX_ID_BYTES);
	before = fixture_number(dir, "SELECT count(*) FROM child");
	ok(enrol(s, id, "{\"unit\":\"350102001001\"," NEW_CHILD, &result),
	    &st);
	assert_int_equal(result.how, RX_SAVED_PRESENT);
	assert_memory_equal(result.id, id, RX_ID_BYTES);
	refused(enrol(s, id, "{\"phone\":\"1\",\"unit\":\"350102001001\","
	    NEW_CHILD, &result), RX_ECONFLICT, &st);
	/* Nor is another's case taken for it. */
	refused(enrol(s, fixture_id[C3], "{\"unit\":\"350102001001\","
	    NEW_CHILD, &result), RX_ECONFLICT, &st);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM child"),
	    before);
	/* The control: under an id of its own it is another. */
	rx_uuid7(id, rx_time_now() + 1);
	ok(enrol(s, id, "{\"unit\":\"350102001001\"," NEW_CHILD, &result),
	    &st);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM child"),
	    before + 1);
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
}

/* ---- versions ---- */

struct versions {
	size_t n;
	uint64_t changed;		/* by the latest */
	char school[64];
};

static rx_err
see_version(void *cookie, const struct rx_record *r, uint64_t changed,
    struct rx_status *s)
{
	struct versions *v = cookie;

	(void)s;
	v->n++;
	v->changed = changed;
	rx_text_copy(v->school, sizeof(v->school), rx_record_text(r,
	    RX_F_SCHOOL));
	return (RX_OK);
}

static void
test_the_history_tells_what_changed_and_masks(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_audit_head before, after;
	struct versions v = { 0 };

	(void)state;
	ok(rx_audit_head(s, &before, &st), &st);
	ok(rx_child_history(s, fixture_id[C2], fixture_id[C2], 0, see_version,
	    &v, &st), &st);
	assert_int_equal(v.n, 2);
	assert_int_equal(v.changed, UINT64_C(1) << RX_F_SCHOOL);
	assert_string_equal(v.school, "○");
	ok(rx_child_history(s, fixture_id[C2], fixture_id[C2],
	    1u << RX_F_SCHOOL, see_version, &v, &st), &st);
	assert_string_equal(v.school, "二小");
	ok(rx_audit_head(s, &after, &st), &st);
	assert_int_equal(before.seq + 2, after.seq);
	v.n = 0;
	ok(rx_child_history(s, fixture_id[C1], fixture_id[O1], 0, see_version,
	    &v, &st), &st);
	assert_int_equal(v.n, 2);
	assert_int_not_equal(v.changed, 0);
	v.n = 0;
	ok(rx_activity_history(s, fixture_id[A1], see_version, &v, &st), &st);
	assert_int_equal(v.n, 1);
	assert_int_equal(v.changed, 0);
	rx_session_close(s);
}

/* One among several, of as many: of codes, and of children. */
static void
test_the_history_tells_what_changed_in_a_list(void **state)
{
#define CAMP(child, venue) "{\"id\":\"a1\",\"unit\":\"350102001001\"," \
	    "\"date\":\"2025-06-01\",\"kind\":\"theme_activity\",\"venue\":" \
	    "\"" venue "\",\"held\":true,\"children\":[\"" child "\"]}"
#define SIGN(sign) "{\"id\":\"o1\",\"child\":\"c1\",\"date\":" \
	    "\"2025-06-01\",\"channel\":\"home_visit\",\"signs\":[" \
	    "\"mood_low\",\"" sign "\"],\"risk\":\"yellow\",\"note\":\"x\"}"
	static const struct {
		enum rx_type type;
		const char *text;
		uint64_t changed;
	} corrections[] = {
		{ RX_ACTIVITY, CAMP("c2", "hall"),
		    UINT64_C(1) << RX_F_CHILDREN },
		{ RX_ACTIVITY, CAMP("c2", "yard"), UINT64_C(1) << RX_F_VENUE },
		{ RX_OBSERVATION, SIGN("self_harm"), ~UINT64_C(0) },
		{ RX_OBSERVATION, SIGN("death_talk"),
		    UINT64_C(1) << RX_F_SIGNS }
	};
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct versions v;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(corrections) / sizeof(corrections[0]); i++) {
		fixture_save(s, corrections[i].type, corrections[i].text, true,
		    NULL);
		if (corrections[i].type == RX_ACTIVITY)
			ok(rx_activity_history(s, fixture_id[A1], see_version,
			    &v, &st), &st);
		else
			ok(rx_child_history(s, fixture_id[C1], fixture_id[O1],
			    0, see_version, &v, &st), &st);
		if (corrections[i].changed != ~UINT64_C(0))
			assert_int_equal(v.changed, corrections[i].changed);
	}
	rx_session_close(s);
#undef CAMP
#undef SIGN
}

static void
test_the_history_is_for_who_writes_in_the_case(void **state)
{
	static const char *const others[] = { "d2", "s1", "st", "admin" };
	const char *dir = fixture_copy();
	struct versions v = { 0 };
	struct rx_session *s;
	size_t i;

	(void)state;
	for (i = 0; i < 4; i++) {
		s = fixture_open(dir, others[i]);
		refused(rx_child_history(s, fixture_id[C1], fixture_id[O1], 0,
		    see_version, &v, &st), RX_EPERM, &st);
		if (strcmp(others[i], "st") != 0)
			refused(rx_activity_history(s, fixture_id[A1],
			    see_version, &v, &st), RX_EPERM, &st);
		rx_session_close(s);
	}
	s = fixture_open(dir, "d1");
	/* A record of another case is not found in this one. */
	refused(rx_child_history(s, fixture_id[C2], fixture_id[O1], 0,
	    see_version, &v, &st), RX_ENOENT, &st);
	refused(rx_child_history(s, fixture_id[C1], fixture_id[A1], 0,
	    see_version, &v, &st), RX_ENOENT, &st);
	refused(rx_activity_history(s, fixture_id[O1], see_version, &v, &st),
	    RX_ENOENT, &st);
	assert_int_equal(v.n, 0);
	ok(rx_child_history(s, fixture_id[C1], fixture_id[O1], 0, see_version,
	    &v, &st), &st);	/* the control */
	rx_session_close(s);
}

/* ---- what cannot be, and what ends ---- */

/* Save JSON text; what rx_save says. */
static rx_err
try_save(struct rx_session *s, enum rx_type type, const char *text,
    bool correct, struct rx_save_result *result)
{
	json_t *json;
	rx_err rc;

	ok(rx_json_parse(&json, text, strlen(text), &st), &st);
	rc = rx_save(s, type, json, correct, result, &st);
	json_decref(json);
	return (rc);
}

static void
test_an_activity_before_a_childs_birth_is_refused(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_save_result result;

	(void)state;
	assert_int_equal(try_save(s, RX_ACTIVITY, "{\"id\":\"early\",\"unit\":"
	    "\"350102001001\",\"date\":\"1999-01-01\",\"kind\":"
	    "\"theme_activity\",\"held\":true,\"children\":[\"c1\"]}", false,
	    &result), RX_EUSAGE);
	assert_int_equal(st.msg, RX_MSG_DATE_BEFORE_BIRTH);
	rx_status_clear(&st);
	/* The control: without the child there is nothing against it. */
	ok(try_save(s, RX_ACTIVITY, "{\"id\":\"early\",\"unit\":"
	    "\"350102001001\",\"date\":\"1999-01-01\",\"kind\":"
	    "\"theme_activity\",\"held\":true}", false, &result), &st);
	rx_session_close(s);
}

static void
test_a_correction_keeps_who_took_part_before_a_withdrawal(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_save_result result;
	static const char with[] = "{\"id\":\"camp\",\"unit\":"
	    "\"350102001001\",\"date\":\"2025-06-01\",\"kind\":"
	    "\"theme_activity\",\"held\":true,\"venue\":\"%s\","
	    "\"children\":[\"c1\"]}";
	char text[256];

	(void)state;
	(void)snprintf(text, sizeof(text), with, "旧址");
	ok(try_save(s, RX_ACTIVITY, text, false, &result), &st);
	fixture_save(s, RX_CONSENT, "{\"child\":\"c1\",\"date\":"
	    "\"2025-07-01\",\"state\":\"withdrawn\"}", false, NULL);
	(void)snprintf(text, sizeof(text), with, "新址");
	ok(try_save(s, RX_ACTIVITY, text, true, &result), &st);
	assert_int_equal(result.how, RX_SAVED_CORRECTED);
	/* But nobody is added so. */
	fixture_save(s, RX_CONSENT, "{\"child\":\"c2\",\"date\":"
	    "\"2025-07-01\",\"state\":\"withdrawn\"}", false, NULL);
	refused(try_save(s, RX_ACTIVITY, "{\"id\":\"camp\",\"unit\":"
	    "\"350102001001\",\"date\":\"2025-06-01\",\"kind\":"
	    "\"theme_activity\",\"held\":true,\"children\":[\"c1\","
	    "\"c2\"]}", true, &result), RX_EPERM, &st);
	rx_session_close(s);
}

static rx_err
see_due(void *cookie, const struct rx_child_row *row, struct rx_status *s)
{

	(void)s;
	*(int32_t *)cookie = row->due;
	return (RX_OK);
}

static void
test_a_child_seen_after_a_closing_outcome_is_due_again(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	int32_t due = -1;

	(void)state;
	fixture_save(s, RX_INTERVENTION, "{\"child\":\"c2\",\"date\":"
	    "\"2025-08-01\",\"kind\":\"companionship\",\"delivered\":true,"
	    "\"outcome\":\"moved_out\"}", false, NULL);
	ok(rx_child_glance(s, fixture_id[C2], see_due, &due, &st), &st);
	assert_int_equal(due, 0);	/* the control */
	fixture_save(s, RX_OBSERVATION, "{\"child\":\"c2\",\"date\":"
	    "\"2025-09-01\",\"channel\":\"talk\",\"signs\":[],\"risk\":"
	    "\"green\"}", false, NULL);
	ok(rx_child_glance(s, fixture_id[C2], see_due, &due, &st), &st);
	assert_int_not_equal(due, 0);
	/* One entered late, of before, does not reopen. */
	fixture_save(s, RX_INTERVENTION, "{\"child\":\"c2\",\"date\":"
	    "\"2025-10-01\",\"kind\":\"companionship\",\"delivered\":true,"
	    "\"outcome\":\"moved_out\"}", false, NULL);
	fixture_save(s, RX_OBSERVATION, "{\"child\":\"c2\",\"date\":"
	    "\"2025-09-02\",\"channel\":\"talk\",\"signs\":[],\"risk\":"
	    "\"green\"}", false, NULL);
	ok(rx_child_glance(s, fixture_id[C2], see_due, &due, &st), &st);
	assert_int_equal(due, 0);
	rx_session_close(s);
}

/* ---- what a session has read before ---- */

struct counted {
	const uint8_t *id;
	unsigned observations;
	bool there, flagged;
};

static rx_err
count_child(void *cookie, const struct rx_child_row *row, struct rx_status *s)
{
	struct counted *c = cookie;

	(void)s;
	if (memcmp(row->child->id, c->id, RX_ID_BYTES) == 0) {
		c->there = true;
		c->observations = row->observations;
		c->flagged = row->flagged;
	}
	return (RX_OK);
}

static struct counted
counted(struct rx_session *s, enum fixture_id child)
{
	struct counted c = { .id = fixture_id[child] };

	ok(rx_child_browse(s, "", false, count_child, &c, &st), &st);
	return (c);
}

static void
test_a_list_seen_before_shows_what_others_wrote_since(void **state)
{
	static const char observation[] = "{\"id\":\"new\",\"child\":\"c2\","
	    "\"date\":\"2025-06-20\",\"channel\":\"talk\",\"signs\":[],"
	    "\"risk\":\"green\"}", corrected[] = "{\"id\":\"new\",\"child\":"
	    "\"c2\",\"date\":\"2025-06-20\",\"channel\":\"talk\",\"signs\":"
	    "[\"death_talk\"],\"risk\":\"red\"}";
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_session *other = fixture_open(dir, "d1");
	const struct counted before = counted(s, C2);

	(void)state;
	assert_true(before.there && !before.flagged);
	fixture_save(other, RX_OBSERVATION, observation, false, NULL);
	assert_int_equal(counted(s, C2).observations, before.observations + 1);
	/* A new version is not one more observation, but what it says counts. */
	fixture_save(other, RX_OBSERVATION, corrected, true, NULL);
	assert_int_equal(counted(s, C2).observations, before.observations + 1);
	assert_true(counted(s, C2).flagged);
	ok(rx_child_erase(other, fixture_id[C2], "test", &st), &st);
	assert_false(counted(s, C2).there);
	rx_session_close(other);
	rx_session_close(s);
}

static void
test_a_list_in_a_transaction_remembers_nothing(void **state)
{
	static const char record[] = "{\"child\":\"c2\",\"date\":\"2025-06-20\","
	    "\"channel\":\"talk\",\"signs\":[\"death_talk\"],\"risk\":"
	    "\"green\"}";
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	json_t *json = json_loads(record, 0, NULL);
	struct rx_save_result result;
	struct rx_saver *sv;
	struct rx_record r;

	(void)state;
	assert_non_null(json);
	assert_false(counted(s, C2).flagged);
	rx_record_init(&r);
	r.type = RX_OBSERVATION;
	ok(rx_record_parse(&r, json, rx_date_today(), &st), &st);
	ok(rx_saver_new(&sv, s, false, &st), &st);
	ok(rx_saver_put(sv, &r, false, &result, &st), &st);
	assert_true(counted(s, C2).flagged);
	rx_saver_free(sv);	/* rolls back */
	assert_false(counted(s, C2).flagged);
	rx_record_free(&r);
	json_decref(json);
	rx_session_close(s);
}

/* ---- the sum that a save keeps ---- */

/* The record ${id} as it is stored. */
static void
read_back(struct rx_session *s, struct rx_case *c, const uint8_t *id,
    struct rx_record *r)
{
	struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false, found = false;

	ok(rx_query_open(&cur, s->store, RX_Q_CODED_VERSIONS, &arg, 1, &st),
	    &st);
	while (!found) {
		ok(rx_query_next(cur, &row, &st), &st);
		assert_true(row);
		ok(rx_row_open(s, c, cur, RX_TABLE_RECORD, 0, false, r, &st),
		    &st);
		found = memcmp(r->id, id, RX_ID_BYTES) == 0;
	}
	rx_query_close(cur);
}

static void
same_state(const struct rx_case_state *a, const struct rx_case_state *b)
{

#define SAME(f) assert_int_equal(a->f, b->f)
	SAME(observations);
	SAME(interventions);
	SAME(risk);
	SAME(last);
	SAME(due);
	SAME(flagged);
	SAME(withdrawn);
	SAME(closed);
	SAME(moved);
	SAME(above);
	SAME(closed_on);
	SAME(consent_on);
	SAME(kept_until);
	SAME(kept_on);
	SAME(birth);
	SAME(version);
	SAME(reviewed);
#undef SAME
}

/* What a save adds up is what reading the whole case says, record after record. */
static void
test_a_record_added_to_the_sum_is_the_case_read_anew(void **state)
{
	static const struct {
		enum rx_type type;
		const char *text;
	} saves[] = {
#define VISIT(date, sign, risk, more) { RX_OBSERVATION, "{\"child\":\"c2\"," \
	"\"date\":\"" date "\",\"channel\":\"home_visit\",\"signs\":[\"" \
	sign "\"],\"risk\":\"" risk "\"" more "}" }
		VISIT("2025-06-06", "mood_low", "orange", ""),
		VISIT("2025-06-08", "mood_low", "red", ""),
		VISIT("2025-06-09", "mood_low", "red", ""),
		VISIT("2025-06-07", "grief", "green", ""),	/* late */
		VISIT("2025-06-09", "grief", "yellow",
		    ",\"follow_up_on\":\"2026-01-05\""),
		VISIT("2025-06-10", "runaway", "yellow", ""),
		VISIT("2025-06-11", "self_harm", "green", ""),
		{ RX_FLAG, "{\"child\":\"c2\",\"date\":\"2025-06-11\","
		    "\"reason\":\"x\"}" },
		{ RX_INTERVENTION, "{\"child\":\"c2\",\"date\":"
		    "\"2025-06-12\",\"kind\":\"visit_condolence\","
		    "\"delivered\":true,\"face_to_face\":true,"
		    "\"professional\":false,\"outcome\":"
		    "\"improved\"}" },
		{ RX_INTERVENTION, "{\"child\":\"c2\",\"date\":"
		    "\"2025-06-13\",\"kind\":\"visit_condolence\","
		    "\"delivered\":true,\"face_to_face\":true,"
		    "\"professional\":false,\"outcome\":"
		    "\"moved_out\"}" },
		VISIT("2025-06-14", "mood_low", "green", ""),	/* is back */
		{ RX_CONSENT, "{\"child\":\"c2\",\"date\":\"2025-06-15\","
		    "\"state\":\"given\"}" },
		{ RX_CONSENT, "{\"child\":\"c2\",\"date\":\"2025-06-14\","
		    "\"state\":\"withdrawn\"}" },
		{ RX_CONSENT, "{\"child\":\"c2\",\"date\":\"2025-06-16\","
		    "\"state\":\"withdrawn\"}" },
#undef VISIT
	};
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_save_result result;
	struct rx_case_sum *sum;
	struct rx_case_state now;
	struct rx_record r;
	struct rx_case c;
	char unit[RX_UNIT_BYTES];
	int32_t date;
	bool fits;
	size_t i;

	(void)state;
	rx_record_init(&r);
	ok(rx_case_unit(s, fixture_id[C2], unit, &st), &st);
	rx_case_init(&c);
	ok(rx_case_load(&c, s, fixture_id[C2], unit, RX_CASE_KEYS, &st), &st);
	ok(rx_case_sum_new(&sum, s, &c, &st), &st);
	for (i = 0; i < sizeof(saves) / sizeof(saves[0]); i++) {
		ok(try_save(s, saves[i].type, saves[i].text, false, &result),
		    &st);
		read_back(s, &c, result.id, &r);
		ok(rx_case_sum_add(sum, &r, &fits, &st), &st);
		assert_true(fits);
		ok(rx_case_state(s, &c, &now, NULL, NULL, &st), &st);
		same_state(rx_case_sum_state(sum), &now);
	}
	assert_true(now.flagged && now.withdrawn && !now.closed);
	assert_true(rx_date_parse("2025-06-13", &date));
	assert_int_equal(now.closed_on, date);
	/* What came before all of it, or corrects, is not added. */
	ok(rx_case_sum_add(sum, &r, &fits, &st), &st);
	assert_false(fits);
	r.id[0] = 0xff;
	r.version = 2;
	ok(rx_case_sum_add(sum, &r, &fits, &st), &st);
	assert_false(fits);
	same_state(rx_case_sum_state(sum), &now);
	rx_case_sum_free(sum);
	rx_record_free(&r);
	rx_case_done(&c, s);
	rx_session_close(s);
}

/* ---- what is sealed before it is known to be right ---- */

/* The record ${r} of the case as it was gathered, but for one thing. */
static void
test_what_is_sealed_aside_is_taken_for_nothing_else(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_sealing w;
	struct rx_record r;
	struct rx_case c;
	static const uint8_t tag[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];

	(void)state;
	ok(rx_case_unit(s, fixture_id[C1], unit, &st), &st);
	rx_case_init(&c);
	ok(rx_case_load(&c, s, fixture_id[C1], unit, RX_CASE_KEYS, &st), &st);
	rx_record_init(&r);
	r.type = RX_FLAG;
	r.version = 1;
	memcpy(r.child, fixture_id[C1], RX_ID_BYTES);
	memcpy(r.unit, unit, RX_UNIT_BYTES);
	ok(rx_record_set_text(&r, RX_F_CALLER_ID, "f1", 2, &st), &st);
	ok(rx_record_set_int(&r, RX_F_RAISES_FLAG, 2, &st), &st);
	rx_sealing_init(&w);
	ok(rx_sealing_gather(&w, s, &c, &r, tag, &st), &st);
	assert_true(rx_sealing_is(&w, &c, &r));
#define OTHER(change, back) do { \
		change; \
		assert_false(rx_sealing_is(&w, &c, &r)); \
		back; \
		assert_true(rx_sealing_is(&w, &c, &r)); \
	} while (0)
	OTHER(r.type = RX_REPORT, r.type = RX_FLAG);
	OTHER(r.version = 2, r.version = 1);
	OTHER(r.at++, r.at--);
	OTHER(r.id[15] ^= 1, r.id[15] ^= 1);
	OTHER(r.child[0] ^= 1, r.child[0] ^= 1);
	OTHER(r.unit[11] ^= 1, r.unit[11] ^= 1);
	OTHER(r.author[3] ^= 1, r.author[3] ^= 1);
	OTHER(c.e[c.n - 1].epoch++, c.e[c.n - 1].epoch--);
	OTHER(r.v[RX_F_RAISES_FLAG].i = 1, r.v[RX_F_RAISES_FLAG].i = 2);
	OTHER(r.v[RX_F_DATE].set = true, r.v[RX_F_DATE].set = false);
	/* The same words, and yet set anew. */
	ok(rx_record_set_text(&r, RX_F_CALLER_ID, "f1", 2, &st), &st);
	assert_false(rx_sealing_is(&w, &c, &r));
	rx_sealing_free(&w);
	rx_record_free(&r);
	rx_case_done(&c, s);
	rx_session_close(s);
}

static void
test_a_closed_slot_is_taken_for_no_other(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_slot w[2], other;
	struct rx_case c;
	char unit[RX_UNIT_BYTES];

	(void)state;
	ok(rx_case_unit(s, fixture_id[C1], unit, &st), &st);
	rx_case_init(&c);
	ok(rx_case_load(&c, s, fixture_id[C1], unit, RX_CASE_KEYS, &st), &st);
	assert_int_equal(rx_slots_closed(&c, s, w, 0), 0);
	assert_in_range(rx_slots_closed(&c, s, w, 2), 1, 2);
	other = w[0];
	assert_true(rx_slot_same(&w[0], &other));
	other.kind = RX_GRANT_OPEN;
	assert_false(rx_slot_same(&w[0], &other));
	other = w[0];
	other.ctx.epoch++;
	assert_false(rx_slot_same(&w[0], &other));
	other = w[0];
	other.ctx.subject[0] ^= 1;
	assert_false(rx_slot_same(&w[0], &other));
	other = w[0];
	other.recipient[0] ^= 1;
	assert_false(rx_slot_same(&w[0], &other));
	other = w[0];
	other.box_public[0] ^= 1;
	assert_false(rx_slot_same(&w[0], &other));
	rx_case_done(&c, s);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_draft_comes_back_until_it_is_dropped),
		cmocka_unit_test(test_a_draft_is_only_for_who_writes_in_the_case),
		cmocka_unit_test(test_a_draft_is_no_entry_and_breaks_no_audit),
		cmocka_unit_test(test_a_draft_moved_to_another_case_does_not_open),
		cmocka_unit_test(test_the_drafts_place_does_not_name_its_case),
		cmocka_unit_test(test_a_draft_goes_with_its_case),
		cmocka_unit_test(test_drafts_go_with_the_seed),
		cmocka_unit_test(test_names_are_masked_until_asked_and_then_audited),
		cmocka_unit_test(test_a_case_shows_the_fields_that_were_asked_for),
		cmocka_unit_test(test_the_search_knows_names_initials_and_numbers),
		cmocka_unit_test(
		    test_a_list_seen_before_shows_what_others_wrote_since),
		cmocka_unit_test(
		    test_a_list_in_a_transaction_remembers_nothing),
		cmocka_unit_test(test_own_activities_and_units_only),
		cmocka_unit_test(test_a_form_becomes_the_import_object),
		cmocka_unit_test(test_amounts_that_are_none_are_refused),
		cmocka_unit_test(test_a_form_comes_back_from_what_it_made),
		cmocka_unit_test(test_every_field_of_a_form_has_a_label),
		cmocka_unit_test(test_an_amount_too_large_is_refused_for_that),
		cmocka_unit_test(test_a_child_without_an_id_gets_the_next_number),
		cmocka_unit_test(test_a_child_registered_twice_is_one),
		cmocka_unit_test(test_the_history_tells_what_changed_and_masks),
		cmocka_unit_test(test_the_history_tells_what_changed_in_a_list),
		cmocka_unit_test(test_the_history_is_for_who_writes_in_the_case),
		cmocka_unit_test(
		    test_an_activity_before_a_childs_birth_is_refused),
		cmocka_unit_test(
		    test_a_correction_keeps_who_took_part_before_a_withdrawal),
		cmocka_unit_test(
		    test_a_child_seen_after_a_closing_outcome_is_due_again),
		cmocka_unit_test(
		    test_a_record_added_to_the_sum_is_the_case_read_anew),
		cmocka_unit_test(
		    test_what_is_sealed_aside_is_taken_for_nothing_else),
		cmocka_unit_test(test_a_closed_slot_is_taken_for_no_other),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("director", tests, fixture_setup,
	    NULL));
}
