#include <arpa/inet.h>
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "base/file.h"
#include "web/sandbox.h"
#include "web/server.h"

/* The server begins, listens and ends. */

#define TIMEOUT 20		/* seconds a connection may be silent */
/* Descriptors: each connection has one, each session those of two files, and
 * whoever writes or makes a sheet some more for a moment. */
#define DESCRIPTORS (RX_CONNECTIONS_MAX + 2 * RX_SESSIONS_MAX + 128)
#define MEMORY (64 << 10)	/* of a connection; mapped, so unmapped at its end */

static void *
sweeper_main(void *cookie)
{
	const struct timespec second = { 1, 0 };
	struct rx_web *w = cookie;
	bool stop = false;

	while (!stop) {
		(void)nanosleep(&second, NULL);
		(void)pthread_mutex_lock(&w->lock);
		rx_sessions_sweep(w);
		rx_queue_sweep(w, false);
		stop = w->stopping;
		(void)pthread_mutex_unlock(&w->lock);
		rx_link_sweep(w);
	}
	return (NULL);
}

static rx_err
start_threads(struct rx_web *w, struct rx_status *st)
{
	unsigned i;

	for (i = 0; i < RX_WORKERS; i++, w->threads++)
		if (pthread_create(&w->worker[i], NULL, rx_queue_worker,
		    w) != 0)
			return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if (pthread_create(&w->sweeper, NULL, sweeper_main, w) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	w->threads++;
	if (w->o.backup == NULL)
		return (RX_OK);
	if (pthread_create(&w->keeping, NULL, rx_keeper_main, w) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	w->threads++;
	return (RX_OK);
}

static rx_err
read_tls(struct rx_web *w, struct rx_status *st)
{
	rx_err rc;

	if (w->o.tls_cert == NULL)
		return (RX_OK);
	if ((rc = rx_file_read(&w->cert, w->o.tls_cert, 1 << 20, st)) !=
	    RX_OK || (rc = rx_file_read(&w->key, w->o.tls_key, 1 << 20, st)) !=
	    RX_OK || (rc = rx_buf_add(&w->cert, "", 1, st)) != RX_OK)
		return (rc);
	return (rx_buf_add(&w->key, "", 1, st));
}

static rx_err
cannot_listen(const struct rx_web *w, struct rx_status *st)
{

	rx_status_arg(st, "address", "%s:%u", w->o.address,
	    (unsigned)w->o.port);
	return (rx_fail(st, RX_EIO, RX_MSG_WEB_LISTEN));
}

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

/* "127.0.0.1" or "[::1]" into ${sa}; its length, 0 when it is neither. */
static socklen_t
address_parse(union address *sa, const char *text, uint16_t port)
{
	char inner[INET6_ADDRSTRLEN];
	const size_t n = strlen(text);

	memset(sa, 0, sizeof(*sa));
	if (text[0] != '[') {
		sa->v4.sin_family = AF_INET;
		sa->v4.sin_port = htons(port);
		return (inet_pton(AF_INET, text, &sa->v4.sin_addr) == 1 ?
		    sizeof(sa->v4) : 0);
	}
	if (n < 4 || n - 2 >= sizeof(inner) || text[n - 1] != ']')
		return (0);
	memcpy(inner, text + 1, n - 2);
	inner[n - 2] = '\0';
	sa->v6.sin6_family = AF_INET6;
	sa->v6.sin6_port = htons(port);
	return (inet_pton(AF_INET6, inner, &sa->v6.sin6_addr) == 1 ?
	    sizeof(sa->v6) : 0);
}

/* The port must be known before the first request is looked at: so the socket
 * is made here, and the daemon takes it over. */
static rx_err
bind_socket(struct rx_web *w, int *fd, struct rx_status *st)
{
	union address sa;
	socklen_t n;
	const int on = 1;

	if ((n = address_parse(&sa, w->o.address, w->o.port)) == 0)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_ADDRESS));
	if ((*fd = socket(sa.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0)) == -1)
		return (cannot_listen(w, st));
	if (setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (sa.any.sa_family == AF_INET6 && setsockopt(*fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) != 0) ||
	    bind(*fd, &sa.any, n) != 0 || listen(*fd, SOMAXCONN) != 0 ||
	    getsockname(*fd, &sa.any, &n) != 0) {
		(void)close(*fd);
		return (cannot_listen(w, st));
	}
	w->port = ntohs(sa.any.sa_family == AF_INET6 ? sa.v6.sin6_port :
	    sa.v4.sin_port);
	return (RX_OK);
}

/* Give up what the server does not need, all but the folders of the register and
 * its backups, and the memory file system where sheets are made.  For a first run the folder is
 * made before: else what lies beside it would have to stay in reach. */
static rx_err
enter_sandbox(struct rx_web *w, struct rx_status *st)
{
	const char *dirs[] = {
		w->o.dir, "/dev/shm", secure_getenv("XDG_RUNTIME_DIR"),
		w->o.backup, w->o.backup_keys
	};

	if (!w->o.sandbox)
		return (RX_OK);
	if (mkdir(w->o.dir, 0700) != 0 && errno != EEXIST) {
		rx_status_arg(st, "file", "%s", w->o.dir);
		return (rx_fail(st, RX_EIO, RX_MSG_CLI_UNWRITABLE));
	}
	return (rx_sandbox_enter(dirs, sizeof(dirs) / sizeof(*dirs), st));
}

/* Where less is allowed, the library stops accepting while there is none left. */
static void
raise_limit(void)
{
	struct rlimit most;

	if (getrlimit(RLIMIT_NOFILE, &most) != 0 ||
	    most.rlim_cur >= DESCRIPTORS)
		return;
	most.rlim_cur = most.rlim_max < DESCRIPTORS ? most.rlim_max :
	    DESCRIPTORS;
	(void)setrlimit(RLIMIT_NOFILE, &most);
}

/* GnuTLS decrypts each record into a buffer of its own, and frees it as it is:
 * what was typed would stay in the heap until something lies there. */
static void
free_wiped(void *p)
{

	if (p != NULL)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* Answer on the socket ${fd}, which the daemon takes over. */
static rx_err
serve_on(struct rx_web *w, int fd, struct rx_status *st)
{
	char versions[] = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
	struct MHD_OptionItem more[] = {
#if MHD_VERSION >= 0x00097701
		{ MHD_OPTION_CLIENT_DISCIPLINE_LVL, 2, NULL },
#else
		{ MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL },
#endif
		{ MHD_OPTION_HTTPS_MEM_CERT, 0, w->cert.b },
		{ MHD_OPTION_HTTPS_MEM_KEY, 0, w->key.b },
		{ MHD_OPTION_HTTPS_PRIORITIES, 0, versions },
		{ MHD_OPTION_END, 0, NULL }
	};
	unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_AUTO |
	    MHD_ALLOW_SUSPEND_RESUME;

	if (w->cert.len > 0) {
		gnutls_free = free_wiped;
		flags |= MHD_USE_TLS;
	} else
		more[1].option = MHD_OPTION_END;
	w->daemon = MHD_start_daemon(flags, w->port, NULL, NULL,
	    rx_http_handle, w,
	    MHD_OPTION_LISTEN_SOCKET, fd,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)RX_CONNECTIONS_MAX,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)(
	    RX_CONNECTIONS_SOURCE + RX_CONNECTIONS_SPARE),
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)TIMEOUT,
	    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY,
	    MHD_OPTION_URI_LOG_CALLBACK, rx_http_target, w,
	    MHD_OPTION_NOTIFY_COMPLETED, rx_http_completed, w,
	    MHD_OPTION_NOTIFY_CONNECTION, rx_link_notify, w,
	    MHD_OPTION_ARRAY, more, MHD_OPTION_END);
	return (w->daemon == NULL ? cannot_listen(w, st) : RX_OK);
}

/* Listen, then lock oneself in, and only then start what has threads. */
static rx_err
start(struct rx_web *w, struct rx_status *st)
{
	int fd;
	rx_err rc;

	raise_limit();
	if ((rc = read_tls(w, st)) != RX_OK ||
	    (rc = bind_socket(w, &fd, st)) != RX_OK)
		return (rc);
	if ((rc = enter_sandbox(w, st)) != RX_OK ||
	    (rc = start_threads(w, st)) != RX_OK ||
	    (rc = serve_on(w, fd, st)) != RX_OK)
		(void)close(fd);
	return (rc);
}

rx_err
rx_web_start(struct rx_web **out, const struct rx_web_options *options,
    struct rx_status *st)
{
	struct rx_web *w;
	size_t i;
	rx_err rc;

	*out = NULL;
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	w->o = *options;
	rx_random(w->secret, sizeof(w->secret));
	rx_copy_of(w->o.dir, w->copy, sizeof(w->copy));
	for (i = 0; i < RX_CONNECTIONS_MAX; i++)
		w->link[i].fd = -1;
	(void)pthread_mutex_init(&w->lock, NULL);
	(void)pthread_mutex_init(&w->links, NULL);
	(void)pthread_mutex_init(&w->keeper.lock, NULL);
	(void)pthread_cond_init(&w->wake, NULL);
	if ((rc = start(w, st)) != RX_OK) {
		rx_web_stop(w);
		return (rc);
	}
	*out = w;
	return (RX_OK);
}

uint16_t
rx_web_port(const struct rx_web *w)
{

	return (w->port);
}

void
rx_web_stop(struct rx_web *w)
{
	unsigned i;
	size_t k;

	if (w == NULL)
		return;
	(void)pthread_mutex_lock(&w->lock);
	w->stopping = true;
	(void)pthread_cond_broadcast(&w->wake);
	(void)pthread_mutex_unlock(&w->lock);
	/* The workers finish what they are at; who is queued or waits is let
	 * go, so that nothing stays suspended. */
	for (i = 0; i < w->threads && i < RX_WORKERS; i++)
		(void)pthread_join(w->worker[i], NULL);
	if (w->threads > RX_WORKERS)
		(void)pthread_join(w->sweeper, NULL);
	if (w->threads > RX_WORKERS + 1)
		(void)pthread_join(w->keeping, NULL);
	(void)pthread_mutex_lock(&w->lock);
	rx_queue_sweep(w, true);
	(void)pthread_mutex_unlock(&w->lock);
	if (w->daemon != NULL)
		MHD_stop_daemon(w->daemon);
	for (k = 0; k < RX_SESSIONS_MAX; k++) {
		w->entry[k].busy = false;
		rx_entry_end(&w->entry[k]);
	}
	rx_buf_free(&w->cert);
	rx_buf_free(&w->key);
	(void)pthread_mutex_destroy(&w->lock);
	(void)pthread_mutex_destroy(&w->links);
	(void)pthread_mutex_destroy(&w->keeper.lock);
	(void)pthread_cond_destroy(&w->wake);
	rx_wipe(w, sizeof(*w));
	free(w);
}
