#include <stdio.h>

#include "register/internal.h"

/*
 * What a register has chosen for itself: whole numbers with a name, in the clear
 * and in the manifest.  One that is out of its bounds (no program of ours wrote
 * it) counts as not set.
 */

struct info {
	const char *key;
	int otherwise, min, max;
	enum rx_msg about;
	const char *risk, *word;	/* attribute of the code list that is the
					 * default */
};
static const struct info infos[RX_SETTINGS] = {
	[RX_SET_RETENTION_CLOSED] = { "retention-closed-years", 5, 1, 30,
	    RX_MSG_SET_RETENTION_CLOSED, NULL, NULL },
	[RX_SET_RETENTION_ADULT] = { "retention-adult-months", 0, 0, 120,
	    RX_MSG_SET_RETENTION_ADULT, NULL, NULL },
	[RX_SET_RETENTION_WITHDRAWN] = { "retention-withdrawn-months", 6, 0,
	    120, RX_MSG_SET_RETENTION_WITHDRAWN, NULL, NULL },
	[RX_SET_VISIT_RED_FIRST] = { "visit-red-first-days", 1, 1, 7,
	    RX_MSG_SET_VISIT_RED_FIRST, "red", "first" },
	[RX_SET_VISIT_RED] = { "visit-red-days", 7, 1, 31,
	    RX_MSG_SET_VISIT_RED, "red", "due" },
	[RX_SET_VISIT_ORANGE] = { "visit-orange-days", 14, 1, 62,
	    RX_MSG_SET_VISIT_ORANGE, "orange", "due" },
	[RX_SET_VISIT_YELLOW] = { "visit-yellow-days", 30, 1, 123,
	    RX_MSG_SET_VISIT_YELLOW, "yellow", "due" },
	[RX_SET_VISIT_GREEN] = { "visit-green-days", 90, 1, 366,
	    RX_MSG_SET_VISIT_GREEN, "green", "due" },
	[RX_SET_VISIT_NEW] = { "visit-new-workdays", 5, 1, 30,
	    RX_MSG_SET_VISIT_NEW, NULL, NULL }
};

static int
otherwise(const struct info *i)
{
	const struct rx_code *c = i->risk == NULL ? NULL :
	    rx_code_by_key(RX_LIST_RISK, i->risk);

	return (c == NULL ? i->otherwise : rx_code_int(c, i->word,
	    i->otherwise));
}

static enum rx_setting
by_key(const char *key)
{
	unsigned k;

	for (k = 0; k < RX_SETTINGS && strcmp(key, infos[k].key) != 0; k++)
		continue;
	return ((enum rx_setting)k);
}

rx_err
rx_settings_load(struct rx_session *s, struct rx_status *st)
{
	struct rx_cursor *cur;
	enum rx_setting k;
	bool row = false;
	int64_t v;
	rx_err rc;

	for (k = 0; k < RX_SETTINGS; k++) {
		s->setting[k].set = false;
		s->setting[k].value = otherwise(&infos[k]);
	}
	if ((rc = rx_query_open(&cur, s->store, RX_Q_SETTINGS, NULL, 0, st)) !=
	    RX_OK)
		return (rc);
	while ((rc = rx_query_next(cur, &row, st)) == RX_OK && row) {
		k = by_key(rx_col_text(cur, 0));
		v = rx_col_int(cur, 1);
		if (k == RX_SETTINGS || v < infos[k].min || v > infos[k].max)
			continue;
		s->setting[k].set = true;
		s->setting[k].value = (int)v;
	}
	rx_query_close(cur);
	return (rc);
}

int
rx_setting(const struct rx_session *s, enum rx_setting k)
{

	return (s->setting[k].value);
}

rx_err
rx_setting_each(struct rx_session *s,
    rx_err (*each)(void *, const struct rx_setting_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_setting_row row;
	unsigned k;
	rx_err rc = RX_OK;

	for (k = 0; k < RX_SETTINGS && rc == RX_OK; k++) {
		row.key = infos[k].key;
		row.about = infos[k].about;
		row.value = s->setting[k].value;
		row.otherwise = otherwise(&infos[k]);
		row.min = infos[k].min;
		row.max = infos[k].max;
		row.set = s->setting[k].set;
		rc = each(cookie, &row, st);
	}
	return (rc);
}

rx_err
rx_setting_set(struct rx_session *s, const char *key, int64_t value,
    struct rx_status *st)
{
	const enum rx_setting k = by_key(key);
	char detail[64];
	struct rx_value v[2];
	rx_err rc;

	if ((rc = rx_permit(s, RX_ACT_ADMINISTER, NULL, st)) != RX_OK)
		return (rc);
	if (k == RX_SETTINGS) {
		rx_status_arg(st, "name", "%s", key);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_SETTING_UNKNOWN));
	}
	if (value < infos[k].min || value > infos[k].max) {
		rx_status_arg(st, "name", "%s", key);
		rx_status_arg(st, "min", "%d", infos[k].min);
		rx_status_arg(st, "max", "%d", infos[k].max);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_SETTING_BOUNDS));
	}
	(void)snprintf(detail, sizeof(detail), "%s=%d", key, (int)value);
	v[0] = rx_text(key);
	v[1] = rx_int(value);
	if ((rc = rx_begin(s, st)) != RX_OK)
		return (rc);
	rc = rx_store_replace(s->store, RX_TABLE_SETTING, v, st);
	if ((rc = rx_finish(s, rc, RX_DID_SETTING, NULL, detail, st)) != RX_OK)
		return (rc);
	/* What follows from it was found before. */
	rx_known_free(s);
	return (rx_settings_load(s, st));
}
