#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "register/backup.h"

void
rx_backup_free(struct rx_backup *b)
{
	size_t i;

	for (i = 0; i < RX_PARTS; i++)
		rx_buf_free(&b->part[i].image);
}

/* ---- heads ---- */

static void
image_hash(uint8_t out[RX_HASH_BYTES], const struct rx_buf *image)
{

	rx_hash(out, RX_HASH_BYTES, NULL, "runxin backup image v1", image->b,
	    image->len);
}

bool
rx_backup_is(const uint8_t *p, size_t n, enum rx_part part)
{

	return (n >= RX_BACKUP_SIGNED && memcmp(p, "RXBK\1", 5) == 0 &&
	    p[5] == part + 1 && (part == RX_PART_KEYS ||
	    rx_get16(p + RX_AT_KEEP) == 0));
}

bool
rx_backup_image_is(const struct rx_backup_part *part)
{
	uint8_t hash[RX_HASH_BYTES];

	if (rx_get64(part->head + RX_AT_LENGTH) != part->image.len)
		return (false);
	image_hash(hash, &part->image);
	return (rx_equal(hash, part->head + RX_AT_HASH, sizeof(hash)));
}

/* ---- making ---- */

/* Fill in and sign the head of ${part}, whose image is there. */
static void
head_make(struct rx_backup *b, enum rx_part part, const struct rx_session *s,
    int64_t at, const struct rx_audit_head *audit,
    const uint8_t rows[RX_HASH_BYTES], unsigned keep)
{
	uint8_t *head = b->part[part].head;

	memset(head, 0, RX_BACKUP_SIGNED);
	memcpy(head, "RXBK\1", 5);
	head[5] = (uint8_t)(part + 1);
	rx_put16(head + RX_AT_KEEP, part == RX_PART_KEYS ? (uint16_t)keep : 0);
	memcpy(head + RX_AT_STORE, s->store_id, RX_ID_BYTES);
	memcpy(head + RX_AT_MAKER, s->user_id, RX_ID_BYTES);
	rx_put64(head + RX_AT_TIME, (uint64_t)at);
	rx_put64(head + RX_AT_SEQ, audit->seq);
	memcpy(head + RX_AT_AUDIT, audit->hash, RX_HASH_BYTES);
	rx_put64(head + RX_AT_LENGTH, b->part[part].image.len);
	image_hash(head + RX_AT_HASH, &b->part[part].image);
	memcpy(head + RX_AT_ROWS, rows, RX_HASH_BYTES);
	rx_sign(head + RX_BACKUP_HEAD, s->id->sign_secret, RX_BACKUP_LABEL,
	    head, RX_BACKUP_HEAD);
}

static rx_err
take(struct rx_backup **out, struct rx_session *s, unsigned keep,
    const char *detail, struct rx_status *st)
{
	const int64_t at = rx_session_now(s);
	uint8_t rows[RX_HASH_BYTES];
	struct rx_audit_head audit;
	struct rx_backup *b;
	size_t i;
	rx_err rc;

	*out = NULL;
	if ((b = calloc(1, sizeof(*b))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	/* The entry comes first, so that the backup holds it. */
	if ((rc = rx_begin(s, st)) != RX_OK ||
	    (rc = rx_finish(s, RX_OK, RX_DID_BACKUP, NULL, detail, st)) !=
	    RX_OK || (rc = rx_store_read(s->store, st)) != RX_OK)
		goto err0;
	if ((rc = rx_audit_head(s, &audit, st)) == RX_OK &&
	    (rc = rx_store_manifest_keys(s->store, false, rows, st)) == RX_OK)
		rc = rx_store_images(s->store,
		    &b->part[RX_PART_CONTENT].image,
		    &b->part[RX_PART_KEYS].image, st);
	rx_store_rollback(s->store);
	if (rc != RX_OK)
		goto err0;
	for (i = 0; i < RX_PARTS; i++)
		head_make(b, (enum rx_part)i, s, at, &audit, rows, keep);
	b->files = 1;

	/* Success! */
	*out = b;
	return (RX_OK);

err0:
	/* Failure! */
	rx_backup_release(b);
	return (rc);
}

rx_err
rx_backup_take(struct rx_backup **out, struct rx_session *s, unsigned keep,
    struct rx_status *st)
{

	return (take(out, s, keep, NULL, st));
}

void
rx_backup_release(struct rx_backup *b)
{

	if (b == NULL)
		return;
	rx_backup_free(b);
	free(b);
}

void
rx_backup_head(const struct rx_backup *b, struct rx_audit_head *head)
{
	const uint8_t *h = b->part[RX_PART_CONTENT].head;

	memset(head, 0, sizeof(*head));
	head->seq = rx_get64(h + RX_AT_SEQ);
	memcpy(head->hash, h + RX_AT_AUDIT, RX_HASH_BYTES);
}

/* ---- writing ---- */

rx_err
rx_backup_keys_path(char **out, const char *file, const char *keys,
    struct rx_status *st)
{

	if ((keys != NULL ? asprintf(out, "%s", keys) :
	    asprintf(out, "%s.keys", file)) < 0) {
		*out = NULL;
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	return (RX_OK);
}

rx_err
rx_backup_beside(char **out, const char *file, const char *name,
    struct rx_status *st)
{
	const char *slash = strrchr(file, '/');

	if (asprintf(out, "%.*s%s", slash == NULL ? 0 :
	    (int)(slash - file + 1), file, name) < 0) {
		*out = NULL;
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	return (RX_OK);
}

static const char *
name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return (slash == NULL ? path : slash + 1);
}

/* The backup ${since}, which must lie in the folder of ${file}, as what the next is
 * made to differ from. */
static rx_err
base_read(struct rx_backup *base, const struct rx_session *s, const char *file,
    const char *since, struct rx_status *st)
{
	char *path = NULL;
	rx_err rc;

	if ((rc = rx_backup_beside(&path, file, name_of(since), st)) != RX_OK ||
	    (rc = rx_backup_read_content(base, path, st)) != RX_OK)
		goto done;
	rx_status_arg(st, "base", "%s", since);
	if (memcmp(base->part[0].head + RX_AT_STORE, s->store_id,
	    RX_ID_BYTES) != 0)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_BACKUP_OTHER_REGISTER);
	else if (base->files >= RX_CHAIN_MAX)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_BACKUP_CHAIN_LONG);
done:
	free(path);
	return (rc);
}

static rx_err
part_write(const struct rx_backup_part *part, const char *path,
    struct rx_status *st)
{
	struct rx_buf all = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_buf_add(&all, part->head, RX_BACKUP_SIGNED, st)) ==
	    RX_OK && (rc = rx_buf_add(&all, part->image.b, part->image.len,
	    st)) == RX_OK)
		rc = rx_file_write(path, all.b, all.len, 0600, false, st);
	rx_buf_free(&all);
	return (rc);
}

/* The keys first: without content they do not look like a backup. */
rx_err
rx_backup_put(const struct rx_backup *b, const char *file, const char *keys,
    const struct rx_buf *increment, struct rx_status *st)
{
	rx_err rc;

	if ((rc = part_write(&b->part[RX_PART_KEYS], keys, st)) != RX_OK)
		return (rc);
	rc = increment != NULL ? rx_file_write(file, increment->b,
	    increment->len, 0600, false, st) :
	    part_write(&b->part[RX_PART_CONTENT], file, st);
	if (rc != RX_OK)
		(void)unlink(keys);
	return (rc);
}

rx_err
rx_backup_make(struct rx_session *s, const char *file, const char *keys,
    const char *since, unsigned keep, struct rx_status *st)
{
	struct rx_buf increment = RX_BUF_INIT;
	struct rx_backup *b = NULL, base;
	char *path;
	rx_err rc;

	if ((rc = rx_backup_keys_path(&path, file, keys, st)) != RX_OK)
		return (rc);
	memset(&base, 0, sizeof(base));
	/* Before the audit says that there is a backup. */
	if ((rc = rx_file_absent(file, st)) == RX_OK &&
	    (rc = rx_file_absent(path, st)) == RX_OK && (since == NULL ||
	    (rc = base_read(&base, s, file, since, st)) == RX_OK) &&
	    (rc = rx_backup_take(&b, s, keep, st)) == RX_OK && since != NULL)
		rc = rx_increment_make(&increment, name_of(since),
		    &base.part[0], &b->part[0], st);
	rx_backup_free(&base);
	if (rc == RX_OK)
		rc = rx_backup_put(b, file, path, since != NULL ? &increment :
		    NULL, st);
	rx_buf_free(&increment);
	rx_backup_release(b);
	free(path);
	return (rc);
}

rx_err
rx_backup_create(struct rx_session *s, const char *file, struct rx_status *st)
{

	return (rx_backup_make(s, file, NULL, NULL, RX_BACKUP_KEEP, st));
}

rx_err
rx_backup_keys(struct rx_session *s, const char *path, unsigned keep,
    struct rx_status *st)
{
	struct rx_backup *b;
	rx_err rc;

	if ((rc = rx_file_absent(path, st)) != RX_OK ||
	    (rc = take(&b, s, keep, "keys", st)) != RX_OK)
		return (rc);
	rc = part_write(&b->part[RX_PART_KEYS], path, st);
	rx_backup_release(b);
	return (rc);
}

/* ---- reading ---- */

/* Take the file ${f} of ${part} apart. */
static rx_err
part_take(struct rx_backup_part *to, enum rx_part part, const struct rx_buf *f,
    struct rx_status *st)
{
	rx_err rc;

	if (!rx_backup_is(f->b, f->len, part))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT));
	memcpy(to->head, f->b, RX_BACKUP_SIGNED);
	if ((rc = rx_buf_add(&to->image, f->b + RX_BACKUP_SIGNED,
	    f->len - RX_BACKUP_SIGNED, st)) != RX_OK)
		return (rc);
	return (rx_backup_image_is(to) ? RX_OK :
	    rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT));
}

rx_err
rx_backup_read_keys(struct rx_backup *b, const char *path,
    struct rx_status *st)
{
	struct rx_buf f = RX_BUF_INIT;
	rx_err rc;

	if ((rc = rx_file_read(&f, path, RX_BACKUP_MAX, st)) == RX_OK)
		rc = part_take(&b->part[RX_PART_KEYS], RX_PART_KEYS, &f, st);
	rx_buf_free(&f);
	return (rc);
}

/* A file of a chain, the newest first. */
struct link {
	char *path;
	struct rx_buf file;
};

/* Read ${path} and what it builds on, back to a whole one; *n counts them. */
static rx_err
chain_read(struct link *chain, size_t *n, const char *path,
    struct rx_status *st)
{
	char name[256];
	struct link *l;
	rx_err rc;

	for (*n = 0; *n < RX_CHAIN_MAX;) {
		l = &chain[*n];
		if ((rc = *n == 0 ? rx_backup_beside(&l->path, "", path, st) :
		    rx_backup_beside(&l->path, path, name, st)) != RX_OK)
			return (rc);
		(*n)++;
		if (*n > 1 && access(l->path, F_OK) != 0 && errno == ENOENT) {
			rx_status_arg(st, "file", "%s", path);
			rx_status_arg(st, "base", "%s", l->path);
			return (rx_fail(st, RX_EIO,
			    RX_MSG_BACKUP_BASE_ABSENT));
		}
		if ((rc = rx_file_read(&l->file, l->path, RX_BACKUP_MAX,
		    st)) != RX_OK)
			return (rc);
		if (!rx_increment_is(l->file.b, l->file.len, name))
			return (RX_OK);
		if (name[0] == '\0')
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BACKUP_CORRUPT));
	}
	return (rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT));
}

rx_err
rx_backup_read_content(struct rx_backup *b, const char *file,
    struct rx_status *st)
{
	struct rx_backup_part *part = &b->part[RX_PART_CONTENT];
	struct link *chain;
	size_t i, n = 0;
	rx_err rc;

	if ((chain = calloc(RX_CHAIN_MAX, sizeof(*chain))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = chain_read(chain, &n, file, st)) == RX_OK)
		rc = part_take(part, RX_PART_CONTENT, &chain[n - 1].file, st);
	for (i = n - (rc == RX_OK); rc == RX_OK && i-- > 0;) {
		rx_status_arg(st, "file", "%s", chain[i].path);
		rc = rx_increment_apply(part, chain[i].file.b,
		    chain[i].file.len, st);
	}
	b->files = (unsigned)n;
	for (i = 0; i < n; i++) {
		b->added += i + 1 < n ? chain[i].file.len : 0;
		rx_buf_free(&chain[i].file);
		free(chain[i].path);
	}
	free(chain);
	return (rc);
}

bool
rx_backup_same(const struct rx_backup *b)
{
	const uint8_t *c = b->part[0].head, *k = b->part[1].head;

	/* All but part, days to keep, length and hash. */
	return (memcmp(c + RX_AT_STORE, k + RX_AT_STORE,
	    RX_AT_LENGTH - RX_AT_STORE) == 0 &&
	    memcmp(c + RX_AT_ROWS, k + RX_AT_ROWS, RX_HASH_BYTES) == 0);
}

bool
rx_backup_head_signed(struct rx_session *s,
    const uint8_t head[RX_BACKUP_SIGNED])
{

	return (memcmp(head + RX_AT_STORE, s->store_id, RX_ID_BYTES) == 0 &&
	    rx_member_signed(s, head + RX_AT_MAKER,
	    (int64_t)rx_get64(head + RX_AT_TIME), head + RX_BACKUP_HEAD,
	    RX_BACKUP_LABEL, head, RX_BACKUP_HEAD));
}

rx_err
rx_backup_signed(struct rx_session *s, const struct rx_backup *b,
    struct rx_status *st)
{
	size_t i;

	for (i = 0; i < RX_PARTS; i++)
		if (!rx_backup_head_signed(s, b->part[i].head))
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_BACKUP_CORRUPT));
	return (RX_OK);
}

/* ---- which were checked ---- */

/* Detail of the audit entry: "verified SEQ NAME". */
#define NOTE "verified "

static rx_err
note(struct rx_session *s, const char *name, const struct rx_audit_head *head,
    struct rx_status *st)
{
	char detail[RX_AUDIT_DETAIL + 1];
	rx_err rc;

	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	(void)snprintf(detail, sizeof(detail), NOTE "%llu %s",
	    (unsigned long long)head->seq, name);
	return (rx_finish(s, RX_OK, RX_DID_BACKUP, NULL, detail, st));
}

rx_err
rx_backup_note(struct rx_session *s, const char *name,
    const struct rx_audit_head *head, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK)
		return (rc);
	return (note(s, name, head, st));
}

rx_err
rx_vault_note(struct rx_session *s, const char *name,
    const struct rx_audit_head *head, struct rx_status *st)
{

	return (note(s, name, head, st));
}

rx_err
rx_backup_verified(struct rx_session *s, uint64_t *seen, int64_t *at,
    struct rx_status *st)
{
	struct rx_audit_entry e;
	struct rx_audit_head head;
	bool row, found = false;
	uint64_t seq;
	rx_err rc;

	if ((rc = rx_audit_head(s, &head, st)) != RX_OK)
		return (rc);
	for (seq = head.seq; seq > *seen && !found; seq--) {
		if ((rc = rx_audit_peek_at(s, seq, &e, &row, st)) != RX_OK)
			return (rc);
		found = row && e.action == RX_DID_BACKUP &&
		    e.n >= sizeof(NOTE) - 1 &&
		    memcmp(e.detail, NOTE, sizeof(NOTE) - 1) == 0;
	}
	if (found) {
		if ((rc = rx_audit_entry_at(s, seq + 1, &e, st)) != RX_OK)
			return (rc);
		*at = e.time;
	}
	*seen = head.seq;
	return (RX_OK);
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

	/* The making of a backup is an entry without a detail; of its keys alone,
	 * "keys", it is none. */
	if (*detail == '\0')
		return (n->each(n->cookie, time, user, NULL, st));
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
