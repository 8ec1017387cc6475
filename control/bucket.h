/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which of several weighted members serves a bucket: weighted rendezvous hashing with bounded load.
 * Every member gets first rank in as many buckets as its weight asks for, to one bucket; the ranks
 * behind follow each bucket's own order, so that the buckets of a dead member spread over the
 * others by weight. The same members give the same table on every call and after every restart.
 * Pure.
 */
#ifndef CONTROL_BUCKET_H
#define CONTROL_BUCKET_H

#include <stdint.h>

#define BUCKET_MEMBERS 64
#define BUCKET_NONE    0xff

struct bucket_member {
	uint64_t key;	 /* who it is, whatever its place: a hash of its name */
	uint32_t weight; /* 0: no member at this place */
};

/* Fills buckets rows of ranks numbers each: places of members, best first, BUCKET_NONE where there
 * are no more. count at most BUCKET_MEMBERS. */
void bucket_fill(const struct bucket_member *member, unsigned count, unsigned buckets,
	unsigned ranks, uint8_t *table);

/* A key from a name. */
uint64_t bucket_key(const void *name, unsigned length);

#endif
