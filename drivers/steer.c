/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/steer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/base/macros.h"
#include "drivers/steertable.h"

#define KEY_MAX 16

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

static const char *const map_names[] = {
	[STEERTABLE_CONFIG] = "config",
	[STEERTABLE_ADDRESSES4] = "addresses4",
	[STEERTABLE_ADDRESSES6] = "addresses6",
	[STEERTABLE_HOST4] = "host4",
	[STEERTABLE_HOST6] = "host6",
	[STEERTABLE_TAG_SETS] = "tag_sets",
	[STEERTABLE_COUNTERS] = "counters",
};

struct steer {
	int map[STEERTABLE_MAPS];
	struct steermap_config config;
};

/* Keys of one size, one after the other. */
struct keys {
	uint8_t *bytes;
	size_t size;
	unsigned count;
};

const char *steer_counter_name(enum steer_counter counter)
{
	return names[counter];
}

const char *steer_counter_meaning(enum steer_counter counter)
{
	return meanings[counter];
}

struct steer *steertable_create(void)
{
	struct steer *steer = calloc(1, sizeof(*steer));

	if (steer == NULL)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(steer->map); i++)
		steer->map[i] = -1;
	return steer;
}

void steertable_destroy(struct steer *steer)
{
	if (steer == NULL)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(steer->map); i++) {
		if (steer->map[i] >= 0)
			close(steer->map[i]);
	}
	free(steer);
}

bool steertable_adopt(struct steer *steer, const char *name, int fd)
{
	for (size_t i = 0; i < ARRAY_SIZE(map_names); i++) {
		if (steer->map[i] < 0 && strcmp(map_names[i], name) == 0) {
			steer->map[i] = fd;
			return true;
		}
	}
	return false;
}

const char *steertable_missing(const struct steer *steer)
{
	for (size_t i = 0; i < ARRAY_SIZE(map_names); i++) {
		if (steer->map[i] < 0)
			return map_names[i];
	}
	return NULL;
}

static int write_config(struct steer *steer)
{
	uint32_t key = 0;

	return bpf_map_update_elem(steer->map[STEERTABLE_CONFIG], &key, &steer->config, BPF_ANY);
}

int steertable_set_mac(struct steer *steer, const uint8_t mac[6])
{
	memcpy(steer->config.mac, mac, sizeof(steer->config.mac));
	return write_config(steer);
}

static int add_key(int map, const void *key)
{
	uint8_t value = 1;
	int rc = bpf_map_update_elem(map, key, &value, BPF_ANY);

	return rc == -E2BIG ? -ENOSPC : rc;
}

static int remove_key(int map, const void *key)
{
	int rc = bpf_map_delete_elem(map, key);

	return rc == -ENOENT ? 0 : rc;
}

static int compare(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

static bool is_wanted(const struct keys *wanted, const void *key)
{
	unsigned low = 0, high = wanted->count;

	while (low < high) {
		unsigned middle = low + (high - low) / 2;
		int order = memcmp(key, wanted->bytes + middle * wanted->size, wanted->size);

		if (order == 0)
			return true;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

/* A deleted key cannot be stepped on from: the next one is taken before. */
static int remove_unwanted(int map, const struct keys *wanted)
{
	uint8_t key[KEY_MAX], next[KEY_MAX];
	int rc = bpf_map_get_next_key(map, NULL, next);

	while (rc == 0) {
		memcpy(key, next, sizeof(key));
		rc = bpf_map_get_next_key(map, key, next);
		if (!is_wanted(wanted, key)) {
			int removed = remove_key(map, key);

			if (removed != 0)
				return removed;
		}
	}
	return rc == -ENOENT ? 0 : rc;
}

/* Makes exactly these the keys of a map, what is new first. */
static int replace_keys(int map, struct keys *wanted)
{
	int rc = 0;

	if (wanted->count > 0)
		qsort_r(wanted->bytes, wanted->count, wanted->size, compare, &wanted->size);
	for (unsigned i = 0; i < wanted->count && rc == 0; i++)
		rc = add_key(map, wanted->bytes + i * wanted->size);
	if (rc == 0)
		rc = remove_unwanted(map, wanted);
	return rc;
}

static void put(struct keys *keys, const void *key)
{
	memcpy(keys->bytes + keys->count * keys->size, key, keys->size);
	keys->count++;
}

static int replace_addresses(
	struct steer *steer, int map4, int map6, const struct ip_address *addresses, unsigned count)
{
	struct keys four = {.size = 4}, six = {.size = 16};
	int rc = -ENOMEM;

	if (count > STEER_ADDRESSES)
		return -ENOSPC;
	four.bytes = calloc(count + 1, four.size);
	six.bytes = calloc(count + 1, six.size);
	if (four.bytes == NULL || six.bytes == NULL)
		goto out;
	for (unsigned i = 0; i < count; i++)
		put(addresses[i].family == IP_4 ? &four : &six, addresses[i].bytes);
	rc = replace_keys(steer->map[map4], &four);
	if (rc == 0)
		rc = replace_keys(steer->map[map6], &six);
out:
	free(four.bytes);
	free(six.bytes);
	return rc;
}

int steer_set_addresses(struct steer *steer, const struct ip_address *addresses, unsigned count)
{
	return replace_addresses(
		steer, STEERTABLE_ADDRESSES4, STEERTABLE_ADDRESSES6, addresses, count);
}

int steertable_set_host(struct steer *steer, const struct ip_address *addresses, unsigned count)
{
	return replace_addresses(steer, STEERTABLE_HOST4, STEERTABLE_HOST6, addresses, count);
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
	return write_config(steer);
}

int steer_set_tags(struct steer *steer, const struct steer_tags *tags, unsigned count)
{
	struct keys keys = {.size = sizeof(struct steermap_tags)};
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
			put(&keys, &key);
	}
	rc = replace_keys(steer->map[STEERTABLE_TAG_SETS], &keys);
	free(keys.bytes);
	return rc == 0 ? set_untagged(steer, untagged) : rc;
}

static int map_of(const struct steer *steer, const struct ip_address *address)
{
	return steer->map[address->family == IP_4 ? STEERTABLE_ADDRESSES4 : STEERTABLE_ADDRESSES6];
}

int steer_add_address(struct steer *steer, const struct ip_address *address)
{
	return add_key(map_of(steer, address), address->bytes);
}

int steer_remove_address(struct steer *steer, const struct ip_address *address)
{
	return remove_key(map_of(steer, address), address->bytes);
}

int steer_add_tags(struct steer *steer, const struct steer_tags *tags)
{
	struct steermap_tags key = key_of(tags);

	if (tags->count == 0)
		return set_untagged(steer, true);
	return add_key(steer->map[STEERTABLE_TAG_SETS], &key);
}

int steer_remove_tags(struct steer *steer, const struct steer_tags *tags)
{
	struct steermap_tags key = key_of(tags);

	if (tags->count == 0)
		return set_untagged(steer, false);
	return remove_key(steer->map[STEERTABLE_TAG_SETS], &key);
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
