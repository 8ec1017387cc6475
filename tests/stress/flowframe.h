/* SPDX-License-Identifier: BSD-3-Clause */
/* A customer's numbered packets, for tests that look at the order in each flow. */
#ifndef TESTS_STRESS_FLOWFRAME_H
#define TESTS_STRESS_FLOWFRAME_H

#include <stdbool.h>
#include <stdint.h>

#define FLOWFRAME_BYTES 54
#define FLOWFRAME_ROOM	64

/* 192.168.7.2 → 10.2.3.4 on VLAN 1100 of port 0, UDP: the flow in the source port, the number in
 * the payload. */
void flowframe_make(uint8_t frame[FLOWFRAME_ROOM], unsigned flow, uint32_t number);
/* The same after it went into a Geneve tunnel over IPv4; false for any other frame. */
bool flowframe_read(const uint8_t *frame, uint16_t length, unsigned *flow, uint32_t *number);

#endif
