/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Who is counted: the names behind the ids, as far as the readers of counters need them. The daemon
 * answers from its parts (census.h), tests from arrays.
 *
 * All calls are made on the control thread; strings are valid until the model changes, so nobody
 * keeps one from one slice of work to the next.
 */
#ifndef CONTROL_ROSTER_H
#define CONTROL_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "control/tracker.h"
#include "dataplane/fwd/liveness.h"
#include "dataplane/fwd/neighbour.h"

#define ROSTER_NEIGHBOUR_STATES (NEIGHBOUR_FAILED + 1)
#define ROSTER_EXTRAS		32

struct roster_gateway {
	const char *name, *version;
	uint64_t generation;  /* newest accepted */
	uint64_t live;	      /* newest that every worker has passed, with its routes */
	uint64_t started_ns;  /* CLOCK_REALTIME when the daemon started */
	uint32_t connections; /* highest ids that may be in use */
	uint32_t attachments, paths, ports;
};

struct roster_connection {
	const char *name;
	uint32_t vni;
	uint32_t bandwidth_mbps, peak_mbps; /* 0: no limit, no peak */
};

struct roster_attachment {
	const char *name, *connection, *port;
	uint32_t connection_id;
	bool up; /* administratively */
};

/* Failure detection of a path, as the worker that owns the session has it. */
struct roster_bfd {
	const char *mode; /* NULL: there is none, or no worker has begun it yet */
	const char *state, *diag, *remote_state, *remote_diag;
	unsigned state_number, diag_number, remote_state_number, remote_diag_number;
	unsigned worker;
	uint32_t discriminator, remote_discriminator; /* 0: not known */
	uint64_t interval_us, detection_us;	      /* as agreed; 0: none */
	uint64_t state_ms;			      /* since the state changed */
	uint64_t sent, received, unsent, ups, downs, demands_refused;
};

struct roster_path {
	const char *name, *site, *port;
	bool admin;		    /* administratively up */
	bool live;		    /* nothing objects */
	bool measured;		    /* its packets are numbered */
	struct tracker_delay delay; /* where it is measured */
	unsigned objection;	    /* bit = enum liveness_cause that objects */
	struct roster_bfd bfd;
};

/* What the device counts itself, before the gateway sees a frame or after it gave one away. */
struct roster_port {
	const char *name;
	const char *device;
	bool up;
	uint64_t speed_mbps; /* 0: not known */
	uint64_t missed;     /* frames lost for want of a free descriptor */
	uint64_t rx_errors, tx_errors;
	uint64_t no_buffer; /* receive buffers that could not be had */
	unsigned extras;    /* of a steering program in front of the queue, else 0 */
	struct {
		const char *name;
		uint64_t frames;
	} extra[ROSTER_EXTRAS];
};

struct roster_neighbour {
	const char *link_kind; /* "port", "attachment" or "endpoint" */
	const char *state;
	char link[160]; /* name of the port or attachment; "CONNECTION to SITE" of an endpoint */
	char address[64], mac[64]; /* empty: not known */
	uint64_t held;		   /* packets waiting */
	bool gleaned;		   /* learnt from traffic, not held by configuration */
	uint64_t age_ms;	   /* since it was last confirmed; UINT64_MAX: never */
};

struct roster {
	void *context;
	void (*gateway)(void *context, struct roster_gateway *out);
	/* False where this id names nothing. */
	bool (*connection)(void *context, uint32_t id, struct roster_connection *out);
	bool (*attachment)(void *context, uint32_t id, struct roster_attachment *out);
	bool (*path)(void *context, uint32_t id, struct roster_path *out);
	bool (*port)(void *context, uint32_t index, struct roster_port *out);
	/* The first neighbour behind *id, which becomes its id. False at the end. */
	bool (*neighbour)(void *context, uint32_t *id, struct roster_neighbour *out);
	void (*neighbour_states)(void *context, uint64_t count[ROSTER_NEIGHBOUR_STATES]);
};

const char *roster_cause_name(enum liveness_cause cause);
const char *roster_neighbour_state_name(unsigned state);

#endif
