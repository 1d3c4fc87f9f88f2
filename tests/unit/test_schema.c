/* schema/: code lists, Fujian's units, the annex rows, the migrations. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "embedded.h"
#include "schema.h"
#include "tests/helper.h"

/* The keys that the import format promises, in the order of their numbers. */
static const struct {
	enum rx_list list;
	const char *keys;
} vocabulary[] = {
	{ RX_LIST_CATEGORY,
	    "orphan de_facto_unsupported left_behind migrant poverty "
	    "disability_illness guardianship_deficit other_local" },
	{ RX_LIST_PRIORITY,
	    "family_crisis single_parent exam_transition "
	    "academic_pressure economic_hardship rights_violated" },
	{ RX_LIST_CHANNEL,
	    "home_visit talk questionnaire phone_video activity school "
	    "guardian community child_self transfer_in" },
	{ RX_LIST_SIGN,
	    "mood_low irritable anxious_fear interest_loss withdrawn "
	    "sleep_change appetite_change somatic grade_drop "
	    "school_refusal aggression screen_overuse regression "
	    "bullied grief worthless_talk runaway death_talk self_harm "
	    "suicide_attempt odd_thinking unsafe_home" },
	{ RX_LIST_RISK,
	    "red orange yellow green" },
	{ RX_LIST_KIND,
	    "companionship emotional_relief guardian_guidance "
	    "individual_counselling group_counselling "
	    "parent_child_group theme_activity mh_publicity "
	    "visit_condolence cash_condolence in_kind policy_help "
	    "school_return hukou agency_link pairing safety_watch" },
	{ RX_LIST_REFERRAL,
	    "guardian supervisor police civil_affairs education "
	    "hospital swo h12356 h12355 h12345 h12348 womens_fed "
	    "procuratorate" },
	{ RX_LIST_SITUATION,
	    "mr1_genital_injury mr2_u14_sexual mr3_14plus_sexual "
	    "mr4_injury_violence mr5_suicide_selfharm_injury "
	    "mr6_abandoned mr7_missing_trafficked mr8_begging mr9_other" },
	{ RX_LIST_OUTCOME,
	    "ongoing improved resolved referred_accepted "
	    "referred_declined guardian_declined escalated unreachable "
	    "moved_out aged_out deceased" },
	{ RX_LIST_SEX,
	    "m f" },
	{ RX_LIST_LEGAL_BASIS,
	    "consent statutory_duty legal_obligation emergency "
	    "public_interest other_law" },
	{ RX_LIST_CONSENT_BY,
	    "guardian child both agency" },
	{ RX_LIST_CONSENT_STATE,
	    "given withdrawn" },
	{ RX_LIST_AGENCY_TYPE,
	    "social_work hospital psychology education school legal "
	    "volunteer charity foundation enterprise government "
	    "public_institution community other" },
	{ RX_LIST_DECISION,
	    "accept return escalate close" },
};

#define VOCABULARY (sizeof(vocabulary) / sizeof(vocabulary[0]))

/* ---- code lists ---- */

static void
test_every_code_of_the_vocabulary_is_present(void **state)
{
	const struct rx_code *code;
	char keys[1024];
	char *key, *save;
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < VOCABULARY; i++) {
		assert_true(strlen(vocabulary[i].keys) < sizeof(keys));
		memcpy(keys, vocabulary[i].keys,
		    strlen(vocabulary[i].keys) + 1);
		for (key = strtok_r(keys, " ", &save); key != NULL;
		    key = strtok_r(NULL, " ", &save), n++) {
			code = rx_code_by_key(vocabulary[i].list, key);
			if (code == NULL)
				fail_msg("%s is missing", key);
			assert_string_equal(code->key, key);
		}
	}
	assert_int_equal(n, 132);
}

/* A stored number means the same for ever: position in the list above. */
static void
test_code_numbers_are_the_ones_that_are_stored(void **state)
{
	const struct rx_code *code;
	char keys[1024];
	char *key, *save;
	uint16_t no;
	size_t i;

	(void)state;
	for (i = 0; i < VOCABULARY; i++) {
		memcpy(keys, vocabulary[i].keys,
		    strlen(vocabulary[i].keys) + 1);
		for (no = 1, key = strtok_r(keys, " ", &save); key != NULL;
		    key = strtok_r(NULL, " ", &save), no++) {
			code = rx_code_by_no(vocabulary[i].list, no);
			assert_non_null(code);
			assert_int_equal(code->no, no);
			assert_string_equal(code->key, key);
		}
	}
}

static void
test_both_ways_into_a_list_find_the_same_code(void **state)
{
	const struct rx_code *codes;
	size_t count, i, total = 0;
	int list;

	(void)state;
	for (list = RX_LIST_NONE + 1; list < RX_LIST_COUNT; list++) {
		codes = rx_codes((enum rx_list)list, &count);
		assert_true(count > 0);
		for (i = 0; i < count; i++) {
			assert_ptr_equal(rx_code_by_no((enum rx_list)list,
			    codes[i].no), &codes[i]);
			assert_ptr_equal(rx_code_by_key((enum rx_list)list,
			    codes[i].key), &codes[i]);
		}
		total += count;
	}
	assert_true(total > 100);
}

static void
test_every_code_has_a_name_in_both_languages(void **state)
{
	const struct rx_code *codes;
	size_t count, i;
	int list;

	(void)state;
	for (list = RX_LIST_NONE + 1; list < RX_LIST_COUNT; list++) {
		codes = rx_codes((enum rx_list)list, &count);
		for (i = 0; i < count; i++) {
			assert_true(codes[i].zh[0] != '\0');
			assert_true(codes[i].en[0] != '\0');
			assert_true(rx_utf8_valid(codes[i].zh,
			    strlen(codes[i].zh)));
			assert_true(rx_utf8_width(codes[i].zh) >
			    rx_utf8_count(codes[i].zh, strlen(codes[i].zh)));
			assert_int_equal(rx_utf8_width(codes[i].en),
			    strlen(codes[i].en));
		}
	}
}

static void
test_unknown_codes_are_not_found(void **state)
{
	size_t count;

	(void)state;
	assert_null(rx_code_by_key(RX_LIST_SIGN, ""));
	assert_null(rx_code_by_key(RX_LIST_SIGN, "mood"));
	assert_null(rx_code_by_key(RX_LIST_SIGN, "mood_low "));
	assert_null(rx_code_by_key(RX_LIST_SIGN, "MOOD_LOW"));
	assert_null(rx_code_by_key(RX_LIST_RISK, "mood_low"));
	assert_null(rx_code_by_no(RX_LIST_SEX, 0));
	assert_null(rx_code_by_no(RX_LIST_SEX, 3));
	assert_null(rx_code_by_no(RX_LIST_SEX, UINT16_MAX));
	assert_null(rx_code_by_no(RX_LIST_NONE, 0));
	assert_null(rx_code_by_no(RX_LIST_NONE, 1));
	assert_null(rx_code_by_key(RX_LIST_NONE, "m"));
	assert_null(rx_code_by_key(RX_LIST_COUNT, "m"));
	assert_null(rx_codes(RX_LIST_NONE, &count));
	assert_int_equal(count, 0);
}

/* Exactly the codes ${keys} of ${list} have the attribute ${word}. */
static void
check_attr(enum rx_list list, const char *word, const char *keys)
{
	const struct rx_code *codes;
	char found[256] = "";
	size_t count, i, used = 0;

	codes = rx_codes(list, &count);
	for (i = 0; i < count; i++) {
		if (rx_code_has(&codes[i], word))
			used += (size_t)snprintf(&found[used],
			    sizeof(found) - used, "%s ", codes[i].key);
		assert_true(used < sizeof(found));
	}
	assert_string_equal(found, keys);
}

static void
test_attributes(void **state)
{

	(void)state;
	check_attr(RX_LIST_SIGN, "urgent",
	    "death_talk self_harm suicide_attempt unsafe_home ");
	check_attr(RX_LIST_SIGN, "flag", "runaway odd_thinking ");
	check_attr(RX_LIST_OUTCOME, "closes", "moved_out aged_out deceased ");
	check_attr(RX_LIST_AGENCY_TYPE, "default", "social_work ");
	check_attr(RX_LIST_KIND, "activity_only",
	    "camp staff_training service_list_published ");
}

static void
test_follow_up_days(void **state)
{
	static const struct {
		const char *key;
		int first, due;
	} want[] = {
		{ "red", 1, 7 }, { "orange", -1, 14 }, { "yellow", -1, 30 },
		{ "green", -1, 90 },
	};
	const struct rx_code *code;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		code = rx_code_by_key(RX_LIST_RISK, want[i].key);
		assert_non_null(code);
		assert_int_equal(rx_code_int(code, "first", -1), want[i].first);
		assert_int_equal(rx_code_int(code, "due", -1), want[i].due);
	}
}

static void
test_attribute_words_are_matched_whole(void **state)
{
	const struct rx_code code = { 1, "k", "z", "e", "flagged due=7 x" };

	(void)state;
	assert_false(rx_code_has(&code, "flag"));
	assert_true(rx_code_has(&code, "flagged"));
	assert_true(rx_code_has(&code, "x"));
	assert_false(rx_code_has(&code, "due"));
	assert_false(rx_code_has(&code, "7"));
	assert_int_equal(rx_code_int(&code, "due", 0), 7);
	assert_int_equal(rx_code_int(&code, "du", 3), 3);
	assert_int_equal(rx_code_int(&code, "x", 3), 3);
	assert_int_equal(rx_code_int(&code, "absent", 3), 3);
}

/* ---- units ---- */

static void
test_all_of_fujian_is_there_and_sorted(void **state)
{
	const struct rx_embedded_unit *units;
	size_t count, i;

	(void)state;
	units = rx_embedded_units(&count);
	assert_int_equal(count, 18760);
	for (i = 0; i < count; i++) {
		assert_int_equal(strspn(units[i].code, "0123456789"), 12);
		assert_int_equal(strlen(units[i].code), 12);
		assert_true(rx_utf8_valid(units[i].name,
		    strlen(units[i].name)));
		assert_true(units[i].name[0] != '\0');
		if (i > 0)
			assert_true(strcmp(units[i - 1].code,
			    units[i].code) < 0);
		assert_ptr_equal(rx_embedded_unit(units[i].code), &units[i]);
	}
}

static void
test_units_are_found_by_code(void **state)
{
	const struct rx_embedded_unit *unit;

	(void)state;
	assert_non_null(unit = rx_embedded_unit("350102000000"));
	assert_string_equal(unit->name, "鼓楼区");
	assert_string_equal(unit->level, "county");
	assert_non_null(unit = rx_embedded_unit("350000000000"));
	assert_string_equal(unit->name, "福建省");
	assert_string_equal(unit->level, "province");
	assert_null(rx_embedded_unit("350102"));
	assert_null(rx_embedded_unit("999999999999"));
	assert_null(rx_embedded_unit("000000000000"));
	assert_null(rx_embedded_unit(""));
}

static void
test_every_level_has_its_number_of_units(void **state)
{
	static const struct {
		const char *level;
		size_t n;
	} want[] = {
		{ "province", 1 }, { "prefecture", 9 }, { "county", 84 },
		{ "township", 1169 }, { "village", 17497 },
	};
	const struct rx_embedded_unit *units;
	size_t count, i, j, n, total = 0;

	(void)state;
	units = rx_embedded_units(&count);
	for (j = 0; j < sizeof(want) / sizeof(want[0]); j++) {
		for (n = 0, i = 0; i < count; i++)
			n += strcmp(units[i].level, want[j].level) == 0;
		assert_int_equal(n, want[j].n);
		total += n;
	}
	assert_int_equal(total, count);
}

/* How many leading digits of the code of a unit of ${level} are its own. */
static size_t
level_digits(const char *level)
{
	static const struct {
		const char *level;
		size_t digits;
	} levels[] = {
		{ "province", 2 }, { "prefecture", 4 }, { "county", 6 },
		{ "township", 9 }, { "village", 12 },
	};
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (strcmp(levels[i].level, level) == 0)
			return (levels[i].digits);
	}
	fail_msg("level %s", level);
	return (0);
}

/* The line ${line} of units.tsv: its parent is the prefix of its code. */
static void
check_parent(const char *line)
{
	char code[13], level[16], parent[13], want[13];
	const struct rx_embedded_unit *up;
	size_t digits;
	int n;

	n = sscanf(line, "%12[0-9]%*1[\t]%*[^\t]%*1[\t]%15[a-z]%*1[\t]%12[0-9]",
	    code, level, parent);
	if (strcmp(level, "province") == 0) {
		assert_int_equal(n, 2);
		return;
	}
	assert_int_equal(n, 3);

	/* Two rows of the official list repeat a county and are no units. */
	if (strcmp(code, parent) == 0) {
		assert_string_equal(code, "350527000000");
		assert_string_equal(rx_embedded_unit(code)->level, "county");
		return;
	}
	assert_non_null(up = rx_embedded_unit(parent));
	digits = level_digits(up->level);
	assert_true(digits < level_digits(level));
	memcpy(want, code, sizeof(want));
	memset(&want[digits], '0', 12 - digits);
	assert_string_equal(parent, want);

	/* All the digits of a unit lie within what its level owns. */
	digits = level_digits(level);
	assert_int_equal(strspn(&code[digits], "0"), 12 - digits);
}

static void
test_parents_are_digit_prefixes(void **state)
{
	const char *p = NULL;
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < rx_embedded_file_count; i++) {
		if (strcmp(rx_embedded_files[i].name, "units.tsv") == 0)
			p = (const char *)rx_embedded_files[i].data;
	}
	assert_non_null(p);
	for (p = strchr(p, '\n') + 1; *p != '\0'; p = strchr(p, '\n') + 1) {
		check_parent(p);
		n++;
	}
	assert_int_equal(n, 18762);
}

/* ---- annex rows ---- */

static void
test_fuzhou_has_its_thirteen_rows_in_order(void **state)
{
	static const struct {
		const char *code, *name;
	} want[] = {
		{ "350100-SELF", "福州市本级" },
		{ "350102", "鼓楼区" },
		{ "350103", "台江区" },
		{ "350104", "仓山区" },
		{ "350105", "马尾区" },
		{ "350111", "晋安区" },
		{ "350112", "长乐区" },
		{ "350121", "闽侯县" },
		{ "350122", "连江县" },
		{ "350123", "罗源县" },
		{ "350124", "闽清县" },
		{ "350125", "永泰县" },
		{ "350181", "福清市" },
	};
	const struct rx_reporting_unit *rows;
	size_t count, i, n = 0;

	(void)state;
	assert_int_equal(sizeof(want) / sizeof(want[0]), 13);
	rows = rx_reporting_units(&count);
	assert_int_equal(count, 93);
	for (i = 0; i < count; i++) {
		if (strcmp(rows[i].owner, "350100") != 0)
			continue;
		assert_true(n < 13);
		assert_string_equal(rows[i].code, want[n].code);
		assert_string_equal(rows[i].name, want[n].name);
		assert_string_equal(rows[i].kind,
		    n == 0 ? "prefecture_self" : "county");
		n++;
	}
	assert_int_equal(n, 13);
}

static void
test_every_form_has_its_number_of_rows(void **state)
{
	static const struct {
		const char *owner;
		size_t n;
	} want[] = {
		{ "350100", 13 },
		{ "350200", 7 },
		{ "350300", 6 },
		{ "350400", 12 },
		{ "350500", 13 },
		{ "350600", 12 },
		{ "350700", 11 },
		{ "350800", 8 },
		{ "350900", 10 },
		{ "350128", 1 },
	};
	const struct rx_reporting_unit *rows;
	size_t count, i, j, n;

	(void)state;
	rows = rx_reporting_units(&count);
	for (i = 0, j = 0; j < sizeof(want) / sizeof(want[0]); j++) {
		for (n = 0; i < count &&
		    strcmp(rows[i].owner, want[j].owner) == 0; i++)
			n++;
		assert_int_equal(n, want[j].n);
	}
	assert_int_equal(i, count);
}

static void
test_every_annex_row_is_a_unit(void **state)
{
	const struct rx_embedded_unit *unit;
	const struct rx_reporting_unit *rows;
	char code[13];
	size_t count, i;

	(void)state;
	rows = rx_reporting_units(&count);
	for (i = 0; i < count; i++) {
		(void)snprintf(code, sizeof(code), "%.6s000000", rows[i].code);
		unit = rx_embedded_unit(code);

		if (unit == NULL)
			fail_msg("%s %s", rows[i].code, rows[i].name);
		if (strcmp(rows[i].kind, "prefecture_self") == 0) {
			assert_string_equal(&rows[i].code[6], "-SELF");
			assert_string_equal(unit->level, "prefecture");
		} else
			assert_string_equal(unit->level, "county");
	}
}

/* ---- migrations and files ---- */

static void
test_migrations_are_numbered_from_one(void **state)
{
	unsigned content = 0, keys = 0;
	size_t i;

	(void)state;
	assert_true(rx_migration_count >= 2);
	for (i = 0; i < rx_migration_count; i++) {
		if (strcmp(rx_migrations[i].database, "content") == 0)
			assert_int_equal(rx_migrations[i].number, ++content);
		else {
			assert_string_equal(rx_migrations[i].database, "keys");
			assert_int_equal(rx_migrations[i].number, ++keys);
		}
		assert_int_equal(strlen(rx_migrations[i].sql),
		    rx_migrations[i].len);
		/* A table, or what older programs must not read (-004). */
		assert_true(strstr(rx_migrations[i].sql, "CREATE TABLE") !=
		    NULL || strstr(rx_migrations[i].sql, "refuse") != NULL);
	}
	assert_true(content >= 1 && keys >= 1);
}

static void
test_embedded_files_end_with_a_nul(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < rx_embedded_file_count; i++) {
		assert_int_equal(rx_embedded_files[i].data[
		    rx_embedded_files[i].len], 0);
		if (strchr(rx_embedded_files[i].name, '/') != NULL)
			assert_true(strncmp(rx_embedded_files[i].name,
			    "templates/", 10) == 0 ||
			    strncmp(rx_embedded_files[i].name, "static/",
			    7) == 0);
		assert_int_equal(strlen((const char *)
		    rx_embedded_files[i].data), rx_embedded_files[i].len);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_code_of_the_vocabulary_is_present),
		cmocka_unit_test(test_code_numbers_are_the_ones_that_are_stored),
		cmocka_unit_test(test_both_ways_into_a_list_find_the_same_code),
		cmocka_unit_test(test_every_code_has_a_name_in_both_languages),
		cmocka_unit_test(test_unknown_codes_are_not_found),
		cmocka_unit_test(test_attributes),
		cmocka_unit_test(test_follow_up_days),
		cmocka_unit_test(test_attribute_words_are_matched_whole),
		cmocka_unit_test(test_all_of_fujian_is_there_and_sorted),
		cmocka_unit_test(test_units_are_found_by_code),
		cmocka_unit_test(test_every_level_has_its_number_of_units),
		cmocka_unit_test(test_parents_are_digit_prefixes),
		cmocka_unit_test(test_fuzhou_has_its_thirteen_rows_in_order),
		cmocka_unit_test(test_every_form_has_its_number_of_rows),
		cmocka_unit_test(test_every_annex_row_is_a_unit),
		cmocka_unit_test(test_migrations_are_numbered_from_one),
		cmocka_unit_test(test_embedded_files_end_with_a_nul),
	};

	return (cmocka_run_group_tests_name("schema", tests, NULL, NULL));
}
