/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/cli/cli_units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *cli_units_count(uint64_t number, char text[CLI_UNITS_MAX])
{
	char digits[24];
	int length = snprintf(digits, sizeof(digits), "%" PRIu64, number), out = 0;

	for (int i = 0; i < length; i++) {
		if (i > 0 && (length - i) % 3 == 0)
			text[out++] = ',';
		text[out++] = digits[i];
	}
	text[out] = '\0';
	return text;
}

const char *cli_units_rate(double per_second, char text[CLI_UNITS_MAX])
{
	if (per_second > 0 && per_second < 9.95)
		snprintf(text, CLI_UNITS_MAX, "%.1f", per_second);
	else
		cli_units_count((uint64_t)(per_second + 0.5), text);
	return text;
}

const char *cli_units_mbps(double bytes_per_second, char text[CLI_UNITS_MAX])
{
	double mbps = bytes_per_second * 8 / 1e6;

	if (mbps <= 0)
		return strcpy(text, "0");
	snprintf(text, CLI_UNITS_MAX, mbps < 1 ? "%.3f" : mbps < 10000 ? "%.1f" : "%.0f", mbps);
	return text;
}

const char *cli_units_percent(double part, double whole, char text[CLI_UNITS_MAX])
{
	if (whole <= 0 || part <= 0)
		return strcpy(text, "0");
	snprintf(text, CLI_UNITS_MAX, "%.1f", part / whole * 100);
	return text;
}

/* Two digits of the largest unit, or a whole number of it. */
static const char *scaled(double value, const char *unit, char text[CLI_UNITS_MAX])
{
	snprintf(text, CLI_UNITS_MAX, value < 9.95 ? "%.1f %s" : "%.0f %s", value, unit);
	return text;
}

const char *cli_units_time(uint64_t ns, char text[CLI_UNITS_MAX])
{
	uint64_t s = ns / 1000000000;

	if (ns < 1000)
		snprintf(text, CLI_UNITS_MAX, "%" PRIu64 " ns", ns);
	else if (ns < 1000000)
		scaled((double)ns / 1e3, "µs", text);
	else if (s == 0)
		scaled((double)ns / 1e6, "ms", text);
	else if (s < 120)
		scaled((double)ns / 1e9, "s", text);
	else if (s < 7200)
		snprintf(text, CLI_UNITS_MAX, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 172800)
		snprintf(text, CLI_UNITS_MAX, "%" PRIu64 " h %" PRIu64 " min", s / 3600,
			s / 60 % 60);
	else
		snprintf(text, CLI_UNITS_MAX, "%" PRIu64 " d %" PRIu64 " h", s / 86400,
			s / 3600 % 24);
	return text;
}
