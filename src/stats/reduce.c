#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"
#include "stats/reduce.h"

/*
 * The audit of a system.  First it is made smaller, without losing anything:
 * unknowns that are equal become one; bounds are tightened along the rows until
 * little changes; what is then fixed is dropped, and rows that the bounds
 * already imply are; what is left falls apart into parts that have no row and
 * no question in common.  Then each part with a question that no known point
 * answers goes to the solver, once for all of its questions: only what is to be
 * made large or small changes from one to the next.
 */

#define PASSES 40
#define UNKNOWNS_MAX 200000	/* left after all that */
#define TOGETHER 6		/* times that all questions are pushed at once */

struct reduction {
	struct rx_system *s;
	uint32_t *rep;		/* per column: the one that stands for it */
	int64_t *lo, *hi;	/* per column that stands for itself */
	uint32_t *part;		/* per such column: union-find, then number */
	bool *needless;		/* per row: implied */
	int64_t cap;		/* stands for no limit above */
	size_t nparts;
	/* columns, rows and questions of each part: item[at[p] ... at[p+1]] */
	size_t *col_at, *row_at, *ask_at;
	uint32_t *col_of, *row_of, *ask_of;
	uint32_t *local;	/* per column: its number within its part */
};

struct part {			/* what the solver works on */
	struct reduction *r;
	size_t no;
	struct rx_program g;
	struct rx_solver *solver;
	struct rx_term *form;	/* a form in local numbers: all columns */
	int64_t *sum;		/* per local column, zero in between */
	int64_t *x;
	struct rx_term *step;
	uint64_t spent;		/* of its work, what was paid */
};

/* ---- equal unknowns ---- */

static uint32_t
find(uint32_t *up, uint32_t i)
{

	while (up[i] != i) {
		up[i] = up[up[i]];
		i = up[i];
	}
	return (i);
}

static void
join(uint32_t *up, uint32_t a, uint32_t b)
{

	a = find(up, a);
	b = find(up, b);
	if (a < b)
		up[b] = a;
	else
		up[a] = b;
}

static const struct rx_term *
terms_of(const struct reduction *r, const struct rx_form *f)
{

	return (&r->s->pool[f->at]);
}

static void
merge_equal(struct reduction *r)
{
	const struct rx_row *row;
	const struct rx_term *t;
	uint32_t c, rep;
	size_t k;

	for (k = 0; k < r->s->ncols; k++)
		r->rep[k] = (uint32_t)k;
	for (k = 0; k < r->s->nrows; k++) {
		row = &r->s->row[k];
		t = terms_of(r, &row->f);
		if (row->f.n == 2 && row->lo == 0 && row->hi == 0 &&
		    t[0].coef == -t[1].coef && t[0].coef != 0)
			join(r->rep, t[0].col, t[1].col);
	}
	for (c = 0; c < r->s->ncols; c++) {
		r->lo[c] = r->s->col[c].lo;
		r->hi[c] = r->s->col[c].hi;
		rep = r->rep[c] = find(r->rep, c);
		if (r->lo[c] > r->lo[rep])
			r->lo[rep] = r->lo[c];
		if (r->hi[c] < r->hi[rep])
			r->hi[rep] = r->hi[c];
	}
}

/* ---- bounds ---- */

struct activity {			/* of a row: its least, its greatest */
	int64_t least, most;
	size_t least_open, most_open;	/* terms without a limit */
};

static void
add_side(int64_t *sum, size_t *open, int64_t bound, int32_t coef)
{

	if (bound == RX_LEAST || bound == RX_MOST)
		(*open)++;
	else
		*sum += bound * coef;
}

static struct activity
activity_of(const struct reduction *r, const struct rx_row *row)
{
	const struct rx_term *t = terms_of(r, &row->f);
	struct activity a = { 0, 0, 0, 0 };
	uint32_t c;
	size_t k;

	for (k = 0; k < row->f.n; k++) {
		c = r->rep[t[k].col];
		add_side(&a.least, &a.least_open,
		    t[k].coef > 0 ? r->lo[c] : r->hi[c], t[k].coef);
		add_side(&a.most, &a.most_open,
		    t[k].coef > 0 ? r->hi[c] : r->lo[c], t[k].coef);
	}
	return (a);
}

static int64_t
floor_div(int64_t a, int64_t b)
{

	return (a / b - (a % b != 0 && (a < 0) != (b < 0)));
}

/* Narrow column ${c} so that coef * c is ${most} at the most. */
static bool
narrow_most(struct reduction *r, uint32_t c, int32_t coef, int64_t most)
{
	int64_t v;

	if (coef > 0) {
		v = floor_div(most, coef);
		if (v >= r->hi[c] || v < r->lo[c])
			return (false);
		r->hi[c] = v;
	} else if (coef < 0) {
		v = -floor_div(most, -coef);
		if (v <= r->lo[c] || v > r->hi[c])
			return (false);
		r->lo[c] = v;
	}
	return (true);
}

/* Tighten the columns of ${row} by all the others of it. */
static bool
use_row(struct reduction *r, const struct rx_row *row)
{
	const struct rx_term *t = terms_of(r, &row->f);
	struct activity a = activity_of(r, row);
	bool changed = false, open;
	int64_t bound;
	uint32_t c;
	size_t k;

	for (k = 0; k < row->f.n; k++) {
		if (t[k].coef == 0)
			continue;
		c = r->rep[t[k].col];
		/* term <= hi - least of the others */
		bound = t[k].coef > 0 ? r->lo[c] : r->hi[c];
		open = bound == RX_LEAST || bound == RX_MOST;
		if (row->hi != RX_MOST && a.least_open == (size_t)open &&
		    narrow_most(r, c, t[k].coef, row->hi - (a.least -
		    (open ? 0 : bound * t[k].coef)))) {
			changed = true;
			a = activity_of(r, row);
		}
		/* -term <= most of the others - lo */
		bound = t[k].coef > 0 ? r->hi[c] : r->lo[c];
		open = bound == RX_LEAST || bound == RX_MOST;
		if (row->lo != RX_LEAST && a.most_open == (size_t)open &&
		    narrow_most(r, c, -t[k].coef, (a.most -
		    (open ? 0 : bound * t[k].coef)) - row->lo)) {
			changed = true;
			a = activity_of(r, row);
		}
	}
	return (changed);
}

static void
tighten(struct reduction *r)
{
	struct activity a;
	bool changed = true;
	unsigned pass;
	size_t k;

	for (pass = 0; changed && pass < PASSES; pass++) {
		changed = false;
		for (k = 0; k < r->s->nrows; k++)
			changed |= use_row(r, &r->s->row[k]);
	}
	for (k = 0; k < r->s->nrows; k++) {
		a = activity_of(r, &r->s->row[k]);
		r->needless[k] = (r->s->row[k].lo == RX_LEAST ||
		    (a.least_open == 0 && a.least >= r->s->row[k].lo)) &&
		    (r->s->row[k].hi == RX_MOST ||
		    (a.most_open == 0 && a.most <= r->s->row[k].hi));
	}
}

/* ---- parts ---- */

static bool
is_open(const struct reduction *r, uint32_t c)
{

	return (r->lo[c] < r->hi[c]);
}

/* Join all open columns of ${f}. */
static void
join_form(struct reduction *r, const struct rx_form *f)
{
	const struct rx_term *t = terms_of(r, f);
	uint32_t first = UINT32_MAX, c;
	size_t k;

	for (k = 0; k < f->n; k++) {
		c = r->rep[t[k].col];
		if (!is_open(r, c))
			continue;
		if (first == UINT32_MAX)
			first = c;
		join(r->part, first, c);
	}
}

/* The part of ${f}; UINT32_MAX when nothing of it is open. */
static uint32_t
part_of(const struct reduction *r, const struct rx_form *f)
{
	const struct rx_term *t = terms_of(r, f);
	size_t k;

	for (k = 0; k < f->n; k++) {
		if (is_open(r, r->rep[t[k].col]))
			return (r->part[r->rep[t[k].col]]);
	}
	return (UINT32_MAX);
}

/* Sort 0 .. n-1 by their part[] into *of, where *at says; UINT32_MAX: none. */
static rx_err
sort_by_part(const uint32_t *part, size_t n, size_t nparts, size_t **at,
    uint32_t **of, struct rx_status *st)
{
	size_t k, *end;
	rx_err rc;

	if ((rc = rx_stats_alloc(at, nparts + 2, sizeof(**at), st)) != RX_OK ||
	    (rc = rx_stats_alloc(of, n, sizeof(**of), st)) != RX_OK)
		return (rc);
	end = *at + 1;
	for (k = 0; k < n; k++) {
		if (part[k] != UINT32_MAX)
			end[part[k] + 1]++;
	}
	for (k = 0; k < nparts; k++)
		end[k + 1] += end[k];
	for (k = 0; k < n; k++) {
		if (part[k] != UINT32_MAX)
			(*of)[end[part[k]]++] = (uint32_t)k;
	}
	return (RX_OK);
}

/* Number the parts; every column then has that of what stands for it. */
static rx_err
number_parts(struct reduction *r, struct rx_status *st)
{
	size_t n = r->s->ncols, k;
	uint32_t *no;
	rx_err rc;

	if ((rc = rx_stats_alloc(&no, n, sizeof(*no), st)) != RX_OK)
		return (rc);
	for (k = 0; k < n; k++) {
		if (r->rep[k] == k && is_open(r, (uint32_t)k) &&
		    find(r->part, (uint32_t)k) == k)
			no[k] = (uint32_t)r->nparts++;
	}
	for (k = 0; k < n; k++)
		r->part[k] = find(r->part, (uint32_t)k);
	for (k = 0; k < n; k++)
		r->part[k] = r->rep[k] == k && is_open(r, (uint32_t)k) ?
		    no[r->part[k]] : UINT32_MAX;
	for (k = 0; k < n; k++)
		r->part[k] = r->part[r->rep[k]];
	free(no);
	return (RX_OK);
}

static rx_err
sort_forms(struct reduction *r, struct rx_status *st)
{
	const struct rx_system *s = r->s;
	size_t most = s->nrows > s->nasks ? s->nrows : s->nasks, k;
	uint32_t *part;
	rx_err rc;

	if ((rc = rx_stats_alloc(&part, most, sizeof(*part), st)) != RX_OK)
		return (rc);
	for (k = 0; k < s->nrows; k++)
		part[k] = r->needless[k] ? UINT32_MAX :
		    part_of(r, &s->row[k].f);
	rc = sort_by_part(part, s->nrows, r->nparts, &r->row_at, &r->row_of,
	    st);
	for (k = 0; k < s->nasks; k++)
		part[k] = part_of(r, &s->ask[k].f);
	if (rc == RX_OK)
		rc = sort_by_part(part, s->nasks, r->nparts, &r->ask_at,
		    &r->ask_of, st);
	free(part);
	return (rc);
}

static rx_err
split(struct reduction *r, struct rx_status *st)
{
	const struct rx_system *s = r->s;
	size_t k, p;
	uint32_t c, n;
	rx_err rc;

	for (k = 0; k < s->ncols; k++)
		r->part[k] = (uint32_t)k;
	for (k = 0; k < s->nrows; k++) {
		if (!r->needless[k])
			join_form(r, &s->row[k].f);
	}
	for (k = 0; k < s->nasks; k++)
		join_form(r, &s->ask[k].f);
	if ((rc = number_parts(r, st)) != RX_OK ||
	    (rc = sort_by_part(r->part, s->ncols, r->nparts, &r->col_at,
	    &r->col_of, st)) != RX_OK)
		return (rc);
	for (p = 0; p < r->nparts; p++) {
		for (n = 0, k = r->col_at[p]; k < r->col_at[p + 1]; k++) {
			c = r->col_of[k];
			if (r->rep[c] == c)
				r->local[c] = n++;
		}
	}
	return (sort_forms(r, st));
}

static void
reduction_free(struct reduction *r)
{

	free(r->rep);
	free(r->lo);
	free(r->hi);
	free(r->part);
	free(r->needless);
	free(r->local);
	free(r->col_at);
	free(r->row_at);
	free(r->ask_at);
	free(r->col_of);
	free(r->row_of);
	free(r->ask_of);
}

/* What stands for "no limit" in a programme: far from all that is asked, so
 * that it only makes the attacker look better informed than he is. */
static int64_t
far_away(const struct rx_system *s)
{
	int64_t far = 1000, v;
	size_t k;

	for (k = 0; k < s->ncols; k++) {
		v = s->based ? s->col[k].x : s->col[k].lo;
		if (v != RX_LEAST && v > far)
			far = v;
	}
	for (k = 0; k < s->nasks; k++) {
		v = s->ask[k].need_hi;
		if (v != RX_MOST && v > far)
			far = v;
	}
	for (k = 0; k < s->nrows; k++) {
		v = s->row[k].lo;
		if (v != RX_LEAST && v > far)
			far = v;
	}
	return (4 * far);
}

static rx_err
reduce(struct reduction *r, struct rx_status *st)
{
	const struct rx_system *s = r->s;
	size_t open = 0, k;
	rx_err rc;

	if ((rc = rx_stats_alloc(&r->rep, s->ncols, sizeof(*r->rep),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&r->lo, s->ncols, sizeof(*r->lo),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&r->hi, s->ncols, sizeof(*r->hi),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&r->part, s->ncols, sizeof(*r->part),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&r->local, s->ncols, sizeof(*r->local),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&r->needless, s->nrows, sizeof(*r->needless),
	    st)) != RX_OK)
		return (rc);
	r->cap = far_away(s);
	merge_equal(r);
	tighten(r);
	for (k = 0; k < s->ncols; k++)
		open += r->rep[k] == k && is_open(r, (uint32_t)k);
	if (open > UNKNOWNS_MAX)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_TOO_HARD));
	return (split(r, st));
}

/* ---- one part ---- */

/* ${f} in local numbers, each once, in p->form; what is fixed in it is left
 * out and summed in *rest. */
static size_t
localize(struct part *p, const struct rx_form *f, struct rx_term *out,
    int64_t *rest)
{
	const struct reduction *r = p->r;
	const struct rx_term *t = terms_of(r, f);
	size_t k, n = 0, m = 0;
	uint32_t c, l;

	*rest = 0;
	for (k = 0; k < f->n; k++) {
		c = r->rep[t[k].col];
		if (!is_open(r, c)) {
			*rest += t[k].coef * r->lo[c];
			continue;
		}
		p->sum[r->local[c]] += t[k].coef;
		out[n++].col = r->local[c];
	}
	for (k = 0; k < n; k++) {
		l = out[k].col;
		if (p->sum[l] == 0)
			continue;	/* cancelled, or had already */
		out[m++] = (struct rx_term){ l, (int32_t)p->sum[l] };
		p->sum[l] = 0;
	}
	return (m);
}

static int64_t
less(int64_t bound, int64_t rest)
{

	return (bound == RX_LEAST || bound == RX_MOST ? bound : bound - rest);
}

/* The programme of the part, whose arrays the caller has made. */
static void
fill_program(struct part *p, int64_t *clo, int64_t *chi, int64_t *rlo,
    int64_t *rhi, size_t *at, struct rx_term *terms)
{
	const struct reduction *r = p->r;
	const struct rx_row *row;
	int64_t rest;
	uint32_t c;
	size_t k, n = 0;

	for (k = r->col_at[p->no]; k < r->col_at[p->no + 1]; k++) {
		c = r->col_of[k];
		if (r->rep[c] != c)
			continue;
		clo[r->local[c]] = r->lo[c] != RX_LEAST ? r->lo[c] : -r->cap;
		chi[r->local[c]] = r->hi[c] != RX_MOST ? r->hi[c] : r->cap;
	}
	for (k = r->row_at[p->no]; k < r->row_at[p->no + 1]; k++) {
		row = &r->s->row[r->row_of[k]];
		at[p->g.nrows] = n;
		n += localize(p, &row->f, &terms[n], &rest);
		rlo[p->g.nrows] = less(row->lo, rest);
		rhi[p->g.nrows++] = less(row->hi, rest);
	}
	at[p->g.nrows] = n;
	p->g.col_lo = clo;
	p->g.col_hi = chi;
	p->g.row_lo = rlo;
	p->g.row_hi = rhi;
	p->g.row_at = at;
	p->g.terms = terms;
}

static rx_err
make_solver(struct part *p, struct rx_status *st)
{
	const struct reduction *r = p->r;
	size_t ncols = p->g.ncols, nterms = 0, k;
	size_t nrows = r->row_at[p->no + 1] - r->row_at[p->no];
	int64_t *clo = NULL, *chi = NULL, *rlo = NULL, *rhi = NULL;
	struct rx_term *terms = NULL;
	size_t *at = NULL;
	rx_err rc;

	for (k = r->row_at[p->no]; k < r->row_at[p->no + 1]; k++)
		nterms += r->s->row[r->row_of[k]].f.n;
	if ((rc = rx_stats_alloc(&clo, ncols, sizeof(*clo), st)) == RX_OK &&
	    (rc = rx_stats_alloc(&chi, ncols, sizeof(*chi), st)) == RX_OK &&
	    (rc = rx_stats_alloc(&rlo, nrows, sizeof(*rlo), st)) == RX_OK &&
	    (rc = rx_stats_alloc(&rhi, nrows, sizeof(*rhi), st)) == RX_OK &&
	    (rc = rx_stats_alloc(&at, nrows + 1, sizeof(*at), st)) == RX_OK &&
	    (rc = rx_stats_alloc(&terms, nterms, sizeof(*terms),
	    st)) == RX_OK) {
		fill_program(p, clo, chi, rlo, rhi, at, terms);
		rc = rx_solver_new(&p->solver, &p->g, st);
	}
	free(clo);
	free(chi);
	free(rlo);
	free(rhi);
	free(at);
	free(terms);
	return (rc);
}

static void
part_free(struct part *p)
{

	if (p->solver != NULL)
		rx_system_spend(p->r->s, rx_solver_work(p->solver) - p->spent);
	rx_solver_free(p->solver);
	free(p->form);
	free(p->sum);
	if (p->x != NULL)
		rx_wipe(p->x, p->g.ncols * sizeof(*p->x));
	free(p->x);
	free(p->step);
}

static rx_err
part_new(struct part *p, struct reduction *r, size_t no, struct rx_status *st)
{
	size_t k, longest = 0, all = r->col_at[no + 1] - r->col_at[no];
	rx_err rc;

	memset(p, 0, sizeof(*p));
	p->r = r;
	p->no = no;
	for (k = r->col_at[no]; k < r->col_at[no + 1]; k++)
		p->g.ncols += r->rep[r->col_of[k]] == r->col_of[k];
	for (k = r->ask_at[no]; k < r->ask_at[no + 1]; k++) {
		if (r->s->ask[r->ask_of[k]].f.n > longest)
			longest = r->s->ask[r->ask_of[k]].f.n;
	}
	if (longest < p->g.ncols)
		longest = p->g.ncols;
	if ((rc = rx_stats_alloc(&p->form, longest, sizeof(*p->form),
	    st)) == RX_OK &&
	    (rc = rx_stats_alloc(&p->sum, p->g.ncols, sizeof(*p->sum),
	    st)) == RX_OK &&
	    (rc = rx_stats_alloc(&p->x, p->g.ncols, sizeof(*p->x),
	    st)) == RX_OK &&
	    (rc = rx_stats_alloc(&p->step, all, sizeof(*p->step),
	    st)) == RX_OK)
		rc = make_solver(p, st);
	if (rc != RX_OK)
		part_free(p);
	return (rc);
}

/* Try p->x as a step of the whole system. */
static rx_err
try_x(struct part *p, bool *fits, struct rx_status *st)
{
	const struct reduction *r = p->r;
	int64_t by;
	uint32_t c;
	size_t k, n = 0;

	*fits = false;
	for (k = r->col_at[p->no]; k < r->col_at[p->no + 1]; k++) {
		c = r->col_of[k];
		by = p->x[r->local[r->rep[c]]] - r->s->col[c].x;
		if (by > INT32_MAX || by < INT32_MIN)
			return (RX_OK);
		if (by != 0)
			p->step[n++] = (struct rx_term){ c, (int32_t)by };
	}
	return (rx_system_step(r->s, p->step, n, fits, st));
}

static bool
lacks(const struct rx_ask *q, int dir)
{

	return (dir > 0 ? q->need_hi != RX_MOST && q->high < q->need_hi :
	    q->need_lo != RX_LEAST && q->low > q->need_lo);
}

/* Hold what the knower of ${q} knows, or let it go again. */
static rx_err
hold_known(struct part *p, const struct rx_ask *q, bool held,
    struct rx_status *st)
{
	const struct reduction *r = p->r;
	size_t k;
	uint32_t c, col;
	rx_err rc = RX_OK;

	for (k = 0; k < q->nknown && rc == RX_OK; k++) {
		col = r->s->known[q->known_at + k];
		c = r->rep[col];
		if (!is_open(r, c) || r->part[c] != p->no)
			continue;
		if (held)
			rc = rx_solver_hold(p->solver, r->local[c],
			    r->s->col[col].x, r->s->col[col].x, st);
		else
			rc = rx_solver_hold(p->solver, r->local[c],
			    r->lo[c] != RX_LEAST ? r->lo[c] : -r->cap,
			    r->hi[c] != RX_MOST ? r->hi[c] : r->cap, st);
	}
	return (rc);
}

/* Take the work of the part so far from what is left. */
static rx_err
pay(struct part *p, struct rx_status *st)
{
	uint64_t work = rx_solver_work(p->solver);

	rx_system_spend(p->r->s, work - p->spent);
	p->spent = work;
	if (p->r->s->left == 0)
		return (rx_fail(st, RX_ECONFLICT, RX_MSG_TABLE_TOO_HARD));
	return (RX_OK);
}

/* One end of one question: a vertex, and if that is not whole, a search. */
static rx_err
reach(struct part *p, const struct rx_ask *q, int dir, struct rx_status *st)
{
	int64_t need = dir > 0 ? q->need_hi : q->need_lo, rest;
	bool possible, fits;
	size_t n;
	rx_err rc;

	n = localize(p, &q->f, p->form, &rest);
	rc = rx_solver_push(p->solver, p->form, n, dir, need - rest, p->x,
	    &possible, st);
	if (rc != RX_OK || !possible)
		return (rc);
	if ((rc = try_x(p, &fits, st)) != RX_OK || !lacks(q, dir))
		return (rc);
	rc = rx_solver_whole(p->solver, p->form, n, dir, need - rest, p->x,
	    &possible, st);
	if (rc != RX_OK || !possible)
		return (rc);
	return (try_x(p, &fits, st));
}

/* Push all lacking questions of the part at once; *left is how many lack. */
static rx_err
push_together(struct part *p, int dir, size_t *left, struct rx_status *st)
{
	const struct reduction *r = p->r;
	const struct rx_ask *q;
	const struct rx_term *t;
	size_t k, j, n = 0;
	bool possible, fits;
	uint32_t c;
	rx_err rc;

	*left = 0;
	for (k = r->ask_at[p->no]; k < r->ask_at[p->no + 1]; k++) {
		q = &r->s->ask[r->ask_of[k]];
		if (q->nknown > 0 || !lacks(q, dir))
			continue;
		(*left)++;
		t = terms_of(r, &q->f);
		for (j = 0; j < q->f.n; j++) {
			c = r->rep[t[j].col];
			if (is_open(r, c))
				p->sum[r->local[c]] += t[j].coef;
		}
	}
	for (k = 0; k < p->g.ncols; k++) {
		if (p->sum[k] != 0)
			p->form[n++] = (struct rx_term){ (uint32_t)k,
			    (int32_t)p->sum[k] };
		p->sum[k] = 0;
	}
	if (*left == 0)
		return (RX_OK);
	rc = rx_solver_push(p->solver, p->form, n, dir, 0, p->x, &possible,
	    st);
	return (rc == RX_OK ? try_x(p, &fits, st) : rc);
}

static rx_err
answer_end(struct part *p, int dir, struct rx_status *st)
{
	const struct reduction *r = p->r;
	const struct rx_ask *q;
	size_t left = SIZE_MAX, before, k;
	unsigned again;
	rx_err rc;

	for (again = 0; again < TOGETHER && left > 1; again++) {
		before = left;
		if ((rc = pay(p, st)) != RX_OK ||
		    (rc = push_together(p, dir, &left, st)) != RX_OK)
			return (rc);
		if (left == before)
			break;
	}
	for (k = r->ask_at[p->no]; k < r->ask_at[p->no + 1]; k++) {
		q = &r->s->ask[r->ask_of[k]];
		if (!lacks(q, dir))
			continue;
		if ((rc = pay(p, st)) != RX_OK ||
		    (rc = hold_known(p, q, true, st)) != RX_OK ||
		    (rc = reach(p, q, dir, st)) != RX_OK ||
		    (rc = hold_known(p, q, false, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
answer_part(struct reduction *r, size_t no, struct rx_status *st)
{
	struct part p;
	bool lacking = false;
	size_t k;
	rx_err rc;

	for (k = r->ask_at[no]; k < r->ask_at[no + 1]; k++)
		lacking = lacking || lacks(&r->s->ask[r->ask_of[k]], 1) ||
		    lacks(&r->s->ask[r->ask_of[k]], -1);
	if (!lacking)
		return (RX_OK);
	if ((rc = part_new(&p, r, no, st)) != RX_OK)
		return (rc);
	if ((rc = answer_end(&p, 1, st)) == RX_OK)
		rc = answer_end(&p, -1, st);
	part_free(&p);
	return (rc);
}

/* ---- the first point, when none was given ---- */

static rx_err
begin_part(struct reduction *r, size_t no, int64_t *x, struct rx_status *st)
{
	struct part p;
	bool possible;
	uint32_t c;
	size_t k;
	rx_err rc;

	if ((rc = part_new(&p, r, no, st)) != RX_OK)
		return (rc);
	rc = rx_solver_whole(p.solver, NULL, 0, 1, 0, p.x, &possible, st);
	for (k = r->col_at[no]; k < r->col_at[no + 1]; k++) {
		c = r->col_of[k];
		x[c] = p.x[r->local[r->rep[c]]];
	}
	part_free(&p);
	return (rc);
}

static rx_err
begin(struct reduction *r, struct rx_status *st)
{
	const struct rx_system *s = r->s;
	int64_t *x;
	bool fits;
	size_t k;
	rx_err rc;

	if ((rc = rx_stats_alloc(&x, s->ncols, sizeof(*x), st)) != RX_OK)
		return (rc);
	for (k = 0; k < s->ncols; k++)
		x[k] = r->lo[r->rep[k]] != RX_LEAST ? r->lo[r->rep[k]] : 0;
	for (k = 0; k < r->nparts && rc == RX_OK; k++)
		rc = begin_part(r, k, x, st);
	if (rc == RX_OK)
		rc = rx_system_point(r->s, x, &fits, st);
	rx_wipe(x, s->ncols * sizeof(*x));
	free(x);
	return (rc);
}

rx_err
rx_system_audit(struct rx_system *s, size_t *failed, struct rx_status *st)
{
	struct reduction r = { .s = s };
	size_t k;
	rx_err rc;

	*failed = 0;
	if ((rc = rx_system_close(s, st)) == RX_OK)
		rc = reduce(&r, st);
	if (rc == RX_OK && !s->based)
		rc = begin(&r, st);
	for (k = 0; k < r.nparts && rc == RX_OK && s->based; k++)
		rc = answer_part(&r, k, st);
	reduction_free(&r);
	for (k = 0; k < s->nasks; k++)
		*failed += !rx_system_met(s, (uint32_t)k, NULL, NULL);
	return (rc);
}
