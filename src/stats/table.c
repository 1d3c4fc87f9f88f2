#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"
#include "stats/table.h"

/*
 * From records to a cube.  Every counted thing keeps, for each dimension that
 * was asked for, its values as numbers; when all have come, the values that
 * occur become the leaves of the axes.
 */

#define BIT(count) (1u << (count))
#define ALL_COUNTS (BIT(RX_COUNT_CHILDREN) | BIT(RX_COUNT_OBSERVATIONS) | \
    BIT(RX_COUNT_INTERVENTIONS))
#define RECORDS (BIT(RX_COUNT_OBSERVATIONS) | BIT(RX_COUNT_INTERVENTIONS))
#define SEEN (BIT(RX_COUNT_CHILDREN) | BIT(RX_COUNT_OBSERVATIONS))

const struct rx_dim_info rx_dim_infos[RX_DIM_NUMBER] = {
	[RX_DIM_PROVINCE] = { "province", RX_MSG_DIM_PROVINCE, RX_LIST_NONE,
	    ALL_COUNTS, RX_FAMILY_UNIT, false, false },
	[RX_DIM_CITY] = { "city", RX_MSG_DIM_CITY, RX_LIST_NONE,
	    ALL_COUNTS, RX_FAMILY_UNIT, false, false },
	[RX_DIM_COUNTY] = { "county", RX_MSG_DIM_COUNTY, RX_LIST_NONE,
	    ALL_COUNTS, RX_FAMILY_UNIT, false, false },
	[RX_DIM_TOWNSHIP] = { "township", RX_MSG_DIM_TOWNSHIP, RX_LIST_NONE,
	    ALL_COUNTS, RX_FAMILY_UNIT, false, false },
	[RX_DIM_VILLAGE] = { "village", RX_MSG_DIM_VILLAGE, RX_LIST_NONE,
	    ALL_COUNTS, RX_FAMILY_UNIT, false, false },
	[RX_DIM_YEAR] = { "year", RX_MSG_DIM_YEAR, RX_LIST_NONE,
	    RECORDS, RX_FAMILY_DATE, false, false },
	[RX_DIM_QUARTER] = { "quarter", RX_MSG_DIM_QUARTER, RX_LIST_NONE,
	    RECORDS, RX_FAMILY_DATE, false, false },
	[RX_DIM_MONTH] = { "month", RX_MSG_DIM_MONTH, RX_LIST_NONE,
	    RECORDS, RX_FAMILY_DATE, false, false },
	[RX_DIM_AGE_BAND] = { "age_band", RX_MSG_DIM_AGE_BAND, RX_LIST_NONE,
	    ALL_COUNTS, RX_FAMILY_NONE, false, false },
	[RX_DIM_SEX] = { "sex", RX_MSG_DIM_SEX, RX_LIST_SEX,
	    ALL_COUNTS, RX_FAMILY_NONE, false, false },
	[RX_DIM_CATEGORY] = { "category", RX_MSG_DIM_CATEGORY, RX_LIST_CATEGORY,
	    ALL_COUNTS, RX_FAMILY_NONE, true, true },
	[RX_DIM_SIGN] = { "sign", RX_MSG_DIM_SIGN, RX_LIST_SIGN,
	    SEEN, RX_FAMILY_NONE, true, true },
	[RX_DIM_RISK] = { "risk", RX_MSG_DIM_RISK, RX_LIST_RISK,
	    SEEN, RX_FAMILY_NONE, false, true },
	[RX_DIM_KIND] = { "kind", RX_MSG_DIM_KIND, RX_LIST_KIND,
	    BIT(RX_COUNT_INTERVENTIONS), RX_FAMILY_NONE, false, false },
	[RX_DIM_OUTCOME] = { "outcome", RX_MSG_DIM_OUTCOME, RX_LIST_OUTCOME,
	    BIT(RX_COUNT_INTERVENTIONS), RX_FAMILY_NONE, false, true }
};

static const char *const count_keys[] = {
	"children", "observations", "interventions"
};

const char *
rx_count_key(enum rx_count count)
{

	return (count_keys[count]);
}

/* ---- the request ---- */

static rx_err
dim_error(enum rx_msg msg, const char *dim, size_t n, struct rx_status *st)
{
	rx_err rc = rx_fail(st, RX_EUSAGE, msg);

	rx_status_arg(st, "dim", "%.*s", (int)(n < 100 ? n : 100), dim);
	return (rc);
}

static rx_err
add_dim(struct rx_table_request *req, const char *name, size_t n,
    struct rx_status *st)
{
	unsigned d;
	size_t k;

	for (d = 0; d < RX_DIM_NUMBER; d++) {
		if (strlen(rx_dim_infos[d].key) == n &&
		    memcmp(rx_dim_infos[d].key, name, n) == 0)
			break;
	}
	if (d == RX_DIM_NUMBER)
		return (dim_error(RX_MSG_DIM_UNKNOWN, name, n, st));
	for (k = 0; k < req->ndims; k++) {
		if (req->dims[k] == d)
			return (dim_error(RX_MSG_DIM_TWICE, name, n, st));
	}
	if (req->ndims == RX_DIMS_MAX)
		return (rx_table_too_large(st));
	req->dims[req->ndims++] = (enum rx_dim)d;
	return (RX_OK);
}

rx_err
rx_table_dims(struct rx_table_request *req, const char *text,
    struct rx_status *st)
{
	size_t n;
	rx_err rc;

	req->ndims = 0;
	for (;;) {
		n = strcspn(text, ",");
		if ((rc = add_dim(req, text, n, st)) != RX_OK)
			return (rc);
		if (text[n] == '\0')
			return (RX_OK);
		text += n + 1;
	}
}

rx_err
rx_table_too_large(struct rx_status *st)
{
	rx_err rc = rx_fail(st, RX_EUSAGE, RX_MSG_TABLE_TOO_LARGE);

	rx_status_arg(st, "cells", "%d", RX_CELLS_MAX);
	rx_status_arg(st, "dims", "%d", RX_DIMS_MAX);
	return (rc);
}

static rx_err
check_request(const struct rx_table_request *req, struct rx_status *st)
{
	const struct rx_dim_info *info;
	size_t k;
	rx_err rc;

	if (req->from > req->to)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_DATES_REVERSED));
	if (req->ndims > RX_DIMS_MAX)
		return (rx_table_too_large(st));
	if (req->epsilon > 0) {
		if ((rc = rx_private_check(req, st)) != RX_OK)
			return (rc);
	} else if (req->threshold < RX_THRESHOLD_MIN) {
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_TABLE_THRESHOLD);
		rx_status_arg(st, "min", "%d", RX_THRESHOLD_MIN);
		return (rc);
	}
	for (k = 0; k < req->ndims; k++) {
		info = &rx_dim_infos[req->dims[k]];
		if (info->counts & BIT(req->count))
			continue;
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_DIM_NOT_FOR_COUNT);
		rx_status_arg(st, "dim", "%s", info->key);
		rx_status_arg(st, "count", "%s", rx_count_key(req->count));
		return (rc);
	}
	return (RX_OK);
}

/* ---- a table in the making ---- */

rx_err
rx_tab_new(struct rx_tab **out, const struct rx_table_request *req,
    struct rx_status *st)
{
	struct rx_tab *t;
	rx_err rc;

	*out = NULL;
	if ((rc = check_request(req, st)) != RX_OK)
		return (rc);
	if ((rc = rx_stats_alloc(&t, 1, sizeof(*t), st)) != RX_OK)
		return (rc);
	t->req = *req;
	t->ids.size = RX_ID_BYTES;
	t->signs.size = sizeof(uint64_t);
	rx_noise_init(&t->noise, NULL, NULL);
	*out = t;
	return (RX_OK);
}

void
rx_tab_free(struct rx_tab *t)
{
	size_t d;

	if (t == NULL)
		return;
	for (d = 0; d < RX_DIMS_MAX; d++)
		free(t->values[d].v);
	for (d = 0; d < RX_FAMILIES; d++) {
		free(t->nests[d].tuple);
		free(t->nests[d].shown);
	}
	rx_set_free(&t->ids);
	rx_set_free(&t->signs);
	rx_buf_free(&t->kids);
	rx_buf_free(&t->things);
	rx_buf_free(&t->pool);
	rx_buf_free(&t->units);
	rx_cube_free(t->cube);
	free(t->error);
	free(t);
}

static bool
wants(const struct rx_tab *t, enum rx_dim dim)
{
	size_t k;

	for (k = 0; k < t->req.ndims; k++) {
		if (t->req.dims[k] == dim)
			return (true);
	}
	return (false);
}

/* ---- children ---- */

static struct rx_kid *
kid_at(struct rx_tab *t, size_t k)
{

	return ((struct rx_kid *)(void *)t->kids.b + k);
}

static rx_err
add_child(struct rx_tab *t, const struct rx_record *r, struct rx_status *st)
{
	struct rx_kid kid;
	size_t k;
	int64_t code;
	bool added;
	rx_err rc;

	if ((rc = rx_set_add(&t->ids, r->id, NULL, &added, st)) != RX_OK)
		return (rc);
	if (!added)
		return (RX_OK);
	memset(&kid, 0, sizeof(kid));
	memcpy(kid.unit, r->unit, RX_UNIT_BYTES);
	kid.sex = rx_record_int(r, RX_F_SEX);
	kid.birth = rx_record_int(r, RX_F_BIRTH);
	kid.off = t->pool.len / sizeof(int64_t);
	kid.n = r->v[RX_F_CATEGORIES].n;
	for (k = 0; k < kid.n; k++) {
		code = rx_record_item(r, RX_F_CATEGORIES, k);
		rc = rx_buf_add(&t->pool, &code, sizeof(code), st);
		if (rc != RX_OK)
			return (rc);
	}
	return (rx_buf_add(&t->kids, &kid, sizeof(kid), st));
}

/* An observation of a child that is itself counted: the latest one gives the
 * risk, any one gives its signs. */
static rx_err
note_observation(struct rx_tab *t, size_t kid, const struct rx_record *r,
    struct rx_status *st)
{
	struct rx_kid *k = kid_at(t, kid);
	int64_t date = rx_record_int(r, RX_F_DATE);
	uint64_t key;
	size_t i;
	rx_err rc;

	if (!k->seen || date > k->date || (date == k->date && r->at >= k->at)) {
		k->seen = true;
		k->date = date;
		k->at = r->at;
		k->risk = rx_record_int(r, RX_F_RISK);
	}
	for (i = 0; i < r->v[RX_F_SIGNS].n; i++) {
		key = (uint64_t)kid << 32 |
		    (uint64_t)rx_record_item(r, RX_F_SIGNS, i);
		rc = rx_set_add(&t->signs, &key, NULL, NULL, st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* ---- values ---- */

int64_t
rx_unit_value(const char unit[RX_UNIT_BYTES])
{
	int64_t v = 0;
	unsigned k;

	for (k = 0; k < 12; k++)
		v = 10 * v + (unit[k] - '0');
	return (2 * v + (unit[12] == 'S'));
}

void
rx_value_unit(char unit[RX_UNIT_BYTES], int64_t v)
{
	unsigned k;

	memset(unit, 0, RX_UNIT_BYTES);
	if (v & 1)
		unit[12] = 'S';
	for (v /= 2, k = 12; k-- > 0; v /= 10)
		unit[k] = (char)('0' + v % 10);
}

enum rx_level
rx_dim_level(enum rx_dim dim)
{

	switch (dim) {
	case RX_DIM_PROVINCE:
		return (RX_LEVEL_PROVINCE);
	case RX_DIM_CITY:
		return (RX_LEVEL_PREFECTURE);
	case RX_DIM_COUNTY:
		return (RX_LEVEL_COUNTY);
	case RX_DIM_TOWNSHIP:
		return (RX_LEVEL_TOWNSHIP);
	default:
		return (RX_LEVEL_VILLAGE);
	}
}

int64_t
rx_dim_months(enum rx_dim dim)
{

	return (dim == RX_DIM_YEAR ? 12 : dim == RX_DIM_QUARTER ? 3 : 1);
}

static int64_t
age_band(const struct rx_kid *kid, int32_t on)
{
	static const int last[] = { 5, 11, 15, 17 };
	int age = rx_age((int32_t)kid->birth, on);
	int64_t band = 0;

	while (band < 4 && age > last[band])
		band++;
	return (band);
}

/* The one value of a thing on a dimension where it has only one; ${r} is NULL
 * for a child. */
static int64_t
single_value(const struct rx_tab *t, enum rx_dim dim, const struct rx_kid *kid,
    const struct rx_record *r)
{
	char unit[RX_UNIT_BYTES];
	int64_t v = 0;

	switch (dim) {
	case RX_DIM_PROVINCE:
	case RX_DIM_CITY:
	case RX_DIM_COUNTY:
	case RX_DIM_TOWNSHIP:
	case RX_DIM_VILLAGE:
		rx_unit_ancestor(unit, r != NULL ? r->unit : kid->unit,
		    rx_dim_level(dim));
		return (rx_unit_value(unit));
	case RX_DIM_YEAR:
	case RX_DIM_QUARTER:
	case RX_DIM_MONTH:
		return (rx_date_month((int32_t)rx_record_int(r, RX_F_DATE)) /
		    rx_dim_months(dim));
	case RX_DIM_AGE_BAND:
		return (age_band(kid, t->req.to));
	case RX_DIM_SEX:
		v = kid->sex;
		break;
	case RX_DIM_RISK:
		v = r != NULL ? rx_record_int(r, RX_F_RISK) : kid->risk;
		break;
	case RX_DIM_KIND:
		v = rx_record_int(r, RX_F_KIND);
		break;
	case RX_DIM_OUTCOME:
		v = rx_record_int(r, RX_F_OUTCOME);
		break;
	default:
		break;
	}
	return (v != 0 ? v : RX_VALUE_NONE);
}

static rx_err
pool_add(struct rx_tab *t, struct rx_thing *thing, size_t d, int64_t v,
    struct rx_status *st)
{

	thing->at[d].n++;
	return (rx_buf_add(&t->pool, &v, sizeof(v), st));
}

/* The categories of a child, which are in the pool already. */
static void
use_categories(struct rx_thing *thing, size_t d, const struct rx_kid *kid)
{

	thing->at[d].off = kid->off;
	thing->at[d].n = kid->n;
}

static rx_err
record_signs(struct rx_tab *t, struct rx_thing *thing, size_t d,
    const struct rx_record *r, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	for (k = 0; k < r->v[RX_F_SIGNS].n; k++) {
		rc = pool_add(t, thing, d, rx_record_item(r, RX_F_SIGNS, k),
		    st);
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

static rx_err
kid_signs(struct rx_tab *t, struct rx_thing *thing, size_t d, size_t kid,
    struct rx_status *st)
{
	const struct rx_code *codes;
	size_t n, k, index;
	uint64_t key;
	rx_err rc;

	codes = rx_codes(RX_LIST_SIGN, &n);
	for (k = 0; k < n; k++) {
		key = (uint64_t)kid << 32 | codes[k].no;
		if (!rx_set_find(&t->signs, &key, &index))
			continue;
		if ((rc = pool_add(t, thing, d, codes[k].no, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* In a private table a child counts for so much and no more: the first things
 * and values in the order in which they were recorded. */
static bool
spent(struct rx_tab *t, size_t kid)
{

	return (t->req.epsilon > 0 &&
	    kid_at(t, kid)->things++ >= RX_PRIVATE_RECORDS);
}

static void
cut_values(const struct rx_tab *t, struct rx_thing *thing, size_t d)
{

	if (t->req.epsilon > 0 && thing->at[d].n > RX_PRIVATE_VALUES)
		thing->at[d].n = RX_PRIVATE_VALUES;
}

/* Add a thing to the digest: in whatever order they come. */
static void
note_thing(struct rx_tab *t, const struct rx_thing *thing,
    const struct rx_record *r)
{
	uint8_t text[2 * RX_ID_BYTES + RX_DIMS_MAX * RX_HASH_BYTES] = { 0 };
	uint8_t hash[RX_HASH_BYTES];
	uint64_t part;
	size_t d, k;

	memcpy(text, &t->ids.keys[thing->kid * RX_ID_BYTES], RX_ID_BYTES);
	if (r != NULL)
		memcpy(&text[RX_ID_BYTES], r->id, RX_ID_BYTES);
	for (d = 0; d < t->req.ndims; d++)
		rx_hash(&text[2 * RX_ID_BYTES + d * RX_HASH_BYTES],
		    RX_HASH_BYTES, NULL, "runxin values",
		    &t->pool.b[thing->at[d].off * sizeof(int64_t)],
		    thing->at[d].n * sizeof(int64_t));
	rx_hash(hash, sizeof(hash), NULL, "runxin thing", text, sizeof(text));
	for (k = 0; k < 4; k++) {
		memcpy(&part, &hash[k * sizeof(part)], sizeof(part));
		t->data[k] += part;
	}
	rx_wipe(text, sizeof(text));
}

void
rx_tab_digest(char out[RX_DIGEST_TEXT], const struct rx_tab *t)
{
	uint8_t hash[RX_HASH_BYTES];

	rx_hash(hash, sizeof(hash), NULL, "runxin counted", t->data,
	    sizeof(t->data));
	rx_hex(out, hash, sizeof(hash));
}

/* Count a thing: the record ${r} of ${kid}, or the child itself (r is NULL). */
static rx_err
add_thing(struct rx_tab *t, size_t kid, const struct rx_record *r,
    struct rx_status *st)
{
	struct rx_thing thing;
	enum rx_dim dim;
	size_t d;
	rx_err rc = RX_OK;

	if (spent(t, kid))
		return (RX_OK);
	memset(&thing, 0, sizeof(thing));
	thing.kid = (uint32_t)kid;
	for (d = 0; d < t->req.ndims && rc == RX_OK; d++) {
		dim = t->req.dims[d];
		thing.at[d].off = t->pool.len / sizeof(int64_t);
		if (dim == RX_DIM_CATEGORY)
			use_categories(&thing, d, kid_at(t, kid));
		else if (dim == RX_DIM_SIGN && r != NULL)
			rc = record_signs(t, &thing, d, r, st);
		else if (dim == RX_DIM_SIGN)
			rc = kid_signs(t, &thing, d, kid, st);
		else
			rc = pool_add(t, &thing, d, single_value(t, dim,
			    kid_at(t, kid), r), st);
		cut_values(t, &thing, d);
		if (rc == RX_OK && thing.at[d].n == 0) {
			thing.at[d].off = t->pool.len / sizeof(int64_t);
			rc = pool_add(t, &thing, d, RX_VALUE_NONE, st);
		}
	}
	if (rc != RX_OK)
		return (rc);
	note_thing(t, &thing, r);
	return (rx_buf_add(&t->things, &thing, sizeof(thing), st));
}

rx_err
rx_tab_add(struct rx_tab *t, const struct rx_record *r, struct rx_status *st)
{
	int64_t date;
	size_t kid;

	if (r->type == RX_CHILD)
		return (add_child(t, r, st));
	if (r->type != RX_OBSERVATION && r->type != RX_INTERVENTION)
		return (RX_OK);
	date = rx_record_int(r, RX_F_DATE);
	if (date < t->req.from || date > t->req.to)
		return (RX_OK);
	if (!rx_set_find(&t->ids, r->child, &kid))
		return (rx_stats_bug("record before its child", st));
	if (r->type == RX_OBSERVATION && t->req.count == RX_COUNT_CHILDREN &&
	    (wants(t, RX_DIM_RISK) || wants(t, RX_DIM_SIGN)))
		return (note_observation(t, kid, r, st));
	if ((r->type == RX_OBSERVATION &&
	    t->req.count == RX_COUNT_OBSERVATIONS) ||
	    (r->type == RX_INTERVENTION &&
	    t->req.count == RX_COUNT_INTERVENTIONS))
		return (add_thing(t, kid, r, st));
	return (RX_OK);
}

rx_err
rx_tab_children(struct rx_tab *t, struct rx_status *st)
{
	size_t k;
	rx_err rc;

	if (t->req.count != RX_COUNT_CHILDREN)
		return (RX_OK);
	for (k = 0; k < t->ids.n; k++) {
		if ((rc = add_thing(t, k, NULL, st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

rx_err
rx_tab_count(struct rx_tab *t, struct rx_status *st)
{
	rx_err rc;

	if (t->cube != NULL)
		return (RX_OK);
	if ((rc = rx_tab_children(t, st)) != RX_OK)
		return (rc);
	return (rx_tab_cube(t, st));
}

rx_err
rx_tab_protect(struct rx_tab *t, struct rx_status *st)
{
	rx_err rc;

	if (t->safe)
		return (RX_OK);
	rc = t->req.epsilon > 0 ? rx_tab_blur(t, st) :
	    rx_cube_protect(t->cube, st);
	t->safe = rc == RX_OK;
	return (rc);
}
