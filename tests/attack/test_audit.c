/*
 * Somebody rewrites what was done: the chain of the audit, the manifest of
 * rows, the rows behind it, or all of it together.  The control of a change to
 * the files is that SQLite takes it and finds nothing wrong (fixture_tamper).
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "tests/fixture.h"

#define HEAD 5		/* length, action */
#define PAYLOAD 512
#define SAID (HEAD - 4 + 2 * RX_ID_BYTES + 2 * RX_HASH_BYTES)	/* at least */
#define PROOF (RX_ID_BYTES + RX_SIGNATURE_BYTES)

static const char later[] = "{\"id\":\"o9\",\"child\":\"c1\","
    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
    "\"signs\":[\"mood_low\"],\"risk\":\"orange\",\"note\":\"later\"}";
static const char newcomer[] = "{\"id\":\"c9\",\"unit\":\"350102001001\","
    "\"name\":\"例\",\"sex\":\"f\",\"birth\":\"2014-05\","
    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}";
static const char otherwise[] = "{\"id\":\"o9\",\"child\":\"c1\","
    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
    "\"signs\":[\"mood_low\"],\"risk\":\"green\",\"note\":\"otherwise\"}";

/* The register opens, and its audit does not hold. */
static void
verify_refuses(const char *dir, enum rx_msg msg)
{
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_status st;
	char text[512];

	rx_status_clear(&st);
	assert_int_equal(fixture_verify(s, NULL, &st), RX_ECORRUPT);
	if (st.msg != msg) {
		rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
		fail_msg("%s", text);
	}
	rx_session_close(s);
}

/* Refused, at the door when ${last}. */
static void
refuses(const char *dir, bool last, enum rx_msg msg)
{

	if (last)
		fixture_open_corrupt(dir, "d1", msg);
	else
		verify_refuses(dir, msg);
}

static void
verify_passes(const char *dir, const char *anchor)
{
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_status st;

	rx_status_clear(&st);
	ok(fixture_verify(s, anchor, &st), &st);
	rx_session_close(s);
}

/* The head as `audit head` prints it. */
static void
head_text(const char *dir, char text[100])
{
	char hex[2 * RX_HASH_BYTES + 1];
	struct rx_audit_head head;
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_audit_head(s, &head, &st), &st);
	rx_hex(hex, head.hash, RX_HASH_BYTES);
	(void)snprintf(text, 100, "%llu-%s", (unsigned long long)head.seq,
	    hex);
	rx_session_close(s);
}

static int64_t
last_seq(const char *dir)
{

	return (fixture_number(dir, "SELECT max(seq) FROM audit"));
}

static void
save(const char *dir, const char *json)
{
	struct rx_session *s = fixture_open(dir, "d1");

	fixture_save(s, RX_OBSERVATION, json, false, NULL);
	rx_session_close(s);
}

static void
save_child(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");

	fixture_save(s, RX_CHILD, newcomer, false, NULL);
	rx_session_close(s);
}

/* Put ${file} of the register as it was made into ${dir}. */
static void
roll_back(const char *dir, const char *file)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	char path[300];

	rx_status_clear(&st);
	(void)snprintf(path, sizeof(path), "%s/%s", fixture_dir(), file);
	ok(rx_file_read(&b, path, SIZE_MAX, &st), &st);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, file);
	ok(rx_file_write(path, b.b, b.len, 0600, true, &st), &st);
	rx_buf_free(&b);
}

/* ---- entries ---- */

static void
test_untouched_register_verifies(void **state)
{
	const char *dir = fixture_copy();
	char anchor[100];

	(void)state;
	verify_passes(dir, NULL);
	head_text(dir, anchor);
	verify_passes(dir, anchor);
}

static void
test_edited_entry_is_refused(void **state)
{
	static const char *const columns[] = { "payload", "proof", "hash" };
	const int64_t n = last_seq(fixture_dir());
	const int64_t at[] = { 1, n / 2, n };
	struct rx_buf b = RX_BUF_INIT;
	const char *dir;
	char sql[120];
	size_t i, k;

	(void)state;
	assert_true(n > 8);
	for (i = 0; i < 3; i++) {
		for (k = 0; k < 3; k++) {
			dir = fixture_copy();
			(void)snprintf(sql, sizeof(sql), "SELECT %s FROM audit "
			    "WHERE seq = %lld", columns[k], (long long)at[i]);
			rx_buf_free(&b);
			fixture_blob(dir, sql, &b);
			b.b[b.len / 2] ^= 1;
			(void)snprintf(sql, sizeof(sql), "UPDATE audit SET "
			    "%s = ?1 WHERE seq = %lld", columns[k],
			    (long long)at[i]);
			fixture_tamper_blob(dir, sql, b.b, b.len);
			refuses(dir, i == 2, RX_MSG_AUDIT_BROKEN);
		}
		dir = fixture_copy();
		(void)snprintf(sql, sizeof(sql), "UPDATE audit SET "
		    "time = time + 1 WHERE seq = %lld", (long long)at[i]);
		fixture_tamper(dir, sql);
		refuses(dir, i == 2, RX_MSG_AUDIT_BROKEN);
		dir = fixture_copy();
		(void)snprintf(sql, sizeof(sql), "UPDATE audit SET "
		    "seq = 1000 WHERE seq = %lld", (long long)at[i]);
		fixture_tamper(dir, sql);
		refuses(dir, true, RX_MSG_AUDIT_BROKEN);
	}
	rx_buf_free(&b);
}

static void
test_dropped_and_reordered_entries_are_refused(void **state)
{
	static const struct {
		const char *sql;
		bool door;
		enum rx_msg msg;
	} attacks[] = {
		{ "DELETE FROM audit WHERE seq = 5", false,
		    RX_MSG_AUDIT_BROKEN },
		{ "DELETE FROM audit WHERE seq = 1", false,
		    RX_MSG_AUDIT_BROKEN },
		/* with the rest moved up */
		{ "CREATE TEMP TABLE old AS SELECT * FROM main.audit WHERE "
		    "seq > 5; DELETE FROM main.audit WHERE seq >= 5; "
		    "INSERT INTO main.audit SELECT seq - 1, time, payload, "
		    "proof, hash FROM old", true, RX_MSG_AUDIT_BROKEN },
		{ "DELETE FROM audit", true, RX_MSG_AUDIT_BROKEN },
		/* the last ones gone: the rows are not those of before */
		{ "DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
		    true, RX_MSG_AUDIT_ROWS },
		{ "DELETE FROM audit WHERE seq > 5", true,
		    RX_MSG_AUDIT_ROWS },
		/* two of them exchanged */
		{ "UPDATE audit SET seq = 1000 WHERE seq = 5; UPDATE audit SET "
		    "seq = 5 WHERE seq = 6; UPDATE audit SET seq = 6 WHERE "
		    "seq = 1000", false, RX_MSG_AUDIT_BROKEN },
		/* one of them twice */
		{ "INSERT INTO audit SELECT seq + 1, time, payload, proof, "
		    "hash FROM audit ORDER BY seq DESC LIMIT 1", true,
		    RX_MSG_AUDIT_BROKEN },
	};
	const char *dir;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		dir = fixture_copy();
		fixture_tamper(dir, attacks[i].sql);
		refuses(dir, attacks[i].door, attacks[i].msg);
	}
}

static void
test_entries_of_another_register_are_refused(void **state)
{
	const char *another = fixture_another(NULL), *dir = fixture_copy();
	char sql[400];

	(void)state;
	(void)snprintf(sql, sizeof(sql), "ATTACH '%s/content.db' AS other;"
	    "DELETE FROM main.audit; INSERT INTO main.audit SELECT * FROM "
	    "other.audit", another);
	fixture_tamper(dir, sql);
	fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_BROKEN);
	/* With its manifest beside it. */
	(void)snprintf(sql, sizeof(sql), "ATTACH '%s/content.db' AS other;"
	    "UPDATE main.manifest SET lanes = (SELECT lanes FROM "
	    "other.manifest)", another);
	fixture_tamper(dir, sql);
	fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_BROKEN);
}

/* ---- forgery by a member, who has the audit key ---- */

struct entry {
	int64_t seq, time;
	uint8_t payload[RX_ENV_OVERHEAD + PAYLOAD];
	uint8_t proof[RX_ENV_OVERHEAD + PROOF];
	uint8_t hash[RX_HASH_BYTES], previous[RX_HASH_BYTES];
};

static void
blob_at(const char *dir, const char *column, int64_t seq, void *p, size_t n)
{
	struct rx_buf b = RX_BUF_INIT;
	char sql[120];

	(void)snprintf(sql, sizeof(sql), "SELECT %s FROM audit WHERE "
	    "seq = %lld", column, (long long)seq);
	fixture_blob(dir, sql, &b);
	assert_int_equal(b.len, n);
	memcpy(p, b.b, n);
	rx_buf_free(&b);
}

static void
entry_read(const char *dir, int64_t seq, struct entry *e)
{
	char sql[120];

	memset(e, 0, sizeof(*e));
	e->seq = seq;
	(void)snprintf(sql, sizeof(sql), "SELECT time FROM audit WHERE "
	    "seq = %lld", (long long)seq);
	e->time = fixture_number(dir, sql);
	blob_at(dir, "payload", seq, e->payload, sizeof(e->payload));
	blob_at(dir, "proof", seq, e->proof, sizeof(e->proof));
	blob_at(dir, "hash", seq, e->hash, sizeof(e->hash));
	if (seq > 1)
		blob_at(dir, "hash", seq - 1, e->previous,
		    sizeof(e->previous));
}

static void
entry_write(const char *dir, const struct entry *e)
{
	static const char *const columns[] = { "payload", "proof", "hash" };
	const struct { const void *p; size_t n; } v[] = {
		{ e->payload, sizeof(e->payload) },
		{ e->proof, sizeof(e->proof) }, { e->hash, sizeof(e->hash) }
	};
	char sql[200];
	size_t k;

	(void)snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO audit "
	    "VALUES(%lld, 0, x'', x'', zeroblob(32)); UPDATE audit SET "
	    "time = %lld WHERE seq = %lld", (long long)e->seq,
	    (long long)e->time, (long long)e->seq);
	fixture_sql(dir, sql);
	for (k = 0; k < 3; k++) {
		(void)snprintf(sql, sizeof(sql), "UPDATE audit SET %s = ?1 "
		    "WHERE seq = %lld", columns[k], (long long)e->seq);
		fixture_tamper_blob(dir, sql, v[k].p, v[k].n);
	}
}

static void
hash_anew(struct rx_session *s, struct entry *e)
{

	rx_audit_entry_hash(e->hash, s->store_id, (uint64_t)e->seq,
	    e->previous, e->time, e->payload, sizeof(e->payload));
}

static void
audit_place(struct rx_place *p, struct rx_session *s, int64_t seq,
    uint32_t column)
{
	uint8_t object[RX_ID_BYTES] = { 0 };

	rx_put64(object, (uint64_t)seq);
	rx_place_init(p, s, "", object, NULL, RX_TABLE_AUDIT, column, 1);
}

static const struct rx_key *
audit_key(struct rx_session *s)
{
	const struct rx_key *key;
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_unit_key(s, RX_REGISTER_KEYS, RX_COMP_AUDIT, 1, &key, NULL,
	    &st), &st);
	return (key);
}

static void
payload_open(struct rx_session *s, const struct entry *e,
    uint8_t plain[PAYLOAD])
{
	struct rx_place place;
	struct rx_status st;

	rx_status_clear(&st);
	audit_place(&place, s, e->seq, 2);
	ok(rx_envelope_open(plain, PAYLOAD, e->payload, sizeof(e->payload),
	    audit_key(s), RX_ENV_AUDIT, RX_COMP_AUDIT, 1, &place, &st), &st);
}

static void
payload_seal(struct rx_session *s, struct entry *e,
    const uint8_t plain[PAYLOAD])
{
	struct rx_place place;
	struct rx_status st;

	rx_status_clear(&st);
	audit_place(&place, s, e->seq, 2);
	ok(rx_envelope_seal(e->payload, audit_key(s), RX_ENV_AUDIT,
	    RX_COMP_AUDIT, 1, &place, plain, PAYLOAD, &st), &st);
}

/* The session's own signature over the entry, under the name of ${actor}. */
static void
proof_seal(struct rx_session *s, struct entry *e, const uint8_t *actor)
{
	uint8_t plain[PROOF];
	struct rx_place place;
	struct rx_status st;

	rx_status_clear(&st);
	memcpy(plain, actor, RX_ID_BYTES);
	rx_sign(plain + RX_ID_BYTES, s->id->sign_secret, "runxin audit v1",
	    e->hash, RX_HASH_BYTES);
	/* The control: it is a member's true signature. */
	assert_true(rx_member_signed(s, s->user_id, rx_time_now(), plain + RX_ID_BYTES,
	    "runxin audit v1", e->hash, RX_HASH_BYTES));
	audit_place(&place, s, e->seq, 3);
	ok(rx_envelope_seal(e->proof, audit_key(s), RX_ENV_AUDIT,
	    RX_COMP_AUDIT, 1, &place, plain, PROOF, &st), &st);
}

/* The control of a forged entry: the chain of hashes alone is whole. */
static void
hashes_are_whole(const char *dir, struct rx_session *s)
{
	const int64_t n = last_seq(dir);
	uint8_t hash[RX_HASH_BYTES];
	struct entry e;
	int64_t seq;

	for (seq = 1; seq <= n; seq++) {
		entry_read(dir, seq, &e);
		rx_audit_entry_hash(hash, s->store_id, (uint64_t)seq,
		    e.previous, e.time, e.payload, sizeof(e.payload));
		assert_memory_equal(hash, e.hash, sizeof(hash));
	}
}

/* Without the audit key: an entry of noise, its hash right. */
static void
test_made_up_entry_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "s2");
	struct entry e;

	(void)state;
	entry_read(dir, last_seq(dir), &e);
	memcpy(e.previous, e.hash, sizeof(e.hash));
	e.seq++;
	rx_random(e.payload + RX_ENV_HEADER,
	    sizeof(e.payload) - RX_ENV_HEADER);
	rx_random(e.proof + RX_ENV_HEADER, sizeof(e.proof) - RX_ENV_HEADER);
	hash_anew(s, &e);
	entry_write(dir, &e);
	hashes_are_whole(dir, s);
	rx_session_close(s);
	fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_BROKEN);
}

/* A member signs what another has done, under either name; in the middle and
 * at the end. */
static void
test_entry_signed_by_another_member_is_refused(void **state)
{
	const int64_t n = last_seq(fixture_dir());
	const char *dir;
	struct rx_session *s;
	struct entry e;
	int i;

	(void)state;
	for (i = 0; i < 4; i++) {
		dir = fixture_copy();
		s = fixture_open(dir, "s2");
		entry_read(dir, i % 2 == 0 ? n / 2 : n, &e);
		proof_seal(s, &e, i < 2 ? s->user_id : fixture_id[D2]);
		entry_write(dir, &e);
		hashes_are_whole(dir, s);
		rx_session_close(s);
		refuses(dir, i % 2 == 1, RX_MSG_AUDIT_BROKEN);
	}
}

/* What a member seals is no payload: shorter than its head, or longer than it can be.
 * Who only looks through the audit, and does not verify it, reads nothing beyond. */
static void
test_entry_that_says_more_or_less_than_it_can_is_not_read(void **state)
{
	const struct { uint32_t n; bool passes; } sizes[] = {
		{ 0, false }, { SAID - 1, false },
		{ SAID + RX_AUDIT_DETAIL + 1, false }, { UINT32_MAX, false },
		{ SAID, true }, { SAID + RX_AUDIT_DETAIL, true }, /* controls */
	};
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d2");
	struct rx_audit_entry read;
	uint8_t plain[PAYLOAD];
	struct rx_status st;
	struct entry e;
	size_t i;
	bool found;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		rx_status_clear(&st);
		entry_read(dir, 3, &e);
		payload_open(s, &e, plain);
		rx_put32(plain, sizes[i].n);
		memset(plain + 4 + SAID, 'x', RX_AUDIT_DETAIL);
		payload_seal(s, &e, plain);
		entry_write(dir, &e);
		ok(rx_audit_peek_at(s, 3, &read, &found, &st), &st);
		assert_true(found);
		assert_int_equal(read.seq, 3);
		assert_int_equal(read.action == RX_DID_UNREADABLE,
		    !sizes[i].passes);
		assert_int_equal(read.n, sizes[i].passes ? sizes[i].n - SAID :
		    0);
	}
	rx_status_clear(&st);
	/* Of another size it is none of any key, and not of one that he lacks. */
	fixture_tamper(dir, "PRAGMA ignore_check_constraints = 1; UPDATE audit "
	    "SET payload = CAST(substr(payload, 1, 24) || x'00000063' || "
	    "substr(payload, 29) || x'00' AS BLOB) WHERE seq = 3");
	assert_int_equal(rx_audit_peek_at(s, 3, &read, &found, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_AUDIT_BROKEN);
	rx_session_close(s);
}

/* The member ${s} appends an entry of his own over the rows as they are: all is
 * right but that it says ${n} bytes, with ${detail}. */
static void
append(struct rx_session *s, const char *dir, enum rx_action action,
    uint32_t n, const char *detail)
{
	uint8_t plain[PAYLOAD];
	struct entry e;

	entry_read(dir, last_seq(dir), &e);
	payload_open(s, &e, plain);
	memcpy(e.previous, e.hash, sizeof(e.hash));
	e.seq++;
	rx_put32(plain, n);
	plain[4] = (uint8_t)action;
	memcpy(plain + HEAD, s->user_id, RX_ID_BYTES);
	memset(plain + HEAD + RX_ID_BYTES, 0, RX_ID_BYTES);
	memset(plain + 4 + SAID, 0, PAYLOAD - 4 - SAID);
	memcpy(plain + 4 + SAID, detail, strlen(detail));
	payload_seal(s, &e, plain);
	hash_anew(s, &e);
	proof_seal(s, &e, s->user_id);
	entry_write(dir, &e);
}

struct seen {
	size_t n, unreadable;
	bool control;
};

static rx_err
see(void *cookie, const struct rx_audit_row *row, struct rx_status *error)
{
	struct seen *t = cookie;
	struct rx_buf words = RX_BUF_INIT;

	t->n++;
	ok(rx_audit_words(&words, row, RX_LANG_EN, error), error);
	assert_true(rx_utf8_valid((const char *)words.b, words.len));
	t->control |= words.len == 9 && memcmp(words.b, "说明!ab", 9) == 0;
	if (row->action == RX_DID_UNREADABLE) {
		t->unreadable++;
		assert_string_equal(row->user, "s2");
		assert_true(row->time > 0);
		assert_int_equal(row->about, RX_ABOUT_NOTHING);
		assert_int_equal(words.len, 0);
	}
	rx_buf_free(&words);
	return (RX_OK);
}

static rx_err
see_note(void *cookie, int64_t time, const char *user, const char *name,
    struct rx_status *error)
{

	(void)time;
	(void)user;
	(void)error;
	assert_string_equal(name, "x");
	(*(size_t *)cookie)++;
	return (RX_OK);
}

/* A member can sign for nonsense.  The chain holds, and everybody else goes on
 * reading: it is shown who signed for what says nothing. */
static void
test_entry_that_its_author_made_unreadable_leaves_the_others_readable(
    void **state)
{
	static const struct {
		enum rx_action action;
		uint32_t n;
		const char *detail;
		bool readable;
	} made[] = {
		{ RX_DID_SETTING, SAID + 9, "说明!ab", true },
		{ RX_DID_BACKUP, SAID + 12, "verified 1 x", true },
		{ RX_DID_SAVE, 0, "", false },
		{ RX_DID_SAVE, SAID - 1, "", false },
		{ RX_DID_SAVE, SAID + RX_AUDIT_DETAIL + 1, "", false },
		{ RX_DID_BACKUP, UINT32_MAX, "", false },
		{ RX_DID_BACKUP, SAID + 12, "verified 1 \xff", false },
		{ RX_DID_SAVE, SAID + 3, "RX\xff", false },
	};
	const struct rx_audit_filter all = { 0 };
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "s2"), *admin;
	const size_t n = sizeof(made) / sizeof(made[0]);
	struct seen t = { 0 };
	size_t i, found, notes = 0, bad = 0;
	struct rx_status st;
	uint64_t seen = 0;
	bool changed;
	int64_t at;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < n; i++) {
		append(s, dir, made[i].action, made[i].n, made[i].detail);
		bad += !made[i].readable;
	}
	rx_session_close(s);
	verify_passes(dir, NULL);
	admin = fixture_open(dir, "admin");
	ok(rx_audit_list(admin, &all, &found, see, &t, &st), &st);
	assert_int_equal(t.n, last_seq(dir));
	assert_int_equal(t.unreadable, bad);
	assert_true(t.control);
	ok(rx_backup_notes(admin, see_note, &notes, &st), &st);
	assert_int_equal(notes, 1);
	ok(rx_backup_verified(admin, &seen, &at, &st), &st);
	assert_int_equal(seen, last_seq(dir));
	ok(rx_vault_changed(admin, seen - 1, &changed, &st), &st);
	assert_true(changed);
	/* Who may see what others did on his cases only is not shown it. */
	rx_session_close(admin);
	s = fixture_open(dir, "d1");
	memset(&t, 0, sizeof(t));
	ok(rx_audit_list(s, &all, &found, see, &t, &st), &st);
	assert_true(t.n > 0);
	assert_int_equal(t.unreadable, 0);
	rx_session_close(s);
}

/* There is none before the first, and none after the last. */
static void
test_entry_that_there_is_not_is_refused(void **state)
{
	const uint64_t n = (uint64_t)last_seq(fixture_dir());
	const struct { uint64_t seq; bool there; } at[] = {
		{ 0, false }, { n + 1, false }, { 1, true }, { n, true }
	};
	struct rx_session *s = fixture_open(fixture_dir(), "d1");
	struct rx_audit_entry e;
	struct rx_status st;
	char seq[24];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		rx_status_clear(&st);
		if (at[i].there) {
			ok(rx_audit_entry_at(s, at[i].seq, &e, &st), &st);
			assert_int_equal(e.seq, at[i].seq);
			continue;
		}
		assert_int_equal(rx_audit_entry_at(s, at[i].seq, &e, &st),
		    RX_ECORRUPT);
		assert_int_equal(st.msg, RX_MSG_AUDIT_BROKEN);
		(void)snprintf(seq, sizeof(seq), "%llu",
		    (unsigned long long)at[i].seq);
		assert_string_equal(st.arg[0].value, seq);
	}
	rx_session_close(s);
}

/* All of it goes while somebody is signed in. */
static void
test_audit_without_an_entry_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	ok(fixture_verify(s, NULL, &st), &st);		/* the control */
	fixture_tamper(dir, "DELETE FROM audit");
	assert_int_equal(fixture_verify(s, NULL, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_AUDIT_BROKEN);
	assert_string_equal(st.arg[0].value, "1");
	rx_session_close(s);
}

#define LOT 512		/* signatures that the audit verifies together */

/* A copy with more entries than one lot, of looks at c1 by d1. */
static const char *
long_audit(void)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_status st;
	size_t i;

	rx_status_clear(&st);
	ok(rx_begin(s, &st), &st);
	for (i = 0; i < LOT + LOT / 4; i++)
		ok(rx_audit_add(s, RX_DID_REVEAL, fixture_id[C1], NULL, 0,
		    &st), &st);
	ok(rx_finish_entered(s, RX_OK, &st), &st);
	rx_session_close(s);
	return (dir);
}

/* A full lot is verified before the walk is at its end: in either half, which
 * different threads verify, and it says the first entry that is wrong. */
static void
test_entry_signed_by_another_member_in_a_full_lot_is_refused(void **state)
{
	static const int64_t at[] = { LOT / 4, LOT / 2 + LOT / 4, LOT };
	const char *whole = long_audit(), *dir;
	struct rx_session *s;
	struct rx_status st;
	struct entry e;
	char seq[24];
	size_t i;

	(void)state;
	rx_status_clear(&st);
	verify_passes(whole, NULL);	/* the control */
	for (i = 0; i < 3; i++) {
		dir = fixture_copy_of(whole);
		s = fixture_open(dir, "s2");
		entry_read(dir, at[i], &e);
		proof_seal(s, &e, fixture_id[D1]);
		entry_write(dir, &e);
		assert_int_equal(fixture_verify(s, NULL, &st), RX_ECORRUPT);
		assert_int_equal(st.msg, RX_MSG_AUDIT_BROKEN);
		(void)snprintf(seq, sizeof(seq), "%lld", (long long)at[i]);
		assert_string_equal(st.arg[0].value, seq);
		rx_status_clear(&st);
		rx_session_close(s);
	}
}

static void
progress_each(void *cookie, size_t n)
{
	size_t *told = cookie;

	/* The entries come first, then the rows. */
	if (told[0] < 2)
		assert_int_equal(n, 256 * ++told[0]);
	told[1]++;
}

/* Whoever verifies a long audit is told how far it is. */
static void
test_verification_of_a_long_audit_tells_how_far_it_is(void **state)
{
	struct rx_session *s = fixture_open(long_audit(), "d1");
	size_t told[2] = { 0, 0 };
	uint64_t entries = 0;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	ok(rx_audit_verify(s, NULL, &entries, progress_each, told, &st), &st);
	assert_true(entries > 512 && entries < 768);
	assert_int_equal(told[0], 2);
	rx_session_close(s);
}

/* A member writes a past entry anew in another's name, and the chain after it
 * with it: the signatures of the others stop him. */
static void
test_rewritten_past_is_refused(void **state)
{
	const char *dir = fixture_copy();
	const int64_t n = last_seq(dir);
	struct rx_session *s = fixture_open(dir, "s2");
	uint8_t plain[PAYLOAD], previous[RX_HASH_BYTES];
	struct entry e;
	int64_t seq;

	(void)state;
	for (seq = n - 1; seq <= n; seq++) {
		entry_read(dir, seq, &e);
		payload_open(s, &e, plain);
		plain[4] = RX_DID_REVEAL;
		payload_seal(s, &e, plain);
		if (seq == n)
			memcpy(e.previous, previous, sizeof(previous));
		hash_anew(s, &e);
		memcpy(previous, e.hash, sizeof(previous));
		proof_seal(s, &e, plain + HEAD);
		entry_write(dir, &e);
	}
	hashes_are_whole(dir, s);
	rx_session_close(s);
	fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_BROKEN);
}

/* What is not stopped without an anchor, and is with one: a member takes the
 * last entry's place in his own name.  Nobody else is blamed for it. */
static void
test_last_entry_replaced_in_ones_own_name_needs_an_anchor(void **state)
{
	const char *dir = fixture_copy();
	uint8_t plain[PAYLOAD];
	char anchor[100];
	struct rx_session *s;
	struct rx_status st;
	struct entry e;

	(void)state;
	rx_status_clear(&st);
	head_text(dir, anchor);
	s = fixture_open(dir, "s2");
	entry_read(dir, last_seq(dir), &e);
	payload_open(s, &e, plain);
	memcpy(plain + HEAD, s->user_id, RX_ID_BYTES);
	payload_seal(s, &e, plain);
	hash_anew(s, &e);
	proof_seal(s, &e, s->user_id);
	entry_write(dir, &e);
	rx_session_close(s);
	verify_passes(dir, NULL);
	s = fixture_open(dir, "d1");
	assert_int_equal(fixture_verify(s, anchor, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_FORK);
	rx_session_close(s);
}

/* ---- rows and their manifest ---- */

static void
test_changed_rows_are_refused_by_the_audit(void **state)
{
	static const char *const attacks[] = {
		"DELETE FROM record WHERE id = $o3",
		"DELETE FROM record WHERE id = $o1 AND version = 2",
		"INSERT INTO record SELECT randomblob(16), version, child, "
		    "unit, tag, coded, narrative FROM record WHERE id = $o4",
		"UPDATE record SET (coded, narrative) = (SELECT coded, "
		    "narrative FROM record WHERE id = $o1 AND version = 1) "
		    "WHERE id = $o1 AND version = 2",
		"DELETE FROM child WHERE id = $c3",
		"DELETE FROM activity",
		"UPDATE unit SET name = 'x' WHERE code = '350102001001'",
		"UPDATE store SET name = 'x'",
		"DELETE FROM main.slot WHERE recipient = $s1 AND child = $c3",
		"UPDATE main.slot SET sealed = randomblob(225) WHERE "
		    "recipient = $s1 AND child = $c3",
		"DELETE FROM keys.unit_grant WHERE recipient = $s2",
		"UPDATE keys.recovery SET sealed = randomblob(136) WHERE "
		    "pair = 1",
		"DELETE FROM keys.recovery WHERE pair = 0",
		"UPDATE keys.user SET keyblob = randomblob(472) WHERE "
		    "id = $st",
		"INSERT INTO keys.request VALUES(randomblob(16), "
		    "randomblob(152))",
		"UPDATE keys.cert SET user = randomblob(16) WHERE user = $st",
	};
	const char *dir;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		dir = fixture_copy();
		fixture_tamper(dir, attacks[i]);
		verify_refuses(dir, RX_MSG_AUDIT_ROWS);
	}
}

/* Certificates and revocations are what a session acts on at once: they are
 * compared at the door. */
static void
test_changed_members_are_refused_at_the_door(void **state)
{
	static const char *const attacks[] = {
		"DELETE FROM keys.cert WHERE user = $s1",
		"INSERT INTO keys.cert SELECT randomblob(16), user, cert FROM "
		    "keys.cert WHERE user = $s1",
	};
	const char *dir;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		dir = fixture_copy();
		fixture_tamper(dir, attacks[i]);
		fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_ROWS);
	}
}

/* Broken under the feet of a session and put right again: what it has of the
 * members is not the part that it read before the break. */
static void
test_members_broken_and_put_right_are_read_again(void **state)
{
	const char *dir = fixture_copy();
	struct rx_buf b = RX_BUF_INIT;
	struct rx_session *s, *admin = fixture_open(dir, "admin");
	struct rx_status st;
	size_t first;
	int part;

	(void)state;
	rx_status_clear(&st);
	ok(rx_user_disable(admin, "s1", &st), &st);
	rx_session_close(admin);
	s = fixture_open(dir, "d1");
	for (part = 0; part < 2; part++) {
		const char *get = part == 0 ? "SELECT revocation FROM "
		    "keys.revocation" : "SELECT cert FROM keys.cert WHERE "
		    "user = $st", *put = part == 0 ? "UPDATE keys.revocation "
		    "SET revocation = ?1" : "UPDATE keys.cert SET cert = ?1 "
		    "WHERE user = $st";

		fixture_blob(dir, get, &b);
		b.b[60] ^= 1;
		fixture_tamper_blob(dir, put, b.b, b.len);
		refused(rx_begin(s, &st), RX_ECORRUPT, &st);
		rx_status_clear(&st);
		/* Until it is right nobody is a member. */
		assert_int_equal(s->nmembers, 0);
		b.b[60] ^= 1;
		fixture_tamper_blob(dir, put, b.b, b.len);
		rx_buf_reset(&b);
		ok(rx_begin(s, &st), &st);
		first = rx_member_first(s, fixture_id[S1]);
		assert_true(first < s->nmembers);
		assert_null(rx_member_newest(s, first));
		assert_non_null(rx_member_newest(s, rx_member_first(s,
		    fixture_id[ST])));
		rx_abandon(s);
	}
	rx_buf_free(&b);
	rx_session_close(s);
}

/* Honest work afterwards does not sign for it. */
static void
test_later_entries_do_not_heal_a_changed_row(void **state)
{
	const char *dir = fixture_copy();

	(void)state;
	fixture_tamper(dir, "DELETE FROM record WHERE id = $o3");
	fixture_tamper(dir, "DELETE FROM main.slot WHERE child = $c1 AND "
	    "recipient = $s1");
	save(dir, later);	/* writes that slot anew */
	verify_refuses(dir, RX_MSG_AUDIT_ROWS);
}

static void
test_edited_manifest_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_buf b = RX_BUF_INIT;

	(void)state;
	fixture_blob(dir, "SELECT lanes FROM manifest", &b);
	b.b[1000] ^= 4;
	fixture_tamper_blob(dir, "UPDATE manifest SET lanes = ?1", b.b, b.len);
	rx_buf_free(&b);
	fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_ROWS);
	dir = fixture_copy();
	fixture_tamper(dir, "UPDATE manifest SET lanes = zeroblob(2048)");
	fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_ROWS);
}

/* The attacker uses the program's own store, which keeps the manifest true;
 * only the audit names another one. */
static void
test_deletion_with_its_manifest_is_refused(void **state)
{
	uint8_t stored[RX_HASH_BYTES], counted[RX_HASH_BYTES];
	const char *dir = fixture_copy();
	struct rx_value key[2] = { rx_bytes(fixture_id[O3], RX_ID_BYTES),
	    rx_int(1) };
	struct rx_store *store;
	struct rx_status st;
	bool deleted;

	(void)state;
	rx_status_clear(&st);
	ok(rx_store_open(&store, dir, &st), &st);
	ok(rx_store_begin(store, &st), &st);
	ok(rx_store_delete(store, RX_TABLE_RECORD, key, &deleted, &st), &st);
	assert_true(deleted);
	ok(rx_store_commit(store, &st), &st);
	/* The control: rows and manifest agree. */
	ok(rx_store_manifest_digest(store, stored, &st), &st);
	ok(rx_store_manifest_recount(store, counted, NULL, NULL, &st), &st);
	assert_memory_equal(stored, counted, sizeof(stored));
	rx_store_close(store);
	fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_ROWS);
}

/* The same under the feet of a session that is signed in: it does not sign
 * for it either. */
static void
test_change_during_a_session_is_not_signed_for(void **state)
{
	const char *dir = fixture_copy();
	struct rx_value key[2] = { rx_bytes(fixture_id[O3], RX_ID_BYTES),
	    rx_int(1) };
	struct rx_save_result result;
	struct rx_store *store;
	struct rx_session *s;
	struct rx_status st;
	json_t *json;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(dir, "d1");
	ok(rx_store_open(&store, dir, &st), &st);
	ok(rx_store_begin(store, &st), &st);
	ok(rx_store_delete(store, RX_TABLE_RECORD, key, NULL, &st), &st);
	ok(rx_store_commit(store, &st), &st);
	rx_store_close(store);
	ok(rx_json_parse(&json, later, strlen(later), &st), &st);
	refused(rx_save(s, RX_OBSERVATION, json, false, &result, &st),
	    RX_ECORRUPT, &st);
	json_decref(json);
	rx_session_close(s);
}

/* A session does not verify again the entry that it has just made itself; but when
 * its proof was exchanged since, and nothing else, it does. */
static void
test_own_entry_signed_by_another_is_not_gone_on_from(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_session *other = fixture_open(dir, "s2");
	struct rx_save_result result;
	struct rx_status st;
	struct entry e;
	json_t *json;

	(void)state;
	rx_status_clear(&st);
	/* The control: it goes on from its own. */
	ok(rx_json_parse(&json, later, strlen(later), &st), &st);
	ok(rx_save(s, RX_OBSERVATION, json, false, &result, &st), &st);
	ok(rx_save(s, RX_OBSERVATION, json, false, &result, &st), &st);
	entry_read(dir, last_seq(dir), &e);
	proof_seal(other, &e, s->user_id);
	entry_write(dir, &e);
	hashes_are_whole(dir, s);
	refused(rx_save(s, RX_OBSERVATION, json, false, &result, &st),
	    RX_ECORRUPT, &st);
	json_decref(json);
	rx_session_close(other);
	rx_session_close(s);
}

/* ---- rollback ---- */

/* The whole folder of yesterday is a true register.  That is the limit of what
 * the folder itself can show, and why a head is kept elsewhere. */
static void
test_rollback_of_the_folder_needs_an_anchor(void **state)
{
	const char *dir = fixture_copy(), *before = fixture_copy();
	char yesterday[100], today[100];
	struct rx_session *s;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	head_text(dir, yesterday);
	save(dir, later);
	head_text(dir, today);
	assert_string_not_equal(yesterday, today);
	verify_passes(dir, today);
	verify_passes(dir, yesterday);	/* still on the chain */

	fixture_copy_over(before, dir);
	verify_passes(dir, NULL);	/* the control: it cannot know */
	verify_passes(dir, yesterday);
	s = fixture_open(dir, "d1");
	assert_int_equal(fixture_verify(s, today, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_ROLLBACK);
	rx_session_close(s);

	/* Nor is it hidden by going another way from there. */
	save(dir, otherwise);
	verify_passes(dir, NULL);
	s = fixture_open(dir, "d1");
	rx_status_clear(&st);
	assert_int_equal(fixture_verify(s, today, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_FORK);
	rx_session_close(s);
}

/* A look that changed no row can be cut off the end likewise. */
static void
test_forgotten_reveal_needs_an_anchor(void **state)
{
	const char *dir = fixture_copy();
	char anchor[100];
	struct rx_session *s;
	struct rx_status st;
	size_t n;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(dir, "s1");
	ok(fixture_show(s, fixture_id[C1], "reason", &n, &st), &st);
	rx_session_close(s);
	head_text(dir, anchor);
	fixture_tamper(dir, "DELETE FROM audit WHERE seq = "
	    "(SELECT max(seq) FROM audit)");
	verify_passes(dir, NULL);	/* the control */
	s = fixture_open(dir, "d1");
	assert_int_equal(fixture_verify(s, anchor, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_ROLLBACK);
	rx_session_close(s);
}

/* A child is written to both, a record of one to one alone. */
static void
test_rollback_of_one_file_is_refused(void **state)
{
	static const char *const files[] = { "content.db", "keys.db" };
	const char *dir;
	size_t f;

	(void)state;
	for (f = 0; f < 2; f++) {
		dir = fixture_copy();
		save_child(dir);
		roll_back(dir, files[f]);
		verify_refuses(dir, RX_MSG_AUDIT_ROWS);
	}
}

/* As long as the keys are the same, the content of yesterday is the folder of
 * yesterday. */
static void
test_rollback_of_the_content_alone_needs_an_anchor(void **state)
{
	const char *dir = fixture_copy();
	char today[100];
	struct rx_session *s;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	save(dir, later);
	head_text(dir, today);
	roll_back(dir, "content.db");
	verify_passes(dir, NULL);	/* the control: it cannot know */
	s = fixture_open(dir, "d1");
	assert_int_equal(fixture_verify(s, today, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_ROLLBACK);
	rx_session_close(s);
}

static void
test_malformed_anchor_is_a_usage_error(void **state)
{
	static const char *const anchors[] = { "", "7", "7-", "7-abc", "-",
	    "0-0000000000000000000000000000000000000000000000000000000000000000",
	    "x-0000000000000000000000000000000000000000000000000000000000000000"
	};
	struct rx_session *s = fixture_open(fixture_copy(), "d1");
	struct rx_status st;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < sizeof(anchors) / sizeof(anchors[0]); i++)
		refused(fixture_verify(s, anchors[i], &st), RX_EUSAGE, &st);
	rx_session_close(s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untouched_register_verifies),
		cmocka_unit_test(test_edited_entry_is_refused),
		cmocka_unit_test(
		    test_dropped_and_reordered_entries_are_refused),
		cmocka_unit_test(test_entries_of_another_register_are_refused),
		cmocka_unit_test(test_made_up_entry_is_refused),
		cmocka_unit_test(
		    test_entry_signed_by_another_member_is_refused),
		cmocka_unit_test(
	    test_entry_signed_by_another_member_in_a_full_lot_is_refused),
		cmocka_unit_test(
		    test_verification_of_a_long_audit_tells_how_far_it_is),
		cmocka_unit_test(
		    test_entry_that_says_more_or_less_than_it_can_is_not_read),
		cmocka_unit_test(
		    test_entry_that_its_author_made_unreadable_leaves_the_others_readable),
		cmocka_unit_test(test_entry_that_there_is_not_is_refused),
		cmocka_unit_test(test_audit_without_an_entry_is_refused),
		cmocka_unit_test(test_rewritten_past_is_refused),
		cmocka_unit_test(
		    test_last_entry_replaced_in_ones_own_name_needs_an_anchor),
		cmocka_unit_test(test_changed_rows_are_refused_by_the_audit),
		cmocka_unit_test(test_changed_members_are_refused_at_the_door),
		cmocka_unit_test(
		    test_members_broken_and_put_right_are_read_again),
		cmocka_unit_test(test_later_entries_do_not_heal_a_changed_row),
		cmocka_unit_test(test_edited_manifest_is_refused),
		cmocka_unit_test(test_deletion_with_its_manifest_is_refused),
		cmocka_unit_test(
		    test_change_during_a_session_is_not_signed_for),
		cmocka_unit_test(
		    test_own_entry_signed_by_another_is_not_gone_on_from),
		cmocka_unit_test(test_rollback_of_the_folder_needs_an_anchor),
		cmocka_unit_test(test_forgotten_reveal_needs_an_anchor),
		cmocka_unit_test(test_rollback_of_one_file_is_refused),
		cmocka_unit_test(
		    test_rollback_of_the_content_alone_needs_an_anchor),
		cmocka_unit_test(test_malformed_anchor_is_a_usage_error),
	};
	struct rx_status st;

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("attack audit", tests,
	    fixture_setup, NULL));
}
