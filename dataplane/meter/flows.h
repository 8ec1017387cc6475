/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The flows that carry most: a small table per worker, fed with one of FLOWS_GAP packets that the
 * worker receives, drawn at random so that no rhythm of the traffic hides a flow.
 *
 * The table is a Space-Saving summary (Metwally, Agrawal, El Abbadi 2005) of the samples of a
 * window: of S samples every flow with more than S / FLOWS_ENTRIES of them is in it, and none is
 * counted too low, nor too high by more than its `over`. Drawing adds chance: a flow with n samples
 * has n * FLOWS_GAP packets, give or take a relative standard error of 1 / sqrt(n).
 *
 * Writer: the worker. Readers: any thread, by flows_read.
 */
#ifndef DATAPLANE_METER_FLOWS_H
#define DATAPLANE_METER_FLOWS_H

#include "dataplane/base/macros.h"

#define FLOWS_ENTRIES 64
#define FLOWS_GAP     128 /* packets for each sample, on average */

struct flows_key {
	uint64_t hash; /* flow hash, the same for both directions */
	uint8_t source[16], destination[16];
	uint32_t connection;
	uint16_t source_port, destination_port; /* 0: none */
	uint8_t family, protocol;
	uint8_t side; /* enum meter_side_id */
	uint8_t port; /* index of the port it came in by */
	uint32_t zero;
};

/* One window; indices of the arrays belong together. */
struct flows_bank {
	uint64_t begun, ended; /* TSC; ended 0: not yet */
	uint64_t samples, used;
	uint64_t id[FLOWS_ENTRIES];
	uint64_t count[FLOWS_ENTRIES]; /* samples */
	uint64_t over[FLOWS_ENTRIES];  /* how many of them may be another flow's */
	uint64_t bytes[FLOWS_ENTRIES]; /* L3, of these samples */
	struct flows_key key[FLOWS_ENTRIES];
};

struct flows {
	alignas(CACHE_LINE) uint32_t gap; /* packets until the next sample */
	uint32_t random;
	uint64_t window; /* TSC cycles; 0: one second */
	unsigned now;	 /* bank being filled */
	/* Odd while a bank changes; release and acquire as in struct meter. */
	_Atomic uint64_t sequence;
	struct flows_bank bank[2];
};

/* Writer: how many packets to the one after the sample just taken. */
static inline uint32_t flows_next_gap(struct flows *flows)
{
	uint32_t r = flows->random | 1;

	r ^= r << 13;
	r ^= r >> 17;
	r ^= r << 5;
	flows->random = r;
	return 1 + (r >> 8) % (2 * FLOWS_GAP - 1);
}

/* Writer: one sample. */
void flows_record(struct flows *flows, const struct flows_key *key, uint32_t bytes, uint64_t tsc);

/* The last whole window, or, where that is long gone, what there is of the one under way, with
 * ended set to tsc. False where the writer was always in the way. */
bool flows_read(const struct flows *flows, uint64_t tsc, struct flows_bank *out);

#endif
