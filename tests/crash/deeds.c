#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/crash/deeds.h"

/* Names that threads open together; and more than are sealed ahead, each with a
 * slot to be closed. */
#define MANY 130

/* The folder that is not changed, the files in it, and a countersigned head of
 * the copy that is in the town. */
static char news[300], reply[300], upward[300], many[300], town_file[300];
static char whole[RX_VAULT_WHOLE + 2][300], vault[300];
static char head_text[RX_COUNTERSIGNED_TEXT];
/* The copies. */
static const char *village, *town;

#define EACH(name, type) static rx_err \
	name(void *c, type row, struct rx_status *u) \
	{ (void)c; (void)row; (void)u; return (RX_OK); }
EACH(child, const struct rx_child_row *)
EACH(countersigned, const struct rx_countersigned *)
EACH(user, const struct rx_user_row *)

#define ACT(name, expr) static rx_err \
	name(struct rx_session *s) { return (expr); }
ACT(act_users, rx_user_each(s, user, NULL, &st))
ACT(act_heads, rx_countersigned_each(s, countersigned, NULL, &st))

static rx_err
words(void *cookie, const struct rx_audit_row *row, struct rx_status *u)
{
	struct rx_buf *out = cookie;

	/* Each from the beginning, where there is no room yet. */
	rx_buf_free(out);
	return (rx_audit_words(out, row, RX_LANG_ZH, u));
}

static rx_err
act_words(struct rx_session *s)
{
	const struct rx_audit_filter f = { .limit = 500 };
	struct rx_buf out = RX_BUF_INIT;
	size_t n;
	const rx_err rc = rx_audit_list(s, &f, &n, words, &out, &st);

	rx_buf_free(&out);
	return (rc);
}

/* The list, a number that nobody has, and what was done. */
static rx_err
act_many(struct rx_session *s)
{
	rx_err rc;

	if ((rc = rx_child_each(s, 0, 0, child, NULL, &st)) != RX_OK ||
	    (rc = rx_child_search(s, "110105", NULL, child, NULL, &st)) !=
	    RX_OK)
		return (rc);
	return (act_words(s));
}

static rx_err
act_seek_moved(struct rx_session *s)
{
	uint8_t id[RX_ID_BYTES];
	char text[RX_UUID_TEXT];

	rx_uuid_text(fixture_id[C1], text);
	return (rx_child_seek(s, text, id, &st));
}

static rx_err
act_erase(struct rx_session *s)
{

	return (rx_child_erase(s, fixture_id[C1], "期满", &st));
}

static rx_err
open_bundle(struct rx_session *s, const char *file)
{
	struct rx_bundle b;

	return (rx_bundle_open(s, file, true, &b, &st));
}
ACT(act_open_news, open_bundle(s, news))
ACT(act_open_reply, open_bundle(s, reply))
ACT(act_open_upward, open_bundle(s, upward))

static rx_err
act_countersign(struct rx_session *s)
{
	struct rx_countersigned c;
	const rx_err rc = rx_audit_countersign(s, &c, NULL, NULL, &st);

	if (rc == RX_OK)
		rx_countersigned_format(head_text, &c);
	return (rc);
}

static rx_err
first_head(void *cookie, const struct rx_countersigned *c,
    struct rx_status *u)
{

	(void)u;
	*(struct rx_countersigned *)cookie = *c;
	return (RX_OK);
}

/* Another statement of the same signer about the same head: one of them stays. */
static rx_err
act_keep_other(struct rx_session *s)
{
	struct rx_countersigned c;
	bool changed;
	rx_err rc;

	memset(&c, 0, sizeof(c));
	if ((rc = rx_countersigned_each(s, first_head, &c, &st)) != RX_OK ||
	    (rc = rx_store_begin(s->store, &st)) != RX_OK)
		return (rc);
	memset(c.statement, 0, sizeof(c.statement));
	rc = rx_countersigned_keep(s, &c, &changed, &st);
	rx_store_rollback(s->store);
	return (rc);
}

/* A backup of a copy against a head of it that is kept on paper, and against the
 * copy itself. */
static rx_err
act_restore_town(struct rx_session *s)
{
	const struct rx_restore ask = { .file = town_file, .user = "admin",
	    .passphrase = word("admin-pass"), .anchor = head_text,
	    .live = town };
	struct rx_restored got;

	(void)s;
	return (rx_backup_restore(&ask, &got, &st));
}

/* More backups than are kept; and keys beside them. */
static rx_err
act_tidy(struct rx_session *s)
{
	char from[310], to[400];
	unsigned i, k;
	size_t n;

	for (i = 0; i < 2 * (RX_VAULT_WHOLE + 2); i++) {
		k = i / 2;
		(void)snprintf(from, sizeof(from), "%s%s", whole[k], i % 2 == 0 ?
		    "" : ".keys");
		(void)snprintf(to, sizeof(to), "%s/runxin-202501%02u-000000%s",
		    vault, k + 1, i % 2 == 0 ? "" : ".keys");
		(void)remove(to);
		if (link(from, to) != 0)
			return (rx_fail(&st, RX_EIO, RX_MSG_FILE_NO_ACCESS));
	}
	return (rx_vault_tidy(s, vault, NULL, &n, &st));
}

/* Keys are made where there is no room for one more. */
static rx_err
act_new_key(struct rx_session *s)
{
	struct rx_key *key;
	const rx_err rc = rx_key_random(&key, s->pool, &st);

	return (rc == RX_OK || key == NULL ? rc : RX_ECORRUPT);
}

/* Which copy it is, as the page shows before anybody signs in: none when that
 * cannot be told. */
static rx_err
act_copy_name(struct rx_session *s)
{
	char name[64] = "?";

	(void)s;
	rx_copy_of(town, name, sizeof(name));
	return (strcmp(name, "镇") == 0 || name[0] == '\0' ? RX_OK :
	    RX_ECORRUPT);
}

/* ---- before ---- */

static void
did(const char *dir, const char *user, rx_err (*act)(struct rx_session *))
{
	char pass[20];

	(void)snprintf(pass, sizeof(pass), "%s-pass", user);
	ok(as(dir, user, pass, act), &st);
}

static rx_err
act_offer(struct rx_session *s)
{

	return (rx_transfer_offer(s, fixture_id[C1], "350102001002", "搬家",
	    &st));
}

static rx_err
act_accept(struct rx_session *s)
{
	char number[16];

	return (rx_transfer_accept(s, fixture_id[C1], number, &st));
}

static void
before_moved(const char *dir)
{

	did(dir, "d1", act_offer);
	did(dir, "d2", act_nothing);
	did(dir, "d2", act_accept);
	did(dir, "d1", act_nothing);
}

static rx_err
act_import(struct rx_session *s)
{
	struct rx_import_counts counts;

	return (rx_import(s, many, &counts, NULL, NULL, &st));
}

static void
before_many(const char *dir)
{

	did(dir, "d1", act_import);
}

/* Whose slots in many cases are still to be made. */
static rx_err
act_add_above(struct rx_session *s)
{

	return (rx_user_add(s, "s9", RX_ROLE_SUPERVISOR, "350102001",
	    word("n1-pass"), &st));
}

static void
before_above(const char *dir)
{

	did(dir, "d1", act_import);
	did(dir, "admin", act_add_above);
}

/* c1 was helped, in ways that each count for the form. */
static rx_err
act_help(struct rx_session *s)
{

	fixture_save(s, RX_INTERVENTION, "{\"id\":\"v1\",\"child\":\"c1\","
	    "\"date\":\"2025-06-11\",\"kind\":\"individual_counselling\","
	    "\"delivered\":true,\"professional\":true,\"agency_type\":"
	    "\"social_work\",\"agency\":\"91350102MA00000001\","
	    "\"need_resolved_on\":\"2025-07-11\"}",
	    false, NULL);
	fixture_save(s, RX_INTERVENTION, "{\"id\":\"v2\",\"child\":\"c1\","
	    "\"date\":\"2025-06-12\",\"kind\":\"cash_condolence\","
	    "\"delivered\":true,\"amount_fen\":20000}", false, NULL);
	fixture_save(s, RX_INTERVENTION, "{\"id\":\"v3\",\"child\":\"c1\","
	    "\"date\":\"2025-08-12\",\"kind\":\"visit_condolence\","
	    "\"delivered\":true,\"face_to_face\":true}", false, NULL);
	return (RX_OK);
}

static rx_err
act_correct(struct rx_session *s)
{

	fixture_save(s, RX_CHILD, "{\"id\":\"c1\",\"unit\":"
	    "\"350102001001\",\"name\":\"甲\",\"sex\":\"f\",\"birth\":"
	    "\"2014-05\",\"categories\":[\"left_behind\"],\"legal_basis\":"
	    "\"consent\",\"school\":\"三小\"}", true, NULL);
	return (RX_OK);
}

/* The same record was written as in the town. */
static void
before_conflict(const char *dir)
{

	did(dir, "d1", act_correct);
	did(dir, "d1", act_open_reply);
}

static void
before_help(const char *dir)
{

	did(dir, "d1", act_help);
}

static rx_err
act_disable(struct rx_session *s)
{

	return (rx_user_disable(s, "gone", &st));
}

static void
before_gone(const char *dir)
{

	did(dir, "admin", act_disable);
}

static void
before_village(const char *dir)
{

	fixture_copy_over(village, dir);
}

static void
before_town(const char *dir)
{

	fixture_copy_over(town, dir);
}

static void
before_countersign(const char *dir)
{

	did(dir, "s1", act_countersign);
}

#define D(b, a, u, code) { .name = #a, .user = u, .pass = u "-pass", \
	.act = a, .before = b, .again = code }
static const struct deed deeds[] = {
	D(before_moved, act_seek_moved, "d1", RX_EPERM),
	D(before_many, act_many, "d1", RX_OK),
	D(before_above, act_nothing, "d1", RX_OK),
	D(before_help, act_erase, "d1", RX_OK),
	D(before_village, act_open_news, "d1", RX_OK),
	D(before_town, act_heads, "s1", RX_OK),
	D(NULL, act_import, "d1", RX_OK),
	D(NULL, act_open_upward, "s1", RX_OK),
	D(before_countersign, act_open_reply, "d1", RX_OK),
	D(before_countersign, act_keep_other, "s1", RX_OK),
	D(before_town, act_restore_town, "admin", RX_OK),
	D(NULL, act_copy_name, "d1", RX_OK),
	D(before_countersign, act_words, "admin", RX_OK),
	D(before_gone, act_users, "admin", RX_OK),
	D(before_conflict, act_erase, "d1", RX_OK),
	D(NULL, act_tidy, "admin", RX_OK),
	D(NULL, act_new_key, "d1", RX_OK),
};

const struct deed *
more_deed(size_t i)
{

	return (i < sizeof(deeds) / sizeof(deeds[0]) ? &deeds[i] : NULL);
}

/* ---- what they need ---- */

static void
write_many(void)
{
	struct rx_buf b = RX_BUF_INIT;
	unsigned i;

	for (i = 0; i < MANY; i++)
		ok(rx_buf_printf(&b, &st, "{\"type\":\"child\",\"id\":\"m%u\","
		    "\"unit\":\"350102001001\",\"name\":\"例%u\",\"sex\":\"m\","
		    "\"birth\":\"2015-02\",\"categories\":[\"left_behind\"],"
		    "\"legal_basis\":\"consent\"}\n{\"type\":"
		    "\"observation\",\"id\":\"mo%u\",\"child\":\"m%u\","
		    "\"date\":\"2025-06-03\",\"channel\":\"home_visit\","
		    "\"signs\":[\"self_harm\"],\"risk\":\"red\"}\n", i, i,
		    i, i), &st);
	ok(rx_file_write(many, b.b, b.len, 0600, true, &st), &st);
	rx_buf_free(&b);
}

static rx_err
act_add(struct rx_session *s)
{

	return (rx_user_add(s, "n2", RX_ROLE_DIRECTOR, "350102001001",
	    word("n1-pass"), &st));
}

static rx_err
act_send_news(struct rx_session *s)
{
	struct rx_bundle b;

	return (rx_bundle_make(s, "350102001001", news, &b, &st));
}

static rx_err
act_send_reply(struct rx_session *s)
{
	struct rx_bundle b;

	const rx_err rc = rx_bundle_make(s, "350102001001", reply, &b, &st);

	return (rc != RX_OK ? rc : rx_bundle_make(s, "350102001", upward, &b,
	    &st));
}

static rx_err
act_backup(struct rx_session *s)
{

	return (rx_backup_create(s, town_file, &st));
}

static rx_err
act_backup_home(struct rx_session *s)
{
	rx_err rc = RX_OK;
	unsigned i;

	for (i = 0; i < RX_VAULT_WHOLE + 2 && rc == RX_OK; i++)
		rc = rx_backup_create(s, whole[i], &st);
	return (rc);
}

/* A copy in the village; at home somebody comes, somebody goes, and the keys are
 * made anew. */
static void
news_setup(const char *base)
{
	const char *home = fixture_copy_of(base);

	village = fixture_copy_of(base);
	ok(rx_copy_begin(village, "d1", word("d1-pass"), "村", &st), &st);
	did(home, "d1", act_backup_home);
	did(home, "admin", act_add);
	did(home, "admin", act_disable);
	did(home, "d1", act_nothing);
	did(home, "d1", act_erase);
	did(home, "d1", act_send_news);
}

/* A copy in the town, where its head was countersigned, and home's before. */
static void
town_setup(const char *base)
{

	town = fixture_copy_of(base);
	did(town, "s1", act_countersign);
	ok(rx_copy_begin(town, "s1", word("s1-pass"), "镇", &st), &st);
	did(town, "s1", act_countersign);
	did(town, "d1", act_correct);
	did(town, "d1", act_backup);
	did(town, "d1", act_send_reply);
}

void
more_setup(const char *base)
{
	const char *kept = test_dir();
	unsigned i;

	(void)snprintf(news, sizeof(news), "%s/news", kept);
	(void)snprintf(reply, sizeof(reply), "%s/reply", kept);
	for (i = 0; i < RX_VAULT_WHOLE + 2; i++)
		(void)snprintf(whole[i], sizeof(whole[i]), "%s/whole%u", kept,
		    i);
	(void)snprintf(vault, sizeof(vault), "%s", test_dir());
	(void)snprintf(upward, sizeof(upward), "%s/upward", kept);
	(void)snprintf(many, sizeof(many), "%s/many.ndjson", kept);
	(void)snprintf(town_file, sizeof(town_file), "%s/town", kept);
	write_many();
	news_setup(base);
	town_setup(base);
}
