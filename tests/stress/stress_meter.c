/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A writer counts bursts as a worker does, entries first and ends later, now and then taking some
 * back; a reader reads all connections again and again. Every view that is called whole must be
 * conserved, and no counter may go back.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_pause.h>

#include "dataplane/meter/meter.h"
#include "tests/tools/chance.h"

#define CONNECTIONS 64
#define READ	    32 /* at once */
#define BURSTS	    200000
#define PACKETS	    32

static struct meter *meter;
static atomic_bool over;

/* Entries, then ends: in between nothing adds up. */
static void count_burst(struct chance *chance)
{
	unsigned of[PACKETS], refused = 0;

	meter_begin(meter);
	for (unsigned i = 0; i < PACKETS; i++) {
		of[i] = chance_below(chance, CONNECTIONS);
		meter->connection[of[i]].side[METER_PATH].rx++;
	}
	for (unsigned i = 0; i < chance_below(chance, 20); i++)
		rte_pause();
	for (unsigned i = 0; i < PACKETS; i++)
		meter->connection[of[i]].side[METER_PATH].tx++;
	/* What a device leaves is taken back. */
	refused = chance_below(chance, 4) == 0 ? chance_below(chance, PACKETS) : 0;
	for (unsigned i = PACKETS - refused; i < PACKETS; i++) {
		meter->connection[of[i]].side[METER_PATH].tx--;
		meter_drop(meter, of[i], METER_PATH, DROP_TX_FULL);
	}
	meter_end(meter);
}

static void *writer(void *unused)
{
	struct chance chance = chance_seed("meter");

	for (unsigned i = 0; i < BURSTS; i++) {
		count_burst(&chance);
		for (unsigned k = 0; k < chance_below(&chance, 8); k++)
			rte_pause();
	}
	atomic_store(&over, true);
	return unused;
}

static uint64_t whole_views, broken, backwards;

static void read_all(uint64_t seen[CONNECTIONS])
{
	static struct meter_connection view[READ];
	bool whole[READ];

	for (unsigned first = 0; first < CONNECTIONS; first += READ) {
		meter_read_connections(meter, first, READ, view, whole);
		for (unsigned i = 0; i < READ; i++) {
			const struct meter_side *side = &view[i].side[METER_PATH];

			if (!whole[i])
				continue;
			whole_views++;
			broken += !meter_conserved(side);
			backwards += side->rx < seen[first + i];
			seen[first + i] = side->rx;
		}
	}
}

int main(void)
{
	const struct meter_sizes sizes = {
		.connections = CONNECTIONS, .attachments = 1, .paths = 1, .ports = 1, .workers = 1};
	uint64_t seen[CONNECTIONS] = {0}, packets = 0;
	pthread_t thread;

	meter = meter_create(&sizes);
	if (meter == NULL || pthread_create(&thread, NULL, writer, NULL) != 0)
		return 1;
	while (!atomic_load(&over))
		read_all(seen);
	pthread_join(thread, NULL);
	read_all(seen);
	for (unsigned i = 0; i < CONNECTIONS; i++)
		packets += seen[i];
	printf("%" PRIu64 " whole views, %" PRIu64 " not conserved, %" PRIu64 " went back; %" PRIu64
	       " packets\n",
		whole_views, broken, backwards, packets);
	meter_destroy(meter);
	return broken != 0 || backwards != 0 || whole_views < CONNECTIONS ||
	       packets != (uint64_t)BURSTS * PACKETS;
}
