/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/eal.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "dataplane/base/log.h"
#include "drivers/device.h"

/* The machine */

static uint64_t number_in(const char *directory, const char *file)
{
	char path[512];
	unsigned long long value = 0;
	FILE *stream;

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/%.200s/%s", directory, file);
	stream = fopen(path, "re");
	if (!stream)
		return 0;
	if (fscanf(stream, "%llu", &value) != 1)
		value = 0;
	fclose(stream);
	return value;
}

static uint64_t huge_free(void)
{
	DIR *directory = opendir("/sys/kernel/mm/hugepages");
	struct dirent *entry;
	uint64_t bytes = 0;

	while (directory && (entry = readdir(directory))) {
		unsigned long long kilobytes;

		if (sscanf(entry->d_name, "hugepages-%llukB", &kilobytes) == 1)
			bytes += number_in(entry->d_name, "free_hugepages") * kilobytes * 1024;
	}
	if (directory)
		closedir(directory);
	return bytes;
}

static bool huge_mounted(void)
{
	FILE *stream = fopen("/proc/mounts", "re");
	char line[1024];
	bool found = false;

	while (stream && !found && fgets(line, sizeof(line), stream))
		found = strstr(line, " hugetlbfs ") != NULL;
	if (stream)
		fclose(stream);
	return found;
}

static void allowed_cpus(char *text, size_t size)
{
	size_t at = 0;
	cpu_set_t set;

	text[0] = '\0';
	if (sched_getaffinity(0, sizeof(set), &set) < 0)
		return;
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && at < size; cpu++) {
		unsigned last = cpu;

		if (!CPU_ISSET(cpu, &set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, &set))
			last++;
		at += (size_t)snprintf(text + at, size - at, "%s%u-%u", at ? "," : "", cpu, last);
		cpu = last;
	}
}

void eal_look(struct eal_machine *machine)
{
	machine->huge_free = huge_free();
	machine->huge_mounted = huge_mounted();
	allowed_cpus(machine->cpus, sizeof(machine->cpus));
}

/* Arguments */

static int add(struct eal_arguments *arguments, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int add(struct eal_arguments *arguments, const char *format, ...)
{
	va_list list;
	int length;

	if (arguments->count == EAL_ARGUMENTS)
		return -ENOMEM;
	va_start(list, format);
	length = vasprintf(&arguments->value[arguments->count], format, list);
	va_end(list);
	if (length < 0) {
		arguments->value[arguments->count] = NULL;
		return -ENOMEM;
	}
	arguments->count++;
	return 0;
}

/* A gateway's name is free text; the prefix becomes part of file names. */
static void prefix_of(const char *name, char prefix[BOOT_NAME])
{
	size_t i;

	for (i = 0; name[i] && i < BOOT_NAME - 1; i++)
		prefix[i] = isalnum((unsigned char)name[i]) || name[i] == '-' || name[i] == '_'
				    ? name[i]
				    : '_';
	prefix[i] = '\0';
}

static int add_devices(const struct boot *boot, struct eal_arguments *arguments, bool *any)
{
	struct devstring string;
	struct devstring_error wrong;
	char text[DEVSTRING_VALUE];
	int error = 0;

	*any = false;
	for (unsigned i = 0; i < boot->ports && !error; i++) {
		error = devstring_parse(boot->port[i].device, &string, &wrong);
		if (error || !device_eal_argument(&string, text, sizeof(text)))
			continue;
		*any = true;
		error = add(arguments, "-a");
		error = error ? error : add(arguments, "%s", text);
	}
	if (!*any && !error)
		error = add(arguments, "--no-pci");
	return error;
}

static int choose_memory(const struct boot *boot, const struct eal_machine *machine,
	struct eal_arguments *arguments, char *text, size_t size)
{
	uint64_t wanted = (uint64_t)boot->memory.megabytes << 20;
	bool there = machine->huge_mounted && machine->huge_free >= wanted;

	if (boot->memory.hugepages == BOOT_HUGEPAGES_REQUIRE && !there) {
		snprintf(text, size,
			"memory.hugepages is \"require\", but %s; reserve them "
			"(docs/operations.md) or "
			"set it to \"auto\"",
			machine->huge_mounted ? "fewer are free than memory.megabytes asks for"
					      : "no hugetlbfs is mounted");
		return -ENOSPC;
	}
	arguments->hugepages = there && boot->memory.hugepages != BOOT_HUGEPAGES_OFF;
	return 0;
}

static int add_memory(const struct boot *boot, bool physical, struct eal_arguments *arguments)
{
	int error = add(arguments, "-m");

	error = error ? error : add(arguments, "%u", boot->memory.megabytes);
	if (!error)
		error = add(arguments, arguments->hugepages ? "--huge-unlink" : "--no-huge");
	/* Real devices need what their IOMMU says; EAL finds that out. */
	if (!error && !physical)
		error = add(arguments, "--iova-mode=va");
	return error;
}

int eal_build(const struct boot *boot, const struct eal_machine *machine,
	struct eal_arguments *arguments, char *text, size_t size)
{
	char prefix[BOOT_NAME];
	bool physical = false;
	int error;

	memset(arguments, 0, sizeof(*arguments));
	error = choose_memory(boot, machine, arguments, text, size);
	if (error)
		return error;
	prefix_of(boot->name, prefix);
	error = add(arguments, "trunklined");
	error = error ? error : add(arguments, "--file-prefix=%s", prefix);
	/* One lcore for the control thread, on any processor; workers are threads of our own. */
	error = error ? error : add(arguments, "--lcores=0@(%s)", machine->cpus);
	error = error ? error : add(arguments, "--log-level=warning");
	error = error ? error : add_devices(boot, arguments, &physical);
	error = error ? error : add_memory(boot, physical, arguments);
	if (!error)
		return 0;
	snprintf(text, size, "out of memory");
	eal_free(arguments);
	return error;
}

void eal_free(struct eal_arguments *arguments)
{
	for (int i = 0; i < arguments->count; i++)
		free(arguments->value[i]);
	arguments->count = 0;
}

static void show(const struct eal_arguments *arguments)
{
	char line[1024] = "";
	size_t at = 0;

	for (int i = 1; i < arguments->count && at < sizeof(line); i++)
		at += (size_t)snprintf(line + at, sizeof(line) - at, " %s", arguments->value[i]);
	log_debug("EAL arguments:%s", line);
}

int eal_start(const struct boot *boot, bool *hugepages)
{
	/* EAL reorders the array and keeps pointers to some of the strings. */
	static struct eal_arguments arguments;
	struct eal_machine machine;
	char *value[EAL_ARGUMENTS + 1];
	char text[256];
	int error;

	eal_look(&machine);
	error = eal_build(boot, &machine, &arguments, text, sizeof(text));
	if (error) {
		log_error("%s", text);
		return error;
	}
	*hugepages = arguments.hugepages;
	show(&arguments);
	log_info("memory: %u MiB %s", boot->memory.megabytes,
		arguments.hugepages ? "in hugepages" : "without hugepages");
	memcpy(value, arguments.value, sizeof(value));
	if (rte_eal_init(arguments.count, value) >= 0)
		return 0;
	log_error("DPDK does not start: %s (another gateway named \"%s\" on this machine, or not "
		  "enough memory?)",
		rte_strerror(rte_errno), boot->name);
	return rte_errno ? -rte_errno : -EIO;
}

void eal_stop(void)
{
	rte_eal_cleanup();
}
