/* Options and operands, from the struct of the command. */

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"

/* Values that getopt_long returns; options of a command are O_OWN + index. */
enum { O_PASSPHRASE = 256, O_LANG, O_JSON, O_VERSION, O_OWN };

static const struct option globals[] = {
	{ "register", required_argument, NULL, 'r' },
	{ "user", required_argument, NULL, 'u' },
	{ "passphrase-fd", required_argument, NULL, O_PASSPHRASE },
	{ "lang", required_argument, NULL, O_LANG },
	{ "json", no_argument, NULL, O_JSON },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, O_VERSION },
};
#define NGLOBALS (sizeof(globals) / sizeof(globals[0]))

static rx_err
bad_value(const char *name, struct rx_status *st)
{

	rx_status_arg(st, "option", "%s", name);
	return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_OPTION_VALUE));
}

rx_err
rx_cli_number(const char *text, const char *name, unsigned long min,
    unsigned long max, unsigned long *out, struct rx_status *st)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, 10);
	/* strtoul takes a sign and leading blanks; we do not. */
	if (errno != 0 || text[0] < '0' || text[0] > '9' || *end != '\0' ||
	    *out < min || *out > max) {
		rx_status_arg(st, "option", "%s", name);
		rx_status_arg(st, "min", "%lu", min);
		rx_status_arg(st, "max", "%lu", max);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_NUMBER));
	}
	return (RX_OK);
}

rx_err
rx_cli_date(const char *text, const char *name, int32_t *date,
    struct rx_status *st)
{

	if (!rx_date_parse(text, date)) {
		rx_status_arg(st, "option", "%s", name);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_DATE));
	}
	return (RX_OK);
}

rx_err
rx_cli_fd(const char *text, const char *name, int *fd, struct rx_status *st)
{
	unsigned long n;
	rx_err rc;

	*fd = -1;
	if (text == NULL)
		return (RX_OK);
	if ((rc = rx_cli_number(text, name, 0, 65535, &n, st)) != RX_OK)
		return (rc);
	if (fcntl((int)n, F_GETFD) == -1) {
		rx_status_arg(st, "option", "%s", name);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_FD));
	}
	*fd = (int)n;
	return (RX_OK);
}

rx_err
rx_cli_writable(const char *path, struct rx_status *st)
{
	char folder[PATH_MAX] = ".";
	const char *slash;
	struct stat sb;
	size_t n;

	if ((slash = strrchr(path, '/')) != NULL) {
		n = slash == path ? 1 : (size_t)(slash - path);
		if (n >= sizeof(folder) || slash[1] == '\0')
			goto err0;
		memcpy(folder, path, n);
		folder[n] = '\0';
	}
	if (path[0] == '\0' || access(folder, W_OK | X_OK) != 0)
		goto err0;
	if (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode))
		goto err0;

	/* Success! */
	return (RX_OK);

err0:
	/* Failure! */
	rx_status_arg(st, "file", "%s", path);
	return (rx_fail(st, RX_EIO, RX_MSG_CLI_UNWRITABLE));
}

/* One option that every command takes; *taken tells whether ${c} is one. */
static rx_err
take_global(struct rx_cli *cli, int c, bool *taken, struct rx_status *st)
{

	*taken = true;
	switch (c) {
	case 'r':
		if (optarg[0] == '\0')
			return (bad_value("-r", st));
		cli->dir = optarg;
		return (RX_OK);
	case 'u':
		if (optarg[0] == '\0')
			return (bad_value("-u", st));
		cli->user = optarg;
		return (RX_OK);
	case O_PASSPHRASE:
		return (rx_cli_fd(optarg, "--passphrase-fd",
		    &cli->passphrase_fd, st));
	case O_LANG:
		if (strcmp(optarg, "zh") != 0 && strcmp(optarg, "en") != 0)
			return (bad_value("--lang", st));
		cli->lang = optarg[0] == 'e' ? RX_LANG_EN : RX_LANG_ZH;
		return (RX_OK);
	case O_JSON:
		cli->json = true;
		return (RX_OK);
	case 'h':
		cli->help = true;
		return (RX_OK);
	default:
		*taken = false;
		return (RX_OK);
	}
}

/* getopt_long answered '?' or ':'.  What follows "=" may be personal data. */
static rx_err
refuse(int c, char **argv, struct rx_status *st)
{
	const char *word = argv[optind - 1];
	enum rx_msg msg = RX_MSG_CLI_OPTION_UNKNOWN;
	int len;

	if (c == ':')
		msg = RX_MSG_CLI_OPTION_EMPTY;
	else if (optopt > 0 && strncmp(word, "--", 2) == 0 &&
	    strchr(word, '=') != NULL)
		msg = RX_MSG_CLI_OPTION_NO_VALUE;
	if (msg == RX_MSG_CLI_OPTION_UNKNOWN && optopt > 0 && optopt < 256)
		rx_status_arg(st, "option", "-%c", optopt);
	else {
		len = (int)strcspn(word, "=");
		rx_status_arg(st, "option", "%.*s", len > 60 ? 60 : len, word);
	}
	return (rx_fail(st, RX_EUSAGE, msg));
}

static rx_err
version(struct rx_cli *cli, struct rx_status *st)
{
	rx_err rc;

	rc = rx_buf_printf(&cli->out, st, "runxin %s\n", RX_VERSION);
	if (rc != RX_OK || (rc = rx_cli_flush(cli, st)) != RX_OK)
		return (rc);
	exit(0);
}

rx_err
rx_cli_parse_global(struct rx_cli *cli, int argc, char **argv, int *used,
    struct rx_status *st)
{
	struct option longs[NGLOBALS + 1];
	bool taken;
	rx_err rc;
	int c;

	memcpy(longs, globals, sizeof(globals));
	memset(&longs[NGLOBALS], 0, sizeof(longs[0]));
	opterr = 0;
	optind = 0;
	/* "+": stop at the command. */
	while ((c = getopt_long(argc, argv, "+:r:u:h", longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return (refuse(c, argv, st));
		if (c == O_VERSION)
			return (version(cli, st));
		if ((rc = take_global(cli, c, &taken, st)) != RX_OK)
			return (rc);
	}
	*used = optind;
	return (RX_OK);
}

/* The tables for getopt_long: the global options, then the command's. */
static void
tables(const struct rx_cli_command *cmd, struct option *longs, char *shorts)
{
	static const char common[] = ":r:u:h";
	size_t i, n = sizeof(common) - 1;
	const struct rx_cli_option *o;

	memcpy(longs, globals, sizeof(globals));
	memcpy(shorts, common, n);
	for (i = 0; (o = &cmd->options[i])->name != NULL; i++) {
		longs[NGLOBALS + i].name = o->name;
		longs[NGLOBALS + i].has_arg = o->arg == RX_CLI_SWITCH ?
		    no_argument : required_argument;
		longs[NGLOBALS + i].flag = NULL;
		longs[NGLOBALS + i].val = O_OWN + (int)i;
		if (o->letter != 0) {
			shorts[n++] = o->letter;
			if (o->arg != RX_CLI_SWITCH)
				shorts[n++] = ':';
		}
	}
	memset(&longs[NGLOBALS + i], 0, sizeof(longs[0]));
	shorts[n] = '\0';
}

static rx_err
take_own(struct rx_cli *cli, int c, struct rx_status *st)
{
	const struct rx_cli_option *o = cli->command->options;
	size_t i;

	if (c >= O_OWN)
		i = (size_t)(c - O_OWN);
	else
		for (i = 0; o[i].name != NULL && o[i].letter != c; i++)
			continue;
	if (cli->value[i] != NULL) {
		rx_status_arg(st, "option", "--%s", o[i].name);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_OPTION_TWICE));
	}
	cli->value[i] = o[i].arg == RX_CLI_SWITCH ? "" : optarg;
	return (RX_OK);
}

/* Everything that must be there is there, and nothing more. */
static rx_err
complete(struct rx_cli *cli, int argc, char **argv, struct rx_status *st)
{
	const struct rx_cli_command *cmd = cli->command;
	const struct rx_cli_option *o;
	char usage[256];
	size_t i;
	int n;

	rx_cli_usage(cmd, usage, sizeof(usage));
	for (i = 0; (o = &cmd->options[i])->name != NULL; i++) {
		if (o->arg != RX_CLI_NEEDED || cli->value[i] != NULL)
			continue;
		if (o->letter != 0)
			rx_status_arg(st, "option", "-%c", o->letter);
		else
			rx_status_arg(st, "option", "--%s", o->name);
		rx_status_arg(st, "usage", "%s", usage);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_OPTION_MISSING));
	}
	n = argc - optind;
	if (n < (int)cmd->min || n > (int)cmd->max) {
		rx_status_arg(st, "usage", "%s", usage);
		return (rx_fail(st, RX_EUSAGE, n < (int)cmd->min ?
		    RX_MSG_CLI_OPERAND_MISSING : RX_MSG_CLI_OPERAND_SURPLUS));
	}
	for (i = 0; i < (size_t)n; i++)
		cli->operand[i] = argv[optind + (int)i];
	return (RX_OK);
}

rx_err
rx_cli_parse(struct rx_cli *cli, int argc, char **argv, struct rx_status *st)
{
	struct option longs[NGLOBALS + RX_CLI_OPTIONS + 1];
	char shorts[16 + 2 * RX_CLI_OPTIONS];
	bool taken;
	rx_err rc;
	int c;

	tables(cli->command, longs, shorts);
	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (c == '?' || c == ':')
			return (refuse(c, argv, st));
		if (c == O_VERSION)
			return (version(cli, st));
		if ((rc = take_global(cli, c, &taken, st)) != RX_OK)
			return (rc);
		if (!taken && (rc = take_own(cli, c, st)) != RX_OK)
			return (rc);
	}
	return (cli->help ? RX_OK : complete(cli, argc, argv, st));
}

void
rx_cli_usage(const struct rx_cli_command *c, char *buf, size_t size)
{

	(void)snprintf(buf, size, "runxin %s%s%s%s%s", c->word[0],
	    c->word[1] != NULL ? " " : "",
	    c->word[1] != NULL ? c->word[1] : "",
	    c->synopsis[0] != '\0' ? " " : "", c->synopsis);
}
