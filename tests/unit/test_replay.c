/* SPDX-License-Identifier: BSD-3-Clause */
/* Records of the journal: prefixes packed and read again, and a model made again from them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/document.h"
#include "control/packed.h"
#include "control/store.h"
#include "dataplane/base/macros.h"
#include "tests/unit/modelstate.h"

static struct ip_prefix prefix(const char *text)
{
	struct ip_prefix out;

	if (ip_prefix_parse(text, &out) != 0)
		fail_msg("%s", text);
	return out;
}

/* Packed prefixes */

struct line {
	struct packed_group group;
	const char *prefix;
};

static const struct line lines[] = {
	{{1, 1, 100}, "10.0.0.0/8"},
	{{1, 1, 100}, "0.0.0.0/0"},
	{{1, 2, 100}, "192.0.2.1/32"},
	{{1, 1, 100}, "192.0.2.128/25"},
	{{1, 2, 100}, "::/0"},
	{{2, 1, 7}, "2001:db8::/33"},
	{{2, 1, 7}, "2001:db8::1/128"},
};

/* With so many groups before them that numbers take two bytes. */
static char *pack(size_t *length)
{
	struct packed_writer writer = {0};
	struct text text = {0};

	text_put(&text, "{}");
	for (uint32_t i = 0; i < 300; i++) {
		struct packed_group group = {9, 1000 + i, 1};
		struct ip_prefix one = prefix("198.51.100.0/24");

		assert_true(packed_select(&writer, &group));
		packed_prefix(&writer, &one);
	}
	packed_end(&writer);
	packed_end(&writer); /* an empty section leaves nothing */
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct ip_prefix one = prefix(lines[i].prefix);

		packed_select(&writer, &lines[i].group);
		packed_prefix(&writer, &one);
	}
	packed_end(&writer);
	packed_join(&writer, &text);
	return text_take(&text, length);
}

static void test_packed(void **state)
{
	static const uint32_t group[] = {0, 0, 1, 0, 1, 2, 2};
	size_t length, json;
	char *record = pack(&length);
	struct packed_reader reader = packed_open(record, length, &json);
	struct ip_prefix one, wanted;

	(void)state;
	assert_int_equal(json, 2);
	assert_int_equal(packed_count(reader), 300 + ARRAY_SIZE(lines));
	for (uint32_t i = 0; i < 300; i++) {
		assert_int_equal(packed_next(&reader, &one), 1);
		assert_int_equal(reader.group, i);
	}
	assert_int_equal(packed_next(&reader, &one), 0);
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		wanted = prefix(lines[i].prefix);
		assert_int_equal(packed_next(&reader, &one), 1);
		assert_int_equal(reader.group, group[i]);
		assert_memory_equal(&one, &wanted, sizeof(one));
	}
	assert_int_equal(packed_next(&reader, &one), 0);
	assert_ptr_equal(reader.at, reader.end);
	assert_int_equal(packed_next(&reader, &one), -EINVAL);
	free(record);
}

static void test_packed_malformed(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
	} bad[] = {
		{"\x08\x0a", 2},			 /* in no group */
		{"\xff\x00\x21\x01\x02\x03\x04\x05", 8}, /* /33 */
		{"\xff\x00\x3f", 3},			 /* of no family */
		{"\xff\x00\xc1", 3},			 /* IPv6 /129 */
		{"\xff\x00\xfd", 3},			 /* no such byte */
		{"\xff\x00\x09\x0a\x01", 5},		 /* host bits */
		{"\xff\x00\x18\x0a\x01", 5},		 /* cut off */
		{"\xff", 1},				 /* cut off */
		{"\xff\x80\x80\x80\x80\x80\x00", 7},	 /* a number too long */
		{"\xff\x00", 2},			 /* no end */
	};
	struct ip_prefix one;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct packed_reader reader = {.at = (const uint8_t *)bad[i].bytes};

		reader.end = reader.at + bad[i].length;
		if (packed_next(&reader, &one) != -EINVAL)
			fail_msg("malformed bytes %zu are read", i);
	}
}

/* Records */

static struct model *create(uint32_t routes)
{
	static const struct model_port port = {.name = "p", .mtu = 1500, .tells_tags = true};
	const struct model_config config = {
		.limits = {8, 8, 8, 8, 8, routes, 8}, .ports = &port, .port_count = 1};
	struct model *model = model_create(&config);

	assert_non_null(model);
	return model;
}

static struct text state_of(const struct model *model)
{
	struct text text = modelstate_text(model);

	text_format(&text, " %u vias, %llu routes, %u users", model->vias.free_count,
		(unsigned long long)model_routes(model),
		model->shelf[MODEL_CONNECTION].slot[1].users);
	return text;
}

static void assert_same(const struct model *a, const struct model *b)
{
	struct text of_a = state_of(a), of_b = state_of(b);

	assert_int_equal(of_a.length, of_b.length);
	assert_memory_equal(of_a.data, of_b.data, of_a.length);
	text_free(&of_a);
	text_free(&of_b);
}

/* Carries a request out; its record, with its length. */
static char *change(struct model *model, enum document_mode mode, const char *text, size_t *length)
{
	struct refusal refusal = {0};
	json_t *params = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	struct document *document = document_begin(model, mode, DOCUMENT_ROUTES, params, &refusal);
	struct change *made;
	char *record;
	int result;

	while ((result = document_step(document)) == 1)
		;
	if (result != 0)
		fail_msg("%s: %s: %s", text, refusal.pointer, refusal.text);
	record = document_take_record(document, length);
	made = document_change(document);
	while (document_commit(document) != 0)
		;
	change_free(made);
	while (document_end(document) != 0)
		;
	json_decref(params);
	return record;
}

#define OBJECTS \
	"\"sites\":[{\"name\":\"b\"}],\"connections\":[{\"name\":\"c\",\"vni\":7,\"endpoints\":" \
	"[{\"site\":\"b\",\"vni\":7}]},{\"name\":\"d\",\"vni\":8}],\"attachments\":[{\"name\":" \
	"\"a\",\"connection\":\"c\",\"port\":\"p\",\"addresses\":[\"192.0.2.1/24\"]}]"

struct request {
	enum document_mode mode;
	const char *text;
};

/* Objects and routes in one; routes alone; replaced, removed, of another owner, and hidden ones. */
static const struct request requests[] = {
	{DOCUMENT_APPLY, "{\"document\":{" OBJECTS ",\"routes\":[{\"connection\":\"c\",\"via\":"
			 "{\"site\":\"b\"},\"prefixes\":[\"10.0.0.0/8\",\"2001:db8::/32\","
			 "\"0.0.0.0/0\"]}]}}"},
	{DOCUMENT_PUT, "{\"owner\":\"feed\",\"routes\":[{\"connection\":\"c\",\"via\":"
		       "{\"next_hops\":[{\"attachment\":\"a\",\"address\":\"192.0.2.2\"}]},"
		       "\"prefixes\":[\"10.0.0.0/8\",\"10.1.0.0/16\",\"10.1.2.0/23\"]},"
		       "{\"connection\":\"d\",\"via\":{\"blackhole\":true},\"preference\":7,"
		       "\"prefixes\":[\"10.1.0.0/16\",\"::/0\"]}]}"},
	{DOCUMENT_PUT, "{\"owner\":\"feed\",\"request_id\":\"r1\",\"routes\":[{\"connection\":"
		       "\"c\",\"via\":{\"local\":true},\"prefix\":\"10.9.9.9/32\"}]}"},
	{DOCUMENT_PUT, "{\"owner\":\"feed\",\"route\":{\"connection\":\"c\",\"preference\":5,"
		       "\"via\":{\"blackhole\":true},\"prefix\":\"10.1.0.0/16\"}}"},
	{DOCUMENT_DELETE, "{\"owner\":\"feed\",\"routes\":[{\"connection\":\"c\",\"prefixes\":"
			  "[\"10.0.0.0/8\",\"10.1.2.0/23\"]},{\"connection\":\"d\",\"prefix\":"
			  "\"::/0\"}]}"},
	{DOCUMENT_APPLY, "{\"document\":{" OBJECTS ",\"routes\":[{\"connection\":\"c\",\"via\":"
			 "{\"blackhole\":true},\"prefixes\":[\"10.0.0.0/8\",\"10.2.0.0/15\"]}]}}"},
};

static int replay(struct model *model, const char *record, size_t length)
{
	struct refusal refusal = {0};
	struct document_replay *all = document_replay_begin(model, &refusal);
	int result = document_replay_record(all, record, length);

	document_replay_end(all);
	assert_true(result != -EINVAL || refusal.code != REFUSAL_NONE);
	return result;
}

static void test_replay(void **state)
{
	struct model *model = create(100), *again = create(100);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		size_t length;
		char *record = change(model, requests[i].mode, requests[i].text, &length);

		assert_int_equal(replay(again, record, length), 0);
		assert_int_equal(model_generation(again), model_generation(model));
		assert_same(again, model);
		free(record);
	}
	assert_non_null(store_request_find(again, "feed", "r1"));
	model_destroy(model);
	model_destroy(again);
}

/* As records were before prefixes were packed. */
static void test_replay_text(void **state)
{
	static const char record[] =
		"{\"generation\":9,\"owner\":\"document\",\"put\":{" OBJECTS ",\"routes\":"
		"[{\"connection\":\"c\",\"via\":{\"site\":\"b\"},\"preference\":100,\"prefixes\":"
		"[\"10.0.0.0/8\",\"2001:db8::/32\",\"0.0.0.0/0\"]}]},\"delete\":{\"routes\":[]}}";
	struct model *model = create(100), *again = create(100);
	size_t length;

	(void)state;
	free(change(model, requests[0].mode, requests[0].text, &length));
	assert_int_equal(replay(again, record, sizeof(record) - 1), 0);
	assert_int_equal(model_generation(again), 9);
	model->generation = 9;
	assert_same(again, model);
	model_destroy(model);
	model_destroy(again);
}

/* Every record, cut off and with a byte changed, everywhere behind its text and here and there in
 * it: refused or read, nothing else. */
static void test_replay_damaged(void **state)
{
	struct model *model = create(100);
	char *record[ARRAY_SIZE(requests)];
	size_t length[ARRAY_SIZE(requests)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		record[i] = change(model, requests[i].mode, requests[i].text, &length[i]);
	for (size_t i = 1; i < ARRAY_SIZE(requests); i++) {
		size_t text = strlen(record[i]);

		for (size_t at = 0; at < 2 * length[i]; at += at % length[i] < text ? 37 : 1) {
			struct model *again = create(100);
			size_t size = at < length[i] ? at : length[i];
			char *copy = malloc(size + 1);

			for (size_t j = 0; j < i; j++)
				assert_int_equal(replay(again, record[j], length[j]), 0);
			memcpy(copy, record[i], size);
			copy[size] = '\0';
			if (at < length[i])
				assert_int_not_equal(replay(again, copy, size), 0);
			else {
				copy[at - length[i]] ^= 0x41;
				replay(again, copy, size);
			}
			free(copy);
			model_destroy(again);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++)
		free(record[i]);
	model_destroy(model);
}

static void test_replay_refused(void **state)
{
	static const char head[] = "{\"generation\":2,\"owner\":\"feed\",\"put\":{\"routes\":"
				   "[{\"connection\":\"c\",\"via\":{\"local\":true}}]}}";
	static const char gone[] = "{\"generation\":2,\"owner\":\"feed\",\"delete\":{\"routes\":"
				   "[{\"connection\":\"c\"}]}}";
	static const char bytes[] = "\xff\x00\x08\x0a\xfe";
	struct model *model = create(2);
	char record[256];
	size_t length;

	(void)state;
	free(change(model, DOCUMENT_APPLY, "{\"document\":{" OBJECTS "}}", &length));
	/* A local route that is no host's; one that is not there; one group too few. */
	memcpy(record, head, sizeof(head));
	memcpy(record + sizeof(head), bytes, sizeof(bytes));
	assert_int_equal(replay(model, record, sizeof(head) + 5), -EINVAL);
	memcpy(record, gone, sizeof(gone));
	memcpy(record + sizeof(gone), bytes, sizeof(bytes));
	assert_int_equal(replay(model, record, sizeof(gone) + 5), -EINVAL);
	record[sizeof(gone) + 1] = 1;
	assert_int_equal(replay(model, record, sizeof(gone) + 5), -EINVAL);
	assert_int_equal(model_routes(model), 0);
	model_destroy(model);
}

/* A boot file with a lower limit than when the routes were taken. */
static void test_replay_limit(void **state)
{
	struct model *model = create(100), *again = create(5);
	int result = 0;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t length;
		char *record = change(model, requests[i].mode, requests[i].text, &length);

		result = replay(again, record, length);
		free(record);
	}
	assert_int_equal(result, -EINVAL);
	model_destroy(model);
	model_destroy(again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packed),
		cmocka_unit_test(test_packed_malformed),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_replay_text),
		cmocka_unit_test(test_replay_damaged),
		cmocka_unit_test(test_replay_refused),
		cmocka_unit_test(test_replay_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
