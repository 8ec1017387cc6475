/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the model to entries of a snapshot: pure translation, one object at a time, into the edit
 * given. Control thread only. Each function returns 0 or -ENOMEM, and may be repeated.
 */
#ifndef CONTROL_COMPILE_H
#define CONTROL_COMPILE_H

#include <stdbool.h>
#include <stdint.h>

#include "control/model.h"
#include "dataplane/fwd/snapshot.h"

/* Inner MTU towards a site without paths: nothing is too large for a path that does not exist. */
#define COMPILE_MTU_NONE 65535

/* A port as its device turned out; its place is its index in the boot file. */
struct compile_port {
	bool used;
	uint8_t flags; /* enum fwd_port_flags */
	uint8_t mac[6];
	uint16_t mtu; /* L3 */
};

struct compile {
	const struct model *model;
	const char *gateway; /* name */
	unsigned workers;
	uint64_t tsc_hz;
	uint64_t seed; /* random, of this run of the gateway */
	struct compile_port port[FWD_PORTS];
};

/* Port entries with the underlay addresses of the paths on them, and the table of tunnels. */
int compile_ports(const struct compile *c, struct snapshot_edit *edit);
int compile_tunnels(const struct compile *c, struct snapshot_edit *edit);

/* Path group of a site: path ids by index and the ranked buckets. */
int compile_site(const struct compile *c, struct snapshot_edit *edit, uint32_t id);
int compile_path(const struct compile *c, struct snapshot_edit *edit, const struct model_path *path,
	uint32_t neighbour);
int compile_connection(const struct compile *c, struct snapshot_edit *edit,
	const struct model_connection *connection);
/* peer4, peer6: neighbours that packets of either family are sent to inside. */
int compile_endpoint(const struct compile *c, struct snapshot_edit *edit,
	const struct model_endpoint *endpoint, uint32_t peer4, uint32_t peer6);
int compile_attachment(const struct compile *c, struct snapshot_edit *edit,
	const struct model_attachment *attachment);
/* hops: neighbour ids in the order of via->hop. */
int compile_set(struct snapshot_edit *edit, uint32_t id, const struct model_via *via,
	const uint32_t *neighbour);

/* Makes the entry unused. */
int compile_clear(struct snapshot_edit *edit, enum model_kind kind, uint32_t id);
int compile_clear_set(struct snapshot_edit *edit, uint32_t id);

/* Largest inner L3 packet that every path to the site carries, live or not, with an IP payload or
 * (ethernet) an Ethernet one; COMPILE_MTU_NONE where there is no path. */
uint16_t compile_inner_mtu(const struct compile *c, uint32_t site, bool ethernet);

/* Our router MAC inside this tunnel: as configured, else locally administered and derived from the
 * gateway's name and the endpoint's id. */
void compile_router_mac(
	const struct compile *c, const struct model_endpoint *endpoint, uint8_t mac[6]);

/* Key of the attachment in fwd->attachments. */
uint64_t compile_tags_key(const struct model_attachment *attachment);

#endif
