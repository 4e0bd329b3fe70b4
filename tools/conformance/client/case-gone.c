// SPDX-License-Identifier: MIT
/* Hang-up, by the errno that it leaves: as a terminal's, and as of a device that was pulled out. */
#include "harness.h"

enum { TTY_POLL = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM, GONE_POLL = POLLERR | POLLHUP };

static const struct { const char *name; int number; } kinds[] = {
	{ "tty", 0 }, { "enodev", ENODEV }, { "eio", EIO }, { "enxio", ENXIO }, { "eshutdown", ESHUTDOWN }, { "epipe", EPIPE },
};

/* What a call gets: a terminal's read ends, all else fails. */
static void hung_up(long result, int number, bool reads)
{
	if (number == 0 && reads)
		GIVES(result, 0);
	else
		FAILS(result, number ? number : EIO);
}

static void later_calls(const struct test *t)
{
	int fd = dev(O_RDWR), number = (int)t->a, after;

	fill(10, 0);
	kick(KICK_HANGUP_OTHERS, (unsigned)number);
	hung_up(io->read(fd, memory_new(4), 4), number, true);
	hung_up(io->write(fd, memory_new(4), 4), number, false);
	hung_up(io->ioctl(fd, S_NONE, 0), number, false);
	SAME(ready(fd, POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM, 0), number ? GONE_POLL : TTY_POLL);
	SAME(counted(READS) + counted(WRITES), 0);
	/* It is released as any other, and a new open is none of its business. */
	MUST(io->close(fd));
	await_count(RELEASES, 1);
	after = dev(O_RDWR);
	GIVES(io->read(after, memory_new(4), 4), 4);
}

static void blocked_reader(const struct test *t)
{
	struct call *call = start_read(dev(O_RDWR), 4);

	await_count(BLOCKED, 1);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	hung_up(finish(call), (int)t->a, true);
}

static void blocked_writer(const struct test *t)
{
	struct call *call;

	control();
	set(CAPACITY, (unsigned)t->b + 1);
	fill(1, 0);
	call = start_write(dev(O_RDWR), 100, 0);
	await_count(BLOCKED, 1);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	if (t->b)
		GIVES(finish(call), t->b);
	else
		hung_up(finish(call), (int)t->a, false);
}

static void blocked_ioctl(const struct test *t)
{
	struct call *call = start_ioctl(dev(O_RDWR), C_ACT_WAIT, 0);

	await_count(BLOCKED, 1);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	hung_up(finish(call), (int)t->a, false);
}

/* A handler that waits for hardware is told by its signal; one that does not listen is left behind. */
static void waiting_handler(const struct test *t)
{
	struct call *call;

	set(ON_READ, DO(t->b, 0));
	call = start_read(dev(O_RDWR), 4);
	await_count(BLOCKED, 1);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	if (t->b == NEVER) {
		/* It rejects with EINTR because of its signal: a DeviceError is its own word. */
		FAILS(finish(call), EINTR);
	} else {
		hung_up(finish(call), (int)t->a, true);
		kick(KICK_FINISH, 0);
	}
	SAME(counted(ABORTS), 1);
}

static void wakes_poller(const struct test *t)
{
	struct call *call = start_poll(dev(O_RDONLY), (short)t->b, -1);

	await_count(POLLS, 1);
	thread_sleeps(call->thread);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	SAME(finish(call), (t->a ? GONE_POLL : TTY_POLL) & (t->b | POLLERR | POLLHUP));
}

static void many_waiting(const struct test *t)
{
	struct call *calls[32];

	for (int i = 0; i < 32; i++)
		calls[i] = start_read(dev(O_RDONLY), 4);
	await_count(BLOCKED, 32);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	for (int i = 0; i < 32; i++)
		hung_up(finish(calls[i]), (int)t->a, true);
}

/* A handler hangs its own file up: its own answer still gets out. */
static void itself(const struct test *t)
{
	struct kick *arg = NEW(struct kick);
	int fd = dev(O_RDWR);

	*arg = (struct kick){ KICK_HANGUP, (uint32_t)t->a };
	GIVES(io->ioctl(fd, C_KICK, (uintptr_t)arg), 0);
	hung_up(io->read(fd, memory_new(4), 4), (int)t->a, true);
}

static void first_counts(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	kick(KICK_HANGUP_OTHERS, ENODEV);
	kick(KICK_HANGUP_OTHERS, 0);
	FAILS(io->read(fd, memory_new(4), 4), ENODEV);
	SAME(ready(fd, POLLIN, 0), GONE_POLL);
}

static void others_untouched(const struct test *t)
{
	int mine = dev(O_RDWR), other = dev(O_RDWR);

	(void)t;
	join(other, 1);
	kick(KICK_HANGUP_OTHERS, 0);
	GIVES(io->read(mine, memory_new(4), 4), 0);
	GIVES(io->write(other, "x", 1), 1);
	GIVES(io->read(other, memory_new(4), 4), 1);
}

static void nonblocking(const struct test *t)
{
	int fd = dev(O_RDWR | O_NONBLOCK);

	FAILS(io->read(fd, memory_new(4), 4), EAGAIN);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	hung_up(io->read(fd, memory_new(4), 4), (int)t->a, true);
}

CASES
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const char *name = kinds[i].name;
		int number = kinds[i].number;

		add_with(later_calls, NEEDS_NOTHING, number, 0, "gone/%s/later-calls", name);
		add_with(blocked_reader, NEEDS_NOTHING, number, 0, "gone/%s/blocked-reader", name);
		add_with(blocked_writer, NEEDS_NOTHING, number, 0, "gone/%s/blocked-writer", name);
		add_with(blocked_ioctl, NEEDS_NOTHING, number, 0, "gone/%s/blocked-ioctl", name);
		add_with(wakes_poller, NEEDS_NOTHING, number, POLLIN, "gone/%s/wakes-poll-in", name);
	}
	for (size_t i = 0; i < 2; i++) {
		const char *name = kinds[i].name;
		int number = kinds[i].number;

		add_with(blocked_writer, NEEDS_NOTHING, number, 40, "gone/%s/blocked-writer-with-a-count", name);
		add_with(waiting_handler, NEEDS_NOTHING, number, NEVER, "gone/%s/handler-heeds-abort", name);
		add_with(waiting_handler, NEEDS_NOTHING, number, DEAF, "gone/%s/handler-ignores-abort", name);
		add_with(wakes_poller, NEEDS_NOTHING, number, 0, "gone/%s/wakes-poll-of-nothing", name);
		add_with(wakes_poller, NEEDS_NOTHING, number, POLLPRI, "gone/%s/wakes-poll-pri", name);
		add_with(many_waiting, NEEDS_NOTHING, number, 0, "gone/%s/many-waiting", name);
		add_with(itself, NEEDS_NOTHING, number, 0, "gone/%s/by-its-own-ioctl", name);
		add_with(nonblocking, NEEDS_NOTHING, number, 0, "gone/%s/nonblocking", name);
	}
	add(first_counts, NEEDS_NOTHING, "gone/first-counts");
	add(others_untouched, NEEDS_NOTHING, "gone/others-untouched");
}
