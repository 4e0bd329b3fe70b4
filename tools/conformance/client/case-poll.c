// SPDX-License-Identifier: MIT
/* poll(2): which bits are reported for which that were asked for. */
#include "harness.h"

static void nothing_yet(const struct test *t)
{
	(void)t;
	SAME(ready(dev(O_RDWR), POLLIN, 0), 0);
}

CASES
{
	add(nothing_yet, NEEDS_NOTHING, "poll/empty");
}
