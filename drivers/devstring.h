/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The device string of a port in the boot file, taken apart and checked. Pure text: needs neither
 * EAL nor the device.
 *
 *   KIND:TARGET[,OPTION=VALUE]…     docs/operations.md lists kinds and options
 */
#ifndef DRIVERS_DEVSTRING_H
#define DRIVERS_DEVSTRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DEVSTRING_TARGET 108 /* bytes with the final NUL: a socket path is the longest */
#define DEVSTRING_VALUE	 256
#define DEVSTRING_PAIRS	 16

enum devstring_kind {
	DEVSTRING_PCI,
	DEVSTRING_AF_XDP,
	DEVSTRING_AF_PACKET,
	DEVSTRING_TAP,
	DEVSTRING_MEMIF,
	DEVSTRING_NULL,
	DEVSTRING_RING,
	DEVSTRING_PCAP,
};

struct devstring_pair {
	char option[32];
	char value[DEVSTRING_VALUE];
};

struct devstring {
	enum devstring_kind kind;
	/* PCI address, kernel interface, tap name, memif socket, ring name; empty where the kind
	 * has none (null, pcap). */
	char target[DEVSTRING_TARGET];
	unsigned pairs;
	struct devstring_pair pair[DEVSTRING_PAIRS]; /* each option at most once, value checked */
};

/* Why something was refused, as one sentence without the port's name. */
struct devstring_error {
	char text[256];
};

/* Writes the sentence and returns rc. */
__attribute__((format(printf, 3, 4))) int devstring_refuse(
	struct devstring_error *error, int rc, const char *format, ...);

/* 0, or -EINVAL with a sentence that names the option or part that is wrong. */
int devstring_parse(const char *text, struct devstring *out, struct devstring_error *error);

/* "pci", "af_xdp", … */
const char *devstring_kind_name(enum devstring_kind kind);

/* The value of an option, NULL where it was not given. */
const char *devstring_option(const struct devstring *string, const char *option);
uint32_t devstring_number(const struct devstring *string, const char *option, uint32_t otherwise);
bool devstring_flag(const struct devstring *string, const char *option, bool otherwise);
/* False where option mac was not given. */
bool devstring_mac(const struct devstring *string, uint8_t mac[6]);

#endif
