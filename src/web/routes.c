#include <pthread.h>
#include <string.h>

#include "web/web.h"

/* All routes in one list, made of the tables of the page files; which of them
 * a path means. */

#define ROUTES_MAX 256

static const struct rx_route *const tables[] = {
	rx_routes_account, rx_routes_director, rx_routes_supervisor,
	rx_routes_statistician, rx_routes_admin, rx_routes_bundles,
	rx_routes_keys, rx_routes_moved
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

/* Does ${path} fit ${pattern}?  Each * stands for one part of the path. */
static bool
path_fits(const char *pattern, const char *path, struct rx_args *args)
{
	size_t n, k = 0;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern != '*') {
			if (*path++ != *pattern)
				return (false);
			continue;
		}
		n = strcspn(path, "/");
		if (n == 0 || n >= sizeof(args->v[0]) || k == 2)
			return (false);
		memcpy(args->v[k], path, n);
		args->v[k++][n] = '\0';
		path += n;
	}
	return (*path == '\0');
}

const struct rx_route *
rx_route_find(const char *method, const char *path, struct rx_args *args)
{
	const struct rx_route *r;
	size_t i, n;

	r = rx_route_all(&n);
	for (i = 0; i < n; i++)
		if (strcmp(r[i].method, method) == 0 &&
		    path_fits(r[i].pattern, path, args))
			return (&r[i]);
	return (NULL);
}
