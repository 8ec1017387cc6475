/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters read twice, so that totals and rates can be shown side by side. */
#ifndef CONTROL_CLI_CLI_SAMPLE_H
#define CONTROL_CLI_CLI_SAMPLE_H

#include <stdint.h>

#include <jansson.h>

#include "control/cli/cli.h"

struct cli_sample {
	json_t *before; /* NULL where only one reading was asked for */
	json_t *now;
	double seconds; /* between them; 0 without before */
};

/* Option of all commands that show rates. */
#define CLI_SAMPLE_OPTION \
	{ \
		"interval", "SECONDS", "measure rates over this time (default 0.5; 0: no rates)" \
	}

/* sections ends with NULL. connection: NULL for all. Enum cli_exit, reported. */
int cli_sample_take(const struct cli *cli, const char *const *sections, const char *connection,
	struct cli_sample *sample);
void cli_sample_free(struct cli_sample *sample);

/* Of the object at an index of a section, a sum's growth a second. The reading before is found by
 * the object's place, or by its name where places have moved. */
double cli_sample_rate(
	const struct cli_sample *sample, const char *section, size_t index, const char *path);

#endif
