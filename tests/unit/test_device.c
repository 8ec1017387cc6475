/* SPDX-License-Identifier: BSD-3-Clause */
/* Devices with a real EAL, in a network namespace of their own where we are root. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_udp.h>

#include "dataplane/base/macros.h"
#include "drivers/device.h"

#define ROOM 2304

static struct rte_mempool *pool;
static struct devstring_error error;
static bool own_network;

static int try_open(struct device *device, const char *text, unsigned index, uint16_t mtu,
	uint16_t rx_queues, uint16_t tx_queues)
{
	struct devstring string;
	struct device_request request = {.string = &string,
		.index = index,
		.rx_queues = rx_queues,
		.tx_queues = tx_queues,
		.mtu = mtu,
		.pool = pool};

	if (devstring_parse(text, &string, &error) != 0)
		fail_msg("%s: %s", text, error.text);
	return device_open(&request, device, &error);
}

static void open_device(struct device *device, const char *text, unsigned index)
{
	if (try_open(device, text, index, 0, 1, 1) != 0)
		fail_msg("%s: %s", text, error.text);
}

/* Refused with a sentence that holds these words, and nothing is left behind. */
static void refuse(const char *text, uint16_t mtu, int rc, const char *words)
{
	uint16_t before = rte_eth_dev_count_avail();
	struct device device;
	int got = try_open(&device, text, 9, mtu, 1, 1);

	if (got == 0 || (rc != 0 && got != rc) || strstr(error.text, words) == NULL)
		fail_msg("%s: %d, \"%s\"", text, got, error.text);
	assert_int_equal(rte_eth_dev_count_avail(), before);
}

static uint8_t *append(struct rte_mbuf *m, uint16_t length)
{
	char *bytes = m != NULL ? rte_pktmbuf_append(m, length) : NULL;

	if (bytes == NULL)
		abort();
	return (uint8_t *)bytes;
}

static struct rte_mbuf *make_frame(const void *bytes, uint16_t length)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	memcpy(append(m, length), bytes, length);
	return m;
}

static void send_one(const struct device *device, struct rte_mbuf *m)
{
	assert_int_equal(rte_eth_tx_burst(device->port_id, 0, &m, 1), 1);
}

static struct rte_mbuf *receive_one(const struct device *device)
{
	struct rte_mbuf *m = NULL;

	for (int i = 0; i < 1000 && rte_eth_rx_burst(device->port_id, 0, &m, 1) == 0; i++)
		usleep(1000);
	assert_non_null(m);
	return m;
}

static void test_null(void **state)
{
	struct device_counters counters;
	struct rte_mbuf *burst[32];
	struct device device;
	uint16_t got;

	(void)state;
	assert_int_equal(try_open(&device, "null:,size=100", 0, 0, 3, 2), 0);
	assert_string_equal(device.name, "net_null0");
	assert_string_equal(device.driver, "net_null");
	assert_int_equal(device.rx_queues, 3);
	assert_int_equal(device.tx_queues, 2);
	assert_int_equal(device.mtu, 1500);
	assert_int_equal(device.max_frame, 1522);
	assert_true(device.tells_service_tags);
	assert_true(device_link(&device).up);
	got = rte_eth_rx_burst(device.port_id, 0, burst, 32);
	assert_int_equal(got, 32);
	assert_int_equal(rte_pktmbuf_pkt_len(burst[0]), 100);
	rte_pktmbuf_free_bulk(burst, got);
	assert_int_equal(device_counters(&device, &counters), 0);
	assert_int_equal(counters.rx_packets, 32);
	device_close(&device);
	assert_int_equal(rte_eth_dev_count_avail(), 0);
}

static void test_ring_pair(void **state)
{
	static const uint8_t bytes[60] = {1, 2, 3};
	struct device a, b;
	struct rte_mbuf *m;

	(void)state;
	open_device(&a, "ring:a,peer=b", 0);
	open_device(&b, "ring:b,peer=a,mac=02:00:00:00:00:0b", 1);
	assert_memory_not_equal(a.mac, b.mac, 6);
	assert_int_equal(a.mac[0] & 3, 2);
	assert_int_equal(b.mac[5], 0x0b);
	send_one(&a, make_frame(bytes, sizeof(bytes)));
	m = receive_one(&b);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), bytes, sizeof(bytes));
	send_one(&b, m);
	rte_pktmbuf_free(receive_one(&a));
	device_close(&a);
	device_close(&b);
}

/* A program may hold the other end by the names of the rings. */
static void test_ring_by_name(void **state)
{
	static const uint8_t bytes[60] = {9};
	struct rte_ring *out;
	struct device device;
	void *got = NULL;

	(void)state;
	assert_int_equal(try_open(&device, "ring:in,peer=out,size=128", 0, 9000 - 7000, 2, 1), 0);
	assert_int_equal(device.rx_queues, 2);
	assert_int_equal(device.tx_queues, 1);
	assert_non_null(rte_ring_lookup("in.1"));
	out = rte_ring_lookup("out.0");
	assert_non_null(out);
	send_one(&device, make_frame(bytes, sizeof(bytes)));
	assert_int_equal(rte_ring_dequeue(out, &got), 0);
	rte_pktmbuf_free(got);
	device_close(&device);
}

static void test_pcap_files(void **state)
{
	static const uint8_t bytes[90] = {0xde, 0xad, 0xbe, 0xef};
	char path[] = "/tmp/test_device.XXXXXX";
	struct device device;
	struct rte_mbuf *m;
	char text[128];

	(void)state;
	assert_true(mkstemp(path) >= 0);
	snprintf(text, sizeof(text), "pcap:tx=%s", path);
	open_device(&device, text, 0);
	send_one(&device, make_frame(bytes, sizeof(bytes)));
	device_close(&device);
	snprintf(text, sizeof(text), "pcap:rx=%s", path);
	open_device(&device, text, 0);
	m = receive_one(&device);
	assert_int_equal(rte_pktmbuf_pkt_len(m), sizeof(bytes));
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), bytes, sizeof(bytes));
	rte_pktmbuf_free(m);
	device_close(&device);
	unlink(path);
}

static void test_memif(void **state)
{
	char text[128];
	struct device device;

	(void)state;
	snprintf(text, sizeof(text), "memif:/tmp/test_device.%d.sock,role=server,id=3", getpid());
	open_device(&device, text, 0);
	assert_true(device.tells_link);
	assert_false(device_link(&device).up);
	device_close(&device);
	refuse("memif:/nowhere/at/all.sock,role=server", 0, 0, "memif");
	refuse("memif:/tmp/x.sock,role=server", 9000, -EMSGSIZE, "9150");
	refuse("memif:/tmp/x.sock,role=server", 1501, -EMSGSIZE, "at most 1500");
}

static void test_refusals(void **state)
{
	struct device device;

	(void)state;
	refuse("null:", 9000, -EMSGSIZE, "buffers of 9150 bytes");
	refuse("null:", 500, -EINVAL, "MTU 500");
	refuse("pcap:rx=/nowhere/at/all.pcap", 0, 0, "pcap");
	refuse("pci:0000:fe:1f.7", 0, -ENODEV, "0000:fe:1f.7");
	refuse("af_packet:no-such-if", 0, -ENODEV, "no-such-if");
	refuse("af_xdp:no-such-if", 0, -ENODEV, "no-such-if");
	open_device(&device, "null:", 9);
	refuse("null:", 0, 0, "null");
	device_close(&device);
}

static void need_own_network(void)
{
	if (own_network)
		return;
	print_message("needs root for a network namespace and a tap\n");
	skip();
}

static int listen_on(const char *interface)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface)};
	struct timeval patience = {.tv_sec = 2};
	int fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	return fd;
}

/* The frame of ours among what else the kernel sends: it has this UDP source port. */
static ssize_t hear(int fd, uint8_t *frame, size_t size, size_t udp_at)
{
	for (;;) {
		ssize_t got = recv(fd, frame, size, 0);

		assert_true(got > 0);
		if ((size_t)got > udp_at + 8 && frame[udp_at] == 0xc0 && frame[udp_at + 1] == 0x01)
			return got;
	}
}

#define L2 ((uint16_t)sizeof(struct rte_ether_hdr))

static void fill_udp(struct rte_udp_hdr *udp, uint16_t payload)
{
	udp->src_port = htons(0xc001);
	udp->dst_port = htons(6081);
	udp->dgram_len = htons((uint16_t)(sizeof(*udp) + payload));
	for (uint16_t i = 0; i < payload; i++)
		((uint8_t *)(udp + 1))[i] = (uint8_t)(i * 37 + 5);
}

static struct rte_mbuf *udp4_frame(bool offload)
{
	const uint16_t payload = 33, total = (uint16_t)(L2 + 28 + payload);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *bytes = append(m, total);
	struct rte_ipv4_hdr *ip = (void *)(bytes + L2);
	struct rte_udp_hdr *udp = (void *)(ip + 1);

	memset(bytes, 0, total);
	memset(bytes, 0xff, 6);
	bytes[6] = 2;
	bytes[12] = 0x08;
	ip->version_ihl = 0x45;
	ip->total_length = htons((uint16_t)(total - L2));
	ip->time_to_live = 64;
	ip->next_proto_id = IPPROTO_UDP;
	ip->src_addr = htonl(0x0a010001);
	ip->dst_addr = htonl(0x0a010002);
	fill_udp(udp, payload);
	if (offload) {
		m->l2_len = L2;
		m->l3_len = sizeof(*ip);
		m->ol_flags |=
			RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_UDP_CKSUM;
		udp->dgram_cksum = rte_ipv4_phdr_cksum(ip, m->ol_flags);
	} else {
		udp->dgram_cksum = rte_ipv4_udptcp_cksum(ip, udp);
		ip->hdr_checksum = rte_ipv4_cksum(ip);
	}
	return m;
}

static struct rte_mbuf *udp6_frame(bool offload)
{
	const uint16_t payload = 32, total = (uint16_t)(L2 + 48 + payload);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t *bytes = append(m, total);
	struct rte_ipv6_hdr *ip = (void *)(bytes + L2);
	struct rte_udp_hdr *udp = (void *)(ip + 1);

	memset(bytes, 0, total);
	memset(bytes, 0xff, 6);
	bytes[6] = 2;
	bytes[12] = 0x86;
	bytes[13] = 0xdd;
	ip->vtc_flow = htonl(0x60000000);
	ip->payload_len = htons((uint16_t)(sizeof(*udp) + payload));
	ip->proto = IPPROTO_UDP;
	ip->hop_limits = 64;
	ip->src_addr[0] = ip->dst_addr[0] = 0xfd;
	ip->src_addr[15] = 1;
	ip->dst_addr[15] = 2;
	fill_udp(udp, payload);
	if (offload) {
		m->l2_len = L2;
		m->l3_len = sizeof(*ip);
		m->ol_flags |= RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM;
		udp->dgram_cksum = rte_ipv6_phdr_cksum(ip, m->ol_flags);
	} else {
		udp->dgram_cksum = rte_ipv6_udptcp_cksum(ip, udp);
	}
	return m;
}

/* The device's checksums and those made in software are byte for byte the same frame. */
static void same_both_ways(
	const struct device *device, struct rte_mbuf *(*make)(bool), size_t udp_at)
{
	uint8_t by_device[256], by_software[256];
	int fd = listen_on(device->kernel_interface);
	ssize_t a, b;

	send_one(device, make(true));
	a = hear(fd, by_device, sizeof(by_device), udp_at);
	send_one(device, make(false));
	b = hear(fd, by_software, sizeof(by_software), udp_at);
	close(fd);
	assert_int_equal(a, b);
	assert_memory_equal(by_device, by_software, (size_t)a);
	assert_true(by_device[udp_at + 6] != 0 || by_device[udp_at + 7] != 0);
}

static void test_tap_checksums(void **state)
{
	struct device device;

	(void)state;
	need_own_network();
	open_device(&device, "tap:tltest0", 0);
	assert_string_equal(device.kernel_interface, "tltest0");
	assert_true(device.tx_ip_checksum);
	assert_true(device.tx_udp_checksum);
	assert_false(device.rx_checksum);
	same_both_ways(&device, udp4_frame, L2 + 20);
	same_both_ways(&device, udp6_frame, L2 + 40);
	device_close(&device);
	assert_int_equal(if_nametoindex("tltest0"), 0);
}

static void set_link(const char *interface, bool up)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &request), 0);
	request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP);
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &request), 0);
	close(fd);
}

static void test_tap_link(void **state)
{
	struct device device;

	(void)state;
	need_own_network();
	refuse("tap:tltest1", 1501, -EMSGSIZE, "at most 1500");
	open_device(&device, "tap:tltest1,mac=02:00:00:00:00:11", 0);
	assert_int_equal(device.mac[5], 0x11);
	assert_true(device_link(&device).up);
	set_link("tltest1", false);
	assert_false(device_link(&device).up);
	set_link("tltest1", true);
	assert_true(device_link(&device).up);
	device_close(&device);
}

static int set_up(void **state)
{
	char prefix[64];
	char *arguments[] = {"test_device", "--no-huge", "-m", "128", "--no-pci", "--no-telemetry",
		"--no-shconf", "--log-level", "3", "-l", "0", "--file-prefix", prefix, NULL};

	(void)state;
	snprintf(prefix, sizeof(prefix), "test_device_%d", getpid());
	own_network = geteuid() == 0 && unshare(CLONE_NEWNET) == 0 &&
		      access("/dev/net/tun", R_OK | W_OK) == 0;
	if (rte_eal_init((int)ARRAY_SIZE(arguments) - 1, arguments) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("test", 8191, 0, 64, ROOM, SOCKET_ID_ANY);
	return pool != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_ring_pair),
		cmocka_unit_test(test_ring_by_name),
		cmocka_unit_test(test_pcap_files),
		cmocka_unit_test(test_memif),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_tap_checksums),
		cmocka_unit_test(test_tap_link),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
