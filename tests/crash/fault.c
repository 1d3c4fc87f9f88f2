#include <sys/mman.h>
#include <sys/stat.h>

#include <argon2.h>
#include <dirent.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <search.h>
#include <signal.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/certificate.h"
#include "crypto/envelope.h"
#include "crypto/grant.h"
#include "crypto/recovery.h"
#include "store/store.h"
#include "tests/crash/fault.h"
#include "tests/quick.h"

const char *const fault_name[FAULTS] = {
	"nothing", "kill", "torn write", "power cut", "I/O error", "full disk",
	"read error", "no memory", "no answer"
};

static enum fault how;
static unsigned at, state;
static bool lasting, lying;
/* Threads of the program count here together. */
static atomic_bool armed;
static atomic_uint disk, reads, memory, answers;
static struct { atomic_long sqlite, blocks, guarded; } held;

/* The linker's names; no header has them. */
#define REAL_(type, name, params) \
	type __real_##name params; type __wrap_##name params;
REAL_(void *, malloc, (size_t))
REAL_(void *, calloc, (size_t, size_t))
REAL_(void *, realloc, (void *, size_t))
REAL_(void *, reallocarray, (void *, size_t, size_t))
REAL_(void, free, (void *))
REAL_(char *, strdup, (const char *))
REAL_(char *, strndup, (const char *, size_t))
REAL_(void *, sodium_malloc, (size_t))
REAL_(void, sodium_free, (void *))
REAL_(int, sodium_mlock, (void *, size_t))
REAL_(int, argon2id_hash_raw, (uint32_t, uint32_t, uint32_t, const void *,
    size_t, const void *, size_t, void *, size_t))
REAL_(ssize_t, write, (int, const void *, size_t))
REAL_(ssize_t, pread, (int, void *, size_t, off_t))
REAL_(int, fsync, (int))
REAL_(int, mkostemp, (char *, int))
REAL_(int, rename, (const char *, const char *))
REAL_(int, renameat2, (int, const char *, int, const char *, unsigned))
REAL_(int, link, (const char *, const char *))
REAL_(int, unlink, (const char *))
REAL_(int, mkdir, (const char *, mode_t))
REAL_(int, rmdir, (const char *))
typedef int comparison(const void *, const void *);
REAL_(void *, tsearch, (const void *, void **, comparison *))
typedef void *thread_main(void *);
REAL_(int, pthread_create, (pthread_t *, const pthread_attr_t *,
    thread_main *, void *))
typedef struct dirent **names_out;
typedef int names_filter(const struct dirent *);
typedef int names_order(const struct dirent **, const struct dirent **);
REAL_(int, scandir, (const char *, names_out *, names_filter *,
    names_order *))
int __wrap_asprintf(char **out, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
int __wrap___asprintf_chk(char **out, int flag, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* xorshift: the same seed, the same losses. */
static unsigned
chance(unsigned of)
{

	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return (state % of);
}

/* ---- what lasts ---- */

#define FILES_MAX 64

struct op {		/* a write since the last sync; or a new length */
	struct op *next;
	int64_t off;
	size_t n;
	bool cut;
	uint8_t b[];
};

struct file {		/* of a database: journals too */
	char path[PATH_MAX];
	bool named;	/* its name lasts */
	bool gone;	/* deleted, which does not last yet */
	uint8_t *b;	/* what lasts of its bytes */
	size_t n;
	struct op *op, **end;
};
static struct file *files[FILES_MAX];

/* Names that were made or changed, until their folder is synced. */
enum deed { MADE, MADE_DIR, RENAMED };
static struct name {
	enum deed deed;
	char path[PATH_MAX], old[PATH_MAX];
} *names[FILES_MAX];
static struct plain {	/* a file of ours that is written and not yet synced */
	char path[PATH_MAX];
	size_t lasts;
} *plains[FILES_MAX];

static void *
need(size_t n)
{
	void *p = __real_calloc(1, n);

	if (p == NULL)
		_exit(97);
	return (p);
}

static void
resize(struct file *f, size_t n)
{
	uint8_t *b = need(n + 1);

	memcpy(b, f->b != NULL ? f->b : b, n < f->n ? n : f->n);
	__real_free(f->b);
	f->b = b;
	f->n = n;
}

static void
apply(struct file *f, const struct op *op, size_t from, size_t to)
{
	const size_t off = (size_t)op->off;

	if (op->cut) {
		resize(f, off);
		return;
	}
	if (off + to > f->n)
		resize(f, off + to);
	memcpy(f->b + off + from, op->b + from, to - from);
}

static void
file_forget_ops(struct file *f)
{
	struct op *op;

	while ((op = f->op) != NULL) {
		f->op = op->next;
		__real_free(op);
	}
	f->end = &f->op;
}

static void
file_add(struct file *f, int64_t off, const void *p, size_t n, bool cut)
{
	struct op *op = need(sizeof(*op) + n);

	op->off = off;
	op->n = n;
	op->cut = cut;
	if (n > 0)
		memcpy(op->b, p, n);
	*f->end = op;
	f->end = &op->next;
}

static void
file_sync(struct file *f)
{
	const struct op *op;

	if (lying)
		return;
	for (op = f->op; op != NULL; op = op->next)
		apply(f, op, 0, op->n);
	file_forget_ops(f);
	f->named = true;	/* SQLite syncs the folder of a new journal */
}

/* The bytes that are there now. */
static void
file_load(struct file *f)
{
	struct stat sb;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return;
	f->named = true;
	if (fstat(fd, &sb) == 0 && sb.st_size > 0) {
		resize(f, (size_t)sb.st_size);
		if (read(fd, f->b, f->n) != (ssize_t)f->n)
			_exit(96);
	}
	(void)close(fd);
}

static struct file *
file_of(const char *path, bool load)
{
	struct file *f;
	size_t i;

	for (i = 0; i < FILES_MAX && files[i] != NULL; i++)
		if (strcmp(files[i]->path, path) == 0)
			return (files[i]);
	if (i == FILES_MAX)
		_exit(95);
	f = files[i] = need(sizeof(*f));
	(void)snprintf(f->path, sizeof(f->path), "%s", path);
	f->end = &f->op;
	if (load)
		file_load(f);
	return (f);
}

static void
lose(struct file *f)
{
	const struct op *op;
	size_t from, to;
	int fd;

	if (!f->named && chance(2) == 0) {
		(void)__real_unlink(f->path);
		return;
	}
	if (f->gone && chance(2) == 0)
		return;
	if (f->op == NULL && !f->gone)
		return;
	for (op = f->op; op != NULL; op = op->next) {
		if (chance(2) == 0)
			continue;
		from = 0;
		to = op->n;
		if (!op->cut && op->n > 0 && chance(3) == 0) {
			from = chance(2) * chance((unsigned)op->n);
			to = from + chance((unsigned)(op->n - from) + 1);
		}
		apply(f, op, from, to);
	}
	if ((fd = open(f->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0600)) == -1)
		_exit(94);
	if (f->n > 0 && __real_write(fd, f->b, f->n) != (ssize_t)f->n)
		_exit(94);
	(void)close(fd);
}

static void
power_cut(void)
{
	size_t i;

	for (i = 0; i < FILES_MAX && files[i] != NULL; i++)
		lose(files[i]);
	for (i = 0; i < FILES_MAX; i++)
		if (plains[i] != NULL && truncate(plains[i]->path,
		    (off_t)chance((unsigned)plains[i]->lasts + 1)) != 0)
			_exit(94);
	for (i = FILES_MAX; i-- > 0;)	/* the last name first */
		if (names[i] != NULL && chance(2) == 0) {
			if (names[i]->deed == RENAMED)
				(void)__real_rename(names[i]->path,
				    names[i]->old);
			else if (names[i]->deed == MADE)
				(void)__real_unlink(names[i]->path);
			else	/* only when nothing in it lasts either */
				(void)__real_rmdir(names[i]->path);
		}
}

/* ---- where a call comes from ---- */

#define DEEP 96			/* frames of a stack */
#define SEEN 32768		/* a power of two; lines of the program, twice */
#define PLACES 8192

/* The program's own code; SQLite's and the C library's lie elsewhere. */
extern const char __executable_start[], etext[];

static struct places {
	atomic_flag busy;
	unsigned n, call[PLACES];
	uintptr_t seen[FAULTS][SEEN];
} *places;			/* shared with the processes that are made */

/* Where ${line} is among those seen, or would be. */
static uintptr_t *
seen_at(uintptr_t *seen, uintptr_t line)
{
	size_t i = (line * 2654435761u) % SEEN;

	while (seen[i] != 0 && seen[i] != line)
		i = (i + 1) % SEEN;
	return (&seen[i]);
}

/* Whether ${line} is new among those seen.  What went on without memory, or where
 * the disk does not read, need not be without an answer as well. */
static bool
seen_add(uintptr_t line)
{
	uintptr_t *mine = seen_at(places->seen[how], line);

	if (*mine != 0 || (how == FAULT_ANSWER &&
	    (*seen_at(places->seen[FAULT_MEMORY], line) != 0 ||
	    *seen_at(places->seen[FAULT_READ], line) != 0)))
		return (false);
	*mine = line;
	return (true);
}

/* Call ${n} comes: remember it if the stack stands in a line of the program where
 * that of no call before stood.  Failing there tries that line's way out. */
static void
place(unsigned n)
{
	void *stack[DEEP];
	const int deep = backtrace(stack, DEEP);
	bool new = false;
	int i;

	while (atomic_flag_test_and_set(&places->busy))
		;
	for (i = 0; i < deep; i++)
		if ((const char *)stack[i] > __executable_start &&
		    (const char *)stack[i] < etext &&
		    seen_add((uintptr_t)stack[i]))
			new = true;
	if (new && places->n < PLACES)
		places->call[places->n++] = n;
	atomic_flag_clear(&places->busy);
}

/* ---- the Nth call ---- */

static void
die(void)
{

	(void)kill(getpid(), SIGKILL);
	_exit(93);
}

static bool
due(unsigned n)
{

	if (at == 0)
		place(n);
	return (armed && at != 0 && (lasting ? n >= at : n == at));
}

/* A disk call that changes something: 0, or the errno that it ends with.
 * ${writes}: needs room.  The caller tears its write when *torn is set. */
static int
step(bool writes, bool *torn)
{
	unsigned n;

	if (torn != NULL)
		*torn = false;
	if (!armed)
		return (0);
	n = ++disk;
	switch (how) {
	case FAULT_KILL:
		if (due(n))
			die();
		return (0);
	case FAULT_TORN:
		if (!due(n))
			return (0);
		if (torn == NULL)
			die();
		else
			*torn = true;
		return (0);
	case FAULT_POWER:
		if (due(n)) {
			power_cut();
			die();
		}
		return (0);
	case FAULT_IO:
		return (due(n) ? EIO : 0);
	case FAULT_FULL:
		return (at != 0 && n >= at && writes ? ENOSPC : 0);
	default:
		return (0);
	}
}

static bool
no_memory(void)
{
	unsigned n;

	if (!armed)
		return (false);
	n = ++memory;
	return (how == FAULT_MEMORY && due(n));
}

/* ---- the file system under SQLite ---- */

struct shim {
	sqlite3_file base;
	struct file *f;
	sqlite3_file *real;
};
#define SHIM(f) ((struct shim *)(void *)(f))
#define REAL(f) (SHIM(f)->real)

#define PASS(name, params, args) \
	static int name params { return (REAL(f)->pMethods->name args); }
PASS(xFileSize, (sqlite3_file *f, sqlite3_int64 *n), (REAL(f), n))
PASS(xLock, (sqlite3_file *f, int l), (REAL(f), l))
PASS(xUnlock, (sqlite3_file *f, int l), (REAL(f), l))
PASS(xCheckReservedLock, (sqlite3_file *f, int *out), (REAL(f), out))
PASS(xFileControl, (sqlite3_file *f, int op, void *p), (REAL(f), op, p))
PASS(xSectorSize, (sqlite3_file *f), (REAL(f)))
PASS(xDeviceCharacteristics, (sqlite3_file *f), (REAL(f)))

static int
xClose(sqlite3_file *f)
{

	return (REAL(f)->pMethods->xClose(REAL(f)));
}

static int
xRead(sqlite3_file *f, void *p, int n, sqlite3_int64 off)
{
	unsigned k;

	if (armed && (k = ++reads) > 0 && how == FAULT_READ && due(k))
		return (SQLITE_IOERR_READ);
	return (REAL(f)->pMethods->xRead(REAL(f), p, n, off));
}

static int
xWrite(sqlite3_file *f, const void *p, int n, sqlite3_int64 off)
{
	bool torn;
	int e, rc;

	if ((e = step(true, &torn)) != 0)
		return (e == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE);
	if (torn) {
		(void)REAL(f)->pMethods->xWrite(REAL(f), p,
		    (int)chance((unsigned)n), off);
		die();
	}
	rc = REAL(f)->pMethods->xWrite(REAL(f), p, n, off);
	if (armed && rc == SQLITE_OK && SHIM(f)->f != NULL)
		file_add(SHIM(f)->f, off, p, (size_t)n, false);
	return (rc);
}

static int
xTruncate(sqlite3_file *f, sqlite3_int64 n)
{
	int rc;

	if (step(false, NULL) != 0)
		return (SQLITE_IOERR_TRUNCATE);
	rc = REAL(f)->pMethods->xTruncate(REAL(f), n);
	if (armed && rc == SQLITE_OK && SHIM(f)->f != NULL)
		file_add(SHIM(f)->f, n, NULL, 0, true);
	return (rc);
}

static int
xSync(sqlite3_file *f, int flags)
{
	int rc;

	if (step(false, NULL) != 0)
		return (SQLITE_IOERR_FSYNC);
	rc = REAL(f)->pMethods->xSync(REAL(f), flags);
	if (armed && rc == SQLITE_OK && SHIM(f)->f != NULL)
		file_sync(SHIM(f)->f);
	return (rc);
}

static const sqlite3_io_methods methods = {
	1, xClose, xRead, xWrite, xTruncate, xSync, xFileSize, xLock, xUnlock,
	xCheckReservedLock, xFileControl, xSectorSize, xDeviceCharacteristics,
	NULL, NULL, NULL, NULL, NULL, NULL
};
static sqlite3_vfs shim_vfs, *real_vfs;

static int
shim_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags,
    int *out)
{
	struct shim *s = SHIM(f);
	int e, rc;

	(void)v;
	s->base.pMethods = NULL;
	s->f = NULL;
	s->real = (sqlite3_file *)(void *)(s + 1);
	s->real->pMethods = NULL;
	if ((flags & SQLITE_OPEN_CREATE) != 0 && (e = step(true, NULL)) != 0)
		return (e == ENOSPC ? SQLITE_FULL : SQLITE_CANTOPEN);
	if (armed && name != NULL) {
		s->f = file_of(name, true);
		if (s->f->gone) {	/* a new file of an old name */
			s->f->gone = false;
			file_forget_ops(s->f);
			file_add(s->f, 0, NULL, 0, true);
		}
	}
	rc = real_vfs->xOpen(real_vfs, name, s->real, flags, out);
	s->base.pMethods = s->real->pMethods != NULL ? &methods : NULL;
	return (rc);
}

static int
shim_delete(sqlite3_vfs *v, const char *name, int sync)
{
	struct file *f;
	int rc;

	(void)v;
	if (step(false, NULL) != 0)
		return (SQLITE_IOERR_DELETE);
	f = armed ? file_of(name, true) : NULL;
	rc = real_vfs->xDelete(real_vfs, name, sync);
	if (f == NULL || rc != SQLITE_OK)
		return (rc);
	if (sync && !lying) {
		file_forget_ops(f);
		resize(f, 0);
		f->named = f->gone = false;
	} else
		f->gone = true;
	return (rc);
}

/* ---- memory ---- */

void *
__wrap_malloc(size_t n)
{
	void *p = no_memory() ? NULL : __real_malloc(n);

	held.blocks += p != NULL;
	return (p);
}

void *
__wrap_calloc(size_t n, size_t size)
{
	void *p = no_memory() ? NULL : __real_calloc(n, size);

	held.blocks += p != NULL;
	return (p);
}

void *
__wrap_realloc(void *old, size_t n)
{
	void *p = no_memory() ? NULL : __real_realloc(old, n);

	held.blocks += p != NULL && old == NULL;
	return (p);
}

void *
__wrap_reallocarray(void *old, size_t n, size_t size)
{
	void *p = no_memory() ? NULL : __real_reallocarray(old, n, size);

	held.blocks += p != NULL && old == NULL;
	return (p);
}

void
__wrap_free(void *p)
{

	held.blocks -= p != NULL;
	__real_free(p);
}

/* Of the C library's own; it frees them itself. */
void *
__wrap_tsearch(const void *key, void **root, comparison *compare)
{

	if (tfind(key, root, compare) == NULL && no_memory())
		return (NULL);
	return (__real_tsearch(key, root, compare));
}

/* Without a thread the work is done, by the one that asked. */
int
__wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    thread_main *start, void *cookie)
{

	return (no_memory() ? EAGAIN :
	    __real_pthread_create(thread, attr, start, cookie));
}

char *
__wrap_strdup(const char *s)
{
	char *p = no_memory() ? NULL : __real_strdup(s);

	held.blocks += p != NULL;
	return (p);
}

char *
__wrap_strndup(const char *s, size_t n)
{
	char *p = no_memory() ? NULL : __real_strndup(s, n);

	held.blocks += p != NULL;
	return (p);
}

__attribute__((format(printf, 2, 0))) static int
print(char **out, const char *fmt, va_list ap)
{
	int n = no_memory() ? -1 : vasprintf(out, fmt, ap);

	held.blocks += n >= 0;
	return (n);
}

int
__wrap_asprintf(char **out, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = print(out, fmt, ap);
	va_end(ap);
	return (n);
}

/* As the compiler calls it with _FORTIFY_SOURCE. */
int
__wrap___asprintf_chk(char **out, int flag, const char *fmt, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, fmt);
	n = print(out, fmt, ap);
	va_end(ap);
	return (n);
}

void *
__wrap_sodium_malloc(size_t n)
{
	void *p = no_memory() ? NULL : __real_sodium_malloc(n);

	held.guarded += p != NULL;
	return (p);
}

void
__wrap_sodium_free(void *p)
{

	held.guarded -= p != NULL;
	__real_sodium_free(p);
}

/* The C library takes what its caller frees: each name, and the list. */
int
__wrap_scandir(const char *dir, names_out *out, names_filter *filter,
    names_order *order)
{
	int n;

	if (no_memory()) {
		errno = ENOMEM;
		return (-1);
	}
	n = __real_scandir(dir, out, filter, order);
	held.blocks += n >= 0 ? n + (*out != NULL) : 0;
	return (n);
}

/* No more may be locked. */
int
__wrap_sodium_mlock(void *p, size_t n)
{

	return (no_memory() ? -1 : __real_sodium_mlock(p, n));
}

static const sqlite3_mem_methods *heap;
static sqlite3_mem_methods real_heap;

static void *
heap_malloc(int n)
{
	void *p = no_memory() ? NULL : real_heap.xMalloc(n);

	held.sqlite += p != NULL ? real_heap.xSize(p) : 0;
	return (p);
}

static void
heap_free(void *p)
{

	held.sqlite -= p != NULL ? real_heap.xSize(p) : 0;
	real_heap.xFree(p);
}

static void *
heap_realloc(void *old, int n)
{
	const long size = old != NULL ? real_heap.xSize(old) : 0;
	void *p = no_memory() ? NULL : real_heap.xRealloc(old, n);

	held.sqlite += p != NULL ? real_heap.xSize(p) - size : 0;
	return (p);
}

/* Argon2 takes 64 MiB, so it is a request for memory.  A thousand sign-ins would
 * take a thousand times as long. */
int
__wrap_argon2id_hash_raw(uint32_t passes, uint32_t kib, uint32_t lanes,
    const void *pass, size_t npass, const void *salt, size_t nsalt,
    void *out, size_t n)
{

	if (no_memory())
		return (ARGON2_MEMORY_ALLOCATION_ERROR);
	return (quick_hash(passes, kib, lanes, pass, npass, salt, nsalt, out,
	    n));
}

/* ---- what the program asks of its own store, memory and sealing ---- */

static bool
no_answer(void)
{
	unsigned n;

	if (!armed || how != FAULT_ANSWER)
		return (false);
	n = ++answers;
	return (due(n));
}

/* ${name} fails with ${code} and ${msg}, its output as ${none} leaves it. */
#define ANSWER(name, params, args, none, code, msg) \
	rx_err __real_##name params; \
	rx_err __wrap_##name params; \
	rx_err \
	__wrap_##name params \
	{ \
		if (!no_answer()) \
			return (__real_##name args); \
		none; \
		return (rx_fail_at(st, code, msg, #name)); \
	}
#define STORED(name, params, args, none) \
	ANSWER(name, params, args, none, RX_EIO, RX_MSG_STORE_IO)
#define ROOM(name, params, args, none) \
	ANSWER(name, params, args, none, RX_EINTERNAL, RX_MSG_NO_MEMORY)
#define NONE (void)0
typedef const struct rx_value *row_in;
STORED(rx_query_open, (struct rx_cursor **out, struct rx_store *s,
    enum rx_query q, row_in v, unsigned n, struct rx_status *st),
    (out, s, q, v, n, st), *out = NULL)
STORED(rx_query_next, (struct rx_cursor *c, bool *row, struct rx_status *st),
    (c, row, st), *row = false)
STORED(rx_store_begin, (struct rx_store *s, struct rx_status *st), (s, st),
    NONE)
STORED(rx_store_insert, (struct rx_store *s, enum rx_table t, row_in v,
    struct rx_status *st), (s, t, v, st), NONE)
STORED(rx_store_replace, (struct rx_store *s, enum rx_table t, row_in v,
    struct rx_status *st), (s, t, v, st), NONE)
STORED(rx_store_delete, (struct rx_store *s, enum rx_table t, row_in v,
    bool *gone, struct rx_status *st), (s, t, v, gone, st), NONE)
STORED(rx_store_compare, (struct rx_store *s, enum rx_table t, row_in v,
    enum rx_there *there, struct rx_buf *old, struct rx_status *st),
    (s, t, v, there, old, st), NONE)
ROOM(rx_buf_add, (struct rx_buf *b, const void *p, size_t n,
    struct rx_status *st), (b, p, n, st), NONE)
ROOM(rx_buf_extend, (struct rx_buf *b, size_t n, uint8_t **p,
    struct rx_status *st), (b, n, p, st), *p = NULL)
ROOM(rx_key_new, (struct rx_key **out, struct rx_keypool *pool,
    struct rx_status *st), (out, pool, st), *out = NULL)
ROOM(rx_secret_new, (struct rx_secret **out, size_t n, struct rx_status *st),
    (out, n, st), *out = NULL)
ROOM(rx_envelope_seal, (uint8_t *box, const struct rx_key *key,
    enum rx_env_type type, enum rx_compartment comp, uint32_t epoch,
    const struct rx_place *place, const void *p, size_t n,
    struct rx_status *st), (box, key, type, comp, epoch, place, p, n, st),
    NONE)
ROOM(rx_grant_make, (uint8_t *out, const struct rx_grant_context *ctx,
    const struct rx_key *const *keys, enum rx_grant_kind kind,
    const uint8_t *by, const struct rx_identity *id, const uint8_t *to,
    struct rx_status *st), (out, ctx, keys, kind, by, id, to, st), NONE)
ROOM(rx_pair_mac, (uint8_t *mac, const struct rx_identity *mine,
    const uint8_t *his, const char *label, const void *p, size_t n,
    struct rx_status *st), (mac, mine, his, label, p, n, st), NONE)
ROOM(rx_recovery_seal, (uint8_t *box, const struct rx_key *secret, unsigned a,
    unsigned b, const uint8_t *code, const uint8_t *other,
    const uint8_t *store, struct rx_status *st),
    (box, secret, a, b, code, other, store, st), NONE)

/* ---- files of our own ---- */

static bool
path_of(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	path[n > 0 ? n : 0] = '\0';
	return (path[0] == '/');
}

static void
name_add(enum deed deed, const char *path, const char *old)
{
	size_t i;

	if (!armed)
		return;
	for (i = 0; i < FILES_MAX && names[i] != NULL; i++)
		;
	if (i == FILES_MAX)
		_exit(91);
	names[i] = need(sizeof(*names[i]));
	names[i]->deed = deed;
	(void)snprintf(names[i]->path, PATH_MAX, "%s", path);
	(void)snprintf(names[i]->old, PATH_MAX, "%s", old);
}

/* The folder ${dir} was synced: the names in it last. */
static void
names_last(const char *dir)
{
	const size_t n = strlen(dir);
	char real[PATH_MAX];
	size_t i;

	for (i = 0; i < FILES_MAX; i++) {
		if (names[i] == NULL)
			continue;
		if (realpath(names[i]->path, real) == NULL ||
		    (strncmp(real, dir, n) == 0 && real[n] == '/' &&
		    strchr(real + n + 1, '/') == NULL)) {
			__real_free(names[i]);
			names[i] = NULL;
		}
	}
}

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	char path[PATH_MAX];
	bool torn;
	size_t i;
	int e;

	if (!armed || !path_of(fd, path))
		return (__real_write(fd, p, n));
	if ((e = step(true, &torn)) != 0) {
		errno = e;
		return (-1);
	}
	if (torn) {
		(void)__real_write(fd, p, chance((unsigned)n));
		die();
	}
	for (i = 0; i < FILES_MAX && plains[i] != NULL &&
	    strcmp(plains[i]->path, path) != 0; i++)
		;
	if (i < FILES_MAX && plains[i] == NULL) {
		plains[i] = need(sizeof(*plains[i]));
		(void)snprintf(plains[i]->path, PATH_MAX, "%s", path);
	}
	if (i < FILES_MAX)
		plains[i]->lasts += n;
	return (__real_write(fd, p, n));
}

int
__wrap_fsync(int fd)
{
	char path[PATH_MAX];
	struct stat sb;
	size_t i;

	if (!armed || !path_of(fd, path))
		return (__real_fsync(fd));
	if ((errno = step(false, NULL)) != 0)
		return (-1);
	if (lying)
		return (0);
	if (fstat(fd, &sb) == 0 && S_ISDIR(sb.st_mode))
		names_last(path);
	for (i = 0; i < FILES_MAX; i++)
		if (plains[i] != NULL && strcmp(plains[i]->path, path) == 0) {
			__real_free(plains[i]);
			plains[i] = NULL;
		}
	return (__real_fsync(fd));
}

#define STEP(writes) \
	if ((errno = step(writes, NULL)) != 0) \
		return (-1)

/* Reading a file that is imported. */
ssize_t
__wrap_pread(int fd, void *p, size_t n, off_t from)
{
	unsigned k;

	if (armed && (k = ++reads) > 0 && how == FAULT_READ && due(k)) {
		errno = EIO;
		return (-1);
	}
	return (__real_pread(fd, p, n, from));
}

int
__wrap_mkostemp(char *path, int flags)
{
	int fd;

	STEP(true);
	if ((fd = __real_mkostemp(path, flags)) != -1)
		name_add(MADE, path, "");
	return (fd);
}

int
__wrap_rename(const char *from, const char *to)
{

	STEP(false);
	if (__real_rename(from, to) != 0)
		return (-1);
	name_add(RENAMED, to, from);
	return (0);
}

int
__wrap_renameat2(int a, const char *from, int b, const char *to,
    unsigned flags)
{

	STEP(false);
	if (__real_renameat2(a, from, b, to, flags) != 0)
		return (-1);
	name_add(RENAMED, to, from);
	return (0);
}

int
__wrap_link(const char *from, const char *to)
{

	STEP(true);
	if (__real_link(from, to) != 0)
		return (-1);
	name_add(MADE, to, "");
	return (0);
}

int
__wrap_unlink(const char *path)
{

	STEP(false);
	return (__real_unlink(path));
}

int
__wrap_mkdir(const char *path, mode_t mode)
{

	STEP(true);
	if (__real_mkdir(path, mode) != 0)
		return (-1);
	name_add(MADE_DIR, path, "");
	return (0);
}

int
__wrap_rmdir(const char *path)
{

	STEP(false);
	return (__real_rmdir(path));
}

/* ---- for the tests ---- */

void
fault_init(void)
{
	static sqlite3_mem_methods m;

	/* The power cut is ours: a disk's own syncing would only take time. */
	if (getenv("TMPDIR") == NULL && access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 1);
	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_heap) != SQLITE_OK)
		_exit(90);
	m = real_heap;
	m.xMalloc = heap_malloc;
	m.xFree = heap_free;
	m.xRealloc = heap_realloc;
	heap = &m;
	/* Without lookaside every request can be seen. */
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, heap) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK ||
	    sqlite3_initialize() != SQLITE_OK)
		_exit(90);
	places = mmap(NULL, sizeof(*places), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (places == MAP_FAILED)
		_exit(90);
	real_vfs = sqlite3_vfs_find(NULL);
	shim_vfs = *real_vfs;
	shim_vfs.zName = "shim";
	shim_vfs.szOsFile = (int)sizeof(struct shim) + real_vfs->szOsFile;
	shim_vfs.xOpen = shim_open;
	shim_vfs.xDelete = shim_delete;
	shim_vfs.pNext = NULL;
	if (sqlite3_vfs_register(&shim_vfs, 1) != SQLITE_OK)
		_exit(90);
}

void
fault_arm(enum fault what, unsigned nth, unsigned seed)
{

	how = what;
	at = nth;
	lasting = seed % 2 == 1;
	state = seed * 2654435761u + 1;
	disk = reads = memory = answers = 0;
	if (at == 0)
		places->n = 0;
	armed = true;
}

void
fault_disarm(void)
{

	armed = false;
}

unsigned
fault_calls(enum fault what)
{

	return (what == FAULT_MEMORY ? memory : what == FAULT_READ ? reads :
	    what == FAULT_ANSWER ? answers : disk);
}

void
fault_sync_lies(bool lies)
{

	lying = lies;
}

void
fault_held(struct fault_held *h)
{

	h->sqlite = held.sqlite;
	h->blocks = held.blocks;
	h->guarded = held.guarded;
}

size_t
fault_places(const unsigned **calls)
{

	*calls = places->call;
	return (places->n);
}

bool
fault_tell(int fd, const void *p, size_t n)
{

	return (__real_write(fd, p, n) == (ssize_t)n);
}
