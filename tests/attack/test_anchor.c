/*
 * Heads of the audit kept outside of it: the code on paper, and countersignatures
 * in the register.  What they show is what the register cannot show by itself: the
 * control of each attack is that the register passes without the anchor.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "tests/fixture.h"

static const char later[] = "{\"id\":\"o9\",\"child\":\"c1\","
    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
    "\"signs\":[\"mood_low\"],\"risk\":\"orange\",\"note\":\"later\"}";
static const char otherwise[] = "{\"id\":\"o9\",\"child\":\"c1\","
    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
    "\"signs\":[\"mood_low\"],\"risk\":\"green\",\"note\":\"otherwise\"}";

static const char third[] = "{\"id\":\"o10\",\"child\":\"c1\","
    "\"date\":\"2025-06-21\",\"channel\":\"home_visit\","
    "\"signs\":[\"mood_low\"],\"risk\":\"green\",\"note\":\"third\"}";

static const char fourth[] = "{\"id\":\"o11\",\"child\":\"c1\","
    "\"date\":\"2025-06-22\",\"channel\":\"home_visit\","
    "\"signs\":[\"mood_low\"],\"risk\":\"green\",\"note\":\"fourth\"}";

static struct rx_status st;

static struct rx_audit_head
head_of(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_audit_head head;

	ok(rx_audit_head(s, &head, &st), &st);
	rx_session_close(s);
	return (head);
}

static void
code_of(const char *dir, char text[RX_ANCHOR_TEXT])
{
	const struct rx_audit_head head = head_of(dir);

	rx_anchor_format(text, &head);
}

static void
save(const char *dir, const char *json)
{
	struct rx_session *s = fixture_open(dir, "d1");

	fixture_save(s, RX_OBSERVATION, json, false, NULL);
	rx_session_close(s);
}

/* The register verifies, with ${anchor} or without any. */
static void
passes(const char *dir, const char *anchor)
{
	struct rx_session *s = fixture_open(dir, "d1");

	ok(fixture_verify(s, anchor, &st), &st);
	rx_session_close(s);
}

/* It opens, and does not verify. */
static void
fails(const char *dir, const char *anchor, enum rx_msg msg)
{
	struct rx_session *s = fixture_open(dir, "d1");
	char text[400];

	rx_status_clear(&st);
	assert_int_equal(fixture_verify(s, anchor, &st), RX_ECORRUPT);
	if (st.msg != msg) {
		rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
		fail_msg("%s", text);
	}
	rx_session_close(s);
}

/* The value of the argument ${name} of the last failure. */
static const char *
said(const char *name)
{
	unsigned i;

	for (i = 0; i < st.nargs; i++)
		if (strcmp(st.arg[i].name, name) == 0)
			return (st.arg[i].value);
	return ("");
}

/* ---- the code ---- */

/* Frozen: what is on paper must be readable for ever. */
static void
test_code_of_a_head_does_not_change(void **state)
{
	struct rx_audit_head head = { .seq = 1234 };
	struct rx_anchor a;
	char text[RX_ANCHOR_TEXT];
	size_t i;

	(void)state;
	for (i = 0; i < RX_HASH_BYTES; i++)
		head.hash[i] = (uint8_t)(7 * i + 3);
	rx_anchor_format(text, &head);
	assert_string_equal(text, 
	    "1234-0C51-260Z-4RPK-8ET2-9585-EQK5-PF9Y");
	ok(rx_anchor_parse(&a, text, &st), &st);
	assert_int_equal(a.seq, 1234);
	assert_int_equal(a.n, RX_ANCHOR_HASH);
	assert_memory_equal(a.hash, head.hash, RX_ANCHOR_HASH);
}

static void
test_code_of_a_head_survives_being_typed(void **state)
{
	struct rx_audit_head head = { .seq = 1 };
	struct rx_anchor a, b;
	char text[RX_ANCHOR_TEXT], typed[4 * RX_ANCHOR_TEXT];
	size_t i, n;
	int round;

	(void)state;
	for (round = 0; round < 60; round++) {
		rx_random(head.hash, sizeof(head.hash));
		rx_anchor_format(text, &head);
		ok(rx_anchor_parse(&a, text, &st), &st);
		assert_int_equal(a.seq, head.seq);
		assert_memory_equal(a.hash, head.hash, RX_ANCHOR_HASH);
		/* Without dashes, or with others; small letters; l, i, o. */
		for (i = n = 0; text[i] != '\0'; i++) {
			typed[n] = text[i];
			if (text[i] == '1')
				typed[n] = (i & 1) != 0 ? 'l' : 'I';
			else if (text[i] == '0')
				typed[n] = (i & 1) != 0 ? 'o' : 'O';
			else if (text[i] >= 'A')
				typed[n] = (char)(text[i] - 'A' + 'a');
			if (text[i] != '-' || round % 2 == 0)
				n++;
			if (i % 5 == 0)
				typed[n++] = ' ';
		}
		typed[n] = '\0';
		ok(rx_anchor_parse(&b, typed, &st), &st);
		assert_memory_equal(&a, &b, sizeof(a));
		/* Full-width. */
		for (i = n = 0; text[i] != '\0'; i++) {
			uint32_t c = 0xff00 + (uint32_t)text[i] - 0x20;

			typed[n++] = (char)0xef;
			typed[n++] = (char)(0x80 | (c >> 6 & 0x3f));
			typed[n++] = (char)(0x80 | (c & 0x3f));
		}
		typed[n] = '\0';
		ok(rx_anchor_parse(&b, typed, &st), &st);
		assert_memory_equal(&a, &b, sizeof(a));
		head.seq = head.seq * 3 / 2 + 1;
		if (head.seq > 9999999999)
			head.seq = 9999999999;
	}
}

/* Any one wrong character, digits of the number too, and any two neighbours
 * exchanged: a typing error, and never taken for a head that differs. */
static void
test_mistyped_code_of_a_head_is_refused(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	struct rx_audit_head head = { .seq = 407 };
	struct rx_anchor a;
	char text[RX_ANCHOR_TEXT], bad[RX_ANCHOR_TEXT];
	size_t i, tried = 0;
	const char *c;

	(void)state;
	memset(head.hash, 0x5a, sizeof(head.hash));
	rx_anchor_format(text, &head);
	for (i = 0; text[i] != '\0'; i++) {
		for (c = alphabet; *c != '\0'; c++) {
			if (text[i] == '-' || text[i] == *c)
				continue;
			memcpy(bad, text, sizeof(text));
			bad[i] = *c;
			tried++;
			rx_status_clear(&st);
			assert_int_equal(rx_anchor_parse(&a, bad, &st),
			    RX_EUSAGE);
			assert_int_equal(a.seq, 0);
			assert_int_equal(st.msg, i < 3 && *c > '9' ?
			    RX_MSG_ANCHOR_INVALID : RX_MSG_ANCHOR_MISTYPED);
		}
		memcpy(bad, text, sizeof(text));
		if (text[i] == '-' || text[i + 1] == '\0' ||
		    text[i + 1] == '-' || text[i] == text[i + 1])
			continue;
		bad[i] = text[i + 1];
		bad[i + 1] = text[i];
		refused(rx_anchor_parse(&a, bad, &st), RX_EUSAGE, &st);
	}
	assert_true(tried > 900);
	rx_status_clear(&st);
}

static void
test_code_that_is_none_is_refused(void **state)
{
	static const char *const bad[] = { "", "7", "7-", "-", "7-abc",
	    "x-ABCD-ABCD-ABCD-ABCD-ABCD-ABCD-ABCD",
	    "0-0000-0000-0000-0000-0000-0000-0000",
	    "ABCD-ABCD-ABCD-ABCD-ABCD-ABCD-ABCD",
	    "12345678901-ABCD-ABCD-ABCD-ABCD-ABCD-ABCD-ABCD",
	    "7-UUUU-ABCD-ABCD-ABCD-ABCD-ABCD-ABCD",
	    /* One string; the brackets tell the compiler that it is meant. */
	    ("9223372036854775808-"
	    "0000000000000000000000000000000000000000000000000000000000000000"),
	    "0-0000000000000000000000000000000000000000000000000000000000000000"
	};
	struct rx_anchor a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rx_status_clear(&st);
		assert_int_equal(rx_anchor_parse(&a, bad[i], &st), RX_EUSAGE);
		assert_int_equal(st.msg, RX_MSG_ANCHOR_INVALID);
	}
	rx_status_clear(&st);
}

/* ---- rollback and forks ---- */

static void
test_rolled_back_register_needs_an_anchor(void **state)
{
	const char *dir = fixture_copy(), *before = fixture_copy();
	char yesterday[RX_ANCHOR_TEXT], today[RX_ANCHOR_TEXT], n[24];
	struct rx_audit_head was;

	(void)state;
	code_of(dir, yesterday);
	was = head_of(dir);
	save(dir, later);
	save(dir, third);
	code_of(dir, today);
	passes(dir, today);
	passes(dir, yesterday);

	fixture_copy_over(before, dir);
	passes(dir, NULL);	/* the control: it cannot know */
	passes(dir, yesterday);
	fails(dir, today, RX_MSG_ANCHOR_ROLLBACK);
	(void)snprintf(n, sizeof(n), "%llu", (unsigned long long)was.seq);
	assert_string_equal(said("last"), n);
	(void)snprintf(n, sizeof(n), "%lld", atoll(today) -
	    (long long)was.seq);
	assert_string_equal(said("n"), n);
	rx_status_clear(&st);
}

/* From one head two copies go on: each is true by itself, and the anchor of
 * either refuses the other. */
static void
test_forked_audit_needs_an_anchor(void **state)
{
	const char *one = fixture_copy(), *two = fixture_copy();
	char common[RX_ANCHOR_TEXT], head1[RX_ANCHOR_TEXT],
	    head2[RX_ANCHOR_TEXT];

	(void)state;
	code_of(one, common);
	save(one, later);
	save(two, otherwise);
	code_of(one, head1);
	code_of(two, head2);
	assert_int_equal(atoll(head1), atoll(head2));
	passes(one, NULL);	/* the control */
	passes(two, NULL);
	passes(one, common);
	passes(two, common);
	passes(one, head1);
	passes(two, head2);
	fails(one, head2, RX_MSG_ANCHOR_FORK);
	fails(two, head1, RX_MSG_ANCHOR_FORK);
	rx_status_clear(&st);
}

/* The same without verifying all, as a restore asks it. */
static void
test_anchor_is_found_without_verifying(void **state)
{
	const char *dir = fixture_copy();
	struct rx_audit_head head = head_of(dir);
	struct rx_anchor a = { .seq = head.seq, .n = RX_HASH_BYTES };
	struct rx_session *s = fixture_open(dir, "d1");

	(void)state;
	memcpy(a.hash, head.hash, RX_HASH_BYTES);
	ok(rx_anchor_find(s, &a, &st), &st);
	a.hash[31] ^= 1;
	assert_int_equal(rx_anchor_find(s, &a, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_FORK);
	rx_status_clear(&st);
	a.n = RX_ANCHOR_HASH;	/* what a code does not hold */
	ok(rx_anchor_find(s, &a, &st), &st);
	a.seq++;
	assert_int_equal(rx_anchor_find(s, &a, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_ROLLBACK);
	rx_status_clear(&st);
	rx_session_close(s);
}

/* ---- countersigned heads ---- */

#define must(expr) (rx_status_clear(&st), ok(expr, &st))

/* What ${user} finds when he verifies, trusting ${trust}. */
static struct rx_audit_check
checks(const char *dir, const char *user, enum rx_audit_trust trust)
{
	struct rx_audit_check check = { .trust = trust };
	struct rx_session *s = fixture_open(dir, user);

	must(rx_audit_check(s, &check, NULL, NULL, &st));
	rx_session_close(s);
	return (check);
}

/* He finds ${msg} instead. */
static void
check_fails(const char *dir, const char *user, enum rx_audit_trust trust,
    enum rx_msg msg)
{
	struct rx_audit_check check = { .trust = trust };
	struct rx_session *s = fixture_open(dir, user);

	rx_status_clear(&st);
	assert_int_equal(rx_audit_check(s, &check, NULL, NULL, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, msg);
	rx_session_close(s);
}

static struct rx_countersigned
countersign(const char *dir, const char *user)
{
	struct rx_session *s = fixture_open(dir, user);
	struct rx_countersigned c;

	must(rx_audit_countersign(s, &c, NULL, NULL, &st));
	rx_session_close(s);
	return (c);
}

/* ---- the forger is a member, with the program changed to his liking ---- */

/* Sign the statement ${p} anew with the keys of ${s}. */
static void
resign(uint8_t p[RX_ANCHOR_BYTES], const struct rx_session *s)
{

	rx_sign(p + 152, s->id->sign_secret, "runxin anchor v1", p, 152);
}

/* Put his name and certificate into ${p}. */
static void
as(uint8_t p[RX_ANCHOR_BYTES], const struct rx_session *s)
{
	const struct rx_member *m = rx_member_newest(s, rx_member_first(s,
	    s->user_id));

	memcpy(p + 120, s->user_id, RX_ID_BYTES);
	memcpy(p + 136, m->cert.id, RX_ID_BYTES);
	resign(p, s);
}

/* Insert ${p} as a row of its own, entered in the audit by ${s}. */
static void
insert(struct rx_session *s, const uint8_t p[RX_ANCHOR_BYTES], uint64_t seq)
{
	const struct rx_value v[6] = { rx_bytes(p + 24, RX_ID_BYTES),
	    rx_int((int64_t)seq), rx_bytes(p + 48, RX_HASH_BYTES),
	    rx_bytes(p + 120, RX_ID_BYTES), rx_bytes(p, RX_ANCHOR_BYTES),
	    rx_int(0) };

	must(rx_begin(s, &st));
	must(rx_store_insert(s->store, RX_TABLE_ANCHOR, v, &st));
	must(rx_finish(s, RX_OK, RX_DID_ANCHOR, NULL, NULL, &st));
}

static enum rx_anchor_standing
standing(const struct rx_session *s, const uint8_t p[RX_ANCHOR_BYTES])
{
	struct rx_countersigned c;
	bool whole;

	rx_countersigned_read(&c, &whole, s, p, RX_ANCHOR_BYTES);
	return (whole ? c.standing : RX_ANCHOR_FORGED);
}

static void
test_countersigned_head_shortens_the_next_verification(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c;
	struct rx_audit_check check;

	(void)state;
	check = checks(dir, "d1", RX_TRUST_OTHERS);
	assert_int_equal(check.from, 0);	/* the control */
	c = countersign(dir, "s1");
	assert_int_equal(c.kind, RX_ANCHOR_VERIFIED);
	save(dir, later);
	check = checks(dir, "d1", RX_TRUST_OTHERS);
	assert_int_equal(check.from, c.seq);
	assert_string_equal(check.by.user, "s1");
	assert_int_equal(check.anchors, 1);
	assert_int_equal(checks(dir, "d1", RX_TRUST_NOBODY).from, 0);
	/* Nobody takes his own word for it; but he may go on from there. */
	assert_int_equal(checks(dir, "s1", RX_TRUST_OTHERS).from, 0);
	assert_int_equal(checks(dir, "s1", RX_TRUST_MYSELF).from, c.seq);
	assert_true(countersign(dir, "admin").seq >= check.head.seq);
	(void)countersign(dir, "st");
	assert_string_equal(checks(dir, "d1", RX_TRUST_OTHERS).by.user, "st");
	assert_string_equal(checks(dir, "st", RX_TRUST_OTHERS).by.user,
	    "admin");
}

/* Looks change no row, so that the end of the audit can be cut off them: not when
 * somebody has signed what was there. */
static void
test_countersigned_head_finds_that_the_end_was_cut_off(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_countersigned c;
	char sql[80], seq[24];
	size_t n;

	(void)state;
	must(fixture_show(s, fixture_id[C1], NULL, &n, &st));
	must(fixture_show(s, fixture_id[C1], NULL, &n, &st));
	c = countersign(dir, "s1");
	must(fixture_verify(s, NULL, &st));
	(void)snprintf(sql, sizeof(sql), "DELETE FROM audit WHERE seq >= %llu",
	    (unsigned long long)c.seq);
	fixture_tamper(dir, sql);
	rx_status_clear(&st);
	assert_int_equal(fixture_verify(s, NULL, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_ROLLBACK);
	(void)snprintf(seq, sizeof(seq), "%llu",
	    (unsigned long long)c.seq - 1);
	assert_string_equal(said("last"), seq);
	/* The control: with the row of it gone too, it cannot know. */
	fixture_tamper(dir, "DELETE FROM anchor");
	must(fixture_verify(s, NULL, &st));
	rx_session_close(s);
}

static void
test_director_may_not_countersign(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_countersigned c;

	(void)state;
	assert_false(rx_may_countersign(s));
	rx_status_clear(&st);
	assert_int_equal(rx_audit_countersign(s, &c, NULL, NULL, &st),
	    RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_COUNTERSIGN_WHO);
	rx_session_close(s);
	/* With another program he writes the row all the same. */
	c = countersign(dir, "s1");
	s = fixture_open(dir, "d1");
	as(c.statement, s);
	assert_int_equal(standing(s, c.statement), RX_ANCHOR_FORGED);
	insert(s, c.statement, c.seq);
	rx_session_close(s);
	check_fails(dir, "d2", RX_TRUST_OTHERS, RX_MSG_ANCHOR_FORGED);
	check_fails(dir, "d2", RX_TRUST_NOBODY, RX_MSG_ANCHOR_FORGED);
	rx_status_clear(&st);
}

static void
test_altered_countersignature_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c = countersign(dir, "s1");
	struct rx_session *s = fixture_open(dir, "d1");
	size_t i;

	(void)state;
	assert_int_equal(standing(s, c.statement), RX_ANCHOR_LIVE);
	for (i = 0; i < 8 * RX_ANCHOR_BYTES; i++) {
		c.statement[i / 8] ^= (uint8_t)(1 << i % 8);
		assert_int_equal(standing(s, c.statement), RX_ANCHOR_FORGED);
		c.statement[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	/* Signed by another than it says. */
	resign(c.statement, s);
	assert_int_equal(standing(s, c.statement), RX_ANCHOR_FORGED);
	insert(s, c.statement, c.seq + 1);
	rx_session_close(s);
	check_fails(dir, "d2", RX_TRUST_OTHERS, RX_MSG_ANCHOR_FORGED);
	rx_status_clear(&st);
}

/* A true statement in a row that says something else. */
static void
test_countersignature_moved_to_another_entry_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c = countersign(dir, "s1");
	struct rx_session *s = fixture_open(dir, "d1");

	(void)state;
	insert(s, c.statement, c.seq + 1);
	rx_session_close(s);
	check_fails(dir, "d2", RX_TRUST_OTHERS, RX_MSG_ANCHOR_FORGED);
	rx_status_clear(&st);
}

static void
test_countersignature_of_another_register_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c = countersign(fixture_another(NULL), "s1");
	struct rx_session *s = fixture_open(dir, "s1");

	(void)state;
	assert_int_equal(standing(s, c.statement), RX_ANCHOR_FORGED);
	/* Signed by somebody who may, and it is still of that store. */
	as(c.statement, s);
	assert_int_equal(standing(s, c.statement), RX_ANCHOR_FORGED);
	memcpy(c.statement + 8, s->store_id, RX_ID_BYTES);
	as(c.statement, s);
	assert_int_equal(standing(s, c.statement), RX_ANCHOR_LIVE);
	/* That is a head that this chain never had. */
	insert(s, c.statement, c.seq);
	rx_session_close(s);
	check_fails(dir, "d1", RX_TRUST_OTHERS, RX_MSG_ANCHOR_FORK);
	rx_status_clear(&st);
}

/* Somebody who is gone: what he signed before still shows a rollback, and nobody
 * believes him about signatures; what he signs now is worth nothing. */
static void
test_countersignature_of_the_revoked_is_not_believed(void **state)
{
	const char *dir = fixture_copy(), *before;
	struct rx_session *admin, *s = fixture_open(dir, "gone");
	struct rx_countersigned c, no;
	uint8_t late[RX_ANCHOR_BYTES], back[RX_ANCHOR_BYTES];

	(void)state;
	must(rx_audit_countersign(s, &c, NULL, NULL, &st));
	assert_int_equal(checks(dir, "d1", RX_TRUST_OTHERS).from, c.seq);
	save(dir, later);
	before = fixture_copy_of(dir);
	memcpy(late, c.statement, sizeof(late));
	memcpy(back, c.statement, sizeof(back));
	rx_put64(late + 112, (uint64_t)rx_time_now() + 3600000);
	resign(late, s);
	rx_put64(back + 112, (uint64_t)c.time + 1);
	resign(back, s);
	assert_int_equal(standing(s, late), RX_ANCHOR_LIVE);
	admin = fixture_open(dir, "admin");
	must(rx_user_disable(admin, "gone", &st));
	assert_int_equal(standing(admin, late), RX_ANCHOR_LATE);
	assert_int_equal(standing(admin, back), RX_ANCHOR_PAST);
	rx_status_clear(&st);
	assert_int_equal(rx_audit_countersign(s, &no, NULL, NULL, &st),
	    RX_EPERM);
	rx_session_close(s);
	rx_session_close(admin);
	assert_int_equal(checks(dir, "d1", RX_TRUST_OTHERS).from, 0);
	assert_int_equal(checks(dir, "d1", RX_TRUST_OTHERS).anchors, 1);
	assert_int_equal(checks(before, "d1", RX_TRUST_OTHERS).from, c.seq);
	rx_status_clear(&st);
}

/* Dated before he was certified, or after: with the very certificate. */
static void
test_countersignature_not_of_its_certificates_time_is_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c = countersign(dir, "s1");
	struct rx_session *s = fixture_open(dir, "s1");
	const struct rx_member *m = rx_member_newest(s, rx_member_first(s,
	    s->user_id));
	const int64_t ends[2] = { m->cert.not_before, m->cert.not_after };
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		rx_put64(c.statement + 112, (uint64_t)(ends[i] +
		    (i == 0 ? -1 : 1)));
		resign(c.statement, s);
		assert_int_equal(standing(s, c.statement), RX_ANCHOR_FORGED);
		rx_put64(c.statement + 112, (uint64_t)ends[i]);
		resign(c.statement, s);			/* the control */
		assert_int_equal(standing(s, c.statement), RX_ANCHOR_LIVE);
	}
	rx_session_close(s);
}

/* Of a chain that cannot be looked at here: two people signed its entry of one
 * number, and not the same. */
static void
test_two_heads_of_one_number_of_another_chain_are_a_fork(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c = countersign(dir, "s1");
	struct rx_session *s = fixture_open(dir, "s1");
	struct rx_session *admin = fixture_open(dir, "admin");
	enum rx_anchor_taken how;

	(void)state;
	memset(c.statement + 24, 7, RX_ID_BYTES);
	as(c.statement, s);
	must(rx_begin(s, &st));
	must(rx_countersigned_take(s, c.statement, RX_ANCHOR_BYTES, false,
	    &how, &st));
	assert_int_equal(how, RX_ANCHOR_TAKEN);
	c.statement[48] ^= 1;
	as(c.statement, admin);
	rx_status_clear(&st);
	assert_int_equal(rx_countersigned_take(s, c.statement,
	    RX_ANCHOR_BYTES, false, &how, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_BUNDLE_ANCHOR_FORK);
	/* The control: the same head, signed by the other. */
	c.statement[48] ^= 1;
	as(c.statement, admin);
	must(rx_countersigned_take(s, c.statement, RX_ANCHOR_BYTES, false,
	    &how, &st));
	assert_int_equal(how, RX_ANCHOR_TAKEN);
	rx_abandon(s);
	rx_session_close(s);
	rx_session_close(admin);
}

/* What the register keeps of them. */
struct kept {
	size_t n, lost;
};

static rx_err
kept_each(void *cookie, const struct rx_countersigned *c, struct rx_status *u)
{
	struct kept *k = cookie;

	(void)u;
	k->n++;
	k->lost += c->lost;
	return (RX_OK);
}

static struct kept
kept(struct rx_session *s)
{
	struct kept k = { 0, 0 };

	must(rx_countersigned_each(s, kept_each, &k, &st));
	return (k);
}

/* What comes in a bundle and was signed by nobody is not put beside what was. */
static void
test_forged_countersignature_is_not_taken(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c = countersign(dir, "s1");
	struct rx_session *s = fixture_open(dir, "d1");
	enum rx_anchor_taken how;
	size_t i;

	(void)state;
	must(rx_begin(s, &st));
	for (i = 0; i < RX_ANCHOR_BYTES; i += 12) {
		c.statement[i] ^= 1;
		rx_status_clear(&st);
		assert_int_equal(rx_countersigned_take(s, c.statement,
		    RX_ANCHOR_BYTES, true, &how, &st), RX_ECORRUPT);
		assert_int_equal(st.msg, RX_MSG_ANCHOR_FORGED);
		c.statement[i] ^= 1;
	}
	assert_int_equal(kept(s).n, 1);
	must(rx_countersigned_take(s, c.statement, RX_ANCHOR_BYTES, true, &how,
	    &st));					/* the control */
	assert_int_equal(how, RX_ANCHOR_KNOWN);
	rx_abandon(s);
	rx_session_close(s);
}

/* He was gone when he signed, and did not know: no forgery, and no head either. */
static void
test_countersignature_of_after_the_revocation_is_not_taken(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "gone"), *admin;
	struct rx_countersigned c = countersign(fixture_copy_of(dir), "gone");
	enum rx_anchor_taken how;
	int i;

	(void)state;
	rx_put64(c.statement + 112, (uint64_t)rx_time_now() + 3600000);
	resign(c.statement, s);
	rx_session_close(s);
	for (i = 0; i < 2; i++) {	/* the control first: before it */
		admin = fixture_open(dir, "admin");
		if (i == 1)
			must(rx_user_disable(admin, "gone", &st));
		must(rx_begin(admin, &st));
		must(rx_countersigned_take(admin, c.statement, RX_ANCHOR_BYTES,
		    true, &how, &st));
		assert_int_equal(how, i == 0 ? RX_ANCHOR_TAKEN :
		    RX_ANCHOR_REFUSED);
		assert_int_equal(kept(admin).n, i == 0 ? 1 : 0);
		rx_abandon(admin);
		rx_session_close(admin);
	}
}

/* Somebody has said that a head of another chain is lost; its signer signs it once
 * more, and whichever of the two statements stays, it is lost. */
static void
test_head_that_is_lost_stays_lost(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c = countersign(dir, "s1");
	struct rx_session *s = fixture_open(dir, "s1");
	struct rx_audit_head head = { .seq = c.seq - 1 };
	enum rx_anchor_taken how;
	size_t lost = 0;

	(void)state;
	memset(c.statement + 24, 7, RX_ID_BYTES);
	rx_put64(c.statement + 112, (uint64_t)c.time | 0xff);
	resign(c.statement, s);
	must(rx_begin(s, &st));
	must(rx_countersigned_take(s, c.statement, RX_ANCHOR_BYTES, false,
	    &how, &st));
	assert_int_equal(kept(s).lost, 0);
	must(rx_chain_compare(s, c.statement + 24, &head, INT64_MAX, true,
	    &lost, &st));
	assert_int_equal(lost, 1);
	assert_int_equal(kept(s).lost, 1);
	c.statement[5] = RX_ANCHOR_SEEN;	/* the higher of the two */
	resign(c.statement, s);
	must(rx_countersigned_take(s, c.statement, RX_ANCHOR_BYTES, false,
	    &how, &st));
	assert_int_equal(how, RX_ANCHOR_KNOWN);
	c.statement[5] = RX_ANCHOR_VERIFIED;
	rx_put64(c.statement + 112, ((uint64_t)c.time | 0xff) + 1);
	resign(c.statement, s);			/* the lower: 00 for ff */
	must(rx_countersigned_take(s, c.statement, RX_ANCHOR_BYTES, false,
	    &how, &st));
	assert_int_equal(how, RX_ANCHOR_TAKEN);
	assert_int_equal(kept(s).n, 2);
	assert_int_equal(kept(s).lost, 1);
	rx_abandon(s);
	rx_session_close(s);
}

/* The sender's chain ends just where somebody has countersigned it. */
static void
test_bundle_of_the_very_head_that_was_signed_is_no_fork(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c = countersign(dir, "s1");
	struct rx_session *s = fixture_open(dir, "s1");
	struct rx_audit_head head = { .seq = c.seq };
	size_t lost = 0;

	(void)state;
	memcpy(head.hash, c.hash, RX_HASH_BYTES);
	must(rx_begin(s, &st));
	must(rx_chain_compare(s, c.chain, &head, INT64_MAX, false, &lost,
	    &st));
	assert_int_equal(lost, 0);
	head.hash[31] ^= 1;			/* the control */
	rx_status_clear(&st);
	assert_int_equal(rx_chain_compare(s, c.chain, &head, INT64_MAX, false,
	    &lost, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_BUNDLE_FORK);
	rx_abandon(s);
	rx_session_close(s);
}

/* What others would not take is not made. */
static void
test_countersignature_of_an_expired_certificate_is_not_made(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "s1");
	const struct rx_member *m = rx_member_newest(s, rx_member_first(s,
	    s->user_id));
	struct rx_audit_head head;
	static const uint8_t chain[RX_ID_BYTES] = { 7 };
	int i;

	(void)state;
	must(rx_audit_head(s, &head, &st));
	must(rx_store_begin(s->store, &st));
	for (i = 1; i >= 0; i--) {
		s->clock = m->cert.not_after + i;
		rx_status_clear(&st);
		assert_int_equal(rx_countersign_seen(s, chain, &head, &st),
		    i == 1 ? RX_ECORRUPT : RX_OK);	/* the control */
		assert_int_equal(st.msg, i == 1 ? RX_MSG_ANCHOR_FORGED :
		    RX_MSG_NONE);
		assert_int_equal(kept(s).n, i == 1 ? 0 : 1);
	}
	rx_store_rollback(s->store);
	rx_session_close(s);
}

/* While the register is verified, an older state of it is put in its place, or one
 * that went on from there another way. */
struct exchange {
	const char *dir, *by;
	bool done;
};

/* In the very files, which somebody has open. */
static void
exchange_once(void *cookie, size_t n)
{
	static const char *const files[] = { "content.db", "keys.db" };
	struct exchange *x = cookie;
	struct rx_buf b = RX_BUF_INIT;
	char path[300];
	FILE *f;
	size_t i;

	(void)n;
	for (i = 0; !x->done && i < 2; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", x->by, files[i]);
		must(rx_file_read(&b, path, SIZE_MAX, &st));
		(void)snprintf(path, sizeof(path), "%s/%s", x->dir, files[i]);
		f = fopen(path, "wb");
		assert_non_null(f);
		assert_int_equal(fwrite(b.b, 1, b.len, f), b.len);
		assert_int_equal(fclose(f), 0);
		rx_buf_free(&b);
	}
	x->done = true;
}

static void
test_head_that_is_gone_since_it_was_verified_is_not_signed(void **state)
{
	const char *dir = fixture_copy(), *old = fixture_copy_of(dir);
	struct rx_countersigned c;
	struct rx_session *s;
	struct exchange x = { .by = old };
	int i;

	(void)state;
	save(dir, later);
	for (i = 0; i < 2; i++) {
		x.dir = fixture_copy_of(dir);
		x.done = false;
		s = fixture_open(x.dir, "s1");
		rx_status_clear(&st);
		assert_int_equal(rx_audit_countersign(s, &c, exchange_once,
		    &x, &st), RX_ECORRUPT);
		assert_int_equal(st.msg, i == 0 ? RX_MSG_ANCHOR_ROLLBACK :
		    RX_MSG_ANCHOR_FORK);
		assert_true(x.done);
		rx_session_close(s);
		assert_int_equal(fixture_number(x.dir, "SELECT count(*) FROM "
		    "anchor"), 0);
		save(old, otherwise);
		save(old, third);
	}
	rx_status_clear(&st);
	(void)countersign(dir, "s1");			/* the control */
}

/* While she verifies, the administrator ends the role by which she may. */
struct ended {
	struct rx_session *admin;
	bool done;
};

static void
end_once(void *cookie, size_t n)
{
	struct ended *e = cookie;
	const size_t first = rx_member_first(e->admin, fixture_id[S1]);
	size_t i;

	(void)n;
	if (e->done)
		return;
	e->done = true;
	must(rx_begin(e->admin, &st));
	for (i = first; i < rx_member_next(e->admin, first); i++)
		if (rx_role_countersigns(e->admin->members[i].cert.role))
			must(rx_cert_revoke(e->admin, &e->admin->members[i],
			    RX_REVOKED_ENDED, &st));
	must(rx_finish(e->admin, RX_OK, RX_DID_USER_DISABLE, fixture_id[S1],
	    "s1", &st));
}

static void
test_role_that_ends_while_verifying_does_not_countersign(void **state)
{
	const char *dir = fixture_copy();
	struct ended e = { .admin = fixture_open(dir, "admin") };
	struct rx_secret *p = test_passphrase("s1-pass");
	struct rx_countersigned c;
	struct rx_session *s;

	(void)state;
	must(rx_user_add(e.admin, "s1", RX_ROLE_DIRECTOR, "350102002", p,
	    &st));
	rx_secret_free(p);
	(void)countersign(fixture_copy_of(dir), "s1");	/* the control */
	s = fixture_open(dir, "s1");
	rx_status_clear(&st);
	assert_int_equal(rx_audit_countersign(s, &c, end_once, &e, &st),
	    RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_COUNTERSIGN_WHO);
	assert_true(e.done);
	/* She is a member all the same. */
	rx_status_clear(&st);
	must(rx_begin(s, &st));
	rx_abandon(s);
	assert_int_equal(kept(s).n, 0);
	rx_session_close(s);
	rx_session_close(e.admin);
}

/* What lies before the head is compared bit for bit, without its keys. */
static void
test_changed_entry_before_the_head_is_found(void **state)
{
	static const char *const attacks[] = {
		"UPDATE main.audit SET payload = (SELECT payload FROM "
		"main.audit WHERE seq = 3) WHERE seq = 4",
		/* The hash of an entry does not cover its proof. */
		"UPDATE main.audit SET proof = (SELECT proof FROM main.audit "
		"WHERE seq = 3) WHERE seq = 4",
		"UPDATE main.audit SET time = time + 1 WHERE seq = 4",
		"UPDATE main.audit SET hash = (SELECT hash FROM main.audit "
		"WHERE seq = 3) WHERE seq = 4",
		"DELETE FROM main.audit WHERE seq = 4",
	};
	const char *dir = fixture_copy(), *hit;
	size_t i;

	(void)state;
	(void)countersign(dir, "s1");
	save(dir, later);
	assert_true(checks(dir, "d1", RX_TRUST_OTHERS).from > 4);
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		hit = fixture_copy_of(dir);
		fixture_tamper(hit, attacks[i]);
		check_fails(hit, "d1", RX_TRUST_OTHERS, RX_MSG_AUDIT_BROKEN);
		assert_string_equal(said("seq"), "4");
	}
	rx_status_clear(&st);
}

/* Write an entry in the name of d2, with the wrong signature. */
static void
entry_of_another(struct rx_session *s)
{
	uint8_t own[RX_ID_BYTES];

	must(rx_begin(s, &st));
	memcpy(own, s->user_id, RX_ID_BYTES);
	memcpy(s->user_id, fixture_id[D2], RX_ID_BYTES);
	must(rx_audit_add(s, RX_DID_REVEAL, fixture_id[C1], NULL, 0, &st));
	memcpy(s->user_id, own, RX_ID_BYTES);
	must(rx_finish(s, RX_OK, RX_DID_PASSWD, NULL, NULL, &st));
}

/* Whoever countersigns vouches for the signatures before.  An honest program
 * finds the false one; of a liar it is known who he is, and whoever verifies all
 * of it, or countersigns too, finds him out. */
static void
test_only_a_liar_countersigns_a_false_signature(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "s1");
	uint8_t all[RX_HASH_BYTES + 184], sum[RX_HASH_BYTES] = { 0 };
	struct rx_countersigned c;
	struct rx_audit_head head;
	struct rx_buf proofs = RX_BUF_INIT;
	uint64_t seq;
	char sql[80];

	(void)state;
	c = countersign(fixture_copy(), "s1");	/* a form to fill in */
	entry_of_another(s);
	rx_status_clear(&st);
	assert_int_equal(rx_audit_countersign(s, &c, NULL, NULL, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_AUDIT_BROKEN);
	must(rx_audit_head(s, &head, &st));
	for (seq = 1; seq <= head.seq; seq++) {
		(void)snprintf(sql, sizeof(sql), "SELECT proof FROM "
		    "main.audit WHERE seq = %llu", (unsigned long long)seq);
		fixture_blob(dir, sql, &proofs);
		memcpy(all, sum, RX_HASH_BYTES);
		memcpy(all + RX_HASH_BYTES, proofs.b, 184);
		rx_hash(sum, RX_HASH_BYTES, NULL, "runxin audit proofs v1",
		    all, sizeof(all));
		rx_buf_free(&proofs);
	}
	memcpy(all, "RXAN\1\1\0\0", 8);
	memset(c.statement, 0, RX_ANCHOR_BYTES);
	memcpy(c.statement, all, 8);
	memcpy(c.statement + 8, s->store_id, RX_ID_BYTES);
	rx_put64(c.statement + 40, head.seq);
	memcpy(c.statement + 48, head.hash, RX_HASH_BYTES);
	memcpy(c.statement + 80, sum, RX_HASH_BYTES);
	rx_put64(c.statement + 112, (uint64_t)rx_session_now(s));
	as(c.statement, s);
	insert(s, c.statement, head.seq);
	rx_session_close(s);
	/* The limit: the entries before are not looked at again. */
	assert_int_equal(checks(dir, "d1", RX_TRUST_OTHERS).from, head.seq);
	check_fails(dir, "d1", RX_TRUST_NOBODY, RX_MSG_AUDIT_BROKEN);
	s = fixture_open(dir, "admin");
	assert_int_equal(rx_audit_countersign(s, &c, NULL, NULL, &st),
	    RX_ECORRUPT);
	rx_session_close(s);
	rx_status_clear(&st);
}

/* The audit key has followers: entries under the old ones are compared alike,
 * and somebody who came later verifies as well. */
static void
test_countersigned_head_from_before_a_rotation_is_used(void **state)
{
	const char *dir = fixture_copy();
	struct rx_countersigned c = countersign(dir, "s1");
	struct rx_session *admin = fixture_open(dir, "admin");
	struct rx_secret *p = test_passphrase("new-pass");
	struct rx_audit_check check;

	(void)state;
	must(rx_user_disable(admin, "gone", &st));
	must(rx_user_add(admin, "new", RX_ROLE_SUPERVISOR, "350102001", p,
	    &st));
	rx_secret_free(p);
	rx_session_close(admin);
	save(dir, later);
	check = checks(dir, "d1", RX_TRUST_OTHERS);
	assert_int_equal(check.from, c.seq);
	assert_true(check.head.epoch > 1);
	assert_int_equal(checks(dir, "new", RX_TRUST_OTHERS).from, c.seq);
	assert_true(countersign(dir, "new").seq > c.seq);
	assert_int_equal(checks(dir, "d1", RX_TRUST_NOBODY).from, 0);
}

/* ---- as a file ---- */

static void
test_countersignature_in_a_file_finds_rollback_and_fork(void **state)
{
	const char *dir = fixture_copy(), *before = fixture_copy();
	char text[RX_COUNTERSIGNED_TEXT], bad[RX_COUNTERSIGNED_TEXT];
	struct rx_countersigned c;
	struct rx_anchor a;
	size_t i, n;

	(void)state;
	save(dir, later);
	c = countersign(dir, "s1");
	rx_countersigned_format(text, &c);
	must(rx_anchor_parse(&a, text, &st));
	assert_int_equal(a.seq, c.seq);
	assert_true(a.countersigned);
	passes(dir, text);
	passes(before, NULL);		/* the control */
	fails(before, text, RX_MSG_ANCHOR_ROLLBACK);
	save(before, otherwise);
	save(before, third);
	fails(before, text, RX_MSG_ANCHOR_FORK);
	/* What was changed in it is not what he signed. */
	n = strlen(text);
	for (i = n - 2 * RX_ANCHOR_BYTES - 1; i < n - 1; i += 7) {
		memcpy(bad, text, sizeof(text));
		bad[i] = bad[i] == '0' ? '1' : '0';
		fails(dir, bad, RX_MSG_ANCHOR_FORGED);
	}
	text[n - 2] = '\0';
	rx_status_clear(&st);
	assert_int_equal(rx_anchor_parse(&a, text, &st), RX_EUSAGE);
	rx_status_clear(&st);
}

/* ---- registers that are witnesses of each other ---- */

static const char *
copy_in_village(const char *home)
{
	const char *dir = fixture_copy_of(home);
	struct rx_secret *p = test_passphrase("d1-pass");

	must(rx_copy_begin(dir, "d1", p, "village", &st));
	rx_secret_free(p);
	return (dir);
}

static void
path_of(char path[300])
{

	(void)snprintf(path, 300, "%s/b.rxb", test_dir());
}

/* ${from} of ${dir} makes a bundle for ${unit}. */
static void
sends(const char *dir, const char *from, const char *unit, char path[300])
{
	struct rx_session *s = fixture_open(dir, from);
	struct rx_bundle b;

	path_of(path);
	must(rx_bundle_make(s, unit, path, &b, &st));
	rx_session_close(s);
}

static struct rx_bundle
takes(const char *dir, const char *user, const char *path, bool despite)
{
	struct rx_session *s = fixture_open(dir, user);
	struct rx_bundle b;

	must((despite ? rx_bundle_open_despite : rx_bundle_open)(s, path,
	    true, &b, &st));
	rx_session_close(s);
	return (b);
}

/* It is refused with ${msg}, and nothing of it is stored. */
static void
refuses(const char *dir, const char *user, const char *path, enum rx_msg msg)
{
	struct rx_session *s = fixture_open(dir, user);
	uint8_t a[RX_HASH_BYTES], b[RX_HASH_BYTES];
	struct rx_audit_head before, after;
	struct rx_bundle info;

	must(rx_audit_head(s, &before, &st));
	must(rx_store_manifest_digest(s->store, a, &st));
	rx_status_clear(&st);
	assert_int_equal(rx_bundle_open(s, path, true, &info, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, msg);
	rx_status_clear(&st);
	must(rx_audit_head(s, &after, &st));
	must(rx_store_manifest_digest(s->store, b, &st));
	assert_memory_equal(a, b, sizeof(a));
	assert_int_equal(before.seq, after.seq);
	rx_session_close(s);
}

static void
test_rolled_back_register_is_told_by_a_bundle(void **state)
{
	const char *home = fixture_copy(), *village, *old;
	char path[300], reply[300];
	struct rx_bundle b;

	(void)state;
	village = copy_in_village(home);
	old = fixture_copy_of(home);
	save(home, later);
	sends(home, "s1", "350102001001", path);
	assert_int_equal(takes(village, "d1", path, false).heads, 1);
	sends(village, "d1", "350102001", reply);

	fixture_copy_over(old, home);
	passes(home, NULL);		/* the control: it cannot know */
	refuses(home, "s1", reply, RX_MSG_BUNDLE_ANCHOR_ROLLBACK);
	/* Written on, it is no longer short, but another one. */
	save(home, third);
	save(home, fourth);
	refuses(home, "s1", reply, RX_MSG_BUNDLE_ANCHOR_FORK);
	/* Somebody knows why, as after restoring a backup, and goes on. */
	b = takes(home, "s1", reply, true);
	assert_int_equal(b.lost, 1);
	assert_int_equal(checks(home, "d1", RX_TRUST_OTHERS).lost, 1);
	assert_int_equal(takes(home, "s1", reply, false).lost, 0);
}

/* The other way: what the village knows of home shows that home is an old one. */
static void
test_bundle_of_a_rolled_back_register_is_refused(void **state)
{
	const char *home = fixture_copy(), *village, *old;
	char path[300], next[300];
	struct rx_audit_head head;

	(void)state;
	village = copy_in_village(home);
	old = fixture_copy_of(home);
	save(home, later);
	sends(home, "s1", "350102001001", path);
	(void)takes(village, "d1", path, false);
	fixture_copy_over(old, home);
	sends(home, "d1", "350102001001", next);
	refuses(village, "d1", next, RX_MSG_BUNDLE_ROLLBACK);
	head = head_of(home);
	assert_int_equal(takes(village, "d1", next, true).lost, 1);
	assert_true(head.seq > 0);
	/* The control: a bundle of the home that went on is taken. */
	sends(home, "s1", "350102001001", path);
	(void)takes(village, "d1", path, false);
}

/* It was made before the head was signed, and came late: no rollback. */
static void
test_bundle_that_was_long_on_its_way_is_taken(void **state)
{
	const char *home = fixture_copy(), *village, *town;
	char slow[300], path[300], reply[300];

	(void)state;
	village = copy_in_village(home);
	town = copy_in_village(home);
	sends(home, "d1", "350102001001", slow);
	save(home, later);
	sends(home, "s1", "350102001001", path);
	(void)takes(town, "d1", path, false);
	sends(town, "d1", "350102001001", reply);
	assert_int_equal(takes(village, "d1", reply, false).heads, 1);
	assert_int_equal(takes(village, "d1", slow, false).lost, 0);
}

/* A supervisor in the village has seen home's head in a bundle, and at home they
 * keep what he signed of it; that is no verification. */
static void
test_head_seen_in_a_bundle_is_a_witness_and_no_more(void **state)
{
	const char *home = fixture_copy(), *town, *old;
	char path[300], reply[300];
	struct rx_audit_check check;

	(void)state;
	town = copy_in_village(home);
	old = fixture_copy_of(home);
	save(home, later);
	sends(home, "d1", "350102001", path);
	(void)takes(town, "s1", path, false);
	sends(town, "s1", "350102001001", reply);
	assert_int_equal(takes(home, "d1", reply, false).heads, 2);
	check = checks(home, "d1", RX_TRUST_OTHERS);
	assert_int_equal(check.anchors, 1);	/* one is of the copy's chain */
	assert_int_equal(check.from, 0);
	fixture_copy_over(old, home);
	refuses(home, "d1", reply, RX_MSG_BUNDLE_ANCHOR_ROLLBACK);
}

static void
test_head_of_another_chain_is_not_compared(void **state)
{
	const char *home = fixture_copy(), *village;
	char text[RX_COUNTERSIGNED_TEXT];
	struct rx_countersigned common, c, h;
	struct rx_session *s;

	(void)state;
	common = countersign(home, "s1");
	village = copy_in_village(home);
	c = countersign(village, "s1");
	save(home, later);
	h = countersign(home, "admin");
	rx_countersigned_format(text, &common);
	passes(home, text);
	passes(village, text);
	rx_countersigned_format(text, &c);
	passes(village, text);
	s = fixture_open(home, "d1");
	rx_status_clear(&st);
	assert_int_equal(fixture_verify(s, text, &st), RX_EUSAGE);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_OTHER_CHAIN);
	rx_session_close(s);
	rx_countersigned_format(text, &h);
	passes(home, text);
	s = fixture_open(village, "d1");
	rx_status_clear(&st);
	assert_int_equal(fixture_verify(s, text, &st), RX_EUSAGE);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_OTHER_CHAIN);
	rx_session_close(s);
	assert_int_equal(checks(village, "d1", RX_TRUST_OTHERS).from, c.seq);
	rx_status_clear(&st);
}

/* ---- restoring ---- */

static struct rx_restored got;

static rx_err
restore(const char *file, const char *live, const char *anchor, bool older)
{
	struct rx_secret *p = test_passphrase("d1-pass");
	char dir[300];
	const struct rx_restore ask = { .file = file, .user = "d1",
	    .passphrase = p, .dir = dir, .live = live, .anchor = anchor,
	    .older = older };
	rx_err rc;

	(void)snprintf(dir, sizeof(dir), "%s/restored", test_dir());
	rx_status_clear(&st);
	rc = rx_backup_restore(&ask, &got, &st);
	rx_secret_free(p);
	return (rc);
}

static void
test_backup_older_than_a_countersigned_head_is_refused(void **state)
{
	const char *live = fixture_copy(), *base = test_dir();
	char first[300], second[300], text[RX_COUNTERSIGNED_TEXT];
	struct rx_session *s = fixture_open(live, "d1");
	struct rx_countersigned c;

	(void)state;
	(void)snprintf(first, sizeof(first), "%s/1", base);
	(void)snprintf(second, sizeof(second), "%s/2", base);
	must(rx_backup_create(s, first, &st));
	/* The control: nobody has countersigned anything later. */
	ok(restore(first, live, NULL, false), &st);
	fixture_save(s, RX_OBSERVATION, later, false, NULL);
	ok(restore(first, live, NULL, false), &st);
	c = countersign(live, "s1");
	/* An increment counts as what it becomes. */
	must(rx_backup_make(s, second, NULL, first, RX_BACKUP_KEEP, &st));
	rx_session_close(s);
	assert_int_equal(restore(first, live, NULL, false), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_BACKUP_OLDER_SIGNED);
	assert_string_equal(said("user"), "s1");
	ok(restore(first, live, NULL, true), &st);
	ok(restore(second, live, NULL, false), &st);
	/* The laptop is gone; the file is on a stick. */
	rx_countersigned_format(text, &c);
	assert_int_equal(restore(first, NULL, text, false), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_BACKUP_OLDER);
	ok(restore(first, NULL, text, true), &st);
	ok(restore(second, NULL, text, false), &st);
	rx_status_clear(&st);
}

/* The backup is of a register that went another way before that head: which of them
 * is the true one the user decides, and he is told, though his passphrase does not
 * open the one in use. */
static void
test_backup_of_another_way_than_a_countersigned_head_is_refused(void **state)
{
	const char *live = fixture_copy(), *other = fixture_copy_of(live);
	char own[300], file[300];
	struct rx_session *s = fixture_open(live, "d1");
	struct rx_secret *p = test_passphrase("another-pass");

	(void)state;
	(void)snprintf(own, sizeof(own), "%s/own", test_dir());
	(void)snprintf(file, sizeof(file), "%s/1", test_dir());
	fixture_save(s, RX_OBSERVATION, later, false, NULL);
	(void)countersign(live, "s1");
	must(rx_backup_create(s, own, &st));
	must(rx_session_passwd(s, p, &st));
	rx_secret_free(p);
	rx_session_close(s);
	s = fixture_open(other, "d1");
	fixture_save(s, RX_OBSERVATION, later, false, NULL);
	fixture_save(s, RX_OBSERVATION, otherwise, true, NULL);
	must(rx_backup_create(s, file, &st));
	rx_session_close(s);
	assert_int_equal(restore(file, live, NULL, false), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_ANCHOR_FORK);
	ok(restore(file, live, NULL, true), &st);
	assert_true(got.forked);
	/* The control: of the register itself. */
	ok(restore(own, live, NULL, false), &st);
	assert_false(got.forked);
	rx_status_clear(&st);
}

/* The passphrase was changed since, so that it does not open the register in use:
 * what is countersigned there is read all the same. */
static void
test_countersigned_head_behind_another_passphrase_is_asked(void **state)
{
	const char *live = fixture_copy();
	char first[300];
	struct rx_session *s = fixture_open(live, "d1");
	struct rx_secret *p = test_passphrase("another-pass");

	(void)state;
	(void)snprintf(first, sizeof(first), "%s/1", test_dir());
	must(rx_backup_create(s, first, &st));
	fixture_save(s, RX_OBSERVATION, later, false, NULL);
	must(rx_session_passwd(s, p, &st));
	rx_secret_free(p);
	rx_session_close(s);
	/* The control: nobody has countersigned it. */
	ok(restore(first, live, NULL, false), &st);
	(void)countersign(live, "s1");
	assert_int_equal(restore(first, live, NULL, false), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_BACKUP_OLDER_SIGNED);
	assert_string_equal(said("user"), "s1");
	ok(restore(first, live, NULL, true), &st);
	/* One that was altered is nobody's; no signature ends in ff. */
	fixture_tamper(live, "UPDATE anchor SET statement = "
	    "CAST(substr(statement, 1, 215) || x'ff' AS BLOB)");
	ok(restore(first, live, NULL, false), &st);
	rx_status_clear(&st);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_code_of_a_head_does_not_change),
		cmocka_unit_test(test_code_of_a_head_survives_being_typed),
		cmocka_unit_test(test_mistyped_code_of_a_head_is_refused),
		cmocka_unit_test(test_code_that_is_none_is_refused),
		cmocka_unit_test(test_rolled_back_register_needs_an_anchor),
		cmocka_unit_test(test_forked_audit_needs_an_anchor),
		cmocka_unit_test(test_anchor_is_found_without_verifying),
		cmocka_unit_test(
		    test_countersigned_head_shortens_the_next_verification),
		cmocka_unit_test(
		    test_countersigned_head_finds_that_the_end_was_cut_off),
		cmocka_unit_test(test_director_may_not_countersign),
		cmocka_unit_test(test_altered_countersignature_is_refused),
		cmocka_unit_test(
		    test_countersignature_moved_to_another_entry_is_refused),
		cmocka_unit_test(
		    test_countersignature_of_another_register_is_refused),
		cmocka_unit_test(
		    test_countersignature_of_the_revoked_is_not_believed),
		cmocka_unit_test(test_changed_entry_before_the_head_is_found),
		cmocka_unit_test(test_only_a_liar_countersigns_a_false_signature),
		cmocka_unit_test(
		    test_countersigned_head_from_before_a_rotation_is_used),
		cmocka_unit_test(
		    test_countersignature_in_a_file_finds_rollback_and_fork),
		cmocka_unit_test(test_rolled_back_register_is_told_by_a_bundle),
		cmocka_unit_test(test_bundle_of_a_rolled_back_register_is_refused),
		cmocka_unit_test(
		    test_head_seen_in_a_bundle_is_a_witness_and_no_more),
		cmocka_unit_test(test_head_of_another_chain_is_not_compared),
		cmocka_unit_test(
		    test_backup_older_than_a_countersigned_head_is_refused),
		cmocka_unit_test(
		    test_countersigned_head_behind_another_passphrase_is_asked),
		cmocka_unit_test(
		    test_countersignature_not_of_its_certificates_time_is_refused),
		cmocka_unit_test(
		    test_two_heads_of_one_number_of_another_chain_are_a_fork),
		cmocka_unit_test(
		    test_head_that_is_gone_since_it_was_verified_is_not_signed),
		cmocka_unit_test(
		    test_bundle_that_was_long_on_its_way_is_taken),
		cmocka_unit_test(test_forged_countersignature_is_not_taken),
		cmocka_unit_test(
		    test_countersignature_of_after_the_revocation_is_not_taken),
		cmocka_unit_test(test_head_that_is_lost_stays_lost),
		cmocka_unit_test(
		    test_bundle_of_the_very_head_that_was_signed_is_no_fork),
		cmocka_unit_test(
		    test_countersignature_of_an_expired_certificate_is_not_made),
		cmocka_unit_test(
		    test_role_that_ends_while_verifying_does_not_countersign),
		cmocka_unit_test(
		    test_backup_of_another_way_than_a_countersigned_head_is_refused),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("attack anchor", tests,
	    fixture_setup, NULL));
}
