/* SPDX-License-Identifier: BSD-3-Clause */
/* From changes of the model to what the steering of a port is told, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "control/change.h"
#include "control/steering.h"
#include "dataplane/base/macros.h"
#include "drivers/device.h"
#include "drivers/steer.h"

static char told[1024];
static struct device devices[2];
static struct steering *steering;

int __wrap_steer_add_address(struct steer *steer, const struct ip_address *address);
int __wrap_steer_remove_address(struct steer *steer, const struct ip_address *address);
int __wrap_steer_add_tags(struct steer *steer, const struct steer_tags *tags);
int __wrap_steer_remove_tags(struct steer *steer, const struct steer_tags *tags);

static void tell(const char *sign, const char *text)
{
	size_t used = strlen(told);

	snprintf(told + used, sizeof(told) - used, "%s%s%s", used > 0 ? " " : "", sign, text);
}

static int tell_address(const char *sign, const struct ip_address *address)
{
	char text[IP_TEXT_MAX];

	tell(sign, ip_format(address, text, sizeof(text)));
	return 0;
}

static int tell_tags(const char *sign, const struct steer_tags *tags)
{
	char text[64];

	snprintf(text, sizeof(text), "%u:%x.%u/%x.%u", tags->count, tags->type[0], tags->vlan[0],
		tags->type[1], tags->vlan[1]);
	tell(sign, text);
	return 0;
}

int __wrap_steer_add_address(struct steer *steer, const struct ip_address *address)
{
	assert_ptr_equal(steer, devices[0].steer);
	return tell_address("+", address);
}

int __wrap_steer_remove_address(struct steer *steer, const struct ip_address *address)
{
	assert_ptr_equal(steer, devices[0].steer);
	return tell_address("-", address);
}

int __wrap_steer_add_tags(struct steer *steer, const struct steer_tags *tags)
{
	assert_ptr_equal(steer, devices[0].steer);
	return tell_tags("+", tags);
}

int __wrap_steer_remove_tags(struct steer *steer, const struct steer_tags *tags)
{
	assert_ptr_equal(steer, devices[0].steer);
	return tell_tags("-", tags);
}

static void change(struct change_object *objects, size_t count, const char *wanted)
{
	struct change c = {.object = objects, .object_count = count};

	told[0] = '\0';
	steering_change(steering, &c);
	assert_string_equal(told, "");
	while (steering_work(steering))
		;
	assert_string_equal(told, wanted);
}

#define ONE(k, b, a) \
	(struct change_object[]) \
	{ \
		{ \
			.kind = (k), .before = (b), .after = (a) \
		} \
	}

static struct model_path path_on(uint16_t port, const char *local)
{
	struct model_path path = {.port = port};

	assert_int_equal(ip_prefix_parse(local, &path.local), 0);
	return path;
}

static struct model_attachment tagged(uint16_t port, uint16_t vlan)
{
	struct model_attachment a = {.port = port, .tag_count = 1, .tag = {{0x8100, vlan}}};

	a.address_count = 1;
	assert_int_equal(ip_prefix_parse("169.254.1.1/30", &a.address[0]), 0);
	return a;
}

static void test_paths(void **state)
{
	struct model_path one = path_on(0, "10.1.0.1/30"), two = path_on(0, "10.1.0.1/30");
	struct model_path moved = path_on(0, "fd00::1/64"), elsewhere = path_on(1, "10.2.0.1/30");

	(void)state;
	change(ONE(MODEL_PATH, NULL, &one.object), 1, "+10.1.0.1");
	change(ONE(MODEL_PATH, NULL, &two.object), 1, "");
	change(ONE(MODEL_PATH, NULL, &elsewhere.object), 1, "");
	change(ONE(MODEL_PATH, &one.object, NULL), 1, "");
	change(ONE(MODEL_PATH, &two.object, &moved.object), 1, "-10.1.0.1 +fd00::1");
	change(ONE(MODEL_PATH, &elsewhere.object, NULL), 1, "");
	change(ONE(MODEL_PATH, &moved.object, NULL), 1, "-fd00::1");
}

static void test_attachments(void **state)
{
	struct model_attachment a = tagged(0, 5), b = tagged(0, 6), c = tagged(0, 6),
				d = tagged(1, 7);
	struct model_attachment a_up = tagged(0, 5);
	struct model_site site = {0};
	struct change_object swap[] = {
		{.kind = MODEL_ATTACHMENT, .before = NULL, .after = &c.object},
		{.kind = MODEL_ATTACHMENT, .before = &b.object, .after = NULL},
	};

	(void)state;
	a_up.up = true;
	change(ONE(MODEL_ATTACHMENT, NULL, &a.object), 1, "+1:8100.5/0.0");
	change(ONE(MODEL_ATTACHMENT, NULL, &b.object), 1, "+1:8100.6/0.0");
	change(ONE(MODEL_ATTACHMENT, NULL, &d.object), 1, "");
	change(ONE(MODEL_SITE, NULL, &site.object), 1, "");
	/* Nothing that steering knows of has changed: not for an instant without it. */
	change(ONE(MODEL_ATTACHMENT, &a.object, &a_up.object), 1, "");
	/* Tags that move to another attachment end up there. */
	change(swap, 2, "-1:8100.6/0.0 +1:8100.6/0.0");
	change(ONE(MODEL_ATTACHMENT, &c.object, NULL), 1, "-1:8100.6/0.0");
	change(ONE(MODEL_ATTACHMENT, &a_up.object, NULL), 1, "-1:8100.5/0.0");
}

static void test_untagged(void **state)
{
	struct model_attachment untagged = tagged(0, 0), qinq = tagged(0, 100);
	struct model_path path = path_on(0, "169.254.1.1/30");

	(void)state;
	untagged.tag_count = 0;
	qinq.tag_count = 2;
	qinq.tag[0].type = 0x88a8;
	qinq.tag[1] = (struct model_tag){0x8100, 7};
	change(ONE(MODEL_ATTACHMENT, NULL, &untagged.object), 1, "+0:0.0/0.0 +169.254.1.1");
	change(ONE(MODEL_PATH, NULL, &path.object), 1, "");
	change(ONE(MODEL_ATTACHMENT, &untagged.object, &qinq.object), 1,
		"-0:0.0/0.0 +2:88a8.100/8100.7");
	change(ONE(MODEL_PATH, &path.object, NULL), 1, "-169.254.1.1");
}

static void test_many(void **state)
{
	static struct model_attachment attachment[200];
	static struct change_object object[200];
	struct change c = {.object = object, .object_count = ARRAY_SIZE(object)};
	unsigned slices = 1;

	(void)state;
	for (uint16_t i = 0; i < ARRAY_SIZE(object); i++) {
		attachment[i] = tagged(0, (uint16_t)(i + 1));
		object[i] = (struct change_object){
			.kind = MODEL_ATTACHMENT, .after = &attachment[i].object};
	}
	steering_change(steering, &c);
	while (steering_work(steering))
		slices++;
	assert_int_equal(slices, 4);
}

static int set_up(void **state)
{
	static char stand_in;

	(void)state;
	devices[0].steer = (struct steer *)&stand_in;
	steering = steering_create(NULL, devices, ARRAY_SIZE(devices));
	return steering != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	steering_destroy(steering);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_paths, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_attachments, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_untagged, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
