/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/farsite.h"

json_t *farsite_connection(const char *name, int vni)
{
	return json_pack(
		"{s:s,s:i,s:[{s:s}]}", "name", name, "vni", vni, "endpoints", "site", "far");
}

json_t *farsite_attachment(const char *name, int vlan)
{
	return json_pack("{s:s,s:s,s:s,s:[{s:s,s:i}],s:[s]}", "name", name, "connection", name,
		"port", "cust", "tags", "type", "0x8100", "vlan", vlan, "addresses",
		"192.168.7.1/24");
}

json_t *farsite_routes(const char *connection, json_t *prefixes)
{
	return json_pack("{s:s,s:o,s:{s:s}}", "connection", connection, "prefixes", prefixes, "via",
		"site", "far");
}

json_t *farsite_document(json_t *connections, json_t *attachments, json_t *routes)
{
	return json_pack("{s:{s:[{s:s}],s:[{s:s,s:s,s:s,s:s,s:s,s:s}],s:o,s:o,s:o}}", "document",
		"sites", "name", "far", "paths", "name", "p", "site", "far", "port", "bb", "local",
		"10.1.0.1/24", "remote", "10.1.0.2", "encapsulation", "geneve", "connections",
		connections, "attachments", attachments, "routes", routes);
}
