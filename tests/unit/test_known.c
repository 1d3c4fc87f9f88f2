#include "tests/fixture.h"

#include <sys/resource.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/date.h"
#include "register/save.h"

/* What a session remembers of what it has read: its lists are those of a session
 * that was opened this moment, whatever others have written meanwhile. */

static struct rx_status st;

/* ---- all lists of a session as text ---- */

static rx_err
put_child(void *cookie, const struct rx_child_row *row, struct rx_status *why)
{
	const struct rx_record *r = row->child;
	char id[RX_UUID_TEXT], author[RX_UUID_TEXT], unit[RX_UNIT_TEXT];

	rx_uuid_text(r->id, id);
	rx_uuid_text(r->author, author);
	rx_unit_text(unit, r->unit);
	return (rx_buf_printf(cookie, why, "%s %s %s %d '%s' v%u %s %lld "
	    "b%lld n%zu s'%s' o%u i%u r%lld l%d d%d f%d w%d c%d %d k%d\n", id,
	    unit, rx_record_text(r, RX_F_CALLER_ID), r->identity,
	    rx_record_text(r, RX_F_NAME), r->version, author,
	    (long long)r->at, (long long)rx_record_int(r, RX_F_BIRTH),
	    r->v[RX_F_CATEGORIES].n, rx_record_text(r, RX_F_ID_NUMBER),
	    row->observations, row->interventions, (long long)row->risk,
	    row->last, row->due, row->flagged, row->withdrawn,
	    row->closed_on, row->consent_on, row->kept_until));
}

static rx_err
put_flag(void *cookie, const struct rx_flag_row *f, struct rx_status *why)
{
	char id[RX_UUID_TEXT], child[RX_UUID_TEXT], unit[RX_UNIT_TEXT];

	rx_uuid_text(f->id, id);
	rx_uuid_text(f->child, child);
	rx_unit_text(unit, f->unit);
	return (rx_buf_printf(cookie, why, "%s %s %s '%s' '%s' '%s' %d %d "
	    "%llx s%d d%d %lld %lld r%lld u%d e%d a%d m%d %lld o%d p%d\n", id,
	    child, unit, f->caller_id, f->child_caller_id, f->author,
	    f->raised_by, f->by_rule, (unsigned long long)f->signs, f->state,
	    f->date, (long long)f->at, (long long)f->answered,
	    (long long)f->risk, f->urgent, f->escalated, f->above,
	    f->mine_to_raise, (long long)f->due, f->overdue, f->passed));
}

/* How a list ended. */
static void
put_end(struct rx_buf *out, const char *what, rx_err rc)
{

	ok(rx_buf_printf(out, &st, "%s: %d\n", what, rc), &st);
}

static void
lists(struct rx_buf *out, struct rx_session *s)
{
	static const unsigned filters[] = { 0, RX_LIST_CODED };
	static const char *const texts[] = { "", "甲", "新", "c1", "N2", "x",
		"11010519491231002x" };
	struct rx_status why;
	size_t i;

	rx_buf_reset(out);
	for (i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		rx_status_clear(&why);
		put_end(out, "each", rx_child_each(s, filters[i],
		    rx_date_today(), put_child, out, &why));
	}
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		rx_status_clear(&why);
		put_end(out, "browse", rx_child_browse(s, texts[i], i == 2,
		    put_child, out, &why));
	}
	rx_status_clear(&why);
	put_end(out, "search", rx_child_search(s, "11010519491231002X", "",
	    put_child, out, &why));
	for (i = 0; i < 2; i++) {
		rx_status_clear(&why);
		put_end(out, "review", rx_review_each(s, i == 1, put_flag,
		    out, &why));
	}
}

/* ---- the watchers, and somebody who writes ---- */

static const char *const names[] = { "d1", "d2", "s1" };
#define WATCHERS (sizeof(names) / sizeof(names[0]))

struct watch {
	const char *dir;
	struct rx_session *old[WATCHERS];	/* since the beginning */
	struct rx_session *other[WATCHERS];	/* they write */
	struct rx_session *blank[WATCHERS];	/* made to forget what they read */
	struct rx_session *next[WATCHERS];	/* begin with what old kept */
	unsigned seed, n;
};

static void
watch_open(struct watch *w)
{
	struct rx_buf text = RX_BUF_INIT;
	size_t i;

	w->dir = fixture_copy();
	for (i = 0; i < WATCHERS; i++) {
		w->old[i] = fixture_open(w->dir, names[i]);
		w->other[i] = fixture_open(w->dir, names[i]);
		w->blank[i] = fixture_open(w->dir, names[i]);
		w->blank[i]->kept.tried = true;
		w->next[i] = fixture_open(w->dir, names[i]);
		lists(&text, w->old[i]);
		assert_true(text.len > 100);
	}
	rx_buf_free(&text);
}

static void
watch_close(struct watch *w)
{
	size_t i;

	for (i = 0; i < WATCHERS; i++) {
		rx_session_close(w->old[i]);
		rx_session_close(w->other[i]);
		rx_session_close(w->blank[i]);
		rx_session_close(w->next[i]);
	}
}

/* Whether ${s} and ${old} see the same. */
static void
same_lists(struct rx_session *old, struct rx_session *s, const char *name,
    const char *after)
{
	struct rx_buf a = RX_BUF_INIT, b = RX_BUF_INIT;

	lists(&b, s);
	lists(&a, old);
	if (a.len != b.len || memcmp(a.b, b.b, a.len) != 0)
		fail_msg("after %s, %s sees\n%.*s\nand not\n%.*s", after, name,
		    (int)a.len, (char *)a.b, (int)b.len, (char *)b.b);
	rx_buf_free(&a);
	rx_buf_free(&b);
}

/* The watchers see what somebody does who has read nothing yet; and so does he
 * who begins with what they kept before. */
static void
watch_compare(struct watch *w, const char *after)
{
	size_t i;

	for (i = 0; i < WATCHERS; i++) {
		rx_known_free(w->blank[i]);
		same_lists(w->old[i], w->blank[i], names[i], after);
		rx_known_free(w->next[i]);
		w->next[i]->kept.tried = false;
		same_lists(w->old[i], w->next[i], names[i], after);
		ok(rx_kept_save(w->old[i], &st), &st);
	}
}

/* The same of one who signs in now. */
static void
watch_compare_new(struct watch *w, const char *after)
{
	struct rx_session *s;
	size_t i;

	for (i = 0; i < WATCHERS; i++) {
		s = fixture_open(w->dir, names[i]);
		same_lists(w->old[i], s, names[i], after);
		rx_session_close(s);
	}
}

static unsigned
roll(struct watch *w, unsigned n)
{

	w->seed = w->seed * 1103515245u + 12345u;
	return ((w->seed >> 16) % n);
}

/* ---- what is written ---- */

struct pick {
	uint8_t id[RX_ID_BYTES];
	char caller[64], unit[RX_UNIT_TEXT];
	unsigned left;
	bool any;
};

static rx_err
pick_child(void *cookie, const struct rx_child_row *row, struct rx_status *why)
{
	struct pick *p = cookie;

	(void)why;
	if (row->withdrawn || (p->any && p->left-- == 0))
		return (RX_OK);
	p->any = true;
	memcpy(p->id, row->child->id, RX_ID_BYTES);
	(void)snprintf(p->caller, sizeof(p->caller), "%.63s",
	    rx_record_text(row->child, RX_F_CALLER_ID));
	rx_unit_text(p->unit, row->child->unit);
	return (RX_OK);
}

/* Any child of the director ${s} who takes records. */
static struct pick
any_child(struct watch *w, struct rx_session *s)
{
	struct pick p = { .left = roll(w, 4) };

	ok(rx_child_browse(s, "", false, pick_child, &p, &st), &st);
	return (p);
}

static rx_err
first_open(void *cookie, const struct rx_flag_row *f, struct rx_status *why)
{
	struct rx_flag_row *flag = cookie;

	(void)why;
	if (flag->caller_id[0] == '\0' && f->state == RX_FLAG_OPEN)
		*flag = *f;
	return (RX_OK);
}

enum { OBSERVE, CORRECT, REGISTER, RENAME, REVIEW, WITHDRAW, VISIT, ACTIVITY,
    IMPORT, ERASE, MOVE, LOOK, OPS };
static const char *const ops[OPS] = { "an observation", "a correction",
	"a new child", "a new name", "a decision", "a withdrawal", "a visit",
	"an activity", "an import", "an erasure", "a transfer", "a look" };

static void
write_json(struct watch *w, struct rx_session *s, unsigned op,
    const struct pick *p, const char *unit)
{
	static const char *const signs[] = { "mood_low", "death_talk" },
	    *const risks[] = { "green", "yellow", "orange", "red" };
	char text[512];

	if (op == OBSERVE)
		(void)snprintf(text, sizeof(text), "{\"id\":\"n%u\",\"child\":"
		    "\"%s\",\"date\":\"2025-07-%02u\",\"channel\":\"talk\","
		    "\"signs\":[\"%s\"],\"risk\":\"%s\"}", ++w->n, p->caller,
		    1 + roll(w, 28), signs[roll(w, 2)], risks[roll(w, 4)]);
	else if (op == WITHDRAW)
		(void)snprintf(text, sizeof(text), "{\"id\":\"n%u\",\"child\":"
		    "\"%s\",\"date\":\"2025-08-01\",\"state\":\"withdrawn\"}",
		    ++w->n, p->caller);
	else if (op == VISIT)
		(void)snprintf(text, sizeof(text), "{\"id\":\"n%u\",\"child\":"
		    "\"%s\",\"date\":\"2025-07-03\",\"kind\":"
		    "\"companionship\",\"delivered\":true}", ++w->n,
		    p->caller);
	else if (op == ACTIVITY)
		(void)snprintf(text, sizeof(text), "{\"id\":\"n%u\",\"unit\":"
		    "\"%s\",\"date\":\"2025-06-01\",\"kind\":"
		    "\"theme_activity\",\"venue\":\"hall\",\"held\":true}",
		    ++w->n, unit);
	else
		(void)snprintf(text, sizeof(text), "{\"id\":\"%s%.0u\","
		    "\"unit\":\"%s\",\"name\":\"新%u\",\"sex\":\"f\","
		    "\"birth\":\"2014-05\",\"id_number\":"
		    "\"11010519491231002X\",\"categories\":"
		    "[\"left_behind\"],\"legal_basis\":\"consent\"}",
		    p->caller, 0u, unit, ++w->n);
	fixture_save(s, op == OBSERVE ? RX_OBSERVATION : op == WITHDRAW ?
	    RX_CONSENT : op == VISIT ? RX_INTERVENTION : op == ACTIVITY ?
	    RX_ACTIVITY : RX_CHILD, text, op == RENAME, NULL);
}

/* An observation, and what stands there in its place. */
static void
correct(struct watch *w, struct rx_session *s, const struct pick *p)
{
	char text[256];
	int i;

	w->n++;
	for (i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text), "{\"id\":\"n%u\",\"child\":"
		    "\"%s\",\"date\":\"2025-07-2%d\",\"channel\":\"talk\","
		    "\"signs\":[\"%s\"],\"risk\":\"yellow\"}", w->n,
		    p->caller, i, i == 0 ? "mood_low" : "self_harm");
		fixture_save(s, RX_OBSERVATION, text, i == 1, NULL);
		if (i == 0)
			watch_compare(w, "what is corrected then");
	}
}

static void
import(struct watch *w, struct rx_session *s, const char *unit)
{
	struct rx_import_counts counts;
	char text[512], path[300];

	w->n++;
	(void)snprintf(text, sizeof(text), "{\"type\":\"child\",\"id\":\"m%u\","
	    "\"unit\":\"%s\",\"name\":\"新来\",\"sex\":\"m\",\"birth\":"
	    "\"2013-05\",\"categories\":[\"left_behind\"],\"legal_basis\":"
	    "\"consent\"}\n{\"type\":\"observation\",\"id\":\"p%u\",\"child\":"
	    "\"m%u\",\"date\":\"2025-07-01\",\"channel\":\"talk\",\"signs\":[],"
	    "\"risk\":\"red\"}\n", w->n, unit, w->n, w->n);
	(void)snprintf(path, sizeof(path), "%s/file", test_dir());
	ok(rx_file_write(path, text, strlen(text), 0600, false, &st), &st);
	ok(rx_import(s, path, &counts, NULL, NULL, &st), &st);
}

static void
decide(struct watch *w)
{
	static const char *const decisions[] = { "accept", "escalate",
		"return", "close" };
	struct rx_flag_row flag = { .state = RX_FLAG_CLOSED };

	ok(rx_review_each(w->other[2], false, first_open, &flag, &st), &st);
	if (flag.caller_id[0] == '\0')
		return;
	rx_status_clear(&st);
	if (rx_review_decide(w->other[2], &flag, decisions[roll(w, 4)],
	    "because", &st) != RX_OK)
		rx_status_clear(&st);	/* nobody above, say */
}

static void
move(struct watch *w, size_t from, const struct pick *p)
{
	static const char *const units[] = { "350102001001", "350102001002" };
	char number[16];

	ok(rx_transfer_offer(w->other[from], p->id, units[1 - from], "moved",
	    &st), &st);
	watch_compare(w, "an offer");
	ok(rx_transfer_accept(w->other[1 - from], p->id, number, &st), &st);
}

/* Let one of the directors do something; now and then one of those who watch. */
static void
step(struct watch *w, unsigned op)
{
	static const char *const units[] = { "350102001001", "350102001002" };
	const size_t who = roll(w, 2);
	struct rx_session *s = roll(w, 4) == 0 ? w->old[who] : w->other[who];
	struct pick p = any_child(w, s);
	size_t n = 0;

	if (!p.any && op != IMPORT && op != ACTIVITY && op != REVIEW)
		op = REGISTER;
	if (op == REGISTER)
		(void)snprintf(p.caller, sizeof(p.caller), "N%u", ++w->n);
	if (op == CORRECT)
		correct(w, s, &p);
	else if (op == REVIEW)
		decide(w);
	else if (op == IMPORT)
		import(w, s, units[who]);
	else if (op == ERASE)
		ok(rx_child_erase(s, p.id, "test", &st), &st);
	else if (op == MOVE)
		move(w, who, &p);
	else if (op == LOOK)
		ok(fixture_show(s, p.id, NULL, &n, &st), &st);
	else
		write_json(w, s, op, &p, units[who]);
	watch_compare(w, ops[op]);
}

static void
test_lists_of_a_long_session_are_those_of_a_new_one(void **state)
{
	struct watch w = { .seed = 1 };
	unsigned i;

	(void)state;
	watch_open(&w);
	for (i = 0; i < OPS; i++)
		step(&w, i);
	for (i = 0; i < 12; i++)
		step(&w, roll(&w, OPS));
	watch_compare_new(&w, "all that");
	watch_close(&w);
}

static void
test_lists_are_the_same_after_new_keys(void **state)
{
	struct watch w = { .seed = 7 };
	struct rx_session *admin;
	size_t n = 0;

	(void)state;
	watch_open(&w);
	admin = fixture_open(w.dir, "admin");
	ok(rx_user_disable(admin, "gone", &st), &st);
	rx_session_close(admin);
	watch_compare(&w, "a revocation");
	/* Whoever signs in makes new keys. */
	watch_compare_new(&w, "a rotation");
	ok(rx_rotate(w.other[0], "350102001001", &n, &st), &st);
	watch_compare(&w, "new keys");
	step(&w, OBSERVE);
	watch_compare_new(&w, "new keys");
	watch_close(&w);
}

static void
test_a_list_ends_with_the_readers_certificate(void **state)
{
	struct watch w = { .seed = 3 };
	struct rx_buf text = RX_BUF_INIT;
	struct rx_session *admin;

	(void)state;
	watch_open(&w);
	admin = fixture_open(w.dir, "admin");
	ok(rx_user_disable(admin, "d1", &st), &st);
	rx_session_close(admin);
	refused(rx_child_each(w.old[0], 0, 0, put_child, &text, &st), RX_EPERM,
	    &st);
	refused(rx_child_browse(w.old[0], "", true, put_child, &text, &st),
	    RX_EPERM, &st);
	rx_buf_free(&text);
	watch_close(&w);
}

static void
test_a_search_works_without_memory_to_lock(void **state)
{
	struct watch w = { .seed = 5 };
	struct rlimit limit, little;
	int i;

	(void)state;
	watch_open(&w);
	assert_non_null(w.old[0]->known[0]->names);
	assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &limit), 0);
	little = limit;
	little.rlim_cur = 4096;
	for (i = 0; i < 2; i++) {
		rx_known_free(w.old[0]);
		assert_int_equal(setrlimit(RLIMIT_MEMLOCK, i == 0 ? &little :
		    &limit), 0);
		same_lists(w.old[0], w.blank[0], "d1", "a limit");
		assert_true((w.old[0]->known[0]->names == NULL) == (i == 0));
	}
	step(&w, RENAME);
	watch_close(&w);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_lists_of_a_long_session_are_those_of_a_new_one),
		cmocka_unit_test(test_lists_are_the_same_after_new_keys),
		cmocka_unit_test(
		    test_a_list_ends_with_the_readers_certificate),
		cmocka_unit_test(test_a_search_works_without_memory_to_lock),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("known", tests, fixture_setup,
	    NULL));
}
