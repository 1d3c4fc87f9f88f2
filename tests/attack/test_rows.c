/*
 * One row of the register exchanged, cut, taken away or put back by somebody who
 * has the files: whoever comes to it says which it is, and changes nothing.
 */

#include <stdio.h>
#include <string.h>

#include "store/internal.h"
#include "tests/fixture.h"

#define VILLAGE "350102001001"

static struct rx_status st;
static const char *another;		/* register */
static uint8_t far_id[FIXTURE_IDS][RX_ID_BYTES];
static uint8_t here[RX_ID_BYTES];	/* a case that came from there */

#define must(expr) (rx_status_clear(&st), ok((expr), &st))

/* ---- what is there before ---- */

static void
child(const char *dir, const char *user, const char *unit, const char *school)
{
	struct rx_session *s = fixture_open(dir, user);
	char text[300];

	(void)snprintf(text, sizeof(text), "{\"id\":\"c1\",\"unit\":\"%s\","
	    "\"name\":\"甲\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\","
	    "\"school\":\"%s\"}", unit, school);
	fixture_save(s, RX_CHILD, text, true, NULL);
	rx_session_close(s);
}

/* c1 has new keys. */
static void
renew(const char *dir, const char *school)
{
	struct rx_session *s = fixture_open(dir, "d1");
	size_t n;

	must(rx_rotate(s, NULL, &n, &st));
	rx_session_close(s);
	child(dir, "d1", VILLAGE, school);
}

static void
before_renewed(const char *dir)
{

	renew(dir, "三小");
}

static void
before_renewed_twice(const char *dir)
{

	renew(dir, "三小");
	renew(dir, "四小");
}

static void
address_of(const char *dir, const char *user, struct rx_address *a)
{
	struct rx_session *s = fixture_open(dir, user);

	must(rx_address_issue(s, NULL, a, &st));
	rx_session_close(s);
}

/* ${id} of d1 in ${from} is offered to d2 in ${to}. */
static void
depart(const char *from, const uint8_t *id, const char *to,
    struct rx_buf *file)
{
	struct rx_session *s;
	struct rx_address a;

	address_of(to, "d2", &a);
	s = fixture_open(from, "d1");
	must(rx_departure_seal(s, id, a.bytes, RX_ADDRESS_BYTES,
	    a.fingerprint, "搬家", SIZE_MAX, file, &st));
	rx_session_close(s);
}

static void
before_offered(const char *dir)
{
	struct rx_buf file = RX_BUF_INIT;

	depart(dir, fixture_id[C1], fixture_copy_of(another), &file);
	rx_buf_free(&file);
}

static void
before_came(const char *dir)
{
	const char *far = fixture_copy_of(another);
	struct rx_buf file = RX_BUF_INIT, receipt = RX_BUF_INIT;
	struct rx_arrival in;
	struct rx_address from;
	struct rx_session *s;

	depart(far, far_id[C1], dir, &file);
	address_of(far, "d1", &from);
	s = fixture_open(dir, "d2");
	must(rx_arrival_take(s, file.b, file.len, from.fingerprint, &receipt,
	    &in, &st));
	memcpy(here, in.child, sizeof(here));
	rx_session_close(s);
	rx_buf_free(&file);
	rx_buf_free(&receipt);
}

/* ---- who comes to it ---- */

static rx_err
each_child(void *c, const struct rx_child_row *row, struct rx_status *u)
{

	(void)c;
	(void)row;
	(void)u;
	return (RX_OK);
}

static rx_err
each_record(void *c, const struct rx_record *r, struct rx_status *u)
{

	(void)c;
	(void)r;
	(void)u;
	return (RX_OK);
}

static rx_err
each_residue(void *c, const struct rx_residue *r, struct rx_status *u)
{

	(void)c;
	(void)r;
	(void)u;
	return (RX_OK);
}

static rx_err
each_departure(void *c, const struct rx_departure_row *row,
    struct rx_status *u)
{

	(void)c;
	(void)row;
	(void)u;
	return (RX_OK);
}

static rx_err
each_answer(void *c, const struct rx_answered *row, struct rx_status *u)
{

	(void)c;
	(void)row;
	(void)u;
	return (RX_OK);
}

static rx_err
each_origin(void *c, const struct rx_address *a, const struct rx_record *r,
    const char *author, struct rx_status *u)
{

	(void)a;
	(void)author;
	return (each_record(c, r, u));
}

#define ACT(name, expr) static rx_err \
	name(struct rx_session *s) { return (expr); }
ACT(act_list, rx_child_each(s, 0, 0, each_child, NULL, &st))
ACT(act_show, rx_child_show(s, fixture_id[C1], NULL, each_record, NULL, &st))
ACT(act_glance, rx_child_glance(s, fixture_id[C1], each_child, NULL, &st))
ACT(act_find, rx_child_find(s, "c1", (uint8_t[RX_ID_BYTES]){ 0 }, &st))
ACT(act_departures, rx_departure_each(s, NULL, true, each_departure, NULL,
    &st))
ACT(act_answers, rx_arrival_each(s, each_answer, NULL, &st))

static rx_err
act_form(struct rx_session *s)
{
	struct rx_mark mark;

	return (rx_form_each(s, "350102000000\0\0\0", each_record, NULL,
	    each_residue, NULL, &mark, &st));
}

static rx_err
act_origin(struct rx_session *s)
{
	unsigned n;

	return (rx_origin_each(s, here, NULL, each_origin, NULL, &n, &st));
}

static rx_err
act_observe(struct rx_session *s)
{
	static const char text[] = "{\"id\":\"o9\",\"child\":\"c1\","
	    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
	    "\"signs\":[\"mood_low\"],\"risk\":\"yellow\"}";
	struct rx_save_result result;
	json_t *json;
	rx_err rc;

	must(rx_json_parse(&json, text, sizeof(text) - 1, &st));
	rc = rx_save(s, RX_OBSERVATION, json, false, &result, &st);
	json_decref(json);
	return (rc);
}

/* As with new keys of his own: every slot of his is sealed anew. */
static rx_err
act_rekey(struct rx_session *s)
{
	rx_err rc;

	must(rx_begin(s, &st));
	rc = rx_slots_rekey(s, s->id, &st);
	rx_abandon(s);
	return (rc);
}

/* To keys that are none. */
static rx_err
act_rekey_to_none(struct rx_session *s)
{
	static const struct rx_identity none;
	rx_err rc;

	must(rx_begin(s, &st));
	rc = rx_slots_rekey(s, &none, &st);
	rx_abandon(s);
	return (rc);
}

/* A case of which nobody asks for the keys themselves. */
static rx_err
act_load_none(struct rx_session *s)
{
	struct rx_case c;
	rx_err rc;

	rx_case_init(&c);
	rc = rx_case_load(&c, s, fixture_id[C1], VILLAGE1, 0, &st);
	rx_case_done(&c, s);
	return (rc);
}

/* The child alone, and what is known of it: both under keys that are there. */
static rx_err
act_open_child(struct rx_session *s)
{
	struct rx_record r;
	struct rx_case c;
	rx_err rc;

	rx_record_init(&r);
	rx_case_init(&c);
	must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS, &st));
	rc = rx_child_open(s, &c, RX_CASE_KEYS, true, &r, &st);
	rx_case_done(&c, s);
	rx_record_free(&r);
	return (rc);
}

static rx_err
act_case_known(struct rx_session *s)
{
	struct rx_known *k;
	struct rx_case c;
	rx_err rc;

	rx_case_init(&c);
	rc = rx_case_known(s, &c, fixture_id[C1], VILLAGE1, &k, &st);
	assert_true((k != NULL) == (rc == RX_OK));
	rx_case_done(&c, s);
	return (rc);
}

/* ---- the attacks ---- */

#define SPLICED(column) "CAST(substr(" column ", 1, 24) || x'00000063' || " \
    "substr(" column ", 29) AS BLOB)"
static const struct {
	const char *what, *user, *sql;
	void (*before)(const char *dir);
	rx_err (*act)(struct rx_session *);
	rx_err code;
	enum rx_msg msg;
} attacks[] = {
	{ "key of a case that is none", "d1", "UPDATE keys.case_key SET "
	    "coded = x'00' WHERE child = $c1", NULL, act_list, RX_ECORRUPT,
	    RX_MSG_SEALED_CORRUPT },
	{ "keys of a case of an epoch far away", "d1", "UPDATE keys.case_key "
	    "SET epoch = 201 WHERE child = $c1", NULL, act_load_none,
	    RX_EINTERNAL, RX_MSG_CASE_EPOCHS },
	{ "exchanged link", "d1", "UPDATE keys.case_link SET coded = identity "
	    "WHERE child = $c1", before_renewed, act_show, RX_ECORRUPT,
	    RX_MSG_SEALED_CORRUPT },
	{ "missing link", "d1", "DELETE FROM keys.case_link WHERE "
	    "child = $c1", before_renewed, act_show, RX_ECORRUPT,
	    RX_MSG_CASE_KEYS_MISSING },
	{ "missing link among others", "d1", "DELETE FROM keys.case_link "
	    "WHERE child = $c1 AND epoch = 3", before_renewed_twice, act_show,
	    RX_ECORRUPT, RX_MSG_CASE_KEYS_MISSING },
	{ "child that is missing, in a list", "d1", "DELETE FROM child WHERE "
	    "id = $c1", NULL, act_glance, RX_ENOENT, RX_MSG_CHILD_UNKNOWN },
	{ "child that is missing, in its file", "d1", "DELETE FROM child "
	    "WHERE id = $c1", NULL, act_show, RX_ENOENT,
	    RX_MSG_CHILD_UNKNOWN },
	{ "child that is missing, alone", "d1", "DELETE FROM child WHERE "
	    "id = $c1", NULL, act_open_child, RX_ENOENT,
	    RX_MSG_CHILD_UNKNOWN },
	{ "child that is missing, of what is known", "d1", "DELETE FROM "
	    "child WHERE id = $c1", NULL, act_case_known, RX_ENOENT,
	    RX_MSG_CHILD_UNKNOWN },
	{ "child of an id that is none", "d1", "UPDATE child SET "
	    "id = CAST(substr(id, 1, 15) AS BLOB) WHERE id = $c1", NULL,
	    act_find, RX_ENOENT, RX_MSG_CHILD_UNKNOWN },
	{ "slot of a case without keys", "s1", "DELETE FROM keys.case_key "
	    "WHERE child = $c1", NULL, act_rekey, RX_ECORRUPT,
	    RX_MSG_CASE_KEYS_MISSING },
	{ "slot of no child", "s1", "UPDATE main.slot SET child = x'' WHERE "
	    "child = $c1 AND recipient = $s1", NULL, act_rekey, RX_ECORRUPT,
	    RX_MSG_GRANT_CORRUPT },
	{ "offer of no file", "d1", "UPDATE keys.departure SET digest = x'01'",
	    before_offered, act_departures, RX_ECORRUPT,
	    RX_MSG_SEALED_CORRUPT },
	{ "offer under keys that there are not", "d1", "UPDATE keys.departure "
	    "SET coded = " SPLICED("coded"), before_offered, act_departures,
	    RX_ECORRUPT, RX_MSG_SEALED_CORRUPT },
	{ "answer that is none", "d2", "UPDATE arrival SET receipt = x'00'",
	    before_came, act_answers, RX_ECORRUPT, RX_MSG_RECEIPT_CORRUPT },
	{ "answer to no file", "d2", "UPDATE arrival SET digest = x'01'",
	    before_came, act_answers, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT },
	{ "history under keys that there are not", "d2", "UPDATE origin SET "
	    "sealed = " SPLICED("sealed"), before_came, act_origin,
	    RX_ECORRUPT, RX_MSG_SEALED_CORRUPT },
};

/* What ${act} of ${user} answers. */
static rx_err
answer(const char *dir, const char *user, rx_err (*act)(struct rx_session *))
{
	struct rx_session *s = fixture_open(dir, user);
	rx_err rc;

	rx_status_clear(&st);
	rc = act(s);
	rx_session_close(s);
	return (rc);
}

/* ${act} of ${user} is refused with ${code} and ${msg}, and nothing is changed. */
static void
refused_at(const char *what, const char *dir, const char *user,
    rx_err (*act)(struct rx_session *), rx_err code, enum rx_msg msg)
{
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	char text[400];
	rx_err rc;

	fixture_digest(dir, before);
	rc = answer(dir, user, act);
	rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
	if (rc != code || st.msg != msg)
		fail_msg("%s: %d, %s", what, (int)rc, text);
	fixture_digest(dir, after);
	assert_memory_equal(before, after, sizeof(before));
}

static void
test_changed_row_is_refused_by_who_comes_to_it(void **state)
{
	const char *dir, *control;
	char sql[600];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		dir = fixture_copy();
		if (attacks[i].before != NULL)
			attacks[i].before(dir);
		/* What signing in does is done. */
		rx_session_close(fixture_open(dir, attacks[i].user));
		control = fixture_copy_of(dir);
		ok(answer(control, attacks[i].user, attacks[i].act), &st);
		(void)snprintf(sql, sizeof(sql), "PRAGMA "
		    "ignore_check_constraints = 1; %s", attacks[i].sql);
		fixture_tamper(dir, sql);
		refused_at(attacks[i].what, dir, attacks[i].user,
		    attacks[i].act, attacks[i].code, attacks[i].msg);
	}
}

/* The first keys of a case, which others followed, and which no link leads to. */
static void
test_keys_that_were_replaced_are_not_put_back(void **state)
{
	const char *dir = fixture_copy(), *old;
	char sql[700];

	(void)state;
	old = fixture_copy_of(dir);
	renew(dir, "三小");
	renew(dir, "四小");
	rx_session_close(fixture_open(dir, "st"));
	ok(answer(fixture_copy_of(dir), "st", act_form), &st);
	(void)snprintf(sql, sizeof(sql), "ATTACH '%s/keys.db' AS old; INSERT "
	    "INTO keys.case_key SELECT * FROM old.case_key WHERE child = $c1",
	    old);
	fixture_tamper(dir, sql);
	refused_at("form", dir, "st", act_form, RX_ECORRUPT,
	    RX_MSG_CASE_KEYS_MISSING);
}

/* Between keys that lie beside each other a link may be missing: those before them
 * are found by the other's. */
static void
test_keys_that_lie_beside_those_before_need_no_link(void **state)
{
	const char *dir = fixture_copy(), *old;
	char sql[700];

	(void)state;
	renew(dir, "三小");
	old = fixture_copy_of(dir);
	renew(dir, "四小");
	(void)snprintf(sql, sizeof(sql), "ATTACH '%s/keys.db' AS old; INSERT "
	    "INTO keys.case_key SELECT * FROM old.case_key WHERE child = $c1; "
	    "DELETE FROM keys.case_link WHERE child = $c1 AND epoch = 3", old);
	fixture_tamper(dir, sql);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.case_key WHERE child = $c1 AND epoch IN (2, 3)"), 2);
	ok(answer(dir, "d1", act_show), &st);
	/* The control: of those there is one. */
	fixture_tamper(dir, "DELETE FROM keys.case_link WHERE child = $c1");
	refused_at("case", dir, "d1", act_show, RX_ECORRUPT,
	    RX_MSG_CASE_KEYS_MISSING);
}

/* A slot whose recipient is none, of 40 bytes: it is nobody's, and whose it was
 * has his again. */
static void
test_slot_for_nobody_stops_nobody(void **state)
{
	static const char mine[] = "SELECT count(*) FROM main.slot WHERE "
	    "child = $c1 AND recipient = $s1";
	const char *dir = fixture_copy();
	size_t n;

	(void)state;
	fixture_tamper(dir, "PRAGMA ignore_check_constraints = 1; UPDATE "
	    "main.slot SET recipient = zeroblob(40) WHERE child = $c1 AND "
	    "recipient = $s1");
	assert_int_equal(fixture_number(dir, mine), 0);
	ok(answer(dir, "d1", act_observe), &st);
	assert_int_equal(fixture_number(dir, mine), 1);
	ok(answer(dir, "s1", act_rekey), &st);
	n = (size_t)fixture_number(dir, "SELECT count(*) FROM main.slot WHERE "
	    "length(recipient) = 40");
	assert_int_equal(n, 1);
}

/* ---- what a director seals himself ---- */

/* The coded box of o1 (version 2) is one of a child's. */
static void
test_record_of_another_kind_than_its_table_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	uint8_t plain[200] = { RX_CHILD };
	struct rx_buf box = RX_BUF_INIT;
	struct rx_place place;
	struct rx_case c;

	(void)state;
	rx_case_init(&c);
	must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS, &st));
	rx_place_init(&place, s, VILLAGE1, fixture_id[O1], fixture_id[C1],
	    RX_TABLE_RECORD, 5, 2);
	must(rx_field_seal(&box, c.e[c.n - 1].key[2], RX_COMP_CODED,
	    c.e[c.n - 1].epoch, &place, RX_PAD_CODED, plain, sizeof(plain),
	    &st));
	rx_case_done(&c, s);
	rx_session_close(s);
	ok(answer(dir, "d1", act_show), &st);
	fixture_tamper_blob(dir, "UPDATE record SET coded = ?1 WHERE id = $o1 "
	    "AND version = 2", box.b, box.len);
	refused_at("record", dir, "d1", act_show, RX_ECORRUPT,
	    RX_MSG_SEALED_CORRUPT);
	rx_buf_free(&box);
}

/* The id of o9 is a text of the same bytes: what is found by its caller's id is not
 * found by ours. */
static void
test_record_that_its_id_does_not_find_is_refused(void **state)
{
	const char *dir = fixture_copy();

	(void)state;
	ok(answer(dir, "d1", act_observe), &st);
	ok(answer(dir, "d1", act_observe), &st);	/* the control */
	fixture_tamper(dir, "PRAGMA writable_schema = ON; UPDATE "
	    "main.sqlite_schema SET sql = replace(sql, ') STRICT', ')') WHERE "
	    "name = 'record'");
	fixture_tamper(dir, "PRAGMA ignore_check_constraints = 1; UPDATE "
	    "main.record SET id = CAST(id AS TEXT) WHERE id = (SELECT max(id) "
	    "FROM main.record); PRAGMA writable_schema = ON; UPDATE "
	    "main.sqlite_schema SET sql = sql || ' STRICT' WHERE name = "
	    "'record'");
	refused_at("record", dir, "d1", act_observe, RX_ECORRUPT,
	    RX_MSG_SEALED_CORRUPT);
}

/* An offer that does not say to whom. */
static void
test_offer_to_nobody_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_buf box = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_place place;
	struct rx_case c;

	(void)state;
	before_offered(dir);
	ok(answer(dir, "d1", act_departures), &st);
	s = fixture_open(dir, "d1");
	rx_case_init(&c);
	must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS, &st));
	rx_place_init(&place, s, "", fixture_id[C1], fixture_id[C1],
	    RX_TABLE_DEPARTURE, 4, 1);
	must(rx_field_seal(&box, c.e[c.n - 1].key[2], RX_COMP_CODED,
	    c.e[c.n - 1].epoch, &place, RX_PAD_CODED, "x", 1, &st));
	rx_case_done(&c, s);
	rx_session_close(s);
	fixture_tamper_blob(dir, "UPDATE keys.departure SET coded = ?1", box.b,
	    box.len);
	refused_at("offer", dir, "d1", act_departures, RX_ECORRUPT,
	    RX_MSG_SEALED_CORRUPT);
	rx_buf_free(&box);
}

/* ---- keys of a case ---- */

/* Whoever holds one compartment of a case makes no keys of it, and no case has
 * more of them than can be loaded. */
static void
test_keys_of_a_case_come_to_an_end(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_key *key;
	struct rx_case c;
	size_t i;

	(void)state;
	rx_case_init(&c);
	must(rx_begin(s, &st));
	must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1,
	    RX_BIT(RX_COMP_CODED), &st));
	rx_status_clear(&st);
	assert_int_equal(rx_case_renew(&c, s, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_CASE_CLOSED);
	must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS, &st));
	for (i = c.n; i < RX_CASE_EPOCHS; i++)
		must(rx_case_renew(&c, s, &st));
	rx_status_clear(&st);
	assert_int_equal(rx_case_renew(&c, s, &st), RX_EINTERNAL);
	assert_int_equal(st.msg, RX_MSG_CASE_EPOCHS);
	/* All of those that there are can be loaded. */
	must(rx_case_load(&c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS, &st));
	assert_int_equal(c.n, RX_CASE_EPOCHS);
	/* With room for what its slots need, and no more. */
	for (i = c.used; i < RX_CASE_MEM; i++) {
		must(rx_case_take(&c, s, &key, &st));
		assert_non_null(key);
	}
	rx_status_clear(&st);
	assert_int_equal(rx_case_take(&c, s, &key, &st), RX_EINTERNAL);
	assert_int_equal(st.msg, RX_MSG_CASE_EPOCHS);
	assert_null(key);
	rx_abandon(s);
	rx_case_done(&c, s);
	rx_session_close(s);
}

/* Whoever has the coded keys of a case only writes no record in it, sends it to
 * nobody, and opens no history; and without them he opens nothing. */
static void
test_part_of_the_keys_of_a_case_is_not_enough(void **state)
{
	const char *dir = fixture_copy();
	struct rx_buf out = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_record r;
	struct rx_case c;
	unsigned n;

	(void)state;
	before_came(dir);
	s = fixture_open(dir, "d2");
	rx_case_init(&c);
	rx_record_init(&r);
	r.type = RX_OBSERVATION;
	memcpy(r.unit, VILLAGE2, RX_UNIT_BYTES);
	must(rx_begin(s, &st));
#define closed(expr) do { \
	rx_status_clear(&st); \
	assert_int_equal((expr), RX_EPERM); \
	assert_int_equal(st.msg, RX_MSG_CASE_CLOSED); \
} while (0)
	must(rx_case_load(&c, s, here, VILLAGE2, RX_BIT(RX_COMP_CODED), &st));
	closed(rx_row_insert(s, &c, &r, &st));
	closed(rx_view_make(&out, s, &c, &st));
	rx_buf_reset(&out);
	closed(rx_origins_read(&out, &n, s, &c, &st));
	rx_buf_reset(&out);
	must(rx_case_load(&c, s, here, VILLAGE2, RX_BIT(RX_COMP_NARRATIVE),
	    &st));
	must(rx_origins_read(&out, &n, s, &c, &st));	/* a control */
	assert_int_equal(n, 1);
	closed(rx_child_open(s, &c, RX_CASE_KEYS, true, &r, &st));
	rx_buf_reset(&out);
	must(rx_case_load(&c, s, here, VILLAGE2, RX_CASE_KEYS, &st));
	must(rx_child_open(s, &c, RX_CASE_KEYS, true, &r, &st));
	must(rx_child_name_open(s, &c, false, &r, &st));
	/* Nor the name of another version than is known. */
	r.version++;
	rx_status_clear(&st);
	assert_int_equal(rx_child_name_open(s, &c, false, &r, &st), RX_ENOENT);
	assert_int_equal(st.msg, RX_MSG_CHILD_UNKNOWN);
	must(rx_view_make(&out, s, &c, &st));
	rx_abandon(s);
	rx_case_done(&c, s);
	rx_record_free(&r);
	rx_buf_free(&out);
	rx_session_close(s);
}

static void
test_slot_is_not_sealed_to_keys_that_are_none(void **state)
{
	const char *dir = fixture_copy();

	(void)state;
	ok(answer(dir, "s1", act_rekey), &st);		/* the control */
	refused_at("rekey", dir, "s1", act_rekey_to_none, RX_ECORRUPT,
	    RX_MSG_CERT_CORRUPT);
}

static unsigned cases;		/* that act_import brings */

/* The first is of the township of s2, the others of that of s1. */
static rx_err
act_import(struct rx_session *s)
{
	struct rx_import_counts counts;
	struct rx_buf b = RX_BUF_INIT;
	unsigned i;
	rx_err rc;

	for (i = 0; i < cases; i++)
		must(rx_buf_printf(&b, &st, "{\"type\":\"child\",\"id\":\"n%u\","
		    "\"unit\":\"%s\",\"name\":\"new\",\"sex\":\"f\","
		    "\"birth\":\"2014-05\",\"categories\":[\"left_behind\"],"
		    "\"legal_basis\":\"consent\"}\n", i, i == 0 ?
		    "350102002002" : "350102001001"));
	rc = fixture_import(s, &b, &counts, &st);
	rx_buf_free(&b);
	return (rc);
}

/* The closed slot of s2 is to keys that are none. */
static rx_err
act_import_to_none(struct rx_session *s)
{
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (memcmp(s->members[i].cert.user, fixture_id[S2],
		    RX_ID_BYTES) == 0)
			memset(s->members[i].cert.box_public, 0,
			    RX_BOX_PUBLIC_BYTES);
	return (act_import(s));
}

/* They are sealed by other threads, so many at a time: it is found of one that is
 * inserted when all are sealed, and of one that has to make room for others. */
static void
test_slot_of_an_import_is_not_sealed_to_keys_that_are_none(void **state)
{
	struct rx_session *admin;
	const char *dir;

	(void)state;
	for (cases = 2; cases <= 200; cases += 198) {
		dir = fixture_copy();
		admin = fixture_open(dir, "admin");
		must(rx_user_add(admin, "d1", RX_ROLE_DIRECTOR,
		    "350102002002", NULL, &st));
		rx_session_close(admin);
		rx_session_close(fixture_open(dir, "d1"));
		refused_at("import", dir, "d1", act_import_to_none,
		    RX_ECORRUPT, RX_MSG_CERT_CORRUPT);
		ok(answer(dir, "d1", act_import), &st);	/* the control */
		assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
		    "main.slot WHERE recipient = $s2"), 1);
	}
}

static int
setup(void **state)
{

	(void)fixture_setup(state);
	another = fixture_another(far_id);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_changed_row_is_refused_by_who_comes_to_it),
		cmocka_unit_test(test_keys_that_were_replaced_are_not_put_back),
		cmocka_unit_test(
		    test_keys_that_lie_beside_those_before_need_no_link),
		cmocka_unit_test(test_slot_for_nobody_stops_nobody),
		cmocka_unit_test(
		    test_record_of_another_kind_than_its_table_is_refused),
		cmocka_unit_test(
		    test_record_that_its_id_does_not_find_is_refused),
		cmocka_unit_test(test_offer_to_nobody_is_refused),
		cmocka_unit_test(test_keys_of_a_case_come_to_an_end),
		cmocka_unit_test(test_part_of_the_keys_of_a_case_is_not_enough),
		cmocka_unit_test(test_slot_is_not_sealed_to_keys_that_are_none),
		cmocka_unit_test(
		    test_slot_of_an_import_is_not_sealed_to_keys_that_are_none),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	return (cmocka_run_group_tests(tests, setup, NULL));
}
