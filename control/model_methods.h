/* SPDX-License-Identifier: BSD-3-Clause */
/* The methods about the model (docs/api.md): config.*, site.*, path.*, connection.*, attachment.*,
 * route.* and table.digest. Ends with name NULL. */
#ifndef CONTROL_MODEL_METHODS_H
#define CONTROL_MODEL_METHODS_H

#include "control/rpc.h"

extern const struct rpc_method model_methods[];

#endif
