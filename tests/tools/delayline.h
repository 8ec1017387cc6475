/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames under way, taken out in the order of their due times; those of equal time in the order
 * they were put in. One thread. The line owns its copies.
 */
#ifndef TESTS_TOOLS_DELAYLINE_H
#define TESTS_TOOLS_DELAYLINE_H

#include <stdint.h>

struct delayline_frame {
	uint64_t due_ns;
	uint64_t order; /* set by the line */
	uint64_t number;
	uint8_t *bytes;
	uint32_t length;
};

struct delayline {
	struct delayline_frame *heap;
	uint32_t count, room;
	uint64_t order;
};

/* Copies length bytes; 0 or -ENOMEM. A zeroed line is an empty one. */
int delayline_put(struct delayline *line, uint64_t due_ns, uint64_t number, const uint8_t *bytes,
	uint32_t length);

/* The next frame to leave, NULL when empty; valid until the line changes. */
const struct delayline_frame *delayline_first(const struct delayline *line);
void delayline_drop_first(struct delayline *line);
void delayline_free(struct delayline *line);

#endif
