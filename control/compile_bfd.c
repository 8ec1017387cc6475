/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/compile_bfd.h"

#include <errno.h>
#include <string.h>

#include "control/bucket.h"

/* Random but for its low half, by which workers find the session; the same for as long as the path
 * keeps its name and the gateway runs. */
static uint32_t discriminator(const struct compile *c, const struct model_path *path)
{
	uint64_t name = bucket_key(path->object.name, (unsigned)strlen(path->object.name));
	uint64_t mixed = (name ^ c->seed) * UINT64_C(0x9e3779b97f4a7c15);

	return (uint32_t)(mixed >> 32) << 16 | path->object.id;
}

int compile_bfd_path(
	const struct compile *c, struct snapshot_edit *edit, const struct model_path *path)
{
	static const uint8_t mode[] = {[MODEL_BFD_OFF] = FWD_BFD_OFF,
		[MODEL_BFD_SINGLE_HOP] = FWD_BFD_SINGLE_HOP,
		[MODEL_BFD_MULTIHOP] = FWD_BFD_MULTIHOP,
		[MODEL_BFD_TUNNEL] = FWD_BFD_TUNNEL};
	const struct model_bfd *from = &path->bfd;
	struct fwd_bfd *bfd = snapshot_edit_bfd(edit, path->object.id);

	_Static_assert(FWD_BFD_KEY == MODEL_BFD_KEY, "the same key");
	if (bfd == NULL)
		return -ENOMEM;
	*bfd = (struct fwd_bfd){.mode = mode[from->mode],
		.owner = (uint8_t)(path->site % c->workers),
		.multiplier = from->multiplier,
		.admin_down = !from->up,
		.authenticated = from->key_length > 0,
		.key_id = from->key_id,
		.discriminator = discriminator(c, path),
		.tx_us = from->tx_us,
		.rx_us = from->rx_us};
	memcpy(bfd->key, from->key, sizeof(bfd->key));
	return 0;
}

int compile_bfd_clear(struct snapshot_edit *edit, uint32_t id)
{
	struct fwd_bfd *bfd = snapshot_edit_bfd(edit, id);

	if (bfd == NULL)
		return -ENOMEM;
	memset(bfd, 0, sizeof(*bfd));
	return 0;
}
