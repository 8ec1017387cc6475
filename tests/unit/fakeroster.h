/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Names of tests alone: connections c1, an odd name of id 2, c3 … (the last ten ids name nothing),
 * attachment 1, path 8, two ports.
 */
#ifndef TESTS_UNIT_FAKEROSTER_H
#define TESTS_UNIT_FAKEROSTER_H

#include "control/roster.h"

#define FAKEROSTER_CONNECTIONS 100
#define FAKEROSTER_NEIGHBOURS  70

extern const struct roster fakeroster;
extern uint32_t fakeroster_connections; /* highest id; a test may change it */

#endif
