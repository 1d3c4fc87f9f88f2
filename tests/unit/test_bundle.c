/*
 * Copies of the register, and sealed bundles between them.  home is the fixture
 * with d1 (director of a village), d2 (of the next) and s1 (supervisor above);
 * every copy is made of it.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fixture.h"

#define VILLAGE "350102001001"
#define NEXT "350102001002"
#define TOWN "350102001"
#define REGISTER_EPOCHS "SELECT count(*) FROM keys.unit_epoch " \
    "WHERE unit = 'REGISTER' AND epoch > 1"

static struct rx_status st;

#define try(expr) (rx_status_clear(&st), (expr))
#define must(expr) ok(try(expr), &st)
#define refuses(expr, code, name) do { \
	assert_int_equal(try(expr), code); \
	assert_int_equal(st.msg, RX_MSG_##name); \
} while (0)

/* ---- copies ---- */

static void
begin_copy(const char *dir, const char *name)
{
	struct rx_secret *p = test_passphrase("d1-pass");

	must(rx_copy_begin(dir, "d1", p, name, &st));
	rx_secret_free(p);
}

static const char *
copy_of(const char *home, const char *name)
{
	const char *dir = fixture_copy_of(home);

	begin_copy(dir, name);
	return (dir);
}

static const char *
bundle_path(void)
{
	static char path[8][300];
	static const char *dir;
	static unsigned turn;
	char *p = path[turn % 8];

	if (dir == NULL)
		dir = test_dir();
	(void)snprintf(p, sizeof(path[0]), "%s/b%u.rxb", dir, turn++ % 8);
	(void)unlink(p);
	return (p);
}

/* Versions written twice, of all bundles that were opened. */
static size_t conflicts;

/* Make a bundle in the session ${s}. */
static const char *
make(struct rx_session *s, const char *unit)
{
	const char *path = bundle_path();
	struct rx_bundle b;

	must(rx_bundle_make(s, unit, path, &b, &st));
	return (path);
}

static struct rx_bundle
take(struct rx_session *s, const char *path)
{
	struct rx_bundle b;

	must(rx_bundle_open(s, path, true, &b, &st));
	conflicts += b.conflicts;
	return (b);
}

/* From one session to another. */
static struct rx_bundle
carry(struct rx_session *from, const char *unit, struct rx_session *to)
{

	return (take(to, make(from, unit)));
}

static struct rx_audit_head
head_of(struct rx_session *s)
{
	struct rx_audit_head head;

	must(rx_audit_head(s, &head, &st));
	return (head);
}

/* ---- writing ---- */

static rx_err
save(struct rx_session *s, enum rx_type type, bool correct, const char *text,
    uint8_t *id)
{
	struct rx_save_result result;
	json_t *json;
	rx_err rc;

	must(rx_json_parse(&json, text, strlen(text), &st));
	rc = try(rx_save(s, type, json, correct, &result, &st));
	json_decref(json);
	if (rc == RX_OK && id != NULL)
		memcpy(id, result.id, RX_ID_BYTES);
	return (rc);
}

static rx_err
child(struct rx_session *s, const char *id, const char *name, bool correct)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "{\"id\":\"%s\",\"unit\":\""
	    VILLAGE "\",\"name\":\"%s\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    id, name);
	return (save(s, RX_CHILD, correct, text, NULL));
}

static rx_err
observe(struct rx_session *s, const char *id, const char *of,
    const char *sign, const char *note, bool correct)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "{\"id\":\"%s\",\"child\":\"%s\","
	    "\"date\":\"2025-06-03\",\"channel\":\"home_visit\","
	    "\"signs\":[\"%s\"],\"risk\":\"orange\",\"note\":\"%s\"}", id, of,
	    sign, note);
	return (save(s, RX_OBSERVATION, correct, text, NULL));
}

static rx_err
decide(struct rx_session *s, const char *flag, const char *decision)
{
	struct rx_flag_row row;
	rx_err rc;

	if ((rc = try(rx_review_find(s, flag, &row, &st))) != RX_OK)
		return (rc);
	return (rx_review_decide(s, &row, decision, "because", &st));
}

static enum rx_flag_state
flag_state(struct rx_session *s, const char *flag)
{
	struct rx_flag_row row;

	must(rx_review_find(s, flag, &row, &st));
	return (row.state);
}

static rx_err
show(struct rx_session *s, const char *who, const char *reason, size_t *n)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = try(rx_child_find(s, who, id, &st))) != RX_OK)
		return (rc);
	return (fixture_show(s, id, reason, n, &st));
}

/* All of tables 3, 4, 5, what was written twice, where cases moved, and the keys
 * of cases. */
static void
dump(const char *dir, struct rx_buf *out)
{
	static const char *const sql[] = {
		"quote(id) || version || unit || quote(tag) || "
		"quote(name) || quote(id_number) || quote(phone) || "
		"quote(address) || quote(school) || quote(guardian_name) || "
		"quote(guardian_phone) || quote(coded) AS x FROM child "
		"ORDER BY id, version",
		"quote(id) || version || quote(child) || unit || "
		"quote(tag) || quote(coded) || quote(narrative) AS x "
		"FROM record ORDER BY id, version",
		"quote(id) || version || unit || quote(tag) || "
		"quote(coded) AS x FROM activity ORDER BY id, version",
		"source || quote(id) || version || quote(digest) || "
		"quote(child) || quote(stored) AS x FROM conflict "
		"ORDER BY source, id, version, digest",
		"quote(child) || epoch || quote(statement) || "
		"quote(coded) AS x FROM keys.move ORDER BY child, epoch",
		"quote(child) || epoch || unit || quote(coded) AS x "
		"FROM keys.case_key ORDER BY child, epoch",
		"quote(child) || epoch || quote(coded) AS x "
		"FROM keys.case_link ORDER BY child, epoch",
	};
	char all[1000];
	size_t i;

	for (i = 0; i < sizeof(sql) / sizeof(sql[0]); i++) {
		(void)snprintf(all, sizeof(all), "SELECT CAST(coalesce("
		    "group_concat(x), '') AS BLOB) FROM (SELECT %s)", sql[i]);
		fixture_blob(dir, all, out);
	}
}

static bool
content_is_same(const char *a, const char *b)
{
	struct rx_buf x = RX_BUF_INIT, y = RX_BUF_INIT;
	bool same;

	dump(a, &x);
	dump(b, &y);
	same = x.len == y.len && (x.len == 0 ||
	    memcmp(x.b, y.b, x.len) == 0);
	rx_buf_free(&x);
	rx_buf_free(&y);
	return (same);
}

static void
same_content(const char *a, const char *b)
{

	assert_true(content_is_same(a, b));
}

/* ---- both ways ---- */

/* Both have a row of slot_key of the one child that they had not at first. */
static void
both_lead(const char *a, const char *b)
{
	static const char row[] = "SELECT identity || narrative FROM "
	    "keys.slot_key WHERE child NOT IN ($c1, $c2, $c3)";
	struct rx_buf x = RX_BUF_INIT, y = RX_BUF_INIT;

	fixture_blob(a, row, &x);
	fixture_blob(b, row, &y);
	assert_int_equal(x.len, 2 * RX_ENV_KEY_BYTES);
	assert_int_equal(y.len, x.len);
	rx_buf_free(&x);
	rx_buf_free(&y);
}

static void
test_flag_goes_home_and_the_decision_comes_back(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");
	struct rx_bundle b;
	size_t n;

	(void)state;
	assert_int_equal(child(d1, "new", "新", false), RX_OK);
	assert_int_equal(observe(d1, "x1", "new", "self_harm", "help", false),
	    RX_OK);
	assert_int_equal(observe(d1, "x2", "c2", "mood_low", "calm", false),
	    RX_OK);
	b = carry(d1, TOWN, s1);
	assert_int_equal(b.children, 1);
	assert_int_equal(b.records, 2);
	assert_int_equal(b.keys, 1);
	assert_int_equal(b.conflicts + b.skipped + b.refused, 0);
	assert_true(b.present > 0);
	assert_string_equal(b.sender, "d1");
	assert_string_equal(b.copy_name, "村");
	/* The slot came along and what it leads to, so the note of the flagged
	 * case opens. */
	both_lead(home, village);
	assert_int_equal(flag_state(s1, "x1"), RX_FLAG_OPEN);
	assert_int_equal(show(s1, "new", "looking after", &n), RX_OK);
	assert_int_equal(n, 2);
	/* One that is not flagged stays closed to him. */
	assert_int_equal(show(s1, "c2", "curious", &n), RX_EPERM);
	assert_int_equal(decide(s1, "x1", "accept"), RX_OK);
	b = carry(s1, VILLAGE, d1);
	assert_int_equal(b.records, 1);
	assert_int_equal(flag_state(d1, "x1"), RX_FLAG_ACCEPTED);
	same_content(home, village);
	must(fixture_verify(d1, NULL, &st));
	must(fixture_verify(s1, NULL, &st));
	rx_session_close(d1);
	rx_session_close(s1);
}

static struct rx_flag_row
flag_row(struct rx_session *s, const char *flag)
{
	struct rx_flag_row row;

	must(rx_review_find(s, flag, &row, &st));
	return (row);
}

/* Decided by the clock after the correction, by who could not know of it. */
static void
test_what_was_corrected_in_a_copy_before_a_decision_is_decided_again(
    void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");
	struct rx_flag_row row;

	(void)state;
	must(observe(d1, "x1", "c2", "self_harm", "help", false));
	(void)carry(d1, TOWN, s1);
	must(observe(d1, "x1", "c2", "mood_low", "calm", true));
	(void)usleep(3000);
	must(decide(s1, "x1", "close"));
	row = flag_row(s1, "x1");
	assert_int_equal(row.state, RX_FLAG_CLOSED);
	assert_false(row.again);
	(void)carry(d1, TOWN, s1);
	assert_true(flag_row(s1, "x1").again);
	assert_int_equal(flag_row(s1, "x1").state, RX_FLAG_OPEN);
	/* He has the time from the decision on that did not count. */
	assert_true(flag_row(s1, "x1").since >= row.answered);
	must(decide(s1, "x1", "close"));
	(void)carry(s1, VILLAGE, d1);
	assert_false(flag_row(d1, "x1").again);
	assert_int_equal(flag_row(d1, "x1").state, RX_FLAG_CLOSED);
	same_content(home, village);
	rx_session_close(d1);
	rx_session_close(s1);
}

/* Also when the version that he saw has the same number as what stands. */
static void
test_decision_on_a_version_that_lost_is_made_again(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *here = fixture_open(home, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");

	(void)state;
	must(observe(d1, "x1", "c2", "self_harm", "help", false));
	(void)carry(d1, TOWN, s1);
	must(observe(here, "x1", "c2", "mood_low", "calm", true));
	(void)usleep(3000);
	must(observe(d1, "x1", "c2", "death_talk", "afraid", true));
	(void)usleep(3000);
	must(decide(s1, "x1", "close"));
	assert_int_equal(carry(d1, TOWN, s1).conflicts, 1);
	assert_true(flag_row(s1, "x1").again);
	assert_int_equal(flag_row(s1, "x1").state, RX_FLAG_OPEN);
	rx_session_close(d1);
	rx_session_close(here);
	rx_session_close(s1);
}

/* Of two who decided the one counts who saw what stands there. */
static void
test_decision_on_what_stands_is_not_undone_by_an_older_view(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *there = fixture_open(village, "s1");
	struct rx_session *s1 = fixture_open(home, "s1");

	(void)state;
	must(observe(d1, "x1", "c2", "self_harm", "help", false));
	(void)carry(d1, TOWN, s1);
	must(observe(d1, "x1", "c2", "mood_low", "calm", true));
	must(decide(there, "x1", "return"));
	(void)usleep(3000);
	must(decide(s1, "x1", "close"));
	(void)carry(d1, TOWN, s1);
	assert_false(flag_row(s1, "x1").again);
	assert_int_equal(flag_row(s1, "x1").state, RX_FLAG_RETURNED);
	rx_session_close(d1);
	rx_session_close(there);
	rx_session_close(s1);
}

static void
test_case_flagged_in_a_copy_opens_for_the_supervisor_at_home(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");
	size_t n;

	(void)state;
	assert_int_equal(show(s1, "c2", "curious", &n), RX_EPERM);
	assert_int_equal(observe(d1, "x1", "c2", "self_harm", "help", false),
	    RX_OK);
	(void)carry(d1, TOWN, s1);
	assert_int_equal(show(s1, "c2", "looking after", &n), RX_OK);
	/* Closed at home; the copy learns of it, and its slots close too. */
	assert_int_equal(decide(s1, "x1", "close"), RX_OK);
	(void)carry(s1, VILLAGE, d1);
	assert_int_equal(flag_state(d1, "x1"), RX_FLAG_CLOSED);
	rx_session_close(s1);
	s1 = fixture_open(village, "s1");
	assert_int_equal(show(s1, "c2", "curious", &n), RX_EPERM);
	rx_session_close(s1);
	rx_session_close(d1);
}

/* Home closes a flag and gives the case new keys: whoever has no key of it in his
 * copy takes what its slots lead to then all the same, and when it is flagged again
 * he reads it. */
static void
test_newer_keys_of_a_case_come_with_what_its_slots_lead_to(void **state)
{
	static const char epoch[] = "SELECT epoch FROM keys.slot_key WHERE "
	    "child = $c1";
	const char *home = fixture_copy(), *copy = copy_of(home, "镇");
	struct rx_session *s1 = fixture_open(home, "s1"), *d1;
	struct rx_session *away = fixture_open(copy, "s1");
	const struct rx_flag_row flag = fixture_flag(s1);
	size_t n;

	(void)state;
	assert_int_equal(show(away, "c1", "looking after", &n), RX_OK);
	must(rx_review_decide(s1, &flag, "close", "because", &st));
	d1 = fixture_open(home, "d1");
	assert_int_equal(observe(d1, "x1", "c1", "mood_low", "calm", false),
	    RX_OK);
	assert_int_equal(fixture_number(home, epoch), 2);
	assert_int_equal(fixture_number(copy, epoch), 1);
	(void)carry(d1, TOWN, away);
	assert_int_equal(fixture_number(copy, epoch), 2);
	assert_int_equal(show(away, "c1", "curious", &n), RX_EPERM);
	assert_int_equal(observe(d1, "x2", "c1", "self_harm", "help", false),
	    RX_OK);
	(void)carry(d1, TOWN, away);
	assert_int_equal(show(away, "c1", "looking after", &n), RX_OK);
	rx_session_close(away);
	rx_session_close(d1);
	rx_session_close(s1);
}

static void
test_the_same_bundle_again_changes_nothing(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村"), *p;
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");
	struct rx_bundle b;
	uint64_t seq;

	(void)state;
	assert_int_equal(observe(d1, "x1", "c2", "mood_low", "calm", false),
	    RX_OK);
	p = make(d1, TOWN);
	/* A trial keeps nothing. */
	seq = head_of(s1).seq;
	must(rx_bundle_open(s1, p, false, &b, &st));
	assert_int_equal(b.records, 1);
	assert_int_equal(head_of(s1).seq, seq);
	b = take(s1, p);
	assert_int_equal(b.records, 1);
	assert_int_equal(head_of(s1).seq, seq + 1);
	b = take(s1, p);
	assert_int_equal(b.records + b.children + b.keys + b.activities, 0);
	assert_true(b.present > 0);
	assert_int_equal(head_of(s1).seq, seq + 1);
	/* Nor does one's own. */
	seq = head_of(d1).seq;
	p = make(d1, VILLAGE);
	b = take(d1, p);
	assert_int_equal(b.records + b.children + b.keys + b.activities, 0);
	assert_int_equal(head_of(d1).seq, seq + 1);	/* that of making it */
	rx_session_close(d1);
	rx_session_close(s1);
}

static void
test_an_older_bundle_adds_what_is_missing_and_takes_nothing_back(
    void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");
	const char *first, *second;
	struct rx_bundle b;
	uint64_t number;
	int64_t made, then;
	size_t n;

	(void)state;
	first = make(d1, TOWN);
	assert_int_equal(observe(d1, "x1", "c2", "self_harm", "help", false),
	    RX_OK);
	second = make(d1, TOWN);
	(void)take(s1, second);
	must(rx_bundle_last(s1, d1->copy_id, &number, &made, &st));
	assert_int_equal(number, 2);
	b = take(s1, first);
	assert_int_equal(b.records + b.children + b.keys, 0);
	must(rx_bundle_last(s1, d1->copy_id, &number, &then, &st));
	assert_int_equal(number, 2);
	assert_true(then == made);
	/* The slot of the second is still the one that counts. */
	assert_int_equal(show(s1, "c2", "looking after", &n), RX_OK);
	rx_session_close(d1);
	rx_session_close(s1);
}

static void
test_activities_travel_too(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");
	struct rx_bundle b;

	(void)state;
	assert_int_equal(save(d1, RX_ACTIVITY, false, "{\"id\":\"a9\","
	    "\"unit\":\"" VILLAGE "\",\"date\":\"2025-06-01\",\"kind\":"
	    "\"theme_activity\",\"venue\":\"yard\",\"held\":true,"
	    "\"children\":[\"c2\"]}", NULL), RX_OK);
	b = carry(d1, TOWN, s1);
	assert_int_equal(b.activities, 1);
	same_content(home, village);
	rx_session_close(d1);
	rx_session_close(s1);
}

static void
test_no_record_of_another_village_is_in_the_bundle(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *s1 = fixture_open(home, "s1");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *d2 = fixture_open(home, "d2");
	struct rx_bundle b;

	(void)state;
	fixture_save(d2, RX_OBSERVATION, "{\"id\":\"y1\",\"child\":\"c3\","
	    "\"date\":\"2025-06-03\",\"channel\":\"home_visit\",\"signs\":"
	    "[\"mood_low\"],\"risk\":\"green\",\"note\":\"other\"}", false,
	    NULL);
	b = carry(s1, VILLAGE, d1);
	assert_int_equal(b.records, 0);
	assert_int_equal(b.skipped, 0);
	rx_session_close(d2);
	rx_session_close(d1);
	rx_session_close(s1);
}

/* ---- versions written twice ---- */

static rx_err
count_each(void *cookie, const struct rx_record *r, struct rx_status *u)
{

	(void)u;
	assert_true(r->type != 0);
	(*(size_t *)cookie)++;
	return (RX_OK);
}

static void
test_two_corrections_of_one_version_are_both_kept(void **state)
{
	const char *home = fixture_copy(), *a = copy_of(home, "甲"),
	    *b = copy_of(home, "乙");
	struct rx_session *at_a = fixture_open(a, "d1");
	struct rx_session *at_b = fixture_open(b, "d1");
	struct rx_bundle got;
	uint8_t id[RX_ID_BYTES];
	struct rx_session *s1;
	uint64_t seq;
	size_t n;

	(void)state;
	assert_int_equal(observe(at_a, "o3", "c2", "mood_low", "from a", true),
	    RX_OK);
	assert_int_equal(child(at_a, "c2", "甲名", true), RX_OK);
	(void)usleep(3000);
	assert_int_equal(observe(at_b, "o3", "c2", "mood_low", "from b", true),
	    RX_OK);
	assert_int_equal(child(at_b, "c2", "乙名", true), RX_OK);
	got = carry(at_a, VILLAGE, at_b);
	assert_int_equal(got.conflicts, 2);
	got = carry(at_b, VILLAGE, at_a);
	assert_int_equal(got.conflicts, 2);
	same_content(a, b);
	/* Each once, however often they meet. */
	got = carry(at_b, VILLAGE, at_a);
	assert_int_equal(got.conflicts, 0);
	must(rx_child_find(at_a, "c2", id, &st));
	must(rx_conflicts_of(at_a, id, &n, &st));
	assert_int_equal(n, 2);
	n = 0;
	seq = head_of(at_a).seq;
	must(rx_conflict_each(at_a, id, count_each, &n, &st));
	assert_int_equal(n, 2);
	assert_false(rx_store_in_transaction(at_a->store));
	/* Identities were seen; and by nobody who does not write there. */
	assert_int_equal(head_of(at_a).seq, seq + 1);
	s1 = fixture_open(home, "s1");
	carry(at_a, TOWN, s1);
	carry(at_b, TOWN, s1);
	must(rx_conflicts_of(s1, id, &n, &st));
	assert_int_equal(n, 2);
	seq = head_of(s1).seq;
	assert_int_equal(try(rx_conflict_each(s1, id, count_each, &n, &st)),
	    RX_EPERM);
	assert_int_equal(head_of(s1).seq, seq);
	rx_session_close(s1);
	/* Looking at them changes nothing. */
	same_content(a, b);
	must(fixture_verify(at_a, NULL, &st));
	must(fixture_verify(at_b, NULL, &st));
	rx_session_close(at_a);
	rx_session_close(at_b);
}

static rx_err
activity(struct rx_session *s, const char *id, const char *venue, bool correct,
    uint8_t *got)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "{\"id\":\"%s\",\"unit\":\""
	    VILLAGE "\",\"date\":\"2025-06-01\",\"kind\":"
	    "\"theme_activity\",\"held\":true,\"venue\":\"%s\"}", id,
	    venue);
	return (save(s, RX_ACTIVITY, correct, text, got));
}

static rx_err
venue_each(void *cookie, const struct rx_record *r, struct rx_status *u)
{

	(void)u;
	assert_int_equal(r->type, RX_ACTIVITY);
	(void)snprintf(cookie, 64, "%s", rx_record_text(r, RX_F_VENUE));
	return (RX_OK);
}

static void
test_an_activity_corrected_twice_is_shown_to_who_writes_there(void **state)
{
	const char *home = fixture_copy(), *a = copy_of(home, "甲");
	struct rx_session *s = fixture_open(home, "d1");
	struct rx_session *at_a = fixture_open(a, "d1");
	uint8_t id[RX_ID_BYTES], other[RX_ID_BYTES];
	char venue[64] = "";
	uint64_t seq;

	(void)state;
	assert_int_equal(activity(s, "a9", "别处", false, other), RX_OK);
	assert_int_equal(activity(at_a, "a1", "from a", true, id), RX_OK);
	(void)usleep(3000);
	assert_int_equal(activity(s, "a1", "from home", true, NULL), RX_OK);
	assert_int_equal(carry(at_a, VILLAGE, s).conflicts, 1);
	seq = head_of(s).seq;
	must(rx_activity_conflict_each(s, id, venue_each, venue, &st));
	assert_string_equal(venue, "from a");
	assert_false(rx_store_in_transaction(s->store));
	assert_int_equal(head_of(s).seq, seq);
	/* Of the activity that was asked for alone. */
	venue[0] = '\0';
	must(rx_activity_conflict_each(s, other, venue_each, venue, &st));
	assert_string_equal(venue, "");
	must(fixture_verify(s, NULL, &st));
	assert_int_equal(try(rx_activity_conflict_each(s, fixture_id[C1],
	    venue_each, venue, &st)), RX_ENOENT);
	rx_session_close(s);
	s = fixture_open(home, "d2");
	assert_int_equal(try(rx_activity_conflict_each(s, id, venue_each,
	    venue, &st)), RX_EPERM);
	assert_string_equal(venue, "");
	rx_session_close(s);
	rx_session_close(at_a);
}

static int64_t
rows_of(const char *dir, const char *table, const uint8_t id[RX_ID_BYTES])
{
	char hex[2 * RX_ID_BYTES + 1], sql[160];

	rx_hex(hex, id, RX_ID_BYTES);
	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s = x'%s'",
	    table, hex);
	return (fixture_number(dir, sql));
}

/* Nothing of ${id} is in ${dir} but its certificate, and the files were
 * rewritten. */
static void
erased_there(const char *dir, struct rx_session *s,
    const uint8_t id[RX_ID_BYTES])
{
	static const char *const tables[] = { "child WHERE id",
	    "record WHERE child", "conflict WHERE child",
	    "keys.case_key WHERE child", "keys.case_link WHERE child",
	    "main.slot WHERE child" };
	size_t i, n;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		assert_int_equal(rows_of(dir, tables[i], id), 0);
	assert_int_equal(rows_of(dir, "erasure WHERE swept = 1 AND child", id),
	    1);
	must(rx_erasure_verify(s, &n, &st));
	assert_int_equal(n, 1);
	must(fixture_verify(s, NULL, &st));
}

/* A copy that does not know of it yet sends the child again, in two versions;
 * then home tells the copies. */
static void
test_child_erased_at_home_does_not_come_back_in_a_bundle(void **state)
{
	const char *home = fixture_copy(), *a = copy_of(home, "甲"),
	    *b = copy_of(home, "乙");
	struct rx_session *s = fixture_open(home, "d1");
	struct rx_session *at_a = fixture_open(a, "d1");
	struct rx_session *at_b = fixture_open(b, "d1");
	struct rx_bundle got;
	uint8_t id[RX_ID_BYTES];
	size_t n;

	(void)state;
	assert_int_equal(child(at_a, "c2", "甲名", true), RX_OK);
	(void)usleep(3000);
	assert_int_equal(child(at_b, "c2", "乙名", true), RX_OK);
	(void)carry(at_a, VILLAGE, s);
	got = carry(at_b, VILLAGE, s);
	assert_int_equal(got.conflicts, 1);
	assert_int_equal(got.erased, 0);
	must(rx_child_find(s, "c2", id, &st));
	assert_int_equal(rows_of(home, "conflict WHERE child", id), 1);
	must(rx_child_erase(s, id, "迁出", &st));
	/* What was written twice is gone with it. */
	assert_int_equal(rows_of(home, "conflict WHERE child", id), 0);
	assert_int_equal(observe(at_a, "o9", "c2", "mood_low", "more", false),
	    RX_OK);
	assert_int_equal(observe(at_a, "o8", "c1", "mood_low", "more", false),
	    RX_OK);
	got = carry(at_a, VILLAGE, s);
	assert_int_equal(got.erased, 1);
	assert_int_equal(got.records, 1);	/* of c1 */
	must(rx_erasure_verify(s, &n, &st));
	assert_int_equal(n, 1);
	must(fixture_verify(s, NULL, &st));
	/* And home tells the copies, which erase it too. */
	assert_true(rows_of(a, "record WHERE child", id) > 0);
	must(rx_bundle_open(at_a, make(s, VILLAGE), false, &got, &st));
	assert_int_equal(got.gone, 1);
	assert_true(rows_of(a, "record WHERE child", id) > 0);
	got = carry(s, VILLAGE, at_a);
	assert_int_equal(got.gone, 1);
	erased_there(a, at_a, id);
	got = carry(s, VILLAGE, at_a);
	assert_int_equal(got.gone, 0);
	/* One that never had a second version of it, or any record. */
	got = carry(s, VILLAGE, at_b);
	assert_int_equal(got.gone, 1);
	erased_there(b, at_b, id);
	rx_session_close(s);
	rx_session_close(at_a);
	rx_session_close(at_b);
}

static void
test_a_third_copy_learns_of_both_versions(void **state)
{
	const char *home = fixture_copy(), *a = copy_of(home, "甲"),
	    *b = copy_of(home, "乙"), *c = copy_of(home, "丙");
	struct rx_session *at_a = fixture_open(a, "d1");
	struct rx_session *at_b = fixture_open(b, "d1");
	struct rx_session *at_c = fixture_open(c, "d1");

	(void)state;
	assert_int_equal(observe(at_a, "o3", "c2", "mood_low", "from a", true),
	    RX_OK);
	assert_int_equal(observe(at_b, "o3", "c2", "mood_low", "from b", true),
	    RX_OK);
	(void)carry(at_b, VILLAGE, at_a);
	(void)carry(at_a, VILLAGE, at_c);
	same_content(a, c);
	rx_session_close(at_a);
	rx_session_close(at_b);
	rx_session_close(at_c);
}

struct risk {
	const char *want;
	int64_t risk;
};

static rx_err
risk_each(void *cookie, const struct rx_child_row *row, struct rx_status *u)
{
	struct risk *r = cookie;

	(void)u;
	if (strcmp(rx_record_text(row->child, RX_F_CALLER_ID), r->want) == 0)
		r->risk = row->risk;
	return (RX_OK);
}

/* A list that was read before knows that another version stands now. */
static void
test_open_session_lists_the_version_that_stands(void **state)
{
	const char *home = fixture_copy(), *a = copy_of(home, "甲");
	struct rx_session *at_home = fixture_open(home, "d1");
	struct rx_session *other = fixture_open(home, "d1");
	struct rx_session *at_a = fixture_open(a, "d1");
	struct risk before = { "c2", 0 }, after = { "c2", 0 };

	(void)state;
	assert_int_equal(save(at_home, RX_OBSERVATION, true, "{\"id\":\"o3\","
	    "\"child\":\"c2\",\"date\":\"2025-06-04\",\"channel\":"
	    "\"home_visit\",\"signs\":[\"mood_low\"],\"risk\":\"green\"}",
	    NULL), RX_OK);
	(void)usleep(3000);
	assert_int_equal(observe(at_a, "o3", "c2", "mood_low", "later", true),
	    RX_OK);
	must(rx_child_each(other, 0, 0, risk_each, &before, &st));
	assert_int_equal(carry(at_a, VILLAGE, at_home).conflicts, 1);
	must(rx_child_each(other, 0, 0, risk_each, &after, &st));
	assert_int_not_equal(before.risk, after.risk);
	rx_session_close(at_home);
	rx_session_close(other);
	rx_session_close(at_a);
}

static void
digest_of(struct rx_session *s, uint8_t digest[RX_HASH_BYTES])
{

	must(rx_store_manifest_digest(s->store, digest, &st));
}

/* As a page offers it: first what is in it, of bytes that are no file. */
static void
test_a_bundle_looked_at_is_not_taken_until_it_is_kept(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");
	struct rx_buf bytes = RX_BUF_INIT;
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	struct rx_audit_head head;
	struct rx_bundle b;

	(void)state;
	assert_int_equal(observe(d1, "x1", "c2", "mood_low", "calm", false),
	    RX_OK);
	must(rx_bundle_seal(d1, TOWN, SIZE_MAX, &bytes, &b, &st));
	digest_of(s1, before);
	head = head_of(s1);
	must(rx_bundle_merge(s1, bytes.b, bytes.len, false, &b, &st));
	assert_int_equal(b.records, 1);
	assert_string_equal(b.sender, "d1");
	digest_of(s1, after);
	assert_memory_equal(before, after, sizeof(before));
	assert_int_equal(head_of(s1).seq, head.seq);
	must(rx_bundle_merge(s1, bytes.b, bytes.len, true, &b, &st));
	assert_int_equal(b.records, 1);
	assert_int_equal(head_of(s1).seq, head.seq + 1);
	must(rx_bundle_merge(s1, bytes.b, bytes.len, true, &b, &st));
	assert_int_equal(b.records, 0);
	assert_int_equal(head_of(s1).seq, head.seq + 1);
	rx_buf_free(&bytes);
	rx_session_close(s1);
	rx_session_close(d1);
}

struct listed {
	size_t n;
	struct rx_bundle b[3];
};

static rx_err
listed_each(void *cookie, const struct rx_bundle *b, struct rx_status *u)
{
	struct listed *l = cookie;

	(void)u;
	assert_true(l->n < 3);
	l->b[l->n++] = *b;
	return (RX_OK);
}

/* Those that it made stand under its own name; of the others it knows no more than
 * which copy they are of. */
static void
test_a_copy_lists_its_own_bundles_by_name(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");
	struct listed l = { .n = 0 };
	size_t i;

	(void)state;
	(void)make(d1, TOWN);
	(void)make(d1, TOWN);
	(void)carry(s1, VILLAGE, d1);
	must(rx_bundle_each(d1, listed_each, &l, &st));
	assert_int_equal(l.n, 2);
	for (i = 0; i < 2; i++) {
		bool own = memcmp(l.b[i].copy, d1->copy_id, RX_ID_BYTES) == 0;

		assert_string_equal(l.b[i].copy_name, own ? "村" : "");
		assert_string_equal(l.b[i].sender, own ? "d1" : "s1");
		assert_int_equal(l.b[i].number, own ? 2 : 1);
	}
	assert_memory_not_equal(l.b[0].copy, l.b[1].copy, RX_ID_BYTES);
	rx_session_close(s1);
	rx_session_close(d1);
}

/* In the township of s2 nobody has written yet, and no unit has keys. */
static void
test_a_bundle_of_a_township_without_keys_is_made(void **state)
{
	const char *home = fixture_copy(), *town = copy_of(home, "镇");
	struct rx_session *s2 = fixture_open(town, "s2");
	struct rx_session *s1 = fixture_open(town, "s1");
	struct rx_session *at_home = fixture_open(home, "s2");
	const char *path = bundle_path();
	struct rx_bundle b;

	(void)state;
	refuses(rx_bundle_make(s1, "350102002", path, &b, &st), RX_EPERM,
	    NOT_PERMITTED);
	b = carry(s2, "350102002", at_home);
	assert_string_equal(b.sender, "s2");
	assert_string_equal(b.copy_name, "镇");
	assert_int_equal(b.children + b.records + b.keys + b.present, 0);
	assert_int_equal(b.refused + b.skipped, 0);
	rx_session_close(at_home);
	rx_session_close(s1);
	rx_session_close(s2);
}

/* ---- what a copy does not do ---- */

static void
test_signing_in_to_a_copy_writes_nothing(void **state)
{
	static const char *const people[] = { "admin", "d1", "d2", "s1", "st" };
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *s;
	uint64_t seq;
	size_t i;

	(void)state;
	s = fixture_open(village, "d1");
	seq = head_of(s).seq;
	rx_session_close(s);
	for (i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		s = fixture_open(village, people[i]);
		assert_int_equal(head_of(s).seq, seq);
		assert_string_equal(rx_session_copy(s), "村");
		rx_session_close(s);
	}
	s = fixture_open(home, "d1");
	assert_null(rx_session_copy(s));
	rx_session_close(s);
}

static rx_err
keep_codes(void *cookie, const struct rx_codes *c, struct rx_status *u)
{

	(void)cookie;
	(void)c;
	(void)u;
	return (RX_OK);
}

static void
test_what_is_done_at_home_is_refused_in_a_copy(void **state)
{
	const char *const codes[2] = { "", "" };
	const char *village = copy_of(fixture_copy(), "村");
	struct rx_session *admin = fixture_open(village, "admin");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *stat = fixture_open(village, "st");
	struct rx_secret *p = test_passphrase("other-pass");
	struct rx_address a;
	struct rx_handover h;
	uint8_t id[RX_ID_BYTES];
	size_t n;

	(void)state;
	refuses(rx_address_issue(d1, NULL, &a, &st), RX_EPERM,
	    COPY_HOME_ONLY);
	refuses(rx_user_add(admin, "n", RX_ROLE_DIRECTOR, VILLAGE, p, &st),
	    RX_EPERM, COPY_HOME_ONLY);
	refuses(rx_user_disable(admin, "d2", &st), RX_EPERM, COPY_HOME_ONLY);
	refuses(rx_user_reset(admin, "d2", p, &st), RX_EPERM, COPY_HOME_ONLY);
	refuses(rx_user_handover(admin, "d1", "d2", NULL, false, &h, &st),
	    RX_EPERM, COPY_HOME_ONLY);
	refuses(rx_custodian_reissue(admin, codes, keep_codes, NULL, &st),
	    RX_EPERM, COPY_HOME_ONLY);
	refuses(rx_unit_add(admin, "350102099", "镇", "township", "350102",
	    &st), RX_EPERM, COPY_HOME_ONLY);
	refuses(rx_rotate(d1, VILLAGE, &n, &st), RX_EPERM, COPY_HOME_ONLY);
	refuses(rx_session_passwd(d1, p, &st), RX_EPERM, COPY_HOME_ONLY);
	refuses(rx_child_erase(d1, fixture_id[C2], "why", &st), RX_EPERM,
	    COPY_HOME_ONLY);
	refuses(rx_release_add(stat, 0, "{}", 2, id, &st), RX_EPERM,
	    COPY_HOME_ONLY);
	must(fixture_verify(d1, NULL, &st));
	rx_secret_free(p);
	rx_session_close(admin);
	rx_session_close(d1);
	rx_session_close(stat);
}

/* Nothing but what is listed is written in a copy: a new kind of action is
 * refused until somebody thinks of it. */
static void
test_unknown_actions_are_refused_in_a_copy(void **state)
{
	const char *village = copy_of(fixture_copy(), "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	int a, allowed = 0;

	(void)state;
	for (a = 0; a < 256; a++)
		allowed += try(rx_copy_permit(d1, (enum rx_action)a, &st)) ==
		    RX_OK;
	assert_int_equal(allowed, 8);
	rx_session_close(d1);
}

static void
test_a_unit_without_keys_gets_none_in_a_copy(void **state)
{
	const char *home = fixture_copy();
	struct rx_session *admin = fixture_open(home, "admin"), *s;
	struct rx_secret *p = test_passphrase("d9-pass");
	const char *village;

	(void)state;
	must(rx_user_add(admin, "d9", RX_ROLE_DIRECTOR, "350102001004", p,
	    &st));
	rx_secret_free(p);
	rx_session_close(admin);
	village = copy_of(home, "村");
	s = fixture_open(village, "d9");
	assert_int_equal(save(s, RX_CHILD, false, "{\"id\":\"k\",\"unit\":"
	    "\"350102001004\",\"name\":\"李\",\"sex\":\"f\",\"birth\":"
	    "\"2014-05\",\"categories\":[\"left_behind\"],\"legal_basis\":"
	    "\"consent\"}", NULL), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_COPY_UNIT_KEYS);
	rx_session_close(s);
}

static void
test_a_bundle_over_the_limit_is_not_made(void **state)
{
	const char *village = copy_of(fixture_copy(), "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_buf out = RX_BUF_INIT;
	struct rx_audit_head before = head_of(d1);
	struct rx_bundle b;
	size_t n;

	(void)state;
	must(rx_bundle_seal(d1, VILLAGE, SIZE_MAX, &out, &b, &st));
	n = out.len;
	assert_int_equal(b.number, 1);
	assert_int_equal(head_of(d1).seq, before.seq + 1);
	rx_buf_free(&out);
	/* Its size is in steps; too much of rows is seen before that. */
	refuses(rx_bundle_seal(d1, VILLAGE, n - 1, &out, &b, &st), RX_EUSAGE,
	    BUNDLE_TOO_LARGE);
	assert_int_equal(out.len, 0);
	refuses(rx_bundle_seal(d1, VILLAGE, 100, &out, &b, &st), RX_EUSAGE,
	    BUNDLE_TOO_LARGE);
	assert_int_equal(out.len, 0);
	assert_int_equal(head_of(d1).seq, before.seq + 1);
	must(rx_bundle_seal(d1, VILLAGE, n, &out, &b, &st));
	assert_int_equal(b.number, 2);
	rx_buf_free(&out);
	rx_session_close(d1);
}

static void
test_copy_name_and_copy_already_are_refused(void **state)
{
	static const char *const bad[] = { "", "a b", "a:b", "\n",
	    "一二三四五六七八九十一二三四五六七八九十一" };
	const char *village = copy_of(fixture_copy(), "村");
	struct rx_secret *p = test_passphrase("d1-pass");
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(rx_copy_begin(village, "d1", p, bad[i], &st),
		    RX_EUSAGE, COPY_NAME);
	refuses(rx_copy_begin(village, "d1", p, "二", &st), RX_ECONFLICT,
	    COPY_ALREADY);
	rx_secret_free(p);
}

static void
test_restored_copy_is_a_copy_from_the_first_moment(void **state)
{
	const char *home = fixture_copy(), *base = test_dir();
	struct rx_session *s = fixture_open(home, "d1");
	struct rx_secret *p = test_passphrase("d1-pass");
	struct rx_restore ask = { .user = "d1", .passphrase = p,
	    .copy = "村 一" };
	struct rx_restored got;
	char file[300], dir[300], part[330];
	struct stat sb;

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/b", base);
	(void)snprintf(dir, sizeof(dir), "%s/copy/", base);
	(void)snprintf(part, sizeof(part), "%s/.copy.restoring~", base);
	must(rx_backup_create(s, file, &st));
	rx_session_close(s);
	ask.file = file;
	ask.dir = dir;
	refuses(rx_backup_restore(&ask, &got, &st), RX_EUSAGE, COPY_NAME);
	assert_int_not_equal(lstat(dir, &sb), 0);
	assert_int_not_equal(lstat(part, &sb), 0);
	ask.copy = "村";
	must(rx_backup_restore(&ask, &got, &st));
	assert_int_not_equal(lstat(part, &sb), 0);
	s = fixture_open(dir, "d1");
	assert_string_equal(rx_session_copy(s), "村");
	assert_int_equal(head_of(s).seq, got.head.seq + 1);
	rx_session_close(s);
	refuses(rx_backup_restore(&ask, &got, &st), RX_ECONFLICT,
	    RESTORE_NOT_EMPTY);
	rx_secret_free(p);
}

static void
test_children_numbered_in_copies_do_not_share_numbers(void **state)
{
	static const char json[] = "{\"unit\":\"" VILLAGE "\",\"name\":\"李\","
	    "\"sex\":\"f\",\"birth\":\"2014-05\",\"categories\":"
	    "[\"left_behind\"],\"legal_basis\":\"consent\"}";
	const char *village = copy_of(fixture_copy(), "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_save_result result;
	char want[16];
	json_t *o;

	(void)state;
	must(rx_json_parse(&o, json, strlen(json), &st));
	must(rx_save(d1, RX_CHILD, o, false, &result, &st));
	json_decref(o);
	(void)snprintf(want, sizeof(want), "001-%02x-003", d1->copy_id[15]);
	assert_string_equal(result.number, want);
	rx_session_close(d1);
}

/* ---- keys and people ---- */

static void
test_keys_changed_at_home_reach_the_copy(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *s1, *d1, *admin, *at_home;
	struct rx_bundle b;
	size_t n;

	(void)state;
	/* Somebody goes: keys of the register and of the units follow. */
	admin = fixture_open(home, "admin");
	must(rx_user_disable(admin, "gone", &st));
	rx_session_close(admin);
	at_home = fixture_open(home, "d1");	/* rotates, renews the cases */
	s1 = fixture_open(home, "s1");
	d1 = fixture_open(village, "d1");
	/* Written under the old keys meanwhile. */
	assert_int_equal(observe(d1, "x1", "c2", "mood_low", "calm", false),
	    RX_OK);
	assert_int_equal(child(d1, "new", "新", false), RX_OK);
	b = carry(d1, TOWN, s1);
	assert_int_equal(b.records, 1);
	assert_int_equal(b.children, 1);
	assert_int_equal(show(at_home, "c2", NULL, &n), RX_OK);
	b = carry(s1, VILLAGE, d1);
	assert_true(b.keys > 0);
	assert_int_equal(b.skipped, 0);
	assert_int_equal(fixture_number(village, "SELECT count(*) FROM "
	    "keys.case_key WHERE epoch = 2 AND unit = '350102001001'"), 2);
	assert_int_equal(fixture_number(village, "SELECT count(*) FROM "
	    "keys.unit_epoch WHERE unit = '350102001001'"),
	    fixture_number(home, "SELECT count(*) FROM keys.unit_epoch "
	    "WHERE unit = '350102001001'"));
	/* And what is written now lies under the new ones, and goes home. */
	assert_int_equal(observe(d1, "x2", "c2", "mood_low", "new", false),
	    RX_OK);
	b = carry(d1, TOWN, s1);
	assert_int_equal(b.records, 1);
	assert_int_equal(show(d1, "c2", NULL, &n), RX_OK);
	assert_int_equal(show(at_home, "c2", NULL, &n), RX_OK);
	rx_session_close(d1);
	d1 = fixture_open(village, "d1");
	assert_int_equal(show(d1, "c2", NULL, &n), RX_OK);
	must(fixture_verify(d1, NULL, &st));
	must(fixture_verify(at_home, NULL, &st));
	same_content(home, village);
	rx_session_close(d1);
	rx_session_close(s1);
	rx_session_close(at_home);
}

/* A copy was made while somebody waited for new keys, which home certified then.  He
 * takes them when he signs in after the copy has learned of it, and opens what was
 * sealed to those of before as well; until then the copy is too old for him. */
static void
test_keys_that_were_asked_for_are_taken_in_the_copy(void **state)
{
	const char *home = fixture_copy(), *village, *early, *late, *people;
	struct rx_session *at_home = fixture_open(home, "d1");
	struct rx_session *s1 = fixture_open(home, "s1"), *d1, *other;
	struct rx_secret *p = test_passphrase("d1-pass");
	struct rx_bundle b;

	(void)state;
	must(rx_session_passwd(at_home, p, &st));
	rx_secret_free(p);
	rx_session_close(at_home);
	village = copy_of(home, "村");
	early = make(s1, VILLAGE);
	rx_session_close(fixture_open(home, "admin"));	/* certifies them */
	at_home = fixture_open(home, "d1");		/* takes them */
	assert_int_equal(observe(at_home, "x1", "c2", "mood_low", "calm",
	    false), RX_OK);
	people = make(at_home, TOWN);
	late = make(s1, VILLAGE);
	d1 = fixture_open(village, "d1");
	refuses(rx_bundle_open(d1, late, true, &b, &st), RX_ECONFLICT,
	    COPY_STALE);
	rx_session_close(d1);
	other = fixture_open(village, "s1");
	assert_int_equal(take(other, people).records, 1);
	rx_session_close(other);
	d1 = fixture_open(village, "d1");
	assert_string_equal(take(d1, early).sender, "s1");
	assert_string_equal(take(d1, late).sender, "s1");
	assert_int_equal(observe(d1, "x2", "c2", "mood_low", "calm", false),
	    RX_OK);
	assert_int_equal(carry(d1, TOWN, s1).records, 1);
	must(fixture_verify(d1, NULL, &st));
	must(fixture_verify(s1, NULL, &st));
	/* The control: without the keys of before, as at home, it is closed. */
	refuses(rx_bundle_open(at_home, early, true, &b, &st), RX_ECORRUPT,
	    BUNDLE_KEY);
	rx_session_close(at_home);
	rx_session_close(d1);
	rx_session_close(s1);
}

/* Keys of the register that are new at home lock nobody out of a copy that
 * somebody else brought a bundle to. */
static void
test_new_keys_of_the_register_let_everybody_sign_in_to_a_copy(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *s1, *d1, *d2, *s;

	(void)state;
	s = fixture_open(home, "admin");
	must(rx_user_disable(s, "gone", &st));
	rx_session_close(s);
	rx_session_close(fixture_open(home, "d1"));	/* new keys */
	s1 = fixture_open(home, "s1");
	d1 = fixture_open(village, "d1");
	assert_int_equal(fixture_number(village, REGISTER_EPOCHS), 0);
	(void)carry(s1, VILLAGE, d1);
	assert_true(fixture_number(village, REGISTER_EPOCHS) > 0);
	rx_session_close(d1);
	/* Neither is a recipient; the one can take what is sealed to him. */
	rx_session_close(fixture_open(village, "s1"));
	d2 = fixture_open(village, "d2");
	(void)carry(s1, NEXT, d2);
	must(fixture_verify(d2, NULL, &st));
	rx_session_close(d2);
	rx_session_close(s1);
}

/* Enrol ${user} as another director of d1's village, who gets its keys. */
static void
add_director(const char *home, const char *user)
{
	struct rx_session *s = fixture_open(home, "admin");
	struct rx_secret *p;
	char pass[80];

	(void)snprintf(pass, sizeof(pass), "%s-pass", user);
	p = test_passphrase(pass);
	must(rx_user_add(s, user, RX_ROLE_DIRECTOR, VILLAGE, p, &st));
	rx_secret_free(p);
	rx_session_close(s);
	rx_session_close(fixture_open(home, "d1"));
}

static void
disable(const char *home, const char *user)
{
	struct rx_session *s = fixture_open(home, "admin");

	must(rx_user_disable(s, user, &st));
	rx_session_close(s);
}

static void
test_record_signed_after_its_authors_end_is_left_out(void **state)
{
	const char *home = fixture_copy(), *village;
	struct rx_session *d1, *dd, *s1;
	struct rx_bundle b;

	(void)state;
	add_director(home, "dd");
	village = copy_of(home, "村");
	dd = fixture_open(village, "dd");
	assert_int_equal(observe(dd, "early", "c2", "mood_low", "e", false),
	    RX_OK);
	(void)usleep(3000);
	disable(home, "dd");
	(void)usleep(3000);
	assert_int_equal(observe(dd, "late", "c2", "mood_low", "l", false),
	    RX_OK);
	rx_session_close(dd);
	/* His colleague, who does not know, brings both. */
	d1 = fixture_open(village, "d1");
	assert_int_equal(observe(d1, "mine", "c2", "mood_low", "m", false),
	    RX_OK);
	s1 = fixture_open(home, "s1");
	b = carry(d1, TOWN, s1);
	assert_int_equal(b.records, 2);
	assert_int_equal(b.refused, 1);
	/* And the copy cannot go on with a chain that he has signed since. */
	refuses(rx_bundle_open(d1, make(s1, VILLAGE), true, &b, &st),
	    RX_ECONFLICT, COPY_STALE);
	must(fixture_verify(d1, NULL, &st));
	must(fixture_verify(s1, NULL, &st));
	rx_session_close(d1);
	rx_session_close(s1);
}

/* The same of a correction that somebody else made, too: his bundle is taken all
 * the same. */
static void
test_correction_signed_after_its_authors_end_conflicts_with_none(void **state)
{
	const char *home = fixture_copy(), *village;
	struct rx_session *d1, *dd, *s1;
	struct rx_bundle b;

	(void)state;
	add_director(home, "dd");
	village = copy_of(home, "村");
	disable(home, "dd");
	(void)usleep(3000);
	d1 = fixture_open(home, "d1");
	assert_int_equal(observe(d1, "o3", "c2", "mood_low", "home", true),
	    RX_OK);
	rx_session_close(d1);
	dd = fixture_open(village, "dd");
	assert_int_equal(observe(dd, "o3", "c2", "mood_low", "late", true),
	    RX_OK);
	rx_session_close(dd);
	d1 = fixture_open(village, "d1");
	assert_int_equal(observe(d1, "mine", "c2", "mood_low", "m", false),
	    RX_OK);
	s1 = fixture_open(home, "s1");
	b = carry(d1, TOWN, s1);
	assert_int_equal(b.records, 1);
	assert_int_equal(b.refused, 1);
	assert_int_equal(b.conflicts, 0);
	must(fixture_verify(s1, NULL, &st));
	rx_session_close(d1);
	rx_session_close(s1);
	/* What home had is what stands. */
	d1 = fixture_open(home, "d1");
	must(fixture_show(d1, fixture_id[C2], NULL, &(size_t){ 0 }, &st));
	rx_session_close(d1);
}

/* So is a child that he registered, with what others wrote of it. */
static void
test_child_registered_after_its_authors_end_is_left_out(void **state)
{
	const char *home = fixture_copy(), *village;
	struct rx_session *d1, *dd, *s1;
	struct rx_bundle b;

	(void)state;
	add_director(home, "dd");
	village = copy_of(home, "村");
	disable(home, "dd");
	(void)usleep(3000);
	dd = fixture_open(village, "dd");
	assert_int_equal(child(dd, "c9", "丁", false), RX_OK);
	rx_session_close(dd);
	d1 = fixture_open(village, "d1");
	assert_int_equal(observe(d1, "of9", "c9", "mood_low", "m", false),
	    RX_OK);
	assert_int_equal(observe(d1, "mine", "c2", "mood_low", "m", false),
	    RX_OK);
	s1 = fixture_open(home, "s1");
	b = carry(d1, TOWN, s1);
	assert_int_equal(b.records, 1);
	assert_int_equal(b.children, 0);
	assert_int_equal(b.keys, 0);
	assert_int_equal(b.refused, 2);
	assert_int_equal(fixture_number(home, "SELECT count(*) FROM child"),
	    4);
	assert_int_equal(fixture_number(home, "SELECT count(*) FROM "
	    "keys.case_key"), 3);
	must(fixture_verify(s1, NULL, &st));
	rx_session_close(d1);
	rx_session_close(s1);
}

/* A copy had it from another copy before it heard of the end of its author: with
 * the end it goes, and the case opens as before. */
static void
test_record_that_an_end_makes_invalid_goes_from_a_copy(void **state)
{
	const char *home = fixture_copy(), *village, *other;
	struct rx_session *d1, *dd, *there, *s1;
	struct rx_bundle b;
	size_t n, before;

	(void)state;
	add_director(home, "dd");
	village = copy_of(home, "村");
	other = copy_of(home, "乡");
	disable(home, "dd");
	(void)usleep(3000);
	there = fixture_open(other, "d1");
	must(fixture_show(there, fixture_id[C2], NULL, &before, &st));
	dd = fixture_open(village, "dd");
	assert_int_equal(observe(dd, "late", "c2", "mood_low", "l", false),
	    RX_OK);
	rx_session_close(dd);
	d1 = fixture_open(village, "d1");
	b = carry(d1, VILLAGE, there);
	assert_int_equal(b.records, 1);
	rx_session_close(d1);
	must(fixture_show(there, fixture_id[C2], NULL, &n, &st));
	assert_int_equal(n, before + 1);
	s1 = fixture_open(home, "s1");
	b = carry(s1, VILLAGE, there);
	assert_int_equal(b.refused, 1);
	must(fixture_show(there, fixture_id[C2], NULL, &n, &st));
	assert_int_equal(n, before);
	must(fixture_verify(there, NULL, &st));
	rx_session_close(there);
	rx_session_close(s1);
}

static void
test_bundle_nobody_and_not_permitted_are_refused(void **state)
{
	const char *home = fixture_copy();
	struct rx_session *d1 = fixture_open(home, "d1");
	struct rx_session *stat = fixture_open(home, "st");
	struct rx_bundle b;

	(void)state;
	refuses(rx_bundle_make(d1, "350102009001", bundle_path(), &b, &st),
	    RX_ENOENT, BUNDLE_NOBODY);
	refuses(rx_bundle_make(stat, VILLAGE, bundle_path(), &b, &st),
	    RX_EPERM, NOT_PERMITTED);
	refuses(rx_bundle_make(d1, "350102001002", bundle_path(), &b, &st),
	    RX_EPERM, NOT_PERMITTED);
	rx_session_close(d1);
	rx_session_close(stat);
}

static void
test_fingerprints_are_the_same_everywhere(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *d1 = fixture_open(village, "d1");
	struct rx_session *s1 = fixture_open(home, "s1");
	char a[36], b[36], root[36], other[36];
	struct rx_bundle shown;

	(void)state;
	must(rx_user_fingerprint(d1, "d1", a, root, &st));
	must(rx_user_fingerprint(s1, "d1", b, other, &st));
	assert_string_equal(a, b);
	assert_string_equal(root, other);
	assert_int_equal(strlen(a), 35);
	must(rx_user_fingerprint(s1, "s1", b, other, &st));
	assert_string_not_equal(a, b);
	must(rx_bundle_show(s1, make(d1, TOWN), &shown, &st));
	assert_string_equal(shown.fingerprint, a);
	assert_string_equal(shown.root, root);
	assert_true(shown.mine && shown.known);
	refuses(rx_user_fingerprint(s1, "nobody", b, other, &st), RX_ENOENT,
	    USER_UNKNOWN);
	rx_session_close(d1);
	rx_session_close(s1);
}

/* The village has new keys at home, and its director has brought the case under them
 * to the copy; those of the supervisor are still to come.  What others wrote of the
 * case waits as well, and nothing else. */
static void
test_case_under_keys_that_are_still_to_come_waits(void **state)
{
	const char *home = fixture_copy(), *village = copy_of(home, "村");
	struct rx_session *at_home = fixture_open(home, "d1");
	struct rx_session *d1 = fixture_open(village, "d1"), *s1, *other;
	const char *path;
	struct rx_bundle b;
	size_t n;

	(void)state;
	other = fixture_open(copy_of(home, "二"), "d1");
	assert_int_equal(observe(other, "x1", "c1", "mood_low", "calm", false),
	    RX_OK);
	path = make(other, TOWN);
	must(rx_rotate(at_home, VILLAGE, &n, &st));
	carry(at_home, VILLAGE, d1);
	s1 = fixture_open(village, "s1");
	b = take(s1, path);
	assert_int_equal(b.skipped, 1);
	assert_int_equal(b.records, 0);
	/* Then they come. */
	carry(at_home, TOWN, s1);
	b = take(s1, path);
	assert_int_equal(b.skipped, 0);
	assert_int_equal(b.records, 1);
	must(fixture_verify(s1, NULL, &st));
	rx_session_close(at_home);
	rx_session_close(other);
	rx_session_close(d1);
	rx_session_close(s1);
}

/* ---- a case that moved ---- */

/* From ${from} to ${to}, at home. */
static void
move_at_home(struct rx_session *from, struct rx_session *to, const char *unit,
    const uint8_t id[RX_ID_BYTES])
{
	char number[16];

	must(rx_transfer_offer(from, id, unit, "搬家", &st));
	must(rx_transfer_accept(to, id, number, &st));
}

/* home and a copy, and everybody in both. */
struct pair {
	const char *home, *copy;
	struct rx_session *d1, *d2, *s1, *d1_there, *d2_there, *s1_there;
};

static void
pair_open(struct pair *p)
{

	p->home = fixture_copy();
	p->copy = copy_of(p->home, "村");
	p->d1 = fixture_open(p->home, "d1");
	p->d2 = fixture_open(p->home, "d2");
	p->s1 = fixture_open(p->home, "s1");
	p->d1_there = fixture_open(p->copy, "d1");
	p->d2_there = fixture_open(p->copy, "d2");
	p->s1_there = fixture_open(p->copy, "s1");
}

static void
pair_close(struct pair *p)
{

	must(fixture_verify(p->s1, NULL, &st));
	must(fixture_verify(p->s1_there, NULL, &st));
	rx_session_close(p->d1);
	rx_session_close(p->d2);
	rx_session_close(p->s1);
	rx_session_close(p->d1_there);
	rx_session_close(p->d2_there);
	rx_session_close(p->s1_there);
}

static size_t
shown(struct rx_session *s, const uint8_t id[RX_ID_BYTES])
{
	size_t n;

	must(fixture_show(s, id, NULL, &n, &st));
	return (n);
}

static size_t
listed(struct rx_session *s)
{
	size_t n;

	must(fixture_list(s, &n, &st));
	return (n);
}

static void
test_a_case_that_moves_at_home_moves_in_the_copy(void **state)
{
	struct rx_bundle b;
	struct pair p;
	size_t n, before;

	(void)state;
	pair_open(&p);
	before = listed(p.d1_there);
	assert_int_equal(observe(p.d1, "b1", "c2", "mood_low", "b", false),
	    RX_OK);
	move_at_home(p.d1, p.d2, NEXT, fixture_id[C2]);
	assert_int_equal(observe(p.d2, "n1", "c2", "mood_low", "n", false),
	    RX_OK);
	/* The old director brings what he could read, and that it has moved. */
	b = carry(p.d1, VILLAGE, p.d1_there);
	assert_int_equal(b.children, 1);
	assert_int_equal(b.records, 1);
	assert_int_equal(b.skipped, 1);
	/* He has lost it there, as at home. */
	assert_int_equal(listed(p.d1_there), before - 1);
	refuses(fixture_show(p.d1_there, fixture_id[C2], NULL, &n, &st),
	    RX_EPERM, NOT_PERMITTED);
	assert_int_equal(fixture_number(p.copy, "SELECT count(*) FROM "
	    "keys.case_key WHERE child = $c2 AND unit = '" VILLAGE "'"), 0);
	/* Who directs it now has it there; and all of it from his own. */
	assert_int_equal(shown(p.d2_there, fixture_id[C2]),
	    shown(p.d2, fixture_id[C2]) - 1);
	b = carry(p.d2, NEXT, p.d2_there);
	assert_int_equal(b.records, 1);
	assert_int_equal(b.skipped, 0);
	assert_int_equal(shown(p.d2_there, fixture_id[C2]),
	    shown(p.d2, fixture_id[C2]));
	same_content(p.home, p.copy);
	/* Again it changes nothing. */
	b = carry(p.d1, VILLAGE, p.d1_there);
	assert_int_equal(b.children + b.records + b.keys + b.conflicts +
	    b.skipped, 0);
	pair_close(&p);
}

static rx_err
passed_each(void *cookie, const struct rx_record *r, struct rx_status *u)
{

	(void)u;
	assert_int_equal(r->type, RX_CHILD);
	assert_string_equal(rx_record_text(r, RX_F_NAME), "甲名");
	assert_memory_equal(r->unit, VILLAGE1, RX_UNIT_BYTES);
	(*(size_t *)cookie)++;
	return (RX_OK);
}

/* The copy did not know: a flag, a decision, corrections of a record and, twice, of
 * the child.  Home opens it as ${who}, before or after the copy learns of it. */
static void
written_meanwhile(const char *who, bool knows)
{
	const bool s1 = strcmp(who, "s1") == 0;
	struct rx_bundle b;
	struct pair p;
	size_t n, had;

	pair_open(&p);
	move_at_home(p.d1, p.d2, NEXT, fixture_id[C2]);
	had = shown(p.d2, fixture_id[C2]);
	(void)usleep(3000);
	assert_int_equal(observe(p.d1_there, "x1", "c2", "self_harm", "h",
	    false), RX_OK);
	assert_int_equal(decide(p.s1_there, "x1", "accept"), RX_OK);
	assert_int_equal(observe(p.d1_there, "o3", "c2", "mood_low", "m",
	    true), RX_OK);
	assert_int_equal(child(p.d1_there, "c2", "乙名", true), RX_OK);
	assert_int_equal(child(p.d1_there, "c2", "甲名", true), RX_OK);
	if (knows) {
		b = carry(p.d2, TOWN, p.s1_there);
		assert_int_equal(b.conflicts, 2);
	}
	b = carry(p.d1_there, s1 ? TOWN : VILLAGE, s1 ? p.s1 : p.d1);
	if (knows && !s1) {
		/* The keys that he had are gone from the copy too. */
		assert_int_equal(b.skipped, 1);
		b = carry(p.d1_there, TOWN, p.s1);
	}
	assert_int_equal(b.records, 3);
	assert_int_equal(b.conflicts, 2);
	assert_int_equal(b.skipped, 0);
	assert_int_equal(flag_state(p.s1, "x1"), RX_FLAG_ACCEPTED);
	assert_int_equal(shown(p.d2, fixture_id[C2]), had + 2);
	refuses(fixture_show(p.d1, fixture_id[C2], NULL, &n, &st), RX_EPERM,
	    NOT_PERMITTED);
	n = 0;
	must(rx_conflict_each(p.d2, fixture_id[C2], count_each, &n, &st));
	assert_int_equal(n, 2);
	(void)carry(p.d2, TOWN, p.s1_there);
	same_content(p.home, p.copy);
	pair_close(&p);
}

static void
test_what_a_copy_wrote_before_it_knew_of_a_move_goes_home(void **state)
{

	(void)state;
	written_meanwhile("s1", false);
	written_meanwhile("d1", false);
	written_meanwhile("s1", true);
	written_meanwhile("d1", true);
}

/* A correction made where the child was does not win over one made where it is, of
 * the same number or a higher, whichever is later. */
static void
test_a_version_of_where_the_child_was_stands_beside(void **state)
{
	struct pair p;
	size_t n = 0;

	(void)state;
	pair_open(&p);
	move_at_home(p.d1, p.d2, NEXT, fixture_id[C2]);
	(void)usleep(3000);
	assert_int_equal(child(p.d1_there, "c2", "甲名", true), RX_OK);
	assert_int_equal(carry(p.d1_there, TOWN, p.s1).conflicts, 1);
	assert_int_equal(fixture_number(p.home, "SELECT count(*) FROM child "
	    "WHERE id = $c2 AND version = (SELECT max(version) FROM child "
	    "WHERE id = $c2) AND unit = '" NEXT "'"), 1);
	must(rx_conflict_each(p.d2, fixture_id[C2], passed_each, &n, &st));
	assert_int_equal(n, 1);
	pair_close(&p);
}

/* Keys were changed before the move, and after it, none of which the copy knew. */
static void
test_a_move_between_new_keys_reaches_the_copy(void **state)
{
	struct rx_bundle b;
	struct pair p;
	size_t n;

	(void)state;
	pair_open(&p);
	assert_int_equal(observe(p.d1_there, "x1", "c2", "mood_low", "m",
	    false), RX_OK);
	must(rx_rotate(p.d1, NULL, &n, &st));
	assert_int_equal(observe(p.d1, "b1", "c2", "mood_low", "b", false),
	    RX_OK);
	move_at_home(p.d1, p.d2, NEXT, fixture_id[C2]);
	must(rx_rotate(p.d2, NULL, &n, &st));
	/* That record lies under keys which nobody has told him. */
	b = carry(p.d1, VILLAGE, p.d1_there);
	assert_int_equal(b.skipped, 1);
	refuses(fixture_show(p.d1_there, fixture_id[C2], NULL, &n, &st),
	    RX_EPERM, NOT_PERMITTED);
	assert_int_equal(fixture_number(p.copy, "SELECT max(epoch) FROM "
	    "keys.case_key WHERE child = $c2"), 3);
	b = carry(p.d2, NEXT, p.d2_there);
	assert_int_equal(b.skipped, 0);
	assert_int_equal(fixture_number(p.copy, "SELECT max(epoch) FROM "
	    "keys.case_key WHERE child = $c2"), 4);
	/* What the copy has of before the first of them: by who has all keys. */
	b = carry(p.d1_there, VILLAGE, p.d1);
	assert_int_equal(b.records, 0);
	assert_int_equal(b.skipped, 1);
	b = carry(p.d1_there, TOWN, p.s1);
	assert_int_equal(b.records, 1);
	same_content(p.home, p.copy);
	pair_close(&p);
}

/* Registered and moved at home since the copy was made. */
static void
test_a_case_that_the_copy_never_had_comes_where_it_lies(void **state)
{
	uint8_t id[RX_ID_BYTES];
	struct rx_bundle b;
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(child(p.d1, "new", "新", false), RX_OK);
	must(rx_child_find(p.d1, "new", id, &st));
	move_at_home(p.d1, p.d2, NEXT, id);
	b = carry(p.d1, VILLAGE, p.d1_there);
	assert_int_equal(b.children, 0);
	assert_int_equal(b.skipped, 1);
	/* The supervisor has its keys by the statement, whoever sends it. */
	b = carry(p.s1, TOWN, p.s1_there);
	assert_int_equal(b.children, 2);
	assert_int_equal(b.skipped, 0);
	assert_int_equal(shown(p.d2_there, id), 1);
	same_content(p.home, p.copy);
	pair_close(&p);
}

/* There and back again: the copy knows nothing of it, or of half. */
static void
test_a_case_that_came_back_is_back_in_the_copy(void **state)
{
	struct pair p;
	int half;

	(void)state;
	for (half = 0; half < 2; half++) {
		pair_open(&p);
		move_at_home(p.d1, p.d2, NEXT, fixture_id[C2]);
		if (half)
			(void)carry(p.d1, VILLAGE, p.d1_there);
		move_at_home(p.d2, p.d1, VILLAGE, fixture_id[C2]);
		assert_int_equal(observe(p.d1, "b1", "c2", "mood_low", "b",
		    false), RX_OK);
		(void)carry(p.d1, VILLAGE, p.d1_there);
		assert_int_equal(shown(p.d1_there, fixture_id[C2]),
		    shown(p.d1, fixture_id[C2]));
		same_content(p.home, p.copy);
		pair_close(&p);
	}
}

/* ---- any order ---- */

static uint64_t seed;

/* xorshift64 (Marsaglia, 2003). */
static unsigned
draw(unsigned of)
{

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return ((unsigned)(seed % of));
}

#define REGISTERS 3		/* home and two copies; or one */
#define PENDING 12
#define ENDS_MAX 4		/* children erased or moved */

enum happened { CORRECTED, ERASED, TRANSFERRED, RETURNED, ROTATED, TWICE,
	HAPPENED };
enum to { TO_D1, TO_D2, TO_S1, TO_COUNT };
static const char *const people[TO_COUNT] = { "d1", "d2", "s1" };
static const char *const units[TO_COUNT] = { VILLAGE, NEXT, TOWN };

struct world {
	unsigned n;			/* registers */
	const char *dir[REGISTERS];
	struct rx_session *who[TO_COUNT][REGISTERS];
	struct {
		const char *path;	/* NULL: none */
		enum to to;
	} sent[PENDING];
	unsigned serial;
	char paths[PENDING][300];
	unsigned ends, happened[HAPPENED];
};

/* A merge that is broken on purpose: what is there stays, whatever comes. */
static bool broken;

/* The linker's names; no header has them. */
rx_err __real_rx_store_compare(struct rx_store *, enum rx_table,
    const struct rx_value *, enum rx_there *, struct rx_buf *,
    struct rx_status *);
rx_err __wrap_rx_store_compare(struct rx_store *, enum rx_table,
    const struct rx_value *, enum rx_there *, struct rx_buf *,
    struct rx_status *);

rx_err
__wrap_rx_store_compare(struct rx_store *store, enum rx_table table,
    const struct rx_value *v, enum rx_there *there, struct rx_buf *out,
    struct rx_status *u)
{
	const rx_err rc = __real_rx_store_compare(store, table, v, there, out,
	    u);

	if (broken && rc == RX_OK && *there == RX_OTHER)
		*there = RX_SAME;
	return (rc);
}

static void
any_write(struct world *w, unsigned at)
{
	static const char *const own[] = { "c1", "c2", "p0", "p1", "p2" };
	static const char *const obs[] = { "o1", "o2", "o3" };
	static const char *const of[] = { "c1", "c1", "c2" };
	static const char *const decisions[] = { "accept", "return", "close",
	    "escalate" };
	struct rx_session *d1 = w->who[TO_D1][at];
	char id[40], note[40];
	unsigned k;

	(void)snprintf(note, sizeof(note), "%u at %u", w->serial++, at);
	(void)snprintf(id, sizeof(id), "n%u", w->serial);
	switch (draw(8)) {
	case 0:
		(void)child(d1, id, note, false);
		break;
	case 7:		/* of a case that came to him */
		(void)observe(w->who[TO_D2][at], id, own[draw(5)],
		    draw(3) == 0 ? "self_harm" : "mood_low", note, false);
		break;
	case 1:		/* may be there in another copy too */
		w->happened[CORRECTED] += child(d1, own[draw(5)], note,
		    true) == RX_OK;
		break;
	case 2:
		(void)observe(d1, id, own[draw(2)], draw(3) == 0 ?
		    "self_harm" : "mood_low", note, false);
		break;
	case 3:
	case 4:
		k = draw(3);
		w->happened[CORRECTED] += observe(d1, obs[k], of[k],
		    draw(2) == 0 ? "self_harm" : "mood_low", note, true) ==
		    RX_OK;
		break;
	case 5:
		(void)decide(w->who[TO_S1][at], draw(2) == 0 ? "o1" : "o2",
		    decisions[draw(4)]);
		break;
	default:
		(void)decide(w->who[TO_S1][at], "o1", decisions[draw(4)]);
	}
	rx_status_clear(&st);
}

/* One of the children that somebody has at home, each as likely. */
struct choice {
	uint8_t id[RX_ID_BYTES];
	unsigned n;
};

static rx_err
choose_each(void *cookie, const struct rx_child_row *row, struct rx_status *u)
{
	struct choice *c = cookie;

	(void)u;
	if (draw(++c->n) == 0)
		memcpy(c->id, row->child->id, RX_ID_BYTES);
	return (RX_OK);
}

/* What is done at home alone: a child erased, moved to the next village or from
 * there, new keys. */
static void
any_home(struct world *w)
{
	struct rx_session *d1 = w->who[TO_D1][0], *d2 = w->who[TO_D2][0];
	const enum happened what = ERASED + draw(4);
	struct choice c = { .n = 0 };
	char hex[2 * RX_ID_BYTES + 1], sql[120];

	if (what == ROTATED) {
		size_t n;

		must(rx_rotate(draw(2) == 0 ? d1 : d2, NULL, &n, &st));
		w->happened[ROTATED]++;
		return;
	}
	if (w->ends == ENDS_MAX)
		return;
	must(rx_child_each(what == RETURNED ? d2 : d1, 0, 0, choose_each, &c,
	    &st));
	if (c.n == 0)
		return;
	rx_hex(hex, c.id, RX_ID_BYTES);
	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM keys.move "
	    "WHERE child = x'%s'", hex);
	/* A copy that knows half of its way does not learn of its end. */
	if (what == ERASED && fixture_number(w->dir[0], sql) > 0)
		return;
	w->ends++;
	if (what == ERASED)
		must(rx_child_erase(d1, c.id, "迁出", &st));
	else if (what == TRANSFERRED)
		move_at_home(d1, d2, NEXT, c.id);
	else
		move_at_home(d2, d1, VILLAGE, c.id);
	w->happened[what]++;
}

static void
any_bundle(struct world *w, unsigned k)
{
	const enum to to = draw(TO_COUNT);
	struct rx_bundle b;
	unsigned from = draw(w->n);
	enum to by = draw(3) == 0 ? TO_S1 : to;

	if (to == TO_S1 && by == TO_S1)
		by = draw(2) == 0 ? TO_D1 : TO_D2;
	(void)unlink(w->paths[k]);
	must(rx_bundle_make(w->who[by][from], units[to], w->paths[k], &b,
	    &st));
	w->sent[k].path = w->paths[k];
	w->sent[k].to = to;
}

/* Open it anywhere, once or again, also where it came from. */
static void
any_open(struct world *w, unsigned k)
{

	if (w->sent[k].path != NULL)
		(void)take(w->who[w->sent[k].to][draw(w->n)],
		    w->sent[k].path);
}

/* What the list of somebody says of every case, in order. */
static rx_err
state_each(void *cookie, const struct rx_child_row *row, struct rx_status *u)
{
	char text[160];

	(void)snprintf(text, sizeof(text), "%s %u %u %lld %d %d %d %d;",
	    rx_record_text(row->child, RX_F_NAME), row->observations,
	    row->interventions, (long long)row->risk, (int)row->last,
	    (int)row->due, row->flagged, row->withdrawn);
	return (rx_buf_add(cookie, text, strlen(text), u));
}

static bool
same_list(struct rx_session *a, struct rx_session *b)
{
	struct rx_buf x = RX_BUF_INIT, y = RX_BUF_INIT;
	const unsigned filter = rx_session_has_role(a, RX_ROLE_DIRECTOR) ? 0 :
	    RX_LIST_CODED;
	bool same;

	must(rx_child_each(a, filter, 0, state_each, &x, &st));
	must(rx_child_each(b, filter, 0, state_each, &y, &st));
	same = x.len == y.len && (x.len == 0 ||
	    memcmp(x.b, y.b, x.len) == 0);
	rx_buf_free(&x);
	rx_buf_free(&y);
	return (same);
}

/* Whether all have the same. */
static bool
converged(struct world *w)
{
	size_t erased;
	unsigned i, k;

	for (i = 0; i < w->n; i++) {
		must(fixture_verify(w->who[TO_D1][i], NULL, &st));
		must(rx_erasure_verify(w->who[TO_D1][i], &erased, &st));
		assert_true(broken || erased == w->happened[ERASED]);
	}
	for (i = 1; i < w->n; i++)
		if (!content_is_same(w->dir[0], w->dir[i]))
			return (false);
	for (k = 0; k < TO_COUNT; k++) {
		for (i = 1; i < w->n; i++)
			if (!same_list(w->who[k][0], w->who[k][i]))
				return (false);
		/* A session that has read before says the same as one that has
		 * not. */
		rx_known_free(w->who[k][1]);
		if (!same_list(w->who[k][0], w->who[k][1]))
			return (false);
	}
	return (true);
}

/* ${of} of one register hears from ${of} of another, or from a director. */
static void
hear(struct world *w, enum to of, unsigned from, unsigned to)
{
	const enum to by = of == TO_S1 ? draw(2) == 0 ? TO_D1 : TO_D2 : of;

	(void)carry(w->who[by][from], units[of], w->who[of][to]);
}

/* Everybody hears from everybody, in any order, and then once more. */
static void
all_hear(struct world *w)
{
	unsigned i, k, of, turn;

	for (i = 0; i < 2 * w->n; i++)
		for (k = 1; k < w->n; k++)
			hear(w, draw(TO_COUNT), (i + draw(2)) % w->n,
			    (i + k) % w->n);
	for (turn = 0; turn < 2; turn++)
		for (i = 0; i < w->n; i++)
			for (k = 0; k < w->n; k++)
				for (of = 0; i != k && of < TO_COUNT; of++)
					hear(w, of, i, k);
}

/* Whether a world of ${n} registers converges; what happened in it is added to
 * ${happened}. */
static bool
one_world(uint64_t with, unsigned n, unsigned steps,
    unsigned happened[HAPPENED])
{
	static const char *const names[REGISTERS] = { NULL, "甲", "乙" };
	static const char *dir[REGISTERS];
	struct world w;
	unsigned i, k, of;
	bool same;

	memset(&w, 0, sizeof(w));
	seed = with;
	conflicts = 0;
	w.n = n;
	for (i = 0; i < n; i++) {
		if (dir[i] == NULL)
			dir[i] = test_dir();
		fixture_copy_over(i == 0 ? fixture_dir() : dir[0], dir[i]);
		if (names[i] != NULL)
			begin_copy(dir[i], names[i]);
		w.dir[i] = dir[i];
		for (of = 0; of < TO_COUNT; of++)
			w.who[of][i] = fixture_open(w.dir[i], people[of]);
		if (i == 0)
			assert_int_equal(child(w.who[TO_D1][0], "each", "each",
			    false), RX_OK);
	}
	for (k = 0; k < PENDING; k++)
		(void)snprintf(w.paths[k], sizeof(w.paths[k]), "%s/%u.rxb",
		    w.dir[0], k);
	for (i = 0; i < steps; i++) {
		if (draw(10) == 0)
			any_home(&w);
		else if (draw(2) == 0)
			any_write(&w, draw(n));
		else if (draw(2) == 0)
			any_bundle(&w, draw(PENDING));
		else
			any_open(&w, draw(PENDING));
	}
	/* One version that all of them write, if nobody is gone. */
	for (i = 0; i < n; i++)
		(void)child(w.who[TO_D1][i], "each", names[i] != NULL ? names[i] :
		    "home", true);
	all_hear(&w);
	same = converged(&w);
	w.happened[TWICE] = (unsigned)conflicts;
	for (i = 0; i < HAPPENED; i++)
		happened[i] += w.happened[i];
	for (i = 0; i < n; i++)
		for (of = 0; of < TO_COUNT; of++)
			rx_session_close(w.who[of][i]);
	return (same);
}

/* The ${i}th world: its seed, and how many registers it has. */
static bool
world(unsigned i, unsigned happened[HAPPENED])
{
	const uint64_t with = 88172645463325252u + 1000003u * i;

	print_message("world %u, seed %llu\n", i, (unsigned long long)with);
	return (one_world(with, 2 + i % 2, 60, happened));
}

#define WORLDS 6

/* RUNXIN_TORTURE=N runs N worlds instead of a few; each says its seed first. */
static void
test_bundles_in_any_order_converge(void **state)
{
	const char *more = getenv("RUNXIN_TORTURE");
	const unsigned worlds = more != NULL ? (unsigned)atoi(more) : WORLDS;
	unsigned happened[HAPPENED] = { 0 }, i;

	(void)state;
	for (i = 0; i < worlds; i++)
		assert_true(world(i, happened));
	print_message("%u corrections, %u erasures, %u transfers, %u back, "
	    "%u rotations, %u versions written twice\n",
	    happened[CORRECTED], happened[ERASED], happened[TRANSFERRED],
	    happened[RETURNED], happened[ROTATED], happened[TWICE]);
	for (i = 0; i < HAPPENED; i++)
		assert_true(happened[i] > 0);
}

/* Of two registers and of three, one of the same worlds at least. */
static void
test_control_broken_merge_does_not_converge(void **state)
{
	bool apart[2] = { false, false };
	unsigned happened[HAPPENED] = { 0 }, i;

	(void)state;
	broken = true;
	for (i = 0; i < WORLDS; i++)
		if (!apart[i % 2])
			apart[i % 2] = !world(i, happened);
	broken = false;
	assert_true(apart[0] && apart[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_flag_goes_home_and_the_decision_comes_back),
		cmocka_unit_test(
		    test_what_was_corrected_in_a_copy_before_a_decision_is_decided_again),
		cmocka_unit_test(
		    test_decision_on_a_version_that_lost_is_made_again),
		cmocka_unit_test(
		    test_decision_on_what_stands_is_not_undone_by_an_older_view),
		cmocka_unit_test(
		    test_case_flagged_in_a_copy_opens_for_the_supervisor_at_home),
		cmocka_unit_test(
		    test_newer_keys_of_a_case_come_with_what_its_slots_lead_to),
		cmocka_unit_test(test_the_same_bundle_again_changes_nothing),
		cmocka_unit_test(
		    test_an_older_bundle_adds_what_is_missing_and_takes_nothing_back),
		cmocka_unit_test(test_activities_travel_too),
		cmocka_unit_test(
		    test_no_record_of_another_village_is_in_the_bundle),
		cmocka_unit_test(
		    test_two_corrections_of_one_version_are_both_kept),
		cmocka_unit_test(
		    test_an_activity_corrected_twice_is_shown_to_who_writes_there),
		cmocka_unit_test(
		    test_child_erased_at_home_does_not_come_back_in_a_bundle),
		cmocka_unit_test(test_a_third_copy_learns_of_both_versions),
		cmocka_unit_test(
		    test_open_session_lists_the_version_that_stands),
		cmocka_unit_test(
		    test_a_bundle_looked_at_is_not_taken_until_it_is_kept),
		cmocka_unit_test(test_a_copy_lists_its_own_bundles_by_name),
		cmocka_unit_test(
		    test_a_bundle_of_a_township_without_keys_is_made),
		cmocka_unit_test(test_signing_in_to_a_copy_writes_nothing),
		cmocka_unit_test(
		    test_what_is_done_at_home_is_refused_in_a_copy),
		cmocka_unit_test(test_unknown_actions_are_refused_in_a_copy),
		cmocka_unit_test(test_a_unit_without_keys_gets_none_in_a_copy),
		cmocka_unit_test(test_a_bundle_over_the_limit_is_not_made),
		cmocka_unit_test(test_copy_name_and_copy_already_are_refused),
		cmocka_unit_test(
		    test_restored_copy_is_a_copy_from_the_first_moment),
		cmocka_unit_test(
		    test_children_numbered_in_copies_do_not_share_numbers),
		cmocka_unit_test(test_keys_changed_at_home_reach_the_copy),
		cmocka_unit_test(
		    test_keys_that_were_asked_for_are_taken_in_the_copy),
		cmocka_unit_test(
		    test_new_keys_of_the_register_let_everybody_sign_in_to_a_copy),
		cmocka_unit_test(
		    test_record_signed_after_its_authors_end_is_left_out),
		cmocka_unit_test(
		    test_correction_signed_after_its_authors_end_conflicts_with_none),
		cmocka_unit_test(
		    test_child_registered_after_its_authors_end_is_left_out),
		cmocka_unit_test(
		    test_record_that_an_end_makes_invalid_goes_from_a_copy),
		cmocka_unit_test(
		    test_bundle_nobody_and_not_permitted_are_refused),
		cmocka_unit_test(test_fingerprints_are_the_same_everywhere),
		cmocka_unit_test(
		    test_a_case_that_moves_at_home_moves_in_the_copy),
		cmocka_unit_test(
		    test_what_a_copy_wrote_before_it_knew_of_a_move_goes_home),
		cmocka_unit_test(
		    test_a_version_of_where_the_child_was_stands_beside),
		cmocka_unit_test(test_a_move_between_new_keys_reaches_the_copy),
		cmocka_unit_test(
		    test_a_case_that_the_copy_never_had_comes_where_it_lies),
		cmocka_unit_test(
		    test_a_case_that_came_back_is_back_in_the_copy),
		cmocka_unit_test(test_bundles_in_any_order_converge),
		cmocka_unit_test(test_control_broken_merge_does_not_converge),
		cmocka_unit_test(
		    test_case_under_keys_that_are_still_to_come_waits),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
