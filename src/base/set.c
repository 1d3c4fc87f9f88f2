#include <stdlib.h>
#include <string.h>

#include "base/set.h"

/* FNV-1a, 64 bits, folded. */
static size_t
set_hash(const uint8_t *key, size_t n)
{
	uint64_t h = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; i < n; i++)
		h = (h ^ key[i]) * UINT64_C(1099511628211);
	return ((size_t)(h ^ (h >> 32)));
}

/* The slot that holds ${key}, or the empty one where it belongs. */
static size_t
set_slot(const struct rx_set *set, const uint8_t *key)
{
	size_t mask = set->nslots - 1;
	size_t i = set_hash(key, set->size) & mask;

	while (set->slots[i] != 0 &&
	    memcmp(&set->keys[(set->slots[i] - 1) * set->size], key,
	    set->size) != 0)
		i = (i + 1) & mask;
	return (i);
}

/* Twice the room: keys first, then the slots, filled anew. */
static rx_err
set_grow(struct rx_set *set, struct rx_status *st)
{
	size_t cap = set->cap > 0 ? 2 * set->cap : 64, i;
	uint8_t *keys;
	uint32_t *slots;

	if (cap > UINT32_MAX / 2)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((keys = calloc(cap, set->size)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((slots = calloc(2 * cap, sizeof(*slots))) == NULL) {
		free(keys);
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	if (set->n > 0) {
		memcpy(keys, set->keys, set->n * set->size);
		explicit_bzero(set->keys, set->n * set->size);
	}
	free(set->keys);
	free(set->slots);
	set->keys = keys;
	set->slots = slots;
	set->cap = cap;
	set->nslots = 2 * cap;
	for (i = 0; i < set->n; i++)
		slots[set_slot(set, &keys[i * set->size])] = (uint32_t)(i + 1);
	return (RX_OK);
}

rx_err
rx_set_add(struct rx_set *set, const void *key, size_t *index, bool *added,
    struct rx_status *st)
{
	size_t slot;
	bool is_new;
	rx_err rc;

	if (set->n == set->cap && (rc = set_grow(set, st)) != RX_OK)
		return (rc);
	slot = set_slot(set, key);
	if ((is_new = set->slots[slot] == 0)) {
		memcpy(&set->keys[set->n * set->size], key, set->size);
		set->slots[slot] = (uint32_t)++set->n;
	}
	if (index != NULL)
		*index = set->slots[slot] - 1;
	if (added != NULL)
		*added = is_new;
	return (RX_OK);
}

bool
rx_set_find(const struct rx_set *set, const void *key, size_t *index)
{
	size_t slot;

	if (set->nslots == 0)
		return (false);
	slot = set_slot(set, key);
	if (set->slots[slot] == 0)
		return (false);
	*index = set->slots[slot] - 1;
	return (true);
}

void
rx_set_free(struct rx_set *set)
{

	if (set->keys != NULL)
		explicit_bzero(set->keys, set->cap * set->size);
	free(set->keys);
	free(set->slots);
	set->keys = NULL;
	set->slots = NULL;
	set->n = set->cap = set->nslots = 0;
}
