/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers with units for people. Each writes at most size bytes with the final NUL, returns text.
 */
#ifndef CONTROL_CLI_CLI_UNITS_H
#define CONTROL_CLI_CLI_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define CLI_UNITS_MAX 48

/* 1234567 as "1,234,567". */
const char *cli_units_count(uint64_t number, char text[CLI_UNITS_MAX]);
/* A number a second: "0", "0.4", "12", "123,456". */
const char *cli_units_rate(double per_second, char text[CLI_UNITS_MAX]);
/* Bytes a second as megabits: "0", "0.003", "941.2". */
const char *cli_units_mbps(double bytes_per_second, char text[CLI_UNITS_MAX]);
/* part of whole: "12.5"; "0" of nothing. */
const char *cli_units_percent(double part, double whole, char text[CLI_UNITS_MAX]);
/* "950 ns", "1.5 ms", "12 s", "3 d 4 h". */
const char *cli_units_time(uint64_t ns, char text[CLI_UNITS_MAX]);

#endif
