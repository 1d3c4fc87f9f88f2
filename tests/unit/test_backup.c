#include <dirent.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/unit/register.h"

/* Backups: made, checked, restored, and refused when something is wrong. */

/* The clock of the program, which a test may set ahead, or stop. */
static int64_t ahead, stopped;	/* ms */

int
clock_gettime(clockid_t id, struct timespec *ts)
{
	const int rc = (int)syscall(SYS_clock_gettime, id, ts);

	if (id == CLOCK_REALTIME && stopped != 0) {
		ts->tv_sec = stopped / 1000;
		ts->tv_nsec = stopped % 1000 * 1000000;
	}
	if (id == CLOCK_REALTIME)
		ts->tv_sec += ahead / 1000;
	return (rc);
}

static void
test_clock_ahead(int64_t ms)
{

	ahead = ms;
}

static struct {
	char dir[256], file[300], keys[310];
	struct rx_session *admin, *d1;
} b;

static int
setup(void **state)
{

	(void)state;
	must(rx_crypto_init(&st));
	rx_json_init();
	b.admin = new_register(b.dir, "r", CITY);
	ok(enrol(b.admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	b.d1 = sign_in(b.dir, "d1");
	add_child(b.d1, "c1", VILLAGE1);
	(void)snprintf(b.file, sizeof(b.file), "%s.backup", b.dir);
	(void)snprintf(b.keys, sizeof(b.keys), "%s.keys", b.file);
	must(rx_backup_create(b.d1, b.file, &st));
	return (0);
}

static int
teardown(void **state)
{

	(void)state;
	rx_session_close(b.d1);
	rx_session_close(b.admin);
	return (0);
}

static rx_err
check_backup(const char *file, const char *pass, const char *to)
{
	struct rx_secret *p = test_passphrase(pass);
	struct rx_audit_head head;
	rx_err rc;

	rx_status_clear(&st);
	rc = rx_backup_check(file, "d1", p, to, &head, &st);
	rx_secret_free(p);
	return (rc);
}

/* Write ${n} bytes of ${from}, one of them changed at ${at}, to ${to}. */
static void
damaged_copy(const char *from, const char *to, size_t at, size_t drop)
{
	struct rx_buf buf = RX_BUF_INIT;

	must(rx_file_read(&buf, from, (size_t)1 << 30, &st));
	assert_true(drop < buf.len);
	if (at < buf.len)
		buf.b[at] ^= 1;
	must(rx_file_write(to, buf.b, buf.len - drop, 0600, true, &st));
	rx_buf_free(&buf);
}

/* Take back what all migrations of content.db but the first made, in the file
 * itself; ${s} has saved nothing there, or the child "c1" alone. */
static void
make_older(const char *dir, struct rx_session *s)
{
	char path[320], sql[256];
	uint8_t id[RX_ID_BYTES];
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int code;

	/* The only one of these tables that has a row, which is in the manifest. */
	if (rx_child_find(s, "c1", id, &st) == RX_OK) {
		must(rx_begin(s, &st));
		must(rx_finish(s, rx_extract_forget(s, id, &st), RX_DID_SAVE,
		    id, "child", &st));
	}
	rx_status_clear(&st);
	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	do {
		assert_int_equal(sqlite3_prepare_v2(db, "SELECT name FROM "
		    "sqlite_schema WHERE type = 'table' AND name NOT IN ("
		    "'schema_migration', 'store', 'unit', 'child', 'record', "
		    "'activity', 'release', 'audit', 'manifest')", -1, &stmt,
		    NULL), SQLITE_OK);
		if ((code = sqlite3_step(stmt)) == SQLITE_ROW)
			(void)snprintf(sql, sizeof(sql), "DROP TABLE %s",
			    (const char *)sqlite3_column_text(stmt, 0));
		(void)sqlite3_finalize(stmt);
		if (code == SQLITE_ROW)
			assert_int_equal(sqlite3_exec(db, sql, NULL, NULL,
			    NULL), SQLITE_OK);
	} while (code == SQLITE_ROW);
	assert_int_equal(sqlite3_exec(db,
	    "DELETE FROM schema_migration WHERE number > 1;"
	    "PRAGMA user_version = 1;", NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* A backup of before the newest migration: whoever needs it has nothing else. */
static void
test_backup_of_an_older_schema_is_restored_and_brought_up_to_date(void **state)
{
	char dir[256], file[400], to[320];
	struct rx_session *admin, *d1, *s;
	struct rx_buf image = RX_BUF_INIT;
	uint64_t entries = 0;

	(void)state;
	admin = new_register(dir, "older", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	add_child(d1, "c1", VILLAGE1);
	make_older(dir, d1);
	(void)snprintf(file, sizeof(file), "%s.backup", dir);
	must(rx_backup_create(d1, file, &st));
	ok(check_backup(file, "d1", NULL), &st);

	(void)snprintf(to, sizeof(to), "%s.restored", dir);
	ok(check_backup(file, "d1", to), &st);
	/* The files are those of the backup; opening them upgrades them. */
	(void)snprintf(file, sizeof(file), "%s/content.db", to);
	must(rx_file_read(&image, file, (size_t)1 << 30, &st));
	assert_int_equal(image.b[63], 1);
	rx_buf_reset(&image);
	s = sign_in(to, "d1");
	must(rx_audit_verify(s, NULL, &entries, NULL, NULL, &st));
	assert_true(entries > 0);
	rx_session_close(s);
	must(rx_file_read(&image, file, (size_t)1 << 30, &st));
	assert_true(image.b[63] > 1);
	rx_buf_free(&image);
	rx_session_close(d1);
	rx_session_close(admin);
}

/* An older schema is no way in for a table that no migration made. */
static void
test_backup_of_an_older_schema_with_a_foreign_table_is_refused(void **state)
{
	char dir[256], file[300], path[320];
	struct rx_session *admin, *d1;
	sqlite3 *db;

	(void)state;
	admin = new_register(dir, "foreign", CITY);
	ok(enrol(admin, "d1", RX_ROLE_DIRECTOR, VILLAGE1), &st);
	d1 = sign_in(dir, "d1");
	make_older(dir, d1);
	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "CREATE TABLE x(a)", NULL, NULL,
	    NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	(void)snprintf(file, sizeof(file), "%s.backup", dir);
	must(rx_backup_create(d1, file, &st));
	refuses(check_backup(file, "d1", NULL), RX_ECORRUPT, STORE_SCHEMA);
	rx_session_close(d1);
	rx_session_close(admin);
}

#define NOWHERE ((size_t)-1)

static void
test_backup_is_restored_as_it_was(void **state)
{
	struct rx_audit_head head;
	struct rx_secret *p = test_passphrase("d1");
	struct rx_session *s;
	struct stat sb;
	char to[320];

	(void)state;
	assert_int_equal(stat(b.keys, &sb), 0);
	assert_int_equal(sb.st_mode & 0777, 0600);
	(void)snprintf(to, sizeof(to), "%s-restored", b.dir);
	must(rx_backup_check(b.file, "d1", p, NULL, &head, &st));
	assert_int_equal(head.seq, mark_of(b.d1).head.seq);
	assert_int_not_equal(access(to, F_OK), 0);

	must(rx_backup_check(b.file, "d1", p, to, &head, &st));
	s = sign_in(to, "d1");
	assert_string_equal(listed(s, "c1").name, "林c1");
	audit_holds(s);
	add_child(s, "c2", VILLAGE1);
	audit_holds(s);
	rx_session_close(s);
	s = sign_in(to, "admin");
	rx_session_close(s);
	rx_secret_free(p);
}

static void
test_restore_into_an_empty_folder_is_taken(void **state)
{
	const char *to = test_dir();
	struct rx_session *s;

	(void)state;
	ok(check_backup(b.file, "d1", to), &st);
	s = sign_in(to, "d1");
	rx_session_close(s);
}

static void
test_restore_not_empty_folder_is_refused(void **state)
{
	const char *to = test_dir();
	char path[300];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/mine", to);
	must(rx_file_write(path, "x", 1, 0600, true, &st));
	refuses(check_backup(b.file, "d1", to), RX_ECONFLICT,
	    RESTORE_NOT_EMPTY);
	assert_string_equal(arg_of("dir"), to);
	assert_int_equal(access(path, F_OK), 0);
	(void)snprintf(path, sizeof(path), "%s/content.db", to);
	assert_int_not_equal(access(path, F_OK), 0);
	/* The register itself is not empty either. */
	refuses(check_backup(b.file, "d1", b.dir), RX_ECONFLICT,
	    RESTORE_NOT_EMPTY);
	audit_holds(b.d1);
	/* Nor is a file a folder. */
	refuses(check_backup(b.file, "d1", b.file), RX_ECONFLICT,
	    RESTORE_NOT_EMPTY);
	ok(check_backup(b.file, "d1", NULL), &st);
}

static void
test_restore_under_a_missing_folder_is_refused(void **state)
{
	char to[320];

	(void)state;
	(void)snprintf(to, sizeof(to), "%s-no/where", b.dir);
	refuses(check_backup(b.file, "d1", to), RX_EIO, FILE_ABSENT);
	assert_string_equal(arg_of("file"), to);
}

static void
test_file_exists_no_backup_is_overwritten(void **state)
{
	struct rx_audit_head before, after;
	char file[300], keys[310];

	(void)state;
	must(rx_audit_head(b.d1, &before, &st));
	refuses(try(rx_backup_create(b.d1, b.file, &st)), RX_ECONFLICT,
	    FILE_EXISTS);
	ok(check_backup(b.file, "d1", NULL), &st);
	/* The second file of the pair alone stops it too, and no first one
	 * is left over. */
	(void)snprintf(file, sizeof(file), "%s.half", b.dir);
	(void)snprintf(keys, sizeof(keys), "%s.keys", file);
	must(rx_file_write(keys, "mine", 4, 0600, true, &st));
	refuses(try(rx_backup_create(b.d1, file, &st)), RX_ECONFLICT,
	    FILE_EXISTS);
	assert_int_not_equal(access(file, F_OK), 0);
	assert_int_equal(access(keys, F_OK), 0);
	refuses(try(rx_backup_keys(b.d1, keys, 1, &st)), RX_ECONFLICT,
	    FILE_EXISTS);
	/* Nor does the audit tell of a backup that there is not. */
	must(rx_audit_head(b.d1, &after, &st));
	assert_true(after.seq == before.seq);
}

static void
test_file_absent_half_a_backup_is_refused(void **state)
{
	char file[300], keys[310];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s.alone", b.dir);
	(void)snprintf(keys, sizeof(keys), "%s.keys", file);
	refuses(check_backup(file, "d1", NULL), RX_EIO, FILE_ABSENT);
	damaged_copy(b.file, file, NOWHERE, 0);
	refuses(check_backup(file, "d1", NULL), RX_EIO, FILE_ABSENT);
	assert_string_equal(arg_of("file"), keys);
}

static void
test_backup_corrupt_is_refused(void **state)
{
	/* Magic, part, keep, store, maker, time, seq, head, length, hash,
	 * rows of the keys, signature, image. */
	static const size_t at[] = { 0, 5, 6, 8, 24, 40, 48, 56, 88, 96, 128,
	    160, 224, 5000 };
	char file[300], keys[310], to[320];
	size_t i;

	(void)state;
	(void)snprintf(file, sizeof(file), "%s.damaged", b.dir);
	(void)snprintf(keys, sizeof(keys), "%s.keys", file);
	(void)snprintf(to, sizeof(to), "%s.to", file);
	damaged_copy(b.keys, keys, NOWHERE, 0);
	for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		damaged_copy(b.file, file, at[i], 0);
		assert_int_equal(check_backup(file, "d1", to), RX_ECORRUPT);
		assert_true(st.msg == RX_MSG_BACKUP_CORRUPT ||
		    st.msg == RX_MSG_BACKUP_MIXED);
		assert_int_not_equal(access(to, F_OK), 0);
	}
	damaged_copy(b.file, file, NOWHERE, 1);
	refuses(check_backup(file, "d1", to), RX_ECORRUPT, BACKUP_CORRUPT);
	must(rx_file_write(file, "", 0, 0600, true, &st));
	refuses(check_backup(file, "d1", to), RX_ECORRUPT, BACKUP_CORRUPT);
	damaged_copy(b.file, file, NOWHERE, 0);
	damaged_copy(b.keys, keys, 300, 0);
	refuses(check_backup(file, "d1", to), RX_ECORRUPT, BACKUP_CORRUPT);
	/* Each for the other. */
	damaged_copy(b.keys, file, NOWHERE, 0);
	damaged_copy(b.file, keys, NOWHERE, 0);
	refuses(check_backup(file, "d1", to), RX_ECORRUPT, BACKUP_CORRUPT);
	assert_int_not_equal(access(to, F_OK), 0);
	/* The undamaged pair is good. */
	damaged_copy(b.file, file, NOWHERE, 0);
	damaged_copy(b.keys, keys, NOWHERE, 0);
	ok(check_backup(file, "d1", NULL), &st);
}

static void
test_backup_mixed_of_two_makings_is_refused(void **state)
{
	char file[300], keys[310], mixed[300];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s.second", b.dir);
	must(rx_backup_create(b.d1, file, &st));
	ok(check_backup(file, "d1", NULL), &st);
	(void)snprintf(mixed, sizeof(mixed), "%s.mixed", b.dir);
	(void)snprintf(keys, sizeof(keys), "%s.keys", mixed);
	damaged_copy(file, mixed, NOWHERE, 0);
	damaged_copy(b.keys, keys, NOWHERE, 0);
	refuses(check_backup(mixed, "d1", NULL), RX_ECORRUPT, BACKUP_MIXED);
}

/* ---- increments ---- */

/* Each a child more than the one before: whole, then two increments. */
static struct {
	char file[3][320];
	uint64_t seq[3];
} chain;

static void
make_chain(void)
{
	static bool made;
	char id[8];
	int i;

	if (made)
		return;
	made = true;
	for (i = 0; i < 3; i++) {
		(void)snprintf(chain.file[i], sizeof(chain.file[i]),
		    "%s.chain%d", b.dir, i);
		(void)snprintf(id, sizeof(id), "k%d", i);
		add_child(b.d1, id, VILLAGE1);
		must(rx_backup_make(b.d1, chain.file[i], NULL, i == 0 ? NULL :
		    chain.file[i - 1], RX_BACKUP_KEEP, &st));
		chain.seq[i] = mark_of(b.d1).head.seq;
	}
}

static rx_err
restore_as(const char *file, const char *to, struct rx_restored *got)
{
	struct rx_secret *p = test_passphrase("d1");
	const struct rx_restore ask = { .file = file, .user = "d1",
	    .passphrase = p, .dir = to };
	rx_err rc;

	rx_status_clear(&st);
	rc = rx_backup_restore(&ask, got, &st);
	rx_secret_free(p);
	return (rc);
}

static size_t
file_bytes(const char *path)
{
	struct stat sb;

	assert_int_equal(stat(path, &sb), 0);
	return ((size_t)sb.st_size);
}

static void
test_increment_restores_the_register_of_its_moment(void **state)
{
	struct rx_restored got;
	struct rx_session *s;
	char to[340];
	int i;

	(void)state;
	make_chain();
	for (i = 0; i < 3; i++) {
		(void)snprintf(to, sizeof(to), "%s.to", chain.file[i]);
		ok(restore_as(chain.file[i], NULL, &got), &st);
		assert_int_not_equal(access(to, F_OK), 0);
		ok(restore_as(chain.file[i], to, &got), &st);
		assert_int_equal(got.files, i + 1);
		assert_int_equal(got.head.seq, chain.seq[i]);
		assert_true(got.expired < 0);
		s = sign_in(to, "d1");
		assert_string_equal(listed(s, "k0").name, "林k0");
		/* Nothing of what came later. */
		assert_int_equal(rx_child_find(s, "k2", (uint8_t[16]){ 0 },
		    &st), i == 2 ? RX_OK : RX_ENOENT);
		rx_status_clear(&st);
		audit_holds(s);
		rx_session_close(s);
	}
	assert_true(file_bytes(chain.file[1]) < file_bytes(chain.file[0]) / 2);
}

static void
test_backup_base_absent_is_refused(void **state)
{
	struct rx_restored got;
	char away[340], to[340];

	(void)state;
	make_chain();
	(void)snprintf(away, sizeof(away), "%s.away", chain.file[1]);
	(void)snprintf(to, sizeof(to), "%s.none", chain.file[1]);
	assert_int_equal(rename(chain.file[1], away), 0);
	refuses(restore_as(chain.file[2], to, &got), RX_EIO,
	    BACKUP_BASE_ABSENT);
	assert_string_equal(arg_of("base"), chain.file[1]);
	assert_int_not_equal(access(to, F_OK), 0);
	assert_int_equal(rename(away, chain.file[1]), 0);
	ok(restore_as(chain.file[2], NULL, &got), &st);
}

static void
test_backup_other_base_is_refused(void **state)
{
	struct rx_restored got;
	char away[340];

	(void)state;
	make_chain();
	(void)snprintf(away, sizeof(away), "%s.away", chain.file[1]);
	assert_int_equal(rename(chain.file[1], away), 0);
	/* A whole one of the same register, of the same moment but one. */
	damaged_copy(chain.file[0], chain.file[1], NOWHERE, 0);
	refuses(restore_as(chain.file[2], NULL, &got), RX_ECORRUPT,
	    BACKUP_OTHER_BASE);
	assert_int_equal(rename(away, chain.file[1]), 0);
}

static void
test_increment_names_the_longest_file_there_is(void **state)
{
	char name[300], file[600], next[320];

	(void)state;
	make_chain();
	/* A file system takes 255 bytes of a name, and so does an increment. */
	memset(name, 'n', 255);
	name[255] = '\0';
	(void)snprintf(file, sizeof(file), "%s/../%s", b.dir, name);
	(void)snprintf(next, sizeof(next), "%s/../after-long", b.dir);
	must(rx_backup_make(b.d1, file, next, NULL, 1, &st));
	(void)snprintf(next, sizeof(next), "%s/../after-long2", b.dir);
	must(rx_backup_make(b.d1, next, NULL, file, 1, &st));
	name[255] = 'n';
	name[256] = '\0';
	(void)snprintf(next, sizeof(next), "%s/../after-long3", b.dir);
	refuses(try(rx_backup_make(b.d1, next, NULL, name, 1, &st)), RX_EIO,
	    FILE_READ);
}

static void
test_backup_chain_long_is_refused(void **state)
{
	struct rx_audit_head before, after;
	char file[2][340];
	struct rx_restored got;
	int i;

	(void)state;
	(void)snprintf(file[0], sizeof(file[0]), "%s.long0", b.dir);
	must(rx_backup_make(b.d1, file[0], NULL, NULL, 1, &st));
	for (i = 1; i < 100; i++) {
		(void)snprintf(file[i % 2], sizeof(file[0]), "%s.long%d",
		    b.dir, i);
		must(rx_backup_make(b.d1, file[i % 2], NULL, file[(i + 1) % 2],
		    1, &st));
	}
	ok(restore_as(file[1], NULL, &got), &st);
	assert_int_equal(got.files, 100);
	(void)snprintf(file[0], sizeof(file[0]), "%s.long100", b.dir);
	must(rx_audit_head(b.d1, &before, &st));
	refuses(try(rx_backup_make(b.d1, file[0], NULL, file[1], 1, &st)),
	    RX_ECONFLICT, BACKUP_CHAIN_LONG);
	assert_int_not_equal(access(file[0], F_OK), 0);
	/* Nor does the audit say that there is one. */
	refuses(try(rx_backup_make(b.d1, file[0], NULL, "no-such-file", 1,
	    &st)), RX_EIO, FILE_ABSENT);
	must(rx_audit_head(b.d1, &after, &st));
	assert_int_equal(after.seq, before.seq);
}

static void
test_backup_other_register_is_no_base(void **state)
{
	struct rx_session *admin;
	char dir[256], file[300];

	(void)state;
	make_chain();
	admin = new_register(dir, "elsewhere", CITY);
	(void)snprintf(file, sizeof(file), "%s.next", b.dir);
	refuses(try(rx_backup_make(admin, file, NULL, chain.file[0],
	    RX_BACKUP_KEEP, &st)), RX_ECONFLICT, BACKUP_OTHER_REGISTER);
	assert_int_not_equal(access(file, F_OK), 0);
	(void)snprintf(file, sizeof(file), "%s.next.keys", b.dir);
	assert_int_not_equal(access(file, F_OK), 0);
	rx_session_close(admin);
}

static void
test_keys_alone_are_no_backup(void **state)
{
	struct rx_restored got;
	char file[300];

	(void)state;
	(void)snprintf(file, sizeof(file), "%s.only.keys", b.dir);
	must(rx_backup_keys(b.d1, file, 7, &st));
	refuses(restore_as(file, NULL, &got), RX_ECORRUPT, BACKUP_CORRUPT);
	assert_true(file_bytes(file) > 0);
}

/* ---- a folder of backups ---- */

/* Take, write, prove; whether it was a whole one. */
static bool
vault_add(struct rx_session *s, const char *dir, const char *keys,
    unsigned keep, char name[RX_VAULT_NAME])
{
	struct rx_vault_file top;
	struct rx_backup *taken;
	bool whole;

	must(rx_vault_newest(s, dir, &top, &st));
	must(rx_backup_take(&taken, s, keep, &st));
	must(rx_vault_write(taken, dir, keys, &top, name, &whole, &st));
	must(rx_vault_prove(taken, dir, keys, name, &st));
	rx_backup_release(taken);
	return (whole);
}

static void
test_vault_keeps_a_chain_by_itself(void **state)
{
	const char *dir = test_dir(), *keys = test_dir();
	char name[3][RX_VAULT_NAME], file[320], path[330];
	struct rx_secret *p = test_passphrase("d1");
	const struct rx_restore ask = { .file = file, .keys = path,
	    .user = "d1", .passphrase = p };
	struct rx_restored got;
	struct rx_vault_file top;
	bool changed;
	int i;

	(void)state;
	must(rx_vault_newest(b.d1, dir, &top, &st));
	assert_string_equal(top.name, "");
	for (i = 0; i < 3; i++)
		assert_int_equal(vault_add(b.d1, dir, keys, 30, name[i]),
		    i == 0);
	for (i = 0; i < 3; i++) {
		(void)snprintf(file, sizeof(file), "%s/%s", dir, name[i]);
		(void)snprintf(path, sizeof(path), "%s/%s.keys", keys,
		    name[i]);
		ok(rx_backup_restore(&ask, &got, &st), &st);
		assert_int_equal(got.files, i + 1);
	}
	must(rx_vault_newest(b.d1, dir, &top, &st));
	assert_string_equal(top.name, name[2]);
	assert_int_equal(top.seq, got.head.seq);
	assert_int_equal(top.made, got.made);
	/* Backups are no change, and what is saved is one. */
	must(rx_vault_changed(b.d1, top.seq, &changed, &st));
	assert_false(changed);
	add_child(b.d1, "v1", VILLAGE1);
	must(rx_vault_changed(b.d1, top.seq, &changed, &st));
	assert_true(changed);
	rx_secret_free(p);
}

static void
test_vault_names_are_a_day_and_a_time(void **state)
{
	static const char *const not[] = { "", "runxin-20250101", "mine",
	    "runxin-2025010a-000000", "runxin-20250101-00000x",
	    "runxin-20250101_000000", "runxin-2025-101-000000",
	    "runxin-20250101-000000.keys", "Runxin-20250101-000000" };
	size_t i;

	(void)state;
	assert_true(rx_vault_is_name("runxin-20250101-000000"));
	for (i = 0; i < sizeof(not) / sizeof(not[0]); i++)
		assert_false(rx_vault_is_name(not[i]));
}

/* The time in two of them does not tell: what they know of the audit does. */
static void
test_newest_of_two_of_one_moment_is_the_later_one(void **state)
{
	const char *dir = test_dir();
	char name[2][RX_VAULT_NAME];
	struct rx_vault_file first, top;

	(void)state;
	stopped = rx_time_now() + 2000;
	assert_true(vault_add(b.d1, dir, NULL, 30, name[0]));
	must(rx_vault_newest(b.d1, dir, &first, &st));
	assert_false(vault_add(b.d1, dir, NULL, 30, name[1]));
	must(rx_vault_newest(b.d1, dir, &top, &st));
	stopped = 0;
	assert_int_equal(top.made, first.made);
	assert_true(top.seq > first.seq);
	assert_string_equal(top.name, name[1]);
}

static void
test_vault_begins_anew_when_the_newest_cannot_be_read(void **state)
{
	const char *dir = test_dir();
	char name[RX_VAULT_NAME], file[320];

	(void)state;
	assert_true(vault_add(b.d1, dir, NULL, 30, name));
	(void)snprintf(file, sizeof(file), "%s/%s", dir, name);
	damaged_copy(file, file, 5000, 0);
	assert_true(vault_add(b.d1, dir, NULL, 30, name));
	assert_false(vault_add(b.d1, dir, NULL, 30, name));
}

static void
test_vault_makes_a_whole_one_in_time(void **state)
{
	const char *dir = test_dir();
	char name[RX_VAULT_NAME];
	int i, wholes = 0, since = 0;

	(void)state;
	for (i = 0; i < 2 * RX_VAULT_CHAIN + 1; i++) {
		if (vault_add(b.d1, dir, NULL, 30, name)) {
			wholes++;
			since = 0;
		}
		assert_true(++since <= RX_VAULT_CHAIN);
	}
	assert_true(wholes >= 3);
}

/* Increments that are as large together as a whole one are no use. */
static void
test_vault_makes_a_whole_one_when_much_has_changed(void **state)
{
	const char *dir = test_dir();
	char name[RX_VAULT_NAME], id[16];
	int i, k;

	(void)state;
	assert_true(vault_add(b.d1, dir, NULL, 30, name));
	for (i = 0; i == 0 || !vault_add(b.d1, dir, NULL, 30, name); i++) {
		assert_true(i < RX_VAULT_CHAIN - 1);
		for (k = 0; k < 6; k++) {
			(void)snprintf(id, sizeof(id), "w%d-%d", i, k);
			add_child(b.d1, id, VILLAGE1);
		}
	}
}

/* Both of a damaged one: its content, its keys. */
static void
test_vault_prove_sees_what_was_not_written(void **state)
{
	const char *dir = test_dir();
	char name[RX_VAULT_NAME], file[320];
	const struct rx_vault_file none = { "", false, false, 0, 0, { 0 } };
	struct rx_backup *taken;
	bool whole;
	int i;

	(void)state;
	must(rx_backup_take(&taken, b.d1, 30, &st));
	must(rx_vault_write(taken, dir, NULL, &none, name, &whole, &st));
	for (i = 0; i < 2; i++) {
		(void)snprintf(file, sizeof(file), "%s/%s%s", dir, name,
		    i == 0 ? "" : ".keys");
		damaged_copy(file, file, 5000, 0);
		refuses(try(rx_vault_prove(taken, dir, NULL, name, &st)),
		    RX_ECORRUPT, BACKUP_CORRUPT);
		damaged_copy(file, file, 5000, 0);
		must(rx_vault_prove(taken, dir, NULL, name, &st));
	}
	rx_backup_release(taken);
}

static rx_err
expired_each(void *cookie, const char *path, int64_t days, struct rx_status *u)
{

	(void)u;
	assert_true(days > 0);
	assert_non_null(strstr(path, ".keys"));
	(*(size_t *)cookie)++;
	return (RX_OK);
}

/* The days to keep in a signed head cannot be changed: so the clock is. */
static void
test_expired_keys_are_found_and_no_others(void **state)
{
	const char *dir = test_dir();
	char name[2][RX_VAULT_NAME], file[400], path[400];
	struct rx_session *admin;
	char other[256];
	size_t n = 0;

	(void)state;
	(void)vault_add(b.d1, dir, NULL, 1, name[0]);
	(void)vault_add(b.d1, dir, NULL, 3, name[1]);
	must(rx_vault_expired(b.d1, dir, true, expired_each, &n, &st));
	assert_int_equal(n, 0);
	/* Of another register, not a backup, and not a file. */
	admin = new_register(other, "another", CITY);
	(void)snprintf(file, sizeof(file), "%s/runxin-20200101-000000.keys",
	    dir);
	must(rx_backup_keys(admin, file, 1, &st));
	(void)snprintf(file, sizeof(file), "%s/runxin-20200101-000001.keys",
	    dir);
	must(rx_file_write(file, "mine", 4, 0600, false, &st));
	(void)snprintf(file, sizeof(file), "%s/%s.keys", dir, name[0]);
	(void)snprintf(path, sizeof(path), "%s/runxin-20200101-000002.keys",
	    dir);
	assert_int_equal(symlink(file, path), 0);
	(void)snprintf(path, sizeof(path), "%s/mine.keys", dir);
	must(rx_backup_keys(b.d1, path, 1, &st));
	test_clock_ahead(INT64_C(86400000) * 5 / 2);
	must(rx_vault_expired(b.d1, dir, true, expired_each, &n, &st));
	assert_int_equal(n, 1);
	n = 0;
	must(rx_vault_expired(b.d1, dir, false, expired_each, &n, &st));
	assert_int_equal(n, 2);
	test_clock_ahead(0);
	rx_session_close(admin);
}

/* They are also those of somebody who was enrolled after the session had begun. */
static void
test_backups_by_somebody_who_came_after_are_ours(void **state)
{
	const char *dir = test_dir();
	char name[RX_VAULT_NAME];
	struct rx_session *before[2], *new;
	struct rx_vault_file top;
	size_t i, n = 0;

	(void)state;
	for (i = 0; i < 2; i++)
		before[i] = sign_in(b.dir, "d1");
	ok(enrol(b.admin, "new", RX_ROLE_STATISTICIAN, COUNTY), &st);
	new = sign_in(b.dir, "new");
	(void)vault_add(new, dir, NULL, 1, name);
	rx_session_close(new);
	must(rx_vault_newest(before[0], dir, &top, &st));
	assert_string_equal(top.name, name);
	test_clock_ahead(INT64_C(86400000) * 5 / 2);
	must(rx_vault_expired(before[1], dir, true, expired_each, &n, &st));
	test_clock_ahead(0);
	assert_int_equal(n, 1);
	for (i = 0; i < 2; i++)
		rx_session_close(before[i]);
}

static size_t
count_files(const char *dir, const char *suffix)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0, k;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL)
		if (e->d_name[0] != '.' && (k = strlen(e->d_name)) >=
		    strlen(suffix) && strcmp(e->d_name + k - strlen(suffix),
		    suffix) == 0)
			n++;
	(void)closedir(d);
	return (n);
}

static void
test_vault_tidy_keeps_the_last_whole_ones(void **state)
{
	const char *dir = test_dir();
	char name[RX_VAULT_NAME], file[320], mine[320];
	struct rx_restored got;
	size_t removed;
	int i;

	(void)state;
	(void)snprintf(mine, sizeof(mine), "%s/runxin-20200101-000000", dir);
	must(rx_file_write(mine, "mine", 4, 0600, false, &st));
	for (i = 0; i < 2 * (RX_VAULT_WHOLE + 2); i++) {
		(void)vault_add(b.d1, dir, NULL, 30, name);
		/* Every second one cannot be built on. */
		(void)snprintf(file, sizeof(file), "%s/%s", dir, name);
		if (i % 2 == 1)
			damaged_copy(file, file, 2000, 0);
	}
	must(rx_vault_tidy(b.d1, dir, NULL, &removed, &st));
	assert_true(removed > 0);
	assert_int_equal(access(mine, F_OK), 0);
	i = (int)count_files(dir, "") - (int)count_files(dir, ".keys") - 1;
	assert_int_equal(i, 2 * RX_VAULT_WHOLE);
	damaged_copy(file, file, 2000, 0);
	ok(restore_as(file, NULL, &got), &st);
	must(rx_vault_tidy(b.d1, dir, NULL, &removed, &st));
	assert_int_equal(removed, 0);
}

/* Its own keys, when their time is over, and of those only what was signed here. */
static void
test_vault_tidy_removes_expired_keys_and_no_others(void **state)
{
	const char *dir = test_dir();
	char name[2][RX_VAULT_NAME], file[2][400], mine[400];
	size_t removed, i;

	(void)state;
	for (i = 0; i < 2; i++) {
		(void)vault_add(b.d1, dir, NULL, i == 0 ? 1 : 3, name[i]);
		(void)snprintf(file[i], sizeof(file[i]), "%s/%s.keys", dir,
		    name[i]);
	}
	(void)snprintf(mine, sizeof(mine), "%s/mine.keys", dir);
	must(rx_backup_keys(b.d1, mine, 1, &st));
	must(rx_vault_tidy(b.d1, dir, NULL, &removed, &st));
	assert_int_equal(removed, 0);
	test_clock_ahead(INT64_C(86400000) * 5 / 2);
	must(rx_vault_tidy(b.d1, dir, NULL, &removed, &st));
	test_clock_ahead(0);
	assert_int_equal(removed, 1);
	assert_int_not_equal(access(file[0], F_OK), 0);
	assert_int_equal(access(file[1], F_OK), 0);
	assert_int_equal(access(mine, F_OK), 0);
	assert_int_equal(count_files(dir, ""), 4);
}

/* Somebody took away what the newest one builds on: it stays, and so do the last
 * whole ones. */
static void
test_vault_tidy_keeps_what_has_lost_its_base(void **state)
{
	const struct rx_vault_file none = { "", false, false, 0, 0, { 0 } };
	const char *dir = test_dir();
	char name[RX_VAULT_WHOLE + 3][RX_VAULT_NAME], path[400];
	struct rx_vault_file top;
	struct rx_backup *taken;
	size_t i, removed;
	bool whole;

	(void)state;
	for (i = 0; i < RX_VAULT_WHOLE + 3; i++) {
		must(rx_vault_newest(b.d1, dir, &top, &st));
		must(rx_backup_take(&taken, b.d1, 30, &st));
		must(rx_vault_write(taken, dir, NULL, i == RX_VAULT_WHOLE + 2 ?
		    &top : &none, name[i], &whole, &st));
		assert_int_equal(whole, i != RX_VAULT_WHOLE + 2);
		rx_backup_release(taken);
	}
	(void)snprintf(path, sizeof(path), "%s/%s", dir,
	    name[RX_VAULT_WHOLE + 1]);
	assert_int_equal(unlink(path), 0);
	must(rx_vault_tidy(b.d1, dir, NULL, &removed, &st));
	assert_int_equal(removed, 1);
	for (i = 0; i < RX_VAULT_WHOLE + 3; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, name[i]);
		assert_int_equal(access(path, F_OK), i == 0 || i ==
		    RX_VAULT_WHOLE + 1 ? -1 : 0);
	}
}

/* What a killed attempt left is in nobody's way. */
static void
test_restore_goes_on_after_an_attempt_that_was_killed(void **state)
{
	struct rx_restored got;
	struct rx_session *s;
	char to[300], left[340], path[400];

	(void)state;
	(void)snprintf(to, sizeof(to), "%s.again", b.dir);
	(void)snprintf(left, sizeof(left), "%.*s.%s.restoring~",
	    (int)(strrchr(to, '/') - to + 1), to, strrchr(to, '/') + 1);
	assert_int_equal(mkdir(left, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/content.db", left);
	must(rx_file_write(path, "half", 4, 0600, false, &st));
	ok(restore_as(b.file, to, &got), &st);
	assert_int_not_equal(access(left, F_OK), 0);
	s = sign_in(to, "d1");
	rx_session_close(s);
}

static void
test_wrong_passphrase_for_a_backup_is_refused(void **state)
{
	char to[320];

	(void)state;
	(void)snprintf(to, sizeof(to), "%s-wrong", b.dir);
	refuses(check_backup(b.file, "wrong", to), RX_EPERM,
	    WRONG_PASSPHRASE);
	assert_int_not_equal(access(to, F_OK), 0);
}

/* Nothing of the children lies in a backup, but for one who has the keys. */
static void
test_backup_has_no_plaintext(void **state)
{
	static const char *const words[] = { "林c1", "left_behind", "2014-05" };
	struct rx_buf buf = RX_BUF_INIT;
	size_t i;

	(void)state;
	must(rx_file_read(&buf, b.file, (size_t)1 << 30, &st));
	must(rx_file_read(&buf, b.keys, (size_t)1 << 30, &st));
	for (i = 0; i < 3; i++)
		assert_null(memmem(buf.b, buf.len, words[i],
		    strlen(words[i])));
	/* The control: what is public is found. */
	assert_non_null(memmem(buf.b, buf.len, VILLAGE1, 12));
	rx_buf_free(&buf);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backup_is_restored_as_it_was),
		cmocka_unit_test(
		    test_backup_of_an_older_schema_is_restored_and_brought_up_to_date),
		cmocka_unit_test(
		    test_backup_of_an_older_schema_with_a_foreign_table_is_refused),
		cmocka_unit_test(test_restore_into_an_empty_folder_is_taken),
		cmocka_unit_test(test_restore_not_empty_folder_is_refused),
		cmocka_unit_test(
		    test_restore_under_a_missing_folder_is_refused),
		cmocka_unit_test(test_file_exists_no_backup_is_overwritten),
		cmocka_unit_test(test_file_absent_half_a_backup_is_refused),
		cmocka_unit_test(test_backup_corrupt_is_refused),
		cmocka_unit_test(test_backup_mixed_of_two_makings_is_refused),
		cmocka_unit_test(
		    test_increment_restores_the_register_of_its_moment),
		cmocka_unit_test(test_backup_base_absent_is_refused),
		cmocka_unit_test(test_backup_other_base_is_refused),
		cmocka_unit_test(test_increment_names_the_longest_file_there_is),
		cmocka_unit_test(test_backup_chain_long_is_refused),
		cmocka_unit_test(test_backup_other_register_is_no_base),
		cmocka_unit_test(test_keys_alone_are_no_backup),
		cmocka_unit_test(test_vault_names_are_a_day_and_a_time),
		cmocka_unit_test(
		    test_newest_of_two_of_one_moment_is_the_later_one),
		cmocka_unit_test(test_vault_keeps_a_chain_by_itself),
		cmocka_unit_test(
		    test_vault_begins_anew_when_the_newest_cannot_be_read),
		cmocka_unit_test(test_vault_makes_a_whole_one_in_time),
		cmocka_unit_test(
		    test_vault_makes_a_whole_one_when_much_has_changed),
		cmocka_unit_test(test_vault_prove_sees_what_was_not_written),
		cmocka_unit_test(test_expired_keys_are_found_and_no_others),
		cmocka_unit_test(
		    test_backups_by_somebody_who_came_after_are_ours),
		cmocka_unit_test(test_vault_tidy_keeps_the_last_whole_ones),
		cmocka_unit_test(
		    test_vault_tidy_removes_expired_keys_and_no_others),
		cmocka_unit_test(test_vault_tidy_keeps_what_has_lost_its_base),
		cmocka_unit_test(
		    test_restore_goes_on_after_an_attempt_that_was_killed),
		cmocka_unit_test(
		    test_wrong_passphrase_for_a_backup_is_refused),
		cmocka_unit_test(test_backup_has_no_plaintext),
	};

	return (cmocka_run_group_tests_name("backup", tests, setup, teardown));
}
