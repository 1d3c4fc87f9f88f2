/*
 * Running tallies: whatever is done to the register, what was counted before
 * with what is new is what a full count gives; and a tally that is not this
 * user's, of this question, of this register, whole, is as good as none.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"
#include "tests/fixture.h"

static struct rx_status st;
static int32_t from, to;
static const char *base, *another;

#define try(expr) (rx_status_clear(&st), (expr))
#define must(expr) ok(try(expr), &st)

static int32_t
date(const char *text)
{
	int32_t d;

	assert_true(rx_date_parse(text, &d));
	return (d);
}

/* The fixture with a second statistician; and another register. */
static int
setup(void **unused)
{
	struct rx_secret *p = test_passphrase("other-pass");
	struct rx_session *admin;

	if (fixture_setup(unused) != 0)
		return (-1);
	base = fixture_copy();
	admin = fixture_open(base, "admin");
	must(rx_user_add(admin, "other", RX_ROLE_STATISTICIAN, "350102", p,
	    &st));
	rx_session_close(admin);
	rx_secret_free(p);
	rx_session_close(fixture_open(base, "d1"));	/* hands keys on */
	another = fixture_another(NULL);
	from = date("2025-01-01");
	to = date("2025-12-31");
	return (0);
}

/* ---- counting ---- */

static struct rx_annex *
counted(struct rx_session *s, int32_t since, enum rx_counting how)
{
	struct rx_annex *a;

	must(rx_annex_count_how(&a, s, COUNTY, since, to, how, &st));
	return (a);
}

/* What ${s} counts is what is there, found out by another person; whether it
 * was counted ${in_full}. */
static bool
right_since(struct rx_session *s, struct rx_session *other, int32_t since)
{
	struct rx_annex *a = counted(s, since, RX_COUNT_RUNNING);
	struct rx_annex *b = counted(other, since, RX_COUNT_ANEW);
	const bool in_full = a->in_full;
	size_t wrong;

	/* Nor does any extract say what its records do not. */
	must(rx_extracts_check(other, COUNTY, &wrong, &st));
	assert_int_equal(wrong, 0);
	assert_int_equal(a->nrows, b->nrows);
	assert_true(b->in_full);
	assert_memory_equal(a->rows, b->rows, a->nrows * sizeof(*a->rows));
	assert_memory_equal(a->total, b->total, sizeof(a->total));
	assert_int_equal(a->agencies_row_sum, b->agencies_row_sum);
	assert_int_equal(a->children_on_register, b->children_on_register);
	assert_int_equal(a->payments, b->payments);
	assert_int_equal(a->payments_empty, b->payments_empty);
	assert_int_equal(a->outside, b->outside);
	assert_int_equal(a->residue_cut, b->residue_cut);
	rx_annex_free(a);
	rx_annex_free(b);
	return (in_full);
}

static bool
right(struct rx_session *s, struct rx_session *other)
{

	return (right_since(s, other, from));
}

struct scene {
	const char *dir;
	struct rx_session *d1, *st, *other;	/* signed in */
	struct rx_session *d2, *s1, *away;	/* NULL, or signed in: away is
						 * d1 in a copy */
	unsigned saved;				/* records so far */
};

static void
scene_open(struct scene *c)
{

	memset(c, 0, sizeof(*c));
	c->dir = fixture_copy_of(base);
	c->d1 = fixture_open(c->dir, "d1");
	c->st = fixture_open(c->dir, "st");
	c->other = fixture_open(c->dir, "other");
}

/* With a copy of the register, and those who open what comes from there. */
static void
scene_away(struct scene *c)
{
	struct rx_secret *p = test_passphrase("d1-pass");
	const char *away = fixture_copy_of(c->dir);

	must(rx_copy_begin(away, "d1", p, "村", &st));
	rx_secret_free(p);
	c->away = fixture_open(away, "d1");
	c->s1 = fixture_open(c->dir, "s1");
}

static void
scene_close(struct scene *c)
{

	rx_session_close(c->d1);
	rx_session_close(c->d2);
	rx_session_close(c->s1);
	rx_session_close(c->st);
	rx_session_close(c->other);
	rx_session_close(c->away);
}

/* ---- doing things ---- */

static uint64_t state;

static unsigned
any(unsigned n)
{

	/* xorshift64*, never of zero */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return ((unsigned)((state * UINT64_C(2685821657736338717)) >> 33) % n);
}

static rx_err
save(struct rx_session *s, enum rx_type type, bool correct, const char *text)
{

	return (fixture_write(s, type, correct, text, &st));
}

static rx_err
intervene(struct rx_session *s, unsigned id, const char *child, bool correct)
{
	static const char *const kind[] = { "visit_condolence",
	    "cash_condolence", "individual_counselling" };
	static const char *const agency[] = { "null",
	    "'91350100M000100Y43'", "'51350000500000112D'" };
	char text[600];

	(void)snprintf(text, sizeof(text), "{'id':'v%u','child':'%s',"
	    "'date':'202%u-0%u-1%u','kind':'%s','delivered':%s,"
	    "'face_to_face':%s,'amount_fen':%u,'agency':%s,"
	    "'need':%s,'need_resolved_on':%s,'professional':%s,"
	    "'note':'x'}", id, child, 4 + any(2), 6 + any(3), any(3),
	    kind[any(3)], any(4) ? "true" : "false", any(3) ? "true" : "false",
	    any(2) * 20000, agency[any(3)], any(2) ? "'study'" : "null",
	    "null", any(2) ? "true" : "false");
	return (save(s, RX_INTERVENTION, correct, text));
}

static rx_err
meet(struct rx_session *s, unsigned id, const char *unit, bool correct)
{
	static const char *const kind[] = { "theme_activity",
	    "group_counselling", "parent_child_group" };
	char text[500];

	(void)snprintf(text, sizeof(text), "{'id':'m%u','unit':'%s',"
	    "'date':'2025-0%u-11','kind':'%s','venue':'x','agency':%s,"
	    "'held':%s,'sessions':%u}", id, unit, 1 + any(9), kind[any(3)],
	    any(2) ? "'91350100M000100Y43'" : "null",
	    any(4) ? "true" : "false", 1 + any(3));
	return (save(s, RX_ACTIVITY, correct, text));
}

static rx_err
child(struct rx_session *s, const char *id, const char *unit, bool correct)
{
	char text[500];

	(void)snprintf(text, sizeof(text), "{'id':'%s','unit':'%s',"
	    "'name':'林%u','sex':'f','birth':'2014-05','categories':"
	    "['left_behind'],'legal_basis':'consent'}", id, unit, any(1000));
	return (save(s, RX_CHILD, correct, text));
}

static rx_err
observe(struct rx_session *s, unsigned id, const char *of)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "{'id':'w%u','child':'%s',"
	    "'date':'2025-0%u-03','channel':'home_visit','signs':['%s'],"
	    "'risk':'orange','note':'x'}", id, of, 1 + any(9),
	    any(3) ? "mood_low" : "self_harm");
	return (save(s, RX_OBSERVATION, false, text));
}

static rx_err
withdraw(struct rx_session *s, unsigned id, const char *of)
{
	char text[300];

	(void)snprintf(text, sizeof(text), "{'id':'z%u','child':'%s',"
	    "'date':'2025-07-01','state':'withdrawn','by':'guardian'}", id, of);
	return (save(s, RX_CONSENT, false, text));
}

static rx_err
bring(struct rx_session *s, unsigned id, const char *unit)
{
	struct rx_import_counts counts;
	char text[800], path[300];
	static const char *dir;

	if (dir == NULL)
		dir = test_dir();
	(void)snprintf(path, sizeof(path), "%s/lines", dir);
	(void)snprintf(text, sizeof(text), "{\"type\":\"child\",\"id\":"
	    "\"i%u\",\"unit\":\"%s\",\"name\":\"x\",\"sex\":\"m\",\"birth\":"
	    "\"2014-05\",\"categories\":[\"left_behind\"],\"legal_basis\":"
	    "\"consent\"}\n{\"type\":\"intervention\",\"id\":\"j%u\","
	    "\"child\":\"i%u\",\"date\":\"2025-06-03\",\"kind\":"
	    "\"visit_condolence\",\"delivered\":true,\"face_to_face\":true}\n",
	    id, unit, id, id);
	must(rx_file_write(path, text, strlen(text), 0600, true, &st));
	return (try(rx_import(s, path, &counts, NULL, NULL, &st)));
}

static rx_err
moved(struct rx_session *a, const char *to_unit, struct rx_session *b,
    const char *who)
{
	uint8_t id[RX_ID_BYTES];
	char number[16];
	rx_err rc;

	if ((rc = try(rx_child_find(a, who, id, &st))) != RX_OK ||
	    (rc = try(rx_transfer_offer(a, id, to_unit, "搬家", &st))) != RX_OK)
		return (rc);
	return (try(rx_transfer_accept(b, id, number, &st)));
}

static rx_err
erased(struct rx_session *s, const char *who)
{
	uint8_t id[RX_ID_BYTES];
	rx_err rc;

	if ((rc = try(rx_child_find(s, who, id, &st))) != RX_OK)
		return (rc);
	return (try(rx_child_erase(s, id, "到期", &st)));
}

/* Decide a flag that somebody raised. */
static rx_err
decided(struct rx_session *s, unsigned saved)
{
	static const char *const way[] = { "accept", "return", "close" };
	struct rx_flag_row row;
	char flag[16];
	unsigned i, first = any(saved + 1);
	rx_err rc = RX_ENOENT;

	for (i = 0; i <= saved && rc != RX_OK; i++) {
		(void)snprintf(flag, sizeof(flag), "w%u",
		    (first + i) % (saved + 1));
		if ((rc = try(rx_review_find(s, flag, &row, &st))) == RX_OK)
			rc = try(rx_review_decide(s, &row, way[any(3)], "x",
			    &st));
	}
	return (rc);
}

/* What was written away comes home. */
static rx_err
carried(struct scene *c, unsigned id)
{
	static char path[300];
	struct rx_bundle b;
	rx_err rc;

	if (*path == '\0')
		(void)snprintf(path, sizeof(path), "%s/bundle", test_dir());
	(void)remove(path);
	(void)intervene(c->away, id, any(2) ? "c1" : "c2", false);
	(void)intervene(c->away, any(20), "c2", true);
	if ((rc = try(rx_bundle_make(c->away, "350102001", path, &b, &st))) !=
	    RX_OK)
		return (rc);
	return (try(rx_bundle_open(c->s1, path, true, &b, &st)));
}

enum {
	INTERVENE, OBSERVE, CORRECT, ADD, CORRECT_CHILD, MEET, CORRECT_MEETING,
	IMPORT, MOVE, DECIDE, WITHDRAW, ROTATE, ERASE, CARRY, DEEDS
};
static const char *const deeds[DEEDS] = {
	"intervene", "observe", "correct", "add", "correct child", "meet",
	"correct meeting", "import", "move", "decide", "withdraw", "rotate",
	"erase", "carry"
};

/* One of them by one of the directors, on a case of any. */
static rx_err
act_as(struct scene *c, unsigned deed, bool first, const char *who)
{
	struct rx_session *d = first ? c->d1 : c->d2;
	const char *unit = first ? "350102001001" : "350102001002";
	const char *beside = first ? "350102001002" : "350102001001";
	char id[16];
	size_t n;

	switch (deed) {
	case INTERVENE:
		return (intervene(d, c->saved, who, false));
	case OBSERVE:
		return (observe(d, c->saved, who));
	case CORRECT:
		return (intervene(d, any(c->saved + 1), who, true));
	case ADD:
		(void)snprintf(id, sizeof(id), "c%u", c->saved + 10);
		return (child(d, id, unit, false));
	case CORRECT_CHILD:
		return (child(d, who, unit, true));
	case MEET:
		return (meet(d, c->saved, unit, false));
	case CORRECT_MEETING:
		return (meet(d, any(c->saved + 1), unit, true));
	case WITHDRAW:
		return (withdraw(d, c->saved, who));
	case IMPORT:
		return (bring(d, c->saved, unit));
	case MOVE:
		return (moved(d, beside, first ? c->d2 : c->d1, who));
	case DECIDE:
		return (decided(c->s1, c->saved));
	case ROTATE:
		return (try(rx_rotate(d, unit, &n, &st)));
	case ERASE:
		return (erased(d, who));
	default:
		return (carried(c, c->saved));
	}
}

/* Do one; whether it could be done is no matter, only what is so then. */
static rx_err
act(struct scene *c, unsigned deed)
{
	const bool first = any(2);
	char who[16];
	rx_err rc;

	(void)snprintf(who, sizeof(who), "c%u", any(3) ? 1 + any(9) :
	    10 + any(c->saved + 1));
	rc = act_as(c, deed, first, who);
	return (rc == RX_OK ? rc : act_as(c, deed, !first, who));
}

/* Cases c4 to c9. */
static void
more_cases(struct scene *c)
{
	char id[16];
	unsigned i;

	for (i = 4; i < 10; i++) {
		(void)snprintf(id, sizeof(id), "c%u", i);
		assert_int_equal(child(i % 2 == 0 ? c->d1 : c->d2, id,
		    i % 2 == 0 ? "350102001001" : "350102001002", false),
		    RX_OK);
	}
}

static void
test_running_tally_equals_a_full_count_whatever_is_done(void **unused)
{
	const char *seed = getenv("RUNXIN_SEED"), *longer =
	    getenv("RUNXIN_TORTURE");
	const unsigned steps = longer != NULL ? 4000 : 160;
	unsigned done[DEEDS] = { 0 }, deed, i, taken = 0;
	struct scene c;
	bool in_full;

	(void)unused;
	scene_open(&c);
	scene_away(&c);
	c.d2 = fixture_open(c.dir, "d2");
	state = seed != NULL ? strtoul(seed, NULL, 10) | 1 :
	    20250603;
	more_cases(&c);
	assert_true(right(c.st, c.other));
	for (i = 0; i < steps; i++) {
		/* What ends a case, or loses a tally, less often. */
		deed = any(5) ? any(WITHDRAW) :
		    WITHDRAW + any(DEEDS - WITHDRAW);
		if (deed == ERASE && done[ERASE] > i / 40)
			deed = ROTATE;
		c.saved = i;
		if (act(&c, deed) == RX_OK)
			done[deed]++;
		if (any(3) == 0)
			continue;
		in_full = right(c.st, c.other);
		taken += !in_full;
		if (any(8) == 0)
			(void)right_since(c.st, c.other, from + (int32_t)any(300));
	}
	for (i = 0; i < DEEDS; i++)
		if (done[i] == 0)
			fail_msg("never done: %s", deeds[i]);
	assert_true(taken > steps / 3);
	scene_close(&c);
}

/* ---- what is new is added; what cannot be told is counted ---- */

static void
test_what_only_adds_is_added(void **unused)
{
	size_t n;
	struct scene c;

	(void)unused;
	state = 1;
	scene_open(&c);
	c.d2 = fixture_open(c.dir, "d2");
	assert_true(right(c.st, c.other));
	assert_false(right(c.st, c.other));
	assert_int_equal(intervene(c.d1, 1, "c2", false), RX_OK);
	assert_false(right(c.st, c.other));
	assert_int_equal(intervene(c.d1, 1, "c2", true), RX_OK);
	assert_false(right(c.st, c.other));
	assert_int_equal(child(c.d1, "n1", "350102001001", false), RX_OK);
	assert_int_equal(intervene(c.d1, 2, "n1", false), RX_OK);
	assert_false(right(c.st, c.other));
	assert_int_equal(meet(c.d1, 1, "350102001001", false), RX_OK);
	assert_false(right(c.st, c.other));
	assert_int_equal(meet(c.d1, 1, "350102001001", true), RX_OK);
	assert_false(right(c.st, c.other));
	assert_int_equal(bring(c.d1, 1, "350102001001"), RX_OK);
	assert_false(right(c.st, c.other));
	assert_int_equal(moved(c.d1, "350102001002", c.d2, "n1"), RX_OK);
	assert_false(right(c.st, c.other));
	assert_int_equal(try(rx_rotate(c.d2, "350102001002", &n, &st)), RX_OK);
	rx_session_close(c.st);
	c.st = fixture_open(c.dir, "st");
	assert_false(right(c.st, c.other));
	scene_close(&c);
}

/* From nothing on: of no kind is there a row that the first tally could name. */
static void
test_what_is_added_to_an_empty_register_is_added(void **unused)
{
	static const struct { const char *name, *unit; enum rx_role role; }
	    people[] = { { "d1", "350102001001", RX_ROLE_DIRECTOR },
	    { "st", "350102", RX_ROLE_STATISTICIAN },
	    { "other", "350102", RX_ROLE_STATISTICIAN } };
	struct rx_secret *p = test_passphrase("admin-pass");
	struct rx_session *admin;
	struct rx_codes codes;
	struct scene c;
	char pass[20];
	size_t i;

	(void)unused;
	state = 3;
	memset(&c, 0, sizeof(c));
	c.dir = test_dir();
	must(rx_register_create(c.dir, "admin", "县", "350102", p, &codes,
	    &st));
	rx_wipe(&codes, sizeof(codes));
	rx_secret_free(p);
	admin = fixture_open(c.dir, "admin");
	for (i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		(void)snprintf(pass, sizeof(pass), "%s-pass", people[i].name);
		p = test_passphrase(pass);
		must(rx_user_add(admin, people[i].name, people[i].role,
		    people[i].unit, p, &st));
		rx_secret_free(p);
	}
	rx_session_close(admin);
	c.d1 = fixture_open(c.dir, "d1");
	c.st = fixture_open(c.dir, "st");
	c.other = fixture_open(c.dir, "other");
	assert_true(right(c.st, c.other));
	assert_false(right(c.st, c.other));
	assert_int_equal(child(c.d1, "n1", "350102001001", false), RX_OK);
	assert_false(right(c.st, c.other));
	assert_int_equal(meet(c.d1, 1, "350102001001", false), RX_OK);
	assert_false(right(c.st, c.other));
	assert_int_equal(intervene(c.d1, 1, "n1", false), RX_OK);
	assert_false(right(c.st, c.other));
	scene_close(&c);
}

/* What is handed over, of c2 and of others. */
struct news {
	size_t c2, others;
};

static rx_err
news_each(void *cookie, const struct rx_record *r, bool now,
    struct rx_status *u)
{
	struct news *n = cookie;

	(void)now, (void)u;
	if (memcmp(r->child, fixture_id[C2], RX_ID_BYTES) == 0)
		n->c2++;
	else
		n->others++;
	return (RX_OK);
}

/* Whether it is known what is new for the form of ${unit} since ${mark}. */
static bool
news_of(struct rx_session *s, const char *unit, const struct rx_mark *mark,
    struct news *n)
{
	struct rx_mark at = *mark;
	bool known;

	memset(n, 0, sizeof(*n));
	must(rx_form_since(s, unit, &at, news_each, n, &known, &st));
	return (known);
}

/* The form of one village: cases of others are nothing to it, until one comes from
 * there, or goes. */
static void
test_case_that_changes_its_form_is_not_counted_as_new(void **unused)
{
	struct rx_mark mark;
	struct scene c;
	struct news n;

	(void)unused;
	state = 9;
	scene_open(&c);
	c.d2 = fixture_open(c.dir, "d2");
	must(rx_mark_now(&mark, c.st, &st));
	assert_int_equal(intervene(c.d2, 1, "c3", false), RX_OK);
	assert_true(news_of(c.st, VILLAGE1, &mark, &n));
	assert_int_equal(n.c2 + n.others, 0);
	assert_int_equal(intervene(c.d1, 2, "c2", false), RX_OK);
	assert_true(news_of(c.st, VILLAGE1, &mark, &n));
	assert_true(n.c2 > 0 && n.others == 0);
	must(rx_mark_now(&mark, c.st, &st));
	assert_int_equal(moved(c.d1, "350102001002", c.d2, "c2"), RX_OK);
	assert_false(news_of(c.st, VILLAGE1, &mark, &n));
	assert_int_equal(n.c2 + n.others, 0);
	assert_false(news_of(c.st, VILLAGE2, &mark, &n));
	assert_int_equal(n.c2 + n.others, 0);
	/* Above both it is where it was. */
	assert_true(news_of(c.st, COUNTY, &mark, &n));
	assert_true(n.c2 > 0);
	scene_close(&c);
}

static void
test_after_an_erasure_all_is_counted(void **unused)
{
	struct scene c;

	(void)unused;
	scene_open(&c);
	(void)right(c.st, c.other);
	assert_int_equal(erased(c.d1, "c2"), RX_OK);
	assert_true(right(c.st, c.other));
	assert_false(right(c.st, c.other));
	scene_close(&c);
}

static void
test_after_a_bundle_all_is_counted(void **unused)
{
	struct scene c;

	(void)unused;
	state = 7;
	scene_open(&c);
	scene_away(&c);
	assert_int_equal(intervene(c.d1, 1, "c2", false), RX_OK);
	(void)right(c.st, c.other);
	assert_int_equal(carried(&c, 2), RX_OK);
	assert_true(right(c.st, c.other));
	scene_close(&c);
}

/* A case that another register took over is destroyed here by its receipt. */
static void
test_after_a_departure_all_is_counted(void **unused)
{
	const char *far = fixture_copy_of(another);
	struct rx_buf file = RX_BUF_INIT, receipt = RX_BUF_INIT;
	struct rx_address mine, theirs;
	struct rx_departed left;
	struct rx_arrival in;
	struct rx_session *d2;
	struct scene c;

	(void)unused;
	scene_open(&c);
	d2 = fixture_open(far, "d2");
	must(rx_address_issue(d2, NULL, &theirs, &st));
	must(rx_address_issue(c.d1, NULL, &mine, &st));
	must(rx_departure_seal(c.d1, fixture_id[C2], theirs.bytes,
	    sizeof(theirs.bytes), theirs.fingerprint, "搬家", SIZE_MAX, &file,
	    &st));
	(void)right(c.st, c.other);
	must(rx_arrival_take(d2, file.b, file.len, mine.fingerprint, &receipt,
	    &in, &st));
	must(rx_departure_answer(c.d1, receipt.b, receipt.len, true, &left,
	    &st));
	assert_true(right(c.st, c.other));
	rx_buf_free(&file);
	rx_buf_free(&receipt);
	rx_session_close(d2);
	scene_close(&c);
}

/* ---- tallies that are not to be believed ---- */

#define OF(user) "(SELECT id FROM keys.user WHERE name = '" user "')"

static void
kept(const char *dir, struct rx_buf *box)
{

	rx_buf_reset(box);
	fixture_blob(dir, "SELECT sealed FROM main.draft WHERE user = "
	    OF("st"), box);
	assert_true(box->len > 0);
}

static void
put_back(const char *dir, const struct rx_buf *box)
{

	fixture_tamper_blob(dir, "UPDATE main.draft SET sealed = ?1 "
	    "WHERE user = " OF("st"), box->b, box->len);
}

static void
test_old_tally_that_is_put_back_changes_nothing(void **unused)
{
	struct rx_buf old = RX_BUF_INIT;
	struct scene c;

	(void)unused;
	state = 3;
	scene_open(&c);
	(void)right(c.st, c.other);
	kept(c.dir, &old);
	assert_int_equal(intervene(c.d1, 1, "c2", false), RX_OK);
	(void)right(c.st, c.other);
	put_back(c.dir, &old);
	/* It names a moment from which the register tells what came since. */
	assert_false(right(c.st, c.other));
	/* Of before an erasure it is worth nothing. */
	assert_int_equal(erased(c.d1, "c2"), RX_OK);
	(void)right(c.st, c.other);
	put_back(c.dir, &old);
	assert_true(right(c.st, c.other));
	rx_buf_free(&old);
	scene_close(&c);
}

static void
test_tally_of_a_register_that_was_put_back_is_not_taken(void **unused)
{
	const char *before;
	struct rx_buf later = RX_BUF_INIT;
	struct scene c;

	(void)unused;
	state = 4;
	scene_open(&c);
	(void)right(c.st, c.other);
	before = fixture_copy_of(c.dir);
	assert_int_equal(intervene(c.d1, 1, "c2", false), RX_OK);
	(void)right(c.st, c.other);
	kept(c.dir, &later);
	fixture_copy_over(before, c.dir);
	put_back(c.dir, &later);
	scene_close(&c);
	c.d1 = fixture_open(c.dir, "d1");
	c.st = fixture_open(c.dir, "st");
	c.other = fixture_open(c.dir, "other");
	/* Newer than the register; then of another course of it. */
	assert_true(right(c.st, c.other));
	assert_int_equal(intervene(c.d1, 9, "c1", false), RX_OK);
	put_back(c.dir, &later);
	assert_true(right(c.st, c.other));
	rx_buf_free(&later);
	scene_close(&c);
}

/* After it was put back as many cases were erased as before, but others: only the
 * audit shows that it went on otherwise. */
static void
test_tally_of_another_course_of_the_register_is_not_taken(void **unused)
{
	const char *before;
	struct rx_buf later = RX_BUF_INIT;
	struct scene c;

	(void)unused;
	scene_open(&c);
	(void)right(c.st, c.other);
	before = fixture_copy_of(c.dir);
	assert_int_equal(erased(c.d1, "c2"), RX_OK);
	(void)right(c.st, c.other);
	kept(c.dir, &later);
	fixture_copy_over(before, c.dir);
	scene_close(&c);
	c.d1 = fixture_open(c.dir, "d1");
	c.st = fixture_open(c.dir, "st");
	c.other = fixture_open(c.dir, "other");
	assert_int_equal(erased(c.d1, "c1"), RX_OK);
	put_back(c.dir, &later);
	assert_true(right(c.st, c.other));
	assert_false(right(c.st, c.other));	/* the control */
	rx_buf_free(&later);
	scene_close(&c);
}

/* The newest row that a tally names was taken away behind it. */
static void
test_tally_whose_newest_row_is_gone_is_not_taken(void **unused)
{
	struct scene c;

	(void)unused;
	state = 5;
	scene_open(&c);
	assert_int_equal(intervene(c.d1, 1, "c2", false), RX_OK);
	(void)right(c.st, c.other);
	assert_false(right(c.st, c.other));		/* the control */
	fixture_tamper(c.dir, "DELETE FROM main.record WHERE rowid = "
	    "(SELECT max(rowid) FROM main.record)");
	assert_true(right(c.st, c.other));
	scene_close(&c);
}

static void
test_altered_tally_is_counted_anew(void **unused)
{
	struct rx_buf box = RX_BUF_INIT;
	struct scene c;
	size_t i;

	(void)unused;
	scene_open(&c);
	(void)right(c.st, c.other);
	for (i = 0; i < 40; i++) {
		kept(c.dir, &box);
		box.b[(i * 97) % box.len] ^= 1;
		put_back(c.dir, &box);
		assert_true(right(c.st, c.other));
	}
	kept(c.dir, &box);
	box.len /= 2;
	put_back(c.dir, &box);
	assert_true(right(c.st, c.other));
	fixture_tamper(c.dir, "DELETE FROM main.draft");
	assert_true(right(c.st, c.other));
	rx_buf_free(&box);
	scene_close(&c);
}

/* Control: the same box in its place opens (the test above would not). */
static void
test_tally_of_another_user_or_question_is_not_taken(void **unused)
{
	struct rx_buf box = RX_BUF_INIT, out = RX_BUF_INIT;
	struct scene c;
	bool found;

	(void)unused;
	scene_open(&c);
	(void)right(c.st, c.other);
	must(rx_running_load(c.st, COUNTY, from, to, &out, &found, &st));
	assert_true(found);
	fixture_blob(c.dir, "SELECT sealed FROM main.draft WHERE user = "
	    OF("other"), &box);
	put_back(c.dir, &box);
	must(rx_running_load(c.st, COUNTY, from, to, &out, &found, &st));
	assert_false(found);
	assert_true(right(c.st, c.other));

	/* Every other question, also the one that comes to the same shelf. */
	for (int32_t d = 1; d < 60; d++) {
		kept(c.dir, &box);
		must(rx_running_load(c.st, COUNTY, from + d, to, &out, &found,
		    &st));
		assert_false(found);
	}
	assert_true(right_since(c.st, c.other, from + 1));
	rx_buf_free(&box);
	rx_buf_free(&out);
	scene_close(&c);
}

static void
test_tally_of_another_register_is_not_taken(void **unused)
{
	const char *far = fixture_copy_of(another);
	struct rx_session *s = fixture_open(far, "st");
	struct rx_buf box = RX_BUF_INIT;
	struct rx_annex *a;
	struct scene c;

	(void)unused;
	a = counted(s, from, RX_COUNT_RUNNING);
	rx_annex_free(a);
	rx_session_close(s);
	kept(far, &box);
	scene_open(&c);
	(void)right(c.st, c.other);
	put_back(c.dir, &box);
	assert_true(right(c.st, c.other));
	rx_buf_free(&box);
	scene_close(&c);
}

/* Nobody else opens it: not who holds the ledger key, not a director. */
static void
test_nobody_else_reads_a_tally(void **unused)
{
	static const char *const who[] = { "admin", "d1" };
	struct rx_buf out = RX_BUF_INIT;
	struct rx_session *s;
	struct scene c;
	bool found;
	size_t i;

	(void)unused;
	scene_open(&c);
	(void)right(c.st, c.other);
	for (i = 0; i < 2; i++) {
		s = fixture_open(c.dir, who[i]);
		/* As if it were his own. */
		assert_int_equal(try(rx_running_load(s, COUNTY, from, to, &out,
		    &found, &st)), RX_EPERM);
		memcpy(s->user_id, c.st->user_id, RX_ID_BYTES);
		found = false;
		must(rx_running_load(s, COUNTY, from, to, &out, &found, &st));
		assert_false(found);
		assert_int_equal(out.len, 0);
		rx_session_close(s);
	}
	/* Control: with his seed it opens. */
	must(rx_running_load(c.st, COUNTY, from, to, &out, &found, &st));
	assert_true(found);
	rx_buf_free(&out);
	scene_close(&c);
}

/* ---- what a full count reads ---- */

/* What a full count says after ${sql}, if not NULL, was done behind the program. */
static rx_err
counted_after(const char *sql, struct rx_annex **a)
{
	struct scene c;
	rx_err rc;

	state = 7;
	scene_open(&c);
	if (sql != NULL)
		fixture_tamper(c.dir, sql);
	rc = try(rx_annex_count_how(a, c.st, COUNTY, from, to, RX_COUNT_ANEW,
	    &st));
	scene_close(&c);
	return (rc);
}

/* A byte of a coded box of ${table} becomes another: of its head, key id,
 * nonce, commitment, text and seal. */
#define OTHER_BYTE(table, id, at) "UPDATE main." table " SET coded = " \
    "CAST(substr(coded, 1, " #at ") || CASE substr(coded, " #at " + 1, 1) " \
    "WHEN x'00' THEN x'01' ELSE x'00' END || substr(coded, " #at " + 2) " \
    "AS BLOB) WHERE id = " id
#define EXCHANGED(table, column, a, b) "CREATE TEMP TABLE old AS SELECT id, " \
    "max(version), " column " AS was FROM main." table " WHERE id IN (" a ", " \
    b ") GROUP BY id; UPDATE main." table " SET " column " = (SELECT was FROM " \
    "old WHERE old.id <> " table ".id) WHERE id IN (" a ", " b ")"

static void
test_a_count_refuses_rows_that_were_changed(void **unused)
{
	static const char *const changes[] = {
		OTHER_BYTE("record", "$o3", 3), OTHER_BYTE("record", "$o3", 12),
		OTHER_BYTE("record", "$o3", 40), OTHER_BYTE("record", "$o3", 60),
		OTHER_BYTE("record", "$o3", 90),
		OTHER_BYTE("record", "$o3", 540),
		OTHER_BYTE("child", "$c1", 12), OTHER_BYTE("child", "$c1", 90),
		"UPDATE main.record SET coded = substr(coded, 1, 105) "
		    "WHERE id = $o3",
		"UPDATE main.record SET coded = x'' WHERE id = $o3",
		EXCHANGED("record", "coded", "$o3", "$i1"),
		EXCHANGED("child", "coded", "$c1", "$c2"),
		"UPDATE main.record SET child = $c1 WHERE id = $o3",
		"UPDATE main.record SET version = 7 WHERE id = $o3",
		"UPDATE main.record SET unit = '350102001002' WHERE id = $o3"
	};
	struct rx_annex *a;
	size_t i;

	(void)unused;
	assert_int_equal(counted_after(NULL, &a), RX_OK);	/* the control */
	rx_annex_free(a);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		assert_int_equal(counted_after(changes[i], &a), RX_ECORRUPT);
		assert_null(a);
	}
}

/* A visit that was on another day: the day it was on first counts no more. */
static void
test_a_count_has_the_live_version_of_a_record_alone(void **unused)
{
#define VISIT(day) "{'id':'k1','child':'c2','date':'" day "','kind':" \
    "'visit_condolence','delivered':true,'face_to_face':true}"
	struct rx_annex *a, *b;
	struct scene c;

	(void)unused;
	state = 7;
	scene_open(&c);
	a = counted(c.st, from, RX_COUNT_ANEW);
	assert_int_equal(save(c.d1, RX_INTERVENTION, false,
	    VISIT("2025-08-10")), RX_OK);
	assert_int_equal(save(c.d1, RX_INTERVENTION, true,
	    VISIT("2025-08-11")), RX_OK);
	b = counted(c.st, from, RX_COUNT_ANEW);
	assert_int_equal(b->total[3], a->total[3] + 1);
	assert_int_equal(b->rows[0].records, a->rows[0].records + 1);
	rx_annex_free(a);
	rx_annex_free(b);
	scene_close(&c);
}

/* It finds nothing by them; whoever does refuses them (the control). */
static void
test_exchanged_tags_change_no_figure(void **unused)
{
	static const char *const changes[] = {
		EXCHANGED("record", "tag", "$o3", "$i1"),
		EXCHANGED("child", "tag", "$c1", "$c2")
	};
	struct rx_annex *a, *b;
	struct scene c;
	size_t i, n;

	(void)unused;
	assert_int_equal(counted_after(NULL, &a), RX_OK);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		assert_int_equal(counted_after(changes[i], &b), RX_OK);
		assert_memory_equal(a->rows, b->rows,
		    a->nrows * sizeof(*a->rows));
		assert_memory_equal(a->total, b->total, sizeof(a->total));
		rx_annex_free(b);
		scene_open(&c);
		fixture_tamper(c.dir, changes[i]);
		assert_int_equal(try(fixture_coded(c.st, "350102", &n, &st)),
		    RX_ECORRUPT);
		scene_close(&c);
	}
	rx_annex_free(a);
}

/* ---- a release ---- */

static rx_err
released(struct rx_session *s)
{

	return (fixture_release(s, COUNTY, from, to, &st));
}

static void
test_a_release_finds_what_was_taken_away_behind_the_tally(void **unused)
{
	struct scene c;
	size_t wrong;

	(void)unused;
	state = 5;
	scene_open(&c);
	assert_int_equal(save(c.d1, RX_INTERVENTION, false, "{'id':'k1',"
	    "'child':'c2','date':'2025-06-10','kind':'visit_condolence',"
	    "'delivered':true,'face_to_face':true}"), RX_OK);
	(void)right(c.st, c.other);
	/* A row goes that is not the newest; then figures change. */
	fixture_tamper(c.dir, "DELETE FROM main.record WHERE id = $i1");
	fixture_tamper(c.dir, "DELETE FROM main.record WHERE rowid = "
	    "(SELECT min(rowid) FROM main.record WHERE child = $c2)");
	assert_int_equal(released(c.st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_TALLY_DIFFERS);
	/* Who has looked into it counts anew. */
	must(rx_annex_recount(c.st, COUNTY, from, to, &wrong, &st));
	assert_int_equal(wrong, 0);
	assert_false(right(c.st, c.other));
	scene_close(&c);
}

static void
test_a_release_is_counted_in_full(void **unused)
{
	struct rx_annex *a;
	struct scene c;

	(void)unused;
	state = 6;
	scene_open(&c);
	(void)right(c.st, c.other);
	a = counted(c.st, from, RX_COUNT_COMPARED);
	assert_true(a->in_full);
	rx_annex_free(a);
	assert_int_equal(released(c.st), RX_OK);
	assert_int_equal(intervene(c.d1, 1, "c2", false), RX_OK);
	assert_int_equal(released(c.st), RX_OK);
	assert_false(right(c.st, c.other));
	scene_close(&c);
}

/* It is no part of the register: nothing is signed for it, or fails for it. */
static void
test_a_tally_is_no_entry_and_no_row_of_the_manifest(void **unused)
{
	struct rx_audit_head before, after;
	struct scene c;

	(void)unused;
	scene_open(&c);
	must(rx_audit_head(c.st, &before, &st));
	(void)right(c.st, c.other);
	must(rx_audit_head(c.st, &after, &st));
	assert_int_equal(before.seq, after.seq);
	must(fixture_verify(c.st, NULL, &st));
	scene_close(&c);
}

static void
test_a_count_does_not_fail_because_it_cannot_be_kept(void **unused)
{
	struct rx_annex *a;
	struct scene c;

	(void)unused;
	scene_open(&c);
	/* Somebody else is writing: nothing can be, for now. */
	must(rx_store_begin(c.d1->store, &st));
	a = counted(c.st, from, RX_COUNT_RUNNING);
	rx_annex_free(a);
	rx_store_rollback(c.d1->store);
	assert_int_equal(fixture_number(c.dir, "SELECT count(*) FROM "
	    "main.draft WHERE user = " OF("st")), 0);
	assert_true(right(c.st, c.other));
	scene_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_running_tally_equals_a_full_count_whatever_is_done),
		cmocka_unit_test(test_what_only_adds_is_added),
		cmocka_unit_test(
		    test_what_is_added_to_an_empty_register_is_added),
		cmocka_unit_test(
		    test_case_that_changes_its_form_is_not_counted_as_new),
		cmocka_unit_test(test_after_an_erasure_all_is_counted),
		cmocka_unit_test(test_after_a_bundle_all_is_counted),
		cmocka_unit_test(test_after_a_departure_all_is_counted),
		cmocka_unit_test(test_old_tally_that_is_put_back_changes_nothing),
		cmocka_unit_test(
		    test_tally_of_a_register_that_was_put_back_is_not_taken),
		cmocka_unit_test(
		    test_tally_of_another_course_of_the_register_is_not_taken),
		cmocka_unit_test(
		    test_tally_whose_newest_row_is_gone_is_not_taken),
		cmocka_unit_test(test_altered_tally_is_counted_anew),
		cmocka_unit_test(
		    test_tally_of_another_user_or_question_is_not_taken),
		cmocka_unit_test(test_tally_of_another_register_is_not_taken),
		cmocka_unit_test(test_nobody_else_reads_a_tally),
		cmocka_unit_test(test_a_count_refuses_rows_that_were_changed),
		cmocka_unit_test(
		    test_a_count_has_the_live_version_of_a_record_alone),
		cmocka_unit_test(test_exchanged_tags_change_no_figure),
		cmocka_unit_test(
		    test_a_release_finds_what_was_taken_away_behind_the_tally),
		cmocka_unit_test(test_a_release_is_counted_in_full),
		cmocka_unit_test(
		    test_a_tally_is_no_entry_and_no_row_of_the_manifest),
		cmocka_unit_test(
		    test_a_count_does_not_fail_because_it_cannot_be_kept)
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, setup, NULL));
}
