/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/wire/bfdpacket.h"

#include <string.h>

#include <nettle/memops.h>
#include <nettle/sha1.h>

#include "dataplane/base/macros.h"
#include "dataplane/wire/ippacket.h"

#define VERSION	     1
#define DIGEST_AT    32
#define SIGNED_BYTES (BFDPACKET_BYTES + BFDPACKET_AUTH_BYTES)

_Static_assert(SHA1_DIGEST_SIZE == BFDPACKET_KEY, "the key stands where the digest will");

static unsigned check_header(const uint8_t *bytes, uint32_t available)
{
	uint32_t least;

	if (available < BFDPACKET_BYTES)
		return DROP_BFD_LENGTH;
	if (bytes[0] >> 5 != VERSION)
		return DROP_BFD_VERSION;
	least = BFDPACKET_BYTES + (bytes[1] & BFDPACKET_AUTHENTICATED ? 2 : 0);
	if (bytes[3] < least || bytes[3] > available)
		return DROP_BFD_LENGTH;
	if (bytes[2] == 0 || (bytes[1] & BFDPACKET_MULTIPOINT) || ippacket_be32(bytes + 4) == 0)
		return DROP_BFD_FIELD;
	return VERDICT_GO;
}

/* What of the section can be told without knowing what the session expects. */
static void read_section(const uint8_t *bytes, struct bfdpacket *out)
{
	out->auth_type = bytes[24];
	out->auth_length = bytes[25];
	if (out->auth_length < BFDPACKET_AUTH_BYTES || out->length < SIGNED_BYTES)
		return;
	out->key_id = bytes[26];
	out->sequence = ippacket_be32(bytes + 28);
}

unsigned bfdpacket_parse(const uint8_t *bytes, uint32_t available, struct bfdpacket *out)
{
	unsigned verdict = check_header(bytes, available);

	if (verdict != VERDICT_GO)
		return verdict;
	*out = (struct bfdpacket){.diag = bytes[0] & 0x1f,
		.state = bytes[1] >> 6,
		.flags = bytes[1] & 0x3f,
		.multiplier = bytes[2],
		.length = bytes[3],
		.mine = ippacket_be32(bytes + 4),
		.yours = ippacket_be32(bytes + 8),
		.desired_tx = ippacket_be32(bytes + 12),
		.required_rx = ippacket_be32(bytes + 16),
		.required_echo_rx = ippacket_be32(bytes + 20)};
	if (out->yours == 0 && out->state > BFDPACKET_DOWN)
		return DROP_BFD_STATE;
	if (out->flags & BFDPACKET_AUTHENTICATED)
		read_section(bytes, out);
	return VERDICT_GO;
}

static void store_be32(uint8_t *at, uint32_t value)
{
	value = rte_cpu_to_be_32(value);
	memcpy(at, &value, 4);
}

uint32_t bfdpacket_build(uint8_t *bytes, const struct bfdpacket *packet)
{
	bool authenticated = packet->flags & BFDPACKET_AUTHENTICATED;
	uint8_t length = authenticated ? SIGNED_BYTES : BFDPACKET_BYTES;

	memset(bytes, 0, length);
	bytes[0] = (uint8_t)(VERSION << 5 | packet->diag);
	bytes[1] = (uint8_t)(packet->state << 6 | packet->flags);
	bytes[2] = packet->multiplier;
	bytes[3] = length;
	store_be32(bytes + 4, packet->mine);
	store_be32(bytes + 8, packet->yours);
	store_be32(bytes + 12, packet->desired_tx);
	store_be32(bytes + 16, packet->required_rx);
	store_be32(bytes + 20, packet->required_echo_rx);
	if (!authenticated)
		return length;
	bytes[24] = BFDPACKET_SHA1;
	bytes[25] = BFDPACKET_AUTH_BYTES;
	bytes[26] = packet->key_id;
	store_be32(bytes + 28, packet->sequence);
	return length;
}

/* Of the whole packet with the key in place of the digest. */
static void digest_of(const uint8_t *bytes, const uint8_t key[BFDPACKET_KEY], uint8_t *digest)
{
	struct sha1_ctx sha1;

	sha1_init(&sha1);
	sha1_update(&sha1, DIGEST_AT, bytes);
	sha1_update(&sha1, BFDPACKET_KEY, key);
	sha1_digest(&sha1, SHA1_DIGEST_SIZE, digest);
}

void bfdpacket_sign(uint8_t *bytes, const uint8_t key[BFDPACKET_KEY])
{
	digest_of(bytes, key, bytes + DIGEST_AT);
}

bool bfdpacket_genuine(
	const uint8_t *bytes, const struct bfdpacket *packet, const uint8_t key[BFDPACKET_KEY])
{
	uint8_t digest[SHA1_DIGEST_SIZE];

	/* The length says what the digest covers, so it must be that of this section. */
	if (packet->auth_type != BFDPACKET_SHA1 || packet->auth_length != BFDPACKET_AUTH_BYTES ||
		packet->length != SIGNED_BYTES)
		return false;
	digest_of(bytes, key, digest);
	return memeql_sec(digest, bytes + DIGEST_AT, sizeof(digest)) != 0;
}

const char *bfdpacket_state_name(unsigned state)
{
	static const char *const name[BFDPACKET_STATES] = {
		[BFDPACKET_ADMIN_DOWN] = "admin_down",
		[BFDPACKET_DOWN] = "down",
		[BFDPACKET_INIT] = "init",
		[BFDPACKET_UP] = "up",
	};

	return state < BFDPACKET_STATES ? name[state] : "unknown";
}

const char *bfdpacket_diag_name(unsigned diag)
{
	static const char *const name[] = {"none", "detection_expired", "echo_failed",
		"neighbour_down", "forwarding_reset", "path_down", "concatenated_path_down",
		"admin_down", "reverse_path_down"};

	return diag < ARRAY_SIZE(name) ? name[diag] : "reserved";
}
