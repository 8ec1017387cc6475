/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/tools/rawport.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for what comes while a busy machine keeps us waiting: 8192 frames of 1,500 bytes. */
#define RING_BYTES  (16u << 20)
#define BLOCK_BYTES (64u << 10)
#define SEND_BYTES  (16 << 20)
#define SEND_BATCH  64
#define MAC_BYTES   12
#define TAG_BYTES   4
/* The kernel's header, link address and alignment before a frame; generous. */
#define FRAME_ROOM 160

static int set_option(int fd, int option, const void *value, socklen_t bytes)
{
	return setsockopt(fd, SOL_PACKET, option, value, bytes) == 0 ? 0 : -errno;
}

static int map_ring(struct rawport *port, uint32_t mtu)
{
	int version = TPACKET_V2, room = TAG_BYTES, err;
	struct tpacket_req request = {.tp_block_size = BLOCK_BYTES};
	uint32_t frame = 2048;
	void *ring;

	while (frame < mtu + ETH_HLEN + 2 * TAG_BYTES + FRAME_ROOM)
		frame *= 2;
	if (frame > BLOCK_BYTES)
		return -EINVAL;
	request.tp_frame_size = frame;
	request.tp_frame_nr = RING_BYTES / frame;
	request.tp_block_nr = RING_BYTES / BLOCK_BYTES;
	err = set_option(port->fd, PACKET_VERSION, &version, sizeof(version));
	if (err == 0)
		err = set_option(port->fd, PACKET_RESERVE, &room, sizeof(room));
	if (err == 0)
		err = set_option(port->fd, PACKET_RX_RING, &request, sizeof(request));
	if (err != 0)
		return err;
	ring = mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, port->fd, 0);
	if (ring == MAP_FAILED)
		return -errno;
	port->ring = ring;
	port->ring_bytes = RING_BYTES;
	port->frame_bytes = frame;
	port->frames = request.tp_frame_nr;
	return 0;
}

static int join(struct rawport *port, int index)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = index,
	};
	struct packet_mreq promiscuous = {.mr_ifindex = index, .mr_type = PACKET_MR_PROMISC};
	int on = 1, bytes = SEND_BYTES, err;

	if (setsockopt(port->fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
		return -errno;
	err = set_option(port->fd, PACKET_IGNORE_OUTGOING, &on, sizeof(on));
	if (err == 0)
		err = set_option(port->fd, PACKET_QDISC_BYPASS, &on, sizeof(on));
	if (err == 0)
		err = set_option(
			port->fd, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous));
	if (err != 0)
		return err;
	return bind(port->fd, (struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
}

int rawport_open(struct rawport *port, const char *interface, uint32_t mtu)
{
	unsigned index = if_nametoindex(interface);
	int err;

	memset(port, 0, sizeof(*port));
	if (index == 0)
		return -errno;
	/* Protocol 0: nothing arrives before the ring is there and the socket bound. */
	port->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (port->fd < 0)
		return -errno;
	err = map_ring(port, mtu);
	if (err == 0)
		err = join(port, (int)index);
	if (err != 0)
		rawport_close(port);
	return err;
}

void rawport_close(struct rawport *port)
{
	if (port->ring)
		munmap(port->ring, port->ring_bytes);
	close(port->fd);
	port->ring = NULL;
}

static struct tpacket2_hdr *frame_at(const struct rawport *port, uint32_t number)
{
	void *header = port->ring + (size_t)(number % port->frames) * port->frame_bytes;

	return header;
}

/* The tag goes where it was, between the addresses and the type; the reserved room takes the shift.
 */
static void put_tag_back(struct rawport_frame *frame, const struct tpacket2_hdr *header)
{
	bool named = header->tp_status & TP_STATUS_VLAN_TPID_VALID;
	uint16_t tag[2] = {
		htons(named ? header->tp_vlan_tpid : ETH_P_8021Q), htons(header->tp_vlan_tci)};

	memmove(frame->bytes - TAG_BYTES, frame->bytes, MAC_BYTES);
	frame->bytes -= TAG_BYTES;
	memcpy(frame->bytes + MAC_BYTES, tag, TAG_BYTES);
	frame->length += TAG_BYTES;
}

uint32_t rawport_receive(struct rawport *port, struct rawport_frame *frames, uint32_t max)
{
	uint32_t count = 0;

	while (count < max && port->lent < port->frames) {
		struct tpacket2_hdr *header = frame_at(port, port->next + port->lent);

		/* Acquire: the frame's bytes are read after its status. */
		if (!(__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			break;
		frames[count].bytes = (uint8_t *)header + header->tp_mac;
		frames[count].length = header->tp_snaplen;
		if (header->tp_snaplen < header->tp_len)
			frames[count].length = 0;
		else if (header->tp_status & TP_STATUS_VLAN_VALID)
			put_tag_back(&frames[count], header);
		port->lent++;
		count++;
	}
	return count;
}

void rawport_release(struct rawport *port)
{
	for (; port->lent > 0; port->lent--, port->next++)
		/* Release: our use of the bytes ends before the kernel may write them. */
		__atomic_store_n(
			&frame_at(port, port->next)->tp_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
}

static uint32_t send_batch(
	struct rawport *port, const struct rawport_frame *frames, uint32_t count, uint8_t *sent)
{
	struct mmsghdr messages[SEND_BATCH];
	struct iovec parts[SEND_BATCH];
	int taken;

	memset(messages, 0, sizeof(messages[0]) * count);
	for (uint32_t i = 0; i < count; i++) {
		parts[i] = (struct iovec){frames[i].bytes, frames[i].length};
		messages[i].msg_hdr.msg_iov = &parts[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	taken = sendmmsg(port->fd, messages, count, MSG_DONTWAIT);
	if (taken > 0) {
		memset(sent, 1, (size_t)taken);
		return (uint32_t)taken;
	}
	sent[0] = 0;
	return 1;
}

void rawport_send(
	struct rawport *port, const struct rawport_frame *frames, uint32_t count, uint8_t *sent)
{
	uint32_t done = 0;

	while (done < count) {
		uint32_t batch = count - done < SEND_BATCH ? count - done : SEND_BATCH;

		done += send_batch(port, frames + done, batch, sent + done);
	}
}

void rawport_look(struct rawport *port)
{
	struct tpacket_stats stats;
	socklen_t bytes = sizeof(stats);

	/* The kernel clears its count on every look. */
	if (getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &bytes) == 0)
		port->overflow += stats.tp_drops;
}
