#ifndef RX_TESTS_CRASH_FAULT_H
#define RX_TESTS_CRASH_FAULT_H

/*
 * A machine that fails where it is told to.  Under SQLite lies a file system of
 * ours; our own calls of malloc, write, rename and so on come here by the linker
 * (--wrap, see the Makefile).  Disk calls that change something, reads of the
 * database (and of a file that is imported), requests for memory, and
 * what is asked of the modules below the register are counted apart.
 *
 * What the machine remembers beside the files is what a power cut would leave:
 * a write lasts when its file was synced, a name when its folder was.
 */

#include <stdbool.h>
#include <stddef.h>

enum fault {
	FAULT_NONE,
	FAULT_KILL,	/* kill -9 instead of the Nth call */
	FAULT_TORN,	/* of the Nth call only a first part is written, then
			 * kill -9 */
	FAULT_POWER,	/* instead of the Nth call the power fails: of what was
			 * not synced any part is lost, as the seed says */
	FAULT_IO,	/* the Nth call is an I/O error */
	FAULT_FULL,	/* the disk is full from the Nth call */
	FAULT_READ,	/* the Nth read is an I/O error */
	FAULT_MEMORY,	/* the Nth request for memory fails */
	FAULT_ANSWER,	/* the Nth time that the program asks its own store, or
			 * for room, keys or a box, it is refused: where the
			 * machine cannot fail today as well */
	FAULTS
};
extern const char *const fault_name[FAULTS];

/* First of all, before SQLite is used or a folder is made: what is made from now
 * lies in memory, if there is such a folder and TMPDIR says nothing. */
void fault_init(void);
/* From now: ${how} at call ${at} (0: just count).  An odd ${seed} lets an error
 * last, an even one happens once; it chooses what a power cut loses. */
void fault_arm(enum fault how, unsigned at, unsigned seed);
void fault_disarm(void);
/* Calls of the kind that ${how} is about, since it was armed. */
unsigned fault_calls(enum fault how);
/* After one was counted (${at} 0), here or in a process that was made: the calls
 * that came from a line of the program from which none of that kind, in whatever
 * was counted before, had come, on any level of the stack. */
size_t fault_places(const unsigned **calls);
/* Control: a disk that says it has synced and has not. */
void fault_sync_lies(bool lies);
/* What is held now: SQLite's bytes, our blocks, guarded blocks. */
struct fault_held {
	long sqlite, blocks, guarded;
};
void fault_held(struct fault_held *h);
/* write(2) past all this, for the test's own pipe. */
bool fault_tell(int fd, const void *p, size_t n);

#endif
