/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The headers around an OAM message: UDP over IP on the underlay, or inside the tunnel of a path.
 * Pure: bytes and the path's template in, bytes out.
 *
 *   on the underlay   Ethernet, IP, UDP
 *   in Geneve         the path's outer headers with VNI 1 and the O bit, IP, UDP  (RFC 9521, 9772)
 *   in VXLAN          the path's outer headers with VNI 1, Ethernet, IP, UDP      (RFC 8971)
 */
#ifndef DATAPLANE_OAM_OAMFRAME_H
#define DATAPLANE_OAM_OAMFRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/ip.h"
#include "dataplane/fwd/snapshot.h"

#define OAMFRAME_HEADERS 140 /* no more stand before the message */

/* A message to be sent on a path. */
struct oamframe_message {
	const uint8_t *bytes;
	uint16_t length;
	uint16_t source, destination; /* UDP ports */
	uint16_t lane;		      /* outer UDP source port, inside a tunnel */
	bool tunnelled;
};

/* Writes the frame; next_hop: word of the path's neighbour. Answers its bytes. */
uint32_t oamframe_write(uint8_t *frame, const struct fwd_path *path, uint64_t next_hop,
	const struct oamframe_message *message);

/* A message that came in. */
struct oamframe {
	const uint8_t *message;
	uint32_t length;
	struct ip_address source, destination;
	uint16_t destination_port;
	uint8_t ttl;
};

/* bytes: an Ethernet frame (TUNNEL_ETHERNET) or IP packet of this EtherType. VERDICT_GO, or
 * DROP_OAM_FRAME: it is not sound, or no UDP. */
unsigned oamframe_read(
	const uint8_t *bytes, uint32_t available, uint16_t protocol, struct oamframe *out);

/* The address names the end of the tunnel, whoever that is: loopback, or the dummy prefix of RFC
 * 9780. */
bool oamframe_names_end(const struct ip_address *address);

#endif
