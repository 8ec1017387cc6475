/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One object of a request → a staged item. Each checks all that can be said from the object alone
 * and resolves names; what depends on other objects is checked over the whole draft (check.h).
 * place is the object's index in its section. 0, or -EINVAL with the refusal set.
 */
#ifndef CONTROL_DOCUMENT_PART_H
#define CONTROL_DOCUMENT_PART_H

#include "control/draft.h"

int document_site_put(struct draft *draft, const struct field *site, uint32_t place);
int document_path_put(struct draft *draft, const struct field *path, uint32_t place);
int document_connection_put(struct draft *draft, const struct field *connection, uint32_t place);
int document_attachment_put(struct draft *draft, const struct field *attachment, uint32_t place);

/* The member "bfd" of a path, whose addresses have been read. 0 or -EINVAL. */
int document_bfd_read(const struct field *object, struct model_path *path);

/* Id of the object that the member "site", "connection" or "attachment" names; 0 with the refusal
 * set. The object may be one that the change removes: check.h looks again. */
uint32_t document_named(
	const struct draft *draft, const struct field *object, enum model_kind kind);
/* Index of the port that the member "port" names, or -EINVAL. */
int document_named_port(const struct draft *draft, const struct field *object);

/* The member "addresses", as 192.0.2.1/30: at most MODEL_ADDRESSES, no address twice. 0 or -EINVAL.
 */
int document_named_addresses(const struct field *object, struct ip_prefix *address, uint8_t *count);

/* A group of routes of one connection with one via. */
struct document_routes {
	const json_t *prefixes; /* array, or NULL where prefix is given */
	struct ip_prefix prefix;
	size_t count;
	uint32_t connection;
	uint16_t preference;
	uint32_t via; /* held; 0: removal */
	bool local;
};

/* Reads all but the prefixes, of which packed groups have none. removal: there is no via and no
 * preference. */
int document_route_open(struct draft *draft, const struct field *group, bool removal, bool packed,
	struct document_routes *routes);
/* Stages the prefix at this index. */
int document_route_stage(struct draft *draft, const struct field *group, bool removal,
	const struct document_routes *routes, size_t index);
/* Stages this prefix; where is the field to blame. */
int document_route_stage_one(struct draft *draft, const struct field *where, bool removal,
	const struct document_routes *routes, const struct ip_prefix *prefix);

#endif
