#ifndef RX_WEB_UNITS_H
#define RX_WEB_UNITS_H

/* Units by what people type: a code, or part of a name. */

#include "web/web.h"

struct rx_unit_item {
	char code[RX_UNIT_BYTES];
	char above[RX_UNIT_BYTES];
	char name[128];
	enum rx_level level;
	unsigned below;		/* units right under it */
};

struct rx_unit_list {			/* in order of their codes */
	struct rx_unit_item *u;
	size_t n, cap;
	const char *within;
};

/* Read the units of the register that lie at or under ${within} (NULL: all), and
 * count what is right under each; the caller frees all->u, after a failure
 * too. */
rx_err rx_unit_list_read(struct rx_unit_list *all,
    const struct rx_request *q, const char *within, struct rx_status *st)
    RX_MUST_USE;
/* The unit ${code} of the list, or NULL. */
struct rx_unit_item *rx_unit_list_find(const struct rx_unit_list *all,
    const char code[RX_UNIT_BYTES]);
/* Whether its code begins with ${part}, or its name contains it. */
bool rx_unit_fits(const struct rx_unit_item *u, const char *part);
/* Append the unit to the list data[key]: code and name, with that of the unit
 * above in front of a village's. */
rx_err rx_put_unit(json_t *data, const char *key,
    const struct rx_unit_list *all, const struct rx_unit_item *u,
    struct rx_status *st) RX_MUST_USE;

/**
 * rx_unit_resolve(code, q, within, data, st):
 * What the fields "unit_pick" (a code) or "unit" (a code, "code name", or part
 * of a name) of the form mean, as a code in ${code}.  A name is looked for at
 * and under ${within} (NULL: everywhere).  RX_EUSAGE when no unit or more than
 * one fits; of those that do, up to 20 are put in data["candidates"] to choose
 * from.
 */
rx_err rx_unit_resolve(char code[32], const struct rx_request *q,
    const char *within, json_t *data, struct rx_status *st) RX_MUST_USE;
/* Answer with up to 20 units at or under ${within} that the field "q" fits, as
 * JSON, for search as one types. */
rx_err rx_unit_suggest(const struct rx_request *q, struct rx_reply *a,
    const char *within, struct rx_status *st) RX_MUST_USE;

#endif
