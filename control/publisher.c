/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "control/neighbours.h"
#include "control/publisher_private.h"

#define FREE_ROUTES 4096	     /* let go of in one tick: more than one can place meanwhile */
#define WAIT_NS	    UINT64_C(100000) /* between two looks at workers that have not passed yet */

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

bool publisher_has_time(uint64_t deadline_ns)
{
	return now_ns() < deadline_ns;
}

static void list_init(struct publisher_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_append(struct publisher_list *list, struct publisher_submission *s)
{
	s->next = NULL;
	*list->end = s;
	list->end = &s->next;
}

static struct publisher_submission *list_take(
	struct publisher_list *list, const struct change *change)
{
	for (struct publisher_submission **at = &list->first; *at != NULL; at = &(*at)->next) {
		struct publisher_submission *s = *at;

		if (s->reserved != change)
			continue;
		*at = s->next;
		if (list->end == &s->next)
			list->end = at;
		return s;
	}
	return NULL;
}

static uint32_t limit_of(const struct snapshot_limits *limits, enum model_kind kind)
{
	const uint32_t limit[MODEL_KINDS] = {
		[MODEL_SITE] = limits->sites,
		[MODEL_PATH] = limits->paths,
		[MODEL_CONNECTION] = limits->connections,
		[MODEL_ENDPOINT] = limits->endpoints,
		[MODEL_ATTACHMENT] = limits->attachments,
	};

	return limit[kind];
}

static int create_ids(struct publisher_ids *ids, uint32_t limit)
{
	ids->id = calloc(limit + 1, sizeof(*ids->id));
	ids->state = calloc(limit + 1, sizeof(*ids->state));
	return ids->id == NULL || ids->state == NULL ? -ENOMEM : 0;
}

static int create_kind(struct publisher_kind *k, uint32_t limit)
{
	k->published = calloc(limit + 1, sizeof(struct model_object *));
	k->next = calloc(limit + 1, sizeof(struct model_object *));
	k->neighbour = calloc(limit + 1, sizeof(*k->neighbour));
	if (k->published == NULL || k->next == NULL || k->neighbour == NULL)
		return -ENOMEM;
	return create_ids(&k->dirty, limit) != 0 ? -ENOMEM : create_ids(&k->removed, limit);
}

static void destroy_kind(struct publisher_kind *k)
{
	free(k->published);
	free(k->next);
	free(k->neighbour);
	free(k->dirty.id);
	free(k->dirty.state);
	free(k->removed.id);
	free(k->removed.state);
}

static bool work(void *context)
{
	struct publisher *p = context;
	enum publisher_next next = publisher_tick(p);

	if (next == PUBLISHER_WAITING)
		loop_timer_start(p->config.loop, &p->timer, WAIT_NS);
	return next == PUBLISHER_AGAIN;
}

static void wake(void *context)
{
	struct publisher *p = context;

	if (p->config.loop != NULL)
		loop_slice_start(p->config.loop, &p->slice);
}

static int create_parts(struct publisher *p)
{
	const struct snapshot_limits *limits = &p->config.fwd->limits.snapshot;

	for (unsigned kind = 0; kind < MODEL_KINDS; kind++) {
		if (create_kind(&p->kind[kind], limit_of(limits, kind)) != 0)
			return -ENOMEM;
	}
	p->site_touched = calloc(limits->sites + 1, sizeof(*p->site_touched));
	p->nexthops = nexthops_create(p->config.neighbours, limits);
	return p->site_touched == NULL || p->nexthops == NULL ? -ENOMEM : 0;
}

static void publish(struct publisher *p)
{
	struct fwd *fwd = p->config.fwd;

	fwd_publish(fwd, snapshot_edit_commit(p->edit, &p->garbage));
	p->edit = NULL;
	p->token = rte_rcu_qsbr_start(fwd->qsbr);
}

static bool passed(struct publisher *p)
{
	if (rte_rcu_qsbr_check(p->config.fwd->qsbr, p->token, false) != 1)
		return false;
	snapshot_free_garbage(p->garbage);
	p->garbage = NULL;
	return true;
}

struct publisher *publisher_create(const struct publisher_config *config)
{
	struct publisher *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->config = *config;
	p->compile.model = config->model;
	p->compile.gateway = config->gateway;
	p->compile.workers = config->fwd->limits.workers;
	p->compile.tsc_hz = rte_get_tsc_hz();
	p->compile.seed = config->fwd->hash_seed;
	memcpy(p->compile.port, config->port, sizeof(p->compile.port));
	p->precedence = neighbours_precedence(config->neighbours);
	list_init(&p->reserved);
	list_init(&p->queue);
	list_init(&p->round);
	list_init(&p->over);
	p->slice = (struct loop_slice){.work = work, .context = p};
	p->timer = (struct loop_timer){.fire = wake, .context = p};
	p->paths_touched = true; /* the ports, with the first round */
	if (create_parts(p) != 0) {
		publisher_destroy(p);
		return NULL;
	}
	p->phase = PUBLISHER_PHASE_COMPILE;
	wake(p);
	return p;
}

static void destroy_list(struct publisher_list *list)
{
	while (list->first != NULL) {
		struct publisher_submission *s = list->first;

		list->first = s->next;
		nexthops_forget(&s->need.hops);
		change_free(s->change);
		free(s);
	}
	list->end = &list->first;
}

void publisher_destroy(struct publisher *p)
{
	if (p == NULL)
		return;
	if (p->config.loop != NULL) {
		loop_slice_stop(p->config.loop, &p->slice);
		loop_timer_stop(p->config.loop, &p->timer);
	}
	snapshot_edit_abandon(p->edit);
	snapshot_free_garbage(p->garbage);
	destroy_list(&p->over);
	destroy_list(&p->round);
	destroy_list(&p->queue);
	destroy_list(&p->reserved);
	for (unsigned kind = 0; kind < MODEL_KINDS; kind++)
		destroy_kind(&p->kind[kind]);
	nexthops_destroy(p->nexthops);
	free(p->site_touched);
	free(p->release);
	free(p);
}

int publisher_reserve(struct publisher *p, const struct change *change)
{
	struct publisher_submission *s = calloc(1, sizeof(*s));
	int error;

	if (s == NULL)
		return -ENOMEM;
	error = publisher_need_reserve(p, change, &s->need);
	if (error != 0) {
		free(s);
		return error;
	}
	s->reserved = change;
	list_append(&p->reserved, s);
	return 0;
}

void publisher_release(struct publisher *p, const struct change *change)
{
	struct publisher_submission *s = list_take(&p->reserved, change);

	if (s == NULL)
		return;
	nexthops_unreserve(p->nexthops, &s->need.hops);
	publisher_need_return(p, &s->need);
	free(s);
}

/* Joins the round under way, which is still being compiled. */
static void join(struct publisher *p, struct publisher_submission *s)
{
	list_append(&p->round, s);
	publisher_compile_absorb(p, s->change);
	if (p->via_change == NULL) {
		p->via_change = s;
		p->via_route = 0;
	}
}

static bool between_rounds(const struct publisher *p)
{
	return p->phase == PUBLISHER_PHASE_IDLE && p->queue.first == NULL;
}

void publisher_submit(struct publisher *p, struct change *change)
{
	struct publisher_submission *s = list_take(&p->reserved, change);

	if (s == NULL)
		abort(); /* nothing was set aside: the caller broke the contract */
	s->change = change;
	if (p->config.submitted != NULL)
		p->config.submitted(p->config.context, change);
	if (between_rounds(p))
		p->phase = PUBLISHER_PHASE_COMPILE;
	if (p->phase == PUBLISHER_PHASE_COMPILE)
		join(p, s);
	else
		list_append(&p->queue, s);
	wake(p);
}

/* Generations that changed nothing for workers are live as soon as nothing is under way. */
uint64_t publisher_live(const struct publisher *p)
{
	if (between_rounds(p) && p->reserved.first == NULL)
		return model_generation(p->config.model);
	return p->live;
}

bool publisher_idle(const struct publisher *p)
{
	return between_rounds(p) && p->over.first == NULL;
}

void publisher_wait(struct publisher *p, struct publisher_wait *wait)
{
	if (wait->generation <= publisher_live(p)) {
		wait->done(wait);
		return;
	}
	wait->next = p->waiting;
	p->waiting = wait;
}

void publisher_wait_cancel(struct publisher *p, struct publisher_wait *wait)
{
	for (struct publisher_wait **at = &p->waiting; *at != NULL; at = &(*at)->next) {
		if (*at == wait) {
			*at = wait->next;
			return;
		}
	}
}

/* done may wait or cancel anew, so the list is looked through from the start each time. */
static void tell_waiting(struct publisher *p)
{
	struct publisher_wait **at = &p->waiting;

	while (*at != NULL) {
		struct publisher_wait *wait = *at;

		if (wait->generation > p->live) {
			at = &wait->next;
			continue;
		}
		*at = wait->next;
		wait->done(wait);
		at = &p->waiting;
	}
}

static void go_live(struct publisher *p)
{
	for (struct publisher_submission *s = p->round.first; s != NULL; s = s->next) {
		if (s->change->generation > p->live)
			p->live = s->change->generation;
	}
	tell_waiting(p);
}

static void finish_round(struct publisher *p)
{
	publisher_compile_forget(p);
	nexthops_retire(p->nexthops);
	for (uint32_t i = 0; i < p->releases; i++)
		neighbours_release(p->config.neighbours, p->release[i]);
	p->releases = 0;
	for (struct publisher_submission *s = p->round.first, *next; s != NULL; s = next) {
		next = s->next;
		publisher_need_return(p, &s->need);
		list_append(&p->over, s);
	}
	list_init(&p->round);
	p->phase = PUBLISHER_PHASE_IDLE;
}

/* A million routes take their time to let go of; of small changes, as many as there are: ids that
 * they freed are wanted again. */
static void free_some(struct publisher *p)
{
	size_t budget = FREE_ROUTES, work;
	struct publisher_submission *s;

	while ((s = p->over.first) != NULL && budget > 0) {
		work = s->change->route_count + s->change->object_count + 1;
		if (change_free_some(s->change, budget))
			return;
		p->over.first = s->next;
		if (s->next == NULL)
			p->over.end = &p->over.first;
		free(s);
		budget -= work < budget ? work : budget;
	}
}

static void begin_round(struct publisher *p)
{
	struct publisher_submission *s = p->queue.first;

	list_init(&p->queue);
	p->phase = PUBLISHER_PHASE_COMPILE;
	while (s != NULL) {
		struct publisher_submission *next = s->next;

		join(p, s);
		s = next;
	}
}

/* One phase, or a slice of it. */
static enum publisher_next tick_compile(struct publisher *p, uint64_t deadline_ns)
{
	int result;

	/* A change that was accepted is being made, slice by slice: the model is between two
	 * states, and this round will take the change along. */
	if (p->reserved.first != NULL)
		return PUBLISHER_WAITING;
	result = publisher_compile_step(p, deadline_ns);
	if (result < 0)
		return PUBLISHER_WAITING; /* memory may come back; the workers go on as they are */
	if (result > 0)
		return PUBLISHER_AGAIN;
	publish(p);
	p->phase = PUBLISHER_PHASE_PASS;
	return PUBLISHER_AGAIN;
}

static enum publisher_next tick_pass(struct publisher *p)
{
	if (!passed(p))
		return PUBLISHER_WAITING;
	p->phase = PUBLISHER_PHASE_PLACE;
	return PUBLISHER_AGAIN;
}

static enum publisher_next tick_place(struct publisher *p, uint64_t deadline_ns)
{
	if (publisher_place_step(p, deadline_ns) != 0)
		return PUBLISHER_AGAIN;
	for (struct publisher_submission *s = p->round.first; s != NULL; s = s->next)
		nexthops_unreserve(p->nexthops, &s->need.hops);
	p->token = rte_rcu_qsbr_start(p->config.fwd->qsbr);
	p->phase = PUBLISHER_PHASE_SETTLE;
	return PUBLISHER_AGAIN;
}

static enum publisher_next tick_settle(struct publisher *p)
{
	if (!passed(p))
		return PUBLISHER_WAITING;
	go_live(p);
	lpm_reclaim(p->config.fwd->lpm);
	if (!publisher_compile_removes(p)) {
		finish_round(p);
		return PUBLISHER_AGAIN;
	}
	p->drain_pass = 0;
	publisher_drain_begin(p);
	p->phase = PUBLISHER_PHASE_DRAIN;
	return PUBLISHER_AGAIN;
}

/* Twice: a packet may pass one ring to be routed and another to be sent. */
static enum publisher_next tick_drain(struct publisher *p)
{
	if (!publisher_drain_done(p))
		return PUBLISHER_WAITING;
	if (p->drain_pass++ == 0)
		publisher_drain_begin(p);
	else
		p->phase = PUBLISHER_PHASE_CLEAR;
	return PUBLISHER_AGAIN;
}

static enum publisher_next tick_clear(struct publisher *p)
{
	if (publisher_compile_clear(p) != 0)
		return PUBLISHER_WAITING;
	publish(p);
	p->phase = PUBLISHER_PHASE_CLEARED;
	return PUBLISHER_AGAIN;
}

static enum publisher_next tick_cleared(struct publisher *p)
{
	if (!passed(p))
		return PUBLISHER_WAITING;
	finish_round(p);
	return PUBLISHER_AGAIN;
}

static enum publisher_next tick_idle(struct publisher *p)
{
	if (p->queue.first == NULL) {
		p->live = publisher_live(p);
		tell_waiting(p);
		return p->over.first != NULL ? PUBLISHER_AGAIN : PUBLISHER_IDLE;
	}
	begin_round(p);
	return PUBLISHER_AGAIN;
}

enum publisher_next publisher_tick(struct publisher *p)
{
	uint64_t deadline_ns = now_ns() + LOOP_SLICE_ONE_NS;

	free_some(p);
	switch (p->phase) {
	case PUBLISHER_PHASE_COMPILE:
		return tick_compile(p, deadline_ns);
	case PUBLISHER_PHASE_PASS:
		return tick_pass(p);
	case PUBLISHER_PHASE_PLACE:
		return tick_place(p, deadline_ns);
	case PUBLISHER_PHASE_SETTLE:
		return tick_settle(p);
	case PUBLISHER_PHASE_DRAIN:
		return tick_drain(p);
	case PUBLISHER_PHASE_CLEAR:
		return tick_clear(p);
	case PUBLISHER_PHASE_CLEARED:
		return tick_cleared(p);
	default:
		return tick_idle(p);
	}
}
