#include "crypto/memory.h"
#include "stats/noise.h"

/*
 * Loops below end with probability one.  Where one could, in principle, count
 * beyond 32 bits (a chance below exp(-2^31)), it stops there, so that nothing
 * overflows: t * 2^32 and q * 2^32 are below 2^63.
 */
#define TIMES_MAX UINT32_MAX

static void
from_system(void *cookie, void *p, size_t n)
{

	(void)cookie;
	rx_random(p, n);
}

void
rx_noise_init(struct rx_noise *src, void (*fill)(void *, void *, size_t),
    void *cookie)
{

	src->fill = fill != NULL ? fill : from_system;
	src->cookie = cookie;
	src->used = 8 * sizeof(src->pool);
}

void
rx_noise_done(struct rx_noise *src)
{

	rx_wipe(src->pool, sizeof(src->pool));
	src->used = 8 * sizeof(src->pool);
}

static unsigned
bit(struct rx_noise *src)
{
	unsigned b;

	if (src->used == 8 * sizeof(src->pool)) {
		src->fill(src->cookie, src->pool, sizeof(src->pool));
		src->used = 0;
	}
	b = src->pool[src->used / 8] >> (src->used % 8) & 1;
	src->used++;
	return (b);
}

uint64_t
rx_noise_below(struct rx_noise *src, uint64_t n)
{
	uint64_t v, top;

	/* As many bits as n - 1 has, until they are below n. */
	do {
		v = 0;
		for (top = n - 1; top > 0; top >>= 1)
			v = v << 1 | bit(src);
	} while (v >= n);
	return (v);
}

/* True with probability exp(-p/q), p <= q: algorithm 1.  The first k at which
 * a coin of p/(q k) fails is odd with that probability. */
static int
exp_below_one(struct rx_noise *src, uint64_t p, uint64_t q)
{
	uint64_t k = 1;

	while (k < TIMES_MAX && rx_noise_below(src, q * k) < p)
		k++;
	return (k % 2 == 1);
}

int
rx_noise_exp(struct rx_noise *src, uint64_t p, uint64_t q)
{

	for (; p > q; p -= q) {
		if (!exp_below_one(src, 1, 1))
			return (0);
	}
	return (exp_below_one(src, p, q));
}

int64_t
rx_noise_laplace(struct rx_noise *src, uint64_t t, uint64_t s)
{
	uint64_t u, v, y;
	unsigned negative;

	/* Algorithm 2: u + t v is geometric with ratio exp(-1/t); its part of
	 * s is geometric with exp(-s/t); a sign makes it two-sided, and the
	 * second zero is thrown away. */
	for (;;) {
		u = rx_noise_below(src, t);
		if (!rx_noise_exp(src, u, t))
			continue;
		v = 0;
		while (v < TIMES_MAX && rx_noise_exp(src, 1, 1))
			v++;
		y = (u + t * v) / s;
		negative = bit(src);
		if (!negative || y != 0)
			break;
	}
	return (negative ? -(int64_t)y : (int64_t)y);
}
