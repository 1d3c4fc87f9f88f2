#include <stdlib.h>
#include <string.h>

#include "stats/joint.h"
#include "stats/model.h"

#define EARLIER_MAX 200
#define ROUNDS 40		/* of mending */
#define AT_ONCE 8		/* questions mended in a round */
#define ROWS_MAX 4000		/* of the system */
#define ASKS_MAX 4000
#define WORK_MAX 300000	/* rows times questions */
#define PIVOTS_MAX UINT64_C(120000000)	/* of an audit: half a minute or so */
#define PIECES_MAX 240
#define NEW 0			/* the seat of the new table */

struct earlier {
	const json_t *entry;
	struct rx_view v;
	struct rx_tab *tab;	/* counted again; NULL when it cannot be */
	struct rx_tab *since;	/* of its things those recorded since */
	int64_t at;		/* of the release */
	int64_t *now, *fresh;	/* per cell: things now; children since */
	int64_t *kids;		/* per cell: children now */
	bool *past;		/* per cell: see find_past */
};

/*
 * What nobody released but subtraction may give: the days that one table has
 * more than another, a county without the townships that have tables of their
 * own.  Such a piece is counted as a table with the dimensions of one that
 * holds it; what is small in it is protected like a cell that is suppressed.
 */
struct piece {
	struct rx_view v;
	struct rx_tab *tab;
	size_t of;		/* the seat of the table whose piece it is */
	char (*except)[RX_UNIT_BYTES];
};

struct rx_joint {
	struct rx_table_request req;
	const json_t *entries;
	struct earlier *e;
	size_t n;
	struct piece *p;
	size_t np;
	struct rx_set units;	/* where anything is recorded */
};

/* A question of the audit, and whose cell it is about. */
struct ask {
	size_t no;		/* among all that could be asked */
	size_t seat, cell, sum;
	bool change;		/* how much a figure has changed */
};

/* ---- reading what was published ---- */

static const char *
member_text(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return (s != NULL ? s : "");
}

static rx_err
corrupt(struct rx_status *st)
{

	return (rx_fail(st, RX_ECORRUPT, RX_MSG_RELEASE_CORRUPT));
}

static rx_err
read_request(struct rx_table_request *req, const json_t *doc,
    struct rx_status *st)
{
	const json_t *dims = json_object_get(doc, "dims");
	struct rx_status why;
	const char *key;
	unsigned d, c;
	size_t k;

	rx_status_clear(&why);
	memset(req, 0, sizeof(*req));
	for (c = 0; c <= RX_COUNT_INTERVENTIONS; c++) {
		if (strcmp(member_text(doc, "count"),
		    rx_count_key((enum rx_count)c)) == 0)
			break;
	}
	if (c > RX_COUNT_INTERVENTIONS || json_array_size(dims) > RX_DIMS_MAX ||
	    rx_unit_parse(req->unit, member_text(doc, "unit"), &why) != RX_OK ||
	    !rx_date_parse(member_text(doc, "from"), &req->from) ||
	    !rx_date_parse(member_text(doc, "to"), &req->to))
		return (corrupt(st));
	req->count = (enum rx_count)c;
	req->threshold = (unsigned)json_integer_value(json_object_get(doc,
	    "threshold"));
	if (req->threshold < RX_THRESHOLD_MIN)
		return (corrupt(st));
	for (k = 0; k < json_array_size(dims); k++) {
		key = json_string_value(json_array_get(dims, k));
		for (d = 0; d < RX_DIM_NUMBER; d++) {
			if (key != NULL &&
			    strcmp(rx_dim_infos[d].key, key) == 0)
				break;
		}
		if (d == RX_DIM_NUMBER)
			return (corrupt(st));
		req->dims[req->ndims++] = (enum rx_dim)d;
	}
	return (RX_OK);
}

static rx_err
read_values(struct rx_view *v, size_t d, const json_t *doc,
    struct rx_status *st)
{
	json_t *of = json_object_get(json_object_get(doc, "labels"),
	    rx_dim_infos[v->req.dims[d]].key);
	const char *key;
	json_t *label;
	rx_err rc;

	rc = rx_stats_alloc(&v->value[d], json_object_size(of),
	    sizeof(int64_t), st);
	if (rc != RX_OK)
		return (rc);
	json_object_foreach(of, key, label) {
		if (!rx_tab_value(v->req.dims[d], key,
		    &v->value[d][v->nvalue[d]++]))
			return (corrupt(st));
	}
	return (RX_OK);
}

/* The same cell may be written with or without the values above its own: here
 * they are always given. */
static void
settle_key(const struct rx_view *v, int64_t key[RX_DIMS_MAX])
{
	const enum rx_dim *dims = v->req.dims;
	size_t d, k;

	for (d = 0; d < v->req.ndims; d++) {
		if (key[d] == RX_STAR ||
		    rx_dim_infos[dims[d]].family == RX_FAMILY_NONE)
			continue;
		for (k = 0; k < v->req.ndims; k++) {
			/* of one family the coarser ones come first */
			if (rx_dim_infos[dims[k]].family ==
			    rx_dim_infos[dims[d]].family && dims[k] < dims[d])
				key[k] = rx_value_above(dims[k], dims[d],
				    key[d]);
		}
	}
}

static rx_err
read_cells(struct rx_view *v, const json_t *doc, struct rx_status *st)
{
	const json_t *cells = json_object_get(doc, "cells"), *cell, *value;
	const char *text;
	int64_t *key;
	size_t i, d;
	rx_err rc;

	v->ncells = json_array_size(cells);
	if ((rc = rx_stats_alloc(&v->key, v->ncells * RX_DIMS_MAX,
	    sizeof(*v->key), st)) != RX_OK ||
	    (rc = rx_stats_alloc(&v->shown, v->ncells, sizeof(*v->shown),
	    st)) != RX_OK)
		return (rc);
	for (i = 0; i < v->ncells; i++) {
		cell = json_array_get(cells, i);
		key = &v->key[i * RX_DIMS_MAX];
		for (d = 0; d < v->req.ndims; d++) {
			text = json_string_value(json_array_get(
			    json_object_get(cell, "key"), d));
			if (text == NULL)
				return (corrupt(st));
			if (strcmp(text, "*") == 0)
				key[d] = RX_STAR;
			else if (!rx_tab_value(v->req.dims[d], text, &key[d]))
				return (corrupt(st));
		}
		settle_key(v, key);
		value = json_object_get(cell, "value");
		v->shown[i] = json_is_integer(value) ?
		    json_integer_value(value) : -1;
	}
	return (RX_OK);
}

static rx_err
read_view(struct rx_view *v, const json_t *doc, struct rx_status *st)
{
	size_t d;
	rx_err rc;

	if ((rc = read_request(&v->req, doc, st)) != RX_OK)
		return (rc);
	for (d = 0; d < v->req.ndims; d++) {
		if ((rc = read_values(v, d, doc, st)) != RX_OK)
			return (rc);
	}
	return (read_cells(v, doc, st));
}

static void
view_free(struct rx_view *v)
{
	size_t d;

	for (d = 0; d < RX_DIMS_MAX; d++)
		free(v->value[d]);
	free(v->key);
	free(v->shown);
}

/* The table ${t} as a reader would see it. */
static rx_err
view_of(struct rx_view *v, const struct rx_tab *t, struct rx_status *st)
{
	const struct rx_cube *c = t->cube;
	size_t i, d;
	rx_err rc;

	v->req = t->req;
	v->ncells = c->ncells;
	for (d = 0; d < t->req.ndims; d++) {
		v->nvalue[d] = t->values[d].n;
		rc = rx_stats_alloc(&v->value[d], v->nvalue[d],
		    sizeof(int64_t), st);
		if (rc != RX_OK)
			return (rc);
		if (v->nvalue[d] > 0)
			memcpy(v->value[d], t->values[d].v, v->nvalue[d] *
			    sizeof(int64_t));
	}
	if ((rc = rx_stats_alloc(&v->key, c->ncells * RX_DIMS_MAX,
	    sizeof(*v->key), st)) != RX_OK ||
	    (rc = rx_stats_alloc(&v->shown, c->ncells, sizeof(*v->shown),
	    st)) != RX_OK)
		return (rc);
	for (i = 0; i < c->ncells; i++) {
		for (d = 0; d < t->req.ndims; d++) {
			if (!rx_tab_key(t, i, d, &v->key[i * RX_DIMS_MAX + d]))
				v->key[i * RX_DIMS_MAX + d] = RX_STAR;
		}
		settle_key(v, &v->key[i * RX_DIMS_MAX]);
		v->shown[i] = c->suppressed[i] ? -1 : c->value[i];
	}
	return (RX_OK);
}

/* ---- which ones ---- */

static bool
bears_on(const struct rx_table_request *a, const struct rx_table_request *b)
{

	if (a->count != b->count)
		return (false);
	/* Children are those on the register, whatever the dates. */
	if (a->count != RX_COUNT_CHILDREN &&
	    (a->from > b->to || b->from > a->to))
		return (false);
	return (rx_unit_covers(a->unit, b->unit) ||
	    rx_unit_covers(b->unit, a->unit));
}

/* The earlier tables of ${all} that hang together with ${req}. */
static rx_err
choose(struct rx_joint *j, struct rx_table_request *all, bool *taken,
    struct rx_status *st)
{
	size_t n = json_array_size(j->entries), i, k;
	bool more = true, near;
	rx_err rc;

	while (more) {
		for (more = false, i = 0; i < n; i++) {
			if (taken[i] || all[i].threshold == 0)
				continue;
			near = bears_on(&all[i], &j->req);
			for (k = 0; k < n && !near; k++)
				near = taken[k] && bears_on(&all[i], &all[k]);
			taken[i] = near;
			more = more || near;
			j->n += near;
		}
	}
	if ((rc = rx_stats_alloc(&j->e, j->n, sizeof(*j->e), st)) != RX_OK)
		return (rc);
	for (k = 0, i = 0; i < n && rc == RX_OK; i++) {
		if (!taken[i])
			continue;
		j->e[k].entry = json_array_get(j->entries, i);
		if (!rx_release_intact(j->e[k].entry))
			return (corrupt(st));
		j->e[k].at = json_integer_value(json_object_get(j->e[k].entry,
		    "at"));
		rc = read_view(&j->e[k].v, json_object_get(j->e[k].entry,
		    "published"), st);
		k++;
	}
	return (rc);
}

/* ---- what subtraction gives ---- */

/* The failure ${msg}, naming the release that ${seat} is; the newest for the
 * new table. */
static rx_err
refuse(const struct rx_joint *j, enum rx_msg msg, size_t seat,
    struct rx_status *st)
{
	size_t k = seat == NEW ? j->n - 1 : seat - 1;
	rx_err rc;

	rx_status_clear(st);
	rc = rx_fail(st, RX_ECONFLICT, msg);
	rx_status_arg(st, "id", "%s", member_text(j->e[k].entry, "id"));
	return (rc);
}

static const struct rx_table_request *
request_at(const struct rx_joint *j, size_t seat)
{

	return (seat == NEW ? &j->req : &j->e[seat - 1].v.req);
}

/* Whether a table of the same dimensions was a piece before. */
static bool
same_dims(const struct rx_table_request *a, const struct rx_table_request *b)
{

	return (a->threshold == b->threshold && a->ndims == b->ndims &&
	    memcmp(a->dims, b->dims, a->ndims * sizeof(*a->dims)) == 0);
}

/* Put the units of tables strictly under ${unit} in ${out}, the topmost ones. */
static size_t
units_under(const struct rx_joint *j, const char unit[RX_UNIT_BYTES],
    char (*out)[RX_UNIT_BYTES])
{
	const char *u;
	size_t n = 0, s, k;

	for (s = 0; s <= j->n; s++) {
		u = request_at(j, s)->unit;
		if (memcmp(u, unit, RX_UNIT_BYTES) == 0 ||
		    !rx_unit_covers(unit, u))
			continue;
		for (k = 0; k < n && !rx_unit_covers(out[k], u); k++)
			continue;
		if (k < n)
			continue;
		for (k = 0; k < n;) {
			if (rx_unit_covers(u, out[k]))
				memcpy(out[k], out[--n], RX_UNIT_BYTES);
			else
				k++;
		}
		memcpy(out[n++], u, RX_UNIT_BYTES);
	}
	return (n);
}

/* The piece of table ${seat} with these units and days, unless it is there or
 * is a table itself. */
static rx_err
add_piece(struct rx_joint *j, size_t seat, const char unit[RX_UNIT_BYTES],
    char (*except)[RX_UNIT_BYTES], size_t nexcept, int32_t from, int32_t to,
    struct rx_status *st)
{
	const struct rx_table_request *of = request_at(j, seat), *r;
	struct piece *p;
	size_t k;
	rx_err rc;

	for (k = 0; k <= j->n && nexcept == 0; k++) {
		r = request_at(j, k);
		if (same_dims(r, of) && memcmp(r->unit, unit, RX_UNIT_BYTES) ==
		    0 && ((r->from == from && r->to == to) ||
		    r->count == RX_COUNT_CHILDREN))
			return (RX_OK);
	}
	for (k = 0; k < j->np; k++) {
		p = &j->p[k];
		if (same_dims(&p->v.req, of) && p->v.req.from == from &&
		    p->v.req.to == to && p->v.nexcept == nexcept &&
		    memcmp(p->v.req.unit, unit, RX_UNIT_BYTES) == 0 &&
		    (nexcept == 0 || memcmp(p->except, except, nexcept *
		    sizeof(*except)) == 0))
			return (RX_OK);
	}
	if (j->np == PIECES_MAX)
		return (refuse(j, RX_MSG_TABLE_JOINT_TOO_LARGE, seat, st));
	p = &j->p[j->np];
	if ((rc = rx_stats_alloc(&p->except, nexcept, sizeof(*except), st)) !=
	    RX_OK)
		return (rc);
	if (nexcept > 0)
		memcpy(p->except, except, nexcept * sizeof(*except));
	p->v.req = *of;
	memcpy(p->v.req.unit, unit, RX_UNIT_BYTES);
	p->v.req.from = from;
	p->v.req.to = to;
	p->v.except = (const char (*)[RX_UNIT_BYTES])p->except;
	p->v.nexcept = nexcept;
	p->of = seat;
	j->np++;
	return (RX_OK);
}

/* The pieces of ${seat} of these days: each unit in it that has tables, with
 * and without the units under it that have. */
static rx_err
unit_pieces(struct rx_joint *j, size_t seat, int32_t from, int32_t to,
    char (*under)[RX_UNIT_BYTES], struct rx_status *st)
{
	const struct rx_table_request *of = request_at(j, seat);
	size_t s, n, k;
	rx_err rc = RX_OK;

	for (s = 0; s <= j->n && rc == RX_OK; s++) {
		if (!rx_unit_covers(of->unit, request_at(j, s)->unit))
			continue;
		n = units_under(j, request_at(j, s)->unit, under);
		rc = add_piece(j, seat, request_at(j, s)->unit, under, 0, from,
		    to, st);
		if (rc == RX_OK && n > 0)
			rc = add_piece(j, seat, request_at(j, s)->unit, under,
			    n, from, to, st);
		for (k = 0; k < n && n > 1 && rc == RX_OK; k++)
			rc = add_piece(j, seat, request_at(j, s)->unit,
			    &under[k], 1, from, to, st);
	}
	return (rc);
}

/* Both days are cut somewhere: where a table begins, or the day after its end. */
static bool
next_cut(const struct rx_joint *j, int32_t after, int32_t *cut)
{
	const struct rx_table_request *r;
	int32_t ends[2];
	bool found = false;
	size_t s;
	unsigned i;

	for (s = 0; s <= j->n; s++) {
		r = request_at(j, s);
		ends[0] = r->from;
		ends[1] = r->to + 1;
		for (i = 0; i < 2; i++) {
			if (ends[i] > after && (!found || ends[i] < *cut)) {
				*cut = ends[i];
				found = true;
			}
		}
	}
	return (found);
}

/* The pieces of ${seat}: the days between two cuts next to each other, and what
 * it has more than, or in common with, one other table. */
static rx_err
day_pieces(struct rx_joint *j, size_t seat, char (*under)[RX_UNIT_BYTES],
    struct rx_status *st)
{
	const struct rx_table_request *of = request_at(j, seat), *r;
	int32_t at, cut = 0, lo, hi;
	size_t s;
	rx_err rc;

	if ((rc = unit_pieces(j, seat, of->from, of->to, under, st)) != RX_OK ||
	    of->count == RX_COUNT_CHILDREN)
		return (rc);
	for (at = of->from; at <= of->to && rc == RX_OK &&
	    next_cut(j, at, &cut); at = cut)
		rc = unit_pieces(j, seat, at, cut - 1, under, st);
	for (s = 0; s <= j->n && rc == RX_OK; s++) {
		r = request_at(j, s);
		if (r->from > of->to || r->to < of->from)
			continue;
		lo = r->from > of->from ? r->from : of->from;
		hi = r->to < of->to ? r->to : of->to;
		rc = unit_pieces(j, seat, lo, hi, under, st);
		if (rc == RX_OK && of->from < lo)
			rc = unit_pieces(j, seat, of->from, lo - 1, under, st);
		if (rc == RX_OK && hi < of->to)
			rc = unit_pieces(j, seat, hi + 1, of->to, under, st);
	}
	return (rc);
}

static rx_err
make_pieces(struct rx_joint *j, struct rx_status *st)
{
	char (*under)[RX_UNIT_BYTES];
	size_t s;
	rx_err rc;

	if (j->n == 0)
		return (RX_OK);
	if ((rc = rx_stats_alloc(&j->p, PIECES_MAX, sizeof(*j->p), st)) !=
	    RX_OK)
		return (rc);
	if ((rc = rx_stats_alloc(&under, j->n + 1, sizeof(*under), st)) !=
	    RX_OK)
		return (rc);
	for (s = 0; s <= j->n && rc == RX_OK; s++)
		rc = day_pieces(j, s, under, st);
	free(under);
	return (rc);
}

rx_err
rx_joint_new(struct rx_joint **out, const struct rx_table_request *req,
    const json_t *entries, struct rx_status *st)
{
	size_t n = json_array_size(entries), i;
	struct rx_table_request *all = NULL;
	struct rx_joint *j = NULL;
	bool *taken = NULL;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_stats_alloc(&j, 1, sizeof(*j), st)) != RX_OK ||
	    (rc = rx_stats_alloc(&all, n, sizeof(*all), st)) != RX_OK ||
	    (rc = rx_stats_alloc(&taken, n, sizeof(*taken), st)) != RX_OK)
		goto err0;
	j->req = *req;
	j->entries = entries;
	j->units.size = RX_UNIT_BYTES;
	for (i = 0; i < n; i++) {
		if ((rc = read_request(&all[i], json_object_get(json_array_get(
		    entries, i), "published"), st)) != RX_OK)
			goto err0;
	}
	if ((rc = choose(j, all, taken, st)) != RX_OK ||
	    (rc = make_pieces(j, st)) != RX_OK)
		goto err0;
	free(all);
	free(taken);

	/* Success! */
	*out = j;
	return (RX_OK);

err0:
	/* Failure! */
	free(all);
	free(taken);
	rx_joint_free(j);
	return (rc);
}

void
rx_joint_free(struct rx_joint *j)
{
	size_t k;

	if (j == NULL)
		return;
	for (k = 0; j->e != NULL && k < j->n; k++) {
		view_free(&j->e[k].v);
		rx_tab_free(j->e[k].tab);
		rx_tab_free(j->e[k].since);
		free(j->e[k].now);
		free(j->e[k].kids);
		free(j->e[k].fresh);
		free(j->e[k].past);
	}
	for (k = 0; k < j->np; k++) {
		view_free(&j->p[k].v);
		rx_tab_free(j->p[k].tab);
		free(j->p[k].except);
	}
	rx_set_free(&j->units);
	free(j->p);
	free(j->e);
	free(j);
}

size_t
rx_joint_size(const struct rx_joint *j)
{

	return (j->n);
}

const char *
rx_joint_id(const struct rx_joint *j, size_t k)
{

	return (member_text(j->e[k].entry, "id"));
}

bool
rx_joint_overlap(const struct rx_joint *j, size_t k, size_t i)
{

	return (bears_on(&j->e[k].v.req, &j->e[i].v.req));
}

rx_err
rx_joint_request(struct rx_table_request *req, const json_t *entry,
    struct rx_status *st)
{

	return (read_request(req, json_object_get(entry, "published"), st));
}

void
rx_joint_unit(const struct rx_joint *j, char unit[RX_UNIT_BYTES])
{
	size_t k;

	memcpy(unit, j->req.unit, RX_UNIT_BYTES);
	for (k = 0; k < j->n; k++) {
		if (rx_unit_covers(j->e[k].v.req.unit, unit))
			memcpy(unit, j->e[k].v.req.unit, RX_UNIT_BYTES);
	}
}

/* ---- counting again ---- */

rx_err
rx_joint_begin(struct rx_joint *j, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	struct earlier *e;
	size_t k;
	rx_err rc;

	for (k = 0; k < j->n; k++) {
		e = &j->e[k];
		if (!rx_unit_covers(unit, e->v.req.unit))
			continue;
		if ((rc = rx_tab_new(&e->tab, &e->v.req, st)) != RX_OK ||
		    (rc = rx_tab_new(&e->since, &e->v.req, st)) != RX_OK)
			return (rc);
	}
	for (k = 0; k < j->np; k++) {
		if (rx_unit_covers(unit, j->p[k].v.req.unit) &&
		    (rc = rx_tab_new(&j->p[k].tab, &j->p[k].v.req, st)) !=
		    RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static bool
in_piece(const struct piece *p, const char unit[RX_UNIT_BYTES])
{
	size_t k;

	if (p->tab == NULL || !rx_unit_covers(p->v.req.unit, unit))
		return (false);
	for (k = 0; k < p->v.nexcept; k++) {
		if (rx_unit_covers(p->except[k], unit))
			return (false);
	}
	return (true);
}

rx_err
rx_joint_add(struct rx_joint *j, const struct rx_record *r,
    struct rx_status *st)
{
	struct earlier *e;
	size_t k;
	rx_err rc;

	rc = rx_set_add(&j->units, r->unit, NULL, NULL, st);
	for (k = 0; k < j->n && rc == RX_OK; k++) {
		e = &j->e[k];
		if (e->tab == NULL ||
		    !rx_unit_covers(e->v.req.unit, r->unit))
			continue;
		rc = rx_tab_add(e->tab, r, st);
		if (rc == RX_OK && e->v.req.count != RX_COUNT_CHILDREN &&
		    (r->type == RX_CHILD || r->at > e->at))
			rc = rx_tab_add(e->since, r, st);
	}
	for (k = 0; k < j->np && rc == RX_OK; k++) {
		if (in_piece(&j->p[k], r->unit))
			rc = rx_tab_add(j->p[k].tab, r, st);
	}
	return (rc);
}

/* Look ${key} of every cell of ${v} up in what ${t} counted. */
static rx_err
look_up(const struct rx_view *v, struct rx_tab *t, int64_t **things,
    int64_t **kids, struct rx_status *st)
{
	struct rx_set set = { .size = RX_DIMS_MAX * sizeof(int64_t) };
	struct rx_view w = { .ncells = 0 };
	size_t i, at;
	rx_err rc;

	if ((rc = rx_tab_count(t, st)) != RX_OK)
		return (rc);
	if ((rc = view_of(&w, t, st)) != RX_OK ||
	    (things != NULL && (rc = rx_stats_alloc(things, v->ncells,
	    sizeof(int64_t), st)) != RX_OK) ||
	    (rc = rx_stats_alloc(kids, v->ncells, sizeof(int64_t), st)) !=
	    RX_OK)
		goto done;
	for (i = 0; i < w.ncells && rc == RX_OK; i++)
		rc = rx_set_add(&set, &w.key[i * RX_DIMS_MAX], NULL, NULL, st);
	for (i = 0; i < v->ncells && rc == RX_OK; i++) {
		if (!rx_set_find(&set, &v->key[i * RX_DIMS_MAX], &at))
			continue;
		if (things != NULL)
			(*things)[i] = t->cube->value[at];
		(*kids)[i] = t->cube->children[at];
	}
done:
	rx_set_free(&set);
	view_free(&w);
	return (rc);
}

static rx_err
recount(struct rx_joint *j, struct rx_status *st)
{
	struct earlier *e;
	size_t k;
	rx_err rc = RX_OK;

	for (k = 0; k < j->n && rc == RX_OK; k++) {
		e = &j->e[k];
		if (e->tab == NULL || e->now != NULL)
			continue;
		if ((rc = look_up(&e->v, e->tab, &e->now, &e->kids, st)) ==
		    RX_OK && e->v.req.count != RX_COUNT_CHILDREN)
			rc = look_up(&e->v, e->since, NULL, &e->fresh, st);
	}
	for (k = 0; k < j->np && rc == RX_OK; k++) {
		if (j->p[k].tab == NULL || j->p[k].v.key != NULL)
			continue;
		if ((rc = rx_tab_count(j->p[k].tab, st)) == RX_OK)
			rc = view_of(&j->p[k].v, j->p[k].tab, st);
	}
	return (rc);
}

/* ---- the same question ---- */

static bool
same_question(const struct rx_table_request *a,
    const struct rx_table_request *b)
{

	return (a->count == b->count && a->from == b->from && a->to == b->to &&
	    a->threshold == b->threshold && a->ndims == b->ndims &&
	    memcmp(a->unit, b->unit, RX_UNIT_BYTES) == 0 &&
	    memcmp(a->dims, b->dims, a->ndims * sizeof(*a->dims)) == 0);
}

json_t *
rx_joint_answer(const struct rx_joint *j, const struct rx_tab *t)
{
	char digest[RX_DIGEST_TEXT];
	const struct earlier *e;
	size_t k = j->n;

	rx_tab_digest(digest, t);
	while (k-- > 0) {
		e = &j->e[k];
		if (same_question(&e->v.req, &t->req) &&
		    strcmp(member_text(json_object_get(e->entry, "kept"),
		    "data"), digest) == 0)
			return (json_object_get(e->entry, "published"));
	}
	return (NULL);
}

/* ---- what an entry keeps ---- */

static const int64_t *
key_at(const struct rx_view *v, size_t i)
{

	return (&v->key[i * RX_DIMS_MAX]);
}

/* The cells of ${v}, what a document shows, by those of ${w}, what was counted:
 * the first of several that are the same one. */
struct places {
	const struct rx_view *v, *w;
	struct rx_set set;
	size_t *first;		/* by the order in the set */
};

static rx_err
places_fill(struct places *p, struct rx_status *st)
{
	size_t i, at;
	bool added;
	rx_err rc;

	p->set.size = RX_DIMS_MAX * sizeof(int64_t);
	rc = rx_stats_alloc(&p->first, p->v->ncells, sizeof(*p->first), st);
	for (i = 0; i < p->v->ncells && rc == RX_OK; i++) {
		rc = rx_set_add(&p->set, key_at(p->v, i), &at, &added, st);
		if (rc == RX_OK && added)
			p->first[at] = i;
	}
	return (rc);
}

static void
places_free(struct places *p)
{

	rx_set_free(&p->set);
	free(p->first);
}

static size_t
place_of(void *cookie, size_t at)
{
	struct places *p = cookie;
	size_t i;

	return (rx_set_find(&p->set, key_at(p->w, at), &i) ? p->first[i] :
	    SIZE_MAX);
}

/* Whether cell ${i} is too small to be shown, by itself. */
static bool
is_small(const struct rx_cube *c, size_t i)
{

	return (c->value[i] > 0 && (c->value[i] < c->threshold ||
	    c->children[i] < c->threshold));
}

/* The margin of cell ${i} over the axis ${a} when the cell holds all of it and
 * that discloses; SIZE_MAX otherwise. */
static size_t
whole_of(const struct rx_cube *c, size_t i, unsigned a)
{
	const struct rx_axis *x = &c->axis[a];
	unsigned p = rx_cube_pos(c, i, a);
	size_t margin;

	if (!x->sensitive || x->nleaf < 2 || p >= x->nleaf ||
	    (int)p == x->silent || c->value[i] == 0)
		return (SIZE_MAX);
	margin = i + (x->nleaf - p) * c->stride[a];
	return (c->value[margin] == c->value[i] ? margin : SIZE_MAX);
}

/* The same of cell ${i} of the document, as a cell of the document. */
static size_t
whole_shown(const struct rx_tab *t, size_t i, unsigned a)
{
	size_t cell = rx_tab_cell(t, i), stride = 1;
	unsigned k;

	if (whole_of(t->cube, cell, a) == SIZE_MAX)
		return (SIZE_MAX);
	for (k = t->cube->naxes; k-- > a + 1;)
		stride *= t->shown[k];
	return (i + stride * (t->cube->axis[a].nleaf -
	    rx_cube_pos(t->cube, cell, a)));
}

static rx_err
keep_cell(json_t *primary, json_t *whole, const struct rx_tab *t, size_t i,
    struct rx_status *st)
{
	size_t margin;
	unsigned a;
	int bad = 0;

	if (is_small(t->cube, rx_tab_cell(t, i)))
		bad |= json_array_append_new(primary,
		    json_integer((json_int_t)i));
	for (a = 0; a < t->cube->naxes; a++) {
		if ((margin = whole_shown(t, i, a)) == SIZE_MAX)
			continue;
		bad |= json_array_append_new(whole, json_pack("[I,I]",
		    (json_int_t)i, (json_int_t)margin));
	}
	return (bad ? rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY) : RX_OK);
}

rx_err
rx_joint_keep(json_t **out, const struct rx_tab *t, struct rx_status *st)
{
	json_t *kept = json_object(), *primary = json_array();
	json_t *whole = json_array();
	char digest[RX_DIGEST_TEXT];
	size_t i;
	int bad;
	rx_err rc = RX_OK;

	*out = NULL;
	rx_tab_digest(digest, t);
	bad = json_object_set_new(kept, "data", json_string(digest));
	bad |= json_object_set_new(kept, "primary", primary);
	bad |= json_object_set_new(kept, "whole", whole);
	if (bad)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	for (i = 0; i < t->nshown && rc == RX_OK; i++) {
		if (t->cube->suppressed[rx_tab_cell(t, i)])
			rc = keep_cell(primary, whole, t, i, st);
	}
	if (rc != RX_OK) {
		json_decref(kept);
		return (rc);
	}
	*out = kept;
	return (RX_OK);
}

/* ---- the audit ---- */

/* A cell of the new table that is shown, and the sum that says so. */
struct given {
	size_t cell, sum;
};

struct audit {
	struct rx_joint *j;
	struct rx_view fresh;		/* the new table; empty when none */
	const struct rx_tab *t;
	struct rx_model *m;
	struct rx_system *sys;
	size_t no;			/* questions so far */
	size_t nwanted;			/* all of them, unless */
	bool *wanted;			/* only those that were not met */
	struct rx_buf asks;		/* struct ask */
	struct rx_buf failed;		/* uint32_t: those that are not met */
	struct rx_buf given;		/* struct given: figures of the new one */
};

static rx_err
known(struct audit *u, size_t seat, const struct rx_view *v, size_t i,
    int64_t lo, int64_t hi, struct rx_status *st)
{
	rx_err rc;

	rc = rx_model_cell(u->m, seat, key_at(v, i), 1, st);
	return (rc != RX_OK ? rc : rx_model_known(u->m, lo, hi, st));
}

/*
 * Whether the next question is to be asked.  To suppress more takes nothing
 * back, so what was met once stays met; and what is asked does not depend on
 * it, so questions keep their numbers.
 */
static bool
is_wanted(struct audit *u)
{
	size_t no = u->no++;

	return (u->wanted == NULL || (no < u->nwanted && u->wanted[no]));
}

/* Ask about cell ${i}, or how much more than it ${margin} has. */
static rx_err
ask(struct audit *u, size_t seat, const struct rx_view *v, size_t i,
    size_t margin, int64_t lo, int64_t hi, bool change, struct rx_status *st)
{
	struct ask a = { u->no, seat, i, 0, change };
	rx_err rc;

	if (!is_wanted(u))
		return (RX_OK);
	if (margin != SIZE_MAX && ((rc = rx_model_cell(u->m, seat,
	    key_at(v, margin), 1, st)) != RX_OK ||
	    (rc = rx_model_cell(u->m, seat, key_at(v, i), -1, st)) != RX_OK))
		return (rc);
	if (margin == SIZE_MAX && (rc = rx_model_cell(u->m, seat,
	    key_at(v, i), 1, st)) != RX_OK)
		return (rc);
	a.sum = rx_model_sums(u->m);
	if ((rc = rx_model_ask(u->m, lo, hi, st)) != RX_OK)
		return (rc);
	return (rx_buf_add(&u->asks, &a, sizeof(a), st));
}

/* Whether cell ${i} is the figure of one listed value, which is at least 1 as
 * everyone knows; but a sensitive dimension may list one more (axes.c). */
static bool
is_listed(const struct rx_view *v, size_t i)
{
	bool had[RX_FAMILIES + 1] = { false };
	size_t d, given = 0, only = 0;
	enum rx_family f;

	for (d = 0; d < v->req.ndims; d++) {
		if (key_at(v, i)[d] == RX_STAR)
			continue;
		/* values above and below each other are one thing to know */
		f = rx_dim_infos[v->req.dims[d]].family;
		given += f == RX_FAMILY_NONE || !had[f];
		had[f] = true;
		only = d;
	}
	return (given == 1 && !(rx_dim_infos[v->req.dims[only]].sensitive &&
	    v->nvalue[only] == 2));
}

/* What is not listed does not occur. */
static rx_err
nothing_else(struct audit *u, size_t seat, const struct rx_view *v,
    struct rx_status *st)
{
	size_t d;
	rx_err rc = RX_OK;

	for (d = 0; d < v->req.ndims && rc == RX_OK; d++) {
		rc = rx_model_unlisted(u->m, seat, d, 1, st);
		if (rc == RX_OK)
			rc = rx_model_known(u->m, 0, 0, st);
	}
	return (rc);
}

/* What must stay open of cell ${i} of ${c}, which is suppressed in ${v}. */
static rx_err
ask_needs(struct audit *u, size_t seat, const struct rx_view *v, size_t i,
    const struct rx_cube *c, size_t at, size_t (*back)(void *, size_t),
    void *cookie, struct rx_status *st)
{
	int64_t value = c->value[at], t = c->threshold, amount;
	size_t margin;
	unsigned a;
	rx_err rc = RX_OK;

	if (is_small(c, at))
		rc = ask(u, seat, v, i, SIZE_MAX, 1, value < t ? t - 1 :
		    value + t - 1, false, st);
	for (a = 0; a < c->naxes && rc == RX_OK; a++) {
		if ((margin = whole_of(c, at, a)) == SIZE_MAX)
			continue;
		amount = value - c->lower[at];
		if (amount > t - 1)
			amount = t - 1;
		if (back != NULL)
			margin = back(cookie, margin);
		if (amount > 0 && margin != SIZE_MAX)
			rc = ask(u, seat, v, i, margin, RX_LEAST, amount,
			    false, st);
	}
	return (rc);
}

static rx_err
put_new(struct audit *u, struct rx_status *st)
{
	const struct rx_view *v = &u->fresh;
	const struct rx_cube *c = u->t->cube;
	size_t i;
	rx_err rc;

	rc = nothing_else(u, NEW, v, st);
	for (i = 0; i < v->ncells && rc == RX_OK; i++) {
		if (!c->suppressed[i]) {
			const struct given g = { i, rx_model_sums(u->m) };

			if ((rc = rx_buf_add(&u->given, &g, sizeof(g), st)) ==
			    RX_OK)
				rc = known(u, NEW, v, i, c->value[i],
				    c->value[i], st);
		} else {
			if (c->lower[i] > 0)
				rc = known(u, NEW, v, i, 1, RX_MOST, st);
			if (rc == RX_OK)
				rc = ask_needs(u, NEW, v, i, c, i, NULL, NULL,
				    st);
		}
	}
	return (rc);
}

/*
 * A figure of ${e} that was shown and is another one now.  What changed is of
 * few things or children: then it must stay possible that it was any number
 * of things below the threshold.
 */
static rx_err
ask_change(struct audit *u, size_t seat, const struct earlier *e, size_t i,
    struct rx_status *st)
{
	int64_t was = e->v.shown[i], now = e->now[i], d = now - was;
	int64_t t = e->v.req.threshold, lo, hi;
	bool few = e->fresh != NULL && (d < 0 || e->fresh[i] < t);

	if (d >= t && !few)
		return (RX_OK);
	if (d <= -t && !few)
		return (RX_OK);
	if (d > 0) {
		lo = was + 1;
		hi = (d < t ? was : now) + t - 1;
	} else {
		lo = (d > -t ? was : now) - (t - 1);
		hi = was - 1;
	}
	return (ask(u, seat, &e->v, i, SIZE_MAX, lo > 0 ? lo : 0, hi, true,
	    st));
}

/* How often a thing of today has a value on dimension ${d} that ${e} does not
 * list. */
static int64_t
unlisted(const struct earlier *e, size_t d)
{
	const struct rx_tab *t = e->tab;
	const struct rx_thing *thing;
	size_t n, k, i, j;
	int64_t v, more = 0;

	n = t->things.len / sizeof(*thing);
	for (k = 0; k < n; k++) {
		thing = (const struct rx_thing *)(const void *)t->things.b + k;
		for (i = 0; i < thing->at[d].n; i++) {
			memcpy(&v, &t->pool.b[(thing->at[d].off + i) *
			    sizeof(v)], sizeof(v));
			for (j = 0; j < e->v.nvalue[d]; j++) {
				if (e->v.value[d][j] == v)
					break;
			}
			more += j == e->v.nvalue[d];
		}
	}
	return (more);
}

/* What an earlier table did not list was 0: a figure like any other. */
static rx_err
put_unlisted(struct audit *u, size_t seat, const struct earlier *e, size_t d,
    struct rx_status *st)
{
	struct ask a = { u->no, seat, e->v.ncells - 1, 0, true };
	int64_t t = e->v.req.threshold, more;
	rx_err rc;

	more = e->tab != NULL ? unlisted(e, d) : 0;
	if (more >= t && e->fresh == NULL)
		return (RX_OK);
	if (more > 0 && !is_wanted(u))
		return (RX_OK);
	if ((rc = rx_model_unlisted(u->m, seat, d, 1, st)) != RX_OK)
		return (rc);
	if (more == 0)
		return (rx_model_known(u->m, 0, 0, st));
	a.sum = rx_model_sums(u->m);
	if ((rc = rx_model_ask(u->m, 1, more < t ? t - 1 : more, st)) != RX_OK)
		return (rc);
	return (rx_buf_add(&u->asks, &a, sizeof(a), st));
}

/* The promises of an earlier table, by what its cells hold now. */
static rx_err
put_promises(struct audit *u, size_t seat, const struct earlier *e,
    struct rx_status *st)
{
	struct rx_view w = { .ncells = 0 };
	struct places p = { .v = &e->v, .w = &w };
	size_t i, at;
	rx_err rc;

	if ((rc = view_of(&w, e->tab, st)) != RX_OK)
		goto done;
	rc = places_fill(&p, st);
	for (at = 0; at < w.ncells && rc == RX_OK; at++) {
		i = place_of(&p, at);
		if (i != SIZE_MAX && e->v.shown[i] < 0)
			rc = ask_needs(u, seat, &e->v, i, e->tab->cube, at,
			    place_of, &p, st);
	}
done:
	places_free(&p);
	view_free(&w);
	return (rc);
}

/* The same by what its entry keeps; every suppressed cell when it does not. */
static rx_err
put_kept(struct audit *u, size_t seat, const struct earlier *e,
    struct rx_status *st)
{
	const json_t *kept = json_object_get(e->entry, "kept"), *one;
	const json_t *primary = json_object_get(kept, "primary");
	int64_t t = e->v.req.threshold;
	size_t k, i, margin;
	rx_err rc = RX_OK;

	for (i = 0; primary == NULL && i < e->v.ncells && rc == RX_OK; i++) {
		if (e->v.shown[i] < 0)
			rc = ask(u, seat, &e->v, i, SIZE_MAX, 1, t - 1, false,
			    st);
	}
	for (k = 0; k < json_array_size(primary) && rc == RX_OK; k++) {
		i = (size_t)json_integer_value(json_array_get(primary, k));
		if (i < e->v.ncells)
			rc = ask(u, seat, &e->v, i, SIZE_MAX, 1, t - 1, false,
			    st);
	}
	kept = json_object_get(kept, "whole");
	for (k = 0; k < json_array_size(kept) && rc == RX_OK; k++) {
		one = json_array_get(kept, k);
		i = (size_t)json_integer_value(json_array_get(one, 0));
		margin = (size_t)json_integer_value(json_array_get(one, 1));
		if (i < e->v.ncells && margin < e->v.ncells)
			rc = ask(u, seat, &e->v, i, margin, RX_LEAST, 1, false,
			    st);
	}
	return (rc);
}

static rx_err
put_earlier(struct audit *u, size_t seat, const struct earlier *e,
    struct rx_status *st)
{
	const struct rx_view *v = &e->v;
	int64_t was;
	size_t i, d;
	rx_err rc = RX_OK;

	for (d = 0; d < v->req.ndims && rc == RX_OK; d++)
		rc = put_unlisted(u, seat, e, d, st);
	for (i = 0; i < v->ncells && rc == RX_OK; i++) {
		was = v->shown[i];
		if (was >= 0 && (e->tab == NULL || e->now[i] == was))
			rc = known(u, seat, v, i, was, was, st);
		else if (was >= 0)
			rc = ask_change(u, seat, e, i, st);
		else if (is_listed(v, i) && (e->tab == NULL || e->now[i] > 0))
			rc = known(u, seat, v, i, 1, RX_MOST, st);
	}
	for (i = 0; e->past != NULL && i < v->ncells && rc == RX_OK; i++) {
		if (e->past[i])
			rc = ask(u, seat, v, i, SIZE_MAX, 1, RX_MOST, false,
			    st);
	}
	if (rc != RX_OK)
		return (rc);
	return (e->tab != NULL ? put_promises(u, seat, e, st) :
	    put_kept(u, seat, e, st));
}

/* What is small in a piece stays open, as far as it was counted. */
static rx_err
put_piece(struct audit *u, size_t seat, const struct piece *p,
    struct rx_status *st)
{
	size_t i;
	rx_err rc = RX_OK;

	for (i = 0; p->tab != NULL && i < p->v.ncells && rc == RX_OK; i++)
		rc = ask_needs(u, seat, &p->v, i, p->tab->cube, i, NULL, NULL,
		    st);
	return (rc);
}

/* Which units keep records is no secret: where there are none, there is nothing
 * to count.  Only when no table is taken as it was published. */
static rx_err
put_units(struct audit *u, struct rx_status *st)
{
	const struct rx_joint *j = u->j;
	size_t k;

	for (k = 0; k < j->n; k++) {
		if (j->e[k].tab == NULL)
			return (RX_OK);
	}
	return (rx_model_units(u->m, j->units.keys, j->units.n, st));
}

/*
 * Records are mostly added.  Who takes it that they only are knows of an earlier
 * table that no cell of it was larger than it is now; and a cell that was small
 * then and is not now may be shown, and give the rest away.  Is it small enough
 * a bound to tell what the cell was, then the cell stays in question: e->past.
 */
static rx_err
ask_past(struct rx_model *m, const struct earlier *e, const json_t *primary,
    size_t *place, struct rx_status *st)
{
	size_t i, k, d;
	rx_err rc = RX_OK;

	for (d = 0; d < e->v.req.ndims && rc == RX_OK; d++) {
		if ((rc = rx_model_unlisted(m, 0, d, 1, st)) == RX_OK)
			rc = rx_model_known(m, 0, 0, st);
	}
	for (i = 0; i < e->v.ncells && rc == RX_OK; i++) {
		if ((rc = rx_model_cell(m, 0, key_at(&e->v, i), 1, st)) ==
		    RX_OK)
			rc = e->v.shown[i] >= 0 ? rx_model_known(m,
			    e->v.shown[i], e->v.shown[i], st) :
			    rx_model_known(m, is_listed(&e->v, i),
			    e->now[i] > 0 ? e->now[i] : 1, st);
	}
	for (k = 0; k < json_array_size(primary) && rc == RX_OK; k++) {
		i = (size_t)json_integer_value(json_array_get(primary, k));
		if (i >= e->v.ncells)
			return (corrupt(st));
		place[k] = rx_model_sums(m);
		if ((rc = rx_model_cell(m, 0, key_at(&e->v, i), 1, st)) ==
		    RX_OK)
			rc = rx_model_ask(m, 1, e->v.req.threshold - 1, st);
	}
	return (rc);
}

static rx_err
find_past(struct earlier *e, struct rx_status *st)
{
	const json_t *primary = json_object_get(json_object_get(e->entry,
	    "kept"), "primary");
	size_t n = json_array_size(primary), k, failed, *place = NULL, i;
	struct rx_system *sys = NULL;
	struct rx_model *m = NULL;
	bool large;
	rx_err rc;

	if ((rc = rx_stats_alloc(&e->past, e->v.ncells, sizeof(bool), st)) !=
	    RX_OK || (rc = rx_stats_alloc(&place, n, sizeof(*place), st)) !=
	    RX_OK || (rc = rx_model_new(&m, st)) != RX_OK ||
	    (rc = rx_model_view(m, &e->v, st)) != RX_OK ||
	    (rc = rx_model_layout(m, &large, st)) != RX_OK)
		goto done;
	if (large)
		rc = rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_JOINT_TOO_LARGE);
	if (rc == RX_OK && (rc = ask_past(m, e, primary, place, st)) == RX_OK &&
	    (rc = rx_system_new(&sys, st)) == RX_OK &&
	    (rc = rx_model_finish(m, sys, st)) == RX_OK) {
		rx_system_limit(sys, PIVOTS_MAX / 8);
		rc = rx_system_audit(sys, &failed, st);
	}
	for (k = 0; k < n && rc == RX_OK; k++) {
		i = (size_t)json_integer_value(json_array_get(primary, k));
		e->past[i] = e->v.shown[i] < 0 &&
		    e->now[i] >= e->v.req.threshold && !rx_system_met(sys,
		    (uint32_t)rx_model_place(m, place[k]), NULL, NULL);
	}
done:
	rx_model_free(m);
	rx_system_free(sys);
	free(place);
	return (rc);
}

/* Whether ${e} has a cell that was small and is not. */
static bool
has_grown(const struct earlier *e)
{
	const json_t *primary = json_object_get(json_object_get(e->entry,
	    "kept"), "primary");
	size_t k, i;

	for (k = 0; e->tab != NULL && k < json_array_size(primary); k++) {
		i = (size_t)json_integer_value(json_array_get(primary, k));
		if (i < e->v.ncells && e->now[i] >= e->v.req.threshold)
			return (true);
	}
	return (false);
}

static rx_err
find_all_past(struct rx_joint *j, struct rx_status *st)
{
	size_t k;
	rx_err rc = RX_OK;

	for (k = 0; k < j->n && rc == RX_OK; k++) {
		if (j->e[k].past != NULL || !has_grown(&j->e[k]))
			continue;
		rc = find_past(&j->e[k], st);
		if (rc == RX_ECONFLICT)
			rc = refuse(j, RX_MSG_TABLE_JOINT_TOO_LARGE, k + 1, st);
	}
	return (rc);
}

/* The model of all tables: everything known and everything asked. */
static rx_err
put_all(struct audit *u, struct rx_status *st)
{
	struct rx_joint *j = u->j;
	bool large;
	size_t k;
	rx_err rc;

	rc = rx_model_view(u->m, &u->fresh, st);
	for (k = 0; k < j->n && rc == RX_OK; k++) {
		rc = rx_model_view(u->m, &j->e[k].v, st);
		if (rc == RX_ECONFLICT)
			return (refuse(j, st->msg, k + 1, st));
	}
	for (k = 0; k < j->np && rc == RX_OK; k++)
		rc = rx_model_view(u->m, &j->p[k].v, st);
	if (rc == RX_ECONFLICT)
		return (refuse(j, st->msg, NEW, st));
	if (rc == RX_OK)
		rc = rx_model_layout(u->m, &large, st);
	if (rc == RX_OK && large)
		return (refuse(j, RX_MSG_TABLE_JOINT_TOO_LARGE, NEW, st));
	if (rc == RX_OK)
		rc = put_units(u, st);
	if (rc == RX_OK && u->t != NULL)
		rc = put_new(u, st);
	for (k = 0; k < j->n && rc == RX_OK; k++)
		rc = put_earlier(u, k + 1, &j->e[k], st);
	for (k = 0; k < j->np && rc == RX_OK; k++)
		rc = put_piece(u, j->n + 1 + k, &j->p[k], st);
	if (rc == RX_ECONFLICT)
		return (refuse(j, RX_MSG_TABLE_JOINT_TOO_LARGE, NEW, st));
	return (rc);
}

/* The question of the system that ask ${q} is. */
static uint32_t
question(const struct audit *u, uint32_t q)
{
	const struct ask *a = (const struct ask *)(const void *)u->asks.b + q;

	return ((uint32_t)rx_model_place(u->m, a->sum));
}

/* The next attack is about what failed in this one alone. */
static rx_err
want_failed(struct audit *u, struct rx_status *st)
{
	size_t n = u->failed.len / sizeof(uint32_t), k;
	uint32_t q;
	rx_err rc;

	free(u->wanted);
	u->nwanted = u->no;
	if ((rc = rx_stats_alloc(&u->wanted, u->no, sizeof(bool), st)) != RX_OK)
		return (rc);
	for (k = 0; k < n; k++) {
		memcpy(&q, &u->failed.b[k * sizeof(q)], sizeof(q));
		u->wanted[((const struct ask *)(const void *)u->asks.b +
		    q)->no] = true;
	}
	return (RX_OK);
}

/* An audit must come to an end: sizes that take minutes are refused. */
static rx_err
small_enough(const struct audit *u, struct rx_status *st)
{
	size_t rows = rx_system_rows(u->sys);
	size_t asks = u->asks.len / sizeof(struct ask);

	if (rows > ROWS_MAX || asks > ASKS_MAX || rows * asks > WORK_MAX)
		return (refuse(u->j, RX_MSG_TABLE_JOINT_TOO_LARGE, NEW, st));
	return (RX_OK);
}

/* Attack; what falls is put in u->failed. */
static rx_err
attack(struct audit *u, struct rx_status *st)
{
	size_t failed, n, k;
	uint64_t left;
	uint32_t q;
	rx_err rc;

	left = u->sys != NULL ? rx_system_left(u->sys) : PIVOTS_MAX;
	rx_buf_reset(&u->asks);
	rx_buf_reset(&u->failed);
	rx_buf_reset(&u->given);
	rx_model_free(u->m);
	rx_system_free(u->sys);
	u->m = NULL;
	u->sys = NULL;
	u->no = 0;
	if ((rc = rx_model_new(&u->m, st)) != RX_OK ||
	    (rc = put_all(u, st)) != RX_OK ||
	    (rc = rx_system_new(&u->sys, st)) != RX_OK ||
	    (rc = rx_model_finish(u->m, u->sys, st)) != RX_OK ||
	    (rc = small_enough(u, st)) != RX_OK)
		return (rc == RX_ECONFLICT && st->nargs == 0 ?
		    refuse(u->j, RX_MSG_TABLE_JOINT_TOO_LARGE, NEW, st) : rc);
	rx_system_limit(u->sys, left);
	if ((rc = rx_system_audit(u->sys, &failed, st)) != RX_OK)
		return (rc == RX_ECONFLICT && st->nargs == 0 ?
		    refuse(u->j, RX_MSG_TABLE_JOINT_TOO_LARGE, NEW, st) : rc);
	n = u->asks.len / sizeof(struct ask);
	for (k = 0; k < n && rc == RX_OK; k++) {
		q = (uint32_t)k;
		if (!rx_system_met(u->sys, question(u, q), NULL, NULL))
			rc = rx_buf_add(&u->failed, &q, sizeof(q), st);
	}
	return (rc != RX_OK ? rc : want_failed(u, st));
}

/* ---- mending ---- */

/*
 * Give up the cheapest of the figures of the new table from which it follows
 * that question ${q} is not met; *found is false when there is none.
 */
static rx_err
give_up(const struct audit *u, uint32_t q, bool *found, struct rx_status *st)
{
	const struct rx_cube *c = u->t->cube;
	size_t n = u->given.len / sizeof(struct given), k, row, best = 0;
	const struct given *g;
	int64_t least = INT64_MAX;
	bool *binding;
	rx_err rc;

	if ((rc = rx_stats_alloc(&binding, rx_system_rows(u->sys), 1, st)) !=
	    RX_OK)
		return (rc);
	rc = rx_system_blame(u->sys, question(u, q), binding, st);
	for (k = 0; k < n && rc == RX_OK; k++) {
		g = (const struct given *)(const void *)u->given.b + k;
		row = rx_model_place(u->m, g->sum);
		if (row == SIZE_MAX || !binding[row] ||
		    rx_cell_price(c, g->cell) >= least)
			continue;
		least = rx_cell_price(c, g->cell);
		best = g->cell;
	}
	free(binding);
	if ((*found = rc == RX_OK && least < INT64_MAX))
		c->suppressed[best] = true;
	return (rc);
}

/* For each of the first questions that failed give up a figure; *found is
 * false when one has none. */
static rx_err
mend(const struct audit *u, bool *found, struct rx_status *st)
{
	size_t n = u->failed.len / sizeof(uint32_t), k;
	uint32_t q;
	rx_err rc = RX_OK;

	*found = true;
	for (k = 0; k < n && k < AT_ONCE && *found && rc == RX_OK; k++) {
		memcpy(&q, &u->failed.b[k * sizeof(q)], sizeof(q));
		rc = give_up(u, q, found, st);
	}
	return (rc);
}

static void
audit_done(struct audit *u)
{

	rx_model_free(u->m);
	rx_system_free(u->sys);
	view_free(&u->fresh);
	free(u->wanted);
	rx_buf_free(&u->asks);
	rx_buf_free(&u->failed);
	rx_buf_free(&u->given);
}

rx_err
rx_joint_protect(struct rx_joint *j, struct rx_tab *t, struct rx_status *st)
{
	struct audit u = { .j = j, .t = t, .asks = RX_BUF_INIT,
	    .failed = RX_BUF_INIT, .given = RX_BUF_INIT };
	const struct ask *a;
	unsigned round;
	uint32_t q;
	bool found;
	rx_err rc;

	if (j->n == 0)
		return (RX_OK);
	if ((rc = recount(j, st)) != RX_OK ||
	    (rc = find_all_past(j, st)) != RX_OK ||
	    (rc = view_of(&u.fresh, t, st)) != RX_OK)
		goto done;
	for (round = 0; (rc = attack(&u, st)) == RX_OK && u.failed.len > 0;
	    round++) {
		if ((rc = mend(&u, &found, st)) != RX_OK)
			break;
		if (found && round < ROUNDS && rx_cube_worth(t->cube))
			continue;
		memcpy(&q, u.failed.b, sizeof(q));
		a = (const struct ask *)(const void *)u.asks.b + q;
		rc = refuse(j, a->change ? RX_MSG_TABLE_CHANGED :
		    RX_MSG_TABLE_OVERLAPS, a->seat > j->n ?
		    j->p[a->seat - j->n - 1].of : a->seat, st);
		break;
	}
done:
	audit_done(&u);
	return (rc);
}

rx_err
rx_joint_verify(struct rx_joint *j, size_t *failed, struct rx_status *st)
{
	struct audit u = { .j = j, .asks = RX_BUF_INIT,
	    .failed = RX_BUF_INIT, .given = RX_BUF_INIT };
	rx_err rc = RX_OK;

	*failed = 0;
	u.fresh.req = j->req;
	u.fresh.req.ndims = 0;
	if (j->n > 0 && (rc = recount(j, st)) == RX_OK &&
	    (rc = attack(&u, st)) == RX_OK)
		*failed = u.failed.len / sizeof(uint32_t);
	audit_done(&u);
	return (rc);
}
