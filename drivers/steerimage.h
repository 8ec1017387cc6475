/* SPDX-License-Identifier: BSD-3-Clause */
/* The compiled steering program, an ELF object; the array is made from steer.bpf.c while building.
 */
#ifndef DRIVERS_STEERIMAGE_H
#define DRIVERS_STEERIMAGE_H

#include <stdalign.h>
#include <stddef.h>

extern const unsigned char steerimage[];
extern const size_t steerimage_size;

#endif
