#ifndef RX_BASE_DATE_H
#define RX_BASE_DATE_H

/*
 * Dates are days since 1970-01-01 in the proleptic Gregorian calendar
 * (int32_t), months are year * 12 + (month - 1), times are milliseconds since
 * the epoch in UTC.  "Local" is the time zone of the machine.
 */

#include <stdbool.h>
#include <stdint.h>

#define RX_DATE_TEXT 11		/* "YYYY-MM-DD" and NUL */
#define RX_MONTH_TEXT 8		/* "YYYY-MM" and NUL */
#define RX_TIME_TEXT 20		/* "YYYY-MM-DD HH:MM:SS" and NUL */

/* Parse exactly "YYYY-MM-DD", a real date of 1900..2999; false otherwise. */
bool rx_date_parse(const char *s, int32_t *date);
/* Parse exactly "YYYY-MM". */
bool rx_month_parse(const char *s, int32_t *month);
void rx_date_format(int32_t date, char out[RX_DATE_TEXT]);
void rx_month_format(int32_t month, char out[RX_MONTH_TEXT]);
int32_t rx_date_month(int32_t date);	/* the month a date lies in */
int32_t rx_month_first(int32_t month);	/* its first day */
int32_t rx_date_today(void);		/* local */
int32_t rx_date_of_time(int64_t ms);	/* local date of a time */
int64_t rx_time_now(void);		/* milliseconds, UTC */
void rx_time_format(int64_t ms, char out[RX_TIME_TEXT]);	/* local */
/* ${date} plus ${n} working days (Monday to Friday), n >= 0. */
int32_t rx_date_add_workdays(int32_t date, int n);
/* Full years from the first day of ${birth} (a month) to ${date}. */
int rx_age(int32_t birth_month, int32_t date);

#endif
