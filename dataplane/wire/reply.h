/* SPDX-License-Identifier: BSD-3-Clause */
/* Questions to our own addresses turned into their answers, in place. Pure. */
#ifndef DATAPLANE_WIRE_REPLY_H
#define DATAPLANE_WIRE_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#define REPLY_ADVERTISEMENT 72 /* bytes of the IPv6 packet that reply_advertise leaves */

/* An ARP request of 28 bytes becomes the reply that target is at mac. */
void reply_arp(uint8_t *arp, const uint8_t mac[6]);

/* An echo request, if it is a sound one, becomes its reply. packet: an IP header with the ICMP
 * message at offset at, length in all; checked by ippacket_inspect. False: not changed. */
bool reply_echo(uint8_t *packet, uint8_t family, uint16_t at, uint16_t length);

/* RFC 4861 7.1.1 and 7.1.2: what must be true of a solicitation or an advertisement. */
bool reply_discovery_sound(const uint8_t *packet, uint16_t at, uint16_t length);

/* A sound solicitation becomes the advertisement of RFC 4861 7.2.4; there is room for
 * REPLY_ADVERTISEMENT. False: it goes to all nodes, as the sender has no address yet. */
bool reply_advertise(uint8_t *packet, const uint8_t mac[6]);

#endif
