/* SPDX-License-Identifier: BSD-3-Clause */
#include "control/boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "control/fields.h"
#include "drivers/device.h"

#define FILE_MAX       (1 << 20)
#define CPU_MAX	       1023
#define BUFFER_DEFAULT 2304
#define BUFFER_MAX     16384

static void read_directory(const struct fields *root, const char *name, char value[BOOT_PATH])
{
	fields_text(root, name, value, BOOT_PATH - 16);
	if (value[0] != '/')
		fields_fail(root, name, "must be an absolute path");
}

/* Sockets */

static void read_mode(const struct fields *socket, mode_t *mode)
{
	char text[8] = "", *end;
	unsigned long value;

	if (!fields_has(socket, "mode"))
		return;
	fields_text(socket, "mode", text, sizeof(text));
	value = strtoul(text, &end, 8);
	if (text[0] != '0' || *end || value > 0777)
		fields_fail(socket, "mode", "must be an octal mode such as \"0660\"");
	*mode = (mode_t)value;
}

static void read_socket(const struct fields *sockets, const char *name, struct boot_socket *value)
{
	static const char *const names[] = {"mode", "group", NULL};
	struct fields socket = fields_object(sockets, name);

	fields_only(&socket, names);
	read_mode(&socket, &value->mode);
	fields_text(&socket, "group", value->group, sizeof(value->group));
}

static void read_sockets(const struct fields *root, struct boot *boot)
{
	static const char *const names[] = {"control", "stats", NULL};
	struct fields sockets = fields_object(root, "sockets");

	boot->control.mode = 0660;
	boot->stats.mode = 0666;
	fields_only(&sockets, names);
	read_socket(&sockets, "control", &boot->control);
	read_socket(&sockets, "stats", &boot->stats);
}

/* Workers */

static bool power_of_two(uint32_t value)
{
	return (value & (value - 1)) == 0;
}

static void read_cpus(const struct fields *fields, struct boot_workers *workers)
{
	size_t count = fields_count(fields, "cpus", PLANE_WORKERS);

	for (unsigned i = 0; i < PLANE_WORKERS; i++)
		workers->cpu[i] = -1;
	if (count && count != workers->count)
		fields_fail(
			fields, "cpus", "has %zu elements for %u workers", count, workers->count);
	for (size_t i = 0; i < count; i++) {
		uint32_t cpu = 0;

		fields_number_at(fields, "cpus", i, 0, CPU_MAX, &cpu);
		workers->cpu[i] = (int)cpu;
	}
}

static void read_workers(const struct fields *root, struct boot_workers *workers)
{
	static const char *const names[] = {
		"count", "cpus", "idle", "idle_sleep_us", "ring_size", NULL};
	static const char *const idle[] = {"adaptive", "busy", NULL};
	struct fields fields = fields_object(root, "workers");
	unsigned choice = PLANE_IDLE_ADAPTIVE;
	uint32_t count = 1;

	workers->idle_sleep_us = 50;
	workers->ring_size = 1024;
	fields_only(&fields, names);
	fields_number(&fields, "count", 1, PLANE_WORKERS, &count);
	workers->count = count;
	read_cpus(&fields, workers);
	fields_choice(&fields, "idle", idle, &choice);
	workers->idle = choice;
	fields_number(&fields, "idle_sleep_us", 1, 250, &workers->idle_sleep_us);
	fields_number(&fields, "ring_size", 64, 65536, &workers->ring_size);
	if (!power_of_two(workers->ring_size))
		fields_fail(&fields, "ring_size", "must be a power of two");
}

/* Ports */

static void read_owners(const struct fields *port, const char *name, unsigned queues,
	unsigned workers, uint8_t owner[PLANE_PORT_QUEUES])
{
	size_t count = fields_count(port, name, PLANE_PORT_QUEUES);

	for (unsigned i = 0; i < queues; i++)
		owner[i] = (uint8_t)(i % workers);
	if (count && count != queues)
		fields_fail(port, name, "has %zu elements for %u queues", count, queues);
	for (size_t i = 0; i < count; i++) {
		uint32_t worker = 0;

		fields_number_at(port, name, i, 0, workers - 1, &worker);
		owner[i] = (uint8_t)worker;
	}
}

static void check_device(const struct fields *fields, const struct boot_port *port)
{
	struct devstring string;
	struct devstring_error error;

	if (!port->device[0])
		fields_fail(fields, "device", "is missing");
	else if (devstring_parse(port->device, &string, &error) < 0)
		fields_fail(fields, "device", "%s", error.text);
}

static void check_unique(const struct fields *fields, const struct boot *boot, unsigned index)
{
	const struct boot_port *port = &boot->port[index];

	for (unsigned i = 0; i < index; i++) {
		if (strcmp(boot->port[i].name, port->name) == 0)
			fields_fail(fields, "name", "\"%s\" is the name of port %u already",
				port->name, i);
		if (strcmp(boot->port[i].device, port->device) == 0 &&
			strncmp(port->device, "null:", 5) != 0)
			fields_fail(fields, "device", "\"%s\" is the device of port %u already",
				port->device, i);
	}
}

static void read_port(const struct fields *root, struct boot *boot, unsigned index)
{
	static const char *const names[] = {"name", "device", "rx_queues", "tx_queues", "mtu",
		"distribute", "rx_owner", "tx_owner", NULL};
	static const char *const distribute[] = {"off", "rings", NULL};
	struct fields fields = fields_element(root, "ports", index);
	struct boot_port *port = &boot->port[index];
	uint32_t rx = 1, tx = 1, mtu = 1500;
	unsigned spread = 0;

	fields_only(&fields, names);
	if (!fields_has(&fields, "name"))
		fields_fail(&fields, "name", "is missing");
	fields_text(&fields, "name", port->name, sizeof(port->name));
	fields_text(&fields, "device", port->device, sizeof(port->device));
	check_device(&fields, port);
	check_unique(&fields, boot, index);
	fields_number(&fields, "rx_queues", 1, PLANE_PORT_QUEUES, &rx);
	fields_number(&fields, "tx_queues", 1, PLANE_PORT_QUEUES, &tx);
	fields_number(&fields, "mtu", DEVICE_MTU_MIN, 9216, &mtu);
	fields_choice(&fields, "distribute", distribute, &spread);
	port->rx_queues = (uint16_t)rx;
	port->tx_queues = (uint16_t)tx;
	port->mtu = (uint16_t)mtu;
	port->distribute = spread != 0;
	read_owners(&fields, "rx_owner", rx, boot->workers.count, port->rx_owner);
	read_owners(&fields, "tx_owner", tx, boot->workers.count, port->tx_owner);
}

static void read_ports(const struct fields *root, struct boot *boot)
{
	size_t count = fields_count(root, "ports", FWD_PORTS);

	if (!fields_has(root, "ports") || !count)
		fields_fail(root, "ports", "at least one port is needed");
	boot->ports = (unsigned)count;
	for (unsigned i = 0; i < count; i++)
		read_port(root, boot, i);
}

/* Memory */

static uint32_t room_for(const struct boot_port *port)
{
	return DEVICE_HEADROOM + DEVICE_L2_MAX + port->mtu;
}

static void check_buffers(const struct fields *memory, const struct boot *boot)
{
	for (unsigned i = 0; i < boot->ports; i++)
		if (boot->memory.buffer_size < room_for(&boot->port[i]))
			fields_fail(memory, "buffer_size",
				"port \"%s\" with its mtu of %u needs %u bytes", boot->port[i].name,
				boot->port[i].mtu, room_for(&boot->port[i]));
}

static uint32_t default_buffer(const struct boot *boot)
{
	uint32_t size = BUFFER_DEFAULT;

	for (unsigned i = 0; i < boot->ports; i++)
		if (room_for(&boot->port[i]) > size)
			size = (room_for(&boot->port[i]) + 127) & ~127u;
	return size;
}

static void read_memory(const struct fields *root, struct boot *boot)
{
	static const char *const names[] = {
		"hugepages", "megabytes", "buffers", "buffer_size", NULL};
	static const char *const hugepages[] = {"auto", "require", "off", NULL};
	struct fields fields = fields_object(root, "memory");
	struct boot_memory *memory = &boot->memory;
	unsigned choice = BOOT_HUGEPAGES_AUTO;

	*memory = (struct boot_memory){
		.megabytes = 256, .buffers = 16384, .buffer_size = default_buffer(boot)};
	fields_only(&fields, names);
	fields_choice(&fields, "hugepages", hugepages, &choice);
	memory->hugepages = choice;
	fields_number(&fields, "megabytes", 64, 1 << 20, &memory->megabytes);
	fields_number(&fields, "buffers", 2048, 1 << 24, &memory->buffers);
	fields_number(&fields, "buffer_size", 1024, BUFFER_MAX, &memory->buffer_size);
	check_buffers(&fields, boot);
	/* 256: what the pool adds to each buffer, rounded up. */
	if ((uint64_t)memory->buffers * (memory->buffer_size + 256) > (uint64_t)memory->megabytes
									      << 20)
		fields_fail(&fields, "megabytes", "%u buffers of %u bytes do not fit in %u MiB",
			memory->buffers, memory->buffer_size, memory->megabytes);
}

/* Limits */

struct limit {
	const char *name;
	size_t offset;
	uint32_t standard, min, max;
};

#define LIMIT(name, standard, min, max) \
	{ \
#name, offsetof(struct boot_limits, name), standard, min, max \
	}

static const struct limit limit_table[] = {
	LIMIT(connections, 4096, 1, 65535),
	LIMIT(attachments, 16384, 1, 262144),
	LIMIT(endpoints, 8192, 1, 262144),
	LIMIT(sites, 64, 1, 1024),
	LIMIT(paths, 256, 1, 16384),
	LIMIT(routes, 2000000, 1, 16000000),
	LIMIT(neighbours, 65536, 16, 1048576),
	LIMIT(next_hop_sets, 4096, 1, 65535),
	LIMIT(icmp_errors_per_second, 1000, 1, 1000000),
	LIMIT(held_packets, 1024, 0, 65536),
	LIMIT(held_packets_per_neighbour, 16, 0, 1024),
	LIMIT(neighbours_per_attachment, 256, 1, 65536),
};

#define LIMITS (sizeof(limit_table) / sizeof(limit_table[0]))

static void read_limits(const struct fields *root, struct boot_limits *limits)
{
	struct fields fields = fields_object(root, "limits");
	const char *names[LIMITS + 1] = {NULL};

	for (size_t i = 0; i < LIMITS; i++)
		names[i] = limit_table[i].name;
	fields_only(&fields, names);
	for (size_t i = 0; i < LIMITS; i++) {
		const struct limit *limit = &limit_table[i];
		uint32_t *value = (uint32_t *)((char *)limits + limit->offset);

		*value = limit->standard;
		fields_number(&fields, limit->name, limit->min, limit->max, value);
	}
}

/* The file */

static void read_root(const struct fields *root, struct boot *boot)
{
	static const char *const names[] = {"name", "run_dir", "state_dir", "sockets", "ports",
		"workers", "memory", "limits", NULL};

	strcpy(boot->run_dir, "/run/trunkline");
	strcpy(boot->state_dir, "/var/lib/trunkline");
	fields_only(root, names);
	if (!fields_has(root, "name"))
		fields_fail(root, "name", "is missing");
	fields_text(root, "name", boot->name, sizeof(boot->name));
	read_directory(root, "run_dir", boot->run_dir);
	read_directory(root, "state_dir", boot->state_dir);
	read_sockets(root, boot);
	read_workers(root, &boot->workers);
	read_ports(root, boot);
	read_memory(root, boot);
	read_limits(root, &boot->limits);
}

int boot_parse(const char *text, size_t length, struct boot *boot, char error[BOOT_ERROR])
{
	struct fields_error wrong = {error, BOOT_ERROR};
	json_error_t why;
	json_t *object = json_loadb(text, length, JSON_REJECT_DUPLICATES, &why);
	struct fields root;

	memset(boot, 0, sizeof(*boot));
	if (!object) {
		snprintf(error, BOOT_ERROR, "line %d, column %d: %s", why.line, why.column,
			why.text);
		return -EINVAL;
	}
	root = fields_root(object, &wrong);
	if (!fields_failed(&root))
		read_root(&root, boot);
	json_decref(object);
	return error[0] ? -EINVAL : 0;
}

static char *read_file(const char *file, size_t *length)
{
	FILE *stream = fopen(file, "re");
	char *text = stream ? malloc(FILE_MAX) : NULL;

	if (text) {
		*length = fread(text, 1, FILE_MAX, stream);
		if (ferror(stream) || *length == FILE_MAX) {
			errno = *length == FILE_MAX ? EFBIG : errno;
			free(text);
			text = NULL;
		}
	}
	if (stream)
		fclose(stream);
	return text;
}

int boot_load(const char *file, struct boot *boot, char error[BOOT_ERROR])
{
	size_t length;
	char *text = read_file(file, &length);
	int result;

	if (!text) {
		result = errno ? -errno : -EIO;
		snprintf(error, BOOT_ERROR, "cannot be read: %s", strerror(-result));
		return result;
	}
	result = boot_parse(text, length, boot, error);
	free(text);
	return result;
}

int boot_port(const struct boot *boot, const char *name)
{
	for (unsigned i = 0; i < boot->ports; i++)
		if (strcmp(boot->port[i].name, name) == 0)
			return (int)i;
	return -1;
}
