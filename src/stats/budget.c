#include <stdlib.h>
#include <string.h>

#include "stats/table.h"

/*
 * What private tables have spent.  Epsilons of releases that count the same
 * child add up; a child is counted by the tables of the units above him.  So
 * what is spent of a unit is the largest sum along any way from the top
 * through it down to a village.  The budget is of a calendar year, by the
 * time of release; entries of the ledger are the account.  Nothing here looks
 * at what was counted, so neither a refusal nor an answer from the ledger
 * tells anything of a child.
 */

/* A private release of this year. */
struct spending {
	char unit[RX_UNIT_BYTES];
	unsigned epsilon;
	const json_t *entry;
};

struct account {
	int year;
	size_t seen;		/* entries of the whole ledger */
	json_t *entries;	/* the private ones */
	struct spending *list;
	size_t n;
};

static int
year_of(int64_t ms)
{

	return (rx_date_month(rx_date_of_time(ms)) / 12);
}

static const char *
member_text(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return (s != NULL ? s : "");
}

static int64_t
time_of(const json_t *entry)
{

	return (json_integer_value(json_object_get(entry, "at")));
}

/* An entry that does not say what it spent is corrupt, not free. */
static rx_err
read_spending(struct spending *sp, const json_t *entry, struct rx_status *st)
{
	const json_t *doc = json_object_get(entry, "published");
	struct rx_status why;

	rx_status_clear(&why);
	sp->entry = entry;
	if (rx_unit_parse(sp->unit, member_text(doc, "unit"), &why) != RX_OK ||
	    rx_epsilon_parse(&sp->epsilon, member_text(json_object_get(doc,
	    "private"), "epsilon"), &why) != RX_OK)
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_RELEASE_CORRUPT));
	return (RX_OK);
}

static void
account_free(struct account *acc)
{

	json_decref(acc->entries);
	free(acc->list);
}

/*
 * Read the account of this year: of the newest entry, should the clock stand
 * before it, so that a clock put back finds no budget of another year.
 */
static rx_err
account_read(struct account *acc, struct rx_session *s, struct rx_status *st)
{
	const json_t *entry;
	int64_t now = rx_time_now();
	size_t i, n;
	rx_err rc;

	memset(acc, 0, sizeof(*acc));
	if ((rc = rx_release_load(&acc->entries, &acc->seen, s,
	    RX_KIND_PRIVATE, st)) != RX_OK)
		return (rc);
	n = json_array_size(acc->entries);
	if ((rc = rx_stats_alloc(&acc->list, n, sizeof(*acc->list), st)) !=
	    RX_OK)
		return (rc);
	for (i = 0; i < n; i++) {
		if (time_of(json_array_get(acc->entries, i)) > now)
			now = time_of(json_array_get(acc->entries, i));
	}
	acc->year = year_of(now);
	for (i = 0; i < n && rc == RX_OK; i++) {
		entry = json_array_get(acc->entries, i);
		if (year_of(time_of(entry)) == acc->year)
			rc = read_spending(&acc->list[acc->n++], entry, st);
	}
	return (rc);
}

/* What was spent on the units that cover ${unit} and, unless it is NULL, lie
 * below ${top}. */
static uint64_t
spent_above(const struct account *acc, const char *top, const char *unit)
{
	const char *u;
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < acc->n; i++) {
		u = acc->list[i].unit;
		if (rx_unit_covers(u, unit) &&
		    (top == NULL || !rx_unit_covers(u, top)))
			sum += acc->list[i].epsilon;
	}
	return (sum);
}

/* The most that was spent on any child of ${unit}. */
static uint64_t
spent_on(const struct account *acc, const char unit[RX_UNIT_BYTES])
{
	uint64_t below = 0, sum;
	size_t i;

	for (i = 0; i < acc->n; i++) {
		if (!rx_unit_covers(unit, acc->list[i].unit))
			continue;
		sum = spent_above(acc, unit, acc->list[i].unit);
		below = sum > below ? sum : below;
	}
	return (spent_above(acc, NULL, unit) + below);
}

static uint64_t
left_of(const struct account *acc, const char unit[RX_UNIT_BYTES])
{
	uint64_t spent = spent_on(acc, unit);

	return (spent < RX_PRIVATE_BUDGET ? RX_PRIVATE_BUDGET - spent : 0);
}

static rx_err
refuse(const struct account *acc, const struct rx_table_request *req,
    struct rx_status *st)
{
	char unit[RX_UNIT_TEXT], left[RX_EPSILON_TEXT], budget[RX_EPSILON_TEXT];
	char epsilon[RX_EPSILON_TEXT];
	rx_err rc = rx_fail(st, RX_ECONFLICT, RX_MSG_PRIVATE_SPENT);

	rx_unit_text(unit, req->unit);
	rx_epsilon_text(left, left_of(acc, req->unit));
	rx_epsilon_text(budget, RX_PRIVATE_BUDGET);
	rx_epsilon_text(epsilon, req->epsilon);
	rx_status_arg(st, "unit", "%s", unit);
	rx_status_arg(st, "year", "%d", acc->year);
	rx_status_arg(st, "left", "%s", left);
	rx_status_arg(st, "budget", "%s", budget);
	rx_status_arg(st, "epsilon", "%s", epsilon);
	rx_status_arg(st, "renew", "%d-01-01", acc->year + 1);
	return (rc);
}

rx_err
rx_private_left(unsigned *left, struct rx_session *s,
    const char unit[RX_UNIT_BYTES], struct rx_status *st)
{
	struct account acc;
	rx_err rc;

	*left = 0;
	if ((rc = account_read(&acc, s, st)) == RX_OK)
		*left = (unsigned)left_of(&acc, unit);
	account_free(&acc);
	return (rc);
}

/* ---- the same question ---- */

static bool
asked(const json_t *doc, const struct spending *sp,
    const struct rx_table_request *req)
{
	const json_t *dims = json_object_get(doc, "dims");
	char from[RX_DATE_TEXT], to[RX_DATE_TEXT];
	const char *dim;
	size_t d;

	rx_date_format(req->from, from);
	rx_date_format(req->to, to);
	if (memcmp(sp->unit, req->unit, RX_UNIT_BYTES) != 0 ||
	    sp->epsilon != req->epsilon ||
	    strcmp(member_text(doc, "count"), rx_count_key(req->count)) != 0 ||
	    strcmp(member_text(doc, "from"), from) != 0 ||
	    strcmp(member_text(doc, "to"), to) != 0 ||
	    json_array_size(dims) != req->ndims)
		return (false);
	for (d = 0; d < req->ndims; d++) {
		dim = json_string_value(json_array_get(dims, d));
		if (dim == NULL ||
		    strcmp(dim, rx_dim_infos[req->dims[d]].key) != 0)
			return (false);
	}
	return (true);
}

/*
 * This year's answer to ${req}; NULL.  It stands whether the data has changed
 * or not: that an answer is new would say that something was changed.
 */
static json_t *
answer(const struct account *acc, const struct rx_table_request *req)
{
	json_t *doc;
	size_t i;

	for (i = 0; i < acc->n; i++) {
		doc = json_object_get(acc->list[i].entry, "published");
		if (asked(doc, &acc->list[i], req))
			return (doc);
	}
	return (NULL);
}

rx_err
rx_private_find(json_t **doc, size_t *seen, struct rx_session *s,
    const struct rx_table_request *req, struct rx_status *st)
{
	struct account acc;
	rx_err rc;

	*doc = NULL;
	if ((rc = account_read(&acc, s, st)) == RX_OK) {
		*seen = acc.seen;
		*doc = json_incref(answer(&acc, req));
		if (*doc == NULL && left_of(&acc, req->unit) < req->epsilon)
			rc = refuse(&acc, req, st);
	}
	account_free(&acc);
	return (rc);
}
