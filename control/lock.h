/* SPDX-License-Identifier: BSD-3-Clause */
/* One gateway per directory: a lock that the kernel gives back when the process ends, however. */
#ifndef CONTROL_LOCK_H
#define CONTROL_LOCK_H

/* Makes the directory and its parents where needed, and locks DIRECTORY/FILE, which then
 * holds our pid. The descriptor to be kept; -EBUSY where another process has it; -errno. A log line
 * says why. */
int lock_take(const char *directory, const char *file);
/* Negative is allowed. The file stays: removing it would let two processes lock two files. */
void lock_drop(int fd);

#endif
