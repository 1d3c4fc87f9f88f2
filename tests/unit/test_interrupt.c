/*
 * Handover, rotation, recovery, new codes, new passphrases, bundles, transfers,
 * backups and erasure, interrupted: killed, or with a disk that fails, at the calls
 * that change something on it, or does not read, or without memory
 * (tests/crash/fault.h).
 * Whatever the moment, the register is whole, shows the state of before or of
 * after a step, and the work is ended by whoever signs in next.
 *
 * Some of the calls; with RUNXIN_TORTURE set, every one (make torture).
 */

#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/crash/attempt.h"

/* ---- the things done ---- */

static struct rx_codes codes;
static char base[256];

static rx_err
act_handover(struct rx_session *s)
{
	struct rx_handover h;

	return (rx_user_handover(s, "d1", "n1", word("n1"), true, &h, &st));
}

static rx_err
act_reset(struct rx_session *s)
{

	return (rx_user_reset(s, "d1", word("reset"), &st));
}

static rx_err
act_passwd(struct rx_session *s)
{

	return (rx_session_passwd(s, word("other"), &st));
}

static rx_err
act_disable(struct rx_session *s)
{

	return (rx_user_disable(s, "d2", &st));
}

static rx_err
act_recover(struct rx_session *s)
{
	const char *const two[2] = { codes.text[0], codes.text[2] };
	const struct rx_buf all = RX_BUF_INIT;
	size_t made;

	return (rx_recover(s, "d3", &all, two, &made, &st));
}

/* What a deed leaves beside the register: the sheet with new codes; a bundle of a
 * copy, made in setup, and one to be made; folders of backups and their keys. */
static char sheet[300], came[300], goes[300], vault[300], vault_keys[300];
static char first[RX_VAULT_NAME];	/* the backup that is there */

static rx_err
keep(void *cookie, const struct rx_codes *c, struct rx_status *u)
{
	int fd = open(sheet, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	(void)cookie;
	(void)u;
	if (fd == -1 || !fault_tell(fd, c, sizeof(*c)))
		_exit(87);
	(void)close(fd);
	return (RX_OK);
}

static rx_err
act_reissue(struct rx_session *s)
{
	const char *const two[2] = { codes.text[0], codes.text[2] };

	return (rx_custodian_reissue(s, two, keep, NULL, &st));
}

/* In two steps, as on the page: that the old key was opened is entered in the
 * audit by the first; the codes are on paper between them. */
static rx_err
act_issue(struct rx_session *s)
{
	const char *const two[2] = { codes.text[0], codes.text[2] };
	rx_err rc = rx_custodian_prepare(s, two, &st);

	if (rc == RX_OK)
		rc = keep(NULL, rx_custodian_prepared(s), &st);
	return (rc != RX_OK ? rc : rx_custodian_issue(s, &st));
}

/* The same passphrase, so that it opens before and after. */
static rx_err
act_admin(struct rx_session *s)
{
	const char *const two[2] = { codes.text[0], codes.text[2] };

	return (rx_custodian_admin(s, two, word("admin"), &st));
}

static rx_err
act_open(struct rx_session *s)
{
	struct rx_bundle b;

	return (rx_bundle_open(s, came, true, &b, &st));
}

static rx_err
act_make(struct rx_session *s)
{
	struct rx_bundle b;

	(void)unlink(goes);
	return (rx_bundle_make(s, "350102001001", goes, &b, &st));
}

static rx_err
act_look(struct rx_session *s)
{
	struct rx_bundle b;

	return (rx_bundle_open(s, goes, false, &b, &st));
}

static rx_err
transfer_find(struct rx_session *s, uint8_t id[RX_ID_BYTES])
{

	return (rx_session_has_role(s, RX_ROLE_DIRECTOR) && strcmp(
	    rx_session_user(s), "e1") == 0 ? rx_transfer_find(s, "c0", id,
	    &st) : rx_child_find(s, "c0", id, &st));
}

static rx_err
act_offer(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc = transfer_find(s, id);

	return (rc != RX_OK ? rc : rx_transfer_offer(s, id, "350102001002",
	    "搬家", &st));
}

static rx_err
act_accept(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];
	char number[16];
	rx_err rc = transfer_find(s, id);

	return (rc != RX_OK ? rc : rx_transfer_accept(s, id, number, &st));
}

static rx_err
act_reject(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc = transfer_find(s, id);

	return (rc != RX_OK ? rc : rx_transfer_reject(s, id, "没有", &st));
}

static rx_err
act_withdraw(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc = transfer_find(s, id);

	return (rc != RX_OK ? rc : rx_transfer_withdraw(s, id, &st));
}

static rx_err
act_erase(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc = rx_child_find(s, "c1", id, &st);

	return (rc != RX_OK ? rc : rx_child_erase(s, id, "迁出", &st));
}

static rx_err
act_backup(struct rx_session *s)
{
	char name[RX_VAULT_NAME];
	struct rx_vault_file top;
	struct rx_backup *b;
	bool full;
	rx_err rc;

	if ((rc = rx_vault_newest(s, vault, &top, &st)) != RX_OK ||
	    (rc = rx_backup_take(&b, s, RX_BACKUP_KEEP, &st)) != RX_OK)
		return (rc);
	if ((rc = rx_vault_write(b, vault, vault_keys, &top, name, &full,
	    &st)) ==
	    RX_OK)
		rc = rx_vault_prove(b, vault, vault_keys, name, &st);
	rx_backup_release(b);
	if (first[0] == '\0')
		memcpy(first, name, sizeof(first));
	return (rc);
}

/* As in a register that was made before the root was granted to the recovery
 * key. */
static rx_err
act_forget_root(struct rx_session *s)
{
	struct rx_value key[4] = { rx_text(RX_REGISTER_KEYS), rx_int(1),
	    rx_int(RX_BIT(RX_COMP_ROOT)) };
	bool deleted = false;
	size_t i;
	rx_err rc;

	if ((rc = rx_begin(s, &st)) != RX_OK)
		return (rc);
	for (i = 0; s->members[i].cert.role != RX_ROLE_RECOVERY; i++)
		assert_true(i + 1 < s->nmembers);
	key[3] = rx_bytes(s->members[i].cert.user, RX_ID_BYTES);
	rc = rx_store_delete(s->store, RX_TABLE_UNIT_GRANT, key, &deleted,
	    &st);
	assert_true(rc != RX_OK || deleted);
	return (rx_finish(s, rc, RX_DID_GRANT, NULL, NULL, &st));
}

/* The control: what is no one step, as it is two. */
static rx_err
act_two_steps(struct rx_session *s)
{
	rx_err rc;

	if ((rc = rx_user_disable(s, "d2", &st)) == RX_OK)
		rc = rx_user_disable(s, "d3", &st);
	return (rc);
}

/* ---- what was done before ---- */

static void
before_rotation(const char *dir)
{

	ok(as(dir, "admin", "admin", act_disable), &st);
}

/* What d1's sign-in hands on is no part of it. */
static void
before_admin(const char *dir)
{

	ok(sign_in(dir, "d1", "d1"), &st);
}

static void
before_root(const char *dir)
{

	ok(as(dir, "admin", "admin", act_forget_root), &st);
}

static void
before_adoption(const char *dir)
{

	ok(as(dir, "admin", "admin", act_reissue), &st);
}

static void
before_take_next(const char *dir)
{

	ok(as(dir, "d1", "d1", act_passwd), &st);
	ok(sign_in(dir, "admin", "admin"), &st);
}

static void
before_answer(const char *dir)
{

	ok(as(dir, "d1", "d1", act_offer), &st);
	ok(sign_in(dir, "e1", "e1"), &st);
}

static void
before_own_answer(const char *dir)
{

	before_answer(dir);
	ok(sign_in(dir, "d1", "d1"), &st);
}

/* His sign-in is no part of it. */
static void
before_d1(const char *dir)
{

	ok(sign_in(dir, "d1", "d1"), &st);
}

static void
before_d2(const char *dir)
{

	ok(sign_in(dir, "d2", "d2"), &st);
}

/* ---- what must hold in the end ---- */

/* ${user} reads ${children} cases; the whole audit, every row. */
static void
reads(const char *dir, const char *user, const char *pass, size_t children)
{
	struct rx_secret *p = test_passphrase(pass);
	struct rx_session *s;
	size_t n = 0;

	ok(rx_session_open(&s, dir, user, p, &st), &st);
	rx_secret_free(p);
	ok(fixture_list(s, &n, &st), &st);
	assert_int_equal(n, children);
	ok(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st), &st);
	rx_session_close(s);
}

/* Nothing is left under the keys of before, where they were to go. */
static void
check_keys(const struct deed *d, const char *dir)
{
	const char *who = d->act == act_handover || d->act == act_reset ||
	    d->act == act_two_steps ? "d2" : "d1";

	ok(sign_in(dir, "admin", "admin"), &st);
	reads(dir, who, who, 3);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.case_key WHERE epoch = 1"), 0);
}

static void
check_two_steps(const struct deed *d, const char *dir)
{

	(void)d;
	reads(dir, "d1", "d1", 3);
}

static void
check_recover(const struct deed *d, const char *dir)
{

	(void)d;
	reads(dir, "d1", "d1", 3);
	reads(dir, "d3", "d3", 3);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE unit = '350102001001'"), 4);
}

/* The keys of all units, by two of the codes. */
static rx_err
custodians(const char *dir, const struct rx_codes *c)
{
	const char *const two[2] = { c->text[1], c->text[2] };
	struct rx_secret *p = test_passphrase("admin");
	struct rx_session *s;
	struct rx_custody found;
	rx_err rc;

	ok(rx_session_open(&s, dir, "admin", p, &st), &st);
	rc = rx_custodian_test(s, two, &found, &st);
	rx_session_close(s);
	rx_secret_free(p);
	assert_true(rc != RX_OK || (found.opened == found.all && found.root));
	rx_status_clear(&st);
	return (rc);
}

/* The administrator goes on, and so do the codes. */
static void
check_admin(const struct deed *d, const char *dir)
{

	(void)d;
	ok(as(dir, "admin", "admin", act_disable), &st);
	reads(dir, "d1", "d1", 3);
	assert_int_equal(custodians(dir, &codes), RX_OK);
}

/* The codes give the administrator's account new keys. */
static void
check_root(const struct deed *d, const char *dir)
{

	ok(sign_in(dir, d->user, d->pass), &st);
	assert_int_equal(custodians(dir, &codes), RX_OK);
	ok(as(dir, "d1", "d1", act_admin), &st);
}

/* The new codes open all, and are those that were written down before they
 * counted; the old ones open it no more. */
static void
check_reissue(const struct deed *d, const char *dir)
{
	struct rx_codes now;
	int fd = open(sheet, O_RDONLY | O_CLOEXEC);

	check_keys(d, dir);
	assert_int_equal(read(fd, &now, sizeof(now)), sizeof(now));
	(void)close(fd);
	assert_int_equal(custodians(dir, &now), RX_OK);
	assert_int_equal(custodians(dir, &codes), RX_EPERM);
}

static void
check_passwd(const struct deed *d, const char *dir)
{

	(void)d;
	assert_int_equal(sign_in(dir, "d1", "d1"), RX_EPERM);
	rx_status_clear(&st);
	ok(sign_in(dir, "admin", "admin"), &st);
	reads(dir, "d1", "other", 3);
	/* The new keys are in use, and whoever had none yet has them. */
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.request"), 0);
	reads(dir, "d1", "other", 3);
}

static void
check_bundle_open(const struct deed *d, const char *dir)
{

	(void)d;
	reads(dir, "d1", "d1", 4);
}

static void
check_bundle_make(const struct deed *d, const char *dir)
{

	/* A whole bundle lies there, or nothing: its entry came first. */
	if (access(goes, F_OK) != 0)
		ok(as(dir, d->user, d->pass, d->act), &st);
	ok(as(dir, "d2", "d2", act_look), &st);
	reads(dir, "d1", "d1", 3);
}

/* The case is where it was, or where it was to go, and whole there. */
static void
check_transfer(const struct deed *d, const char *dir)
{

	reads(dir, "d1", "d1", 3 - (d->act == act_accept));
	reads(dir, "e1", "e1", d->act == act_accept);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.transfer"), d->act == act_offer || d->act == act_reject);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.transfer WHERE length(grants) > 0"), d->act == act_offer);
	/* Who was offered the case and has it not, has no key of it any more. */
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.case_key WHERE epoch = 2"), d->act != act_offer);
}

/* Whatever lies there with its keys restores; the newest does. */
static void
check_backup(const struct deed *d, const char *dir)
{
	struct rx_secret *p = test_passphrase("admin");
	struct rx_restore ask = { .user = "admin", .passphrase = p };
	char file[600], keys[610];
	struct rx_restored got;
	struct dirent *e;
	unsigned n = 0;
	DIR *v;

	ok(as(dir, d->user, d->pass, d->act), &st);
	assert_non_null(v = opendir(vault));
	while ((e = readdir(v)) != NULL) {
		(void)snprintf(keys, sizeof(keys), "%s/%s.keys", vault_keys,
		    e->d_name);
		(void)snprintf(file, sizeof(file), "%s/%s", vault, e->d_name);
		if (!rx_vault_is_name(e->d_name) || access(keys, F_OK) != 0)
			continue;
		ask.file = file;
		ask.keys = keys;
		ok(rx_backup_restore(&ask, &got, &st), &st);
		n++;
	}
	(void)closedir(v);
	assert_true(n >= 2);		/* that of setup, and this one */
	rx_secret_free(p);
	reads(dir, "d1", "d1", 3);
}

/* ---- erasure: erased, and then the files rewritten ---- */

#define PIECE 24
static uint8_t piece[PIECE];	/* of the sealed name of the child */

/* Whether ${p} is anywhere in a file of ${dir}, journals too. */
static bool
on_disk(const char *dir, const uint8_t *p)
{
	static const char *const names[] = { "content.db", "keys.db",
	    "content.db-journal", "keys.db-journal" };
	struct rx_buf b = RX_BUF_INIT;
	char path[512];
	bool found = false;
	size_t i;

	for (i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if (access(path, F_OK) != 0)
			continue;
		ok(rx_file_read(&b, path, SIZE_MAX, &st), &st);
		found = found || memmem(b.b, b.len, p, PIECE) != NULL;
		rx_buf_free(&b);
	}
	return (found);
}

static void
before_erasure(const char *dir)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_secret *p = test_passphrase("d1");
	char text[2 * RX_ID_BYTES + 1], sql[200];
	uint8_t id[RX_ID_BYTES];
	struct rx_session *s;

	ok(rx_session_open(&s, dir, "d1", p, &st), &st);
	rx_secret_free(p);
	ok(rx_child_find(s, "c1", id, &st), &st);
	rx_session_close(s);
	rx_hex(text, id, RX_ID_BYTES);
	(void)snprintf(sql, sizeof(sql), "SELECT substr(name, 60) FROM child "
	    "WHERE id = x'%s'", text);
	fixture_blob(dir, sql, &b);
	assert_true(b.len >= PIECE);
	memcpy(piece, b.b, PIECE);
	rx_buf_free(&b);
	assert_true(on_disk(dir, piece));
}

/* The sign-in of ${reads} has rewritten the files. */
static void
check_erasure(const struct deed *d, const char *dir)
{
	struct rx_secret *p = test_passphrase("d1");
	struct rx_session *s;
	size_t found;

	(void)d;
	reads(dir, "d1", "d1", 2);
	ok(rx_session_open(&s, dir, "d1", p, &st), &st);
	rx_secret_free(p);
	ok(rx_erasure_verify(s, &found, &st), &st);
	rx_session_close(s);
	assert_int_equal(found, 1);
	assert_int_equal(fixture_number(dir, "SELECT count(DISTINCT child) "
	    "FROM keys.case_key"), 2);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM tally"), 1);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM erasure "
	    "WHERE swept = 1"), 1);
	assert_false(on_disk(dir, piece));
}

/* ---- the register ---- */

static void
save_child(struct rx_session *s, int i)
{
	char text[300];

	(void)snprintf(text, sizeof(text), "{\"id\":\"c%d\",\"unit\":"
	    "\"350102001001\",\"name\":\"林\",\"sex\":\"f\",\"birth\":"
	    "\"2014-05\",\"categories\":[\"left_behind\"],\"legal_basis\":"
	    "\"consent\"}", i);
	fixture_save(s, RX_CHILD, text, false, NULL);
}

/* A copy of the register, in which d1 has one child more, and its bundle. */
static void
bundle_setup(void)
{
	const char *copy = fixture_copy_of(base);
	struct rx_secret *p = test_passphrase("d1");
	struct rx_session *s;
	struct rx_bundle b;

	ok(rx_copy_begin(copy, "d1", p, "copy", &st), &st);
	ok(rx_session_open(&s, copy, "d1", p, &st), &st);
	save_child(s, 9);
	ok(rx_bundle_make(s, "350102001001", came, &b, &st), &st);
	rx_session_close(s);
	rx_secret_free(p);
}

static void
place_setup(void)
{
	const char *dir = test_dir();

	(void)snprintf(base, sizeof(base), "%s/base", dir);
	(void)snprintf(sheet, sizeof(sheet), "%s/sheet", dir);
	(void)snprintf(came, sizeof(came), "%s/came.rxb", dir);
	(void)snprintf(goes, sizeof(goes), "%s/goes.rxb", dir);
	(void)snprintf(vault, sizeof(vault), "%s/vault", dir);
	(void)snprintf(vault_keys, sizeof(vault_keys), "%s/keys", dir);
	assert_int_equal(mkdir(vault, 0700), 0);
	assert_int_equal(mkdir(vault_keys, 0700), 0);
}

/* d1 and d2 hold the keys of the village; d3 was enrolled when they did not
 * look, and has none; e1 directs another village. */
static int
setup(void **state)
{
	static const char *const people[] = { "d1", "d2", "d3", "e1" };
	struct rx_secret *p = test_passphrase("admin");
	struct rx_session *admin, *s;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	(void)word("n1");
	(void)word("reset");
	(void)word("other");
	(void)word("admin");
	(void)word("d1");
	place_setup();
	ok(rx_register_create(base, "admin", "测试民政局", "350102", p, &codes,
	    &st), &st);
	ok(rx_session_open(&admin, base, "admin", p, &st), &st);
	rx_secret_free(p);
	for (i = 0; i < 4; i++) {
		p = test_passphrase(people[i]);
		ok(rx_user_add(admin, people[i], RX_ROLE_DIRECTOR, i < 3 ?
		    "350102001001" : "350102001002", p, &st), &st);
		if (i == 3)
			ok(sign_in(base, "e1", "e1"), &st);
		if (i < 2) {
			ok(rx_session_open(&s, base, people[i], p, &st), &st);
			if (i == 0)
				for (int k = 0; k < 3; k++)
					save_child(s, k);
			rx_session_close(s);
			ok(sign_in(base, "d1", "d1"), &st);
		}
		rx_secret_free(p);
	}
	rx_session_close(admin);
	bundle_setup();
	ok(as(base, "admin", "admin", act_backup), &st);
	return (0);
}

/* ---- one attempt ---- */

/* As it lies there, before anybody's sign-in goes on with it: the whole audit,
 * every row; and the digest of all. */
static void
whole(const char *dir, uint8_t digest[RX_HASH_BYTES])
{
	struct rx_secret *p = test_passphrase("admin");
	struct rx_store *store;
	struct rx_session *s;

	rx_status_clear(&st);
	ok(rx_store_open(&store, dir, &st), &st);
	ok(rx_session_attach(&s, store, "admin", p, &st), &st);
	ok(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st), &st);
	ok(rx_store_manifest_digest(store, digest, &st), &st);
	rx_session_close(s);
	rx_store_close(store);
	rx_secret_free(p);
}

/* What tells the states of a deed from each other: how many rows of what there
 * are, as every step enters the audit. */
static void
shape_of(const char *dir, struct rx_buf *shape)
{
	static const char *const tables[] = { "child", "record", "audit",
	    "erasure", "erasure WHERE swept = 1", "bundle", "conflict",
	    "tally", "keys.user", "keys.cert", "keys.revocation",
	    "keys.request", "keys.unit_grant", "keys.case_key", "main.slot",
	    "keys.recovery", "keys.unit_epoch", "keys.case_link",
	    "keys.succession", "keys.handover", "keys.transfer",
	    "keys.move" };
	char sql[80], text[24];
	size_t i;

	rx_buf_reset(shape);
	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s",
		    tables[i]);
		(void)snprintf(text, sizeof(text), "%lld ",
		    (long long)fixture_number(dir, sql));
		ok(rx_buf_add(shape, text, strlen(text), &st), &st);
	}
	ok(rx_buf_add(shape, "", 1, &st), &st);
}

/* Remove all in ${dir} whose name does not begin with ${but}, unless NULL. */
static void
empty(const char *dir, const char *but)
{
	char path[600];
	struct dirent *e;
	DIR *d;

	assert_non_null(d = opendir(dir));
	while ((e = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") !=
		    0 && (but == NULL || strncmp(e->d_name, but, strlen(but)) !=
		    0))
			(void)remove(path);
	}
	(void)closedir(d);
}

/* Nothing but what setup has put there. */
static void
place_reset(void)
{

	(void)unlink(goes);
	empty(vault, first);
	empty(vault_keys, first);
}

/* ---- at any call ---- */

#define TIMES 8			/* of a deed and a fault, in a hurry */
#define BETWEEN_MAX 16

static bool thorough;		/* every call */

struct tally {			/* how often which state was seen */
	struct rx_buf old, new, between[BETWEEN_MAX];
	uint8_t digest[RX_HASH_BYTES];
	unsigned before, after, kinds, partly, runs, calls;
};

static void
tally_free(struct tally *t)
{
	unsigned i;

	rx_buf_free(&t->old);
	rx_buf_free(&t->new);
	for (i = 0; i < t->kinds; i++)
		rx_buf_free(&t->between[i]);
}

static bool
same(const struct rx_buf *a, const struct rx_buf *b)
{

	return (a->len == b->len && memcmp(a->b, b->b, a->len) == 0);
}

/* Enter the state of ${dir}; whether it is that of after. */
static bool
look(struct tally *t, const char *dir)
{
	struct rx_buf shape = RX_BUF_INIT;
	uint8_t digest[RX_HASH_BYTES];
	bool done;
	unsigned i;

	whole(dir, digest);
	shape_of(dir, &shape);
	done = same(&shape, &t->new);
	if (same(&shape, &t->old)) {
		assert_memory_equal(digest, t->digest, RX_HASH_BYTES);
		t->before++;
	} else if (done)
		t->after++;
	else {
		for (i = 0; i < t->kinds && !same(&shape, &t->between[i]); i++)
			;
		assert_true(i < BETWEEN_MAX);
		if (i == t->kinds) {
			t->between[t->kinds++] = shape;
			shape = (struct rx_buf)RX_BUF_INIT;
		}
		t->partly++;
	}
	rx_buf_free(&shape);
	return (done);
}

static void
once(const struct deed *d, const char *start, const char *dir,
    struct tally *t, enum fault how, unsigned at)
{
	struct outcome o;
	bool done;
	rx_err rc;

	empty(dir, NULL);
	fixture_copy_over(start, dir);
	place_reset();
	o = attempt(d, dir, how, at);
	t->runs++;
	done = look(t, dir);
	if (o.killed != (how == FAULT_KILL) || (!o.killed && o.rc != RX_OK &&
	    o.rc != RX_EIO) || (!o.killed && o.rc == RX_OK && !done))
		fail_msg("%s, %s at %u: killed %d, code %d (%s), done %d",
		    d->name, fault_name[how], at, o.killed, (int)o.rc, o.text,
		    done);
	if (!done && ((rc = as(dir, d->user, d->pass, d->act)) != d->again ||
	    rc == RX_OK))
		ok(rc, &st);
	rx_status_clear(&st);
	d->check(d, dir);
}

/* In a hurry: some all over, and the last ones, where it is decided. */
static unsigned
call_of(unsigned i, unsigned n)
{

	return (thorough ? i + 1 : i < TIMES / 2 ? 1 + i * n / (TIMES / 2) :
	    n - (TIMES - 1 - i));
}

static struct tally
interrupt(const struct deed *d)
{
	static const enum fault faults[] = { FAULT_KILL, FAULT_IO };
	const char *start = fixture_copy_of(base), *dir = test_dir();
	struct tally t;
	unsigned i, f;

	memset(&t, 0, sizeof(t));
	if (d->before != NULL)
		d->before(start);
	whole(start, t.digest);
	shape_of(start, &t.old);
	fixture_copy_over(start, dir);
	t.calls = attempt(d, dir, FAULT_NONE, 0).calls;
	assert_true(t.calls > TIMES);
	shape_of(dir, &t.new);
	for (f = 0; f < 2; f++)
		for (i = 0; i < (thorough ? t.calls : TIMES); i++)
			once(d, start, dir, &t, faults[f], call_of(i,
			    t.calls));
	print_message("%s: %u calls; of %u times %u before, %u after, %u "
	    "in %u states between\n", d->name, t.calls, t.runs, t.before,
	    t.after, t.partly, t.kinds);
	assert_true(t.before > 0);
	return (t);
}

/* Without memory, or where the disk does not read, the register is as before,
 * or as after a step, and what is said to be done is done.  In a hurry: where the
 * program asks from a line that asked never before. */
static void
starve(const struct deed *d, struct tally *t, enum fault how)
{
	const char *start = fixture_copy_of(base), *dir = test_dir();
	const unsigned *places;
	struct outcome o;
	unsigned calls, times, i, at;

	if (d->before != NULL)
		d->before(start);
	whole(start, t->digest);
	if (t->old.len == 0)
		shape_of(start, &t->old);
	fixture_copy_over(start, dir);
	calls = attempt(d, dir, how, 0).calls;
	times = (unsigned)fault_places(&places);
	for (i = 0; i < (thorough ? calls : times); i++) {
		at = thorough ? i + 1 : places[i];
		empty(dir, NULL);
		fixture_copy_over(start, dir);
		place_reset();
		o = attempt(d, dir, how, at);
		if (!honest(how, &o))
			fail_msg("%s, %s at %u of %u: killed %d, code %d (%s) "
			    "in %s, %ld left", d->name, fault_name[how], at,
			    calls, o.killed, (int)o.rc, o.text, o.where,
			    o.left);
		if (!look(t, dir) && o.rc == RX_OK && t->new.len > 0)
			fail_msg("%s, %s at %u of %u: said to be done",
			    d->name, fault_name[how], at, calls);
	}
	print_message("%s: %s, %u of %u calls\n", d->name, fault_name[how],
	    i, calls);
}

/* Old or new, or at the end of one of the steps that it has; at every call, all
 * of them are seen. */
static void
old_or_new(const struct deed *d)
{
	struct tally t = interrupt(d);

	starve(d, &t, FAULT_MEMORY);
	starve(d, &t, FAULT_READ);
	starve(d, &t, FAULT_ANSWER);
	if (t.kinds > d->between || (thorough && (t.kinds != d->between ||
	    t.after == 0)))
		fail_msg("%s: %u states between", d->name, t.kinds);
	tally_free(&t);
}

/* Something that is done by half shows. */
static void
test_control_two_steps_are_not_taken_for_one(void **state)
{
	static const struct deed two = { "two steps", "admin", "admin",
	    act_two_steps, 0, RX_ECONFLICT, before_d1, check_two_steps };
	struct tally t = interrupt(&two);

	(void)state;
	assert_true(t.kinds > two.between && t.partly > 0);
	tally_free(&t);
}

#define DEED(test, ...) \
	static void test(void **state) { \
	static const struct deed d = { __VA_ARGS__ }; \
	(void)state; old_or_new(&d); }
DEED(test_handover_interrupted_is_before_or_after,
    "handover", "admin", "admin", act_handover, 0, RX_OK, NULL, check_keys)
DEED(test_reset_interrupted_is_before_or_after,
    "reset", "admin", "admin", act_reset, 0, RX_OK, NULL, check_keys)
DEED(test_disabling_interrupted_is_before_or_after,
    "disable", "admin", "admin", act_disable, 0, RX_OK, NULL, check_keys)
DEED(test_rotation_interrupted_goes_on_at_the_next_sign_in,
    "rotation", "d1", "d1", act_nothing, 2, RX_OK, before_rotation, check_keys)
DEED(test_new_passphrase_interrupted_is_before_or_after,
    "passphrase", "d1", "d1", act_passwd, 0, RX_OK, before_d1, check_passwd)
DEED(test_new_keys_taken_into_use_interrupted_is_before_or_after,
    "new keys", "d1", "other", act_nothing, 0, RX_OK, before_take_next,
    check_passwd)
DEED(test_recovery_interrupted_is_before_or_after,
    "recovery", "admin", "admin", act_recover, 0, RX_OK, NULL, check_recover)
DEED(test_new_keys_of_the_administrator_interrupted_are_before_or_after,
    "administrator", "d1", "d1", act_admin, 0, RX_OK, before_admin,
    check_admin)
DEED(test_root_for_the_recovery_key_interrupted_is_before_or_after,
    "root", "admin", "admin", act_nothing, 0, RX_OK, before_root, check_root)
DEED(test_reissue_interrupted_is_before_or_after,
    "reissue", "admin", "admin", act_reissue, 0, RX_OK, NULL, check_reissue)
DEED(test_issue_of_prepared_codes_interrupted_is_before_or_after,
    "issue", "admin", "admin", act_issue, 1, RX_OK, NULL, check_reissue)
DEED(test_adoption_of_a_new_recovery_key_interrupted_goes_on,
    "adoption", "d1", "d1", act_nothing, 3, RX_OK, before_adoption,
    check_reissue)
DEED(test_opening_a_bundle_interrupted_is_before_or_after,
    "bundle open", "d2", "d2", act_open, 0, RX_OK, before_d2, check_bundle_open)
DEED(test_making_a_bundle_interrupted_is_before_or_after,
    "bundle make", "d2", "d2", act_make, 0, RX_OK, before_d2, check_bundle_make)
DEED(test_offer_interrupted_is_before_or_after,
    "offer", "d1", "d1", act_offer, 0, RX_OK, before_d1, check_transfer)
DEED(test_acceptance_interrupted_is_before_or_after,
    "accept", "e1", "e1", act_accept, 0, RX_OK, before_answer, check_transfer)
DEED(test_rejection_interrupted_is_before_or_after,
    "reject", "e1", "e1", act_reject, 0, RX_OK, before_answer, check_transfer)
DEED(test_withdrawal_interrupted_is_before_or_after,
    "withdraw", "d1", "d1", act_withdraw, 0, RX_OK, before_own_answer,
    check_transfer)
DEED(test_backup_interrupted_leaves_no_half_one,
    "backup", "admin", "admin", act_backup, 0, RX_OK, NULL, check_backup)
DEED(
    test_erasure_interrupted_is_before_or_after_and_goes_on_at_the_next_sign_in,
    "erase", "d1", "d1", act_erase, 1, RX_ENOENT, before_erasure, check_erasure)

/* ---- what else is done about keys: without memory, reads or answers ---- */

static rx_err
act_custodian_test(struct rx_session *s)
{
	const char *const two[2] = { codes.text[0], codes.text[2] };
	struct rx_custody found;

	return (rx_custodian_test(s, two, &found, &st));
}

/* What a passphrase is to cost was raised. */
static rx_err
act_cost(struct rx_session *s)
{
	const struct rx_kdf today = { s->cost.memory, s->cost.passes + 1 };

	return (rx_session_cost(s, word("d1"), &today, &st));
}

/* n1 takes over from e1, who alone has the keys, when he has handed them on. */
static rx_err
act_handover_begin(struct rx_session *s)
{
	struct rx_handover h;

	return (rx_user_handover(s, "e1", "n1", word("n1"), false, &h, &st));
}

static void
before_certify(const char *dir)
{

	before_d1(dir);
	ok(as(dir, "d1", "d1", act_passwd), &st);
}

static void
before_handed_on(const char *dir)
{

	ok(as(dir, "admin", "admin", act_handover_begin), &st);
	ok(sign_in(dir, "e1", "e1"), &st);
}

/* The case is offered, and somebody else directs the village as well now. */
static rx_err
act_add_director(struct rx_session *s)
{

	return (rx_user_add(s, "n1", RX_ROLE_DIRECTOR, "350102001002",
	    word("n1"), &st));
}

static void
before_follow(const char *dir)
{

	before_d1(dir);
	ok(as(dir, "d1", "d1", act_offer), &st);
	ok(as(dir, "admin", "admin", act_add_director), &st);
}

/* Rejected: the case needs new keys. */
static void
before_renew(const char *dir)
{

	before_answer(dir);
	ok(as(dir, "e1", "e1", act_reject), &st);
}

/* Erased it is, and the disk failed before the files were rewritten. */
static void
before_sweep(const char *dir)
{
	static const struct deed d = { .name = "erase", .user = "d1",
	    .pass = "d1", .act = act_erase };
	const char *start = fixture_copy_of(dir);
	unsigned at = attempt(&d, dir, FAULT_NONE, 0).calls;

	do {
		assert_true(at > 0);
		empty(dir, NULL);
		fixture_copy_over(start, dir);
		(void)attempt(&d, dir, FAULT_KILL, at--);
	} while (fixture_number(dir, "SELECT count(*) FROM erasure WHERE "
	    "swept = 0") != 1);
}

/* The first director of a village makes its keys. */
static rx_err
act_add_first(struct rx_session *s)
{

	const rx_err rc = rx_unit_add(s, "350102001101", "新村", "village",
	    "350102001", &st);

	return (rc != RX_OK ? rc : rx_user_add(s, "n1", RX_ROLE_DIRECTOR,
	    "350102001101", word("n1"), &st));
}

static void
before_first(const char *dir)
{

	ok(as(dir, "admin", "admin", act_add_first), &st);
}

static void
test_other_work_on_keys_fails_honestly(void **state)
{
	static const enum fault faults[] = { FAULT_MEMORY, FAULT_READ,
	    FAULT_ANSWER };
	static const struct deed others[] = {
		{ "custodians tried", "admin", "admin", act_custodian_test,
		    0, RX_OK, NULL, NULL },
		{ "cost", "d1", "d1", act_cost, 0, RX_OK, before_d1, NULL },
		{ "certified", "admin", "admin", act_nothing, 0, RX_OK,
		    before_certify, NULL },
		{ "handover ended", "admin", "admin", act_nothing, 0, RX_OK,
		    before_handed_on, NULL },
		{ "offer follows", "d1", "d1", act_nothing, 0, RX_OK,
		    before_follow, NULL },
		{ "refused case renewed", "d1", "d1", act_nothing, 0, RX_OK,
		    before_renew, NULL },
		{ "files rewritten", "d1", "d1", act_nothing, 0, RX_OK,
		    before_sweep, NULL },
		{ "first keys", "n1", "n1", act_nothing, 0, RX_OK,
		    before_first, NULL },
	};
	struct tally t;
	size_t i, f;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		for (f = 0; f < 3; f++) {
			memset(&t, 0, sizeof(t));
			starve(&others[i], &t, faults[f]);
			tally_free(&t);
		}
}

/* ---- a case goes to another register: three steps in two registers ---- */

static char far[256], address[300], moved[300], receipt[300], to[36], from[36];

static rx_err
act_depart(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc = rx_child_find(s, "c1", id, &st);

	(void)unlink(moved);
	return (rc != RX_OK ? rc : rx_departure_offer(s, id, address, to,
	    "搬家", moved, &st));
}

static rx_err
act_arrive(struct rx_session *s)
{
	struct rx_arrival in;

	(void)unlink(receipt);
	return (rx_arrival_accept(s, moved, from, receipt, &in, &st));
}

static rx_err
act_left(struct rx_session *s)
{
	struct rx_departed info;

	return (rx_departure_receipt(s, receipt, &info, &st));
}

static rx_err
act_take_back(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc = rx_child_find(s, "c1", id, &st);

	return (rc != RX_OK ? rc : rx_transfer_withdraw(s, id, &st));
}

static rx_err
act_address(struct rx_session *s)
{
	struct rx_address a;
	const bool theirs = strcmp(rx_session_user(s), "f1") == 0;
	rx_err rc;

	(void)unlink(address);
	if ((rc = rx_address_make(s, NULL, address, &a, &st)) == RX_OK)
		memcpy(theirs ? to : from, a.fingerprint, sizeof(to));
	return (rc);
}

/* Another register, with a director f1. */
static void
far_setup(void)
{
	struct rx_secret *p = test_passphrase("admin");
	struct rx_session *admin;
	struct rx_codes unused;
	const char *dir = test_dir();

	(void)snprintf(far, sizeof(far), "%s/far", dir);
	(void)snprintf(address, sizeof(address), "%s/address", dir);
	(void)snprintf(moved, sizeof(moved), "%s/case", dir);
	(void)snprintf(receipt, sizeof(receipt), "%s/receipt", dir);
	ok(rx_register_create(far, "admin", "远方民政局", "350203", p, &unused,
	    &st), &st);
	ok(rx_session_open(&admin, far, "admin", p, &st), &st);
	rx_secret_free(p);
	p = test_passphrase("f1");
	ok(rx_user_add(admin, "f1", RX_ROLE_DIRECTOR, "350203001001", p, &st),
	    &st);
	rx_secret_free(p);
	rx_session_close(admin);
	ok(sign_in(far, "f1", "f1"), &st);
	ok(as(base, "d1", "d1", act_address), &st);
	ok(as(far, "f1", "f1", act_address), &st);
}

/* Sent, or as before; with no file, withdrawn and sent again. */
static void
complete_depart(const char *dir)
{

	if (fixture_number(dir, "SELECT count(*) FROM keys.departure") == 1)
		ok(as(dir, "d1", "d1", act_take_back), &st);
	ok(as(dir, "d1", "d1", act_depart), &st);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.departure WHERE state = 1"), 1);
}

/* One child, with its history and its receipt, or none of them. */
static void
complete_arrive(const char *dir)
{
	static const char *const parts[] = {
		"SELECT count(*) FROM child", "SELECT count(*) FROM origin",
		"SELECT count(*) FROM keys.case_key"
	};
	const int64_t n = fixture_number(dir, "SELECT count(*) FROM arrival");
	size_t i;

	for (i = 0; i < 3; i++)
		assert_int_equal(fixture_number(dir, parts[i]), n);
	ok(as(dir, "f1", "f1", act_arrive), &st);
	for (i = 0; i < 3; i++)
		assert_int_equal(fixture_number(dir, parts[i]), 1);
	assert_int_equal(access(receipt, F_OK), 0);
}

/* The case is whole, or nothing of it is there but its certificate. */
static bool
erased_or_not(const char *dir)
{
	const int64_t certificates = fixture_number(dir,
	    "SELECT count(*) FROM erasure");

	assert_int_equal(fixture_number(dir, "SELECT count(DISTINCT id) "
	    "FROM child"), 3 - certificates);
	assert_int_equal(fixture_number(dir, "SELECT count(DISTINCT child) "
	    "FROM keys.case_key"), 3 - certificates);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM tally"),
	    certificates);
	return (certificates == 1);
}

/* Here with all its keys, or gone with what it gave the form kept. */
static void
complete_left(const char *dir)
{

	(void)erased_or_not(dir);
	ok(as(dir, "d1", "d1", act_left), &st);
	ok(sign_in(dir, "d1", "d1"), &st);
	assert_true(erased_or_not(dir));
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.departure WHERE state = 4"), 1);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM erasure "
	    "WHERE swept = 1"), 1);
}

/* The same without memory, or where the disk does not read. */
static void
starve_step(const struct deed *d, const char *start,
    void (*finish)(const char *), enum fault how)
{
	const char *dir = test_dir();
	const unsigned *places;
	struct outcome o;
	size_t n, i;

	fixture_copy_over(start, dir);
	assert_int_equal(attempt(d, dir, how, 0).rc, RX_OK);
	n = fault_places(&places);
	for (i = 0; i < n; i++) {
		empty(dir, NULL);
		fixture_copy_over(start, dir);
		o = attempt(d, dir, how, places[i]);
		if (!honest(how, &o))
			fail_msg("%s, %s at %u: killed %d, code %d (%s) in "
			    "%s, %ld left", d->name, fault_name[how],
			    places[i], o.killed, (int)o.rc, o.text, o.where,
			    o.left);
		finish(dir);
	}
	print_message("%s: %s at %zu lines\n", d->name, fault_name[how], n);
}

static void
test_move_to_another_register_interrupted_is_whole_or_absent(void **state)
{
	static const enum fault faults[] = { FAULT_KILL, FAULT_IO };
	static const struct deed steps[] = {
		{ .name = "depart", .user = "d1", .pass = "d1",
		    .act = act_depart },
		{ .name = "arrive", .user = "f1", .pass = "f1",
		    .act = act_arrive },
		{ .name = "left", .user = "d1", .pass = "d1", .act = act_left },
	};
	void (*const finish[])(const char *) = {
		complete_depart, complete_arrive, complete_left
	};
	const char *home, *start, *dir = test_dir();
	uint8_t digest[RX_HASH_BYTES];
	unsigned k, n, i;

	(void)state;
	far_setup();
	home = fixture_copy_of(base);
	ok(sign_in(home, "d1", "d1"), &st);
	for (k = 0; k < 3; k++) {
		start = k == 1 ? far : home;
		n = attempt(&steps[k], fixture_copy_of(start), FAULT_NONE,
		    0).calls;
		assert_true(n > TIMES);
		for (i = 0; i < (thorough ? n : TIMES); i++) {
			empty(dir, NULL);
			fixture_copy_over(start, dir);
			(void)attempt(&steps[k], dir, faults[i % 2],
			    call_of(i, n));
			whole(dir, digest);
			finish[k](dir);
			whole(dir, digest);
		}
		starve_step(&steps[k], start, finish[k], FAULT_MEMORY);
		starve_step(&steps[k], start, finish[k], FAULT_READ);
		starve_step(&steps[k], start, finish[k], FAULT_ANSWER);
		/* And on with one in which nothing happened. */
		ok(as(start, steps[k].user, steps[k].pass, steps[k].act), &st);
		print_message("%s: %u calls\n", steps[k].name, n);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_control_two_steps_are_not_taken_for_one),
		cmocka_unit_test(test_handover_interrupted_is_before_or_after),
		cmocka_unit_test(test_reset_interrupted_is_before_or_after),
		cmocka_unit_test(test_disabling_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_rotation_interrupted_goes_on_at_the_next_sign_in),
		cmocka_unit_test(
		    test_new_passphrase_interrupted_is_before_or_after),
		cmocka_unit_test(
    test_new_keys_taken_into_use_interrupted_is_before_or_after),
		cmocka_unit_test(test_recovery_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_new_keys_of_the_administrator_interrupted_are_before_or_after),
		cmocka_unit_test(
		    test_root_for_the_recovery_key_interrupted_is_before_or_after),
		cmocka_unit_test(test_reissue_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_adoption_of_a_new_recovery_key_interrupted_goes_on),
		cmocka_unit_test(
		    test_opening_a_bundle_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_making_a_bundle_interrupted_is_before_or_after),
		cmocka_unit_test(test_offer_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_acceptance_interrupted_is_before_or_after),
		cmocka_unit_test(test_rejection_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_withdrawal_interrupted_is_before_or_after),
		cmocka_unit_test(test_backup_interrupted_leaves_no_half_one),
		cmocka_unit_test(test_other_work_on_keys_fails_honestly),
		cmocka_unit_test(
	    test_issue_of_prepared_codes_interrupted_is_before_or_after),
		cmocka_unit_test(
    test_erasure_interrupted_is_before_or_after_and_goes_on_at_the_next_sign_in),
		cmocka_unit_test(
		    test_move_to_another_register_interrupted_is_whole_or_absent),
	};

	thorough = getenv("RUNXIN_TORTURE") != NULL;
	fault_init();
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, setup, NULL));
}
