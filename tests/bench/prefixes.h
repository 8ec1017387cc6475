/* SPDX-License-Identifier: BSD-3-Clause */
/* Random route tables with the lengths that public tables have, the same in every run. */
#ifndef TESTS_BENCH_PREFIXES_H
#define TESTS_BENCH_PREFIXES_H

#include "dataplane/base/ip.h"

/* A number below limit. */
uint32_t prefixes_below(uint32_t limit);

/* count different prefixes of the family, in random order. None is under 127.0.0.0/8, which is not
 * forwarded, or 192.0.0.0/8, where a gateway under test has its own subnets. */
void prefixes_draw(struct ip_prefix *out, uint32_t count, uint8_t family);

/* A random host of the prefix. */
void prefixes_host(const struct ip_prefix *prefix, struct ip_address *host);

#endif
