/* SPDX-License-Identifier: BSD-3-Clause */
/* From documents to what workers read, on a whole gateway whose worker is turned by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/document.h"
#include "control/neighbours.h"
#include "control/publisher.h"
#include "dataplane/fwd/value.h"
#include "tests/tools/gateway.h"

static struct gateway_test *g;

static unsigned allocations, fail_at;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

static bool fails(void)
{
	return ++allocations == fail_at;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

static int setup(void **state)
{
	const struct gateway_setup s = {.ports = 2,
		.workers = 1,
		.connections = 40,
		.routes = 200000,
		.port = {{.name = "cust"}, {.name = "bb"}}};

	(void)state;
	fail_at = 0;
	g = gateway_create(&s);
	return g == NULL;
}

static int teardown(void **state)
{
	(void)state;
	gateway_destroy(g);
	return 0;
}

static void run_until_idle(void)
{
	for (unsigned i = 0; i < 1000000; i++) {
		enum publisher_next next = publisher_tick(g->parts.publisher);

		neighbours_tick(g->parts.neighbours, g->now_ms);
		/* Requests of the neighbours lie in the ring to the worker; ids wait for that. */
		plane_turn(g->parts.plane, 0);
		if (next == PUBLISHER_IDLE)
			return;
	}
	fail_msg("the publisher never came to rest");
}

static void apply(const char *document)
{
	assert_int_equal(gateway_document(g, document), 0);
	run_until_idle();
}

#define SITES \
	"\"sites\":[{\"name\":\"b\"}]," \
	"\"paths\":[{\"name\":\"b1\",\"site\":\"b\",\"port\":\"bb\",\"local\":\"10.1.0.1/30\"," \
	"\"remote\":\"10.1.0.2\",\"encapsulation\":\"geneve\"}," \
	"{\"name\":\"b2\",\"site\":\"b\",\"port\":\"bb\",\"local\":\"2001:db8:1::1/64\"," \
	"\"remote\":\"2001:db8:2::2\",\"gateway\":\"2001:db8:1::ff\",\"encapsulation\":" \
	"\"geneve\"," \
	"\"weight\":3}],"

#define ACME \
	"\"connections\":[{\"name\":\"acme\",\"vni\":1001," \
	"\"endpoints\":[{\"site\":\"b\",\"vni\":1001}]}],"

#define CHANNELS \
	"\"attachments\":[{\"name\":\"a1\",\"connection\":\"acme\",\"port\":\"cust\"," \
	"\"tags\":[{\"type\":\"0x8100\",\"vlan\":1101}]," \
	"\"addresses\":[\"169.254.1.1/30\",\"fd20::1/64\"]}," \
	"{\"name\":\"a2\",\"connection\":\"acme\",\"port\":\"cust\"," \
	"\"tags\":[{\"type\":\"0x8100\",\"vlan\":1102}],\"addresses\":[\"169.254.1.5/30\"]}],"

#define ROUTES \
	"\"routes\":[{\"connection\":\"acme\",\"prefix\":\"10.2.0.0/16\",\"via\":{\"site\":" \
	"\"b\"}}," \
	"{\"connection\":\"acme\",\"prefix\":\"10.3.0.0/16\",\"via\":{\"next_hops\":[{" \
	"\"attachment\":\"a1\",\"address\":\"169.254.1.2\"}]}}," \
	"{\"connection\":\"acme\",\"prefix\":\"10.4.0.0/16\",\"via\":{\"next_hops\":[{" \
	"\"attachment\":\"a1\",\"address\":\"169.254.1.2\"},{\"attachment\":\"a2\"," \
	"\"address\":\"169.254.1.6\",\"weight\":3}]}}," \
	"{\"connection\":\"acme\",\"prefix\":\"10.66.0.0/16\",\"via\":{\"blackhole\":true}}]"

#define WHOLE "{" SITES ACME CHANNELS ROUTES "}"

static const struct snapshot *now(void)
{
	return fwd_snapshot(g->parts.fwd);
}

static uint32_t id_of(enum model_kind kind, const char *name)
{
	uint32_t id = model_find(g->parts.model, kind, name);

	assert_int_not_equal(id, 0);
	return id;
}

static uint32_t value_at(const char *connection, const char *prefix)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(prefix, &p), 0);
	return lpm_get(g->parts.fwd->lpm, id_of(MODEL_CONNECTION, connection), &p);
}

static void test_attachment(void **state)
{
	static const uint8_t l2[18] = {0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0x81, 0, 0x04, 0x4d};
	const struct fwd_attachment *a;
	uint32_t id;

	(void)state;
	apply(WHOLE);
	id = id_of(MODEL_ATTACHMENT, "a1");
	a = snapshot_attachment(now(), id);
	assert_int_equal(a->used, 1);
	assert_int_equal(a->connection, id_of(MODEL_CONNECTION, "acme"));
	assert_int_equal(a->l2_length, 18);
	assert_memory_equal(a->l2, l2, 18);
	assert_int_equal(a->mtu, 1500);
	assert_int_equal(a->mss4, 1460);
	assert_int_equal(a->mss6, 1440);
	assert_int_equal(a->source4, 0xa9fe0101);
	assert_int_equal(a->has6, 1);
	assert_int_equal(
		idmap_get(g->parts.fwd->attachments, idmap_tags_key(0, 0, 1101, IDMAP_NO_TAG)), id);
	assert_int_equal(value_at("acme", "169.254.1.1/32"), value_make(VALUE_LOCAL, id));
	assert_int_equal(value_at("acme", "169.254.1.0/30"), value_make(VALUE_GLEAN, id));
	assert_int_equal(value_at("acme", "fd20::/64"), value_make(VALUE_GLEAN, id));
}

static void test_site_paths_endpoint(void **state)
{
	const struct fwd_site *site;
	const struct fwd_path *p1, *p2;
	const struct fwd_endpoint *e;
	struct ip_address local, remote;
	unsigned first[2] = {0};

	(void)state;
	apply(WHOLE);
	site = snapshot_site(now(), id_of(MODEL_SITE, "b"));
	p1 = snapshot_path(now(), id_of(MODEL_PATH, "b1"));
	p2 = snapshot_path(now(), id_of(MODEL_PATH, "b2"));
	assert_int_equal(site->used, 1);
	assert_int_equal(site->paths, 2);
	assert_int_equal(site->path[p1->index], id_of(MODEL_PATH, "b1"));
	for (unsigned b = 0; b < FWD_BUCKETS; b++)
		first[site->bucket[b][0]]++;
	assert_int_equal(first[p1->index], 256);
	assert_int_equal(first[p2->index], 768);
	assert_int_equal(p1->udp_checksum, FWD_CHECKSUM_ZERO);
	assert_int_equal(p2->udp_checksum, FWD_CHECKSUM_SOFTWARE);
	assert_int_equal(p1->outer_length, 50);
	assert_int_equal(p2->outer_length, 70);
	e = snapshot_endpoint(now(), value_id(value_at("acme", "10.2.0.0/16")));
	assert_int_equal(e->used, 1);
	assert_int_equal(e->vni, 1001);
	assert_int_equal(e->mtu, 1500 - 40 - 8 - 8 - 16);
	assert_int_equal(e->mss4, e->mtu - 40);
	assert_int_equal(now()->port[1].addresses, 2);
	assert_int_equal(ip_parse("10.1.0.1", &local), 0);
	assert_int_equal(ip_parse("10.1.0.2", &remote), 0);
	assert_int_equal(
		snapshot_tunnel(now(), &local, &remote, FWD_GENEVE), id_of(MODEL_PATH, "b1"));
	assert_int_equal(
		g->parts.fwd->neighbours.entry[p2->neighbour].link, value_make(LINK_PORT, 1));
}

static void test_routes(void **state)
{
	const struct fwd_set *set;
	uint32_t value, count[2] = {0};

	(void)state;
	apply(WHOLE);
	assert_int_equal(value_kind(value_at("acme", "10.2.0.0/16")), VALUE_ENDPOINT);
	value = value_at("acme", "10.3.0.0/16");
	assert_int_equal(value_kind(value), VALUE_NEIGHBOUR);
	assert_int_equal(value_at("acme", "10.66.0.0/16"), value_make(VALUE_BLACKHOLE, 0));
	assert_int_equal(value_kind(value_at("acme", "10.4.0.0/16")), VALUE_SET);
	set = snapshot_set(now(), value_id(value_at("acme", "10.4.0.0/16")));
	assert_int_equal(set->used, 1);
	assert_int_equal(set->hops, 2);
	for (unsigned i = 0; i < FWD_SET_BUCKETS; i++)
		count[set->bucket[i]]++;
	for (unsigned i = 0; i < 2; i++) {
		bool first = set->attachment[i] == id_of(MODEL_ATTACHMENT, "a1");

		assert_int_equal(count[i], first ? 16 : 48);
		if (first)
			assert_int_equal(set->neighbour[i], value_id(value));
	}
}

static void assert_nothing_left(void)
{
	const struct snapshot *s = now();
	const struct snapshot_limits *limits = s->limits;
	struct neighbours_view view;
	struct lpm_usage usage;

	for (uint32_t id = 1; id <= limits->attachments; id++)
		assert_int_equal(snapshot_attachment(s, id)->used, 0);
	for (uint32_t id = 1; id <= limits->endpoints; id++)
		assert_int_equal(snapshot_endpoint(s, id)->used, 0);
	for (uint32_t id = 1; id <= limits->connections; id++)
		assert_int_equal(snapshot_connection(s, id)->used, 0);
	for (uint32_t id = 1; id <= limits->paths; id++)
		assert_int_equal(snapshot_path(s, id)->used, 0);
	for (uint32_t id = 1; id <= limits->sites; id++) {
		assert_int_equal(snapshot_site(s, id)->used, 0);
		assert_int_equal(liveness_mask(&g->parts.fwd->liveness[id]), UINT64_MAX);
	}
	for (uint32_t id = 1; id <= limits->sets; id++)
		assert_int_equal(snapshot_set(s, id)->used, 0);
	assert_int_equal(g->parts.fwd->attachments->used, 0);
	assert_int_equal(g->parts.fwd->endpoints->used, 0);
	assert_false(neighbours_next(g->parts.neighbours, 0, &view));
	lpm_usage(g->parts.fwd->lpm, &usage);
	assert_int_equal(usage.routes4 + usage.routes6, 0);
}

static void test_remove_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		apply(WHOLE);
		assert_int_equal(
			publisher_live(g->parts.publisher), model_generation(g->parts.model));
		apply("{}");
		assert_nothing_left();
	}
}

/* Documents that come while others are under way are carried together, in order. */
static void test_merged_changes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		for (unsigned k = 0; k < 5; k++) {
			const char *document = (i * 5 + k) % 2 == 0 ? WHOLE : "{}";

			assert_int_equal(gateway_document(g, document), 0);
			for (unsigned ticks = (i * k) % 7; ticks > 0; ticks--)
				publisher_tick(g->parts.publisher);
		}
		run_until_idle();
		if ((i * 5 + 4) % 2 == 0)
			assert_int_equal(value_kind(value_at("acme", "10.4.0.0/16")), VALUE_SET);
		else
			assert_nothing_left();
	}
}

#define SWAPPED \
	"\"attachments\":[{\"name\":\"a1\",\"connection\":\"acme\",\"port\":\"cust\"," \
	"\"tags\":[{\"type\":\"0x8100\",\"vlan\":1102}]," \
	"\"addresses\":[\"169.254.1.1/30\",\"fd20::1/64\"]}," \
	"{\"name\":\"a2\",\"connection\":\"acme\",\"port\":\"cust\"," \
	"\"tags\":[{\"type\":\"0x8100\",\"vlan\":1101}],\"addresses\":[\"169.254.1.5/30\"]}],"

static void test_tags_swapped(void **state)
{
	const struct idmap *map;

	(void)state;
	apply(WHOLE);
	apply("{" SITES ACME SWAPPED ROUTES "}");
	map = g->parts.fwd->attachments;
	assert_int_equal(idmap_get(map, idmap_tags_key(0, 0, 1101, IDMAP_NO_TAG)),
		id_of(MODEL_ATTACHMENT, "a2"));
	assert_int_equal(idmap_get(map, idmap_tags_key(0, 0, 1102, IDMAP_NO_TAG)),
		id_of(MODEL_ATTACHMENT, "a1"));
	assert_int_equal(map->used, 2);
}

#define READDRESSED \
	"\"attachments\":[{\"name\":\"a1\",\"connection\":\"acme\",\"port\":\"cust\"," \
	"\"tags\":[{\"type\":\"0x8100\",\"vlan\":1101}],\"admin\":\"down\"," \
	"\"addresses\":[\"169.254.1.1/30\"]}," \
	"{\"name\":\"a2\",\"connection\":\"acme\",\"port\":\"cust\"," \
	"\"tags\":[{\"type\":\"0x8100\",\"vlan\":1102}],\"addresses\":[\"169.254.1.6/30\"]}]"

static void test_address_moves_and_admin_down(void **state)
{
	(void)state;
	apply("{" SITES ACME CHANNELS "\"routes\":[]}");
	apply("{" SITES ACME READDRESSED "}");
	assert_int_equal(snapshot_attachment(now(), id_of(MODEL_ATTACHMENT, "a1"))->used, 0);
	assert_int_equal(value_at("acme", "169.254.1.1/32"), 0);
	assert_int_equal(value_at("acme", "169.254.1.0/30"), 0);
	assert_int_equal(value_at("acme", "169.254.1.5/32"), 0);
	assert_int_equal(value_kind(value_at("acme", "169.254.1.6/32")), VALUE_LOCAL);
	assert_int_equal(value_kind(value_at("acme", "169.254.1.4/30")), VALUE_GLEAN);
	assert_int_equal(g->parts.fwd->attachments->used, 1);
	apply("{" SITES ACME CHANNELS "\"routes\":[]}");
	assert_int_equal(snapshot_attachment(now(), id_of(MODEL_ATTACHMENT, "a1"))->used, 1);
	assert_int_equal(value_kind(value_at("acme", "169.254.1.1/32")), VALUE_LOCAL);
	apply("{}");
	assert_nothing_left();
}

static void test_liveness(void **state)
{
	struct liveness *site;
	unsigned b1;

	(void)state;
	apply(WHOLE);
	site = &g->parts.fwd->liveness[id_of(MODEL_SITE, "b")];
	b1 = snapshot_path(now(), id_of(MODEL_PATH, "b1"))->index;
	/* Nobody has answered for their next hops yet. */
	assert_int_equal(liveness_mask(site) & 3, 0);
	neighbour_set(&g->parts.fwd->neighbours
			       .entry[snapshot_path(now(), id_of(MODEL_PATH, "b1"))->neighbour],
		(const uint8_t[6]){2, 2, 2, 2, 2, 2}, NEIGHBOUR_REACHABLE);
	neighbours_port_link(g->parts.neighbours, 1, true);
	assert_int_equal(liveness_mask(site) & 3, 1u << b1);
	neighbours_port_link(g->parts.neighbours, 1, false);
	assert_int_equal(liveness_mask(site) & 3, 0);
	neighbours_port_link(g->parts.neighbours, 1, true);
	assert_int_equal(liveness_mask(site) & 3, 1u << b1);
}

static void told(struct publisher_wait *wait)
{
	++*(unsigned *)wait->context;
}

static void test_wait(void **state)
{
	unsigned first = 0, second = 0, never = 0;
	struct publisher_wait a = {.done = told, .context = &first};
	struct publisher_wait b = {.done = told, .context = &second};
	struct publisher_wait c = {.done = told, .context = &never, .generation = 1000};

	(void)state;
	run_until_idle();
	assert_int_equal(gateway_document(g, WHOLE), 0);
	a.generation = model_generation(g->parts.model);
	b.generation = a.generation;
	publisher_wait(g->parts.publisher, &a);
	publisher_wait(g->parts.publisher, &b);
	publisher_wait(g->parts.publisher, &c);
	publisher_wait_cancel(g->parts.publisher, &b);
	assert_int_equal(first, 0);
	run_until_idle();
	assert_int_equal(first, 1);
	assert_int_equal(second, 0);
	publisher_wait(g->parts.publisher, &b);
	assert_int_equal(second, 1);
	assert_int_equal(never, 0);
	publisher_wait_cancel(g->parts.publisher, &c);
}

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
	json_t *document = json_loads("{" SITES ACME CHANNELS "\"routes\":[]}", 0, NULL);
	json_t *params = json_pack("{s:o}", "document", document);
	unsigned ticks = 0, slow = 0;
	char text[512];

	(void)state;
	json_object_set_new(document, "routes", bulk(100000));
	assert_int_equal(gateway_apply(g, params, text, sizeof(text)), 0);
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
	assert_int_equal(value_kind(value_at("acme", "20.1.134.159/32")), VALUE_ENDPOINT);
}

/* The document as a change that is ready to be reserved. */
static struct document *check(json_t *params)
{
	struct refusal refusal = {0};
	struct document *d = document_begin(g->parts.model, DOCUMENT_APPLY, 0, params, &refusal);
	int more;

	assert_non_null(d);
	do
		more = document_step(d);
	while (more == 1);
	assert_int_equal(more, 0);
	return d;
}

/* While the model is being changed in slices nothing is compiled from it, nor called live. */
static void test_stands_still_while_a_change_is_made(void **state)
{
	json_t *params = json_pack("{s:o}", "document", json_loads("{}", 0, NULL));
	uint64_t live, generation;
	struct document *d;

	(void)state;
	run_until_idle();
	live = publisher_live(g->parts.publisher);
	generation = now()->generation;
	assert_int_equal(gateway_document(g, WHOLE), 0);
	d = check(params);
	assert_int_equal(publisher_reserve(g->parts.publisher, document_change(d)), 0);
	for (unsigned i = 0; i < 100; i++)
		publisher_tick(g->parts.publisher);
	assert_int_equal(now()->generation, generation);
	assert_int_equal(publisher_live(g->parts.publisher), live);
	publisher_release(g->parts.publisher, document_change(d));
	while (document_end(d) == 1)
		;
	run_until_idle();
	assert_int_equal(publisher_live(g->parts.publisher), model_generation(g->parts.model));
	assert_int_equal(value_kind(value_at("acme", "10.2.0.0/16")), VALUE_ENDPOINT);
	json_decref(params);
}

static void test_reservation_fails(void **state)
{
	json_t *params = json_pack("{s:o}", "document", json_loads(WHOLE, 0, NULL));
	struct document *d;
	struct change *change;
	unsigned failed = 0;
	int error;

	(void)state;
	run_until_idle();
	d = check(params);
	change = document_change(d);
	for (unsigned i = 1;; i++) {
		allocations = 0;
		fail_at = i;
		error = publisher_reserve(g->parts.publisher, change);
		fail_at = 0;
		if (error == 0)
			break;
		assert_int_equal(error, -ENOMEM);
		assert_true(publisher_idle(g->parts.publisher));
		failed++;
	}
	assert_true(failed > 3);
	publisher_release(g->parts.publisher, change);
	assert_nothing_left();
	assert_int_equal(publisher_reserve(g->parts.publisher, change), 0);
	while (document_commit(d) == 1)
		;
	while (document_end(d) == 1)
		;
	publisher_submit(g->parts.publisher, change);
	/* Every allocation on the way fails once; the change arrives all the same. */
	for (unsigned i = 1; !publisher_idle(g->parts.publisher); i++) {
		assert_true(i < 10000);
		allocations = 0;
		fail_at = i % 2 == 0 ? 1 + i % 5 : 0;
		publisher_tick(g->parts.publisher);
		fail_at = 0;
	}
	assert_int_equal(value_kind(value_at("acme", "10.4.0.0/16")), VALUE_SET);
	assert_int_equal(value_kind(value_at("acme", "10.2.0.0/16")), VALUE_ENDPOINT);
	json_decref(params);
}

/* Random documents, and what workers must then see, worked out from the model alone. */

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

	assert_int_equal(idmap_get(g->parts.fwd->attachments,
				 idmap_tags_key(0, 0, a->tag[0].vlan, IDMAP_NO_TAG)),
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
		assert_int_equal(snapshot_endpoint(now(), id)->vni, e->vni);
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

		if (gateway_apply(g, params, text, sizeof(text)) != 0)
			fail_msg("%s", text);
		json_decref(params);
		for (unsigned ticks = roll(12); ticks > 0; ticks--) {
			publisher_tick(g->parts.publisher);
			neighbours_tick(g->parts.neighbours, g->now_ms += roll(300));
			plane_turn(g->parts.plane, 0);
		}
		if (roll(3) != 0)
			continue;
		run_until_idle();
		assert_as_the_model_says();
	}
	apply("{}");
	assert_nothing_left();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_attachment, setup, teardown),
		cmocka_unit_test_setup_teardown(test_site_paths_endpoint, setup, teardown),
		cmocka_unit_test_setup_teardown(test_routes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_remove_all, setup, teardown),
		cmocka_unit_test_setup_teardown(test_merged_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tags_swapped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_address_moves_and_admin_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_liveness, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_batch_in_slices, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_stands_still_while_a_change_is_made, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reservation_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_documents, setup, teardown),
	};

	if (gateway_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
