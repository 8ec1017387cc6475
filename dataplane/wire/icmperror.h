/* SPDX-License-Identifier: BSD-3-Clause */
/* ICMP errors of both families as bytes (RFC 792, RFC 1812 4.3.2, RFC 4443). Pure. */
#ifndef DATAPLANE_WIRE_ICMPERROR_H
#define DATAPLANE_WIRE_ICMPERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "dataplane/base/ip.h"

#define ICMPERROR_QUOTE4 (576 - 20 - 8)	 /* bytes of the cause in one: RFC 1812 4.3.2.3 */
#define ICMPERROR_QUOTE6 (1280 - 40 - 8) /* RFC 4443 2.4 c */
#define ICMPERROR_ROOM	 1280

enum icmperror { ICMPERROR_NO_ROUTE, ICMPERROR_PORT, ICMPERROR_TOO_BIG, ICMPERROR_TIME };

/* Is this ICMPv4 message itself an error? */
bool icmperror_is_one4(const uint8_t *icmp);

/* May an error be sent about this packet, as far as what it carries goes? Never about an ICMP error
 * (RFC 1122 3.2.2, RFC 4443 2.4 e), also where it is cut into fragments: the first one shows what
 * it is. Not where that cannot be seen: no later fragment of IPv4 (RFC 1122) or of ICMPv6, and
 * none whose headers end before that of the upper layer. packet is checked by ippacket_inspect. */
bool icmperror_answerable(const uint8_t *packet, uint8_t family, uint16_t length);

/* The whole IP packet, from source to the sender of cause, quoting that many bytes of it; mtu for
 * "too big", else 0. out has room for ICMPERROR_ROOM. Returns its length. */
uint16_t icmperror_write(uint8_t *out, const struct ip_address *source, const uint8_t *cause,
	uint16_t quote, enum icmperror error, uint16_t mtu);

#endif
