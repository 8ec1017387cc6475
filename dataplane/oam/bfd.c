/* SPDX-License-Identifier: BSD-3-Clause */
#include "dataplane/oam/bfd.h"

#define LONGEST_US UINT64_C(3600000000)

/* Rows: our state; columns: what the peer says its state is. */
static const uint8_t next_state[BFDPACKET_STATES][BFDPACKET_STATES] = {
	[BFDPACKET_ADMIN_DOWN] = {BFDPACKET_ADMIN_DOWN, BFDPACKET_ADMIN_DOWN, BFDPACKET_ADMIN_DOWN,
		BFDPACKET_ADMIN_DOWN},
	[BFDPACKET_DOWN] = {BFDPACKET_DOWN, BFDPACKET_INIT, BFDPACKET_UP, BFDPACKET_DOWN},
	[BFDPACKET_INIT] = {BFDPACKET_DOWN, BFDPACKET_INIT, BFDPACKET_UP, BFDPACKET_UP},
	[BFDPACKET_UP] = {BFDPACKET_DOWN, BFDPACKET_DOWN, BFDPACKET_UP, BFDPACKET_UP},
};

enum bfdpacket_state bfd_next(enum bfdpacket_state state, enum bfdpacket_state received)
{
	return next_state[state][received];
}

/* A peer may ask for years: what is beyond LONGEST_US is as good as it, and does not overflow. */
static uint64_t cycles(const struct bfd *s, uint64_t us)
{
	return (us < LONGEST_US ? us : LONGEST_US) * s->hz / 1000000;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

uint64_t bfd_detection_us(const struct bfd *s)
{
	return (uint64_t)s->remote_multiplier * larger(s->used_rx, s->remote_desired_tx);
}

uint64_t bfd_interval_us(const struct bfd *s)
{
	return s->remote_required_rx == 0 ? 0 : larger(s->used_tx, s->remote_required_rx);
}

/* xorshift64*: for jitter, nothing secret. */
static uint64_t next_random(struct bfd *s)
{
	s->random ^= s->random >> 12;
	s->random ^= s->random << 25;
	s->random ^= s->random >> 27;
	return s->random * UINT64_C(0x2545f4914f6cdd1d) >> 32;
}

static uint64_t part_of(struct bfd *s, uint64_t span)
{
	uint64_t part = next_random(s) & 0xffff;

	return (span >> 16) * part + ((span & 0xffff) * part >> 16);
}

/* RFC 5880 6.8.7: less by up to a quarter; with a multiplier of 1 to between 75 and 90 %. */
static void schedule(struct bfd *s, const struct fwd_bfd *config, uint64_t now)
{
	uint64_t interval = cycles(s, bfd_interval_us(s));
	uint64_t least = config->multiplier == 1 ? interval / 10 : 0;
	uint64_t span = interval / 4 - least;

	s->next_send = interval == 0 ? BFD_NEVER : now + interval - least - part_of(s, span);
}

/* What packets say of our intervals: slow while the session is not up. */
static void set_intervals(struct bfd *s, const struct fwd_bfd *config)
{
	bool up = s->state == BFDPACKET_UP;
	uint32_t tx = up ? config->tx_us : larger(config->tx_us, BFD_SLOW_US);

	if (tx == s->desired_tx && config->rx_us == s->required_rx)
		return;
	/* 6.8.3: while up, we neither slow down nor judge sooner before the peer has agreed. */
	s->used_tx = up && tx > s->used_tx ? s->used_tx : tx;
	s->used_rx = up && config->rx_us < s->used_rx ? s->used_rx : config->rx_us;
	s->desired_tx = tx;
	s->required_rx = config->rx_us;
	/* In the handshake each packet brings the values: only what is up asks whether they came.
	 */
	s->poll_again = up && s->polling;
	s->polling = up;
	s->urgent = true;
}

static void enter(struct bfd *s, const struct fwd_bfd *config, enum bfdpacket_state state,
	enum bfdpacket_diag diag, uint64_t now)
{
	if (state == s->state)
		return;
	s->ups += state == BFDPACKET_UP;
	s->downs += s->state == BFDPACKET_UP;
	/* Only what was up can fail; what comes up objects no more. */
	if (s->state == BFDPACKET_UP || state == BFDPACKET_UP)
		s->objects = state != BFDPACKET_UP;
	s->state = (uint8_t)state;
	if (state != BFDPACKET_INIT)
		s->diag = (uint8_t)diag;
	s->changed = now;
	s->urgent = true;
	set_intervals(s, config);
	schedule(s, config, now);
}

void bfd_begin(
	struct bfd *s, const struct fwd_bfd *config, uint64_t seed, uint64_t hz, uint64_t now)
{
	*s = (struct bfd){.state = config->admin_down ? BFDPACKET_ADMIN_DOWN : BFDPACKET_DOWN,
		.remote_state = BFDPACKET_DOWN,
		.diag = config->admin_down ? BFDPACKET_DIAG_ADMIN_DOWN : BFDPACKET_DIAG_NONE,
		.objects = !config->admin_down,
		.local = config->discriminator,
		.remote_required_rx = 1,
		.random = seed | 1,
		.hz = hz,
		.expires = BFD_NEVER,
		.changed = now};
	s->sent_sequence = (uint32_t)next_random(s);
	set_intervals(s, config);
	s->next_send = now;
}

void bfd_configure(struct bfd *s, const struct fwd_bfd *config, uint64_t now)
{
	if (config->admin_down) {
		enter(s, config, BFDPACKET_ADMIN_DOWN, BFDPACKET_DIAG_ADMIN_DOWN, now);
		/* RFC 5882 4.2: what is stopped on purpose says nothing of the path. */
		s->objects = false;
	} else if (s->state == BFDPACKET_ADMIN_DOWN) {
		enter(s, config, BFDPACKET_DOWN, BFDPACKET_DIAG_NONE, now);
		s->objects = s->ups == 0;
	}
	set_intervals(s, config);
	if (s->urgent)
		s->next_send = now;
}

static bool in_sequence(const struct bfd *s, const struct bfdpacket *packet, uint64_t now)
{
	uint32_t ahead = packet->sequence - s->received_sequence;
	uint64_t silence = now - s->last_received;

	/* 6.8.1: forgotten after twice the detection time, as by a peer that began anew. */
	if (!s->sequence_known || silence > 2 * cycles(s, bfd_detection_us(s)))
		return true;
	return ahead >= 1 && ahead <= 3u * s->remote_multiplier;
}

static unsigned authenticate(const struct bfd *s, const struct fwd_bfd *config,
	const struct bfdpacket *packet, const uint8_t *bytes, uint64_t now)
{
	bool authenticated = packet->flags & BFDPACKET_AUTHENTICATED;

	if (!config->authenticated)
		return authenticated ? DROP_BFD_AUTH : VERDICT_GO;
	if (!authenticated || packet->key_id != config->key_id || !in_sequence(s, packet, now) ||
		!bfdpacket_genuine(bytes, packet, config->key))
		return DROP_BFD_AUTH;
	return VERDICT_GO;
}

/* 6.8.6 from "set bfd.RemoteDiscr" on, up to the state. */
static void learn(
	struct bfd *s, const struct fwd_bfd *config, const struct bfdpacket *packet, uint64_t now)
{
	bool other_interval = packet->required_rx != s->remote_required_rx;

	if (config->authenticated) {
		s->received_sequence = packet->sequence;
		s->sequence_known = true;
	}
	s->remote = packet->mine;
	s->remote_state = packet->state;
	s->remote_diag = packet->diag;
	s->remote_required_rx = packet->required_rx;
	s->remote_desired_tx = packet->desired_tx;
	s->remote_multiplier = packet->multiplier;
	s->last_received = now;
	s->received++;
	if ((packet->flags & BFDPACKET_FINAL) && s->polling && !s->poll_again) {
		s->polling = false;
		s->used_tx = s->desired_tx;
		s->used_rx = s->required_rx;
		other_interval = true;
	}
	if (packet->flags & BFDPACKET_FINAL)
		s->poll_again = false;
	/* 6.8.3: a peer that can take more often gets it at once. */
	if (other_interval)
		schedule(s, config, now);
	s->expires = now + cycles(s, bfd_detection_us(s));
}

unsigned bfd_receive(struct bfd *s, const struct fwd_bfd *config, const struct bfdpacket *packet,
	const uint8_t *bytes, uint64_t now)
{
	unsigned verdict = authenticate(s, config, packet, bytes, now);

	if (verdict != VERDICT_GO)
		return verdict;
	learn(s, config, packet, now);
	if (s->state == BFDPACKET_ADMIN_DOWN)
		return DROP_BFD_ADMIN_DOWN;
	enter(s, config, bfd_next(s->state, packet->state),
		bfd_next(s->state, packet->state) == BFDPACKET_UP ? BFDPACKET_DIAG_NONE
								  : BFDPACKET_DIAG_NEIGHBOUR_DOWN,
		now);
	/* RFC 5882 4.2: the peer's operator stopped it; the path may be well. */
	if (packet->state == BFDPACKET_ADMIN_DOWN)
		s->objects = false;
	s->demands_refused += (packet->flags & BFDPACKET_DEMAND) != 0;
	s->answer = packet->flags & BFDPACKET_POLL;
	return VERDICT_GO;
}

void bfd_expire(struct bfd *s, const struct fwd_bfd *config, uint64_t now)
{
	s->expires = BFD_NEVER;
	s->remote = 0;
	s->remote_state = BFDPACKET_DOWN;
	s->remote_required_rx = 1;
	if (s->state == BFDPACKET_INIT || s->state == BFDPACKET_UP)
		enter(s, config, BFDPACKET_DOWN, BFDPACKET_DIAG_EXPIRED, now);
}

void bfd_send(struct bfd *s, const struct fwd_bfd *config, uint64_t now, struct bfdpacket *packet)
{
	*packet = (struct bfdpacket){.diag = s->diag,
		.state = s->state,
		.flags = BFDPACKET_INDEPENDENT,
		.multiplier = config->multiplier,
		.mine = s->local,
		.yours = s->remote,
		.desired_tx = s->desired_tx,
		.required_rx = s->required_rx};
	/* 6.5: never both. */
	if (s->answer)
		packet->flags |= BFDPACKET_FINAL;
	else if (s->polling)
		packet->flags |= BFDPACKET_POLL;
	if (config->authenticated) {
		packet->flags |= BFDPACKET_AUTHENTICATED;
		packet->key_id = config->key_id;
		packet->sequence = ++s->sent_sequence;
	}
	s->answer = s->urgent = false;
	s->sent++;
	schedule(s, config, now);
}
