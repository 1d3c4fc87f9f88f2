/* A case on the terminal or as JSON, and the help on record fields. */

#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "cli/cli.h"

const char *
rx_cli_type_name(const struct rx_cli *cli, enum rx_type type)
{

	if (type <= 0 || type >= RX_TYPE_COUNT)
		return ("?");
	return (rx_msg(rx_type_label(type), cli->lang));
}

/* ---- one value ---- */

static rx_err
put(struct rx_buf *out, const char *s, struct rx_status *st)
{

	return (rx_buf_add(out, s, strlen(s), st));
}

/* Text of several lines: the second and later ones are indented. */
static rx_err
put_lines(struct rx_buf *out, const char *s, struct rx_status *st)
{
	size_t n;
	rx_err rc;

	for (;;) {
		n = strcspn(s, "\n");
		if ((rc = rx_cli_clean(out, s, n, st)) != RX_OK)
			return (rc);
		if (s[n] == '\0')
			return (RX_OK);
		if ((rc = put(out, "\n      ", st)) != RX_OK)
			return (rc);
		s += n + 1;
	}
}

static rx_err
put_items(struct rx_cli *cli, const struct rx_record *r, enum rx_field f,
    struct rx_status *st)
{
	const struct rx_field_info *info = &rx_fields[f];
	char uuid[RX_UUID_TEXT];
	size_t k;
	rx_err rc;

	if (r->v[f].n == 0)
		return (put(&cli->out, rx_msg(RX_MSG_CLI_NONE_SEEN,
		    cli->lang), st));
	for (k = 0; k < r->v[f].n; k++) {
		if (k > 0 && (rc = put(&cli->out, cli->lang == RX_LANG_EN ?
		    ", " : "、", st)) != RX_OK)
			return (rc);
		if (info->kind == RX_K_CODES)
			rc = put(&cli->out, rx_cli_code(cli, info->list,
			    rx_record_item(r, f, k)), st);
		else {
			rx_uuid_text(rx_record_id(r, f, k), uuid);
			rc = put(&cli->out, uuid, st);
		}
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* A value that is one number. */
static rx_err
put_number(struct rx_cli *cli, const struct rx_record *r, enum rx_field f,
    struct rx_status *st)
{
	int64_t v = rx_record_int(r, f);
	char text[RX_DATE_TEXT];

	if (f == RX_F_RAISES_FLAG)
		return (put(&cli->out, rx_msg(v == 1 ? RX_MSG_CLI_BY_RULE :
		    RX_MSG_CLI_BY_PERSON, cli->lang), st));
	switch (rx_fields[f].kind) {
	case RX_K_CODE:
		return (put(&cli->out, rx_cli_code(cli, rx_fields[f].list, v),
		    st));
	case RX_K_DATE:
		rx_date_format((int32_t)v, text);
		return (put(&cli->out, text, st));
	case RX_K_MONTH:
		rx_month_format((int32_t)v, text);
		return (put(&cli->out, text, st));
	case RX_K_BOOL:
		return (put(&cli->out, rx_msg(v != 0 ? RX_MSG_CLI_YES :
		    RX_MSG_CLI_NO, cli->lang), st));
	case RX_K_FEN:
		return (rx_buf_printf(&cli->out, st, "%lld.%02d %s",
		    (long long)(v / 100), (int)(v % 100),
		    rx_msg(RX_MSG_CLI_YUAN, cli->lang)));
	default:
		return (rx_buf_printf(&cli->out, st, "%lld", (long long)v));
	}
}

static rx_err
put_value(struct rx_cli *cli, const struct rx_record *r, enum rx_field f,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES] = "", text[RX_UNIT_TEXT];
	size_t n;

	switch (rx_fields[f].kind) {
	case RX_K_TEXT:
	case RX_K_NOTE:
		return (put_lines(&cli->out, rx_record_text(r, f), st));
	case RX_K_CODES:
	case RX_K_ID:
	case RX_K_IDS:
	case RX_K_REF:
	case RX_K_REFS:
		return (put_items(cli, r, f, st));
	case RX_K_UNIT:
		n = r->v[f].n < sizeof(unit) ? r->v[f].n : sizeof(unit);
		memcpy(unit, rx_record_text(r, f), n);
		rx_unit_text(text, unit);
		return (put(&cli->out, text, st));
	default:
		return (put_number(cli, r, f, st));
	}
}

/* ---- one record ---- */

/* What it is, when, its id; of a child where it lives. */
static rx_err
print_title(struct rx_cli_case *c, const struct rx_record *r,
    struct rx_status *st)
{
	const char *id = rx_record_text(r, RX_F_CALLER_ID);
	const char *type = rx_cli_type_name(c->cli, r->type);
	char date[RX_DATE_TEXT], unit[RX_UNIT_TEXT], name[256];
	rx_err rc;

	if (r->type != RX_CHILD) {
		rx_date_format((int32_t)rx_record_int(r, RX_F_DATE), date);
		return (rx_cli_say(c->cli, st, RX_MSG_CLI_RECORD_TITLE, "type",
		    type, "date", date, "id", id, NULL));
	}
	rx_unit_text(unit, r->unit);
	if ((rc = rx_cli_say(c->cli, st, RX_MSG_CLI_CASE_TITLE, "type", type,
	    "id", id, NULL)) != RX_OK ||
	    (rc = rx_unit_name(c->session, r->unit, name, sizeof(name), st)) !=
	    RX_OK)
		return (rc);
	return (rx_cli_say(c->cli, st, RX_MSG_CLI_CASE_UNIT, "name", name,
	    "unit", unit, NULL));
}

static rx_err
print_record(struct rx_cli_case *c, const struct rx_record *r,
    struct rx_status *st)
{
	struct rx_cli *cli = c->cli;
	enum rx_field f;
	rx_err rc;

	rc = print_title(c, r, st);
	for (f = 0; rc == RX_OK && f < RX_FIELD_COUNT; f++) {
		/* In the title, or the same for all of the case. */
		if (!r->v[f].set || f == RX_F_DATE || f == RX_F_CALLER_ID ||
		    f == RX_F_CHILD || f == RX_F_SEEN ||
		    (f == RX_F_RAISES_FLAG && r->type == RX_FLAG))
			continue;
		rc = rx_buf_printf(&cli->out, st, "    %s%s",
		    rx_msg(rx_fields[f].label, cli->lang),
		    cli->lang == RX_LANG_EN ? ": " : "：");
		if (rc == RX_OK)
			rc = put_value(cli, r, f, st);
		if (rc == RX_OK)
			rc = put(&cli->out, "\n", st);
	}
	if (rc == RX_OK && r->type == RX_CHILD && !r->identity)
		rc = rx_cli_say(cli, st, RX_MSG_CLI_IDENTITY_CLOSED, NULL);
	return (rc);
}

/* Set ${key} unless the record's own JSON has it; consumes ${value}. */
static rx_err
add(json_t *o, const char *key, json_t *value, struct rx_status *st)
{

	if (json_object_get(o, key) != NULL) {
		json_decref(value);
		return (RX_OK);
	}
	return (rx_cli_set(o, key, value, st));
}

rx_err
rx_cli_record_json(json_t **out, const struct rx_record *r, struct rx_status *st)
{
	char uuid[RX_UUID_TEXT], unit[RX_UNIT_TEXT];
	rx_err rc;

	if ((rc = rx_record_json(out, r, st)) != RX_OK)
		return (rc);
	rx_uuid_text(r->id, uuid);
	rx_unit_text(unit, r->unit);
	rc = add(*out, "type", json_string(rx_type_key(r->type)), st);
	if (rc == RX_OK)
		rc = add(*out, "uuid", json_string(uuid), st);
	if (rc == RX_OK)
		rc = add(*out, "unit", json_string(unit), st);
	if (rc == RX_OK)
		rc = add(*out, "version", json_integer(r->version), st);
	if (rc == RX_OK)
		rc = add(*out, "recorded", rx_cli_time_json(r->at), st);
	if (rc != RX_OK) {
		json_decref(*out);
		*out = NULL;
	}
	return (rc);
}

/* ---- the case ---- */

rx_err
rx_cli_case_open(struct rx_cli_case *c, struct rx_cli *cli,
    struct rx_session *s, struct rx_status *st)
{

	c->cli = cli;
	c->session = s;
	c->child = NULL;
	c->records = NULL;
	if (cli->json && (c->records = json_array()) == NULL)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

rx_err
rx_cli_case_each(void *cookie, const struct rx_record *r, struct rx_status *st)
{
	struct rx_cli_case *c = cookie;
	char n[24];
	json_t *o;
	rx_err rc;

	if (!c->cli->json) {
		/* A child's may be a move. */
		if ((rc = print_record(c, r, st)) != RX_OK ||
		    r->version == 1 || r->type == RX_CHILD)
			return (rc);
		(void)snprintf(n, sizeof(n), "%u", r->version);
		return (rx_cli_say(c->cli, st, RX_MSG_CLI_RECORD_CORRECTED,
		    "n", n, NULL));
	}
	if ((rc = rx_cli_record_json(&o, r, st)) != RX_OK)
		return (rc);
	if (r->type == RX_CHILD && c->child == NULL) {
		c->child = o;
		return (RX_OK);
	}
	return (rx_cli_append(c->records, o, st));
}

rx_err
rx_cli_version(struct rx_cli_case *c, json_t *list,
    const struct rx_record *r, const char *author, struct rx_status *st)
{
	char time[RX_TIME_TEXT], n[24];
	json_t *o;
	rx_err rc;

	if (!c->cli->json) {
		rx_time_format(r->at, time);
		(void)snprintf(n, sizeof(n), "%u", r->version);
		if ((rc = print_record(c, r, st)) != RX_OK)
			return (rc);
		return (rx_cli_say(c->cli, st, RX_MSG_CLI_VERSION_SIGNED, "n",
		    n, "author", author, "time", time, NULL));
	}
	if ((rc = rx_cli_record_json(&o, r, st)) != RX_OK)
		return (rc);
	rc = rx_cli_set(o, "author", json_string(author), st);
	/* Nothing comes here that did not verify. */
	if (rc == RX_OK)
		rc = rx_cli_set(o, "verified", json_true(), st);
	if (rc != RX_OK) {
		json_decref(o);
		return (rc);
	}
	return (rx_cli_append(list, o, st));
}

rx_err
rx_cli_case_into(struct rx_cli_case *c, json_t *obj, struct rx_status *st)
{
	rx_err rc;

	if (!c->cli->json)
		return (RX_OK);
	rc = rx_cli_set(obj, "child", c->child != NULL ? c->child :
	    json_null(), st);
	c->child = NULL;
	if (rc == RX_OK) {
		rc = rx_cli_set(obj, "records", c->records, st);
		c->records = NULL;
	}
	return (rc);
}

void
rx_cli_case_close(struct rx_cli_case *c)
{

	json_decref(c->child);
	json_decref(c->records);
	c->child = c->records = NULL;
}

/* ---- help ---- */

static const char *
kind_word(enum rx_kind kind, enum rx_lang lang)
{

	switch (kind) {
	case RX_K_DATE:
		return ("YYYY-MM-DD");
	case RX_K_MONTH:
		return ("YYYY-MM");
	case RX_K_BOOL:
		return ("true|false");
	case RX_K_FEN:
		return (rx_msg(RX_MSG_CLI_KIND_FEN, lang));
	case RX_K_COUNT:
		return ("1..1000");
	case RX_K_CODE:
		return (rx_msg(RX_MSG_CLI_KIND_CODE, lang));
	case RX_K_CODES:
		return (rx_msg(RX_MSG_CLI_KIND_CODES, lang));
	case RX_K_REFS:
		return (rx_msg(RX_MSG_CLI_KIND_IDS, lang));
	default:
		return (rx_msg(RX_MSG_CLI_KIND_TEXT, lang));
	}
}

static rx_err
field_help(struct rx_cli *cli, enum rx_field f, enum rx_type type,
    struct rx_status *st)
{
	const struct rx_field_info *info = &rx_fields[f];
	const struct rx_code *codes;
	size_t i, n = 0;
	rx_err rc;

	rc = rx_buf_printf(&cli->out, st, "  %c %-17s %s  (%s)\n",
	    (info->must & (1u << type)) != 0 ? '*' : ' ', info->key,
	    rx_msg(info->label, cli->lang), kind_word(info->kind, cli->lang));
	if (rc != RX_OK || info->list == RX_LIST_NONE)
		return (rc);
	codes = rx_codes(info->list, &n);
	for (i = 0; rc == RX_OK && i < n; i++)
		rc = rx_buf_printf(&cli->out, st, "        %-28s %s\n",
		    codes[i].key, cli->lang == RX_LANG_EN ? codes[i].en :
		    codes[i].zh);
	return (rc);
}

/* A record of each type that is read from stdin, with what it must have. */
static const char *const examples[RX_TYPE_COUNT] = {
	[RX_CHILD] = "{\"id\":\"c1\",\"unit\":\"350102001001\","
	    "\"name\":\"…\",\"sex\":\"f\",\"birth\":\"2014-05\","
	    "\"categories\":[\"left_behind\"],"
	    "\"legal_basis\":\"consent\"}",
	[RX_OBSERVATION] = "{\"child\":\"c1\",\"date\":\"2025-06-03\","
	    "\"channel\":\"home_visit\",\"signs\":[\"mood_low\"],"
	    "\"risk\":\"yellow\",\"note\":\"…\"}",
	[RX_INTERVENTION] = "{\"child\":\"c1\",\"date\":\"2025-06-10\","
	    "\"kind\":\"visit_condolence\",\"delivered\":true,"
	    "\"face_to_face\":true}",
	[RX_ACTIVITY] = "{\"unit\":\"350102001001\","
	    "\"date\":\"2025-06-01\",\"kind\":\"theme_activity\","
	    "\"held\":true,\"children\":[\"c1\"]}",
	[RX_FLAG] = "{\"child\":\"c1\",\"date\":\"2025-06-03\","
	    "\"reason\":\"…\"}",
	[RX_REPORT] = "{\"child\":\"c1\",\"date\":\"2025-06-03\","
	    "\"situations\":[\"mr4_injury_violence\"],"
	    "\"authority\":\"police\"}"
};

static rx_err
fields_help(struct rx_cli *cli, enum rx_type type, struct rx_status *st)
{
	enum rx_field f;
	rx_err rc = RX_OK;

	if (type == RX_CHILD || type == RX_ACTIVITY)
		rc = rx_buf_printf(&cli->out, st, "  * %-17s %s\n", "unit",
		    rx_msg(RX_MSG_CLI_FIELD_UNIT, cli->lang));
	for (f = 0; rc == RX_OK && f < RX_FIELD_COUNT; f++) {
		/* These are the register's to set. */
		if ((rx_fields[f].may & (1u << type)) == 0 ||
		    f == RX_F_RAISES_FLAG || f == RX_F_HAS_NEED)
			continue;
		rc = field_help(cli, f, type, st);
	}
	return (rc);
}

rx_err
rx_cli_fields_help(struct rx_cli *cli, enum rx_type type, struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_cli_say(cli, st, RX_MSG_CLI_HELP_FIELDS, NULL)) !=
	    RX_OK || (rc = fields_help(cli, type, st)) != RX_OK ||
	    examples[type] == NULL)
		return (rc);
	if ((rc = rx_cli_say(cli, st, RX_MSG_CLI_HELP_EXAMPLE, NULL)) != RX_OK)
		return (rc);
	return (rx_buf_printf(&cli->out, st, "  %s\n", examples[type]));
}

rx_err
rx_cli_lines_help(struct rx_cli *cli, struct rx_status *st)
{
	int type;
	rx_err rc;

	rc = rx_cli_say(cli, st, RX_MSG_CLI_HELP_LINES, NULL);
	for (type = 1; rc == RX_OK && type < RX_TYPE_COUNT; type++) {
		if (type == RX_REVIEW)		/* never imported */
			continue;
		if ((rc = rx_buf_printf(&cli->out, st, "\n\"type\":\"%s\"  %s\n",
		    rx_type_key((enum rx_type)type),
		    rx_cli_type_name(cli, (enum rx_type)type))) == RX_OK)
			rc = fields_help(cli, (enum rx_type)type, st);
	}
	if (rc != RX_OK ||
	    (rc = rx_cli_say(cli, st, RX_MSG_CLI_HELP_EXAMPLE, NULL)) != RX_OK)
		return (rc);
	return (rx_buf_printf(&cli->out, st, "  {\"type\":\"observation\","
	    "\"id\":\"o1\",%s\n", examples[RX_OBSERVATION] + 1));
}
