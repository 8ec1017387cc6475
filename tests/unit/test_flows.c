/* SPDX-License-Identifier: BSD-3-Clause */
/* Heavy flows against an exact count: the table's own bounds, and what drawing adds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "control/toplist.h"
#include "dataplane/base/macros.h"

#define FLOWS	2000
#define WINDOW	1000000
#define PACKETS 2000000

static struct flows flows;
static uint64_t exact[FLOWS];

static unsigned chance(void)
{
	static uint64_t state = 1181783497276652981u;

	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (unsigned)(state >> 33);
}

static struct flows_key key_of(unsigned flow)
{
	struct flows_key key = {.hash = flow * UINT64_C(0x9e3779b97f4a7c15),
		.connection = 1 + flow % 3,
		.family = 1,
		.protocol = 17,
		.source_port = (uint16_t)flow};

	memcpy(key.source, &flow, 4);
	return key;
}

/* Flow n about as often as 1 / (n + 1). */
static unsigned skewed(void)
{
	double u = (double)(chance() % 1000000) / 1e6;

	return (unsigned)(pow(FLOWS, u)) - 1;
}

static void begin(void)
{
	memset(&flows, 0, sizeof(flows));
	memset(exact, 0, sizeof(exact));
	flows.window = WINDOW;
	flows.random = 4711;
}

static unsigned flow_of(const struct flows_bank *bank, unsigned i)
{
	return bank->key[i].source_port;
}

static void the_table_keeps_its_bounds(void **state)
{
	struct flows_bank bank;
	bool there[FLOWS] = {false};

	(void)state;
	begin();
	for (unsigned i = 0; i < 100000; i++) {
		unsigned flow = skewed();
		struct flows_key key = key_of(flow);

		exact[flow]++;
		flows_record(&flows, &key, 100 + flow % 7, 1000 + i);
	}
	assert_true(flows_read(&flows, 200000, &bank));
	assert_int_equal(bank.samples, 100000);
	assert_int_equal(bank.used, FLOWS_ENTRIES);
	assert_int_equal(bank.ended, 200000);
	for (unsigned i = 0; i < FLOWS_ENTRIES; i++) {
		unsigned flow = flow_of(&bank, i);
		struct flows_key key = key_of(flow);

		there[flow] = true;
		assert_memory_equal(&bank.key[i], &key, sizeof(key));
		assert_true(bank.count[i] >= exact[flow]);
		assert_true(bank.count[i] - bank.over[i] <= exact[flow]);
		assert_true(bank.over[i] <= bank.samples / FLOWS_ENTRIES);
		assert_int_equal(bank.bytes[i], (bank.count[i] - bank.over[i]) * (100 + flow % 7));
	}
	for (unsigned flow = 0; flow < FLOWS; flow++)
		assert_true(there[flow] || exact[flow] <= bank.samples / FLOWS_ENTRIES);
}

/* As the packet path does: a packet is drawn where the gap runs out. */
static void drawing_finds_the_heavy_ones(void **state)
{
	static struct toplist list;
	struct flows_bank bank;
	uint32_t gap = 0;

	(void)state;
	begin();
	memset(&list, 0, sizeof(list));
	for (unsigned i = 0; i < PACKETS; i++) {
		/* A rhythm of 64 besides: every other packet is flow i % 64. */
		unsigned flow = i % 2 ? skewed() : i % 64;
		struct flows_key key = key_of(flow);

		exact[flow]++;
		if (gap-- != 0)
			continue;
		gap = flows_next_gap(&flows) - 1;
		flows_record(&flows, &key, 1000, 1 + i / 4);
	}
	assert_true(flows_read(&flows, 1 + PACKETS / 4, &bank));
	/* A clock by which all of it took one second. */
	toplist_add(&list, &bank, PACKETS / 4);
	toplist_sort(&list, false);
	assert_true(fabs(list.packets - PACKETS) < 0.05 * PACKETS);
	for (unsigned i = 0; i < 10; i++) {
		const struct toplist_flow *flow = &list.flow[i];
		double truth = (double)exact[flow->key.source_port];
		double error = 5 * flow->packets / sqrt((double)flow->samples) + flow->over;

		assert_true(fabs(flow->packets - truth) < error);
		assert_true(fabs(flow->bytes - 1000 * flow->packets) < 1e-6 * flow->bytes);
		assert_true(i == 0 || flow->packets <= flow[-1].packets);
	}
	/* Flow 0 is by far the heaviest. */
	assert_int_equal(list.flow[0].key.source_port, 0);
}

static void windows_follow_each_other(void **state)
{
	struct flows_bank bank;
	struct flows_key one = key_of(1), two = key_of(2);

	(void)state;
	begin();
	flows_record(&flows, &one, 10, 1000);
	assert_true(flows_read(&flows, 2000, &bank));
	assert_int_equal(bank.used, 1);
	assert_int_equal(bank.ended, 2000);
	flows_record(&flows, &two, 10, 1000 + WINDOW);
	/* The whole window, not the one just begun. */
	assert_true(flows_read(&flows, 2000 + WINDOW, &bank));
	assert_int_equal(flow_of(&bank, 0), 1);
	assert_int_equal(bank.ended, 1000 + WINDOW);
	/* Long after, only what came last. */
	assert_true(flows_read(&flows, 1000 + 4 * WINDOW, &bank));
	assert_int_equal(bank.used, 1);
	assert_int_equal(flow_of(&bank, 0), 2);
	flows_record(&flows, &one, 10, 1000 + 5 * WINDOW);
	assert_true(flows_read(&flows, 1001 + 5 * WINDOW, &bank));
	assert_int_equal(bank.used, 1);
	assert_int_equal(flow_of(&bank, 0), 2);
}

static void workers_are_merged(void **state)
{
	static struct toplist list;
	struct flows_bank bank = {.begun = 1, .ended = 101, .samples = 3, .used = 2};

	(void)state;
	memset(&list, 0, sizeof(list));
	bank.key[0] = key_of(7);
	bank.key[1] = key_of(8);
	bank.count[0] = 1;
	bank.count[1] = 2;
	bank.over[1] = 1;
	bank.bytes[0] = 500;
	bank.bytes[1] = 60;
	toplist_add(&list, &bank, 100);
	toplist_add(&list, &bank, 100);
	bank.begun = 0;
	toplist_add(&list, &bank, 100);
	assert_int_equal(list.flows, 2);
	toplist_sort(&list, true);
	assert_int_equal(list.flow[0].key.source_port, 7);
	assert_int_equal((int)list.flow[0].bytes, 2 * 500 * FLOWS_GAP);
	toplist_sort(&list, false);
	assert_int_equal(list.flow[0].key.source_port, 8);
	assert_int_equal((int)list.flow[0].packets, 4 * FLOWS_GAP);
	assert_int_equal((int)list.flow[0].over, 2 * FLOWS_GAP);
	assert_int_equal((int)list.packets, 6 * FLOWS_GAP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_keeps_its_bounds),
		cmocka_unit_test(drawing_finds_the_heavy_ones),
		cmocka_unit_test(windows_follow_each_other),
		cmocka_unit_test(workers_are_merged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
