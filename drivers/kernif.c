/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/kernif.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One question to the kernel about the interface named in request. */
static int ask(unsigned long question, const char *name, struct ifreq *request)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc = 0;

	if (fd < 0)
		return -errno;
	snprintf(request->ifr_name, sizeof(request->ifr_name), "%s", name);
	if (ioctl(fd, question, request) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int ask_ethtool(const char *name, void *command)
{
	struct ifreq request = {0};

	request.ifr_data = command;
	return ask(SIOCETHTOOL, name, &request);
}

int kernif_read(const char *name, struct kernif *out)
{
	struct ifreq request = {0};
	int rc = ask(SIOCGIFINDEX, name, &request);

	if (rc != 0)
		return rc;
	out->index = request.ifr_ifindex;
	rc = ask(SIOCGIFFLAGS, name, &request);
	if (rc != 0)
		return rc;
	out->up = (request.ifr_flags & IFF_UP) != 0;
	out->running = out->up && (request.ifr_flags & IFF_RUNNING) != 0;
	rc = ask(SIOCGIFMTU, name, &request);
	if (rc != 0)
		return rc;
	out->mtu = (uint32_t)request.ifr_mtu;
	rc = ask(SIOCGIFHWADDR, name, &request);
	if (rc == 0)
		memcpy(out->mac, request.ifr_hwaddr.sa_data, sizeof(out->mac));
	return rc;
}

int kernif_set_mtu(const char *name, uint16_t mtu)
{
	struct ifreq request = {.ifr_mtu = mtu};

	return ask(SIOCSIFMTU, name, &request);
}

int kernif_set_up(const char *name)
{
	struct ifreq request = {0};
	int rc = ask(SIOCGIFFLAGS, name, &request);

	if (rc != 0)
		return rc;
	request.ifr_flags = (short)(request.ifr_flags | IFF_UP);
	return ask(SIOCSIFFLAGS, name, &request);
}

uint32_t kernif_speed(const char *name)
{
	struct ethtool_cmd command = {.cmd = ETHTOOL_GSET};
	uint32_t speed;

	if (ask_ethtool(name, &command) != 0)
		return 0;
	speed = ethtool_cmd_speed(&command);
	return speed == (uint32_t)SPEED_UNKNOWN ? 0 : speed;
}

unsigned kernif_queues(const char *name)
{
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};

	if (ask_ethtool(name, &channels) != 0 || channels.combined_count == 0)
		return 1;
	return channels.combined_count;
}

bool kernif_strips_tags(const char *name)
{
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};

	/* veth says so and leaves in the frame what its other end put there. */
	if (ask_ethtool(name, &driver) == 0 && strcmp(driver.driver, "veth") == 0)
		return false;
	return ask_ethtool(name, &flags) == 0 && (flags.data & ETH_FLAG_RXVLAN) != 0;
}

int kernif_open_multicast(int index)
{
	struct packet_mreq all = {.mr_ifindex = index, .mr_type = PACKET_MR_ALLMULTI};
	/* Protocol 0: the socket itself receives nothing. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) == 0)
		return fd;
	rc = -errno;
	close(fd);
	return rc;
}
