// SPDX-License-Identifier: MIT
/*
 * Hang-up of one file: whoever is in a call on it, through whichever descriptor, and nobody else. What each kind of
 * hang-up gives, call by call, is in case-gone.c.
 */
#include "waiting.h"

/* The driver hangs this one file up. */
static void hang_up(int fd, int number)
{
	struct kick *arg = NEW(struct kick);

	*arg = (struct kick){ KICK_HANGUP_THIS, (uint32_t)number };
	GIVES(io->ioctl(fd, C_KICK, (uintptr_t)arg), 0);
}

static void is_hung_up(int fd, int number)
{
	if (number)
		FAILS(io->read(fd, memory_new(4), 4), number);
	else
		GIVES(io->read(fd, memory_new(4), 4), 0);
	FAILS(io->write(fd, "x", 1), number ? number : EIO);
	FAILS(io->ioctl(fd, S_NONE, 0), number ? number : EIO);
}

static void one_file(const struct test *t)
{
	int fd = dev(O_RDWR), others[5];
	struct call *reader, *ioctl_;
	struct waiter *poller;

	for (int i = 0; i < 5; i++)
		others[i] = dev(O_RDWR);
	reader = start_read(others[0], 1);
	ioctl_ = start_ioctl(others[1], C_ACT_WAIT, 0);
	poller = start_wait((struct wait){ BY_POLL, others[2], POLLIN, -1, NULL });
	await_count(BLOCKED, 2);
	await_count(POLLS, 1);
	hang_up(fd, (int)t->a);
	is_hung_up(fd, (int)t->a);
	/* Those of the same program, of the same kind of open, wait on and work on. */
	GIVES(io->ioctl(others[3], S_NONE, 0), 42);
	SAME(ready(others[4], POLLIN | POLLOUT, 0), POLLOUT);
	TRUE(!reader->done && !ioctl_->done && !poller->done);
	fill(3, 0);
	GIVES(finish(reader), 1);
	TRUE(finish(ioctl_) >= 2);
	SAME(waited(poller), POLLIN);
}

/* Everybody on one file, each in another call, is freed by one hang-up. */
static void everybody(const struct test *t)
{
	int fd = dev(O_RDWR), number = (int)t->a, failed = number ? number : EIO;
	struct call *readers[3], *writers[3], *ioctls[3];
	struct waiter *pollers[3];

	set(CAPACITY, 0);
	for (int i = 0; i < 3; i++) {
		readers[i] = start_read(fd, 1);
		writers[i] = start_write(fd, 10, 0);
		ioctls[i] = start_ioctl(fd, C_ACT_WAIT, 0);
		pollers[i] = start_wait((struct wait){ BY_POLL, fd, POLLPRI, -1, NULL });
	}
	await_count(BLOCKED, 9);
	await_count(POLLS, 3);
	hang_up(fd, number);
	for (int i = 0; i < 3; i++) {
		if (number)
			FAILS(finish(readers[i]), number);
		else
			GIVES(finish(readers[i]), 0);
		FAILS(finish(writers[i]), failed);
		FAILS(finish(ioctls[i]), failed);
		SAME(waited(pollers[i]), POLLERR | POLLHUP);
	}
	SAME(counted(HELD), 0);
}

/* It is the open file that is hung up, so all its descriptors are. */
static void through_copies(const struct test *t)
{
	int fd = dev(O_RDWR), copy = (int)MUST(dup(fd));
	struct call *call = start_read(copy, 1);

	await_count(BLOCKED, 1);
	hang_up(fd, (int)t->a);
	if (t->a)
		FAILS(finish(call), (int)t->a);
	else
		GIVES(finish(call), 0);
	is_hung_up(copy, (int)t->a);
	MUST(close(fd));
	is_hung_up(copy, (int)t->a);
	SAME(counted(RELEASES), 0);
	MUST(close(copy));
	await_count(RELEASES, 1);
}

static void read_in_child(void *given)
{
	GIVES(io->read(*(int *)given, memory_new(1), 1), 0);
	is_hung_up(*(int *)given, 0);
}

static void in_another_process(const struct test *t)
{
	int fd = dev(O_RDWR);
	pid_t child;

	(void)t;
	control();
	child = child_start(read_in_child, &fd);
	await_count(BLOCKED, 1);
	hang_up(fd, 0);
	child_join(child);
}

/* An open that is under way is of no file that could be hung up yet. */
static void not_an_open(const struct test *t)
{
	struct call *call;
	int fd;

	dev(O_RDWR);
	call = start_open("stream", O_RDWR, DEAF, 0);
	await_count(BLOCKED, 1);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	kick(KICK_FINISH, 0);
	fd = (int)MUST(finish(call));
	GIVES(io->ioctl(fd, S_NONE, 0), 42);
	GIVES(io->write(fd, "x", 1), 1);
}

/* What a handler has waited for is not given to a caller that is gone: it stays for the next one. */
static void handler_that_ends_well(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	fill(3, 1);
	set(ON_READ, DO(DEAF, 0));
	call = start_read(fd, 3);
	await_count(BLOCKED, 1);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	await_count(ABORTS, 1);
	kick(KICK_FINISH, 0);
	/* Within the time that it has, its answer is as good as one before the hang-up. */
	GIVES(finish(call), 3);
	is_hung_up(fd, (int)t->a);
}

/* Who only waits to be told, in every way, is told for good: a hang-up never goes away. */
static void told_for_good(const struct test *t)
{
	int fd = dev(O_RDWR), bits = t->a ? POLLERR | POLLHUP : POLLIN | POLLOUT | POLLERR | POLLHUP;

	hang_up(fd, (int)t->a);
	set(ON_POLL, DO(THROW, 0));
	for (int i = 0; i < 3; i++) {
		for (int way = 0; way < WAYS; way++)
			SAME(wait_for(&(struct wait){ (enum way)way, fd, POLLIN, -1, NULL }),
			     reported((enum way)way, bits, POLLIN));
	}
	/* The driver is asked no more. */
	SAME(counted(POLLS), 0);
}

static void wakes(const struct test *t)
{
	int fd = dev(O_RDWR), other = dev(O_RDWR), bits = t->b ? POLLERR | POLLHUP : POLLIN | POLLOUT | POLLERR | POLLHUP;
	enum way way = (enum way)t->a;
	struct waiter *waiter = start_wait((struct wait){ way, fd, POLLIN, -1, NULL });
	struct waiter *unconcerned = start_wait((struct wait){ way, other, POLLIN, -1, NULL });

	await_count(POLLS, 2);
	hang_up(fd, (int)t->b);
	SAME(waited(waiter), reported(way, bits, POLLIN));
	TRUE(!unconcerned->done);
	fill(1, 0);
	SAME(waited(unconcerned), POLLIN);
}

/* Programs read until the end, and read once more: each time at once. */
static void again_and_again(const struct test *t)
{
	int fd = dev(O_RDWR);

	hang_up(fd, (int)t->a);
	for (int i = 0; i < 200; i++)
		is_hung_up(fd, (int)t->a);
	SAME(counted(READS) + counted(WRITES) + counted(BLOCKED), 0);
}

/* Opened, blocked, hung up, closed, many times over: nothing of it stays. */
static void many_times(const struct test *t)
{
	for (int i = 0; i < 50; i++) {
		int fd = dev(O_RDWR);
		struct call *call = start_read(fd, 1);

		await_count(BLOCKED, (unsigned)i + 1);
		hang_up(fd, (int)t->a);
		if (t->a)
			FAILS(finish(call), (int)t->a);
		else
			GIVES(finish(call), 0);
		MUST(io->close(fd));
	}
	await_count(RELEASES, 50);
	SAME(counted(FILES), CONTROL_FILES);
}

/* Data and hang-up at the same time: a byte was read, or it is still there. */
static void races_with_data(const struct test *t)
{
	unsigned read_ = 0;

	for (int i = 0; i < 60; i++) {
		int fd = dev(O_RDWR);
		struct call *call = start_read(fd, 1);
		long got;

		await_count(READS, (unsigned)i + 1);
		if (i % 2)
			fill(1, 0);
		kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
		if (i % 2 == 0)
			fill(1, 0);
		got = finish(call);
		if (got < 0)
			FAILS(got, (int)t->a);
		else
			read_ += (unsigned)got;
		MUST(io->close(fd));
	}
	SAME(read_ + counted(HELD), 60);
}

static void read_all(void *given)
{
	int fd = *(int *)given;
	char *bytes = memory_new(16);
	long got;

	while ((got = io->read(fd, bytes, 16)) > 0)
		;
	SAME(got, 0);
}

/* Readers in a loop, as a terminal's programs, while it is hung up: each sees its end. */
static void ends_loops(const struct test *t)
{
	struct thread *threads[16];
	int fds[16], writer = dev(O_WRONLY);

	join(writer, 0);
	for (long i = 0; i < t->a; i++) {
		fds[i] = dev(O_RDONLY);
		threads[i] = thread_start(read_all, &fds[i]);
	}
	for (int i = 0; i < 50; i++)
		GIVES(io->write(writer, "some data", 9), 9);
	kick(KICK_HANGUP_OTHERS, 0);
	for (long i = 0; i < t->a; i++)
		thread_join(threads[i]);
	FAILS(io->write(writer, "x", 1), EIO);
}

/* O_NONBLOCK or not: what has ended does not block. */
static void flag_does_not_matter(const struct test *t)
{
	int fd = dev(O_RDWR);

	hang_up(fd, (int)t->a);
	for (int i = 0; i < 4; i++) {
		MUST(io->setfl(fd, i % 2 ? O_NONBLOCK : 0));
		is_hung_up(fd, (int)t->a);
	}
}

static void signal_after_it(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	on_signal(SIGUSR1, 0);
	set(ON_READ, DO(DEAF, 0));
	call = start_read(fd, 1);
	await_count(BLOCKED, 1);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	await_count(ABORTS, 1);
	/* The caller is as good as freed: a signal now changes nothing of why. */
	thread_signal(call->thread, SIGUSR1);
	if (t->a)
		FAILS(finish(call), (int)t->a);
	else
		GIVES(finish(call), 0);
	SAME(counted(ABORTS), 1);
	kick(KICK_FINISH, 0);
}

CASES
{
	static const struct { const char *name; int number; } kinds[] = { { "tty", 0 }, { "enodev", ENODEV } };

	for (size_t i = 0; i < COUNT(kinds); i++) {
		const char *name = kinds[i].name;
		int number = kinds[i].number;

		add_with(one_file, NEEDS_NOTHING, number, 0, "hangup/%s/one-file", name);
		add_with(everybody, NEEDS_NOTHING, number, 0, "hangup/%s/everybody-on-it", name);
		add_with(through_copies, NEEDS_DESCRIPTOR, number, 0, "hangup/%s/through-copies", name);
		add_with(not_an_open, NEEDS_NOTHING, number, 0, "hangup/%s/not-an-open", name);
		add_with(handler_that_ends_well, NEEDS_NOTHING, number, 0, "hangup/%s/handler-ends-well", name);
		add_with(told_for_good, NEEDS_DESCRIPTOR, number, 0, "hangup/%s/told-for-good", name);
		for (size_t j = 0; j < COUNT(main_ways); j++)
			add_with(wakes, way_needs(main_ways[j]), main_ways[j], number, "hangup/%s/wakes-%s", name,
				 way_names[main_ways[j]]);
		add_with(again_and_again, NEEDS_NOTHING, number, 0, "hangup/%s/again-and-again", name);
		add_with(many_times, NEEDS_NOTHING, number, 0, "hangup/%s/many-times", name);
		add_with(races_with_data, NEEDS_NOTHING, number, 0, "hangup/%s/races-with-data", name);
		add_with(flag_does_not_matter, NEEDS_NOTHING, number, 0, "hangup/%s/flag-does-not-matter", name);
		add_with(signal_after_it, NEEDS_NOTHING, number, 0, "hangup/%s/signal-after-it", name);
	}
	add(in_another_process, NEEDS_DESCRIPTOR, "hangup/tty/in-another-process");
	add_with(ends_loops, NEEDS_NOTHING, 1, 0, "hangup/tty/ends-loops/1");
	add_with(ends_loops, NEEDS_NOTHING, 16, 0, "hangup/tty/ends-loops/16");
}
