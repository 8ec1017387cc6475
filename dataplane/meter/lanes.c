/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/meter/lanes.h"

#include <string.h>
#include <sys/mman.h>

#include "dataplane/base/words.h"

static size_t round_line(size_t bytes)
{
	return (bytes + CACHE_LINE - 1) & ~(size_t)(CACHE_LINE - 1);
}

struct layout {
	size_t sender, receiver, window, epochs, delay, sent, received, total;
};

static struct layout layout_of(uint32_t paths, unsigned workers)
{
	size_t ids = (size_t)paths + 1, count = ids * LANES_PATH;
	struct layout l = {.sender = round_line(sizeof(struct lanes))};

	l.receiver = l.sender + count * sizeof(struct lane_sender);
	l.window = l.receiver + count * sizeof(struct lane_receiver);
	l.epochs = l.window + count * (LANE_WINDOW / 8);
	l.delay = l.epochs + ids * sizeof(struct lanes_epochs);
	l.sent = l.delay + ids * workers * sizeof(struct delay);
	l.received = l.sent + round_line(ids * sizeof(uint16_t));
	l.total = l.received + round_line(ids * sizeof(uint16_t));
	return l;
}

struct lanes *lanes_create(uint32_t paths, unsigned workers)
{
	struct layout l = layout_of(paths, workers);
	char *base = mmap(NULL, l.total, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct lanes *lanes = (struct lanes *)(void *)base;

	if (base == MAP_FAILED)
		return NULL;
	*lanes = (struct lanes){.sender = (void *)(base + l.sender),
		.receiver = (void *)(base + l.receiver),
		.window = (void *)(base + l.window),
		.epochs = (void *)(base + l.epochs),
		.delay = (void *)(base + l.delay),
		.sent = (void *)(base + l.sent),
		.received = (void *)(base + l.received),
		.paths = paths,
		.bytes = l.total};
	return lanes;
}

void lanes_destroy(struct lanes *lanes)
{
	if (lanes != NULL)
		munmap(lanes, lanes->bytes);
}

static void raise_to(_Atomic uint16_t *used, uint16_t lanes)
{
	uint16_t now = atomic_load_explicit(used, memory_order_relaxed);

	while (now < lanes && !atomic_compare_exchange_weak_explicit(used, &now, lanes,
				      memory_order_relaxed, memory_order_relaxed))
		;
}

void lanes_begin_sender(struct lanes *lanes, uint16_t path, uint16_t lane, uint64_t random)
{
	struct lane_sender *sender = &lanes->sender[(size_t)path * LANES_PATH + lane];

	/* After a restart of this gateway another generation, most likely: the peer still knows
	 * the last. */
	random *= UINT64_C(0x9e3779b97f4a7c15);
	lane_start(sender, lane, (uint8_t)(random >> 60), (uint32_t)(random >> 16));
	raise_to(&lanes->sent[path], (uint16_t)(lane + 1));
}

void lanes_begin_receiver(struct lanes *lanes, uint16_t path, uint16_t lane)
{
	size_t at = (size_t)path * LANES_PATH + lane;

	lane_receiver_init(
		&lanes->receiver[at], &lanes->window[at * (LANE_WINDOW / 64)], LANE_WINDOW);
	raise_to(&lanes->received[path], (uint16_t)(lane + 1));
}

uint32_t lanes_reopen(struct lanes_epochs *epochs, uint8_t epoch)
{
	uint32_t oldest = atomic_load_explicit(&epochs->oldest, memory_order_acquire), ahead, next;

	for (;;) {
		ahead = (uint8_t)(epoch - (uint8_t)oldest);
		if (oldest != 0 && (ahead < LANE_EPOCHS || ahead >= 0x80))
			return oldest;
		next = oldest + ahead - 1;
		/* 256 or more, so that no whole number is ever 0. */
		if (oldest == 0)
			next = atomic_load_explicit(&epochs->base, memory_order_relaxed) + 255 +
			       epoch;
		if (atomic_compare_exchange_strong_explicit(&epochs->oldest, &oldest, next,
			    memory_order_relaxed, memory_order_relaxed))
			return next;
	}
}

void lanes_view(const struct lanes *lanes, uint16_t path, struct lanes_view *out)
{
	const struct lane_sender *senders = &lanes->sender[(size_t)path * LANES_PATH];
	const struct lane_receiver *receivers = &lanes->receiver[(size_t)path * LANES_PATH];
	unsigned sent = atomic_load_explicit(&lanes->sent[path], memory_order_relaxed);
	unsigned received = atomic_load_explicit(&lanes->received[path], memory_order_relaxed);

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < sent; i++) {
		struct lane_sender sender;

		words_copy(&senders[i], &sender, sizeof(sender));
		out->sent.packets += sender.packets;
		out->sent.bytes += sender.bytes;
		out->taken_back += sender.taken_back;
	}
	for (unsigned i = 0; i < received; i++) {
		struct lane_receiver receiver;

		words_copy(&receivers[i], &receiver, sizeof(receiver));
		lane_total(&receiver, &out->received);
	}
}
