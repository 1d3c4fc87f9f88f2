#include <sys/prctl.h>
#include <sys/syscall.h>

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <unistd.h>

#include <linux/landlock.h>

#include "web/sandbox.h"

/* Of later versions than the headers of Debian 12 know: landlock(7). */
#define TRUNCATE (1ULL << 14)		/* version 3 */
#define NET_BIND_CONNECT 3ULL		/* version 4 */

#define READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE (READ | LANDLOCK_ACCESS_FS_WRITE_FILE | \
    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)
#define VERSION_1 (WRITE | LANDLOCK_ACCESS_FS_EXECUTE | \
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK | \
    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | \
    LANDLOCK_ACCESS_FS_MAKE_SYM)

static rx_err
failed(const char *what, struct rx_status *st)
{
	int e = errno;

	(void)rx_fail(st, RX_EINTERNAL, RX_MSG_INTERNAL);
	rx_status_arg(st, "what", "%s: errno %d", what, e);
	return (RX_EINTERNAL);
}

/* ---- files and connections: Landlock ---- */

/* Allow ${access} beneath ${path}; a path that is not there needs no rule. */
static rx_err
allow(int ruleset, const char *path, uint64_t access, struct rx_status *st)
{
	struct landlock_path_beneath_attr rule = { .allowed_access = access };
	long failure;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd == -1)
		return (errno == ENOENT ? RX_OK : failed(path, st));
	failure = syscall(SYS_landlock_add_rule, ruleset,
	    LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	(void)close(rule.parent_fd);
	return (failure != 0 ? failed("landlock_add_rule", st) : RX_OK);
}

static rx_err
allow_all(int ruleset, uint64_t handled, const char *const *dirs, size_t n,
    struct rx_status *st)
{
	static const char *const readable[] = {
		"/etc", "/usr/share/zoneinfo"
	};
	size_t k;
	rx_err rc = RX_OK;

	for (k = 0; k < sizeof(readable) / sizeof(*readable) && rc == RX_OK;
	    k++)
		rc = allow(ruleset, readable[k], READ, st);
	for (k = 0; k < n && rc == RX_OK; k++) {
		if (dirs[k] != NULL)
			rc = allow(ruleset, dirs[k],
			    (WRITE | TRUNCATE) & handled, st);
	}
	return (rc);
}

static long
landlock_version(void)
{

	return (syscall(SYS_landlock_create_ruleset, NULL, (size_t)0,
	    LANDLOCK_CREATE_RULESET_VERSION));
}

bool
rx_sandbox_files(void)
{

	return (landlock_version() >= 1);
}

static rx_err
restrict_files(const char *const *dirs, size_t n, struct rx_status *st)
{
	struct {
		uint64_t fs, net;
	} handled = { VERSION_1, 0 };
	const long version = landlock_version();
	int ruleset;
	rx_err rc;

	if (version < 1)
		return (RX_OK);
	if (version >= 2)
		handled.fs |= LANDLOCK_ACCESS_FS_REFER;
	if (version >= 3)
		handled.fs |= TRUNCATE;
	if (version >= 4)
		handled.net = NET_BIND_CONNECT;
	ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled,
	    version >= 4 ? sizeof(handled) : sizeof(handled.fs), 0);
	if (ruleset == -1)
		return (failed("landlock_create_ruleset", st));
	rc = allow_all(ruleset, handled.fs, dirs, n, st);
	if (rc == RX_OK && prctl(PR_SET_NO_NEW_PRIVS, 1L, 0L, 0L, 0L) != 0)
		rc = failed("PR_SET_NO_NEW_PRIVS", st);
	if (rc == RX_OK && syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
		rc = failed("landlock_restrict_self", st);
	(void)close(ruleset);
	return (rc);
}

/* ---- system calls: seccomp ---- */

/* What the C library, SQLite, libmicrohttpd, GnuTLS and libxlsxwriter ask for
 * once the server listens.  Nothing here starts a program, opens a new kind of
 * socket, or reaches into another process. */
static const int calls[] = {
	SCMP_SYS(accept4), SCMP_SYS(access), SCMP_SYS(brk), SCMP_SYS(chmod),
	SCMP_SYS(clock_getres), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(clone3), SCMP_SYS(close),
	SCMP_SYS(dup), SCMP_SYS(epoll_create1), SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_pwait), SCMP_SYS(epoll_wait), SCMP_SYS(eventfd2),
	SCMP_SYS(exit), SCMP_SYS(exit_group), SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2), SCMP_SYS(fchmod), SCMP_SYS(fchown),
	SCMP_SYS(fcntl), SCMP_SYS(fdatasync), SCMP_SYS(flock),
	SCMP_SYS(fstat), SCMP_SYS(fstatfs), SCMP_SYS(fsync),
	SCMP_SYS(ftruncate), SCMP_SYS(futex), SCMP_SYS(getcwd),
	SCMP_SYS(getdents64), SCMP_SYS(getegid), SCMP_SYS(geteuid),
	SCMP_SYS(getgid), SCMP_SYS(getpeername), SCMP_SYS(getpid),
	SCMP_SYS(getrandom), SCMP_SYS(getrlimit), SCMP_SYS(getrusage),
	SCMP_SYS(getsockname), SCMP_SYS(getsockopt), SCMP_SYS(gettid),
	SCMP_SYS(gettimeofday), SCMP_SYS(getuid), SCMP_SYS(link),
	SCMP_SYS(linkat), SCMP_SYS(lseek), SCMP_SYS(lstat), SCMP_SYS(madvise),
	SCMP_SYS(membarrier), SCMP_SYS(mkdir), SCMP_SYS(mkdirat),
	SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(mremap),
	SCMP_SYS(munlock), SCMP_SYS(munmap), SCMP_SYS(nanosleep),
	SCMP_SYS(newfstatat), SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(pipe2), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(pread64),
	SCMP_SYS(prlimit64), SCMP_SYS(pselect6), SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev), SCMP_SYS(pwritev2), SCMP_SYS(read),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(readv),
	SCMP_SYS(recvfrom), SCMP_SYS(recvmsg), SCMP_SYS(rename),
	SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(restart_syscall),
	SCMP_SYS(rmdir), SCMP_SYS(rseq), SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigtimedwait), SCMP_SYS(sched_getaffinity),
	SCMP_SYS(sched_yield), SCMP_SYS(select), SCMP_SYS(sendfile),
	SCMP_SYS(sendmsg), SCMP_SYS(sendto), SCMP_SYS(set_robust_list),
	SCMP_SYS(setpriority), SCMP_SYS(setsockopt), SCMP_SYS(shutdown), SCMP_SYS(sigaltstack),
	SCMP_SYS(stat), SCMP_SYS(statfs), SCMP_SYS(statx),
	SCMP_SYS(sysinfo), SCMP_SYS(tgkill), SCMP_SYS(time),
	SCMP_SYS(umask), SCMP_SYS(uname), SCMP_SYS(unlink),
	SCMP_SYS(unlinkat), SCMP_SYS(utimensat), SCMP_SYS(write),
	SCMP_SYS(writev)
};

/* Allowed with some arguments only. */
static int
add_conditions(scmp_filter_ctx filter)
{
	const unsigned executable = 0x4;	/* PROT_EXEC */
	const unsigned thread = 0x10000;	/* CLONE_THREAD */
	int rc;

	rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
	    SCMP_A2(SCMP_CMP_MASKED_EQ, executable, 0));
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW,
		    SCMP_SYS(mprotect), 1,
		    SCMP_A2(SCMP_CMP_MASKED_EQ, executable, 0));
	/* Threads, not processes.  The flags of clone3 lie in memory: it is
	 * said to be absent, and the C library falls back to clone. */
	if (rc == 0)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone),
		    1, SCMP_A0(SCMP_CMP_MASKED_EQ, thread, thread));
	return (rc);
}

static rx_err
restrict_calls(struct rx_status *st)
{
	scmp_filter_ctx filter;
	size_t k;
	int rc;

	if ((filter = seccomp_init(SCMP_ACT_ERRNO(EPERM))) == NULL)
		return (failed("seccomp_init", st));
	rc = add_conditions(filter);
	for (k = 0; k < sizeof(calls) / sizeof(*calls) && rc == 0; k++) {
		rc = seccomp_rule_add(filter, calls[k] == SCMP_SYS(clone3) ?
		    SCMP_ACT_ERRNO(ENOSYS) : SCMP_ACT_ALLOW, calls[k], 0);
	}
	if (rc == 0)
		rc = seccomp_load(filter);
	seccomp_release(filter);
	errno = -rc;
	return (rc != 0 ? failed("seccomp", st) : RX_OK);
}

rx_err
rx_sandbox_enter(const char *const *dirs, size_t n, struct rx_status *st)
{
	rx_err rc;

	if ((rc = restrict_files(dirs, n, st)) != RX_OK)
		return (rc);
	return (restrict_calls(st));
}
