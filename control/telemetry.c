/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/telemetry.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include <rte_telemetry.h>

/* Writer: control. Readers: threads of DPDK's telemetry, one for each of its clients. */
static struct {
	pthread_mutex_t lock;
	bool registered, set;
	struct telemetry view;
} shared = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool get_view(struct telemetry *view)
{
	bool set;

	pthread_mutex_lock(&shared.lock);
	set = shared.set;
	if (set)
		*view = shared.view;
	pthread_mutex_unlock(&shared.lock);
	return set;
}

void telemetry_set(const struct telemetry *view)
{
	pthread_mutex_lock(&shared.lock);
	shared.set = view != NULL;
	if (view != NULL)
		shared.view = *view;
	pthread_mutex_unlock(&shared.lock);
}

/* DPDK 22.11 knows no signed 64-bit numbers and no fractions: all is u64, times are nanoseconds. */
static int answer_info(const char *command, const char *params, struct rte_tel_data *data)
{
	struct telemetry view;

	(void)command;
	(void)params;
	if (!get_view(&view))
		return -EAGAIN;
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_string(data, "name", view.name);
	rte_tel_data_add_dict_string(data, "version", view.version);
	rte_tel_data_add_dict_u64(data, "generation", view.generation);
	rte_tel_data_add_dict_u64(data, "live_generation", view.live_generation);
	rte_tel_data_add_dict_u64(data, "started_ns", view.started_ns);
	rte_tel_data_add_dict_u64(data, "time_ns", view.time_ns);
	rte_tel_data_add_dict_u64(data, "workers", view.workers);
	rte_tel_data_add_dict_u64(data, "ports", view.ports);
	rte_tel_data_add_dict_u64(data, "connections", view.connections);
	rte_tel_data_add_dict_u64(data, "attachments", view.attachments);
	rte_tel_data_add_dict_u64(data, "paths", view.paths);
	return 0;
}

static int add_worker(struct rte_tel_data *data, unsigned worker, const struct collect_worker *w)
{
	struct rte_tel_data *one = rte_tel_data_alloc();
	char name[32];
	int rc;

	if (one == NULL)
		return -ENOMEM;
	rte_tel_data_start_dict(one);
	rte_tel_data_add_dict_u64(one, "generation", w->generation);
	rte_tel_data_add_dict_u64(one, "packets", w->packets);
	rte_tel_data_add_dict_u64(one, "turns", w->turns);
	rte_tel_data_add_dict_u64(one, "busy_turns", w->busy_turns);
	rte_tel_data_add_dict_u64(one, "busy_ns", w->busy_ns);
	rte_tel_data_add_dict_u64(one, "sleeps", w->sleeps);
	rte_tel_data_add_dict_u64(one, "sleep_ns", w->sleep_ns);
	rte_tel_data_add_dict_u64(one, "poll_gap_max_ns", w->poll_gap_max_ns);
	snprintf(name, sizeof(name), "worker_%u", worker);
	rc = rte_tel_data_add_dict_container(data, name, one, 0);
	if (rc < 0)
		rte_tel_data_free(one);
	return rc;
}

/* An array cannot hold dictionaries in DPDK 22.11; a dictionary can. */
static int answer_workers(const char *command, const char *params, struct rte_tel_data *data)
{
	struct telemetry view;
	int rc = 0;

	(void)command;
	(void)params;
	if (!get_view(&view))
		return -EAGAIN;
	rte_tel_data_start_dict(data);
	for (unsigned w = 0; w < view.workers && rc == 0; w++)
		rc = add_worker(data, w, &view.worker[w]);
	return rc;
}

static int answer_drops(const char *command, const char *params, struct rte_tel_data *data)
{
	struct telemetry view;

	(void)command;
	(void)params;
	if (!get_view(&view))
		return -EAGAIN;
	rte_tel_data_start_dict(data);
	for (unsigned r = 0; r < DROP_COUNT; r++)
		rte_tel_data_add_dict_u64(data, drop_name(r), view.drop[r]);
	return 0;
}

int telemetry_register(void)
{
	static const struct {
		const char *command, *help;
		telemetry_cb answer;
	} list[] = {
		{"/trunkline/info", "Name, version and sizes of the gateway. Takes no parameters",
			answer_info},
		{"/trunkline/workers", "Counters of each worker. Takes no parameters",
			answer_workers},
		{"/trunkline/drops", "Packets dropped, by reason. Takes no parameters",
			answer_drops},
	};
	int rc = 0;

	for (unsigned i = 0; i < ARRAY_SIZE(list) && !shared.registered && rc == 0; i++)
		rc = rte_telemetry_register_cmd(list[i].command, list[i].answer, list[i].help);
	shared.registered = shared.registered || rc == 0;
	return rc;
}
