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
