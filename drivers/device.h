/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Devices: from the device string of a port to a started ethdev, and what it then is and counts.
 * Everything here is called by the control thread only.
 *
 * Order: devstring_parse() while the boot file is read; device_eal_argument() into the arguments of
 * rte_eal_init(); device_open() once EAL and the buffer pool stand, before workers start;
 * device_close() after they stopped.
 *
 * What comes in by a device besides frames for us: af_packet and tap deliver whatever the kernel
 * sends there, af_xdp only what steering picks (steer.h). Frames with our own source MAC are the
 * packet path's to drop where `hears_itself` is set; all others never deliver our own frames.
 */
#ifndef DRIVERS_DEVICE_H
#define DRIVERS_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/devstring.h"

#define DEVICE_NAME	64
#define DEVICE_L2_MAX	22 /* Ethernet header with two tags */
#define DEVICE_MTU_MIN	576
#define DEVICE_QUEUES	32
#define DEVICE_HEADROOM 128

struct device_kernel;
struct rte_mempool;
struct steer;

struct device_request {
	const struct devstring *string;
	unsigned index;	    /* place of the port in the boot file, < 32: names the virtual device */
	uint16_t rx_queues; /* wanted, 0 as 1; the device may have fewer: see struct device */
	uint16_t tx_queues;
	uint16_t rx_descriptors; /* 0: 1024, or what the device allows next to it */
	uint16_t tx_descriptors;
	uint16_t mtu;		  /* largest L3 packet; 0: 1500 */
	struct rte_mempool *pool; /* buffers of every receive queue */
};

struct device {
	char name[DEVICE_NAME];	  /* ethdev name: net_af_xdp0, 0000:03:00.0, … */
	char driver[DEVICE_NAME]; /* of DPDK: net_af_xdp, net_e1000_em, … */
	enum devstring_kind kind;
	uint16_t port_id;   /* of ethdev */
	uint16_t mtu;	    /* L3 */
	uint16_t max_frame; /* mtu + DEVICE_L2_MAX, without FCS */
	uint16_t rx_queues; /* as configured: never more than asked for */
	uint16_t tx_queues;
	uint16_t rx_descriptors;
	uint16_t tx_descriptors;
	uint8_t mac[6];
	int socket; /* NUMA node, -1 any */
	/* The device inserts them when the mbuf asks (for UDP with the sum over the pseudo header
	 * already in the checksum field); otherwise software must. */
	bool tx_ip_checksum;
	bool tx_udp_checksum;
	bool rx_checksum; /* sets RTE_MBUF_F_RX_{IP,L4}_CKSUM_{GOOD,BAD} */
	bool rss; /* spreads over the receive queues by a hash of addresses and UDP or TCP ports */
	bool rss_symmetric;	 /* both directions of a flow meet the same receive queue */
	bool tells_service_tags; /* false: an outer 0x88a8 arrives as 0x8100 */
	bool hears_itself;	 /* frames that this host sends on it come back as received */
	bool tells_link;	 /* false: device_link() is always up */
	char kernel_interface[IF_NAMESIZE]; /* "" where the kernel has none by this device */
	struct steer *steer; /* af_xdp: its steering program; else NULL. Owned by the device */
	struct device_kernel *kernel; /* private */
	bool virtual_device;	      /* ours to remove at close */
};

struct device_counters {
	uint64_t rx_packets, tx_packets, rx_bytes, tx_bytes; /* as the driver counts them */
	uint64_t rx_missed; /* no room in the device or its ring; af_xdp: ring-full included */
	uint64_t rx_errors;
	uint64_t rx_no_buffer; /* the buffer pool was empty */
	uint64_t tx_errors;
};

struct device_link {
	bool up;
	bool full_duplex;
	uint32_t mbps; /* 0: unknown */
};

/* What EAL must be told about a device before rte_eal_init(): the value of one "-a" argument,
 * written to text. False where EAL needs to be told nothing (all but pci); with no such device at
 * all pass "--no-pci". */
bool device_eal_argument(const struct devstring *string, char *text, size_t size);

/* Creates or finds the device, configures and starts it. 0; or -errno and a sentence, and nothing
 * is left behind. */
int device_open(
	const struct device_request *request, struct device *device, struct devstring_error *error);

/* Stops it and takes it away again; af_xdp: detaches the steering program. */
void device_close(struct device *device);

/* Does not wait for the device. A device that cannot tell is up. */
struct device_link device_link(const struct device *device);

/* 0 or -errno of the driver. Counters run from the opening on. */
int device_counters(const struct device *device, struct device_counters *counters);

#endif
