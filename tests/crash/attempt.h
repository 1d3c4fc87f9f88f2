#ifndef RX_TESTS_CRASH_ATTEMPT_H
#define RX_TESTS_CRASH_ATTEMPT_H

/* A deed, done in a process of its own on a machine that fails (fault.h). */

#include "tests/crash/fault.h"
#include "tests/fixture.h"

/* Of whatever was done last. */
extern struct rx_status st;

struct deed {
	const char *name, *user, *pass;
	rx_err (*act)(struct rx_session *);
	/* Steps of it that end before the last one: what may be seen that is
	 * neither the state before nor that after. */
	unsigned between;
	/* What doing it again may answer when it was partly done. */
	rx_err again;
	/* What was done before, to the register in ${dir}; NULL. */
	void (*before)(const char *dir);
	/* The work, ended from whatever state: all is as it should be. */
	void (*check)(const struct deed *d, const char *dir);
};
struct outcome {
	rx_err rc;
	enum rx_msg msg;
	unsigned calls;
	bool killed;
	long left;		/* blocks and guarded blocks that were not freed */
	char text[200], where[60];	/* what st says, and which function */
};

/* A passphrase for which no memory is needed any more, once it was asked for. */
const struct rx_secret *word(const char *text);
/* Sign in and out again; and do ${act} in between. */
rx_err sign_in(const char *dir, const char *user, const char *pass);
rx_err as(const char *dir, const char *user, const char *pass,
    rx_err (*act)(struct rx_session *));
/* A deed that is the sign-in itself. */
rx_err act_nothing(struct rx_session *s);

/* Do ${d} in another process, on a machine that fails at call ${at} (0: where the
 * calls are counted).  Memory, reads and answers fail from when he has signed in, unless
 * that is the deed. */
struct outcome attempt(const struct deed *d, const char *dir, enum fault how,
    unsigned at);
/* An error says what it is, and nothing stays behind. */
bool honest(enum fault how, const struct outcome *o);

/* What is in the folder ${dir} goes. */
void remove_all(const char *dir);
/* Do ${d} to the register ${start}, of which ${ready} makes a copy in ${dir} each
 * time, failing as ${how} says at every line that asks first in it: what it answers
 * is honest (or d->again), and the register is whole: with ${once}, of what is one
 * transaction, with an error every row is as it was before.  How many lines there
 * were; what was not as it should be is printed and counted in starve_wrong. */
size_t starve_deed(const struct deed *d, const char *start, const char *dir,
    void (*ready)(const char *start, rx_err (*act)(struct rx_session *)),
    enum fault how, bool once);
extern unsigned starve_wrong;

#endif
