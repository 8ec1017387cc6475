/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Links between pairs of interfaces, each direction with impairments of its own. Everything a link
 * does to a frame is counted, exactly; what the kernel did to it on the way in or out as well.
 */
#ifndef TESTS_TOOLS_WIRE_H
#define TESTS_TOOLS_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tests/tools/delayline.h"
#include "tests/tools/impair.h"
#include "tests/tools/rawport.h"

#define WIRE_LINKS 64
#define WIRE_NAME  32

struct wire_direction {
	struct impair impair;
	struct delayline line;
	struct rawport *from, *to;
	uint64_t overlong; /* frames longer than the link's MTU */
};

struct wire_link {
	char name[WIRE_NAME];
	char interfaces[2][WIRE_NAME];
	struct rawport ports[2];
	struct wire_direction directions[2]; /* [0]: "ab", from the first interface to the second */
};

struct wire {
	struct wire_link links[WIRE_LINKS];
	uint32_t count;
	uint64_t seed;
};

/* Adds "name=interface:interface"; 0 or -errno, with a sentence on stderr. */
int wire_add(struct wire *wire, const char *text, uint32_t mtu);
void wire_close(struct wire *wire);

/* Takes in what waits on port `side` of a link and sends on what is due at once. */
void wire_receive(struct wire_link *link, int side, uint64_t now_ns);

/* Sends what is due on all links; returns the next due time, UINT64_MAX when nothing is under way.
 */
uint64_t wire_send_due(struct wire *wire, uint64_t now_ns);

/*
 * Carries out one command line and writes one line of JSON:
 *   get
 *   set LINK|all ab|ba|both KEY=VALUE ...
 */
void wire_command(struct wire *wire, char *line, FILE *out);
void wire_report(struct wire *wire, FILE *out);

#endif
