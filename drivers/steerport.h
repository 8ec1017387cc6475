/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The steering program on its interface: who may attach, what is there already, and how the maps of
 * the program that net_af_xdp loads are found again. Between device.c and steer.c; control thread
 * only.
 *
 * Order: init, prepare, (the driver loads the program from steerport_program() and attaches it
 * while its first receive queue is set up), start, follow …, close. Close may follow any of them.
 */
#ifndef DRIVERS_STEERPORT_H
#define DRIVERS_STEERPORT_H

#include <net/if.h>
#include <stdint.h>

#include "drivers/devstring.h"

struct steer;

struct steerport {
	int index; /* of the interface, 0: not prepared */
	char name[IF_NAMESIZE];
	int lock;      /* held while we steer this interface; the kernel lets go when we die */
	int image;     /* memory file with the program */
	char path[32]; /* by which the driver opens it */
	int addresses; /* netlink socket that tells when the host's addresses change */
	struct steer *steer;
};

void steerport_init(struct steerport *port);

/* Takes the interface for us: refuses where another process of ours steers it (-EBUSY) or a foreign
 * XDP program is on it (-EEXIST), removes what a killed one of ours left behind. */
int steerport_prepare(struct steerport *port, const char *interface, struct devstring_error *error);

const char *steerport_program(const struct steerport *port);

/* Finds the maps of the attached program. mac: of the interface. */
int steerport_start(struct steerport *port, const uint8_t mac[6], struct devstring_error *error);
struct steer *steerport_steer(const struct steerport *port);

/* Takes over what became of the host's own addresses since the last call. Does not wait. */
void steerport_follow(struct steerport *port);

/* Detaches the program where it still is attached. */
void steerport_close(struct steerport *port);

/* For tests: the program without an interface; its maps and the fd to run it by. NULL on failure.
 */
struct steer *steerport_load(int *program);

#endif
