/*
 * Somebody has the folder of a register: with SQLite alone, or as a member
 * with keys of his own.  What he changes is refused, what he has no key for
 * stays closed.  The control of an attack on the files is that SQLite takes the
 * change and finds nothing wrong with it (fixture_tamper); other controls
 * stand beside the attack.
 */

#include <sys/stat.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "tests/fixture.h"

#define SLOT_COMPS (RX_BIT(RX_COMP_IDENTITY) | RX_BIT(RX_COMP_NARRATIVE))
#define YEAR_MS INT64_C(31557600000)

static const char another_visit[] = "{\"id\":\"o8\",\"child\":\"c1\","
    "\"date\":\"2025-06-21\",\"channel\":\"home_visit\","
    "\"signs\":[\"mood_low\"],\"risk\":\"green\",\"note\":\"later\"}";
static const char set_cert[] = "UPDATE keys.cert SET cert = ?1 WHERE user = ";

/* ---- what several tests need ---- */

static struct rx_member *
member(struct rx_session *s, enum fixture_id who)
{
	const size_t first = rx_member_first(s, fixture_id[who]);

	assert_true(first < s->nmembers);
	return (&s->members[first]);
}

/* The digest of all rows of a table, in order. */
static void
table_hash(const char *dir, const char *columns, const char *table,
    uint8_t out[RX_HASH_BYTES])
{
	struct rx_buf b = RX_BUF_INIT;
	char sql[300];

	(void)snprintf(sql, sizeof(sql),
	    "SELECT CAST(group_concat(x, '') AS BLOB) FROM (SELECT "
	    "%s AS x FROM %s ORDER BY x)", columns, table);
	fixture_blob(dir, sql, &b);
	rx_hash(out, RX_HASH_BYTES, NULL, "test", b.b, b.len);
	rx_buf_free(&b);
}

static void
grants_hash(const char *dir, uint8_t out[2 * RX_HASH_BYTES])
{

	table_hash(dir, "hex(recipient) || unit || hex(sealed)",
	    "keys.unit_grant", out);
	table_hash(dir, "hex(child) || hex(recipient) || hex(sealed)",
	    "main.slot", out + RX_HASH_BYTES);
}

/* Everybody is refused, and nobody was given a key meanwhile. */
static void
nobody_signs_in(const char *dir, enum rx_msg msg)
{
	uint8_t before[2 * RX_HASH_BYTES], after[2 * RX_HASH_BYTES];

	grants_hash(dir, before);
	fixture_open_corrupt(dir, "d1", msg);
	fixture_open_corrupt(dir, "s1", msg);
	grants_hash(dir, after);
	assert_memory_equal(before, after, sizeof(before));
}

/* The attacker's own keys. */
static void
attacker(struct rx_identity *id, uint8_t root[32], uint8_t root_secret[64])
{
	uint8_t seed[32];

	memset(seed, 0x61, sizeof(seed));
	rx_identity_derive(id, seed);
	memset(seed, 0x62, sizeof(seed));
	rx_root_derive(root, root_secret, seed);
}

/* Sign ${cert} with the register's own root, as only its administrator could,
 * in a session ${s} of his, and store it like any other row. */
static void
issue(struct rx_session *s, const struct rx_cert *cert)
{
	uint8_t bytes[RX_CERT_BYTES], secret[64], root[32];
	struct rx_value v[3];
	struct rx_status st;

	rx_status_clear(&st);
	rx_root_derive(root, secret, s->blob->root_seed);
	rx_cert_make(bytes, cert, secret);
	rx_wipe(secret, sizeof(secret));
	v[0] = rx_bytes(cert->id, RX_ID_BYTES);
	v[1] = rx_bytes(cert->user, RX_ID_BYTES);
	v[2] = rx_bytes(bytes, sizeof(bytes));
	ok(rx_store_begin(s->store, &st), &st);
	ok(rx_finish(s, rx_store_replace(s->store, RX_TABLE_CERT, v, &st),
	    RX_DID_CERTIFY, NULL, NULL, &st), &st);
}

static int64_t
slots_of(const char *dir, const char *who)
{
	char sql[100];

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM main.slot "
	    "WHERE recipient = %s", who);
	return (fixture_number(dir, sql));
}

static int64_t
grants_of(const char *dir, const char *who)
{
	char sql[100];

	(void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM keys.unit_grant "
	    "WHERE recipient = %s AND unit LIKE '35%%'", who);
	return (fixture_number(dir, sql));
}

static const char harmless[] = "{\"id\":\"o9\",\"child\":\"c1\","
    "\"date\":\"2025-06-20\",\"channel\":\"home_visit\","
    "\"signs\":[\"mood_low\"],\"risk\":\"orange\",\"note\":\"later\"}";

static const char another_village[] = "{\"id\":\"n1\","
    "\"unit\":\"350102001001\",\"name\":\"n\",\"sex\":\"f\","
    "\"birth\":\"2014-05\",\"categories\":[\"left_behind\"],"
    "\"legal_basis\":\"consent\"}";

/* ---- certificates ---- */

static void
test_supervisor_key_of_another_root_gets_no_grant(void **state)
{
	uint8_t bytes[RX_CERT_BYTES], root[32], root_secret[64];
	uint8_t box[RX_GRANT_BYTES];
	const char *dir = fixture_copy();
	const struct rx_key *none[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	struct rx_grant_context ctx;
	struct rx_identity own;
	struct rx_grant opened;
	struct rx_status st;
	struct rx_session *s;
	struct rx_cert cert;
	char sql[100];

	(void)state;
	rx_status_clear(&st);
	attacker(&own, root, root_secret);
	s = fixture_open(dir, "d1");
	cert = member(s, S1)->cert;
	rx_session_close(s);
	memcpy(cert.box_public, own.box_public, 32);
	memcpy(cert.sign_public, own.sign_public, 32);
	rx_cert_make(bytes, &cert, root_secret);
	(void)snprintf(sql, sizeof(sql), "%s$s1", set_cert);
	fixture_tamper_blob(dir, sql, bytes, sizeof(bytes));

	/* The control: who believes the row seals to the attacker. */
	memset(&ctx, 0, sizeof(ctx));
	ok(rx_grant_make(box, &ctx, none, RX_GRANT_CLOSED, cert.user, &own,
	    bytes + 136, &st), &st);
	ok(rx_grant_open(&opened, box, sizeof(box), &own, &st), &st);

	nobody_signs_in(dir, RX_MSG_CERT_CORRUPT);
}

static void
test_edited_role_is_refused(void **state)
{
	struct rx_buf b = RX_BUF_INIT;
	const char *dir = fixture_copy();
	char sql[100];

	(void)state;
	fixture_blob(dir, "SELECT cert FROM keys.cert WHERE user = $st", &b);
	assert_int_equal(b.b[5], RX_ROLE_STATISTICIAN);
	b.b[5] = RX_ROLE_SUPERVISOR;
	(void)snprintf(sql, sizeof(sql), "%s$st", set_cert);
	fixture_tamper_blob(dir, sql, b.b, b.len);
	rx_buf_free(&b);
	nobody_signs_in(dir, RX_MSG_CERT_CORRUPT);
}

/* A genuine certificate of another role makes nobody a supervisor. */
static void
test_certificate_of_the_wrong_role_gets_no_slot(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	struct rx_cert cert;

	(void)state;
	s = fixture_open(dir, "admin");
	cert = member(s, GONE)->cert;
	cert.role = RX_ROLE_ADMIN;
	issue(s, &cert);
	rx_session_close(s);
	assert_true(slots_of(dir, "$gone") > 0);	/* the control: he had */
	s = fixture_open(dir, "d1");
	fixture_save(s, RX_OBSERVATION, harmless, false, NULL);
	rx_session_close(s);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM main.slot "
	    "WHERE recipient = $gone AND child = $c1"), 0);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM main.slot "
	    "WHERE recipient = $s1 AND child = $c1"), 1);
}

static void
test_expired_supervisor_gets_no_key(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	struct rx_cert cert;
	struct rx_status st;
	int64_t grants;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(dir, "admin");
	cert = member(s, GONE)->cert;
	cert.not_before = rx_time_now() - 2 * YEAR_MS;
	cert.not_after = rx_time_now() - YEAR_MS;
	issue(s, &cert);
	rx_session_close(s);
	refused(fixture_try(&s, dir, "gone", &st), RX_EPERM, &st);

	grants = grants_of(dir, "$gone");
	fixture_sql(dir, "DELETE FROM keys.unit_grant WHERE recipient IN "
	    "($gone, $s1) AND unit = '350102001001'");
	s = fixture_open(dir, "d1");
	fixture_save(s, RX_OBSERVATION, harmless, false, NULL);
	fixture_save(s, RX_CHILD, another_village, false, NULL);
	rx_session_close(s);
	assert_int_equal(grants_of(dir, "$gone"), grants - 1);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM main.slot "
	    "WHERE recipient = $gone AND child <> $c2 AND child <> $c3"), 0);
	/* The control: the other supervisor was given both again. */
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE recipient = $s1 AND unit = "
	    "'350102001001'"), 1);
	assert_int_equal(slots_of(dir, "$s1"), 4);
}

static void
test_disabled_supervisor_gets_no_key(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	struct rx_status st;
	int64_t grants;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(dir, "gone");		/* the control */
	rx_session_close(s);
	s = fixture_open(dir, "admin");
	ok(rx_user_disable(s, "gone", &st), &st);
	rx_session_close(s);
	rx_status_clear(&st);
	refused(fixture_try(&s, dir, "gone", &st), RX_EPERM, &st);
	grants = grants_of(dir, "$gone");
	s = fixture_open(dir, "d1");
	fixture_save(s, RX_OBSERVATION, harmless, false, NULL);
	fixture_save(s, RX_CHILD, another_village, false, NULL);
	rx_session_close(s);
	/* The village of d1 has new keys, and he has lost the old ones there. */
	assert_int_equal(grants_of(dir, "$gone"), grants - 1);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM main.slot "
	    "WHERE recipient = $gone AND child <> $c2 AND child <> $c3"), 0);
	assert_int_equal(slots_of(dir, "$s1"), 4);

	/* He cannot undo it with the files in his hand. */
	fixture_tamper(dir, "DELETE FROM keys.revocation");
	rx_status_clear(&st);
	assert_int_equal(fixture_try(&s, dir, "gone", &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_NO_REGISTER_KEY);
	fixture_open_corrupt(dir, "d1", RX_MSG_AUDIT_ROWS);
}

static void
test_certificate_of_another_register_is_refused(void **state)
{
	uint8_t other[FIXTURE_IDS][RX_ID_BYTES], mine[RX_ID_BYTES];
	uint8_t root[32];
	struct rx_buf b = RX_BUF_INIT;
	const char *dir, *another = fixture_another(other);
	struct rx_session *s;
	struct rx_status st;
	struct rx_cert cert;
	char sql[100];

	(void)state;
	rx_status_clear(&st);
	/* The same person in the other register, with its root. */
	memcpy(mine, fixture_id[S1], RX_ID_BYTES);
	memcpy(fixture_id[S1], other[S1], RX_ID_BYTES);
	fixture_blob(another, "SELECT cert FROM keys.cert WHERE user = $s1",
	    &b);
	memcpy(fixture_id[S1], mine, RX_ID_BYTES);
	s = fixture_open(another, "d1");
	memcpy(root, s->blob->root_public, 32);
	ok(rx_cert_open(&cert, b.b, b.len, root, s->store_id, &st), &st);
	rx_session_close(s);
	dir = fixture_copy();
	(void)snprintf(sql, sizeof(sql), "%s$s1", set_cert);
	fixture_tamper_blob(dir, sql, b.b, b.len);
	rx_buf_free(&b);
	nobody_signs_in(dir, RX_MSG_CERT_CORRUPT);

	/* The same root, had it signed for another register as well. */
	dir = fixture_copy();
	s = fixture_open(dir, "admin");
	cert = member(s, S1)->cert;
	cert.store[0] ^= 1;
	issue(s, &cert);
	rx_session_close(s);
	nobody_signs_in(dir, RX_MSG_CERT_CORRUPT);
}

/* ---- the root ---- */

static void
test_swapped_root_is_refused(void **state)
{
	uint8_t root[32], root_secret[64];
	const char *dir = fixture_copy();
	struct rx_identity own;

	(void)state;
	attacker(&own, root, root_secret);
	fixture_tamper_blob(dir, "UPDATE keys.root SET public = ?1", root, 32);
	nobody_signs_in(dir, RX_MSG_ROOT_SWAPPED);
	fixture_open_corrupt(dir, "admin", RX_MSG_ROOT_SWAPPED);
}

/* The root and everything that it signed, made anew by the attacker, the
 * supervisor's keys replaced by his: only the pinned root tells. */
static void
test_wholly_resigned_register_is_refused(void **state)
{
	uint8_t root[32], root_secret[64], bytes[RX_CERT_BYTES];
	const char *dir = fixture_copy();
	struct rx_identity own;
	struct rx_session *s;
	struct rx_status st;
	struct rx_cert cert;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	attacker(&own, root, root_secret);
	s = fixture_open(dir, "d1");
	fixture_tamper(dir, "DELETE FROM keys.cert");
	for (i = 0; i < s->nmembers; i++) {
		cert = s->members[i].cert;
		if (memcmp(cert.user, fixture_id[S1], RX_ID_BYTES) == 0) {
			memcpy(cert.box_public, own.box_public, 32);
			memcpy(cert.sign_public, own.sign_public, 32);
		}
		rx_cert_make(bytes, &cert, root_secret);
		fixture_tamper_blob(dir, "INSERT INTO keys.cert SELECT "
		    "substr(?1, 9, 16), substr(?1, 41, 16), ?1", bytes,
		    sizeof(bytes));
		/* The control: under the root in the database all is well. */
		ok(rx_cert_open(&cert, bytes, sizeof(bytes), root, s->store_id,
		    &st), &st);
	}
	rx_session_close(s);
	fixture_tamper_blob(dir, "UPDATE keys.root SET public = ?1", root, 32);
	fixture_open_corrupt(dir, "d1", RX_MSG_ROOT_SWAPPED);
	fixture_open_corrupt(dir, "admin", RX_MSG_ROOT_SWAPPED);
	/* The old root shown beside the new certificates. */
	s = fixture_open(fixture_dir(), "d1");
	memcpy(root, s->blob->root_public, 32);
	rx_session_close(s);
	fixture_tamper_blob(dir, "UPDATE keys.root SET public = ?1", root, 32);
	fixture_open_corrupt(dir, "d1", RX_MSG_CERT_CORRUPT);
}

/* ---- keyblobs ---- */

static void
test_keyblob_of_another_user_is_corrupt(void **state)
{
	const char *dir = fixture_copy();

	(void)state;
	fixture_tamper(dir, "UPDATE keys.user SET keyblob = "
	    "(SELECT keyblob FROM keys.user WHERE id = $st) WHERE id = $d1");
	fixture_open_corrupt(dir, "d1", RX_MSG_KEYBLOB_CORRUPT);
}

static void
test_keys_of_another_register_are_corrupt(void **state)
{
	const char *another = fixture_another(NULL), *dir = fixture_copy();
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	char path[300];

	(void)state;
	rx_status_clear(&st);
	(void)snprintf(path, sizeof(path), "%s/keys.db", another);
	ok(rx_file_read(&b, path, SIZE_MAX, &st), &st);
	(void)snprintf(path, sizeof(path), "%s/keys.db", dir);
	ok(rx_file_write(path, b.b, b.len, 0600, true, &st), &st);
	rx_buf_free(&b);
	fixture_open_corrupt(dir, "d1", RX_MSG_CERT_CORRUPT);
}

static void
test_tampered_keyblob_is_corrupt_not_a_wrong_passphrase(void **state)
{
	/* magic, memory, salt, user, envelope, ciphertext, tag, signature */
	static const size_t at[] = { 0, 4, 5, 8, 12, 16, 32, 48, 60, 136, 200,
	    407, 408, 471 };
	const char *dir = fixture_copy();
	struct rx_buf b = RX_BUF_INIT;
	struct rx_session *s;
	struct rx_secret *p;
	struct rx_status st;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	fixture_blob(dir, "SELECT keyblob FROM keys.user WHERE id = $d1", &b);
	assert_int_equal(b.len, RX_KEYBLOB_BYTES);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		b.b[at[i]] ^= 1;
		fixture_tamper_blob(dir, "UPDATE keys.user SET keyblob = ?1 "
		    "WHERE id = $d1", b.b, b.len);
		fixture_open_corrupt(dir, "d1", RX_MSG_KEYBLOB_CORRUPT);
		b.b[at[i]] ^= 1;
	}
	fixture_tamper_blob(dir, "UPDATE keys.user SET keyblob = ?1 "
	    "WHERE id = $d1", b.b, b.len - 1);
	fixture_open_corrupt(dir, "d1", RX_MSG_KEYBLOB_CORRUPT);
	/* The controls: whole, a wrong passphrase is one; a right one opens. */
	fixture_tamper_blob(dir, "UPDATE keys.user SET keyblob = ?1 "
	    "WHERE id = $d1", b.b, b.len);
	rx_buf_free(&b);
	p = test_passphrase("d2-pass");
	refused(rx_session_open(&s, dir, "d1", p, &st), RX_EPERM, &st);
	rx_secret_free(p);
	s = fixture_open(dir, "d1");
	rx_session_close(s);
}

static void
test_unknown_user_reads_like_a_wrong_passphrase(void **state)
{
	const char *dir = fixture_copy();
	char wrong[512], unknown[512];
	struct rx_session *s;
	struct rx_secret *p = test_passphrase("no such thing");
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	assert_int_equal(rx_session_open(&s, dir, "d1", p, &st), RX_EPERM);
	rx_status_text(&st, RX_LANG_ZH, wrong, sizeof(wrong));
	rx_status_clear(&st);
	assert_int_equal(rx_session_open(&s, dir, "nobody", p, &st), RX_EPERM);
	rx_status_text(&st, RX_LANG_ZH, unknown, sizeof(unknown));
	assert_string_equal(wrong, unknown);
	rx_secret_free(p);
}

/* Names stand in a table that anybody can edit; the certificates have them
 * signed.  With st and d1 exchanged, a role meant for one would go to the
 * other. */
static void
test_exchanged_user_names_are_refused(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	struct rx_secret *p;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	fixture_tamper(dir, "UPDATE keys.user SET name = 'x' WHERE id = $d1;"
	    "UPDATE keys.user SET name = 'd1' WHERE id = $st;"
	    "UPDATE keys.user SET name = 'st' WHERE id = $d1");
	/* The statistician as "d1", with his own passphrase. */
	p = test_passphrase("st-pass");
	refused(rx_session_open(&s, dir, "d1", p, &st), RX_ECORRUPT, &st);
	rx_secret_free(p);
	s = fixture_open(dir, "admin");
	p = test_passphrase("x");
	refused(rx_user_add(s, "d1", RX_ROLE_DIRECTOR, "350102", p, &st),
	    RX_ECORRUPT, &st);
	refused(rx_user_disable(s, "d1", &st), RX_ECORRUPT, &st);
	/* A member whose row is gone is not enrolled a second time. */
	fixture_tamper(dir, "DELETE FROM keys.user WHERE id = $s1");
	refused(rx_user_add(s, "s1", RX_ROLE_DIRECTOR, "350102", p, &st),
	    RX_ECORRUPT, &st);
	/* The control: others are enrolled as ever. */
	ok(rx_user_add(s, "d9", RX_ROLE_DIRECTOR, "350102001001", p, &st),
	    &st);
	rx_secret_free(p);
	rx_session_close(s);
}

/* ---- grants ---- */

/* Is ${unit}'s identity key refused as corrupt to ${user}? */
static void
identity_key_is_corrupt(const char *dir, const char *user, const char *unit)
{
	const struct rx_key *key;
	struct rx_session *s;
	struct rx_status st;
	rx_err rc;

	rx_status_clear(&st);
	if ((rc = fixture_try(&s, dir, user, &st)) == RX_OK)
		rc = rx_unit_key(s, unit, RX_COMP_IDENTITY, 0, &key, NULL,
		    &st);
	assert_int_equal(rc, RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_GRANT_CORRUPT);
	rx_session_close(s);
}

static void
test_moved_grant_is_corrupt(void **state)
{
	static const struct {
		const char *sql, *user, *unit;
	} attacks[] = {
		/* to another recipient */
		{ "INSERT INTO keys.unit_grant SELECT unit, epoch, "
		    "compartments, $d2, sealed FROM keys.unit_grant WHERE "
		    "unit = '350102001001' AND recipient = $d1", "d2",
		    VILLAGE1 },
		/* to another unit */
		{ "INSERT INTO keys.unit_grant SELECT '350102001002', epoch, "
		    "compartments, recipient, sealed FROM keys.unit_grant "
		    "WHERE unit = '350102001001' AND recipient = $d1", "d1",
		    VILLAGE2 },
		/* to another epoch */
		{ "INSERT INTO keys.unit_grant SELECT unit, 2, compartments, "
		    "recipient, sealed FROM keys.unit_grant WHERE "
		    "unit = '350102001001' AND recipient = $d1", "d1",
		    VILLAGE1 },
		{ "UPDATE keys.unit_grant SET epoch = 2 WHERE "
		    "unit = '350102001001' AND recipient = $d1", "d1",
		    VILLAGE1 },
		/* a coded grant, called one of all three */
		{ "UPDATE keys.unit_grant SET compartments = 14 WHERE "
		    "unit = '350102001001' AND recipient = $s1", "s1",
		    VILLAGE1 },
		{ "UPDATE keys.unit_grant SET compartments = 14 WHERE "
		    "unit = '350102001001' AND recipient = $st", "st",
		    VILLAGE1 },
		/* not a grant at all */
		{ "UPDATE keys.unit_grant SET sealed = randomblob(225) WHERE "
		    "unit = '350102001001' AND recipient = $d1", "d1",
		    VILLAGE1 },
		{ "UPDATE keys.unit_grant SET sealed = x'' WHERE "
		    "unit = '350102001001' AND recipient = $d1", "d1",
		    VILLAGE1 },
	};
	const char *dir;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		dir = fixture_copy();
		fixture_tamper(dir, attacks[i].sql);
		identity_key_is_corrupt(dir, attacks[i].user, attacks[i].unit);
	}
}

/* The control of the moved grants: without its context the box opens, and
 * holds the keys. */
static void
test_moved_grant_does_open_without_its_context(void **state)
{
	struct rx_buf b = RX_BUF_INIT;
	const struct rx_key *key;
	struct rx_session *s;
	struct rx_status st;
	struct rx_grant g;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(fixture_copy(), "d1");
	fixture_blob(fixture_dir(), "SELECT sealed FROM keys.unit_grant WHERE "
	    "unit = '350102001001' AND recipient = $d1", &b);
	ok(rx_grant_open(&g, b.b, b.len, s->id, &st), &st);
	ok(rx_unit_key(s, VILLAGE1, RX_COMP_IDENTITY, 0, &key, NULL, &st),
	    &st);
	assert_memory_equal(key->b, g.keys[0].b, RX_KEY_BYTES);
	rx_wipe(&g, sizeof(g));
	rx_buf_free(&b);
	rx_session_close(s);
}

/* Let ${who} grant ${comps} of ${unit}, keys of his choice, to ${to}. */
static void
forge_grant(const char *dir, const char *who, const char *unit,
    unsigned comps, enum fixture_id to, uint8_t box[RX_GRANT_BYTES])
{
	const struct rx_key *keys[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	struct rx_key chosen = { "the forger knows this very well" };
	struct rx_grant_context ctx;
	struct rx_session *s;
	struct rx_status st;
	size_t k;

	rx_status_clear(&st);
	s = fixture_open(dir, who);
	for (k = 0; k < RX_GRANT_KEYS; k++)
		if ((comps & RX_BIT(k + 1)) != 0)
			keys[k] = &chosen;
	memset(&ctx, 0, sizeof(ctx));
	memcpy(ctx.store, s->store_id, RX_ID_BYTES);
	memcpy(ctx.unit, unit, RX_UNIT_BYTES);
	ctx.epoch = 1;
	ctx.compartments = comps;
	ok(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, s->user_id, s->id,
	    member(s, to)->cert.box_public, &st), &st);
	rx_session_close(s);
}

/* The control of a forged grant: its signature is that of a member, and who
 * asks for nothing more takes the keys. */
static void
signature_is_genuine(const char *dir, const char *user, enum fixture_id forger,
    const char *unit, unsigned comps, const uint8_t box[RX_GRANT_BYTES])
{
	struct rx_grant_context ctx;
	struct rx_session *s;
	struct rx_status st;
	struct rx_grant g;

	rx_status_clear(&st);
	s = fixture_open(dir, user);
	memset(&ctx, 0, sizeof(ctx));
	memcpy(ctx.store, s->store_id, RX_ID_BYTES);
	memcpy(ctx.unit, unit, RX_UNIT_BYTES);
	ctx.epoch = 1;
	ctx.compartments = comps;
	ok(rx_grant_open(&g, box, RX_GRANT_BYTES, s->id, &st), &st);
	ok(rx_grant_verify(&g, &ctx, s->id,
	    member(s, forger)->cert.sign_public, &st), &st);
	rx_wipe(&g, sizeof(g));
	rx_session_close(s);
}

static void
test_grant_by_a_statistician_is_refused(void **state)
{
	uint8_t box[RX_GRANT_BYTES];
	const char *dir = fixture_copy();

	(void)state;
	forge_grant(dir, "st", VILLAGE1, RX_CASE_KEYS, D1, box);
	signature_is_genuine(dir, "d1", ST, VILLAGE1, RX_CASE_KEYS, box);
	fixture_tamper_blob(dir, "UPDATE keys.unit_grant SET sealed = ?1 "
	    "WHERE unit = '350102001001' AND recipient = $d1", box,
	    sizeof(box));
	identity_key_is_corrupt(dir, "d1", VILLAGE1);
}

static void
test_grant_by_a_supervisor_of_another_township_is_refused(void **state)
{
	const unsigned coded = RX_BIT(RX_COMP_CODED);
	uint8_t box[RX_GRANT_BYTES];
	const char *dir;
	const struct rx_key *key;
	struct rx_session *s;
	struct rx_status st;
	int i;
	rx_err rc;

	(void)state;
	for (i = 0; i < 2; i++) {
		dir = fixture_copy();
		forge_grant(dir, i == 0 ? "s2" : "s1", VILLAGE1, coded, ST,
		    box);
		signature_is_genuine(dir, "st", i == 0 ? S2 : S1, VILLAGE1,
		    coded, box);
		fixture_tamper_blob(dir, "UPDATE keys.unit_grant SET "
		    "sealed = ?1 WHERE unit = '350102001001' AND "
		    "recipient = $st", box, sizeof(box));
		rx_status_clear(&st);
		if ((rc = fixture_try(&s, dir, "st", &st)) == RX_OK)
			rc = rx_unit_key(s, VILLAGE1, RX_COMP_CODED, 0, &key,
			    NULL, &st);
		/* The control: the supervisor who has the key may. */
		assert_int_equal(rc, i == 0 ? RX_ECORRUPT : RX_OK);
		rx_session_close(s);
	}
}

/* A director of another village may not grant for this one either. */
static void
test_grant_by_a_director_of_another_village_is_refused(void **state)
{
	uint8_t box[RX_GRANT_BYTES];
	const char *dir = fixture_copy();

	(void)state;
	forge_grant(dir, "d2", VILLAGE1, RX_CASE_KEYS, D1, box);
	signature_is_genuine(dir, "d1", D2, VILLAGE1, RX_CASE_KEYS, box);
	fixture_tamper_blob(dir, "UPDATE keys.unit_grant SET sealed = ?1 "
	    "WHERE unit = '350102001001' AND recipient = $d1", box,
	    sizeof(box));
	identity_key_is_corrupt(dir, "d1", VILLAGE1);
}

/* The audit key comes from the administrator alone, and whoever finds it
 * missing does not stand in for him. */
static void
test_register_keys_come_from_the_administrator_alone(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	fixture_tamper(dir, "DELETE FROM keys.unit_grant WHERE "
	    "unit = 'REGISTER' AND recipient = $s1");
	s = fixture_open(dir, "d1");
	rx_session_close(s);
	assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
	    "keys.unit_grant WHERE unit = 'REGISTER' AND recipient = $s1"), 0);
	refused(fixture_try(&s, dir, "s1", &st), RX_EPERM, &st);
	s = fixture_open(dir, "admin");
	rx_session_close(s);
	s = fixture_open(dir, "s1");
	rx_session_close(s);
}

/* ---- slots ---- */

static void
open_slot(struct rx_session *s, const char *dir, const char *child,
    struct rx_grant *g)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	char sql[160];

	rx_status_clear(&st);
	(void)snprintf(sql, sizeof(sql), "SELECT sealed FROM main.slot WHERE "
	    "child = %s AND recipient = $s1", child);
	fixture_blob(dir, sql, &b);
	ok(rx_grant_open(g, b.b, b.len, s->id, &st), &st);
	rx_buf_free(&b);
}

static void
test_slot_of_a_flagged_case_opens_no_other(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	struct rx_status st;
	struct rx_grant g;
	size_t n;

	(void)state;
	rx_status_clear(&st);
	fixture_tamper(dir, "UPDATE main.slot SET sealed = (SELECT sealed "
	    "FROM main.slot WHERE child = $c1 AND recipient = $s1) "
	    "WHERE child = $c2 AND recipient = $s1");
	s = fixture_open(dir, "s1");
	/* The control: as a sealed box it opens, and looks like an open slot. */
	open_slot(s, dir, "$c2", &g);
	assert_int_equal(g.kind, RX_GRANT_SLOT);
	rx_wipe(&g, sizeof(g));
	refused(fixture_show(s, fixture_id[C2], "reason", &n, &st),
	    RX_ECORRUPT, &st);
	assert_int_equal(n, 0);
	/* The case it belongs to is still open to him. */
	ok(fixture_show(s, fixture_id[C1], "reason", &n, &st), &st);
	assert_int_equal(n, 3);
	refused(fixture_verify(s, NULL, &st), RX_ECORRUPT, &st);
	rx_session_close(s);
}

/* Let ${who} write an open slot for ${child}, with keys of c1 where ${s1} has
 * them, else of his own choice. */
static void
forge_slot(const char *dir, const char *who, const uint8_t *child,
    enum rx_grant_kind kind, uint8_t box[RX_GRANT_BYTES])
{
	struct rx_key chosen = { "the forger knows this very well" };
	const struct rx_key *keys[RX_GRANT_KEYS] = { &chosen, &chosen, NULL };
	struct rx_grant_context ctx;
	struct rx_session *s;
	struct rx_status st;
	struct rx_grant g;

	rx_status_clear(&st);
	s = fixture_open(dir, who);
	if (strcmp(who, "s1") == 0) {
		open_slot(s, dir, "$c1", &g);
		keys[0] = &g.keys[0];
		keys[1] = &g.keys[1];
	}
	memset(&ctx, 0, sizeof(ctx));
	memcpy(ctx.store, s->store_id, RX_ID_BYTES);
	memcpy(ctx.unit, VILLAGE1, RX_UNIT_BYTES);
	memcpy(ctx.subject, child, RX_ID_BYTES);
	ctx.epoch = 1;
	ctx.compartments = SLOT_COMPS;
	ok(rx_grant_make(box, &ctx, keys, kind, s->user_id, s->id,
	    member(s, S1)->cert.box_public, &st), &st);
	rx_session_close(s);
}

static void
test_forged_slot_opens_nothing(void **state)
{
	static const char *const forgers[] = { "st", "s2", "d2", "s1" };
	uint8_t box[RX_GRANT_BYTES];
	struct rx_session *s;
	struct rx_status st;
	const char *dir;
	size_t i, n;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < 8; i++) {
		dir = fixture_copy();
		forge_slot(dir, forgers[i % 4], fixture_id[C2],
		    i < 4 ? RX_GRANT_SLOT : RX_GRANT_OPEN, box);
		fixture_tamper_blob(dir, "UPDATE main.slot SET sealed = ?1 "
		    "WHERE child = $c2 AND recipient = $s1", box, sizeof(box));
		s = fixture_open(dir, "s1");
		/* Of the last the form is right, and the keys are not. */
		refused(fixture_show(s, fixture_id[C2], "reason", &n, &st),
		    RX_ECORRUPT, &st);
		assert_int_equal(n, 0);
		rx_session_close(s);
	}
}

/* The keys of c1 that the supervisor has from his slot there. */
static void
case_keys_of(struct rx_session *s, struct rx_case *c)
{
	struct rx_status st;
	bool opened;

	rx_status_clear(&st);
	ok(rx_case_load(c, s, fixture_id[C1], VILLAGE1, RX_BIT(RX_COMP_CODED),
	    &st), &st);
	ok(rx_case_load_slot(c, s, &opened, &st), &st);
	assert_true(opened);
}

/* Seal ${key} as the narrative key of c1 under the slot key ${slot}. */
static void
slot_key_box(uint8_t box[RX_ENV_KEY_BYTES], const struct rx_session *s,
    const struct rx_key *key, const struct rx_key *slot)
{
	struct rx_place place;
	struct rx_status st;

	rx_status_clear(&st);
	rx_place_init(&place, s, "", fixture_id[C1], fixture_id[C1],
	    RX_TABLE_SLOT_KEY, 3, 1);
	ok(rx_envelope_seal(box, slot, RX_ENV_KEY, RX_COMP_NARRATIVE, 1,
	    &place, key->b, RX_KEY_BYTES, &st), &st);
}

/* Who once had a slot can seal under what it held: another supervisor is not to
 * write under a key of his choice. */
static void
test_key_that_was_forged_under_a_slot_key_is_refused(void **state)
{
	const struct rx_key chosen = { "the forger knows this very well" };
	const char *dir;
	uint8_t box[RX_ENV_KEY_BYTES];
	struct rx_session *s;
	struct rx_status st;
	struct rx_grant g;
	struct rx_case c;
	size_t n;
	int i;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < 2; i++) {
		dir = fixture_copy();
		s = fixture_open(dir, "s1");
		open_slot(s, dir, "$c1", &g);
		rx_case_init(&c);
		case_keys_of(s, &c);
		/* The control: the key itself, sealed in the same way. */
		slot_key_box(box, s, i == 0 ? &chosen : c.e[0].key[1],
		    &g.keys[1]);
		fixture_tamper_blob(dir, "UPDATE keys.slot_key SET narrative = "
		    "?1 WHERE child = $c1", box, sizeof(box));
		rx_case_done(&c, s);
		rx_wipe(&g, sizeof(g));
		if (i == 1) {
			ok(fixture_show(s, fixture_id[C1], "reason", &n, &st),
			    &st);
			assert_int_equal(n, 3);
		} else {
			assert_int_equal(fixture_show(s, fixture_id[C1],
			    "reason", &n, &st), RX_ECORRUPT);
			assert_int_equal(st.msg, RX_MSG_GRANT_CORRUPT);
			assert_int_equal(n, 0);
			rx_status_clear(&st);
		}
		rx_session_close(s);
	}
}

/* Put a slot for s1 into c2, signed by ${by}, and what it leads to: ${key}.  One of
 * the kind of before holds these themselves. */
static void
plant(const char *dir, struct rx_session *by, const struct rx_key key[2],
    enum rx_grant_kind kind)
{
	struct rx_key slot[2];
	const struct rx_key *const held = kind == RX_GRANT_SLOT ? slot : key;
	const struct rx_key *keys[RX_GRANT_KEYS] = { &held[0], &held[1], NULL };
	uint8_t box[RX_GRANT_BYTES], led[RX_ENV_KEY_BYTES];
	struct rx_grant_context ctx;
	struct rx_place place;
	struct rx_status st;
	uint32_t k;

	rx_status_clear(&st);
	for (k = 0; k < 2; k++) {
		rx_slot_key(&slot[k], &key[k]);
		rx_place_init(&place, by, "", fixture_id[C2], fixture_id[C2],
		    RX_TABLE_SLOT_KEY, 2 + k, 1);
		ok(rx_envelope_seal(led, &slot[k], RX_ENV_KEY, k == 0 ?
		    RX_COMP_IDENTITY : RX_COMP_NARRATIVE, 1, &place, key[k].b,
		    RX_KEY_BYTES, &st), &st);
		fixture_tamper_blob(dir, k == 0 ? "UPDATE keys.slot_key SET "
		    "identity = ?1 WHERE child = $c2" : "UPDATE keys.slot_key "
		    "SET narrative = ?1 WHERE child = $c2", led, sizeof(led));
	}
	rx_grant_context_set(&ctx, by, VILLAGE1, fixture_id[C2], 1,
	    SLOT_COMPS);
	ok(rx_grant_make(box, &ctx, keys, kind, by->user_id, by->id,
	    member(by, S1)->cert.box_public, &st), &st);
	fixture_tamper_blob(dir, "UPDATE main.slot SET sealed = ?1 WHERE "
	    "child = $c2 AND recipient = $s1", box, sizeof(box));
}

/* How many slots of its own ${s} would have with new keys. */
static size_t
slots_after_rekey(struct rx_session *s)
{
	const struct rx_value arg = rx_bytes(s->user_id, RX_ID_BYTES);
	struct rx_buf ids = RX_BUF_INIT;
	struct rx_identity to;
	struct rx_status st;
	uint8_t seed[32] = { 7 };
	size_t n;

	rx_status_clear(&st);
	rx_identity_derive(&to, seed);
	ok(rx_begin(s, &st), &st);
	ok(rx_slots_rekey(s, &to, &st), &st);
	ok(rx_query_ids(s->store, RX_Q_SLOTS_TO, &arg, 1, 0, &ids, &st), &st);
	rx_store_rollback(s->store);
	n = ids.len / RX_ID_BYTES;
	rx_buf_free(&ids);
	return (n);
}

/* What a bundle brought unseen, or somebody changed, does not keep a supervisor from
 * new keys: it goes, and who has the keys of the case writes another. */
static void
test_slot_that_does_not_open_keeps_nobody_from_new_keys(void **state)
{
	static const char *const changes[] = {
		"UPDATE main.slot SET sealed = (SELECT o.sealed FROM main.slot "
		    "AS o WHERE o.child = $c2 AND o.recipient = $s1) WHERE "
		    "child = $c1 AND recipient = $s1",
		"UPDATE main.slot SET sealed = randomblob(225) WHERE child = "
		    "$c1 AND recipient = $s1",
		"UPDATE main.slot SET sealed = substr(sealed, 2) WHERE child = "
		    "$c1 AND recipient = $s1",
	};
	struct rx_session *s;
	const char *dir;
	size_t i;

	(void)state;
	dir = fixture_copy();
	s = fixture_open(dir, "s1");
	assert_int_equal(slots_after_rekey(s), slots_of(dir, "$s1"));
	rx_session_close(s);
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		dir = fixture_copy();
		fixture_tamper(dir, changes[i]);
		s = fixture_open(dir, "s1");
		assert_int_equal(slots_after_rekey(s), slots_of(dir, "$s1") - 1);
		rx_session_close(s);
	}
}

/* A supervisor may write slots of the cases below him, also of one that is closed to
 * him.  With keys of his own there his colleague would write what only he can
 * read. */
static void
test_slot_with_keys_that_are_not_those_of_the_case_is_refused(void **state)
{
	struct rx_secret *p = test_passphrase("s9-pass");
	struct rx_session *s, *d, *by;
	const char *dir;
	struct rx_key key[2];
	struct rx_status st;
	struct rx_case c;
	size_t n;
	int i;

	(void)state;
	rx_status_clear(&st);
	/* The keys are his own; and the control: those of the case.  And these by
	 * themselves, which would stay in old copies of this file. */
	for (i = 0; i < 3; i++) {
		dir = fixture_copy();
		s = fixture_open(dir, "admin");
		ok(rx_user_add(s, "s9", RX_ROLE_SUPERVISOR, "350102001", p,
		    &st), &st);
		rx_session_close(s);
		ok(rx_session_open(&by, dir, "s9", p, &st), &st);
		d = fixture_open(dir, "d1");
		rx_case_init(&c);
		ok(rx_case_load(&c, d, fixture_id[C2], VILLAGE1, RX_CASE_KEYS,
		    &st), &st);
		key[0] = *c.e[0].key[0];
		key[1] = *c.e[0].key[1];
		rx_case_done(&c, d);
		rx_session_close(d);
		key[0].b[0] ^= i == 1;
		key[1].b[0] ^= i == 1;
		plant(dir, by, key, i < 2 ? RX_GRANT_SLOT : RX_GRANT_OPEN);
		s = fixture_open(dir, "s1");
		if (i == 0) {
			ok(fixture_show(s, fixture_id[C2], "reason", &n, &st),
			    &st);
			assert_true(n > 0);
		} else {
			assert_int_equal(fixture_show(s, fixture_id[C2],
			    "reason", &n, &st), RX_ECORRUPT);
			assert_int_equal(st.msg, RX_MSG_GRANT_CORRUPT);
			rx_status_clear(&st);
		}
		assert_int_equal(slots_after_rekey(s), slots_of(dir, "$s1") -
		    (i == 2));
		rx_session_close(s);
		rx_session_close(by);
	}
	rx_wipe(key, sizeof(key));
	rx_secret_free(p);
}

/* What a slot leads to is changed: the supervisor is told, and the next save of
 * somebody who has the keys puts it right. */
static void
test_changed_row_of_slot_keys_is_refused_and_put_right(void **state)
{
	static const char *const changes[] = {
		"DELETE FROM keys.slot_key WHERE child = $c1",
		"UPDATE keys.slot_key SET epoch = 2 WHERE child = $c1",
		"UPDATE keys.slot_key SET identity = narrative, narrative = "
		    "identity WHERE child = $c1",
		"UPDATE keys.slot_key SET identity = (SELECT identity FROM "
		    "keys.slot_key WHERE child = $c2) WHERE child = $c1",
		"UPDATE keys.slot_key SET narrative = zeroblob(7) WHERE child "
		    "= $c1",
	};
	const char *dir;
	struct rx_session *s, *d;
	struct rx_status st;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		dir = fixture_copy();
		fixture_tamper(dir, changes[i]);
		s = fixture_open(dir, "s1");
		rx_status_clear(&st);
		assert_int_equal(fixture_show(s, fixture_id[C1], "reason", &n,
		    &st), RX_ECORRUPT);
		assert_int_equal(st.msg, RX_MSG_GRANT_CORRUPT);
		assert_int_equal(n, 0);
		d = fixture_open(dir, "d1");
		fixture_save(d, RX_OBSERVATION, another_visit, false, NULL);
		rx_session_close(d);
		rx_status_clear(&st);
		ok(fixture_show(s, fixture_id[C1], "reason", &n, &st), &st);
		assert_int_equal(n, 4);
		rx_session_close(s);
	}
}

/* A supervisor without a slot may send a review, its note under a key of his own: that
 * closes the slots of nobody. */
static void
test_note_under_another_key_closes_no_slot(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	struct rx_status st;
	struct rx_case c;
	size_t n;

	(void)state;
	fixture_tamper(dir, "UPDATE record SET narrative = "
	    "randomblob(length(narrative)) WHERE id = $o2");
	s = fixture_open(dir, "s1");
	rx_status_clear(&st);
	rx_case_init(&c);
	case_keys_of(s, &c);
	rx_case_done(&c, s);
	/* The control: the note itself does not open. */
	refused(fixture_show(s, fixture_id[C1], "reason", &n, &st),
	    RX_ECORRUPT, &st);
	rx_session_close(s);
}

/* A name under keys that the case has not, or cut: that name does not open, and it is
 * not the slot that is found wrong. */
static void
test_name_under_keys_that_there_are_not_closes_no_slot(void **state)
{
	static const char *const changes[] = {
		"UPDATE child SET name = CAST(substr(name, 1, 24) || "
		    "x'09000000' || substr(name, 29) AS BLOB) WHERE id = $c1",
		"UPDATE child SET name = CAST(substr(name, 1, 24) || "
		    "x'00000000' || substr(name, 29) AS BLOB) WHERE id = $c1",
		"UPDATE child SET name = substr(name, 1, 20) WHERE id = $c1",
	};
	struct rx_session *s;
	struct rx_status st;
	struct rx_case c;
	const char *dir;
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		dir = fixture_copy();
		s = fixture_open(dir, "s1");
		rx_status_clear(&st);
		ok(fixture_show(s, fixture_id[C1], "reason", &n, &st), &st);
		fixture_tamper(dir, changes[i]);	/* that was the control */
		rx_case_init(&c);
		case_keys_of(s, &c);
		rx_case_done(&c, s);
		assert_int_equal(fixture_show(s, fixture_id[C1], "reason", &n,
		    &st), RX_ECORRUPT);
		assert_int_equal(st.msg, RX_MSG_SIGNATURE_CORRUPT);
		assert_int_equal(n, 0);
		rx_session_close(s);
	}
}

#define OF_EPOCH_9 "UPDATE keys.case_key SET identity = CAST(substr(identity, " \
    "1, 24) || x'09000000' || substr(identity, 29) AS BLOB) WHERE child = $c2"

/* Cases that no keys open, as a bundle may bring them to who cannot try: the others
 * get their slots, nobody is kept out, and it is not written each time. */
static void
test_case_that_does_not_open_keeps_no_director_out(void **state)
{
	static const char *const changes[] = { OF_EPOCH_9,
	    "UPDATE keys.case_key SET identity = narrative WHERE child = $c2" };
	const char *dir;
	int64_t entries;
	size_t i;

	(void)state;
	for (i = 0; i < 2; i++) {
		dir = fixture_copy();
		fixture_tamper(dir, changes[i]);
		fixture_tamper(dir, "DELETE FROM main.slot WHERE child IN "
		    "($c1, $c2)");
		rx_session_close(fixture_open(dir, "d1"));
		assert_true(fixture_number(dir, "SELECT count(*) FROM "
		    "main.slot WHERE child = $c1") > 0);
		assert_int_equal(fixture_number(dir, "SELECT count(*) FROM "
		    "main.slot WHERE child = $c2"), 0);
		entries = fixture_number(dir, "SELECT max(seq) FROM audit");
		rx_session_close(fixture_open(dir, "d1"));
		assert_int_equal(fixture_number(dir, "SELECT max(seq) FROM "
		    "audit"), entries);
	}
}

/* The same of one that was offered: refused, it would get new keys; offered to a unit
 * with a new director, another grant. */
static void
test_offered_case_that_does_not_open_keeps_no_director_out(void **state)
{
	static const char *const change[] = { NULL, OF_EPOCH_9,
	    "UPDATE main.child SET coded = randomblob(length(coded)) "
	    "WHERE id = $c2" };
	struct rx_secret *p = test_passphrase("d9-pass");
	struct rx_session *s;
	struct rx_status st;
	const char *dir;
	int64_t entries;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < 6; i++) {
		dir = fixture_copy();
		s = fixture_open(dir, "d1");
		ok(rx_transfer_offer(s, fixture_id[C2], "350102001002", "搬家",
		    &st), &st);
		rx_session_close(s);
		s = fixture_open(dir, i % 2 == 0 ? "d2" : "admin");
		if (i % 2 == 0)
			ok(rx_transfer_reject(s, fixture_id[C2], "没有", &st),
			    &st);
		else
			ok(rx_user_add(s, "d9", RX_ROLE_DIRECTOR,
			    "350102001002", p, &st), &st);
		rx_session_close(s);
		if (change[i / 2] != NULL)
			fixture_tamper(dir, change[i / 2]);
		entries = fixture_number(dir, "SELECT max(seq) FROM audit");
		rx_session_close(fixture_open(dir, "d1"));
		/* The control: one that opens gets them. */
		assert_int_equal(fixture_number(dir, "SELECT max(seq) FROM "
		    "audit") > entries, i < 2);
	}
	rx_secret_free(p);
}

/* Nobody writes an open slot of keys that he has not. */
static void
test_open_slots_without_the_keys_are_refused(void **state)
{
	struct rx_session *s = fixture_open(fixture_copy(), "s1");
	struct rx_status st;
	struct rx_case c;

	(void)state;
	rx_status_clear(&st);
	rx_case_init(&c);
	ok(rx_begin(s, &st), &st);
	ok(rx_case_load(&c, s, fixture_id[C2], VILLAGE1, RX_BIT(RX_COMP_CODED),
	    &st), &st);
	/* The control: closed ones hold none. */
	ok(rx_slots_write(&c, s, false, 0, NULL, &st), &st);
	assert_int_equal(rx_slots_write(&c, s, true, 0, NULL, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_CASE_CLOSED);
	rx_store_rollback(s->store);
	rx_case_done(&c, s);
	rx_session_close(s);
}

/* ---- who opens what ---- */

static void
test_supervisor_opens_flagged_cases_of_his_township_only(void **state)
{
	const char *dir = fixture_copy();
	struct rx_session *s;
	struct rx_status st;
	struct rx_grant g;
	uint8_t zero[2 * sizeof(struct rx_key)] = { 0 };
	size_t n;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(dir, "s1");
	ok(fixture_show(s, fixture_id[C1], "reason", &n, &st), &st);
	assert_int_equal(n, 3);
	refused(fixture_show(s, fixture_id[C2], "reason", &n, &st), RX_EPERM,
	    &st);
	assert_int_equal(n, 0);
	/* Not by a rule alone: there is no key in his slot. */
	open_slot(s, dir, "$c1", &g);
	assert_memory_not_equal(g.keys, zero, sizeof(zero));
	open_slot(s, dir, "$c2", &g);
	assert_int_equal(g.kind, RX_GRANT_CLOSED);
	assert_memory_equal(g.keys, zero, sizeof(zero));
	rx_session_close(s);

	s = fixture_open(dir, "s2");
	refused(fixture_show(s, fixture_id[C1], "reason", &n, &st), RX_EPERM,
	    &st);
	assert_int_equal(n, 0);
	ok(fixture_list(s, &n, &st), &st);
	assert_int_equal(n, 0);
	rx_session_close(s);
}

static void
no_key(struct rx_session *s, const char *unit, enum rx_compartment comp)
{
	const struct rx_key *key;
	struct rx_status st;

	rx_status_clear(&st);
	assert_int_equal(rx_unit_key(s, unit, comp, 0, &key, NULL, &st),
	    RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_NO_KEY_EVER);
	assert_null(key);
}

/* Try ${key} on every identity and narrative box of the register, in the very
 * place of each; the number that opens. */
static size_t
boxes_opened(struct rx_session *s, const struct rx_key *key)
{
	static const enum rx_query q[2] = { RX_Q_CHILDREN_OF_UNIT,
	    RX_Q_RECORDS_OF_CHILD };
	static const char *const units[2] = { VILLAGE1, VILLAGE2 };
	struct rx_buf plain = RX_BUF_INIT;
	struct rx_cursor *cur;
	struct rx_place place;
	struct rx_status st;
	struct rx_value arg;
	const uint8_t *id, *child, *box;
	size_t i, n, opened = 0;
	bool row;
	int col;

	for (i = 0; i < 5; i++) {
		const bool record = i >= 2;
		const char *unit = i == 1 || i == 4 ? VILLAGE2 : VILLAGE1;

		rx_status_clear(&st);
		arg = record ? rx_bytes(fixture_id[C1 + i - 2], RX_ID_BYTES) :
		    rx_text(units[i]);
		ok(rx_query_open(&cur, s->store, q[record], &arg, 1, &st),
		    &st);
		for (;;) {
			ok(rx_query_next(cur, &row, &st), &st);
			if (!row)
				break;
			id = rx_col_bytes(cur, 0, &n);
			child = record ? rx_col_bytes(cur, 2, &n) : id;
			for (col = record ? 6 : 4; col < (record ? 7 : 11);
			    col++) {
				rx_place_init(&place, s, unit, id, child,
				    record ? RX_TABLE_RECORD : RX_TABLE_CHILD,
				    (uint32_t)col,
				    (uint32_t)rx_col_int(cur, 1));
				box = rx_col_bytes(cur, col, &n);
				rx_status_clear(&st);
				if (rx_field_open(&plain, box, n, key, record ?
				    RX_COMP_NARRATIVE : RX_COMP_IDENTITY,
				    &place, &st) == RX_OK)
					opened++;
			}
		}
		rx_query_close(cur);
	}
	rx_buf_free(&plain);
	return (opened);
}

/* Every key that the session can come by: those that it holds, and the case
 * keys that they unwrap. */
static size_t
opened_by_all_keys(struct rx_session *s, unsigned comps)
{
	struct rx_status st;
	struct rx_case c;
	size_t i, k, opened = 0;

	memset(&c, 0, sizeof(c));
	rx_status_clear(&st);
	for (i = 0; i < s->nheld; i++)
		opened += boxes_opened(s, s->held[i].key);
	rx_case_init(&c);
	for (i = C1; i <= C2; i++) {
		ok(rx_case_load(&c, s, fixture_id[i], VILLAGE1, comps, &st),
		    &st);
		for (k = 0; k < 3; k++)
			if (c.e[0].key[k] != NULL)
				opened += boxes_opened(s, c.e[0].key[k]);
	}
	rx_case_done(&c, s);
	return (opened);
}

static void
test_statistician_has_no_key_to_identity_or_narrative(void **state)
{
	static const unsigned allowed = RX_BIT(RX_COMP_CODED) |
	    RX_BIT(RX_COMP_AUDIT) | RX_BIT(RX_COMP_LEDGER);
	static const uint8_t zero[RX_KEY_BYTES];
	static const char *const units[] = { VILLAGE1, VILLAGE2, TOWN1,
	    COUNTY };
	struct rx_value arg = rx_bytes(fixture_id[ST], RX_ID_BYTES);
	const char *dir = fixture_copy();
	struct rx_cursor *cur;
	struct rx_session *s;
	struct rx_status st;
	struct rx_grant g;
	const uint8_t *box;
	size_t i, n, rows = 0;
	unsigned comps;
	bool row;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(dir, "st");
	refused(fixture_list(s, &n, &st), RX_EPERM, &st);
	refused(fixture_show(s, fixture_id[C1], "reason", &n, &st), RX_EPERM,
	    &st);
	assert_int_equal(n, 0);
	refused(rx_child_search(s, NULL, "甲", NULL, NULL, &st), RX_EPERM,
	    &st);
	for (i = 0; i < 4; i++) {
		no_key(s, units[i], RX_COMP_IDENTITY);
		no_key(s, units[i], RX_COMP_NARRATIVE);
	}

	/* His grants, opened with his own keys, one by one. */
	ok(rx_query_open(&cur, s->store, RX_Q_GRANTS_TO, &arg, 1, &st), &st);
	for (;;) {
		ok(rx_query_next(cur, &row, &st), &st);
		if (!row)
			break;
		comps = (unsigned)rx_col_int(cur, 2);
		assert_int_equal(comps & ~allowed, 0);
		box = rx_col_bytes(cur, 4, &n);
		ok(rx_grant_open(&g, box, n, s->id, &st), &st);
		if ((comps & RX_BIT(RX_COMP_CODED)) != 0) {
			assert_memory_equal(g.keys[0].b, zero, RX_KEY_BYTES);
			assert_memory_equal(g.keys[1].b, zero, RX_KEY_BYTES);
			rows++;
		}
	}
	rx_query_close(cur);
	rx_wipe(&g, sizeof(g));
	assert_true(rows >= 2);
	assert_int_equal(slots_of(dir, "$st"), 0);

	ok(fixture_coded(s, "350102", &n, &st), &st);	/* all coded keys */
	assert_true(n >= 8);
	assert_int_equal(opened_by_all_keys(s, RX_BIT(RX_COMP_CODED)), 0);
	rx_session_close(s);

	/* The control: a director's keys open every box of his village. */
	s = fixture_open(dir, "d1");
	assert_int_equal(opened_by_all_keys(s, RX_CASE_KEYS), 2 * 7 + 4);
	rx_session_close(s);
}

static void
test_administrator_opens_no_case(void **state)
{
	struct rx_session *s;
	struct rx_status st;
	size_t n;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(fixture_copy(), "admin");
	refused(fixture_list(s, &n, &st), RX_EPERM, &st);
	refused(fixture_show(s, fixture_id[C1], "reason", &n, &st), RX_EPERM,
	    &st);
	assert_int_equal(n, 0);
	refused(rx_child_search(s, NULL, "甲", NULL, NULL, &st), RX_EPERM,
	    &st);
	refused(fixture_coded(s, "350102", &n, &st), RX_EPERM, &st);
	no_key(s, VILLAGE1, RX_COMP_IDENTITY);
	no_key(s, VILLAGE1, RX_COMP_NARRATIVE);
	no_key(s, VILLAGE1, RX_COMP_CODED);
	rx_session_close(s);
}

static void
test_director_opens_no_other_village(void **state)
{
	struct rx_session *s;
	struct rx_status st;
	size_t n;

	(void)state;
	rx_status_clear(&st);
	s = fixture_open(fixture_copy(), "d2");
	ok(fixture_show(s, fixture_id[C3], NULL, &n, &st), &st);
	assert_int_equal(n, 2);
	refused(fixture_show(s, fixture_id[C1], "reason", &n, &st), RX_EPERM,
	    &st);
	assert_int_equal(n, 0);
	no_key(s, VILLAGE1, RX_COMP_IDENTITY);
	no_key(s, VILLAGE1, RX_COMP_NARRATIVE);
	no_key(s, VILLAGE1, RX_COMP_CODED);
	rx_session_close(s);
}

/* ---- rows ---- */

enum { SEEN_IN_LIST = 1, SEEN_IN_CASE = 2 };

struct row_attack {
	const char *sql;
	const char *user;
	enum fixture_id child;
	unsigned seen;		/* beside the audit, which sees them all */
};

static void
expect_row_refused(const char *dir, const struct row_attack *a)
{
	struct rx_session *s;
	struct rx_status st;
	size_t n;

	rx_status_clear(&st);
	s = fixture_open(dir, a->user);
	if ((a->seen & SEEN_IN_LIST) != 0) {
		rx_err rc = fixture_list(s, &n, &st);

		if (rc != RX_ECORRUPT)
			fail_msg("list: %d for %s", (int)rc, a->sql);
		rx_status_clear(&st);
	}
	if ((a->seen & SEEN_IN_CASE) != 0) {
		rx_err rc = fixture_show(s, fixture_id[a->child], NULL, &n,
		    &st);

		if (rc != RX_ECORRUPT)
			fail_msg("show: %d for %s", (int)rc, a->sql);
		assert_int_equal(n, 0);
		rx_status_clear(&st);
	}
	refused(fixture_verify(s, NULL, &st), RX_ECORRUPT, &st);
	rx_session_close(s);
}

#define BOTH (SEEN_IN_LIST | SEEN_IN_CASE)
/* Exchange ${column} of the rows ${a} and ${b} of ${table}. */
#define SWAP(table, column, key, a, b) \
    "CREATE TEMP TABLE old AS SELECT " key " AS k, " column " AS v FROM " \
    table " WHERE " key " IN (" a ", " b ");" \
    "UPDATE " table " SET " column " = (SELECT v FROM old WHERE k <> " table \
    "." key ") WHERE " key " IN (" a ", " b ")"

static void
test_moved_and_swapped_boxes_are_refused(void **state)
{
	static const struct row_attack attacks[] = {
		/* the case keys of one child, given to another */
		{ "UPDATE keys.case_key SET child = x'"
		    "00000000000000000000000000000000' WHERE child = $c1;"
		    "UPDATE keys.case_key SET child = $c1 WHERE child = $c2;"
		    "UPDATE keys.case_key SET child = $c2 WHERE child = x'"
		    "00000000000000000000000000000000'", "d1", C1, BOTH },
		{ "UPDATE keys.case_key SET identity = narrative, "
		    "narrative = identity WHERE child = $c1", "d1", C1, BOTH },
		{ "UPDATE keys.case_key SET epoch = 2 WHERE child = $c1", "d1",
		    C1, BOTH },
		{ "DELETE FROM keys.case_key WHERE child = $c1", "d1", C1,
		    BOTH },
		/* a record of one child, put in another's case */
		{ "UPDATE record SET child = $c2 WHERE id = $o2", "d1", C2,
		    BOTH },
		{ "UPDATE record SET child = $c1 WHERE id = $o4", "d1", C1,
		    BOTH },
		/* boxes of two records of one case */
		{ SWAP("record", "coded", "id", "$o3", "$i1"), "d1", C2,
		    BOTH },
		{ SWAP("record", "narrative", "id", "$o3", "$i1"), "d1", C2,
		    SEEN_IN_CASE },
		{ SWAP("record", "tag", "id", "$o3", "$i1"), "d1", C2, BOTH },
		/* boxes of two children */
		{ "UPDATE child SET name = (SELECT name FROM child WHERE "
		    "id = $c2 AND version = 2) WHERE id = $c1", "d1", C1,
		    BOTH },
		{ "UPDATE child SET coded = (SELECT coded FROM child WHERE "
		    "id = $c2 AND version = 2) WHERE id = $c1", "d1", C1,
		    BOTH },
		{ "UPDATE child SET tag = (SELECT tag FROM child WHERE "
		    "id = $c2 AND version = 2) WHERE id = $c1", "d1", C1,
		    BOTH },
		/* two fields of one child */
		{ "UPDATE child SET name = school, school = name WHERE "
		    "id = $c1", "d1", C1, BOTH },
		{ "UPDATE child SET guardian_phone = phone WHERE id = $c1",
		    "d1", C1, SEEN_IN_CASE },
		/* another unit, alone and with everything beside it */
		{ "UPDATE record SET unit = '350102001002' WHERE id = $o2",
		    "d1", C1, BOTH },
		{ "UPDATE keys.case_key SET unit = '350102001002' WHERE "
		    "child = $c1", "d1", C1, 0 },
		{ "UPDATE child SET unit = '350102001002' WHERE id = $c1;"
		    "UPDATE record SET unit = '350102001002' WHERE "
		    "child = $c1; UPDATE keys.case_key SET unit = "
		    "'350102001002' WHERE child = $c1", "d2", C1, BOTH },
		{ "UPDATE child SET id = $c2, version = 3 WHERE id = $c1",
		    "d1", C2, BOTH },
	};
	const char *dir;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		dir = fixture_copy();
		fixture_tamper(dir, attacks[i].sql);
		expect_row_refused(dir, &attacks[i]);
	}
}

static void
test_versions_cannot_be_exchanged(void **state)
{
	static const struct row_attack attacks[] = {
		{ "UPDATE record SET version = 2 WHERE id = $o2", "d1", C1,
		    BOTH },
		{ "UPDATE child SET version = 9 WHERE id = $c2 AND "
		    "version = 1", "d1", C2, BOTH },
		/* the old version over the new one */
		{ "UPDATE record SET (coded, narrative) = (SELECT coded, "
		    "narrative FROM record WHERE id = $o1 AND version = 1) "
		    "WHERE id = $o1 AND version = 2", "d1", C1, BOTH },
		{ "UPDATE record SET narrative = (SELECT narrative FROM record "
		    "WHERE id = $o1 AND version = 1) WHERE id = $o1 AND "
		    "version = 2", "d1", C1, SEEN_IN_CASE },
		{ "UPDATE child SET school = (SELECT school FROM child WHERE "
		    "id = $c2 AND version = 1) WHERE id = $c2 AND version = 2",
		    "d1", C2, SEEN_IN_CASE },
		/* only the old version left: a true row, missed by the audit */
		{ "DELETE FROM record WHERE id = $o1 AND version = 2", "d1",
		    C1, 0 },
		{ "UPDATE record SET version = version + 1 WHERE id = $o1 AND "
		    "version = 2", "d1", C1, BOTH },
	};
	const char *dir;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		dir = fixture_copy();
		fixture_tamper(dir, attacks[i].sql);
		expect_row_refused(dir, &attacks[i]);
	}
}

static void
test_boxes_of_another_kind_are_refused(void **state)
{
	static const struct row_attack attacks[] = {
		{ "UPDATE record SET coded = (SELECT coded FROM child WHERE "
		    "id = $c1) WHERE id = $o2", "d1", C1, BOTH },
		{ "UPDATE record SET coded = (SELECT coded FROM activity) "
		    "WHERE id = $o2", "d1", C1, BOTH },
		{ "UPDATE record SET coded = narrative WHERE id = $o2", "d1",
		    C1, BOTH },
		{ "UPDATE record SET narrative = coded WHERE id = $o2", "d1",
		    C1, SEEN_IN_CASE },
		{ "UPDATE record SET narrative = (SELECT name FROM child WHERE "
		    "id = $c1) WHERE id = $o2", "d1", C1, SEEN_IN_CASE },
		{ "UPDATE child SET name = (SELECT narrative FROM record WHERE "
		    "id = $o2) WHERE id = $c1", "d1", C1, BOTH },
		{ "UPDATE child SET coded = (SELECT coded FROM record WHERE "
		    "id = $o2) WHERE id = $c1", "d1", C1, BOTH },
		{ "INSERT INTO record SELECT $c1, 1, $c1, unit, tag, coded, "
		    "name FROM child WHERE id = $c1", "d1", C1, BOTH },
		{ "INSERT INTO record SELECT $o1, 9, child, unit, tag, coded, "
		    "narrative FROM record WHERE id = $o2", "d1", C1, BOTH },
		{ "UPDATE child SET coded = (SELECT sealed FROM main.slot "
		    "LIMIT 1) WHERE id = $c1", "d1", C1, BOTH },
		{ "UPDATE record SET coded = x'' WHERE id = $o2", "d1", C1,
		    BOTH },
	};
	const char *dir;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		dir = fixture_copy();
		fixture_tamper(dir, attacks[i].sql);
		expect_row_refused(dir, &attacks[i]);
	}
}

static void
test_record_of_another_register_is_refused(void **state)
{
	static const struct row_attack a = { "another register", "d1", C1,
	    BOTH };
	const char *another = fixture_another(NULL), *dir = fixture_copy();
	struct rx_session *s;
	struct rx_status st;
	char sql[600];
	size_t n;

	(void)state;
	(void)snprintf(sql, sizeof(sql), "ATTACH '%s/content.db' AS other;"
	    "INSERT INTO main.record SELECT id, version, $c1, unit, tag, "
	    "coded, narrative FROM other.record LIMIT 1", another);
	fixture_tamper(dir, sql);
	expect_row_refused(dir, &a);

	/* With its child and its case keys beside it. */
	dir = fixture_copy();
	(void)snprintf(sql, sizeof(sql), "ATTACH '%s/content.db' AS other;"
	    "ATTACH '%s/keys.db' AS okeys;"
	    "INSERT INTO main.child SELECT * FROM other.child;"
	    "INSERT INTO main.record SELECT * FROM other.record;"
	    "INSERT INTO keys.case_key SELECT * FROM okeys.case_key",
	    another, another);
	fixture_tamper(dir, sql);
	/* The new cases lack slots: that they cannot have any keeps nobody out,
	 * and shows at the first look. */
	s = fixture_open(dir, "d1");
	rx_status_clear(&st);
	assert_int_equal(fixture_list(s, &n, &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_SEALED_CORRUPT);
	rx_session_close(s);
}

/* With the tags of two children exchanged, what is written for one would go
 * into the file of the other. */
static void
test_exchanged_tags_do_not_misdirect_a_record(void **state)
{
	const char *dir = fixture_copy();
	struct rx_save_result result;
	struct rx_session *s;
	struct rx_status st;
	json_t *json;

	(void)state;
	rx_status_clear(&st);
	fixture_tamper(dir, "CREATE TEMP TABLE old AS SELECT DISTINCT id, tag "
	    "FROM child WHERE id IN ($c1, $c2); UPDATE child SET tag = "
	    "(SELECT tag FROM old WHERE old.id <> child.id) "
	    "WHERE id IN ($c1, $c2)");
	s = fixture_open(dir, "d1");
	ok(rx_json_parse(&json, harmless, strlen(harmless), &st), &st);
	refused(rx_save(s, RX_OBSERVATION, json, false, &result, &st),
	    RX_ECORRUPT, &st);
	json_decref(json);
	rx_session_close(s);
}

/* ---- the files themselves ---- */

static void
test_foreign_schema_and_damaged_pages_are_refused(void **state)
{
	static const char *const changes[] = {
		"CREATE TRIGGER main.t AFTER INSERT ON record BEGIN "
		    "DELETE FROM record WHERE id <> NEW.id; END",
		"CREATE TRIGGER keys.t AFTER UPDATE ON slot BEGIN "
		    "DELETE FROM slot; END",
		"CREATE VIEW main.v AS SELECT * FROM record",
		"CREATE VIEW keys.v AS SELECT * FROM cert",
		"CREATE INDEX main.i ON record(narrative)",
	};
	uint8_t noise[4096];
	const char *dir;
	struct rx_session *s;
	struct rx_status st;
	char path[300];
	size_t i;
	int fd;

	(void)state;
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		dir = fixture_copy();
		fixture_sql(dir, changes[i]);
		fixture_open_corrupt(dir, "d1", RX_MSG_STORE_SCHEMA);
	}
	/* The first page of each file, and one of the users. */
	memset(noise, 0xa5, sizeof(noise));
	for (i = 0; i < 2; i++) {
		dir = fixture_copy();
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
		    i == 0 ? "content.db" : "keys.db");
		assert_true((fd = open(path, O_RDWR)) != -1);
		assert_int_equal(pwrite(fd, noise, 3996, 100), 3996);
		assert_int_equal(close(fd), 0);
		rx_status_clear(&st);
		refused(fixture_try(&s, dir, "d1", &st), RX_ECORRUPT, &st);
	}
	/* Any page of the keys: refused at the door or by the audit. */
	for (i = 1; i < 12; i++) {
		rx_err rc;

		dir = fixture_copy();
		(void)snprintf(path, sizeof(path), "%s/keys.db", dir);
		assert_true((fd = open(path, O_RDWR)) != -1);
		assert_int_equal(pwrite(fd, noise, sizeof(noise),
		    (off_t)(i * sizeof(noise))), sizeof(noise));
		assert_int_equal(close(fd), 0);
		rx_status_clear(&st);
		if ((rc = fixture_try(&s, dir, "d1", &st)) == RX_OK)
			rc = fixture_verify(s, NULL, &st);
		rx_session_close(s);
		assert_int_equal(rc, RX_ECORRUPT);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_supervisor_key_of_another_root_gets_no_grant),
		cmocka_unit_test(test_edited_role_is_refused),
		cmocka_unit_test(
		    test_certificate_of_the_wrong_role_gets_no_slot),
		cmocka_unit_test(test_expired_supervisor_gets_no_key),
		cmocka_unit_test(test_disabled_supervisor_gets_no_key),
		cmocka_unit_test(
		    test_certificate_of_another_register_is_refused),
		cmocka_unit_test(test_swapped_root_is_refused),
		cmocka_unit_test(test_wholly_resigned_register_is_refused),
		cmocka_unit_test(test_keyblob_of_another_user_is_corrupt),
		cmocka_unit_test(test_keys_of_another_register_are_corrupt),
		cmocka_unit_test(
		    test_tampered_keyblob_is_corrupt_not_a_wrong_passphrase),
		cmocka_unit_test(
		    test_unknown_user_reads_like_a_wrong_passphrase),
		cmocka_unit_test(test_exchanged_user_names_are_refused),
		cmocka_unit_test(test_moved_grant_is_corrupt),
		cmocka_unit_test(
		    test_moved_grant_does_open_without_its_context),
		cmocka_unit_test(test_grant_by_a_statistician_is_refused),
		cmocka_unit_test(
		    test_grant_by_a_supervisor_of_another_township_is_refused),
		cmocka_unit_test(
		    test_grant_by_a_director_of_another_village_is_refused),
		cmocka_unit_test(
		    test_register_keys_come_from_the_administrator_alone),
		cmocka_unit_test(test_slot_of_a_flagged_case_opens_no_other),
		cmocka_unit_test(test_forged_slot_opens_nothing),
		cmocka_unit_test(
		    test_key_that_was_forged_under_a_slot_key_is_refused),
		cmocka_unit_test(
		test_slot_with_keys_that_are_not_those_of_the_case_is_refused),
		cmocka_unit_test(
		    test_slot_that_does_not_open_keeps_nobody_from_new_keys),
		cmocka_unit_test(
		    test_changed_row_of_slot_keys_is_refused_and_put_right),
		cmocka_unit_test(test_note_under_another_key_closes_no_slot),
		cmocka_unit_test(
		    test_name_under_keys_that_there_are_not_closes_no_slot),
		cmocka_unit_test(
		    test_case_that_does_not_open_keeps_no_director_out),
		cmocka_unit_test(
		    test_offered_case_that_does_not_open_keeps_no_director_out),
		cmocka_unit_test(test_open_slots_without_the_keys_are_refused),
		cmocka_unit_test(
		    test_supervisor_opens_flagged_cases_of_his_township_only),
		cmocka_unit_test(
		    test_statistician_has_no_key_to_identity_or_narrative),
		cmocka_unit_test(test_administrator_opens_no_case),
		cmocka_unit_test(test_director_opens_no_other_village),
		cmocka_unit_test(test_moved_and_swapped_boxes_are_refused),
		cmocka_unit_test(test_versions_cannot_be_exchanged),
		cmocka_unit_test(test_boxes_of_another_kind_are_refused),
		cmocka_unit_test(test_record_of_another_register_is_refused),
		cmocka_unit_test(
		    test_exchanged_tags_do_not_misdirect_a_record),
		cmocka_unit_test(
		    test_foreign_schema_and_damaged_pages_are_refused),
	};
	struct rx_status st;

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	return (cmocka_run_group_tests_name("attack register", tests,
	    fixture_setup, NULL));
}
