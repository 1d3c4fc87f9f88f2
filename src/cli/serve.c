/* serve: not in this version. */

#include "cli/cli.h"

static rx_err
run(struct rx_cli *cli, struct rx_status *st)
{

	(void)cli;
	return (rx_fail(st, RX_EUSAGE, RX_MSG_CLI_SERVE_ABSENT));
}

const struct rx_cli_command rx_cli_serve = {
	{ "serve", NULL }, "--listen ADDR:PORT", RX_MSG_CLI_HELP_SERVE, run,
	0, 0, 0, { { "listen", RX_CLI_VALUE, 0 } }
};
