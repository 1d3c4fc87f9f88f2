/* Start, find the command, run it, say what went wrong. */

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli.h"

/* In the order of the help. */
static const struct rx_cli_command *const commands[] = {
	&rx_cli_init, &rx_cli_unit_import, &rx_cli_unit_add,
	&rx_cli_unit_list, &rx_cli_unit_rotate, &rx_cli_user_add,
	&rx_cli_user_list, &rx_cli_user_fingerprint, &rx_cli_user_disable, &rx_cli_user_reset,
	&rx_cli_user_handover, &rx_cli_handover_list, &rx_cli_passwd,
	&rx_cli_recover, &rx_cli_custodian_test, &rx_cli_custodian_admin,
	&rx_cli_custodian_reissue,
	&rx_cli_import,
	&rx_cli_child_add, &rx_cli_child_list, &rx_cli_child_show,
	&rx_cli_child_find, &rx_cli_child_erase, &rx_cli_child_transfer,
	&rx_cli_transfer_list, &rx_cli_transfer_accept,
	&rx_cli_transfer_reject, &rx_cli_transfer_withdraw,
	&rx_cli_transfer_address, &rx_cli_transfer_show,
	&rx_cli_transfer_receipt,
	&rx_cli_erasure_list,
	&rx_cli_erasure_show, &rx_cli_erasure_verify,
	&rx_cli_retention_list, &rx_cli_retention_keep,
	&rx_cli_setting_list, &rx_cli_setting_set, &rx_cli_observe,
	&rx_cli_intervene, &rx_cli_activity_add, &rx_cli_flag_add,
	&rx_cli_report_add, &rx_cli_consent_withdraw, &rx_cli_consent_give,
	&rx_cli_due, &rx_cli_review_list, &rx_cli_review_show,
	&rx_cli_review_decide, &rx_cli_export_annex, &rx_cli_export_table,
	&rx_cli_release_list, &rx_cli_release_verify, &rx_cli_audit_verify,
	&rx_cli_audit_head, &rx_cli_audit_countersign, &rx_cli_audit_anchors,
	&rx_cli_audit_list, &rx_cli_backup_create,
	&rx_cli_backup_keys, &rx_cli_backup_prune,
	&rx_cli_backup_verify, &rx_cli_backup_restore, &rx_cli_bundle_make,
	&rx_cli_bundle_open, &rx_cli_bundle_show, &rx_cli_bundle_list,
	&rx_cli_serve,
	&rx_cli_demo
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

/* zh unless the environment asks for English. */
static enum rx_lang
language(void)
{
	static const char *const names[] = {
		"RUNXIN_LANG", "LC_ALL", "LC_MESSAGES", "LANG"
	};
	const char *s;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((s = getenv(names[i])) != NULL && s[0] != '\0')
			return (strncmp(s, "en", 2) == 0 ? RX_LANG_EN :
			    RX_LANG_ZH);
	return (RX_LANG_ZH);
}

/* A closed descriptor 0, 1 or 2 must not become a file of the register. */
static void
open_standard(void)
{
	int fd;

	for (fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY) == -1)
			_exit(RX_EIO);
}

static rx_err
start(struct rx_cli *cli, struct rx_status *st)
{
	const char *s;
	rx_err rc;

	memset(cli, 0, sizeof(*cli));
	rx_status_clear(st);
	cli->lang = language();
	cli->passphrase_fd = -1;
	if ((s = getenv("RUNXIN_REGISTER")) != NULL && s[0] != '\0')
		cli->dir = s;
	(void)umask(077);
	(void)signal(SIGPIPE, SIG_IGN);
	rx_json_init();
	if ((rc = rx_process_harden(st)) != RX_OK)
		return (rc);
	return (rx_crypto_init(st));
}

/* ~/.local/share/runxin, when neither -r nor RUNXIN_REGISTER names a folder. */
static rx_err
default_dir(struct rx_cli *cli, struct rx_status *st)
{
	const char *home;
	int n;

	if (cli->dir != NULL)
		return (RX_OK);
	if ((home = getenv("HOME")) == NULL || home[0] == '\0')
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_NO_REGISTER));
	n = snprintf(cli->home, sizeof(cli->home), "%s/.local/share/runxin",
	    home);
	if (n < 0 || (size_t)n >= sizeof(cli->home))
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_NO_REGISTER));
	cli->dir = cli->home;
	return (RX_OK);
}

static rx_err
help_line(struct rx_cli *cli, const struct rx_cli_command *c,
    struct rx_status *st)
{
	char words[32];

	(void)snprintf(words, sizeof(words), "%s%s%s", c->word[0],
	    c->word[1] != NULL ? " " : "", c->word[1] != NULL ? c->word[1] : "");
	return (rx_buf_printf(&cli->out, st, "  %-16s  %s\n", words,
	    rx_msg(c->help, cli->lang)));
}

/* All commands, or those of one ${family}. */
static rx_err
help_commands(struct rx_cli *cli, const char *family, struct rx_status *st)
{
	rx_err rc;
	size_t i;

	if ((rc = rx_cli_say(cli, st, RX_MSG_CLI_HELP_TOP, NULL)) != RX_OK)
		return (rc);
	for (i = 0; i < NCOMMANDS; i++) {
		if (family != NULL && strcmp(family, commands[i]->word[0]) != 0)
			continue;
		if ((rc = help_line(cli, commands[i], st)) != RX_OK)
			return (rc);
	}
	if ((rc = rx_cli_say(cli, st, RX_MSG_CLI_HELP_GLOBAL, NULL)) != RX_OK)
		return (rc);
	return (rx_cli_say(cli, st, RX_MSG_CLI_HELP_MORE, NULL));
}

static rx_err
help_command(struct rx_cli *cli, struct rx_status *st)
{
	char usage[256];
	rx_err rc;

	rx_cli_usage(cli->command, usage, sizeof(usage));
	rc = rx_cli_say(cli, st, RX_MSG_CLI_HELP_USAGE, "usage", usage, NULL);
	if (rc == RX_OK)
		rc = rx_buf_printf(&cli->out, st, "\n%s\n",
		    rx_msg(cli->command->help, cli->lang));
	if (rc == RX_OK && cli->command->type == RX_TYPE_COUNT)
		rc = rx_cli_lines_help(cli, st);
	else if (rc == RX_OK && cli->command->type != 0)
		rc = rx_cli_fields_help(cli, (enum rx_type)cli->command->type,
		    st);
	if (rc == RX_OK)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_HELP_GLOBAL, NULL);
	return (rc);
}

/* The second words of ${family} as "add|list|show". */
static void
family_words(const char *family, char *buf, size_t size)
{
	size_t i, n = 0;
	int len;

	buf[0] = '\0';
	for (i = 0; i < NCOMMANDS; i++) {
		if (strcmp(commands[i]->word[0], family) != 0 ||
		    commands[i]->word[1] == NULL)
			continue;
		len = snprintf(buf + n, size - n, "%s%s", n > 0 ? "|" : "",
		    commands[i]->word[1]);
		if (len < 0 || (size_t)len >= size - n)
			return;
		n += (size_t)len;
	}
}

/**
 * find(cli, argc, argv, used, st):
 * Find the command that argv[0] (and argv[1]) name, put it in cli->command and
 * the number of words in ${*used}.  It stays NULL when help on a family was
 * asked for and given.
 */
static rx_err
find(struct rx_cli *cli, int argc, char **argv, int *used,
    struct rx_status *st)
{
	char words[128];
	bool family = false;
	size_t i;

	*used = 0;
	for (i = 0; i < NCOMMANDS; i++) {
		if (strcmp(commands[i]->word[0], argv[0]) != 0)
			continue;
		family = true;
		if (commands[i]->word[1] != NULL && (argc < 2 ||
		    strcmp(commands[i]->word[1], argv[1]) != 0))
			continue;
		cli->command = commands[i];
		*used = commands[i]->word[1] != NULL ? 2 : 1;
		return (RX_OK);
	}
	if (family && argc > 1 && (strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0))
		return (help_commands(cli, argv[0], st));
	if (family) {
		family_words(argv[0], words, sizeof(words));
		rx_status_arg(st, "command", "%s", argv[0]);
		rx_status_arg(st, "words", "%s", words);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_COMMAND_PART));
	}
	rx_status_arg(st, "command", "%s", argv[0]);
	return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_COMMAND_UNKNOWN));
}

static rx_err
run(struct rx_cli *cli, int argc, char **argv, struct rx_status *st)
{
	int used, words;
	rx_err rc;

	if ((rc = rx_cli_parse_global(cli, argc, argv, &used, st)) != RX_OK)
		return (rc);
	if (cli->help)
		return (help_commands(cli, NULL, st));
	if (used == argc)
		return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_COMMAND_MISSING));
	argc -= used;
	argv += used;
	if ((rc = find(cli, argc, argv, &words, st)) != RX_OK ||
	    cli->command == NULL)
		return (rc);
	rc = rx_cli_parse(cli, argc - words + 1, argv + words - 1, st);
	if (rc != RX_OK)
		return (rc);
	if (cli->help)
		return (help_command(cli, st));
	if ((rc = default_dir(cli, st)) != RX_OK)
		return (rc);
	rx_cli_watch(cli);
	if ((rc = cli->command->run(cli, st)) != RX_OK)
		return (rc);
	/* Last, so that a refusal stays one line. */
	if (cli->weak)
		rx_cli_note(cli, RX_MSG_CLI_PASSPHRASE_SHORT, NULL);
	return (RX_OK);
}

int
rx_cli_main(int argc, char **argv)
{
	static struct rx_cli cli;
	struct rx_status st;
	rx_err rc;

	open_standard();
	if ((rc = start(&cli, &st)) == RX_OK)
		rc = run(&cli, argc, argv, &st);
	if (rc == RX_OK)
		rc = rx_cli_flush(&cli, &st);
	if (rc != RX_OK && !cli.told)
		rx_cli_complain(&cli, &st);
	rx_buf_free(&cli.out);
	return ((int)rc);
}
