#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

/*
 * Annexes are exact, so two of them whose dates differ by a few days show what
 * happened on those days.  They are for declared periods: from the first day of
 * a month to the last day of one, or what a notice asks for (periods.tsv).  Such
 * a form is always made, as is the first
 * one for any dates.  A further one with odd dates is made only when nobody is
 * seen in the difference to an earlier one: for every county, visits, children
 * helped and needs resolved on the days that only one of the two has, and the
 * differences of the figures themselves, are none or at least FEW.
 */

#define FEW 5
#define SPANS_MAX 512

static const unsigned persons[] = { 3, 5, 6 };	/* columns 4, 6, 7 */

struct span {
	char unit[RX_UNIT_BYTES];
	int32_t from, to;
};

bool
rx_annex_declared(int32_t from, int32_t to)
{

	const struct rx_period *p;
	int32_t first, last;
	size_t n, k;

	if (rx_month_first(rx_date_month(from)) == from &&
	    rx_month_first(rx_date_month(to + 1)) == to + 1)
		return (true);
	p = rx_periods(&n);
	for (k = 0; k < n; k++) {
		if (rx_date_parse(p[k].from, &first) && first == from &&
		    rx_date_parse(p[k].to, &last) && last == to)
			return (true);
	}
	return (false);
}

static const char *
member_text(const json_t *obj, const char *key)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return (s != NULL ? s : "");
}

static rx_err
refuse(const json_t *entry, struct rx_status *st)
{
	rx_err rc = rx_fail(st, RX_ECONFLICT, RX_MSG_ANNEX_OVERLAPS);

	rx_status_arg(st, "from", "%s", member_text(entry, "from"));
	rx_status_arg(st, "to", "%s", member_text(entry, "to"));
	rx_status_arg(st, "id", "%s", member_text(entry, "id"));
	return (rc);
}

static bool
few(int64_t v)
{

	return ((v > 0 && v < FEW) || (v < 0 && v > -FEW));
}

/* The earlier form ${e}: false in *meets when it has nothing in common with
 * ${a}; *both is the narrower of their units. */
static rx_err
compare(const struct rx_annex *a, const json_t *e, struct span *old,
    char both[RX_UNIT_BYTES], bool *meets, struct rx_status *st)
{
	struct rx_status why;

	rx_status_clear(&why);
	*meets = false;
	if (rx_unit_parse(old->unit, member_text(e, "unit"), &why) != RX_OK ||
	    !rx_date_parse(member_text(e, "from"), &old->from) ||
	    !rx_date_parse(member_text(e, "to"), &old->to))
		return (rx_fail(st, RX_ECORRUPT, RX_MSG_RELEASE_CORRUPT));
	if (old->from > a->to || a->from > old->to)
		return (RX_OK);
	if (rx_unit_covers(a->unit, old->unit))
		memcpy(both, old->unit, RX_UNIT_BYTES);
	else if (rx_unit_covers(old->unit, a->unit))
		memcpy(both, a->unit, RX_UNIT_BYTES);
	else
		return (RX_OK);
	*meets = old->from != a->from || old->to != a->to;
	return (RX_OK);
}

/* Whether a row that both show differs by few. */
static bool
rows_differ_by_few(const struct rx_annex *a, const json_t *e)
{
	const json_t *rows = json_object_get(json_object_get(e, "published"),
	    "rows"), *row;
	size_t i, k;
	unsigned c;

	for (i = 0; i < json_array_size(rows); i++) {
		row = json_array_get(rows, i);
		for (k = 0; k < a->nrows; k++) {
			if (strcmp(member_text(row, "code"),
			    a->rows[k].code) != 0)
				continue;
			for (c = 0; c < 3; c++) {
				if (few(a->rows[k].v[persons[c]] -
				    json_integer_value(json_array_get(
				    json_object_get(row, "values"),
				    persons[c]))))
					return (true);
			}
		}
	}
	return (false);
}

/* Whether few are seen in the days from..to, in ${unit}. */
static rx_err
few_in(bool *out, struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, struct rx_set *seen, struct rx_status *st)
{
	struct span key;
	struct rx_annex *d;
	size_t i;
	unsigned c;
	bool added;
	rx_err rc;

	*out = false;
	if (from > to)
		return (RX_OK);
	memset(&key, 0, sizeof(key));
	memcpy(key.unit, unit, RX_UNIT_BYTES);
	key.from = from;
	key.to = to;
	if ((rc = rx_set_add(seen, &key, NULL, &added, st)) != RX_OK || !added)
		return (rc);
	if (seen->n > SPANS_MAX) {
		*out = true;
		return (RX_OK);
	}
	if ((rc = rx_annex_count(&d, s, unit, from, to, st)) != RX_OK)
		return (rc);
	for (i = 0; i < d->nrows; i++) {
		for (c = 0; c < 3; c++)
			*out = *out || few(d->rows[i].v[persons[c]]);
	}
	rx_annex_free(d);
	return (RX_OK);
}

static rx_err
check_against(struct rx_session *s, const struct rx_annex *a, const json_t *e,
    struct rx_set *seen, struct rx_status *st)
{
	char both[RX_UNIT_BYTES];
	struct span old;
	int32_t part[4][2];
	bool meets, bad;
	unsigned k;
	rx_err rc;

	if ((rc = compare(a, e, &old, both, &meets, st)) != RX_OK || !meets)
		return (rc);
	bad = rows_differ_by_few(a, e);
	/* the days that only one of them has, before and after */
	part[0][0] = a->from;
	part[0][1] = old.from - 1;
	part[1][0] = old.to + 1;
	part[1][1] = a->to;
	part[2][0] = old.from;
	part[2][1] = a->from - 1;
	part[3][0] = a->to + 1;
	part[3][1] = old.to;
	for (k = 0; k < 4 && rc == RX_OK && !bad; k++)
		rc = few_in(&bad, s, both, part[k][0], part[k][1], seen, st);
	if (rc == RX_OK && bad)
		rc = refuse(e, st);
	return (rc);
}

/* Whether the earlier form ${e} has the rows of ${a} already, for its dates. */
static bool
is_part_of(const struct rx_annex *a, const json_t *e)
{
	char unit[RX_UNIT_BYTES];
	struct rx_status why;
	int32_t from, to;

	rx_status_clear(&why);
	return (rx_unit_parse(unit, member_text(e, "unit"), &why) == RX_OK &&
	    rx_date_parse(member_text(e, "from"), &from) &&
	    rx_date_parse(member_text(e, "to"), &to) && from == a->from &&
	    to == a->to && rx_unit_covers(unit, a->unit));
}

rx_err
rx_annex_period(struct rx_session *s, const struct rx_annex *a,
    const json_t *entries, struct rx_status *st)
{
	struct rx_set seen = { .size = sizeof(struct span) };
	size_t i;
	rx_err rc = RX_OK;

	/* A declared period, or a correction of what is out already. */
	if (rx_annex_declared(a->from, a->to) || a->issue > 1)
		return (RX_OK);
	for (i = 0; i < json_array_size(entries); i++) {
		if (is_part_of(a, json_array_get(entries, i)))
			return (RX_OK);
	}
	for (i = 0; i < json_array_size(entries) && rc == RX_OK; i++)
		rc = check_against(s, a, json_array_get(entries, i), &seen,
		    st);
	rx_set_free(&seen);
	return (rc);
}
