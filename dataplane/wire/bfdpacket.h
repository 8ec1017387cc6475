/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BFD control packets (RFC 5880 4.1) and their meticulous keyed SHA1 authentication (4.4, 6.7.4).
 * Pure; numbers in host order, intervals in microseconds.
 */
#ifndef DATAPLANE_WIRE_BFDPACKET_H
#define DATAPLANE_WIRE_BFDPACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/drop.h"

#define BFDPACKET_SINGLE_HOP 3784 /* UDP destination: RFC 5881; inside tunnels RFC 9521, 8971 */
#define BFDPACKET_MULTIHOP   4784 /* RFC 5883 */

#define BFDPACKET_BYTES	     24
#define BFDPACKET_AUTH_BYTES 28 /* the authentication section of SHA1 */
#define BFDPACKET_MOST	     52 /* that we send */
#define BFDPACKET_KEY	     20 /* bytes of a key; a shorter one is followed by zeroes */
#define BFDPACKET_SHA1	     5	/* authentication type: meticulous keyed SHA1 */

enum bfdpacket_state {
	BFDPACKET_ADMIN_DOWN = 0,
	BFDPACKET_DOWN,
	BFDPACKET_INIT,
	BFDPACKET_UP,
	BFDPACKET_STATES
};

enum bfdpacket_diag {
	BFDPACKET_DIAG_NONE = 0,
	BFDPACKET_DIAG_EXPIRED = 1,
	BFDPACKET_DIAG_NEIGHBOUR_DOWN = 3,
	BFDPACKET_DIAG_ADMIN_DOWN = 7,
};

enum bfdpacket_flags {
	BFDPACKET_POLL = 0x20,
	BFDPACKET_FINAL = 0x10,
	BFDPACKET_INDEPENDENT = 0x08, /* of the control plane: RFC 5882 4.3 */
	BFDPACKET_AUTHENTICATED = 0x04,
	BFDPACKET_DEMAND = 0x02,
	BFDPACKET_MULTIPOINT = 0x01,
};

struct bfdpacket {
	uint8_t diag, state;
	uint8_t flags; /* enum bfdpacket_flags */
	uint8_t multiplier;
	uint8_t length; /* of the whole packet */
	uint8_t auth_type, auth_length, key_id;
	uint32_t mine, yours; /* discriminators, as the sender says it */
	uint32_t desired_tx, required_rx, required_echo_rx;
	uint32_t sequence; /* where it is authenticated */
};

/* The checks of RFC 5880 6.8.6 that need no session, in its order; available: bytes of the UDP
 * payload. VERDICT_GO or the reason. */
unsigned bfdpacket_parse(const uint8_t *bytes, uint32_t available, struct bfdpacket *out);

/* Writes the packet, its length, and with BFDPACKET_AUTHENTICATED an authentication section whose
 * digest is still to be made; there is room for BFDPACKET_MOST. Answers its bytes. */
uint32_t bfdpacket_build(uint8_t *bytes, const struct bfdpacket *packet);

/* Fills the digest of a packet that bfdpacket_build wrote. */
void bfdpacket_sign(uint8_t *bytes, const uint8_t key[BFDPACKET_KEY]);

/* Type, length and digest of a parsed packet are those of this key. */
bool bfdpacket_genuine(
	const uint8_t *bytes, const struct bfdpacket *packet, const uint8_t key[BFDPACKET_KEY]);

/* "admin_down", "down", "init" or "up"; "unknown" for anything else. */
const char *bfdpacket_state_name(unsigned state);
/* The registry's words for a diagnostic (RFC 5880 4.1, RFC 6428); "reserved" for the rest. */
const char *bfdpacket_diag_name(unsigned diag);

#endif
