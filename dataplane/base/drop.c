/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/base/drop.h"

static const struct {
	const char *name, *meaning;
} reasons[DROP_COUNT] = {
#define X(id, name, meaning) [DROP_##id] = {name, meaning},
	DROP_LIST(X)
#undef X
};

const char *drop_name(enum drop reason)
{
	return reasons[reason].name;
}

const char *drop_meaning(enum drop reason)
{
	return reasons[reason].meaning;
}
