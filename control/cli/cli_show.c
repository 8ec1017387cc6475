/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_show.h"

#include <stdio.h>

#include "control/cli/cli_args.h"
#include "control/cli/cli_bfd.h"
#include "control/cli/cli_json.h"
#include "control/cli/cli_ring.h"
#include "control/cli/cli_view.h"

static const struct cli_option options[] = {CLI_SAMPLE_OPTION, {NULL, NULL, NULL}};

/* One section, optionally of one connection. */
static int show(struct cli *cli, const char *section, int arguments, cli_view *view)
{
	const char *const sections[] = {section, NULL};
	cli_view *const views[] = {view, NULL};
	int rc = cli_args_count(cli, 0, arguments);

	if (rc != CLI_OK)
		return rc;
	return cli_view_page(cli, sections, cli->argc > 0 ? cli->argv[0] : NULL, views);
}

static int overview(struct cli *cli)
{
	static const char *const sections[] = {
		"ports", "workers", "paths", "connections", "drops", NULL};
	static cli_view *const views[] = {cli_view_head, cli_view_ports, cli_view_workers,
		cli_view_paths, cli_view_connections, cli_view_drops, NULL};
	int rc = cli_args_count(cli, 0, 0);

	return rc != CLI_OK ? rc : cli_view_page(cli, sections, NULL, views);
}

static void ports_view(const struct cli_sample *sample)
{
	cli_view_ports(sample);
	cli_view_steering(sample);
}

static int ports(struct cli *cli)
{
	return show(cli, "ports", 0, ports_view);
}

static int workers(struct cli *cli)
{
	return show(cli, "workers", 0, cli_view_workers);
}

static int connections(struct cli *cli)
{
	return show(cli, "connections", 1, cli_view_connections);
}

static int attachments(struct cli *cli)
{
	return show(cli, "attachments", 1, cli_view_attachments);
}

static int paths(struct cli *cli)
{
	return show(cli, "paths", 0, cli_view_paths);
}

static int bfd(struct cli *cli)
{
	return show(cli, "paths", 0, cli_bfd_view);
}

static void drops_view(const struct cli_sample *sample)
{
	bool all = cli_json_at(sample->now, "drops/total") != NULL;

	if (all)
		cli_view_drops(sample);
	if (all && json_array_size(cli_json_at(sample->now, "drops/total")) != 0)
		putchar('\n');
	cli_view_drop_places(sample);
}

static int drops(struct cli *cli)
{
	return show(cli, "drops", 1, drops_view);
}

static int neighbours(struct cli *cli)
{
	return show(cli, "neighbours", 0, cli_view_neighbours);
}

#define COLUMNS \
	"Rates are measured over --interval; packets and bits are those of the customers' own IP " \
	"packets."

const struct cli_command cli_show_commands[] = {
	{"show", "[--interval SECONDS]", "the gateway at one glance",
		"Ports, workers, paths, connections and what was dropped, with rates.", options,
		overview},
	{"show ports", "", "frames, bits, losses and link of each port",
		"MISSED: the device had no room. NO BUF: the buffer pool was empty. DROPPED: no "
		"connection could be told (see \"show drops\").\nPorts on af_xdp also show what "
		"the "
		"steering program did with the frames.",
		options, ports},
	{"show workers", "", "load and idle time of each worker",
		"BUSY: share of time in polls that found packets. ASLEEP: share of time asleep. "
		"LONGEST "
		"GAP: longest time without a poll since the start.",
		options, workers},
	{"show connections", "[CONNECTION]",
		"packets of each connection, and whether all are accounted for",
		"CONSERVED: true where every packet that came in was sent, used, dropped for a "
		"named "
		"reason or is still waiting; torn while a worker was too busy to tell.",
		options, connections},
	{"show attachments", "[CONNECTION]", "traffic of each attachment", COLUMNS, options,
		attachments},
	{"show paths", "", "state and traffic of each path",
		"WHY NOT: port (its link is down), admin (taken down), neighbour (the next hop "
		"does not "
		"answer), bfd, degraded.",
		options, paths},
	{"show bfd", "", "failure detection of each path",
		"STATE and WHY: ours, and what changed it last; PEER SAYS: what its last packet "
		"said.\nEVERY: our packets, before jitter. DEAD AFTER: silence that takes the path "
		"down. SINCE: how long it has been in this state.",
		options, bfd},
	{"show drops", "[CONNECTION]", "what was dropped, why and where", NULL, options, drops},
	{"show rings", "", "packets handed from worker to worker, and who has which queues",
		"SKEW: packets of the busiest worker over the mean of those in service, of ports "
		"that "
		"distribute.",
		options, cli_ring_show},
	{"show neighbours", "", "resolved next hops and stations", NULL, options, neighbours},
	{NULL, NULL, NULL, NULL, NULL, NULL},
};
