#include <stdio.h>
#include <string.h>

#include "base/date.h"
#include "web/director.h"

/*
 * What is odd in a form but may be true.  The register refuses what cannot be;
 * this asks once about the rest, as a colleague would, and takes the answer.
 * Observations are not asked about: with an urgent sign nothing waits.  That one
 * was a mistake is.
 */

#define ADULT 18
#define PHONE_DIGITS 11
#define MUCH_FEN INT64_C(10000000)	/* 100,000 yuan */
#define MANY_SESSIONS 20

struct doubts {
	struct rx_request *q;
	json_t *data;
	const json_t *json;		/* the form */
	const uint8_t *self;
	bool asked;
};

static const char *
text_of(const struct doubts *d, const char *key)
{
	const char *s = json_string_value(json_object_get(d->json, key));

	return (s != NULL ? s : "");
}

static bool
has(const struct doubts *d, const char *key)
{

	return (json_object_get(d->json, key) != NULL);
}

static bool
yes(const struct doubts *d, const char *key)
{

	return (json_is_true(json_object_get(d->json, key)));
}

static bool
is(const struct doubts *d, const char *key, const char *value)
{

	return (strcmp(text_of(d, key), value) == 0);
}

/* Put the doubt ${name} about the field ${key}; it is asked unless the form came
 * back with it. */
static rx_err
doubt(struct doubts *d, const char *name, const char *key, enum rx_msg msg,
    const char *value, struct rx_status *st)
{
	const char *sure;
	json_t *item;
	size_t k;
	rx_err rc;

	if ((rc = rx_put_item(d->data, "doubts", &item, st)) != RX_OK ||
	    (rc = rx_put_text(item, "name", name, st)) != RX_OK ||
	    (rc = rx_put_text(item, "key", key, st)) != RX_OK ||
	    (rc = rx_put_say(item, "text", d->q, msg, value != NULL ? "value" :
	    NULL, value, st)) != RX_OK)
		return (rc);
	for (k = 0; (sure = rx_field_nth(d->q, "sure", k)) != NULL; k++)
		if (strcmp(sure, name) == 0)
			return (RX_OK);
	d->asked = true;
	return (RX_OK);
}

/* A doubt without more ado: when it is one. */
struct simple {
	bool odd;
	const char *name, *key;
	enum rx_msg msg;
};

static rx_err
all_simple(struct doubts *d, const struct simple *s, size_t n,
    struct rx_status *st)
{
	size_t i;
	rx_err rc;

	for (i = 0; i < n; i++)
		if (s[i].odd && (rc = doubt(d, s[i].name, s[i].key, s[i].msg,
		    NULL, st)) != RX_OK)
			return (rc);
	return (RX_OK);
}
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- a child ---- */

/* The id number says month of birth and sex too (GB 11643: digits 7 to 12, and
 * the 17th, odd for a boy). */
static rx_err
check_id_number(struct doubts *d, struct rx_status *st)
{
	const char *number = text_of(d, "id_number");
	char month[RX_MONTH_TEXT];
	rx_err rc = RX_OK;

	if (strlen(number) != 18 || strspn(number, "0123456789") < 17)
		return (RX_OK);		/* refused by the register */
	(void)snprintf(month, sizeof(month), "%.4s-%.2s", number + 6,
	    number + 10);
	if (!is(d, "birth", month))
		rc = doubt(d, "id-birth", "birth", RX_MSG_WEB_DOUBT_ID_BIRTH,
		    month, st);
	if (rc == RX_OK && has(d, "sex") &&
	    ((number[16] - '0') % 2 == 1) != is(d, "sex", "m"))
		rc = doubt(d, "id-sex", "sex", RX_MSG_WEB_DOUBT_ID_SEX, NULL,
		    st);
	return (rc);
}

/* A number with its area code: 010-12345678, 05911234567. */
static bool
is_landline(const char *s, size_t digits)
{
	const size_t dash = strcspn(s, "-");

	return (s[0] == '0' && digits >= 10 && digits <= 12 &&
	    (strlen(s) == digits || (strlen(s) == digits + 1 &&
	    (dash == 3 || dash == 4) && digits - dash >= 7 &&
	    digits - dash <= 8)));
}

static rx_err
check_phone(struct doubts *d, const char *key, struct rx_status *st)
{
	const char *s = text_of(d, key), *p;
	size_t digits = 0;

	for (p = s; *p != '\0'; p++)
		digits += *p >= '0' && *p <= '9';
	if (*s == '\0' || (digits == PHONE_DIGITS && strlen(s) == digits) ||
	    is_landline(s, digits))
		return (RX_OK);
	return (doubt(d, key, key, RX_MSG_WEB_DOUBT_PHONE, s, st));
}

struct twins {
	struct doubts *d;
	int32_t birth;			/* 0: any */
	const char *name;		/* of the doubt */
	enum rx_msg msg;
};

/* A child that the search found: masked, as in any list. */
static rx_err
take_twin(void *cookie, const struct rx_child_row *row, struct rx_status *st)
{
	const struct rx_record *r = row->child;
	struct twins *t = cookie;
	const char *number = rx_record_text(r, RX_F_CALLER_ID);
	uint8_t ours[RX_ID_BYTES];
	char who[160], key[64];

	if (memcmp(r->id, t->d->self, RX_ID_BYTES) == 0 ||
	    (t->birth != 0 && rx_record_int(r, RX_F_BIRTH) != t->birth))
		return (RX_OK);
	(void)snprintf(who, sizeof(who), "%s %.64s", rx_record_text(r,
	    RX_F_NAME), rx_uuid_parse(number, ours) ? "" : number);
	/* Each child is asked about for itself. */
	(void)snprintf(key, sizeof(key), "%s-", t->name);
	rx_uuid_text(r->id, key + strlen(key));
	return (doubt(t->d, key, t->birth != 0 ? "name" : "id_number", t->msg,
	    who, st));
}

/* Somebody of that name, or with it in his, born in that month; or of that id
 * number. */
static rx_err
check_twins(struct doubts *d, struct rx_status *st)
{
	struct twins t = { d, 0, "twin", RX_MSG_WEB_DOUBT_TWIN };
	const char *name = text_of(d, "name"), *number = text_of(d, "id_number");
	rx_err rc;

	if (*name != '\0' && rx_month_parse(text_of(d, "birth"), &t.birth) &&
	    (rc = rx_child_browse(d->q->session, name, false, take_twin, &t,
	    st)) != RX_OK)
		return (rc);
	if (*number == '\0')
		return (RX_OK);
	t = (struct twins){ d, 0, "number", RX_MSG_WEB_DOUBT_TWIN_ID };
	return (rx_child_browse(d->q->session, number, false, take_twin, &t,
	    st));
}

static rx_err
check_child(struct doubts *d, struct rx_status *st)
{
	const bool consent = is(d, "legal_basis", "consent");
	const struct simple s[] = {
		{ consent && !has(d, "consent_by"), "consent-by", "consent_by",
		    RX_MSG_WEB_DOUBT_CONSENT_BY },
		{ consent && !has(d, "consent_on"), "consent-on", "consent_on",
		    RX_MSG_WEB_DOUBT_CONSENT_ON },
	};
	char age[16];
	int32_t birth;
	int years;
	rx_err rc;

	if ((rc = check_id_number(d, st)) != RX_OK)
		return (rc);
	if (rx_month_parse(text_of(d, "birth"), &birth) &&
	    (years = rx_age(birth, rx_date_today())) >= ADULT) {
		(void)snprintf(age, sizeof(age), "%d", years);
		if ((rc = doubt(d, "adult", "birth", RX_MSG_WEB_DOUBT_ADULT,
		    age, st)) != RX_OK)
			return (rc);
	}
	if ((rc = all_simple(d, s, COUNT(s), st)) != RX_OK ||
	    (rc = check_phone(d, "phone", st)) != RX_OK ||
	    (rc = check_phone(d, "guardian_phone", st)) != RX_OK)
		return (rc);
	return (check_twins(d, st));
}

/* ---- help and activities ---- */

static rx_err
check_intervention(struct doubts *d, struct rx_status *st)
{
	const json_int_t fen = json_integer_value(json_object_get(d->json,
	    "amount_fen"));
	const bool cash = is(d, "kind", "cash_condolence");
	const bool done = yes(d, "delivered");
	const struct simple s[] = {
		{ cash && done && fen == 0, "no-money", "amount_fen",
		    RX_MSG_WEB_DOUBT_NO_MONEY },
		{ !cash && fen > 0, "money", "amount_fen",
		    RX_MSG_WEB_DOUBT_MONEY },
		{ fen > MUCH_FEN, "much", "amount_fen",
		    RX_MSG_WEB_DOUBT_MUCH },
		{ is(d, "kind", "visit_condolence") && done &&
		    !yes(d, "face_to_face"), "not-faced", "face_to_face",
		    RX_MSG_WEB_DOUBT_NOT_FACED },
		{ is(d, "kind", "individual_counselling") && done &&
		    !yes(d, "professional"), "not-pro", "professional",
		    RX_MSG_WEB_DOUBT_NOT_PRO },
		{ !done && (is(d, "outcome", "resolved") ||
		    is(d, "outcome", "improved") ||
		    has(d, "need_resolved_on")), "undelivered", "delivered",
		    RX_MSG_WEB_DOUBT_UNDELIVERED },
		{ has(d, "need_resolved_on") && !has(d, "need"), "no-need",
		    "need", RX_MSG_WEB_DOUBT_NO_NEED },
		{ is(d, "outcome", "resolved") && !has(d, "need_resolved_on"),
		    "not-met", "need_resolved_on", RX_MSG_WEB_DOUBT_NOT_MET },
	};

	return (all_simple(d, s, COUNT(s), st));
}

static rx_err
check_activity(struct doubts *d, struct rx_status *st)
{
	const bool children = json_array_size(json_object_get(d->json,
	    "children")) > 0;
	const struct simple s[] = {
		{ !yes(d, "held") && children, "not-held", "held",
		    RX_MSG_WEB_DOUBT_NOT_HELD },
		{ children && (is(d, "kind", "staff_training") ||
		    is(d, "kind", "service_list_published")), "no-children",
		    "children", RX_MSG_WEB_DOUBT_NO_CHILDREN },
		{ json_integer_value(json_object_get(d->json, "sessions")) >
		    MANY_SESSIONS, "sessions", "sessions",
		    RX_MSG_WEB_DOUBT_SESSIONS },
	};

	return (all_simple(d, s, COUNT(s), st));
}

/* ---- corrected observations ---- */

static bool
has_sign(const json_t *json, const char *key)
{
	const json_t *signs = json_object_get(json, "signs"), *item;
	size_t i;

	json_array_foreach(signs, i, item)
		if (strcmp(json_string_value(item), key) == 0)
			return (true);
	return (false);
}

/* Signs that raised a flag, and are not there any more. */
static rx_err
check_signs(struct doubts *d, const json_t *before, struct rx_status *st)
{
	const struct rx_code *c;
	char name[64];
	size_t i, n;
	rx_err rc;

	c = rx_codes(RX_LIST_SIGN, &n);
	for (i = 0; i < n; i++) {
		if ((!rx_code_has(&c[i], "urgent") &&
		    !rx_code_has(&c[i], "flag")) ||
		    !has_sign(before, c[i].key) || has_sign(d->json, c[i].key))
			continue;
		(void)snprintf(name, sizeof(name), "gone-%.50s", c[i].key);
		if ((rc = doubt(d, name, "signs", RX_MSG_WEB_DOUBT_SIGN_GONE,
		    d->q->lang == RX_LANG_EN ? c[i].en : c[i].zh, st)) !=
		    RX_OK)
			return (rc);
	}
	return (RX_OK);
}

rx_err
rx_director_doubts(struct rx_request *q, struct rx_reply *a,
    enum rx_type type, const json_t *json, const json_t *before,
    const uint8_t self[RX_ID_BYTES], bool *asked, struct rx_status *st)
{
	struct doubts d = { q, a->data, json, self, false };
	rx_err rc;

	rc = type == RX_CHILD ? check_child(&d, st) :
	    type == RX_INTERVENTION ? check_intervention(&d, st) :
	    type == RX_ACTIVITY ? check_activity(&d, st) :
	    before != NULL ? check_signs(&d, before, st) : RX_OK;
	*asked = rc == RX_OK && d.asked;
	if (*asked)
		a->status = 422;
	else
		(void)json_object_del(a->data, "doubts");
	if (rc != RX_OK || !*asked)
		return (rc);
	return (rx_put_shown(a->data, "doubts", st));
}
