/* SPDX-License-Identifier: BSD-3-Clause */
/* The measuring option of Geneve: exact bytes, other options around it, and random ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/wire/laneoption.h"
#include "dataplane/wire/tunnel.h"
#include "tests/tools/chance.h"

static const uint8_t known[LANEOPTION_BYTES] = {0xff, 0x01, 0x01, 0x03, 0x12, 0x34, 0x57, 0xa6,
	0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67};
static const uint8_t other[8] = {0x01, 0x02, 0x03, 0x01, 0xff, 0x01, 0x01, 0x03};

static void write_known(uint8_t *at)
{
	laneoption_write(at, laneoption_head(0x1234, 0x57, LANEOPTION_LOSS | LANEOPTION_TIMED | 6),
		0x89abcdef, 0x01234567);
}

static void assert_known(const struct laneoption *option)
{
	assert_int_equal(option->lane, 0x1234);
	assert_int_equal(option->epoch, 0x57);
	assert_int_equal(option->flags, LANEOPTION_LOSS | LANEOPTION_TIMED | 6);
	assert_int_equal(option->sequence, 0x89abcdef);
	assert_int_equal(option->sent, 0x01234567);
}

static void test_bytes(void **state)
{
	uint8_t bytes[LANEOPTION_BYTES + 2];
	struct laneoption option;

	(void)state;
	memset(bytes, 0x77, sizeof(bytes));
	write_known(bytes + 1);
	assert_memory_equal(bytes + 1, known, sizeof(known));
	assert_int_equal(bytes[0], 0x77);
	assert_int_equal(bytes[sizeof(bytes) - 1], 0x77);
	assert_true(laneoption_read(known, sizeof(known), &option));
	assert_known(&option);
	/* Not critical, and what a walk over the options lets pass. */
	assert_true(laneoption_alone(known, sizeof(known)));
	assert_int_equal(tunnel_options(known, sizeof(known)), VERDICT_GO);
}

static void test_among_others(void **state)
{
	uint8_t area[64];
	struct laneoption option;

	(void)state;
	memcpy(area, other, 8);
	memcpy(area + 8, other, 8);
	assert_false(laneoption_read(area, 16, &option));
	write_known(area + 16);
	memcpy(area + 32, other, 8);
	assert_true(laneoption_read(area, 40, &option));
	assert_known(&option);
	assert_true(laneoption_read(area, 32, &option));
	assert_false(laneoption_alone(area, 40));
	/* Cut anywhere, it is not there. */
	for (uint32_t n = 0; n < 32; n++)
		assert_false(laneoption_read(area, n, &option));
	/* The first of two counts. */
	write_known(area);
	laneoption_write(area + 16, laneoption_head(9, 9, 9), 9, 9);
	assert_true(laneoption_read(area, 32, &option));
	assert_known(&option);
}

static void test_strangers(void **state)
{
	static const uint8_t at[] = {0, 1, 2};
	uint8_t bytes[20];
	struct laneoption option;

	(void)state;
	/* Another class, type, the critical type, another length. */
	for (unsigned i = 0; i < sizeof(at); i++) {
		write_known(bytes);
		bytes[at[i]] ^= 0x80;
		assert_false(laneoption_alone(bytes, 16));
		assert_false(laneoption_read(bytes, 16, &option));
	}
	memset(bytes, 0, sizeof(bytes));
	memcpy(bytes, "\xff\x01\x01\x04", 4);
	assert_false(laneoption_read(bytes, 20, &option));
	memcpy(bytes, "\xff\x01\x01\x02", 4);
	assert_false(laneoption_read(bytes, 16, &option));
	/* Reserved bits are ignored. */
	write_known(bytes);
	bytes[3] |= 0xe0;
	assert_false(laneoption_alone(bytes, 16));
	assert_true(laneoption_read(bytes, 16, &option));
	assert_known(&option);
}

/* Any values, behind any options, on a heap copy of just that size. */
static void test_random(void **state)
{
	struct chance chance = chance_seed("laneoption");

	(void)state;
	for (unsigned round = 0; round < 20000; round++) {
		uint32_t before = 4 * chance_below(&chance, 8), size = before + LANEOPTION_BYTES;
		uint8_t *area = calloc(1, size);
		struct laneoption in = {(uint16_t)chance_next(&chance),
			(uint8_t)chance_next(&chance), (uint8_t)chance_next(&chance),
			(uint32_t)chance_next(&chance), (uint32_t)chance_next(&chance)};
		struct laneoption out;

		assert_non_null(area);
		if (before > 0)
			area[3] = (uint8_t)(before / 4 - 1);
		laneoption_write(area + before, laneoption_head(in.lane, in.epoch, in.flags),
			in.sequence, in.sent);
		assert_true(laneoption_read(area, size, &out));
		assert_memory_equal(&in, &out, sizeof(in));
		free(area);
	}
}

static void test_in_a_header(void **state)
{
	uint8_t header[24] = {4, 0, 0x08, 0x00, 0, 0, 7, 0};
	struct tunnel tunnel;

	(void)state;
	write_known(header + 8);
	assert_int_equal(tunnel_geneve(header, sizeof(header), &tunnel), VERDICT_GO);
	assert_int_equal(tunnel.bytes, sizeof(header));
	/* What is not quite ours is still looked at. */
	header[10] |= 0x80;
	assert_int_equal(tunnel_geneve(header, sizeof(header), &tunnel), DROP_GENEVE_CRITICAL);
	write_known(header + 8);
	header[11] = 4;
	assert_int_equal(tunnel_geneve(header, sizeof(header), &tunnel), DROP_GENEVE_OPTIONS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_among_others),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_in_a_header),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
