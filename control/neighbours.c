/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/neighbours_private.h"
#include "dataplane/base/iphash.h"

#define TICK_NS	     UINT64_C(250000)  /* for the packets of one tick */
#define QUICK_NS     UINT64_C(1000000) /* between ticks while packets come */
#define SLOW_NS	     UINT64_C(4000000)
#define QUICK_FOR_MS 200
#define RECLAIM_MS   1000
#define EVENTS	     256 /* timers handled in one tick */

static const uint8_t no_mac[6];

static struct neighbour *entry(const struct neighbours *n, uint32_t id)
{
	return neighbours_entry(n, id);
}

/* Hash of (link, address) → id. */

static uint32_t *bucket_of(
	const struct neighbours *n, uint32_t link, const struct ip_address *address)
{
	return &n->bucket[iphash_address(address, link) & n->mask];
}

uint32_t neighbours_find(
	const struct neighbours *n, uint32_t link, const struct ip_address *address)
{
	uint32_t id = *bucket_of(n, link, address);

	while (id != 0 &&
		(n->record[id].link != link || !ip_equal(&n->record[id].address, address)))
		id = n->record[id].chain;
	return id;
}

static void unlink_hash(struct neighbours *n, uint32_t id)
{
	uint32_t *at = bucket_of(n, n->record[id].link, &n->record[id].address);

	while (*at != id)
		at = &n->record[*at].chain;
	*at = n->record[id].chain;
}

static uint64_t random_below(struct neighbours *n, uint64_t limit)
{
	n->random = n->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (n->random >> 33) % limit;
}

static void set_state(
	struct neighbours *n, uint32_t id, const uint8_t mac[6], enum neighbour_state state)
{
	neighbour_set(entry(n, id), mac, state);
	neighbours_watch_tell(n, id);
	neighbours_peers_tell(n, id);
}

/* Ids. */

static uint32_t take_id(struct neighbours *n, uint32_t link, const struct ip_address *address)
{
	uint32_t id = n->free_first;
	struct neighbours_record *r = &n->record[id];
	uint32_t *bucket;

	if (id == 0)
		return 0;
	n->free_first = r->chain;
	n->free_count--;
	memset(r, 0, sizeof(*r));
	r->link = link;
	r->address = *address;
	bucket = bucket_of(n, link, address);
	r->chain = *bucket;
	*bucket = id;
	entry(n, id)->link = link;
	n->stats.used++;
	return id;
}

static struct ip_prefix host_route(const struct neighbours_record *r)
{
	return (struct ip_prefix){.ip = r->address, .length = (uint8_t)ip_bits(r->address.family)};
}

static void unroute(struct neighbours *n, uint32_t id)
{
	struct neighbours_record *r = &n->record[id];
	struct ip_prefix prefix = host_route(r);

	if (!r->routed)
		return;
	precedence_drop(n->precedence, r->connection, &prefix, PRECEDENCE_NEIGHBOUR,
		value_make(VALUE_NEIGHBOUR, id));
	r->routed = false;
}

/* The id is free once workers have passed this moment. */
static void forget(struct neighbours *n, uint32_t id)
{
	struct neighbours_record *r = &n->record[id];

	unroute(n, id);
	neighbours_packet_drop(n, r, DROP_STALE);
	neighbours_timer_stop(n, id);
	unlink_hash(n, id);
	if (r->gleaned) {
		n->gleaned[value_id(r->link)]--;
		n->stats.gleaned--;
	}
	r->link = 0;
	r->gleaned = false;
	neighbour_set(entry(n, id), no_mac, NEIGHBOUR_FREE);
	r->token = rte_rcu_qsbr_start(n->config.fwd->qsbr);
	r->chain = 0;
	if (n->waiting_last != 0)
		n->record[n->waiting_last].chain = id;
	else
		n->waiting_first = id;
	n->waiting_last = id;
	n->stats.used--;
}

static void collect_free(struct neighbours *n)
{
	while (n->waiting_first != 0) {
		uint32_t id = n->waiting_first;
		struct neighbours_record *r = &n->record[id];

		if (rte_rcu_qsbr_check(n->config.fwd->qsbr, r->token, false) != 1)
			return;
		n->waiting_first = r->chain;
		if (n->waiting_first == 0)
			n->waiting_last = 0;
		r->chain = n->free_first;
		n->free_first = id;
		n->free_count++;
	}
}

/* The state machine. */

static void ask(struct neighbours *n, uint32_t id, bool directly)
{
	struct neighbours_record *r = &n->record[id];
	uint64_t word = neighbour_load(entry(n, id));
	struct neighbours_link link;

	if (!neighbours_link_read(n, r->link, &link)) {
		neighbours_timer_start(n, id, NEIGHBOURS_NO_LINK_MS);
		return;
	}
	r->tries++;
	neighbours_ask_send(n, &link, &r->address, directly ? (const uint8_t *)&word : NULL);
	neighbours_timer_start(n, id, NEIGHBOURS_RETRY_MS);
}

static void start_asking(struct neighbours *n, uint32_t id)
{
	n->record[id].tries = 0;
	set_state(n, id, no_mac, NEIGHBOUR_INCOMPLETE);
	ask(n, id, false);
}

static void start_probing(struct neighbours *n, uint32_t id, const uint8_t mac[6])
{
	n->record[id].tries = 0;
	set_state(n, id, mac, NEIGHBOUR_STALE);
	ask(n, id, true);
}

bool neighbours_route(struct neighbours *n, uint32_t id)
{
	struct neighbours_record *r = &n->record[id];
	struct ip_prefix prefix = host_route(r);

	if (!r->gleaned || r->routed)
		return true;
	r->routed = precedence_put_spare(n->precedence, r->connection, &prefix,
			    PRECEDENCE_NEIGHBOUR, value_make(VALUE_NEIGHBOUR, id)) == 0;
	return r->routed;
}

static void fail(struct neighbours *n, uint32_t id)
{
	n->stats.failed++;
	set_state(n, id, no_mac, NEIGHBOUR_FAILED);
	neighbours_packet_drop(n, &n->record[id], DROP_NEIGHBOUR_UNRESOLVED);
	neighbours_route(n, id);
	neighbours_timer_start(n, id, NEIGHBOURS_HOLD_DOWN_MS);
}

void neighbours_confirm(struct neighbours *n, uint32_t id, const uint8_t mac[6], bool answer)
{
	struct neighbours_record *r = &n->record[id];
	uint64_t word = neighbour_load(entry(n, id));
	bool same = neighbour_usable(word) && memcmp(&word, mac, 6) == 0;
	uint8_t copy[6];

	memcpy(copy, mac, 6);
	if (neighbour_state(word) == NEIGHBOUR_PERMANENT)
		return;
	if (answer) {
		n->stats.answered++;
		r->confirmed = n->now_ms + 1;
		r->tries = 0;
		set_state(n, id, copy, NEIGHBOUR_REACHABLE);
		neighbours_timer_start(n, id,
			NEIGHBOURS_REACHABLE_MS / 2 + random_below(n, NEIGHBOURS_REACHABLE_MS));
	} else if (!same) {
		start_probing(n, id, copy);
	}
	if (!neighbour_usable(neighbour_load(entry(n, id))))
		return;
	if (neighbours_route(n, id))
		neighbours_packet_release(n, r);
	else
		neighbours_packet_drop(n, r, DROP_NEIGHBOUR_LIMIT);
}

static void expire(struct neighbours *n, uint32_t id)
{
	struct neighbours_record *r = &n->record[id];
	uint64_t word = neighbour_load(entry(n, id));

	switch (neighbour_state(word)) {
	case NEIGHBOUR_INCOMPLETE:
		if (r->tries < NEIGHBOURS_TRIES)
			ask(n, id, false);
		else
			fail(n, id);
		break;
	case NEIGHBOUR_REACHABLE:
		start_probing(n, id, (const uint8_t *)&word);
		break;
	case NEIGHBOUR_STALE:
		if (r->tries < NEIGHBOURS_TRIES)
			ask(n, id, true);
		else
			fail(n, id);
		break;
	case NEIGHBOUR_FAILED:
		if (r->holders > 0)
			start_asking(n, id);
		else
			forget(n, id);
		break;
	default:
		break;
	}
}

/* True where more is due than may be done in one tick. */
static bool run_timers(struct neighbours *n)
{
	unsigned events = 0;

	while (n->wheel_tick < n->now_ms / NEIGHBOURS_SLOT_MS) {
		uint32_t *slot = &n->wheel[(n->wheel_tick + 1) % NEIGHBOURS_SLOTS];

		while (*slot != 0) {
			uint32_t id = *slot;

			if (events++ == EVENTS)
				return true;
			neighbours_timer_stop(n, id);
			/* Whatever it starts now must not land in the slot being emptied. */
			n->wheel_tick++;
			expire(n, id);
			n->wheel_tick--;
		}
		n->wheel_tick++;
	}
	return false;
}

/* What the rest of control calls. */

static void make_gleaned(struct neighbours *n, uint32_t id, uint32_t connection)
{
	struct neighbours_record *r = &n->record[id];

	r->gleaned = true;
	r->connection = connection;
	n->gleaned[value_id(r->link)]++;
	n->stats.gleaned++;
}

uint32_t neighbours_glean(struct neighbours *n, const struct neighbours_link *link,
	const struct ip_address *address, bool asks, enum drop *reason)
{
	uint32_t id = neighbours_find(n, link->link, address);

	*reason = DROP_NEIGHBOUR_LIMIT;
	if (id != 0 && n->record[id].gleaned)
		return id;
	if (n->gleaned[value_id(link->link)] >= n->config.limits.per_attachment)
		return 0;
	if (id != 0) {
		/* A next hop of routes that packets are now for as well: it needs a host route. */
		make_gleaned(n, id, link->connection);
		return id;
	}
	if (n->free_count <= n->reserved)
		return 0;
	id = take_id(n, link->link, address);
	make_gleaned(n, id, link->connection);
	if (asks)
		start_asking(n, id);
	else
		set_state(n, id, no_mac, NEIGHBOUR_INCOMPLETE);
	return id;
}

int neighbours_reserve(struct neighbours *n, uint32_t count)
{
	if (n->free_count < n->reserved + count)
		return -ENOSPC;
	n->reserved += count;
	return 0;
}

void neighbours_unreserve(struct neighbours *n, uint32_t count)
{
	n->reserved -= count;
}

uint32_t neighbours_hold(struct neighbours *n, uint32_t link, const struct ip_address *address)
{
	uint32_t id = neighbours_find(n, link, address);

	if (id == 0) {
		id = take_id(n, link, address);
		if (id == 0)
			return 0;
		start_asking(n, id);
	}
	n->record[id].holders++;
	return id;
}

uint32_t neighbours_stand_in(struct neighbours *n, uint32_t link, const struct ip_address *address)
{
	uint32_t id = neighbours_find(n, link, address);

	if (id == 0)
		id = take_id(n, link, address);
	n->record[id].holders += id != 0;
	return id;
}

uint32_t neighbours_hold_mac(struct neighbours *n, uint32_t link, const uint8_t mac[6])
{
	const struct ip_address none = {0};
	uint32_t id = neighbours_stand_in(n, link, &none);

	if (id != 0)
		set_state(n, id, mac, NEIGHBOUR_PERMANENT);
	return id;
}

void neighbours_release(struct neighbours *n, uint32_t id)
{
	if (id == 0)
		return;
	if (--n->record[id].holders > 0 || n->record[id].gleaned)
		return;
	neighbours_peers_part(n, id);
	forget(n, id);
}

void neighbours_recheck_link(struct neighbours *n, uint32_t link_value)
{
	struct neighbours_link link;
	bool there = neighbours_link_read(n, link_value, &link);
	uint32_t left;

	if (value_kind(link_value) != LINK_ATTACHMENT)
		return;
	left = n->gleaned[value_id(link_value)];
	for (uint32_t id = 1; id < n->size && left > 0; id++) {
		struct neighbours_record *r = &n->record[id];

		if (r->link != link_value || !r->gleaned)
			continue;
		left--;
		if (there && r->connection == link.connection &&
			neighbours_link_station(&link, &r->address))
			continue;
		unroute(n, id);
		if (r->holders == 0) {
			forget(n, id);
			continue;
		}
		r->gleaned = false;
		n->gleaned[value_id(link_value)]--;
		n->stats.gleaned--;
	}
}

bool neighbours_tick(struct neighbours *n, uint64_t now_ms)
{
	bool more;

	if (n->base_ms == 0)
		n->base_ms = now_ms;
	n->now_ms = now_ms - n->base_ms;
	more = neighbours_packet_take(n, TICK_NS);
	more |= run_timers(n);
	collect_free(n);
	/* Host routes come and go between the rounds of the publisher too. */
	if (n->now_ms >= n->reclaim_ms) {
		lpm_reclaim(n->config.fwd->lpm);
		n->reclaim_ms = n->now_ms + RECLAIM_MS;
	}
	return more;
}

static void fire(void *context)
{
	struct neighbours *n = context;
	bool more = neighbours_tick(n, loop_now() / 1000000);
	bool quick = more || n->now_ms < n->busy_ms + QUICK_FOR_MS;

	loop_timer_start(n->config.loop, &n->timer, more ? 0 : quick ? QUICK_NS : SLOW_NS);
}

static int create_tables(struct neighbours *n)
{
	const struct snapshot_limits *limits = &n->config.fwd->limits.snapshot;
	uint32_t buckets = 64;

	n->size = n->config.fwd->neighbours.size;
	while (buckets < n->size)
		buckets *= 2;
	n->mask = buckets - 1;
	n->record = calloc(n->size, sizeof(*n->record));
	n->bucket = calloc(buckets, sizeof(*n->bucket));
	n->gleaned = calloc(limits->attachments + 1, sizeof(*n->gleaned));
	n->watch = calloc(limits->paths + 1, sizeof(*n->watch));
	n->precedence = precedence_create(n->config.fwd->lpm);
	return n->record != NULL && n->bucket != NULL && n->gleaned != NULL && n->watch != NULL &&
			       n->precedence != NULL
		       ? 0
		       : -ENOMEM;
}

struct neighbours *neighbours_create(const struct neighbours_config *config)
{
	struct neighbours *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->config = *config;
	n->random = config->fwd->hash_seed;
	if (create_tables(n) != 0) {
		neighbours_destroy(n);
		return NULL;
	}
	n->meter = plane_meter(config->plane, plane_workers(config->plane));
	for (uint32_t id = n->size - 1; id > 0; id--) {
		n->record[id].chain = n->free_first;
		n->free_first = id;
		n->free_count++;
	}
	n->timer = (struct loop_timer){.fire = fire, .context = n};
	if (config->loop != NULL)
		loop_timer_start(config->loop, &n->timer, 0);
	return n;
}

void neighbours_destroy(struct neighbours *n)
{
	if (n == NULL)
		return;
	if (n->config.loop != NULL)
		loop_timer_stop(n->config.loop, &n->timer);
	for (uint32_t id = 1; n->record != NULL && id < n->size; id++)
		neighbours_packet_drop(n, &n->record[id], DROP_STALE);
	precedence_destroy(n->precedence);
	free(n->watch);
	free(n->gleaned);
	free(n->bucket);
	free(n->record);
	free(n);
}
