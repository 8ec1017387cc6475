/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/oam/sessions.h"

#include <errno.h>
#include <stdlib.h>

#include <rte_pause.h>

#include "dataplane/base/clock.h"
#include "dataplane/oam/oamframe.h"
#include "dataplane/oam/wheel.h"
#include "dataplane/path/path.h"

#define SOURCE_PORTS 16384u /* from SOURCE_LEAST: RFC 5881 4 */
#define SOURCE_LEAST 49152u
#define LANES	     64u
#define READ_TRIES   1000
#define RETRIES	     50 /* a second, of what could not be sent */

int sessions_create(struct sessions *s, struct forwarder *forwarder, struct rte_mempool *pool)
{
	uint32_t paths = forwarder->fwd->limits.snapshot.paths;

	*s = (struct sessions){.forwarder = forwarder,
		.pool = pool,
		.hz = rte_get_tsc_hz(),
		.blocks = paths / SNAPSHOT_BLOCK + 1};
	s->wheel = wheel_create(paths, s->hz, clock_tsc());
	s->session = calloc((size_t)paths + 1, sizeof(*s->session));
	return s->wheel == NULL || s->session == NULL ? -ENOMEM : 0;
}

void sessions_destroy(struct sessions *s)
{
	wheel_destroy(s->wheel);
	free(s->session);
}

static void begin_write(struct session *one)
{
	uint32_t v = atomic_load_explicit(&one->version, memory_order_relaxed);

	atomic_store_explicit(&one->version, v + 1, memory_order_relaxed);
	/* The odd number must be seen before any of what is written. */
	atomic_thread_fence(memory_order_release);
}

static void end_write(struct session *one)
{
	uint32_t v = atomic_load_explicit(&one->version, memory_order_relaxed);

	/* Release: what was written is seen before the even number. */
	atomic_store_explicit(&one->version, v + 1, memory_order_release);
}

/* The path that has this place in the site decides: there may be another one by now. */
static void tell_liveness(struct sessions *s, uint16_t site, uint8_t index)
{
	const struct snapshot *snapshot = s->forwarder->snapshot;
	uint32_t id = snapshot_site(snapshot, site)->path[index];
	const struct session *one = &s->session[id];
	bool objects = snapshot_bfd(snapshot, id)->mode != FWD_BFD_OFF;

	if (one->used && one->site == site && one->index == index)
		objects = one->bfd.objects;
	liveness_set(&s->forwarder->fwd->liveness[site], LIVENESS_BFD, index, !objects);
}

static void put_timer(struct sessions *s, uint32_t id, uint64_t when)
{
	s->session[id].scheduled = when;
	wheel_put(s->wheel, id, when);
}

/* Counts and hands out a frame of ours, as tx does with one that rested. */
static void launch(struct sessions *s, struct rte_mbuf *m, unsigned port)
{
	struct forwarder *f = s->forwarder;

	*packet_of(m) = (struct packet){.kind = PACKET_SEND,
		.side = METER_PATH,
		.port = (uint8_t)port,
		.value = value_make(LINK_PORT, port),
		.l3_length = (uint16_t)m->data_len};
	f->meter->port[port].originated++;
	s->sent = true;
	if (f->port[port].owner == FORWARDER_NOBODY)
		forwarder_drop_record(f, m, DROP_PORT_DOWN);
	else
		tx_again(f, m);
}

static bool transmit(struct sessions *s, uint32_t id, const uint8_t *bytes, uint32_t length)
{
	struct forwarder *f = s->forwarder;
	const struct fwd_path *path = snapshot_path(f->snapshot, id);
	uint8_t mode = snapshot_bfd(f->snapshot, id)->mode;
	uint64_t next_hop = neighbour_load(&f->fwd->neighbours.entry[path->neighbour]);
	unsigned queue = f->port[path->port].queue & 0xff;
	struct oamframe_message message = {.bytes = bytes,
		.length = (uint16_t)length,
		.source = (uint16_t)(SOURCE_LEAST + id % SOURCE_PORTS),
		.destination = mode == FWD_BFD_MULTIHOP ? BFDPACKET_MULTIHOP : BFDPACKET_SINGLE_HOP,
		/* Over all lanes in turn: the session is the path's, not one way's through it. */
		.lane = (uint16_t)(SOURCE_LEAST + queue * LANES + s->lane++ % LANES),
		.tunnelled = mode == FWD_BFD_TUNNEL};
	struct rte_mbuf *m;

	if (!path->used || !neighbour_usable(next_hop))
		return false;
	m = rte_pktmbuf_alloc(s->pool);
	if (m == NULL)
		return false;
	m->data_len =
		(uint16_t)oamframe_write(rte_pktmbuf_mtod(m, uint8_t *), path, next_hop, &message);
	m->pkt_len = m->data_len;
	launch(s, m, path->port);
	return true;
}

static void send_due(struct sessions *s, uint32_t id, const struct fwd_bfd *config, uint64_t now)
{
	struct session *one = &s->session[id];
	uint8_t bytes[BFDPACKET_MOST];
	struct bfdpacket packet;
	uint32_t length;

	if (!bfd_must_send(&one->bfd, now))
		return;
	bfd_send(&one->bfd, config, now, &packet);
	length = bfdpacket_build(bytes, &packet);
	if (config->authenticated)
		bfdpacket_sign(bytes, config->key);
	if (transmit(s, id, bytes, length))
		return;
	one->unsent++;
	one->bfd.sent--;
	one->bfd.next_send = RTE_MIN(one->bfd.next_send, now + s->hz / RETRIES);
}

/* After anything happened to a session: its packets, its timer, what it says of the path. */
static void settle(
	struct sessions *s, uint32_t id, const struct fwd_bfd *config, bool objected, uint64_t now)
{
	struct session *one = &s->session[id];

	send_due(s, id, config, now);
	if (one->bfd.objects != objected)
		tell_liveness(s, one->site, one->index);
	/* What moved further off is found when the timer comes up. */
	if (bfd_due(&one->bfd) < one->scheduled)
		put_timer(s, id, bfd_due(&one->bfd));
}

static void close_session(struct sessions *s, uint32_t id)
{
	struct session *one = &s->session[id];

	put_timer(s, id, WHEEL_NEVER);
	begin_write(one);
	one->used = false;
	end_write(one);
	tell_liveness(s, one->site, one->index);
}

static void open_session(struct sessions *s, uint32_t id, const struct fwd_bfd *config,
	const struct fwd_path *path, uint64_t now)
{
	struct session *one = &s->session[id];

	begin_write(one);
	one->site = path->site;
	one->index = path->index;
	one->used = true;
	one->unsent = 0;
	bfd_begin(&one->bfd, config, config->discriminator ^ now, s->hz, now);
	put_timer(s, id, now);
	end_write(one);
	tell_liveness(s, path->site, path->index);
}

static bool is_same(
	const struct session *one, const struct fwd_bfd *config, const struct fwd_path *path)
{
	return one->bfd.local == config->discriminator && one->site == path->site &&
	       one->index == path->index;
}

static void follow_one(struct sessions *s, uint32_t id, uint64_t now)
{
	const struct fwd_bfd *config = snapshot_bfd(s->forwarder->snapshot, id);
	const struct fwd_path *path = snapshot_path(s->forwarder->snapshot, id);
	struct session *one = &s->session[id];
	bool wanted =
		config->mode != FWD_BFD_OFF && path->used && config->owner == s->forwarder->worker;
	bool objected = one->bfd.objects;

	if (one->used && (!wanted || !is_same(one, config, path)))
		close_session(s, id);
	if (!wanted)
		return;
	if (!one->used) {
		open_session(s, id, config, path, now);
		return;
	}
	begin_write(one);
	bfd_configure(&one->bfd, config, now);
	settle(s, id, config, objected, now);
	end_write(one);
}

void sessions_follow(struct sessions *s, uint64_t now)
{
	uint64_t generation = s->forwarder->snapshot->bfd_generation;
	uint32_t first, last = s->forwarder->fwd->limits.snapshot.paths;

	if (generation != s->seen) {
		s->seen = generation;
		s->left = s->blocks;
	}
	if (s->left == 0)
		return;
	first = s->at * SNAPSHOT_BLOCK;
	for (uint32_t id = first == 0 ? 1 : first; id < first + SNAPSHOT_BLOCK && id <= last; id++)
		follow_one(s, id, now);
	s->at = (s->at + 1) % s->blocks;
	s->left--;
}

unsigned sessions_receive(struct sessions *s, uint32_t id, const struct bfdpacket *packet,
	const uint8_t *bytes, uint64_t now)
{
	const struct fwd_bfd *config = snapshot_bfd(s->forwarder->snapshot, id);
	struct session *one = &s->session[id];
	bool objected = one->bfd.objects;
	unsigned verdict;

	if (!one->used || one->bfd.local != config->discriminator)
		return DROP_BFD_SESSION;
	begin_write(one);
	verdict = bfd_receive(&one->bfd, config, packet, bytes, now);
	settle(s, id, config, objected, now);
	end_write(one);
	return verdict;
}

/* False where it has expired, but not yet by the horizon. */
static bool run_one(struct sessions *s, uint32_t id, uint64_t now, uint64_t horizon)
{
	const struct fwd_bfd *config = snapshot_bfd(s->forwarder->snapshot, id);
	struct session *one = &s->session[id];
	bool objected = one->bfd.objects, expired = one->bfd.expires <= now, judged;

	/* The snapshot has done with it; sessions_follow will, too. */
	if (!one->used || config->mode == FWD_BFD_OFF || one->bfd.local != config->discriminator)
		return true;
	judged = expired && one->bfd.expires <= horizon;
	begin_write(one);
	if (judged)
		bfd_expire(&one->bfd, config, now);
	one->scheduled = WHEEL_NEVER;
	settle(s, id, config, objected, now);
	end_write(one);
	return !expired || judged;
}

bool sessions_run(struct sessions *s, uint64_t now, uint64_t horizon)
{
	bool judged = true;
	uint32_t id;

	while ((id = wheel_take(s->wheel, now)) != 0)
		judged &= run_one(s, id, now, horizon);
	return judged;
}

uint64_t sessions_next(const struct sessions *s)
{
	return wheel_next(s->wheel);
}

bool sessions_read(const struct sessions *s, uint32_t id, struct session *out)
{
	const struct session *one = &s->session[id];

	for (unsigned i = 0; i < READ_TRIES; i++) {
		uint32_t v = atomic_load_explicit(&one->version, memory_order_acquire);

		memcpy(out, one, sizeof(*out));
		/* The copy was made before the number is looked at again. */
		atomic_thread_fence(memory_order_acquire);
		if ((v & 1) == 0 && atomic_load_explicit(&one->version, memory_order_relaxed) == v)
			return out->used;
		rte_pause();
	}
	return false;
}
