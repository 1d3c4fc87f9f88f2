#include <sys/socket.h>

#include "web/server.h"

/*
 * Connections that are too slow.  libmicrohttpd ends those that are silent;
 * here those that send, or take, a byte now and then without ever being done.
 */

#define READ_MAX 30		/* seconds a request may take to arrive */
#define UPLOAD_MAX 300		/* the same with a file in it */
#define WRITE_MAX 300		/* seconds an answer may take to be taken */

void
rx_link_set(const struct rx_conn *cn, enum rx_link_state state)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(cn->c,
	    MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct rx_link *l = info != NULL ? info->socket_context : NULL;

	if (l == NULL)
		return;
	(void)pthread_mutex_lock(&cn->w->links);
	l->state = state;
	l->since = rx_ticks();
	(void)pthread_mutex_unlock(&cn->w->links);
}

void
rx_link_notify(void *web, struct MHD_Connection *c, void **context,
    enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c,
	    MHD_CONNECTION_INFO_CONNECTION_FD);
	struct rx_web *w = web;
	struct rx_link *l = *context;
	size_t i;

	(void)pthread_mutex_lock(&w->links);
	if (code == MHD_CONNECTION_NOTIFY_STARTED && info != NULL) {
		for (i = 0; i < RX_CONNECTIONS_MAX && w->link[i].fd != -1; i++)
			continue;
		if (i < RX_CONNECTIONS_MAX) {
			l = &w->link[i];
			*l = (struct rx_link){ info->connect_fd,
			    RX_LINK_READS, rx_ticks() };
			*context = l;
		}
	}
	if (code == MHD_CONNECTION_NOTIFY_CLOSED && l != NULL)
		l->fd = -1;
	(void)pthread_mutex_unlock(&w->links);
}

/* The polling thread closes the connection then. */
void
rx_link_sweep(struct rx_web *w)
{
	static const int64_t most[] = {
		[RX_LINK_READS] = READ_MAX, [RX_LINK_UPLOADS] = UPLOAD_MAX,
		[RX_LINK_WORKS] = 0, [RX_LINK_WRITES] = WRITE_MAX
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
