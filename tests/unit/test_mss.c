/* SPDX-License-Identifier: BSD-3-Clause */
/* Clamping of the TCP MSS option, and the tags of an Ethernet frame. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/base/drop.h"
#include "dataplane/fwd/idmap.h"
#include "dataplane/wire/mss.h"
#include "dataplane/wire/ethernet.h"
#include "dataplane/wire/checksum.h"

/* A SYN of 20 + options bytes whose checksum over the header alone is right. */
static void make_syn(uint8_t *tcp, const uint8_t *options, size_t bytes)
{
	uint16_t sum;

	memset(tcp, 0, 60);
	tcp[0] = 0x12;
	tcp[12] = (uint8_t)((20 + bytes) / 4 << 4);
	tcp[13] = 2;
	memcpy(tcp + 20, options, bytes);
	sum = (uint16_t)~checksum_fold(checksum_add(0, tcp, 20 + bytes));
	memcpy(tcp + 16, &sum, 2);
}

static void assert_sound(const uint8_t *tcp, size_t bytes)
{
	assert_int_equal(checksum_fold(checksum_add(0, tcp, 20 + bytes)), 0xffff);
}

static void test_lowered(void **state)
{
	static const uint8_t even[4] = {2, 4, 0x05, 0xb4}, odd[8] = {1, 2, 4, 0x05, 0xb4, 0, 0, 0};
	uint8_t tcp[60];

	(void)state;
	make_syn(tcp, even, 4);
	assert_true(mss_clamp(tcp, 24, 1400));
	assert_int_equal(tcp[22] << 8 | tcp[23], 1400);
	assert_sound(tcp, 4);
	assert_false(mss_clamp(tcp, 24, 1400));
	make_syn(tcp, odd, 8);
	assert_true(mss_clamp(tcp, 28, 1380));
	assert_int_equal(tcp[23] << 8 | tcp[24], 1380);
	assert_sound(tcp, 8);
}

static void test_left_alone(void **state)
{
	static const uint8_t small[4] = {2, 4, 0x02, 0x00}, none[4] = {1, 1, 1, 0},
			     broken[4] = {3, 9, 2, 4}, zero[4] = {3, 0, 2, 4};
	static const uint8_t *const options[] = {small, none, broken, zero};
	uint8_t tcp[60], before[60];

	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		make_syn(tcp, options[i], 4);
		memcpy(before, tcp, 60);
		assert_false(mss_clamp(tcp, 24, 1400));
		assert_memory_equal(before, tcp, 60);
	}
	/* The header claims more than the packet holds. */
	make_syn(tcp, small, 4);
	assert_false(mss_clamp(tcp, 20, 100));
}

static void test_tags(void **state)
{
	uint8_t frame[32] = {0};
	struct ethernet out;

	(void)state;
	frame[12] = 0x08;
	assert_int_equal(ethernet_parse(frame, 14, &out), VERDICT_GO);
	assert_int_equal(ethernet_outer(out.tags), ETHERNET_NO_TAG);
	assert_int_equal(out.header, 14);
	assert_int_equal(ethernet_parse(frame, 13, &out), DROP_FRAME_TRUNCATED);
	memcpy(frame + 12, "\x81\x00\x60\x05\x08\x00", 6);
	assert_int_equal(ethernet_parse(frame, 18, &out), VERDICT_GO);
	assert_int_equal(ethernet_outer(out.tags), 5);
	assert_int_equal(ethernet_inner(out.tags), ETHERNET_NO_TAG);
	assert_int_equal(out.tags >> 24, 0);
	assert_int_equal(out.type, 0x0800);
	assert_int_equal(out.header, 18);
	assert_int_equal(ethernet_parse(frame, 17, &out), DROP_FRAME_TRUNCATED);
	memcpy(frame + 12, "\x88\xa8\x00\x07\x81\x00\x00\x09\x86\xdd", 10);
	assert_int_equal(ethernet_parse(frame, 22, &out), VERDICT_GO);
	assert_int_equal(out.tags >> 24, 1);
	assert_int_equal(ethernet_outer(out.tags), 7);
	assert_int_equal(ethernet_inner(out.tags), 9);
	/* A priority tag is no VLAN; a third tag is nobody's. */
	memcpy(frame + 12, "\x81\x00\xe0\x00\x08\x00", 6);
	assert_int_equal(ethernet_parse(frame, 18, &out), VERDICT_GO);
	assert_int_equal(ethernet_outer(out.tags), ETHERNET_NO_TAG);
	memcpy(frame + 12, "\x81\x00\x00\x07\x81\x00\x00\x09\x81\x00\x00\x01\x08\x00", 14);
	assert_int_equal(ethernet_parse(frame, 32, &out), DROP_UNKNOWN_TAG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_lowered),
		cmocka_unit_test(test_left_alone), cmocka_unit_test(test_tags)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
