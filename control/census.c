/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/census.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "control/boot.h"
#include "control/model.h"
#include "control/neighbours.h"
#include "control/publisher.h"
#include "dataplane/base/clock.h"
#include "dataplane/fwd/fwd.h"
#include "dataplane/fwd/value.h"
#include "dataplane/oam/sessions.h"
#include "dataplane/worker/plane.h"
#include "drivers/device.h"
#include "drivers/steer.h"

_Static_assert(STEER_COUNT <= ROSTER_EXTRAS, "each counter of the steering program has a place");

static const char *name_of(const struct model *model, enum model_kind kind, uint32_t id)
{
	const struct model_object *object = model_object(model, kind, id);

	return object != NULL ? object->name : "";
}

static const char *port_name(const struct gateway *gateway, unsigned index)
{
	return index < gateway->boot->ports ? gateway->boot->port[index].name : "";
}

static void get_gateway(void *context, struct roster_gateway *out)
{
	const struct census *census = context;
	const struct gateway *gateway = census->gateway;
	const struct boot *boot = gateway->boot;

	*out = (struct roster_gateway){
		.name = boot->name,
		.version = TRUNKLINE_VERSION,
		.generation = gateway->model != NULL ? model_generation(gateway->model) : 0,
		.live = gateway->publisher != NULL ? publisher_live(gateway->publisher) : 0,
		.started_ns = census->started_ns,
		.connections = boot->limits.connections,
		.attachments = boot->limits.attachments,
		.paths = boot->limits.paths,
		.ports = boot->ports,
	};
}

static bool get_connection(void *context, uint32_t id, struct roster_connection *out)
{
	const struct model *model = ((struct census *)context)->gateway->model;
	const struct model_connection *c = model != NULL ? model_connection(model, id) : NULL;

	if (c != NULL)
		*out = (struct roster_connection){.name = c->object.name,
			.vni = c->vni,
			.bandwidth_mbps = c->bandwidth_mbps,
			.peak_mbps = c->peak_mbps};
	return c != NULL;
}

static bool get_attachment(void *context, uint32_t id, struct roster_attachment *out)
{
	const struct gateway *gateway = ((struct census *)context)->gateway;
	const struct model *model = gateway->model;
	const struct model_attachment *a = model != NULL ? model_attachment(model, id) : NULL;

	if (a == NULL)
		return false;
	*out = (struct roster_attachment){
		.name = a->object.name,
		.connection = name_of(model, MODEL_CONNECTION, a->connection),
		.port = port_name(gateway, a->port),
		.connection_id = a->connection,
		.up = a->up,
	};
	return true;
}

static unsigned objections(const struct fwd *fwd, const struct model_path *path)
{
	const struct liveness *site = &fwd->liveness[path->site];
	unsigned found = 0;

	for (unsigned cause = 0; cause < LIVENESS_CAUSES; cause++) {
		uint64_t word = atomic_load_explicit(&site->word[cause], memory_order_relaxed);

		if (!(word >> path->index & 1))
			found |= 1u << cause;
	}
	return found;
}

static void read_bfd(const struct gateway *gateway, uint32_t id, struct roster_bfd *out)
{
	static const char *const mode[] = {NULL, "single_hop", "multihop", "tunnel"};
	const struct fwd_bfd *config = snapshot_bfd(fwd_snapshot(gateway->fwd), id);
	struct session session;
	const struct bfd *bfd = &session.bfd;

	if (gateway->plane == NULL || !plane_session(gateway->plane, id, &session))
		return;
	*out = (struct roster_bfd){.mode = mode[config->mode],
		.worker = config->owner,
		.state = bfdpacket_state_name(bfd->state),
		.state_number = bfd->state,
		.diag = bfdpacket_diag_name(bfd->diag),
		.diag_number = bfd->diag,
		.remote_state = bfdpacket_state_name(bfd->remote_state),
		.remote_state_number = bfd->remote_state,
		.remote_diag = bfdpacket_diag_name(bfd->remote_diag),
		.remote_diag_number = bfd->remote_diag,
		.discriminator = bfd->local,
		.remote_discriminator = bfd->remote,
		.interval_us = bfd_interval_us(bfd),
		.detection_us = bfd_detection_us(bfd),
		.state_ms = (clock_tsc() - bfd->changed) / (bfd->hz / 1000),
		.sent = bfd->sent,
		.received = bfd->received,
		.unsent = session.unsent,
		.ups = bfd->ups,
		.downs = bfd->downs,
		.demands_refused = bfd->demands_refused};
}

static bool get_path(void *context, uint32_t id, struct roster_path *out)
{
	const struct gateway *gateway = ((struct census *)context)->gateway;
	const struct model *model = gateway->model;
	const struct model_path *p = model != NULL ? model_path(model, id) : NULL;

	if (p == NULL)
		return false;
	*out = (struct roster_path){
		.name = p->object.name,
		.site = name_of(model, MODEL_SITE, p->site),
		.port = port_name(gateway, p->port),
		.admin = p->up,
		.measured = p->measured,
		.objection = objections(gateway->fwd, p),
	};
	out->live = out->objection == 0;
	read_bfd(gateway, id, &out->bfd);
	if (p->measured)
		tracker_delay(gateway->tracker, id, &out->delay);
	return true;
}

static void read_steering(const struct device *device, struct roster_port *out)
{
	uint64_t counter[STEER_COUNT];

	if (device->steer == NULL || steer_read(device->steer, counter) < 0)
		return;
	out->extras = STEER_COUNT;
	for (unsigned i = 0; i < STEER_COUNT; i++) {
		out->extra[i].name = steer_counter_name(i);
		out->extra[i].frames = counter[i];
	}
}

static void read_device(const struct device *device, struct roster_port *out)
{
	struct device_link link = device_link(device);
	struct device_counters counters;

	out->up = link.up;
	out->speed_mbps = link.mbps;
	if (device_counters(device, &counters) == 0) {
		out->missed = counters.rx_missed;
		out->rx_errors = counters.rx_errors;
		out->tx_errors = counters.tx_errors;
		out->no_buffer = counters.rx_no_buffer;
	}
	read_steering(device, out);
}

static bool get_port(void *context, uint32_t index, struct roster_port *out)
{
	const struct gateway *gateway = ((struct census *)context)->gateway;

	if (index >= gateway->boot->ports)
		return false;
	*out = (struct roster_port){
		.name = gateway->boot->port[index].name,
		.device = gateway->boot->port[index].device,
	};
	if (gateway->device != NULL)
		read_device(&gateway->device[index], out);
	return true;
}

static void name_link(const struct gateway *gateway, uint32_t link, struct roster_neighbour *out)
{
	const struct model *model = gateway->model;
	const struct model_endpoint *endpoint;
	uint32_t id = value_id(link);

	switch (value_kind(link)) {
	case LINK_PORT:
		out->link_kind = "port";
		snprintf(out->link, sizeof(out->link), "%s", port_name(gateway, id));
		return;
	case LINK_ATTACHMENT:
		out->link_kind = "attachment";
		snprintf(out->link, sizeof(out->link), "%s", name_of(model, MODEL_ATTACHMENT, id));
		return;
	default:
		out->link_kind = "endpoint";
		endpoint = model_endpoint(model, id);
		if (endpoint != NULL)
			snprintf(out->link, sizeof(out->link), "%s to %s",
				name_of(model, MODEL_CONNECTION, endpoint->connection),
				name_of(model, MODEL_SITE, endpoint->site));
	}
}

static bool get_neighbour(void *context, uint32_t *id, struct roster_neighbour *out)
{
	const struct gateway *gateway = ((struct census *)context)->gateway;
	struct neighbours_view view;

	if (gateway->neighbours == NULL || gateway->model == NULL ||
		!neighbours_next(gateway->neighbours, *id, &view))
		return false;
	*id = view.id;
	*out = (struct roster_neighbour){
		.state = roster_neighbour_state_name(view.state),
		.held = view.held,
		.gleaned = view.gleaned,
		.age_ms = view.age_ms == UINT32_MAX ? UINT64_MAX : view.age_ms,
	};
	name_link(gateway, view.link, out);
	if (view.address.family != IP_NONE)
		ip_format(&view.address, out->address, sizeof(out->address));
	if (view.state >= NEIGHBOUR_REACHABLE && view.state <= NEIGHBOUR_PERMANENT)
		ip_mac_format(view.mac, out->mac, sizeof(out->mac));
	return true;
}

static void get_neighbour_states(void *context, uint64_t count[ROSTER_NEIGHBOUR_STATES])
{
	const struct fwd *fwd = ((struct census *)context)->gateway->fwd;

	if (fwd == NULL)
		return;
	for (uint32_t id = 1; id < fwd->neighbours.size; id++) {
		unsigned state = neighbour_state(neighbour_load(&fwd->neighbours.entry[id]));

		if (state < ROSTER_NEIGHBOUR_STATES)
			count[state]++;
	}
}

void census_count(
	const struct census *census, uint32_t *connections, uint32_t *attachments, uint32_t *paths)
{
	const struct model *model = census->gateway->model;

	*connections = model != NULL ? model_count(model, MODEL_CONNECTION) : 0;
	*attachments = model != NULL ? model_count(model, MODEL_ATTACHMENT) : 0;
	*paths = model != NULL ? model_count(model, MODEL_PATH) : 0;
}

void census_init(struct census *census, struct gateway *gateway)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	*census = (struct census){
		.gateway = gateway,
		.started_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec,
		.roster =
			{
				.context = census,
				.gateway = get_gateway,
				.connection = get_connection,
				.attachment = get_attachment,
				.path = get_path,
				.port = get_port,
				.neighbour = get_neighbour,
				.neighbour_states = get_neighbour_states,
			},
	};
}
