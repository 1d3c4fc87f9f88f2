/*
 * Frozen vectors: what a version of this program once wrote, every later one
 * must read, and must write alike where nothing is random.  "test_vectors
 * --generate" writes tests/vectors/ from the fixed inputs below; that is done
 * once for a format, and never again for a format that is in use.  The checks
 * recompute everything a second time, from spec.h and libsodium alone.
 */

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "../helper.h"
#include "../spec.h"
#include "base/file.h"
#include "base/json.h"
#include "crypto/certificate.h"
#include "crypto/chain.h"
#include "crypto/container.h"
#include "crypto/envelope.h"
#include "crypto/grant.h"
#include "crypto/lot.h"
#include "crypto/passphrase.h"
#include "crypto/recovery.h"
#include "register/internal.h"

#define DIR "tests/vectors/"

static struct rx_status st;
static json_t *doc;		/* the file that is being checked */

/* ---- JSON ---- */

static void
put_hex(json_t *o, const char *key, const void *p, size_t n)
{
	static char text[2 * 32768 + 1];

	assert_true(n <= 32768);
	rx_hex(text, p, n);
	assert_int_equal(json_object_set_new(o, key, json_string(text)), 0);
}

static void
put_int(json_t *o, const char *key, int64_t v)
{

	assert_int_equal(json_object_set_new(o, key, json_integer(v)), 0);
}

static void
put_text(json_t *o, const char *key, const char *text)
{

	assert_int_equal(json_object_set_new(o, key, json_string(text)), 0);
}

static const char *
get_text(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));

	if (text == NULL)
		print_error("no text \"%s\"\n", key);
	assert_non_null(text);
	return (text);
}

static int64_t
get_int(const json_t *o, const char *key)
{

	assert_true(json_is_integer(json_object_get(o, key)));
	return (json_integer_value(json_object_get(o, key)));
}

/* At most ${size} bytes; how many there are. */
static size_t
get_some(const json_t *o, const char *key, void *p, size_t size)
{
	const char *text = get_text(o, key);
	size_t n;

	assert_int_equal(sodium_hex2bin(p, size, text, strlen(text), NULL, &n,
	    NULL), 0);
	assert_int_equal(strlen(text), 2 * n);
	return (n);
}

/* Exactly ${size} bytes. */
static void
get_hex(const json_t *o, const char *key, void *p, size_t size)
{

	assert_int_equal(get_some(o, key, p, size), size);
}

/* The cases of vector file ${name}. */
static json_t *
vectors(const char *name)
{
	struct rx_buf buf = RX_BUF_INIT;
	char path[100];
	json_t *cases;

	(void)snprintf(path, sizeof(path), DIR "%s.json", name);
	ok(rx_file_read(&buf, path, 1 << 20, &st), &st);
	ok(rx_json_parse(&doc, (const char *)buf.b, buf.len, &st), &st);
	rx_buf_free(&buf);
	cases = json_object_get(doc, "cases");
	assert_true(json_is_array(cases) && json_array_size(cases) > 0);
	return (cases);
}

static void
vectors_free(void)
{

	json_decref(doc);
	doc = NULL;
}

/* Write ${cases}, which is released, as vector file ${name}. */
static void
write_vectors(const char *name, const char *format, json_t *cases)
{
	struct rx_buf buf = RX_BUF_INIT;
	json_t *o = json_object();
	char path[100];

	put_text(o, "format", format);
	assert_int_equal(json_object_set_new(o, "cases", cases), 0);
	ok(rx_json_write(&buf, o, &st), &st);
	(void)snprintf(path, sizeof(path), DIR "%s.json", name);
	ok(rx_file_write(path, buf.b, buf.len, 0644, true, &st), &st);
	rx_buf_free(&buf);
	json_decref(o);
}

/* ${n} bytes that are the same every time, different for each ${what}. */
static void
fixed(void *p, size_t n, const char *what)
{
	uint8_t key[32];

	rx_hash(key, 32, NULL, "test vector", what, strlen(what));
	randombytes_buf_deterministic(p, n, key);
}

/* ---- envelope ---- */

static void
put_place(json_t *o, const struct rx_place *w)
{

	put_hex(o, "store", w->store, 16);
	put_hex(o, "unit", w->unit, 16);
	put_hex(o, "object", w->object, 16);
	put_hex(o, "subject", w->subject, 16);
	put_int(o, "table", w->table);
	put_int(o, "column", w->column);
	put_int(o, "schema", w->schema);
	put_int(o, "version", w->version);
}

static void
get_place(const json_t *o, struct rx_place *w)
{

	get_hex(o, "store", w->store, 16);
	get_hex(o, "unit", w->unit, 16);
	get_hex(o, "object", w->object, 16);
	get_hex(o, "subject", w->subject, 16);
	w->table = (uint32_t)get_int(o, "table");
	w->column = (uint32_t)get_int(o, "column");
	w->schema = (uint32_t)get_int(o, "schema");
	w->version = (uint32_t)get_int(o, "version");
}

static void
generate_envelope(void)
{
	static const struct {
		enum rx_env_type type;
		enum rx_compartment comp;
		uint32_t epoch;
		size_t n;
	} c[] = {
		{ RX_ENV_FIELD, RX_COMP_IDENTITY, 1, 64 },
		{ RX_ENV_FIELD, RX_COMP_NARRATIVE, 0x01020304, 512 },
		{ RX_ENV_KEY, RX_COMP_CODED, 7, 32 },
		{ RX_ENV_AUDIT, RX_COMP_AUDIT, 0, 0 },
		{ RX_ENV_RELEASE, RX_COMP_LEDGER, 0xffffffff, 33 }
	};
	json_t *cases = json_array(), *o;
	uint8_t box[1024], p[512];
	struct rx_place w;
	struct rx_key key;
	size_t i;

	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		o = json_object();
		fixed(key.b, 32, "envelope key");
		fixed(&w, sizeof(w), "envelope place");
		memset(w.unit, 0, sizeof(w.unit));
		memcpy(w.unit, "350102001001", 12);
		fixed(p, sizeof(p), "envelope plaintext");
		ok(rx_envelope_seal(box, &key, c[i].type, c[i].comp,
		    c[i].epoch, &w, p, c[i].n, &st), &st);
		put_hex(o, "key", key.b, 32);
		put_int(o, "type", c[i].type);
		put_int(o, "compartment", c[i].comp);
		put_int(o, "epoch", c[i].epoch);
		put_place(o, &w);
		put_hex(o, "plaintext", p, c[i].n);
		put_hex(o, "envelope", box, rx_envelope_size(c[i].n));
		assert_int_equal(json_array_append_new(cases, o), 0);
	}
	write_vectors("envelope", "envelope v1", cases);
}

static void
test_frozen_envelopes_open(void **state)
{
	uint8_t box[1024], p[512], out[512], again[1024];
	struct spec_bytes h;
	struct rx_place w;
	struct rx_key key;
	unsigned type, comp;
	uint32_t epoch;
	size_t i, n, len;
	json_t *cases, *o;

	(void)state;
	cases = vectors("envelope");
	json_array_foreach(cases, i, o) {
		get_hex(o, "key", key.b, 32);
		type = (unsigned)get_int(o, "type");
		comp = (unsigned)get_int(o, "compartment");
		epoch = (uint32_t)get_int(o, "epoch");
		get_place(o, &w);
		n = get_some(o, "plaintext", p, sizeof(p));
		len = get_some(o, "envelope", box, sizeof(box));
		ok(rx_envelope_open(out, n, box, len, &key,
		    (enum rx_env_type)type, (enum rx_compartment)comp, epoch,
		    &w, &st), &st);
		assert_memory_equal(p, out, n);

		h.n = 0;
		spec_header(&h, key.b, 1, 1, type, comp, 0, epoch, n);
		spec_envelope(again, key.b, h.b, box + 32, &w, p, n);
		assert_memory_equal(box, again, len);
	}
	vectors_free();
}

static void
generate_field(void)
{
	static const char *const text[] = { "", "13900000000", "张某某",
	    "福建省福州市鼓楼区某街道某社区居民委员会某栋某单元某室（示例地址）" };
	json_t *cases = json_array(), *o;
	struct rx_buf box = RX_BUF_INIT;
	struct rx_place w;
	struct rx_key key;
	size_t i;
	int pad;

	fixed(key.b, 32, "field key");
	fixed(&w, sizeof(w), "field place");
	memset(w.unit, 0, sizeof(w.unit));
	memcpy(w.unit, "350100000000S", 13);
	for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		for (pad = RX_PAD_SHORT; pad <= RX_PAD_NOTE; pad++) {
			o = json_object();
			rx_buf_reset(&box);
			ok(rx_field_seal(&box, &key, RX_COMP_IDENTITY, 9, &w,
			    (enum rx_pad)pad, text[i], strlen(text[i]), &st),
			    &st);
			put_hex(o, "key", key.b, 32);
			put_int(o, "compartment", RX_COMP_IDENTITY);
			put_place(o, &w);
			put_text(o, "text", text[i]);
			put_int(o, "padded", (int64_t)(box.len - 104));
			put_hex(o, "envelope", box.b, box.len);
			assert_int_equal(json_array_append_new(cases, o), 0);
		}
	}
	rx_buf_free(&box);
	write_vectors("field", "padded field in envelope v1", cases);
}

static void
test_frozen_fields_open(void **state)
{
	uint8_t box[2048], p[1024], again[2048];
	struct rx_buf out = RX_BUF_INIT;
	struct spec_bytes h;
	struct rx_place w;
	struct rx_key key;
	const char *text;
	json_t *cases, *o;
	size_t i, len, n;

	(void)state;
	cases = vectors("field");
	json_array_foreach(cases, i, o) {
		get_hex(o, "key", key.b, 32);
		get_place(o, &w);
		text = get_text(o, "text");
		n = (size_t)get_int(o, "padded");
		len = get_some(o, "envelope", box, sizeof(box));
		assert_int_equal(len, n + 104);
		rx_buf_reset(&out);
		ok(rx_field_open(&out, box, len, &key, RX_COMP_IDENTITY, &w,
		    &st), &st);
		assert_int_equal(out.len, strlen(text));
		if (out.len > 0)
			assert_memory_equal(out.b, text, out.len);

		memset(p, 0, sizeof(p));
		p[0] = (uint8_t)strlen(text);
		memcpy(p + 4, text, strlen(text));
		h.n = 0;
		spec_header(&h, key.b, 1, 1, 1, 1, 0, 9, n);
		spec_envelope(again, key.b, h.b, box + 32, &w, p, n);
		assert_memory_equal(box, again, len);
	}
	rx_buf_free(&out);
	vectors_free();
}

/* ---- keyblob ---- */

#define PASSPHRASE "润心 example passphrase"

static void
generate_keyblob(void)
{
	struct rx_secret *pass = test_passphrase(PASSPHRASE);
	uint8_t box[RX_KEYBLOB_BYTES], store[16], user[16];
	json_t *cases = json_array(), *o = json_object();
	struct rx_keyblob blob;

	fixed(store, 16, "store");
	fixed(user, 16, "user");
	fixed(&blob, sizeof(blob), "keyblob content");
	ok(rx_keyblob_seal(box, &blob, pass, store, user, &rx_kdf_default,
	    &st), &st);
	put_text(o, "passphrase", PASSPHRASE);
	put_hex(o, "store", store, 16);
	put_hex(o, "user", user, 16);
	put_hex(o, "seed", blob.seed, 32);
	put_hex(o, "next", blob.next, 32);
	put_hex(o, "root_public", blob.root_public, 32);
	put_hex(o, "root_seed", blob.root_seed, 32);
	put_hex(o, "keyblob", box, sizeof(box));
	assert_int_equal(json_array_append_new(cases, o), 0);
	write_vectors("keyblob", "keyblob v1", cases);
	rx_secret_free(pass);
}

/* The pair that signs for ${seed}, from crypto_kdf as the header says. */
static void
spec_sign_pair(uint8_t pk[32], uint8_t sk[64], const uint8_t seed[32])
{
	uint8_t sub[32];

	assert_int_equal(crypto_kdf_derive_from_key(sub, 32, 2, "runxinid",
	    seed), 0);
	assert_int_equal(crypto_sign_seed_keypair(pk, sk, sub), 0);
}

/* The keyblob once more, with the salt and nonce of ${box}. */
static void
spec_keyblob(uint8_t again[RX_KEYBLOB_BYTES], const uint8_t *box,
    const char *pass, const uint8_t *store, const uint8_t *user,
    const uint8_t content[256])
{
	struct spec_bytes x = { .n = 0 }, h = { .n = 0 }, head = { .n = 0 };
	uint8_t stretched[32], kek[32], pk[32], sk[64];
	struct rx_place w;

	spec_add(&head, "RXKB\x01\x01\0\0", 8);
	spec_int(&head, 65536, 4);
	spec_int(&head, 3, 4);
	spec_add(&head, box + 16, 16);
	spec_add(&head, user, 16);
	assert_int_equal(crypto_pwhash(stretched, 32, pass, strlen(pass),
	    box + 16, 3, 65536 * 1024UL, crypto_pwhash_ALG_ARGON2ID13), 0);
	spec_label(&x, "runxin keyblob kek v1");
	spec_add(&x, head.b, 48);
	spec_hash(kek, 32, stretched, &x);
	memset(&w, 0, sizeof(w));
	memcpy(w.store, store, 16);
	memcpy(w.object, user, 16);
	spec_header(&h, kek, 1, 1, 3, 0, 0, 0, 256);
	memcpy(again, head.b, 48);
	spec_envelope(again + 48, kek, h.b, box + 48 + 32, &w, content, 256);
	spec_sign_pair(pk, sk, content);
	x.n = 0;
	spec_label(&x, "runxin keyblob v1");
	spec_add(&x, store, 16);
	spec_add(&x, again, 408);
	assert_int_equal(crypto_sign_detached(again + 408, NULL, x.b, x.n, sk),
	    0);
}

static void
test_frozen_keyblob_opens(void **state)
{
	uint8_t box[RX_KEYBLOB_BYTES], again[RX_KEYBLOB_BYTES], store[16];
	uint8_t user[16], content[256] = { 0 }, pk[32], sk[64];
	struct rx_secret *pass;
	struct rx_keyblob blob;
	const json_t *o;

	(void)state;
	o = json_array_get(vectors("keyblob"), 0);
	pass = test_passphrase(get_text(o, "passphrase"));
	get_hex(o, "store", store, 16);
	get_hex(o, "user", user, 16);
	get_hex(o, "seed", content, 32);
	get_hex(o, "next", content + 32, 32);
	get_hex(o, "root_public", content + 64, 32);
	get_hex(o, "root_seed", content + 96, 32);
	get_hex(o, "keyblob", box, sizeof(box));
	spec_sign_pair(pk, sk, content);
	ok(rx_keyblob_open(&blob, box, sizeof(box), pk, pass, store, user,
	    &st), &st);
	assert_memory_equal(blob.seed, content, 32);
	assert_memory_equal(blob.next, content + 32, 32);
	assert_memory_equal(blob.root_public, content + 64, 32);
	assert_memory_equal(blob.root_seed, content + 96, 32);

	spec_keyblob(again, box, get_text(o, "passphrase"), store, user,
	    content);
	assert_memory_equal(box, again, sizeof(box));
	rx_secret_free(pass);
	vectors_free();
}

/* ---- certificate, revocation ---- */

static void
generate_certificate(void)
{
	json_t *cases = json_array(), *o = json_object();
	uint8_t seed[32], root[32], secret[64], c[RX_CERT_BYTES];
	struct rx_cert cert;

	fixed(seed, 32, "root seed");
	rx_root_derive(root, secret, seed);
	fixed(&cert, sizeof(cert), "certificate");
	cert.role = RX_ROLE_DIRECTOR;
	memset(cert.name, 0, sizeof(cert.name));
	memcpy(cert.name, "示例用户", strlen("示例用户"));
	memset(cert.unit, 0, sizeof(cert.unit));
	memcpy(cert.unit, "350102001001", 12);
	cert.not_before = 1750000000000;
	cert.not_after = 1850000000000;
	rx_cert_make(c, &cert, secret);
	put_hex(o, "root_seed", seed, 32);
	put_hex(o, "root_public", root, 32);
	put_int(o, "role", cert.role);
	put_hex(o, "id", cert.id, 16);
	put_hex(o, "store", cert.store, 16);
	put_hex(o, "user", cert.user, 16);
	put_text(o, "name", cert.name);
	put_text(o, "unit", cert.unit);
	put_hex(o, "box_public", cert.box_public, 32);
	put_hex(o, "sign_public", cert.sign_public, 32);
	put_int(o, "not_before", cert.not_before);
	put_int(o, "not_after", cert.not_after);
	put_hex(o, "certificate", c, sizeof(c));
	assert_int_equal(json_array_append_new(cases, o), 0);
	write_vectors("certificate", "certificate v1", cases);
}

/* ${x} becomes the frozen fields in the order of the format. */
static void
spec_certificate(struct spec_bytes *x, const json_t *o)
{
	char text[64];
	uint8_t b[32];

	spec_add(x, "RXCT\x01", 5);
	spec_int(x, (uint64_t)get_int(o, "role"), 1);
	spec_int(x, 0, 2);
	get_hex(o, "id", b, 16);
	spec_add(x, b, 16);
	get_hex(o, "store", b, 16);
	spec_add(x, b, 16);
	get_hex(o, "user", b, 16);
	spec_add(x, b, 16);
	memset(text, 0, sizeof(text));
	(void)snprintf(text, sizeof(text), "%s", get_text(o, "name"));
	spec_add(x, text, 64);
	memset(text, 0, sizeof(text));
	(void)snprintf(text, sizeof(text), "%s", get_text(o, "unit"));
	spec_add(x, text, 16);
	get_hex(o, "box_public", b, 32);
	spec_add(x, b, 32);
	get_hex(o, "sign_public", b, 32);
	spec_add(x, b, 32);
	spec_int(x, (uint64_t)get_int(o, "not_before"), 8);
	spec_int(x, (uint64_t)get_int(o, "not_after"), 8);
}

static void
test_frozen_certificate_opens(void **state)
{
	uint8_t c[RX_CERT_BYTES], again[RX_CERT_BYTES], seed[32], root[32];
	uint8_t pk[32], sk[64], store[16];
	struct spec_bytes m = { .n = 0 };
	struct rx_cert cert;
	const json_t *o;

	(void)state;
	o = json_array_get(vectors("certificate"), 0);
	get_hex(o, "root_seed", seed, 32);
	get_hex(o, "root_public", root, 32);
	get_hex(o, "store", store, 16);
	get_hex(o, "certificate", c, sizeof(c));
	ok(rx_cert_open(&cert, c, sizeof(c), root, store, &st), &st);
	assert_int_equal(cert.role, get_int(o, "role"));
	assert_string_equal(cert.name, get_text(o, "name"));
	assert_string_equal(cert.unit, get_text(o, "unit"));
	assert_true(cert.not_after == get_int(o, "not_after"));

	/* The same bytes from the format and from the code. */
	assert_int_equal(crypto_sign_seed_keypair(pk, sk, seed), 0);
	assert_memory_equal(pk, root, 32);
	spec_label(&m, "runxin certificate v1");
	spec_certificate(&m, o);
	assert_int_equal(m.n, 22 + 216);
	assert_memory_equal(m.b + 22, c, 216);
	assert_int_equal(crypto_sign_detached(again, NULL, m.b, m.n, sk), 0);
	assert_memory_equal(again, c + 216, 64);
	rx_root_derive(pk, sk, seed);
	rx_cert_make(again, &cert, sk);
	assert_memory_equal(again, c, sizeof(c));
	vectors_free();
}

static void
generate_revocation(void)
{
	json_t *cases = json_array(), *o = json_object();
	uint8_t seed[32], root[32], secret[64], r[RX_REVOCATION_BYTES];
	uint8_t id[16], store[16];

	fixed(seed, 32, "root seed");
	fixed(id, 16, "certificate id");
	fixed(store, 16, "store");
	rx_root_derive(root, secret, seed);
	rx_revocation_make(r, id, store, 1760000000000, RX_REVOKED_UNSAID,
	    secret);
	put_hex(o, "root_seed", seed, 32);
	put_hex(o, "id", id, 16);
	put_hex(o, "store", store, 16);
	put_int(o, "at", 1760000000000);
	put_hex(o, "revocation", r, sizeof(r));
	assert_int_equal(json_array_append_new(cases, o), 0);
	write_vectors("revocation", "revocation v1", cases);
}

static void
test_frozen_revocation_opens(void **state)
{
	uint8_t r[RX_REVOCATION_BYTES], seed[32], pk[32], sk[64], id[16];
	uint8_t store[16], got[16], sig[64];
	struct spec_bytes m = { .n = 0 };
	const json_t *o;
	enum rx_revoked why;
	int64_t at;

	(void)state;
	o = json_array_get(vectors("revocation"), 0);
	get_hex(o, "root_seed", seed, 32);
	get_hex(o, "id", id, 16);
	get_hex(o, "store", store, 16);
	get_hex(o, "revocation", r, sizeof(r));
	assert_int_equal(crypto_sign_seed_keypair(pk, sk, seed), 0);
	ok(rx_revocation_open(got, &at, &why, r, sizeof(r), pk, store, &st),
	    &st);
	assert_memory_equal(got, id, 16);
	assert_int_equal(why, RX_REVOKED_UNSAID);
	assert_true(at == get_int(o, "at"));

	spec_label(&m, "runxin revocation v1");
	spec_add(&m, "RXRV\x01\0\0\0", 8);
	spec_add(&m, id, 16);
	spec_add(&m, store, 16);
	spec_int(&m, (uint64_t)get_int(o, "at"), 8);
	assert_memory_equal(m.b + 21, r, 48);
	assert_int_equal(crypto_sign_detached(sig, NULL, m.b, m.n, sk), 0);
	assert_memory_equal(sig, r + 48, 64);
	rx_revocation_make(r, id, store, at, RX_REVOKED_UNSAID, sk);
	assert_memory_equal(sig, r + 48, 64);
	vectors_free();
}

/* ---- countersignature ---- */

/* Made once by another program (Python's cryptography), not by ours. */
static void
anchor_case(const json_t *o)
{
	uint8_t b[RX_ANCHOR_BYTES], pk[32], sk[64], seed[32], proofs[32];
	struct rx_member member = { .revoked = 0 };
	struct rx_session s = { .members = &member, .nmembers = 1 };
	struct rx_countersigned c;
	bool whole;

	get_hex(o, "seed", seed, 32);
	assert_int_equal(crypto_sign_seed_keypair(pk, sk, seed), 0);
	get_hex(o, "store", s.store_id, 16);
	get_hex(o, "signer", member.cert.user, 16);
	get_hex(o, "cert", member.cert.id, 16);
	get_hex(o, "statement", b, sizeof(b));
	get_hex(o, "proofs", proofs, 32);
	memcpy(member.cert.sign_public, pk, 32);
	member.cert.role = RX_ROLE_SUPERVISOR;
	member.cert.not_after = INT64_MAX;
	rx_countersigned_read(&c, &whole, &s, b, sizeof(b));
	assert_true(whole);
	assert_int_equal(c.standing, RX_ANCHOR_LIVE);
	assert_int_equal(c.kind, get_int(o, "kind"));
	assert_int_equal(c.seq, get_int(o, "seq"));
	assert_int_equal(c.time, get_int(o, "time"));
	assert_memory_equal(c.proofs, proofs, 32);
	/* The control: of a director it is worth nothing. */
	member.cert.role = RX_ROLE_DIRECTOR;
	rx_countersigned_read(&c, &whole, &s, b, sizeof(b));
	assert_int_equal(c.standing, RX_ANCHOR_FORGED);
}

static void
test_frozen_countersignature_opens(void **state)
{
	static const char *const proof[] = { "proof_1", "proof_2" };
	uint8_t all[32 + 184], sum[32] = { 0 }, want[32];
	const json_t *cases;
	size_t i;

	(void)state;
	cases = vectors("anchor");
	assert_int_equal(json_array_size(cases), 2);
	anchor_case(json_array_get(cases, 0));
	anchor_case(json_array_get(cases, 1));
	for (i = 0; i < 2; i++) {
		memcpy(all, sum, 32);
		get_hex(json_array_get(cases, 0), proof[i], all + 32, 184);
		rx_hash(sum, 32, NULL, "runxin audit proofs v1", all,
		    sizeof(all));
	}
	get_hex(json_array_get(cases, 0), "proofs", want, 32);
	assert_memory_equal(sum, want, 32);
	vectors_free();
}

/* ---- grant ---- */

/* A grant of ${kind}; a slot's keys are derived from those of a case. */
static json_t *
grant_case(enum rx_grant_kind kind)
{
	static const struct rx_key zero;
	uint8_t from[32], to[32], grantor[16], box[RX_GRANT_BYTES];
	struct rx_key k[RX_GRANT_KEYS], of_case[2];
	const struct rx_key *keys[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	struct rx_identity a, b;
	struct rx_grant_context ctx;
	json_t *o = json_object();
	size_t i;

	fixed(from, 32, "grantor seed");
	fixed(to, 32, "recipient seed");
	fixed(grantor, 16, "grantor");
	fixed(k, sizeof(k), "grant keys");
	fixed(of_case, sizeof(of_case), "case keys");
	fixed(&ctx, sizeof(ctx), "grant context");
	memset(ctx.unit, 0, sizeof(ctx.unit));
	memcpy(ctx.unit, "350102001001", 12);
	ctx.compartments = kind == RX_GRANT_SLOT ? 6 : 14;
	rx_identity_derive(&a, from);
	rx_identity_derive(&b, to);
	for (i = 0; i < RX_GRANT_KEYS; i++) {
		if (kind == RX_GRANT_SLOT && i < 2)
			rx_slot_key(&k[i], &of_case[i]);
		else if (kind != RX_GRANT_OPEN)
			k[i] = zero;
		if (kind != RX_GRANT_CLOSED)
			keys[i] = &k[i];
	}
	ok(rx_grant_make(box, &ctx, keys, kind, grantor, &a, b.box_public,
	    &st), &st);
	put_hex(o, "grantor_seed", from, 32);
	put_hex(o, "recipient_seed", to, 32);
	put_hex(o, "store", ctx.store, 16);
	put_hex(o, "unit", ctx.unit, 16);
	put_hex(o, "subject", ctx.subject, 16);
	put_int(o, "epoch", ctx.epoch);
	put_int(o, "compartments", ctx.compartments);
	put_hex(o, "grantor", grantor, 16);
	put_int(o, "kind", kind);
	if (kind == RX_GRANT_SLOT)
		put_hex(o, "case_keys", of_case, sizeof(of_case));
	put_hex(o, "keys", k, sizeof(k));
	put_hex(o, "grant", box, sizeof(box));
	return (o);
}

static void
generate_grant(void)
{
	json_t *cases = json_array();

	assert_int_equal(json_array_append_new(cases,
	    grant_case(RX_GRANT_OPEN)), 0);
	assert_int_equal(json_array_append_new(cases,
	    grant_case(RX_GRANT_CLOSED)), 0);
	write_vectors("grant", "grant v1", cases);
}

/* One more, after those that are there. */
static void
generate_slot(void **state)
{
	json_t *cases = json_deep_copy(vectors("grant"));

	(void)state;
	vectors_free();
	assert_int_equal(json_array_append_new(cases,
	    grant_case(RX_GRANT_SLOT)), 0);
	write_vectors("grant", "grant v1", cases);
}

/* What lies in the box, and the recipient's X25519 pair. */
static void
spec_grant(uint8_t inside[177], uint8_t pk[32], uint8_t sk[32],
    const json_t *o, const struct rx_grant_context *ctx)
{
	struct spec_bytes m = { .n = 0 }, k = { .n = 0 };
	uint8_t seed[32], sub[32], hash[32], signer[64], unused[32];

	get_hex(o, "recipient_seed", seed, 32);
	assert_int_equal(crypto_kdf_derive_from_key(sub, 32, 1, "runxinid",
	    seed), 0);
	assert_int_equal(crypto_box_seed_keypair(pk, sk, sub), 0);
	get_hex(o, "grantor_seed", seed, 32);
	spec_sign_pair(unused, signer, seed);

	get_hex(o, "keys", inside, 96);
	get_hex(o, "grantor", inside + 96, 16);
	inside[112] = (uint8_t)get_int(o, "kind");
	spec_label(&k, "runxin grant keys v1");
	spec_add(&k, inside, 96);
	spec_hash(hash, 32, NULL, &k);
	spec_label(&m, "runxin grant v1");
	spec_add(&m, ctx->store, 16);
	spec_add(&m, ctx->unit, 16);
	spec_add(&m, ctx->subject, 16);
	spec_int(&m, ctx->epoch, 4);
	spec_int(&m, ctx->compartments, 4);
	spec_add(&m, pk, 32);
	spec_add(&m, hash, 32);
	spec_add(&m, inside + 96, 17);
	assert_int_equal(crypto_sign_detached(inside + 113, NULL, m.b, m.n,
	    signer), 0);
}

/* What a slot, ${inside}, holds of the keys of its case. */
static void
spec_slot_keys(uint8_t inside[177], const json_t *o)
{
	struct spec_bytes m = { .n = 0 };
	uint8_t key[64], derived[32];
	struct rx_key from, slot;
	size_t k;

	get_hex(o, "case_keys", key, 64);
	spec_label(&m, "runxin slot key v1");
	for (k = 0; k < 2; k++) {
		spec_hash(derived, 32, key + 32 * k, &m);
		assert_memory_equal(derived, inside + 32 * k, 32);
		memcpy(from.b, key + 32 * k, 32);
		rx_slot_key(&slot, &from);
		assert_memory_equal(slot.b, derived, 32);
	}
	assert_true(sodium_is_zero(inside + 64, 32));
}

static void
test_frozen_grants_open(void **state)
{
	uint8_t box[RX_GRANT_BYTES], seed[32], inside[177], out[177];
	uint8_t pk[32], sk[32];
	struct rx_grant_context ctx;
	struct rx_identity from, to;
	struct rx_grant g;
	json_t *cases, *o;
	size_t i, slots = 0;

	(void)state;
	cases = vectors("grant");
	json_array_foreach(cases, i, o) {
		get_hex(o, "store", ctx.store, 16);
		get_hex(o, "unit", ctx.unit, 16);
		get_hex(o, "subject", ctx.subject, 16);
		ctx.epoch = (uint32_t)get_int(o, "epoch");
		ctx.compartments = (uint32_t)get_int(o, "compartments");
		get_hex(o, "grant", box, sizeof(box));
		get_hex(o, "grantor_seed", seed, 32);
		rx_identity_derive(&from, seed);
		get_hex(o, "recipient_seed", seed, 32);
		rx_identity_derive(&to, seed);
		ok(rx_grant_open(&g, box, sizeof(box), &to, &st), &st);
		ok(rx_grant_verify(&g, &ctx, &to, from.sign_public, &st), &st);
		assert_int_equal(g.kind, get_int(o, "kind"));

		spec_grant(inside, pk, sk, o, &ctx);
		assert_memory_equal(g.keys, inside, 96);
		assert_int_equal(crypto_box_seal_open(out, box, sizeof(box),
		    pk, sk), 0);
		assert_memory_equal(out, inside, sizeof(inside));
		if (g.kind == RX_GRANT_SLOT)
			spec_slot_keys(inside, o);
		slots += g.kind == RX_GRANT_SLOT;
	}
	assert_int_equal(i, 3);
	assert_int_equal(slots, 1);
	vectors_free();
}

/* ---- recovery ---- */

static void
generate_recovery(void)
{
	json_t *cases = json_array(), *o;
	uint8_t code[3][RX_CODE_BYTES], store[16], box[RX_RECOVERY_BOX];
	char text[RX_CODE_TEXT];
	struct rx_key secret;
	unsigned a, b;

	fixed(code, sizeof(code), "custodian codes");
	fixed(store, 16, "store");
	fixed(secret.b, 32, "recovery secret");
	for (a = 0; a < 3; a++) {
		for (b = a + 1; b < 3; b++) {
			o = json_object();
			ok(rx_recovery_seal(box, &secret, a, b, code[a],
			    code[b], store, &st), &st);
			put_int(o, "first", a);
			put_int(o, "second", b);
			rx_code_text(text, code[a]);
			put_text(o, "first_text", text);
			put_hex(o, "first_code", code[a], RX_CODE_BYTES);
			rx_code_text(text, code[b]);
			put_text(o, "second_text", text);
			put_hex(o, "second_code", code[b], RX_CODE_BYTES);
			put_hex(o, "store", store, 16);
			put_hex(o, "secret", secret.b, 32);
			put_hex(o, "box", box, sizeof(box));
			assert_int_equal(json_array_append_new(cases, o), 0);
		}
	}
	write_vectors("recovery", "custodian codes and recovery box v1", cases);
}

/* The text of a code, bit by bit. */
static void
spec_code_text(char *out, const uint8_t code[20])
{
	static const char base32[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	struct spec_bytes x = { .n = 0 };
	uint8_t all[36];
	unsigned i, j, v;

	memcpy(all, code, 20);
	spec_label(&x, "runxin code check v1");
	spec_add(&x, code, 20);
	spec_hash(all + 20, 16, NULL, &x);
	for (i = 0; i < 36; i++) {
		for (v = 0, j = 5 * i; j < 5 * i + 5; j++)
			v = v << 1 | (all[j / 8] >> (7 - j % 8) & 1u);
		if (i > 0 && i % 4 == 0)
			*out++ = '-';
		*out++ = base32[v];
	}
	*out = '\0';
}

static void
check_code(const json_t *o, const char *bytes, const char *name,
    uint8_t code[RX_CODE_BYTES])
{
	uint8_t parsed[RX_CODE_BYTES];
	char text[RX_CODE_TEXT];

	get_hex(o, bytes, code, RX_CODE_BYTES);
	rx_code_text(text, code);
	assert_string_equal(text, get_text(o, name));
	spec_code_text(text, code);
	assert_string_equal(text, get_text(o, name));
	ok(rx_code_parse(parsed, get_text(o, name), &st), &st);
	assert_memory_equal(parsed, code, RX_CODE_BYTES);
}

static void
test_frozen_recovery_opens(void **state)
{
	uint8_t c1[RX_CODE_BYTES], c2[RX_CODE_BYTES], store[16], pair[32];
	uint8_t box[RX_RECOVERY_BOX], again[RX_RECOVERY_BOX], secret[32];
	struct spec_bytes x, h;
	struct rx_place w;
	struct rx_key out;
	unsigned a, b;
	json_t *cases, *o;
	size_t i;

	(void)state;
	cases = vectors("recovery");
	json_array_foreach(cases, i, o) {
		a = (unsigned)get_int(o, "first");
		b = (unsigned)get_int(o, "second");
		check_code(o, "first_code", "first_text", c1);
		check_code(o, "second_code", "second_text", c2);
		get_hex(o, "store", store, 16);
		get_hex(o, "secret", secret, 32);
		get_hex(o, "box", box, sizeof(box));
		ok(rx_recovery_open(&out, box, sizeof(box), a, b, c1, c2,
		    store, &st), &st);
		assert_memory_equal(out.b, secret, 32);

		x.n = h.n = 0;
		spec_label(&x, "runxin custodian pair v1");
		spec_add(&x, c1, 20);
		spec_add(&x, c2, 20);
		spec_hash(pair, 32, NULL, &x);
		memset(&w, 0, sizeof(w));
		memcpy(w.store, store, 16);
		w.object[0] = (uint8_t)i;	/* AB, AC, BC */
		spec_header(&h, pair, 1, 1, 6, 0, 0, 0, 32);
		spec_envelope(again, pair, h.b, box + 32, &w, secret, 32);
		assert_memory_equal(box, again, sizeof(box));
	}
	assert_int_equal(i, 3);
	vectors_free();
}

/* ---- audit, manifest ---- */

static void
generate_audit(void)
{
	json_t *cases = json_array(), *o;
	uint8_t store[16], hash[32] = { 0 }, payload[100];
	uint64_t seq;

	fixed(store, 16, "store");
	fixed(payload, sizeof(payload), "audit payload");
	for (seq = 1; seq <= 3; seq++) {
		o = json_object();
		put_hex(o, "store", store, 16);
		put_int(o, "seq", (int64_t)seq);
		put_hex(o, "previous", hash, 32);
		put_int(o, "time", 1760000000000 + (int64_t)seq);
		put_hex(o, "payload", payload, (size_t)seq * 33);
		rx_audit_entry_hash(hash, store, seq, hash,
		    1760000000000 + (int64_t)seq, payload, (size_t)seq * 33);
		put_hex(o, "hash", hash, 32);
		assert_int_equal(json_array_append_new(cases, o), 0);
	}
	write_vectors("audit", "audit entry v1", cases);
}

static void
test_frozen_audit_hashes_are_made_again(void **state)
{
	uint8_t store[16], previous[32], payload[100], hash[32], got[32];
	struct spec_bytes x, y;
	json_t *cases, *o;
	size_t i, n;

	(void)state;
	cases = vectors("audit");
	json_array_foreach(cases, i, o) {
		get_hex(o, "store", store, 16);
		get_hex(o, "previous", previous, 32);
		n = get_some(o, "payload", payload, sizeof(payload));
		get_hex(o, "hash", hash, 32);
		rx_audit_entry_hash(got, store, (uint64_t)get_int(o, "seq"),
		    previous, get_int(o, "time"), payload, n);
		assert_memory_equal(got, hash, 32);

		x.n = y.n = 0;
		spec_label(&y, "runxin audit payload v1");
		spec_add(&y, payload, n);
		spec_hash(got, 32, NULL, &y);
		spec_label(&x, "runxin audit entry v1");
		spec_add(&x, store, 16);
		spec_int(&x, (uint64_t)get_int(o, "seq"), 8);
		spec_add(&x, previous, 32);
		spec_int(&x, (uint64_t)get_int(o, "time"), 8);
		spec_add(&x, got, 32);
		spec_hash(got, 32, NULL, &x);
		assert_memory_equal(got, hash, 32);
	}
	vectors_free();
}

static void
generate_manifest(void)
{
	static struct rx_manifest m;
	json_t *cases = json_array(), *o;
	uint8_t row[100], digest[32];
	size_t i;

	memset(&m, 0, sizeof(m));
	fixed(row, sizeof(row), "manifest row");
	for (i = 0; i < 4; i++) {
		o = json_object();
		rx_manifest_add(&m, row, 17 * (i + 1));
		rx_manifest_digest(digest, &m);
		put_hex(o, "add", row, 17 * (i + 1));
		put_hex(o, "digest", digest, 32);
		assert_int_equal(json_array_append_new(cases, o), 0);
	}
	write_vectors("manifest", "manifest v1: digest after adding each row",
	    cases);
}

static void
test_frozen_manifest_digests_are_made_again(void **state)
{
	static struct rx_manifest m;
	static uint8_t stream[RX_MANIFEST_BYTES], sum[RX_MANIFEST_BYTES];
	static const uint8_t nonce[12];
	uint8_t row[100], key[32], want[32], got[32];
	struct spec_bytes x, y;
	json_t *cases, *o;
	size_t i, j, n;
	unsigned v;

	(void)state;
	memset(&m, 0, sizeof(m));
	memset(sum, 0, sizeof(sum));
	cases = vectors("manifest");
	json_array_foreach(cases, i, o) {
		n = get_some(o, "add", row, sizeof(row));
		get_hex(o, "digest", want, 32);
		rx_manifest_add(&m, row, n);
		rx_manifest_digest(got, &m);
		assert_memory_equal(got, want, 32);

		x.n = y.n = 0;
		spec_label(&x, "runxin manifest row v1");
		spec_add(&x, row, n);
		spec_hash(key, 32, NULL, &x);
		assert_int_equal(crypto_stream_chacha20_ietf(stream,
		    sizeof(stream), nonce, key), 0);
		for (j = 0; j < sizeof(sum); j += 2) {
			v = (unsigned)(sum[j] + stream[j]) +
			    ((unsigned)(sum[j + 1] + stream[j + 1]) << 8);
			sum[j] = (uint8_t)v;
			sum[j + 1] = (uint8_t)(v >> 8);
		}
		spec_label(&y, "runxin manifest v1");
		spec_add(&y, sum, sizeof(sum));
		spec_hash(got, 32, NULL, &y);
		assert_memory_equal(got, want, 32);
	}
	vectors_free();
}

/* ---- lot ---- */

static void
generate_lot(void **state)
{
	uint8_t leaf[3][RX_HASH_BYTES], path[3][RX_LOT_PATH_BYTES];
	uint8_t seed[32], message[3][20], sig[RX_SIGNATURE_BYTES];
	json_t *cases = json_array(), *o;
	struct rx_key key[3];
	struct rx_identity id;
	size_t i;

	(void)state;
	fixed(seed, 32, "lot signer seed");
	fixed(key, sizeof(key), "lot keys");
	fixed(message, sizeof(message), "lot messages");
	rx_identity_derive(&id, seed);
	for (i = 0; i < 3; i++)
		rx_lot_leaf(leaf[i], &key[i], message[i], sizeof(message[i]));
	rx_lot_sign(sig, path, (const uint8_t (*)[RX_HASH_BYTES])leaf, 3,
	    id.sign_secret);
	for (i = 0; i < 3; i++) {
		o = json_object();
		put_hex(o, "sign_public", id.sign_public, 32);
		put_hex(o, "key", key[i].b, 32);
		put_hex(o, "message", message[i], sizeof(message[i]));
		put_hex(o, "path", path[i], sizeof(path[i]));
		put_hex(o, "signature", sig, sizeof(sig));
		assert_int_equal(json_array_append_new(cases, o), 0);
	}
	write_vectors("lot", "lot v1: three messages, one signature", cases);
}

static void
test_frozen_lot_is_verified(void **state)
{
	uint8_t sign_public[32], key[32], message[20], sig[64], hash[32];
	uint8_t path[RX_LOT_PATH_BYTES];
	struct spec_bytes x;
	json_t *cases, *o;
	size_t i, d;

	(void)state;
	cases = vectors("lot");
	json_array_foreach(cases, i, o) {
		get_hex(o, "sign_public", sign_public, 32);
		get_hex(o, "key", key, 32);
		get_hex(o, "message", message, sizeof(message));
		get_hex(o, "path", path, sizeof(path));
		get_hex(o, "signature", sig, sizeof(sig));
		x.n = 0;
		spec_label(&x, "runxin lot leaf v1");
		spec_add(&x, message, sizeof(message));
		spec_hash(hash, 32, key, &x);
		for (d = 0; d < 4; d++) {
			x.n = 0;
			spec_label(&x, "runxin lot node v1");
			if (path[0] >> d & 1)
				spec_add(&x, path + 1 + 32 * d, 32);
			spec_add(&x, hash, 32);
			if (!(path[0] >> d & 1))
				spec_add(&x, path + 1 + 32 * d, 32);
			spec_hash(hash, 32, NULL, &x);
		}
		x.n = 0;
		spec_label(&x, "runxin lot v1");
		spec_add(&x, hash, 32);
		assert_int_equal(path[0], i);
		assert_int_equal(crypto_sign_verify_detached(sig, x.b, x.n,
		    sign_public), 0);
	}
	assert_int_equal(i, 3);
	vectors_free();
}

/* ---- bundle ---- */

#define BUNDLE_BYTES (104 + 2 * 96 + RX_CONTAINER_STEP + RX_ENV_OVERHEAD + 64)

static void
generate_bundle(void **state)
{
	json_t *cases = json_array(), *o = json_object();
	struct rx_container_head head = { .number = 7,
	    .made = 1760000000000 };
	struct rx_buf out = RX_BUF_INIT;
	uint8_t from[32], to[2][32], body[300], digest[32];
	struct rx_identity a, b;
	struct rx_recipient r[2];
	char text[RX_FINGERPRINT_TEXT];
	size_t i;

	(void)state;
	fixed(from, 32, "bundle sender seed");
	fixed(body, sizeof(body), "bundle body");
	fixed(head.store, 16, "store");
	fixed(head.cert, 16, "bundle certificate");
	fixed(head.copy, 16, "bundle copy");
	memcpy(head.unit, "350102001000", 12);
	rx_identity_derive(&a, from);
	for (i = 0; i < 2; i++) {
		fixed(to[i], 32, i == 0 ? "first reader" : "second reader");
		rx_identity_derive(&b, to[i]);
		fixed(r[i].user, 16, i == 0 ? "first" : "second");
		memcpy(r[i].box_public, b.box_public, 32);
	}
	ok(rx_container_seal(&out, &head, r, 2, a.sign_secret, body,
	    sizeof(body), digest, &st), &st);
	put_hex(o, "sender_seed", from, 32);
	put_hex(o, "first_seed", to[0], 32);
	put_hex(o, "second_seed", to[1], 32);
	put_hex(o, "first", r[0].user, 16);
	put_hex(o, "second", r[1].user, 16);
	put_hex(o, "store", head.store, 16);
	put_hex(o, "cert", head.cert, 16);
	put_hex(o, "copy", head.copy, 16);
	put_hex(o, "unit", head.unit, 16);
	put_int(o, "number", 7);
	put_int(o, "made", head.made);
	put_hex(o, "body", body, sizeof(body));
	put_hex(o, "digest", digest, 32);
	rx_fingerprint(text, body, sizeof(body));
	put_text(o, "fingerprint_of_body", text);
	put_hex(o, "bundle", out.b, out.len);
	assert_int_equal(json_array_append_new(cases, o), 0);
	write_vectors("bundle", "container v1", cases);
	rx_buf_free(&out);
}

/* BLAKE2b-256 of ${label} with its NUL and ${p}. */
static void
spec_long_hash(uint8_t out[32], const char *label, const void *p, size_t n)
{
	crypto_generichash_state h;

	assert_int_equal(crypto_generichash_init(&h, NULL, 0, 32), 0);
	assert_int_equal(crypto_generichash_update(&h, (const uint8_t *)label,
	    strlen(label) + 1), 0);
	assert_int_equal(crypto_generichash_update(&h, p, n), 0);
	assert_int_equal(crypto_generichash_final(&h, out, 32), 0);
}

/* Header, chunk and signature a second time, from libsodium alone. */
static void
spec_bundle(const json_t *o, const uint8_t *all, const uint8_t body[300])
{
	static uint8_t plain[RX_CONTAINER_STEP], again[RX_CONTAINER_STEP +
	    RX_ENV_OVERHEAD];
	const size_t before = 104 + 2 * 96;
	uint8_t seed[32], key[32], hash[32], digest[32];
	struct spec_bytes h = { .n = 0 }, s = { .n = 0 };
	struct rx_identity a, b;
	struct rx_place w;

	get_hex(o, "sender_seed", seed, 32);
	rx_identity_derive(&a, seed);
	get_hex(o, "second_seed", seed, 32);
	rx_identity_derive(&b, seed);
	assert_int_equal(crypto_box_seal_open(key, all + 104 + 96 + 16, 80,
	    b.box_public, b.box_secret), 0);
	spec_long_hash(hash, "runxin bundle header v1", all, before);
	memset(&w, 0, sizeof(w));
	get_hex(o, "store", w.store, 16);
	get_hex(o, "unit", w.unit, 16);
	memcpy(w.object, hash, 16);
	memcpy(w.subject, hash + 16, 16);
	w.table = 27;
	w.column = 1;
	w.schema = 1;
	memset(plain, 0, sizeof(plain));
	memcpy(plain, body, 300);
	spec_header(&h, key, 1, 1, 7, 0, 0, 1, RX_CONTAINER_STEP);
	spec_envelope(again, key, h.b, all + before + 32, &w, plain,
	    sizeof(plain));
	assert_memory_equal(all + before, again, sizeof(again));
	spec_long_hash(hash, "runxin bundle digest v1", all,
	    BUNDLE_BYTES - 64);
	get_hex(o, "digest", digest, 32);
	assert_memory_equal(hash, digest, 32);
	spec_label(&s, "runxin bundle v1");
	spec_add(&s, digest, 32);
	assert_int_equal(crypto_sign_verify_detached(all + BUNDLE_BYTES - 64,
	    s.b, s.n, a.sign_public), 0);
}

static void
test_frozen_bundle_opens(void **state)
{
	static uint8_t all[BUNDLE_BYTES];
	uint8_t seed[32], user[16], body[300], field[32];
	char text[RX_FINGERPRINT_TEXT];
	struct rx_buf out = RX_BUF_INIT;
	struct rx_container c;
	struct rx_identity id;
	json_t *cases, *o;
	size_t i;

	(void)state;
	cases = vectors("bundle");
	json_array_foreach(cases, i, o) {
		get_hex(o, "bundle", all, sizeof(all));
		get_hex(o, "body", body, sizeof(body));
		ok(rx_container_read(&c, all, sizeof(all), &st), &st);
		get_hex(o, "copy", field, 16);
		assert_memory_equal(c.head.copy, field, 16);
		get_hex(o, "cert", field, 16);
		assert_memory_equal(c.head.cert, field, 16);
		assert_int_equal(c.head.number, get_int(o, "number"));
		assert_int_equal(c.head.made, get_int(o, "made"));
		get_hex(o, "first_seed", seed, 32);
		get_hex(o, "first", user, 16);
		rx_identity_derive(&id, seed);
		ok(rx_container_open(&out, &c, user, &id, &st), &st);
		assert_int_equal(out.len, sizeof(body));
		assert_memory_equal(out.b, body, sizeof(body));
		get_hex(o, "sender_seed", seed, 32);
		rx_identity_derive(&id, seed);
		assert_true(rx_container_signed(&c, id.sign_public));
		rx_fingerprint(text, body, sizeof(body));
		assert_string_equal(text, get_text(o, "fingerprint_of_body"));
		spec_bundle(o, all, body);
	}
	assert_int_equal(i, 1);
	rx_buf_free(&out);
	vectors_free();
}

static int
setup(void **state)
{

	(void)state;
	rx_status_clear(&st);
	rx_json_init();
	return (rx_crypto_init(&st) == RX_OK ? 0 : -1);
}

static void
generate(void **state)
{

	(void)state;
	generate_envelope();
	generate_field();
	generate_keyblob();
	generate_certificate();
	generate_revocation();
	generate_grant();
	generate_recovery();
	generate_audit();
	generate_manifest();
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest writing[] = { cmocka_unit_test(generate) };
	/* What came later. */
	const struct {
		const char *name;
		const struct CMUnitTest one[1];
	} later[] = {
		{ "bundle", { cmocka_unit_test(generate_bundle) } },
		{ "lot", { cmocka_unit_test(generate_lot) } },
		{ "slot", { cmocka_unit_test(generate_slot) } },
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frozen_envelopes_open),
		cmocka_unit_test(test_frozen_fields_open),
		cmocka_unit_test(test_frozen_keyblob_opens),
		cmocka_unit_test(test_frozen_certificate_opens),
		cmocka_unit_test(test_frozen_revocation_opens),
		cmocka_unit_test(test_frozen_countersignature_opens),
		cmocka_unit_test(test_frozen_grants_open),
		cmocka_unit_test(test_frozen_recovery_opens),
		cmocka_unit_test(test_frozen_audit_hashes_are_made_again),
		cmocka_unit_test(test_frozen_manifest_digests_are_made_again),
		cmocka_unit_test(test_frozen_bundle_opens),
		cmocka_unit_test(test_frozen_lot_is_verified)
	};
	size_t i;

	if (argc == 2 && strcmp(argv[1], "--generate") == 0)
		return (cmocka_run_group_tests_name("writing " DIR, writing,
		    setup, NULL));
	for (i = 0; argc == 3 && strcmp(argv[1], "--generate") == 0 &&
	    i < sizeof(later) / sizeof(later[0]); i++)
		if (strcmp(argv[2], later[i].name) == 0)
			return (cmocka_run_group_tests_name("writing " DIR,
			    later[i].one, setup, NULL));
	return (cmocka_run_group_tests_name("vectors", tests, setup, NULL));
}
