/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of every kind that the steering program looks at, made byte by byte; they end the test
 * where an address is none. */
#ifndef TESTS_UNIT_STEERFRAME_H
#define TESTS_UNIT_STEERFRAME_H

#include <stddef.h>
#include <stdint.h>

#define STEERFRAME_ROOM 256

struct steerframe {
	uint8_t bytes[STEERFRAME_ROOM];
	uint32_t length;
};

/* MAC that all are sent to. */
extern const uint8_t steerframe_mac[6];

void steerframe_put_zeros(struct steerframe *f, unsigned count);
void steerframe_put8(struct steerframe *f, unsigned value);
void steerframe_put16(struct steerframe *f, unsigned value);

/* Headers: appended. options: words of four bytes. */
void steerframe_put_ip4(struct steerframe *f, unsigned options, unsigned protocol,
	unsigned fragment, const char *to);
void steerframe_put_ip6(struct steerframe *f, unsigned next, const char *to);
void steerframe_put_ports(struct steerframe *f, unsigned from, unsigned to);

/* Whole frames; type1 0: one tag. */
struct steerframe steerframe_ethernet(unsigned type);
struct steerframe steerframe_tagged(unsigned type0, unsigned tci0, unsigned type1, unsigned tci1);
struct steerframe steerframe_arp(unsigned operation, const char *sender, const char *target);
struct steerframe steerframe_ip4(unsigned protocol, const char *to, unsigned port);
struct steerframe steerframe_ip6(unsigned next, const char *to, unsigned port);
struct steerframe steerframe_icmp6(unsigned type, const char *to, const char *target);

#endif
