/* SPDX-License-Identifier: BSD-3-Clause */
/* What a path says of failure detection. */
#include <errno.h>
#include <string.h>

#include "control/document_part.h"

#define LEAST_US 1000
#define MOST_US	 10000000

static const char *const modes[] = {"off", "single_hop", "multihop", "tunnel", NULL};
static const char *const presets[] = {"gateway", "cloud", NULL};
static const char *const admins[] = {"down", "up", NULL};

/* 30 ms between our own; what the clouds' routers take: 900 ms. */
static const struct {
	uint32_t interval_us;
	uint8_t multiplier;
} preset_values[] = {{6000, 5}, {300000, 3}};

static int read_key(const struct field *auth, struct model_bfd *bfd)
{
	static const char *const names[] = {"key_id", "key", NULL};
	struct field id, key;
	const char *text;
	uint64_t number = 0;
	size_t length;

	if (field_object(auth, names) < 0 || field_need(auth, "key_id", &id) < 0 ||
		field_number(auth, "key_id", 0, UINT8_MAX, &number) < 0 ||
		field_need(auth, "key", &key) < 0 || field_text(&key, &text) < 0)
		return -EINVAL;
	length = strlen(text);
	if (length == 0 || length > MODEL_BFD_KEY)
		return field_refuse(&key, REFUSAL_OUT_OF_RANGE, "a key has 1 to %d bytes, not %zu",
			MODEL_BFD_KEY, length);
	bfd->key_id = (uint8_t)number;
	bfd->key_length = (uint8_t)length;
	memcpy(bfd->key, text, length);
	return 0;
}

static int read_timers(const struct field *object, struct model_bfd *bfd)
{
	uint64_t tx, rx, multiplier;
	uint8_t preset = 0, up = 1;

	if (field_choice(object, "preset", presets, &preset) < 0)
		return -EINVAL;
	tx = rx = preset_values[preset].interval_us;
	multiplier = preset_values[preset].multiplier;
	if (field_number(object, "tx_us", LEAST_US, MOST_US, &tx) < 0 ||
		field_number(object, "rx_us", LEAST_US, MOST_US, &rx) < 0 ||
		field_number(object, "multiplier", 1, UINT8_MAX, &multiplier) < 0 ||
		field_choice(object, "admin", admins, &up) < 0)
		return -EINVAL;
	bfd->tx_us = (uint32_t)tx;
	bfd->rx_us = (uint32_t)rx;
	bfd->multiplier = (uint8_t)multiplier;
	bfd->up = up != 0;
	return 0;
}

int document_bfd_read(const struct field *object, struct model_path *path)
{
	static const char *const names[] = {
		"mode", "preset", "tx_us", "rx_us", "multiplier", "admin", "auth", NULL};
	struct model_bfd *bfd = &path->bfd;
	struct field field, mode, auth;

	if (!field_child(object, "bfd", &field))
		return 0;
	if (field_object(&field, names) < 0 || field_need(&field, "mode", &mode) < 0 ||
		field_choice(&field, "mode", modes, &bfd->mode) < 0 || read_timers(&field, bfd) < 0)
		return -EINVAL;
	if (field_child(&field, "auth", &auth) && read_key(&auth, bfd) < 0)
		return -EINVAL;
	if (bfd->mode == MODEL_BFD_SINGLE_HOP && path->gateway.family != IP_NONE)
		return field_refuse(&mode, REFUSAL_BAD_VALUE,
			"a gateway stands between us and remote: use multihop or tunnel");
	if (bfd->mode == MODEL_BFD_OFF)
		memset(bfd, 0, sizeof(*bfd));
	return 0;
}
