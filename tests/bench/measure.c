/* Time, memory, and the table. */

#include <sys/wait.h>

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

static double
seconds(clockid_t clock)
{
	struct timespec t;

	(void)clock_gettime(clock, &t);
	return ((double)t.tv_sec + (double)t.tv_nsec / 1e9);
}

double
now(void)
{

	return (seconds(CLOCK_MONOTONIC));
}

double
cpu(void)
{

	return (seconds(CLOCK_PROCESS_CPUTIME_ID));
}

static int
double_cmp(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return ((x > y) - (x < y));
}

double
median(const double *v, size_t n)
{
	double s[RUNS_MAX];

	memcpy(s, v, n * sizeof(*v));
	qsort(s, n, sizeof(*s), double_cmp);
	return (n % 2 == 1 ? s[n / 2] : (s[n / 2 - 1] + s[n / 2]) / 2);
}

void
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

void
put(const char *work, const char *ours, const char *base, const char *ratio,
    const char *spread)
{

	(void)printf("%-58s | %10s | %10s | %6s | %s\n", work, ours, base, ratio,
	    spread);
	(void)fflush(stdout);
}

void
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

void
peak_reset(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	assert_true(fd != -1 && write(fd, "5", 1) == 1);
	(void)close(fd);
}

double
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

struct result
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
