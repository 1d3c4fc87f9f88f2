/*
 * What the register costs.  Every row of the table is the ratio of our time to
 * that of a baseline measured in the same run, the two taking turns, so that a
 * slow disk or a busy machine weighs on both (of fields, audit entries, signing in
 * and lists it is processor time; SQLCipher's saves follow ours in one block a run).  Shown are
 * medians over the runs and, of the ratio, the smallest and the largest.
 * Figures only: nothing here passes or fails by its speed; but a count that
 * differs from the baseline's ends the program.
 *
 * bench [SMALL [LARGE [RUNS [SAVES]]]]: records in the two imports, runs of
 * each measurement, durable saves a run; then the page, as
 * bench audit [ENTRIES]: only how long a chain of them takes, verified in full and
 * from a head that was countersigned before the last hundredth.
 * bench annex [RECORDS [RUNS]]: only the annex over one import, cold, and again
 * after a hundred new records;
 * bench web [PEOPLE [SECONDS [CHILDREN [RECORDS]]]]: only that (web.c);
 * bench load [PEOPLE [SECONDS [PAUSE [CHILDREN [RECORDS]]]]]: load.c;
 * bench lists [TODAY [FIND [CASES [RUNS]]]]: only lists (list.c);
 * bench activities [ACTIVITIES [CHILDREN [RUNS]]]: only those (activity.c);
 * bench register ...: all of the first but the page, tables and lists.
 */

#include <stdio.h>

#include <argon2.h>
#include <sodium.h>

#include "stats/internal.h"
#include "web.h"

#define AUDITS 2000		/* entries in the chain that is verified */

struct rx_status st;
size_t runs, saves;
const char *scratch;
int32_t from, today;

static char from_text[RX_DATE_TEXT];

/* ---- audit ---- */

static double
bare_verify(void)
{
	uint8_t pk[32], sk[64], sig[64], m[sizeof("runxin audit v1") + 32];
	double t;
	size_t i;

	(void)crypto_sign_keypair(pk, sk);
	randombytes_buf(m, sizeof(m));
	(void)crypto_sign_detached(sig, NULL, m, sizeof(m), sk);
	t = cpu();
	for (i = 0; i < AUDITS; i++)
		assert_int_equal(crypto_sign_verify_detached(sig, m, sizeof(m),
		    pk), 0);
	return ((cpu() - t) / AUDITS);
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
	fixed = cpu();
	ok(rx_audit_verify(s, NULL, &before, NULL, NULL, &st), &st);
	fixed = cpu() - fixed;
	ok(rx_store_begin(s->store, &st), &st);
	for (i = 0; i < AUDITS; i++)
		ok(rx_audit_add(s, RX_DID_REVEAL, NULL, "bench", 5, &st), &st);
	ok(rx_store_commit(s->store, &st), &st);
	for (i = 0; i < runs; i++) {
		t = cpu();
		ok(rx_audit_verify(s, NULL, &after, NULL, NULL, &st), &st);
		ours = cpu() - t - fixed;
		assert_int_equal(after - before, AUDITS);
		add(&entry, ours / AUDITS, bare_verify());
	}
	rx_session_close(s);
	show("verify an audit entry / Ed25519 verify", &entry, "s");
}

/* Append ${n} entries to the chain. */
static void
entries(struct rx_session *s, size_t n)
{

	ok(rx_store_begin(s->store, &st), &st);
	while (n-- > 0)
		ok(rx_audit_add(s, RX_DID_REVEAL, NULL, "bench", 5, &st), &st);
	ok(rx_store_commit(s->store, &st), &st);
}

/* Verify by the clock on the wall: two processors may take part. */
static void
check_time(struct rx_session *s, enum rx_audit_trust trust, const char *what)
{
	struct rx_audit_check check = { .trust = trust };
	double t = now(), c = cpu();

	ok(rx_audit_check(s, &check, NULL, NULL, &st), &st);
	printf("%-28s %8.2f s (%.2f s of processors), %llu entries, "
	    "signatures after %llu\n", what, now() - t, cpu() - c,
	    (unsigned long long)check.head.seq,
	    (unsigned long long)check.from);
}

static void
bench_chain(size_t n)
{
	struct rx_countersigned c;
	struct rx_session *s;
	char dir[PATH_BYTES];
	double t;

	path_in(dir, scratch, "chain");
	make_register(dir);
	s = sign_in(dir, "director");
	entries(s, n - n / 100);
	rx_session_close(s);
	s = sign_in(dir, "supervisor");
	t = now();
	ok(rx_audit_countersign(s, &c, NULL, NULL, &st), &st);
	printf("%-28s %8.2f s, up to entry %llu\n", "countersign, the first time",
	    now() - t, (unsigned long long)c.seq);
	rx_session_close(s);
	s = sign_in(dir, "director");
	entries(s, n / 100);
	check_time(s, RX_TRUST_NOBODY, "verify in full");
	check_time(s, RX_TRUST_OTHERS, "verify from that head");
	rx_session_close(s);
}

/* ---- annex ---- */

#define MORE 100		/* records between two counts */

/* What a count took: by the clock, which two processors share, and of them. */
struct took {
	double wall, cpu;
};

static struct took
annex_ours(struct rx_session *s, enum rx_counting how, int64_t *visits)
{
	struct took t = { now(), cpu() };
	char unit[RX_UNIT_BYTES];
	struct rx_annex *a;

	ok(rx_unit_parse(unit, CITY, &st), &st);
	ok(rx_annex_count_how(&a, s, unit, from, today, how, &st), &st);
	t.wall = now() - t.wall;
	t.cpu = cpu() - t.cpu;
	assert_int_equal(a->in_full, how != RX_COUNT_RUNNING);
	*visits = a->total[3];
	rx_annex_free(a);
	return (t);
}

static struct took
annex_clear(sqlite3 *db, int64_t *visits)
{
	struct took t = { now(), cpu() };
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
	t.wall = now() - t.wall;
	t.cpu = cpu() - t.cpu;
	return (t);
}

/* A tenth of them visits, the same in both. */
static void
more_records(struct rx_session *director, sqlite3 *db, size_t turn,
    size_t children)
{
	sqlite3_stmt *in = prepare(db, "INSERT INTO record(id, child, type, "
	    "date, kind, delivered, face_to_face) VALUES(?1, ?2, ?3, ?4, ?5, "
	    "1, 1)");
	char path[PATH_BYTES], id[32], child[32];
	struct rx_import_counts counts;
	FILE *f;
	size_t i;

	path_in(path, scratch, "more");
	assert_non_null(f = fopen(path, "we"));
	for (i = 0; i < MORE; i++) {
		const bool visit = i % 10 == 9;

		(void)snprintf(id, sizeof(id), "more-%zu-%zu", turn, i);
		(void)snprintf(child, sizeof(child), "c%zu", (size_t)
		    randombytes_uniform((uint32_t)children));
		(void)fprintf(f, visit ? "{\"type\":\"intervention\",\"id\":"
		    "\"%s\",\"child\":\"%s\",\"date\":\"%s\",\"kind\":"
		    "\"visit_condolence\",\"delivered\":true,\"face_to_face\":"
		    "true}\n" : "{\"type\":\"observation\",\"id\":\"%s\","
		    "\"child\":\"%s\",\"date\":\"%s\",\"channel\":"
		    "\"home_visit\",\"signs\":[\"mood_low\"],\"risk\":"
		    "\"yellow\"}\n", id, child, from_text);
		(void)sqlite3_bind_text(in, 1, id, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(in, 2, child, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(in, 3, visit ? "intervention" :
		    "observation", -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(in, 4, from_text, -1, SQLITE_STATIC);
		(void)sqlite3_bind_text(in, 5, visit ? "visit_condolence" : "",
		    -1, SQLITE_STATIC);
		run(in);
	}
	assert_int_equal(fclose(f), 0);
	(void)sqlite3_finalize(in);
	ok(rx_import(director, path, &counts, NULL, NULL, &st), &st);
	assert_int_equal(counts.lines, MORE);
}

static void
add_took(struct series s[2], struct took ours, struct took clear)
{

	add(&s[0], ours.wall, clear.wall);
	add(&s[1], ours.cpu, clear.cpu);
}

static void
show_took(const char *work, size_t records, const struct series s[2])
{
	char text[96];

	(void)snprintf(text, sizeof(text), "annex over %zu records%s", records,
	    work);
	show(text, &s[0], "s");
	show("  the same, time of processors", &s[1], "s");
}

static void
bench_annex(const struct imports *im)
{
	struct rx_session *s = sign_in(im->ours, "statistician");
	struct rx_session *director = sign_in(im->ours, "director");
	struct series cold[2] = { { 0 } }, full[2] = { { 0 } },
	    again[2] = { { 0 } };
	int64_t ours = 0, clear = 0;
	struct took t;
	sqlite3 *db;
	size_t i;

	assert_int_equal(sqlite3_open(im->clear, &db), SQLITE_OK);
	for (i = 0; i < runs; i++) {
		t = annex_ours(s, RX_COUNT_COLD, &ours);
		add_took(cold, t, annex_clear(db, &clear));
		assert_true(ours > 0 && ours == clear);
		t = annex_ours(s, RX_COUNT_COMPARED, &ours);
		add_took(full, t, annex_clear(db, &clear));
		assert_true(ours == clear);
		more_records(director, db, i, CHILDREN_OF(im->records));
		t = annex_ours(s, RX_COUNT_RUNNING, &ours);
		add_took(again, t, annex_clear(db, &clear));
		assert_true(ours == clear);
	}
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	rx_session_close(director);
	rx_session_close(s);
	show_took(" / SQLite GROUP BY, clear text", im->records, cold);
	show_took(", for a release / the same", im->records, full);
	show_took(", 100 of them new / the same", im->records, again);
}

/* ---- signing in ---- */

double hash_seconds;

/* In front of the library's own, which does the same, to tell its share. */
int
argon2id_hash_raw(const uint32_t t_cost, const uint32_t m_cost,
    const uint32_t parallelism, const void *pwd, const size_t pwdlen,
    const void *salt, const size_t saltlen, void *hash, const size_t hashlen)
{
	const double t = cpu();
	int r;

	r = argon2_hash(t_cost, m_cost, parallelism, pwd, pwdlen, salt,
	    saltlen, hash, hashlen, NULL, 0, Argon2_id, ARGON2_VERSION_13);
	hash_seconds += cpu() - t;
	return (r);
}

static double
open_and_read(const char *dir)
{
	double t = cpu();
	sqlite3 *db = open_plain(dir);

	sql(db, "SELECT keyblob FROM keys.user; SELECT cert FROM keys.cert;"
	    "SELECT max(seq) FROM main.audit");
	(void)sqlite3_close(db);
	return (cpu() - t);
}

static void
bench_sign_in(const char *dir)
{
	struct series rest = { 0 }, whole = { 0 };
	double t;
	size_t i;

	for (i = 0; i < runs; i++) {
		hash_seconds = 0;
		t = cpu();
		rx_session_close(sign_in(dir, "director"));
		t = cpu() - t;
		assert_true(hash_seconds > 0);
		add(&whole, t, hash_seconds);
		add(&rest, t - hash_seconds, open_and_read(dir));
	}
	show("sign in, all of it / Argon2id", &whole, "s");
	show("sign in after Argon2id / SQLite, open and read", &rest, "s");
}

/* ---- all of it ---- */

size_t
number(int argc, char *argv[], int i, size_t otherwise, size_t most)
{
	char *end;
	unsigned long v;

	if (argc <= i)
		return (otherwise);
	v = strtoul(argv[i], &end, 10);
	if (*end != '\0' || v == 0 || v > most) {
		(void)fprintf(stderr,
		    "usage: bench [SMALL [LARGE [RUNS [SAVES]]]]\n"
		    "       bench web [PEOPLE [SECONDS [CHILDREN [RECORDS]]]]\n"
		    "       bench load [PEOPLE [SECONDS [PAUSE [CHILDREN [RECORDS]"
		    "]]]]\n"
		    "       bench lists [TODAY [FIND [CASES [RUNS]]]]\n"
		    "       bench activities [ACTIVITIES [CHILDREN [RUNS]]]\n"
		    "       bench register [SMALL [LARGE [RUNS [SAVES]]]]\n"
		    "       bench annex [RECORDS [RUNS]]\n"
		    "       bench import [SMALL [LARGE [RUNS]]]\n"
		    "       bench save [RECORDS [RUNS [SAVES]]]\n"
		    "       bench tables\n");
		exit(2);
	}
	return (v);
}

static void
bench_register(int argc, char *argv[])
{
	struct imports small, large;
	char empty[PATH_BYTES];
	const size_t nsmall = number(argc, argv, 1, 10000, 10000000);
	const size_t nlarge = number(argc, argv, 2, 100000, 10000000);

	runs = number(argc, argv, 3, 3, RUNS_MAX);
	saves = number(argc, argv, 4, 20, 10000);
	put("work / baseline", "ours", "baseline", "ratio", "spread");
	bench_field("seal a coded field, 448 B", true, RX_PAD_CODED,
	    RX_COMP_CODED, 200);
	bench_field("open a coded field, 448 B", false, RX_PAD_CODED,
	    RX_COMP_CODED, 200);
	bench_field("open a note, 512 B", false, RX_PAD_NOTE,
	    RX_COMP_NARRATIVE, 500);
	path_in(empty, scratch, "empty");
	make_register(empty);
	imports_init(&small, nsmall, NOTES_SHORT);
	imports_init(&large, nlarge, NOTES_SHORT);
	bench_import(&small, &large, empty);
	bench_size(empty, small.records);
	bench_annex(&large);
	bench_save(small.ours, nsmall);
	bench_audit(empty);
	bench_sign_in(small.ours);
}

/* The head of a table, and the register ${empty} for what is measured. */
static void
table_begin(char empty[PATH_BYTES])
{

	put("work / baseline", "ours", "baseline", "ratio", "spread");
	path_in(empty, scratch, "empty");
	make_register(empty);
}

/* The annex alone, over one import. */
static void
bench_annex_alone(int argc, char *argv[])
{
	struct imports im;
	char empty[PATH_BYTES];

	imports_init(&im, number(argc, argv, 1, 100000, 10000000), NOTES_SHORT);
	runs = number(argc, argv, 2, 5, RUNS_MAX);
	table_begin(empty);
	imports_make(&im, empty);
	bench_annex(&im);
}

/* The imports alone. */
static void
bench_imports_alone(int argc, char *argv[])
{
	struct imports small, large;
	char empty[PATH_BYTES];

	imports_init(&small, number(argc, argv, 1, 10000, 10000000), NOTES_SHORT);
	imports_init(&large, number(argc, argv, 2, 100000, 10000000), NOTES_SHORT);
	runs = number(argc, argv, 3, 3, RUNS_MAX);
	table_begin(empty);
	bench_import(&small, &large, empty);
	bench_size(empty, small.records);
}

/* One save alone, in a register of so many records. */
static void
bench_save_alone(int argc, char *argv[])
{
	struct imports im;
	char empty[PATH_BYTES];

	imports_init(&im, number(argc, argv, 1, 10000, 10000000), NOTES_SHORT);
	runs = number(argc, argv, 2, 5, RUNS_MAX);
	saves = number(argc, argv, 3, 20, 10000);
	table_begin(empty);
	imports_make(&im, empty);
	bench_save(im.ours, im.records);
}

int
main(int argc, char *argv[])
{
	char *none[] = { argv[0], NULL };
	const bool web = argc > 1 && strcmp(argv[1], "web") == 0;
	const bool load = argc > 1 && strcmp(argv[1], "load") == 0;

	rx_status_clear(&st);
	ok(rx_crypto_init(&st), &st);
	rx_json_init();
	scratch = test_dir();
	today = rx_date_today();
	from = today - 364;
	rx_date_format(from, from_text);
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	if (web)
		return (bench_web(argc, argv));
	if (load)
		return (bench_load(argc, argv));
	if (argc > 1 && strcmp(argv[1], "audit") == 0) {
		bench_chain(number(argc, argv, 2, 100000, 10000000));
		return (0);
	}
	if (argc > 1 && strcmp(argv[1], "tables") == 0) {
		bench_disclosure();
		return (0);
	}
	if (argc > 1 && strcmp(argv[1], "lists") == 0) {
		bench_lists(argc, argv);
		return (0);
	}
	if (argc > 1 && strcmp(argv[1], "activities") == 0) {
		bench_activities(argc, argv);
		return (0);
	}
	if (argc > 1 && strcmp(argv[1], "register") == 0) {
		bench_register(argc - 1, argv + 1);
		return (0);
	}
	if (argc > 1 && strcmp(argv[1], "annex") == 0) {
		bench_annex_alone(argc - 1, argv + 1);
		return (0);
	}
	if (argc > 1 && strcmp(argv[1], "import") == 0) {
		bench_imports_alone(argc - 1, argv + 1);
		return (0);
	}
	if (argc > 1 && strcmp(argv[1], "save") == 0) {
		bench_save_alone(argc - 1, argv + 1);
		return (0);
	}
	bench_register(argc, argv);
	bench_lists(1, none);
	bench_disclosure();
	return (bench_web(1, none));
}
