/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects of the model as JSON text, in the form in which they are put. Canonical: all members that
 * have a value stand there, defaults included, always in the same order.
 */
#ifndef CONTROL_RENDER_H
#define CONTROL_RENDER_H

#include "control/draft.h"
#include "control/emit.h"
#include "control/model.h"

/* Where names of other objects come from: the model, or what it becomes with a draft. */
struct render {
	struct emit *emit;
	const struct model *model;
	const struct draft *draft; /* NULL: the model as it is */
};

/* Each writes one JSON object under key (NULL inside an array); owner adds "owner". Endpoints are
 * written as part of their connection. */
void render_object(const struct render *render, const char *key, const struct model_object *object,
	bool owner);
void render_via(const struct render *render, const char *key, uint32_t via);
void render_route(const struct render *render, uint32_t connection, const struct model_route *route,
	bool owner);
void render_prefix(struct emit *emit, const char *key, const struct ip_prefix *prefix);
void render_address(struct emit *emit, const char *key, const struct ip_address *address);
const char *render_name(const struct render *render, enum model_kind kind, uint32_t id);

#endif
