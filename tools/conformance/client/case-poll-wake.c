// SPDX-License-Identifier: MIT
/* Who waits for a file is woken by all that can happen to it, whichever call it waits in, and never for nothing. */
#include <sched.h>
#include "waiting.h"

static void write_one(void *unused)
{
	(void)unused;
	GIVES(io->write(dev(O_WRONLY), "x", 1), 1);
}

static void by_fill(int fd)
{
	(void)fd;
	fill(3, 0);
}

static void by_other_file(int fd)
{
	(void)fd;
	write_one(NULL);
}

static void by_same_file(int fd)
{
	GIVES(io->write(fd, "x", 1), 1);
}

static void by_process(int fd)
{
	(void)fd;
	child_join(child_start(write_one, NULL));
}

static void by_room(int fd)
{
	(void)fd;
	GIVES(io->read(dev(O_RDONLY), memory_new(1), 1), 1);
}

static void by_larger(int fd)
{
	(void)fd;
	set(CAPACITY, 100);
	kick(KICK_WRITABLE, 0);
}

static void by_urgent(int fd)
{
	(void)fd;
	set(PRI, 1);
	kick(KICK_URGENT, 0);
}

static void by_tty_hangup(int fd)
{
	(void)fd;
	kick(KICK_HANGUP_OTHERS, 0);
}

static void by_enodev(int fd)
{
	(void)fd;
	kick(KICK_HANGUP_OTHERS, ENODEV);
}

static void by_error(int fd)
{
	(void)fd;
	set(POLL_BITS, POLLERR);
	kick(KICK_READABLE, 0);
}

static void by_throw(int fd)
{
	(void)fd;
	set(ON_POLL, DO(THROW, 0));
	kick(KICK_READABLE, 0);
}

static void by_end(int fd)
{
	(void)fd;
	set(AT_EOF, 1);
	kick(KICK_READABLE, 0);
}

static const struct {
	const char *name;
	void (*happen)(int fd);
	short waits_for;
	int bits;
	unsigned needs;
} causes[] = {
	{ "fill", by_fill, POLLIN, POLLIN, 0 },
	{ "write-to-other-file", by_other_file, POLLIN, POLLIN, 0 },
	{ "write-to-same-file", by_same_file, POLLIN, POLLIN, 0 },
	{ "write-by-other-process", by_process, POLLIN, POLLIN, NEEDS_DESCRIPTOR },
	{ "end-of-file", by_end, POLLIN, POLLIN, 0 },
	{ "read-makes-room", by_room, POLLOUT, POLLOUT, 0 },
	{ "driver-makes-room", by_larger, POLLOUT, POLLOUT, 0 },
	{ "urgent", by_urgent, POLLPRI, POLLPRI, 0 },
	{ "tty-hangup", by_tty_hangup, POLLIN, POLLIN | POLLOUT | POLLERR | POLLHUP, 0 },
	{ "enodev-hangup", by_enodev, POLLIN, POLLERR | POLLHUP, 0 },
	{ "error", by_error, POLLOUT, POLLERR, 0 },
	{ "poll-throws", by_throw, POLLIN, POLLERR, 0 },
};

/* A file that is ready for nothing: full, and then emptied for who waits for data. */
static int not_ready(short waits_for)
{
	int fd = dev(O_RDWR);

	if (waits_for & POLLOUT) {
		set(CAPACITY, 4);
		fill(4, 0);
	}
	return fd;
}

static void wakes(const struct test *t)
{
	enum way way = (enum way)t->a;
	short events = causes[t->b].waits_for;
	int fd = not_ready(events);
	struct waiter *waiter = start_wait((struct wait){ way, fd, events, -1, NULL });

	await_count(POLLS, 1);
	TRUE(!waiter->done);
	causes[t->b].happen(fd);
	SAME(waited(waiter), reported(way, causes[t->b].bits, events));
}

/* It is asked again after each wake-up, and goes on waiting. */
static void not_for_nothing(const struct test *t)
{
	enum way way = (enum way)t->a;
	struct waiter *waiter = start_wait((struct wait){ way, dev(O_RDONLY), POLLIN, -1, NULL });

	for (unsigned i = 1; i <= 20; i++) {
		await_count(POLLS, i);
		kick(i % 2 ? KICK_READABLE : KICK_URGENT, 0);
	}
	await_count(POLLS, 21);
	TRUE(!waiter->done);
	fill(1, 0);
	SAME(waited(waiter), POLLIN);
}

/* A reader that is blocked takes the byte before a poller is told: there is nothing for the poller then. */
static void reader_comes_first(const struct test *t)
{
	enum way way = (enum way)t->a;
	int fd = dev(O_RDONLY);
	struct call *reader = start_read(fd, 8);
	struct waiter *waiter;

	await_count(BLOCKED, 1);
	waiter = start_wait((struct wait){ way, fd, POLLIN, -1, NULL });
	await_count(POLLS, 1);
	fill(1, 0);
	GIVES(finish(reader), 1);
	await_count(POLLS, 2);
	TRUE(!waiter->done);
	fill(1, 0);
	SAME(waited(waiter), POLLIN);
}

/* Two on one file, one for each direction: what wakes one leaves the other waiting. */
static void each_direction(const struct test *t)
{
	enum way way = (enum way)t->a;
	int fd = dev(O_RDWR);
	struct waiter *in, *out;

	set(CAPACITY, 0);
	in = start_wait((struct wait){ way, fd, POLLIN, -1, NULL });
	out = start_wait((struct wait){ way, fd, POLLOUT, -1, NULL });
	await_count(POLLS, 2);
	set(CAPACITY, 2);
	kick(KICK_WRITABLE, 0);
	SAME(waited(out), POLLOUT);
	TRUE(!in->done);
	fill(2, 0);
	SAME(waited(in), POLLIN);
}

static void crowd(const struct test *t)
{
	struct waiter *waiters[64];
	int fd = dev(O_RDONLY);

	for (long i = 0; i < t->b; i++)
		waiters[i] = start_wait((struct wait){ (enum way)t->a, fd, POLLIN, -1, NULL });
	await_count(POLLS, (unsigned)t->b);
	fill(1, 0);
	for (long i = 0; i < t->b; i++)
		SAME(waited(waiters[i]), POLLIN);
}

/* Every way at once, on one file. */
static void all_ways(const struct test *t)
{
	struct waiter *waiters[WAYS];
	int fd = dev(O_RDONLY);

	(void)t;
	for (int way = 0; way < WAYS; way++)
		waiters[way] = start_wait((struct wait){ (enum way)way, fd, POLLIN, -1, NULL });
	await_count(POLLS, WAYS);
	fill(1, 0);
	for (int way = 0; way < WAYS; way++)
		SAME(waited(waiters[way]), POLLIN);
}

/* Whose time is over leaves the others waiting, and still to be woken. */
static void one_gives_up(const struct test *t)
{
	enum way way = (enum way)t->a;
	int fd = dev(O_RDONLY);
	struct waiter *patient = start_wait((struct wait){ way, fd, POLLIN, -1, NULL });

	await_count(POLLS, 1);
	SAME(wait_for(&(struct wait){ way, fd, POLLIN, 10, NULL }), 0);
	TRUE(!patient->done);
	fill(1, 0);
	SAME(waited(patient), POLLIN);
}

static void no_time(const struct test *t)
{
	struct wait wait = { (enum way)t->a, dev(O_RDWR), POLLIN, 0, NULL };

	SAME(wait_for(&wait), 0);
	fill(1, 0);
	SAME(wait_for(&wait), POLLIN);
}

static void little_time(const struct test *t)
{
	struct wait wait = { (enum way)t->a, dev(O_RDWR), POLLIN, 60, NULL };
	long began = now_ms();

	SAME(wait_for(&wait), 0);
	/* A clock that is read in whole milliseconds can be one behind. */
	TRUE(now_ms() - began >= 59);
	/* What comes within the time is told at once. */
	wait.ms = 100000;
	fill(1, 0);
	SAME(wait_for(&wait), POLLIN);
}

/* Wake-ups for nothing neither end the time nor begin it anew. */
static void time_goes_on(const struct test *t)
{
	struct waiter *waiter = start_wait((struct wait){ (enum way)t->a, dev(O_RDWR), POLLIN, 100, NULL });

	while (!waiter->done) {
		kick(KICK_READABLE, 0);
		nap(5);
	}
	SAME(waited(waiter), 0);
}

struct draining {
	enum way way;
	int fd;
	/* Bytes taken by all of them, and as many as there will be. */
	int *taken;
	int total;
};

static void drain(void *given)
{
	struct draining *d = given;
	char *byte = memory_new(1);

	while (__atomic_load_n(d->taken, __ATOMIC_SEQ_CST) < d->total) {
		long got;

		TRUE(wait_for(&(struct wait){ d->way, d->fd, POLLIN, -1, NULL }) & POLLIN);
		got = io->read(d->fd, byte, 1);
		if (got < 0)
			FAILS(got, EAGAIN);
		else if (got == 1)
			__atomic_add_fetch(d->taken, 1, __ATOMIC_SEQ_CST);
	}
}

/*
 * A byte at a time, the next as soon as the last one is taken: it comes while the others are about to wait again. The
 * end of the file is for those that wait for more.
 */
static void loses_none(const struct test *t)
{
	enum { ROUNDS = 150 };
	int taken = 0, writer = dev(O_WRONLY);
	struct thread *threads[8];

	for (long i = 0; i < t->b; i++) {
		struct draining *d = NEW(struct draining);

		*d = (struct draining){ (enum way)t->a, dev(O_RDONLY | O_NONBLOCK), &taken, ROUNDS };
		threads[i] = thread_start(drain, d);
	}
	for (int i = 0; i < ROUNDS; i++) {
		while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < i)
			sched_yield();
		GIVES(io->write(writer, "x", 1), 1);
	}
	while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < ROUNDS)
		sched_yield();
	set(AT_EOF, 1);
	kick(KICK_READABLE, 0);
	for (long i = 0; i < t->b; i++)
		thread_join(threads[i]);
}

/*
 * Closed in another thread, the file stays open for who waits for it (poll_get_entry() in fs/select.c holds it).
 * poll(2) looks its number up again when it is woken, and finds none.
 */
static void closed_meanwhile(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct waiter *waiter = start_wait((struct wait){ BY_POLL, fd, POLLIN, -1, NULL });

	(void)t;
	await_count(POLLS, 1);
	thread_sleeps(waiter->thread);
	MUST(io->close(fd));
	SAME(counted(RELEASES), 0);
	fill(1, 0);
	SAME(waited(waiter), POLLNVAL);
	await_count(RELEASES, 1);
}

CASES
{
	for (size_t i = 0; i < COUNT(main_ways); i++) {
		enum way way = main_ways[i];
		unsigned needs = way_needs(way);
		const char *name = way_names[way];

		for (size_t j = 0; j < COUNT(causes); j++)
			add_with(wakes, needs | causes[j].needs, way, (long)j, "wake/%s/%s", name, causes[j].name);
		add_with(not_for_nothing, needs, way, 0, "wake/%s/not-for-nothing", name);
		add_with(reader_comes_first, needs, way, 0, "wake/%s/blocked-reader-comes-first", name);
		add_with(each_direction, needs, way, 0, "wake/%s/each-direction", name);
		add_with(one_gives_up, needs, way, 0, "wake/%s/one-gives-up", name);
		add_with(time_goes_on, needs, way, 0, "wake/%s/time-goes-on", name);
		add_with(crowd, needs, way, 8, "wake/%s/crowd-of-8", name);
		add_with(loses_none, needs, way, 1, "wake/%s/loses-none/1", name);
		add_with(loses_none, needs, way, 4, "wake/%s/loses-none/4", name);
	}
	for (int way = 0; way < WAYS; way++) {
		add_with(no_time, way_needs((enum way)way), way, 0, "wake/%s/no-time", way_names[way]);
		add_with(little_time, way_needs((enum way)way), way, 0, "wake/%s/little-time", way_names[way]);
	}
	add(all_ways, NEEDS_DESCRIPTOR, "wake/all-ways-at-once");
	add(closed_meanwhile, NEEDS_NOTHING, "wake/closed-meanwhile");
}
