#include <stdio.h>

#include "register/internal.h"

/*
 * What the form counts of a case, sealed in one box: so that a count opens that,
 * and not each of the records.
 *
 * Whoever saves in a case has read it anyway, and writes its extract anew in the
 * same transaction, whatever he saved; so does an import, and who opens a bundle.
 * It is of the records as they are when there are as many versions of them as it
 * was made of: they are only ever added, but for what erases a case, which takes
 * its extract too, and for what opens a bundle, which writes it.  Where it is not,
 * or there is none (a register of before), the records are read, as they are when
 * what is counted enters the ledger (running.c); nothing is lost without it.
 *
 * A row of EXTRACT: child, a field (C, the case's epoch, padded CODED) at store,
 * object = subject = child (no unit: a case may move), column 1, version 1 (its
 * format):
 *
 * versions 4 || lines || zeros up to 4 bytes and 36 a version
 * line: what 1 (bit 0: of an intervention; 1: dated; 2: resolved) || counts 1 (as
 *       RX_COUNTS_*) || date 4, dated || resolved on 4, resolved || fen 8, cash ||
 *       agency 18, zeros after, when that counts
 *
 * So its size tells how many versions there are, which the rows of the records
 * tell too, and nothing of what they say.
 */

#define COL_SEALED 1
#define FORMAT 1
#define HEAD_BYTES 4
#define LINE_BYTES 36		/* the longest */

#define VERSIONS_MOST 16384	/* more are read as records: nobody has so many */
#define KEPT_BYTES (1u << 16)	/* of memory from one to the next */

enum { INTERVENTION = 1, DATED = 2, RESOLVED = 4, WHAT = 7, COUNTS = 31 };

/* ---- what counts ---- */

rx_err
rx_form_kinds_find(struct rx_form_kinds *k, struct rx_status *st)
{
	static const struct {
		enum rx_list list;
		const char *key;
	} of[4] = {
		{ RX_LIST_KIND, "individual_counselling" },
		{ RX_LIST_KIND, "visit_condolence" },
		{ RX_LIST_KIND, "cash_condolence" },
		{ RX_LIST_AGENCY_TYPE, "social_work" }
	};
	uint16_t *const to[4] = { &k->individual, &k->visit, &k->cash,
	    &k->social_work };
	const struct rx_code *c;
	size_t i;

	for (i = 0; i < 4 && (c = rx_code_by_key(of[i].list, of[i].key)) !=
	    NULL; i++)
		*to[i] = c->no;
	return (i == 4 ? RX_OK : rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL));
}

bool
rx_form_agency(const struct rx_form_kinds *k, const struct rx_record *r)
{

	return (r->v[RX_F_AGENCY].set && *rx_record_text(r, RX_F_AGENCY) &&
	    (!r->v[RX_F_AGENCY_TYPE].set ||
	    rx_record_int(r, RX_F_AGENCY_TYPE) == k->social_work));
}

/* What the intervention ${r} counts for; 0 when it was not delivered. */
static unsigned
counts_of(const struct rx_form_kinds *k, const struct rx_record *r)
{
	const int64_t kind = rx_record_int(r, RX_F_KIND);
	unsigned counts = RX_COUNTS_HELPED;

	if (!rx_record_int(r, RX_F_DELIVERED))
		return (0);
	if (kind == k->individual && rx_record_int(r, RX_F_PROFESSIONAL))
		counts |= RX_COUNTS_COUNSELLING;
	if (kind == k->cash)
		counts |= RX_COUNTS_CASH;
	if (kind == k->visit && rx_record_int(r, RX_F_FACE_TO_FACE))
		counts |= RX_COUNTS_VISIT;
	if (rx_form_agency(k, r))
		counts |= RX_COUNTS_AGENCY;
	return (counts);
}

void
rx_form_line(struct rx_form_line *line, const struct rx_form_kinds *k,
    const struct rx_record *r)
{

	memset(line, 0, sizeof(*line));
	line->intervention = r->type == RX_INTERVENTION;
	if ((line->dated = r->v[RX_F_DATE].set))
		line->date = (int32_t)rx_record_int(r, RX_F_DATE);
	if (!line->intervention)
		return;
	if ((line->resolved = r->v[RX_F_NEED_RESOLVED_ON].set))
		line->resolved_on = (int32_t)rx_record_int(r,
		    RX_F_NEED_RESOLVED_ON);
	line->counts = counts_of(k, r);
	if ((line->counts & RX_COUNTS_CASH) != 0)
		line->fen = rx_record_int(r, RX_F_AMOUNT_FEN);
	if ((line->counts & RX_COUNTS_AGENCY) != 0)
		rx_text_copy(line->agency, sizeof(line->agency),
		    rx_record_text(r, RX_F_AGENCY));
}

/* ---- lines ---- */

void
rx_extract_free(struct rx_extract *x)
{

	rx_buf_free(&x->lines);
	x->versions = 0;
}

rx_err
rx_extract_add(struct rx_extract *x, const struct rx_form_kinds *k,
    const struct rx_record *r, struct rx_status *st)
{
	struct rx_form_line line;
	uint8_t b[LINE_BYTES], *p = b + 2;
	rx_err rc;

	rx_form_line(&line, k, r);
	if (!line.dated && !line.resolved)
		return (RX_OK);
	memset(b, 0, sizeof(b));
	b[0] = (uint8_t)((line.intervention ? INTERVENTION : 0) |
	    (line.dated ? DATED : 0) | (line.resolved ? RESOLVED : 0));
	b[1] = (uint8_t)line.counts;
	if (line.dated) {
		rx_put32(p, (uint32_t)line.date);
		p += 4;
	}
	if (line.resolved) {
		rx_put32(p, (uint32_t)line.resolved_on);
		p += 4;
	}
	if ((line.counts & RX_COUNTS_CASH) != 0) {
		rx_put64(p, (uint64_t)line.fen);
		p += 8;
	}
	if ((line.counts & RX_COUNTS_AGENCY) != 0) {
		memcpy(p, line.agency, RX_AGENCY_CHARS);
		p += RX_AGENCY_CHARS;
	}
	rc = rx_buf_add(&x->lines, b, (size_t)(p - b), st);
	rx_wipe(b, sizeof(b));
	rx_wipe(&line, sizeof(line));
	return (rc);
}

/* Text at ${p} as encoding writes it: some, then zeros. */
static bool
agency_is(const uint8_t p[RX_AGENCY_CHARS])
{
	size_t i = strnlen((const char *)p, RX_AGENCY_CHARS);

	if (i == 0)
		return (false);
	while (i < RX_AGENCY_CHARS && p[i] == 0)
		i++;
	return (i == RX_AGENCY_CHARS);
}

/* The line at ${p}, of at most ${left} bytes; how many it has, 0 when it is none. */
static size_t
line_take(struct rx_form_line *line, const uint8_t *p, size_t left)
{
	size_t n = 2;

	memset(line, 0, sizeof(*line));
	if (left < n || (p[0] & ~WHAT) != 0 || (p[1] & ~COUNTS) != 0 ||
	    (p[0] & (DATED | RESOLVED)) == 0 || ((p[0] & INTERVENTION) == 0 &&
	    (p[1] != 0 || (p[0] & RESOLVED) != 0)))
		return (0);
	line->intervention = (p[0] & INTERVENTION) != 0;
	line->dated = (p[0] & DATED) != 0;
	line->resolved = (p[0] & RESOLVED) != 0;
	line->counts = p[1];
	n += line->dated ? 4 : 0;
	n += line->resolved ? 4 : 0;
	n += (line->counts & RX_COUNTS_CASH) != 0 ? 8 : 0;
	n += (line->counts & RX_COUNTS_AGENCY) != 0 ? RX_AGENCY_CHARS : 0;
	if (n > left)
		return (0);
	p += 2;
	if (line->dated) {
		line->date = (int32_t)rx_get32(p);
		p += 4;
	}
	if (line->resolved) {
		line->resolved_on = (int32_t)rx_get32(p);
		p += 4;
	}
	if ((line->counts & RX_COUNTS_CASH) != 0) {
		line->fen = (int64_t)rx_get64(p);
		p += 8;
	}
	if ((line->counts & RX_COUNTS_AGENCY) != 0) {
		if (!agency_is(p))
			return (0);
		memcpy(line->agency, p, RX_AGENCY_CHARS);
	}
	/* As of a record that is opened (record.c). */
	return (rx_kind_takes(RX_K_DATE, line->date) &&
	    rx_kind_takes(RX_K_DATE, line->resolved_on) &&
	    rx_kind_takes(RX_K_FEN, line->fen) ? n : 0);
}

bool
rx_extract_line(const struct rx_extract *x, size_t *at,
    struct rx_form_line *line)
{
	const size_t n = *at < x->lines.len ? line_take(line, x->lines.b + *at,
	    x->lines.len - *at) : 0;

	*at += n;
	return (n > 0);
}

/* ---- sealed ---- */

static void
place_of(struct rx_place *p, const struct rx_session *s, const uint8_t *id)
{

	rx_place_init(p, s, "", id, id, RX_TABLE_EXTRACT, COL_SEALED, FORMAT);
}

rx_err
rx_extract_put(const struct rx_extract *x, struct rx_session *s,
    const struct rx_case *c, struct rx_status *st)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	struct rx_buf plain = RX_BUF_INIT, box = RX_BUF_INIT;
	struct rx_value v[2] = { rx_bytes(c->id, RX_ID_BYTES) };
	struct rx_place place;
	uint8_t *p;
	rx_err rc;

	if (x->versions > VERSIONS_MOST ||
	    x->lines.len > (size_t)x->versions * LINE_BYTES)
		return (rx_extract_forget(s, c->id, st));
	place_of(&place, s, c->id);
	if ((rc = rx_buf_extend(&plain, HEAD_BYTES + (size_t)x->versions *
	    LINE_BYTES, &p, st)) != RX_OK)
		goto done;
	rx_put32(p, x->versions);
	if (x->lines.len > 0)
		memcpy(p + HEAD_BYTES, x->lines.b, x->lines.len);
	if ((rc = rx_field_seal(&box, e->key[2], RX_COMP_CODED, e->epoch,
	    &place, RX_PAD_CODED, plain.b, plain.len, st)) == RX_OK) {
		v[1] = rx_bytes(box.b, box.len);
		rc = rx_store_replace(s->store, RX_TABLE_EXTRACT, v, st);
	}
done:
	rx_buf_free(&plain);
	rx_buf_free(&box);
	return (rc);
}

rx_err
rx_extract_forget(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    struct rx_status *st)
{
	const struct rx_value key = rx_bytes(id, RX_ID_BYTES);

	return (rx_store_delete(s->store, RX_TABLE_EXTRACT, &key, NULL, st));
}

/* Take apart what was opened into x->lines; false when it is no extract. */
static bool
unpack(struct rx_extract *x)
{
	struct rx_buf *b = &x->lines;
	struct rx_form_line line;
	size_t i, n = 0, at = 0;

	if (b->len < HEAD_BYTES)
		return (false);
	x->versions = rx_get32(b->b);
	b->len -= HEAD_BYTES;
	if (x->versions > VERSIONS_MOST ||
	    b->len != (size_t)x->versions * LINE_BYTES)
		return (false);
	memmove(b->b, b->b + HEAD_BYTES, b->len);
	while (rx_extract_line(x, &at, &line))
		n++;
	for (i = at; i < b->len; i++)
		if (b->b[i] != 0)
			return (false);
	b->len = at;
	return (n <= x->versions);
}

/* Open the ${n} bytes ${box} of the loaded case; false when that cannot be. */
static bool
box_open(struct rx_extract *x, const struct rx_session *s,
    const struct rx_case *c, const uint8_t *box, size_t n)
{
	const struct rx_case_epoch *e = rx_case_of_epoch(c,
	    rx_envelope_epoch(box, n));
	struct rx_place place;
	struct rx_status why;

	rx_status_clear(&why);
	place_of(&place, s, c->id);
	return (e != NULL && e->key[2] != NULL && rx_field_open(&x->lines, box,
	    n, e->key[2], RX_COMP_CODED, &place, &why) == RX_OK && unpack(x));
}

rx_err
rx_extract_open(struct rx_extract *x, struct rx_session *s,
    const struct rx_case *c, bool *current, struct rx_status *st)
{
	const struct rx_value arg = rx_bytes(c->id, RX_ID_BYTES);
	struct rx_cursor *cur;
	const uint8_t *box;
	bool row = false;
	size_t n;
	rx_err rc;

	*current = false;
	/* Resetting wipes all of its memory. */
	if (x->lines.cap > KEPT_BYTES)
		rx_buf_free(&x->lines);
	else
		rx_buf_reset(&x->lines);
	if ((rc = rx_query_open(&cur, s->store, RX_Q_EXTRACT, &arg, 1, st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		box = rx_col_bytes(cur, COL_SEALED, &n);
		*current = box_open(x, s, c, box, n) &&
		    rx_col_int(cur, 2) == (int64_t)x->versions;
	}
	rx_query_close(cur);
	return (rc);
}

/* ---- compared with the records ---- */

/* What the lines of ${x} add up to, in whichever order: a sum of their hashes under
 * ${key}, which is of this moment; and how many there are. */
static uint64_t
lines_sum(const struct rx_extract *x, const uint8_t key[RX_HASH64_KEY_BYTES],
    size_t *n)
{
	struct rx_form_line line;
	size_t at = 0, from = 0;
	uint64_t sum = 0;

	for (*n = 0; rx_extract_line(x, &at, &line); ++*n, from = at)
		sum += rx_hash64(key, x->lines.b + from, at - from);
	return (sum);
}

/* Whether both, of as many versions, say the same. */
static bool
same(const struct rx_extract *x, const struct rx_extract *y)
{
	uint8_t key[RX_HASH64_KEY_BYTES];
	size_t n, m;

	rx_random(key, sizeof(key));
	return (lines_sum(x, key, &n) == lines_sum(y, key, &m) && n == m);
}

/* Whether case ${id} of ${unit} has an extract that is taken for its records and
 * does not say what they do.  Of records that cannot be read nobody knows: the
 * count, which asks less of them, tells whoever reads them. */
static rx_err
is_wrong(struct rx_session *s, struct rx_case *c, const uint8_t *id,
    const char *unit, bool *wrong, struct rx_status *st)
{
	struct rx_extract x = { .lines = RX_BUF_INIT };
	struct rx_case_sum *sum = NULL;
	struct rx_status why;
	bool current = false;
	rx_err rc;

	*wrong = false;
	if ((rc = rx_case_load(c, s, id, unit, RX_BIT(RX_COMP_CODED), st)) !=
	    RX_OK || (rc = rx_extract_open(&x, s, c, &current, st)) != RX_OK ||
	    !current)
		goto done;
	rx_status_clear(&why);
	if ((rc = rx_case_sum_new(&sum, s, c, &why)) == RX_OK)
		*wrong = !same(&x, rx_case_sum_extract(sum));
	else if (rc == RX_ECORRUPT)
		rc = RX_OK;
	else
		*st = why;
done:
	rx_case_sum_free(sum);
	rx_extract_free(&x);
	return (rc);
}

/* Append the ids of the cases of ${unit} whose extract is wrong.  Each unit is read as
 * of one moment: others write in between. */
static rx_err
wrong_of_unit(struct rx_session *s, struct rx_case *c, const char *unit,
    struct rx_buf *found, struct rx_status *st)
{
	const struct rx_value arg = rx_text(unit);
	struct rx_buf ids = RX_BUF_INIT;
	bool held = false, wrong = false;
	size_t i;
	rx_err rc;

	if ((rc = rx_store_hold(s->store, &held, st)) == RX_OK)
		rc = rx_query_ids(s->store, RX_Q_CODED_CHILDREN, &arg, 1, 0,
		    &ids, st);
	for (i = 0; i < ids.len && rc == RX_OK; i += RX_ID_BYTES)
		if ((rc = is_wrong(s, c, ids.b + i, unit, &wrong, st)) ==
		    RX_OK && wrong)
			rc = rx_buf_add(found, ids.b + i, RX_ID_BYTES, st);
	if (held)
		rx_store_rollback(s->store);
	rx_buf_free(&ids);
	return (rc);
}

/* Delete the extracts of the cases ${ids}; also of one that was put right since: then
 * its records are counted until the next save in it. */
static rx_err
wrong_delete(struct rx_session *s, const struct rx_buf *ids,
    struct rx_status *st)
{
	char detail[32];
	size_t i;
	rx_err rc;

	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	for (i = 0; i < ids->len && rc == RX_OK; i += RX_ID_BYTES)
		rc = rx_extract_forget(s, ids->b + i, st);
	(void)snprintf(detail, sizeof(detail), "cases=%zu",
	    ids->len / RX_ID_BYTES);
	return (rx_finish(s, rc, RX_DID_EXTRACT, NULL, detail, st));
}

rx_err
rx_extracts_check(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    size_t *wrong, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT, found = RX_BUF_INIT;
	struct rx_case c;
	size_t i;
	rx_err rc;

	*wrong = 0;
	if ((rc = rx_permit(s, RX_ACT_COUNT, unit, st)) != RX_OK)
		return (rc);
	rx_case_init(&c);
	rc = rx_keyed_units(s, unit, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = wrong_of_unit(s, &c, (const char *)units.b + i, &found,
		    st);
	if (rc == RX_OK && found.len > 0 &&
	    (rc = wrong_delete(s, &found, st)) == RX_OK)
		*wrong = found.len / RX_ID_BYTES;
	rx_case_done(&c, s);
	rx_buf_free(&units);
	rx_buf_free(&found);
	return (rc);
}
