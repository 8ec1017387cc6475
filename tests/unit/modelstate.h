/* SPDX-License-Identifier: BSD-3-Clause */
/* What a model holds, for tests that compare models. */
#ifndef TESTS_UNIT_MODELSTATE_H
#define TESTS_UNIT_MODELSTATE_H

#include "control/model.h"
#include "control/text.h"

/* All records of the model's checkpoint; what is binary in them in hexadecimal. Fails the test
 * where the checkpoint cannot be read. The caller frees the text. */
struct text modelstate_text(const struct model *model);

#endif
