/* SPDX-License-Identifier: BSD-3-Clause */
/* Documents of many owners against plain arrays of what each holds: nothing of an owner's is left
 * that its document lacks, and nothing of another's goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "control/document.h"
#include "tests/tools/chance.h"

#define OWNERS	    70 /* more than the bits that say whose routes a table may have */
#define CONNECTIONS 5
#define PREFIXES    12 /* in each connection, half of each family */
#define SITES	    20
#define ROUNDS	    600

static struct model *model;
static struct chance chance;
static bool has_route[OWNERS][CONNECTIONS][PREFIXES];
static int site_owner[SITES]; /* -1: nobody */

static void run(enum document_mode mode, unsigned kind, json_t *params)
{
	struct refusal refusal = {0};
	struct change *change = NULL;
	int error = document_run(model, mode, kind, params, &refusal, &change, NULL);

	if (error != 0)
		fail_msg("%s: %s", refusal.pointer, refusal.text);
	change_free(change);
	json_decref(params);
}

static json_t *prefix_text(unsigned k)
{
	return k % 2 ? json_sprintf("fd00:%x::/32", k) : json_sprintf("10.%u.0.0/16", k);
}

static json_t *routes_of(unsigned owner, unsigned connection)
{
	json_t *list = json_array();

	for (unsigned k = 0; k < PREFIXES; k++)
		if (has_route[owner][connection][k])
			json_array_append_new(list, prefix_text(k));
	return list;
}

static json_t *name_of(const char *what, unsigned number)
{
	return json_sprintf("%s%u", what, number);
}

static void apply(unsigned owner)
{
	json_t *sites = json_array(), *routes = json_array();

	for (unsigned s = 0; s < SITES; s++)
		if (site_owner[s] == (int)owner)
			json_array_append_new(sites, json_pack("{s:o}", "name", name_of("s", s)));
	for (unsigned c = 0; c < CONNECTIONS; c++) {
		json_t *list = routes_of(owner, c);

		if (json_array_size(list) > 0)
			json_array_append_new(routes,
				json_pack("{s:o, s:O, s:{s:b}}", "connection", name_of("c", c),
					"prefixes", list, "via", "blackhole", 1));
		json_decref(list);
	}
	run(DOCUMENT_APPLY, 0,
		json_pack("{s:o, s:{s:o, s:o}}", "owner", name_of("o", owner), "document", "sites",
			sites, "routes", routes));
}

static void put_or_delete(unsigned owner, unsigned connection, unsigned k, bool put)
{
	json_t *route = json_pack(
		"{s:o, s:o}", "connection", name_of("c", connection), "prefix", prefix_text(k));

	if (put)
		json_object_set_new(route, "via", json_pack("{s:b}", "blackhole", 1));
	run(put ? DOCUMENT_PUT : DOCUMENT_DELETE, DOCUMENT_ROUTES,
		json_pack("{s:o, s:o}", "owner", name_of("o", owner), "route", route));
}

static void compare_table(unsigned c)
{
	struct model_route route[OWNERS * PREFIXES];
	unsigned want = 0, got = 0;
	char name[8];

	snprintf(name, sizeof(name), "c%u", c);
	for (unsigned family = IP_4; family <= IP_6; family += IP_6 - IP_4)
		got += (unsigned)model_route_list(model, model_find(model, MODEL_CONNECTION, name),
			(uint8_t)family, NULL, route + got, OWNERS * PREFIXES - got);
	for (unsigned o = 0; o < OWNERS; o++)
		for (unsigned k = 0; k < PREFIXES; k++)
			want += has_route[o][c][k];
	assert_int_equal(got, want);
	for (unsigned i = 0; i < got; i++) {
		unsigned o = (unsigned)atoi(model_owner_name(model, route[i].owner) + 1);
		const uint8_t *bytes = route[i].prefix.ip.bytes;

		assert_true(
			has_route[o][c][route[i].prefix.ip.family == IP_4 ? bytes[1] : bytes[3]]);
	}
}

static void compare(void)
{
	for (unsigned c = 0; c < CONNECTIONS; c++)
		compare_table(c);
	for (unsigned s = 0; s < SITES; s++) {
		char name[8];
		const struct model_site *site;

		snprintf(name, sizeof(name), "s%u", s);
		site = model_site(model, model_find(model, MODEL_SITE, name));
		assert_int_equal(site != NULL, site_owner[s] >= 0);
		if (site != NULL)
			assert_int_equal(atoi(model_owner_name(model, site->object.owner) + 1),
				site_owner[s]);
	}
}

static void draw_routes(unsigned owner)
{
	bool none = chance_below(&chance, 3) == 0;

	for (unsigned c = 0; c < CONNECTIONS; c++)
		for (unsigned k = 0; k < PREFIXES; k++)
			has_route[owner][c][k] = !none && chance_below(&chance, 6) == 0;
}

static void draw_sites(unsigned owner)
{
	for (unsigned s = 0; s < SITES; s++)
		if (site_owner[s] == (int)owner || site_owner[s] < 0)
			site_owner[s] = chance_below(&chance, 4) == 0 ? (int)owner : -1;
}

static void documents_and_single_changes_leave_what_they_should(void **state)
{
	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		unsigned owner = chance_below(&chance, OWNERS),
			 c = chance_below(&chance, CONNECTIONS),
			 k = chance_below(&chance, PREFIXES);

		if (chance_below(&chance, 3) != 0) {
			draw_routes(owner);
			draw_sites(owner);
			apply(owner);
		} else {
			has_route[owner][c][k] = !has_route[owner][c][k];
			put_or_delete(owner, c, k, has_route[owner][c][k]);
		}
		compare();
	}
}

static int set_up(void **state)
{
	static const struct model_port port = {.name = "p", .mtu = 1500};
	struct model_config config = {.limits = {.connections = CONNECTIONS,
					      .attachments = 8,
					      .endpoints = 8,
					      .sites = SITES,
					      .paths = 8,
					      .routes = OWNERS * CONNECTIONS * PREFIXES,
					      .next_hop_sets = 8},
		.ports = &port,
		.port_count = 1};
	json_t *connections = json_array();

	(void)state;
	chance = chance_seed("sweep");
	model = model_create(&config);
	assert_non_null(model);
	for (unsigned c = 0; c < CONNECTIONS; c++)
		json_array_append_new(connections,
			json_pack("{s:o, s:i}", "name", name_of("c", c), "vni", (int)c + 1));
	run(DOCUMENT_APPLY, 0, json_pack("{s:{s:o}}", "document", "connections", connections));
	for (unsigned s = 0; s < SITES; s++)
		site_owner[s] = -1;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	model_destroy(model);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_and_single_changes_leave_what_they_should),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
