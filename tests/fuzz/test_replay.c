/* The fuzz targets without a fuzzer: every seed in tests/fuzz/seeds (findings
 * among them), then mutants of them, always the same, for a bounded time.
 * "test_replay DIR" only puts the seeds that are made here into DIR. */

#include <sys/stat.h>

#include <glob.h>
#include <stdio.h>
#include <string.h>

#include "../helper.h"
#include "base/date.h"
#include "store/store.h"
#include "targets.h"

#define MUTANTS 20000
#define SECONDS 3		/* for one target */
#define INPUT_MAX (1 << 20)

struct corpus {
	struct rx_buf input[512];
	size_t n;
};

static uint64_t state = 88172645463325252u;

/* xorshift64 (Marsaglia, 2003): the same every time. */
static uint64_t
draw(void)
{

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state);
}

/* ---- seeds ---- */

static void
add_seed(struct corpus *c, const void *p, size_t n)
{
	struct rx_status st = { 0 };

	assert_true(c->n < sizeof(c->input) / sizeof(*c->input));
	ok(rx_buf_add(&c->input[c->n], p, n, &st), &st);
	c->n++;
}

/* The two files of an empty register. */
static void
add_database(struct corpus *c)
{
	struct rx_buf content = RX_BUF_INIT, keys = RX_BUF_INIT;
	struct rx_buf input = RX_BUF_INIT;
	struct rx_status st = { 0 };
	struct rx_store *s;
	char dir[300];
	uint8_t pages[2];

	(void)snprintf(dir, sizeof(dir), "%s/register", test_dir());
	ok(rx_store_create(&s, dir, &st), &st);
	ok(rx_store_images(s, &content, &keys, &st), &st);
	rx_store_close(s);
	assert_int_equal(content.len % 4096, 0);
	pages[0] = (uint8_t)(content.len / 4096 >> 8);
	pages[1] = (uint8_t)(content.len / 4096);
	ok(rx_buf_add(&input, pages, sizeof(pages), &st), &st);
	ok(rx_buf_add(&input, content.b, content.len, &st), &st);
	ok(rx_buf_add(&input, keys.b, keys.len, &st), &st);
	add_seed(c, input.b, input.len);
	rx_buf_free(&input);
	rx_buf_free(&content);
	rx_buf_free(&keys);
}

static void
read_seeds(struct corpus *c, const struct target *t)
{
	struct rx_buf file = RX_BUF_INIT;
	struct rx_status st = { 0 };
	char pattern[300];
	glob_t found;
	size_t k;

	(void)snprintf(pattern, sizeof(pattern), "tests/fuzz/seeds/%s/*",
	    t->name);
	memset(c, 0, sizeof(*c));
	if (strcmp(t->name, "database") == 0)
		add_database(c);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (k = 0; k < found.gl_pathc; k++) {
			rx_buf_reset(&file);
			ok(rx_file_read(&file, found.gl_pathv[k], INPUT_MAX,
			    &st), &st);
			add_seed(c, file.b, file.len);
		}
		globfree(&found);
	}
	rx_buf_free(&file);
	assert_true(c->n > 0);
}

/* ---- mutants ---- */

/* One small change in the ${*n} bytes ${p}, at most ${cap}. */
static void
change(uint8_t *p, size_t *n, size_t cap, const struct corpus *c)
{
	const struct rx_buf *other = &c->input[draw() % c->n];
	size_t at = *n > 0 ? draw() % *n : 0, len;

	switch (draw() % 5) {
	case 0:		/* a bit */
		if (*n > 0)
			p[at] ^= (uint8_t)(1u << draw() % 8);
		break;
	case 1:		/* a byte */
		if (*n > 0)
			p[at] = (uint8_t)draw();
		break;
	case 2:		/* cut out */
		len = *n > at ? draw() % (*n - at + 1) : 0;
		len = len < 64 ? len : 64;
		memmove(p + at, p + at + len, *n - at - len);
		*n -= len;
		break;
	case 3:		/* doubled */
		len = *n > at ? draw() % (*n - at + 1) : 0;
		len = len < 64 ? len : 64;
		if (*n + len > cap)
			break;
		memmove(p + at + len, p + at, *n - at);
		*n += len;
		break;
	default:	/* a piece of another */
		len = other->len > 0 ? draw() % other->len : 0;
		if (len > *n - at)
			len = *n - at;
		if (len > 0)
			memcpy(p + at, other->b + (other->len - len), len);
	}
}

static void
run_mutants(const struct target *t, const struct corpus *c)
{
	static uint8_t buf[INPUT_MAX];
	const int64_t end = rx_time_now() + SECONDS * 1000;
	const struct rx_buf *seed;
	size_t k, n, changes;

	for (k = 0; k < MUTANTS && rx_time_now() < end; k++) {
		seed = &c->input[draw() % c->n];
		n = seed->len;
		if (n > 0)
			memcpy(buf, seed->b, n);
		for (changes = 1 + draw() % 6; changes > 0; changes--)
			change(buf, &n, sizeof(buf), c);
		t->run(buf, n);
	}
	print_message("%s: %zu seeds, %zu mutants\n", t->name, c->n, k);
}

static void
test_any_bytes_are_refused_or_read_whole(void **which)
{
	const struct target *t = *which;
	struct corpus c;
	size_t k;

	read_seeds(&c, t);
	targets_taken = 0;
	for (k = 0; k < c.n; k++)
		t->run(c.input[k].b, c.input[k].len);
	if (t->takes)	/* else nothing behind the door is ever reached */
		assert_true(targets_taken > 0);
	run_mutants(t, &c);
	for (k = 0; k < c.n; k++)
		rx_buf_free(&c.input[k]);
}

static int
write_seeds(const char *dir)
{
	struct corpus c = { .n = 0 };
	struct rx_status st = { 0 };
	char path[300];

	add_database(&c);
	(void)snprintf(path, sizeof(path), "%s/database", dir);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/database/empty", dir);
	return (rx_file_write(path, c.input[0].b, c.input[0].len, 0600, true,
	    &st) == RX_OK ? 0 : 1);
}

int
main(int argc, char **argv)
{
	struct CMUnitTest tests[32];
	size_t k;

	targets_init();
	if (argc == 2)
		return (write_seeds(argv[1]));
	memset(tests, 0, sizeof(tests));
	for (k = 0; k < ntargets; k++) {
		tests[k].name = targets[k].name;
		tests[k].test_func = test_any_bytes_are_refused_or_read_whole;
		tests[k].initial_state = (void *)(uintptr_t)&targets[k];
	}
	return (_cmocka_run_group_tests("fuzz", tests, ntargets, NULL, NULL));
}
