/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Opens one device and sends every frame back with its MAC addresses swapped.
 *
 *   devecho DEVICE MTU QUEUES [address ADDRESS | tags [TYPE.VLAN[/TYPE.VLAN]]] ...
 *
 * Prints one JSON line when ready, or {"error": …} and ends with 1. Commands on standard input:
 * show (one JSON line of counters), addresses A B … (exactly these), quit (closes the device).
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/base/ip.h"
#include "dataplane/base/macros.h"
#include "drivers/device.h"
#include "drivers/steer.h"

#define BURST  32
#define LIST   64
#define BUFFER 2304

static struct ip_address addresses[LIST];
static unsigned address_count;
static struct steer_tags tag_sets[LIST];
static unsigned tag_set_count;
static struct device device;
static uint64_t echoed;

static int complain(const char *what)
{
	fputs("{\"error\": \"", stdout);
	for (; *what != '\0'; what++) {
		if (*what == '"' || *what == '\\')
			putchar('\\');
		putchar(*what);
	}
	puts("\"}");
	fflush(stdout);
	return 1;
}

static bool parse_tags(const char *text, struct steer_tags *tags)
{
	unsigned type[2] = {0}, vlan[2] = {0};
	int parts = sscanf(text, "%x.%u/%x.%u", &type[0], &vlan[0], &type[1], &vlan[1]);

	memset(tags, 0, sizeof(*tags));
	tags->count = parts == 4 ? 2 : parts == 2 ? 1 : 0;
	for (int i = 0; i < 2; i++) {
		tags->type[i] = (uint16_t)type[i];
		tags->vlan[i] = (uint16_t)vlan[i];
	}
	return parts == 4 || parts == 2 || strcmp(text, "none") == 0;
}

static bool parse_words(char **word, int count)
{
	for (int i = 0; i + 1 < count; i += 2) {
		bool good = false;

		if (strcmp(word[i], "address") == 0 && address_count < LIST)
			good = ip_parse(word[i + 1], &addresses[address_count++]) == 0;
		if (strcmp(word[i], "tags") == 0 && tag_set_count < LIST)
			good = parse_tags(word[i + 1], &tag_sets[tag_set_count++]);
		if (!good)
			return false;
	}
	return true;
}

static int start_eal(const struct devstring *string)
{
	char prefix[32], device_argument[512];
	char *arguments[] = {"devecho", "--no-huge", "-m", "96", "--no-telemetry", "--no-shconf",
		"--log-level", "4", "-l", "0", "--file-prefix", prefix, "--no-pci", NULL, NULL};
	int count = 13;

	snprintf(prefix, sizeof(prefix), "devecho%d", getpid());
	if (device_eal_argument(string, device_argument, sizeof(device_argument))) {
		arguments[count - 1] = "-a";
		arguments[count++] = device_argument;
	}
	return rte_eal_init(count, arguments);
}

static int open_device(const struct devstring *string, char **argv, struct devstring_error *error)
{
	struct device_request request = {.string = string,
		.rx_queues = (uint16_t)atoi(argv[3]),
		.mtu = (uint16_t)atoi(argv[2])};

	request.tx_queues = request.rx_queues;
	request.pool = rte_pktmbuf_pool_create("devecho", 16384, 128, 64, BUFFER, SOCKET_ID_ANY);
	if (request.pool == NULL) {
		snprintf(error->text, sizeof(error->text), "no buffers");
		return -1;
	}
	return device_open(&request, &device, error);
}

static int set_steering(void)
{
	int rc;

	if (device.steer == NULL)
		return 0;
	rc = steer_set_addresses(device.steer, addresses, address_count);
	return rc == 0 ? steer_set_tags(device.steer, tag_sets, tag_set_count) : rc;
}

static void print_ready(void)
{
	char mac[IP_TEXT_MAX];

	printf("{\"ready\": true, \"name\": \"%s\", \"mac\": \"%s\", \"rx_queues\": %u, "
	       "\"tx_queues\": %u, \"max_frame\": %u, \"tells_service_tags\": %s}\n",
		device.name, ip_mac_format(device.mac, mac, sizeof(mac)), device.rx_queues,
		device.tx_queues, device.max_frame, device.tells_service_tags ? "true" : "false");
	fflush(stdout);
}

static void show(void)
{
	struct device_counters counters;
	uint64_t steering[STEER_COUNT];

	device_counters(&device, &counters);
	printf("{\"echoed\": %lu, \"link\": %s, \"rx_packets\": %lu, \"rx_missed\": %lu", echoed,
		device_link(&device).up ? "true" : "false", counters.rx_packets,
		counters.rx_missed);
	if (device.steer != NULL && steer_read(device.steer, steering) == 0) {
		for (unsigned i = 0; i < STEER_COUNT; i++)
			printf(", \"%s\": %lu", steer_counter_name((enum steer_counter)i),
				steering[i]);
	}
	printf("}\n");
	fflush(stdout);
}

static void replace_addresses(char *list)
{
	char *word;

	address_count = 0;
	while ((word = strsep(&list, " ")) != NULL && address_count < LIST) {
		if (ip_parse(word, &addresses[address_count]) == 0)
			address_count++;
	}
	printf("{\"done\": %s}\n", set_steering() == 0 ? "true" : "false");
	fflush(stdout);
}

static void echo(uint16_t queue)
{
	struct rte_mbuf *burst[BURST];
	uint16_t got = rte_eth_rx_burst(device.port_id, queue, burst, BURST);
	uint16_t sent;

	for (uint16_t i = 0; i < got; i++) {
		struct rte_ether_hdr *eth = rte_pktmbuf_mtod(burst[i], struct rte_ether_hdr *);

		eth->dst_addr = eth->src_addr;
		memcpy(eth->src_addr.addr_bytes, device.mac, sizeof(device.mac));
	}
	sent = rte_eth_tx_burst(device.port_id, queue, burst, got);
	if (sent < got)
		rte_pktmbuf_free_bulk(burst + sent, (unsigned)(got - sent));
	echoed += sent;
}

static bool obey(void)
{
	char line[1024];

	if (fgets(line, sizeof(line), stdin) == NULL)
		return false;
	line[strcspn(line, "\n")] = '\0';
	if (strcmp(line, "show") == 0)
		show();
	else if (strncmp(line, "addresses ", 10) == 0)
		replace_addresses(line + 10);
	return strcmp(line, "quit") != 0;
}

static void run(void)
{
	struct pollfd command = {.fd = STDIN_FILENO, .events = POLLIN};
	bool more = true;

	setvbuf(stdin, NULL, _IONBF, 0);
	while (more) {
		for (uint16_t q = 0; q < device.tx_queues; q++)
			echo(q);
		if (poll(&command, 1, 0) > 0)
			more = obey();
		usleep(200);
	}
}

int main(int argc, char **argv)
{
	struct devstring_error error;
	struct devstring string;

	if (argc < 4 || !parse_words(argv + 4, argc - 4))
		return complain("devecho DEVICE MTU QUEUES [address A | tags T] ...");
	if (devstring_parse(argv[1], &string, &error) != 0)
		return complain(error.text);
	if (start_eal(&string) < 0)
		return complain("EAL does not start");
	if (open_device(&string, argv, &error) != 0)
		return complain(error.text);
	if (set_steering() != 0)
		return complain("steering cannot be set");
	print_ready();
	run();
	device_close(&device);
	rte_eal_cleanup();
	return 0;
}
