// SPDX-License-Identifier: MIT
/* epoll(7), level-triggered. */
#include <sys/epoll.h>
#include "harness.h"

static void adds(const struct test *t)
{
	(void)t;
	struct epoll_event event = { .events = EPOLLIN };

	MUST(epoll_ctl((int)MUST(epoll_create1(0)), EPOLL_CTL_ADD, dev(O_RDWR), &event));
}

CASES
{
	add(adds, NEEDS_DESCRIPTOR, "epoll/adds");
}
