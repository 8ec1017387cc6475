/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * OAM messages as they come from the network, and a BFD session that hears them. The input is a
 * list of messages, each behind its length and an order: a byte that says whether it is a whole
 * frame, how much time passes, and whether the session expires then.
 */
#include <stdlib.h>
#include <string.h>

#include "dataplane/oam/bfd.h"
#include "dataplane/oam/oamframe.h"
#include "dataplane/wire/tunnel.h"

#define HZ UINT64_C(2600000000)

enum order { ORDER_FRAME = 1, ORDER_EXPIRE = 2, ORDER_SEND = 4 };

static const struct fwd_bfd open_to_all = {.mode = FWD_BFD_SINGLE_HOP,
	.multiplier = 5,
	.discriminator = 7,
	.tx_us = 6000,
	.rx_us = 6000};
static const struct fwd_bfd locked = {.mode = FWD_BFD_SINGLE_HOP,
	.multiplier = 5,
	.authenticated = 1,
	.key_id = 1,
	.key = "\x8a\xf1no input has it\x93",
	.discriminator = 7,
	.tx_us = 6000,
	.rx_us = 6000};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(int holds)
{
	if (!holds)
		abort();
}

/* What is read is within what there is, and is what it says. */
static void try_frame(const uint8_t *bytes, uint32_t length)
{
	struct oamframe frame;

	if (oamframe_read(bytes, length, TUNNEL_ETHERNET, &frame) != VERDICT_GO)
		return;
	check(frame.message >= bytes && frame.message + frame.length <= bytes + length);
	check(frame.source.family == frame.destination.family);
}

static void check_packet(const uint8_t *bytes, uint32_t length, const struct bfdpacket *packet)
{
	uint8_t again[BFDPACKET_MOST];
	struct bfdpacket copy = *packet;

	check(packet->length <= length && packet->multiplier != 0 && packet->mine != 0);
	check(packet->yours != 0 || packet->state <= BFDPACKET_DOWN);
	copy.flags &= (uint8_t)~BFDPACKET_AUTHENTICATED;
	check(bfdpacket_build(again, &copy) == BFDPACKET_BYTES);
	again[1] |= packet->flags & BFDPACKET_AUTHENTICATED;
	again[3] = packet->length;
	check(memcmp(again, bytes, BFDPACKET_BYTES) == 0);
}

static void check_session(const struct bfd *s, uint64_t now)
{
	check(s->state < BFDPACKET_STATES && s->state != BFDPACKET_ADMIN_DOWN);
	check(s->state != BFDPACKET_UP || !s->objects);
	check(s->ups >= s->downs && s->ups - s->downs <= 1);
	check(s->expires == BFD_NEVER || s->expires >= now);
	check(s->next_send == BFD_NEVER || s->next_send <= now + 3601 * HZ);
}

static void hear(struct bfd *s, const uint8_t *bytes, uint32_t length, uint64_t now)
{
	struct bfd sealed, before;
	struct bfdpacket packet;
	unsigned state = s->state, verdict;

	if (bfdpacket_parse(bytes, length, &packet) != VERDICT_GO)
		return;
	check_packet(bytes, length, &packet);
	verdict = bfd_receive(s, &open_to_all, &packet, bytes, now);
	check((verdict == DROP_BFD_AUTH) == ((packet.flags & BFDPACKET_AUTHENTICATED) != 0));
	if (verdict == VERDICT_GO) {
		check(s->state == bfd_next(state, packet.state));
		check(s->answer == ((packet.flags & BFDPACKET_POLL) != 0));
	}
	check_session(s, now);
	bfd_begin(&sealed, &locked, 1, HZ, now);
	before = sealed;
	check(bfd_receive(&sealed, &locked, &packet, bytes, now) == DROP_BFD_AUTH);
	check(memcmp(&before, &sealed, sizeof(before)) == 0);
}

/* In memory of its own, so that sanitizers see a read behind its end. */
static void take(struct bfd *s, uint8_t order, const uint8_t *bytes, size_t length, uint64_t now)
{
	uint8_t *copy = malloc(length != 0 ? length : 1);
	struct bfdpacket packet;

	memcpy(copy, bytes, length);
	if (order & ORDER_FRAME)
		try_frame(copy, (uint32_t)length);
	else
		hear(s, copy, (uint32_t)length, now);
	free(copy);
	if ((order & ORDER_EXPIRE) && s->expires != BFD_NEVER)
		bfd_expire(s, &open_to_all, now);
	if (!(order & ORDER_SEND))
		return;
	bfd_send(s, &open_to_all, now, &packet);
	check((packet.flags & (BFDPACKET_POLL | BFDPACKET_FINAL)) !=
		(BFDPACKET_POLL | BFDPACKET_FINAL));
	check(!bfd_must_send(s, now));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t now = 5 * HZ;
	struct bfd s;

	memset(&s, 0, sizeof(s));
	bfd_begin(&s, &open_to_all, 1, HZ, now);
	while (size >= 2) {
		uint8_t order = data[0];
		size_t length = data[1] < size - 2 ? data[1] : size - 2;

		now += (uint64_t)(order >> 3) * (HZ / 100);
		if (s.expires < now)
			bfd_expire(&s, &open_to_all, now);
		take(&s, order, data + 2, length, now);
		data += 2 + length;
		size -= 2 + length;
	}
	return 0;
}
