/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/offload.h"

#include <string.h>

#include <rte_ethdev.h>

#include "dataplane/base/macros.h"

#define RX_CHECKSUM (RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM)
#define RSS_TYPES   (RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP)
#define KEY_MAX	    64

/* Toeplitz with this pair repeated gives both directions of a flow one hash. */
static uint8_t symmetric_key[KEY_MAX];

static void fill_key(void)
{
	for (size_t i = 0; i < sizeof(symmetric_key); i += 2) {
		symmetric_key[i] = 0x6d;
		symmetric_key[i + 1] = 0x5a;
	}
}

/* A driver whose verdict on received checksums is worth having. tap computes it in software, as we
 * do; virtio promises the host with it that packets between its guests may come with unfinished
 * checksums, and those must not leave for the backbone. */
static bool trusted_receive(const struct device *device)
{
	return device->kind == DEVSTRING_PCI && strcmp(device->driver, "net_virtio") != 0;
}

static void choose_rss(
	const struct rte_eth_dev_info *info, struct device *device, struct rte_eth_conf *conf)
{
	struct rte_eth_rss_conf *rss = &conf->rx_adv_conf.rss_conf;
	uint64_t types = info->flow_type_rss_offloads & RSS_TYPES;

	if (device->kind != DEVSTRING_PCI || device->rx_queues < 2 || types == 0)
		return;
	conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	rss->rss_hf = types;
	device->rss = true;
	if (info->hash_key_size == 0 || info->hash_key_size > KEY_MAX)
		return;
	fill_key();
	rss->rss_key = symmetric_key;
	rss->rss_key_len = info->hash_key_size;
	device->rss_symmetric = true;
}

void offload_choose(
	const struct rte_eth_dev_info *info, struct device *device, struct rte_eth_conf *conf)
{
	uint64_t tx = info->tx_offload_capa;

	if (trusted_receive(device) && (info->rx_offload_capa & RX_CHECKSUM) == RX_CHECKSUM) {
		conf->rxmode.offloads |= RX_CHECKSUM;
		device->rx_checksum = true;
	}
	device->tx_ip_checksum = (tx & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM) != 0;
	device->tx_udp_checksum = (tx & RTE_ETH_TX_OFFLOAD_UDP_CKSUM) != 0;
	conf->txmode.offloads |=
		tx & (RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	choose_rss(info, device, conf);
}
