/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/fakeroster.h"

#include <stdio.h>

uint32_t fakeroster_connections = FAKEROSTER_CONNECTIONS;

static void get_gateway(void *context, struct roster_gateway *out)
{
	(void)context;
	*out = (struct roster_gateway){.name = "gw-a",
		.version = "0.1.0",
		.generation = 12,
		.started_ns = UINT64_C(1700000000123456789),
		.connections = fakeroster_connections,
		.attachments = 8,
		.paths = 8,
		.ports = 2};
}

static bool get_connection(void *context, uint32_t id, struct roster_connection *out)
{
	static char name[32];

	(void)context;
	if (id > fakeroster_connections - 10)
		return false;
	snprintf(name, sizeof(name), id == 2 ? "odd \"%u\" \\ \n" : "c%u", id);
	*out = (struct roster_connection){.name = name,
		.vni = 1000 + id,
		.bandwidth_mbps = id % 2 != 0 ? 100 : 0,
		.peak_mbps = id == 5 ? 150 : 0};
	return true;
}

static bool get_attachment(void *context, uint32_t id, struct roster_attachment *out)
{
	(void)context;
	*out = (struct roster_attachment){.name = "acme-1",
		.connection = "c1",
		.connection_id = 1,
		.port = "cust",
		.up = true};
	return id == 1;
}

static bool get_path(void *context, uint32_t id, struct roster_path *out)
{
	(void)context;
	*out = (struct roster_path){.name = "b1",
		.site = "gw-b",
		.port = "bb1",
		.admin = false,
		.live = false,
		.objection = 1u << LIVENESS_ADMIN,
		.bfd = {.mode = "tunnel",
			.state = "up",
			.state_number = 3,
			.diag = "none",
			.remote_state = "up",
			.remote_state_number = 3,
			.remote_diag = "none",
			.worker = 1,
			.interval_us = 6000,
			.detection_us = 30000,
			.sent = 41,
			.received = 40,
			.ups = 2,
			.downs = 1}};
	return id == 8;
}

static bool get_port(void *context, uint32_t index, struct roster_port *out)
{
	(void)context;
	*out = (struct roster_port){.name = index == 0 ? "bb1" : "cust",
		.device = "null:",
		.up = true,
		.missed = 5,
		.extras = 1,
		.extra = {{"kernel", 17}}};
	return true;
}

static bool get_neighbour(void *context, uint32_t *id, struct roster_neighbour *out)
{
	(void)context;
	if (*id >= FAKEROSTER_NEIGHBOURS)
		return false;
	++*id;
	*out = (struct roster_neighbour){.link_kind = "attachment",
		.link = "acme-1",
		.state = "reachable",
		.address = "169.254.1.2",
		.mac = "02:00:00:00:00:01",
		.held = *id,
		.age_ms = *id == 1 ? UINT64_MAX : 10};
	return true;
}

static void get_neighbour_states(void *context, uint64_t count[ROSTER_NEIGHBOUR_STATES])
{
	(void)context;
	count[NEIGHBOUR_REACHABLE] = FAKEROSTER_NEIGHBOURS;
}

const struct roster fakeroster = {.gateway = get_gateway,
	.connection = get_connection,
	.attachment = get_attachment,
	.path = get_path,
	.port = get_port,
	.neighbour = get_neighbour,
	.neighbour_states = get_neighbour_states};
