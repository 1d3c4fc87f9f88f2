#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "stats/stats.h"
#include "tests/fixture.h"

uint8_t fixture_id[FIXTURE_IDS][RX_ID_BYTES];

static const char *base;

static const char *const id_names[FIXTURE_IDS] = {
	"c1", "c2", "c3", "o1", "o2", "o3", "o4", "i1", "a1",
	"admin", "d1", "d2", "s1", "s2", "gone", "st"
};
static const char *const files[2] = { "content.db", "keys.db" };

/* ---- making it ---- */

static struct rx_secret *
passphrase_of(const char *user)
{
	char text[80];

	(void)snprintf(text, sizeof(text), "%s-pass", user);
	return (test_passphrase(text));
}

void
fixture_save(struct rx_session *s, enum rx_type type, const char *text,
    bool correct, uint8_t id[RX_ID_BYTES])
{
	struct rx_save_result result;
	struct rx_status st;
	json_t *json;

	rx_status_clear(&st);
	ok(rx_json_parse(&json, text, strlen(text), &st), &st);
	ok(rx_save(s, type, json, correct, &result, &st), &st);
	json_decref(json);
	if (id != NULL)
		memcpy(id, result.id, RX_ID_BYTES);
}

rx_err
fixture_write(struct rx_session *s, enum rx_type type, bool correct,
    const char *text, struct rx_status *st)
{
	struct rx_save_result result;
	char *copy = strdup(text), *q;
	json_t *json;
	rx_err rc;

	assert_non_null(copy);
	for (q = copy; *q != '\0'; q++)
		if (*q == '\'')
			*q = '"';
	rx_status_clear(st);
	ok(rx_json_parse(&json, copy, strlen(copy), st), st);
	rc = rx_save(s, type, json, correct, &result, st);
	json_decref(json);
	free(copy);
	return (rc);
}

rx_err
fixture_release(struct rx_session *s, const char unit[RX_UNIT_BYTES],
    int32_t from, int32_t to, struct rx_status *st)
{
	struct rx_buf out = RX_BUF_INIT;
	rx_err rc;

	rx_status_clear(st);
	rc = rx_annex_bytes(&out, s, unit, from, to, RX_FORMAT_JSON,
	    RX_LANG_ZH, NULL, NULL, st);
	rx_buf_free(&out);
	return (rc);
}

rx_err
fixture_import(struct rx_session *s, const struct rx_buf *text,
    struct rx_import_counts *counts, struct rx_status *st)
{
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/lines.ndjson", test_dir());
	ok(rx_file_write(path, text->b, text->len, 0600, false, st), st);
	return (rx_import(s, path, counts, NULL, NULL, st));
}

const char *
fixture_many(void)
{
	const char *dir = fixture_copy();
	struct rx_session *s = fixture_open(dir, "d1");
	struct rx_import_counts counts;
	struct rx_buf text = RX_BUF_INIT;
	struct rx_status st;
	int i;

	rx_status_clear(&st);
	for (i = 0; i < FIXTURE_MANY; i++)
		ok(rx_buf_printf(&text, &st, "{\"type\":\"child\",\"id\":"
		    "\"k%d\",\"unit\":\"350102001001\",\"name\":\"童%d\","
		    "\"sex\":\"f\",\"birth\":\"2014-05\",\"id_number\":"
		    "\"11010519491231002X\",\"categories\":[\"left_behind\"],"
		    "\"legal_basis\":\"consent\"}\n", i, i), &st);
	ok(fixture_import(s, &text, &counts, &st), &st);
	rx_session_close(s);
	rx_buf_free(&text);
	return (dir);
}

static rx_err
take_flag(void *cookie, const struct rx_flag_row *flag, struct rx_status *st)
{

	(void)st;
	if (memcmp(flag->child, fixture_id[C1], RX_ID_BYTES) == 0)
		*(struct rx_flag_row *)cookie = *flag;
	return (RX_OK);
}

struct rx_flag_row
fixture_flag(struct rx_session *s)
{
	struct rx_flag_row flag = { .state = RX_FLAG_CLOSED };
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_review_each(s, false, take_flag, &flag, &st), &st);
	return (flag);
}

static void
enrol(const char *dir, uint8_t id[FIXTURE_IDS][RX_ID_BYTES])
{
	static const struct {
		enum fixture_id who;
		enum rx_role role;
		const char *unit;
	} people[] = {
		{ D1, RX_ROLE_DIRECTOR, "350102001001" },
		{ D2, RX_ROLE_DIRECTOR, "350102001002" },
		{ S1, RX_ROLE_SUPERVISOR, "350102001" },
		{ S2, RX_ROLE_SUPERVISOR, "350102002" },
		{ GONE, RX_ROLE_SUPERVISOR, "350102001" },
		{ ST, RX_ROLE_STATISTICIAN, "350102" },
	};
	struct rx_session *s;
	struct rx_secret *p;
	struct rx_status st;
	size_t i, k;

	rx_status_clear(&st);
	s = fixture_open(dir, "admin");
	for (i = 0; i < sizeof(people) / sizeof(people[0]); i++) {
		p = passphrase_of(id_names[people[i].who]);
		ok(rx_user_add(s, id_names[people[i].who], people[i].role,
		    people[i].unit, p, &st), &st);
		rx_secret_free(p);
	}
	for (i = 0; i < s->nmembers; i++)
		for (k = ADMIN; k < FIXTURE_IDS; k++)
			if (strcmp(s->members[i].cert.name, id_names[k]) == 0)
				memcpy(id[k], s->members[i].cert.user,
				    RX_ID_BYTES);
	rx_session_close(s);
}

#define CHILD(id, unit, name, school) \
    "{\"id\":\"" id "\",\"unit\":\"" unit "\",\"name\":\"" name "\"," \
    "\"sex\":\"f\",\"birth\":\"2014-05\",\"categories\":[\"left_behind\"]," \
    "\"legal_basis\":\"consent\",\"school\":\"" school "\"}"
#define OBSERVATION(id, child, date, sign, risk, note) \
    "{\"id\":\"" id "\",\"child\":\"" child "\",\"date\":\"" date "\"," \
    "\"channel\":\"home_visit\",\"signs\":[\"" sign "\"],\"risk\":\"" risk \
    "\",\"note\":\"" note "\"}"

static void
write_cases(const char *dir, uint8_t id[FIXTURE_IDS][RX_ID_BYTES])
{
	struct rx_session *s;

	s = fixture_open(dir, "d1");
	fixture_save(s, RX_CHILD, CHILD("c1", "350102001001", "甲", "一小"),
	    false, id[C1]);
	fixture_save(s, RX_CHILD, CHILD("c2", "350102001001", "乙", "一小"),
	    false, id[C2]);
	fixture_save(s, RX_CHILD, CHILD("c2", "350102001001", "乙", "二小"),
	    true, NULL);
	fixture_save(s, RX_OBSERVATION, OBSERVATION("o1", "c1", "2025-06-03",
	    "self_harm", "red", "first"), false, id[O1]);
	fixture_save(s, RX_OBSERVATION, OBSERVATION("o1", "c1", "2025-06-03",
	    "self_harm", "orange", "corrected"), true, NULL);
	fixture_save(s, RX_OBSERVATION, OBSERVATION("o2", "c1", "2025-06-05",
	    "mood_low", "orange", "second"), false, id[O2]);
	fixture_save(s, RX_OBSERVATION, OBSERVATION("o3", "c2", "2025-06-04",
	    "mood_low", "yellow", "third"), false, id[O3]);
	fixture_save(s, RX_INTERVENTION, "{\"id\":\"i1\",\"child\":\"c2\","
	    "\"date\":\"2025-06-10\",\"kind\":\"companionship\","
	    "\"delivered\":true,\"note\":\"visit\"}", false, id[I1]);
	fixture_save(s, RX_ACTIVITY, "{\"id\":\"a1\","
	    "\"unit\":\"350102001001\",\"date\":\"2025-06-01\","
	    "\"kind\":\"theme_activity\",\"venue\":\"hall\",\"held\":true,"
	    "\"children\":[\"c1\"]}", false, id[A1]);
	rx_session_close(s);
	s = fixture_open(dir, "d2");
	fixture_save(s, RX_CHILD, CHILD("c3", "350102001002", "丙", "三小"),
	    false, id[C3]);
	fixture_save(s, RX_OBSERVATION, OBSERVATION("o4", "c3", "2025-06-04",
	    "death_talk", "red", "fourth"), false, id[O4]);
	rx_session_close(s);
}

const char *
fixture_another(uint8_t id[FIXTURE_IDS][RX_ID_BYTES])
{
	uint8_t ids[FIXTURE_IDS][RX_ID_BYTES];
	struct rx_codes codes;
	struct rx_secret *p;
	struct rx_status st;
	const char *dir = test_dir();

	rx_status_clear(&st);
	memset(ids, 0, sizeof(ids));
	p = passphrase_of("admin");
	ok(rx_register_create(dir, "admin", "Gulou", "350102", p, &codes,
	    &st), &st);
	rx_secret_free(p);
	rx_wipe(&codes, sizeof(codes));
	enrol(dir, ids);
	write_cases(dir, ids);
	if (id != NULL)
		memcpy(id, ids, sizeof(ids));
	return (dir);
}

int
fixture_setup(void **state)
{

	(void)state;
	base = fixture_another(fixture_id);
	return (0);
}

const char *
fixture_dir(void)
{

	return (base);
}

void
fixture_copy_over(const char *from, const char *to)
{
	struct rx_buf b = RX_BUF_INIT;
	struct rx_status st;
	char path[300];
	size_t f;

	rx_status_clear(&st);
	for (f = 0; f < 2; f++) {
		(void)snprintf(path, sizeof(path), "%s/%s", from, files[f]);
		ok(rx_file_read(&b, path, SIZE_MAX, &st), &st);
		(void)snprintf(path, sizeof(path), "%s/%s", to, files[f]);
		ok(rx_file_write(path, b.b, b.len, 0600, true, &st), &st);
		rx_buf_free(&b);
	}
}

const char *
fixture_copy_of(const char *from)
{
	const char *to = test_dir();

	fixture_copy_over(from, to);
	return (to);
}

const char *
fixture_village(const char *from)
{
	const char *dir = fixture_copy_of(from);
	struct rx_secret *p = passphrase_of("d1");
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_copy_begin(dir, "d1", p, "村", &st), &st);
	rx_secret_free(p);
	return (dir);
}

void
fixture_digest(const char *dir, uint8_t digest[RX_HASH_BYTES])
{
	struct rx_store *store;
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_store_open(&store, dir, &st), &st);
	ok(rx_store_manifest_digest(store, digest, &st), &st);
	rx_store_close(store);
}

const char *
fixture_copy(void)
{

	return (fixture_copy_of(base));
}

/* ---- using it ---- */

rx_err
fixture_try(struct rx_session **out, const char *dir, const char *user,
    struct rx_status *st)
{
	struct rx_secret *p = passphrase_of(user);
	rx_err rc;

	rc = rx_session_open(out, dir, user, p, st);
	rx_secret_free(p);
	return (rc);
}

struct rx_session *
fixture_open(const char *dir, const char *user)
{
	struct rx_session *s;
	struct rx_status st;

	rx_status_clear(&st);
	ok(fixture_try(&s, dir, user, &st), &st);
	return (s);
}

void
fixture_open_corrupt(const char *dir, const char *user, enum rx_msg msg)
{
	struct rx_session *s;
	struct rx_status st;
	char text[512];

	rx_status_clear(&st);
	assert_int_equal(fixture_try(&s, dir, user, &st), RX_ECORRUPT);
	assert_null(s);
	rx_status_text(&st, RX_LANG_EN, text, sizeof(text));
	if (st.msg != msg)
		fail_msg("%s: %s", user, text);
}

static rx_err
count_child(void *n, const struct rx_child_row *row, struct rx_status *st)
{

	(void)row;
	(void)st;
	(*(size_t *)n)++;
	return (RX_OK);
}

static rx_err
count_record(void *n, const struct rx_record *r, struct rx_status *st)
{

	(void)r;
	(void)st;
	(*(size_t *)n)++;
	return (RX_OK);
}

rx_err
fixture_list(struct rx_session *s, size_t *n, struct rx_status *st)
{

	*n = 0;
	return (rx_child_each(s, 0, 0, count_child, n, st));
}

rx_err
fixture_show(struct rx_session *s, const uint8_t id[RX_ID_BYTES],
    const char *reason, size_t *n, struct rx_status *st)
{

	*n = 0;
	return (rx_child_show(s, id, reason, count_record, n, st));
}

rx_err
fixture_coded(struct rx_session *s, const char *text, size_t *n,
    struct rx_status *st)
{
	char unit[RX_UNIT_BYTES];

	*n = 0;
	ok(rx_unit_parse(unit, text, st), st);
	return (rx_coded_each(s, unit, count_record, n, st));
}

rx_err
fixture_verify(struct rx_session *s, const char *anchor, struct rx_status *st)
{
	uint64_t entries;

	return (rx_audit_verify(s, anchor, &entries, NULL, NULL, st));
}

/* ---- changing the files ---- */

/* ${sql} with "$name" replaced by blob literals; freed by the caller. */
static char *
expand(const char *sql)
{
	char hex[2 * RX_ID_BYTES + 1], *out = NULL;
	size_t i, len, used = 0;

	for (;;) {
		out = realloc(out, used + 64);
		assert_non_null(out);
		if (*sql == '\0')
			break;
		for (i = 0; *sql == '$' && i < FIXTURE_IDS; i++) {
			len = strlen(id_names[i]);
			if (strncmp(sql + 1, id_names[i], len) == 0)
				break;
		}
		if (*sql != '$') {
			out[used++] = *sql++;
			continue;
		}
		assert_true(i < FIXTURE_IDS);
		rx_hex(hex, fixture_id[i], RX_ID_BYTES);
		used += (size_t)snprintf(out + used, 64, "x'%s'", hex);
		sql += 1 + len;
	}
	out[used] = '\0';
	return (out);
}

static sqlite3 *
open_raw(const char *dir)
{
	char path[300], *attach;
	sqlite3 *db = NULL;

	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE,
	    NULL), SQLITE_OK);
	attach = sqlite3_mprintf("ATTACH '%q/keys.db' AS keys", dir);
	assert_non_null(attach);
	assert_int_equal(sqlite3_exec(db, attach, NULL, NULL, NULL),
	    SQLITE_OK);
	sqlite3_free(attach);
	return (db);
}

static void
run(sqlite3 *db, const char *sql)
{
	char *text = NULL, *all = expand(sql);

	if (sqlite3_exec(db, all, NULL, NULL, &text) != SQLITE_OK)
		fail_msg("%s: %s", all, text);
	free(all);
}

/* The first row of ${sql}; finalized by the caller. */
static sqlite3_stmt *
first_row(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt = NULL;
	char *all = expand(sql);

	if (sqlite3_prepare_v2(db, all, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", all, sqlite3_errmsg(db));
	if (sqlite3_step(stmt) != SQLITE_ROW)
		fail_msg("%s: no row", all);
	free(all);
	return (stmt);
}

/* The control: SQLite finds nothing wrong. */
static void
nothing_wrong(sqlite3 *db)
{
	static const char *const check[2] = {
		"PRAGMA main.integrity_check", "PRAGMA keys.integrity_check"
	};
	sqlite3_stmt *stmt;
	size_t f;

	for (f = 0; f < 2; f++) {
		stmt = first_row(db, check[f]);
		assert_string_equal((const char *)sqlite3_column_text(stmt, 0),
		    "ok");
		assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	}
}

void
fixture_sql(const char *dir, const char *sql)
{
	sqlite3 *db = open_raw(dir);

	run(db, sql);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void
fixture_tamper(const char *dir, const char *sql)
{
	sqlite3 *db = open_raw(dir);
	int before = sqlite3_total_changes(db);

	run(db, sql);
	if (sqlite3_total_changes(db) == before)
		fail_msg("nothing changed: %s", sql);
	nothing_wrong(db);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

void
fixture_tamper_blob(const char *dir, const char *sql, const void *p, size_t n)
{
	sqlite3 *db = open_raw(dir);
	sqlite3_stmt *stmt = NULL;
	char *all = expand(sql);

	assert_true(n <= INT32_MAX);
	if (sqlite3_prepare_v2(db, all, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", all, sqlite3_errmsg(db));
	assert_int_equal(sqlite3_bind_blob(stmt, 1, p, (int)n, SQLITE_STATIC),
	    SQLITE_OK);
	if (sqlite3_step(stmt) != SQLITE_DONE)
		fail_msg("%s: %s", all, sqlite3_errmsg(db));
	if (sqlite3_changes(db) == 0)
		fail_msg("nothing changed: %s", all);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	free(all);
	nothing_wrong(db);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int64_t
fixture_number(const char *dir, const char *sql)
{
	sqlite3 *db = open_raw(dir);
	sqlite3_stmt *stmt = first_row(db, sql);
	int64_t n = sqlite3_column_int64(stmt, 0);

	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return (n);
}

void
fixture_blob(const char *dir, const char *sql, struct rx_buf *out)
{
	sqlite3 *db = open_raw(dir);
	sqlite3_stmt *stmt = first_row(db, sql);
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_buf_add(out, sqlite3_column_blob(stmt, 0),
	    (size_t)sqlite3_column_bytes(stmt, 0), &st), &st);
	assert_int_equal(sqlite3_finalize(stmt), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}
