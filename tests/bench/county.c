/* A county of people for whom the page is served: who they are, their register,
 * the server. */

#include <sys/wait.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include <sodium.h>

#include "web.h"

#define VILLAGES_MAX 69

static const char *village[VILLAGES_MAX];

/* ---- the register ---- */

static void
person_init(struct person *p, enum rx_role role, const char *letter, size_t i,
    const char *unit, size_t digits)
{

	memset(p, 0, sizeof(*p));
	p->role = role;
	(void)snprintf(p->user, sizeof(p->user), "%s%zu", letter, i + 1);
	(void)snprintf(p->unit, sizeof(p->unit), "%.*s", (int)digits, unit);
}

size_t
cast_people(struct person *people, size_t n)
{
	const size_t stats = n / 16 > 0 ? n / 16 : 1;
	const size_t sups = n / 8 > 0 ? n / 8 : 1;
	const size_t dirs = n - stats - sups - 1;
	struct person *p = people;
	size_t i, k = 0;

	if (n < 5)
		fail_msg("a county needs at least 5 people");
	villages(village, VILLAGES_MAX);
	for (i = 0; i < dirs; i++)
		person_init(p++, RX_ROLE_DIRECTOR, "dir", i,
		    village[i % VILLAGES_MAX], 12);
	for (i = 0; i < sups; i++, k++) {
		while (i > 0 && strncmp(village[k % VILLAGES_MAX],
		    p[-1].unit, 9) == 0)
			k++;
		person_init(p++, RX_ROLE_SUPERVISOR, "sup", i,
		    village[k % VILLAGES_MAX], 9);
	}
	for (i = 0; i < stats; i++)
		person_init(p++, RX_ROLE_STATISTICIAN, "stat", i, COUNTY, 6);
	person_init(p, RX_ROLE_ADMIN, "admin", 0, COUNTY, 6);
	(void)snprintf(p->user, sizeof(p->user), "admin");
	return (dirs);
}

static void
write_year(const char *path, size_t dirs, size_t children, size_t records)
{
	static const char *const risks[] = { "green", "yellow", "yellow",
	    "orange" };
	char date[RX_DATE_TEXT];
	FILE *f;
	size_t i;

	assert_non_null(f = fopen(path, "we"));
	for (i = 0; i < children; i++)
		(void)fprintf(f, "{\"type\":\"child\",\"id\":\"c%zu\","
		    "\"unit\":\"%s\",\"name\":\"测试%zu\",\"sex\":\"%s\","
		    "\"birth\":\"2014-05\",\"address\":\"示例路%zu号\","
		    "\"guardian_name\":\"例大山\",\"categories\":"
		    "[\"left_behind\"],\"legal_basis\":\"statutory_duty\"}\n",
		    i, village[i % dirs % VILLAGES_MAX], i, i % 2 == 0 ? "f" : "m", i);
	for (i = 0; i < records; i++) {
		rx_date_format(from + (int32_t)randombytes_uniform(365), date);
		(void)fprintf(f, i % 10 == 9 ?
		    "{\"type\":\"intervention\",\"id\":\"r%zu\","
		    "\"child\":\"c%zu\",\"date\":\"%s\",\"kind\":"
		    "\"visit_condolence\",\"delivered\":true,\"face_to_face\":"
		    "true,\"note\":\"走访时孩子在家，情况平稳。\"}\n" :
		    "{\"type\":\"observation\",\"id\":\"r%zu\","
		    "\"child\":\"c%zu\",\"date\":\"%s\",\"channel\":"
		    "\"home_visit\",\"signs\":[\"%s\"],\"risk\":\"%s\","
		    "\"note\":\"孩子近来话少，睡得晚。\"}\n", i, i % children,
		    date, i % 600 == 0 ? "death_talk" : "mood_low",
		    risks[randombytes_uniform(4)]);
	}
	assert_int_equal(fclose(f), 0);
}

void
make_county(const char *dir, const struct person *people, size_t npeople,
    size_t dirs, size_t children, size_t records)
{
	struct rx_import_counts counts;
	char file[PATH_BYTES];
	struct rx_session *s;
	double t = now();
	size_t i;

	make_register(dir);
	s = sign_in(dir, "admin");
	for (i = 0; i + 1 < npeople; i++)
		enrol(s, people[i].user, people[i].role, people[i].unit);
	rx_session_close(s);
	path_in(file, scratch, "web.ndjson");
	write_year(file, dirs, children, records);
	s = sign_in(dir, "director");
	ok(rx_import(s, file, &counts, NULL, NULL, &st), &st);
	rx_session_close(s);
	assert_int_equal(counts.lines, children + records);
	(void)printf("a register of %zu children with %zu records, %zu flags, "
	    "and %zu people (%zu directors), made in %.0f s\n", children,
	    records, counts.flagged, npeople, dirs, now() - t);
}

/* ---- the server ---- */

/* The first line of what the server says, however it comes. */
static void
read_line(int fd, char *text, size_t size)
{
	size_t n = 0;

	while (n + 1 < size && strchr(text, '\n') == NULL &&
	    read(fd, text + n, 1) == 1)
		text[++n] = '\0';
}

void
serve(struct server *v, const char *dir, const char *cert, const char *key)
{
	char exe[PATH_BYTES + 32], text[256] = "";
	const char *port;
	ssize_t n;
	int fd[2], i;

	n = readlink("/proc/self/exe", exe, PATH_BYTES - 1);
	assert_true(n > 0);
	exe[n] = '\0';
	for (i = 0; i < 3; i++)		/* .../tests/bench/bench */
		*strrchr(exe, '/') = '\0';
	(void)strcat(exe, "/runxin");
	v->trust = NULL;
	assert_int_equal(pipe2(fd, O_CLOEXEC), 0);
	assert_true((v->pid = fork()) != -1);
	if (v->pid == 0) {
		(void)dup2(fd[1], STDOUT_FILENO);
		(void)execl(exe, "runxin", "-r", dir, "serve", "--listen",
		    "127.0.0.1:0", cert != NULL ? "--tls-cert" : NULL, cert,
		    "--tls-key", key, (char *)NULL);
		_exit(127);
	}
	(void)close(fd[1]);
	read_line(fd[0], text, sizeof(text));
	(void)close(fd[0]);
	assert_non_null(port = strstr(text, "127.0.0.1:"));
	v->port = (uint16_t)strtoul(port + 10, NULL, 10);
	assert_true(v->port != 0);
}

void
serve_end(struct server *v)
{
	int status;

	assert_int_equal(kill(v->pid, SIGTERM), 0);
	assert_int_equal(waitpid(v->pid, &status, 0), v->pid);
	assert_int_equal(status, 0);
}

void
show_memory(const struct server *v, const char *when)
{
	static const char *const keys[] = { "VmRSS:", "VmHWM:", "VmLck:" };
	double mib[3] = { 0, 0, 0 };
	char path[64], text[256];
	FILE *f;
	size_t k;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)v->pid);
	assert_non_null(f = fopen(path, "re"));
	while (fgets(text, sizeof(text), f) != NULL)
		for (k = 0; k < 3; k++)
			if (strncmp(text, keys[k], 6) == 0)
				mib[k] = strtod(text + 6, NULL) / 1024;
	(void)fclose(f);
	(void)printf("server, %-28s resident %6.1f MiB, highest %6.1f MiB, "
	    "locked %5.2f MiB\n", when, mib[0], mib[1], mib[2]);
}

/* ---- what was measured ---- */

bool
sample_good(const struct sample *s)
{

	switch (s->page) {
	case P_LOGIN:
	case P_LOGOUT:
	case P_DRAFT:
	case P_SAVE:
		return (s->status == 303);
	default:
		return (s->status == 200);
	}
}

int
sample_cmp(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	if (x->page != y->page)
		return (x->page < y->page ? -1 : 1);
	return ((x->ms > y->ms) - (x->ms < y->ms));
}
