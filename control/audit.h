/* SPDX-License-Identifier: BSD-3-Clause */
/* One JSON line for every change that was asked for: when, who, what, and how it ended. */
#ifndef CONTROL_AUDIT_H
#define CONTROL_AUDIT_H

#include "control/rpc.h"

struct audit;

/* Appends to file; at 64 MiB it is renamed to file.1. NULL with errno set. */
struct audit *audit_open(const char *file);
/* NULL is allowed. */
void audit_close(struct audit *audit);

/* call is being answered with response, which may be NULL. A line that cannot be written is logged.
 */
void audit_write(struct audit *audit, const struct rpc_call *call, json_t *response);

#endif
