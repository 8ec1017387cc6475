/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one writer counts. Each worker has a meter, and the control thread has one for the packets
 * it holds and makes. Only the writer adds; nothing is ever reset; readers keep baselines and
 * subtract.
 *
 * Conservation, per writer, connection and side, read in one seqlock view:
 *   rx + ring_in + originated + fragments_added + copies =
 *   tx + ring_out + consumed + eliminated + dropped + held
 * where dropped is the sum of drop[]. Over all writers, ring_out - ring_in is what lies in rings.
 * Per port: rx = sum of the rx of its attachments and paths + unattributed drops + consumed.
 */
#ifndef DATAPLANE_METER_METER_H
#define DATAPLANE_METER_METER_H

#include "dataplane/base/drop.h"
#include "dataplane/base/histogram.h"
#include "dataplane/base/macros.h"
#include "dataplane/meter/flows.h"

/* The side a packet entered the gateway by; a packet we make counts on the side of its cause. */
enum meter_side_id { METER_ATTACHMENT = 0, METER_PATH, METER_SIDES };

struct meter_side {
	alignas(CACHE_LINE) uint64_t rx; /* packets, as all below */
	uint64_t tx;
	uint64_t ring_in, ring_out; /* over rings from and to other writers */
	uint64_t originated;	    /* made here: ICMP, ARP, ND */
	uint64_t consumed; /* ended here as intended: for us, or answered, or replaced by fragments
			    */
	uint64_t dropped;  /* all reasons */
	uint64_t held;	   /* a level, not a sum: waiting for a neighbour */
	uint64_t fragments_added; /* pieces made of packets too large; the whole is consumed */
	uint64_t copies, eliminated;
	uint64_t drop[DROP_COUNT];
};

/* Things worth counting that are no drops. */
#define METER_NOTE_LIST(X) \
	X(ICMP_SENT, "icmp_sent", "ICMP errors sent") \
	X(ICMP_LIMITED, "icmp_limited", "ICMP errors not sent: rate limit") \
	X(ICMP_NO_BUFFER, "icmp_no_buffer", "ICMP errors not sent: no free buffer") \
	X(ICMP_NO_SOURCE, "icmp_no_source", "ICMP errors not sent: no address to send from") \
	X(ICMP_FORBIDDEN, "icmp_forbidden", "ICMP errors not sent: RFC 1122 and 4443 forbid it") \
	X(ECHO_ANSWERED, "echo_answered", "echo requests to our addresses answered") \
	X(FRAGMENTED, "fragmented", "IPv4 packets fragmented") \
	X(MSS_CLAMPED, "mss_clamped", "TCP SYNs whose MSS was lowered") \
	X(ECN_MARKED, "ecn_marked", "congestion marks carried inward by RFC 6040") \
	X(ECN_WARNING, "ecn_warning", "outer ECN that RFC 6040 says to log")

enum meter_note {
#define X(id, name, meaning) METER_NOTE_##id,
	METER_NOTE_LIST(X)
#undef X
		METER_NOTE_COUNT
};

const char *meter_note_name(enum meter_note note);
const char *meter_note_meaning(enum meter_note note);

/* What the connection's rate did, beside the packets dropped as DROP_POLICED. L3 bytes. */
struct meter_police {
	uint64_t policed_bytes;
	uint64_t marked_packets, marked_bytes; /* over the bandwidth, within the peak */
};

struct meter_connection {
	struct meter_side side[METER_SIDES];
	uint64_t note[METER_NOTE_COUNT];
	struct meter_police police;
};

/* Packets and L3 bytes. */
struct meter_traffic {
	uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
};

struct meter_port {
	alignas(CACHE_LINE) uint64_t rx; /* frames the device delivered */
	uint64_t tx;			 /* frames the device took */
	uint64_t originated, consumed;	 /* of the underlay: ARP, ND, echo */
	uint64_t ring_in, ring_out; /* of the underlay's own frames, to and from other writers */
	uint64_t dropped;
	uint64_t rx_bytes, tx_bytes; /* L2, without FCS */
	uint64_t drop[DROP_COUNT];
};

/* What moved from this worker to others, or between others for what it receives. */
struct meter_move {
	uint64_t buckets, queues; /* moves that ended as asked for */
	uint64_t given_up;	  /* moves undone for want of an answer in time; tried again */
	uint64_t longest;	  /* TSC cycles from the first packet held to the last let go */
};

struct meter {
	/* Odd while the writer is inside a burst. Release/acquire pair: what lies between an even
	 * value and the next belongs together. */
	alignas(CACHE_LINE) _Atomic uint64_t sequence;
	alignas(CACHE_LINE) uint64_t turns,
		busy_turns; /* polls of all queues; those that found work */
	uint64_t packets;
	uint64_t sleeps;
	uint64_t busy_cycles, sleep_cycles; /* TSC */
	/* From the start of one turn to the start of the next, naps included, by the buckets of
	 * histogram_index(). A turn can take some tens of nanoseconds: 32 bits would wrap in
	 * minutes. */
	uint64_t poll_gap[HISTOGRAM_BUCKETS];
	uint64_t poll_gap_max;		     /* TSC cycles */
	struct meter_connection *connection; /* by id */
	struct meter_traffic *attachment;    /* by id */
	struct meter_traffic *path;	     /* by id */
	struct meter_port *port;	     /* by port index, FWD_PORTS */
	/* By receiving worker: packets refused by that ring. At its own index, here and below: what
	 * was held while something moved. */
	uint64_t *ring_full;
	uint64_t *ring_sent; /* by receiving worker */
	/* By worker, itself included: packets of ports that distribute, by who goes on with them.
	 */
	uint64_t *spread;
	struct meter_move move;
	struct flows *flows;
	size_t bytes; /* of the whole mapping */
};

struct meter_sizes {
	uint32_t connections, attachments, paths, ports, workers;
};

/* All zero. NULL on lack of memory. Pages are touched on first use. */
struct meter *meter_create(const struct meter_sizes *sizes);
void meter_destroy(struct meter *meter);

/* Writer: around everything that must be seen as one. */
static inline void meter_begin(struct meter *meter)
{
	uint64_t s = atomic_load_explicit(&meter->sequence, memory_order_relaxed);

	atomic_store_explicit(&meter->sequence, s + 1, memory_order_relaxed);
	/* The odd number must be seen before any count of this burst. */
	atomic_thread_fence(memory_order_release);
}

static inline void meter_end(struct meter *meter)
{
	uint64_t s = atomic_load_explicit(&meter->sequence, memory_order_relaxed);

	/* Release: the counts of this burst are seen before the even number. */
	atomic_store_explicit(&meter->sequence, s + 1, memory_order_release);
}

static inline void meter_drop(
	struct meter *meter, uint32_t connection, unsigned side, enum drop reason)
{
	struct meter_side *s = &meter->connection[connection].side[side];

	s->dropped++;
	s->drop[reason]++;
}

static inline void meter_port_drop(struct meter *meter, unsigned port, enum drop reason)
{
	meter->port[port].dropped++;
	meter->port[port].drop[reason]++;
}

/* Reader, any thread: copies one connection (both sides, notes, police) or one port in one view of
 * the writer. Never waits for ever: after bounded tries it copies anyway and answers false
 * ("torn"). */
bool meter_read_connection(const struct meter *meter, uint32_t id, struct meter_connection *out);
/* The same for count connections from first on, and one wait for all of them: what is the same
 * before and after a moment at which the writer was at rest is a view of that moment, for a counter
 * only grows; only what changed meanwhile is read by itself. whole[]: what the former answers. */
void meter_read_connections(const struct meter *meter, uint32_t first, unsigned count,
	struct meter_connection *out, bool *whole);
bool meter_read_port(const struct meter *meter, uint32_t index, struct meter_port *out);

/* True where the equation above holds for this side. */
bool meter_conserved(const struct meter_side *side);

#endif
