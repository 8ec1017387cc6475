/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/roster.h"

const char *roster_cause_name(enum liveness_cause cause)
{
	static const char *const name[LIVENESS_CAUSES] = {
		[LIVENESS_PORT] = "port",
		[LIVENESS_ADMIN] = "admin",
		[LIVENESS_NEIGHBOUR] = "neighbour",
		[LIVENESS_BFD] = "bfd",
		[LIVENESS_DEGRADED] = "degraded",
	};

	return name[cause];
}

const char *roster_neighbour_state_name(unsigned state)
{
	static const char *const name[ROSTER_NEIGHBOUR_STATES] = {
		[NEIGHBOUR_FREE] = "free",
		[NEIGHBOUR_INCOMPLETE] = "incomplete",
		[NEIGHBOUR_REACHABLE] = "reachable",
		[NEIGHBOUR_STALE] = "stale",
		[NEIGHBOUR_PERMANENT] = "permanent",
		[NEIGHBOUR_FAILED] = "failed",
	};

	return state < ROSTER_NEIGHBOUR_STATES ? name[state] : "unknown";
}
