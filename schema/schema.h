#ifndef RX_SCHEMA_H
#define RX_SCHEMA_H

/*
 * The data that is embedded at build time (schema/ files through the program
 * embed): migrations, code lists, Fujian's units, the order of the annex rows.
 * Read-only and public.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- migrations: content-NNN.sql and keys-NNN.sql, in order ---- */
struct rx_migration {
	const char *database;	/* "content" or "keys" */
	unsigned number;	/* 1, 2, ... */
	const char *sql;	/* NUL-terminated */
	size_t len;
};
extern const struct rx_migration rx_migrations[];
extern const size_t rx_migration_count;

/* ---- code lists: codes.tsv (list, no, key, zh, en, attributes) ---- */
enum rx_list {
	RX_LIST_NONE,
	RX_LIST_SEX, RX_LIST_CATEGORY, RX_LIST_PRIORITY, RX_LIST_LEGAL_BASIS,
	RX_LIST_CONSENT_BY, RX_LIST_CONSENT_STATE, RX_LIST_CHANNEL,
	RX_LIST_SIGN, RX_LIST_RISK, RX_LIST_KIND, RX_LIST_REFERRAL,
	RX_LIST_SITUATION, RX_LIST_OUTCOME, RX_LIST_AGENCY_TYPE,
	RX_LIST_DECISION, RX_LIST_COUNT
};

struct rx_code {
	uint16_t no;		/* stored in records; never reused, from 1 */
	const char *key;
	const char *zh;
	const char *en;
	const char *attr;	/* space-separated words, "" when none: urgent flag ... */
};

/* The code of ${list} by key or by number; NULL when there is none. */
const struct rx_code *rx_code_by_key(enum rx_list list, const char *key);
const struct rx_code *rx_code_by_no(enum rx_list list, uint16_t no);
/* The codes of ${list} in order. */
const struct rx_code *rx_codes(enum rx_list list, size_t *count);
/* Whether the attributes of ${code} contain ${word}. */
bool rx_code_has(const struct rx_code *code, const char *word);
/* The integer of an attribute "word=N"; ${otherwise} when it is absent. */
int rx_code_int(const struct rx_code *code, const char *word, int otherwise);

/* ---- readings: pinyin.tsv (a letter, the characters read so) ---- */

/* Whether a reading of the one UTF-8 character of ${n} bytes at ${p} begins
 * with ${letter}, a small one. */
bool rx_pinyin_begins(const char *p, size_t n, char letter);

/* ---- embedded units: units.tsv, sorted by code ---- */
struct rx_embedded_unit {
	const char *code;	/* 12 digits */
	const char *name;
	const char *level;	/* province prefecture county township village */
};
/* The embedded unit with the 12-digit ${code}; NULL when unknown. */
const struct rx_embedded_unit *rx_embedded_unit(const char *code);
/* All embedded units, sorted by code. */
const struct rx_embedded_unit *rx_embedded_units(size_t *count);

/* ---- annex rows: reporting-units.tsv, in the official order ---- */
struct rx_reporting_unit {
	const char *owner;	/* 6 digits: the unit that fills the form */
	const char *code;	/* "350102" or "350100-SELF" */
	const char *name;
	const char *kind;	/* prefecture_self county direct_reporting_area ... */
};
const struct rx_reporting_unit *rx_reporting_units(size_t *count);

/* ---- periods that a notice asks the annex for: periods.tsv ---- */
struct rx_period {
	const char *from, *to;	/* "2025-05-29", inclusive */
	const char *notice;
};
const struct rx_period *rx_periods(size_t *count);

#endif
