#include "tests/unit/register.h"

/*
 * The order in which people and keys come does not matter: who has to wait for
 * a key is told so, and gets it; and flags find their reviewer.  Every test
 * makes a register of its own.
 */

/* ---- keys ---- */

static void
test_no_key_for_a_statistician_enrolled_after_the_data(void **state)
{
	struct rx_session *admin, *d1, *stat;
	size_t n[RX_TYPE_COUNT];
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	ok(enrol(admin, "stat", RX_ROLE_STATISTICIAN, COUNTY), &st);
	assert_int_equal(person(admin, "stat", 0).row.pending, 1);
	stat = sign_in(dir, "stat");
	refuses(count(stat, COUNTY, n), RX_EPERM, NO_KEY);
	assert_string_equal(arg_of("unit"), VILLAGE1);
	assert_int_equal(n[RX_CHILD], 0);
	assert_int_equal(person(stat, "stat", 0).row.pending, 1);
	/* The administrator holds no key of it and cannot help. */
	reopen(&admin, dir, "admin");
	refuses(count(stat, COUNTY, n), RX_EPERM, NO_KEY);

	reopen(&d1, dir, "d1");
	assert_int_equal(person(d1, "stat", 0).row.pending, 0);
	ok(count(stat, COUNTY, n), &st);
	assert_int_equal(n[RX_CHILD], 1);
	audit_holds(stat);
	rx_session_close(stat);
	rx_session_close(d1);
	rx_session_close(admin);
}

static void
test_statistician_enrolled_before_the_keys_waits_for_nobody(void **state)
{
	struct rx_session *admin, *d1, *stat;
	size_t n[RX_TYPE_COUNT];
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "stat", RX_ROLE_STATISTICIAN, CITY), &st);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	stat = sign_in(dir, "stat");
	ok(count(stat, CITY, n), &st);
	assert_int_equal(n[RX_CHILD], 1);
	rx_session_close(stat);
	rx_session_close(d1);
	rx_session_close(admin);
}

/* One statistician hands the coded key to the next. */
static void
test_statistician_hands_coded_keys_to_another(void **state)
{
	struct rx_session *admin, *d1, *stat;
	size_t n[RX_TYPE_COUNT];
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "one", RX_ROLE_STATISTICIAN, CITY), &st);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	ok(enrol(admin, "two", RX_ROLE_STATISTICIAN, COUNTY), &st);
	stat = sign_in(dir, "one");
	rx_session_close(stat);
	stat = sign_in(dir, "two");
	ok(count(stat, COUNTY, n), &st);
	assert_int_equal(n[RX_CHILD], 1);
	rx_session_close(stat);
	rx_session_close(d1);
	rx_session_close(admin);
}

static void
test_no_key_second_director_of_a_village_waits_for_the_first(void **state)
{
	struct rx_session *admin, *d1, *d2;
	struct listed l = { .want = "c1" };
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	ok(enrol(admin, "d2", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	assert_int_equal(person(admin, "d2", 0).row.pending, 1);
	d2 = sign_in(dir, "d2");
	refuses(try(rx_child_each(d2, 0, 0, listed_each, &l, &st)), RX_EPERM,
	    NO_KEY);
	assert_int_equal(l.all, 0);
	refuses(save(d2, RX_CHILD, false, NULL, "{'id':'c2','unit':'"
	    VILLAGE1 "','name':'林','sex':'m','birth':'2014-05','categories':"
	    "['orphan'],'legal_basis':'consent'}"), RX_EPERM, NO_KEY);

	reopen(&d1, dir, "d1");
	assert_int_equal(person(d1, "d2", 0).row.pending, 0);
	assert_string_equal(listed(d2, "c1").name, "林c1");
	add_child(d2, "c2", VILLAGE1);
	assert_string_equal(listed(d1, "c2").name, "林c2");
	/* He has the first one's case, notes included. */
	ok(observe(d2, "o1", "c1", "2025-06-01", "mood_low", "green"), &st);
	must(show(d1, "c1", NULL, NULL));
	audit_holds(d1);
	rx_session_close(d2);
	rx_session_close(d1);
	rx_session_close(admin);
}

static void
test_village_director_enrolled_after_the_wide_one_gets_the_keys(void **state)
{
	struct rx_session *admin, *wide, *d1;
	struct listed l = { .want = "c1" };
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "wide", RX_ROLE_DIRECTOR, COUNTY), &st);
	wide = sign_in(dir, "wide");
	add_child(wide, "c1", VILLAGE1);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	refuses(try(rx_child_each(d1, 0, 0, listed_each, &l, &st)), RX_EPERM,
	    NO_KEY);
	reopen(&wide, dir, "wide");
	assert_string_equal(listed(d1, "c1").name, "林c1");
	/* And the other way round: the wide one reads what d1 writes. */
	add_child(d1, "c2", VILLAGE1);
	assert_string_equal(listed(wide, "c2").name, "林c2");
	rx_session_close(d1);
	rx_session_close(wide);
	rx_session_close(admin);
}

static void
test_wide_director_enrolled_after_the_village_gets_the_keys(void **state)
{
	struct rx_session *admin, *wide, *d1;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	ok(enrol(admin, "wide", RX_ROLE_DIRECTOR, COUNTY), &st);
	reopen(&d1, dir, "d1");
	wide = sign_in(dir, "wide");
	assert_string_equal(listed(wide, "c1").name, "林c1");
	assert_int_equal(person(wide, "wide", 0).row.pending, 0);
	rx_session_close(wide);
	rx_session_close(d1);
	rx_session_close(admin);
}

/* The statistician is the first at his county and makes its coded key; the
 * keys to names and notes there are for the directors who come later. */
static void
test_director_of_a_county_writes_there_after_its_statistician(void **state)
{
	struct rx_session *admin, *stat, *wide;
	size_t n[RX_TYPE_COUNT];
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "stat", RX_ROLE_STATISTICIAN, COUNTY), &st);
	stat = sign_in(dir, "stat");
	ok(save(stat, RX_ACTIVITY, false, NULL, "{'id':'a1','unit':'" COUNTY
	    "','date':'2025-06-01','kind':'camp','held':true}"), &st);
	ok(enrol(admin, "wide", RX_ROLE_DIRECTOR, COUNTY), &st);
	reopen(&stat, dir, "stat");
	wide = sign_in(dir, "wide");
	add_child(wide, "c1", COUNTY);
	assert_string_equal(listed(wide, "c1").name, "林c1");
	ok(count(stat, COUNTY, n), &st);
	assert_int_equal(n[RX_CHILD], 1);
	assert_int_equal(n[RX_ACTIVITY], 1);
	assert_int_equal(person(wide, "wide", 0).row.pending, 0);
	rx_session_close(wide);
	rx_session_close(stat);
	rx_session_close(admin);
}

/* A statistician's session never has a key to names or notes, not even at the
 * unit whose keys it makes. */
static void
test_no_key_to_names_is_ever_in_a_statisticians_hands(void **state)
{
	const struct rx_key *key;
	struct rx_session *admin, *stat;
	char dir[256], unit[RX_UNIT_BYTES];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "stat", RX_ROLE_STATISTICIAN, COUNTY), &st);
	stat = sign_in(dir, "stat");
	must(rx_unit_parse(unit, COUNTY, &st));
	must(rx_unit_key(stat, unit, RX_COMP_CODED, 0, &key, NULL, &st));
	refuses(try(rx_unit_key(stat, unit, RX_COMP_IDENTITY, 0, &key, NULL,
	    &st)), RX_EPERM, NO_KEY_EVER);
	refuses(try(rx_unit_key(stat, unit, RX_COMP_NARRATIVE, 0, &key, NULL,
	    &st)), RX_EPERM, NO_KEY_EVER);
	rx_session_close(stat);
	rx_session_close(admin);
}

/* A session knows those who came after it as soon as it writes. */
static void
test_session_goes_on_after_somebody_new_has_written(void **state)
{
	struct rx_session *admin, *d1, *d2;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	ok(enrol(admin, "d2", RX_ROLE_DIRECTOR, VILLAGE2), &st);
	d2 = sign_in(dir, "d2");
	add_child(d2, "c2", VILLAGE2);
	ok(observe(d1, "o1", "c1", "2025-06-01", "mood_low", "green"), &st);
	ok(observe(d2, "o1", "c2", "2025-06-01", "mood_low", "green"), &st);
	audit_holds(d1);
	audit_holds(d2);
	rx_session_close(d2);
	rx_session_close(d1);
	rx_session_close(admin);
}

/* It only reads: the keys that it gets meanwhile are from one who is new to it. */
static void
test_reading_session_takes_keys_from_somebody_new(void **state)
{
	struct rx_session *admin, *stat, *d1;
	size_t n[RX_TYPE_COUNT];
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "stat", RX_ROLE_STATISTICIAN, COUNTY), &st);
	stat = sign_in(dir, "stat");
	must(count(stat, COUNTY, n));
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	must(count(stat, COUNTY, n));
	assert_int_equal(n[RX_CHILD], 1);
	rx_session_close(d1);
	rx_session_close(stat);
	rx_session_close(admin);
}

/* ---- who only reads ---- */

#define COUNT(name, type) static rx_err \
	name(void *cookie, const type *row, struct rx_status *u) \
	{ (void)row; (void)u; ++*(size_t *)cookie; return (RX_OK); }
COUNT(each_head, struct rx_countersigned)
COUNT(each_erasure, struct rx_erasure)
COUNT(each_move, struct rx_move)

static rx_err
each_row(void *cookie, const struct rx_audit_row *row, struct rx_status *u)
{

	(void)u;
	*(size_t *)cookie += strcmp(row->user, "new") == 0;
	return (RX_OK);
}

static rx_err
each_entry(void *cookie, int64_t time, const char *user, const char *detail,
    struct rx_status *u)
{

	(void)time;
	(void)detail;
	(void)u;
	*(size_t *)cookie += strcmp(user, "new") == 0;
	return (RX_OK);
}

static rx_err
each_offer(void *cookie, const struct rx_transfer_row *row,
    struct rx_status *u)
{

	(void)u;
	*(size_t *)cookie += row->bad == RX_MSG_NONE && row->incoming &&
	    strcmp(row->by, "new") == 0;
	return (RX_OK);
}

static rx_err
each_flag(void *cookie, const struct rx_flag_row *row, struct rx_status *u)
{

	(void)u;
	*(size_t *)cookie += strcmp(row->author, "new") == 0;
	return (RX_OK);
}

static rx_err
each_departure(void *cookie, const struct rx_departure_row *row,
    struct rx_status *u)
{

	(void)u;
	*(size_t *)cookie += strcmp(row->by, "new") == 0;
	return (RX_OK);
}

static rx_err
each_answer(void *cookie, const struct rx_answered *row, struct rx_status *u)
{

	(void)u;
	*(size_t *)cookie += strcmp(row->by, "new") == 0;
	return (RX_OK);
}

static rx_err
each_bundle(void *cookie, const struct rx_bundle *b, struct rx_status *u)
{

	(void)u;
	*(size_t *)cookie += strcmp(b->sender, "new") == 0;
	return (RX_OK);
}

static rx_err
each_recipient(void *cookie, const char unit[RX_UNIT_BYTES],
    const char *name, struct rx_status *u)
{

	(void)unit;
	(void)u;
	*(size_t *)cookie += strcmp(name, "new") == 0;
	return (RX_OK);
}

static rx_err
each_leaver(void *cookie, const char *leaver, const char *successor,
    struct rx_status *u)
{

	(void)u;
	*(size_t *)cookie += strcmp(leaver, "d2") == 0 &&
	    strcmp(successor, "heir") == 0;
	return (RX_OK);
}

#define ACT(name, expr) static rx_err \
	name(struct rx_session *s, size_t *n) { return (expr); }
ACT(act_verify, rx_audit_verify(s, NULL, n, NULL, NULL, &st))
ACT(act_each, rx_audit_each(s, RX_DID_ERASE, each_entry, n, &st))
ACT(act_heads, rx_countersigned_each(s, each_head, n, &st))
ACT(act_erasures, rx_erasures(s, each_erasure, n, &st))
ACT(act_offers, rx_transfer_each(s, false, each_offer, n, &st))
ACT(act_flags, rx_review_each(s, true, each_flag, n, &st))
ACT(act_departures, rx_departure_each(s, NULL, false, each_departure, n, &st))
ACT(act_answers, rx_arrival_each(s, each_answer, n, &st))
ACT(act_bundles, rx_bundle_each(s, each_bundle, n, &st))
ACT(act_recipients, rx_bundle_recipients(s, each_recipient, n, &st))
ACT(act_handovers, rx_handover_each(s, each_leaver, n, &st))

static rx_err
act_list(struct rx_session *s, size_t *n)
{
	const struct rx_audit_filter f = { .user = "new", .limit = 100 };
	size_t found;

	return (rx_audit_list(s, &f, &found, each_row, n, &st));
}

static uint8_t erased[RX_ID_BYTES], moved[RX_ID_BYTES], flagged[RX_ID_BYTES];

static rx_err
act_erasure(struct rx_session *s, size_t *n)
{
	struct rx_erasure e;
	char id[RX_UUID_TEXT];
	rx_err rc;

	rx_uuid_text(erased, id);
	rc = rx_erasure_find(s, id, &e, &st);
	*n += strcmp(e.author, "new") == 0;
	return (rc);
}

static rx_err
act_moves(struct rx_session *s, size_t *n)
{
	uint32_t corrections;

	return (rx_child_moves(s, moved, each_move, n, &corrections, &st));
}

/* By the slot that he who came after gave. */
static rx_err
act_case(struct rx_session *s, size_t *n)
{
	struct shown_case c;
	rx_err rc;

	memset(&c, 0, sizeof(c));
	rc = rx_child_show(s, flagged, "复核", shown_each, &c, &st);
	*n += c.by_type[RX_OBSERVATION];
	return (rc);
}

/* What is still to be handed to somebody who came after. */
static rx_err
act_pending(struct rx_session *s, size_t *n)
{
	struct rx_buf units = RX_BUF_INIT;
	rx_err rc;

	rc = rx_user_pending(s, "late", &units, &st);
	*n += units.len;
	rx_buf_free(&units);
	return (rc);
}

static rx_err
each_version(void *cookie, const struct rx_record *r, uint64_t changed,
    struct rx_status *u)
{

	(void)r;
	(void)changed;
	(void)u;
	++*(size_t *)cookie;
	return (RX_OK);
}

static uint8_t held[RX_ID_BYTES];	/* an activity */

static rx_err
act_activity(struct rx_session *s, size_t *n)
{

	return (rx_activity_history(s, held, each_version, n, &st));
}

static struct rx_buf sent;	/* a bundle */

static rx_err
act_bundle(struct rx_session *s, size_t *n)
{
	struct rx_bundle b;
	rx_err rc;

	rc = rx_bundle_look(s, sent.b, sent.len, &b, &st);
	*n += b.known && strcmp(b.sender, "new") == 0 &&
	    strstr(b.recipients, "new") != NULL;
	return (rc);
}

static rx_err
act_fingerprint(struct rx_session *s, size_t *n)
{
	char digits[36], root[36];

	++*n;
	return (rx_user_fingerprint(s, "new", digits, root, &st));
}

/* ${s} sends a case to another register, and takes one in from there. */
static void
cases_travel(struct rx_session *s)
{
	struct rx_buf out = RX_BUF_INIT, back = RX_BUF_INIT;
	struct rx_buf receipt = RX_BUF_INIT;
	struct rx_session *admin, *far;
	struct rx_address here, there;
	struct rx_arrival in;
	uint8_t id[RX_ID_BYTES];
	char dir[256];

	admin = new_register(dir, "far", CITY);
	ok(enrol(admin, "far", RX_ROLE_DIRECTOR, VILLAGE2), &st);
	far = sign_in(dir, "far");
	must(rx_address_issue(s, NULL, &here, &st));
	must(rx_address_issue(far, NULL, &there, &st));
	add_child(s, "n4", VILLAGE1);
	find_child(s, "n4", id);
	must(rx_departure_seal(s, id, there.bytes, sizeof(there.bytes),
	    there.fingerprint, "x", SIZE_MAX, &out, &st));
	add_child(far, "f1", VILLAGE2);
	find_child(far, "f1", id);
	must(rx_departure_seal(far, id, here.bytes, sizeof(here.bytes),
	    here.fingerprint, "x", SIZE_MAX, &back, &st));
	must(rx_arrival_take(s, back.b, back.len, there.fingerprint, &receipt,
	    &in, &st));
	rx_buf_free(&out);
	rx_buf_free(&back);
	rx_buf_free(&receipt);
	rx_session_close(far);
	rx_session_close(admin);
}

/* ${s} makes a bundle, and has opened one of his from a copy. */
static void
bundles_travel(struct rx_session *s)
{
	static const uint8_t copy[RX_ID_BYTES] = { 1 };
	struct rx_bundle info;

	must(rx_bundle_seal(s, VILLAGE1, SIZE_MAX, &sent, &info, &st));
	must(rx_begin(s, &st));
	must(rx_finish(s, rx_bundle_remember(s, copy, 1, rx_time_now(),
	    s->user_id, &st), RX_DID_BUNDLE, NULL, "open", &st));
}

/* What somebody new to ${admin}'s register does in a village: "new" saves, flags,
 * takes a case over, offers one, and erases one, has to do with another register
 * and with copies; "late" has no keys yet, nor has "heir", who is to follow d2. */
static void
new_one_works(struct rx_session *admin, const char *dir)
{
	struct rx_secret *p = test_passphrase("heir");
	struct rx_save_result activity;
	struct rx_handover leave;
	struct rx_session *s;
	struct rx_countersigned c;
	uint8_t id[RX_ID_BYTES];
	char number[16];

	ok(enrol(admin, "new", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "signer", RX_ROLE_SUPERVISOR, TOWN), &st);
	rx_session_close(sign_in(dir, "d1"));	/* hands him the keys */
	s = sign_in(dir, "d2");
	must(rx_transfer_offer(s, moved, VILLAGE1, "x", &st));
	rx_session_close(s);
	s = sign_in(dir, "new");
	must(rx_transfer_accept(s, moved, number, &st));
	add_child(s, "n1", VILLAGE1);
	add_child(s, "n2", VILLAGE1);
	find_child(s, "n1", id);
	must(rx_transfer_offer(s, id, VILLAGE2, "x", &st));
	find_child(s, "n2", erased);
	must(rx_child_erase(s, erased, "x", &st));
	add_child(s, "n3", VILLAGE1);
	find_child(s, "n3", flagged);
	ok(observe(s, "o3", "n3", "2025-06-01", "self_harm", "red"), &st);
	ok(save(s, RX_ACTIVITY, false, &activity, "{'id':'a1','unit':'"
	    VILLAGE1 "','date':'2025-06-01','kind':'camp','held':true}"), &st);
	memcpy(held, activity.id, RX_ID_BYTES);
	cases_travel(s);
	bundles_travel(s);
	rx_session_close(s);
	s = sign_in(dir, "signer");
	must(rx_audit_countersign(s, &c, NULL, NULL, &st));
	rx_session_close(s);
	ok(enrol(admin, "late", RX_ROLE_STATISTICIAN, CITY), &st);
	must(rx_user_handover(admin, "d2", "heir", p, false, &leave, &st));
	assert_false(leave.ended);
	rx_secret_free(p);
}

/* A session that writes nothing knows those who came after it all the same: it takes
 * nothing that they signed for a forgery. */
static void
test_session_that_only_reads_knows_who_came_after_it(void **state)
{
	static const struct {
		const char *what, *user;
		rx_err (*act)(struct rx_session *, size_t *);
	} acts[] = {
		{ "verification", "d1", act_verify },
		{ "list of the audit", "d1", act_list },
		{ "entries", "d1", act_each },
		{ "heads", "d1", act_heads },
		{ "erasures", "d1", act_erasures },
		{ "erasure", "d1", act_erasure },
		{ "moves", "d1", act_moves },
		{ "offers", "d2", act_offers },
		{ "case", "s1", act_case },
		{ "keys to be given", "d1", act_pending },
		{ "activity", "d1", act_activity },
		{ "queue", "s1", act_flags },
		{ "departures", "d1", act_departures },
		{ "arrivals", "d1", act_answers },
		{ "bundles", "d1", act_bundles },
		{ "bundle", "d1", act_bundle },
		{ "recipients", "d1", act_recipients },
		{ "fingerprint", "d1", act_fingerprint },
		{ "handovers", "d1", act_handovers },
	};
	enum { ACTS = sizeof(acts) / sizeof(acts[0]) };
	struct rx_session *admin, *d1, *d2, *old[ACTS];
	char dir[256], text[400];
	size_t i, n;
	rx_err rc;

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "d2", RX_ROLE_DIRECTOR, VILLAGE2), &st);
	ok(enrol(admin, "s1", RX_ROLE_SUPERVISOR, TOWN), &st);
	d1 = sign_in(dir, "d1");
	d2 = sign_in(dir, "d2");
	add_child(d2, "c2", VILLAGE2);
	find_child(d2, "c2", moved);
	rx_session_close(d1);
	rx_session_close(d2);
	for (i = 0; i < ACTS; i++)
		old[i] = sign_in(dir, acts[i].user);
	new_one_works(admin, dir);
	for (i = 0; i < ACTS; i++) {
		n = 0;
		rc = try(acts[i].act(old[i], &n));
		rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
		if (rc != RX_OK || n == 0)
			fail_msg("%s: %d, %s; %zu", acts[i].what, (int)rc,
			    text, n);
		rx_session_close(old[i]);
	}
	rx_buf_free(&sent);
	rx_session_close(admin);
}

/* ---- who reviews, when people come and go ---- */

static void
test_flag_goes_to_the_county_when_the_township_is_left_alone(void **state)
{
	struct rx_session *admin, *d1, *county;
	struct shown_case c;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "town", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(enrol(admin, "county", RX_ROLE_SUPERVISOR, COUNTY), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	ok(observe(d1, "o1", "c1", "2025-06-01", "self_harm", "red"), &st);
	add_child(d1, "c2", VILLAGE1);
	county = sign_in(dir, "county");
	refuses(show(county, "c1", "复核", NULL), RX_EPERM, CASE_CLOSED);
	must(rx_user_disable(admin, "town", &st));
	reopen(&d1, dir, "d1");
	must(show(county, "c1", "复核", &c));
	assert_true(c.name);
	refuses(show(county, "c2", "复核", NULL), RX_EPERM, CASE_CLOSED);
	audit_holds(d1);
	/* A new one takes over from the county. */
	ok(enrol(admin, "next", RX_ROLE_SUPERVISOR, TOWN), &st);
	reopen(&d1, dir, "d1");
	refuses(show(county, "c1", "复核", NULL), RX_EPERM, CASE_CLOSED);
	rx_session_close(county);
	rx_session_close(d1);
	rx_session_close(admin);
}

/* Nobody decides his own flag, so it must reach somebody else. */
static void
test_own_flag_of_the_only_supervisor_goes_one_level_up(void **state)
{
	struct rx_session *admin, *both, *county, *city;
	struct rx_flag_row flag;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "both", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "both", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(enrol(admin, "county", RX_ROLE_SUPERVISOR, COUNTY), &st);
	ok(enrol(admin, "city", RX_ROLE_SUPERVISOR, CITY), &st);
	both = sign_in(dir, "both");
	add_child(both, "c1", VILLAGE1);
	ok(observe(both, "o1", "c1", "2025-06-01", "self_harm", "red"), &st);
	city = sign_in(dir, "city");
	refuses(show(city, "c1", "复核", NULL), RX_EPERM, CASE_CLOSED);
	county = sign_in(dir, "county");
	must(show(county, "c1", "复核", NULL));
	must(rx_review_find(county, "o1", &flag, &st));
	assert_int_equal(flag.state, RX_FLAG_OPEN);
	must(rx_review_decide(county, &flag, "close", "已核实", &st));
	refuses(show(county, "c1", "复核", NULL), RX_EPERM, CASE_CLOSED);
	rx_session_close(city);
	rx_session_close(county);
	rx_session_close(both);
	rx_session_close(admin);
}

/* ---- new keys ---- */

#define UNITS 26	/* the township, and its villages */

struct watched {
	struct rx_session *other;	/* who looks at what is there already */
	uint64_t seq;			/* before; and at each unit, from then */
	uint64_t there[UNITS];
	size_t units, cases;
	bool whole;			/* of each unit all of its cases */
};

static void
watch(void *cookie, const char unit[RX_UNIT_BYTES], size_t done, size_t all)
{
	struct watched *w = cookie;
	struct rx_audit_head head;

	(void)unit;
	if (all > 0) {
		w->cases++;
		w->whole &= done == 1 && all == 1;
		return;
	}
	assert_true(w->units < UNITS);
	must(rx_audit_head(w->other, &head, &st));
	w->there[w->units++] = head.seq - w->seq;
}

/* Of more units than one transaction takes: what one has written others see before
 * the next begins, and who waits is told how far it is. */
static void
test_new_keys_of_many_units_are_made_some_at_a_time(void **state)
{
	struct watched w = { .whole = true };
	struct rx_buf tsv = RX_BUF_INIT;
	struct rx_audit_head head;
	struct rx_session *wide;
	char dir[256], id[16], unit[16];
	size_t i, n;

	(void)state;
	rx_rotation_watch(watch, &w);
	w.other = new_register(dir, "many", COUNTY);
	for (i = 1; i < UNITS; i++)
		must(rx_buf_printf(&tsv, &st, "3501020011%02zu\t村%zu\tvillage\t"
		    "350102001\n", i, i));
	must(rx_unit_import(w.other, (const char *)tsv.b, tsv.len, &n,
	    &st));
	assert_int_equal(n, UNITS - 1);
	rx_buf_free(&tsv);
	ok(enrol(w.other, "wide", RX_ROLE_DIRECTOR, TOWN), &st);
	wide = sign_in(dir, "wide");
	for (i = 1; i < UNITS; i++) {
		(void)snprintf(id, sizeof(id), "c%zu", i);
		(void)snprintf(unit, sizeof(unit), "3501020011%02zu", i);
		add_child(wide, id, unit);
	}
	must(rx_audit_head(w.other, &head, &st));
	w.seq = head.seq;
	must(rx_rotate(wide, NULL, &n, &st));
	assert_int_equal(n, UNITS);
	assert_int_equal(w.units, UNITS);
	assert_int_equal(w.there[0], 0);
	assert_int_equal(w.there[23], 0);
	assert_int_equal(w.there[24], 24);
	assert_int_equal(w.there[25], 24);
	assert_int_equal(w.cases, UNITS - 1);
	assert_true(w.whole);
	reopen(&wide, dir, "wide");
	assert_int_equal(listed(wide, "c1").all, UNITS - 1);
	assert_string_equal(listed(wide, "c25").name, "林c25");
	audit_holds(wide);
	rx_session_close(wide);
	rx_session_close(w.other);
	rx_rotation_watch(NULL, NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_no_key_for_a_statistician_enrolled_after_the_data),
		cmocka_unit_test(
		    test_statistician_enrolled_before_the_keys_waits_for_nobody),
		cmocka_unit_test(
		    test_statistician_hands_coded_keys_to_another),
		cmocka_unit_test(
		    test_no_key_second_director_of_a_village_waits_for_the_first),
		cmocka_unit_test(
		    test_village_director_enrolled_after_the_wide_one_gets_the_keys),
		cmocka_unit_test(
		    test_wide_director_enrolled_after_the_village_gets_the_keys),
		cmocka_unit_test(
		    test_director_of_a_county_writes_there_after_its_statistician),
		cmocka_unit_test(
		    test_no_key_to_names_is_ever_in_a_statisticians_hands),
		cmocka_unit_test(
		    test_session_goes_on_after_somebody_new_has_written),
		cmocka_unit_test(
		    test_reading_session_takes_keys_from_somebody_new),
		cmocka_unit_test(
		    test_session_that_only_reads_knows_who_came_after_it),
		cmocka_unit_test(
		    test_flag_goes_to_the_county_when_the_township_is_left_alone),
		cmocka_unit_test(
		    test_own_flag_of_the_only_supervisor_goes_one_level_up),
		cmocka_unit_test(
		    test_new_keys_of_many_units_are_made_some_at_a_time),
	};

	return (cmocka_run_group_tests_name("enrol", tests, setup_none, NULL));
}
