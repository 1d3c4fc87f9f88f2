#include "tests/fixture.h"

#include <stdio.h>

#include "register/save.h"

/* The names of many cases, opened together, for a list or a search: they are those
 * that opening one case after the other shows, and a search reads no case but those
 * that it finds. */

static struct rx_status st;

#define VILLAGE "350102001001"
#define OTHER "350102001002"
#define NUMBER_OF_ALL "11010519491231002x"
#define LAST "(SELECT max(id) FROM main.child)"	/* the case of k149 */

static rx_err
right_name(void *cookie, const struct rx_child_row *row, struct rx_status *why)
{
	const char *id = rx_record_text(row->child, RX_F_CALLER_ID);
	char name[64];

	(void)why;
	if (*id != 'k')
		return (RX_OK);
	(void)snprintf(name, sizeof(name), "童%s%s", id + 1,
	    strcmp(id, "k7") == 0 ? "号" : "");
	assert_string_equal(rx_record_text(row->child, RX_F_NAME), name);
	++*(size_t *)cookie;
	return (RX_OK);
}

static rx_err
count_row(void *cookie, const struct rx_child_row *row, struct rx_status *why)
{

	(void)row;
	(void)why;
	++*(size_t *)cookie;
	return (RX_OK);
}

/* How many children a search for ${text} finds. */
static size_t
found(struct rx_session *s, const char *text)
{
	size_t n = 0;

	ok(rx_child_browse(s, text, false, count_row, &n, &st), &st);
	return (n);
}

/* The same of the first search of ${user} after signing in. */
static size_t
found_first(const char *dir, const char *user, const char *text)
{
	struct rx_session *s = fixture_open(dir, user);
	const size_t n = found(s, text);

	rx_session_close(s);
	return (n);
}

/* How the first search of ${s}, for nobody, ends: nothing is kept of before. */
static rx_err
first_search(struct rx_session *s)
{
	size_t n = 0;
	rx_err rc;

	rx_known_free(s);
	rx_status_clear(&st);
	rc = rx_child_browse(s, "没有这人", false, count_row, &n, &st);
	assert_int_equal(n, 0);
	return (rc);
}

/* Give k7 another name. */
static void
rename_one(struct rx_session *s)
{

	fixture_save(s, RX_CHILD, "{\"id\":\"k7\",\"unit\":\"" VILLAGE "\","
	    "\"name\":\"童7号\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    true, NULL);
}

/* New keys of all cases. */
static void
renew(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "admin");
	size_t n = 0;

	ok(rx_user_disable(s, "st", &st), &st);
	rx_session_close(s);
	s = fixture_open(dir, "d1");
	ok(rx_rotate(s, VILLAGE, &n, &st), &st);
	rx_session_close(s);
	assert_true(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.case_link") >= FIXTURE_MANY);
}

static rx_err
take_id(void *cookie, const struct rx_child_row *row, struct rx_status *why)
{

	(void)why;
	memcpy(cookie, row->child->id, RX_ID_BYTES);
	return (RX_OK);
}

/* The one child that is named ${name}. */
static void
id_of(struct rx_session *s, const char *name, uint8_t id[RX_ID_BYTES])
{

	assert_int_equal(found(s, name), 1);
	ok(rx_child_browse(s, name, false, take_id, id, &st), &st);
}

/* ---- they are those of one case after the other ---- */

/* All are named in a list, and one is found by its name and all by their number;
 * in a session that listed, and in one whose first this is. */
static void
named(const char *dir)
{
	struct rx_session *s;
	size_t n;
	int i;

	for (i = 0; i < 2; i++) {
		s = fixture_open(dir, "d1");
		n = 0;
		if (i == 0) {
			ok(rx_child_each(s, 0, 0, right_name, &n, &st), &st);
			assert_int_equal(n, FIXTURE_MANY);
			n = 0;
		}
		ok(rx_child_search(s, NULL, "童149", right_name, &n, &st),
		    &st);
		assert_int_equal(n, 1);
		n = 0;
		ok(rx_child_search(s, NUMBER_OF_ALL, NULL, right_name, &n,
		    &st), &st);
		assert_int_equal(n, FIXTURE_MANY - 1);
		assert_int_equal(found(s, "童7号"), 1);
		assert_int_equal(found(s, "K149"), 1);
		rx_session_close(s);
	}
}

static void
test_many_names_are_opened_as_one_is(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s;

	(void)state;
	s = fixture_open(dir, "d1");
	rename_one(s);
	rx_session_close(s);
	named(dir);
	/* Names under keys of cases that have been followed by others. */
	renew(dir);
	named(dir);
	fixture_save(s = fixture_open(dir, "d1"), RX_OBSERVATION,
	    "{\"id\":\"n1\",\"child\":\"k3\",\"date\":\"2025-07-08\","
	    "\"channel\":\"talk\",\"signs\":[],\"risk\":\"red\"}", false,
	    NULL);
	rx_session_close(s);
	named(dir);
}

/* The text ${p} in small letters is ${want}; what stands behind it. */
static const char *
next_text(const char *p, const char *want, bool fold)
{
	char small[300];

	(void)snprintf(small, sizeof(small), "%s", want);
	if (fold)
		rx_text_fold(small);
	assert_string_equal(p, small);
	return (p + strlen(p) + 1);
}

/* What a search of a new session of ${user} looks through is what the ${count} cases
 * of ${unit} hold, which are listed in order of their ids. */
static void
same_texts(const char *dir, const char *user, const char unit[RX_UNIT_BYTES],
    size_t count)
{
	struct rx_session *s = fixture_open(dir, user);
	struct rx_buf scratch = RX_BUF_INIT;
	struct rx_known_unit *u;
	struct rx_record r;
	struct rx_case c;
	const char *texts, *p;
	size_t n, i;

	rx_case_init(&c);
	rx_record_init(&r);
	ok(rx_known_texts(s, &c, unit, &u, &scratch, &texts, &n, &st), &st);
	assert_true(u->listed);
	assert_int_equal(u->n, count);
	for (i = 0; i < u->n; i++) {
		assert_true(i == 0 || memcmp(u->k[i - 1].id, u->k[i].id,
		    RX_ID_BYTES) < 0);
		assert_false(u->k[i].read);
		ok(rx_case_load(&c, s, u->k[i].id, unit, RX_CASE_KEYS, &st),
		    &st);
		ok(rx_child_open(s, &c, RX_CASE_KEYS, true, &r, &st), &st);
		p = next_text(texts + u->k[i].text,
		    rx_record_text(&r, RX_F_NAME), false);
		p = next_text(p, rx_record_text(&r, RX_F_CALLER_ID), true);
		(void)next_text(p, rx_record_text(&r, RX_F_ID_NUMBER), true);
	}
	rx_case_done(&c, s);
	rx_record_free(&r);
	rx_buf_free(&scratch);
	rx_session_close(s);
}

static void
test_a_search_looks_through_what_the_cases_hold(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s;

	(void)state;
	s = fixture_open(dir, "d1");
	rename_one(s);
	fixture_save(s, RX_CHILD, "{\"id\":\"K-0\",\"unit\":\"" VILLAGE "\","
	    "\"name\":\"Anna\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    false, NULL);
	assert_int_equal(found_first(dir, "d1", "k-0"), 1);
	assert_int_equal(found_first(dir, "d1", "Anna"), 1);
	rx_session_close(s);
	same_texts(dir, "d1", VILLAGE1, FIXTURE_MANY + 3);
	renew(dir);
	same_texts(dir, "d1", VILLAGE1, FIXTURE_MANY + 3);
}

/* Each key under those of the unit, not under the next: both forms are read. */
static void
test_keys_of_two_epochs_make_one_case(void **state)
{
	const char *dir = fixture_many();
	struct rx_buf keys = RX_BUF_INIT;
	struct rx_session *s;

	(void)state;
	fixture_blob(dir, "SELECT CAST(identity || narrative || coded AS BLOB)"
	    " FROM keys.case_key WHERE child = " LAST, &keys);
	renew(dir);
	fixture_tamper_blob(dir, "INSERT INTO keys.case_key SELECT child, 1, "
	    "unit, CAST(substr(?1, 1, 136) AS BLOB), CAST(substr(?1, 137, "
	    "136) AS BLOB), CAST(substr(?1, 273, 136) AS BLOB) FROM "
	    "keys.case_key WHERE child = " LAST, keys.b, keys.len);
	s = fixture_open(dir, "d1");
	assert_int_equal(found(s, "童"), FIXTURE_MANY);
	assert_int_equal(found(s, "童149"), 1);
	assert_int_equal(found(s, ""), FIXTURE_MANY + 2);
	rx_session_close(s);
	rx_buf_free(&keys);
}

/* None of so many is left to be opened by itself, but when few are asked for. */
static void
test_many_names_are_opened_together(void **state)
{
	const char *dir = fixture_many();
	bool wanted[FIXTURE_MANY + 2] = { true, true, true };
	struct rx_session *s;
	struct rx_known_unit *u;
	struct rx_names names;
	size_t i, round, n;

	(void)state;
	for (round = 0; round < 2; round++) {
		s = fixture_open(dir, "d1");
		ok(rx_known_unit(s, VILLAGE1, &u, &st), &st);
		assert_int_equal(u->n, FIXTURE_MANY + 2);
		memset(&names, 0, sizeof(names));
		ok(rx_names_open(&names, s, u, NULL, true, &st), &st);
		for (i = n = 0; i < u->n; i++)
			n += names.at[i] != 0;
		assert_int_equal(n, u->n);
		rx_names_free(&names);
		ok(rx_names_open(&names, s, u, wanted, true, &st), &st);
		assert_null(names.at);
		rx_session_close(s);
		if (round == 0)
			renew(dir);
	}
}

/* Boxes of one row need not be under keys of one epoch. */
static void
test_coded_data_under_other_keys_than_the_name_are_found(void **state)
{
	const char *dir = fixture_many();
	struct rx_buf id = RX_BUF_INIT, box = RX_BUF_INIT, plain = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_place place;
	struct rx_case c;

	(void)state;
	renew(dir);
	s = fixture_open(dir, "d1");
	fixture_blob(dir, "SELECT max(id) FROM main.child", &id);
	fixture_blob(dir, "SELECT coded FROM main.child WHERE id = " LAST,
	    &box);
	rx_case_init(&c);
	ok(rx_case_load(&c, s, id.b, VILLAGE1, RX_CASE_KEYS, &st), &st);
	rx_place_init(&place, s, VILLAGE, id.b, id.b, RX_TABLE_CHILD, 11, 1);
	ok(rx_field_open(&plain, box.b, box.len, c.e[0].key[2],
	    RX_COMP_CODED, &place, &st), &st);
	rx_buf_reset(&box);
	ok(rx_field_seal(&box, c.e[1].key[2], RX_COMP_CODED, c.e[1].epoch,
	    &place, RX_PAD_CODED, plain.b, plain.len, &st), &st);
	fixture_tamper_blob(dir, "UPDATE main.child SET coded = ?1 WHERE id = "
	    LAST, box.b, box.len);
	rx_case_done(&c, s);
	assert_int_equal(found(s, "k149"), 1);
	rx_session_close(s);
	rx_buf_free(&id);
	rx_buf_free(&box);
	rx_buf_free(&plain);
}

/* It is changed behind the session. */
static void
test_a_case_that_is_not_as_it_was_read_is_not_named(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s;
	size_t n = 0;

	(void)state;
	s = fixture_open(dir, "d1");
	ok(rx_child_each(s, 0, 0, count_row, &n, &st), &st);
	s->known[0]->k[9].state.version++;
	refused(rx_child_each(s, 0, 0, count_row, &n, &st), RX_ENOENT, &st);
	s->known[0]->k[9].state.version--;
	ok(rx_child_each(s, 0, 0, count_row, &n, &st), &st);	/* the control */
	rx_session_close(s);
}

/* ---- no case is read for it ---- */

static void
test_a_search_reads_no_case_but_what_it_finds(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s;
	size_t n = 0;

	(void)state;
	s = fixture_open(dir, "d1");
	assert_int_equal(found(s, "没有这人"), 0);
	assert_int_equal(s->kept.fresh, 0);
	assert_int_equal(found(s, "童149"), 1);
	assert_int_equal(s->kept.fresh, 1);
	ok(rx_child_search(s, NULL, "童148", count_row, &n, &st), &st);
	assert_int_equal(n, 1);
	assert_int_equal(s->kept.fresh, 2);
	/* The control: a list does. */
	ok(rx_child_each(s, 0, 0, count_row, &n, &st), &st);
	assert_int_equal(n, 1 + FIXTURE_MANY + 2);
	rx_session_close(s);
}

static void
test_a_record_that_is_altered_fails_only_the_search_that_finds_it(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s;
	size_t n = 0;

	(void)state;
	fixture_tamper(dir, "UPDATE main.record SET coded = narrative WHERE "
	    "child = $c1");
	s = fixture_open(dir, "d1");
	assert_int_equal(found(s, "童149"), 1);
	refused(rx_child_browse(s, "c1", false, count_row, &n, &st),
	    RX_ECORRUPT, &st);
	rx_session_close(s);
}

/* ---- what was done since is seen ---- */

static void
test_a_search_finds_the_new_name_and_not_the_old_one(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s, *old;
	int i;

	(void)state;
	old = fixture_open(dir, "d1");
	assert_int_equal(found(old, "童77"), 1);
	s = fixture_open(dir, "d1");
	fixture_save(s, RX_CHILD, "{\"id\":\"k77\",\"unit\":\"" VILLAGE "\","
	    "\"name\":\"改名\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    true, NULL);
	rx_session_close(s);
	for (i = 0; i < 2; i++) {
		assert_int_equal(found(old, "童77"), 0);
		assert_int_equal(found(old, "改名"), 1);
		assert_int_equal(found(old, "k77"), 1);
		assert_int_equal(found_first(dir, "d1", "童77"), 0);
		assert_int_equal(found_first(dir, "d1", "改名"), 1);
		assert_int_equal(found_first(dir, "d1", "k77"), 1);
		if (i == 0)
			renew(dir);
	}
	rx_session_close(old);
}

static void
test_a_search_finds_no_case_that_left_or_was_erased(void **state)
{
	const char *dir = fixture_many();
	uint8_t gone[RX_ID_BYTES], moved[RX_ID_BYTES];
	struct rx_session *s, *d2, *old;
	char number[16];

	(void)state;
	old = fixture_open(dir, "d1");
	s = fixture_open(dir, "d1");
	d2 = fixture_open(dir, "d2");
	id_of(old, "童109", gone);
	id_of(old, "童122", moved);
	ok(rx_child_erase(s, gone, "test", &st), &st);
	ok(rx_transfer_offer(s, moved, OTHER, "moved", &st), &st);
	assert_int_equal(found(old, "童122"), 1);	/* until it is accepted */
	assert_int_equal(found(d2, "童122"), 0);
	ok(rx_transfer_accept(d2, moved, number, &st), &st);
	assert_int_equal(found(old, "童109"), 0);
	assert_int_equal(found(old, "童122"), 0);
	assert_int_equal(found(d2, "童122"), 1);
	assert_int_equal(found_first(dir, "d1", "童109"), 0);
	assert_int_equal(found_first(dir, "d1", "童122"), 0);
	assert_int_equal(found_first(dir, "d1", "童"), FIXTURE_MANY - 2);
	assert_int_equal(found_first(dir, "d2", "童122"), 1);
	/* An older case in a later row. */
	ok(rx_transfer_offer(s, fixture_id[C2], OTHER, "moved", &st), &st);
	ok(rx_transfer_accept(d2, fixture_id[C2], number, &st), &st);
	same_texts(dir, "d2", VILLAGE2, 3);
	rx_session_close(s);
	rx_session_close(d2);
	rx_session_close(old);
}

/* Few of many are new: each is opened by itself. */
static void
test_a_search_finds_who_came_since(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s, *old;

	(void)state;
	old = fixture_open(dir, "d1");
	assert_int_equal(found(old, "新来"), 0);
	s = fixture_open(dir, "d1");
	fixture_save(s, RX_CHILD, "{\"id\":\"N-1\",\"unit\":\"" VILLAGE "\","
	    "\"name\":\"新来\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"id_number\":\"11010519491231002X\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    false, NULL);
	rx_session_close(s);
	assert_int_equal(found(old, "新来"), 1);
	assert_int_equal(found(old, "n-1"), 1);
	assert_int_equal(found(old, "002x"), FIXTURE_MANY + 1);
	rx_session_close(old);
}

/* ---- who searches ---- */

static void
test_a_search_of_a_wide_director_goes_through_all_his_villages(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s;
	struct rx_secret *p;
	size_t n = 0;

	(void)state;
	s = fixture_open(dir, "admin");
	p = test_passphrase("wide-pass");
	ok(rx_user_add(s, "wide", RX_ROLE_DIRECTOR, "350102001", p, &st), &st);
	rx_secret_free(p);
	rx_session_close(s);
	/* Who has the keys hands them on. */
	rx_session_close(fixture_open(dir, "d1"));
	rx_session_close(fixture_open(dir, "d2"));
	assert_int_equal(found_first(dir, "wide", "童149"), 1);
	assert_int_equal(found_first(dir, "wide", ""), FIXTURE_MANY + 3);
	assert_int_equal(found_first(dir, "d1", ""), FIXTURE_MANY + 2);
	assert_int_equal(found_first(dir, "d2", "童149"), 0);
	s = fixture_open(dir, "s1");
	refused(rx_child_browse(s, "童", false, count_row, &n, &st), RX_EPERM,
	    &st);
	refused(rx_child_search(s, NULL, "童", count_row, &n, &st), RX_EPERM,
	    &st);
	rx_session_close(s);
}

/* ---- damage ---- */

#define FROM_ANOTHER(column) "UPDATE main.child SET " column " = (SELECT " \
    column " FROM main.child ORDER BY id LIMIT 1) WHERE id = " LAST
#define KEY_FROM_ANOTHER(column) "UPDATE keys.case_key SET " column " = " \
    "(SELECT " column " FROM keys.case_key ORDER BY child LIMIT 1) WHERE " \
    "child = " LAST
#define KEY_OF_EPOCH(column, epoch) "UPDATE keys.case_key SET " column " = " \
    "CAST(substr(" column ", 1, 24) || x'" epoch "' || substr(" column ", 29) " \
    "AS BLOB) WHERE child = " LAST
#define LINK_FROM_ANOTHER(column) "UPDATE keys.case_link SET " column " = " \
    "(SELECT " column " FROM keys.case_link ORDER BY child LIMIT 1) WHERE " \
    "child = " LAST

static void
test_a_box_or_key_that_is_altered_fails_the_first_search(void **state)
{
	static const struct {
		const char *sql;
		enum rx_msg msg;
	} how[] = {
		{ FROM_ANOTHER("name"), RX_MSG_SEALED_CORRUPT },
		{ FROM_ANOTHER("id_number"), RX_MSG_SEALED_CORRUPT },
		{ FROM_ANOTHER("coded"), RX_MSG_SEALED_CORRUPT },
		{ KEY_FROM_ANOTHER("identity"), RX_MSG_SEALED_CORRUPT },
		{ KEY_FROM_ANOTHER("coded"), RX_MSG_SEALED_CORRUPT },
		{ LINK_FROM_ANOTHER("identity"), RX_MSG_SEALED_CORRUPT },
		{ LINK_FROM_ANOTHER("coded"), RX_MSG_SEALED_CORRUPT },
		/* Opened by itself, and not to be opened either. */
		{ "UPDATE main.child SET coded = x'00' WHERE id = " LAST,
		    RX_MSG_SEALED_CORRUPT },
		{ "UPDATE keys.case_key SET identity = x'00' WHERE child = "
		    LAST, RX_MSG_SEALED_CORRUPT },
		{ "UPDATE keys.case_link SET coded = x'00' WHERE child = "
		    LAST, RX_MSG_SEALED_CORRUPT },
		{ KEY_OF_EPOCH("identity", "00000000"), RX_MSG_SEALED_CORRUPT },
		{ "DELETE FROM keys.case_link WHERE child = " LAST,
		    RX_MSG_CASE_KEYS_MISSING },
		{ "DELETE FROM keys.case_key WHERE child = " LAST,
		    RX_MSG_CASE_KEYS_MISSING },
	};
	const char *good = fixture_many(), *dir;
	struct rx_session *s;
	size_t i;

	(void)state;
	renew(good);
	for (i = 0; i < sizeof(how) / sizeof(how[0]); i++) {
		dir = fixture_copy_of(good);
		s = fixture_open(dir, "d1");
		ok(first_search(s), &st);		/* the control */
		fixture_tamper(dir, how[i].sql);
		assert_int_equal(first_search(s), RX_ECORRUPT);
		assert_int_equal(st.msg, how[i].msg);
		rx_session_close(s);
	}
}

/* Under a key of the unit that nobody has handed on. */
static void
test_a_key_under_another_of_the_unit_fails_the_first_search(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s;

	(void)state;
	s = fixture_open(dir, "d1");
	ok(first_search(s), &st);			/* the control */
	fixture_tamper(dir, KEY_OF_EPOCH("identity", "09000000"));
	assert_int_equal(first_search(s), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_NO_KEY_NOBODY);
	rx_session_close(s);
}

static void
test_a_name_or_key_that_is_altered_fails_the_list(void **state)
{
	static const char *const sql[] = {
		"UPDATE main.child SET name = (SELECT name FROM main.child "
		    "WHERE rowid = (SELECT max(rowid) - 1 FROM main.child)) "
		    "WHERE rowid = (SELECT max(rowid) FROM main.child)",
		"UPDATE keys.case_key SET identity = (SELECT identity FROM "
		    "keys.case_key ORDER BY child LIMIT 1) WHERE child = "
		    "(SELECT max(id) FROM main.child)"
	};
	struct rx_session *s;
	const char *dir;
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < 2; i++) {
		dir = fixture_many();
		s = fixture_open(dir, "d1");
		/* The control. */
		ok(rx_child_each(s, 0, 0, count_row, &n, &st), &st);
		fixture_tamper(dir, sql[i]);
		rx_known_free(s);
		refused(rx_child_each(s, 0, 0, count_row, &n, &st),
		    RX_ECORRUPT, &st);
		rx_session_close(s);
	}
}

/* It would give the rest of it to the next child, and so on. */
static void
test_a_name_with_an_end_or_half_a_character_fails_list_and_search(void **state)
{
	static const char *const texts[] = { "\xe7\x94\xb2\0\xe4\xb9\x99",
		"\xe7\x94\xb2\xe5", "\xe7\x94\xb2" };
	static const size_t length[] = { 7, 4, 3 };
	const char *dir = fixture_many();
	struct rx_buf box = RX_BUF_INIT, id = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_place place;
	struct rx_case c;
	size_t i, n;
	rx_err rc;

	(void)state;
	s = fixture_open(dir, "d1");
	fixture_blob(dir, "SELECT id FROM main.child WHERE rowid = "
	    "(SELECT min(rowid) + 9 FROM main.child)", &id);
	rx_case_init(&c);
	ok(rx_case_load(&c, s, id.b, VILLAGE "\0\0\0",
	    RX_BIT(RX_COMP_IDENTITY), &st), &st);
	rx_place_init(&place, s, VILLAGE, id.b, id.b, RX_TABLE_CHILD, 4, 1);
	for (i = 0; i < 3; i++) {
		rx_buf_reset(&box);
		ok(rx_field_seal(&box, c.e[c.n - 1].key[0], RX_COMP_IDENTITY,
		    c.e[c.n - 1].epoch, &place, RX_PAD_TEXT, texts[i],
		    length[i], &st), &st);
		fixture_tamper_blob(dir, "UPDATE main.child SET name = ?1 "
		    "WHERE rowid = (SELECT min(rowid) + 9 FROM main.child)",
		    box.b, box.len);
		rx_known_free(s);
		n = 0;
		rx_status_clear(&st);
		/* The last is the control. */
		rc = rx_child_each(s, 0, 0, count_row, &n, &st);
		assert_int_equal(rc, i < 2 ? RX_ECORRUPT : RX_OK);
		assert_true(i < 2 ? n < FIXTURE_MANY : n >= FIXTURE_MANY);
		assert_int_equal(first_search(s), rc);
	}
	rx_case_done(&c, s);
	rx_session_close(s);
	rx_buf_free(&box);
	rx_buf_free(&id);
}

/* A row of no child is in no list either; who verifies the register finds it. */
static void
test_a_child_without_an_id_is_not_found(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s = fixture_open(dir, "d1");
	size_t n = 0;

	(void)state;
	assert_int_equal(found(s, "童149"), 1);		/* the control */
	rx_session_close(s);
	fixture_tamper(dir, "PRAGMA ignore_check_constraints = 1; UPDATE "
	    "main.child SET id = x'01' WHERE id = " LAST);
	assert_int_equal(found_first(dir, "d1", "童149"), 0);
	assert_int_equal(found_first(dir, "d1", ""), FIXTURE_MANY + 1);
	s = fixture_open(dir, "d1");
	ok(rx_child_each(s, 0, 0, count_row, &n, &st), &st);
	assert_int_equal(n, FIXTURE_MANY + 1);
	refused(fixture_verify(s, NULL, &st), RX_ECORRUPT, &st);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many_names_are_opened_as_one_is),
		cmocka_unit_test(
		    test_a_search_looks_through_what_the_cases_hold),
		cmocka_unit_test(test_keys_of_two_epochs_make_one_case),
		cmocka_unit_test(test_many_names_are_opened_together),
		cmocka_unit_test(
		    test_coded_data_under_other_keys_than_the_name_are_found),
		cmocka_unit_test(
		    test_a_case_that_is_not_as_it_was_read_is_not_named),
		cmocka_unit_test(test_a_search_reads_no_case_but_what_it_finds),
		cmocka_unit_test(
		    test_a_record_that_is_altered_fails_only_the_search_that_finds_it),
		cmocka_unit_test(
		    test_a_search_finds_the_new_name_and_not_the_old_one),
		cmocka_unit_test(
		    test_a_search_finds_no_case_that_left_or_was_erased),
		cmocka_unit_test(test_a_search_finds_who_came_since),
		cmocka_unit_test(
		    test_a_search_of_a_wide_director_goes_through_all_his_villages),
		cmocka_unit_test(
		    test_a_box_or_key_that_is_altered_fails_the_first_search),
		cmocka_unit_test(
		    test_a_key_under_another_of_the_unit_fails_the_first_search),
		cmocka_unit_test(
		    test_a_name_or_key_that_is_altered_fails_the_list),
		cmocka_unit_test(
		    test_a_name_with_an_end_or_half_a_character_fails_list_and_search),
		cmocka_unit_test(test_a_child_without_an_id_is_not_found),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("names", tests, fixture_setup,
	    NULL));
}
