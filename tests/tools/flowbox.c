/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A gateway in a box for tests written in Python: one JSON object a line on standard input, one
 * answer a line on standard output. Needs no root. The operations are listed at the end of this
 * file; frames are hex text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/neighbours.h"
#include "control/publisher.h"
#include "dataplane/oam/sessions.h"
#include "tests/tools/testbed.h"

static struct testbed *box;
static json_t *setup_json;

static uint32_t number(const json_t *o, const char *key, uint32_t otherwise)
{
	const json_t *v = json_object_get(o, key);

	return json_is_integer(v) ? (uint32_t)json_integer_value(v) : otherwise;
}

static json_t *refuse(const char *text)
{
	return json_pack("{s:s}", "error", text);
}

static json_t *fine(void)
{
	return json_pack("{s:b}", "ok", 1);
}

/* {"op":"start","workers":N,"ports":[{"name","mtu","distribute","rx_queues","tx_queues","ring"}],…}
 */
static json_t *op_start(const json_t *request)
{
	struct testbed_setup setup = {.workers = number(request, "workers", 1),
		.ring_size = number(request, "ring", 0),
		.punt_size = number(request, "punt", 0),
		.icmp_rate = number(request, "icmp_rate", 0),
		.hold_size = number(request, "hold", 0),
		.held = number(request, "held", 0),
		.held_each = number(request, "held_each", 0),
		.gleaned = number(request, "gleaned", 0),
		.buffers = number(request, "buffers", 0),
		.seed = number(request, "seed", 1)};
	const json_t *ports = json_object_get(request, "ports");

	if (box != NULL || json_array_size(ports) > TESTBED_PORTS)
		return refuse("started before, or too many ports");
	/* The names of the ports are read from it for as long as the box lives. */
	setup_json = json_deep_copy(request);
	ports = json_object_get(setup_json, "ports");
	setup.ports = (unsigned)json_array_size(ports);
	for (unsigned i = 0; i < setup.ports; i++) {
		const json_t *p = json_array_get(ports, i);

		setup.port[i] =
			(struct testbed_port){.name = json_string_value(json_object_get(p, "name")),
				.mtu = (uint16_t)number(p, "mtu", 0),
				.rx_queues = (uint16_t)number(p, "rx_queues", 0),
				.tx_queues = (uint16_t)number(p, "tx_queues", 0),
				.ring_size = number(p, "ring", 0),
				.distribute = json_is_true(json_object_get(p, "distribute")),
				.mixes_tags = json_is_true(json_object_get(p, "mixes_tags"))};
	}
	box = testbed_create(&setup);
	return box != NULL ? fine() : refuse("cannot be made");
}

/* {"op":"apply","params":{…}}: config.apply, then until it is live. settle false: not yet. */
static json_t *op_apply(const json_t *request)
{
	char text[512];

	if (testbed_apply(box, json_object_get(request, "params"), text, sizeof(text)) < 0)
		return refuse(text);
	if (!json_is_false(json_object_get(request, "settle")))
		testbed_settle(box, 0);
	return json_pack("{s:I}", "generation", (json_int_t)model_generation(box->parts.model));
}

static int port_index(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "port"));

	for (unsigned i = 0; name != NULL && i < box->setup.ports; i++)
		if (strcmp(box->setup.port[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int from_hex(const char *text, uint8_t *bytes, size_t size)
{
	size_t length = strlen(text) / 2;

	if (length > size)
		return -1;
	for (size_t i = 0; i < length; i++) {
		unsigned value;

		if (sscanf(text + 2 * i, "%2x", &value) != 1)
			return -1;
		bytes[i] = (uint8_t)value;
	}
	return (int)length;
}

/* {"op":"inject","port":NAME,"frames":[HEX…],"queue":N,"segments":N} */
static json_t *op_inject(const json_t *request)
{
	static uint8_t bytes[65536];
	int port = port_index(request);
	size_t i, done = 0;
	json_t *frame;

	if (port < 0)
		return refuse("no such port");
	json_array_foreach(json_object_get(request, "frames"), i, frame)
	{
		int length = from_hex(json_string_value(frame), bytes, sizeof(bytes));

		if (length < 0)
			return refuse("not hex");
		done += testbed_inject(box, (unsigned)port, number(request, "queue", 0), bytes,
			(uint16_t)length, number(request, "segments", 1));
	}
	return json_pack("{s:I}", "injected", (json_int_t)done);
}

/* {"op":"settle","ms":N}: the clock goes on by ms, then until nothing moves. */
static json_t *op_settle(const json_t *request)
{
	testbed_settle(box, number(request, "ms", 0));
	return fine();
}

/* {"op":"turn","worker":N}: one turn of one worker, nothing else. */
static json_t *op_turn(const json_t *request)
{
	return json_pack(
		"{s:b}", "found", plane_turn(box->parts.plane, number(request, "worker", 0)));
}

/* {"op":"spread","port":NAME,"worker":N}: all flows of the port to one worker. */
static json_t *op_spread(const json_t *request)
{
	uint8_t worker[PLANE_BUCKETS];
	int port = port_index(request);

	if (port < 0)
		return refuse("no such port");
	memset(worker, (int)number(request, "worker", 0), sizeof(worker));
	plane_spread(box->parts.plane, (unsigned)port, worker);
	return fine();
}

static json_t *to_hex(const struct rte_mbuf *m)
{
	char *text = malloc(2 * (size_t)m->data_len + 1);
	const uint8_t *bytes = rte_pktmbuf_mtod(m, const uint8_t *);
	json_t *out;

	for (unsigned i = 0; i < m->data_len; i++)
		sprintf(text + (size_t)2 * i, "%02x", bytes[i]);
	out = json_stringn(text, 2 * (size_t)m->data_len);
	free(text);
	return out;
}

/* {"op":"collect"}: what left by each port since. */
static json_t *op_collect(const json_t *request)
{
	json_t *out = json_object();

	(void)request;
	for (unsigned i = 0; i < box->setup.ports; i++) {
		json_t *frames = json_array();
		struct rte_mbuf *m[64];
		unsigned count;

		while ((count = testbed_collect(box, i, m, 64)) > 0)
			for (unsigned k = 0; k < count; k++) {
				json_array_append_new(frames, to_hex(m[k]));
				rte_pktmbuf_free(m[k]);
			}
		json_object_set_new(out, box->setup.port[i].name, frames);
	}
	return out;
}

static void add(json_t *out, const char *name, uint64_t value)
{
	json_t *old = json_object_get(out, name);

	if (value != 0)
		json_object_set_new(
			out, name, json_integer((json_int_t)value + json_integer_value(old)));
}

static void add_drops(json_t *out, const uint64_t *drop)
{
	json_t *drops = json_object_get(out, "drops");

	if (drops == NULL) {
		drops = json_object();
		json_object_set_new(out, "drops", drops);
	}
	for (unsigned i = 0; i < DROP_COUNT; i++)
		add(drops, drop_name(i), drop[i]);
}

static void add_side(json_t *out, const struct meter_side *s)
{
	add(out, "rx", s->rx);
	add(out, "tx", s->tx);
	add(out, "originated", s->originated);
	add(out, "consumed", s->consumed);
	add(out, "dropped", s->dropped);
	add(out, "held", s->held);
	add(out, "fragments_added", s->fragments_added);
	add_drops(out, s->drop);
}

static json_t *connection_counts(uint32_t id)
{
	json_t *side[METER_SIDES] = {json_object(), json_object()}, *notes = json_object();
	json_t *policing = json_object();

	for (unsigned w = 0; w <= box->setup.workers; w++) {
		const struct meter_connection *c =
			&plane_meter(box->parts.plane, w)->connection[id];

		for (unsigned s = 0; s < METER_SIDES; s++)
			add_side(side[s], &c->side[s]);
		for (unsigned i = 0; i < METER_NOTE_COUNT; i++)
			add(notes, meter_note_name(i), c->note[i]);
		add(policing, "policed_bytes", c->police.policed_bytes);
		add(policing, "marked_packets", c->police.marked_packets);
		add(policing, "marked_bytes", c->police.marked_bytes);
	}
	return json_pack("{s:o,s:o,s:o,s:o}", "attachment", side[METER_ATTACHMENT], "path",
		side[METER_PATH], "notes", notes, "policing", policing);
}

static json_t *port_counts(unsigned index)
{
	json_t *out = json_object();

	for (unsigned w = 0; w <= box->setup.workers; w++) {
		const struct meter_port *p = &plane_meter(box->parts.plane, w)->port[index];

		add(out, "rx", p->rx);
		add(out, "tx", p->tx);
		add(out, "originated", p->originated);
		add(out, "consumed", p->consumed);
		add(out, "dropped", p->dropped);
		add_drops(out, p->drop);
	}
	return out;
}

/* {"op":"stats"}: sums over writers, by name; and whether everything adds up. */
static json_t *op_stats(const json_t *request)
{
	json_t *connections = json_object(), *ports = json_object();
	const struct model *model = box->parts.model;

	(void)request;
	for (uint32_t id = model_next(model, MODEL_CONNECTION, 0); id != 0;
		id = model_next(model, MODEL_CONNECTION, id))
		json_object_set_new(connections, model_connection(model, id)->object.name,
			connection_counts(id));
	for (unsigned i = 0; i < box->setup.ports; i++)
		json_object_set_new(ports, box->setup.port[i].name, port_counts(i));
	return json_pack("{s:o,s:o,s:b}", "connections", connections, "ports", ports, "conserved",
		testbed_conserved(box));
}

/* {"op":"lanes"}: what the numbers on the packets of each path say. */
static json_t *op_lanes(const json_t *request)
{
	json_t *out = json_object();
	const struct model *model = box->parts.model;

	(void)request;
	for (uint32_t id = model_next(model, MODEL_PATH, 0); id != 0;
		id = model_next(model, MODEL_PATH, id)) {
		const struct lanes *lanes = plane_lanes(box->parts.plane);
		json_t *path = json_object();
		struct lanes_view v;

		lanes_view(lanes, (uint16_t)id, &v);
		add(path, "sent", v.sent.packets);
		add(path, "sent_bytes", v.sent.bytes);
		add(path, "taken_back", v.taken_back);
		add(path, "received", v.received.packets);
		add(path, "received_bytes", v.received.bytes);
		add(path, "lost", v.received.skipped - v.received.reordered);
		add(path, "reordered", v.received.reordered);
		add(path, "duplicates", v.received.duplicates);
		add(path, "late", v.received.late);
		add(path, "resyncs", v.received.resyncs);
		json_object_set_new(out, model_path(model, id)->object.name, path);
	}
	return out;
}

static json_t *traffic_counts(uint64_t packets, uint64_t bytes)
{
	return json_pack(
		"{s:I,s:I}", "rx_packets", (json_int_t)packets, "rx_bytes", (json_int_t)bytes);
}

/* {"op":"traffic"}: what came in by each attachment, path and port, over all workers. */
static json_t *op_traffic(const json_t *request)
{
	json_t *out = json_object();
	const struct model *model = box->parts.model;
	static const unsigned kinds[] = {MODEL_ATTACHMENT, MODEL_PATH};

	(void)request;
	for (unsigned k = 0; k < 2; k++)
		for (uint32_t id = model_next(model, kinds[k], 0); id != 0;
			id = model_next(model, kinds[k], id)) {
			uint64_t packets = 0, bytes = 0;

			for (unsigned w = 0; w < box->setup.workers; w++) {
				const struct meter *m = plane_meter(box->parts.plane, w);
				const struct meter_traffic *t =
					k == 0 ? &m->attachment[id] : &m->path[id];

				packets += t->rx_packets;
				bytes += t->rx_bytes;
			}
			json_object_set_new(out, model_object(model, kinds[k], id)->name,
				traffic_counts(packets, bytes));
		}
	for (unsigned i = 0; i < box->setup.ports; i++) {
		uint64_t packets = 0, bytes = 0;

		for (unsigned w = 0; w < box->setup.workers; w++) {
			packets += plane_meter(box->parts.plane, w)->port[i].rx;
			bytes += plane_meter(box->parts.plane, w)->port[i].rx_bytes;
		}
		json_object_set_new(out, box->setup.port[i].name, traffic_counts(packets, bytes));
	}
	return out;
}

/* {"op":"forge","attachment":NAME,"bytes":N}: so many bytes that never came. */
static json_t *op_forge(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "attachment"));
	uint32_t id = model_find(box->parts.model, MODEL_ATTACHMENT, name);

	plane_meter(box->parts.plane, 0)->attachment[id].rx_bytes +=
		(uint64_t)json_integer_value(json_object_get(request, "bytes"));
	return json_object();
}

/* {"op":"reasons"}: the names of all drop reasons. */
static json_t *op_reasons(const json_t *request)
{
	json_t *out = json_array();

	(void)request;
	for (unsigned i = 0; i < DROP_COUNT; i++)
		json_array_append_new(out, json_string(drop_name(i)));
	return out;
}

static struct rte_mbuf *starved[65536];
static unsigned starving;

/* {"op":"starve","on":BOOL}: takes all buffers of the gateway's own pool, or gives them back. */
static json_t *op_starve(const json_t *request)
{
	if (json_is_true(json_object_get(request, "on"))) {
		while (starving < 65536 &&
			(starved[starving] = rte_pktmbuf_alloc(box->parts.pool)) != NULL)
			starving++;
	} else {
		while (starving > 0)
			rte_pktmbuf_free(starved[--starving]);
	}
	return json_pack("{s:I}", "taken", (json_int_t)starving);
}

/* {"op":"stray","link":N,"connection":N}: gives a worker a packet that rested longer than what it
 * names lived, as control would. */
static json_t *op_stray(const json_t *request)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(box->parts.pool);
	uint32_t connection = number(request, "connection", 1);
	struct meter_side *side =
		&plane_meter(box->parts.plane, box->setup.workers)->connection[connection].side[0];

	memset(rte_pktmbuf_append(m, 20), 0x45, 20);
	*packet_of(m) = (struct packet){
		.kind = PACKET_ROUTE, .connection = connection, .link = number(request, "link", 0)};
	side->originated++;
	side->ring_out++;
	return json_pack("{s:b}", "given", plane_give(box->parts.plane, 0, m));
}

/* {"op":"link","port":NAME,"up":BOOL} */
static json_t *op_link(const json_t *request)
{
	int port = port_index(request);

	if (port < 0)
		return refuse("no such port");
	neighbours_port_link(box->parts.neighbours, (uint32_t)port,
		json_is_true(json_object_get(request, "up")));
	return fine();
}

/* {"op":"live","site":NAME,"path":INDEX,"up":BOOL}: as failure detection would. */
static json_t *op_live(const json_t *request)
{
	uint32_t site = model_find(
		box->parts.model, MODEL_SITE, json_string_value(json_object_get(request, "site")));

	liveness_set(&box->parts.fwd->liveness[site], LIVENESS_BFD, number(request, "path", 0),
		json_is_true(json_object_get(request, "up")));
	return fine();
}

/* {"op":"bfd","path":NAME}: the session as its worker has it; without state: there is none. */
static json_t *op_bfd(const json_t *request)
{
	uint32_t id = model_find(
		box->parts.model, MODEL_PATH, json_string_value(json_object_get(request, "path")));
	struct session session;
	const struct bfd *bfd = &session.bfd;

	if (!plane_session(box->parts.plane, id, &session))
		return json_object();
	return json_pack("{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I}", "state",
		bfdpacket_state_name(bfd->state), "diag", bfdpacket_diag_name(bfd->diag),
		"discriminator", (json_int_t)bfd->local, "remote", (json_int_t)bfd->remote,
		"detection_us", (json_int_t)bfd_detection_us(bfd), "sent", (json_int_t)bfd->sent,
		"received", (json_int_t)bfd->received, "worker",
		(json_int_t)snapshot_bfd(fwd_snapshot(box->parts.fwd), id)->owner);
}

static const struct {
	const char *name;
	json_t *(*run)(const json_t *request);
} operations[] = {
	{"start", op_start},
	{"apply", op_apply},
	{"inject", op_inject},
	{"settle", op_settle},
	{"turn", op_turn},
	{"spread", op_spread},
	{"collect", op_collect},
	{"stats", op_stats},
	{"lanes", op_lanes},
	{"traffic", op_traffic},
	{"forge", op_forge},
	{"reasons", op_reasons},
	{"starve", op_starve},
	{"stray", op_stray},
	{"link", op_link},
	{"live", op_live},
	{"bfd", op_bfd},
};

static json_t *serve(const json_t *request)
{
	const char *name = json_string_value(json_object_get(request, "op"));

	for (size_t i = 0; name != NULL && i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(operations[i].name, name) == 0)
			return operations[i].run(request);
	return refuse("no such operation");
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;

	if (testbed_eal() < 0)
		return 1;
	while (getline(&line, &size, stdin) > 0) {
		json_t *request = json_loads(line, 0, NULL);
		json_t *answer = request != NULL ? serve(request) : refuse("not JSON");

		json_dumpf(answer, stdout, JSON_COMPACT);
		putchar('\n');
		fflush(stdout);
		json_decref(answer);
		json_decref(request);
	}
	free(line);
	starving = 0;
	testbed_destroy(box);
	json_decref(setup_json);
	return 0;
}
