/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/prefixes.h"

#include <stdlib.h>
#include <string.h>

#include "dataplane/base/macros.h"

static uint64_t state = 42;

/* Percent of each length, after public tables of both families. */
static const uint8_t mix4[][2] = {
	{24, 60}, {22, 12}, {23, 10}, {21, 5}, {20, 4}, {19, 3}, {18, 2}, {16, 2}, {32, 2}};
static const uint8_t mix6[][2] = {{48, 48}, {32, 14}, {44, 10}, {40, 9}, {36, 6}, {46, 5}, {47, 4},
	{29, 2}, {64, 1}, {128, 1}};

uint32_t prefixes_below(uint32_t limit)
{
	uint64_t z = state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (uint32_t)((z ^ z >> 31) % limit);
}

static uint8_t pick_length(const uint8_t (*mix)[2], size_t n)
{
	uint32_t dice = prefixes_below(100), i = 0;

	while (i + 1 < n && dice >= mix[i][1])
		dice -= mix[i++][1];
	return mix[i][0];
}

/* Half of the prefixes stand next to the one before, as allocations do. */
static bool step_on(struct ip_prefix *p)
{
	unsigned i = (p->length - 1u) / 8, step = 1u << (7 - (p->length - 1u) % 8);

	if (p->length <= 8 || prefixes_below(2) == 0 || p->ip.bytes[i] + step > 255)
		return false;
	p->ip.bytes[i] = (uint8_t)(p->ip.bytes[i] + step);
	return true;
}

static void pick(struct ip_prefix *p, uint8_t family)
{
	if (step_on(p))
		return;
	*p = (struct ip_prefix){.ip.family = family};
	for (unsigned i = 0; i < ip_bits(family) / 8; i++)
		p->ip.bytes[i] = (uint8_t)prefixes_below(256);
	if (family == IP_4) {
		/* Nothing that is not forwarded, and none of the gateway's own subnets. */
		do
			p->ip.bytes[0] = (uint8_t)(1 + prefixes_below(223));
		while (p->ip.bytes[0] == 127 || p->ip.bytes[0] == 192);
	} else {
		/* Registries hold a few hundred /16s, of which some are crowded. */
		p->ip.bytes[0] = (uint8_t)(0x20 + (prefixes_below(4) ? prefixes_below(3) * 4
								     : prefixes_below(16)));
		p->ip.bytes[1] =
			(uint8_t)(prefixes_below(2) ? prefixes_below(6) : prefixes_below(32));
	}
	p->length = family == IP_4 ? pick_length(mix4, ARRAY_SIZE(mix4))
				   : pick_length(mix6, ARRAY_SIZE(mix6));
	p->ip = ip_mask(&p->ip, p->length);
}

static int by_prefix(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct ip_prefix));
}

static uint32_t without_twins(struct ip_prefix *p, uint32_t count)
{
	uint32_t kept = 0;

	qsort(p, count, sizeof(*p), by_prefix);
	for (uint32_t i = 0; i < count; i++)
		if (kept == 0 || by_prefix(&p[kept - 1], &p[i]) != 0)
			p[kept++] = p[i];
	return kept;
}

void prefixes_draw(struct ip_prefix *out, uint32_t count, uint8_t family)
{
	uint32_t have = 0;

	if (count == 0)
		return;
	memset(out, 0, count * sizeof(*out));
	while (have < count) {
		struct ip_prefix next = {.length = 0};

		for (; have < count; have++) {
			pick(&next, family);
			out[have] = next;
		}
		have = without_twins(out, count);
	}
	for (uint32_t i = count - 1; i > 0; i--) {
		uint32_t j = prefixes_below(i + 1);
		struct ip_prefix p = out[i];

		out[i] = out[j];
		out[j] = p;
	}
}

void prefixes_host(const struct ip_prefix *prefix, struct ip_address *host)
{
	struct ip_address noise = {.family = prefix->ip.family}, net;

	for (unsigned i = 0; i < ip_bits(noise.family) / 8; i++)
		noise.bytes[i] = (uint8_t)prefixes_below(256);
	net = ip_mask(&noise, prefix->length);
	*host = prefix->ip;
	for (unsigned i = 0; i < 16; i++)
		host->bytes[i] |= noise.bytes[i] ^ net.bytes[i];
}
