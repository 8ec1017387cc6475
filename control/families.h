/* SPDX-License-Identifier: BSD-3-Clause */
/* Every metric family there is: its place here is its place in the text. */
#ifndef CONTROL_FAMILIES_H
#define CONTROL_FAMILIES_H

/* Id, name without the suffix of its samples, type, unit, help. A name ends in its unit, as
 * OpenMetrics wants it. */
#define FAMILIES_LIST(X) \
	X(INFO, "trunkline", "info", "", "Name and version of the gateway") \
	X(GENERATION, "trunkline_generation", "gauge", "", "Newest accepted generation") \
	X(LIVE_GENERATION, "trunkline_live_generation", "gauge", "", \
		"Newest generation that every worker has passed, with its routes") \
	X(START_TIME, "trunkline_start_time_seconds", "gauge", "seconds", \
		"Start of the daemon since the epoch") \
	X(CONNECTIONS, "trunkline_connections", "gauge", "", "Connections configured") \
	X(DROPS, "trunkline_drops_packets", "counter", "packets", \
		"Packets dropped by the whole gateway, every reason listed") \
	X(WORKER_GENERATION, "trunkline_worker_generation", "gauge", "", \
		"Newest generation the worker has passed") \
	X(WORKER_TURNS, "trunkline_worker_turns", "counter", "", "Polls of all queues") \
	X(WORKER_BUSY_TURNS, "trunkline_worker_busy_turns", "counter", "", \
		"Polls that found work") \
	X(WORKER_PACKETS, "trunkline_worker_packets", "counter", "packets", "Packets handled") \
	X(WORKER_SLEEPS, "trunkline_worker_sleeps", "counter", "", "Sleeps for want of work") \
	X(WORKER_BUSY, "trunkline_worker_busy_seconds", "counter", "seconds", \
		"Time in polls that found work") \
	X(WORKER_SLEEP, "trunkline_worker_sleep_seconds", "counter", "seconds", "Time asleep") \
	X(WORKER_GAP, "trunkline_worker_poll_gap_seconds", "histogram", "seconds", \
		"Time from one poll to the next, naps included") \
	X(WORKER_GAP_MAX, "trunkline_worker_poll_gap_max_seconds", "gauge", "seconds", \
		"Longest time between two polls") \
	X(WORKER_SPREAD, "trunkline_worker_spread_packets", "counter", "packets", \
		"Packets of ports that distribute, by the worker that goes on with them") \
	X(WORKER_MOVED, "trunkline_worker_moved_buckets", "counter", "", \
		"Buckets that this worker gave to another") \
	X(WORKER_GIVEN_UP, "trunkline_worker_moves_given_up", "counter", "", \
		"Moves undone because a worker did not answer in time") \
	X(WORKER_HELD, "trunkline_worker_held_packets", "counter", "packets", \
		"Packets held while their flow or queue changed workers") \
	X(RING_SENT, "trunkline_ring_packets", "counter", "packets", \
		"Packets handed to another worker") \
	X(RING_FULL, "trunkline_ring_full_packets", "counter", "packets", \
		"Packets refused by a full ring") \
	X(RING_DEPTH, "trunkline_ring_depth_packets", "gauge", "packets", "Packets in the ring") \
	X(PORT_UP, "trunkline_port_up", "gauge", "", "Link state") \
	X(PORT_RX, "trunkline_port_receive_packets", "counter", "packets", \
		"Frames delivered by the device") \
	X(PORT_RX_BYTES, "trunkline_port_receive_bytes", "counter", "bytes", \
		"L2 bytes delivered by the device, without FCS") \
	X(PORT_TX, "trunkline_port_transmit_packets", "counter", "packets", \
		"Frames taken by the device") \
	X(PORT_TX_BYTES, "trunkline_port_transmit_bytes", "counter", "bytes", \
		"L2 bytes taken by the device, without FCS") \
	X(PORT_DROPS, "trunkline_port_drops_packets", "counter", "packets", \
		"Frames dropped before a connection was known") \
	X(PORT_MISSED, "trunkline_port_missed_packets", "counter", "packets", \
		"Frames the device lost for want of a descriptor") \
	X(PORT_NO_BUFFER, "trunkline_port_no_buffer_packets", "counter", "packets", \
		"Frames the driver lost for want of a buffer") \
	X(PORT_ERRORS, "trunkline_port_errors_packets", "counter", "packets", \
		"Frames the device refused, by direction") \
	X(PORT_STEERED, "trunkline_port_steered_packets", "counter", "packets", \
		"Frames by the verdict of the steering program") \
	X(CONNECTION_RX, "trunkline_connection_receive_packets", "counter", "packets", \
		"Packets of the connection that came in on this side") \
	X(CONNECTION_TX, "trunkline_connection_transmit_packets", "counter", "packets", \
		"Packets that came in on this side and were sent") \
	X(CONNECTION_MADE, "trunkline_connection_originated_packets", "counter", "packets", \
		"Packets the gateway made: ICMP, ARP, ND") \
	X(CONNECTION_CONSUMED, "trunkline_connection_consumed_packets", "counter", "packets", \
		"Packets that ended here as intended") \
	X(CONNECTION_FRAGMENTS, "trunkline_connection_fragments_packets", "counter", "packets", \
		"Pieces made of packets too large") \
	X(CONNECTION_HELD, "trunkline_connection_held_packets", "gauge", "packets", \
		"Packets waiting for a neighbour") \
	X(CONNECTION_RINGS, "trunkline_connection_ring_packets", "gauge", "packets", \
		"Packets between workers") \
	X(CONNECTION_DROPS, "trunkline_connection_drops_packets", "counter", "packets", \
		"Packets dropped; reasons that never happened are left out") \
	X(CONNECTION_BANDWIDTH, "trunkline_connection_bandwidth_bytes_per_second", "gauge", \
		"bytes_per_second", \
		"Bandwidth that the connection is held to; absent without one") \
	X(CONNECTION_POLICED, "trunkline_connection_policed_packets", "counter", "packets", \
		"Packets dropped beyond the bandwidth, or its peak") \
	X(CONNECTION_POLICED_BYTES, "trunkline_connection_policed_bytes", "counter", "bytes", \
		"L3 bytes dropped beyond the bandwidth, or its peak") \
	X(CONNECTION_MARKED, "trunkline_connection_marked_packets", "counter", "packets", \
		"Packets over the bandwidth that passed, marked, within the peak") \
	X(CONNECTION_MARKED_BYTES, "trunkline_connection_marked_bytes", "counter", "bytes", \
		"L3 bytes over the bandwidth that passed, marked, within the peak") \
	X(CONNECTION_NOTES, "trunkline_connection_notes", "counter", "", \
		"Events that are no drops; those that never happened are left out") \
	X(CONNECTION_CONSERVED, "trunkline_connection_conserved", "gauge", "", \
		"1 where every packet is accounted for; absent while that cannot be told") \
	X(ATTACHMENT_UP, "trunkline_attachment_up", "gauge", "", "Administrative state") \
	X(ATTACHMENT_RX, "trunkline_attachment_receive_packets", "counter", "packets", \
		"Packets from the customer") \
	X(ATTACHMENT_RX_BYTES, "trunkline_attachment_receive_bytes", "counter", "bytes", \
		"L3 bytes from the customer") \
	X(ATTACHMENT_TX, "trunkline_attachment_transmit_packets", "counter", "packets", \
		"Packets to the customer") \
	X(ATTACHMENT_TX_BYTES, "trunkline_attachment_transmit_bytes", "counter", "bytes", \
		"L3 bytes to the customer") \
	X(PATH_LIVE, "trunkline_path_live", "gauge", "", "1 where traffic may use the path") \
	X(PATH_OBJECTION, "trunkline_path_objection", "gauge", "", \
		"1 for each cause that keeps the path from use") \
	X(PATH_RX, "trunkline_path_receive_packets", "counter", "packets", \
		"Packets of customers received over the path") \
	X(PATH_RX_BYTES, "trunkline_path_receive_bytes", "counter", "bytes", \
		"Inner L3 bytes received over the path") \
	X(PATH_TX, "trunkline_path_transmit_packets", "counter", "packets", \
		"Packets of customers sent over the path") \
	X(PATH_TX_BYTES, "trunkline_path_transmit_bytes", "counter", "bytes", \
		"Inner L3 bytes sent over the path") \
	X(BFD_UP, "trunkline_bfd_up", "gauge", "", "1 where the BFD session of the path is up") \
	X(BFD_DETECTION, "trunkline_bfd_detection_seconds", "gauge", "seconds", \
		"Silence after which the path counts as dead") \
	X(BFD_SENT, "trunkline_bfd_transmit_packets", "counter", "packets", "BFD packets sent") \
	X(BFD_RECEIVED, "trunkline_bfd_receive_packets", "counter", "packets", \
		"BFD packets that were the session's") \
	X(BFD_DOWNS, "trunkline_bfd_downs", "counter", "", "Times that the session went down") \
	X(PATH_SENT, "trunkline_path_sent_packets", "counter", "packets", \
		"Packets numbered and sent over a measured path") \
	X(PATH_ARRIVED, "trunkline_path_arrived_packets", "counter", "packets", \
		"Numbered packets that arrived over a measured path, each counted once") \
	X(PATH_LOST, "trunkline_path_lost_packets", "gauge", "packets", \
		"Numbers missing on a measured path, of what was sent to us; late ones are taken " \
		"off again") \
	X(PATH_REORDERED, "trunkline_path_reordered_packets", "counter", "packets", \
		"Numbered packets that arrived after a later one") \
	X(PATH_PDV, "trunkline_path_delay_variation_seconds", "gauge", "seconds", \
		"Delay above the least of the second, on packets received over a measured path") \
	X(PATH_JITTER, "trunkline_path_jitter_seconds", "gauge", "seconds", \
		"Interarrival jitter of RFC 3550 on a measured path") \
	X(PATH_DUPLICATE, "trunkline_path_duplicate_packets", "counter", "packets", \
		"Numbered packets that arrived once more") \
	X(NEIGHBOURS, "trunkline_neighbours", "gauge", "", "Neighbours by state") \
	X(CONTROL_TURN, "trunkline_control_turn_seconds", "histogram", "seconds", \
		"Length of a turn of the control loop") \
	X(CONTROL_LONG, "trunkline_control_long_turns", "counter", "", \
		"Turns of the control loop over 5 ms")

enum families {
#define X(id, name, type, unit, help) FAMILIES_##id,
	FAMILIES_LIST(X)
#undef X
		FAMILIES_COUNT
};

#endif
