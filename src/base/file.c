#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define CHUNK ((size_t)64 * 1024)

/* Fail with RX_EIO for ${path} and the errno ${e}; ${msg} when none fits it. */
static rx_err
fail_errno(struct rx_status *st, enum rx_msg msg, const char *path, int e,
    const char *where)
{
	const char *name = strerrorname_np(e);
	rx_err rc;

	if (e == ENOENT || e == ENOTDIR)
		msg = RX_MSG_FILE_ABSENT;
	else if (e == EACCES || e == EPERM || e == EROFS)
		msg = RX_MSG_FILE_NO_ACCESS;
	else if (e == ENOSPC || e == EDQUOT)
		msg = RX_MSG_FILE_NO_SPACE;
	rc = rx_fail_at(st, RX_EIO, msg, where);
	rx_status_arg(st, "file", "%s", path);
	rx_status_arg(st, "errno", "%s", name != NULL ? name : "?");
	return (rc);
}

/* Append all of ${fd} to ${buf}, at most ${max} bytes. */
static rx_err
read_all(struct rx_buf *buf, int fd, const char *path, size_t max,
    struct rx_status *st)
{
	size_t start = buf->len;
	uint8_t *p;
	ssize_t n;
	rx_err rc;

	for (;;) {
		if ((rc = rx_buf_extend(buf, CHUNK, &p, st)) != RX_OK)
			return (rc);
		do
			n = read(fd, p, CHUNK);
		while (n == -1 && errno == EINTR);
		buf->len -= CHUNK;
		if (n == -1)
			return (fail_errno(st, RX_MSG_FILE_READ, path, errno,
			    __func__));
		if (n == 0)
			return (RX_OK);
		buf->len += (size_t)n;
		if (buf->len - start > max) {
			rc = rx_fail(st, RX_EUSAGE, RX_MSG_FILE_TOO_LARGE);
			rx_status_arg(st, "file", "%s", path);
			rx_status_arg(st, "max", "%zu", max);
			return (rc);
		}
	}
}

rx_err
rx_file_read(struct rx_buf *buf, const char *path, size_t max,
    struct rx_status *st)
{
	size_t start = buf->len;
	rx_err rc;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1)
		return (fail_errno(st, RX_MSG_FILE_READ, path, errno,
		    __func__));
	rc = read_all(buf, fd, path, max, st);
	(void)close(fd);
	if (rc != RX_OK && buf->b != NULL) {
		explicit_bzero(&buf->b[start], buf->cap - start);
		buf->len = start;
	}
	return (rc);
}

/* Write all ${n} bytes, then fsync; errno tells why on -1. */
static int
write_all(int fd, const uint8_t *p, size_t n)
{
	ssize_t done;

	while (n > 0) {
		done = write(fd, p, n < CHUNK * 16 ? n : CHUNK * 16);
		if (done == -1 && errno == EINTR)
			continue;
		if (done == -1)
			return (-1);
		p += done;
		n -= (size_t)done;
	}
	return (fsync(fd));
}

/* Give ${tmp} the name ${path}, which must not exist; errno on -1. */
static int
name_new(const char *tmp, const char *path)
{

	if (renameat2(AT_FDCWD, tmp, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return (0);
	if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
		return (-1);

	/* Some file systems have no such rename, but a link is as good. */
	if (link(tmp, path) == -1)
		return (-1);

	/* A left-over second name does no harm to what was asked for. */
	(void)unlink(tmp);
	return (0);
}

/* Make the names in the folder ${dir} last; errno on -1. */
static int
sync_dir(const char *dir)
{
	int fd, rc, e;

	if ((fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) == -1)
		return (-1);
	rc = fsync(fd);
	e = errno;
	(void)close(fd);

	/* EINVAL: a file system that has nothing to sync in a folder. */
	if (rc == -1 && e == EINVAL)
		return (0);
	errno = e;
	return (rc);
}

/* The folder of ${path}, to be freed by the caller; NULL without memory. */
static char *
folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return (strdup("."));
	return (strndup(path, slash == path ? 1 : (size_t)(slash - path)));
}

/* Refuse what a rename would destroy or must not replace. */
static rx_err
check_target(const char *path, bool replace, struct rx_status *st)
{
	struct stat sb;
	rx_err rc;

	if (lstat(path, &sb) == -1) {
		if (errno == ENOENT)
			return (RX_OK);
		return (fail_errno(st, RX_MSG_FILE_WRITE, path, errno,
		    __func__));
	}
	if (!replace)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_FILE_EXISTS);
	else if (!S_ISREG(sb.st_mode))
		rc = rx_fail(st, RX_EIO, RX_MSG_FILE_NOT_REGULAR);
	else
		return (RX_OK);
	rx_status_arg(st, "file", "%s", path);
	return (rc);
}

rx_err
rx_file_absent(const char *path, struct rx_status *st)
{

	return (check_target(path, false, st));
}

/* Give the finished ${tmp} its name ${path}. */
static rx_err
place(const char *tmp, const char *path, bool replace, struct rx_status *st)
{
	rx_err rc;

	if ((replace ? rename(tmp, path) : name_new(tmp, path)) == 0)
		return (RX_OK);
	if (replace || errno != EEXIST)
		return (fail_errno(st, RX_MSG_FILE_WRITE, path, errno,
		    __func__));
	rc = rx_fail(st, RX_ECONFLICT, RX_MSG_FILE_EXISTS);
	rx_status_arg(st, "file", "%s", path);
	return (rc);
}

/* Write the temporary file ${tmp}, a mkostemp template. */
static rx_err
write_tmp(char *tmp, const char *path, const void *p, size_t n, unsigned mode,
    struct rx_status *st)
{
	int fd, e;

	if ((fd = mkostemp(tmp, O_CLOEXEC)) == -1)
		return (fail_errno(st, RX_MSG_FILE_WRITE, path, errno,
		    __func__));
	if (fchmod(fd, (mode_t)mode) == -1 || write_all(fd, p, n) == -1) {
		e = errno;
		(void)close(fd);
		goto err0;
	}
	if (close(fd) == -1) {
		e = errno;
		goto err0;
	}
	return (RX_OK);

err0:
	(void)unlink(tmp);
	return (fail_errno(st, RX_MSG_FILE_WRITE, path, e, __func__));
}

rx_err
rx_file_write(const char *path, const void *p, size_t n, unsigned mode,
    bool replace, struct rx_status *st)
{
	char *dir, *tmp;
	rx_err rc;

	if ((rc = check_target(path, replace, st)) != RX_OK)
		goto err0;
	if ((dir = folder_of(path)) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto err0;
	}
	if (asprintf(&tmp, "%s/.runxin-XXXXXX", dir) == -1) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto err1;
	}
	if ((rc = write_tmp(tmp, path, p, n, mode, st)) != RX_OK)
		goto err2;
	if ((rc = place(tmp, path, replace, st)) != RX_OK) {
		(void)unlink(tmp);
		goto err2;
	}
	if (sync_dir(dir) == -1) {
		rc = fail_errno(st, RX_MSG_FILE_WRITE, path, errno, __func__);
		goto err2;
	}

	/* Success! */
	free(tmp);
	free(dir);
	return (RX_OK);

err2:
	free(tmp);
err1:
	free(dir);
err0:
	/* Failure! */
	return (rc);
}
