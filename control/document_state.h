/* SPDX-License-Identifier: BSD-3-Clause */
/* The inside of a document, shared by the files that carry its phases. */
#ifndef CONTROL_DOCUMENT_STATE_H
#define CONTROL_DOCUMENT_STATE_H

#include "control/document.h"
#include "control/document_part.h"
#include "control/draft.h"
#include "control/emit.h"
#include "control/packed.h"
#include "control/vias.h"
#include "dataplane/base/macros.h"

#define DOCUMENT_SECTIONS 12
#define DOCUMENT_CHUNK	  64 /* routes or items handled in one step */

struct document_section {
	unsigned kind; /* enum model_kind or DOCUMENT_ROUTES */
	bool removal;
	bool single; /* json is one object, not an array */
	const json_t *json;
	const char *base; /* JSON pointer of json */
	size_t count;
};

struct document {
	struct model *model;
	struct refusal *refusal;
	const json_t *params;
	enum document_mode mode;
	unsigned kind;

	char owner[MODEL_NAME_MAX + 1];
	char request_id[MODEL_NAME_MAX + 1]; /* empty: none */
	bool dry_run;
	uint64_t generation; /* of the model with this change */
	const struct store_request *repeat;

	struct document_section section[DOCUMENT_SECTIONS];
	unsigned section_count;
	struct draft draft;
	bool drafting; /* draft has been begun */

	unsigned phase;
	unsigned at_section; /* where the phase stands */
	size_t at_item, at_prefix;
	struct document_routes routes;
	bool routes_open;
	struct packed_reader packed;   /* of a record; at NULL: its prefixes are text */
	struct document_routes *group; /* packed: the groups of the section at hand */
	size_t groups;		       /* of them, so many are open */
	size_t items, prefixes;	       /* counted */
	struct routetree_entry at_route;
	bool past_route;
	uint64_t owners; /* of routes seen in the table at hand; as in model.route_owners */

	struct change *change;
	struct text record, answer;
	struct emit record_emit;
	struct packed_writer record_packed;
	bool committed;
};

/* Reads what stands around the objects and finds the sections. */
int document_params_read(struct document *document);
int document_params_section(struct document *document, const struct field *parent, const char *key,
	unsigned kind, bool removal, bool single);

/* Packed routes of a record. The first opens the groups of a section, some a call: 1: again, 0: all
 * are open, -EINVAL. The second answers as packed_next, and which group the prefix is in. The third
 * stages some prefixes: 1, or -EINVAL. The last lets go of the groups. */
int document_packed_open(struct document *document, const struct document_section *section);
int document_packed_next(struct document *document, const struct document_section *section,
	const struct document_routes **group, struct ip_prefix *prefix);
int document_packed_stage(struct document *document, const struct document_section *section);
void document_packed_close(struct document *document);

/* Phases; each answers 1: again, 0: next phase, -EINVAL. */
int document_sweep_objects(struct document *document);
int document_sweep_routes(struct document *document);
int document_build_change(struct document *document);
int document_build_routes(struct document *document);
int document_build_commit(struct document *document);
void document_build_abandon(struct document *document);
int document_record_write(struct document *document);
/* Keeps the answer for the request id, and takes over what a record says about earlier ones. */
void document_record_remember(struct document *document);
int document_answer_write(struct document *document);

#endif
