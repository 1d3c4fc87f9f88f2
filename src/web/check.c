#include <string.h>
#include <strings.h>

#include "web/server.h"

/*
 * What a request must be to be looked at.  Whatever two readers of it could
 * read differently is refused, whichever reading would be harmless.
 */

#define TARGET_MAX 8192		/* path and query as they are sent */

struct counts {
	const char *end;	/* where the next line must begin; NULL: lost */
	unsigned length, encoding, host, origin, cookie, type, odd;
};

const char *
rx_header(const struct rx_conn *cn, const char *name)
{

	return (MHD_lookup_connection_value(cn->c, MHD_HEADER_KIND, name));
}

/* RFC 9110, section 5.6.2. */
static bool
is_token(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f ||
		    strchr("\"(),/:;<=>?@[\\]{}", s[i]) != NULL)
			return (false);
	return (n > 0);
}

/* Text without control characters but tabs. */
static bool
is_plain(const char *s, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (((uint8_t)s[i] < ' ' && s[i] != '\t') || s[i] == 0x7f)
			return (false);
	return (true);
}

static enum MHD_Result
count(void *cookie, enum MHD_ValueKind kind, const char *name, size_t nname,
    const char *value, size_t nvalue)
{
	struct counts *n = cookie;

	(void)kind;
	n->length += strcasecmp(name, "Content-Length") == 0;
	n->encoding += strcasecmp(name, "Transfer-Encoding") == 0;
	n->host += strcasecmp(name, "Host") == 0;
	n->origin += strcasecmp(name, "Origin") == 0;
	n->cookie += strcasecmp(name, "Cookie") == 0;
	n->type += strcasecmp(name, "Content-Type") == 0;
	n->odd += !is_token(name, nname) || value == NULL ||
	    !is_plain(value, nvalue);
	if (value == NULL || n->end != name || value <= name + nname)
		n->end = NULL;
	else
		n->end = value + nvalue + 2;
	return (MHD_YES);
}

/*
 * Whether the lines of the head ended in CRLF each, and none was folded.
 * libmicrohttpd 0.9.75 accepts a bare LF and joins folded lines, without an
 * option against it and without telling; later versions have the option.  But
 * it takes a request apart where it lies: the names and values that it gives
 * out point into what was read, of which it knows the length too.  So lines
 * that follow each other at a distance of two bytes ended in CRLF, and a line
 * that was joined lies elsewhere.  Should a version copy the headers, every
 * request would be refused, and every test fail: nothing is let through.
 */
static bool
lines_are_plain(const struct rx_conn *cn, const char *method,
    const char *end)
{
#if MHD_VERSION < 0x00097701
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(cn->c,
	    MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	return (end != NULL && info != NULL &&
	    end + 2 == method + info->header_size);
#else
	(void)cn;
	(void)method;
	(void)end;
	return (true);	/* MHD_OPTION_CLIENT_DISCIPLINE_LVL, server.c */
#endif
}

/* A plain decimal of at most 10 digits. */
static bool
length_parse(const char *s, size_t *n)
{
	size_t i;

	for (i = 0, *n = 0; s[i] >= '0' && s[i] <= '9' && i < 10; i++)
		*n = *n * 10 + (size_t)(s[i] - '0');
	return (i > 0 && s[i] == '\0');
}

size_t
rx_check_length(const struct rx_conn *cn)
{
	const char *s = rx_header(cn, "Content-Length");
	size_t n;

	return (s != NULL && length_parse(s, &n) ? n : 0);
}

/* The boundary as browsers choose it: letters, digits, "-_.+'", and nothing
 * after it. */
bool
rx_check_upload(const struct rx_conn *cn, char boundary[RX_BOUNDARY_BYTES])
{
	static const char type[] = "multipart/form-data; boundary=";
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.+'";
	const char *p = rx_header(cn, "Content-Type");
	size_t n;

	boundary[0] = '\0';
	if (cn->route == NULL || (cn->route->roles & RX_WEB_UPLOAD) == 0 ||
	    p == NULL || strncasecmp(p, type, sizeof(type) - 1) != 0)
		return (false);
	p += sizeof(type) - 1;
	n = strlen(p);
	if (n == 0 || n >= RX_BOUNDARY_BYTES || strspn(p, plain) != n)
		return (false);
	memcpy(boundary, p, n + 1);
	return (true);
}

/* A form: its type, its size, and where it comes from. */
static unsigned
check_form(const struct rx_conn *cn)
{
	const char *type = rx_header(cn, "Content-Type");

	if (rx_header(cn, "Content-Length") == NULL)
		return (MHD_HTTP_LENGTH_REQUIRED);
	if (cn->boundary[0] == '\0' && (type == NULL || strncasecmp(type,
	    "application/x-www-form-urlencoded", 33) != 0 ||
	    strchr("; ", type[33]) == NULL))
		return (MHD_HTTP_UNSUPPORTED_MEDIA_TYPE);
	if (!rx_guard_origin(cn->w->o.tls_cert != NULL,
	    rx_header(cn, "Host"), rx_header(cn, "Origin"),
	    rx_header(cn, "Sec-Fetch-Site")))
		return (MHD_HTTP_FORBIDDEN);
	return (rx_check_length(cn) > cn->most ?
	    MHD_HTTP_CONTENT_TOO_LARGE : 0);
}

unsigned
rx_check_request(const struct rx_conn *cn, const char *method,
    const char *version)
{
	const bool post = strcmp(method, "POST") == 0;
	struct counts n = { .end = version + strlen(version) + 2 };
	size_t length = 0;

	(void)MHD_get_connection_values_n(cn->c, MHD_HEADER_KIND, count, &n);
	if (n.length > 1 || n.encoding > 0 || n.host != 1 || n.origin > 1 ||
	    n.cookie > 1 || n.type > 1 || n.odd > 0 ||
	    !lines_are_plain(cn, method, n.end))
		return (MHD_HTTP_BAD_REQUEST);
	if (n.length == 1 && !length_parse(rx_header(cn, "Content-Length"),
	    &length))
		return (MHD_HTTP_BAD_REQUEST);
	if (!rx_guard_host(&cn->w->o, cn->w->port, rx_header(cn, "Host")))
		return (MHD_HTTP_MISDIRECTED_REQUEST);
	if (!post && strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return (MHD_HTTP_METHOD_NOT_ALLOWED);
	if (strlen(cn->target) > TARGET_MAX)
		return (MHD_HTTP_URI_TOO_LONG);
	if (cn->path[0] == '\0' || (!post && length > 0))
		return (MHD_HTTP_BAD_REQUEST);
	return (post ? check_form(cn) : 0);
}

/* The value of a hexadecimal digit; -1 when it is none. */
static int
digit(char c)
{

	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1);
}

/* An escaped slash or control character has no honest use in a path. */
bool
rx_check_path(char path[RX_PATH_BYTES], const char *target)
{
	size_t n = strcspn(target, "?"), i, to = 0;
	int c;

	path[0] = '\0';
	if (target[0] != '/')
		return (false);
	for (i = 0; i < n && to < RX_PATH_BYTES - 1; i++) {
		c = (uint8_t)target[i];
		if (c == '%') {
			if (n - i < 3 || digit(target[i + 1]) < 0 ||
			    digit(target[i + 2]) < 0)
				break;
			c = digit(target[i + 1]) * 16 + digit(target[i + 2]);
			i += 2;
			if (c == '/' || c == '\\')
				break;
		} else if (c == '#')
			break;
		if (c < ' ' || c == 0x7f)
			break;
		path[to++] = (char)c;
	}
	path[to] = '\0';
	if (i == n && rx_utf8_valid(path, to))
		return (true);
	path[0] = '\0';
	return (false);
}

bool
rx_check_cookie(const struct rx_conn *cn, const char *name, char *out,
    size_t n)
{
	const char *p = rx_header(cn, "Cookie");
	const size_t nname = strlen(name);
	size_t len, found = 0;
	bool fits = false;

	for (; p != NULL && *p != '\0'; p += len + strspn(p + len, "; ")) {
		len = strcspn(p, ";");
		if (len <= nname || strncmp(p, name, nname) != 0 ||
		    p[nname] != '=')
			continue;
		found++;
		if ((fits = len - nname - 1 == n)) {
			memcpy(out, p + nname + 1, n);
			out[n] = '\0';
		}
	}
	if (found == 1 && fits)
		return (true);
	out[0] = '\0';
	return (false);
}
