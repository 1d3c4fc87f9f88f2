#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "helper.h"

void
test_ok_(rx_err rc, const struct rx_status *st, const char *expr,
    const char *file, int line)
{
	char text[512];

	if (rc == RX_OK)
		return;
	rx_status_text(st, RX_LANG_EN, text, sizeof(text));
	print_error("%s: %d (%s) in %s\n", expr, (int)rc, text,
	    st->where != NULL ? st->where : "?");
	_fail(file, line);
}

void
test_refused_(rx_err rc, rx_err want, struct rx_status *st, const char *expr,
    const char *file, int line)
{
	char text[512];

	if (rc != want) {
		rx_status_text(st, RX_LANG_EN, text, sizeof(text));
		print_error("%s: %d (%s), wanted %d\n", expr, (int)rc, text,
		    (int)want);
		_fail(file, line);
	}
	rx_status_clear(st);
}

#define DIRS_MAX 256
static char dirs[DIRS_MAX][128];
static size_t ndirs;

static int
remove_one(const char *path, const struct stat *sb, int flag, struct FTW *ftw)
{

	(void)sb;
	(void)flag;
	(void)ftw;
	return (remove(path));
}

static void
remove_dirs(void)
{
	size_t i;

	for (i = 0; i < ndirs; i++)
		(void)nftw(dirs[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
test_dir(void)
{
	const char *tmp = getenv("TMPDIR");

	assert_true(ndirs < DIRS_MAX);
	if (ndirs == 0)
		assert_int_equal(atexit(remove_dirs), 0);
	(void)snprintf(dirs[ndirs], sizeof(dirs[0]), "%s/runxin-test-XXXXXX",
	    tmp != NULL && strlen(tmp) < 90 ? tmp : "/tmp");
	assert_non_null(mkdtemp(dirs[ndirs]));
	return (dirs[ndirs++]);
}

struct rx_secret *
test_passphrase(const char *text)
{
	struct rx_secret *s = NULL;
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_secret_new(&s, strlen(text) + 1, &st), &st);
	memcpy(s->b, text, strlen(text));
	s->len = strlen(text);
	return (s);
}
