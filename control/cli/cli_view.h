/* SPDX-License-Identifier: BSD-3-Clause */
/* Tables of counters, from a sample. Each prints one table, with a heading where it is not NULL. */
#ifndef CONTROL_CLI_CLI_VIEW_H
#define CONTROL_CLI_CLI_VIEW_H

#include "control/cli/cli_sample.h"

/* Takes a sample of these sections, of one connection where not NULL, and prints it: as JSON, or
 * view by view with an empty line between. Both lists end with NULL. An exit status. */
typedef void cli_view(const struct cli_sample *sample);
int cli_view_page(struct cli *cli, const char *const sections[], const char *connection,
	cli_view *const views[]);

void cli_view_head(const struct cli_sample *sample);
void cli_view_ports(const struct cli_sample *sample);
void cli_view_steering(const struct cli_sample *sample);
void cli_view_workers(const struct cli_sample *sample);
void cli_view_connections(const struct cli_sample *sample);
void cli_view_attachments(const struct cli_sample *sample);
void cli_view_paths(const struct cli_sample *sample);
void cli_view_drops(const struct cli_sample *sample);
void cli_view_drop_places(const struct cli_sample *sample);
void cli_view_rings(const struct cli_sample *sample);
/* places: what rings.get answered. */
void cli_view_spread(const struct cli_sample *sample, json_t *places);
void cli_view_neighbours(const struct cli_sample *sample);

#endif
