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

#include "control/document.h"
#include "control/neighbours.h"
#include "control/publisher.h"
#include "dataplane/base/log.h"
#include "dataplane/fwd/value.h"
#include "dataplane/wire/ethernet.h"
#include "tests/unit/failing.h"
#include "tests/unit/published.h"

static struct testbed *g;

/* What the log was told since it was last looked at. */
static char logged[1024];

void __wrap_log_line(enum log_level level, const char *format, ...);

void __wrap_log_line(enum log_level level, const char *format, ...)
{
	size_t used = strlen(logged);
	va_list args;

	used += (size_t)snprintf(logged + used, sizeof(logged) - used, "<%d>", (int)level);
	va_start(args, format);
	vsnprintf(logged + used, sizeof(logged) - used, format, args);
	va_end(args);
}

static void assert_logged(const char *text)
{
	assert_string_equal(logged, text);
	logged[0] = '\0';
}

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

static void apply(const char *document)
{
	assert_int_equal(testbed_document(g, document), 0);
	published_rest(g);
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
	assert_int_equal(idmap_get(g->parts.fwd->attachments,
				 idmap_tags_key(0, ethernet_tags(0, 1101, ETHERNET_NO_TAG))),
		id);
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
	assert_int_equal(ntohl(e->vni_word) >> 8, 1001);
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

static void test_remove_all(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		apply(WHOLE);
		assert_int_equal(
			publisher_live(g->parts.publisher), model_generation(g->parts.model));
		apply("{}");
		published_nothing(g);
	}
}

/* Documents that come while others are under way are carried together, in order. */
static void test_merged_changes(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		for (unsigned k = 0; k < 5; k++) {
			const char *document = (i * 5 + k) % 2 == 0 ? WHOLE : "{}";

			assert_int_equal(testbed_document(g, document), 0);
			for (unsigned ticks = (i * k) % 7; ticks > 0; ticks--)
				publisher_tick(g->parts.publisher);
		}
		published_rest(g);
		if ((i * 5 + 4) % 2 == 0)
			assert_int_equal(value_kind(value_at("acme", "10.4.0.0/16")), VALUE_SET);
		else
			published_nothing(g);
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
	assert_int_equal(idmap_get(map, idmap_tags_key(0, ethernet_tags(0, 1101, ETHERNET_NO_TAG))),
		id_of(MODEL_ATTACHMENT, "a2"));
	assert_int_equal(idmap_get(map, idmap_tags_key(0, ethernet_tags(0, 1102, ETHERNET_NO_TAG))),
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
	published_nothing(g);
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
	published_rest(g);
	assert_int_equal(testbed_document(g, WHOLE), 0);
	a.generation = model_generation(g->parts.model);
	b.generation = a.generation;
	publisher_wait(g->parts.publisher, &a);
	publisher_wait(g->parts.publisher, &b);
	publisher_wait(g->parts.publisher, &c);
	publisher_wait_cancel(g->parts.publisher, &b);
	assert_int_equal(first, 0);
	published_rest(g);
	assert_int_equal(first, 1);
	assert_int_equal(second, 0);
	publisher_wait(g->parts.publisher, &b);
	assert_int_equal(second, 1);
	assert_int_equal(never, 0);
	publisher_wait_cancel(g->parts.publisher, &c);
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
	published_rest(g);
	live = publisher_live(g->parts.publisher);
	generation = now()->generation;
	assert_int_equal(testbed_document(g, WHOLE), 0);
	d = check(params);
	assert_int_equal(publisher_reserve(g->parts.publisher, document_change(d)), 0);
	for (unsigned i = 0; i < 100; i++)
		publisher_tick(g->parts.publisher);
	assert_int_equal(now()->generation, generation);
	assert_int_equal(publisher_live(g->parts.publisher), live);
	publisher_release(g->parts.publisher, document_change(d));
	while (document_end(d) == 1)
		;
	published_rest(g);
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
	published_rest(g);
	d = check(params);
	change = document_change(d);
	for (unsigned i = 1;; i++) {
		failing_begin(i);
		error = publisher_reserve(g->parts.publisher, change);
		failing_end();
		if (error == 0)
			break;
		assert_int_equal(error, -ENOMEM);
		assert_true(publisher_idle(g->parts.publisher));
		failed++;
	}
	assert_true(failed > 3);
	publisher_release(g->parts.publisher, change);
	published_nothing(g);
	assert_int_equal(publisher_reserve(g->parts.publisher, change), 0);
	while (document_commit(d) == 1)
		;
	while (document_end(d) == 1)
		;
	publisher_submit(g->parts.publisher, change);
	/* Every allocation on the way fails once; the change arrives all the same. */
	for (unsigned i = 1; !publisher_idle(g->parts.publisher); i++) {
		assert_true(i < 10000);
		failing_begin(i % 2 == 0 ? 1 + i % 5 : 0);
		publisher_tick(g->parts.publisher);
		failing_end();
	}
	assert_int_equal(value_kind(value_at("acme", "10.4.0.0/16")), VALUE_SET);
	assert_int_equal(value_kind(value_at("acme", "10.2.0.0/16")), VALUE_ENDPOINT);
	json_decref(params);
}

/* Paths that differ in their MTU alone; none where it is 0. */
static void apply_mtus(unsigned mtu4, unsigned mtu6, const char *more)
{
	char document[1024], b1[256] = "", b2[256] = "";

	if (mtu4 != 0)
		snprintf(b1, sizeof(b1),
			"{\"name\":\"b1\",\"site\":\"b\",\"port\":\"bb\",\"local\":\"10.1.0.1/30\","
			"\"remote\":\"10.1.0.2\",\"mtu\":%u}",
			mtu4);
	if (mtu6 != 0)
		snprintf(b2, sizeof(b2),
			"%s{\"name\":\"b2\",\"site\":\"b\",\"port\":\"bb\",\"local\":"
			"\"2001:db8:1::1/64\",\"remote\":\"2001:db8:1::2\",\"encapsulation\":"
			"\"vxlan\",\"mtu\":%u}",
			mtu4 != 0 ? "," : "", mtu6);
	snprintf(document, sizeof(document), "{\"sites\":[{\"name\":\"b\"}],\"paths\":[%s%s]%s}",
		b1, b2, more);
	apply(document);
}

/* The headers take 52 bytes of a Geneve path over IPv4, 70 of a VXLAN one over IPv6. */
static void test_narrow_paths_are_told(void **state)
{
	static const char narrow[] = "<4>site \"b\": its paths leave an inner MTU of 1279; IPv6 "
				     "needs 1280, so only small IPv6 packets pass";

	(void)state;
	published_rest(g);
	logged[0] = '\0';
	apply_mtus(0, 0, "");
	apply_mtus(1280 + 52, 1280 + 70, "");
	assert_logged("");
	apply_mtus(1279 + 52, 1500, "");
	assert_logged(narrow);
	apply_mtus(1500, 1279 + 70, "");
	assert_logged(narrow);
	/* Once for each change of the paths, not of anything else. */
	apply_mtus(1500, 1279 + 70, ",\"connections\":[{\"name\":\"acme\",\"vni\":1001}]");
	assert_logged("");
	apply_mtus(1500, 0, "");
	assert_logged("");
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
		cmocka_unit_test_setup_teardown(
			test_stands_still_while_a_change_is_made, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reservation_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_narrow_paths_are_told, setup, teardown),
	};

	if (testbed_eal() != 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
