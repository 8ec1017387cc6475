/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/meter/flows.h"

#include <string.h>

#include <rte_cycles.h>

#include "dataplane/base/words.h"

#define READ_TRIES 100

/* Tells flows and directions apart. */
static uint64_t id_of(const struct flows_key *key)
{
	uint64_t a, b;

	memcpy(&a, key->source, 8);
	memcpy(&b, key->source + 8, 8);
	a = (a ^ key->hash) * UINT64_C(0x9e3779b97f4a7c15);
	b = (b + ((uint64_t)key->connection << 32 | (uint32_t)key->source_port << 8 | key->side)) *
	    UINT64_C(0xd6e8feb86659fd93);
	return a ^ (b << 31 | b >> 33);
}

static unsigned find(const struct flows_bank *bank, uint64_t id)
{
	unsigned at = FLOWS_ENTRIES;

	/* No way out early: so that it is done in vectors. */
	for (unsigned i = 0; i < FLOWS_ENTRIES; i++)
		at = bank->id[i] == id ? i : at;
	return at;
}

/* A free entry, or the one counted least. */
static unsigned take(struct flows_bank *bank)
{
	unsigned least = 0;

	if (bank->used < FLOWS_ENTRIES) {
		bank->count[bank->used] = 0;
		return (unsigned)bank->used++;
	}
	for (unsigned i = 1; i < FLOWS_ENTRIES; i++)
		least = bank->count[i] < bank->count[least] ? i : least;
	return least;
}

static void turn_over(struct flows *flows, uint64_t tsc)
{
	struct flows_bank *bank = &flows->bank[flows->now];

	if (flows->window == 0)
		flows->window = rte_get_tsc_hz();
	if (bank->begun != 0 && tsc - bank->begun < flows->window)
		return;
	if (bank->begun != 0) {
		bank->ended = tsc;
		flows->now ^= 1;
		bank = &flows->bank[flows->now];
	}
	bank->begun = tsc;
	bank->ended = bank->samples = bank->used = 0;
	memset(bank->id, 0, sizeof(bank->id));
}

static void add(struct flows_bank *bank, const struct flows_key *key, uint32_t bytes)
{
	uint64_t id = id_of(key);
	unsigned at = find(bank, id);

	if (at == FLOWS_ENTRIES) {
		at = take(bank);
		bank->id[at] = id;
		bank->key[at] = *key;
		/* It inherits what the other had: more than it can have missed. */
		bank->over[at] = bank->count[at];
		bank->bytes[at] = 0;
	}
	bank->count[at]++;
	bank->bytes[at] += bytes;
	bank->samples++;
}

void flows_record(struct flows *flows, const struct flows_key *key, uint32_t bytes, uint64_t tsc)
{
	uint64_t s = atomic_load_explicit(&flows->sequence, memory_order_relaxed);

	atomic_store_explicit(&flows->sequence, s + 1, memory_order_relaxed);
	/* The odd number is seen before any change. */
	atomic_thread_fence(memory_order_release);
	turn_over(flows, tsc);
	add(&flows->bank[flows->now], key, bytes);
	/* Release: the changes are seen before the even number. */
	atomic_store_explicit(&flows->sequence, s + 2, memory_order_release);
}

/* Plain words of one writer: a torn copy is told by the sequence and thrown away. */
__attribute__((no_sanitize("thread"))) static unsigned bank_to_read(
	const struct flows *flows, uint64_t tsc)
{
	unsigned now = __atomic_load_n(&flows->now, __ATOMIC_RELAXED);
	uint64_t ended = __atomic_load_n(&flows->bank[now ^ 1].ended, __ATOMIC_RELAXED);
	uint64_t window = __atomic_load_n(&flows->window, __ATOMIC_RELAXED);

	return ended != 0 && tsc - ended < 2 * window ? now ^ 1 : now;
}

bool flows_read(const struct flows *flows, uint64_t tsc, struct flows_bank *out)
{
	for (unsigned tried = 0; tried < READ_TRIES; tried++) {
		/* Acquire: the copy comes after it. */
		uint64_t begun = atomic_load_explicit(&flows->sequence, memory_order_acquire);

		words_copy(&flows->bank[bank_to_read(flows, tsc)], out, sizeof(*out));
		/* The second look comes after the copy. */
		atomic_thread_fence(memory_order_acquire);
		if ((begun & 1) ||
			atomic_load_explicit(&flows->sequence, memory_order_relaxed) != begun)
			continue;
		out->ended = out->ended == 0 ? tsc : out->ended;
		return true;
	}
	return false;
}
