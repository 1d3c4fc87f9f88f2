#include <glob.h>
#include <stdio.h>

#include <glpk.h>

#include "attacker.h"
#include "stats/joint.h"

/*
 * Attacks that use several releases.  Each is run first against releases that
 * were protected one by one, which fall, and then against what the ledger lets
 * out.  The attacker (attacker.h) shares nothing with the program.
 */

static struct rx_status st;

/* ---- a register in memory ---- */

struct thing {			/* an observation, or with no date a child */
	const char *unit, *date;
	uint16_t child;
	int64_t sex;
	const char *risk;
	int64_t at;
	const char *birth;	/* NULL: 2014-05 */
	const char *category;	/* NULL: the first of the list */
};

#define THINGS_MAX 2000

static struct {
	struct thing t[THINGS_MAX];
	size_t n;
	uint16_t kids;
} reg;

static const char *const sexes[] = { "m", "f" };

/* ${n} children of ${unit}, ${sex} (0 boys, 1 girls), each observed once on
 * ${date} with ${risk}. */
static void
observed(const char *unit, const char *date, unsigned sex, const char *risk,
    unsigned n)
{

	while (n-- > 0) {
		assert_true(reg.n < THINGS_MAX);
		reg.t[reg.n++] = (struct thing){ unit, date, ++reg.kids,
		    rx_code_no(RX_LIST_SEX, sexes[sex]), risk, 1000, NULL,
		    NULL };
	}
}

/* The codes of "left_behind poverty". */
static size_t
categories(int64_t no[4], const char *text)
{
	char key[64];
	size_t n = 0, len;

	if (text == NULL)
		no[n++] = 1;
	for (; text != NULL && *text != '\0'; text += len + (text[len] == ' ')) {
		len = strcspn(text, " ");
		(void)snprintf(key, sizeof(key), "%.*s", (int)len, text);
		no[n++] = rx_code_no(RX_LIST_CATEGORY, key);
		assert_true(no[n - 1] > 0);
	}
	return (n);
}

static void
add_record(const struct thing *x, bool child, rx_err (*add)(void *,
    const struct rx_record *, struct rx_status *), void *cookie)
{
	struct rx_record r;
	int32_t v;
	int64_t no[4];

	rx_record_init(&r);
	r.type = child ? RX_CHILD : RX_OBSERVATION;
	r.at = x->at;
	ok(rx_unit_parse(r.unit, x->unit, &st), &st);
	rx_put16(child ? r.id : r.child, x->child);
	if (child) {
		assert_true(rx_month_parse(x->birth != NULL ? x->birth :
		    "2014-05", &v));
		ok(rx_record_set_int(&r, RX_F_SEX, x->sex, &st), &st);
		ok(rx_record_set_int(&r, RX_F_BIRTH, v, &st), &st);
		ok(rx_record_set_items(&r, RX_F_CATEGORIES, no, categories(no,
		    x->category), &st), &st);
	} else {
		rx_put16(r.id, x->child);
		r.id[15] = 1;
		assert_true(rx_date_parse(x->date, &v));
		ok(rx_record_set_int(&r, RX_F_DATE, v, &st), &st);
		ok(rx_record_set_int(&r, RX_F_RISK, rx_code_no(RX_LIST_RISK,
		    x->risk), &st), &st);
	}
	ok(add(cookie, &r, &st), &st);
	rx_record_free(&r);
}

struct pair {
	struct rx_tab *t;
	struct rx_joint *j;
};

static rx_err
feed(void *cookie, const struct rx_record *r, struct rx_status *why)
{
	struct pair *p = cookie;
	rx_err rc = RX_OK;

	if (rx_unit_covers(p->t->req.unit, r->unit))
		rc = rx_tab_add(p->t, r, why);
	if (rc == RX_OK && p->j != NULL)
		rc = rx_joint_add(p->j, r, why);
	return (rc);
}

static void
feed_all(struct pair *p)
{
	size_t k;

	for (k = 0; k < reg.n; k++) {
		add_record(&reg.t[k], true, feed, p);
		if (reg.t[k].date != NULL)
			add_record(&reg.t[k], false, feed, p);
	}
}

static struct rx_table_request
request(enum rx_count count, const char *unit, const char *dims,
    const char *from, const char *to, unsigned threshold)
{
	struct rx_table_request req = { .count = count,
	    .threshold = threshold };

	ok(rx_unit_parse(req.unit, unit, &st), &st);
	if (*dims != '\0')
		ok(rx_table_dims(&req, dims, &st), &st);
	assert_true(rx_date_parse(from, &req.from));
	assert_true(rx_date_parse(to, &req.to));
	return (req);
}

/* ---- releases ---- */

struct ledger {
	json_t *entries;
	bool naive;		/* each table is protected by itself */
	int64_t clock;
	enum rx_msg why;	/* of the last refusal */
};

static struct ledger
ledger(bool naive)
{

	rx_status_clear(&st);
	memset(&reg, 0, sizeof(reg));
	return ((struct ledger){ json_array(), naive, 2000, RX_MSG_TABLE_UNSAFE });
}

/* Ask; the document, which the ledger keeps, or NULL when it is refused. */
static json_t *
ask(struct ledger *l, const struct rx_table_request *req)
{
	char unit[RX_UNIT_BYTES], id[16];
	struct pair p = { NULL, NULL };
	json_t *doc = NULL, *kept, *entry;
	rx_err rc = RX_OK;

	ok(rx_tab_new(&p.t, req, &st), &st);
	ok(rx_joint_new(&p.j, req, l->entries, &st), &st);
	rx_joint_unit(p.j, unit);
	ok(rx_joint_begin(p.j, unit, &st), &st);
	feed_all(&p);
	ok(rx_tab_count(p.t, &st), &st);
	if (!l->naive && (doc = rx_joint_answer(p.j, p.t)) != NULL)
		goto done;
	rc = rx_tab_protect(p.t, &st);
	if (rc == RX_OK && !l->naive)
		rc = rx_joint_protect(p.j, p.t, &st);
	if (rc != RX_OK) {
		l->why = st.msg;
		assert_int_equal(rc, RX_ECONFLICT);
		rx_status_clear(&st);
		goto done;
	}
	ok(rx_tab_json(&doc, p.t, NULL, NULL, &st), &st);
	ok(rx_joint_keep(&kept, p.t, &st), &st);
	ok(rx_release_entry(&entry, "table", "lin", l->clock++, "json", doc,
	    &st), &st);
	ok(rx_release_keep(entry, kept, &st), &st);
	json_decref(kept);
	(void)snprintf(id, sizeof(id), "r%zu", json_array_size(l->entries));
	json_object_set_new(entry, "id", json_string(id));
	assert_int_equal(json_array_append_new(l->entries, entry), 0);
	json_decref(doc);
	doc = json_object_get(entry, "published");
done:
	rx_joint_free(p.j);
	rx_tab_free(p.t);
	return (doc);
}

static json_t *
release(struct ledger *l, const char *unit, const char *dims,
    const char *from, const char *to)
{
	struct rx_table_request req = request(RX_COUNT_OBSERVATIONS, unit,
	    dims, from, to, 5);

	return (ask(l, &req));
}

static void
done(struct ledger *l)
{

	json_decref(l->entries);
}

static void
look(struct attacker *w, const struct ledger *l, const struct atom *atoms,
    unsigned n)
{
	size_t k;

	memset(w, 0, sizeof(*w));
	w->atom = atoms;
	w->natoms = n;
	for (k = 0; k < json_array_size(l->entries); k++)
		read_release(w, json_object_get(json_array_get(l->entries, k),
		    "published"));
}

#define V1 "350102001001"
#define V2 "350102001002"
#define V3 "350102002001"
#define T1 "350102001000"
#define T2 "350102002000"

/* ---- days ---- */

/* boys and girls in January to March, then April, with few girls in April */
static const struct atom months[] = {
	{ "2025-01-10", T1, V1, "2025-01", "m", "red" },
	{ "2025-01-10", T1, V1, "2025-01", "f", "red" },
	{ "2025-02-10", T1, V1, "2025-02", "m", "red" },
	{ "2025-02-10", T1, V1, "2025-02", "f", "red" },
	{ "2025-03-10", T1, V1, "2025-03", "m", "red" },
	{ "2025-03-10", T1, V1, "2025-03", "f", "red" },
};

static void
three_months(void)
{

	observed(V1, "2025-01-10", 0, "red", 9);
	observed(V1, "2025-01-10", 1, "red", 8);
	observed(V1, "2025-02-10", 0, "red", 10);
	observed(V1, "2025-02-10", 1, "red", 7);
	observed(V1, "2025-03-10", 0, "red", 11);
	observed(V1, "2025-03-10", 1, "red", 2);
}

static void
two_ranges(bool naive, const char *from1, const char *to1, const char *from2,
    const char *to2, uint64_t small, int64_t value, bool falls)
{
	struct ledger l = ledger(naive);
	struct attacker w;

	three_months();
	assert_non_null(release(&l, "350102", "sex", from1, to1));
	(void)release(&l, "350102", "sex", from2, to2);
	look(&w, &l, months, 6);
	assert_int_equal(recovered(&w, small, value), falls);
	if (!falls) {
		assert_true(could_be(&w, small, 0, 1));
		assert_true(could_be(&w, small, 4, INT32_MAX));
	}
	done(&l);
}

static void
test_two_months_differenced(void **state)
{

	(void)state;
	two_ranges(true, "2025-01-01", "2025-02-28", "2025-01-01",
	    "2025-03-31", 1u << 5, 2, true);
	two_ranges(false, "2025-01-01", "2025-02-28", "2025-01-01",
	    "2025-03-31", 1u << 5, 2, false);
}

static void
test_overlapping_date_ranges(void **state)
{

	(void)state;
	/* the days between two ends that nobody asked about alone */
	two_ranges(true, "2025-02-01", "2025-03-31", "2025-02-01",
	    "2025-03-09", 1u << 5, 2, true);
	two_ranges(false, "2025-02-01", "2025-03-31", "2025-02-01",
	    "2025-03-09", 1u << 5, 2, false);
}

/* Three tables, none of which shows the month alone, nor do any two. */
static void
test_a_month_between_three_ranges(void **state)
{
	struct attacker w;
	unsigned naive;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		observed(V1, "2025-01-10", 0, "red", 9);
		observed(V1, "2025-01-10", 1, "red", 8);
		observed(V1, "2025-02-10", 0, "red", 10);
		observed(V1, "2025-02-10", 1, "red", 2);
		observed(V1, "2025-03-10", 0, "red", 11);
		observed(V1, "2025-03-10", 1, "red", 7);
		assert_non_null(release(&l, "350102", "sex", "2025-01-01",
		    "2025-01-31"));
		assert_non_null(release(&l, "350102", "sex", "2025-03-01",
		    "2025-03-31"));
		(void)release(&l, "350102", "sex", "2025-01-01", "2025-03-31");
		look(&w, &l, months, 6);
		assert_int_equal(recovered(&w, 1u << 3, 2), naive);
		done(&l);
	}
}

/* ---- units ---- */

static const struct atom villages[] = {
	{ "2025-01-10", T1, V1, "2025-01", "m", "red" },
	{ "2025-01-10", T1, V1, "2025-01", "f", "red" },
	{ "2025-01-10", T1, V2, "2025-01", "m", "red" },
	{ "2025-01-10", T1, V2, "2025-01", "f", "red" },
	{ "2025-01-10", T2, V3, "2025-01", "m", "red" },
	{ "2025-01-10", T2, V3, "2025-01", "f", "red" },
};

static void
three_villages(unsigned girls_of_v3)
{

	observed(V1, "2025-01-10", 0, "red", 9);
	observed(V1, "2025-01-10", 1, "red", 8);
	observed(V2, "2025-01-10", 0, "red", 10);
	observed(V2, "2025-01-10", 1, "red", 7);
	observed(V3, "2025-01-10", 0, "red", 11);
	observed(V3, "2025-01-10", 1, "red", girls_of_v3);
}

static void
test_county_minus_its_townships(void **state)
{
	struct attacker w;
	unsigned naive;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		three_villages(3);
		assert_non_null(release(&l, "350102", "sex", "2025-01-01",
		    "2025-01-31"));
		(void)release(&l, "350102001", "sex", "2025-01-01",
		    "2025-01-31");
		look(&w, &l, villages, 6);
		assert_int_equal(recovered(&w, 1u << 5, 3), naive);
		done(&l);
	}
}

/* One counts the township, another the villages of it but one. */
static void
test_two_statisticians_combining_theirs(void **state)
{
	struct attacker w;
	unsigned naive;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		observed(V1, "2025-01-10", 0, "red", 9);
		observed(V1, "2025-01-10", 1, "red", 8);
		observed(V2, "2025-01-10", 0, "red", 10);
		observed(V2, "2025-01-10", 1, "red", 2);
		observed(V3, "2025-01-10", 0, "red", 11);
		observed(V3, "2025-01-10", 1, "red", 6);
		assert_non_null(release(&l, "350102", "sex,township",
		    "2025-01-01", "2025-01-31"));
		(void)release(&l, V1, "sex", "2025-01-01", "2025-01-31");
		look(&w, &l, villages, 6);
		assert_int_equal(recovered(&w, 1u << 3, 2), naive);
		done(&l);
	}
}

/* ---- dimensions and thresholds ---- */

static const struct atom crossed[] = {
	{ "2025-01-10", T1, V1, "2025-01", "m", "red" },
	{ "2025-01-10", T1, V1, "2025-01", "f", "red" },
	{ "2025-01-10", T1, V1, "2025-01", "m", "yellow" },
	{ "2025-01-10", T1, V1, "2025-01", "f", "yellow" },
	{ "2025-01-10", T1, V1, "2025-01", "m", "green" },
	{ "2025-01-10", T1, V1, "2025-01", "f", "green" },
	{ "2025-01-10", T2, V3, "2025-01", "m", "red" },
	{ "2025-01-10", T2, V3, "2025-01", "f", "red" },
	{ "2025-01-10", T2, V3, "2025-01", "m", "yellow" },
	{ "2025-01-10", T2, V3, "2025-01", "f", "yellow" },
	{ "2025-01-10", T2, V3, "2025-01", "m", "green" },
	{ "2025-01-10", T2, V3, "2025-01", "f", "green" },
};

/* Three girls of a township at red are hidden behind yellow in one table and
 * behind green in another, which gives yellow away. */
static void
test_dimension_swapping(void **state)
{
	static const unsigned n[] = { 3, 8, 7, 9, 5, 30 };
	static const struct atom risks[] = {
		{ "2025-01-10", T1, V1, "2025-01", "f", "red" },
		{ "2025-01-10", T1, V1, "2025-01", "f", "yellow" },
		{ "2025-01-10", T1, V1, "2025-01", "f", "green" },
		{ "2025-01-10", T2, V3, "2025-01", "f", "red" },
		{ "2025-01-10", T2, V3, "2025-01", "f", "yellow" },
		{ "2025-01-10", T2, V3, "2025-01", "f", "green" },
	};
	struct attacker w;
	unsigned naive, k;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		for (k = 0; k < 6; k++)
			observed(risks[k].village, risks[k].day, 1,
			    risks[k].risk, n[k]);
		assert_non_null(release(&l, "350102", "township,risk",
		    "2025-01-01", "2025-01-31"));
		(void)release(&l, "350102001", "risk,sex", "2025-01-01",
		    "2025-01-31");
		(void)release(&l, "350102001", "risk", "2025-01-01",
		    "2025-01-31");
		look(&w, &l, risks, 6);
		assert_int_equal(recovered(&w, 1, 3), naive);
		done(&l);
	}
}

static void
test_threshold_probing(void **state)
{
	struct rx_table_request req;
	struct attacker w;
	unsigned naive, t;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		three_villages(4);
		for (t = 7; t >= 3; t--) {
			req = request(RX_COUNT_OBSERVATIONS, "350102",
			    "sex,village", "2025-01-01", "2025-01-31", t);
			(void)ask(&l, &req);
		}
		look(&w, &l, villages, 6);
		assert_int_equal(recovered(&w, 1u << 5, 4), naive);
		done(&l);
	}
}

/* Many narrow questions after a wide one that hides. */
static void
test_narrow_questions_do_not_give_what_a_wide_one_hides(void **state)
{
	static const char *const unit[] = { V1, V2, V3, "350102001",
	    "350102002" };
	struct attacker w;
	unsigned naive, k;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		three_villages(3);
		assert_non_null(release(&l, "350102", "sex,village",
		    "2025-01-01", "2025-01-31"));
		for (k = 0; k < 5; k++)
			(void)release(&l, unit[k], "sex", "2025-01-01",
			    "2025-01-31");
		for (k = 0; k < 5; k++)
			(void)release(&l, unit[k], "risk", "2025-01-01",
			    "2025-01-31");
		look(&w, &l, villages, 6);
		assert_int_equal(recovered(&w, 1u << 5, 3), naive);
		done(&l);
	}
}

/* The document of nested units has the same cell under several keys: what an
 * earlier one promised is still found. */
static void
test_promises_of_nested_units_are_kept(void **state)
{
	struct attacker w;
	unsigned naive;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		three_villages(3);
		assert_non_null(release(&l, "350102", "county,township,sex",
		    "2025-01-01", "2025-01-31"));
		(void)release(&l, V3, "risk", "2025-01-01", "2025-01-31");
		(void)release(&l, "350102001", "sex", "2025-01-01",
		    "2025-01-31");
		(void)release(&l, "350102", "sex", "2025-01-01", "2025-01-31");
		look(&w, &l, villages, 6);
		assert_int_equal(recovered(&w, 1u << 5, 3), naive);
		done(&l);
	}
}

/* ---- later data ---- */

static json_t *
children(struct ledger *l, const char *dims)
{
	struct rx_table_request req = request(RX_COUNT_CHILDREN, "350102",
	    dims, "2025-01-01", "2025-01-31", 5);

	return (ask(l, &req));
}

static int64_t
shown(const json_t *doc, const char *key)
{
	const json_t *cells = json_object_get(doc, "cells"), *cell;
	size_t i;

	for (i = 0; i < json_array_size(cells); i++) {
		cell = json_array_get(cells, i);
		if (strcmp(json_string_value(json_array_get(json_object_get(
		    cell, "key"), 0)), key) == 0)
			return (json_is_integer(json_object_get(cell,
			    "value")) ? json_integer_value(json_object_get(
			    cell, "value")) : -1);
	}
	return (-2);
}

/* What two releases of the same table show of girls and of all, before and
 * after; whether subtraction tells that one girl came or went. */
static bool
one_is_seen(const json_t *before, const json_t *after, int64_t by)
{

	return (after != NULL && before != after && shown(before, "f") >= 0 &&
	    shown(after, "f") - shown(before, "f") == by);
}

static void
test_release_after_one_child_was_added(void **state)
{
	json_t *one, *two;
	unsigned naive;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		three_villages(6);
		one = children(&l, "sex");
		assert_non_null(one);
		observed(V3, "2025-01-10", 1, "red", 1);
		two = children(&l, "sex");
		assert_int_equal(one_is_seen(one, two, 1), naive);
		done(&l);
	}
}

static void
test_release_after_one_child_was_erased(void **state)
{
	json_t *one, *two;
	unsigned naive;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		three_villages(6);
		one = children(&l, "sex");
		assert_non_null(one);
		reg.n--;
		two = children(&l, "sex");
		assert_int_equal(one_is_seen(one, two, -1), naive);
		done(&l);
	}
}

/* Girls of a village were few and are not any more; nothing else was added, and
 * whoever takes that as a rule subtracts what is shown now from what was. */
static void
test_cell_that_has_grown_does_not_tell_what_it_was(void **state)
{
	static const struct atom then_and_added[] = {
		{ "2025-01-10", T1, V1, "2025-01", "m", "red" },
		{ "2025-01-10", T1, V1, "2025-01", "f", "red" },
		{ "2025-01-10", T2, V3, "2025-01", "m", "red" },
		{ "2025-01-10", T2, V3, "2025-01", "f", "red" },
		{ "2025-01-10", T1, V1, "2025-01", "m", "red" },
		{ "2025-01-10", T1, V1, "2025-01", "f", "red" },
		{ "2025-01-10", T2, V3, "2025-01", "m", "red" },
		{ "2025-01-10", T2, V3, "2025-01", "f", "red" },
	};
	struct attacker w;
	json_t *doc;
	size_t old;
	unsigned naive;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		observed(V1, "2025-01-10", 0, "red", 17);
		observed(V1, "2025-01-10", 1, "red", 4);
		observed(V3, "2025-01-10", 0, "red", 30);
		observed(V3, "2025-01-10", 1, "red", 30);
		doc = release(&l, "350102", "village,sex", "2025-01-01",
		    "2025-01-31");
		assert_non_null(doc);
		memset(&w, 0, sizeof(w));
		w.atom = then_and_added;
		w.natoms = 4;
		read_release(&w, doc);
		old = reg.n;
		observed(V1, "2025-01-10", 1, "red", 5);
		for (; old < reg.n; old++)
			reg.t[old].at = 5000;
		doc = release(&l, "350102", "village,sex", "2025-01-01",
		    "2025-01-31");
		w.natoms = 8;
		if (doc != NULL)
			read_release(&w, doc);
		assert_int_equal(recovered(&w, 1u << 1, 4), naive);
		if (!naive)
			assert_true(could_be(&w, 1u << 1, 0, 1));
		done(&l);
	}
}

/* One observation of red was meant to be yellow: shown twice, the two tables
 * would say that one was corrected, and how. */
static void
test_release_after_one_record_was_corrected(void **state)
{
	json_t *one, *two;
	unsigned naive, k;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		for (k = 0; k < 3; k++)
			observed(k < 2 ? V1 : V3, "2025-01-10", k % 2,
			    k == 0 ? "red" : k == 1 ? "yellow" : "green",
			    9 + k);
		one = release(&l, "350102", "risk", "2025-01-01",
		    "2025-01-31");
		assert_non_null(one);
		assert_int_equal(shown(one, "red"), 9);
		reg.t[0].risk = "yellow";
		reg.t[0].at = 5000;
		two = release(&l, "350102", "risk", "2025-01-01",
		    "2025-01-31");
		assert_int_equal(two != NULL && shown(two, "red") == 8 &&
		    shown(two, "yellow") == 11, naive);
		if (!naive && two != NULL) {
			assert_int_not_equal(shown(two, "red"), 8);
			assert_int_not_equal(shown(two, "yellow"), 11);
		}
		done(&l);
	}
}

/* With five more of each, nobody is seen alone, and it is let out. */
static void
test_release_after_many_were_added_is_published(void **state)
{
	struct ledger l = ledger(false);
	json_t *two;

	(void)state;
	three_villages(6);
	assert_non_null(children(&l, "sex"));
	observed(V1, "2025-01-10", 0, "red", 6);
	observed(V1, "2025-01-10", 1, "red", 7);
	two = children(&l, "sex");
	assert_non_null(two);
	assert_int_equal(shown(two, "f"), 28);
	done(&l);
}

/* Seven more observations, all of one child. */
static void
test_many_records_of_one_child_are_not_seen_in_a_difference(void **state)
{
	json_t *two;
	unsigned naive, k;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);

		three_villages(6);
		assert_non_null(release(&l, "350102", "sex", "2025-01-01",
		    "2025-01-31"));
		for (k = 0; k < 7; k++) {
			reg.t[reg.n] = reg.t[0];
			reg.t[reg.n++].at = 5000 + k;
		}
		two = release(&l, "350102", "sex", "2025-01-01", "2025-01-31");
		assert_int_equal(two != NULL && shown(two, "m") == 37, naive);
		done(&l);
	}
}

/* ---- the same again ---- */

static void
test_same_question_and_data_is_answered_from_the_ledger(void **state)
{
	struct ledger l = ledger(false);
	json_t *one, *two;

	(void)state;
	three_villages(3);
	one = release(&l, "350102", "sex,village", "2025-01-01", "2025-01-31");
	assert_non_null(one);
	two = release(&l, "350102", "sex,village", "2025-01-01", "2025-01-31");
	assert_ptr_equal(one, two);
	assert_int_equal(json_array_size(l.entries), 1);

	/* a child in the place of another is not the same data */
	reg.t[0].child = 1999;
	two = release(&l, "350102", "sex,village", "2025-01-01", "2025-01-31");
	assert_ptr_not_equal(one, two);
	done(&l);
}

/* An entry of before entries kept anything: all of it is small. */
static void
test_entries_of_before_count_every_suppressed_cell_as_small(void **state)
{
	struct ledger l = ledger(false);
	char digest[RX_DIGEST_TEXT];
	struct attacker w;
	json_t *before;
	size_t k;

	(void)state;
	three_villages(3);
	assert_non_null(release(&l, "350102", "sex,village", "2025-01-01",
	    "2025-01-31"));
	before = json_array_get(l.entries, 0);
	json_object_del(before, "kept");
	ok(rx_release_digest(digest, json_object_get(before, "published"),
	    NULL, &st), &st);
	json_object_set_new(before, "digest", json_string(digest));
	for (k = 0; k < 2; k++)
		(void)release(&l, k ? "350102001" : V3, "sex", "2025-01-01",
		    "2025-01-31");
	look(&w, &l, villages, 6);
	assert_false(recovered(&w, 1u << 5, 3));
	done(&l);
}

/* Nothing is left to show then; the refusal says why, and holds no figure. */
static void
test_refusal_after_a_small_change_tells_no_figure(void **state)
{
	struct ledger l = ledger(false);
	unsigned lang;
	const char *s;

	(void)state;
	observed(V3, "2025-01-10", 1, "red", 9);
	assert_non_null(children(&l, "sex"));
	observed(V3, "2025-01-10", 1, "red", 1);
	assert_null(children(&l, "sex"));
	assert_int_equal(l.why, RX_MSG_TABLE_CHANGED);
	for (lang = 0; lang < RX_LANG_COUNT; lang++) {
		for (s = rx_msg(l.why, (enum rx_lang)lang); *s != '\0'; s++)
			assert_false(*s >= '0' && *s <= '9');
	}
	done(&l);
}

/* Ask ten questions of a register in which ${girls} of the 12 children of a
 * village are girls and no sum of the county tells: what was seen, refusals
 * too, an element a question. */
static json_t *
probe(bool naive, unsigned girls)
{
	static const struct {
		const char *unit, *dims;
		unsigned threshold;
	} asked[] = {
		{ "350102", "village,sex", 5 }, { "350102", "village,sex", 4 },
		{ "350102", "village,sex", 3 }, { "350102", "sex", 5 },
		{ "350102", "village", 5 }, { V3, "sex", 5 }, { V3, "sex", 3 },
		{ V2, "sex", 5 }, { "350102002", "sex", 4 },
		{ "350102", "township,sex", 3 }
	};
	struct ledger l = ledger(naive);
	struct rx_table_request req;
	json_t *seen = json_array(), *doc, *what;
	size_t k;

	observed(V3, "2025-01-10", 1, "red", girls);
	observed(V3, "2025-01-10", 0, "red", 12 - girls);
	observed(V2, "2025-01-10", 1, "red", 20 - girls);
	observed(V2, "2025-01-10", 0, "red", 10 + girls);
	for (k = 0; k < sizeof(asked) / sizeof(*asked); k++) {
		req = request(RX_COUNT_CHILDREN, asked[k].unit, asked[k].dims,
		    "2025-01-01", "2025-01-31", asked[k].threshold);
		doc = ask(&l, &req);
		what = doc != NULL ? json_deep_copy(json_object_get(doc,
		    "cells")) : json_integer(l.why);
		assert_int_equal(json_array_append_new(seen, what), 0);
	}
	done(&l);
	return (seen);
}

/* Who guesses from what is refused, and from what is withheld where, sees the
 * same whatever the small cell is: 1, 2, 3 or 4 girls. */
static void
test_guessing_from_refusals_finds_nothing(void **state)
{
	json_t *first, *other;
	unsigned naive, girls, told;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		first = probe(naive, 1);
		for (told = 0, girls = 2; girls < 5; girls++) {
			other = probe(naive, girls);
			told += json_equal(first, other) == 0;
			json_decref(other);
		}
		json_decref(first);
		if (naive)
			assert_true(told > 0);
		else
			assert_int_equal(told, 0);
	}
}

/* ---- the exporter is apart ---- */

/* Whether ${line} of a file of src/stats is an include it must not have. */
static bool
is_foreign_include(const char *file, const char *line)
{
	static const char *const allowed[] = {
		"#include \"stats/", "#include \"base/",
		"#include \"register/register.h\"", "#include <std",
		"#include <string.h>", "#include <setjmp.h>",
		"#include <math.h>", "#include \"crypto/memory.h\""
	};
	size_t k;

	if (strncmp(line, "#include", 8) != 0)
		return (false);
	for (k = 0; k < sizeof(allowed) / sizeof(*allowed); k++) {
		if (strncmp(line, allowed[k], strlen(allowed[k])) == 0)
			return (false);
	}
	/* one third-party header each, in the one file that is for it */
	if (strstr(file, "/solve.c") != NULL)
		return (strstr(line, "<glpk.h>") == NULL);
	if (strstr(file, "/sheet.c") != NULL)
		return (strstr(line, "xlsxwriter") == NULL &&
		    strncmp(line, "#include <", 10) != 0);
	return (true);
}

/* Calls that reach a case, a name, a note or a key. */
static bool
reaches_further(const char *line)
{
	static const char *const never[] = {
		"rx_child_", "rx_review_", "rx_draft_", "rx_save", "rx_import",
		"rx_case_", "rx_row_", "rx_query_", "rx_store_", "rx_unit_key",
		"rx_field_", "rx_envelope_", "RX_COMP_", "rx_keyring_",
		"rx_report_", "rx_backup_"
	};
	size_t k;

	for (k = 0; k < sizeof(never) / sizeof(*never); k++) {
		if (strstr(line, never[k]) != NULL)
			return (true);
	}
	return (false);
}

static unsigned
read_source(const char *file, bool (*bad)(const char *))
{
	char line[512];
	unsigned n = 0;
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		n += is_foreign_include(file, line) || bad(line);
	(void)fclose(f);
	return (n);
}

static void
test_exporter_reaches_coded_records_only(void **state)
{
	glob_t g;
	size_t k;

	(void)state;
	assert_int_equal(glob("src/stats/*.[ch]", 0, NULL, &g), 0);
	assert_true(g.gl_pathc > 15);
	for (k = 0; k < g.gl_pathc; k++) {
		if (read_source(g.gl_pathv[k], reaches_further) > 0)
			fail_msg("%s", g.gl_pathv[k]);
	}
	globfree(&g);
	/* the same reading finds what it is for */
	assert_true(read_source("src/register/child.c", reaches_further) > 5);
}

/* ---- at random ---- */

static uint64_t seed;

static unsigned
dice(unsigned n)
{

	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return ((unsigned)(seed >> 33) % n);
}

/* A random register of twelve kinds of things, random questions about it; no
 * small cell of any release may be bounded within what protects it. */
static void
random_campaign(bool naive, unsigned runs, unsigned *fell, unsigned *out,
    unsigned *no)
{
	static const char *const dims[] = {
		"sex", "risk", "township", "sex,risk", "township,sex",
		"township,risk", "village,sex,risk"
	};
	static const char *const unit[] = { "350102", "350102001", "350102",
	    V3 };
	struct attacker w;
	unsigned run, k, i;
	int64_t value[12];

	*fell = *out = *no = 0;
	for (run = 0; run < runs; run++) {
		struct ledger l = ledger(naive);

		seed = run * 7919 + 5;
		for (k = 0; k < 12; k++) {
			value[k] = dice(3) == 0 ? dice(5) : 5 + dice(8);
			observed(crossed[k].village, crossed[k].day,
			    crossed[k].sex[0] == 'f', crossed[k].risk,
			    (unsigned)value[k]);
		}
		for (i = 0; i < 5; i++) {
			if (release(&l, unit[dice(4)], dims[dice(7)],
			    "2025-01-01", "2025-01-31") != NULL)
				++*out;
			else
				++*no;
		}
		look(&w, &l, crossed, 12);
		for (k = 0; k < 12; k++) {
			if (value[k] > 0 && value[k] < 5)
				*fell += recovered(&w, UINT64_C(1) << k,
				    value[k]);
		}
		done(&l);
	}
}

static void
test_random_releases_together_keep_their_small_cells(void **state)
{
	unsigned fell, out, no;

	(void)state;
	random_campaign(true, 60, &fell, &out, &no);
	print_message("one by one: %u let out, %u refused, %u cells fell\n",
	    out, no, fell);
	assert_true(fell > 10);
	random_campaign(false, 60, &fell, &out, &no);
	print_message("together: %u let out, %u refused, %u cells fell\n",
	    out, no, fell);
	assert_int_equal(fell, 0);
	assert_true(out > 60);
}

/* ---- everything at once, by trying all registers ---- */

/*
 * A world: kinds of children (atoms) and how many there are of each.  What the
 * attacker concludes is not looked up: all registers that agree with every
 * release are tried (attacker.h).
 */
struct world {
	const struct atom *atom;
	const char *const *birth, *const *category;
	unsigned n;
	int64_t count[ATOMS_MAX];
};

static void
populate(const struct world *x)
{
	unsigned k, had = (unsigned)reg.n, i;

	for (k = 0; k < x->n; k++) {
		observed(x->atom[k].village, x->atom[k].day,
		    x->atom[k].sex[0] == 'f', x->atom[k].risk,
		    (unsigned)x->count[k]);
		for (i = had; i < reg.n; i++) {
			reg.t[i].birth = x->birth ? x->birth[k] : NULL;
			reg.t[i].category = x->category ? x->category[k] : NULL;
		}
		had = (unsigned)reg.n;
	}
}

static int64_t
truth(const struct world *x, uint64_t atoms)
{
	int64_t v = 0;
	unsigned k;

	for (k = 0; k < x->n; k++)
		v += atoms >> k & 1 ? x->count[k] : 0;
	return (v);
}

static uint64_t
key_atoms(const struct attacker *w, const json_t *doc, size_t d,
    const char *key)
{
	json_t *keys = json_array();
	uint64_t bits;
	size_t k;

	for (k = 0; k < json_array_size(json_object_get(doc, "dims")); k++)
		json_array_append_new(keys, json_string(k == d ? key : "*"));
	bits = atoms_of(w, doc, keys);
	json_decref(keys);
	return (bits);
}

/* What is listed occurs, but for the second value of a sensitive dimension. */
static void
read_listed(struct attacker *w, const json_t *doc)
{
	const json_t *dims = json_object_get(doc, "dims");
	const char *dim, *key;
	json_t *of, *label;
	size_t d;

	for (d = 0; d < json_array_size(dims); d++) {
		dim = json_string_value(json_array_get(dims, d));
		of = json_object_get(json_object_get(doc, "labels"), dim);
		if (json_object_size(of) == 2 && (strcmp(dim, "risk") == 0 ||
		    strcmp(dim, "category") == 0))
			continue;
		json_object_foreach(of, key, label)
			learn(w, key_atoms(w, doc, d, key), 1, INT32_MAX);
	}
}

static void
look_all(struct attacker *w, const struct ledger *l, const struct world *x)
{
	size_t k;

	memset(w, 0, sizeof(*w));
	w->atom = x->atom;
	w->natoms = x->n;
	w->birth = x->birth;
	w->category = x->category;
	for (k = 0; k < json_array_size(l->entries); k++) {
		read_release(w, json_object_get(json_array_get(l->entries, k),
		    "published"));
		read_listed(w, json_object_get(json_array_get(l->entries, k),
		    "published"));
	}
}

static void
add_sum(glp_prob *p, const struct sum *s, unsigned natoms)
{
	int ind[ATOMS_MAX + 1], n = 0, row = glp_add_rows(p, 1);
	double val[ATOMS_MAX + 1];
	unsigned k;

	for (k = 0; k < natoms; k++) {
		if (s->atoms >> k & 1) {
			ind[++n] = (int)k + 1;
			val[n] = 1;
		}
	}
	glp_set_mat_row(p, row, n, ind, val);
	glp_set_row_bnds(p, row, s->lo == s->hi ? GLP_FX : s->hi == INT32_MAX ?
	    GLP_LO : GLP_DB, (double)s->lo, (double)s->hi);
}

/* could_be, by an integer programme: for worlds too large to go through. */
static bool
possible(const struct attacker *w, uint64_t atoms, int64_t lo, int64_t hi)
{
	const struct sum asked = { atoms, lo, hi };
	glp_prob *p = glp_create_prob();
	glp_iocp how;
	unsigned k, i;
	bool found;
	int rc;

	glp_add_cols(p, (int)w->natoms);
	for (k = 0; k < w->natoms; k++) {
		glp_set_col_kind(p, (int)k + 1, GLP_IV);
		glp_set_col_bnds(p, (int)k + 1, GLP_LO, 0, 0);
	}
	for (k = 0; k < w->nsums; k++) {
		for (i = 0; i < k && memcmp(&w->s[i], &w->s[k],
		    sizeof(w->s[k])) != 0; i++)
			continue;
		if (i == k)
			add_sum(p, &w->s[k], w->natoms);
	}
	add_sum(p, &asked, w->natoms);
	glp_init_iocp(&how);
	how.presolve = GLP_ON;
	how.msg_lev = GLP_MSG_OFF;
	rc = glp_intopt(p, &how);
	assert_true(rc == 0 || rc == GLP_ENOPFS);
	found = rc == 0 && glp_mip_status(p) == GLP_OPT;
	glp_delete_prob(p);
	return (found);
}

/* Whether the small cell of ${v} things is as open as threshold ${t} says. */
static bool
is_open(struct attacker *w, uint64_t bits, int64_t t)
{

	return (possible(w, bits, 0, 1) && possible(w, bits, t - 1,
	    INT32_MAX));
}

/* Unless the cell ${keys} holds all of a group by its risk: whether there could
 * be others in the group. */
static bool
group_is_open(const struct attacker *w, const struct world *x,
    const json_t *doc, const json_t *keys, size_t d)
{
	json_t *margin = json_deep_copy(keys);
	uint64_t bits = atoms_of(w, doc, keys), all;

	json_array_set_new(margin, d, json_string("*"));
	all = atoms_of(w, doc, margin);
	json_decref(margin);
	return (strcmp(json_string_value(json_array_get(json_object_get(doc,
	    "dims"), d)), "risk") != 0 ||
	    strcmp(json_string_value(json_array_get(keys, d)), "*") == 0 ||
	    truth(x, bits) < 2 || truth(x, bits) != truth(x, all) ||
	    possible(w, all & ~bits, 1, INT32_MAX));
}

/* How many promises of the releases are broken by all of them together. */
static unsigned
broken(const struct ledger *l, const struct world *x)
{
	static struct attacker w;
	const json_t *doc, *cells, *keys, *dims;
	unsigned fell = 0;
	uint64_t bits;
	int64_t v, t;
	size_t k, i, d;

	look_all(&w, l, x);
	for (k = 0; k < json_array_size(l->entries); k++) {
		doc = json_object_get(json_array_get(l->entries, k),
		    "published");
		t = json_integer_value(json_object_get(doc, "threshold"));
		cells = json_object_get(doc, "cells");
		dims = json_object_get(doc, "dims");
		for (i = 0; i < json_array_size(cells); i++) {
			keys = json_object_get(json_array_get(cells, i), "key");
			bits = atoms_of(&w, doc, keys);
			v = truth(x, bits);
			if (json_is_integer(json_object_get(json_array_get(
			    cells, i), "value")) || v == 0)
				continue;
			fell += v < t && !is_open(&w, bits, t);
			for (d = 0; d < json_array_size(dims); d++)
				fell += !group_is_open(&w, x, doc, keys, d);
		}
	}
	return (fell);
}

struct plan {
	enum rx_count count;
	const char *const *dims;
	unsigned ndims;
	const char *const (*days)[2];
	unsigned ndays;
	unsigned least, most;	/* threshold */
	unsigned size;		/* of an atom that is not small */
};

/* Random worlds, random questions. */
static unsigned
campaign(struct world *x, const struct plan *p, bool naive, unsigned runs,
    unsigned questions)
{
	static const char *const unit[] = { "350102", "350102", "350102001",
	    V3 };
	struct rx_table_request req;
	const char *const *day;
	unsigned run, k, fell = 0, out = 0, no = 0;

	for (run = 0; run < runs; run++) {
		struct ledger l = ledger(naive);

		seed = run * 7919 + 11;
		for (k = 0; k < x->n; k++)
			x->count[k] = dice(3) == 0 ? dice(5) : p->size +
			    dice(p->size);
		populate(x);
		for (k = 0; k < questions; k++) {
			day = p->days[dice(p->ndays)];
			req = request(p->count, unit[dice(4)],
			    p->dims[dice(p->ndims)], day[0], day[1],
			    p->least + dice(p->most - p->least + 1));
			if (ask(&l, &req) != NULL)
				out++;
			else
				no++;
		}
		fell += broken(&l, x);
		done(&l);
	}
	print_message("%s: %u let out, %u refused, %u promises broken\n",
	    naive ? "one by one" : "together", out, no, fell);
	return (fell);
}

static const struct atom calendar[] = {
#define MONTH(v, t, day, m) { day, t, v, m, "m", "red" }, \
    { day, t, v, m, "f", "red" }
	MONTH(V1, T1, "2025-01-10", "2025-01"),
	MONTH(V1, T1, "2025-02-10", "2025-02"),
	MONTH(V1, T1, "2025-03-10", "2025-03"),
	MONTH(V1, T1, "2025-04-10", "2025-04"),
	MONTH(V3, T2, "2025-01-10", "2025-01"),
	MONTH(V3, T2, "2025-02-10", "2025-02"),
	MONTH(V3, T2, "2025-03-10", "2025-03"),
	MONTH(V3, T2, "2025-04-10", "2025-04"),
#undef MONTH
};

static void
test_quarters_months_and_ranges_keep_what_they_promised(void **state)
{
	static const char *const dims[] = { "sex", "month", "quarter",
	    "quarter,sex", "month,sex", "township,quarter", "village,sex",
	    "year,quarter,month", "quarter,month,township" };
	static const char *const days[][2] = { { "2025-01-01", "2025-01-31" },
	    { "2025-01-01", "2025-03-31" }, { "2025-02-01", "2025-04-30" },
	    { "2025-01-01", "2025-04-30" }, { "2025-03-01", "2025-03-31" } };
	const struct plan p = { RX_COUNT_OBSERVATIONS, dims, 9, days, 5, 3, 7,
	    7 };
	struct world x = { calendar, NULL, NULL, 16, { 0 } };

	(void)state;
	assert_true(campaign(&x, &p, true, 100, 5) > 20);
	assert_int_equal(campaign(&x, &p, false, 100, 5), 0);
}

static const struct atom risky[] = {
#define RISKS(v, t, s) { "2025-01-10", t, v, "2025-01", s, "red" }, \
    { "2025-01-10", t, v, "2025-01", s, "yellow" }, \
    { "2025-01-10", t, v, "2025-01", s, "green" }
	RISKS(V1, T1, "m"), RISKS(V1, T1, "f"), RISKS(V2, T1, "m"),
	RISKS(V2, T1, "f"), RISKS(V3, T2, "m"), RISKS(V3, T2, "f"),
#undef RISKS
};

static void
test_whole_groups_stay_open_across_releases(void **state)
{
	static const char *const dims[] = { "sex", "risk", "sex,risk",
	    "township,risk", "village,risk", "village,sex", "village,sex,risk",
	    "township,village,risk" };
	static const char *const days[][2] = { { "2025-01-01", "2025-01-31" } };
	const struct plan p = { RX_COUNT_OBSERVATIONS, dims, 8, days, 1, 3, 6,
	    7 };
	struct world x = { risky, NULL, NULL, 18, { 0 } };

	(void)state;
	assert_true(campaign(&x, &p, true, 100, 5) > 20);
	assert_int_equal(campaign(&x, &p, false, 100, 5), 0);
}

static const struct atom two_villages[] = {
#define KIND(s) { "2025-01-10", T1, V1, "2025-01", s, "red" }, \
    { "2025-01-10", T2, V3, "2025-01", s, "red" }
	KIND("m"), KIND("m"), KIND("m"), KIND("m"), KIND("f"), KIND("f"),
	KIND("f"), KIND("f"),
#undef KIND
};

static void
test_children_who_grow_over_a_band_between_two_dates(void **state)
{
	/* every birth that some table tells from another */
	static const char *const born[] = { "2012-12", "2012-12", "2013-02",
	    "2013-02", "2013-03", "2013-03", "2014-05", "2014-05", "2012-12",
	    "2012-12", "2013-02", "2013-02", "2013-03", "2013-03", "2014-05",
	    "2014-05" };
	static const char *const dims[] = { "age_band,sex", "village,age_band",
	    "village,age_band,sex", "age_band", "village,sex" };
	static const char *const days[][2] = { { "2025-01-01", "2025-01-31" },
	    { "2025-01-01", "2025-02-28" }, { "2025-03-01", "2025-03-31" } };
	const struct plan p = { RX_COUNT_CHILDREN, dims, 5, days, 3, 3, 6, 6 };
	struct world x = { two_villages, born, NULL, 16, { 0 } };

	(void)state;
	assert_true(campaign(&x, &p, true, 100, 5) > 5);
	assert_int_equal(campaign(&x, &p, false, 100, 5), 0);
}

static const struct atom sets[] = {
#define SEVEN(v, t, s) KIND(v, t, s), KIND(v, t, s), KIND(v, t, s), \
    KIND(v, t, s), KIND(v, t, s), KIND(v, t, s), KIND(v, t, s)
#define KIND(v, t, s) { "2025-01-10", t, v, "2025-01", s, "red" }
	SEVEN(V1, T1, "m"), SEVEN(V1, T1, "f"), SEVEN(V3, T2, "m"),
	SEVEN(V3, T2, "f"),
#undef KIND
#undef SEVEN
};

static void
test_overlapping_categories_within_and_across_releases(void **state)
{
	/* every choice of three */
#define SETS "orphan", "left_behind", "poverty", "orphan left_behind", \
	    "orphan poverty", "left_behind poverty", \
	    "orphan left_behind poverty"
	static const char *const in[] = { SETS, SETS, SETS, SETS };
#undef SETS
	static const char *const dims[] = { "category", "category,sex", "sex",
	    "village,category", "township,sex", "village,sex,category" };
	static const char *const days[][2] = { { "2025-01-01", "2025-01-31" } };
	struct plan p = { RX_COUNT_CHILDREN, dims, 6, days, 1, 3, 6, 1 };
	struct world x = { sets, NULL, in, 28, { 0 } };

	(void)state;
	assert_true(campaign(&x, &p, true, 100, 5) > 0);
	assert_int_equal(campaign(&x, &p, false, 100, 5), 0);
	p.count = RX_COUNT_OBSERVATIONS;
	assert_int_equal(campaign(&x, &p, false, 100, 5), 0);
}

/* The township's other villages keep no records, as everyone there knows: what
 * its only village shows is the township's. */
static void
test_township_of_one_village(void **state)
{
	struct attacker w;
	unsigned naive;

	(void)state;
	for (naive = 2; naive-- > 0;) {
		struct ledger l = ledger(naive);
		struct rx_table_request req = request(RX_COUNT_OBSERVATIONS,
		    "350102", "township,month", "2025-01-01", "2025-02-28", 7);

		observed(V1, "2025-01-10", 0, "red", 1);
		observed(V1, "2025-02-10", 0, "red", 20);
		observed(V3, "2025-01-10", 0, "red", 9);
		observed(V3, "2025-02-10", 0, "red", 15);
		assert_non_null(ask(&l, &req));
		(void)release(&l, V3, "sex", "2025-02-01", "2025-02-28");
		look(&w, &l, calendar, 12);
		assert_int_equal(recovered(&w, 3, 1), naive);
		done(&l);
	}
}

/* Whoever can write the ledger makes an entry promise less. */
static void
test_entry_that_promises_less_is_refused(void **state)
{
	struct ledger l = ledger(false);
	struct rx_table_request req;
	struct rx_joint *j;
	struct rx_release_row row;
	json_t *entry;

	(void)state;
	three_villages(3);
	assert_non_null(release(&l, "350102", "sex,village", "2025-01-01",
	    "2025-01-31"));
	entry = json_array_get(l.entries, 0);
	rx_release_row_of(&row, "r0", entry);
	assert_true(row.intact);
	assert_int_equal(json_array_size(json_object_get(json_object_get(
	    entry, "kept"), "primary")), 1);
	json_array_clear(json_object_get(json_object_get(entry, "kept"),
	    "primary"));
	rx_release_row_of(&row, "r0", entry);
	assert_false(row.intact);
	req = request(RX_COUNT_OBSERVATIONS, V3, "sex", "2025-01-01",
	    "2025-01-31", 5);
	refused(rx_joint_new(&j, &req, l.entries, &st), RX_ECORRUPT, &st);
	json_object_del(entry, "kept");
	rx_release_row_of(&row, "r0", entry);
	assert_false(row.intact);
	done(&l);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_two_months_differenced),
		cmocka_unit_test(test_overlapping_date_ranges),
		cmocka_unit_test(test_a_month_between_three_ranges),
		cmocka_unit_test(test_county_minus_its_townships),
		cmocka_unit_test(test_two_statisticians_combining_theirs),
		cmocka_unit_test(test_dimension_swapping),
		cmocka_unit_test(test_threshold_probing),
		cmocka_unit_test(
		    test_narrow_questions_do_not_give_what_a_wide_one_hides),
		cmocka_unit_test(test_promises_of_nested_units_are_kept),
		cmocka_unit_test(test_release_after_one_child_was_added),
		cmocka_unit_test(test_release_after_one_child_was_erased),
		cmocka_unit_test(
		    test_cell_that_has_grown_does_not_tell_what_it_was),
		cmocka_unit_test(test_release_after_one_record_was_corrected),
		cmocka_unit_test(
		    test_release_after_many_were_added_is_published),
		cmocka_unit_test(
		    test_many_records_of_one_child_are_not_seen_in_a_difference),
		cmocka_unit_test(
		    test_same_question_and_data_is_answered_from_the_ledger),
		cmocka_unit_test(
		    test_entries_of_before_count_every_suppressed_cell_as_small),
		cmocka_unit_test(
		    test_refusal_after_a_small_change_tells_no_figure),
		cmocka_unit_test(test_guessing_from_refusals_finds_nothing),
		cmocka_unit_test(test_exporter_reaches_coded_records_only),
		cmocka_unit_test(
		    test_random_releases_together_keep_their_small_cells),
		cmocka_unit_test(test_township_of_one_village),
		cmocka_unit_test(test_entry_that_promises_less_is_refused),
		cmocka_unit_test(
		    test_quarters_months_and_ranges_keep_what_they_promised),
		cmocka_unit_test(test_whole_groups_stay_open_across_releases),
		cmocka_unit_test(
		    test_children_who_grow_over_a_band_between_two_dates),
		cmocka_unit_test(
		    test_overlapping_categories_within_and_across_releases),
	};

	(void)glp_term_out(GLP_OFF);
	rx_json_init();
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	return (cmocka_run_group_tests_name("disclosure", tests, NULL, NULL));
}
