// SPDX-License-Identifier: MIT
/* release: when, how often, and who waits for it. */
#include "harness.h"

static void after_close(const struct test *t)
{
	(void)t;
	MUST(io->close(dev(O_RDWR)));
	await_count(RELEASES, 1);
}

CASES
{
	add(after_close, NEEDS_NOTHING, "release/after-close");
}
