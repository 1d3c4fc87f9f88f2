/*
 * Slots of before: once they lay among the keys and held a case's keys
 * themselves.  What a register has of them is read, follows its supervisor to new
 * keys, goes with whom or what it was for, and is moved by the first director.
 */

#include <stdio.h>
#include <string.h>

#include "register/save.h"
#include "tests/fixture.h"

static struct rx_status st;

#define try(expr) (rx_status_clear(&st), (expr))
#define must(expr) ok(try(expr), &st)

#define OLD "SELECT count(*) FROM keys.slot"
#define NEW "SELECT count(*) FROM main.slot"
#define LEADS "SELECT count(*) FROM keys.slot_key"
#define OF(user) "(SELECT id FROM keys.user WHERE name = '" user "')"
#define OF_C1 " WHERE child = $c1"
#define OF_D1 " WHERE child IN ($c1, $c2)"

/* ---- a register of before ---- */

/* Put the slot ${w}, unsealed and closed, among the keys; open with those of the
 * case, if it is ${flagged}. */
static void
slot_before(struct rx_session *s, const struct rx_case *c, struct rx_slot *w,
    bool flagged)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	struct rx_value v[3];

	if (flagged) {
		w->kind = RX_GRANT_OPEN;
		w->keys[0] = e->key[0];
		w->keys[1] = e->key[1];
	}
	must(rx_slot_seal(w, s, &st));
	v[0] = rx_bytes(c->id, RX_ID_BYTES);
	v[1] = rx_bytes(w->recipient, RX_ID_BYTES);
	v[2] = rx_bytes(w->box, sizeof(w->box));
	must(rx_store_replace(s->store, RX_TABLE_SLOT_OLD, v, &st));
}

/* In the transaction of ${s}: the slots of case ${id} as they were before.  (No
 * level above the township has a supervisor, so all are open or none.) */
static void
case_before(struct rx_session *s, const uint8_t *id, const char *unit)
{
	struct rx_case_state state;
	struct rx_slot slots[8];
	struct rx_case c;
	uint32_t gone = 0;
	size_t i, n;

	rx_case_init(&c);
	must(rx_case_load(&c, s, id, unit, RX_CASE_KEYS, &st));
	must(rx_case_state(s, &c, &state, NULL, NULL, &st));
	must(rx_slots_forget(s, id, &gone, &st));
	n = rx_slots_closed(&c, s, slots, 8);
	assert_int_equal(n, gone);
	for (i = 0; i < n; i++)
		slot_before(s, &c, &slots[i], state.flagged);
	rx_case_done(&c, s);
}

/* The cases of d1, whose session ${s} is. */
static void
cases_before(struct rx_session *s)
{

	must(rx_begin(s, &st));
	case_before(s, fixture_id[C1], VILLAGE1);
	case_before(s, fixture_id[C2], VILLAGE1);
	must(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
}

static const char *
register_before(void)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");

	cases_before(s);
	rx_session_close(s);
	/* c1 and c2, s1 and gone */
	assert_int_equal(fixture_number(dir, OLD OF_D1), 4);
	assert_int_equal(fixture_number(dir, NEW OF_D1), 0);
	assert_int_equal(fixture_number(dir, LEADS OF_D1), 0);
	return (dir);
}

/* ---- looking ---- */

/* How many records of ${id} the user of ${s} reads. */
static size_t
reads(struct rx_session *s, enum fixture_id id)
{
	size_t n;

	must(fixture_show(s, fixture_id[id], "reason", &n, &st));
	return (n);
}

/* Everything verifies, s1 reads the flagged case, and the other he does not. */
static void
as_it_should_be(const char *dir, const char *user)
{
	struct rx_session *s = fixture_open(dir, user);
	size_t n;

	must(fixture_verify(s, NULL, &st));
	assert_int_equal(reads(s, C1), 3);
	refused(try(fixture_show(s, fixture_id[C2], "reason", &n, &st)),
	    RX_EPERM, &st);
	assert_int_equal(n, 0);
	rx_session_close(s);
}

/* How many of the slots that query ${q} finds for s1, whose session ${s} is, are of
 * the ${kind}. */
static size_t
of_kind(struct rx_session *s, enum rx_query q, enum rx_grant_kind kind)
{
	const struct rx_value arg = rx_bytes(s->user_id, RX_ID_BYTES);
	struct rx_cursor *cur;
	struct rx_grant g;
	const uint8_t *box;
	size_t n, found = 0;
	bool row = false;

	must(rx_query_open(&cur, s->store, q, &arg, 1, &st));
	for (;;) {
		must(rx_query_next(cur, &row, &st));
		if (!row)
			break;
		box = rx_col_bytes(cur, 2, &n);
		must(rx_grant_open(&g, box, n, s->id, &st));
		found += g.kind == kind;
		rx_wipe(&g, sizeof(g));
	}
	rx_query_close(cur);
	return (found);
}

/* Whether d1's cases have all their slots where they belong, and no others. */
static void
moved(const char *dir)
{
	struct rx_session *s;

	assert_int_equal(fixture_number(dir, OLD OF_D1), 0);
	assert_int_equal(fixture_number(dir, NEW OF_D1), 4);
	assert_int_equal(fixture_number(dir, LEADS OF_D1), 2);
	s = fixture_open(dir, "s1");
	/* c1 and d2's c3; c2 */
	assert_int_equal(of_kind(s, RX_Q_SLOTS_TO, RX_GRANT_SLOT), 2);
	assert_int_equal(of_kind(s, RX_Q_SLOTS_TO, RX_GRANT_CLOSED), 1);
	assert_int_equal(of_kind(s, RX_Q_SLOTS_TO, RX_GRANT_OPEN), 0);
	rx_session_close(s);
}

/* ---- tests ---- */

static void
test_supervisor_reads_through_a_slot_of_before(void **state)
{
	const char *dir = register_before();
	struct rx_session *s;
	size_t n;

	(void)state;
	as_it_should_be(dir, "s1");
	as_it_should_be(dir, "gone");
	/* Who reads moves nothing. */
	assert_int_equal(fixture_number(dir, OLD OF_D1), 4);
	assert_int_equal(fixture_number(dir, NEW OF_D1), 0);
	/* The control: it is by that slot that he does. */
	fixture_tamper(dir, "DELETE FROM keys.slot WHERE child = $c1 AND "
	    "recipient = $s1");
	s = fixture_open(dir, "s1");
	refused(try(fixture_show(s, fixture_id[C1], "reason", &n, &st)),
	    RX_EPERM, &st);
	rx_session_close(s);
}

static void
test_slot_of_before_follows_its_supervisor_to_new_keys(void **state)
{
	static const char sealed[] = "SELECT sealed FROM keys.slot WHERE "
	    "child = $c1 AND recipient = $s1";
	const char *dir = register_before();
	struct rx_buf old = RX_BUF_INIT, anew = RX_BUF_INIT;
	struct rx_session *s = fixture_open(dir, "s1");
	struct rx_secret *p = test_passphrase("s1-pass");
	struct rx_grant g;

	(void)state;
	fixture_blob(dir, sealed, &old);
	must(rx_session_passwd(s, p, &st));
	rx_secret_free(p);
	rx_session_close(s);
	rx_session_close(fixture_open(dir, "admin"));	/* certifies */
	as_it_should_be(dir, "s1");
	as_it_should_be(dir, "gone");
	assert_int_equal(fixture_number(dir, OLD OF_D1), 4);
	assert_int_equal(fixture_number(dir, NEW OF_D1), 0);
	s = fixture_open(dir, "s1");
	fixture_blob(dir, sealed, &anew);
	refused(try(rx_grant_open(&g, old.b, old.len, s->id, &st)),
	    RX_ECORRUPT, &st);
	must(rx_grant_open(&g, anew.b, anew.len, s->id, &st));
	assert_int_equal(g.kind, RX_GRANT_OPEN);
	rx_wipe(&g, sizeof(g));
	/* With the sealed data lies none that holds a case's keys. */
	assert_int_equal(of_kind(s, RX_Q_SLOTS_TO, RX_GRANT_OPEN), 0);
	assert_int_equal(of_kind(s, RX_Q_SLOTS_TO, RX_GRANT_SLOT), 1);
	assert_int_equal(of_kind(s, RX_Q_SLOTS_OLD_TO, RX_GRANT_OPEN), 1);
	assert_int_equal(of_kind(s, RX_Q_SLOTS_OLD_TO, RX_GRANT_CLOSED), 1);
	rx_session_close(s);
	/* And a director still moves it. */
	rx_session_close(fixture_open(dir, "d1"));
	moved(dir);
	as_it_should_be(dir, "s1");
	rx_buf_free(&old);
	rx_buf_free(&anew);
}

static void
test_director_moves_the_slots_of_before_when_he_signs_in(void **state)
{
	const char *dir = register_before();

	(void)state;
	/* The control: whoever else signs in does not. */
	rx_session_close(fixture_open(dir, "d2"));
	rx_session_close(fixture_open(dir, "admin"));
	assert_int_equal(fixture_number(dir, OLD OF_D1), 4);
	rx_session_close(fixture_open(dir, "d1"));
	moved(dir);
	as_it_should_be(dir, "s1");
	as_it_should_be(dir, "gone");
}

/* Keys to slots are there, so that it is for the slots alone that a case is written
 * anew. */
static void
test_slots_of_before_beside_keys_to_slots_are_moved_too(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_case c;

	(void)state;
	cases_before(s);
	rx_case_init(&c);
	must(rx_begin(s, &st));
	must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS,
	    &st));
	must(rx_slot_keys_put(&c, s, &st));
	must(rx_case_load(&c, s, fixture_id[C2], VILLAGE1, RX_CASE_KEYS,
	    &st));
	must(rx_slot_keys_put(&c, s, &st));
	must(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
	rx_case_done(&c, s);
	rx_session_close(s);
	assert_int_equal(fixture_number(dir, LEADS OF_D1), 2);
	assert_int_equal(fixture_number(dir, OLD OF_D1), 4);
	as_it_should_be(dir, "s1");
	rx_session_close(fixture_open(dir, "d1"));
	moved(dir);
	as_it_should_be(dir, "s1");
}

/* One who was signed in before writes one case: that one is moved, with the keys
 * that its slots lead to, and the other waits. */
static void
test_saving_moves_the_slots_of_before_of_that_case(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");

	(void)state;
	cases_before(s);
	fixture_save(s, RX_OBSERVATION, "{\"id\":\"n1\",\"child\":\"c1\","
	    "\"date\":\"2025-06-06\",\"channel\":\"home_visit\","
	    "\"signs\":[\"mood_low\"],\"risk\":\"orange\",\"note\":\"x\"}",
	    false, NULL);
	rx_session_close(s);
	assert_int_equal(fixture_number(dir, OLD OF_C1), 0);
	assert_int_equal(fixture_number(dir, NEW OF_C1), 2);
	assert_int_equal(fixture_number(dir, LEADS OF_C1), 1);
	assert_int_equal(fixture_number(dir, OLD OF_D1), 2);
	assert_int_equal(fixture_number(dir, NEW OF_D1), 2);
	assert_int_equal(fixture_number(dir, LEADS OF_D1), 1);
	s = fixture_open(dir, "s1");
	must(fixture_verify(s, NULL, &st));
	assert_int_equal(reads(s, C1), 4);
	rx_session_close(s);
	rx_session_close(fixture_open(dir, "d1"));
	moved(dir);
}

#define OLD_OF_GONE OLD " WHERE recipient = $gone"

/* His old keys are lost, perhaps to somebody: nothing stays sealed to them. */
static void
test_user_who_gets_keys_anew_loses_his_slots_of_before(void **state)
{
	const char *dir = register_before();
	struct rx_session *s = fixture_open(dir, "admin");
	struct rx_secret *p = test_passphrase("gone-pass");

	(void)state;
	assert_int_equal(fixture_number(dir, OLD_OF_GONE), 2);
	must(rx_user_reset(s, "gone", p, &st));
	rx_secret_free(p);
	rx_session_close(s);
	assert_int_equal(fixture_number(dir, OLD_OF_GONE), 0);
	/* The control: the other's stay. */
	assert_int_equal(fixture_number(dir, OLD " WHERE recipient = $s1"), 2);
	as_it_should_be(dir, "s1");
	/* He gets new ones, where they belong. */
	rx_session_close(fixture_open(dir, "d1"));
	moved(dir);
	as_it_should_be(dir, "gone");
}

/* One came back: the other supervisor lacks none, so it is for this alone that the
 * case is written anew. */
static void
test_slot_of_before_of_who_supervises_no_longer_goes_at_sign_in(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "admin");
	uint8_t box[RX_GRANT_BYTES];
	const struct rx_value v[3] = { rx_bytes(fixture_id[C1], RX_ID_BYTES),
	    rx_bytes(fixture_id[GONE], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };

	(void)state;
	must(rx_user_disable(s, "gone", &st));
	rx_session_close(s);
	s = fixture_open(dir, "d1");	/* has it all in order */
	rx_random(box, sizeof(box));
	must(rx_begin(s, &st));
	must(rx_store_replace(s->store, RX_TABLE_SLOT_OLD, v, &st));
	must(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
	rx_session_close(s);
	assert_int_equal(fixture_number(dir, OLD_OF_GONE), 1);
	rx_session_close(fixture_open(dir, "d1"));
	assert_int_equal(fixture_number(dir, OLD_OF_GONE), 0);
	as_it_should_be(dir, "s1");
}

static rx_err
take_slots(void *cookie, const struct rx_erasure *e, struct rx_status *u)
{

	(void)u;
	*(uint32_t *)cookie = e->slots;
	return (RX_OK);
}

static void
test_erased_child_leaves_no_slot_of_before(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	uint32_t slots = 0;
	size_t n;

	(void)state;
	cases_before(s);
	assert_int_equal(fixture_number(dir, OLD OF_C1), 2);
	must(rx_child_erase(s, fixture_id[C1], "迁出", &st));
	assert_int_equal(fixture_number(dir, OLD OF_C1), 0);
	assert_int_equal(fixture_number(dir, NEW OF_C1), 0);
	assert_int_equal(fixture_number(dir, LEADS OF_C1), 0);
	/* Those of another stay; and the certificate counts these. */
	assert_int_equal(fixture_number(dir, OLD OF_D1), 2);
	must(rx_erasures(s, take_slots, &slots, &st));
	assert_int_equal(slots, 2);
	must(rx_erasure_verify(s, &n, &st));
	must(fixture_verify(s, NULL, &st));
	rx_session_close(s);
}

/* More supervisors than are foreseen when a record is sealed ahead: each has his
 * slot all the same. */
static void
test_every_one_of_many_supervisors_has_a_slot(void **state)
{
	static const char record[] = "{\"id\":\"o9\",\"child\":\"c2\","
	    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
	    "\"signs\":[\"mood_low\"],\"risk\":\"green\"}";
	static const char slots[] = NEW " WHERE child = $c2";
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin"), *s;
	struct rx_secret *p = test_passphrase("many-pass");
	char name[24];
	size_t i;

	(void)state;
	for (i = 0; i < RX_ASIDE_SLOTS; i++) {
		(void)snprintf(name, sizeof(name), "many%zu", i);
		must(rx_user_add(admin, name, RX_ROLE_SUPERVISOR, "350102001",
		    p, &st));
	}
	rx_session_close(admin);
	/* Those of s1 and gone, until somebody writes; signing in mends them, so
	 * that they are taken away for the save. */
	assert_int_equal(fixture_number(dir, slots), 2);
	s = fixture_open(dir, "d1");
	fixture_tamper(dir, "DELETE FROM main.slot WHERE child = $c2");
	fixture_save(s, RX_OBSERVATION, record, false, NULL);
	assert_int_equal(fixture_number(dir, slots), 2 + RX_ASIDE_SLOTS);
	rx_session_close(s);
	/* All of them open as what they are. */
	for (i = 0; i < RX_ASIDE_SLOTS; i++) {
		(void)snprintf(name, sizeof(name), "many%zu", i);
		must(rx_session_open(&s, dir, name, p, &st));
		assert_int_equal(of_kind(s, RX_Q_SLOTS_TO, RX_GRANT_CLOSED),
		    1);
		rx_session_close(s);
	}
	rx_secret_free(p);
}

/* ---- slots of now ---- */

/* More cases than are written at once: the director's sign-in is several entries of
 * the audit then, between which others save. */
static void
test_new_supervisor_gets_a_slot_in_every_one_of_many_cases(void **state)
{
	static const char grants[] = "SELECT count(*) FROM main.audit";
	const char *dir = fixture_many();
	struct rx_secret *p = test_passphrase("s9-pass");
	struct rx_session *s;
	int64_t cases, before;
	size_t n;

	(void)state;
	s = fixture_open(dir, "admin");
	must(rx_user_add(s, "s9", RX_ROLE_SUPERVISOR, "350102001", p, &st));
	rx_secret_free(p);
	rx_session_close(s);
	cases = fixture_number(dir, "SELECT count(DISTINCT id) FROM main.child "
	    "WHERE unit = '350102001001'");
	assert_true(cases > 100 && cases <= 200);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM main.slot "
	    "WHERE recipient = " OF("s9")), 0);
	before = fixture_number(dir, grants);
	rx_session_close(fixture_open(dir, "d1"));
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM main.slot "
	    "WHERE recipient = " OF("s9")), cases);
	assert_int_equal(fixture_number(dir, grants), before + 2);
	/* Open where there is a flag, and nowhere else. */
	s = fixture_open(dir, "s9");
	must(fixture_show(s, fixture_id[C1], "核实", &n, &st));
	assert_true(n > 0);
	assert_int_equal(try(fixture_show(s, fixture_id[C2], "核实", &n,
	    &st)), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_CASE_CLOSED);
	must(fixture_verify(s, NULL, &st));
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_supervisor_reads_through_a_slot_of_before),
		cmocka_unit_test(
		    test_slot_of_before_follows_its_supervisor_to_new_keys),
		cmocka_unit_test(
		    test_director_moves_the_slots_of_before_when_he_signs_in),
		cmocka_unit_test(
		    test_slots_of_before_beside_keys_to_slots_are_moved_too),
		cmocka_unit_test(
		    test_saving_moves_the_slots_of_before_of_that_case),
		cmocka_unit_test(
		    test_user_who_gets_keys_anew_loses_his_slots_of_before),
		cmocka_unit_test(
	    test_slot_of_before_of_who_supervises_no_longer_goes_at_sign_in),
		cmocka_unit_test(test_erased_child_leaves_no_slot_of_before),
		cmocka_unit_test(test_every_one_of_many_supervisors_has_a_slot),
		cmocka_unit_test(
		    test_new_supervisor_gets_a_slot_in_every_one_of_many_cases),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
