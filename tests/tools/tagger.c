/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/tagger.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

static const char usage[] =
	"usage: tagger OBJECT TRUNK ACCESS=untagged|TPID:VLAN[.TPID:VLAN] ...\n"
	"Frames of each access interface carry these tags on the trunk. Run again to replace.\n";

static int fail(const char *what, int err)
{
	fprintf(stderr, "tagger: %s: %s\n", what, strerror(err < 0 ? -err : err));
	return -1;
}

/* "0x8100:1101", "0x88a8:10.0x8100:20" or "untagged". */
static int read_tags(const char *text, struct tagger_tags *tags)
{
	unsigned protocol[2] = {0, 0}, vlan[2] = {0, 0};
	char rest;
	int count;

	memset(tags, 0, sizeof(*tags));
	if (strcmp(text, "untagged") == 0)
		return 0;
	count = sscanf(
		text, "%x:%u.%x:%u%c", &protocol[0], &vlan[0], &protocol[1], &vlan[1], &rest);
	if (count != 2 && count != 4)
		return -EINVAL;
	for (int i = 0; i < 2; i++) {
		if (protocol[i] > 0xffff || vlan[i] > 4094)
			return -EINVAL;
		tags->protocol[i] = (unsigned short)protocol[i];
		tags->vlan[i] = (unsigned short)vlan[i];
	}
	return 0;
}

static int attach(struct bpf_object *object, unsigned interface, const char *program_name)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, program_name);
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)interface,
		.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = 1, .priority = 1);

	/* The hook of an earlier run goes with its programs. */
	(void)bpf_tc_hook_destroy(&hook);
	hook.attach_point = BPF_TC_INGRESS;
	if (bpf_tc_hook_create(&hook) != 0)
		return -errno;
	options.prog_fd = bpf_program__fd(program);
	return bpf_tc_attach(&hook, &options);
}

static int map_of(struct bpf_object *object, const char *name)
{
	return bpf_object__find_map_fd_by_name(object, name);
}

static int add_access(struct bpf_object *object, unsigned trunk, char *member)
{
	struct tagger_access access = {.trunk = trunk};
	char *equals = strchr(member, '=');
	unsigned interface;
	int err;

	if (!equals || read_tags(equals + 1, &access.tags) != 0)
		return fail(member, EINVAL);
	*equals = '\0';
	interface = if_nametoindex(member);
	if (interface == 0)
		return fail(member, errno);
	err = bpf_map_update_elem(map_of(object, "by_tags"), &access.tags, &interface, BPF_NOEXIST);
	if (err == 0)
		err = bpf_map_update_elem(
			map_of(object, "by_interface"), &interface, &access, BPF_ANY);
	if (err == 0)
		err = attach(object, interface, "from_access");
	return err == 0 ? 0 : fail(member, err);
}

static int quiet(enum libbpf_print_level level, const char *format, va_list arguments)
{
	/* Destroying a hook that is not there is no fault, but libbpf says so at this level. */
	return level == LIBBPF_WARN && getenv("TAGGER_DEBUG") ? vfprintf(stderr, format, arguments)
							      : 0;
}

int main(int argc, char **argv)
{
	struct bpf_object *object;
	unsigned trunk;
	int err;

	if (argc < 4) {
		fputs(usage, stderr);
		return 2;
	}
	libbpf_set_print(quiet);
	trunk = if_nametoindex(argv[2]);
	if (trunk == 0)
		return fail(argv[2], errno) != 0;
	object = bpf_object__open(argv[1]);
	if (!object)
		return fail(argv[1], errno) != 0;
	err = bpf_object__load(object);
	if (err != 0)
		return fail(argv[1], err) != 0;
	for (int i = 3; i < argc && err == 0; i++)
		err = add_access(object, trunk, argv[i]);
	if (err == 0 && (err = attach(object, trunk, "from_trunk")) != 0)
		fail(argv[2], err);
	/* The attached programs keep themselves and their maps alive. */
	bpf_object__close(object);
	return err != 0;
}
