/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one direction of an emulated link does to its frames, without any input or output: a frame's
 * number and the seed decide its fate, so a run can be repeated and every count is exact.
 *
 * Each frame takes the same number of random draws whatever is switched on; changing one setting
 * therefore leaves the fate of frames under the others as it was.
 *
 * The counts close: received + duplicated = sent + lost + cut + queue_full + refused + in flight.
 */
#ifndef TESTS_TOOLS_IMPAIR_H
#define TESTS_TOOLS_IMPAIR_H

#include <stdbool.h>
#include <stdint.h>

#define IMPAIR_PPM 1000000u

struct impair_settings {
	uint64_t delay_ns;
	uint64_t jitter_ns;  /* uniform on [0, jitter_ns] on top of delay_ns; order is kept */
	uint64_t reorder_ns; /* how much later a frame leaves that is held back */
	uint32_t loss;	     /* probabilities, in IMPAIR_PPM */
	uint32_t reorder;
	uint32_t duplicate;
	uint32_t corrupt;
	uint32_t limit; /* frames in flight; more are dropped as queue_full */
	bool cut;	/* nothing passes, frames in flight included */
};

struct impair_counts {
	uint64_t received, received_bytes;
	uint64_t sent, sent_bytes;
	uint64_t lost, cut, queue_full, refused;
	uint64_t duplicated, corrupted, held_back;
	uint64_t late; /* sent after a frame that came later */
};

struct impair {
	struct impair_settings settings;
	struct impair_counts counts;
	uint64_t random[4];
	uint64_t number;    /* of the next frame, from 1 */
	uint64_t last_due;  /* of frames that keep their order */
	uint64_t last_sent; /* highest number sent */
	uint32_t in_flight;
};

struct impair_fate {
	uint64_t number;
	uint64_t due_ns;      /* when it is to leave, on the clock of the arrival */
	uint32_t copies;      /* 0: the frame ends here, counted; 2: duplicated */
	uint32_t corrupt_bit; /* bit to flip, counted from the frame's start; 0: none */
};

void impair_start(struct impair *impair, uint64_t seed);

/*
 * Decides about one frame of length bytes that arrived at now_ns. The copies it grants are in
 * flight from here until impair_finish() is told what became of each.
 */
struct impair_fate impair_decide(struct impair *impair, uint64_t now_ns, uint32_t length);

/* Whether a frame in flight may leave now: not over a link cut meanwhile. */
bool impair_may_leave(const struct impair *impair);

/* One copy of frame `number` left the link, or the device refused it. */
void impair_sent(struct impair *impair, uint64_t number, uint32_t length);
void impair_refused(struct impair *impair);
void impair_cut(struct impair *impair);

/* Sets "loss=0.5%", "delay=2ms", "cut=1" and the like; -EINVAL for what it does not know. */
int impair_set(struct impair_settings *settings, const char *assignment);

#endif
