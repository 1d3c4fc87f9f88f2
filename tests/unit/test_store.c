/* The store: rows, transactions, the manifest, images, failures. */

#include "tests/helper.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "store/internal.h"

/* ---- memory that can be made to fail, at every place in turn ---- */

static sqlite3_mem_methods real_mem;
static long fail_after = -1;	/* allocations left; -1 for no failure */

static void *
mem_malloc(int n)
{

	if (fail_after == 0)
		return (NULL);
	if (fail_after > 0)
		fail_after--;
	return (real_mem.xMalloc(n));
}

static void *
mem_realloc(void *p, int n)
{

	if (fail_after == 0)
		return (NULL);
	if (fail_after > 0)
		fail_after--;
	return (real_mem.xRealloc(p, n));
}

static void
mem_hook(void)
{
	sqlite3_mem_methods m;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_mem) != SQLITE_OK)
		abort();
	m = real_mem;
	m.xMalloc = mem_malloc;
	m.xRealloc = mem_realloc;
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &m) != SQLITE_OK)
		abort();
}

/* ---- sample rows ---- */

/* A table, how to read it back, and for each column the length of its bytes or
 * (integers) the value that the constraints ask for, 0 for any. */
static const struct sample {
	enum rx_table table;
	enum rx_query query;
	int arg;	/* the column that is the query's argument, or -1 */
	int size[RX_COLUMNS_MAX];
} samples[] = {
	{ RX_TABLE_STORE, RX_Q_STORE, -1, { 1, 16, 0, 0, 0 } },
	{ RX_TABLE_UNIT, RX_Q_UNITS, -1, { 0 } },
	{ RX_TABLE_CHILD, RX_Q_CHILD, 0,
	    { 16, 0, 0, 16, 296, 168, 168, 296, 296, 296, 168, 552 } },
	{ RX_TABLE_RECORD, RX_Q_RECORD, 0, { 16, 0, 16, 0, 16, 552, 616 } },
	{ RX_TABLE_ACTIVITY, RX_Q_ACTIVITY, 0, { 16, 0, 0, 16, 552 } },
	{ RX_TABLE_RELEASE, RX_Q_RELEASES, -1, { 16, 100000 } },
	{ RX_TABLE_USER, RX_Q_USERS, -1, { 16, 0, 472 } },
	{ RX_TABLE_CERT, RX_Q_CERTS, -1, { 16, 16, 280 } },
	{ RX_TABLE_REVOCATION, RX_Q_REVOCATIONS, -1, { 16, 112 } },
	{ RX_TABLE_REQUEST, RX_Q_REQUESTS, -1, { 16, 0 } },
	{ RX_TABLE_ROOT, RX_Q_ROOT, -1, { 1, 32 } },
	{ RX_TABLE_UNIT_GRANT, RX_Q_GRANTS_OF_UNIT, 0, { 0, 0, 0, 16, 225 } },
	{ RX_TABLE_CASE_KEY, RX_Q_CASE_KEYS, 0, { 16, 0, 0, 136, 136, 136 } },
	{ RX_TABLE_SLOT, RX_Q_SLOTS_OF_CASE, 0, { 16, 16, 225 } },
	{ RX_TABLE_RECOVERY, RX_Q_RECOVERY, -1, { 2, 136 } },
	{ RX_TABLE_AUDIT, RX_Q_AUDIT, -1, { 0, 0, 300, 200, 32 } },
	{ RX_TABLE_DRAFT, RX_Q_DRAFTS_OF_USER, 0, { 16, 16, 616 } },
	{ RX_TABLE_KEPT, RX_Q_KEPT, 0, { 16, 8296 } },
	{ RX_TABLE_SLOT_OLD, RX_Q_SLOTS_OLD_OF_CASE, 0, { 16, 16, 225 } },
	{ RX_TABLE_SLOT_KEY, RX_Q_SLOT_KEY, 0, { 16, 0, 136, 136 } },
};
#define NSAMPLES (sizeof(samples) / sizeof(samples[0]))

struct row {
	struct rx_value v[RX_COLUMNS_MAX];
	char text[RX_COLUMNS_MAX][32];
	uint8_t *bytes[RX_COLUMNS_MAX];
};

/* Fill ${r} with row ${n} of ${s}; ${salt} changes all but the key. */
static void
row_make(struct row *r, const struct sample *s, int n, int salt)
{
	const struct rx_table_def *def = &rx_table_defs[s->table];
	size_t size;
	int i, mix;

	memset(r, 0, sizeof(*r));
	for (i = 0; def->kinds[i] != '\0'; i++) {
		mix = n + (i >= def->nkeys ? salt : 0);
		if (def->kinds[i] == 'i') {
			r->v[i] = rx_int(s->size[i] != 0 ? s->size[i] :
			    mix + 1);
		} else if (def->kinds[i] == 't') {
			(void)snprintf(r->text[i], sizeof(r->text[i]),
			    "单位%d-%d", i, mix);
			r->v[i] = rx_text(r->text[i]);
		} else {
			size = (size_t)s->size[i];
			r->bytes[i] = malloc(size + 1);
			assert_non_null(r->bytes[i]);
			memset(r->bytes[i], 'A' + i + mix % 7, size);
			if (size >= 4)
				rx_put32(r->bytes[i], (uint32_t)mix);
			r->v[i] = rx_bytes(r->bytes[i], size);
		}
	}
}

static void
row_free(struct row *r)
{
	int i;

	for (i = 0; i < RX_COLUMNS_MAX; i++)
		free(r->bytes[i]);
}

static void
insert(struct rx_store *s, enum rx_table table, int n, int salt)
{
	struct rx_status st;
	struct row r;
	size_t i;

	rx_status_clear(&st);
	for (i = 0; samples[i].table != table; i++)
		assert_true(i + 1 < NSAMPLES);
	row_make(&r, &samples[i], n, salt);
	ok(rx_store_insert(s, table, r.v, &st), &st);
	row_free(&r);
}

static struct rx_store *
create(const char *dir)
{
	struct rx_store *s = NULL;
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_store_create(&s, dir, &st), &st);
	return (s);
}

static struct rx_store *
reopen(const char *dir)
{
	struct rx_store *s = NULL;
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_store_open(&s, dir, &st), &st);
	return (s);
}

static void
begin(struct rx_store *s)
{
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_store_begin(s, &st), &st);
}

static void
commit(struct rx_store *s)
{
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_store_commit(s, &st), &st);
}

/* The stored digest, which must be what a recount gives. */
static void
digest(struct rx_store *s, uint8_t d[RX_HASH_BYTES])
{
	uint8_t again[RX_HASH_BYTES];
	struct rx_status st;

	rx_status_clear(&st);
	ok(rx_store_manifest_digest(s, d, &st), &st);
	ok(rx_store_manifest_recount(s, again, NULL, NULL, &st), &st);
	assert_memory_equal(d, again, RX_HASH_BYTES);
}

/* Rows that ${q} gives with ${nargs} arguments. */
static int
count(struct rx_store *s, enum rx_query q, const struct rx_value *args,
    unsigned nargs)
{
	struct rx_cursor *c = NULL;
	struct rx_status st;
	bool row;
	int n = 0;

	rx_status_clear(&st);
	ok(rx_query_open(&c, s, q, args, nargs, &st), &st);
	for (;;) {
		ok(rx_query_next(c, &row, &st), &st);
		if (!row)
			break;
		n++;
	}
	rx_query_close(c);
	return (n);
}

/* Whether the query of ${sm} gives exactly the row ${r}. */
static void
expect_row(struct rx_store *s, const struct sample *sm, const struct row *r)
{
	const char *kinds = rx_table_defs[sm->table].kinds;
	int first = sm->query == RX_Q_ROOT ? 1 : 0;
	struct rx_cursor *c = NULL;
	struct rx_status st;
	const void *p;
	size_t n;
	bool row;
	int i;

	rx_status_clear(&st);
	ok(rx_query_open(&c, s, sm->query, sm->arg >= 0 ? &r->v[sm->arg] :
	    NULL, sm->arg >= 0 ? 1 : 0, &st), &st);
	ok(rx_query_next(c, &row, &st), &st);
	assert_true(row);
	for (i = first; kinds[i] != '\0'; i++) {
		if (kinds[i] == 'i') {
			assert_true(rx_col_int(c, i - first) == r->v[i].i);
			continue;
		}
		p = rx_col_bytes(c, i - first, &n);
		assert_int_equal(n, r->v[i].n);
		assert_memory_equal(p, r->v[i].p, n);
		if (kinds[i] == 't')
			assert_string_equal(rx_col_text(c, i - first),
			    r->text[i]);
	}
	ok(rx_query_next(c, &row, &st), &st);
	assert_false(row);
	rx_query_close(c);
}

/* ---- tests ---- */

static void
test_every_table_gives_back_what_was_put_in(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	uint8_t d0[RX_HASH_BYTES], d1[RX_HASH_BYTES];
	struct row r[NSAMPLES];
	struct rx_status st;
	bool deleted;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	digest(s, d0);
	begin(s);
	for (i = 0; i < NSAMPLES; i++) {
		row_make(&r[i], &samples[i], 5, 0);
		ok(rx_store_insert(s, samples[i].table, r[i].v, &st), &st);
	}
	commit(s);
	rx_store_close(s);
	s = reopen(dir);
	digest(s, d1);
	assert_memory_not_equal(d0, d1, sizeof(d0));
	for (i = 0; i < NSAMPLES; i++)
		expect_row(s, &samples[i], &r[i]);

	/* Each but the audit can be replaced, and deleted. */
	for (i = 0; i < NSAMPLES; i++) {
		row_free(&r[i]);
		if (samples[i].table == RX_TABLE_AUDIT)
			continue;
		row_make(&r[i], &samples[i], 5, 3);
		begin(s);
		ok(rx_store_replace(s, samples[i].table, r[i].v, &st), &st);
		commit(s);
		digest(s, d1);
		expect_row(s, &samples[i], &r[i]);
		begin(s);
		ok(rx_store_delete(s, samples[i].table, r[i].v, &deleted, &st),
		    &st);
		assert_true(deleted);
		ok(rx_store_delete(s, samples[i].table, r[i].v, &deleted, &st),
		    &st);
		assert_false(deleted);
		commit(s);
		row_free(&r[i]);
	}
	digest(s, d1);
	assert_memory_equal(d0, d1, sizeof(d0));
	rx_store_close(s);
}

static void
test_every_query_is_a_statement_of_these_tables(void **state)
{
	struct rx_store *s = create(test_dir());
	struct rx_value args[3];
	struct rx_cursor *c;
	struct rx_status st;
	unsigned n;
	bool row;
	int q;

	(void)state;
	args[0] = args[1] = args[2] = rx_int(1);
	for (q = 0; q < RX_QUERY_COUNT; q++) {
		rx_status_clear(&st);
		for (n = 0; n < 3; n++) {
			if (rx_query_open(&c, s, (enum rx_query)q, args, n,
			    &st) == RX_OK)
				break;
			rx_status_clear(&st);
		}
		assert_true(n < 3);
		ok(rx_query_next(c, &row, &st), &st);
		rx_query_close(c);
	}
	rx_store_close(s);
}

static void
test_values_keep_their_kind_and_bytes(void **state)
{
	struct rx_store *s = create(test_dir());
	static const int64_t ints[] = { 0, -1, INT64_MAX, INT64_MIN };
	struct rx_value v[5], bad[4];
	struct rx_cursor *c;
	struct rx_status st;
	uint8_t d[RX_HASH_BYTES];
	const void *p;
	size_t i, n;
	bool row;

	(void)state;
	rx_status_clear(&st);
	begin(s);
	for (i = 0; i < 4; i++) {
		v[0] = rx_int((int64_t)i + 1);
		v[1] = rx_int(ints[i]);
		v[2] = rx_bytes(NULL, 0);
		v[3] = rx_bytes("a\0b", 3);
		v[4] = rx_bytes("01234567890123456789012345678901", 32);
		ok(rx_store_insert(s, RX_TABLE_AUDIT, v, &st), &st);
	}
	for (i = 0; i < 4; i++)
		v[i] = rx_text("");
	ok(rx_store_insert(s, RX_TABLE_UNIT, v, &st), &st);
	commit(s);
	digest(s, d);
	ok(rx_query_open(&c, s, RX_Q_AUDIT, NULL, 0, &st), &st);
	for (i = 0; i < 4; i++) {
		ok(rx_query_next(c, &row, &st), &st);
		assert_true(row);
		assert_true(rx_col_int(c, 1) == ints[i]);
		assert_non_null(rx_col_bytes(c, 2, &n));
		assert_int_equal(n, 0);
		p = rx_col_bytes(c, 3, &n);
		assert_int_equal(n, 3);
		assert_memory_equal(p, "a\0b", 3);
		/* Asked for as another kind, and past the last column. */
		assert_true(rx_col_int(c, 3) == 0);
		assert_string_equal(rx_col_text(c, 3), "");
		assert_string_equal(rx_col_text(c, 99), "");
		(void)rx_col_bytes(c, 0, &n);
		assert_int_equal(n, 0);
	}
	rx_query_close(c);

	/* What STRICT would quietly convert, or number by itself. */
	memset(bad, 0, sizeof(bad));
	begin(s);
	bad[0] = rx_text("1");
	bad[1] = rx_bytes("x", 1);
	refused(rx_store_insert(s, RX_TABLE_RECOVERY, bad, &st), RX_EINTERNAL,
	    &st);
	bad[0].kind = RX_NULL;
	refused(rx_store_insert(s, RX_TABLE_RECOVERY, bad, &st), RX_EINTERNAL,
	    &st);
	bad[0] = rx_int(1);
	bad[1].kind = RX_NULL;
	refused(rx_store_insert(s, RX_TABLE_RECOVERY, bad, &st), RX_EINTERNAL,
	    &st);
	bad[1] = rx_text("x");
	refused(rx_store_replace(s, RX_TABLE_RECOVERY, bad, &st), RX_EINTERNAL,
	    &st);
	bad[0] = rx_int(3);	/* its CHECK */
	bad[1] = rx_bytes("x", 1);
	refused(rx_store_insert(s, RX_TABLE_RECOVERY, bad, &st), RX_EINTERNAL,
	    &st);
	commit(s);
	assert_int_equal(count(s, RX_Q_RECOVERY, NULL, 0), 0);
	digest(s, d);
	rx_store_close(s);
}

/* Inserted and counted apart, as an import does it, rows are in the manifest as if
 * inserted one by one; uncounted ones are missed. */
static void
test_rows_counted_apart_are_counted_alike(void **state)
{
	struct rx_store *s = create(test_dir());
	static struct rx_manifest m;
	struct rx_buf scratch = RX_BUF_INIT;
	struct rx_status st;
	struct row row[3];
	uint8_t d[RX_HASH_BYTES];
	int i;

	(void)state;
	rx_status_clear(&st);
	memset(&m, 0, sizeof(m));
	for (i = 0; i < 3; i++) {
		row_make(&row[i], &samples[3], i + 1, 0);
		ok(rx_store_row_count(&m, &scratch, RX_TABLE_RECORD,
		    row[i].v, &st), &st);
	}
	begin(s);
	for (i = 0; i < 3; i++)
		ok(rx_store_insert_counted(s, RX_TABLE_RECORD, row[i].v, &st),
		    &st);
	refused(rx_store_insert_counted(s, RX_TABLE_RECORD, row[0].v, &st),
	    RX_ECONFLICT, &st);
	/* One more than there are. */
	refused(rx_store_count(s, &m, 4, &st), RX_EINTERNAL, &st);
	ok(rx_store_count(s, &m, 3, &st), &st);
	commit(s);
	digest(s, d);		/* as it is recounted */

	/* What may not be written, or not now. */
	refused(rx_store_count(s, &m, 0, &st), RX_EINTERNAL, &st);
	refused(rx_store_insert_counted(s, RX_TABLE_RECORD, row[0].v, &st),
	    RX_EINTERNAL, &st);
	refused(rx_store_insert_counted(s, RX_TABLE_MANIFEST, row[0].v, &st),
	    RX_EINTERNAL, &st);
	row[0].v[0].kind = RX_TEXT;
	refused(rx_store_row_count(&m, &scratch, RX_TABLE_RECORD, row[0].v,
	    &st), RX_EINTERNAL, &st);
	for (i = 0; i < 3; i++)
		row_free(&row[i]);
	rx_buf_free(&scratch);
	rx_store_close(s);
}

static void
test_commit_with_an_uncounted_row_is_refused(void **state)
{
	struct rx_store *s = create(test_dir());
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	struct rx_status st;
	struct row row;

	(void)state;
	rx_status_clear(&st);
	digest(s, before);
	row_make(&row, &samples[3], 1, 0);
	begin(s);
	ok(rx_store_insert_counted(s, RX_TABLE_RECORD, row.v, &st), &st);
	refused(rx_store_commit(s, &st), RX_EINTERNAL, &st);
	digest(s, after);
	assert_memory_equal(before, after, sizeof(before));
	row_free(&row);
	rx_store_close(s);
}

static void
test_rollback_leaves_rows_and_manifest(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	uint8_t d0[RX_HASH_BYTES], d1[RX_HASH_BYTES], in[RX_HASH_BYTES];
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	begin(s);
	insert(s, RX_TABLE_RELEASE, 1, 0);
	commit(s);
	digest(s, d0);
	begin(s);
	assert_true(rx_store_in_transaction(s));
	insert(s, RX_TABLE_RELEASE, 2, 0);
	insert(s, RX_TABLE_REQUEST, 2, 0);
	ok(rx_store_manifest_digest(s, in, &st), &st);
	assert_memory_not_equal(in, d0, sizeof(d0));
	rx_store_rollback(s);
	rx_store_rollback(s);
	assert_false(rx_store_in_transaction(s));
	assert_int_equal(count(s, RX_Q_RELEASES, NULL, 0), 1);
	assert_int_equal(count(s, RX_Q_REQUESTS, NULL, 0), 0);
	digest(s, d1);
	assert_memory_equal(d0, d1, sizeof(d0));

	/* Closing rolls back too. */
	begin(s);
	insert(s, RX_TABLE_RELEASE, 3, 0);
	rx_store_close(s);
	s = reopen(dir);
	assert_int_equal(count(s, RX_Q_RELEASES, NULL, 0), 1);
	rx_store_close(s);
	rx_store_close(NULL);
}

static void
test_duplicate_is_a_conflict_and_changes_nothing(void **state)
{
	struct rx_store *s = create(test_dir());
	uint8_t d0[RX_HASH_BYTES], d1[RX_HASH_BYTES];
	struct rx_status st;
	struct row r;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	for (i = 0; i < NSAMPLES; i++) {
		begin(s);
		insert(s, samples[i].table, 5, 0);
		commit(s);
		digest(s, d0);
		begin(s);
		row_make(&r, &samples[i], 5, 2);
		assert_int_equal(rx_store_insert(s, samples[i].table, r.v,
		    &st), RX_ECONFLICT);
		assert_int_equal(st.msg, RX_MSG_STORE_DUPLICATE);
		rx_status_clear(&st);
		commit(s);
		digest(s, d1);
		assert_memory_equal(d0, d1, sizeof(d0));
		row_free(&r);
	}

	/* A replaced user may not take another's name, nor push him out. */
	begin(s);
	insert(s, RX_TABLE_USER, 6, 0);
	row_make(&r, &samples[6], 6, -1);	/* named like user 5 */
	refused(rx_store_replace(s, RX_TABLE_USER, r.v, &st), RX_ECONFLICT,
	    &st);
	row_free(&r);
	commit(s);
	assert_int_equal(count(s, RX_Q_USERS, NULL, 0), 2);
	digest(s, d1);
	rx_store_close(s);
}

static void
test_other_processes_see_what_is_committed(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir), *other = reopen(dir);
	uint8_t d[RX_HASH_BYTES];
	pid_t pid;
	int status;

	(void)state;
	begin(s);
	insert(s, RX_TABLE_RELEASE, 1, 0);
	insert(s, RX_TABLE_REQUEST, 1, 0);
	assert_int_equal(count(other, RX_Q_RELEASES, NULL, 0), 0);
	commit(s);
	assert_int_equal(count(other, RX_Q_RELEASES, NULL, 0), 1);
	assert_int_equal(count(other, RX_Q_REQUESTS, NULL, 0), 1);
	rx_store_close(s);
	rx_store_close(other);

	assert_true((pid = fork()) >= 0);
	if (pid == 0) {
		s = reopen(dir);
		begin(s);
		insert(s, RX_TABLE_RELEASE, 2, 0);
		insert(s, RX_TABLE_REQUEST, 2, 0);
		commit(s);
		rx_store_close(s);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	s = reopen(dir);
	assert_int_equal(count(s, RX_Q_RELEASES, NULL, 0), 2);
	assert_int_equal(count(s, RX_Q_REQUESTS, NULL, 0), 2);
	digest(s, d);
	rx_store_close(s);
}

static void
test_second_writer_is_told_that_it_is_busy(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir), *other = reopen(dir);
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	assert_int_equal(sqlite3_busy_timeout(other->db, 50), SQLITE_OK);
	begin(s);
	assert_int_equal(rx_store_begin(other, &st), RX_EIO);
	assert_int_equal(st.msg, RX_MSG_STORE_BUSY);
	insert(s, RX_TABLE_REQUEST, 1, 0);
	rx_status_clear(&st);
	assert_int_equal(rx_store_begin(other, &st), RX_EIO);
	assert_int_equal(st.msg, RX_MSG_STORE_BUSY);
	rx_status_clear(&st);
	assert_false(rx_store_in_transaction(other));
	commit(s);
	begin(other);
	rx_store_close(other);
	rx_store_close(s);
}

/* Another program, as far as it is at the keys of ${dir}. */
static sqlite3 *
at_keys(const char *dir)
{
	sqlite3 *db;
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/keys.db", dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return (db);
}

/* Most that is written changes content.db alone: nobody waits for the keys, and a
 * commit does not go the way of one that spans both files. */
static void
test_a_write_to_the_content_leaves_the_keys_alone(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	sqlite3 *keys = at_keys(dir);

	(void)state;
	begin(s);
	insert(s, RX_TABLE_SLOT, 1, 0);
	(void)count(s, RX_Q_REQUESTS, NULL, 0);
	assert_int_equal(sqlite3_exec(keys, "BEGIN IMMEDIATE; ROLLBACK", NULL,
	    NULL, NULL), SQLITE_OK);
	/* The control: the first row of the keys takes their lock too. */
	insert(s, RX_TABLE_REQUEST, 1, 0);
	assert_int_equal(sqlite3_exec(keys, "BEGIN IMMEDIATE; ROLLBACK", NULL,
	    NULL, NULL), SQLITE_BUSY);
	commit(s);
	assert_int_equal(sqlite3_close(keys), SQLITE_OK);
	rx_store_close(s);
}

/* VACUUM is at one file, without the lock of the other. */
static void
test_keys_that_another_is_at_are_busy(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	struct rx_status st;
	struct row r;
	sqlite3 *keys = at_keys(dir);

	(void)state;
	rx_status_clear(&st);
	begin(s);
	assert_int_equal(count(s, RX_Q_REQUESTS, NULL, 0), 0);
	insert(s, RX_TABLE_RELEASE, 1, 0);
	assert_int_equal(sqlite3_exec(keys, "BEGIN IMMEDIATE", NULL, NULL,
	    NULL), SQLITE_OK);
	row_make(&r, &samples[9], 1, 0);
	assert_int_equal(rx_store_insert(s, RX_TABLE_REQUEST, r.v, &st),
	    RX_EIO);
	assert_int_equal(st.msg, RX_MSG_STORE_BUSY);
	rx_status_clear(&st);
	rx_store_rollback(s);
	assert_int_equal(sqlite3_exec(keys, "ROLLBACK", NULL, NULL, NULL),
	    SQLITE_OK);
	/* Nothing was written; and then both are. */
	begin(s);
	assert_int_equal(count(s, RX_Q_RELEASES, NULL, 0), 0);
	insert(s, RX_TABLE_RELEASE, 1, 0);
	ok(rx_store_insert(s, RX_TABLE_REQUEST, r.v, &st), &st);
	commit(s);
	row_free(&r);
	assert_int_equal(sqlite3_close(keys), SQLITE_OK);
	rx_store_close(s);
}

/* Writers that are killed at some moment: both files change, or neither. */
static void
test_killed_writer_leaves_both_files_or_neither(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	uint8_t d[RX_HASH_BYTES];
	struct timespec wait = { 0, 0 };
	int round, n, status;
	pid_t pid;

	(void)state;
	rx_store_close(s);
	for (round = 0; round < 12; round++) {
		s = reopen(dir);
		n = count(s, RX_Q_RELEASES, NULL, 0);
		rx_store_close(s);
		assert_true((pid = fork()) >= 0);
		if (pid == 0) {
			s = reopen(dir);
			for (;; n++) {
				begin(s);
				insert(s, RX_TABLE_RELEASE, n + 1, 0);
				insert(s, RX_TABLE_REQUEST, n + 1, 0);
				commit(s);
			}
		}
		wait.tv_nsec = 20000000L + 7300000L * round;
		assert_int_equal(nanosleep(&wait, NULL), 0);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
		s = reopen(dir);
		digest(s, d);
		assert_int_equal(count(s, RX_Q_RELEASES, NULL, 0),
		    count(s, RX_Q_REQUESTS, NULL, 0));
		rx_store_close(s);
	}
	s = reopen(dir);
	assert_true(count(s, RX_Q_RELEASES, NULL, 0) > 0);
	rx_store_close(s);
}

static void
test_full_disk_leaves_the_register_as_it_was(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	uint8_t d0[RX_HASH_BYTES], d1[RX_HASH_BYTES];
	struct rx_status st;
	struct row r;

	(void)state;
	rx_status_clear(&st);
	begin(s);
	insert(s, RX_TABLE_RELEASE, 1, 0);
	commit(s);
	digest(s, d0);
	assert_int_equal(sqlite3_exec(s->db, "PRAGMA main.max_page_count = 1",
	    NULL, NULL, NULL), SQLITE_OK);	/* as many as there are */
	begin(s);
	row_make(&r, &samples[5], 2, 0);
	assert_int_equal(rx_store_insert(s, RX_TABLE_RELEASE, r.v, &st),
	    RX_EIO);
	assert_int_equal(st.msg, RX_MSG_STORE_FULL);
	rx_status_clear(&st);

	/* SQLite has ended the transaction by itself: nothing goes on. */
	assert_true(sqlite3_get_autocommit(s->db));
	refused(rx_store_insert(s, RX_TABLE_RELEASE, r.v, &st), RX_EIO, &st);
	refused(rx_store_commit(s, &st), RX_EIO, &st);
	row_free(&r);
	assert_false(rx_store_in_transaction(s));
	rx_store_close(s);
	s = reopen(dir);
	digest(s, d1);
	assert_memory_equal(d0, d1, sizeof(d0));
	rx_store_close(s);
}

/* All that a transaction does; the first failure ends it. */
static rx_err
change(struct rx_store *s, int n, struct rx_status *st)
{
	struct row a, b, c;
	rx_err rc;

	row_make(&a, &samples[3], n, 0);
	row_make(&b, &samples[13], 1, n);
	row_make(&c, &samples[9], 1, n);
	if ((rc = rx_store_begin(s, st)) == RX_OK)
		rc = rx_store_insert(s, RX_TABLE_RECORD, a.v, st);
	if (rc == RX_OK)
		rc = rx_store_replace(s, RX_TABLE_SLOT, b.v, st);
	if (rc == RX_OK)
		rc = rx_store_delete(s, RX_TABLE_REQUEST, c.v, NULL, st);
	if (rc == RX_OK)
		rc = rx_store_insert(s, RX_TABLE_REQUEST, c.v, st);
	if (rc == RX_OK)
		rc = rx_store_commit(s, st);
	else
		rx_store_rollback(s);
	row_free(&a);
	row_free(&b);
	row_free(&c);
	return (rc);
}

static void
test_no_memory_at_any_place_leaves_rows_and_manifest_in_step(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	uint8_t d[RX_HASH_BYTES];
	struct rx_status st;
	long i, failed = 0;
	rx_err rc;

	(void)state;
	rx_store_close(s);
	for (i = 0; i < 100000; i++) {
		rx_status_clear(&st);
		s = NULL;
		fail_after = i;
		if ((rc = rx_store_open(&s, dir, &st)) == RX_OK)
			rc = change(s, (int)i, &st);
		fail_after = -1;
		if (rc != RX_OK) {
			failed++;
			assert_int_equal(rc, RX_EINTERNAL);
			assert_int_equal(st.msg, RX_MSG_NO_MEMORY);
		}
		rx_store_close(s);
		if (rc != RX_OK && i % 16 != 0)
			continue;
		s = reopen(dir);
		digest(s, d);
		rx_store_close(s);
		if (rc == RX_OK)
			break;
	}
	assert_true(failed > 100);
	assert_true(i < 100000);
}

static void
test_images_are_the_register(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir), *copy = NULL;
	struct rx_buf content = RX_BUF_INIT, keys = RX_BUF_INIT;
	struct rx_buf again[2] = { RX_BUF_INIT, RX_BUF_INIT };
	struct rx_buf file = RX_BUF_INIT;
	uint8_t d0[RX_HASH_BYTES], d1[RX_HASH_BYTES];
	struct rx_status st;
	char path[256];
	int n;

	(void)state;
	rx_status_clear(&st);
	begin(s);
	for (n = 0; n < 200; n++) {
		insert(s, RX_TABLE_RECORD, n, 0);
		insert(s, RX_TABLE_SLOT_KEY, n, 0);
	}
	refused(rx_store_images(s, &content, &keys, &st), RX_EINTERNAL, &st);
	commit(s);
	digest(s, d0);
	ok(rx_buf_add(&content, "head", 4, &st), &st);
	ok(rx_store_images(s, &content, &keys, &st), &st);
	assert_memory_equal(content.b, "head", 4);
	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	ok(rx_file_read(&file, path, SIZE_MAX, &st), &st);
	assert_int_equal(file.len, content.len - 4);
	assert_memory_equal(file.b, content.b + 4, file.len);

	ok(rx_store_open_images(&copy, &file, &keys, &st), &st);
	digest(copy, d1);
	assert_memory_equal(d0, d1, sizeof(d0));
	ok(rx_store_check(copy, &st), &st);
	refused(rx_store_begin(copy, &st), RX_EINTERNAL, &st);
	ok(rx_store_images(copy, &again[0], &again[1], &st), &st);
	assert_int_equal(again[1].len, keys.len);
	assert_memory_equal(again[0].b, file.b, file.len);
	assert_memory_equal(again[1].b, keys.b, keys.len);
	rx_store_close(copy);
	rx_store_close(s);
	rx_buf_free(&content);
	rx_buf_free(&keys);
	rx_buf_free(&file);
	rx_buf_free(&again[0]);
	rx_buf_free(&again[1]);
}

/* Whether the file ${name} in ${dir} has ${text} in it; its length. */
static bool
file_has(const char *dir, const char *name, const char *text, size_t *len)
{
	struct rx_buf file = RX_BUF_INIT;
	struct rx_status st;
	char path[256];
	bool has;

	rx_status_clear(&st);
	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	ok(rx_file_read(&file, path, SIZE_MAX, &st), &st);
	has = memmem(file.b, file.len, text, strlen(text)) != NULL;
	*len = file.len;
	rx_buf_free(&file);
	return (has);
}

static void
test_deleted_bytes_are_gone_and_vacuum_shrinks(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	static const char mark[] = "HERE-IS-THE-SEALED-THING";
	uint8_t d0[RX_HASH_BYTES], d1[RX_HASH_BYTES];
	struct rx_value v[2];
	struct rx_status st;
	size_t before, after;
	char id[17];
	int n;

	(void)state;
	rx_status_clear(&st);
	v[1] = rx_text(mark);
	v[1].kind = RX_BYTES;
	begin(s);
	for (n = 0; n < 2000; n++) {
		(void)snprintf(id, sizeof(id), "%016d", n);
		v[0] = rx_bytes(id, 16);
		ok(rx_store_insert(s, RX_TABLE_RELEASE, v, &st), &st);
		ok(rx_store_insert(s, RX_TABLE_REQUEST, v, &st), &st);
	}
	commit(s);
	assert_true(file_has(dir, "content.db", mark, &before));
	assert_true(file_has(dir, "keys.db", mark, &before));
	begin(s);
	for (n = 0; n < 2000; n++) {
		(void)snprintf(id, sizeof(id), "%016d", n);
		v[0] = rx_bytes(id, 16);
		ok(rx_store_delete(s, RX_TABLE_RELEASE, v, NULL, &st), &st);
		ok(rx_store_delete(s, RX_TABLE_REQUEST, v, NULL, &st), &st);
	}
	refused(rx_store_vacuum(s, &st), RX_EINTERNAL, &st);
	commit(s);
	assert_false(file_has(dir, "content.db", mark, &before));
	assert_false(file_has(dir, "keys.db", mark, &before));
	digest(s, d0);
	ok(rx_store_vacuum(s, &st), &st);
	assert_false(file_has(dir, "keys.db", mark, &after));
	assert_true(after < before);
	digest(s, d1);
	assert_memory_equal(d0, d1, sizeof(d0));
	ok(rx_store_check(s, &st), &st);
	rx_store_close(s);
	s = reopen(dir);
	rx_store_close(s);
}

static void
test_folder_and_files_are_the_owners_alone(void **state)
{
	char dir[300], path[340], journal[360];
	struct rx_store *s = NULL;
	struct rx_status st;
	struct stat sb;
	mode_t mask;
	int f;

	(void)state;
	rx_status_clear(&st);
	mask = umask(0);
	(void)snprintf(dir, sizeof(dir), "%s/new", test_dir());
	s = create(dir);
	begin(s);
	insert(s, RX_TABLE_RELEASE, 1, 0);
	insert(s, RX_TABLE_REQUEST, 1, 0);
	assert_int_equal(stat(dir, &sb), 0);
	assert_int_equal(sb.st_mode & 07777, 0700);
	for (f = 0; f < RX_FILE_COUNT; f++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir,
		    rx_file_defs[f].path);
		assert_int_equal(stat(path, &sb), 0);
		assert_int_equal(sb.st_mode & 07777, 0600);
		(void)snprintf(journal, sizeof(journal), "%s-journal", path);
		assert_int_equal(stat(journal, &sb), 0);
		assert_int_equal(sb.st_mode & 07777, 0600);
	}
	commit(s);
	assert_int_equal(stat(journal, &sb), -1);	/* deleted */
	(void)umask(mask);
	rx_store_close(s);
}

static void
test_create_and_open_are_particular_about_what_is_there(void **state)
{
	char dir[300], path[340];
	struct rx_store *s = NULL;
	struct rx_status st;
	struct stat sb;

	(void)state;
	rx_status_clear(&st);
	(void)snprintf(dir, sizeof(dir), "%s/new", test_dir());
	assert_int_equal(rx_store_open(&s, dir, &st), RX_EIO);
	assert_int_equal(st.msg, RX_MSG_REGISTER_MISSING);
	assert_null(s);
	rx_status_clear(&st);
	assert_int_equal(stat(dir, &sb), -1);	/* opening makes nothing */
	s = create(dir);
	rx_store_close(s);
	assert_int_equal(rx_store_create(&s, dir, &st), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_REGISTER_EXISTS);
	rx_status_clear(&st);
	rx_store_close(reopen(dir));
	(void)snprintf(path, sizeof(path), "%s/keys.db", dir);
	assert_int_equal(unlink(path), 0);
	refused(rx_store_create(&s, dir, &st), RX_ECONFLICT, &st);
	(void)snprintf(path, sizeof(path), "%s/no/parent", test_dir());
	refused(rx_store_create(&s, path, &st), RX_EIO, &st);
	refused(rx_store_open(&s, "", &st), RX_EIO, &st);
	refused(rx_store_create(&s, "", &st), RX_EIO, &st);

	/* A name that leads nowhere is not made anew elsewhere; one that goes round
	 * is an error of the disk, and no register that is missing. */
	(void)snprintf(dir, sizeof(dir), "%s", test_dir());
	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(rx_store_create(&s, dir, &st), RX_ECONFLICT);
	assert_int_equal(st.msg, RX_MSG_REGISTER_EXISTS);
	rx_status_clear(&st);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("content.db", path), 0);
	assert_int_equal(rx_store_create(&s, dir, &st), RX_EIO);
	assert_int_equal(st.msg, RX_MSG_STORE_IO);
	rx_status_clear(&st);
	assert_int_equal(rx_store_open(&s, dir, &st), RX_EIO);
	assert_int_equal(st.msg, RX_MSG_STORE_IO);
	rx_status_clear(&st);
	/* No file can be made here by anybody. */
	refused(rx_store_create(&s, "/proc/self", &st), RX_EIO, &st);
}

static void
test_folder_named_like_a_uri_is_a_folder(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s;
	struct stat sb;
	char old[4096];

	(void)state;
	assert_non_null(getcwd(old, sizeof(old)));
	assert_int_equal(chdir(dir), 0);
	s = create("file:x?mode=memory");
	begin(s);
	insert(s, RX_TABLE_RELEASE, 1, 0);
	commit(s);
	rx_store_close(s);
	assert_int_equal(stat("file:x?mode=memory/keys.db", &sb), 0);
	s = reopen("file:x?mode=memory");
	assert_int_equal(count(s, RX_Q_RELEASES, NULL, 0), 1);
	rx_store_close(s);
	assert_int_equal(chdir(old), 0);
}

static void
test_reader_sees_one_moment_until_it_lets_go(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir), *other = reopen(dir);
	struct rx_buf image[2] = { RX_BUF_INIT, RX_BUF_INIT };
	uint8_t d[RX_HASH_BYTES];
	struct rx_status st;

	(void)state;
	rx_status_clear(&st);
	ok(rx_store_read(s, &st), &st);
	refused(rx_store_read(s, &st), RX_EINTERNAL, &st);
	refused(rx_store_begin(s, &st), RX_EINTERNAL, &st);
	refused(rx_store_commit(s, &st), RX_EINTERNAL, &st);
	refused(rx_store_vacuum(s, &st), RX_EINTERNAL, &st);
	assert_false(rx_store_in_transaction(s));
	assert_int_equal(sqlite3_busy_timeout(other->db, 50), SQLITE_OK);
	begin(other);
	insert(other, RX_TABLE_REQUEST, 1, 0);
	assert_int_equal(rx_store_commit(other, &st), RX_EIO);
	assert_int_equal(st.msg, RX_MSG_STORE_BUSY);
	rx_status_clear(&st);
	assert_false(rx_store_in_transaction(other));
	digest(s, d);
	ok(rx_store_images(s, &image[0], &image[1], &st), &st);
	refused(rx_store_begin(s, &st), RX_EINTERNAL, &st);
	rx_store_rollback(s);
	begin(other);
	insert(other, RX_TABLE_REQUEST, 1, 0);
	commit(other);
	assert_int_equal(count(s, RX_Q_REQUESTS, NULL, 0), 1);
	rx_buf_free(&image[0]);
	rx_buf_free(&image[1]);
	rx_store_close(other);
	rx_store_close(s);
}

static void
test_misuse_is_refused(void **state)
{
	struct rx_store *s = create(test_dir());
	struct rx_cursor *c, *c2;
	struct rx_status st;
	struct row r;
	bool row;

	(void)state;
	rx_status_clear(&st);
	row_make(&r, &samples[5], 1, 0);
	refused(rx_store_insert(s, RX_TABLE_RELEASE, r.v, &st), RX_EINTERNAL,
	    &st);
	refused(rx_store_commit(s, &st), RX_EINTERNAL, &st);
	begin(s);
	refused(rx_store_begin(s, &st), RX_EINTERNAL, &st);
	refused(rx_store_insert(s, RX_TABLE_NONE, r.v, &st), RX_EINTERNAL,
	    &st);
	refused(rx_store_insert(s, RX_TABLE_MANIFEST, r.v, &st), RX_EINTERNAL,
	    &st);
	refused(rx_store_replace(s, RX_TABLE_MANIFEST, r.v, &st),
	    RX_EINTERNAL, &st);
	/* The audit is append-only. */
	refused(rx_store_replace(s, RX_TABLE_AUDIT, r.v, &st), RX_EINTERNAL,
	    &st);
	refused(rx_store_delete(s, RX_TABLE_AUDIT, r.v, NULL, &st),
	    RX_EINTERNAL, &st);
	rx_store_rollback(s);
	row_free(&r);
	ok(rx_query_open(&c, s, RX_Q_UNITS, NULL, 0, &st), &st);
	refused(rx_query_open(&c2, s, RX_Q_UNITS, NULL, 0, &st), RX_EINTERNAL,
	    &st);
	ok(rx_query_open(&c2, s, RX_Q_USERS, NULL, 0, &st), &st);
	ok(rx_query_next(c, &row, &st), &st);
	ok(rx_query_next(c, &row, &st), &st);	/* stays at the end */
	assert_false(row);
	rx_query_close(c);
	refused(rx_query_next(c, &row, &st), RX_EINTERNAL, &st);
	rx_query_close(c2);
	rx_query_close(NULL);
	refused(rx_query_open(&c, s, RX_Q_UNIT, NULL, 0, &st), RX_EINTERNAL,
	    &st);
	rx_store_close(s);
}

static void
count_progress(void *cookie, size_t rows)
{

	*(size_t *)cookie = rows;
}

static void
test_a_draft_leaves_the_manifest_as_it_was(void **state)
{
	struct rx_store *s = create(test_dir());
	uint8_t before[RX_HASH_BYTES], after[RX_HASH_BYTES];
	struct rx_status st;
	int n;

	(void)state;
	rx_status_clear(&st);
	digest(s, before);
	begin(s);
	for (n = 0; n < 3; n++)
		insert(s, RX_TABLE_DRAFT, n, 0);
	commit(s);
	digest(s, after);
	assert_memory_equal(before, after, sizeof(before));
	ok(rx_store_manifest_recount(s, after, NULL, NULL, &st), &st);
	assert_memory_equal(before, after, sizeof(before));

	/* The control: a row of a counted table changes it. */
	begin(s);
	insert(s, RX_TABLE_REQUEST, 0, 0);
	commit(s);
	digest(s, after);
	assert_memory_not_equal(before, after, sizeof(before));
	rx_store_close(s);
}

static void
test_recount_tells_how_far_it_is(void **state)
{
	struct rx_store *s = create(test_dir());
	uint8_t d[RX_HASH_BYTES];
	struct rx_status st;
	size_t rows = 0;
	int n;

	(void)state;
	rx_status_clear(&st);
	begin(s);
	for (n = 0; n < 2500; n++)
		insert(s, RX_TABLE_REQUEST, n, 0);
	commit(s);
	ok(rx_store_manifest_recount(s, d, count_progress, &rows, &st), &st);
	assert_int_equal(rows, 2500);
	rx_store_close(s);
}

/* ---- migrations of a register that does not exist yet ---- */

#define MIGRATION(db, no, s) { db, no, s, sizeof(s) - 1 }
static const struct rx_migration story[] = {
	MIGRATION("keys", 1, "CREATE TABLE a(x INTEGER) STRICT;"),
	MIGRATION("keys", 2, "ALTER TABLE a ADD COLUMN y TEXT;"
	    "INSERT INTO a VALUES(1, 'two');"),
	MIGRATION("keys", 3, "CREATE TABLE b(z); INSERT INTO nowhere VALUES(1);")
};
static const struct rx_migration other_story[] = {
	MIGRATION("keys", 1, "CREATE TABLE a(x INTEGER) STRICT; "),
	MIGRATION("keys", 2, "ALTER TABLE a ADD COLUMN y TEXT;")
};

static int64_t
ask(sqlite3 *db, const char *sql)
{
	struct rx_status st;
	int64_t v;

	rx_status_clear(&st);
	ok(rx_exec_int(db, sql, &v, 0, &st), &st);
	return (v);
}

static void
test_migrations_are_applied_once_and_wholly(void **state)
{
	struct rx_status st;
	sqlite3 *db = NULL;

	(void)state;
	rx_status_clear(&st);
	ok(rx_connect(&db, ":memory:", 0, &st), &st);
	ok(rx_migrate_birth(db, RX_FILE_KEYS, story, 1, 0, &st), &st);
	assert_int_equal(ask(db, "PRAGMA user_version"), 1);
	ok(rx_migrate_upgrade(db, RX_FILE_KEYS, story, 2, &st), &st);
	ok(rx_migrate_upgrade(db, RX_FILE_KEYS, story, 2, &st), &st);
	assert_int_equal(ask(db, "PRAGMA user_version"), 2);
	assert_int_equal(ask(db, "SELECT count(*) FROM a"), 1);

	/* One that fails leaves nothing of itself. */
	assert_int_not_equal(rx_migrate_upgrade(db, RX_FILE_KEYS, story, 3,
	    &st), RX_OK);
	rx_status_clear(&st);
	assert_int_equal(ask(db, "PRAGMA user_version"), 2);
	assert_int_equal(ask(db, "SELECT count(*) FROM sqlite_schema "
	    "WHERE name = 'b'"), 0);

	/* Another program's history, a newer one, another file. */
	assert_int_equal(rx_migrate_upgrade(db, RX_FILE_KEYS, other_story, 2,
	    &st), RX_ECORRUPT);
	assert_int_equal(st.msg, RX_MSG_STORE_SCHEMA);
	rx_status_clear(&st);
	refused(rx_migrate_upgrade(db, RX_FILE_KEYS, story, 1, &st),
	    RX_ECORRUPT, &st);
	refused(rx_migrate_upgrade(db, RX_FILE_CONTENT, story, 2, &st),
	    RX_ECORRUPT, &st);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void *
let_go_soon(void *other)
{
	const struct timespec t = { 0, 300000000 };

	(void)nanosleep(&t, NULL);
	return (sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL) == SQLITE_OK ?
	    other : NULL);
}

static void
test_a_reader_waits_until_the_writer_lets_go(void **state)
{
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	pthread_t thread;
	char path[512];
	sqlite3 *other;
	void *done;

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/content.db", dir);
	assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL,
	    NULL), SQLITE_OK);
	/* The control: who does not wait is refused. */
	assert_int_equal(sqlite3_exec(s->db, "PRAGMA busy_timeout = 0", NULL,
	    NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_exec(s->db, "SELECT * FROM main.unit", NULL,
	    NULL, NULL), SQLITE_BUSY);
	rx_store_close(s);
	assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL),
	    SQLITE_OK);
	s = reopen(dir);
	assert_int_equal(sqlite3_exec(other, "BEGIN EXCLUSIVE", NULL, NULL,
	    NULL), SQLITE_OK);
	assert_int_equal(pthread_create(&thread, NULL, let_go_soon, other), 0);
	(void)ask(s->db, "SELECT count(*) FROM main.unit");
	assert_int_equal(pthread_join(thread, &done), 0);
	assert_non_null(done);
	assert_int_equal(sqlite3_close(other), SQLITE_OK);
	rx_store_close(s);
}

static void *
vacuum_it(void *store)
{
	struct rx_status st;

	rx_status_clear(&st);
	return (rx_store_vacuum(store, &st) == RX_OK ? store : NULL);
}

static sqlite3 *
plain_open(const char *dir, const char *name)
{
	char path[512];
	sqlite3 *db;

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return (db);
}

/* Whether somebody has the writer's lock of ${db}. */
static bool
locked(sqlite3 *db)
{
	const int code = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	assert_true(code == SQLITE_OK || code == SQLITE_BUSY);
	return (code == SQLITE_BUSY || sqlite3_exec(db, "ROLLBACK", NULL, NULL,
	    NULL) != SQLITE_OK);
}

/* Else who had begun to write, and then wanted the keys, and VACUUM would each wait
 * for what the other has.  A reader of keys.db holds it up for as long as we look. */
static void
test_vacuum_of_the_keys_keeps_writers_out(void **state)
{
	const struct timespec little = { 0, 2000000 };
	const char *dir = test_dir();
	struct rx_store *s = create(dir);
	sqlite3 *reader = plain_open(dir, "keys.db"),
	    *keys = plain_open(dir, "keys.db"),
	    *content = plain_open(dir, "content.db");
	pthread_t thread;
	void *done;
	int i;

	(void)state;
	assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM "
	    "user", NULL, NULL, NULL), SQLITE_OK);
	assert_false(locked(content));
	assert_int_equal(pthread_create(&thread, NULL, vacuum_it, s), 0);
	for (i = 0; i < 2500 && !locked(keys); i++)
		(void)nanosleep(&little, NULL);
	assert_true(i < 2500);
	assert_true(locked(content));
	assert_int_equal(sqlite3_exec(reader, "ROLLBACK", NULL, NULL, NULL),
	    SQLITE_OK);
	assert_int_equal(pthread_join(thread, &done), 0);
	assert_non_null(done);
	/* The control: then it lets go. */
	assert_false(locked(content));
	assert_false(locked(keys));
	assert_int_equal(sqlite3_close(reader), SQLITE_OK);
	assert_int_equal(sqlite3_close(keys), SQLITE_OK);
	assert_int_equal(sqlite3_close(content), SQLITE_OK);
	rx_store_close(s);
}

static void
test_connections_have_the_settings_of_the_design(void **state)
{
	struct rx_store *s = create(test_dir());
	static const struct {
		const char *sql;
		int64_t want;
	} settings[] = {
		{ "PRAGMA main.synchronous", 3 },
		{ "PRAGMA keys.synchronous", 3 },
		{ "PRAGMA main.secure_delete", 1 },
		{ "PRAGMA keys.secure_delete", 1 },
		{ "PRAGMA temp_store", 2 },
		{ "PRAGMA foreign_keys", 1 },
		{ "PRAGMA trusted_schema", 0 },
		{ "PRAGMA cell_size_check", 1 },
		{ "PRAGMA main.application_id", 0x52584331 },
		{ "PRAGMA keys.application_id", 0x52584B31 },
		{ "SELECT count(*) FROM pragma_journal_mode('main') "
		    "WHERE journal_mode = 'delete'", 1 },
		{ "SELECT count(*) FROM pragma_journal_mode('keys') "
		    "WHERE journal_mode = 'delete'", 1 },
	};
	static const int switches[] = {
		SQLITE_DBCONFIG_ENABLE_TRIGGER, SQLITE_DBCONFIG_ENABLE_VIEW,
		SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION
	};
	size_t i;
	int on;

	(void)state;
	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		assert_int_equal(ask(s->db, settings[i].sql),
		    settings[i].want);
	for (i = 0; i < 3; i++) {
		assert_int_equal(sqlite3_db_config(s->db, switches[i], -1,
		    &on), SQLITE_OK);
		assert_int_equal(on, 0);
	}
	assert_int_equal(sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE,
	    -1, &on), SQLITE_OK);
	assert_int_equal(on, 1);
	rx_store_close(s);
}

/* ---- the lines of a file ---- */

/* Put ${n} lines in ${l}, numbered from 1. */
static void
put_lines(struct rx_lines *l, const struct rx_file_line *line, size_t n)
{
	struct rx_file_line is;
	struct rx_status st;
	size_t i;

	rx_status_clear(&st);
	for (i = 0; i < n; i++) {
		is = line[i];
		is.number = (int64_t)i + 1;
		is.at = 100 * is.number;
		is.n = 10 * is.number;
		ok(rx_lines_put(l, &is, &st), &st);
	}
}

static void
test_lines_come_child_by_child_and_in_steps(void **state)
{
	/* Ids all differ; children 5 and -7 (as hashes are) are in the file, 6 is not
	 * and may be named by our id, 8 is not and may not. */
	static const struct rx_file_line lines[] = {
		{ .id = 1, .child = 99, .step = 3 },
		{ .id = 2, .child = 6, .step = 2, .ours = true },
		{ .id = 3, .child = 5, .step = 2 },
		{ .id = 4, .child = (uint64_t)-7, .step = 1, .ours = true },
		{ .id = 5, .child = 5, .step = 0 },
		{ .id = 6, .child = 8, .step = 2 },
		{ .id = 7, .child = 6, .step = 1, .ours = true },
		{ .id = 8, .child = 5, .step = 1 },
		{ .id = 9, .child = (uint64_t)-7, .step = 0, .ours = true },
		{ .id = 10, .child = 5, .step = 2 },
		{ .id = 11, .child = 8, .step = 1 },
		{ .id = 12, .child = 98, .step = 3 }
	};
	static const int64_t order[] = { 7, 5, 8, 3, 10, 9, 4, 11, 6, 2, 1, 12 };
	struct rx_file_line is;
	struct rx_lines *l;
	struct rx_status st;
	uint64_t of[sizeof(order) / sizeof(order[0])];
	int64_t twice = -1, first = -1;
	bool more = false;
	size_t i;

	(void)state;
	rx_status_clear(&st);
	ok(rx_lines_new(&l, &st), &st);
	put_lines(l, lines, sizeof(lines) / sizeof(lines[0]));
	ok(rx_lines_twice(l, &twice, &first, &st), &st);
	assert_int_equal(twice, 0);
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		ok(rx_lines_next(l, &is, &more, &st), &st);
		assert_true(more);
		assert_int_equal(is.number, order[i]);
		assert_int_equal(is.at, 100 * order[i]);
		assert_int_equal(is.n, 10 * order[i]);
		of[i] = is.child;
	}
	/* Where another child begins is seen. */
	for (i = 1; i < sizeof(order) / sizeof(order[0]); i++)
		assert_int_equal(of[i] == of[i - 1],
		    lines[order[i] - 1].child == lines[order[i - 1] - 1].child);
	ok(rx_lines_next(l, &is, &more, &st), &st);
	assert_false(more);
	rx_lines_free(l);
}

static void
test_first_line_whose_id_stood_before_is_told(void **state)
{
	static const struct rx_file_line lines[] = {
		{ .id = 3 }, { .id = (uint64_t)-1 }, { .id = 2 }, { .id = 2 },
		{ .id = (uint64_t)-1 }, { .id = 3 }
	};
	struct rx_lines *l;
	struct rx_status st;
	int64_t twice = -1, first = -1;

	(void)state;
	rx_status_clear(&st);
	ok(rx_lines_new(&l, &st), &st);
	ok(rx_lines_twice(l, &twice, &first, &st), &st);
	assert_int_equal(twice, 0);
	put_lines(l, lines, 6);
	ok(rx_lines_twice(l, &twice, &first, &st), &st);
	assert_int_equal(twice, 4);
	assert_int_equal(first, 3);
	rx_lines_free(l);
	rx_lines_free(NULL);
}

/* 42: where no more than this fits in a file, many lines are refused. */
static int
lines_without_room(void)
{
	const struct rlimit limit = { 65536, 65536 };
	struct rx_file_line is = { .step = 2 };
	struct rx_lines *l;
	struct rx_status st;
	rx_err rc;

	rx_status_clear(&st);
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR ||
	    setrlimit(RLIMIT_FSIZE, &limit) != 0 ||
	    rx_lines_new(&l, &st) != RX_OK)
		return (90);
	do {
		is.number++;
		is.id = is.child = (uint64_t)is.number * 2654435761u;
	} while ((rc = rx_lines_put(l, &is, &st)) == RX_OK &&
	    is.number < 1000000);
	rx_lines_free(l);
	return (rc == RX_EIO && st.msg == RX_MSG_STORE_TEMPORARY &&
	    is.number > 1000 ? 42 : 91);
}

static void
test_more_lines_than_a_temporary_file_takes_are_refused(void **state)
{
	int status;
	pid_t pid;

	(void)state;
	if ((pid = fork()) == 0)
		_exit(lines_without_room());
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 42);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_table_gives_back_what_was_put_in),
		cmocka_unit_test(
		    test_every_query_is_a_statement_of_these_tables),
		cmocka_unit_test(test_values_keep_their_kind_and_bytes),
		cmocka_unit_test(test_rows_counted_apart_are_counted_alike),
		cmocka_unit_test(test_commit_with_an_uncounted_row_is_refused),
		cmocka_unit_test(test_rollback_leaves_rows_and_manifest),
		cmocka_unit_test(
		    test_duplicate_is_a_conflict_and_changes_nothing),
		cmocka_unit_test(test_other_processes_see_what_is_committed),
		cmocka_unit_test(test_second_writer_is_told_that_it_is_busy),
		cmocka_unit_test(
		    test_a_write_to_the_content_leaves_the_keys_alone),
		cmocka_unit_test(test_keys_that_another_is_at_are_busy),
		cmocka_unit_test(
		    test_killed_writer_leaves_both_files_or_neither),
		cmocka_unit_test(test_full_disk_leaves_the_register_as_it_was),
		cmocka_unit_test(
		    test_no_memory_at_any_place_leaves_rows_and_manifest_in_step),
		cmocka_unit_test(test_images_are_the_register),
		cmocka_unit_test(
		    test_deleted_bytes_are_gone_and_vacuum_shrinks),
		cmocka_unit_test(test_folder_and_files_are_the_owners_alone),
		cmocka_unit_test(
		    test_create_and_open_are_particular_about_what_is_there),
		cmocka_unit_test(test_folder_named_like_a_uri_is_a_folder),
		cmocka_unit_test(test_reader_sees_one_moment_until_it_lets_go),
		cmocka_unit_test(test_misuse_is_refused),
		cmocka_unit_test(test_a_draft_leaves_the_manifest_as_it_was),
		cmocka_unit_test(test_recount_tells_how_far_it_is),
		cmocka_unit_test(test_migrations_are_applied_once_and_wholly),
		cmocka_unit_test(
		    test_connections_have_the_settings_of_the_design),
		cmocka_unit_test(test_a_reader_waits_until_the_writer_lets_go),
		cmocka_unit_test(test_vacuum_of_the_keys_keeps_writers_out),
		cmocka_unit_test(test_lines_come_child_by_child_and_in_steps),
		cmocka_unit_test(test_first_line_whose_id_stood_before_is_told),
		cmocka_unit_test(
		    test_more_lines_than_a_temporary_file_takes_are_refused),
	};
	struct rx_status st;

	mem_hook();
	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	return (cmocka_run_group_tests_name("store", tests, NULL, NULL));
}
