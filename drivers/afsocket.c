/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/afsocket.h"

#include <linux/if_packet.h>
#include <linux/if_xdp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FANOUT_FLAG_SHIFT	    16
#define FANOUT_FLAG_IGNORE_OUTGOING 0x4000u /* newer than the headers */

/* The device that is being opened, NULL between; control thread. */
static struct afsocket *opening;
static unsigned opening_queues;

void afsocket_begin(struct afsocket *sockets, unsigned queues)
{
	opening_queues = queues;
	opening = sockets;
}

void afsocket_end(void)
{
	opening = NULL;
}

static int pass(int fd, int level, int option, const void *value, socklen_t length)
{
	return (int)syscall(SYS_setsockopt, fd, level, option, value, length);
}

/*
 * The kernel knows one reassembly queue per source, destination and id, whatever the VLAN: with
 * PACKET_FANOUT_FLAG_DEFRAG fragments of two customers who use the same addresses on one port end
 * up in one packet. So the driver does not get it. Nor rollover, which reorders a flow when a ring
 * is full. Frames that this host sends are no input of ours.
 */
static int join_fanout(int fd, unsigned mode)
{
	mode &= ~((unsigned)(PACKET_FANOUT_FLAG_DEFRAG | PACKET_FANOUT_FLAG_ROLLOVER)
		  << FANOUT_FLAG_SHIFT);
	mode |= FANOUT_FLAG_IGNORE_OUTGOING << FANOUT_FLAG_SHIFT;
	return pass(fd, SOL_PACKET, PACKET_FANOUT, &mode, sizeof(mode));
}

static void remember(int fd)
{
	if (opening->sockets < AFSOCKET_SOCKETS)
		opening->socket[opening->sockets++] = fd;
}

/* One queue is no group, and a single socket can say itself what it does not want to hear. */
static int correct_fanout(int fd, unsigned mode)
{
	int on = 1;

	remember(fd);
	if (opening_queues > 1)
		return join_fanout(fd, mode);
	return pass(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
}

/* What the driver, a shared library, finds under the name it calls. */
int afsocket_setsockopt(int fd, int level, int option, const void *value, socklen_t length) __asm__(
	"setsockopt");

int afsocket_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	unsigned mode;

	if (opening != NULL && level == SOL_XDP && option == XDP_RX_RING) {
		opening->xdp = true;
		remember(fd);
	}
	if (opening == NULL || level != SOL_PACKET || option != PACKET_FANOUT ||
		length != sizeof(mode))
		return pass(fd, level, option, value, length);
	memcpy(&mode, value, sizeof(mode));
	return correct_fanout(fd, mode);
}

bool afsocket_hears_itself(const struct afsocket *sockets)
{
	return !sockets->xdp && sockets->sockets != 1;
}

/* Reading sets the kernel's count back to zero. */
static uint64_t lost_by_packet(int fd)
{
	struct tpacket_stats stats = {0};
	socklen_t length = sizeof(stats);

	return getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length) == 0 ? stats.tp_drops
										   : 0;
}

/* rx_dropped, an empty fill ring among its causes, is in the driver's own count. */
static uint64_t lost_by_xdp(int fd)
{
	struct xdp_statistics stats = {0};
	socklen_t length = sizeof(stats);

	return getsockopt(fd, SOL_XDP, XDP_STATISTICS, &stats, &length) == 0 ? stats.rx_ring_full
									     : 0;
}

uint64_t afsocket_lost(struct afsocket *sockets)
{
	uint64_t full = 0;

	for (unsigned i = 0; i < sockets->sockets && sockets->xdp; i++)
		full += lost_by_xdp(sockets->socket[i]);
	for (unsigned i = 0; i < sockets->sockets && !sockets->xdp; i++)
		sockets->lost += lost_by_packet(sockets->socket[i]);
	return sockets->lost + full;
}
