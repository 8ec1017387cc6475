/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * JSON requests about the model: any params are refused with a pointer and change nothing, or make
 * the next generation. The first byte chooses the mode and the kind, or (bit 7) has the rest read
 * as a record of the journal, with the prefixes behind its text.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char start[] =
	"{\"document\":{\"sites\":[{\"name\":\"b\"}],\"connections\":[{\"name\":\"c\",\"vni\":7,"
	"\"endpoints\":[{\"site\":\"b\",\"vni\":7}]}],\"attachments\":[{\"name\":\"a\","
	"\"connection\":\"c\",\"port\":\"p\",\"addresses\":[\"192.0.2.1/24\"]}],"
	"\"routes\":[{\"connection\":\"c\",\"prefix\":\"10.0.0.0/8\",\"via\":{\"site\":\"b\"}}]}}";

static void check(int holds)
{
	if (!holds)
		abort();
}

static struct model *make_model(void)
{
	static const struct model_port port = {.name = "p", .mtu = 1500, .tells_tags = true};
	struct model_config config = {
		.limits = {8, 8, 8, 8, 8, 64, 8}, .ports = &port, .port_count = 1};
	struct model *model = model_create(&config);

	check(model != NULL);
	return model;
}

static int run(struct model *model, enum document_mode mode, unsigned kind, const json_t *params)
{
	static struct refusal refusal;
	struct change *change = NULL;
	char *answer = NULL;
	int result;

	memset(&refusal, 0, sizeof(refusal));
	result = document_run(model, mode, kind, params, &refusal, &change, &answer);
	change_free(change);
	free(answer);
	return result;
}

static json_t *parse(const char *text, size_t size)
{
	return json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
}

static void replay(struct model *model, const char *record, size_t size)
{
	struct refusal refusal = {0};
	struct document_replay *all = document_replay_begin(model, &refusal);
	char *exact = malloc(size ? size : 1);
	int result;

	check(all != NULL && exact != NULL);
	memcpy(exact, record, size);
	result = document_replay_record(all, exact, size);
	check(result != -EINVAL || refusal.code != REFUSAL_NONE);
	check(model_routes(model) <= model_limits(model)->routes || result == -EINVAL);
	document_replay_end(all);
	free(exact);
}

static int replay_one(const uint8_t *data, size_t size)
{
	json_t *first = parse(start, sizeof(start) - 1);
	struct model *model = make_model();

	check(run(model, DOCUMENT_APPLY, 0, first) == 0);
	replay(model, (const char *)data, size);
	model_destroy(model);
	json_decref(first);
	return 0;
}

static int request_one(const uint8_t *data, size_t size)
{
	json_t *params = size > 1 ? parse((const char *)data + 1, size - 1) : NULL;
	json_t *first = parse(start, sizeof(start) - 1);
	struct model *model;
	uint64_t before;
	int result;

	if (!json_is_object(params)) {
		json_decref(params);
		json_decref(first);
		return 0;
	}
	model = make_model();
	check(run(model, DOCUMENT_APPLY, 0, first) == 0);
	before = model_generation(model);
	result = run(model, data[0] % 4, data[0] / 4 % (DOCUMENT_ROUTES + 1), params);
	check(result == 0 || model_generation(model) == before);
	model_destroy(model);
	json_decref(params);
	json_decref(first);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] & 0x80)
		return replay_one(data + 1, size - 1);
	return request_one(data, size);
}
