/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tagger's BPF program and its loader agree on. */
#ifndef TESTS_TOOLS_TAGGER_H
#define TESTS_TOOLS_TAGGER_H

#define TAGGER_MEMBERS 256

/* Tags from the outside in; protocol 0: none. Host byte order. */
struct tagger_tags {
	unsigned short protocol[2];
	unsigned short vlan[2];
};

/* An access interface: what its frames carry on the trunk. */
struct tagger_access {
	unsigned int trunk; /* interface index */
	struct tagger_tags tags;
};

#endif
