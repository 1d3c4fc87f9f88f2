#include <stdlib.h>
#include <string.h>

#include "stats/internal.h"

/* The value of the placeholder {name} of ${n} bytes; NULL when not given. */
static const char *
word_value(const struct rx_word *words, size_t nwords, const char *name,
    size_t n)
{
	size_t k;

	for (k = 0; k < nwords; k++) {
		if (strlen(words[k].name) == n &&
		    memcmp(words[k].name, name, n) == 0)
			return (words[k].value);
	}
	return (NULL);
}

rx_err
rx_say(struct rx_buf *out, enum rx_msg msg, enum rx_lang lang,
    const struct rx_word *words, size_t n, struct rx_status *st)
{
	const char *p = rx_msg(msg, lang), *end, *value;
	size_t len;
	rx_err rc;

	rx_buf_reset(out);
	while (*p != '\0') {
		value = NULL;
		len = strcspn(p, "{");
		if (len == 0 && (end = strchr(p, '}')) != NULL) {
			len = (size_t)(end - p) + 1;
			value = word_value(words, n, p + 1, len - 2);
		} else if (len == 0)
			len = 1;
		if (value != NULL)
			rc = rx_buf_add(out, value, strlen(value), st);
		else
			rc = rx_buf_add(out, p, len, st);
		if (rc != RX_OK)
			return (rc);
		p += len;
	}
	return (rx_buf_add(out, "", 1, st));
}

rx_err
rx_stats_alloc(void *out, size_t n, size_t size, struct rx_status *st)
{
	void *p;

	if ((p = calloc(n > 0 ? n : 1, size)) == NULL) {
		memset(out, 0, sizeof(p));
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	}
	memcpy(out, &p, sizeof(p));
	/* cppcheck-suppress memleak ; the caller owns it through *out */
	return (RX_OK);
}

void
rx_drop(void *p, size_t n, size_t size)
{

	if (p != NULL)
		rx_wipe(p, n * size);
	free(p);
}

rx_err
rx_room(void *p, size_t n, size_t more, size_t *cap, size_t size,
    struct rx_status *st)
{
	size_t want = *cap > 0 ? *cap : 64;
	void *old, *new;

	memcpy(&old, p, sizeof(old));
	if (n + more <= *cap)
		return (RX_OK);
	while (want < n + more)
		want *= 2;
	if (want > UINT32_MAX || (new = malloc(want * size)) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (n > 0)
		memcpy(new, old, n * size);
	rx_drop(old, *cap, size);
	memcpy(p, &new, sizeof(new));
	*cap = want;
	/* cppcheck-suppress memleak ; the caller owns it through *p */
	return (RX_OK);
}

rx_err
rx_stats_bug(const char *what, struct rx_status *st)
{
	rx_err rc = rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);

	rx_status_arg(st, "what", "%s", what);
	return (rc);
}

uint16_t
rx_code_no(enum rx_list list, const char *key)
{
	const struct rx_code *code = rx_code_by_key(list, key);

	return (code != NULL ? code->no : 0);
}

/* ---- sets ---- */

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
	rx_err rc;

	if (cap > UINT32_MAX / 2)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_stats_alloc(&keys, cap, set->size, st)) != RX_OK)
		return (rc);
	if ((rc = rx_stats_alloc(&slots, 2 * cap, sizeof(*slots), st)) != RX_OK) {
		free(keys);
		return (rc);
	}
	if (set->n > 0) {
		memcpy(keys, set->keys, set->n * set->size);
		rx_wipe(set->keys, set->n * set->size);
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
		rx_wipe(set->keys, set->cap * set->size);
	free(set->keys);
	free(set->slots);
	set->keys = NULL;
	set->slots = NULL;
	set->n = set->cap = set->nslots = 0;
}
