/* SPDX-License-Identifier: BSD-3-Clause */
/* The operator's command. */
#include <locale.h>
#include <signal.h>

#include "control/cli/cli_apply.h"
#include "control/cli/cli_args.h"
#include "control/cli/cli_flow.h"
#include "control/cli/cli_object.h"
#include "control/cli/cli_ring.h"
#include "control/cli/cli_route.h"
#include "control/cli/cli_show.h"
#include "control/cli/cli_stats.h"

static const struct cli_command *const tables[] = {cli_show_commands, cli_stats_commands,
	cli_apply_commands, cli_object_commands, cli_route_commands, cli_ring_commands,
	cli_flow_commands, NULL};

int main(int argc, char **argv)
{
	struct cli cli = {0};
	bool help;
	int rc;

	setlocale(LC_CTYPE, "");
	/* A gateway that hangs up is reported, not died of. */
	signal(SIGPIPE, SIG_IGN);
	rc = cli_args_parse(&cli, tables, argc, argv, &help);
	if (rc != CLI_OK && !help)
		return rc;
	if (help || cli.command == NULL) {
		cli_args_help(&cli, tables);
		return help ? CLI_OK : CLI_USAGE;
	}
	return cli.command->run(&cli);
}
