#include <stdlib.h>

#include "register/internal.h"

/*
 * The names of many cases of one unit, as a list shows them, or what a search looks
 * through.  To ask the store for the keys and the row of each case costs more than
 * to open them: so they are read by one query, which lists the unit too when that
 * was not done, and opened by all processors meanwhile.
 *
 * For a search name, id number and caller's id are opened and nothing else: of a
 * case that was not read the coded box of the child, in which the caller's id lies.
 * From the newest keys of a case those that its row is sealed under are followed.
 *
 * A case that is not as it was read, whose keys are not all there, or whose boxes
 * are under keys of several epochs, is left to be opened by itself (rx_case_load).
 */

#define RING 8
#define BATCH 64
#define SPARSE 4	/* one case in so many: each is asked for */
#define COL_BOX 4	/* columns: name, id number, coded */
#define COL_EPOCH 7	/* and of the keys their epoch */
#define COL_KEY 8	/* identity, coded */
#define COL_LINK 2	/* of a link: identity, narrative, coded */

enum { NAME, NUMBER, CODED, BOXES };

struct wraps {			/* keys for identity, for coded data, sealed */
	uint8_t box[2][RX_ENV_KEY_BYTES];
};
static const enum rx_compartment comp_of[2] = {
	RX_COMP_IDENTITY, RX_COMP_CODED
};
static const unsigned place_of[2] = { 0, 2 };	/* among a case's keys */

struct link {			/* to the keys before ${epoch} */
	uint8_t id[RX_ID_BYTES];
	uint32_t epoch;
	struct wraps wraps;
};

struct job {			/* one case */
	uint8_t id[RX_ID_BYTES];
	const struct rx_known *known;	/* which was read; or NULL */
	bool coded;		/* that box is to be opened too */
	uint32_t version;	/* of its row */
	uint32_t epoch;		/* of the keys of its boxes */
	size_t at, n[BOXES];	/* these, sealed */
	uint32_t newest;	/* epoch of the keys under those of the unit */
	struct wraps wraps;
	const struct rx_key *under[2];
	uint32_t under_epoch[2];
	const struct link *link;	/* from there to the keys before, and so on */
};

struct slot {
	size_t n;
	struct job job[BATCH];
	struct rx_buf sealed;
	struct rx_opening child;
	struct rx_buf text;	/* of each all texts, each with NUL */
	struct rx_status why;
};

struct opened {			/* one case, and where its texts begin */
	uint8_t id[RX_ID_BYTES];
	size_t at;
};

struct naming {
	struct rx_session *s;
	struct rx_known_unit *u;
	const bool *wanted;
	bool search;
	bool linked;		/* the links were gathered */
	struct rx_buf links;	/* struct link; by case, newest first */
	struct rx_ring *ring;	/* NULL: one slot was enough so far */
	struct slot *slot;	/* RING of them */
	bool any;		/* row has come */
	uint8_t last[RX_ID_BYTES];	/* the case of the last one */
	bool taken;		/* it is a job */
	struct rx_buf ids;	/* of all cases of a unit that is not listed */
	struct rx_buf opened;	/* struct opened */
	struct rx_buf *text;
};

void
rx_names_free(struct rx_names *names)
{

	rx_buf_free(&names->text);
	free(names->at);
	names->at = NULL;
}

/* ---- what is stored ---- */

/* Take the wrapped keys for identity and, if ${coded}, those for coded data in these
 * columns. */
static bool
wraps_take(struct wraps *wraps, const struct rx_cursor *cur, int identity,
    bool coded, int coded_column)
{
	const uint8_t *box;
	size_t k, n;

	for (k = 0; k < (coded ? 2 : 1); k++) {
		box = rx_col_bytes(cur, k == 0 ? identity : coded_column, &n);
		if (n != RX_ENV_KEY_BYTES)
			return (false);
		memcpy(wraps->box[k], box, n);
	}
	return (true);
}

/* All links of the cases of the unit. */
static rx_err
links_gather(struct naming *w, struct rx_status *st)
{
	const struct rx_value arg = rx_text(w->u->unit);
	struct rx_cursor *cur;
	struct link link;
	const uint8_t *id;
	bool row = false;
	size_t n;
	rx_err rc;

	w->linked = true;
	if ((rc = rx_query_open(&cur, w->s->store, RX_Q_CASE_LINKS_OF_UNIT,
	    &arg, 1, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		id = rx_col_bytes(cur, 0, &n);
		if (n != RX_ID_BYTES || !wraps_take(&link.wraps, cur,
		    COL_LINK, true, COL_LINK + 2))
			continue;
		memcpy(link.id, id, RX_ID_BYTES);
		link.epoch = (uint32_t)rx_col_int(cur, 1);
		if ((rc = rx_buf_add(&w->links, &link, sizeof(link), st)) !=
		    RX_OK)
			break;
	}
	rx_query_close(cur);
	return (rc);
}

static int
link_cmp(const void *a, const void *b)
{
	const struct link *x = a, *y = b;
	const int c = memcmp(x->id, y->id, RX_ID_BYTES);

	return (c != 0 ? c : (x->epoch < y->epoch) - (x->epoch > y->epoch));
}

/* Find what leads from the newest keys of the case of ${j} to those of its row;
 * *whole is false when not all of it is there. */
static rx_err
links_find(struct naming *w, struct job *j, bool *whole, struct rx_status *st)
{
	const uint32_t n = j->newest - j->epoch;
	const struct link *all, *first;
	struct link key;
	rx_err rc;

	*whole = n < RX_CASE_EPOCHS;
	j->link = NULL;
	if (n == 0 || !*whole)
		return (RX_OK);
	if (!w->linked && (rc = links_gather(w, st)) != RX_OK)
		return (rc);
	memcpy(key.id, j->id, RX_ID_BYTES);
	key.epoch = j->newest;
	all = (const void *)w->links.b;
	first = w->links.len == 0 ? NULL : bsearch(&key, all,
	    w->links.len / sizeof(key), sizeof(key), link_cmp);
	/* One is of each epoch. */
	*whole = first != NULL &&
	    (size_t)(first - all) + n <= w->links.len / sizeof(key) &&
	    memcmp(first[n - 1].id, j->id, RX_ID_BYTES) == 0 &&
	    first[n - 1].epoch == j->epoch + 1;
	j->link = first;
	return (RX_OK);
}

/* Take the keys of the case of ${j} that lie under those of the unit: the ones of
 * its row, or some after them; *whole is false when these are not to be had. */
static rx_err
keys_take(struct naming *w, struct job *j, const struct rx_cursor *cur,
    bool *whole, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	j->newest = (uint32_t)rx_col_int(cur, COL_EPOCH);
	*whole = j->epoch != 0 && j->newest >= j->epoch &&
	    wraps_take(&j->wraps, cur, COL_KEY, j->coded, COL_KEY + 1);
	for (k = 0; k < (j->coded ? 2 : 1) && *whole; k++) {
		j->under_epoch[k] = rx_envelope_epoch(j->wraps.box[k],
		    RX_ENV_KEY_BYTES);
		*whole = j->under_epoch[k] != 0;
		if (*whole && (rc = rx_unit_key(w->s, w->u->unit, comp_of[k],
		    j->under_epoch[k], &j->under[k], NULL, st)) != RX_OK)
			return (rc);
	}
	return (*whole ? links_find(w, j, whole, st) : RX_OK);
}

/* Take the sealed boxes of the case of ${j}, to ${sealed}; its epoch is 0 when they
 * are not under keys of one. */
static rx_err
boxes_take(const struct naming *w, struct job *j, struct rx_buf *sealed,
    const struct rx_cursor *cur, struct rx_status *st)
{
	const uint8_t *box;
	size_t b;
	rx_err rc;

	j->at = sealed->len;
	for (b = NAME; b < BOXES; b++) {
		j->n[b] = 0;
		if ((b == NUMBER && !w->search) || (b == CODED && !j->coded))
			continue;
		box = rx_col_bytes(cur, (int)(COL_BOX + b), &j->n[b]);
		if (b == NAME)
			j->epoch = rx_envelope_epoch(box, j->n[b]);
		else if (rx_envelope_epoch(box, j->n[b]) != j->epoch)
			j->epoch = 0;
		if ((rc = rx_buf_add(sealed, box, j->n[b], st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Whether the name of case ${i} is to be opened: it is ${wanted}, and not in
 * memory. */
static bool
is_job(const struct rx_known_unit *u, const bool *wanted, size_t i)
{

	return ((wanted == NULL || wanted[i]) &&
	    !rx_known_named(u, &u->k[i]));
}

/* Make ${j} the case ${id}, of which the row under ${cur} is; false when it is not
 * to be opened. */
static bool
job_init(const struct naming *w, struct job *j, const uint8_t *id,
    const struct rx_cursor *cur)
{
	const struct rx_known *k = rx_known_find(w->u, id);

	memcpy(j->id, id, RX_ID_BYTES);
	j->version = (uint32_t)rx_col_int(cur, 1);
	j->known = k != NULL && k->read ? k : NULL;
	j->coded = w->search && j->known == NULL;
	if (k == NULL)
		return (!w->u->listed);
	return (is_job(w->u, w->wanted, (size_t)(k - w->u->k)) &&
	    (!k->read || j->version == k->state.version));
}

/* ---- opening: by any thread ---- */

/* Open the ${k}th key of the row of ${j}, for the caller to wipe. */
static rx_err
key_open(const struct naming *w, const struct job *j, size_t k,
    struct rx_key *key, struct rx_status *st)
{
	const struct link *link = j->link;
	struct rx_place place;
	struct rx_key after;
	uint32_t epoch;
	rx_err rc;

	rx_wrap_place(&place, w->s, w->u->unit, j->id, place_of[k],
	    j->newest);
	rc = rx_envelope_open(key->b, RX_KEY_BYTES, j->wraps.box[k],
	    RX_ENV_KEY_BYTES, j->under[k], RX_ENV_KEY, comp_of[k],
	    j->under_epoch[k], &place, st);
	for (epoch = j->newest; epoch > j->epoch && rc == RX_OK; epoch--) {
		after = *key;
		rx_link_place(&place, w->s, j->id, place_of[k], epoch);
		rc = rx_envelope_open(key->b, RX_KEY_BYTES,
		    link++->wraps.box[k], RX_ENV_KEY_BYTES, &after, RX_ENV_KEY,
		    comp_of[k], epoch, &place, st);
	}
	rx_wipe(&after, sizeof(after));
	return (rc);
}

/* Append the text of the box ${b} of ${j}, which ${key} of ${key_id} opens. */
static rx_err
text_open(const struct naming *w, const struct job *j, struct slot *slot,
    size_t b, const struct rx_key *key, const uint8_t key_id[RX_ID_BYTES],
    struct rx_status *st)
{
	const uint8_t *box = slot->sealed.b + j->at +
	    (b == NAME ? 0 : j->n[NAME]);
	struct rx_buf *out = &slot->text;
	const size_t from = out->len;
	struct rx_place place;
	rx_err rc;

	rx_place_init(&place, w->s, w->u->unit, j->id, j->id, RX_TABLE_CHILD,
	    (uint32_t)(COL_BOX + b), j->version);
	if ((rc = rx_field_open_id(out, box, j->n[b], key, key_id,
	    RX_COMP_IDENTITY, &place, st)) != RX_OK)
		return (rc);
	/* One more end, or half a character, would give its rest to the next. */
	if (memchr(out->b + from, 0, out->len - from) != NULL ||
	    !rx_utf8_valid((const char *)out->b + from, out->len - from))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_SEALED_CORRUPT));
	return (rx_buf_add(out, "", 1, st));
}

/* The coded data of the child of ${j}, into slot->child.r. */
static rx_err
coded_open(const struct naming *w, const struct job *j, struct slot *slot,
    struct rx_status *st)
{
	const size_t at = j->at + j->n[NAME] + j->n[NUMBER];
	struct rx_opening *child = &slot->child;
	uint8_t key_id[RX_ID_BYTES];
	struct rx_key key;
	rx_err rc;

	if (j->known != NULL)
		return (rx_known_child(w->u, j->known, &child->r, st));
	rx_record_reset(&child->r);
	memcpy(child->r.id, j->id, RX_ID_BYTES);
	memcpy(child->r.child, j->id, RX_ID_BYTES);
	memcpy(child->r.unit, w->u->unit, RX_UNIT_BYTES);
	child->r.version = j->version;
	child->table = RX_TABLE_CHILD;
	child->box.len = 0;	/* it is sealed: nothing to wipe */
	if ((rc = rx_buf_add(&child->box, slot->sealed.b + at,
	    j->n[CODED], st)) != RX_OK ||
	    (rc = key_open(w, j, 1, &key, st)) != RX_OK)
		return (rc);
	rx_key_id(key_id, &key);
	child->key = &key;
	child->key_id = key_id;
	rc = rx_opening_open(child, w->s, st);
	child->key = NULL;
	child->key_id = NULL;
	rx_wipe(&key, sizeof(key));
	return (rc);
}

/* Append the texts of the case of ${j}. */
static rx_err
job_open(const struct naming *w, const struct job *j, struct slot *slot,
    struct rx_status *st)
{
	struct rx_buf *out = &slot->text;
	uint8_t key_id[RX_ID_BYTES];
	struct rx_key key;
	const char *caller;
	size_t from;
	rx_err rc;

	if ((rc = key_open(w, j, 0, &key, st)) != RX_OK)
		return (rc);
	rx_key_id(key_id, &key);
	if ((rc = text_open(w, j, slot, NAME, &key, key_id, st)) != RX_OK ||
	    !w->search)
		goto done;
	from = out->len;
	if ((rc = coded_open(w, j, slot, st)) != RX_OK)
		goto done;
	caller = rx_record_text(&slot->child.r, RX_F_CALLER_ID);
	if ((rc = rx_buf_add(out, caller, strlen(caller) + 1, st)) != RX_OK ||
	    (rc = text_open(w, j, slot, NUMBER, &key, key_id, st)) != RX_OK)
		goto done;
	rx_text_fold((char *)out->b + from);
	rx_text_fold((char *)out->b + from + strlen(caller) + 1);
done:
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
		rc = job_open(w, &slot->job[k], slot, &slot->why);
	return (rc);
}

/* ---- all of it ---- */

/* Note where the texts of the slot ${i} lie, which ended with ${rc}. */
static rx_err
slot_take(struct naming *w, size_t i, rx_err rc, struct rx_status *st)
{
	const size_t texts = w->search ? RX_NAMES_TEXTS : 1;
	struct slot *slot = &w->slot[i];
	struct opened o = { .at = w->text->len };
	size_t k, b;

	if (rc != RX_OK) {
		*st = slot->why;
		return (rc);
	}
	rc = rx_buf_add(w->text, slot->text.b, slot->text.len, st);
	for (k = 0; k < slot->n && rc == RX_OK; k++) {
		memcpy(o.id, slot->job[k].id, RX_ID_BYTES);
		rc = rx_buf_add(&w->opened, &o, sizeof(o), st);
		for (b = 0; b < texts && rc == RX_OK; b++)
			o.at += strlen((const char *)w->text->b + o.at) + 1;
	}
	slot->n = 0;
	slot->sealed.len = 0;	/* nothing to wipe */
	return (rc);
}

/* Take the oldest slot; *more is false when there is none. */
static rx_err
oldest_take(struct naming *w, bool *more, struct rx_status *st)
{
	size_t i;
	rx_err how;

	*more = rx_ring_take(w->ring, &i, &how);
	return (*more ? slot_take(w, i, how, st) : RX_OK);
}

/* The slot that is filled. */
static struct slot *
slot_next(const struct naming *w)
{

	return (&w->slot[w->ring == NULL ? 0 : rx_ring_next(w->ring)]);
}

/* It is full. */
static rx_err
slot_put(struct naming *w, struct rx_status *st)
{
	bool more;
	rx_err rc;

	if (w->ring == NULL && (rc = rx_ring_new(&w->ring, RING, 1, slot_open,
	    w, st)) != RX_OK)
		return (rc);
	rx_ring_put(w->ring);
	return (rx_ring_full(w->ring) ? oldest_take(w, &more, st) : RX_OK);
}

/* The row under ${cur}, of a child and one epoch of its keys. */
static rx_err
row_gather(struct naming *w, const struct rx_cursor *cur,
    struct rx_status *st)
{
	struct slot *slot = slot_next(w);
	struct job *j = &slot->job[slot->n];
	const uint8_t *id;
	bool whole;
	size_t n;
	rx_err rc;

	id = rx_col_bytes(cur, 0, &n);
	if (n != RX_ID_BYTES)
		return (RX_OK);
	if (!w->any || memcmp(w->last, id, n) != 0) {
		memcpy(w->last, id, n);
		w->any = true;
		w->taken = false;
		if (!w->u->listed && (rc = rx_buf_add(&w->ids, id, n, st)) !=
		    RX_OK)
			return (rc);
	}
	/* One of several keys is enough. */
	if (w->taken || !job_init(w, j, id, cur))
		return (RX_OK);
	if ((rc = boxes_take(w, j, &slot->sealed, cur, st)) != RX_OK ||
	    (rc = keys_take(w, j, cur, &whole, st)) != RX_OK)
		return (rc);
	if (!whole) {
		slot->sealed.len = j->at;
		return (RX_OK);
	}
	w->taken = true;
	return (++slot->n < BATCH ? RX_OK : slot_put(w, st));
}

/* Whether there may be a case whose coded box is to be opened. */
static bool
any_unread(const struct naming *w)
{
	size_t i;

	for (i = 0; i < w->u->n; i++)
		if (!w->u->k[i].read && is_job(w->u, w->wanted, i))
			return (true);
	return (!w->u->listed);
}

/* Gather and open all. */
static rx_err
open_all(struct naming *w, struct rx_status *st)
{
	const struct rx_value args[2] = { rx_text(w->u->unit),
	    rx_int(w->search && any_unread(w)) };
	struct rx_cursor *cur;
	bool row = false, more = true;
	rx_err rc;

	if ((rc = rx_query_open(&cur, w->s->store, RX_Q_CHILD_NAMES_OF_UNIT,
	    args, 2, st)) != RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row)
		if ((rc = row_gather(w, cur, st)) != RX_OK)
			break;
	rx_query_close(cur);
	if (rc != RX_OK)
		return (rc);
	if (w->ring == NULL)
		return (slot_take(w, 0, slot_open(w, 0), st));
	if (slot_next(w)->n > 0)
		rx_ring_put(w->ring);
	while (rc == RX_OK && more)
		rc = oldest_take(w, &more, st);
	return (rc);
}

/* Say by their place in the unit, which is listed, where the texts lie. */
static rx_err
places_note(const struct naming *w, struct rx_names *out,
    struct rx_status *st)
{
	const struct opened *o = (const void *)w->opened.b;
	const struct rx_known *k;
	size_t i;

	if ((out->at = calloc(w->u->n + 1, sizeof(*out->at))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	for (i = 0; i < w->opened.len / sizeof(*o); i++)
		if ((k = rx_known_find(w->u, o[i].id)) != NULL)
			out->at[k - w->u->k] = o[i].at + 1;
	return (RX_OK);
}

static int
id_cmp(const void *a, const void *b)
{

	return (memcmp(a, b, RX_ID_BYTES));
}

/* List the unit, unless it is. */
static rx_err
unit_list(struct naming *w, struct rx_status *st)
{

	if (w->u->listed)
		return (RX_OK);
	if (w->ids.len > 0)
		qsort(w->ids.b, w->ids.len / RX_ID_BYTES, RX_ID_BYTES, id_cmp);
	return (rx_known_list(w->u, &w->ids, st));
}

static void
naming_free(struct naming *w)
{
	size_t i;

	rx_ring_free(w->ring);
	for (i = 0; w->slot != NULL && i < RING; i++) {
		rx_buf_free(&w->slot[i].sealed);
		rx_buf_free(&w->slot[i].text);
		rx_opening_free(&w->slot[i].child);
	}
	free(w->slot);
	rx_buf_free(&w->links);
	rx_buf_free(&w->ids);
	rx_buf_free(&w->opened);
}

rx_err
rx_names_open(struct rx_names *out, struct rx_session *s,
    struct rx_known_unit *u, const bool *wanted, bool search,
    struct rx_status *st)
{
	struct naming w = { .s = s, .u = u, .wanted = wanted,
	    .search = search, .text = &out->text };
	size_t i, n = 0;
	rx_err rc;

	for (i = 0; i < u->n; i++)
		n += is_job(u, wanted, i);
	if (u->listed && (n == 0 || n < u->n / SPARSE))
		return (RX_OK);
	if ((w.slot = calloc(RING, sizeof(*w.slot))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = open_all(&w, st)) == RX_OK &&
	    (rc = unit_list(&w, st)) == RX_OK)
		rc = places_note(&w, out, st);
	naming_free(&w);
	return (rc);
}
