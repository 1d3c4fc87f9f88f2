#ifndef RX_TESTS_FIXTURE_H
#define RX_TESTS_FIXTURE_H

/*
 * A small register for tests that attack one: made once for a test program,
 * copied for every test.  Gulou district, 350102:
 *
 *   admin  administrator
 *   d1     director of 350102001001: c1 (flagged) and c2 (not)
 *   d2     director of 350102001002: c3 (flagged)
 *   s1     supervisor of 350102001, above both
 *   s2     supervisor of 350102002, above neither
 *   gone   supervisor of 350102001, to be disabled
 *   st     statistician of 350102
 *
 * The passphrase of each is his name and "-pass".  o1 (c1) has two versions,
 * so has c2; o1 and o2 are of c1; o3 and i1 are of c2; o4 is of c3; a1 is an
 * activity of d1's.
 */

#include "tests/helper.h"

#include "register/internal.h"

#define VILLAGE1 "350102001001\0\0\0"	/* as unit ids, 16 bytes */
#define VILLAGE2 "350102001002\0\0\0"
#define TOWN1 "350102001000\0\0\0"
#define COUNTY "350102000000\0\0\0"

enum fixture_id {
	C1, C2, C3, O1, O2, O3, O4, I1, A1,
	ADMIN, D1, D2, S1, S2, GONE, ST, FIXTURE_IDS
};
extern uint8_t fixture_id[FIXTURE_IDS][RX_ID_BYTES];

/* Make the register; a group setup of cmocka. */
int fixture_setup(void **state);
/* The folder of the register itself, not to be changed. */
const char *fixture_dir(void);
/* A folder with a copy of it; a copy of the register in ${from}. */
const char *fixture_copy(void);
const char *fixture_copy_of(const char *from);
/* A copy of the register in ${from} that d1 has begun to work on in his village. */
const char *fixture_village(const char *from);
/* The rows of the register in ${dir}, all together. */
void fixture_digest(const char *dir, uint8_t digest[RX_HASH_BYTES]);
/* Put the files of ${from} over those of ${to}. */
void fixture_copy_over(const char *from, const char *to);

/* Another register made the same way, with ids and keys of its own; the ids
 * are put in ${id} (may be NULL). */
const char *fixture_another(uint8_t id[FIXTURE_IDS][RX_ID_BYTES]);

/* Sign ${user} in with his passphrase: expected to work, or just tried. */
struct rx_session *fixture_open(const char *dir, const char *user);
rx_err fixture_try(struct rx_session **out, const char *dir, const char *user,
    struct rx_status *st) RX_MUST_USE;
/* Expect that nobody, or not ${user}, can sign in: RX_ECORRUPT, ${msg}. */
void fixture_open_corrupt(const char *dir, const char *user, enum rx_msg msg);

/* Save one record from JSON text. */
void fixture_save(struct rx_session *s, enum rx_type type, const char *json,
    bool correct, uint8_t id[RX_ID_BYTES]);

/* The same, to see what comes of it: ${text} has ' for ". */
rx_err fixture_write(struct rx_session *s, enum rx_type type, bool correct,
    const char *text, struct rx_status *st);

/* Enter the form of ${unit} in the ledger, the file of it nowhere. */
rx_err fixture_release(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, struct rx_status *st);

/* Import the ${text}, of a file. */
rx_err fixture_import(struct rx_session *s, const struct rx_buf *text,
    struct rx_import_counts *counts, struct rx_status *st) RX_MUST_USE;

/* A copy with children k0 to k149 in d1's village, named 童 and their number, all with
 * the number 11010519491231002X. */
#define FIXTURE_MANY 150
const char *fixture_many(void);

/* The flag of c1 that ${s} sees; RX_FLAG_CLOSED when there is none. */
struct rx_flag_row fixture_flag(struct rx_session *s);

/* Calls of the register with callbacks that count. */
rx_err fixture_list(struct rx_session *s, size_t *n, struct rx_status *st)
    RX_MUST_USE;
rx_err fixture_show(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason, size_t *n, struct rx_status *st) RX_MUST_USE;
rx_err fixture_coded(struct rx_session *s, const char *unit, size_t *n,
    struct rx_status *st) RX_MUST_USE;
rx_err fixture_verify(struct rx_session *s, const char *anchor,
    struct rx_status *st) RX_MUST_USE;

/*
 * Change the files as anybody with SQLite could: ${sql} sees content.db as
 * main and keys.db as keys, and "$c1" and so on in it stand for the ids above
 * as blob literals.  It must change a row; and the control of every such
 * attack is here: SQLite takes it, and its integrity check finds nothing.
 */
void fixture_tamper(const char *dir, const char *sql);
/* The same without the demand that a row is changed. */
void fixture_sql(const char *dir, const char *sql);
/* The one number that ${sql} asks for. */
int64_t fixture_number(const char *dir, const char *sql);
/* The one blob that ${sql} asks for, appended to ${out}. */
void fixture_blob(const char *dir, const char *sql, struct rx_buf *out);
/* Run ${sql} with ?1 bound to a blob, like fixture_tamper. */
void fixture_tamper_blob(const char *dir, const char *sql, const void *p,
    size_t n);

#endif
