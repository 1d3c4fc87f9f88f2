/*
 * What the register costs.  Every row of the table is the ratio of our time to
 * that of a baseline measured in the same run, the two taking turns, so that a
 * slow disk or a busy machine weighs on both.  Shown are medians over the runs
 * and, of the ratio, the smallest and the largest.  Figures only: nothing here
 * passes or fails by its speed; but a count that differs from the baseline's
 * ends the program.
 *
 * bench [SMALL [LARGE [RUNS [SAVES]]]]: records in the two imports, runs of
 * each measurement, durable saves a run.
 */

#include <sys/stat.h>
#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <argon2.h>
#include <sodium.h>
#include <sqlite3.h>

#include "base/date.h"
#include "register/internal.h"
#include "stats/stats.h"
#include "tests/helper.h"

#define RUNS_MAX 99
#define SEALS 20000		/* fields sealed or opened in a run */
#define AUDITS 2000		/* entries in the chain that is verified */
#define RECORDS_A_CHILD 20
#define VILLAGES 10
#define COUNTY "350102"
#define CITY "350100"
#define PATH_BYTES 512

#define AD_BYTES 155		/* label, header, nonce, place (crypto/envelope.h) */
#define CODED_BOX (RX_ENV_OVERHEAD + 448)
#define NOTE_BOX (RX_ENV_OVERHEAD + 512)
#define PROOF_BOX (RX_ENV_OVERHEAD + 80)

/* The settings of src/store, without its code. */
#define PRAGMAS(s) "PRAGMA " s ".journal_mode = DELETE;" \
    "PRAGMA " s ".synchronous = EXTRA; PRAGMA " s ".secure_delete = ON;"

struct series {
	size_t n;
	double ours[RUNS_MAX], base[RUNS_MAX];
};

struct result {			/* of work done in a process of its own */
	double seconds;
	double mib;		/* the most memory it had, of the work alone */
	int64_t count;
};

static struct rx_status st;
static size_t runs, saves;
static const char *scratch;
static char from_text[RX_DATE_TEXT];
static int32_t from, today;

/* ---- measuring and showing ---- */

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return ((double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

static int
double_cmp(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return ((x > y) - (x < y));
}

static double
median(const double *v, size_t n)
{
	double s[RUNS_MAX];

	memcpy(s, v, n * sizeof(*v));
	qsort(s, n, sizeof(*s), double_cmp);
	return (n % 2 == 1 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2);
}

static void
add(struct series *s, double ours, double base)
{

	assert_true(s->n < RUNS_MAX);
	s->ours[s->n] = ours;
	s->base[s->n++] = base;
}

/* "12.3 us"; ${unit} is "s" to be scaled, or what stands behind the number. */
static void
figure(char out[32], double v, const char *unit)
{

	if (strcmp(unit, "s") != 0)
		(void)snprintf(out, 32, "%.1f %s", v, unit);
	else if (v < 1e-3)
		(void)snprintf(out, 32, "%.2f us", v * 1e6);
	else if (v < 1)
		(void)snprintf(out, 32, "%.2f ms", v * 1e3);
	else
		(void)snprintf(out, 32, "%.2f s", v);
}

static void
put(const char *work, const char *ours, const char *base, const char *ratio,
    const char *spread)
{

	(void)printf("%-58s | %10s | %10s | %6s | %s\n", work, ours, base, ratio,
	    spread);
	(void)fflush(stdout);
}

static void
show(const char *work, const struct series *s, const char *unit)
{
	char ours[32], base[32], ratio[32], spread[64];
	double r[RUNS_MAX], least = 0, most = 0;
	size_t i;

	for (i = 0; i < s->n; i++) {
		r[i] = s->ours[i] / s->base[i];
		least = i == 0 || r[i] < least ? r[i] : least;
		most = i == 0 || r[i] > most ? r[i] : most;
	}
	figure(ours, median(s->ours, s->n), unit);
	figure(base, median(s->base, s->n), unit);
	(void)snprintf(ratio, sizeof(ratio), "%.2f", median(r, s->n));
	(void)snprintf(spread, sizeof(spread), "%.2f..%.2f", least, most);
	put(work, ours, base, ratio, spread);
}

/* From now on the peak is of what comes. */
static void
peak_reset(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	assert_true(fd != -1 && write(fd, "5", 1) == 1);
	(void)close(fd);
}

static double
peak_mib(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	char text[256];
	long kib = -1;

	assert_non_null(f);
	while (fgets(text, sizeof(text), f) != NULL)
		if (strncmp(text, "VmHWM:", 6) == 0)
			kib = strtol(text + 6, NULL, 10);
	(void)fclose(f);
	assert_true(kib > 0);
	return ((double)kib / 1024);
}

/* ---- 1: fields ---- */

/* The calls of the library that sealing makes, and nothing else; without
 * ${commit} the AEAD alone. */
static void
bare_seal(uint8_t *box, const uint8_t *plain, size_t n, const uint8_t key[32],
    const uint8_t ad[AD_BYTES], bool commit)
{
	uint8_t ec[64];

	randombytes_buf(box + RX_ENV_HEADER, 24);
	if (commit) {
		(void)crypto_generichash(ec, sizeof(ec), ad, AD_BYTES, key, 32);
		memcpy(box + RX_ENV_HEADER + 24, ec + 32, 32);
	}
	(void)crypto_aead_xchacha20poly1305_ietf_encrypt(box + 88, NULL, plain,
	    n, ad, AD_BYTES, NULL, box + RX_ENV_HEADER, commit ? ec : key);
}

static void
bare_open(uint8_t *plain, const uint8_t *box, size_t n, const uint8_t key[32],
    const uint8_t ad[AD_BYTES], bool commit)
{
	uint8_t ec[64];

	if (commit) {
		(void)crypto_generichash(ec, sizeof(ec), ad, AD_BYTES, key, 32);
		assert_int_equal(sodium_memcmp(ec + 32,
		    box + RX_ENV_HEADER + 24, 32), 0);
	}
	assert_int_equal(crypto_aead_xchacha20poly1305_ietf_decrypt(plain, NULL,
	    NULL, box + 88, n + 16, ad, AD_BYTES, box + RX_ENV_HEADER,
	    commit ? ec : key), 0);
}

static double
time_bare(bool sealing, size_t n, bool commit)
{
	uint8_t key[32], ad[AD_BYTES], plain[512], box[RX_ENV_OVERHEAD + 512];
	double t;
	size_t i;

	randombytes_buf(key, sizeof(key));
	randombytes_buf(ad, sizeof(ad));
	randombytes_buf(plain, sizeof(plain));
	bare_seal(box, plain, n, key, ad, commit);
	t = now();
	for (i = 0; i < SEALS; i++) {
		if (sealing)
			bare_seal(box, plain, n, key, ad, commit);
		else
			bare_open(plain, box, n, key, ad, commit);
	}
	return ((now() - t) / SEALS);
}

static double
time_field(bool sealing, enum rx_pad pad, enum rx_compartment comp, size_t n)
{
	struct rx_buf box = RX_BUF_INIT, out = RX_BUF_INIT;
	struct rx_place place;
	struct rx_key key;
	uint8_t plain[512];
	double t;
	size_t i;

	rx_random(&key, sizeof(key));
	rx_random(&place, sizeof(place));
	rx_random(plain, sizeof(plain));
	ok(rx_field_seal(&box, &key, comp, 1, &place, pad, plain, n, &st), &st);
	t = now();
	for (i = 0; i < SEALS; i++) {
		if (sealing) {
			rx_buf_reset(&box);
			ok(rx_field_seal(&box, &key, comp, 1, &place, pad,
			    plain, n, &st), &st);
		} else {
			rx_buf_reset(&out);
			ok(rx_field_open(&out, box.b, box.len, &key, comp,
			    &place, &st), &st);
		}
	}
	t = (now() - t) / SEALS;
	rx_buf_free(&box);
	rx_buf_free(&out);
	return (t);
}

static void
bench_field(const char *what, bool sealing, enum rx_pad pad,
    enum rx_compartment comp, size_t n)
{
	struct series same = { 0 }, aead = { 0 };
	const size_t padded = rx_pad_size(pad, n);
	char work[96];
	double ours;
	size_t i;

	for (i = 0; i < runs; i++) {
		ours = time_field(sealing, pad, comp, n);
		add(&same, ours, time_bare(sealing, padded, true));
		add(&aead, ours, time_bare(sealing, padded, false));
	}
	(void)snprintf(work, sizeof(work), "%s / BLAKE2b-64 + XChaCha20", what);
	show(work, &same, "s");
	(void)snprintf(work, sizeof(work), "%s / XChaCha20 alone", what);
	show(work, &aead, "s");
}

/* ---- a register and its data ---- */

static void
path_in(char out[PATH_BYTES], const char *dir, const char *name)
{
	int n = snprintf(out, PATH_BYTES, "%s/%s", dir, name);

	assert_true(n > 0 && n < PATH_BYTES);
}

static void
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

static double
size_mib(const char *dir, const char *name)
{
	char path[PATH_BYTES];
	struct stat sb;
	int n = snprintf(path, sizeof(path), "%s%s", dir, name);

	assert_true(n > 0 && n < PATH_BYTES);
	assert_int_equal(stat(path, &sb), 0);
	return ((double)sb.st_size / 1048576);
}

static struct rx_session *
sign_in(const char *dir, const char *user)
{
	struct rx_secret *passphrase = test_passphrase(user);
	struct rx_session *s;

	ok(rx_session_open(&s, dir, user, passphrase, &st), &st);
	rx_secret_free(passphrase);
	return (s);
}

static void
enrol(struct rx_session *s, const char *user, enum rx_role role,
    const char *unit)
{
	struct rx_secret *passphrase = test_passphrase(user);

	ok(rx_user_add(s, user, role, unit, passphrase, &st), &st);
	rx_secret_free(passphrase);
}

/* A county with one who writes for all of its villages, a supervisor above
 * him, a statistician above both. */
static void
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

static void
villages(const char *out[VILLAGES])
{
	const struct rx_embedded_unit *u;
	size_t i, count, n = 0;

	u = rx_embedded_units(&count);
	for (i = 0; i < count && n < VILLAGES; i++)
		if (strncmp(u[i].code, COUNTY, 6) == 0 &&
		    strcmp(u[i].level, "village") == 0)
			out[n++] = u[i].code;
	assert_int_equal(n, VILLAGES);
}

/* Write ${n} records, nine observations to one visit, of children enough. */
static void
make_file(const char *path, size_t n)
{
	const size_t children = n / RECORDS_A_CHILD + 1;
	const char *village[VILLAGES];
	char date[RX_DATE_TEXT];
	FILE *f;
	size_t i;

	villages(village);
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
		    "\"face_to_face\":true,\"note\":\"走访时孩子在家，情况平稳。\"}\n" :
		    "{\"type\":\"observation\",\"id\":\"r%zu\","
		    "\"child\":\"c%zu\",\"date\":\"%s\","
		    "\"channel\":\"home_visit\",\"signs\":[\"mood_low\"],"
		    "\"risk\":\"yellow\",\"note\":\"孩子近来话少，睡得晚。\"}\n",
		    i, (size_t)randombytes_uniform((uint32_t)children), date);
	}
	assert_int_equal(fclose(f), 0);
}

/* ---- plain SQLite ---- */

static void
sql(sqlite3 *db, const char *text)
{

	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *text)
{
	sqlite3_stmt *stmt;

	if (sqlite3_prepare_v2(db, text, -1, &stmt, NULL) != SQLITE_OK)
		fail_msg("%s: %s", text, sqlite3_errmsg(db));
	return (stmt);
}

/* Run a statement that returns no rows, and make it ready again. */
static void
run(sqlite3_stmt *stmt)
{

	if (sqlite3_step(stmt) != SQLITE_DONE)
		fail_msg("%s", sqlite3_errmsg(sqlite3_db_handle(stmt)));
	(void)sqlite3_reset(stmt);
}

static void
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

/* Both files of a register folder, with our settings. */
static sqlite3 *
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

/* ---- 2: one observation, durable ---- */

struct plain {			/* the rows of a save, without our code */
	sqlite3 *db;
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

static void
plain_open(struct plain *p, const char *dir)
{

	p->db = open_plain(dir);
	p->record = prepare(p->db, "INSERT INTO main.record(id, version, "
	    "child, unit, tag, coded, narrative) "
	    "VALUES(?1, 1, ?2, ?3, ?4, ?5, ?6)");
	p->slot = prepare(p->db, "INSERT INTO keys.slot(child, recipient, "
	    "sealed) VALUES(?1, ?2, ?3) ON CONFLICT(child, recipient) "
	    "DO UPDATE SET sealed = excluded.sealed");
	p->audit = prepare(p->db, "INSERT INTO main.audit(seq, time, payload, "
	    "proof, hash) SELECT max(seq) + 1, ?1, ?2, ?3, ?4 FROM main.audit");
	p->manifest = prepare(p->db, "UPDATE main.manifest SET lanes = ?1 "
	    "WHERE id = 1");
	first_id(p->db, "SELECT child FROM keys.slot", p->child);
	first_id(p->db, "SELECT recipient FROM keys.slot", p->recipient);
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
	villages(village);
	sql(p->db, "BEGIN IMMEDIATE");
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

static void
save_one(struct rx_session *s, size_t i)
{
	struct rx_save_result result;
	char date[RX_DATE_TEXT], child[32];
	json_t *json;

	rx_date_format(today, date);
	(void)snprintf(child, sizeof(child), "c%zu", i % 100);
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
sqlcipher_save(size_t rows)
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
		(void)execl(exe, "sqlcipher", dir, n, m, (char *)NULL);
		_exit(127);
	}
	(void)close(fd[1]);
	len = read(fd[0], text, sizeof(text) - 1);
	(void)close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(status == 0 && len > 0);
	return (strtod(text, NULL));
}

static void
bench_save(const char *dir, size_t rows)
{
	struct series plain = { 0 }, cipher = { 0 };
	struct rx_session *s = sign_in(dir, "director");
	char copy[PATH_BYTES];
	struct plain p;
	double t, ours, base;
	size_t i, k;

	path_in(copy, scratch, "plain-save");
	copy_register(copy, dir);
	plain_open(&p, copy);
	for (i = 0; i < runs; i++) {
		ours = base = 0;
		for (k = 0; k < saves; k++) {
			t = now();
			save_one(s, i * saves + k);
			ours += now() - t;
			t = now();
			plain_save(&p);
			base += now() - t;
		}
		add(&plain, ours / (double)saves, base / (double)saves);
		if ((base = sqlcipher_save(rows)) > 0)
			add(&cipher, ours / (double)saves, base);
	}
	plain_close(&p);
	rx_session_close(s);
	show("save an observation, durable / SQLite, same bytes", &plain, "s");
	if (cipher.n > 0)
		show("save an observation, durable / SQLCipher, same bytes",
		    &cipher, "s");
	else
		put("save an observation, durable / SQLCipher: not built", "-",
		    "-", "-", "-");
}

/* ---- 3: import ---- */

/* Do ${work} in a process of its own, whose peak of memory is its own. */
static struct result
apart(void (*work)(struct result *, const char *, const char *),
    const char *dir, const char *file)
{
	struct result r;
	pid_t pid;
	int fd[2], status;

	assert_int_equal(pipe(fd), 0);
	(void)fflush(stdout);
	assert_true((pid = fork()) != -1);
	if (pid == 0) {
		memset(&r, 0, sizeof(r));
		work(&r, dir, file);
		_exit(write(fd[1], &r, sizeof(r)) == sizeof(r) ? 0 : 1);
	}
	(void)close(fd[1]);
	assert_int_equal(read(fd[0], &r, sizeof(r)), sizeof(r));
	(void)close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	return (r);
}

static void
import_ours(struct result *r, const char *dir, const char *file)
{
	struct rx_session *s = sign_in(dir, "director");
	struct rx_import_counts counts;

	peak_reset();
	r->seconds = now();
	ok(rx_import(s, file, &counts, NULL, NULL, &st), &st);
	r->seconds = now() - r->seconds;
	r->mib = peak_mib();
	r->count = (int64_t)counts.lines;
	rx_session_close(s);
}

/* Copy the rows of ${table} one by one, as a program would insert them. */
static int64_t
insert_rows(sqlite3 *db, const char *select, const char *insert)
{
	sqlite3_stmt *in = prepare(db, select), *out = prepare(db, insert);
	int64_t count = 0;
	int i;

	while (sqlite3_step(in) == SQLITE_ROW) {
		for (i = 0; i < sqlite3_column_count(in); i++)
			(void)sqlite3_bind_value(out, i + 1,
			    sqlite3_column_value(in, i));
		run(out);
		count++;
	}
	(void)sqlite3_finalize(in);
	(void)sqlite3_finalize(out);
	return (count);
}

/* The rows that our import has made in ${source}, into the empty ${dir}. */
static void
import_bytes(struct result *r, const char *dir, const char *source)
{
	sqlite3 *db = open_plain(dir);

	attach(db, source, "content.db", "c");
	attach(db, source, "keys.db", "k");
	peak_reset();
	r->seconds = now();
	sql(db, "BEGIN IMMEDIATE");
	r->count = insert_rows(db, "SELECT * FROM c.child", "INSERT INTO "
	    "main.child VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)");
	r->count += insert_rows(db, "SELECT * FROM c.record",
	    "INSERT INTO main.record VALUES(?1,?2,?3,?4,?5,?6,?7)");
	(void)insert_rows(db, "SELECT * FROM k.case_key",
	    "INSERT INTO keys.case_key VALUES(?1,?2,?3,?4,?5,?6)");
	(void)insert_rows(db, "SELECT * FROM k.slot",
	    "INSERT INTO keys.slot VALUES(?1,?2,?3)");
	sql(db, "COMMIT");
	r->seconds = now() - r->seconds;
	r->mib = peak_mib();
	(void)sqlite3_close(db);
}

static void
bind_json(sqlite3_stmt *stmt, int i, const json_t *obj, const char *key)
{
	const json_t *v = json_object_get(obj, key);
	char *text;

	if (json_is_string(v))
		(void)sqlite3_bind_text(stmt, i, json_string_value(v), -1,
		    SQLITE_TRANSIENT);
	else if (json_is_boolean(v))
		(void)sqlite3_bind_int(stmt, i, json_is_true(v));
	else if (json_is_array(v)) {
		text = json_dumps(v, JSON_COMPACT);
		(void)sqlite3_bind_text(stmt, i, text, -1, SQLITE_TRANSIENT);
		free(text);
	} else
		(void)sqlite3_bind_null(stmt, i);
}

/* The same file, parsed and stored in the clear. */
static void
import_clear(struct result *r, const char *path, const char *file)
{
	static const char *const child[] = { "id", "unit", "name", "sex",
		"birth", "categories", "legal_basis" };
	static const char *const record[] = { "id", "child", "type", "date",
		"channel", "signs", "risk", "kind", "delivered",
		"face_to_face", "note" };
	sqlite3_stmt *insert[2];
	sqlite3 *db;
	FILE *f;
	char *text = NULL;
	size_t cap = 0, i, n;
	ssize_t len;

	json_set_alloc_funcs(malloc, free);	/* without our wiping */
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sql(db, PRAGMAS("main") "CREATE TABLE child(id TEXT PRIMARY KEY, "
	    "unit TEXT, name TEXT, sex TEXT, birth TEXT, categories TEXT, "
	    "legal_basis TEXT); CREATE INDEX child_unit ON child(unit);"
	    "CREATE TABLE record(id TEXT PRIMARY KEY, child TEXT, type TEXT, "
	    "date TEXT, channel TEXT, signs TEXT, risk TEXT, kind TEXT, "
	    "delivered INTEGER, face_to_face INTEGER, note TEXT);"
	    "CREATE INDEX record_child ON record(child)");
	insert[0] = prepare(db,
	    "INSERT INTO child VALUES(?1,?2,?3,?4,?5,?6,?7)");
	insert[1] = prepare(db,
	    "INSERT INTO record VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11)");
	assert_non_null(f = fopen(file, "re"));
	peak_reset();
	r->seconds = now();
	sql(db, "BEGIN IMMEDIATE");
	while ((len = getline(&text, &cap, f)) > 0) {
		json_t *json = json_loadb(text, (size_t)len, 0, NULL);
		const bool is_child = strcmp(json_string_value(
		    json_object_get(json, "type")), "child") == 0;
		sqlite3_stmt *stmt = insert[is_child ? 0 : 1];

		n = is_child ? sizeof(child) / sizeof(child[0]) :
		    sizeof(record) / sizeof(record[0]);
		for (i = 0; i < n; i++)
			bind_json(stmt, (int)i + 1, json,
			    is_child ? child[i] : record[i]);
		run(stmt);
		json_decref(json);
		r->count++;
	}
	sql(db, "COMMIT");
	r->seconds = now() - r->seconds;
	r->mib = peak_mib();
	free(text);
	(void)fclose(f);
	(void)sqlite3_finalize(insert[0]);
	(void)sqlite3_finalize(insert[1]);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

struct imports {
	size_t records;
	char file[PATH_BYTES];		/* the input */
	char ours[PATH_BYTES], bytes[PATH_BYTES], clear[PATH_BYTES];
	struct series by_bytes, by_clear, memory, disk;
};

static void
imports_init(struct imports *im, size_t records)
{
	static const char *const names[] = { "input", "ours", "bytes",
		"clear" };
	char *const paths[] = { im->file, im->ours, im->bytes, im->clear };
	char name[64];
	size_t i;

	memset(im, 0, sizeof(*im));
	im->records = records;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s-%zu", names[i],
		    records);
		path_in(paths[i], scratch, name);
	}
	make_file(im->file, records);
}

static void
remove_register(const char *dir)
{
	char path[PATH_BYTES];

	path_in(path, dir, "content.db");
	(void)unlink(path);
	path_in(path, dir, "keys.db");
	(void)unlink(path);
	(void)rmdir(dir);
}

/* One run of all three; what it leaves replaces what the one before left. */
static void
imports_run(struct imports *im, const char *empty)
{
	struct result ours, bytes, clear;
	double n;

	remove_register(im->ours);
	remove_register(im->bytes);
	(void)unlink(im->clear);
	copy_register(im->ours, empty);
	copy_register(im->bytes, empty);
	ours = apart(import_ours, im->ours, im->file);
	bytes = apart(import_bytes, im->bytes, im->ours);
	clear = apart(import_clear, im->clear, im->file);
	assert_true(ours.count == bytes.count && ours.count == clear.count);
	n = (double)ours.count;
	add(&im->by_bytes, ours.seconds / n, bytes.seconds / n);
	add(&im->by_clear, ours.seconds / n, clear.seconds / n);
	add(&im->memory, ours.mib, clear.mib);
	add(&im->disk, size_mib(im->ours, "/content.db") +
	    size_mib(im->ours, "/keys.db"), size_mib(im->clear, ""));
}

static void
imports_show(const struct imports *im)
{
	char work[96];

	(void)snprintf(work, sizeof(work), "import %zu, a record (%.0f/s) / "
	    "SQLite, clear text", im->records, 1 / median(im->by_clear.ours,
	    im->by_clear.n));
	show(work, &im->by_clear, "s");
	(void)snprintf(work, sizeof(work), "import %zu, a record / "
	    "SQLite, same bytes", im->records);
	show(work, &im->by_bytes, "s");
	(void)snprintf(work, sizeof(work), "import %zu, peak memory / "
	    "SQLite, clear text", im->records);
	show(work, &im->memory, "MiB");
	(void)snprintf(work, sizeof(work), "import %zu, size on disk / "
	    "SQLite, clear text", im->records);
	show(work, &im->disk, "MiB");
}

static void
bench_import(struct imports *small, struct imports *large, const char *empty)
{
	struct series linear = { 0 };
	size_t i;

	for (i = 0; i < runs; i++) {
		imports_run(small, empty);
		imports_run(large, empty);
		add(&linear, large->by_clear.ours[i], small->by_clear.ours[i]);
	}
	imports_show(small);
	imports_show(large);
	show("import, a record in the large one / in the small one", &linear,
	    "s");
}

/* ---- 4: audit ---- */

static double
bare_verify(void)
{
	uint8_t pk[32], sk[64], sig[64], m[sizeof("runxin audit v1") + 32];
	double t;
	size_t i;

	(void)crypto_sign_keypair(pk, sk);
	randombytes_buf(m, sizeof(m));
	(void)crypto_sign_detached(sig, NULL, m, sizeof(m), sk);
	t = now();
	for (i = 0; i < AUDITS; i++)
		assert_int_equal(crypto_sign_verify_detached(sig, m, sizeof(m),
		    pk), 0);
	return ((now() - t) / AUDITS);
}

/* A chain of AUDITS entries over an otherwise empty register: the difference
 * to the time without them is that of the entries. */
static void
bench_audit(const char *empty)
{
	struct series entry = { 0 };
	struct rx_session *s;
	char dir[PATH_BYTES];
	uint64_t before, after;
	double t, fixed, ours;
	size_t i;

	path_in(dir, scratch, "audit");
	copy_register(dir, empty);
	s = sign_in(dir, "director");
	fixed = now();
	ok(rx_audit_verify(s, NULL, &before, NULL, NULL, &st), &st);
	fixed = now() - fixed;
	ok(rx_store_begin(s->store, &st), &st);
	for (i = 0; i < AUDITS; i++)
		ok(rx_audit_add(s, RX_DID_REVEAL, NULL, "bench", 5, &st), &st);
	ok(rx_store_commit(s->store, &st), &st);
	for (i = 0; i < runs; i++) {
		t = now();
		ok(rx_audit_verify(s, NULL, &after, NULL, NULL, &st), &st);
		ours = now() - t - fixed;
		assert_int_equal(after - before, AUDITS);
		add(&entry, ours / AUDITS, bare_verify());
	}
	rx_session_close(s);
	show("verify an audit entry / Ed25519 verify", &entry, "s");
}

/* ---- 5: annex ---- */

static double
annex_ours(struct rx_session *s, int64_t *visits)
{
	char unit[RX_UNIT_BYTES];
	struct rx_annex *a;
	double t = now();

	ok(rx_unit_parse(unit, CITY, &st), &st);
	ok(rx_annex_count(&a, s, unit, from, today, &st), &st);
	t = now() - t;
	*visits = a->total[3];
	rx_annex_free(a);
	return (t);
}

static double
annex_clear(sqlite3 *db, int64_t *visits)
{
	double t = now();
	sqlite3_stmt *stmt = prepare(db, "SELECT substr(c.unit, 1, 6), "
	    "count(DISTINCT r.child || r.date), count(DISTINCT r.child) "
	    "FROM record AS r JOIN child AS c ON c.id = r.child "
	    "WHERE r.type = 'intervention' AND r.kind = 'visit_condolence' "
	    "AND r.delivered AND r.face_to_face AND r.date >= ?1 GROUP BY 1");

	*visits = 0;
	(void)sqlite3_bind_text(stmt, 1, from_text, -1, SQLITE_STATIC);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		*visits += sqlite3_column_int64(stmt, 1);
	(void)sqlite3_finalize(stmt);
	return (now() - t);
}

static void
bench_annex(const struct imports *im)
{
	struct rx_session *s = sign_in(im->ours, "statistician");
	struct series count = { 0 };
	int64_t ours = 0, clear = 0;
	char work[96];
	sqlite3 *db;
	double t;
	size_t i;

	assert_int_equal(sqlite3_open(im->clear, &db), SQLITE_OK);
	for (i = 0; i < runs; i++) {
		t = annex_ours(s, &ours);
		add(&count, t, annex_clear(db, &clear));
		assert_true(ours > 0 && ours == clear);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	rx_session_close(s);
	(void)snprintf(work, sizeof(work), "annex over %zu records / SQLite "
	    "GROUP BY, clear text", im->records);
	show(work, &count, "s");
}

/* ---- 6: signing in ---- */

static double hashing;		/* seconds in Argon2id since it was zeroed */

/* In front of the library's own, which does the same, to tell its share. */
int
argon2id_hash_raw(const uint32_t t_cost, const uint32_t m_cost,
    const uint32_t parallelism, const void *pwd, const size_t pwdlen,
    const void *salt, const size_t saltlen, void *hash, const size_t hashlen)
{
	const double t = now();
	int r;

	r = argon2_hash(t_cost, m_cost, parallelism, pwd, pwdlen, salt,
	    saltlen, hash, hashlen, NULL, 0, Argon2_id, ARGON2_VERSION_13);
	hashing += now() - t;
	return (r);
}

static double
open_and_read(const char *dir)
{
	double t = now();
	sqlite3 *db = open_plain(dir);

	sql(db, "SELECT keyblob FROM keys.user; SELECT cert FROM keys.cert;"
	    "SELECT max(seq) FROM main.audit");
	(void)sqlite3_close(db);
	return (now() - t);
}

static void
bench_sign_in(const char *dir)
{
	struct series rest = { 0 }, whole = { 0 };
	double t;
	size_t i;

	for (i = 0; i < runs; i++) {
		hashing = 0;
		t = now();
		rx_session_close(sign_in(dir, "director"));
		t = now() - t;
		assert_true(hashing > 0);
		add(&whole, t, hashing);
		add(&rest, t - hashing, open_and_read(dir));
	}
	show("sign in, all of it / Argon2id", &whole, "s");
	show("sign in after Argon2id / SQLite, open and read", &rest, "s");
}

/* ---- all of it ---- */

static size_t
number(int argc, char *argv[], int i, size_t otherwise, size_t most)
{
	char *end;
	unsigned long v;

	if (argc <= i)
		return (otherwise);
	v = strtoul(argv[i], &end, 10);
	if (*end != '\0' || v == 0 || v > most) {
		(void)fprintf(stderr,
		    "usage: bench [SMALL [LARGE [RUNS [SAVES]]]]\n");
		exit(2);
	}
	return (v);
}

int
main(int argc, char *argv[])
{
	struct imports small, large;
	char empty[PATH_BYTES];
	const size_t nsmall = number(argc, argv, 1, 10000, 10000000);
	const size_t nlarge = number(argc, argv, 2, 100000, 10000000);

	runs = number(argc, argv, 3, 3, RUNS_MAX);
	saves = number(argc, argv, 4, 20, 10000);
	rx_status_clear(&st);
	ok(rx_crypto_init(&st), &st);
	rx_json_init();
	scratch = test_dir();
	today = rx_date_today();
	from = today - 364;
	rx_date_format(from, from_text);
	put("work / baseline", "ours", "baseline", "ratio", "spread");
	bench_field("seal a coded field, 448 B", true, RX_PAD_CODED,
	    RX_COMP_CODED, 200);
	bench_field("open a coded field, 448 B", false, RX_PAD_CODED,
	    RX_COMP_CODED, 200);
	bench_field("open a note, 512 B", false, RX_PAD_NOTE,
	    RX_COMP_NARRATIVE, 500);
	path_in(empty, scratch, "empty");
	make_register(empty);
	imports_init(&small, nsmall);
	imports_init(&large, nlarge);
	bench_import(&small, &large, empty);
	bench_annex(&large);
	bench_save(small.ours, nsmall);
	bench_audit(empty);
	bench_sign_in(small.ours);
	return (0);
}
