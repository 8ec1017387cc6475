/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Why a request was refused: a stable code, the JSON pointer of the culprit inside the request's
 * params, and a sentence for people. The codes are a contract (docs/api.md); new ones go at the
 * end.
 */
#ifndef CONTROL_REFUSAL_H
#define CONTROL_REFUSAL_H

#include <stddef.h>

#define REFUSAL_LIST(X) \
	X(UNKNOWN_FIELD, 1001, "unknown-field") \
	X(MISSING_FIELD, 1002, "missing-field") \
	X(WRONG_TYPE, 1003, "wrong-type") \
	X(OUT_OF_RANGE, 1004, "out-of-range") \
	X(BAD_VALUE, 1005, "bad-value") \
	X(BAD_NAME, 1006, "bad-name") \
	X(DUPLICATE_NAME, 1007, "duplicate-name") \
	X(BAD_ADDRESS, 1008, "bad-address") \
	X(BAD_PREFIX, 1009, "bad-prefix") \
	X(HOST_BITS, 1010, "host-bits") \
	X(UNKNOWN_REFERENCE, 1011, "unknown-reference") \
	X(OTHER_OWNER, 1012, "other-owner") \
	X(NOT_FOUND, 1013, "not-found") \
	X(ADDRESS_OVERLAP, 1014, "address-overlap") \
	X(UNDERLAY_CLASH, 1015, "underlay-clash") \
	X(DUPLICATE_PATH, 1016, "duplicate-path") \
	X(GATEWAY_OFF_LINK, 1017, "gateway-off-link") \
	X(GATEWAY_MISSING, 1018, "gateway-missing") \
	X(FAMILY_MISMATCH, 1019, "family-mismatch") \
	X(VLAN_CLASH, 1020, "vlan-clash") \
	X(TAGS_NOT_TOLD_APART, 1021, "tags-not-told-apart") \
	X(VNI_REUSE, 1022, "vni-reuse") \
	X(PEER_MISSING, 1023, "peer-missing") \
	X(ENDPOINT_MISSING, 1024, "endpoint-missing") \
	X(NEXT_HOP_OFF_LINK, 1025, "next-hop-off-link") \
	X(STILL_REFERENCED, 1026, "still-referenced") \
	X(LIMIT, 1027, "limit") \
	X(TOO_MANY_PATHS, 1028, "too-many-paths") \
	X(DUPLICATE_PREFIX, 1029, "duplicate-prefix") \
	X(GENERATION, 1030, "generation") \
	X(BAD_CURSOR, 1031, "bad-cursor") \
	X(NO_MEMORY, 1032, "no-memory") \
	X(NO_SPACE, 1033, "no-space") \
	X(BUSY, 1034, "busy") \
	X(IMMUTABLE, 1035, "immutable")

enum refusal_code {
	REFUSAL_NONE = 0,
#define REFUSAL_CODE(name, number, text) REFUSAL_##name = number,
	REFUSAL_LIST(REFUSAL_CODE)
#undef REFUSAL_CODE
};

#define REFUSAL_POINTER_MAX 256
#define REFUSAL_TEXT_MAX    256

struct refusal {
	int code;
	char pointer[REFUSAL_POINTER_MAX];
	char text[REFUSAL_TEXT_MAX];
};

/* Fills in code, pointer and sentence; returns -EINVAL, so that a check can end with it. Keeps the
 * first refusal: a second call on the same struct changes nothing. */
__attribute__((format(printf, 4, 5))) int refusal_set(
	struct refusal *refusal, int code, const char *pointer, const char *format, ...);

/* Short stable name of a code ("host-bits"), NULL for a number that is none. */
const char *refusal_name(int code);

#endif
