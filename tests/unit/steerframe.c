/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/steerframe.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/base/ip.h"

const uint8_t steerframe_mac[6] = {2, 0, 0, 0, 0, 0xa};

static void put(struct steerframe *f, const void *bytes, size_t length)
{
	if (f->length + length > STEERFRAME_ROOM)
		abort();
	memcpy(f->bytes + f->length, bytes, length);
	f->length += (uint32_t)length;
}

void steerframe_put8(struct steerframe *f, unsigned value)
{
	uint8_t byte = (uint8_t)value;

	put(f, &byte, 1);
}

void steerframe_put16(struct steerframe *f, unsigned value)
{
	steerframe_put8(f, value >> 8);
	steerframe_put8(f, value & 0xff);
}

void steerframe_put_zeros(struct steerframe *f, unsigned count)
{
	while (count-- > 0)
		steerframe_put8(f, 0);
}

static void put_address(struct steerframe *f, const char *text)
{
	struct ip_address address;

	if (ip_parse(text, &address) != 0)
		abort();
	put(f, address.bytes, address.family == IP_4 ? 4 : 16);
}

struct steerframe steerframe_ethernet(unsigned type)
{
	static const uint8_t theirs[6] = {2, 0, 0, 0, 0, 0xb};
	struct steerframe f = {.length = 0};

	put(&f, steerframe_mac, 6);
	put(&f, theirs, 6);
	steerframe_put16(&f, type);
	return f;
}

struct steerframe steerframe_tagged(unsigned type0, unsigned tci0, unsigned type1, unsigned tci1)
{
	struct steerframe f = steerframe_ethernet(type0);

	steerframe_put16(&f, tci0);
	if (type1 != 0) {
		steerframe_put16(&f, type1);
		steerframe_put16(&f, tci1);
	}
	steerframe_put16(&f, 0x0800);
	steerframe_put_zeros(&f, 40);
	return f;
}

struct steerframe steerframe_arp(unsigned operation, const char *sender, const char *target)
{
	struct steerframe f = steerframe_ethernet(0x0806);

	steerframe_put16(&f, 1);
	steerframe_put16(&f, 0x0800);
	steerframe_put8(&f, 6);
	steerframe_put8(&f, 4);
	steerframe_put16(&f, operation);
	steerframe_put_zeros(&f, 6);
	put_address(&f, sender);
	steerframe_put_zeros(&f, 6);
	put_address(&f, target);
	return f;
}

void steerframe_put_ip4(struct steerframe *f, unsigned options, unsigned protocol,
	unsigned fragment, const char *to)
{
	steerframe_put8(f, 0x45 + options);
	steerframe_put8(f, 0);
	steerframe_put16(f, 60);
	steerframe_put16(f, 1);
	steerframe_put16(f, fragment);
	steerframe_put8(f, 64);
	steerframe_put8(f, protocol);
	steerframe_put16(f, 0);
	put_address(f, "10.1.0.2");
	put_address(f, to);
	steerframe_put_zeros(f, options * 4);
}

void steerframe_put_ports(struct steerframe *f, unsigned from, unsigned to)
{
	steerframe_put16(f, from);
	steerframe_put16(f, to);
	steerframe_put_zeros(f, 24);
}

struct steerframe steerframe_ip4(unsigned protocol, const char *to, unsigned port)
{
	struct steerframe f = steerframe_ethernet(0x0800);

	steerframe_put_ip4(&f, 0, protocol, 0, to);
	steerframe_put_ports(&f, 50000, port);
	return f;
}

void steerframe_put_ip6(struct steerframe *f, unsigned next, const char *to)
{
	steerframe_put16(f, 0x6000);
	steerframe_put16(f, 0);
	steerframe_put16(f, 40);
	steerframe_put8(f, next);
	steerframe_put8(f, 255);
	put_address(f, "fd00::2");
	put_address(f, to);
}

struct steerframe steerframe_ip6(unsigned next, const char *to, unsigned port)
{
	struct steerframe f = steerframe_ethernet(0x86dd);

	steerframe_put_ip6(&f, next, to);
	steerframe_put_ports(&f, 50000, port);
	return f;
}

struct steerframe steerframe_icmp6(unsigned type, const char *to, const char *target)
{
	struct steerframe f = steerframe_ethernet(0x86dd);

	steerframe_put_ip6(&f, 58, to);
	steerframe_put8(&f, type);
	steerframe_put_zeros(&f, 7);
	put_address(&f, target);
	return f;
}
