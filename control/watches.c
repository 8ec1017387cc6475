/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/watches.h"

#include <stdlib.h>

#include "control/loop.h"

struct watch {
	struct watches *watches;
	struct rpc_stream *stream;
	struct loop_timer timer;
	struct loop_slice slice;
	uint64_t number, interval_ns;
	uint64_t last_ns; /* time of the update before */
	bool full;	  /* the next update tells whole values */
	struct report_request request;
	struct report_memory memory;
	struct report report;
	struct watch *next, *prev;
};

static void free_watch(struct watch *watch)
{
	struct watches *watches = watch->watches;

	if (watch->prev != NULL)
		watch->prev->next = watch->next;
	else
		watches->first = watch->next;
	if (watch->next != NULL)
		watch->next->prev = watch->prev;
	watches->count--;
	loop_timer_stop(watches->loop, &watch->timer);
	loop_slice_stop(watches->loop, &watch->slice);
	report_free(&watch->report);
	report_memory_free(&watch->memory);
	free(watch);
}

static void closed(void *context)
{
	free_watch(context);
}

/* What could not be sent is not made up for by the next difference, but by whole values. */
static void send_update(struct watch *watch)
{
	size_t length;
	char *text = report_take(&watch->report, &length);

	report_free(&watch->report);
	if (text != NULL && rpc_notify_text(watch->stream, "stats.update", text, length) == 0) {
		watch->full = false;
		return;
	}
	report_memory_free(&watch->memory);
	watch->full = true;
}

static bool update(void *context)
{
	struct watch *watch = context;

	if (report_step(&watch->report))
		return true;
	send_update(watch);
	loop_timer_start_at(
		watch->watches->loop, &watch->timer, watch->last_ns + watch->interval_ns);
	return false;
}

static void begin_update(void *context)
{
	struct watch *watch = context;
	struct watches *watches = watch->watches;
	struct report *report = &watch->report;
	uint64_t last = watch->last_ns;

	report_start(report, &watch->request, watches->collect, watches->roster, watches->turns);
	emit_u64(&report->emit, "watch", watch->number);
	emit_bool(&report->emit, "full", watch->full);
	emit_u64(&report->emit, "elapsed_ns", last != 0 ? report->time_ns - last : 0);
	watch->last_ns = report->time_ns;
	loop_slice_start(watches->loop, &watch->slice);
}

/* NULL: the call was rejected. */
static struct watch *create(struct watches *watches, struct rpc_call *call)
{
	struct watch *watch;

	if (watches->count == WATCHES_MAX) {
		rpc_reject(call, RPC_LIMIT, NULL, "there are %d watches already", WATCHES_MAX);
		return NULL;
	}
	watch = calloc(1, sizeof(*watch));
	if (watch != NULL)
		watch->stream = rpc_stream_open(call, closed, watch);
	if (watch == NULL || watch->stream == NULL) {
		free(watch);
		rpc_reject(call, RPC_INTERNAL, NULL, "no stream can be opened here");
		return NULL;
	}
	watch->watches = watches;
	watch->number = ++watches->number;
	watch->full = true;
	watch->timer.fire = begin_update;
	watch->timer.context = watch;
	watch->slice.work = update;
	watch->slice.context = watch;
	watch->next = watches->first;
	if (watch->next != NULL)
		watch->next->prev = watch;
	watches->first = watch;
	watches->count++;
	return watch;
}

void watches_open(struct watches *watches, struct rpc_call *call,
	const struct report_request *request, uint64_t interval_ms)
{
	struct watch *watch = create(watches, call);

	if (watch == NULL)
		return;
	watch->interval_ns = interval_ms * 1000000;
	watch->request = *request;
	watch->request.memory = &watch->memory;
	loop_timer_start(watches->loop, &watch->timer, 0);
	rpc_reply(call, json_pack("{s:I, s:I}", "watch", (json_int_t)watch->number, "interval_ms",
				(json_int_t)interval_ms));
}

void watches_close(struct watches *watches)
{
	while (watches->first != NULL) {
		rpc_stream_close(watches->first->stream);
		free_watch(watches->first);
	}
}
