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
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("attack anchor", tests,
	    fixture_setup, NULL));
}
