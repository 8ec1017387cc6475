/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_ring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli_args.h"
#include "control/cli/cli_client.h"
#include "control/cli/cli_json.h"
#include "control/cli/cli_table.h"
#include "control/cli/cli_view.h"

static bool number(const struct cli *cli, const char *word, json_t **value)
{
	char *end;
	long parsed = strtol(word, &end, 10);

	if (*word != '\0' && *end == '\0' && parsed >= 0) {
		*value = json_integer(parsed);
		return true;
	}
	cli_args_wrong(cli, "\"%s\" is no number", word);
	return false;
}

/* params is taken over. */
static int ask(const struct cli *cli, const char *method, json_t *params)
{
	json_t *result;
	int rc = cli_client_call(cli, CLI_CLIENT_CONTROL, method, params, &result);

	if (rc != CLI_OK)
		return rc;
	if (cli->json)
		cli_json_print(result);
	else
		printf("%llu buckets and %llu queues moved in %.3f ms\n",
			(unsigned long long)cli_json_u64(result, "buckets"),
			(unsigned long long)cli_json_u64(result, "queues"),
			(double)cli_json_u64(result, "took_us") / 1000);
	json_decref(result);
	return CLI_OK;
}

static int spread(struct cli *cli)
{
	json_t *weights, *value;
	int rc = cli_args_count(cli, 2, -1);

	if (rc != CLI_OK)
		return rc;
	weights = json_array();
	for (int i = 1; i < cli->argc; i++) {
		if (!number(cli, cli->argv[i], &value)) {
			json_decref(weights);
			return CLI_USAGE;
		}
		json_array_append_new(weights, value);
	}
	return ask(cli, "rings.spread",
		json_pack("{s:s, s:o}", "port", cli->argv[0], "weights", weights));
}

/* PORT COUNT FROM TO */
static int move(struct cli *cli)
{
	static const char *const names[] = {"buckets", "from", "to"};
	json_t *params, *value;
	int rc = cli_args_count(cli, 4, 4);

	if (rc != CLI_OK)
		return rc;
	params = json_pack("{s:s}", "port", cli->argv[0]);
	for (int i = 0; i < 3; i++) {
		if (!number(cli, cli->argv[i + 1], &value)) {
			json_decref(params);
			return CLI_USAGE;
		}
		json_object_set_new(params, names[i], value);
	}
	return ask(cli, "rings.move", params);
}

static int queue(struct cli *cli)
{
	json_t *queue_number, *worker;
	int rc = cli_args_count(cli, 4, 4);

	if (rc != CLI_OK)
		return rc;
	if (!number(cli, cli->argv[2], &queue_number))
		return CLI_USAGE;
	if (!number(cli, cli->argv[3], &worker)) {
		json_decref(queue_number);
		return CLI_USAGE;
	}
	return ask(cli, "queue.move",
		json_pack("{s:s, s:s, s:o, s:o}", "port", cli->argv[0], "direction", cli->argv[1],
			"queue", queue_number, "worker", worker));
}

static int set_service(struct cli *cli, bool in_service)
{
	json_t *worker;
	int rc = cli_args_count(cli, 1, 1);

	if (rc != CLI_OK)
		return rc;
	if (!number(cli, cli->argv[0], &worker))
		return CLI_USAGE;
	return ask(cli, "worker.set",
		json_pack("{s:o, s:b}", "worker", worker, "in_service", in_service));
}

static int worker_add(struct cli *cli)
{
	return set_service(cli, true);
}

static int worker_remove(struct cli *cli)
{
	return set_service(cli, false);
}

/* show rings */

static void numbers(struct cli_table *t, const json_t *list)
{
	char text[256] = "";
	const json_t *item;
	size_t i;

	json_array_foreach(list, i, item)
	{
		size_t used = strlen(text);

		snprintf(text + used, sizeof(text) - used, "%s%lld", i ? " " : "",
			(long long)json_integer_value(item));
	}
	cli_table_cell(t, "%s", *text ? text : "-");
}

static void view_places(json_t *places)
{
	struct cli_table *t = cli_table_create(
		"PORT|RECEIVE QUEUES POLLED BY|TRANSMIT QUEUES OWNED BY|BUCKETS OF EACH WORKER");
	json_t *port;
	size_t i;

	json_array_foreach(json_object_get(places, "ports"), i, port)
	{
		cli_table_cell(t, "%s", cli_json_text(port, "name"));
		numbers(t, json_object_get(port, "receive"));
		numbers(t, json_object_get(port, "transmit"));
		numbers(t, json_object_get(port, "buckets"));
	}
	cli_table_print(t, stdout, NULL);
	if (!cli_json_true(places, "settled"))
		printf("something moves: %llu packets held\n",
			(unsigned long long)cli_json_u64(places, "held"));
}

int cli_ring_show(struct cli *cli)
{
	static const char *const sections[] = {"rings", "workers", NULL};
	struct cli_sample sample;
	json_t *places = NULL;
	int rc = cli_args_count(cli, 0, 0);

	if (rc == CLI_OK)
		rc = cli_sample_take(cli, sections, NULL, &sample);
	if (rc != CLI_OK)
		return rc;
	rc = cli_client_call(cli, CLI_CLIENT_STATS, "rings.get", NULL, &places);
	if (rc == CLI_OK && cli->json) {
		json_object_set(sample.now, "places", places);
		cli_json_print(sample.now);
	} else if (rc == CLI_OK) {
		cli_view_rings(&sample);
		putchar('\n');
		cli_view_spread(&sample, places);
		putchar('\n');
		view_places(places);
	}
	json_decref(places);
	cli_sample_free(&sample);
	return rc;
}

#define LATER \
	"No packet is lost and no flow gets out of order. It lasts until the gateway is started " \
	"anew."

const struct cli_command cli_ring_commands[] = {
	{"rings spread", "PORT WEIGHT…", "share a port's flows out by weight",
		"One weight for each worker, 0 to 1000. Example, the first worker only receives: "
		"trunkline rings spread cust 0 1 1\n" LATER,
		NULL, spread},
	{"rings move", "PORT COUNT FROM TO", "give some flows of a worker to another",
		"COUNT buckets (of 512) of a port that worker FROM has go to worker TO.\n" LATER,
		NULL, move},
	{"queue move", "PORT receive|transmit QUEUE WORKER", "give a queue to another worker",
		LATER, NULL, queue},
	{"worker add", "WORKER", "put a worker back into service",
		"It gets its queues of the boot file back, and its share of the flows.\n" LATER,
		NULL, worker_add},
	{"worker remove", "WORKER", "take a worker out of service",
		"Its queues and flows go to others; then it sleeps.\n" LATER, NULL, worker_remove},
	{NULL, NULL, NULL, NULL, NULL, NULL},
};
