#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

/*
 * What a table would lose, and which coarser one would lose less.  Each is made
 * as if it were released, and forgotten; only numbers of cells are kept, which
 * a release shows too.
 */

#define TIME_MAX 20000		/* ms for the coarser ones together */

static void
name_dims(struct rx_plan *p, const struct rx_table_request *req)
{
	size_t k, n = 0;

	p->dims[0] = '\0';
	for (k = 0; k < req->ndims; k++) {
		(void)snprintf(p->dims + n, sizeof(p->dims) - n, "%s%s",
		    k > 0 ? "," : "", rx_dim_infos[req->dims[k]].key);
		n = strlen(p->dims);
	}
}

/* Make ${req}; a refusal for its own sake is a part of the answer. */
static rx_err
try_one(struct rx_plan *p, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st)
{
	json_t *doc;

	memset(p, 0, sizeof(*p));
	rx_status_clear(&p->why);
	name_dims(p, req);
	if (rx_table_try(&doc, s, req, &p->why) == RX_OK) {
		p->cells = json_array_size(json_object_get(doc, "cells"));
		p->suppressed = (size_t)json_integer_value(json_object_get(doc,
		    "suppressed"));
		json_decref(doc);
		return (RX_OK);
	}
	if (p->why.code == RX_ECONFLICT ||
	    p->why.msg == RX_MSG_TABLE_TOO_LARGE)
		return (RX_OK);
	*st = p->why;
	return (st->code);
}

/* The ${k}th coarser question: each dimension left out, then each unit one
 * level higher; false when there is no such one. */
static bool
coarser(struct rx_table_request *out, const struct rx_table_request *req,
    size_t k)
{
	enum rx_dim up;
	size_t d = k % req->ndims, i;

	*out = *req;
	if (k < req->ndims) {
		if (req->ndims == 1)
			return (false);
		out->ndims--;
		memmove(&out->dims[d], &out->dims[d + 1], (out->ndims - d) *
		    sizeof(*out->dims));
		return (true);
	}
	if (req->dims[d] != RX_DIM_VILLAGE && req->dims[d] != RX_DIM_TOWNSHIP)
		return (false);
	up = req->dims[d] == RX_DIM_VILLAGE ? RX_DIM_TOWNSHIP : RX_DIM_COUNTY;
	for (i = 0; i < req->ndims; i++) {
		if (req->dims[i] == up)
			return (false);
	}
	out->dims[d] = up;
	return (true);
}

/* By the share of cells that is lost; what is refused loses all. */
static int
by_loss(const void *a, const void *b)
{
	const struct rx_plan *x = a, *y = b;
	double lx = x->cells > 0 ? (double)x->suppressed / (double)x->cells : 1;
	double ly = y->cells > 0 ? (double)y->suppressed / (double)y->cells : 1;

	return (lx < ly ? -1 : lx > ly);
}

rx_err
rx_table_plan(struct rx_plan plan[RX_PLANS_MAX], size_t *n,
    struct rx_session *s, const struct rx_table_request *req,
    struct rx_status *st)
{
	struct rx_table_request other;
	int64_t end;
	size_t k;
	rx_err rc;

	*n = 0;
	if ((rc = try_one(&plan[0], s, req, st)) != RX_OK)
		return (rc);
	*n = 1;
	if (plan[0].why.code == RX_OK && plan[0].suppressed == 0)
		return (RX_OK);
	end = rx_time_now() + TIME_MAX;
	for (k = 0; k < 2 * req->ndims && *n < RX_PLANS_MAX &&
	    rx_time_now() < end; k++) {
		if (!coarser(&other, req, k))
			continue;
		if ((rc = try_one(&plan[*n], s, &other, st)) != RX_OK)
			return (rc);
		*n += plan[*n].why.code == RX_OK &&
		    by_loss(&plan[*n], &plan[0]) < 0;
	}
	qsort(&plan[1], *n - 1, sizeof(*plan), by_loss);
	return (RX_OK);
}
