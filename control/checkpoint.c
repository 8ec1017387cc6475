/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/checkpoint.h"

#include <errno.h>
#include <stdlib.h>

#include "control/packed.h"
#include "control/render.h"
#include "control/store.h"
#include "dataplane/base/macros.h"

#define SCAN	       64    /* objects or routes looked at in one call */
#define RECORD_ROUTES  20000 /* routes in one record */
#define RECORD_OBJECTS 1000

/* Sites before what names them, and so on; of each kind, one owner after the other. */
enum part { SITES, PATHS, CONNECTIONS, ATTACHMENTS, ROUTES, REQUESTS, PARTS };

struct checkpoint {
	const struct model *model;
	enum part part;
	uint8_t owner;
	uint32_t id; /* last object, or the connection at hand */
	uint8_t family;
	bool walking; /* last is set: the tree at hand has begun */
	struct model_route last;
	struct text text;
	struct emit emit;
	size_t in_record; /* objects or routes */
	struct packed_writer packed;
};

struct checkpoint *checkpoint_create(const struct model *model)
{
	struct checkpoint *checkpoint = calloc(1, sizeof(*checkpoint));

	if (checkpoint == NULL)
		return NULL;
	checkpoint->model = model;
	checkpoint_restart(checkpoint);
	return checkpoint;
}

void checkpoint_destroy(struct checkpoint *checkpoint)
{
	if (checkpoint == NULL)
		return;
	packed_free(&checkpoint->packed);
	text_free(&checkpoint->text);
	free(checkpoint);
}

void checkpoint_restart(struct checkpoint *checkpoint)
{
	packed_free(&checkpoint->packed);
	text_free(&checkpoint->text);
	*checkpoint = (struct checkpoint){.model = checkpoint->model, .owner = 1, .family = IP_4};
}

static void open_record(struct checkpoint *checkpoint, const char *key)
{
	struct emit *emit = &checkpoint->emit;

	if (checkpoint->in_record++ > 0)
		return;
	emit_init(emit, &checkpoint->text);
	emit_object(emit, NULL);
	emit_u64(emit, "generation", model_generation(checkpoint->model));
	emit_string(emit, "owner", model_owner_name(checkpoint->model, checkpoint->owner));
	emit_object(emit, "put");
	emit_array(emit, key);
}

/* 1 where there is a record to hand over, else 2. */
static int close_record(struct checkpoint *checkpoint, char **bytes, size_t *length)
{
	if (checkpoint->in_record == 0)
		return 2;
	emit_end(&checkpoint->emit);
	emit_end(&checkpoint->emit);
	emit_end(&checkpoint->emit);
	checkpoint->in_record = 0;
	packed_end(&checkpoint->packed);
	if (checkpoint->part == ROUTES)
		packed_join(&checkpoint->packed, &checkpoint->text);
	*bytes = text_take(&checkpoint->text, length);
	return *bytes != NULL ? 1 : -ENOMEM;
}

static void next_owner(struct checkpoint *checkpoint)
{
	checkpoint->id = 0;
	if (++checkpoint->owner <= checkpoint->model->owner_count)
		return;
	checkpoint->owner = 1;
	checkpoint->part++;
}

static int next_objects(struct checkpoint *checkpoint, char **bytes, size_t *length)
{
	static const struct {
		enum model_kind kind;
		const char *key;
	} parts[] = {
		[SITES] = {MODEL_SITE, "sites"},
		[PATHS] = {MODEL_PATH, "paths"},
		[CONNECTIONS] = {MODEL_CONNECTION, "connections"},
		[ATTACHMENTS] = {MODEL_ATTACHMENT, "attachments"},
	};
	const struct model *model = checkpoint->model;
	enum model_kind kind = parts[checkpoint->part].kind;
	struct render render = {&checkpoint->emit, model, NULL};

	for (unsigned i = 0; i < SCAN && checkpoint->in_record < RECORD_OBJECTS; i++) {
		const struct model_object *object;

		checkpoint->id = model_next(model, kind, checkpoint->id);
		if (checkpoint->id == 0) {
			int result = close_record(checkpoint, bytes, length);

			next_owner(checkpoint);
			return result;
		}
		object = model_object(model, kind, checkpoint->id);
		if (object->owner != checkpoint->owner)
			continue;
		open_record(checkpoint, parts[checkpoint->part].key);
		render_object(&render, NULL, object, false);
	}
	if (checkpoint->in_record < RECORD_OBJECTS)
		return 2;
	return close_record(checkpoint, bytes, length);
}

static void write_group(struct checkpoint *checkpoint, const struct model_route *route)
{
	struct emit *emit = &checkpoint->emit;
	struct render render = {emit, checkpoint->model, NULL};

	emit_object(emit, NULL);
	emit_string(emit, "connection", render_name(&render, MODEL_CONNECTION, checkpoint->id));
	render_via(&render, "via", route->via);
	emit_u64(emit, "preference", route->preference);
	emit_end(emit);
}

static void write_route(struct checkpoint *checkpoint, const struct model_route *route)
{
	const struct packed_group group = {checkpoint->id, route->via, route->preference};

	if (route->owner != checkpoint->owner)
		return;
	open_record(checkpoint, "routes");
	if (packed_select(&checkpoint->packed, &group))
		write_group(checkpoint, route);
	packed_prefix(&checkpoint->packed, &route->prefix);
}

/* The next tree; false where the owner's connections have all been seen. */
static bool next_tree(struct checkpoint *checkpoint)
{
	checkpoint->walking = false;
	if (checkpoint->id != 0 && checkpoint->family == IP_4) {
		checkpoint->family = IP_6;
		return true;
	}
	checkpoint->family = IP_4;
	checkpoint->id = model_next(checkpoint->model, MODEL_CONNECTION, checkpoint->id);
	return checkpoint->id != 0;
}

static int next_routes(struct checkpoint *checkpoint, char **bytes, size_t *length)
{
	struct model_route route[SCAN];
	size_t count = 0;

	if (checkpoint->id != 0)
		count = model_route_list(checkpoint->model, checkpoint->id, checkpoint->family,
			checkpoint->walking ? &checkpoint->last : NULL, route, SCAN);
	for (size_t i = 0; i < count; i++)
		write_route(checkpoint, &route[i]);
	if (count > 0)
		checkpoint->last = route[count - 1];
	checkpoint->walking = true;
	if (count < SCAN && !next_tree(checkpoint)) {
		int result = close_record(checkpoint, bytes, length);

		next_owner(checkpoint);
		return result;
	}
	if (checkpoint->in_record < RECORD_ROUTES)
		return 2;
	return close_record(checkpoint, bytes, length);
}

static void write_request(struct emit *emit, const struct store_request *request)
{
	if (request->id[0] == '\0')
		return;
	emit_object(emit, NULL);
	emit_string(emit, "owner", request->owner);
	emit_string(emit, "request_id", request->id);
	emit_u64(emit, "generation", request->generation);
	emit_array(emit, "counts");
	emit_u64(emit, NULL, request->added);
	emit_u64(emit, NULL, request->changed);
	emit_u64(emit, NULL, request->removed);
	emit_end(emit);
	emit_end(emit);
}

/* Also carries the generation where there is nothing else. */
static int next_requests(struct checkpoint *checkpoint, char **bytes, size_t *length)
{
	const struct model *model = checkpoint->model;
	struct emit *emit = &checkpoint->emit;

	emit_init(emit, &checkpoint->text);
	emit_object(emit, NULL);
	emit_u64(emit, "generation", model_generation(model));
	emit_array(emit, "requests");
	for (unsigned i = 0; i < STORE_REQUESTS; i++)
		write_request(emit, &model->requests[(model->request_next + i) % STORE_REQUESTS]);
	emit_end(emit);
	emit_end(emit);
	checkpoint->part++;
	*bytes = text_take(&checkpoint->text, length);
	return *bytes != NULL ? 1 : -ENOMEM;
}

int checkpoint_next(struct checkpoint *checkpoint, char **bytes, size_t *length)
{
	switch (checkpoint->part) {
	case ROUTES:
		return next_routes(checkpoint, bytes, length);
	case REQUESTS:
		return next_requests(checkpoint, bytes, length);
	case PARTS:
		return 0;
	default:
		return next_objects(checkpoint, bytes, length);
	}
}
