#include <stdio.h>
#include <string.h>

#include "crypto/base32.h"
#include "web/admin.h"

/*
 * The custodians' codes: tried, and made anew.
 *
 * New codes come in two steps.  Two codes in use are typed; then three new ones
 * are shown as sheets, for as long as this session keeps them and nowhere else.
 * Only when the last group of each was copied from its sheet do they take effect
 * and the old ones go.  Whoever is interrupted before that has the old ones.
 */

#define GROUP 4			/* characters, the last of a code */

/* ---- trying them ---- */

static rx_err
put_test(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{

	a->page = "admin/codes_test";
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_CODES_TEST, NULL,
	    NULL, st));
}

rx_err
rx_admin_codes_test_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_test(q, a, st));
}

static rx_err
test_with(void *cookie, struct rx_request *q, const char *const codes[2],
    struct rx_status *st)
{

	return (rx_custodian_test(q->session, codes, cookie, st));
}

rx_err
rx_admin_codes_test(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	char n[24], all[24];
	struct rx_custody t = { 0 };
	rx_err rc;

	if (rx_try_codes(q, a, test_with, &t, st) != RX_OK)
		rc = rx_put_error(a, q, st);
	else {
		(void)snprintf(n, sizeof(n), "%zu", t.opened);
		(void)snprintf(all, sizeof(all), "%zu", t.all);
		rc = rx_put_say_two(a->data, t.opened == t.all ? "good" :
		    "part", q, t.opened == t.all ? RX_MSG_CLI_CUSTODIAN_GOOD :
		    RX_MSG_CLI_CUSTODIAN_PART, "n", n, "all", all, st);
		if (rc == RX_OK)
			rc = rx_put_say(a->data, t.root ? "root" : "no_root",
			    q, t.root ? RX_MSG_CUSTODIAN_ROOT :
			    RX_MSG_CUSTODIAN_NO_ROOT, NULL, NULL, st);
	}
	return (rc != RX_OK ? rc : put_test(q, a, st));
}

/* ---- the first step: two old codes ---- */

static rx_err
put_codes(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	rx_err rc;

	a->page = "admin/codes";
	if ((rc = rx_put_bool(a->data, "waits", rx_custodian_prepared(
	    q->session) != NULL, st)) != RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_CODES_NEW, NULL,
	    NULL, st));
}

rx_err
rx_admin_codes_form(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	return (put_codes(q, a, st));
}

static rx_err
prepare_with(void *cookie, struct rx_request *q, const char *const codes[2],
    struct rx_status *st)
{

	(void)cookie;
	return (rx_custodian_prepare(q->session, codes, st));
}

rx_err
rx_admin_codes(struct rx_request *q, struct rx_reply *a, struct rx_status *st)
{
	rx_err rc;

	if (rx_try_codes(q, a, prepare_with, NULL, st) != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) != RX_OK)
			return (rc);
		return (put_codes(q, a, st));
	}
	rx_redirect(a, "/safety/codes/new");
	return (RX_OK);
}

/* ---- the second step: the sheets ---- */

static rx_err
put_new(struct rx_request *q, struct rx_reply *a,
    const struct rx_codes *codes, struct rx_status *st)
{
	char name[256];
	rx_err rc;

	a->page = "admin/codes_new";
	if ((rc = rx_session_register(q->session, name, sizeof(name), st)) !=
	    RX_OK || (rc = rx_put_sheets(a->data, q, name, codes, st)) !=
	    RX_OK)
		return (rc);
	return (rx_put_say(a->data, "title", q, RX_MSG_WEB_CODES_TITLE, NULL,
	    NULL, st));
}

rx_err
rx_admin_codes_new(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const struct rx_codes *codes = rx_custodian_prepared(q->session);

	if (codes == NULL) {
		rx_redirect_with(a, RX_MSG_CODES_NOT_PREPARED,
		    "/safety/codes");
		return (RX_OK);
	}
	return (put_new(q, a, codes, st));
}

/* Whether the field has the last group of ${code}, as forgiving as a code. */
static bool
group_fits(const char *typed, const char *code)
{
	const char *last = code + strlen(code) - GROUP;
	size_t i;

	for (i = 0; i < GROUP; i++)
		if (rx_base32_value(rx_base32_next(&typed)) !=
		    rx_base32_value(last[i]))
			return (false);
	return (rx_base32_next(&typed) == '\0');
}

/* Each sheet was looked at where it lies on paper. */
static rx_err
groups_check(struct rx_request *q, struct rx_reply *a,
    const struct rx_codes *codes, struct rx_status *st)
{
	char field[] = "groupA", who[2] = "A";
	size_t i;
	rx_err rc;

	for (i = 0; i < 3; i++, who[0]++, field[5]++) {
		if (group_fits(rx_field(q, field), codes->text[i]))
			continue;
		if ((rc = rx_put_text(a->data, "error_field", field, st)) !=
		    RX_OK)
			return (rc);
		rx_status_arg(st, "who", "%s", who);
		return (rx_fail(st, RX_EUSAGE, RX_MSG_WEB_SHEET_DIFFERS));
	}
	return (RX_OK);
}

rx_err
rx_admin_codes_confirm(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{
	const struct rx_codes *codes = rx_custodian_prepared(q->session);
	rx_err rc;

	if (codes == NULL)
		return (rx_admin_codes_new(q, a, st));
	if ((rc = groups_check(q, a, codes, st)) == RX_OK)
		rc = rx_custodian_issue(q->session, st);
	if (rc != RX_OK) {
		if ((rc = rx_put_error(a, q, st)) != RX_OK)
			return (rc);
		return (put_new(q, a, codes, st));
	}
	rx_redirect_with(a, RX_MSG_WEB_REISSUED, "/safety");
	return (RX_OK);
}

rx_err
rx_admin_codes_drop(struct rx_request *q, struct rx_reply *a,
    struct rx_status *st)
{

	(void)st;
	rx_custodian_drop(q->session);
	rx_redirect_with(a, RX_MSG_WEB_CODES_DROPPED, "/safety");
	return (RX_OK);
}
