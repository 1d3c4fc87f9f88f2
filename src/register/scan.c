#include <stdlib.h>

#include "base/set.h"
#include "register/internal.h"

/*
 * The coded records of many cases in one pass.  To ask the store for the records
 * of each case costs more than to open them: they lie apart in the file, in the
 * order in which they came.  So the keys of the cases are gathered first, as
 * many as may lie in locked memory at once, and then all records are read as
 * they lie; those of cases that were not gathered are passed over.
 *
 * Opening them is most of what is left, and needs nothing but their bytes and
 * keys: other threads do it (ring.c), a batch of rows at a time, those of the
 * children among them.  The id of a key, which stands in each header under it, is
 * made once a key.
 *
 * Of a record only the live version counts, the highest of its id in its case.
 * Corrections are few: their versions are noted first, in one pass over an index.
 */

#define KEYS_MOST 65536		/* 2 MiB */
#define RING 8
#define BATCH 64
#define SPARSE 8	/* one case in so many: each is asked for */

typedef rx_err record_each(void *, const struct rx_record *,
    struct rx_status *);

struct scanned {		/* a case that was gathered */
	char unit[RX_UNIT_BYTES];
	uint32_t first;		/* epoch of its first key */
	uint32_t n;
	size_t at;		/* of its keys */
};

struct batch {
	size_t n;
	struct rx_status why;	/* it could not be opened */
	struct {
		struct rx_opening row;
		char unit[RX_UNIT_BYTES];	/* of the case */
	} at[BATCH];
};

struct rx_scan {
	struct rx_session *s;
	int64_t children;	/* not less than there are */
	struct rx_ring *ring;
	struct batch *batch;	/* RING of them */
	struct rx_set ids;	/* of the cases */
	struct scanned *of;	/* by their places there */
	struct rx_secret *keys;	/* of the cases, one after the other */
	uint8_t (*key_id)[RX_ID_BYTES];	/* of each of them */
	size_t most, nkeys;
	struct rx_set corrected;	/* record 16 || child 16 */
	uint32_t *live;		/* by their places there: highest version */
	size_t livecap;
	struct rx_case c;
};

void
rx_scan_free(struct rx_scan *w)
{
	size_t i, k;

	if (w == NULL)
		return;
	rx_ring_free(w->ring);
	for (i = 0; w->batch != NULL && i < RING; i++)
		for (k = 0; k < BATCH; k++)
			rx_opening_free(&w->batch[i].at[k].row);
	free(w->batch);
	rx_set_free(&w->ids);
	rx_set_free(&w->corrected);
	rx_secret_free(w->keys);
	free(w->key_id);
	free(w->of);
	free(w->live);
	free(w);
}

/* Note the version ${version} of a record. */
static rx_err
correction(struct rx_scan *w, const uint8_t key[2 * RX_ID_BYTES],
    uint32_t version, struct rx_status *st)
{
	uint32_t *grown;
	size_t i;
	bool added;
	rx_err rc;

	if ((rc = rx_set_add(&w->corrected, key, &i, &added, st)) != RX_OK)
		return (rc);
	if (i >= w->livecap) {
		grown = reallocarray(w->live, w->corrected.cap,
		    sizeof(*grown));
		if (grown == NULL)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
		w->live = grown;
		w->livecap = w->corrected.cap;
	}
	if (added || w->live[i] < version)
		w->live[i] = version;
	return (RX_OK);
}

/* The id of the record under ${cur} and that of its case; false when they are
 * none. */
static bool
record_key(uint8_t key[2 * RX_ID_BYTES], const struct rx_cursor *cur)
{
	const void *id, *child;
	size_t n, nc;

	id = rx_col_bytes(cur, 0, &n);
	child = rx_col_bytes(cur, 2, &nc);
	if (n != RX_ID_BYTES || nc != RX_ID_BYTES)
		return (false);
	memcpy(key, id, RX_ID_BYTES);
	memcpy(key + RX_ID_BYTES, child, RX_ID_BYTES);
	return (true);
}

static rx_err
corrections(struct rx_scan *w, struct rx_status *st)
{
	uint8_t key[2 * RX_ID_BYTES];
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, w->s->store, RX_Q_RECORDS_CORRECTED,
	    NULL, 0, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if (record_key(key, cur) && (rc = correction(w, key,
		    (uint32_t)rx_col_int(cur, 1), st)) != RX_OK)
			break;
	rx_query_close(cur);
	return (rc);
}

/* Open the rows of a batch. */
static rx_err
open_batch(void *cookie, size_t slot)
{
	struct rx_scan *w = cookie;
	struct batch *b = &w->batch[slot];
	size_t i;
	rx_err rc = RX_OK;

	rx_status_clear(&b->why);
	for (i = 0; i < b->n && rc == RX_OK; i++)
		rc = rx_opening_open(&b->at[i].row, w->s, &b->why);
	return (rc);
}

/* How many children there are at the most. */
static rx_err
children_most(struct rx_scan *w, struct rx_status *st)
{
	struct rx_cursor *cur;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, w->s->store, RX_Q_CHILDREN_MOST, NULL, 0,
	    st)) != RX_OK)
		return (rc);
	if ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		w->children = rx_col_int(cur, 0);
	rx_query_close(cur);
	w->most = KEYS_MOST;
	if (w->children + RX_CASE_EPOCHS < KEYS_MOST)
		w->most = (size_t)w->children + RX_CASE_EPOCHS;
	return (rc);
}

rx_err
rx_scan_new(struct rx_scan **out, struct rx_session *s, struct rx_status *st)
{
	struct rx_scan *w;
	rx_err rc;

	*out = NULL;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	w->s = s;
	w->ids.size = RX_ID_BYTES;
	w->corrected.size = 2 * RX_ID_BYTES;
	if ((rc = children_most(w, st)) != RX_OK ||
	    (rc = rx_secret_new(&w->keys, w->most * sizeof(struct rx_key),
	    st)) != RX_OK || (rc = corrections(w, st)) != RX_OK)
		goto err1;
	if ((w->of = calloc(w->most, sizeof(*w->of))) == NULL ||
	    (w->key_id = calloc(w->most, sizeof(*w->key_id))) == NULL ||
	    (w->batch = calloc(RING, sizeof(*w->batch))) == NULL) {
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		goto err1;
	}
	if ((rc = rx_ring_new(&w->ring, RING, 1, open_batch, w, st)) != RX_OK)
		goto err1;

	/* Success! */
	*out = w;
	return (RX_OK);

err1:
	rx_scan_free(w);
	/* Failure! */
	return (rc);
}

bool
rx_scan_full(const struct rx_scan *w)
{

	return (w->most - w->nkeys < RX_CASE_EPOCHS);
}

/* Gather the coded keys of the loaded case, the ${*i}th. */
static rx_err
case_gather(struct rx_scan *w, const struct rx_case *c, size_t *i,
    struct rx_status *st)
{
	struct rx_key *keys = (struct rx_key *)(void *)w->keys->b;
	struct scanned *o;
	size_t k;
	rx_err rc;

	if ((rc = rx_set_add(&w->ids, c->id, i, NULL, st)) != RX_OK)
		return (rc);
	o = &w->of[*i];
	memcpy(o->unit, c->unit, RX_UNIT_BYTES);
	o->first = c->e[0].epoch;
	o->n = (uint32_t)c->n;
	o->at = w->nkeys;
	for (k = 0; k < c->n; k++) {
		/* Whole chains only, from the first key on. */
		if (c->e[k].key[2] == NULL || c->e[k].epoch != o->first + k)
			return (rx_fail(st, RX_ECORRUPT,
			    RX_MSG_CASE_KEYS_MISSING));
		rx_key_id(w->key_id[w->nkeys], c->e[k].key[2]);
		keys[w->nkeys++] = *c->e[k].key[2];
	}
	return (RX_OK);
}

/* Make w->c the case ${i} of those that were gathered, for its coded rows. */
static void
case_take(struct rx_scan *w, size_t i)
{
	struct rx_key *keys = (struct rx_key *)(void *)w->keys->b;
	const struct scanned *o = &w->of[i];
	uint32_t k;

	memcpy(w->c.id, &w->ids.keys[i * RX_ID_BYTES], RX_ID_BYTES);
	memcpy(w->c.unit, o->unit, RX_UNIT_BYTES);
	w->c.n = o->n;
	for (k = 0; k < o->n; k++) {
		w->c.e[k].epoch = o->first + k;
		w->c.e[k].key[2] = &keys[o->at + k];
	}
}

/* Hand over the records of the oldest batch; *more is false when there is none. */
static rx_err
batch_each(struct rx_scan *w, bool *more, record_each *each, void *cookie,
    struct rx_status *st)
{
	struct batch *b;
	size_t slot, i;
	rx_err rc;

	if (!(*more = rx_ring_take(w->ring, &slot, &rc)))
		return (RX_OK);
	b = &w->batch[slot];
	if (rc != RX_OK)
		*st = b->why;
	for (i = 0; i < b->n && rc == RX_OK; i++) {
		/* A case that has moved is counted where it is. */
		memcpy(b->at[i].row.r.unit, b->at[i].unit, RX_UNIT_BYTES);
		rc = each(cookie, &b->at[i].row.r, st);
	}
	b->n = 0;
	return (rc);
}

/* Whether ${r} is the live version of a record of a case of these, which w->c is
 * then. */
static bool
wanted(struct rx_scan *w, const struct rx_record *r)
{
	uint8_t key[2 * RX_ID_BYTES];
	size_t i;

	if (!rx_set_find(&w->ids, r->child, &i))
		return (false);
	case_take(w, i);
	if (w->corrected.n == 0)
		return (true);
	memcpy(key, r->id, RX_ID_BYTES);
	memcpy(key + RX_ID_BYTES, r->child, RX_ID_BYTES);
	return (!rx_set_find(&w->corrected, key, &i) ||
	    w->live[i] <= r->version);
}

/* Put the row under ${cur}, of the case w->c, whose clear columns the next
 * opening has, into the ring. */
static rx_err
row_put(struct rx_scan *w, const struct rx_cursor *cur, record_each *each,
    void *cookie, struct rx_status *st)
{
	const struct rx_key *keys = (struct rx_key *)(void *)w->keys->b;
	struct batch *b = &w->batch[rx_ring_next(w->ring)];
	struct rx_opening *row = &b->at[b->n].row;
	bool more;
	rx_err rc;

	memcpy(b->at[b->n].unit, w->c.unit, RX_UNIT_BYTES);
	if ((rc = rx_opening_gather(row, w->s, &w->c, cur, st)) != RX_OK)
		return (rc);
	row->key_id = w->key_id[row->key - keys];
	if (++b->n < BATCH)
		return (RX_OK);
	rx_ring_put(w->ring);
	return (rx_ring_full(w->ring) ? batch_each(w, &more, each, cookie,
	    st) : RX_OK);
}

/* The opening to which the next row is read. */
static struct rx_opening *
row_next(struct rx_scan *w)
{
	struct batch *b = &w->batch[rx_ring_next(w->ring)];

	return (&b->at[b->n].row);
}

rx_err
rx_scan_child(struct rx_scan *w, const struct rx_case *c,
    const struct rx_cursor *cur, record_each *each, void *cookie,
    struct rx_status *st)
{
	size_t i;
	rx_err rc;

	if ((rc = case_gather(w, c, &i, st)) != RX_OK ||
	    (rc = rx_opening_row(row_next(w), RX_TABLE_CHILD, cur, st)) !=
	    RX_OK)
		return (rc);
	case_take(w, i);
	return (row_put(w, cur, each, cookie, st));
}

/* The rows of ${q}, as far as they are wanted, through the ring. */
static rx_err
rows_each(struct rx_scan *w, enum rx_query q, const struct rx_value *args,
    unsigned nargs, record_each *each, void *cookie, struct rx_status *st)
{
	struct rx_cursor *cur;
	struct rx_opening *next;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, w->s->store, q, args, nargs, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		next = row_next(w);
		if ((rc = rx_opening_row(next, RX_TABLE_RECORD, cur, st)) !=
		    RX_OK || (wanted(w, &next->r) && (rc = row_put(w, cur,
		    each, cookie, st)) != RX_OK))
			break;
	}
	rx_query_close(cur);
	return (rc);
}

/* All that was gathered: by one pass, or case by case when these are few. */
static rx_err
gathered_each(struct rx_scan *w, record_each *each, void *cookie,
    struct rx_status *st)
{
	struct rx_value args[2];
	size_t i;
	rx_err rc = RX_OK;

	if (w->ids.n > (size_t)w->children / SPARSE)
		return (rows_each(w, RX_Q_CODED_SCAN, NULL, 0, each, cookie,
		    st));
	args[1] = rx_int(INT64_MAX);
	for (i = 0; i < w->ids.n && rc == RX_OK; i++) {
		args[0] = rx_bytes(&w->ids.keys[i * RX_ID_BYTES], RX_ID_BYTES);
		rc = rows_each(w, RX_Q_CODED_SINCE, args, 2, each, cookie, st);
	}
	return (rc);
}

rx_err
rx_scan_records(struct rx_scan *w, record_each *each, void *cookie,
    struct rx_status *st)
{
	bool more = true;
	rx_err rc;

	if ((rc = gathered_each(w, each, cookie, st)) != RX_OK)
		return (rc);
	if (w->batch[rx_ring_next(w->ring)].n > 0)
		rx_ring_put(w->ring);
	while (rc == RX_OK && more)
		rc = batch_each(w, &more, each, cookie, st);
	if (rc != RX_OK)
		return (rc);	/* others may be opening still */
	rx_set_free(&w->ids);
	rx_wipe(w->keys->b, w->nkeys * sizeof(struct rx_key));
	w->nkeys = 0;
	return (rc);
}
