#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* What stands before every block, so that free knows how much to wipe. */
union head {
	size_t size;
	max_align_t align;
};

/* jansson does not always tell that there was no memory. */
static _Thread_local bool no_memory;
/* Nor does it look whether the text of a token found room, and reads on beyond it
 * (2.14, lex_save): so while it parses, once there was none there is none. */
static _Thread_local bool parsing;

static void *
wiped_malloc(size_t n)
{
	union head *h;

	if ((parsing && no_memory) || n > SIZE_MAX - sizeof(*h) ||
	    (h = malloc(sizeof(*h) + n)) == NULL) {
		no_memory = true;
		return (NULL);
	}
	h->size = n;
	return (h + 1);
}

static void
wiped_free(void *p)
{
	union head *h = p;

	if (h == NULL)
		return;
	h--;
	explicit_bzero(p, h->size);
	free(h);
}

void
rx_json_init(void)
{

	json_set_alloc_funcs(wiped_malloc, wiped_free);
}

rx_err
rx_json_parse(json_t **out, const char *text, size_t len, struct rx_status *st)
{
	json_error_t error;
	json_t *json;
	rx_err rc;

	*out = NULL;

	/* jansson skips a NUL byte between two tokens. */
	if (!rx_utf8_valid(text, len)) {
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_JSON_NOT_UTF8);
		goto err0;
	}
	no_memory = false;
	parsing = true;
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	parsing = false;
	if (json == NULL || no_memory) {
		if (no_memory)
			rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
		else
			rc = rx_fail(st, RX_EUSAGE, RX_MSG_JSON_SYNTAX);

		/* Not the error's text: it quotes what may be personal data. */
		rx_status_arg(st, "byte", "%d", error.position);
		goto err1;
	}
	if (!json_is_object(json)) {
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_JSON_NOT_OBJECT);
		goto err1;
	}
	explicit_bzero(&error, sizeof(error));

	/* Success! */
	*out = json;
	return (RX_OK);

err1:
	json_decref(json);
	explicit_bzero(&error, sizeof(error));
err0:
	/* Failure! */
	return (rc);
}

struct sink {
	struct rx_buf *buf;
	struct rx_status *st;
};

static int
sink_add(const char *p, size_t n, void *cookie)
{
	struct sink *sink = cookie;

	return (rx_buf_add(sink->buf, p, n, sink->st) == RX_OK ? 0 : -1);
}

rx_err
rx_json_write(struct rx_buf *buf, const json_t *json, struct rx_status *st)
{
	struct sink sink = { buf, st };
	size_t start = buf->len;
	rx_err rc;

	no_memory = false;
	if (json_dump_callback(json, sink_add, &sink, JSON_INDENT(2)) != 0) {
		rc = rx_fail(st, RX_EINTERNAL, no_memory ? RX_MSG_NO_MEMORY :
		    RX_MSG_INTERNAL);
		rx_status_arg(st, "what", "json");
		goto err0;
	}
	if ((rc = rx_buf_add(buf, "\n", 1, st)) != RX_OK)
		goto err0;

	/* Success! */
	return (RX_OK);

err0:
	/* Failure! */
	if (buf->len > start) {
		explicit_bzero(&buf->b[start], buf->len - start);
		buf->len = start;
	}
	return (rc);
}
