/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What documents of tests have in common: a site "far" behind one Geneve path, from 10.1.0.1/24 on
 * port "bb" to 10.1.0.2, and customers on port "cust" whose attachment has their connection's name.
 * All that is made here is the caller's; more may be set in it.
 */
#ifndef TESTS_TOOLS_FARSITE_H
#define TESTS_TOOLS_FARSITE_H

#include <jansson.h>

/* With an endpoint at the site. */
json_t *farsite_connection(const char *name, int vni);
/* With an 802.1Q tag and the address 192.168.7.1/24. */
json_t *farsite_attachment(const char *name, int vlan);
/* To the site; takes the list of prefixes. */
json_t *farsite_routes(const char *connection, json_t *prefixes);

/* Params of config.apply; takes the three lists. */
json_t *farsite_document(json_t *connections, json_t *attachments, json_t *routes);

#endif
