/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All parts of one running gateway, in the order they are made. Handlers of requests get it; the
 * control thread owns it. A part that does not exist yet, or not in this program (tests), is NULL.
 */
#ifndef CONTROL_GATEWAY_H
#define CONTROL_GATEWAY_H

#include <stdint.h>

struct boot;
struct device;
struct fwd;
struct journal;
struct loop;
struct model;
struct neighbours;
struct plane;
struct publisher;
struct rte_mempool;
struct server;
struct stats;

struct gateway {
	const struct boot *boot;
	struct loop *loop;
	struct rte_mempool *pool;
	struct device *device; /* array of boot->ports, index as in boot->port */
	struct fwd *fwd;
	struct plane *plane;
	struct publisher *publisher;
	struct neighbours *neighbours;
	struct model *model;
	struct journal *journal;
	struct stats *stats;
	struct server *server;
	uint64_t started_ns; /* loop_now() when ready */
};

#endif
