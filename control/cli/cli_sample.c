/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_sample.h"

#include <string.h>
#include <time.h>

#include "control/cli/cli_args.h"
#include "control/cli/cli_client.h"
#include "control/cli/cli_json.h"

#define INTERVAL_SECONDS 0.5

static int read_once(
	const struct cli *cli, const char *const *sections, const char *connection, json_t **result)
{
	json_t *params = json_object(), *list = json_array();

	for (; *sections != NULL; sections++)
		json_array_append_new(list, json_string(*sections));
	json_object_set_new(params, "sections", list);
	if (connection != NULL)
		json_object_set_new(params, "connection", json_string(connection));
	return cli_client_call(cli, CLI_CLIENT_STATS, "stats.get", params, result);
}

static void wait_for(double seconds)
{
	struct timespec time = {.tv_sec = (time_t)seconds};

	time.tv_nsec = (long)((seconds - (double)time.tv_sec) * 1e9);
	nanosleep(&time, NULL);
}

int cli_sample_take(const struct cli *cli, const char *const *sections, const char *connection,
	struct cli_sample *sample)
{
	double interval;
	int rc;

	*sample = (struct cli_sample){0};
	if (!cli_args_number(cli, "interval", 0, INTERVAL_SECONDS, &interval))
		return CLI_USAGE;
	rc = read_once(cli, sections, connection, &sample->now);
	if (rc != CLI_OK || cli->json || interval <= 0)
		return rc;
	sample->before = sample->now;
	sample->now = NULL;
	wait_for(interval);
	rc = read_once(cli, sections, connection, &sample->now);
	if (rc == CLI_OK)
		sample->seconds = (double)(cli_json_u64(sample->now, "time_ns") -
					   cli_json_u64(sample->before, "time_ns")) /
				  1e9;
	else
		cli_sample_free(sample);
	return rc;
}

void cli_sample_free(struct cli_sample *sample)
{
	json_decref(sample->before);
	json_decref(sample->now);
	*sample = (struct cli_sample){0};
}

static json_t *find_named(json_t *list, const char *name)
{
	json_t *item;
	size_t i;

	json_array_foreach(
		list, i, item) if (strcmp(cli_json_text(item, "name"), name) == 0) return item;
	return NULL;
}

double cli_sample_rate(
	const struct cli_sample *sample, const char *section, size_t index, const char *path)
{
	json_t *list = json_object_get(sample->before, section);
	json_t *now = json_array_get(json_object_get(sample->now, section), index);
	json_t *before = json_array_get(list, index);
	const char *name = cli_json_text(now, "name");
	uint64_t from, to = cli_json_u64(now, path);

	if (strcmp(cli_json_text(before, "name"), name) != 0)
		before = find_named(list, name);
	from = cli_json_u64(before, path);
	if (before == NULL || sample->seconds <= 0 || to < from)
		return 0;
	return (double)(to - from) / sample->seconds;
}
