/* src/base: errors, messages, buffers, UTF-8, dates, JSON, whole files. */

#include <ctype.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/date.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/message.h"
#include "tests/helper.h"

static struct rx_status st;

static int
setup(void **state)
{

	(void)state;
	rx_status_clear(&st);
	return (0);
}

/* ---- looking for a secret in this process's own memory ---- */

#define CANARY 24

/* Byte ${i} of the canary; computed, so that it stands nowhere by itself. */
static uint8_t
canary_byte(size_t i)
{

	return ((uint8_t)('A' + (i * 7 + 3) % 26));
}

/* Fill the ${n} bytes at ${p} with text that has canaries in it. */
static void
canary_fill(char *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		((volatile char *)p)[i] = (char)canary_byte(i % CANARY);
}

static size_t
canary_count(const uint8_t *p, size_t n)
{
	size_t found = 0;
	size_t i, j;

	for (i = 0; i + CANARY <= n; i++) {
		for (j = 0; j < CANARY && p[i + j] == canary_byte(j); j++)
			continue;
		found += (j == CANARY);
	}
	return (found);
}

/* The number of canaries in the range that the kernel calls ${lo}-${hi}. */
static size_t
canary_range(int fd, uint64_t lo, uint64_t hi)
{
	static uint8_t chunk[65536];
	size_t found = 0;
	size_t want;
	ssize_t n;

	while (lo < hi) {
		memset(chunk, 0, sizeof(chunk));
		want = hi - lo < sizeof(chunk) ? (size_t)(hi - lo) :
		    sizeof(chunk);
		n = pread(fd, chunk, want, (off_t)lo);
		if (n <= 0)
			break;
		found += canary_count(chunk, (size_t)n);

		/* Overlap, for a canary that lies across two chunks. */
		lo += (size_t)n > CANARY ? (size_t)n - CANARY + 1 : (size_t)n;
		if ((size_t)n <= CANARY)
			break;
	}
	memset(chunk, 0, sizeof(chunk));
	return (found);
}

/* The number of canaries in the writable memory of this process. */
static size_t
canaries_in_memory(void)
{
	char line[512], perm[8];
	unsigned long long lo, hi;
	size_t found = 0;
	FILE *maps;
	int fd;

	assert_non_null(maps = fopen("/proc/self/maps", "r"));
	assert_true((fd = open("/proc/self/mem", O_RDONLY)) >= 0);
	while (fgets(line, sizeof(line), maps) != NULL) {
		if (sscanf(line, "%llx-%llx %7s", &lo, &hi, perm) != 3)
			continue;

		/* The sanitizer's shadow is terabytes of nothing. */
		if (perm[1] != 'w' || hi - lo > (1ULL << 32))
			continue;
		found += canary_range(fd, lo, hi);
	}
	(void)close(fd);
	(void)fclose(maps);
	return (found);
}

/* Whether ${f}, run in a process of its own, leaves canaries behind. */
static bool
leaves_canaries(void (*f)(void))
{
	int status;
	pid_t pid;

	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		f();
		_exit(canaries_in_memory() > 0 ? 1 : 0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return (WEXITSTATUS(status) == 1);
}

static void
plain_memory(void)
{
	char *p = malloc(6400);

	if (p == NULL)
		_exit(2);
	canary_fill(p, 6400);
	free(p);
}

/* ---- errors ---- */

static void
test_first_failure_wins(void **state)
{

	(void)state;
	assert_int_equal(rx_fail(&st, RX_EPERM, RX_MSG_WRONG_PASSPHRASE),
	    RX_EPERM);
	assert_int_equal(rx_fail(&st, RX_EIO, RX_MSG_FILE_READ), RX_EPERM);
	assert_int_equal(st.code, RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_WRONG_PASSPHRASE);
	assert_string_equal(st.where, "test_first_failure_wins");
}

static void
test_failing_with_ok_is_an_internal_error(void **state)
{

	(void)state;
	assert_int_equal(rx_fail(&st, RX_OK, RX_MSG_NONE), RX_EINTERNAL);
	assert_int_equal(st.code, RX_EINTERNAL);
}

static void
test_innermost_argument_wins_and_seventh_is_dropped(void **state)
{

	(void)state;
	rx_status_arg(&st, "file", "%s", "inner");
	rx_status_arg(&st, "file", "%s", "outer");
	rx_status_arg(&st, "a", "%d", 1);
	rx_status_arg(&st, "b", "%d", 2);
	rx_status_arg(&st, "c", "%d", 3);
	rx_status_arg(&st, "d", "%d", 4);
	rx_status_arg(&st, "e", "%d", 5);
	rx_status_arg(&st, "f", "%d", 6);
	assert_int_equal(st.nargs, RX_STATUS_ARGS);
	assert_string_equal(st.arg[0].value, "inner");
	assert_string_equal(st.arg[3].value, "3");
}

static void
test_argument_is_cut_at_a_character(void **state)
{
	char text[400];
	size_t i;

	(void)state;
	for (i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(&text[i], "\xe6\xb6\xa6", 3);
	text[i] = '\0';
	rx_status_arg(&st, "a", "%s", text);
	rx_status_arg(&st, "b", "x%s", text);
	rx_status_arg(&st, "c", "xx%s", text);
	for (i = 0; i < 3; i++) {
		assert_true(strlen(st.arg[i].value) >= 197);
		assert_true(rx_utf8_valid(st.arg[i].value,
		    strlen(st.arg[i].value)));
		assert_null(strchr(st.arg[i].value, '?'));
	}
}

static void
test_argument_cannot_drive_a_terminal(void **state)
{

	(void)state;
	rx_status_arg(&st, "a", "%s", "x\033[2J\n\x7f\xc2\x9b\xff" "\xe6\xb6");
	assert_string_equal(st.arg[0].value, "x?[2J???" "??" "??");
}

static void
test_text_replaces_placeholders_in_both_languages(void **state)
{
	char text[256];

	(void)state;
	(void)rx_fail(&st, RX_EIO, RX_MSG_FILE_READ);
	rx_status_arg(&st, "file", "%s", "a.ndjson");
	rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
	assert_string_equal(text, "cannot read the file a.ndjson ({errno})");
	rx_status_arg(&st, "errno", "%s", "EIO");
	rx_status_text(&st, RX_LANG_ZH, text, sizeof(text));
	assert_string_equal(text, "无法读取文件 a.ndjson（EIO）");
}

static void
test_text_never_overruns_or_splits_a_character(void **state)
{
	char text[300];
	size_t size;

	(void)state;
	(void)rx_fail(&st, RX_EIO, RX_MSG_FILE_READ);
	rx_status_arg(&st, "file", "%s", "润心");
	rx_status_arg(&st, "errno", "%s", "EIO");
	for (size = 0; size < 100; size++) {
		memset(text, 'Z', sizeof(text));
		rx_status_text(&st, RX_LANG_ZH, text, size);
		assert_int_equal(text[size], 'Z');
		if (size == 0)
			continue;
		assert_true(strlen(text) < size);
		assert_true(rx_utf8_valid(text, strlen(text)));
	}
}

/* ---- messages ---- */

/* Whether ${text} has the placeholder that is the ${n} bytes at ${p}. */
static bool
has_placeholder(const char *text, const char *p, size_t n)
{
	const char *q;

	for (q = strchr(text, '{'); q != NULL; q = strchr(q + 1, '{')) {
		if (strncmp(q, p, n) == 0)
			return (true);
	}
	return (false);
}

/* Every placeholder of ${a} is well-formed and also stands in ${b}. */
static void
check_placeholders(const char *a, const char *b)
{
	const char *open, *close;
	size_t n;

	for (open = strchr(a, '{'); open != NULL; open = strchr(close, '{')) {
		close = strchr(open, '}');
		if (close == NULL)
			fail_msg("unclosed placeholder: %s", a);
		n = (size_t)(close - open) + 1;
		if (strspn(open + 1, "abcdefghijklmnopqrstuvwxyz_") != n - 2)
			fail_msg("odd placeholder: %s", a);
		if (!has_placeholder(b, open, n))
			fail_msg("placeholder only in: %s", a);
	}
}

static bool
has_letter(const char *s)
{

	bool inside = false;

	for (; *s != '\0'; s++) {
		inside = *s == '{' || (inside && *s != '}');
		if (!inside && islower((unsigned char)*s))
			return (true);
	}
	return (false);
}

static bool
has_chinese(const char *s)
{

	for (; *s != '\0'; s++) {
		if ((uint8_t)*s >= 0xe3 && (uint8_t)*s <= 0xe9)
			return (true);
	}
	return (false);
}

static void
test_every_message_is_whole_in_both_languages(void **state)
{
	const char *zh, *en;
	int i;

	(void)state;
	for (i = RX_MSG_NONE + 1; i < RX_MSG_COUNT; i++) {
		/* Each names the other language in its own words. */
		if (i == RX_MSG_WEB_LANG_OTHER)
			continue;
		zh = rx_msg((enum rx_msg)i, RX_LANG_ZH);
		en = rx_msg((enum rx_msg)i, RX_LANG_EN);
		assert_true(zh[0] != '\0' && en[0] != '\0');
		assert_true(rx_utf8_valid(zh, strlen(zh)));
		assert_true(rx_utf8_valid(en, strlen(en)));
		/* Signs, placeholders, and names like CSV need none. */
		if (!has_chinese(zh) && has_letter(zh))
			fail_msg("no Chinese: %s", zh);
		if (has_chinese(en))
			fail_msg("Chinese: %s", en);
		check_placeholders(zh, en);
		check_placeholders(en, zh);
	}
}

static void
test_wild_message_number_is_not_read(void **state)
{

	(void)state;
	assert_ptr_equal(rx_msg((enum rx_msg)RX_MSG_COUNT, RX_LANG_EN),
	    rx_msg(RX_MSG_INTERNAL, RX_LANG_EN));
	assert_ptr_equal(rx_msg(RX_MSG_INTERNAL, (enum rx_lang)77),
	    rx_msg(RX_MSG_INTERNAL, RX_LANG_ZH));
}

/* ---- buffers ---- */

static void
test_buffer_keeps_what_is_added(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	uint8_t *p;
	size_t i;

	(void)state;
	for (i = 0; i < 10000; i++)
		ok(rx_buf_add(&buf, "abc", 3, &st), &st);
	assert_int_equal(buf.len, 30000);
	for (i = 0; i < 30000; i++)
		assert_int_equal(buf.b[i], "abc"[i % 3]);
	rx_buf_reset(&buf);
	assert_int_equal(buf.len, 0);
	ok(rx_buf_printf(&buf, &st, "%s-%d", "润", 42), &st);
	assert_int_equal(buf.len, 6);
	assert_memory_equal(buf.b, "润-42", 6);
	ok(rx_buf_extend(&buf, 8, &p, &st), &st);
	assert_memory_equal(p, "\0\0\0\0\0\0\0", 8);
	assert_ptr_equal(p, &buf.b[6]);
	ok(rx_buf_add(&buf, NULL, 0, &st), &st);
	assert_int_equal(buf.len, 14);
	rx_buf_free(&buf);
	rx_buf_free(&buf);
	rx_buf_free(NULL);
	assert_null(buf.b);
}

static void
test_buffer_too_large_is_refused_and_unchanged(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	uint8_t *p;

	(void)state;
	ok(rx_buf_add(&buf, "abc", 3, &st), &st);
	refused(rx_buf_extend(&buf, SIZE_MAX - 1, &p, &st), RX_EINTERNAL, &st);
	assert_null(p);
	refused(rx_buf_extend(&buf, SIZE_MAX / 2, &p, &st), RX_EINTERNAL, &st);
	assert_int_equal(buf.len, 3);
	assert_memory_equal(buf.b, "abc", 3);
	rx_buf_free(&buf);
}

static void
test_reset_leaves_no_byte(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	size_t i;

	(void)state;
	ok(rx_buf_add(&buf, "secret secret", 13, &st), &st);
	rx_buf_reset(&buf);
	for (i = 0; i < buf.cap && i < 13; i++)
		assert_int_equal(buf.b[i], 0);
	rx_buf_free(&buf);
}

static void
test_grown_and_freed_buffer_leaves_nothing_in_memory(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	char text[128];
	size_t i;

	(void)state;
	assert_int_equal(canaries_in_memory(), 0);
	for (i = 0; i < 50; i++) {
		canary_fill(text, sizeof(text));
		ok(rx_buf_add(&buf, text, sizeof(text), &st), &st);
		explicit_bzero(text, sizeof(text));
	}
	assert_true(canaries_in_memory() > 100);
	rx_buf_free(&buf);
	assert_int_equal(canaries_in_memory(), 0);

	/* The control: what plain malloc and free leave is found. */
	assert_true(leaves_canaries(plain_memory));
}

static void
test_integers_are_little_endian(void **state)
{
	uint8_t b[8];

	(void)state;
	rx_put64(b, 0x0123456789abcdefULL);
	assert_memory_equal(b, "\xef\xcd\xab\x89\x67\x45\x23\x01", 8);
	assert_true(rx_get64(b) == 0x0123456789abcdefULL);
	rx_put32(b, 0xfedcba98U);
	assert_memory_equal(b, "\x98\xba\xdc\xfe", 4);
	assert_true(rx_get32(b) == 0xfedcba98U);
	rx_put16(b, 0xbeef);
	assert_memory_equal(b, "\xef\xbe", 2);
	assert_int_equal(rx_get16(b), 0xbeef);
}

/* ---- UTF-8 ---- */

static void
test_well_formed_utf8_is_accepted(void **state)
{
	static const char *const good[] = { "", "a", "润心", "\xc2\x80",
	    "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
	    "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf" };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		assert_true(rx_utf8_valid(good[i], strlen(good[i])));
	assert_int_equal(rx_utf8_count("a润心\xf0\xa0\x80\x80", 11), 4);
	assert_int_equal(rx_utf8_width("a润心（x）"), 10);
	assert_int_equal(rx_utf8_width("\xf0\xa0\x80\x80" "e\xcc\x81"), 3);
}

static void
test_malformed_utf8_is_refused(void **state)
{
	static const struct {
		const char *s;
		size_t n;
	} bad[] = {
		{ "a\0b", 3 },			/* NUL */
		{ "\x80", 1 },			/* continuation alone */
		{ "\xc0\x80", 2 },		/* overlong NUL */
		{ "\xc1\xbf", 2 },		/* overlong */
		{ "\xe0\x9f\xbf", 3 },		/* overlong */
		{ "\xf0\x8f\xbf\xbf", 4 },	/* overlong */
		{ "\xed\xa0\x80", 3 },		/* surrogate */
		{ "\xed\xbf\xbf", 3 },		/* surrogate */
		{ "\xf4\x90\x80\x80", 4 },	/* beyond U+10FFFF */
		{ "\xf5\x80\x80\x80", 4 },
		{ "\xff", 1 },
		{ "\xe6\xb6", 2 },		/* cut */
		{ "\xe6\xb6\xa6\xe5", 4 },	/* cut */
		{ "\xe6\x41\xa6", 3 },
		{ "\xe6\xb6\x41", 3 },
		{ "\xf0\x90\x80\x41", 4 },
		{ "\xd6\xd0\xce\xc4", 4 },	/* GBK for 中文 */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (rx_utf8_valid(bad[i].s, bad[i].n))
			fail_msg("bad[%zu] was accepted", i);
	}
}

/* ---- dates ---- */

static int32_t
day(const char *s)
{
	int32_t d;

	if (!rx_date_parse(s, &d))
		fail_msg("%s", s);
	return (d);
}

static void
test_known_dates(void **state)
{

	(void)state;
	assert_int_equal(day("1970-01-01"), 0);
	assert_int_equal(day("1969-12-31"), -1);
	assert_int_equal(day("2000-02-29"), 11016);
	assert_int_equal(day("2025-06-01"), 20240);
	assert_int_equal(day("1900-01-01"), -25567);
}

static void
test_impossible_dates_are_refused(void **state)
{
	static const char *const bad[] = { "", "2025", "2025-06", "2025-6-01",
	    "2025-06-1", "2025-06-01 ", " 2025-06-01", "2025/06/01",
	    "2025-13-01", "2025-00-01", "2025-01-00", "2025-01-32",
	    "2025-04-31", "2025-02-29", "1900-02-29", "2100-02-29",
	    "2000-02-30", "1899-12-31", "3000-01-01", "20250601",
	    "2025-06-0a", "-025-06-01", "+025-06-01", "2025-06-01T",
	    "２０25-06" };
	size_t i;
	int32_t d;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (rx_date_parse(bad[i], &d))
			fail_msg("%s was accepted", bad[i]);
	}
	assert_true(rx_date_parse("2000-02-29", &d));
	assert_true(rx_date_parse("2024-02-29", &d));
	assert_false(rx_month_parse("2025-13", &d));
	assert_false(rx_month_parse("2025-00", &d));
	assert_false(rx_month_parse("2025-1", &d));
	assert_false(rx_month_parse("2025-01-01", &d));
	assert_false(rx_month_parse("1899-12", &d));
}

/* Every day from 1900 to 2999, against the C library. */
static void
test_every_day_agrees_with_the_c_library(void **state)
{
	char text[RX_DATE_TEXT], want[64];
	int32_t d, parsed;
	struct tm tm;
	time_t t;

	(void)state;
	for (d = day("1900-01-01"); d <= day("2999-12-31"); d++) {
		t = (time_t)d * 86400;
		assert_non_null(gmtime_r(&t, &tm));
		(void)snprintf(want, sizeof(want), "%04d-%02d-%02d",
		    tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
		rx_date_format(d, text);
		assert_string_equal(text, want);
		assert_true(rx_date_parse(text, &parsed));
		assert_int_equal(parsed, d);
		assert_int_equal(rx_date_month(d),
		    (tm.tm_year + 1900) * 12 + tm.tm_mon);
		if (tm.tm_mday == 1)
			assert_int_equal(rx_month_first(rx_date_month(d)), d);
	}
}

static void
test_extreme_dates_do_not_overrun(void **state)
{
	char text[RX_DATE_TEXT], month[RX_MONTH_TEXT];

	(void)state;
	rx_date_format(INT32_MAX, text);
	assert_string_equal(text, "0000-00-00");
	rx_date_format(INT32_MIN, text);
	assert_string_equal(text, "0000-00-00");
	rx_month_format(INT32_MAX, month);
	assert_string_equal(month, "0000-00");
	rx_month_format(INT32_MIN, month);
	assert_string_equal(month, "0000-00");
	assert_int_equal(rx_month_first(INT32_MAX), INT32_MAX);
	assert_int_equal(rx_month_first(INT32_MIN), INT32_MIN);
}

static void
test_months(void **state)
{
	char text[RX_MONTH_TEXT];
	int32_t m;

	(void)state;
	assert_true(rx_month_parse("2014-05", &m));
	assert_int_equal(m, 2014 * 12 + 4);
	rx_month_format(m, text);
	assert_string_equal(text, "2014-05");
	assert_int_equal(rx_month_first(m), day("2014-05-01"));
	rx_month_format(2014 * 12 + 11, text);
	assert_string_equal(text, "2014-12");
}

static void
test_workdays_skip_weekends(void **state)
{
	int32_t d;
	int n, w, i;

	(void)state;
	assert_int_equal(rx_date_add_workdays(day("2025-06-02"), 5),
	    day("2025-06-09"));				/* Monday */
	assert_int_equal(rx_date_add_workdays(day("2025-06-06"), 1),
	    day("2025-06-09"));				/* Friday */
	assert_int_equal(rx_date_add_workdays(day("2025-06-07"), 1),
	    day("2025-06-09"));				/* Saturday */
	assert_int_equal(rx_date_add_workdays(day("2025-06-08"), 5),
	    day("2025-06-13"));				/* Sunday */
	assert_int_equal(rx_date_add_workdays(day("2025-06-08"), 0),
	    day("2025-06-08"));

	/* Against counting one day at a time, also before 1970. */
	for (w = -10; w < 10; w++) {
		for (n = 0; n < 40; n++) {
			for (d = w, i = 0; i < n; )
				i += (((++d % 7) + 7 + 3) % 7 < 5);
			assert_int_equal(rx_date_add_workdays(w, n), d);
		}
	}
}

static void
test_age_changes_with_the_month(void **state)
{
	int32_t birth;

	(void)state;
	assert_true(rx_month_parse("2014-05", &birth));
	assert_int_equal(rx_age(birth, day("2014-05-01")), 0);
	assert_int_equal(rx_age(birth, day("2025-04-30")), 10);
	assert_int_equal(rx_age(birth, day("2025-05-01")), 11);
	assert_int_equal(rx_age(birth, day("2014-04-30")), -1);
}

static void
test_local_time_is_the_machines(void **state)
{
	const char *old = getenv("TZ");
	char *keep = old != NULL ? strdup(old) : NULL;
	char text[RX_TIME_TEXT];

	(void)state;
	assert_int_equal(setenv("TZ", "CST-8", 1), 0);
	tzset();

	/* 2025-06-01 16:30:05 UTC is the next day in China. */
	assert_int_equal(rx_date_of_time(1748795405999LL), day("2025-06-02"));
	rx_time_format(1748795405999LL, text);
	assert_string_equal(text, "2025-06-02 00:30:05");
	rx_time_format(-1, text);
	assert_string_equal(text, "1970-01-01 07:59:59");
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	tzset();
	assert_int_equal(rx_date_of_time(1748795405999LL), day("2025-06-01"));
	assert_int_equal(rx_date_of_time(-1), -1);
	assert_true(rx_date_today() > day("2025-01-01"));
	if (keep != NULL)
		assert_int_equal(setenv("TZ", keep, 1), 0);
	else
		assert_int_equal(unsetenv("TZ"), 0);
	tzset();
	free(keep);
}

/* ---- JSON ---- */

static void
test_json_object_round_trip_keeps_key_order(void **state)
{
	static const char text[] = "{\"z\":1,\"a\":{\"名\":\"润心\"},\"m\":[]}";
	struct rx_buf buf = RX_BUF_INIT;
	json_t *json;

	(void)state;
	ok(rx_json_parse(&json, text, strlen(text), &st), &st);
	ok(rx_json_write(&buf, json, &st), &st);
	ok(rx_buf_add(&buf, "", 1, &st), &st);
	assert_string_equal((char *)buf.b, "{\n  \"z\": 1,\n  \"a\": {\n"
	    "    \"名\": \"润心\"\n  },\n  \"m\": []\n}\n");
	json_decref(json);
	rx_buf_free(&buf);
}

static void
test_what_is_not_one_json_object_is_refused(void **state)
{
	static const char *const bad[] = { "", " ", "[]", "1", "null", "{",
	    "{}{}", "{} x", "{\"a\":1,\"a\":2}", "{\"a\":{\"b\":1,\"b\":1}}",
	    "{\"a\":\"\xff\"}", "{\"a\":\"\xc0\x80\"}", "{\"a\":\"\\u0000\"}",
	    "{\"a\":\"\\ud800\"}", "{'a':1}", "{\"a\":01}", "{\"a\":NaN}",
	    "{\"a\":1,}", "\xef\xbb\xbf{}" };
	json_t *json;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		json = (json_t *)&st;
		refused(rx_json_parse(&json, bad[i], strlen(bad[i]), &st),
		    RX_EUSAGE, &st);
		assert_null(json);
	}
	refused(rx_json_parse(&json, "{\"a\":1\0}", 8, &st), RX_EUSAGE, &st);
	assert_null(json);
}

static void
test_repeated_key_is_refused_where_plain_jansson_takes_it(void **state)
{
	static const char text[] = "{\"risk\":\"red\",\"risk\":\"green\"}";
	json_t *json;

	(void)state;
	refused(rx_json_parse(&json, text, strlen(text), &st), RX_EUSAGE, &st);
	assert_non_null(json = json_loadb(text, strlen(text), 0, NULL));
	json_decref(json);
}

static void
test_json_error_does_not_quote_the_input(void **state)
{
	static const char text[] = "{\"name\":\"SECRETNAME\" \"x\"}";
	char line[512];
	json_t *json;

	(void)state;
	assert_int_equal(rx_json_parse(&json, text, strlen(text), &st),
	    RX_EUSAGE);
	rx_status_text(&st, RX_LANG_ZH, line, sizeof(line));
	assert_null(strstr(line, "SECRET"));
	assert_null(strstr(line, "{byte}"));
}

/* Parse an object with a canary in it, write it again, free it all. */
static void
json_with_canary(void)
{
	struct rx_buf in = RX_BUF_INIT, out = RX_BUF_INIT;
	char text[256];
	json_t *json;

	canary_fill(text, sizeof(text));
	ok(rx_buf_add(&in, "{\"name\":\"", 9, &st), &st);
	ok(rx_buf_add(&in, text, sizeof(text), &st), &st);
	explicit_bzero(text, sizeof(text));
	ok(rx_buf_add(&in, "\"}", 2, &st), &st);
	ok(rx_json_parse(&json, (char *)in.b, in.len, &st), &st);
	ok(rx_json_write(&out, json, &st), &st);
	json_decref(json);
	rx_buf_free(&in);
	rx_buf_free(&out);
}

static void
json_in_plain_memory(void)
{

	json_set_alloc_funcs(malloc, free);
	json_with_canary();
}

static void
test_freed_json_leaves_nothing_in_memory(void **state)
{

	(void)state;
	assert_int_equal(canaries_in_memory(), 0);
	json_with_canary();
	assert_int_equal(canaries_in_memory(), 0);

	/* The control: jansson's own memory management leaves it there. */
	assert_true(leaves_canaries(json_in_plain_memory));
}

/* ---- files ---- */

static void
path_in(char out[256], const char *dir, const char *name)
{

	(void)snprintf(out, 256, "%s/%s", dir, name);
}

/* The number of names in ${dir}, hidden ones too. */
static size_t
names_in(const char *dir)
{
	struct dirent *e;
	size_t n = 0;
	DIR *d;

	assert_non_null(d = opendir(dir));
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	(void)closedir(d);
	return (n);
}

/* ${path} holds exactly ${text}. */
static void
check_file(const char *path, const char *text)
{
	struct rx_buf buf = RX_BUF_INIT;

	ok(rx_file_read(&buf, path, 1 << 20, &st), &st);
	assert_int_equal(buf.len, strlen(text));
	assert_memory_equal(buf.b, text, buf.len);
	rx_buf_free(&buf);
}

static void
test_file_is_written_with_its_mode_and_read(void **state)
{
	const char *dir = test_dir();
	char path[256];
	struct stat sb;

	(void)state;
	path_in(path, dir, "润心 a");
	ok(rx_file_write(path, "hello", 5, 0600, false, &st), &st);
	check_file(path, "hello");
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0600);
	ok(rx_file_write(path, "other", 5, 0640, true, &st), &st);
	check_file(path, "other");
	assert_int_equal(stat(path, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0640);
	assert_int_equal(names_in(dir), 1);
}

static void
test_empty_file_is_written_and_read(void **state)
{
	const char *dir = test_dir();
	char path[256];

	(void)state;
	path_in(path, dir, "empty");
	ok(rx_file_write(path, "", 0, 0600, false, &st), &st);
	check_file(path, "");
}

static void
test_existing_file_is_not_replaced(void **state)
{
	const char *dir = test_dir();
	char path[256], link[256];

	(void)state;
	path_in(path, dir, "a");
	path_in(link, dir, "dangling");
	ok(rx_file_write(path, "first", 5, 0600, false, &st), &st);
	refused(rx_file_write(path, "second", 6, 0600, false, &st),
	    RX_ECONFLICT, &st);
	check_file(path, "first");

	/* A link that leads nowhere is an existing name too. */
	assert_int_equal(symlink("nowhere", link), 0);
	refused(rx_file_write(link, "x", 1, 0600, false, &st), RX_ECONFLICT,
	    &st);
	assert_int_equal(names_in(dir), 2);
}

static void
test_only_a_regular_file_is_replaced(void **state)
{
	const char *dir = test_dir();
	char path[256];
	struct stat sb;

	(void)state;
	path_in(path, dir, "fifo");
	assert_int_equal(mkfifo(path, 0600), 0);
	refused(rx_file_write(path, "x", 1, 0600, true, &st), RX_EIO, &st);
	assert_int_equal(lstat(path, &sb), 0);
	assert_true(S_ISFIFO(sb.st_mode));
	refused(rx_file_write(dir, "x", 1, 0600, true, &st), RX_EIO, &st);
	assert_int_equal(names_in(dir), 1);
}

/* Of eight processes that make the same file, exactly one does. */
static void
test_one_of_many_writers_wins(void **state)
{
	const char *dir = test_dir();
	char path[256], name[32];
	int i, round, status, won;
	pid_t pid[8];

	(void)state;
	for (round = 0; round < 10; round++) {
		(void)snprintf(name, sizeof(name), "file%d", round);
		path_in(path, dir, name);
		for (i = 0; i < 8; i++) {
			assert_true((pid[i] = fork()) >= 0);
			if (pid[i] == 0)
				_exit((int)rx_file_write(path, "whole", 5,
				    0600, false, &st));
		}
		for (won = 0, i = 0; i < 8; i++) {
			assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
			assert_true(WIFEXITED(status));
			if (WEXITSTATUS(status) == RX_OK)
				won++;
			else
				assert_int_equal(WEXITSTATUS(status),
				    RX_ECONFLICT);
		}
		assert_int_equal(won, 1);
		check_file(path, "whole");
		assert_int_equal(names_in(dir), (size_t)round + 1);
	}
}

/* What a plain open and write leaves when the disk fills up. */
static void
plain_write(const char *path, const char *p, size_t n)
{
	int fd;

	assert_true((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)) >= 0);
	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done <= 0)
			break;
		p += done;
		n -= (size_t)done;
	}
	(void)close(fd);
}

static void
test_full_disk_leaves_the_old_file_or_none(void **state)
{
	const char *dir = test_dir();
	static char big[100000];
	char old[256], new[256], torn[256];
	struct rlimit limit, small;
	struct stat sb;
	void (*handler)(int);

	(void)state;
	path_in(old, dir, "old");
	path_in(new, dir, "new");
	path_in(torn, dir, "torn");
	memset(big, 'x', sizeof(big));
	ok(rx_file_write(old, "old", 3, 0600, false, &st), &st);
	ok(rx_file_write(torn, "old", 3, 0600, false, &st), &st);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 50000;
	handler = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	refused(rx_file_write(new, big, sizeof(big), 0600, false, &st),
	    RX_EIO, &st);
	refused(rx_file_write(old, big, sizeof(big), 0600, true, &st),
	    RX_EIO, &st);
	plain_write(torn, big, sizeof(big));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	(void)signal(SIGXFSZ, handler);

	assert_int_equal(stat(new, &sb), -1);
	check_file(old, "old");
	assert_int_equal(names_in(dir), 2);

	/* The control: the plain way lost the old and has half the new. */
	assert_int_equal(stat(torn, &sb), 0);
	assert_int_equal(sb.st_size, 50000);
}

static void
test_unreadable_files_are_io_errors(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	const char *dir = test_dir();
	char path[256];

	(void)state;
	ok(rx_buf_add(&buf, "kept", 4, &st), &st);
	path_in(path, dir, "absent");
	assert_int_equal(rx_file_read(&buf, path, 10, &st), RX_EIO);
	assert_int_equal(st.msg, RX_MSG_FILE_ABSENT);
	assert_string_equal(st.arg[0].name, "file");
	assert_string_equal(st.arg[0].value, path);
	rx_status_clear(&st);
	refused(rx_file_read(&buf, dir, 10, &st), RX_EIO, &st);
	path_in(path, dir, "no/such/folder");
	refused(rx_file_write(path, "x", 1, 0600, false, &st), RX_EIO, &st);
	assert_int_equal(buf.len, 4);
	assert_memory_equal(buf.b, "kept", 4);
	rx_buf_free(&buf);
}

static void
test_file_over_the_limit_is_refused(void **state)
{
	struct rx_buf buf = RX_BUF_INIT;
	const char *dir = test_dir();
	static char big[200000];
	char path[256];

	(void)state;
	path_in(path, dir, "big");
	memset(big, 'x', sizeof(big));
	ok(rx_file_write(path, big, sizeof(big), 0600, false, &st), &st);
	refused(rx_file_read(&buf, path, sizeof(big) - 1, &st), RX_EUSAGE,
	    &st);
	assert_int_equal(buf.len, 0);
	ok(rx_file_read(&buf, path, sizeof(big), &st), &st);
	assert_int_equal(buf.len, sizeof(big));
	assert_memory_equal(buf.b, big, sizeof(big));
	rx_buf_free(&buf);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, setup)
	const struct CMUnitTest tests[] = {
		TEST(test_first_failure_wins),
		TEST(test_failing_with_ok_is_an_internal_error),
		TEST(test_innermost_argument_wins_and_seventh_is_dropped),
		TEST(test_argument_is_cut_at_a_character),
		TEST(test_argument_cannot_drive_a_terminal),
		TEST(test_text_replaces_placeholders_in_both_languages),
		TEST(test_text_never_overruns_or_splits_a_character),
		TEST(test_every_message_is_whole_in_both_languages),
		TEST(test_wild_message_number_is_not_read),
		TEST(test_buffer_keeps_what_is_added),
		TEST(test_buffer_too_large_is_refused_and_unchanged),
		TEST(test_reset_leaves_no_byte),
		TEST(test_grown_and_freed_buffer_leaves_nothing_in_memory),
		TEST(test_integers_are_little_endian),
		TEST(test_well_formed_utf8_is_accepted),
		TEST(test_malformed_utf8_is_refused),
		TEST(test_known_dates),
		TEST(test_impossible_dates_are_refused),
		TEST(test_every_day_agrees_with_the_c_library),
		TEST(test_extreme_dates_do_not_overrun),
		TEST(test_months),
		TEST(test_workdays_skip_weekends),
		TEST(test_age_changes_with_the_month),
		TEST(test_local_time_is_the_machines),
		TEST(test_json_object_round_trip_keeps_key_order),
		TEST(test_what_is_not_one_json_object_is_refused),
		TEST(test_repeated_key_is_refused_where_plain_jansson_takes_it),
		TEST(test_json_error_does_not_quote_the_input),
		TEST(test_freed_json_leaves_nothing_in_memory),
		TEST(test_file_is_written_with_its_mode_and_read),
		TEST(test_empty_file_is_written_and_read),
		TEST(test_existing_file_is_not_replaced),
		TEST(test_only_a_regular_file_is_replaced),
		TEST(test_one_of_many_writers_wins),
		TEST(test_full_disk_leaves_the_old_file_or_none),
		TEST(test_unreadable_files_are_io_errors),
		TEST(test_file_over_the_limit_is_refused),
	};

	rx_json_init();
	return (cmocka_run_group_tests_name("base", tests, NULL, NULL));
}
