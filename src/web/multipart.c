#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "web/web.h"

/*
 * multipart/form-data (RFC 7578) as browsers send it: fields and one file.
 *
 *	body:	"--" boundary CRLF part, for each; "--" boundary "--" [CRLF]
 *	part:	header lines, an empty line, bytes, CRLF
 *	lines:	Content-Disposition: form-data; name="…"[; filename="…"]
 *		Content-Type: … (not looked at)
 *
 * Anything else, what stands before or after it, lines twice, names that are
 * not ours, is refused: nothing is skipped, so no two readers can differ.  What
 * a file is called by whoever sends it is nobody's business here.
 */

#define LINE_MAX_BYTES 1024
#define NAME_BYTES 33
#define TEXT_MAX 4096		/* bytes of a field */

struct input {
	const char *p, *end;	/* what is still to be read */
	char mark[4 + RX_BOUNDARY_BYTES];	/* CRLF "--" boundary */
	size_t nmark;
};

struct part {
	char name[NAME_BYTES];	/* "": none yet */
	bool file, typed;
};

static bool
begins(const char *p, size_t n, const char *with)
{
	const size_t k = strlen(with);

	return (n >= k && strncasecmp(p, with, k) == 0);
}

/* Take ${text} off the front of ${in}; false when something else is there. */
static bool
take(struct input *in, const char *text)
{
	const size_t n = strlen(text);

	if ((size_t)(in->end - in->p) < n || memcmp(in->p, text, n) != 0)
		return (false);
	in->p += n;
	return (true);
}

/* The next line without its CRLF, of printable bytes; NULL when it is none. */
static const char *
line(struct input *in, size_t *n)
{
	const char *from = in->p, *cr;
	size_t i;

	if ((cr = memmem(from, (size_t)(in->end - from), "\r\n", 2)) == NULL ||
	    (*n = (size_t)(cr - from)) > LINE_MAX_BYTES)
		return (NULL);
	for (i = 0; i < *n; i++)
		if ((uint8_t)from[i] < ' ' || from[i] == 0x7f)
			return (NULL);
	in->p = cr + 2;
	return (from);
}

/* What follows "Content-Disposition:".  A filename may hold anything, quotes
 * too, as it ends with the line. */
static bool
disposition(struct part *part, const char *p, size_t n)
{
	static const char form[] = " form-data; name=\"";
	static const char file[] = "; filename=\"";
	size_t k;

	if (part->name[0] != '\0' || !begins(p, n, form))
		return (false);
	p += sizeof(form) - 1;
	n -= sizeof(form) - 1;
	for (k = 0; k < n && ((p[k] >= 'a' && p[k] <= 'z') ||
	    (p[k] >= '0' && p[k] <= '9') || p[k] == '_'); k++)
		continue;
	if (k == 0 || k >= NAME_BYTES || k == n || p[k] != '"')
		return (false);
	memcpy(part->name, p, k);
	part->name[k] = '\0';
	p += k + 1;
	n -= k + 1;
	part->file = n > 0;
	return (n == 0 || (begins(p, n, file) && n > sizeof(file) - 1 &&
	    p[n - 1] == '"'));
}

static bool
headers(struct input *in, struct part *part)
{
	static const char names[] = "Content-Disposition:";
	static const char type[] = "Content-Type:";
	const char *p;
	size_t n;

	memset(part, 0, sizeof(*part));
	for (;;) {
		if ((p = line(in, &n)) == NULL)
			return (false);
		if (n == 0)
			return (part->name[0] != '\0');
		if (begins(p, n, names)) {
			if (!disposition(part, p + sizeof(names) - 1,
			    n - (sizeof(names) - 1)))
				return (false);
		} else if (begins(p, n, type) && !part->typed)
			part->typed = true;
		else
			return (false);
	}
}

static rx_err
bad(struct rx_status *st)
{

	return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_BAD_REQUEST));
}

rx_err
rx_fields_multipart(struct rx_fields *f, const char *boundary,
    const uint8_t *body, size_t n, const uint8_t **file, size_t *nfile,
    struct rx_status *st)
{
	struct input in = { (const char *)body, (const char *)body + n, "",
	    0 };
	struct part part;
	const char *end;
	size_t len;
	rx_err rc;

	*file = NULL;
	*nfile = 0;
	if (n == 0 || strlen(boundary) >= RX_BOUNDARY_BYTES)
		return (bad(st));
	in.nmark = (size_t)snprintf(in.mark, sizeof(in.mark), "\r\n--%s",
	    boundary);
	if (!take(&in, in.mark + 2))
		return (bad(st));
	while (take(&in, "\r\n")) {
		if (!headers(&in, &part) || (end = memmem(in.p,
		    (size_t)(in.end - in.p), in.mark, in.nmark)) == NULL)
			return (bad(st));
		len = (size_t)(end - in.p);
		if (part.file ? *file != NULL : len > TEXT_MAX)
			return (bad(st));
		if (part.file) {
			*file = (const uint8_t *)in.p;
			*nfile = len;
		} else if ((rc = rx_fields_add(f, part.name, in.p, len,
		    st)) != RX_OK)
			return (rc);
		in.p = end + in.nmark;
	}
	if (!take(&in, "--") || (in.p != in.end && (!take(&in, "\r\n") ||
	    in.p != in.end)))
		return (bad(st));
	return (RX_OK);
}
