// SPDX-License-Identifier: MIT
/* select(2), pselect(2). */
#include <sys/select.h>
#include "harness.h"

static void writable(const struct test *t)
{
	(void)t;
	int fd = dev(O_RDWR);
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	GIVES(select(fd + 1, NULL, &set, NULL, NULL), 1);
}

CASES
{
	add(writable, NEEDS_DESCRIPTOR, "select/writable");
}
