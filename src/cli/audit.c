/* audit verify, audit head. */

#include <stdio.h>
#include <unistd.h>

#include "base/date.h"
#include "cli/cli.h"

enum { O_ANCHOR };

static void
progress(void *cookie, size_t done)
{

	(void)cookie;
	if (done % 1000 == 0)
		(void)fprintf(stderr, "\r%zu ", done);
}

static rx_err
verified(struct rx_cli *cli, uint64_t entries, struct rx_status *st)
{
	char n[24];
	json_t *o;
	rx_err rc;

	if (!cli->json) {
		(void)snprintf(n, sizeof(n), "%llu",
		    (unsigned long long)entries);
		rc = rx_cli_say(cli, st, RX_MSG_CLI_AUDIT_INTACT, "n", n,
		    NULL);
		if (rc == RX_OK && cli->value[O_ANCHOR] == NULL)
			rc = rx_cli_say(cli, st, RX_MSG_CLI_AUDIT_NO_ANCHOR,
			    NULL);
		return (rc);
	}
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "entries", json_integer((json_int_t)entries), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "intact", json_true(), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "anchored",
		    json_boolean(cli->value[O_ANCHOR] != NULL), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
run_verify(struct rx_cli *cli, struct rx_status *st)
{
	bool show = isatty(STDERR_FILENO) == 1;
	uint64_t entries = 0;
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_audit_verify(s, cli->value[O_ANCHOR], &entries,
	    show ? progress : NULL, NULL, st);
	if (show)
		(void)fputs("\r          \r", stderr);
	rx_session_close(s);
	return (rc != RX_OK ? rc : verified(cli, entries, st));
}

const struct rx_cli_command rx_cli_audit_verify = {
	{ "audit", "verify" }, "[--anchor SEQ-HEX]",
	RX_MSG_CLI_HELP_AUDIT_VERIFY, run_verify, 0, 0, 0,
	{ [O_ANCHOR] = { "anchor", RX_CLI_VALUE, 0 } }
};

rx_err
rx_cli_head(struct rx_cli *cli, const struct rx_audit_head *head,
    struct rx_status *st)
{
	char hex[2 * RX_HASH_BYTES + 1], text[2 * RX_HASH_BYTES + 32];
	json_t *o;
	rx_err rc;

	rx_hex(hex, head->hash, sizeof(head->hash));
	(void)snprintf(text, sizeof(text), "%llu-%s",
	    (unsigned long long)head->seq, hex);
	if (!cli->json)
		return (rx_buf_printf(&cli->out, st, "%s\n", text));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	rc = rx_cli_set(o, "head", json_string(text), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "seq", json_integer((json_int_t)head->seq),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "time", rx_cli_time_json(head->time), st);
	if (rc == RX_OK)
		rc = rx_json_write(&cli->out, o, st);
	json_decref(o);
	return (rc);
}

static rx_err
run_head(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_audit_head head;
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_audit_head(s, &head, st);
	rx_session_close(s);
	return (rc != RX_OK ? rc : rx_cli_head(cli, &head, st));
}

const struct rx_cli_command rx_cli_audit_head = {
	{ "audit", "head" }, "", RX_MSG_CLI_HELP_AUDIT_HEAD, run_head, 0, 0,
	0, { { NULL, RX_CLI_SWITCH, 0 } }
};
