/* SPDX-License-Identifier: BSD-3-Clause */
/* Members of objects as people write them on a command line. */
#ifndef CONTROL_CLI_CLI_FIELDS_H
#define CONTROL_CLI_CLI_FIELDS_H

#include <jansson.h>

#include "control/cli/cli.h"

enum cli_fields_form {
	CLI_FIELDS_TEXT,
	CLI_FIELDS_NUMBER,
	CLI_FIELDS_EITHER, /* a number where it looks like one, else text */
	CLI_FIELDS_LIST, /* texts; the option may be repeated, a value may hold several, "," between
			  */
	CLI_FIELDS_TAGS, /* "1101", "200.1101", "0x88a8:200.1101"; "none" */
	CLI_FIELDS_DSCP, /* "uniform", or the outer value under pipe */
	CLI_FIELDS_ENDPOINTS, /* "SITE[,vni=N][,payload=…][,mac=…][,address=…][,peer=…][,peer-mac=…]"
			       */
};

struct cli_fields {
	const char *option; /* also the member, with "_" for "-" where member is NULL */
	enum cli_fields_form form;
	const char *member;
};

/* Tables end with option NULL. */

/* The value of one member from one text; NULL: it is malformed. */
json_t *cli_fields_value(enum cli_fields_form form, const char *text);
/* The entry of that name ("-" and "_" are the same), or NULL. */
const struct cli_fields *cli_fields_find(const struct cli_fields *table, const char *name);
/* The member's name; static. */
const char *cli_fields_member(const struct cli_fields *field);
/* Puts every option given into object. CLI_OK, or CLI_USAGE after a sentence. */
int cli_fields_from_options(const struct cli *cli, const struct cli_fields *table, json_t *object);

#endif
