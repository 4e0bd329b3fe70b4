// SPDX-License-Identifier: MIT
/* Hang-up: of a terminal, and of a device that is gone. */
#include "harness.h"

static void at_end(const struct test *t)
{
	(void)t;
	int fd = dev(O_RDONLY);

	kick(KICK_HANGUP_OTHERS, 0);
	GIVES(io->read(fd, memory_new(1), 1), 0);
}

CASES
{
	add(at_end, NEEDS_NOTHING, "hangup/tty/read-ends");
}
