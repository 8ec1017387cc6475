/* SPDX-License-Identifier: BSD-3-Clause */
/* Random documents in quick succession, and what workers must see then: worked out from the model.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "control/neighbours.h"
#include "control/publisher.h"
#include "dataplane/fwd/value.h"
#include "dataplane/wire/ethernet.h"
#include "tests/unit/published.h"

static struct testbed *g;

static int setup(void **state)
{
	(void)state;
	g = published_create();
	return g == NULL;
}

static int teardown(void **state)
{
	(void)state;
	testbed_destroy(g);
	return 0;
}

static const struct snapshot *now(void)
{
	return fwd_snapshot(g->parts.fwd);
}

static unsigned roll(unsigned sides)
{
	return (unsigned)rand() % sides;
}

static void add(json_t *document, const char *list, json_t *object)
{
	json_array_append_new(json_object_get(document, list), object);
}

static void random_site(json_t *document, unsigned n)
{
	char site[8], path[8], local[32], remote[32];

	snprintf(site, sizeof(site), "s%u", n);
	add(document, "sites", json_pack("{s:s}", "name", site));
	for (unsigned i = 0; i < 3; i++) {
		if (roll(3) == 0)
			continue;
		snprintf(path, sizeof(path), "p%u%u", n, i);
		snprintf(local, sizeof(local), "10.%u.%u.1/30", n, i);
		snprintf(remote, sizeof(remote), "10.%u.%u.2", n, i);
		add(document, "paths",
			json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:i}", "name", path, "site", site,
				"port", "bb", "local", local, "remote", remote, "encapsulation",
				"geneve", "mtu", 1400 + (int)roll(100)));
	}
}

static void random_attachment(
	json_t *document, const char *connection, unsigned n, unsigned i, unsigned shift)
{
	char name[16], address[32];

	snprintf(name, sizeof(name), "a%u%u", n, i);
	snprintf(address, sizeof(address), "172.16.%u.%u/30", n, i * 4 + 1);
	add(document, "attachments",
		json_pack("{s:s,s:s,s:s,s:[{s:s,s:i}],s:[s],s:s}", "name", name, "connection",
			connection, "port", "cust", "tags", "type", "0x8100", "vlan",
			(int)(100 + n * 10 + (i + shift) % 4), "addresses", address, "admin",
			roll(8) == 0 ? "down" : "up"));
}

static json_t *hop(unsigned n, unsigned i)
{
	char name[16], address[32];

	snprintf(name, sizeof(name), "a%u%u", n, i);
	snprintf(address, sizeof(address), "172.16.%u.%u", n, i * 4 + 2);
	return json_pack("{s:s,s:s}", "attachment", name, "address", address);
}

static void random_route(json_t *document, const char *connection, unsigned n, unsigned i,
	unsigned attachments, bool to_site)
{
	char prefix[32], site[8];
	json_t *via;

	/* Some of them are the very prefixes that attachments claim. */
	if (i == 0)
		snprintf(prefix, sizeof(prefix), "172.16.%u.0/30", n);
	else if (i == 1)
		snprintf(prefix, sizeof(prefix), "172.16.%u.1/32", n);
	else
		snprintf(prefix, sizeof(prefix), "20.%u.%u.0/24", n, i);
	snprintf(site, sizeof(site), "s%u", n % 3);
	if (to_site && roll(2) == 0) {
		via = json_pack("{s:s}", "site", site);
	} else if (attachments > 0) {
		json_t *hops = json_array();

		for (unsigned k = 0; k < attachments; k++)
			if (k == 0 || roll(2) == 0)
				json_array_append_new(hops, hop(n, k));
		via = json_pack("{s:o}", "next_hops", hops);
	} else {
		via = json_pack("{s:b}", "blackhole", 1);
	}
	add(document, "routes",
		json_pack("{s:s,s:s,s:o}", "connection", connection, "prefix", prefix, "via", via));
}

static void random_connection(json_t *document, unsigned n)
{
	unsigned attachments = roll(4), shift = roll(4);
	bool to_site = roll(2) == 0;
	char name[8], site[8];
	json_t *endpoints = json_array();

	snprintf(name, sizeof(name), "c%u", n);
	snprintf(site, sizeof(site), "s%u", n % 3);
	if (to_site)
		json_array_append_new(endpoints, json_pack("{s:s,s:i}", "site", site, "vni",
							 (int)(1000 + n + 100 * roll(2))));
	add(document, "connections",
		json_pack("{s:s,s:i,s:o}", "name", name, "vni", (int)(1000 + n), "endpoints",
			endpoints));
	for (unsigned i = 0; i < attachments; i++)
		random_attachment(document, name, n, i, shift);
	for (unsigned i = 0; i < 6; i++) {
		if (roll(3) != 0)
			random_route(document, name, n, i, attachments, to_site);
	}
}

static json_t *random_document(void)
{
	json_t *document = json_pack("{s:[],s:[],s:[],s:[],s:[]}", "sites", "paths", "connections",
		"attachments", "routes");

	for (unsigned n = 0; n < 3; n++)
		random_site(document, n);
	for (unsigned n = 0; n < 8; n++) {
		if (roll(3) != 0)
			random_connection(document, n);
	}
	return json_pack("{s:o}", "document", document);
}

static unsigned count_used(enum model_kind kind)
{
	const struct snapshot *s = now();
	const struct snapshot_limits *l = s->limits;
	unsigned used = 0;

	switch (kind) {
	case MODEL_SITE:
		for (uint32_t id = 1; id <= l->sites; id++)
			used += snapshot_site(s, id)->used;
		break;
	case MODEL_PATH:
		for (uint32_t id = 1; id <= l->paths; id++)
			used += snapshot_path(s, id)->used;
		break;
	case MODEL_CONNECTION:
		for (uint32_t id = 1; id <= l->connections; id++)
			used += snapshot_connection(s, id)->used;
		break;
	case MODEL_ENDPOINT:
		for (uint32_t id = 1; id <= l->endpoints; id++)
			used += snapshot_endpoint(s, id)->used;
		break;
	default:
		for (uint32_t id = 1; id <= l->attachments; id++)
			used += snapshot_attachment(s, id)->used;
	}
	return used;
}

/* What the model asks for at this prefix, by kind and, for endpoints and attachments, by id. */
static void assert_route(uint32_t connection, const struct ip_prefix *prefix, uint32_t via_id)
{
	const struct model_via *via = model_via(g->parts.model, via_id);
	uint32_t value = lpm_get(g->parts.fwd->lpm, connection, prefix);

	if (value_kind(value) == VALUE_LOCAL || value_kind(value) == VALUE_GLEAN)
		return; /* an attachment's own claim goes first: see assert_claims */
	switch (via->kind) {
	case MODEL_VIA_SITE:
		assert_int_equal(
			value, value_make(VALUE_ENDPOINT,
				       model_endpoint_find(g->parts.model, connection, via->site)));
		break;
	case MODEL_VIA_HOPS: {
		const struct fwd_set *set = snapshot_set(now(), value_id(value));

		assert_int_equal(
			value_kind(value), via->hop_count > 1 ? VALUE_SET : VALUE_NEIGHBOUR);
		if (via->hop_count == 1) {
			assert_int_equal(g->parts.fwd->neighbours.entry[value_id(value)].link,
				value_make(LINK_ATTACHMENT, via->hop[0].attachment));
			break;
		}
		assert_int_equal(set->used, 1);
		assert_int_equal(set->hops, via->hop_count);
		for (unsigned i = 0; i < set->hops; i++)
			assert_int_equal(set->attachment[i], via->hop[i].attachment);
		break;
	}
	default:
		assert_int_equal(value, value_make(VALUE_BLACKHOLE, 0));
	}
}

static unsigned assert_claims(uint32_t id, const struct model_attachment *a)
{
	struct ip_prefix host = {.ip = a->address[0].ip, .length = 32};
	struct ip_prefix around = {.ip = ip_mask(&a->address[0].ip, 30), .length = 30};
	struct lpm *lpm = g->parts.fwd->lpm;

	assert_int_equal(
		idmap_get(g->parts.fwd->attachments,
			idmap_tags_key(0, ethernet_tags(0, a->tag[0].vlan, ETHERNET_NO_TAG))),
		id);
	assert_int_equal(lpm_get(lpm, a->connection, &host), value_make(VALUE_LOCAL, id));
	assert_int_equal(lpm_get(lpm, a->connection, &around), value_make(VALUE_GLEAN, id));
	return 2u - (model_route_best(g->parts.model, a->connection, &host) != 0) -
	       (model_route_best(g->parts.model, a->connection, &around) != 0);
}

static uint64_t assert_attachments(void)
{
	unsigned up = 0, claims = 0;

	for (uint32_t id = 0; (id = model_next(g->parts.model, MODEL_ATTACHMENT, id)) != 0;) {
		const struct model_attachment *a = model_attachment(g->parts.model, id);

		if (!a->up)
			continue;
		claims += assert_claims(id, a);
		up++;
	}
	assert_int_equal(count_used(MODEL_ATTACHMENT), up);
	assert_int_equal(g->parts.fwd->attachments->used, up);
	return claims;
}

static uint64_t assert_routes(void)
{
	struct model_route list[64];
	uint64_t routes = 0;

	for (uint32_t id = 0; (id = model_next(g->parts.model, MODEL_CONNECTION, id)) != 0;) {
		size_t count = model_route_list(g->parts.model, id, IP_4, NULL, list, 64);

		for (size_t i = 0; i < count; i++)
			assert_route(id, &list[i].prefix, list[i].via);
		routes += count;
	}
	return routes;
}

static void assert_endpoints(void)
{
	for (uint32_t id = 0; (id = model_next(g->parts.model, MODEL_ENDPOINT, id)) != 0;) {
		const struct model_endpoint *e = model_endpoint(g->parts.model, id);

		assert_int_equal(idmap_get(g->parts.fwd->endpoints,
					 idmap_vni_key((uint16_t)e->site, e->vni)),
			id);
		assert_int_equal(ntohl(snapshot_endpoint(now(), id)->vni_word) >> 8, e->vni);
	}
	assert_int_equal(
		g->parts.fwd->endpoints->used, model_count(g->parts.model, MODEL_ENDPOINT));
}

static void assert_as_the_model_says(void)
{
	struct lpm_usage usage;
	uint64_t prefixes;

	for (unsigned kind = 0; kind < MODEL_ATTACHMENT; kind++)
		assert_int_equal(count_used(kind), model_count(g->parts.model, kind));
	assert_endpoints();
	prefixes = assert_attachments() + assert_routes();
	lpm_usage(g->parts.fwd->lpm, &usage);
	assert_int_equal(usage.routes4 + usage.routes6, prefixes);
}

static void test_random_documents(void **state)
{
	unsigned seed = (unsigned)time(NULL);
	char text[512];

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	for (unsigned i = 0; i < 400; i++) {
		json_t *params = random_document();

		if (testbed_apply(g, params, text, sizeof(text)) != 0)
			fail_msg("%s", text);
		json_decref(params);
		for (unsigned ticks = roll(12); ticks > 0; ticks--) {
			publisher_tick(g->parts.publisher);
			neighbours_tick(g->parts.neighbours, g->now_ms += roll(300));
			plane_turn(g->parts.plane, 0);
		}
		if (roll(3) != 0)
			continue;
		published_rest(g);
		assert_as_the_model_says();
	}
	assert_int_equal(testbed_document(g, "{}"), 0);
	published_rest(g);
	published_nothing(g);
}

#define BATCH \
	"{\"sites\":[{\"name\":\"b\"}],\"connections\":[{\"name\":\"acme\",\"vni\":1001," \
	"\"endpoints\":[{\"site\":\"b\",\"vni\":1001}]}]}"

static json_t *bulk(unsigned count)
{
	json_t *prefixes = json_array(), *routes = json_array();
	char text[64];

	for (unsigned i = 0; i < count; i++) {
		snprintf(text, sizeof(text), "20.%u.%u.%u/32", i >> 16, i >> 8 & 255, i & 255);
		json_array_append_new(prefixes, json_string(text));
	}
	json_array_append_new(routes, json_pack("{s:s,s:{s:s},s:o}", "connection", "acme", "via",
					      "site", "b", "prefixes", prefixes));
	return routes;
}

static uint64_t ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The ticks of a large batch are short, by the processor time of this thread. */
static void test_large_batch_in_slices(void **state)
{
	json_t *document = json_loads(BATCH, 0, NULL);
	json_t *params = json_pack("{s:o}", "document", document);
	unsigned ticks = 0, slow = 0;
	struct lpm_usage usage;
	char text[512];

	(void)state;
	json_object_set_new(document, "routes", bulk(100000));
	assert_int_equal(testbed_apply(g, params, text, sizeof(text)), 0);
	json_decref(params);
	while (!publisher_idle(g->parts.publisher)) {
		uint64_t from = ns();

		publisher_tick(g->parts.publisher);
		slow += ns() - from > 5000000;
		ticks++;
		plane_turn(g->parts.plane, 0);
	}
	/* A virtual machine's own pauses are charged to this thread, but rarely. */
	print_message("%u ticks, %u above 5 ms\n", ticks, slow);
	assert_true(ticks > 20);
	assert_true(slow <= ticks / 20);
	assert_int_equal(model_routes(g->parts.model), 100000);
	lpm_usage(g->parts.fwd->lpm, &usage);
	assert_int_equal(usage.routes4, 100000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_documents, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_batch_in_slices, setup, teardown),
	};

	if (testbed_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
