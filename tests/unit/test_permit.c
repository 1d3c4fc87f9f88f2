#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "register/internal.h"
#include "tests/helper.h"

/*
 * The permission matrix, written out: who may do what where.  The sessions
 * here have certificates and nothing else, no store and no keys.
 */

#define HOUR_MS INT64_C(3600000)
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static struct rx_status st;
static struct rx_keyblob blob;	/* it pins the recovery key */

/* The units asked about, each with its letter in the tables below. */
static const struct {
	char letter;
	const char *text;
} units[] = {
	{ 'P', "350000" },		/* the province */
	{ 'C', "350100" },		/* a prefecture */
	{ 'F', "350100-SELF" },		/* its own work */
	{ 'N', "350102" },		/* a county */
	{ 'T', "350102001" },		/* a township */
	{ 'V', "350102001001" },	/* a village */
	{ 'W', "350102001002" },	/* the village beside it */
	{ 'B', "350102002002" },	/* a village of another township */
	{ 'O', "350103001002" },	/* of another county */
	{ 'X', "350200" },		/* another prefecture */
	{ 'Y', "350203001001" },	/* a village there */
	{ 'Z', "110101001001" },	/* another province */
};

/* For a role at a unit, the letters of the units where it may act. */
static const struct {
	enum rx_role role;
	char at;
	const char *write_case, *write_activity, *supervise, *count;
} matrix[] = {
	{ RX_ROLE_ADMIN, 'P', "", "", "", "" },
	{ RX_ROLE_ADMIN, 'C', "", "", "", "" },
	{ RX_ROLE_ADMIN, 'V', "", "", "", "" },
	{ RX_ROLE_RECOVERY, 'C', "", "", "", "" },
	{ RX_ROLE_DIRECTOR, 'V', "V", "V", "", "" },
	{ RX_ROLE_DIRECTOR, 'T', "TVW", "TVW", "", "" },
	{ RX_ROLE_DIRECTOR, 'N', "NTVWB", "NTVWB", "", "" },
	{ RX_ROLE_DIRECTOR, 'C', "CFNTVWBO", "CFNTVWBO", "", "" },
	{ RX_ROLE_DIRECTOR, 'F', "F", "F", "", "" },
	{ RX_ROLE_DIRECTOR, 'P', "PCFNTVWBOXY", "PCFNTVWBOXY", "", "" },
	{ RX_ROLE_SUPERVISOR, 'T', "", "", "TVW", "" },
	{ RX_ROLE_SUPERVISOR, 'N', "", "", "NTVWB", "" },
	{ RX_ROLE_SUPERVISOR, 'C', "", "", "CFNTVWBO", "" },
	{ RX_ROLE_SUPERVISOR, 'P', "", "", "PCFNTVWBOXY", "" },
	{ RX_ROLE_STATISTICIAN, 'N', "", "N", "", "NTVWB" },
	{ RX_ROLE_STATISTICIAN, 'C', "", "CF", "", "CFNTVWBO" },
	{ RX_ROLE_STATISTICIAN, 'P', "", "P", "", "PCFNTVWBOXY" },
	{ RX_ROLE_STATISTICIAN, 'X', "", "X", "", "XY" },
};

static void
unit_of(char unit[RX_UNIT_BYTES], char letter)
{
	size_t i;

	for (i = 0; i < COUNT(units); i++)
		if (units[i].letter == letter) {
			rx_status_clear(&st);
			ok(rx_unit_parse(unit, units[i].text, &st), &st);
			return;
		}
	fail();
}

static struct rx_member
member(enum rx_role role, char at)
{
	struct rx_member m;

	memset(&m, 0, sizeof(m));
	m.cert.role = (uint8_t)role;
	unit_of(m.cert.unit, at);
	memset(m.cert.user, 7, RX_ID_BYTES);
	m.cert.not_before = rx_time_now() - HOUR_MS;
	m.cert.not_after = rx_time_now() + HOUR_MS;
	if (role == RX_ROLE_RECOVERY)
		memcpy(m.cert.box_public, blob.recovery_public,
		    RX_BOX_PUBLIC_BYTES);
	return (m);
}

/* A session of the user of ${m}, an array of ${n} certificates of his. */
static struct rx_session
session_of(struct rx_member *m, size_t n)
{
	struct rx_session s;

	memset(&s, 0, sizeof(s));
	memset(s.user_id, 7, RX_ID_BYTES);
	s.members = m;
	s.nmembers = n;
	s.blob = &blob;
	return (s);
}

/* ${act} is permitted exactly where ${where} says, and a refusal names the
 * unit. */
static void
check_act(const struct rx_session *s, enum rx_act act, const char *where)
{
	char unit[RX_UNIT_BYTES], text[RX_UNIT_TEXT];
	size_t i;

	for (i = 0; i < COUNT(units); i++) {
		const bool want = strchr(where, units[i].letter) != NULL;

		unit_of(unit, units[i].letter);
		rx_unit_text(text, unit);
		rx_status_clear(&st);
		if (rx_permitted(s, act, unit) != want)
			fail_msg("act %d at %c: %d", (int)act,
			    units[i].letter, !want);
		if (want) {
			ok(rx_permit(s, act, unit, &st), &st);
			continue;
		}
		assert_int_equal(rx_permit(s, act, unit, &st), RX_EPERM);
		assert_int_equal(st.msg, RX_MSG_NOT_PERMITTED);
		assert_string_equal(st.arg[0].name, "unit");
		assert_string_equal(st.arg[0].value, text);
	}
}

static void
test_each_role_acts_where_the_matrix_says_and_nowhere_else(void **state)
{
	struct rx_session s;
	struct rx_member m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(matrix); i++) {
		m = member(matrix[i].role, matrix[i].at);
		s = session_of(&m, 1);
		print_message("role %d at %c\n", (int)matrix[i].role,
		    matrix[i].at);
		check_act(&s, RX_ACT_WRITE_CASE, matrix[i].write_case);
		check_act(&s, RX_ACT_WRITE_ACTIVITY,
		    matrix[i].write_activity);
		check_act(&s, RX_ACT_SUPERVISE, matrix[i].supervise);
		check_act(&s, RX_ACT_COUNT, matrix[i].count);
	}
}

/* What is not listed is refused. */
static void
test_act_that_is_none_is_permitted_to_nobody(void **state)
{
	const enum rx_act none = (enum rx_act)(RX_ACT_COUNTERSIGN + 1);
	struct rx_session s;
	struct rx_member m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(matrix); i++) {
		m = member(matrix[i].role, matrix[i].at);
		s = session_of(&m, 1);
		check_act(&s, none, "");
	}
}

/* Another register may call anybody its recovery key: who reads its history has none
 * to compare that with. */
static void
test_recovery_key_of_another_register_is_entitled_to_nothing(void **state)
{
	struct rx_member m = member(RX_ROLE_RECOVERY, 'N');
	struct rx_session s = session_of(&m, 1);

	(void)state;
	assert_int_not_equal(rx_entitled(&s, 0, RX_REGISTER_KEYS), 0);	/* control */
	s.blob = NULL;
	assert_int_equal(rx_entitled(&s, 0, RX_REGISTER_KEYS), 0);
}

/* A director of a SELF unit supervises nothing, a statistician of a county
 * does not write the own work of his prefecture. */
static void
test_own_work_belongs_to_its_prefecture_alone(void **state)
{
	struct rx_member m = member(RX_ROLE_STATISTICIAN, 'N');
	struct rx_session s = session_of(&m, 1);
	char self[RX_UNIT_BYTES];

	(void)state;
	unit_of(self, 'F');
	assert_false(rx_permitted(&s, RX_ACT_WRITE_ACTIVITY, self));
	assert_false(rx_permitted(&s, RX_ACT_COUNT, self));
	m = member(RX_ROLE_STATISTICIAN, 'X');
	assert_false(rx_permitted(&s, RX_ACT_WRITE_ACTIVITY, self));
	m = member(RX_ROLE_STATISTICIAN, 'C');
	assert_true(rx_permitted(&s, RX_ACT_WRITE_ACTIVITY, self));
}

static void
test_only_the_administrator_administers_admin_only(void **state)
{
	struct rx_session s;
	struct rx_member m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(matrix); i++) {
		m = member(matrix[i].role, matrix[i].at);
		s = session_of(&m, 1);
		rx_status_clear(&st);
		if (matrix[i].role == RX_ROLE_ADMIN) {
			ok(rx_permit(&s, RX_ACT_ADMINISTER, NULL, &st), &st);
			continue;
		}
		assert_int_equal(rx_permit(&s, RX_ACT_ADMINISTER, NULL, &st),
		    RX_EPERM);
		assert_int_equal(st.msg, RX_MSG_ADMIN_ONLY);
	}
}

static void
test_only_statisticians_keep_the_ledger_statistician_only(void **state)
{
	struct rx_session s;
	struct rx_member m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(matrix); i++) {
		m = member(matrix[i].role, matrix[i].at);
		s = session_of(&m, 1);
		rx_status_clear(&st);
		if (matrix[i].role == RX_ROLE_STATISTICIAN) {
			ok(rx_permit(&s, RX_ACT_LEDGER, NULL, &st), &st);
			continue;
		}
		assert_int_equal(rx_permit(&s, RX_ACT_LEDGER, NULL, &st),
		    RX_EPERM);
		assert_int_equal(st.msg, RX_MSG_STATISTICIAN_ONLY);
	}
}

static void
test_what_is_no_unit_stands_under_nobody(void **state)
{
	static const char bad[][RX_UNIT_BYTES] = {
		"", "350102", "350102001001X", "350102000001", "35010200100a",
		RX_REGISTER_KEYS
	};
	struct rx_session s;
	struct rx_member m;
	size_t i, k;
	int act;

	(void)state;
	for (i = 0; i < COUNT(matrix); i++) {
		m = member(matrix[i].role, matrix[i].at);
		s = session_of(&m, 1);
		for (k = 0; k < COUNT(bad); k++)
			for (act = RX_ACT_WRITE_CASE; act <= RX_ACT_COUNT;
			    act++)
				assert_false(rx_permitted(&s,
				    (enum rx_act)act, bad[k]));
	}
}

/* A certificate at what is no unit permits nothing, its like included. */
static void
test_certificate_at_no_unit_permits_nothing(void **state)
{
	struct rx_member m = member(RX_ROLE_DIRECTOR, 'V');
	struct rx_session s = session_of(&m, 1);
	size_t i;
	char unit[RX_UNIT_BYTES];

	(void)state;
	memset(m.cert.unit, 0, RX_UNIT_BYTES);
	assert_false(rx_permitted(&s, RX_ACT_WRITE_CASE, m.cert.unit));
	for (i = 0; i < COUNT(units); i++) {
		unit_of(unit, units[i].letter);
		assert_false(rx_permitted(&s, RX_ACT_WRITE_CASE, unit));
		assert_int_equal(rx_entitled(&s, 0, unit), 0);
	}
}

/* ---- time ---- */

static void
test_revoked_certificate_permits_nothing_but_stays_a_warrant(void **state)
{
	struct rx_member m = member(RX_ROLE_DIRECTOR, 'V');
	struct rx_session s = session_of(&m, 1);

	(void)state;
	assert_true(rx_member_live(&m));
	assert_true(rx_permitted(&s, RX_ACT_WRITE_CASE, m.cert.unit));
	m.revoked = rx_time_now();
	assert_false(rx_member_live(&m));
	assert_false(rx_permitted(&s, RX_ACT_WRITE_CASE, m.cert.unit));
	assert_int_equal(rx_entitled(&s, 0, m.cert.unit), 0);
	/* What he has granted before must stay good. */
	assert_true(rx_may_grant(&m, m.cert.unit, RX_CASE_KEYS, false));
}

static void
test_expired_and_future_certificates_permit_nothing(void **state)
{
	struct rx_member m = member(RX_ROLE_DIRECTOR, 'V');
	struct rx_session s = session_of(&m, 1);

	(void)state;
	m.cert.not_after = rx_time_now() - 1;
	assert_false(rx_member_live(&m));
	assert_false(rx_permitted(&s, RX_ACT_WRITE_CASE, m.cert.unit));
	assert_int_equal(rx_entitled(&s, 0, m.cert.unit), 0);
	assert_true(rx_may_grant(&m, m.cert.unit, RX_CASE_KEYS, false));

	m = member(RX_ROLE_DIRECTOR, 'V');
	m.cert.not_before = rx_time_now() + HOUR_MS;
	assert_false(rx_permitted(&s, RX_ACT_WRITE_CASE, m.cert.unit));
	assert_int_equal(rx_entitled(&s, 0, m.cert.unit), 0);
}

static void
test_stranger_without_a_certificate_may_nothing(void **state)
{
	struct rx_member m = member(RX_ROLE_DIRECTOR, 'V');
	struct rx_session s = session_of(&m, 1);
	int act;

	(void)state;
	memset(s.user_id, 8, RX_ID_BYTES);
	for (act = RX_ACT_ADMINISTER; act <= RX_ACT_LEDGER; act++)
		assert_false(rx_permitted(&s, (enum rx_act)act, m.cert.unit));
	s.nmembers = 0;
	s.members = NULL;
	for (act = RX_ACT_ADMINISTER; act <= RX_ACT_LEDGER; act++)
		assert_false(rx_permitted(&s, (enum rx_act)act, m.cert.unit));
}

/* ---- several certificates ---- */

static void
test_two_roles_permit_what_each_of_them_does(void **state)
{
	struct rx_member m[3];
	struct rx_session s = session_of(m, 3);
	char unit[RX_UNIT_BYTES];

	(void)state;
	m[0] = member(RX_ROLE_DIRECTOR, 'V');
	m[1] = member(RX_ROLE_SUPERVISOR, 'T');
	m[2] = member(RX_ROLE_STATISTICIAN, 'N');
	check_act(&s, RX_ACT_WRITE_CASE, "V");
	check_act(&s, RX_ACT_WRITE_ACTIVITY, "VN");
	check_act(&s, RX_ACT_SUPERVISE, "TVW");
	check_act(&s, RX_ACT_COUNT, "NTVWB");
	unit_of(unit, 'V');
	assert_int_equal(rx_entitled(&s, 0, unit), RX_CASE_KEYS);
	unit_of(unit, 'W');
	assert_int_equal(rx_entitled(&s, 0, unit), RX_BIT(RX_COMP_CODED));

	/* The revoked one of them counts no longer. */
	m[0].revoked = 1;
	check_act(&s, RX_ACT_WRITE_CASE, "");
	unit_of(unit, 'V');
	assert_int_equal(rx_entitled(&s, 0, unit), RX_BIT(RX_COMP_CODED));
}

static void
test_other_peoples_certificates_are_not_ones_own(void **state)
{
	struct rx_member m[3];
	struct rx_session s = session_of(m, 3);

	(void)state;
	m[0] = member(RX_ROLE_ADMIN, 'C');
	memset(m[0].cert.user, 6, RX_ID_BYTES);
	m[1] = member(RX_ROLE_SUPERVISOR, 'T');
	m[2] = member(RX_ROLE_DIRECTOR, 'C');
	memset(m[2].cert.user, 8, RX_ID_BYTES);
	check_act(&s, RX_ACT_WRITE_CASE, "");
	check_act(&s, RX_ACT_SUPERVISE, "TVW");
	assert_false(rx_permitted(&s, RX_ACT_ADMINISTER, NULL));
	assert_int_equal(rx_entitled(&s, 1, m[1].cert.unit),
	    RX_BIT(RX_COMP_CODED));
}

/* ---- keys ---- */

/* For a role at a unit, where it is entitled to all three keys, and where to
 * the coded one only. */
static const struct {
	enum rx_role role;
	char at;
	const char *all, *coded;
} keys[] = {
	{ RX_ROLE_ADMIN, 'C', "", "" },
	{ RX_ROLE_ADMIN, 'V', "", "" },
	{ RX_ROLE_RECOVERY, 'C', "PCFNTVWBOXYZ", "" },
	{ RX_ROLE_DIRECTOR, 'V', "V", "" },
	{ RX_ROLE_DIRECTOR, 'T', "TVW", "" },
	{ RX_ROLE_DIRECTOR, 'N', "NTVWB", "" },
	{ RX_ROLE_DIRECTOR, 'C', "CFNTVWBO", "" },
	{ RX_ROLE_DIRECTOR, 'F', "F", "" },
	{ RX_ROLE_SUPERVISOR, 'T', "", "TVW" },
	{ RX_ROLE_SUPERVISOR, 'N', "", "NTVWB" },
	{ RX_ROLE_SUPERVISOR, 'C', "", "CFNTVWBO" },
	{ RX_ROLE_STATISTICIAN, 'N', "", "NTVWB" },
	{ RX_ROLE_STATISTICIAN, 'C', "", "CFNTVWBO" },
	{ RX_ROLE_STATISTICIAN, 'P', "", "PCFNTVWBOXY" },
};

static void
test_keys_go_where_the_table_says_and_nowhere_else(void **state)
{
	char unit[RX_UNIT_BYTES];
	struct rx_session s;
	struct rx_member m;
	unsigned want;
	size_t i, k;

	(void)state;
	for (i = 0; i < COUNT(keys); i++)
		for (k = 0; k < COUNT(units); k++) {
			m = member(keys[i].role, keys[i].at);
			s = session_of(&m, 1);
			unit_of(unit, units[k].letter);
			want = strchr(keys[i].all, units[k].letter) != NULL ?
			    RX_CASE_KEYS :
			    strchr(keys[i].coded, units[k].letter) != NULL ?
			    RX_BIT(RX_COMP_CODED) : 0;
			if (rx_entitled(&s, 0, unit) != want)
				fail_msg("role %d at %c: keys %u of %c",
				    (int)keys[i].role, keys[i].at,
				    rx_entitled(&s, 0, unit),
				    units[k].letter);
		}
}

static void
test_nobody_but_directors_and_recovery_gets_names_or_notes(void **state)
{
	const unsigned personal = RX_BIT(RX_COMP_IDENTITY) |
	    RX_BIT(RX_COMP_NARRATIVE);
	char unit[RX_UNIT_BYTES];
	struct rx_session s;
	struct rx_member m;
	size_t i, k;
	int role;

	(void)state;
	for (role = RX_ROLE_ADMIN; role <= RX_ROLE_RECOVERY; role++)
		for (i = 0; i < COUNT(units); i++)
			for (k = 0; k < COUNT(units); k++) {
				m = member((enum rx_role)role,
				    units[i].letter);
				s = session_of(&m, 1);
				unit_of(unit, units[k].letter);
				if (role != RX_ROLE_DIRECTOR &&
				    role != RX_ROLE_RECOVERY)
					assert_int_equal(rx_entitled(&s, 0,
					    unit) & personal, 0);
			}
}

/* One that the keyblob does not pin, as an administrator could certify it. */
static void
test_another_recovery_key_is_entitled_to_nothing(void **state)
{
	struct rx_member m = member(RX_ROLE_RECOVERY, 'C');
	struct rx_session s = session_of(&m, 1);
	char unit[RX_UNIT_BYTES];

	(void)state;
	unit_of(unit, 'V');
	assert_int_equal(rx_entitled(&s, 0, unit), RX_CASE_KEYS);
	assert_int_not_equal(rx_entitled(&s, 0, RX_REGISTER_KEYS), 0);
	m.cert.box_public[0] ^= 1;
	assert_int_equal(rx_entitled(&s, 0, unit), 0);
	assert_int_equal(rx_entitled(&s, 0, RX_REGISTER_KEYS), 0);
}

static void
test_register_keys_are_for_members_the_ledger_for_statisticians(void **state)
{
	static const struct {
		enum rx_role role;
		unsigned want;
	} rows[] = {
		{ RX_ROLE_ADMIN, RX_BIT(RX_COMP_AUDIT) |
		    RX_BIT(RX_COMP_LEDGER) },
		{ RX_ROLE_DIRECTOR, RX_BIT(RX_COMP_AUDIT) },
		{ RX_ROLE_SUPERVISOR, RX_BIT(RX_COMP_AUDIT) },
		{ RX_ROLE_STATISTICIAN, RX_BIT(RX_COMP_AUDIT) |
		    RX_BIT(RX_COMP_LEDGER) },
		{ RX_ROLE_RECOVERY, RX_AUDIT_KEYS | RX_BIT(RX_COMP_ROOT) },
	};
	struct rx_session s;
	struct rx_member m;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		m = member(rows[i].role, 'N');
		s = session_of(&m, 1);
		assert_int_equal(rx_entitled(&s, 0, RX_REGISTER_KEYS),
		    rows[i].want);
	}
}

/* ---- handing keys on ---- */

#define PERSONAL (RX_BIT(RX_COMP_IDENTITY) | RX_BIT(RX_COMP_NARRATIVE))
#define CODED RX_BIT(RX_COMP_CODED)

/* For a role at a unit: where it may hand on all three keys, the coded one,
 * and where it may write a case's slot. */
static const struct {
	enum rx_role role;
	char at;
	const char *all, *coded, *slot;
} grants[] = {
	{ RX_ROLE_ADMIN, 'C', "", "", "" },
	{ RX_ROLE_RECOVERY, 'C', "", "", "" },
	{ RX_ROLE_DIRECTOR, 'V', "V", "V", "V" },
	{ RX_ROLE_DIRECTOR, 'N', "NTVWB", "NTVWB", "NTVWB" },
	{ RX_ROLE_DIRECTOR, 'C', "CFNTVWBO", "CFNTVWBO", "CFNTVWBO" },
	{ RX_ROLE_SUPERVISOR, 'T', "", "TVW", "TVW" },
	{ RX_ROLE_SUPERVISOR, 'N', "", "NTVWB", "NTVWB" },
	{ RX_ROLE_STATISTICIAN, 'N', "", "NTVWB", "" },
	{ RX_ROLE_STATISTICIAN, 'C', "", "CFNTVWBO", "" },
};

static void
test_grants_are_good_where_the_table_says_and_nowhere_else(void **state)
{
	char unit[RX_UNIT_BYTES];
	struct rx_member m;
	size_t i, k;
	char c;

	(void)state;
	for (i = 0; i < COUNT(grants); i++)
		for (k = 0; k < COUNT(units); k++) {
			m = member(grants[i].role, grants[i].at);
			c = units[k].letter;
			unit_of(unit, c);
			print_message("role %d at %c for %c\n",
			    (int)grants[i].role, grants[i].at, c);
			assert_int_equal(rx_may_grant(&m, unit, RX_CASE_KEYS,
			    false), strchr(grants[i].all, c) != NULL);
			assert_int_equal(rx_may_grant(&m, unit, PERSONAL,
			    false), strchr(grants[i].all, c) != NULL);
			assert_int_equal(rx_may_grant(&m, unit, CODED, false),
			    strchr(grants[i].coded, c) != NULL);
			assert_int_equal(rx_may_grant(&m, unit, PERSONAL,
			    true), strchr(grants[i].slot, c) != NULL);
		}
}

static void
test_only_the_administrator_grants_the_registers_keys(void **state)
{
	struct rx_member m;
	int role;

	(void)state;
	for (role = RX_ROLE_ADMIN; role <= RX_ROLE_RECOVERY; role++) {
		m = member((enum rx_role)role, 'C');
		assert_int_equal(rx_may_grant(&m, RX_REGISTER_KEYS,
		    RX_BIT(RX_COMP_AUDIT), false), role == RX_ROLE_ADMIN);
		assert_int_equal(rx_may_grant(&m, RX_REGISTER_KEYS,
		    RX_BIT(RX_COMP_AUDIT) | RX_BIT(RX_COMP_LEDGER), false),
		    role == RX_ROLE_ADMIN);
	}
}

static void
test_no_unit_role_grants_audit_or_ledger_keys_as_a_units(void **state)
{
	char unit[RX_UNIT_BYTES];
	struct rx_member m;
	int role;

	(void)state;
	unit_of(unit, 'V');
	for (role = RX_ROLE_ADMIN; role <= RX_ROLE_RECOVERY; role++) {
		m = member((enum rx_role)role, 'V');
		assert_false(rx_may_grant(&m, unit, RX_BIT(RX_COMP_LEDGER),
		    false));
	}
}

static int
setup(void **state)
{

	(void)state;
	rx_status_clear(&st);
	memset(blob.recovery_public, 9, sizeof(blob.recovery_public));
	return (rx_crypto_init(&st) != RX_OK);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_recovery_key_of_another_register_is_entitled_to_nothing),
		cmocka_unit_test(
		    test_each_role_acts_where_the_matrix_says_and_nowhere_else),
		cmocka_unit_test(
		    test_own_work_belongs_to_its_prefecture_alone),
		cmocka_unit_test(
		    test_only_the_administrator_administers_admin_only),
		cmocka_unit_test(
		    test_only_statisticians_keep_the_ledger_statistician_only),
		cmocka_unit_test(test_what_is_no_unit_stands_under_nobody),
		cmocka_unit_test(test_certificate_at_no_unit_permits_nothing),
		cmocka_unit_test(
		    test_revoked_certificate_permits_nothing_but_stays_a_warrant),
		cmocka_unit_test(
		    test_expired_and_future_certificates_permit_nothing),
		cmocka_unit_test(
		    test_stranger_without_a_certificate_may_nothing),
		cmocka_unit_test(test_two_roles_permit_what_each_of_them_does),
		cmocka_unit_test(
		    test_other_peoples_certificates_are_not_ones_own),
		cmocka_unit_test(
		    test_keys_go_where_the_table_says_and_nowhere_else),
		cmocka_unit_test(
		    test_nobody_but_directors_and_recovery_gets_names_or_notes),
		cmocka_unit_test(
		    test_another_recovery_key_is_entitled_to_nothing),
		cmocka_unit_test(
		    test_register_keys_are_for_members_the_ledger_for_statisticians),
		cmocka_unit_test(
		    test_grants_are_good_where_the_table_says_and_nowhere_else),
		cmocka_unit_test(
		    test_only_the_administrator_grants_the_registers_keys),
		cmocka_unit_test(
		    test_no_unit_role_grants_audit_or_ledger_keys_as_a_units),
		cmocka_unit_test(test_act_that_is_none_is_permitted_to_nobody),
	};

	return (cmocka_run_group_tests_name("permit", tests, setup, NULL));
}
