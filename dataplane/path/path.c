/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/path/path.h"

void path_begin(struct burst *b, unsigned count, unsigned port)
{
	for (unsigned i = 0; i < count; i++)
		b->live[i] = (uint8_t)i;
	b->count = count;
	memset(b->port, (int)port, sizeof(b->port));
	memset(b->connection, 0, sizeof(b->connection));
	memset(b->side, METER_ATTACHMENT, sizeof(b->side));
	memset(b->ip, 0, sizeof(b->ip));
	memset(b->frame, 0, sizeof(b->frame));
	memset(b->path, 0, sizeof(b->path));
	memset(b->from_site, 0, sizeof(b->from_site));
	memset(b->flags, 0, sizeof(b->flags));
	memset(b->entered, 0, sizeof(b->entered));
	memset(b->ready, 0, sizeof(b->ready));
	memset(b->option, 0, sizeof(b->option));
}

void path_run(struct forwarder *f, struct burst *b, unsigned count, unsigned port)
{
	path_begin(b, count, port);
	rx_count(f, b, count, port);
	parse_burst(f, b, port);
	decap_burst(f, b);
	measure_burst(f, b);
	police_burst(f, b);
	sample_burst(f, b);
	if (f->port[port].distribute)
		hop_burst(f, b);
	route_burst(f, b);
	encap_burst(f, b);
	tx_burst(f, b);
}

void path_resume(struct forwarder *f, struct burst *b, struct rte_mbuf **m, unsigned count)
{
	forwarder_load(f, b, m, count);
	route_burst(f, b);
	encap_burst(f, b);
	tx_burst(f, b);
}

void path_finish(struct forwarder *f)
{
	/* What a made packet makes in turn comes in the next round; an ICMP error makes none, so
	 * the rounds end. */
	while (f->made > 0) {
		struct rte_mbuf *m[BURST];
		unsigned count = RTE_MIN(f->made, (unsigned)BURST);

		f->made -= count;
		for (unsigned i = 0; i < count; i++)
			m[i] = f->made_packet[f->made + i];
		path_resume(f, &f->again, m, count);
	}
	tx_flush(f);
}
