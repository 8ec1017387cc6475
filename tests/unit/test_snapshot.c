/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/fwd/snapshot.h"
#include "tests/unit/failing.h"

static const struct snapshot_limits limits = {.connections = 200,
	.attachments = 130,
	.endpoints = 64,
	.sites = 3,
	.paths = 9,
	.sets = 70};

static const struct snapshot *commit(struct snapshot_edit *edit)
{
	struct snapshot_garbage *garbage;
	const struct snapshot *next = snapshot_edit_commit(edit, &garbage);

	snapshot_free_garbage(garbage);
	return next;
}

static void test_empty(void **state)
{
	const struct snapshot *s = snapshot_create(&limits);
	struct ip_address a = {0};

	(void)state;
	assert_non_null(s);
	assert_int_equal(s->generation, 0);
	assert_int_equal(snapshot_attachment(s, 130)->used, 0);
	assert_int_equal(snapshot_connection(s, 200)->used, 0);
	assert_int_equal(snapshot_endpoint(s, 64)->used, 0);
	assert_int_equal(snapshot_path(s, 9)->used, 0);
	assert_int_equal(snapshot_set(s, 70)->used, 0);
	assert_int_equal(snapshot_site(s, 3)->used, 0);
	assert_int_equal(s->port[FWD_PORTS - 1].used, 0);
	assert_int_equal(snapshot_tunnel(s, &a, &a, FWD_GENEVE), 0);
	snapshot_destroy(s);
}

static void test_edit_shares_blocks(void **state)
{
	const struct snapshot *a = snapshot_create(&limits), *b, *c;
	struct snapshot_garbage *garbage;
	struct snapshot_edit *edit = snapshot_edit_begin(a);

	(void)state;
	snapshot_edit_attachment(edit, 1)->mtu = 1;
	snapshot_edit_attachment(edit, 64)->mtu = 64;
	snapshot_edit_attachment(edit, 130)->mtu = 130;
	snapshot_edit_site(edit, 3)->paths = 3;
	snapshot_edit_port(edit, 31)->mtu = 31;
	b = commit(edit);
	assert_int_equal(b->generation, 1);
	edit = snapshot_edit_begin(b);
	snapshot_edit_attachment(edit, 65)->mtu = 65;
	assert_ptr_equal(
		snapshot_edit_attachment(edit, 66), snapshot_edit_attachment(edit, 65) + 1);
	assert_int_equal(snapshot_attachment(b, 65)->mtu, 0);
	c = snapshot_edit_commit(edit, &garbage);
	/* A reader of the older generation still sees it whole. */
	assert_int_equal(snapshot_attachment(b, 64)->mtu, 64);
	assert_int_equal(snapshot_attachment(b, 65)->mtu, 0);
	assert_int_equal(snapshot_attachment(c, 64)->mtu, 64);
	assert_int_equal(snapshot_attachment(c, 65)->mtu, 65);
	assert_ptr_equal(snapshot_attachment(b, 1), snapshot_attachment(c, 1));
	assert_ptr_equal(snapshot_attachment(b, 130), snapshot_attachment(c, 130));
	assert_ptr_equal(snapshot_site(b, 3), snapshot_site(c, 3));
	assert_ptr_equal(b->port, c->port);
	assert_int_equal(c->port[31].mtu, 31);
	assert_int_equal(c->generation, 2);
	snapshot_free_garbage(garbage);
	snapshot_destroy(c);
}

static void test_abandon(void **state)
{
	const struct snapshot *a = snapshot_create(&limits);
	struct snapshot_edit *edit = snapshot_edit_begin(a);

	(void)state;
	snapshot_edit_path(edit, 9)->mtu = 9;
	snapshot_edit_abandon(edit);
	assert_int_equal(snapshot_path(a, 9)->mtu, 0);
	assert_int_equal(a->generation, 0);
	snapshot_destroy(a);
}

static struct ip_address address(unsigned n)
{
	struct ip_address ip = {.family = n % 2 ? IP_4 : IP_6};

	ip.bytes[0] = 10;
	ip.bytes[3] = (uint8_t)n;
	return ip;
}

static void test_tunnels(void **state)
{
	const struct snapshot *a = snapshot_create(&limits);
	struct fwd_tunnel entry[100] = {0};
	struct snapshot_edit *edit;
	struct ip_address other = address(200);

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		entry[i].local = address(i / 10);
		entry[i].remote = address(i);
		entry[i].encapsulation = i % 3 == 0;
		entry[i].path = (uint16_t)(i + 1);
	}
	edit = snapshot_edit_begin(a);
	assert_int_equal(snapshot_edit_tunnels(edit, entry, 50), 0);
	assert_int_equal(snapshot_edit_tunnels(edit, entry, 100), 0);
	a = commit(edit);
	for (unsigned i = 0; i < 100; i++) {
		const struct fwd_tunnel *t = &entry[i];

		assert_int_equal(
			snapshot_tunnel(a, &t->local, &t->remote, t->encapsulation), i + 1);
		assert_int_equal(snapshot_tunnel(a, &t->local, &t->remote, !t->encapsulation), 0);
		assert_int_equal(snapshot_tunnel(a, &t->local, &other, t->encapsulation), 0);
	}
	edit = snapshot_edit_begin(a);
	assert_int_equal(snapshot_edit_tunnels(edit, entry, 0), 0);
	a = commit(edit);
	assert_int_equal(
		snapshot_tunnel(a, &entry[0].local, &entry[0].remote, entry[0].encapsulation), 0);
	snapshot_destroy(a);
}

/* One edit that touches every kind of table; false as soon as memory runs out. */
static bool edit_all(struct snapshot_edit *edit)
{
	struct fwd_tunnel tunnel = {.path = 1};

	return snapshot_edit_port(edit, 1) != NULL && snapshot_edit_attachment(edit, 1) != NULL &&
	       snapshot_edit_connection(edit, 1) != NULL &&
	       snapshot_edit_endpoint(edit, 1) != NULL && snapshot_edit_path(edit, 1) != NULL &&
	       snapshot_edit_set(edit, 1) != NULL && snapshot_edit_site(edit, 1) != NULL &&
	       snapshot_edit_tunnels(edit, &tunnel, 1) == 0;
}

static void test_each_allocation_fails(void **state)
{
	const struct snapshot *a = snapshot_create(&limits);
	unsigned failures = 0;

	(void)state;
	for (unsigned i = 1;; i++) {
		struct snapshot_edit *edit;

		failing_begin(i);
		edit = snapshot_edit_begin(a);
		if (edit != NULL && edit_all(edit)) {
			failing_end();
			a = commit(edit);
			break;
		}
		failing_end();
		failures++;
		snapshot_edit_abandon(edit);
		assert_int_equal(a->generation, 0);
		assert_int_equal(snapshot_attachment(a, 1)->used, 0);
	}
	/* The edit, its root and its garbage, and one block of each of eight tables. */
	assert_int_equal(failures, 11);
	assert_int_equal(a->generation, 1);
	failing_begin(1);
	assert_null(snapshot_create(&limits));
	failing_end();
	snapshot_destroy(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_edit_shares_blocks),
		cmocka_unit_test(test_abandon),
		cmocka_unit_test(test_tunnels),
		cmocka_unit_test(test_each_allocation_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
