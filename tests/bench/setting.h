/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A gateway to be measured: null ports, a document of connections and routes, and frames of flows
 * that these routes carry.
 *
 * Ports: 0 and 1 hold the attachments (VLANs), 2 the backbone. Sites: far4 and far6 (Geneve over
 * IPv4, IPv6), vx4 and vx6 (VXLAN), near4 and near6 (Geneve, where transit comes from); four paths
 * each.
 */
#ifndef TESTS_BENCH_SETTING_H
#define TESTS_BENCH_SETTING_H

#include "tests/bench/source.h"
#include "tests/tools/testbed.h"

enum setting_site { SITE_FAR4 = 0, SITE_FAR6, SITE_VX4, SITE_VX6, SITE_NEAR4, SITE_NEAR6, SITES };

enum setting_way { WAY_OUT = 0, WAY_IN, WAY_TRANSIT };

#define SETTING_PORTS	 3
#define SETTING_BACKBONE 2

struct setting_plan {
	uint32_t connections;	       /* that lead to each of the sites in use */
	uint32_t site_routes[2];       /* each: IPv4, IPv6 routes to its site */
	uint32_t attachment_routes[2]; /* each: to the next hop on its attachment */
	unsigned sites;		       /* bits of enum setting_site, the far ones only */
	uint64_t bandwidth_mbps;
	unsigned workers; /* 0: 1 */
	bool distribute;
	struct loop *loop; /* the publisher's, as in struct testbed_setup */
	bool measured;	   /* Geneve over IPv4 carries the lane option */
};

struct setting {
	struct setting_plan plan;
	struct testbed *gateway;
	struct source source[SETTING_PORTS];
	struct ip_prefix *to_site[2], *to_attachment[2]; /* by family: 0 IPv4, 1 IPv6 */
	unsigned site_of[SITES];			 /* place of a site among those in use */
};

/* How many hugepages of 2 MiB are reserved and free. */
unsigned setting_free_hugepages(void);

/* EAL with hugepages where they are wanted (*huge) and there are any; *huge tells. Exits on
 * failure.
 */
void setting_eal(const char *program, bool *huge);

/* NULL with a line on standard error. Takes some seconds per million routes. */
struct setting *setting_create(const struct setting_plan *plan);
void setting_destroy(struct setting *s);

/* What is sent: way and site (of exit for OUT and TRANSIT, of entry for IN), inner family, bytes of
 * the customer's frame (VLAN tag included, FCS not), flows. */
struct setting_load {
	enum setting_way way;
	enum setting_site site;
	uint8_t family; /* inner: IP_4 or IP_6 */
	uint16_t bytes;
	uint32_t flows;
};

/* Fills the sources with such flows; random routes, random hosts. Frames arrive on port 0 and 1 for
 * OUT, on the backbone for the others. 0, or -1 with a line on standard error. */
int setting_load(struct setting *s, const struct setting_load *load);

/* VNI of a connection's packets to and from a site. */
uint32_t setting_vni(const struct setting *s, enum setting_site site, uint32_t connection);

/* source_start for the sources that have flows; the others are quiet. */
void setting_start(struct setting *s, unsigned runs, uint64_t per_run);

/* Sleeps until they are over, with workers as threads. */
void setting_wait(const struct setting *s);

/* Packets that came in since the sources were started, and that ever went out of all ports. Exact
 * while workers rest. */
uint64_t setting_sent(const struct setting *s);
uint64_t setting_delivered(const struct setting *s);

/* Whether as many went out as came in since these two were read; else with a line on standard
 * output. */
bool setting_lossless(const struct setting *s, uint64_t sent, uint64_t delivered);

#endif
