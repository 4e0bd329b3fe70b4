// SPDX-License-Identifier: MIT
/* As the kernel's own devices do: the same calls on a pipe, /dev/null, /dev/zero, and on ours, compared. */
#include <signal.h>
#include "compare.h"
#include "harness.h"

static const struct { const char *name, *steps; } pipe_scripts[] = {
	{ "empty", "n r1" },
	{ "short", "n w10 r100" },
	{ "piecewise", "n w10 r4 r4 r4 r4" },
	{ "full", "n w65536 w1 r1" },
	{ "more-than-room", "n w70000 w1" },
	{ "full-and-room-again", "n w65536 p r4096 p w4096 w1 p" },
	{ "ready", "n p w1 p r1 p" },
	{ "nothing", "n 0 w5 0 r5 0" },
	{ "bad-buffer-keeps-data", "n w5 Rx r5" },
	{ "bad-buffer-takes-nothing", "n Wx w5 r5" },
	{ "vectors", "n R30 W30 R20 R20 R20" },
	{ "whole-vectors", "n W65536 R65536 R1" },
	{ "unknown-ioctl", "n i w5 i r5" },
	{ "nonblocking-switched", "n r1 b w3 r3 n r1" },
	{ "select", "s0 w1 s0 s50 r1 s0" },
	{ "select-and-poll", "n s1 p w1 s1 p" },
	{ "blocking-sizes", "w1 r1 w4096 r4096 w65536 r65536" },
	{ "several-writes-one-read", "n w1 w2 w3 w4 r2 r2 r2 r100" },
	{ "vector-short", "n w3 R3 r1" },
	{ "twice-full", "n w65536 r65536 w65536 r65536 r1" },
	{ "blocking-then-nonblocking", "b w100 r99 r99 n r99" },
};

static void as_pipe(const struct test *t)
{
	struct ends ours = { dev(O_RDONLY), dev(O_WRONLY) };
	int ends[2];

	MUST(pipe(ends));
	compare((struct ends){ ends[0], ends[1] }, ours, pipe_scripts[t->a].steps);
}

static const struct { const char *name, *steps; } null_scripts[] = {
	{ "reads", "r0 r1 r4096 r1000000" },
	{ "writes", "w0 w1 w4096 w131072 w131073 w1000000" },
	{ "vectors", "R30 W30 R0 W0" },
	{ "ready", "p r1 p" },
	{ "unknown-ioctl", "i" },
	{ "nonblocking-switched", "n r1 b r1" },
	{ "select", "s0 s50" },
	{ "nothing", "0" },
	{ "bad-buffer-at-the-end", "Rx r1" },
};

static void as_null(const struct test *t)
{
	int null = (int)MUST(io->open("/dev/null", O_RDWR)), fd = dev(O_RDWR);

	set(AT_EOF, 1);
	set(CAPACITY, 1 << 24);
	/* What is written is gone. */
	join(fd, 1);
	struct ends ours = { dev(O_RDONLY), fd };
	struct setting *capacity = NEW(struct setting);

	*capacity = (struct setting){ CAPACITY, 1 << 24 };
	MUST(io->ioctl(fd, C_SET, (uintptr_t)capacity));
	compare((struct ends){ null, null }, ours, null_scripts[t->a].steps);
}

/* An open file is as ready as /dev/null when its driver says nothing about it. */
static void bare_as_null(const struct test *t)
{
	int null = (int)MUST(io->open("/dev/null", O_RDWR)), fd = (int)MUST(dev_open("bare", O_RDWR));

	(void)t;
	compare((struct ends){ null, null }, (struct ends){ fd, fd }, "p s0 i 0");
}

static void bad_part_as_zero(const struct test *t)
{
	int zero = (int)MUST(io->open("/dev/zero", O_RDONLY)), fd = dev(O_RDONLY);
	size_t good = (size_t)t->a;

	set(CAPACITY, 1 << 20);
	fill(65536, 0);
	GIVES(io->read(zero, memory_guarded(good), 65536), (long)good);
	GIVES(io->read(fd, memory_guarded(good), 65536), (long)good);
}

/* A blocked call and a signal, or what frees it, on a pipe's end or on ours. */
static void blocked_reader(struct ends ends, const struct test *t, long *result, int *error)
{
	struct call *call = start_read(ends.in, 100);

	thread_sleeps(call->thread);
	if (t->b == 0)
		thread_signal(call->thread, SIGUSR1);
	else
		GIVES(io->write(ends.out, memory_new(7), 7), 7);
	*result = finish(call);
	*error = call->result < 0 ? errno : 0;
}

static void blocked_writer(struct ends ends, const struct test *t, long *result, int *error)
{
	struct call *call = start_write(ends.out, 100000, 0);

	thread_sleeps(call->thread);
	/* It sleeps when it is full, not while it is being filled. */
	while (ready(ends.out, POLLOUT, 0) & POLLOUT)
		nap(1);
	thread_sleeps(call->thread);
	if (t->b == 0)
		thread_signal(call->thread, SIGUSR1);
	else
		for (long left = 100000; left > 0;)
			left -= MUST(io->read(ends.in, memory_new(65536), 65536));
	*result = finish(call);
	*error = call->result < 0 ? errno : 0;
}

static void blocked_as_pipe(const struct test *t)
{
	struct ends ours = { dev(O_RDONLY), dev(O_WRONLY) };
	long expected, got;
	int ends[2], expected_error, error;

	on_signal(SIGUSR1, 0);
	MUST(pipe(ends));
	(t->a ? blocked_writer : blocked_reader)((struct ends){ ends[0], ends[1] }, t, &expected, &expected_error);
	if (t->a)
		set(CAPACITY, 65536);
	(t->a ? blocked_writer : blocked_reader)(ours, t, &got, &error);
	SAME(got, expected);
	SAME(error, expected_error);
}

CASES
{
	for (long i = 0; i < (long)COUNT(pipe_scripts); i++)
		add_with(as_pipe, NEEDS_DESCRIPTOR, i, 0, "as-pipe/%s", pipe_scripts[i].name);
	add_with(blocked_as_pipe, NEEDS_DESCRIPTOR, 0, 0, "as-pipe/blocked-reader/signal");
	add_with(blocked_as_pipe, NEEDS_DESCRIPTOR, 0, 1, "as-pipe/blocked-reader/data");
	add_with(blocked_as_pipe, NEEDS_DESCRIPTOR, 1, 0, "as-pipe/blocked-writer/signal");
	add_with(blocked_as_pipe, NEEDS_DESCRIPTOR, 1, 1, "as-pipe/blocked-writer/room");
	for (long i = 0; i < (long)COUNT(null_scripts); i++)
		add_with(as_null, NEEDS_DESCRIPTOR, i, 0, "as-null/%s", null_scripts[i].name);
	add(bare_as_null, NEEDS_DESCRIPTOR, "as-null/driver-of-nothing");
	add_with(bad_part_as_zero, NEEDS_DESCRIPTOR, 1, 0, "as-zero/partly-bad/1");
	add_with(bad_part_as_zero, NEEDS_DESCRIPTOR, 4096, 0, "as-zero/partly-bad/4096");
	add_with(bad_part_as_zero, NEEDS_DESCRIPTOR, 5000, 0, "as-zero/partly-bad/5000");
}
