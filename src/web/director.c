#include "web/web.h"

const struct rx_route rx_routes_director[] = {
	{ NULL, NULL, 0, NULL }
};
