/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/wire.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <linux/if_link.h>
#include <string.h>
#include <sys/socket.h>

#define BURST 64

static const char *const direction_names[2] = {"ab", "ba"};

static int open_ports(struct wire_link *link, uint32_t mtu)
{
	for (int side = 0; side < 2; side++) {
		int err = rawport_open(&link->ports[side], link->interfaces[side], mtu);

		if (err != 0) {
			fprintf(stderr, "wire: %s: %s\n", link->interfaces[side], strerror(-err));
			if (side == 1)
				rawport_close(&link->ports[0]);
			return err;
		}
	}
	return 0;
}

int wire_add(struct wire *wire, const char *text, uint32_t mtu)
{
	struct wire_link *link = &wire->links[wire->count];
	char rest;
	int err;

	if (wire->count == WIRE_LINKS ||
		sscanf(text, "%31[^=]=%31[^:]:%31s%c", link->name, link->interfaces[0],
			link->interfaces[1], &rest) != 3) {
		fprintf(stderr, "wire: %s: want NAME=INTERFACE:INTERFACE, at most %d of them\n",
			text, WIRE_LINKS);
		return -EINVAL;
	}
	err = open_ports(link, mtu);
	if (err != 0)
		return err;
	for (unsigned side = 0; side < 2; side++) {
		struct wire_direction *direction = &link->directions[side];

		/* Links and directions draw from streams of their own. */
		impair_start(&direction->impair, wire->seed * 1000003 + wire->count * 2 + side);
		direction->from = &link->ports[side];
		direction->to = &link->ports[!side];
	}
	wire->count++;
	return 0;
}

void wire_close(struct wire *wire)
{
	for (uint32_t i = 0; i < wire->count; i++)
		for (int side = 0; side < 2; side++) {
			delayline_free(&wire->links[i].directions[side].line);
			rawport_close(&wire->links[i].ports[side]);
		}
	wire->count = 0;
}

/* What goes out in one call to the kernel. */
struct batch {
	struct rawport_frame frames[2 * BURST];
	uint64_t numbers[2 * BURST];
	uint32_t count;
};

static void send_batch(struct wire_direction *direction, struct batch *batch)
{
	uint8_t sent[2 * BURST];

	rawport_send(direction->to, batch->frames, batch->count, sent);
	for (uint32_t i = 0; i < batch->count; i++) {
		if (sent[i])
			impair_sent(&direction->impair, batch->numbers[i], batch->frames[i].length);
		else
			impair_refused(&direction->impair);
	}
	batch->count = 0;
}

static void add_to_batch(struct batch *batch, const struct rawport_frame *frame, uint64_t number)
{
	batch->frames[batch->count] = *frame;
	batch->numbers[batch->count++] = number;
}

static void take_in(struct wire_direction *direction, const struct rawport_frame *frame,
	uint64_t now_ns, struct batch *batch)
{
	struct impair_fate fate;

	if (frame->length == 0) {
		direction->overlong++;
		return;
	}
	fate = impair_decide(&direction->impair, now_ns, frame->length);
	if (fate.copies > 0 && fate.corrupt_bit > 0)
		frame->bytes[fate.corrupt_bit / 8] ^= (uint8_t)(1u << fate.corrupt_bit % 8);
	for (uint32_t copy = 0; copy < fate.copies; copy++) {
		/* Nothing overtakes what is under way. */
		if (fate.due_ns <= now_ns && direction->line.count == 0)
			add_to_batch(batch, frame, fate.number);
		else if (delayline_put(&direction->line, fate.due_ns, fate.number, frame->bytes,
				 frame->length) != 0)
			impair_refused(&direction->impair);
	}
}

void wire_receive(struct wire_link *link, int side, uint64_t now_ns)
{
	struct wire_direction *direction = &link->directions[side];
	struct rawport_frame frames[BURST];
	struct batch batch = {.count = 0};
	uint32_t count = rawport_receive(direction->from, frames, BURST);

	for (uint32_t i = 0; i < count; i++)
		take_in(direction, &frames[i], now_ns, &batch);
	send_batch(direction, &batch);
	rawport_release(direction->from);
}

/* The bytes belong to the line: they are sent before the line lets go of them. */
static void send_first(struct wire_direction *direction)
{
	const struct delayline_frame *first = delayline_first(&direction->line);
	struct rawport_frame frame = {first->bytes, first->length};
	uint8_t sent = 0;

	if (!impair_may_leave(&direction->impair)) {
		impair_cut(&direction->impair);
	} else {
		rawport_send(direction->to, &frame, 1, &sent);
		if (sent)
			impair_sent(&direction->impair, first->number, first->length);
		else
			impair_refused(&direction->impair);
	}
	delayline_drop_first(&direction->line);
}

uint64_t wire_send_due(struct wire *wire, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < 2 * wire->count; i++) {
		struct wire_direction *direction = &wire->links[i / 2].directions[i % 2];
		const struct delayline_frame *first;

		while ((first = delayline_first(&direction->line)) && first->due_ns <= now_ns)
			send_first(direction);
		if (first && first->due_ns < next)
			next = first->due_ns;
	}
	return next;
}

/* Frames that an interface of the kernel dropped on their way out, after taking them. */
static uint64_t kernel_drops(const struct ifaddrs *list, const char *interface)
{
	for (const struct ifaddrs *entry = list; entry; entry = entry->ifa_next) {
		const struct rtnl_link_stats *stats = entry->ifa_data;

		if (stats && entry->ifa_addr && entry->ifa_addr->sa_family == AF_PACKET &&
			strcmp(entry->ifa_name, interface) == 0)
			return stats->tx_dropped;
	}
	return 0;
}

static void report_direction(const struct wire_direction *direction, uint64_t dropped, FILE *out)
{
	const struct impair_counts *c = &direction->impair.counts;
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{"received", c->received},
		{"received_bytes", c->received_bytes},
		{"sent", c->sent},
		{"sent_bytes", c->sent_bytes},
		{"lost", c->lost},
		{"cut", c->cut},
		{"queue_full", c->queue_full},
		{"refused", c->refused},
		{"duplicated", c->duplicated},
		{"corrupted", c->corrupted},
		{"held_back", c->held_back},
		{"late", c->late},
		{"in_flight", direction->impair.in_flight},
		{"overlong", direction->overlong},
		{"overflow", direction->from->overflow},
		{"kernel_dropped", dropped},
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		fprintf(out, "%s\"%s\":%" PRIu64, i ? "," : "{", counts[i].name, counts[i].value);
	fprintf(out, "}");
}

void wire_report(struct wire *wire, FILE *out)
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) != 0)
		list = NULL;
	fprintf(out, "{\"seed\":%" PRIu64 ",\"links\":{", wire->seed);
	for (uint32_t i = 0; i < wire->count; i++) {
		struct wire_link *link = &wire->links[i];

		fprintf(out, "%s\"%s\":{", i ? "," : "", link->name);
		for (int side = 0; side < 2; side++) {
			rawport_look(&link->ports[side]);
			fprintf(out, "%s\"%s\":", side ? "," : "", direction_names[side]);
			report_direction(&link->directions[side],
				kernel_drops(list, link->interfaces[!side]), out);
		}
		fprintf(out, "}");
	}
	fprintf(out, "}}\n");
	freeifaddrs(list);
}

static bool chosen(const char *word, const char *name, const char *everything)
{
	return strcmp(word, name) == 0 || strcmp(word, everything) == 0;
}

/* Works on copies first: a bad word in the middle leaves everything as it was. */
static int apply(const struct impair_settings *old, struct impair_settings *new, char **words)
{
	*new = *old;
	for (; *words; words++)
		if (impair_set(new, *words) != 0)
			return -EINVAL;
	return 0;
}

static const char *set(struct wire *wire, char **words)
{
	struct impair_settings settings;
	bool found = false;

	if (!words[0] || !words[1] || !words[2])
		return "want: set LINK|all ab|ba|both KEY=VALUE ...";
	for (int check = 1; check >= 0; check--)
		for (uint32_t i = 0; i < 2 * wire->count; i++) {
			struct wire_link *link = &wire->links[i / 2];
			struct impair *impair = &link->directions[i % 2].impair;

			if (!chosen(words[0], link->name, "all") ||
				!chosen(words[1], direction_names[i % 2], "both"))
				continue;
			found = true;
			if (apply(&impair->settings, &settings, words + 2) != 0)
				return "want KEY=VALUE of delay jitter reorder_by (2ms) loss "
				       "reorder "
				       "duplicate corrupt (0.5%) limit (frames) cut (0 or 1)";
			if (!check)
				impair->settings = settings;
		}
	return found ? NULL : "no such link or direction";
}

void wire_command(struct wire *wire, char *line, FILE *out)
{
	char *words[16] = {NULL}, *rest = NULL;
	const char *error;
	size_t count = 0;

	for (char *word = strtok_r(line, " \t\r\n", &rest); word && count < 15;
		word = strtok_r(NULL, " \t\r\n", &rest))
		words[count++] = word;
	if (count == 1 && strcmp(words[0], "get") == 0) {
		wire_report(wire, out);
		return;
	}
	error = count > 0 && strcmp(words[0], "set") == 0 ? set(wire, words + 1)
							  : "want: get, or set ...";
	if (error)
		fprintf(out, "{\"error\":\"%s\"}\n", error);
	else
		fprintf(out, "{\"ok\":true}\n");
}
