#include <string.h>

#include "stats/internal.h"

/*
 * Running tallies: the form counted again costs what is new.
 *
 * Kept is the mark of a moment (register.h) and what was counted then.  Since
 * then some cases and activities have got new rows; each of them is counted as
 * it was at the mark, and taken off, and as it is now, and added.  Nothing of
 * the form spans two cases but the agencies, which are kept with how often each
 * came.  Led activities of other units are not in it (export.c).
 *
 * Mark: seq 8 || hash 32 || three times id 16, version 4 || erased 8.
 */

#define MARK_BYTES (8 + RX_HASH_BYTES + 3 * (RX_ID_BYTES + 4) + 8)

static void
mark_encode(uint8_t b[MARK_BYTES], const struct rx_mark *m)
{
	size_t k;

	rx_put64(b, m->seq);
	memcpy(b + 8, m->hash, RX_HASH_BYTES);
	b += 8 + RX_HASH_BYTES;
	for (k = 0; k < 3; k++, b += RX_ID_BYTES + 4) {
		memcpy(b, m->newest[k].id, RX_ID_BYTES);
		rx_put32(b + RX_ID_BYTES, m->newest[k].version);
	}
	rx_put64(b, (uint64_t)m->erased);
}

static void
mark_decode(struct rx_mark *m, const uint8_t b[MARK_BYTES])
{
	size_t k;

	m->seq = rx_get64(b);
	memcpy(m->hash, b + 8, RX_HASH_BYTES);
	b += 8 + RX_HASH_BYTES;
	for (k = 0; k < 3; k++, b += RX_ID_BYTES + 4) {
		memcpy(m->newest[k].id, b, RX_ID_BYTES);
		m->newest[k].version = rx_get32(b + RX_ID_BYTES);
	}
	m->erased = (int64_t)rx_get64(b);
}

/* ---- what was counted before ---- */

static rx_err
load(struct rx_tally **out, struct rx_mark *mark, const struct rx_counter *c,
    struct rx_status *st)
{
	struct rx_buf kept = RX_BUF_INIT;
	struct rx_tally *t = NULL;
	bool found;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_running_load(c->s, c->unit, c->from, c->to, &kept, &found,
	    st)) != RX_OK || !found || kept.len < MARK_BYTES)
		goto done;
	mark_decode(mark, kept.b);
	if ((rc = c->make(&t, c->cookie, st)) != RX_OK ||
	    (rc = rx_tally_decode(t, kept.b + MARK_BYTES,
	    kept.len - MARK_BYTES, &found, st)) != RX_OK || !found)
		rx_tally_free(t);
	else
		*out = t;
done:
	rx_buf_free(&kept);
	return (rc);
}

/* The tallies of what has changed, as it was and as it is. */
struct change {
	struct rx_tally *t[2];
	bool any;
};

static rx_err
changed(void *cookie, const struct rx_record *r, bool now,
    struct rx_status *st)
{
	struct change *x = cookie;

	x->any = true;
	return (rx_tally_add(x->t[now], r, st));
}

/* Bring what was counted at ${*mark} on to now; *t is NULL when that cannot be. */
static rx_err
go_on(struct rx_tally **t, struct rx_mark *mark, const struct rx_counter *c,
    bool *any, struct rx_status *st)
{
	struct change x = { { NULL, NULL }, false };
	bool known = false;
	rx_err rc;

	if ((rc = c->make(&x.t[0], c->cookie, st)) == RX_OK &&
	    (rc = c->make(&x.t[1], c->cookie, st)) == RX_OK &&
	    (rc = rx_form_since(c->s, c->unit, mark, changed, &x, &known,
	    st)) == RX_OK && known &&
	    (rc = rx_tally_take(*t, x.t[0], true, st)) == RX_OK)
		rc = rx_tally_take(*t, x.t[1], false, st);
	*any = x.any;
	rx_tally_free(x.t[0]);
	rx_tally_free(x.t[1]);
	if (rc != RX_OK || !known) {
		rx_tally_free(*t);
		*t = NULL;
	}
	return (rc);
}

/* ---- all of it ---- */

static rx_err
feed(void *cookie, const struct rx_record *r, struct rx_status *st)
{

	return (rx_tally_add(cookie, r, st));
}

static rx_err
feed_line(void *cookie, const uint8_t child[RX_ID_BYTES],
    const char unit[RX_UNIT_BYTES], const struct rx_form_line *line,
    struct rx_status *st)
{

	return (rx_tally_line(cookie, child, unit, line, st));
}

static rx_err
feed_residue(void *cookie, const struct rx_residue *r, struct rx_status *st)
{

	return (rx_tally_residue(cookie, r, st));
}

/* By the extracts of the cases, or by all ${records}. */
static rx_err
count_all(struct rx_tally **out, struct rx_mark *mark,
    const struct rx_counter *c, bool records, struct rx_status *st)
{
	rx_err rc;

	if ((rc = c->make(out, c->cookie, st)) != RX_OK)
		return (rc);
	if ((rc = rx_form_each(c->s, c->unit, feed, records ? NULL :
	    feed_line, feed_residue, *out, mark, st)) != RX_OK) {
		rx_tally_free(*out);
		*out = NULL;
	}
	return (rc);
}

static rx_err
put(struct rx_buf *keep, const struct rx_mark *mark, const struct rx_tally *t,
    struct rx_status *st)
{
	uint8_t b[MARK_BYTES];
	rx_err rc;

	mark_encode(b, mark);
	if ((rc = rx_buf_add(keep, b, sizeof(b), st)) != RX_OK)
		return (rc);
	return (rx_tally_encode(keep, t, st));
}

rx_err
rx_count_running(struct rx_tally **out, const struct rx_counter *c,
    enum rx_counting how, bool *in_full, struct rx_buf *keep,
    struct rx_status *st)
{
	struct rx_tally *before = NULL;
	struct rx_mark mark;
	bool any = true;
	rx_err rc = RX_OK;

	*out = NULL;
	*in_full = false;
	if (how != RX_COUNT_COLD && how != RX_COUNT_ANEW &&
	    (rc = load(&before, &mark, c, st)) == RX_OK && before != NULL)
		rc = go_on(&before, &mark, c, &any, st);
	if (rc == RX_OK && (before == NULL || how >= RX_COUNT_COMPARED)) {
		*in_full = true;
		rc = count_all(out, &mark, c, how >= RX_COUNT_RELEASE, st);
	}
	if (rc == RX_OK && *out != NULL && before != NULL &&
	    !rx_tally_equal(before, *out))
		rc = rx_fail(st, RX_ECORRUPT, RX_MSG_TALLY_DIFFERS);
	if (rc == RX_OK && *out == NULL) {
		*out = before;
		before = NULL;
	}
	if (rc == RX_OK && (any || *in_full))
		rc = put(keep, &mark, *out, st);
	rx_tally_free(before);
	if (rc != RX_OK) {
		rx_tally_free(*out);
		*out = NULL;
	}
	return (rc);
}

void
rx_count_keep(const struct rx_counter *c, const struct rx_buf *keep)
{
	struct rx_status why;

	rx_status_clear(&why);
	if (keep->len > 0 && rx_running_save(c->s, c->unit, c->from, c->to,
	    keep->b, keep->len, &why) != RX_OK)
		return;
}
