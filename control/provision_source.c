/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/provision_source.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/checkpoint.h"
#include "control/document.h"
#include "control/gateway.h"
#include "control/publisher.h"
#include "control/server.h"

int provision_source_init(struct provision_source *source, struct gateway *gateway)
{
	source->gateway = gateway;
	source->checkpoint = checkpoint_create(gateway->model);
	return source->checkpoint != NULL ? 0 : -ENOMEM;
}

void provision_source_fini(struct provision_source *source)
{
	checkpoint_destroy(source->checkpoint);
}

/* Checkpoints */

static void paused(void *context)
{
	struct provision_source *source = context;

	journal_checkpoint_go(source->gateway->journal);
}

static void pause_changes(void *context)
{
	struct provision_source *source = context;

	if (source->gateway->server != NULL)
		server_pause(source->gateway->server, paused, source);
	else
		paused(source);
}

static void resume_changes(void *context)
{
	struct provision_source *source = context;

	if (source->gateway->server != NULL)
		server_resume(source->gateway->server);
}

static int restart(void *context)
{
	struct provision_source *source = context;

	checkpoint_restart(source->checkpoint);
	return 0;
}

static int next_record(void *context, char **bytes, size_t *length)
{
	struct provision_source *source = context;

	return checkpoint_next(source->checkpoint, bytes, length);
}

/* Records */

static int replay_record(void *context, const char *bytes, size_t length)
{
	return document_replay_record(context, bytes, length);
}

static int replay(struct provision_source *source, char error[JOURNAL_ERROR_TEXT])
{
	struct refusal refusal = {0};
	struct document_replay *all = document_replay_begin(source->gateway->model, &refusal);
	size_t length;
	int result;

	if (all == NULL) {
		snprintf(error, JOURNAL_ERROR_TEXT, "no memory to read the journal");
		return -ENOMEM;
	}
	result = journal_replay(source->gateway->journal, replay_record, all, error);
	document_replay_end(all);
	if (result == 0 || refusal.code == REFUSAL_NONE)
		return result;
	length = strlen(error);
	snprintf(&error[length], JOURNAL_ERROR_TEXT - length, " (%s: %s)", refusal.pointer,
		refusal.text);
	return result;
}

static int publish_all(struct provision_source *source, char error[JOURNAL_ERROR_TEXT])
{
	struct publisher *publisher = source->gateway->publisher;
	struct change *change;
	int result;

	if (publisher == NULL || model_generation(source->gateway->model) == 0)
		return 0;
	change = change_whole(source->gateway->model);
	result = change != NULL ? publisher_reserve(publisher, change) : -ENOMEM;
	if (result == 0) {
		publisher_submit(publisher, change);
		return 0;
	}
	change_free(change);
	snprintf(error, JOURNAL_ERROR_TEXT,
		"the state does not fit the limits of the boot file: %s", strerror(-result));
	return result;
}

int provision_source_restore(struct provision_source *source, char error[JOURNAL_ERROR_TEXT])
{
	const struct journal_source checkpoints = {
		.context = source,
		.restart = restart,
		.next = next_record,
		.pause = pause_changes,
		.resume = resume_changes,
	};
	int result = replay(source, error);

	if (result == 0)
		result = publish_all(source, error);
	if (result == 0)
		journal_set_source(source->gateway->journal, &checkpoints);
	return result;
}
