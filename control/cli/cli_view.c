/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/cli/cli_json.h"
#include "control/cli/cli_table.h"
#include "control/cli/cli_units.h"

static void rate(struct cli_table *table, double per_second)
{
	char text[CLI_UNITS_MAX];

	cli_table_cell(table, "%s", cli_units_rate(per_second, text));
}

static void mbps(struct cli_table *table, double bytes_per_second)
{
	char text[CLI_UNITS_MAX];

	cli_table_cell(table, "%s", cli_units_mbps(bytes_per_second, text));
}

static void count(struct cli_table *table, uint64_t number)
{
	char text[CLI_UNITS_MAX];

	cli_table_cell(table, "%s", cli_units_count(number, text));
}

static void duration(struct cli_table *table, uint64_t ns)
{
	char text[CLI_UNITS_MAX];

	cli_table_cell(table, "%s", cli_units_time(ns, text));
}

/* Four columns: packets and bits a second, both ways. */
static void traffic(
	struct cli_table *table, const struct cli_sample *sample, const char *section, size_t index)
{
	rate(table, cli_sample_rate(sample, section, index, "rx_packets"));
	mbps(table, cli_sample_rate(sample, section, index, "rx_bytes"));
	rate(table, cli_sample_rate(sample, section, index, "tx_packets"));
	mbps(table, cli_sample_rate(sample, section, index, "tx_bytes"));
}

int cli_view_page(struct cli *cli, const char *const sections[], const char *connection,
	cli_view *const views[])
{
	struct cli_sample sample;
	int rc = cli_sample_take(cli, sections, connection, &sample);

	if (rc != CLI_OK)
		return rc;
	if (cli->json)
		cli_json_print(sample.now);
	for (unsigned i = 0; views[i] != NULL && !cli->json; i++) {
		if (i != 0)
			putchar('\n');
		views[i](&sample);
	}
	cli_sample_free(&sample);
	return CLI_OK;
}

void cli_view_head(const struct cli_sample *sample)
{
	json_t *now = sample->now;
	uint64_t accepted = cli_json_u64(now, "generation");
	uint64_t live = cli_json_u64(now, "live_generation");

	printf("gateway %s, trunkline %s, generation %llu", cli_json_text(now, "name"),
		cli_json_text(now, "version"), (unsigned long long)accepted);
	if (live < accepted)
		printf(" (live: %llu)", (unsigned long long)live);
	putchar('\n');
}

void cli_view_ports(const struct cli_sample *sample)
{
	struct cli_table *t =
		cli_table_create("PORT|DEVICE|LINK|>Mb/s|>RX pkt/s|>RX Mb/s|>TX pkt/s|>TX "
				 "Mb/s|>RX pkt|>TX pkt|>MISSED|>NO BUF|>ERRORS|>DROPPED");
	json_t *port;
	size_t i;

	json_array_foreach(json_object_get(sample->now, "ports"), i, port)
	{
		uint64_t speed = cli_json_u64(port, "speed_mbps");

		cli_table_cell(t, "%s", cli_json_text(port, "name"));
		cli_table_cell(t, "%s", cli_json_text(port, "device"));
		cli_table_cell(t, "%s", cli_json_true(port, "up") ? "up" : "DOWN");
		if (speed != 0)
			count(t, speed);
		else
			cli_table_cell(t, "-");
		traffic(t, sample, "ports", i);
		count(t, cli_json_u64(port, "rx_packets"));
		count(t, cli_json_u64(port, "tx_packets"));
		count(t, cli_json_u64(port, "missed"));
		count(t, cli_json_u64(port, "no_buffer"));
		count(t, cli_json_u64(port, "rx_errors") + cli_json_u64(port, "tx_errors"));
		count(t, cli_json_u64(port, "dropped"));
	}
	cli_table_print(t, stdout, "no ports");
}

/* What the steering program of an af_xdp port did with the frames. */
void cli_view_steering(const struct cli_sample *sample)
{
	struct cli_table *t = cli_table_create("PORT|STEERED|>FRAMES|>pkt/s");
	json_t *port, *frames;
	const char *verdict;
	size_t i;

	json_array_foreach(json_object_get(sample->now, "ports"), i, port)
	{
		json_object_foreach(json_object_get(port, "steering"), verdict, frames)
		{
			char path[96];

			snprintf(path, sizeof(path), "steering/%s", verdict);
			cli_table_cell(t, "%s", cli_json_text(port, "name"));
			cli_table_cell(t, "%s", verdict);
			count(t, (uint64_t)json_integer_value(frames));
			rate(t, cli_sample_rate(sample, "ports", i, path));
		}
	}
	if (cli_table_rows(t) != 0)
		putchar('\n');
	cli_table_print(t, stdout, NULL);
}

void cli_view_workers(const struct cli_sample *sample)
{
	struct cli_table *t = cli_table_create(
		"WORKER|>GENERATION|>pkt/s|>BUSY %|>ASLEEP %|>PACKETS|>SLEEPS|>GAP p99|>GAP "
		"p99.9|>LONGEST GAP");
	char text[CLI_UNITS_MAX];
	json_t *worker;
	size_t i;

	json_array_foreach(json_object_get(sample->now, "workers"), i, worker)
	{
		double busy = cli_sample_rate(sample, "workers", i, "busy_ns");
		double asleep = cli_sample_rate(sample, "workers", i, "sleep_ns");

		count(t, cli_json_u64(worker, "worker"));
		count(t, cli_json_u64(worker, "generation"));
		rate(t, cli_sample_rate(sample, "workers", i, "packets"));
		cli_table_cell(t, "%s", cli_units_percent(busy, 1e9, text));
		cli_table_cell(t, "%s", cli_units_percent(asleep, 1e9, text));
		count(t, cli_json_u64(worker, "packets"));
		count(t, cli_json_u64(worker, "sleeps"));
		duration(t, cli_json_u64(worker, "poll_gap_p99_ns"));
		duration(t, cli_json_u64(worker, "poll_gap_p999_ns"));
		duration(t, cli_json_u64(worker, "poll_gap_max_ns"));
	}
	cli_table_print(t, stdout, "no workers");
}

static uint64_t both(json_t *connection, const char *member)
{
	char a[64], b[64];

	snprintf(a, sizeof(a), "attachment/%s", member);
	snprintf(b, sizeof(b), "path/%s", member);
	return cli_json_u64(connection, a) + cli_json_u64(connection, b);
}

static double both_rate(const struct cli_sample *sample, size_t i, const char *member)
{
	char a[64], b[64];

	snprintf(a, sizeof(a), "attachment/%s", member);
	snprintf(b, sizeof(b), "path/%s", member);
	return cli_sample_rate(sample, "connections", i, a) +
	       cli_sample_rate(sample, "connections", i, b);
}

void cli_view_connections(const struct cli_sample *sample)
{
	struct cli_table *t = cli_table_create(
		"CONNECTION|>VNI|>LIMIT Mb/s|>FROM CUSTOMER pkt/s|>FROM PATHS pkt/s|>SENT "
		"pkt/s|>DROPPED|>DROPPED/s|>DROPPED %|>POLICED|>POLICED Mb/s|>MARKED|>HELD|"
		"CONSERVED");
	char text[CLI_UNITS_MAX];
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(sample->now, "connections"), i, c)
	{
		uint64_t dropped = both(c, "dropped");

		cli_table_cell(t, "%s", cli_json_text(c, "name"));
		cli_table_cell(t, "%llu", (unsigned long long)cli_json_u64(c, "vni"));
		if (cli_json_u64(c, "bandwidth_mbps") != 0)
			count(t, cli_json_u64(c, "bandwidth_mbps"));
		else
			cli_table_cell(t, "-");
		rate(t, cli_sample_rate(sample, "connections", i, "attachment/rx"));
		rate(t, cli_sample_rate(sample, "connections", i, "path/rx"));
		rate(t, both_rate(sample, i, "tx"));
		count(t, dropped);
		rate(t, both_rate(sample, i, "dropped"));
		cli_table_cell(
			t, "%s", cli_units_percent((double)dropped, (double)both(c, "rx"), text));
		count(t, cli_json_u64(c, "policing/policed_packets"));
		mbps(t, cli_sample_rate(sample, "connections", i, "policing/policed_bytes"));
		count(t, cli_json_u64(c, "policing/marked_packets"));
		count(t, both(c, "held"));
		cli_table_cell(t, "%s", cli_json_text(c, "conserved"));
	}
	cli_table_print(t, stdout, "no connections");
}

void cli_view_attachments(const struct cli_sample *sample)
{
	struct cli_table *t = cli_table_create("ATTACHMENT|CONNECTION|PORT|ADMIN|>RX pkt/s|>RX "
					       "Mb/s|>TX pkt/s|>TX Mb/s|>RX pkt|>TX pkt");
	json_t *a;
	size_t i;

	json_array_foreach(json_object_get(sample->now, "attachments"), i, a)
	{
		cli_table_cell(t, "%s", cli_json_text(a, "name"));
		cli_table_cell(t, "%s", cli_json_text(a, "connection"));
		cli_table_cell(t, "%s", cli_json_text(a, "port"));
		cli_table_cell(t, "%s", cli_json_true(a, "up") ? "up" : "down");
		traffic(t, sample, "attachments", i);
		count(t, cli_json_u64(a, "rx_packets"));
		count(t, cli_json_u64(a, "tx_packets"));
	}
	cli_table_print(t, stdout, "no attachments");
}

/* "-" where nothing is known of the path. */
static void measured(struct cli_table *t, json_t *counts, const char *key)
{
	if (counts == NULL)
		cli_table_cell(t, "-");
	else
		count(t, cli_json_u64(counts, key));
}

/* Of the last closed epoch, in microseconds. */
static void variation(struct cli_table *t, const json_t *counts, const char *key)
{
	json_t *delay = json_object_get(counts, "delay");

	if (cli_json_u64(delay, "packets") == 0)
		cli_table_cell(t, "-");
	else
		cli_table_cell(t, "%.1f", (double)cli_json_u64(delay, key) / 1e3);
}

void cli_view_paths(const struct cli_sample *sample)
{
	struct cli_table *t =
		cli_table_create("PATH|SITE|PORT|STATE|WHY NOT|>RX pkt/s|>RX Mb/s|>TX "
				 "pkt/s|>TX Mb/s|>RX pkt|>TX pkt|>LOST|>REORD|>PDV p50 us|>p99 us");
	json_t *p;
	size_t i;

	json_array_foreach(json_object_get(sample->now, "paths"), i, p)
	{
		char *why = cli_json_joined(p, "objections");

		cli_table_cell(t, "%s", cli_json_text(p, "name"));
		cli_table_cell(t, "%s", cli_json_text(p, "site"));
		cli_table_cell(t, "%s", cli_json_text(p, "port"));
		cli_table_cell(t, "%s", cli_json_true(p, "live") ? "live" : "NOT USED");
		cli_table_cell(t, "%s", why != NULL && *why != '\0' ? why : "-");
		free(why);
		traffic(t, sample, "paths", i);
		count(t, cli_json_u64(p, "rx_packets"));
		count(t, cli_json_u64(p, "tx_packets"));
		measured(t, json_object_get(p, "measured"), "lost");
		measured(t, json_object_get(p, "measured"), "reordered");
		variation(t, json_object_get(p, "measured"), "pdv_p50_ns");
		variation(t, json_object_get(p, "measured"), "pdv_p99_ns");
	}
	cli_table_print(t, stdout, "no paths");
}

/* Growth a second of a reason's sum; the lists of two readings differ in which reasons they hold.
 */
static double reason_rate(const struct cli_sample *sample, const char *reason, uint64_t now)
{
	uint64_t before = 0;
	json_t *row;
	size_t i;

	json_array_foreach(cli_json_at(sample->before, "drops/total"), i,
		row) if (strcmp(cli_json_text(row, "reason"), reason) == 0) before =
		cli_json_u64(row, "packets");
	return sample->seconds > 0 && now > before ? (double)(now - before) / sample->seconds : 0;
}

void cli_view_drops(const struct cli_sample *sample)
{
	struct cli_table *t = cli_table_create(">PACKETS|>pkt/s|REASON|MEANING");
	json_t *row;
	size_t i;

	json_array_foreach(cli_json_at(sample->now, "drops/total"), i, row)
	{
		uint64_t packets = cli_json_u64(row, "packets");

		count(t, packets);
		rate(t, reason_rate(sample, cli_json_text(row, "reason"), packets));
		cli_table_cell(t, "%s", cli_json_text(row, "reason"));
		cli_table_cell(t, "%s", cli_json_text(row, "meaning"));
	}
	cli_table_print(t, stdout, "nothing was dropped");
}

static void place(struct cli_table *t, json_t *row, const char *kind)
{
	json_t *worker = json_object_get(row, "worker");

	cli_table_cell(t, "%s %s", kind, cli_json_text(row, kind));
	cli_table_cell(t, "%s", cli_json_text(row, "side"));
	if (json_is_integer(worker))
		cli_table_cell(t, "%llu", (unsigned long long)json_integer_value(worker));
	else
		cli_table_cell(t, "%s", cli_json_text(row, "worker"));
	cli_table_cell(t, "%s", cli_json_text(row, "reason"));
	count(t, cli_json_u64(row, "packets"));
}

void cli_view_drop_places(const struct cli_sample *sample)
{
	struct cli_table *t = cli_table_create("WHERE|SIDE|WORKER|REASON|>PACKETS");
	json_t *row;
	size_t i;

	json_array_foreach(cli_json_at(sample->now, "drops/ports"), i, row) place(t, row, "port");
	json_array_foreach(cli_json_at(sample->now, "drops/connections"), i, row)
		place(t, row, "connection");
	/* Of one connection alone there is no sum that would have said so. */
	cli_table_print(t, stdout,
		cli_json_at(sample->now, "drops/total") == NULL ? "nothing was dropped" : NULL);
}

static void writer(struct cli_table *t, json_t *value)
{
	if (json_is_integer(value))
		cli_table_cell(t, "worker %llu", (unsigned long long)json_integer_value(value));
	else
		cli_table_cell(t, "%s", json_string_value(value));
}

void cli_view_rings(const struct cli_sample *sample)
{
	struct cli_table *t = cli_table_create("FROM|TO|>pkt/s|>SENT|>REFUSED|>IN IT NOW");
	json_t *ring;
	size_t i;

	json_array_foreach(json_object_get(sample->now, "rings"), i, ring)
	{
		writer(t, json_object_get(ring, "from"));
		writer(t, json_object_get(ring, "to"));
		rate(t, cli_sample_rate(sample, "rings", i, "sent"));
		count(t, cli_json_u64(ring, "sent"));
		count(t, cli_json_u64(ring, "full"));
		count(t, cli_json_u64(ring, "depth"));
	}
	cli_table_print(t, stdout, "no rings: there is one worker");
}

/* Who goes on with the packets of ports that distribute, and how evenly. */
void cli_view_spread(const struct cli_sample *sample, json_t *places)
{
	struct cli_table *t = cli_table_create(
		"WORKER|SERVICE|>SPREAD TO IT pkt/s|>SHARE %|>BUCKETS GIVEN AWAY|>QUEUES|>GIVEN "
		"UP|>HELD pkt|>LONGEST HOLD");
	size_t workers = json_array_size(json_object_get(sample->now, "workers")), i, active = 0;
	double sum = 0, most = 0;
	char text[CLI_UNITS_MAX];
	json_t *worker, *place;

	for (i = 0; i < workers; i++) {
		double load = cli_sample_rate(sample, "workers", i, "spread");

		sum += load;
		most = load > most ? load : most;
	}
	json_array_foreach(json_object_get(sample->now, "workers"), i, worker)
	{
		double load = cli_sample_rate(sample, "workers", i, "spread");

		place = json_array_get(json_object_get(places, "workers"), i);
		active += cli_json_true(place, "in_service");
		count(t, cli_json_u64(worker, "worker"));
		cli_table_cell(t, "%s", cli_json_true(place, "in_service") ? "in" : "out");
		rate(t, load);
		cli_table_cell(t, "%s", sum > 0 ? cli_units_percent(load, sum, text) : "-");
		count(t, cli_json_u64(worker, "moved_buckets"));
		count(t, cli_json_u64(worker, "moved_queues"));
		count(t, cli_json_u64(worker, "moves_given_up"));
		count(t, cli_json_u64(worker, "held_packets"));
		duration(t, cli_json_u64(worker, "hold_max_ns"));
	}
	cli_table_print(t, stdout, NULL);
	if (sum > 0)
		printf("skew %.2f: the busiest worker's packets over the mean\n",
			most * (double)active / sum);
}

static void neighbour_link(struct cli_table *t, json_t *n)
{
	static const char *const kinds[] = {"port", "attachment", "endpoint"};

	for (unsigned i = 0; i < 3; i++)
		if (json_object_get(n, kinds[i]) != NULL) {
			cli_table_cell(t, "%s %s", kinds[i], cli_json_text(n, kinds[i]));
			return;
		}
	cli_table_cell(t, "%s", "");
}

void cli_view_neighbours(const struct cli_sample *sample)
{
	struct cli_table *t =
		cli_table_create("LINK|ADDRESS|MAC|STATE|LEARNT|>HELD pkt|>CONFIRMED AGO");
	json_t *n;
	size_t i;

	json_array_foreach(cli_json_at(sample->now, "neighbours/entries"), i, n)
	{
		neighbour_link(t, n);
		cli_table_cell(t, "%s", cli_json_text(n, "address"));
		cli_table_cell(t, "%s", cli_json_text(n, "mac"));
		cli_table_cell(t, "%s", cli_json_text(n, "state"));
		cli_table_cell(
			t, "%s", cli_json_true(n, "gleaned") ? "from traffic" : "configured");
		count(t, cli_json_u64(n, "held"));
		if (json_object_get(n, "age_ms") != NULL)
			duration(t, cli_json_u64(n, "age_ms") * 1000000);
		else
			cli_table_cell(t, "never");
	}
	cli_table_print(t, stdout, "no neighbours");
}
