/* SPDX-License-Identifier: BSD-3-Clause */
/* ECN across tunnels, RFC 6040: what the inner field becomes at the tunnel's end (figure 4). */
#ifndef DATAPLANE_WIRE_ECN_H
#define DATAPLANE_WIRE_ECN_H

#include <stdint.h>

enum ecn { ECN_NOT = 0, ECN_ECT1 = 1, ECN_ECT0 = 2, ECN_CE = 3 };

enum ecn_result {
	ECN_MASK = 3,	     /* the new inner field */
	ECN_RESULT_WARN = 4, /* a combination to be logged */
	ECN_RESULT_DROP = 8,
};

/* Index: inner field, outer field. */
static const uint8_t ecn_decapsulate[4][4] = {
	[ECN_NOT] = {ECN_NOT, ECN_NOT | ECN_RESULT_WARN, ECN_NOT | ECN_RESULT_WARN,
		ECN_RESULT_DROP},
	[ECN_ECT1] = {ECN_ECT1, ECN_ECT1, ECN_ECT1 | ECN_RESULT_WARN, ECN_CE},
	[ECN_ECT0] = {ECN_ECT0, ECN_ECT1, ECN_ECT0, ECN_CE},
	[ECN_CE] = {ECN_CE, ECN_CE | ECN_RESULT_WARN, ECN_CE, ECN_CE},
};

#endif
