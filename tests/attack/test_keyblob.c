/* Attacks on a user's keyblob by somebody who can write to the disk, and by
 * colleagues who have keyblobs of their own. */

#include <sys/resource.h>
#include <sys/wait.h>

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <argon2.h>
#include <sodium.h>

#include "../helper.h"
#include "../spec.h"
#include "crypto/certificate.h"
#include "crypto/passphrase.h"

#define ROOT_AT (48 + 88 + 64)	/* of the ciphertext of the pinned root key */

static struct rx_status st;
static const uint8_t store[RX_ID_BYTES] = { 1 }, alice[RX_ID_BYTES] = { 2 };
static const uint8_t mallory[RX_ID_BYTES] = { 3 };
static const struct rx_keyblob secrets = {
	.seed = { 10 }, .next = { 11 }, .root_public = { 12 },
	.root_seed = { 13 }
};
static struct rx_identity alices;	/* what is certified */
static struct rx_secret *pass;
static uint8_t good[RX_KEYBLOB_BYTES];

/* Open as Alice's; nothing comes out of a failure. */
static rx_err
try_open(const uint8_t *box, size_t n, const uint8_t *sign_public)
{
	struct rx_keyblob b;
	rx_err rc;

	memset(&b, 0xee, sizeof(b));
	rc = rx_keyblob_open(&b, box, n, sign_public, pass, store, alice, &st);
	if (rc != RX_OK)
		assert_true(sodium_is_zero((uint8_t *)&b, sizeof(b)));
	else
		assert_memory_equal(&b, &secrets, sizeof(b));
	return (rc);
}

static double
now(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static long
peak_kib(void)
{
	struct rusage ru;

	assert_int_equal(getrusage(RUSAGE_SELF, &ru), 0);
	return (ru.ru_maxrss);
}

/*
 * A keyblob of Alice with any parameters, whole in every other way, as the
 * header of crypto/passphrase.h says; ${stretched} is H, ${last} the last byte of
 * what is sealed.
 */
static void
forge_last(uint8_t box[RX_KEYBLOB_BYTES], uint32_t memory, uint32_t passes,
    const uint8_t salt[16], const uint8_t stretched[32], uint8_t last)
{
	const struct rx_place where = { .store = { 1 }, .object = { 2 } };
	const uint8_t nonce[24] = { 5 };
	struct spec_bytes head = { .n = 0 }, x = { .n = 0 }, h = { .n = 0 };
	uint8_t kek[32], content[256] = { 0 };

	spec_add(&head, "RXKB\x01\x01\0\0", 8);
	spec_int(&head, memory, 4);
	spec_int(&head, passes, 4);
	spec_add(&head, salt, 16);
	spec_add(&head, alice, 16);
	spec_label(&x, "runxin keyblob kek v1");
	spec_add(&x, head.b, 48);
	spec_hash(kek, 32, stretched, &x);
	memcpy(content, &secrets, sizeof(secrets));
	content[255] = last;
	spec_header(&h, kek, 1, 1, RX_ENV_KEYBLOB, RX_COMP_NONE, 0, 0, 256);
	memcpy(box, head.b, 48);
	spec_envelope(box + 48, kek, h.b, nonce, &where, content, 256);
	x.n = 0;
	spec_label(&x, "runxin keyblob v1");
	spec_add(&x, store, 16);
	spec_add(&x, box, 408);
	assert_int_equal(crypto_sign_detached(box + 408, NULL, x.b, x.n,
	    alices.sign_secret), 0);
}

static void
forge(uint8_t box[RX_KEYBLOB_BYTES], uint32_t memory, uint32_t passes,
    const uint8_t salt[16], const uint8_t stretched[32])
{

	forge_last(box, memory, passes, salt, stretched, 0);
}

static void
test_parameters_below_the_floor_are_refused(void **state)
{
	static const struct rx_kdf low[] = {
		{ 8, 1 }, { 65535, 3 }, { 65536, 2 }, { 65536, 0 }, { 0, 3 }
	};
	uint8_t box[RX_KEYBLOB_BYTES], h[32];
	const uint8_t salt[16] = { 9 };
	struct rx_kdf kdf;
	struct rx_key out;
	size_t i;

	(void)state;
	/* Control: libargon2 stretches a passphrase with next to nothing, and
	 * what is sealed under it would be whole. */
	assert_int_equal(argon2id_hash_raw(1, 8, 1, pass->b, pass->len, salt,
	    16, h, sizeof(h)), ARGON2_OK);
	forge(box, 8, 1, salt, h);
	refused(try_open(box, sizeof(box), alices.sign_public), RX_ECORRUPT,
	    &st);
	refused(try_open(box, sizeof(box), NULL), RX_ECORRUPT, &st);

	for (i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
		kdf = low[i];
		refused(rx_kdf(&out, pass, salt, &kdf, &st), RX_ECORRUPT, &st);
		refused(rx_keyblob_seal(box, &secrets, pass, store, alice,
		    &kdf, &st), RX_ECORRUPT, &st);
		assert_true(sodium_is_zero(box, sizeof(box)));
	}
}

/* The forger above writes what the real reader takes, given real parameters:
 * without this the refusals would show nothing. */
static void
test_forged_keyblob_is_whole_but_for_its_parameters(void **state)
{
	uint8_t box[RX_KEYBLOB_BYTES], h[32];
	const uint8_t salt[16] = { 9 };

	(void)state;
	assert_int_equal(crypto_pwhash(h, sizeof(h), (const char *)pass->b,
	    pass->len, salt, 3, 65536 * 1024UL, crypto_pwhash_ALG_ARGON2ID13),
	    0);
	forge(box, 65536, 3, salt, h);
	ok(try_open(box, sizeof(box), alices.sign_public), &st);

	/* What would be read as something by a later version is not passed over. */
	forge_last(box, 65536, 3, salt, h, 1);
	refused(try_open(box, sizeof(box), alices.sign_public), RX_ECORRUPT,
	    &st);
}

static void
test_parameters_above_the_ceiling_are_refused_at_once(void **state)
{
	static const struct rx_kdf high[] = {
		{ 1048577, 3 }, { 0xffffffff, 3 }, { 0x80000000, 3 },
		{ 65536, 33 }, { 65536, 0xffffffff }
	};
	uint8_t box[RX_KEYBLOB_BYTES];
	const uint8_t h[32] = { 0 };
	long before = peak_kib();
	double start = now();
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(high) / sizeof(high[0]); i++) {
		forge(box, high[i].memory, high[i].passes, h, h);
		refused(try_open(box, sizeof(box), alices.sign_public),
		    RX_ECORRUPT, &st);
		refused(try_open(box, sizeof(box), NULL), RX_ECORRUPT, &st);
	}
	assert_true(now() - start < 0.25);
	assert_true(peak_kib() - before < 4096);
}

#if defined(__SANITIZE_ADDRESS__)
#define NO_ADDRESS_LIMIT 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NO_ADDRESS_LIMIT 1
#endif
#endif

/* With 512 MiB of address space: libargon2 goes and asks for 2 GiB, we refuse
 * that by the parameters; and 1 GiB, which is allowed, is out of memory. */
static int
little_memory(void)
{
	const struct rlimit as = { 512u << 20, 512u << 20 };
	const struct rx_kdf most = { 1048576, 3 }, more = { 2097152, 3 };
	const uint8_t salt[16] = { 0 };
	struct rx_key out;

	if (setrlimit(RLIMIT_AS, &as) != 0)
		return (90);
	if (argon2id_hash_raw(3, more.memory, 1, pass->b, pass->len, salt, 16,
	    out.b, 32) != ARGON2_MEMORY_ALLOCATION_ERROR)
		return (91);
	if (rx_kdf(&out, pass, salt, &more, &st) != RX_ECORRUPT)
		return (92);
	rx_status_clear(&st);
	if (rx_kdf(&out, pass, salt, &most, &st) != RX_EINTERNAL ||
	    st.msg != RX_MSG_NO_MEMORY)
		return (93);
	return (42);
}

static void
test_allowed_parameters_without_memory_say_so(void **state)
{
	int status;
	pid_t pid;

	(void)state;
#ifdef NO_ADDRESS_LIMIT
	skip();		/* the sanitizer needs terabytes of address space */
#endif
	assert_return_code(pid = fork(), 0);
	if (pid == 0)
		_exit(little_memory());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

static void
test_every_edited_bit_is_refused_without_stretching(void **state)
{
	uint8_t box[RX_KEYBLOB_BYTES + 1];
	size_t bit, n;

	(void)state;
	memcpy(box, good, sizeof(good));
	for (bit = 0; bit < sizeof(good) * 8; bit++) {
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused(try_open(box, sizeof(good), alices.sign_public),
		    RX_ECORRUPT, &st);
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	box[sizeof(good)] = 0;
	for (n = 0; n <= sizeof(box); n++) {
		if (n != sizeof(good))
			refused(try_open(box, n, alices.sign_public),
			    RX_ECORRUPT, &st);
	}
	ok(try_open(good, sizeof(good), alices.sign_public), &st);
}

/* Without the certificate the parameters are still bound to the key. */
static void
test_edited_salt_or_passes_never_open(void **state)
{
	uint8_t box[RX_KEYBLOB_BYTES];

	(void)state;
	memcpy(box, good, sizeof(box));
	box[16] ^= 1;
	refused(try_open(box, sizeof(box), NULL), RX_EPERM, &st);
	memcpy(box, good, sizeof(box));
	rx_put32(box + 12, 4);
	refused(try_open(box, sizeof(box), NULL), RX_EPERM, &st);
}

static void
test_edited_signature_is_found_after_opening(void **state)
{
	uint8_t box[RX_KEYBLOB_BYTES];

	(void)state;
	memcpy(box, good, sizeof(box));
	box[RX_KEYBLOB_BYTES - 1] ^= 1;
	refused(try_open(box, sizeof(box), NULL), RX_ECORRUPT, &st);
}

static void
test_wrong_passphrase_is_not_permitted(void **state)
{
	struct rx_secret *wrong = test_passphrase("correct horse battery stapl");
	struct rx_keyblob b;

	(void)state;
	assert_int_equal(rx_keyblob_open(&b, good, sizeof(good),
	    alices.sign_public, wrong, store, alice, &st), RX_EPERM);
	assert_int_equal(st.msg, RX_MSG_WRONG_PASSPHRASE);
	assert_true(sodium_is_zero((uint8_t *)&b, sizeof(b)));
	rx_status_clear(&st);
	rx_secret_free(wrong);
}

/*
 * The root's public key is public: under a stream cipher alone, whoever can
 * write to the disk replaces it by his own without any key.
 */
static void
test_root_key_cannot_be_swapped(void **state)
{
	uint8_t box[RX_KEYBLOB_BYTES], weak[32], out[32];
	const uint8_t nonce[24] = { 1 }, key[32] = { 2 }, mine[32] = { 77 };
	size_t i;

	(void)state;
	assert_int_equal(crypto_stream_xchacha20_xor(weak, secrets.root_public,
	    32, nonce, key), 0);
	for (i = 0; i < 32; i++)
		weak[i] ^= secrets.root_public[i] ^ mine[i];
	assert_int_equal(crypto_stream_xchacha20_xor(out, weak, 32, nonce,
	    key), 0);
	assert_memory_equal(out, mine, 32);

	memcpy(box, good, sizeof(box));
	for (i = 0; i < 32; i++)
		box[ROOT_AT + i] ^= secrets.root_public[i] ^ mine[i];
	refused(try_open(box, sizeof(box), alices.sign_public), RX_ECORRUPT,
	    &st);
	refused(try_open(box, sizeof(box), NULL), RX_EPERM, &st);
}

/* Mallory knows his own passphrase: he seals keys that he knows for Alice. */
static void
test_keyblob_of_another_user_is_refused(void **state)
{
	struct rx_keyblob his = secrets, b;
	uint8_t box[RX_KEYBLOB_BYTES];

	(void)state;
	his.seed[0] = 99;
	ok(rx_keyblob_seal(box, &his, pass, store, alice, &rx_kdf_default,
	    &st), &st);

	/* Control: not checked against her certificate, it opens. */
	ok(rx_keyblob_open(&b, box, sizeof(box), NULL, pass, store, alice,
	    &st), &st);
	assert_memory_equal(&b, &his, sizeof(b));
	refused(try_open(box, sizeof(box), alices.sign_public), RX_ECORRUPT,
	    &st);

	/* Hers under his name, and with the name in it changed. */
	refused(rx_keyblob_open(&b, good, sizeof(good), alices.sign_public,
	    pass, store, mallory, &st), RX_ECORRUPT, &st);
	memcpy(box, good, sizeof(box));
	memcpy(box + 32, mallory, RX_ID_BYTES);
	refused(rx_keyblob_open(&b, box, sizeof(box), alices.sign_public,
	    pass, store, mallory, &st), RX_ECORRUPT, &st);
}

static void
test_keyblob_of_another_register_is_refused(void **state)
{
	const uint8_t other[RX_ID_BYTES] = { 200 };
	struct rx_keyblob b;

	(void)state;
	ok(try_open(good, sizeof(good), alices.sign_public), &st);
	refused(rx_keyblob_open(&b, good, sizeof(good), alices.sign_public,
	    pass, other, alice, &st), RX_ECORRUPT, &st);
}

static int
setup(void **state)
{

	(void)state;
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (-1);
	rx_identity_derive(&alices, secrets.seed);
	pass = test_passphrase("correct horse battery staple");
	return (rx_keyblob_seal(good, &secrets, pass, store, alice,
	    &rx_kdf_default, &st) == RX_OK ? 0 : -1);
}

static int
teardown(void **state)
{

	(void)state;
	rx_secret_free(pass);
	return (0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		/* first, before Argon2 raises the peak of memory */
		cmocka_unit_test(test_parameters_above_the_ceiling_are_refused_at_once),
		cmocka_unit_test(test_parameters_below_the_floor_are_refused),
		cmocka_unit_test(test_forged_keyblob_is_whole_but_for_its_parameters),
		cmocka_unit_test(test_allowed_parameters_without_memory_say_so),
		cmocka_unit_test(test_every_edited_bit_is_refused_without_stretching),
		cmocka_unit_test(test_edited_salt_or_passes_never_open),
		cmocka_unit_test(test_edited_signature_is_found_after_opening),
		cmocka_unit_test(test_wrong_passphrase_is_not_permitted),
		cmocka_unit_test(test_root_key_cannot_be_swapped),
		cmocka_unit_test(test_keyblob_of_another_user_is_refused),
		cmocka_unit_test(test_keyblob_of_another_register_is_refused)
	};

	return (cmocka_run_group_tests_name("attack: keyblob", tests, setup,
	    teardown));
}
