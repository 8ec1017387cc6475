/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/delayline.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

static bool before(const struct delayline_frame *a, const struct delayline_frame *b)
{
	return a->due_ns != b->due_ns ? a->due_ns < b->due_ns : a->order < b->order;
}

static void sift_up(struct delayline_frame *heap, uint32_t at)
{
	struct delayline_frame moved = heap[at];

	for (uint32_t parent; at > 0 && before(&moved, &heap[parent = (at - 1) / 2]); at = parent)
		heap[at] = heap[parent];
	heap[at] = moved;
}

static void sift_down(struct delayline_frame *heap, uint32_t count)
{
	struct delayline_frame moved = heap[count];
	uint32_t at = 0;

	for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &moved))
			break;
		heap[at] = heap[child];
	}
	heap[at] = moved;
}

static int grow(struct delayline *line)
{
	uint32_t room = line->room ? 2 * line->room : 256;
	struct delayline_frame *heap = realloc(line->heap, room * sizeof(*heap));

	if (!heap)
		return -ENOMEM;
	line->heap = heap;
	line->room = room;
	return 0;
}

int delayline_put(struct delayline *line, uint64_t due_ns, uint64_t number, const uint8_t *bytes,
	uint32_t length)
{
	uint8_t *copy;

	if (line->count == line->room && grow(line) != 0)
		return -ENOMEM;
	copy = malloc(length);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, bytes, length);
	line->heap[line->count] = (struct delayline_frame){
		.due_ns = due_ns,
		.order = line->order++,
		.number = number,
		.bytes = copy,
		.length = length,
	};
	sift_up(line->heap, line->count++);
	return 0;
}

const struct delayline_frame *delayline_first(const struct delayline *line)
{
	return line->count > 0 ? &line->heap[0] : NULL;
}

void delayline_drop_first(struct delayline *line)
{
	free(line->heap[0].bytes);
	/* The last one takes the empty place at the root. */
	if (--line->count > 0)
		sift_down(line->heap, line->count);
}

void delayline_free(struct delayline *line)
{
	while (line->count > 0)
		free(line->heap[--line->count].bytes);
	free(line->heap);
	memset(line, 0, sizeof(*line));
}
