#ifndef RX_FUZZ_TARGETS_H
#define RX_FUZZ_TARGETS_H

/* What is fuzzed: each takes any bytes and must neither crash nor break the
 * property it checks (it aborts then).  fuzz.c hands them to libFuzzer,
 * replay.c runs them for a bounded time without it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target {
	const char *name;	/* also the folder of its seeds */
	void (*run)(const uint8_t *p, size_t n);
	bool takes;		/* some of its seeds are taken */
};
/* How many inputs were taken, by the targets that count them. */
extern size_t targets_taken;
extern const struct target targets[];
extern const size_t ntargets;

/* Call once, first. */
void targets_init(void);

#endif
