#include "tests/unit/register.h"

/*
 * New passphrases: certified by the administrator, without a key or a record
 * lost on the way.  Every test makes a register of its own.
 */

static void
test_new_passphrase_is_certified_by_the_administrator(void **state)
{
	struct rx_session *admin, *s;
	struct shown_case c;
	char dir[256];
	size_t certs;

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	s = sign_in(dir, "d1");
	assert_true(rx_session_temporary(s));
	assert_false(rx_session_temporary(admin));
	add_child(s, "c1", VILLAGE1);
	ok(observe(s, "o1", "c1", "2025-06-01", "mood_low", "green"), &st);
	must(passwd(s, "new"));
	/* The open session goes on. */
	ok(observe(s, "o2", "c1", "2025-06-02", "mood_low", "green"), &st);
	rx_session_close(s);
	refuses(try(open_as(&s, dir, "d1", "d1")), RX_EPERM,
	    WRONG_PASSPHRASE);
	must(open_as(&s, dir, "d1", "new"));
	assert_string_equal(listed(s, "c1").name, "林c1");
	assert_true(person(s, "d1", 0).row.temporary);
	assert_false(rx_session_temporary(s));	/* he knows that it is not */
	rx_session_close(s);

	reopen(&admin, dir, "admin");
	certs = admin->nmembers;
	assert_int_equal(certs, 4);	/* admin, recovery, d1 old and new */
	assert_int_equal(person(admin, "d1", 0).found, 1);
	assert_false(person(admin, "d1", 0).row.temporary);
	must(open_as(&s, dir, "d1", "new"));
	assert_null(s->next);
	assert_false(rx_session_temporary(s));
	must(show(s, "c1", NULL, &c));
	assert_int_equal(c.n, 3);
	assert_true(c.name);
	ok(observe(s, "o3", "c1", "2025-06-03", "mood_low", "green"), &st);
	audit_holds(s);
	rx_session_close(s);
	/* Once is enough. */
	reopen(&admin, dir, "admin");
	assert_int_equal(admin->nmembers, certs);
	audit_holds(admin);
	must(open_as(&s, dir, "d1", "new"));
	must(show(s, "c1", NULL, NULL));
	rx_session_close(s);
	rx_session_close(admin);
}

/* The keys of one unit can have come from two people, each a part. */
static void
test_new_passphrase_takes_all_the_grants_of_a_unit(void **state)
{
	struct rx_session *admin, *d1, *s;
	uint8_t id[RX_ID_BYTES];
	struct shown_case c;
	char dir[256];
	size_t grants;

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "s1", RX_ROLE_SUPERVISOR, TOWN), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	ok(observe(d1, "o1", "c1", "2025-06-01", "mood_low", "green"), &st);
	ok(enrol(admin, "d2", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	rx_session_close(sign_in(dir, "s1"));	/* the coded key */
	reopen(&d1, dir, "d1");			/* the other two */
	rx_session_close(d1);
	s = sign_in(dir, "d2");
	memcpy(id, s->user_id, RX_ID_BYTES);
	grants = rows_of(s, RX_Q_GRANTS_TO, id);
	assert_int_equal(grants, 3);	/* one of the register's keys */
	must(passwd(s, "new"));
	rx_session_close(s);
	reopen(&admin, dir, "admin");
	must(open_as(&s, dir, "d2", "new"));
	assert_null(s->next);
	assert_int_equal(rows_of(s, RX_Q_GRANTS_TO, id), grants);
	rx_session_close(s);
	/* By the new keys alone. */
	must(open_as(&s, dir, "d2", "new"));
	must(show(s, "c1", NULL, &c));
	assert_int_equal(c.n, 2);
	assert_true(c.name);
	assert_string_equal(c.text, "看望");
	ok(observe(s, "o2", "c1", "2025-06-02", "mood_low", "green"), &st);
	audit_holds(s);
	rx_session_close(s);
	rx_session_close(admin);
}

/* ---- the administrator's, by two custodians ---- */

/* As new_register, with the codes; "d1" and the statistician "stat" are there. */
static struct rx_session *
register_named(char dir[256], const char *name, struct rx_codes *codes)
{
	struct rx_secret *p = test_passphrase("admin");
	struct rx_session *admin;

	(void)snprintf(dir, 256, "%s/%s", test_dir(), name);
	must(rx_register_create(dir, "admin", "测试民政局", COUNTY, p, codes,
	    &st));
	rx_secret_free(p);
	admin = sign_in(dir, "admin");
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "stat", RX_ROLE_STATISTICIAN, COUNTY), &st);
	return (admin);
}

static struct rx_session *
register_of(char dir[256], struct rx_codes *codes)
{

	return (register_named(dir, "codes", codes));
}

/* ${s} has codes 0 and 2 typed; the new passphrase is "fresh". */
static rx_err
give(struct rx_session *s, const struct rx_codes *codes)
{
	const char *const two[2] = { codes->text[0], codes->text[2] };
	struct rx_secret *p = test_passphrase("fresh");
	rx_err rc;

	rx_status_clear(&st);
	rc = rx_custodian_admin(s, two, p, &st);
	rx_secret_free(p);
	return (rc);
}

static void
test_administrator_given_new_keys_by_custodians_does_all_he_did(void **state)
{
	struct rx_session *admin, *d1, *stat;
	const struct rx_key *key;
	struct rx_codes codes;
	char dir[256];

	(void)state;
	rx_session_close(register_of(dir, &codes));
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	must(passwd(d1, "mine"));
	must(give(d1, &codes));
	/* The session it was done from goes on. */
	add_child(d1, "c2", VILLAGE1);
	audit_holds(d1);
	rx_session_close(d1);
	refuses(try(open_as(&admin, dir, "admin", "admin")), RX_EPERM,
	    WRONG_PASSPHRASE);
	must(open_as(&admin, dir, "admin", "fresh"));
	/* The change of passphrase that waited is certified. */
	assert_false(person(admin, "d1", 0).row.temporary);
	ok(enrol(admin, "d2", RX_ROLE_DIRECTOR, VILLAGE2), &st);
	must(rx_user_disable(admin, "d2", &st));
	must(rx_unit_key(admin, RX_REGISTER_KEYS, RX_COMP_LEDGER, 0, &key,
	    NULL, &st));
	audit_holds(admin);
	/* Nobody else had to do anything. */
	must(open_as(&d1, dir, "d1", "mine"));
	assert_string_equal(listed(d1, "c2").name, "林c2");
	stat = sign_in(dir, "stat");
	must(rx_unit_key(stat, RX_REGISTER_KEYS, RX_COMP_LEDGER, 0, &key,
	    NULL, &st));
	audit_holds(stat);
	rx_session_close(stat);
	rx_session_close(d1);
	rx_session_close(admin);
	/* And once more, with the same codes. */
	must(open_as(&d1, dir, "d1", "mine"));
	must(give(d1, &codes));
	must(open_as(&admin, dir, "admin", "fresh"));
	audit_holds(admin);
	rx_session_close(d1);
	rx_session_close(admin);
}

struct told {
	unsigned n;
	char user[RX_USER_NAME_BYTES], name[RX_USER_NAME_BYTES];
};

static rx_err
told_each(void *cookie, const struct rx_audit_row *row, struct rx_status *u)
{
	struct told *t = cookie;

	(void)u;
	t->n++;
	rx_text_copy(t->user, sizeof(t->user), row->user);
	rx_text_copy(t->name, sizeof(t->name), row->name);
	return (RX_OK);
}

static void
test_every_member_reads_who_gave_the_administrator_new_keys(void **state)
{
	struct rx_audit_filter f = { .action = RX_DID_ADMIN };
	struct rx_session *d1, *stat;
	struct rx_codes codes;
	struct told t = { 0 };
	char dir[256];
	size_t n;

	(void)state;
	rx_session_close(register_of(dir, &codes));
	stat = sign_in(dir, "stat");
	d1 = sign_in(dir, "d1");
	must(give(stat, &codes));
	must(rx_audit_list(d1, &f, &n, told_each, &t, &st));
	assert_int_equal(t.n, 1);
	assert_string_equal(t.user, "stat");
	assert_string_equal(t.name, "admin");
	assert_string_equal(rx_action_key(RX_DID_ADMIN), "administrator");
	rx_session_close(stat);
	rx_session_close(d1);
}

/* As it was before the root was granted: the codes open units alone. */
static void
test_admin_not_held_register_of_before_waits_for_its_administrator(
    void **state)
{
	struct rx_session *admin, *d1;
	const char *two[2];
	struct rx_custody found;
	struct rx_codes codes;
	char dir[256];
	size_t i;

	(void)state;
	admin = register_of(dir, &codes);
	two[0] = codes.text[0];
	two[1] = codes.text[1];
	must(rx_begin(admin, &st));
	for (i = 0; i < admin->nmembers; i++)
		if (admin->members[i].cert.role == RX_ROLE_RECOVERY)
			must(rx_grants_forget(admin,
			    admin->members[i].cert.user, &st));
	must(rx_finish(admin, RX_OK, RX_DID_GRANT, NULL, NULL, &st));
	rx_session_close(admin);
	d1 = sign_in(dir, "d1");
	refuses(give(d1, &codes), RX_ENOENT, ADMIN_NOT_HELD);
	must(rx_custodian_test(d1, two, &found, &st));
	assert_false(found.root);
	rx_session_close(sign_in(dir, "admin"));
	must(rx_custodian_test(d1, two, &found, &st));
	assert_true(found.root);
	must(give(d1, &codes));
	rx_session_close(d1);
}

/* Nor do they make one of somebody whose certificate is over. */
static void
test_admin_not_held_nobody_is_administrator_now(void **state)
{
	struct rx_session *d1;
	struct rx_codes codes;
	char dir[256];
	struct mark m;
	int64_t end;
	size_t i;

	(void)state;
	rx_session_close(register_of(dir, &codes));
	d1 = sign_in(dir, "d1");
	for (i = 0; d1->members[i].cert.role != RX_ROLE_ADMIN; i++)
		assert_true(i + 1 < d1->nmembers);
	end = d1->members[i].cert.not_after;
	d1->members[i].cert.not_after = rx_time_now() - 1;
	m = mark_of(d1);
	refuses(give(d1, &codes), RX_ENOENT, ADMIN_NOT_HELD);
	assert_true(unchanged(d1, &m));
	assert_string_equal(rx_session_administrator(d1), "");
	/* The control. */
	d1->members[i].cert.not_after = end;
	must(give(d1, &codes));
	rx_session_close(d1);
}

static void
test_admin_self_signed_in_as_administrator_he_needs_nobody(void **state)
{
	struct rx_session *admin;
	struct rx_codes codes;
	char dir[256];

	(void)state;
	admin = register_of(dir, &codes);
	refuses(give(admin, &codes), RX_ECONFLICT, ADMIN_SELF);
	assert_string_equal(rx_session_administrator(admin), "admin");
	rx_session_close(admin);
	rx_session_close(sign_in(dir, "admin"));
}

/* ---- when the codes are issued anew ---- */

static rx_err
keep_codes(void *cookie, const struct rx_codes *new, struct rx_status *u)
{

	(void)u;
	*(struct rx_codes *)cookie = *new;
	return (RX_OK);
}

/* ${codes} become the new ones. */
static void
reissue(struct rx_session *admin, struct rx_codes *codes)
{
	const struct rx_codes old = *codes;
	const char *const two[2] = { old.text[0], old.text[2] };

	must(rx_custodian_reissue(admin, two, keep_codes, codes, &st));
}

/* Whether the recovery key that ${s} trusts is the one that is certified. */
static bool
trusts_newest(const struct rx_session *s)
{
	size_t i, n = 0;
	bool does = false;

	for (i = 0; i < s->nmembers; i++)
		if (s->members[i].cert.role == RX_ROLE_RECOVERY &&
		    rx_member_live(&s->members[i])) {
			does = memcmp(s->members[i].cert.box_public,
			    s->blob->recovery_public, 32) == 0;
			n++;
		}
	assert_int_equal(n, 1);
	return (does);
}

/* He has not signed in since his new keys were certified and the codes issued
 * anew, in this order (${after}) or the other one. */
static void
signs_in_to_both(const char *name, bool after)
{
	struct rx_session *admin, *s;
	struct rx_codes codes;
	char dir[256];

	admin = register_named(dir, name, &codes);
	s = sign_in(dir, "d1");
	add_child(s, "c1", VILLAGE1);
	ok(observe(s, "o1", "c1", "2025-06-01", "mood_low", "green"), &st);
	must(passwd(s, "new"));
	rx_session_close(s);
	if (!after)
		reissue(admin, &codes);
	reopen(&admin, dir, "admin");
	if (after)
		reissue(admin, &codes);
	must(open_as(&s, dir, "d1", "new"));
	assert_null(s->next);
	assert_true(trusts_newest(s));
	assert_string_equal(listed(s, "c1").name, "林c1");
	rx_session_close(s);
	/* By the new keys alone. */
	must(open_as(&s, dir, "d1", "new"));
	assert_null(s->next);
	assert_true(trusts_newest(s));
	assert_string_equal(listed(s, "c1").name, "林c1");
	ok(observe(s, "o2", "c1", "2025-06-02", "mood_low", "green"), &st);
	audit_holds(s);
	/* And the next codes are taken up from these. */
	reopen(&admin, dir, "admin");
	reissue(admin, &codes);
	rx_session_close(s);
	must(open_as(&s, dir, "d1", "new"));
	assert_true(trusts_newest(s));
	audit_holds(s);
	rx_session_close(s);
	rx_session_close(admin);
}

static void
test_new_keys_and_a_new_recovery_key_are_taken_up_at_one_sign_in(void **state)
{

	(void)state;
	signs_in_to_both("before", false);
	signs_in_to_both("after", true);
}

/* Between the new certificate and its owner's next session, others seal to
 * the new keys what he has not moved over yet. */
static void
test_grants_made_before_the_new_keys_are_taken_are_kept(void **state)
{
	struct rx_session *admin, *d1, *d2, *super, *stat;
	struct shown_case c;
	size_t n[RX_TYPE_COUNT];
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(admin, "d2", RX_ROLE_DIRECTOR, VILLAGE2), &st);
	ok(enrol(admin, "super", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(enrol(admin, "stat", RX_ROLE_STATISTICIAN, COUNTY), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	ok(observe(d1, "o1", "c1", "2025-06-01", "self_harm", "red"), &st);
	add_child(d1, "c3", VILLAGE1);
	super = sign_in(dir, "super");
	must(passwd(super, "new"));
	rx_session_close(super);
	stat = sign_in(dir, "stat");
	must(passwd(stat, "new"));
	rx_session_close(stat);
	reopen(&admin, dir, "admin");

	/* A slot and a unit key for the new keys. */
	reopen(&d1, dir, "d1");
	ok(observe(d1, "o2", "c1", "2025-06-02", "mood_low", "red"), &st);
	d2 = sign_in(dir, "d2");
	add_child(d2, "c2", VILLAGE2);
	ok(observe(d2, "o3", "c2", "2025-06-02", "self_harm", "red"), &st);

	must(open_as(&super, dir, "super", "new"));
	must(show(super, "c1", "复核", &c));
	assert_true(c.name);
	must(show(super, "c2", "复核", &c));
	assert_true(c.name);
	refuses(show(super, "c3", "复核", NULL), RX_EPERM, CASE_CLOSED);
	must(open_as(&stat, dir, "stat", "new"));
	ok(count(stat, COUNTY, n), &st);
	assert_int_equal(n[RX_CHILD], 3);
	audit_holds(stat);
	rx_session_close(stat);
	rx_session_close(super);
	/* And again, with nothing of the old keys left. */
	must(open_as(&super, dir, "super", "new"));
	must(show(super, "c1", "复核", &c));
	assert_true(c.name);
	rx_session_close(super);
	rx_session_close(d2);
	rx_session_close(d1);
	rx_session_close(admin);
}

static void
test_passphrase_changed_twice_before_it_is_certified(void **state)
{
	struct rx_session *admin, *s;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	s = sign_in(dir, "d1");
	add_child(s, "c1", VILLAGE1);
	must(passwd(s, "second"));
	rx_session_close(s);
	must(open_as(&s, dir, "d1", "second"));
	must(passwd(s, "third"));
	rx_session_close(s);
	refuses(try(open_as(&s, dir, "d1", "second")), RX_EPERM,
	    WRONG_PASSPHRASE);
	reopen(&admin, dir, "admin");
	must(open_as(&s, dir, "d1", "third"));
	assert_string_equal(listed(s, "c1").name, "林c1");
	/* And once more, after it was. */
	must(passwd(s, "fourth"));
	rx_session_close(s);
	reopen(&admin, dir, "admin");
	must(open_as(&s, dir, "d1", "fourth"));
	assert_string_equal(listed(s, "c1").name, "林c1");
	audit_holds(s);
	rx_session_close(s);
	rx_session_close(admin);
}

/* What the old keys sign after the new ones were certified would be worth
 * nothing: a session that still has them reads, and writes no more. */
static void
stale_session(struct rx_session *s, const char *dir)
{
	struct rx_session *admin = sign_in(dir, "admin");
	struct mark before = mark_of(admin);

	refuses(observe(s, "o1", "c1", "2025-06-01", "mood_low", "green"),
	    RX_ECONFLICT, SESSION_STALE);
	refuses(try(passwd(s, "third")), RX_ECONFLICT, SESSION_STALE);
	assert_true(unchanged(admin, &before));
	rx_session_close(admin);
	rx_session_close(s);
	must(open_as(&s, dir, "d1", "second"));
	assert_string_equal(listed(s, "c1").name, "林c1");
	ok(observe(s, "o1", "c1", "2025-06-01", "mood_low", "green"), &st);
	audit_holds(s);
	rx_session_close(s);
}

static void
test_session_stale_once_its_new_keys_are_certified(void **state)
{
	struct rx_session *admin, *s;
	char dir[256];

	(void)state;
	/* In the session in which the passphrase was changed. */
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	rx_session_close(admin);
	s = sign_in(dir, "d1");
	add_child(s, "c1", VILLAGE1);
	must(passwd(s, "second"));
	stale_session(s, dir);
}

static void
test_session_stale_that_knows_the_keys_it_asked_for(void **state)
{
	struct rx_session *admin, *s;
	char dir[256];

	(void)state;
	/* In one opened before the administrator certified. */
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	rx_session_close(admin);
	s = sign_in(dir, "d1");
	add_child(s, "c1", VILLAGE1);
	must(passwd(s, "second"));
	rx_session_close(s);
	must(open_as(&s, dir, "d1", "second"));
	stale_session(s, dir);
}

static void
test_administrators_passphrase_changes_at_once(void **state)
{
	struct rx_session *admin, *s;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	must(passwd(admin, "new"));
	rx_session_close(admin);
	refuses(try(open_as(&admin, dir, "admin", "admin")), RX_EPERM,
	    WRONG_PASSPHRASE);
	must(open_as(&admin, dir, "admin", "new"));
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	s = sign_in(dir, "d1");
	audit_holds(s);
	rx_session_close(s);
	rx_session_close(admin);
}

static void
test_second_role_given_while_a_passphrase_waits_is_certified_too(void **state)
{
	struct rx_session *admin, *s;
	char dir[256];

	(void)state;
	admin = new_register(dir, "r", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	s = sign_in(dir, "d1");
	must(passwd(s, "new"));
	rx_session_close(s);
	/* In the session that has not seen the request. */
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE2), &st);
	reopen(&admin, dir, "admin");
	must(open_as(&s, dir, "d1", "new"));
	add_child(s, "c1", VILLAGE1);
	add_child(s, "c2", VILLAGE2);
	assert_false(person(s, "d1", 0).row.temporary);
	assert_int_equal(person(s, "d1", 0).found, 2);
	rx_session_close(s);
	rx_session_close(admin);
}

/* A keyblob that costs less than today's is sealed again, and none is ever
 * sealed for less than it was. */
static void
test_cost_of_a_passphrase_is_raised_and_never_lowered(void **state)
{
	const struct rx_kdf raised[] = {
		{ rx_kdf_default.memory, rx_kdf_default.passes + 1 },
		{ rx_kdf_default.memory + 1024, rx_kdf_default.passes } };
	struct rx_secret *p = test_passphrase("d1");
	struct rx_session *admin, *s;
	struct mark before;
	struct rx_kdf cost;
	char dir[256];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		admin = new_register(dir, i == 0 ? "passes" : "memory", CITY);
		ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
		s = sign_in(dir, "d1");
		assert_false(rx_session_kdf(s, &cost));
		assert_int_equal(cost.passes, rx_kdf_default.passes);
		assert_int_equal(cost.memory, rx_kdf_default.memory);
		s->cost.passes--;	/* from before a rule was raised */
		assert_true(rx_session_kdf(s, &cost));
		s->cost.passes++;
		before = mark_of(s);
		must(rx_session_cost(s, p, &rx_kdf_default, &st));
		assert_true(unchanged(s, &before));	/* enough already */
		must(rx_session_cost(s, p, &raised[i], &st));
		assert_false(unchanged(s, &before));
		reopen(&s, dir, "d1");
		assert_int_equal(s->cost.passes, raised[i].passes);
		assert_int_equal(s->cost.memory, raised[i].memory);
		/* A new passphrase keeps it. */
		must(passwd(s, "new"));
		rx_session_close(s);
		must(open_as(&s, dir, "d1", "new"));
		assert_int_equal(s->cost.passes, raised[i].passes);
		assert_int_equal(s->cost.memory, raised[i].memory);
		audit_holds(s);
		rx_session_close(s);
		rx_session_close(admin);
	}
	rx_secret_free(p);
}

/* His new keys were certified at home, and taken up there by nobody yet: in a copy
 * he has the keys of before as well, and writes under the new ones. */
static void
test_copy_is_signed_in_to_with_keys_that_were_certified_since(void **state)
{
	struct rx_secret *p = test_passphrase("new");
	struct rx_session *admin, *s;
	struct shown_case c;
	char dir[256];

	(void)state;
	admin = new_register(dir, "village", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	s = sign_in(dir, "d1");
	add_child(s, "c1", VILLAGE1);
	must(passwd(s, "new"));
	rx_session_close(s);
	reopen(&admin, dir, "admin");
	rx_session_close(admin);
	/* Not by himself: he would write under the keys of before. */
	refuses(try(rx_copy_begin(dir, "d1", p, "一号", &st)), RX_ECONFLICT,
	    SESSION_STALE);
	rx_secret_free(p);
	p = test_passphrase("admin");
	must(rx_copy_begin(dir, "admin", p, "一号", &st));
	must(open_as(&s, dir, "d1", "new"));
	assert_memory_equal(s->id->sign_public, rx_member_newest(s,
	    rx_member_first(s, s->user_id))->cert.sign_public,
	    RX_SIGN_PUBLIC_BYTES);
	ok(observe(s, "o1", "c1", "2025-06-01", "mood_low", "green"), &st);
	must(show(s, "c1", NULL, &c));
	assert_true(c.name);
	assert_int_equal(c.by_type[RX_OBSERVATION], 1);
	audit_holds(s);
	rx_session_close(s);
	must(open_as(&s, dir, "d1", "new"));
	must(show(s, "c1", NULL, NULL));
	audit_holds(s);
	rx_session_close(s);
	rx_secret_free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_administrator_given_new_keys_by_custodians_does_all_he_did),
		cmocka_unit_test(
		    test_every_member_reads_who_gave_the_administrator_new_keys),
		cmocka_unit_test(
		    test_admin_not_held_register_of_before_waits_for_its_administrator),
		cmocka_unit_test(
		    test_admin_not_held_nobody_is_administrator_now),
		cmocka_unit_test(
		    test_admin_self_signed_in_as_administrator_he_needs_nobody),
		cmocka_unit_test(
		    test_cost_of_a_passphrase_is_raised_and_never_lowered),
		cmocka_unit_test(
		    test_copy_is_signed_in_to_with_keys_that_were_certified_since),
		cmocka_unit_test(
		    test_new_passphrase_is_certified_by_the_administrator),
		cmocka_unit_test(
		    test_new_passphrase_takes_all_the_grants_of_a_unit),
		cmocka_unit_test(
		    test_new_keys_and_a_new_recovery_key_are_taken_up_at_one_sign_in),
		cmocka_unit_test(
		    test_grants_made_before_the_new_keys_are_taken_are_kept),
		cmocka_unit_test(
		    test_passphrase_changed_twice_before_it_is_certified),
		cmocka_unit_test(
		    test_session_stale_once_its_new_keys_are_certified),
		cmocka_unit_test(
		    test_session_stale_that_knows_the_keys_it_asked_for),
		cmocka_unit_test(
		    test_administrators_passphrase_changes_at_once),
		cmocka_unit_test(
		    test_second_role_given_while_a_passphrase_waits_is_certified_too),
	};

	return (cmocka_run_group_tests_name("passwd", tests, setup_none, NULL));
}
