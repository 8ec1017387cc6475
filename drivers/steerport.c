/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/steerport.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/base/log.h"
#include "drivers/kernif.h"
#include "drivers/steerimage.h"
#include "drivers/steertable.h"

#define MAPS_MAX 32

/* What is attached to an interface now. */
struct attached {
	uint32_t id;	/* 0: nothing */
	uint32_t flags; /* XDP_FLAGS_*_MODE it is attached by */
	int fd;
	char name[BPF_OBJ_NAME_LEN];
};

void steerport_init(struct steerport *port)
{
	memset(port, 0, sizeof(*port));
	port->lock = -1;
	port->image = -1;
	port->addresses = -1;
}

static uint32_t mode_flags(uint8_t mode)
{
	if (mode == XDP_ATTACHED_SKB)
		return XDP_FLAGS_SKB_MODE;
	return mode == XDP_ATTACHED_HW ? XDP_FLAGS_HW_MODE : XDP_FLAGS_DRV_MODE;
}

static uint32_t attached_id(const struct bpf_xdp_query_opts *query)
{
	if (query->prog_id != 0)
		return query->prog_id;
	return query->drv_prog_id != 0 ? query->drv_prog_id : query->skb_prog_id;
}

/* 0 also where nothing is attached. The caller closes fd. */
static int find_attached(int index, struct attached *out)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = {0};
	uint32_t length = sizeof(info);
	int rc = bpf_xdp_query(index, 0, &query);

	memset(out, 0, sizeof(*out));
	out->fd = -1;
	if (rc != 0)
		return rc;
	out->id = attached_id(&query);
	if (out->id == 0)
		return 0;
	out->flags = mode_flags(query.attach_mode);
	out->fd = bpf_prog_get_fd_by_id(out->id);
	if (out->fd < 0)
		return out->fd;
	rc = bpf_obj_get_info_by_fd(out->fd, &info, &length);
	if (rc == 0)
		snprintf(out->name, sizeof(out->name), "%s", info.name);
	return rc;
}

static bool is_ours(const struct attached *attached)
{
	return attached->id != 0 && strcmp(attached->name, STEERMAP_PROGRAM) == 0;
}

static void forget(struct attached *attached)
{
	if (attached->fd >= 0)
		close(attached->fd);
	attached->fd = -1;
}

/* Only this very program: what somebody put in its place meanwhile stays. */
static int detach(int index, const struct attached *attached)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = attached->fd);

	return bpf_xdp_detach(index, attached->flags | XDP_FLAGS_REPLACE, &options);
}

/* A name in the abstract namespace of sockets is bound to the network namespace, as the interface's
 * index is, and goes with the process. */
static int take_lock(int index)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t length;
	int rc;

	if (fd < 0)
		return -errno;
	rc = snprintf(
		address.sun_path + 1, sizeof(address.sun_path) - 1, "trunkline-steer-%d", index);
	length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)rc);
	if (bind(fd, (struct sockaddr *)&address, length) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

static int replace_leftover(struct steerport *port, struct devstring_error *error)
{
	struct attached attached;
	int rc = find_attached(port->index, &attached);

	if (rc != 0) {
		devstring_refuse(error, rc, "interface %s: cannot ask for its XDP program: %s",
			port->name, strerror(-rc));
	} else if (attached.id != 0 && !is_ours(&attached)) {
		rc = devstring_refuse(error, -EEXIST,
			"interface %s carries the XDP program \"%s\" (id %u), which is not ours: "
			"remove "
			"it first (ip link set dev %s xdp off)",
			port->name, attached.name, attached.id, port->name);
	} else if (attached.id != 0) {
		rc = detach(port->index, &attached);
		if (rc == 0)
			log_info("interface %s: removed the steering program left by a killed "
				 "gateway",
				port->name);
		else
			devstring_refuse(error, rc,
				"interface %s: cannot remove our old program: %s", port->name,
				strerror(-rc));
	}
	forget(&attached);
	return rc;
}

static int write_image(struct steerport *port, struct devstring_error *error)
{
	port->image = memfd_create("trunkline-steer", MFD_CLOEXEC);
	if (port->image < 0)
		return devstring_refuse(error, -errno, "steering program: %s", strerror(errno));
	if (write(port->image, steerimage, steerimage_size) != (ssize_t)steerimage_size)
		return devstring_refuse(
			error, -EIO, "steering program cannot be written to memory");
	snprintf(port->path, sizeof(port->path), "/proc/self/fd/%d", port->image);
	return 0;
}

int steerport_prepare(struct steerport *port, const char *interface, struct devstring_error *error)
{
	struct kernif state;
	int rc = kernif_read(interface, &state);

	if (rc != 0)
		return devstring_refuse(error, rc, "interface %s: %s", interface, strerror(-rc));
	port->index = state.index;
	snprintf(port->name, sizeof(port->name), "%s", interface);
	port->lock = take_lock(port->index);
	if (port->lock == -EADDRINUSE)
		return devstring_refuse(
			error, -EBUSY, "interface %s is in use by another gateway", interface);
	if (port->lock < 0)
		return devstring_refuse(error, port->lock, "interface %s cannot be locked: %s",
			interface, strerror(-port->lock));
	rc = replace_leftover(port, error);
	return rc == 0 ? write_image(port, error) : rc;
}

const char *steerport_program(const struct steerport *port)
{
	return port->path;
}

static void adopt_map(struct steer *steer, uint32_t id)
{
	struct bpf_map_info info = {0};
	uint32_t length = sizeof(info);
	int fd = bpf_map_get_fd_by_id(id);

	if (fd < 0)
		return;
	if (bpf_obj_get_info_by_fd(fd, &info, &length) != 0 ||
		!steertable_adopt(steer, info.name, fd))
		close(fd);
}

static struct steer *adopt_maps(int program)
{
	struct bpf_prog_info info = {0};
	uint32_t length = sizeof(info);
	uint32_t ids[MAPS_MAX];
	struct steer *steer = steertable_create();

	if (steer == NULL)
		return NULL;
	info.map_ids = (uint64_t)(uintptr_t)ids;
	info.nr_map_ids = MAPS_MAX;
	if (bpf_obj_get_info_by_fd(program, &info, &length) == 0) {
		for (uint32_t i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++)
			adopt_map(steer, ids[i]);
	}
	if (steertable_missing(steer) == NULL)
		return steer;
	log_error("steering program lacks the map %s", steertable_missing(steer));
	steertable_destroy(steer);
	return NULL;
}

static int read_address(const struct sockaddr *from, struct ip_address *to)
{
	memset(to, 0, sizeof(*to));
	if (from != NULL && from->sa_family == AF_INET) {
		to->family = IP_4;
		memcpy(to->bytes, &((const struct sockaddr_in *)(const void *)from)->sin_addr, 4);
		return 1;
	}
	if (from != NULL && from->sa_family == AF_INET6) {
		to->family = IP_6;
		memcpy(to->bytes, &((const struct sockaddr_in6 *)(const void *)from)->sin6_addr,
			16);
		return 1;
	}
	return 0;
}

/* Those of all interfaces: the kernel answers for any of them by any interface. */
static int read_host_addresses(struct steer *steer)
{
	struct ip_address *addresses = calloc(STEER_ADDRESSES, sizeof(*addresses));
	struct ifaddrs *list = NULL;
	unsigned count = 0;
	int rc = -ENOMEM;

	if (addresses == NULL)
		return rc;
	if (getifaddrs(&list) != 0) {
		rc = -errno;
		goto out;
	}
	for (struct ifaddrs *a = list; a != NULL && count < STEER_ADDRESSES; a = a->ifa_next)
		count += (unsigned)read_address(a->ifa_addr, &addresses[count]);
	freeifaddrs(list);
	rc = steertable_set_host(steer, addresses, count);
out:
	free(addresses);
	return rc;
}

static int open_address_news(void)
{
	struct sockaddr_nl address = {
		.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	int rc;

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}

int steerport_start(struct steerport *port, const uint8_t mac[6], struct devstring_error *error)
{
	struct attached attached;
	int rc = find_attached(port->index, &attached);

	if (rc == 0 && !is_ours(&attached))
		rc = -ENOENT;
	if (rc == 0) {
		port->steer = adopt_maps(attached.fd);
		rc = port->steer != NULL ? 0 : -EINVAL;
	}
	forget(&attached);
	if (rc != 0)
		return devstring_refuse(error, rc,
			"interface %s: the steering program did not get there: %s", port->name,
			strerror(-rc));
	/* First subscribed, then read: nothing is missed between. */
	port->addresses = open_address_news();
	rc = steertable_set_mac(port->steer, mac);
	if (rc == 0)
		rc = read_host_addresses(port->steer);
	if (rc != 0)
		return devstring_refuse(error, rc, "interface %s: maps of the steering program: %s",
			port->name, strerror(-rc));
	if (kernif_strips_tags(port->name))
		log_warning("interface %s takes VLAN tags off before steering can see them: "
			    "ethtool -K %s rxvlan off",
			port->name, port->name);
	return 0;
}

struct steer *steerport_steer(const struct steerport *port)
{
	return port->steer;
}

void steerport_follow(struct steerport *port)
{
	bool changed = false;
	char news[4096];
	ssize_t got;

	if (port->addresses < 0)
		return;
	/* What was lost for want of room is a change too. */
	while ((got = recv(port->addresses, news, sizeof(news), 0)) > 0 || errno == ENOBUFS)
		changed = true;
	if (changed && read_host_addresses(port->steer) != 0)
		log_warning("interface %s: host addresses not followed by steering", port->name);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void steerport_close(struct steerport *port)
{
	struct attached attached;

	/* Without the lock, what is attached is another's. */
	if (port->lock >= 0 && find_attached(port->index, &attached) == 0) {
		if (is_ours(&attached))
			detach(port->index, &attached);
		forget(&attached);
	}
	steertable_destroy(port->steer);
	port->steer = NULL;
	close_fd(&port->addresses);
	close_fd(&port->image);
	close_fd(&port->lock);
}

struct steer *steerport_load(int *program)
{
	struct bpf_object *object = bpf_object__open_mem(steerimage, steerimage_size, NULL);
	struct bpf_program *found;
	struct steer *steer = NULL;

	if (object == NULL)
		return NULL;
	if (bpf_object__load(object) == 0) {
		found = bpf_object__find_program_by_name(object, STEERMAP_PROGRAM);
		*program = found != NULL ? dup(bpf_program__fd(found)) : -1;
		steer = *program >= 0 ? adopt_maps(*program) : NULL;
	}
	bpf_object__close(object);
	return steer;
}
