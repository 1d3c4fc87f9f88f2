#ifndef RX_BASE_SET_H
#define RX_BASE_SET_H

#include <stdbool.h>

#include "base/error.h"

/*
 * A set of keys of the same size, each with its place in the order in which
 * they came.  Freed memory is wiped: keys are ids of children.
 */
struct rx_set {
	size_t size;		/* of a key, at most RX_SET_KEY */
	size_t n, cap;		/* keys */
	uint8_t *keys;
	size_t nslots;		/* a power of two, or 0 */
	uint32_t *slots;	/* place + 1 */
};
#define RX_SET_KEY 64
/* Add ${key}; *index is its place, *added whether it is new (NULL: no need). */
rx_err rx_set_add(struct rx_set *set, const void *key, size_t *index,
    bool *added, struct rx_status *st) RX_MUST_USE;
/* The place of ${key}; false when it is not there. */
bool rx_set_find(const struct rx_set *set, const void *key, size_t *index);
void rx_set_free(struct rx_set *set);

#endif
