/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lengths and checksums of a frame and of what lies in it, tunnels included: made right, so that
 * inputs come past the checks of them, or judged, for what the gateway sends.
 */
#ifndef TESTS_FUZZ_SOUND_H
#define TESTS_FUZZ_SOUND_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/wire/ethernet.h"

enum sound_part { SOUND_LENGTHS = 1, SOUND_SUMS = 2 };

/* Makes these parts of the frame right, as far as its headers lead. UDP checksums of zero stay. */
void sound_amend(uint8_t *frame, uint32_t bytes, unsigned parts);

struct sound_frame {
	struct ethernet ethernet;
	bool tunnel;
	uint32_t vni;	       /* of the tunnel */
	const uint8_t *frame;  /* the innermost Ethernet frame; NULL: the tunnel carries IP */
	const uint8_t *packet; /* the innermost IP or ARP packet */
	uint16_t type;	       /* its EtherType */
};

/* Whether the frame is one that anybody accepts: headers add up to exactly its bytes, IPv4 header
 * checksums are right, a tunnel's checksum too; with SOUND_SUMS in parts also those of TCP, UDP and
 * ICMP in the innermost packet. tunnels: look into them. */
bool sound_judge(const uint8_t *frame, uint32_t bytes, unsigned parts, bool tunnels,
	struct sound_frame *out);

#endif
