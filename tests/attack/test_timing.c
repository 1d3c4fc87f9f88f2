/* Timing attacks on what is compared with a secret.  A second run of this
 * program, under valgrind, marks the secrets as undefined: valgrind then reports
 * each branch and each address that depends on them.  The control compares in
 * the same places with memcmp, and must be reported. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <valgrind/memcheck.h>

#include "../helper.h"
#include "crypto/envelope.h"
#include "web/server.h"

#define REPORTED 99

static const char *self;
static bool weak;	/* compare as the control does */
static bool hide;	/* what is derived from now on is secret */

/* The linker leads every rx_equal here.  That two things differ is no secret:
 * the answer is defined again, how it was found is what valgrind watches. */
bool __real_rx_equal(const void *a, const void *b, size_t n);
bool __wrap_rx_equal(const void *a, const void *b, size_t n);
bool
__wrap_rx_equal(const void *a, const void *b, size_t n)
{
	int (*volatile compare)(const void *, const void *, size_t) = memcmp;
	bool same;

	same = weak ? compare(a, b, n) == 0 : __real_rx_equal(a, b, n);
	(void)VALGRIND_MAKE_MEM_DEFINED(&same, sizeof(same));
	return (same);
}

/* And every rx_hash: the 64 bytes of an envelope are a key and a commitment. */
void __real_rx_hash(uint8_t *out, size_t outlen, const uint8_t *key,
    const char *label, const void *p, size_t n);
void __wrap_rx_hash(uint8_t *out, size_t outlen, const uint8_t *key,
    const char *label, const void *p, size_t n);
void
__wrap_rx_hash(uint8_t *out, size_t outlen, const uint8_t *key,
    const char *label, const void *p, size_t n)
{

	__real_rx_hash(out, outlen, key, label, p, n);
	if (hide && outlen == 64)
		(void)VALGRIND_MAKE_MEM_UNDEFINED(out, outlen);
}

/* ---- what runs under valgrind; each true when it was refused ---- */

/* First and last byte wrong, and none. */
static bool
bytes(void)
{
	static const size_t wrong[] = { 0, 31 };
	uint8_t a[32] = { 1 }, b[32];
	bool refused_both = true;
	size_t i;

	for (i = 0; i < 2; i++) {
		memcpy(b, a, sizeof(b));
		b[wrong[i]] ^= 1;
		(void)VALGRIND_MAKE_MEM_UNDEFINED(b, sizeof(b));
		refused_both = !rx_equal(a, b, sizeof(a)) && refused_both;
	}
	(void)VALGRIND_MAKE_MEM_DEFINED(b, sizeof(b));
	memcpy(b, a, sizeof(b));
	(void)VALGRIND_MAKE_MEM_UNDEFINED(b, sizeof(b));
	return (rx_equal(a, b, sizeof(a)) && refused_both);
}

static bool
envelope(void)
{
	static const struct rx_key key = { { 7 } };
	const struct rx_place place = { .table = 4, .column = 1 };
	uint8_t box[RX_ENV_OVERHEAD + 64], p[64] = { 1 };
	struct rx_status st;
	rx_err rc;

	rx_status_clear(&st);
	if (rx_envelope_seal(box, &key, RX_ENV_FIELD, RX_COMP_CODED, 1, &place,
	    p, sizeof(p), &st) != RX_OK)
		return (false);
	box[56] ^= 1;
	hide = true;
	rc = rx_envelope_open(p, sizeof(p), box, sizeof(box), &key,
	    RX_ENV_FIELD, RX_COMP_CODED, 1, &place, &st);
	hide = false;
	return (rc == RX_ECORRUPT);
}

/* A cookie that is not one, against those of the open sessions. */
static bool
cookie(void)
{
	struct rx_web *w = calloc(1, sizeof(*w));
	char token[RX_TOKEN_HEX + 1];
	bool none;

	if (w == NULL)
		return (false);
	memset(token, 'a', RX_TOKEN_HEX);
	token[RX_TOKEN_HEX] = '\0';
	w->entry[3].s = (struct rx_session *)w;
	(void)VALGRIND_MAKE_MEM_UNDEFINED(w->entry[3].hash,
	    sizeof(w->entry[3].hash));
	none = rx_entry_find(w, token) == NULL;
	free(w);
	return (none);
}

static const struct {
	const char *name;
	bool (*run)(void);
} deeds[] = {
	{ "bytes", bytes }, { "envelope", envelope }, { "cookie", cookie }
};

#define DEEDS (sizeof(deeds) / sizeof(deeds[0]))

/* ---- what starts them ---- */

/* The exit of deed ${name} under valgrind: 0, or REPORTED. */
static int
watched(const char *name, bool control)
{
	int status;
	pid_t pid;

	if ((pid = fork()) == 0) {
		(void)execlp("valgrind", "valgrind", "-q",
		    "--error-exitcode=99", "--log-file=/dev/null", self, name,
		    control ? "weak" : "strong", (char *)NULL);
		_exit(98);
	}
	assert_true(pid > 0);
	while (waitpid(pid, &status, 0) < 0)
		assert_int_equal(errno, EINTR);
	assert_true(WIFEXITED(status));
	return (WEXITSTATUS(status));
}

static void
test_secret_is_compared_in_constant_time(void **state)
{
	size_t i;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip();
#endif
	for (i = 0; i < DEEDS; i++) {
		/* Control: compared with memcmp it is reported. */
		assert_int_equal(watched(deeds[i].name, true), REPORTED);
		assert_int_equal(watched(deeds[i].name, false), 0);
	}
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secret_is_compared_in_constant_time)
	};
	struct rx_status st;
	size_t i;

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	self = argv[0];
	if (argc != 3)
		return (cmocka_run_group_tests(tests, NULL, NULL));
	weak = strcmp(argv[2], "weak") == 0;
	for (i = 0; i < DEEDS; i++)
		if (strcmp(deeds[i].name, argv[1]) == 0)
			return (deeds[i].run() ? 0 : 1);
	return (2);
}
