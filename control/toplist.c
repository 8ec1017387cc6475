/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/toplist.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "control/boot.h"
#include "control/gateway.h"
#include "control/model.h"
#include "dataplane/meter/meter.h"
#include "dataplane/worker/plane.h"

static struct toplist_flow *place_of(struct toplist *list, const struct flows_key *key)
{
	struct toplist_flow *flow;

	for (unsigned i = 0; i < list->flows; i++)
		if (memcmp(&list->flow[i].key, key, sizeof(*key)) == 0)
			return &list->flow[i];
	if (list->flows == TOPLIST_MERGED)
		return NULL;
	flow = &list->flow[list->flows++];
	*flow = (struct toplist_flow){.key = *key};
	return flow;
}

void toplist_add(struct toplist *list, const struct flows_bank *bank, double tsc_hz)
{
	double seconds = (double)(bank->ended - bank->begun) / tsc_hz, each;

	if (bank->begun == 0 || seconds <= 0)
		return;
	each = FLOWS_GAP / seconds;
	list->packets += (double)bank->samples * each;
	for (unsigned i = 0; i < bank->used; i++) {
		struct toplist_flow *flow = place_of(list, &bank->key[i]);
		uint64_t own = bank->count[i] - bank->over[i];

		if (flow == NULL)
			return;
		flow->packets += (double)bank->count[i] * each;
		flow->over += (double)bank->over[i] * each;
		flow->samples += bank->count[i];
		/* Bytes are known of its own samples; what it inherited counts with their mean. */
		flow->bytes += (double)bank->bytes[i] / (double)own * (double)bank->count[i] * each;
	}
}

static int more_packets(const void *a, const void *b)
{
	const struct toplist_flow *x = a, *y = b;

	return (x->packets < y->packets) - (x->packets > y->packets);
}

static int more_bytes(const void *a, const void *b)
{
	const struct toplist_flow *x = a, *y = b;

	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

void toplist_sort(struct toplist *list, bool by_bytes)
{
	qsort(list->flow, list->flows, sizeof(list->flow[0]), by_bytes ? more_bytes : more_packets);
}

/* flows.top */

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmpv6";
	default:
		return NULL;
	}
}

/* The worker that goes on with a flow of a port that distributes. */
static int worker_of(const struct gateway *gateway, const struct flows_key *key)
{
	uint8_t table[PLANE_BUCKETS];

	if (!plane_setup(gateway->plane)->port[key->port].distribute)
		return -1;
	plane_buckets(gateway->plane, key->port, table);
	return table[forwarder_bucket(key->hash)];
}

static json_t *flow_json(
	const struct gateway *gateway, const struct toplist *list, const struct toplist_flow *flow)
{
	const struct flows_key *key = &flow->key;
	const struct model_connection *c = model_connection(gateway->model, key->connection);
	struct ip_address source = {.family = key->family}, destination = {.family = key->family};
	char from[IP_TEXT_MAX], to[IP_TEXT_MAX], number[8];
	int worker = worker_of(gateway, key);
	const char *protocol = protocol_name(key->protocol);
	json_t *result;

	memcpy(source.bytes, key->source, sizeof(key->source));
	memcpy(destination.bytes, key->destination, sizeof(key->destination));
	snprintf(number, sizeof(number), "%u", key->protocol);
	result = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "connection", c ? c->object.name : "",
		"side", key->side ? "path" : "attachment", "port",
		gateway->boot->port[key->port].name, "protocol", protocol ? protocol : number,
		"source", ip_format(&source, from, sizeof(from)), "destination",
		ip_format(&destination, to, sizeof(to)));
	if (key->source_port || key->destination_port) {
		json_object_set_new(result, "source_port", json_integer(key->source_port));
		json_object_set_new(
			result, "destination_port", json_integer(key->destination_port));
	}
	if (worker >= 0)
		json_object_set_new(result, "worker", json_integer(worker));
	json_object_set_new(
		result, "packets_per_second", json_integer((json_int_t)(flow->packets + 0.5)));
	json_object_set_new(
		result, "bits_per_second", json_integer((json_int_t)(flow->bytes * 8 + 0.5)));
	json_object_set_new(result, "share", json_real(flow->packets / list->packets));
	json_object_set_new(
		result, "over_per_second", json_integer((json_int_t)(flow->over + 0.5)));
	json_object_set_new(result, "samples", json_integer((json_int_t)flow->samples));
	return result;
}

static int read_order(struct rpc_call *call, bool *by_bytes)
{
	const char *order = "bits";

	if (rpc_get_string(call, "order", &order) < 0)
		return -1;
	*by_bytes = strcmp(order, "bits") == 0;
	if (*by_bytes || strcmp(order, "packets") == 0)
		return 0;
	rpc_reject(call, RPC_PARAMS, "/order", "order must be bits or packets");
	return -1;
}

/* 0: all connections. */
static int read_connection(struct gateway *gateway, struct rpc_call *call, uint32_t *id)
{
	const char *name = NULL;
	int found = rpc_get_string(call, "connection", &name);

	if (found <= 0)
		return found;
	*id = model_find(gateway->model, MODEL_CONNECTION, name);
	if (*id)
		return 0;
	rpc_reject(call, RPC_NOT_FOUND, "/connection", "there is no connection \"%s\"", name);
	return -1;
}

static void top(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const members[] = {"count", "order", "connection", NULL};
	uint64_t count = TOPLIST_COUNT, now = rte_rdtsc();
	uint32_t connection = 0;
	struct toplist *list;
	struct flows_bank bank;
	json_t *flows;
	bool by_bytes;

	if (rpc_only(call, members) < 0 ||
		rpc_get_u64(call, "count", 1, TOPLIST_COUNT_MAX, &count) < 0 ||
		read_order(call, &by_bytes) < 0 || read_connection(gateway, call, &connection) < 0)
		return;
	list = calloc(1, sizeof(*list));
	if (!list) {
		rpc_reply(call, NULL);
		return;
	}
	for (unsigned w = 0; w < plane_workers(gateway->plane); w++)
		if (flows_read(plane_meter(gateway->plane, w)->flows, now, &bank))
			toplist_add(list, &bank, (double)rte_get_tsc_hz());
	toplist_sort(list, by_bytes);
	flows = json_array();
	for (unsigned i = 0; i < list->flows && json_array_size(flows) < count; i++)
		if (!connection || list->flow[i].key.connection == connection)
			json_array_append_new(flows, flow_json(gateway, list, &list->flow[i]));
	rpc_reply(call,
		json_pack("{s:i, s:I, s:o}", "sampled_one_in", FLOWS_GAP, "packets_per_second",
			(json_int_t)(list->packets + 0.5), "flows", flows));
	free(list);
}

const struct rpc_method toplist_methods[] = {
	{"flows.top", true, top},
	{NULL, true, NULL},
};
