/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of metrics from meters and names made up here. With an argument ("openmetrics" or
 * "prometheus") nothing is tested: the text is printed, for a grammar to be held against it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/loop.h"
#include "control/metrics.h"
#include "tests/unit/fakemeters.h"
#include "tests/unit/fakeroster.h"

#define WORKERS 2

static struct meter *meter[WORKERS + 1];
static struct collect collect;
static struct loop_times turns;

static int set_up(void **state)
{
	(void)state;
	fakemeters_create(&collect, meter, WORKERS, FAKEROSTER_CONNECTIONS);
	for (unsigned w = 0; w < WORKERS; w++) {
		struct meter_side *side = &meter[w]->connection[2].side[METER_ATTACHMENT];

		*side = (struct meter_side){.rx = 10, .tx = 8};
		meter_drop(meter[w], 2, METER_ATTACHMENT, DROP_NO_ROUTE);
		meter_drop(meter[w], 2, METER_ATTACHMENT, DROP_TTL_EXPIRED);
		meter[w]->connection[2].note[METER_NOTE_ICMP_SENT] = 1;
		meter[w]->poll_gap[histogram_index(8191)] = 3;
		meter[w]->poll_gap[histogram_index(HISTOGRAM_LIMIT)] = 1;
		meter[w]->path[8].tx_bytes = 1234;
		meter_port_drop(meter[w], 1, DROP_NO_ROUTE);
	}
	/* Nobody has this id any more. */
	meter[0]->connection[95].side[METER_PATH].rx = 1;
	meter_drop(meter[0], 95, METER_PATH, DROP_NO_ROUTE);
	/* A packet that vanished. */
	meter[0]->connection[3].side[METER_PATH].rx = 1;
	turns = (struct loop_times){.turns = 3, .total_ns = 30000};
	turns.bucket[4] = 3;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fakemeters_destroy(&collect, meter, WORKERS);
	return 0;
}

static char *text_of(enum exposition_form form)
{
	struct metrics metrics;
	char *text;

	metrics_start(&metrics, &collect, &fakeroster, &turns, form);
	while (metrics_step(&metrics))
		;
	text = metrics_take(&metrics, NULL);
	metrics_free(&metrics);
	return text;
}

static void assert_has(const char *text, const char *line)
{
	if (strstr(text, line) == NULL)
		fail_msg("not there: %s", line);
}

static void counters_have_their_names_labels_and_sums(void **state)
{
	char *text = text_of(EXPOSITION_OPENMETRICS);

	(void)state;
	assert_has(text, "\ntrunkline_info{name=\"gw-a\",version=\"0.1.0\"} 1\n");
	assert_has(text, "\ntrunkline_generation 12\n");
	assert_has(text, "\ntrunkline_start_time_seconds 1700000000.123");
	assert_has(text, "\ntrunkline_connections 90\n");
	assert_has(text, "\ntrunkline_connection_receive_packets_total{connection=\"c1\","
			 "side=\"attachment\"} 0\n");
	assert_has(text, "\ntrunkline_path_transmit_bytes_total{path=\"b1\",site=\"gw-b\","
			 "port=\"bb1\"} 2468\n");
	assert_has(
		text, "\ntrunkline_path_objection{path=\"b1\",site=\"gw-b\",cause=\"admin\"} 1\n");
	assert_has(
		text, "\ntrunkline_path_objection{path=\"b1\",site=\"gw-b\",cause=\"port\"} 0\n");
	assert_has(text, "\ntrunkline_bfd_up{path=\"b1\",site=\"gw-b\",port=\"bb1\"} 1\n");
	assert_has(text, "\ntrunkline_bfd_detection_seconds{path=\"b1\",site=\"gw-b\","
			 "port=\"bb1\"} 0.03");
	assert_has(text, "\ntrunkline_bfd_downs_total{path=\"b1\",site=\"gw-b\",port=\"bb1\"} 1\n");
	assert_has(text, "\ntrunkline_port_missed_packets_total{port=\"cust\"} 5\n");
	assert_has(text, "\ntrunkline_neighbours{state=\"reachable\"} 70\n");
	assert_has(text, "\ntrunkline_control_turn_seconds_sum 0.000030000\n");
	assert_has(text,
		"\ntrunkline_worker_poll_gap_seconds_bucket{worker=\"0\",le=\"4.096e-06\"} 0\n");
	assert_has(text,
		"\ntrunkline_worker_poll_gap_seconds_bucket{worker=\"0\",le=\"8.192e-06\"} 3\n");
	assert_has(
		text, "\ntrunkline_worker_poll_gap_seconds_bucket{worker=\"1\",le=\"+Inf\"} 4\n");
	free(text);
}

static void rates_are_told_of_those_that_have_one(void **state)
{
	char *text;

	(void)state;
	for (unsigned w = 0; w < WORKERS; w++) {
		struct meter_connection *c = &meter[w]->connection[7];

		for (unsigned i = 0; i < 3; i++)
			meter_drop(meter[w], 7, METER_ATTACHMENT, DROP_POLICED);
		c->police = (struct meter_police){
			.policed_bytes = 3000, .marked_packets = 4, .marked_bytes = 400};
	}
	text = text_of(EXPOSITION_OPENMETRICS);
	assert_has(text, "\ntrunkline_connection_bandwidth_bytes_per_second{connection=\"c7\"} "
			 "12500000\n");
	assert_has(text, "\ntrunkline_connection_policed_packets_total{connection=\"c7\"} 6\n");
	assert_has(text, "\ntrunkline_connection_policed_bytes_total{connection=\"c7\"} 6000\n");
	assert_has(text, "\ntrunkline_connection_marked_packets_total{connection=\"c7\"} 8\n");
	assert_has(text, "\ntrunkline_connection_marked_bytes_total{connection=\"c7\"} 800\n");
	assert_has(text, "\ntrunkline_connection_policed_packets_total{connection=\"c5\"} 0\n");
	assert_null(strstr(text, "policed_packets_total{connection=\"c4\"}"));
	free(text);
	meter_drop(meter[0], 4, METER_ATTACHMENT, DROP_POLICED);
	text = text_of(EXPOSITION_OPENMETRICS);
	assert_has(text, "\ntrunkline_connection_policed_packets_total{connection=\"c4\"} 1\n");
	assert_null(strstr(text, "bandwidth_bytes_per_second{connection=\"c4\"}"));
	free(text);
}

static void names_are_escaped(void **state)
{
	char *text = text_of(EXPOSITION_OPENMETRICS);

	(void)state;
	assert_has(text, "\ntrunkline_connection_receive_packets_total{connection="
			 "\"odd \\\"2\\\" \\\\ \\n\",side=\"attachment\"} 20\n");
	free(text);
}

static void all_reasons_stand_in_the_sum_and_only_met_ones_elsewhere(void **state)
{
	char *text = text_of(EXPOSITION_OPENMETRICS);
	char line[128];

	(void)state;
	for (unsigned r = 0; r < DROP_COUNT; r++) {
		/* Two workers' connection 2, port 1, and what an id without an owner had. */
		unsigned count = r == DROP_NO_ROUTE ? 5 : r == DROP_TTL_EXPIRED ? 2 : 0;

		snprintf(line, sizeof(line), "\ntrunkline_drops_packets_total{reason=\"%s\"} %u\n",
			drop_name(r), count);
		assert_has(text, line);
	}
	assert_null(strstr(text, "side=\"path\",reason="));
	assert_null(strstr(text, "connection=\"c95\""));
	free(text);
}

static void conservation_is_told_where_it_is_known(void **state)
{
	char *text;

	(void)state;
	text = text_of(EXPOSITION_OPENMETRICS);
	assert_has(text, "\ntrunkline_connection_conserved{connection=\"c1\"} 1\n");
	assert_has(text, "\ntrunkline_connection_conserved{connection=\"c3\"} 0\n");
	free(text);
	meter_begin(meter[1]);
	text = text_of(EXPOSITION_OPENMETRICS);
	assert_null(strstr(text, "trunkline_connection_conserved{connection=\"c1\"}"));
	meter_end(meter[1]);
	free(text);
}

static void the_older_format_differs_where_it_must(void **state)
{
	char *text = text_of(EXPOSITION_PROMETHEUS);

	(void)state;
	assert_has(text, "# TYPE trunkline_drops_packets_total counter\n");
	assert_has(text, "# TYPE trunkline_info gauge\n");
	assert_null(strstr(text, "# UNIT"));
	assert_null(strstr(text, "# EOF"));
	free(text);
}

static void work_can_be_given_up_at_any_step(void **state)
{
	struct metrics metrics;

	(void)state;
	for (unsigned steps = 0; steps < 80; steps++) {
		metrics_start(&metrics, &collect, &fakeroster, NULL, EXPOSITION_OPENMETRICS);
		for (unsigned i = 0; i < steps; i++)
			metrics_step(&metrics);
		metrics_free(&metrics);
	}
}

static int print(const char *form)
{
	char *text;

	set_up(NULL);
	text = text_of(
		strcmp(form, "prometheus") == 0 ? EXPOSITION_PROMETHEUS : EXPOSITION_OPENMETRICS);
	tear_down(NULL);
	if (text == NULL)
		return 1;
	fputs(text, stdout);
	free(text);
	return 0;
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(counters_have_their_names_labels_and_sums),
		TEST(rates_are_told_of_those_that_have_one),
		TEST(names_are_escaped),
		TEST(all_reasons_stand_in_the_sum_and_only_met_ones_elsewhere),
		TEST(conservation_is_told_where_it_is_known),
		TEST(the_older_format_differs_where_it_must),
		TEST(work_can_be_given_up_at_any_step),
	};

	if (argc > 1)
		return print(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
