#ifndef RX_TESTS_BENCH_H
#define RX_TESTS_BENCH_H

/* What the files of the benchmark share.  Anything that fails ends it. */

#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "base/date.h"
#include "register/internal.h"
#include "tests/helper.h"

#define RUNS_MAX 99
#define VILLAGES 10
#define CHILDREN_OF(records) ((records) / 20 + 1)	/* of make_file */
#define COUNTY "350102"
#define CITY "350100"
#define PATH_BYTES 512

/* The settings of src/store, without its code. */
#define PRAGMAS(s) "PRAGMA " s ".journal_mode = DELETE;" \
    "PRAGMA " s ".synchronous = EXTRA; PRAGMA " s ".secure_delete = ON;"

extern struct rx_status st;
extern size_t runs, saves;		/* of each measurement; saves in a run */
extern const char *scratch;		/* a folder, removed at the end */
extern int32_t from, today;		/* the dates of what is recorded */

extern double hash_seconds;		/* seconds in Argon2id since it was zeroed */
/* The argument ${i}, a number up to ${most}; ${otherwise} when there is none. */
size_t number(int argc, char *argv[], int i, size_t otherwise, size_t most);

/* ---- measure.c ---- */

struct series {				/* one row of the table, run by run */
	size_t n;
	double ours[RUNS_MAX], base[RUNS_MAX];
};

struct result {				/* of work done in a process of its own */
	double seconds;
	double mib;			/* the most memory it had during that */
	int64_t count;
};

double now(void);			/* seconds */
/* Seconds of this process alone, for what does not wait for a disk. */
double cpu(void);
double median(const double *v, size_t n);
void add(struct series *s, double ours, double base);
/* Print a row; ${unit} is "s", to be scaled, or stands behind the number. */
void show(const char *work, const struct series *s, const char *unit);
void put(const char *work, const char *ours, const char *base,
    const char *ratio, const char *spread);
/* The most memory that the process has had since the reset. */
void peak_reset(void);
double peak_mib(void);
/* Do ${work} in a process of its own, whose peak of memory is its own. */
struct result apart(void (*work)(struct result *, const char *, const char *),
    const char *dir, const char *file);

/* ---- setup.c ---- */

void path_in(char out[PATH_BYTES], const char *dir, const char *name);
void copy_register(const char *to, const char *of);
/* The size of the file ${dir}${name}. */
double size_mib(const char *dir, const char *name);
/* A county with "director", who writes for all of its villages, a
 * "supervisor" above him, a "statistician" above both. */
void make_register(const char *dir);
/* Sign in; the passphrase is the name. */
struct rx_session *sign_in(const char *dir, const char *user);
/* Enrol ${user}; the passphrase is the name. */
void enrol(struct rx_session *s, const char *user, enum rx_role role,
    const char *unit);
/* The first ${want} villages of the county. */
void villages(const char *out[], size_t want);
/* Write ${n} records, nine observations to one visit, of children enough; with a
 * short note each; or, as directors write them, two of three with 60 to 250
 * characters; or 150 characters each. */
enum notes { NOTES_SHORT, NOTES_TYPICAL, NOTES_FULL };
void make_file(const char *path, size_t n, enum notes notes);

/* SQLite without our code. */
void sql(sqlite3 *db, const char *text);
sqlite3_stmt *prepare(sqlite3 *db, const char *text);
/* Run a statement that returns no rows, and make it ready again. */
void run(sqlite3_stmt *stmt);
void attach(sqlite3 *db, const char *dir, const char *name, const char *as);
/* Both files of a register folder, with our settings. */
sqlite3 *open_plain(const char *dir);

/* ---- field.c, save.c, import.c ---- */

void bench_field(const char *what, bool sealing, enum rx_pad pad,
    enum rx_compartment comp, size_t n);
/* An observation of the child ${i}. */
void save_one(struct rx_session *s, size_t i);
/* In the register ${dir}, in which there are ${rows} records. */
void bench_save(const char *dir, size_t rows);

struct imports {
	size_t records;
	char file[PATH_BYTES];		/* the input */
	char ours[PATH_BYTES], bytes[PATH_BYTES], clear[PATH_BYTES];
	struct series by_bytes, by_clear, memory, disk;
};
void imports_init(struct imports *im, size_t records, enum notes notes);
/* Into copies of the register ${empty}; what the last run made stays. */
void bench_import(struct imports *small, struct imports *large,
    const char *empty);

/* The size of a register of ${records} with notes as directors write them. */
void bench_size(const char *empty, size_t records);

/* One import into a copy of ${empty}, and one in the clear; nothing is measured. */
void imports_make(struct imports *im, const char *empty);

/* Import ${file} into the new ${path} in the clear. */
void import_clear(struct result *r, const char *path, const char *file);

/* The register ${dir} imports ${file} as the director. */
void import_ours(struct result *r, const char *dir, const char *file);

/* The same in the clear: ${store} has each line of ${file}, in one transaction of
 * ${db}. */
void lines_clear(struct result *r, sqlite3 *db, const char *file,
    void (*store)(sqlite3_stmt *const *, const json_t *),
    sqlite3_stmt *const *insert);
/* The value of ${key} for the parameter ${i}. */
void bind_json(sqlite3_stmt *stmt, int i, const json_t *obj, const char *key);

/* ---- activity.c ---- */

/* bench activities [ACTIVITIES [CHILDREN [RUNS]]]: so many, of so many children. */
void bench_activities(int argc, char *argv[]);

/* ---- list.c ---- */

struct lists {			/* a register, and the same in the clear */
	size_t children;
	char ours[PATH_BYTES], clear[PATH_BYTES];
};
/* The register for the measurement ${of}: child i, with a few records, is called
 * "ci" and lives in village i modulo VILLAGES. */
void lists_make(struct lists *l, const char *of, size_t children);


/* bench lists [TODAY [FIND [CASES [RUNS]]]]: so many children in each. */
void bench_lists(int argc, char *argv[]);

/* ---- disclosure.c ---- */

void bench_disclosure(void);

#endif
