/* One observation, durable, beside the same rows in SQLite and SQLCipher. */

#include <sys/stat.h>
#include <sys/wait.h>

#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "bench.h"

#define CODED_BOX (RX_ENV_OVERHEAD + 448)
#define NOTE_BOX (RX_ENV_OVERHEAD + 512)
#define PROOF_BOX (RX_ENV_OVERHEAD + 80)

struct plain {			/* the rows of a save, without our code */
	sqlite3 *db;
	const char *begin;
	sqlite3_stmt *record, *slot, *audit, *manifest;
	uint8_t child[RX_ID_BYTES], recipient[RX_ID_BYTES];
};

static void
first_id(sqlite3 *db, const char *text, uint8_t id[RX_ID_BYTES])
{
	sqlite3_stmt *stmt = prepare(db, text);

	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	assert_int_equal(sqlite3_column_bytes(stmt, 0), RX_ID_BYTES);
	memcpy(id, sqlite3_column_blob(stmt, 0), RX_ID_BYTES);
	(void)sqlite3_finalize(stmt);
}

/* Two layouts to measure against: ours, where a save changes content.db alone, and
 * one where slots are among the keys, so that it changes both files. */
static const char *const slot_sql[2] = {
	"INSERT INTO main.slot(child, recipient, sealed) VALUES(?1, ?2, ?3) "
	    "ON CONFLICT(child, recipient) DO UPDATE SET sealed = "
	    "excluded.sealed",
	"INSERT INTO keys.slot(child, recipient, sealed) VALUES(?1, ?2, ?3) "
	    "ON CONFLICT(child, recipient) DO UPDATE SET sealed = "
	    "excluded.sealed"
};
static const char *const layout[2] = { "one", "both" };

static void
plain_open(struct plain *p, const char *dir, int both)
{

	p->db = open_plain(dir);
	p->record = prepare(p->db, "INSERT INTO main.record(id, version, "
	    "child, unit, tag, coded, narrative) "
	    "VALUES(?1, 1, ?2, ?3, ?4, ?5, ?6)");
	/* IMMEDIATE would take a commit to both files in any case. */
	p->begin = both ? "BEGIN IMMEDIATE" : "BEGIN";
	p->slot = prepare(p->db, slot_sql[both]);
	p->audit = prepare(p->db, "INSERT INTO main.audit(seq, time, payload, "
	    "proof, hash) SELECT max(seq) + 1, ?1, ?2, ?3, ?4 FROM main.audit");
	p->manifest = prepare(p->db, "UPDATE main.manifest SET lanes = ?1 "
	    "WHERE id = 1");
	if (both)
		sql(p->db, "INSERT INTO keys.slot SELECT * FROM main.slot");
	first_id(p->db, "SELECT child FROM main.slot", p->child);
	first_id(p->db, "SELECT recipient FROM main.slot", p->recipient);
}

static void
plain_close(struct plain *p)
{

	(void)sqlite3_finalize(p->record);
	(void)sqlite3_finalize(p->slot);
	(void)sqlite3_finalize(p->audit);
	(void)sqlite3_finalize(p->manifest);
	assert_int_equal(sqlite3_close(p->db), SQLITE_OK);
}

static void
bind(sqlite3_stmt *stmt, int i, const uint8_t *p, size_t n)
{

	(void)sqlite3_bind_blob(stmt, i, p, (int)n, SQLITE_STATIC);
}

/* The same rows of the same sizes; what is in them does not matter. */
static void
plain_save(struct plain *p)
{
	uint8_t noise[RX_MANIFEST_BYTES], id[RX_ID_BYTES];
	const char *village[VILLAGES];

	randombytes_buf(noise, sizeof(noise));
	rx_uuid7(id, rx_time_now());
	villages(village, VILLAGES);
	sql(p->db, p->begin);
	bind(p->record, 1, id, RX_ID_BYTES);
	bind(p->record, 2, p->child, RX_ID_BYTES);
	(void)sqlite3_bind_text(p->record, 3, village[0], -1, SQLITE_STATIC);
	bind(p->record, 4, noise, RX_ID_BYTES);
	bind(p->record, 5, noise, CODED_BOX);
	bind(p->record, 6, noise, NOTE_BOX);
	run(p->record);
	bind(p->slot, 1, p->child, RX_ID_BYTES);
	bind(p->slot, 2, p->recipient, RX_ID_BYTES);
	bind(p->slot, 3, noise, RX_GRANT_BYTES);
	run(p->slot);
	(void)sqlite3_bind_int64(p->audit, 1, rx_time_now());
	bind(p->audit, 2, noise, NOTE_BOX);
	bind(p->audit, 3, noise, PROOF_BOX);
	bind(p->audit, 4, noise, RX_HASH_BYTES);
	run(p->audit);
	bind(p->manifest, 1, noise, RX_MANIFEST_BYTES);
	run(p->manifest);
	sql(p->db, "COMMIT");
}

void
save_one(struct rx_session *s, size_t i)
{
	struct rx_save_result result;
	char date[RX_DATE_TEXT], child[32];
	json_t *json;

	rx_date_format(today, date);
	(void)snprintf(child, sizeof(child), "c%zu", i);
	json = json_pack("{s:s, s:s, s:s, s:[s], s:s, s:s}", "child", child,
	    "date", date, "channel", "home_visit", "signs", "mood_low",
	    "risk", "yellow", "note", "孩子近来话少，睡得晚。");
	assert_non_null(json);
	ok(rx_save(s, RX_OBSERVATION, json, false, &result, &st), &st);
	assert_int_equal(result.how, RX_SAVED_NEW);
	json_decref(json);
}

/* Seconds a save of the program beside this one, which links SQLCipher;
 * negative when it was not built. */
static double
sqlcipher_save(size_t rows, int both)
{
	char exe[PATH_BYTES], text[64] = "", n[32], m[32], dir[PATH_BYTES];
	ssize_t len;
	pid_t pid;
	int fd[2], status;

	len = readlink("/proc/self/exe", exe, sizeof(exe) - 16);
	assert_true(len > 0);
	exe[len] = '\0';
	memcpy(strrchr(exe, '/') + 1, "sqlcipher", sizeof("sqlcipher"));
	if (access(exe, X_OK) != 0)
		return (-1);
	path_in(dir, scratch, "sqlcipher");
	(void)mkdir(dir, 0700);
	(void)snprintf(n, sizeof(n), "%zu", rows);
	(void)snprintf(m, sizeof(m), "%zu", saves);
	assert_int_equal(pipe(fd), 0);
	assert_true((pid = fork()) != -1);
	if (pid == 0) {
		(void)dup2(fd[1], STDOUT_FILENO);
		(void)execl(exe, "sqlcipher", dir, n, m, layout[both],
		    (char *)NULL);
		_exit(127);
	}
	(void)close(fd[1]);
	len = read(fd[0], text, sizeof(text) - 1);
	(void)close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(status == 0 && len > 0);
	return (strtod(text, NULL));
}

void
bench_save(const char *dir, size_t rows)
{
	struct series plain[2] = { { 0 } }, cipher[2] = { { 0 } };
	struct rx_session *s = sign_in(dir, "director");
	/* The first hundred, as far as there are. */
	const size_t children = CHILDREN_OF(rows) < 100 ? CHILDREN_OF(rows) :
	    100;
	char copy[PATH_BYTES], name[128];
	struct plain p[2];
	double t, ours, base[2];
	size_t i, k;
	int b;

	for (b = 0; b < 2; b++) {
		path_in(copy, scratch, layout[b]);
		copy_register(copy, dir);
		plain_open(&p[b], copy, b);
	}
	for (i = 0; i < runs; i++) {
		ours = base[0] = base[1] = 0;
		for (k = 0; k < saves; k++) {
			t = now();
			save_one(s, (i * saves + k) % children);
			ours += now() - t;
			for (b = 0; b < 2; b++) {
				t = now();
				plain_save(&p[b]);
				base[b] += now() - t;
			}
		}
		for (b = 0; b < 2; b++) {
			add(&plain[b], ours / (double)saves,
			    base[b] / (double)saves);
			if ((t = sqlcipher_save(rows, b)) > 0)
				add(&cipher[b], ours / (double)saves, t);
		}
	}
	rx_session_close(s);
	for (b = 0; b < 2; b++) {
		plain_close(&p[b]);
		(void)snprintf(name, sizeof(name), "save an observation, "
		    "durable / SQLite, same bytes, %s of two files written",
		    layout[b]);
		show(name, &plain[b], "s");
	}
	for (b = 0; b < 2; b++) {
		(void)snprintf(name, sizeof(name), "save an observation, "
		    "durable / SQLCipher, same bytes, %s of two files written",
		    layout[b]);
		if (cipher[b].n > 0)
			show(name, &cipher[b], "s");
		else
			put("save an observation, durable / SQLCipher: not "
			    "built", "-", "-", "-", "-");
	}
}
