/* SPDX-License-Identifier: BSD-3-Clause */
/* As compile.h: failure detection of one path. */
#ifndef CONTROL_COMPILE_BFD_H
#define CONTROL_COMPILE_BFD_H

#include "control/compile.h"

int compile_bfd_path(
	const struct compile *c, struct snapshot_edit *edit, const struct model_path *path);
/* Makes the entry of a path's id unused. */
int compile_bfd_clear(struct snapshot_edit *edit, uint32_t id);

#endif
