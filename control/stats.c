/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/stats.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/boot.h"
#include "control/census.h"
#include "control/change.h"
#include "control/collect.h"
#include "control/loop.h"
#include "control/metrics.h"
#include "control/report.h"
#include "control/telemetry.h"
#include "control/watches.h"
#include "dataplane/base/log.h"

#define TELEMETRY_INTERVAL_NS UINT64_C(1000000000)
#define TELEMETRY_A_STEP      128

/* One answer under way. */
struct job {
	struct stats *stats;
	struct rpc_call *call;
	struct loop_slice slice;
	bool is_metrics;
	union {
		struct report report;
		struct metrics metrics;
	};
	struct job *next, *prev;
};

/* The copy for DPDK's telemetry, in the making. */
struct copying {
	struct loop_timer timer;
	struct loop_slice slice;
	uint32_t next;
	struct telemetry view;
};

struct stats {
	struct gateway *gateway;
	struct census census;
	struct collect collect;
	struct job *jobs;
	unsigned job_count;
	struct watches watches;
	struct copying copying;
};

static const struct loop_times *turns_of(const struct stats *stats)
{
	return loop_times_busy(stats->gateway->loop);
}

/* Jobs */

static void free_job(struct job *job)
{
	struct stats *stats = job->stats;

	if (job->prev != NULL)
		job->prev->next = job->next;
	else
		stats->jobs = job->next;
	if (job->next != NULL)
		job->next->prev = job->prev;
	stats->job_count--;
	loop_slice_stop(stats->gateway->loop, &job->slice);
	if (job->is_metrics)
		metrics_free(&job->metrics);
	else
		report_free(&job->report);
	free(job);
}

static void answer(struct job *job)
{
	struct rpc_call *call = job->call;
	size_t length = 0;
	char *text = job->is_metrics ? metrics_take(&job->metrics, &length)
				     : report_take(&job->report, &length);

	if (text == NULL)
		rpc_reject(call, RPC_INTERNAL, NULL, "out of memory while the answer was made");
	else if (job->is_metrics)
		rpc_reply_plain(call, text, length - 1); /* the last newline is the sink's */
	else
		rpc_reply_text(call, text, length);
}

static bool work(void *context)
{
	struct job *job = context;

	if (job->is_metrics ? metrics_step(&job->metrics) : report_step(&job->report))
		return true;
	answer(job);
	free_job(job);
	return false;
}

/* NULL: the call was rejected. */
static struct job *create_job(struct stats *stats, struct rpc_call *call, bool is_metrics)
{
	struct job *job;

	if (stats->job_count == STATS_JOBS) {
		rpc_reject(call, RPC_BUSY, NULL, "%d answers are being made: ask again later",
			STATS_JOBS);
		return NULL;
	}
	job = calloc(1, sizeof(*job));
	if (job == NULL) {
		rpc_reject(call, RPC_INTERNAL, NULL, "out of memory");
		return NULL;
	}
	job->stats = stats;
	job->call = call;
	job->is_metrics = is_metrics;
	job->slice.work = work;
	job->slice.context = job;
	job->next = stats->jobs;
	if (job->next != NULL)
		job->next->prev = job;
	stats->jobs = job;
	stats->job_count++;
	loop_slice_start(stats->gateway->loop, &job->slice);
	return job;
}

/* Params */

static int read_sections(struct rpc_call *call, unsigned *sections)
{
	json_t *list = json_object_get(call->params, "sections"), *item;
	char field[64];
	size_t i;

	if (list == NULL)
		return 0;
	if (!json_is_array(list) || json_array_size(list) == 0) {
		rpc_reject(call, RPC_PARAMS, "/sections", "sections must be a list of names");
		return -1;
	}
	*sections = 0;
	json_array_foreach(list, i, item)
	{
		int section =
			json_is_string(item) ? report_section_find(json_string_value(item)) : -1;

		if (section < 0) {
			snprintf(field, sizeof(field), "/sections/%zu", i);
			rpc_reject(call, RPC_PARAMS, field,
				"no such section: there are ports, workers, connections, "
				"attachments, "
				"paths, drops, neighbours, rings and control");
			return -1;
		}
		*sections |= 1u << section;
	}
	return 0;
}

static int read_connection(struct rpc_call *call, const struct stats *stats, uint32_t *id)
{
	struct roster roster = stats->census.roster;
	struct roster_connection who;
	const char *name;
	int rc = rpc_get_string(call, "connection", &name);

	if (rc <= 0)
		return rc;
	for (*id = 1; *id <= stats->gateway->boot->limits.connections; ++*id)
		if (roster.connection(roster.context, *id, &who) && strcmp(who.name, name) == 0)
			return 0;
	rpc_reject(call, RPC_NOT_FOUND, "/connection", "there is no connection \"%s\"", name);
	return -1;
}

static int read_request(
	struct rpc_call *call, const struct stats *stats, struct report_request *request)
{
	*request = (struct report_request){.sections = REPORT_ALL};
	if (read_sections(call, &request->sections) < 0)
		return -1;
	return read_connection(call, stats, &request->connection);
}

/* stats.get */

static void get(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const members[] = {"sections", "connection", "nonzero", NULL};
	struct stats *stats = gateway->stats;
	struct report_request request;
	struct job *job;

	if (rpc_only(call, members) < 0 || read_request(call, stats, &request) < 0 ||
		rpc_get_bool(call, "nonzero", &request.nonzero) < 0)
		return;
	job = create_job(stats, call, false);
	if (job != NULL)
		report_start(&job->report, &request, &stats->collect, &stats->census.roster,
			turns_of(stats));
}

/* metrics */

static void metrics(struct gateway *gateway, struct rpc_call *call)
{
	struct stats *stats = gateway->stats;
	struct job *job = create_job(stats, call, true);

	if (job != NULL)
		metrics_start(&job->metrics, &stats->collect, &stats->census.roster,
			turns_of(stats), EXPOSITION_OPENMETRICS);
}

/* stats.watch */

static void watch(struct gateway *gateway, struct rpc_call *call)
{
	static const char *const members[] = {"sections", "connection", "interval_ms", NULL};
	struct stats *stats = gateway->stats;
	struct report_request request;
	uint64_t interval = STATS_INTERVAL_MS;

	if (rpc_only(call, members) < 0 || read_request(call, stats, &request) < 0 ||
		rpc_get_u64(call, "interval_ms", STATS_INTERVAL_MS_MIN, STATS_INTERVAL_MS_MAX,
			&interval) < 0)
		return;
	watches_open(&stats->watches, call, &request, interval);
}

const struct rpc_method stats_methods[] = {
	{"stats.get", true, get},
	{"stats.watch", true, watch},
	{NULL, true, NULL},
};

const struct rpc_method stats_metrics = {"metrics", true, metrics};

/* Telemetry */

static void finish_copy(struct stats *stats)
{
	struct telemetry *view = &stats->copying.view;
	struct roster_gateway g;

	stats->census.roster.gateway(&stats->census, &g);
	snprintf(view->name, sizeof(view->name), "%s", g.name);
	snprintf(view->version, sizeof(view->version), "%s", g.version);
	view->generation = g.generation;
	view->live_generation = g.live;
	view->started_ns = g.started_ns;
	view->time_ns = collect_now_ns();
	view->ports = g.ports;
	view->workers = stats->collect.workers;
	census_count(&stats->census, &view->connections, &view->attachments, &view->paths);
	for (unsigned w = 0; w < view->workers; w++)
		collect_worker(&stats->collect, w, &view->worker[w]);
	for (unsigned port = 0; port < view->ports; port++) {
		struct collect_port c;

		collect_port(&stats->collect, port, &c);
		for (unsigned r = 0; r < DROP_COUNT; r++)
			view->drop[r] += c.sum.drop[r];
	}
	telemetry_set(view);
}

static bool copy(void *context)
{
	struct stats *stats = context;
	struct copying *copying = &stats->copying;
	uint32_t last = stats->gateway->boot->limits.connections;

	for (unsigned i = 0; i < TELEMETRY_A_STEP && copying->next <= last; i++)
		collect_connection_drops(&stats->collect, copying->next++, copying->view.drop);
	if (copying->next <= last)
		return true;
	finish_copy(stats);
	loop_timer_start(stats->gateway->loop, &copying->timer, TELEMETRY_INTERVAL_NS);
	return false;
}

static void begin_copy(void *context)
{
	struct stats *stats = context;

	stats->copying.next = 1;
	stats->copying.view = (struct telemetry){0};
	loop_slice_start(stats->gateway->loop, &stats->copying.slice);
}

static void start_copying(struct stats *stats)
{
	struct copying *copying = &stats->copying;

	if (telemetry_register() < 0)
		log_warning("telemetry: the /trunkline commands could not be registered");
	copying->timer.fire = begin_copy;
	copying->timer.context = stats;
	copying->slice.work = copy;
	copying->slice.context = stats;
	loop_timer_start(stats->gateway->loop, &copying->timer, 0);
}

/* Life */

struct stats *stats_create(struct gateway *gateway)
{
	const struct boot_limits *limits = &gateway->boot->limits;
	struct stats *stats = calloc(1, sizeof(*stats));
	struct meter_sizes sizes = {
		.connections = limits->connections + 1,
		.attachments = limits->attachments + 1,
		.paths = limits->paths + 1,
		.ports = FWD_PORTS,
		.workers = plane_workers(gateway->plane),
	};

	if (stats == NULL || collect_init(&stats->collect, gateway->plane, &sizes) < 0) {
		log_error("statistics: out of memory");
		free(stats);
		return NULL;
	}
	stats->gateway = gateway;
	census_init(&stats->census, gateway);
	stats->watches = (struct watches){.loop = gateway->loop,
		.collect = &stats->collect,
		.roster = &stats->census.roster,
		.turns = turns_of(stats)};
	start_copying(stats);
	return stats;
}

void stats_destroy(struct stats *stats)
{
	if (stats == NULL)
		return;
	telemetry_set(NULL);
	loop_timer_stop(stats->gateway->loop, &stats->copying.timer);
	loop_slice_stop(stats->gateway->loop, &stats->copying.slice);
	watches_close(&stats->watches);
	while (stats->jobs != NULL)
		free_job(stats->jobs);
	collect_fini(&stats->collect);
	free(stats);
}

static void adopt(struct stats *stats, const struct change_object *object)
{
	switch (object->kind) {
	case MODEL_CONNECTION:
		if (collect_adopt_connection(&stats->collect, object->id) < 0)
			log_warning("statistics: out of memory, connection \"%s\" shows counts of "
				    "the one before it",
				object->after->name);
		break;
	case MODEL_ATTACHMENT:
		collect_adopt_attachment(&stats->collect, object->id);
		break;
	case MODEL_PATH:
		collect_adopt_path(&stats->collect, object->id);
		break;
	default:
		break;
	}
}

void stats_adopt(struct stats *stats, const struct change *change)
{
	for (size_t i = 0; i < change->object_count; i++)
		if (change->object[i].before == NULL)
			adopt(stats, &change->object[i]);
}

struct collect *stats_collect(struct stats *stats)
{
	return &stats->collect;
}
