/* Registers to be measured, their input, and the same files without our code. */

#include <sys/stat.h>

#include <stdio.h>

#include <sodium.h>

#include "bench.h"

void
path_in(char out[PATH_BYTES], const char *dir, const char *name)
{
	int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);

	assert_true(n > 0 && n < PATH_BYTES);
}

void
copy_register(const char *to, const char *of)
{
	static const char *const files[] = { "content.db", "keys.db" };
	struct rx_buf b = RX_BUF_INIT;
	char path[PATH_BYTES];
	size_t i;

	assert_int_equal(mkdir(to, 0700), 0);
	for (i = 0; i < 2; i++) {
		rx_buf_reset(&b);
		path_in(path, of, files[i]);
		ok(rx_file_read(&b, path, SIZE_MAX / 4, &st), &st);
		path_in(path, to, files[i]);
		ok(rx_file_write(path, b.b, b.len, 0600, false, &st), &st);
	}
	rx_buf_free(&b);
}

double
size_mib(const char *dir, const char *name)
{
	char path[PATH_BYTES];
	struct stat sb;
	int n = snprintf(path, sizeof(path), "%s%s", dir, name);

	assert_true(n > 0 && n < PATH_BYTES);
	assert_int_equal(stat(path, &sb), 0);
	return ((double)sb.st_size / 1048576);
}

struct rx_session *
sign_in(const char *dir, const char *user)
{
	struct rx_secret *passphrase = test_passphrase(user);
	struct rx_session *s;

	ok(rx_session_open(&s, dir, user, passphrase, &st), &st);
	rx_secret_free(passphrase);
	return (s);
}

void
enrol(struct rx_session *s, const char *user, enum rx_role role,
    const char *unit)
{
	struct rx_secret *passphrase = test_passphrase(user);

	ok(rx_user_add(s, user, role, unit, passphrase, &st), &st);
	rx_secret_free(passphrase);
}

void
make_register(const char *dir)
{
	struct rx_secret *passphrase = test_passphrase("admin");
	struct rx_codes codes;
	struct rx_session *s;

	ok(rx_register_create(dir, "admin", "bench", CITY, passphrase, &codes,
	    &st), &st);
	rx_secret_free(passphrase);
	rx_wipe(&codes, sizeof(codes));
	s = sign_in(dir, "admin");
	enrol(s, "director", RX_ROLE_DIRECTOR, COUNTY);
	enrol(s, "supervisor", RX_ROLE_SUPERVISOR, COUNTY);
	enrol(s, "statistician", RX_ROLE_STATISTICIAN, CITY);
	rx_session_close(s);
}

void
villages(const char *out[], size_t want)
{
	const struct rx_embedded_unit *u;
	size_t i, count, n = 0;

	u = rx_embedded_units(&count);
	for (i = 0; i < count && n < want; i++)
		if (strncmp(u[i].code, COUNTY, 6) == 0 &&
		    strcmp(u[i].level, "village") == 0)
			out[n++] = u[i].code;
	assert_int_equal(n, want);
}

static void
write_note(FILE *f, size_t i, enum notes notes)
{
	static const char text[] =
	    "入户走访时孩子在家由奶奶照看近来话少睡得晚作业拖到很晚才写"
	    "与老师联系过说上课走神父母在外务工每周通一次电话已告知监护人"
	    "留意情绪变化并约好下周再来看看衣食有着落身体无恙家中取暖安全";
	const size_t all = (sizeof(text) - 1) / 3;
	size_t k, n = notes == NOTES_FULL ? 150 :
	    60 + i * 7919 % 191;

	if (notes == NOTES_SHORT) {
		(void)fputs(i % 10 == 9 ? "走访时孩子在家，情况平稳。" :
		    "孩子近来话少，睡得晚。", f);
		return;
	}
	for (k = 0; k < n; k++)
		(void)fprintf(f, "%.3s", text + 3 * ((i + k) % all));
}

void
make_file(const char *path, size_t n, enum notes notes)
{
	const size_t children = CHILDREN_OF(n);
	const char *village[VILLAGES];
	char date[RX_DATE_TEXT];
	FILE *f;
	size_t i;

	villages(village, VILLAGES);
	assert_non_null(f = fopen(path, "we"));
	for (i = 0; i < children; i++)
		(void)fprintf(f, "{\"type\":\"child\",\"id\":\"c%zu\","
		    "\"unit\":\"%s\",\"name\":\"测试%zu\",\"sex\":\"%s\","
		    "\"birth\":\"2014-05\",\"categories\":[\"left_behind\"],"
		    "\"legal_basis\":\"consent\"}\n", i, village[i % VILLAGES],
		    i, i % 2 == 0 ? "f" : "m");
	for (i = 0; i < n; i++) {
		rx_date_format(from + (int32_t)randombytes_uniform(300), date);
		(void)fprintf(f, i % 10 == 9 ?
		    "{\"type\":\"intervention\",\"id\":\"r%zu\","
		    "\"child\":\"c%zu\",\"date\":\"%s\","
		    "\"kind\":\"visit_condolence\",\"delivered\":true,"
		    "\"face_to_face\":true" :
		    "{\"type\":\"observation\",\"id\":\"r%zu\","
		    "\"child\":\"c%zu\",\"date\":\"%s\","
		    "\"channel\":\"home_visit\",\"signs\":[\"mood_low\"],"
		    "\"risk\":\"yellow\"",
		    i, (size_t)randombytes_uniform((uint32_t)children), date);
		if (notes != NOTES_TYPICAL || i % 3 != 0) {
			(void)fputs(",\"note\":\"", f);
			write_note(f, i, notes);
			(void)fputc('"', f);
		}
		(void)fputs("}\n", f);
	}
	assert_int_equal(fclose(f), 0);
}

/* ---- plain SQLite ---- */

void
sql(sqlite3 *db, const char *text)
{

	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
}

sqlite3_stmt *
prepare(sqlite3 *db, const char *text)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	return (stmt);
}

void
run(sqlite3_stmt *stmt)
{

	if (sqlite3_step(stmt) != SQLITE_DONE)
		fail_msg("%s", sqlite3_errmsg(sqlite3_db_handle(stmt)));
	(void)sqlite3_reset(stmt);
}

void
attach(sqlite3 *db, const char *dir, const char *name, const char *as)
{
	sqlite3_stmt *stmt = prepare(db, "ATTACH ?1 AS ?2");
	char path[PATH_BYTES];

	path_in(path, dir, name);
	(void)sqlite3_bind_text(stmt, 1, path, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(stmt, 2, as, -1, SQLITE_STATIC);
	run(stmt);
	(void)sqlite3_finalize(stmt);
}

sqlite3 *
open_plain(const char *dir)
{
	char path[PATH_BYTES];
	sqlite3 *db;

	path_in(path, dir, "content.db");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	attach(db, dir, "keys.db", "keys");
	sql(db, PRAGMAS("main") PRAGMAS("keys"));
	return (db);
}
