/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_flow.h"

#include <math.h>
#include <stdio.h>

#include "control/cli/cli_args.h"
#include "control/cli/cli_client.h"
#include "control/cli/cli_json.h"
#include "control/cli/cli_table.h"
#include "control/cli/cli_units.h"

static void station(struct cli_table *t, json_t *flow, const char *address, const char *port)
{
	if (json_object_get(flow, port) != NULL)
		cli_table_cell(t, "%s %llu", cli_json_text(flow, address),
			(unsigned long long)cli_json_u64(flow, port));
	else
		cli_table_cell(t, "%s", cli_json_text(flow, address));
}

static void view(json_t *result)
{
	struct cli_table *t =
		cli_table_create("CONNECTION|FROM|PROTOCOL|SOURCE|DESTINATION|>WORKER|>pkt/s|>Mb/"
				 "s|>SHARE %|>+- %");
	json_t *flow;
	size_t i;

	json_array_foreach(json_object_get(result, "flows"), i, flow)
	{
		json_t *worker = json_object_get(flow, "worker");
		double share = json_real_value(json_object_get(flow, "share"));
		double samples = (double)cli_json_u64(flow, "samples");

		cli_table_cell(t, "%s", cli_json_text(flow, "connection"));
		cli_table_cell(t, "%s", cli_json_text(flow, "side"));
		cli_table_cell(t, "%s", cli_json_text(flow, "protocol"));
		station(t, flow, "source", "source_port");
		station(t, flow, "destination", "destination_port");
		if (worker != NULL)
			cli_table_cell(t, "%lld", (long long)json_integer_value(worker));
		else
			cli_table_cell(t, "-");
		cli_table_cell(
			t, "%llu", (unsigned long long)cli_json_u64(flow, "packets_per_second"));
		cli_table_cell(t, "%.3f", (double)cli_json_u64(flow, "bits_per_second") / 1e6);
		cli_table_cell(t, "%.1f", share * 100);
		/* Two standard errors of the draw. */
		cli_table_cell(t, "%.0f", samples > 0 ? 200 / sqrt(samples) : 100.0);
	}
	cli_table_print(t, stdout, "no traffic, or too little to draw from");
}

static int flows(struct cli *cli)
{
	const char *order = cli_args_value(cli, "order");
	json_t *params = json_object(), *result;
	double count = 10;
	int rc = cli_args_count(cli, 0, 1);

	if (rc == CLI_OK && !cli_args_number(cli, "count", 1, 10, &count))
		rc = CLI_USAGE;
	if (rc != CLI_OK) {
		json_decref(params);
		return rc;
	}
	json_object_set_new(params, "count", json_integer((json_int_t)count));
	if (order != NULL)
		json_object_set_new(params, "order", json_string(order));
	if (cli->argc > 0)
		json_object_set_new(params, "connection", json_string(cli->argv[0]));
	rc = cli_client_call(cli, CLI_CLIENT_STATS, "flows.top", params, &result);
	if (rc != CLI_OK)
		return rc;
	if (cli->json)
		cli_json_print(result);
	else
		view(result);
	json_decref(result);
	return CLI_OK;
}

static const struct cli_option options[] = {
	{"count", "NUMBER", "how many (default 10, at most 64)"},
	{"order", "bits|packets", "what counts (default bits)"},
	{NULL, NULL, NULL},
};

const struct cli_command cli_flow_commands[] = {
	{"show flows", "[CONNECTION]", "the flows that carry most",
		"Estimates of the last second, from one packet in 128. +-: two standard errors of "
		"that "
		"draw.\nWORKER: who goes on with it, on ports that distribute. Mb/s are of the "
		"customers' IP packets.",
		options, flows},
	{NULL, NULL, NULL, NULL, NULL, NULL},
};
