/* Passphrases and questions. */

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli.h"
#include "crypto/passphrase.h"

#define LINE_CAP (RX_PASSPHRASE_MAX + 3)	/* "\r\n" and NUL */

/* Read one byte; with ${mask} wait for it under that signal mask, so that no
 * signal is lost between a look at it and the wait.  As read(2). */
static ssize_t
read_byte(int fd, uint8_t *c, const sigset_t *mask)
{
	struct pollfd p = { fd, POLLIN, 0 };

	if (mask != NULL && ppoll(&p, 1, NULL, mask) == -1)
		return (-1);
	return (read(fd, c, 1));
}

/**
 * read_line(fd, mask, line, st):
 * Read bytes of ${fd} one at a time into ${line} up to a line end or the end,
 * drop the line end ("\n" or "\r\n") and put a NUL after it.  When ${mask} is
 * not NULL it is the signal mask while waiting.  RX_EIO when it cannot be
 * read, RX_EUSAGE when it has more than RX_PASSPHRASE_MAX bytes or a NUL in it.
 */
static rx_err
read_line(int fd, const sigset_t *mask, struct rx_secret *line,
    struct rx_status *st)
{
	uint8_t c = 0;
	ssize_t n;

	line->len = 0;
	for (;;) {
		if ((n = read_byte(fd, &c, mask)) == -1)
			return (rx_fail(st, RX_EIO, RX_MSG_CLI_READ));
		if (n == 0 || c == '\n')
			break;
		if (c == '\0' || line->len == RX_PASSPHRASE_MAX + 1) {
			rx_wipe(&c, 1);
			return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_LINE_LONG));
		}
		line->b[line->len++] = c;
	}
	rx_wipe(&c, 1);
	if (line->len > 0 && line->b[line->len - 1] == '\r')
		line->len--;
	if (line->len > RX_PASSPHRASE_MAX)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_LINE_LONG));
	line->b[line->len] = '\0';
	return (RX_OK);
}

rx_err
rx_cli_line(int fd, struct rx_secret **out, struct rx_status *st)
{
	struct rx_secret *line;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_secret_new(&line, LINE_CAP, st)) != RX_OK)
		goto err0;
	if ((rc = read_line(fd, NULL, line, st)) != RX_OK)
		goto err1;

	/* Success! */
	*out = line;
	return (RX_OK);

err1:
	rx_secret_free(line);
err0:
	/* Failure! */
	return (rc);
}

/* ---- the terminal ---- */

static const int stops[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP,
	SIGTTIN, SIGTTOU, SIGALRM };
#define NSTOPS (sizeof(stops) / sizeof(stops[0]))
static volatile sig_atomic_t stopped;

static void
note_stop(int sig)
{

	stopped = sig;
}

/* Write all of it; a prompt that cannot be shown is not worth an error. */
static void
show(int tty, const char *s, size_t n)
{
	ssize_t k;

	while (n > 0 && (k = write(tty, s, n)) > 0) {
		s += k;
		n -= (size_t)k;
	}
}

/*
 * Show ${prompt} and read a line.  Meanwhile a signal that would end or stop
 * the program is blocked but while it waits, where it only interrupts the
 * reading; it is raised again when the terminal is as it was.
 */
static rx_err
tty_line_once(int tty, const char *prompt, bool echo, struct rx_secret *line,
    struct rx_status *st)
{
	struct sigaction sa, saved[NSTOPS];
	struct termios was, quiet;
	sigset_t blocked, mask;
	bool changed = false;
	rx_err rc;
	size_t i;

	stopped = 0;
	memset(&sa, 0, sizeof(sa));
	(void)sigemptyset(&blocked);
	sa.sa_handler = note_stop;
	for (i = 0; i < NSTOPS; i++) {
		(void)sigaddset(&blocked, stops[i]);
		(void)sigaction(stops[i], &sa, &saved[i]);
	}
	(void)sigprocmask(SIG_BLOCK, &blocked, &mask);
	if (!echo && tcgetattr(tty, &was) == 0) {
		quiet = was;
		quiet.c_lflag = (quiet.c_lflag & ~(tcflag_t)ECHO) | ECHONL;
		changed = tcsetattr(tty, TCSAFLUSH, &quiet) == 0;
	}
	if (!echo && !changed)
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_CLI_NO_TERMINAL);
	else {
		show(tty, prompt, strlen(prompt));
		rc = read_line(tty, &mask, line, st);
	}
	if (changed)
		(void)tcsetattr(tty, TCSAFLUSH, &was);
	for (i = 0; i < NSTOPS; i++)
		(void)sigaction(stops[i], &saved[i], NULL);
	(void)sigprocmask(SIG_SETMASK, &mask, NULL);
	if (stopped != 0)
		(void)raise(stopped);
	return (rc);
}

/* Read a line, and once more after the program was stopped and continued. */
static rx_err
tty_line(int tty, const char *prompt, bool echo, struct rx_secret *line,
    struct rx_status *st)
{
	rx_err rc;

	for (;;) {
		rc = tty_line_once(tty, prompt, echo, line, st);
		if (rc == RX_OK || stopped == 0)
			return (rc);
		rx_status_clear(st);
	}
}

static rx_err
tty_open(int *tty, struct rx_status *st)
{

	if ((*tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY)) == -1)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_NO_TERMINAL));
	return (RX_OK);
}

/* Ask ${msg} on the terminal, without echo. */
static rx_err
tty_secret(struct rx_cli *cli, enum rx_msg msg, struct rx_secret **out,
    struct rx_status *st)
{
	struct rx_secret *line;
	rx_err rc;
	int tty;

	*out = NULL;
	if ((rc = tty_open(&tty, st)) != RX_OK)
		goto err0;
	if ((rc = rx_secret_new(&line, LINE_CAP, st)) != RX_OK)
		goto err1;
	rc = tty_line(tty, rx_msg(msg, cli->lang), false, line, st);
	if (rc != RX_OK)
		goto err2;
	(void)close(tty);

	/* Success! */
	*out = line;
	return (RX_OK);

err2:
	rx_secret_free(line);
err1:
	(void)close(tty);
err0:
	/* Failure! */
	return (rc);
}

/* The second typing must be the same. */
static rx_err
tty_again(struct rx_cli *cli, const struct rx_secret *first,
    struct rx_status *st)
{
	struct rx_secret *again;
	rx_err rc;

	if (first->len == 0)
		return (RX_OK);		/* refused by the caller */
	rc = tty_secret(cli, RX_MSG_CLI_PROMPT_AGAIN, &again, st);
	if (rc != RX_OK)
		return (rc);
	if (again->len != first->len ||
	    !rx_equal(again->b, first->b, first->len))
		rc = rx_fail(st, RX_EUSAGE, RX_MSG_CLI_PASSPHRASE_DIFFERS);
	rx_secret_free(again);
	return (rc);
}

static rx_err
not_empty(struct rx_secret **s, struct rx_status *st)
{

	if ((*s)->len > 0)
		return (RX_OK);
	rx_secret_free(*s);
	*s = NULL;
	return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_PASSPHRASE_EMPTY));
}

rx_err
rx_cli_passphrase(struct rx_cli *cli, struct rx_secret **out,
    struct rx_status *st)
{
	rx_err rc;

	*out = NULL;
	if (cli->passphrase_fd >= 0)
		rc = rx_cli_line(cli->passphrase_fd, out, st);
	else
		rc = tty_secret(cli, RX_MSG_CLI_PROMPT_PASSPHRASE, out, st);
	return (rc != RX_OK ? rc : not_empty(out, st));
}

rx_err
rx_cli_new_passphrase(struct rx_cli *cli, int fd, struct rx_secret **out,
    struct rx_status *st)
{
	rx_err rc;

	*out = NULL;
	if (fd >= 0) {
		if ((rc = rx_cli_line(fd, out, st)) != RX_OK)
			return (rc);
		cli->weak = rx_passphrase_short(*out);
		return (not_empty(out, st));
	}
	rc = tty_secret(cli, RX_MSG_CLI_PROMPT_NEW, out, st);
	if (rc != RX_OK)
		return (rc);
	/* Before it is typed again. */
	if ((*out)->len > 0 && rx_passphrase_short(*out))
		rx_cli_note(cli, RX_MSG_CLI_PASSPHRASE_SHORT, NULL);
	if ((rc = tty_again(cli, *out, st)) != RX_OK) {
		rx_secret_free(*out);
		*out = NULL;
		return (rc);
	}
	return (not_empty(out, st));
}

rx_err
rx_cli_code_line(struct rx_cli *cli, int fd, int which,
    struct rx_secret **out, struct rx_status *st)
{

	*out = NULL;
	if (fd >= 0)
		return (rx_cli_line(fd, out, st));
	return (tty_secret(cli, which == 0 ? RX_MSG_CLI_PROMPT_CODE :
	    RX_MSG_CLI_PROMPT_CODE_OTHER, out, st));
}

rx_err
rx_cli_confirm(struct rx_cli *cli, bool decided, enum rx_msg question,
    enum rx_msg cancelled, struct rx_status *st)
{
	struct rx_secret *line;
	bool yes = false;
	rx_err rc;
	int tty;

	if (decided || isatty(STDIN_FILENO) != 1)
		return (RX_OK);
	if ((rc = tty_open(&tty, st)) != RX_OK)
		return (rc);
	if ((rc = rx_secret_new(&line, LINE_CAP, st)) == RX_OK) {
		rc = tty_line(tty, rx_msg(question, cli->lang), true, line, st);
		if (rc == RX_OK)
			yes = strcmp((const char *)line->b, "yes") == 0 ||
			    strcmp((const char *)line->b, "是") == 0;
		rx_secret_free(line);
	}
	(void)close(tty);
	if (rc != RX_OK)
		return (rc);
	return (yes ? RX_OK : rx_fail(st, RX_EUSAGE, cancelled));
}

rx_err
rx_cli_need_user(struct rx_cli *cli, struct rx_status *st)
{

	if (cli->user == NULL)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_USER_MISSING));
	return (RX_OK);
}

rx_err
rx_cli_session(struct rx_cli *cli, struct rx_session **out,
    struct rx_status *st)
{
	struct rx_secret *passphrase;
	rx_err rc;

	*out = NULL;
	if ((rc = rx_cli_need_user(cli, st)) != RX_OK)
		return (rc);
	if ((rc = rx_cli_passphrase(cli, &passphrase, st)) != RX_OK)
		return (rc);
	rc = rx_session_open(out, cli->dir, cli->user, passphrase, st);
	rx_secret_free(passphrase);
	return (rc);
}
