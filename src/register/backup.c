#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "register/internal.h"

/*
 * A backup is two files: FILE with the sealed content, FILE.keys with the
 * sealed keys; either is useless without the other and a passphrase.  Each is
 *   "RXBK" || version 1 || part 1 (1 content, 2 keys) || 0 0 ||
 *   store id 16 || maker's user id 16 || made at, ms 8 || audit seq 8 ||
 *   audit head 32 || image length 8 || BLAKE2b-256("runxin backup image v1\0"
 *   || image) 32 || maker's signature 64 over "runxin backup v1\0" || all
 *   before it || image.
 * The images are the two database files, ciphertext as they lie on the disk.
 */

#define HEAD_BYTES (8 + 16 + 16 + 8 + 8 + 32 + 8 + 32)
#define SIGNED_HEAD (HEAD_BYTES + RX_SIGNATURE_BYTES)
#define SIGN_LABEL "runxin backup v1"
#define BACKUP_MAX ((size_t)1 << 40)

struct backup {
	struct rx_buf file[2];		/* head and image: content, keys */
	struct rx_buf image[2];
};

static void
backup_free(struct backup *b)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		rx_buf_free(&b->file[i]);
		rx_buf_free(&b->image[i]);
	}
}

static void
head_make(uint8_t head[SIGNED_HEAD], const struct rx_session *s, size_t part,
    int64_t at, const struct rx_audit_head *audit, const struct rx_buf *image)
{

	memset(head, 0, SIGNED_HEAD);
	memcpy(head, "RXBK\1", 5);
	head[5] = (uint8_t)(part + 1);
	memcpy(head + 8, s->store_id, RX_ID_BYTES);
	memcpy(head + 24, s->user_id, RX_ID_BYTES);
	rx_put64(head + 40, (uint64_t)at);
	rx_put64(head + 48, audit->seq);
	memcpy(head + 56, audit->hash, RX_HASH_BYTES);
	rx_put64(head + 88, image->len);
	rx_hash(head + 96, RX_HASH_BYTES, NULL, "runxin backup image v1",
	    image->b, image->len);
	rx_sign(head + HEAD_BYTES, s->id->sign_secret, SIGN_LABEL, head,
	    HEAD_BYTES);
}

static rx_err
keys_path(char **out, const char *file, struct rx_status *st)
{

	if (asprintf(out, "%s.keys", file) < 0) {
		*out = NULL;
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	return (RX_OK);
}

/* Both files, or neither of them. */
static rx_err
write_both(const char *file, const struct backup *b, struct rx_status *st)
{
	char *keys;
	rx_err rc;

	if ((rc = keys_path(&keys, file, st)) != RX_OK)
		return (rc);
	if ((rc = rx_file_write(file, b->file[0].b, b->file[0].len, 0600,
	    false, st)) == RX_OK &&
	    (rc = rx_file_write(keys, b->file[1].b, b->file[1].len, 0600,
	    false, st)) != RX_OK)
		(void)unlink(file);
	free(keys);
	return (rc);
}

rx_err
rx_backup_create(struct rx_session *s, const char *file,
    struct rx_status *st)
{
	uint8_t head[SIGNED_HEAD];
	const int64_t at = rx_session_now(s);
	struct rx_audit_head audit;
	struct backup b;
	size_t i;
	rx_err rc;

	memset(&b, 0, sizeof(b));
	/* The entry comes first, so that the backup holds it. */
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_finish(s, RX_OK, RX_DID_BACKUP, NULL, NULL, st)) != RX_OK)
		return (rc);
	if ((rc = rx_store_read(s->store, st)) != RX_OK)
		return (rc);
	if ((rc = rx_audit_head(s, &audit, st)) == RX_OK)
		rc = rx_store_images(s->store, &b.image[0], &b.image[1], st);
	rx_store_rollback(s->store);
	for (i = 0; i < 2 && rc == RX_OK; i++) {
		head_make(head, s, i, at, &audit, &b.image[i]);
		if ((rc = rx_buf_add(&b.file[i], head, sizeof(head), st)) ==
		    RX_OK)
			rc = rx_buf_add(&b.file[i], b.image[i].b,
			    b.image[i].len, st);
	}
	if (rc == RX_OK)
		rc = write_both(file, &b, st);
	backup_free(&b);
	return (rc);
}

/* Read one part and check what can be checked without a key. */
static rx_err
read_part(struct backup *b, size_t part, const char *path,
    struct rx_status *st)
{
	uint8_t hash[RX_HASH_BYTES];
	const uint8_t *h;
	rx_err rc;

	if ((rc = rx_file_read(&b->file[part], path, BACKUP_MAX, st)) != RX_OK)
		return (rc);
	h = b->file[part].b;
	if (b->file[part].len < SIGNED_HEAD || memcmp(h, "RXBK\1", 5) != 0 ||
	    h[5] != part + 1 || h[6] != 0 || h[7] != 0 ||
	    rx_get64(h + 88) != b->file[part].len - SIGNED_HEAD)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT));
	rx_hash(hash, sizeof(hash), NULL, "runxin backup image v1",
	    h + SIGNED_HEAD, b->file[part].len - SIGNED_HEAD);
	if (!rx_equal(hash, h + 96, sizeof(hash)))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT));
	return (rx_buf_add(&b->image[part], h + SIGNED_HEAD,
	    b->file[part].len - SIGNED_HEAD, st));
}

static rx_err
read_both(struct backup *b, const char *file, struct rx_status *st)
{
	char *keys;
	rx_err rc;

	if ((rc = keys_path(&keys, file, st)) != RX_OK)
		return (rc);
	if ((rc = read_part(b, 0, file, st)) == RX_OK &&
	    (rc = read_part(b, 1, keys, st)) == RX_OK &&
	    /* Both of one making: all but part, length and hash is the same. */
	    memcmp(b->file[0].b + 8, b->file[1].b + 8, 80) != 0)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_MIXED);
	free(keys);
	return (rc);
}

/* With the session signed in to the images: the maker's signatures, the head
 * that the files name, the whole audit. */
static rx_err
verify(struct rx_session *s, const struct backup *b,
    struct rx_audit_head *head, struct rx_status *st)
{
	const uint8_t *h;
	size_t i;
	rx_err rc;

	for (i = 0; i < 2; i++) {
		h = b->file[i].b;
		if (memcmp(h + 8, s->store_id, RX_ID_BYTES) != 0 ||
		    !rx_member_signed(s, h + 24, (int64_t)rx_get64(h + 40),
		    h + HEAD_BYTES, SIGN_LABEL, h,
		    HEAD_BYTES))
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BACKUP_CORRUPT));
	}
	if ((rc = rx_audit_head(s, head, st)) != RX_OK)
		return (rc);
	if (head->seq != rx_get64(b->file[0].b + 48) ||
	    !rx_equal(head->hash, b->file[0].b + 56, RX_HASH_BYTES))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT));
	return (rx_audit_verify(s, NULL, NULL, NULL, NULL, st));
}

/* Put the images in ${dir}, which must not be there or must be empty. */
static rx_err
restore(const struct backup *b, const char *dir, struct rx_status *st)
{
	static const char *const name[2] = { "content.db", "keys.db" };
	char *path[2] = { NULL, NULL };
	size_t i;
	rx_err rc = RX_OK;

	if (mkdir(dir, 0700) != 0 && errno != EEXIST) {
		rx_status_arg(st, "file", "%s", dir);
		rx_status_arg(st, "errno", "%d", errno);
		return (rx_fail(st, RX_EIO, errno == ENOENT ?
		    RX_MSG_FILE_ABSENT : RX_MSG_FILE_WRITE));
	}
	/* Making it anew gives it the right mode. */
	if (rmdir(dir) != 0) {
		rx_status_arg(st, "dir", "%s", dir);
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_RESTORE_NOT_EMPTY));
	}
	(void)mkdir(dir, 0700);
	for (i = 0; i < 2; i++)
		if (asprintf(&path[i], "%s/%s", dir, name[i]) < 0) {
			path[i] = NULL;
			rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		}
	/* keys.db last: without it the folder is no register yet. */
	for (i = 0; i < 2 && rc == RX_OK; i++)
		rc = rx_file_write(path[i], b->image[i].b, b->image[i].len,
		    0600, false, st);
	if (rc != RX_OK) {
		for (i = 0; i < 2; i++)
			if (path[i] != NULL)
				(void)unlink(path[i]);
		(void)rmdir(dir);
	}
	free(path[0]);
	free(path[1]);
	return (rc);
}

rx_err
rx_backup_check(const char *file, const char *user,
    const struct rx_secret *passphrase, const char *dir,
    struct rx_audit_head *head, struct rx_status *st)
{
	struct rx_store *store;
	struct rx_session *s;
	struct backup b;
	rx_err rc;

	memset(&b, 0, sizeof(b));
	if ((rc = read_both(&b, file, st)) != RX_OK)
		goto err0;
	if ((rc = rx_store_open_images(&store, &b.image[0], &b.image[1],
	    st)) != RX_OK)
		goto err0;
	if ((rc = rx_session_attach(&s, store, user, passphrase, st)) != RX_OK)
		goto err1;
	rc = verify(s, &b, head, st);
	rx_session_close(s);
err1:
	rx_store_close(store);
	if (rc == RX_OK && dir != NULL)
		rc = restore(&b, dir, st);
err0:
	backup_free(&b);
	return (rc);
}

/* ---- which were checked ---- */

/* Detail of the audit entry: "verified SEQ NAME". */
#define NOTE "verified "

rx_err
rx_backup_note(struct rx_session *s, const char *name,
    const struct rx_audit_head *head, struct rx_status *st)
{
	char detail[256];
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK ||
	    (rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	(void)snprintf(detail, sizeof(detail), NOTE "%llu %s",
	    (unsigned long long)head->seq, name);
	return (rx_finish(s, RX_OK, RX_DID_BACKUP, NULL, detail, st));
}

struct notes {
	rx_err (*each)(void *, int64_t, const char *, const char *,
	    struct rx_status *);
	void *cookie;
};

static rx_err
note_each(void *cookie, int64_t time, const char *user, const char *detail,
    struct rx_status *st)
{
	const struct notes *n = cookie;
	const char *name;

	/* The making of a backup is an entry without a detail. */
	if (strncmp(detail, NOTE, sizeof(NOTE) - 1) != 0 ||
	    (name = strchr(detail + sizeof(NOTE) - 1, ' ')) == NULL)
		return (RX_OK);
	return (n->each(n->cookie, time, user, name + 1, st));
}

rx_err
rx_backup_notes(struct rx_session *s,
    rx_err (*each)(void *, int64_t time, const char *user, const char *name,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	struct notes n = { each, cookie };
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK)
		return (rc);
	return (rx_audit_each(s, RX_DID_BACKUP, note_each, &n, st));
}
