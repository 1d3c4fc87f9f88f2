/*
 * A county's people at once, over TLS, for a long time: they sign in and out,
 * look at lists and cases, write, review, export.  Each has two connections, as
 * browsers do, and all come from one address, as through one office's router.
 * Who is told that the server is busy comes back when he is told to: counted
 * apart, and no error; a page that is answered otherwise than it should be, or
 * not, is one.  In the end the register must hold each observation that was
 * acknowledged, once, and its audit verify.  Any error is the exit status.
 */

#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include <gnutls/x509.h>
#include <sodium.h>

#include "web.h"

#define PEOPLE_MAX 250
#define KINDS 600		/* statuses of HTTP */

static struct person people[PEOPLE_MAX];
static size_t npeople;

/* ---- a certificate of the server's own ---- */

static void
must(int rc)
{

	if (rc < 0)
		fail_msg("GnuTLS: %s", gnutls_strerror(rc));
}

static void
write_pem(const char *path, gnutls_datum_t *pem)
{

	ok(rx_file_write(path, pem->data, pem->size, 0600, true, &st), &st);
	gnutls_free(pem->data);
}

/* For 127.0.0.1, one day; and trust in it. */
static gnutls_certificate_credentials_t
make_certificate(const char *cert, const char *key)
{
	static const unsigned char serial = 1;
	gnutls_certificate_credentials_t trust;
	gnutls_x509_privkey_t k;
	gnutls_x509_crt_t c;
	gnutls_datum_t pem;

	must(gnutls_x509_privkey_init(&k));
	must(gnutls_x509_privkey_generate(k, GNUTLS_PK_ECDSA,
	    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0));
	must(gnutls_x509_crt_init(&c));
	must(gnutls_x509_crt_set_version(c, 3));
	must(gnutls_x509_crt_set_serial(c, &serial, sizeof(serial)));
	must(gnutls_x509_crt_set_dn_by_oid(c, GNUTLS_OID_X520_COMMON_NAME, 0,
	    "127.0.0.1", 9));
	must(gnutls_x509_crt_set_activation_time(c, time(NULL) - 3600));
	must(gnutls_x509_crt_set_expiration_time(c, time(NULL) + 86400));
	must(gnutls_x509_crt_set_key(c, k));
	must(gnutls_x509_crt_sign2(c, c, k, GNUTLS_DIG_SHA256, 0));
	must(gnutls_certificate_allocate_credentials(&trust));
	must(gnutls_certificate_set_x509_trust(trust, &c, 1));
	must(gnutls_x509_crt_export2(c, GNUTLS_X509_FMT_PEM, &pem));
	write_pem(cert, &pem);
	must(gnutls_x509_privkey_export2(k, GNUTLS_X509_FMT_PEM, &pem));
	write_pem(key, &pem);
	gnutls_x509_crt_deinit(c);
	gnutls_x509_privkey_deinit(k);
	return (trust);
}

/* ---- the server, looked at each second ---- */

struct watch {
	const struct server *v;
	bool over;
	size_t fds, most_fds;
	double first, last, highest;	/* MiB resident */
};

/* 0 where we may not look. */
static size_t
descriptors(const struct server *v)
{
	char path[64];
	size_t n = 0;
	DIR *d;

	(void)snprintf(path, sizeof(path), "/proc/%d/fd", (int)v->pid);
	if ((d = opendir(path)) == NULL)
		return (0);
	while (readdir(d) != NULL)
		n++;
	(void)closedir(d);
	return (n > 2 ? n - 2 : 0);
}

static double
resident(const struct server *v)
{
	char path[64];
	unsigned long size, pages = 0;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/statm", (int)v->pid);
	if ((f = fopen(path, "re")) == NULL)
		return (0);
	if (fscanf(f, "%lu %lu", &size, &pages) != 2)
		pages = 0;
	(void)fclose(f);
	return ((double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576);
}

/* Processor time of the server, seconds. */
static double
used(const struct server *v)
{
	char path[64], text[1024] = "";
	unsigned long user = 0, system = 0;
	const char *p;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)v->pid);
	assert_non_null(f = fopen(path, "re"));
	assert_non_null(fgets(text, sizeof(text), f));
	(void)fclose(f);
	if ((p = strrchr(text, ')')) == NULL || sscanf(p + 1,
	    " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
	    &system) != 2)
		fail_msg("%s", path);
	return ((double)(user + system) / (double)sysconf(_SC_CLK_TCK));
}

static void *
watch_main(void *cookie)
{
	const struct timespec second = { 1, 0 };
	struct watch *w = cookie;

	while (!__atomic_load_n(&w->over, __ATOMIC_RELAXED)) {
		w->last = resident(w->v);
		w->highest = w->last > w->highest ? w->last : w->highest;
		w->fds = descriptors(w->v);
		w->most_fds = w->fds > w->most_fds ? w->fds : w->most_fds;
		(void)nanosleep(&second, NULL);
	}
	return (NULL);
}

/* ---- the report ---- */

static struct sample *all;
static size_t nall, errors;

/* All that was measured, sorted; it is the people's no more. */
static void
collect(void)
{
	size_t i, n = 0;

	for (i = 0; i < npeople; i++)
		n += people[i].n;
	assert_non_null(all = calloc(n + 1, sizeof(*all)));
	for (i = 0; i < npeople; i++) {
		if (people[i].n > 0)
			memcpy(all + nall, people[i].sample, people[i].n *
			    sizeof(*all));
		nall += people[i].n;
		errors += people[i].lost;
	}
	qsort(all, nall, sizeof(*all), sample_cmp);
}

/* The statuses that no page of this kind should have. */
static void
show_errors(enum page page, const size_t of[KINDS])
{
	size_t k;

	for (k = 0; k < KINDS; k++) {
		if (of[k] == 0)
			continue;
		errors += of[k];
		(void)printf("error: %s: %zu times %s%zu\n", page_name[page],
		    of[k], k == 0 ? "no answer " : "", k);
	}
}

/* Of the good answers, which ${from} to ${to} are not all of: in their order. */
static void
show_page(enum page page, const struct sample *a, size_t n, size_t *busy)
{
	size_t wrong[KINDS] = { 0 }, good = 0, told = 0, seen = 0, i;
	double p50 = 0, p99 = 0, most = 0;

	for (i = 0; i < n; i++) {
		good += sample_good(&a[i]);
		told += a[i].status == 503;
		if (!sample_good(&a[i]) && a[i].status != 503)
			wrong[a[i].status < KINDS ? a[i].status : 0]++;
	}
	for (i = 0; i < n; i++) {
		if (!sample_good(&a[i]))
			continue;
		seen++;
		if (seen == (good + 1) / 2)
			p50 = a[i].ms;
		if (seen == (99 * good + 99) / 100)
			p99 = a[i].ms;
		most = a[i].ms;
	}
	*busy += told;
	if (n > 0)
		(void)printf("%-24s |%8zu%6zu%6zu |%9.1f%9.1f%9.1f\n",
		    page_name[page], good, told, n - good - told, p50, p99,
		    most);
	show_errors(page, wrong);
}

static void
report(double seconds)
{
	size_t i, k, busy = 0;
	int page;

	(void)printf("\n%-24s |%8s%6s%6s |%9s%9s%9s ms\n", "", "good", "503",
	    "wrong", "p50", "p99", "max");
	for (page = 0, i = 0; page < PAGES; page++, i = k) {
		for (k = i; k < nall && all[k].page == (enum page)page; k++)
			continue;
		show_page((enum page)page, all + i, k - i, &busy);
	}
	(void)printf("%zu requests in %.0f s, %zu errors, %zu told to come "
	    "back\n", nall, seconds, errors, busy);
}

/* ---- what is there in the end ---- */

static int64_t
stored(const char *dir)
{
	sqlite3 *db = open_plain(dir);
	sqlite3_stmt *stmt = prepare(db, "SELECT count(*) FROM record");
	int64_t n;

	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	(void)sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	return (n);
}

static void
look_again(const char *dir, int64_t before)
{
	struct rx_session *s = sign_in(dir, "director");
	const int64_t there = stored(dir) - before;
	size_t saved = 0, i;
	uint64_t entries;

	for (i = 0; i < npeople; i++)
		saved += people[i].saved;
	ok(rx_audit_verify(s, NULL, &entries, NULL, NULL, &st), &st);
	rx_session_close(s);
	(void)printf("%zu observations acknowledged, %lld there; the audit "
	    "verifies, %llu entries\n", saved, (long long)there,
	    (unsigned long long)entries);
	errors += there != (int64_t)saved;
}

/* ---- all of it ---- */

static void
run_people(const struct server *v, double seconds, double pause)
{
	const double start = now();
	pthread_t thread[PEOPLE_MAX];
	size_t i;

	for (i = 0; i < npeople; i++) {
		struct person *p = &people[i];

		client_init(&p->c, v);
		client_init(&p->files, v);
		p->patient = true;
		p->think = pause;
		p->until = start + seconds;
		/* All come within the first tenth. */
		p->waited = seconds / 10 * randombytes_uniform(1000) / 1000.0;
		assert_int_equal(pthread_create(&thread[i], NULL,
		    person_works, p), 0);
	}
	for (i = 0; i < npeople; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
}

static void
free_people(void)
{
	size_t i;

	for (i = 0; i < npeople; i++) {
		client_free(&people[i].c);
		client_free(&people[i].files);
		free(people[i].sample);
	}
	free(all);
}

int
bench_load(int argc, char *argv[])
{
	const size_t n = number(argc, argv, 2, 200, PEOPLE_MAX);
	const size_t seconds = number(argc, argv, 3, 600, 86400);
	const size_t pause = number(argc, argv, 4, 5, 3600);
	const size_t children = number(argc, argv, 5, 3000, 100000);
	const size_t records = number(argc, argv, 6, 20000, 10000000);
	char dir[PATH_BYTES], cert[PATH_BYTES], key[PATH_BYTES];
	gnutls_certificate_credentials_t trust;
	struct watch w = { .over = false };
	pthread_t watcher;
	struct server v;
	double cpu_time;
	int64_t before;

	person_astray = argc > 7 && strcmp(argv[7], "astray") == 0;
	path_in(dir, scratch, "load");
	path_in(cert, scratch, "cert.pem");
	path_in(key, scratch, "key.pem");
	trust = make_certificate(cert, key);
	npeople = n;
	make_county(dir, people, n, cast_people(people, n), children, records);
	before = stored(dir);
	serve(&v, dir, cert, key);
	v.trust = trust;
	w.v = &v;
	w.first = resident(&v);
	show_memory(&v, "nobody signed in");
	assert_int_equal(pthread_create(&watcher, NULL, watch_main, &w), 0);
	run_people(&v, (double)seconds, (double)pause);
	__atomic_store_n(&w.over, true, __ATOMIC_RELAXED);
	assert_int_equal(pthread_join(watcher, NULL), 0);
	show_memory(&v, "after their day");
	cpu_time = used(&v);
	serve_end(&v);
	collect();
	report((double)seconds);
	(void)printf("server: resident %.1f MiB at first, %.1f at most, %.1f "
	    "at last; at most %zu descriptors, %zu at last; %.1f s of "
	    "processor time\n", w.first, w.highest, w.last, w.most_fds, w.fds,
	    cpu_time);
	look_again(dir, before);
	free_people();
	gnutls_certificate_free_credentials(trust);
	return (errors == 0 ? 0 : 1);
}
