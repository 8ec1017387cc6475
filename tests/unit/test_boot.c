/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/boot.h"
#include "control/eal.h"

#define PORT		"{\"name\":\"a\",\"device\":\"null:\"}"
#define FILE_WITH(more) "{\"name\":\"gw\",\"ports\":[" PORT "]," more "}"
#define PORT_WITH(more) \
	"{\"name\":\"gw\",\"ports\":[{\"name\":\"a\",\"device\":\"null:\"," more "}]}"

static struct boot boot;
static char error[BOOT_ERROR];

static int parse(const char *text)
{
	/* A copy of exactly this size: a read beyond it is found by the sanitizer. */
	size_t length = strlen(text);
	char *copy = malloc(length ? length : 1);
	int result;

	memcpy(copy, text, length);
	result = boot_parse(copy, length, &boot, error);
	free(copy);
	return result;
}

static void fills_in_defaults(void **state)
{
	(void)state;
	assert_int_equal(parse("{\"name\":\"gw\",\"ports\":[" PORT "]}"), 0);
	assert_string_equal(boot.run_dir, "/run/trunkline");
	assert_string_equal(boot.state_dir, "/var/lib/trunkline");
	assert_int_equal(boot.control.mode, 0660);
	assert_int_equal(boot.stats.mode, 0666);
	assert_int_equal(boot.ports, 1);
	assert_int_equal(boot.port[0].mtu, 1500);
	assert_int_equal(boot.port[0].rx_queues, 1);
	assert_false(boot.port[0].distribute);
	assert_int_equal(boot.workers.count, 1);
	assert_int_equal(boot.workers.cpu[0], -1);
	assert_int_equal(boot.workers.idle_sleep_us, 50);
	assert_int_equal(boot.memory.megabytes, 256);
	assert_int_equal(boot.memory.buffers, 16384);
	assert_int_equal(boot.memory.buffer_size, 2304);
	assert_int_equal(boot.limits.connections, 4096);
	assert_int_equal(boot.limits.routes, 2000000);
	assert_int_equal(boot.limits.neighbours_per_attachment, 256);
	assert_int_equal(boot_port(&boot, "a"), 0);
	assert_int_equal(boot_port(&boot, "b"), -1);
}

static void reads_every_field(void **state)
{
	(void)state;
	assert_int_equal(
		parse("{\"name\":\"gw-a\",\"run_dir\":\"/run/x\",\"state_dir\":\"/var/x\","
		      "\"sockets\":{\"control\":{\"mode\":\"0600\",\"group\":\"ops\"},"
		      "\"stats\":{\"mode\":\"0640\",\"group\":\"all\"}},"
		      "\"ports\":[{\"name\":\"bb1\",\"device\":\"af_packet:veth0\",\"rx_queues\":3,"
		      "\"tx_queues\":2,\"mtu\":9000,\"distribute\":\"rings\",\"rx_owner\":[1,0,1],"
		      "\"tx_owner\":[1,1]}],\"workers\":{\"count\":2,\"cpus\":[4,5],"
		      "\"idle\":\"busy\",\"idle_sleep_us\":7,\"ring_size\":256},"
		      "\"memory\":{\"hugepages\":\"off\",\"megabytes\":64,\"buffers\":4096,"
		      "\"buffer_size\":10240},\"limits\":{\"connections\":2,\"held_packets\":0}}"),
		0);
	assert_int_equal(boot.control.mode, 0600);
	assert_string_equal(boot.control.group, "ops");
	assert_int_equal(boot.stats.mode, 0640);
	assert_int_equal(boot.port[0].rx_owner[0], 1);
	assert_int_equal(boot.port[0].rx_owner[1], 0);
	assert_int_equal(boot.port[0].tx_owner[1], 1);
	assert_true(boot.port[0].distribute);
	assert_int_equal(boot.workers.cpu[1], 5);
	assert_int_equal(boot.workers.idle, PLANE_IDLE_BUSY);
	assert_int_equal(boot.workers.ring_size, 256);
	assert_int_equal(boot.memory.hugepages, BOOT_HUGEPAGES_OFF);
	assert_int_equal(boot.limits.connections, 2);
	assert_int_equal(boot.limits.held_packets, 0);
	assert_int_equal(boot.limits.sites, 64);
}

static void makes_room_for_large_frames(void **state)
{
	(void)state;
	assert_int_equal(parse(PORT_WITH("\"mtu\":9000")), 0);
	assert_true(boot.memory.buffer_size >= 9000 + 22 + 128);
}

static void spreads_queues_over_workers(void **state)
{
	(void)state;
	assert_int_equal(
		parse("{\"name\":\"gw\",\"workers\":{\"count\":2},\"ports\":[{\"name\":\"a\","
		      "\"device\":\"null:\",\"rx_queues\":4,\"tx_queues\":3}]}"),
		0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(boot.port[0].rx_owner[i], i % 2);
	assert_int_equal(boot.port[0].tx_owner[2], 0);
}

/* Each wrong file, and what the sentence must begin with and contain. */
static const struct {
	const char *text, *where, *why;
} wrong[] = {
	{"", "line 1", ""},
	{"[]", ": ", "object"},
	{"{\"name\":\"gw\"}", "/ports: ", "at least one"},
	{"{\"name\":\"gw\",\"ports\":[]}", "/ports: ", "at least one"},
	{"{\"name\":\"gw\",\"ports\":{}}", "/ports: ", "array"},
	{"{\"ports\":[" PORT "]}", "/name: ", "missing"},
	{"{\"name\":\"\",\"ports\":[" PORT "]}", "/name: ", "empty"},
	{"{\"name\":7,\"ports\":[" PORT "]}", "/name: ", "string"},
	{"{\"name\":\"0123456789012345678901234567890123456789012345678901234567890123\","
	 "\"ports\":[" PORT "]}",
		"/name: ", "63"},
	{"{\"name\":\"a\",\"name\":\"b\",\"ports\":[" PORT "]}", "line 1", "duplicate"},
	{FILE_WITH("\"colour\":1"), "/colour: ", "unknown"},
	{FILE_WITH("\"a/b~c\":1"), "/a~1b~0c: ", "unknown"},
	{FILE_WITH("\"run_dir\":\"run\""), "/run_dir: ", "absolute"},
	{FILE_WITH("\"state_dir\":\"x\""), "/state_dir: ", "absolute"},
	{FILE_WITH("\"sockets\":[]"), "/sockets: ", "object"},
	{FILE_WITH("\"sockets\":{\"x\":{}}"), "/sockets/x: ", "unknown"},
	{FILE_WITH("\"sockets\":{\"control\":{\"mode\":432}}"),
		"/sockets/control/mode: ", "string"},
	{FILE_WITH("\"sockets\":{\"stats\":{\"mode\":\"0888\"}}"),
		"/sockets/stats/mode: ", "octal"},
	{FILE_WITH("\"sockets\":{\"stats\":{\"mode\":\"07777\"}}"),
		"/sockets/stats/mode: ", "octal"},
	{FILE_WITH("\"workers\":{\"count\":0}"), "/workers/count: ", "1 to 32"},
	{FILE_WITH("\"workers\":{\"count\":33}"), "/workers/count: ", "1 to 32"},
	{FILE_WITH("\"workers\":{\"count\":2,\"cpus\":[1]}"), "/workers/cpus: ", "2 workers"},
	{FILE_WITH("\"workers\":{\"cpus\":[-1]}"), "/workers/cpus/0: ", "integer"},
	{FILE_WITH("\"workers\":{\"idle\":\"lazy\"}"), "/workers/idle: ", "\"adaptive\""},
	{FILE_WITH("\"workers\":{\"idle_sleep_us\":251}"), "/workers/idle_sleep_us: ", "250"},
	{FILE_WITH("\"workers\":{\"ring_size\":1000}"), "/workers/ring_size: ", "power"},
	{FILE_WITH("\"memory\":{\"hugepages\":true}"), "/memory/hugepages: ", "\"auto\""},
	{FILE_WITH("\"memory\":{\"buffers\":1}"), "/memory/buffers: ", "2048"},
	{FILE_WITH("\"memory\":{\"buffer_size\":1024}"), "/memory/buffer_size: ", "port \"a\""},
	{FILE_WITH("\"memory\":{\"buffers\":1000000}"), "/memory/megabytes: ", "do not fit"},
	{FILE_WITH("\"limits\":{\"connections\":1.5}"), "/limits/connections: ", "integer"},
	{FILE_WITH("\"limits\":{\"sites\":99999999999}"), "/limits/sites: ", "1024"},
	{FILE_WITH("\"limits\":{\"beds\":1}"), "/limits/beds: ", "unknown"},
	{"{\"name\":\"gw\",\"ports\":[7]}", "/ports/0: ", "object"},
	{"{\"name\":\"gw\",\"ports\":[{\"device\":\"null:\"}]}", "/ports/0/name: ", "missing"},
	{"{\"name\":\"gw\",\"ports\":[{\"name\":\"a\"}]}", "/ports/0/device: ", "missing"},
	{"{\"name\":\"gw\",\"ports\":[{\"name\":\"a\",\"device\":\"floppy:a\"}]}",
		"/ports/0/device: ", ""},
	{"{\"name\":\"gw\",\"ports\":[" PORT "," PORT "]}", "/ports/1/name: ", "port 0"},
	{"{\"name\":\"gw\",\"ports\":[{\"name\":\"a\",\"device\":\"tap:t\"},"
	 "{\"name\":\"b\",\"device\":\"tap:t\"}]}",
		"/ports/1/device: ", "port 0"},
	{PORT_WITH("\"speed\":1"), "/ports/0/speed: ", "unknown"},
	{PORT_WITH("\"mtu\":1"), "/ports/0/mtu: ", "integer"},
	{PORT_WITH("\"rx_queues\":33"), "/ports/0/rx_queues: ", "32"},
	{PORT_WITH("\"distribute\":\"on\""), "/ports/0/distribute: ", "\"rings\""},
	{PORT_WITH("\"rx_owner\":[0,0]"), "/ports/0/rx_owner: ", "1 queues"},
	{PORT_WITH("\"rx_owner\":[1]"), "/ports/0/rx_owner/0: ", "0 to 0"},
	{PORT_WITH("\"tx_owner\":[\"0\"]"), "/ports/0/tx_owner/0: ", "integer"},
};

static void names_what_is_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (parse(wrong[i].text) >= 0)
			fail_msg("accepted: %s", wrong[i].text);
		if (strncmp(error, wrong[i].where, strlen(wrong[i].where)) != 0 ||
			!strstr(error, wrong[i].why))
			fail_msg("%s\n  gives: %s\n  not:   %s … %s", wrong[i].text, error,
				wrong[i].where, wrong[i].why);
	}
}

static void refuses_a_missing_file(void **state)
{
	(void)state;
	assert_true(boot_load("/nonexistent/gateway.json", &boot, error) < 0);
	assert_non_null(strstr(error, "No such file"));
}

/* What EAL is told */

static bool told(const struct eal_arguments *arguments, const char *value)
{
	for (int i = 0; i < arguments->count; i++)
		if (strcmp(arguments->value[i], value) == 0)
			return true;
	return false;
}

static void builds_eal_arguments(void **state)
{
	struct eal_machine machine = {.huge_free = 1 << 30, .huge_mounted = true, .cpus = "0-1"};
	struct eal_arguments a;
	char text[256];

	(void)state;
	assert_int_equal(parse("{\"name\":\"gw a/1\",\"ports\":[" PORT "]}"), 0);
	assert_int_equal(eal_build(&boot, &machine, &a, text, sizeof(text)), 0);
	assert_true(a.hugepages);
	assert_true(told(&a, "--file-prefix=gw_a_1"));
	assert_true(told(&a, "--huge-unlink"));
	assert_true(told(&a, "--iova-mode=va"));
	assert_true(told(&a, "--no-pci"));
	assert_true(told(&a, "--lcores=0@(0-1)"));
	eal_free(&a);
	machine.huge_free = 1 << 20;
	assert_int_equal(eal_build(&boot, &machine, &a, text, sizeof(text)), 0);
	assert_false(a.hugepages);
	assert_true(told(&a, "--no-huge"));
	assert_true(told(&a, "256"));
	assert_false(told(&a, "--huge-unlink"));
	eal_free(&a);
}

static void leaves_real_devices_to_eal(void **state)
{
	struct eal_machine machine = {.huge_free = 1 << 30, .huge_mounted = true, .cpus = "0-1"};
	struct eal_arguments a;
	char text[256];

	(void)state;
	assert_int_equal(parse("{\"name\":\"gw\",\"ports\":[{\"name\":\"a\",\"device\":"
			       "\"pci:0000:03:00.0\"}]}"),
		0);
	assert_int_equal(eal_build(&boot, &machine, &a, text, sizeof(text)), 0);
	assert_true(told(&a, "-a"));
	assert_false(told(&a, "--no-pci"));
	assert_false(told(&a, "--iova-mode=va"));
	eal_free(&a);
}

static void refuses_without_required_hugepages(void **state)
{
	struct eal_machine machine = {.cpus = "0-1"};
	struct eal_arguments a;
	char text[256];

	(void)state;
	assert_int_equal(parse(FILE_WITH("\"memory\":{\"hugepages\":\"require\"}")), 0);
	assert_true(eal_build(&boot, &machine, &a, text, sizeof(text)) < 0);
	assert_non_null(strstr(text, "hugetlbfs"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fills_in_defaults),
		cmocka_unit_test(reads_every_field),
		cmocka_unit_test(makes_room_for_large_frames),
		cmocka_unit_test(spreads_queues_over_workers),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(refuses_a_missing_file),
		cmocka_unit_test(builds_eal_arguments),
		cmocka_unit_test(leaves_real_devices_to_eal),
		cmocka_unit_test(refuses_without_required_hugepages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
