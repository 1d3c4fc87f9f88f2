#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "tests/fixture.h"

/*
 * What supervisors and the administrator read to keep an eye on things: coded
 * lists, why a flag was raised, keys that wait, custody, verified backups.
 */

static struct rx_status st;

static struct rx_secret *
pass_of(const char *user)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "%s-pass", user);
	return (test_passphrase(text));
}

static void
enrol(struct rx_session *admin, const char *user, enum rx_role role,
    const char *unit)
{
	struct rx_secret *p = pass_of(user);

	ok(rx_user_add(admin, user, role, unit, p, &st), &st);
	rx_secret_free(p);
}

static uint64_t
audit_seq(struct rx_session *s)
{
	struct rx_audit_head head;

	ok(rx_audit_head(s, &head, &st), &st);
	return (head.seq);
}

/* ---- coded lists ---- */

struct seen {
	unsigned rows, names;
};

static rx_err
see_child(void *cookie, const struct rx_child_row *row, struct rx_status *u)
{
	struct seen *seen = cookie;

	(void)u;
	seen->rows++;
	seen->names += rx_record_text(row->child, RX_F_NAME)[0] != '\0';
	return (RX_OK);
}

static void
test_coded_list_opens_no_name_and_reveals_nothing(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin"), *d1, *both;
	struct seen seen = { 0, 0 };
	uint64_t seq;

	(void)state;
	/* d1 becomes the supervisor of his own village too. */
	enrol(admin, "d1", RX_ROLE_SUPERVISOR, "350102001");
	rx_session_close(admin);
	d1 = fixture_open(dir, "d1");
	rx_session_close(d1);
	rx_session_close(fixture_open(dir, "d2"));	/* hands on keys */
	both = fixture_open(dir, "d1");
	seq = audit_seq(both);
	ok(rx_child_each(both, RX_LIST_CODED, 0, see_child, &seen, &st), &st);
	assert_int_equal(seen.rows, 3);
	assert_int_equal(seen.names, 0);
	assert_int_equal(audit_seq(both), seq);
	/* Control: the list of a director shows names, which is audited. */
	memset(&seen, 0, sizeof(seen));
	ok(rx_child_each(both, 0, 0, see_child, &seen, &st), &st);
	assert_int_equal(seen.names, 2);
	assert_int_equal(audit_seq(both), seq + 1);
	rx_session_close(both);
}

static void
test_coded_list_is_for_supervisors(void **state)
{
	struct rx_session *d1 = fixture_open(fixture_copy(), "d1");
	struct seen seen = { 0, 0 };

	(void)state;
	refused(rx_child_each(d1, RX_LIST_CODED, 0, see_child, &seen, &st),
	    RX_EPERM, &st);
	assert_int_equal(seen.rows, 0);
	rx_session_close(d1);
}

/* ---- why ---- */

static rx_err
see_signs(void *cookie, const struct rx_flag_row *f, struct rx_status *u)
{
	uint64_t *signs = cookie;

	(void)u;
	*signs |= f->signs;
	return (RX_OK);
}

static void
test_flag_names_only_the_signs_that_raised_it(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1"), *s1;
	const struct rx_code *urgent = rx_code_by_key(RX_LIST_SIGN,
	    "self_harm");
	const struct rx_code *quiet = rx_code_by_key(RX_LIST_SIGN,
	    "mood_low");
	uint64_t signs = 0;

	(void)state;
	fixture_save(d1, RX_OBSERVATION, "{\"id\":\"why\",\"child\":\"c2\","
	    "\"date\":\"2026-01-05\",\"channel\":\"talk\","
	    "\"signs\":[\"mood_low\",\"self_harm\"],\"risk\":\"red\"}", false,
	    NULL);
	rx_session_close(d1);
	s1 = fixture_open(dir, "s1");
	ok(rx_review_each(s1, false, see_signs, &signs, &st), &st);
	assert_true((signs >> (urgent->no - 1) & 1) == 1);
	assert_true((signs >> (quiet->no - 1) & 1) == 0);
	rx_session_close(s1);
}

static void
test_supervision_follows_the_certificate(void **state)
{
	struct rx_session *s1 = fixture_open(fixture_dir(), "s1");

	(void)state;
	assert_true(rx_session_supervises(s1, VILLAGE1));
	assert_false(rx_session_supervises(s1, "350102002001\0\0\0"));
	assert_false(rx_session_supervises(s1, COUNTY));
	rx_session_close(s1);
	s1 = fixture_open(fixture_dir(), "d1");
	assert_false(rx_session_supervises(s1, VILLAGE1));
	rx_session_close(s1);
}

/* ---- keys that wait ---- */

static size_t
pending(struct rx_session *s, const char *user)
{
	struct rx_buf units = RX_BUF_INIT;
	size_t n;

	ok(rx_user_pending(s, user, &units, &st), &st);
	n = units.len / RX_UNIT_BYTES;
	rx_buf_free(&units);
	return (n);
}

static void
test_wide_director_signs_in_while_his_keys_wait(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin"), *wide;
	struct rx_buf none = RX_BUF_INIT;

	(void)state;
	enrol(admin, "wide", RX_ROLE_DIRECTOR, "350102001");
	/* With a new supervisor there are slots to write, for which the keys
	 * of the wide director have not come yet. */
	enrol(admin, "late", RX_ROLE_SUPERVISOR, "350102001");
	assert_int_equal(pending(admin, "wide"), 2);
	wide = fixture_open(dir, "wide");
	rx_session_close(wide);
	rx_session_close(fixture_open(dir, "d1"));
	assert_int_equal(pending(admin, "wide"), 1);
	rx_session_close(fixture_open(dir, "d2"));
	assert_int_equal(pending(admin, "wide"), 0);
	refused(rx_user_pending(admin, "nobody", &none, &st), RX_ENOENT, &st);
	rx_session_close(admin);
}

/* ---- custody ---- */

static rx_err
see_unit(void *cookie, const char unit[RX_UNIT_BYTES], bool held,
    struct rx_status *u)
{
	unsigned *n = cookie;

	(void)unit;
	(void)u;
	n[held]++;
	return (RX_OK);
}

static void
test_custody_counts_what_the_recovery_key_holds(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin");
	unsigned before[2] = { 0, 0 }, after[2] = { 0, 0 };
	int64_t made;

	(void)state;
	ok(rx_custody_each(admin, &made, see_unit, before, &st), &st);
	assert_int_equal(before[0], 0);
	assert_true(before[1] >= 2);
	assert_true(made > 0 && made <= rx_time_now());
	/* Control: without its grant for one unit the count tells. */
	fixture_sql(dir, "DELETE FROM keys.unit_grant WHERE unit = "
	    "'350102001001' AND recipient IN (SELECT user FROM keys.cert "
	    "WHERE substr(cert, 6, 1) = x'05')");
	ok(rx_custody_each(admin, &made, see_unit, after, &st), &st);
	assert_int_equal(after[0], 1);
	assert_int_equal(after[1], before[1] - 1);
	rx_session_close(admin);
}

static void
test_custody_is_for_the_administrator(void **state)
{
	struct rx_session *s1 = fixture_open(fixture_dir(), "s1");
	unsigned n[2] = { 0, 0 };
	int64_t made;

	(void)state;
	refused(rx_custody_each(s1, &made, see_unit, n, &st), RX_EPERM, &st);
	assert_int_equal(n[0] + n[1], 0);
	rx_session_close(s1);
}

/* ---- verified backups ---- */

struct note {
	unsigned n;
	char last[64], user[64];
};

static rx_err
see_note(void *cookie, int64_t time, const char *user, const char *name,
    struct rx_status *u)
{
	struct note *note = cookie;

	(void)u;
	assert_true(time > 0);
	note->n++;
	rx_text_copy(note->last, sizeof(note->last), name);
	rx_text_copy(note->user, sizeof(note->user), user);
	return (RX_OK);
}

static void
test_verified_backup_is_read_back_from_the_audit(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin");
	struct rx_audit_head head;
	struct note note = { 0, "", "" };
	char file[300];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/copy", test_dir());
	ok(rx_backup_create(admin, file, &st), &st);
	ok(rx_backup_notes(admin, see_note, &note, &st), &st);
	assert_int_equal(note.n, 0);	/* made is not verified */
	ok(rx_audit_head(admin, &head, &st), &st);
	ok(rx_backup_note(admin, "copy one", &head, &st), &st);
	ok(rx_backup_note(admin, "copy-2", &head, &st), &st);
	ok(rx_backup_notes(admin, see_note, &note, &st), &st);
	assert_int_equal(note.n, 2);
	assert_string_equal(note.last, "copy-2");
	assert_string_equal(note.user, "admin");
	rx_session_close(admin);
}

static void
test_only_the_administrator_notes_a_backup(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *d1 = fixture_open(dir, "d1");
	struct rx_audit_head head;
	struct note note = { 0, "", "" };
	uint64_t seq = audit_seq(d1);

	(void)state;
	ok(rx_audit_head(d1, &head, &st), &st);
	refused(rx_backup_note(d1, "copy", &head, &st), RX_EPERM, &st);
	refused(rx_backup_notes(d1, see_note, &note, &st), RX_EPERM, &st);
	assert_int_equal(audit_seq(d1), seq);
	rx_session_close(d1);
}

static void
test_altered_note_is_not_believed(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin");
	struct rx_audit_head head;
	struct note note = { 0, "", "" };

	(void)state;
	ok(rx_audit_head(admin, &head, &st), &st);
	ok(rx_backup_note(admin, "copy", &head, &st), &st);
	/* The newest entry under another time. */
	fixture_tamper(dir, "UPDATE main.audit SET time = time + 86400000 "
	    "WHERE seq = (SELECT max(seq) FROM main.audit)");
	refused(rx_backup_notes(admin, see_note, &note, &st), RX_ECORRUPT,
	    &st);
	assert_int_equal(note.n, 0);
	rx_session_close(admin);
}

static int
setup(void **state)
{

	ok(rx_crypto_init(&st), &st);
	rx_json_init();
	return (fixture_setup(state));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_coded_list_opens_no_name_and_reveals_nothing),
		cmocka_unit_test(test_coded_list_is_for_supervisors),
		cmocka_unit_test(
		    test_flag_names_only_the_signs_that_raised_it),
		cmocka_unit_test(test_supervision_follows_the_certificate),
		cmocka_unit_test(
		    test_wide_director_signs_in_while_his_keys_wait),
		cmocka_unit_test(
		    test_custody_counts_what_the_recovery_key_holds),
		cmocka_unit_test(test_custody_is_for_the_administrator),
		cmocka_unit_test(
		    test_verified_backup_is_read_back_from_the_audit),
		cmocka_unit_test(test_only_the_administrator_notes_a_backup),
		cmocka_unit_test(test_altered_note_is_not_believed),
	};

	return (cmocka_run_group_tests_name("oversight", tests, setup, NULL));
}
