#ifndef RX_STATS_NOISE_H
#define RX_STATS_NOISE_H

/*
 * Exact random integers for differential privacy, by the algorithms of C.
 * Canonne, G. Kamath, T. Steinke, "The Discrete Gaussian for Differential
 * Privacy" (NeurIPS 2020): fair bits and integers only, so that what is drawn
 * has exactly the distribution that is stated.  How long a draw takes depends
 * on what is drawn.
 */

#include <stddef.h>
#include <stdint.h>

/* A source of fair bits, the lowest of each byte first. */
struct rx_noise {
	void (*fill)(void *cookie, void *p, size_t n);
	void *cookie;
	uint8_t pool[64];
	size_t used;		/* bits of the pool that are spent */
};

#define RX_NOISE_PARAMETER_MAX (UINT64_C(1) << 31)

/* Bits from ${fill}; NULL: from the system. */
void rx_noise_init(struct rx_noise *src, void (*fill)(void *, void *, size_t),
    void *cookie);
/* Forget the bits; what is left of them is not used again. */
void rx_noise_done(struct rx_noise *src);

/* Uniform on 0..n-1, n from 1 to 2^63. */
uint64_t rx_noise_below(struct rx_noise *src, uint64_t n);
/* True with probability exp(-p/q), q from 1 to RX_NOISE_PARAMETER_MAX. */
int rx_noise_exp(struct rx_noise *src, uint64_t p, uint64_t q);
/* x with probability proportional to exp(-|x| * s / t), that is, of scale t/s;
 * both from 1 to RX_NOISE_PARAMETER_MAX. */
int64_t rx_noise_laplace(struct rx_noise *src, uint64_t t, uint64_t s);

#endif
