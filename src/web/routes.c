#include <pthread.h>

#include "web/web.h"

/* All routes in one list, made of the tables of the page files. */

#define ROUTES_MAX 128

static const struct rx_route *const tables[] = {
	rx_routes_account, rx_routes_director, rx_routes_supervisor,
	rx_routes_statistician, rx_routes_admin
};

static struct rx_route all[ROUTES_MAX];
static size_t count;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
collect(void)
{
	const struct rx_route *r;
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (r = tables[i]; r->method != NULL && count < ROUTES_MAX;
		    r++)
			all[count++] = *r;
}

const struct rx_route *
rx_route_all(size_t *n)
{

	(void)pthread_once(&once, collect);
	*n = count;
	return (all);
}
