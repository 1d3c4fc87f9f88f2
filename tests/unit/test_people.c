#include "tests/unit/register.h"

/* Who belongs where: people, signing in, units.  Every test makes a register of
 * its own. */

/* ---- the list of people ---- */

static void
test_people_are_listed_as_they_are(void **state)
{
	struct rx_session *admin;
	struct people p;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "张主任", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "wide", RX_ROLE_DIRECTOR, TOWN), &st);
	ok(enrol(admin, "self", RX_ROLE_DIRECTOR, CITY "-SELF"), &st);
	p = person(admin, "张主任", 0);
	assert_int_equal(p.found, 1);
	assert_int_equal(p.row.role, RX_ROLE_DIRECTOR);
	assert_string_equal(p.row.unit, VILLAGE1);
	assert_false(p.row.wide);
	assert_false(p.row.disabled);
	assert_true(p.row.temporary);
	assert_int_equal(p.row.pending, 0);
	assert_true(person(admin, "wide", 0).row.wide);
	assert_false(person(admin, "self", 0).row.wide);
	p = person(admin, "admin", 0);
	assert_int_equal(p.found, 1);
	assert_int_equal(p.row.role, RX_ROLE_ADMIN);
	assert_false(p.row.temporary);
	/* The recovery key is nobody. */
	assert_int_equal(person(admin, "recovery", 0).found, 0);
	rx_session_close(admin);
}

static rx_err
count_holder(void *cookie, const char *name, enum rx_role role,
    struct rx_status *stp)
{

	(void)role;
	(void)stp;
	*(int *)cookie += strcmp(name, "later") == 0;
	return (RX_OK);
}

static int
holds_as_later(struct rx_session *s)
{
	const char unit[RX_UNIT_BYTES] = VILLAGE1;
	int n = 0;

	must(rx_unit_holders_each(s, unit, count_holder, &n, &st));
	return (n);
}

/* By another session than the one that lists. */
static void
test_people_enrolled_and_ended_meanwhile_are_listed_so(void **state)
{
	struct rx_session *admin, *other, *s;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	other = sign_in(dir, "admin");
	assert_int_equal(person(admin, "later", 0).found, 0);
	assert_int_equal(holds_as_later(admin), 0);
	must(enrol(other, "later", RX_ROLE_DIRECTOR, VILLAGE1));
	s = sign_in(dir, "later");
	add_child(s, "a", VILLAGE1);
	rx_session_close(s);
	assert_int_equal(person(admin, "later", 0).found, 1);
	assert_int_equal(holds_as_later(admin), 1);
	must(rx_user_disable(other, "later", &st));
	assert_int_equal(holds_as_later(admin), 0);
	assert_true(person(admin, "later", 0).row.disabled);
	rx_session_close(other);
	rx_session_close(admin);
}

static void
test_user_enrolled_twice_gets_a_second_role(void **state)
{
	struct rx_session *admin, *s;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "two", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	refuses(try(enrol(admin, "two", RX_ROLE_DIRECTOR, VILLAGE1)),
	    RX_ECONFLICT, USER_EXISTS);
	assert_string_equal(arg_of("user"), "two");
	must(enrol(admin, "two", RX_ROLE_DIRECTOR, VILLAGE2));
	must(enrol(admin, "two", RX_ROLE_SUPERVISOR, TOWN));
	refuses(try(enrol(admin, "two", RX_ROLE_SUPERVISOR, TOWN)),
	    RX_ECONFLICT, USER_EXISTS);
	assert_int_equal(person(admin, "two", 0).found, 3);
	assert_int_equal(person(admin, "two", RX_ROLE_SUPERVISOR).found, 1);
	/* One passphrase opens all of them. */
	s = sign_in(dir, "two");
	add_child(s, "a", VILLAGE1);
	add_child(s, "b", VILLAGE2);
	assert_string_equal(listed(s, "a").name, "林a");
	assert_string_equal(listed(s, "b").name, "林b");
	assert_true(rx_session_has_role(s, RX_ROLE_SUPERVISOR));
	assert_false(rx_session_has_role(s, RX_ROLE_ADMIN));
	rx_session_close(s);
	rx_session_close(admin);
}

static void
test_user_name_invalid_is_refused(void **state)
{
	static const char *const bad[] = { "", "a b", "a\tb", " a", "a\x7f",
	    "a\xff", "a\n",
	    "1234567890123456789012345678901234567890123456789012345678901234"
	};
	struct rx_session *admin;
	struct rx_secret *p = test_passphrase("x");
	struct rx_codes codes;
	struct mark before;
	char dir[256], other[300];
	size_t i;

	(void)state;
	admin = new_register(dir, "r", CITY);
	(void)snprintf(other, sizeof(other), "%s-other", dir);
	before = mark_of(admin);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refuses(try(enrol(admin, bad[i], RX_ROLE_DIRECTOR,
		    VILLAGE1)), RX_EUSAGE, USER_NAME_INVALID);
		refuses(try(rx_register_create(other, bad[i], "x", CITY, p,
		    &codes, &st)), RX_EUSAGE, USER_NAME_INVALID);
	}
	assert_true(unchanged(admin, &before));
	assert_int_not_equal(access(other, F_OK), 0);
	must(enrol(admin, "123456789012345678901234567890123456789012345678"
	    "901234567890123", RX_ROLE_DIRECTOR, VILLAGE1));
	rx_secret_free(p);
	rx_session_close(admin);
}

static void
test_supervisor_level_and_statistician_level_are_checked(void **state)
{
	struct rx_session *admin;
	struct mark before;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	before = mark_of(admin);
	refuses(try(enrol(admin, "x", RX_ROLE_SUPERVISOR, VILLAGE1)),
	    RX_EUSAGE, SUPERVISOR_LEVEL);
	refuses(try(enrol(admin, "x", RX_ROLE_SUPERVISOR, CITY "-SELF")),
	    RX_EUSAGE, SUPERVISOR_LEVEL);
	refuses(try(enrol(admin, "x", RX_ROLE_STATISTICIAN, TOWN)),
	    RX_EUSAGE, STATISTICIAN_LEVEL);
	refuses(try(enrol(admin, "x", RX_ROLE_STATISTICIAN, VILLAGE1)),
	    RX_EUSAGE, STATISTICIAN_LEVEL);
	refuses(try(enrol(admin, "x", RX_ROLE_STATISTICIAN, CITY "-SELF")),
	    RX_EUSAGE, STATISTICIAN_LEVEL);
	/* Nobody becomes an administrator or the recovery key this way. */
	assert_int_equal(try(enrol(admin, "x", RX_ROLE_ADMIN, CITY)),
	    RX_EUSAGE);
	assert_int_equal(try(enrol(admin, "x", RX_ROLE_RECOVERY, CITY)),
	    RX_EUSAGE);
	refuses(try(enrol(admin, "x", RX_ROLE_DIRECTOR, "350102001999")),
	    RX_EUSAGE, UNIT_UNKNOWN);
	assert_string_equal(arg_of("unit"), "350102001999");
	/* A province stands above the register. */
	refuses(try(enrol(admin, "x", RX_ROLE_STATISTICIAN, "350000")),
	    RX_EUSAGE, UNIT_UNKNOWN);
	refuses(try(enrol(admin, "x", RX_ROLE_DIRECTOR, "35010")),
	    RX_EUSAGE, UNIT_INVALID);
	assert_true(unchanged(admin, &before));
	rx_session_close(admin);
}

static void
test_admin_only_others_do_not_enrol_disable_or_add_units(void **state)
{
	struct rx_session *admin, *s;
	struct mark before;
	char dir[256];
	size_t added;

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, CITY), &st);
	s = sign_in(dir, "d1");
	before = mark_of(s);
	refuses(try(enrol(s, "x", RX_ROLE_DIRECTOR, VILLAGE1)), RX_EPERM,
	    ADMIN_ONLY);
	refuses(try(rx_user_disable(s, "admin", &st)), RX_EPERM, ADMIN_ONLY);
	refuses(try(rx_unit_add(s, "350102001999", "新村", "village", "",
	    &st)), RX_EPERM, ADMIN_ONLY);
	refuses(try(rx_unit_import(s, "", 0, &added, &st)), RX_EPERM,
	    ADMIN_ONLY);
	assert_true(unchanged(s, &before));
	rx_session_close(s);
	rx_session_close(admin);
}

static void
test_not_a_member_a_disabled_user_is_refused(void **state)
{
	struct rx_session *admin, *s;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "d1", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(enrol(admin, "d2", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	s = sign_in(dir, "d1");
	add_child(s, "c1", VILLAGE1);
	rx_session_close(s);
	must(rx_user_disable(admin, "d1", &st));
	refuses(try(open_as(&s, dir, "d1", "d1")), RX_EPERM, NOT_A_MEMBER);
	assert_null(s);
	assert_string_equal(arg_of("user"), "d1");
	assert_true(person(admin, "d1", RX_ROLE_DIRECTOR).row.disabled);
	assert_true(person(admin, "d1", RX_ROLE_SUPERVISOR).row.disabled);
	/* What he wrote is still his and still holds. */
	s = sign_in(dir, "d2");
	assert_string_equal(listed(s, "c1").name, "林c1");
	audit_holds(s);
	rx_session_close(s);
	rx_session_close(admin);
}

static void
test_user_disabled_stays_so(void **state)
{
	struct rx_session *admin;
	struct mark before;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	must(rx_user_disable(admin, "d1", &st));
	before = mark_of(admin);
	refuses(try(rx_user_disable(admin, "d1", &st)), RX_ECONFLICT,
	    USER_DISABLED);
	refuses(try(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1)),
	    RX_ECONFLICT, USER_DISABLED);
	assert_true(unchanged(admin, &before));
	rx_session_close(admin);
}

static void
test_user_unknown_and_user_self_are_not_disabled(void **state)
{
	struct rx_session *admin;
	struct mark before;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	before = mark_of(admin);
	refuses(try(rx_user_disable(admin, "nobody", &st)), RX_ENOENT,
	    USER_UNKNOWN);
	assert_string_equal(arg_of("user"), "nobody");
	refuses(try(rx_user_disable(admin, "admin", &st)), RX_ECONFLICT,
	    USER_SELF);
	assert_true(unchanged(admin, &before));
	rx_session_close(admin);
}

/* He has the keys in his memory still, but his word counts no longer. */
static void
test_session_of_a_disabled_user_writes_no_more(void **state)
{
	struct rx_session *admin, *s;
	struct mark before;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	s = sign_in(dir, "d1");
	add_child(s, "c1", VILLAGE1);
	must(rx_user_disable(admin, "d1", &st));
	before = mark_of(admin);
	assert_int_not_equal(observe(s, "o1", "c1", "2025-06-01", "mood_low",
	    "green"), RX_OK);
	assert_true(unchanged(admin, &before));
	rx_session_close(s);
	rx_session_close(admin);
}

/* ---- handing over ---- */

static rx_err
hand_over(struct rx_session *admin, const char *to, bool now,
    struct rx_handover *h)
{
	struct rx_secret *p = test_passphrase(to);
	rx_err rc = try(rx_user_handover(admin, "d1", to, p, now, h, &st));

	rx_secret_free(p);
	return (rc);
}

static rx_err
see_handover(void *cookie, const char *leaver, const char *successor,
    struct rx_status *u)
{
	char *said = cookie;

	(void)u;
	(void)snprintf(said + strlen(said), 100 - strlen(said), "%s>%s ",
	    leaver, successor);
	return (RX_OK);
}

static void
test_handover_is_listed_until_the_keys_are_handed_on(void **state)
{
	struct rx_session *admin, *s;
	struct rx_handover h;
	char dir[256], said[100] = "";

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	s = sign_in(dir, "d1");
	add_child(s, "a", VILLAGE1);
	rx_session_close(s);
	must(rx_handover_each(admin, see_handover, said, &st));
	assert_string_equal(said, "");			/* the control */
	ok(hand_over(admin, "d2", false, &h), &st);
	assert_false(h.ended);
	assert_int_equal(h.waiting, 1);
	must(rx_handover_each(admin, see_handover, said, &st));
	assert_string_equal(said, "d1>d2 ");
	rx_session_close(sign_in(dir, "d1"));	/* hands them on */
	reopen(&admin, dir, "admin");
	said[0] = '\0';
	must(rx_handover_each(admin, see_handover, said, &st));
	assert_string_equal(said, "");
	assert_true(person(admin, "d1", 0).row.disabled);
	rx_session_close(admin);
}

/* She supervises the township already: of the two roles she gets the other. */
static void
test_successor_gets_the_roles_that_she_has_not(void **state)
{
	struct rx_session *admin;
	struct rx_handover h;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "d2", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(hand_over(admin, "d2", true, &h), &st);
	assert_true(h.ended);
	assert_int_equal(person(admin, "d2", RX_ROLE_SUPERVISOR).found, 1);
	assert_int_equal(person(admin, "d2", RX_ROLE_DIRECTOR).found, 1);
	assert_false(person(admin, "d2", RX_ROLE_DIRECTOR).row.disabled);
	assert_true(person(admin, "d1", RX_ROLE_DIRECTOR).row.disabled);
	rx_session_close(admin);
}

/* ---- signing in ---- */

static void
test_wrong_passphrase_and_unknown_user_are_refused_alike(void **state)
{
	struct rx_session *admin, *s;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	refuses(try(open_as(&s, dir, "admin", "Admin")), RX_EPERM,
	    WRONG_PASSPHRASE);
	assert_null(s);
	refuses(try(open_as(&s, dir, "nobody", "admin")), RX_EPERM,
	    WRONG_PASSPHRASE);
	refuses(try(open_as(&s, dir, "", "admin")), RX_EPERM,
	    WRONG_PASSPHRASE);
	rx_session_close(admin);
}

static void
test_register_missing_and_register_exists_are_refused(void **state)
{
	struct rx_secret *p = test_passphrase("admin");
	struct rx_session *admin, *s;
	struct rx_codes codes;
	struct mark before;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	before = mark_of(admin);
	refuses(try(rx_register_create(dir, "admin", "x", CITY, p, &codes,
	    &st)), RX_ECONFLICT, REGISTER_EXISTS);
	assert_true(unchanged(admin, &before));
	refuses(try(open_as(&s, test_dir(), "admin", "admin")), RX_EIO,
	    REGISTER_MISSING);
	rx_secret_free(p);
	rx_session_close(admin);
}

static void
test_unit_invalid_for_a_register_is_refused(void **state)
{
	static const char *const bad[] = { "", "35", "350199999999x",
	    CITY "-SELF", "福州" };
	struct rx_secret *p = test_passphrase("admin");
	struct rx_codes codes;
	char dir[256];
	size_t i;

	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s/none", test_dir());
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		refuses(try(rx_register_create(dir, "admin", "x", bad[i], p,
		    &codes, &st)), RX_EUSAGE, UNIT_INVALID);
	assert_int_not_equal(access(dir, F_OK), 0);
	rx_secret_free(p);
}

/* An address is for people to read: that of a register without a name has its unit
 * there. */
static void
test_register_without_a_name_goes_by_its_unit(void **state)
{
	struct rx_secret *p = test_passphrase("admin");
	struct rx_session *admin, *d1;
	struct rx_address a;
	struct rx_codes codes;
	char dir[256];

	(void)state;
	(void)snprintf(dir, sizeof(dir), "%s/unnamed", test_dir());
	must(rx_register_create(dir, "admin", "", COUNTY, p, &codes, &st));
	rx_secret_free(p);
	admin = sign_in(dir, "admin");
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	must(rx_address_issue(d1, NULL, &a, &st));
	assert_string_equal(a.register_name, "350102000000");
	assert_string_equal(a.unit_name, "中山社区");
	rx_session_close(d1);
	rx_session_close(admin);
	/* The control: one that has a name. */
	admin = new_register(dir, "named", COUNTY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	must(rx_address_issue(d1, NULL, &a, &st));
	assert_string_equal(a.register_name, "测试民政局");
	rx_session_close(d1);
	rx_session_close(admin);
}

/* ---- units ---- */

static rx_err
count_unit(void *cookie, const char *code, const char *name,
    const char *level, const char *parent, struct rx_status *u)
{

	(void)code;
	(void)name;
	(void)level;
	(void)parent;
	(void)u;
	(*(size_t *)cookie)++;
	return (RX_OK);
}

static size_t
unit_count(struct rx_session *s)
{
	size_t n = 0;

	must(rx_unit_each(s, count_unit, &n, &st));
	return (n);
}

static rx_err
import_units(struct rx_session *s, const char *tsv, size_t *added)
{

	rx_status_clear(&st);
	return (rx_unit_import(s, tsv, strlen(tsv), added, &st));
}

#define BEIJING "code\tname\tlevel\tparent\n" \
    "110101001000\t东华门街道\ttownship\t110101000000\n" \
    "110101001001\t多福巷社区\tvillage\t110101001000\n" \
    "110101001002\t银闸社区\tvillage\t\n"

static void
test_register_of_another_place_lives_from_imported_units(void **state)
{
	struct rx_session *admin, *d1, *stat;
	size_t n[RX_TYPE_COUNT], added;
	char dir[256], unit[RX_UNIT_BYTES], name[128];

	(void)state;
	admin = new_register(dir, "r", "110101");
	assert_int_equal(unit_count(admin), 1);
	must(rx_unit_parse(unit, "110101", &st));
	must(rx_unit_name(admin, unit, name, sizeof(name), &st));
	assert_string_equal(name, "测试民政局");
	refuses(try(enrol(admin, "d1", RX_ROLE_DIRECTOR, "110101001001")),
	    RX_EUSAGE, UNIT_UNKNOWN);
	ok(import_units(admin, BEIJING, &added), &st);
	assert_int_equal(added, 3);
	assert_int_equal(unit_count(admin), 4);
	must(enrol(admin, "d1", RX_ROLE_DIRECTOR, "110101001001"));
	must(enrol(admin, "stat", RX_ROLE_STATISTICIAN, "110101"));
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", "110101001001");
	stat = sign_in(dir, "stat");
	ok(count(stat, "110101", n), &st);
	assert_int_equal(n[RX_CHILD], 1);
	rx_session_close(stat);
	rx_session_close(d1);
	rx_session_close(admin);
}

static void
test_units_again_are_there_already(void **state)
{
	struct rx_session *admin;
	struct mark before;
	size_t added;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", "110101");
	ok(import_units(admin, BEIJING, &added), &st);
	before = mark_of(admin);
	ok(import_units(admin, BEIJING, &added), &st);
	assert_int_equal(added, 0);
	assert_memory_equal(mark_of(admin).digest, before.digest,
	    RX_HASH_BYTES);
	/* Without a header, with CRLF, blank lines, and no last line end. */
	ok(import_units(admin, "\r\n110101002000\t景山街道\ttownship\t"
	    "110101\r\n\n110101002001\t隆福寺社区\tvillage\t110101002",
	    &added), &st);
	assert_int_equal(added, 2);
	/* As a spreadsheet saves it. */
	ok(import_units(admin, "\xef\xbb\xbf" "code\tname\tlevel\tparent\r\n"
	    "110101003000\t交道口街道\ttownship\t110101\r\n", &added), &st);
	assert_int_equal(added, 1);
	rx_session_close(admin);
}

/* ${line} as the third of an import: refused by number, nothing stored. */
#define refuses_unit(line, code, msg) do {				\
	const struct mark before_ = mark_of(admin);			\
	size_t added_;							\
									\
	refuses(import_units(admin, "code\tname\tlevel\tparent\n"	\
	    "110101009000\t好街道\ttownship\t110101\n" line "\n"	\
	    "110101009001\t好村\tvillage\t110101009\n", &added_),	\
	    code, msg);							\
	assert_string_equal(arg_of("line"), "3");			\
	assert_true(unchanged(admin, &before_));			\
} while (0)

#define TEN "一二三四五六七八九十"

static void
test_unit_line_level_name_outside_parent_exists_are_refused(void **state)
{
	struct rx_session *admin;
	size_t added;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", "110101");
	ok(import_units(admin, BEIJING, &added), &st);
	refuses_unit("110101004000\t名\ttownship", RX_EUSAGE, UNIT_LINE);
	refuses_unit("110101004000\t名\ttownship\t110101\tmore", RX_EUSAGE,
	    UNIT_LINE);
	refuses_unit("110101004000 名 township 110101", RX_EUSAGE, UNIT_LINE);
	refuses_unit("x\t名\ttownship\t110101", RX_EUSAGE, UNIT_INVALID);
	refuses_unit("110101004000\t名\tvillage\t110101", RX_EUSAGE,
	    UNIT_LEVEL);
	refuses_unit("110101004000\t名\tstreet\t110101", RX_EUSAGE,
	    UNIT_LEVEL);
	refuses_unit("110100-SELF\t名\tself\t110100", RX_EUSAGE, UNIT_LEVEL);
	refuses_unit("110101004000\t\ttownship\t110101", RX_EUSAGE,
	    UNIT_NAME);
	refuses_unit("110101004000\t" TEN TEN TEN TEN "一\ttownship\t110101",
	    RX_EUSAGE, UNIT_NAME);
	refuses_unit("110101004000\t\xff\ttownship\t110101", RX_EUSAGE,
	    UNIT_NAME);
	refuses_unit("110102001000\t名\ttownship\t110102", RX_EUSAGE,
	    UNIT_OUTSIDE);
	refuses_unit("110100\t名\tprefecture\t110000", RX_EUSAGE,
	    UNIT_OUTSIDE);
	refuses_unit("110101004000\t名\ttownship\t110102", RX_EUSAGE,
	    UNIT_PARENT);
	refuses_unit("110101004000\t名\ttownship\t110101004000", RX_EUSAGE,
	    UNIT_PARENT);
	refuses_unit("110101004000\t名\ttownship\tx", RX_EUSAGE,
	    UNIT_INVALID);
	refuses_unit("110101001001\t别名\tvillage\t110101001", RX_ECONFLICT,
	    UNIT_EXISTS);
	assert_string_equal(arg_of("unit"), "110101001001");
	/* Forty characters are as many as may be. */
	ok(import_units(admin, "110101004000\t" TEN TEN TEN TEN "\ttownship\t"
	    "110101\n", &added), &st);
	rx_session_close(admin);
}

static void
test_unit_line_too_long_or_with_a_nul_is_refused(void **state)
{
	struct rx_session *admin;
	char dir[256], text[600];
	struct mark before;
	size_t added;

	(void)state;
	admin = new_register(dir, "r", "110101");
	before = mark_of(admin);
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	memcpy(text, "110101004000\t", 13);
	refuses(import_units(admin, text, &added), RX_EUSAGE, UNIT_LINE);
	assert_string_equal(arg_of("line"), "1");
	rx_status_clear(&st);
	refuses(rx_unit_import(admin, "110101004000\ta\0b\ttownship\t\n", 28,
	    &added, &st), RX_EUSAGE, UNIT_LINE);
	assert_true(unchanged(admin, &before));
	rx_session_close(admin);
}

static void
test_unit_exists_one_added_by_hand_twice_is_refused(void **state)
{
	struct rx_session *admin, *d1;
	struct mark before;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	must(rx_unit_add(admin, "350102001999", "新村", "village",
	    "350102001000", &st));
	before = mark_of(admin);
	refuses(try(rx_unit_add(admin, "350102001999", "新村", "village",
	    "350102001000", &st)), RX_ECONFLICT, UNIT_EXISTS);
	refuses(try(rx_unit_add(admin, "350102001999", "旧村", "village",
	    "350102001000", &st)), RX_ECONFLICT, UNIT_EXISTS);
	refuses(try(rx_unit_add(admin, "350202001999", "新村", "village",
	    "", &st)), RX_EUSAGE, UNIT_OUTSIDE);
	assert_true(unchanged(admin, &before));
	must(enrol(admin, "d1", RX_ROLE_DIRECTOR, "350102001999"));
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", "350102001999");
	rx_session_close(d1);
	rx_session_close(admin);
}

static void
test_unit_name_is_the_registers_then_the_embedded_then_the_code(void **state)
{
	struct rx_session *admin;
	char dir[256], unit[RX_UNIT_BYTES], name[128];

	(void)state;
	admin = new_register(dir, "r", COUNTY);
	assert_string_equal(rx_session_unit(admin), "350102000000");
	must(rx_unit_parse(unit, VILLAGE1, &st));
	must(rx_unit_name(admin, unit, name, sizeof(name), &st));
	assert_string_equal(name, "中山社区");
	must(rx_unit_parse(unit, "350103", &st));
	must(rx_unit_name(admin, unit, name, sizeof(name), &st));
	assert_string_equal(name, "台江区");
	must(rx_unit_parse(unit, "110101", &st));
	must(rx_unit_name(admin, unit, name, sizeof(name), &st));
	assert_string_equal(name, "110101");
	rx_session_close(admin);
}

static rx_err
own_unit(void *cookie, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *u)
{
	char text[RX_UNIT_TEXT], *all = cookie;

	(void)name;
	(void)u;
	rx_unit_text(text, unit);
	(void)snprintf(all + strlen(all), 400 - strlen(all), "%s ", text);
	return (RX_OK);
}

/* Where somebody enters activities, or cases: of a prefecture's own work there is no
 * row, and it is listed where it can be chosen. */
static void
test_own_units_have_a_prefectures_own_work_beside_it(void **state)
{
	static const struct {
		const char *user;
		enum rx_role role;
		const char *unit, *activities, *cases;
	} who[] = {
		{ "city", RX_ROLE_STATISTICIAN, CITY, CITY " " CITY "-SELF ",
		    "" },
		{ "county", RX_ROLE_STATISTICIAN, COUNTY, COUNTY " ", "" },
		{ "self", RX_ROLE_DIRECTOR, CITY "-SELF", CITY "-SELF ",
		    CITY "-SELF " },
		{ "d1", RX_ROLE_DIRECTOR, VILLAGE1, VILLAGE1 " ", VILLAGE1
		    " " },
	};
	struct rx_session *admin, *s;
	char dir[256], all[400];
	size_t i;

	(void)state;
	admin = new_register(dir, "r", CITY);
	for (i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		ok(enrol(admin, who[i].user, who[i].role, who[i].unit), &st);
		s = sign_in(dir, who[i].user);
		all[0] = '\0';
		must(rx_unit_own_each(s, true, own_unit, all, &st));
		assert_string_equal(all, who[i].activities);
		all[0] = '\0';
		must(rx_unit_own_each(s, false, own_unit, all, &st));
		assert_string_equal(all, who[i].cases);
		rx_session_close(s);
	}
	rx_session_close(admin);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_people_are_listed_as_they_are),
		cmocka_unit_test(
		    test_people_enrolled_and_ended_meanwhile_are_listed_so),
		cmocka_unit_test(test_user_enrolled_twice_gets_a_second_role),
		cmocka_unit_test(
		    test_handover_is_listed_until_the_keys_are_handed_on),
		cmocka_unit_test(test_successor_gets_the_roles_that_she_has_not),
		cmocka_unit_test(test_user_name_invalid_is_refused),
		cmocka_unit_test(
		    test_supervisor_level_and_statistician_level_are_checked),
		cmocka_unit_test(
		    test_admin_only_others_do_not_enrol_disable_or_add_units),
		cmocka_unit_test(test_not_a_member_a_disabled_user_is_refused),
		cmocka_unit_test(test_user_disabled_stays_so),
		cmocka_unit_test(
		    test_user_unknown_and_user_self_are_not_disabled),
		cmocka_unit_test(
		    test_session_of_a_disabled_user_writes_no_more),
		cmocka_unit_test(
		    test_wrong_passphrase_and_unknown_user_are_refused_alike),
		cmocka_unit_test(
		    test_register_missing_and_register_exists_are_refused),
		cmocka_unit_test(test_unit_invalid_for_a_register_is_refused),
		cmocka_unit_test(test_register_without_a_name_goes_by_its_unit),
		cmocka_unit_test(
		    test_register_of_another_place_lives_from_imported_units),
		cmocka_unit_test(test_units_again_are_there_already),
		cmocka_unit_test(
		    test_unit_line_level_name_outside_parent_exists_are_refused),
		cmocka_unit_test(
		    test_unit_line_too_long_or_with_a_nul_is_refused),
		cmocka_unit_test(
		    test_unit_exists_one_added_by_hand_twice_is_refused),
		cmocka_unit_test(
		    test_unit_name_is_the_registers_then_the_embedded_then_the_code),
		cmocka_unit_test(
		    test_own_units_have_a_prefectures_own_work_beside_it),
	};

	return (cmocka_run_group_tests_name("people", tests, setup_none, NULL));
}
