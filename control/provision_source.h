/* SPDX-License-Identifier: BSD-3-Clause */
/* The journal's other side: the model is made from its records at the start, and its checkpoints
 * are made from the model. Control thread only. */
#ifndef CONTROL_PROVISION_SOURCE_H
#define CONTROL_PROVISION_SOURCE_H

#include "control/journal.h"

struct checkpoint;
struct gateway;

struct provision_source {
	struct gateway *gateway;
	struct checkpoint *checkpoint;
};

/* 0 or -ENOMEM. */
int provision_source_init(struct provision_source *source, struct gateway *gateway);
/* The journal has been closed. */
void provision_source_fini(struct provision_source *source);

/* As provision_restore; source must stay as long as the journal is open. */
int provision_source_restore(struct provision_source *source, char error[JOURNAL_ERROR_TEXT]);

#endif
