#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "embedded.h"
#include "schema.h"

/*
 * The embedded tables are parsed once, when they are first asked for.  They
 * are part of the program: one that does not parse is a broken build, and
 * there is nothing to go on with, nor is there without memory for them.
 */
static void
must(bool condition)
{

	if (!condition)
		abort();
}

static void *
must_alloc(size_t n, size_t size)
{
	void *p = calloc(n, size);

	must(p != NULL);
	return (p);
}

static const struct rx_embedded_file *
file_named(const char *name)
{
	size_t i;

	for (i = 0; i < rx_embedded_file_count; i++) {
		if (strcmp(rx_embedded_files[i].name, name) == 0)
			return (&rx_embedded_files[i]);
	}
	return (NULL);
}

/* ---- tables: lines of fields, tab between fields, a header line ---- */
struct table {
	char *next;	/* the next line of a private copy, kept for good */
	size_t rows;	/* lines after the header */
};

/* Begin ${t} with the embedded file ${name}, which must have ${header}. */
static void
table_open(struct table *t, const char *name, const char *header)
{
	const struct rx_embedded_file *f = file_named(name);
	size_t i;

	must(f != NULL && f->len > 0 && f->data[f->len - 1] == '\n');
	t->next = must_alloc(f->len + 1, 1);
	memcpy(t->next, f->data, f->len);
	t->rows = 0;
	for (i = 0; i < f->len; i++)
		t->rows += (f->data[i] == '\n');
	t->rows--;
	must(t->rows > 0);
	must(strncmp(t->next, header, strlen(header)) == 0);
	t->next += strlen(header);
	must(*t->next++ == '\n');
}

/* Split the next line of ${t} into exactly ${n} fields; false at the end. */
static bool
table_row(struct table *t, const char **field, size_t n)
{
	size_t i;

	if (*t->next == '\0')
		return (false);
	for (i = 0; i < n; i++) {
		field[i] = t->next;
		t->next += strcspn(t->next, "\t\n");
		must(*t->next == (i + 1 < n ? '\t' : '\n'));
		*t->next++ = '\0';
	}
	return (true);
}

/* ---- code lists ---- */
static const char *const list_names[RX_LIST_COUNT] = {
	[RX_LIST_NONE] = "",
	[RX_LIST_SEX] = "sex",
	[RX_LIST_CATEGORY] = "category",
	[RX_LIST_PRIORITY] = "priority",
	[RX_LIST_LEGAL_BASIS] = "legal_basis",
	[RX_LIST_CONSENT_BY] = "consent_by",
	[RX_LIST_CONSENT_STATE] = "consent_state",
	[RX_LIST_CHANNEL] = "channel",
	[RX_LIST_SIGN] = "sign",
	[RX_LIST_RISK] = "risk",
	[RX_LIST_KIND] = "kind",
	[RX_LIST_REFERRAL] = "referral",
	[RX_LIST_SITUATION] = "situation",
	[RX_LIST_OUTCOME] = "outcome",
	[RX_LIST_AGENCY_TYPE] = "agency_type",
	[RX_LIST_DECISION] = "decision",
};

struct list {
	const struct rx_code *codes;	/* in the order of the file */
	size_t count;
	const struct rx_code **by_no;	/* [0..max_no], NULL in the gaps */
	size_t max_no;
	const struct rx_code **by_key;	/* [count], sorted by key */
};

static struct list lists[RX_LIST_COUNT];
static pthread_once_t lists_once = PTHREAD_ONCE_INIT;

static enum rx_list
list_named(const char *name)
{
	int i;

	for (i = RX_LIST_NONE + 1; i < RX_LIST_COUNT; i++) {
		if (strcmp(list_names[i], name) == 0)
			return ((enum rx_list)i);
	}
	must(false);
	return (RX_LIST_NONE);
}

static uint16_t
code_number(const char *s)
{
	char *end;
	unsigned long n = strtoul(s, &end, 10);

	must(*s >= '1' && *s <= '9' && *end == '\0' && n <= UINT16_MAX);
	return ((uint16_t)n);
}

static int
code_order(const void *a, const void *b)
{
	const struct rx_code *const *ca = a;
	const struct rx_code *const *cb = b;

	return (strcmp((*ca)->key, (*cb)->key));
}

/* Make the two ways into the list ${l}, whose codes are in place. */
static void
list_index(struct list *l)
{
	size_t i;

	must(l->count > 0);
	for (i = 0; i < l->count; i++) {
		if (l->codes[i].no > l->max_no)
			l->max_no = l->codes[i].no;
	}
	l->by_no = must_alloc(l->max_no + 1, sizeof(*l->by_no));
	l->by_key = must_alloc(l->count, sizeof(*l->by_key));
	for (i = 0; i < l->count; i++) {
		must(l->by_no[l->codes[i].no] == NULL);
		l->by_no[l->codes[i].no] = &l->codes[i];
		l->by_key[i] = &l->codes[i];
	}
	qsort(l->by_key, l->count, sizeof(*l->by_key), code_order);
	for (i = 1; i < l->count; i++)
		must(code_order(&l->by_key[i - 1], &l->by_key[i]) < 0);
}

static void
lists_load(void)
{
	struct table t;
	struct rx_code *codes;
	const char *f[6];
	enum rx_list list, last = RX_LIST_NONE;
	size_t n;
	int i;

	table_open(&t, "codes.tsv", "list\tno\tkey\tzh\ten\tattr");
	codes = must_alloc(t.rows, sizeof(*codes));
	for (n = 0; table_row(&t, f, 6); n++) {
		list = list_named(f[0]);

		/* The lines of a list stand together. */
		must(list == last || lists[list].count == 0);
		if (list != last)
			lists[list].codes = &codes[n];
		lists[list].count++;
		last = list;
		codes[n] = (struct rx_code){ code_number(f[1]), f[2], f[3],
		    f[4], f[5] };
	}
	must(n == t.rows);
	for (i = RX_LIST_NONE + 1; i < RX_LIST_COUNT; i++)
		list_index(&lists[i]);
}

/* The list ${list}, loaded; the empty list for a number that is none. */
static const struct list *
list_get(enum rx_list list)
{

	must(pthread_once(&lists_once, lists_load) == 0);
	if ((unsigned)list >= RX_LIST_COUNT)
		list = RX_LIST_NONE;
	return (&lists[list]);
}

const struct rx_code *
rx_code_by_key(enum rx_list list, const char *key)
{
	const struct list *l = list_get(list);
	size_t lo = 0, hi = l->count, mid;
	int order;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if ((order = strcmp(key, l->by_key[mid]->key)) == 0)
			return (l->by_key[mid]);
		if (order < 0)
			hi = mid;
		else
			lo = mid + 1;
	}
	return (NULL);
}

const struct rx_code *
rx_code_by_no(enum rx_list list, uint16_t no)
{
	const struct list *l = list_get(list);

	/* The number 0 is a gap in every list but the empty one. */
	return (no != 0 && no <= l->max_no ? l->by_no[no] : NULL);
}

const struct rx_code *
rx_codes(enum rx_list list, size_t *count)
{
	const struct list *l = list_get(list);

	*count = l->count;
	return (l->codes);
}

/*
 * What follows ${word} where it begins a word of ${attr}; NULL when it does
 * not, or when more than '=' or the end of the word follows.
 */
static const char *
attr_find(const char *attr, const char *word)
{
	size_t n = strlen(word);

	for (;;) {
		attr += strspn(attr, " ");
		if (*attr == '\0')
			return (NULL);
		if (strncmp(attr, word, n) == 0 &&
		    (attr[n] == '\0' || attr[n] == ' ' || attr[n] == '='))
			return (&attr[n]);
		attr += strcspn(attr, " ");
	}
}

bool
rx_code_has(const struct rx_code *code, const char *word)
{
	const char *after = attr_find(code->attr, word);

	return (after != NULL && *after != '=');
}

int
rx_code_int(const struct rx_code *code, const char *word, int otherwise)
{
	const char *after = attr_find(code->attr, word);

	if (after == NULL || *after != '=')
		return (otherwise);
	return ((int)strtol(after + 1, NULL, 10));
}

/* ---- readings ---- */

/* All characters of pinyin.tsv have three bytes of UTF-8. */
#define CHARACTER_BYTES 3
static uint32_t *readings;	/* by character: bits 1 << (letter - 'a') */
static pthread_once_t readings_once = PTHREAD_ONCE_INIT;

static size_t
character(const char *p)
{

	return ((size_t)(p[0] & 0xf) << 12 | (size_t)(p[1] & 0x3f) << 6 |
	    (size_t)(p[2] & 0x3f));
}

static void
readings_load(void)
{
	const struct rx_embedded_file *file = file_named("pinyin.tsv");
	const char *p;
	char letter;

	must(file != NULL && file->len > 0 &&
	    file->data[file->len - 1] == '\n');
	readings = must_alloc(0x10000, sizeof(*readings));
	/* After the header, line by line. */
	for (p = strchr((const char *)file->data, '\n') + 1; *p != '\0'; p++) {
		letter = p[0];
		must(letter >= 'a' && letter <= 'z' && p[1] == '\t');
		for (p += 2; *p != '\n'; p += CHARACTER_BYTES) {
			must((p[0] & 0xf0) == 0xe0 && (p[1] & 0xc0) == 0x80 &&
			    (p[2] & 0xc0) == 0x80);
			readings[character(p)] |= 1u << (letter - 'a');
		}
	}
}

bool
rx_pinyin_begins(const char *p, size_t n, char letter)
{

	(void)pthread_once(&readings_once, readings_load);
	return (n == CHARACTER_BYTES && letter >= 'a' && letter <= 'z' &&
	    (readings[character(p)] & 1u << (letter - 'a')) != 0);
}

/* ---- units ---- */
static struct rx_embedded_unit *units;
static size_t unit_count;
static pthread_once_t units_once = PTHREAD_ONCE_INIT;

static void
units_load(void)
{
	struct table t;
	const char *f[4];

	table_open(&t, "units.tsv", "code\tname\tlevel\tparent");
	units = must_alloc(t.rows, sizeof(*units));
	while (table_row(&t, f, 4)) {
		must(strlen(f[0]) == 12);

		/*
		 * The official list fills the levels below a county that has
		 * no townships in it (350527) with rows that repeat the county
		 * and are their own parent: they are no units.
		 */
		if (strcmp(f[0], f[3]) == 0)
			continue;

		/* Sorted in the file, which the look-up relies on. */
		must(unit_count == 0 ||
		    strcmp(units[unit_count - 1].code, f[0]) < 0);
		units[unit_count++] =
		    (struct rx_embedded_unit){ f[0], f[1], f[2] };
	}
}

static int
unit_order(const void *key, const void *unit)
{

	return (strcmp(key, ((const struct rx_embedded_unit *)unit)->code));
}

const struct rx_embedded_unit *
rx_embedded_units(size_t *count)
{

	must(pthread_once(&units_once, units_load) == 0);
	*count = unit_count;
	return (units);
}

const struct rx_embedded_unit *
rx_embedded_unit(const char *code)
{
	size_t count;
	const struct rx_embedded_unit *all = rx_embedded_units(&count);

	return (bsearch(code, all, count, sizeof(*all), unit_order));
}

/* ---- annex rows ---- */
static struct rx_reporting_unit *reporting;
static size_t reporting_count;
static pthread_once_t reporting_once = PTHREAD_ONCE_INIT;

static void
reporting_load(void)
{
	struct table t;
	const char *f[6];

	table_open(&t, "reporting-units.tsv",
	    "form_owner\tseq\tunit_code\trow_name\tregion_code\tkind");
	reporting = must_alloc(t.rows, sizeof(*reporting));
	while (table_row(&t, f, 6))
		reporting[reporting_count++] =
		    (struct rx_reporting_unit){ f[0], f[2], f[3], f[5] };
	/* The rows point into the table: it stays. */
	must(reporting_count == t.rows); /* NOLINT(clang-analyzer-unix.Malloc) */
}

const struct rx_reporting_unit *
rx_reporting_units(size_t *count)
{

	must(pthread_once(&reporting_once, reporting_load) == 0);
	*count = reporting_count;
	return (reporting);
}

/* ---- periods ---- */
static struct rx_period *periods;
static size_t period_count;
static pthread_once_t period_once = PTHREAD_ONCE_INIT;

static void
period_load(void)
{
	struct table t;
	const char *f[3];

	table_open(&t, "periods.tsv", "from\tto\tnotice");
	periods = must_alloc(t.rows, sizeof(*periods));
	while (table_row(&t, f, 3))
		periods[period_count++] =
		    (struct rx_period){ f[0], f[1], f[2] };
	must(period_count == t.rows); /* NOLINT(clang-analyzer-unix.Malloc) */
}

const struct rx_period *
rx_periods(size_t *count)
{

	must(pthread_once(&period_once, period_load) == 0);
	*count = period_count;
	return (periods);
}
