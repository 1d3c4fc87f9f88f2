#include <string.h>

#include "base/date.h"
#include "crypto/recovery.h"
#include "web/web.h"

/*
 * Custodian codes on pages: two that are typed on the spot, and three new ones as
 * sheets to print.  A typed code goes from the field into guarded memory; the
 * field, the buffer it came in and the answer are wiped.
 */

#define TYPED_MAX 200		/* a code has 44 characters, dashes and all */

static const char *const fields[2] = { "code1", "code2" };

/* data.error_field leads to the field that is wrong. */
static rx_err
refuse(struct rx_reply *a, unsigned nth, enum rx_msg msg,
    struct rx_status *st)
{
	rx_err rc;

	if ((rc = rx_put_text(a->data, "error_field", fields[nth], st)) !=
	    RX_OK)
		return (rc);
	rx_status_arg(st, "n", "%u", nth + 1);
	return (rx_fail(st, RX_EUSAGE, msg));
}

/* Whether ${text} is a code, whosever. */
static bool
well_formed(const char *text)
{
	struct rx_secret *mem;
	struct rx_status no;
	bool fits;

	rx_status_clear(&no);
	if (rx_secret_new(&mem, RX_CODE_BYTES, &no) != RX_OK)
		return (true);	/* the register looks again */
	fits = rx_code_parse(mem->b, text, &no) == RX_OK;
	rx_secret_free(mem);
	return (fits);
}

/* The ${nth} code as text in guarded memory. */
static rx_err
code_read(struct rx_secret **out, struct rx_request *q, struct rx_reply *a,
    unsigned nth, struct rx_status *st)
{
	struct rx_secret *typed;
	rx_err rc;

	*out = NULL;
	if (!rx_field_set(q, fields[nth]))
		return (refuse(a, nth, RX_MSG_WEB_CODE_EMPTY, st));
	if (strlen(rx_field(q, fields[nth])) > TYPED_MAX)
		return (refuse(a, nth, RX_MSG_WEB_CODE_TYPED, st));
	if ((rc = rx_field_secret(&typed, q, fields[nth], st)) != RX_OK)
		return (rc);
	if ((rc = rx_secret_new(out, typed->len + 1, st)) == RX_OK) {
		memcpy((*out)->b, typed->b, typed->len);
		(*out)->b[typed->len] = '\0';
		if (!well_formed((const char *)(*out)->b))
			rc = refuse(a, nth, RX_MSG_WEB_CODE_TYPED, st);
	}
	rx_secret_free(typed);
	return (rc);
}

rx_err
rx_try_codes(struct rx_request *q, struct rx_reply *a, rx_codes_try *try,
    void *cookie, struct rx_status *st)
{
	/* No user has such a name: a good sign-in forgets none of these. */
	char who[RX_USER_NAME_BYTES + 8] = "\tcodes\t";
	struct rx_secret *line[2] = { NULL, NULL };
	const char *text[2];
	unsigned i;
	rx_err rc = RX_OK;

	rx_text_copy(who + strlen(who), RX_USER_NAME_BYTES,
	    rx_session_user(q->session));
	if ((a->retry = rx_guard_wait(who, q->source)) > 0) {
		rx_status_arg(st, "seconds", "%u", a->retry);
		return (rx_fail(st, RX_EPERM, RX_MSG_WEB_TOO_MANY));
	}
	for (i = 0; i < 2 && rc == RX_OK; i++)
		if ((rc = code_read(&line[i], q, a, i, st)) == RX_OK)
			text[i] = (const char *)line[i]->b;
	if (rc == RX_OK) {
		rc = try(cookie, q, text, st);
		/* What the check group finds out is no guess. */
		if (rc == RX_OK || st->msg == RX_MSG_CODES_WRONG)
			rx_guard_note(who, q->source, rc == RX_OK);
	}
	rx_secret_free(line[0]);
	rx_secret_free(line[1]);
	return (rc);
}

rx_err
rx_put_sheets(json_t *data, const struct rx_request *q, const char *name,
    const struct rx_codes *codes, struct rx_status *st)
{
	char who[2] = "A";
	json_t *item;
	size_t i;
	rx_err rc;

	if ((rc = rx_put_text(data, "register", name, st)) != RX_OK ||
	    (rc = rx_put_date(data, "made", rx_date_today(), st)) != RX_OK)
		return (rc);
	for (i = 0; i < 3; i++, who[0]++)
		if ((rc = rx_put_item(data, "sheets", &item, st)) != RX_OK ||
		    (rc = rx_put_text(item, "who", who, st)) != RX_OK ||
		    (rc = rx_put_say(item, "which", q, RX_MSG_WEB_SHEET_WHICH,
		    "who", who, st)) != RX_OK ||
		    (rc = rx_put_text(item, "code", codes->text[i], st)) !=
		    RX_OK)
			return (rc);
	return (RX_OK);
}
