#include <stdlib.h>
#include <strings.h>

#include "register/save.h"

/*
 * What a page shows of a director's children before anybody asks for more:
 * rows whose names are masked, found by what one types.
 */

#define CIRCLE "\xe2\x97\x8b"
#define NUMBER_PART 4		/* digits of an id number, at least, to search */

/* Bytes of the UTF-8 character at ${p}, which is valid. */
static size_t
char_bytes(const char *p)
{
	const uint8_t c = (uint8_t)*p;

	return (c == 0 ? 0 : c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4);
}

rx_err
rx_record_mask(struct rx_record *r, unsigned shown, struct rx_status *st)
{
	char text[4 + sizeof(CIRCLE)];
	unsigned f;
	size_t n;
	rx_err rc;

	for (f = 0; f < RX_FIELD_COUNT; f++) {
		if (rx_fields[f].comp != RX_COMP_IDENTITY || !r->v[f].set ||
		    (shown & 1u << f) != 0)
			continue;
		n = 0;
		if (f == RX_F_NAME) {
			n = char_bytes(rx_record_text(r, RX_F_NAME));
			memcpy(text, rx_record_text(r, RX_F_NAME), n);
		}
		memcpy(text + n, CIRCLE, sizeof(CIRCLE));
		rc = rx_record_set_text(r, (enum rx_field)f, text,
		    n + sizeof(CIRCLE) - 1, st);
		rx_wipe(text, sizeof(text));
		if (rc != RX_OK)
			return (rc);
	}
	return (RX_OK);
}

/* Whether ${initials}, small letters, begin the readings of consecutive
 * characters of ${name}, from any of them on. */
static bool
initials_match(const char *name, const char *initials)
{
	const char *p, *from;
	size_t i;

	for (from = name; *from != '\0'; from += char_bytes(from)) {
		for (p = from, i = 0; initials[i] != '\0' && *p != '\0'; i++) {
			if (!rx_pinyin_begins(p, char_bytes(p), initials[i]))
				break;
			p += char_bytes(p);
		}
		if (initials[i] == '\0')
			return (true);
	}
	return (false);
}

/* Whether the child ${r} may be the one that ${text} means. */
static bool
matches(const struct rx_record *r, const char *text)
{
	char letters[32];
	size_t i, n = strlen(text);

	if (n == 0 || strstr(rx_record_text(r, RX_F_NAME), text) != NULL ||
	    strcasestr(rx_record_text(r, RX_F_CALLER_ID), text) != NULL)
		return (true);
	if (n >= NUMBER_PART && strcasestr(rx_record_text(r, RX_F_ID_NUMBER),
	    text) != NULL)
		return (true);
	if (n >= sizeof(letters))
		return (false);
	for (i = 0; i < n; i++) {
		letters[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ?
		    text[i] - 'A' + 'a' : text[i]);
		if (letters[i] < 'a' || letters[i] > 'z')
			return (false);
	}
	letters[n] = '\0';
	return (initials_match(rx_record_text(r, RX_F_NAME), letters));
}

/* The children of one unit. */
static rx_err
browse_unit(struct rx_session *s, struct rx_case *c, struct rx_record *r,
    const char *unit, const char *text, bool names, size_t *opened,
    rx_err (*each)(void *, const struct rx_child_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_buf ids = RX_BUF_INIT;
	struct rx_child_row row;
	bool held = false;
	size_t k;
	rx_err rc;

	if ((rc = rx_store_hold(s->store, &held, st)) == RX_OK)
		rc = rx_child_ids(s, unit, &ids, st);
	for (k = 0; k < ids.len && rc == RX_OK; k += RX_ID_BYTES) {
		if ((rc = rx_child_row_load(s, c, ids.b + k, unit, false, r,
		    &row, st)) != RX_OK || !matches(r, text))
			continue;
		*opened += names;
		if (!names && (rc = rx_record_mask(r, 0, st)) != RX_OK)
			break;
		rc = each(cookie, &row, st);
	}
	if (held)
		rx_store_rollback(s->store);
	rx_buf_free(&ids);
	return (rc);
}

rx_err
rx_child_browse(struct rx_session *s, const char *text, bool names,
    rx_err (*each)(void *, const struct rx_child_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct rx_buf units = RX_BUF_INIT;
	struct rx_record r;
	struct rx_case c;
	size_t i, opened = 0;
	rx_err rc;

	if (!rx_session_has_role(s, RX_ROLE_DIRECTOR))
		return (rx_fail(st, RX_EPERM, RX_MSG_CASES_NOT_YOURS));
	rx_record_init(&r);
	if ((rc = rx_case_init(&c, s, st)) == RX_OK)
		rc = rx_units_for(s, RX_ACT_WRITE_CASE, &units, st);
	for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
		rc = browse_unit(s, &c, &r, (const char *)units.b + i, text,
		    names, &opened, each, cookie, st);
	if (rc == RX_OK)
		rc = rx_audit_reveal(s, opened, NULL, *text == '\0' ? "list" :
		    "search", st);
	rx_case_done(&c, s);
	rx_record_free(&r);
	rx_buf_free(&units);
	return (rc);
}

rx_err
rx_child_glance(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    rx_err (*each)(void *, const struct rx_child_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];
	struct rx_child_row row;
	struct rx_record r;
	struct rx_case c;
	rx_err rc;

	if ((rc = rx_case_unit(s, id, unit, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, st)) != RX_OK ||
	    (rc = rx_case_init(&c, s, st)) != RX_OK)
		return (rc);
	rx_record_init(&r);
	if ((rc = rx_child_row_load(s, &c, id, unit, false, &r, &row, st)) ==
	    RX_OK && (rc = rx_record_mask(&r, 0, st)) == RX_OK)
		rc = each(cookie, &row, st);
	rx_record_free(&r);
	rx_case_done(&c, s);
	return (rc);
}
