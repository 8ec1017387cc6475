/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of one kernel interface through a packet socket with a mapped receive ring. A VLAN tag
 * that the kernel took off is put back, with its own TPID. One thread.
 */
#ifndef TESTS_TOOLS_RAWPORT_H
#define TESTS_TOOLS_RAWPORT_H

#include <stdint.h>

struct rawport {
	int fd; /* readable when frames wait */
	uint8_t *ring;
	uint32_t ring_bytes, frame_bytes, frames;
	uint32_t next;	   /* frame to look at next */
	uint32_t lent;	   /* frames given out and not yet released */
	uint64_t overflow; /* frames the kernel dropped because the ring was full, up to the last
			      look */
};

struct rawport_frame {
	uint8_t *bytes;
	uint32_t length;
};

/* mtu is the largest that frames on the interface may have. 0 or -errno. */
int rawport_open(struct rawport *port, const char *interface, uint32_t mtu);
void rawport_close(struct rawport *port);

/*
 * Up to max frames, in the ring's own memory: the caller's to change until rawport_release(). A
 * frame that was longer than the ring's has length 0.
 */
uint32_t rawport_receive(struct rawport *port, struct rawport_frame *frames, uint32_t max);
void rawport_release(struct rawport *port);

/*
 * Sends frames in order; sent[i] tells which the device took. Never waits.
 */
void rawport_send(
	struct rawport *port, const struct rawport_frame *frames, uint32_t count, uint8_t *sent);

/* Brings port->overflow up to date. */
void rawport_look(struct rawport *port);

#endif
