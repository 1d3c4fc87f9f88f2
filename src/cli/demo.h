#ifndef RX_CLI_DEMO_H
#define RX_CLI_DEMO_H

/*
 * The invented records of the demonstration register, the same for the same
 * seed, numbers and day.
 */

#include "base/buffer.h"

#define RX_DEMO_VILLAGES 4
#define RX_DEMO_UNIT "350102"
extern const char *const rx_demo_villages[RX_DEMO_VILLAGES];

struct rx_demo {
	uint64_t seed;
	unsigned children, observations;
	int32_t today;
};

/**
 * rx_demo_generate(demo, out, st):
 * Append import lines to ${out}: [0] to [RX_DEMO_VILLAGES - 1] for the
 * directors of the villages, the last one for the statistician of the county.
 */
rx_err rx_demo_generate(const struct rx_demo *demo,
    struct rx_buf out[RX_DEMO_VILLAGES + 1], struct rx_status *st)
    RX_MUST_USE;

#endif
