#ifndef RX_TESTS_QUICK_H
#define RX_TESTS_QUICK_H

#include <stddef.h>
#include <stdint.h>

/* In place of Argon2id, of which it takes the arguments: a hash of all of them,
 * at once.  The linker leads there in the tests in which people sign in by the
 * hundred; those of passphrases and of single sessions, and the program that
 * tests/e2e runs, have the real one (Makefile, STRETCHING). */
int quick_hash(uint32_t passes, uint32_t kib, uint32_t lanes,
    const void *pass, size_t npass, const void *salt, size_t nsalt,
    void *out, size_t n);
int __wrap_argon2id_hash_raw(uint32_t passes, uint32_t kib, uint32_t lanes,
    const void *pass, size_t npass, const void *salt, size_t nsalt,
    void *out, size_t n);

#endif
