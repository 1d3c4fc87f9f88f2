/*
 * Linked into the tests of VARIANT=coverage (make coverage): a process that ends
 * itself without running what stands at its end, as those that are interrupted
 * on purpose do, tells first which lines it has been through.
 */

#include <signal.h>
#include <unistd.h>

void __gcov_dump(void);
void __real__exit(int status) __attribute__((noreturn));
void __wrap__exit(int status) __attribute__((noreturn));
void __real_abort(void) __attribute__((noreturn));
void __wrap_abort(void) __attribute__((noreturn));
int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

void
__wrap__exit(int status)
{

	__gcov_dump();
	__real__exit(status);
}

void
__wrap_abort(void)
{

	__gcov_dump();
	__real_abort();
}

int
__wrap_kill(pid_t pid, int number)
{

	if (pid == getpid() && number == SIGKILL)
		__gcov_dump();
	return (__real_kill(pid, number));
}
