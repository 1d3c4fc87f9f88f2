/* libFuzzer's side of targets.c: FUZZ_TARGET names which. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "targets.h"

static const struct target *chosen;

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	const char *name = getenv("FUZZ_TARGET");
	size_t k;

	(void)argc;
	(void)argv;
	for (k = 0; name != NULL && k < ntargets; k++) {
		if (strcmp(targets[k].name, name) == 0)
			chosen = &targets[k];
	}
	if (chosen == NULL) {
		fprintf(stderr, "FUZZ_TARGET must name a target\n");
		exit(2);
	}
	targets_init();
	return (0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{

	chosen->run(p, n);
	return (0);
}
