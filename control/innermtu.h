/* SPDX-License-Identifier: BSD-3-Clause */
/* What a path leaves of its MTU to the packets inside. Pure. */
#ifndef CONTROL_INNERMTU_H
#define CONTROL_INNERMTU_H

#include <stdbool.h>

#include "control/model.h"

/* Bytes kept free in a Geneve packet for our option, negotiated or not: the inner MTU must not
 * change with what is negotiated. */
#define INNERMTU_OPTION_ROOM 16

/* The least that a link must carry: RFC 791 3.2, RFC 8200 5. */
#define INNERMTU_LEAST4 68
#define INNERMTU_LEAST6 1280

/* True where the path's own settings say so, whatever the endpoint says. */
bool innermtu_sends_ethernet(const struct model_path *path);

/* Largest inner L3 packet in an outer one of at most mtu bytes, with an IP payload or (ethernet, or
 * by the path's own settings) an Ethernet one. 0 where the headers leave nothing. */
unsigned innermtu_of(const struct model_path *path, unsigned mtu, bool ethernet);

#endif
