/* The program: nothing but the command line. */

#include "cli/cli.h"

int
main(int argc, char **argv)
{

	return (rx_cli_main(argc, argv));
}
