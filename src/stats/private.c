#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/table.h"

/*
 * A differentially private cross-table.  Two registers are neighbours when
 * one holds a child, with all that was recorded of him, that the other does
 * not.  The keys of the table are the same for both: they come from the code
 * lists, the register's list of units and the dates asked for.  A base cell
 * has a leaf on every axis; on an axis where a thing may have several values,
 * a leaf or "*".  A child counts with at most RX_PRIVATE_RECORDS things of at
 * most RX_PRIVATE_VALUES values each, so he changes base cells by no more than
 * ${touch} in all; every base cell gets independent discrete Laplace noise of
 * scale touch/epsilon, which makes the base cells epsilon-differentially
 * private (Dwork, McSherry, Nissim, Smith 2006).  What follows looks at noisy
 * figures only: no figure below zero, and margins that add up.
 */

/* ---- epsilon ---- */

rx_err
rx_epsilon_parse(unsigned *epsilon, const char *text, struct rx_status *st)
{
	unsigned v = 0, digits = 0, places = 0;
	bool point = false;
	const char *p;

	*epsilon = 0;
	for (p = text; *p != '\0' && digits < 8; p++) {
		if (*p == '.' && !point && digits > 0) {
			point = true;
			continue;
		}
		if (*p < '0' || *p > '9')
			break;
		v = 10 * v + (unsigned)(*p - '0');
		digits++;
		places += point;
	}
	if (*p != '\0' || digits == 0 || places > 3 || (point && places == 0))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_PRIVATE_EPSILON));
	for (; places < 3 && v <= RX_EPSILON_MAX; places++)
		v *= 10;
	if (v < RX_EPSILON_MIN || v > RX_EPSILON_MAX)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_PRIVATE_EPSILON));
	*epsilon = v;
	return (RX_OK);
}

void
rx_epsilon_text(char out[RX_EPSILON_TEXT], uint64_t epsilon)
{
	size_t n;

	(void)snprintf(out, RX_EPSILON_TEXT, "%llu.%03llu",
	    (unsigned long long)(epsilon / 1000),
	    (unsigned long long)(epsilon % 1000));
	for (n = strlen(out); out[n - 1] == '0'; n--)
		out[n - 1] = '\0';
	if (out[n - 1] == '.')
		out[n - 1] = '\0';
}

/* ---- what a child can change ---- */

static bool
has_multi(const struct rx_table_request *req)
{
	size_t d;

	for (d = 0; d < req->ndims; d++) {
		if (rx_dim_infos[req->dims[d]].multi)
			return (true);
	}
	return (false);
}

void
rx_private_bounds(struct rx_private_bounds *b,
    const struct rx_table_request *req)
{
	const bool multi = has_multi(req);

	b->records = req->count == RX_COUNT_CHILDREN ? 1 : RX_PRIVATE_RECORDS;
	b->values = multi ? RX_PRIVATE_VALUES : 1;
	/* With several values also the "*" that is counted beside them. */
	b->touch = b->records * (multi ? b->values + 1 : 1);
}

rx_err
rx_private_check(const struct rx_table_request *req, struct rx_status *st)
{
	size_t d, n = 0;

	if (req->epsilon < RX_EPSILON_MIN || req->epsilon > RX_EPSILON_MAX)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_PRIVATE_EPSILON));
	for (d = 0; d < req->ndims; d++)
		n += rx_dim_infos[req->dims[d]].multi;
	if (n > 1)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_PRIVATE_TWO_LISTS));
	return (RX_OK);
}

/* ---- keys that do not depend on the children ---- */

rx_err
rx_tab_unit(struct rx_tab *t, const char unit[RX_UNIT_BYTES],
    struct rx_status *st)
{
	char self[RX_UNIT_BYTES];
	rx_err rc;

	if (!rx_unit_covers(t->req.unit, unit))
		return (RX_OK);
	if ((rc = rx_buf_add(&t->units, unit, RX_UNIT_BYTES, st)) != RX_OK ||
	    rx_unit_level(unit) != RX_LEVEL_PREFECTURE)
		return (rc);
	memcpy(self, unit, sizeof(self));
	self[12] = 'S';
	return (rx_buf_add(&t->units, self, sizeof(self), st));
}

static int
by_value(const void *a, const void *b)
{
	int64_t x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x < y ? -1 : x > y);
}

/* All units at the level of ${dim} and those above it, for what is recorded
 * there, down from the unit of the table, which comes first. */
static rx_err
unit_values(struct rx_values *x, struct rx_tab *t, enum rx_dim dim,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	size_t n, k;
	rx_err rc;

	/* Its own unit, whether the register lists it or not. */
	if ((rc = rx_tab_unit(t, t->req.unit, st)) != RX_OK)
		return (rc);
	n = t->units.len / RX_UNIT_BYTES;
	if ((rc = rx_stats_alloc(&x->v, n, sizeof(*x->v), st)) != RX_OK)
		return (rc);
	for (k = 0; k < n; k++) {
		rx_unit_ancestor(unit, (const char *)t->units.b +
		    k * RX_UNIT_BYTES, rx_dim_level(dim));
		x->v[k] = rx_unit_value(unit);
	}
	qsort(x->v, n, sizeof(*x->v), by_value);
	for (x->n = 1, k = 1; k < n; k++) {
		if (x->v[k] != x->v[x->n - 1])
			x->v[x->n++] = x->v[k];
	}
	return (RX_OK);
}

/* The numbers from ${first} to ${last}. */
static rx_err
run_values(struct rx_values *x, int64_t first, int64_t last,
    struct rx_status *st)
{
	rx_err rc;

	rc = rx_stats_alloc(&x->v, (size_t)(last - first + 1), sizeof(*x->v),
	    st);
	for (; rc == RX_OK && first <= last; first++)
		x->v[x->n++] = first;
	return (rc);
}

/* All codes of a list; "none" where a record may have none. */
static rx_err
code_values(struct rx_values *x, const struct rx_dim_info *info,
    struct rx_status *st)
{
	const struct rx_code *codes;
	size_t n, k;
	rx_err rc;

	codes = rx_codes(info->list, &n);
	if ((rc = rx_stats_alloc(&x->v, n + 1, sizeof(*x->v), st)) != RX_OK)
		return (rc);
	for (k = 0; k < n; k++)
		x->v[x->n++] = codes[k].no;
	qsort(x->v, x->n, sizeof(*x->v), by_value);
	if (info->list != RX_LIST_SEX)
		x->v[x->n++] = RX_VALUE_NONE;
	return (RX_OK);
}

rx_err
rx_tab_domain(struct rx_tab *t, size_t d, struct rx_status *st)
{
	const enum rx_dim dim = t->req.dims[d];
	struct rx_values *x = &t->values[d];

	if (rx_dim_infos[dim].family == RX_FAMILY_UNIT)
		return (unit_values(x, t, dim, st));
	if (rx_dim_infos[dim].family == RX_FAMILY_DATE)
		return (run_values(x, rx_date_month(t->req.from) /
		    rx_dim_months(dim), rx_date_month(t->req.to) /
		    rx_dim_months(dim), st));
	if (dim == RX_DIM_AGE_BAND)
		return (run_values(x, 0, RX_AGE_BANDS - 1, st));
	return (code_values(x, &rx_dim_infos[dim], st));
}

/* ---- noise, and figures made of it ---- */

/* Figures in the making, per cell of the cube. */
struct blur {
	const struct rx_cube *c;
	int multi;		/* the axis with several values; -1 */
	unsigned star;		/* its "*"; 0 */
	int64_t *noisy;		/* base cells: count and noise */
	int64_t *fit;		/* base cells: what they are made to be */
	int64_t *sum;		/* all cells: their base cells, noisy */
	int64_t *parts;		/* all cells: how many base cells */
	size_t *plane, nplane;	/* the base cells that are being fitted */
};

static bool
is_base(const struct blur *b, size_t i)
{
	unsigned a;

	for (a = 0; a < b->c->naxes; a++) {
		if ((int)a != b->multi &&
		    rx_cube_pos(b->c, i, a) >= b->c->axis[a].nleaf)
			return (false);
	}
	return (true);
}

/* Collect the base cells with ${value} on the axis of several values: all of
 * them, when there is no such axis. */
static void
find_plane(struct blur *b, unsigned value)
{
	size_t i;

	for (b->nplane = 0, i = 0; i < b->c->ncells; i++) {
		if (is_base(b, i) && (b->multi < 0 ||
		    rx_cube_pos(b->c, i, (unsigned)b->multi) == value))
			b->plane[b->nplane++] = i;
	}
}

/* The sum of what of the plane lies above ${floor}. */
static int64_t
above(const struct blur *b, int64_t floor)
{
	int64_t sum = 0, v;
	size_t k;

	for (k = 0; k < b->nplane; k++) {
		v = b->fit[b->plane[k]] - floor;
		sum += v > 0 ? v : 0;
	}
	return (sum);
}

/*
 * Make a plane of base cells not negative and keep its total, if that is not
 * negative itself: the nearest such figures in the sense of least squares are
 * all less the same amount, cut off at zero; in whole numbers, the first few
 * one more.
 */
static void
fit_plane(struct blur *b)
{
	int64_t total = 0, low = 0, high = 0, mid, *x;
	size_t k;

	for (k = 0; k < b->nplane; k++) {
		x = &b->fit[b->plane[k]];
		total += *x;
		high = *x > high ? *x : high;
	}
	total = total > 0 ? total : 0;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (above(b, mid) <= total)
			high = mid;
		else
			low = mid + 1;
	}
	total -= above(b, low);
	for (k = 0; k < b->nplane; k++) {
		x = &b->fit[b->plane[k]];
		*x -= low;
		if (*x >= 0 && total > 0) {
			++*x;
			total--;
		}
		*x = *x > 0 ? *x : 0;
	}
}

/* A value has no more things than there are, and all values together no
 * fewer: cut those that have, add what lacks to the largest. */
static void
fit_values(struct blur *b)
{
	const struct rx_axis *x = &b->c->axis[b->multi];
	const size_t stride = b->c->stride[b->multi];
	int64_t all, sum;
	size_t i, j, k, best;
	unsigned l;

	find_plane(b, b->star);
	for (k = 0; k < b->nplane; k++) {
		i = b->plane[k];
		all = b->fit[i];
		best = i - x->nleaf * stride;
		for (sum = 0, l = 0; l < x->nleaf; l++) {
			j = i - (x->nleaf - l) * stride;
			b->fit[j] = b->fit[j] < all ? b->fit[j] : all;
			best = b->fit[j] > b->fit[best] ? j : best;
			sum += b->fit[j];
		}
		b->fit[best] += sum < all ? all - sum : 0;
	}
}

/* Add base cell ${i} to every cell that it is a part of. */
static void
add_up(struct blur *b, int64_t *value, size_t i)
{
	unsigned at[RX_AXES_MAX] = { 0 }, a, pos;
	const struct rx_cube *c = b->c;
	const struct rx_axis *x;
	size_t j;

	do {
		for (j = 0, a = 0; a < c->naxes; a++) {
			x = &c->axis[a];
			pos = rx_cube_pos(c, i, a);
			if ((int)a != b->multi)
				pos = x->up[pos * x->nup + at[a]];
			j += pos * c->stride[a];
		}
		value[j] += b->fit[i];
		b->sum[j] += b->noisy[i];
		b->parts[j]++;
		for (a = 0; a < c->naxes && ((int)a == b->multi ||
		    ++at[a] == c->axis[a].nup); a++)
			at[a] = 0;
	} while (a < c->naxes);
}

/*
 * The whole number k such that the sum of ${parts} noises lies within -k..k
 * with a probability of at least 95 %: 3 sqrt(parts) touch/epsilon, rounded
 * up.  One noise is beyond three times its scale with a probability below
 * exp(-3) < 0.05; of more, the share beyond 3 sqrt(parts) times the scale,
 * that is 2.12 standard deviations, only falls.
 */
int64_t
rx_private_error(uint64_t parts, uint64_t touch, uint64_t epsilon)
{
	uint64_t square, k = 0, step;

	square = (9 * parts * touch * touch * 1000000 + epsilon * epsilon - 1) /
	    (epsilon * epsilon);
	/* The largest k with k * k < square, and one more. */
	for (step = UINT64_C(1) << 31; step > 0; step >>= 1) {
		if ((k + step) * (k + step) < square)
			k += step;
	}
	return ((int64_t)k + 1);
}

static void
find_multi(struct blur *b)
{
	unsigned a;

	b->multi = -1;
	for (a = 0; a < b->c->naxes; a++) {
		if (!b->c->axis[a].multi)
			continue;
		b->multi = (int)a;
		b->star = b->c->axis[a].nleaf;
	}
}

rx_err
rx_tab_blur(struct rx_tab *t, struct rx_status *st)
{
	struct rx_private_bounds bounds;
	struct rx_cube *c = t->cube;
	struct blur b = { .c = c };
	unsigned v;
	size_t i;
	rx_err rc;

	rx_private_bounds(&bounds, &t->req);
	find_multi(&b);
	if ((rc = rx_stats_alloc(&b.noisy, 4 * c->ncells, sizeof(*b.noisy),
	    st)) != RX_OK || (rc = rx_stats_alloc(&t->error, c->ncells,
	    sizeof(*t->error), st)) != RX_OK)
		goto done;
	b.fit = b.noisy + c->ncells;
	b.sum = b.fit + c->ncells;
	b.parts = b.sum + c->ncells;
	if ((rc = rx_stats_alloc(&b.plane, c->ncells, sizeof(*b.plane), st)) !=
	    RX_OK)
		goto done;
	for (i = 0; i < c->ncells; i++) {
		if (is_base(&b, i))
			b.noisy[i] = b.fit[i] = c->value[i] + rx_noise_laplace(
			    &t->noise, 1000 * bounds.touch, t->req.epsilon);
	}
	for (v = 0; v <= b.star; v++) {
		find_plane(&b, v);
		fit_plane(&b);
	}
	if (b.multi >= 0)
		fit_values(&b);
	/* The counts are not needed any more. */
	rx_wipe(c->value, c->ncells * sizeof(*c->value));
	for (i = 0; i < c->ncells; i++) {
		if (is_base(&b, i))
			add_up(&b, c->value, i);
	}
	for (i = 0; i < c->ncells; i++) {
		t->error[i] = llabs(c->value[i] - b.sum[i]) + rx_private_error(
		    (uint64_t)b.parts[i], bounds.touch, t->req.epsilon);
		if (is_base(&b, i) && t->error[i] > t->widest)
			t->widest = t->error[i];
	}
done:
	rx_noise_done(&t->noise);
	if (b.noisy != NULL)
		rx_wipe(b.noisy, 4 * c->ncells * sizeof(*b.noisy));
	free(b.noisy);
	free(b.plane);
	return (rc);
}
