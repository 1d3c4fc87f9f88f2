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
	unsigned n, made;
	char last[64], user[64];
};

static rx_err
see_note(void *cookie, int64_t time, const char *user, const char *name,
    struct rx_status *u)
{
	struct note *note = cookie;

	(void)u;
	assert_true(time > 0);
	if (name == NULL) {
		note->made++;
		return (RX_OK);
	}
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
	struct note note = { 0, 0, "", "" };
	char file[300];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s/copy", test_dir());
	ok(rx_backup_create(admin, file, &st), &st);
	ok(rx_backup_notes(admin, see_note, &note, &st), &st);
	assert_int_equal(note.n, 0);	/* made is not verified */
	assert_int_equal(note.made, 1);
	/* The keys alone are none. */
	(void)snprintf(file, sizeof(file), "%s/keys", test_dir());
	ok(rx_backup_keys(admin, file, 1, &st), &st);
	note.made = 0;
	ok(rx_backup_notes(admin, see_note, &note, &st), &st);
	assert_int_equal(note.made, 1);
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
	struct note note = { 0, 0, "", "" };
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
	struct note note = { 0, 0, "", "" };

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

/* ---- reading the audit ---- */

struct trail {
	unsigned n, saves, own;
	bool ordered, sealed;
	uint64_t seq;
	struct rx_audit_row last;
};

static rx_err
see_entry(void *cookie, const struct rx_audit_row *row, struct rx_status *u)
{
	struct trail *t = cookie;

	(void)u;
	t->ordered = (t->n == 0 || t->ordered) && (t->n == 0 ||
	    row->seq < t->seq);
	t->n++;
	t->seq = row->seq;
	t->saves += row->action == RX_DID_SAVE;
	t->own += strcmp(row->user, "d1") == 0;
	t->sealed = t->sealed || row->reasoned;
	t->last = *row;
	return (RX_OK);
}

static struct trail
trail_of(struct rx_session *s, const struct rx_audit_filter *f, size_t *found)
{
	struct trail t = { 0 };
	size_t n;

	rx_status_clear(&st);
	ok(rx_audit_list(s, f, found != NULL ? found : &n, see_entry, &t, &st),
	    &st);
	assert_true(t.n == 0 || t.ordered);
	return (t);
}

static void
test_the_administrator_reads_every_entry_newest_first(void **state)
{
	struct rx_session *admin = fixture_open(fixture_copy(), "admin");
	const struct rx_audit_filter all = { 0 };
	struct trail t = trail_of(admin, &all, NULL);

	(void)state;
	assert_int_equal(t.n, audit_seq(admin));
	assert_int_equal(t.last.action, RX_DID_INIT);
	assert_int_equal(t.last.seq, 1);
	rx_session_close(admin);
}

static void
test_audit_list_filters_by_person_kind_day_and_case(void **state)
{
	struct rx_session *admin = fixture_open(fixture_copy(), "admin");
	struct rx_audit_filter f = { .user = "d1" };
	struct trail t = trail_of(admin, &f, NULL);
	size_t found;

	(void)state;
	assert_true(t.n > 0);
	assert_int_equal(t.own, t.n);
	f.action = RX_DID_SAVE;
	t = trail_of(admin, &f, NULL);
	assert_true(t.n > 2);
	assert_int_equal(t.saves, t.n);
	f.child = fixture_id[C2];
	t = trail_of(admin, &f, NULL);
	assert_true(t.n > 0);
	assert_int_equal(t.last.about, RX_ABOUT_CASE);
	assert_memory_equal(t.last.id, fixture_id[C2], RX_ID_BYTES);
	assert_string_equal(t.last.unit, "350102001001");
	/* A page of it: the count is of all. */
	f.child = NULL;
	f.skip = 1;
	f.limit = 1;
	t = trail_of(admin, &f, &found);
	assert_int_equal(t.n, 1);
	assert_true(found > 2);
	f = (struct rx_audit_filter){ .from = rx_date_today() + 2 };
	assert_int_equal(trail_of(admin, &f, NULL).n, 0);
	f = (struct rx_audit_filter){ .to = rx_date_today() - 2 };
	assert_int_equal(trail_of(admin, &f, NULL).n, 0);
	rx_session_close(admin);
}

static void
test_audit_period_reversed_is_refused(void **state)
{
	struct rx_session *admin = fixture_open(fixture_dir(), "admin");
	const struct rx_audit_filter f = { .from = 20001, .to = 20000 };
	struct trail t = { 0 };
	size_t n;

	(void)state;
	refused(rx_audit_list(admin, &f, &n, see_entry, &t, &st), RX_EUSAGE,
	    &st);
	assert_int_equal(t.n, 0);
	rx_session_close(admin);
}

/* Who looked at my cases; nothing about anybody else's. */
static void
test_a_director_reads_the_entries_on_his_cases_and_his_own(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s1 = fixture_open(dir, "s1"), *d1, *d2, *stat;
	const struct rx_audit_filter all = { 0 };
	const struct rx_audit_filter on_c1 = { .user = "s1",
	    .child = fixture_id[C1] };
	struct trail t;
	size_t n;

	(void)state;
	ok(fixture_show(s1, fixture_id[C1], "明日入户", &n, &st), &st);
	d1 = fixture_open(dir, "d1");
	t = trail_of(d1, &on_c1, NULL);
	assert_int_equal(t.n, 1);
	assert_int_equal(t.last.action, RX_DID_REVEAL);
	/* The reason stays sealed with the case. */
	assert_true(t.sealed);
	assert_string_equal(t.last.detail, "");
	d2 = fixture_open(dir, "d2");
	assert_int_equal(trail_of(d2, &on_c1, NULL).n, 0);
	t = trail_of(d2, &all, NULL);
	assert_true(t.n > 0);
	assert_int_equal(t.own, 0);
	/* A statistician: what he did himself. */
	stat = fixture_open(dir, "st");
	t = trail_of(stat, &all, NULL);
	assert_int_equal(t.own, 0);
	assert_int_equal(t.saves, 0);
	rx_session_close(stat);
	rx_session_close(d2);
	rx_session_close(d1);
	rx_session_close(s1);
}

static void
test_altered_entry_is_not_listed(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin");
	const struct rx_audit_filter all = { 0 };
	struct trail t = { 0 };
	size_t n;

	(void)state;
	fixture_tamper(dir, "UPDATE main.audit SET time = time + 1 "
	    "WHERE seq = 3");
	refused(rx_audit_list(admin, &all, &n, see_entry, &t, &st),
	    RX_ECORRUPT, &st);
	rx_session_close(admin);
}

/* What an entry says of itself, to somebody who reads it. */
static void
test_details_are_words_in_both_languages(void **state)
{
	static const struct {
		enum rx_action action;
		bool reasoned;
		const char *detail, *zh, *en;
	} of[] = {
		{ RX_DID_REVIEW, false, "escalate", "上报", "escalate" },
		{ RX_DID_REVIEW, false, "perhaps", "perhaps", "perhaps" },
		{ RX_DID_SAVE, false, "escalate", "escalate", "escalate" },
		{ RX_DID_BACKUP, false, "verified 17 runxin-20250101-000000",
		    "核验 runxin-20250101-000000",
		    "verified runxin-20250101-000000" },
		{ RX_DID_BACKUP, false, "17 b", "17 b", "17 b" },
		/* What he wrote is not in the entry. */
		{ RX_DID_REVEAL, true, "", "写了理由（理由封存在档案里）",
		    "gave a reason (sealed with the case)" },
		{ RX_DID_REVEAL, false, "", "档案", "the case" },
		{ RX_DID_PASSWD, false, "", "", "" },
	};
	struct rx_buf out = RX_BUF_INIT;
	struct rx_audit_row row;
	size_t i;
	int lang;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < 2 * sizeof(of) / sizeof(of[0]); i++) {
		lang = (int)(i % 2);
		memset(&row, 0, sizeof(row));
		row.action = of[i / 2].action;
		row.reasoned = of[i / 2].reasoned;
		rx_text_copy(row.detail, sizeof(row.detail), of[i / 2].detail);
		rx_buf_reset(&out);
		ok(rx_audit_words(&out, &row, (enum rx_lang)lang, &st), &st);
		ok(rx_buf_add(&out, "", 1, &st), &st);
		assert_string_equal((const char *)out.b, lang == RX_LANG_EN ?
		    of[i / 2].en : of[i / 2].zh);
	}
	rx_buf_free(&out);
}

static void
test_every_action_has_a_key_and_a_name_of_its_own(void **state)
{
	enum rx_msg name;
	unsigned a, b, n = 0;

	(void)state;
	for (a = 0; a < 256; a++) {
		name = rx_action_name((enum rx_action)a);
		assert_int_equal(name == RX_MSG_NONE,
		    rx_action_key((enum rx_action)a) == NULL);
		for (b = 0; b < a && name != RX_MSG_NONE; b++)
			assert_int_not_equal(rx_action_name((enum rx_action)b),
			    name);
		n += name != RX_MSG_NONE;
	}
	assert_int_equal(rx_action_name(RX_DID_SAVE), RX_MSG_DID_SAVE);
	assert_true(n > 20);
}

/* ---- verification beside writers ---- */

struct beside {
	struct rx_session *writer;
	unsigned written;
};

/* In the middle of a verification somebody else saves. */
static void
save_beside(void *cookie, size_t done)
{
	struct beside *b = cookie;

	(void)done;
	if (b->written++ > 0)
		return;
	fixture_save(b->writer, RX_OBSERVATION, "{\"id\":\"beside\","
	    "\"child\":\"c2\",\"date\":\"2026-01-05\",\"channel\":"
	    "\"talk\",\"signs\":[\"mood_low\"],\"risk\":\"green\"}", false,
	    NULL);
}

static void
test_verifying_holds_up_nobody_who_saves(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin");
	struct beside b = { fixture_open(dir, "d1"), 0 };
	const uint64_t seq = audit_seq(admin);
	uint64_t entries = 0;

	(void)state;
	ok(rx_audit_verify(admin, NULL, &entries, save_beside, &b, &st), &st);
	assert_true(b.written > 0);
	/* It is of one moment, before that save. */
	assert_int_equal(entries, seq);
	assert_int_equal(audit_seq(admin), seq + 1);
	rx_session_close(b.writer);
	rx_session_close(admin);
}

/* ---- who hands keys on ---- */

static rx_err
see_holder(void *cookie, const char *name, enum rx_role role,
    struct rx_status *u)
{
	char *names = cookie;

	(void)u;
	(void)snprintf(names + strlen(names), 200 - strlen(names), "%s/%d ",
	    name, (int)role);
	return (RX_OK);
}

static void
test_no_key_names_those_who_hand_it_on(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin"), *late;
	struct seen seen = { 0, 0 };
	char names[200] = "";

	(void)state;
	enrol(admin, "late", RX_ROLE_SUPERVISOR, "350102001");
	late = fixture_open(dir, "late");
	rx_status_clear(&st);
	assert_int_equal(rx_child_each(late, RX_LIST_CODED, 0, see_child,
	    &seen, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_NO_KEY);
	ok(rx_key_holders_each(admin, "late", VILLAGE1, see_holder, names,
	    &st), &st);
	assert_non_null(strstr(names, "d1/2"));
	assert_non_null(strstr(names, "s1/3"));
	assert_null(strstr(names, "d2"));
	assert_null(strstr(names, "late"));
	/* A director needs all three keys: a supervisor has only one. */
	enrol(admin, "dnew", RX_ROLE_DIRECTOR, "350102001001");
	names[0] = '\0';
	ok(rx_key_holders_each(admin, "dnew", VILLAGE1, see_holder, names,
	    &st), &st);
	assert_string_equal(names, "d1/2 ");
	/* Nobody waits for the keys of somebody who is not. */
	names[0] = '\0';
	ok(rx_key_holders_each(admin, "nobody", VILLAGE1, see_holder, names,
	    &st), &st);
	assert_string_equal(names, "");
	rx_session_close(late);
	rx_session_close(admin);
}

/* A case that came from a village whose keys he is still to be given: he reads it, and
 * the records of before are taken without the tag that he cannot check. */
static void
test_case_is_read_while_the_keys_of_its_village_of_before_wait(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1"), *admin;
	const struct rx_key *key;
	char number[16];
	size_t n;

	(void)state;
	ok(rx_transfer_offer(s, fixture_id[C1], "350102001002", "搬家", &st),
	    &st);
	rx_session_close(s);
	s = fixture_open(dir, "d2");
	ok(rx_transfer_accept(s, fixture_id[C1], number, &st), &st);
	rx_session_close(s);
	admin = fixture_open(dir, "admin");
	enrol(admin, "late", RX_ROLE_SUPERVISOR, "350102001");
	rx_session_close(admin);
	rx_session_close(fixture_open(dir, "d2"));	/* hands on his own */
	s = fixture_open(dir, "late");
	rx_status_clear(&st);
	assert_int_equal(rx_unit_key(s, VILLAGE1, RX_COMP_CODED, 0, &key, NULL,
	    &st), RX_EPERM);
	rx_status_clear(&st);
	ok(fixture_show(s, fixture_id[C1], "核实", &n, &st), &st);
	assert_int_equal(n, 3);
	/* The control: what stayed in that village waits. */
	assert_int_equal(fixture_show(s, fixture_id[C2], "核实", &n, &st),
	    RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_NO_KEY);
	rx_session_close(s);
}

static void
test_no_key_nobody_says_that_nobody_has_it(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *admin = fixture_open(dir, "admin"), *wide;
	const struct rx_key *key;

	(void)state;
	enrol(admin, "wide", RX_ROLE_DIRECTOR, "350102001");
	wide = fixture_open(dir, "wide");
	rx_status_clear(&st);
	assert_int_equal(rx_unit_key(wide, VILLAGE1, RX_COMP_CODED, 0, &key,
	    NULL, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_NO_KEY);
	ok(rx_user_disable(admin, "d1", &st), &st);
	rx_session_close(wide);
	wide = fixture_open(dir, "wide");
	rx_status_clear(&st);
	assert_int_equal(rx_unit_key(wide, VILLAGE1, RX_COMP_IDENTITY, 0, &key,
	    NULL, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_NO_KEY_NOBODY);
	rx_session_close(wide);
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
		cmocka_unit_test(
		    test_the_administrator_reads_every_entry_newest_first),
		cmocka_unit_test(
		    test_audit_list_filters_by_person_kind_day_and_case),
		cmocka_unit_test(
		    test_audit_period_reversed_is_refused),
		cmocka_unit_test(
		    test_a_director_reads_the_entries_on_his_cases_and_his_own),
		cmocka_unit_test(
		    test_altered_entry_is_not_listed),
		cmocka_unit_test(
		    test_details_are_words_in_both_languages),
		cmocka_unit_test(
		    test_every_action_has_a_key_and_a_name_of_its_own),
		cmocka_unit_test(
		    test_verifying_holds_up_nobody_who_saves),
		cmocka_unit_test(
		    test_no_key_names_those_who_hand_it_on),
		cmocka_unit_test(
		    test_case_is_read_while_the_keys_of_its_village_of_before_wait),
		cmocka_unit_test(
		    test_no_key_nobody_says_that_nobody_has_it),
		cmocka_unit_test(test_altered_note_is_not_believed),
	};

	return (cmocka_run_group_tests_name("oversight", tests, setup, NULL));
}
