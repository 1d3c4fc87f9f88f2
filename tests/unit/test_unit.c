#include <string.h>

#include "tests/helper.h"
#include "register/unit.h"
#include "schema.h"

static struct rx_status st;

static const char *
unit(const char *text)
{
	static char made[8][RX_UNIT_BYTES];
	static unsigned next;
	char *u = made[next++ % 8];

	rx_status_clear(&st);
	ok(rx_unit_parse(u, text, &st), &st);
	return (u);
}

static void
parses(const char *text, const char *id, const char *shown,
    enum rx_level level)
{
	char u[RX_UNIT_BYTES], want[RX_UNIT_BYTES] = { 0 };
	char out[RX_UNIT_TEXT];

	rx_status_clear(&st);
	memset(u, 0x55, sizeof(u));
	ok(rx_unit_parse(u, text, &st), &st);
	memcpy(want, id, strlen(id));
	assert_memory_equal(u, want, sizeof(want));
	rx_unit_text(out, u);
	assert_string_equal(out, shown);
	assert_int_equal(rx_unit_level(u), level);
	ok(rx_unit_parse(u, out, &st), &st);
	assert_memory_equal(u, want, sizeof(want));
}

static void
test_every_form_parses(void **state)
{

	(void)state;
	parses("350102", "350102000000", "350102", RX_LEVEL_COUNTY);
	parses("350102001", "350102001000", "350102001000", RX_LEVEL_TOWNSHIP);
	parses("350102001001", "350102001001", "350102001001",
	    RX_LEVEL_VILLAGE);
	parses("350100-SELF", "350100000000S", "350100-SELF", RX_LEVEL_SELF);
	parses("350000", "350000000000", "350000", RX_LEVEL_PROVINCE);
	parses("350100", "350100000000", "350100", RX_LEVEL_PREFECTURE);
	parses("350102000", "350102000000", "350102", RX_LEVEL_COUNTY);
	parses("350102000000", "350102000000", "350102", RX_LEVEL_COUNTY);
	parses("350102001000", "350102001000", "350102001000",
	    RX_LEVEL_TOWNSHIP);
}

static void
is_refused(const char *text)
{
	static const char none[RX_UNIT_BYTES];
	char u[RX_UNIT_BYTES];

	rx_status_clear(&st);
	memset(u, 0x55, sizeof(u));
	assert_int_equal(rx_unit_parse(u, text, &st), RX_EUSAGE);
	assert_int_equal(st.msg, RX_MSG_UNIT_INVALID);
	assert_string_equal(st.arg[0].name, "unit");
	assert_memory_equal(u, none, sizeof(none));
}

static void
test_letters_are_refused(void **state)
{

	(void)state;
	is_refused("fuzhou");
	is_refused("35010a");
	is_refused("35010200100S");
	is_refused("350100000000S");
	is_refused(" 350102");
	is_refused("350102 ");
	is_refused("+50102");
	is_refused("３５０１０２");
}

static void
test_wrong_length_is_refused(void **state)
{

	(void)state;
	is_refused("");
	is_refused("35");
	is_refused("35010");
	is_refused("3501020");
	is_refused("35010200");
	is_refused("3501020010");
	is_refused("35010200100");
	is_refused("3501020010010");
}

static void
test_self_of_what_is_not_a_prefecture_is_refused(void **state)
{

	(void)state;
	is_refused("350102-SELF");
	is_refused("350000-SELF");
	is_refused("350102001-SELF");
	is_refused("350100000000-SELF");
	is_refused("350100-self");
	is_refused("350100-SELFX");
	is_refused("350100-");
}

static void
test_all_zero_is_refused(void **state)
{

	(void)state;
	is_refused("000000");
	is_refused("000000000000");
	is_refused("000102");
}

static void
test_unit_under_a_zero_part_is_refused(void **state)
{

	(void)state;
	is_refused("350002");		/* no prefecture */
	is_refused("350100001");	/* no county */
	is_refused("350102000001");	/* no township */
}

/* As it comes in a file: without the bytes that end it. */
static void
test_stored_unit_of_another_form_is_refused(void **state)
{
	static const char *const not[] = { "", "350102", "35010200000",
	    "350102000000-", "350102000000SELF", "350102000000-SELF",
	    "3501020000000000" };
	char u[RX_UNIT_BYTES];
	size_t i;

	(void)state;
	assert_true(rx_unit_stored(u, "350102001000", 12));
	assert_memory_equal(u, unit("350102001"), RX_UNIT_BYTES);
	assert_false(rx_unit_stored(u, "350102001000\0", 13));
	for (i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		assert_false(rx_unit_stored(u, not[i], strlen(not[i])));
}

static void
test_covers_matrix(void **state)
{
	static const char *const u[] = {
		"350000", "350100", "350100-SELF", "350102", "350102001",
		"350102001001", "350102001002", "350103", "350200",
		"350200-SELF", "360000"
	};
	static const char *const want[] = {
		"11111111110", "01111111000", "00100000000", "00011110000",
		"00001110000", "00000100000", "00000010000", "00000001000",
		"00000000110", "00000000010", "00000000001"
	};
	size_t i, k;

	(void)state;
	for (i = 0; i < sizeof(u) / sizeof(u[0]); i++) {
		for (k = 0; k < sizeof(u) / sizeof(u[0]); k++) {
			if (rx_unit_covers(unit(u[i]), unit(u[k])) !=
			    (want[i][k] == '1'))
				fail_msg("%s covers %s", u[i], u[k]);
		}
	}
}

static void
test_what_is_no_unit_stands_under_nobody(void **state)
{
	char u[RX_UNIT_BYTES];

	(void)state;
	memcpy(u, unit("350102001001"), sizeof(u));
	assert_true(rx_unit_covers(unit("350102001"), u));
	u[13] = 'x';
	assert_false(rx_unit_covers(unit("350102001"), u));
	u[13] = '\0';
	u[12] = 'S';
	assert_false(rx_unit_covers(unit("350102001"), u));
	u[12] = '\0';
	u[11] = 'x';
	assert_false(rx_unit_covers(unit("350102001"), u));
	memset(u, 0, sizeof(u));
	assert_false(rx_unit_covers(u, u));
	assert_false(rx_unit_covers(u, unit("350102001")));
}

static void
has_ancestor(const char *text, enum rx_level level, const char *want)
{
	char out[RX_UNIT_BYTES], same[RX_UNIT_BYTES];

	rx_unit_ancestor(out, unit(text), level);
	assert_memory_equal(out, unit(want), RX_UNIT_BYTES);

	/* In place, too. */
	memcpy(same, unit(text), sizeof(same));
	rx_unit_ancestor(same, same, level);
	assert_memory_equal(same, unit(want), RX_UNIT_BYTES);
}

static void
test_ancestor_at_every_level(void **state)
{

	(void)state;
	has_ancestor("350102001001", RX_LEVEL_PROVINCE, "350000");
	has_ancestor("350102001001", RX_LEVEL_PREFECTURE, "350100");
	has_ancestor("350102001001", RX_LEVEL_COUNTY, "350102");
	has_ancestor("350102001001", RX_LEVEL_TOWNSHIP, "350102001");
	has_ancestor("350102001001", RX_LEVEL_VILLAGE, "350102001001");
	has_ancestor("350102", RX_LEVEL_TOWNSHIP, "350102");
	has_ancestor("350000", RX_LEVEL_PREFECTURE, "350000");
}

static void
test_self_lies_under_its_prefecture(void **state)
{

	(void)state;
	has_ancestor("350100-SELF", RX_LEVEL_PREFECTURE, "350100");
	has_ancestor("350100-SELF", RX_LEVEL_PROVINCE, "350000");
	has_ancestor("350100-SELF", RX_LEVEL_COUNTY, "350100-SELF");
	has_ancestor("350100-SELF", RX_LEVEL_SELF, "350100-SELF");
	assert_false(rx_unit_covers(unit("350100-SELF"), unit("350100")));
}

static const char *
level_word(enum rx_level level)
{
	static const char *const words[] = {
		"province", "prefecture", "county", "township", "village",
		"self"
	};

	return (words[level]);
}

static void
test_level_of_every_embedded_unit_is_its_column(void **state)
{
	const struct rx_embedded_unit *e;
	char u[RX_UNIT_BYTES];
	size_t n, i;

	(void)state;
	e = rx_embedded_units(&n);
	assert_true(n > 18000);
	for (i = 0; i < n; i++) {
		rx_status_clear(&st);
		ok(rx_unit_parse(u, e[i].code, &st), &st);
		assert_string_equal(level_word(rx_unit_level(u)), e[i].level);
	}
}

static void
test_every_reporting_unit_parses(void **state)
{
	const struct rx_reporting_unit *e;
	char text[RX_UNIT_TEXT], u[RX_UNIT_BYTES];
	size_t n, i;

	(void)state;
	e = rx_reporting_units(&n);
	assert_true(n > 80);
	for (i = 0; i < n; i++) {
		rx_status_clear(&st);
		ok(rx_unit_parse(u, e[i].code, &st), &st);
		rx_unit_text(text, u);
		assert_string_equal(text, e[i].code);
	}
}

/* Every embedded unit and the SELF ids against the range of some of them. */
static void
range_is_covers(const char *above)
{
	char first[RX_UNIT_BYTES], last[RX_UNIT_BYTES], u[RX_UNIT_BYTES];
	const struct rx_embedded_unit *e;
	const struct rx_reporting_unit *r;
	size_t n, m, i;
	bool in;

	e = rx_embedded_units(&n);
	r = rx_reporting_units(&m);
	rx_unit_range(unit(above), first, last);
	for (i = 0; i < n + m; i++) {
		rx_status_clear(&st);
		ok(rx_unit_parse(u, i < n ? e[i].code : r[i - n].code, &st),
		    &st);
		in = strcmp(first, u) <= 0 && strcmp(u, last) <= 0;
		assert_int_equal(in, rx_unit_covers(unit(above), u));
	}
}

static void
test_range_holds_exactly_the_units_below(void **state)
{

	(void)state;
	range_is_covers("350000");
	range_is_covers("350100");
	range_is_covers("350900");
	range_is_covers("350100-SELF");
	range_is_covers("350102");
	range_is_covers("350128");
	range_is_covers("350102001");
	range_is_covers("350102001001");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_form_parses),
		cmocka_unit_test(test_letters_are_refused),
		cmocka_unit_test(test_wrong_length_is_refused),
		cmocka_unit_test(
		    test_self_of_what_is_not_a_prefecture_is_refused),
		cmocka_unit_test(test_all_zero_is_refused),
		cmocka_unit_test(test_unit_under_a_zero_part_is_refused),
		cmocka_unit_test(test_stored_unit_of_another_form_is_refused),
		cmocka_unit_test(test_covers_matrix),
		cmocka_unit_test(test_what_is_no_unit_stands_under_nobody),
		cmocka_unit_test(test_ancestor_at_every_level),
		cmocka_unit_test(test_self_lies_under_its_prefecture),
		cmocka_unit_test(
		    test_level_of_every_embedded_unit_is_its_column),
		cmocka_unit_test(test_every_reporting_unit_parses),
		cmocka_unit_test(test_range_holds_exactly_the_units_below),
	};

	return (cmocka_run_group_tests_name("unit", tests, NULL, NULL));
}
