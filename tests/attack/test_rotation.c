/*
 * People who are gone, and what they kept: the leaver with all his keys and a
 * later copy of the files, the supervisor whose flag is closed, the member who
 * was revoked and begins an epoch of his own, the custodian alone, the
 * administrator who would be custodian.
 */

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "crypto/recovery.h"
#include "register/save.h"
#include "tests/fixture.h"

static struct rx_status st;

/* ---- the keys that somebody had ---- */

#define KEPT 64

struct kept {			/* their ids, as headers of envelopes show them */
	uint8_t id[KEPT][16];
	size_t n;
};

static void
keep(struct kept *k, const struct rx_key *key)
{

	if (key == NULL)
		return;
	assert_true(k->n < KEPT);
	rx_hash(k->id[k->n++], 16, key->b, "runxin key id v1", NULL, 0);
}

static void
keep_case(struct kept *k, const struct rx_case *c, unsigned comps)
{
	size_t i, j;

	for (i = 0; i < c->n; i++)
		for (j = 0; j < 3; j++)
			if ((comps & RX_BIT(j + 1)) != 0)
				keep(k, c->e[i].key[j]);
}

/* All keys of units that ${s} holds, and of the cases c1 and c2. */
static void
keep_all(struct kept *k, struct rx_session *s)
{
	static const enum fixture_id cases[] = { C1, C2 };
	struct rx_case c;
	size_t i;

	rx_status_clear(&st);
	rx_case_init(&c);
	for (i = 0; i < 2; i++) {
		ok(rx_case_load(&c, s, fixture_id[cases[i]], VILLAGE1,
		    RX_CASE_KEYS, &st), &st);
		keep_case(k, &c, ~0u);
	}
	rx_case_done(&c, s);
	for (i = 0; i < s->nheld; i++)
		keep(k, s->held[i].key);
}

/* Count the envelopes of ${sql} whose key is one of ${k}; *all counts all. */
static size_t
count_kept(const char *dir, const char *sql, const struct kept *k, size_t *all)
{
	sqlite3_stmt *stmt = NULL;
	sqlite3 *db = NULL;
	char path[300], attach[360];
	const uint8_t *p;
	size_t n = 0, i;

	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	(void)snprintf(attach, sizeof(attach), "ATTACH '%s/keys.db' AS keys",
	    dir);
	assert_int_equal(sqlite3_exec(db, attach, NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL),
	    SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW) {
		p = sqlite3_column_blob(stmt, 0);
		assert_true(sqlite3_column_bytes(stmt, 0) > RX_ENV_OVERHEAD);
		(*all)++;
		for (i = 0; i < k->n; i++)
			if (memcmp(p + 8, k->id[i], 16) == 0) {
				n++;
				break;
			}
	}
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return (n);
}

/* Everything sealed that was written since entry ${seq}: what bears a version
 * or an id of then, new wraps, and the audit. */
static size_t
count_later(const char *dir, int64_t seq, const struct kept *k, size_t *all)
{
	static const char *const sealed[] = {
		"SELECT coded FROM record WHERE tag IN (SELECT tag FROM later)",
		"SELECT narrative FROM record WHERE tag IN "
		    "(SELECT tag FROM later)",
		"SELECT coded FROM activity WHERE tag IN "
		    "(SELECT tag FROM later)",
		"SELECT coded FROM child WHERE tag IN (SELECT tag FROM later)",
		"SELECT name FROM child WHERE tag IN (SELECT tag FROM later)",
		"SELECT identity FROM keys.case_key",
		"SELECT narrative FROM keys.case_key",
		"SELECT coded FROM keys.case_key"
	};
	char sql[200];
	size_t i, n = 0;

	for (i = 0; i < sizeof(sealed) / sizeof(sealed[0]); i++)
		n += count_kept(dir, sealed[i], k, all);
	(void)snprintf(sql, sizeof(sql), "SELECT payload FROM audit WHERE "
	    "seq > %lld UNION ALL SELECT proof FROM audit WHERE seq > %lld",
	    (long long)seq, (long long)seq);
	return (n + count_kept(dir, sql, k, all));
}

/* ---- people ---- */

static void
add(const char *dir, const char *user, enum rx_role role, const char *unit)
{
	char text[80];
	struct rx_session *s = fixture_open(dir, "admin");
	struct rx_secret *p;

	(void)snprintf(text, sizeof(text), "%s-pass", user);
	p = test_passphrase(text);
	rx_status_clear(&st);
	ok(rx_user_add(s, user, role, unit, p, &st), &st);
	rx_secret_free(p);
	rx_session_close(s);
}

static struct rx_session *
enrol(const char *dir, const char *user)
{

	add(dir, user, RX_ROLE_DIRECTOR, "350102001001");
	rx_session_close(fixture_open(dir, "d1"));	/* hands on */
	return (fixture_open(dir, user));
}

static void
disable(const char *dir, const char *user)
{
	struct rx_session *s = fixture_open(dir, "admin");

	rx_status_clear(&st);
	ok(rx_user_disable(s, user, &st), &st);
	rx_session_close(s);
}

#define NOTE(id, child, note) \
    "{\"id\":\"" id "\",\"child\":\"" child "\",\"date\":\"2025-06-20\"," \
    "\"channel\":\"home_visit\",\"signs\":[\"mood_low\"],\"risk\":\"yellow\"," \
    "\"note\":\"" note "\"}"

/* The successor ${s} works on: in both cases, a new one, an activity. */
static void
work_on(struct rx_session *s)
{

	fixture_save(s, RX_OBSERVATION, NOTE("x1", "c1", "later"), false,
	    NULL);
	fixture_save(s, RX_OBSERVATION, NOTE("x2", "c2", "later"), false,
	    NULL);
	fixture_save(s, RX_CHILD, "{\"id\":\"x3\",\"unit\":\"350102001001\","
	    "\"name\":\"later\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    false, NULL);
	fixture_save(s, RX_ACTIVITY, "{\"id\":\"x4\",\"unit\":\"350102001001\","
	    "\"date\":\"2025-06-01\",\"kind\":\"theme_activity\","
	    "\"held\":true}", false, NULL);
}

/* Mark what is there, so that what comes is told from it. */
static int64_t
mark(const char *dir)
{

	fixture_sql(dir, "CREATE TABLE main.earlier AS SELECT tag FROM record "
	    "UNION SELECT tag FROM activity UNION SELECT tag FROM child");
	return (fixture_number(dir, "SELECT max(seq) FROM main.audit"));
}

/* d1 leaves, disabled or just staying away; n1 works on.  How much of what is
 * written then lies under keys that d1 had. */
static size_t
leaver_opens(bool disabled, size_t *all)
{
	const char *dir = fixture_copy(), *before;
	struct rx_session *n1 = enrol(dir, "n1"), *d1;
	struct kept kept = { .n = 0 };
	int64_t seq;
	size_t n;

	d1 = fixture_open(dir, "d1");
	keep_all(&kept, d1);
	rx_session_close(d1);
	rx_session_close(n1);
	if (disabled)
		disable(dir, "d1");
	n1 = fixture_open(dir, "n1");		/* gives the village new keys */
	before = fixture_copy_of(dir);
	seq = mark(before);
	work_on(n1);
	rx_session_close(n1);
	/* The later copy, with the list of what was there before. */
	fixture_sql(dir, "CREATE TABLE main.later(tag BLOB)");
	{
		char sql[600];

		(void)snprintf(sql, sizeof(sql), "ATTACH '%s/content.db' AS "
		    "old; INSERT INTO later SELECT tag FROM (SELECT tag FROM "
		    "main.record UNION SELECT tag FROM main.activity UNION "
		    "SELECT tag FROM main.child) WHERE tag NOT IN (SELECT tag "
		    "FROM old.earlier)", before);
		fixture_sql(dir, sql);
	}
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM later"), 4);
	n = count_later(dir, seq, &kept, all);
	return (n);
}

static void
test_leaver_with_a_later_copy_opens_nothing_written_later(void **state)
{
	size_t all = 0, control = 0;

	(void)state;
	assert_int_equal(leaver_opens(true, &all), 0);
	assert_true(all >= 20);
	/* The control: without new keys he opens all of it, but the keys of c3
	 * and what its village seals. */
	assert_true(leaver_opens(false, &control) >= 15);
}

/* His grants in a later copy are of nothing new either: what is sealed to him
 * there opens no key that he had not. */
static void
test_leaver_is_granted_nothing_by_the_rotation(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *n1 = enrol(dir, "n1");

	(void)state;
	rx_session_close(n1);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE recipient = $d1 AND unit = "
	    "'350102001001'"), 1);
	disable(dir, "d1");
	rx_session_close(fixture_open(dir, "n1"));
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE recipient = $d1 AND (unit = "
	    "'350102001001' OR unit = 'REGISTER')"), 0);
	/* The control: the others are. */
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE recipient = $s1 AND unit = "
	    "'350102001001' AND epoch >= 2"), 1);
	assert_int_equal(fixture_number(dir, "SELECT min(epoch) FROM "
	    "keys.unit_grant WHERE unit = 'REGISTER' AND compartments <> 64"),
	    2);			/* the root has one for ever */
}

/* ---- while somebody else works ---- */

/* Somebody in another process, who disables "gone" between two steps of this
 * one: before its query ${step} of who is a member, or after its next commit.  Or
 * who does something else for which its next transaction has to wait. */
static struct {
	const char *dir;
	unsigned step;
	bool commit;
	bool unread;		/* the next query of grants fails */
	void (*begin)(void);
	struct rx_session *s;		/* his, if he has signed in before */
} meanwhile;

/* The linker's names; no header has them. */
rx_err __real_rx_query_open(struct rx_cursor **, struct rx_store *,
    enum rx_query, const struct rx_value *, unsigned, struct rx_status *);
rx_err __wrap_rx_query_open(struct rx_cursor **, struct rx_store *,
    enum rx_query, const struct rx_value *, unsigned, struct rx_status *);
rx_err __real_rx_store_begin(struct rx_store *, struct rx_status *);
rx_err __wrap_rx_store_begin(struct rx_store *, struct rx_status *);
rx_err __real_rx_store_commit(struct rx_store *, struct rx_status *);
rx_err __wrap_rx_store_commit(struct rx_store *, struct rx_status *);

rx_err
__wrap_rx_query_open(struct rx_cursor **out, struct rx_store *store,
    enum rx_query q, const struct rx_value *args, unsigned nargs,
    struct rx_status *u)
{

	if (meanwhile.step > 0 && (q == RX_Q_CERTS || q == RX_Q_REVOCATIONS ||
	    q == RX_Q_EPOCHS) && --meanwhile.step == 0)
		disable(meanwhile.dir, "gone");
	if (meanwhile.unread && q == RX_Q_GRANTS_OF_UNIT) {
		meanwhile.unread = false;
		*out = NULL;
		return (rx_fail(u, RX_EIO, RX_MSG_FILE_READ));
	}
	return (__real_rx_query_open(out, store, q, args, nargs, u));
}

rx_err
__wrap_rx_store_begin(struct rx_store *store, struct rx_status *u)
{
	void (*const begin)(void) = meanwhile.begin;

	meanwhile.begin = NULL;
	if (begin != NULL)
		begin();
	return (__real_rx_store_begin(store, u));
}

rx_err
__wrap_rx_store_commit(struct rx_store *store, struct rx_status *u)
{
	const rx_err rc = __real_rx_store_commit(store, u);

	if (meanwhile.commit) {
		meanwhile.commit = false;
		disable(meanwhile.dir, "gone");
	}
	return (rc);
}

/* Whether the session takes ${who} for a member. */
static bool
takes_for_member(struct rx_session *s, enum fixture_id who)
{

	return (rx_member_newest(s, rx_member_first(s, fixture_id[who])) !=
	    NULL);
}

/* Revoke the certificate of members[i] as programs of before did, who gave no
 * reason. */
static void
revoke_unsaid(struct rx_session *admin, size_t i)
{
	uint8_t p[RX_REVOCATION_BYTES], secret[64], root_public[32];
	const struct rx_cert *c = &admin->members[i].cert;
	const struct rx_value v[2] = { rx_bytes(c->id, RX_ID_BYTES),
	    rx_bytes(p, sizeof(p)) };

	rx_root_derive(root_public, secret, admin->blob->root_seed);
	rx_revocation_make(p, c->id, admin->store_id, rx_session_now(admin),
	    RX_REVOKED_UNSAID, secret);
	ok(rx_store_insert(admin->store, RX_TABLE_REVOCATION, v, &st), &st);
}

/* It is an end, after which others get new keys, unless a later certificate has
 * replaced the one that was revoked. */
static void
test_revocation_of_no_reason_is_an_end_of_the_last_certificate(void **state)
{
	static const enum fixture_id who[] = { GONE, S2 };
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin"), *s;
	struct rx_cert cert;
	size_t i, at[2];

	(void)state;
	rx_status_clear(&st);
	ok(rx_begin(admin, &st), &st);
	for (i = 0; i < 2; i++) {
		at[i] = rx_member_first(admin, fixture_id[who[i]]);
		revoke_unsaid(admin, at[i]);
	}
	cert = admin->members[at[1]].cert;	/* s2's is replaced */
	ok(rx_cert_issue(admin, &cert, &st), &st);
	ok(rx_finish(admin, RX_OK, RX_DID_CERTIFY, NULL, NULL, &st), &st);
	rx_session_close(admin);
	s = fixture_open(dir, "s1");
	for (i = 0; i < 2; i++) {
		at[i] = rx_member_first(s, fixture_id[who[i]]);
		assert_true(s->members[at[i]].revoked > 0);
		assert_int_equal(s->members[at[i]].ended, i == 0);
		assert_int_equal(takes_for_member(s, who[i]), i == 1);
	}
	rx_session_close(s);
}

/* "gone", who is above the village, is disabled while d1 signs in, at any moment of
 * it: d1 hands nothing on to him.  Five queries load the members and three look
 * whether they are still the same; after that it is one transaction. */
static void
test_member_disabled_while_members_are_loaded_gets_no_key(void **state)
{
	struct rx_session *s;
	unsigned step;

	(void)state;
	for (step = 0; step <= 8; step++) {	/* 0: the control, he is not */
		meanwhile.dir = fixture_copy();
		meanwhile.step = step;
		s = fixture_open(meanwhile.dir, "d1");
		assert_int_equal(meanwhile.step, 0);
		fixture_save(s, RX_FLAG, "{\"id\":\"y1\",\"child\":\"c2\","
		    "\"date\":\"2025-06-21\",\"reason\":\"now\"}", false,
		    NULL);
		assert_int_equal(takes_for_member(s, GONE), step == 0);
		assert_int_equal(fixture_number(meanwhile.dir, "SELECT "
		    "count(*) FROM main.slot WHERE recipient = $gone AND "
		    "child = $c2"), step == 0);
		assert_int_equal(fixture_number(meanwhile.dir, "SELECT "
		    "count(*) FROM main.slot WHERE recipient = $s1 AND "
		    "child = $c2"), 1);
		rx_session_close(s);
	}
}

/* The village's grants to "gone". */
static int64_t
grants_to_gone(const char *dir)
{

	return (fixture_number(dir, "SELECT count(*) FROM keys.unit_grant "
	    "WHERE recipient = $gone AND unit = '350102001001'"));
}

/* He is disabled when a rotation has just given the village new keys, he among
 * those who got them: the next is not for him. */
static void
test_member_disabled_during_a_rotation_gets_no_later_key(void **state)
{
	struct rx_session *s;
	size_t rotated;

	(void)state;
	rx_status_clear(&st);
	meanwhile.dir = fixture_copy();
	s = fixture_open(meanwhile.dir, "d1");
	ok(rx_rotate(s, "350102001001", &rotated, &st), &st);
	assert_int_equal(grants_to_gone(meanwhile.dir), 1);	/* the control */
	meanwhile.commit = true;
	ok(rx_rotate(s, "350102001001", &rotated, &st), &st);
	assert_false(meanwhile.commit);
	ok(rx_rotate(s, "350102001001", &rotated, &st), &st);
	assert_false(takes_for_member(s, GONE));
	assert_int_equal(grants_to_gone(meanwhile.dir), 0);
	rx_session_close(s);
}

static void
grants_unread(void)
{

	meanwhile.unread = true;
}

/* What is due is asked again in the transaction; when that fails, it has ended, and
 * the session goes on. */
static void
test_rotation_that_fails_at_its_beginning_leaves_nothing_open(void **state)
{
	struct rx_session *s;
	size_t rotated;

	(void)state;
	rx_status_clear(&st);
	meanwhile.dir = fixture_copy();
	s = fixture_open(meanwhile.dir, "d1");
	meanwhile.begin = grants_unread;
	assert_int_equal(rx_rotate(s, "350102001001", &rotated, &st), RX_EIO);
	assert_false(meanwhile.unread);
	assert_false(rx_store_in_transaction(s->store));
	rx_status_clear(&st);
	ok(rx_rotate(s, "350102001001", &rotated, &st), &st);
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
}

/* ---- before a transaction that had to wait ---- */

#define NEW_TOWN "350102002"
#define NEW_CHILD(id) \
    "{\"id\":\"" id "\",\"unit\":\"" NEW_TOWN "\",\"name\":\"new\"," \
    "\"sex\":\"f\",\"birth\":\"2014-05\",\"categories\":[\"left_behind\"]," \
    "\"legal_basis\":\"consent\"}"

static int64_t
entries(const char *dir)
{

	return (fixture_number(dir, "SELECT max(seq) FROM main.audit"));
}

static int64_t entries_then;

/* He makes the keys of the township, and writes; the members are others too. */
static void
first_of_the_town(void)
{
	struct rx_session *s = fixture_open(meanwhile.dir, "n2");

	fixture_save(s, RX_CHILD, NEW_CHILD("x1"), false, NULL);
	rx_session_close(s);
	add(meanwhile.dir, "n3", RX_ROLE_DIRECTOR, "350102003");
	entries_then = entries(meanwhile.dir);
}

/* Two directors sign in to a unit of no keys at the same time: they get the
 * same, and what one of them has written is not lost. */
static void
test_keys_of_a_unit_are_made_once_by_two_at_the_same_time(void **state)
{
	static const char *const users[] = { "n1", "n2" };
	struct rx_session *s;
	int64_t after;
	size_t i;

	(void)state;
	meanwhile.dir = fixture_copy();
	add(meanwhile.dir, "n1", RX_ROLE_DIRECTOR, NEW_TOWN);
	add(meanwhile.dir, "n2", RX_ROLE_DIRECTOR, NEW_TOWN);
	meanwhile.begin = first_of_the_town;
	s = fixture_open(meanwhile.dir, "n1");
	assert_null(meanwhile.begin);
	after = entries(meanwhile.dir);
	fixture_save(s, RX_CHILD, NEW_CHILD("x2"), false, NULL);
	rx_session_close(s);
	for (i = 0; i < 2; i++) {
		s = fixture_open(meanwhile.dir, users[i]);
		fixture_save(s, RX_OBSERVATION, i == 0 ? NOTE("y1", "x1", "n")
		    : NOTE("y2", "x1", "n"), false, NULL);
		fixture_save(s, RX_OBSERVATION, i == 0 ? NOTE("y3", "x2", "n")
		    : NOTE("y4", "x2", "n"), false, NULL);
		rx_session_close(s);
	}
	/* There was nothing left for him to make, and no entry says so. */
	assert_int_equal(after, entries_then);
}

/* A second role for s2: those who came after him move on in the list. */
static void
second_role(void)
{

	add(meanwhile.dir, "s2", RX_ROLE_SUPERVISOR, "350102003");
}

/* n1 waits for the keys of the village, and d1 signs in: they are for n1, and not
 * for the statistician before him, who has his place when d1 may write. */
static void
test_keys_are_for_who_waits_and_not_for_who_has_his_place(void **state)
{

	(void)state;
	meanwhile.dir = fixture_copy();
	add(meanwhile.dir, "n1", RX_ROLE_DIRECTOR, "350102001001");
	meanwhile.begin = second_role;
	rx_session_close(fixture_open(meanwhile.dir, "d1"));
	assert_null(meanwhile.begin);
	assert_int_equal(fixture_number(meanwhile.dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE recipient = $st AND unit = '350102001001' "
	    "AND compartments & 3 <> 0"), 0);
	rx_session_close(fixture_open(meanwhile.dir, "n1"));
	assert_int_equal(fixture_number(meanwhile.dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE unit = '350102001001' AND recipient NOT IN "
	    "($d1, $s1, $gone, $st)"), 2);	/* n1, and the recovery key */
}

static size_t
recovery_key(const struct rx_session *s)
{
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (s->members[i].cert.role == RX_ROLE_RECOVERY)
			break;
	assert_true(i < s->nmembers);
	return (i);
}

static void
recovery_key_ends(void)
{
	struct rx_session *s = meanwhile.s;

	ok(rx_begin(s, &st), &st);
	ok(rx_cert_revoke(s, &s->members[recovery_key(s)], RX_REVOKED_ENDED,
	    &st), &st);
	ok(rx_finish(s, RX_OK, RX_DID_CERTIFY, NULL, NULL, &st), &st);
}

/* The root seed of a register that lacks its grant: the control is that the next
 * session of the administrator makes it. */
static void
test_root_seed_is_not_for_a_recovery_key_that_has_just_ended(void **state)
{
	struct rx_value key[4] = { rx_text("REGISTER"), rx_int(1),
	    rx_int(RX_BIT(RX_COMP_ROOT)) };
	uint8_t user[RX_ID_BYTES];
	struct rx_session *s;
	int round;

	(void)state;
	for (round = 0; round < 2; round++) {
		rx_status_clear(&st);
		meanwhile.dir = fixture_copy();
		s = fixture_open(meanwhile.dir, "admin");
		memcpy(user, s->members[recovery_key(s)].cert.user,
		    sizeof(user));
		key[3] = rx_bytes(user, sizeof(user));
		ok(rx_begin(s, &st), &st);
		ok(rx_store_delete(s->store, RX_TABLE_UNIT_GRANT, key, NULL,
		    &st), &st);
		ok(rx_finish(s, RX_OK, RX_DID_GRANT, NULL, NULL, &st), &st);
		meanwhile.s = s;
		meanwhile.begin = round == 0 ? NULL : recovery_key_ends;
		rx_session_close(fixture_open(meanwhile.dir, "admin"));
		assert_null(meanwhile.begin);
		rx_session_close(s);
		assert_int_equal(fixture_number(meanwhile.dir, "SELECT "
		    "count(*) FROM keys.unit_grant WHERE compartments = 64"),
		    round == 0);
	}
}

/* ---- the case that is to be handed on ---- */

/* d1, who stays signed in as meanwhile.s, writes an urgent flag of c2, of four
 * days ago; its slots are open to the township, not to s9 above it. */
static void
overdue_flag(void)
{
	struct rx_session *s;
	struct rx_record r;
	struct rx_case c;

	rx_status_clear(&st);
	meanwhile.dir = fixture_copy();
	add(meanwhile.dir, "s9", RX_ROLE_SUPERVISOR, "350102");
	s = meanwhile.s = fixture_open(meanwhile.dir, "d1");
	rx_record_init(&r);
	rx_case_init(&c);
	r.type = RX_FLAG;
	r.version = 1;
	r.at = rx_time_now() - 4 * INT64_C(86400000);
	rx_uuid7(r.id, r.at);
	memcpy(r.child, fixture_id[C2], RX_ID_BYTES);
	memcpy(r.unit, VILLAGE1, RX_UNIT_BYTES);
	memcpy(r.author, s->user_id, RX_ID_BYTES);
	ok(rx_record_set_text(&r, RX_F_CALLER_ID, "old", 3, &st), &st);
	ok(rx_record_set_text(&r, RX_F_REASON, "x", 1, &st), &st);
	ok(rx_record_set_int(&r, RX_F_DATE, rx_date_today(), &st), &st);
	ok(rx_record_set_int(&r, RX_F_RAISES_FLAG, 1, &st), &st);
	ok(rx_begin(s, &st), &st);
	ok(rx_case_load(&c, s, fixture_id[C2], VILLAGE1, RX_CASE_KEYS, &st),
	    &st);
	ok(rx_row_insert(s, &c, &r, &st), &st);
	ok(rx_slots_write(&c, s, true, 0, NULL, &st), &st);
	ok(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st), &st);
	rx_case_done(&c, s);
	rx_record_free(&r);
}

static void
case_is_erased(void)
{

	ok(rx_child_erase(meanwhile.s, fixture_id[C2], "x", &st), &st);
}

static void
flag_is_decided(const char *decision)
{
	struct rx_session *s = fixture_open(meanwhile.dir, "s1");
	struct rx_flag_row flag;

	ok(rx_review_find(s, "old", &flag, &st), &st);
	ok(rx_review_decide(s, &flag, decision, "done", &st), &st);
	rx_session_close(s);
}

static void
flag_is_closed(void)
{

	flag_is_decided("close");
}

static void
flag_is_accepted(void)
{

	flag_is_decided("accept");
}

static void
case_is_renewed(void)
{
	struct rx_session *s = meanwhile.s;
	struct rx_case c;

	rx_case_init(&c);
	ok(rx_begin(s, &st), &st);
	ok(rx_case_load(&c, s, fixture_id[C2], VILLAGE1, RX_CASE_KEYS, &st),
	    &st);
	ok(rx_case_renew(&c, s, &st), &st);
	ok(rx_slots_write(&c, s, true, 0, NULL, &st), &st);
	ok(rx_finish(s, RX_OK, RX_DID_ROTATE, NULL, NULL, &st), &st);
	rx_case_done(&c, s);
}

static void
case_is_taken_over(void)
{
	struct rx_session *s = fixture_open(meanwhile.dir, "d2");
	char number[16];

	ok(rx_transfer_accept(s, fixture_id[C2], number, &st), &st);
	rx_session_close(s);
}

/* The next sign-in of d1, with ${what} just before he hands the case on. */
static void
hand_on(void (*what)(void))
{
	struct rx_session *s;

	meanwhile.begin = what;
	s = fixture_open(meanwhile.dir, "d1");
	assert_null(meanwhile.begin);
	assert_false(rx_store_in_transaction(s->store));
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
}

/* Whether the slot of ${user} in c2 is open; RX_ECORRUPT when it is not of the keys
 * of the case. */
static rx_err
slot_opens(const char *user, bool *opened)
{
	struct rx_session *s = fixture_open(meanwhile.dir, user);
	char unit[RX_UNIT_BYTES];
	struct rx_status why;
	struct rx_case c;
	rx_err rc;

	rx_status_clear(&why);
	rx_case_init(&c);
	ok(rx_case_unit(s, fixture_id[C2], unit, &st), &st);
	ok(rx_case_load(&c, s, fixture_id[C2], unit, RX_BIT(RX_COMP_CODED),
	    &st), &st);
	rc = rx_case_load_slot(&c, s, opened, &why);
	rx_case_done(&c, s);
	rx_session_close(s);
	return (rc);
}

static void
assert_slots(bool town, bool county)
{
	bool opened;

	assert_int_equal(slot_opens("s1", &opened), RX_OK);
	assert_int_equal(opened, town);
	assert_int_equal(slot_opens("s9", &opened), RX_OK);
	assert_int_equal(opened, county);
}

/* With nobody else (the control), or on the keys that he has just given it. */
static void
test_overdue_case_is_handed_on_under_the_keys_it_has_then(void **state)
{
	static void (*const what[])(void) = { NULL, case_is_renewed };
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		overdue_flag();
		assert_slots(true, false);
		hand_on(what[i]);
		assert_slots(true, true);
		rx_session_close(meanwhile.s);
	}
}

static void
test_case_erased_before_it_is_handed_on_gets_no_slots(void **state)
{
	struct rx_session *s;

	(void)state;
	overdue_flag();
	hand_on(case_is_erased);
	rx_session_close(meanwhile.s);
	assert_int_equal(fixture_number(meanwhile.dir, "SELECT count(*) FROM "
	    "main.slot WHERE child = $c2"), 0);
	assert_int_equal(fixture_number(meanwhile.dir, "SELECT count(*) FROM "
	    "keys.slot_key WHERE child = $c2"), 0);
	s = fixture_open(meanwhile.dir, "d1");
	ok(rx_child_erase(s, fixture_id[C1], "x", &st), &st);
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
}

/* Its slots are of the unit that it is in now. */
static void
test_case_moved_before_it_is_handed_on_is_for_its_new_director(void **state)
{
	bool opened;

	(void)state;
	overdue_flag();
	ok(rx_transfer_offer(meanwhile.s, fixture_id[C2], "350102001002", "x",
	    &st), &st);
	hand_on(case_is_taken_over);
	rx_session_close(meanwhile.s);
	assert_int_equal(slot_opens("s1", &opened), RX_OK);
	assert_true(opened);
	assert_int_equal(slot_opens("s9", &opened), RX_OK);
}

static void
test_case_decided_before_it_is_handed_on_opens_to_nobody_more(void **state)
{
	struct rx_session *s;
	size_t n;

	(void)state;
	overdue_flag();
	hand_on(flag_is_accepted);
	rx_session_close(meanwhile.s);
	assert_slots(true, false);

	overdue_flag();
	hand_on(flag_is_closed);
	rx_session_close(meanwhile.s);
	assert_slots(false, false);
	s = fixture_open(meanwhile.dir, "s1");
	assert_int_equal(fixture_show(s, fixture_id[C2], "reason", &n, &st),
	    RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_CASE_CLOSED);
	rx_session_close(s);
	rx_status_clear(&st);
}

/* d1 orders the erasure of a case that he has offered, which is taken over just before:
 * it is not damaged, but not his any more; unless he directs its new unit too. */
static void
test_case_moved_before_it_is_erased_is_refused_as_not_his(void **state)
{
	struct rx_session *s;
	int round;

	(void)state;
	for (round = 0; round < 3; round++) {	/* 0: the control, it is not */
		rx_status_clear(&st);
		meanwhile.dir = fixture_copy();
		if (round == 2)
			add(meanwhile.dir, "d1", RX_ROLE_DIRECTOR,
			    "350102001002");
		s = fixture_open(meanwhile.dir, "d1");
		ok(rx_transfer_offer(s, fixture_id[C2], "350102001002", "x",
		    &st), &st);
		meanwhile.begin = round == 0 ? NULL : case_is_taken_over;
		assert_int_equal(rx_child_erase(s, fixture_id[C2], "x", &st),
		    round == 1 ? RX_EPERM : RX_OK);
		assert_null(meanwhile.begin);
		assert_true(round != 1 || st.msg == RX_MSG_NOT_PERMITTED);
		rx_status_clear(&st);
		assert_int_equal(fixture_number(meanwhile.dir, "SELECT "
		    "count(*) FROM main.erasure"), round != 1);
		ok(fixture_verify(s, NULL, &st), &st);
		rx_session_close(s);
	}
}

/* d1, who goes on elsewhere, directs the village no more. */
static void
village_role_ends(void)
{
	struct rx_session *s = fixture_open(meanwhile.dir, "admin");
	size_t i = rx_member_first(s, fixture_id[D1]);

	ok(rx_begin(s, &st), &st);
	while (s->members[i].cert.role != RX_ROLE_DIRECTOR)
		i++;
	ok(rx_cert_revoke(s, &s->members[i], RX_REVOKED_ENDED, &st), &st);
	ok(rx_finish(s, RX_OK, RX_DID_CERTIFY, NULL, NULL, &st), &st);
	rx_session_close(s);
	entries_then = entries(meanwhile.dir);
}

static void
test_case_is_not_handed_on_by_who_has_just_ceased_to_direct_its_unit(
    void **state)
{

	(void)state;
	overdue_flag();
	rx_session_close(meanwhile.s);
	add(meanwhile.dir, "d1", RX_ROLE_SUPERVISOR, "350102003");
	hand_on(village_role_ends);
	assert_int_equal(entries(meanwhile.dir), entries_then);
}

/* s9, who has the key to figures by s1, waits for his slots: the control is that d1
 * writes them. */
static void
test_slots_are_not_written_by_who_has_just_ceased_to_direct_the_unit(
    void **state)
{
	int round;

	(void)state;
	for (round = 0; round < 2; round++) {
		rx_status_clear(&st);
		meanwhile.dir = fixture_copy();
		add(meanwhile.dir, "d1", RX_ROLE_SUPERVISOR, "350102003");
		add(meanwhile.dir, "s9", RX_ROLE_SUPERVISOR, "350102");
		rx_session_close(fixture_open(meanwhile.dir, "s1"));
		entries_then = entries(meanwhile.dir) + 1;
		hand_on(round == 0 ? NULL : village_role_ends);
		assert_int_equal(entries(meanwhile.dir), entries_then);
		assert_int_equal(fixture_number(meanwhile.dir, "SELECT "
		    "count(*) FROM main.slot WHERE child = $c2 AND recipient "
		    "= (SELECT id FROM keys.user WHERE name = 's9')"),
		    round == 0);
	}
}

/* ---- the case that is about to be read ---- */

static uint8_t arrived[RX_ID_BYTES];	/* from another register, flagged */

/* The version of the child that is there is kept as one that lost, too. */
static void
written_twice(void)
{
	struct rx_session *s = meanwhile.s;
	struct rx_buf row = RX_BUF_INIT;
	struct rx_value v[RX_COLUMNS_MAX], k[7];
	uint8_t digest[RX_HASH_BYTES];
	enum rx_there how;
	size_t i;

	ok(rx_begin(s, &st), &st);
	v[0] = rx_bytes(arrived, RX_ID_BYTES);
	v[1] = rx_int(1);
	v[2] = rx_text("350102001001");
	for (i = 3; i < RX_COLUMNS_MAX; i++)
		v[i] = v[0];
	ok(rx_store_compare(s->store, RX_TABLE_CHILD, v, &how, &row, &st),
	    &st);
	assert_int_equal(how, RX_OTHER);
	rx_hash(digest, sizeof(digest), NULL, "runxin conflict v1", row.b,
	    row.len);
	k[0] = rx_int(RX_TABLE_CHILD);
	k[1] = v[0];
	k[2] = v[1];
	k[3] = rx_bytes(digest, sizeof(digest));
	k[4] = v[0];
	k[5] = v[2];
	k[6] = rx_bytes(row.b, row.len);
	ok(rx_finish(s, rx_store_insert(s->store, RX_TABLE_CONFLICT, k, &st),
	    RX_DID_BUNDLE, NULL, "open", &st), &st);
	rx_buf_free(&row);
}

/* d1, who stays signed in as meanwhile.s, takes c1 of another register in. */
static void
case_arrives(void)
{
	struct rx_buf file = RX_BUF_INIT, receipt = RX_BUF_INIT;
	uint8_t far_id[FIXTURE_IDS][RX_ID_BYTES];
	struct rx_address here, there;
	struct rx_arrival in;
	struct rx_session *far;

	rx_status_clear(&st);
	meanwhile.dir = fixture_copy();
	meanwhile.s = fixture_open(meanwhile.dir, "d1");
	far = fixture_open(fixture_another(far_id), "d1");
	ok(rx_address_issue(meanwhile.s, NULL, &here, &st), &st);
	ok(rx_address_issue(far, NULL, &there, &st), &st);
	ok(rx_departure_seal(far, far_id[C1], here.bytes, sizeof(here.bytes),
	    here.fingerprint, "x", SIZE_MAX, &file, &st), &st);
	ok(rx_arrival_take(meanwhile.s, file.b, file.len, there.fingerprint,
	    &receipt, &in, &st), &st);
	memcpy(arrived, in.child, sizeof(arrived));
	rx_buf_free(&file);
	rx_buf_free(&receipt);
	rx_session_close(far);
	written_twice();
}

static void
it_is_erased(void)
{

	ok(rx_child_erase(meanwhile.s, arrived, "x", &st), &st);
}

static void
it_moves(void)
{
	struct rx_session *s = fixture_open(meanwhile.dir, "d2");
	char number[16];

	ok(rx_transfer_offer(meanwhile.s, arrived, "350102001002", "x", &st),
	    &st);
	ok(rx_transfer_accept(s, arrived, number, &st), &st);
	rx_session_close(s);
}

static rx_err
flag_of_it(void *cookie, const struct rx_flag_row *row, struct rx_status *u)
{

	(void)u;
	if (memcmp(row->child, arrived, RX_ID_BYTES) == 0)
		*(struct rx_flag_row *)cookie = *row;
	return (RX_OK);
}

static void
it_is_closed(void)
{
	struct rx_session *s = fixture_open(meanwhile.dir, "s1");
	struct rx_flag_row flag;

	memset(&flag, 0, sizeof(flag));
	ok(rx_review_each(s, false, flag_of_it, &flag, &st), &st);
	ok(rx_review_decide(s, &flag, "close", "done", &st), &st);
	rx_session_close(s);
}

static rx_err
count_record(void *cookie, const struct rx_record *r, struct rx_status *u)
{

	(void)r;
	(void)u;
	++*(size_t *)cookie;
	return (RX_OK);
}

static rx_err
count_version(void *cookie, const struct rx_record *r, uint64_t changed,
    struct rx_status *u)
{

	(void)changed;
	return (count_record(cookie, r, u));
}

static rx_err
count_origin(void *cookie, const struct rx_address *from,
    const struct rx_record *r, const char *author, struct rx_status *u)
{

	(void)from;
	(void)author;
	return (count_record(cookie, r, u));
}

static rx_err
look_whole(struct rx_session *s, size_t *n, struct rx_status *u)
{

	return (rx_child_show(s, arrived, "reason", count_record, n, u));
}

static rx_err
look_page(struct rx_session *s, size_t *n, struct rx_status *u)
{

	return (rx_child_case(s, arrived, ~0u, count_record, n, u));
}

static rx_err
look_history(struct rx_session *s, size_t *n, struct rx_status *u)
{

	return (rx_child_history(s, arrived, arrived, ~0u, count_version, n,
	    u));
}

static rx_err
look_origin(struct rx_session *s, size_t *n, struct rx_status *u)
{
	unsigned count;

	return (rx_origin_each(s, arrived, "reason", count_origin, n, &count,
	    u));
}

static rx_err
look_conflict(struct rx_session *s, size_t *n, struct rx_status *u)
{

	return (rx_conflict_each(s, arrived, count_record, n, u));
}

/* What is shown is what may be seen when the look is entered in the audit: nothing of
 * a case that was erased, given away or closed just before. */
static void
test_case_that_goes_before_a_look_is_entered_is_not_shown(void **state)
{
	static const struct {
		const char *name, *user;
		void (*goes)(void);
		rx_err rc;
		enum rx_msg msg;
	} ways[] = {
		{ "here", "d1", NULL, RX_OK, RX_MSG_NONE },
		{ "erased", "d1", it_is_erased, RX_ENOENT,
		    RX_MSG_CHILD_UNKNOWN },
		{ "moved", "d1", it_moves, RX_EPERM, RX_MSG_NOT_PERMITTED },
		{ "flagged", "s1", NULL, RX_OK, RX_MSG_NONE },
		{ "closed", "s1", it_is_closed, RX_EPERM,
		    RX_MSG_CASE_CLOSED },
	};
	static const struct {
		const char *name;
		bool supervisor;	/* he may, too */
		rx_err (*look)(struct rx_session *, size_t *,
		    struct rx_status *);
	} looks[] = {
		{ "whole", true, look_whole }, { "page", false, look_page },
		{ "history", false, look_history },
		{ "origin", true, look_origin },
		{ "conflict", false, look_conflict },
	};
	struct rx_session *s;
	struct rx_status u;
	size_t i, k, n;
	rx_err rc;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		for (k = 0; k < sizeof(looks) / sizeof(looks[0]); k++) {
			if (ways[i].user[0] == 's' && !looks[k].supervisor)
				continue;
			case_arrives();
			s = fixture_open(meanwhile.dir, ways[i].user);
			meanwhile.begin = ways[i].goes;
			rx_status_clear(&u);
			n = 0;
			rc = looks[k].look(s, &n, &u);
			if (rc != ways[i].rc || u.msg != ways[i].msg ||
			    (n > 0) != (rc == RX_OK))
				fail_msg("%s, %s: %d, %d, %zu", ways[i].name,
				    looks[k].name, (int)rc, (int)u.msg, n);
			assert_null(meanwhile.begin);
			assert_false(rx_store_in_transaction(s->store));
			ok(fixture_verify(s, NULL, &st), &st);
			rx_session_close(s);
			rx_session_close(meanwhile.s);
		}
}

/* ${s} changes its passphrase to ${text}: keys wait to be certified. */
static void
ask(struct rx_session *s, const char *text)
{
	struct rx_secret *p = test_passphrase(text);

	ok(rx_session_passwd(s, p, &st), &st);
	rx_secret_free(p);
}

static void
ask_again(void)
{

	ask(meanwhile.s, "third");
}

/* A copy in which d1 has asked; his session. */
static struct rx_session *
asked(void)
{
	struct rx_session *s;

	rx_status_clear(&st);
	meanwhile.dir = fixture_copy();
	s = fixture_open(meanwhile.dir, "d1");
	ask(s, "second");
	return (s);
}

static void
certified_by_another(void)
{

	rx_session_close(fixture_open(meanwhile.dir, "admin"));
	entries_then = entries(meanwhile.dir);
}

static struct rx_session *
open_with(const char *dir, const char *user, const char *text)
{
	struct rx_secret *p = test_passphrase(text);
	struct rx_session *s;

	rx_status_clear(&st);
	ok(rx_session_open(&s, dir, user, p, &st), &st);
	rx_secret_free(p);
	return (s);
}

/* d1 changes his passphrase once more while the administrator signs in: the keys
 * that are certified are those he asked for last. */
static void
test_keys_that_are_certified_are_those_asked_for_last(void **state)
{
	struct rx_session *s = asked();

	(void)state;
	meanwhile.s = s;
	meanwhile.begin = ask_again;
	rx_session_close(fixture_open(meanwhile.dir, "admin"));
	assert_null(meanwhile.begin);
	rx_session_close(s);
	s = open_with(meanwhile.dir, "d1", "third");
	assert_null(s->next);			/* certified, and taken */
	fixture_save(s, RX_OBSERVATION, NOTE("y1", "c1", "third"), false,
	    NULL);
	rx_session_close(s);
}

/* Nothing is left to certify: no entry says that something was. */
static void
test_keys_are_certified_once_by_two_at_the_same_time(void **state)
{
	struct rx_session *s;

	(void)state;
	rx_session_close(asked());
	meanwhile.begin = certified_by_another;
	rx_session_close(fixture_open(meanwhile.dir, "admin"));
	assert_null(meanwhile.begin);
	assert_int_equal(entries(meanwhile.dir), entries_then);
	s = open_with(meanwhile.dir, "d1", "second");
	assert_null(s->next);
	rx_session_close(s);
}

/* ---- a keyblob that another session has changed ---- */

static void
ask_for_second(void)
{

	ask(meanwhile.s, "second");
}

/* ${s} is refused a new passphrase, as another session of the user has changed his
 * keyblob. */
static void
refuse_passwd(struct rx_session *s)
{
	struct rx_secret *p = test_passphrase("third");

	rx_status_clear(&st);
	assert_int_equal(rx_session_passwd(s, p, &st), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_SESSION_STALE);
	assert_false(rx_store_in_transaction(s->store));
	rx_status_clear(&st);
	rx_secret_free(p);
}

/* A page that was left open does not put the seed of before back over the one that
 * another asked for: before it, or while it waits for its transaction. */
static void
test_passphrase_is_not_changed_by_a_session_older_than_the_last_change(
    void **state)
{
	struct rx_session *s;
	int round;

	(void)state;
	for (round = 0; round < 2; round++) {
		rx_status_clear(&st);
		meanwhile.dir = fixture_copy();
		meanwhile.s = fixture_open(meanwhile.dir, "d1");
		s = fixture_open(meanwhile.dir, "d1");
		if (round == 0)
			ask_for_second();
		else
			meanwhile.begin = ask_for_second;
		refuse_passwd(s);
		assert_null(meanwhile.begin);
		refuse_passwd(s);
		rx_session_close(s);
		/* The control: who changed it may change it again. */
		if (round == 0)
			ask_for_second();
		rx_session_close(meanwhile.s);
		rx_session_close(fixture_open(meanwhile.dir, "admin"));
		s = open_with(meanwhile.dir, "d1", "second");
		assert_null(s->next);		/* certified, and taken */
		ok(fixture_verify(s, NULL, &st), &st);
		rx_session_close(s);
	}
}

/* He takes up his new keys, and changes his passphrase at once. */
static void
second_signs_in(void)
{
	struct rx_session *s = open_with(meanwhile.dir, "d1", "second");

	ask(s, "third");
	rx_session_close(s);
}

static void
second_signs_in_alone(void)
{

	rx_session_close(open_with(meanwhile.dir, "d1", "second"));
}

/* Keys that were certified are taken up by one of two who sign in at the same time:
 * both are in, with the same keys. */
static void
test_sign_in_sent_twice_takes_new_keys_up_once(void **state)
{
	struct rx_session *s = asked();

	(void)state;
	rx_session_close(s);
	certified_by_another();
	meanwhile.begin = second_signs_in_alone;
	s = open_with(meanwhile.dir, "d1", "second");
	assert_null(meanwhile.begin);
	assert_int_equal(entries(meanwhile.dir), entries_then + 1);
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
}

/* The other does not put the passphrase of before back. */
static void
test_sign_in_puts_no_passphrase_of_before_back(void **state)
{
	struct rx_session *s = asked(), *other;
	struct rx_secret *p = test_passphrase("second");

	(void)state;
	rx_session_close(s);
	certified_by_another();
	ok(rx_session_open(&other, fixture_copy_of(meanwhile.dir), "d1", p,
	    &st), &st);		/* the control: alone */
	rx_session_close(other);
	meanwhile.begin = second_signs_in;
	assert_int_not_equal(rx_session_open(&s, meanwhile.dir, "d1", p, &st),
	    RX_OK);
	assert_null(meanwhile.begin);
	assert_int_equal(st.msg, RX_MSG_WRONG_PASSPHRASE);
	rx_status_clear(&st);
	rx_secret_free(p);
	s = open_with(meanwhile.dir, "d1", "third");
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
}

/* ---- the supervisor ---- */

/* Count the identity and narrative boxes of record ${id} under keys of ${k}. */
static size_t
narrative_kept(const char *dir, const char *id, const struct kept *k)
{
	char sql[200];
	size_t all = 0, n;

	(void)snprintf(sql, sizeof(sql), "SELECT narrative FROM record ORDER "
	    "BY id DESC LIMIT 1 OFFSET %s", id);
	n = count_kept(dir, sql, k, &all);
	assert_int_equal(all, 1);
	return (n);
}

static void
test_supervisor_who_kept_the_keys_reads_nothing_after_the_close(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s1 = fixture_open(dir, "s1"), *d1;
	struct kept kept = { .n = 0 };
	struct rx_flag_row flag;
	struct rx_case c;
	bool opened;

	(void)state;
	rx_status_clear(&st);
	rx_case_init(&c);
	ok(rx_case_load(&c, s1, fixture_id[C1], VILLAGE1,
	    RX_BIT(RX_COMP_CODED), &st), &st);
	ok(rx_case_load_slot(&c, s1, &opened, &st), &st);
	assert_true(opened);
	keep_case(&kept, &c, RX_BIT(RX_COMP_IDENTITY) |
	    RX_BIT(RX_COMP_NARRATIVE));
	rx_case_done(&c, s1);
	/* The control: while it is open, what is written is for him too. */
	d1 = fixture_open(dir, "d1");
	fixture_save(d1, RX_OBSERVATION, NOTE("y1", "c1", "open"), false,
	    NULL);
	assert_int_equal(narrative_kept(dir, "0", &kept), 1);
	ok(rx_review_find(s1, "o1", &flag, &st), &st);
	ok(rx_review_decide(s1, &flag, "close", "done", &st), &st);
	fixture_save(d1, RX_OBSERVATION, NOTE("y2", "c1", "closed"), false,
	    NULL);
	assert_int_equal(narrative_kept(dir, "0", &kept), 0);
	/* Nor what is written in the child's own row. */
	fixture_save(d1, RX_CHILD, "{\"id\":\"c1\",\"unit\":\"350102001001\","
	    "\"name\":\"moved\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    true, NULL);
	{
		size_t all = 0;

		assert_int_equal(count_kept(dir, "SELECT name FROM child "
		    "ORDER BY version DESC LIMIT 1", &kept, &all), 0);
	}
	/* The next flag opens it to him again, the time between included. */
	fixture_save(d1, RX_FLAG, "{\"id\":\"y3\",\"child\":\"c1\","
	    "\"date\":\"2025-06-21\",\"reason\":\"again\"}", false, NULL);
	{
		size_t n = 0;

		ok(fixture_show(s1, fixture_id[C1], "reason", &n, &st), &st);
		assert_true(n >= 5);
	}
	ok(fixture_verify(d1, NULL, &st), &st);
	rx_session_close(s1);
	rx_session_close(d1);
}

/* ---- epochs of one's own ---- */

/* ${s}, past the checks of rx_begin, gives the village new keys as a program of
 * one's own would; with an entry of the audit or without. */
static rx_err
begin_epoch(struct rx_session *s, bool entry)
{
	rx_err rc;

	rx_status_clear(&st);
	ok(rx_store_begin(s->store, &st), &st);
	s->serial++;
	if ((rc = rx_unit_rotate(s, VILLAGE1, RX_CASE_KEYS, &st)) == RX_OK &&
	    entry)
		rc = rx_audit_add(s, RX_DID_ROTATE, NULL, "", 0, &st);
	if (rc == RX_OK)
		ok(rx_store_commit(s->store, &st), &st);
	else
		rx_store_rollback(s->store);
	return (rc);
}

static void
test_epoch_begun_by_a_revoked_member_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1"), *s;

	(void)state;
	/* The control: as long as he is a member, it counts. */
	ok(begin_epoch(d1, true), &st);
	s = fixture_open(dir, "s1");
	rx_session_close(s);

	disable(dir, "d1");
	/* He has no audit key for an entry any more. */
	assert_int_equal(begin_epoch(d1, true), RX_EPERM);
	/* So he takes the new ones away, and signs with the old one. */
	fixture_tamper(dir, "DELETE FROM keys.unit_epoch WHERE unit = "
	    "'REGISTER'");
	ok(begin_epoch(d1, true), &st);
	rx_session_close(d1);
	assert_int_not_equal(fixture_try(&s, dir, "s1", &st), RX_OK);
	assert_int_equal(st.code, RX_ECORRUPT);
	rx_status_clear(&st);
	assert_int_not_equal(fixture_try(&s, dir, "admin", &st), RX_OK);
	assert_int_equal(st.code, RX_ECORRUPT);
}

/* An entry under the audit key of before does not follow one under the next. */
static void
test_entry_under_an_audit_key_left_behind_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1"), *s;
	const struct rx_key *key;
	uint32_t epoch;

	(void)state;
	rx_status_clear(&st);
	ok(rx_unit_key(d1, RX_REGISTER_KEYS, RX_COMP_AUDIT, 1, &key, NULL,
	    &st), &st);
	disable(dir, "gone");			/* the audit key is followed */
	ok(rx_unit_newest(d1, RX_REGISTER_KEYS, RX_COMP_AUDIT, &epoch, NULL,
	    &st), &st);
	assert_int_equal(epoch, 2);
	/* d1 is a member; his entry is under the old key, all else is right. */
	ok(rx_store_begin(d1->store, &st), &st);
	{
		size_t i;

		d1->serial = 7;
		for (i = 0; i < d1->nheld; i++)
			if (d1->held[i].comp == RX_COMP_AUDIT)
				d1->held[i].newest = 7;
	}
	ok(rx_audit_add(d1, RX_DID_SAVE, NULL, "", 0, &st), &st);
	ok(rx_store_commit(d1->store, &st), &st);
	rx_session_close(d1);
	fixture_open_corrupt(dir, "s1", RX_MSG_AUDIT_BROKEN);

	/* The control: under the new key it is accepted. */
	dir = fixture_copy();
	d1 = fixture_open(dir, "d1");
	disable(dir, "gone");
	ok(rx_store_begin(d1->store, &st), &st);
	d1->serial++;
	ok(rx_audit_add(d1, RX_DID_SAVE, NULL, "", 0, &st), &st);
	ok(rx_store_commit(d1->store, &st), &st);
	rx_session_close(d1);
	s = fixture_open(dir, "s1");
	rx_session_close(s);
}

/* To make others write under a key of before, its successor would have to go. */
static void
test_epoch_cannot_be_taken_away(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	size_t rotated;

	(void)state;
	rx_status_clear(&st);
	ok(rx_rotate(s, "350102001001", &rotated, &st), &st);
	assert_int_equal(rotated, 1);
	rx_session_close(s);
	fixture_tamper(dir, "DELETE FROM keys.unit_epoch");
	fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_ROWS);
	/* The control: rows of another table nobody misses at sign-in. */
	dir = fixture_copy();
	fixture_tamper(dir, "DELETE FROM main.slot WHERE recipient = $gone");
	rx_session_close(fixture_open(dir, "d1"));
}

/* ---- certificates that were replaced, and ended ---- */

static void
passwd(const char *dir, const char *user, const char *pass)
{
	struct rx_secret *p = test_passphrase(pass);
	struct rx_session *s = fixture_open(dir, user);

	rx_status_clear(&st);
	ok(rx_session_passwd(s, p, &st), &st);
	rx_session_close(s);
	rx_session_close(fixture_open(dir, "admin"));	/* certifies */
	ok(rx_session_open(&s, dir, user, p, &st), &st);
	rx_session_close(s);
	rx_secret_free(p);
}

/* What s1 opens of the village's coded data. */
static size_t
coded_of(const char *dir, const char *user)
{
	struct rx_session *s = fixture_open(dir, user);
	size_t n = 0;

	rx_status_clear(&st);
	ok(fixture_list(s, &n, &st), &st);
	rx_session_close(s);
	return (n);
}

static void
test_epoch_of_before_a_new_passphrase_or_an_end_stays_good(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	size_t rotated, n;

	(void)state;
	n = coded_of(dir, "s1");
	assert_true(n >= 3);
	rx_status_clear(&st);
	ok(rx_rotate(s, "350102001001", &rotated, &st), &st);
	rx_session_close(s);
	/* The keys he signed those grants with are replaced, nothing is due. */
	passwd(dir, "d1", "another");
	assert_int_equal(coded_of(dir, "s1"), n);
	assert_int_equal(fixture_number(dir, "SELECT max(epoch) FROM "
	    "keys.unit_epoch WHERE unit = '350102001001'"), 2);
	/* He goes: they stay good, and are followed. */
	disable(dir, "d1");
	assert_int_equal(coded_of(dir, "s1"), n);
	assert_int_equal(fixture_number(dir, "SELECT max(epoch) FROM "
	    "keys.unit_epoch WHERE unit = '350102001001' AND compartment = 3"),
	    3);
	/* The supervisor makes no key that he may not hold. */
	assert_int_equal(fixture_number(dir, "SELECT max(epoch) FROM "
	    "keys.unit_epoch WHERE unit = '350102001001' AND compartment = 2"),
	    2);
}

/* A slot that somebody who is gone writes after the unit got new keys, even with
 * those of now, which he has from somebody else. */
static void
test_slot_by_somebody_who_is_gone_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *n1 = enrol(dir, "n1"), *d1, *s1;
	struct rx_key slot[2];
	const struct rx_key *keys[RX_GRANT_KEYS] = { &slot[0], &slot[1], NULL };
	uint8_t box[RX_GRANT_BYTES];
	struct rx_case c;
	struct rx_grant_context ctx;
	int round;
	rx_err rc;
	size_t n;

	(void)state;
	d1 = fixture_open(dir, "d1");
	rx_session_close(n1);
	for (round = 0; round < 2; round++) {
		const uint32_t epoch = (uint32_t)fixture_number(dir, "SELECT "
		    "max(epoch) FROM keys.case_key WHERE child = $c1");

		n1 = fixture_open(dir, "n1");
		rx_status_clear(&st);
		rx_case_init(&c);
		ok(rx_case_load(&c, n1, fixture_id[C1], VILLAGE1, RX_CASE_KEYS,
		    &st), &st);
		rx_slot_key(&slot[0], c.e[c.n - 1].key[0]);
		rx_slot_key(&slot[1], c.e[c.n - 1].key[1]);
		rx_case_done(&c, n1);
		rx_session_close(n1);
		s1 = fixture_open(dir, "s1");
		rx_grant_context_set(&ctx, d1, VILLAGE1, fixture_id[C1],
		    epoch, RX_BIT(RX_COMP_IDENTITY) |
		    RX_BIT(RX_COMP_NARRATIVE));
		ok(rx_grant_make(box, &ctx, keys, RX_GRANT_SLOT, d1->user_id,
		    d1->id, s1->id->box_public, &st), &st);
		fixture_tamper_blob(dir, "UPDATE main.slot SET sealed = ?1 "
		    "WHERE child = $c1 AND recipient = $s1", box,
		    sizeof(box));
		rc = fixture_show(s1, fixture_id[C1], "reason", &n, &st);
		/* The control: while d1 is a member, it is believed. */
		assert_int_equal(rc, round == 0 ? RX_OK : RX_ECORRUPT);
		if (round == 1)
			assert_int_equal(st.msg, RX_MSG_GRANT_CORRUPT);
		rx_session_close(s1);
		if (round == 0) {
			disable(dir, "d1");
			rx_session_close(fixture_open(dir, "n1"));
		}
	}
	rx_session_close(d1);
}

/* A case that no keys open keeps the others from no new ones, and its director from
 * nothing. */
static void
test_case_that_does_not_open_stops_no_rotation(void **state)
{
	static const char newest[] = "SELECT max(epoch) FROM keys.case_key "
	    "WHERE child = $c1", kept[] = "SELECT max(epoch) FROM "
	    "keys.case_key WHERE child = $c2";
	const char *dir = fixture_copy();
	int64_t entries;

	(void)state;
	fixture_tamper(dir, "UPDATE keys.case_key SET identity = narrative "
	    "WHERE child = $c2");
	rx_session_close(enrol(dir, "n1"));
	rx_session_close(fixture_open(dir, "d1"));
	disable(dir, "n1");
	rx_session_close(fixture_open(dir, "d1"));
	assert_int_equal(fixture_number(dir, newest), 2);
	assert_int_equal(fixture_number(dir, kept), 1);
	entries = fixture_number(dir, "SELECT max(seq) FROM audit");
	rx_session_close(fixture_open(dir, "d1"));
	assert_int_equal(fixture_number(dir, "SELECT max(seq) FROM audit"),
	    entries);
}

/* ---- the successor ---- */

/* Whoever hands the keys on looks at the certificate of the successor: another
 * key under his name gets none. */
static void
test_substituted_successor_gets_no_key(void **state)
{
	const char *dir = fixture_copy(), *another = fixture_another(NULL);
	struct rx_secret *p = test_passphrase("n1-pass");
	struct rx_buf b = RX_BUF_INIT;
	struct rx_session *admin, *d1;
	struct rx_handover h;

	(void)state;
	rx_status_clear(&st);
	admin = fixture_open(dir, "admin");
	ok(rx_user_handover(admin, "d1", "n1", p, false, &h, &st), &st);
	assert_false(h.ended);
	rx_session_close(admin);
	/* The same person in a register of the attacker's, and his keys. */
	admin = fixture_open(another, "admin");
	ok(rx_user_add(admin, "n1", RX_ROLE_DIRECTOR, "350102001001", p, &st),
	    &st);
	rx_session_close(admin);
	fixture_blob(another, "SELECT cert FROM keys.cert ORDER BY id DESC "
	    "LIMIT 1", &b);
	fixture_tamper_blob(dir, "UPDATE keys.cert SET cert = ?1 WHERE id = "
	    "(SELECT max(id) FROM keys.cert)", b.b, b.len);
	fixture_open_corrupt(dir, "d1", RX_MSG_CERT_CORRUPT);

	/* The control: the true certificate is granted to at once. */
	dir = fixture_copy();
	admin = fixture_open(dir, "admin");
	ok(rx_user_handover(admin, "d1", "n1", p, false, &h, &st), &st);
	rx_session_close(admin);
	d1 = fixture_open(dir, "d1");
	rx_session_close(d1);
	d1 = fixture_open(dir, "n1");
	{
		size_t n = 0;

		ok(fixture_show(d1, fixture_id[C1], NULL, &n, &st), &st);
		assert_true(n > 1);
	}
	rx_session_close(d1);
	rx_secret_free(p);
	rx_buf_free(&b);
}

static void
test_handover_that_the_root_did_not_sign_is_refused(void **state)
{
	const char *dir = fixture_copy(), *another = fixture_another(NULL);
	struct rx_secret *p = test_passphrase("n1-pass");
	struct rx_buf b = RX_BUF_INIT;
	struct rx_session *admin;
	struct rx_handover h;

	(void)state;
	rx_status_clear(&st);
	admin = fixture_open(another, "admin");
	ok(rx_user_handover(admin, "d1", "n1", p, false, &h, &st), &st);
	rx_session_close(admin);
	fixture_blob(another, "SELECT statement FROM keys.handover", &b);
	fixture_tamper_blob(dir, "INSERT INTO keys.handover VALUES($d1, ?1)",
	    b.b, b.len);
	assert_int_equal(fixture_try(&admin, dir, "admin", &st), RX_ECORRUPT);
	/* The control: where it was signed it is read. */
	rx_status_clear(&st);
	rx_session_close(fixture_open(another, "admin"));
	rx_secret_free(p);
	rx_buf_free(&b);
}

/* ---- custodians ---- */

static struct rx_session *
own_register(const char *name, char dir[256], struct rx_codes *codes)
{
	struct rx_secret *p = test_passphrase("admin-pass");

	rx_status_clear(&st);
	(void)snprintf(dir, 256, "%s/%s", test_dir(), name);
	ok(rx_register_create(dir, "admin", "测试民政局", "350102", p, codes,
	    &st), &st);
	rx_secret_free(p);
	return (fixture_open(dir, "admin"));
}

static void
enrol_in(struct rx_session *admin, const char *user)
{
	char text[80];
	struct rx_secret *p;

	(void)snprintf(text, sizeof(text), "%s-pass", user);
	p = test_passphrase(text);
	rx_status_clear(&st);
	ok(rx_user_add(admin, user, RX_ROLE_DIRECTOR, "350102001001", p, &st),
	    &st);
	rx_secret_free(p);
}

static void
test_one_custodian_alone_gets_nothing(void **state)
{
	struct rx_codes codes, others;
	const struct rx_buf all = RX_BUF_INIT;
	struct rx_session *admin, *other;
	char dir[256], dir2[256], guess[RX_CODE_TEXT];
	uint8_t random[RX_CODE_BYTES];
	size_t made;

	(void)state;
	admin = own_register("alone", dir, &codes);
	other = own_register("alone2", dir2, &others);
	enrol_in(admin, "d1");
	rx_session_close(fixture_open(dir, "d1"));	/* makes the keys */
	enrol_in(admin, "d2");
	rx_random(random, sizeof(random));
	rx_code_text(guess, random);
	{
		const char *const tries[][2] = {
			{ codes.text[0], codes.text[0] },
			{ codes.text[0], guess },
			{ codes.text[0], others.text[1] },
			{ others.text[0], others.text[1] }
		};
		size_t i;

		for (i = 0; i < 4; i++) {
			rx_status_clear(&st);
			assert_int_equal(rx_recover(admin, "d2", &all,
			    tries[i], &made, &st), i == 0 ? RX_EUSAGE :
			    RX_EPERM);
			assert_int_equal(st.msg, i == 0 ? RX_MSG_CODE_PAIR :
			    RX_MSG_CODES_WRONG);
			assert_int_equal(fixture_number(dir, "SELECT count(*) "
			    "FROM keys.unit_grant WHERE unit <> 'REGISTER'"),
			    2);		/* d1 and recovery */
		}
	}
	/* The control. */
	{
		const char *const two[2] = { codes.text[2], codes.text[0] };

		rx_status_clear(&st);
		ok(rx_recover(admin, "d2", &all, two, &made, &st), &st);
	}
	assert_int_equal(made, 1);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE unit <> 'REGISTER'"), 3);
	rx_session_close(other);
	rx_session_close(admin);
}

static rx_err
keep_codes(void *cookie, const struct rx_codes *codes, struct rx_status *u)
{

	(void)u;
	*(struct rx_codes *)cookie = *codes;
	return (RX_OK);
}

static rx_err
keep_nothing(void *cookie, const struct rx_codes *codes, struct rx_status *u)
{

	(void)cookie;
	(void)codes;
	return (rx_fail(u, RX_EIO, RX_MSG_CLI_UNWRITABLE));
}

/* Whether the recovery key that ${user}'s session trusts is the certified one. */
static bool
trusts_newest(const char *dir, const char *user)
{
	struct rx_session *s = fixture_open(dir, user);
	bool does = false;
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (s->members[i].cert.role == RX_ROLE_RECOVERY &&
		    rx_member_live(&s->members[i]))
			does = memcmp(s->members[i].cert.box_public,
			    s->blob->recovery_public, 32) == 0;
	rx_session_close(s);
	return (does);
}

static void
test_new_recovery_key_is_trusted_only_if_the_old_one_vouches(void **state)
{
	struct rx_codes codes, new;
	struct rx_session *admin;
	char dir[256];

	(void)state;
	admin = own_register("heir", dir, &codes);
	enrol_in(admin, "d1");
	rx_session_close(fixture_open(dir, "d1"));
	{
		const char *const two[2] = { codes.text[0], codes.text[1] };

		/* A sheet that cannot be written: nothing has happened. */
		rx_status_clear(&st);
		assert_int_equal(rx_custodian_reissue(admin, two, keep_nothing,
		    NULL, &st), RX_EIO);
		assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
		    "keys.succession"), 0);
		rx_status_clear(&st);
		ok(rx_custodian_reissue(admin, two, keep_codes, &new, &st),
		    &st);
	}
	rx_session_close(admin);
	{
		const char *kept = fixture_copy_of(dir);
		struct rx_buf b = RX_BUF_INIT;

		/* A proof that another made: the root cannot, it has no part of
		 * the old recovery key. */
		fixture_blob(kept, "SELECT proof FROM keys.succession LIMIT 1",
		    &b);
		rx_random(b.b + 32, b.len - 32);
		fixture_tamper_blob(kept, "UPDATE keys.succession SET proof = "
		    "?1", b.b, b.len);
		rx_buf_free(&b);
		assert_false(trusts_newest(kept, "d1"));
		fixture_tamper(kept, "DELETE FROM keys.succession");
		assert_false(trusts_newest(kept, "d1"));
	}
	/* The control, and it stays so. */
	assert_true(trusts_newest(dir, "d1"));
	assert_true(trusts_newest(dir, "d1"));
	assert_true(trusts_newest(dir, "admin"));
}

static void
test_old_codes_open_no_later_key(void **state)
{
	struct rx_codes codes, new;
	struct rx_session *admin;
	const char *old_dir;
	char dir[256];
	struct rx_custody found;
	const char *const old[2] = { codes.text[0], codes.text[1] };
	const char *const fresh[2] = { new.text[1], new.text[2] };

	(void)state;
	admin = own_register("codes", dir, &codes);
	enrol_in(admin, "d1");
	rx_session_close(fixture_open(dir, "d1"));
	rx_session_close(admin);
	old_dir = fixture_copy_of(dir);
	admin = fixture_open(dir, "admin");
	rx_status_clear(&st);
	ok(rx_custodian_reissue(admin, old, keep_codes, &new, &st), &st);
	assert_int_equal(rx_custodian_test(admin, old, &found, &st),
	    RX_EPERM);
	/* Not even with the boxes of before put back: their key holds no grant
	 * and no certificate. */
	{
		struct rx_buf b = RX_BUF_INIT;

		fixture_blob(old_dir, "SELECT sealed FROM keys.recovery WHERE "
		    "pair = 0", &b);
		fixture_tamper_blob(dir, "UPDATE keys.recovery SET sealed = ?1 "
		    "WHERE pair = 0", b.b, b.len);
		rx_buf_free(&b);
	}
	rx_status_clear(&st);
	assert_int_equal(rx_custodian_test(admin, old, &found, &st),
	    RX_EPERM);
	rx_status_clear(&st);
	ok(rx_custodian_test(admin, fresh, &found, &st), &st);
	assert_int_equal(found.opened, 1);
	assert_true(found.root);
	rx_session_close(admin);
	/* The control: in the copy of before they do open. */
	admin = fixture_open(old_dir, "admin");
	rx_status_clear(&st);
	ok(rx_custodian_test(admin, old, &found, &st), &st);
	assert_int_equal(found.opened, 1);
	assert_true(found.root);
	rx_session_close(admin);
}

static bool
opens(struct rx_session *s, const struct rx_codes *codes, int a, int b)
{
	const char *const two[2] = { codes->text[a], codes->text[b] };
	struct rx_custody found;
	rx_err rc;

	rx_status_clear(&st);
	rc = rx_custodian_test(s, two, &found, &st);
	assert_true(rc == RX_OK || (rc == RX_EPERM &&
	    st.msg == RX_MSG_CODES_WRONG));
	rx_status_clear(&st);
	return (rc == RX_OK && found.opened == 1);
}

static void
test_prepared_codes_open_nothing_until_they_are_issued(void **state)
{
	struct rx_session *admin, *other, *d1;
	struct rx_codes old, new;
	char dir[256];
	const char *const two[2] = { old.text[0], old.text[2] };
	const char *const wrong[2] = { old.text[0], new.text[1] };

	(void)state;
	admin = own_register("steps", dir, &old);
	enrol_in(admin, "d1");
	d1 = fixture_open(dir, "d1");
	rx_status_clear(&st);
	assert_int_equal(rx_custodian_issue(admin, &st), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_CODES_NOT_PREPARED);
	assert_null(rx_custodian_prepared(admin));
	rx_status_clear(&st);
	assert_int_equal(rx_custodian_prepare(d1, two, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_ADMIN_ONLY);
	assert_null(rx_custodian_prepared(d1));
	rx_status_clear(&st);
	ok(rx_custodian_prepare(admin, two, &st), &st);
	new = *rx_custodian_prepared(admin);
	assert_string_not_equal(new.text[0], old.text[0]);
	assert_false(opens(admin, &new, 0, 1));
	assert_true(opens(admin, &old, 1, 2));
	/* A pair of one old and one new is none, and leaves what waits. */
	rx_status_clear(&st);
	assert_int_equal(rx_custodian_prepare(admin, wrong, &st), RX_EPERM);
	assert_memory_equal(rx_custodian_prepared(admin), &new, sizeof(new));
	/* They are the session's and nobody else's. */
	other = fixture_open(dir, "admin");
	assert_null(rx_custodian_prepared(other));
	rx_session_close(other);
	rx_status_clear(&st);
	ok(rx_custodian_issue(admin, &st), &st);
	assert_null(rx_custodian_prepared(admin));
	assert_false(opens(admin, &old, 1, 2));
	assert_true(opens(admin, &new, 0, 1) && opens(admin, &new, 2, 0) &&
	    opens(admin, &new, 1, 2));
	rx_session_close(admin);
	rx_session_close(d1);
	assert_true(trusts_newest(dir, "d1"));
	assert_true(trusts_newest(dir, "admin"));
}

static void
test_prepared_codes_that_were_overtaken_are_not_issued(void **state)
{
	struct rx_session *admin, *other;
	struct rx_codes old, new, faster;
	char dir[256];
	const char *const two[2] = { old.text[0], old.text[1] };

	(void)state;
	admin = own_register("overtaken", dir, &old);
	enrol_in(admin, "d1");
	rx_session_close(fixture_open(dir, "d1"));
	rx_status_clear(&st);
	ok(rx_custodian_prepare(admin, two, &st), &st);
	new = *rx_custodian_prepared(admin);
	other = fixture_open(dir, "admin");
	rx_status_clear(&st);
	ok(rx_custodian_reissue(other, two, keep_codes, &faster, &st), &st);
	rx_session_close(other);
	rx_status_clear(&st);
	assert_int_equal(rx_custodian_issue(admin, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_CODES_WRONG);
	assert_false(opens(admin, &new, 0, 1));
	assert_true(opens(admin, &faster, 0, 1));
	rx_custodian_drop(admin);
	assert_null(rx_custodian_prepared(admin));
	rx_session_close(admin);
}

static void
heir_is_reset(void)
{
	struct rx_secret *p = test_passphrase("heir-pass");

	ok(rx_user_reset(meanwhile.s, "heir", p, &st), &st);
	rx_secret_free(p);
}

/* Who leaves is ended when his successor has his keys; not when that one has just lost
 * them: then nobody would have them. */
static void
test_who_leaves_is_not_ended_when_his_successor_has_just_lost_the_keys(
    void **state)
{
	struct rx_secret *p = test_passphrase("heir-pass");
	struct rx_handover h;
	struct rx_session *s;
	int round;

	(void)state;
	for (round = 0; round < 2; round++) {
		rx_status_clear(&st);
		meanwhile.dir = fixture_copy();
		meanwhile.s = fixture_open(meanwhile.dir, "admin");
		ok(rx_user_handover(meanwhile.s, "d1", "heir", p, false, &h,
		    &st), &st);
		rx_session_close(fixture_open(meanwhile.dir, "d1"));
		meanwhile.begin = round == 0 ? NULL : heir_is_reset;
		rx_session_close(fixture_open(meanwhile.dir, "admin"));
		assert_null(meanwhile.begin);
		rx_session_close(meanwhile.s);
		assert_int_equal(fixture_number(meanwhile.dir, "SELECT "
		    "count(*) FROM keys.handover"), round);
	}
	s = fixture_open(meanwhile.dir, "d1");
	rx_session_close(s);
	rx_secret_free(p);
}

static struct rx_codes codes;	/* the newest */

static rx_err
codes_keep(void *cookie, const struct rx_codes *c, struct rx_status *u)
{

	(void)cookie;
	(void)u;
	codes = *c;
	return (RX_OK);
}

/* The administrator issues new codes, and with them a new recovery key. */
static void
reissues(void)
{
	const struct rx_codes old = codes;
	const char *const two[2] = { old.text[0], old.text[2] };

	ok(rx_custodian_reissue(meanwhile.s, two, codes_keep, NULL, &st),
	    &st);
}

/* While a director waits to take one recovery key up, the next is made, whose word to
 * him lies in its place: he does not take up the one, and delete the word of the
 * other, for then he would trust none for good. */
static void
test_word_of_a_newer_recovery_key_is_not_deleted_for_an_older_one(void **state)
{
	static const char words[] = "SELECT count(*) FROM keys.succession "
	    "WHERE user = (SELECT id FROM keys.user WHERE name = 'd1')";
	struct rx_secret *p = test_passphrase("admin-pass"),
	    *q = test_passphrase("director-pass");
	const char *dir = test_dir();
	struct rx_session *s;
	int round;

	(void)state;
	rx_status_clear(&st);
	ok(rx_register_create(dir, "admin", "Gulou", "350102", p, &codes,
	    &st), &st);
	ok(rx_session_open(&meanwhile.s, dir, "admin", p, &st), &st);
	ok(rx_user_add(meanwhile.s, "d1", RX_ROLE_DIRECTOR, "350102001001", q,
	    &st), &st);
	for (round = 0; round < 2; round++) {
		ok(rx_session_open(&s, dir, "d1", q, &st), &st);
		rx_session_close(s);
		/* The control: his word is gone when he has taken it up. */
		assert_int_equal(fixture_number(dir, words), 0);
		reissues();
		assert_int_equal(fixture_number(dir, words), 1);
	}
	meanwhile.begin = reissues;
	ok(rx_session_open(&s, dir, "d1", q, &st), &st);
	assert_null(meanwhile.begin);
	assert_int_equal(fixture_number(dir, words), 1);
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
	rx_session_close(meanwhile.s);
	rx_secret_free(p);
	rx_secret_free(q);
	rx_wipe(&codes, sizeof(codes));
}

/* The recovery key was issued anew and taken up by another session of the
 * administrator: one of before does not put back the one that is over. */
static void
test_recovery_key_of_before_is_not_put_back_by_an_open_session(void **state)
{
	struct rx_session *admin, *other;
	struct rx_codes old, new;
	char dir[256];
	const char *const two[2] = { old.text[0], old.text[1] };

	(void)state;
	admin = own_register("open", dir, &old);
	other = fixture_open(dir, "admin");
	rx_status_clear(&st);
	ok(rx_custodian_reissue(other, two, keep_codes, &new, &st), &st);
	rx_session_close(other);
	other = fixture_open(dir, "admin");	/* takes it up */
	refuse_passwd(admin);
	rx_session_close(admin);
	assert_true(trusts_newest(dir, "admin"));
	/* The control. */
	ask(other, "second");
	rx_session_close(other);
	admin = open_with(dir, "admin", "second");
	assert_true(rx_recovery_live(admin, admin->blob->recovery_public) !=
	    NULL);
	rx_session_close(admin);
}

/* Nobody is enrolled to trust a recovery key that is over, as nothing would tell him of
 * the next: not by the session that issued it, nor by one that was open then. */
static void
test_nobody_is_enrolled_under_a_recovery_key_that_is_over(void **state)
{
	struct rx_secret *p = test_passphrase("d2-pass");
	struct rx_session *admin[2], *d2;
	struct rx_codes old, new;
	char dir[256];
	const char *const two[2] = { old.text[0], old.text[1] };
	size_t i;

	(void)state;
	admin[0] = own_register("enrol", dir, &old);
	admin[1] = fixture_open(dir, "admin");
	rx_status_clear(&st);
	ok(rx_custodian_reissue(admin[0], two, keep_codes, &new, &st), &st);
	for (i = 0; i < 2; i++) {
		rx_status_clear(&st);
		assert_int_equal(rx_user_add(admin[i], "d2", RX_ROLE_DIRECTOR,
		    "350102001001", p, &st), RX_ECONFLICT);
		assert_int_equal(st.msg, RX_MSG_SESSION_STALE);
		rx_session_close(admin[i]);
	}
	/* The control: who has signed in since. */
	admin[0] = fixture_open(dir, "admin");
	enrol_in(admin[0], "d2");
	d2 = fixture_open(dir, "d2");		/* makes the keys */
	assert_memory_equal(d2->blob->recovery_public,
	    admin[0]->blob->recovery_public, 32);
	assert_true(opens(admin[0], &new, 0, 1));
	rx_session_close(d2);
	rx_session_close(admin[0]);
	rx_secret_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_leaver_with_a_later_copy_opens_nothing_written_later),
		cmocka_unit_test(
		    test_leaver_is_granted_nothing_by_the_rotation),
		cmocka_unit_test(
	    test_revocation_of_no_reason_is_an_end_of_the_last_certificate),
		cmocka_unit_test(
		    test_member_disabled_while_members_are_loaded_gets_no_key),
		cmocka_unit_test(
		    test_member_disabled_during_a_rotation_gets_no_later_key),
		cmocka_unit_test(
	    test_rotation_that_fails_at_its_beginning_leaves_nothing_open),
		cmocka_unit_test(
		    test_keys_of_a_unit_are_made_once_by_two_at_the_same_time),
		cmocka_unit_test(
		    test_keys_are_for_who_waits_and_not_for_who_has_his_place),
		cmocka_unit_test(
		    test_root_seed_is_not_for_a_recovery_key_that_has_just_ended),
		cmocka_unit_test(
		    test_overdue_case_is_handed_on_under_the_keys_it_has_then),
		cmocka_unit_test(
		    test_case_erased_before_it_is_handed_on_gets_no_slots),
		cmocka_unit_test(
	    test_case_moved_before_it_is_handed_on_is_for_its_new_director),
		cmocka_unit_test(
	    test_case_decided_before_it_is_handed_on_opens_to_nobody_more),
		cmocka_unit_test(
		    test_case_moved_before_it_is_erased_is_refused_as_not_his),
		cmocka_unit_test(
	  test_case_is_not_handed_on_by_who_has_just_ceased_to_direct_its_unit),
		cmocka_unit_test(
	  test_slots_are_not_written_by_who_has_just_ceased_to_direct_the_unit),
		cmocka_unit_test(
		    test_case_that_goes_before_a_look_is_entered_is_not_shown),
		cmocka_unit_test(
		    test_keys_that_are_certified_are_those_asked_for_last),
		cmocka_unit_test(
		    test_keys_are_certified_once_by_two_at_the_same_time),
		cmocka_unit_test(
	test_passphrase_is_not_changed_by_a_session_older_than_the_last_change),
		cmocka_unit_test(
		    test_sign_in_sent_twice_takes_new_keys_up_once),
		cmocka_unit_test(
		    test_sign_in_puts_no_passphrase_of_before_back),
		cmocka_unit_test(
	    test_supervisor_who_kept_the_keys_reads_nothing_after_the_close),
		cmocka_unit_test(
		    test_epoch_begun_by_a_revoked_member_is_refused),
		cmocka_unit_test(
		    test_entry_under_an_audit_key_left_behind_is_refused),
		cmocka_unit_test(test_epoch_cannot_be_taken_away),
		cmocka_unit_test(
		    test_epoch_of_before_a_new_passphrase_or_an_end_stays_good),
		cmocka_unit_test(
		    test_slot_by_somebody_who_is_gone_is_refused),
		cmocka_unit_test(test_case_that_does_not_open_stops_no_rotation),
		cmocka_unit_test(test_substituted_successor_gets_no_key),
		cmocka_unit_test(
		    test_handover_that_the_root_did_not_sign_is_refused),
		cmocka_unit_test(test_one_custodian_alone_gets_nothing),
		cmocka_unit_test(
		    test_prepared_codes_open_nothing_until_they_are_issued),
		cmocka_unit_test(
		    test_prepared_codes_that_were_overtaken_are_not_issued),
		cmocka_unit_test(
		    test_new_recovery_key_is_trusted_only_if_the_old_one_vouches),
		cmocka_unit_test(
		test_recovery_key_of_before_is_not_put_back_by_an_open_session),
		cmocka_unit_test(
		    test_nobody_is_enrolled_under_a_recovery_key_that_is_over),
		cmocka_unit_test(
    test_word_of_a_newer_recovery_key_is_not_deleted_for_an_older_one),
		cmocka_unit_test(
test_who_leaves_is_not_ended_when_his_successor_has_just_lost_the_keys),
		cmocka_unit_test(test_old_codes_open_no_later_key),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("attack: rotation", tests,
	    fixture_setup, NULL));
}
