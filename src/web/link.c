#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "web/server.h"

/*
 * Connections that are too slow, or too many.  libmicrohttpd ends those that are
 * silent; here those that send, or take, a byte now and then without ever being
 * done.
 *
 * A whole county may come from one address, and a browser keeps several
 * connections open that do nothing.  So when there are too many, of all or of
 * one address, the one that did nothing for longest gives its place to the new
 * one, and a browser that it belonged to opens another when it needs it.  When
 * all are at something the new one is told to come back.
 */

#define READ_MAX 30		/* seconds a request may take to arrive */
#define UPLOAD_MAX 300		/* the same with a file in it */
#define WRITE_MAX 300		/* seconds an answer may take to be taken */
#define PREFIX_V6 8		/* bytes of an address that one site shares */

void
rx_link_source(uint8_t out[16], const struct sockaddr *sa)
{

	memset(out, 0, 16);
	if (sa != NULL && sa->sa_family == AF_INET) {
		memset(out + 10, 0xff, 2);
		memcpy(out + 12, &((const struct sockaddr_in *)
		    (const void *)sa)->sin_addr, 4);
	}
	if (sa != NULL && sa->sa_family == AF_INET6)
		memcpy(out, &((const struct sockaddr_in6 *)
		    (const void *)sa)->sin6_addr, PREFIX_V6);
}

static struct rx_link *
link_of(const struct rx_conn *cn)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(cn->c,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return (info != NULL ? info->socket_context : NULL);
}

void
rx_link_set(const struct rx_conn *cn, enum rx_link_state state)
{
	struct rx_link *l = link_of(cn);

	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&cn->w->links);
	if (l->state != RX_LINK_LEAVES) {
		l->state = state;
		l->since = rx_ticks();
	}
	(void)pthread_mutex_unlock(&cn->w->links);
}

/* ---- too many ---- */

/* Whether there are too many, of all or of the address of ${l}; *same is set for
 * the latter.  The lock is held, here and below. */
static bool
too_many(const struct rx_web *w, const struct rx_link *l, bool *same)
{
	size_t all = 0, of_source = 0, i;

	for (i = 0; i < RX_CONNECTIONS_MAX; i++) {
		const struct rx_link *k = &w->link[i];

		if (k->fd == -1 || k->state == RX_LINK_LEAVES)
			continue;
		all++;
		of_source += memcmp(k->source, l->source,
		    sizeof(l->source)) == 0;
	}
	*same = of_source > RX_CONNECTIONS_SOURCE;
	return (*same || all > RX_CONNECTIONS_CROWD);
}

/* Let the connection go that did nothing for longest, with ${same} one of the
 * address of ${l}; false when all are at something.  What it has sent already is
 * read still, and answered. */
static bool
make_room(struct rx_web *w, const struct rx_link *l, bool same)
{
	struct rx_link *oldest = NULL;
	size_t i;

	for (i = 0; i < RX_CONNECTIONS_MAX; i++) {
		struct rx_link *k = &w->link[i];

		if (k->fd != -1 && k->state == RX_LINK_IDLE &&
		    (!same || memcmp(k->source, l->source,
		    sizeof(l->source)) == 0) &&
		    (oldest == NULL || k->since < oldest->since))
			oldest = k;
	}
	if (oldest == NULL)
		return (false);
	oldest->state = RX_LINK_LEAVES;
	oldest->since = rx_ticks();
	(void)shutdown(oldest->fd, SHUT_RD);
	return (true);
}

bool
rx_link_crowded(const struct rx_conn *cn)
{
	struct rx_link *l = link_of(cn);
	bool same;

	if (l == NULL)
		return (false);
	(void)pthread_mutex_lock(&cn->w->links);
	if (l->crowds)
		l->crowds = too_many(cn->w, l, &same) &&
		    !make_room(cn->w, l, same);
	(void)pthread_mutex_unlock(&cn->w->links);
	return (l->crowds);
}

/* Note the new connection ${c}; its place, NULL when there is none. */
static struct rx_link *
begin(struct rx_web *w, struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *fd = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CONNECTION_FD);
	const union MHD_ConnectionInfo *from;
	struct rx_link *l;
	size_t i;
	bool same;

	for (i = 0; i < RX_CONNECTIONS_MAX && w->link[i].fd != -1; i++)
		continue;
	if (fd == NULL || i == RX_CONNECTIONS_MAX)
		return (NULL);
	l = &w->link[i];
	*l = (struct rx_link){ .fd = fd->connect_fd, .state = RX_LINK_READS,
	    .since = rx_ticks() };
	from = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	rx_link_source(l->source, from != NULL ? from->client_addr : NULL);
	l->crowds = too_many(w, l, &same) && !make_room(w, l, same);
	return (l);
}

void
rx_link_notify(void *web, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	struct rx_web *w = web;
	struct rx_link *l = *context;

	(void)pthread_mutex_lock(&w->links);
	if (code == MHD_CONNECTION_NOTIFY_STARTED)
		*context = begin(w, c);
	else if (l != NULL)
		l->fd = -1;
	(void)pthread_mutex_unlock(&w->links);
}

/* ---- too slow ---- */

/* The polling thread closes the connection then. */
void
rx_link_sweep(struct rx_web *w)
{
	static const int64_t most[] = {
		[RX_LINK_IDLE] = READ_MAX, [RX_LINK_READS] = READ_MAX,
		[RX_LINK_UPLOADS] = UPLOAD_MAX, [RX_LINK_WORKS] = 0,
		[RX_LINK_WRITES] = WRITE_MAX, [RX_LINK_LEAVES] = WRITE_MAX
	};
	const int64_t now = rx_ticks();
	const struct rx_link *l;
	size_t i;

	(void)pthread_mutex_lock(&w->links);
	for (i = 0; i < RX_CONNECTIONS_MAX; i++) {
		l = &w->link[i];
		if (l->fd != -1 && most[l->state] != 0 &&
		    now - l->since > most[l->state] * 1000)
			(void)shutdown(l->fd, SHUT_RDWR);
	}
	(void)pthread_mutex_unlock(&w->links);
}
