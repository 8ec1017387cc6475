/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests of what the publisher made of documents: turning until it rests, and looking. */
#ifndef TESTS_UNIT_PUBLISHED_H
#define TESTS_UNIT_PUBLISHED_H

#include "tests/tools/testbed.h"

/* A gateway with ports "cust" and "bb" and one worker, to be turned by hand. NULL on failure. */
struct testbed *published_create(void);

/* Turns control and the worker until the publisher rests; fails the test where it never does. */
void published_rest(struct testbed *g);

/* Asserts that nothing is left of any document. */
void published_nothing(struct testbed *g);

#endif
