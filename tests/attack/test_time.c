/* What is signed for a time at which nobody could have signed it: by one who
 * was no member then, or before what stands in the audit already; and reasons
 * in the audit, read by members whom they do not concern. */

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "tests/fixture.h"

#define PAYLOAD 512
#define PROOF (RX_ID_BYTES + RX_SIGNATURE_BYTES)
#define HEAD 5			/* length, action */
#define DETAIL (HEAD + 2 * RX_ID_BYTES + 2 * RX_HASH_BYTES)
#define LABEL "runxin test v1"
#define HOUR_MS (3600 * INT64_C(1000))

/* The clock is ahead by ${ahead} ms, from its call ${from} on. */
static struct {
	int64_t ahead;
	atomic_uint calls;
	unsigned from;
} hand;

int64_t __real_rx_time_now(void);
int64_t __wrap_rx_time_now(void);

int64_t
__wrap_rx_time_now(void)
{
	const unsigned call = atomic_fetch_add(&hand.calls, 1);

	return (__real_rx_time_now() + (call >= hand.from ? hand.ahead : 0));
}

static void
clock_ahead(int64_t ahead, unsigned from)
{

	hand.ahead = ahead;
	hand.calls = 0;
	hand.from = from;
}

static const char reason[] = "a reason that tells of the child";

static void
disable(const char *dir, const char *user)
{
	struct rx_session *s = fixture_open(dir, "admin");
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_user_disable(s, user, &st), &st);
	rx_session_close(s);
}

/* When the certificate of ${user} was revoked. */
static int64_t
revoked_at(const struct rx_session *s, const uint8_t *user)
{
	const size_t i = rx_member_first(s, user);

	assert_true(i < s->nmembers);
	assert_true(s->members[i].revoked > 0);
	return (s->members[i].revoked);
}

/* ---- signatures count for a time ---- */

static void
test_signature_counts_within_the_certificate_only(void **state)
{
	struct rx_session *s = fixture_open(fixture_dir(), "s2");
	const struct rx_cert *c = &s->members[rx_member_first(s,
	    s->user_id)].cert;
	const struct { int64_t at; bool counts; } times[] = {
		{ 0, false }, { c->not_before - 1, false },
		{ c->not_before, true }, { rx_time_now(), true },
		{ c->not_after + 1, false }, { INT64_MAX, false }
	};
	uint8_t sig[RX_SIGNATURE_BYTES];
	size_t i;

	(void)state;
	rx_sign(sig, s->id->sign_secret, LABEL, "x", 1);
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		/* The control: it is his signature, whatever the time. */
		assert_true(rx_sign_verify(sig, c->sign_public, LABEL, "x",
		    1));
		assert_int_equal(rx_member_signed(s, s->user_id, times[i].at,
		    sig, LABEL, "x", 1), times[i].counts);
	}
	rx_session_close(s);
}

static void
test_signature_does_not_count_after_the_revocation(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "gone");
	uint8_t sig[RX_SIGNATURE_BYTES];
	int64_t at;

	(void)state;
	rx_sign(sig, s->id->sign_secret, LABEL, "x", 1);
	/* The control: an hour from now it still counts. */
	assert_true(rx_member_signed(s, fixture_id[GONE],
	    rx_time_now() + HOUR_MS, sig, LABEL, "x", 1));
	rx_session_close(s);
	disable(dir, "gone");
	s = fixture_open(dir, "s2");
	at = revoked_at(s, fixture_id[GONE]);
	assert_true(rx_member_signed(s, fixture_id[GONE], at - 1, sig, LABEL,
	    "x", 1));
	assert_false(rx_member_signed(s, fixture_id[GONE], at + 1, sig, LABEL,
	    "x", 1));
	assert_false(rx_member_signed(s, fixture_id[GONE], at + HOUR_MS, sig,
	    LABEL, "x", 1));
	rx_session_close(s);
}

/* Two certificates of one key are no two chances. */
static void
test_signature_of_another_does_not_count_for_any_of_several_roles(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "admin"), *s1, *d1;
	struct rx_secret *p = test_passphrase("s1-pass");
	uint8_t own[RX_SIGNATURE_BYTES], other[RX_SIGNATURE_BYTES];
	struct rx_status st;
	int64_t at;

	(void)state;
	rx_status_clear(&st);
	ok(rx_user_add(s, "s1", RX_ROLE_SUPERVISOR, "350102002", p, &st), &st);
	rx_secret_free(p);
	s1 = fixture_open(dir, "s1");
	d1 = fixture_open(dir, "d1");
	rx_sign(own, s1->id->sign_secret, LABEL, "x", 1);
	rx_sign(other, d1->id->sign_secret, LABEL, "x", 1);
	at = rx_session_now(s1);
	assert_false(rx_member_signed(s1, fixture_id[S1], at, other, LABEL,
	    "x", 1));
	/* The controls: it is d1's, and hers counts. */
	assert_true(rx_member_signed(s1, fixture_id[D1], at, other, LABEL,
	    "x", 1));
	assert_true(rx_member_signed(s1, fixture_id[S1], at, own, LABEL, "x",
	    1));
	rx_session_close(s);
	rx_session_close(s1);
	rx_session_close(d1);
}

/* Somebody who once supervised has another certificate by now: his keys sign for
 * today, but what he may is what a certificate of today lets him. */
static void
test_role_of_a_certificate_that_is_over_counts_no_more(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "s2");
	const int64_t now = rx_time_now();
	struct rx_member *m;
	size_t i;

	(void)state;
	for (i = 0; i < s->nmembers; i++)
		if (memcmp(s->members[i].cert.user, fixture_id[S1],
		    RX_ID_BYTES) == 0)
			break;
	assert_true(i < s->nmembers);
	m = &s->members[i];
	/* The control. */
	assert_true(rx_author_may(s, fixture_id[S1], RX_REVIEW, VILLAGE1,
	    now));
	assert_false(rx_author_may(s, fixture_id[S1], RX_REVIEW, VILLAGE1,
	    m->cert.not_before - 1));
	assert_false(rx_author_may(s, fixture_id[S1], RX_REVIEW, VILLAGE1,
	    m->cert.not_after + 1));
	m->revoked = now;
	assert_true(rx_author_may(s, fixture_id[S1], RX_REVIEW, VILLAGE1,
	    now));
	assert_false(rx_author_may(s, fixture_id[S1], RX_REVIEW, VILLAGE1,
	    now + 1));
	rx_session_close(s);
}

/* ${s} puts an observation of c1 into the files, dated ${at}, as a program of
 * its own would; ${helper}, a member still, makes the audit's entry for it. */
static void
record_at(struct rx_session *s, struct rx_session *helper, int64_t at,
    const char *caller_id)
{
	struct rx_status st;
	struct rx_record r;
	struct rx_case c;

	rx_status_clear(&st);
	rx_record_init(&r);
	r.type = RX_OBSERVATION;
	r.version = 1;
	r.at = at;
	rx_uuid7(r.id, at);
	memcpy(r.child, fixture_id[C1], RX_ID_BYTES);
	memcpy(r.unit, VILLAGE1, RX_UNIT_BYTES);
	memcpy(r.author, s->user_id, RX_ID_BYTES);
	ok(rx_record_set_text(&r, RX_F_CALLER_ID, caller_id,
	    strlen(caller_id), &st), &st);
	ok(rx_record_set_int(&r, RX_F_DATE, rx_date_today(), &st), &st);
	rx_case_init(&c);
	ok(rx_store_begin(s->store, &st), &st);
	ok(rx_case_load(&c, s, r.child, r.unit, RX_CASE_KEYS, &st), &st);
	ok(rx_row_insert(s, &c, &r, &st), &st);
	ok(rx_store_commit(s->store, &st), &st);
	rx_case_done(&c, s);
	rx_record_free(&r);
	ok(rx_store_begin(helper->store, &st), &st);
	ok(rx_finish(helper, RX_OK, RX_DID_SAVE, NULL, NULL, &st), &st);
}

static void
test_record_of_after_the_authors_revocation_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *author = fixture_open(dir, "d1"), *helper, *s;
	struct rx_status st;
	size_t before, n;
	int64_t at;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(dir, "s1");
	ok(fixture_show(s, fixture_id[C1], reason, &before, &st), &st);
	rx_session_close(s);
	disable(dir, "d1");
	helper = fixture_open(dir, "s2");
	at = revoked_at(helper, fixture_id[D1]);

	/* Control: dated back to when he was a member it is shown (SECURITY.md,
	 * 3.2): only the time makes the difference. */
	record_at(author, helper, at - 1, "o80");
	s = fixture_open(dir, "s1");
	ok(fixture_show(s, fixture_id[C1], reason, &n, &st), &st);
	assert_int_equal(n, before + 1);

	record_at(author, helper, at + 1, "o81");
	ok(fixture_verify(s, NULL, &st), &st);	/* rows and audit agree */
	assert_int_equal(fixture_show(s, fixture_id[C1], reason, &n, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_SIGNATURE_CORRUPT);
	rx_session_close(s);
	rx_session_close(helper);
	rx_session_close(author);
}

/* ---- times of the audit ---- */

struct entry {
	int64_t seq, time;
	uint8_t payload[RX_ENV_OVERHEAD + PAYLOAD];
	uint8_t proof[RX_ENV_OVERHEAD + PROOF];
	uint8_t hash[RX_HASH_BYTES];
};

static int64_t
audit_number(const char *dir, const char *column, int64_t seq)
{
	char sql[120];

	(void)snprintf(sql, sizeof(sql), "SELECT %s FROM audit WHERE "
	    "seq = %lld", column, (long long)seq);
	return (fixture_number(dir, sql));
}

static void
audit_blob(const char *dir, const char *column, int64_t seq, void *p,
    size_t n)
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

static int64_t
last_seq(const char *dir)
{

	return (fixture_number(dir, "SELECT max(seq) FROM audit"));
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
audit_place(struct rx_place *p, const struct rx_session *s, int64_t seq,
    uint32_t column)
{
	uint8_t object[RX_ID_BYTES] = { 0 };

	rx_put64(object, (uint64_t)seq);
	rx_place_init(p, s, "", object, NULL, RX_TABLE_AUDIT, column, 1);
}

/* Open the payload of entry ${seq} with the audit key, and nothing else. */
static void
payload_open(struct rx_session *s, const char *dir, int64_t seq,
    uint8_t plain[PAYLOAD])
{
	uint8_t box[RX_ENV_OVERHEAD + PAYLOAD];
	struct rx_place place;
	struct rx_status st;

	rx_status_clear(&st);
	audit_blob(dir, "payload", seq, box, sizeof(box));
	audit_place(&place, s, seq, 2);
	ok(rx_envelope_open(plain, PAYLOAD, box, sizeof(box), audit_key(s),
	    RX_ENV_AUDIT, RX_COMP_AUDIT, 1, &place, &st), &st);
}

static void
entry_write(const char *dir, const struct entry *e)
{
	const struct { const char *column; const void *p; size_t n; } v[] = {
		{ "payload", e->payload, sizeof(e->payload) },
		{ "proof", e->proof, sizeof(e->proof) },
		{ "hash", e->hash, sizeof(e->hash) }
	};
	char sql[160];
	size_t k;

	(void)snprintf(sql, sizeof(sql), "INSERT INTO audit VALUES(%lld, "
	    "%lld, x'', x'', zeroblob(32))", (long long)e->seq,
	    (long long)e->time);
	fixture_sql(dir, sql);
	for (k = 0; k < sizeof(v) / sizeof(v[0]); k++) {
		(void)snprintf(sql, sizeof(sql), "UPDATE audit SET %s = ?1 "
		    "WHERE seq = %lld", v[k].column, (long long)e->seq);
		fixture_tamper_blob(dir, sql, v[k].p, v[k].n);
	}
}

/* The member ${s} appends an entry of his own, right but for its time: ${by} ms
 * after the newest. */
static void
append(struct rx_session *s, const char *dir, enum rx_action action,
    int64_t by)
{
	uint8_t plain[PAYLOAD], previous[RX_HASH_BYTES], proof[PROOF];
	const int64_t n = last_seq(dir);
	struct entry e = { .seq = n + 1 };
	struct rx_place place;
	struct rx_status st;

	rx_status_clear(&st);
	e.time = audit_number(dir, "time", n) + by;
	audit_blob(dir, "hash", n, previous, sizeof(previous));
	/* The rows are as they were: the digests are, too. */
	payload_open(s, dir, n, plain);
	plain[4] = (uint8_t)action;
	memcpy(plain + HEAD, s->user_id, RX_ID_BYTES);
	audit_place(&place, s, e.seq, 2);
	ok(rx_envelope_seal(e.payload, audit_key(s), RX_ENV_AUDIT,
	    RX_COMP_AUDIT, 1, &place, plain, sizeof(plain), &st), &st);
	rx_audit_entry_hash(e.hash, s->store_id, (uint64_t)e.seq, previous,
	    e.time, e.payload, sizeof(e.payload));
	memcpy(proof, s->user_id, RX_ID_BYTES);
	rx_sign(proof + RX_ID_BYTES, s->id->sign_secret, "runxin audit v1",
	    e.hash, RX_HASH_BYTES);
	/* He was a member then: it is not his certificate that is in the way. */
	assert_true(rx_member_signed(s, s->user_id, e.time,
	    proof + RX_ID_BYTES, "runxin audit v1", e.hash, RX_HASH_BYTES));
	audit_place(&place, s, e.seq, 3);
	ok(rx_envelope_seal(e.proof, audit_key(s), RX_ENV_AUDIT,
	    RX_COMP_AUDIT, 1, &place, proof, sizeof(proof), &st), &st);
	entry_write(dir, &e);
}

static rx_err
note(void *n, int64_t time, const char *user, const char *name,
    struct rx_status *st)
{

	(void)time;
	(void)user;
	(void)name;
	(void)st;
	(*(size_t *)n)++;
	return (RX_OK);
}

static void
test_entry_of_before_its_predecessor_is_refused(void **state)
{
	static const struct { int64_t by; bool passes; } times[] = {
		{ -1, false }, { -2, false }, { 0, true }, { 1, true }
	};
	struct rx_session *forger, *s;
	struct rx_status st;
	const char *dir;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		rx_status_clear(&st);
		n = 0;
		dir = fixture_copy();
		s = fixture_open(dir, "d1");
		forger = fixture_open(dir, "s2");
		append(forger, dir, RX_DID_BACKUP, times[i].by);
		rx_session_close(forger);
		if (times[i].passes) {
			ok(fixture_verify(s, NULL, &st), &st);
			ok(rx_audit_each(s, RX_DID_BACKUP, note, &n, &st),
			    &st);
			assert_int_equal(n, 1);
			rx_session_close(fixture_open(dir, "d1"));
		} else {
			assert_int_equal(fixture_verify(s, NULL, &st),
			    RX_ECORRUPT);
			assert_int_equal(st.msg, RX_MSG_AUDIT_BROKEN);
			refused(rx_audit_each(s, RX_DID_BACKUP, note, &n,
			    &st), RX_ECORRUPT, &st);
			assert_int_equal(n, 0);
			fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_BROKEN);
		}
		rx_session_close(s);
	}
}

static void
test_session_whose_clock_is_behind_writes_a_valid_entry(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1"), *ahead;
	struct rx_status st;
	int64_t n;

	(void)state;
	rx_status_clear(&st);
	/* Another's clock is an hour ahead of the one of ${s}. */
	ahead = fixture_open(dir, "s2");
	append(ahead, dir, RX_DID_GRANT, HOUR_MS);
	rx_session_close(ahead);
	n = last_seq(dir);
	/* Control: by its own clock its entry would be one of the refused. */
	s->clock = 0;
	assert_true(rx_session_now(s) < audit_number(dir, "time", n));
	fixture_save(s, RX_OBSERVATION, "{\"id\":\"o82\",\"child\":\"c2\","
	    "\"date\":\"2025-06-20\",\"channel\":\"talk\",\"signs\":[],"
	    "\"risk\":\"green\"}", false, NULL);
	assert_true(last_seq(dir) > n);
	assert_true(audit_number(dir, "time", n + 1) >=
	    audit_number(dir, "time", n));
	ok(fixture_verify(s, NULL, &st), &st);
	rx_session_close(s);
	rx_session_close(fixture_open(dir, "s2"));
}

/* ---- reasons ---- */

/* The newest entry of ${action}, opened with the audit key; *n is the length
 * of its detail. */
static void
newest(struct rx_session *s, const char *dir, enum rx_action action,
    uint8_t plain[PAYLOAD], size_t *n)
{
	static const uint8_t nobody[RX_ID_BYTES];
	int64_t seq;

	for (seq = last_seq(dir); seq > 0; seq--) {
		payload_open(s, dir, seq, plain);
		/* That the files were rewritten is an entry of no case. */
		if (plain[4] == (uint8_t)action && (action != RX_DID_ERASE ||
		    memcmp(plain + HEAD + RX_ID_BYTES, nobody, RX_ID_BYTES) !=
		    0))
			break;
	}
	assert_true(seq > 0);
	*n = rx_get32(plain) + 4 - DETAIL;
	assert_true(*n <= PAYLOAD - DETAIL);
}

static bool
is_in(const uint8_t plain[PAYLOAD], const char *text)
{

	return (memmem(plain, PAYLOAD, text, strlen(text)) != NULL);
}

/* The reason in ${detail} opens with ${key}, as the one of ${id}. */
static void
reason_opens(struct rx_session *s, const struct rx_key *key,
    const uint8_t *id, const uint8_t *detail, size_t n)
{
	struct rx_buf out = RX_BUF_INIT;
	struct rx_place place;
	struct rx_status st;

	rx_status_clear(&st);
	rx_place_init(&place, s, VILLAGE1, id, id, RX_TABLE_AUDIT, 4, 1);
	/* The audit key, which every member has, does not open it. */
	refused(rx_field_open(&out, detail, n, audit_key(s),
	    RX_COMP_NARRATIVE, &place, &st), RX_ECORRUPT, &st);
	ok(rx_field_open(&out, detail, n, key, RX_COMP_NARRATIVE, &place,
	    &st), &st);
	assert_int_equal(out.len, strlen(reason));
	assert_memory_equal(out.b, reason, out.len);
	rx_buf_free(&out);
}

static void
test_reason_of_a_reveal_is_sealed(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "s1");
	uint8_t plain[PAYLOAD];
	struct rx_status st;
	struct rx_case c;
	size_t n;

	(void)state;
	rx_status_clear(&st);
	ok(fixture_show(s, fixture_id[C1], reason, &n, &st), &st);
	rx_session_close(s);

	/* A supervisor of elsewhere has the audit key, not the case's. */
	s = fixture_open(dir, "s2");
	newest(s, dir, RX_DID_REVEAL, plain, &n);
	assert_memory_equal(plain + HEAD, fixture_id[S1], RX_ID_BYTES);
	assert_false(is_in(plain, reason));
	assert_false(is_in(plain, "tells"));
	rx_session_close(s);

	s = fixture_open(dir, "d1");
	rx_case_init(&c);
	ok(rx_case_load(&c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS, &st),
	    &st);
	reason_opens(s, c.e[c.n - 1].key[1], fixture_id[C1], plain + DETAIL,
	    n);
	rx_case_done(&c, s);

	/* Control: a detail that is not sealed is read by every member. */
	newest(s, dir, RX_DID_USER_ADD, plain, &n);
	assert_int_equal(n, strlen("st"));
	assert_memory_equal(plain + DETAIL, "st", n);
	rx_session_close(s);
}

static void
test_reason_of_an_erasure_is_sealed(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1"), *other;
	const struct rx_key *key;
	uint8_t plain[PAYLOAD];
	struct rx_status st;
	size_t n;

	(void)state;
	rx_status_clear(&st);
	ok(rx_child_erase(s, fixture_id[C2], reason, &st), &st);

	other = fixture_open(dir, "s2");
	newest(other, dir, RX_DID_ERASE, plain, &n);
	assert_memory_equal(plain + HEAD, fixture_id[D1], RX_ID_BYTES);
	assert_false(is_in(plain, reason));
	assert_false(is_in(plain, "tells"));
	refused(rx_unit_key(other, VILLAGE1, RX_COMP_NARRATIVE, 0, &key, NULL,
	    &st), RX_EPERM, &st);
	rx_session_close(other);

	ok(rx_unit_key(s, VILLAGE1, RX_COMP_NARRATIVE, 0, &key, NULL, &st),
	    &st);
	reason_opens(s, key, fixture_id[C2], plain + DETAIL, n);

	/* Control: written as a plain detail it is there to read. */
	ok(rx_begin(s, &st), &st);
	ok(rx_finish(s, RX_OK, RX_DID_ERASE, fixture_id[C2], reason, &st),
	    &st);
	newest(s, dir, RX_DID_ERASE, plain, &n);
	assert_true(is_in(plain, reason));
	rx_session_close(s);
}

/* ---- a later epoch ---- */

/* ${s}, a director of the village, hands a coded key of his own making to s1
 * as that of ${epoch}, past the program. */
static void
grant(struct rx_session *s, const char *dir, uint32_t epoch)
{
	const struct rx_member *m = rx_member_newest(s,
	    rx_member_first(s, fixture_id[S1]));
	struct rx_key key = { .b = { 7 } };
	const struct rx_key *const keys[RX_GRANT_KEYS] = { NULL, NULL, &key };
	struct rx_grant_context ctx = { .epoch = epoch,
	    .compartments = RX_BIT(RX_COMP_CODED) };
	uint8_t box[RX_GRANT_BYTES];
	struct rx_status st;
	char sql[160];

	rx_status_clear(&st);
	memcpy(ctx.store, s->store_id, RX_ID_BYTES);
	memcpy(ctx.unit, VILLAGE1, RX_UNIT_BYTES);
	ok(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, s->user_id, s->id,
	    m->cert.box_public, &st), &st);
	(void)snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO "
	    "keys.unit_grant VALUES('350102001001', %u, %u, $s1, ?1)", epoch,
	    RX_BIT(RX_COMP_CODED));
	fixture_tamper_blob(dir, sql, box, sizeof(box));
}

/* d1 makes the grant, in the end disabled or not; *key is what s1 then has for
 * the coded key of ${epoch}. */
static rx_err
granted(uint32_t epoch, bool disabled, struct rx_key *key,
    struct rx_status *st)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1"), *s;
	const struct rx_key *got;
	rx_err rc;

	if (disabled)
		disable(dir, "d1");
	s = fixture_open(dir, "s1");
	rx_abandon(s);		/* forget the keys that sign-in has read */
	grant(d1, dir, epoch);
	rc = rx_unit_key(s, VILLAGE1, RX_COMP_CODED, epoch, &got, NULL, st);
	if (rc == RX_OK)
		*key = *got;
	rx_session_close(s);
	rx_session_close(d1);
	return (rc);
}

static void
test_revoked_member_begins_no_later_epoch(void **state)
{
	static const struct rx_key made = { .b = { 7 } };
	struct rx_key key = { .b = { 0 } };
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	assert_int_equal(granted(2, true, &key, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_GRANT_CORRUPT);

	/* Nor does a member by a grant alone: the epoch has to have been begun
	 * (attack/test_rotation.c). */
	rx_status_clear(&st);
	assert_int_equal(granted(2, false, &key, &st), RX_ECORRUPT);

	/* For the first epoch he hands on what he likes while he is a member;
	 * once he is not, the new keys lead to the true one. */
	rx_status_clear(&st);
	ok(granted(1, true, &key, &st), &st);
	assert_memory_not_equal(key.b, made.b, RX_KEY_BYTES);
	/* The control. */
	ok(granted(1, false, &key, &st), &st);
	assert_memory_equal(key.b, made.b, RX_KEY_BYTES);
}

static rx_err
observe(struct rx_session *s, struct rx_status *st)
{

	return (fixture_write(s, RX_OBSERVATION, false, "{'id':'o83',"
	    "'child':'c2','date':'2025-06-20','channel':'talk','signs':[],"
	    "'risk':'green'}", st));
}

static void
test_clock_years_ahead_is_refused(void **state)
{
	const int64_t day = INT64_C(86400000), last = rx_time_now();
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_status st;

	(void)state;
	assert_false(rx_clock_plausible(last + 4 * 366 * day, last));
	/* Control: a register that was not used for two years, and a clock
	 * that is behind. */
	assert_true(rx_clock_plausible(last + 2 * 366 * day, last));
	assert_true(rx_clock_plausible(last - 4 * 366 * day, last));
	/* Nothing is written by one, which nobody could write after. */
	fixture_digest(dir, before);
	clock_ahead(4 * 366 * day, 0);
	assert_int_equal(observe(s, &st), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_CLOCK_AHEAD);
	fixture_digest(dir, after);
	assert_memory_equal(before, after, sizeof(before));
	clock_ahead(2 * 366 * day, 0);
	ok(observe(s, &st), &st);			/* the control */
	clock_ahead(0, 0);
	rx_session_close(s);
}

/* ---- certificates that end meanwhile ---- */

static rx_err
bundle(struct rx_session *s, struct rx_status *st)
{
	struct rx_buf out = RX_BUF_INIT;
	struct rx_bundle b;
	rx_err rc;

	rx_status_clear(st);
	rc = rx_bundle_seal(s, "350102001001", SIZE_MAX, &out, &b, st);
	assert_true((rc == RX_OK) == (out.len > 0));
	rx_buf_free(&out);
	return (rc);
}

static rx_err
rotate(struct rx_session *s, struct rx_status *st)
{
	size_t n;

	rx_status_clear(st);
	return (rx_rotate(s, NULL, &n, st));
}

/* The certificates of ${who} end at call ${at} of the clock while d1 does ${act};
 * false when that was over before. */
static bool
ends_at(const char *dir, enum fixture_id who, unsigned at,
    rx_err (*act)(struct rx_session *, struct rx_status *), rx_err *rc,
    struct rx_status *st)
{
	struct rx_session *s = fixture_open(dir, "d1");
	const int64_t end = rx_time_now() + HOUR_MS / 2;
	size_t i;
	bool ended;

	for (i = 0; i < s->nmembers; i++)
		if (memcmp(s->members[i].cert.user, fixture_id[who],
		    RX_ID_BYTES) == 0)
			s->members[i].cert.not_after = end;
	clock_ahead(HOUR_MS, at);
	*rc = act(s, st);
	ended = hand.calls > at;
	clock_ahead(0, 0);
	rx_session_close(s);
	return (ended);
}

/* At any moment of it: a transaction is done, or refused and nothing is done of it. */
static void
test_certificate_that_ends_meanwhile_leaves_nothing_half_done(void **state)
{
	static const struct {
		enum fixture_id who;
		rx_err (*act)(struct rx_session *, struct rx_status *);
		bool steps;	/* one transaction after the other */
	} acts[] = {
		{ D1, observe, false }, { S1, observe, false },
		{ D1, bundle, false }, { D1, rotate, true },
		{ S1, rotate, true },
	};
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	const char *dir = fixture_copy(), *whole = fixture_copy_of(dir);
	struct rx_session *s;
	struct rx_status st;
	char text[400];
	size_t i;
	unsigned at;
	bool refused_so;
	rx_err rc;

	(void)state;
	fixture_digest(dir, before);
	for (i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		refused_so = false;
		for (at = 0; ends_at(dir, acts[i].who, at, acts[i].act, &rc,
		    &st); at++) {
			rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
			assert_null(strchr(text, '{'));
			refused_so |= rc == RX_EPERM;
			fixture_digest(dir, after);
			if (memcmp(before, after, sizeof(before)) == 0)
				continue;
			assert_true(rc == RX_OK || acts[i].steps);
			s = fixture_open(dir, "st");
			ok(fixture_verify(s, NULL, &st), &st);
			rx_session_close(s);
			fixture_copy_over(whole, dir);
		}
		assert_int_equal(rc, RX_OK);	/* the control */
		assert_int_equal(refused_so, acts[i].who == D1);
		assert_true(at > 5);
		fixture_copy_over(whole, dir);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_signature_counts_within_the_certificate_only),
		cmocka_unit_test(
		    test_signature_does_not_count_after_the_revocation),
		cmocka_unit_test(
	    test_signature_of_another_does_not_count_for_any_of_several_roles),
		cmocka_unit_test(
		    test_role_of_a_certificate_that_is_over_counts_no_more),
		cmocka_unit_test(
		    test_record_of_after_the_authors_revocation_is_refused),
		cmocka_unit_test(
		    test_entry_of_before_its_predecessor_is_refused),
		cmocka_unit_test(
		    test_session_whose_clock_is_behind_writes_a_valid_entry),
		cmocka_unit_test(test_reason_of_a_reveal_is_sealed),
		cmocka_unit_test(test_reason_of_an_erasure_is_sealed),
		cmocka_unit_test(test_clock_years_ahead_is_refused),
		cmocka_unit_test(
		    test_certificate_that_ends_meanwhile_leaves_nothing_half_done),
		cmocka_unit_test(test_revoked_member_begins_no_later_epoch),
	};
	struct rx_status st;

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("attack: time", tests,
	    fixture_setup, NULL));
}
