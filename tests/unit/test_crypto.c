/* crypto/: what it does when nobody attacks it. */

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <argon2.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "../helper.h"
#include "../spec.h"
#include "crypto/certificate.h"
#include "crypto/chain.h"
#include "crypto/container.h"
#include "crypto/envelope.h"
#include "crypto/grant.h"
#include "crypto/passphrase.h"
#include "crypto/recovery.h"

static struct rx_status st;

/* What the system refuses: the linker leads these calls here. */
static enum { NOTHING, LIMITS, PRCTL, SODIUM, ARGON2 } fails;
static unsigned fails_after;

#define REAL_(name, params) int __real_##name params; int __wrap_##name params;
REAL_(setrlimit, (int, const struct rlimit *))
REAL_(getrlimit, (int, struct rlimit *))
REAL_(prctl, (int, unsigned long, unsigned long, unsigned long,
    unsigned long))
REAL_(sodium_init, (void))
REAL_(argon2id_hash_raw, (uint32_t, uint32_t, uint32_t, const void *, size_t,
    const void *, size_t, void *, size_t))

int
__wrap_setrlimit(int what, const struct rlimit *r)
{

	return (fails == LIMITS ? -1 : __real_setrlimit(what, r));
}

int
__wrap_getrlimit(int what, struct rlimit *r)
{

	return (fails == LIMITS ? -1 : __real_getrlimit(what, r));
}

int
__wrap_prctl(int what, unsigned long a, unsigned long b, unsigned long c,
    unsigned long d)
{

	if (fails == PRCTL)
		return (fails_after-- == 0 ? -1 : 0);
	return (__real_prctl(what, a, b, c, d));
}

int
__wrap_sodium_init(void)
{

	return (fails == SODIUM ? -1 : __real_sodium_init());
}

int
__wrap_argon2id_hash_raw(uint32_t passes, uint32_t kib, uint32_t lanes,
    const void *pass, size_t npass, const void *salt, size_t nsalt,
    void *out, size_t n)
{

	return (fails == ARGON2 ? ARGON2_THREAD_FAIL :
	    __real_argon2id_hash_raw(passes, kib, lanes, pass, npass, salt,
	    nsalt, out, n));
}

static const struct rx_place here = {
	.store = { 1, 2, 3 }, .unit = "350102001001", .object = { 4 },
	.subject = { 5 }, .table = 4, .column = 2, .schema = 1, .version = 1
};

/* ---- memory ---- */

static void
test_keys_are_distinct_and_stay_where_they_are(void **state)
{
	static struct rx_key *key[5000];
	struct rx_keypool *pool;
	uint8_t first[RX_KEY_BYTES];
	size_t i;

	(void)state;
	ok(rx_keypool_new(&pool, &st), &st);
	for (i = 0; i < 5000; i++) {
		ok(rx_key_random(&key[i], pool, &st), &st);
		if (i == 0)
			memcpy(first, key[0]->b, sizeof(first));
		else
			assert_memory_not_equal(key[i]->b, key[i - 1]->b,
			    RX_KEY_BYTES);
	}
	assert_memory_equal(key[0]->b, first, sizeof(first));
	ok(rx_key_new(&key[0], pool, &st), &st);
	assert_true(sodium_is_zero(key[0]->b, RX_KEY_BYTES));
	rx_keypool_free(pool);
	rx_keypool_free(NULL);
	rx_secret_free(NULL);
}

static void
test_secret_is_zeroed_and_aligned(void **state)
{
	struct rx_secret *s;
	size_t cap;

	(void)state;
	for (cap = 0; cap < 70; cap += 7) {
		ok(rx_secret_new(&s, cap, &st), &st);
		assert_int_equal(s->cap, cap);
		assert_int_equal(s->len, 0);
		assert_int_equal((uintptr_t)s->b % 16, 0);
		assert_true(sodium_is_zero(s->b, cap));
		rx_secret_free(s);
	}
	refused(rx_secret_new(&s, SIZE_MAX - 100, &st), RX_EINTERNAL, &st);
	assert_null(s);
}

/* Run ${f} in a child process; its answer, or -1 when it was killed. */
static int
in_child(int (*f)(void))
{
	int status;
	pid_t pid;

	assert_return_code(pid = fork(), 0);
	if (pid == 0) {
		/* cmocka catches signals and would go on with its tests. */
		if (signal(SIGSEGV, SIG_DFL) == SIG_ERR ||
		    freopen("/dev/null", "w", stderr) == NULL)
			_exit(99);
		_exit(f());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return (WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

static int
write_past_the_end(void)
{
	const struct rlimit none = { 0, 0 };
	struct rx_secret *s;

	if (setrlimit(RLIMIT_CORE, &none) != 0 ||
	    rx_secret_new(&s, 15, &st) != RX_OK)
		return (90);
	((volatile uint8_t *)s->b)[16] = 1;
	return (0);
}

static void
test_write_past_a_secret_ends_the_process(void **state)
{

	(void)state;
	assert_int_equal(in_child(write_past_the_end), -1);
}

static int
no_locked_memory(void)
{
	const struct rlimit none = { 0, 0 };
	struct rx_keypool *pool;

	if (setrlimit(RLIMIT_MEMLOCK, &none) != 0 ||
	    (geteuid() == 0 && setuid(65534) != 0))
		return (90);
	if (rx_keypool_new(&pool, &st) == RX_OK)
		return (91);
	return (pool == NULL && st.code == RX_EINTERNAL &&
	    st.msg == RX_MSG_MEMLOCK ? 42 : 92);
}

static void
test_keys_that_cannot_be_locked_are_refused(void **state)
{

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip();		/* the sanitizer turns mlock off */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
	skip();
#endif
#endif
	assert_int_equal(in_child(no_locked_memory), 42);
}

/* Blocks that are there only to be faster stop at half of the limit. */
static int
spare_memory(void)
{
	const struct rlimit limit = { 64 * 4096, 64 * 4096 };
	struct rx_secret *spare[64], *key;
	size_t i, n;

	if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		return (90);
	for (n = 0; n < 64 && (spare[n] = rx_secret_spare(4000)) != NULL; n++)
		continue;
	if (n == 0 || n > 32)
		return (91);
	if (rx_secret_new(&key, 4000, &st) != RX_OK)
		return (92);
	rx_secret_free(key);
	for (i = 0; i < n; i++)
		rx_secret_free(spare[i]);
	/* What was given back can be had again; too much, never. */
	if ((spare[0] = rx_secret_spare(4000)) == NULL)
		return (93);
	rx_secret_free(spare[0]);
	return (rx_secret_spare(33 * 4096) == NULL &&
	    rx_secret_spare(SIZE_MAX) == NULL ? 42 : 94);
}

static void
test_spare_memory_leaves_half_for_keys(void **state)
{

	(void)state;
	assert_int_equal(in_child(spare_memory), 42);
}

static int
hardened(void)
{
	struct rlimit core;

	if (rx_process_harden(&st) != RX_OK)
		return (90);
	if (getrlimit(RLIMIT_CORE, &core) != 0 || core.rlim_cur != 0 ||
	    core.rlim_max != 0)
		return (91);
	if (prctl(PR_GET_DUMPABLE, 0L, 0L, 0L, 0L) != 0)
		return (92);
	return (prctl(PR_GET_NO_NEW_PRIVS, 0L, 0L, 0L, 0L) == 1 ? 42 : 93);
}

static void
test_hardened_process_leaves_no_core(void **state)
{

	(void)state;
	assert_int_equal(in_child(hardened), 42);
}

static void
test_uuid7_sorts_by_time(void **state)
{
	uint8_t a[RX_ID_BYTES], b[RX_ID_BYTES], back[RX_ID_BYTES];
	char text[RX_UUID_TEXT];
	int64_t ms;

	(void)state;
	memset(a, 0, sizeof(a));
	for (ms = 1700000000000; ms < 1800000000000; ms += 999999937) {
		rx_uuid7(b, ms);
		assert_true(memcmp(a, b, 6) < 0);
		assert_int_equal(b[6] >> 4, 7);
		assert_int_equal(b[8] >> 6, 2);
		memcpy(a, b, sizeof(a));
	}
	rx_uuid7(b, ms);
	rx_uuid7(a, ms);
	assert_memory_equal(a, b, 6);
	assert_memory_not_equal(a, b, sizeof(a));

	rx_uuid_text(a, text);
	assert_int_equal(strlen(text), 36);
	assert_true(rx_uuid_parse(text, back));
	assert_memory_equal(a, back, sizeof(a));

	/* The example of RFC 9562, A.6. */
	assert_true(rx_uuid_parse("017F22E2-79B0-7CC3-98C4-DC0C0C07398F",
	    back));
	rx_uuid7(a, 0x017F22E279B0);
	assert_memory_equal(a, back, 6);
	rx_uuid_text(back, text);
	assert_string_equal(text, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}

static void
test_malformed_uuid_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "017f22e2", "017f22e279b07cc398c4dc0c0c07398f",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398ff",
		"017f22e2-79b0-7cc3-98c4-dc0c0c07398g",
		"017f22e2-79b0-7cc3-98c4_dc0c0c07398f",
		"017f22e-279b0-7cc3-98c4-dc0c0c07398f",
		" 17f22e2-79b0-7cc3-98c4-dc0c0c07398f"
	};
	uint8_t id[RX_ID_BYTES];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(rx_uuid_parse(bad[i], id));
}

static void
test_hash_is_blake2b_of_label_nul_and_bytes(void **state)
{
	struct spec_bytes s = { .n = 0 };
	uint8_t a[64], b[64], key[32] = { 7 };
	char hex[9];

	(void)state;
	spec_label(&s, "label");
	spec_add(&s, "bytes", 5);
	spec_hash(a, 64, key, &s);
	rx_hash(b, 64, key, "label", "bytes", 5);
	assert_memory_equal(a, b, 64);
	spec_hash(a, 16, NULL, &s);
	rx_hash(b, 16, NULL, "label", "bytes", 5);
	assert_memory_equal(a, b, 16);
	rx_hex(hex, "\x00\x7f\x80\xff", 4);
	assert_string_equal(hex, "007f80ff");
	assert_true(rx_equal("abc", "abd", 2));
	assert_false(rx_equal("abc", "abd", 3));
}

/* ---- envelope ---- */

static void
test_envelope_round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 31, 32, 63, 64, 65, 4096, 100000 };
	static uint8_t in[100000], out[100000], box[100000 + RX_ENV_OVERHEAD];
	const struct rx_key key = { { 9 } };
	size_t i, n;

	(void)state;
	rx_random(in, sizeof(in));
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		n = sizes[i];
		assert_int_equal(rx_envelope_size(n), n + 104);
		ok(rx_envelope_seal(box, &key, RX_ENV_AUDIT, RX_COMP_AUDIT, 77,
		    &here, in, n, &st), &st);
		assert_int_equal(rx_envelope_epoch(box, n + 104), 77);
		memset(out, 0xee, n);
		ok(rx_envelope_open(out, n, box, n + 104, &key, RX_ENV_AUDIT,
		    RX_COMP_AUDIT, 77, &here, &st), &st);
		assert_memory_equal(in, out, n);
	}
	assert_int_equal(rx_envelope_epoch(box, 103), 0);
}

static void
test_sealing_twice_shows_nothing_equal(void **state)
{
	const struct rx_key key = { { 9 } };
	uint8_t a[RX_ENV_OVERHEAD + 32], b[RX_ENV_OVERHEAD + 32];

	(void)state;
	ok(rx_envelope_seal(a, &key, RX_ENV_KEY, RX_COMP_CODED, 1, &here,
	    key.b, 32, &st), &st);
	ok(rx_envelope_seal(b, &key, RX_ENV_KEY, RX_COMP_CODED, 1, &here,
	    key.b, 32, &st), &st);
	assert_memory_equal(a, b, 32);
	assert_memory_not_equal(a + 32, b + 32, 24);
	assert_memory_not_equal(a + 56, b + 56, 32);
	assert_memory_not_equal(a + 88, b + 88, 32);
}

static void
test_envelope_too_large_is_refused(void **state)
{
	const struct rx_key key = { { 9 } };
	struct rx_buf buf = RX_BUF_INIT;
	uint8_t box[RX_ENV_OVERHEAD];

	(void)state;
	refused(rx_envelope_seal(box, &key, RX_ENV_AUDIT, RX_COMP_AUDIT, 1,
	    &here, "", (size_t)RX_ENV_MAX + 1, &st), RX_EINTERNAL, &st);
	refused(rx_field_seal(&buf, &key, RX_COMP_NARRATIVE, 1, &here,
	    RX_PAD_NOTE, "", RX_ENV_MAX - 3, &st), RX_EINTERNAL, &st);
	refused(rx_field_seal(&buf, &key, RX_COMP_NARRATIVE, 1, &here,
	    RX_PAD_NOTE, "", SIZE_MAX, &st), RX_EINTERNAL, &st);
	assert_null(buf.b);
}

static void
test_padding_classes(void **state)
{
	static const struct {
		enum rx_pad pad;
		size_t n, want;
	} c[] = {
		{ RX_PAD_SHORT, 0, 64 }, { RX_PAD_SHORT, 60, 64 },
		{ RX_PAD_SHORT, 61, 192 }, { RX_PAD_SHORT, 189, 1040 },
		{ RX_PAD_TEXT, 0, 192 }, { RX_PAD_TEXT, 188, 192 },
		{ RX_PAD_TEXT, 189, 1040 }, { RX_PAD_TEXT, 1036, 1040 },
		{ RX_PAD_TEXT, 1037, 2048 },
		{ RX_PAD_CODED, 0, 448 }, { RX_PAD_CODED, 444, 448 },
		{ RX_PAD_CODED, 445, 1024 }, { RX_PAD_CODED, 1020, 1024 },
		{ RX_PAD_CODED, 1021, 2048 },
		{ RX_PAD_NOTE, 0, 512 }, { RX_PAD_NOTE, 508, 512 },
		{ RX_PAD_NOTE, 509, 1024 }, { RX_PAD_NOTE, 65536, 131072 },
		{ RX_PAD_NOTE, RX_ENV_MAX - 4, RX_ENV_MAX },
		{ RX_PAD_NOTE, RX_ENV_MAX - 3, 0 }, { RX_PAD_SHORT, SIZE_MAX, 0 }
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(c) / sizeof(c[0]); i++)
		assert_int_equal(rx_pad_size(c[i].pad, c[i].n), c[i].want);
}

static void
test_field_round_trip(void **state)
{
	static const size_t sizes[] = { 0, 1, 60, 61, 188, 189, 1036, 9000 };
	const struct rx_key key = { { 3 } };
	struct rx_buf box = RX_BUF_INIT, out = RX_BUF_INIT;
	uint8_t in[9000];
	size_t i;
	int pad;

	(void)state;
	rx_random(in, sizeof(in));
	for (pad = RX_PAD_SHORT; pad <= RX_PAD_NOTE; pad++) {
		for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
			rx_buf_reset(&box);
			rx_buf_reset(&out);
			ok(rx_buf_add(&out, "before", 6, &st), &st);
			ok(rx_field_seal(&box, &key, RX_COMP_IDENTITY, 5, &here,
			    (enum rx_pad)pad, in, sizes[i], &st), &st);
			ok(rx_field_open(&out, box.b, box.len, &key,
			    RX_COMP_IDENTITY, &here, &st), &st);
			assert_int_equal(out.len, 6 + sizes[i]);
			assert_memory_equal(out.b, "before", 6);
			assert_memory_equal(out.b + 6, in, sizes[i]);
		}
	}
	rx_buf_free(&box);
	rx_buf_free(&out);
}

static void
test_absent_field_looks_like_a_present_one(void **state)
{
	const struct rx_key key = { { 3 } };
	struct rx_buf absent = RX_BUF_INIT, present = RX_BUF_INIT;

	(void)state;
	ok(rx_field_seal(&absent, &key, RX_COMP_IDENTITY, 5, &here,
	    RX_PAD_SHORT, NULL, 0, &st), &st);
	ok(rx_field_seal(&present, &key, RX_COMP_IDENTITY, 5, &here,
	    RX_PAD_SHORT, "13900000000", 11, &st), &st);
	assert_int_equal(absent.len, present.len);
	assert_memory_equal(absent.b, present.b, RX_ENV_HEADER);
	rx_buf_free(&absent);
	rx_buf_free(&present);
}

static void
test_failed_field_open_leaves_the_buffer_as_it_was(void **state)
{
	const struct rx_key key = { { 3 } };
	struct rx_buf box = RX_BUF_INIT, out = RX_BUF_INIT;

	(void)state;
	ok(rx_field_seal(&box, &key, RX_COMP_IDENTITY, 5, &here, RX_PAD_TEXT,
	    "name", 4, &st), &st);
	ok(rx_buf_add(&out, "before", 6, &st), &st);
	box.b[box.len - 1] ^= 1;
	refused(rx_field_open(&out, box.b, box.len, &key, RX_COMP_IDENTITY,
	    &here, &st), RX_ECORRUPT, &st);
	assert_int_equal(out.len, 6);
	assert_memory_equal(out.b, "before", 6);
	assert_true(sodium_is_zero(out.b + 6, 192));
	rx_buf_free(&box);
	rx_buf_free(&out);
}

/* ---- passphrase ---- */

static void
test_libargon2_agrees_with_libsodium(void **state)
{
	static const char text[] = "一二三 four";
	const uint8_t salt[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	struct rx_secret *pass = test_passphrase(text);
	struct rx_key ours;
	uint8_t theirs[32];

	(void)state;
	ok(rx_kdf(&ours, pass, salt, &rx_kdf_default, &st), &st);
	assert_int_equal(crypto_pwhash(theirs, sizeof(theirs), text,
	    strlen(text), salt, rx_kdf_default.passes,
	    (size_t)rx_kdf_default.memory * 1024,
	    crypto_pwhash_ALG_ARGON2ID13), 0);
	assert_memory_equal(ours.b, theirs, sizeof(theirs));
	rx_secret_free(pass);
}

static void
test_too_long_passphrase_is_refused(void **state)
{
	const uint8_t salt[16] = { 0 };
	struct rx_secret *pass;
	struct rx_key out;

	(void)state;
	ok(rx_secret_new(&pass, RX_PASSPHRASE_MAX + 1, &st), &st);
	pass->len = pass->cap;
	refused(rx_kdf(&out, pass, salt, &rx_kdf_default, &st), RX_EUSAGE,
	    &st);
	rx_secret_free(pass);
}

/* ---- certificates ---- */

static void
test_identity_comes_from_the_seed_alone(void **state)
{
	const uint8_t seed[32] = { 1 }, other[32] = { 2 };
	struct rx_identity a, b, c;

	(void)state;
	rx_identity_derive(&a, seed);
	rx_identity_derive(&b, seed);
	rx_identity_derive(&c, other);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_memory_not_equal(a.box_secret, c.box_secret, 32);
	assert_memory_not_equal(a.sign_public, c.sign_public, 32);
	assert_memory_not_equal(a.box_public, a.sign_public, 32);
}

static void
test_certificate_round_trip_and_validity(void **state)
{
	struct rx_cert in = { .role = RX_ROLE_SUPERVISOR, .id = { 1 },
	    .store = { 2 }, .user = { 3 }, .name = "林老师",
	    .unit = "350102001000", .box_public = { 4 }, .sign_public = { 5 },
	    .not_before = 1000, .not_after = 2000 };
	const uint8_t seed[32] = { 8 };
	uint8_t root[32], secret[64], c[RX_CERT_BYTES];
	struct rx_cert out;

	(void)state;
	rx_root_derive(root, secret, seed);
	rx_cert_make(c, &in, secret);
	ok(rx_cert_open(&out, c, sizeof(c), root, in.store, &st), &st);
	assert_int_equal(out.role, in.role);
	assert_memory_equal(out.id, in.id, RX_ID_BYTES);
	assert_memory_equal(out.user, in.user, RX_ID_BYTES);
	assert_string_equal(out.name, in.name);
	assert_string_equal(out.unit, in.unit);
	assert_memory_equal(out.box_public, in.box_public, 32);
	assert_memory_equal(out.sign_public, in.sign_public, 32);
	assert_false(rx_cert_valid_at(&out, 999));
	assert_true(rx_cert_valid_at(&out, 1000));
	assert_true(rx_cert_valid_at(&out, 2000));
	assert_false(rx_cert_valid_at(&out, 2001));
}

static void
test_revocation_round_trip(void **state)
{
	const uint8_t seed[32] = { 8 }, id[16] = { 1 }, store[16] = { 2 };
	uint8_t root[32], secret[64], r[RX_REVOCATION_BYTES], got[16];
	enum rx_revoked why;
	int64_t at;

	(void)state;
	rx_root_derive(root, secret, seed);
	rx_revocation_make(r, id, store, 123456789012345, RX_REVOKED_ENDED,
	    secret);
	ok(rx_revocation_open(got, &at, &why, r, sizeof(r), root, store, &st),
	    &st);
	assert_int_equal(why, RX_REVOKED_ENDED);
	assert_memory_equal(got, id, 16);
	assert_true(at == 123456789012345);
}

static void
test_signature_binds_label_and_all_of_a_long_message(void **state)
{
	static uint8_t m[5000];
	const uint8_t seed[32] = { 8 };
	uint8_t pk[32], secret[64], sig[RX_SIGNATURE_BYTES];
	size_t n;

	(void)state;
	rx_root_derive(pk, secret, seed);
	for (n = 0; n <= sizeof(m); n += 1250) {
		rx_sign(sig, secret, "label a", m, n);
		assert_true(rx_sign_verify(sig, pk, "label a", m, n));
		assert_false(rx_sign_verify(sig, pk, "label b", m, n));
		assert_false(rx_sign_verify(sig, pk, "label ", m, n));
		if (n == 0)
			continue;
		m[n - 1] ^= 1;
		assert_false(rx_sign_verify(sig, pk, "label a", m, n));
	}
}

/* ---- grants ---- */

static void
test_grant_round_trip(void **state)
{
	const struct rx_grant_context ctx = { .store = { 1 },
	    .unit = "350102001001", .subject = { 2 }, .epoch = 3,
	    .compartments = 1u << RX_COMP_NARRATIVE | 1u << RX_COMP_CODED };
	const struct rx_key narrative = { { 11 } }, coded = { { 12 } };
	const struct rx_key *const keys[RX_GRANT_KEYS] = { NULL, &narrative,
	    &coded };
	const struct rx_key *const none[RX_GRANT_KEYS] = { NULL, NULL, NULL };
	const uint8_t from[32] = { 1 }, to[32] = { 2 }, grantor[16] = { 9 };
	uint8_t box[RX_GRANT_BYTES];
	struct rx_identity a, b;
	struct rx_grant g;
	int kind;
	rx_err rc;

	(void)state;
	rx_identity_derive(&a, from);
	rx_identity_derive(&b, to);
	ok(rx_grant_make(box, &ctx, keys, RX_GRANT_OPEN, grantor, &a,
	    b.box_public, &st), &st);
	ok(rx_grant_open(&g, box, sizeof(box), &b, &st), &st);
	ok(rx_grant_verify(&g, &ctx, &b, a.sign_public, &st), &st);
	assert_int_equal(g.kind, RX_GRANT_OPEN);
	assert_memory_equal(g.grantor, grantor, 16);
	assert_true(sodium_is_zero(g.keys[0].b, 32));
	assert_memory_equal(g.keys[1].b, narrative.b, 32);
	assert_memory_equal(g.keys[2].b, coded.b, 32);
	refused(rx_grant_make(box, &ctx, keys, RX_GRANT_CLOSED, grantor, &a,
	    b.box_public, &st), RX_EINTERNAL, &st);
	/* Of its kind it says what was signed, and there are three. */
	for (kind = 0; kind <= 4; kind++) {
		ok(rx_grant_make(box, &ctx, kind == RX_GRANT_CLOSED ? none :
		    keys, (enum rx_grant_kind)kind, grantor, &a, b.box_public,
		    &st), &st);
		rc = rx_grant_open(&g, box, sizeof(box), &b, &st);
		assert_int_equal(rc, kind >= RX_GRANT_OPEN &&
		    kind <= RX_GRANT_SLOT ? RX_OK : RX_ECORRUPT);
		rx_status_clear(&st);
		if (rc != RX_OK)
			continue;
		assert_int_equal(g.kind, kind);
		ok(rx_grant_verify(&g, &ctx, &b, a.sign_public, &st), &st);
		g.kind = g.kind == RX_GRANT_SLOT ? RX_GRANT_OPEN :
		    RX_GRANT_SLOT;
		refused(rx_grant_verify(&g, &ctx, &b, a.sign_public, &st),
		    RX_ECORRUPT, &st);
	}
}

/* What a slot holds says which key it is for, and not what that is. */
static void
test_slot_key_is_of_one_key_and_is_not_it(void **state)
{
	struct rx_key key = { { 7 } }, slot, again, other;
	int bit;

	(void)state;
	rx_slot_key(&slot, &key);
	rx_slot_key(&again, &key);
	assert_memory_equal(slot.b, again.b, RX_KEY_BYTES);
	assert_memory_not_equal(slot.b, key.b, RX_KEY_BYTES);
	for (bit = 0; bit < 8 * RX_KEY_BYTES; bit++) {
		key.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		rx_slot_key(&other, &key);
		assert_memory_not_equal(other.b, slot.b, RX_KEY_BYTES);
		key.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* Nor does one lead to the next. */
	rx_slot_key(&again, &slot);
	assert_memory_not_equal(again.b, slot.b, RX_KEY_BYTES);
	assert_memory_not_equal(again.b, key.b, RX_KEY_BYTES);
}

/* ---- recovery codes ---- */

static void
test_code_survives_being_typed(void **state)
{
	uint8_t code[RX_CODE_BYTES], back[RX_CODE_BYTES];
	char text[RX_CODE_TEXT], typed[300];
	size_t i, n;
	int round;

	(void)state;
	for (round = 0; round < 50; round++) {
		rx_random(code, sizeof(code));
		rx_code_text(text, code);
		assert_int_equal(strlen(text), 44);
		ok(rx_code_parse(back, text, &st), &st);
		assert_memory_equal(code, back, sizeof(code));

		/* Small letters, l and i for 1, o for 0, spaces for dashes. */
		for (i = n = 0; text[i] != '\0'; i++) {
			typed[n] = text[i];
			if (text[i] == '1')
				typed[n] = (i & 1) != 0 ? 'l' : 'I';
			else if (text[i] == '0')
				typed[n] = (i & 1) != 0 ? 'o' : 'O';
			else if (text[i] == '-')
				typed[n] = ' ';
			else if (text[i] >= 'A' && text[i] <= 'Z')
				typed[n] = (char)(text[i] - 'A' + 'a');
			n++;
			if (i % 7 == 0)
				typed[n++] = ' ';
		}
		typed[n] = '\0';
		ok(rx_code_parse(back, typed, &st), &st);
		assert_memory_equal(code, back, sizeof(code));

		/* Full-width, as a Chinese input method may type it; in every
		 * other round small, with its spaces and long dashes. */
		for (i = n = 0; text[i] != '\0'; i++) {
			uint32_t c = 0xff00 + (uint32_t)text[i] - 0x20;

			if ((round & 1) != 0 && text[i] >= 'A')
				c += 'a' - 'A';
			if ((round & 1) != 0 && text[i] == '-') {
				n += (size_t)snprintf(typed + n,
				    sizeof(typed) - n, i % 2 == 0 ? "\u2013" :
				    "\u3000");
				continue;
			}

			typed[n++] = (char)0xef;
			typed[n++] = (char)(0x80 | (c >> 6 & 0x3f));
			typed[n++] = (char)(0x80 | (c & 0x3f));
		}
		typed[n] = '\0';
		ok(rx_code_parse(back, typed, &st), &st);
		assert_memory_equal(code, back, sizeof(code));
	}
}

static void
test_mistyped_code_is_refused(void **state)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
	uint8_t code[RX_CODE_BYTES] = { 1, 2, 3 }, back[RX_CODE_BYTES];
	static const char *const beside[] = { "\uff00", "\xef\xbc\xc0",
		"\xef\xbd\x7f", "\uff5f", "\u3001", "\u3040", "\u200f",
		"\u2016", "\u2460" };
	char text[RX_CODE_TEXT], bad[RX_CODE_TEXT + 4];
	char typed[RX_CODE_TEXT + 4];
	size_t i, caught = 0, tried = 0;
	const char *c;

	(void)state;
	rx_code_text(text, code);
	for (i = 0; text[i] != '\0'; i++) {
		for (c = alphabet; *c != '\0'; c++) {
			if (text[i] == '-' || text[i] == *c)
				continue;
			memcpy(bad, text, sizeof(text));
			bad[i] = *c;
			tried++;
			if (rx_code_parse(back, bad, &st) == RX_EUSAGE)
				caught++;
			rx_status_clear(&st);
		}
	}
	assert_true(tried > 1000);
	assert_int_equal(caught, tried);

	refused(rx_code_parse(back, "", &st), RX_EUSAGE, &st);
	memcpy(bad, text, sizeof(text));
	bad[43] = '\0';
	refused(rx_code_parse(back, bad, &st), RX_EUSAGE, &st);
	(void)snprintf(bad, sizeof(bad), "%s0", text);
	refused(rx_code_parse(back, bad, &st), RX_EUSAGE, &st);
	memcpy(bad, text, sizeof(text));
	bad[0] = 'U';
	refused(rx_code_parse(back, bad, &st), RX_EUSAGE, &st);
	bad[0] = (char)0xef;	/* a character that is cut */
	bad[1] = '\0';
	refused(rx_code_parse(back, bad, &st), RX_EUSAGE, &st);

	/* Characters of three bytes just beside those that stand for one of ours. */
	for (i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
		(void)snprintf(typed, sizeof(typed), "%s%s", beside[i], text);
		refused(rx_code_parse(back, typed, &st), RX_EUSAGE, &st);
	}
	(void)snprintf(typed, sizeof(typed), "\u3000%s", text);
	ok(rx_code_parse(back, typed, &st), &st);
	memset(back, 0, sizeof(back));
	assert_true(sodium_is_zero(back, sizeof(back)));
}

static void
test_any_two_codes_recover(void **state)
{
	const uint8_t code[3][RX_CODE_BYTES] = { { 1 }, { 2 }, { 3 } };
	const uint8_t store[16] = { 6 };
	const struct rx_key secret = { { 42 } };
	uint8_t box[RX_RECOVERY_BOX];
	struct rx_key out;
	unsigned a, b;

	(void)state;
	for (a = 0; a < 3; a++) {
		for (b = 0; b < 3; b++) {
			if (a == b)
				continue;
			ok(rx_recovery_seal(box, &secret, a, b, code[a],
			    code[b], store, &st), &st);
			ok(rx_recovery_open(&out, box, sizeof(box), a, b,
			    code[a], code[b], store, &st), &st);
			assert_memory_equal(out.b, secret.b, 32);
			memset(&out, 0, sizeof(out));
			ok(rx_recovery_open(&out, box, sizeof(box), b, a,
			    code[b], code[a], store, &st), &st);
			assert_memory_equal(out.b, secret.b, 32);
		}
	}
}

/* Two codes are of two custodians, and there are three. */
static void
test_recovery_by_what_is_no_pair_is_refused(void **state)
{
	static const unsigned pairs[][2] = { { 0, 0 }, { 2, 2 }, { 0, 3 },
		{ 3, 0 }, { UINT_MAX, 1 } };
	const uint8_t code[RX_CODE_BYTES] = { 1 }, store[16] = { 6 };
	const struct rx_key secret = { { 42 } };
	uint8_t box[RX_RECOVERY_BOX];
	struct rx_key out;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		memset(box, 1, sizeof(box));
		refused(rx_recovery_seal(box, &secret, pairs[i][0],
		    pairs[i][1], code, code, store, &st), RX_EUSAGE, &st);
		assert_true(sodium_is_zero(box, sizeof(box)));
		memset(&out, 1, sizeof(out));
		refused(rx_recovery_open(&out, box, sizeof(box), pairs[i][0],
		    pairs[i][1], code, code, store, &st), RX_EUSAGE, &st);
		assert_true(sodium_is_zero(out.b, sizeof(out.b)));
	}
}

/* ---- manifest and audit ---- */

static void
test_manifest_does_not_depend_on_order(void **state)
{
	static struct rx_manifest a, b, empty;
	uint8_t bytes[RX_MANIFEST_BYTES], da[32], db[32];
	uint32_t i;

	(void)state;
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	memset(&empty, 0, sizeof(empty));
	for (i = 0; i < 100; i++)
		rx_manifest_add(&a, &i, sizeof(i));
	for (i = 100; i-- > 0;)
		rx_manifest_add(&b, &i, sizeof(i));
	rx_manifest_digest(da, &a);
	rx_manifest_digest(db, &b);
	assert_memory_equal(da, db, 32);

	rx_manifest_store(bytes, &a);
	memset(&b, 0xff, sizeof(b));
	rx_manifest_load(&b, bytes);
	assert_memory_equal(&a, &b, sizeof(a));

	/* A row twice is not a row once, and not none. */
	i = 7;
	rx_manifest_add(&b, &i, sizeof(i));
	rx_manifest_digest(db, &b);
	assert_memory_not_equal(da, db, 32);
	rx_manifest_remove(&b, &i, sizeof(i));
	rx_manifest_digest(db, &b);
	assert_memory_equal(da, db, 32);

	for (i = 0; i < 100; i++)
		rx_manifest_remove(&a, &i, sizeof(i));
	assert_memory_equal(&a, &empty, sizeof(a));
}

static void
test_audit_hash_depends_on_every_part(void **state)
{
	const uint8_t store[16] = { 1 }, other[16] = { 2 }, none[32] = { 0 };
	uint8_t h[6][32];
	size_t i, j;

	(void)state;
	rx_audit_entry_hash(h[0], store, 1, none, 1000, "payload", 7);
	rx_audit_entry_hash(h[1], other, 1, none, 1000, "payload", 7);
	rx_audit_entry_hash(h[2], store, 2, none, 1000, "payload", 7);
	rx_audit_entry_hash(h[3], store, 1, h[0], 1000, "payload", 7);
	rx_audit_entry_hash(h[4], store, 1, none, 1001, "payload", 7);
	rx_audit_entry_hash(h[5], store, 1, none, 1000, "payloae", 7);
	for (i = 0; i < 6; i++) {
		for (j = 0; j < i; j++)
			assert_memory_not_equal(h[i], h[j], 32);
	}
}

/* ---- what the system refuses ---- */

static void
test_process_that_cannot_be_hardened_is_refused(void **state)
{
	char text[200];

	(void)state;
	fails = LIMITS;
	assert_int_equal(rx_process_harden(&st), RX_EINTERNAL);
	rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
	assert_non_null(strstr(text, "RLIMIT_CORE"));
	assert_null(rx_secret_spare(100));
	rx_status_clear(&st);
	fails = NOTHING;

	/* Leaving a core is forbidden here already, so only prctl is left. */
	assert_int_equal(in_child(hardened), 42);
	for (fails_after = 0; fails_after < 2; fails_after++) {
		const unsigned which = fails_after;

		fails = PRCTL;
		assert_int_equal(rx_process_harden(&st), RX_EINTERNAL);
		fails = NOTHING;
		fails_after = which;
		rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
		assert_non_null(strstr(text, which == 0 ? "PR_SET_DUMPABLE" :
		    "PR_SET_NO_NEW_PRIVS"));
		rx_status_clear(&st);
	}
}

static void
test_library_that_does_not_start_is_refused(void **state)
{

	(void)state;
	fails = SODIUM;
	refused(rx_crypto_init(&st), RX_EINTERNAL, &st);
	fails = NOTHING;
	ok(rx_crypto_init(&st), &st);
}

static void
test_passphrase_that_is_not_stretched_is_refused(void **state)
{
	struct rx_secret *p = test_passphrase("long enough");
	const uint8_t salt[16] = { 1 };
	struct rx_key key;

	(void)state;
	memset(&key, 1, sizeof(key));
	fails = ARGON2;
	refused(rx_kdf(&key, p, salt, &rx_kdf_default, &st), RX_EINTERNAL,
	    &st);
	fails = NOTHING;
	assert_true(sodium_is_zero(key.b, sizeof(key.b)));
	ok(rx_kdf(&key, p, salt, &rx_kdf_default, &st), &st);
	rx_wipe(&key, sizeof(key));
	rx_secret_free(p);
}

static void
test_cost_below_todays_in_either_is_below(void **state)
{
	static const struct {
		struct rx_kdf kdf;
		bool below;
	} of[] = {
		{ { 65536, 3 }, false }, { { 65537, 4 }, false },
		{ { 65535, 3 }, true }, { { 65536, 2 }, true },
		{ { 65535, 4 }, true }, { { 131072, 2 }, true }
	};
	const struct rx_kdf today = { 65536, 3 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(of) / sizeof(of[0]); i++)
		assert_int_equal(rx_kdf_below(&of[i].kdf, &today),
		    of[i].below);
}

/* What no caller could overlook ends the process. */
static int
hash_of_no_length(void)
{
	uint8_t h[8];

	rx_hash(h, sizeof(h), NULL, "label", NULL, 0);
	return (0);
}

static int
hash_too_long(void)
{
	uint8_t h[65];

	rx_hash(h, sizeof(h), NULL, "label", NULL, 0);
	return (0);
}

static int
signature_of_everything(void)
{
	const uint8_t secret[64] = { 1 };
	uint8_t sig[RX_SIGNATURE_BYTES];

	rx_sign(sig, secret, "label", "", SIZE_MAX);
	return (0);
}

static void
test_what_cannot_be_hashed_or_signed_ends_the_process(void **state)
{

	(void)state;
	assert_int_equal(in_child(hash_of_no_length), -1);
	assert_int_equal(in_child(hash_too_long), -1);
	assert_int_equal(in_child(signature_of_everything), -1);
}

/* ---- sealed for somebody ---- */

/* Zeros are no public key: what is agreed on with them everybody knows. */
static void
test_public_key_that_is_none_is_refused(void **state)
{
	const struct rx_container_head head = { .number = 1 };
	struct rx_recipient to = { .user = { 1 } };
	uint8_t digest[RX_HASH_BYTES], mac[RX_HASH_BYTES];
	const uint8_t seed[32] = { 1 };
	struct rx_buf out = RX_BUF_INIT;
	struct rx_identity id;

	(void)state;
	rx_identity_derive(&id, seed);
	refused(rx_container_seal(&out, &head, &to, 1, id.sign_secret, "b", 1,
	    digest, &st), RX_ECORRUPT, &st);
	refused(rx_pair_mac(mac, &id, to.box_public, "l", "p", 1, &st),
	    RX_ECORRUPT, &st);
	assert_true(sodium_is_zero(mac, sizeof(mac)));

	memcpy(to.box_public, id.box_public, sizeof(to.box_public));
	ok(rx_pair_mac(mac, &id, to.box_public, "l", "p", 1, &st), &st);
	rx_buf_free(&out);
	ok(rx_container_seal(&out, &head, &to, 1, id.sign_secret, "b", 1,
	    digest, &st), &st);
	rx_buf_free(&out);
}

/* Nothing at all can be sent; it is as long as a little. */
static void
test_container_of_nothing_is_as_long_as_one_of_a_byte(void **state)
{
	const struct rx_container_head head = { .number = 1 };
	struct rx_buf out[2] = { RX_BUF_INIT, RX_BUF_INIT };
	struct rx_buf body = RX_BUF_INIT;
	struct rx_recipient to = { .user = { 1 } };
	uint8_t digest[RX_HASH_BYTES];
	const uint8_t seed[32] = { 1 };
	struct rx_container c;
	struct rx_identity id;
	size_t n;

	(void)state;
	rx_identity_derive(&id, seed);
	memcpy(to.box_public, id.box_public, sizeof(to.box_public));
	for (n = 0; n < 2; n++) {
		ok(rx_container_seal(&out[n], &head, &to, 1, id.sign_secret,
		    "b", n, digest, &st), &st);
		ok(rx_container_read(&c, out[n].b, out[n].len, &st), &st);
		ok(rx_container_open(&body, &c, to.user, &id, &st), &st);
		assert_int_equal(body.len, n);
	}
	assert_int_equal(out[0].len, out[1].len);
	rx_buf_free(&body);
	rx_buf_free(&out[0]);
	rx_buf_free(&out[1]);
}

static void
test_container_for_nobody_or_too_many_or_too_large_is_refused(void **state)
{
	const struct rx_container_head head = { .number = 1 };
	const struct rx_recipient to = { .user = { 1 } };
	uint8_t digest[RX_HASH_BYTES], secret[64] = { 1 };
	struct rx_buf out = RX_BUF_INIT;

	(void)state;
	refused(rx_container_seal(&out, &head, &to, 0, secret, "b", 1, digest,
	    &st), RX_EUSAGE, &st);
	refused(rx_container_seal(&out, &head, &to,
	    RX_CONTAINER_RECIPIENTS + 1, secret, "b", 1, digest, &st),
	    RX_EUSAGE, &st);
	refused(rx_container_seal(&out, &head, &to, 1, secret, "b",
	    RX_CONTAINER_MAX + 1, digest, &st), RX_EUSAGE, &st);
	assert_int_equal(out.len, 0);
}

static int
setup(void **state)
{

	(void)state;
	rx_status_clear(&st);
	return (rx_crypto_init(&st) == RX_OK ? 0 : -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys_are_distinct_and_stay_where_they_are),
		cmocka_unit_test(test_secret_is_zeroed_and_aligned),
		cmocka_unit_test(test_write_past_a_secret_ends_the_process),
		cmocka_unit_test(test_keys_that_cannot_be_locked_are_refused),
		cmocka_unit_test(test_spare_memory_leaves_half_for_keys),
		cmocka_unit_test(test_hardened_process_leaves_no_core),
		cmocka_unit_test(test_uuid7_sorts_by_time),
		cmocka_unit_test(test_malformed_uuid_is_refused),
		cmocka_unit_test(test_hash_is_blake2b_of_label_nul_and_bytes),
		cmocka_unit_test(test_envelope_round_trip),
		cmocka_unit_test(test_sealing_twice_shows_nothing_equal),
		cmocka_unit_test(test_envelope_too_large_is_refused),
		cmocka_unit_test(test_padding_classes),
		cmocka_unit_test(test_field_round_trip),
		cmocka_unit_test(test_absent_field_looks_like_a_present_one),
		cmocka_unit_test(test_failed_field_open_leaves_the_buffer_as_it_was),
		cmocka_unit_test(test_libargon2_agrees_with_libsodium),
		cmocka_unit_test(test_too_long_passphrase_is_refused),
		cmocka_unit_test(test_identity_comes_from_the_seed_alone),
		cmocka_unit_test(test_certificate_round_trip_and_validity),
		cmocka_unit_test(test_revocation_round_trip),
		cmocka_unit_test(test_signature_binds_label_and_all_of_a_long_message),
		cmocka_unit_test(test_grant_round_trip),
		cmocka_unit_test(test_slot_key_is_of_one_key_and_is_not_it),
		cmocka_unit_test(test_code_survives_being_typed),
		cmocka_unit_test(test_mistyped_code_is_refused),
		cmocka_unit_test(test_any_two_codes_recover),
		cmocka_unit_test(test_recovery_by_what_is_no_pair_is_refused),
		cmocka_unit_test(test_manifest_does_not_depend_on_order),
		cmocka_unit_test(test_audit_hash_depends_on_every_part),
		cmocka_unit_test(
		    test_process_that_cannot_be_hardened_is_refused),
		cmocka_unit_test(test_library_that_does_not_start_is_refused),
		cmocka_unit_test(
		    test_passphrase_that_is_not_stretched_is_refused),
		cmocka_unit_test(
		    test_what_cannot_be_hashed_or_signed_ends_the_process),
		cmocka_unit_test(test_public_key_that_is_none_is_refused),
		cmocka_unit_test(
		    test_container_of_nothing_is_as_long_as_one_of_a_byte),
		cmocka_unit_test(
		    test_container_of_nothing_is_as_long_as_one_of_a_byte),
		cmocka_unit_test(test_cost_below_todays_in_either_is_below),
		cmocka_unit_test(
    test_container_for_nobody_or_too_many_or_too_large_is_refused)
	};

	return (cmocka_run_group_tests_name("crypto", tests, setup, NULL));
}
