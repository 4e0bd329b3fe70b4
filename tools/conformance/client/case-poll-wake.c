// SPDX-License-Identifier: MIT
/* poll(2): who is woken, and by what. */
#include "harness.h"

static void by_data(const struct test *t)
{
	(void)t;
	int fd = dev(O_RDWR);
	struct call *call = start_poll(fd, POLLIN, -1);

	await_count(POLLS, 1);
	fill(1, 1);
	SAME(finish(call), POLLIN);
}

CASES
{
	add(by_data, NEEDS_NOTHING, "poll-wake/by-fill");
}
