/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/steertable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/base/macros.h"

#define KEY_MAX 16

static const char *const map_names[] = {
	[STEERTABLE_CONFIG] = "config",
	[STEERTABLE_ADDRESSES4] = "addresses4",
	[STEERTABLE_ADDRESSES6] = "addresses6",
	[STEERTABLE_HOST4] = "host4",
	[STEERTABLE_HOST6] = "host6",
	[STEERTABLE_TAG_SETS] = "tag_sets",
	[STEERTABLE_COUNTERS] = "counters",
};

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

int steertable_write_config(struct steer *steer)
{
	uint32_t key = 0;

	return bpf_map_update_elem(steer->map[STEERTABLE_CONFIG], &key, &steer->config, BPF_ANY);
}

int steertable_set_mac(struct steer *steer, const uint8_t mac[6])
{
	memcpy(steer->config.mac, mac, sizeof(steer->config.mac));
	return steertable_write_config(steer);
}

int steertable_add(int map, const void *key)
{
	uint8_t value = 1;
	int rc = bpf_map_update_elem(map, key, &value, BPF_ANY);

	return rc == -E2BIG ? -ENOSPC : rc;
}

int steertable_remove(int map, const void *key)
{
	int rc = bpf_map_delete_elem(map, key);

	return rc == -ENOENT ? 0 : rc;
}

static int compare(const void *a, const void *b, void *size)
{
	return memcmp(a, b, *(size_t *)size);
}

static bool is_wanted(const struct steertable_keys *wanted, const void *key)
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
static int remove_unwanted(int map, const struct steertable_keys *wanted)
{
	uint8_t key[KEY_MAX], next[KEY_MAX];
	int rc = bpf_map_get_next_key(map, NULL, next);

	while (rc == 0) {
		memcpy(key, next, sizeof(key));
		rc = bpf_map_get_next_key(map, key, next);
		if (!is_wanted(wanted, key)) {
			int removed = steertable_remove(map, key);

			if (removed != 0)
				return removed;
		}
	}
	return rc == -ENOENT ? 0 : rc;
}

/* Makes exactly these the keys of a map, what is new first. */
int steertable_replace(int map, struct steertable_keys *wanted)
{
	int rc = 0;

	if (wanted->count > 0)
		qsort_r(wanted->bytes, wanted->count, wanted->size, compare, &wanted->size);
	for (unsigned i = 0; i < wanted->count && rc == 0; i++)
		rc = steertable_add(map, wanted->bytes + i * wanted->size);
	if (rc == 0)
		rc = remove_unwanted(map, wanted);
	return rc;
}

void steertable_put(struct steertable_keys *keys, const void *key)
{
	memcpy(keys->bytes + keys->count * keys->size, key, keys->size);
	keys->count++;
}

int steertable_replace_addresses(struct steer *steer, enum steertable_map map4,
	enum steertable_map map6, const struct ip_address *addresses, unsigned count)
{
	struct steertable_keys four = {.size = 4}, six = {.size = 16};
	int rc = -ENOMEM;

	if (count > STEER_ADDRESSES)
		return -ENOSPC;
	four.bytes = calloc(count + 1, four.size);
	six.bytes = calloc(count + 1, six.size);
	if (four.bytes == NULL || six.bytes == NULL)
		goto out;
	for (unsigned i = 0; i < count; i++)
		steertable_put(addresses[i].family == IP_4 ? &four : &six, addresses[i].bytes);
	rc = steertable_replace(steer->map[map4], &four);
	if (rc == 0)
		rc = steertable_replace(steer->map[map6], &six);
out:
	free(four.bytes);
	free(six.bytes);
	return rc;
}

int steertable_set_host(struct steer *steer, const struct ip_address *addresses, unsigned count)
{
	return steertable_replace_addresses(
		steer, STEERTABLE_HOST4, STEERTABLE_HOST6, addresses, count);
}
