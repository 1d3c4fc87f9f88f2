#include "web/web.h"

const struct rx_route rx_routes_supervisor[] = {
	{ NULL, NULL, 0, NULL }
};
