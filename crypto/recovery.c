#include <string.h>

#include "crypto/base32.h"
#include "crypto/recovery.h"

#define CODE_CHARS 32
#define CHECK_CHARS 4
#define ALL_CHARS (CODE_CHARS + CHECK_CHARS)

/* The ALL_CHARS values of ${code}, its check group last. */
static void
code_values(uint8_t value[ALL_CHARS], const uint8_t code[RX_CODE_BYTES])
{
	uint8_t check[16];

	rx_base32_split(value, CODE_CHARS, code);
	rx_hash(check, sizeof(check), NULL, "runxin code check v1", code,
	    RX_CODE_BYTES);
	rx_base32_split(value + CODE_CHARS, CHECK_CHARS, check);
	rx_wipe(check, sizeof(check));
}

void
rx_code_text(char out[RX_CODE_TEXT], const uint8_t code[RX_CODE_BYTES])
{
	uint8_t value[ALL_CHARS];

	code_values(value, code);
	rx_base32_write(out, value, ALL_CHARS);
	rx_wipe(value, sizeof(value));
}

/* Read exactly ALL_CHARS values from ${text}. */
static bool
values_read(uint8_t value[ALL_CHARS], const char *text)
{
	size_t n = 0;
	int v;
	char c;

	while ((c = rx_base32_next(&text)) != '\0') {
		if ((v = rx_base32_value(c)) < 0 || n == ALL_CHARS)
			return (false);
		value[n++] = (uint8_t)v;
	}
	return (n == ALL_CHARS);
}

rx_err
rx_code_parse(uint8_t code[RX_CODE_BYTES], const char *text,
    struct rx_status *st)
{
	uint8_t value[ALL_CHARS], again[ALL_CHARS];
	rx_err rc = RX_OK;

	memset(code, 0, RX_CODE_BYTES);
	memset(value, 0, sizeof(value));
	memset(again, 0, sizeof(again));
	if (!values_read(value, text))
		goto err0;
	rx_base32_join(code, value, CODE_CHARS);
	code_values(again, code);
	if (!rx_equal(value, again, ALL_CHARS))
		goto err0;
	goto done;

err0:
	rx_wipe(code, RX_CODE_BYTES);
	rc = rx_fail(st, RX_EUSAGE, RX_MSG_CODE_INVALID);
done:
	rx_wipe(value, sizeof(value));
	rx_wipe(again, sizeof(again));
	return (rc);
}

/* The key of the pair in ${key} and its place; RX_EUSAGE for no pair. */
static rx_err
pair_derive(struct rx_key *key, struct rx_place *place, unsigned first,
    unsigned second, const uint8_t first_code[RX_CODE_BYTES],
    const uint8_t second_code[RX_CODE_BYTES],
    const uint8_t store[RX_ID_BYTES], struct rx_status *st)
{
	uint8_t both[2 * RX_CODE_BYTES];
	const bool inorder = first < second;

	memset(key, 0, sizeof(*key));
	memset(place, 0, sizeof(*place));
	if (first > 2 || second > 2 || first == second)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CODE_PAIR));
	memcpy(both, inorder ? first_code : second_code, RX_CODE_BYTES);
	memcpy(both + RX_CODE_BYTES, inorder ? second_code : first_code,
	    RX_CODE_BYTES);
	rx_hash(key->b, sizeof(key->b), NULL, "runxin custodian pair v1", both,
	    sizeof(both));
	rx_wipe(both, sizeof(both));
	memcpy(place->store, store, RX_ID_BYTES);
	place->object[0] = (uint8_t)(first + second - 1);
	return (RX_OK);
}

rx_err
rx_recovery_seal(uint8_t box[RX_RECOVERY_BOX], const struct rx_key *secret,
    unsigned first, unsigned second, const uint8_t first_code[RX_CODE_BYTES],
    const uint8_t second_code[RX_CODE_BYTES],
    const uint8_t store[RX_ID_BYTES], struct rx_status *st)
{
	struct rx_place place;
	struct rx_key key;
	rx_err rc;

	memset(box, 0, RX_RECOVERY_BOX);
	if ((rc = pair_derive(&key, &place, first, second, first_code,
	    second_code, store, st)) == RX_OK)
		rc = rx_envelope_seal(box, &key, RX_ENV_RECOVERY, RX_COMP_NONE,
		    0, &place, secret->b, RX_KEY_BYTES, st);
	rx_wipe(&key, sizeof(key));
	return (rc);
}

rx_err
rx_recovery_open(struct rx_key *secret, const uint8_t *box, size_t boxlen,
    unsigned first, unsigned second, const uint8_t first_code[RX_CODE_BYTES],
    const uint8_t second_code[RX_CODE_BYTES],
    const uint8_t store[RX_ID_BYTES], struct rx_status *st)
{
	struct rx_status inner;
	struct rx_place place;
	struct rx_key key;
	rx_err rc;

	memset(secret, 0, sizeof(*secret));
	if ((rc = pair_derive(&key, &place, first, second, first_code,
	    second_code, store, st)) != RX_OK)
		goto done;
	rx_status_clear(&inner);
	if (rx_envelope_open(secret->b, RX_KEY_BYTES, box, boxlen, &key,
	    RX_ENV_RECOVERY, RX_COMP_NONE, 0, &place, &inner) != RX_OK)
		rc = rx_fail(st, RX_EPERM, RX_MSG_CODES_WRONG);

done:
	rx_wipe(&key, sizeof(key));
	return (rc);
}
