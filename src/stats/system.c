#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"
#include "stats/reduce.h"

/*
 * A system as it is given, and the points that are known of it.  Everything
 * here is exact: figures are below 2^40, coefficients below 2^10, and a row has
 * fewer than 2^13 * 2^10 terms of that size before 64 bits would not do, which
 * rx_system_row makes sure of.
 */

#define COEF_MAX 1024
#define TERMS_MAX ((size_t)1 << 12)	/* of coefficient COEF_MAX in a row */

rx_err
rx_system_new(struct rx_system **out, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_stats_alloc(out, 1, sizeof(**out), st)) == RX_OK)
		(*out)->left = UINT64_MAX;
	return (rc);
}

void
rx_system_limit(struct rx_system *s, uint64_t work)
{

	s->left = work;
}

uint64_t
rx_system_left(const struct rx_system *s)
{

	return (s->left);
}

void
rx_system_spend(struct rx_system *s, uint64_t work)
{

	s->left -= work < s->left ? work : s->left;
}

void
rx_system_free(struct rx_system *s)
{

	if (s == NULL)
		return;
	rx_drop(s->col, s->colcap, sizeof(*s->col));
	rx_drop(s->row, s->rowcap, sizeof(*s->row));
	rx_drop(s->ask, s->askcap, sizeof(*s->ask));
	rx_drop(s->pool, s->poolcap, sizeof(*s->pool));
	free(s->known);
	free(s->rows_at);
	free(s->rows_of);
	free(s->asks_at);
	free(s->asks_of);
	rx_drop(s->delta, s->ncols, sizeof(*s->delta));
	rx_drop(s->row_delta, s->nrows, sizeof(*s->row_delta));
	rx_drop(s->ask_delta, s->nasks, sizeof(*s->ask_delta));
	free(s->touched);
	free(s);
}

/* ---- what is known ---- */

static bool
in_range(int64_t v)
{

	return (v == RX_LEAST || v == RX_MOST ||
	    (v >= -RX_FIGURE_MAX && v <= RX_FIGURE_MAX));
}

rx_err
rx_system_column(struct rx_system *s, uint32_t *col, int64_t lo, int64_t hi,
    struct rx_status *st)
{
	rx_err rc;

	if (s->closed || lo > hi || !in_range(lo) || !in_range(hi))
		return (rx_stats_bug("column", st));
	if ((rc = rx_room(&s->col, s->ncols, 1, &s->colcap, sizeof(*s->col),
	    st)) != RX_OK)
		return (rc);
	*col = (uint32_t)s->ncols;
	s->col[s->ncols++] = (struct rx_col){ .lo = lo, .hi = hi };
	return (RX_OK);
}

static rx_err
keep_terms(struct rx_system *s, struct rx_form *f, const struct rx_term *t,
    size_t n, struct rx_status *st)
{
	size_t k;
	int64_t weight = 0;
	rx_err rc;

	for (k = 0; k < n; k++) {
		if (t[k].col >= s->ncols || t[k].coef > COEF_MAX ||
		    t[k].coef < -COEF_MAX)
			return (rx_stats_bug("term", st));
		weight += t[k].coef < 0 ? -t[k].coef : t[k].coef;
	}
	if (s->closed || weight > (int64_t)TERMS_MAX * COEF_MAX)
		return (rx_stats_bug("terms", st));
	if ((rc = rx_room(&s->pool, s->npool, n, &s->poolcap, sizeof(*s->pool),
	    st)) != RX_OK)
		return (rc);
	f->at = s->npool;
	f->n = n;
	if (n > 0)
		memcpy(&s->pool[s->npool], t, n * sizeof(*t));
	s->npool += n;
	return (RX_OK);
}

rx_err
rx_system_row(struct rx_system *s, const struct rx_term *t, size_t n,
    int64_t lo, int64_t hi, struct rx_status *st)
{
	struct rx_row r = { .lo = lo, .hi = hi };
	rx_err rc;

	if (lo > hi || !in_range(lo) || !in_range(hi))
		return (rx_stats_bug("row", st));
	if ((rc = keep_terms(s, &r.f, t, n, st)) != RX_OK ||
	    (rc = rx_room(&s->row, s->nrows, 1, &s->rowcap, sizeof(*s->row),
	    st)) != RX_OK)
		return (rc);
	s->row[s->nrows++] = r;
	return (RX_OK);
}

rx_err
rx_system_ask_knower(struct rx_system *s, uint32_t *question,
    const struct rx_term *t, size_t n, int64_t need_lo, int64_t need_hi,
    const uint32_t *known, size_t nknown, struct rx_status *st)
{
	struct rx_ask q = { .need_lo = need_lo, .need_hi = need_hi,
	    .known_at = s->nknown, .nknown = nknown };
	size_t k;
	rx_err rc;

	if (!in_range(need_lo) || !in_range(need_hi))
		return (rx_stats_bug("need", st));
	for (k = 0; k < nknown; k++) {
		if (known[k] >= s->ncols)
			return (rx_stats_bug("knower", st));
	}
	if ((rc = keep_terms(s, &q.f, t, n, st)) != RX_OK ||
	    (rc = rx_room(&s->ask, s->nasks, 1, &s->askcap, sizeof(*s->ask),
	    st)) != RX_OK ||
	    (rc = rx_room(&s->known, s->nknown, nknown, &s->knowncap,
	    sizeof(*s->known), st)) != RX_OK)
		return (rc);
	if (nknown > 0)
		memcpy(&s->known[s->nknown], known, nknown * sizeof(*known));
	s->nknown += nknown;
	*question = (uint32_t)s->nasks;
	s->ask[s->nasks++] = q;
	return (RX_OK);
}

rx_err
rx_system_ask(struct rx_system *s, uint32_t *question, const struct rx_term *t,
    size_t n, int64_t need_lo, int64_t need_hi, struct rx_status *st)
{

	return (rx_system_ask_knower(s, question, t, n, need_lo, need_hi, NULL,
	    0, st));
}

/* ---- from columns to rows and questions ---- */

/* For each column the forms that hold it; form k is at ${form}(s, k). */
static rx_err
invert(const struct rx_system *s, size_t nforms,
    const struct rx_form *(*form)(const struct rx_system *, size_t),
    size_t **at, struct rx_term **of, struct rx_status *st)
{
	const struct rx_form *f;
	size_t k, j, *end;
	rx_err rc;

	if ((rc = rx_stats_alloc(at, s->ncols + 2, sizeof(**at), st)) != RX_OK)
		return (rc);
	/* Filled from one place further on, so that it ends up in its own. */
	end = *at + 1;
	for (k = 0; k < nforms; k++) {
		for (f = form(s, k), j = 0; j < f->n; j++)
			end[s->pool[f->at + j].col + 1]++;
	}
	for (k = 0; k < s->ncols; k++)
		end[k + 1] += end[k];
	if ((rc = rx_stats_alloc(of, end[s->ncols], sizeof(**of), st)) != RX_OK)
		return (rc);
	for (k = 0; k < nforms; k++) {
		for (f = form(s, k), j = 0; j < f->n; j++)
			(*of)[end[s->pool[f->at + j].col]++] =
			    (struct rx_term){ (uint32_t)k,
			    s->pool[f->at + j].coef };
	}
	return (RX_OK);
}

static const struct rx_form *
form_of_row(const struct rx_system *s, size_t k)
{

	return (&s->row[k].f);
}

static const struct rx_form *
form_of_ask(const struct rx_system *s, size_t k)
{

	return (&s->ask[k].f);
}

rx_err
rx_system_close(struct rx_system *s, struct rx_status *st)
{
	rx_err rc;

	if (s->closed)
		return (RX_OK);
	s->closed = true;
	if ((rc = invert(s, s->nrows, form_of_row, &s->rows_at, &s->rows_of,
	    st)) != RX_OK ||
	    (rc = invert(s, s->nasks, form_of_ask, &s->asks_at, &s->asks_of,
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&s->delta, s->ncols, sizeof(*s->delta),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&s->row_delta, s->nrows,
	    sizeof(*s->row_delta), st)) != RX_OK ||
	    (rc = rx_stats_alloc(&s->ask_delta, s->nasks,
	    sizeof(*s->ask_delta), st)) != RX_OK)
		return (rc);
	return (rx_stats_alloc(&s->touched, s->ncols + s->nrows + s->nasks,
	    sizeof(*s->touched), st));
}

/* ---- points ---- */

static int64_t
value_at(const struct rx_system *s, const struct rx_form *f, const int64_t *x)
{
	int64_t sum = 0;
	size_t k;

	for (k = 0; k < f->n; k++)
		sum += s->pool[f->at + k].coef * x[s->pool[f->at + k].col];
	return (sum);
}

/* Whether ${x} agrees with everything. */
static bool
agrees(const struct rx_system *s, const int64_t *x)
{
	int64_t v;
	size_t k;

	for (k = 0; k < s->ncols; k++) {
		if (x[k] < s->col[k].lo || x[k] > s->col[k].hi ||
		    !in_range(x[k]))
			return (false);
	}
	for (k = 0; k < s->nrows; k++) {
		v = value_at(s, &s->row[k].f, x);
		if (v < s->row[k].lo || v > s->row[k].hi)
			return (false);
	}
	return (true);
}

static void
first_point(struct rx_system *s, const int64_t *x)
{
	size_t k;

	s->based = true;
	for (k = 0; k < s->ncols; k++)
		s->col[k].x = x[k];
	for (k = 0; k < s->nrows; k++)
		s->row[k].value = value_at(s, &s->row[k].f, x);
	for (k = 0; k < s->nasks; k++) {
		s->ask[k].value = value_at(s, &s->ask[k].f, x);
		s->ask[k].low = s->ask[k].high = s->ask[k].value;
	}
}

rx_err
rx_system_point(struct rx_system *s, const int64_t *x, bool *fits,
    struct rx_status *st)
{
	struct rx_term *t;
	size_t n = 0, k;
	rx_err rc;

	*fits = false;
	if ((rc = rx_system_close(s, st)) != RX_OK)
		return (rc);
	if (!s->based) {
		if ((*fits = agrees(s, x)))
			first_point(s, x);
		return (RX_OK);
	}
	if ((rc = rx_stats_alloc(&t, s->ncols, sizeof(*t), st)) != RX_OK)
		return (rc);
	for (k = 0; k < s->ncols; k++) {
		if (x[k] < INT32_MIN / 2 || x[k] > INT32_MAX / 2 ||
		    s->col[k].x > INT32_MAX / 2 || s->col[k].x < INT32_MIN / 2)
			break;
		if (x[k] != s->col[k].x)
			t[n++] = (struct rx_term){ (uint32_t)k,
			    (int32_t)(x[k] - s->col[k].x) };
	}
	if (k == s->ncols)
		rc = rx_system_step(s, t, n, fits, st);
	rx_drop(t, s->ncols, sizeof(*t));
	return (rc);
}

/* Put the changes ${t} in s->delta, their columns in s->touched. */
static size_t
spread(struct rx_system *s, const struct rx_term *t, size_t n)
{
	size_t k, m = 0;

	for (k = 0; k < n; k++) {
		if (!s->delta[t[k].col].touched)
			s->touched[m++] = t[k].col;
		s->delta[t[k].col].touched = true;
		s->delta[t[k].col].by += t[k].coef;
	}
	return (m);
}

/* Add to ${sum} what the columns touched change in the forms of ${at}, ${of};
 * these forms go in s->touched from ${from} on, their number is returned. */
static size_t
add_up(struct rx_system *s, size_t ncols, size_t from, const size_t *at,
    const struct rx_term *of, struct rx_change *sum)
{
	const struct rx_term *t;
	size_t k, j, n = 0;

	for (k = 0; k < ncols; k++) {
		for (j = at[s->touched[k]]; j < at[s->touched[k] + 1]; j++) {
			t = &of[j];
			if (!sum[t->col].touched)
				s->touched[from + n++] = t->col;
			sum[t->col].touched = true;
			sum[t->col].by += t->coef *
			    s->delta[s->touched[k]].by;
		}
	}
	return (n);
}

/* The point may be used for question ${q} when who asks knows no unknown that
 * it changes. */
static void
harvest_one(struct rx_system *s, struct rx_ask *q, int64_t by)
{
	size_t k;

	for (k = 0; k < q->nknown; k++) {
		if (s->delta[s->known[q->known_at + k]].by != 0)
			return;
	}
	if (q->value + by < q->low)
		q->low = q->value + by;
	if (q->value + by > q->high)
		q->high = q->value + by;
}

rx_err
rx_system_step(struct rx_system *s, const struct rx_term *t, size_t n,
    bool *fits, struct rx_status *st)
{
	size_t ncols, nrows, nasks = 0, k, i;
	bool good = s->based;
	int64_t v;

	*fits = false;
	if (!s->based)
		return (rx_stats_bug("step before a point", st));
	ncols = spread(s, t, n);
	for (k = 0; k < ncols; k++) {
		i = s->touched[k];
		v = s->col[i].x + s->delta[i].by;
		good = good && v >= s->col[i].lo && v <= s->col[i].hi &&
		    in_range(v);
	}
	nrows = add_up(s, ncols, ncols, s->rows_at, s->rows_of, s->row_delta);
	for (k = 0; k < nrows; k++) {
		i = s->touched[ncols + k];
		v = s->row[i].value + s->row_delta[i].by;
		good = good && v >= s->row[i].lo && v <= s->row[i].hi;
		s->row_delta[i] = (struct rx_change){ 0 };
	}
	if (good)
		nasks = add_up(s, ncols, ncols, s->asks_at, s->asks_of,
		    s->ask_delta);
	for (k = 0; k < nasks; k++) {
		i = s->touched[ncols + k];
		harvest_one(s, &s->ask[i], s->ask_delta[i].by);
		s->ask_delta[i] = (struct rx_change){ 0 };
	}
	for (k = 0; k < ncols; k++)
		s->delta[s->touched[k]] = (struct rx_change){ 0 };
	*fits = good;
	return (RX_OK);
}

bool
rx_system_met(const struct rx_system *s, uint32_t question, int64_t *low,
    int64_t *high)
{
	const struct rx_ask *q = &s->ask[question];

	if (low != NULL)
		*low = q->low;
	if (high != NULL)
		*high = q->high;
	return (s->based &&
	    (q->need_lo == RX_LEAST || q->low <= q->need_lo) &&
	    (q->need_hi == RX_MOST || q->high >= q->need_hi));
}
