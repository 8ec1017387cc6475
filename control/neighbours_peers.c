/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A peer with several addresses: each is a neighbour of its own, held and asked for ever, and one
 * more for each family of packets stands for them all. Its word is that of the first usable one:
 * of its own family, in the order configured, else of the other. Workers know only these two.
 */
#include <string.h>

#include "control/neighbours_private.h"

/* No address of a station: names what stands for a peer, by family. */
static struct ip_address stand_in(unsigned family)
{
	return (struct ip_address){.family = IP_NONE, .bytes = {(uint8_t)family}};
}

static uint32_t choose(const struct neighbours *n, uint32_t first, unsigned family)
{
	uint32_t other = 0;

	for (uint32_t id = first; id != 0; id = n->record[id].peer_next) {
		if (!neighbour_usable(neighbour_load(neighbours_entry(n, id))))
			continue;
		if (n->record[id].address.family == family)
			return id;
		other = other != 0 ? other : id;
	}
	return other != 0 ? other : first;
}

static void follow(struct neighbours *n, uint32_t id, uint32_t chosen)
{
	const uint64_t version = UINT64_C(0xff) << 56;
	uint64_t word = neighbour_load(neighbours_entry(n, chosen));

	if (((neighbour_load(neighbours_entry(n, id)) ^ word) & ~version) != 0)
		neighbour_set(
			neighbours_entry(n, id), (const uint8_t *)&word, neighbour_state(word));
}

static void follow_all(struct neighbours *n, uint32_t id)
{
	uint32_t first = n->record[id].peer_next;

	follow(n, id, choose(n, first, IP_4));
	follow(n, neighbours_peers_second(n, id), choose(n, first, IP_6));
}

void neighbours_peers_tell(struct neighbours *n, uint32_t id)
{
	struct ip_address four = stand_in(IP_4);

	if (n->record[id].in_peer)
		follow_all(n, neighbours_find(n, n->record[id].link, &four));
}

static unsigned members(const struct neighbours *n, uint32_t id, uint32_t member[MODEL_ADDRESSES])
{
	unsigned count = 0;

	for (uint32_t m = n->record[id].peer_next; m != 0; m = n->record[m].peer_next)
		member[count++] = m;
	return count;
}

static void release_members(struct neighbours *n, const uint32_t *member, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		neighbours_release(n, member[i]);
}

/* The new ones are held before the old ones are given back: many are the same. */
static void join(struct neighbours *n, uint32_t id, const struct ip_address *peer, unsigned count)
{
	uint32_t link = n->record[id].link, old[MODEL_ADDRESSES], last = id;
	unsigned olds = members(n, id, old);

	for (unsigned i = 0; i < olds; i++)
		n->record[old[i]].in_peer = false;
	for (unsigned i = 0; i < count; i++) {
		uint32_t member = neighbours_hold(n, link, &peer[i]);

		if (member != 0 && n->record[member].in_peer) {
			neighbours_release(n, member); /* it stands there twice */
			continue;
		}
		if (member == 0)
			continue;
		n->record[member].in_peer = true;
		n->record[last].peer_next = member;
		last = member;
	}
	n->record[last].peer_next = 0;
	release_members(n, old, olds);
	follow_all(n, id);
}

uint32_t neighbours_hold_peers(
	struct neighbours *n, uint32_t link, const struct ip_address *peer, unsigned count)
{
	struct ip_address four = stand_in(IP_4), six = stand_in(IP_6);
	uint32_t id;

	if (count == 1)
		return neighbours_hold(n, link, peer);
	id = neighbours_stand_in(n, link, &four);
	if (id == 0)
		return 0;
	if (!n->record[id].stands_in) {
		uint32_t second = neighbours_stand_in(n, link, &six);

		n->record[id].stands_in = second != 0;
		if (second == 0) {
			neighbours_release(n, id);
			return 0;
		}
		n->record[second].stands_in = true;
	}
	join(n, id, peer, count);
	return id;
}

uint32_t neighbours_peers_second(const struct neighbours *n, uint32_t id)
{
	struct ip_address six = stand_in(IP_6);

	return n->record[id].stands_in ? neighbours_find(n, n->record[id].link, &six) : id;
}

void neighbours_peers_part(struct neighbours *n, uint32_t id)
{
	uint32_t member[MODEL_ADDRESSES], second;
	unsigned count;

	if (!n->record[id].stands_in)
		return;
	second = neighbours_peers_second(n, id);
	count = members(n, id, member);
	for (unsigned i = 0; i < count; i++)
		n->record[member[i]].in_peer = false;
	n->record[id].peer_next = 0;
	n->record[id].stands_in = n->record[second].stands_in = false;
	release_members(n, member, count);
	neighbours_release(n, second);
}
