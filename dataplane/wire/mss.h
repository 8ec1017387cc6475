/* SPDX-License-Identifier: BSD-3-Clause */
/* The maximum segment size in a TCP SYN. Pure. */
#ifndef DATAPLANE_WIRE_MSS_H
#define DATAPLANE_WIRE_MSS_H

#include <stdbool.h>
#include <stdint.h>

/* tcp: the TCP header, bytes: of it and what follows. Lowers the MSS option to at most mss, with
 * the checksum. True where it was higher. Without the option, or with options that do not add up,
 * nothing is changed. */
bool mss_clamp(uint8_t *tcp, uint32_t bytes, uint16_t mss);

#endif
