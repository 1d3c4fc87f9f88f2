#ifndef RX_TESTS_QUICK_H
#define RX_TESTS_QUICK_H

#include <stddef.h>
#include <stdint.h>

/* In place of Argon2id, of which it takes the arguments: a hash of all of them,
 * at once.  For tests in which many people sign in. */
int quick_hash(uint32_t passes, uint32_t kib, uint32_t lanes,
    const void *pass, size_t npass, const void *salt, size_t nsalt,
    void *out, size_t n);

#endif
