/* SPDX-License-Identifier: BSD-3-Clause */
/* BFD packets and the session's state machine against RFC 5880, in made-up time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dataplane/base/macros.h"
#include "dataplane/oam/bfd.h"

#define HZ    UINT64_C(1000000) /* a cycle is a microsecond */
#define START UINT64_C(5000000)
#define PEER  0x77000001u

static const struct fwd_bfd plain = {.mode = FWD_BFD_SINGLE_HOP,
	.multiplier = 5,
	.discriminator = 0x12340007,
	.tx_us = 6000,
	.rx_us = 6000};

static struct bfdpacket from_peer(enum bfdpacket_state state)
{
	return (struct bfdpacket){.state = (uint8_t)state,
		.multiplier = 3,
		.mine = PEER,
		.yours = state > BFDPACKET_DOWN ? plain.discriminator : 0,
		.desired_tx = 10000,
		.required_rx = 8000};
}

static void say(struct bfd *s, enum bfdpacket_state state, uint64_t now)
{
	struct bfdpacket packet = from_peer(state);

	assert_int_equal(bfd_receive(s, &plain, &packet, NULL, now), VERDICT_GO);
}

static struct bfdpacket send_at(struct bfd *s, const struct fwd_bfd *config, uint64_t now)
{
	struct bfdpacket packet;

	bfd_send(s, config, now, &packet);
	return packet;
}

/* Up, with the poll that follows ended. */
static struct bfd established(void)
{
	struct bfdpacket final = from_peer(BFDPACKET_UP);
	struct bfd s;

	bfd_begin(&s, &plain, 99, HZ, START);
	say(&s, BFDPACKET_DOWN, START);
	say(&s, BFDPACKET_UP, START);
	send_at(&s, &plain, START);
	final.flags = BFDPACKET_FINAL;
	assert_int_equal(bfd_receive(&s, &plain, &final, NULL, START), VERDICT_GO);
	assert_int_equal(s.state, BFDPACKET_UP);
	assert_false(s.polling);
	return s;
}

/* The text of 6.8.6, sentence by sentence, not our table. */
static enum bfdpacket_state by_the_rfc(enum bfdpacket_state state, enum bfdpacket_state received)
{
	if (state == BFDPACKET_ADMIN_DOWN)
		return state;
	if (received == BFDPACKET_ADMIN_DOWN)
		return BFDPACKET_DOWN;
	if (state == BFDPACKET_DOWN) {
		if (received == BFDPACKET_DOWN)
			return BFDPACKET_INIT;
		return received == BFDPACKET_INIT ? BFDPACKET_UP : BFDPACKET_DOWN;
	}
	if (state == BFDPACKET_INIT)
		return received >= BFDPACKET_INIT ? BFDPACKET_UP : BFDPACKET_INIT;
	return received == BFDPACKET_DOWN ? BFDPACKET_DOWN : BFDPACKET_UP;
}

static void test_every_cell(void **unused)
{
	(void)unused;
	for (unsigned state = 0; state < BFDPACKET_STATES; state++)
		for (unsigned received = 0; received < BFDPACKET_STATES; received++)
			assert_int_equal(bfd_next(state, received), by_the_rfc(state, received));
}

/* Each cell as a packet on a session in that state: state, diagnostic, what it says of the path. */
static void test_every_cell_by_packet(void **unused)
{
	(void)unused;
	for (unsigned state = BFDPACKET_DOWN; state < BFDPACKET_STATES; state++)
		for (unsigned received = 0; received < BFDPACKET_STATES; received++) {
			struct bfd s = established();
			unsigned next = by_the_rfc(state, received);

			if (state != BFDPACKET_UP)
				bfd_expire(&s, &plain, START);
			if (state == BFDPACKET_INIT)
				say(&s, BFDPACKET_DOWN, START);
			assert_int_equal(s.state, state);
			say(&s, received, START + 1);
			assert_int_equal(s.state, next);
			if (next == BFDPACKET_UP)
				assert_int_equal(s.diag, BFDPACKET_DIAG_NONE);
			else if (next == BFDPACKET_DOWN && state != BFDPACKET_DOWN)
				assert_int_equal(s.diag, BFDPACKET_DIAG_NEIGHBOUR_DOWN);
			assert_int_equal(s.objects,
				next != BFDPACKET_UP && received != BFDPACKET_ADMIN_DOWN);
		}
}

static void test_administratively_down(void **unused)
{
	struct fwd_bfd stopped = plain;
	struct bfd s = established();
	struct bfdpacket packet = from_peer(BFDPACKET_DOWN);

	(void)unused;
	stopped.admin_down = 1;
	bfd_configure(&s, &stopped, START);
	assert_int_equal(s.state, BFDPACKET_ADMIN_DOWN);
	assert_int_equal(s.diag, BFDPACKET_DIAG_ADMIN_DOWN);
	/* RFC 5882 4.2: stopped, not failed. */
	assert_false(s.objects);
	assert_int_equal(bfd_receive(&s, &stopped, &packet, NULL, START + 1), DROP_BFD_ADMIN_DOWN);
	assert_int_equal(send_at(&s, &stopped, START + 1).state, BFDPACKET_ADMIN_DOWN);
	bfd_configure(&s, &plain, START + 2);
	assert_int_equal(s.state, BFDPACKET_DOWN);
	assert_false(s.objects);
	say(&s, BFDPACKET_DOWN, START + 3);
	say(&s, BFDPACKET_INIT, START + 4);
	assert_int_equal(s.state, BFDPACKET_UP);
	bfd_expire(&s, &plain, START + 99999);
	assert_true(s.objects);
}

/* One that begins stopped was never up: once started, it has to show that the path works. */
static void test_never_up_objects(void **unused)
{
	struct fwd_bfd stopped = plain;
	struct bfd s;

	(void)unused;
	bfd_begin(&s, &plain, 1, HZ, START);
	assert_true(s.objects);
	stopped.admin_down = 1;
	bfd_begin(&s, &stopped, 1, HZ, START);
	assert_false(s.objects);
	bfd_configure(&s, &plain, START);
	assert_true(s.objects);
}

static void test_detection_time(void **unused)
{
	struct bfd s = established();

	(void)unused;
	/* Its multiplier, and the slower of what it sends and what we can take. */
	assert_int_equal(bfd_detection_us(&s), 3 * 10000);
	assert_int_equal(s.expires, START + 30000);
	say(&s, BFDPACKET_UP, START + 9000);
	assert_int_equal(s.expires, START + 39000);
	bfd_expire(&s, &plain, START + 39000);
	assert_int_equal(s.state, BFDPACKET_DOWN);
	assert_int_equal(s.diag, BFDPACKET_DIAG_EXPIRED);
	assert_int_equal(s.remote, 0);
	assert_true(s.urgent);
	assert_true(s.objects);
	assert_true(s.expires == BFD_NEVER);
	assert_int_equal(s.downs, 1);
}

static void test_init_expires_too(void **unused)
{
	struct bfd s;

	(void)unused;
	bfd_begin(&s, &plain, 1, HZ, START);
	say(&s, BFDPACKET_DOWN, START);
	assert_int_equal(s.state, BFDPACKET_INIT);
	bfd_expire(&s, &plain, START + 30000);
	assert_int_equal(s.state, BFDPACKET_DOWN);
	assert_int_equal(s.diag, BFDPACKET_DIAG_EXPIRED);
}

/* 6.8.7: between 75 and 100 % of the interval, spread over all of that. */
static void test_jitter(void **unused)
{
	struct bfd s = established();
	uint64_t least = UINT64_MAX, most = 0;

	(void)unused;
	/* The slower of ours and what the peer can take. */
	assert_int_equal(bfd_interval_us(&s), 8000);
	for (unsigned i = 0; i < 1000; i++) {
		uint64_t gap;

		send_at(&s, &plain, START);
		gap = s.next_send - START;
		least = gap < least ? gap : least;
		most = gap > most ? gap : most;
	}
	assert_in_range(least, 6000, 6100);
	assert_in_range(most, 7900, 8000);
}

static void test_jitter_of_multiplier_one(void **unused)
{
	struct fwd_bfd one = plain;
	struct bfd s = established();

	(void)unused;
	one.multiplier = 1;
	for (unsigned i = 0; i < 1000; i++) {
		send_at(&s, &one, START);
		assert_in_range(s.next_send - START, 6000, 7200);
	}
}

static void test_slow_while_not_up(void **unused)
{
	struct bfdpacket packet;
	struct bfd s;

	(void)unused;
	bfd_begin(&s, &plain, 1, HZ, START);
	assert_true(bfd_must_send(&s, START));
	packet = send_at(&s, &plain, START);
	assert_int_equal(packet.desired_tx, BFD_SLOW_US);
	assert_int_equal(packet.yours, 0);
	assert_int_equal(packet.flags, BFDPACKET_INDEPENDENT);
	assert_in_range(s.next_send - START, 750000, 1000000);
	/* Up: quick at once, and the peer is asked whether it knows. */
	say(&s, BFDPACKET_DOWN, START);
	say(&s, BFDPACKET_INIT, START);
	packet = send_at(&s, &plain, START);
	assert_int_equal(packet.desired_tx, 6000);
	assert_int_equal(packet.yours, PEER);
	assert_int_equal(packet.flags, BFDPACKET_INDEPENDENT | BFDPACKET_POLL);
	assert_in_range(s.next_send - START, 6000, 8000);
}

/* 6.8.3: slower only once the peer has agreed, and judged sooner only then. */
static void test_timers_change(void **unused)
{
	struct bfdpacket final = from_peer(BFDPACKET_UP);
	struct fwd_bfd other = plain;
	struct bfd s = established();

	(void)unused;
	final.flags = BFDPACKET_FINAL;
	final.required_rx = 1;
	other.tx_us = 50000;
	other.rx_us = 40000;
	bfd_configure(&s, &other, START);
	assert_int_equal(bfd_interval_us(&s), 8000);
	assert_int_equal(bfd_detection_us(&s), 3 * 40000);
	assert_true(send_at(&s, &other, START).flags & BFDPACKET_POLL);
	assert_int_equal(bfd_receive(&s, &other, &final, NULL, START), VERDICT_GO);
	assert_int_equal(bfd_interval_us(&s), 50000);
	bfd_configure(&s, &plain, START);
	assert_int_equal(bfd_interval_us(&s), 6000);
	assert_int_equal(bfd_detection_us(&s), 3 * 40000);
	assert_int_equal(bfd_receive(&s, &plain, &final, NULL, START), VERDICT_GO);
	assert_int_equal(bfd_detection_us(&s), 3 * 10000);
}

/* A final that answers for values which have changed since does not end the poll. */
static void test_change_during_a_poll(void **unused)
{
	struct bfdpacket final = from_peer(BFDPACKET_UP);
	struct fwd_bfd other = plain;
	struct bfd s = established();

	(void)unused;
	final.flags = BFDPACKET_FINAL;
	other.tx_us = 50000;
	bfd_configure(&s, &other, START);
	other.tx_us = 60000;
	bfd_configure(&s, &other, START);
	bfd_receive(&s, &other, &final, NULL, START);
	assert_true(s.polling);
	assert_int_equal(bfd_interval_us(&s), 8000);
	bfd_receive(&s, &other, &final, NULL, START);
	assert_false(s.polling);
	assert_int_equal(bfd_interval_us(&s), 60000);
}

static void test_polls_are_answered(void **unused)
{
	struct bfdpacket poll = from_peer(BFDPACKET_UP);
	struct bfd s = established();

	(void)unused;
	send_at(&s, &plain, START);
	poll.flags = BFDPACKET_POLL;
	assert_false(bfd_must_send(&s, START + 1));
	bfd_receive(&s, &plain, &poll, NULL, START + 1);
	assert_true(bfd_must_send(&s, START + 1));
	/* Also while we ask ourselves: never both bits in one packet. */
	s.polling = true;
	assert_int_equal(
		send_at(&s, &plain, START + 1).flags, BFDPACKET_INDEPENDENT | BFDPACKET_FINAL);
	assert_int_equal(
		send_at(&s, &plain, START + 1).flags, BFDPACKET_INDEPENDENT | BFDPACKET_POLL);
}

static void test_peer_wants_no_packets(void **unused)
{
	struct bfdpacket packet = from_peer(BFDPACKET_UP);
	struct bfd s = established();

	(void)unused;
	packet.required_rx = 0;
	bfd_receive(&s, &plain, &packet, NULL, START);
	assert_true(s.next_send == BFD_NEVER);
	assert_int_equal(bfd_interval_us(&s), 0);
	assert_int_equal(bfd_due(&s), s.expires);
	/* It can take them again: at once, not at the end of what was waited for. */
	packet.required_rx = 8000;
	bfd_receive(&s, &plain, &packet, NULL, START);
	assert_in_range(s.next_send - START, 6000, 8000);
}

static void test_demand_is_refused(void **unused)
{
	struct bfdpacket packet = from_peer(BFDPACKET_UP);
	struct bfd s = established();

	(void)unused;
	packet.flags = BFDPACKET_DEMAND;
	bfd_receive(&s, &plain, &packet, NULL, START);
	assert_int_equal(s.demands_refused, 1);
	assert_int_equal(s.state, BFDPACKET_UP);
	assert_false(send_at(&s, &plain, START).flags & BFDPACKET_DEMAND);
	assert_in_range(s.next_send - START, 6000, 8000);
}

/* Years are asked for in 32 bits of microseconds, times a multiplier. */
static void test_absurd_intervals(void **unused)
{
	struct bfdpacket packet = from_peer(BFDPACKET_UP);
	struct bfd s = established();

	(void)unused;
	s.hz = UINT64_C(5000000000);
	packet.desired_tx = packet.required_rx = UINT32_MAX;
	packet.multiplier = 255;
	bfd_receive(&s, &plain, &packet, NULL, START);
	assert_true(s.expires > START && s.next_send > START);
	assert_true(s.expires - START == 3600 * s.hz);
}

/* --- packets -----------------------------------------------------------------------------------
 */

static const struct bfdpacket sample = {.diag = 3,
	.state = BFDPACKET_UP,
	.flags = BFDPACKET_POLL | BFDPACKET_INDEPENDENT,
	.multiplier = 5,
	.mine = 0x01020304,
	.yours = 0x05060708,
	.desired_tx = 6000,
	.required_rx = 7000};

static void test_written_bytes(void **unused)
{
	static const uint8_t expected[BFDPACKET_BYTES] = {0x23, 0xe8, 5, 24, 1, 2, 3, 4, 5, 6, 7, 8,
		0, 0, 0x17, 0x70, 0, 0, 0x1b, 0x58, 0, 0, 0, 0};
	uint8_t bytes[BFDPACKET_MOST];
	struct bfdpacket read;

	(void)unused;
	assert_int_equal(bfdpacket_build(bytes, &sample), BFDPACKET_BYTES);
	assert_memory_equal(bytes, expected, sizeof(expected));
	assert_int_equal(bfdpacket_parse(bytes, sizeof(expected), &read), VERDICT_GO);
	assert_int_equal(read.mine, sample.mine);
	assert_int_equal(read.yours, sample.yours);
	assert_int_equal(read.desired_tx, sample.desired_tx);
	assert_int_equal(read.required_rx, sample.required_rx);
	assert_int_equal(read.flags, sample.flags);
	assert_int_equal(read.diag, sample.diag);
	assert_int_equal(read.state, sample.state);
}

/* In the order of 6.8.6: a packet with this fault and all later ones dies of this one. */
static void test_refusals_in_order(void **unused)
{
	static const struct {
		unsigned at;
		uint8_t value;
		unsigned reason;
	} fault[] = {
		{4, 0, DROP_BFD_FIELD}, /* own discriminator: 4 to 7 are zeroed below */
		{1, 0xe9, DROP_BFD_FIELD},
		{2, 0, DROP_BFD_FIELD},
		{3, 200, DROP_BFD_LENGTH},
		{3, 23, DROP_BFD_LENGTH},
		{0, 0x43, DROP_BFD_VERSION},
	};
	uint8_t bytes[BFDPACKET_MOST];
	struct bfdpacket read;

	(void)unused;
	bfdpacket_build(bytes, &sample);
	memset(bytes + 8, 0, 4);
	assert_int_equal(bfdpacket_parse(bytes, 24, &read), DROP_BFD_STATE);
	memset(bytes + 4, 0, 4);
	for (unsigned i = 0; i < ARRAY_SIZE(fault); i++) {
		bytes[fault[i].at] = fault[i].value;
		assert_int_equal(bfdpacket_parse(bytes, 24, &read), fault[i].reason);
	}
	assert_int_equal(bfdpacket_parse(bytes, 23, &read), DROP_BFD_LENGTH);
	/* The section says that it is there, and has no room. */
	bfdpacket_build(bytes, &sample);
	bytes[1] |= BFDPACKET_AUTHENTICATED;
	bytes[3] = 25;
	assert_int_equal(bfdpacket_parse(bytes, 25, &read), DROP_BFD_LENGTH);
}

static void test_admin_down_needs_no_discriminator(void **unused)
{
	struct bfdpacket packet = sample, read;
	uint8_t bytes[BFDPACKET_MOST];

	(void)unused;
	packet.yours = 0;
	for (unsigned state = 0; state < BFDPACKET_STATES; state++) {
		packet.state = (uint8_t)state;
		bfdpacket_build(bytes, &packet);
		assert_int_equal(bfdpacket_parse(bytes, 24, &read),
			state <= BFDPACKET_DOWN ? (unsigned)VERDICT_GO : DROP_BFD_STATE);
	}
}

/* --- authentication ----------------------------------------------------------------------------
 */

static const struct fwd_bfd secret = {.mode = FWD_BFD_SINGLE_HOP,
	.multiplier = 5,
	.authenticated = 1,
	.key_id = 7,
	.key = "secret",
	.discriminator = 0x12340007,
	.tx_us = 6000,
	.rx_us = 6000};

/* SHA1 over the packet with the key in the digest's place, computed by another program:
 * python3: hashlib.sha1(packet[:32] + b'secret'.ljust(20, b'\0')).hexdigest() */
static void test_known_digest(void **unused)
{
	static const uint8_t digest[20] = {0xdf, 0xe2, 0x96, 0x5c, 0x68, 0x46, 0x6c, 0x37, 0x32,
		0x9b, 0xdb, 0x4f, 0x62, 0xaa, 0xf1, 0x55, 0xe6, 0x66, 0x1e, 0x53};
	struct bfdpacket packet = sample;
	uint8_t bytes[BFDPACKET_MOST];

	(void)unused;
	packet.flags |= BFDPACKET_AUTHENTICATED;
	packet.key_id = 7;
	packet.sequence = 0x11223344;
	assert_int_equal(bfdpacket_build(bytes, &packet), BFDPACKET_MOST);
	bfdpacket_sign(bytes, secret.key);
	assert_memory_equal(bytes + 32, digest, sizeof(digest));
}

static unsigned receive_signed(
	struct bfd *s, const struct fwd_bfd *sender, uint32_t sequence, unsigned flip, uint64_t now)
{
	struct bfdpacket packet = from_peer(BFDPACKET_DOWN), read;
	uint8_t bytes[BFDPACKET_MOST];

	packet.flags = BFDPACKET_AUTHENTICATED;
	packet.key_id = sender->key_id;
	packet.sequence = sequence;
	bfdpacket_build(bytes, &packet);
	bfdpacket_sign(bytes, sender->key);
	bytes[flip / 8] ^= (uint8_t)(1 << flip % 8);
	if (bfdpacket_parse(bytes, sizeof(bytes), &read) != VERDICT_GO)
		return DROP_BFD_AUTH;
	return bfd_receive(s, &secret, &read, bytes, now);
}

static void test_who_has_no_key(void **unused)
{
	struct bfdpacket packet = from_peer(BFDPACKET_DOWN);
	struct fwd_bfd other = secret;
	struct bfd s;

	(void)unused;
	bfd_begin(&s, &secret, 1, HZ, START);
	assert_int_equal(bfd_receive(&s, &secret, &packet, NULL, START), DROP_BFD_AUTH);
	other.key[0] ^= 1;
	assert_int_equal(receive_signed(&s, &other, 1, 8 * 8, START), DROP_BFD_AUTH);
	other = secret;
	other.key_id = 8;
	assert_int_equal(receive_signed(&s, &other, 1, 8 * 8, START), DROP_BFD_AUTH);
	/* Any single bit of the packet. */
	for (unsigned bit = 0; bit < 8 * BFDPACKET_MOST; bit++)
		assert_int_equal(receive_signed(&s, &secret, 1, bit, START), DROP_BFD_AUTH);
	assert_int_equal(s.received, 0);
	/* And the other way round: a section that nobody asked for. */
	packet.flags = BFDPACKET_AUTHENTICATED;
	bfd_begin(&s, &plain, 1, HZ, START);
	assert_int_equal(bfd_receive(&s, &plain, &packet, NULL, START), DROP_BFD_AUTH);
}

static unsigned genuine(struct bfd *s, uint32_t sequence, uint64_t now)
{
	struct bfdpacket packet = from_peer(BFDPACKET_DOWN), read;
	uint8_t bytes[BFDPACKET_MOST];

	packet.flags = BFDPACKET_AUTHENTICATED;
	packet.key_id = secret.key_id;
	packet.sequence = sequence;
	bfdpacket_build(bytes, &packet);
	bfdpacket_sign(bytes, secret.key);
	assert_int_equal(bfdpacket_parse(bytes, sizeof(bytes), &read), VERDICT_GO);
	return bfd_receive(s, &secret, &read, bytes, now);
}

/* 6.7.4: one more than the last at least, three times the multiplier at most; also over the end. */
static void test_sequence(void **unused)
{
	struct bfd s;

	(void)unused;
	bfd_begin(&s, &secret, 1, HZ, START);
	assert_int_equal(genuine(&s, UINT32_MAX - 1, START), VERDICT_GO);
	assert_int_equal(genuine(&s, UINT32_MAX - 1, START), DROP_BFD_AUTH);
	assert_int_equal(genuine(&s, UINT32_MAX - 2, START), DROP_BFD_AUTH);
	assert_int_equal(genuine(&s, UINT32_MAX - 1 + 10, START), DROP_BFD_AUTH);
	assert_int_equal(genuine(&s, UINT32_MAX - 1 + 9, START), VERDICT_GO);
	assert_int_equal(genuine(&s, 8, START), VERDICT_GO);
	/* A peer that began anew is heard after twice the detection time. */
	assert_int_equal(genuine(&s, 5000000, START + 60000), DROP_BFD_AUTH);
	assert_int_equal(genuine(&s, 5000000, START + 60001), VERDICT_GO);
}

static void test_each_packet_its_number(void **unused)
{
	uint32_t first;
	struct bfd s;

	(void)unused;
	bfd_begin(&s, &secret, 1, HZ, START);
	first = send_at(&s, &secret, START).sequence;
	assert_int_equal(send_at(&s, &secret, START).sequence, first + 1);
	assert_int_equal(send_at(&s, &secret, START).key_id, 7);
}

static void test_names(void **unused)
{
	(void)unused;
	assert_string_equal(bfdpacket_state_name(BFDPACKET_INIT), "init");
	assert_string_equal(bfdpacket_state_name(4), "unknown");
	assert_string_equal(bfdpacket_diag_name(1), "detection_expired");
	assert_string_equal(bfdpacket_diag_name(31), "reserved");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_cell),
		cmocka_unit_test(test_every_cell_by_packet),
		cmocka_unit_test(test_administratively_down),
		cmocka_unit_test(test_never_up_objects),
		cmocka_unit_test(test_detection_time),
		cmocka_unit_test(test_init_expires_too),
		cmocka_unit_test(test_jitter),
		cmocka_unit_test(test_jitter_of_multiplier_one),
		cmocka_unit_test(test_slow_while_not_up),
		cmocka_unit_test(test_timers_change),
		cmocka_unit_test(test_change_during_a_poll),
		cmocka_unit_test(test_polls_are_answered),
		cmocka_unit_test(test_peer_wants_no_packets),
		cmocka_unit_test(test_demand_is_refused),
		cmocka_unit_test(test_absurd_intervals),
		cmocka_unit_test(test_written_bytes),
		cmocka_unit_test(test_refusals_in_order),
		cmocka_unit_test(test_admin_down_needs_no_discriminator),
		cmocka_unit_test(test_known_digest),
		cmocka_unit_test(test_who_has_no_key),
		cmocka_unit_test(test_sequence),
		cmocka_unit_test(test_each_packet_its_number),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
