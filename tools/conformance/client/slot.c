// SPDX-License-Identifier: MIT
#include "slot.h"
#include "harness.h"

struct slot slot_take(const char *name, int flags)
{
	int fd = (int)MUST(open(node(name), flags));

	return (struct slot){ fd, (off_t)MUST(io->ioctl(fd, C_SLOT, 0)) * SLOT };
}

struct slot_seen slot_seen(const struct slot *slot)
{
	struct slot_seen *seen = NEW(struct slot_seen);

	MUST(io->ioctl(slot->fd, C_SLOT_SEEN, (uintptr_t)seen));
	return *seen;
}
