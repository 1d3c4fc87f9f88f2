/*
 * Handover, rotation, recovery, new codes, new passphrases, bundles, transfers and
 * erasure, interrupted: killed, or with a disk that fails, at many of the calls by
 * which SQLite writes.
 * Whatever the moment, the register is whole, shows the state of before or of
 * after a step, and the work is ended by whoever signs in next.
 */

#include <sys/wait.h>

#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fixture.h"

static struct rx_status st;

/* ---- a file system that fails at the Nth call that changes something ---- */

#define TIMES 6		/* of each deed, in each another call */

static int calls, fail_at, how;	/* how: SIGKILL, or 0 for an I/O error */

struct shim {
	sqlite3_file base;
	sqlite3_file *real;
};

static int
step(void)
{

	if (++calls < fail_at || fail_at == 0)
		return (SQLITE_OK);
	if (how == SIGKILL)
		(void)kill(getpid(), SIGKILL);
	return (SQLITE_IOERR);
}

#define REAL(f) (((struct shim *)(void *)(f))->real)
#define PASS(name, params, args) \
	static int name params { return (REAL(f)->pMethods->name args); }
#define PASS_STEP(name, params, args) \
	static int name params { const int rc = step(); \
	return (rc != SQLITE_OK ? rc : REAL(f)->pMethods->name args); }

PASS(xClose, (sqlite3_file *f), (REAL(f)))
PASS(xRead, (sqlite3_file *f, void *p, int n, sqlite3_int64 at),
    (REAL(f), p, n, at))
PASS_STEP(xWrite, (sqlite3_file *f, const void *p, int n, sqlite3_int64 at),
    (REAL(f), p, n, at))
PASS_STEP(xTruncate, (sqlite3_file *f, sqlite3_int64 n), (REAL(f), n))
PASS_STEP(xSync, (sqlite3_file *f, int flags), (REAL(f), flags))
PASS(xFileSize, (sqlite3_file *f, sqlite3_int64 *n), (REAL(f), n))
PASS(xLock, (sqlite3_file *f, int l), (REAL(f), l))
PASS(xUnlock, (sqlite3_file *f, int l), (REAL(f), l))
PASS(xCheckReservedLock, (sqlite3_file *f, int *out), (REAL(f), out))
PASS(xFileControl, (sqlite3_file *f, int op, void *p), (REAL(f), op, p))
PASS(xSectorSize, (sqlite3_file *f), (REAL(f)))
PASS(xDeviceCharacteristics, (sqlite3_file *f), (REAL(f)))

static const sqlite3_io_methods methods = {
	1, xClose, xRead, xWrite, xTruncate, xSync, xFileSize, xLock, xUnlock,
	xCheckReservedLock, xFileControl, xSectorSize, xDeviceCharacteristics,
	NULL, NULL, NULL, NULL, NULL, NULL
};
static sqlite3_vfs shim_vfs, *real_vfs;

static int
shim_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
    int *out)
{
	struct shim *s = (struct shim *)(void *)f;
	int rc;

	(void)v;
	s->real = (sqlite3_file *)(void *)(s + 1);
	rc = real_vfs->xOpen(real_vfs, name, s->real, flags, out);
	s->base.pMethods = s->real->pMethods != NULL ? &methods : NULL;
	return (rc);
}

static int
shim_delete(sqlite3_vfs *v, const char *name, int sync)
{
	const int rc = step();

	(void)v;
	return (rc != SQLITE_OK ? rc : real_vfs->xDelete(real_vfs, name,
	    sync));
}

static void
shim_install(int at, int kind)
{

	calls = 0;
	fail_at = at;
	how = kind;
	real_vfs = sqlite3_vfs_find(NULL);
	shim_vfs = *real_vfs;
	shim_vfs.zName = "shim";
	shim_vfs.szOsFile = (int)sizeof(struct shim) + real_vfs->szOsFile;
	shim_vfs.xOpen = shim_open;
	shim_vfs.xDelete = shim_delete;
	shim_vfs.pNext = NULL;
	if (sqlite3_vfs_register(&shim_vfs, 1) != SQLITE_OK)
		_exit(99);
}

/* ---- the things done ---- */

static struct rx_codes codes, fresh;
static char base[256];

static rx_err
sign_in(const char *dir, const char *user, const char *pass)
{
	struct rx_secret *p = test_passphrase(pass);
	struct rx_session *s = NULL;
	rx_err rc = rx_session_open(&s, dir, user, p, &st);

	rx_session_close(s);
	rx_secret_free(p);
	return (rc);
}

/* In a session of ${user}: */
static rx_err
as(const char *dir, const char *user, const char *pass,
    rx_err (*act)(struct rx_session *))
{
	struct rx_secret *p = test_passphrase(pass);
	struct rx_session *s = NULL;
	rx_err rc = rx_session_open(&s, dir, user, p, &st);

	if (rc == RX_OK)
		rc = act(s);
	rx_session_close(s);
	rx_secret_free(p);
	return (rc);
}

static rx_err
act_handover(struct rx_session *s)
{
	struct rx_secret *p = test_passphrase("n1");
	struct rx_handover h;
	rx_err rc = rx_user_handover(s, "d1", "n1", p, true, &h, &st);

	rx_secret_free(p);
	return (rc);
}

static rx_err
act_reset(struct rx_session *s)
{
	struct rx_secret *p = test_passphrase("reset");
	rx_err rc = rx_user_reset(s, "d1", p, &st);

	rx_secret_free(p);
	return (rc);
}

static rx_err
act_passwd(struct rx_session *s)
{
	struct rx_secret *p = test_passphrase("other");
	rx_err rc = rx_session_passwd(s, p, &st);

	rx_secret_free(p);
	return (rc);
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

static rx_err
keep(void *cookie, const struct rx_codes *c, struct rx_status *u)
{

	(void)cookie;
	(void)u;
	fresh = *c;
	return (RX_OK);
}

static rx_err
act_reissue(struct rx_session *s)
{
	const char *const two[2] = { codes.text[0], codes.text[2] };

	return (rx_custodian_reissue(s, two, keep, NULL, &st));
}

/* In two steps. */
static rx_err
act_issue(struct rx_session *s)
{
	const char *const two[2] = { codes.text[0], codes.text[2] };
	rx_err rc = rx_custodian_prepare(s, two, &st);

	return (rc != RX_OK ? rc : rx_custodian_issue(s, &st));
}

/* A bundle of a copy, made in setup, and one to be made. */
static char came[300], goes[300];

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
act_nothing(struct rx_session *s)
{

	(void)s;
	return (RX_OK);
}

struct deed {
	const char *name, *user, *pass;
	rx_err (*act)(struct rx_session *);
	const char *first;	/* who does what before; NULL */
	rx_err (*before)(struct rx_session *);
};

static const struct deed deeds[] = {
	{ "handover", "admin", "admin", act_handover, NULL, NULL },
	{ "reset", "admin", "admin", act_reset, NULL, NULL },
	{ "disable", "admin", "admin", act_disable, NULL, NULL },
	{ "passwd", "d1", "d1", act_passwd, NULL, NULL },
	{ "recover", "admin", "admin", act_recover, NULL, NULL },
	{ "reissue", "admin", "admin", act_reissue, NULL, NULL },
	{ "rotation", "d1", "d1", act_nothing, "admin", act_disable },
	{ "offer", "d1", "d1", act_offer, NULL, NULL },
	{ "accept", "e1", "e1", act_accept, "d1", act_offer },
	{ "reject", "e1", "e1", act_reject, "d1", act_offer },
	{ "withdraw", "d1", "d1", act_withdraw, "d1", act_offer },
	{ "bundle open", "d2", "d2", act_open, NULL, NULL },
	{ "bundle make", "d2", "d2", act_make, NULL, NULL },
	{ "issue", "admin", "admin", act_issue, NULL, NULL },
};

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
	const char *copy = fixture_copy_of(base), *dir = test_dir();
	struct rx_secret *p = test_passphrase("d1");
	struct rx_session *s;
	struct rx_bundle b;

	(void)snprintf(came, sizeof(came), "%s/came.rxb", dir);
	(void)snprintf(goes, sizeof(goes), "%s/goes.rxb", dir);
	ok(rx_copy_begin(copy, "d1", p, "copy", &st), &st);
	ok(rx_session_open(&s, copy, "d1", p, &st), &st);
	save_child(s, 9);
	ok(rx_bundle_make(s, "350102001001", came, &b, &st), &st);
	rx_session_close(s);
	rx_secret_free(p);
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
	(void)snprintf(base, sizeof(base), "%s/base", test_dir());
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
	return (0);
}

/* The whole audit, every row; and the digest of all. */
static void
whole(const char *dir, uint8_t digest[RX_HASH_BYTES])
{
	struct rx_secret *p = test_passphrase("admin");
	struct rx_store *store;
	struct rx_session *s;

	/* As it lies there, before anybody's sign-in goes on with it. */
	rx_status_clear(&st);
	ok(rx_store_open(&store, dir, &st), &st);
	ok(rx_session_attach(&s, store, "admin", p, &st), &st);
	ok(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st), &st);
	ok(rx_store_manifest_digest(store, digest, &st), &st);
	rx_session_close(s);
	rx_store_close(store);
	rx_secret_free(p);
}

/* Do ${d} in another process with a file system that fails; its calls, or -1. */
static int
attempt(const struct deed *d, const char *dir, int at, int kind)
{
	int status, fds[2], n = 0;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		rx_err rc;

		shim_install(at, kind);
		rx_status_clear(&st);
		rc = as(dir, d->user, d->pass, d->act);
		if (write(fds[1], &calls, sizeof(calls)) !=
		    (ssize_t)sizeof(calls))
			_exit(98);
		_exit(rc == RX_OK ? 0 : 1);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (at == 0) {
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
		assert_int_equal(read(fds[0], &n, sizeof(n)), sizeof(n));
	} else if (kind == SIGKILL)
		assert_true(WIFSIGNALED(status));
	else	/* after the commit point an error may come too late */
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
	(void)close(fds[0]);
	(void)close(fds[1]);
	return (n);
}

/* The case is where it was, or where it was to go, and whole there. */
static void
complete_transfer(const struct deed *d, const char *dir, bool done)
{
	const char *who[] = { "d1", "e1" };
	struct rx_session *s;
	struct rx_secret *p;
	size_t i, n;

	/* His sign-in hands keys on before he offers anything. */
	if (d->act == act_offer)
		done = fixture_number(dir, "SELECT count(*) FROM "
		    "keys.transfer") == 1;
	if (!done)
		ok(as(dir, d->user, d->pass, d->act), &st);
	for (i = 0; i < 2; i++) {
		p = test_passphrase(who[i]);
		ok(rx_session_open(&s, dir, who[i], p, &st), &st);
		rx_secret_free(p);
		ok(fixture_list(s, &n, &st), &st);
		assert_int_equal(n, i == 0 ? 3 - (d->act == act_accept) :
		    d->act == act_accept);
		ok(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st), &st);
		rx_session_close(s);
	}
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.transfer"), d->act == act_offer || d->act == act_reject);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.transfer WHERE length(grants) > 0"), d->act == act_offer);
	/* Who was offered the case and has it not, has no key of it any more. */
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.case_key WHERE epoch = 2"), d->act != act_offer);
}

/* What was begun is done: again, or by those who sign in. */
static void
complete(const struct deed *d, const char *dir, bool done)
{
	struct rx_session *s;
	struct rx_secret *p;
	const char *who = "d1", *pass = "d1";
	size_t n = 0;

	/* What lies there is a whole bundle, or nothing. */
	if (d->act == act_make && access(goes, F_OK) == 0)
		ok(as(dir, d->user, d->pass, act_look), &st);
	if (d->act == act_offer || d->before == act_offer) {
		complete_transfer(d, dir, done);
		return;
	}
	/* His sign-in may have handed keys on before. */
	if (d->act == act_passwd)
		done = sign_in(dir, "d1", "other") == RX_OK;
	rx_status_clear(&st);
	if (!done)
		ok(as(dir, d->user, d->pass, d->act), &st);
	if (d->act == act_passwd)
		pass = "other";
	ok(sign_in(dir, "admin", "admin"), &st);
	if (d->act == act_handover || d->act == act_reset)
		who = pass = "d2";
	p = test_passphrase(pass);
	ok(rx_session_open(&s, dir, who, p, &st), &st);
	rx_secret_free(p);
	ok(fixture_list(s, &n, &st), &st);
	assert_int_equal(n, d->act == act_open ? 4 : 3);
	ok(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st), &st);
	rx_session_close(s);
	/* Nothing is left under the keys of before, where they were to go. */
	if (d->act == act_open || d->act == act_make)
		return;
	if (d->act != act_passwd && d->act != act_recover)
		assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
		    "keys.case_key WHERE epoch = 1"), 0);
	if (d->act == act_recover)
		assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
		    "keys.unit_grant WHERE unit = '350102001001'"), 4);
}

static void
interrupt(const struct deed *d)
{
	uint8_t old[RX_HASH_BYTES], now[RX_HASH_BYTES];
	const char *start = fixture_copy_of(base), *dir;
	int n, i, at, before = 0, after = 0;

	if (d->before != NULL)
		ok(as(start, d->first, d->first, d->before), &st);
	/* So that signing in is no part of it. */
	if (d->act == act_open || d->act == act_make)
		ok(sign_in(start, d->user, d->pass), &st);
	whole(start, old);
	n = attempt(d, fixture_copy_of(start), 0, 0);
	assert_true(n > 10);
	for (i = 0; i < TIMES; i++) {
		/* The end of a transaction is where it is decided. */
		at = i < 3 ? n * (i + 1) / 4 : n - (i - 3) * 2;
		dir = fixture_copy_of(start);
		(void)attempt(d, dir, at, i % 2 ? 0 : SIGKILL);
		whole(dir, now);
		if (memcmp(old, now, RX_HASH_BYTES) == 0)
			before++;
		else
			after++;
		complete(d, dir, memcmp(old, now, RX_HASH_BYTES) != 0);
	}
	print_message("%s: %d calls; of %d times, %d before and %d after\n",
	    d->name, n, TIMES, before, after);
	assert_true(before > 0);
}

/* ---- erasure, which is two steps: erased, and the files rewritten ---- */

#define ERASE_TIMES 24
#define PIECE 24

static const struct deed erasure = { "erase", "d1", "d1", act_erase, NULL, NULL };

/* Whether ${p} is anywhere in a file of ${dir}, journals too. */
static bool
on_disk(const char *dir, const uint8_t *p)
{
	static const char *const names[] = { "content.db", "keys.db",
	    "content.db-journal", "keys.db-journal" };
	struct rx_buf b = RX_BUF_INIT;
	char path[512];
	bool found = false;
	size_t i, n;
	uint8_t *to;
	FILE *f;

	for (i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		if ((f = fopen(path, "rb")) == NULL)
			continue;
		rx_buf_reset(&b);
		do {
			ok(rx_buf_extend(&b, 65536, &to, &st), &st);
			n = fread(to, 1, 65536, f);
		} while (n == 65536);
		(void)fclose(f);
		found = found || memmem(b.b, b.len, p, PIECE) != NULL;
	}
	rx_buf_free(&b);
	return (found);
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

static void
test_erasure_interrupted_is_before_or_after_and_goes_on_at_the_next_sign_in(
    void **state)
{
	const char *start = fixture_copy_of(base), *dir;
	int n, i, before = 0, after = 0, unswept = 0;
	struct rx_buf piece = RX_BUF_INIT;
	uint8_t digest[RX_HASH_BYTES];
	char text[2 * RX_ID_BYTES + 1], sql[200];
	struct rx_session *s;
	struct rx_secret *p = test_passphrase("d1");
	uint8_t id[RX_ID_BYTES];
	size_t found;

	(void)state;
	ok(rx_session_open(&s, start, "d1", p, &st), &st);
	ok(rx_child_find(s, "c1", id, &st), &st);
	rx_session_close(s);
	rx_hex(text, id, RX_ID_BYTES);
	(void)snprintf(sql, sizeof(sql), "SELECT substr(name, 60) FROM child "
	    "WHERE id = x'%s'", text);
	fixture_blob(start, sql, &piece);
	assert_true(piece.len >= PIECE);
	assert_true(on_disk(start, piece.b));
	n = attempt(&erasure, fixture_copy_of(start), 0, 0);
	for (i = 0; i < ERASE_TIMES; i++) {
		dir = fixture_copy_of(start);
		(void)attempt(&erasure, dir, n - i * n / ERASE_TIMES,
		    i % 2 ? 0 : SIGKILL);
		whole(dir, digest);
		if (erased_or_not(dir)) {
			after++;
			unswept += fixture_number(dir, "SELECT count(*) FROM "
			    "erasure WHERE swept = 0") == 1;
		} else {
			before++;
			ok(as(dir, "d1", "d1", act_erase), &st);
		}
		ok(rx_session_open(&s, dir, "d1", p, &st), &st);
		ok(rx_erasure_verify(s, &found, &st), &st);
		assert_int_equal(found, 1);
		ok(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st), &st);
		rx_session_close(s);
		assert_true(erased_or_not(dir));
		assert_false(on_disk(dir, piece.b));
	}
	print_message("erase: %d calls; of %d times, %d before, %d after, of "
	    "which %d before the files were rewritten\n", n, ERASE_TIMES,
	    before, after, unswept);
	assert_true(before > 0 && unswept > 0 && after > unswept);
	rx_secret_free(p);
	rx_buf_free(&piece);
}

#define DEED(name, i) \
	static void name(void **state) { (void)state; interrupt(&deeds[i]); }
DEED(test_handover_interrupted_is_before_or_after, 0)
DEED(test_reset_interrupted_is_before_or_after, 1)
DEED(test_disabling_interrupted_is_before_or_after, 2)
DEED(test_new_passphrase_interrupted_is_before_or_after, 3)
DEED(test_recovery_interrupted_is_before_or_after, 4)
DEED(test_reissue_interrupted_is_before_or_after, 5)
DEED(test_rotation_interrupted_goes_on_at_the_next_sign_in, 6)
DEED(test_opening_a_bundle_interrupted_is_before_or_after, 11)
DEED(test_making_a_bundle_interrupted_is_before_or_after, 12)
DEED(test_offer_interrupted_is_before_or_after, 7)
DEED(test_acceptance_interrupted_is_before_or_after, 8)
DEED(test_rejection_interrupted_is_before_or_after, 9)
DEED(test_withdrawal_interrupted_is_before_or_after, 10)
DEED(test_issue_of_prepared_codes_interrupted_is_before_or_after, 13)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_handover_interrupted_is_before_or_after),
		cmocka_unit_test(test_reset_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_disabling_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_new_passphrase_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_recovery_interrupted_is_before_or_after),
		cmocka_unit_test(test_reissue_interrupted_is_before_or_after),
		cmocka_unit_test(
		    test_rotation_interrupted_goes_on_at_the_next_sign_in),
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
		cmocka_unit_test(
	    test_issue_of_prepared_codes_interrupted_is_before_or_after),
		cmocka_unit_test(
    test_erasure_interrupted_is_before_or_after_and_goes_on_at_the_next_sign_in),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, setup, NULL));
}
