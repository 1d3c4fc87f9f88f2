/* init: make a register, write the custodian codes. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "cli/cli.h"

enum { O_UNIT, O_NAME, O_RECOVERY };

/* The explanation and the codes in both languages: custodians may not read
 * the language of whoever made the register. */
static rx_err
recovery_text(struct rx_buf *out, const struct rx_codes *codes, bool demo,
    struct rx_status *st)
{
	static const enum rx_lang langs[] = { RX_LANG_ZH, RX_LANG_EN };
	rx_err rc = RX_OK;
	size_t i;

	for (i = 0; rc == RX_OK && i < 2; i++) {
		rc = rx_buf_printf(out, st, "%s\n\n",
		    rx_msg(RX_MSG_CLI_RECOVERY_TITLE, langs[i]));
		if (rc == RX_OK && demo)
			rc = rx_buf_printf(out, st, "%s\n\n",
			    rx_msg(RX_MSG_CLI_RECOVERY_DEMO, langs[i]));
		if (rc == RX_OK)
			rc = rx_buf_printf(out, st, "%s\n\n",
			    rx_msg(RX_MSG_CLI_RECOVERY_TEXT, langs[i]));
	}
	for (i = 0; rc == RX_OK && i < 3; i++)
		rc = rx_buf_printf(out, st, "%c  %s\n\n", (char)('A' + i),
		    codes->text[i]);
	return (rc);
}

rx_err
rx_cli_recovery_write(const char *path, const struct rx_codes *codes,
    bool demo, struct rx_status *st)
{
	struct rx_buf text = RX_BUF_INIT;
	rx_err rc;

	if ((rc = recovery_text(&text, codes, demo, st)) == RX_OK)
		rc = rx_file_write(path, text.b, text.len, 0600, false, st);
	rx_buf_free(&text);
	return (rc);
}

/* The file of the codes must not exist and must be possible, before anything
 * is made. */
static rx_err
recovery_check(const char *path, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_file_absent(path, st)) != RX_OK)
		return (rc);
	return (rx_cli_writable(path, st));
}

rx_err
rx_cli_make_parents(struct rx_cli *cli, struct rx_status *st)
{
	char *slash;
	int made;

	if (cli->dir != cli->home)
		return (RX_OK);
	for (slash = strchr(cli->home + 1, '/'); slash != NULL;
	    slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		made = mkdir(cli->home, 0700);
		if (made != 0 && errno != EEXIST) {
			rx_status_arg(st, "file", "%s", cli->home);
			*slash = '/';
			return (rx_fail(st, RX_EIO, RX_MSG_CLI_UNWRITABLE));
		}
		*slash = '/';
	}
	return (RX_OK);
}

/* The register stands, its codes could not be kept: say what to do. */
static rx_err
codes_lost(struct rx_cli *cli, rx_err code, struct rx_status *st)
{

	rx_status_clear(st);
	rx_status_arg(st, "file", "%s", cli->value[O_RECOVERY]);
	rx_status_arg(st, "dir", "%s", cli->dir);
	return (rx_fail(st, code, RX_MSG_CLI_CODES_LOST));
}

static rx_err
report(struct rx_cli *cli, struct rx_status *st)
{
	json_t *o;
	rx_err rc;

	if (!cli->json)
		return (rx_cli_say(cli, st, RX_MSG_CLI_INIT_DONE, "dir",
		    cli->dir, "user", cli->user, "file",
		    cli->value[O_RECOVERY], NULL));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "register", json_string(cli->dir), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "user", json_string(cli->user), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "recovery",
		    json_string(cli->value[O_RECOVERY]), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
make(struct rx_cli *cli, const struct rx_secret *passphrase,
    struct rx_status *st)
{
	struct rx_secret *mem;
	struct rx_codes *codes;
	rx_err rc;

	if ((rc = rx_secret_new(&mem, sizeof(*codes), st)) != RX_OK)
		return (rc);
	codes = (struct rx_codes *)(void *)mem->b;
	rc = rx_register_create(cli->dir, cli->user, cli->value[O_NAME],
	    cli->value[O_UNIT], passphrase, codes, st);
	if (rc == RX_OK) {
		rc = rx_cli_recovery_write(cli->value[O_RECOVERY], codes,
		    false, st);
		if (rc != RX_OK)
			rc = codes_lost(cli, rc, st);
	}
	rx_secret_free(mem);
	return (rc);
}

static rx_err
run(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_secret *passphrase;
	char unit[RX_UNIT_BYTES];
	rx_err rc;

	if ((rc = rx_cli_need_user(cli, st)) != RX_OK ||
	    (rc = rx_unit_parse(unit, cli->value[O_UNIT], st)) != RX_OK ||
	    (rc = recovery_check(cli->value[O_RECOVERY], st)) != RX_OK)
		return (rc);
	rc = rx_cli_new_passphrase(cli, cli->passphrase_fd, &passphrase, st);
	if (rc != RX_OK)
		return (rc);
	if ((rc = rx_cli_make_parents(cli, st)) == RX_OK)
		rc = make(cli, passphrase, st);
	rx_secret_free(passphrase);
	return (rc != RX_OK ? rc : report(cli, st));
}

const struct rx_cli_command rx_cli_init = {
	{ "init", NULL }, "--unit CODE --name NAME --recovery-out FILE",
	RX_MSG_CLI_HELP_INIT, run, 0, 0, 0, {
		[O_UNIT] = { "unit", RX_CLI_NEEDED, 0 },
		[O_NAME] = { "name", RX_CLI_NEEDED, 0 },
		[O_RECOVERY] = { "recovery-out", RX_CLI_NEEDED, 0 },
	}
};
