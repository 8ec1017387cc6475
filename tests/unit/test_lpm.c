/* SPDX-License-Identifier: BSD-3-Clause */
/* The route store's contract: edges of both families, replacement, limits, lack of memory, RCU. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <rte_rcu_qsbr.h>

#include "dataplane/base/macros.h"
#include "dataplane/fwd/lpm.h"

#define TABLES 4
#define ROUTES 20000

static struct lpm *make(struct rte_rcu_qsbr *qsbr)
{
	struct lpm *lpm = lpm_create(&(struct lpm_config){TABLES, ROUTES, qsbr});

	assert_non_null(lpm);
	return lpm;
}

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix p;

	assert_int_equal(ip_prefix_parse(text, &p), 0);
	return p;
}

static void put(struct lpm *lpm, uint32_t table, const char *text, uint32_t value)
{
	struct ip_prefix p = prefix(text);

	assert_int_equal(lpm_put(lpm, table, &p, value), 0);
}

static int delete (struct lpm *lpm, uint32_t table, const char *text)
{
	struct ip_prefix p = prefix(text);

	return lpm_delete(lpm, table, &p);
}

static uint32_t ask(const struct lpm *lpm, uint32_t table, const char *text)
{
	struct ip_address ip;

	assert_int_equal(ip_parse(text, &ip), 0);
	return lpm_lookup(lpm, table, &ip);
}

/* 10.x.y.0/24 number i: spread over three bytes. */
static struct ip_prefix numbered(unsigned i)
{
	struct ip_prefix p = {.ip.family = IP_4, .length = 24};

	p.ip.bytes[0] = (uint8_t)(10 + i / 65536);
	p.ip.bytes[1] = (uint8_t)(i * 7 / 256);
	p.ip.bytes[2] = (uint8_t)(i * 7);
	return p;
}

static void an_empty_table_answers_none(void **state)
{
	struct lpm *lpm = make(NULL);

	(void)state;
	assert_int_equal(ask(lpm, 0, "10.0.0.1"), 0);
	assert_int_equal(ask(lpm, TABLES - 1, "2001:db8::1"), 0);
	assert_int_equal(delete (lpm, 0, "10.0.0.0/8"), -ENOENT);
	assert_int_equal(delete (lpm, 0, "::/0"), -ENOENT);
	lpm_destroy(lpm);
	lpm_destroy(NULL);
}

static void shortest_and_longest_prefixes_match(void **state)
{
	struct lpm *lpm = make(NULL);

	(void)state;
	put(lpm, 1, "0.0.0.0/0", 1);
	put(lpm, 1, "255.255.255.255/32", 2);
	put(lpm, 1, "0.0.0.0/32", 3);
	put(lpm, 1, "128.0.0.0/1", 4);
	put(lpm, 1, "::/0", 5);
	put(lpm, 1, "::/128", 6);
	put(lpm, 1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", 7);
	put(lpm, 1, "8000::/1", 8);
	put(lpm, 1, "2001:db8:0:0:1::/80", 9);
	assert_int_equal(ask(lpm, 1, "0.0.0.0"), 3);
	assert_int_equal(ask(lpm, 1, "0.0.0.1"), 1);
	assert_int_equal(ask(lpm, 1, "255.255.255.255"), 2);
	assert_int_equal(ask(lpm, 1, "255.255.255.254"), 4);
	assert_int_equal(ask(lpm, 1, "::"), 6);
	assert_int_equal(ask(lpm, 1, "::1"), 5);
	assert_int_equal(ask(lpm, 1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 7);
	assert_int_equal(ask(lpm, 1, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"), 8);
	assert_int_equal(ask(lpm, 1, "2001:db8::1:0:0:1"), 9);
	assert_int_equal(ask(lpm, 1, "2001:db8::2:0:0:1"), 5);
	assert_int_equal(delete (lpm, 1, "0.0.0.0/0"), 0);
	assert_int_equal(delete (lpm, 1, "::/0"), 0);
	assert_int_equal(ask(lpm, 1, "0.0.0.1"), 0);
	assert_int_equal(ask(lpm, 1, "::1"), 0);
	lpm_destroy(lpm);
}

static void tables_do_not_see_each_other(void **state)
{
	struct lpm *lpm = make(NULL);

	(void)state;
	for (uint32_t table = 0; table < TABLES; table++)
		put(lpm, table, "10.0.0.0/8", table + 1);
	for (uint32_t table = 0; table < TABLES; table++)
		assert_int_equal(ask(lpm, table, "10.1.2.3"), table + 1);
	assert_int_equal(delete (lpm, 2, "10.0.0.0/8"), 0);
	assert_int_equal(ask(lpm, 2, "10.1.2.3"), 0);
	assert_int_equal(ask(lpm, 1, "10.1.2.3"), 2);
	lpm_destroy(lpm);
}

static void a_replaced_value_is_seen_and_costs_nothing(void **state)
{
	struct lpm *lpm = make(NULL);
	struct lpm_usage before, after;
	struct ip_prefix p = prefix("10.1.0.0/16");

	(void)state;
	put(lpm, 0, "10.0.0.0/8", 1);
	put(lpm, 0, "10.1.0.0/16", 2);
	lpm_usage(lpm, &before);
	put(lpm, 0, "10.1.0.0/16", 0x7fffffff);
	assert_int_equal(ask(lpm, 0, "10.1.0.1"), 0x7fffffff);
	assert_int_equal(lpm_get(lpm, 0, &p), 0x7fffffff);
	assert_int_equal(ask(lpm, 0, "10.2.0.1"), 1);
	lpm_usage(lpm, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	lpm_destroy(lpm);
}

static void bulk_takes_any_count(void **state)
{
	static uint32_t table[200], address[200], value[200];
	static struct lpm6_key key[200];
	struct lpm *lpm = make(NULL);

	(void)state;
	put(lpm, 0, "10.0.0.0/8", 1);
	put(lpm, 1, "10.0.0.0/9", 2);
	put(lpm, 1, "2001:db8::/32", 3);
	for (uint32_t i = 0; i < 200; i++) {
		table[i] = i % 3;
		address[i] = 0x0a000000u + i * 0x10000;
		key[i] = (struct lpm6_key){0x20010db800000000u + i, i};
	}
	for (unsigned count = 0; count <= 200; count += count < 70 ? 1 : 65) {
		memset(value, 0xff, sizeof(value));
		lpm4_lookup(lpm, table, address, value, count);
		for (uint32_t i = 0; i < count; i++)
			assert_int_equal(value[i], i % 3 == 0 ? 1 : i % 3 == 1 && i < 128 ? 2 : 0);
		if (count < 200)
			assert_int_equal(value[count], 0xffffffff);
		lpm6_lookup(lpm, table, key, value, count);
		for (uint32_t i = 0; i < count; i++)
			assert_int_equal(value[i], i % 3 == 1 ? 3 : 0);
	}
	lpm_destroy(lpm);
}

static int stop_at_two(const struct ip_prefix *p, uint32_t value, void *context)
{
	(void)p;
	(void)value;
	return ++*(int *)context == 2 ? -EINTR : 0;
}

static void a_walk_can_be_stopped(void **state)
{
	struct lpm *lpm = make(NULL);
	int count = 0;

	(void)state;
	put(lpm, 0, "10.0.0.0/8", 1);
	put(lpm, 0, "10.0.0.0/9", 1);
	put(lpm, 0, "::/0", 1);
	assert_int_equal(lpm_walk(lpm, 0, stop_at_two, &count), -EINTR);
	assert_int_equal(count, 2);
	assert_int_equal(lpm_walk(lpm, 1, stop_at_two, &count), 0);
	lpm_destroy(lpm);
}

static void small_tables_are_small(void **state)
{
	struct lpm *lpm = make(NULL);
	struct lpm_usage none, ten;

	(void)state;
	lpm_usage(lpm, &none);
	assert_true(none.reader_bytes4 + none.reader_bytes6 + none.control_bytes <= TABLES * 64);
	for (unsigned i = 0; i < 10; i++) {
		struct ip_prefix p = numbered(i * 31);

		assert_int_equal(lpm_put(lpm, 0, &p, i + 1), 0);
	}
	lpm_usage(lpm, &ten);
	assert_true(ten.reader_bytes4 - none.reader_bytes4 <= 256);
	assert_int_equal(ten.reader_bytes6, none.reader_bytes6);
	lpm_destroy(lpm);
}

static void the_limit_and_promises_hold(void **state)
{
	struct lpm *lpm = lpm_create(&(struct lpm_config){TABLES, 10, NULL});
	struct ip_prefix p;

	(void)state;
	assert_non_null(lpm);
	assert_int_equal(lpm_reserve(lpm, IP_4, 11), -ENOSPC);
	assert_int_equal(lpm_reserve(lpm, IP_4, 6), 0);
	assert_int_equal(lpm_reserve(lpm, IP_6, 5), -ENOSPC);
	/* Four are left for the other family; the promise to the first stands. */
	put(lpm, 0, "2001:db8:1::/48", 1);
	put(lpm, 0, "2001:db8:2::/48", 1);
	put(lpm, 0, "2001:db8:3::/48", 1);
	put(lpm, 0, "2001:db8:4::/48", 1);
	p = prefix("2001:db8:5::/48");
	assert_int_equal(lpm_put(lpm, 0, &p, 1), -ENOSPC);
	for (unsigned i = 0; i < 6; i++) {
		p = numbered(i);
		assert_int_equal(lpm_put(lpm, 1, &p, 1), 0);
	}
	p = numbered(6);
	assert_int_equal(lpm_put(lpm, 1, &p, 1), -ENOSPC);
	assert_int_equal(lpm_get(lpm, 1, &p), 0);
	p = numbered(5);
	assert_int_equal(lpm_put(lpm, 1, &p, 2), 0);
	/* A promise can be taken back. */
	assert_int_equal(lpm_delete(lpm, 1, &p), 0);
	assert_int_equal(lpm_reserve(lpm, IP_4, 1), 0);
	assert_int_equal(lpm_reserve(lpm, IP_4, 0), 0);
	put(lpm, 0, "2001:db8:5::/48", 1);
	lpm_destroy(lpm);
}

/* RCU. */

static struct rte_rcu_qsbr *one_reader(void)
{
	size_t bytes = rte_rcu_qsbr_get_memsize(1);
	struct rte_rcu_qsbr *qsbr =
		aligned_alloc(CACHE_LINE, (bytes + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE);

	assert_non_null(qsbr);
	assert_int_equal(rte_rcu_qsbr_init(qsbr, 1), 0);
	assert_int_equal(rte_rcu_qsbr_thread_register(qsbr, 0), 0);
	rte_rcu_qsbr_thread_online(qsbr, 0);
	return qsbr;
}

static void memory_waits_for_the_reader(void **state)
{
	struct rte_rcu_qsbr *qsbr = one_reader();
	struct lpm *lpm = make(qsbr);
	struct lpm_usage before, after;

	(void)state;
	lpm_usage(lpm, &before);
	put(lpm, 0, "10.0.0.0/8", 1);
	put(lpm, 0, "10.1.0.0/16", 1);
	assert_int_equal(delete (lpm, 0, "10.1.0.0/16"), 0);
	assert_int_equal(delete (lpm, 0, "10.0.0.0/8"), 0);
	assert_true(lpm_reclaim(lpm) > 0);
	assert_true(lpm_reclaim(lpm) > 0);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	assert_int_equal(lpm_reclaim(lpm), 0);
	lpm_usage(lpm, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	lpm_destroy(lpm);
	free(qsbr);
}

/* A reader that never reports: what is unlinked piles up until nothing is left. */
static void lack_of_memory_refuses_puts_and_no_delete(void **state)
{
	enum { COUNT = 400 };
	struct rte_rcu_qsbr *qsbr = one_reader();
	struct lpm *lpm = lpm_create(&(struct lpm_config){1, COUNT + 2, qsbr});
	struct lpm_usage start, before, after;
	struct ip_prefix p, extra = prefix("10.0.7.128/25");
	int rc = 0;

	(void)state;
	assert_non_null(lpm);
	lpm_usage(lpm, &start);
	for (unsigned i = 0; i < COUNT; i++) {
		p = numbered(i);
		assert_int_equal(lpm_put(lpm, 0, &p, i + 1), 0);
	}
	for (unsigned turns = 0; rc == 0 && turns < 1000000; turns++) {
		rc = lpm_put(lpm, 0, &extra, 9999);
		if (rc == 0)
			assert_int_equal(lpm_delete(lpm, 0, &extra), 0);
		else
			lpm_usage(lpm, &before);
	}
	assert_int_equal(rc, -ENOMEM);
	assert_int_equal(lpm_get(lpm, 0, &extra), 0);
	assert_int_equal(lpm_put(lpm, 0, &extra, 9999), -ENOMEM);
	lpm_usage(lpm, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(lpm_reserve(lpm, IP_4, 1), -ENOMEM);
	/* All answers stand; values can be replaced, and any prefix deleted. */
	for (unsigned i = 0; i < COUNT; i++) {
		struct ip_address ip;

		p = numbered(i);
		ip = p.ip;
		assert_int_equal(lpm_lookup(lpm, 0, &ip), i + 1);
		assert_int_equal(lpm_put(lpm, 0, &p, i + 10001), 0);
		assert_int_equal(lpm_lookup(lpm, 0, &ip), i + 10001);
		if (i % 3 == 0)
			continue;
		assert_int_equal(lpm_delete(lpm, 0, &p), 0);
		assert_int_equal(lpm_lookup(lpm, 0, &ip), 0);
	}
	/* Deleted prefixes that are still in a bucket follow their covers. */
	p = numbered(0);
	p.length = 8;
	p.ip = ip_mask(&p.ip, 8);
	if (lpm_put(lpm, 0, &p, 77) == 0)
		for (unsigned i = 0; i < COUNT; i++) {
			struct ip_prefix q = numbered(i);

			assert_int_equal(lpm_lookup(lpm, 0, &q.ip), i % 3 == 0 ? i + 10001 : 77);
		}
	rte_rcu_qsbr_quiescent(qsbr, 0);
	lpm_reclaim(lpm);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	lpm_reclaim(lpm);
	assert_int_equal(lpm_put(lpm, 0, &extra, 9999), 0);
	assert_int_equal(lpm_delete(lpm, 0, &extra), 0);
	(void)lpm_delete(lpm, 0, &p);
	for (unsigned i = 0; i < COUNT; i += 3) {
		p = numbered(i);
		assert_int_equal(lpm_delete(lpm, 0, &p), 0);
	}
	rte_rcu_qsbr_quiescent(qsbr, 0);
	lpm_reclaim(lpm);
	rte_rcu_qsbr_quiescent(qsbr, 0);
	lpm_reclaim(lpm);
	lpm_usage(lpm, &after);
	assert_memory_equal(&start, &after, sizeof(start));
	lpm_destroy(lpm);
	free(qsbr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_empty_table_answers_none),
		cmocka_unit_test(shortest_and_longest_prefixes_match),
		cmocka_unit_test(tables_do_not_see_each_other),
		cmocka_unit_test(a_replaced_value_is_seen_and_costs_nothing),
		cmocka_unit_test(bulk_takes_any_count),
		cmocka_unit_test(a_walk_can_be_stopped),
		cmocka_unit_test(small_tables_are_small),
		cmocka_unit_test(the_limit_and_promises_hold),
		cmocka_unit_test(memory_waits_for_the_reader),
		cmocka_unit_test(lack_of_memory_refuses_puts_and_no_delete),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
