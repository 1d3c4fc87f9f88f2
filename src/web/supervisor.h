#ifndef RX_WEB_SUPERVISOR_H
#define RX_WEB_SUPERVISOR_H

/* What the files of the supervisor's pages share. */

#include "web/web.h"

/* The pages of supervisor_flag.c and supervisor_coverage.c. */
rx_page rx_supervisor_flag, rx_supervisor_reveal, rx_supervisor_decide;
rx_page rx_supervisor_coverage, rx_supervisor_village;

/* A flag without what its case holds, for the queue and above its case: ids,
 * village, why it was raised, what was corrected, state, when an answer is due. */
rx_err rx_supervisor_put_flag(json_t *o, const struct rx_request *q,
    const struct rx_flag_row *f, struct rx_status *st) RX_MUST_USE;

/* supervisor_case.c: the child and its records, one call each in the order of
 * rx_child_show.  ${identity} shows the child's identity too. */
struct rx_supervisor_case {
	const struct rx_request *q;
	json_t *data;
	const struct rx_flag_row *flag;
	bool identity;
};
rx_err rx_supervisor_put_record(void *cookie, const struct rx_record *r,
    struct rx_status *st) RX_MUST_USE;

#endif
