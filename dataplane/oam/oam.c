/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/oam/oam.h"

#include "dataplane/oam/oamframe.h"
#include "dataplane/path/path.h"

#define TTL 255

int oam_create(struct oam *oam, struct forwarder *forwarder, struct oam *const *all,
	struct rte_mempool *pool)
{
	oam->forwarder = forwarder;
	oam->workers = forwarder->workers;
	oam->all = all;
	oam->others = oam->workers == 1 ? UINT64_MAX : 0;
	return sessions_create(&oam->sessions, forwarder, pool);
}

void oam_destroy(struct oam *oam)
{
	sessions_destroy(&oam->sessions);
}

/* A packet, and whose it is. */
struct arrival {
	struct oamframe frame;
	struct bfdpacket packet;
	uint8_t mode; /* enum fwd_bfd_mode */
	uint32_t path;
};

/* Where it must have come from, and how far. */
static unsigned check_way(const struct oam *oam, const struct packet *record, struct arrival *a)
{
	const struct fwd_port *port = &oam->forwarder->snapshot->port[record->port];
	uint16_t udp = a->frame.destination_port;

	if (record->value != 0)
		a->mode = FWD_BFD_TUNNEL;
	else
		a->mode = udp == BFDPACKET_MULTIHOP ? FWD_BFD_MULTIHOP : FWD_BFD_SINGLE_HOP;
	if (a->mode == FWD_BFD_TUNNEL &&
		(udp != BFDPACKET_SINGLE_HOP ||
			(!oamframe_names_end(&a->frame.destination) &&
				!snapshot_port_has(port, &a->frame.destination))))
		return DROP_OAM_FRAME;
	/* RFC 5881 5, RFC 9521 4, RFC 8971 4: from the other end itself. */
	if (a->mode != FWD_BFD_MULTIHOP && a->frame.ttl != TTL)
		return DROP_OAM_TTL;
	return VERDICT_GO;
}

/* Two paths may have these addresses, one in each encapsulation. */
static uint32_t path_between(const struct snapshot *s, const struct arrival *a)
{
	for (uint8_t encapsulation = FWD_GENEVE; encapsulation <= FWD_VXLAN; encapsulation++) {
		uint32_t id =
			snapshot_tunnel(s, &a->frame.destination, &a->frame.source, encapsulation);

		if (id != 0 && snapshot_bfd(s, id)->mode == a->mode)
			return id;
	}
	return 0;
}

/* RFC 5880 6.8.6: by our discriminator where the packet has one, else by the way it came. */
static unsigned find_session(const struct oam *oam, const struct packet *record, struct arrival *a)
{
	const struct snapshot *s = oam->forwarder->snapshot;
	uint32_t yours = a->packet.yours;

	if (record->value != 0)
		a->path = record->value;
	else
		a->path = yours != 0 ? yours & UINT16_MAX : path_between(s, a);
	if (a->path == 0 || a->path > s->limits->paths)
		return DROP_BFD_SESSION;
	if (snapshot_bfd(s, a->path)->mode != a->mode ||
		snapshot_path(s, a->path)->port != record->port)
		return DROP_BFD_SESSION;
	if (yours != 0 && yours != snapshot_bfd(s, a->path)->discriminator)
		return DROP_BFD_SESSION;
	return VERDICT_GO;
}

static unsigned read_arrival(const struct oam *oam, struct rte_mbuf *m, struct arrival *a)
{
	const struct packet *record = packet_of(m);
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned verdict = oamframe_read(data + record->l4_offset,
		(uint32_t)m->data_len - record->l4_offset, record->queue, &a->frame);

	if (verdict == VERDICT_GO)
		verdict = check_way(oam, record, a);
	if (verdict == VERDICT_GO)
		verdict = bfdpacket_parse(a->frame.message, a->frame.length, &a->packet);
	return verdict == VERDICT_GO ? find_session(oam, record, a) : verdict;
}

/* To the worker that owns the session. */
static unsigned pass_on(struct oam *oam, struct rte_mbuf *m, unsigned owner)
{
	struct meter *meter = oam->forwarder->meter;

	/* Counted before the other side can see it. */
	meter->port[packet_of(m)->port].ring_out++;
	if (rte_ring_sp_enqueue(oam->out[owner], m) == 0)
		return VERDICT_TAKEN;
	meter->port[packet_of(m)->port].ring_out--;
	meter->ring_full[owner]++;
	return DROP_RING_FULL;
}

static unsigned take_one(struct oam *oam, struct rte_mbuf *m)
{
	struct forwarder *f = oam->forwarder;
	struct arrival a;
	unsigned verdict = read_arrival(oam, m, &a), owner;

	if (verdict != VERDICT_GO)
		return verdict;
	owner = snapshot_bfd(f->snapshot, a.path)->owner;
	if (owner != f->worker)
		return pass_on(oam, m, owner);
	verdict = sessions_receive(
		&oam->sessions, a.path, &a.packet, a.frame.message, f->burst.arrived);
	if (verdict != VERDICT_GO)
		return verdict;
	f->meter->port[packet_of(m)->port].consumed++;
	rte_pktmbuf_free(m);
	return VERDICT_TAKEN;
}

static void take_all(struct oam *oam, struct rte_mbuf **m, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned verdict = take_one(oam, m[i]);

		if (verdict != VERDICT_TAKEN)
			forwarder_drop_record(oam->forwarder, m[i], verdict);
	}
}

static void flush(struct oam *oam)
{
	if (!oam->sessions.sent)
		return;
	oam->sessions.sent = false;
	tx_flush(oam->forwarder);
}

void oam_take(struct oam *oam)
{
	struct forwarder *f = oam->forwarder;

	take_all(oam, f->oam, f->oams);
	f->oams = 0;
	flush(oam);
}

static unsigned take_ring(struct oam *oam, struct rte_ring *ring)
{
	struct rte_mbuf *m[BURST];
	unsigned count = rte_ring_sc_dequeue_burst(ring, (void **)m, BURST, NULL);

	if (count == 0)
		return 0;
	meter_begin(oam->forwarder->meter);
	for (unsigned i = 0; i < count; i++)
		forwarder_count_ring_in(oam->forwarder, packet_of(m[i]));
	take_all(oam, m, count);
	flush(oam);
	meter_end(oam->forwarder->meter);
	return count;
}

unsigned oam_begin(struct oam *oam)
{
	unsigned found = 0;
	bool emptied = true;

	for (unsigned from = 0; from < oam->workers; from++) {
		unsigned count;

		if (from == oam->forwarder->worker)
			continue;
		count = take_ring(oam, oam->in[from]);
		emptied &= count < BURST;
		found += count;
	}
	if (emptied && oam->coming != 0) {
		oam->others = oam->coming;
		oam->coming = 0;
	}
	return found;
}

/* Until when the others have seen all. What they found by then is in the rings, so it holds here
 * once those have been emptied. */
static void ask_others(struct oam *oam)
{
	uint64_t least = UINT64_MAX;

	if (oam->workers == 1 || oam->coming != 0)
		return;
	for (unsigned i = 0; i < oam->workers; i++) {
		uint64_t drained =
			atomic_load_explicit(&oam->all[i]->drained, memory_order_acquire);

		if (i != oam->forwarder->worker && drained < least)
			least = drained;
	}
	oam->coming = least;
}

bool oam_end(struct oam *oam, uint64_t drained)
{
	struct sessions *s = &oam->sessions;
	uint64_t now, next = sessions_next(s);

	/* Release: what was found until then is in rings by now. */
	atomic_store_explicit(&oam->drained, drained, memory_order_release);
	if (next == UINT64_MAX && !sessions_behind(s))
		return false;
	now = clock_tsc();
	if (next > now && !sessions_behind(s))
		return false;
	meter_begin(oam->forwarder->meter);
	sessions_follow(s, now);
	if (!sessions_run(s, now, RTE_MIN(drained, oam->others)))
		ask_others(oam);
	flush(oam);
	meter_end(oam->forwarder->meter);
	return sessions_behind(s);
}

uint64_t oam_deadline(const struct oam *oam)
{
	return oam->coming != 0 ? 0 : sessions_next(&oam->sessions);
}
