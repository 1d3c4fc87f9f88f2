/*
 * What is refused for a reason of its own, each with its message, and nothing is
 * changed by it: people and units that are not there, files that are not what
 * they are called, rows that somebody changed, and a caller that takes no more.
 */

#include <sys/stat.h>

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "register/backup.h"
#include "register/save.h"
#include "tests/fixture.h"

static struct rx_status st;

static void
said(const char *what, rx_err rc, rx_err code, enum rx_msg msg)
{
	char text[300];

	rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
	if (rc != code || st.msg != msg || strchr(text, '{') != NULL)
		fail_msg("%s: %d (%s)", what, (int)rc, text);
	rx_status_clear(&st);
}

/* ---- asked for what is not there, or not for him ---- */

#define ACT(name, expr) static rx_err \
	name(struct rx_session *s) { return (expr); }
#define VILLAGE "350102001001\0\0\0"

static const char *const wrong_codes[2] = { "0", "1" };
static struct rx_handover handed;
static struct rx_secret *word;

ACT(act_handover_nobody, rx_user_handover(s, "nobody", "n1", word, false,
    &handed, &st))
ACT(act_handover_self, rx_user_handover(s, "d1", "d1", word, false, &handed,
    &st))
ACT(act_handover_own, rx_user_handover(s, "admin", "d1", word, false, &handed,
    &st))
ACT(act_handover_gone, rx_user_handover(s, "gone", "n1", word, false, &handed,
    &st))
ACT(act_handover_to_nobody, rx_user_handover(s, "d1", "n1", NULL, false,
    &handed, &st))
ACT(act_reset_self, rx_user_reset(s, "admin", word, &st))
ACT(act_reset_gone, rx_user_reset(s, "gone", word, &st))
ACT(act_reset_nobody, rx_user_reset(s, "nobody", word, &st))
ACT(act_issue, rx_custodian_issue(s, &st))
ACT(act_running, rx_running_save(s, VILLAGE, 1, 2, "tally", 5, &st))

static rx_err
act_address(struct rx_session *s)
{
	struct rx_address a;

	return (rx_address_issue(s, NULL, &a, &st));
}

static rx_err
recover(struct rx_session *s, const char *user)
{
	const struct rx_buf all = RX_BUF_INIT;
	size_t made;

	return (rx_recover(s, user, &all, wrong_codes, &made, &st));
}
ACT(act_recover_nobody, recover(s, "nobody"))
ACT(act_recover_no_code, recover(s, "d1"))

static rx_err
rotate(struct rx_session *s, const char *code)
{
	size_t n;

	return (rx_rotate(s, code, &n, &st));
}
ACT(act_rotate_no_unit, rotate(s, "x"))
ACT(act_rotate_other, rotate(s, "350102001002"))
ACT(act_rotate_without, rotate(s, "350102001001"))
ACT(act_rotate_all_without, rotate(s, NULL))

static const struct {
	const char *what, *user;
	rx_err (*act)(struct rx_session *);
	rx_err code;
	enum rx_msg msg;
} refusals[] = {
	/* first: whoever has the keys hands them on by signing in */
	{ "new keys by who has none yet", "new", act_rotate_without, RX_EPERM,
	    RX_MSG_ROTATE_NOT_HELD },
	{ "new keys of all his units by who has none yet", "new",
	    act_rotate_all_without, RX_EPERM, RX_MSG_ROTATE_NOT_HELD },
	{ "an address for one who has no cases", "admin", act_address,
	    RX_EPERM, RX_MSG_CASES_NOT_YOURS },
	{ "handover of nobody", "admin", act_handover_nobody, RX_ENOENT,
	    RX_MSG_USER_UNKNOWN },
	{ "handover to himself", "admin", act_handover_self, RX_ECONFLICT,
	    RX_MSG_USER_SELF },
	{ "handover of one's own", "admin", act_handover_own, RX_ECONFLICT,
	    RX_MSG_USER_SELF },
	{ "handover of the disabled", "admin", act_handover_gone,
	    RX_ECONFLICT, RX_MSG_USER_DISABLED },
	{ "handover to nobody, without a passphrase", "admin",
	    act_handover_to_nobody, RX_ENOENT, RX_MSG_USER_UNKNOWN },
	{ "reset of oneself", "admin", act_reset_self, RX_ECONFLICT,
	    RX_MSG_USER_SELF },
	{ "reset of the disabled", "admin", act_reset_gone, RX_ECONFLICT,
	    RX_MSG_USER_DISABLED },
	{ "reset of nobody", "admin", act_reset_nobody, RX_ENOENT,
	    RX_MSG_USER_UNKNOWN },
	{ "recovery for nobody", "admin", act_recover_nobody, RX_ENOENT,
	    RX_MSG_USER_UNKNOWN },
	{ "recovery with no code", "admin", act_recover_no_code, RX_EUSAGE,
	    RX_MSG_CODE_INVALID },
	{ "codes issued by a director", "d1", act_issue, RX_EPERM,
	    RX_MSG_ADMIN_ONLY },
	{ "sums saved by a director", "d1", act_running, RX_EPERM,
	    RX_MSG_NOT_PERMITTED },
	{ "new keys of no unit", "d1", act_rotate_no_unit, RX_EUSAGE,
	    RX_MSG_UNIT_INVALID },
	{ "new keys of another's unit", "d1", act_rotate_other, RX_EPERM,
	    RX_MSG_ROTATE_NOT_HELD },
};

static void
test_what_is_refused_changes_nothing(void **state)
{
	const char *dir = fixture_copy();
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	struct rx_session *s = fixture_open(dir, "admin");
	struct rx_secret *p = test_passphrase("new-pass");
	size_t i;

	(void)state;
	ok(rx_user_disable(s, "gone", &st), &st);
	ok(rx_user_add(s, "new", RX_ROLE_DIRECTOR, "350102001001", p, &st),
	    &st);
	rx_secret_free(p);
	rx_session_close(s);
	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		s = fixture_open(dir, refusals[i].user);
		fixture_digest(dir, before);
		said(refusals[i].what, refusals[i].act(s), refusals[i].code,
		    refusals[i].msg);
		assert_false(rx_store_in_transaction(s->store));
		rx_session_close(s);
		fixture_digest(dir, after);
		if (memcmp(before, after, sizeof(after)) != 0)
			fail_msg("%s: something was changed",
			    refusals[i].what);
	}
}

/* No county of Fujian has this number; nothing is made. */
static void
test_register_of_a_unit_that_is_not_listed_is_not_made(void **state)
{
	const char *dir = test_dir();
	struct rx_codes codes;
	char path[300];
	struct stat sb;

	(void)state;
	said("unit", rx_register_create(dir, "admin", "县", "350199", word,
	    &codes, &st), RX_EUSAGE, RX_MSG_UNIT_NOT_LISTED);
	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	assert_int_equal(stat(path, &sb), -1);
}

/* Who has all his keys gets none from the custodians; who lacks some does. */
static void
test_recovery_of_what_he_has_is_refused(void **state)
{
	const char *dir = test_dir();
	const struct rx_buf all = RX_BUF_INIT;
	struct rx_codes codes;
	const char *const two[2] = { codes.text[0], codes.text[1] };
	struct rx_session *s;
	size_t made;

	(void)state;
	ok(rx_register_create(dir, "admin", "县", "350102", word, &codes, &st),
	    &st);
	ok(rx_session_open(&s, dir, "admin", word, &st), &st);
	ok(rx_user_add(s, "d1", RX_ROLE_DIRECTOR, "350102001001", word, &st),
	    &st);
	rx_session_close(s);
	ok(rx_session_open(&s, dir, "d1", word, &st), &st);
	rx_session_close(s);
	ok(rx_session_open(&s, dir, "admin", word, &st), &st);
	ok(rx_user_add(s, "d2", RX_ROLE_DIRECTOR, "350102001001", word, &st),
	    &st);
	said("keys", rx_recover(s, "d1", &all, two, &made, &st), RX_ENOENT,
	    RX_MSG_RECOVER_NOTHING);
	assert_int_equal(made, 0);
	ok(rx_recover(s, "d2", &all, two, &made, &st), &st);
	assert_int_equal(made, 1);
	rx_session_close(s);
}

/* ---- in a prefecture ---- */

static rx_err
count_unit(void *n, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *u)
{

	(void)unit;
	(void)name;
	(void)u;
	(*(size_t *)n)++;
	return (RX_OK);
}

#define CHILD(id, unit) "{\"id\":\"" id "\",\"unit\":\"" unit "\",\"name\":" \
	"\"例\",\"sex\":\"f\",\"birth\":\"2014-05\",\"categories\":" \
	"[\"left_behind\"],\"legal_basis\":\"consent\"}"

/* A case moves within its county; and the prefecture's own work is not the
 * village's. */
static void
test_case_is_not_offered_to_another_county(void **state)
{
	const char *dir = test_dir();
	uint8_t id[RX_ID_BYTES];
	struct rx_codes codes;
	struct rx_session *s;
	size_t n = 0;

	(void)state;
	ok(rx_register_create(dir, "admin", "市", "350100", word, &codes, &st),
	    &st);
	ok(rx_session_open(&s, dir, "admin", word, &st), &st);
	ok(rx_user_add(s, "d1", RX_ROLE_DIRECTOR, "350102001001", word, &st),
	    &st);
	ok(rx_user_add(s, "d2", RX_ROLE_DIRECTOR, "350103", word, &st), &st);
	rx_session_close(s);
	ok(rx_session_open(&s, dir, "d1", word, &st), &st);
	fixture_save(s, RX_CHILD, CHILD("c1", "350102001001"), false, id);
	said("county", rx_transfer_offer(s, id, "350103000000\0\0\0", "搬家",
	    &st), RX_EUSAGE, RX_MSG_TRANSFER_COUNTY);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.transfer"), 0);
	ok(rx_unit_own_each(s, true, count_unit, &n, &st), &st);
	assert_int_equal(n, 1);
	rx_session_close(s);
}

/* Two villages offer him a c1: he must say which by its number. */
static void
test_two_offers_of_one_name_are_told_apart_by_number(void **state)
{
	const char *dir = fixture_copy();
	uint8_t id[RX_ID_BYTES], other[RX_ID_BYTES];
	char text[RX_UUID_TEXT];
	struct rx_session *s = fixture_open(dir, "admin");

	(void)state;
	ok(rx_user_add(s, "n1", RX_ROLE_DIRECTOR, "350102002", word, &st),
	    &st);
	rx_session_close(s);
	ok(rx_session_open(&s, dir, "n1", word, &st), &st);
	fixture_save(s, RX_CHILD, CHILD("c1", "350102002"), false, other);
	ok(rx_transfer_offer(s, other, "350102001002", "搬家", &st), &st);
	rx_session_close(s);
	s = fixture_open(dir, "d1");
	ok(rx_transfer_offer(s, fixture_id[C1], "350102001002", "搬家", &st),
	    &st);
	rx_session_close(s);
	s = fixture_open(dir, "d2");
	said("c1", rx_transfer_find(s, "c1", id, &st), RX_ECONFLICT,
	    RX_MSG_CHILD_AMBIGUOUS);
	rx_uuid_text(other, text);
	ok(rx_transfer_find(s, text, id, &st), &st);
	assert_memory_equal(id, other, sizeof(id));
	rx_session_close(s);
}

#define LIKE_OURS "0190bbbb-0000-7000-8000-000000000000"

static void
test_an_offer_is_found_by_an_id_that_looks_like_ours(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	uint8_t id[RX_ID_BYTES], child[RX_ID_BYTES];

	(void)state;
	fixture_save(s, RX_CHILD, CHILD(LIKE_OURS, "350102001001"), false,
	    child);
	ok(rx_transfer_offer(s, child, "350102001002", "搬家", &st), &st);
	rx_session_close(s);
	s = fixture_open(dir, "d2");
	ok(rx_transfer_find(s, LIKE_OURS, id, &st), &st);
	assert_memory_equal(id, child, sizeof(id));
	rx_session_close(s);
}

/* ---- files ---- */

static rx_err
each_file(void *cookie, const struct rx_vault_file *f, struct rx_status *u)
{

	(void)cookie;
	(void)f;
	(void)u;
	return (RX_OK);
}

static void
test_folder_of_backups_must_be_one(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "admin");
	char path[300];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/none", dir);
	said("absent", rx_vault_each(s, path, each_file, NULL, &st), RX_EIO,
	    RX_MSG_FILE_ABSENT);
	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	said("a file", rx_vault_each(s, path, each_file, NULL, &st), RX_EIO,
	    RX_MSG_FILE_NO_ACCESS);
	rx_session_close(s);
}

/* Write a backup of the register in ${dir} and prove it; or prove it as ${as}. */
static rx_err
prove(const char *dir, bool as_another)
{
	const char *vault = test_dir();
	const struct rx_vault_file none = { .name = "" };
	struct rx_session *s = fixture_open(dir, "admin");
	struct rx_backup *b, *other;
	char name[RX_VAULT_NAME];
	bool whole;
	rx_err rc;

	ok(rx_backup_take(&b, s, RX_BACKUP_KEEP, &st), &st);
	ok(rx_backup_take(&other, s, RX_BACKUP_KEEP + 1, &st), &st);
	ok(rx_vault_write(b, vault, NULL, &none, name, &whole, &st), &st);
	rc = rx_vault_prove(as_another ? other : b, vault, NULL, name, &st);
	rx_backup_release(b);
	rx_backup_release(other);
	rx_session_close(s);
	return (rc);
}

/* A row that was changed before the backup was taken shows when it is proved. */
static void
test_backup_of_a_changed_register_is_not_proved(void **state)
{
	const char *dir = fixture_copy();

	(void)state;
	ok(prove(dir, false), &st);
	said("another", prove(dir, true), RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT);
	fixture_tamper(dir, "UPDATE record SET coded = CAST(coded || x'00' AS BLOB)");
	said("a row", prove(dir, false), RX_ECORRUPT, RX_MSG_AUDIT_ROWS);
	dir = fixture_copy();
	fixture_tamper(dir, "UPDATE audit SET time = time + 1 WHERE seq = 3");
	said("an entry", prove(dir, false), RX_ECORRUPT,
	    RX_MSG_BACKUP_CORRUPT);
}

/* No file has such a name; and nothing is written into the head for it. */
static void
test_increment_to_a_name_that_is_too_long_is_not_made(void **state)
{
	struct rx_backup_part none;
	struct rx_buf out = RX_BUF_INIT;
	char name[300];

	(void)state;
	memset(&none, 0, sizeof(none));
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(rx_increment_make(&out, name, &none, &none, &st),
	    RX_EINTERNAL);
	assert_int_equal(out.len, 0);
	rx_buf_free(&out);
	rx_status_clear(&st);
}

/* ---- rows that somebody changed ---- */

static rx_err
load_draft(struct rx_session *s, struct rx_buf *out, bool *found)
{

	return (rx_draft_load(s, fixture_id[C1], out, found, &st));
}

/* A draft is not opened when it is none, or says that it is under keys that the
 * case has not; and the next one takes its place. */
static void
test_changed_draft_is_not_opened(void **state)
{
	static const char *const how[2] = {
		"UPDATE draft SET sealed = x'00'",
		"UPDATE draft SET sealed = CAST(substr(sealed, 1, 24) || "
		    "x'63000000' || substr(sealed, 29) AS BLOB)"
	};
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_buf out = RX_BUF_INIT;
	bool found;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		ok(rx_draft_save(s, fixture_id[C1], "draft", 5, &st), &st);
		ok(load_draft(s, &out, &found), &st);
		assert_true(found && out.len == 5);
		rx_buf_free(&out);
		fixture_tamper(dir, how[i]);
		said(how[i], load_draft(s, &out, &found), RX_ECORRUPT,
		    RX_MSG_SEALED_CORRUPT);
		assert_false(found);
		assert_int_equal(out.len, 0);
	}
	ok(rx_draft_save(s, fixture_id[C1], "draft", 5, &st), &st);
	ok(load_draft(s, &out, &found), &st);
	assert_true(found);
	rx_buf_free(&out);
	rx_session_close(s);
}

/* With a version that waits for a decision goes the case it is of; when that
 * version's key is no key, nothing goes. */
static void
test_case_with_a_changed_conflict_is_not_erased_by_half(void **state)
{
	const char *dir = fixture_copy();
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	struct rx_session *s;

	(void)state;
	fixture_sql(dir, "PRAGMA ignore_check_constraints = 1; "
	    "INSERT INTO conflict VALUES(1, x'00', 1, x'00', $c1, "
	    "'350102001001', x'00')");
	s = fixture_open(dir, "d1");
	fixture_digest(dir, before);
	said("conflict", rx_child_erase(s, fixture_id[C1], "期满", &st),
	    RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
	rx_session_close(s);
	fixture_digest(dir, after);
	assert_memory_equal(before, after, sizeof(after));
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM child "
	    "WHERE id = $c1"), 1);
}

static enum rx_msg listed_bad;

static rx_err
each_offer(void *cookie, const struct rx_transfer_row *row,
    struct rx_status *u)
{

	(void)u;
	(*(size_t *)cookie)++;
	listed_bad = row->bad;
	return (RX_OK);
}

/* It says to be sealed under keys that the case has not: it is listed as that. */
static void
test_offer_under_unknown_keys_is_listed_as_changed(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	size_t n = 0;

	(void)state;
	ok(rx_transfer_offer(s, fixture_id[C1], "350102001002", "搬家", &st),
	    &st);
	ok(rx_transfer_each(s, false, each_offer, &n, &st), &st);
	assert_true(n == 1 && listed_bad == RX_MSG_NONE);
	fixture_tamper(dir, "UPDATE keys.transfer SET coded = CAST(substr("
	    "coded, 1, 24) || x'63000000' || substr(coded, 29) AS BLOB)");
	ok(rx_transfer_each(s, false, each_offer, &n, &st), &st);
	assert_true(n == 2 && listed_bad == RX_MSG_SEALED_CORRUPT);
	rx_session_close(s);
}

static rx_err
each_entry(void *cookie, const struct rx_audit_row *row, struct rx_status *u)
{

	(void)cookie;
	(void)row;
	(void)u;
	return (RX_OK);
}

/* Whoever lists the audit without verifying it still sees no changed entry. */
static void
test_changed_entry_of_the_audit_is_not_listed(void **state)
{
	const struct rx_audit_filter f = { .limit = 1000 };
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "admin");
	size_t n;

	(void)state;
	ok(rx_audit_list(s, &f, &n, each_entry, NULL, &st), &st);
	fixture_tamper(dir, "UPDATE audit SET payload = CAST(substr(payload, "
	    "1, length(payload) - 1) || x'aa' AS BLOB) WHERE seq = 3");
	said("entry", rx_audit_list(s, &f, &n, each_entry, NULL, &st),
	    RX_ECORRUPT, RX_MSG_AUDIT_BROKEN);
	rx_session_close(s);
}

/* While he is signed in, one certificate grows beyond all measure: he goes on with
 * no members, rather than with those of before. */
static void
test_certificate_that_is_too_long_stops_whoever_is_signed_in(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1"), *t;
	struct rx_store *store;
	const struct rx_key *key;

	(void)state;
	ok(rx_store_open(&store, dir, &st), &st);
	ok(rx_session_attach(&t, store, "d1", word, &st), &st);
	ok(rx_members_refresh(s, &st), &st);
	/* His grant is no grant; that may be news, so he looks again. */
	fixture_tamper(dir, "UPDATE keys.unit_grant SET sealed = x'00' WHERE "
	    "recipient = $d1 AND unit = '350102001001'");
	said("a grant", rx_unit_key(t, VILLAGE, RX_COMP_CODED, 0, &key, NULL,
	    &st), RX_ECORRUPT, RX_MSG_GRANT_CORRUPT);
	fixture_tamper(dir, "UPDATE keys.cert SET cert = CAST(cert || "
	    "zeroblob(600) AS BLOB) WHERE user = $gone");
	said("certificate", rx_members_refresh(s, &st), RX_ECORRUPT,
	    RX_MSG_CERT_CORRUPT);
	said("and a grant", rx_unit_key(t, VILLAGE, RX_COMP_CODED, 0, &key,
	    NULL, &st), RX_ECORRUPT, RX_MSG_CERT_CORRUPT);
	rx_session_close(s);
	rx_session_close(t);
	rx_store_close(store);
}

/* ---- what one who has the keys can forge ---- */

/* A grant that is closed, as those beside a case may be, holds no keys: in the
 * place of open ones it is refused, and does not pass for keys that are zero. */
static void
test_closed_grant_in_the_place_of_keys_is_refused(void **state)
{
	static const struct rx_key *const none[RX_GRANT_KEYS];
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_grant_context ctx;
	uint8_t box[RX_GRANT_BYTES];

	(void)state;
	rx_grant_context_set(&ctx, s, VILLAGE, NULL, 1, RX_CASE_KEYS);
	ok(rx_grant_make(box, &ctx, none, RX_GRANT_CLOSED, s->user_id, s->id,
	    s->id->box_public, &st), &st);
	rx_session_close(s);
	fixture_tamper_blob(dir, "UPDATE keys.unit_grant SET sealed = ?1 WHERE "
	    "recipient = $d1 AND unit = '350102001001'", box, sizeof(box));
	fixture_open_corrupt(dir, "d1", RX_MSG_GRANT_CORRUPT);
	rx_session_close(fixture_open(dir, "d2"));	/* the control */
}

/* Whoever makes a backup signs what its head says; what that says of the register
 * must be true. */
static void
test_backup_that_lies_about_its_register_is_not_restored(void **state)
{
	static const size_t lie[3] = { RX_AT_SEQ, RX_AT_AUDIT, RX_AT_ROWS };
	const char *dir = fixture_copy(), *to = test_dir();
	char file[300], keys[310];
	struct rx_session *s = fixture_open(dir, "d1");
	const struct rx_restore ask = { .file = file, .user = "d1",
	    .passphrase = word };
	struct rx_restored got;
	struct rx_backup *b;
	uint8_t *head;
	size_t i, part;

	(void)state;
	for (i = 0; i <= 3; i++) {
		ok(rx_backup_take(&b, s, RX_BACKUP_KEEP, &st), &st);
		for (part = 0; part < RX_PARTS && i < 3; part++) {
			head = b->part[part].head;
			head[lie[i]] ^= 1;
			rx_sign(head + RX_BACKUP_HEAD, s->id->sign_secret,
			    RX_BACKUP_LABEL, head, RX_BACKUP_HEAD);
		}
		(void)snprintf(file, sizeof(file), "%s/%zu", to, i);
		(void)snprintf(keys, sizeof(keys), "%s.keys", file);
		ok(rx_backup_put(b, file, keys, NULL, &st), &st);
		rx_backup_release(b);
		if (i < 3)
			said("lie", rx_backup_restore(&ask, &got, &st),
			    RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT);
		else		/* the control */
			ok(rx_backup_restore(&ask, &got, &st), &st);
	}
	rx_session_close(s);
}

/* Who offers a case seals who he is; something else, rightly sealed, is listed as
 * changed and not read past its end. */
static void
test_offer_that_does_not_say_by_whom_is_listed_as_changed(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_buf box = RX_BUF_INIT;
	struct rx_place place;
	struct rx_case c = { .n = 0 };
	size_t n = 0;

	(void)state;
	ok(rx_transfer_offer(s, fixture_id[C1], "350102001002", "搬家", &st),
	    &st);
	ok(rx_case_load(&c, s, fixture_id[C1], VILLAGE, RX_CASE_KEYS, &st),
	    &st);
	rx_place_init(&place, s, VILLAGE2, fixture_id[C1], fixture_id[C1],
	    RX_TABLE_TRANSFER, 4, 1);
	ok(rx_field_seal(&box, c.e[c.n - 1].key[2], RX_COMP_CODED,
	    c.e[c.n - 1].epoch, &place, RX_PAD_SHORT, "?", 1, &st), &st);
	rx_case_done(&c, s);
	fixture_tamper_blob(dir, "UPDATE keys.transfer SET coded = ?1", box.b,
	    box.len);
	ok(rx_transfer_each(s, false, each_offer, &n, &st), &st);
	assert_true(n == 1 && listed_bad == RX_MSG_SEALED_CORRUPT);
	rx_buf_free(&box);
	rx_session_close(s);
}

/* ---- where the case was, and is no more ---- */

/* At home d2 took c1 over and has erased it.  To a copy in which it still lies in
 * the village of before, that certificate is of a case elsewhere: the copy waits
 * for the move, and erases nothing meanwhile. */
static void
test_erasure_of_a_case_that_moved_waits_in_a_copy(void **state)
{
	const char *home = fixture_copy(), *copy;
	struct rx_secret *p = test_passphrase("s1-pass");
	char file[300], number[16];
	struct rx_session *s;
	struct rx_bundle b;

	(void)state;
	rx_session_close(fixture_open(home, "s1"));
	copy = fixture_copy_of(home);
	ok(rx_copy_begin(copy, "s1", p, "镇", &st), &st);
	rx_secret_free(p);
	s = fixture_open(home, "d1");
	ok(rx_transfer_offer(s, fixture_id[C1], "350102001002", "搬家", &st),
	    &st);
	rx_session_close(s);
	s = fixture_open(home, "d2");
	ok(rx_transfer_accept(s, fixture_id[C1], number, &st), &st);
	ok(rx_child_erase(s, fixture_id[C1], "期满", &st), &st);
	(void)snprintf(file, sizeof(file), "%s/bundle", test_dir());
	ok(rx_bundle_make(s, "350102001", file, &b, &st), &st);
	rx_session_close(s);
	s = fixture_open(copy, "s1");
	ok(rx_bundle_open(s, file, false, &b, &st), &st);
	rx_session_close(s);
	assert_int_equal(b.gone, 0);
	assert_true(b.skipped > 0);
	assert_int_equal(fixture_number(copy, "SELECT count(*) FROM child "
	    "WHERE id = $c1"), 1);
	assert_int_equal(fixture_number(copy, "SELECT count(*) FROM erasure"),
	    0);
}

static rx_err
each_record(void *cookie, const struct rx_record *r, struct rx_status *u)
{

	(void)cookie;
	(void)r;
	(void)u;
	return (RX_OK);
}

static rx_err
each_residue(void *cookie, const struct rx_residue *r, struct rx_status *u)
{

	(void)r;
	(void)u;
	(*(size_t *)cookie)++;
	return (RX_OK);
}

/* What the form counts of the erased is ${text} from now on. */
static void
forge_sums(struct rx_session *s, const char *text)
{
	struct rx_buf box = RX_BUF_INIT;
	const struct rx_key *key;
	struct rx_place place;
	struct rx_value v[2];
	uint32_t epoch;

	rx_place_init(&place, s, VILLAGE, NULL, NULL, RX_TABLE_TALLY, 1, 1);
	ok(rx_unit_key(s, VILLAGE, RX_COMP_CODED, 0, &key, &epoch, &st), &st);
	ok(rx_field_seal(&box, key, RX_COMP_CODED, epoch, &place, RX_PAD_NOTE,
	    text, strlen(text), &st), &st);
	v[0] = rx_text(VILLAGE);
	v[1] = rx_bytes(box.b, box.len);
	ok(rx_store_begin(s->store, &st), &st);
	ok(rx_store_replace(s->store, RX_TABLE_TALLY, v, &st), &st);
	ok(rx_store_commit(s->store, &st), &st);
	rx_buf_free(&box);
}

static void
test_forged_sums_of_the_erased_are_not_counted(void **state)
{
	static const char *const bad[] = { "{", "{\"months\":{\"2025-13\":{}}}" };
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1"), *t;
	struct rx_mark mark;
	size_t i, n = 0;

	(void)state;
	t = fixture_open(dir, "st");
	/* The control: what is well formed is counted. */
	forge_sums(s, "{\"months\":{\"2025-06\":{}}}");
	ok(rx_form_each(t, COUNTY, each_record, NULL, each_residue, &n, &mark, &st),
	    &st);
	assert_int_equal(n, 1);
	for (i = 0; i < 2; i++) {
		forge_sums(s, bad[i]);
		said(bad[i], rx_form_each(t, COUNTY, each_record, NULL,
		    each_residue, &n, &mark, &st), RX_ECORRUPT,
		    RX_MSG_SEALED_CORRUPT);
	}
	assert_int_equal(n, 1);
	rx_session_close(s);
	rx_session_close(t);
}

/* ---- who takes no more ---- */

static size_t left;		/* calls that are answered well */

static rx_err
full(void)
{

	if (left-- > 0)
		return (RX_OK);
	rx_status_arg(&st, "file", "%s", "-");
	return (rx_fail(&st, RX_EIO, RX_MSG_FILE_NO_ACCESS));
}
#define EACH(name, ...) static rx_err name(__VA_ARGS__)
EACH(full_record, void *c, const struct rx_record *r, struct rx_status *u)
{ (void)c; (void)r; (void)u; return (full()); }
EACH(full_unit, void *c, const char unit[RX_UNIT_BYTES], const char *name,
    struct rx_status *u)
{ (void)c; (void)unit; (void)name; (void)u; return (full()); }
EACH(full_units, void *c, const char *a, const char *b, const char *level,
    const char *above, struct rx_status *u)
{ (void)c; (void)a; (void)b; (void)level; (void)above; (void)u;
	return (full()); }
EACH(full_child, void *c, const struct rx_child_row *row, struct rx_status *u)
{ (void)c; (void)row; (void)u; return (full()); }
EACH(full_user, void *c, const struct rx_user_row *row, struct rx_status *u)
{ (void)c; (void)row; (void)u; return (full()); }
EACH(full_entry, void *c, const struct rx_audit_row *row, struct rx_status *u)
{ (void)c; (void)row; (void)u; return (full()); }

static size_t entries;
static const struct rx_audit_filter any = { .limit = 100 };
ACT(list_units, rx_unit_each(s, full_units, NULL, &st))
ACT(list_own, rx_unit_own_each(s, true, full_unit, NULL, &st))
ACT(list_coded, rx_coded_each(s, COUNTY, full_record, NULL, &st))
ACT(list_children, rx_child_each(s, 0, 0, full_child, NULL, &st))
ACT(list_users, rx_user_each(s, full_user, NULL, &st))
ACT(list_audit, rx_audit_list(s, &any, &entries, full_entry, NULL, &st))

/* A reader that takes no more, as a pipe that is closed, ends the list with its own
 * error wherever that happens, and the session goes on. */
static void
test_list_ends_with_what_its_reader_says(void **state)
{
	static const struct {
		const char *user;
		rx_err (*list)(struct rx_session *);
	} lists[] = {
		{ "d1", list_units }, { "d1", list_own }, { "st", list_coded },
		{ "d1", list_children }, { "admin", list_users },
		{ "admin", list_audit }
	};
	const char *dir = fixture_copy();
	struct rx_session *s;
	size_t i, at, all;

	(void)state;
	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		s = fixture_open(dir, lists[i].user);
		left = SIZE_MAX;
		ok(lists[i].list(s), &st);
		all = SIZE_MAX - left;
		assert_true(all > 0);
		for (at = 0; at < all && at < 12; at++) {
			left = at;
			said(lists[i].user, lists[i].list(s), RX_EIO,
			    RX_MSG_FILE_NO_ACCESS);
			assert_int_equal(left, SIZE_MAX);	/* asked once more */
		}
		left = all + 100;
		ok(lists[i].list(s), &st);
		rx_session_close(s);
	}
}

static int
setup(void **state)
{

	rx_status_clear(&st);
	word = test_passphrase("d1-pass");
	return (fixture_setup(state));
}

static int
teardown(void **state)
{

	(void)state;
	rx_secret_free(word);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_refused_changes_nothing),
		cmocka_unit_test(
		    test_register_of_a_unit_that_is_not_listed_is_not_made),
		cmocka_unit_test(test_recovery_of_what_he_has_is_refused),
		cmocka_unit_test(test_case_is_not_offered_to_another_county),
		cmocka_unit_test(
		    test_two_offers_of_one_name_are_told_apart_by_number),
		cmocka_unit_test(
		    test_an_offer_is_found_by_an_id_that_looks_like_ours),
		cmocka_unit_test(test_folder_of_backups_must_be_one),
		cmocka_unit_test(
		    test_backup_of_a_changed_register_is_not_proved),
		cmocka_unit_test(
		    test_increment_to_a_name_that_is_too_long_is_not_made),
		cmocka_unit_test(test_changed_draft_is_not_opened),
		cmocka_unit_test(
		    test_case_with_a_changed_conflict_is_not_erased_by_half),
		cmocka_unit_test(
		    test_offer_under_unknown_keys_is_listed_as_changed),
		cmocka_unit_test(
		    test_changed_entry_of_the_audit_is_not_listed),
		cmocka_unit_test(
    test_certificate_that_is_too_long_stops_whoever_is_signed_in),
		cmocka_unit_test(
		    test_closed_grant_in_the_place_of_keys_is_refused),
		cmocka_unit_test(
		    test_backup_that_lies_about_its_register_is_not_restored),
		cmocka_unit_test(
		    test_offer_that_does_not_say_by_whom_is_listed_as_changed),
		cmocka_unit_test(
		    test_erasure_of_a_case_that_moved_waits_in_a_copy),
		cmocka_unit_test(
		    test_forged_sums_of_the_erased_are_not_counted),
		cmocka_unit_test(test_list_ends_with_what_its_reader_says),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("refused", tests, setup,
	    teardown));
}
