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

/* What somebody typed: as it is; in small letters; as initials, or "". */
struct wanted {
	const char *text;
	struct rx_buf small;
	char letters[32];
};

static rx_err
wanted_init(struct wanted *w, const char *text, struct rx_status *st)
{
	const size_t n = strlen(text);
	const char *small;
	size_t i;
	rx_err rc;

	memset(w, 0, sizeof(*w));
	w->text = text;
	if ((rc = rx_buf_add(&w->small, text, n + 1, st)) != RX_OK)
		return (rc);
	rx_text_fold((char *)w->small.b);
	small = (const char *)w->small.b;
	for (i = 0; i < n && small[i] >= 'a' && small[i] <= 'z'; i++)
		continue;
	if (i == n && n < sizeof(w->letters))
		memcpy(w->letters, small, n);
	return (RX_OK);
}

/* Whether a text of the child (rx_known_texts) has what was typed. */
static bool
text_matches(const struct wanted *w, const char *texts)
{
	const char *small = (const char *)w->small.b;
	const char *caller = texts + strlen(texts) + 1;
	const char *number = caller + strlen(caller) + 1;

	return (strstr(texts, w->text) != NULL ||
	    strstr(caller, small) != NULL ||
	    (strlen(small) >= NUMBER_PART && strstr(number, small) != NULL));
}

/* Whether any of the ${n} bytes ${texts} of a unit has it: in one pass, which is
 * what finding one among very many comes to. */
static bool
any_text_matches(const struct wanted *w, const char *texts, size_t n)
{
	const size_t len = strlen(w->text);

	return (memmem(texts, n, w->text, len) != NULL ||
	    memmem(texts, n, w->small.b, len) != NULL);
}

struct browse {
	struct wanted wanted;
	bool names;
	size_t opened;		/* names shown */
	rx_err (*each)(void *, const struct rx_child_row *,
	    struct rx_status *);
	void *cookie;
};

/* Hand on the case ${k}. */
static rx_err
browse_case(struct rx_session *s, struct browse *b, struct rx_case *c,
    const struct rx_known_unit *u, struct rx_known *k, struct rx_record *r,
    struct rx_status *st)
{
	struct rx_child_row row;
	rx_err rc;

	if ((rc = rx_known_read(s, c, u, k, st)) != RX_OK ||
	    (rc = rx_known_child(u, k, r, st)) != RX_OK ||
	    (rc = rx_known_name(s, c, u, k, NULL, r, st)) != RX_OK)
		return (rc);
	b->opened += b->names;
	if (!b->names && (rc = rx_record_mask(r, 0, st)) != RX_OK)
		return (rc);
	rx_known_row(k, r, &row);
	return (b->each(b->cookie, &row, st));
}

/* The children of one unit, in one reading of the store. */
static rx_err
browse_unit(struct rx_session *s, struct browse *b, struct rx_case *c,
    struct rx_record *r, const char *unit, struct rx_status *st)
{
	const char *letters = b->wanted.letters;
	struct rx_buf scratch = RX_BUF_INIT;
	struct rx_known_unit *u;
	const char *texts, *of;
	bool held = false, any;
	size_t i, n;
	rx_err rc;

	if ((rc = rx_store_hold(s->store, &held, st)) != RX_OK ||
	    (rc = rx_known_texts(s, c, unit, &u, &scratch, &texts, &n, st)) !=
	    RX_OK)
		goto done;
	any = any_text_matches(&b->wanted, texts, n);
	for (i = 0; i < u->n && rc == RX_OK && (any || *letters != '\0'); i++) {
		of = texts + u->k[i].text;
		if ((any && text_matches(&b->wanted, of)) ||
		    (*letters != '\0' && initials_match(of, letters)))
			rc = browse_case(s, b, c, u, &u->k[i], r, st);
	}
done:
	if (held)
		rx_store_rollback(s->store);
	rx_buf_free(&scratch);
	return (rc);
}

rx_err
rx_child_browse(struct rx_session *s, const char *text, bool names,
    rx_err (*each)(void *, const struct rx_child_row *, struct rx_status *),
    void *cookie, struct rx_status *st)
{
	struct browse b = { .names = names, .each = each, .cookie = cookie };
	struct rx_buf units = RX_BUF_INIT;
	struct rx_record r;
	struct rx_case c;
	size_t i;
	rx_err rc;

	if (!rx_session_has_role(s, RX_ROLE_DIRECTOR))
		return (rx_fail(st, RX_EPERM, RX_MSG_CASES_NOT_YOURS));
	rx_record_init(&r);
	if ((rc = wanted_init(&b.wanted, text, st)) == RX_OK) {
		rx_case_init(&c);
		rc = rx_units_for(s, RX_ACT_WRITE_CASE, &units, st);
		for (i = 0; i < units.len && rc == RX_OK; i += RX_UNIT_BYTES)
			rc = browse_unit(s, &b, &c, &r,
			    (const char *)units.b + i, st);
		rx_case_done(&c, s);
	}
	if (rc == RX_OK)
		rc = rx_audit_reveal(s, b.opened, NULL, *text == '\0' ?
		    "list" : "search", st);
	if (rc == RX_OK)
		rc = rx_known_keep(s, RX_KEEP_LEAST, st);
	rx_record_free(&r);
	rx_buf_free(&b.wanted.small);
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
	struct rx_known *k;
	struct rx_record r;
	struct rx_case c;
	rx_err rc;

	if ((rc = rx_case_unit(s, id, unit, st)) != RX_OK ||
	    (rc = rx_permit(s, RX_ACT_WRITE_CASE, unit, st)) != RX_OK)
		return (rc);
	rx_case_init(&c);
	rx_record_init(&r);
	if ((rc = rx_case_known(s, &c, id, unit, &k, st)) == RX_OK &&
	    (rc = rx_case_load(&c, s, id, unit, RX_BIT(RX_COMP_IDENTITY) |
	    RX_BIT(RX_COMP_CODED), st)) == RX_OK &&
	    (rc = rx_child_open(s, &c, RX_BIT(RX_COMP_IDENTITY), false, &r,
	    st)) == RX_OK && (rc = rx_record_mask(&r, 0, st)) == RX_OK) {
		rx_known_row(k, &r, &row);
		rc = each(cookie, &row, st);
	}
	rx_record_free(&r);
	rx_case_done(&c, s);
	return (rc);
}
