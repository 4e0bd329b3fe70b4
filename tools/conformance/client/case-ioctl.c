// SPDX-License-Identifier: MIT
/* ioctl(2): numbers, arguments that are no pointers, and files that are asked. */
#include <limits.h>
#include "harness.h"

static void dataless(const struct test *t)
{
	GIVES(io->ioctl(dev(O_RDWR), (unsigned long)t->a, (uintptr_t)t->b), t->a == S_NONE ? 42 : 43);
}

CASES
{
	add_with(dataless, NEEDS_NOTHING, S_NONE, 0, "ioctl/number/no-data");
}
