/* SPDX-License-Identifier: BSD-3-Clause */
#include "drivers/afpacket.h"

#include <linux/if_packet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FANOUT_FLAG_SHIFT	    16
#define FANOUT_FLAG_IGNORE_OUTGOING 0x4000u /* newer than the headers */

/* The device that is being opened, NULL between; control thread. */
static struct afpacket *opening;
static unsigned opening_queues;

void afpacket_begin(struct afpacket *packet, unsigned queues)
{
	memset(packet, 0, sizeof(*packet));
	opening_queues = queues;
	opening = packet;
}

void afpacket_end(void)
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

/* One queue is no group, and a single socket can say itself what it does not want to hear. */
static int correct_fanout(int fd, unsigned mode)
{
	int on = 1;

	if (opening->sockets < AFPACKET_SOCKETS)
		opening->socket[opening->sockets++] = fd;
	if (opening_queues > 1)
		return join_fanout(fd, mode);
	return pass(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
}

/* What the driver, a shared library, finds under the name it calls. */
int afpacket_setsockopt(int fd, int level, int option, const void *value, socklen_t length) __asm__(
	"setsockopt");

int afpacket_setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
	unsigned mode;

	if (opening == NULL || level != SOL_PACKET || option != PACKET_FANOUT ||
		length != sizeof(mode))
		return pass(fd, level, option, value, length);
	memcpy(&mode, value, sizeof(mode));
	return correct_fanout(fd, mode);
}

bool afpacket_hears_itself(const struct afpacket *packet)
{
	return packet->sockets != 1;
}

uint64_t afpacket_lost(struct afpacket *packet)
{
	for (unsigned i = 0; i < packet->sockets; i++) {
		struct tpacket_stats stats = {0};
		socklen_t length = sizeof(stats);

		/* Reading sets the kernel's count back to zero. */
		if (getsockopt(packet->socket[i], SOL_PACKET, PACKET_STATISTICS, &stats, &length) ==
			0)
			packet->lost += stats.tp_drops;
	}
	return packet->lost;
}
