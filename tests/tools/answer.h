/* SPDX-License-Identifier: BSD-3-Clause */
/* A station that answers every ARP request and neighbour solicitation it sees, whoever is asked
 * for. */
#ifndef TESTS_TOOLS_ANSWER_H
#define TESTS_TOOLS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

struct testbed;

/* Turns the question in frame into its answer from rawframe_station, tags kept; false where it is
 * no question. room: bytes the frame may grow to; *length follows. */
bool answer_question(uint8_t *frame, uint16_t *length, uint16_t room);

/* Takes all frames that the gateway sent by this port: answers the questions, by receive queue 0,
 * and gives each other frame to take, for as long as that lasts. How many questions there were. */
unsigned answer_port(struct testbed *g, unsigned port,
	void (*take)(unsigned port, const uint8_t *frame, uint16_t length));

#endif
