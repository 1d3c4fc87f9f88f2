#ifndef RX_CRYPTO_RECOVERY_H
#define RX_CRYPTO_RECOVERY_H

/*
 * Three custodian codes of 160 random bits; any two open the recovery key.
 *
 * A code is printed as 32 characters of Base32 (crypto/base32) in eight groups
 * of four, then a check group: the first 20 bits of BLAKE2b-128("runxin code
 * check v1\0" || code) as four characters.
 *
 * The pair key is BLAKE2b-256("runxin custodian pair v1\0" || lower code ||
 * higher code), lower and higher by custodian number.  The recovery secret
 * (an X25519 secret key, 32 bytes) is sealed under it in an envelope (type
 * RECOVERY, place: store, object = pair number in its first byte: 0 AB, 1 AC,
 * 2 BC).
 */

#include "crypto/envelope.h"

#define RX_CODE_BYTES 20
#define RX_CODE_TEXT 45		/* 9 groups of 4, 8 dashes, NUL */
#define RX_RECOVERY_BOX (RX_ENV_OVERHEAD + 32)

void rx_code_text(char out[RX_CODE_TEXT], const uint8_t code[RX_CODE_BYTES]);
/* RX_EUSAGE (CODE_INVALID) when it is not a code or its check group is wrong. */
rx_err rx_code_parse(uint8_t code[RX_CODE_BYTES], const char *text,
    struct rx_status *st) RX_MUST_USE;

/* Custodians are numbered 0..2 and given in any order, each with his code.
 * RX_EUSAGE (CODE_PAIR) when they are not two; RX_EPERM (CODES_WRONG) when the
 * box does not open, ${secret} all zeros then. */
rx_err rx_recovery_seal(uint8_t box[RX_RECOVERY_BOX],
    const struct rx_key *secret, unsigned first, unsigned second,
    const uint8_t first_code[RX_CODE_BYTES],
    const uint8_t second_code[RX_CODE_BYTES],
    const uint8_t store[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;
rx_err rx_recovery_open(struct rx_key *secret, const uint8_t *box,
    size_t boxlen, unsigned first, unsigned second,
    const uint8_t first_code[RX_CODE_BYTES],
    const uint8_t second_code[RX_CODE_BYTES],
    const uint8_t store[RX_ID_BYTES], struct rx_status *st) RX_MUST_USE;

#endif
