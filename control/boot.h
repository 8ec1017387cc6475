/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The boot file (gateway.json): what is fixed while the gateway runs. Complete: every default is
 * filled in, every rule that does not need the machine has been checked.
 */
#ifndef CONTROL_BOOT_H
#define CONTROL_BOOT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "dataplane/fwd/snapshot.h"
#include "dataplane/worker/plane.h"

#define BOOT_NAME   64	/* with the final NUL */
#define BOOT_PATH   104 /* of the directories; a socket's path must fit sun_path */
#define BOOT_DEVICE 256
#define BOOT_ERROR  512

struct boot_socket {
	mode_t mode;
	char group[BOOT_NAME]; /* empty: the group is left as it is */
};

struct boot_port {
	char name[BOOT_NAME];
	char device[BOOT_DEVICE];
	uint16_t rx_queues, tx_queues; /* 1 .. PLANE_PORT_QUEUES */
	uint16_t mtu;		       /* L3, 576 .. 9216 */
	bool distribute;
	uint8_t rx_owner[PLANE_PORT_QUEUES]; /* worker; default: queue modulo workers */
	uint8_t tx_owner[PLANE_PORT_QUEUES];
};

struct boot_workers {
	unsigned count;		/* 1 .. PLANE_WORKERS */
	int cpu[PLANE_WORKERS]; /* -1: not pinned */
	enum plane_idle idle;
	uint32_t idle_sleep_us;
	uint32_t ring_size; /* power of two */
};

enum boot_hugepages { BOOT_HUGEPAGES_AUTO, BOOT_HUGEPAGES_REQUIRE, BOOT_HUGEPAGES_OFF };

struct boot_memory {
	enum boot_hugepages hugepages;
	uint32_t megabytes;
	uint32_t buffers;
	uint32_t buffer_size; /* data room with headroom, bytes */
};

struct boot_limits {
	uint32_t connections, attachments, endpoints, sites, paths, routes, neighbours;
	uint32_t next_hop_sets;
	uint32_t icmp_errors_per_second; /* and connection */
	uint32_t held_packets;		 /* waiting for neighbours, all together */
	uint32_t held_packets_per_neighbour;
	uint32_t neighbours_per_attachment;
};

struct boot {
	char name[BOOT_NAME];
	char run_dir[BOOT_PATH];
	char state_dir[BOOT_PATH];
	struct boot_socket control, stats;
	unsigned ports;
	struct boot_port port[FWD_PORTS]; /* index: the port index of the whole gateway */
	struct boot_workers workers;
	struct boot_memory memory;
	struct boot_limits limits;
};

/* 0; -EINVAL, or -errno of reading the file: error then says what and where ("/ports/1/name: …").
 */
int boot_load(const char *file, struct boot *boot, char error[BOOT_ERROR]);
/* The same from text in memory. */
int boot_parse(const char *text, size_t length, struct boot *boot, char error[BOOT_ERROR]);

/* Index of the port of that name, or -1. */
int boot_port(const struct boot *boot, const char *name);

#endif
