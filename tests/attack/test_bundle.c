/*
 * Somebody has a sealed bundle in hand on its way, or sends one that he should
 * not.  Whatever he changes, cuts, exchanges or makes up, nothing of it reaches
 * the register of the recipient.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "tests/fixture.h"

#define VILLAGE "350102001001"
#define TOWN "350102001"
#define VILLAGE3 "350102001004\0\0\0"

static struct rx_status st;

#define must(expr) (rx_status_clear(&st), ok(expr, &st))

/* The recipient's answer. */
static rx_err
take(struct rx_session *s, const char *path)
{
	struct rx_bundle b;

	rx_status_clear(&st);
	return (rx_bundle_open(s, path, true, &b, &st));
}

/* It is refused with ${msg}, and nothing has changed. */
#define refuses(s, path, code, name) \
	refuses_((s), (path), (code), RX_MSG_##name, __FILE__, __LINE__)
static void
refuses_(struct rx_session *s, const char *path, rx_err code,
    enum rx_msg msg, const char *file, int line)
{
	struct rx_audit_head before, after;
	uint8_t a[RX_HASH_BYTES], b[RX_HASH_BYTES];
	struct rx_status why;
	rx_err rc;

	must(rx_audit_head(s, &before, &st));
	must(rx_store_manifest_digest(s->store, a, &st));
	rc = take(s, path);
	why = st;
	must(rx_audit_head(s, &after, &st));
	must(rx_store_manifest_digest(s->store, b, &st));
	if (rc != code || why.msg != msg || before.seq != after.seq ||
	    memcmp(a, b, sizeof(a)) != 0) {
		print_error("%d, message %d; wanted %d, message %d\n", rc,
		    why.msg, code, msg);
		_fail(file, line);
	}
}

static const char *
fresh_path(void)
{
	static char path[16][300];
	static const char *dir;
	static unsigned turn;
	char *p = path[turn % 16];

	if (dir == NULL)
		dir = test_dir();
	(void)snprintf(p, sizeof(path[0]), "%s/b%u.rxb", dir, turn++);
	return (p);
}

static const char *
make(struct rx_session *s, const char *unit)
{
	const char *path = fresh_path();
	struct rx_bundle b;

	must(rx_bundle_make(s, unit, path, &b, &st));
	return (path);
}

static const char *
put(const void *p, size_t n)
{
	const char *path = fresh_path();

	must(rx_file_write(path, p, n, 0600, true, &st));
	return (path);
}

static void
observe(struct rx_session *s, const char *id, const char *of,
    const char *sign, const char *note)
{
	char *text = NULL;

	assert_true(asprintf(&text, "{\"id\":\"%s\",\"child\":\"%s\","
	    "\"date\":\"2025-06-03\",\"channel\":\"home_visit\","
	    "\"signs\":[\"%s\"],\"risk\":\"orange\",\"note\":\"%s\"}", id, of,
	    sign, note) > 0);
	fixture_save(s, RX_OBSERVATION, text, false, NULL);
	free(text);
}

/* A child of the village, "new". */
static void
new_child(struct rx_session *s, uint8_t *id)
{

	fixture_save(s, RX_CHILD, "{\"id\":\"new\",\"unit\":\"" VILLAGE
	    "\",\"name\":\"新\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}",
	    false, id);
}

/* ---- the forger's workshop: he can open what is sealed to him ---- */

struct letter {
	struct rx_container_head head;
	struct rx_buf body;
};

static void
unpack(struct letter *l, struct rx_session *reader, const char *path)
{
	struct rx_buf bytes = RX_BUF_INIT;
	struct rx_container c;

	memset(l, 0, sizeof(*l));
	must(rx_file_read(&bytes, path, SIZE_MAX, &st));
	must(rx_container_read(&c, bytes.b, bytes.len, &st));
	must(rx_container_open(&l->body, &c, reader->user_id, reader->id,
	    &st));
	l->head = c.head;
	rx_buf_free(&bytes);
}

static void
recipient_of(struct rx_recipient *r, const struct rx_session *s,
    enum fixture_id who)
{
	const struct rx_member *m = rx_member_newest(s, rx_member_first(s,
	    fixture_id[who]));

	assert_non_null(m);
	memcpy(r->user, m->cert.user, RX_ID_BYTES);
	memcpy(r->box_public, m->cert.box_public, RX_BOX_PUBLIC_BYTES);
}

/* Seal and sign ${l} as the user of ${s}, with his certificate, to ${r}. */
static const char *
repack_to(struct letter *l, struct rx_session *s,
    const struct rx_recipient *r)
{
	const struct rx_member *m = rx_member_newest(s, rx_member_first(s,
	    s->user_id));
	struct rx_buf out = RX_BUF_INIT, cert = RX_BUF_INIT;
	uint8_t digest[RX_HASH_BYTES];
	struct rx_cursor *cur;
	const char *path;
	const void *p;
	bool row;
	size_t n;

	must(rx_query_open(&cur, s->store, RX_Q_CERTS, NULL, 0, &st));
	for (;;) {
		must(rx_query_next(cur, &row, &st));
		assert_true(row);
		p = rx_col_bytes(cur, 0, &n);
		if (memcmp(p, m->cert.id, RX_ID_BYTES) == 0)
			break;
	}
	p = rx_col_bytes(cur, 2, &n);
	must(rx_buf_add(&cert, p, n, &st));
	rx_query_close(cur);
	memcpy(l->body.b, cert.b, RX_CERT_BYTES);
	memcpy(l->head.cert, m->cert.id, RX_ID_BYTES);
	l->head.made = rx_session_now(s) + 1;
	must(rx_container_seal(&out, &l->head, r, 1, s->id->sign_secret,
	    l->body.b, l->body.len, digest, &st));
	path = put(out.b, out.len);
	rx_buf_free(&out);
	rx_buf_free(&cert);
	return (path);
}

static const char *
repack(struct letter *l, struct rx_session *s, enum fixture_id to)
{
	struct rx_recipient r;

	recipient_of(&r, s, to);
	return (repack_to(l, s, &r));
}

/* Append the row ${v} of ${table} to the letter. */
static void
add_row(struct letter *l, enum rx_table table, const struct rx_value *v)
{
	struct rx_buf row = RX_BUF_INIT;
	uint8_t length[4];

	must(rx_row_encode(&row, table, v, &st));
	rx_put32(length, (uint32_t)row.len);
	must(rx_buf_add(&l->body, length, 4, &st));
	must(rx_buf_add(&l->body, row.b, row.len, &st));
	rx_buf_free(&row);
}

/* Only the head of the body: no rows but what is added. */
static void
empty(struct letter *l)
{

	l->body.len = RX_BUNDLE_HEAD;
}

/* Keep the rows for which ${want}. */
static void
keep_rows(struct letter *l, bool (*want)(enum rx_table,
    const struct rx_value *))
{
	struct rx_buf kept = RX_BUF_INIT;
	struct rx_value v[RX_COLUMNS_MAX];
	enum rx_table table;
	size_t at, n;

	must(rx_buf_add(&kept, l->body.b, RX_BUNDLE_HEAD, &st));
	for (at = RX_BUNDLE_HEAD; at < l->body.len; at += 4 + n) {
		n = rx_get32(l->body.b + at);
		must(rx_row_decode(&table, v, l->body.b + at + 4, n, &st));
		if (want(table, v))
			must(rx_buf_add(&kept, l->body.b + at, 4 + n, &st));
	}
	rx_buf_free(&l->body);
	l->body = kept;
}

/* A director more. */
static void
enrol(struct rx_session *admin, const char *user, const char *unit)
{
	struct rx_secret *p;
	char pass[80];

	(void)snprintf(pass, sizeof(pass), "%s-pass", user);
	p = test_passphrase(pass);
	must(rx_user_add(admin, user, RX_ROLE_DIRECTOR, unit, p, &st));
	rx_secret_free(p);
}

/* home, a copy in the village; d1 in the copy, s1 at home. */
struct scene {
	const char *home, *village;
	struct rx_session *d1, *s1;
};

static void
scene_open(struct scene *c)
{

	c->home = fixture_copy();
	c->village = fixture_village(c->home);
	c->d1 = fixture_open(c->village, "d1");
	c->s1 = fixture_open(c->home, "s1");
}

static void
scene_close(struct scene *c)
{

	rx_session_close(c->d1);
	rx_session_close(c->s1);
}

/* ---- on its way ---- */

static void
test_flipped_byte_is_refused(void **state)
{
	struct rx_buf b = RX_BUF_INIT;
	struct scene c;
	const char *path;
	size_t at, tried = 0;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	path = make(c.d1, TOWN);
	must(rx_file_read(&b, path, SIZE_MAX, &st));
	for (at = 0; at < b.len; at += at < 300 ? 1 : 97) {
		b.b[at] ^= 0x10;
		must(rx_file_write(path, b.b, b.len, 0600, true, &st));
		assert_int_not_equal(take(c.s1, path), RX_OK);
		b.b[at] ^= 0x10;
		tried++;
	}
	assert_true(tried > 400);
	/* The control: as it was, it is taken. */
	must(rx_file_write(path, b.b, b.len, 0600, true, &st));
	must(take(c.s1, path));
	rx_buf_free(&b);
	scene_close(&c);
}

static void
test_truncated_and_extended_are_refused(void **state)
{
	struct rx_buf b = RX_BUF_INIT;
	struct scene c;
	const char *path;
	size_t cut;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	path = make(c.d1, TOWN);
	must(rx_file_read(&b, path, SIZE_MAX, &st));
	for (cut = 1; cut < b.len; cut = cut * 3 + 1)
		refuses(c.s1, put(b.b, b.len - cut), RX_ECORRUPT,
		    BUNDLE_CORRUPT);
	refuses(c.s1, put(b.b, 0), RX_ECORRUPT, BUNDLE_CORRUPT);
	must(rx_buf_add(&b, "", 1, &st));
	refuses(c.s1, put(b.b, b.len), RX_ECORRUPT, BUNDLE_CORRUPT);
	must(take(c.s1, path));
	rx_buf_free(&b);
	scene_close(&c);
}

/* Where the chunks of a bundle of one recipient begin. */
#define CHUNKS (104 + 96)
#define CHUNK (RX_CONTAINER_CHUNK + RX_ENV_OVERHEAD)

static void
test_reordered_and_doubled_chunks_are_refused(void **state)
{
	static uint8_t box[2][RX_ENV_OVERHEAD + 16], plain[2][16];
	struct rx_buf b = RX_BUF_INIT;
	struct rx_place place = { .table = 27 };
	struct scene c;
	const char *path;
	char *note;
	uint8_t *hold;

	(void)state;
	scene_open(&c);
	note = malloc(60001);
	hold = malloc(CHUNK);
	assert_true(note != NULL && hold != NULL);
	memset(note, 'x', 60000);
	note[60000] = '\0';
	observe(c.d1, "x1", "c2", "mood_low", note);
	observe(c.d1, "x2", "c2", "mood_low", note);
	path = make(c.d1, TOWN);
	must(rx_file_read(&b, path, SIZE_MAX, &st));
	assert_true(b.len > CHUNKS + 2 * CHUNK);
	memcpy(hold, b.b + CHUNKS, CHUNK);
	memmove(b.b + CHUNKS, b.b + CHUNKS + CHUNK, CHUNK);
	refuses(c.s1, put(b.b, b.len), RX_ECORRUPT, BUNDLE_CORRUPT);
	memcpy(b.b + CHUNKS + CHUNK, hold, CHUNK);
	refuses(c.s1, put(b.b, b.len), RX_ECORRUPT, BUNDLE_CORRUPT);
	must(take(c.s1, path));
	/* The control: sealed without a place of its own each, both open in
	 * either order. */
	for (int i = 0; i < 2; i++) {
		memset(plain[i], i, 16);
		must(rx_envelope_seal(box[i], c.s1->scratch[0], RX_ENV_BUNDLE,
		    RX_COMP_NONE, 1, &place, plain[i], 16, &st));
	}
	must(rx_envelope_open(plain[0], 16, box[1], sizeof(box[1]),
	    c.s1->scratch[0], RX_ENV_BUNDLE, RX_COMP_NONE, 1, &place, &st));
	assert_int_equal(plain[0][0], 1);
	free(note);
	free(hold);
	rx_buf_free(&b);
	scene_close(&c);
}

static void
test_misaddressed_bundle_is_refused(void **state)
{
	struct rx_session *d2;
	struct scene c;
	const char *path;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	path = make(c.d1, TOWN);
	d2 = fixture_open(c.home, "d2");
	refuses(d2, path, RX_EPERM, BUNDLE_NOT_YOURS);
	rx_session_close(d2);
	must(take(c.s1, path));
	scene_close(&c);
}

static void
test_bundle_of_another_register_is_refused(void **state)
{
	const char *foreign = fixture_another(NULL);
	struct rx_session *other = fixture_open(foreign, "d1");
	struct rx_session *reader = fixture_open(foreign, "s1");
	struct rx_buf b = RX_BUF_INIT;
	struct scene c;
	const char *path;

	(void)state;
	scene_open(&c);
	path = make(other, TOWN);
	refuses(c.s1, path, RX_ECONFLICT, BUNDLE_OTHER_REGISTER);
	/* Under our register's name it is addressed to nobody here. */
	must(rx_file_read(&b, path, SIZE_MAX, &st));
	memcpy(b.b + 8, c.s1->store_id, RX_ID_BYTES);
	refuses(c.s1, put(b.b, b.len), RX_EPERM, BUNDLE_NOT_YOURS);
	memcpy(b.b + 104, c.s1->user_id, RX_ID_BYTES);
	refuses(c.s1, put(b.b, b.len), RX_ECORRUPT, BUNDLE_KEY);
	must(take(reader, path));
	rx_buf_free(&b);
	rx_session_close(other);
	rx_session_close(reader);
	scene_close(&c);
}

/* s1 hands a bundle that was sealed to him on to d2, by adding d2 to the list
 * with the content key, which he has. */
static void
test_edited_recipient_list_is_refused(void **state)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_session *d2;
	struct scene c;
	struct letter l;
	const char *path;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	path = make(c.d1, TOWN);
	must(rx_file_read(&b, path, SIZE_MAX, &st));
	memcpy(b.b + 104, fixture_id[D2], RX_ID_BYTES);
	d2 = fixture_open(c.home, "d2");
	refuses(d2, put(b.b, b.len), RX_ECORRUPT, BUNDLE_KEY);
	refuses(c.s1, put(b.b, b.len), RX_EPERM, BUNDLE_NOT_YOURS);
	/* Sealed anew it opens, with his own name on it; and holds rows that
	 * are nothing to d2. */
	unpack(&l, c.s1, path);
	refuses(d2, repack(&l, c.s1, D2), RX_EPERM, NOT_PERMITTED);
	rx_buf_free(&l.body);
	rx_buf_free(&b);
	rx_session_close(d2);
	scene_close(&c);
}

/* ---- senders ---- */

static void
test_sender_not_entitled_to_the_rows_is_refused(void **state)
{
	struct rx_session *d2;
	struct letter l;
	struct scene c;
	const char *path;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	path = make(c.d1, TOWN);
	unpack(&l, c.s1, path);
	d2 = fixture_open(c.village, "d2");
	refuses(c.s1, repack(&l, d2, S1), RX_EPERM, BUNDLE_NOT_ENTITLED);
	/* The control: the same rows from d1. */
	must(take(c.s1, repack(&l, c.d1, S1)));
	rx_buf_free(&l.body);
	rx_session_close(d2);
	scene_close(&c);
}

/* What stands outside says for which unit it is: rows of others do not travel
 * under that name, and it is a unit. */
static void
test_rows_of_a_unit_that_the_bundle_is_not_for_are_refused(void **state)
{
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	unpack(&l, c.s1, make(c.d1, TOWN));
	memcpy(l.head.unit, VILLAGE2, RX_UNIT_BYTES);
	refuses(c.s1, repack(&l, c.d1, S1), RX_EPERM, BUNDLE_NOT_ENTITLED);
	memset(l.head.unit, 0, RX_UNIT_BYTES);
	memcpy(l.head.unit, "35010200x", 9);
	refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT, BUNDLE_CORRUPT);
	/* The short form of a unit is not how it is stored. */
	memset(l.head.unit, 0, RX_UNIT_BYTES);
	memcpy(l.head.unit, TOWN, strlen(TOWN));
	refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT, BUNDLE_CORRUPT);
	/* The control: under its own, and under that of what is above. */
	memcpy(l.head.unit, TOWN1, RX_UNIT_BYTES);
	must(take(c.s1, repack(&l, c.d1, S1)));
	rx_buf_free(&l.body);
	scene_close(&c);
}

static void
test_stranger_and_wrong_signer_are_refused(void **state)
{
	uint8_t digest[RX_HASH_BYTES];
	struct rx_buf out = RX_BUF_INIT;
	struct rx_recipient r;
	struct rx_session *d2;
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	unpack(&l, c.s1, make(c.d1, TOWN));
	d2 = fixture_open(c.village, "d2");
	/* d2 signs under d1's certificate. */
	recipient_of(&r, c.s1, S1);
	must(rx_container_seal(&out, &l.head, &r, 1, d2->id->sign_secret,
	    l.body.b, l.body.len, digest, &st));
	refuses(c.s1, put(out.b, out.len), RX_ECORRUPT, BUNDLE_CORRUPT);
	/* A certificate that no root of ours signed. */
	rx_buf_free(&out);
	l.body.b[60] ^= 1;
	must(rx_container_seal(&out, &l.head, &r, 1, c.d1->id->sign_secret,
	    l.body.b, l.body.len, digest, &st));
	refuses(c.s1, put(out.b, out.len), RX_ECORRUPT,
	    BUNDLE_SENDER_UNKNOWN);
	rx_buf_free(&out);
	rx_buf_free(&l.body);
	rx_session_close(d2);
	scene_close(&c);
}

static void
test_revoked_sender_is_refused(void **state)
{
	struct rx_session *admin;
	struct scene c;
	const char *path;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	path = make(c.d1, TOWN);
	/* The control: a minute ago it was taken. */
	{
		struct rx_bundle b;

		must(rx_bundle_open(c.s1, path, false, &b, &st));
	}
	admin = fixture_open(c.home, "admin");
	must(rx_user_disable(admin, "d1", &st));
	rx_session_close(admin);
	refuses(c.s1, path, RX_EPERM, BUNDLE_SENDER_REVOKED);
	/* Nor one that he dates back. */
	refuses(c.s1, make(c.d1, TOWN), RX_EPERM, BUNDLE_SENDER_REVOKED);
	scene_close(&c);
}

/* An insider tells somebody that he is revoked, in a bundle to himself, which the
 * program makes for nobody who is: it is not merged as by a member. */
static void
test_bundle_that_revokes_its_opener_is_refused(void **state)
{
	struct rx_buf id = RX_BUF_INIT, revocation = RX_BUF_INIT;
	struct rx_session *admin;
	struct rx_value v[2];
	struct rx_recipient r;
	struct rx_bundle b;
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	recipient_of(&r, c.s1, D1);
	unpack(&l, c.d1, make(c.s1, VILLAGE));
	admin = fixture_open(c.home, "admin");
	must(rx_user_disable(admin, "d1", &st));
	rx_session_close(admin);
	assert_int_equal((rx_status_clear(&st), rx_bundle_make(c.s1, VILLAGE,
	    fresh_path(), &b, &st)), RX_ENOENT);
	fixture_blob(c.home, "SELECT id FROM keys.revocation", &id);
	fixture_blob(c.home, "SELECT revocation FROM keys.revocation",
	    &revocation);
	empty(&l);
	/* The control: without that row. */
	must(rx_bundle_open(c.d1, repack_to(&l, c.s1, &r), false, &b, &st));
	v[0] = rx_bytes(id.b, id.len);
	v[1] = rx_bytes(revocation.b, revocation.len);
	add_row(&l, RX_TABLE_REVOCATION, v);
	refuses(c.d1, repack_to(&l, c.s1, &r), RX_EPERM, NOT_A_MEMBER);
	/* In the copy, which does not know, he is who he was. */
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	assert_int_equal(fixture_number(c.village, "SELECT count(*) FROM "
	    "keys.revocation"), 0);
	rx_buf_free(&revocation);
	rx_buf_free(&id);
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* A certificate speaks for the time that it names, and its row for itself. */
static void
test_bundle_of_before_its_certificate_is_refused(void **state)
{
	uint8_t digest[RX_HASH_BYTES];
	struct rx_buf out = RX_BUF_INIT;
	struct rx_recipient r;
	struct rx_cert cert;
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	unpack(&l, c.s1, make(c.d1, TOWN));
	empty(&l);
	must(rx_cert_open(&cert, l.body.b, RX_CERT_BYTES,
	    c.s1->blob->root_public, c.s1->store_id, &st));
	l.head.made = cert.not_before - 1;
	recipient_of(&r, c.s1, S1);
	must(rx_container_seal(&out, &l.head, &r, 1, c.d1->id->sign_secret,
	    l.body.b, l.body.len, digest, &st));
	refuses(c.s1, put(out.b, out.len), RX_ECORRUPT, BUNDLE_CORRUPT);
	rx_buf_free(&out);
	/* The control. */
	must(take(c.s1, repack(&l, c.d1, S1)));
	rx_buf_free(&l.body);
	scene_close(&c);
}

static bool
only_certificates(enum rx_table table, const struct rx_value *v)
{

	(void)v;
	return (table == RX_TABLE_CERT);
}

static void
test_certificate_in_the_row_of_another_is_refused(void **state)
{
	struct rx_value v[RX_COLUMNS_MAX];
	enum rx_table table;
	struct letter l;
	struct scene c;
	uint8_t *p;
	int col;

	(void)state;
	scene_open(&c);
	for (col = 0; col < 2; col++) {
		unpack(&l, c.s1, make(c.d1, TOWN));
		keep_rows(&l, only_certificates);
		must(rx_row_decode(&table, v, l.body.b + RX_BUNDLE_HEAD + 4,
		    rx_get32(l.body.b + RX_BUNDLE_HEAD), &st));
		p = l.body.b + ((const uint8_t *)v[col].p - l.body.b);
		*p ^= 1;
		refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT,
		    BUNDLE_CORRUPT);
		/* The control: in its own. */
		*p ^= 1;
		must(take(c.s1, repack(&l, c.d1, S1)));
		rx_buf_free(&l.body);
	}
	scene_close(&c);
}

static bool
only_revocations(enum rx_table table, const struct rx_value *v)
{

	(void)v;
	return (table == RX_TABLE_REVOCATION);
}

/* The end of one member is not put down as that of another. */
static void
test_revocation_in_the_row_of_another_is_refused(void **state)
{
	struct rx_value v[RX_COLUMNS_MAX];
	struct rx_session *admin;
	uint8_t whose[RX_ID_BYTES], *p;
	enum rx_table table;
	struct letter l;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	admin = fixture_open(c.home, "admin");
	must(rx_user_disable(admin, "gone", &st));
	rx_session_close(admin);
	unpack(&l, c.d1, make(c.s1, VILLAGE));
	keep_rows(&l, only_revocations);
	must(rx_row_decode(&table, v, l.body.b + RX_BUNDLE_HEAD + 4,
	    rx_get32(l.body.b + RX_BUNDLE_HEAD), &st));
	p = l.body.b + ((const uint8_t *)v[0].p - l.body.b);
	memcpy(whose, p, RX_ID_BYTES);
	for (i = 0; i < c.d1->nmembers; i++)
		if (memcmp(c.d1->members[i].cert.user, fixture_id[D2],
		    RX_ID_BYTES) == 0)
			memcpy(p, c.d1->members[i].cert.id, RX_ID_BYTES);
	refuses(c.d1, repack(&l, c.s1, D1), RX_ECORRUPT, BUNDLE_CORRUPT);
	/* The control: where it belongs. */
	memcpy(p, whose, RX_ID_BYTES);
	must(take(c.d1, repack(&l, c.s1, D1)));
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* A director who is new at home, and whose certificate he leaves out of what he
 * sends to a copy: that it lies in the head of it makes him nobody there. */
static void
test_sender_who_does_not_become_known_is_refused(void **state)
{
	struct rx_session *admin, *dd, *there;
	struct rx_recipient r;
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	there = fixture_open(fixture_copy_of(c.village), "d1");
	admin = fixture_open(c.home, "admin");
	enrol(admin, "dd", VILLAGE);
	rx_session_close(admin);
	rx_session_close(fixture_open(c.home, "d1"));	/* hands him keys */
	dd = fixture_open(c.home, "dd");
	recipient_of(&r, dd, D1);
	unpack(&l, c.d1, make(dd, VILLAGE));
	keep_rows(&l, only_certificates);
	must(take(there, repack_to(&l, dd, &r)));	/* the control */
	empty(&l);
	refuses(c.d1, repack_to(&l, dd, &r), RX_ECORRUPT, BUNDLE_CORRUPT);
	rx_buf_free(&l.body);
	rx_session_close(dd);
	rx_session_close(there);
	scene_close(&c);
}

static void
test_bundle_from_the_future_is_refused(void **state)
{
	uint8_t digest[RX_HASH_BYTES];
	struct rx_buf out = RX_BUF_INIT;
	struct rx_recipient r;
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	unpack(&l, c.s1, make(c.d1, TOWN));
	/* It would make all that come after it look old. */
	l.head.made += INT64_C(2) * 86400 * 1000;
	recipient_of(&r, c.s1, S1);
	must(rx_container_seal(&out, &l.head, &r, 1, c.d1->id->sign_secret,
	    l.body.b, l.body.len, digest, &st));
	refuses(c.s1, put(out.b, out.len), RX_ECONFLICT, BUNDLE_FUTURE);
	rx_buf_free(&out);
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* ---- rows ---- */

/* d1 writes a row that his role does not cover, or in another's name, past the
 * checks of the program. */
static void
forge_record(struct rx_session *d1, enum rx_type type,
    const uint8_t author[RX_ID_BYTES], uint8_t id[RX_ID_BYTES])
{
	const struct rx_code *accept = rx_code_by_key(RX_LIST_DECISION,
	    "close");
	char unit[RX_UNIT_BYTES];
	struct rx_case kase;
	struct rx_record r;

	rx_unit_set(unit, VILLAGE);
	rx_record_init(&r);
	r.type = type;
	rx_uuid7(r.id, rx_time_now());
	memcpy(id, r.id, RX_ID_BYTES);
	r.version = 1;
	memcpy(r.child, fixture_id[C1], RX_ID_BYTES);
	memcpy(r.unit, unit, RX_UNIT_BYTES);
	memcpy(r.author, author, RX_ID_BYTES);
	r.at = rx_session_now(d1);
	must(rx_record_set_text(&r, RX_F_CALLER_ID, "forged", 6, &st));
	must(rx_record_set_int(&r, RX_F_DATE, rx_date_today(), &st));
	if (type == RX_REVIEW) {
		must(rx_record_set_int(&r, RX_F_DECISION, accept->no, &st));
		must(rx_record_set_ids(&r, RX_F_FLAG, fixture_id[O1], 1,
		    &st));
	}
	must(rx_begin(d1, &st));
	rx_case_init(&kase);
	must(rx_case_load(&kase, d1, fixture_id[C1], unit, RX_CASE_KEYS, &st));
	must(rx_row_insert(d1, &kase, &r, &st));
	rx_case_done(&kase, d1);
	must(rx_finish(d1, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
	rx_record_free(&r);
}

/* The control: without a look at the signature the row opens. */
static void
opens_unverified(struct rx_session *d1, const uint8_t id[RX_ID_BYTES])
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	char unit[RX_UNIT_BYTES];
	struct rx_case kase;
	struct rx_cursor *cur;
	struct rx_record r;
	bool row;

	rx_unit_set(unit, VILLAGE);
	rx_record_init(&r);
	rx_case_init(&kase);
	must(rx_case_load(&kase, d1, fixture_id[C1], unit, RX_CASE_KEYS, &st));
	must(rx_query_open(&cur, d1->store, RX_Q_RECORD, &arg, 1, &st));
	must(rx_query_next(cur, &row, &st));
	assert_true(row);
	must(rx_row_open(d1, &kase, cur, RX_TABLE_RECORD, RX_CASE_KEYS, false,
	    &r, &st));
	rx_query_close(cur);
	rx_case_done(&kase, d1);
	rx_record_free(&r);
}

static void
test_forged_review_is_refused(void **state)
{
	uint8_t id[RX_ID_BYTES];
	struct scene c;

	(void)state;
	scene_open(&c);
	forge_record(c.d1, RX_REVIEW, c.d1->user_id, id);
	opens_unverified(c.d1, id);
	refuses(c.s1, make(c.d1, TOWN), RX_ECORRUPT, SIGNATURE_CORRUPT);
	scene_close(&c);
}

static void
test_review_in_the_supervisors_name_is_refused(void **state)
{
	uint8_t id[RX_ID_BYTES];
	struct scene c;

	(void)state;
	scene_open(&c);
	forge_record(c.d1, RX_REVIEW, fixture_id[S1], id);
	opens_unverified(c.d1, id);
	refuses(c.s1, make(c.d1, TOWN), RX_ECORRUPT, SIGNATURE_CORRUPT);
	scene_close(&c);
}

static void
test_tables_that_no_bundle_carries_are_refused(void **state)
{
	const uint8_t id[RX_ID_BYTES] = { 1 };
	struct rx_value v[RX_COLUMNS_MAX];
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	/* A keyblob of his own for somebody else. */
	unpack(&l, c.s1, make(c.d1, TOWN));
	v[0] = rx_bytes(fixture_id[S1], RX_ID_BYTES);
	v[1] = rx_text("s1");
	v[2] = rx_bytes(id, sizeof(id));
	add_row(&l, RX_TABLE_USER, v);
	refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT, BUNDLE_CORRUPT);
	rx_buf_free(&l.body);
	/* The row that would make the home register a copy. */
	unpack(&l, c.s1, make(c.d1, TOWN));
	v[0] = rx_bytes(id, sizeof(id));
	v[1] = rx_text("x");
	v[2] = rx_int(1);
	add_row(&l, RX_TABLE_COPY, v);
	refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT, BUNDLE_CORRUPT);
	rx_buf_free(&l.body);
	/* Less than a row, and a length that lies. */
	unpack(&l, c.s1, make(c.d1, TOWN));
	must(rx_buf_add(&l.body, "\xff\xff\xff\x7f", 4, &st));
	refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT, BUNDLE_CORRUPT);
	rx_buf_free(&l.body);
	scene_close(&c);
}

static bool
is_record(enum rx_table table, const struct rx_value *v)
{

	(void)v;
	return (table == RX_TABLE_RECORD);
}

/* A key that is too short, a unit that is none, a version that cannot be. */
static void
test_row_of_another_form_is_refused(void **state)
{
	static const struct {
		int col;
		size_t n;		/* of its bytes; 0: a number */
		int64_t i;
	} how[] = {
		{ 0, RX_ID_BYTES - 1, 0 }, { 2, RX_ID_BYTES - 1, 0 },
		{ 4, RX_ID_BYTES - 1, 0 }, { 3, 11, 0 }, { 1, 0, 0 },
		{ 1, 0, -1 }, { 1, 0, UINT32_MAX },
		{ 1, 0, 1 }		/* the control: as it was */
	};
	const size_t last = sizeof(how) / sizeof(how[0]) - 1;
	struct rx_value v[RX_COLUMNS_MAX];
	enum rx_table table;
	struct letter l;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	for (i = 0; i <= last; i++) {
		unpack(&l, c.s1, make(c.d1, TOWN));
		keep_rows(&l, is_record);
		must(rx_row_decode(&table, v, l.body.b + RX_BUNDLE_HEAD + 4,
		    rx_get32(l.body.b + RX_BUNDLE_HEAD), &st));
		if (how[i].n > 0)
			v[how[i].col].n = how[i].n;
		else
			v[how[i].col].i = how[i].i;
		add_row(&l, table, v);
		if (i < last)
			refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT,
			    BUNDLE_CORRUPT);
		else
			must(take(c.s1, repack(&l, c.d1, S1)));
		rx_buf_free(&l.body);
	}
	scene_close(&c);
}

static bool
only_records(enum rx_table table, const struct rx_value *v)
{

	(void)v;
	return (table == RX_TABLE_RECORD || table == RX_TABLE_CERT);
}

static void
test_record_moved_to_another_child_is_refused(void **state)
{
	struct rx_value v[RX_COLUMNS_MAX];
	enum rx_table table;
	struct letter l;
	struct scene c;
	size_t at, n;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	unpack(&l, c.s1, make(c.d1, TOWN));
	keep_rows(&l, only_records);
	for (at = RX_BUNDLE_HEAD; at < l.body.len; at += 4 + n) {
		n = rx_get32(l.body.b + at);
		must(rx_row_decode(&table, v, l.body.b + at + 4, n, &st));
		if (table == RX_TABLE_RECORD && memcmp(v[2].p, fixture_id[C2],
		    RX_ID_BYTES) == 0)
			memcpy(l.body.b + ((const uint8_t *)v[2].p -
			    l.body.b), fixture_id[C1], RX_ID_BYTES);
	}
	refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT, SEALED_CORRUPT);
	rx_buf_free(&l.body);
	/* The control: where they belong. */
	unpack(&l, c.s1, make(c.d1, TOWN));
	keep_rows(&l, only_records);
	must(take(c.s1, repack(&l, c.d1, S1)));
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* ---- erasure ---- */

static bool
only_erasures(enum rx_table table, const struct rx_value *v)
{

	(void)v;
	return (table == RX_TABLE_ERASURE);
}

/* The coded part of the certificate ${v}, sealed again with one bit of its
 * signature flipped: s knows the key. */
static void
spoil(struct rx_buf *out, struct rx_session *s, const struct rx_value *v)
{
	struct rx_buf plain = RX_BUF_INIT;
	const struct rx_key *key;
	struct rx_place place;

	rx_place_init(&place, s, VILLAGE1, v[0].p, v[0].p, RX_TABLE_ERASURE, 4,
	    1);
	must(rx_unit_key(s, VILLAGE1, RX_COMP_CODED, 1, &key, NULL, &st));
	must(rx_field_open(&plain, v[4].p, v[4].n, key, RX_COMP_CODED, &place,
	    &st));
	plain.b[plain.len - 1] ^= 1;
	must(rx_field_seal(out, key, RX_COMP_CODED, 1, &place, RX_PAD_CODED,
	    plain.b, plain.len, &st));
	rx_buf_free(&plain);
}

/* An erasure destroys in a copy what it names: so it is home's, its author's, of
 * that very child. */
static void
test_forged_certificate_of_erasure_destroys_nothing(void **state)
{
	struct rx_value v[RX_COLUMNS_MAX], other[RX_COLUMNS_MAX];
	struct rx_buf spoilt = RX_BUF_INIT, kept = RX_BUF_INIT;
	uint8_t id[RX_ID_BYTES], second[RX_ID_BYTES];
	struct rx_session *d1;
	enum rx_table table;
	struct letter l, up;
	struct rx_bundle b;
	struct scene c;
	const char *path;

	(void)state;
	scene_open(&c);
	d1 = fixture_open(c.home, "d1");
	must(rx_child_find(d1, "c1", id, &st));
	must(rx_child_find(d1, "c2", second, &st));
	must(rx_child_erase(d1, id, "迁出", &st));
	path = make(d1, VILLAGE);
	unpack(&l, c.d1, path);
	keep_rows(&l, only_erasures);
	must(rx_buf_add(&kept, l.body.b, l.body.len, &st));
	must(rx_row_decode(&table, v, kept.b + RX_BUNDLE_HEAD + 4,
	    rx_get32(kept.b + RX_BUNDLE_HEAD), &st));

	/* In the place of another child. */
	memcpy(other, v, sizeof(v));
	other[0] = rx_bytes(second, RX_ID_BYTES);
	empty(&l);
	add_row(&l, RX_TABLE_ERASURE, other);
	refuses(c.d1, repack(&l, d1, D1), RX_ECORRUPT, SEALED_CORRUPT);
	/* By somebody who knows the key, and whose signature it is not. */
	spoil(&spoilt, d1, v);
	memcpy(other, v, sizeof(v));
	other[4] = rx_bytes(spoilt.b, spoilt.len);
	empty(&l);
	add_row(&l, RX_TABLE_ERASURE, other);
	refuses(c.d1, repack(&l, d1, D1), RX_ECORRUPT, ERASURE_CORRUPT);
	/* Of what is no unit, though it has keys. */
	memcpy(other, v, sizeof(v));
	other[1] = rx_text("REGISTER");
	empty(&l);
	add_row(&l, RX_TABLE_ERASURE, other);
	refuses(c.d1, repack(&l, d1, D1), RX_EPERM, BUNDLE_NOT_ENTITLED);
	/* From a copy, and at home from one who says that he is home. */
	unpack(&up, c.s1, make(c.d1, TOWN));
	empty(&up);
	add_row(&up, RX_TABLE_ERASURE, v);
	refuses(c.s1, repack(&up, c.d1, S1), RX_EPERM, BUNDLE_NOT_ENTITLED);
	/* Control: the genuine one. */
	assert_true(fixture_number(c.village, "SELECT count(*) FROM child") ==
	    fixture_number(c.home, "SELECT count(*) FROM child") + 1);
	must(rx_bundle_open(c.d1, path, true, &b, &st));
	assert_int_equal(b.gone, 1);
	assert_true(fixture_number(c.village, "SELECT count(*) FROM child") ==
	    fixture_number(c.home, "SELECT count(*) FROM child"));
	rx_buf_free(&l.body);
	rx_buf_free(&up.body);
	rx_buf_free(&spoilt);
	rx_buf_free(&kept);
	rx_session_close(d1);
	scene_close(&c);
}

/* ---- keys ---- */

static void
test_unit_keys_from_a_copy_are_refused(void **state)
{
	uint8_t box[RX_GRANT_BYTES] = { 0 };
	struct rx_value v[5] = { rx_text(VILLAGE), rx_int(1), rx_int(14),
	    rx_bytes(fixture_id[S1], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	struct rx_value epoch[5] = { rx_text(VILLAGE), rx_int(RX_COMP_CODED),
	    rx_int(2), rx_int(rx_time_now()), rx_bytes(box,
	    RX_ENV_OVERHEAD + RX_KEY_BYTES) };
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	unpack(&l, c.s1, make(c.d1, TOWN));
	add_row(&l, RX_TABLE_UNIT_GRANT, v);
	refuses(c.s1, repack(&l, c.d1, S1), RX_EPERM, BUNDLE_NOT_ENTITLED);
	/* Nor does saying that one is home bring any to the home register. */
	memset(l.head.copy, 0, RX_ID_BYTES);
	memset(l.body.b + RX_CERT_BYTES + 8 + RX_HASH_BYTES, 0,
	    RX_USER_NAME_BYTES);
	must(take(c.s1, repack(&l, c.d1, S1)));
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE compartments = 14 AND recipient = $s1"),
	    0);
	/* Nor a later epoch, of a key that the opener has. */
	add_row(&l, RX_TABLE_UNIT_EPOCH, epoch);
	refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT, BUNDLE_KEYS_DIFFER);
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* s1, at home, makes up a new narrative key for the village. */
static void
test_epoch_by_somebody_without_the_key_is_refused(void **state)
{
	uint8_t box[RX_ENV_OVERHEAD + RX_KEY_BYTES];
	struct rx_value v[5] = { rx_text(VILLAGE), rx_int(RX_COMP_NARRATIVE),
	    rx_int(2), rx_int(rx_time_now()), rx_bytes(box, sizeof(box)) };
	struct letter l;
	struct scene c;
	struct rx_place place;

	(void)state;
	scene_open(&c);
	rx_random(c.s1->scratch[0]->b, RX_KEY_BYTES);
	rx_epoch_place(&place, c.s1, VILLAGE1, 2);
	must(rx_envelope_seal(box, c.s1->scratch[0], RX_ENV_KEY,
	    RX_COMP_NARRATIVE, 2, &place, c.s1->scratch[1]->b, RX_KEY_BYTES,
	    &st));
	unpack(&l, c.d1, make(c.s1, VILLAGE));
	add_row(&l, RX_TABLE_UNIT_EPOCH, v);
	refuses(c.d1, repack(&l, c.s1, D1), RX_ECORRUPT, BUNDLE_KEYS_DIFFER);
	rx_buf_free(&l.body);
	scene_close(&c);
}

static void
test_grant_by_somebody_without_the_key_is_refused(void **state)
{
	const struct rx_key *keys[RX_GRANT_KEYS];
	uint8_t box[RX_GRANT_BYTES];
	struct rx_value v[5] = { rx_text(VILLAGE), rx_int(1), rx_int(14),
	    rx_bytes(fixture_id[D1], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	struct rx_grant_context ctx;
	struct letter l;
	struct scene c;
	size_t k;

	(void)state;
	scene_open(&c);
	for (k = 0; k < RX_GRANT_KEYS; k++) {
		rx_random(c.s1->scratch[k]->b, RX_KEY_BYTES);
		keys[k] = c.s1->scratch[k];
	}
	rx_grant_context_set(&ctx, c.s1, VILLAGE1, NULL, 1, RX_CASE_KEYS);
	must(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, c.s1->user_id,
	    c.s1->id, c.d1->id->box_public, &st));
	unpack(&l, c.d1, make(c.s1, VILLAGE));
	empty(&l);
	add_row(&l, RX_TABLE_UNIT_GRANT, v);
	/* Where are the certificates?  Without his he is nobody in particular,
	 * but he is known here. */
	refuses(c.d1, repack(&l, c.s1, D1), RX_ECORRUPT, GRANT_CORRUPT);
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* s1 hands on an epoch that nobody began: whoever looks for the newest keys in
 * the copy would find that one, and no key. */
static void
test_grant_without_its_epoch_is_not_taken(void **state)
{
	uint8_t box[RX_GRANT_BYTES] = { 0 };
	struct rx_value v[5] = { rx_text(VILLAGE), rx_int(2), rx_int(14),
	    rx_bytes(fixture_id[S2], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	unpack(&l, c.d1, make(c.s1, VILLAGE));
	empty(&l);
	add_row(&l, RX_TABLE_UNIT_GRANT, v);
	must(take(c.d1, repack(&l, c.s1, D1)));
	assert_int_equal(fixture_number(c.village, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE epoch > 1"), 0);
	/* The control: the first epoch needs no row. */
	v[1] = rx_int(1);
	empty(&l);
	add_row(&l, RX_TABLE_UNIT_GRANT, v);
	must(take(c.d1, repack(&l, c.s1, D1)));
	assert_int_equal(fixture_number(c.village, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE compartments = 14 AND recipient = $s2"),
	    1);
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* He for whom it is could not open it, nor tell why. */
static void
test_grant_of_another_size_is_refused(void **state)
{
	uint8_t box[RX_GRANT_BYTES + 1] = { 0 };
	struct rx_value v[5] = { rx_text(VILLAGE), rx_int(1), rx_int(14),
	    rx_bytes(fixture_id[S2], RX_ID_BYTES) };
	struct letter l;
	struct scene c;
	size_t n;

	(void)state;
	scene_open(&c);
	unpack(&l, c.d1, make(c.s1, VILLAGE));
	for (n = RX_GRANT_BYTES - 1; n <= RX_GRANT_BYTES + 1; n++) {
		empty(&l);
		v[4] = rx_bytes(box, n);
		add_row(&l, RX_TABLE_UNIT_GRANT, v);
		if (n != RX_GRANT_BYTES)
			refuses(c.d1, repack(&l, c.s1, D1), RX_ECORRUPT,
			    BUNDLE_CORRUPT);
		else					/* the control */
			must(take(c.d1, repack(&l, c.s1, D1)));
	}
	rx_buf_free(&l.body);
	scene_close(&c);
}

static bool
no_grants(enum rx_table table, const struct rx_value *v)
{

	(void)v;
	return (table != RX_TABLE_UNIT_GRANT);
}

/* Somebody has changed, in the copy, what was granted to its director, and kept
 * out of the bundle what would mend it: of a case that is new there he is not told
 * that he lacks its keys. */
static void
test_changed_grant_in_the_copy_opens_no_new_case(void **state)
{
	static const char child[] = "{\"id\":\"n1\",\"unit\":\"350102001001\","
	    "\"name\":\"new\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],\"legal_basis\":\"consent\"}";
	struct rx_buf box = RX_BUF_INIT;
	struct rx_session *d1;
	struct rx_bundle b;
	struct letter l;
	struct scene c;
	const char *path;

	(void)state;
	scene_open(&c);
	d1 = fixture_open(c.home, "d1");
	fixture_save(d1, RX_CHILD, child, false, NULL);
	unpack(&l, d1, make(d1, VILLAGE));
	keep_rows(&l, no_grants);
	path = repack(&l, d1, D1);
	rx_buf_free(&l.body);
	rx_session_close(d1);
	fixture_blob(c.village, "SELECT sealed FROM keys.unit_grant WHERE "
	    "recipient = $d1 AND unit = '350102001001'", &box);
	box.b[box.len / 2] ^= 1;
	fixture_tamper_blob(c.village, "UPDATE keys.unit_grant SET sealed = ?1 "
	    "WHERE recipient = $d1 AND unit = '350102001001'", box.b, box.len);
	d1 = fixture_open(c.village, "d1");
	refuses(d1, path, RX_ECORRUPT, GRANT_CORRUPT);
	rx_session_close(d1);
	/* The control: as it was. */
	box.b[box.len / 2] ^= 1;
	fixture_tamper_blob(c.village, "UPDATE keys.unit_grant SET sealed = ?1 "
	    "WHERE recipient = $d1 AND unit = '350102001001'", box.b, box.len);
	must(rx_bundle_open(c.d1, path, true, &b, &st));
	assert_int_equal(b.children, 1);
	rx_buf_free(&box);
	scene_close(&c);
}

/* In the copy the village has a second epoch; a bundle has another of the same
 * number. */
static void
test_epoch_that_is_not_the_known_one_is_refused(void **state)
{
	struct rx_session *d1, *at_home;
	struct rx_value v[RX_COLUMNS_MAX];
	enum rx_table table;
	struct letter l;
	struct scene c;
	uint8_t *made = NULL;
	size_t at, n;

	(void)state;
	scene_open(&c);
	at_home = fixture_open(c.home, "d1");
	must(rx_rotate(at_home, VILLAGE, &n, &st));
	must(take(c.d1, make(at_home, VILLAGE)));
	unpack(&l, c.d1, make(at_home, VILLAGE));
	for (at = RX_BUNDLE_HEAD; at < l.body.len && made == NULL;
	    at += 4 + n) {
		n = rx_get32(l.body.b + at);
		must(rx_row_decode(&table, v, l.body.b + at + 4, n, &st));
		if (table == RX_TABLE_UNIT_EPOCH)
			made = l.body.b + at + 4 + n - 1;	/* of its box */
	}
	assert_non_null(made);
	*made ^= 1;
	refuses(c.d1, repack(&l, at_home, D1), RX_ECORRUPT,
	    BUNDLE_KEYS_DIFFER);
	*made ^= 1;
	must(take(c.d1, repack(&l, at_home, D1)));	/* the control */
	rx_buf_free(&l.body);
	rx_session_close(at_home);
	d1 = fixture_open(c.village, "d1");
	rx_session_close(d1);
	scene_close(&c);
}

/* Two bundles of home have a grant for somebody else: whichever is opened first,
 * the one of the later stays. */
static void
test_older_grant_does_not_replace_a_newer_one(void **state)
{
	uint8_t box[2][RX_GRANT_BYTES] = { { 1 }, { 2 } };
	struct rx_value v[5] = { rx_text(VILLAGE), rx_int(1), rx_int(14),
	    rx_bytes(fixture_id[S2], RX_ID_BYTES) };
	const char *path[2];
	struct rx_buf kept = RX_BUF_INIT;
	struct letter l;
	struct scene c;
	int i, order;

	(void)state;
	for (order = 0; order < 2; order++) {
		scene_open(&c);
		unpack(&l, c.d1, make(c.s1, VILLAGE));
		for (i = 0; i < 2; i++) {
			empty(&l);
			v[4] = rx_bytes(box[i], sizeof(box[i]));
			add_row(&l, RX_TABLE_UNIT_GRANT, v);
			path[i] = repack(&l, c.s1, D1);
			(void)usleep(5000);
		}
		must(take(c.d1, path[order]));
		must(take(c.d1, path[1 - order]));
		rx_buf_reset(&kept);
		fixture_blob(c.village, "SELECT sealed FROM keys.unit_grant "
		    "WHERE compartments = 14 AND recipient = $s2", &kept);
		assert_int_equal(kept.b[0], 2);
		rx_buf_free(&l.body);
		scene_close(&c);
	}
	rx_buf_free(&kept);
}

/* d1 has other keys at home now; somebody seals him a bundle, which says so, to
 * the old ones.  What he signed from here on would not count. */
static void
test_bundle_to_keys_that_were_replaced_is_refused(void **state)
{
	struct rx_secret *p = test_passphrase("another-pass");
	struct rx_session *at_home, *s1;
	struct rx_recipient old;
	struct letter l, before;
	struct scene c;

	(void)state;
	scene_open(&c);
	recipient_of(&old, c.d1, D1);
	unpack(&before, c.d1, make(c.s1, VILLAGE));
	(void)usleep(3000);
	at_home = fixture_open(c.home, "d1");
	must(rx_session_passwd(at_home, p, &st));
	rx_session_close(at_home);
	rx_session_close(fixture_open(c.home, "admin"));	/* certifies */
	s1 = fixture_open(c.home, "s1");
	unpack(&l, s1, make(s1, TOWN));
	memcpy(l.head.unit, VILLAGE1, RX_UNIT_BYTES);
	refuses(c.d1, repack_to(&l, s1, &old), RX_ECONFLICT, COPY_STALE);
	/* The control: one that does not say so. */
	must(take(c.d1, repack_to(&before, s1, &old)));
	rx_buf_free(&l.body);
	rx_buf_free(&before.body);
	rx_secret_free(p);
	rx_session_close(s1);
	scene_close(&c);
}

static enum rx_table left_out;

static bool
not_left_out(enum rx_table table, const struct rx_value *v)
{

	(void)v;
	return (table != left_out);
}

/* A new child, and something written of it: the bundle without the rows of ${table}
 * is refused, all of it is taken. */
static void
without_rows(enum rx_table table, rx_err code, enum rx_msg msg)
{
	struct letter l;
	struct scene c;

	scene_open(&c);
	new_child(c.d1, NULL);
	observe(c.d1, "x1", "new", "mood_low", "calm");
	unpack(&l, c.s1, make(c.d1, TOWN));
	left_out = table;
	keep_rows(&l, not_left_out);
	refuses_(c.s1, repack(&l, c.d1, S1), code, msg, __FILE__, __LINE__);
	must(take(c.s1, make(c.d1, TOWN)));		/* the control */
	rx_buf_free(&l.body);
	scene_close(&c);
}

static void
test_records_without_their_child_are_refused(void **state)
{

	(void)state;
	without_rows(RX_TABLE_CHILD, RX_ENOENT, RX_MSG_CHILD_UNKNOWN);
}

static void
test_new_case_without_its_keys_is_refused(void **state)
{

	(void)state;
	without_rows(RX_TABLE_CASE_KEY, RX_ECORRUPT, RX_MSG_BUNDLE_CORRUPT);
}

static bool
not_c2_keys(enum rx_table table, const struct rx_value *v)
{

	return ((table != RX_TABLE_CASE_KEY && table != RX_TABLE_CASE_LINK) ||
	    memcmp(v[0].p, fixture_id[C2], RX_ID_BYTES) != 0);
}

/* s1 gives c2 new keys of his own: he can seal the coded one, and puts noise in
 * place of the others. */
static void
add_case_keys(struct letter *l, struct rx_session *s)
{
	uint8_t wrap[3][RX_ENV_OVERHEAD + RX_KEY_BYTES];
	uint8_t link[3][RX_ENV_OVERHEAD + RX_KEY_BYTES];
	struct rx_value key[6], chain[5];
	const struct rx_key *unit_key;
	struct rx_case kase;
	struct rx_place place;
	char unit[RX_UNIT_BYTES];
	size_t k;

	rx_unit_set(unit, VILLAGE);
	rx_case_init(&kase);
	must(rx_case_load(&kase, s, fixture_id[C2], unit,
	    RX_BIT(RX_COMP_CODED), &st));
	rx_random(wrap, sizeof(wrap));
	rx_random(link, sizeof(link));
	for (k = 0; k < 3; k++) {
		memcpy(wrap[k], "RX\1\1\2", 5);
		rx_put32(wrap[k] + 24, 1);
	}
	rx_random(s->scratch[0]->b, RX_KEY_BYTES);
	must(rx_unit_key(s, unit, RX_COMP_CODED, 1, &unit_key, NULL, &st));
	rx_place_init(&place, s, unit, fixture_id[C2], fixture_id[C2],
	    RX_TABLE_CASE_KEY, 5, 2);
	must(rx_envelope_seal(wrap[2], unit_key, RX_ENV_KEY, RX_COMP_CODED, 1,
	    &place, s->scratch[0]->b, RX_KEY_BYTES, &st));
	rx_place_init(&place, s, unit, fixture_id[C2], fixture_id[C2],
	    RX_TABLE_CASE_LINK, 4, 2);
	must(rx_envelope_seal(link[2], s->scratch[0], RX_ENV_KEY,
	    RX_COMP_CODED, 2, &place, kase.e[0].key[2]->b, RX_KEY_BYTES,
	    &st));
	key[0] = chain[0] = rx_bytes(fixture_id[C2], RX_ID_BYTES);
	key[1] = chain[1] = rx_int(2);
	key[2] = rx_text(VILLAGE);
	for (k = 0; k < 3; k++) {
		key[3 + k] = rx_bytes(wrap[k], sizeof(wrap[k]));
		chain[2 + k] = rx_bytes(link[k], sizeof(link[k]));
	}
	keep_rows(l, not_c2_keys);
	add_row(l, RX_TABLE_CASE_KEY, key);
	add_row(l, RX_TABLE_CASE_LINK, chain);
	rx_case_done(&kase, s);
}

static void
test_case_keys_by_a_supervisor_are_not_taken(void **state)
{
	struct rx_session *other;
	struct rx_bundle b;
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	unpack(&l, c.d1, make(c.s1, VILLAGE));
	add_case_keys(&l, c.s1);
	/* Who has all keys sees that they do not lead to his. */
	refuses(c.d1, repack(&l, c.s1, D1), RX_ECORRUPT, SEALED_CORRUPT);
	/* Who has the coded key only, which opens, leaves the case alone. */
	other = fixture_open(c.village, "s1");
	rx_status_clear(&st);
	memset(l.head.unit, 0, RX_UNIT_BYTES);
	memcpy(l.head.unit, "350102001000", 12);
	must(rx_bundle_open(other, repack(&l, c.s1, S1), true, &b, &st));
	assert_int_equal(b.skipped, 1);
	assert_int_equal(fixture_number(c.village, "SELECT count(*) FROM "
	    "keys.case_key WHERE epoch = 2"), 0);
	rx_session_close(other);
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* A director of the village renews the keys of c2 well formed in every part, but
 * what he seals as the key before is none that anybody had: what was written
 * under the old one would be lost. */
static void
test_case_keys_that_do_not_lead_to_the_known_ones_are_refused(void **state)
{
	static const enum rx_compartment comps[3] = { RX_COMP_IDENTITY,
	    RX_COMP_NARRATIVE, RX_COMP_CODED };
	uint8_t wrap[3][RX_ENV_OVERHEAD + RX_KEY_BYTES];
	uint8_t link[3][RX_ENV_OVERHEAD + RX_KEY_BYTES];
	struct rx_value key[6], chain[5];
	const struct rx_key *unit_key;
	struct rx_session *at_home;
	struct rx_place place;
	struct rx_case kase;
	char unit[RX_UNIT_BYTES];
	struct letter l;
	struct scene c;
	int lie;
	size_t k;

	(void)state;
	scene_open(&c);
	at_home = fixture_open(c.home, "d1");
	rx_unit_set(unit, VILLAGE);
	rx_case_init(&kase);
	/* The control last: led to the right ones they are taken. */
	for (lie = 1; lie >= 0; lie--) {
		must(rx_case_load(&kase, c.d1, fixture_id[C2], unit,
		    RX_CASE_KEYS, &st));
		rx_random(c.d1->scratch[0]->b, RX_KEY_BYTES);
		rx_random(c.d1->scratch[1]->b, RX_KEY_BYTES);
		for (k = 0; k < 3; k++) {
			must(rx_unit_key(c.d1, unit, comps[k], 1, &unit_key,
			    NULL, &st));
			rx_place_init(&place, c.d1, unit, fixture_id[C2],
			    fixture_id[C2], RX_TABLE_CASE_KEY,
			    (uint32_t)(3 + k), 2);
			must(rx_envelope_seal(wrap[k], unit_key, RX_ENV_KEY,
			    comps[k], 1, &place, c.d1->scratch[0]->b,
			    RX_KEY_BYTES, &st));
			rx_place_init(&place, c.d1, "", fixture_id[C2],
			    fixture_id[C2], RX_TABLE_CASE_LINK,
			    (uint32_t)(2 + k), 2);
			must(rx_envelope_seal(link[k], c.d1->scratch[0],
			    RX_ENV_KEY, comps[k], 2, &place, lie ?
			    c.d1->scratch[1]->b : kase.e[0].key[k]->b,
			    RX_KEY_BYTES, &st));
			key[3 + k] = rx_bytes(wrap[k], sizeof(wrap[k]));
			chain[2 + k] = rx_bytes(link[k], sizeof(link[k]));
		}
		key[0] = chain[0] = rx_bytes(fixture_id[C2], RX_ID_BYTES);
		key[1] = chain[1] = rx_int(2);
		key[2] = rx_text(VILLAGE);
		unpack(&l, c.d1, make(c.d1, VILLAGE));
		keep_rows(&l, not_c2_keys);
		add_row(&l, RX_TABLE_CASE_KEY, key);
		add_row(&l, RX_TABLE_CASE_LINK, chain);
		if (lie)
			refuses(at_home, repack(&l, c.d1, D1), RX_ECORRUPT,
			    BUNDLE_KEYS_DIFFER);
		else
			must(take(at_home, repack(&l, c.d1, D1)));
		rx_buf_free(&l.body);
	}
	rx_case_done(&kase, c.d1);
	rx_session_close(at_home);
	scene_close(&c);
}

static rx_err
reads_c1(struct rx_session *s)
{
	size_t n;

	rx_status_clear(&st);
	return (fixture_show(s, fixture_id[C1], "looking after", &n, &st));
}

/* A bundle that is new, but in which d1 has closed the supervisor's slot of a
 * flagged case; and another with a slot out of thin air. */
static void
test_stale_and_made_up_slots_are_not_taken(void **state)
{
	const struct rx_key *none[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	uint8_t box[RX_GRANT_BYTES];
	struct rx_value v[3] = { rx_bytes(fixture_id[C1], RX_ID_BYTES),
	    rx_bytes(fixture_id[S1], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	struct rx_grant_context ctx;
	struct letter l;
	struct scene c;
	int i;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c1", "mood_low", "calm");
	must(reads_c1(c.s1));
	rx_grant_context_set(&ctx, c.d1, VILLAGE1, fixture_id[C1], 1, 6);
	for (i = 0; i < 2; i++) {
		must(rx_grant_make(box, &ctx, none, RX_GRANT_CLOSED,
		    c.d1->user_id, c.d1->id, c.s1->id->box_public, &st));
		if (i == 1)
			rx_random(box, sizeof(box));
		unpack(&l, c.s1, make(c.d1, TOWN));
		add_row(&l, RX_TABLE_SLOT, v);
		must(take(c.s1, repack(&l, c.d1, S1)));
		must(reads_c1(c.s1));
		rx_buf_free(&l.body);
	}
	/* The control: put in the row as it is, it locks the supervisor out. */
	fixture_tamper_blob(c.home, "UPDATE main.slot SET sealed = ?1 "
	    "WHERE child = $c1 AND recipient = $s1", box, sizeof(box));
	assert_int_not_equal(reads_c1(c.s1), RX_OK);
	scene_close(&c);
}

/* ---- keys to slots ---- */

static bool
no_slot_key(enum rx_table table, const struct rx_value *v)
{

	(void)v;
	return (table != RX_TABLE_SLOT_KEY);
}

/* A row of slot_key of the case ${id}, of noise in two boxes of ${n} and ${m}
 * bytes. */
static void
add_slot_key(struct letter *l, const uint8_t *id, size_t n, size_t m)
{
	uint8_t noise[2][RX_ENV_KEY_BYTES + 1];
	const struct rx_value v[4] = { rx_bytes(id, RX_ID_BYTES), rx_int(1),
	    rx_bytes(noise[0], n), rx_bytes(noise[1], m) };

	rx_random(noise, sizeof(noise));
	add_row(l, RX_TABLE_SLOT_KEY, v);
}

/* A bundle of d1's village with such a row for c1, and no other. */
static const char *
with_slot_key(struct scene *c, struct rx_session *to, const char *unit,
    enum fixture_id who)
{
	struct letter l;
	const char *path;

	unpack(&l, to, make(c->d1, unit));
	keep_rows(&l, no_slot_key);
	add_slot_key(&l, fixture_id[C1], RX_ENV_KEY_BYTES, RX_ENV_KEY_BYTES);
	path = repack(&l, c->d1, who);
	rx_buf_free(&l.body);
	return (path);
}

/* The rows of slot_key in ${dir}, as one. */
static void
slot_keys_hash(const char *dir, uint8_t hash[RX_HASH_BYTES])
{
	struct rx_buf b = RX_BUF_INIT;

	fixture_blob(dir, "SELECT CAST(group_concat(hex(child) || epoch || "
	    "hex(identity) || hex(narrative)) AS BLOB) FROM (SELECT * FROM "
	    "keys.slot_key ORDER BY child)", &b);
	rx_hash(hash, RX_HASH_BYTES, NULL, "slot keys", b.b, b.len);
	rx_buf_free(&b);
}

#define SPOIL "UPDATE keys.slot_key SET identity = randomblob(136), " \
    "narrative = randomblob(136) WHERE child = $c1"

/* One whose slot opens needs no other, and one whose slot does not has his own
 * back, with what others' slots lead to. */
static void
test_made_up_keys_to_a_slot_lock_nobody_out(void **state)
{
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	struct rx_session *gone;
	struct scene c;

	(void)state;
	scene_open(&c);
	slot_keys_hash(c.home, before);
	observe(c.d1, "x1", "c1", "mood_low", "calm");
	must(take(c.s1, with_slot_key(&c, c.s1, TOWN, S1)));
	slot_keys_hash(c.home, after);
	assert_memory_equal(before, after, sizeof(before));
	must(reads_c1(c.s1));
	/* His own is lost, and by what came he gets it again. */
	fixture_tamper(c.home, "UPDATE main.slot SET sealed = "
	    "randomblob(225) WHERE child = $c1 AND recipient = $s1");
	assert_int_not_equal(reads_c1(c.s1), RX_OK);
	observe(c.d1, "x2", "c1", "mood_low", "calm");
	must(take(c.s1, with_slot_key(&c, c.s1, TOWN, S1)));
	slot_keys_hash(c.home, after);
	assert_memory_equal(before, after, sizeof(before));
	must(reads_c1(c.s1));
	gone = fixture_open(c.home, "gone");
	must(reads_c1(gone));
	/* The control: put in the row as it is, it locks everybody out. */
	fixture_tamper(c.home, SPOIL);
	assert_int_equal(reads_c1(c.s1), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_GRANT_CORRUPT);
	assert_int_equal(reads_c1(gone), RX_ECORRUPT);
	rx_session_close(gone);
	scene_close(&c);
}

/* Neither the slot nor the keys to it are right: all is as it was. */
static void
test_made_up_slot_with_made_up_keys_changes_neither(void **state)
{
	static const char slot[] = "SELECT sealed FROM main.slot WHERE "
	    "child = $c1 AND recipient = $s1";
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	uint8_t box[RX_GRANT_BYTES];
	const struct rx_value v[3] = { rx_bytes(fixture_id[C1], RX_ID_BYTES),
	    rx_bytes(fixture_id[S1], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	struct rx_buf was = RX_BUF_INIT, is = RX_BUF_INIT;
	struct rx_session *gone;
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	rx_random(box, sizeof(box));
	fixture_tamper(c.home, "UPDATE main.slot SET sealed = "
	    "randomblob(225) WHERE child = $c1 AND recipient = $s1");
	fixture_blob(c.home, slot, &was);
	slot_keys_hash(c.home, before);
	observe(c.d1, "x1", "c1", "mood_low", "calm");
	unpack(&l, c.s1, make(c.d1, TOWN));
	keep_rows(&l, no_slot_key);
	add_row(&l, RX_TABLE_SLOT, v);
	add_slot_key(&l, fixture_id[C1], RX_ENV_KEY_BYTES, RX_ENV_KEY_BYTES);
	must(take(c.s1, repack(&l, c.d1, S1)));
	slot_keys_hash(c.home, after);
	assert_memory_equal(before, after, sizeof(before));
	fixture_blob(c.home, slot, &is);
	assert_int_equal(is.len, was.len);
	assert_memory_equal(is.b, was.b, was.len);
	gone = fixture_open(c.home, "gone");
	must(reads_c1(gone));
	rx_session_close(gone);
	rx_buf_free(&was);
	rx_buf_free(&is);
	rx_buf_free(&l.body);
	scene_close(&c);
}

static bool
no_slot_of_s1(enum rx_table table, const struct rx_value *v)
{

	return (table != RX_TABLE_SLOT ||
	    memcmp(v[1].p, fixture_id[S1], RX_ID_BYTES) != 0);
}

/* A case is flagged in the copy, and the keys to its slots are made up: those of
 * home lead to the same, so they stay; also where the opener can try none, or one out
 * of thin air, in whose place his own stays, closed. */
static void
test_made_up_keys_to_the_slots_of_a_new_flag_are_not_taken(void **state)
{
	enum { MINE, NONE, MADE_UP, KINDS };
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	uint8_t box[RX_GRANT_BYTES];
	const struct rx_value v[3] = { rx_bytes(fixture_id[C2], RX_ID_BYTES),
	    rx_bytes(fixture_id[S1], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	struct rx_session *gone;
	struct letter l;
	struct scene c;
	size_t n;
	int kind;

	(void)state;
	rx_random(box, sizeof(box));
	for (kind = MINE; kind < KINDS; kind++) {
		scene_open(&c);
		slot_keys_hash(c.home, before);
		observe(c.d1, "x1", "c2", "self_harm", "help");
		unpack(&l, c.s1, make(c.d1, TOWN));
		keep_rows(&l, no_slot_key);
		if (kind != MINE)
			keep_rows(&l, no_slot_of_s1);
		if (kind == MADE_UP)
			add_row(&l, RX_TABLE_SLOT, v);
		add_slot_key(&l, fixture_id[C2], RX_ENV_KEY_BYTES,
		    RX_ENV_KEY_BYTES);
		must(take(c.s1, repack(&l, c.d1, S1)));
		slot_keys_hash(c.home, after);
		assert_memory_equal(before, after, sizeof(before));
		rx_status_clear(&st);
		assert_int_equal(fixture_show(c.s1, fixture_id[C2], "reason",
		    &n, &st), kind == MINE ? RX_OK : RX_EPERM);
		gone = fixture_open(c.home, "gone");
		must(fixture_show(gone, fixture_id[C2], "reason", &n, &st));
		rx_session_close(gone);
		rx_buf_free(&l.body);
		scene_close(&c);
	}
}

/* Where nobody can try them they are kept for whom they are for, as far as they
 * have the form. */
static void
test_keys_to_a_slot_of_another_size_are_refused(void **state)
{
	static const size_t size[][2] = {
		{ RX_ENV_KEY_BYTES - 1, RX_ENV_KEY_BYTES },
		{ RX_ENV_KEY_BYTES + 1, RX_ENV_KEY_BYTES },
		{ 0, RX_ENV_KEY_BYTES },
		{ RX_ENV_KEY_BYTES, RX_ENV_KEY_BYTES - 1 },
		{ RX_ENV_KEY_BYTES, RX_ENV_KEY_BYTES + 1 },
		{ RX_ENV_KEY_BYTES, 0 },
		{ RX_ENV_KEY_BYTES, RX_ENV_KEY_BYTES },	/* the control */
	};
	uint8_t id[RX_ID_BYTES];
	struct letter l;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	new_child(c.d1, id);
	for (i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		unpack(&l, c.s1, make(c.d1, TOWN));
		keep_rows(&l, no_slot_key);
		add_slot_key(&l, id, size[i][0], size[i][1]);
		if (size[i][0] + size[i][1] != 2 * RX_ENV_KEY_BYTES)
			refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT,
			    BUNDLE_CORRUPT);
		else
			must(take(c.s1, repack(&l, c.d1, S1)));
		rx_buf_free(&l.body);
	}
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "keys.slot_key WHERE child NOT IN ($c1, $c2, $c3)"), 1);
	scene_close(&c);
}

/* A director has the keys of the case itself: he puts right what leads to them. */
static void
test_director_puts_keys_to_a_slot_right_with_a_bundle(void **state)
{
	struct rx_session *d1;
	struct scene c;

	(void)state;
	scene_open(&c);
	d1 = fixture_open(c.home, "d1");
	fixture_tamper(c.home, SPOIL);
	assert_int_equal(reads_c1(c.s1), RX_ECORRUPT);	/* the control */
	observe(c.d1, "x1", "c1", "mood_low", "calm");
	must(take(d1, with_slot_key(&c, d1, VILLAGE, D1)));
	must(reads_c1(c.s1));
	rx_session_close(d1);
	scene_close(&c);
}

static bool
no_old_slot(enum rx_table table, const struct rx_value *v)
{

	(void)v;
	return (table != RX_TABLE_SLOT_OLD);
}

/* The letter as of a copy from before slots lay with the sealed data. */
static void
slots_before(struct letter *l)
{
	struct rx_value v[RX_COLUMNS_MAX];
	struct letter old = { .head = l->head };
	enum rx_table table;
	size_t at, n;

	must(rx_buf_add(&old.body, l->body.b, RX_BUNDLE_HEAD, &st));
	for (at = RX_BUNDLE_HEAD; at < l->body.len; at += 4 + n) {
		n = rx_get32(l->body.b + at);
		must(rx_row_decode(&table, v, l->body.b + at + 4, n, &st));
		if (table != RX_TABLE_SLOT_KEY)
			add_row(&old, table == RX_TABLE_SLOT ?
			    RX_TABLE_SLOT_OLD : table, v);
	}
	rx_buf_free(&l->body);
	*l = old;
}

#define NEW_CHILD "child NOT IN ($c1, $c2, $c3)"
#define SLOTS_SEALED "SELECT CAST(group_concat(hex(sealed)) AS BLOB) FROM " \
    "(SELECT sealed FROM main.slot ORDER BY child, recipient)"

/* They may be open ones, of the keys themselves, which are not to lie anywhere
 * but where they lay: the bundle is taken, and they are not. */
static void
test_slots_of_before_are_not_taken_from_a_bundle(void **state)
{
	struct rx_buf was = RX_BUF_INIT, is = RX_BUF_INIT;
	struct rx_session *d1;
	struct letter l;
	struct scene c;
	const char *path;

	(void)state;
	scene_open(&c);
	d1 = fixture_open(c.home, "d1");
	fixture_blob(c.home, SLOTS_SEALED, &was);
	new_child(c.d1, NULL);
	observe(c.d1, "x1", "c2", "self_harm", "help");
	unpack(&l, c.s1, make(c.d1, TOWN));
	slots_before(&l);
	must(take(c.s1, repack(&l, c.d1, S1)));
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM child "
	    "WHERE id NOT IN ($c1, $c2, $c3)"), 1);
	fixture_blob(c.home, SLOTS_SEALED, &is);
	assert_int_equal(was.len, is.len);
	assert_memory_equal(was.b, is.b, is.len);
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "keys.slot"), 0);
	/* Nor does a director, who writes slots of his own; the second time
	 * there is nothing to do, whatever comes of slots. */
	observe(c.d1, "x2", "new", "mood_low", "calm");
	rx_buf_free(&l.body);
	unpack(&l, d1, make(c.d1, VILLAGE));
	slots_before(&l);
	path = repack(&l, c.d1, D1);
	must(take(d1, path));
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "keys.slot"), 0);
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "main.slot WHERE " NEW_CHILD), 2);
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "keys.slot_key WHERE " NEW_CHILD), 1);
	rx_buf_reset(&was);
	fixture_blob(c.home, SLOTS_SEALED, &was);
	must(take(d1, path));
	rx_buf_reset(&is);
	fixture_blob(c.home, SLOTS_SEALED, &is);
	assert_int_equal(was.len, is.len);
	assert_memory_equal(was.b, is.b, is.len);
	rx_buf_free(&was);
	rx_buf_free(&is);
	rx_buf_free(&l.body);
	rx_session_close(d1);
	scene_close(&c);
}

static bool
no_slots_of_c2(enum rx_table table, const struct rx_value *v)
{

	return ((table != RX_TABLE_SLOT && table != RX_TABLE_SLOT_KEY) ||
	    memcmp(v[0].p, fixture_id[C2], RX_ID_BYTES) != 0);
}

/* A supervisor may write slots of a case that is closed to him.  He sends a
 * colleague the flag of a director, and with it keys of his own. */
static void
test_slot_with_keys_of_a_colleague_is_not_taken(void **state)
{
	const struct rx_key chosen = { "the forger knows this very well" };
	uint8_t box[RX_GRANT_BYTES], led[2][RX_ENV_KEY_BYTES];
	struct rx_value v[4] = { rx_bytes(fixture_id[C2], RX_ID_BYTES),
	    rx_bytes(fixture_id[S1], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	struct rx_key slot;
	const struct rx_key *keys[RX_GRANT_KEYS] = { &slot, &slot, NULL };
	struct rx_grant_context ctx;
	static const char led_to[] = "SELECT identity || narrative FROM "
	    "keys.slot_key WHERE child = $c2";
	struct rx_buf before = RX_BUF_INIT, after = RX_BUF_INIT;
	struct rx_session *colleague, *d1;
	struct rx_place place;
	const char *honest;
	struct letter l;
	struct scene c;
	uint32_t k;
	size_t n;

	(void)state;
	scene_open(&c);
	colleague = fixture_open(c.home, "gone");
	observe(c.d1, "x1", "c2", "suicide_attempt", "now");
	honest = make(c.d1, TOWN);
	unpack(&l, colleague, honest);
	keep_rows(&l, no_slots_of_c2);
	rx_slot_key(&slot, &chosen);
	rx_grant_context_set(&ctx, colleague, VILLAGE1, fixture_id[C2], 1, 6);
	must(rx_grant_make(box, &ctx, keys, RX_GRANT_SLOT, colleague->user_id,
	    colleague->id, c.s1->id->box_public, &st));
	add_row(&l, RX_TABLE_SLOT, v);
	v[1] = rx_int(1);
	for (k = 0; k < 2; k++) {
		rx_place_init(&place, colleague, "", fixture_id[C2],
		    fixture_id[C2], RX_TABLE_SLOT_KEY, 2 + k, 1);
		must(rx_envelope_seal(led[k], &slot, RX_ENV_KEY,
		    rx_case_comp[k], 1, &place, chosen.b, RX_KEY_BYTES, &st));
		v[2 + k] = rx_bytes(led[k], RX_ENV_KEY_BYTES);
	}
	add_row(&l, RX_TABLE_SLOT_KEY, v);
	fixture_blob(c.home, led_to, &before);
	must(take(c.s1, repack(&l, colleague, S1)));
	fixture_blob(c.home, led_to, &after);
	assert_int_equal(after.len, before.len);
	assert_memory_equal(after.b, before.b, before.len);
	assert_int_not_equal(fixture_show(c.s1, fixture_id[C2], "r", &n, &st),
	    RX_OK);
	assert_int_equal(n, 0);
	rx_status_clear(&st);
	/* Nobody else was given them either, and the director reads on. */
	assert_int_not_equal(fixture_show(colleague, fixture_id[C2], "r", &n,
	    &st), RX_OK);
	rx_status_clear(&st);
	d1 = fixture_open(c.home, "d1");
	must(fixture_show(d1, fixture_id[C2], NULL, &n, &st));
	rx_session_close(d1);
	rx_session_close(colleague);
	rx_buf_free(&before);
	rx_buf_free(&after);
	rx_buf_free(&l.body);
	scene_close(&c);

	/* The control: the director's own opens the case to s1. */
	scene_open(&c);
	observe(c.d1, "x1", "c2", "suicide_attempt", "now");
	must(take(c.s1, make(c.d1, TOWN)));
	must(fixture_show(c.s1, fixture_id[C2], "r", &n, &st));
	assert_true(n > 0);
	scene_close(&c);
}

/* The slots of c2 become those of before, or (${none}) there are none. */
static void
no_slots_yet(const char *dir, bool none)
{

	if (!none)
		fixture_tamper(dir, "INSERT INTO keys.slot SELECT * FROM "
		    "main.slot WHERE child = $c2");
	fixture_tamper(dir, "DELETE FROM main.slot WHERE child = $c2");
	fixture_tamper(dir, "DELETE FROM keys.slot_key WHERE child = $c2");
}

/* Where there are none, or those of before: what is made up takes no place. */
static void
test_made_up_slots_fill_no_empty_place(void **state)
{
	static const char mine[] = "SELECT count(*) FROM main.slot WHERE "
	    "child = $c2 AND recipient = $s1";
	static const char led[] = "SELECT count(*) FROM keys.slot_key WHERE "
	    "child = $c2";
	uint8_t box[RX_GRANT_BYTES], key[RX_ENV_KEY_BYTES];
	const struct rx_value v[3] = { rx_bytes(fixture_id[C2], RX_ID_BYTES),
	    rx_bytes(fixture_id[S1], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	const struct rx_value w[4] = { rx_bytes(fixture_id[C2], RX_ID_BYTES),
	    rx_int(77), rx_bytes(key, sizeof(key)),
	    rx_bytes(key, sizeof(key)) };
	struct letter l;
	struct scene c;
	size_t n;
	int none;

	(void)state;
	rx_random(box, sizeof(box));
	rx_random(key, sizeof(key));
	for (none = 0; none < 2; none++) {
		scene_open(&c);
		no_slots_yet(c.home, none == 1);
		observe(c.d1, "x1", "c2", "mood_low", "calm");
		unpack(&l, c.s1, make(c.d1, TOWN));
		keep_rows(&l, no_slots_of_c2);
		add_row(&l, RX_TABLE_SLOT, v);
		add_row(&l, RX_TABLE_SLOT_KEY, w);
		must(take(c.s1, repack(&l, c.d1, S1)));
		assert_int_equal(fixture_number(c.home, mine), 0);
		assert_int_equal(fixture_number(c.home, led), 0);
		/* It stays closed, and is not damaged. */
		refused(fixture_show(c.s1, fixture_id[C2], "r", &n, &st),
		    RX_EPERM, &st);
		rx_buf_free(&l.body);
		scene_close(&c);

		/* The control: true ones fill a place that is empty. */
		scene_open(&c);
		no_slots_yet(c.home, none == 1);
		observe(c.d1, "x1", "c2", "mood_low", "calm");
		must(take(c.s1, make(c.d1, TOWN)));
		assert_int_equal(fixture_number(c.home, mine), none);
		assert_int_equal(fixture_number(c.home, led), 1);
		scene_close(&c);
	}
}

/* A copy of before gets what slots lead to with the next bundle of home, new or
 * not. */
static void
test_copy_of_before_gets_what_slots_lead_to_from_home(void **state)
{
	static const char led[] = "SELECT count(*) FROM keys.slot_key";
	struct rx_session *d1;
	struct scene c;

	(void)state;
	scene_open(&c);
	d1 = fixture_open(c.home, "d1");
	must(take(c.d1, make(d1, VILLAGE)));
	fixture_tamper(c.village, "DELETE FROM keys.slot_key");
	assert_int_equal(fixture_number(c.village, led), 0);
	must(take(c.d1, make(d1, VILLAGE)));
	assert_true(fixture_number(c.village, led) >= 2);
	rx_session_close(d1);
	scene_close(&c);
}

/* A flag comes from a copy that does not know yet that the case has new keys. */
static void
test_slots_of_older_keys_are_not_taken(void **state)
{
	struct rx_session *d1, *other;
	struct rx_flag_row flag;
	struct rx_bundle b;
	struct scene c;
	size_t n;

	(void)state;
	scene_open(&c);
	flag = fixture_flag(c.s1);
	must(rx_review_decide(c.s1, &flag, "close", "done", &st));
	d1 = fixture_open(c.home, "d1");
	observe(d1, "y1", "c1", "mood_low", "calm");
	rx_session_close(d1);
	assert_int_equal(fixture_number(c.home, "SELECT max(epoch) FROM "
	    "keys.case_key WHERE child = $c1"), 2);
	observe(c.d1, "x9", "c1", "suicide_attempt", "now");
	must(rx_bundle_open(c.s1, make(c.d1, TOWN), true, &b, &st));
	assert_int_equal(b.records, 1);
	assert_int_equal(fixture_number(c.home, "SELECT epoch FROM "
	    "keys.slot_key WHERE child = $c1"), 2);
	/* The slots here are closed ones of the new keys, and stay his who gets
	 * new keys himself. */
	other = fixture_open(c.home, "gone");
	refused(fixture_show(other, fixture_id[C1], "r", &n, &st), RX_EPERM,
	    &st);
	must(rx_begin(other, &st));
	must(rx_grants_rekey(other, other->id, &st));
	rx_abandon(other);
	rx_session_close(other);
	/* The control: who has the keys opens them for the flag that came. */
	d1 = fixture_open(c.home, "d1");
	observe(d1, "y2", "c1", "mood_low", "calm");
	rx_session_close(d1);
	must(fixture_show(c.s1, fixture_id[C1], "r", &n, &st));
	scene_close(&c);
}

/* d1 gives slots of an unflagged case to whom he likes: one for a supervisor
 * above it is kept for him to verify, one for anybody else is not. */
static void
test_slot_for_somebody_who_reviews_nothing_is_not_taken(void **state)
{
	uint8_t box[RX_GRANT_BYTES], above[RX_ID_BYTES];
	struct rx_value v[3] = { rx_bytes(fixture_id[C2], RX_ID_BYTES),
	    rx_bytes(fixture_id[ST], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	struct rx_secret *p = test_passphrase("s3-pass");
	struct rx_session *admin;
	struct letter l;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	admin = fixture_open(c.home, "admin");
	must(rx_user_add(admin, "s3", RX_ROLE_SUPERVISOR, "350102", p, &st));
	for (i = 0; i < admin->nmembers; i++)
		if (strcmp(admin->members[i].cert.name, "s3") == 0)
			memcpy(above, admin->members[i].cert.user,
			    RX_ID_BYTES);
	rx_session_close(admin);
	rx_secret_free(p);
	rx_random(box, sizeof(box));
	observe(c.d1, "x1", "c2", "mood_low", "calm");
	unpack(&l, c.s1, make(c.d1, TOWN));
	add_row(&l, RX_TABLE_SLOT, v);
	v[1] = rx_bytes(fixture_id[S2], RX_ID_BYTES);
	add_row(&l, RX_TABLE_SLOT, v);
	v[1] = rx_bytes(above, RX_ID_BYTES);
	add_row(&l, RX_TABLE_SLOT, v);
	must(take(c.s1, repack(&l, c.d1, S1)));
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "main.slot WHERE child = $c2 AND recipient IN ($st, $s2)"), 0);
	/* The control. */
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "main.slot WHERE child = $c2 AND recipient NOT IN ($s1, $st, "
	    "$s2, $gone)"), 1);
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* d1 hands s1 the keys of c2 themselves, as an older program does. */
static void
open_before(struct letter *l, struct rx_session *d1, const struct scene *c)
{
	uint8_t box[RX_GRANT_BYTES];
	const struct rx_value v[3] = { rx_bytes(fixture_id[C2], RX_ID_BYTES),
	    rx_bytes(fixture_id[S1], RX_ID_BYTES),
	    rx_bytes(box, sizeof(box)) };
	const struct rx_key *keys[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	struct rx_grant_context ctx;
	struct rx_case kase;

	rx_case_init(&kase);
	must(rx_case_load(&kase, d1, fixture_id[C2], VILLAGE1, RX_CASE_KEYS,
	    &st));
	keys[0] = kase.e[0].key[0];
	keys[1] = kase.e[0].key[1];
	rx_grant_context_set(&ctx, d1, VILLAGE1, fixture_id[C2], 1, 6);
	must(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, d1->user_id, d1->id,
	    c->s1->id->box_public, &st));
	rx_case_done(&kase, d1);
	add_row(l, RX_TABLE_SLOT_OLD, v);
}

/* He reads by it, and it is stored nowhere: what he has then is a slot of now. */
static void
test_open_slot_of_before_in_a_bundle_is_read_and_not_kept(void **state)
{
	struct rx_buf box = RX_BUF_INIT;
	struct rx_grant g;
	struct letter l;
	struct scene c;
	size_t n;

	(void)state;
	scene_open(&c);
	observe(c.d1, "x1", "c2", "self_harm", "help");
	unpack(&l, c.s1, make(c.d1, TOWN));
	slots_before(&l);
	keep_rows(&l, no_old_slot);
	open_before(&l, c.d1, &c);
	must(take(c.s1, repack(&l, c.d1, S1)));
	must(fixture_show(c.s1, fixture_id[C2], "reason", &n, &st));
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "keys.slot"), 0);
	fixture_blob(c.home, "SELECT sealed FROM main.slot WHERE child = $c2 "
	    "AND recipient = $s1", &box);
	must(rx_grant_open(&g, box.b, box.len, c.s1->id, &st));
	assert_int_equal(g.kind, RX_GRANT_SLOT);
	rx_wipe(&g, sizeof(g));
	rx_buf_free(&box);
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* ---- versions ---- */

struct forgery {
	enum rx_type type;
	uint8_t id[RX_ID_BYTES];	/* of the record that it passes for */
	uint32_t version;
	enum fixture_id child;
	const char *unit;		/* 16 bytes */
	int64_t at;			/* 0: now */
	int flag;			/* 0: it raises none */
	bool replaces;			/* the stored one of this number */
};

/* The user of ${s} writes ${f} well formed and signed, past the checks of the
 * program. */
static void
forge(struct rx_session *s, const struct forgery *f)
{
	const bool activity = f->type == RX_ACTIVITY;
	const struct rx_code *close = rx_code_by_key(RX_LIST_DECISION,
	    "close");
	const struct rx_value key[2] = { rx_bytes(f->id, RX_ID_BYTES),
	    rx_int(f->version) };
	struct rx_case kase;
	struct rx_record r;

	rx_record_init(&r);
	r.type = f->type;
	memcpy(r.id, f->id, RX_ID_BYTES);
	r.version = f->version;
	if (!activity)
		memcpy(r.child, fixture_id[f->child], RX_ID_BYTES);
	memcpy(r.unit, f->unit, RX_UNIT_BYTES);
	memcpy(r.author, s->user_id, RX_ID_BYTES);
	r.at = f->at != 0 ? f->at : rx_session_now(s);
	must(rx_record_set_text(&r, RX_F_CALLER_ID, "forged", 6, &st));
	must(rx_record_set_int(&r, RX_F_DATE, rx_date_today(), &st));
	if (f->flag != 0)
		must(rx_record_set_int(&r, RX_F_RAISES_FLAG, f->flag, &st));
	if (f->type == RX_REVIEW) {
		must(rx_record_set_int(&r, RX_F_DECISION, close->no, &st));
		must(rx_record_set_ids(&r, RX_F_FLAG, fixture_id[O1], 1,
		    &st));
	}
	must(rx_begin(s, &st));
	rx_case_init(&kase);
	if (!activity)
		must(rx_case_load(&kase, s, fixture_id[f->child], f->unit,
		    RX_CASE_KEYS, &st));
	if (f->replaces)
		must(rx_store_delete(s->store, RX_TABLE_RECORD, key, NULL,
		    &st));
	must(rx_row_insert(s, activity ? NULL : &kase, &r, &st));
	rx_case_done(&kase, s);
	must(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
	rx_record_free(&r);
}

/* A forgery of the village's own record ${id}, new if NULL. */
static struct forgery
of(enum rx_type type, const uint8_t *id, uint32_t version)
{
	struct forgery f = { .type = type, .version = version, .child = C1,
	    .unit = VILLAGE1 };

	if (id != NULL)
		memcpy(f.id, id, RX_ID_BYTES);
	else
		rx_uuid7(f.id, rx_time_now());
	return (f);
}

static size_t
records_of_c1(const char *home)
{
	struct rx_session *s = fixture_open(home, "d1");
	size_t n;

	must(fixture_show(s, fixture_id[C1], NULL, &n, &st));
	rx_session_close(s);
	return (n);
}

/* d2 writes in his own case a later version of a record of the other village: it
 * would take the place of the one that is there. */
static void
test_record_of_another_case_takes_no_place(void **state)
{
	struct forgery f = of(RX_OBSERVATION, fixture_id[O1], 3);
	struct rx_session *d2;
	struct scene c;
	size_t before;

	(void)state;
	scene_open(&c);
	before = records_of_c1(c.home);
	d2 = fixture_open(c.village, "d2");
	f.child = C3;
	f.unit = VILLAGE2;
	forge(d2, &f);
	refuses(c.s1, make(d2, TOWN), RX_ECORRUPT, BUNDLE_VERSION);
	assert_int_equal(records_of_c1(c.home), before);
	rx_session_close(d2);
	scene_close(&c);
	/* The control: under an id of its own it is taken. */
	scene_open(&c);
	d2 = fixture_open(c.village, "d2");
	f = of(RX_OBSERVATION, NULL, 1);
	f.child = C3;
	f.unit = VILLAGE2;
	forge(d2, &f);
	must(take(c.s1, make(d2, TOWN)));
	rx_session_close(d2);
	scene_close(&c);
}

static void
test_activity_of_another_unit_takes_no_place(void **state)
{
	struct forgery f = of(RX_ACTIVITY, fixture_id[A1], 2);
	struct rx_session *d2;
	struct scene c;

	(void)state;
	scene_open(&c);
	d2 = fixture_open(c.village, "d2");
	f.unit = VILLAGE2;
	forge(d2, &f);
	refuses(c.s1, make(d2, TOWN), RX_ECORRUPT, BUNDLE_VERSION);
	rx_session_close(d2);
	scene_close(&c);
	/* The control: a correction by its own unit. */
	scene_open(&c);
	f.unit = VILLAGE1;
	forge(c.d1, &f);
	must(take(c.s1, make(c.d1, TOWN)));
	scene_close(&c);
}

/* A director puts an observation in the place of a supervisor's decision, and a
 * second version of what is never corrected. */
static void
test_version_of_another_kind_is_refused(void **state)
{
	static const enum rx_type never[2] = { RX_CONSENT, RX_REPORT };
	uint8_t id[RX_ID_BYTES];
	struct forgery f;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	f = of(RX_OBSERVATION, fixture_id[O2], 2);
	f.type = RX_INTERVENTION;
	forge(c.d1, &f);
	refuses(c.s1, make(c.d1, TOWN), RX_ECORRUPT, BUNDLE_VERSION);
	scene_close(&c);
	for (i = 0; i < 2; i++) {
		scene_open(&c);
		f = of(never[i], NULL, 1);
		memcpy(id, f.id, RX_ID_BYTES);
		forge(c.d1, &f);
		must(take(c.s1, make(c.d1, TOWN)));
		f = of(never[i], id, 2);
		forge(c.d1, &f);
		refuses(c.s1, make(c.d1, TOWN), RX_ECORRUPT, BUNDLE_VERSION);
		scene_close(&c);
	}
	/* The control: a correction of the same kind. */
	scene_open(&c);
	f = of(RX_OBSERVATION, fixture_id[O2], 2);
	forge(c.d1, &f);
	must(take(c.s1, make(c.d1, TOWN)));
	scene_close(&c);
}

/* A number so high that no correction could follow it. */
static void
test_version_far_from_the_others_is_refused(void **state)
{
	struct forgery f = of(RX_OBSERVATION, fixture_id[O2], UINT32_MAX - 1);
	struct scene c;

	(void)state;
	scene_open(&c);
	forge(c.d1, &f);
	refuses(c.s1, make(c.d1, TOWN), RX_ECORRUPT, BUNDLE_VERSION);
	scene_close(&c);
	/* The control: some were left out. */
	scene_open(&c);
	f.version = 9;
	forge(c.d1, &f);
	must(take(c.s1, make(c.d1, TOWN)));
	scene_close(&c);
}

static rx_err
count_flagged(void *cookie, const struct rx_child_row *row,
    struct rx_status *status)
{

	(void)status;
	*(size_t *)cookie += row->flagged;
	return (RX_OK);
}

/* c1 and c3 are, as s1 sees it. */
static size_t
flagged(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "s1");
	size_t n = 0;

	must(rx_child_each(s, 0, 0, count_flagged, &n, &st));
	rx_session_close(s);
	return (n);
}

/* The observation that raised the flag of c1 raises none in a later version, nor
 * in another one of the same number that is dated later. */
static void
test_flag_is_not_taken_back_by_a_bundle(void **state)
{
	struct forgery f;
	struct scene c;
	uint32_t version;

	(void)state;
	for (version = 2; version <= 3; version++) {
		scene_open(&c);
		f = of(RX_OBSERVATION, fixture_id[O1], version);
		f.replaces = version == 2;
		forge(c.d1, &f);
		assert_int_equal(flagged(c.home), 2);
		must(take(c.s1, make(c.d1, TOWN)));
		assert_int_equal(flagged(c.home), 2);
		scene_close(&c);
	}
	/* The control: of an observation that raised none they are taken, and
	 * one that raises a flag raises it. */
	for (version = 2; version <= 3; version++) {
		scene_open(&c);
		f = of(RX_OBSERVATION, fixture_id[O3], version);
		f.child = C2;
		f.flag = version == 2 ? 0 : 2;
		forge(c.d1, &f);
		must(take(c.s1, make(c.d1, TOWN)));
		assert_int_equal(flagged(c.home), version);
		scene_close(&c);
	}
}

/* d1, who is a supervisor besides, closes the flag that he raised. */
static void
test_own_flag_is_not_decided_by_a_bundle(void **state)
{
	struct forgery f = of(RX_REVIEW, NULL, 1);
	const char *home = fixture_copy(), *village;
	struct rx_session *s, *admin;

	(void)state;
	admin = fixture_open(home, "admin");
	must(rx_user_add(admin, "d1", RX_ROLE_SUPERVISOR, "350102001", NULL,
	    &st));
	rx_session_close(admin);
	rx_session_close(fixture_open(home, "d2"));
	village = fixture_village(home);
	s = fixture_open(village, "d1");
	forge(s, &f);
	admin = fixture_open(home, "s1");
	must(take(admin, make(s, TOWN)));
	rx_session_close(s);
	rx_session_close(admin);
	assert_int_equal(flagged(home), 2);
}

/* The same row but for a zero byte after its unit: signature and boxes are right,
 * and no list of the unit would show the child. */
static void
test_zero_byte_after_a_text_is_refused(void **state)
{
	static const char unit[] = VILLAGE "\0";
	struct rx_value v[RX_COLUMNS_MAX];
	struct rx_buf kept = RX_BUF_INIT;
	enum rx_table table;
	struct letter l;
	struct scene c;
	size_t at, n;

	(void)state;
	scene_open(&c);
	unpack(&l, c.s1, make(c.d1, TOWN));
	must(rx_buf_add(&kept, l.body.b, l.body.len, &st));
	empty(&l);
	for (at = RX_BUNDLE_HEAD; at < kept.len; at += 4 + n) {
		n = rx_get32(kept.b + at);
		must(rx_row_decode(&table, v, kept.b + at + 4, n, &st));
		if (table != RX_TABLE_CHILD)
			continue;
		v[2].p = unit;
		v[2].n = sizeof(unit) - 1;
		add_row(&l, table, v);
	}
	assert_true(l.body.len > RX_BUNDLE_HEAD);
	refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT, BUNDLE_CORRUPT);
	rx_buf_free(&l.body);
	rx_buf_free(&kept);
	scene_close(&c);
	/* The control: in the files such a row hides the child from its list,
	 * and its signature is good. */
	{
		const char *dir = fixture_copy();
		struct rx_session *s;

		fixture_tamper(dir, "UPDATE child SET unit = unit || char(0) "
		    "WHERE id = $c2");
		assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
		    "child WHERE unit = '" VILLAGE "' AND id = $c2"), 0);
		s = fixture_open(dir, "d1");
		must(fixture_show(s, fixture_id[C2], NULL, &n, &st));
		rx_session_close(s);
	}
}

/* ---- times and numbers ---- */

/* A year ahead it would win against whatever is corrected, and when its author
 * is disabled it would be of after his end, and nobody could open the case. */
static void
test_record_dated_after_its_bundle_is_refused(void **state)
{
	const int64_t year = INT64_C(365) * 86400 * 1000;
	struct forgery f = of(RX_OBSERVATION, NULL, 1);
	struct rx_session *s;
	struct scene c;

	(void)state;
	scene_open(&c);
	f.at = rx_time_now() + year;
	forge(c.d1, &f);
	refuses(c.s1, make(c.d1, TOWN), RX_ECORRUPT, BUNDLE_LATER);
	scene_close(&c);
	/* The control: in the home register it does just that. */
	scene_open(&c);
	s = fixture_open(c.home, "d1");
	forge(s, &f);
	rx_session_close(s);
	must(reads_c1(c.s1));
	s = fixture_open(c.home, "admin");
	must(rx_user_disable(s, "d1", &st));
	rx_session_close(s);
	assert_int_equal(reads_c1(c.s1), RX_ECORRUPT);
	scene_close(&c);
}

/* A clock that is hours ahead is an honest one: what was taken from there stays
 * good when its author is disabled at once. */
static void
test_record_of_a_clock_ahead_outlives_its_authors_end(void **state)
{
	const int64_t ahead = INT64_C(5) * 3600 * 1000;
	struct forgery f = of(RX_OBSERVATION, NULL, 1);
	uint8_t digest[RX_HASH_BYTES];
	struct rx_buf out = RX_BUF_INIT;
	struct rx_recipient r;
	struct rx_session *s;
	struct letter l;
	struct scene c;

	(void)state;
	scene_open(&c);
	f.at = rx_session_now(c.d1) + ahead;
	forge(c.d1, &f);
	unpack(&l, c.s1, make(c.d1, TOWN));
	l.head.made = f.at;
	recipient_of(&r, c.s1, S1);
	must(rx_container_seal(&out, &l.head, &r, 1, c.d1->id->sign_secret,
	    l.body.b, l.body.len, digest, &st));
	must(take(c.s1, put(out.b, out.len)));
	/* What is made here next is not of before it. */
	rx_buf_free(&l.body);
	unpack(&l, c.d1, make(c.s1, VILLAGE));
	assert_true(l.head.made >= f.at);
	s = fixture_open(c.home, "admin");
	must(rx_user_disable(s, "d1", &st));
	rx_session_close(s);
	must(reads_c1(c.s1));
	rx_buf_free(&l.body);
	rx_buf_free(&out);
	scene_close(&c);
}

/* A bundle that says it was made here, with the last number there is. */
static void
test_own_count_is_not_set_forth_by_a_bundle(void **state)
{
	static const uint64_t bad[2] = { 0, UINT64_MAX };
	uint8_t digest[RX_HASH_BYTES];
	struct rx_buf out = RX_BUF_INIT;
	struct rx_recipient r;
	struct letter l;
	struct scene c;
	size_t i;

	(void)state;
	scene_open(&c);
	unpack(&l, c.s1, make(c.d1, TOWN));
	empty(&l);
	memset(l.head.copy, 0, RX_ID_BYTES);
	memset(l.body.b + RX_CERT_BYTES + 8 + RX_HASH_BYTES, 0,
	    RX_USER_NAME_BYTES);
	recipient_of(&r, c.s1, S1);
	for (i = 0; i < 2; i++) {
		l.head.number = bad[i];
		rx_buf_reset(&out);
		must(rx_container_seal(&out, &l.head, &r, 1,
		    c.d1->id->sign_secret, l.body.b, l.body.len, digest,
		    &st));
		refuses(c.s1, put(out.b, out.len), RX_ECORRUPT,
		    BUNDLE_CORRUPT);
	}
	l.head.number = 1000000;
	must(take(c.s1, repack(&l, c.d1, S1)));
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "main.bundle WHERE number = 1000000"), 0);
	/* The control: as another copy's number it is remembered. */
	memset(l.head.copy, 7, RX_ID_BYTES);
	memcpy(l.body.b + RX_CERT_BYTES + 8 + RX_HASH_BYTES, "x", 1);
	must(take(c.s1, repack(&l, c.d1, S1)));
	assert_int_equal(fixture_number(c.home, "SELECT count(*) FROM "
	    "main.bundle WHERE number = 1000000"), 1);
	rx_buf_free(&l.body);
	rx_buf_free(&out);
	scene_close(&c);
}

/* The name of a copy stands in entries of the audit, as one word. */
static void
test_name_of_a_copy_is_one_word_and_not_the_homes(void **state)
{
	static const char *const bad[] = { "", "home", "a b", "a:b",
	    "\x1b[2J", "a\nb", "\xff" };
	struct letter l;
	struct scene c;
	size_t i;
	uint8_t *name;

	(void)state;
	scene_open(&c);
	unpack(&l, c.s1, make(c.d1, TOWN));
	name = l.body.b + RX_CERT_BYTES + 8 + RX_HASH_BYTES;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memset(name, 0, RX_USER_NAME_BYTES);
		memcpy(name, bad[i], strlen(bad[i]));
		refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT,
		    BUNDLE_CORRUPT);
	}
	/* Nor does the home register have one. */
	memcpy(name, "x\0", 2);
	memset(l.head.copy, 0, RX_ID_BYTES);
	refuses(c.s1, repack(&l, c.d1, S1), RX_ECORRUPT, BUNDLE_CORRUPT);
	memset(l.head.copy, 7, RX_ID_BYTES);
	must(take(c.s1, repack(&l, c.d1, S1)));
	rx_buf_free(&l.body);
	scene_close(&c);
}

/* d1 has renewed the keys of c2 in his copy, by the program's own hand, ${n}
 * times. */
static void
renew_c2(struct rx_session *d1, int n)
{
	struct rx_case kase;
	int i;

	for (i = 0; i < n; i++) {
		must(rx_begin(d1, &st));
		rx_case_init(&kase);
		must(rx_case_load(&kase, d1, fixture_id[C2], VILLAGE1,
		    RX_CASE_KEYS, &st));
		must(rx_case_renew(&kase, d1, &st));
		rx_case_done(&kase, d1);
		must(rx_finish(d1, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
	}
}

/* A case has room for so many epochs of keys: one who uses them up leaves none
 * for when he is gone. */
static void
test_epochs_of_a_case_are_not_used_up_by_a_bundle(void **state)
{
	struct rx_session *at_home;
	struct scene c;

	(void)state;
	scene_open(&c);
	at_home = fixture_open(c.home, "d1");
	renew_c2(c.d1, RX_CASE_EPOCHS / 2);
	refuses(at_home, make(c.d1, VILLAGE), RX_ECORRUPT,
	    BUNDLE_KEYS_DIFFER);
	rx_session_close(at_home);
	scene_close(&c);
	/* The control: a few are taken. */
	scene_open(&c);
	at_home = fixture_open(c.home, "d1");
	renew_c2(c.d1, 3);
	must(take(at_home, make(c.d1, VILLAGE)));
	rx_session_close(at_home);
	scene_close(&c);
}

/* The row of keys that the newest replaced comes along, so that it would stay,
 * and when the newest are replaced in turn nobody would look for them. */
static void
test_two_rows_of_keys_of_a_case_are_refused(void **state)
{
	struct rx_value v[RX_COLUMNS_MAX];
	struct rx_session *at_home;
	struct rx_buf old = RX_BUF_INIT;
	enum rx_table table;
	struct letter l;
	struct scene c;
	size_t at, n;

	(void)state;
	scene_open(&c);
	at_home = fixture_open(c.home, "d1");
	unpack(&l, c.d1, make(c.d1, VILLAGE));
	for (at = RX_BUNDLE_HEAD; at < l.body.len; at += 4 + n) {
		n = rx_get32(l.body.b + at);
		must(rx_row_decode(&table, v, l.body.b + at + 4, n, &st));
		if (table == RX_TABLE_CASE_KEY && memcmp(v[0].p,
		    fixture_id[C2], RX_ID_BYTES) == 0)
			must(rx_buf_add(&old, l.body.b + at, 4 + n, &st));
	}
	assert_true(old.len > 0);
	rx_buf_free(&l.body);
	renew_c2(c.d1, 1);
	unpack(&l, c.d1, make(c.d1, VILLAGE));
	must(rx_buf_add(&l.body, old.b, old.len, &st));
	refuses(at_home, repack(&l, c.d1, D1), RX_ECORRUPT, BUNDLE_CORRUPT);
	rx_buf_free(&l.body);
	/* The control. */
	must(take(at_home, make(c.d1, VILLAGE)));
	rx_buf_free(&old);
	rx_session_close(at_home);
	scene_close(&c);
}

/* ---- a case that moves ---- */

#define NEXT "350102001002"
#define STATEMENT 344		/* register/passage.c has the bytes */
#define SIGNED 280

/* At home c2 has moved from d1 to d2; the copy does not know.  dd is another
 * director of d2's village, d3 of an unrelated one. */
struct moved {
	const char *home, *copy, *before;
	struct rx_session *d1, *d2, *d3, *dd, *there, *s1;
	struct letter l;
	uint8_t *statement;		/* in the letter */
};

static void
offer_and_accept(struct rx_session *d1, struct rx_session *d2)
{
	char number[16];

	must(rx_transfer_offer(d1, fixture_id[C2], NEXT, "搬家", &st));
	must(rx_transfer_accept(d2, fixture_id[C2], number, &st));
}

/* The statement in the letter; NULL when there is none. */
static uint8_t *
statement_in(const struct letter *l)
{
	struct rx_value v[RX_COLUMNS_MAX];
	enum rx_table table;
	size_t at, n;

	for (at = RX_BUNDLE_HEAD; at < l->body.len; at += 4 + n) {
		n = rx_get32(l->body.b + at);
		must(rx_row_decode(&table, v, l->body.b + at + 4, n, &st));
		if (table == RX_TABLE_MOVE)
			return (l->body.b + ((const uint8_t *)v[2].p -
			    l->body.b));
	}
	return (NULL);
}

static void
moved_open(struct moved *m)
{
	struct rx_session *admin;

	m->home = fixture_copy();
	admin = fixture_open(m->home, "admin");
	enrol(admin, "d3", "350102001004");
	enrol(admin, "dd", NEXT);
	rx_session_close(admin);
	m->d2 = fixture_open(m->home, "d2");
	m->copy = fixture_village(m->home);
	m->d1 = fixture_open(m->home, "d1");
	m->d3 = fixture_open(m->home, "d3");
	m->dd = fixture_open(m->home, "dd");
	m->there = fixture_open(m->copy, "d1");
	m->s1 = fixture_open(m->copy, "s1");
	m->before = make(m->d1, VILLAGE);
	offer_and_accept(m->d1, m->d2);
	unpack(&m->l, m->d1, make(m->d1, VILLAGE));
	m->statement = statement_in(&m->l);
	assert_non_null(m->statement);
}

static void
moved_close(struct moved *m)
{

	rx_buf_free(&m->l.body);
	rx_session_close(m->d1);
	rx_session_close(m->d2);
	rx_session_close(m->d3);
	rx_session_close(m->dd);
	rx_session_close(m->there);
	rx_session_close(m->s1);
}

static bool
lies_next(const char *dir)
{

	return (fixture_number(dir, "SELECT count(*) FROM child AS c WHERE "
	    "id = $c2 AND unit = '" NEXT "' AND version = (SELECT "
	    "max(version) FROM child WHERE id = c.id)") == 1);
}

/* Sign the statement again, as ${s} who names himself. */
static void
state_as(struct moved *m, const struct rx_session *s)
{
	uint8_t message[2 * RX_ID_BYTES + SIGNED];

	memcpy(m->statement + 48, s->user_id, RX_ID_BYTES);
	memcpy(message, s->store_id, RX_ID_BYTES);
	memcpy(message + 16, fixture_id[C2], RX_ID_BYTES);
	memcpy(message + 32, m->statement, SIGNED);
	rx_sign(m->statement + SIGNED, s->id->sign_secret, "runxin move v1",
	    message, sizeof(message));
}

/* Put in the statement an offer of ${child} to ${unit} and ${to} by ${s}. */
static void
offer_as(struct moved *m, struct rx_session *s, const uint8_t *child,
    const char *unit, const struct rx_session *to)
{
	const struct rx_key *keys[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	uint8_t box[RX_GRANT_BYTES];
	struct rx_grant_context ctx;
	struct rx_grant_proof proof;
	struct rx_secret *mem;
	struct rx_grant *g;

	must(rx_secret_new(&mem, sizeof(*g), &st));
	g = (struct rx_grant *)(void *)mem->b;
	rx_grant_context_set(&ctx, s, unit, child, rx_get32(m->statement + 12) -
	    1, RX_CASE_KEYS);
	must(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, s->user_id, s->id,
	    to->id->box_public, &st));
	must(rx_grant_open(g, box, sizeof(box), to->id, &st));
	rx_grant_prove(&proof, g, to->id->box_public);
	memcpy(m->statement + 136, proof.grantor, 16);
	memcpy(m->statement + 152, proof.recipient, 32);
	memcpy(m->statement + 184, proof.keys, 32);
	memcpy(m->statement + 216, proof.signature, 64);
	rx_secret_free(mem);
}

/* The statement says that ${s} offered it so, and that ${to} accepted. */
static void
claim_as(struct moved *m, struct rx_session *s, const uint8_t *child,
    const char *unit, const struct rx_session *to)
{

	offer_as(m, s, child, unit, to);
	state_as(m, to);
}

/* The letter as it is now is refused, and after that stands as it was. */
static void
refuses_move(struct moved *m, const uint8_t genuine[STATEMENT])
{

	refuses(m->there, repack(&m->l, m->d1, D1), RX_ECORRUPT, BUNDLE_MOVE);
	memcpy(m->statement, genuine, STATEMENT);
}

/* Each time everything else is as it should be. */
static void
test_move_by_who_may_not_is_refused(void **state)
{
	uint8_t genuine[STATEMENT];
	struct moved m;

	(void)state;
	moved_open(&m);
	memcpy(genuine, m.statement, STATEMENT);
	/* Not signed by who it names. */
	m.statement[SIGNED] ^= 1;
	refuses_move(&m, genuine);
	/* By the old director himself, to whom it was offered; by one of an
	 * unrelated unit; and by one of the new to whom it was not. */
	claim_as(&m, m.d1, fixture_id[C2], VILLAGE2, m.d1);
	refuses_move(&m, genuine);
	claim_as(&m, m.d1, fixture_id[C2], VILLAGE2, m.d3);
	refuses_move(&m, genuine);
	state_as(&m, m.dd);
	refuses_move(&m, genuine);
	/* Offered by the new director, or by one of an unrelated unit. */
	claim_as(&m, m.d2, fixture_id[C2], VILLAGE2, m.d2);
	refuses_move(&m, genuine);
	claim_as(&m, m.d3, fixture_id[C2], VILLAGE2, m.d2);
	refuses_move(&m, genuine);
	/* Another case was offered, or this one to another unit. */
	claim_as(&m, m.d1, fixture_id[C1], VILLAGE2, m.d2);
	refuses_move(&m, genuine);
	claim_as(&m, m.d1, fixture_id[C2], TOWN1, m.d2);
	refuses_move(&m, genuine);
	assert_false(lies_next(m.copy));
	/* The control: the same hands, and what they may. */
	claim_as(&m, m.d1, fixture_id[C2], VILLAGE2, m.dd);
	must(take(m.there, repack(&m.l, m.d1, D1)));
	assert_true(lies_next(m.copy));
	moved_close(&m);
}

/* The statement is genuine, or signed again by who may; what it speaks of is not
 * what came. */
static void
test_move_with_other_rows_is_refused(void **state)
{
	static const size_t at[] = { 8, 12, 72, 104 };
	uint8_t genuine[STATEMENT], *key;
	struct rx_passage said;
	struct rx_bundle b;
	struct moved m;
	size_t i;

	(void)state;
	moved_open(&m);
	memcpy(genuine, m.statement, STATEMENT);
	/* Units that are none. */
	for (i = 28; i <= 44; i += 16) {
		m.statement[i] ^= 1;
		assert_false(rx_passage_read(&said, m.statement, STATEMENT));
		state_as(&m, m.d2);
		refuses_move(&m, genuine);
	}
	assert_true(rx_passage_read(&said, m.statement, STATEMENT));
	/* Another version, epoch, row of the child, rows of keys. */
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		m.statement[at[i]] ^= 1;
		state_as(&m, m.d2);
		refuses_move(&m, genuine);
	}
	/* It left another unit: two made that up, and all else is taken. */
	memcpy(m.statement + 16, VILLAGE3, RX_UNIT_BYTES);
	claim_as(&m, m.d3, fixture_id[C2], VILLAGE2, m.d2);
	must(rx_bundle_open(m.there, repack(&m.l, m.d1, D1), true, &b, &st));
	assert_int_equal(b.skipped, 1);
	assert_false(lies_next(m.copy));
	memcpy(m.statement, genuine, STATEMENT);
	/* It is of after the bundle. */
	rx_put64(m.statement + 64, (uint64_t)rx_session_now(m.d1) + 3600000);
	state_as(&m, m.d2);
	refuses_move(&m, genuine);
	/* Keys beside the statement that are not those. */
	key = m.statement + STATEMENT + 4 + RX_ENV_OVERHEAD;
	*key ^= 1;
	refuses_move(&m, genuine);
	*key ^= 1;
	must(take(m.there, repack(&m.l, m.d1, D1)));	/* the control */
	assert_true(lies_next(m.copy));
	moved_close(&m);
}

/* Of a register that was copied behind home's back, everything is genuine. */
static void
test_home_is_not_told_where_a_case_lies(void **state)
{
	const char *home = fixture_copy(), *other = fixture_copy_of(home);
	struct rx_session *d1 = fixture_open(other, "d1");
	struct rx_session *d2 = fixture_open(other, "d2");
	struct rx_session *at_home = fixture_open(home, "d1");
	const char *copy = fixture_village(home), *path;
	struct rx_session *there = fixture_open(copy, "d1");
	struct rx_bundle b;

	(void)state;
	offer_and_accept(d1, d2);
	path = make(d1, VILLAGE);
	must(rx_bundle_open(at_home, path, true, &b, &st));
	assert_int_equal(b.skipped, 1);
	assert_int_equal(b.children + b.keys, 0);
	assert_false(lies_next(home));
	must(take(there, path));			/* the control */
	assert_true(lies_next(copy));
	rx_session_close(d1);
	rx_session_close(d2);
	rx_session_close(at_home);
	rx_session_close(there);
}

/* d1 writes a version of the child c2 in ${unit}, well formed and signed. */
static void
forge_child(struct rx_session *s, uint32_t version, const char *unit)
{
	struct rx_case kase;
	struct rx_record r;

	rx_record_init(&r);
	must(rx_begin(s, &st));
	rx_case_init(&kase);
	must(rx_case_load(&kase, s, fixture_id[C2], VILLAGE1, RX_CASE_KEYS,
	    &st));
	must(rx_child_open(s, &kase, RX_CASE_KEYS, true, &r, &st));
	r.version = version;
	memcpy(r.unit, unit, RX_UNIT_BYTES);
	memcpy(r.author, s->user_id, RX_ID_BYTES);
	r.at = rx_session_now(s);
	must(rx_row_insert(s, &kase, &r, &st));
	rx_case_done(&kase, s);
	rx_record_free(&r);
	must(rx_finish(s, RX_OK, RX_DID_SAVE, NULL, NULL, &st));
}

/* The old director has what the copy had before, and all that he can make of it:
 * the old bundle, later versions of the child, keys of his own. */
static void
test_case_is_not_moved_back_by_a_bundle(void **state)
{
	struct rx_session *d1;
	const char *old, *path;
	struct rx_bundle b;
	struct moved m;

	(void)state;
	moved_open(&m);
	old = fixture_copy_of(m.copy);
	must(take(m.s1, make(m.d2, TOWN)));
	assert_true(lies_next(m.copy));
	must(take(m.there, m.before));
	assert_true(lies_next(m.copy));
	d1 = fixture_open(old, "d1");
	forge_child(d1, 4, VILLAGE1);
	/* The control: where nobody knows of the move, it stands. */
	assert_false(lies_next(old));
	must(rx_bundle_open(m.s1, make(d1, TOWN), true, &b, &st));
	assert_int_equal(b.conflicts, 1);
	assert_true(lies_next(m.copy));
	renew_c2(d1, 1);
	path = make(d1, TOWN);
	must(rx_bundle_open(m.s1, path, true, &b, &st));
	assert_int_equal(b.skipped, 1);
	assert_true(lies_next(m.copy));
	assert_int_equal(fixture_number(m.copy, "SELECT count(*) FROM "
	    "keys.case_key WHERE child = $c2 AND unit = '" NEXT "'"), 1);
	rx_session_close(d1);
	moved_close(&m);
}

/* An offer that was withdrawn is accepted in a copy all the same, by a program of
 * his own; home then gives the case to a third unit.  That is left out there, and
 * all else that home sends comes in, today and later. */
static void
test_withdrawn_offer_that_is_accepted_spoils_no_bundle(void **state)
{
	const char *home = fixture_copy(), *fork, *copy, *whole;
	struct rx_session *admin = fixture_open(home, "admin");
	struct rx_session *d1, *d2, *d3, *s1;
	struct rx_bundle b;
	char text[16];

	(void)state;
	enrol(admin, "d3", "350102001004");
	rx_session_close(admin);
	copy = fixture_village(home);
	whole = fixture_copy_of(copy);
	d1 = fixture_open(home, "d1");
	must(rx_transfer_offer(d1, fixture_id[C2], NEXT, "搬家", &st));
	fork = fixture_copy_of(home);
	must(rx_transfer_withdraw(d1, fixture_id[C2], &st));
	must(rx_transfer_offer(d1, fixture_id[C2], "350102001004", "搬家",
	    &st));
	d3 = fixture_open(home, "d3");
	must(rx_transfer_accept(d3, fixture_id[C2], text, &st));
	observe(d1, "x1", "c1", "mood_low", "calm");
	d2 = fixture_open(fork, "d2");
	must(rx_transfer_accept(d2, fixture_id[C2], text, &st));
	s1 = fixture_open(copy, "s1");
	must(take(s1, make(d2, TOWN)));
	assert_true(lies_next(copy));
	must(rx_bundle_open_despite(s1, make(d3, TOWN), true, &b, &st));
	assert_int_equal(b.skipped, 1);
	must(rx_bundle_open_despite(s1, make(d1, TOWN), true, &b, &st));
	assert_int_equal(b.skipped, 1);
	assert_int_equal(b.records, 1);
	assert_true(lies_next(copy));
	rx_session_close(s1);
	s1 = fixture_open(whole, "s1");			/* the control */
	must(rx_bundle_open_despite(s1, make(d1, TOWN), true, &b, &st));
	assert_int_equal(b.skipped, 0);
	assert_int_equal(b.records, 1);
	rx_session_close(s1);
	rx_session_close(d1);
	rx_session_close(d2);
	rx_session_close(d3);
}

/* The old director made keys of his own in the copy, of the epoch with which the
 * case moves at home. */
static void
test_keys_made_before_a_move_spoil_no_bundle(void **state)
{
	struct rx_session *d1;
	struct rx_bundle b;
	const char *old;
	struct moved m;

	(void)state;
	moved_open(&m);
	observe(m.d1, "x1", "c1", "mood_low", "calm");
	old = fixture_copy_of(m.copy);
	d1 = fixture_open(old, "d1");
	renew_c2(d1, 3);
	must(take(m.s1, make(d1, TOWN)));
	must(rx_bundle_open(m.s1, make(m.d1, TOWN), true, &b, &st));
	assert_int_equal(b.skipped, 1);
	assert_int_equal(b.records, 1);
	assert_false(lies_next(m.copy));
	rx_session_close(d1);
	moved_close(&m);
}

/* The director made keys of his own in the copy, of an epoch that home makes too. */
static void
test_keys_made_beside_home_spoil_no_bundle(void **state)
{
	const char *home = fixture_copy(), *copy = fixture_village(home);
	const char *own = fixture_copy_of(copy), *whole = fixture_copy_of(copy);
	struct rx_session *s1 = fixture_open(copy, "s1");
	struct rx_session *his = fixture_open(own, "d1");
	struct rx_session *d1 = fixture_open(home, "d1");
	struct rx_bundle b;

	(void)state;
	renew_c2(his, 1);
	must(take(s1, make(his, TOWN)));
	renew_c2(d1, 1);
	observe(d1, "x1", "c1", "mood_low", "calm");
	must(rx_bundle_open(s1, make(d1, TOWN), true, &b, &st));
	assert_int_equal(b.skipped, 1);
	assert_int_equal(b.records, 1);
	rx_session_close(s1);
	s1 = fixture_open(whole, "s1");			/* the control */
	must(rx_bundle_open(s1, make(d1, TOWN), true, &b, &st));
	assert_int_equal(b.skipped, 0);
	assert_int_equal(b.records, 1);
	rx_session_close(s1);
	rx_session_close(his);
	rx_session_close(d1);
}

/* Leave out that it moved, and its versions of before. */
static bool
came_from_nowhere(enum rx_table table, const struct rx_value *v)
{

	return (table != RX_TABLE_MOVE && (table != RX_TABLE_CHILD ||
	    v[1].i > 1));
}

/* The new director sends it as if it had always been his, where it was not known.
 * What home tells of its way is left out then, and all else comes in. */
static void
test_case_without_its_move_spoils_no_bundle(void **state)
{
	const char *copy, *whole, *home = fixture_copy();
	struct rx_session *d1, *d2, *s1;
	uint8_t id[RX_ID_BYTES];
	struct rx_bundle b;
	struct letter l;
	char text[16];

	(void)state;
	copy = fixture_village(home);
	whole = fixture_copy_of(copy);
	d1 = fixture_open(home, "d1");
	d2 = fixture_open(home, "d2");
	s1 = fixture_open(copy, "s1");
	new_child(d1, id);
	must(rx_transfer_offer(d1, id, NEXT, "搬家", &st));
	must(rx_transfer_accept(d2, id, text, &st));
	observe(d1, "x1", "c1", "mood_low", "calm");
	unpack(&l, d2, make(d2, NEXT));
	keep_rows(&l, came_from_nowhere);
	must(rx_bundle_open(s1, repack(&l, d2, S1), true, &b, &st));
	assert_int_equal(b.children, 1);
	must(rx_bundle_open(s1, make(d1, TOWN), true, &b, &st));
	assert_int_equal(b.skipped, 1);
	assert_int_equal(b.records, 1);
	rx_session_close(s1);
	s1 = fixture_open(whole, "s1");			/* the control */
	must(rx_bundle_open(s1, make(d1, TOWN), true, &b, &st));
	assert_int_equal(b.skipped, 0);
	assert_int_equal(b.records, 1);
	rx_buf_free(&l.body);
	rx_session_close(s1);
	rx_session_close(d1);
	rx_session_close(d2);
}

/* The old director sends a case that is new in the copy, with keys beside those that
 * were signed when it was accepted.  The supervisor, who has only the coded one,
 * takes from him none that he may not make any more. */
static void
test_keys_of_a_moved_case_that_were_not_signed_are_not_taken(void **state)
{
	const char *copy, *home = fixture_copy();
	struct rx_value v[RX_COLUMNS_MAX];
	struct rx_session *d1, *d2, *s1;
	uint8_t id[RX_ID_BYTES], *last = NULL;
	enum rx_table table;
	struct rx_bundle b;
	struct letter l;
	char text[16];
	size_t at, n;

	(void)state;
	copy = fixture_village(home);
	d1 = fixture_open(home, "d1");
	d2 = fixture_open(home, "d2");
	s1 = fixture_open(copy, "s1");
	new_child(d1, id);
	must(rx_transfer_offer(d1, id, NEXT, "搬家", &st));
	must(rx_transfer_accept(d2, id, text, &st));
	unpack(&l, s1, make(d1, TOWN));
	for (at = RX_BUNDLE_HEAD; at < l.body.len; at += 4 + n) {
		n = rx_get32(l.body.b + at);
		must(rx_row_decode(&table, v, l.body.b + at + 4, n, &st));
		if (table == RX_TABLE_CASE_KEY && memcmp(v[0].p, id,
		    RX_ID_BYTES) == 0)
			last = l.body.b + at + 4 + n - 1;
	}
	assert_non_null(last);
	*last ^= 1;
	must(rx_bundle_open(s1, repack(&l, d1, S1), true, &b, &st));
	assert_int_equal(b.skipped, 1);
	assert_int_equal(b.children, 0);
	*last ^= 1;
	must(rx_bundle_open(s1, repack(&l, d1, S1), true, &b, &st));
	assert_int_equal(b.skipped, 0);			/* the control */
	assert_int_equal(b.children, 2);
	rx_buf_free(&l.body);
	rx_session_close(d1);
	rx_session_close(d2);
	rx_session_close(s1);
}

/* Two numbers of one person: a director of two units makes a case of one a case of
 * the other by himself. */
static void
test_version_of_a_unit_where_the_child_never_was_is_refused(void **state)
{
	struct rx_session *admin, *d1, *at_home;
	const char *home = fixture_copy(), *copy;

	(void)state;
	admin = fixture_open(home, "admin");
	must(rx_user_add(admin, "d1", RX_ROLE_DIRECTOR, "350102001004", NULL,
	    &st));
	rx_session_close(admin);
	rx_session_close(fixture_open(home, "d1"));
	copy = fixture_village(home);
	at_home = fixture_open(home, "d1");
	d1 = fixture_open(copy, "d1");
	forge_child(d1, 3, VILLAGE3);
	refuses(at_home, make(d1, VILLAGE), RX_ECORRUPT, BUNDLE_VERSION);
	rx_session_close(d1);
	copy = fixture_village(home);				/* the control */
	d1 = fixture_open(copy, "d1");
	forge_child(d1, 3, VILLAGE1);
	must(take(at_home, make(d1, VILLAGE)));
	rx_session_close(d1);
	rx_session_close(at_home);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_flipped_byte_is_refused),
		cmocka_unit_test(test_truncated_and_extended_are_refused),
		cmocka_unit_test(
		    test_reordered_and_doubled_chunks_are_refused),
		cmocka_unit_test(test_misaddressed_bundle_is_refused),
		cmocka_unit_test(test_bundle_of_another_register_is_refused),
		cmocka_unit_test(test_edited_recipient_list_is_refused),
		cmocka_unit_test(
		    test_sender_not_entitled_to_the_rows_is_refused),
		cmocka_unit_test(
		    test_rows_of_a_unit_that_the_bundle_is_not_for_are_refused),
		cmocka_unit_test(test_stranger_and_wrong_signer_are_refused),
		cmocka_unit_test(test_revoked_sender_is_refused),
		cmocka_unit_test(test_bundle_that_revokes_its_opener_is_refused),
		cmocka_unit_test(
		    test_bundle_of_before_its_certificate_is_refused),
		cmocka_unit_test(
		    test_certificate_in_the_row_of_another_is_refused),
		cmocka_unit_test(
		    test_revocation_in_the_row_of_another_is_refused),
		cmocka_unit_test(test_bundle_from_the_future_is_refused),
		cmocka_unit_test(test_forged_review_is_refused),
		cmocka_unit_test(
		    test_review_in_the_supervisors_name_is_refused),
		cmocka_unit_test(
		    test_tables_that_no_bundle_carries_are_refused),
		cmocka_unit_test(
		    test_record_moved_to_another_child_is_refused),
		cmocka_unit_test(
		    test_forged_certificate_of_erasure_destroys_nothing),
		cmocka_unit_test(test_unit_keys_from_a_copy_are_refused),
		cmocka_unit_test(
		    test_epoch_by_somebody_without_the_key_is_refused),
		cmocka_unit_test(
		    test_grant_by_somebody_without_the_key_is_refused),
		cmocka_unit_test(test_grant_without_its_epoch_is_not_taken),
		cmocka_unit_test(
		    test_changed_grant_in_the_copy_opens_no_new_case),
		cmocka_unit_test(test_case_keys_by_a_supervisor_are_not_taken),
		cmocka_unit_test(
		    test_case_keys_that_do_not_lead_to_the_known_ones_are_refused),
		cmocka_unit_test(test_stale_and_made_up_slots_are_not_taken),
		cmocka_unit_test(test_made_up_keys_to_a_slot_lock_nobody_out),
		cmocka_unit_test(
		    test_made_up_slot_with_made_up_keys_changes_neither),
		cmocka_unit_test(
		    test_made_up_keys_to_the_slots_of_a_new_flag_are_not_taken),
		cmocka_unit_test(
		    test_keys_to_a_slot_of_another_size_are_refused),
		cmocka_unit_test(
		    test_director_puts_keys_to_a_slot_right_with_a_bundle),
		cmocka_unit_test(
		    test_slots_of_before_are_not_taken_from_a_bundle),
		cmocka_unit_test(test_slot_with_keys_of_a_colleague_is_not_taken),
		cmocka_unit_test(test_slots_of_older_keys_are_not_taken),
		cmocka_unit_test(test_made_up_slots_fill_no_empty_place),
		cmocka_unit_test(
		    test_copy_of_before_gets_what_slots_lead_to_from_home),
		cmocka_unit_test(
		    test_open_slot_of_before_in_a_bundle_is_read_and_not_kept),
		cmocka_unit_test(
		    test_slot_for_somebody_who_reviews_nothing_is_not_taken),
		cmocka_unit_test(test_record_of_another_case_takes_no_place),
		cmocka_unit_test(test_activity_of_another_unit_takes_no_place),
		cmocka_unit_test(test_version_of_another_kind_is_refused),
		cmocka_unit_test(test_version_far_from_the_others_is_refused),
		cmocka_unit_test(test_flag_is_not_taken_back_by_a_bundle),
		cmocka_unit_test(test_own_flag_is_not_decided_by_a_bundle),
		cmocka_unit_test(test_zero_byte_after_a_text_is_refused),
		cmocka_unit_test(test_record_dated_after_its_bundle_is_refused),
		cmocka_unit_test(
		    test_record_of_a_clock_ahead_outlives_its_authors_end),
		cmocka_unit_test(test_own_count_is_not_set_forth_by_a_bundle),
		cmocka_unit_test(test_name_of_a_copy_is_one_word_and_not_the_homes),
		cmocka_unit_test(test_epochs_of_a_case_are_not_used_up_by_a_bundle),
		cmocka_unit_test(test_two_rows_of_keys_of_a_case_are_refused),
		cmocka_unit_test(test_move_by_who_may_not_is_refused),
		cmocka_unit_test(test_move_with_other_rows_is_refused),
		cmocka_unit_test(test_home_is_not_told_where_a_case_lies),
		cmocka_unit_test(test_case_is_not_moved_back_by_a_bundle),
		cmocka_unit_test(
		    test_withdrawn_offer_that_is_accepted_spoils_no_bundle),
		cmocka_unit_test(test_keys_made_before_a_move_spoil_no_bundle),
		cmocka_unit_test(test_keys_made_beside_home_spoil_no_bundle),
		cmocka_unit_test(test_case_without_its_move_spoils_no_bundle),
		cmocka_unit_test(
		    test_version_of_a_unit_where_the_child_never_was_is_refused),
		cmocka_unit_test(
		    test_epoch_that_is_not_the_known_one_is_refused),
		cmocka_unit_test(test_older_grant_does_not_replace_a_newer_one),
		cmocka_unit_test(
		    test_bundle_to_keys_that_were_replaced_is_refused),
		cmocka_unit_test(test_records_without_their_child_are_refused),
		cmocka_unit_test(test_row_of_another_form_is_refused),
		cmocka_unit_test(test_grant_of_another_size_is_refused),
		cmocka_unit_test(test_new_case_without_its_keys_is_refused),
		cmocka_unit_test(
		    test_keys_of_a_moved_case_that_were_not_signed_are_not_taken),
		cmocka_unit_test(
		    test_sender_who_does_not_become_known_is_refused),
	};

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests(tests, fixture_setup, NULL));
}
