/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold between the objects of a model after a change. Control thread only. */
#ifndef CONTROL_CHECK_H
#define CONTROL_CHECK_H

#include "control/draft.h"

/* Everything that concerns this item of the draft. 0, or -EINVAL with the refusal set. */
int check_item(const struct draft *draft, const struct draft_item *item);

/* Next hops of the routes that stay, where attachments lost addresses: vias of ids from first on,
 * at most count. The next id to go on with, 0 when done, -EINVAL on refusal. */
int64_t check_vias(const struct draft *draft, uint32_t first, uint32_t count);

#endif
