/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plane: all workers of a gateway, the rings between them and those to and from control.
 * Created by control after the devices are configured and before any worker runs.
 *
 * Who owns what: each receive queue and each transmit queue of a port belongs to exactly one
 * worker. A worker without a transmit queue of its own on a port passes finished frames to the
 * owner of one.
 */
#ifndef DATAPLANE_WORKER_PLANE_H
#define DATAPLANE_WORKER_PLANE_H

#include "dataplane/fwd/fwd.h"
#include "dataplane/meter/meter.h"
#include "dataplane/path/forwarder.h"

#define PLANE_WORKERS	  32
#define PLANE_PORT_QUEUES 32
#define PLANE_BUCKETS	  FORWARDER_BUCKETS
#define PLANE_HOLD	  4096	 /* packets that a worker holds while something moves */
#define PLANE_HOLD_US	  100000 /* and for how long */
#define PLANE_DEPTH	  4096
#define PLANE_OAM	  1024 /* OAM packets in each ring between two workers */

struct rte_mempool;
struct session;

enum plane_idle {
	PLANE_IDLE_ADAPTIVE = 0, /* busy poll, then pause, then short sleeps */
	PLANE_IDLE_BUSY,	 /* never sleeps */
};

struct plane_port {
	uint16_t device;    /* ethdev port id */
	uint16_t rx_queues; /* 0: port not used */
	uint16_t tx_queues;
	uint8_t rx_owner[PLANE_PORT_QUEUES]; /* worker */
	uint8_t tx_owner[PLANE_PORT_QUEUES];
	uint8_t distribute;  /* 1: received packets are spread over all workers by flow hash */
	uint8_t rx_checksum; /* device verifies outer checksums: its GOOD/BAD flags are believed */
	uint32_t rx_depth;   /* frames that a receive queue has room for; 0: PLANE_DEPTH */
};

struct plane_config {
	unsigned workers;	/* 1 .. PLANE_WORKERS */
	int cpu[PLANE_WORKERS]; /* -1: not pinned */
	enum plane_idle idle;
	uint32_t idle_sleep_us; /* longest sleep of the adaptive ladder, 1..250 */
	uint32_t ring_size;	/* packets in each ring between two workers; power of two */
	uint32_t punt_size;	/* packets in each ring to and from control; power of two */
	uint32_t hold_size; /* packets held while something moves; power of two; 0: PLANE_HOLD */
	uint32_t hold_us;   /* and for how long at most; 0: PLANE_HOLD_US */
	uint32_t icmp_rate; /* ICMP errors a second and connection; burst is the same number */
	struct rte_mempool
		*pool; /* for packets that workers make; private area PACKET_PRIVATE_SIZE */
	struct rte_mempool *oam_pool; /* for OAM, which must go out when pool is empty; NULL: pool
				       */
	struct plane_port port[FWD_PORTS]; /* index as in fwd_port */
};

struct plane;

/* NULL and a log line on lack of memory. fwd must outlive the plane. Registers each worker with
 * fwd->qsbr (ids 0 .. workers - 1); a worker that is not running is offline there. */
struct plane *plane_create(const struct plane_config *config, struct fwd *fwd);
/* Frees packets still in rings. Workers must have been stopped. */
void plane_destroy(struct plane *plane);

/* One thread per worker. 0 or -errno. */
int plane_start(struct plane *plane);
/* Asks the workers to end, waits for them; may be called when not started. */
void plane_stop(struct plane *plane);

/* For tests and benchmarks without threads: one turn of one worker, in the calling thread. True
 * where it found work. Not while started. */
bool plane_turn(struct plane *plane, unsigned worker);

/* For tests and benchmarks: what a worker that does not run forwards with. */
struct forwarder *plane_forwarder(const struct plane *plane, unsigned worker);

/* Control thread. Packets that workers handed over (PACKET_HOLD, PACKET_LEARN); at most count.
 * Ownership passes to the caller. Each counts as ring_out of the worker; the caller counts it as
 * ring_in in its own meter (per connection, else per port). */
unsigned plane_take(struct plane *plane, struct rte_mbuf **packet, unsigned count);

/* Control thread: hands a packet (PACKET_ROUTE or PACKET_LINK) to a worker. On success ownership
 * passes and the caller counts ring_out; false when that ring is full: the caller keeps it. */
bool plane_give(struct plane *plane, unsigned worker, struct rte_mbuf *packet);

/* Every worker has passed this generation (read it at the start of a turn, or is not running). */
uint64_t plane_generation(const struct plane *plane, unsigned worker);

/*
 * Control thread: what shall be where. The workers follow by themselves, while packets come in, and
 * keep the order in every flow (move.h); one wish at a time: none before plane_settled().
 */

/* The worker of each bucket of a port that distributes. */
void plane_spread(struct plane *plane, unsigned port, const uint8_t worker[PLANE_BUCKETS]);
/* Who polls a receive queue. */
void plane_poll(struct plane *plane, unsigned port, unsigned queue, unsigned worker);
/* Who owns each transmit queue of a port. */
void plane_own(struct plane *plane, unsigned port, const uint8_t worker[PLANE_PORT_QUEUES]);
/* All is as wished. */
bool plane_settled(const struct plane *plane);

/* A worker that rests holds no queue and no bucket by control's doing; it sleeps between looks at
 * its rings, whatever the idle setting. */
void plane_set_resting(struct plane *plane, unsigned worker, bool resting);
bool plane_resting(const struct plane *plane, unsigned worker);
/* A worker that does not rest, the same one for a number as long as none begins or ends its rest.
 */
unsigned plane_pick(const struct plane *plane, uint64_t number);

/* Wishes, as they were last given. */
const struct plane_config *plane_setup(const struct plane *plane);
void plane_buckets(const struct plane *plane, unsigned port, uint8_t worker[PLANE_BUCKETS]);
unsigned plane_poller(const struct plane *plane, unsigned port, unsigned queue);
unsigned plane_owner(const struct plane *plane, unsigned port, unsigned queue);
/* Who polls a receive queue now. */
unsigned plane_polling(const struct plane *plane, unsigned port, unsigned queue);

/* The BFD session of a path as its worker has it; see dataplane/oam/sessions.h. False: none. */
bool plane_session(const struct plane *plane, uint32_t path, struct session *out);

/* Packets that workers hold now because something moves. */
unsigned plane_held(const struct plane *plane);

/* Meters: of a worker; of control (index == number of workers). */
struct meter *plane_meter(const struct plane *plane, unsigned writer);
unsigned plane_workers(const struct plane *plane);
/* What is counted on the lanes of all paths. */
struct lanes *plane_lanes(const struct plane *plane);

/* Packets now in the rings from one worker to another, of all kinds; not what one holds. */
unsigned plane_ring_count(const struct plane *plane, unsigned from, unsigned to);

#endif
