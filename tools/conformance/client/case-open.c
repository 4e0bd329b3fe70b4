// SPDX-License-Identifier: MIT
/* open(2): flags, access modes, refusals. */
#include "harness.h"

static void opens(const struct test *t)
{
	int fd = dev((int)t->a);

	/* The kernel takes O_CLOEXEC, O_CREAT, O_EXCL, O_NOCTTY and O_TRUNC for itself (do_dentry_open() in fs/open.c). */
	SAME(stats().open_flags & (O_ACCMODE | O_NONBLOCK | O_APPEND), t->a & (O_ACCMODE | O_NONBLOCK | O_APPEND));
	GIVES(io->close(fd), 0);
}

CASES
{
	add_with(opens, NEEDS_NOTHING, O_RDONLY, 0, "open/flags/rdonly");
	add_with(opens, NEEDS_NOTHING, O_RDWR, 0, "open/flags/rdwr");
}
