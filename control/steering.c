/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/steering.h"

#include <stdlib.h>
#include <string.h>

#include "control/change.h"
#include "control/loop.h"
#include "control/model.h"
#include "dataplane/base/log.h"
#include "drivers/device.h"
#include "drivers/steer.h"

#define SLICE 64 /* system calls of one slice */

/* One write to a map of one port. */
struct step {
	uint16_t port;
	bool add;
	bool is_address;
	struct steer_tags tags;
	struct ip_address address;
};

/* Paths and attachments that share an address. */
struct user {
	uint16_t port;
	struct ip_address address;
	uint32_t count;
};

struct steering {
	struct loop *loop;
	struct loop_slice slice;
	struct device *devices;
	unsigned ports;
	struct step *step; /* those from done on are still to do */
	size_t done, steps, room;
	struct user *user;
	size_t users, user_room;
};

static bool work(void *context)
{
	return steering_work(context);
}

struct steering *steering_create(struct loop *loop, struct device *devices, unsigned ports)
{
	struct steering *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = loop;
	s->slice = (struct loop_slice){.work = work, .context = s};
	s->devices = devices;
	s->ports = ports;
	return s;
}

void steering_destroy(struct steering *s)
{
	if (s == NULL)
		return;
	if (s->loop != NULL)
		loop_slice_stop(s->loop, &s->slice);
	free(s->step);
	free(s->user);
	free(s);
}

static bool steers(const struct steering *s, uint16_t port)
{
	return port < s->ports && s->devices[port].steer != NULL;
}

/* Room for one more element; NULL, with the old array kept, when out of memory. */
static void *grow(void *array, size_t used, size_t *room, size_t size)
{
	size_t wanted = *room > 0 ? *room * 2 : 64;
	void *larger;

	if (used < *room)
		return array;
	larger = realloc(array, wanted * size);
	if (larger != NULL)
		*room = wanted;
	else
		log_error("out of memory: steering of af_xdp ports is incomplete until a restart");
	return larger;
}

static void put(struct steering *s, const struct step *step)
{
	struct step *steps = grow(s->step, s->steps, &s->room, sizeof(*steps));

	if (steps == NULL)
		return;
	s->step = steps;
	s->step[s->steps++] = *step;
}

static struct user *find_user(struct steering *s, uint16_t port, const struct ip_address *address)
{
	for (size_t i = 0; i < s->users; i++) {
		if (s->user[i].port == port && ip_equal(&s->user[i].address, address))
			return &s->user[i];
	}
	return NULL;
}

static struct user *add_user(struct steering *s, uint16_t port, const struct ip_address *address)
{
	struct user *users = grow(s->user, s->users, &s->user_room, sizeof(*users));

	if (users == NULL)
		return NULL;
	s->user = users;
	s->user[s->users] = (struct user){.port = port, .address = *address};
	return &s->user[s->users++];
}

/* The first user of an address adds it, the last one removes it. */
static void use_address(
	struct steering *s, uint16_t port, const struct ip_address *address, bool add)
{
	struct step step = {.port = port, .add = add, .is_address = true, .address = *address};
	struct user *user = find_user(s, port, address);

	if (user == NULL && add)
		user = add_user(s, port, address);
	if (user == NULL)
		return;
	user->count += add ? 1 : UINT32_MAX;
	if (user->count == (add ? 1 : 0))
		put(s, &step);
	if (user->count == 0)
		*user = s->user[--s->users];
}

static void use_path(struct steering *s, const struct model_path *path, bool add)
{
	if (path != NULL && steers(s, path->port))
		use_address(s, path->port, &path->local.ip, add);
}

static void use_attachment(struct steering *s, const struct model_attachment *a, bool add)
{
	struct step step = {.add = add};

	if (a == NULL || !steers(s, a->port))
		return;
	step.port = a->port;
	step.tags.count = a->tag_count;
	for (unsigned i = 0; i < a->tag_count; i++) {
		step.tags.type[i] = a->tag[i].type;
		step.tags.vlan[i] = a->tag[i].vlan;
	}
	put(s, &step);
	/* Behind tags the tags decide; what is untagged is told from the host's by its addresses.
	 */
	for (unsigned i = 0; i < a->address_count && a->tag_count == 0; i++)
		use_address(s, a->port, &a->address[i].ip, add);
}

static void use(
	struct steering *s, enum model_kind kind, const struct model_object *object, bool add)
{
	if (kind == MODEL_PATH)
		use_path(s, (const struct model_path *)object, add);
	if (kind == MODEL_ATTACHMENT)
		use_attachment(s, (const struct model_attachment *)object, add);
}

static bool same_tags(const struct model_attachment *a, const struct model_attachment *b)
{
	return a->port == b->port && a->tag_count == b->tag_count && a->tag_count > 0 &&
	       memcmp(a->tag, b->tag, a->tag_count * sizeof(a->tag[0])) == 0;
}

/* A tagged attachment of which something else changed must not be without steering meanwhile. */
static bool stays(const struct change_object *o)
{
	return o->kind == MODEL_ATTACHMENT && o->before != NULL && o->after != NULL &&
	       same_tags((const struct model_attachment *)o->before,
		       (const struct model_attachment *)o->after);
}

void steering_change(struct steering *s, const struct change *change)
{
	for (size_t i = 0; i < change->object_count; i++) {
		const struct change_object *o = &change->object[i];

		if (o->before != NULL && !stays(o))
			use(s, o->kind, o->before, false);
	}
	for (size_t i = 0; i < change->object_count; i++) {
		const struct change_object *o = &change->object[i];

		if (o->after != NULL && !stays(o))
			use(s, o->kind, o->after, true);
	}
	if (s->steps > s->done && s->loop != NULL)
		loop_slice_start(s->loop, &s->slice);
}

static int take(const struct steering *s, const struct step *step)
{
	struct steer *steer = s->devices[step->port].steer;

	if (step->is_address)
		return step->add ? steer_add_address(steer, &step->address)
				 : steer_remove_address(steer, &step->address);
	return step->add ? steer_add_tags(steer, &step->tags)
			 : steer_remove_tags(steer, &step->tags);
}

bool steering_work(struct steering *s)
{
	for (unsigned i = 0; i < SLICE && s->done < s->steps; i++) {
		const struct step *step = &s->step[s->done++];
		int rc = take(s, step);

		if (rc != 0)
			log_error("port %u: steering refuses %s: %s", step->port,
				step->is_address ? "an address" : "tags", strerror(-rc));
	}
	if (s->done < s->steps)
		return true;
	s->done = 0;
	s->steps = 0;
	return false;
}
