// SPDX-License-Identifier: MIT
/* release that takes long, fails, or never ends: who waits for it, and that nobody else does. */
#include <signal.h>
#include <sys/wait.h>
#include "harness.h"

/* Before a case ends: its other files are released when it exits, and on CUSE that waits. */
static void release_normally(void)
{
	set(ON_RELEASE, NORMAL);
	kick(KICK_FINISH, 0);
}

static void released_once(unsigned files)
{
	await_count(RELEASES, files);
	SAME(counted(RELEASES), files);
	SAME(counted(FILES), CONTROL_FILES);
}

static void close_it(void *given)
{
	struct call *call = given;

	call->result = io->close(call->fd);
	call->error = errno;
	call->done = true;
}

static struct call *start_close(int fd)
{
	struct call *call = NEW(struct call);

	*call = (struct call){ .fd = fd };
	call->thread = thread_start(close_it, call);
	return call;
}

struct closing {
	pid_t tid;
	volatile bool closed;
};

static void end_release(void *given)
{
	struct closing *c = given;

	await_count(BLOCKED, 1);
	task_sleeps(getpid(), c->tid);
	/* It sleeps in close(2), and not in what comes after that. */
	if (!c->closed)
		kick(KICK_FINISH, 0);
}

/* When close(2) has ended, so has the driver's release, as __fput() calls it. */
static void close_waits(const struct test *t)
{
	struct closing c = { .tid = gettid() };
	int fd = dev(O_RDWR);
	unsigned released;

	(void)t;
	set(ON_RELEASE, DO(DEAF, 0));
	thread_start(end_release, &c);
	GIVES(io->close(fd), 0);
	c.closed = true;
	released = counted(RELEASES);
	release_normally();
	SAME(released, 1);
}

static void open_many(void *given)
{
	for (long i = 0; i < *(long *)given; i++)
		dev(O_RDWR);
}

/* Files that are closed by exit(2) are closed one after the other. */
static void slow_at_exit(const struct test *t)
{
	long count = t->a;
	pid_t child;
	int status;

	set(ON_RELEASE, DO(DEAF, 0));
	child = child_start(open_many, &count);
	while (waitpid(child, &status, WNOHANG) == 0)
		kick(KICK_FINISH, 0);
	while (counted(RELEASES) < (unsigned)t->a)
		kick(KICK_FINISH, 0);
	release_normally();
	released_once((unsigned)t->a);
}

/* One that takes long keeps nobody else waiting. */
static void slow(const struct test *t)
{
	int fd = dev(O_RDWR), other = dev(O_RDWR);
	struct call *call;

	(void)t;
	set(ON_RELEASE, DO(DEAF, 0));
	call = start_close(fd);
	await_count(BLOCKED, 1);
	GIVES(io->write(other, "x", 1), 1);
	GIVES(io->read(other, memory_new(1), 1), 1);
	GIVES(io->ioctl(dev(O_RDWR), S_NONE, 0), 42);
	SAME(counted(RELEASES), 0);
	release_normally();
	GIVES(finish(call), 0);
	await_count(RELEASES, 1);
}

/* A signal for who waits in close(2) is its release's AbortSignal; close(2) has no error for it. */
static void interrupted(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	on_signal(SIGUSR1, 0);
	set(ON_RELEASE, DO(t->a, 0));
	call = start_close(fd);
	await_count(BLOCKED, 1);
	nap(1);
	TRUE(!call->done);
	thread_signal(call->thread, SIGUSR1);
	await_count(ABORTS, 1);
	GIVES(finish(call), 0);
	FAILS(io->close(fd), EBADF);
	release_normally();
}

/* close(2) does not tell what release says, and the file is gone all the same: its place among the opens is free. */
static void fails_inside(const struct test *t)
{
	enum { FEW = 8 };

	for (int i = 0; i < 2 * FEW; i++) {
		int fd = (int)MUST(dev_open("few", O_RDWR));

		set(ON_RELEASE, DO(t->a, t->b));
		GIVES(io->close(fd), 0);
	}
	set(ON_RELEASE, NORMAL);
	GIVES(io->ioctl(dev(O_RDWR), S_NONE, 0), 42);
}

CASES
{
	unsigned needs = NEEDS_DESCRIPTOR;

	add(close_waits, NEEDS_NOTHING, "release/waited-for");
	add_with(slow_at_exit, needs, 1, 0, "release/slow-at-exit/1");
	add_with(slow_at_exit, needs, 10, 0, "release/slow-at-exit/10");
	add(slow, NEEDS_NOTHING, "release/slow-disturbs-nobody");
	add_with(interrupted, needs, NEVER, 0, "release/interrupted/heeds-abort");
	add_with(interrupted, needs, DEAF, 0, "release/interrupted/ignores-abort");
	add_with(fails_inside, NEEDS_NOTHING, FAIL_ERRNO, EIO, "release/fails/eio");
	add_with(fails_inside, NEEDS_NOTHING, FAIL_ERRNO, ENOSYS, "release/fails/enosys");
	add_with(fails_inside, NEEDS_NOTHING, THROW, 0, "release/fails/throws");
	add_with(fails_inside, NEEDS_NOTHING, REJECT, 0, "release/fails/rejects");
}
