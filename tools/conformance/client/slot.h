/* SPDX-License-Identifier: MIT */
/* A slot of the nodes "memory" and "read-only", which only a channel with offsets and mmap(2) can have. */
#ifndef CONFORMANCE_SLOT_H
#define CONFORMANCE_SLOT_H

#include <sys/types.h>

#include "protocol.h"

struct slot {
	int fd;
	/* Its first byte is there in the node; it has SLOT bytes, all zero. */
	off_t at;
};

struct slot slot_take(const char *name, int flags);
/* What this file's driver saw, and how much memory all slots have. */
struct slot_seen slot_seen(const struct slot *slot);

#endif
