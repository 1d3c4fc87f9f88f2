/*
 * Records that an import signed together: each is verified by itself, nothing else
 * passes for one of them, and what is left of one that was erased tells nothing.
 */

#include <stdio.h>
#include <string.h>

#include "crypto/lot.h"
#include "register/save.h"
#include "tests/fixture.h"

static struct rx_status st;

#define must(expr) (rx_status_clear(&st), ok((expr), &st))

/* ---- the tree ---- */

static struct {
	struct rx_identity id;
	struct rx_key key;
	char message[RX_LOT][24];
	uint8_t leaf[RX_LOT][RX_HASH_BYTES], path[RX_LOT][RX_LOT_PATH_BYTES];
	uint8_t sig[RX_SIGNATURE_BYTES];
} t;

static void
sign(size_t n)
{
	size_t i;

	rx_random(t.key.b, sizeof(t.key.b));
	for (i = 0; i < n; i++) {
		(void)snprintf(t.message[i], sizeof(t.message[i]), "m%zu", i);
		rx_lot_leaf(t.leaf[i], &t.key, t.message[i],
		    sizeof(t.message[i]));
	}
	rx_lot_sign(t.sig, t.path, (const uint8_t (*)[RX_HASH_BYTES])t.leaf,
	    n, t.id.sign_secret);
}

/* Whether ${leaf} with ${path} is one of the lot that ${t.sig} signs. */
static bool
is_in(const uint8_t leaf[RX_HASH_BYTES], const uint8_t path[RX_LOT_PATH_BYTES])
{
	uint8_t root[RX_HASH_BYTES];

	return (rx_lot_root(root, leaf, path) && rx_sign_verify(t.sig,
	    t.id.sign_public, RX_LOT_LABEL, root, sizeof(root)));
}

static void
test_every_message_of_a_lot_is_verified_by_its_path(void **state)
{
	size_t n, i;

	(void)state;
	for (n = 1; n <= RX_LOT; n++) {
		sign(n);
		for (i = 0; i < n; i++)
			assert_true(is_in(t.leaf[i], t.path[i]));
	}
}

static void
test_message_of_no_lot_is_refused(void **state)
{
	uint8_t leaf[RX_HASH_BYTES], path[RX_LOT_PATH_BYTES];
	static const char never[sizeof(t.message[0])] = "m99";
	struct rx_key other;
	size_t i;

	(void)state;
	sign(RX_LOT);
	assert_true(is_in(t.leaf[3], t.path[3]));	/* the control */
	rx_lot_leaf(leaf, &t.key, never, sizeof(never));
	assert_false(is_in(leaf, t.path[3]));
	assert_false(is_in(t.leaf[4], t.path[3]));
	other = t.key;
	other.b[0] ^= 1;
	rx_lot_leaf(leaf, &other, t.message[3], sizeof(t.message[3]));
	assert_false(is_in(leaf, t.path[3]));
	for (i = 0; i < sizeof(path); i++) {
		memcpy(path, t.path[3], sizeof(path));
		path[i] ^= 1;
		assert_false(is_in(t.leaf[3], path));
	}
	/* A place that is none, though its low bits are those of one. */
	memcpy(path, t.path[3], sizeof(path));
	path[0] |= RX_LOT;
	assert_false(is_in(t.leaf[3], path));
}

/* Whoever may choose how long a path is has an inner node for a message. */
static void
test_node_of_the_tree_passes_for_no_message(void **state)
{
	uint8_t node[2][2 * RX_HASH_BYTES], root[RX_HASH_BYTES];
	uint8_t path[RX_LOT_PATH_BYTES] = { 0 };

	(void)state;
	sign(RX_LOT);
	memcpy(node[0], t.leaf[0], RX_HASH_BYTES);
	memcpy(node[0] + RX_HASH_BYTES, t.leaf[1], RX_HASH_BYTES);
	rx_hash(node[1], RX_HASH_BYTES, NULL, "runxin lot node v1", node[0],
	    sizeof(node[0]));
	memcpy(path + 1, t.path[0] + 1 + RX_HASH_BYTES,
	    (RX_LOT_DEPTH - 1) * RX_HASH_BYTES);
	assert_false(is_in(node[1], path));

	/* The control: three steps from it do lead to the root. */
	memcpy(root, node[1], sizeof(root));
	for (size_t d = 1; d < RX_LOT_DEPTH; d++) {
		memcpy(node[0], root, RX_HASH_BYTES);
		memcpy(node[0] + RX_HASH_BYTES,
		    t.path[0] + 1 + d * RX_HASH_BYTES, RX_HASH_BYTES);
		rx_hash(root, sizeof(root), NULL, "runxin lot node v1",
		    node[0], sizeof(node[0]));
	}
	assert_true(rx_sign_verify(t.sig, t.id.sign_public, RX_LOT_LABEL,
	    root, sizeof(root)));
}

/* The leaf of a message that is gone stands in the paths of others. */
static void
test_leaf_left_behind_does_not_confirm_a_guess(void **state)
{
	uint8_t guess[RX_HASH_BYTES];
	struct rx_key key;

	(void)state;
	sign(2);
	rx_hash(guess, sizeof(guess), NULL, "runxin lot leaf v1",
	    t.message[0], sizeof(t.message[0]));
	assert_memory_not_equal(guess, t.path[1] + 1, sizeof(guess));
	rx_random(key.b, sizeof(key.b));
	rx_lot_leaf(guess, &key, t.message[0], sizeof(t.message[0]));
	assert_memory_not_equal(guess, t.path[1] + 1, sizeof(guess));

	/* The control: it is there, and who has the key confirms it. */
	rx_lot_leaf(guess, &t.key, t.message[0], sizeof(t.message[0]));
	assert_memory_equal(guess, t.path[1] + 1, sizeof(guess));
}

/* ---- in the register ---- */

#define AT_SIGNATURE 26		/* as in src/register/row.c */
#define AT_PATH (AT_SIGNATURE + RX_SIGNATURE_BYTES)
#define AT_FIELDS (AT_PATH + RX_LOT_PATH_BYTES)
#define LINES 40
#define COLUMNS 7
#define CODED 5

/* ${lines}, and observations of c1 and c2, in turn, whose ids are ${id} and a
 * number. */
static void
import_into(struct rx_session *s, const char *lines, const char *id)
{
	struct rx_import_counts counts;
	struct rx_buf b = RX_BUF_INIT;
	int i;

	must(rx_buf_printf(&b, &st, "%s", lines));
	for (i = 0; i < LINES; i++)
		must(rx_buf_printf(&b, &st, "{\"type\":\"observation\","
		    "\"id\":\"%s%d\",\"child\":\"c%d\",\"date\":"
		    "\"2025-06-06\",\"channel\":\"home_visit\",\"signs\":"
		    "[\"mood_low\"],\"risk\":\"yellow\",\"note\":\"%d\"}\n",
		    id, i, 1 + i % 2, i));
	must(fixture_import(s, &b, &counts, &st));
	assert_true(counts.saved[RX_OBSERVATION] >= LINES);
	rx_buf_free(&b);
}

static const char *
import(const char *id)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");

	import_into(s, "", id);
	rx_session_close(s);
	return (dir);
}

/* A row of a case, with its coded box open. */
struct opened {
	struct rx_value v[COLUMNS];
	struct rx_buf bytes[COLUMNS], plain;
	struct rx_place place;
	const struct rx_key *key;
};

static void
opened_free(struct opened *o)
{
	size_t i;

	for (i = 0; i < COLUMNS; i++)
		rx_buf_free(&o->bytes[i]);
	rx_buf_free(&o->plain);
}

static void
row_open(struct opened *o, struct rx_session *s, const struct rx_case *c,
    const struct rx_cursor *cur)
{
	const void *p;
	size_t i, n;

	memset(o, 0, sizeof(*o));
	for (i = 0; i < COLUMNS; i++) {
		if (i == 1) {
			o->v[i] = rx_int(rx_col_int(cur, (int)i));
			continue;
		}
		if (i == 3) {
			p = rx_col_text(cur, (int)i);
			n = strlen(p) + 1;
		} else
			p = rx_col_bytes(cur, (int)i, &n);
		must(rx_buf_add(&o->bytes[i], p, n, &st));
		o->v[i] = i == 3 ? rx_text((const char *)o->bytes[i].b) :
		    rx_bytes(o->bytes[i].b, n);
	}
	o->key = c->e[c->n - 1].key[2];
	rx_place_init(&o->place, s, c->unit, o->bytes[0].b, c->id,
	    RX_TABLE_RECORD, CODED, (uint32_t)o->v[1].i);
	must(rx_field_open(&o->plain, o->bytes[CODED].b, o->bytes[CODED].len,
	    o->key, RX_COMP_CODED, &o->place, &st));
}

/* The ${nth} row of c1 that has a path, or false; c1 is loaded in ${c}. */
static bool
nth_of_lot(struct opened *o, struct rx_session *s, struct rx_case *c,
    size_t nth)
{
	struct rx_value arg = rx_bytes(fixture_id[C1], RX_ID_BYTES);
	struct rx_cursor *cur;
	bool row = false, found = false;

	must(rx_case_load(c, s, fixture_id[C1], VILLAGE1, RX_CASE_KEYS, &st));
	must(rx_query_open(&cur, s->store, RX_Q_RECORDS_OF_CHILD, &arg, 1,
	    &st));
	while (!found) {
		must(rx_query_next(cur, &row, &st));
		if (!row)
			break;
		row_open(o, s, c, cur);
		found = (o->plain.b[1] & 2) != 0 && nth-- == 0;
		if (!found)
			opened_free(o);
	}
	rx_query_close(cur);
	return (found);
}

/* Put the row back as somebody with its keys can, who signs the audit for it. */
static void
row_put(struct opened *o, struct rx_session *s)
{
	struct rx_buf box = RX_BUF_INIT;

	must(rx_field_seal(&box, o->key, RX_COMP_CODED, rx_envelope_epoch(
	    o->bytes[CODED].b, o->bytes[CODED].len), &o->place, RX_PAD_CODED,
	    o->plain.b, o->plain.len, &st));
	o->v[CODED] = rx_bytes(box.b, box.len);
	must(rx_begin(s, &st));
	must(rx_store_replace(s->store, RX_TABLE_RECORD, o->v, &st));
	must(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
	rx_buf_free(&box);
}

static void
test_import_signs_sixteen_records_at_once(void **state)
{
	struct rx_session *s = fixture_open(import("k"), "d1");
	uint8_t sig[LINES][RX_SIGNATURE_BYTES];
	size_t n = 0, i, signatures = 0, shown;
	struct opened o;
	struct rx_case c;

	(void)state;
	rx_case_init(&c);
	for (; nth_of_lot(&o, s, &c, n); n++) {
		memcpy(sig[n], o.plain.b + AT_SIGNATURE, sizeof(sig[n]));
		for (i = 0; i < n && memcmp(sig[i], sig[n],
		    sizeof(sig[n])) != 0; i++)
			continue;
		signatures += i == n;
		assert_int_equal(o.bytes[CODED].len, rx_envelope_size(448));
		opened_free(&o);
	}
	assert_int_equal(n, LINES / 2);
	assert_int_equal(signatures, 2);
	rx_case_done(&c, s);
	must(fixture_show(s, fixture_id[C1], NULL, &shown, &st));
	must(fixture_show(s, fixture_id[C2], NULL, &shown, &st));
	must(fixture_verify(s, NULL, &st));
	rx_session_close(s);
}

/* What is seen of c1 when the byte ${at} of the first box of the lot is changed by
 * ${by}; SIZE_MAX: none is. */
static rx_err
shown_after(const char *from, size_t at, uint8_t by)
{
	struct rx_session *s = fixture_open(fixture_copy_of(from), "d1");
	struct opened o;
	struct rx_case c;
	size_t n;
	rx_err rc;

	rx_case_init(&c);
	assert_true(nth_of_lot(&o, s, &c, 0));
	if (at != SIZE_MAX)
		o.plain.b[at] ^= by;
	row_put(&o, s);
	opened_free(&o);
	rx_case_done(&c, s);
	must(fixture_verify(s, NULL, &st));
	rc = fixture_show(s, fixture_id[C1], NULL, &n, &st);
	rx_session_close(s);
	return (rc);
}

static void
test_record_of_a_lot_that_was_changed_is_refused(void **state)
{
	/* When it was recorded, signature, place in the tree, the path. */
	static const size_t at[] = { 18, AT_SIGNATURE, AT_PATH, AT_PATH + 1,
		AT_PATH + 33, AT_PATH + 65, AT_FIELDS - 1 };
	const char *dir = import("k");
	size_t i;

	(void)state;
	assert_int_equal(shown_after(dir, SIZE_MAX, 0), RX_OK);	/* control */
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		assert_int_equal(shown_after(dir, at[i], 1), RX_ECORRUPT);
		assert_int_equal(st.msg, RX_MSG_SIGNATURE_CORRUPT);
	}
	assert_int_equal(shown_after(dir, AT_PATH, RX_LOT), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_SIGNATURE_CORRUPT);
	/* A bit that means nothing. */
	assert_int_equal(shown_after(dir, 1, 4), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_SEALED_CORRUPT);
}

/* Put ${o} back: c1 is not shown any more. */
static void
refused_with(struct opened *o, struct rx_session *s, struct rx_case *c)
{
	size_t n;

	row_put(o, s);
	opened_free(o);
	rx_case_done(c, s);
	assert_int_equal(fixture_show(s, fixture_id[C1], NULL, &n, &st),
	    RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_SIGNATURE_CORRUPT);
	rx_session_close(s);
}

/* With the signature and the path of another record of his. */
static void
test_record_with_the_path_of_another_is_refused(void **state)
{
	struct rx_session *s = fixture_open(import("k"), "d1");
	struct opened one, other;
	struct rx_case c;

	(void)state;
	rx_case_init(&c);
	assert_true(nth_of_lot(&other, s, &c, RX_LOT));
	assert_true(nth_of_lot(&one, s, &c, 0));
	assert_memory_not_equal(one.plain.b + AT_SIGNATURE,
	    other.plain.b + AT_SIGNATURE, RX_SIGNATURE_BYTES);
	memcpy(one.plain.b + AT_SIGNATURE, other.plain.b + AT_SIGNATURE,
	    AT_FIELDS - AT_SIGNATURE);
	opened_free(&other);
	refused_with(&one, s, &c);
}

/* The size of a box must not tell how its record was signed. */
static void
test_record_without_room_for_a_path_is_signed_alone(void **state)
{
	char id[200];
	struct rx_session *s;
	struct opened o;
	struct rx_case c;
	const char *dir;
	size_t n;

	(void)state;
	memset(id, 'k', sizeof(id));
	id[sizeof(id) - 1] = '\0';
	dir = import(id);
	s = fixture_open(dir, "d1");
	rx_case_init(&c);
	assert_false(nth_of_lot(&o, s, &c, 0));
	rx_case_done(&c, s);
	must(fixture_show(s, fixture_id[C1], NULL, &n, &st));
	rx_session_close(s);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM record "
	    "WHERE length(coded) <> 552"), 0);
}

static void
test_others_of_a_lot_are_read_when_one_is_erased(void **state)
{
	struct rx_session *s = fixture_open(import("k"), "d1");
	size_t n;

	(void)state;
	must(rx_child_erase(s, fixture_id[C1], "迁出", &st));
	must(fixture_show(s, fixture_id[C2], NULL, &n, &st));
	assert_true(n >= LINES / 2);
	must(fixture_verify(s, NULL, &st));
	rx_session_close(s);
}

/* Signature and fields of a row of a lot, without the path that goes with them. */
static void
test_record_of_a_lot_without_its_path_is_refused(void **state)
{
	struct rx_session *s = fixture_open(import("k"), "d1");
	struct opened o;
	struct rx_case c;

	(void)state;
	rx_case_init(&c);
	assert_true(nth_of_lot(&o, s, &c, 0));
	o.plain.b[1] &= (uint8_t)~2;
	memmove(o.plain.b + AT_PATH, o.plain.b + AT_FIELDS,
	    o.plain.len - AT_FIELDS);
	o.plain.len -= RX_LOT_PATH_BYTES;
	refused_with(&o, s, &c);
}

/* Children, activities and records of one import in a village's copy are verified
 * one by one at home, and read there under newer keys. */
static void
test_lot_of_all_kinds_is_verified_at_home_and_after_new_keys(void **state)
{
	const char *home = fixture_copy(), *village = fixture_village(home);
	struct rx_session *s = fixture_open(village, "d1");
	uint8_t id[RX_ID_BYTES];
	struct rx_bundle b;
	char path[300], unit[RX_UNIT_BYTES];
	size_t n;

	(void)state;
	import_into(s, "{\"type\":\"child\",\"id\":\"n1\",\"unit\":"
	    "\"350102001001\",\"name\":\"丁\",\"sex\":\"m\",\"birth\":"
	    "\"2015-02\",\"categories\":[\"orphan\"],\"legal_basis\":"
	    "\"consent\"}\n"
	    "{\"type\":\"activity\",\"id\":\"a9\",\"unit\":\"350102001001\","
	    "\"date\":\"2025-06-02\",\"kind\":\"theme_activity\",\"held\":"
	    "true,\"children\":[\"n1\"]}\n"
	    "{\"type\":\"flag\",\"id\":\"f9\",\"child\":\"n1\",\"date\":"
	    "\"2025-06-02\",\"reason\":\"x\"}\n", "k");
	(void)snprintf(path, sizeof(path), "%s/b.rxb", village);
	must(rx_bundle_make(s, "350102001", path, &b, &st));
	rx_session_close(s);
	s = fixture_open(home, "s1");
	must(rx_bundle_open(s, path, true, &b, &st));
	assert_int_equal(b.children, 1);
	assert_int_equal(b.activities, 1);
	assert_int_equal(b.records, LINES + 1);
	assert_int_equal(b.refused + b.skipped + b.conflicts, 0);
	must(fixture_verify(s, NULL, &st));
	rx_session_close(s);
	s = fixture_open(home, "d1");
	must(rx_rotate(s, NULL, &n, &st));
	import_into(s, "{\"type\":\"observation\",\"id\":\"z\","
	    "\"child\":\"n1\",\"date\":\"2025-06-06\",\"channel\":"
	    "\"home_visit\",\"signs\":[],\"risk\":\"green\"}\n"
	    "{\"type\":\"observation\",\"id\":\"zz\",\"child\":\"n1\","
	    "\"date\":\"2025-06-07\",\"channel\":\"home_visit\",\"signs\":"
	    "[],\"risk\":\"green\"}\n", "m");
	must(rx_case_locate(s, "n1", id, unit, &st));
	must(fixture_show(s, id, NULL, &n, &st));
	assert_int_equal(n, 4);	/* the activity too */
	must(fixture_show(s, fixture_id[C2], NULL, &n, &st));
	must(fixture_verify(s, NULL, &st));
	rx_session_close(s);
	/* Each case got new keys once, and all of its records are under them. */
	assert_int_equal(fixture_number(home, "SELECT count(*) FROM record "
	    "WHERE hex(substr(coded, 25, 4)) = '02000000'"), LINES + 2);
}

/* The flag of c1 has ended, so its next record gets it new keys: all of an import
 * are under these, though others stand between them. */
static void
test_import_writes_under_the_keys_that_a_case_gets_amid_it(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "s1");
	const struct rx_flag_row flag = fixture_flag(s);
	size_t n;

	(void)state;
	must(rx_review_decide(s, &flag, "close", "x", &st));
	rx_session_close(s);
	s = fixture_open(dir, "d1");
	import_into(s, "", "k");
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM record "
	    "WHERE hex(substr(coded, 25, 4)) = '02000000'"), LINES / 2);
	must(fixture_show(s, fixture_id[C1], NULL, &n, &st));
	rx_session_close(s);
}

/* What a case brought from another unit is found again in an import, though
 * records of the case, and of others, came before. */
static void
test_import_knows_the_records_that_a_case_came_with(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_import_counts counts;
	struct rx_buf b = RX_BUF_INIT;
	char number[16];

	(void)state;
	must(rx_transfer_offer(s, fixture_id[C1], "350102001002", "搬家", &st));
	rx_session_close(s);
	s = fixture_open(dir, "d2");
	must(rx_transfer_accept(s, fixture_id[C1], number, &st));
#define LINE_(id, child, date, risk, note) "{\"type\":\"observation\"," \
	"\"id\":\"" id "\",\"child\":\"" child "\",\"date\":\"" date "\"," \
	"\"channel\":\"home_visit\",\"signs\":[\"mood_low\"],\"risk\":\"" \
	risk "\",\"note\":\"" note "\"}\n"
#define LINES_ LINE_("n1", "c1", "2025-06-06", "yellow", "x") \
	LINE_("n2", "c3", "2025-06-06", "yellow", "x") \
	LINE_("o2", "c1", "2025-06-05", "orange", "second")
	must(rx_buf_add(&b, LINES_, sizeof(LINES_) - 1, &st));
	must(fixture_import(s, &b, &counts, &st));
	rx_buf_free(&b);
	assert_int_equal(counts.saved[RX_OBSERVATION], 2);
	assert_int_equal(counts.present, 1);
	rx_session_close(s);
}

static int
setup(void **state)
{
	uint8_t seed[32];

	must(rx_crypto_init(&st));
	rx_json_init();
	(void)fixture_setup(state);
	rx_random(seed, sizeof(seed));
	rx_identity_derive(&t.id, seed);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_every_message_of_a_lot_is_verified_by_its_path),
		cmocka_unit_test(test_message_of_no_lot_is_refused),
		cmocka_unit_test(test_node_of_the_tree_passes_for_no_message),
		cmocka_unit_test(
		    test_leaf_left_behind_does_not_confirm_a_guess),
		cmocka_unit_test(test_import_signs_sixteen_records_at_once),
		cmocka_unit_test(
		    test_record_of_a_lot_that_was_changed_is_refused),
		cmocka_unit_test(
		    test_record_with_the_path_of_another_is_refused),
		cmocka_unit_test(
		    test_record_of_a_lot_without_its_path_is_refused),
		cmocka_unit_test(
		    test_lot_of_all_kinds_is_verified_at_home_and_after_new_keys),
		cmocka_unit_test(
		    test_import_writes_under_the_keys_that_a_case_gets_amid_it),
		cmocka_unit_test(
		    test_import_knows_the_records_that_a_case_came_with),
		cmocka_unit_test(
		    test_record_without_room_for_a_path_is_signed_alone),
		cmocka_unit_test(
		    test_others_of_a_lot_are_read_when_one_is_erased),
	};

	return (cmocka_run_group_tests(tests, setup, NULL));
}
