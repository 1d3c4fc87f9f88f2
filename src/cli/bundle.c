/* bundle make, bundle open, bundle show, bundle list, user fingerprint. */

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "cli/cli.h"

static const uint8_t home[RX_ID_BYTES];

/* How a copy is called before its bundle is opened: by its id. */
static void
copy_text(const struct rx_cli *cli, const struct rx_bundle *b, char *out,
    size_t size)
{
	char hex[2 * RX_ID_BYTES + 1];

	rx_hex(hex, b->copy, RX_ID_BYTES);
	(void)snprintf(out, size, "%s", memcmp(b->copy, home, RX_ID_BYTES) ==
	    0 ? rx_msg(RX_MSG_CLI_BUNDLE_HOME, cli->lang) :
	    b->copy_name[0] != '\0' ? b->copy_name : hex);
}

static rx_err
set_size(json_t *o, const char *key, size_t n, struct rx_status *st)
{

	return (rx_cli_set(o, key, json_integer((json_int_t)n), st));
}

/* What the outside of a bundle says. */
static rx_err
describe_json(const struct rx_bundle *b, json_t *o, struct rx_status *st)
{
	char unit[RX_UNIT_TEXT], hex[2 * RX_HASH_BYTES + 1];
	rx_err rc;

	rx_unit_text(unit, b->unit);
	rx_hex(hex, b->copy, RX_ID_BYTES);
	rc = rx_cli_set(o, "copy", memcmp(b->copy, home, RX_ID_BYTES) == 0 ?
	    json_null() : json_string(hex), st);
	if (rc == RX_OK && b->copy_name[0] != '\0')
		rc = rx_cli_set(o, "copy_name", json_string(b->copy_name), st);
	if (rc == RX_OK)
		rc = set_size(o, "number", (size_t)b->number, st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "made", rx_cli_time_json(b->made), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "unit", json_string(unit), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "recipients", json_string(b->recipients),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "mine", json_boolean(b->mine), st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "sender", b->known ?
		    json_string(b->sender) : json_null(), st);
	if (rc == RX_OK && b->known)
		rc = rx_cli_set(o, "fingerprint", json_string(b->fingerprint),
		    st);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "root", json_string(b->root), st);
	rx_hex(hex, b->digest, RX_HASH_BYTES);
	if (rc == RX_OK)
		rc = rx_cli_set(o, "digest", json_string(hex), st);
	return (rc);
}

static rx_err
describe_text(struct rx_cli *cli, const struct rx_bundle *b,
    struct rx_status *st)
{
	char copy[80], n[24], time[RX_TIME_TEXT], unit[RX_UNIT_TEXT];
	rx_err rc;

	copy_text(cli, b, copy, sizeof(copy));
	(void)snprintf(n, sizeof(n), "%llu", (unsigned long long)b->number);
	rx_time_format(b->made, time);
	rx_unit_text(unit, b->unit);
	if ((rc = rx_cli_say(cli, st, b->known ? RX_MSG_CLI_BUNDLE_FROM :
	    RX_MSG_CLI_BUNDLE_UNKNOWN, "user", b->sender, "copy", copy, "n",
	    n, "time", time, NULL)) != RX_OK ||
	    (rc = rx_cli_say(cli, st, RX_MSG_CLI_BUNDLE_TO, "unit", unit,
	    "to", b->recipients, NULL)) != RX_OK)
		return (rc);
	if (b->known && (rc = rx_cli_say(cli, st, RX_MSG_CLI_FINGERPRINT,
	    "user", b->sender, "digits", b->fingerprint, NULL)) != RX_OK)
		return (rc);
	return (rx_cli_say(cli, st, RX_MSG_CLI_FINGERPRINT_ROOT, "digits",
	    b->root, NULL));
}

/* ---- make ---- */

enum { O_TO };

static rx_err
run_make(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_bundle b, shown;
	struct rx_session *s;
	char n[24];
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_writable(cli->operand[0], st)) != RX_OK ||
	    (rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((rc = rx_bundle_make(s, cli->value[O_TO], cli->operand[0], &b,
	    st)) == RX_OK)
		rc = rx_bundle_show(s, cli->operand[0], &shown, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json) {
		(void)snprintf(n, sizeof(n), "%llu",
		    (unsigned long long)shown.number);
		return (rx_cli_say(cli, st, RX_MSG_CLI_BUNDLE_MADE, "n", n,
		    "file", cli->operand[0], "to", shown.recipients, NULL));
	}
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, describe_json(&shown, o, st), st));
}

const struct rx_cli_command rx_cli_bundle_make = {
	{ "bundle", "make" }, "--to UNIT FILE", RX_MSG_CLI_HELP_BUNDLE_MAKE,
	run_make, 1, 1, 0, {
		[O_TO] = { "to", RX_CLI_NEEDED, 0 },
	}
};

/* ---- show ---- */

static rx_err
run_show(struct rx_cli *cli, struct rx_status *st)
{
	struct rx_session *s;
	struct rx_bundle b;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	rc = rx_bundle_show(s, cli->operand[0], &b, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json) {
		if ((rc = describe_text(cli, &b, st)) != RX_OK)
			return (rc);
		return (rx_cli_say(cli, st, b.mine ? RX_MSG_CLI_BUNDLE_MINE :
		    RX_MSG_CLI_BUNDLE_NOT_MINE, NULL));
	}
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, describe_json(&b, o, st), st));
}

const struct rx_cli_command rx_cli_bundle_show = {
	{ "bundle", "show" }, "FILE", RX_MSG_CLI_HELP_BUNDLE_SHOW, run_show,
	1, 1, 0, { { NULL, RX_CLI_SWITCH, 0 } }
};

/* ---- open ---- */

enum { O_DRY_RUN, O_DESPITE };

static rx_err
remark(struct rx_cli *cli, enum rx_msg msg, size_t count,
    struct rx_status *st)
{
	char n[24];

	if (count == 0)
		return (RX_OK);
	(void)snprintf(n, sizeof(n), "%zu", count);
	return (rx_cli_say(cli, st, msg, "n", n, NULL));
}

static rx_err
counts_text(struct rx_cli *cli, const struct rx_bundle *b,
    struct rx_status *st)
{
	const size_t count[6] = { b->children, b->records, b->activities,
	    b->keys, b->present, b->conflicts };
	char n[6][24];
	size_t i;
	rx_err rc;

	for (i = 0; i < 6; i++)
		(void)snprintf(n[i], sizeof(n[i]), "%zu", count[i]);
	if ((rc = rx_cli_say(cli, st, RX_MSG_CLI_BUNDLE_COUNTS, "children",
	    n[0], "records", n[1], "activities", n[2], "keys", n[3],
	    "present", n[4], "conflicts", n[5], NULL)) != RX_OK ||
	    (rc = remark(cli, RX_MSG_CLI_BUNDLE_CONFLICTS, b->conflicts,
	    st)) != RX_OK ||
	    (rc = remark(cli, RX_MSG_CLI_BUNDLE_REFUSED, b->refused, st)) !=
	    RX_OK ||
	    (rc = remark(cli, RX_MSG_CLI_BUNDLE_LOST, b->lost, st)) != RX_OK ||
	    (rc = remark(cli, RX_MSG_CLI_BUNDLE_ERASED, b->erased, st)) !=
	    RX_OK ||
	    (rc = remark(cli, RX_MSG_CLI_BUNDLE_GONE, b->gone, st)) != RX_OK ||
	    (rc = remark(cli, RX_MSG_CLI_BUNDLE_SKIPPED, b->skipped, st)) !=
	    RX_OK)
		return (rc);
	return (cli->value[O_DRY_RUN] == NULL ? RX_OK :
	    rx_cli_say(cli, st, RX_MSG_CLI_BUNDLE_TRIED, NULL));
}

static rx_err
counts_json(struct rx_cli *cli, const struct rx_bundle *b, json_t *o,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = describe_json(b, o, st)) == RX_OK &&
	    (rc = set_size(o, "children", b->children, st)) == RX_OK &&
	    (rc = set_size(o, "records", b->records, st)) == RX_OK &&
	    (rc = set_size(o, "activities", b->activities, st)) == RX_OK &&
	    (rc = set_size(o, "keys", b->keys, st)) == RX_OK &&
	    (rc = set_size(o, "present", b->present, st)) == RX_OK &&
	    (rc = set_size(o, "conflicts", b->conflicts, st)) == RX_OK &&
	    (rc = set_size(o, "heads", b->heads, st)) == RX_OK &&
	    (rc = set_size(o, "lost", b->lost, st)) == RX_OK &&
	    (rc = set_size(o, "refused", b->refused, st)) == RX_OK &&
	    (rc = set_size(o, "erased", b->erased, st)) == RX_OK &&
	    (rc = set_size(o, "gone", b->gone, st)) == RX_OK &&
	    (rc = set_size(o, "skipped", b->skipped, st)) == RX_OK)
		rc = rx_cli_set(o, "merged",
		    json_boolean(cli->value[O_DRY_RUN] == NULL), st);
	return (rc);
}

static rx_err
run_open(struct rx_cli *cli, struct rx_status *st)
{
	const bool keep = cli->value[O_DRY_RUN] == NULL;
	struct rx_session *s;
	struct rx_bundle b;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if (cli->value[O_DESPITE] != NULL)
		rc = rx_bundle_open_despite(s, cli->operand[0], keep, &b, st);
	else
		rc = rx_bundle_open(s, cli->operand[0], keep, &b, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json) {
		if ((rc = describe_text(cli, &b, st)) != RX_OK)
			return (rc);
		return (counts_text(cli, &b, st));
	}
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (rx_cli_print(cli, o, counts_json(cli, &b, o, st), st));
}

const struct rx_cli_command rx_cli_bundle_open = {
	{ "bundle", "open" }, "FILE [--dry-run] [--despite-head]",
	RX_MSG_CLI_HELP_BUNDLE_OPEN, run_open, 1, 1, 0, {
		[O_DRY_RUN] = { "dry-run", RX_CLI_SWITCH, 0 },
		[O_DESPITE] = { "despite-head", RX_CLI_SWITCH, 0 },
	}
};

/* ---- list ---- */

struct listing {
	struct rx_cli *cli;
	json_t *rows;
};

static rx_err
list_each(void *cookie, const struct rx_bundle *b, struct rx_status *st)
{
	struct listing *l = cookie;
	char copy[80];
	json_t *o;
	rx_err rc;

	copy_text(l->cli, b, copy, sizeof(copy));
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_cli_set(o, "copy", json_string(copy), st)) == RX_OK &&
	    (rc = set_size(o, "number", (size_t)b->number, st)) == RX_OK &&
	    (rc = rx_cli_set(o, "made", rx_cli_time_json(b->made), st)) ==
	    RX_OK)
		rc = rx_cli_set(o, "sender", json_string(b->sender), st);
	if (rc != RX_OK) {
		json_decref(o);
		return (rc);
	}
	return (rx_cli_append(l->rows, o, st));
}

static const struct rx_cli_column columns[] = {
	{ RX_MSG_CLI_COL_COPY, "copy", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_NUMBER, "number", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_MADE, "made", RX_LIST_NONE, NULL },
	{ RX_MSG_CLI_COL_USER, "sender", RX_LIST_NONE, NULL },
};

static rx_err
run_list(struct rx_cli *cli, struct rx_status *st)
{
	struct listing l = { cli, NULL };
	struct rx_session *s;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	if ((l.rows = json_array()) == NULL)
		rc = rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY);
	else if ((rc = rx_bundle_each(s, list_each, &l, st)) == RX_OK)
		rc = rx_cli_list(cli, l.rows, columns,
		    sizeof(columns) / sizeof(columns[0]),
		    RX_MSG_CLI_BUNDLES_NONE, st);
	json_decref(l.rows);
	rx_session_close(s);
	return (rc);
}

const struct rx_cli_command rx_cli_bundle_list = {
	{ "bundle", "list" }, "", RX_MSG_CLI_HELP_BUNDLE_LIST, run_list, 0, 0,
	0, { { NULL, RX_CLI_SWITCH, 0 } }
};

/* ---- fingerprints ---- */

static rx_err
run_fingerprint(struct rx_cli *cli, struct rx_status *st)
{
	char digits[36], root[36];
	struct rx_session *s;
	const char *user;
	json_t *o;
	rx_err rc;

	if ((rc = rx_cli_session(cli, &s, st)) != RX_OK)
		return (rc);
	user = cli->operand[0] != NULL ? cli->operand[0] : cli->user;
	rc = rx_user_fingerprint(s, user, digits, root, st);
	rx_session_close(s);
	if (rc != RX_OK)
		return (rc);
	if (!cli->json) {
		if ((rc = rx_cli_say(cli, st, RX_MSG_CLI_FINGERPRINT, "user",
		    user, "digits", digits, NULL)) != RX_OK ||
		    (rc = rx_cli_say(cli, st, RX_MSG_CLI_FINGERPRINT_ROOT,
		    "digits", root, NULL)) != RX_OK)
			return (rc);
		return (rx_cli_say(cli, st, RX_MSG_CLI_FINGERPRINT_HINT,
		    NULL));
	}
	if ((o = json_object()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	if ((rc = rx_cli_set(o, "user", json_string(user), st)) == RX_OK &&
	    (rc = rx_cli_set(o, "fingerprint", json_string(digits), st)) ==
	    RX_OK)
		rc = rx_cli_set(o, "root", json_string(root), st);
	return (rx_cli_print(cli, o, rc, st));
}

const struct rx_cli_command rx_cli_user_fingerprint = {
	{ "user", "fingerprint" }, "[USER]",
	RX_MSG_CLI_HELP_USER_FINGERPRINT, run_fingerprint, 0, 1, 0,
	{ { NULL, RX_CLI_SWITCH, 0 } }
};
