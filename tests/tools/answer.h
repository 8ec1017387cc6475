/* SPDX-License-Identifier: BSD-3-Clause */
/* A station that answers every ARP request and neighbour solicitation it sees, whoever is asked
 * for. */
#ifndef TESTS_TOOLS_ANSWER_H
#define TESTS_TOOLS_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

/* Turns the question in frame into its answer from the station mac, tags kept; false where it is no
 * question. room: bytes the frame may grow to; *length follows. */
bool answer_question(uint8_t *frame, uint16_t *length, uint16_t room, const uint8_t mac[6]);

#endif
