#ifndef RX_STATS_STATS_H
#define RX_STATS_STATS_H

/*
 * The only output in the clear.  Reads through rx_coded_each and
 * rx_activity_each alone.
 */

#include "base/date.h"
#include "register/register.h"

/* RX_FORMAT_PAGE is only entered in the ledger: shown, no file written. */
enum rx_format {
	RX_FORMAT_CSV, RX_FORMAT_XLSX, RX_FORMAT_JSON, RX_FORMAT_PAGE
};

#define RX_ANNEX_COLUMNS 7

/* One row of the annex, figures exact. */
struct rx_annex_row {
	char unit[RX_UNIT_BYTES];
	char code[RX_UNIT_TEXT];	/* "350102", "350100-SELF" */
	char name[128];
	int64_t v[RX_ANNEX_COLUMNS];	/* v[4] is in fen */
	int64_t records;		/* of the period, of any kind */
	bool reported;			/* there are any */
};
struct rx_annex {
	char unit[RX_UNIT_BYTES];
	char owner[128];		/* 填表单位 */
	int32_t from, to;
	struct rx_annex_row *rows;
	size_t nrows;
	int64_t total[RX_ANNEX_COLUMNS];	/* agencies: distinct union */
	int64_t agencies_row_sum;
	int64_t children_on_register;
	int64_t payments, payments_empty;	/* of cash; without an amount */
	int64_t outside;	/* records that belong to no row of the form */
	bool residue_cut;	/* erased children have records in a month that
				 * is not in the period as a whole: not counted */
	bool in_full;		/* all was counted for it, by extracts or by
				 * records, nothing taken over */
	size_t seen;		/* entries of the ledger it was compared with */
	unsigned issue;		/* 0 or 1; 2 ... for a reissue: */
	int64_t before[RX_ANNEX_COLUMNS];	/* totals of the issue before */
};

/* Count the annex of ${unit}, which must be a county or above: what the session
 * counted before and what is new (running.c), or all. */
rx_err rx_annex_count(struct rx_annex **out, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], int32_t from, int32_t to,
    struct rx_status *st) RX_MUST_USE;
void rx_annex_free(struct rx_annex *a);
/* Count every record, whatever was counted before, and keep that; before it the
 * extracts of the cases are compared with their records: *wrong of them were
 * deleted (rx_extracts_check). */
rx_err rx_annex_recount(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, size_t *wrong, struct rx_status *st)
    RX_MUST_USE;

/* fen as 万元 with four decimals, rounded half up: "0.0000". */
void rx_cash_wan(char out[32], int64_t fen);

/* Write the annex as ${format} into ${out}; labels as the form (Chinese). */
rx_err rx_annex_write(struct rx_buf *out, const struct rx_annex *a,
    enum rx_format format, struct rx_status *st) RX_MUST_USE;

/* Warnings before export: each is called with a finished message. */
rx_err rx_annex_check(const struct rx_annex *a, enum rx_lang lang,
    void (*warn)(void *, const char *), void *cookie, struct rx_status *st)
    RX_MUST_USE;

/* The annex as the JSON document of the interface, notes and all. */
rx_err rx_annex_json(json_t **out, const struct rx_annex *a,
    struct rx_status *st) RX_MUST_USE;
/* Its notes in ${lang}, an array of texts; the document has the Chinese. */
rx_err rx_annex_notes(json_t **out, const struct rx_annex *a,
    enum rx_lang lang, struct rx_status *st) RX_MUST_USE;

/* What rx_annex_export would hand out now: *a as counted, *doc the document,
 * *again whether the ledger has it already.  Nothing is entered. */
rx_err rx_annex_preview(struct rx_annex **a, json_t **doc, bool *again,
    struct rx_session *s, const char unit[RX_UNIT_BYTES], int32_t from,
    int32_t to, struct rx_status *st) RX_MUST_USE;

/* Count, enter in the ledger (a reissue is numbered), append the file to
 * ${out}; or write it to ${path}.  What enters the ledger is counted record by
 * record: RX_ECORRUPT (TALLY_DIFFERS) when what was counted before, with what is new, is
 * not the same. */
rx_err rx_annex_bytes(struct rx_buf *out, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], int32_t from, int32_t to,
    enum rx_format format, enum rx_lang lang,
    void (*warn)(void *, const char *), void *cookie, struct rx_status *st)
    RX_MUST_USE;
rx_err rx_annex_export(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, enum rx_format format, const char *path,
    enum rx_lang lang, void (*warn)(void *, const char *), void *cookie,
    struct rx_status *st) RX_MUST_USE;

enum rx_count { RX_COUNT_CHILDREN, RX_COUNT_OBSERVATIONS, RX_COUNT_INTERVENTIONS };
enum rx_dim {
	RX_DIM_PROVINCE, RX_DIM_CITY, RX_DIM_COUNTY, RX_DIM_TOWNSHIP,
	RX_DIM_VILLAGE, RX_DIM_YEAR, RX_DIM_QUARTER, RX_DIM_MONTH,
	RX_DIM_AGE_BAND, RX_DIM_SEX, RX_DIM_CATEGORY, RX_DIM_SIGN, RX_DIM_RISK,
	RX_DIM_KIND, RX_DIM_OUTCOME, RX_DIM_NUMBER
};
#define RX_DIMS_MAX 4
/* Dimensions of one family nest. */
enum rx_family {
	RX_FAMILY_UNIT, RX_FAMILY_DATE, RX_FAMILIES, RX_FAMILY_NONE = RX_FAMILIES
};

struct rx_dim_info {
	const char *key;
	enum rx_msg label;
	enum rx_list list;	/* of its codes */
	unsigned counts;	/* which counts it goes with, 1 << enum rx_count */
	enum rx_family family;
	bool multi, sensitive;
};
extern const struct rx_dim_info rx_dim_infos[RX_DIM_NUMBER];
const char *rx_count_key(enum rx_count count);

struct rx_table_request {
	char unit[RX_UNIT_BYTES];
	enum rx_count count;
	enum rx_dim dims[RX_DIMS_MAX];
	size_t ndims;
	int32_t from, to;
	unsigned threshold;	/* 5; 3 at the least */
	unsigned epsilon;	/* thousandths; 0: not a private table */
};
/* Parse "sex,month"; RX_EUSAGE (DIM_UNKNOWN ...). */
rx_err rx_table_dims(struct rx_table_request *req, const char *text,
    struct rx_status *st) RX_MUST_USE;
/*
 * Private tables: nothing suppressed, every figure with noise.  Epsilon is in
 * thousandths.  What tables of one calendar year may spend on any child
 * together is RX_PRIVATE_BUDGET, which a county may set when it builds.
 */
#define RX_EPSILON_MIN 10u
#define RX_EPSILON_MAX 10000u
#define RX_EPSILON_TEXT 24
#ifndef RX_PRIVATE_BUDGET
#define RX_PRIVATE_BUDGET 3000u
#endif
#define RX_PRIVATE_RECORDS 4u	/* of a child in one table */
#define RX_PRIVATE_VALUES 3u	/* of a thing, of category or sign */
/* Parse "0.5", at most three places; RX_EUSAGE (PRIVATE_EPSILON). */
rx_err rx_epsilon_parse(unsigned *epsilon, const char *text,
    struct rx_status *st) RX_MUST_USE;
void rx_epsilon_text(char out[RX_EPSILON_TEXT], uint64_t epsilon);
/* What ${unit} has left of the budget this year. */
rx_err rx_private_left(unsigned *left, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], struct rx_status *st) RX_MUST_USE;

/* Count, suppress, refuse what cannot be protected, write, enter in the
 * ledger. */
rx_err rx_table_export(struct rx_session *s, const struct rx_table_request *req,
    enum rx_format format, const char *path, struct rx_status *st) RX_MUST_USE;
/* The same without a file: ${id} is the release, or the earlier one that gave
 * the same answer (*again). */
rx_err rx_table_release(char id[RX_UUID_TEXT], bool *again,
    struct rx_session *s, const struct rx_table_request *req,
    struct rx_status *st) RX_MUST_USE;

/* What a table would lose. */
struct rx_plan {
	char dims[128];			/* keys, "sex,month" */
	size_t cells, suppressed;
	struct rx_status why;		/* RX_OK, or why it is refused */
};
#define RX_PLANS_MAX 9
/* A dry run: plan[0] is the table that ${req} asks for; after it come coarser
 * ones that would lose less, the best first.  Nothing is written or entered. */
rx_err rx_table_plan(struct rx_plan plan[RX_PLANS_MAX], size_t *n,
    struct rx_session *s, const struct rx_table_request *req,
    struct rx_status *st) RX_MUST_USE;

/* The ledger. */
struct rx_release_row {
	char id[RX_UUID_TEXT];
	int64_t at;
	char kind[16];		/* "annex", "table", "private" */
	char author[RX_USER_NAME_BYTES];
	char title[512];	/* unit, dates, dimensions */
	char name[128];		/* of the unit */
	char from[RX_DATE_TEXT], to[RX_DATE_TEXT];
	char count[16], dims[128];	/* of a table: keys, "sex,month" */
	unsigned issue;		/* 1, 2 for a reissue ... */
	int64_t cells, suppressed;	/* of a table */
	bool intact;		/* what was published still hashes to its digest */
};
rx_err rx_releases_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_release_row *, struct rx_status *),
    void *cookie, struct rx_status *st) RX_MUST_USE;
/**
 * rx_releases_audit(s, pair, cookie, failed, st):
 * Audit all released tables together once more, by the register as it is now.
 * ${pair} is called for every two that were compared; *failed is how many
 * promises are not kept.  RX_ECONFLICT when that is too large.
 */
rx_err rx_releases_audit(struct rx_session *s,
    rx_err (*pair)(void *, const char *, const char *, struct rx_status *),
    void *cookie, size_t *failed, struct rx_status *st) RX_MUST_USE;
/* The release ${id} from the ledger alone: its row, and what was published,
 * which the caller releases.  RX_ENOENT (RELEASE_UNKNOWN). */
rx_err rx_release_read(struct rx_release_row *row, json_t **published,
    struct rx_session *s, const char *id, struct rx_status *st) RX_MUST_USE;
/* That document as a file of ${format}.  RX_ECORRUPT (RELEASE_CORRUPT) when it
 * is not intact. */
rx_err rx_release_render(struct rx_buf *out, const struct rx_release_row *row,
    const json_t *published, enum rx_format format, struct rx_status *st)
    RX_MUST_USE;

#endif
