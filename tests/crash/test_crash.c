/*
 * What a register goes through, on a machine that fails at its Nth call: killed,
 * a torn write, the power gone, an I/O error, a full disk, no memory.  Whenever it
 * happens, what was acknowledged is there, nothing is there by half, the audit
 * verifies, and the same thing done again ends well.
 *
 * test_crash [SECONDS [SEED]]: a sample of the calls; with SECONDS every call of
 * every deed, again with other seeds until the time is over (make torture).
 */

#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/crash/fault.h"
#include "tests/fixture.h"

#define TIMES 5			/* of each deed and fault, when in a hurry */

static struct rx_status st;
static double until;		/* 0: in a hurry */
static unsigned seed = 1;
static char place[300];		/* for what a deed writes beside the register */
static size_t runs;

/* Who does what. */
struct deed {
	const char *name, *user;
	/* Do it, and say "acknowledged" through ${tell} as often as a person
	 * would be told that something is done. */
	rx_err (*act)(struct rx_session *, void (*tell)(void));
	/* How much of it is there: 0..total. */
	unsigned (*measure)(const char *dir);
	unsigned total;
	/* What doing it again may answer when it was all done already. */
	rx_err again;
	/* Without a session: a backup is restored by nobody who is signed in. */
	rx_err (*alone)(void);
};

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return ((double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

/* ---- the deeds ---- */

static rx_err
save(struct rx_session *s, enum rx_type type, const char *text)
{
	struct rx_save_result result;
	json_t *json;
	rx_err rc;

	if ((rc = rx_json_parse(&json, text, strlen(text), &st)) != RX_OK)
		return (rc);
	rc = rx_save(s, type, json, false, &result, &st);
	json_decref(json);
	return (rc);
}

/* Three records, the last of which raises a flag. */
static rx_err
act_observe(struct rx_session *s, void (*tell)(void))
{
	static const char *const sign[] = { "mood_low", "mood_low",
	    "self_harm" };
	char text[300];
	rx_err rc = RX_OK;
	int i;

	for (i = 0; i < 3 && rc == RX_OK; i++) {
		(void)snprintf(text, sizeof(text), "{\"id\":\"p%d\","
		    "\"child\":\"c2\",\"date\":\"2025-06-0%d\",\"channel\":"
		    "\"home_visit\",\"signs\":[\"%s\"],\"risk\":\"red\","
		    "\"note\":\"夜里哭\"}", i, i + 5, sign[i]);
		if ((rc = save(s, RX_OBSERVATION, text)) == RX_OK)
			tell();
	}
	return (rc);
}

static unsigned
records_of(const char *dir, enum fixture_id child, const char *user)
{
	struct rx_session *s = fixture_open(dir, user);
	size_t n;

	ok(fixture_show(s, fixture_id[child], NULL, &n, &st), &st);
	rx_session_close(s);
	return ((unsigned)n);
}

static unsigned records_before;

static unsigned
measure_observe(const char *dir)
{

	return (records_of(dir, C2, "d1") - records_before);
}

/* The file that is imported lies beside the register. */
static void
write_import(void)
{
	char path[320];
	FILE *f;
	int i;

	(void)snprintf(path, sizeof(path), "%s/in.ndjson", place);
	assert_non_null(f = fopen(path, "we"));
	for (i = 0; i < 4; i++)
		(void)fprintf(f, "{\"type\":\"child\",\"id\":\"n%d\",\"unit\":"
		    "\"350102001001\",\"name\":\"例%d\",\"sex\":\"m\","
		    "\"birth\":\"2015-02\",\"categories\":[\"left_behind\"],"
		    "\"legal_basis\":\"consent\"}\n{\"type\":\"observation\","
		    "\"id\":\"no%d\",\"child\":\"n%d\",\"date\":\"2025-06-03\","
		    "\"channel\":\"phone_video\",\"signs\":[\"death_talk\"],"
		    "\"risk\":\"red\"}\n", i, i, i, i);
	(void)fprintf(f, "{\"type\":\"activity\",\"id\":\"na\",\"unit\":"
	    "\"350102001001\",\"date\":\"2025-06-01\",\"kind\":"
	    "\"theme_activity\",\"held\":true,\"children\":[\"n0\",\"n3\"]}\n"
	    "{\"type\":\"consent\",\"id\":\"nw\",\"child\":\"n2\",\"date\":"
	    "\"2025-07-01\",\"state\":\"withdrawn\",\"by\":\"guardian\"}\n");
	assert_int_equal(fclose(f), 0);
}

static rx_err
act_import(struct rx_session *s, void (*tell)(void))
{
	struct rx_import_counts counts;
	char path[320];
	rx_err rc;

	(void)snprintf(path, sizeof(path), "%s/in.ndjson", place);
	if ((rc = rx_import(s, path, &counts, NULL, NULL, &st)) == RX_OK)
		tell();
	return (rc);
}

static unsigned
measure_import(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");
	size_t n;

	ok(fixture_list(s, &n, &st), &st);
	rx_session_close(s);
	assert_true(n == 2 || n == 6);		/* all of the file or nothing */
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM record"),
	    n == 2 ? 6 : 11);
	return (n == 6);
}

static rx_err
act_review(struct rx_session *s, void (*tell)(void))
{
	struct rx_flag_row flag;
	rx_err rc;

	if ((rc = rx_review_find(s, "o4", &flag, &st)) == RX_OK &&
	    (rc = rx_review_decide(s, &flag, "close", "已联系家长", &st)) ==
	    RX_OK)
		tell();
	return (rc);
}

static unsigned
measure_review(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d2");
	struct rx_flag_row flag;

	ok(rx_review_find(s, "o4", &flag, &st), &st);
	rx_session_close(s);
	assert_true(flag.state == RX_FLAG_OPEN ||
	    flag.state == RX_FLAG_CLOSED);
	return (flag.state == RX_FLAG_CLOSED);
}

static rx_err
act_rotate(struct rx_session *s, void (*tell)(void))
{
	size_t n;
	rx_err rc;

	if ((rc = rx_rotate(s, NULL, &n, &st)) == RX_OK)
		tell();
	return (rc);
}

/* All cases have new keys; what lies between is gone on with by the next. */
static unsigned
measure_rotate(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");

	rx_session_close(s);
	return (fixture_number(dir, "SELECT count(*) FROM keys.unit_epoch WHERE "
	    "unit = CAST('350102001001' AS BLOB) || x'00000000'") > 0 ||
	    fixture_number(dir, "SELECT count(*) FROM keys.unit_epoch") > 0);
}

static rx_err
act_passwd(struct rx_session *s, void (*tell)(void))
{
	struct rx_secret *p;
	rx_err rc;

	if ((rc = rx_secret_new(&p, 8, &st)) != RX_OK)
		return (rc);
	memcpy(p->b, "another", 7);
	p->len = 7;
	if ((rc = rx_session_passwd(s, p, &st)) == RX_OK)
		tell();
	rx_secret_free(p);
	return (rc);
}

/* One of the two passphrases opens it. */
static unsigned
measure_passwd(const char *dir)
{
	struct rx_secret *p = test_passphrase("another");
	struct rx_session *s;
	rx_err rc, old;

	rc = rx_session_open(&s, dir, "d2", p, &st);
	rx_session_close(s);
	rx_secret_free(p);
	rx_status_clear(&st);
	old = fixture_try(&s, dir, "d2", &st);
	rx_session_close(s);
	rx_status_clear(&st);
	assert_true((rc == RX_OK && old == RX_EPERM) ||
	    (rc == RX_EPERM && old == RX_OK));
	return (rc == RX_OK);
}

static rx_err
act_backup(struct rx_session *s, void (*tell)(void))
{
	char path[320];
	rx_err rc;

	(void)snprintf(path, sizeof(path), "%s/b", place);
	if ((rc = rx_backup_create(s, path, &st)) == RX_OK)
		tell();
	return (rc);
}

static bool
there(const char *what)
{
	char path[320];

	(void)snprintf(path, sizeof(path), "%s/%s", place, what);
	return (access(path, F_OK) == 0);
}

/* Both files, each of them whole, or it is none; one alone is refused. */
static unsigned
measure_backup(const char *dir)
{
	struct rx_secret *p = test_passphrase("admin-pass");
	struct rx_audit_head head;
	char path[320];
	rx_err rc;

	(void)dir;
	(void)snprintf(path, sizeof(path), "%s/b", place);
	rc = rx_backup_check(path, "admin", p, NULL, &head, &st);
	rx_status_clear(&st);
	rx_secret_free(p);
	assert_int_equal(rc, there("b") && there("b.keys") ? RX_OK : RX_EIO);
	return (rc == RX_OK);
}

/* Of a backup that was made before. */
static rx_err
do_restore(void)
{
	struct rx_audit_head head;
	struct rx_secret *p;
	char from[320], to[320];
	rx_err rc;

	if ((rc = rx_secret_new(&p, 16, &st)) != RX_OK)
		return (rc);
	memcpy(p->b, "admin-pass", 10);
	p->len = 10;
	(void)snprintf(from, sizeof(from), "%s/old", place);
	(void)snprintf(to, sizeof(to), "%s/to", place);
	rc = rx_backup_check(from, "admin", p, to, &head, &st);
	rx_secret_free(p);
	return (rc);
}

static void whole(const char *dir, uint8_t digest[RX_HASH_BYTES]);

/* A register, or none that anybody could sign in to. */
static unsigned
measure_restore(const char *dir)
{
	uint8_t digest[RX_HASH_BYTES];
	struct rx_session *s;
	char to[320];

	(void)dir;
	(void)snprintf(to, sizeof(to), "%s/to", place);
	if (there("to/content.db") && there("to/keys.db")) {
		whole(to, digest);
		return (1);
	}
	assert_true(fixture_try(&s, to, "admin", &st) != RX_OK);
	rx_status_clear(&st);
	return (0);
}

static rx_err
act_erase(struct rx_session *s, void (*tell)(void))
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = rx_child_find(s, "c2", id, &st)) == RX_OK &&
	    (rc = rx_child_erase(s, id, "家长要求", &st)) == RX_OK)
		tell();
	return (rc);
}

static unsigned
measure_erase(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");
	size_t n;

	ok(fixture_list(s, &n, &st), &st);
	rx_session_close(s);
	assert_true(n == 1 || n == 2);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM record"),
	    n == 2 ? 6 : 4);
	return (n == 1);
}

static const struct deed deeds[] = {
	{ "observe", "d1", act_observe, measure_observe, 3, RX_OK, NULL },
	{ "import", "d1", act_import, measure_import, 1, RX_OK, NULL },
	{ "review", "s1", act_review, measure_review, 1, RX_ECONFLICT, NULL },
	{ "rotate", "d1", act_rotate, measure_rotate, 1, RX_OK, NULL },
	{ "passwd", "d2", act_passwd, measure_passwd, 1, RX_EPERM, NULL },
	{ "backup", "admin", act_backup, measure_backup, 1, RX_ECONFLICT,
	    NULL },
	{ "restore", NULL, NULL, measure_restore, 1, RX_ECONFLICT,
	    do_restore },
	{ "erase", "d1", act_erase, measure_erase, 1, RX_ENOENT, NULL },
};

/* ---- one attempt, in another process ---- */

static int told, nobody;	/* a pipe; /dev/null */

static void
tell(void)
{

	if (!fault_tell(told, "A", 1))
		_exit(89);
}

struct report {
	rx_err rc;
	enum rx_msg msg;
	char text[200], where[60];
	unsigned calls[FAULTS];
	struct fault_held held;		/* more than before */
};

struct outcome {
	unsigned acks;
	bool killed, reported;
	struct report r;
};

static rx_err
perform(const struct deed *d, const char *dir)
{
	struct rx_session *s;
	rx_err rc;

	rx_status_clear(&st);
	if (d->alone != NULL) {
		if ((rc = d->alone()) == RX_OK)
			tell();
		return (rc);
	}
	if ((rc = fixture_try(&s, dir, d->user, &st)) == RX_OK)
		rc = d->act(s, tell);
	rx_session_close(s);
	return (rc);
}

static void
child(const struct deed *d, const char *dir, enum fault how, unsigned at)
{
	struct fault_held before, after;
	struct report r;
	int i;

	memset(&r, 0, sizeof(r));
	fault_held(&before);
	fault_arm(how, at, seed);
	r.rc = perform(d, dir);
	fault_disarm();
	fault_held(&after);
	r.msg = st.msg;
	rx_status_text(&st, RX_LANG_EN, r.text, sizeof(r.text));
	(void)snprintf(r.where, sizeof(r.where), "%s", st.where != NULL ?
	    st.where : "?");
	for (i = 0; i < FAULTS; i++)
		r.calls[i] = fault_calls((enum fault)i);
	r.held.sqlite = after.sqlite - before.sqlite;
	r.held.blocks = after.blocks - before.blocks;
	r.held.guarded = after.guarded - before.guarded;
	if (!fault_tell(told, "R", 1) || !fault_tell(told, &r, sizeof(r)))
		_exit(88);
	_exit(0);
}

static struct outcome
attempt(const struct deed *d, const char *dir, enum fault how, unsigned at)
{
	struct outcome o = { .acks = 0 };
	int status, fds[2];
	pid_t pid;
	char c;

	(void)fflush(stdout);
	assert_int_equal(pipe(fds), 0);
	told = fds[1];
	if ((pid = fork()) == 0)
		child(d, dir, how, at);
	assert_true(pid > 0);
	(void)close(fds[1]);
	told = nobody;
	while (read(fds[0], &c, 1) == 1)
		if (c == 'A')
			o.acks++;
		else
			o.reported = read(fds[0], &o.r, sizeof(o.r)) ==
			    (ssize_t)sizeof(o.r);
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	o.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	if (!o.killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		fail_msg("%s, %s at %u (seed %u): died, status %x", d->name,
		    fault_name[how], at, seed, (unsigned)status);
	return (o);
}

/* ---- what must hold ---- */

static struct rx_store *
attached(struct rx_session **s, const char *dir)
{
	struct rx_secret *p = test_passphrase("admin-pass");
	struct rx_store *store;

	ok(rx_store_open(&store, dir, &st), &st);
	ok(rx_session_attach(s, store, "admin", p, &st), &st);
	rx_secret_free(p);
	return (store);
}

/* The whole audit, every row, as it lies there, before anybody's sign-in goes on
 * with it; and the digest of all. */
static void
whole(const char *dir, uint8_t digest[RX_HASH_BYTES])
{
	struct rx_store *store;
	struct rx_session *s;

	rx_status_clear(&st);
	store = attached(&s, dir);
	ok(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st), &st);
	ok(rx_store_manifest_digest(store, digest, &st), &st);
	rx_session_close(s);
	rx_store_close(store);
}

static void
empty(const char *dir)
{
	char path[600];
	struct dirent *e;
	DIR *d;

	if ((d = opendir(dir)) == NULL)
		return;
	while ((e = readdir(d)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		if (e->d_name[0] != '.' || strncmp(e->d_name, ".runxin", 7) ==
		    0)
			(void)remove(path);
	}
	(void)closedir(d);
}

/* The register, and what lies beside it, as before the deed. */
static void
reset(const char *dir, const char *old)
{
	char to[320];

	empty(dir);
	fixture_copy_over(fixture_dir(), dir);
	(void)snprintf(to, sizeof(to), "%s/to", place);
	empty(to);
	(void)rmdir(to);
	(void)unlink(strcat(strcpy(to, place), "/b"));
	(void)unlink(strcat(strcpy(to, place), "/b.keys"));
	(void)old;
}

/* An error says what it is: a fault of the machine is no attack and no mistake
 * of the user's. */
static bool
sane(enum fault how, const struct report *r)
{

	if (r->rc == RX_OK)
		return (true);
	if (r->msg == RX_MSG_NONE)
		return (false);
	/* The child is erased then; what is left is the next sign-in's. */
	if (r->msg == RX_MSG_ERASE_NOT_SWEPT)
		return (r->rc == RX_EIO);
	if (how == FAULT_MEMORY)
		return (r->rc == RX_EINTERNAL && r->msg == RX_MSG_NO_MEMORY);
	return (r->rc == RX_EIO);
}

static void
judge(const struct deed *d, const char *dir, enum fault how, unsigned at)
{
	const struct outcome o = attempt(d, dir, how, at);
	uint8_t digest[RX_HASH_BYTES];
	unsigned done;
	rx_err rc;

	runs++;
#define MUST(what, why) \
	if (!(what)) \
		fail_msg("%s, %s at %u (seed %u): %s; code %d (%s) in %s, " \
		    "%u acknowledged, %u there, held %ld/%ld/%ld", d->name, \
		    fault_name[how], at, seed, why, (int)o.r.rc, o.r.text, \
		    o.r.where, o.acks, done, o.r.held.sqlite, \
		    o.r.held.blocks, o.r.held.guarded)
	done = 0;
	MUST(o.killed != o.reported, "neither killed nor reported");
	MUST(!o.reported || sane(how, &o.r), "an error that is not one");
	MUST(!o.reported || (o.r.held.sqlite == 0 && o.r.held.blocks == 0 &&
	    o.r.held.guarded == 0), "a leak");
	whole(dir, digest);
	done = d->measure(dir);
	MUST(done >= o.acks, "acknowledged and not there");
	MUST(done <= d->total && done <= o.acks + 1, "more than was done");
	MUST(!o.reported || o.r.rc != RX_OK || done == d->total,
	    "success, and not all there");
	/* Half a backup or half a folder stands in the way of its name only. */
	if ((d->alone != NULL || d->act == act_backup) && done == 0)
		reset(dir, NULL);
	rc = perform(d, dir);
	MUST(rc == RX_OK || (done == d->total && rc == d->again),
	    "done again, it fails");
	rx_status_clear(&st);
	MUST(d->measure(dir) == d->total, "done again, not all there");
	whole(dir, digest);
}

/* ---- which calls ---- */

static void
deed_init(const struct deed *d, const char *dir)
{
	struct rx_session *s;
	char path[320];

	write_import();
	reset(dir, NULL);
	records_before = records_of(dir, C2, "d1");
	if (d->alone == NULL)
		return;
	s = fixture_open(dir, "admin");
	(void)snprintf(path, sizeof(path), "%s/old", place);
	ok(rx_backup_create(s, path, &st), &st);
	rx_session_close(s);
}

static void
torment(const struct deed *d, enum fault how)
{
	const char *dir = test_dir();
	struct outcome o;
	unsigned n, at, step, i;

	(void)snprintf(place, sizeof(place), "%s", test_dir());
	deed_init(d, dir);
	o = attempt(d, dir, FAULT_NONE, 0);
	n = o.r.calls[how];
	if (!o.reported || o.r.rc != RX_OK || o.acks != d->total || n < 5)
		fail_msg("%s without a fault: code %d (%s), %u calls",
		    d->name, (int)o.r.rc, o.r.text, n);
	step = until > 0 ? 1 : n / TIMES + 1;
	for (i = 0, at = 1 + seed % step; at <= n; at += step, i++, seed++) {
		if (until > 0 && now() > until)
			break;
		reset(dir, NULL);
		judge(d, dir, how, at);
	}
	print_message("%s, %s: %u of %u calls\n", d->name, fault_name[how], i,
	    n);
}

static void
all_deeds(enum fault how)
{
	size_t i;

	for (i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
		/* A restore reads whole files, not through SQLite. */
		if (how != FAULT_READ || deeds[i].alone == NULL)
			torment(&deeds[i], how);
}

#define FAULT_TEST(name, how) \
	static void name(void **state) { (void)state; all_deeds(how); }
FAULT_TEST(test_killed_at_any_call, FAULT_KILL)
FAULT_TEST(test_torn_write, FAULT_TORN)
FAULT_TEST(test_power_cut_loses_what_was_not_synced, FAULT_POWER)
FAULT_TEST(test_io_error_at_any_call, FAULT_IO)
FAULT_TEST(test_full_disk, FAULT_FULL)
FAULT_TEST(test_read_error_at_any_read, FAULT_READ)
FAULT_TEST(test_no_memory_at_any_request, FAULT_MEMORY)

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_killed_at_any_call),
		cmocka_unit_test(test_torn_write),
		cmocka_unit_test(test_power_cut_loses_what_was_not_synced),
		cmocka_unit_test(test_io_error_at_any_call),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_read_error_at_any_read),
		cmocka_unit_test(test_no_memory_at_any_request),
	};
	int failed;

	told = nobody = open("/dev/null", O_WRONLY | O_CLOEXEC);
	fault_init();
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	if (argc > 1)
		until = now() + strtod(argv[1], NULL);
	if (argc > 2)
		seed = (unsigned)strtoul(argv[2], NULL, 10);
	failed = cmocka_run_group_tests(tests, fixture_setup, NULL);
	(void)printf("%zu runs\n", runs);
	return (failed);
}
