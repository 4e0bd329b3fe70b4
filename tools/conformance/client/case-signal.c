// SPDX-License-Identifier: MIT
/* Signals and blocked calls. */
#include <signal.h>
#include "harness.h"

static void frees_reader(const struct test *t)
{
	(void)t;
	struct call *call = start_read(dev(O_RDONLY), 1);

	on_signal(SIGUSR1, 0);
	await_count(BLOCKED, 1);
	thread_signal(call->thread, SIGUSR1);
	FAILS(finish(call), EINTR);
}

CASES
{
	add(frees_reader, NEEDS_NOTHING, "signal/eintr/read");
}
