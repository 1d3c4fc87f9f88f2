#include <sqlite3.h>
#include <sys/stat.h>

#include "tests/unit/register.h"

/* Backups: made, checked, restored, and refused when something is wrong. */

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

/* Take back what the migrations of content.db after the first made, in the file
 * itself. */
static void
make_older(const char *dir)
{
	char path[320];
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "DROP TABLE draft;"
	    "DROP TABLE copy; DROP TABLE bundle; DROP TABLE conflict;"
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
	make_older(dir);
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
	assert_int_equal(image.b[63], 3);
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
	make_older(dir);
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
	char file[300], keys[310];

	(void)state;
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
	/* Magic, part, store, maker, time, seq, head, length, hash,
	 * signature, image. */
	static const size_t at[] = { 0, 5, 6, 8, 24, 40, 48, 56, 88, 96, 128,
	    192, 5000 };
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
		    test_wrong_passphrase_for_a_backup_is_refused),
		cmocka_unit_test(test_backup_has_no_plaintext),
	};

	return (cmocka_run_group_tests_name("backup", tests, setup, teardown));
}
