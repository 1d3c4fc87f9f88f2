#include <stdlib.h>

#include "register/internal.h"

/*
 * The names of many cases of one unit, as a list shows them.  To ask the store
 * for the keys and the row of each case costs more than to open them: so keys and
 * names of the unit are read by one query each, and opened by all processors.
 *
 * A case whose name lies under keys that have been followed, or that is not as it
 * was read, is left to be opened by itself (rx_case_load).
 */

#define RING 8
#define BATCH 64
#define COL_NAME 4
#define COL_WRAP 3
#define FEW 64		/* not worth a thread */

struct job {			/* one case */
	size_t of;		/* its place in the unit */
	uint32_t epoch;		/* of the key of its name; 0: none was found */
	uint32_t wrap_epoch;
	const struct rx_key *under;
	uint8_t wrap[RX_ENV_OVERHEAD + RX_KEY_BYTES];
	size_t at, n[2];	/* name and number, sealed */
};

struct slot {
	size_t first, n;	/* jobs */
	struct rx_buf text;	/* of each the name, the number, each with NUL */
	struct rx_status why;
};

struct naming {
	struct rx_session *s;
	const struct rx_known_unit *u;
	unsigned boxes;		/* of a case: 1, with the number 2 */
	struct job *job;
	size_t njobs;
	uint32_t *job_of;	/* place in the unit: 1 + job */
	struct rx_buf sealed;
	struct slot slot[RING];
};

void
rx_names_free(struct rx_names *names)
{

	rx_buf_free(&names->text);
	free(names->at);
	names->at = NULL;
}

/* The job of the case whose id is in the first column; NULL for none. */
static struct job *
job_find(const struct naming *w, const struct rx_cursor *cur)
{
	const struct rx_known *k;
	const uint8_t *id;
	size_t n;
	uint32_t j;

	id = rx_col_bytes(cur, 0, &n);
	if (n != RX_ID_BYTES || (k = rx_known_find(w->u, id)) == NULL ||
	    (j = w->job_of[k - w->u->k]) == 0)
		return (NULL);
	return (&w->job[j - 1]);
}

/* Take the sealed name of the case of ${j}. */
static rx_err
name_gather(struct naming *w, struct job *j, const struct rx_cursor *cur,
    struct rx_status *st)
{
	const uint8_t *box;
	unsigned k;
	rx_err rc;

	if ((uint32_t)rx_col_int(cur, 1) != w->u->k[j->of].state.version)
		return (RX_OK);
	j->at = w->sealed.len;
	for (k = 0; k < w->boxes; k++) {
		box = rx_col_bytes(cur, (int)(COL_NAME + k), &j->n[k]);
		if (k == 0)
			j->epoch = rx_envelope_epoch(box, j->n[k]);
		if ((rc = rx_buf_add(&w->sealed, box, j->n[k], st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Take the wrapped key that opens it. */
static rx_err
key_gather(struct naming *w, struct job *j, const struct rx_cursor *cur,
    struct rx_status *st)
{
	const uint8_t *box;
	size_t n;

	box = rx_col_bytes(cur, COL_WRAP, &n);
	if (j->epoch == 0 || (uint32_t)rx_col_int(cur, 1) != j->epoch ||
	    n != sizeof(j->wrap))
		return (RX_OK);
	memcpy(j->wrap, box, n);
	j->wrap_epoch = rx_envelope_epoch(box, n);
	return (j->wrap_epoch == 0 ? RX_OK : rx_unit_key(w->s, w->u->unit,
	    RX_COMP_IDENTITY, j->wrap_epoch, &j->under, NULL, st));
}

/* The rows of ${q}, a query of one unit, handed to ${gather}. */
static rx_err
gather_all(struct naming *w, enum rx_query q,
    rx_err (*gather)(struct naming *, struct job *, const struct rx_cursor *,
    struct rx_status *), struct rx_status *st)
{
	const struct rx_value arg = rx_text(w->u->unit);
	struct rx_cursor *cur;
	struct job *j;
	bool row = false;
	rx_err rc;

	if ((rc = rx_query_open(&cur, w->s->store, q, &arg, 1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((j = job_find(w, cur)) != NULL &&
		    (rc = gather(w, j, cur, st)) != RX_OK)
			break;
	rx_query_close(cur);
	return (rc);
}

/* Append the texts of the case of ${j} to ${out}. */
static rx_err
job_open(const struct naming *w, const struct job *j, struct rx_buf *out,
    struct rx_status *st)
{
	const uint8_t *id = w->u->k[j->of].id, *box = w->sealed.b + j->at;
	struct rx_place place;
	struct rx_key key;
	size_t from;
	unsigned k;
	rx_err rc;

	rx_wrap_place(&place, w->s, w->u->unit, id, 0, j->epoch);
	rc = rx_envelope_open(key.b, RX_KEY_BYTES, j->wrap, sizeof(j->wrap),
	    j->under, RX_ENV_KEY, RX_COMP_IDENTITY, j->wrap_epoch, &place, st);
	for (k = 0; k < w->boxes && rc == RX_OK; k++) {
		rx_place_init(&place, w->s, w->u->unit, id, id, RX_TABLE_CHILD,
		    COL_NAME + k, w->u->k[j->of].state.version);
		from = out->len;
		if ((rc = rx_field_open(out, box, j->n[k], &key,
		    RX_COMP_IDENTITY, &place, st)) != RX_OK)
			break;
		/* One more end would give its rest to the next child. */
		rc = out->len > from && memchr(out->b + from, 0, out->len -
		    from) != NULL ? rx_fail(st, RX_ECORRUPT,
		    RX_MSG_SEALED_CORRUPT) : rx_buf_add(out, "", 1, st);
		box += j->n[k];
	}
	rx_wipe(&key, sizeof(key));
	return (rc);
}

static rx_err
slot_open(void *cookie, size_t i)
{
	struct naming *w = cookie;
	struct slot *slot = &w->slot[i];
	size_t k;
	rx_err rc = RX_OK;

	rx_status_clear(&slot->why);
	rx_buf_reset(&slot->text);
	for (k = 0; k < slot->n && rc == RX_OK; k++)
		if (w->job[slot->first + k].under != NULL)
			rc = job_open(w, &w->job[slot->first + k],
			    &slot->text, &slot->why);
	return (rc);
}

/* Note where the texts of the slot ${i} lie, which ended with ${rc}. */
static rx_err
slot_take(struct naming *w, size_t i, rx_err rc, struct rx_names *out,
    struct rx_status *st)
{
	struct slot *slot = &w->slot[i];
	size_t k, b, at = out->text.len;

	if (rc != RX_OK) {
		*st = slot->why;
		return (rc);
	}
	if ((rc = rx_buf_add(&out->text, slot->text.b, slot->text.len, st)) !=
	    RX_OK)
		return (rc);
	for (k = 0; k < slot->n; k++) {
		const struct job *j = &w->job[slot->first + k];

		if (j->under == NULL)
			continue;
		out->at[j->of] = at + 1;
		for (b = 0; b < w->boxes; b++)
			at += strlen((const char *)out->text.b + at) + 1;
	}
	return (RX_OK);
}

/* Open what was gathered, a batch at a time, by this thread and others. */
static rx_err
open_all(struct naming *w, struct rx_names *out, struct rx_status *st)
{
	struct rx_ring *ring;
	size_t next = 0, i;
	bool more = true;
	rx_err rc, how;

	if ((rc = rx_ring_new(&ring, RING, 1, slot_open, w, st)) != RX_OK)
		return (rc);
	while (rc == RX_OK && more) {
		while (next < w->njobs && !rx_ring_full(ring)) {
			i = rx_ring_next(ring);
			w->slot[i].first = next;
			w->slot[i].n = w->njobs - next < BATCH ?
			    w->njobs - next : BATCH;
			next += w->slot[i].n;
			rx_ring_put(ring);
		}
		if ((more = rx_ring_take(ring, &i, &how)))
			rc = slot_take(w, i, how, out, st);
	}
	rx_ring_free(ring);
	return (rc);
}

/* Whether the name of case ${i} is to be opened: it is ${wanted}, and not in
 * memory. */
static bool
is_job(const struct rx_known_unit *u, const bool *wanted, size_t i)
{

	return ((wanted == NULL || wanted[i]) &&
	    !rx_known_named(u, &u->k[i]));
}

/* A job for each of those ${n} cases. */
static rx_err
jobs_make(struct naming *w, const bool *wanted, size_t n,
    struct rx_status *st)
{
	size_t i;

	if ((w->job_of = calloc(w->u->n, sizeof(*w->job_of))) == NULL ||
	    (w->job = calloc(n, sizeof(*w->job))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < w->u->n; i++)
		if (is_job(w->u, wanted, i)) {
			w->job[w->njobs].of = i;
			w->job_of[i] = (uint32_t)++w->njobs;
		}
	return (RX_OK);
}

rx_err
rx_names_open(struct rx_names *out, struct rx_session *s,
    const struct rx_known_unit *u, const bool *wanted, bool number,
    struct rx_status *st)
{
	struct naming w = { .s = s, .u = u, .boxes = number ? 2 : 1 };
	size_t i, n = 0;
	rx_err rc;

	for (i = 0; i < u->n; i++)
		n += is_job(u, wanted, i);
	if (n < FEW)
		return (RX_OK);
	if ((out->at = calloc(u->n, sizeof(*out->at))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = jobs_make(&w, wanted, n, st)) == RX_OK &&
	    (rc = gather_all(&w, RX_Q_CHILD_NAMES_OF_UNIT, name_gather, st)) ==
	    RX_OK && (rc = gather_all(&w, RX_Q_CASE_KEYS_OF_UNIT, key_gather,
	    st)) == RX_OK)
		rc = open_all(&w, out, st);
	for (i = 0; i < RING; i++)
		rx_buf_free(&w.slot[i].text);
	rx_buf_free(&w.sealed);
	free(w.job);
	free(w.job_of);
	return (rc);
}
