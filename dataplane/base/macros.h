/* SPDX-License-Identifier: BSD-3-Clause */
/* Small things every layer uses. */
#ifndef DATAPLANE_BASE_MACROS_H
#define DATAPLANE_BASE_MACROS_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CACHE_LINE 64

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define likely_(x)   __builtin_expect(!!(x), 1)
#define unlikely_(x) __builtin_expect(!!(x), 0)

#endif
