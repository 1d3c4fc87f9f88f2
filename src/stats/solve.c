#include <math.h>
#include <setjmp.h>
#include <stdlib.h>

#include <glpk.h>

#include "stats/internal.h"
#include "stats/solve.h"

/*
 * GLPK keeps its state in thread-local memory (glp_config("TLS")), prints what
 * it does, and ends the process when it is misused or out of memory.  Here it
 * is silent, and its error hook jumps back to guarded(), which frees its state
 * and fails.  Limits are counts of iterations and nodes, never seconds: equal
 * questions get equal answers.
 */

#define MEMORY_MIB 1024
#define ITERATIONS 200000	/* of the simplex method, a question */
#define NODES 400		/* of branch and bound, a question */
#define SLACK 1e-6

struct rx_solver {
	glp_prob *p;
	size_t ncols;
	int need_row;		/* the row of the form that was asked last */
	int *ind;		/* scratch: ncols + 1 */
	double *val;
	int *basis;		/* scratch: a status for each row and column */
	bool fresh;		/* no basis yet */
	uint64_t calls;
	jmp_buf back;
	/* what the next call inside GLPK is about */
	const struct rx_program *program;
	const struct rx_term *form;
	size_t nform, col;
	int dir, result;
	int64_t need, lo, hi;
	double value;
};

static int
silent(void *info, const char *text)
{

	(void)info;
	(void)text;
	return (1);
}

static void
jump(void *info)
{
	struct rx_solver *s = info;

	longjmp(s->back, 1);
}

/* Call ${work}; whatever goes wrong within GLPK ends up here. */
static rx_err
guarded(struct rx_solver *s, void (*work)(struct rx_solver *),
    struct rx_status *st)
{

	if (s->program == NULL && s->p == NULL)
		return (rx_stats_bug("solver", st));
	if (glp_init_env() > 1)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (setjmp(s->back) != 0) {
		(void)glp_free_env();
		s->p = NULL;
		s->program = NULL;
		return (rx_stats_bug("glpk", st));
	}
	glp_term_hook(silent, NULL);
	(void)glp_term_out(GLP_OFF);
	glp_mem_limit(MEMORY_MIB);
	glp_error_hook(jump, s);
	work(s);
	glp_error_hook(NULL, NULL);
	return (RX_OK);
}

/* ---- making a programme ---- */

/* The kind of the bounds lo..hi. */
static int
kind(int64_t lo, int64_t hi)
{

	if (lo == INT64_MIN)
		return (hi == INT64_MAX ? GLP_FR : GLP_UP);
	if (hi == INT64_MAX)
		return (GLP_LO);
	return (lo == hi ? GLP_FX : GLP_DB);
}

static void
set_row(struct rx_solver *s, int row, const struct rx_term *f, size_t n)
{
	size_t k;

	for (k = 0; k < n; k++) {
		s->ind[k + 1] = (int)f[k].col + 1;
		s->val[k + 1] = f[k].coef;
	}
	glp_set_mat_row(s->p, row, (int)n, s->ind, s->val);
}

static void
build(struct rx_solver *s)
{
	const struct rx_program *g = s->program;
	size_t k;
	int row;

	s->p = glp_create_prob();
	(void)glp_add_cols(s->p, (int)g->ncols);
	for (k = 0; k < g->ncols; k++) {
		glp_set_col_bnds(s->p, (int)k + 1, kind(g->col_lo[k],
		    g->col_hi[k]), (double)g->col_lo[k], (double)g->col_hi[k]);
		glp_set_col_kind(s->p, (int)k + 1, GLP_IV);
	}
	s->need_row = glp_add_rows(s->p, (int)g->nrows + 1) + (int)g->nrows;
	for (k = 0; k < g->nrows; k++) {
		row = (int)k + 1;
		glp_set_row_bnds(s->p, row, kind(g->row_lo[k], g->row_hi[k]),
		    (double)g->row_lo[k], (double)g->row_hi[k]);
		set_row(s, row, &g->terms[g->row_at[k]],
		    g->row_at[k + 1] - g->row_at[k]);
	}
	glp_set_row_bnds(s->p, s->need_row, GLP_FR, 0, 0);
	s->program = NULL;
	s->fresh = true;
}

rx_err
rx_solver_new(struct rx_solver **out, const struct rx_program *p,
    struct rx_status *st)
{
	struct rx_solver *s;
	rx_err rc;

	*out = NULL;
	if (p->ncols > INT32_MAX / 2 || p->nrows > INT32_MAX / 2)
		return (rx_stats_bug("solver size", st));
	if ((rc = rx_stats_alloc(&s, 1, sizeof(*s), st)) != RX_OK)
		return (rc);
	s->ncols = p->ncols;
	s->program = p;
	if ((rc = rx_stats_alloc(&s->ind, p->ncols + 1, sizeof(*s->ind),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&s->val, p->ncols + 1, sizeof(*s->val),
	    st)) != RX_OK ||
	    (rc = rx_stats_alloc(&s->basis, p->nrows + p->ncols + 1,
	    sizeof(*s->basis), st)) != RX_OK ||
	    (rc = guarded(s, build, st)) != RX_OK) {
		rx_solver_free(s);
		return (rc);
	}
	*out = s;
	return (RX_OK);
}

void
rx_solver_free(struct rx_solver *s)
{

	if (s == NULL)
		return;
	if (s->p != NULL)
		glp_delete_prob(s->p);
	(void)glp_free_env();
	free(s->ind);
	free(s->val);
	free(s->basis);
	free(s);
}

/* ---- asking ---- */

static void
hold(struct rx_solver *s)
{

	glp_set_col_bnds(s->p, (int)s->col + 1, kind(s->lo, s->hi),
	    (double)s->lo, (double)s->hi);
}

rx_err
rx_solver_hold(struct rx_solver *s, size_t col, int64_t lo, int64_t hi,
    struct rx_status *st)
{

	s->col = col;
	s->lo = lo;
	s->hi = hi;
	return (guarded(s, hold, st));
}

static int
simplex(struct rx_solver *s)
{
	glp_smcp parm;
	int rc;

	glp_init_smcp(&parm);
	parm.msg_lev = GLP_MSG_OFF;
	parm.it_lim = ITERATIONS;
	s->calls++;
	if (s->fresh)
		glp_adv_basis(s->p, 0);
	s->fresh = false;
	if ((rc = glp_simplex(s->p, &parm)) != 0) {
		/* a basis that has become singular: once more from the start */
		glp_adv_basis(s->p, 0);
		rc = glp_simplex(s->p, &parm);
	}
	return (rc == 0 ? glp_get_status(s->p) : GLP_UNDEF);
}

/* The form is the objective, or nothing is again. */
static void
set_objective(struct rx_solver *s, int times)
{
	size_t k;

	for (k = 0; k < s->nform; k++)
		glp_set_obj_coef(s->p, (int)s->form[k].col + 1,
		    times * s->form[k].coef);
}

static void
push(struct rx_solver *s)
{

	glp_set_obj_dir(s->p, s->dir > 0 ? GLP_MAX : GLP_MIN);
	set_objective(s, 1);
	s->result = simplex(s);
	s->value = glp_get_obj_val(s->p);
	set_objective(s, 0);
}

static void
count_nodes(glp_tree *tree, void *info)
{
	int all;

	(void)info;
	glp_ios_tree_size(tree, NULL, NULL, &all);
	if (all > NODES)
		glp_ios_terminate(tree);
}

/* Note the basis, or go back to the one that was noted: while the need row is
 * empty it has to be in the basis, or that would be singular. */
static void
note_basis(struct rx_solver *s, bool back)
{
	int k, n = s->need_row, *at;

	for (k = 1; k <= n + (int)s->ncols; k++) {
		at = &s->basis[k - 1];
		if (!back)
			*at = k <= n ? glp_get_row_stat(s->p, k) :
			    glp_get_col_stat(s->p, k - n);
		else if (k <= n)
			glp_set_row_stat(s->p, k, *at);
		else
			glp_set_col_stat(s->p, k - n, *at);
	}
}

static void
whole(struct rx_solver *s)
{
	glp_iocp parm;

	if (s->fresh)
		glp_adv_basis(s->p, 0);
	s->fresh = false;
	note_basis(s, false);
	set_row(s, s->need_row, s->form, s->nform);
	glp_set_row_bnds(s->p, s->need_row, s->dir > 0 ? GLP_LO : GLP_UP,
	    (double)s->need, (double)s->need);
	/* No further than has to be: vertices near by are whole more often. */
	glp_set_obj_dir(s->p, s->dir > 0 ? GLP_MIN : GLP_MAX);
	set_objective(s, 1);
	s->result = GLP_UNDEF;
	if (simplex(s) == GLP_OPT) {
		glp_init_iocp(&parm);
		parm.msg_lev = GLP_MSG_OFF;
		/* any answer will do: dive, and take the cheap way down */
		parm.br_tech = GLP_BR_MFV;
		parm.bt_tech = GLP_BT_DFS;
		parm.cb_func = count_nodes;
		(void)glp_intopt(s->p, &parm);
		s->result = glp_mip_status(s->p);
	}
	set_objective(s, 0);
	set_row(s, s->need_row, NULL, 0);
	glp_set_row_bnds(s->p, s->need_row, GLP_FR, 0, 0);
	note_basis(s, true);
}

/* Set up the question that push() and whole() are about. */
static void
question(struct rx_solver *s, const struct rx_term *f, size_t n, int dir,
    int64_t need)
{

	s->form = f;
	s->nform = n;
	s->dir = dir;
	s->need = need;
}

rx_err
rx_solver_push(struct rx_solver *s, const struct rx_term *f, size_t n,
    int dir, int64_t need, int64_t *x, bool *possible, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	*possible = false;
	question(s, f, n, dir, need);
	if ((rc = guarded(s, push, st)) != RX_OK)
		return (rc);
	if (s->result != GLP_OPT)
		return (RX_OK);
	*possible = dir > 0 ? s->value >= (double)need - SLACK :
	    s->value <= (double)need + SLACK;
	for (k = 0; k < s->ncols; k++)
		x[k] = llround(glp_get_col_prim(s->p, (int)k + 1));
	return (RX_OK);
}

uint64_t
rx_solver_work(const struct rx_solver *s)
{

	return ((s->calls + (uint64_t)glp_get_it_cnt(s->p)) *
	    (s->ncols + (uint64_t)s->need_row));
}

void
rx_solver_binding(const struct rx_solver *s, bool *row, size_t nrows)
{
	size_t k;

	for (k = 0; k < nrows; k++)
		row[k] = fabs(glp_get_row_dual(s->p, (int)k + 1)) > SLACK;
}

rx_err
rx_solver_whole(struct rx_solver *s, const struct rx_term *f, size_t n,
    int dir, int64_t need, int64_t *x, bool *possible, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	*possible = false;
	question(s, f, n, dir, need);
	if ((rc = guarded(s, whole, st)) != RX_OK)
		return (rc);
	if (s->result != GLP_OPT && s->result != GLP_FEAS)
		return (RX_OK);
	*possible = true;
	for (k = 0; k < s->ncols; k++)
		x[k] = llround(glp_mip_col_val(s->p, (int)k + 1));
	return (RX_OK);
}
