/* SPDX-License-Identifier: BSD-3-Clause */
/* When requests about the model are answered: beside a publisher that is full or not idle, and a
 * disk that takes its time or fails. The publisher is made up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "control/change.h"
#include "control/gateway.h"
#include "control/journal.h"
#include "control/loop.h"
#include "control/model.h"
#include "control/provision.h"
#include "control/publisher.h"
#include "control/rpc.h"

/* The publisher */

static bool full, idle;
static bool makes_room; /* just after it was found full */
static unsigned looks, reserved, submitted;

bool __wrap_publisher_idle(const struct publisher *publisher);
int __wrap_publisher_reserve(struct publisher *publisher, const struct change *change);
void __wrap_publisher_submit(struct publisher *publisher, struct change *change);

bool __wrap_publisher_idle(const struct publisher *publisher)
{
	(void)publisher;
	looks++;
	return idle;
}

int __wrap_publisher_reserve(struct publisher *publisher, const struct change *change)
{
	(void)publisher;
	(void)change;
	reserved++;
	if (!full)
		return 0;
	full = !makes_room;
	idle = idle || makes_room;
	return -ENOSPC;
}

void __wrap_publisher_submit(struct publisher *publisher, struct change *change)
{
	(void)publisher;
	submitted++;
	change_free(change);
}

/* The clock of those who wait, ahead of the loop's own. */
static uint64_t ahead_ns;

uint64_t __real_loop_now(void);
uint64_t __wrap_loop_now(void);

uint64_t __wrap_loop_now(void)
{
	return __real_loop_now() + ahead_ns;
}

/* The disk: the journal's thread waits in fdatasync until it is let go. */
static _Atomic bool disk_waits, disk_fails;

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);

int __wrap_fdatasync(int fd)
{
	while (disk_waits)
		usleep(100);
	if (!disk_fails)
		return __real_fdatasync(fd);
	errno = EIO;
	return -1;
}

/* The line of requests */

static struct gateway gateway;
static json_t *answers; /* in the order in which they were given */
static char home[64];	/* of the journal; empty: there is none */

static int set_up(void **state)
{
	static const struct model_port port = {.name = "p", .mtu = 1500, .tells_tags = true};
	static char publisher;
	const struct model_config config = {
		.limits = {8, 8, 8, 8, 8, 100, 8}, .ports = &port, .port_count = 1};

	(void)state;
	full = idle = makes_room = false;
	looks = reserved = submitted = 0;
	ahead_ns = 0;
	home[0] = '\0';
	gateway = (struct gateway){.model = model_create(&config),
		.loop = loop_create(),
		.publisher = (struct publisher *)(void *)&publisher};
	gateway.provision = provision_create(&gateway);
	answers = json_array();
	return gateway.provision != NULL ? 0 : -1;
}

static int set_up_with_disk(void **state)
{
	char error[JOURNAL_ERROR_TEXT];

	if (set_up(state) != 0)
		return -1;
	idle = true;
	disk_waits = disk_fails = false;
	strcpy(home, "/tmp/trunkline-provision-XXXXXX");
	if (mkdtemp(home) == NULL)
		return -1;
	gateway.journal = journal_open(gateway.loop, home, error);
	return gateway.journal != NULL ? provision_restore(gateway.provision, error) : -1;
}

static int take_down(void **state)
{
	char path[80];

	(void)state;
	disk_waits = false;
	journal_close(gateway.journal);
	snprintf(path, sizeof(path), "%s/log", home);
	unlink(path);
	rmdir(home);
	provision_destroy(gateway.provision);
	loop_destroy(gateway.loop);
	model_destroy(gateway.model);
	json_decref(answers);
	return 0;
}

static void take(struct rpc_call *call, json_t *response)
{
	(void)call;
	json_array_append_new(answers, response);
}

/* Takes params over. */
static void put(int id, json_t *params)
{
	static const struct rpc_sink sink = {.answer = take};
	json_t *number = json_integer(id);
	struct rpc_call *call = rpc_call_create(&gateway, NULL, params, number, &sink, NULL);

	json_decref(params);
	json_decref(number);
	provision_change(gateway.provision, call, DOCUMENT_PUT, MODEL_SITE);
}

static void put_site(int id, const char *name)
{
	put(id, json_pack("{s:{s:s}}", "site", "name", name));
}

/* As a client that knows its requests again. */
static void put_site_once(int id, const char *name)
{
	put(id, json_pack("{s:{s:s}, s:s}", "site", "name", name, "request_id", name));
}

/* Turns for so long, whatever happens; answers how many milliseconds they were. */
static unsigned turn_for(unsigned ms)
{
	uint64_t begun = __real_loop_now(), end = begun + ms * UINT64_C(1000000);

	while (__real_loop_now() < end)
		loop_turn(gateway.loop, 1);
	return (unsigned)((__real_loop_now() - begun) / 1000000);
}

static void wait_for(size_t count)
{
	for (unsigned i = 0; i < 5000 && json_array_size(answers) < count; i++)
		loop_turn(gateway.loop, 1);
	assert_int_equal(json_array_size(answers), count);
}

static void assert_answer(size_t index, int id, bool accepted)
{
	const json_t *answer = json_array_get(answers, index);

	assert_int_equal(json_integer_value(json_object_get(answer, "id")), id);
	if ((json_object_get(answer, "result") != NULL) != accepted)
		fail_msg("%d is answered %s", id, json_dumps(answer, 0));
}

static void who_waits_for_room_does_not_spin(void **state)
{
	unsigned ms;

	(void)state;
	full = true;
	put_site(1, "a");
	put_site(2, "b");
	ms = turn_for(100);
	assert_int_equal(json_array_size(answers), 0);
	/* A look to begin with, and one a millisecond. */
	assert_in_range(looks, 2, ms + 3);
	assert_int_equal(reserved, 1);
	full = false;
	idle = true;
	wait_for(2);
	assert_answer(0, 1, true);
	assert_answer(1, 2, true);
	assert_int_equal(submitted, 2);
}

static void a_limit_that_stays_refuses(void **state)
{
	(void)state;
	full = idle = true;
	put_site(1, "a");
	wait_for(1);
	assert_answer(0, 1, false);
	assert_int_equal(reserved, 1);
}

/* What was not there when it was looked for may be there when the refusal would be given. */
static void room_that_comes_meanwhile_is_taken(void **state)
{
	(void)state;
	full = makes_room = true;
	put_site(1, "a");
	wait_for(1);
	assert_answer(0, 1, true);
	assert_int_equal(reserved, 2);
}

static void nobody_waits_for_ever(void **state)
{
	(void)state;
	full = true;
	put_site(1, "a");
	put_site(2, "b");
	turn_for(10);
	assert_int_equal(json_array_size(answers), 0);
	ahead_ns = PROVISION_PATIENCE_MS * UINT64_C(1000000);
	wait_for(1);
	assert_answer(0, 1, false);
	/* The one behind it begins to wait when it meets the limit. */
	turn_for(10);
	assert_int_equal(json_array_size(answers), 1);
	full = false;
	idle = true;
	wait_for(2);
	assert_answer(1, 2, true);
}

/* A client that is told "so it is" must find it so after a power cut. */
static void no_change_is_acknowledged_before_those_it_rests_on(void **state)
{
	(void)state;
	disk_waits = true;
	put_site_once(1, "a");
	put_site(2, "a");
	put_site_once(3, "a");
	put(4, json_pack("{s:{s:s}, s:b}", "site", "name", "a", "dry_run", 1));
	/* Who asks what would be is promised nothing. */
	wait_for(1);
	assert_answer(0, 4, true);
	turn_for(20);
	assert_int_equal(json_array_size(answers), 1);
	assert_int_equal(model_count(gateway.model, MODEL_SITE), 1);
	disk_waits = false;
	wait_for(4);
	for (int i = 1; i < 4; i++)
		assert_answer((size_t)i, i, true);
	/* Now all of it is there. */
	put_site(5, "a");
	wait_for(5);
	assert_answer(4, 5, true);
	assert_int_equal(submitted, 1);
}

static void what_the_disk_lost_is_acknowledged_to_nobody(void **state)
{
	(void)state;
	disk_waits = disk_fails = true;
	put_site_once(1, "a");
	put_site(2, "a");
	turn_for(20);
	assert_int_equal(json_array_size(answers), 0);
	disk_waits = false;
	wait_for(2);
	put_site(3, "a");
	put_site_once(4, "a");
	wait_for(4);
	for (int i = 0; i < 4; i++)
		assert_answer((size_t)i, i + 1, false);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, take_down)
#define DISK(name) cmocka_unit_test_setup_teardown(name, set_up_with_disk, take_down)
	const struct CMUnitTest tests[] = {
		TEST(who_waits_for_room_does_not_spin),
		TEST(a_limit_that_stays_refuses),
		TEST(room_that_comes_meanwhile_is_taken),
		TEST(nobody_waits_for_ever),
		DISK(no_change_is_acknowledged_before_those_it_rests_on),
		DISK(what_the_disk_lost_is_acknowledged_to_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
