#include "web/web.h"

const struct rx_route rx_routes_admin[] = {
	{ NULL, NULL, 0, NULL }
};
