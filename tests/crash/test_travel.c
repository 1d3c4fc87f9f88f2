/*
 * What travels, between a register and its copies in bundles and between two
 * registers in files, taken in without memory, and where the disk does not read or
 * write, at every line of the program that asks for either (fault.h): the whole of
 * it is there, or none, and it says so.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "tests/crash/attempt.h"

#define VILLAGE "350102001001"
#define NEXT "350102001002"
#define TOWN "350102001"

/* Where deeds are done; another register; and what was made before, of which the
 * last in ${files} has come. */
static const char *dir, *another, *files;
static char came[300];
static struct rx_buf file = RX_BUF_INIT, receipt = RX_BUF_INIT;
static struct rx_address sender, receiver;

#define must(expr) (rx_status_clear(&st), ok((expr), &st))

/* ---- what is written ---- */

static void
write_as(const char *where, const char *user, enum rx_type type,
    bool correct, const char *json)
{
	struct rx_session *s = fixture_open(where, user);

	fixture_save(s, type, json, correct, NULL);
	rx_session_close(s);
}

static void
child(const char *where, const char *user, const char *id, const char *unit,
    const char *school, bool correct)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "{\"id\":\"%s\",\"unit\":\"%s\","
	    "\"name\":\"例\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\","
	    "\"school\":\"%s\"}", id, unit, school);
	write_as(where, user, RX_CHILD, correct, text);
}

static void
observe(const char *where, const char *user, const char *id, const char *of,
    const char *sign, const char *note, bool correct)
{
	char text[400];

	(void)snprintf(text, sizeof(text), "{\"id\":\"%s\",\"child\":\"%s\","
	    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
	    "\"signs\":[\"%s\"],\"risk\":\"orange\",\"note\":\"%s\"}", id, of,
	    sign, note);
	write_as(where, user, RX_OBSERVATION, correct, text);
}

static void
activity(const char *where, const char *venue)
{
	char text[300];

	(void)snprintf(text, sizeof(text), "{\"id\":\"a1\",\"unit\":\"" VILLAGE
	    "\",\"date\":\"2025-06-01\",\"kind\":\"theme_activity\","
	    "\"venue\":\"%s\",\"held\":true,\"children\":[\"c1\"]}", venue);
	write_as(where, "d1", RX_ACTIVITY, true, text);
}

static void
copy_begin(const char *where)
{

	must(rx_copy_begin(where, "d1", word("d1-pass"), "村", &st));
}

static const char *
copy_of(const char *home)
{
	const char *copy = fixture_copy_of(home);

	copy_begin(copy);
	return (copy);
}

/* The bundle for ${unit} that ${user} makes in ${from} comes. */
static void
send_from(const char *from, const char *user, const char *unit)
{
	struct rx_session *s = fixture_open(from, user);
	struct rx_bundle b;

	(void)snprintf(came, sizeof(came), "%s/bundle", files);
	(void)unlink(came);
	must(rx_bundle_make(s, unit, came, &b, &st));
	rx_session_close(s);
}

static void
open_in(const char *where, const char *user)
{
	struct rx_session *s = fixture_open(where, user);
	struct rx_bundle b;

	must(rx_bundle_open(s, came, true, &b, &st));
	rx_session_close(s);
}

static void
move(const char *where, enum fixture_id id, const char *from, const char *to,
    const char *unit)
{
	struct rx_session *a = fixture_open(where, from);
	struct rx_session *b = fixture_open(where, to);
	char number[16];

	must(rx_transfer_offer(a, fixture_id[id], unit, "搬家", &st));
	must(rx_transfer_accept(b, fixture_id[id], number, &st));
	rx_session_close(a);
	rx_session_close(b);
}

static void
rotate(const char *where, const char *user)
{
	struct rx_session *s = fixture_open(where, user);
	size_t n;

	must(rx_rotate(s, NULL, &n, &st));
	rx_session_close(s);
}

static void
decide(const char *where, const char *flag, const char *decision)
{
	struct rx_session *s = fixture_open(where, "s1");
	struct rx_flag_row row;

	must(rx_review_find(s, flag, &row, &st));
	must(rx_review_decide(s, &row, decision, "已核实", &st));
	rx_session_close(s);
}

/* ---- bundles ---- */

static rx_err
act_open(struct rx_session *s)
{
	struct rx_bundle b;

	return (rx_bundle_open(s, came, true, &b, &st));
}

/* Home and the village corrected the same child, record and activity, each in his
 * way; the village has a new child besides, and a flag of one that had none. */
static void
twice(const char *where, const char *to)
{
	const char *village = copy_of(where);

	child(where, "d1", "c1", VILLAGE, "三小", true);
	observe(where, "d1", "o3", "c2", "mood_low", "家", true);
	activity(where, "家");
	child(village, "d1", "c1", VILLAGE, "四小", true);
	child(village, "d1", "n1", VILLAGE, "四小", false);
	observe(village, "d1", "x1", "n1", "self_harm", "急", false);
	observe(village, "d1", "x2", "c2", "self_harm", "急", false);
	observe(village, "d1", "o3", "c2", "mood_low", "村", true);
	activity(village, "村");
	send_from(village, "d1", to);
}

static void
before_twice(const char *where)
{

	twice(where, VILLAGE);
}

static void
before_twice_town(const char *where)
{

	twice(where, TOWN);
}

/* The other way round: home was there first, so that its own stand. */
static void
before_won(const char *where)
{
	const char *village = copy_of(where);

	child(village, "d1", "c1", VILLAGE, "四小", true);
	observe(village, "d1", "o3", "c2", "mood_low", "村", true);
	(void)usleep(3000);
	child(where, "d1", "c1", VILLAGE, "三小", true);
	observe(where, "d1", "o3", "c2", "mood_low", "家", true);
	send_from(village, "d1", VILLAGE);
}

/* ${where} is a copy, in which was written what it should not; and home, where the
 * case went to the next village meanwhile, with new keys before and after. */
static const char *
moved_at_home(const char *where)
{
	const char *home = fixture_copy_of(where);

	copy_begin(where);
	child(where, "d1", "c2", VILLAGE, "四小", true);
	child(where, "d1", "c2", VILLAGE, "五小", true);
	observe(where, "d1", "x2", "c2", "self_harm", "急", false);
	rotate(home, "d1");
	observe(home, "d1", "b1", "c2", "mood_low", "前", false);
	move(home, C2, "d1", "d2", NEXT);
	observe(home, "d2", "n1", "c2", "mood_low", "后", false);
	return (home);
}

static void
before_moved_d1(const char *where)
{

	send_from(moved_at_home(where), "d1", VILLAGE);
}

static void
before_moved_d2(const char *where)
{

	send_from(moved_at_home(where), "d2", NEXT);
}

static void
before_moved_s1(const char *where)
{

	send_from(moved_at_home(where), "s1", TOWN);
}

/* Without the new keys: what was offered is what the copy has. */
static void
before_moved_plain(const char *where)
{
	const char *home = fixture_copy_of(where);

	copy_begin(where);
	observe(home, "d1", "b1", "c2", "mood_low", "前", false);
	move(home, C2, "d1", "d2", NEXT);
	send_from(home, "d1", VILLAGE);
}

/* There and back again. */
static void
before_back(const char *where)
{
	const char *home = fixture_copy_of(where);

	copy_begin(where);
	move(home, C2, "d1", "d2", NEXT);
	move(home, C2, "d2", "d1", VILLAGE);
	send_from(home, "d1", VILLAGE);
}

/* New keys of the units, and so of the cases: that there was a flag is over. */
static void
before_rotated(const char *where)
{
	const char *home = fixture_copy_of(where);

	copy_begin(where);
	decide(home, "o1", "close");
	rotate(home, "d1");
	child(home, "d1", "c1", VILLAGE, "三小", true);
	child(home, "d1", "c2", VILLAGE, "三小", true);
	send_from(home, "d1", VILLAGE);
}

/* ${where} is home; the village wrote of a case that had moved, and did not know. */
static void
unknowing(const char *where, const char *to)
{
	const char *village = copy_of(where);

	move(where, C2, "d1", "d2", NEXT);
	(void)usleep(3000);
	observe(village, "d1", "x1", "c2", "self_harm", "急", false);
	decide(village, "x1", "accept");
	observe(village, "d1", "o3", "c2", "mood_low", "村", true);
	child(village, "d1", "c2", VILLAGE, "四小", true);
	child(village, "d1", "c2", VILLAGE, "五小", true);
	send_from(village, "d1", to);
}

static void
before_unknowing(const char *where)
{

	unknowing(where, VILLAGE);
}

static void
before_unknowing_town(const char *where)
{

	unknowing(where, TOWN);
}

/* The same once home has it aside already. */
static void
before_known(const char *where)
{

	unknowing(where, TOWN);
	open_in(where, "s1");
	open_in(where, "s1");
	unlink(came);
	send_from(where, "s1", VILLAGE);
}

/* dd, a director of the village who is none any more, goes on in his copy. */
static const char *
ended(const char *where)
{
	struct rx_session *admin = fixture_open(where, "admin");
	const char *village;

	must(rx_user_add(admin, "dd", RX_ROLE_DIRECTOR, VILLAGE,
	    word("dd-pass"), &st));
	rx_session_close(fixture_open(where, "d1"));
	village = copy_of(where);
	must(rx_user_disable(admin, "dd", &st));
	rx_session_close(admin);
	rx_session_close(fixture_open(where, "d1"));
	(void)usleep(3000);
	observe(where, "d1", "o3", "c2", "mood_low", "家", true);
	observe(village, "dd", "late", "c2", "mood_low", "迟", false);
	observe(village, "dd", "o3", "c2", "mood_low", "迟", true);
	child(village, "dd", "c9", VILLAGE, "四小", false);
	observe(village, "d1", "of9", "c9", "mood_low", "不知", false);
	return (village);
}

static void
before_ended(const char *where)
{

	send_from(ended(where), "d1", TOWN);
}

/* The same, but the child that he wrote of moved meanwhile. */
static void
before_ended_moved(const char *where)
{
	const char *village;

	village = ended(where);
	move(where, C2, "d1", "d2", NEXT);
	child(village, "dd", "c2", VILLAGE, "四小", true);
	send_from(village, "d1", TOWN);
}

/* ${where} is a copy which has taken that in; and then hears of his end. */
static void
before_cleaning(const char *where)
{
	struct rx_session *admin = fixture_open(where, "admin");
	const char *home, *village;

	must(rx_user_add(admin, "dd", RX_ROLE_DIRECTOR, VILLAGE,
	    word("dd-pass"), &st));
	rx_session_close(admin);
	rx_session_close(fixture_open(where, "d1"));
	home = fixture_copy_of(where);
	village = copy_of(home);
	copy_begin(where);
	admin = fixture_open(home, "admin");
	must(rx_user_disable(admin, "dd", &st));
	rx_session_close(admin);
	(void)usleep(3000);
	observe(village, "dd", "late", "c2", "mood_low", "迟", false);
	send_from(village, "d1", VILLAGE);
	open_in(where, "d1");
	send_from(home, "s1", VILLAGE);
}

/* ---- files between registers ---- */

static const char *far;			/* the other register now */

static void
address_of(const char *where, const char *user, struct rx_address *a)
{
	struct rx_session *s = fixture_open(where, user);

	must(rx_address_issue(s, NULL, a, &st));
	rx_session_close(s);
}

/* ${id} of d1 in ${from} goes to d2 in ${to}. */
static void
depart(const char *from, const uint8_t *id, const char *to)
{
	struct rx_session *s;

	address_of(from, "d1", &sender);
	address_of(to, "d2", &receiver);
	s = fixture_open(from, "d1");
	rx_buf_reset(&file);
	must(rx_departure_seal(s, id, receiver.bytes, RX_ADDRESS_BYTES,
	    receiver.fingerprint, "搬家", SIZE_MAX, &file, &st));
	rx_session_close(s);
}

static uint8_t far_id[FIXTURE_IDS][RX_ID_BYTES];
static uint8_t here[RX_ID_BYTES];	/* the case that arrived */

/* A flagged case of which consent was withdrawn, and two versions of one record are
 * there, comes from the other register. */
static void
before_arrival(const char *where)
{
	const char *village;

	far = fixture_copy_of(another);
	village = copy_of(far);
	observe(far, "d1", "o2", "c1", "mood_low", "家", true);
	child(far, "d1", "c1", VILLAGE, "三小", true);
	observe(village, "d1", "o2", "c1", "mood_low", "村", true);
	child(village, "d1", "c1", VILLAGE, "四小", true);
	send_from(village, "d1", VILLAGE);
	open_in(far, "d1");
	write_as(far, "d1", RX_CONSENT, false, "{\"id\":\"w1\",\"child\":"
	    "\"c1\",\"date\":\"2025-07-01\",\"state\":\"withdrawn\","
	    "\"by\":\"guardian\"}");
	depart(far, far_id[C1], where);
}

static rx_err
take_in(struct rx_session *s, struct rx_buf *out)
{
	struct rx_arrival in;
	rx_err rc;

	rx_buf_reset(out);
	rc = rx_arrival_take(s, file.b, file.len, sender.fingerprint, out, &in,
	    &st);
	memcpy(here, in.child, sizeof(here));
	return (rc);
}

static rx_err
turn_away(struct rx_session *s, const char *why, struct rx_buf *out)
{
	struct rx_arrival in;

	rx_buf_reset(out);
	return (rx_arrival_return(s, file.b, file.len, why, out, &in, &st));
}

static rx_err
act_take(struct rx_session *s)
{
	struct rx_buf out = RX_BUF_INIT;
	const rx_err rc = take_in(s, &out);

	rx_buf_free(&out);
	return (rc);
}

static rx_err
turn_away_for(struct rx_session *s, const char *why)
{
	struct rx_buf out = RX_BUF_INIT;
	const rx_err rc = turn_away(s, why, &out);

	rx_buf_free(&out);
	return (rc);
}

static rx_err
act_turn_away(struct rx_session *s)
{

	return (turn_away_for(s, "不是这里"));
}

static rx_err
act_turn_away_nowhy(struct rx_session *s)
{

	return (turn_away_for(s, ""));
}

static rx_err
act_turn_away_long(struct rx_session *s)
{
	char why[3 * 300 + 1] = "";
	size_t i;

	for (i = 0; i < 300; i++)
		memcpy(why + 3 * i, "长", 4);
	return (turn_away_for(s, why));
}

static rx_err
act_look(struct rx_session *s)
{
	struct rx_arrival in;

	return (rx_arrival_look(s, file.b, file.len, &in, &st));
}

static void
before_taken(const char *where)
{
	struct rx_session *s;

	before_arrival(where);
	s = fixture_open(where, "d2");
	must(take_in(s, &receipt));
	rx_session_close(s);
}

static void
before_turned_away(const char *where)
{
	struct rx_session *s;

	before_arrival(where);
	s = fixture_open(where, "d2");
	must(turn_away(s, "不是这里", &receipt));
	rx_session_close(s);
}

static rx_err
each_answer(void *c, const struct rx_answered *row, struct rx_status *u)
{

	(void)c;
	(void)row;
	(void)u;
	return (RX_OK);
}

static rx_err
act_answers(struct rx_session *s)
{

	return (rx_arrival_each(s, each_answer, NULL, &st));
}

static rx_err
each_origin(void *c, const struct rx_address *a, const struct rx_record *r,
    const char *author, struct rx_status *u)
{

	(void)c;
	(void)a;
	(void)r;
	(void)author;
	(void)u;
	return (RX_OK);
}

static rx_err
act_origin(struct rx_session *s)
{
	unsigned n;

	return (rx_origin_each(s, here, "核实", each_origin, NULL, &n, &st));
}

static void
before_departure(const char *where)
{

	far = fixture_copy_of(another);
	address_of(far, "d2", &receiver);
	(void)where;
}

static rx_err
depart_with(struct rx_session *s, const uint8_t *id, size_t most)
{
	struct rx_buf out = RX_BUF_INIT;
	const rx_err rc = rx_departure_seal(s, id, receiver.bytes,
	    RX_ADDRESS_BYTES, receiver.fingerprint, "搬家", most, &out, &st);

	assert_true(rc == RX_OK || out.len == 0);
	rx_buf_free(&out);
	return (rc);
}

static rx_err
act_depart(struct rx_session *s)
{

	return (depart_with(s, fixture_id[C1], SIZE_MAX));
}

static rx_err
act_depart_large(struct rx_session *s)
{

	return (depart_with(s, fixture_id[C1], 1000));
}

/* With the histories that it came with. */
static void
before_going_on(const char *where)
{

	before_taken(where);
	address_of(far, "d2", &receiver);
}

static rx_err
act_go_on(struct rx_session *s)
{

	return (depart_with(s, here, SIZE_MAX));
}

static rx_err
each_departure(void *c, const struct rx_departure_row *row,
    struct rx_status *u)
{

	(void)c;
	(void)row;
	(void)u;
	return (RX_OK);
}

static rx_err
act_departures(struct rx_session *s)
{

	return (rx_departure_each(s, NULL, true, each_departure, NULL, &st));
}

static rx_err
act_departures_masked(struct rx_session *s)
{

	return (rx_departure_each(s, fixture_id[C1], false, each_departure,
	    NULL, &st));
}

static void
before_answer(const char *where)
{

	far = fixture_copy_of(another);
	depart(where, fixture_id[C1], far);
}

static void
before_answered(const char *where, bool yes)
{
	struct rx_session *s;

	before_answer(where);
	s = fixture_open(far, "d2");
	must(yes ? take_in(s, &receipt) : turn_away(s, "不是这里",
	    &receipt));
	rx_session_close(s);
}

static void
before_yes(const char *where)
{

	before_answered(where, true);
}

static void
before_no(const char *where)
{

	before_answered(where, false);
}

static rx_err
act_answer(struct rx_session *s)
{
	struct rx_departed info;

	return (rx_departure_answer(s, receipt.b, receipt.len, true, &info,
	    &st));
}

/* ---- all of them ---- */

#define D(u, b, a) { .name = #b ", " #a, .user = u, .pass = u "-pass", \
	.act = a, .before = b }
#define REFUSED(u, b, a, code) { .name = #b ", " #a, .user = u, \
	.pass = u "-pass", .act = a, .before = b, \
	.again = code }
static const struct deed deeds[] = {
	D("d1", before_twice, act_open),
	D("s1", before_twice_town, act_open),
	D("d1", before_won, act_open),
	D("d1", before_moved_d1, act_open),
	D("d2", before_moved_d2, act_open),
	D("s1", before_moved_s1, act_open),
	D("d1", before_moved_plain, act_open),
	D("d1", before_back, act_open),
	D("d1", before_rotated, act_open),
	D("d1", before_unknowing, act_open),
	D("s1", before_unknowing_town, act_open),
	D("d1", before_known, act_open),
	D("s1", before_ended, act_open),
	D("s1", before_ended_moved, act_open),
	D("d1", before_cleaning, act_open),
	D("d2", before_arrival, act_look),
	D("d2", before_arrival, act_take),
	D("d2", before_arrival, act_turn_away),
	REFUSED("d2", before_arrival, act_turn_away_nowhy, RX_EUSAGE),
	REFUSED("d2", before_arrival, act_turn_away_long, RX_EUSAGE),
	D("d2", before_taken, act_take),
	REFUSED("d2", before_taken, act_turn_away, RX_ECONFLICT),
	D("d2", before_turned_away, act_turn_away),
	REFUSED("d2", before_turned_away, act_take, RX_ECONFLICT),
	D("d2", before_taken, act_answers),
	D("d2", before_taken, act_origin),
	D("d1", before_departure, act_depart),
	REFUSED("d1", before_departure, act_depart_large, RX_EUSAGE),
	D("d2", before_going_on, act_go_on),
	D("d1", before_answer, act_departures),
	D("d1", before_answer, act_departures_masked),
	D("d1", before_yes, act_answer),
	D("d1", before_no, act_answer),
};

/* The register of ${start} again. */
static void
ready(const char *start, rx_err (*act)(struct rx_session *))
{

	(void)act;
	remove_all(dir);
	fixture_copy_over(start, dir);
}

static void
test_what_comes_on_a_machine_that_fails_is_there_or_not(void **state)
{
	static const enum fault hows[] = { FAULT_MEMORY, FAULT_READ, FAULT_IO };
	const char *start;
	size_t i, k, n = 0;

	(void)state;
	starve_wrong = 0;
	for (i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++) {
		start = fixture_copy();
		deeds[i].before(start);
		/* What signing in does is done. */
		rx_session_close(fixture_open(start, deeds[i].user));
		for (k = 0; k < sizeof(hows) / sizeof(hows[0]); k++)
			n += starve_deed(&deeds[i], start, dir, ready, hows[k],
			    true);
	}
	print_message("%zu deeds, at %zu lines\n", i, n);
	assert_int_equal(starve_wrong, 0);
}

static int
setup(void **state)
{
	const char *base;
	static const char *const people[] = { "admin", "d1", "d2", "s1", "d1" };
	size_t i;

	(void)fixture_setup(state);
	another = fixture_another(far_id);
	base = fixture_dir();
	for (i = 0; i < sizeof(people) / sizeof(people[0]); i++)
		rx_session_close(fixture_open(base, people[i]));
	dir = test_dir();
	files = test_dir();
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_what_comes_on_a_machine_that_fails_is_there_or_not),
	};

	fault_init();
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, setup, NULL));
}
