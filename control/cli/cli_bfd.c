/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_bfd.h"

#include <inttypes.h>

#include "control/cli/cli_json.h"
#include "control/cli/cli_table.h"

static void milliseconds(struct cli_table *t, uint64_t us)
{
	cli_table_cell(t, "%" PRIu64 ".%" PRIu64, us / 1000, us / 100 % 10);
}

static void session(struct cli_table *t, json_t *path, json_t *bfd)
{
	static const char *const counts[] = {"sent", "received", "downs"};

	cli_table_cell(t, "%s", cli_json_text(path, "name"));
	cli_table_cell(t, "%s", cli_json_text(bfd, "mode"));
	cli_table_cell(t, "%s", cli_json_text(bfd, "state"));
	cli_table_cell(t, "%s", cli_json_text(bfd, "diag"));
	cli_table_cell(t, "%s", cli_json_text(bfd, "remote_state"));
	cli_table_cell(t, "%s", cli_json_text(bfd, "remote_diag"));
	milliseconds(t, cli_json_u64(bfd, "interval_us"));
	milliseconds(t, cli_json_u64(bfd, "detection_us"));
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		cli_table_cell(t, "%" PRIu64, cli_json_u64(bfd, counts[i]));
	cli_table_cell(t, "%" PRIu64, cli_json_u64(bfd, "state_ms") / 1000);
	cli_table_cell(t, "%" PRIu64, cli_json_u64(bfd, "worker"));
}

void cli_bfd_view(const struct cli_sample *sample)
{
	struct cli_table *t =
		cli_table_create("PATH|MODE|STATE|WHY|PEER SAYS|PEER'S WHY|>EVERY ms|>DEAD AFTER "
				 "ms|>SENT|>RECEIVED|>DOWNS|>SINCE s|>WORKER");
	json_t *path, *bfd;
	size_t i;

	json_array_foreach(json_object_get(sample->now, "paths"), i, path)
	{
		bfd = json_object_get(path, "bfd");
		if (bfd != NULL)
			session(t, path, bfd);
	}
	cli_table_print(t, stdout, "no path has failure detection");
}
