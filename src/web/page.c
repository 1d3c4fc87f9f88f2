#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "web/web.h"

/* What pages share: data out. */

rx_err
rx_put(json_t *data, const char *key, json_t *value, struct rx_status *st)
{

	if (value == NULL || json_object_set_new(data, key, value) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

rx_err
rx_put_text(json_t *data, const char *key, const char *text,
    struct rx_status *st)
{

	return (rx_put(data, key, json_string(text), st));
}

rx_err
rx_put_int(json_t *data, const char *key, int64_t v, struct rx_status *st)
{

	return (rx_put(data, key, json_integer(v), st));
}

rx_err
rx_put_bool(json_t *data, const char *key, bool v, struct rx_status *st)
{

	return (rx_put(data, key, json_boolean(v), st));
}

rx_err
rx_put_date(json_t *data, const char *key, int32_t date,
    struct rx_status *st)
{
	char text[RX_DATE_TEXT];

	if (date == 0)
		return (RX_OK);
	rx_date_format(date, text);
	return (rx_put_text(data, key, text, st));
}

rx_err
rx_put_time(json_t *data, const char *key, int64_t ms, struct rx_status *st)
{
	char text[RX_TIME_TEXT];

	if (ms == 0)
		return (RX_OK);
	rx_time_format(ms, text);
	text[16] = '\0';	/* no seconds */
	return (rx_put_text(data, key, text, st));
}

rx_err
rx_put_say_two(json_t *data, const char *key, const struct rx_request *q,
    enum rx_msg msg, const char *a, const char *va, const char *b,
    const char *vb, struct rx_status *st)
{
	struct rx_status say;
	char text[1024];

	rx_status_clear(&say);
	if (a != NULL)
		rx_status_arg(&say, a, "%s", va);
	if (b != NULL)
		rx_status_arg(&say, b, "%s", vb);
	say.msg = msg;
	rx_status_text(&say, q->lang, text, sizeof(text));
	return (rx_put_text(data, key, text, st));
}

rx_err
rx_put_say(json_t *data, const char *key, const struct rx_request *q,
    enum rx_msg msg, const char *arg, const char *value, struct rx_status *st)
{

	return (rx_put_say_two(data, key, q, msg, arg, value, NULL, NULL, st));
}

rx_err
rx_put_say_int(json_t *data, const char *key, const struct rx_request *q,
    enum rx_msg msg, const char *arg, int64_t value, struct rx_status *st)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%lld", (long long)value);
	return (rx_put_say(data, key, q, msg, arg, text, st));
}

rx_err
rx_put_code(json_t *data, const char *key, const struct rx_request *q,
    enum rx_list list, int64_t no, struct rx_status *st)
{
	const struct rx_code *c = no <= 0 || no > UINT16_MAX ? NULL :
	    rx_code_by_no(list, (uint16_t)no);
	char code_key[64];
	rx_err rc;

	if (c == NULL)
		return (RX_OK);
	(void)snprintf(code_key, sizeof(code_key), "%s_code", key);
	if ((rc = rx_put_text(data, code_key, c->key, st)) != RX_OK)
		return (rc);
	return (rx_put_text(data, key, q->lang == RX_LANG_EN ? c->en : c->zh,
	    st));
}

rx_err
rx_put_item(json_t *data, const char *key, json_t **item,
    struct rx_status *st)
{
	json_t *list = json_object_get(data, key);
	rx_err rc;

	*item = NULL;
	if (list == NULL) {
		list = json_array();
		if ((rc = rx_put(data, key, list, st)) != RX_OK)
			return (rc);
	}
	if ((*item = json_object()) == NULL ||
	    json_array_append_new(list, *item) != 0)
		return (rx_fail(st, RX_EINTERNAL, RX_MSG_NO_MEMORY));
	return (RX_OK);
}

rx_err
rx_put_shown(json_t *data, const char *key, struct rx_status *st)
{
	char shown[64];

	(void)snprintf(shown, sizeof(shown), "%s_shown", key);
	return (rx_put_bool(data, shown, json_array_size(json_object_get(data,
	    key)) > 0, st));
}

rx_err
rx_put_choices(json_t *data, const char *key, const struct rx_request *q,
    enum rx_list list, const char *chosen, struct rx_status *st)
{
	const struct rx_code *codes;
	const char *v;
	json_t *item;
	size_t i, k, n;
	bool on;
	rx_err rc;

	codes = rx_codes(list, &n);
	for (i = 0; i < n; i++) {
		for (on = false, k = 0; !on && chosen != NULL &&
		    (v = rx_field_nth(q, chosen, k)) != NULL; k++)
			on = strcmp(v, codes[i].key) == 0;
		if ((rc = rx_put_item(data, key, &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "key", codes[i].key, st)) !=
		    RX_OK || (rc = rx_put_text(item, "name",
		    q->lang == RX_LANG_EN ? codes[i].en : codes[i].zh, st)) !=
		    RX_OK || (rc = rx_put_bool(item, "checked", on, st)) !=
		    RX_OK || (rc = rx_put_bool(item, "urgent",
		    rx_code_has(&codes[i], "urgent"), st)) != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

rx_err
rx_put_form(json_t *data, const struct rx_request *q,
    const char *const *names, struct rx_status *st)
{
	json_t *form;
	rx_err rc;

	if ((form = json_object_get(data, "form")) == NULL) {
		form = json_object();
		if ((rc = rx_put(data, "form", form, st)) != RX_OK)
			return (rc);
	}
	for (; *names != NULL; names++)
		if ((rc = rx_put_text(form, *names, rx_field(q, *names),
		    st)) != RX_OK)
			return (rc);
	return (RX_OK);
}

unsigned
rx_web_status(const struct rx_status *st)
{

	if (st->msg == RX_MSG_WEB_TOO_MANY)
		return (429);
	if (st->msg == RX_MSG_MEMLOCK)
		return (503);
	switch (st->code) {
	case RX_OK: return (200);
	case RX_EUSAGE: return (422);
	case RX_EPERM: return (403);
	case RX_ENOENT: return (404);
	case RX_ECONFLICT: return (409);
	case RX_EIO: return (503);
	default: return (500);
	}
}

rx_err
rx_put_error(struct rx_reply *a, const struct rx_request *q,
    struct rx_status *st)
{
	char text[1024];

	if (st->code == RX_EINTERNAL || st->code == RX_ECORRUPT)
		rx_web_log(st);
	/* Nobody signed in is asked for a name. */
	if (st->msg == RX_MSG_WRONG_PASSPHRASE && q->session != NULL)
		st->msg = RX_MSG_WEB_PASSPHRASE_WRONG;
	rx_status_text(st, q->lang, text, sizeof(text));
	a->status = rx_web_status(st);
	rx_status_clear(st);
	return (rx_put_text(a->data, "error", text, st));
}

/* What only whoever runs the server can mend is told there. */
void
rx_web_log(const struct rx_status *st)
{
	char text[512];

	rx_status_text(st, RX_LANG_EN, text, sizeof(text));
	(void)fprintf(stderr, "runxin: %s\n", text);
}

void
rx_redirect(struct rx_reply *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(a->redirect, sizeof(a->redirect), fmt, ap);
	va_end(ap);
}

void
rx_redirect_with(struct rx_reply *a, enum rx_msg msg, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(a->redirect, sizeof(a->redirect), fmt, ap);
	va_end(ap);
	a->flash = msg;
}
