/* serve: the web page, until SIGINT or SIGTERM. */

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"
#include "web/web.h"

#define LISTEN_DEFAULT "127.0.0.1:8080"
#define IDLE_DEFAULT 600	/* seconds */

#define EVERY_DEFAULT 24	/* hours */

enum { O_LISTEN, O_CERT, O_KEY, O_HOST, O_IDLE, O_BACKUP, O_EVERY, O_KEYS };

/* "127.0.0.1:8080" or "[::1]:8080" into address and port. */
static rx_err
parse_listen(const char *text, char address[64], uint16_t *port,
    struct rx_status *st)
{
	const char *colon = strrchr(text, ':');
	unsigned long n;

	if (colon == NULL || colon == text || colon - text >= 64)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_ADDRESS));
	memcpy(address, text, (size_t)(colon - text));
	address[colon - text] = '\0';
	if (rx_cli_number(colon + 1, "--listen", 0, 65535, &n, st) != RX_OK)
		return (st->code);
	*port = (uint16_t)n;
	return (RX_OK);
}

/* Say where to point the browser, at once. */
static rx_err
say_where(struct rx_cli *cli, const struct rx_web *w,
    const struct rx_web_options *o, struct rx_status *st)
{
	char url[256];
	rx_err rc;

	(void)snprintf(url, sizeof(url), "%s://%s:%u/",
	    o->tls_cert != NULL ? "https" : "http",
	    o->host != NULL ? o->host : strcmp(o->address, "0.0.0.0") == 0 ?
	    "127.0.0.1" : strcmp(o->address, "[::]") == 0 ? "[::1]" :
	    o->address, (unsigned)rx_web_port(w));
	if ((rc = rx_cli_say(cli, st, RX_MSG_CLI_SERVING, "url", url,
	    NULL)) != RX_OK)
		return (rc);
	return (rx_cli_flush(cli, st));
}

/* The folder ${dir} for backups, made if need be. */
static rx_err
make_folder(const char *dir, struct stat *sb, struct rx_status *st)
{

	if ((mkdir(dir, 0700) == 0 || errno == EEXIST) && stat(dir, sb) == 0 &&
	    S_ISDIR(sb->st_mode) && access(dir, W_OK | X_OK) == 0)
		return (RX_OK);
	rx_status_arg(st, "file", "%s", dir);
	return (rx_fail(st, RX_EIO, RX_MSG_CLI_UNWRITABLE));
}

/* --backup, --backup-every, --backup-keys.  Keys that lie with the content are
 * lost with it and stolen with it: that is said. */
static rx_err
set_backup(struct rx_cli *cli, struct rx_web_options *o, struct rx_status *st)
{
	unsigned long every = EVERY_DEFAULT;
	struct stat content, keys;
	rx_err rc;

	if (cli->value[O_BACKUP] == NULL)
		return (cli->value[O_EVERY] == NULL &&
		    cli->value[O_KEYS] == NULL ? RX_OK : rx_fail(st, RX_EUSAGE,
		    RX_MSG_CLI_BACKUP_FOLDER));
	if (cli->value[O_EVERY] != NULL && (rc = rx_cli_number(
	    cli->value[O_EVERY], "--backup-every", 1, 24 * 31, &every, st)) !=
	    RX_OK)
		return (rc);
	o->backup = cli->value[O_BACKUP];
	o->backup_keys = cli->value[O_KEYS];
	o->backup_every = (unsigned)every;
	if ((rc = make_folder(o->backup, &content, st)) != RX_OK ||
	    (rc = make_folder(o->backup_keys != NULL ? o->backup_keys :
	    o->backup, &keys, st)) != RX_OK)
		return (rc);
	if (content.st_dev == keys.st_dev)
		rx_cli_note(cli, RX_MSG_CLI_BACKUP_TOGETHER, NULL);
	return (RX_OK);
}

static rx_err
run(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_web_options o = {
		.dir = cli->dir, .lang = cli->lang, .sandbox = true
	};
	const char *listen = cli->value[O_LISTEN];
	unsigned long idle = IDLE_DEFAULT;
	char address[64];
	struct rx_web *w;
	sigset_t set;
	int sig;
	rx_err rc;

	if ((rc = parse_listen(listen != NULL ? listen : LISTEN_DEFAULT,
	    address, &o.port, st)) != RX_OK)
		return (rc);
	if (cli->value[O_IDLE] != NULL && (rc = rx_cli_number(
	    cli->value[O_IDLE], "--idle", 1, 86400, &idle, st)) != RX_OK)
		return (rc);
	if ((cli->value[O_CERT] == NULL) != (cli->value[O_KEY] == NULL))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_TLS_BOTH));
	o.address = address;
	o.tls_cert = cli->value[O_CERT];
	o.tls_key = cli->value[O_KEY];
	o.host = cli->value[O_HOST];
	o.idle = (unsigned)idle;
	/* Without TLS passphrases would cross the network in the clear. */
	if (o.tls_cert == NULL && strncmp(address, "127.", 4) != 0 &&
	    strcmp(address, "[::1]") != 0)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_TLS_NEEDED));
	if ((rc = set_backup(cli, &o, st)) != RX_OK)
		return (rc);
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGTERM);
	if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_cli_make_parents(cli, st)) != RX_OK ||
	    (rc = rx_web_start(&w, &o, st)) != RX_OK)
		return (rc);
	if ((rc = say_where(cli, w, &o, st)) == RX_OK)
		(void)sigwait(&set, &sig);
	rx_web_stop(w);
	return (rc);
}

const struct rx_cli_command rx_cli_serve = {
	{ "serve", NULL }, "[--listen ADDR:PORT] [--tls-cert FILE --tls-key FILE]"
	" [--host NAME] [--idle SECONDS]"
	" [--backup FOLDER [--backup-every HOURS] [--backup-keys FOLDER]]", RX_MSG_CLI_HELP_SERVE, run,
	0, 0, 0, { { "listen", RX_CLI_VALUE, 0 },
	    { "tls-cert", RX_CLI_VALUE, 0 }, { "tls-key", RX_CLI_VALUE, 0 },
	    { "host", RX_CLI_VALUE, 0 }, { "idle", RX_CLI_VALUE, 0 },
	    [O_BACKUP] = { "backup", RX_CLI_VALUE, 0 },
	    [O_EVERY] = { "backup-every", RX_CLI_VALUE, 0 },
	    [O_KEYS] = { "backup-keys", RX_CLI_VALUE, 0 } }
};
