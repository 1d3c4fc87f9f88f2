/* A browser as simple as it gets: one connection, with TLS or without, one
 * cookie, one token.  It is used by threads, so nothing here ends the program: a
 * failed request has the status 0. */

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "web.h"

#define PATIENCE 60		/* seconds */

static void
hang_up(struct client *c)
{

	if (c->tls != NULL) {
		(void)gnutls_bye(c->tls, GNUTLS_SHUT_WR);
		gnutls_deinit(c->tls);
	}
	c->tls = NULL;
	if (c->fd != -1)
		(void)close(c->fd);
	c->fd = -1;
}

/* Speak TLS on the connection, with a server whose certificate we trust. */
static bool
shake_hands(struct client *c)
{
	int rc;

	if (gnutls_init(&c->tls, GNUTLS_CLIENT | GNUTLS_NO_SIGNAL) < 0) {
		c->tls = NULL;
		return (false);
	}
	if (gnutls_set_default_priority(c->tls) < 0 ||
	    gnutls_credentials_set(c->tls, GNUTLS_CRD_CERTIFICATE, c->trust) <
	    0)
		return (false);
	gnutls_session_set_verify_cert(c->tls, NULL, 0);
	gnutls_transport_set_int(c->tls, c->fd);
	do
		rc = gnutls_handshake(c->tls);
	while (rc == GNUTLS_E_INTERRUPTED || rc == GNUTLS_E_WARNING_ALERT_RECEIVED);
	return (rc == 0);
}

static bool
dial(struct client *c)
{
	const struct sockaddr_in to = { .sin_family = AF_INET,
	    .sin_port = htons(c->port),
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const struct timeval patience = { PATIENCE, 0 };
	const int on = 1;

	if ((c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (false);
	(void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	(void)setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience));
	if (connect(c->fd, (const struct sockaddr *)(const void *)&to,
	    sizeof(to)) == 0 && (c->trust == NULL || shake_hands(c)))
		return (true);
	hang_up(c);
	return (false);
}

static bool
send_all(struct client *c, const char *p, size_t n)
{
	ssize_t k;

	for (; n > 0; p += k, n -= (size_t)k) {
		k = c->tls != NULL ? gnutls_record_send(c->tls, p, n) :
		    send(c->fd, p, n, MSG_NOSIGNAL);
		if (k <= 0)
			return (false);
	}
	return (true);
}

/* TLS 1.3 sends its tickets when it likes: those are no data. */
static ssize_t
get(struct client *c, char *p, size_t n)
{
	ssize_t k;

	if (c->tls == NULL)
		return (recv(c->fd, p, n, 0));
	do
		k = gnutls_record_recv(c->tls, p, n);
	while (k == GNUTLS_E_INTERRUPTED);
	return (k);
}

/* Read on; false at the end and when there is no memory. */
static bool
read_more(struct client *c)
{
	char *grown;
	ssize_t k;

	if (c->cap - c->len < 4096) {
		if ((grown = realloc(c->in, 2 * c->cap + 65536)) == NULL)
			return (false);
		c->in = grown;
		c->cap = 2 * c->cap + 65536;
	}
	if ((k = get(c, c->in + c->len, c->cap - c->len - 1)) <= 0)
		return (false);
	c->len += (size_t)k;
	c->in[c->len] = '\0';
	return (true);
}

/* Copy the value of the header ${name} ("\r\nName: ") up to ${stop}. */
static bool
header(const struct client *c, const char *name, char stop, char *out,
    size_t size)
{
	const char *p = strcasestr(c->in, name);
	size_t n = 0;

	if (p == NULL || p >= c->body)
		return (false);
	for (p += strlen(name); *p != stop && *p != '\r' && n + 1 < size; p++)
		out[n++] = *p;
	out[n] = '\0';
	return (true);
}

static bool
receive(struct client *c)
{
	char text[32];
	size_t want;

	c->body = NULL;
	while (c->body == NULL) {
		if (!read_more(c))
			return (false);
		if ((c->body = strstr(c->in, "\r\n\r\n")) != NULL)
			c->body += 4;
	}
	if (sscanf(c->in, "HTTP/1.1 %u", &c->status) != 1 ||
	    !header(c, "\r\nContent-Length: ", '\r', text, sizeof(text)))
		return (false);
	want = strtoul(text, NULL, 10) + (size_t)(c->body - c->in);
	while (c->len < want)
		if (!read_more(c))
			return (false);
	c->body = strstr(c->in, "\r\n\r\n") + 4;	/* it may have moved */
	(void)header(c, c->trust != NULL ? "\r\nSet-Cookie: __Host-rx=" :
	    "\r\nSet-Cookie: rx=", ';', c->cookie, sizeof(c->cookie));
	c->retry = header(c, "\r\nRetry-After: ", '\r', text, sizeof(text)) ?
	    (unsigned)strtoul(text, NULL, 10) : 0;
	if (!header(c, "\r\nLocation: ", '\r', c->location,
	    sizeof(c->location)))
		c->location[0] = '\0';
	if (strcasestr(c->in, "\r\nConnection: close") != NULL)
		hang_up(c);
	return (true);
}

static bool
exchange(struct client *c, const char *head, size_t n, const char *body,
    size_t m)
{

	c->len = 0;
	if ((c->fd != -1 || dial(c)) && send_all(c, head, n) &&
	    send_all(c, body, m) && receive(c))
		return (true);
	hang_up(c);
	return (false);
}

unsigned
client_ask(struct client *c, const char *path, const char *form)
{
	char head[1024], body[4096] = "";
	const bool fresh = c->fd == -1;
	int n, m = 0;

	c->status = 0;
	if (form != NULL)
		m = snprintf(body, sizeof(body), "csrf=%s&%s", c->csrf, form);
	n = snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%u\r\nCookie: %srx=%s\r\n", form != NULL ?
	    "POST" : "GET", path, (unsigned)c->port, c->trust != NULL ?
	    "__Host-" : "", c->cookie);
	if (form != NULL)
		n += snprintf(head + n, sizeof(head) - (size_t)n,
		    "Origin: http%s://127.0.0.1:%u\r\nContent-Type: "
		    "application/x-www-form-urlencoded\r\n"
		    "Content-Length: %d\r\n", c->trust != NULL ? "s" : "",
		    (unsigned)c->port, m);
	n += snprintf(head + n, sizeof(head) - (size_t)n, "\r\n");
	/* The server may have closed a connection that was idle: once more,
	 * as browsers do, when not a byte has come. */
	if (!exchange(c, head, (size_t)n, body, (size_t)m) &&
	    (fresh || c->len > 0 || !exchange(c, head, (size_t)n, body,
	    (size_t)m)))
		c->status = 0;
	else
		(void)client_find(c, "name=\"csrf\" value=\"", 0, c->csrf,
		    sizeof(c->csrf));
	return (c->status);
}

size_t
client_find(const struct client *c, const char *before, size_t nth,
    char *out, size_t size)
{
	const char *p = c->body;
	size_t seen = 0, n;

	while (p != NULL && (p = strstr(p, before)) != NULL) {
		p += strlen(before);
		if (seen++ != nth || size == 0)
			continue;
		n = strcspn(p, "\"/?");
		(void)snprintf(out, size, "%.*s", (int)n, p);
	}
	return (seen);
}

bool
client_sign_in(struct client *c, const char *user)
{
	char form[128];

	(void)snprintf(form, sizeof(form), "user=%.50s&passphrase=%.50s", user, user);
	return (client_ask(c, "/login", NULL) == 200 &&
	    client_ask(c, "/login", form) == 303);
}

void
client_init(struct client *c, const struct server *v)
{

	memset(c, 0, sizeof(*c));
	c->port = v->port;
	c->trust = v->trust;
	c->fd = -1;
}

void
client_free(struct client *c)
{

	hang_up(c);
	free(c->in);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}
