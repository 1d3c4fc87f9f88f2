/*
 * The register's folder: made, opened, checked, vacuumed, copied.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/internal.h"

#define SETTINGS(s) \
    "PRAGMA " s ".synchronous = EXTRA;" \
    "PRAGMA " s ".secure_delete = ON;"

static const char attach[] = "ATTACH ?1 AS keys";
static const char settings[] = SETTINGS("main") SETTINGS("keys");

struct paths {
	char dir[PATH_MAX];
	char file[RX_FILE_COUNT][PATH_MAX + 16];
};

/* The paths of the register in ${dir}.  A relative one is made to start with
 * "./", lest SQLite take a folder called "file:x" for a URI. */
static rx_err
paths_set(struct paths *p, const char *dir, struct rx_status *st)
{
	int f, n;

	/* cppcheck-suppress ctuuninitvar ; it is written here, not read */
	n = snprintf(p->dir, sizeof(p->dir), "%s%s", dir[0] == '/' ? "" : "./",
	    dir);
	if (n < 0 || (size_t)n >= sizeof(p->dir) || dir[0] == '\0') {
		rx_status_arg(st, "dir", "%s", dir);
		return (rx_fail(st, RX_EIO, RX_MSG_REGISTER_MISSING));
	}
	for (f = 0; f < RX_FILE_COUNT; f++)
		(void)snprintf(p->file[f], sizeof(p->file[f]), "%s/%s", p->dir,
		    rx_file_defs[f].path);
	return (RX_OK);
}

static rx_err
fail_errno(struct rx_status *st, int error, const char *where)
{

	rx_status_arg(st, "code", "%s", strerror(error));
	if (error == ENOSPC || error == EDQUOT)
		return (rx_fail_at(st, RX_EIO, RX_MSG_STORE_FULL, where));
	return (rx_fail_at(st, RX_EIO, RX_MSG_STORE_IO, where));
}

/* Count the files of the register that are there; ${*missing} is one that is
 * not. */
static rx_err
count_files(const struct paths *p, int *count, int *missing,
    struct rx_status *st)
{
	struct stat sb;
	int f;

	*count = 0;
	*missing = 0;
	for (f = 0; f < RX_FILE_COUNT; f++) {
		if (stat(p->file[f], &sb) == 0)
			(*count)++;
		else if (errno == ENOENT || errno == ENOTDIR)
			*missing = f;
		else
			return (fail_errno(st, errno, __func__));
	}
	return (RX_OK);
}

static struct rx_store *
store_new(unsigned how)
{
	struct rx_store *s;

	if ((s = calloc(1, sizeof(*s))) != NULL)
		s->how = how;
	return (s);
}

void
rx_store_close(struct rx_store *s)
{
	int i, op;

	if (s == NULL)
		return;
	rx_store_rollback(s);
	for (i = 0; i < RX_ENDS; i++)
		(void)sqlite3_finalize(s->end[i]);
	(void)sqlite3_finalize(s->lock);
	for (i = 0; i < RX_QUERY_COUNT; i++)
		(void)sqlite3_finalize(s->cursor[i].stmt);
	for (i = 0; i < RX_TABLE_COUNT; i++)
		for (op = 0; op < RX_OP_COUNT; op++)
			(void)sqlite3_finalize(s->table[i][op]);
	(void)sqlite3_close(s->db);
	rx_buf_free(&s->row);
	rx_buf_free(&s->old);
	for (i = 0; i < RX_FILE_COUNT; i++)
		rx_buf_free(&s->image[i]);
	free(s);
}

/* Connect to ${path}, and prepare to end transactions there. */
static rx_err
connect_main(struct rx_store *s, const char *path, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_connect(&s->db, path, s->how, st)) != RX_OK ||
	    (rc = rx_store_prepare(&s->end[RX_END_COMMIT], s, "COMMIT", st)) !=
	    RX_OK)
		return (rc);
	return (rx_store_prepare(&s->end[RX_END_ROLLBACK], s, "ROLLBACK",
	    st));
}

/* Attach ${path} as keys. */
static rx_err
attach_keys(sqlite3 *db, const char *path, unsigned how, struct rx_status *st)
{
	sqlite3_stmt *stmt = NULL;
	int code;

	code = sqlite3_prepare_v2(db, attach, -1, &stmt, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
	if (code == SQLITE_OK)
		code = sqlite3_step(stmt);
	(void)sqlite3_finalize(stmt);
	if (code != SQLITE_DONE)
		return (rx_sqlite_fail(st, code, how, __func__));
	return (RX_OK);
}

/* Both files against what the migrations make; from then on an error in a
 * statement is ours. */
static rx_err
verify(struct rx_store *s, struct rx_status *st)
{
	rx_err rc = RX_OK;
	int f;

	for (f = 0; rc == RX_OK && f < RX_FILE_COUNT; f++)
		rc = rx_migrate_verify(s->db, (enum rx_file_no)f, s->how, st);
	if (rc == RX_OK)
		s->how &= ~RX_SQL_UNCHECKED;
	return (rc);
}

/* The joint connection to the two files, verified. */
static rx_err
open_joint(struct rx_store **out, const struct paths *p, struct rx_status *st)
{
	struct rx_store *s;
	rx_err rc;
	int f;

	if ((s = store_new(RX_SQL_UNCHECKED)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = connect_main(s, p->file[RX_FILE_CONTENT], st);
	if (rc == RX_OK)
		rc = attach_keys(s->db, p->file[RX_FILE_KEYS], s->how, st);
	for (f = 0; rc == RX_OK && f < RX_FILE_COUNT; f++)
		rc = rx_connect_journal(s->db, (enum rx_file_no)f, s->how, st);
	if (rc == RX_OK)
		rc = rx_exec(s->db, settings, s->how, st);
	if (rc == RX_OK)
		rc = verify(s, st);
	if (rc != RX_OK) {
		rx_store_close(s);
		return (rc);
	}
	*out = s;
	return (RX_OK);
}

/* Bring one file up to date in a connection of its own. */
static rx_err
upgrade(const struct paths *p, enum rx_file_no f, struct rx_status *st)
{
	sqlite3 *db = NULL;
	rx_err rc;

	if ((rc = rx_connect(&db, p->file[f], RX_SQL_UNCHECKED, st)) != RX_OK)
		return (rc);
	rc = rx_exec(db, SETTINGS("main"), RX_SQL_UNCHECKED, st);
	if (rc == RX_OK)
		rc = rx_migrate_upgrade(db, f, rx_migrations,
		    rx_migration_count, st);
	(void)sqlite3_close(db);
	return (rc);
}

rx_err
rx_store_open(struct rx_store **out, const char *dir, struct rx_status *st)
{
	struct paths p;
	int f, count, missing;
	rx_err rc;

	*out = NULL;
	if ((rc = paths_set(&p, dir, st)) != RX_OK)
		return (rc);
	if ((rc = count_files(&p, &count, &missing, st)) != RX_OK)
		return (rc);
	if (count < RX_FILE_COUNT) {
		rx_status_arg(st, "dir", "%s", dir);
		rx_status_arg(st, "file", "%s", rx_file_defs[missing].path);
		if (count == 0)
			return (rx_fail(st, RX_EIO, RX_MSG_REGISTER_MISSING));
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_REGISTER_HALF));
	}
	for (f = 0; f < RX_FILE_COUNT; f++)
		if ((rc = upgrade(&p, (enum rx_file_no)f, st)) != RX_OK)
			return (rc);
	return (open_joint(out, &p, st));
}

/* Make one of the files: ours alone, readable by nobody else, complete in one
 * transaction.  It is removed again when that fails. */
static rx_err
make_file(const struct paths *p, enum rx_file_no f, const char *dir,
    struct rx_status *st)
{
	sqlite3 *db = NULL;
	rx_err rc;
	int fd;

	fd = open(p->file[f], O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1 && errno == EEXIST) {
		rx_status_arg(st, "dir", "%s", dir);
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_REGISTER_EXISTS));
	}
	if (fd == -1)
		return (fail_errno(st, errno, __func__));
	(void)close(fd);
	if ((rc = rx_connect(&db, p->file[f], 0, st)) != RX_OK)
		goto err0;
	if ((rc = rx_exec(db, SETTINGS("main"), 0, st)) != RX_OK)
		goto err1;
	if ((rc = rx_migrate_birth(db, f, rx_migrations, rx_migration_count,
	    0, st)) != RX_OK)
		goto err1;
	(void)sqlite3_close(db);
	return (RX_OK);

err1:
	(void)sqlite3_close(db);
err0:
	(void)unlink(p->file[f]);
	return (rc);
}

rx_err
rx_store_create(struct rx_store **out, const char *dir, struct rx_status *st)
{
	struct paths p;
	int f, count, missing;
	rx_err rc;

	*out = NULL;
	if ((rc = paths_set(&p, dir, st)) != RX_OK)
		goto err0;
	if (mkdir(p.dir, 0700) == -1 && errno != EEXIST) {
		rc = fail_errno(st, errno, __func__);
		goto err0;
	}
	if ((rc = count_files(&p, &count, &missing, st)) != RX_OK)
		goto err0;
	if (count > 0) {
		rx_status_arg(st, "dir", "%s", dir);
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_REGISTER_EXISTS);
		goto err0;
	}
	for (f = 0; f < RX_FILE_COUNT; f++)
		if ((rc = make_file(&p, (enum rx_file_no)f, dir, st)) != RX_OK)
			goto err1;
	if ((rc = open_joint(out, &p, st)) != RX_OK)
		goto err1;

	/* Success! */
	return (RX_OK);

err1:
	/* Only what was made here. */
	while (f-- > 0)
		(void)unlink(p.file[f]);
err0:
	/* Failure! */
	return (rc);
}

/* Let ${image} stand in for the database ${schema}; SQLite does not write to
 * it.  A result code. */
static int
image_mount(sqlite3 *db, const char *schema, const struct rx_buf *image)
{
	static unsigned char none[1];
	int code;

	code = sqlite3_deserialize(db, schema,
	    image->len > 0 ? image->b : none, (sqlite3_int64)image->len,
	    (sqlite3_int64)image->len, SQLITE_DESERIALIZE_READONLY);
	/* It does not look at the image yet: what fails is memory. */
	return (code == SQLITE_ERROR ? SQLITE_NOMEM : code);
}

/* An image that was cut within its last page would open, zeros in place of
 * what is gone. */
static rx_err
image_check(struct rx_store *s, enum rx_file_no f, const struct rx_buf *image,
    struct rx_status *st)
{
	int64_t count, size;
	rx_err rc;

	rc = rx_exec_int(s->db, rx_file_defs[f].page_count, &count, s->how,
	    st);
	if (rc == RX_OK)
		rc = rx_exec_int(s->db, rx_file_defs[f].page_size, &size,
		    s->how, st);
	if (rc == RX_OK && (uint64_t)count * (uint64_t)size != image->len)
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_STORE_CORRUPT);
	return (rc);
}

/* The user_version in the header of ${image}; 0 when there is none. */
static uint32_t
image_version(const struct rx_buf *image)
{
	const uint8_t *p = image->b;

	if (image->len < 100)
		return (0);
	return ((uint32_t)p[60] << 24 | (uint32_t)p[61] << 16 |
	    (uint32_t)p[62] << 8 | p[63]);
}

/* Apply to a copy of ${image} what was added to the schema since, as opening
 * the register would; the copy, complete, goes to ${out}. */
static rx_err
image_upgrade(struct rx_buf *out, enum rx_file_no f,
    const struct rx_buf *image, unsigned how, struct rx_status *st)
{
	unsigned char *copy, *anew;
	sqlite3_int64 n = 0;
	sqlite3 *db = NULL;
	rx_err rc;
	int code;

	if ((rc = rx_connect(&db, ":memory:", how, st)) != RX_OK)
		return (rc);
	if ((copy = sqlite3_malloc64(image->len)) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto done;
	}
	memcpy(copy, image->b, image->len);
	/* SQLite frees the copy, also when this fails. */
	code = sqlite3_deserialize(db, "main", copy,
	    (sqlite3_int64)image->len, (sqlite3_int64)image->len,
	    SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
	if (code != SQLITE_OK) {
		rc = rx_sqlite_fail(st, code, how, __func__);
		goto done;
	}
	if ((rc = rx_migrate_upgrade(db, f, rx_migrations, rx_migration_count,
	    st)) != RX_OK)
		goto done;
	if ((anew = sqlite3_serialize(db, "main", &n, 0)) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else
		rc = rx_buf_add(out, anew, (size_t)n, st);
	sqlite3_free(anew);
done:
	(void)sqlite3_close(db);
	return (rc);
}

/* Let ${image}, brought up to date if it is of an older schema, stand in for
 * file ${f}. */
static rx_err
image_open(struct rx_store *s, enum rx_file_no f, const char *schema,
    const struct rx_buf *image, struct rx_status *st)
{
	const uint32_t version = image_version(image);
	const struct rx_buf *use = image;
	rx_err rc;
	int code;

	if (version > 0 && version < rx_migrate_last(f, rx_migrations,
	    rx_migration_count)) {
		if ((rc = image_upgrade(&s->image[f], f, image, s->how, st)) !=
		    RX_OK)
			return (rc);
		use = &s->image[f];
	}
	if ((code = image_mount(s->db, schema, use)) != SQLITE_OK)
		return (rx_sqlite_fail(st, code, s->how, __func__));
	return (image_check(s, f, use, st));
}

rx_err
rx_store_open_images(struct rx_store **out, const struct rx_buf *content,
    const struct rx_buf *keys, struct rx_status *st)
{
	struct rx_store *s;
	rx_err rc;

	*out = NULL;
	if ((s = store_new(RX_SQL_UNCHECKED | RX_SQL_IMAGE)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = connect_main(s, ":memory:", st)) != RX_OK)
		goto err0;
	if ((rc = attach_keys(s->db, ":memory:", s->how, st)) != RX_OK)
		goto err0;
	if ((rc = image_open(s, RX_FILE_CONTENT, "main", content, st)) != RX_OK)
		goto err0;
	if ((rc = image_open(s, RX_FILE_KEYS, "keys", keys, st)) != RX_OK)
		goto err0;
	if ((rc = verify(s, st)) != RX_OK)
		goto err0;

	/* Success! */
	*out = s;
	return (RX_OK);

err0:
	/* Failure! */
	rx_store_close(s);
	return (rc);
}

/* Make file ${f} anew, as an image that SQLite frees, mounted as ${schema}. */
static rx_err
memory_make(struct rx_store *s, enum rx_file_no f, const char *schema,
    struct rx_status *st)
{
	unsigned char *image = NULL;
	sqlite3_int64 n = 0;
	sqlite3 *db = NULL;
	rx_err rc;
	int code;

	if ((rc = rx_connect(&db, ":memory:", s->how, st)) != RX_OK)
		return (rc);
	if ((rc = rx_migrate_birth(db, f, rx_migrations, rx_migration_count,
	    s->how, st)) == RX_OK &&
	    (image = sqlite3_serialize(db, "main", &n, 0)) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	(void)sqlite3_close(db);
	if (rc != RX_OK)
		return (rc);
	/* It frees the image, also when it fails. */
	code = sqlite3_deserialize(s->db, schema, image, n, n,
	    SQLITE_DESERIALIZE_FREEONCLOSE | SQLITE_DESERIALIZE_RESIZEABLE);
	return (code == SQLITE_OK ? RX_OK :
	    rx_sqlite_fail(st, code, s->how, __func__));
}

rx_err
rx_store_open_memory(struct rx_store **out, struct rx_status *st)
{
	struct rx_store *s;
	rx_err rc;

	*out = NULL;
	if ((s = store_new(0)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_connect(&s->db, ":memory:", s->how, st)) != RX_OK ||
	    (rc = attach_keys(s->db, ":memory:", s->how, st)) != RX_OK ||
	    (rc = memory_make(s, RX_FILE_CONTENT, "main", st)) != RX_OK ||
	    (rc = memory_make(s, RX_FILE_KEYS, "keys", st)) != RX_OK) {
		rx_store_close(s);
		return (rc);
	}
	*out = s;
	return (RX_OK);
}

rx_err
rx_store_check(struct rx_store *s, struct rx_status *st)
{
	sqlite3_stmt *stmt;
	const char *answer;
	rx_err rc = RX_OK;
	int f, code;

	for (f = 0; rc == RX_OK && f < RX_FILE_COUNT; f++) {
		code = sqlite3_prepare_v2(s->db, rx_file_defs[f].check, -1,
		    &stmt, NULL);
		if (code != SQLITE_OK)
			return (rx_sqlite_fail(st, code, s->how, __func__));
		if ((code = sqlite3_step(stmt)) != SQLITE_ROW)
			rc = rx_sqlite_fail(st, code, s->how, __func__);
		else {
			answer = (const char *)sqlite3_column_text(stmt, 0);
			if (answer == NULL || strcmp(answer, "ok") != 0)
				rc = rx_fail(st, RX_ECORRUPT,
				    RX_MSG_STORE_CORRUPT);
		}
		(void)sqlite3_finalize(stmt);
	}
	return (rc);
}

/* VACUUM takes the lock of its own file.  Who writes has that of content.db, and may
 * have read the keys and be about to change them: so it is held here too, by another
 * connection, as VACUUM runs in no transaction. */
static rx_err
vacuum_keys(struct rx_store *s, struct rx_status *st)
{
	const char *path = sqlite3_db_filename(s->db, "main");
	sqlite3 *db = NULL;
	rx_err rc;

	if ((rc = rx_connect(&db, path, s->how, st)) != RX_OK)
		return (rc);
	if ((rc = rx_exec(db, "BEGIN IMMEDIATE", s->how, st)) == RX_OK)
		rc = rx_exec(s->db, rx_file_defs[RX_FILE_KEYS].vacuum, s->how,
		    st);
	(void)sqlite3_close(db);	/* rolls back */
	return (rc);
}

rx_err
rx_store_vacuum(struct rx_store *s, struct rx_status *st)
{
	rx_err rc;

	if (s->tx || s->reading)
		return (rx_store_misuse(st, "vacuum in a transaction",
		    __func__));
	if ((rc = rx_exec(s->db, rx_file_defs[RX_FILE_CONTENT].vacuum, s->how,
	    st)) != RX_OK)
		return (rc);
	return (vacuum_keys(s, st));
}

/**
 * read_pages(s, f, buf, st):
 * Append all pages of file ${f} to ${buf}, read with SQLite's own handle while
 * its shared lock is held: with the journal deleted at every commit the file
 * is then exactly what was committed.  sqlite3_serialize would do the same, but
 * answers a page that it cannot read with zeros; and a descriptor of our own
 * would drop SQLite's locks when it is closed.
 */
static rx_err
read_pages(struct rx_store *s, enum rx_file_no f, const char *schema,
    struct rx_buf *buf, struct rx_status *st)
{
	sqlite3_file *file = NULL;
	int64_t count, size, i;
	uint8_t *to;
	int code;
	rx_err rc;

	rc = rx_exec_int(s->db, rx_file_defs[f].page_count, &count, s->how,
	    st);
	if (rc == RX_OK)
		rc = rx_exec_int(s->db, rx_file_defs[f].page_size, &size,
		    s->how, st);
	if (rc != RX_OK)
		return (rc);
	code = sqlite3_file_control(s->db, schema, SQLITE_FCNTL_FILE_POINTER,
	    &file);
	if (code != SQLITE_OK || file == NULL || file->pMethods == NULL)
		return (rx_sqlite_fail(st, SQLITE_IOERR, s->how, __func__));
	rc = rx_buf_extend(buf, (size_t)count * (size_t)size, &to, st);
	for (i = 0; rc == RX_OK && i < count; i++) {
		code = file->pMethods->xRead(file, to + i * size, (int)size,
		    i * size);
		if (code != SQLITE_OK)
			rc = rx_sqlite_fail(st, code, s->how, __func__);
	}
	return (rc);
}

rx_err
rx_store_images(struct rx_store *s, struct rx_buf *content,
    struct rx_buf *keys, struct rx_status *st)
{
	rx_err rc;

	/* What is not committed is partly in SQLite's memory. */
	if (s->tx)
		return (rx_store_misuse(st, "images in a transaction",
		    __func__));
	if ((rc = rx_read_begin(s, st)) != RX_OK)
		return (rc);
	rc = read_pages(s, RX_FILE_CONTENT, "main", content, st);
	if (rc == RX_OK)
		rc = read_pages(s, RX_FILE_KEYS, "keys", keys, st);
	rx_read_end(s);
	return (rc);
}
