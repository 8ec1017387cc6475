/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole gateway in this process, for tests: model, publisher, neighbours and workers, on ports
 * that are rings the test fills and empties. Nothing runs by itself: testbed_settle() turns control
 * and the workers until there is nothing left to do; or testbed_start() runs the workers as
 * threads, and the test turns control.
 */
#ifndef TESTS_TOOLS_TESTBED_H
#define TESTS_TOOLS_TESTBED_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <rte_mbuf.h>

#include "control/gateway.h"
#include "control/model.h"
#include "dataplane/worker/plane.h"

#define TESTBED_PORTS 8

struct testbed_port {
	const char *name;
	uint16_t mtu;	    /* L3; 0: 1500 */
	uint16_t rx_queues; /* 0: 1 */
	uint16_t tx_queues; /* TESTBED_NO_TX: none; 0: one per worker */
	bool distribute;
	bool mixes_tags;    /* the device cannot tell 0x88a8 from 0x8100 */
	uint32_t ring_size; /* of each queue; 0: 4096 */
	const char *device; /* devargs of a device to use in place of rings; NULL: rings */
};

#define TESTBED_NO_TX UINT16_MAX

struct testbed_setup {
	const char *name; /* NULL: "test" */
	unsigned workers; /* 0: 1 */
	unsigned ports;
	struct testbed_port port[TESTBED_PORTS];
	uint32_t ring_size, punt_size;	   /* 0: 1024 */
	uint32_t hold_size, hold_us;	   /* while something moves; 0: as the plane's own */
	uint32_t icmp_rate;		   /* 0: 1000 */
	uint32_t held, held_each, gleaned; /* 0: 1024, 16, 256 */
	uint32_t connections, routes;	   /* 0: 300, 100000 */
	uint32_t neighbours;		   /* 0: 16384, and 8 for each connection */
	uint32_t buffers;		   /* of each of the two pools; 0: 8191 */
	uint64_t seed;			   /* of the flow hash */
	enum plane_idle idle;
	bool cached;	   /* buffers from a pool with a cache for each thread, as in the daemon */
	struct loop *loop; /* the publisher runs by itself on it; NULL: testbed_control turns it */
	bool pinned;	   /* each worker to the CPU of its number, as by testbed_pin */
};

struct testbed {
	struct gateway parts; /* fwd, plane, model, publisher, neighbours, pool */
	struct testbed_setup setup;
	struct rte_mempool *source; /* frames from outside come from here */
	struct rte_ring *rx[TESTBED_PORTS][PLANE_PORT_QUEUES];
	struct rte_ring *tx[TESTBED_PORTS][PLANE_PORT_QUEUES];
	uint16_t device[TESTBED_PORTS];
	uint16_t tx_queues[TESTBED_PORTS];
	struct model_port *model_port;
	uint64_t now_ms;
	bool started;
};

/* Once per process, before anything else: EAL without hugepages, files or devices. Threads may run
 * where the process may. */
int testbed_eal(void);
/* The same by another name, and with 256 hugepages of 2 MiB where those are wanted. */
int testbed_eal_named(const char *program, bool huge);

/* Binds the calling thread to the CPU of that place among those the process may use, in turn where
 * there are fewer; and lets it run on all of them again. */
void testbed_pin(unsigned place);
void testbed_unpin(void);

/* The station address of a test gateway's port: 02:00:00:00:01:index. */
void testbed_mac(unsigned port, uint8_t mac[6]);

/* NULL with a line on standard error. */
struct testbed *testbed_create(const struct testbed_setup *setup);
void testbed_destroy(struct testbed *g);

/* config.apply with these params. 0, or -EINVAL with the refusal's sentence and field in text. Does
 * not wait until workers have it: testbed_settle does. */
int testbed_apply(struct testbed *g, const json_t *params, char *text, size_t size);
/* The same for route.put or route.delete. */
int testbed_routes(struct testbed *g, bool put, const json_t *params, char *text, size_t size);
/* The same from JSON text of a document; a refusal is printed. */
int testbed_document(struct testbed *g, const char *document);

/* A frame from outside, put into a receive queue; false where the ring is full. segments > 1: the
 * frame is cut over as many buffers. */
bool testbed_inject(struct testbed *g, unsigned port, unsigned queue, const void *frame,
	uint16_t length, unsigned segments);
/* Up to count frames the gateway sent by this port; the caller frees them. */
unsigned testbed_collect(struct testbed *g, unsigned port, struct rte_mbuf **frame, unsigned count);

/* One turn of control: publisher and neighbours. The clock goes on by ms first. */
void testbed_control(struct testbed *g, uint64_t ms);
/* Turns everything until nothing moves. Only while the workers are not threads. */
void testbed_settle(struct testbed *g, uint64_t ms);
/* As settle, with workers running as threads: until the publisher has nothing under way. */
void testbed_publish(struct testbed *g);

int testbed_start(struct testbed *g);
void testbed_stop(struct testbed *g);

/* Conservation of every connection, side and writer, and of packets in rings; a line on standard
 * error for each that does not hold. Exact only while workers rest. */
bool testbed_conserved(const struct testbed *g);
/* A line on standard output for each reason that packets were dropped for, connections and ports
 * together. */
void testbed_tell_drops(const struct testbed *g);

#endif
