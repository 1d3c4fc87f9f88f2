/*
 * A case that goes to another unit, and those who would have it otherwise: the
 * offer that is edited, moved, replayed or forged, the third unit, the sender
 * and the refused receiver with all the keys that they kept.
 */

#include <stdio.h>
#include <string.h>

#include "tests/fixture.h"

#define VILLAGE3 "350102001004\0\0\0"
#define ENTRY (RX_ID_BYTES + RX_GRANT_BYTES)

static struct rx_status st;

/* ---- people ---- */

/* A copy in which d3 directs a third village. */
static const char *
copy(void)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "admin");
	struct rx_secret *p = test_passphrase("d3-pass");

	rx_status_clear(&st);
	ok(rx_user_add(s, "d3", RX_ROLE_DIRECTOR, "350102001004", p, &st), &st);
	rx_secret_free(p);
	rx_session_close(s);
	rx_session_close(fixture_open(dir, "d3"));
	return (dir);
}

static void
offer(const char *dir, enum fixture_id id)
{
	struct rx_session *s = fixture_open(dir, "d1");

	rx_status_clear(&st);
	ok(rx_transfer_offer(s, fixture_id[id], "350102001002", "搬家", &st),
	    &st);
	rx_session_close(s);
}

static rx_err
accept_as(const char *dir, const char *user, enum fixture_id id)
{
	struct rx_session *s = fixture_open(dir, user);
	char number[16];
	rx_err rc;

	rx_status_clear(&st);
	rc = rx_transfer_accept(s, fixture_id[id], number, &st);
	rx_session_close(s);
	return (rc);
}

static void
accepted(const char *dir, const char *user, enum fixture_id id)
{

	ok(accept_as(dir, user, id), &st);
}

static void
not_accepted(const char *dir, const char *user, enum fixture_id id,
    rx_err rc, enum rx_msg msg)
{
	char text[512];

	assert_int_equal(accept_as(dir, user, id), rc);
	rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
	if (st.msg != msg)
		fail_msg("%s: %s", user, text);
	rx_status_clear(&st);
}

/* The newest live certificate of ${user}. */
static const struct rx_member *
member(const struct rx_session *s, enum fixture_id user)
{

	return (rx_member_newest(s, rx_member_first(s, fixture_id[user])));
}

static const struct rx_member *
member_named(const struct rx_session *s, const char *name)
{
	size_t i;

	for (i = 0; i < s->nmembers; i++)
		if (strcmp(s->members[i].cert.name, name) == 0)
			return (rx_member_newest(s, rx_member_first(s,
			    s->members[i].cert.user)));
	fail_msg("no %s", name);
	return (NULL);
}

/* ---- offers of one's own making ---- */

/* Grant the keys of ${c} as ${by} would, for ${to} of ${unit}. */
static void
entry_make(uint8_t entry[ENTRY], struct rx_session *by, const struct rx_case *c,
    const char *unit, const struct rx_member *to)
{
	const struct rx_case_epoch *e = &c->e[c->n - 1];
	struct rx_grant_context ctx;

	memcpy(entry, to->cert.id, RX_ID_BYTES);
	rx_grant_context_set(&ctx, by, unit, c->id, e->epoch, RX_CASE_KEYS);
	ok(rx_grant_make(entry + RX_ID_BYTES, &ctx, e->key, RX_GRANT_OPEN,
	    by->user_id, by->id, to->cert.box_public, &st), &st);
}

/* A program of his own, run by a member: ${by} puts an offer of ${c} to d2 into
 * the register, with manifest and audit as they should be. */
static void
plant(struct rx_session *by, const struct rx_case *c)
{
	uint8_t entry[ENTRY], nothing[104] = { 0 };
	struct rx_value v[6];

	rx_status_clear(&st);
	entry_make(entry, by, c, VILLAGE2, member(by, D2));
	ok(rx_begin(by, &st), &st);
	v[0] = rx_bytes(c->id, RX_ID_BYTES);
	v[1] = rx_text(VILLAGE2);
	v[2] = rx_int(c->e[c->n - 1].epoch);
	v[3] = rx_bytes(entry, sizeof(entry));
	v[4] = rx_bytes(nothing, sizeof(nothing));
	v[5] = rx_bytes(nothing, sizeof(nothing));
	ok(rx_store_replace(by->store, RX_TABLE_TRANSFER, v, &st), &st);
	ok(rx_finish(by, RX_OK, RX_DID_TRANSFER, c->id, "offer", &st), &st);
}

/* The case c1 with all its keys, for whoever ${s} is. */
static void
load_c1(struct rx_case *c, struct rx_session *s, bool slot)
{
	bool opened = true;

	rx_status_clear(&st);
	rx_case_init(c);
	ok(rx_case_load(c, s, fixture_id[C1], VILLAGE1, slot ?
	    RX_BIT(RX_COMP_CODED) : RX_CASE_KEYS, &st), &st);
	if (slot)
		ok(rx_case_load_slot(c, s, &opened, &st), &st);
	assert_true(opened);
}

static void
test_offer_by_a_supervisor_is_refused(void **state)
{
	const char *dir = copy();
	struct rx_session *s = fixture_open(dir, "s1");
	struct rx_case c;

	(void)state;
	/* c1 is flagged: he has all its keys, and is no director. */
	load_c1(&c, s, true);
	plant(s, &c);
	rx_case_done(&c, s);
	rx_session_close(s);
	not_accepted(dir, "d2", C1, RX_ECORRUPT, RX_MSG_TRANSFER_FORGED);

	/* The control: the same by a director of the case's unit counts. */
	s = fixture_open(dir, "d1");
	load_c1(&c, s, false);
	plant(s, &c);
	rx_case_done(&c, s);
	rx_session_close(s);
	accepted(dir, "d2", C1);
}

static void
test_offer_by_a_director_of_another_unit_is_refused(void **state)
{
	const char *dir = copy(), *who[] = { "d3", "d2", "d1" };
	struct rx_session *s, *d1 = fixture_open(dir, "d1");
	struct rx_case c;
	size_t i;

	(void)state;
	/* Whoever got the keys: a third, or the receiver for himself. */
	load_c1(&c, d1, false);
	for (i = 0; i < 3; i++) {
		s = fixture_open(dir, who[i]);
		plant(s, &c);
		rx_session_close(s);
		if (i < 2)
			not_accepted(dir, "d2", C1, RX_ECORRUPT,
			    RX_MSG_TRANSFER_FORGED);
	}
	rx_case_done(&c, d1);
	rx_session_close(d1);
	accepted(dir, "d2", C1);		/* the control */
}

static void
test_offer_by_a_director_who_left_is_refused(void **state)
{
	const char *dir = copy();
	struct rx_session *s = fixture_open(dir, "admin");

	(void)state;
	offer(dir, C2);
	ok(rx_user_disable(s, "d1", &st), &st);
	rx_session_close(s);
	not_accepted(dir, "d2", C2, RX_ECORRUPT, RX_MSG_TRANSFER_FORGED);

	dir = copy();				/* the control */
	offer(dir, C2);
	accepted(dir, "d2", C2);
}

/* ---- the row is edited ---- */

static void
test_offer_to_another_unit_by_an_edited_row_is_refused(void **state)
{
	const char *dir = copy(), *start;
	struct rx_session *s;
	struct rx_buf row = RX_BUF_INIT;
	struct rx_case c;

	(void)state;
	offer(dir, C1);
	start = fixture_copy_of(dir);
	/* The receiver is another one: the grant is not for him... */
	fixture_tamper(dir, "UPDATE keys.transfer SET unit = '350102001004'");
	not_accepted(dir, "d3", C1, RX_ENOENT, RX_MSG_TRANSFER_NONE);
	not_accepted(dir, "d2", C1, RX_EPERM, RX_MSG_NOT_PERMITTED);
	/* ...nor when his certificate is put before it. */
	s = fixture_open(dir, "admin");
	fixture_blob(dir, "SELECT grants FROM keys.transfer", &row);
	assert_int_equal(row.len, ENTRY);
	memcpy(row.b, member_named(s, "d3")->cert.id, RX_ID_BYTES);
	rx_session_close(s);
	fixture_tamper_blob(dir, "UPDATE keys.transfer SET grants = ?1", row.b,
	    row.len);
	not_accepted(dir, "d3", C1, RX_ECORRUPT, RX_MSG_TRANSFER_FORGED);
	rx_buf_free(&row);

	/* The control: with a grant by d1 for that unit and person it works. */
	dir = fixture_copy_of(start);
	s = fixture_open(dir, "d1");
	load_c1(&c, s, false);
	rx_status_clear(&st);
	{
		uint8_t entry[ENTRY];

		entry_make(entry, s, &c, VILLAGE3, member_named(s, "d3"));
		fixture_tamper(dir, "UPDATE keys.transfer SET unit = "
		    "'350102001004'");
		fixture_tamper_blob(dir, "UPDATE keys.transfer SET grants = ?1",
		    entry, sizeof(entry));
	}
	rx_case_done(&c, s);
	rx_session_close(s);
	accepted(dir, "d3", C1);
}

/* Somebody who directs both units cannot be made to take it for the other. */
static void
test_offer_turned_to_another_unit_of_the_receiver_is_refused(void **state)
{
	const char *dir = copy();
	struct rx_session *s = fixture_open(dir, "admin");
	struct rx_buf row = RX_BUF_INIT;
	size_t i, n;

	(void)state;
	offer(dir, C1);
	rx_status_clear(&st);
	ok(rx_user_add(s, "d2", RX_ROLE_DIRECTOR, "350102001004", NULL, &st),
	    &st);
	fixture_blob(dir, "SELECT grants FROM keys.transfer", &row);
	/* His certificate for the other one. */
	for (i = n = 0; i < s->nmembers; i++)
		if (memcmp(s->members[i].cert.user, fixture_id[D2],
		    RX_ID_BYTES) == 0 &&
		    memcmp(s->members[i].cert.unit, VILLAGE3, 12) == 0) {
			memcpy(row.b, s->members[i].cert.id, RX_ID_BYTES);
			n++;
		}
	rx_session_close(s);
	assert_int_equal(n, 1);
	accepted(fixture_copy_of(dir), "d2", C1);	/* the control */
	fixture_tamper(dir, "UPDATE keys.transfer SET unit = '350102001004'");
	fixture_tamper_blob(dir, "UPDATE keys.transfer SET grants = ?1", row.b,
	    row.len);
	rx_buf_free(&row);
	not_accepted(dir, "d2", C1, RX_ECORRUPT, RX_MSG_TRANSFER_FORGED);
}

static void
test_offer_moved_to_another_child_is_refused(void **state)
{
	const char *dir = copy();

	(void)state;
	offer(dir, C1);
	accepted(fixture_copy_of(dir), "d2", C1);	/* the control */
	fixture_tamper(dir, "UPDATE keys.transfer SET child = $c2");
	not_accepted(dir, "d2", C2, RX_ECORRUPT, RX_MSG_TRANSFER_FORGED);
	not_accepted(dir, "d2", C1, RX_ENOENT, RX_MSG_TRANSFER_NONE);
}

static void
test_third_unit_cannot_accept(void **state)
{
	const char *dir = copy();
	struct rx_session *s;

	(void)state;
	offer(dir, C1);
	not_accepted(dir, "d3", C1, RX_EPERM, RX_MSG_NOT_PERMITTED);
	not_accepted(dir, "s1", C1, RX_EPERM, RX_MSG_NOT_PERMITTED);
	not_accepted(dir, "d1", C1, RX_EPERM, RX_MSG_NOT_PERMITTED);
	s = fixture_open(dir, "d3");
	rx_status_clear(&st);
	refused(rx_transfer_reject(s, fixture_id[C1], "no", &st), RX_EPERM,
	    &st);
	refused(rx_transfer_withdraw(s, fixture_id[C1], &st), RX_EPERM, &st);
	rx_session_close(s);
	accepted(dir, "d2", C1);		/* the control */
}

struct counted {
	size_t good, bad;
	uint8_t bad_child[RX_ID_BYTES];
};

static rx_err
count_each(void *cookie, const struct rx_transfer_row *row,
    struct rx_status *s)
{
	struct counted *n = cookie;

	(void)s;
	if (row->bad == RX_MSG_NONE) {
		assert_non_null(row->record);
		n->good++;
		return (RX_OK);
	}
	assert_int_equal(row->bad, RX_MSG_TRANSFER_FORGED);
	assert_null(row->record);
	assert_string_equal(row->reason, "");
	memcpy(n->bad_child, row->child, RX_ID_BYTES);
	n->bad++;
	return (RX_OK);
}

static void
test_one_offer_that_does_not_verify_hides_no_other(void **state)
{
	const char *dir = copy();
	struct counted n = { 0 };
	struct rx_session *s;
	uint8_t id[RX_ID_BYTES];
	char text[RX_UUID_TEXT];

	(void)state;
	offer(dir, C1);
	offer(dir, C2);
	s = fixture_open(dir, "d2");		/* the control */
	rx_status_clear(&st);
	ok(rx_transfer_each(s, true, count_each, &n, &st), &st);
	assert_int_equal(n.good, 2);
	assert_int_equal(n.bad, 0);
	rx_session_close(s);
	fixture_tamper(dir, "UPDATE keys.transfer SET grants = (SELECT grants "
	    "FROM keys.transfer WHERE child = $c1) WHERE child = $c2");
	memset(&n, 0, sizeof(n));
	s = fixture_open(dir, "d2");
	rx_status_clear(&st);
	ok(rx_transfer_each(s, true, count_each, &n, &st), &st);
	assert_int_equal(n.good, 1);
	assert_int_equal(n.bad, 1);
	assert_memory_equal(n.bad_child, fixture_id[C2], RX_ID_BYTES);
	ok(rx_transfer_find(s, "c1", id, &st), &st);
	assert_memory_equal(id, fixture_id[C1], RX_ID_BYTES);
	/* By its UUID, as a page asks, it says what is wrong with it. */
	rx_uuid_text(fixture_id[C1], text);
	ok(rx_transfer_find(s, text, id, &st), &st);
	assert_memory_equal(id, fixture_id[C1], RX_ID_BYTES);
	rx_uuid_text(fixture_id[C2], text);
	assert_int_equal(rx_transfer_find(s, text, id, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_TRANSFER_FORGED);
	rx_session_close(s);
	accepted(dir, "d2", C1);
	not_accepted(dir, "d2", C2, RX_ECORRUPT, RX_MSG_TRANSFER_FORGED);
}

/* ---- again ---- */

/* A member puts the row ${from} of before back, with an entry of the audit. */
static void
put_back(const char *dir, const char *user, const char *from)
{
	struct rx_buf b[3] = { RX_BUF_INIT, RX_BUF_INIT, RX_BUF_INIT };
	struct rx_session *s = fixture_open(dir, user);
	struct rx_value v[6];
	size_t k;

	fixture_blob(from, "SELECT grants FROM keys.transfer", &b[0]);
	fixture_blob(from, "SELECT coded FROM keys.transfer", &b[1]);
	fixture_blob(from, "SELECT note FROM keys.transfer", &b[2]);
	v[0] = rx_bytes(fixture_id[C1], RX_ID_BYTES);
	v[1] = rx_text(VILLAGE2);
	v[2] = rx_int(fixture_number(from, "SELECT epoch FROM keys.transfer"));
	for (k = 0; k < 3; k++)
		v[3 + k] = rx_bytes(b[k].b, b[k].len);
	rx_status_clear(&st);
	ok(rx_begin(s, &st), &st);
	ok(rx_store_replace(s->store, RX_TABLE_TRANSFER, v, &st), &st);
	ok(rx_finish(s, RX_OK, RX_DID_TRANSFER, NULL, "offer", &st), &st);
	rx_session_close(s);
	for (k = 0; k < 3; k++)
		rx_buf_free(&b[k]);
}

static void
test_withdrawn_offer_put_back_is_refused(void **state)
{
	const char *dir = copy(), *before;
	struct rx_session *s;

	(void)state;
	offer(dir, C1);
	before = fixture_copy_of(dir);
	s = fixture_open(dir, "d1");
	rx_status_clear(&st);
	ok(rx_transfer_withdraw(s, fixture_id[C1], &st), &st);
	rx_session_close(s);
	put_back(dir, "d2", before);
	not_accepted(dir, "d2", C1, RX_ECONFLICT, RX_MSG_TRANSFER_OVER);

	/* The control: had the row only been deleted, he would have the case. */
	dir = fixture_copy_of(before);
	s = fixture_open(dir, "d1");
	{
		struct rx_value key = rx_bytes(fixture_id[C1], RX_ID_BYTES);

		ok(rx_begin(s, &st), &st);
		ok(rx_store_delete(s->store, RX_TABLE_TRANSFER, &key, NULL,
		    &st), &st);
		ok(rx_finish(s, RX_OK, RX_DID_TRANSFER, NULL, "withdraw",
		    &st), &st);
	}
	rx_session_close(s);
	put_back(dir, "d2", before);
	accepted(dir, "d2", C1);
}

/* ---- kept keys ---- */

#define KEPT 64

struct kept {			/* ids, as headers of envelopes show them */
	uint8_t id[KEPT][16];
	size_t n;
};

static void
keep(struct kept *k, const struct rx_key *key)
{

	if (key == NULL)
		return;
	assert_true(k->n < KEPT);
	rx_hash(k->id[k->n++], 16, key->b, "runxin key id v1", NULL, 0);
}

static void
keep_case(struct kept *k, const struct rx_case *c)
{
	size_t i, j;

	for (i = 0; i < c->n; i++)
		for (j = 0; j < 3; j++)
			keep(k, c->e[i].key[j]);
}

/* How many of the envelopes that ${sql} selects ${k} opens; *all counts. */
static size_t
count_kept(const char *dir, const char *sql, const struct kept *k, size_t *all)
{
	struct rx_buf b = RX_BUF_INIT;
	char text[400];
	size_t i, n = 0, j, rows;

	(void)snprintf(text, sizeof(text), "SELECT count(*) FROM (%s)", sql);
	rows = (size_t)fixture_number(dir, text);
	for (i = 0; i < rows; i++) {
		(void)snprintf(text, sizeof(text), "%s LIMIT 1 OFFSET %zu", sql,
		    i);
		rx_buf_reset(&b);
		fixture_blob(dir, text, &b);
		assert_true(b.len > RX_ENV_OVERHEAD);
		for (j = 0; j < k->n; j++)
			if (memcmp(b.b + 8, k->id[j], 16) == 0) {
				n++;
				break;
			}
	}
	rx_buf_free(&b);
	*all += rows;
	return (n);
}

/* What was written of c1 after record ${id} (a name of the fixture is first). */
static size_t
count_later(const char *dir, int64_t rows, const struct kept *k, size_t *all)
{
	static const char *const columns[] = { "coded", "narrative" };
	char sql[200];
	size_t i, n = 0;

	for (i = 0; i < 2; i++) {
		(void)snprintf(sql, sizeof(sql), "SELECT %s FROM record WHERE "
		    "rowid > %lld", columns[i], (long long)rows);
		n += count_kept(dir, sql, k, all);
	}
	return (n);
}

#define NOTE(id, text) \
    "{\"id\":\"" id "\",\"child\":\"c1\",\"date\":\"2025-06-20\"," \
    "\"channel\":\"home_visit\",\"signs\":[\"mood_low\"]," \
    "\"risk\":\"yellow\",\"note\":\"" text "\"}"

static void
test_sender_opens_nothing_written_after_acceptance(void **state)
{
	const char *dir = copy(), *weak;
	struct kept kept = { .n = 0 };
	struct rx_session *d1 = fixture_open(dir, "d1"), *d2;
	struct rx_record r;
	struct rx_case c;
	size_t i, all = 0, n;
	int64_t rows;

	(void)state;
	offer(dir, C1);
	load_c1(&c, d1, false);
	keep_case(&kept, &c);
	for (i = 0; i < d1->nheld; i++)
		if (!rx_unit_of_register(d1->held[i].unit))
			keep(&kept, d1->held[i].key);
	rows = fixture_number(dir, "SELECT max(rowid) FROM record");
	/* The keys that he kept do open what was there. */
	assert_true(count_later(dir, 0, &kept, &all) > 0);
	weak = fixture_copy_of(dir);

	accepted(dir, "d2", C1);
	d2 = fixture_open(dir, "d2");
	fixture_save(d2, RX_OBSERVATION, NOTE("new", "later"), false, NULL);
	rx_session_close(d2);
	all = 0;
	assert_int_equal(count_later(dir, rows, &kept, &all), 0);
	assert_int_equal(all, 2);
	all = 0;
	assert_int_equal(count_kept(dir, "SELECT name FROM child WHERE "
	    "version > 1 AND unit = '350102001002'", &kept, &all), 0);
	assert_int_equal(all, 1);
	assert_int_equal(count_kept(dir, "SELECT identity FROM keys.case_key "
	    "WHERE unit = '350102001002' AND epoch > 1", &kept, &all), 0);
	/* Nor does his session, which is open still. */
	rx_status_clear(&st);
	refused(fixture_show(d1, fixture_id[C1], NULL, &n, &st), RX_EPERM,
	    &st);
	refused(rx_draft_save(d1, fixture_id[C1], "x", 1, &st), RX_EPERM, &st);
	ok(fixture_list(d1, &n, &st), &st);
	assert_int_equal(n, 1);
	ok(fixture_verify(d1, NULL, &st), &st);

	/* The control: the new director writes without renewing the keys. */
	d2 = fixture_open(weak, "d2");
	rx_record_init(&r);
	r.type = RX_OBSERVATION;
	rx_uuid7(r.id, 1750000000000);
	r.version = 1;
	memcpy(r.child, fixture_id[C1], RX_ID_BYTES);
	memcpy(r.unit, VILLAGE2, RX_UNIT_BYTES);
	memcpy(r.author, d2->user_id, RX_ID_BYTES);
	ok(rx_record_set_text(&r, RX_F_CALLER_ID, "new", 3, &st), &st);
	ok(rx_begin(d2, &st), &st);
	ok(rx_row_insert(d2, &c, &r, &st), &st);
	ok(rx_finish(d2, RX_OK, RX_DID_SAVE, NULL, NULL, &st), &st);
	rx_record_free(&r);
	rx_session_close(d2);
	all = 0;
	assert_int_equal(count_later(weak, rows, &kept, &all), 2);
	rx_case_done(&c, d1);
	rx_session_close(d1);
}

/* Who was offered the case and does not get it knows its keys. */
static void
receiver_without(bool reject)
{
	const char *dir = copy();
	struct rx_session *d1, *d2;
	struct kept kept = { .n = 0 };
	struct rx_case c;
	size_t all = 0;
	int64_t rows;

	offer(dir, C1);
	d1 = fixture_open(dir, "d1");
	load_c1(&c, d1, false);		/* what d2 was given */
	keep_case(&kept, &c);
	rx_case_done(&c, d1);
	/* The control: while the offer is open he reads what is written. */
	rows = fixture_number(dir, "SELECT max(rowid) FROM record");
	fixture_save(d1, RX_OBSERVATION, NOTE("n1", "open"), false, NULL);
	assert_int_equal(count_later(dir, rows, &kept, &all), 2);

	rows = fixture_number(dir, "SELECT max(rowid) FROM record");
	rx_status_clear(&st);
	if (reject) {
		d2 = fixture_open(dir, "d2");
		ok(rx_transfer_reject(d2, fixture_id[C1], "no", &st), &st);
		rx_session_close(d2);
		assert_int_equal(fixture_number(dir,
		    "SELECT length(grants) FROM keys.transfer"), 0);
	} else {
		ok(rx_transfer_withdraw(d1, fixture_id[C1], &st), &st);
		assert_int_equal(fixture_number(dir,
		    "SELECT count(*) FROM keys.transfer"), 0);
	}
	/* The session that was open all the time. */
	fixture_save(d1, RX_OBSERVATION, NOTE("n2", "closed"), false, NULL);
	all = 0;
	assert_int_equal(count_later(dir, rows, &kept, &all), 0);
	assert_int_equal(all, 2);
	ok(fixture_verify(d1, NULL, &st), &st);
	rx_session_close(d1);
}

static void
test_receiver_opens_nothing_after_he_refused(void **state)
{

	(void)state;
	receiver_without(true);
}

static void
test_receiver_opens_nothing_after_a_withdrawal(void **state)
{

	(void)state;
	receiver_without(false);
}

static void
test_refused_case_has_new_keys_at_the_next_sign_in(void **state)
{
	static const char sql[] = "SELECT epoch FROM keys.case_key WHERE "
	    "child = $c2";
	const char *dir = copy();
	struct rx_session *d2;
	int64_t before;

	(void)state;
	offer(dir, C2);
	before = fixture_number(dir, sql);
	d2 = fixture_open(dir, "d2");
	ok(rx_transfer_reject(d2, fixture_id[C2], "no", &st), &st);
	rx_session_close(d2);
	assert_int_equal(fixture_number(dir, sql), before);	/* he cannot */
	rx_session_close(fixture_open(dir, "d1"));
	assert_int_equal(fixture_number(dir, sql), before + 1);
	rx_session_close(fixture_open(dir, "d1"));
	assert_int_equal(fixture_number(dir, sql), before + 1);
}

/* Somebody takes away the statement of it: who had the case is told where it is all
 * the same, and no day that nobody signed. */
static void
test_sender_is_told_where_a_case_is_without_its_statement(void **state)
{
	const char *dir = copy();
	char text[RX_UUID_TEXT];
	uint8_t id[RX_ID_BYTES];
	struct rx_session *s;
	int i;

	(void)state;
	offer(dir, C1);
	accepted(dir, "d2", C1);
	rx_uuid_text(fixture_id[C1], text);
	for (i = 0; i < 2; i++) {
		s = fixture_open(dir, "d1");
		rx_status_clear(&st);
		assert_int_equal(rx_child_seek(s, text, id, &st), RX_EPERM);
		assert_int_equal(st.msg, i == 0 ? RX_MSG_CHILD_MOVED_ON :
		    RX_MSG_CHILD_MOVED);		/* the first: the control */
		assert_string_equal(st.arg[0].value, "350102001002");
		assert_int_equal(st.nargs, i == 0 ? 3 : 1);
		rx_session_close(s);
		if (i == 0)
			fixture_tamper(dir, "DELETE FROM keys.move WHERE "
			    "child = $c1");
	}
}

/* The session that was open all the time offers it again, to somebody else. */
static void
test_refused_case_is_offered_again_under_new_keys(void **state)
{
	static const char of_case[] = "SELECT max(epoch) FROM keys.case_key "
	    "WHERE child = $c2";
	static const char offered[] = "SELECT epoch FROM keys.transfer";
	const char *dir = copy();
	struct rx_session *d1 = fixture_open(dir, "d1"), *d2;
	int64_t before;

	(void)state;
	rx_status_clear(&st);
	before = fixture_number(dir, of_case);
	ok(rx_transfer_offer(d1, fixture_id[C2], "350102001002", "搬家", &st),
	    &st);
	d2 = fixture_open(dir, "d2");
	ok(rx_transfer_reject(d2, fixture_id[C2], "no", &st), &st);
	rx_session_close(d2);
	assert_int_equal(fixture_number(dir, offered), before);
	ok(rx_transfer_offer(d1, fixture_id[C2], "350102001004", "搬家", &st),
	    &st);
	assert_int_equal(fixture_number(dir, of_case), before + 1);
	assert_int_equal(fixture_number(dir, offered), before + 1);
	ok(fixture_verify(d1, NULL, &st), &st);
	rx_session_close(d1);
	accepted(dir, "d3", C2);
}

/* One's own is no offer that one could answer. */
static void
test_offer_that_one_made_oneself_is_not_found(void **state)
{
	const char *dir = copy();
	struct rx_session *s = fixture_open(dir, "d1");
	uint8_t id[RX_ID_BYTES];
	char text[RX_UUID_TEXT];

	(void)state;
	offer(dir, C1);
	rx_status_clear(&st);
	rx_uuid_text(fixture_id[C1], text);
	refused(rx_transfer_find(s, "c1", id, &st), RX_ENOENT, &st);
	refused(rx_transfer_find(s, text, id, &st), RX_ENOENT, &st);
	rx_session_close(s);
	s = fixture_open(dir, "d2");		/* the control */
	ok(rx_transfer_find(s, "c1", id, &st), &st);
	rx_session_close(s);
}

/* Who is new in the village that offers has no keys yet: he signs in, and the offer
 * stays as it is. */
static void
test_newcomer_signs_in_beside_an_offer_whose_keys_he_waits_for(void **state)
{
	static const char offered[] = "SELECT grants || coded || note FROM "
	    "keys.transfer";
	const char *dir = copy();
	struct rx_buf was = RX_BUF_INIT, is = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_secret *p = test_passphrase("d4-pass");
	size_t n;

	(void)state;
	offer(dir, C1);
	s = fixture_open(dir, "admin");
	rx_status_clear(&st);
	ok(rx_user_add(s, "d4", RX_ROLE_DIRECTOR, "350102001001", p, &st), &st);
	rx_secret_free(p);
	rx_session_close(s);
	fixture_blob(dir, offered, &was);
	s = fixture_open(dir, "d4");
	refused(fixture_show(s, fixture_id[C1], NULL, &n, &st), RX_EPERM, &st);
	rx_session_close(s);
	fixture_blob(dir, offered, &is);
	assert_int_equal(is.len, was.len);
	assert_memory_equal(is.b, was.b, was.len);
	/* The control: with the keys, it is his to take back. */
	rx_session_close(fixture_open(dir, "d1"));
	s = fixture_open(dir, "d4");
	ok(rx_transfer_withdraw(s, fixture_id[C1], &st), &st);
	rx_session_close(s);
	rx_buf_free(&was);
	rx_buf_free(&is);
}

/* ---- what the new holder has ---- */

static rx_err
count_version(void *cookie, const struct rx_record *r, uint64_t changed,
    struct rx_status *s)
{

	(void)r;
	(void)changed;
	(void)s;
	(*(size_t *)cookie)++;
	return (RX_OK);
}

static void
test_all_of_the_history_opens_with_its_signatures(void **state)
{
	static const struct { enum fixture_id id; size_t n; } versions[] = {
		{ C1, 2 }, { O1, 2 }, { O2, 1 }
	};
	const char *dir = copy();
	struct rx_session *d2, *s;
	size_t i, n, before, after;

	(void)state;
	s = fixture_open(dir, "st");
	ok(fixture_coded(s, "350102", &before, &st), &st);
	rx_session_close(s);
	offer(dir, C1);
	accepted(dir, "d2", C1);
	d2 = fixture_open(dir, "d2");
	for (i = 0; i < 3; i++) {
		n = 0;
		ok(rx_child_history(d2, fixture_id[C1],
		    fixture_id[versions[i].id], ~0u, count_version, &n, &st),
		    &st);
		assert_int_equal(n, versions[i].n);
	}
	ok(fixture_verify(d2, NULL, &st), &st);
	rx_session_close(d2);
	s = fixture_open(dir, "st");
	ok(fixture_coded(s, "350102", &after, &st), &st);
	assert_int_equal(before, after);
	ok(fixture_coded(s, "350102001002", &after, &st), &st);
	assert_true(after >= 4);	/* c1, o1, o2 count where the case is */
	rx_session_close(s);
	/* The control: with a signature that is not its author's it does not. */
	fixture_tamper(dir, "UPDATE record SET narrative = (SELECT narrative "
	    "FROM record WHERE id = $o2) WHERE id = $o1 AND version = 1");
	d2 = fixture_open(dir, "d2");
	n = 0;
	refused(rx_child_history(d2, fixture_id[C1], fixture_id[O1], ~0u,
	    count_version, &n, &st), RX_ECORRUPT, &st);
	rx_session_close(d2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_offer_by_a_supervisor_is_refused),
		cmocka_unit_test(
		    test_offer_by_a_director_of_another_unit_is_refused),
		cmocka_unit_test(test_offer_by_a_director_who_left_is_refused),
		cmocka_unit_test(
		    test_offer_to_another_unit_by_an_edited_row_is_refused),
		cmocka_unit_test(
		    test_offer_turned_to_another_unit_of_the_receiver_is_refused),
		cmocka_unit_test(test_offer_moved_to_another_child_is_refused),
		cmocka_unit_test(test_third_unit_cannot_accept),
		cmocka_unit_test(
		    test_one_offer_that_does_not_verify_hides_no_other),
		cmocka_unit_test(test_withdrawn_offer_put_back_is_refused),
		cmocka_unit_test(
		    test_sender_opens_nothing_written_after_acceptance),
		cmocka_unit_test(test_receiver_opens_nothing_after_he_refused),
		cmocka_unit_test(
		    test_receiver_opens_nothing_after_a_withdrawal),
		cmocka_unit_test(
		    test_refused_case_has_new_keys_at_the_next_sign_in),
		cmocka_unit_test(
		    test_refused_case_is_offered_again_under_new_keys),
		cmocka_unit_test(
		    test_offer_that_one_made_oneself_is_not_found),
		cmocka_unit_test(
		    test_newcomer_signs_in_beside_an_offer_whose_keys_he_waits_for),
		cmocka_unit_test(
		    test_all_of_the_history_opens_with_its_signatures),
		cmocka_unit_test(
		    test_sender_is_told_where_a_case_is_without_its_statement),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
