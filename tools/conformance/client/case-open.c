// SPDX-License-Identifier: MIT
/* open(2): flags, refusals, opens that take long, the limit of opens, what several opens share and do not. */
#include <signal.h>
#include <stdio.h>
#include "harness.h"

enum { FEW = 8 };

static void flags_arrive(const struct test *t)
{
	int flags = (int)t->a, fd = dev(flags);
	int seen = O_ACCMODE | O_NONBLOCK | O_APPEND | O_SYNC;

	SAME(stats().open_flags & seen, flags & seen);
	SAME(counted(OPENS), 1);
	GIVES(io->close(fd), 0);
	await_count(RELEASES, 1);
}

/* What open(2) decides by itself (do_last(), do_dentry_open()) is never an open of the device. */
static void kernel_refuses(const struct test *t)
{
	FAILS(dev_open(t->b == ENOENT ? "absent" : "stream", (int)t->a), (int)t->b);
	SAME(counted(OPENS), 0);
}

/* Access mode 3: for ioctls alone. */
static void neither(const struct test *t)
{
	char *byte = memory_new(1);
	int fd = dev(3);

	(void)t;
	FAILS(io->read(fd, byte, 1), EBADF);
	FAILS(io->write(fd, byte, 1), EBADF);
	GIVES(io->ioctl(fd, S_NONE, 0), 42);
}

static void o_path(const struct test *t)
{
	int fd = (int)MUST(open(node("stream"), O_PATH));
	char byte;

	(void)t;
	FAILS(read(fd, &byte, 1), EBADF);
	FAILS(ioctl(fd, S_NONE), EBADF);
	MUST(close(fd));
	SAME(counted(OPENS), 0);
}

static void refused(const struct test *t)
{
	control();
	rule(FAIL_ERRNO, (unsigned)t->a);
	FAILS(dev_open("stream", O_RDWR), (int)t->b);
	SAME(counted(OPENS), 1);
	SAME(counted(FILES), CONTROL_FILES);
	/* The next one is not refused, and what was refused is not released. */
	MUST(io->close(dev(O_RDWR)));
	await_count(RELEASES, 1);
	SAME(counted(RELEASES), 1);
}

static void fails_inside(const struct test *t)
{
	rule((enum action)t->a, 0);
	FAILS(dev_open("stream", O_RDWR), EIO);
	GIVES(io->ioctl(dev(O_RDWR), S_NONE, 0), 42);
}

static void later(const struct test *t)
{
	rule((enum action)t->a, (unsigned)t->b);
	GIVES(io->ioctl((int)MUST(dev_open("stream", O_RDWR)), S_NONE, 0), 42);
}

static void interrupted(const struct test *t)
{
	struct call *call;

	on_signal(SIGUSR1, t->b ? SA_RESTART : 0);
	control();
	call = start_open("stream", O_RDWR, (enum action)t->a, ETIMEDOUT);
	await_count(BLOCKED, 1);
	thread_signal(call->thread, SIGUSR1);
	if (t->b && channel_is("fusd")) {
		/* The open begins anew, and is an ordinary one then. */
		MUST(close((int)MUST(finish(call))));
	} else {
		FAILS(finish(call), t->a == ABORT_ERRNO ? ETIMEDOUT : EINTR);
	}
	await_count(ABORTS, 1);
	if (t->a == DEAF) {
		/* The open succeeds when nobody wants it any more: it is undone. */
		SAME(counted(RELEASES), 0);
		kick(KICK_FINISH, 0);
		await_count(RELEASES, 1);
	}
	SAME(counted(FILES), CONTROL_FILES);
}

/* One that waits keeps nobody else from opening. */
static void waits_alone(const struct test *t)
{
	struct call *call;

	(void)t;
	control();
	call = start_open("stream", O_RDWR, DEAF, 0);
	await_count(BLOCKED, 1);
	GIVES(io->ioctl(dev(O_RDWR), S_NONE, 0), 42);
	kick(KICK_FINISH, 0);
	GIVES(io->ioctl((int)MUST(finish(call)), S_NONE, 0), 42);
}

static void limit(const struct test *t)
{
	int fds[FEW];

	(void)t;
	for (int i = 0; i < FEW; i++)
		fds[i] = (int)MUST(dev_open("few", O_RDWR));
	FAILS(dev_open("few", O_RDWR), ENFILE);
	SAME(counted(OPENS), FEW);
	/* Other nodes of the daemon have limits of their own. */
	MUST(io->close(dev(O_RDWR)));
	MUST(io->close(fds[3]));
	await_count(RELEASES, 2);
	fds[3] = (int)MUST(dev_open("few", O_RDWR));
	FAILS(dev_open("few", O_RDWR), ENFILE);
	GIVES(io->ioctl(fds[0], S_NONE, 0), 42);
}

static void many_times(const struct test *t)
{
	for (long i = 0; i < t->a; i++)
		MUST(io->close(dev(O_RDWR)));
	await_count(RELEASES, (unsigned)t->a);
	SAME(counted(OPENS), t->a);
	SAME(counted(FILES), CONTROL_FILES);
}

static void many_at_once(const struct test *t)
{
	int fds[256];

	for (long i = 0; i < t->a; i++)
		fds[i] = dev(O_RDWR);
	SAME(counted(FILES), t->a + CONTROL_FILES);
	for (long i = 0; i < t->a; i++)
		GIVES(io->ioctl(fds[i], S_VALUE, (uintptr_t)i), i);
	for (long i = 0; i < t->a; i++)
		MUST(io->close(fds[i]));
	await_count(RELEASES, (unsigned)t->a);
}

/* A room is what the files were put into; each file has a state of its own. */
static void private_state(const struct test *t)
{
	char *bytes = memory_new(8);
	int one = dev(O_RDWR | O_NONBLOCK), other = dev(O_RDWR | O_NONBLOCK);

	(void)t;
	join(one, 1);
	join(other, 2);
	GIVES(io->write(one, "one", 3), 3);
	GIVES(io->write(other, "other", 5), 5);
	GIVES(io->read(one, bytes, 8), 3);
	TRUE(!memcmp(bytes, "one", 3));
	FAILS(io->read(one, bytes, 8), EAGAIN);
	GIVES(io->read(other, bytes, 8), 5);
	TRUE(!memcmp(bytes, "other", 5));
}

static void shared_stream(const struct test *t)
{
	char *bytes = memory_new(8);
	int writer = dev(O_WRONLY), reader = dev(O_RDONLY);

	(void)t;
	GIVES(io->write(writer, "shared", 6), 6);
	GIVES(io->read(reader, bytes, 8), 6);
	TRUE(!memcmp(bytes, "shared", 6));
}

/* Several devices in one daemon: what happens on one node is not seen on another. */
static void several_devices(const struct test *t)
{
	static const char *const names[] = { "stream", "message", "many", "owned", "bare" };

	(void)t;
	for (size_t i = 0; i < COUNT(names); i++) {
		int fd = (int)MUST(dev_open(names[i], O_RDWR));

		if (strcmp(names[i], "bare"))
			GIVES(io->ioctl(fd, S_NONE, 0), 42);
		else
			FAILS(io->ioctl(fd, S_NONE, 0), ENOTTY);
	}
	SAME(counted(OPENS), 4);
}

static void *racing(void *unused)
{
	(void)unused;
	for (int i = 0; i < 20; i++)
		MUST(io->close(dev(O_RDWR)));
	return NULL;
}

static void race(void *unused)
{
	racing(unused);
}

static void from_threads(const struct test *t)
{
	struct thread *threads[16];

	control();
	for (long i = 0; i < t->a; i++)
		threads[i] = thread_start(race, NULL);
	for (long i = 0; i < t->a; i++)
		thread_join(threads[i]);
	await_count(RELEASES, (unsigned)t->a * 20);
	SAME(counted(FILES), CONTROL_FILES);
}

static const struct { const char *name; int flags; } flags[] = {
	{ "rdonly", O_RDONLY }, { "wronly", O_WRONLY }, { "rdwr", O_RDWR },
	{ "rdonly-nonblock", O_RDONLY | O_NONBLOCK }, { "wronly-nonblock", O_WRONLY | O_NONBLOCK },
	{ "rdwr-nonblock", O_RDWR | O_NONBLOCK }, { "append", O_WRONLY | O_APPEND }, { "cloexec", O_RDWR | O_CLOEXEC },
	{ "noctty", O_RDWR | O_NOCTTY }, { "sync", O_RDWR | O_SYNC }, { "trunc", O_RDWR | O_TRUNC },
	{ "creat", O_RDWR | O_CREAT }, { "excl", O_RDWR | O_EXCL }, { "nofollow", O_RDWR | O_NOFOLLOW },
	{ "noatime", O_RDWR | O_NOATIME }, { "largefile", O_RDWR | O_LARGEFILE },
};

CASES
{
	for (size_t i = 0; i < COUNT(flags); i++)
		add_with(flags_arrive, NEEDS_NOTHING, flags[i].flags, 0, "open/flags/%s", flags[i].name);
	add_with(kernel_refuses, NEEDS_DESCRIPTOR, O_RDWR | O_CREAT | O_EXCL, EEXIST, "open/kernel-refuses/creat-excl");
	add_with(kernel_refuses, NEEDS_DESCRIPTOR, O_RDONLY | O_DIRECTORY, ENOTDIR, "open/kernel-refuses/directory");
	add_with(kernel_refuses, NEEDS_NOTHING, O_RDWR, ENOENT, "open/kernel-refuses/absent");
	add(neither, NEEDS_NOTHING, "open/flags/access-mode-3");
	add(o_path, NEEDS_DESCRIPTOR, "open/flags/path-does-not-open");
	for (size_t i = 0; i < errno_count; i++)
		add_with(refused, NEEDS_NOTHING, errnos[i], errnos[i], "open/refused/%s", errno_slug(errnos[i]));
	/* ENOSYS would tell the kernel that there is no OPEN at all (fuse_file_open() in fs/fuse/file.c). */
	add_with(refused, NEEDS_NOTHING, ENOSYS, ENXIO, "open/refused/enosys-is-enxio");
	add_with(refused, NEEDS_NOTHING, EINTR, EINTR, "open/refused/eintr");
	add_with(refused, NEEDS_NOTHING, ENFILE, ENFILE, "open/refused/enfile");
	add_with(fails_inside, NEEDS_NOTHING, THROW, 0, "open/throws");
	add_with(fails_inside, NEEDS_NOTHING, REJECT, 0, "open/rejects");
	add_with(later, NEEDS_NOTHING, ASYNC, 0, "open/async");
	add_with(later, NEEDS_NOTHING, DELAY, 20, "open/delayed");
	add_with(interrupted, NEEDS_NOTHING, NEVER, 0, "open/interrupted/heeds-abort");
	add_with(interrupted, NEEDS_NOTHING, NEVER, 1, "open/interrupted/sa-restart");
	add_with(interrupted, NEEDS_NOTHING, ABORT_ERRNO, 0, "open/interrupted/own-errno");
	add_with(interrupted, NEEDS_NOTHING, DEAF, 0, "open/interrupted/ignores-abort");
	add(waits_alone, NEEDS_NOTHING, "open/waiting-keeps-nobody-out");
	add(limit, NEEDS_NOTHING, "open/limit-is-enfile");
	add_with(many_times, NEEDS_NOTHING, 200, 0, "open/many-times");
	add_with(many_at_once, NEEDS_NOTHING, 2, 0, "open/at-once/2");
	add_with(many_at_once, NEEDS_NOTHING, 200, 0, "open/at-once/200");
	add(private_state, NEEDS_NOTHING, "open/private-state");
	add(shared_stream, NEEDS_NOTHING, "open/shared-stream");
	add(several_devices, NEEDS_NOTHING, "open/several-devices");
	add_with(from_threads, NEEDS_NOTHING, 2, 0, "open/from-threads/2");
	add_with(from_threads, NEEDS_NOTHING, 8, 0, "open/from-threads/8");
}
