#include <stdlib.h>
#include <string.h>

#include "stats/model.h"

#define ATTRS_MAX 24
#define VIEWS_MAX 512
#define PARTS_MAX 20000
#define CELLS_MAX 400000	/* unknowns before they are merged */
#define TERMS_MAX 8000000
#define SHARED UINT32_MAX

enum what { UNIT, DAY, BIRTH, CODES };

/*
 * An attribute and its cuts.  UNIT: sets of units, unit value * 2 + 1 for what
 * is recorded at exactly this unit; part k is cut k without the cuts inside of
 * it.  DAY: part k is the days from cut k up to the next.  BIRTH: part k is the
 * months after cut k-1 up to cut k.  CODES: part k is value k, then all others,
 * then (when a thing may have several) the thing itself, once.
 */
struct attr {
	enum what what;
	enum rx_dim dim;
	int32_t from, to;	/* of risks and signs of children */
	bool multi;
	struct rx_buf cuts;	/* int64_t */
	unsigned nparts;
};

struct seat {			/* a table in the model */
	const struct rx_view *v;
	unsigned attr[RX_DIMS_MAX];
	uint32_t attrs;		/* bits: those that tell its cells apart */
	unsigned clique;
};

struct clique {
	uint32_t attrs;
	size_t first, size;	/* of its unknowns */
	size_t stride[ATTRS_MAX];
	unsigned parent;
};

struct sum {
	size_t off, n;
	int64_t lo, hi;
	bool asked;
	size_t place;		/* row or question in the system */
};

struct rx_model {
	struct attr attr[ATTRS_MAX];
	unsigned nattrs;
	struct seat seat[VIEWS_MAX];
	size_t nseats;
	struct clique clique[ATTRS_MAX + 1];
	unsigned ncliques;
	size_t nunknowns;
	struct rx_buf terms, sums;
	size_t open;		/* where the sum in the making begins */
};

static struct attr *
attr_of(struct rx_model *m, enum what what, enum rx_dim dim, int32_t from,
    int32_t to)
{
	struct attr *a;
	unsigned k;

	for (k = 0; k < m->nattrs; k++) {
		a = &m->attr[k];
		if (a->what == what && a->dim == dim && a->from == from &&
		    a->to == to)
			return (a);
	}
	if (m->nattrs == ATTRS_MAX)
		return (NULL);
	a = &m->attr[m->nattrs++];
	a->what = what;
	a->dim = dim;
	a->from = from;
	a->to = to;
	a->multi = what == CODES && rx_dim_infos[dim].multi;
	return (a);
}

static size_t
ncuts(const struct attr *a)
{

	return (a->cuts.len / sizeof(int64_t));
}

static int64_t
cut(const struct attr *a, size_t k)
{
	int64_t v;

	memcpy(&v, &a->cuts.b[k * sizeof(v)], sizeof(v));
	return (v);
}

static rx_err
add_cut(struct attr *a, int64_t v, struct rx_status *st)
{

	return (rx_buf_add(&a->cuts, &v, sizeof(v), st));
}

rx_err
rx_model_new(struct rx_model **out, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_stats_alloc(out, 1, sizeof(**out), st)) != RX_OK)
		return (rc);
	/* The first three are always there. */
	(void)attr_of(*out, UNIT, RX_DIM_VILLAGE, 0, 0);
	(void)attr_of(*out, DAY, RX_DIM_MONTH, 0, 0);
	(void)attr_of(*out, BIRTH, RX_DIM_AGE_BAND, 0, 0);
	return (RX_OK);
}

void
rx_model_free(struct rx_model *m)
{
	unsigned k;

	if (m == NULL)
		return;
	for (k = 0; k < m->nattrs; k++)
		rx_buf_free(&m->attr[k].cuts);
	rx_buf_free(&m->terms);
	rx_buf_free(&m->sums);
	free(m);
}

/* ---- sets of parts ---- */

/* The set of units that ${v} names on dimension ${dim}: a unit of that level
 * with all below it; what stands above that level is itself alone. */
static int64_t
unit_set(enum rx_dim dim, int64_t v)
{
	char unit[RX_UNIT_BYTES];

	rx_value_unit(unit, v);
	return (2 * v + (rx_unit_level(unit) != rx_dim_level(dim)));
}

static bool
unit_in(int64_t set, int64_t part)
{
	char above[RX_UNIT_BYTES], below[RX_UNIT_BYTES];

	if (set & 1)
		return (set == part);
	rx_value_unit(above, set / 2);
	rx_value_unit(below, part / 2);
	return (rx_unit_covers(above, below));
}

/* Births of band ${v} at ${to} lie after *after and not after *upto. */
static void
births(int64_t v, int32_t to, int64_t *after, int64_t *upto)
{
	static const int last[] = { 5, 11, 15, 17 };
	int64_t month = rx_date_month(to);

	*upto = v > 0 ? month - 12 * (last[v - 1] + 1) : INT64_MAX;
	*after = v < 4 ? month - 12 * (last[v] + 1) : INT64_MIN;
}

static bool
scoped_by_day(const struct rx_view *v)
{

	return (v->req.count != RX_COUNT_CHILDREN);
}

/* Whether part ${p} of ${a} is in the set of things that table ${v} is about. */
static bool
in_scope(const struct attr *a, const struct rx_view *v, unsigned p)
{

	size_t k;

	if (a->what == UNIT) {
		for (k = 0; k < v->nexcept; k++) {
			if (unit_in(2 * rx_unit_value(v->except[k]),
			    cut(a, p)))
				return (false);
		}
		return (unit_in(2 * rx_unit_value(v->req.unit), cut(a, p)));
	}
	if (a->what == DAY && scoped_by_day(v))
		return (cut(a, p) >= v->req.from &&
		    cut(a, p + 1) <= (int64_t)v->req.to + 1);
	return (true);
}

/* Whether part ${p} of ${a} has value ${value} on dimension ${d} of ${v}. */
static bool
has_value(const struct attr *a, const struct rx_view *v, size_t d,
    int64_t value, unsigned p)
{
	enum rx_dim dim = v->req.dims[d];
	int64_t after, upto;

	switch (a->what) {
	case UNIT:
		return (unit_in(unit_set(dim, value), cut(a, p)));
	case DAY:
		return (rx_date_month((int32_t)cut(a, p)) /
		    rx_dim_months(dim) == value);
	case BIRTH:
		births(value, v->req.to, &after, &upto);
		return ((after == INT64_MIN || (p > 0 && cut(a, p - 1) >=
		    after)) && (upto == INT64_MAX || (p < ncuts(a) &&
		    cut(a, p) <= upto)));
	default:
		return (p < ncuts(a) && cut(a, p) == value);
	}
}

/* ---- tables in ---- */

static rx_err
day_cuts(struct attr *a, const struct rx_view *v, bool months,
    struct rx_status *st)
{
	int32_t m;
	rx_err rc;

	if ((rc = add_cut(a, v->req.from, st)) != RX_OK ||
	    (rc = add_cut(a, (int64_t)v->req.to + 1, st)) != RX_OK)
		return (rc);
	for (m = rx_date_month(v->req.from) + 1; months &&
	    m <= rx_date_month(v->req.to); m++) {
		if ((rc = add_cut(a, rx_month_first(m), st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Cut ${a} by the values of dimension ${d}. */
static rx_err
value_cuts(struct attr *a, const struct rx_view *v, size_t d,
    struct rx_status *st)
{
	int64_t after, upto;
	size_t k;
	rx_err rc = RX_OK;

	if (a->what == DAY)
		return (day_cuts(a, v, true, st));
	for (k = 0; a->what == BIRTH && k < 4 && rc == RX_OK; k++) {
		births((int64_t)k, v->req.to, &after, &upto);
		rc = add_cut(a, after, st);
	}
	for (k = 0; a->what != BIRTH && k < v->nvalue[d] && rc == RX_OK; k++)
		rc = add_cut(a, a->what == UNIT ? unit_set(v->req.dims[d],
		    v->value[d][k]) : v->value[d][k], st);
	return (rc);
}

static rx_err
not_comparable(struct rx_status *st)
{

	return (rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_NOT_COMPARABLE));
}

/* The attribute of dimension ${d}; NULL when there is no room. */
static struct attr *
dim_attr(struct rx_model *m, const struct rx_view *v, size_t d)
{
	enum rx_dim dim = v->req.dims[d];
	bool dated = v->req.count == RX_COUNT_CHILDREN &&
	    (dim == RX_DIM_RISK || dim == RX_DIM_SIGN);

	if (rx_dim_infos[dim].family == RX_FAMILY_UNIT)
		return (&m->attr[UNIT]);
	if (rx_dim_infos[dim].family == RX_FAMILY_DATE)
		return (&m->attr[DAY]);
	if (dim == RX_DIM_AGE_BAND)
		return (&m->attr[BIRTH]);
	return (attr_of(m, CODES, dim, dated ? v->req.from : 0,
	    dated ? v->req.to : 0));
}

rx_err
rx_model_view(struct rx_model *m, const struct rx_view *v,
    struct rx_status *st)
{
	struct seat *s = &m->seat[m->nseats];
	struct attr *a;
	size_t d;
	unsigned k;
	rx_err rc;

	if (m->nseats == VIEWS_MAX)
		return (not_comparable(st));
	s->v = v;
	if ((rc = add_cut(&m->attr[UNIT], 2 * rx_unit_value(v->req.unit),
	    st)) != RX_OK || (scoped_by_day(v) && (rc =
	    day_cuts(&m->attr[DAY], v, false, st)) != RX_OK))
		return (rc);
	for (d = 0; d < v->req.ndims; d++) {
		if ((a = dim_attr(m, v, d)) == NULL)
			return (not_comparable(st));
		/* Risks of dates within dates follow from each other in ways
		 * that are not modelled. */
		for (k = 0; a->to != 0 && k < m->nattrs; k++) {
			if (m->attr[k].what == CODES && m->attr[k].to != 0 &&
			    m->attr[k].from <= a->to &&
			    a->from <= m->attr[k].to &&
			    (m->attr[k].from != a->from ||
			    m->attr[k].to != a->to))
				return (not_comparable(st));
		}
		s->attr[d] = (unsigned)(a - m->attr);
		if ((rc = value_cuts(a, v, d, st)) != RX_OK)
			return (rc);
	}
	m->nseats++;
	return (RX_OK);
}

/* ---- parts ---- */

static int
by_value(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x < y ? -1 : x > y);
}

/* Sort the cuts, each once, and count the parts. */
static void
settle(struct attr *a)
{
	size_t n = ncuts(a), k, j = 0;
	int64_t v, last = 0;

	if (n > 0)
		qsort(a->cuts.b, n, sizeof(v), by_value);
	for (k = 0; k < n; k++) {
		v = cut(a, k);
		if (j > 0 && v == last)
			continue;
		memcpy(&a->cuts.b[j++ * sizeof(v)], &v, sizeof(v));
		last = v;
	}
	a->cuts.len = j * sizeof(v);
	switch (a->what) {
	case UNIT:
		a->nparts = (unsigned)j;
		break;
	case DAY:
		a->nparts = j > 0 ? (unsigned)j - 1 : 0;
		break;
	default:
		a->nparts = (unsigned)j + 1 + a->multi;
	}
}

/* ---- cliques ---- */

static bool
has(uint32_t set, unsigned a)
{

	return ((set >> a & 1) != 0);
}

/* The attributes that tell the cells of ${s} from each other and from things
 * that it is not about. */
static void
seat_attrs(const struct rx_model *m, struct seat *s)
{
	const struct attr *a;
	size_t d;
	unsigned k, p;

	s->attrs = 0;
	for (d = 0; d < s->v->req.ndims; d++)
		s->attrs |= 1u << s->attr[d];
	for (k = UNIT; k <= DAY; k++) {
		a = &m->attr[k];
		for (p = 0; p < a->nparts; p++) {
			if (!in_scope(a, s->v, p))
				s->attrs |= 1u << k;
		}
	}
}

/* Make all attributes of ${set} neighbours of each other. */
static void
join(uint32_t next[ATTRS_MAX], uint32_t set)
{
	unsigned a;

	for (a = 0; a < ATTRS_MAX; a++) {
		if (has(set, a))
			next[a] |= set & ~(1u << a);
	}
}

static void
add_clique(struct rx_model *m, uint32_t set)
{
	unsigned k;

	for (k = 0; k < m->ncliques; k++) {
		if ((set & ~m->clique[k].attrs) == 0)
			return;
	}
	m->clique[m->ncliques++].attrs = set;
}

static unsigned
bits(uint32_t set)
{

	return ((unsigned)__builtin_popcount(set));
}

/* The next attribute to take out: multi-valued ones first, which then lie in
 * one clique only; then the one with the smallest array. */
static unsigned
choose(const struct rx_model *m, const uint32_t next[ATTRS_MAX], uint32_t left)
{
	double size, least = 0;
	unsigned a, b, best = ATTRS_MAX;

	for (a = 0; a < m->nattrs; a++) {
		if (!has(left, a))
			continue;
		size = m->attr[a].multi ? 0 : m->attr[a].nparts;
		for (b = 0; b < m->nattrs; b++) {
			if (has(next[a] & left, b))
				size *= m->attr[b].nparts;
		}
		if (best == ATTRS_MAX || size < least) {
			best = a;
			least = size;
		}
	}
	return (best);
}

static void
make_cliques(struct rx_model *m)
{
	uint32_t next[ATTRS_MAX] = { 0 }, left = 0;
	unsigned a, round;
	size_t k;

	for (k = 0; k < m->nseats; k++) {
		seat_attrs(m, &m->seat[k]);
		join(next, m->seat[k].attrs);
		left |= m->seat[k].attrs;
	}
	/* All around a multi-valued attribute stand together. */
	for (round = 0; round < m->nattrs; round++) {
		for (a = 0; a < m->nattrs; a++) {
			if (m->attr[a].multi && has(left, a))
				join(next, next[a] | 1u << a);
		}
	}
	while (left != 0) {
		a = choose(m, next, left);
		join(next, (next[a] & left) | 1u << a);
		add_clique(m, (next[a] & left) | 1u << a);
		left &= ~(1u << a);
	}
	if (m->ncliques == 0)
		add_clique(m, 0);
}

/* Hang every clique on the earlier one with which it shares most (Prim). */
static void
make_tree(struct rx_model *m)
{
	struct clique tmp;
	unsigned n, k, j, best, from;
	int most, share;

	for (n = 1; n < m->ncliques; n++) {
		most = -1;
		best = from = 0;
		for (k = n; k < m->ncliques; k++) {
			for (j = 0; j < n; j++) {
				share = (int)bits(m->clique[k].attrs &
				    m->clique[j].attrs);
				if (share > most) {
					most = share;
					best = k;
					from = j;
				}
			}
		}
		tmp = m->clique[best];
		m->clique[best] = m->clique[n];
		m->clique[n] = tmp;
		m->clique[n].parent = from;
	}
}

/* The strides of those attributes of ${q} that are ${multi}-valued. */
static bool
stride_attrs(const struct rx_model *m, struct clique *q, bool multi)
{
	unsigned a;
	double size;

	for (a = m->nattrs; a-- > 0;) {
		if (!has(q->attrs, a) || m->attr[a].multi != multi)
			continue;
		q->stride[a] = q->size;
		size = (double)q->size * m->attr[a].nparts;
		if (size > CELLS_MAX)
			return (false);
		q->size *= m->attr[a].nparts;
	}
	return (true);
}

/* The place of the unknowns; false when they are too many. */
static bool
place_unknowns(struct rx_model *m)
{
	struct clique *q;
	unsigned k;

	for (k = 0; k < m->ncliques; k++) {
		q = &m->clique[k];
		q->first = m->nunknowns;
		q->size = 1;
		/* Multi-valued attributes run fastest: a base and its values
		 * are side by side. */
		if (!stride_attrs(m, q, true) || !stride_attrs(m, q, false))
			return (false);
		m->nunknowns += q->size;
		if (m->nunknowns > CELLS_MAX)
			return (false);
	}
	return (true);
}

/* ---- sums ---- */

static rx_err
add_term(struct rx_model *m, size_t unknown, int coef, struct rx_status *st)
{
	const struct rx_term t = { (uint32_t)unknown, coef };

	if (m->terms.len / sizeof(t) >= TERMS_MAX)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_JOINT_TOO_LARGE));
	return (rx_buf_add(&m->terms, &t, sizeof(t), st));
}

static rx_err
end_sum(struct rx_model *m, int64_t lo, int64_t hi, bool asked,
    struct rx_status *st)
{
	size_t n = m->terms.len / sizeof(struct rx_term);
	const struct sum s = { m->open, n - m->open, lo, hi, asked, SIZE_MAX };

	m->open = n;
	return (rx_buf_add(&m->sums, &s, sizeof(s), st));
}

rx_err
rx_model_known(struct rx_model *m, int64_t lo, int64_t hi,
    struct rx_status *st)
{

	return (end_sum(m, lo, hi, false, st));
}

rx_err
rx_model_ask(struct rx_model *m, int64_t lo, int64_t hi, struct rx_status *st)
{

	return (end_sum(m, lo, hi, true, st));
}

/* A box in a clique: the parts that are in it, an attribute after another. */
struct box {
	const struct clique *q;
	unsigned *part[ATTRS_MAX];
	unsigned n[ATTRS_MAX];
};

static void
box_free(struct box *b)
{
	unsigned a;

	for (a = 0; a < ATTRS_MAX; a++)
		free(b->part[a]);
}

/* Add the unknowns of ${b}, from attribute ${a} on, at ${at}. */
static rx_err
add_box(struct rx_model *m, const struct box *b, unsigned a, size_t at,
    int coef, struct rx_status *st)
{
	unsigned k;
	rx_err rc = RX_OK;

	while (a < m->nattrs && !has(b->q->attrs, a))
		a++;
	if (a == m->nattrs)
		return (add_term(m, at, coef, st));
	for (k = 0; k < b->n[a] && rc == RX_OK; k++)
		rc = add_box(m, b, a + 1, at + b->part[a][k] *
		    b->q->stride[a], coef, st);
	return (rc);
}

/* Whether part ${p} of attribute ${a} belongs to the cell ${key} of ${s}; on
 * dimension ${unlisted} (or RX_DIMS_MAX) only what is not listed does. */
static bool
in_cell(const struct rx_model *m, const struct seat *s, unsigned a,
    const int64_t key[RX_DIMS_MAX], size_t unlisted, unsigned p)
{
	const struct attr *x = &m->attr[a];
	const struct rx_view *v = s->v;
	bool any = false, listed = false;
	size_t d, k;

	if (!in_scope(x, v, p))
		return (false);
	for (d = 0; d < v->req.ndims; d++) {
		if (s->attr[d] != a)
			continue;
		if (d == unlisted) {
			for (k = 0; k < v->nvalue[d]; k++)
				listed = listed || has_value(x, v, d,
				    v->value[d][k], p);
			any = true;
			if (listed)
				return (false);
		} else if (key != NULL && key[d] != RX_STAR) {
			any = true;
			if (!has_value(x, v, d, key[d], p))
				return (false);
		}
	}
	/* The thing itself, or one of its values. */
	return (!x->multi || any == (p + 1 < x->nparts));
}

static rx_err
make_box(struct box *b, const struct rx_model *m, size_t t,
    const int64_t key[RX_DIMS_MAX], size_t unlisted, struct rx_status *st)
{
	const struct seat *s = &m->seat[t];
	unsigned a, p;
	rx_err rc = RX_OK;

	memset(b, 0, sizeof(*b));
	b->q = &m->clique[s->clique];
	for (a = 0; a < m->nattrs && rc == RX_OK; a++) {
		if (!has(b->q->attrs, a))
			continue;
		rc = rx_stats_alloc(&b->part[a], m->attr[a].nparts,
		    sizeof(*b->part[a]), st);
		for (p = 0; p < m->attr[a].nparts && rc == RX_OK; p++) {
			if (in_cell(m, s, a, key, unlisted, p))
				b->part[a][b->n[a]++] = p;
		}
	}
	return (rc);
}

static rx_err
add_cell(struct rx_model *m, size_t t, const int64_t key[RX_DIMS_MAX],
    size_t unlisted, int coef, struct rx_status *st)
{
	struct box b;
	rx_err rc;

	if ((rc = make_box(&b, m, t, key, unlisted, st)) == RX_OK)
		rc = add_box(m, &b, 0, b.q->first, coef, st);
	box_free(&b);
	return (rc);
}

rx_err
rx_model_cell(struct rx_model *m, size_t t, const int64_t key[RX_DIMS_MAX],
    int coef, struct rx_status *st)
{

	return (add_cell(m, t, key, RX_DIMS_MAX, coef, st));
}

rx_err
rx_model_unlisted(struct rx_model *m, size_t t, size_t d, int coef,
    struct rx_status *st)
{

	return (add_cell(m, t, NULL, d, coef, st));
}

size_t
rx_model_sums(const struct rx_model *m)
{

	return (m->sums.len / sizeof(struct sum));
}

size_t
rx_model_place(const struct rx_model *m, size_t k)
{

	return (((const struct sum *)(const void *)m->sums.b + k)->place);
}

/* ---- what holds by itself ---- */

/* What clique ${k} shares with its parent is the same in both: one sum for each
 * product of parts that they share. */
static rx_err
agree(struct rx_model *m, unsigned k, struct rx_status *st)
{
	const struct clique *side[2] = { &m->clique[k],
	    &m->clique[m->clique[k].parent] };
	uint32_t shared = side[0]->attrs & side[1]->attrs;
	unsigned at[ATTRS_MAX] = { 0 }, a, i;
	struct box b;
	rx_err rc = RX_OK;

	do {
		for (i = 0; i < 2 && rc == RX_OK; i++) {
			memset(&b, 0, sizeof(b));
			b.q = side[i];
			for (a = 0; a < m->nattrs && rc == RX_OK; a++) {
				if (!has(b.q->attrs, a))
					continue;
				rc = rx_stats_alloc(&b.part[a],
				    m->attr[a].nparts, sizeof(unsigned), st);
				if (rc != RX_OK)
					break;
				if (has(shared, a))
					b.part[a][b.n[a]++] = at[a];
				else if (m->attr[a].multi)
					b.part[a][b.n[a]++] =
					    m->attr[a].nparts - 1;
				else for (; b.n[a] < m->attr[a].nparts;
				    b.n[a]++)
					b.part[a][b.n[a]] = b.n[a];
			}
			if (rc == RX_OK)
				rc = add_box(m, &b, 0, b.q->first, i ? -1 : 1,
				    st);
			box_free(&b);
		}
		if (rc == RX_OK)
			rc = end_sum(m, 0, 0, false, st);
		for (a = 0; a < m->nattrs; a++) {
			if (!has(shared, a))
				continue;
			if (++at[a] < m->attr[a].nparts)
				break;
			at[a] = 0;
		}
	} while (rc == RX_OK && a < m->nattrs);
	return (rc);
}

rx_err
rx_model_layout(struct rx_model *m, bool *large, struct rx_status *st)
{
	struct seat *s;
	unsigned k;
	size_t i;
	rx_err rc = RX_OK;

	for (k = 0; k < m->nattrs; k++)
		settle(&m->attr[k]);
	make_cliques(m);
	make_tree(m);
	if ((*large = !place_unknowns(m)))
		return (RX_OK);
	for (i = 0; i < m->nseats; i++) {
		s = &m->seat[i];
		for (k = 0; k < m->ncliques; k++) {
			if ((s->attrs & ~m->clique[k].attrs) == 0 &&
			    ((s->attrs & ~m->clique[s->clique].attrs) != 0 ||
			    m->clique[k].size < m->clique[s->clique].size))
				s->clique = k;
		}
	}
	for (k = 1; k < m->ncliques && rc == RX_OK; k++)
		rc = agree(m, k, st);
	return (rc);
}

/* The part of ${a} that what is recorded at ${unit} lies in: of the cuts around
 * it the innermost; the number of cuts when there is none. */
static size_t
part_of(const struct attr *a, const char unit[RX_UNIT_BYTES])
{
	int64_t v = 2 * rx_unit_value(unit) + 1;
	size_t n = ncuts(a), best = n, k;

	for (k = 0; k < n; k++) {
		if (unit_in(cut(a, k), v) &&
		    (best == n || unit_in(cut(a, best), cut(a, k))))
			best = k;
	}
	return (best);
}

/* There is nothing in part ${p} of attribute UNIT. */
static rx_err
nothing_in(struct rx_model *m, size_t p, struct rx_status *st)
{
	const struct clique *q;
	size_t i;
	unsigned k;
	rx_err rc = RX_OK;

	for (k = 0; k < m->ncliques && rc == RX_OK; k++) {
		q = &m->clique[k];
		if (!has(q->attrs, UNIT))
			continue;
		for (i = 0; i < q->size && rc == RX_OK; i++) {
			if (i / q->stride[UNIT] % m->attr[UNIT].nparts == p)
				rc = add_term(m, q->first + i, 1, st);
		}
		if (rc == RX_OK)
			rc = end_sum(m, 0, 0, false, st);
	}
	return (rc);
}

rx_err
rx_model_units(struct rx_model *m, const uint8_t *unit, size_t n,
    struct rx_status *st)
{
	const struct attr *a = &m->attr[UNIT];
	char one[RX_UNIT_BYTES];
	bool *used;
	size_t k, p;
	rx_err rc;

	rc = rx_stats_alloc(&used, a->nparts, sizeof(*used), st);
	for (k = 0; k < n && rc == RX_OK; k++) {
		memcpy(one, &unit[k * RX_UNIT_BYTES], sizeof(one));
		if ((p = part_of(a, one)) < a->nparts)
			used[p] = true;
	}
	for (p = 0; p < a->nparts && rc == RX_OK; p++) {
		if (!used[p])
			rc = nothing_in(m, p, st);
	}
	free(used);
	return (rc);
}

/* ---- merging ---- */

/*
 * The unknowns of a base (a product of single-valued parts) are side by side:
 * one, or with multi-valued attributes one for each combination of positions
 * on them.  Bases that all sums treat alike are merged: what is said of them is
 * a sum of 64 random-looking numbers, twice, so that sums which differ do not
 * look alike by accident.
 */
struct merge {
	struct rx_model *m;
	struct sum *sum;
	size_t nsums;
	const struct rx_term *term;
	uint8_t *zero;		/* per unknown */
	uint64_t *mark;		/* two per unknown */
	uint32_t *col;		/* per unknown; SHARED: left out */
};

static uint64_t
mix(uint64_t x)
{

	/* splitmix64 (S. Vigna) */
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (x ^ (x >> 31));
}

/* How many unknowns a base of ${q} has. */
static size_t
base_size(const struct rx_model *m, const struct clique *q)
{
	size_t n = 1;
	unsigned a;

	for (a = 0; a < m->nattrs; a++) {
		if (has(q->attrs, a) && m->attr[a].multi)
			n *= m->attr[a].nparts;
	}
	return (n);
}

/* What is left of a sum that is zero and takes nothing away is zero; over and
 * over, as agreement carries it on. */
static void
find_zeros(struct merge *g)
{
	const struct sum *s;
	const struct rx_term *t;
	size_t k, j, neg, pos;
	bool changed = true;

	while (changed) {
		changed = false;
		for (k = 0; k < g->nsums; k++) {
			s = &g->sum[k];
			if (s->asked || s->hi != 0)
				continue;
			for (neg = pos = 0, j = 0; j < s->n; j++) {
				t = &g->term[s->off + j];
				if (!g->zero[t->col])
					*(t->coef < 0 ? &neg : &pos) += 1;
			}
			if (!((neg == 0 && pos > 0) ||
			    (s->lo == 0 && pos == 0 && neg > 0)))
				continue;
			for (j = 0; j < s->n; j++)
				g->zero[g->term[s->off + j].col] = 1;
			changed = true;
		}
	}
}

/* No thing at all in a base: none of any value. */
static void
zero_bases(struct merge *g)
{
	const struct clique *q;
	size_t per, i, j;
	unsigned k;

	for (k = 0; k < g->m->ncliques; k++) {
		q = &g->m->clique[k];
		per = base_size(g->m, q);
		for (i = q->first; i < q->first + q->size; i += per) {
			for (j = 0; g->zero[i + per - 1] && j < per; j++)
				g->zero[i + j] = 1;
		}
	}
}

static void
mark_all(struct merge *g)
{
	const struct rx_term *t;
	size_t k, j;

	for (k = 0; k < g->nsums; k++) {
		for (j = 0; j < g->sum[k].n; j++) {
			t = &g->term[g->sum[k].off + j];
			g->mark[2 * t->col] += mix(2 * k) *
			    (uint64_t)(int64_t)t->coef;
			g->mark[2 * t->col + 1] += mix(2 * k + 1) *
			    (uint64_t)(int64_t)t->coef;
		}
	}
}

/* Columns for the base at ${i}, unless one like it has them. */
static rx_err
merge_base(struct merge *g, struct rx_set *seen, struct rx_buf *firsts,
    unsigned clique, size_t i, size_t per, struct rx_system *sys,
    struct rx_status *st)
{
	uint64_t key[3] = { clique, 0, 0 };
	size_t j, index;
	bool added;
	rx_err rc;

	for (j = 0; j < per; j++) {
		key[1] += mix(g->mark[2 * (i + j)] + j);
		key[2] += mix(g->mark[2 * (i + j) + 1] + j);
		key[2] += g->zero[i + j] ? mix(~(uint64_t)j) : 0;
	}
	if ((rc = rx_set_add(seen, key, &index, &added, st)) != RX_OK || !added)
		return (rc);
	rc = rx_buf_add(firsts, &i, sizeof(i), st);
	for (j = 0; j < per && rc == RX_OK; j++) {
		if (!g->zero[i + j])
			rc = rx_system_column(sys, &g->col[i + j], 0, RX_MOST,
			    st);
	}
	return (rc);
}

/* One sum over the unknowns of one base, into the system. */
static rx_err
base_row(const struct merge *g, struct rx_system *sys, const size_t *at,
    const int *coef, size_t n, struct rx_status *st)
{
	struct rx_term t[256];
	size_t k, m = 0;

	for (k = 0; k < n && m < 256; k++) {
		if (g->col[at[k]] != SHARED)
			t[m++] = (struct rx_term){ g->col[at[k]], coef[k] };
	}
	if (m == 0)
		return (RX_OK);
	return (rx_system_row(sys, t, m, 0, RX_MOST, st));
}

/* A thing has at least one value: each value <= all <= their sum, on attribute
 * ${a} of the base at ${i}, wherever the other multi-valued one stands. */
static rx_err
several_values(const struct merge *g, struct rx_system *sys,
    const struct clique *q, unsigned a, size_t i, size_t per,
    struct rx_status *st)
{
	const struct attr *x = &g->m->attr[a];
	size_t at[256], two[2], j, stride = q->stride[a];
	int coef[256];
	static const int part[2] = { 1, -1 };
	unsigned p, n = x->nparts;
	rx_err rc = RX_OK;

	if (n > 256)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_JOINT_TOO_LARGE));
	for (j = 0; j < per && rc == RX_OK; j++) {
		if (j / stride % n != 0)
			continue;
		for (p = 0; p < n; p++) {
			at[p] = i + j + p * stride;
			coef[p] = p + 1 < n ? 1 : -1;
			two[0] = i + j + (n - 1) * stride;
			two[1] = at[p];
			if (p + 1 < n && rc == RX_OK &&
			    g->col[two[1]] != SHARED)
				rc = base_row(g, sys, two, part, 2, st);
		}
		if (rc == RX_OK)
			rc = base_row(g, sys, at, coef, n, st);
	}
	return (rc);
}

/* Both >= one + other - all, for two of them. */
static rx_err
two_attributes(const struct merge *g, struct rx_system *sys,
    const struct clique *q, unsigned a, unsigned b, size_t i,
    struct rx_status *st)
{
	static const int coef[4] = { 1, -1, -1, 1 };
	unsigned na = g->m->attr[a].nparts, nb = g->m->attr[b].nparts, p, r;
	size_t at[4], sa = q->stride[a], sb = q->stride[b];
	rx_err rc = RX_OK;

	for (p = 0; p + 1 < na; p++) {
		for (r = 0; r + 1 < nb && rc == RX_OK; r++) {
			at[0] = i + p * sa + r * sb;
			at[1] = i + p * sa + (nb - 1) * sb;
			at[2] = i + (na - 1) * sa + r * sb;
			at[3] = i + (na - 1) * sa + (nb - 1) * sb;
			if (g->col[at[1]] != SHARED && g->col[at[2]] != SHARED)
				rc = base_row(g, sys, at, coef, 4, st);
		}
	}
	return (rc);
}

static rx_err
base_rows(const struct merge *g, struct rx_system *sys,
    const struct clique *q, size_t i, size_t per, struct rx_status *st)
{
	unsigned a, b;
	rx_err rc = RX_OK;

	for (a = 0; a < g->m->nattrs && rc == RX_OK; a++) {
		if (!has(q->attrs, a) || !g->m->attr[a].multi)
			continue;
		rc = several_values(g, sys, q, a, i, per, st);
		for (b = a + 1; b < g->m->nattrs && rc == RX_OK; b++) {
			if (has(q->attrs, b) && g->m->attr[b].multi)
				rc = two_attributes(g, sys, q, a, b, i, st);
		}
	}
	return (rc);
}

/* The columns, and what holds within a base. */
static rx_err
put_columns(struct merge *g, struct rx_system *sys, struct rx_status *st)
{
	struct rx_set seen = { .size = 3 * sizeof(uint64_t) };
	struct rx_buf firsts = RX_BUF_INIT;
	const struct clique *q;
	size_t per, i, k;
	unsigned c;
	rx_err rc = RX_OK;

	for (c = 0; c < g->m->ncliques && rc == RX_OK; c++) {
		q = &g->m->clique[c];
		per = base_size(g->m, q);
		rx_buf_reset(&firsts);
		for (i = q->first; i < q->first + q->size && rc == RX_OK;
		    i += per) {
			if (!g->zero[i + per - 1])
				rc = merge_base(g, &seen, &firsts, c, i, per,
				    sys, st);
		}
		for (k = 0; k < firsts.len && rc == RX_OK; k += sizeof(i)) {
			memcpy(&i, &firsts.b[k], sizeof(i));
			rc = base_rows(g, sys, q, i, per, st);
		}
	}
	rx_set_free(&seen);
	rx_buf_free(&firsts);
	return (rc);
}

/* ${sum} over the columns that are left; each once, as a part that is taken
 * from its margin leaves nothing. */
static rx_err
put_sum(const struct merge *g, struct rx_system *sys, struct sum *s,
    uint32_t nothing, struct rx_term *t, uint32_t *where, struct rx_set *asked,
    struct rx_status *st)
{
	uint64_t key[4] = { 0, 0, (uint64_t)s->lo, (uint64_t)s->hi };
	uint32_t question, col;
	bool added;
	rx_err rc;
	size_t j, k, n = 0, left = 0;

	for (j = 0; j < s->n; j++) {
		if ((col = g->col[g->term[s->off + j].col]) == SHARED)
			continue;
		k = where[col];
		if (k >= n || t[k].col != col) {
			k = n++;
			t[k] = (struct rx_term){ col, 0 };
			where[col] = (uint32_t)k;
		}
		t[k].coef += g->term[s->off + j].coef;
	}
	for (j = 0; j < n; j++) {
		if (t[j].coef != 0)
			t[left++] = t[j];
	}
	if (s->asked) {
		if (left == 0)
			t[left++] = (struct rx_term){ nothing, 1 };
		for (j = 0; j < left; j++) {
			key[0] += mix(2 * (uint64_t)t[j].col) *
			    (uint64_t)(int64_t)t[j].coef;
			key[1] += mix(2 * (uint64_t)t[j].col + 1) *
			    (uint64_t)(int64_t)t[j].coef;
		}
		rc = rx_set_add(asked, key, &s->place, &added, st);
		if (rc != RX_OK || !added)
			return (rc);
		return (rx_system_ask(sys, &question, t, left, s->lo, s->hi,
		    st));
	}
	if (left == 0)
		return (RX_OK);
	s->place = rx_system_rows(sys);
	return (rx_system_row(sys, t, left, s->lo, s->hi, st));
}

rx_err
rx_model_finish(struct rx_model *m, struct rx_system *sys,
    struct rx_status *st)
{
	struct merge g = { .m = m, .sum = (struct sum *)(void *)m->sums.b, .nsums = m->sums.len / sizeof(struct sum),
	    .term = (const struct rx_term *)(const void *)m->terms.b };
	struct rx_set asked = { .size = 4 * sizeof(uint64_t) };
	struct rx_term *t = NULL;
	uint32_t nothing, *where = NULL;
	size_t k;
	rx_err rc;

	if ((rc = rx_stats_alloc(&where, m->nunknowns + 1, sizeof(*where),
	    st)) != RX_OK || (rc = rx_stats_alloc(&g.zero, m->nunknowns, 1, st)) != RX_OK ||
	    (rc = rx_stats_alloc(&g.mark, 2 * m->nunknowns, sizeof(*g.mark),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&g.col, m->nunknowns, sizeof(*g.col),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&t, m->nunknowns + 1, sizeof(*t), st)) !=
	    RX_OK)
		goto done;
	memset(g.col, 0xff, m->nunknowns * sizeof(*g.col));
	find_zeros(&g);
	zero_bases(&g);
	find_zeros(&g);
	zero_bases(&g);
	mark_all(&g);
	if ((rc = rx_system_column(sys, &nothing, 0, 0, st)) != RX_OK ||
	    (rc = put_columns(&g, sys, st)) != RX_OK)
		goto done;
	for (k = 0; k < g.nsums && rc == RX_OK; k++)
		rc = put_sum(&g, sys, &g.sum[k], nothing, t, where, &asked,
		    st);
done:
	rx_set_free(&asked);
	free(where);
	free(g.zero);
	free(g.mark);
	free(g.col);
	free(t);
	return (rc);
}
