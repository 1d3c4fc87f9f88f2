/* Attacks on recovery by a custodian who has one code, and by whoever can
 * write to the disk. */

#include <string.h>

#include <sodium.h>

#include "../helper.h"
#include "../spec.h"
#include "crypto/recovery.h"

static struct rx_status st;
static const uint8_t store[RX_ID_BYTES] = { 6 };
static const uint8_t code[3][RX_CODE_BYTES] = { { 1 }, { 2 }, { 3 } };
static const uint8_t none[RX_CODE_BYTES];
static const struct rx_key secret = { { 42 } };

static void
seal(uint8_t box[RX_RECOVERY_BOX], unsigned a, unsigned b)
{

	ok(rx_recovery_seal(box, &secret, a, b, code[a], code[b], store, &st),
	    &st);
}

static rx_err
try_open(const uint8_t *box, size_t n, unsigned a, unsigned b,
    const uint8_t *ca, const uint8_t *cb)
{
	struct rx_key out;
	rx_err rc;

	rc = rx_recovery_open(&out, box, n, a, b, ca, cb, store, &st);
	if (rc != RX_OK)
		assert_true(sodium_is_zero(out.b, sizeof(out.b)));
	else
		assert_memory_equal(out.b, secret.b, sizeof(out.b));
	return (rc);
}

static void
test_one_code_alone_opens_nothing(void **state)
{
	uint8_t box[RX_RECOVERY_BOX], weak[32 + 16], wrap[32], out[32];
	const uint8_t nonce[24] = { 0 };
	unsigned a, b;

	(void)state;
	/* Control: wrapped under each code by itself, one is enough. */
	rx_hash(wrap, 32, NULL, "one code", code[0], RX_CODE_BYTES);
	assert_int_equal(crypto_secretbox_easy(weak, secret.b, 32, nonce,
	    wrap), 0);
	assert_int_equal(crypto_secretbox_open_easy(out, weak, sizeof(weak),
	    nonce, wrap), 0);
	assert_memory_equal(out, secret.b, 32);

	for (a = 0; a < 3; a++) {
		for (b = a + 1; b < 3; b++) {
			seal(box, a, b);
			refused(try_open(box, sizeof(box), a, b, code[a],
			    code[a]), RX_EPERM, &st);
			refused(try_open(box, sizeof(box), a, b, code[b],
			    code[b]), RX_EPERM, &st);
			refused(try_open(box, sizeof(box), a, b, code[a],
			    none), RX_EPERM, &st);
			refused(try_open(box, sizeof(box), a, a, code[a],
			    code[a]), RX_EUSAGE, &st);
			ok(try_open(box, sizeof(box), a, b, code[a], code[b]),
			    &st);
		}
	}
	refused(try_open(box, sizeof(box), 1, 3, code[1], code[2]), RX_EUSAGE,
	    &st);
}

static void
test_wrong_pair_opens_nothing(void **state)
{
	uint8_t box[RX_RECOVERY_BOX];

	(void)state;
	seal(box, 0, 1);
	refused(try_open(box, sizeof(box), 0, 2, code[0], code[2]), RX_EPERM,
	    &st);
	refused(try_open(box, sizeof(box), 1, 2, code[1], code[2]), RX_EPERM,
	    &st);
	/* The right codes with the custodians exchanged. */
	refused(try_open(box, sizeof(box), 0, 1, code[1], code[0]), RX_EPERM,
	    &st);
	/* The right codes for the place of another pair. */
	refused(try_open(box, sizeof(box), 0, 2, code[0], code[1]), RX_EPERM,
	    &st);
	ok(try_open(box, sizeof(box), 1, 0, code[1], code[0]), &st);
}

static void
test_box_of_another_register_or_edited_opens_nothing(void **state)
{
	const uint8_t other[RX_ID_BYTES] = { 7 };
	uint8_t box[RX_RECOVERY_BOX + 1];
	struct rx_key out;
	size_t bit, n;

	(void)state;
	memset(box, 0, sizeof(box));
	ok(rx_recovery_seal(box, &secret, 0, 1, code[0], code[1], other, &st),
	    &st);
	ok(rx_recovery_open(&out, box, RX_RECOVERY_BOX, 0, 1, code[0],
	    code[1], other, &st), &st);
	refused(try_open(box, RX_RECOVERY_BOX, 0, 1, code[0], code[1]),
	    RX_EPERM, &st);

	seal(box, 0, 1);
	for (bit = 0; bit < RX_RECOVERY_BOX * 8; bit++) {
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
		refused(try_open(box, RX_RECOVERY_BOX, 0, 1, code[0], code[1]),
		    RX_EPERM, &st);
		box[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	for (n = 0; n <= sizeof(box); n++) {
		if (n != RX_RECOVERY_BOX)
			refused(try_open(box, n, 0, 1, code[0], code[1]),
			    RX_EPERM, &st);
	}
	ok(try_open(box, RX_RECOVERY_BOX, 0, 1, code[0], code[1]), &st);
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
		cmocka_unit_test(test_one_code_alone_opens_nothing),
		cmocka_unit_test(test_wrong_pair_opens_nothing),
		cmocka_unit_test(test_box_of_another_register_or_edited_opens_nothing)
	};

	return (cmocka_run_group_tests_name("attack: recovery", tests, setup,
	    NULL));
}
