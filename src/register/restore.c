#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "register/backup.h"

/*
 * From a backup to a register: read, signed in to in memory, verified as a
 * whole, and only then written.  It is written to the folder ".NAME.restoring~"
 * beside the one asked for, becomes a copy there if it is to be one, and gets
 * its name when it is complete: so no half of a register is ever there to be
 * opened, nor one that looks like home and is not.
 */

#define DAY_MS INT64_C(86400000)

/* ---- the folder ---- */

static rx_err
fail_dir(const char *dir, int e, struct rx_status *st)
{

	rx_status_arg(st, "file", "%s", dir);
	rx_status_arg(st, "errno", "%d", e);
	return (rx_fail(st, RX_EIO, e == ENOENT ? RX_MSG_FILE_ABSENT :
	    e == ENOSPC || e == EDQUOT ? RX_MSG_FILE_NO_SPACE :
	    RX_MSG_FILE_WRITE));
}

/* RX_ECONFLICT unless ${dir} is absent or empty. */
static rx_err
target_check(const char *dir, struct rx_status *st)
{

	if (mkdir(dir, 0700) != 0 && errno != EEXIST)
		return (fail_dir(dir, errno, st));
	if (rmdir(dir) == 0)
		return (RX_OK);
	if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
		return (fail_dir(dir, errno, st));
	rx_status_arg(st, "dir", "%s", dir);
	return (rx_fail(st, RX_ECONFLICT, RX_MSG_RESTORE_NOT_EMPTY));
}

/* Where ${dir} is made, to be freed. */
static rx_err
staging_path(char **out, const char *dir, struct rx_status *st)
{
	size_t n = strlen(dir), k;

	while (n > 1 && dir[n - 1] == '/')
		n--;
	for (k = n; k > 0 && dir[k - 1] != '/';)
		k--;
	if (asprintf(out, "%.*s.%.*s.restoring~", (int)k, dir, (int)(n - k),
	    dir + k) < 0) {
		*out = NULL;
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	return (RX_OK);
}

/* Whether an attempt may have left ${name}: a file of the register, or one that
 * was to become it (base/file). */
static bool
staging_name(const char *name)
{

	return (strncmp(name, "content.db", 10) == 0 ||
	    strncmp(name, "keys.db", 7) == 0 ||
	    strncmp(name, ".runxin-", 8) == 0);
}

/* Remove what an attempt leaves in ${dir}, and nothing else. */
static void
staging_remove(const char *dir)
{
	struct dirent *e;
	DIR *d;

	if ((d = opendir(dir)) == NULL)
		return;
	while ((e = readdir(d)) != NULL)
		if (staging_name(e->d_name))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	(void)closedir(d);
	(void)rmdir(dir);
}

static rx_err
staging_fill(const struct rx_backup *b, const char *dir, struct rx_status *st)
{
	static const char *const name[RX_PARTS] = { "content.db", "keys.db" };
	char *path;
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; i < RX_PARTS && rc == RX_OK; i++) {
		if (asprintf(&path, "%s/%s", dir, name[i]) < 0)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		rc = rx_file_write(path, b->part[i].image.b,
		    b->part[i].image.len, 0600, false, st);
		free(path);
	}
	return (rc);
}

/* Make the register of ${b} in ${ask->dir}. */
static rx_err
put_register(const struct rx_backup *b, const struct rx_restore *ask,
    struct rx_status *st)
{
	const char *dir = ask->dir;
	char *staging;
	rx_err rc;

	if ((rc = target_check(dir, st)) != RX_OK ||
	    (rc = staging_path(&staging, dir, st)) != RX_OK)
		return (rc);
	staging_remove(staging);	/* of an attempt that was killed */
	if (mkdir(staging, 0700) != 0) {
		rc = fail_dir(staging, errno, st);
		goto done;
	}
	if ((rc = staging_fill(b, staging, st)) == RX_OK && ask->copy != NULL)
		rc = rx_copy_begin(staging, ask->user, ask->passphrase,
		    ask->copy, st);
	if (rc == RX_OK && rename(staging, dir) != 0)
		rc = fail_dir(dir, errno, st);
	if (rc != RX_OK)
		staging_remove(staging);
done:
	free(staging);
	return (rc);
}

/* ---- verifying ---- */

static rx_err
read_both(struct rx_backup *b, const struct rx_restore *ask,
    struct rx_restored *got, struct rx_status *st)
{
	char *path;
	rx_err rc;

	if ((rc = rx_backup_keys_path(&path, ask->file, ask->keys, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_backup_read_content(b, ask->file, st)) == RX_OK)
		rc = rx_backup_read_keys(b, path, st);
	free(path);
	if (rc != RX_OK)
		return (rc);
	got->files = b->files;
	got->made = (int64_t)rx_get64(b->part[0].head + RX_AT_TIME);
	got->keys_made = (int64_t)rx_get64(b->part[1].head + RX_AT_TIME);
	got->keep = rx_get16(b->part[1].head + RX_AT_KEEP);
	got->expired = (rx_time_now() - got->keys_made) / DAY_MS -
	    (int64_t)got->keep;
	return (rx_backup_same(b) ? RX_OK :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_MIXED));
}

/* With the session signed in to the images: the maker's signatures, the head
 * that the files name, the whole audit and every row. */
static rx_err
verify(struct rx_session *s, const struct rx_backup *b,
    struct rx_restored *got, struct rx_status *st)
{
	const uint8_t *h = b->part[RX_PART_CONTENT].head;
	uint8_t rows[RX_HASH_BYTES];
	rx_err rc;

	if ((rc = rx_backup_signed(s, b, st)) != RX_OK ||
	    (rc = rx_audit_head(s, &got->head, st)) != RX_OK ||
	    (rc = rx_store_manifest_keys(s->store, false, rows, st)) !=
	    RX_OK)
		return (rc);
	if (got->head.seq != rx_get64(h + RX_AT_SEQ) ||
	    !rx_equal(got->head.hash, h + RX_AT_AUDIT, RX_HASH_BYTES) ||
	    !rx_equal(rows, h + RX_AT_ROWS, RX_HASH_BYTES))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT));
	return (rx_audit_verify(s, NULL, NULL, NULL, NULL, st));
}

/* ---- its age ---- */

/* ${anchor} must lie on the audit of the backup; one that it has not come to yet
 * is let through when the user says so.  ${by} countersigned it in the register
 * that is in use; NULL: it was given. */
static rx_err
check_anchor(struct rx_session *s, const struct rx_restore *ask,
    const struct rx_anchor *anchor, const char *by, struct rx_restored *got,
    struct rx_status *st)
{
	const uint64_t last = got->head.seq;
	rx_err rc;

	if ((rc = rx_anchor_vouched(s, anchor, st)) != RX_OK)
		return (rc);
	if (anchor->seq <= last)
		return (rx_anchor_find(s, anchor, st));
	if (anchor->seq - last > got->behind)
		got->behind = anchor->seq - last;
	if (ask->older)
		return (RX_OK);
	rx_status_arg(st, "n", "%llu", (unsigned long long)(anchor->seq -
	    last));
	rx_status_arg(st, "days", "%lld",
	    (long long)((rx_time_now() - got->head.time) / DAY_MS));
	if (by == NULL)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_BACKUP_OLDER));
	rx_status_arg(st, "user", "%s", by);
	rx_status_arg(st, "seq", "%llu", (unsigned long long)anchor->seq);
	return (rx_fail(st, RX_ECONFLICT, RX_MSG_BACKUP_OLDER_SIGNED));
}

/* Sign in to the register that is in use, read-only; its session is closed
 * before its store.  *out is NULL when that does not work, which is no news here:
 * it may be broken, or of somebody else. */
static struct rx_store *
live_open(const struct rx_restore *ask, const struct rx_backup *b,
    struct rx_session **out)
{
	struct rx_store *store;
	struct rx_status st;

	*out = NULL;
	rx_status_clear(&st);
	if (ask->live == NULL || rx_store_open(&store, ask->live, &st) !=
	    RX_OK)
		return (NULL);
	if (rx_session_attach(out, store, ask->user, ask->passphrase, &st) !=
	    RX_OK) {
		rx_store_close(store);
		return (NULL);
	}
	if (memcmp((*out)->store_id, b->part[0].head + RX_AT_STORE,
	    RX_ID_BYTES) == 0)
		return (store);
	rx_session_close(*out);
	rx_store_close(store);
	*out = NULL;
	return (NULL);
}

/* The newest head that somebody countersigned in the register that is in use;
 * *found.  Where the passphrase does not open it, ${mine}, signed in to the
 * backup, judges who signed: those who came later it does not know. */
static void
live_newest(const struct rx_restore *ask, const struct rx_backup *b,
    struct rx_session *mine, struct rx_countersigned *c, bool *found)
{
	struct rx_store *store;
	struct rx_session *s;
	struct rx_status st;

	*found = false;
	rx_status_clear(&st);
	if ((store = live_open(ask, b, &s)) == NULL && (ask->live == NULL ||
	    rx_store_open(&store, ask->live, &st) != RX_OK))
		return;
	if (rx_countersigned_newest(s != NULL ? s : mine, store, c, found,
	    &st) != RX_OK)
		*found = false;
	rx_session_close(s);
	rx_store_close(store);
}

/* All heads that the backup must hold: the one that was given, and the newest
 * that is countersigned in the register in use. */
static rx_err
check_heads(struct rx_session *s, const struct rx_restore *ask,
    const struct rx_anchor *given, const struct rx_countersigned *live,
    struct rx_restored *got, struct rx_status *st)
{
	struct rx_anchor a = { .n = RX_HASH_BYTES };
	uint64_t fork;
	rx_err rc;

	if (given != NULL && (rc = check_anchor(s, ask, given, NULL, got,
	    st)) != RX_OK)
		return (rc);
	if (live == NULL)
		return (RX_OK);
	if ((rc = rx_chain_fork(s, &fork, st)) != RX_OK ||
	    !rx_countersigned_here(s, fork, live))
		return (rc);
	a.seq = live->seq;
	memcpy(a.hash, live->hash, RX_HASH_BYTES);
	rc = check_anchor(s, ask, &a, live->user, got, st);
	/* The one in use may be what is wrong: the user decides. */
	if (rc == RX_ECORRUPT && ask->older) {
		rx_status_clear(st);
		got->forked = true;
		return (RX_OK);
	}
	return (rc);
}

/* What of the register that is in use the backup has not. */
static void
compare(const struct rx_backup *b, const struct rx_restore *ask,
    struct rx_restored *got)
{
	struct rx_audit_head head, same;
	struct rx_store *store;
	struct rx_status st;
	struct rx_session *s;

	rx_status_clear(&st);
	if ((store = live_open(ask, b, &s)) == NULL)
		return;
	if (rx_audit_head(s, &head, &st) == RX_OK &&
	    head.seq >= got->head.seq && rx_audit_head_at(s, got->head.seq,
	    &same, &st) == RX_OK) {
		got->forked |= !rx_equal(same.hash, got->head.hash,
		    RX_HASH_BYTES);
		if (!got->forked && head.seq - got->head.seq > got->behind)
			got->behind = head.seq - got->head.seq;
	}
	rx_session_close(s);
	rx_store_close(store);
}

rx_err
rx_backup_restore(const struct rx_restore *ask, struct rx_restored *got,
    struct rx_status *st)
{
	struct rx_countersigned newest;
	struct rx_anchor anchor;
	struct rx_session *s;
	struct rx_store *store;
	struct rx_backup b;
	bool found = false;
	rx_err rc;

	memset(&b, 0, sizeof(b));
	memset(got, 0, sizeof(*got));
	if (ask->anchor != NULL &&
	    (rc = rx_anchor_parse(&anchor, ask->anchor, st)) != RX_OK)
		return (rc);
	if ((rc = read_both(&b, ask, got, st)) != RX_OK ||
	    (rc = rx_store_open_images(&store, &b.part[0].image,
	    &b.part[1].image, st)) != RX_OK)
		goto err0;
	if ((rc = rx_session_attach(&s, store, ask->user, ask->passphrase,
	    st)) != RX_OK)
		goto err1;
	if ((rc = verify(s, &b, got, st)) == RX_OK) {
		live_newest(ask, &b, s, &newest, &found);
		rc = check_heads(s, ask, ask->anchor != NULL ? &anchor : NULL,
		    found ? &newest : NULL, got, st);
	}
	rx_session_close(s);
err1:
	rx_store_close(store);
	if (rc == RX_OK)
		compare(&b, ask, got);
	if (rc == RX_OK && ask->dir != NULL)
		rc = put_register(&b, ask, st);
err0:
	rx_backup_free(&b);
	return (rc);
}

rx_err
rx_backup_check(const char *file, const char *user,
    const struct rx_secret *passphrase, const char *dir,
    struct rx_audit_head *head, struct rx_status *st)
{
	const struct rx_restore ask = { .file = file, .user = user,
	    .passphrase = passphrase, .dir = dir };
	struct rx_restored got;
	rx_err rc;

	rc = rx_backup_restore(&ask, &got, st);
	*head = got.head;
	return (rc);
}
