/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What BFD sessions cost the worker that owns them: all of its work for packets that come in, for
 * those it sends and for its timers, in cycles a packet and as the share of a core that so many
 * sessions take at their pace.
 *
 * bench_bfd [--json FILE] [--seconds N] [--smoke]
 *
 * Time is made up, in steps of a poll; what is measured is the time really spent in between. The
 * null device takes what is sent. A figure is the median of RUNS; --seconds is the made-up time of
 * each, which has nothing to do with how long it takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_bus_vdev.h>
#include <rte_ethdev.h>

#include "control/template.h"
#include "dataplane/oam/oam.h"
#include "dataplane/oam/oamframe.h"
#include "dataplane/path/path.h"
#include "tests/bench/figures.h"
#include "tests/tools/testbed.h"

#define RUNS	    9
#define MOST	    16384u
#define STEP_US	    50u
#define FRAME_BYTES 256

static struct snapshot_limits limits = {.paths = MOST, .sites = MOST / FWD_SITE_PATHS};
static struct forwarder *f;
static struct oam *oam;
static struct rte_mempool *pool;
static uint8_t (*frame)[FRAME_BYTES]; /* by path id: what its peer says */
static uint16_t length[MOST + 1];
static unsigned runs = RUNS;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "bench_bfd: %s\n", what);
	exit(1);
}

struct load {
	const char *name;
	uint32_t sessions, interval_us;
	uint8_t multiplier;
	bool authenticated;
};

static void put_path(struct snapshot_edit *edit, uint32_t id, const struct load *load)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 1, 0};
	struct ip_address local = {.bytes = {10, 0, 0, 1}, .family = IP_4};
	struct ip_address remote = {
		.bytes = {10, 1, (uint8_t)(id >> 8), (uint8_t)id}, .family = IP_4};
	struct fwd_path *path = snapshot_edit_path(edit, id);
	struct fwd_bfd *bfd = snapshot_edit_bfd(edit, id);

	must(path != NULL && bfd != NULL, "no memory");
	*path = (struct fwd_path){.used = id <= load->sessions,
		.neighbour = 1,
		.site = (uint16_t)((id - 1) / FWD_SITE_PATHS + 1),
		.index = (uint8_t)((id - 1) % FWD_SITE_PATHS)};
	template_build(path, mac, &local, &remote, false);
	*bfd = (struct fwd_bfd){.mode = path->used ? FWD_BFD_TUNNEL : FWD_BFD_OFF,
		.multiplier = load->multiplier,
		.authenticated = load->authenticated,
		.key = "secret",
		.discriminator = load->interval_us << 16 | id,
		.tx_us = load->interval_us,
		.rx_us = load->interval_us};
	snapshot_edit_site(edit, path->site)->path[path->index] = (uint16_t)id;
}

static void publish(const struct load *load)
{
	struct fwd *fwd = (struct fwd *)(uintptr_t)f->fwd;
	struct snapshot_edit *edit = snapshot_edit_begin(fwd_snapshot(fwd));
	struct snapshot_garbage *garbage;

	must(edit != NULL, "no memory");
	for (uint32_t id = 1; id <= MOST; id++)
		put_path(edit, id, load);
	snapshot_edit_port(edit, 0)->used = 1;
	fwd_publish(fwd, snapshot_edit_commit(edit, &garbage));
	snapshot_free_garbage(garbage);
	f->snapshot = fwd_snapshot(fwd);
}

/* As the peer sends it; its number counts up where it is authenticated. */
static void write_message(uint32_t id, const struct load *load, unsigned state, uint32_t sequence)
{
	const struct fwd_bfd *bfd = snapshot_bfd(f->snapshot, id);
	uint8_t bytes[BFDPACKET_MOST];
	struct bfdpacket packet = {.state = (uint8_t)state,
		.flags = load->authenticated ? BFDPACKET_AUTHENTICATED : 0,
		.multiplier = load->multiplier,
		.mine = 0x70000000 | id,
		.yours = state > BFDPACKET_DOWN ? bfd->discriminator : 0,
		.desired_tx = load->interval_us,
		.required_rx = load->interval_us,
		.sequence = sequence};
	struct oamframe_message message = {.bytes = bytes,
		.length = (uint16_t)bfdpacket_build(bytes, &packet),
		.source = 50000,
		.destination = BFDPACKET_SINGLE_HOP,
		.tunnelled = true};

	if (load->authenticated)
		bfdpacket_sign(bytes, bfd->key);
	length[id] =
		(uint16_t)oamframe_write(frame[id], snapshot_path(f->snapshot, id), 0, &message);
}

/* What decap leaves aside of such a frame. */
static void arrive(uint32_t id)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	must(m != NULL, "no buffer");
	memcpy(rte_pktmbuf_append(m, length[id]), frame[id], length[id]);
	*packet_of(m) = (struct packet){.kind = PACKET_OAM,
		.value = id,
		.l4_offset = snapshot_path(f->snapshot, id)->outer_length,
		.queue = RTE_ETHER_TYPE_IPV4};
	f->oam[f->oams++] = m;
}

static uint64_t spent;		   /* cycles in OAM */
static uint32_t speaker, sequence; /* of the message that came last */

static void step(uint64_t now)
{
	uint64_t from = rte_rdtsc();

	f->burst.arrived = now;
	if (f->oams > 0)
		oam_take(oam);
	sessions_run(&oam->sessions, now, now);
	oam->sessions.sent = false;
	tx_flush(f);
	spent += rte_rdtsc() - from;
}

static uint64_t received(const struct load *load)
{
	uint64_t sum = 0;

	for (uint32_t id = 1; id <= load->sessions; id++)
		sum += oam->sessions.session[id].bfd.received;
	return sum;
}

static uint64_t sent(const struct load *load)
{
	uint64_t sum = 0;

	for (uint32_t id = 1; id <= load->sessions; id++)
		sum += oam->sessions.session[id].bfd.sent;
	return sum;
}

static uint64_t come_up(const struct load *load, uint64_t now)
{
	publish(load);
	speaker = 0;
	sequence = 3;
	while (sessions_behind(&oam->sessions))
		sessions_follow(&oam->sessions, now);
	for (unsigned state = BFDPACKET_DOWN; state <= BFDPACKET_INIT; state++)
		for (uint32_t id = 1; id <= load->sessions; id++) {
			write_message(id, load, state, state);
			arrive(id);
			step(now);
		}
	for (uint32_t id = 1; id <= load->sessions; id++) {
		must(oam->sessions.session[id].bfd.state == BFDPACKET_UP, "a session is not up");
		write_message(id, load, BFDPACKET_UP, 3);
	}
	return now;
}

/* Each peer sends at its pace, spread evenly; so many made-up seconds. */
static uint64_t run(const struct load *load, uint64_t now, double seconds, double *cycles)
{
	uint64_t hz = rte_get_tsc_hz(), tick = hz * STEP_US / 1000000, end;
	double each = (double)load->sessions * STEP_US / (0.875 * load->interval_us), owed = 0;
	uint64_t before = received(load) + sent(load);

	spent = 0;
	for (end = now + (uint64_t)(seconds * (double)hz); now < end; now += tick) {
		for (owed += each; owed >= 1; owed--) {
			speaker = speaker % load->sessions + 1;
			sequence += speaker == 1;
			if (load->authenticated)
				write_message(speaker, load, BFDPACKET_UP, sequence);
			arrive(speaker);
			if (f->oams == BURST)
				step(now);
		}
		step(now);
	}
	*cycles = (double)spent / (double)(received(load) + sent(load) - before);
	return now;
}

static void measure(const struct load *load, double seconds)
{
	static uint64_t now = UINT64_C(1) << 40;
	double packet[RUNS], share[RUNS];
	char name[96];

	now = come_up(load, now);
	now = run(load, now, seconds / 4, &packet[0]);
	for (unsigned i = 0; i < runs; i++) {
		now = run(load, now, seconds, &packet[i]);
		share[i] = 100 * (double)spent / (seconds * (double)rte_get_tsc_hz());
	}
	for (uint32_t id = 1; id <= load->sessions; id++)
		must(oam->sessions.session[id].bfd.state == BFDPACKET_UP, "a session went down");
	snprintf(name, sizeof(name), "bfd %s", load->name);
	printf("%-44s %7.0f cycles a packet %7.2f %% of a core\n", load->name,
		figures_add(name, "cycles/packet", packet, runs, NULL),
		figures_median(share, runs));
	snprintf(name, sizeof(name), "bfd %s, share", load->name);
	figures_add(name, "% of a core", share, runs, NULL);
}

static void make_forwarder(void)
{
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 0xaa};
	struct fwd_limits l = {.snapshot = limits, .routes = 1000, .neighbours = 16, .workers = 1};
	struct meter_sizes sizes = {1, 1, MOST + 1, FWD_PORTS, 2};
	struct rte_eth_conf conf = {0};
	static struct oam *all[1];
	struct fwd *fwd = fwd_create(&l, 1);

	f = aligned_alloc(CACHE_LINE, RTE_ALIGN(sizeof(*f), CACHE_LINE));
	oam = aligned_alloc(CACHE_LINE, RTE_ALIGN(sizeof(*oam), CACHE_LINE));
	frame = calloc(MOST + 1, sizeof(*frame));
	must(fwd != NULL && f != NULL && oam != NULL && frame != NULL, "no memory");
	memset(f, 0, sizeof(*f));
	memset(oam, 0, sizeof(*oam));
	f->fwd = fwd;
	f->snapshot = fwd_snapshot(fwd);
	f->meter = meter_create(&sizes);
	f->workers = 1;
	must(rte_vdev_init("net_null0", "size=64,copy=0") == 0 &&
			rte_eth_dev_get_port_by_name("net_null0", &f->port[0].device) == 0 &&
			rte_eth_dev_configure(f->port[0].device, 1, 1, &conf) == 0 &&
			rte_eth_rx_queue_setup(f->port[0].device, 0, 64, 0, NULL, pool) == 0 &&
			rte_eth_tx_queue_setup(f->port[0].device, 0, 64, 0, NULL) == 0 &&
			rte_eth_dev_start(f->port[0].device) == 0,
		"no null device");
	neighbour_set(&fwd->neighbours.entry[1], mac, NEIGHBOUR_PERMANENT);
	all[0] = oam;
	must(f->meter != NULL && oam_create(oam, f, all, pool) == 0, "no memory");
}

int main(int argc, char **argv)
{
	static const struct load loads[] = {
		{"64 sessions, 6 ms x 5", 64, 6000, 5, false},
		{"64 sessions, 6 ms x 5, SHA1", 64, 6000, 5, true},
		{"16,384 sessions, 300 ms x 3", MOST, 300000, 3, false},
		{"16,384 sessions, 300 ms x 3, SHA1", MOST, 300000, 3, true},
	};
	const char *json = NULL;
	double seconds = 2;

	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--smoke") == 0)
			seconds = 0.5, runs = 1;
		else if (strcmp(argv[i], "--json") == 0 && i + 1 < argc)
			json = argv[++i];
		else if (strcmp(argv[i], "--seconds") == 0 && i + 1 < argc)
			seconds = atof(argv[++i]);
		else
			must(false, "usage: bench_bfd [--json FILE] [--seconds N] [--smoke]");
	}
	must(testbed_eal() == 0, "no EAL");
	pool = rte_pktmbuf_pool_create(
		"oam", 4095, 64, PACKET_PRIVATE_SIZE, RTE_PKTMBUF_HEADROOM + 256, SOCKET_ID_ANY);
	must(pool != NULL, "no pool");
	make_forwarder();
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++)
		measure(&loads[i], seconds);
	return figures_write(json) < 0;
}
