#include "tests/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"
#include "store/internal.h"

/* What a session has read of its cases, kept for its user's next one: it saves
 * reading, and never shows anything else than what reading all does; whoever
 * else has it, or spoils it, gains nothing. */

static struct rx_status st;

#define OF(user) "(SELECT id FROM keys.user WHERE name = '" user "')"
#define KEPT_BY(user) "SELECT count(*) FROM keys.kept WHERE user = " OF(user)
#define VILLAGE "350102001001"

static rx_err
put_child(void *cookie, const struct rx_child_row *row, struct rx_status *why)
{
	const struct rx_record *r = row->child;

	return (rx_buf_printf(cookie, why, "%s '%s' v%u o%u i%u r%lld l%d d%d "
	    "f%d w%d c%d\n", rx_record_text(r, RX_F_CALLER_ID),
	    rx_record_text(r, RX_F_NAME), r->version, row->observations,
	    row->interventions, (long long)row->risk, row->last, row->due,
	    row->flagged, row->withdrawn, row->closed_on));
}

static void
list(struct rx_buf *out, struct rx_session *s)
{

	rx_buf_reset(out);
	ok(rx_child_each(s, 0, 0, put_child, out, &st), &st);
	assert_true(out->len > 0);
}

/* Make ${s} list all. */
static void
list_of(struct rx_session *s)
{
	struct rx_buf text = RX_BUF_INIT;

	list(&text, s);
	rx_buf_free(&text);
}

/* What a list of ${user} read anew in a session that begins now; it shows what a
 * session shows that reads everything. */
static size_t
read_anew(const char *dir, const char *user)
{
	struct rx_session *s = fixture_open(dir, user);
	struct rx_session *blank = fixture_open(dir, user);
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;
	size_t n;

	list(&a, s);
	n = s->kept.fresh;
	blank->kept.tried = true;
	list(&b, blank);
	assert_true(blank->kept.fresh > 0);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.b, b.b, a.len);
	rx_buf_free(&a);
	rx_buf_free(&b);
	rx_session_close(s);
	rx_session_close(blank);
	return (n);
}

/* Keep what a list of ${user} reads. */
static void
keep(const char *dir, const char *user)
{
	struct rx_session *s = fixture_open(dir, user);

	list_of(s);
	ok(rx_kept_save(s, &st), &st);
	rx_session_close(s);
}

static void
kept(const char *dir, const char *sql, struct rx_buf *box)
{

	rx_buf_reset(box);
	fixture_blob(dir, sql, box);
	assert_true(box->len > 0);
}

#define SEALED(user) "SELECT sealed FROM keys.kept WHERE user = " OF(user)
#define PUT(user) "UPDATE keys.kept SET sealed = ?1 WHERE user = " OF(user)

static void
observe(const char *dir, const char *id, const char *risk)
{
	struct rx_session *s = fixture_open(dir, "d1");
	char text[300];

	(void)snprintf(text, sizeof(text), "{\"id\":\"%s\",\"child\":\"c1\","
	    "\"date\":\"2025-07-08\",\"channel\":\"talk\",\"signs\":[],"
	    "\"risk\":\"%s\"}", id, risk);
	fixture_save(s, RX_OBSERVATION, text, false, NULL);
	rx_session_close(s);
}

/* ---- it saves reading ---- */

static void
test_a_new_session_reads_only_what_is_new(void **state)
{
	const char *dir = fixture_copy();
	size_t all;

	(void)state;
	assert_true((all = read_anew(dir, "d1")) > 1);
	keep(dir, "d1");
	assert_int_equal(read_anew(dir, "d1"), 0);
	observe(dir, "n1", "red");
	assert_int_equal(read_anew(dir, "d1"), 1);
	/* The supervisor has nothing kept. */
	assert_true(read_anew(dir, "s1") > 1);
}

static rx_err
put_flag(void *cookie, const struct rx_flag_row *row, struct rx_status *why)
{

	return (rx_buf_printf(cookie, why, "%s r%d c%d a%d w%lld s%llx\n",
	    row->caller_id, row->by_rule, row->corrected, row->again,
	    (long long)row->was, (unsigned long long)row->signs));
}

static void
flags(struct rx_buf *out, struct rx_session *s)
{

	rx_buf_reset(out);
	ok(rx_review_each(s, true, put_flag, out, &st), &st);
	ok(rx_buf_add(out, "", 1, &st), &st);
}

static void
test_a_corrected_flag_is_kept_with_what_it_was(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1"), *next;
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;

	(void)state;
	ok(fixture_write(s, RX_OBSERVATION, false, "{'id':'f1','child':'c1',"
	    "'date':'2025-07-08','channel':'talk','signs':['self_harm'],"
	    "'risk':'red'}", &st), &st);
	ok(fixture_write(s, RX_OBSERVATION, true, "{'id':'f1','child':'c1',"
	    "'date':'2025-07-08','channel':'talk','signs':[],"
	    "'risk':'green'}", &st), &st);
	flags(&a, s);
	assert_non_null(strstr((const char *)a.b, "f1 r1 c1 a0 w1 s40000\n"));
	ok(rx_kept_save(s, &st), &st);
	next = fixture_open(dir, "d1");
	flags(&b, next);
	assert_int_equal(next->kept.fresh, 0);
	assert_string_equal((const char *)a.b, (const char *)b.b);
	rx_buf_free(&a);
	rx_buf_free(&b);
	rx_session_close(next);
	rx_session_close(s);
}

static void
test_little_that_was_read_is_not_kept(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");

	(void)state;
	list_of(s);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 0);
	ok(rx_known_keep(s, RX_KEEP_LEAST, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 0);
	/* The control: with less to be read for it. */
	ok(rx_known_keep(s, 1, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	rx_session_close(s);
}

static void
test_what_is_kept_is_no_entry_and_no_row_of_the_manifest(void **state)
{
	const char *dir = fixture_copy();
	const int64_t entries = fixture_number(dir,
	    "SELECT count(*) FROM audit");
	struct rx_session *s = fixture_open(dir, "s1");
	struct rx_buf text = RX_BUF_INIT;

	(void)state;
	ok(rx_child_each(s, RX_LIST_CODED, 0, put_child, &text, &st), &st);
	ok(rx_kept_save(s, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("s1")), 1);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM audit"),
	    entries);
	ok(fixture_verify(s, NULL, &st), &st);
	rx_buf_free(&text);
	rx_session_close(s);
}

/* ---- it is not to be believed ---- */

static void
test_old_one_that_is_put_back_shows_nothing_old(void **state)
{
	const char *dir = fixture_copy();
	struct rx_buf old = RX_BUF_INIT;

	(void)state;
	keep(dir, "d1");
	kept(dir, SEALED("d1"), &old);
	observe(dir, "n1", "red");
	keep(dir, "d1");
	assert_int_equal(read_anew(dir, "d1"), 0);
	fixture_tamper_blob(dir, PUT("d1"), old.b, old.len);
	/* It was taken, and the audit tells what is new since. */
	assert_int_equal(read_anew(dir, "d1"), 1);
	rx_buf_free(&old);
}

static void
test_one_of_another_course_of_the_register_is_not_taken(void **state)
{
	const char *here = fixture_copy(), *there = fixture_copy_of(here);
	struct rx_buf box = RX_BUF_INIT;
	size_t i;

	(void)state;
	/* As many entries, of other things. */
	for (i = 0; i < 2; i++) {
		observe(i == 0 ? here : there, "n1", i == 0 ? "red" : "green");
		keep(i == 0 ? here : there, "d1");
	}
	kept(here, SEALED("d1"), &box);
	assert_int_equal(read_anew(there, "d1"), 0);	/* its own */
	fixture_tamper_blob(there, PUT("d1"), box.b, box.len);
	assert_true(read_anew(there, "d1") > 1);
	rx_buf_free(&box);
}

static void
test_one_of_a_register_that_was_put_back_is_not_taken(void **state)
{
	const char *dir = fixture_copy(), *before;
	struct rx_buf box = RX_BUF_INIT;

	(void)state;
	keep(dir, "d1");
	before = fixture_copy_of(dir);
	observe(dir, "n1", "red");
	keep(dir, "d1");
	kept(dir, SEALED("d1"), &box);
	assert_int_equal(read_anew(before, "d1"), 0);	/* its own */
	fixture_tamper_blob(before, PUT("d1"), box.b, box.len);
	assert_true(read_anew(before, "d1") > 1);
	rx_buf_free(&box);
}

static void
test_altered_one_is_as_good_as_none(void **state)
{
	const char *dir = fixture_copy();
	struct rx_buf box = RX_BUF_INIT;
	size_t i, len;
	uint8_t *b;

	(void)state;
	keep(dir, "d1");
	kept(dir, SEALED("d1"), &box);
	len = box.len;
	for (i = 0; i < 4; i++) {
		static const size_t at[] = { 4, 60, 300 };

		b = box.b;
		if (i < 3)
			b[at[i]] ^= 1;
		fixture_tamper_blob(dir, PUT("d1"), b, i < 3 ? len : 50);
		assert_true(read_anew(dir, "d1") > 1);
		if (i < 3)
			b[at[i]] ^= 1;
	}
	fixture_tamper_blob(dir, PUT("d1"), box.b, len);
	assert_int_equal(read_anew(dir, "d1"), 0);
	rx_buf_free(&box);
}

static void
test_one_of_another_user_or_register_is_not_taken(void **state)
{
	const char *dir = fixture_copy(), *another = fixture_another(NULL);
	struct rx_buf box = RX_BUF_INIT;

	(void)state;
	keep(dir, "d1");
	keep(dir, "s1");
	keep(another, "d1");
	kept(dir, SEALED("s1"), &box);
	fixture_tamper_blob(dir, PUT("d1"), box.b, box.len);
	assert_true(read_anew(dir, "d1") > 1);
	assert_int_equal(read_anew(dir, "s1"), 0);	/* it is good for her */
	kept(another, SEALED("d1"), &box);
	fixture_tamper_blob(dir, PUT("d1"), box.b, box.len);
	assert_true(read_anew(dir, "d1") > 1);
	assert_int_equal(read_anew(another, "d1"), 0);
	rx_buf_free(&box);
}

/* A session keeps the settings of when it began; so its sums are not for one that
 * begins later. */
static void
test_one_of_other_settings_is_not_taken(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_session *admin = fixture_open(dir, "admin");

	(void)state;
	ok(rx_setting_set(admin, "visit-yellow-days", 11, &st), &st);
	rx_session_close(admin);
	list_of(s);
	ok(rx_kept_save(s, &st), &st);
	assert_true(read_anew(dir, "d1") > 1);
	rx_session_close(s);
	keep(dir, "d1");
	assert_int_equal(read_anew(dir, "d1"), 0);
}

static void
test_what_may_change_anything_makes_it_worthless(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin;

	(void)state;
	keep(dir, "d1");
	assert_int_equal(read_anew(dir, "d1"), 0);
	admin = fixture_open(dir, "admin");
	ok(rx_user_disable(admin, "st", &st), &st);
	rx_session_close(admin);
	assert_true(read_anew(dir, "d1") > 1);
}

/* ---- what somebody with the seed puts there ---- */

#define FORMAT 3
#define UNITS 72		/* where the number of units stands */
#define CASES 92		/* of the first unit; then its cases */

/* The key of what ${s} keeps, and its place. */
static void
own_key(struct rx_key *key, struct rx_place *where, const struct rx_session *s)
{

	rx_hash(key->b, RX_KEY_BYTES, s->blob->seed, "runxin kept key v1",
	    NULL, 0);
	rx_place_init(where, s, "", s->user_id, NULL, RX_TABLE_KEPT, 1,
	    FORMAT);
}

/* In ${plain}, what was read of the first case that has a flag. */
static uint8_t *
flagged(const struct rx_buf *plain)
{
	uint8_t *p = plain->b + CASES + 4;
	uint32_t i, n = rx_get32(plain->b + CASES);

	for (i = 0; i < n; i++) {
		p += RX_ID_BYTES + 1;
		assert_int_equal(p[-1] & 1, 1);
		if (rx_get32(p + 84) > 0)
			break;
		p += 88 + rx_get32(p + 80);
	}
	assert_true(i < n);
	return (p);
}

/* The zeros that follow are two units of one name, with no case. */
static void
unit_twice(struct rx_buf *plain)
{

	rx_put32(plain->b + UNITS, 3);
}

static void
too_many_cases(struct rx_buf *plain)
{

	rx_put32(plain->b + CASES, UINT32_MAX);
}

/* As many as there would be room for, had none been read. */
static void
more_cases_than_there_are(struct rx_buf *plain)
{

	rx_put32(plain->b + CASES, (uint32_t)(plain->len - CASES - 4) /
	    (RX_ID_BYTES + 1));
}

static void
more_coded_than_there_is(struct rx_buf *plain)
{

	rx_put32(flagged(plain) + 80, UINT32_MAX);
}

static void
too_many_flags(struct rx_buf *plain)
{

	rx_put32(flagged(plain) + 84, INT32_MAX);
}

static void
flag_with_a_long_number(struct rx_buf *plain)
{
	uint8_t *p = flagged(plain);

	rx_put32(p + 88 + rx_get32(p + 80) + 108, 3000);
}

static void
end_in_the_head(struct rx_buf *plain)
{

	plain->len = UNITS;
}

static void
end_in_a_unit(struct rx_buf *plain)
{

	plain->len = CASES;
}

static void
end_in_a_case(struct rx_buf *plain)
{

	plain->len = (size_t)(flagged(plain) - plain->b) + 20;
}

static void
test_what_is_not_whole_is_as_good_as_none(void **state)
{
	static void (*const change[])(struct rx_buf *) = {
		NULL,				/* the control */
		unit_twice, too_many_cases, more_cases_than_there_are,
		more_coded_than_there_is, too_many_flags,
		flag_with_a_long_number, end_in_the_head, end_in_a_unit,
		end_in_a_case
	};
	const char *dir = fixture_copy();
	struct rx_buf box = RX_BUF_INIT, plain = RX_BUF_INIT;
	struct rx_buf forged = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_place where;
	struct rx_key key;
	size_t i;

	(void)state;
	keep(dir, "d1");
	kept(dir, SEALED("d1"), &box);
	s = fixture_open(dir, "d1");
	own_key(&key, &where, s);
	rx_session_close(s);
	for (i = 0; i < sizeof(change) / sizeof(change[0]); i++) {
		ok(rx_field_open(&plain, box.b, box.len, &key, RX_COMP_CODED,
		    &where, &st), &st);
		if (change[i] != NULL)
			change[i](&plain);
		ok(rx_field_seal(&forged, &key, RX_COMP_CODED, FORMAT, &where,
		    RX_PAD_NOTE, plain.b, plain.len, &st), &st);
		fixture_tamper_blob(dir, PUT("d1"), forged.b, forged.len);
		assert_int_equal(read_anew(dir, "d1") > 0, i > 0);
		rx_buf_free(&forged);
		rx_buf_free(&plain);
	}
	rx_buf_free(&box);
	rx_wipe(&key, sizeof(key));
}

/* Of a unit whose children are to be listed again nothing is kept. */
static void
test_unit_that_is_to_be_listed_again_is_not_kept(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1"), *next;
	struct rx_known_unit *u;
	size_t listed;

	(void)state;
	list_of(s);
	ok(rx_known_place(s, "350102001999\0\0\0", &u, &st), &st);
	u->n = 1;
	assert_non_null(u->k = calloc(u->n, sizeof(*u->k)));
	for (listed = 0; listed < 2; listed++) {	/* then the control */
		u->listed = listed == 1;
		ok(rx_kept_save(s, &st), &st);
		next = fixture_open(dir, "d1");
		ok(rx_kept_load(next, &st), &st);
		assert_int_equal(next->nknown, 1 + listed);
		rx_session_close(next);
	}
	rx_session_close(s);
}

/* ---- it goes ---- */

static void
test_an_erasure_leaves_nothing_kept_of_anybody(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;

	(void)state;
	keep(dir, "d1");
	keep(dir, "s1");
	observe(dir, "n1", "red");
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	assert_int_equal(fixture_number(dir, KEPT_BY("s1")), 1);
	s = fixture_open(dir, "d1");
	ok(rx_child_erase(s, fixture_id[C2], "test", &st), &st);
	rx_session_close(s);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM keys.kept"),
	    0);
	assert_true(read_anew(dir, "d1") > 0);
}

static void
test_what_is_kept_goes_with_its_user(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin");

	(void)state;
	keep(dir, "d1");
	keep(dir, "s1");
	ok(rx_user_disable(admin, "d1", &st), &st);
	rx_session_close(admin);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 0);
	assert_int_equal(fixture_number(dir, KEPT_BY("s1")), 1);
}

static void
test_what_is_kept_goes_with_the_seed(void **state)
{
	const char *dir = fixture_copy();
	struct rx_secret *p = test_passphrase("a new passphrase");
	struct rx_session *s = fixture_open(dir, "d1");

	(void)state;
	keep(dir, "d1");
	ok(rx_session_passwd(s, p, &st), &st);
	rx_session_close(s);
	rx_session_close(fixture_open(dir, "admin"));
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	ok(rx_session_open(&s, dir, "d1", p, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 0);
	rx_session_close(s);
	rx_secret_free(p);
}

/* ---- nor does it come back ---- */

static void
test_whoever_is_disabled_keeps_nothing_more(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin");
	struct rx_session *s = fixture_open(dir, "d1");

	(void)state;
	list_of(s);
	ok(rx_kept_save(s, &st), &st);		/* the control */
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	ok(rx_user_disable(admin, "d1", &st), &st);
	ok(rx_kept_save(s, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 0);
	rx_session_close(s);
	rx_session_close(admin);
}

static void
test_a_session_of_the_seed_before_keeps_nothing_more(void **state)
{
	const char *dir = fixture_copy();
	struct rx_secret *p = test_passphrase("a new passphrase");
	struct rx_session *old = fixture_open(dir, "d1"), *s;

	(void)state;
	list_of(old);
	s = fixture_open(dir, "d1");
	ok(rx_session_passwd(s, p, &st), &st);
	rx_session_close(s);
	rx_session_close(fixture_open(dir, "admin"));
	ok(rx_session_open(&s, dir, "d1", p, &st), &st);
	ok(rx_kept_save(old, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 0);
	list_of(s);
	ok(rx_kept_save(s, &st), &st);		/* the control */
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	rx_session_close(s);
	rx_session_close(old);
	rx_secret_free(p);
}

static void
test_what_others_erased_meanwhile_is_not_kept(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_session *other = fixture_open(dir, "d1");

	(void)state;
	list_of(s);
	ok(rx_child_erase(other, fixture_id[C2], "test", &st), &st);
	ok(rx_kept_save(s, &st), &st);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM keys.kept"),
	    0);
	list_of(s);
	ok(rx_kept_save(s, &st), &st);		/* the control */
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	assert_int_equal(read_anew(dir, "d1"), 0);
	rx_session_close(other);
	rx_session_close(s);
}

/* ---- it fails nobody ---- */

static void
test_a_list_does_not_fail_because_it_cannot_be_kept(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_session *other = fixture_open(dir, "d2");

	(void)state;
	list_of(s);
	/* Somebody else is writing. */
	ok(rx_store_begin(other->store, &st), &st);
	ok(rx_kept_save(s, &st), &st);
	rx_store_rollback(other->store);
	/* The disk is full. */
	assert_int_equal(sqlite3_exec(s->store->db,
	    "PRAGMA keys.max_page_count = 1", NULL, NULL, NULL), SQLITE_OK);
	ok(rx_kept_save(s, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 0);
	assert_int_equal(sqlite3_exec(s->store->db,
	    "PRAGMA keys.max_page_count = 1000000", NULL, NULL, NULL),
	    SQLITE_OK);
	/* Any other failure is told: a transaction in a transaction. */
	ok(rx_store_begin(s->store, &st), &st);
	refused(rx_kept_save(s, &st), RX_EINTERNAL, &st);
	rx_store_rollback(s->store);
	ok(rx_kept_save(s, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	rx_session_close(s);
	rx_session_close(other);
}

static void
test_its_size_tells_only_how_many_cases_there_are(void **state)
{
	const char *dir = fixture_copy();
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;
	struct rx_session *s;
	char text[300];
	int i;

	(void)state;
	keep(dir, "d1");
	kept(dir, SEALED("d1"), &a);
	s = fixture_open(dir, "d1");
	for (i = 0; i < 16; i++) {	/* each raises a flag */
		(void)snprintf(text, sizeof(text), "{\"id\":\"n%d\","
		    "\"child\":\"c1\",\"date\":\"2025-07-08\",\"channel\":"
		    "\"talk\",\"signs\":[\"self_harm\"],\"risk\":\"red\"}",
		    i);
		fixture_save(s, RX_OBSERVATION, text, false, NULL);
	}
	rx_session_close(s);
	keep(dir, "d1");
	kept(dir, SEALED("d1"), &b);
	assert_int_equal(a.len, b.len);
	rx_buf_free(&a);
	rx_buf_free(&b);
}

/* ---- many cases ---- */

static void
test_what_is_kept_leaves_no_large_room_in_the_store(void **state)
{
	const char *dir = fixture_many();
	struct rx_session *s;
	size_t row, old;

	(void)state;
	s = fixture_open(dir, "d1");
	ok(rx_begin(s, &st), &st);
	rx_abandon(s);
	row = s->store->row.cap;
	old = s->store->old.cap;
	list_of(s);
	ok(rx_kept_save(s, &st), &st);
	ok(rx_kept_save(s, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	/* An entry of the audit is not counted either. */
	assert_true(s->store->row.cap == row && s->store->old.cap == old);
	rx_session_close(s);
}

static void
test_more_than_there_is_room_for_is_not_kept(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_known_unit *u;

	(void)state;
	list_of(s);
	ok(rx_known_place(s, "350102001999\0\0\0", &u, &st), &st);
	u->n = 140000;
	assert_non_null(u->k = calloc(u->n, sizeof(*u->k)));
	u->listed = true;
	ok(rx_kept_save(s, &st), &st);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 0);
	u->n = 1;
	ok(rx_kept_save(s, &st), &st);		/* the control */
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	rx_session_close(s);
}

static void
test_many_cases_are_kept_without_being_asked(void **state)
{
	const char *dir = fixture_many();
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;
	struct rx_session *s;
	uint64_t seq;

	(void)state;
	s = fixture_open(dir, "d1");
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 0);
	list(&a, s);
	assert_int_equal(fixture_number(dir, KEPT_BY("d1")), 1);
	assert_true((seq = s->kept.seq) > 0);
	rx_session_close(s);
	s = fixture_open(dir, "d1");
	list(&b, s);
	assert_int_equal(s->kept.fresh, 0);
	assert_true(s->kept.seq == seq);	/* nor is it kept again */
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.b, b.b, a.len);
	rx_buf_free(&a);
	rx_buf_free(&b);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_new_session_reads_only_what_is_new),
		cmocka_unit_test(test_a_corrected_flag_is_kept_with_what_it_was),
		cmocka_unit_test(test_little_that_was_read_is_not_kept),
		cmocka_unit_test(
		    test_what_is_kept_is_no_entry_and_no_row_of_the_manifest),
		cmocka_unit_test(
		    test_old_one_that_is_put_back_shows_nothing_old),
		cmocka_unit_test(
		    test_one_of_another_course_of_the_register_is_not_taken),
		cmocka_unit_test(
		    test_one_of_a_register_that_was_put_back_is_not_taken),
		cmocka_unit_test(test_altered_one_is_as_good_as_none),
		cmocka_unit_test(
		    test_one_of_another_user_or_register_is_not_taken),
		cmocka_unit_test(test_one_of_other_settings_is_not_taken),
		cmocka_unit_test(
		    test_what_may_change_anything_makes_it_worthless),
		cmocka_unit_test(test_what_is_not_whole_is_as_good_as_none),
		cmocka_unit_test(
		    test_unit_that_is_to_be_listed_again_is_not_kept),
		cmocka_unit_test(
		    test_an_erasure_leaves_nothing_kept_of_anybody),
		cmocka_unit_test(test_what_is_kept_goes_with_its_user),
		cmocka_unit_test(test_what_is_kept_goes_with_the_seed),
		cmocka_unit_test(test_whoever_is_disabled_keeps_nothing_more),
		cmocka_unit_test(
		    test_a_session_of_the_seed_before_keeps_nothing_more),
		cmocka_unit_test(test_what_others_erased_meanwhile_is_not_kept),
		cmocka_unit_test(
		    test_a_list_does_not_fail_because_it_cannot_be_kept),
		cmocka_unit_test(
		    test_its_size_tells_only_how_many_cases_there_are),
		cmocka_unit_test(
		    test_what_is_kept_leaves_no_large_room_in_the_store),
		cmocka_unit_test(test_more_than_there_is_room_for_is_not_kept),
		cmocka_unit_test(test_many_cases_are_kept_without_being_asked),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("kept", tests, fixture_setup,
	    NULL));
}
