/* A flaw in the server is used by somebody who runs his own code in it: what
 * the sandbox leaves him.  Every attack is also run outside the sandbox, where
 * it succeeds. */

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>


#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../helper.h"
#include "web/sandbox.h"

enum { NOT_SANDBOXED = 97, BLOCKED = 0, DONE = 1 };

struct place {
	char inside[300], outside[300];
};

/* Run ${attack} in a child: whether it got what it wanted. */
static int
run(int (*attack)(const struct place *), const struct place *p, bool sandboxed)
{
	const char *dirs[] = { p->inside, NULL };
	struct rx_status st = { 0 };
	int status;
	pid_t pid;

	assert_true((pid = fork()) != -1);
	if (pid == 0) {
		if (sandboxed && rx_sandbox_enter(dirs, 2, &st) != RX_OK)
			_exit(NOT_SANDBOXED);
		_exit(attack(p));
	}
	assert_true(waitpid(pid, &status, 0) == pid);
	assert_true(WIFEXITED(status));
	return (WEXITSTATUS(status));
}

static void
setup(struct place *p)
{
	const char *dir = test_dir();

	memset(p, 0, sizeof(*p));
	(void)snprintf(p->inside, sizeof(p->inside), "%s/register", dir);
	(void)snprintf(p->outside, sizeof(p->outside), "%s/elsewhere", dir);
	assert_int_equal(mkdir(p->inside, 0700), 0);
	assert_int_equal(mkdir(p->outside, 0700), 0);
}

static void
blocked_in_the_sandbox_only(int (*attack)(const struct place *))
{
	struct place p;

	setup(&p);
	assert_int_equal(run(attack, &p, false), DONE);
	assert_int_equal(run(attack, &p, true), BLOCKED);
}

static int
make_file(const char *dir)
{
	char path[400];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/f%d", dir, (int)getpid());
	if ((fd = open(path, O_CREAT | O_WRONLY, 0600)) == -1)
		return (BLOCKED);
	(void)close(fd);
	return (unlink(path) == 0 ? DONE : BLOCKED);
}

static int
write_outside(const struct place *p)
{

	return (make_file(p->outside));
}

static int
write_inside(const struct place *p)
{

	return (make_file(p->inside));
}

static int
read_outside(const struct place *p)
{

	(void)p;
	return (open("/proc/self/cmdline", O_RDONLY) != -1 ? DONE : BLOCKED);
}

static int
start_program(const struct place *p)
{
	static char program[] = "/bin/true";
	char *const argv[] = { program, NULL };
	pid_t pid;
	int status = -1;

	(void)p;
	if ((pid = vfork()) == -1)
		return (BLOCKED);
	if (pid == 0) {
		(void)execv(argv[0], argv);
		_exit(1);
	}
	if (waitpid(pid, &status, 0) != pid)
		return (BLOCKED);
	return (status == 0 ? DONE : BLOCKED);
}

/* Without a fork, in the place of the server itself. */
static int
become_program(const struct place *p)
{
	static char program[] = "/bin/sh", option[] = "-c", word[] = "exit 1";
	char *const argv[] = { program, option, word, NULL };

	(void)p;
	(void)execv(argv[0], argv);
	return (BLOCKED);
}

static int
open_socket(const struct place *p)
{

	(void)p;
	return (socket(AF_INET, SOCK_STREAM, 0) != -1 ? DONE : BLOCKED);
}

static int
trace_another(const struct place *p)
{

	(void)p;
	return (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? DONE : BLOCKED);
}

static int
run_written_memory(const struct place *p)
{
	void *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)p;
	if (m == MAP_FAILED)
		return (DONE);		/* not what is tested: seen as a failure */
	return (mprotect(m, 4096, PROT_READ | PROT_EXEC) == 0 ? DONE :
	    BLOCKED);
}

static void *
nothing(void *cookie)
{

	return (cookie);
}

static int
start_thread(const struct place *p)
{
	pthread_t t;

	(void)p;
	return (pthread_create(&t, NULL, nothing, NULL) == 0 &&
	    pthread_join(t, NULL) == 0 ? DONE : BLOCKED);
}

static void
test_sandboxed_server_writes_no_file_elsewhere(void **state)
{

	(void)state;
	if (!rx_sandbox_files())
		skip();
	blocked_in_the_sandbox_only(write_outside);
}

static void
test_sandboxed_server_reads_no_file_elsewhere(void **state)
{

	(void)state;
	if (!rx_sandbox_files())
		skip();
	blocked_in_the_sandbox_only(read_outside);
}

static void
test_sandboxed_server_starts_no_program(void **state)
{

	(void)state;
	blocked_in_the_sandbox_only(start_program);
	blocked_in_the_sandbox_only(become_program);
}

static void
test_sandboxed_server_opens_no_connection(void **state)
{

	(void)state;
	blocked_in_the_sandbox_only(open_socket);
}

static void
test_sandboxed_server_traces_nobody(void **state)
{

	(void)state;
	blocked_in_the_sandbox_only(trace_another);
}

static void
test_sandboxed_server_runs_no_memory_it_wrote(void **state)
{

	(void)state;
	blocked_in_the_sandbox_only(run_written_memory);
}

static void
test_sandboxed_server_still_works_in_its_folder(void **state)
{
	struct place p;

	(void)state;
	setup(&p);
	assert_int_equal(run(write_inside, &p, true), DONE);
	assert_int_equal(run(start_thread, &p, true), DONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sandboxed_server_writes_no_file_elsewhere),
		cmocka_unit_test(test_sandboxed_server_reads_no_file_elsewhere),
		cmocka_unit_test(test_sandboxed_server_starts_no_program),
		cmocka_unit_test(test_sandboxed_server_opens_no_connection),
		cmocka_unit_test(test_sandboxed_server_traces_nobody),
		cmocka_unit_test(test_sandboxed_server_runs_no_memory_it_wrote),
		cmocka_unit_test(test_sandboxed_server_still_works_in_its_folder)
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
