/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "control/cli/cli_args.h"
#include "control/cli/cli_client.h"
#include "control/cli/cli_json.h"
#include "control/cli/cli_table.h"
#include "control/cli/cli_units.h"
#include "control/cli/cli_view.h"

static const char *const all_sections[] = {"ports", "workers", "connections", "attachments",
	"paths", "drops", "neighbours", "rings", "control", NULL};
static const char *const watched_sections[] = {
	"ports", "workers", "connections", "attachments", "paths", "drops", NULL};

/* What was added, as a rate. */
static void rate(struct cli_table *t, json_t *object, const char *path, double seconds)
{
	char text[CLI_UNITS_MAX];

	cli_table_cell(t, "%s", cli_units_rate((double)cli_json_u64(object, path) / seconds, text));
}

static void mbps(struct cli_table *t, json_t *object, const char *path, double seconds)
{
	char text[CLI_UNITS_MAX];

	cli_table_cell(t, "%s", cli_units_mbps((double)cli_json_u64(object, path) / seconds, text));
}

static void print_traffic(json_t *update, const char *section, const char *heading, double seconds)
{
	struct cli_table *t;
	char columns[128];
	json_t *object;
	size_t i;

	snprintf(
		columns, sizeof(columns), "%s|>RX pkt/s|>RX Mb/s|>TX pkt/s|>TX Mb/s|NEWS", heading);
	t = cli_table_create(columns);
	json_array_foreach(json_object_get(update, section), i, object)
	{
		json_t *live = json_object_get(object, "live"), *up = json_object_get(object, "up");

		cli_table_cell(t, "%s", cli_json_text(object, "name"));
		rate(t, object, "rx_packets", seconds);
		mbps(t, object, "rx_bytes", seconds);
		rate(t, object, "tx_packets", seconds);
		mbps(t, object, "tx_bytes", seconds);
		if (live != NULL)
			cli_table_cell(
				t, "%s", json_is_true(live) ? "now live" : "NOT USED ANY MORE");
		else if (up != NULL)
			cli_table_cell(t, "%s", json_is_true(up) ? "now up" : "NOW DOWN");
		cli_table_end_row(t);
	}
	if (cli_table_rows(t) != 0)
		putchar('\n');
	cli_table_print(t, stdout, NULL);
}

static void print_connections(json_t *update, double seconds)
{
	struct cli_table *t =
		cli_table_create("CONNECTION|>FROM CUSTOMER pkt/s|>FROM PATHS pkt/s|>TO "
				 "PATHS AND BACK pkt/s|>TO CUSTOMER AND ON "
				 "pkt/s|>DROPPED pkt/s");
	char text[CLI_UNITS_MAX];
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(update, "connections"), i, c)
	{
		double dropped = (double)(cli_json_u64(c, "attachment/dropped") +
					  cli_json_u64(c, "path/dropped"));

		cli_table_cell(t, "%s", cli_json_text(c, "name"));
		rate(t, c, "attachment/rx", seconds);
		rate(t, c, "path/rx", seconds);
		rate(t, c, "attachment/tx", seconds);
		rate(t, c, "path/tx", seconds);
		cli_table_cell(t, "%s", cli_units_rate(dropped / seconds, text));
	}
	if (cli_table_rows(t) != 0)
		putchar('\n');
	cli_table_print(t, stdout, NULL);
}

static void print_drops(json_t *update, double seconds)
{
	struct cli_table *t = cli_table_create(">DROPPED pkt/s|REASON|MEANING");
	json_t *row;
	size_t i;

	json_array_foreach(cli_json_at(update, "drops/total"), i, row)
	{
		rate(t, row, "packets", seconds);
		cli_table_cell(t, "%s", cli_json_text(row, "reason"));
		cli_table_cell(t, "%s", cli_json_text(row, "meaning"));
	}
	if (cli_table_rows(t) != 0)
		putchar('\n');
	cli_table_print(t, stdout, NULL);
}

static void print_workers(json_t *update, double seconds)
{
	struct cli_table *t = cli_table_create("WORKER|>pkt/s|>BUSY %|>ASLEEP %");
	char text[CLI_UNITS_MAX];
	json_t *w;
	size_t i;

	json_array_foreach(json_object_get(update, "workers"), i, w)
	{
		double busy = (double)cli_json_u64(w, "busy_ns") / seconds;
		double asleep = (double)cli_json_u64(w, "sleep_ns") / seconds;

		cli_table_cell(t, "%llu", (unsigned long long)cli_json_u64(w, "worker"));
		rate(t, w, "packets", seconds);
		cli_table_cell(t, "%s", cli_units_percent(busy, 1e9, text));
		cli_table_cell(t, "%s", cli_units_percent(asleep, 1e9, text));
	}
	putchar('\n');
	cli_table_print(t, stdout, NULL);
}

static void print_update(json_t *update)
{
	double seconds = (double)cli_json_u64(update, "elapsed_ns") / 1e9;
	time_t now = time(NULL);
	struct tm local;
	char clock[16];

	localtime_r(&now, &local);
	strftime(clock, sizeof(clock), "%H:%M:%S", &local);
	/* A terminal shows one screen, a file all of them. */
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	printf("%s  gateway %s, generation %llu, over %.1f s\n", clock,
		cli_json_text(update, "name"),
		(unsigned long long)cli_json_u64(update, "generation"), seconds);
	print_traffic(update, "ports", "PORT", seconds);
	print_traffic(update, "paths", "PATH", seconds);
	print_traffic(update, "attachments", "ATTACHMENT", seconds);
	print_connections(update, seconds);
	print_drops(update, seconds);
	print_workers(update, seconds);
	putchar('\n');
	fflush(stdout);
}

static json_t *list_of(const char *const *sections)
{
	json_t *list = json_array();

	for (; *sections != NULL; sections++)
		json_array_append_new(list, json_string(*sections));
	return list;
}

static void follow(const struct cli *cli, struct cli_client *client, double updates)
{
	json_t *update;

	for (double seen = 0; updates < 0 || seen < updates;) {
		bool full;

		update = cli_client_next(client);
		if (update == NULL)
			return;
		full = cli_json_true(update, "full");
		if (cli->json) {
			json_dumpf(update, stdout, JSON_COMPACT);
			putchar('\n');
			fflush(stdout);
		} else if (!full) {
			print_update(update);
		}
		seen += !full;
		json_decref(update);
	}
}

static int watch(const struct cli *cli)
{
	const char *seconds = cli_args_value(cli, "watch");
	struct cli_client *client;
	double interval = 1, updates;
	json_t *result;
	int rc;

	if (seconds != NULL && !cli_args_number(cli, "watch", 0.1, 1, &interval))
		return CLI_USAGE;
	if (!cli_args_number(cli, "count", 1, -1, &updates))
		return CLI_USAGE;
	rc = cli_client_open(cli, CLI_CLIENT_STATS, "stats.watch",
		json_pack("{s:o, s:I}", "sections",
			list_of(cli->json ? all_sections : watched_sections), "interval_ms",
			(json_int_t)(interval * 1000)),
		&client, &result);
	if (rc != CLI_OK)
		return rc;
	json_decref(result);
	follow(cli, client, updates);
	cli_client_close(client);
	if (updates >= 0)
		return CLI_OK;
	fputs("trunkline: the gateway has gone\n", stderr);
	return CLI_UNREACHABLE;
}

static int stats(struct cli *cli)
{
	static cli_view *const views[] = {cli_view_head, cli_view_ports, cli_view_workers,
		cli_view_rings, cli_view_paths, cli_view_attachments, cli_view_connections,
		cli_view_drops, cli_view_drop_places, NULL};
	int rc = cli_args_count(cli, 0, 0);

	if (rc != CLI_OK)
		return rc;
	if (cli_args_flag(cli, "watch"))
		return watch(cli);
	return cli_view_page(cli, all_sections, NULL, views);
}

static void print_info(json_t *info)
{
	char text[CLI_UNITS_MAX];
	struct cli_table *t;
	json_t *port;
	size_t i;

	printf("name          %s\nversion       %s\nprocess       %llu\n",
		cli_json_text(info, "name"), cli_json_text(info, "version"),
		(unsigned long long)cli_json_u64(info, "pid"));
	printf("up            %s\n",
		cli_units_time(cli_json_u64(info, "uptime_ms") * 1000000, text));
	printf("generation    %llu, live %llu\n",
		(unsigned long long)cli_json_u64(info, "generation"),
		(unsigned long long)cli_json_u64(info, "live_generation"));
	printf("workers       %llu\nhugepages     %s\n",
		(unsigned long long)cli_json_u64(info, "workers"),
		cli_json_true(info, "hugepages") ? "yes" : "no");
	printf("journal       %s\n\n", cli_json_text(info, "journal/directory"));
	t = cli_table_create("PORT|DEVICE|DRIVER|MAC|>MTU|>RX QUEUES|>TX QUEUES|DISTRIBUTE");
	json_array_foreach(json_object_get(info, "ports"), i, port)
	{
		cli_table_cell(t, "%s", cli_json_text(port, "name"));
		cli_table_cell(t, "%s", cli_json_text(port, "device"));
		cli_table_cell(t, "%s", cli_json_text(port, "driver"));
		cli_table_cell(t, "%s", cli_json_text(port, "mac"));
		cli_table_cell(t, "%llu", (unsigned long long)cli_json_u64(port, "mtu"));
		cli_table_cell(t, "%llu", (unsigned long long)cli_json_u64(port, "rx_queues"));
		cli_table_cell(t, "%llu", (unsigned long long)cli_json_u64(port, "tx_queues"));
		cli_table_cell(t, "%s", cli_json_text(port, "distribute"));
	}
	cli_table_print(t, stdout, "no ports");
}

static int info(struct cli *cli)
{
	json_t *result;
	int rc = cli_args_count(cli, 0, 0);

	if (rc == CLI_OK)
		rc = cli_client_call(cli, CLI_CLIENT_CONTROL, "system.info", NULL, &result);
	if (rc != CLI_OK)
		return rc;
	if (cli->json)
		cli_json_print(result);
	else
		print_info(result);
	json_decref(result);
	return CLI_OK;
}

static const struct cli_option stats_options[] = {
	{"watch", "[SECONDS]", "print what was added, every second or every SECONDS"},
	{"count", "NUMBER", "end after so many updates"},
	CLI_SAMPLE_OPTION,
	{NULL, NULL, NULL},
};

const struct cli_command cli_stats_commands[] = {
	{"stats", "[--watch [SECONDS]]", "all counters, or what is added to them",
		"With --watch --json each update is one line: the first tells whole values "
		"(\"full\": "
		"true), the\nothers what was added since.",
		stats_options, stats},
	{"info", "", "version, generation, ports and limits of the gateway", NULL, NULL, info},
	{NULL, NULL, NULL, NULL, NULL, NULL},
};
