/*
 * web/server.c, in this process: when it ends nothing of who was signed in is
 * left.  What the program itself leaves is looked at in tests/e2e/test_web_http.py.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fixture.h"
#include "web/web.h"

#define CHUNK ((size_t)1 << 20)
#define MASK 0xa5
#define NEEDLE 32

static uint8_t *scan;		/* CHUNK bytes of their own, not scanned */
static uint8_t needle[NEEDLE];	/* masked, so that it is not found itself */

/* Ask the server, closing the connection; the answer lives until the next. */
static const char *
ask(uint16_t port, const char *request)
{
	static char answer[1 << 16];
	struct sockaddr_in sa = { .sin_family = AF_INET };
	size_t n = 0;
	ssize_t got;
	int fd;

	sa.sin_port = htons(port);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)(void *)&sa,
	    sizeof(sa)), 0);
	assert_int_equal(write(fd, request, strlen(request)),
	    strlen(request));
	while ((got = read(fd, answer + n, sizeof(answer) - 1 - n)) > 0)
		n += (size_t)got;
	answer[n] = '\0';
	(void)close(fd);
	return (answer);
}

/* Sign d1 in through the door. */
static void
sign_in(uint16_t port)
{
	static const char login[] = "user=d1&passphrase=d1-pass&csrf=";
	char request[1024], token[65], cookie[65];
	const char *a, *at;

	(void)snprintf(request, sizeof(request), "GET /login HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%u\r\nConnection: close\r\n\r\n",
	    (unsigned)port);
	a = ask(port, request);
	assert_non_null(at = strstr(a, "Set-Cookie: rx="));
	(void)snprintf(cookie, sizeof(cookie), "%.64s", at + 15);
	assert_non_null(at = strstr(a, "name=\"csrf\" value=\""));
	(void)snprintf(token, sizeof(token), "%.64s", at + 19);
	(void)snprintf(request, sizeof(request), "POST /login HTTP/1.1\r\n"
	    "Host: 127.0.0.1:%u\r\nConnection: close\r\nCookie: rx=%s\r\n"
	    "Content-Type: application/x-www-form-urlencoded\r\n"
	    "Content-Length: %zu\r\n\r\n%s%s", (unsigned)port, cookie,
	    strlen(login) + strlen(token), login, token);
	a = ask(port, request);
	assert_non_null(strstr(a, "HTTP/1.1 303 "));
}

/* How often the needle stands in the ${n} bytes of ${scan}. */
static unsigned
count(size_t n)
{
	unsigned found = 0;
	size_t i, k;

	for (i = 0; i + NEEDLE <= n; i++) {
		for (k = 0; k < NEEDLE &&
		    (scan[i + k] ^ MASK) == needle[k]; k++)
			continue;
		found += k == NEEDLE;
	}
	return (found);
}

/* How often it stands in the memory of this process. */
static unsigned
in_memory(void)
{
	unsigned long from, to;
	unsigned found = 0;
	char line[512];
	ssize_t got;
	FILE *maps;
	int mem;

	assert_non_null(maps = fopen("/proc/self/maps", "r"));
	assert_true((mem = open("/proc/self/mem", O_RDONLY)) >= 0);
	while (fgets(line, sizeof(line), maps) != NULL) {
		assert_int_equal(sscanf(line, "%lx-%lx", &from, &to), 2);
		if (from <= (unsigned long)scan && (unsigned long)scan < to)
			continue;
		for (; from < to; from += CHUNK - NEEDLE) {
			got = pread(mem, scan, to - from < CHUNK ? to - from :
			    CHUNK, (off_t)from);
			if (got > 0)
				found += count((size_t)got);
			if (got <= 0 || (size_t)got < CHUNK)
				break;
		}
	}
	explicit_bzero(scan, CHUNK);
	(void)fclose(maps);
	(void)close(mem);
	return (found);
}

/* The secret half of the key that d1 signs with. */
static void
remember(const char *dir)
{
	struct rx_session *s = fixture_open(dir, "d1");
	size_t i;

	for (i = 0; i < NEEDLE; i++)
		needle[i] = s->id->sign_secret[i] ^ MASK;
	rx_session_close(s);
}

static struct rx_web *
start(const char *dir)
{
	struct rx_web_options o = { .dir = dir, .address = "127.0.0.1",
	    .idle = 600, .lang = RX_LANG_ZH };
	struct rx_status st;
	struct rx_web *w;

	rx_status_clear(&st);
	ok(rx_web_start(&w, &o, &st), &st);
	return (w);
}

static void
test_ending_the_server_wipes_who_is_signed_in(void **state)
{
	const char *dir = fixture_copy();
	struct rx_web *w;

	(void)state;
#if defined(__SANITIZE_ADDRESS__)
	skip();		/* its shadow is terabytes, and freed memory is kept */
#endif
	remember(dir);
	assert_int_equal(in_memory(), 0);
	w = start(dir);
	sign_in(rx_web_port(w));
	/* The control: who is signed in is found. */
	assert_true(in_memory() >= 1);
	sign_in(rx_web_port(w));
	assert_true(in_memory() >= 2);
	rx_web_stop(w);
	assert_int_equal(in_memory(), 0);
}

static void
test_a_server_that_cannot_listen_leaves_nothing_running(void **state)
{
	struct rx_web_options o = { .address = "127.0.0.1", .idle = 600 };
	struct rx_web *w = start(fixture_dir()), *other;
	struct rx_status st;

	(void)state;
	o.dir = fixture_dir();
	o.port = rx_web_port(w);
	rx_status_clear(&st);
	refused(rx_web_start(&other, &o, &st), RX_EIO, &st);
	assert_null(other);
	o.address = "[::1";
	refused(rx_web_start(&other, &o, &st), RX_EUSAGE, &st);
	rx_web_stop(w);
	rx_web_stop(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_ending_the_server_wipes_who_is_signed_in),
		cmocka_unit_test(
		    test_a_server_that_cannot_listen_leaves_nothing_running),
	};
	struct rx_status st;

	rx_status_clear(&st);
	if (rx_crypto_init(&st) != RX_OK)
		return (1);
	rx_json_init();
	scan = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE |
	    MAP_ANONYMOUS, -1, 0);
	if (scan == MAP_FAILED)
		return (1);
	return (cmocka_run_group_tests_name("server", tests, fixture_setup,
	    NULL));
}
