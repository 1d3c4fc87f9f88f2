/*
 * A case that goes to another register: address, file and receipt damaged,
 * truncated, sent to others, put under another name, made by somebody else,
 * replayed; and what each side can still open afterwards.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "base/file.h"
#include "base/json.h"
#include "store/internal.h"
#include "tests/fixture.h"

static struct rx_status st;
static const char *another;		/* the other register */
static uint8_t far_id[FIXTURE_IDS][RX_ID_BYTES];

#define must(expr) (rx_status_clear(&st), ok((expr), &st))
#define refuses(expr, code, name) do { \
	rx_status_clear(&st); \
	assert_int_equal((expr), (code)); \
	if (st.msg != RX_MSG_##name) { \
		char text_[600]; \
		rx_status_text(&st, RX_LANG_EN, text_, sizeof(text_)); \
		fail_msg("%s: %s", #expr, text_); \
	} \
} while (0)

static int
setup(void **state)
{

	(void)fixture_setup(state);
	another = fixture_another(far_id);
	return (0);
}

/* ---- files ---- */

/* A path where nothing is. */
static const char *
fresh(void)
{
	static char path[4096][80];
	static const char *dir;
	static unsigned n;

	if (dir == NULL)
		dir = test_dir();
	assert_true(n < 4096);
	(void)snprintf(path[n], sizeof(path[n]), "%s/file%u", dir, n);
	return (path[n++]);
}

static const char *
put(const struct rx_buf *b, size_t n)
{
	const char *path = fresh();

	must(rx_file_write(path, b->b, n, 0600, true, &st));
	return (path);
}

static void
get(struct rx_buf *b, const char *path)
{

	memset(b, 0, sizeof(*b));
	must(rx_file_read(b, path, SIZE_MAX, &st));
}

/* The address of ${s}, in a file. */
static const char *
fresh_address(struct rx_session *s, struct rx_address *a)
{
	const char *path = fresh();

	must(rx_address_make(s, NULL, path, a, &st));
	return (path);
}

/* ---- two registers ---- */

/* d1 of the one sends c2 to d2 of the other. */
struct scene {
	const char *home, *far;
	struct rx_session *d1, *d2;
	const char *address, *file;
	char to[36], from[36];		/* fingerprints */
};

static rx_err
offer(struct scene *c, enum fixture_id child)
{

	c->file = fresh();
	rx_status_clear(&st);
	return (rx_departure_offer(c->d1, fixture_id[child], c->address, c->to,
	    "搬家", c->file, &st));
}

static void
scene_open(struct scene *c)
{
	struct rx_address a;

	c->home = fixture_copy();
	c->far = fixture_copy_of(another);
	c->d1 = fixture_open(c->home, "d1");
	c->d2 = fixture_open(c->far, "d2");
	c->address = fresh_address(c->d2, &a);
	memcpy(c->to, a.fingerprint, sizeof(c->to));
	(void)fresh_address(c->d1, &a);
	memcpy(c->from, a.fingerprint, sizeof(c->from));
	must(offer(c, C2));
}

static void
scene_close(struct scene *c)
{

	rx_session_close(c->d1);
	rx_session_close(c->d2);
}

static rx_err
show(struct rx_session *s, const char *file)
{
	struct rx_arrival in;

	rx_status_clear(&st);
	return (rx_arrival_show(s, file, &in, &st));
}

/* Accept ${file} as ${s}; the receipt is at *receipt (may be NULL). */
static rx_err
accept(struct rx_session *s, const char *file, const char *digits,
    const char **receipt)
{
	const char *path = fresh();
	struct rx_arrival in;

	if (receipt != NULL)
		*receipt = path;
	rx_status_clear(&st);
	return (rx_arrival_accept(s, file, digits, path, &in, &st));
}

static rx_err
reject(struct rx_session *s, const char *file, const char **receipt)
{
	struct rx_arrival in;

	*receipt = fresh();
	rx_status_clear(&st);
	return (rx_arrival_reject(s, file, "不是这里", *receipt, &in, &st));
}

static rx_err
take(struct rx_session *s, const char *receipt)
{
	struct rx_departed info;

	rx_status_clear(&st);
	return (rx_departure_receipt(s, receipt, &info, &st));
}

static size_t
children(struct rx_session *s)
{
	size_t n = 0;

	must(fixture_list(s, &n, &st));
	return (n);
}

/* A case of more bytes than go to another register. */
static void
test_transfer_too_large_is_refused(void **state)
{
	enum { NOTE = 60000, NOTES = ((24 << 20) / NOTE) + 1 };
	char *text = malloc(NOTE + 200), *note;
	struct scene c;
	unsigned i;
	int head;

	(void)state;
	assert_non_null(text);
	scene_open(&c);
	/* The control: before it is. */
	must(offer(&c, C1));
	must(rx_transfer_withdraw(c.d1, fixture_id[C1], &st));
	for (i = 0; i < NOTES; i++) {
		head = snprintf(text, 200, "{\"id\":\"n%u\",\"child\":\"c1\","
		    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
		    "\"signs\":[\"mood_low\"],\"risk\":\"yellow\",\"note\":\"",
		    i);
		note = text + head;
		memset(note, 'x', NOTE);
		memcpy(note + NOTE, "\"}", 3);
		fixture_save(c.d1, RX_OBSERVATION, text, false, NULL);
	}
	refuses(offer(&c, C1), RX_EUSAGE, TRANSFER_TOO_LARGE);
	free(text);
	scene_close(&c);
}

/* ---- on their way ---- */

static void
test_flipped_byte_in_a_file_is_refused(void **state)
{
	struct rx_buf b;
	struct scene c;
	size_t at, tried = 0;

	(void)state;
	scene_open(&c);
	get(&b, c.file);
	for (at = 0; at < b.len; at += at < 220 ? 1 : 499) {
		b.b[at] ^= 0x20;
		assert_int_not_equal(show(c.d2, put(&b, b.len)), RX_OK);
		b.b[at] ^= 0x20;
		tried++;
	}
	assert_true(tried > 230);
	must(show(c.d2, put(&b, b.len)));		/* the control */
	rx_buf_free(&b);
	scene_close(&c);
}

static void
test_flipped_byte_in_an_address_is_refused(void **state)
{
	struct rx_address a;
	struct rx_buf b;
	struct scene c;
	size_t at;

	(void)state;
	scene_open(&c);
	get(&b, c.address);
	assert_int_equal(b.len, RX_ADDRESS_BYTES);
	for (at = 0; at < b.len; at++) {
		b.b[at] ^= 0x04;
		refuses(rx_address_read(put(&b, b.len), &a, &st), RX_ECORRUPT,
		    ADDRESS_CORRUPT);
		b.b[at] ^= 0x04;
	}
	refuses(rx_address_read(put(&b, b.len - 1), &a, &st), RX_ECORRUPT,
	    ADDRESS_CORRUPT);
	must(rx_address_read(put(&b, b.len), &a, &st));	/* the control */
	rx_buf_free(&b);
	scene_close(&c);
}

/* The owner of an address signs names in it that are none. */
static void
test_address_with_a_name_that_is_none_is_refused(void **state)
{
	static const struct { size_t at, n; } names[] = {
		{ 352, 64 }, { 416, 128 }
	};
	struct rx_address a;
	struct rx_buf b;
	struct scene c;
	size_t i, k;

	(void)state;
	scene_open(&c);
	for (i = 0; i < 2; i++)
		for (k = 0; k < 5; k++) {
			uint8_t *p;

			get(&b, c.address);
			p = b.b + names[i].at;
			if (k == 0)
				memset(p, 0, names[i].n);
			else if (k == 1)	/* without an end */
				memset(p, 'x', names[i].n);
			else if (k == 2)
				p[0] = 0xff;	/* in no text */
			else if (k == 3)	/* and more after it */
				p[names[i].n - 1] = 'x';
			rx_sign(b.b + 544, c.d2->id->sign_secret,
			    "runxin address v1", b.b, 544);
			if (k == 4)		/* the control */
				must(rx_address_take(&a, b.b, b.len, &st));
			else
				refuses(rx_address_take(&a, b.b, b.len, &st),
				    RX_ECORRUPT, ADDRESS_CORRUPT);
			assert_true((a.unit_name[0] != '\0') == (k == 4));
			rx_buf_free(&b);
		}
	scene_close(&c);
}

/* His certificate goes from the files, or is cut, while he is signed in. */
static void
test_address_without_its_certificate_is_not_made(void **state)
{
	static const char *const attacks[] = {
		"UPDATE keys.cert SET cert = x'00' WHERE user = $d1",
		"DELETE FROM keys.cert WHERE user = $d1",
	};
	struct rx_address a;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	must(rx_address_issue(c.d1, NULL, &a, &st));	/* the control */
	for (i = 0; i < 2; i++) {
		fixture_tamper(c.home, attacks[i]);
		refuses(rx_address_issue(c.d1, NULL, &a, &st), RX_ECORRUPT,
		    CERT_CORRUPT);
		assert_int_equal(a.bytes[0], 0);
	}
	scene_close(&c);
}

static void
test_address_of_a_unit_that_he_does_not_direct_is_refused(void **state)
{
	static const struct { const char *user, *unit; bool may; } who[] = {
		{ "s1", VILLAGE1, false }, { "st", VILLAGE1, false },
		{ "d2", VILLAGE1, false }, { "d1", VILLAGE2, false },
		{ "d1", VILLAGE1, true },	/* the control */
	};
	struct rx_session *s;
	struct rx_address a;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(who) / sizeof(who[0]); i++) {
		s = fixture_open(fixture_dir(), who[i].user);
		if (who[i].may)
			must(rx_address_own(&a, s, who[i].unit, &st));
		else
			refuses(rx_address_own(&a, s, who[i].unit, &st),
			    RX_EPERM, NOT_PERMITTED);
		rx_session_close(s);
	}
}

static void
test_flipped_byte_in_a_receipt_is_refused(void **state)
{
	const char *receipt;
	struct rx_buf b;
	struct scene c;
	size_t at;

	(void)state;
	scene_open(&c);
	must(reject(c.d2, c.file, &receipt));
	get(&b, receipt);
	for (at = 0; at < b.len; at += at < 130 ? 1 : 7) {
		b.b[at] ^= 0x01;
		assert_int_not_equal(take(c.d1, put(&b, b.len)), RX_OK);
		b.b[at] ^= 0x01;
	}
	/* The answer alone, which is what somebody would want to change. */
	b.b[5] = RX_ANSWER_ACCEPTED;
	refuses(take(c.d1, put(&b, b.len)), RX_ECORRUPT, RECEIPT_CORRUPT);
	b.b[5] = RX_ANSWER_REJECTED;
	must(take(c.d1, put(&b, b.len)));		/* the control */
	assert_int_equal(children(c.d1), 2);
	rx_buf_free(&b);
	scene_close(&c);
}

static void
test_truncated_and_extended_files_are_refused(void **state)
{
	const char *receipt;
	struct rx_buf b, r;
	struct scene c;
	size_t cut;

	(void)state;
	scene_open(&c);
	get(&b, c.file);
	for (cut = 1; cut < b.len; cut = cut * 3 + 1)
		refuses(show(c.d2, put(&b, b.len - cut)), RX_ECORRUPT,
		    TRANSFER_FILE_CORRUPT);
	must(rx_buf_add(&b, "", 1, &st));
	refuses(show(c.d2, put(&b, b.len)), RX_ECORRUPT,
	    TRANSFER_FILE_CORRUPT);
	must(show(c.d2, c.file));			/* the control */
	must(accept(c.d2, c.file, c.from, &receipt));
	get(&r, receipt);
	for (cut = 1; cut < r.len; cut = cut * 2 + 1)
		refuses(take(c.d1, put(&r, r.len - cut)), RX_ECORRUPT,
		    RECEIPT_CORRUPT);
	must(take(c.d1, receipt));			/* the control */
	rx_buf_free(&b);
	rx_buf_free(&r);
	scene_close(&c);
}

/* VACUUM attaches a file of its own. */
static int
no_vacuum(void *cookie, int what, const char *a, const char *b, const char *c,
    const char *d)
{

	(void)cookie;
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return (what == SQLITE_ATTACH ? SQLITE_DENY : SQLITE_OK);
}

/* What others keep of a child goes when the child does, and not only when the
 * files are rewritten, which may fail. */
static void
test_child_given_away_is_kept_by_nobody(void **state)
{
	const char *kept = "SELECT count(*) FROM keys.kept", *receipt;
	const char *unswept = "SELECT count(*) FROM erasure WHERE swept = 0";
	struct rx_session *s1;
	struct scene c;
	size_t n = 0;

	(void)state;
	scene_open(&c);
	s1 = fixture_open(c.home, "s1");
	must(fixture_list(s1, &n, &st));
	must(rx_kept_save(s1, &st));
	rx_session_close(s1);
	must(accept(c.d2, c.file, c.from, &receipt));
	assert_int_equal(fixture_number(c.home, kept), 1);	/* the control */
	assert_int_equal(sqlite3_set_authorizer(c.d1->store->db, no_vacuum,
	    NULL), SQLITE_OK);
	refuses(take(c.d1, receipt), RX_EIO, ERASE_NOT_SWEPT);
	assert_int_equal(sqlite3_set_authorizer(c.d1->store->db, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(fixture_number(c.home, unswept), 1);
	assert_int_equal(fixture_number(c.home, kept), 0);
	scene_close(&c);
}

/* ---- to the wrong door ---- */

static void
test_file_for_another_register_is_refused(void **state)
{
	struct rx_session *d2;
	struct scene c;

	(void)state;
	scene_open(&c);
	/* The same village of the same name, in the sender's register. */
	d2 = fixture_open(c.home, "d2");
	refuses(show(d2, c.file), RX_ECONFLICT, TRANSFER_FILE_ELSEWHERE);
	rx_session_close(d2);
	must(show(c.d2, c.file));			/* the control */
	scene_close(&c);
}

static void
test_file_for_another_person_is_refused(void **state)
{
	struct rx_session *d1;
	struct scene c;

	(void)state;
	scene_open(&c);
	d1 = fixture_open(c.far, "d1");
	refuses(show(d1, c.file), RX_EPERM, TRANSFER_FILE_NOT_YOURS);
	rx_session_close(d1);
	must(show(c.d2, c.file));			/* the control */
	scene_close(&c);
}

static void
test_bundle_and_file_are_not_taken_for_each_other(void **state)
{
	struct rx_bundle info;
	struct rx_buf b;
	struct scene c;
	const char *bundle = fresh();

	(void)state;
	scene_open(&c);
	must(rx_bundle_make(c.d1, "350102001001", bundle, &info, &st));
	refuses(show(c.d2, bundle), RX_ECORRUPT, TRANSFER_FILE_CORRUPT);
	refuses(rx_bundle_show(c.d1, c.file, &info, &st), RX_ECORRUPT,
	    BUNDLE_CORRUPT);
	/* Not even with its kind rewritten: it is signed. */
	get(&b, c.file);
	b.b[5] = 0;
	assert_int_not_equal((rx_status_clear(&st), rx_bundle_open(c.d1,
	    put(&b, b.len), false, &info, &st)), RX_OK);
	rx_buf_free(&b);
	must(rx_bundle_show(c.d1, bundle, &info, &st));	/* the control */
	scene_close(&c);
}

/* ---- somebody in between ---- */

static void
test_wrong_fingerprint_is_refused(void **state)
{
	char digits[36];
	struct scene c;

	(void)state;
	scene_open(&c);
	memcpy(digits, c.from, sizeof(digits));
	digits[34] = digits[34] == '0' ? '1' : '0';
	refuses(accept(c.d2, c.file, digits, NULL), RX_EPERM,
	    TRANSFER_FINGERPRINT);
	refuses(accept(c.d2, c.file, "", NULL), RX_EPERM,
	    TRANSFER_FINGERPRINT);
	refuses(accept(c.d2, c.file, c.to, NULL), RX_EPERM,
	    TRANSFER_FINGERPRINT);
	memcpy(digits, c.from, sizeof(digits));
	digits[34] = '\0';
	refuses(accept(c.d2, c.file, digits, NULL), RX_EPERM,
	    TRANSFER_FINGERPRINT);
	assert_int_equal(children(c.d2), 1);
	must(accept(c.d2, c.file, c.from, NULL));	/* the control */
	assert_int_equal(children(c.d2), 2);
	scene_close(&c);
}

static void
test_substituted_address_shows_in_its_fingerprint(void **state)
{
	const char *his = fresh(), *file = fresh();
	struct rx_session *mallory;
	struct rx_address a;
	struct scene c;

	(void)state;
	scene_open(&c);
	/* He has a register of his own, a village of the right name. */
	mallory = fixture_open(c.far, "d1");
	must(rx_address_make(mallory, NULL, his, &a, &st));
	refuses(rx_departure_offer(c.d1, fixture_id[C1], his, c.to, "搬家",
	    file, &st), RX_EPERM, TRANSFER_FINGERPRINT);
	/* The control: whoever compares nothing sends him the case. */
	must(rx_departure_offer(c.d1, fixture_id[C1], his, a.fingerprint,
	    "搬家", file, &st));
	must(show(mallory, file));
	rx_session_close(mallory);
	scene_close(&c);
}

/* Whoever is gone for years is no receiver. */
static void
test_address_that_is_out_of_date_is_refused(void **state)
{
	const char *entries = "SELECT count(*) FROM audit";
	struct rx_address a;
	struct scene c;
	int64_t clock, n;

	(void)state;
	scene_open(&c);
	must(rx_address_read(c.address, &a, &st));
	n = fixture_number(c.home, entries);
	clock = c.d1->clock;
	c.d1->clock = a.cert.not_after + 1;
	refuses(offer(&c, C1), RX_ECORRUPT, ADDRESS_CORRUPT);
	assert_int_equal(access(c.file, F_OK), -1);
	assert_int_equal(fixture_number(c.home, entries), n);
	c.d1->clock = clock;
	must(offer(&c, C1));				/* the control */
	scene_close(&c);
}

static rx_err
count_offer(void *cookie, const struct rx_departure_row *row,
    struct rx_status *u)
{

	(void)row;
	(void)u;
	++*(size_t *)cookie;
	return (RX_OK);
}

static size_t
offers(struct rx_session *s)
{
	size_t n = 0;

	must(rx_departure_each(s, NULL, false, count_offer, &n, &st));
	return (n);
}

/* A copy would show an offer for ever; and who directs no case has made none. */
static void
test_offers_are_listed_at_home_and_to_directors_only(void **state)
{
	struct rx_session *village, *s1;
	struct scene c;

	(void)state;
	scene_open(&c);
	assert_int_equal(offers(c.d1), 1);		/* the control */
	village = fixture_open(fixture_village(c.home), "d1");
	s1 = fixture_open(c.home, "s1");
	assert_int_equal(offers(village), 0);
	assert_int_equal(offers(s1), 0);
	rx_session_close(village);
	rx_session_close(s1);
	scene_close(&c);
}

/* The body of ${file}, as its recipient opens it. */
static void
unpack(struct rx_container_head *head, struct rx_buf *body,
    struct rx_session *s, const char *file)
{
	struct rx_container box;
	struct rx_buf b;

	get(&b, file);
	must(rx_container_read(&box, b.b, b.len, &st));
	memset(body, 0, sizeof(*body));
	must(rx_container_open(body, &box, s->user_id, s->id, &st));
	*head = box.head;
	rx_buf_free(&b);
}

/* Seal ${body} to the user of ${to}, signed by that of ${by}. */
static const char *
pack(const struct rx_container_head *head, const struct rx_buf *body,
    struct rx_session *by, const struct rx_session *to)
{
	struct rx_buf out = RX_BUF_INIT;
	uint8_t digest[RX_HASH_BYTES];
	struct rx_recipient r;
	const char *path;

	memcpy(r.user, to->user_id, RX_ID_BYTES);
	memcpy(r.box_public, to->id->box_public, RX_BOX_PUBLIC_BYTES);
	must(rx_container_seal(&out, head, &r, 1, by->id->sign_secret,
	    body->b, body->len, digest, &st));
	path = put(&out, out.len);
	rx_buf_free(&out);
	return (path);
}

static void
test_file_signed_by_somebody_else_is_refused(void **state)
{
	struct rx_container_head head;
	struct rx_session *d2;
	struct rx_buf body;
	struct scene c;

	(void)state;
	scene_open(&c);
	unpack(&head, &body, c.d2, c.file);
	/* A colleague of the sender, and the receiver himself. */
	d2 = fixture_open(c.home, "d2");
	refuses(show(c.d2, pack(&head, &body, d2, c.d2)), RX_ECORRUPT,
	    TRANSFER_FILE_CORRUPT);
	refuses(show(c.d2, pack(&head, &body, c.d2, c.d2)), RX_ECORRUPT,
	    TRANSFER_FILE_CORRUPT);
	must(show(c.d2, pack(&head, &body, c.d1, c.d2)));	/* control */
	rx_session_close(d2);
	rx_buf_free(&body);
	scene_close(&c);
}

/* Where the first history begins in ${body}. */
static size_t
history_at(const struct rx_buf *body)
{

	return (RX_KEY_BYTES + 4 + rx_get32(body->b + RX_KEY_BYTES) + 8);
}

/* The sender himself seals what is no case: too little, a history too short for an
 * address, and one whose address is none. */
static void
test_file_that_holds_no_case_is_refused(void **state)
{
	struct rx_container_head head;
	struct rx_buf body;
	struct scene c;
	size_t at, whole;

	(void)state;
	scene_open(&c);
	unpack(&head, &body, c.d2, c.file);
	at = history_at(&body);
	whole = body.len;
	body.len = RX_KEY_BYTES + 2;
	refuses(show(c.d2, pack(&head, &body, c.d1, c.d2)), RX_ECORRUPT,
	    TRANSFER_FILE_CORRUPT);
	body.len = at + 20;
	rx_put32(body.b + at - 4, 20);
	refuses(show(c.d2, pack(&head, &body, c.d1, c.d2)), RX_ECORRUPT,
	    TRANSFER_FILE_CORRUPT);
	body.len = whole;
	rx_put32(body.b + at - 4, (uint32_t)(whole - at));
	body.b[at] ^= 1;
	refuses(show(c.d2, pack(&head, &body, c.d1, c.d2)), RX_ECORRUPT,
	    TRANSFER_FILE_CORRUPT);
	assert_int_equal(children(c.d2), 1);
	body.b[at] ^= 1;
	must(show(c.d2, pack(&head, &body, c.d1, c.d2)));	/* control */
	rx_buf_free(&body);
	scene_close(&c);
}

/* The sender himself names no unit that it could be for. */
static void
test_file_for_a_unit_that_is_none_is_refused(void **state)
{
	static const char *const units[] = { "", "35010200100", "x",
	    "3501020010011234" };
	struct rx_container_head head, none;
	struct rx_buf body;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	unpack(&head, &body, c.d2, c.file);
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		none = head;
		memset(none.unit, 0, RX_UNIT_BYTES);
		memcpy(none.unit, units[i], strlen(units[i]));
		refuses(show(c.d2, pack(&none, &body, c.d1, c.d2)),
		    RX_ECORRUPT, TRANSFER_FILE_CORRUPT);
	}
	must(show(c.d2, pack(&head, &body, c.d1, c.d2)));	/* control */
	rx_buf_free(&body);
	scene_close(&c);
}

/* Append the bytes of a row, with its length, to the only history of ${body}. */
static void
add_row(struct rx_buf *body, const struct rx_buf *row)
{
	const size_t at = history_at(body) - 4;

	must(rx_buf_add(body, row->b, row->len, &st));
	rx_put32(body->b + at, rx_get32(body->b + at) + (uint32_t)row->len);
}

/* The sender himself writes an observation of c2 in ${author}'s name, and appends
 * it to what he sends. */
static const char *
with_forged(struct scene *c, enum fixture_id author)
{
	static const char forged[] = "{\"id\":\"x\",\"child\":\"c2\","
	    "\"date\":\"2025-06-04\",\"channel\":\"home_visit\","
	    "\"signs\":[\"mood_low\"],\"risk\":\"yellow\"}";
	struct rx_container_head head;
	struct rx_buf body, row = RX_BUF_INIT;
	struct rx_value arg;
	struct rx_record r;
	struct rx_case k;
	const char *path;
	json_t *json;

	must(rx_json_parse(&json, forged, strlen(forged), &st));
	rx_record_init(&r);
	r.type = RX_OBSERVATION;
	must(rx_record_parse(&r, json, rx_date_today(), &st));
	json_decref(json);
	rx_uuid7(r.id, rx_time_now());
	r.version = 1;
	r.at = rx_session_now(c->d1);
	memcpy(r.child, fixture_id[C2], RX_ID_BYTES);
	memcpy(r.unit, VILLAGE1, RX_UNIT_BYTES);
	memcpy(r.author, fixture_id[author], RX_ID_BYTES);
	rx_case_init(&k);
	must(rx_case_load(&k, c->d1, r.child, VILLAGE1, RX_CASE_KEYS, &st));
	must(rx_begin(c->d1, &st));
	must(rx_row_insert(c->d1, &k, &r, &st));
	arg = rx_bytes(r.id, RX_ID_BYTES);
	must(rx_rows_add(&row, c->d1, RX_Q_RECORD, RX_TABLE_RECORD, &arg,
	    &st));
	rx_abandon(c->d1);
	rx_case_done(&k, c->d1);
	rx_record_free(&r);
	unpack(&head, &body, c->d2, c->file);
	add_row(&body, &row);
	path = pack(&head, &body, c->d1, c->d2);
	rx_buf_free(&body);
	rx_buf_free(&row);
	return (path);
}

static void
test_record_in_anothers_name_is_refused(void **state)
{
	struct scene c;

	(void)state;
	scene_open(&c);
	/* He has all keys of the case, but not the other's to sign with; and no
	 * certificate of the other is in the file. */
	refuses(show(c.d2, with_forged(&c, S1)), RX_ECORRUPT,
	    SIGNATURE_CORRUPT);
	refuses(show(c.d2, with_forged(&c, D2)), RX_ECORRUPT,
	    SIGNATURE_CORRUPT);
	must(show(c.d2, with_forged(&c, D1)));		/* the control */
	scene_close(&c);
}

static void
test_row_of_another_child_or_table_is_refused(void **state)
{
	const struct {
		enum rx_query q;
		enum rx_table table;
		enum fixture_id id;
	} rows[] = {
		{ RX_Q_RECORD, RX_TABLE_RECORD, O2 },
		{ RX_Q_CHILD, RX_TABLE_CHILD, C1 },
		{ RX_Q_ACTIVITY, RX_TABLE_ACTIVITY, A1 },
		{ RX_Q_RECORD, RX_TABLE_RECORD, O3 },	/* there already */
	};
	struct rx_container_head head;
	struct rx_buf body, row;
	struct rx_value arg;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(&row, 0, sizeof(row));
		arg = rx_bytes(fixture_id[rows[i].id], RX_ID_BYTES);
		must(rx_rows_add(&row, c.d1, rows[i].q, rows[i].table, &arg,
		    &st));
		unpack(&head, &body, c.d2, c.file);
		add_row(&body, &row);
		refuses(show(c.d2, pack(&head, &body, c.d1, c.d2)),
		    RX_ECORRUPT, TRANSFER_FILE_CORRUPT);
		rx_buf_free(&body);
		rx_buf_free(&row);
	}
	unpack(&head, &body, c.d2, c.file);		/* the control */
	must(show(c.d2, pack(&head, &body, c.d1, c.d2)));
	rx_buf_free(&body);
	scene_close(&c);
}

/* What d1 sends, with a certificate of ${role} in VILLAGE1 for the user of sixteen
 * zeros, from the root of his own register. */
static const char *
with_nobody(struct scene *c, enum rx_role role)
{
	struct rx_cert cert = { .role = (uint8_t)role, .name = "nobody" };
	struct rx_buf body, all = RX_BUF_INIT, row = RX_BUF_INIT;
	struct rx_session *admin = fixture_open(c->home, "admin");
	struct rx_value v[RX_COLUMNS_MAX];
	struct rx_container_head head;
	enum rx_table table;
	const char *path;
	size_t at, n;

	memcpy(cert.unit, VILLAGE1, RX_UNIT_BYTES);
	must(rx_begin(admin, &st));
	must(rx_cert_issue(admin, &cert, &st));
	must(rx_rows_add(&all, admin, RX_Q_CERTS, RX_TABLE_CERT, NULL, &st));
	rx_abandon(admin);
	rx_session_close(admin);
	for (at = 0; at < all.len; at += n) {
		n = 4 + rx_get32(all.b + at);
		must(rx_row_decode(&table, v, all.b + at + 4, n - 4, &st));
		if (memcmp(v[0].p, cert.id, RX_ID_BYTES) == 0)
			must(rx_buf_add(&row, all.b + at, n, &st));
	}
	assert_true(row.len > 0);
	unpack(&head, &body, c->d2, c->file);
	add_row(&body, &row);
	path = pack(&head, &body, c->d1, c->d2);
	rx_buf_free(&body);
	rx_buf_free(&all);
	rx_buf_free(&row);
	return (path);
}

static rx_err
count_origin(void *cookie, const struct rx_address *from,
    const struct rx_record *r, const char *author, struct rx_status *u)
{

	(void)r;
	(void)u;
	assert_string_equal(from->register_name, "Gulou");
	assert_string_equal(author, "d1");
	++*(size_t *)cookie;
	return (RX_OK);
}

/* Whoever reads a history is no user of the register that it is from; that register
 * can certify such a one, as its recovery key say.  Nothing comes of it: the case is
 * looked at, accepted, and its history read, like any other. */
static void
test_certificate_for_no_user_in_a_history_makes_nobody_of_its_reader(
    void **state)
{
	static const enum rx_role roles[] = {
		RX_ROLE_RECOVERY, RX_ROLE_DIRECTOR, RX_ROLE_SUPERVISOR,
		RX_ROLE_STATISTICIAN, RX_ROLE_ADMIN
	};
	struct rx_arrival in;
	const char *file;
	unsigned count;
	struct scene c;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		scene_open(&c);
		file = with_nobody(&c, roles[i]);
		must(show(c.d2, file));
		must(rx_arrival_accept(c.d2, file, c.from, fresh(), &in,
		    &st));
		n = 0;
		must(rx_origin_each(c.d2, in.child, NULL, count_origin, &n,
		    &count, &st));
		assert_int_equal(count, 1);
		assert_int_equal(n, 4);
		must(fixture_verify(c.d2, NULL, &st));
		scene_close(&c);
	}
}

static void
test_history_names_nobody_but_its_authors(void **state)
{
	struct rx_container_head head;
	struct rx_buf body;
	struct rx_view *v;
	struct scene c;
	size_t i, at;

	(void)state;
	scene_open(&c);
	unpack(&head, &body, c.d2, c.file);
	at = history_at(&body);
	must(rx_view_open(&v, c.d2, body.b + at, rx_get32(body.b + at - 4),
	    &st));
	assert_true(v->s.nmembers > 0 && v->s.nmembers < c.d1->nmembers);
	for (i = 0; i < v->s.nmembers; i++)
		assert_string_equal(v->s.members[i].cert.name, "d1");
	rx_view_close(v);
	rx_buf_free(&body);
	scene_close(&c);
}

/* Whether what d1 sends of c1 has in it the end of a certificate that ${which} in the
 * table of them is. */
static bool
history_has_end(struct scene *c, const char *which)
{
	struct rx_container_head head;
	struct rx_buf body, end = RX_BUF_INIT;
	char sql[200];
	bool has;

	(void)snprintf(sql, sizeof(sql), "SELECT revocation FROM "
	    "keys.revocation WHERE id IN (%s)", which);
	fixture_blob(c->home, sql, &end);
	assert_true(end.len > 0);
	unpack(&head, &body, c->d2, c->file);
	has = memmem(body.b, body.len, end.b, end.len) != NULL;
	rx_buf_free(&body);
	rx_buf_free(&end);
	return (has);
}

/* d1 takes away the row of the certificate ${id}, past the checks of the program. */
static void
forget_certificate(struct rx_session *d1, const struct rx_buf *id)
{
	const struct rx_value key = rx_bytes(id->b, id->len);

	must(rx_begin(d1, &st));
	must(rx_store_delete(d1->store, RX_TABLE_CERT, &key, NULL, &st));
	must(rx_finish(d1, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
}

/* A certificate is gone, and not that it has ended: that goes along with no case, as
 * nobody's does who wrote none of it. */
static void
test_end_of_an_unknown_certificate_goes_with_no_case(void **state)
{
	struct rx_secret *p = test_passphrase("d1-pass");
	struct rx_buf id = RX_BUF_INIT;
	struct rx_session *admin;
	struct scene c;

	(void)state;
	scene_open(&c);
	must(rx_session_passwd(c.d1, p, &st));
	rx_session_close(c.d1);
	admin = fixture_open(c.home, "admin");	/* the keys of before end */
	must(rx_user_disable(admin, "gone", &st));
	rx_session_close(admin);
	fixture_blob(c.home, "SELECT id FROM keys.cert WHERE user = $gone",
	    &id);
	c.d1 = fixture_open(c.home, "d1");
	forget_certificate(c.d1, &id);
	rx_session_close(c.d1);
	c.d1 = fixture_open(c.home, "d1");
	must(offer(&c, C1));
	assert_false(history_has_end(&c, "SELECT id FROM keys.revocation "
	    "WHERE id NOT IN (SELECT id FROM keys.cert)"));
	/* The control: of who wrote it. */
	assert_true(history_has_end(&c, "SELECT id FROM keys.cert WHERE user "
	    "= $d1"));
	must(show(c.d2, c.file));
	rx_secret_free(p);
	rx_buf_free(&id);
	scene_close(&c);
}

/* ---- while it is away, and after ---- */

static rx_err
observe(struct rx_session *s, const char *of)
{
	struct rx_save_result result;
	char text[300];
	json_t *json;
	rx_err rc;

	(void)snprintf(text, sizeof(text), "{\"child\":\"%s\",\"date\":"
	    "\"2025-06-07\",\"channel\":\"home_visit\",\"signs\":"
	    "[\"mood_low\"],\"risk\":\"yellow\",\"note\":\"later\"}", of);
	must(rx_json_parse(&json, text, strlen(text), &st));
	rx_status_clear(&st);
	rc = rx_save(s, RX_OBSERVATION, json, false, &result, &st);
	json_decref(json);
	return (rc);
}

static void
test_offered_case_is_read_only(void **state)
{
	struct scene c;

	(void)state;
	scene_open(&c);
	refuses(observe(c.d1, "c2"), RX_ECONFLICT, TRANSFER_AWAY);
	refuses(rx_child_erase(c.d1, fixture_id[C2], "x", &st), RX_ECONFLICT,
	    TRANSFER_AWAY);
	refuses(rx_transfer_offer(c.d1, fixture_id[C2], "350102001002", "x",
	    &st), RX_ECONFLICT, TRANSFER_AWAY);
	refuses(offer(&c, C2), RX_ECONFLICT, TRANSFER_AWAY);
	must(observe(c.d1, "c1"));		/* the control */
	must(rx_transfer_withdraw(c.d1, fixture_id[C2], &st));
	must(observe(c.d1, "c2"));
	scene_close(&c);
}

static void
test_supervisor_writes_nothing_that_would_be_lost(void **state)
{
	struct rx_session *s1;
	struct rx_flag_row flag;
	struct scene c;

	(void)state;
	scene_open(&c);
	must(offer(&c, C1));
	s1 = fixture_open(c.home, "s1");
	must(rx_review_find(s1, "o1", &flag, &st));
	refuses(rx_review_decide(s1, &flag, "accept", "x", &st), RX_ECONFLICT,
	    TRANSFER_AWAY);
	must(rx_transfer_withdraw(c.d1, fixture_id[C1], &st));
	must(rx_review_decide(s1, &flag, "accept", "x", &st));	/* control */
	rx_session_close(s1);
	scene_close(&c);
}

static void
test_receiver_opens_nothing_written_after_a_withdrawal(void **state)
{
	struct rx_container_head head;
	struct rx_case k;
	struct rx_buf body;
	struct scene c;
	size_t at, n;

	(void)state;
	scene_open(&c);
	unpack(&head, &body, c.d2, c.file);
	at = history_at(&body) + RX_ADDRESS_BYTES + RX_ID_BYTES;
	n = rx_get32(body.b + at);
	rx_case_init(&k);
	must(rx_case_load(&k, c.d1, fixture_id[C2], VILLAGE1, RX_CASE_KEYS,
	    &st));
	/* The control: before it he has the newest. */
	assert_int_equal(k.n, n);
	assert_memory_equal(body.b + at + 8 + (n - 1) * (4 + 96),
	    k.e[n - 1].key[0]->b, RX_KEY_BYTES);
	must(rx_transfer_withdraw(c.d1, fixture_id[C2], &st));
	must(rx_case_load(&k, c.d1, fixture_id[C2], VILLAGE1, RX_CASE_KEYS,
	    &st));
	assert_int_equal(k.n, n + 1);
	rx_case_done(&k, c.d1);
	rx_buf_free(&body);
	scene_close(&c);
}

static void
test_nothing_is_left_of_a_case_that_left(void **state)
{
	static const char *const left[] = {
		"SELECT count(*) FROM child WHERE id = $c2",
		"SELECT count(*) FROM record WHERE child = $c2",
		"SELECT count(*) FROM keys.case_key WHERE child = $c2",
		"SELECT count(*) FROM main.slot WHERE child = $c2",
		("SELECT sum(length(coded) + length(note)) FROM keys.departure "
		    "WHERE child = $c2"),
	};
	const char *receipt;
	struct scene c;
	size_t i, n;

	(void)state;
	scene_open(&c);
	must(accept(c.d2, c.file, c.from, &receipt));
	for (i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		assert_true(fixture_number(c.home, left[i]) > 0);
	must(take(c.d1, receipt));
	for (i = 0; i < sizeof(left) / sizeof(left[0]); i++)
		assert_int_equal(fixture_number(c.home, left[i]), 0);
	must(rx_erasure_verify(c.d1, &n, &st));
	assert_int_equal(n, 1);
	must(fixture_verify(c.d1, NULL, &st));
	must(fixture_verify(c.d2, NULL, &st));
	scene_close(&c);
}

/* ---- receipts ---- */

/* A receipt like ${path}, changed by ${edit} and signed by ${by}. */
static const char *
resigned(const char *path, struct rx_session *by, size_t at,
    const uint8_t *with, size_t n)
{
	const char *out;
	struct rx_buf b;

	get(&b, path);
	if (n > 0)
		memcpy(b.b + at, with, n);
	rx_sign(b.b + b.len - RX_SIGNATURE_BYTES, by->id->sign_secret,
	    "runxin receipt v1", b.b, b.len - RX_SIGNATURE_BYTES);
	out = put(&b, b.len);
	rx_buf_free(&b);
	return (out);
}

static void
test_receipt_by_somebody_else_is_refused(void **state)
{
	struct rx_session *other;
	const char *receipt;
	struct scene c;

	(void)state;
	scene_open(&c);
	must(reject(c.d2, c.file, &receipt));
	/* A colleague of the receiver; the sender himself. */
	other = fixture_open(c.far, "d1");
	refuses(take(c.d1, resigned(receipt, other, 0, NULL, 0)), RX_ECORRUPT,
	    RECEIPT_CORRUPT);
	refuses(take(c.d1, resigned(receipt, c.d1, 0, NULL, 0)), RX_ECORRUPT,
	    RECEIPT_CORRUPT);
	rx_session_close(other);
	must(take(c.d1, resigned(receipt, c.d2, 0, NULL, 0)));	/* control */
	scene_close(&c);
}

/* A receiver who answers in what is no text. */
static void
test_answer_that_is_no_text_is_refused(void **state)
{
	static const char *const why[2] = { "\xff\xfe", "不是这里" };
	struct rx_container_head head;
	struct rx_buf body, b, out = RX_BUF_INIT;
	const char *receipt;
	struct rx_receipt r;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	unpack(&head, &body, c.d2, c.file);	/* first is the answer key */
	must(reject(c.d2, c.file, &receipt));
	get(&b, receipt);
	must(rx_receipt_read(&r, b.b, b.len, &st));
	for (i = 0; i < 2; i++) {
		rx_buf_reset(&out);
		must(rx_receipt_make(&out, &r, body.b, why[i],
		    c.d2->id->sign_secret, &st));
		if (i == 0)
			refuses(take(c.d1, put(&out, out.len)), RX_ECORRUPT,
			    RECEIPT_CORRUPT);
		else
			must(take(c.d1, put(&out, out.len)));	/* control */
	}
	assert_int_equal(children(c.d1), 2);
	rx_buf_free(&out);
	rx_buf_free(&body);
	rx_buf_free(&b);
	scene_close(&c);
}

static void
test_receipt_for_another_child_is_refused(void **state)
{
	const char *receipt, *first;
	struct rx_buf b;
	struct scene c;

	(void)state;
	scene_open(&c);
	first = c.file;
	must(offer(&c, C1));
	must(accept(c.d2, c.file, c.from, &receipt));
	/* The receiver's own program lets the answer on c1 speak of c2. */
	refuses(take(c.d1, resigned(receipt, c.d2, 40, fixture_id[C2],
	    RX_ID_BYTES)), RX_ECORRUPT, RECEIPT_CORRUPT);
	/* And puts the digest of that offer in. */
	get(&b, first);
	rx_hash(b.b, RX_HASH_BYTES, NULL, "runxin bundle digest v1", b.b,
	    b.len - RX_SIGNATURE_BYTES);
	refuses(take(c.d1, resigned(receipt, c.d2, 72, b.b, RX_HASH_BYTES)),
	    RX_ECORRUPT, RECEIPT_CORRUPT);
	rx_buf_free(&b);
	assert_int_equal(children(c.d1), 2);
	must(take(c.d1, receipt));			/* the control */
	assert_int_equal(children(c.d1), 1);
	scene_close(&c);
}

static void
test_receipt_of_an_earlier_offer_ends_nothing(void **state)
{
	const char *old, *receipt;
	struct scene c;

	(void)state;
	scene_open(&c);
	must(accept(c.d2, c.file, c.from, &old));
	must(rx_transfer_withdraw(c.d1, fixture_id[C2], &st));
	must(offer(&c, C2));
	/* It is about the offer that was withdrawn. */
	refuses(take(c.d1, old), RX_ECONFLICT, RECEIPT_WITHDRAWN);
	assert_int_equal(children(c.d1), 2);
	/* The second file is not taken in beside the first. */
	refuses(accept(c.d2, c.file, c.from, NULL), RX_ECONFLICT,
	    TRANSFER_HERE);
	must(reject(c.d2, c.file, &receipt));
	must(take(c.d1, receipt));
	must(observe(c.d1, "c2"));
	scene_close(&c);
}

static void
test_receipt_in_another_register_is_refused(void **state)
{
	const char *receipt;
	struct scene c;

	(void)state;
	scene_open(&c);
	must(accept(c.d2, c.file, c.from, &receipt));
	refuses(take(c.d2, receipt), RX_ECONFLICT, RECEIPT_OTHER_REGISTER);
	refuses(take(c.d1, resigned(receipt, c.d2, 72, c.d1->store_id,
	    RX_ID_BYTES)), RX_ENOENT, RECEIPT_UNKNOWN);
	must(take(c.d1, receipt));			/* the control */
	scene_close(&c);
}

static void
test_two_answers_are_refused(void **state)
{
	static const uint8_t yes = RX_ANSWER_ACCEPTED;
	const char *receipt;
	struct scene c;

	(void)state;
	scene_open(&c);
	must(reject(c.d2, c.file, &receipt));
	must(take(c.d1, receipt));
	refuses(take(c.d1, resigned(receipt, c.d2, 5, &yes, 1)), RX_ECONFLICT,
	    RECEIPT_TWO_ANSWERS);
	assert_int_equal(children(c.d1), 2);
	refuses(accept(c.d2, c.file, c.from, NULL), RX_ECONFLICT,
	    TRANSFER_ANSWERED);
	must(take(c.d1, receipt));	/* the control: the same again */
	scene_close(&c);
}

static void
test_same_file_twice_is_one_child(void **state)
{
	const char *one, *two;
	struct rx_buf a, b;
	struct scene c;

	(void)state;
	scene_open(&c);
	must(accept(c.d2, c.file, c.from, &one));
	must(accept(c.d2, c.file, c.from, &two));
	assert_int_equal(children(c.d2), 2);
	get(&a, one);
	get(&b, two);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.b, b.b, a.len);
	rx_buf_free(&a);
	rx_buf_free(&b);
	refuses(reject(c.d2, c.file, &one), RX_ECONFLICT,
	    TRANSFER_ACCEPTED_BEFORE);
	scene_close(&c);
}

/* ---- keys that are new ---- */

/* It was sealed to keys that he had asked for.  A session that waits for them opens
 * it, and signs no answer any more; one of before knows nothing of them. */
static void
test_file_to_keys_that_were_asked_for_is_answered_with_them(void **state)
{
	struct rx_secret *p = test_passphrase("d2-pass");
	struct rx_session *waits, *fresh;
	struct rx_address a;
	struct scene c;

	(void)state;
	scene_open(&c);
	must(rx_session_passwd(c.d2, p, &st));
	waits = fixture_open(c.far, "d2");
	rx_session_close(fixture_open(c.far, "admin"));	/* certifies them */
	fresh = fixture_open(c.far, "d2");
	c.address = fresh_address(fresh, &a);
	memcpy(c.to, a.fingerprint, sizeof(c.to));
	must(offer(&c, C1));
	refuses(show(c.d2, c.file), RX_ECORRUPT, TRANSFER_FILE_KEY);
	must(show(waits, c.file));
	refuses(accept(waits, c.file, c.from, NULL), RX_ECONFLICT,
	    SESSION_STALE);
	assert_int_equal(children(fresh), 1);
	must(accept(fresh, c.file, c.from, NULL));	/* the control */
	assert_int_equal(children(fresh), 2);
	rx_session_close(waits);
	rx_session_close(fresh);
	rx_secret_free(p);
	scene_close(&c);
}

/* ---- in the new register ---- */

static rx_err
count_answers(void *cookie, const struct rx_answered *row,
    struct rx_status *u)
{

	(void)u;
	assert_int_equal(row->answer, RX_ANSWER_ACCEPTED);
	++*(size_t *)cookie;
	return (RX_OK);
}

/* The receipt of an answer comes to name a certificate that nobody has: it is
 * nobody's to hand out again. */
static void
test_answer_by_nobody_is_listed_to_nobody(void **state)
{
	const char *receipt;
	struct scene c;
	struct rx_buf b;
	size_t n = 0;

	(void)state;
	scene_open(&c);
	must(accept(c.d2, c.file, c.from, &receipt));
	must(rx_arrival_each(c.d2, count_answers, &n, &st));
	assert_int_equal(n, 1);				/* the control */
	get(&b, receipt);
	b.b[104] ^= 1;
	fixture_tamper_blob(c.far, "UPDATE arrival SET receipt = ?1", b.b,
	    b.len);
	must(rx_arrival_each(c.d2, count_answers, &n, &st));
	assert_int_equal(n, 1);
	rx_buf_free(&b);
	scene_close(&c);
}

/* A child of the same id is there: the new one gets the next number, and neither is
 * taken for the other. */
static void
test_id_of_a_child_that_is_there_is_not_given_again(void **state)
{
	uint8_t own[RX_ID_BYTES], found[RX_ID_BYTES];
	struct rx_arrival in;
	struct scene c;

	(void)state;
	scene_open(&c);
	fixture_save(c.d2, RX_CHILD, "{\"id\":\"c2\",\"unit\":"
	    "\"350102001002\",\"name\":\"丁\",\"sex\":\"f\",\"birth\":"
	    "\"2014-05\",\"categories\":[\"left_behind\"],\"legal_basis\":"
	    "\"consent\"}", false, own);
	must(rx_arrival_accept(c.d2, c.file, c.from, fresh(), &in, &st));
	assert_string_equal(in.id, "002-003");
	assert_int_equal(children(c.d2), 3);
	must(rx_child_find(c.d2, "c2", found, &st));
	assert_memory_equal(found, own, sizeof(own));
	assert_memory_not_equal(in.child, own, sizeof(own));
	/* The control: an id that nobody has comes along. */
	must(offer(&c, C1));
	must(rx_arrival_accept(c.d2, c.file, c.from, fresh(), &in, &st));
	assert_string_equal(in.id, "c1");
	scene_close(&c);
}

static void
test_stored_history_that_was_exchanged_is_refused(void **state)
{
	struct rx_session *d2;
	struct scene c;
	size_t n = 0;
	unsigned count;
	struct rx_arrival in;

	(void)state;
	scene_open(&c);
	rx_status_clear(&st);
	ok(rx_arrival_accept(c.d2, c.file, c.from, fresh(), &in, &st), &st);
	must(offer(&c, C1));
	must(accept(c.d2, c.file, c.from, NULL));
	must(rx_origin_each(c.d2, in.child, NULL, count_origin, &n, &count,
	    &st));					/* the control */
	assert_int_equal(count, 1);
	assert_int_equal(n, 4);		/* c2 twice, o3, i1 */
	rx_session_close(c.d2);
	/* That of the one child for that of the other. */
	fixture_tamper(c.far, "UPDATE origin SET sealed = (SELECT o.sealed "
	    "FROM origin AS o WHERE o.child <> origin.child)");
	d2 = fixture_open(c.far, "d2");
	refused(rx_origin_each(d2, in.child, NULL, count_origin, &n, &count,
	    &st), RX_ECORRUPT, &st);
	c.d2 = d2;
	scene_close(&c);
}

struct by_register {
	const uint8_t *store[2];
	size_t n[2];
};

static rx_err
count_by_register(void *cookie, const struct rx_address *from,
    const struct rx_record *r, const char *author, struct rx_status *u)
{
	struct by_register *b = cookie;
	size_t i;

	(void)r;
	(void)author;
	(void)u;
	for (i = 0; i < 2; i++)
		b->n[i] += memcmp(from->store, b->store[i], RX_ID_BYTES) == 0;
	return (RX_OK);
}

/* It goes on to a third person, who is of the first register again: what each wrote
 * comes with it, and each is verified. */
static void
test_case_that_goes_on_brings_the_histories_of_both(void **state)
{
	struct by_register b = { .n = { 0, 0 } };
	struct rx_container_head head;
	struct rx_session *third;
	struct rx_address a;
	struct rx_arrival in;
	struct rx_buf body;
	struct scene c;
	unsigned count;
	size_t at;

	(void)state;
	scene_open(&c);
	b.store[0] = c.d1->store_id;
	b.store[1] = c.d2->store_id;
	must(rx_arrival_accept(c.d2, c.file, c.from, fresh(), &in, &st));
	assert_int_equal(in.registers, 1);
	assert_int_equal(in.records, 2);	/* o3, i1 */
	must(observe(c.d2, "c2"));
	third = fixture_open(c.home, "d2");
	c.address = fresh_address(third, &a);
	c.file = fresh();
	must(rx_departure_offer(c.d2, in.child, c.address, a.fingerprint,
	    "再搬家", c.file, &st));
	must(rx_arrival_accept(third, c.file, c.to, fresh(), &in, &st));
	assert_int_equal(in.registers, 2);
	assert_int_equal(in.records, 2 + 1);
	must(rx_origin_each(third, in.child, NULL, count_by_register, &b,
	    &count, &st));
	assert_int_equal(count, 2);
	assert_int_equal(b.n[0], 4);		/* c2 twice, o3, i1 */
	assert_int_equal(b.n[1], 2);		/* c2, and what was later */
	/* The second of them is not one that its register wrote. */
	unpack(&head, &body, third, c.file);
	at = history_at(&body);
	body.b[at + rx_get32(body.b + at - 4) + 4 + RX_ADDRESS_BYTES + 200] ^=
	    1;
	assert_int_equal(show(third, pack(&head, &body, c.d2, third)),
	    RX_ECORRUPT);
	rx_buf_free(&body);
	rx_session_close(third);
	scene_close(&c);
}

static void
test_statistician_opens_no_history(void **state)
{
	struct rx_session *stat;
	struct rx_arrival in;
	struct scene c;
	unsigned count;
	size_t n = 0;

	(void)state;
	scene_open(&c);
	must(rx_arrival_accept(c.d2, c.file, c.from, fresh(), &in, &st));
	stat = fixture_open(c.far, "st");
	rx_status_clear(&st);
	refused(rx_origin_each(stat, in.child, "x", count_origin, &n, &count,
	    &st), RX_EPERM, &st);
	rx_session_close(stat);
	assert_int_equal(n, 0);
	scene_close(&c);
}

struct told {
	size_t n, named, noted;
};

static rx_err
tell_origin(void *cookie, const struct rx_address *from,
    const struct rx_record *r, const char *author, struct rx_status *u)
{
	struct told *t = cookie;

	(void)from;
	(void)author;
	(void)u;
	t->n++;
	t->named += *rx_record_text(r, RX_F_NAME) != '\0';
	t->noted += *rx_record_text(r, RX_F_NOTE) != '\0';
	return (RX_OK);
}

/* The flag is open in the new register too: the supervisor there reads what was
 * written before, and names only when he says why. */
static void
test_supervisor_names_nobody_of_a_history_without_a_reason(void **state)
{
	struct rx_session *s1;
	struct rx_arrival in;
	struct scene c;
	struct told t;
	unsigned count;
	int i;

	(void)state;
	scene_open(&c);
	must(offer(&c, C1));
	must(rx_arrival_accept(c.d2, c.file, c.from, fresh(), &in, &st));
	s1 = fixture_open(c.far, "s1");
	must(rx_origin_count(s1, in.child, &count, &st));
	assert_int_equal(count, 1);
	for (i = 0; i < 3; i++) {
		memset(&t, 0, sizeof(t));
		must(rx_origin_each(s1, in.child, i == 0 ? NULL : i == 1 ? "" :
		    "核实", tell_origin, &t, &count, &st));
		assert_int_equal(count, 1);
		assert_int_equal(t.n, 4);	/* c1, o1 twice, o2 */
		assert_int_equal(t.noted, 3);
		assert_int_equal(t.named, i < 2 ? 0 : 1);
	}
	/* Of a child that came from nowhere there is none. */
	must(rx_origin_count(c.d2, far_id[C3], &count, &st));
	assert_int_equal(count, 0);
	rx_session_close(s1);
	scene_close(&c);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transfer_too_large_is_refused),
		cmocka_unit_test(test_flipped_byte_in_a_file_is_refused),
		cmocka_unit_test(test_flipped_byte_in_an_address_is_refused),
		cmocka_unit_test(
		    test_address_with_a_name_that_is_none_is_refused),
		cmocka_unit_test(
		    test_address_without_its_certificate_is_not_made),
		cmocka_unit_test(
		    test_address_of_a_unit_that_he_does_not_direct_is_refused),
		cmocka_unit_test(test_flipped_byte_in_a_receipt_is_refused),
		cmocka_unit_test(test_truncated_and_extended_files_are_refused),
		cmocka_unit_test(test_child_given_away_is_kept_by_nobody),
		cmocka_unit_test(test_file_for_another_register_is_refused),
		cmocka_unit_test(test_file_for_another_person_is_refused),
		cmocka_unit_test(
		    test_bundle_and_file_are_not_taken_for_each_other),
		cmocka_unit_test(test_wrong_fingerprint_is_refused),
		cmocka_unit_test(
		    test_substituted_address_shows_in_its_fingerprint),
		cmocka_unit_test(test_address_that_is_out_of_date_is_refused),
		cmocka_unit_test(
		    test_offers_are_listed_at_home_and_to_directors_only),
		cmocka_unit_test(test_file_signed_by_somebody_else_is_refused),
		cmocka_unit_test(test_file_that_holds_no_case_is_refused),
		cmocka_unit_test(test_file_for_a_unit_that_is_none_is_refused),
		cmocka_unit_test(test_answer_that_is_no_text_is_refused),
		cmocka_unit_test(test_record_in_anothers_name_is_refused),
		cmocka_unit_test(
		    test_row_of_another_child_or_table_is_refused),
		cmocka_unit_test(
		    test_certificate_for_no_user_in_a_history_makes_nobody_of_its_reader),
		cmocka_unit_test(test_history_names_nobody_but_its_authors),
		cmocka_unit_test(test_offered_case_is_read_only),
		cmocka_unit_test(
		    test_supervisor_writes_nothing_that_would_be_lost),
		cmocka_unit_test(
		    test_receiver_opens_nothing_written_after_a_withdrawal),
		cmocka_unit_test(test_nothing_is_left_of_a_case_that_left),
		cmocka_unit_test(test_receipt_by_somebody_else_is_refused),
		cmocka_unit_test(test_receipt_for_another_child_is_refused),
		cmocka_unit_test(
		    test_receipt_of_an_earlier_offer_ends_nothing),
		cmocka_unit_test(test_receipt_in_another_register_is_refused),
		cmocka_unit_test(test_two_answers_are_refused),
		cmocka_unit_test(test_same_file_twice_is_one_child),
		cmocka_unit_test(
		    test_file_to_keys_that_were_asked_for_is_answered_with_them),
		cmocka_unit_test(test_answer_by_nobody_is_listed_to_nobody),
		cmocka_unit_test(
		    test_id_of_a_child_that_is_there_is_not_given_again),
		cmocka_unit_test(
		    test_stored_history_that_was_exchanged_is_refused),
		cmocka_unit_test(
		    test_case_that_goes_on_brings_the_histories_of_both),
		cmocka_unit_test(test_statistician_opens_no_history),
		cmocka_unit_test(
		    test_end_of_an_unknown_certificate_goes_with_no_case),
		cmocka_unit_test(
		    test_supervisor_names_nobody_of_a_history_without_a_reason),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, setup, NULL));
}
