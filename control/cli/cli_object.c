/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_object.h"

#include <stdio.h>
#include <string.h>

#include "control/cli/cli_apply.h"
#include "control/cli/cli_args.h"
#include "control/cli/cli_client.h"
#include "control/cli/cli_fields.h"
#include "control/cli/cli_json.h"

static const struct cli_fields no_fields[] = {{NULL, CLI_FIELDS_TEXT, NULL}};

static const struct cli_fields path_fields[] = {
	{"site", CLI_FIELDS_TEXT, NULL},
	{"port", CLI_FIELDS_TEXT, NULL},
	{"local", CLI_FIELDS_TEXT, NULL},
	{"remote", CLI_FIELDS_TEXT, NULL},
	{"gateway", CLI_FIELDS_TEXT, NULL},
	{"encapsulation", CLI_FIELDS_TEXT, NULL},
	{"payload", CLI_FIELDS_TEXT, NULL},
	{"udp-checksum", CLI_FIELDS_TEXT, "udp_checksum"},
	{"mtu", CLI_FIELDS_NUMBER, NULL},
	{"weight", CLI_FIELDS_NUMBER, NULL},
	{"admin", CLI_FIELDS_TEXT, NULL},
	{"fragment", CLI_FIELDS_TEXT, NULL},
	{NULL, CLI_FIELDS_TEXT, NULL},
};

static const struct cli_fields connection_fields[] = {
	{"vni", CLI_FIELDS_NUMBER, NULL},
	{"bandwidth-mbps", CLI_FIELDS_NUMBER, "bandwidth_mbps"},
	{"burst-bytes", CLI_FIELDS_NUMBER, "burst_bytes"},
	{"peak-mbps", CLI_FIELDS_NUMBER, "peak_mbps"},
	{"excess-dscp", CLI_FIELDS_EITHER, "excess_dscp"},
	{"dscp", CLI_FIELDS_DSCP, NULL},
	{"mss-clamp", CLI_FIELDS_EITHER, "mss_clamp"},
	{"icmp-source", CLI_FIELDS_LIST, "icmp_source"},
	{"endpoint", CLI_FIELDS_ENDPOINTS, "endpoints"},
	{NULL, CLI_FIELDS_TEXT, NULL},
};

static const struct cli_fields attachment_fields[] = {
	{"connection", CLI_FIELDS_TEXT, NULL},
	{"port", CLI_FIELDS_TEXT, NULL},
	{"vlan", CLI_FIELDS_TAGS, "tags"},
	{"address", CLI_FIELDS_LIST, "addresses"},
	{"mtu", CLI_FIELDS_NUMBER, NULL},
	{"source-check", CLI_FIELDS_TEXT, "source_check"},
	{"admin", CLI_FIELDS_TEXT, NULL},
	{NULL, CLI_FIELDS_TEXT, NULL},
};

static const struct {
	const char *kind;
	const struct cli_fields *fields;
} kinds[] = {
	{"site", no_fields},
	{"path", path_fields},
	{"connection", connection_fields},
	{"attachment", attachment_fields},
};

/* The kind is the first word of the command. */
static unsigned kind_of(const struct cli *cli)
{
	unsigned i = 0;

	while (strncmp(cli->command->name, kinds[i].kind, strlen(kinds[i].kind)) != 0)
		i++;
	return i;
}

static const char *method_of(const struct cli *cli, const char *verb, char text[64])
{
	snprintf(text, 64, "%s.%s", kinds[kind_of(cli)].kind, verb);
	return text;
}

static int add(struct cli *cli)
{
	unsigned kind = kind_of(cli);
	int rc = cli_args_count(cli, 1, 1);
	json_t *object;
	char method[64];

	if (rc != CLI_OK)
		return rc;
	object = json_pack("{s:s}", "name", cli->argv[0]);
	if (object == NULL)
		return cli_args_wrong(cli, "the name is not UTF-8");
	rc = cli_fields_from_options(cli, kinds[kind].fields, object);
	if (rc != CLI_OK) {
		json_decref(object);
		return rc;
	}
	return cli_apply_change(cli, method_of(cli, "put", method),
		json_pack("{s:o}", kinds[kind].kind, object), CLI_OBJECT_OWNER);
}

/* The object of that name, as the gateway has it; the caller's reference. */
static int fetch(struct cli *cli, const char *name, json_t **object)
{
	unsigned kind = kind_of(cli);
	char method[64];
	json_t *result, *found;
	int rc = cli_client_call(cli, CLI_CLIENT_CONTROL, method_of(cli, "get", method),
		json_pack("{s:s}", "name", name), &result);

	if (rc != CLI_OK)
		return rc;
	found = json_object_get(result, kinds[kind].kind);
	*object = json_incref(found != NULL ? found : result);
	json_decref(result);
	return CLI_OK;
}

static int delete (struct cli *cli)
{
	json_t *object, *params;
	char method[64];
	int rc = cli_args_count(cli, 1, 1);

	if (rc == CLI_OK)
		rc = fetch(cli, cli->argv[0], &object);
	if (rc != CLI_OK)
		return rc;
	params = json_pack("{s:s}", "name", cli->argv[0]);
	rc = cli_apply_change(
		cli, method_of(cli, "delete", method), params, cli_json_text(object, "owner"));
	json_decref(object);
	return rc;
}

/* Pairs of name and value, behind the object's name. */
static int set_fields(struct cli *cli, const struct cli_fields *table, json_t *object)
{
	for (int i = 1; i < cli->argc; i += 2) {
		const struct cli_fields *field = cli_fields_find(table, cli->argv[i]);
		json_t *value;

		if (field == NULL)
			return cli_args_wrong(cli, "there is no field \"%s\"", cli->argv[i]);
		value = cli_fields_value(field->form, cli->argv[i + 1]);
		if (value == NULL)
			return cli_args_wrong(
				cli, "\"%s\" is no value for %s", cli->argv[i + 1], cli->argv[i]);
		json_object_set_new(object, cli_fields_member(field), value);
	}
	return CLI_OK;
}

static int set(struct cli *cli)
{
	unsigned kind = kind_of(cli);
	json_t *object;
	char method[64], owner[256];
	int rc = cli_args_count(cli, 3, -1);

	if (rc == CLI_OK && cli->argc % 2 == 0)
		rc = cli_args_wrong(cli, "\"%s\" has no value", cli->argv[cli->argc - 1]);
	if (rc == CLI_OK)
		rc = fetch(cli, cli->argv[0], &object);
	if (rc != CLI_OK)
		return rc;
	snprintf(owner, sizeof(owner), "%s", cli_json_text(object, "owner"));
	json_object_del(object, "owner");
	rc = set_fields(cli, kinds[kind].fields, object);
	if (rc != CLI_OK) {
		json_decref(object);
		return rc;
	}
	return cli_apply_change(cli, method_of(cli, "put", method),
		json_pack("{s:o}", kinds[kind].kind, object), *owner != '\0' ? owner : NULL);
}

static int show(struct cli *cli)
{
	json_t *object;
	int rc = cli_args_count(cli, 1, 1);

	if (rc == CLI_OK)
		rc = fetch(cli, cli->argv[0], &object);
	if (rc != CLI_OK)
		return rc;
	cli_json_print(object);
	json_decref(object);
	return CLI_OK;
}

static const struct cli_option change_options[] = {CLI_APPLY_CHANGE_OPTIONS, {NULL, NULL, NULL}};

static const struct cli_option path_options[] = {
	{"site", "SITE", "where it leads"},
	{"port", "PORT", "the port it leaves by"},
	{"local", "ADDRESS/LENGTH", "our address on the port"},
	{"remote", "ADDRESS", "the site's address"},
	{"gateway", "ADDRESS", "next hop, where the remote address is not on the link"},
	{"encapsulation", "geneve|vxlan", "(default geneve)"},
	{"payload", "ip|ethernet", "what is inside (default ip; vxlan: ethernet)"},
	{"udp-checksum", "auto|on|zero", "of what we send (default auto)"},
	{"mtu", "BYTES", "largest outer packet (default: the port's)"},
	{"weight", "1..1000", "its share of the flows (default 1)"},
	{"admin", "up|down", "(default up)"},
	{"fragment", "on|off", "fragment large IPv4 packets before the tunnel (default on)"},
	CLI_APPLY_CHANGE_OPTIONS,
	{NULL, NULL, NULL},
};

static const struct cli_option connection_options[] = {
	{"vni", "NUMBER", "its number in tunnels, 1 to 16777215"},
	{"bandwidth-mbps", "NUMBER", "what its attachments may bring; 0: no limit (default)"},
	{"burst-bytes", "NUMBER", "at once (default 0: 10 ms at the rate)"},
	{"peak-mbps", "NUMBER", "what is over the bandwidth passes marked up to here (default 0)"},
	{"excess-dscp", "0..63|precedence", "how it is marked (default precedence)"},
	{"dscp", "0..63|uniform", "outer DSCP, or the customer's own"},
	{"mss-clamp", "auto|off|BYTES", "(default auto)"},
	{"icmp-source", "ADDRESS", "source of ICMP errors towards paths; one of each family"},
	{"endpoint", "SITE[,KEY=VALUE…]",
		"a site it reaches; keys: vni, payload, mac, address, peer, peer-mac; repeatable"},
	CLI_APPLY_CHANGE_OPTIONS,
	{NULL, NULL, NULL},
};

static const struct cli_option attachment_options[] = {
	{"connection", "CONNECTION", "whose it is"},
	{"port", "PORT", "the port the customer is on"},
	{"vlan", "TAGS", "1101, 200.1101 (QinQ, outer 0x88a8), 0x8100:200.1101"},
	{"address", "ADDRESS/LENGTH", "our address; repeatable"},
	{"mtu", "BYTES", "largest packet (default: the port's)"},
	{"source-check", "feasible|strict|loose|off", "(default feasible)"},
	{"admin", "up|down", "(default up)"},
	CLI_APPLY_CHANGE_OPTIONS,
	{NULL, NULL, NULL},
};

#define OWNED \
	"What is added by hand belongs to owner \"cli\" unless --owner says otherwise, so that " \
	"applying a\ndocument does not remove it. Adding what exists changes it."
#define SET \
	"Fields are the options of \"add\", without the dashes. The rest of the object stays as " \
	"it " \
	"is, and so\ndoes its owner."

const struct cli_command cli_object_commands[] = {
	{"site add", "NAME", "a site that paths lead to", OWNED, change_options, add},
	{"site delete", "NAME", "forget a site", NULL, change_options, delete},
	{"site show", "NAME", "print a site as it is configured", NULL, NULL, show},
	{"path add",
		"NAME --site SITE --port PORT --local ADDRESS/LENGTH --remote ADDRESS [OPTION…]",
		"a path to a site",
		"Example: trunkline path add b1 --site gw-b --port bb1 --local 10.1.0.1/30 "
		"--remote "
		"10.1.0.2\n" OWNED,
		path_options, add},
	{"path set", "NAME FIELD VALUE [FIELD VALUE…]", "change fields of a path",
		"Example: trunkline path set b1 admin down\n" SET, change_options, set},
	{"path delete", "NAME", "remove a path", NULL, change_options, delete},
	{"path show", "NAME", "print a path as it is configured", NULL, NULL, show},
	{"connection add", "NAME --vni NUMBER [OPTION…]", "a customer's connection",
		"Example: trunkline connection add acme --vni 1001 --endpoint gw-b\n" OWNED,
		connection_options, add},
	{"connection set", "NAME FIELD VALUE [FIELD VALUE…]", "change fields of a connection",
		"Example: trunkline connection set acme mss-clamp 1380\n" SET, change_options, set},
	{"connection delete", "NAME", "remove a connection", NULL, change_options, delete},
	{"connection show", "NAME", "print a connection as it is configured", NULL, NULL, show},
	{"attachment add", "NAME --connection CONNECTION --port PORT [OPTION…]",
		"a hand-off to a customer",
		"Example: trunkline attachment add acme-1 --connection acme --port cust --vlan "
		"1101 "
		"--address 169.254.1.1/30\n" OWNED,
		attachment_options, add},
	{"attachment set", "NAME FIELD VALUE [FIELD VALUE…]", "change fields of an attachment",
		"Example: trunkline attachment set acme-1 source-check strict\n" SET,
		change_options, set},
	{"attachment delete", "NAME", "remove an attachment", NULL, change_options, delete},
	{"attachment show", "NAME", "print an attachment as it is configured", NULL, NULL, show},
	{NULL, NULL, NULL, NULL, NULL, NULL},
};
