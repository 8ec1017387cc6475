/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/packed.h"

#include <errno.h>
#include <string.h>

enum { SIX = 64, SECTION_ENDS = 254, GROUP = 255 };

/* Writing */

static void add_group(struct packed_writer *writer, uint32_t number)
{
	uint8_t bytes[6] = {GROUP};
	unsigned length = 1;

	for (; number >= 0x80; number >>= 7)
		bytes[length++] = (uint8_t)(number | 0x80);
	bytes[length++] = (uint8_t)number;
	text_add(&writer->bytes, bytes, length);
}

static bool same_group(const struct packed_group *a, const struct packed_group *b)
{
	return a->connection == b->connection && a->via == b->via && a->preference == b->preference;
}

bool packed_select(struct packed_writer *writer, const struct packed_group *group)
{
	uint32_t hash = (group->via * 31 + group->connection + group->preference) % PACKED_CACHE;
	uint32_t *number = &writer->number[hash];
	bool fresh = *number == 0 || !same_group(&writer->group[hash], group);

	if (fresh) {
		writer->group[hash] = *group;
		*number = ++writer->groups;
	}
	if (writer->current != *number)
		add_group(writer, *number - 1);
	writer->current = *number;
	return fresh;
}

void packed_prefix(struct packed_writer *writer, const struct ip_prefix *prefix)
{
	uint8_t bytes[1 + sizeof(prefix->ip.bytes)];
	bool six = prefix->ip.family == IP_6;

	bytes[0] = (uint8_t)(prefix->length + (six ? SIX : 0));
	memcpy(&bytes[1], prefix->ip.bytes, sizeof(prefix->ip.bytes));
	text_add(&writer->bytes, bytes, 1 + (prefix->length + 7u) / 8);
}

static void begin_section(struct packed_writer *writer)
{
	writer->groups = 0;
	writer->current = 0;
	memset(writer->number, 0, sizeof(writer->number));
}

void packed_end(struct packed_writer *writer)
{
	const uint8_t end = SECTION_ENDS;

	if (writer->groups > 0)
		text_add(&writer->bytes, &end, 1);
	begin_section(writer);
}

void packed_join(struct packed_writer *writer, struct text *record)
{
	if (writer->bytes.failed)
		record->failed = true;
	text_add(record, "", 1);
	text_add(record, writer->bytes.data, writer->bytes.length);
	packed_free(writer);
}

void packed_free(struct packed_writer *writer)
{
	text_free(&writer->bytes);
	begin_section(writer);
}

/* Reading */

struct packed_reader packed_open(const char *record, size_t length, size_t *json)
{
	const char *nul = memchr(record, '\0', length);
	struct packed_reader reader = {0};

	*json = nul != NULL ? (size_t)(nul - record) : length;
	if (nul == NULL)
		return reader;
	reader.at = (const uint8_t *)nul + 1;
	reader.end = (const uint8_t *)record + length;
	return reader;
}

static int read_group(struct packed_reader *reader)
{
	uint32_t number = 0;

	for (unsigned shift = 0; shift < 32 && reader->at < reader->end; shift += 7) {
		uint8_t byte = *reader->at++;

		number |= (uint32_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		reader->group = number;
		reader->selected = true;
		return 0;
	}
	return -EINVAL;
}

static int read_prefix(struct packed_reader *reader, uint8_t first, struct ip_prefix *prefix)
{
	bool six = first >= SIX;
	unsigned length = six ? first - (unsigned)SIX : first, bytes = (length + 7) / 8;

	if (!reader->selected || length > (six ? 128 : 32) ||
		(size_t)(reader->end - reader->at) < bytes)
		return -EINVAL;
	*prefix = (struct ip_prefix){.ip.family = six ? IP_6 : IP_4, .length = (uint8_t)length};
	memcpy(prefix->ip.bytes, reader->at, bytes);
	reader->at += bytes;
	if (length % 8 != 0 && (prefix->ip.bytes[bytes - 1] & 0xff >> length % 8) != 0)
		return -EINVAL;
	return 1;
}

int packed_next(struct packed_reader *reader, struct ip_prefix *prefix)
{
	while (reader->at < reader->end) {
		uint8_t first = *reader->at++;

		if (first == SECTION_ENDS) {
			reader->selected = false;
			return 0;
		}
		if (first != GROUP)
			return read_prefix(reader, first, prefix);
		if (read_group(reader) < 0)
			return -EINVAL;
	}
	return -EINVAL;
}

size_t packed_count(struct packed_reader reader)
{
	struct ip_prefix prefix;
	size_t count = 0;

	int next = 1;

	/* After the end of a section there is another, or there are no more bytes. */
	while (next >= 0 && reader.at < reader.end) {
		next = packed_next(&reader, &prefix);
		count += next > 0;
	}
	return count;
}
