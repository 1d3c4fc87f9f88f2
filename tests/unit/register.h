#ifndef RX_TESTS_UNIT_REGISTER_H
#define RX_TESTS_UNIT_REGISTER_H

/*
 * What the tests of src/register share: signing people in, writing records as
 * short text, looking at what is stored.  Passphrases are the user names.
 * Records are written with ' for ", so that they can be read in C.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/date.h"
#include "register/internal.h"
#include "tests/helper.h"

#define VILLAGE1 "350102001001"
#define VILLAGE2 "350102001002"
#define TOWN "350102001"
#define COUNTY "350102"
#define CITY "350100"

static struct rx_status st;

/* Expect the failure ${code} with the message ${msg}, of which no placeholder
 * stays empty in either language; st keeps it for a further look. */
#define refuses(expr, code, msg) \
    refuses_((expr), (code), RX_MSG_##msg, #expr, __FILE__, __LINE__)
static inline void
refuses_(rx_err rc, rx_err want, enum rx_msg msg, const char *expr,
    const char *file, int line)
{
	char text[2][1024];
	int i;

	for (i = 0; i < 2; i++)
		rx_status_text(&st, (enum rx_lang)i, text[i], sizeof(text[i]));
	if (rc == want && st.code == want && st.msg == msg &&
	    strchr(text[0], '{') == NULL && strchr(text[1], '{') == NULL)
		return;
	print_error("%s: %d, message %d (%s | %s), wanted %d, message %d\n",
	    expr, (int)rc, (int)st.msg, text[0], text[1], (int)want,
	    (int)msg);
	_fail(file, line);
}

/* The argument ${name} of the last failure; "" when there is none. */
static inline const char *
arg_of(const char *name)
{
	unsigned i;

	for (i = 0; i < st.nargs; i++)
		if (strcmp(st.arg[i].name, name) == 0)
			return (st.arg[i].value);
	return ("");
}

/* As good as the expression itself, with the status cleared before. */
#define try(expr) (rx_status_clear(&st), (expr))
#define must(expr) ok(try(expr), &st)

/* A group setup for tests that make their registers themselves. */
static inline int
setup_none(void **state)
{

	(void)state;
	must(rx_crypto_init(&st));
	rx_json_init();
	return (0);
}

static inline rx_err
open_as(struct rx_session **out, const char *dir, const char *user,
    const char *pass)
{
	struct rx_secret *p = test_passphrase(pass);
	rx_err rc = rx_session_open(out, dir, user, p, &st);

	rx_secret_free(p);
	return (rc);
}

static inline struct rx_session *
sign_in(const char *dir, const char *user)
{
	struct rx_session *s;

	must(open_as(&s, dir, user, user));
	return (s);
}

/* Sign in anew, so that what others did meanwhile is taken in. */
static inline void
reopen(struct rx_session **s, const char *dir, const char *user)
{

	rx_session_close(*s);
	*s = sign_in(dir, user);
}

static inline rx_err
enrol(struct rx_session *admin, const char *user, enum rx_role role,
    const char *unit)
{
	struct rx_secret *p = test_passphrase(user);
	rx_err rc = rx_user_add(admin, user, role, unit, p, &st);

	rx_secret_free(p);
	return (rc);
}

static inline rx_err
passwd(struct rx_session *s, const char *pass)
{
	struct rx_secret *p = test_passphrase(pass);
	rx_err rc = rx_session_passwd(s, p, &st);

	rx_secret_free(p);
	return (rc);
}

/* A new register for ${unit} in the folder ${dir}/${name}; its administrator
 * "admin" is signed in. */
static inline struct rx_session *
new_register(char dir[256], const char *name, const char *unit)
{
	struct rx_secret *p = test_passphrase("admin");
	struct rx_codes codes;

	(void)snprintf(dir, 256, "%s/%s", test_dir(), name);
	must(rx_register_create(dir, "admin", "测试民政局", unit, p, &codes,
	    &st));
	rx_secret_free(p);
	rx_wipe(&codes, sizeof(codes));
	return (sign_in(dir, "admin"));
}

/* ---- writing ---- */

/* Replace ' by ". */
static inline void
unquote(char *text)
{

	for (; *text != '\0'; text++)
		if (*text == '\'')
			*text = '"';
}

static inline rx_err
save(struct rx_session *s, enum rx_type type, bool correct,
    struct rx_save_result *result, const char *text)
{
	struct rx_save_result unwanted;
	char *copy = strdup(text);
	json_t *json;
	rx_err rc;

	assert_non_null(copy);
	unquote(copy);
	rx_status_clear(&st);
	ok(rx_json_parse(&json, copy, strlen(copy), &st), &st);
	rc = rx_save(s, type, json, correct, result != NULL ? result :
	    &unwanted, &st);
	json_decref(json);
	free(copy);
	return (rc);
}

static inline void
add_child(struct rx_session *s, const char *id, const char *unit)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{'id':'%s','unit':'%s',"
	    "'name':'林%s','sex':'f','birth':'2014-05',"
	    "'categories':['left_behind'],'legal_basis':'consent',"
	    "'consent_by':'guardian','consent_on':'2025-01-01'}", id, unit,
	    id);
	ok(save(s, RX_CHILD, false, NULL, text), &st);
}

/* An observation without alarm, or with the sign ${sign}. */
static inline rx_err
observe(struct rx_session *s, const char *id, const char *child,
    const char *date, const char *sign, const char *risk)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{'id':'%s','child':'%s',"
	    "'date':'%s','channel':'home_visit','signs':['%s'],"
	    "'risk':'%s','note':'看望'}", id, child, date, sign, risk);
	return (save(s, RX_OBSERVATION, false, NULL, text));
}

static inline rx_err
consent(struct rx_session *s, const char *id, const char *child,
    const char *date, const char *state)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{'id':'%s','child':'%s',"
	    "'date':'%s','state':'%s','by':'guardian'}", id, child, date,
	    state);
	return (save(s, RX_CONSENT, false, NULL, text));
}

static inline rx_err
report(struct rx_session *s, const char *id, const char *child,
    const char *date)
{
	char text[512];

	(void)snprintf(text, sizeof(text), "{'id':'%s','child':'%s',"
	    "'date':'%s','situations':['mr4_injury_violence'],"
	    "'authority':'派出所','reference':'1'}", id, child, date);
	return (save(s, RX_REPORT, false, NULL, text));
}

static inline rx_err
import_bytes(struct rx_session *s, const void *p, size_t n,
    struct rx_import_counts *counts)
{
	static char path[256];
	struct rx_import_counts unwanted;

	if (*path == '\0')
		(void)snprintf(path, sizeof(path), "%s/lines.ndjson",
		    test_dir());
	rx_status_clear(&st);
	ok(rx_file_write(path, p, n, 0600, true, &st), &st);
	return (rx_import(s, path, counts != NULL ? counts : &unwanted, NULL,
	    NULL, &st));
}

static inline rx_err
import(struct rx_session *s, struct rx_import_counts *counts,
    const char *text)
{
	char *copy = strdup(text);
	rx_err rc;

	assert_non_null(copy);
	unquote(copy);
	rc = import_bytes(s, copy, strlen(copy), counts);
	free(copy);
	return (rc);
}

/* One line of an import file. */
#define CHILD_LINE(id, unit) "{'type':'child','id':'" id "','unit':'" unit \
    "','name':'林" id "','sex':'m','birth':'2014-05','categories':" \
    "['left_behind'],'legal_basis':'consent'}\n"
#define OBSERVATION_LINE(id, child, date) "{'type':'observation','id':'" id \
    "','child':'" child "','date':'" date "','channel':'phone_video'," \
    "'signs':['mood_low'],'risk':'green'}\n"
#define CONSENT_LINE(id, child, date, state) "{'type':'consent','id':'" id \
    "','child':'" child "','date':'" date "','state':'" state "'}\n"

/* ---- looking ---- */

/* What stands in the register: the newest audit entry and the digest of all
 * live rows. */
struct mark {
	struct rx_audit_head head;
	uint8_t digest[RX_HASH_BYTES];
};

static inline struct mark
mark_of(struct rx_session *s)
{
	struct mark m;

	memset(&m, 0, sizeof(m));
	must(rx_audit_head(s, &m.head, &st));
	must(rx_store_manifest_digest(s->store, m.digest, &st));
	return (m);
}

static inline bool
unchanged(struct rx_session *s, const struct mark *before)
{
	const struct rx_status kept = st;
	const struct mark now = mark_of(s);

	st = kept;
	return (now.head.seq == before->head.seq &&
	    memcmp(now.digest, before->digest, RX_HASH_BYTES) == 0);
}

/* The number of rows that ${q} finds for the 16 bytes ${id}. */
static inline size_t
rows_of(struct rx_session *s, enum rx_query q, const uint8_t *id)
{
	struct rx_value arg = rx_bytes(id, RX_ID_BYTES);
	struct rx_cursor *cur;
	size_t n = 0;
	bool row;

	must(rx_query_open(&cur, s->store, q, &arg, 1, &st));
	for (;;) {
		must(rx_query_next(cur, &row, &st));
		if (!row)
			break;
		n++;
	}
	rx_query_close(cur);
	return (n);
}

struct people {
	const char *want;	/* a user's name */
	enum rx_role role;	/* 0 for any */
	size_t found;
	struct rx_user_row row;
};

static inline rx_err
people_each(void *cookie, const struct rx_user_row *row, struct rx_status *u)
{
	struct people *p = cookie;

	(void)u;
	if (strcmp(row->name, p->want) != 0 ||
	    (p->role != 0 && p->role != row->role))
		return (RX_OK);
	p->found++;
	p->row = *row;
	return (RX_OK);
}

/* How ${name} stands in the list of people. */
static inline struct people
person(struct rx_session *s, const char *name, enum rx_role role)
{
	struct people p = { .want = name, .role = role };

	must(rx_user_each(s, people_each, &p, &st));
	return (p);
}

struct listed {			/* what a list says of one child */
	const char *want;	/* the caller's id */
	size_t all, found;
	struct rx_child_row row;
	char name[64];
};

static inline rx_err
listed_each(void *cookie, const struct rx_child_row *row, struct rx_status *u)
{
	struct listed *l = cookie;

	(void)u;
	l->all++;
	if (strcmp(l->want, rx_record_text(row->child, RX_F_CALLER_ID)) != 0)
		return (RX_OK);
	l->found++;
	l->row = *row;
	l->row.child = NULL;
	(void)snprintf(l->name, sizeof(l->name), "%s",
	    rx_record_text(row->child, RX_F_NAME));
	return (RX_OK);
}

/* How the child ${want} stands in the list of the session. */
static inline struct listed
listed(struct rx_session *s, const char *want)
{
	struct listed l = { .want = want };

	must(rx_child_each(s, 0, 0, listed_each, &l, &st));
	return (l);
}

static inline void
find_child(struct rx_session *s, const char *text, uint8_t id[RX_ID_BYTES])
{

	must(rx_child_find(s, text, id, &st));
}

/* What rx_child_show shows. */
struct shown_case {
	size_t n, by_type[RX_TYPE_COUNT];
	bool name;		/* the child's name was opened */
	char text[256];		/* narratives, one after the other */
};

static inline rx_err
shown_each(void *cookie, const struct rx_record *r, struct rx_status *u)
{
	static const enum rx_field texts[] = { RX_F_NOTE, RX_F_REASON };
	struct shown_case *c = cookie;
	size_t i;

	(void)u;
	c->n++;
	c->by_type[r->type]++;
	c->name |= *rx_record_text(r, RX_F_NAME) != '\0';
	for (i = 0; i < 2; i++)
		(void)snprintf(c->text + strlen(c->text),
		    sizeof(c->text) - strlen(c->text), "%s",
		    rx_record_text(r, texts[i]));
	return (RX_OK);
}

static inline rx_err
show(struct rx_session *s, const char *child, const char *reason,
    struct shown_case *c)
{
	struct shown_case unwanted;
	uint8_t id[RX_ID_BYTES];

	c = c != NULL ? c : &unwanted;
	memset(c, 0, sizeof(*c));
	find_child(s, child, id);
	return (rx_child_show(s, id, reason, shown_each, c, &st));
}

static inline rx_err
count_each(void *cookie, const struct rx_record *r, struct rx_status *u)
{

	(void)u;
	((size_t *)cookie)[r->type]++;
	return (RX_OK);
}

/* Count the coded records under ${unit} by type. */
static inline rx_err
count(struct rx_session *s, const char *unit, size_t n[RX_TYPE_COUNT])
{
	char id[RX_UNIT_BYTES];

	memset(n, 0, RX_TYPE_COUNT * sizeof(*n));
	must(rx_unit_parse(id, unit, &st));
	return (rx_coded_each(s, id, count_each, n, &st));
}

/* The whole audit and every row against the manifest. */
static inline void
audit_holds(struct rx_session *s)
{

	must(rx_audit_verify(s, NULL, NULL, NULL, NULL, &st));
}

static inline int32_t
day(const char *text)
{
	int32_t date;

	assert_true(rx_date_parse(text, &date));
	return (date);
}

#endif
