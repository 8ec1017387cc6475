/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment for one gateway: its arguments follow from the boot file and the machine. */
#ifndef CONTROL_EAL_H
#define CONTROL_EAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "control/boot.h"

#define EAL_ARGUMENTS 128
#define EAL_TEXT      64

/* What the machine has, as far as the arguments depend on it. */
struct eal_machine {
	uint64_t huge_free; /* bytes in free hugepages */
	bool huge_mounted;  /* a hugetlbfs to take them from */
	char cpus[1024];    /* that this process may use: "0-1,4" */
};

struct eal_arguments {
	int count;
	char *value[EAL_ARGUMENTS + 1]; /* last NULL */
	bool hugepages;
};

void eal_look(struct eal_machine *machine);

/* 0; -ENOMEM; -ENOSPC where hugepages are required and not there, with a sentence in error. */
int eal_build(const struct boot *boot, const struct eal_machine *machine,
	struct eal_arguments *arguments, char *error, size_t size);
void eal_free(struct eal_arguments *arguments);

/* Looks, builds, starts EAL. 0 or -errno and a log line. *hugepages: whether they are used. */
int eal_start(const struct boot *boot, bool *hugepages);
void eal_stop(void);

#endif
