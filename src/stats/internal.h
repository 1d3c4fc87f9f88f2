#ifndef RX_STATS_INTERNAL_H
#define RX_STATS_INTERNAL_H

/*
 * What the files of src/stats share, and what their tests reach.  Counting
 * takes records one by one, so that it needs no register.
 */

#include "base/date.h"
#include "base/set.h"
#include "stats/solve.h"
#include "stats/stats.h"

/* ---- util.c ---- */

/* A placeholder of a message and its value. */
struct rx_word {
	const char *name;
	const char *value;
};

/* Replace the contents of ${out} by ${msg} in ${lang}, placeholders filled,
 * and a NUL, which is counted in its length.  No limit on length. */
rx_err rx_say(struct rx_buf *out, enum rx_msg msg, enum rx_lang lang,
    const struct rx_word *words, size_t n, struct rx_status *st) RX_MUST_USE;

/* Memory for ${n} elements of ${size} bytes, zeroed; NO_MEMORY otherwise. */
rx_err rx_stats_alloc(void *out, size_t n, size_t size, struct rx_status *st)
    RX_MUST_USE;
/* Room for ${more} elements of ${size} bytes after the first ${n} at *p, of
 * *cap; what is grown out of is wiped. */
rx_err rx_room(void *p, size_t n, size_t more, size_t *cap, size_t size,
    struct rx_status *st) RX_MUST_USE;
/* Wipe and free ${n} elements of ${size} bytes. */
void rx_drop(void *p, size_t n, size_t size);
/* The failure "a bug", with ${what}. */
rx_err rx_stats_bug(const char *what, struct rx_status *st);
/* The number of ${key} in ${list}; 0 when the list lacks it. */
uint16_t rx_code_no(enum rx_list list, const char *key);

/* ---- tally.c: counting the annex ---- */

struct rx_tally;

/* Begin to count for ${unit}, called ${owner}, over [from,to].  Rows are added
 * before the first record. */
rx_err rx_tally_new(struct rx_tally **out, const char unit[RX_UNIT_BYTES],
    const char *owner, int32_t from, int32_t to, struct rx_status *st)
    RX_MUST_USE;
rx_err rx_tally_row(struct rx_tally *t, const char unit[RX_UNIT_BYTES],
    const char *name, struct rx_status *st) RX_MUST_USE;
/* The rows of an embedded reporting unit; *known is false when there are
 * none and the caller has to find them in the register. */
rx_err rx_tally_form(struct rx_tally *t, bool *known, struct rx_status *st)
    RX_MUST_USE;
/* Count one live record, coded fields only, each exactly once; or the line of one,
 * of ${child} in ${unit}. */
rx_err rx_tally_add(struct rx_tally *t, const struct rx_record *r,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_tally_line(struct rx_tally *t, const uint8_t child[RX_ID_BYTES],
    const char unit[RX_UNIT_BYTES], const struct rx_form_line *line,
    struct rx_status *st) RX_MUST_USE;
/* Add a month of what erased children leave; each once. */
rx_err rx_tally_residue(struct rx_tally *t, const struct rx_residue *r,
    struct rx_status *st) RX_MUST_USE;
/* The unit that an activity counts for: its lead unit, else its own. */
void rx_tally_unit(char out[RX_UNIT_BYTES], const struct rx_record *activity);
/* What was counted, in *out; the caller frees it.  ${t} is only to be freed then. */
rx_err rx_tally_finish(struct rx_annex **out, struct rx_tally *t,
    struct rx_status *st) RX_MUST_USE;
void rx_tally_free(struct rx_tally *t);
/* Add to ${t} what ${u} has counted, of other cases and activities under the same
 * rows; or take it ${off}, when it is a part of what ${t} has.  Nothing else is
 * to be counted in ${t} then but activities. */
rx_err rx_tally_take(struct rx_tally *t, const struct rx_tally *u, bool off,
    struct rx_status *st) RX_MUST_USE;
/* Whether both have counted the same. */
bool rx_tally_equal(const struct rx_tally *t, const struct rx_tally *u);
/* What ${t} has counted as bytes, appended; and back, into a tally with the same
 * rows that has counted nothing: *fits is false when these are not its bytes. */
rx_err rx_tally_encode(struct rx_buf *out, const struct rx_tally *t,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_tally_decode(struct rx_tally *t, const uint8_t *bytes, size_t len,
    bool *fits, struct rx_status *st) RX_MUST_USE;

/* ---- running.c: counting again ---- */

/* In this order: from RELEASE on what is counted is every record, from COMPARED on
 * all is counted. */
enum rx_counting {
	RX_COUNT_RUNNING,	/* what was kept and what is new; with nothing kept,
				 * all by the extracts of the cases */
	RX_COUNT_COLD,		/* all by the extracts */
	RX_COUNT_RELEASE,	/* what was kept and what is new; with nothing kept,
				 * every record */
	RX_COUNT_COMPARED,	/* every record, compared with what was kept and what
				 * is new */
	RX_COUNT_ANEW		/* every record */
};
/* rx_annex_count in one of these ways. */
rx_err rx_annex_count_how(struct rx_annex **out, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], int32_t from, int32_t to,
    enum rx_counting how, struct rx_status *st) RX_MUST_USE;

/* A count of the form. */
struct rx_counter {
	struct rx_session *s;
	const char *unit;
	int32_t from, to;
	/* a new tally with the rows of the form, for ${cookie} */
	rx_err (*make)(struct rx_tally **, void *, struct rx_status *);
	void *cookie;
};
/* The form that ${c} asks for, at this moment; *in_full tells whether all was
 * counted.  In a rx_form_hold; ${keep}, if not NULL, has what is to be kept. */
rx_err rx_count_running(struct rx_tally **out, const struct rx_counter *c,
    enum rx_counting how, bool *in_full, struct rx_buf *keep,
    struct rx_status *st) RX_MUST_USE;
/* Keep that, outside of it.  What cannot be kept is counted again next time. */
void rx_count_keep(const struct rx_counter *c, const struct rx_buf *keep);

/* ---- annex.c: the document ---- */

/* That document in ${format}. */
rx_err rx_annex_render(struct rx_buf *out, const json_t *doc,
    enum rx_format format, struct rx_status *st) RX_MUST_USE;

/* ---- sheet.c: one table as CSV or XLSX ---- */

struct rx_sheet;

enum rx_line { RX_LINE_TITLE, RX_LINE_ABOVE, RX_LINE_NOTE, RX_LINE_KINDS };

/* A sheet of ${columns} columns, ${width} characters wide each; ${date} is
 * what the file says it was made on, so that equal figures give equal bytes.
 * The first ${columns} cells are its head, a row follows a row. */
rx_err rx_sheet_new(struct rx_sheet **out, unsigned columns,
    const unsigned *width, int32_t date, struct rx_status *st) RX_MUST_USE;
void rx_sheet_free(struct rx_sheet *sh);
rx_err rx_sheet_line(struct rx_sheet *sh, enum rx_line kind, const char *text,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_sheet_text(struct rx_sheet *sh, const char *text,
    struct rx_status *st) RX_MUST_USE;
rx_err rx_sheet_int(struct rx_sheet *sh, int64_t v, struct rx_status *st)
    RX_MUST_USE;
/* Money: ${yuan} shown in 万元 with four decimals. */
rx_err rx_sheet_wan(struct rx_sheet *sh, int64_t yuan, struct rx_status *st)
    RX_MUST_USE;
/* Append the sheet to ${out} as a file of ${format} (CSV or XLSX). */
rx_err rx_sheet_write(struct rx_buf *out, const struct rx_sheet *sh,
    enum rx_format format, struct rx_status *st) RX_MUST_USE;

/* ---- cube.c: all cells of a cross-table ---- */

/*
 * An axis is one dimension, or several that nest (village, township, county;
 * month, quarter, year).  Leaves are its finest values.  A position is what a
 * cell can have on it: a leaf, a value of a coarser level, or "*"; the positions
 * 0..nleaf-1 are the leaves, the last is all "*".  up[leaf * nup + k] are the
 * positions that hold a leaf, itself first and "*" last, each once.
 */
struct rx_axis {
	unsigned nleaf, npos, nup;
	unsigned *up;
	unsigned *given;	/* per position: whether it is not "*" */
	unsigned *stars;	/* per position: levels that are "*" */
	unsigned nlines;	/* a line: margin, number of parts, parts ... */
	unsigned *lines;
	size_t linelen;		/* words in ${lines} */
	bool multi;		/* a counted thing may have several leaves */
	bool sensitive;		/* that all of a group have one value discloses */
	int silent;		/* the leaf that says nothing ("none"), or -1 */
};

#define RX_AXES_MAX RX_DIMS_MAX

struct rx_fact {		/* one counted thing */
	uint32_t child;
	struct {
		uint32_t off, n;	/* leaves, in the cube's pool */
	} at[RX_AXES_MAX];
};

struct rx_need {		/* how far a cell must be able to move */
	uint32_t cell;
	int apart;		/* the axis along which its margin stays; -1 */
	int dir;		/* +1 or -1 */
	int64_t amount;
	int64_t knower;		/* a child who knows where he is alone, or -1 */
	uint32_t witness;	/* the other table that shows it, + 1; or 0 */
	uint32_t next;		/* of a guard: its knowers' needs, + 1 */
	uint32_t base;		/* of a knower's need: the guard */
	bool guard;		/* stands for all who know no cell it changes */
};

/* Another table that agrees with what is published: the cells that differ. */
struct rx_witness {
	size_t at, n;		/* in the cube's changes */
};

#define RX_CELLS_MAX 100000

struct rx_cube {
	unsigned naxes;
	struct rx_axis axis[RX_AXES_MAX];
	size_t stride[RX_AXES_MAX];
	size_t ncells;
	int64_t threshold;
	struct rx_fact *facts;
	size_t nfacts, factcap;
	uint32_t *pool;
	size_t npool, poolcap;
	int64_t *value;		/* per cell: things counted */
	int64_t *children;	/* distinct children among them */
	int64_t *sole;		/* the only child of the cell; -1 */
	int64_t *stars;		/* levels that are "*" in its key */
	int64_t *lower;		/* what everyone knows it has at the least */
	bool *suppressed;
	bool *primary;		/* because it discloses by itself */
	int64_t *least, *most;	/* over the other tables that were found */
	uint32_t *by_least, *by_most;	/* the witnesses of these, + 1 */
	int64_t *other;		/* scratch: such a table; else value */
	struct rx_need *needs;
	size_t nneeds, needcap;
	struct rx_witness *witnesses;
	size_t nwitnesses, witnesscap;
	struct rx_term *changes;	/* col is a cell */
	size_t nchanges, changecap;
};

/* An empty cube over ${naxes} axes that rx_cube_axis and rx_cube_nest make. */
rx_err rx_cube_new(struct rx_cube **out, unsigned threshold,
    struct rx_status *st) RX_MUST_USE;
void rx_cube_free(struct rx_cube *c);
rx_err rx_cube_axis(struct rx_cube *c, unsigned nleaf, bool multi,
    bool sensitive, int silent, struct rx_status *st) RX_MUST_USE;
/* An axis of ${levels} nested dimensions, the coarsest first: leaf l has the
 * value path[l * levels + k] at level k, and a value has the same ones above it
 * wherever it occurs.  Positions are put in *tuple, ${levels} values each,
 * UINT32_MAX for "*"; the caller frees it. */
rx_err rx_cube_nest(struct rx_cube *c, unsigned levels, unsigned nleaf,
    const uint32_t *path, uint32_t **tuple, struct rx_status *st) RX_MUST_USE;
/* A thing of ${child} with n[a] leaves leaf[a] on each axis. */
rx_err rx_cube_fact(struct rx_cube *c, uint32_t child,
    const uint32_t *const leaf[RX_AXES_MAX], const uint32_t n[RX_AXES_MAX],
    struct rx_status *st) RX_MUST_USE;
/* All facts are in: count.  TABLE_TOO_LARGE over RX_CELLS_MAX cells. */
rx_err rx_cube_count(struct rx_cube *c, struct rx_status *st) RX_MUST_USE;
/* The position of cell ${i} on axis ${a}. */
unsigned rx_cube_pos(const struct rx_cube *c, size_t i, unsigned a);

/* ---- suppress.c, move.c, trim.c, attack.c ---- */

/**
 * rx_cube_protect(c, st):
 * Decide which cells are suppressed.  TABLE_UNSAFE when nothing worth
 * publishing is left, or when the attacker still bounds a cell too tightly;
 * TABLE_TOO_HARD when that cannot be found out.
 */
rx_err rx_cube_protect(struct rx_cube *c, struct rx_status *st) RX_MUST_USE;
/* Whether anything but zeros is left to publish. */
bool rx_cube_worth(const struct rx_cube *c);

/* Find another table that meets ${need}, for which the cheapest cells are
 * suppressed (or none when ${free}): *witness is its number + 1, 0 when none
 * was found. */
rx_err rx_move_find(struct rx_cube *c, const struct rx_need *need, bool free,
    uint32_t *witness, struct rx_status *st) RX_MUST_USE;

/* What it costs to suppress cell ${i}, whether it is or not. */
int64_t rx_cell_price(const struct rx_cube *c, size_t i);

/* Add ${need} to those of the cube; *index is its place. */
rx_err rx_need_add(struct rx_cube *c, const struct rx_need *need,
    size_t *index, struct rx_status *st) RX_MUST_USE;
/* Find a witness for ${n}, which has none: n->witness, and n->dir when it stands
 * for a guard or a knower, whom up and down serve alike. */
rx_err rx_need_find(struct rx_cube *c, struct rx_need *n, bool free,
    struct rx_status *st) RX_MUST_USE;
/* Make sure that for everyone who is alone in a cell that the witness of the
 * guard ${index} changes there is a witness that does not; *met is false when
 * one was not found (only when ${free}, or if there can be none). */
rx_err rx_guard_knowers(struct rx_cube *c, size_t index, uint32_t witness,
    bool free, bool *met, struct rx_status *st) RX_MUST_USE;

/* Publish again what need not be suppressed. */
rx_err rx_cube_trim(struct rx_cube *c, struct rx_status *st) RX_MUST_USE;

/* Ask the system of all that is published (system.h) for every need; *unmet,
 * an array of *n places of needs, is the caller's to free. */
rx_err rx_cube_audit(const struct rx_cube *c, uint32_t **unmet, size_t *n,
    struct rx_status *st) RX_MUST_USE;

/* ---- table.c: the document of a cross-table ---- */

struct rx_tab;

/* Begin the table that ${req} asks for, which is checked first. */
rx_err rx_tab_new(struct rx_tab **out, const struct rx_table_request *req,
    struct rx_status *st) RX_MUST_USE;
/* One record, children before their records. */
rx_err rx_tab_add(struct rx_tab *t, const struct rx_record *r,
    struct rx_status *st) RX_MUST_USE;
/* Count, protect, and make the document; ${name} names units (NULL: codes). */
rx_err rx_tab_json(json_t **out, struct rx_tab *t,
    rx_err (*name)(void *, const char unit[RX_UNIT_BYTES], char *, size_t,
    struct rx_status *), void *cookie, struct rx_status *st) RX_MUST_USE;
void rx_tab_free(struct rx_tab *t);
/* That document in ${format}. */
rx_err rx_tab_render(struct rx_buf *out, const json_t *doc,
    enum rx_format format, struct rx_status *st) RX_MUST_USE;

/* ---- release.c: entries of the ledger ---- */

/* The hex digest of a published document and what its entry keeps of it (NULL:
 * nothing): BLAKE2b-256 with the label "runxin release v1" over the compact JSON
 * of both, one after the other, with sorted keys. */
#define RX_DIGEST_TEXT (2 * RX_HASH_BYTES + 1)
rx_err rx_release_digest(char out[RX_DIGEST_TEXT], const json_t *published,
    const json_t *kept, struct rx_status *st) RX_MUST_USE;
/* Put ${kept} in the entry, under its digest; the caller's stays his. */
rx_err rx_release_keep(json_t *entry, json_t *kept, struct rx_status *st)
    RX_MUST_USE;
/* Whether what the entry published and keeps hashes to its digest. */
bool rx_release_intact(const json_t *entry);
/* A new entry of ${kind}; issue, unit, dates and what else the kind has are
 * taken from ${published}. */
rx_err rx_release_entry(json_t **out, const char *kind, const char *author,
    int64_t at, const char *format, const json_t *published,
    struct rx_status *st) RX_MUST_USE;
/* All entries of ${kind} as an array of objects with "id", oldest first;
 * *seen is the number of entries of all kinds. */
rx_err rx_release_load(json_t **out, size_t *seen, struct rx_session *s,
    const char *kind, struct rx_status *st) RX_MUST_USE;
/* Enter ${published} in the ledger, which must hold ${seen} entries still:
 * RELEASE_MEANWHILE.  ${kept}, what the entry keeps besides, may be NULL. */
rx_err rx_release_enter(struct rx_session *s, size_t seen, const char *kind,
    enum rx_format format, const json_t *published, json_t *kept,
    struct rx_status *st) RX_MUST_USE;
/* The id of the newest of ${entries} that published ${doc}; false when none. */
bool rx_release_same(char id[RX_UUID_TEXT], const json_t *entries,
    const json_t *doc);
/* The row that the entry ${entry} with ${id} shows. */
void rx_release_row_of(struct rx_release_row *row, const char *id,
    const json_t *entry);

/* ---- export.c ---- */

/* The document of the table that ${req} asks for, as it would be released;
 * nothing is entered. */
rx_err rx_table_try(json_t **doc, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st) RX_MUST_USE;

/* ---- period.c: annexes whose dates overlap ---- */

/* Whether the dates are whole months, or what a notice asks for. */
bool rx_annex_declared(int32_t from, int32_t to);
/* Check the annex ${a}, whose number is known, against the earlier ${entries}:
 * ANNEX_OVERLAPS (arguments from, to, id) when its dates are odd and few
 * children are seen in the difference. */
rx_err rx_annex_period(struct rx_session *s, const struct rx_annex *a,
    const json_t *entries, struct rx_status *st) RX_MUST_USE;

/**
 * rx_annex_issue(doc, again, a, entries, st):
 * Number the annex ${a} after the earlier releases ${entries}: an earlier one
 * of the same unit and dates with the same figures is answered again (*again
 * is true and *doc its document); otherwise *doc is the document of the next
 * issue, with what changed.
 */
rx_err rx_annex_issue(json_t **doc, bool *again, struct rx_annex *a,
    const json_t *entries, struct rx_status *st) RX_MUST_USE;
#endif
