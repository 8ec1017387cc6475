/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/unit/modelstate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "control/checkpoint.h"

struct text modelstate_text(const struct model *model)
{
	struct checkpoint *checkpoint = checkpoint_create(model);
	struct text text = {0};
	char *bytes;
	size_t length;
	int result;

	while ((result = checkpoint_next(checkpoint, &bytes, &length)) != 0) {
		assert_true(result > 0);
		if (result != 1)
			continue;
		text_put(&text, bytes);
		for (size_t i = strlen(bytes); i < length; i++)
			text_format(&text, "%02x", (uint8_t)bytes[i]);
		free(bytes);
	}
	checkpoint_destroy(checkpoint);
	return text;
}
