#include <stdlib.h>
#include <string.h>

#include "web/admin.h"

/*
 * What the register chooses for itself: all settings in one form, of which those
 * that differ are stored, each with an entry of its own in the audit.
 */

struct settings {
	struct rx_setting_row row[RX_SETTINGS];
	size_t n;
};

static rx_err
take_setting(void *cookie, const struct rx_setting_row *row,
    struct rx_status *st)
{
	struct settings *all = cookie;

	(void)st;
	all->row[all->n++] = *row;
	return (RX_OK);
}

static rx_err
settings_read(struct settings *all, const struct rx_request *q,
    struct rx_status *st)
{

	memset(all, 0, sizeof(*all));
	return (rx_setting_each(q->session, take_setting, all, st));
}

/* ---- the page ---- */

/* How far it may go, and what it is when nobody chooses. */
static rx_err
put_bounds(json_t *item, const struct rx_request *q,
    const struct rx_setting_row *row, struct rx_status *st)
{
	struct rx_status say;
	char text[256];

	rx_status_clear(&say);
	rx_status_arg(&say, "min", "%d", row->min);
	rx_status_arg(&say, "max", "%d", row->max);
	rx_status_arg(&say, "n", "%d", row->otherwise);
	say.msg = RX_MSG_WEB_SETTING_BOUNDS;
	rx_status_text(&say, q->lang, text, sizeof(text));
	return (rx_put_text(item, "bounds", text, st));
}

static rx_err
put_setting(json_t *data, const struct rx_request *q,
    const struct rx_setting_row *row, struct rx_status *st)
{
	json_t *item;
	rx_err rc;

	if ((rc = rx_put_item(data, "settings", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "key", row->key, st)) != RX_OK ||
	    (rc = rx_put_text(item, "about", rx_msg(row->about, q->lang),
	    st)) != RX_OK ||
	    (rc = rx_put_int(item, "min", row->min, st)) != RX_OK ||
	    (rc = rx_put_int(item, "max", row->max, st)) != RX_OK ||
	    (rc = rx_put_bool(item, "chosen", row->set, st)) != RX_OK ||
	    (rc = put_bounds(item, q, row, st)) != RX_OK)
		return (rc);
	return (rx_field_set(q, row->key) ? rx_put_text(item, "value",
	    rx_field(q, row->key), st) : rx_put_int(item, "value", row->value,
	    st));
}

rx_err
rx_admin_settings(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	struct settings all;
	size_t i;
	rx_err rc;

	a->page = "admin/settings";
	if ((rc = settings_read(&all, q, st)) != RX_OK)
		return (rc);
	for (i = 0; i < all.n; i++)
		if ((rc = put_setting(a->data, q, &all.row[i], st)) != RX_OK)
			return (rc);
	return (rx_put_text(a->data, "title", rx_msg(RX_MSG_WEB_NAV_SETTINGS,
	    q->lang), st));
}

/* ---- saving ---- */

/* The number that was typed for ${row}; what stands when it was not sent. */
static rx_err
parse(const struct rx_request *q, struct rx_reply *a,
    const struct rx_setting_row *row, long *value, struct rx_status *st)
{
	const char *text = rx_field(q, row->key);
	const size_t n = strspn(text, "0123456789");
	rx_err rc;

	*value = row->value;
	if (rx_field_nth(q, row->key, 0) == NULL)
		return (RX_OK);
	if (n > 0 && n < 7 && text[n] == '\0')
		*value = strtol(text, NULL, 10);
	else
		*value = (long)row->max + 1;
	if (*value >= row->min && *value <= row->max)
		return (RX_OK);
	if ((rc = rx_put_text(a->data, "error_field", row->key, st)) != RX_OK)
		return (rc);
	rx_status_arg(st, "name", "%s", rx_msg(row->about, q->lang));
	rx_status_arg(st, "min", "%d", row->min);
	rx_status_arg(st, "max", "%d", row->max);
	return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_SETTING_WRONG));
}

/* Look at all of them before the first is stored; *changed counts. */
static rx_err
save(struct rx_request *q, struct rx_reply *a, size_t *changed,
    struct rx_status *st)
{
	long value[RX_SETTINGS];
	struct settings all;
	size_t i;
	rx_err rc;

	*changed = 0;
	if ((rc = settings_read(&all, q, st)) != RX_OK)
		return (rc);
	for (i = 0; i < all.n; i++)
		if ((rc = parse(q, a, &all.row[i], &value[i], st)) != RX_OK)
			return (rc);
	for (i = 0; i < all.n; i++) {
		if (value[i] == all.row[i].value)
			continue;
		if ((rc = rx_setting_set(q->session, all.row[i].key, value[i],
		    st)) != RX_OK)
			return (rc);
		++*changed;
	}
	return (RX_OK);
}

rx_err
rx_admin_settings_save(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	size_t changed;
	rx_err rc;

	if (save(q, a, &changed, st) != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) != RX_OK)
			return (rc);
		return (rx_admin_settings(q, a, st));
	}
	rx_redirect_with(a, changed == 0 ? RX_MSG_WEB_SETTINGS_SAME :
	    RX_MSG_WEB_SETTINGS_SAVED, "/settings");
	return (RX_OK);
}
