#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

/*
 * A cell is safe when another table, as far away as its protection asks, agrees
 * with everything that is published: whoever sees only that cannot tell the
 * two apart, however he reckons.  Such a table is looked for step by step.
 *
 * A step is a product of one vector an axis, so that it keeps all sums by
 * itself: a thing with leaf a more (KEEP: a and all margins of a go up), a
 * thing that has a in place of b (SWAP: margins that hold both stay), and,
 * where a thing may have several leaves, one more leaf for a thing that is
 * there already (TOGGLE) or the same leaves spread over more things (BARE).
 * Cells that a step changes and that are still published are its price: they
 * are suppressed.  The step with the lowest price is taken.
 *
 * Suppressing more only leaves more tables possible, so what has been shown
 * for one cell stays true whatever is done for the next.  Every table that was
 * found is kept as a witness, the cells that differ from the truth: the audit
 * checks it again.
 */

#define VEC 16			/* entries of a vector: 14 over three levels */
#define AFFECTED 1024		/* cells of a step; of a record with many leaves */
#define SOURCES 8		/* leaves under a margin that are tried */
#define PARTNERS 48		/* leaves that one of them is swapped with */
#define FACTS_FREE 5000		/* so many are gone through for a cell or two */

enum mode { KEEP, SWAP, TOGGLE, BARE };

struct candidate {
	enum mode mode;
	unsigned a, b;
	int64_t price;		/* along this axis alone */
};

struct step {
	unsigned n;
	uint32_t cell[AFFECTED];
	int coef[AFFECTED];
};

struct search {
	struct rx_cube *c;
	const struct rx_need *need;
	int64_t left;			/* how far the cell still has to go */
	bool multi;
	bool free;			/* nothing more may be suppressed */
	uint32_t *touched;		/* cells that were changed; some twice */
	size_t ntouched, touchedcap;
	struct candidate *cand[RX_AXES_MAX];
	unsigned ncand[RX_AXES_MAX];
	struct step part[RX_AXES_MAX + 1];
	struct step best;
	int64_t price, amount;		/* of the best; price -1: none yet */
};

/* Little for a small figure, more for a margin, which more readers want. */
int64_t
rx_cell_price(const struct rx_cube *c, size_t i)
{
	int64_t v, bits = 0;

	for (v = c->value[i]; v > 0; v /= 2)
		bits++;
	return (8 + 4 * bits + 4 * c->stars[i]);
}

static int64_t
price_of(const struct rx_cube *c, size_t i)
{

	return (c->suppressed[i] ? 0 : rx_cell_price(c, i));
}

/* ---- vectors ---- */

/* The vector of ${k} on axis ${x}: positions and coefficients. */
static unsigned
vector(const struct rx_axis *x, const struct candidate *k, unsigned *pos,
    int *coef)
{
	const unsigned *ua = &x->up[(size_t)k->a * x->nup];
	const unsigned *ub = &x->up[(size_t)k->b * x->nup];
	unsigned n = 0, u;

	switch (k->mode) {
	case TOGGLE:
		pos[0] = k->a;
		coef[0] = 1;
		return (1);
	case BARE:
		pos[0] = x->npos - 1;
		coef[0] = 1;
		return (1);
	default:
		break;
	}
	/* up lists go through the same projections in the same order. */
	for (u = 0; u < x->nup; u++) {
		if (k->mode == SWAP && ua[u] == ub[u])
			continue;
		pos[n] = ua[u];
		coef[n++] = 1;
		if (k->mode == SWAP) {
			pos[n] = ub[u];
			coef[n++] = -1;
		}
	}
	return (n);
}

static bool
holds(const struct rx_axis *x, unsigned pos, unsigned leaf)
{

	return (x->up[(size_t)leaf * x->nup + x->stars[pos]] == pos);
}

/* ---- candidates of one axis ---- */

/* The price of ${k} on axis ${a} with all other axes as the needed cell; -1
 * when a cell there has nothing left to give. */
static int64_t
line_price(const struct search *s, unsigned a, const struct candidate *k)
{
	const struct rx_cube *c = s->c;
	unsigned pos[VEC], n, j, here = rx_cube_pos(c, s->need->cell, a);
	int coef[VEC];
	int64_t price = 0;
	size_t i;

	n = vector(&c->axis[a], k, pos, coef);
	for (j = 0; j < n; j++) {
		i = s->need->cell - here * c->stride[a] +
		    pos[j] * c->stride[a];
		if (coef[j] * s->need->dir < 0 && c->other[i] <= c->lower[i])
			return (-1);
		price += price_of(c, i);
	}
	return (price);
}

static int
by_price(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->price != y->price)
		return (x->price < y->price ? -1 : 1);
	if (x->mode != y->mode)
		return (x->mode < y->mode ? -1 : 1);
	if (x->a != y->a)
		return (x->a < y->a ? -1 : 1);
	return (x->b < y->b ? -1 : x->b > y->b);
}

static bool
offer(struct search *s, unsigned a, enum mode mode, unsigned from, unsigned b)
{
	struct candidate k = { mode, from, b, 0 };

	k.price = line_price(s, a, &k);
	if (k.price < 0 || (k.price > 0 && s->free))
		return (false);
	s->cand[a][s->ncand[a]++] = k;
	return (true);
}

/* SWAP the leaf ${from} for the leaves around it, the nearest first: they share
 * the most margins with it. */
static void
offer_swaps(struct search *s, unsigned a, unsigned pos, unsigned from)
{
	const struct rx_axis *x = &s->c->axis[a];
	size_t base = s->need->cell - rx_cube_pos(s->c, s->need->cell, a) *
	    s->c->stride[a];
	unsigned n = 0, k, l;

	for (k = 2; k < 2 * x->nleaf && n < PARTNERS; k++) {
		/* one up, one down, two up ...; past the ends is neither */
		l = k % 2 == 0 ? from + k / 2 : from - k / 2;
		if (l >= x->nleaf || holds(x, pos, l) ||
		    (s->free && !s->c->suppressed[base + l * s->c->stride[a]]))
			continue;
		n += offer(s, a, SWAP, from, l);
	}
}

/* Every KEEP under the cell's position, cheapest first; at most SOURCES of
 * their leaves are put in ${source}. */
static unsigned
offer_keeps(struct search *s, unsigned a, unsigned pos, unsigned *source)
{
	const struct rx_axis *x = &s->c->axis[a];
	unsigned l, n;

	for (l = 0; l < x->nleaf; l++) {
		if (holds(x, pos, l))
			(void)offer(s, a, KEEP, l, l);
	}
	qsort(s->cand[a], s->ncand[a], sizeof(**s->cand), by_price);
	for (n = 0; n < s->ncand[a] && n < SOURCES; n++)
		source[n] = s->cand[a][n].a;

	/* A leaf whose margins cannot give may still be swapped. */
	for (l = 0; n == 0 && l < x->nleaf; l++) {
		if (holds(x, pos, l))
			source[n++] = l;
	}
	return (n);
}

/* All candidates of axis ${a}, the best ${limit} of them and always a KEEP. */
static void
list_candidates(struct search *s, unsigned a, unsigned limit)
{
	const struct rx_axis *x = &s->c->axis[a];
	unsigned pos = rx_cube_pos(s->c, s->need->cell, a);
	unsigned source[SOURCES], n, k;
	bool all = pos == x->npos - 1;
	struct candidate keep;
	bool has_keep;

	s->ncand[a] = 0;
	n = offer_keeps(s, a, pos, source);
	has_keep = s->ncand[a] > 0 && (int)a != s->need->apart;
	keep = s->cand[a][0];	/* zeroed when there is none */
	if ((int)a == s->need->apart)
		s->ncand[a] = 0;
	else if (x->multi && all)
		(void)offer(s, a, BARE, 0, 0);
	if (x->multi && !all)
		(void)offer(s, a, TOGGLE, pos, pos);
	for (k = 0; !all && k < n; k++)
		offer_swaps(s, a, pos, source[k]);
	qsort(s->cand[a], s->ncand[a], sizeof(**s->cand), by_price);
	if (s->ncand[a] > limit) {
		s->ncand[a] = limit;
		if (has_keep)
			s->cand[a][limit - 1] = keep;
	}
}

/* ---- a whole step ---- */

/* Whether the knower of the need knows cell ${i}, which must stay as it is. */
static bool
known(const struct search *s, size_t i)
{

	return (s->need->knower >= 0 && s->c->sole[i] == s->need->knower);
}

/* Whether the lines of cell ${i} over the axis ${a}, where things may have
 * several leaves, are those of a possible table: each part <= margin <= sum, and
 * what has no leaf that says something has no other. */
static bool
line_possible(const struct rx_cube *c, size_t i, unsigned a)
{
	const struct rx_axis *x = &c->axis[a];
	size_t base = i - rx_cube_pos(c, i, a) * c->stride[a];
	int64_t margin = c->other[base + x->nleaf * c->stride[a]];
	int64_t v, sum = 0, silent = 0;
	unsigned l;

	if (x->silent >= 0)
		silent = c->other[base + (unsigned)x->silent * c->stride[a]];
	for (l = 0; l < x->nleaf; l++) {
		v = c->other[base + l * c->stride[a]];
		if (v > margin - ((int)l == x->silent ? 0 : silent))
			return (false);
		sum += v;
	}
	return (sum >= margin);
}

/* For two such axes: |A and B| >= |A| + |B| - |all|. */
static bool
pair_possible(const struct rx_cube *c, size_t i, unsigned a, unsigned b)
{
	const struct rx_axis *x = &c->axis[a], *y = &c->axis[b];
	size_t base = i - rx_cube_pos(c, i, a) * c->stride[a] -
	    rx_cube_pos(c, i, b) * c->stride[b];
	const int64_t *t = &c->other[base];
	size_t ends = x->nleaf * c->stride[a], endt = y->nleaf * c->stride[b];
	size_t p, q;

	for (p = 0; p < ends; p += c->stride[a]) {
		for (q = 0; q < endt; q += c->stride[b]) {
			if (t[p + q] < t[p + endt] + t[ends + q] -
			    t[ends + endt])
				return (false);
		}
	}
	return (true);
}

static bool
cell_possible(const struct rx_cube *c, size_t i)
{
	unsigned a, b;

	for (a = 0; a < c->naxes; a++) {
		if (!c->axis[a].multi)
			continue;
		if (!line_possible(c, i, a))
			return (false);
		for (b = a + 1; b < c->naxes; b++) {
			if (c->axis[b].multi && !pair_possible(c, i, a, b))
				return (false);
		}
	}
	return (true);
}

static void
apply(struct search *s, const struct step *step, int64_t amount)
{
	unsigned k;

	for (k = 0; k < step->n; k++)
		s->c->other[step->cell[k]] += s->need->dir * step->coef[k] *
		    amount;
}

static bool
step_possible(struct search *s, const struct step *step, int64_t amount)
{
	bool possible = true;
	unsigned k;

	if (!s->multi)
		return (true);
	apply(s, step, amount);
	for (k = 0; k < step->n && possible; k++)
		possible = cell_possible(s->c, step->cell[k]);
	apply(s, step, -amount);
	return (possible);
}

/* Weigh the whole step ${step}: keep it when it is the cheapest so far. */
static void
weigh(struct search *s, const struct step *step)
{
	const struct rx_cube *c = s->c;
	int64_t amount = s->left, price = 0, room;
	unsigned k;
	uint32_t i;

	for (k = 0; k < step->n; k++) {
		i = step->cell[k];
		room = c->other[i] - c->lower[i];
		if (step->coef[k] * s->need->dir < 0 && room < amount)
			amount = room;
		price += price_of(c, i);
		if (amount < 1 || (s->price >= 0 && price > s->price) ||
		    (s->free && price > 0) || known(s, i))
			return;
	}
	if (!step_possible(s, step, amount)) {
		amount = 1;
		if (!step_possible(s, step, amount))
			return;
	}
	price = price * ((s->left + amount - 1) / amount) +
	    (amount < s->left);
	if (s->price >= 0 && price >= s->price)
		return;
	s->price = price;
	s->amount = amount;
	s->best = *step;
}

/* Extend the cells of the axes before ${a} by every candidate of axis a.  The
 * whole step contains the line of each candidate, so that their prices, ${price}
 * so far, add up to less than its own; candidates come cheapest first. */
static void
descend(struct search *s, unsigned a, int64_t price)
{
	const struct step *from = &s->part[a];
	struct step *to = &s->part[a + 1];
	unsigned pos[VEC], n, k, i, j;
	int coef[VEC];

	if (a == s->c->naxes) {
		weigh(s, from);
		return;
	}
	for (k = 0; k < s->ncand[a] && s->price != 0; k++) {
		if (s->price >= 0 && price + s->cand[a][k].price >= s->price)
			continue;
		n = vector(&s->c->axis[a], &s->cand[a][k], pos, coef);
		if (from->n * n > AFFECTED)
			continue;
		for (to->n = 0, i = 0; i < from->n; i++) {
			for (j = 0; j < n; j++) {
				to->cell[to->n] = from->cell[i] +
				    (uint32_t)(pos[j] * s->c->stride[a]);
				to->coef[to->n++] = from->coef[i] * coef[j];
			}
		}
		descend(s, a + 1, price + s->cand[a][k].price);
	}
}

/* ---- when no single leaf will do: a thing that was really counted ---- */

static bool
fact_under(const struct rx_cube *c, const struct rx_fact *f, size_t cell)
{
	unsigned a;
	uint32_t k;

	for (a = 0; a < c->naxes; a++) {
		for (k = 0; k < f->at[a].n; k++) {
			if (holds(&c->axis[a], rx_cube_pos(c, cell, a),
			    c->pool[f->at[a].off + k]))
				break;
		}
		if (k == f->at[a].n)
			return (false);
	}
	return (true);
}

/* All cells that hold fact ${f}; false when they are too many for a step. */
static bool
fact_step(const struct rx_cube *c, const struct rx_fact *f, struct step *step)
{
	const struct rx_axis *x;
	unsigned a, u, old, i;
	uint32_t k, pos;

	step->n = 1;
	step->cell[0] = 0;
	for (a = 0; a < c->naxes; a++) {
		x = &c->axis[a];
		old = step->n;
		if (old * (f->at[a].n * (x->nup - 1) + 1) > AFFECTED)
			return (false);
		for (k = 0; k < f->at[a].n; k++) {
			for (u = 0; u < x->nup - 1; u++) {
				pos = x->up[c->pool[f->at[a].off + k] *
				    x->nup + u];
				for (i = 0; i < old; i++)
					step->cell[step->n++] = step->cell[i] +
					    (uint32_t)(pos * c->stride[a]);
			}
		}
		/* the first ones become those of "*" */
		for (i = 0; i < old; i++)
			step->cell[i] += (uint32_t)((x->npos - 1) *
			    c->stride[a]);
	}
	for (i = 0; i < step->n; i++)
		step->coef[i] = 1;
	return (true);
}

static void
try_facts(struct search *s)
{
	size_t k;

	if (s->need->apart >= 0 || (s->free && s->c->nfacts > FACTS_FREE))
		return;
	for (k = 0; k < s->c->nfacts && s->price != 0; k++) {
		if (fact_under(s->c, &s->c->facts[k], s->need->cell) &&
		    fact_step(s->c, &s->c->facts[k], &s->part[0]))
			weigh(s, &s->part[0]);
	}
}

/* ---- */

static unsigned
limit_for(unsigned naxes)
{
	static const unsigned limit[] = { 1, 4096, 96, 24, 12 };

	return (limit[naxes]);
}

/* Find the cheapest next step; s->price stays -1 when there is none. */
static void
find_step(struct search *s)
{
	unsigned a;

	s->price = -1;
	for (a = 0; a < s->c->naxes; a++)
		list_candidates(s, a, limit_for(s->c->naxes));
	s->part[0].n = 1;
	s->part[0].cell[0] = 0;
	s->part[0].coef[0] = 1;
	descend(s, 0, 0);
	if (s->price < 0)
		try_facts(s);
}

/* Take the best step: its cells are suppressed from now on. */
static rx_err
take_step(struct search *s, struct rx_status *st)
{
	unsigned k;
	rx_err rc;

	rc = rx_room(&s->touched, s->ntouched, s->best.n, &s->touchedcap,
	    sizeof(*s->touched), st);
	if (rc != RX_OK)
		return (rc);
	apply(s, &s->best, s->amount);
	for (k = 0; k < s->best.n; k++) {
		s->c->suppressed[s->best.cell[k]] = true;
		s->touched[s->ntouched++] = s->best.cell[k];
	}
	s->left -= s->amount;
	return (RX_OK);
}

static rx_err
search_new(struct search **out, struct rx_cube *c, const struct rx_need *need,
    struct rx_status *st)
{
	struct search *s;
	unsigned a;
	rx_err rc;

	if ((rc = rx_stats_alloc(&s, 1, sizeof(*s), st)) != RX_OK)
		return (rc);
	s->c = c;
	s->need = need;
	s->left = need->amount;
	*out = s;
	for (a = 0; a < c->naxes; a++) {
		s->multi = s->multi || c->axis[a].multi;
		rc = rx_stats_alloc(&s->cand[a],
		    SOURCES * (PARTNERS + 1) + c->axis[a].nleaf + 2,
		    sizeof(**s->cand), st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static void
search_free(struct search *s)
{
	unsigned a;

	for (a = 0; s != NULL && a < RX_AXES_MAX; a++)
		free(s->cand[a]);
	if (s != NULL)
		free(s->touched);
	free(s);
}

/* Put c->other back as it was; when ${keep}, it becomes a witness first. */
static rx_err
leave(struct search *s, bool keep, struct rx_status *st)
{
	struct rx_cube *c = s->c;
	struct rx_witness w = { c->nchanges, 0 };
	size_t k;
	uint32_t i;
	rx_err rc = RX_OK;

	if (keep && ((rc = rx_room(&c->witnesses, c->nwitnesses, 1,
	    &c->witnesscap, sizeof(w), st)) != RX_OK ||
	    (rc = rx_room(&c->changes, c->nchanges, s->ntouched,
	    &c->changecap, sizeof(*c->changes), st)) != RX_OK))
		keep = false;
	for (k = 0; k < s->ntouched; k++) {
		i = s->touched[k];
		if (keep && c->other[i] != c->value[i]) {
			c->changes[c->nchanges++] = (struct rx_term){ i,
			    (int32_t)(c->other[i] - c->value[i]) };
			w.n++;
		}
		c->other[i] = c->value[i];
	}
	if (keep)
		c->witnesses[c->nwitnesses++] = w;
	return (rc);
}

rx_err
rx_move_find(struct rx_cube *c, const struct rx_need *need, bool free,
    uint32_t *witness, struct rx_status *st)
{
	struct search *s = NULL;
	bool found = true;
	rx_err rc;

	*witness = 0;
	if ((rc = search_new(&s, c, need, st)) != RX_OK)
		goto done;
	s->free = free;
	while (s->left > 0 && found) {
		find_step(s);
		if ((found = s->price >= 0) &&
		    (rc = take_step(s, st)) != RX_OK)
			break;
	}
	if (rc == RX_OK)
		rc = leave(s, found, st);
	if (rc == RX_OK && found)
		*witness = (uint32_t)c->nwitnesses;
done:
	search_free(s);
	return (rc);
}
