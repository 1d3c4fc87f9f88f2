#include <time.h>

#include "tests/unit/register.h"

/*
 * Flags, who sees them, who decides and what opens and closes with it.  One
 * register: VILLAGE1 and VILLAGE2 have a supervisor in their township and one
 * in the county; the township of VILLAGE3 has none.
 */

#define VILLAGE3 "350102002002"
#define VILLAGE4 "350102001004"

static struct {
	char dir[256];
	struct rx_session *admin;
	struct rx_session *d1, *d2, *d3;	/* directors of the villages */
	struct rx_session *both;	/* director of VILLAGE4, supervisor */
	struct rx_session *town, *county, *city;	/* supervisors */
	struct rx_session *stat;
} w;

static int
setup(void **state)
{

	(void)state;
	must(rx_crypto_init(&st));
	rx_json_init();
	w.admin = new_register(w.dir, "register", CITY);
	ok(enrol(w.admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	ok(enrol(w.admin, "d2", RX_ROLE_DIRECTOR, VILLAGE2), &st);
	ok(enrol(w.admin, "d3", RX_ROLE_DIRECTOR, VILLAGE3), &st);
	ok(enrol(w.admin, "both", RX_ROLE_DIRECTOR, VILLAGE4), &st);
	ok(enrol(w.admin, "both", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(enrol(w.admin, "town", RX_ROLE_SUPERVISOR, TOWN), &st);
	ok(enrol(w.admin, "county", RX_ROLE_SUPERVISOR, COUNTY), &st);
	ok(enrol(w.admin, "city", RX_ROLE_SUPERVISOR, CITY), &st);
	ok(enrol(w.admin, "stat", RX_ROLE_STATISTICIAN, COUNTY), &st);
	w.d1 = sign_in(w.dir, "d1");
	w.d2 = sign_in(w.dir, "d2");
	w.d3 = sign_in(w.dir, "d3");
	w.both = sign_in(w.dir, "both");
	w.town = sign_in(w.dir, "town");
	w.county = sign_in(w.dir, "county");
	w.city = sign_in(w.dir, "city");
	w.stat = sign_in(w.dir, "stat");
	return (0);
}

static int
teardown(void **state)
{

	(void)state;
	rx_session_close(w.admin);
	rx_session_close(w.d1);
	rx_session_close(w.d2);
	rx_session_close(w.d3);
	rx_session_close(w.both);
	rx_session_close(w.town);
	rx_session_close(w.county);
	rx_session_close(w.city);
	rx_session_close(w.stat);
	return (0);
}

/* A child with a flag that the sign of the observation "ID-o" raises. */
static void
flagged_child(struct rx_session *s, const char *id, const char *unit)
{
	char o[64];

	add_child(s, id, unit);
	(void)snprintf(o, sizeof(o), "%s-o", id);
	ok(observe(s, o, id, "2025-06-03", "self_harm", "red"), &st);
}

/* A flag by hand. */
static rx_err
raise_flag(struct rx_session *s, const char *id, const char *child)
{
	char text[256];

	(void)snprintf(text, sizeof(text), "{'id':'%s','child':'%s','date':"
	    "'2025-06-03','reason':'请关注'}", id, child);
	return (save(s, RX_FLAG, false, NULL, text));
}

static struct rx_flag_row
flag_of(struct rx_session *s, const char *id)
{
	struct rx_flag_row flag;

	must(rx_review_find(s, id, &flag, &st));
	return (flag);
}

static rx_err
decide(struct rx_session *s, const char *id, const char *decision)
{
	const struct rx_flag_row flag = flag_of(s, id);

	rx_status_clear(&st);
	return (rx_review_decide(s, &flag, decision, "已核实", &st));
}

/* ---- lists ---- */

struct flags {
	size_t n, red;
	int64_t at;
	bool order;		/* red before the rest, then the older first */
	const char *want;
	size_t found;
};

static rx_err
flags_each(void *cookie, const struct rx_flag_row *row, struct rx_status *u)
{
	struct flags *f = cookie;
	const bool red = row->risk == 1;

	(void)u;
	if (f->n > 0 && ((red && f->red < f->n) ||
	    (red == (f->red == f->n) && row->at < f->at)))
		f->order = false;
	f->n++;
	f->red += red;
	f->at = row->at;
	if (f->want != NULL)
		f->found += strcmp(row->caller_id, f->want) == 0;
	return (RX_OK);
}

static struct flags
flags_of(struct rx_session *s, bool all, const char *want)
{
	struct flags f = { .order = true, .want = want };

	must(rx_review_each(s, all, flags_each, &f, &st));
	return (f);
}

static void
test_flag_by_a_person_and_by_rule_are_told_apart(void **state)
{
	struct rx_flag_row flag;

	(void)state;
	flagged_child(w.d1, "fl", VILLAGE1);
	ok(raise_flag(w.d1, "fl-f", "fl"), &st);
	flag = flag_of(w.town, "fl-f");
	assert_int_equal(flag.raised_by, RX_FLAG);
	assert_false(flag.by_rule);
	assert_string_equal(flag.author, "d1");
	assert_string_equal(flag.child_caller_id, "fl");
	assert_string_equal(flag.unit, VILLAGE1);
	assert_int_equal(flag.state, RX_FLAG_OPEN);
	assert_int_equal(flag.date, day("2025-06-03"));
	flag = flag_of(w.town, "fl-o");
	assert_int_equal(flag.raised_by, RX_OBSERVATION);
	assert_true(flag.by_rule);
}

static void
test_answer_is_due_in_a_day_when_red_in_three_otherwise(void **state)
{
	struct rx_flag_row flag;

	(void)state;
	flagged_child(w.d1, "da", VILLAGE1);
	flag = flag_of(w.town, "da-o");
	assert_int_equal(flag.risk, 1);
	assert_int_equal(flag.due - flag.at, 24 * 3600 * 1000);
	assert_false(flag.overdue);
	add_child(w.d1, "db", VILLAGE1);
	ok(raise_flag(w.d1, "db-f", "db"), &st);
	flag = flag_of(w.town, "db-f");
	assert_int_equal(flag.risk, 0);
	assert_int_equal(flag.due - flag.at, 72 * 3600 * 1000);
}

/* A record of ${type} of the case ${child}, recorded at ${at}; of a flag ${text} is
 * its id, of a review what is decided on ${flag}, as programs of before wrote it,
 * who did not say which version they had seen. */
static void
record_at(struct rx_session *s, const char *child, enum rx_type type,
    const char *text, const uint8_t *flag, int64_t at)
{
	char unit[RX_UNIT_BYTES];
	struct rx_case c;
	struct rx_record r;
	uint8_t case_id[RX_ID_BYTES];
	bool opened;

	find_child(s, child, case_id);
	must(rx_unit_parse(unit, VILLAGE1, &st));
	rx_case_init(&c);
	must(rx_store_begin(s->store, &st));
	must(rx_case_load(&c, s, case_id, unit, type == RX_REVIEW ?
	    RX_BIT(RX_COMP_CODED) : RX_CASE_KEYS, &st));
	if (type == RX_REVIEW)
		must(rx_case_load_slot(&c, s, &opened, &st));
	rx_record_init(&r);
	r.type = type;
	r.version = 1;
	r.at = at;
	rx_uuid7(r.id, r.at);
	memcpy(r.child, case_id, RX_ID_BYTES);
	memcpy(r.unit, unit, RX_UNIT_BYTES);
	memcpy(r.author, s->user_id, RX_ID_BYTES);
	must(rx_record_set_text(&r, RX_F_REASON, "x", 1, &st));
	must(rx_record_set_int(&r, RX_F_DATE, day("2025-06-03"), &st));
	if (type == RX_REVIEW) {
		must(rx_record_set_ids(&r, RX_F_FLAG, flag, 1, &st));
		must(rx_record_set_int(&r, RX_F_DECISION, rx_code_by_key(
		    RX_LIST_DECISION, text)->no, &st));
	} else {
		must(rx_record_set_text(&r, RX_F_CALLER_ID, text, strlen(text),
		    &st));
		must(rx_record_set_int(&r, RX_F_RAISES_FLAG, 2, &st));
	}
	must(rx_row_insert(s, &c, &r, &st));
	must(rx_slots_write(&c, s, true, 0, NULL, &st));
	must(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
	rx_record_free(&r);
	rx_case_done(&c, s);
}

/* A flag that was recorded at ${at}. */
static void
flag_at(struct rx_session *s, const char *id, const char *child, int64_t at)
{

	record_at(s, child, RX_FLAG, id, NULL, at);
}

/* One that was recorded so many milliseconds, or hours, ago. */
static void
aged_flag(struct rx_session *s, const char *id, const char *child,
    int64_t age)
{

	flag_at(s, id, child, rx_time_now() - age);
}

static void
old_flag(struct rx_session *s, const char *id, const char *child, int hours)
{

	aged_flag(s, id, child, hours * INT64_C(3600000));
}

static void
test_unanswered_flag_is_overdue_an_answered_one_is_not(void **state)
{

	(void)state;
	add_child(w.d1, "ov", VILLAGE1);
	old_flag(w.d1, "ov-71", "ov", 71);
	old_flag(w.d1, "ov-73", "ov", 73);
	assert_false(flag_of(w.town, "ov-71").overdue);
	assert_true(flag_of(w.town, "ov-73").overdue);
	ok(decide(w.town, "ov-73", "accept"), &st);
	assert_false(flag_of(w.town, "ov-73").overdue);
	/* A red case has a day. */
	add_child(w.d1, "ow", VILLAGE1);
	ok(observe(w.d1, "ow-o", "ow", "2025-06-03", "mood_low", "red"), &st);
	old_flag(w.d1, "ow-23", "ow", 23);
	old_flag(w.d1, "ow-25", "ow", 25);
	assert_false(flag_of(w.town, "ow-23").overdue);
	assert_true(flag_of(w.town, "ow-25").overdue);
}

static void
test_red_flags_come_first_then_the_older(void **state)
{
	struct flags f;

	(void)state;
	add_child(w.d1, "or", VILLAGE1);
	ok(raise_flag(w.d1, "or-1", "or"), &st);
	flagged_child(w.d2, "os", VILLAGE2);
	old_flag(w.d1, "or-2", "or", 5);
	flagged_child(w.d1, "ot", VILLAGE1);
	f = flags_of(w.town, false, NULL);
	assert_true(f.order);
	assert_true(f.red >= 2 && f.n >= f.red + 2);
}

struct moment {
	int64_t at;
	size_t n;
	uint8_t last[RX_ID_BYTES];
};

static rx_err
moment_each(void *cookie, const struct rx_flag_row *row, struct rx_status *u)
{
	struct moment *m = cookie;

	(void)u;
	if (row->at != m->at)
		return (RX_OK);
	assert_true(m->n == 0 || memcmp(m->last, row->id, RX_ID_BYTES) < 0);
	memcpy(m->last, row->id, RX_ID_BYTES);
	m->n++;
	return (RX_OK);
}

/* Whoever looks twice finds them in the same order. */
static void
test_flags_of_one_moment_come_in_the_order_of_their_ids(void **state)
{
	struct moment m = { .at = rx_time_now() - INT64_C(3600000) };
	char child[8], flag[8];
	int i;

	(void)state;
	for (i = 0; i < 6; i++) {
		(void)snprintf(child, sizeof(child), "om%d", i);
		(void)snprintf(flag, sizeof(flag), "om%d-f", i);
		add_child(w.d1, child, VILLAGE1);
		flag_at(w.d1, flag, child, m.at);
	}
	must(rx_review_each(w.town, false, moment_each, &m, &st));
	assert_int_equal(m.n, 6);
}

static void
test_list_has_open_flags_and_all_on_demand(void **state)
{

	(void)state;
	flagged_child(w.d1, "lf", VILLAGE1);
	assert_int_equal(flags_of(w.town, false, "lf-o").found, 1);
	ok(decide(w.town, "lf-o", "close"), &st);
	assert_int_equal(flags_of(w.town, false, "lf-o").found, 0);
	assert_int_equal(flags_of(w.town, true, "lf-o").found, 1);
}

static void
test_director_sees_the_flags_of_his_own_children(void **state)
{

	(void)state;
	flagged_child(w.d1, "dw", VILLAGE1);
	assert_int_equal(flags_of(w.d1, false, "dw-o").found, 1);
	assert_int_equal(flags_of(w.d2, false, "dw-o").found, 0);
}

static void
test_cases_not_yours_flags_are_closed_to_others(void **state)
{
	struct rx_session *const who[2] = { w.stat, w.admin };
	struct rx_flag_row flag;
	struct flags f = { .n = 0 };
	size_t i;

	(void)state;
	flagged_child(w.d1, "cy", VILLAGE1);
	for (i = 0; i < 2; i++) {
		refuses(try(rx_review_each(who[i], true, flags_each, &f,
		    &st)), RX_EPERM, CASES_NOT_YOURS);
		refuses(try(rx_review_find(who[i], "cy-o", &flag, &st)),
		    RX_EPERM, CASES_NOT_YOURS);
	}
	assert_int_equal(f.n, 0);
}

static void
test_flag_unknown_is_refused(void **state)
{
	static const char uuid[] = "0190aaaa-0000-7000-8000-000000000000";
	struct rx_flag_row flag;

	(void)state;
	flagged_child(w.d3, "fu", VILLAGE3);
	add_child(w.d1, "fv", VILLAGE1);
	ok(observe(w.d1, "fv-o", "fv", "2025-06-03", "mood_low", "green"),
	    &st);
	refuses(try(rx_review_find(w.town, "nothing", &flag, &st)),
	    RX_ENOENT, FLAG_UNKNOWN);
	refuses(try(rx_review_find(w.town, uuid, &flag, &st)), RX_ENOENT,
	    FLAG_UNKNOWN);
	/* Of another township; and a record that raises none. */
	refuses(try(rx_review_find(w.town, "fu-o", &flag, &st)), RX_ENOENT,
	    FLAG_UNKNOWN);
	refuses(try(rx_review_find(w.town, "fv-o", &flag, &st)), RX_ENOENT,
	    FLAG_UNKNOWN);
}

/* By its number, as a link has it: it is there, and somebody else's. */
static void
test_not_permitted_a_flag_of_another_township(void **state)
{
	struct rx_flag_row flag;
	char uuid[RX_UUID_TEXT];

	(void)state;
	flagged_child(w.d3, "fo", VILLAGE3);
	flag = flag_of(w.d3, "fo-o");
	rx_uuid_text(flag.id, uuid);
	refuses(try(rx_review_find(w.town, uuid, &flag, &st)), RX_EPERM,
	    NOT_PERMITTED);
	assert_string_equal(arg_of("unit"), VILLAGE3);
	refuses(try(rx_review_find(w.d1, uuid, &flag, &st)), RX_EPERM,
	    NOT_PERMITTED);
	must(rx_review_find(w.county, uuid, &flag, &st));	/* the control */
}

static void
test_flag_ambiguous_in_two_villages_is_refused(void **state)
{
	struct rx_flag_row flag;
	char uuid[RX_UUID_TEXT];

	(void)state;
	flagged_child(w.d1, "fa", VILLAGE1);
	flagged_child(w.d2, "fa", VILLAGE2);
	refuses(try(rx_review_find(w.town, "fa-o", &flag, &st)),
	    RX_ECONFLICT, FLAG_AMBIGUOUS);
	/* To each director it is one, and our id is one to all. */
	flag = flag_of(w.d2, "fa-o");
	rx_uuid_text(flag.id, uuid);
	flag = flag_of(w.town, uuid);
	assert_string_equal(flag.unit, VILLAGE2);
}

/* A page gives its records ids that look like ours. */
static void
test_flag_is_found_by_an_id_of_the_callers_that_looks_like_ours(void **state)
{
	static const char form[] = "0190bbbb-0000-7000-8000-000000000000";
	struct rx_flag_row flag, other;
	char uuid[RX_UUID_TEXT];

	(void)state;
	add_child(w.d1, "lu", VILLAGE1);
	ok(observe(w.d1, form, "lu", "2025-06-03", "self_harm", "red"), &st);
	flag = flag_of(w.town, form);
	assert_string_equal(flag.caller_id, form);
	ok(decide(w.town, form, "accept"), &st);
	/* Ours comes first, whoever else is called so. */
	rx_uuid_text(flag.id, uuid);
	ok(observe(w.d1, uuid, "lu", "2025-06-04", "self_harm", "red"), &st);
	other = flag_of(w.town, uuid);
	assert_memory_equal(other.id, flag.id, RX_ID_BYTES);
}

/* ---- what a flag opens ---- */

static void
test_flagged_case_is_open_to_the_township_not_above_or_beside(void **state)
{
	struct shown_case c;

	(void)state;
	flagged_child(w.d1, "op", VILLAGE1);
	must(show(w.town, "op", "复核", &c));
	assert_true(c.name);
	assert_string_equal(c.text, "看望");
	must(show(w.both, "op", "复核", &c));
	assert_true(c.name);
	refuses(show(w.county, "op", "复核", NULL), RX_EPERM, CASE_CLOSED);
	refuses(show(w.city, "op", "复核", NULL), RX_EPERM, CASE_CLOSED);
}

static void
test_name_is_opened_for_a_reason_only(void **state)
{
	struct shown_case c;

	(void)state;
	flagged_child(w.d1, "nr", VILLAGE1);
	must(show(w.town, "nr", NULL, &c));
	assert_false(c.name);
	assert_int_equal(c.n, 2);
	must(show(w.town, "nr", "", &c));
	assert_false(c.name);
	must(show(w.town, "nr", "电话联系监护人", &c));
	assert_true(c.name);
}

static void
test_flag_goes_to_the_county_without_a_township_supervisor(void **state)
{
	struct shown_case c;

	(void)state;
	flagged_child(w.d3, "gc", VILLAGE3);
	must(show(w.county, "gc", "复核", &c));
	assert_true(c.name);
	refuses(show(w.city, "gc", "复核", NULL), RX_EPERM, CASE_CLOSED);
	ok(decide(w.county, "gc-o", "escalate"), &st);
	must(show(w.city, "gc", "复核", &c));
	assert_true(c.name);
}

static void
test_every_record_of_a_flagged_case_is_open_also_later_ones(void **state)
{
	struct shown_case c;

	(void)state;
	flagged_child(w.d1, "lr", VILLAGE1);
	ok(observe(w.d1, "lr-2", "lr", "2025-06-10", "mood_low", "green"),
	    &st);
	must(show(w.town, "lr", "复核", &c));
	assert_int_equal(c.by_type[RX_OBSERVATION], 2);
	assert_string_equal(c.text, "看望看望");
}

static void
test_supervisor_reports_in_a_flagged_case_only(void **state)
{
	struct shown_case c;

	(void)state;
	flagged_child(w.d1, "sr", VILLAGE1);
	add_child(w.d1, "su", VILLAGE1);
	ok(report(w.town, "sr-m", "sr", "2025-06-04"), &st);
	must(show(w.d1, "sr", NULL, &c));
	assert_int_equal(c.by_type[RX_REPORT], 1);
	refuses(report(w.town, "su-m", "su", "2025-06-04"), RX_EPERM,
	    CASE_CLOSED);
	refuses(report(w.county, "sr-n", "sr", "2025-06-04"), RX_EPERM,
	    CASE_CLOSED);
	/* Nothing but the report. */
	refuses(observe(w.town, "sr-p", "sr", "2025-06-04", "mood_low",
	    "green"), RX_EPERM, NOT_PERMITTED);
	refuses(consent(w.town, "sr-w", "sr", "2025-06-04", "withdrawn"),
	    RX_EPERM, NOT_PERMITTED);
	refuses(raise_flag(w.town, "sr-f", "sr"), RX_EPERM, NOT_PERMITTED);
}

/* ---- decisions ---- */

static void
test_accepted_flag_stays_open_and_is_decided_again(void **state)
{

	(void)state;
	flagged_child(w.d1, "ac", VILLAGE1);
	ok(decide(w.town, "ac-o", "accept"), &st);
	assert_int_equal(flag_of(w.town, "ac-o").state, RX_FLAG_ACCEPTED);
	assert_int_equal(flags_of(w.town, false, "ac-o").found, 1);
	assert_true(listed(w.d1, "ac").row.flagged);
	must(show(w.town, "ac", "复核", NULL));
	ok(decide(w.town, "ac-o", "close"), &st);
	assert_int_equal(flag_of(w.town, "ac-o").state, RX_FLAG_CLOSED);
	assert_false(listed(w.d1, "ac").row.flagged);
	audit_holds(w.town);
}

static void
test_returned_and_closed_flags_shut_the_supervisor_out(void **state)
{
	static const char *const decisions[2] = { "return", "close" };
	static const char *const ids[2] = { "rt", "cs" };
	struct shown_case c;
	char flag[16];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		flagged_child(w.d1, ids[i], VILLAGE1);
		must(show(w.town, ids[i], "复核", NULL));
		(void)snprintf(flag, sizeof(flag), "%s-o", ids[i]);
		ok(decide(w.town, flag, decisions[i]), &st);
		refuses(show(w.town, ids[i], "复核", NULL), RX_EPERM,
		    CASE_CLOSED);
		refuses(show(w.both, ids[i], "复核", NULL), RX_EPERM,
		    CASE_CLOSED);
		/* The director reads the answer, and why. */
		must(show(w.d1, ids[i], NULL, &c));
		assert_int_equal(c.by_type[RX_REVIEW], 1);
		assert_string_equal(c.text, "看望已核实");
	}
	assert_int_equal(flag_of(w.d1, "rt-o").state, RX_FLAG_RETURNED);
	assert_int_equal(flag_of(w.d1, "cs-o").state, RX_FLAG_CLOSED);
}

static void
test_second_flag_keeps_the_case_open(void **state)
{

	(void)state;
	flagged_child(w.d1, "tf", VILLAGE1);
	ok(raise_flag(w.d1, "tf-f", "tf"), &st);
	ok(decide(w.town, "tf-o", "close"), &st);
	assert_true(listed(w.d1, "tf").row.flagged);
	must(show(w.town, "tf", "复核", NULL));
	ok(decide(w.town, "tf-f", "return"), &st);
	refuses(show(w.town, "tf", "复核", NULL), RX_EPERM, CASE_CLOSED);
}

static void
test_new_flag_after_closing_opens_the_case_again(void **state)
{

	(void)state;
	flagged_child(w.d1, "nf", VILLAGE1);
	ok(decide(w.town, "nf-o", "close"), &st);
	ok(raise_flag(w.d1, "nf-f", "nf"), &st);
	must(show(w.town, "nf", "复核", NULL));
	/* A record without alarm after closing opens nothing. */
	flagged_child(w.d1, "ng", VILLAGE1);
	ok(decide(w.town, "ng-o", "close"), &st);
	ok(observe(w.d1, "ng-2", "ng", "2025-06-10", "mood_low", "red"),
	    &st);
	refuses(show(w.town, "ng", "复核", NULL), RX_EPERM, CASE_CLOSED);
}

static void
test_escalation_opens_the_case_to_the_county(void **state)
{
	struct shown_case c;

	(void)state;
	flagged_child(w.d1, "es", VILLAGE1);
	refuses(show(w.county, "es", "复核", NULL), RX_EPERM, CASE_CLOSED);
	refuses(decide(w.county, "es-o", "accept"), RX_EPERM, CASE_CLOSED);
	ok(decide(w.town, "es-o", "escalate"), &st);
	assert_int_equal(flag_of(w.county, "es-o").state, RX_FLAG_ESCALATED);
	must(show(w.county, "es", "复核", &c));
	assert_true(c.name);
	/* The township goes on seeing it; the city does not yet. */
	must(show(w.town, "es", "复核", NULL));
	refuses(show(w.city, "es", "复核", NULL), RX_EPERM, CASE_CLOSED);
	ok(decide(w.county, "es-o", "close"), &st);
	refuses(show(w.county, "es", "复核", NULL), RX_EPERM, CASE_CLOSED);
	refuses(show(w.town, "es", "复核", NULL), RX_EPERM, CASE_CLOSED);
	audit_holds(w.county);
}

static void
test_escalated_case_stays_open_to_the_county_over_later_records(void **state)
{

	(void)state;
	flagged_child(w.d1, "el", VILLAGE1);
	ok(decide(w.town, "el-o", "escalate"), &st);
	ok(observe(w.d1, "el-2", "el", "2025-06-10", "mood_low", "green"),
	    &st);
	must(show(w.county, "el", "复核", NULL));
}

/* Once more by the same level changes nothing, and says so; from where it came
 * to it goes on. */
static void
test_escalating_again_goes_on_upwards_or_is_refused(void **state)
{
	struct mark before;

	(void)state;
	flagged_child(w.d1, "ea", VILLAGE1);
	ok(decide(w.town, "ea-o", "escalate"), &st);
	before = mark_of(w.town);
	refuses(decide(w.town, "ea-o", "escalate"), RX_ECONFLICT,
	    FLAG_ESCALATED);
	assert_true(unchanged(w.town, &before));
	refuses(show(w.city, "ea", "复核", NULL), RX_EPERM, CASE_CLOSED);
	ok(decide(w.county, "ea-o", "escalate"), &st);
	must(show(w.city, "ea", "复核", NULL));
	refuses(decide(w.city, "ea-o", "escalate"), RX_ECONFLICT, FLAG_TOP);
	/* Accepting it takes it from nobody. */
	ok(decide(w.city, "ea-o", "accept"), &st);
	must(show(w.city, "ea", "复核", NULL));
	must(show(w.county, "ea", "复核", NULL));
	must(show(w.town, "ea", "复核", NULL));
}

static void
test_first_escalation_is_recorded_also_with_nobody_above(void **state)
{

	(void)state;
	flagged_child(w.d1, "eb", VILLAGE1);
	assert_true(flag_of(w.town, "eb-o").above);
	assert_true(flag_of(w.town, "eb-o").mine_to_raise);
	ok(decide(w.town, "eb-o", "escalate"), &st);
	assert_false(flag_of(w.town, "eb-o").mine_to_raise);
	assert_true(flag_of(w.county, "eb-o").mine_to_raise);
	ok(decide(w.county, "eb-o", "escalate"), &st);
	assert_false(flag_of(w.city, "eb-o").above);
}

/* Whether the slot of ${s} in the case ${child} is open.  (The case itself would
 * not: the old flags here are older than the certificate of their author.) */
static bool
is_open(struct rx_session *s, const char *child)
{
	uint8_t id[RX_ID_BYTES];
	char unit[RX_UNIT_BYTES];
	struct rx_case c;
	bool opened = false;

	find_child(s, child, id);
	must(rx_unit_parse(unit, VILLAGE1, &st));
	rx_case_init(&c);
	must(rx_case_load(&c, s, id, unit, RX_BIT(RX_COMP_CODED), &st));
	must(rx_case_load_slot(&c, s, &opened, &st));
	rx_case_done(&c, s);
	return (opened);
}

/* Until somebody who holds the keys comes by, only the list says so; he hands
 * it on, once. */
static void
test_unanswered_urgent_flag_goes_to_the_level_above(void **state)
{
	struct rx_audit_head head, after;

	(void)state;
	add_child(w.d1, "up", VILLAGE1);
	ok(observe(w.d1, "up-o", "up", "2025-06-03", "mood_low", "red"), &st);
	old_flag(w.d1, "up-23", "up", 23);
	rx_session_close(w.d1);
	w.d1 = sign_in(w.dir, "d1");
	assert_false(flag_of(w.county, "up-23").passed);
	assert_false(is_open(w.county, "up"));

	old_flag(w.d1, "up-25", "up", 25);
	assert_true(flag_of(w.county, "up-25").passed);
	assert_false(is_open(w.county, "up"));
	rx_session_close(w.d1);
	w.d1 = sign_in(w.dir, "d1");
	assert_true(is_open(w.county, "up"));
	assert_false(is_open(w.city, "up"));
	assert_true(is_open(w.town, "up"));
	/* The next sign-in has nothing left to do. */
	must(rx_audit_head(w.d1, &head, &st));
	rx_session_close(w.d1);
	w.d1 = sign_in(w.dir, "d1");
	must(rx_audit_head(w.d1, &after, &st));
	assert_int_equal(head.seq, after.seq);
	/* A later record leaves it open, an answer below closes it again. */
	ok(observe(w.d1, "up-2", "up", "2025-06-10", "mood_low", "red"), &st);
	assert_true(is_open(w.county, "up"));
	ok(decide(w.town, "up-25", "accept"), &st);
	assert_false(is_open(w.county, "up"));
	audit_holds(w.d1);
}

/* A page may stay open for a day: what the session has read before says it
 * too, without a new row. */
static void
test_flag_that_falls_due_while_signed_in_is_listed_as_passed(void **state)
{
	const struct timespec wait = { 2, 100000000 };

	(void)state;
	add_child(w.d1, "um", VILLAGE1);
	ok(observe(w.d1, "um-o", "um", "2025-06-03", "mood_low", "red"), &st);
	aged_flag(w.d1, "um-24", "um", 24 * INT64_C(3600000) - 2000);
	assert_false(flag_of(w.county, "um-24").passed);
	assert_int_equal(nanosleep(&wait, NULL), 0);
	assert_true(flag_of(w.county, "um-24").overdue);
	assert_true(flag_of(w.county, "um-24").passed);
}

static void
test_unanswered_flag_that_is_not_urgent_stays_where_it_is(void **state)
{

	(void)state;
	add_child(w.d1, "uq", VILLAGE1);
	old_flag(w.d1, "uq-99", "uq", 99);
	assert_true(flag_of(w.county, "uq-99").overdue);
	assert_false(flag_of(w.county, "uq-99").passed);
	rx_session_close(w.d1);
	w.d1 = sign_in(w.dir, "d1");
	assert_false(is_open(w.county, "uq"));
}

static void
test_reason_missing_for_a_decision_is_refused(void **state)
{
	struct rx_flag_row flag;
	struct mark before;

	(void)state;
	flagged_child(w.d1, "rm", VILLAGE1);
	flag = flag_of(w.town, "rm-o");
	before = mark_of(w.town);
	refuses(try(rx_review_decide(w.town, &flag, "close", "", &st)),
	    RX_EUSAGE, REASON_MISSING);
	refuses(try(rx_review_decide(w.town, &flag, "close", NULL, &st)),
	    RX_EUSAGE, REASON_MISSING);
	assert_true(unchanged(w.town, &before));
}

static void
test_decision_unknown_is_refused(void **state)
{
	static const char *const bad[] = { "", "closed", "Close", "结案" };
	struct rx_flag_row flag;
	struct mark before;
	size_t i;

	(void)state;
	flagged_child(w.d1, "du", VILLAGE1);
	flag = flag_of(w.town, "du-o");
	before = mark_of(w.town);
	for (i = 0; i < 4; i++)
		refuses(try(rx_review_decide(w.town, &flag, bad[i], "x",
		    &st)), RX_EUSAGE, DECISION_UNKNOWN);
	assert_true(unchanged(w.town, &before));
}

static void
test_reason_that_is_no_text_is_refused(void **state)
{
	struct rx_flag_row flag;
	char longest[4 * 257 + 1];

	(void)state;
	flagged_child(w.d1, "rx", VILLAGE1);
	flag = flag_of(w.town, "rx-o");
	memset(longest, 'x', 257);
	longest[257] = '\0';
	refuses(try(rx_review_decide(w.town, &flag, "close", longest, &st)),
	    RX_EUSAGE, FIELD_TOO_LONG);
	refuses(try(rx_review_decide(w.town, &flag, "close", "\xff", &st)),
	    RX_EUSAGE, FIELD_NOT_UTF8);
	refuses(try(rx_review_decide(w.town, &flag, "close", "a\nb", &st)),
	    RX_EUSAGE, FIELD_CONTROL);
}

static void
test_own_flag_is_not_decided_by_who_raised_it(void **state)
{
	struct mark before;

	(void)state;
	flagged_child(w.both, "ow1", VILLAGE4);
	ok(raise_flag(w.both, "ow1-f", "ow1"), &st);
	before = mark_of(w.both);
	/* Whether by rule or by hand, and whatever the decision. */
	refuses(decide(w.both, "ow1-o", "close"), RX_EPERM, OWN_FLAG);
	refuses(decide(w.both, "ow1-f", "accept"), RX_EPERM, OWN_FLAG);
	refuses(decide(w.both, "ow1-f", "escalate"), RX_EPERM, OWN_FLAG);
	assert_true(unchanged(w.both, &before));
	/* The other supervisor does, and he decides others' flags. */
	ok(decide(w.town, "ow1-o", "close"), &st);
	flagged_child(w.d1, "ow2", VILLAGE1);
	ok(decide(w.both, "ow2-o", "close"), &st);
}

static void
test_flag_decided_is_not_decided_again(void **state)
{
	struct rx_flag_row flag;
	struct mark before;

	(void)state;
	flagged_child(w.d1, "fd", VILLAGE1);
	flag = flag_of(w.town, "fd-o");
	ok(decide(w.town, "fd-o", "return"), &st);
	before = mark_of(w.town);
	refuses(decide(w.town, "fd-o", "close"), RX_ECONFLICT, FLAG_DECIDED);
	/* What was read before somebody else decided is looked at again. */
	refuses(try(rx_review_decide(w.town, &flag, "close", "x", &st)),
	    RX_ECONFLICT, FLAG_DECIDED);
	refuses(try(rx_review_decide(w.both, &flag, "close", "x", &st)),
	    RX_ECONFLICT, FLAG_DECIDED);
	assert_true(unchanged(w.town, &before));
}

static void
test_not_permitted_to_decide_but_for_a_supervisor_above(void **state)
{
	struct rx_flag_row flag, other;
	struct mark before;

	(void)state;
	flagged_child(w.d1, "nd", VILLAGE1);
	flagged_child(w.d3, "ne", VILLAGE3);
	flag = flag_of(w.d1, "nd-o");
	other = flag_of(w.d3, "ne-o");
	before = mark_of(w.d1);
	refuses(try(rx_review_decide(w.d1, &flag, "close", "x", &st)),
	    RX_EPERM, NOT_PERMITTED);
	refuses(try(rx_review_decide(w.d2, &flag, "close", "x", &st)),
	    RX_EPERM, NOT_PERMITTED);
	refuses(try(rx_review_decide(w.town, &other, "close", "x", &st)),
	    RX_EPERM, NOT_PERMITTED);
	refuses(try(rx_review_decide(w.stat, &flag, "close", "x", &st)),
	    RX_EPERM, NOT_PERMITTED);
	refuses(try(rx_review_decide(w.admin, &flag, "close", "x", &st)),
	    RX_EPERM, NOT_PERMITTED);
	assert_true(unchanged(w.d1, &before));
}

/* A row that says something else than the register: unit, author and state
 * are those of the register, not of the caller. */
static void
test_forged_flag_row_decides_nothing(void **state)
{
	struct rx_flag_row flag;
	struct mark before;

	(void)state;
	flagged_child(w.d3, "ff", VILLAGE3);
	flagged_child(w.both, "fg", VILLAGE4);
	/* Another township's flag under a unit of his own. */
	flag = flag_of(w.d3, "ff-o");
	(void)snprintf(flag.unit, sizeof(flag.unit), "%s", VILLAGE1);
	before = mark_of(w.town);
	refuses(try(rx_review_decide(w.town, &flag, "close", "x", &st)),
	    RX_EPERM, NOT_PERMITTED);
	/* His own flag under another's name. */
	flag = flag_of(w.both, "fg-o");
	(void)snprintf(flag.author, sizeof(flag.author), "d1");
	refuses(try(rx_review_decide(w.both, &flag, "close", "x", &st)),
	    RX_EPERM, OWN_FLAG);
	assert_true(unchanged(w.town, &before));
}

static void
test_review_goes_on_after_a_withdrawal(void **state)
{

	(void)state;
	flagged_child(w.d1, "rw", VILLAGE1);
	ok(consent(w.d1, "rw-w", "rw", "2025-07-01", "withdrawn"), &st);
	ok(report(w.town, "rw-m", "rw", "2025-07-02"), &st);
	ok(decide(w.town, "rw-o", "close"), &st);
}

/* ---- later corrections ---- */

static void
test_correction_takes_no_flag_back_but_asks_again(void **state)
{

	(void)state;
	flagged_child(w.d1, "cf", VILLAGE1);
	ok(decide(w.town, "cf-o", "accept"), &st);
	ok(save(w.d1, RX_OBSERVATION, true, NULL, "{'id':'cf-o','child':'cf',"
	    "'date':'2025-06-03','channel':'talk','signs':['mood_low'],"
	    "'risk':'green'}"), &st);
	assert_true(listed(w.d1, "cf").row.flagged);
	/* What is corrected now is not what was decided on. */
	assert_int_equal(flag_of(w.town, "cf-o").state, RX_FLAG_OPEN);
	must(show(w.town, "cf", "复核", NULL));
	ok(decide(w.town, "cf-o", "close"), &st);
	assert_false(listed(w.d1, "cf").row.flagged);
}

static void
test_correction_with_an_urgent_sign_raises_the_flag(void **state)
{
	struct rx_save_result result;

	(void)state;
	add_child(w.d1, "cu", VILLAGE1);
	ok(observe(w.d1, "cu-o", "cu", "2025-06-03", "mood_low", "green"),
	    &st);
	ok(save(w.d1, RX_OBSERVATION, true, &result, "{'id':'cu-o','child':"
	    "'cu','date':'2025-06-03','channel':'talk','signs':"
	    "['death_talk'],'risk':'red'}"), &st);
	assert_true(result.flagged);
	must(show(w.town, "cu", "复核", NULL));
}

/* Correct "ID-o" of flagged_child: nothing is left of its sign. */
static struct rx_save_result
take_back(struct rx_session *s, const char *id)
{
	struct rx_save_result result;
	char text[512];

	(void)snprintf(text, sizeof(text), "{'id':'%s-o','child':'%s',"
	    "'date':'2025-06-03','channel':'home_visit','signs':"
	    "['mood_low'],'risk':'green','note':'看错了'}", id, id);
	ok(save(s, RX_OBSERVATION, true, &result, text), &st);
	return (result);
}

static uint64_t
sign_bit(const char *key)
{

	return (UINT64_C(1) << (rx_code_by_key(RX_LIST_SIGN, key)->no - 1));
}

/* A decision of before, which does not say of which version it is, is of the one that
 * stood there by the clock. */
static void
test_decision_of_before_goes_by_the_clock(void **state)
{
	static const int64_t hour = 3600000;
	struct rx_flag_row flag;

	(void)state;
	flagged_child(w.d1, "cg", VILLAGE1);
	flag = flag_of(w.town, "cg-o");
	record_at(w.town, "cg", RX_REVIEW, "accept", flag.id, flag.at + 1);
	assert_int_equal(flag_of(w.town, "cg-o").state, RX_FLAG_ACCEPTED);
	(void)take_back(w.d1, "cg");
	flag = flag_of(w.town, "cg-o");
	assert_true(flag.state == RX_FLAG_OPEN && flag.again);
	record_at(w.town, "cg", RX_REVIEW, "close", flag.id, flag.at + hour);
	assert_int_equal(flag_of(w.town, "cg-o").state, RX_FLAG_CLOSED);
}

static void
test_corrected_flag_tells_what_it_was_raised_for(void **state)
{
	struct rx_flag_row flag;

	(void)state;
	flagged_child(w.d1, "ct", VILLAGE1);
	flag = flag_of(w.town, "ct-o");
	assert_false(flag.corrected || flag.again || flag.was != 0);
	(void)take_back(w.d1, "ct");
	flag = flag_of(w.town, "ct-o");
	assert_true(flag.corrected);
	assert_false(flag.again);
	assert_int_equal(flag.signs, sign_bit("self_harm"));
	assert_int_equal(flag.was, 1);
	assert_true(flag.risk > flag.was);
}

struct places {
	const char *id[2];
	size_t at[2], n;
};

static rx_err
places_each(void *cookie, const struct rx_flag_row *row, struct rx_status *u)
{
	struct places *p = cookie;
	int i;

	(void)u;
	p->n++;
	for (i = 0; i < 2; i++)
		if (strcmp(row->caller_id, p->id[i]) == 0)
			p->at[i] = p->n;
	return (RX_OK);
}

/* The other is older, and its case was never red. */
static void
test_corrected_flag_keeps_its_place_in_the_queue(void **state)
{
	struct places p = { .id = { "cp-o", "cq-o" } };

	(void)state;
	add_child(w.d1, "cq", VILLAGE1);
	ok(observe(w.d1, "cq-o", "cq", "2025-06-03", "runaway", "orange"),
	    &st);
	flagged_child(w.d1, "cp", VILLAGE1);
	(void)take_back(w.d1, "cp");
	must(rx_review_each(w.town, false, places_each, &p, &st));
	assert_true(p.at[0] > 0 && p.at[0] < p.at[1]);
}

struct versions {
	size_t n;
	uint64_t changed;
	char notes[64];
	bool sign;		/* in the first */
};

static rx_err
versions_each(void *cookie, const struct rx_record *r, uint64_t changed,
    struct rx_status *u)
{
	struct versions *v = cookie;

	(void)u;
	if (v->n++ == 0)
		v->sign = rx_record_has(r, RX_F_SIGNS, rx_code_by_key(
		    RX_LIST_SIGN, "self_harm")->no);
	v->changed = changed;
	(void)snprintf(v->notes + strlen(v->notes), sizeof(v->notes) -
	    strlen(v->notes), "%s,", rx_record_text(r, RX_F_NOTE));
	return (RX_OK);
}

static void
test_case_closed_versions_are_for_who_reviews_the_flag(void **state)
{
	struct rx_flag_row flag;
	struct versions v = { .n = 0 }, none = { .n = 0 };

	(void)state;
	flagged_child(w.d1, "cv", VILLAGE1);
	(void)take_back(w.d1, "cv");
	flag = flag_of(w.town, "cv-o");
	must(rx_review_history(w.town, &flag, versions_each, &v, &st));
	assert_int_equal(v.n, 2);
	assert_true(v.sign);
	assert_string_equal(v.notes, "看望,看错了,");
	assert_int_equal(v.changed, UINT64_C(1) << RX_F_SIGNS |
	    UINT64_C(1) << RX_F_RISK | UINT64_C(1) << RX_F_NOTE);
	refuses(try(rx_review_history(w.county, &flag, versions_each, &none,
	    &st)), RX_EPERM, CASE_CLOSED);
	refuses(try(rx_review_history(w.d2, &flag, versions_each, &none,
	    &st)), RX_EPERM, NOT_PERMITTED);
	ok(decide(w.town, "cv-o", "close"), &st);
	refuses(try(rx_review_history(w.town, &flag, versions_each, &none,
	    &st)), RX_EPERM, CASE_CLOSED);
	assert_int_equal(none.n, 0);
}

static void
test_correction_says_when_a_decided_flag_is_open_anew(void **state)
{
	static const char *const decisions[2] = { "accept", "close" };
	static const char *const ids[2] = { "cx", "cy2" };
	char flag[16];
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		(void)snprintf(flag, sizeof(flag), "%s-o", ids[i]);
		flagged_child(w.d1, ids[i], VILLAGE1);
		ok(decide(w.town, flag, decisions[i]), &st);
		assert_true(take_back(w.d1, ids[i]).again);
		assert_true(flag_of(w.town, flag).again);
		/* The same once more is no version; and now it is open. */
		assert_false(take_back(w.d1, ids[i]).again);
		ok(decide(w.town, flag, decisions[i]), &st);
		assert_false(flag_of(w.town, flag).again);
		assert_true(flag_of(w.town, flag).corrected);
	}
	flagged_child(w.d1, "cz", VILLAGE1);
	assert_false(take_back(w.d1, "cz").again);
}

/* Nobody puts off the day on which a flag goes to the level above, nor takes it from
 * there, by correcting what raised it. */
static void
test_correction_gives_no_more_time_to_answer(void **state)
{
	struct rx_flag_row before, after;

	(void)state;
	flagged_child(w.d1, "ca", VILLAGE1);
	before = flag_of(w.town, "ca-o");
	(void)take_back(w.d1, "ca");
	after = flag_of(w.town, "ca-o");
	assert_true(after.at > before.at);
	assert_true(after.since == before.since && after.due == before.due);
	/* What was answered is asked anew. */
	flagged_child(w.d1, "cb", VILLAGE1);
	ok(decide(w.town, "cb-o", "accept"), &st);
	(void)take_back(w.d1, "cb");
	after = flag_of(w.town, "cb-o");
	assert_true(after.since == after.at);
	/* Once: not at every further correction. */
	before = after;
	ok(save(w.d1, RX_OBSERVATION, true, NULL, "{'id':'cb-o','child':'cb',"
	    "'date':'2025-06-03','channel':'home_visit','signs':"
	    "['mood_low'],'risk':'green','note':'又看错了'}"), &st);
	after = flag_of(w.town, "cb-o");
	assert_true(after.again && after.at > before.at);
	assert_true(after.since == before.since && after.due == before.due);
	flagged_child(w.d1, "ce", VILLAGE1);
	ok(decide(w.town, "ce-o", "escalate"), &st);
	assert_false(take_back(w.d1, "ce").again);
	after = flag_of(w.county, "ce-o");
	assert_int_equal(after.state, RX_FLAG_ESCALATED);
	assert_true(after.corrected);
	must(show(w.county, "ce", "复核", NULL));
}

/* Nor, when a colleague corrected something in it; and it goes to the level above
 * still, where nobody else is at the first. */
static void
test_own_flag_that_another_corrected_is_not_decided_by_who_raised_it(
    void **state)
{
	struct rx_session *d4;

	(void)state;
	ok(enrol(w.admin, "d4", RX_ROLE_DIRECTOR, VILLAGE4), &st);
	rx_session_close(sign_in(w.dir, "both"));
	d4 = sign_in(w.dir, "d4");
	flagged_child(w.both, "ow4", VILLAGE4);
	refuses(decide(w.both, "ow4-o", "close"), RX_EPERM, OWN_FLAG);
	(void)take_back(d4, "ow4");
	assert_true(flag_of(w.both, "ow4-o").own);
	refuses(decide(w.both, "ow4-o", "close"), RX_EPERM, OWN_FLAG);
	assert_false(flag_of(w.town, "ow4-o").own);
	ok(decide(w.town, "ow4-o", "close"), &st);
	assert_int_equal(flag_of(w.both, "ow4-o").state, RX_FLAG_CLOSED);
	rx_session_close(d4);
}

static void
test_flag_changed_since_it_was_read_is_not_decided(void **state)
{
	struct rx_flag_row flag;

	(void)state;
	flagged_child(w.d1, "cw", VILLAGE1);
	flag = flag_of(w.town, "cw-o");
	(void)take_back(w.d1, "cw");
	refuses(try(rx_review_decide(w.town, &flag, "close", "已核实", &st)),
	    RX_ECONFLICT, FLAG_CHANGED);
	assert_int_equal(flag_of(w.town, "cw-o").state, RX_FLAG_OPEN);
	ok(decide(w.town, "cw-o", "close"), &st);
}

/* ---- a supervisor who comes later; at the end, for he makes the sessions
 * above old ---- */

static void
test_supervisor_enrolled_after_the_flag_gets_access(void **state)
{
	struct listed l = { .want = "" };
	struct rx_session *late;
	struct shown_case c;

	(void)state;
	flagged_child(w.d1, "la", VILLAGE1);
	add_child(w.d1, "lb", VILLAGE1);
	ok(enrol(w.admin, "late", RX_ROLE_SUPERVISOR, TOWN), &st);
	late = sign_in(w.dir, "late");
	/* Nobody has handed him a key of VILLAGE1 yet. */
	rx_status_clear(&st);
	refuses(rx_child_each(late, 0, 0, listed_each, &l, &st), RX_EPERM,
	    NO_KEY);
	rx_session_close(w.d1);
	w.d1 = sign_in(w.dir, "d1");
	must(show(late, "la", "复核", &c));
	assert_true(c.name);
	/* What is not flagged stays closed to him as well. */
	refuses(show(late, "lb", "复核", NULL), RX_EPERM, CASE_CLOSED);
	rx_session_close(late);
}

/* He hands nothing on, and signs in all the same. */
static void
test_director_whose_keys_are_still_to_come_passes_no_flag(void **state)
{
	struct rx_audit_head head, after;
	struct rx_session *late;

	(void)state;
	add_child(w.d1, "lk", VILLAGE1);
	ok(observe(w.d1, "lk-o", "lk", "2025-06-03", "mood_low", "red"), &st);
	old_flag(w.d1, "lk-25", "lk", 25);
	ok(enrol(w.admin, "new", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	must(rx_audit_head(w.admin, &head, &st));
	late = sign_in(w.dir, "new");
	must(rx_audit_head(late, &after, &st));
	assert_int_equal(after.seq, head.seq);
	assert_false(is_open(w.county, "lk"));
	/* The control: who has them does. */
	rx_session_close(w.d1);
	w.d1 = sign_in(w.dir, "d1");
	assert_true(is_open(w.county, "lk"));
	rx_session_close(late);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_flag_by_a_person_and_by_rule_are_told_apart),
		cmocka_unit_test(
		    test_answer_is_due_in_a_day_when_red_in_three_otherwise),
		cmocka_unit_test(
		    test_unanswered_flag_is_overdue_an_answered_one_is_not),
		cmocka_unit_test(test_red_flags_come_first_then_the_older),
		cmocka_unit_test(test_list_has_open_flags_and_all_on_demand),
		cmocka_unit_test(
		    test_director_sees_the_flags_of_his_own_children),
		cmocka_unit_test(
		    test_cases_not_yours_flags_are_closed_to_others),
		cmocka_unit_test(test_flag_unknown_is_refused),
		cmocka_unit_test(
		    test_flag_ambiguous_in_two_villages_is_refused),
		cmocka_unit_test(
		    test_flag_is_found_by_an_id_of_the_callers_that_looks_like_ours),
		cmocka_unit_test(
		    test_flagged_case_is_open_to_the_township_not_above_or_beside),
		cmocka_unit_test(test_name_is_opened_for_a_reason_only),
		cmocka_unit_test(
		    test_flag_goes_to_the_county_without_a_township_supervisor),
		cmocka_unit_test(
		    test_every_record_of_a_flagged_case_is_open_also_later_ones),
		cmocka_unit_test(
		    test_supervisor_reports_in_a_flagged_case_only),
		cmocka_unit_test(
		    test_accepted_flag_stays_open_and_is_decided_again),
		cmocka_unit_test(
		    test_returned_and_closed_flags_shut_the_supervisor_out),
		cmocka_unit_test(test_second_flag_keeps_the_case_open),
		cmocka_unit_test(
		    test_new_flag_after_closing_opens_the_case_again),
		cmocka_unit_test(test_escalation_opens_the_case_to_the_county),
		cmocka_unit_test(
		    test_escalated_case_stays_open_to_the_county_over_later_records),
		cmocka_unit_test(
		    test_escalating_again_goes_on_upwards_or_is_refused),
		cmocka_unit_test(
		    test_first_escalation_is_recorded_also_with_nobody_above),
		cmocka_unit_test(
		    test_unanswered_urgent_flag_goes_to_the_level_above),
		cmocka_unit_test(
		    test_flag_that_falls_due_while_signed_in_is_listed_as_passed),
		cmocka_unit_test(
		    test_unanswered_flag_that_is_not_urgent_stays_where_it_is),
		cmocka_unit_test(
		    test_reason_missing_for_a_decision_is_refused),
		cmocka_unit_test(test_decision_unknown_is_refused),
		cmocka_unit_test(test_reason_that_is_no_text_is_refused),
		cmocka_unit_test(
		    test_own_flag_is_not_decided_by_who_raised_it),
		cmocka_unit_test(test_flag_decided_is_not_decided_again),
		cmocka_unit_test(test_correction_gives_no_more_time_to_answer),
		cmocka_unit_test(
		    test_own_flag_that_another_corrected_is_not_decided_by_who_raised_it),
		cmocka_unit_test(
		    test_flag_changed_since_it_was_read_is_not_decided),
		cmocka_unit_test(
		    test_not_permitted_to_decide_but_for_a_supervisor_above),
		cmocka_unit_test(test_forged_flag_row_decides_nothing),
		cmocka_unit_test(test_review_goes_on_after_a_withdrawal),
		cmocka_unit_test(
		    test_correction_takes_no_flag_back_but_asks_again),
		cmocka_unit_test(test_decision_of_before_goes_by_the_clock),
		cmocka_unit_test(
		    test_correction_with_an_urgent_sign_raises_the_flag),
		cmocka_unit_test(
		    test_corrected_flag_tells_what_it_was_raised_for),
		cmocka_unit_test(
		    test_corrected_flag_keeps_its_place_in_the_queue),
		cmocka_unit_test(
		    test_case_closed_versions_are_for_who_reviews_the_flag),
		cmocka_unit_test(
		    test_correction_says_when_a_decided_flag_is_open_anew),
		cmocka_unit_test(
		    test_supervisor_enrolled_after_the_flag_gets_access),
		cmocka_unit_test(
		    test_flags_of_one_moment_come_in_the_order_of_their_ids),
		cmocka_unit_test(test_not_permitted_a_flag_of_another_township),
		cmocka_unit_test(
		    test_director_whose_keys_are_still_to_come_passes_no_flag),
	};

	return (cmocka_run_group_tests_name("review", tests, setup,
	    teardown));
}
