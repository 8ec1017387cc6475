/* SPDX-License-Identifier: BSD-3-Clause */
/* Geneve (RFC 8926) and VXLAN (RFC 7348) headers. Pure; every read is covered by the length given.
 */
#ifndef DATAPLANE_WIRE_TUNNEL_H
#define DATAPLANE_WIRE_TUNNEL_H

#include <stdint.h>

#include "dataplane/base/drop.h"
#include "dataplane/wire/ippacket.h"
#include "dataplane/wire/laneoption.h"

#define TUNNEL_ETHERNET	  0x6558 /* protocol type of a whole Ethernet frame */
#define TUNNEL_MANAGEMENT 1	 /* VNI that ends in the gateway itself: RFC 9772, RFC 8971 */

struct tunnel {
	uint32_t vni;
	uint16_t protocol; /* EtherType of the payload; TUNNEL_ETHERNET for VXLAN */
	uint16_t bytes;	   /* of the tunnel header with its options */
};

/* Options of that many bytes: lengths add up, none that is critical is unknown to us. */
unsigned tunnel_options(const uint8_t *options, uint32_t bytes);

/* header: what follows UDP; available: bytes of it. VERDICT_GO or the reason. */
static inline unsigned tunnel_geneve(const uint8_t *header, uint32_t available, struct tunnel *out)
{
	uint32_t options;

	if (available < 8)
		return DROP_TUNNEL_TRUNCATED;
	if (header[0] >> 6 != 0)
		return DROP_GENEVE_VERSION;
	options = (uint32_t)(header[0] & 0x3f) * 4;
	if (8 + options > available)
		return DROP_TUNNEL_TRUNCATED;
	/* The C bit alone is not believed: an option that is critical says so itself, and RFC 8926
	 * has the endpoint look at each. */
	if (options != 0 && !laneoption_alone(header + 8, options)) {
		unsigned verdict = tunnel_options(header + 8, options);

		if (verdict != VERDICT_GO)
			return verdict;
	}
	if (header[1] & 0x80)
		return DROP_GENEVE_CONTROL;
	out->vni = ippacket_be32(header + 4) >> 8;
	out->protocol = ippacket_be16(header + 2);
	out->bytes = (uint16_t)(8 + options);
	return VERDICT_GO;
}

static inline unsigned tunnel_vxlan(const uint8_t *header, uint32_t available, struct tunnel *out)
{
	if (available < 8)
		return DROP_TUNNEL_TRUNCATED;
	if (!(header[0] & 0x08))
		return DROP_VXLAN_FLAGS;
	out->vni = ippacket_be32(header + 4) >> 8;
	out->protocol = TUNNEL_ETHERNET;
	out->bytes = 8;
	return VERDICT_GO;
}

#endif
