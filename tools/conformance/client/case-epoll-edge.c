// SPDX-License-Identifier: MIT
/* epoll(7), edge-triggered, oneshot, exclusive. */
#include <sys/epoll.h>
#include "harness.h"

static void once(const struct test *t)
{
	(void)t;
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int set = (int)MUST(epoll_create1(0));

	MUST(epoll_ctl(set, EPOLL_CTL_ADD, dev(O_RDWR), &event));
	fill(1, 1);
	GIVES(epoll_wait(set, &event, 1, -1), 1);
	GIVES(epoll_wait(set, &event, 1, 0), 0);
}

CASES
{
	add(once, NEEDS_DESCRIPTOR, "epoll/edge/once");
}
