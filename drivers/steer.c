/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/steer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/base/macros.h"
#include "drivers/steertable.h"

static const char *const names[] = {
#define X(id, name, meaning) [STEER_##id] = name,
	STEERMAP_COUNTERS(X)
#undef X
};

static const char *const meanings[] = {
#define X(id, name, meaning) [STEER_##id] = meaning,
	STEERMAP_COUNTERS(X)
#undef X
};

const char *steer_counter_name(enum steer_counter counter)
{
	return names[counter];
}

const char *steer_counter_meaning(enum steer_counter counter)
{
	return meanings[counter];
}

int steer_set_addresses(struct steer *steer, const struct ip_address *addresses, unsigned count)
{
	return steertable_replace_addresses(
		steer, STEERTABLE_ADDRESSES4, STEERTABLE_ADDRESSES6, addresses, count);
}

static struct steermap_tags key_of(const struct steer_tags *tags)
{
	struct steermap_tags key = {0};

	for (unsigned i = 0; i < tags->count && i < 2; i++) {
		key.type[i] = tags->type[i];
		key.vlan[i] = tags->vlan[i];
	}
	return key;
}

static int set_untagged(struct steer *steer, bool untagged)
{
	steer->config.untagged = untagged;
	return steertable_write_config(steer);
}

int steer_set_tags(struct steer *steer, const struct steer_tags *tags, unsigned count)
{
	struct steertable_keys keys = {.size = sizeof(struct steermap_tags)};
	bool untagged = false;
	int rc;

	if (count > STEER_TAG_SETS)
		return -ENOSPC;
	keys.bytes = calloc(count + 1, keys.size);
	if (keys.bytes == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < count; i++) {
		struct steermap_tags key = key_of(&tags[i]);

		if (tags[i].count == 0)
			untagged = true;
		else
			steertable_put(&keys, &key);
	}
	rc = steertable_replace(steer->map[STEERTABLE_TAG_SETS], &keys);
	free(keys.bytes);
	return rc == 0 ? set_untagged(steer, untagged) : rc;
}

static int map_of(const struct steer *steer, const struct ip_address *address)
{
	return steer->map[address->family == IP_4 ? STEERTABLE_ADDRESSES4 : STEERTABLE_ADDRESSES6];
}

int steer_add_address(struct steer *steer, const struct ip_address *address)
{
	return steertable_add(map_of(steer, address), address->bytes);
}

int steer_remove_address(struct steer *steer, const struct ip_address *address)
{
	return steertable_remove(map_of(steer, address), address->bytes);
}

int steer_add_tags(struct steer *steer, const struct steer_tags *tags)
{
	struct steermap_tags key = key_of(tags);

	if (tags->count == 0)
		return set_untagged(steer, true);
	return steertable_add(steer->map[STEERTABLE_TAG_SETS], &key);
}

int steer_remove_tags(struct steer *steer, const struct steer_tags *tags)
{
	struct steermap_tags key = key_of(tags);

	if (tags->count == 0)
		return set_untagged(steer, false);
	return steertable_remove(steer->map[STEERTABLE_TAG_SETS], &key);
}

int steer_read(const struct steer *steer, uint64_t counters[STEER_COUNT])
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values;
	int rc = 0;

	if (cpus < 1)
		return cpus < 0 ? cpus : -EIO;
	values = calloc((size_t)cpus, sizeof(*values));
	if (values == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < STEER_COUNT && rc == 0; i++) {
		counters[i] = 0;
		rc = bpf_map_lookup_elem(steer->map[STEERTABLE_COUNTERS], &i, values);
		for (int cpu = 0; cpu < cpus && rc == 0; cpu++)
			counters[i] += values[cpu];
	}
	free(values);
	return rc;
}
