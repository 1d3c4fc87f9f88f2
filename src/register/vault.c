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

/*
 * A vault is a folder that others may be able to write to: a stick, a disk in the
 * network.  What counts there, as the newest or as one of the last, is what a
 * member of this register signed, in the order of what was signed and not of the
 * names; the same backup under two names is one; and a whole one counts for the
 * tidying only when its image is the one that was signed.  What nobody here
 * signed is told, and never removed.
 */

#define DAY_MS INT64_C(86400000)
#define SUFFIX ".keys"

_Static_assert(RX_VAULT_HEAD == RX_BACKUP_SIGNED, "a head is another one");

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
		if (errno == ENOMEM)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
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

/* Whether the ${n} bytes ${b}, the beginning of a file of ${size} bytes, are a
 * backup of ${part}: its ${head}, and the file that it builds on, "" when it is
 * whole. */
static bool
head_take(const uint8_t *b, size_t n, off_t size, enum rx_part part,
    uint8_t head[RX_BACKUP_SIGNED], char base[256])
{
	const uint8_t *h = b + (RX_INCREMENT_HEAD - RX_BACKUP_SIGNED);

	base[0] = '\0';
	if (rx_backup_is(b, n, part) && (uint64_t)size == RX_BACKUP_SIGNED +
	    rx_get64(b + RX_AT_LENGTH))
		h = b;
	else if (part != RX_PART_CONTENT || !rx_increment_is(b, n, base) ||
	    !rx_backup_is(h, RX_BACKUP_SIGNED, part))
		return (false);
	memcpy(head, h, RX_BACKUP_SIGNED);
	return (true);
}

/* The same of the file ${path}; false when it is no regular file. */
static bool
head_read(const char *path, enum rx_part part, uint8_t head[RX_BACKUP_SIGNED],
    char base[256])
{
	uint8_t b[RX_INCREMENT_HEAD];
	struct stat sb;
	ssize_t n = -1;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW |
	    O_NONBLOCK)) == -1)
		return (false);
	if (fstat(fd, &sb) == 0 && S_ISREG(sb.st_mode))
		n = read(fd, b, sizeof(b));
	(void)close(fd);
	return (n > 0 && head_take(b, (size_t)n, sb.st_size, part, head,
	    base));
}

/* ---- what lies there ---- */

struct entry {
	struct rx_vault_file f;
	char base[256];		/* the file that it builds on; "" */
	bool keep;
};

struct listing {
	struct entry *e;
	size_t n;
};

static rx_err
entry_read(struct entry *e, struct rx_session *s, const char *dir,
    const char *name, struct rx_status *st)
{
	char *path;
	rx_err rc;

	rx_text_copy(e->f.name, sizeof(e->f.name), name);
	if ((rc = path_of(&path, dir, name, "", st)) != RX_OK)
		return (rc);
	/* The analysers do not see that it is set. */
	e->f.ours = path != NULL &&
	    head_read(path, RX_PART_CONTENT, e->f.head, e->base) &&
	    rx_backup_head_signed(s, e->f.head);
	free(path);
	if (!e->f.ours)
		return (RX_OK);
	e->f.whole = e->base[0] == '\0';
	e->f.made = (int64_t)rx_get64(e->f.head + RX_AT_TIME);
	e->f.seq = rx_get64(e->f.head + RX_AT_SEQ);
	return (RX_OK);
}

/* Ours first, the newest of them first. */
static int
entry_cmp(const void *a, const void *b)
{
	const struct rx_vault_file *x = &((const struct entry *)a)->f;
	const struct rx_vault_file *y = &((const struct entry *)b)->f;

	if (x->ours != y->ours)
		return (x->ours ? -1 : 1);
	if (x->made != y->made)
		return (x->made > y->made ? -1 : 1);
	if (x->seq != y->seq)
		return (x->seq > y->seq ? -1 : 1);
	return (strcmp(x->name, y->name));
}

/* To be freed: l->e. */
static rx_err
listing_read(struct listing *l, struct rx_session *s, const char *dir,
    struct rx_status *st)
{
	struct dirent **names;
	size_t n, i;
	rx_err rc;

	memset(l, 0, sizeof(*l));
	if ((rc = rx_members_refresh(s, st)) != RX_OK ||
	    (rc = names_read(&names, &n, dir, content_filter, st)) != RX_OK)
		return (rc);
	if ((l->e = calloc(n + 1, sizeof(*l->e))) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	for (i = 0; i < n && rc == RX_OK; i++)
		rc = entry_read(&l->e[l->n++], s, dir, names[i]->d_name, st);
	names_free(names, n);
	if (rc == RX_OK)
		qsort(l->e, l->n, sizeof(*l->e), entry_cmp);
	return (rc);
}

rx_err
rx_vault_each(struct rx_session *s, const char *dir, rx_vault_fn *each,
    void *cookie, struct rx_status *st)
{
	struct listing l;
	size_t i;
	rx_err rc;

	rc = listing_read(&l, s, dir, st);
	for (i = 0; i < l.n && rc == RX_OK; i++)
		rc = each(cookie, &l.e[i].f, st);
	free(l.e);
	return (rc);
}

rx_err
rx_vault_newest(struct rx_session *s, const char *dir,
    struct rx_vault_file *newest, struct rx_status *st)
{
	struct listing l;
	rx_err rc;

	memset(newest, 0, sizeof(*newest));
	if ((rc = listing_read(&l, s, dir, st)) == RX_OK && l.n > 0 &&
	    l.e[0].f.ours)
		*newest = l.e[0].f;
	free(l.e);
	return (rc);
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

/* What leads from ${top} in ${dir} to ${b}; nothing when a whole one is to be
 * made.  That one cannot be read is a reason for a whole one. */
static rx_err
increment_make(struct rx_buf *out, const struct rx_backup *b, const char *dir,
    const struct rx_vault_file *top, struct rx_status *st)
{
	struct rx_status ignored;
	struct rx_backup base;
	char *path;
	rx_err rc;

	if (top->name[0] == '\0')
		return (RX_OK);
	if ((rc = path_of(&path, dir, top->name, "", st)) != RX_OK)
		return (rc);
	memset(&base, 0, sizeof(base));
	rx_status_clear(&ignored);
	if (rx_backup_read_content(&base, path, &ignored) != RX_OK ||
	    memcmp(base.part[0].head, top->head, RX_BACKUP_SIGNED) != 0 ||
	    base.files >= RX_VAULT_CHAIN)
		goto done;
	if ((rc = rx_increment_make(out, top->name, &base.part[0],
	    &b->part[0], st)) == RX_OK &&
	    base.added + out->len >= b->part[0].image.len)
		rx_buf_free(out);
done:
	rx_backup_free(&base);
	free(path);
	return (rc);
}

rx_err
rx_vault_write(const struct rx_backup *b, const char *dir, const char *keys,
    const struct rx_vault_file *top, char name[RX_VAULT_NAME], bool *whole,
    struct rx_status *st)
{
	struct rx_buf increment = RX_BUF_INIT;
	char *path = NULL, *other = NULL;
	rx_err rc;

	if (keys == NULL)
		keys = dir;
	if ((rc = increment_make(&increment, b, dir, top, st)) != RX_OK ||
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
	char base[256], *path;
	struct dirent **names;
	int64_t days;
	size_t n, i;
	rx_err rc;

	if ((rc = rx_members_refresh(s, st)) != RX_OK ||
	    (rc = names_read(&names, &n, dir, own ? own_keys_filter :
	    keys_filter, st)) != RX_OK)
		return (rc);
	for (i = 0; i < n && rc == RX_OK; i++) {
		if ((rc = path_of(&path, dir, names[i]->d_name, "", st)) !=
		    RX_OK)
			break;
		if (head_read(path, RX_PART_KEYS, head, base) &&
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

/* Whether the image of ${f} is the one that was signed. */
static bool
image_proven(const struct rx_vault_file *f, const char *dir)
{
	struct rx_status ignored;
	struct rx_backup b;
	bool same = false;
	char *path;

	rx_status_clear(&ignored);
	memset(&b, 0, sizeof(b));
	if (path_of(&path, dir, f->name, "", &ignored) == RX_OK)
		same = rx_backup_read_content(&b, path, &ignored) == RX_OK &&
		    memcmp(b.part[0].head, f->head, RX_BACKUP_SIGNED) == 0;
	rx_backup_free(&b);
	free(path);
	return (same);
}

/* Mark what is no older than the last RX_VAULT_WHOLE whole ones; with ${prove}
 * their images are read.  Whether anything of ours is older. */
static bool
keep_last(struct listing *l, const char *dir, bool prove)
{
	const struct rx_vault_file *last = NULL;
	unsigned wholes = 0;
	struct entry *e;
	size_t i;
	bool same;

	for (i = 0; i < l->n && l->e[i].f.ours; i++) {
		e = &l->e[i];
		same = last != NULL && memcmp(last->head, e->f.head,
		    RX_BACKUP_SIGNED) == 0;
		e->keep = wholes < RX_VAULT_WHOLE || same;
		if (!e->keep || !e->f.whole || same ||
		    (prove && !image_proven(&e->f, dir)))
			continue;
		last = &e->f;
		wholes++;
	}
	return (i > 0 && !l->e[i - 1].keep);
}

/* Mark what those that are kept build on, whatever its age. */
static void
keep_bases(struct listing *l)
{
	struct entry *e;
	size_t i, k, depth;

	for (i = 0; i < l->n; i++) {
		e = &l->e[i];
		for (depth = 0; e->keep && e->base[0] != '\0' &&
		    depth < RX_CHAIN_MAX; depth++) {
			for (k = 0; k < l->n && strcmp(l->e[k].f.name,
			    e->base) != 0;)
				k++;
			if (k == l->n)
				break;
			e = &l->e[k];
			e->keep = true;
		}
	}
}

/* Remove content that is older than the last whole ones: no increment is ever
 * left without what it builds on. */
static rx_err
content_tidy(struct rx_session *s, const char *dir, size_t *removed,
    struct rx_status *st)
{
	struct listing l;
	char *path;
	size_t i;
	rx_err rc;

	/* Images are read only when something would go. */
	if ((rc = listing_read(&l, s, dir, st)) != RX_OK ||
	    !keep_last(&l, dir, false) || !keep_last(&l, dir, true))
		goto done;
	keep_bases(&l);
	for (i = 0; i < l.n && l.e[i].f.ours && rc == RX_OK; i++) {
		if (l.e[i].keep)
			continue;
		if ((rc = path_of(&path, dir, l.e[i].f.name, "", st)) ==
		    RX_OK)
			rc = remove_file(path, removed, st);
		free(path);
	}
done:
	free(l.e);
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
