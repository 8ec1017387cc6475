/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/fwd/snapshot.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* All tables in one list, so that copying, comparing and freeing blocks is written once. */
enum table {
	TABLE_PORT,
	TABLE_TUNNELS,
	TABLE_SITE,
	TABLE_ATTACHMENT,
	TABLE_CONNECTION,
	TABLE_ENDPOINT,
	TABLE_PATH,
	TABLE_BFD,
	TABLE_SET,
	TABLES
};

static const size_t block_bytes[TABLES] = {
	[TABLE_PORT] = sizeof(struct fwd_port) * FWD_PORTS,
	[TABLE_TUNNELS] = 0, /* varies */
	[TABLE_SITE] = sizeof(struct fwd_site),
	[TABLE_ATTACHMENT] = sizeof(struct fwd_attachment_block),
	[TABLE_CONNECTION] = sizeof(struct fwd_connection_block),
	[TABLE_ENDPOINT] = sizeof(struct fwd_endpoint_block),
	[TABLE_PATH] = sizeof(struct fwd_path_block),
	[TABLE_BFD] = sizeof(struct fwd_bfd_block),
	[TABLE_SET] = sizeof(struct fwd_set_block),
};

/* What every block not in use points to. As a tunnel table it has one empty entry (mask 0). */
static const union {
	struct fwd_site site;
	struct fwd_attachment_block attachment;
	struct fwd_connection_block connection;
	struct fwd_endpoint_block endpoint;
	struct fwd_path_block path;
	struct fwd_bfd_block bfd;
	struct fwd_set_block set;
	struct fwd_port port[FWD_PORTS];
	uint8_t tunnels[sizeof(struct fwd_tunnels) + sizeof(struct fwd_tunnel)];
} zero;

/* In front of each block that was allocated: links the blocks of a garbage list. */
struct block {
	alignas(CACHE_LINE) struct block *next;
	alignas(CACHE_LINE) uint8_t bytes[];
};

/* The snapshot and the pointers its tables are reached by. */
struct root {
	struct snapshot snapshot;   /* first: what workers hold */
	uint32_t first[TABLES + 1]; /* where each table begins in block[] */
	const void *block[];
};

struct snapshot_garbage {
	struct root *root;
	struct block *blocks;
};

struct snapshot_edit {
	const struct root *from;
	struct root *to;
	struct snapshot_garbage *garbage; /* allocated early: commit must not fail */
};

static struct root *root_of(const struct snapshot *snapshot)
{
	return (struct root *)(uintptr_t)snapshot;
}

static struct block *block_of(const void *bytes)
{
	return (struct block *)((uintptr_t)bytes - offsetof(struct block, bytes));
}

static void *create_block(size_t bytes)
{
	size_t whole = (offsetof(struct block, bytes) + bytes + CACHE_LINE - 1) &
		       ~(size_t)(CACHE_LINE - 1);
	struct block *block = aligned_alloc(CACHE_LINE, whole);

	if (block == NULL)
		return NULL;
	block->next = NULL;
	return block->bytes;
}

static uint32_t blocks_of(const struct snapshot_limits *limits, enum table table)
{
	switch (table) {
	case TABLE_SITE:
		return limits->sites + 1;
	case TABLE_ATTACHMENT:
		return limits->attachments / SNAPSHOT_BLOCK + 1;
	case TABLE_CONNECTION:
		return limits->connections / SNAPSHOT_BLOCK + 1;
	case TABLE_ENDPOINT:
		return limits->endpoints / SNAPSHOT_BLOCK + 1;
	case TABLE_PATH:
	case TABLE_BFD:
		return limits->paths / SNAPSHOT_BLOCK + 1;
	case TABLE_SET:
		return limits->sets / SNAPSHOT_BLOCK + 1;
	default:
		return 1;
	}
}

static size_t root_bytes(uint32_t blocks)
{
	return sizeof(struct root) + sizeof(void *) * blocks;
}

/* The typed pointers of the public struct follow block[]. */
static void point(struct root *root)
{
	struct snapshot *s = &root->snapshot;
	const void **at[TABLES];

	for (unsigned i = 0; i < TABLES; i++)
		at[i] = &root->block[root->first[i]];
	s->port = *at[TABLE_PORT];
	s->tunnels = *at[TABLE_TUNNELS];
	s->site = (const struct fwd_site *const *)at[TABLE_SITE];
	s->attachment = (const struct fwd_attachment_block *const *)at[TABLE_ATTACHMENT];
	s->connection = (const struct fwd_connection_block *const *)at[TABLE_CONNECTION];
	s->endpoint = (const struct fwd_endpoint_block *const *)at[TABLE_ENDPOINT];
	s->path = (const struct fwd_path_block *const *)at[TABLE_PATH];
	s->bfd = (const struct fwd_bfd_block *const *)at[TABLE_BFD];
	s->set = (const struct fwd_set_block *const *)at[TABLE_SET];
}

struct snapshot *snapshot_create(const struct snapshot_limits *limits)
{
	uint32_t first[TABLES + 1] = {0};
	struct root *root;

	for (unsigned i = 0; i < TABLES; i++)
		first[i + 1] = first[i] + blocks_of(limits, i);
	root = calloc(1, root_bytes(first[TABLES]));
	if (root == NULL)
		return NULL;
	memcpy(root->first, first, sizeof(first));
	for (uint32_t i = 0; i < first[TABLES]; i++)
		root->block[i] = &zero;
	root->snapshot.limits = limits;
	point(root);
	return &root->snapshot;
}

void snapshot_destroy(const struct snapshot *snapshot)
{
	struct root *root = root_of(snapshot);

	if (snapshot == NULL)
		return;
	for (uint32_t i = 0; i < root->first[TABLES]; i++) {
		if (root->block[i] != &zero)
			free(block_of(root->block[i]));
	}
	free(root);
}

struct snapshot_edit *snapshot_edit_begin(const struct snapshot *from)
{
	const struct root *root = root_of(from);
	size_t bytes = root_bytes(root->first[TABLES]);
	struct snapshot_edit *edit = calloc(1, sizeof(*edit));

	if (edit == NULL)
		return NULL;
	edit->from = root;
	edit->garbage = calloc(1, sizeof(*edit->garbage));
	edit->to = malloc(bytes);
	if (edit->garbage == NULL || edit->to == NULL) {
		free(edit->to);
		free(edit->garbage);
		free(edit);
		return NULL;
	}
	memcpy(edit->to, root, bytes);
	return edit;
}

/* The copy of one block in the new generation, made on first use. */
static void *edit_block(struct snapshot_edit *edit, enum table table, uint32_t number)
{
	uint32_t i = edit->to->first[table] + number;
	const void *old = edit->from->block[i];
	void *copy;

	assert(i < edit->to->first[table + 1]);
	if (edit->to->block[i] != old)
		return (void *)(uintptr_t)edit->to->block[i];
	copy = create_block(block_bytes[table]);
	if (copy == NULL)
		return NULL;
	memcpy(copy, old, block_bytes[table]);
	edit->to->block[i] = copy;
	return copy;
}

struct fwd_port *snapshot_edit_port(struct snapshot_edit *edit, uint32_t index)
{
	struct fwd_port *port = edit_block(edit, TABLE_PORT, 0);

	assert(index < FWD_PORTS);
	return port == NULL ? NULL : &port[index];
}

struct fwd_site *snapshot_edit_site(struct snapshot_edit *edit, uint32_t id)
{
	return edit_block(edit, TABLE_SITE, id);
}

#define EDIT_ENTRY(name, table) \
	struct fwd_##name *snapshot_edit_##name(struct snapshot_edit *edit, uint32_t id) \
	{ \
		struct fwd_##name##_block *block = edit_block(edit, table, id / SNAPSHOT_BLOCK); \
\
		return block == NULL ? NULL : &block->entry[id % SNAPSHOT_BLOCK]; \
	}

EDIT_ENTRY(attachment, TABLE_ATTACHMENT)
EDIT_ENTRY(connection, TABLE_CONNECTION)
EDIT_ENTRY(endpoint, TABLE_ENDPOINT)
EDIT_ENTRY(path, TABLE_PATH)
EDIT_ENTRY(set, TABLE_SET)

struct fwd_bfd *snapshot_edit_bfd(struct snapshot_edit *edit, uint32_t id)
{
	struct fwd_bfd_block *block = edit_block(edit, TABLE_BFD, id / SNAPSHOT_BLOCK);

	/* The number that commit gives. */
	edit->to->snapshot.bfd_generation = edit->from->snapshot.generation + 1;
	return block == NULL ? NULL : &block->entry[id % SNAPSHOT_BLOCK];
}

static void tunnels_add(struct fwd_tunnels *tunnels, const struct fwd_tunnel *entry)
{
	uint32_t at = snapshot_tunnel_hash(
		entry->local.bytes, entry->remote.bytes, entry->local.family, entry->encapsulation);

	while (tunnels->entry[at & tunnels->mask].path != 0)
		at++;
	tunnels->entry[at & tunnels->mask] = *entry;
}

int snapshot_edit_tunnels(
	struct snapshot_edit *edit, const struct fwd_tunnel *entry, uint32_t count)
{
	const void **slot = &edit->to->block[edit->to->first[TABLE_TUNNELS]];
	const void *old = edit->from->block[edit->from->first[TABLE_TUNNELS]];
	struct fwd_tunnels *tunnels;
	uint32_t size = 2;
	size_t bytes;

	while (size < count * 2)
		size *= 2;
	bytes = sizeof(*tunnels) + sizeof(*entry) * size;
	tunnels = create_block(bytes);
	if (tunnels == NULL)
		return -ENOMEM;
	memset(tunnels, 0, bytes);
	tunnels->mask = size - 1;
	for (uint32_t i = 0; i < count; i++)
		tunnels_add(tunnels, &entry[i]);
	if (*slot != old)
		free(block_of(*slot));
	*slot = tunnels;
	return 0;
}

bool snapshot_port_has(const struct fwd_port *port, const struct ip_address *address)
{
	for (unsigned i = 0; i < port->addresses; i++)
		if (ip_equal(&port->address[i], address))
			return true;
	return false;
}

uint16_t snapshot_tunnel(const struct snapshot *s, const struct ip_address *local,
	const struct ip_address *remote, uint8_t encapsulation)
{
	return snapshot_tunnel_at(s, local->bytes, remote->bytes, local->family, encapsulation);
}

struct snapshot *snapshot_edit_commit(struct snapshot_edit *edit, struct snapshot_garbage **garbage)
{
	const struct root *from = edit->from;
	struct root *to = edit->to;

	for (uint32_t i = 0; i < from->first[TABLES]; i++) {
		struct block *block = block_of(from->block[i]);

		if (from->block[i] == to->block[i] || from->block[i] == &zero)
			continue;
		block->next = edit->garbage->blocks;
		edit->garbage->blocks = block;
	}
	to->snapshot.generation++;
	point(to);
	edit->garbage->root = root_of(&from->snapshot);
	*garbage = edit->garbage;
	free(edit);
	return &to->snapshot;
}

void snapshot_edit_abandon(struct snapshot_edit *edit)
{
	if (edit == NULL)
		return;
	for (uint32_t i = 0; i < edit->from->first[TABLES]; i++) {
		if (edit->from->block[i] != edit->to->block[i])
			free(block_of(edit->to->block[i]));
	}
	free(edit->to);
	free(edit->garbage);
	free(edit);
}

void snapshot_free_garbage(struct snapshot_garbage *garbage)
{
	if (garbage == NULL)
		return;
	for (struct block *block = garbage->blocks; block != NULL;) {
		struct block *next = block->next;

		free(block);
		block = next;
	}
	free(garbage->root);
	free(garbage);
}
