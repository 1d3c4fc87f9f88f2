#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "register/backup.h"

#define DAY_MS INT64_C(86400000)
#define SUFFIX ".keys"

/* ---- names ---- */

/* "runxin-YYYYMMDD-HHMMSS", and what follows is ${suffix}. */
static bool
is_name(const char *s, const char *suffix)
{
	size_t i;

	if (strlen(s) != RX_VAULT_NAME - 1 + strlen(suffix) ||
	    strncmp(s, "runxin-", 7) != 0)
		return (false);
	for (i = 7; i < RX_VAULT_NAME - 1; i++)
		if (i == 15 ? s[i] != '-' : s[i] < '0' || s[i] > '9')
			return (false);
	return (strcmp(s + RX_VAULT_NAME - 1, suffix) == 0);
}

bool
rx_vault_is_name(const char *name)
{

	return (is_name(name, ""));
}

static int
content_filter(const struct dirent *d)
{

	return (is_name(d->d_name, ""));
}

static int
own_keys_filter(const struct dirent *d)
{

	return (is_name(d->d_name, SUFFIX));
}

static int
keys_filter(const struct dirent *d)
{
	const size_t n = strlen(d->d_name);

	return (n > sizeof(SUFFIX) - 1 && strcmp(d->d_name + n -
	    (sizeof(SUFFIX) - 1), SUFFIX) == 0);
}

static rx_err
path_of(char **out, const char *dir, const char *name, const char *suffix,
    struct rx_status *st)
{

	if (asprintf(out, "%s/%s%s", dir, name, suffix) < 0) {
		*out = NULL;
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	return (RX_OK);
}

/* The files of ${dir} that ${filter} lets through, oldest first; *n of them, to
 * be freed with names_free. */
static rx_err
names_read(struct dirent ***names, size_t *n, const char *dir,
    int (*filter)(const struct dirent *), struct rx_status *st)
{
	int count;

	*names = NULL;
	*n = 0;
	if ((count = scandir(dir, names, filter, alphasort)) < 0) {
		*names = NULL;
		rx_status_arg(st, "file", "%s", dir);
		rx_status_arg(st, "errno", "%d", errno);
		return (rx_fail(st, RX_EIO, errno == ENOENT ?
		    RX_MSG_FILE_ABSENT : RX_MSG_FILE_NO_ACCESS));
	}
	*n = (size_t)count;
	return (RX_OK);
}

static void
names_free(struct dirent **names, size_t n)
{

	while (n > 0)
		free(names[--n]);
	free(names);
}

/* The head of the backup file ${path}, of content or keys; *whole tells that it
 * is no increment.  False when it is no regular file, or begins otherwise. */
static bool
head_read(const char *path, enum rx_part part, uint8_t head[RX_BACKUP_SIGNED],
    bool *whole)
{
	uint8_t b[RX_INCREMENT_HEAD];
	char name[256];
	struct stat sb;
	ssize_t n = -1;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK)) == -1)
		return (false);
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode))
		n = read(fd, b, sizeof(b));
	(void)close(fd);
	if (n < RX_BACKUP_SIGNED)
		return (false);
	*whole = rx_backup_is(b, (size_t)n, part);
	if (*whole)
		memcpy(head, b, RX_BACKUP_SIGNED);
	else if (part == RX_PART_CONTENT && rx_increment_is(b, (size_t)n,
	    name) && rx_backup_is(b + RX_INCREMENT_HEAD - RX_BACKUP_SIGNED,
	    RX_BACKUP_SIGNED, part))
		memcpy(head, b + RX_INCREMENT_HEAD - RX_BACKUP_SIGNED,
		    RX_BACKUP_SIGNED);
	else
		return (false);
	return (true);
}

void
rx_vault_newest(const char *dir, int64_t *made, uint64_t *seq)
{
	uint8_t head[RX_BACKUP_SIGNED];
	struct dirent **names;
	struct rx_status st;
	char *path;
	bool whole;
	size_t n, i;

	*made = 0;
	*seq = 0;
	rx_status_clear(&st);
	if (names_read(&names, &n, dir, content_filter, &st) != RX_OK)
		return;
	for (i = n; i-- > 0 && *made == 0;) {
		if (path_of(&path, dir, names[i]->d_name, "", &st) != RX_OK)
			break;
		if (head_read(path, RX_PART_CONTENT, head, &whole)) {
			*made = (int64_t)rx_get64(head + RX_AT_TIME);
			*seq = rx_get64(head + RX_AT_SEQ);
		}
		free(path);
	}
	names_free(names, n);
}

/* ---- writing ---- */

/* A name for the time ${ms} that neither folder has yet: later seconds, when
 * there is one. */
static rx_err
name_new(char name[RX_VAULT_NAME], int64_t ms, const char *dir,
    const char *keys, struct rx_status *st)
{
	char time[RX_TIME_TEXT], *path[2];
	struct stat sb;
	bool taken;
	rx_err rc;

	do {
		rx_time_format(ms, time);
		(void)snprintf(name, RX_VAULT_NAME,
		    "runxin-%.4s%.2s%.2s-%.2s%.2s%.2s", time, time + 5,
		    time + 8, time + 11, time + 14, time + 17);
		if ((rc = path_of(&path[0], dir, name, "", st)) != RX_OK)
			return (rc);
		if ((rc = path_of(&path[1], keys, name, SUFFIX, st)) != RX_OK) {
			free(path[0]);
			return (rc);
		}
		taken = lstat(path[0], &sb) == 0 || lstat(path[1], &sb) == 0;
		free(path[0]);
		free(path[1]);
		ms += 1000;
	} while (taken);
	return (RX_OK);
}

/* What leads from the newest backup in ${dir} to ${b}; nothing when a whole one
 * is to be made.  That one cannot be read is a reason for a whole one. */
static rx_err
increment_make(struct rx_buf *out, const struct rx_backup *b, const char *dir,
    struct rx_status *st)
{
	struct dirent **names;
	struct rx_status ignored;
	struct rx_backup base;
	char *path = NULL;
	size_t n;
	rx_err rc;

	memset(&base, 0, sizeof(base));
	rx_status_clear(&ignored);
	if ((rc = names_read(&names, &n, dir, content_filter, st)) != RX_OK)
		return (rc);
	if (n == 0 || (rc = path_of(&path, dir, names[n - 1]->d_name, "",
	    st)) != RX_OK)
		goto done;
	if (rx_backup_read_content(&base, path, &ignored) != RX_OK ||
	    memcmp(base.part[0].head + RX_AT_STORE, b->part[0].head +
	    RX_AT_STORE, RX_ID_BYTES) != 0 || base.files >= RX_VAULT_CHAIN)
		goto done;
	if ((rc = rx_increment_make(out, names[n - 1]->d_name, &base.part[0],
	    &b->part[0], st)) == RX_OK &&
	    base.added + out->len >= b->part[0].image.len)
		rx_buf_free(out);
done:
	rx_backup_free(&base);
	free(path);
	names_free(names, n);
	return (rc);
}

rx_err
rx_vault_write(const struct rx_backup *b, const char *dir, const char *keys,
    char name[RX_VAULT_NAME], bool *whole, struct rx_status *st)
{
	struct rx_buf increment = RX_BUF_INIT;
	char *path = NULL, *other = NULL;
	rx_err rc;

	if (keys == NULL)
		keys = dir;
	if ((rc = increment_make(&increment, b, dir, st)) != RX_OK ||
	    (rc = name_new(name, (int64_t)rx_get64(b->part[0].head +
	    RX_AT_TIME), dir, keys, st)) != RX_OK ||
	    (rc = path_of(&path, dir, name, "", st)) != RX_OK ||
	    (rc = path_of(&other, keys, name, SUFFIX, st)) != RX_OK)
		goto done;
	*whole = increment.len == 0;
	rc = rx_backup_put(b, path, other, *whole ? NULL : &increment, st);
done:
	rx_buf_free(&increment);
	free(path);
	free(other);
	return (rc);
}

/* ---- proving ---- */

/* The hashes of the audit, from its first entry to the head of ${b}. */
static rx_err
chain_prove(struct rx_store *store, const struct rx_backup *b,
    struct rx_status *st)
{
	const uint8_t *h = b->part[0].head, *payload, *stored;
	uint8_t last[RX_HASH_BYTES] = { 0 };
	struct rx_cursor *cur;
	uint64_t seq = 0;
	bool row = false, same = true;
	size_t n, ns;
	rx_err rc;

	if ((rc = rx_query_open(&cur, store, RX_Q_AUDIT, NULL, 0, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row && same) {
		payload = rx_col_bytes(cur, 2, &n);
		stored = rx_col_bytes(cur, 4, &ns);
		rx_audit_entry_hash(last, h + RX_AT_STORE, ++seq, last,
		    rx_col_int(cur, 1), payload, n);
		same = (uint64_t)rx_col_int(cur, 0) == seq &&
		    ns == RX_HASH_BYTES && rx_equal(stored, last, ns);
	}
	rx_query_close(cur);
	if (rc == RX_OK && (!same || seq != rx_get64(h + RX_AT_SEQ) ||
	    !rx_equal(last, h + RX_AT_AUDIT, RX_HASH_BYTES)))
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT);
	return (rc);
}

/* The register in the images of ${b}, as far as it shows without keys. */
static rx_err
register_prove(const struct rx_backup *b, struct rx_status *st)
{
	uint8_t stored[RX_HASH_BYTES], live[RX_HASH_BYTES];
	struct rx_store *store;
	rx_err rc;

	if ((rc = rx_store_open_images(&store, &b->part[0].image,
	    &b->part[1].image, st)) != RX_OK)
		return (rc);
	if ((rc = rx_store_check(store, st)) == RX_OK &&
	    (rc = rx_store_manifest_digest(store, stored, st)) == RX_OK &&
	    (rc = rx_store_manifest_recount(store, live, NULL, NULL, st)) ==
	    RX_OK && (rc = chain_prove(store, b, st)) == RX_OK &&
	    !rx_equal(stored, live, RX_HASH_BYTES))
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_AUDIT_ROWS);
	rx_store_close(store);
	return (rc);
}

rx_err
rx_vault_prove(const struct rx_backup *b, const char *dir, const char *keys,
    const char *name, struct rx_status *st)
{
	struct rx_backup copy;
	char *path = NULL, *other = NULL;
	size_t i;
	rx_err rc;

	memset(&copy, 0, sizeof(copy));
	if ((rc = path_of(&path, dir, name, "", st)) != RX_OK ||
	    (rc = path_of(&other, keys != NULL ? keys : dir, name, SUFFIX,
	    st)) != RX_OK ||
	    (rc = rx_backup_read_content(&copy, path, st)) != RX_OK ||
	    (rc = rx_backup_read_keys(&copy, other, st)) != RX_OK)
		goto done;
	/* Equal heads name equal images, and those were compared with them. */
	for (i = 0; i < RX_PARTS && rc == RX_OK; i++)
		if (memcmp(copy.part[i].head, b->part[i].head,
		    RX_BACKUP_SIGNED) != 0)
			rc = rx_fail(st, RX_ECORRUPT, RX_MSG_BACKUP_CORRUPT);
	if (rc == RX_OK)
		rc = register_prove(&copy, st);
done:
	rx_backup_free(&copy);
	free(path);
	free(other);
	return (rc);
}

/* ---- what is old ---- */

rx_err
rx_vault_expired(struct rx_session *s, const char *dir, bool own,
    rx_err (*each)(void *, const char *path, int64_t days,
    struct rx_status *), void *cookie, struct rx_status *st)
{
	uint8_t head[RX_BACKUP_SIGNED];
	struct dirent **names;
	int64_t days;
	char *path;
	bool whole;
	size_t n, i;
	rx_err rc;

	if ((rc = names_read(&names, &n, dir, own ? own_keys_filter :
	    keys_filter, st)) != RX_OK)
		return (rc);
	for (i = 0; i < n && rc == RX_OK; i++) {
		if ((rc = path_of(&path, dir, names[i]->d_name, "", st)) !=
		    RX_OK)
			break;
		if (head_read(path, RX_PART_KEYS, head, &whole) &&
		    rx_backup_head_signed(s, head)) {
			days = (rx_time_now() - (int64_t)rx_get64(head +
			    RX_AT_TIME)) / DAY_MS -
			    rx_get16(head + RX_AT_KEEP);
			if (days > 0)
				rc = each(cookie, path, days, st);
		}
		free(path);
	}
	names_free(names, n);
	return (rc);
}

static rx_err
remove_file(const char *path, size_t *removed, struct rx_status *st)
{

	if (unlink(path) == 0)
		(*removed)++;
	else if (errno != ENOENT) {
		rx_status_arg(st, "file", "%s", path);
		return (rx_fail(st, RX_EIO, RX_MSG_FILE_NO_ACCESS));
	}
	return (RX_OK);
}

static rx_err
remove_each(void *cookie, const char *path, int64_t days,
    struct rx_status *st)
{

	(void)days;
	return (remove_file(path, cookie, st));
}

/* Remove content that is older than the last whole ones, the newest first: no
 * increment is ever left without what it builds on. */
static rx_err
content_tidy(struct rx_session *s, const char *dir, size_t *removed,
    struct rx_status *st)
{
	uint8_t head[RX_BACKUP_SIGNED];
	struct dirent **names;
	unsigned wholes = 0;
	bool whole;
	char *path;
	size_t n, i;
	rx_err rc;

	if ((rc = names_read(&names, &n, dir, content_filter, st)) != RX_OK)
		return (rc);
	for (i = n; i-- > 0 && rc == RX_OK;) {
		if ((rc = path_of(&path, dir, names[i]->d_name, "", st)) !=
		    RX_OK)
			break;
		if (head_read(path, RX_PART_CONTENT, head, &whole) &&
		    rx_backup_head_signed(s, head)) {
			if (wholes >= RX_VAULT_WHOLE)
				rc = remove_file(path, removed, st);
			else
				wholes += whole;
		}
		free(path);
	}
	names_free(names, n);
	return (rc);
}

rx_err
rx_vault_tidy(struct rx_session *s, const char *dir, const char *keys,
    size_t *removed, struct rx_status *st)
{
	rx_err rc;

	*removed = 0;
	if ((rc = rx_vault_expired(s, keys != NULL ? keys : dir, true,
	    remove_each, removed, st)) != RX_OK)
		return (rc);
	return (content_tidy(s, dir, removed, st));
}

rx_err
rx_vault_changed(struct rx_session *s, uint64_t seq, bool *changed,
    struct rx_status *st)
{
	struct rx_audit_entry e;
	struct rx_audit_head head;
	bool row;
	rx_err rc;

	*changed = false;
	if ((rc = rx_audit_head(s, &head, st)) != RX_OK)
		return (rc);
	/* Fewer than the backup knew: the register is another one now. */
	*changed = head.seq < seq;
	while (rc == RX_OK && !*changed && ++seq <= head.seq)
		if ((rc = rx_audit_peek_at(s, seq, &e, &row, st)) == RX_OK &&
		    row)
			*changed = e.action != RX_DID_BACKUP;
	return (rc);
}
