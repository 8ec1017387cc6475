/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prefixes in the journal. A record is JSON text; where it has routes, a NUL follows and then the
 * prefixes as bytes, so that reading a million of them again takes no time to speak of. The JSON
 * has the groups (connection, via, preference), the bytes say which prefixes are in which, section
 * after section:
 *
 *   section:  any number of  group | prefix,  then  254
 *   group:    255 number; the prefixes that follow are in the group at this place of the section's
 *             array. number: seven bits a byte, low ones first, bit 7 set where more follow
 *   prefix:   length (IPv4: 0..32; IPv6: 64..192, that is 64 more), and as many bytes of the
 *             address as the length needs; bits beyond it are zero
 */
#ifndef CONTROL_PACKED_H
#define CONTROL_PACKED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/text.h"
#include "dataplane/base/ip.h"

#define PACKED_CACHE 64

struct packed_group {
	uint32_t connection, via;
	uint16_t preference;
};

/* Zeroed before first use. */
struct packed_writer {
	struct text bytes;
	uint32_t groups;  /* of the section at hand */
	uint32_t current; /* number + 1; 0: none */
	/* The groups last used, so that routes that alternate between some name each of them once.
	 * number + 1; 0: empty. */
	struct packed_group group[PACKED_CACHE];
	uint32_t number[PACKED_CACHE];
};

/* The prefixes to come are in this group. True where the section's array must get it as its next
 * item; the same group may come up again. */
bool packed_select(struct packed_writer *writer, const struct packed_group *group);
void packed_prefix(struct packed_writer *writer, const struct ip_prefix *prefix);
/* Ends the section. One without prefixes leaves no bytes, and must not be read. */
void packed_end(struct packed_writer *writer);
/* Puts all of it behind the record's JSON, and begins anew. Lack of memory shows in record. */
void packed_join(struct packed_writer *writer, struct text *record);
void packed_free(struct packed_writer *writer);

struct packed_reader {
	const uint8_t *at, *end;
	uint32_t group; /* of the prefix that was read last */
	bool selected;
};

/* The bytes behind the JSON of a record; none where there are none. *json: length of the JSON. */
struct packed_reader packed_open(const char *record, size_t length, size_t *json);
/* 1: the next prefix of the section, in the group that reader->group says (not checked against the
 * number of groups); 0: the section has ended; -EINVAL: no such bytes were ever written. */
int packed_next(struct packed_reader *reader, struct ip_prefix *prefix);
/* Prefixes of all sections that are left; of malformed ones, those before the mistake. */
size_t packed_count(struct packed_reader reader);

#endif
