/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All parts of one running gateway, in the order they are made. Handlers of requests get it; the
 * control thread owns it. A part that does not exist yet, or not in this program (tests), is NULL.
 */
#ifndef CONTROL_GATEWAY_H
#define CONTROL_GATEWAY_H

#include <stdbool.h>
#include <stdint.h>

struct boot;
struct device;
struct fwd;
struct journal;
struct loop;
struct model;
struct neighbours;
struct plane;
struct ports;
struct provision;
struct publisher;
struct rings;
struct rte_mempool;
struct server;
struct stats;
struct steering;
struct system_wait;
struct tracker;

struct gateway {
	const struct boot *boot;
	struct loop *loop;
	struct rte_mempool *oam_pool; /* for what workers say of paths: never used up by traffic */
	struct rte_mempool *pool;
	struct device *device; /* array of boot->ports, index as in boot->port */
	struct fwd *fwd;
	struct plane *plane;
	struct publisher *publisher;
	struct neighbours *neighbours;
	struct model *model;
	struct journal *journal;
	struct provision *provision; /* who changes the model */
	struct tracker *tracker;     /* who turns epochs and reads what was counted in them */
	struct stats *stats;
	struct rings *rings; /* who moves flows, queues and workers */
	struct server *server;
	struct ports *ports;
	struct steering *steering; /* of af_xdp ports */
	struct system_wait *waits;
	bool hugepages;
	uint64_t started_ns; /* loop_now() when opened */
};

/*
 * All parts of a gateway whose EAL runs: devices, tables, workers (started), the state as it was
 * accepted last, and at the end the sockets. boot and loop are set by the caller and outlive it. 0
 * or -errno, with the reason logged and nothing left behind.
 */
int gateway_open(struct gateway *gateway);
/* Stops accepting, stops workers, writes what was accepted, closes devices. What is NULL is
 * skipped. */
void gateway_close(struct gateway *gateway);

#endif
