/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The outside of a gateway under stress, as a thread: sends numbered packets (flowframe.h) into
 * port 0 at a rate, in turn for each flow, and takes what leaves by ports 0 and 1. It begins to
 * send when the gateway has asked for a next hop and was answered.
 */
#ifndef TESTS_STRESS_FLOWPEER_H
#define TESTS_STRESS_FLOWPEER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define FLOWPEER_FLOWS 256

struct testbed;

struct flowpeer {
	/* Set before the start. */
	struct testbed *gateway;
	unsigned flows, queues; /* flow f comes in by receive queue f % queues */
	uint64_t wanted;	/* packets, then no more */
	void (*take)(unsigned port, const uint8_t *frame, uint16_t length);
	_Atomic uint64_t rate; /* a second; may be changed any time */

	/* Of the thread; to be read after the stop. */
	uint64_t sent;
	uint32_t next[FLOWPEER_FLOWS]; /* number of each flow's next packet */

	/* Set by the thread, once. */
	atomic_bool ready, all_sent;

	atomic_bool stop;
	pthread_t thread;
};

/* 0 or -errno. The struct stays where it is until the stop. */
int flowpeer_start(struct flowpeer *p);
/* Waits for the thread; then takes nothing more. */
void flowpeer_stop(struct flowpeer *p);
/* Takes what has left by this port since. Only after the stop. */
void flowpeer_drain(struct flowpeer *p, unsigned port);

#endif
