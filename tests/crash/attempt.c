#include <sys/stat.h>
#include <sys/wait.h>

#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "tests/crash/attempt.h"

#define KEYS_MOST 2048		/* CHUNK_MOST of crypto/memory.c */

struct rx_status st;

rx_err
sign_in(const char *dir, const char *user, const char *pass)
{
	struct rx_secret *p = test_passphrase(pass);
	struct rx_session *s = NULL;
	rx_err rc = rx_session_open(&s, dir, user, p, &st);

	rx_session_close(s);
	rx_secret_free(p);
	return (rc);
}

/* Are told when somebody signs in, and when he has. */
static void (*signs_in)(void), (*signed_in)(struct rx_session *);

rx_err
as(const char *dir, const char *user, const char *pass,
    rx_err (*act)(struct rx_session *))
{
	struct rx_secret *p = test_passphrase(pass);
	struct rx_session *s = NULL;
	rx_err rc;

	if (signs_in != NULL)
		signs_in();
	rc = rx_session_open(&s, dir, user, p, &st);
	if (rc == RX_OK && signed_in != NULL)
		signed_in(s);
	if (rc == RX_OK)
		rc = act(s);
	rx_session_close(s);
	rx_secret_free(p);
	return (rc);
}

const struct rx_secret *
word(const char *text)
{
	static struct { const char *text; struct rx_secret *p; } words[16];
	size_t i;

	for (i = 0; words[i].text != NULL; i++)
		if (strcmp(words[i].text, text) == 0)
			return (words[i].p);
	words[i].text = text;
	return (words[i].p = test_passphrase(text));
}

rx_err
act_nothing(struct rx_session *s)
{

	(void)s;
	return (RX_OK);
}

static enum fault chosen;
static unsigned chosen_at;

static void
arm(void)
{

	fault_arm(chosen, chosen_at, chosen_at);
}

/* Use up the keys that there is room for, so that the next one asks for memory.
 * Room is made in ever larger pieces: what the second holds that is made here is
 * known when the first is full. */
static void
spend(struct rx_session *s)
{
	struct fault_held before, now;
	struct rx_key *key;
	size_t made = 0, n = 0, cap = 0;

	s->nspare = 0;
	fault_held(&before);
	while (made < 2 || n < cap) {
		ok(rx_key_new(&key, s->pool, &st), &st);
		n++;
		fault_held(&now);
		if (now.guarded != before.guarded) {
			made++;
			cap = made < 2 ? 0 : 2 * (n - 1) < KEYS_MOST ? 2 * (n -
			    1) : KEYS_MOST;
			n = 1;
			before = now;
		}
	}
}

static void
poor(struct rx_session *s)
{

	if (chosen == FAULT_MEMORY)
		spend(s);
	arm();
}

/* The same where memory, reads or answers fail, from when the deed begins: signing in is
 * a deed of its own. */
static void
within(const struct deed *d, const char *dir, struct outcome *o)
{
	struct fault_held before, after;

	signs_in = d->act == act_nothing ? arm : NULL;
	signed_in = d->act == act_nothing ? NULL : poor;
	fault_held(&before);
	o->rc = as(dir, d->user, d->pass, d->act);
	fault_disarm();
	fault_held(&after);
	o->calls = fault_calls(chosen);
	o->msg = st.msg;
	o->left = after.blocks - before.blocks + after.guarded -
	    before.guarded;
	(void)snprintf(o->where, sizeof(o->where), "%s", st.where != NULL ?
	    st.where : "?");
	rx_status_text(&st, RX_LANG_EN, o->text, sizeof(o->text));
}

struct outcome
attempt(const struct deed *d, const char *dir, enum fault how, unsigned at)
{
	struct outcome o;
	int status, fds[2];
	pid_t pid;

	memset(&o, 0, sizeof(o));
	(void)fflush(stdout);
	assert_int_equal(pipe(fds), 0);
	if ((pid = fork()) == 0) {
		rx_status_clear(&st);
		chosen = how;
		chosen_at = at;
		if (how == FAULT_MEMORY || how == FAULT_READ ||
		    how == FAULT_ANSWER)
			within(d, dir, &o);
		else {
			fault_arm(how, at, at);
			o.rc = as(dir, d->user, d->pass, d->act);
			fault_disarm();
			o.calls = fault_calls(how);
			o.msg = st.msg;
			rx_status_text(&st, RX_LANG_EN, o.text,
			    sizeof(o.text));
		}
		_exit(fault_tell(fds[1], &o, sizeof(o)) ? 0 : 98);
	}
	assert_true(pid > 0);
	(void)close(fds[1]);
	if (read(fds[0], &o, sizeof(o)) != (ssize_t)sizeof(o))
		o.calls = 0;
	(void)close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	o.killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	if (!o.killed && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		fail_msg("%s, %s at %u: died, status %x", d->name,
		    fault_name[how], at, (unsigned)status);
	return (o);
}

/* Known (DESIGN.md, 14): to SQLite's own check of a file a page for which there is
 * no memory is a damaged one. */
static bool
known(const struct outcome *o)
{

	return (o->msg == RX_MSG_STORE_CORRUPT &&
	    strcmp(o->where, "rx_store_check") == 0);
}

bool
honest(enum fault how, const struct outcome *o)
{

	if (o->killed || o->left != 0)
		return (false);
	if (o->rc == RX_OK || o->msg == RX_MSG_ERASE_NOT_SWEPT)
		return (true);
	if (how == FAULT_MEMORY)
		return ((o->rc == RX_EINTERNAL && (o->msg ==
		    RX_MSG_NO_MEMORY || o->msg == RX_MSG_MEMLOCK)) ||
		    known(o));
	if (how == FAULT_ANSWER && o->rc == RX_EINTERNAL)
		return (o->msg == RX_MSG_NO_MEMORY);
	return (o->rc == RX_EIO);
}

/* ---- at every line that asks ---- */

static int
remove_one(const char *name, const struct stat *sb, int flag, struct FTW *at)
{

	(void)sb;
	(void)flag;
	return (at->level > 0 ? remove(name) : 0);
}

void
remove_all(const char *dir)
{

	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Whether the bytes of the register in ${a} are those of the one in ${b}: then
 * nobody needs to open it to say that the rows are. */
static bool
same_files(const char *a, const char *b)
{
	static const char *const names[2] = { "content.db", "keys.db" };
	struct rx_buf file[2] = { RX_BUF_INIT, RX_BUF_INIT };
	char path[300];
	bool same = true;
	size_t i, k;

	for (i = 0; i < 2 && same; i++) {
		for (k = 0; k < 2; k++) {
			rx_buf_reset(&file[k]);
			(void)snprintf(path, sizeof(path), "%s/%s", k == 0 ?
			    a : b, names[i]);
			ok(rx_file_read(&file[k], path, SIZE_MAX, &st), &st);
		}
		same = file[0].len == file[1].len &&
		    memcmp(file[0].b, file[1].b, file[0].len) == 0;
	}
	rx_buf_free(&file[0]);
	rx_buf_free(&file[1]);
	return (same);
}

/* The digest of all rows; by ${by}, if not NULL, every row and the audit: in a copy
 * the administrator may not have the keys. */
static void
look(const char *where, const struct deed *by, uint8_t digest[RX_HASH_BYTES])
{
	struct rx_store *store;
	struct rx_session *s;

	rx_status_clear(&st);
	ok(rx_store_open(&store, where, &st), &st);
	ok(rx_store_manifest_digest(store, digest, &st), &st);
	if (by != NULL) {
		ok(rx_session_attach(&s, store, by->user, word(by->pass),
		    &st), &st);
		ok(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st), &st);
		rx_session_close(s);
	}
	rx_store_close(store);
}

unsigned starve_wrong;

static void
tell(const struct deed *d, enum fault how, unsigned at,
    const struct outcome *o, const char *what)
{

	print_error("%s by %s, %s at %u: %s, killed %d, %d (%s) in %s, %ld "
	    "left\n", d->name, d->user, at == 0 ? "no fault" :
	    fault_name[how], at, what, o->killed, (int)o->rc, o->text,
	    o->where, o->left);
	starve_wrong++;
}

size_t
starve_deed(const struct deed *d, const char *start, const char *dir,
    void (*ready)(const char *start, rx_err (*act)(struct rx_session *)),
    enum fault how, bool once)
{
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	const unsigned *calls;
	struct outcome o;
	size_t i, n;

	look(start, NULL, before);
	ready(start, d->act);
	o = attempt(d, dir, how, 0);
	if (o.rc != d->again || (o.rc == RX_OK && !honest(how, &o)))
		tell(d, how, 0, &o, "another answer");
	n = fault_places(&calls);
	for (i = 0; i < n; i++) {
		ready(start, d->act);
		o = attempt(d, dir, how, calls[i]);
		if (!honest(how, &o) && (o.rc != d->again || o.left != 0))
			tell(d, how, calls[i], &o, "another answer");
		if (same_files(start, dir))
			continue;
		look(dir, NULL, after);
		if (memcmp(before, after, RX_HASH_BYTES) == 0)
			continue;
		if (once && o.rc != RX_OK &&
		    o.msg != RX_MSG_ERASE_NOT_SWEPT)
			tell(d, how, calls[i], &o, "half of it is there");
		look(dir, d, after);
	}
	return (n);
}
