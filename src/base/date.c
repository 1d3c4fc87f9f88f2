#include <string.h>
#include <time.h>

#include "base/date.h"

/* Floor division: dates before 1970 are negative. */
static int64_t
floordiv(int64_t a, int64_t b)
{

	return (a / b - (a % b < 0 ? 1 : 0));
}

/*
 * The day number of year ${y}, month ${m} (1..12), day ${d}.  Counting years
 * from March puts the leap day last, so that 153 days make five months; 146097
 * days make 400 years, and 719468 days lie between 0000-03-01 and 1970-01-01.
 */
static int64_t
days_from(int64_t y, int m, int d)
{
	int64_t era, yoe, doy;

	if (m <= 2)
		y--;
	era = floordiv(y, 400);
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return (era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468);
}

/* The inverse of days_from. */
static void
civil_from(int64_t days, int64_t *y, int *m, int *d)
{
	int64_t era, doe, yoe, doy, mp;

	days += 719468;
	era = floordiv(days, 146097);
	doe = days - era * 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	*d = (int)(doy - (153 * mp + 2) / 5 + 1);
	*m = (int)(mp < 10 ? mp + 3 : mp - 9);
	*y = yoe + era * 400 + (*m <= 2 ? 1 : 0);
}

static int
month_days(int y, int m)
{
	static const int days[] =
	    { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	if (m == 2 && (y % 4 == 0) && (y % 100 != 0 || y % 400 == 0))
		return (29);
	return (days[m - 1]);
}

/* Exactly ${n} decimal digits at ${s}; false when one is not. */
static bool
digits(const char *s, size_t n, int *v)
{
	size_t i;

	*v = 0;
	for (i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return (false);
		*v = *v * 10 + (s[i] - '0');
	}
	return (true);
}

/* "YYYY-MM" at ${s}, whatever follows it. */
static bool
year_month(const char *s, int *y, int *m)
{

	if (!digits(s, 4, y) || s[4] != '-' || !digits(&s[5], 2, m))
		return (false);
	return (*y >= 1900 && *y <= 2999 && *m >= 1 && *m <= 12);
}

bool
rx_date_parse(const char *s, int32_t *date)
{
	int y, m, d;

	*date = 0;
	if (strlen(s) != RX_DATE_TEXT - 1 || !year_month(s, &y, &m))
		return (false);
	if (s[7] != '-' || !digits(&s[8], 2, &d))
		return (false);
	if (d < 1 || d > month_days(y, m))
		return (false);
	*date = (int32_t)days_from(y, m, d);
	return (true);
}

bool
rx_month_parse(const char *s, int32_t *month)
{
	int y, m;

	*month = 0;
	if (strlen(s) != RX_MONTH_TEXT - 1 || !year_month(s, &y, &m))
		return (false);
	*month = y * 12 + (m - 1);
	return (true);
}

/* Write ${v} as ${n} digits at ${s}. */
static void
put_digits(char *s, int n, int v)
{

	while (n-- > 0) {
		s[n] = (char)('0' + v % 10);
		v /= 10;
	}
}

/* "YYYY-MM" and NUL; a year that has no four digits reads "0000-00". */
static void
put_month(char *out, int64_t y, int m)
{

	if (y < 0 || y > 9999) {
		y = 0;
		m = 0;
	}
	put_digits(out, 4, (int)y);
	out[4] = '-';
	put_digits(&out[5], 2, m);
	out[7] = '\0';
}

void
rx_date_format(int32_t date, char out[RX_DATE_TEXT])
{
	int64_t y;
	int m, d;

	civil_from(date, &y, &m, &d);
	put_month(out, y, m);
	out[7] = '-';
	put_digits(&out[8], 2, y < 0 || y > 9999 ? 0 : d);
	out[10] = '\0';
}

void
rx_month_format(int32_t month, char out[RX_MONTH_TEXT])
{
	int64_t y = floordiv(month, 12);

	put_month(out, y, (int)(month - y * 12) + 1);
}

int32_t
rx_date_month(int32_t date)
{
	int64_t y;
	int m, d;

	civil_from(date, &y, &m, &d);
	return ((int32_t)(y * 12 + (m - 1)));
}

int32_t
rx_month_first(int32_t month)
{
	int64_t y = floordiv(month, 12);
	int64_t days = days_from(y, (int)(month - y * 12) + 1, 1);

	if (days > INT32_MAX)
		return (INT32_MAX);
	return (days < INT32_MIN ? INT32_MIN : (int32_t)days);
}

/* The local wall clock at ${ms}; false when it cannot be told. */
static bool
local(int64_t ms, struct tm *tm)
{
	time_t t = (time_t)floordiv(ms, 1000);

	return (localtime_r(&t, tm) != NULL);
}

int32_t
rx_date_of_time(int64_t ms)
{
	struct tm tm;
	int64_t days;

	/* localtime_r fails only on years that no int holds: UTC will do. */
	if (local(ms, &tm))
		days = days_from((int64_t)tm.tm_year + 1900, tm.tm_mon + 1,
		    tm.tm_mday);
	else
		days = floordiv(ms, 86400000);
	if (days > INT32_MAX)
		return (INT32_MAX);
	return (days < INT32_MIN ? INT32_MIN : (int32_t)days);
}

int64_t
rx_time_now(void)
{
	struct timespec ts;

	/* Cannot fail: the clock exists and the pointer is good. */
	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

int32_t
rx_date_today(void)
{

	return (rx_date_of_time(rx_time_now()));
}

void
rx_time_format(int64_t ms, char out[RX_TIME_TEXT])
{
	struct tm tm;

	if (!local(ms, &tm))
		memset(&tm, 0, sizeof(tm));
	rx_date_format(rx_date_of_time(ms), out);
	out[10] = ' ';
	put_digits(&out[11], 2, tm.tm_hour);
	out[13] = ':';
	put_digits(&out[14], 2, tm.tm_min);
	out[16] = ':';
	put_digits(&out[17], 2, tm.tm_sec);
	out[19] = '\0';
}

/* 0 for Monday to 6 for Sunday; 1970-01-01 was a Thursday. */
static int
weekday(int64_t date)
{

	return ((int)(date + 3 - floordiv(date + 3, 7) * 7));
}

int32_t
rx_date_add_workdays(int32_t date, int n)
{
	int64_t d = date;

	if (n <= 0)
		return (date);

	/* From a weekend, count from the Friday before it. */
	if (weekday(d) > 4)
		d -= weekday(d) - 4;
	d += (int64_t)(n / 5) * 7;
	for (n %= 5; n > 0; n--)
		d += weekday(d) == 4 ? 3 : 1;
	return (d > INT32_MAX ? INT32_MAX : (int32_t)d);
}

int
rx_age(int32_t birth_month, int32_t date)
{

	return ((int)floordiv((int64_t)rx_date_month(date) - birth_month, 12));
}
