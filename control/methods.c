/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/methods.h"

#include <string.h>

#include "control/model_methods.h"
#include "control/rings.h"
#include "control/stats.h"
#include "control/system.h"
#include "control/toplist.h"

static const struct rpc_method *const tables[SERVER_SOCKETS][SERVER_TABLES] = {
	[SERVER_CONTROL] = {system_methods, model_methods, stats_methods, rings_methods,
		rings_reads, toplist_methods},
	[SERVER_STATS] = {stats_methods, rings_reads, toplist_methods},
};

void methods_serve(struct server_config *config)
{
	memcpy(config->tables, tables, sizeof(tables));
	config->metrics = &stats_metrics;
}
