// SPDX-License-Identifier: MIT
/* Readiness by poll(2): what is ready, who is woken, and that no wake-up is lost. */
#include <limits.h>
#include <signal.h>
#include "harness.h"

enum { ALL = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLWRNORM, OUT = POLLOUT | POLLWRNORM, IN = POLLIN | POLLRDNORM };

static void empty(const struct test *t)
{
	(void)t;
	SAME(ready(dev(O_RDWR), ALL, 0), OUT);
}

static void with_data(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	fill(1, 0);
	SAME(ready(fd, ALL, 0), IN | OUT);
	GIVES(io->read(fd, memory_new(1), 1), 1);
	SAME(ready(fd, ALL, 0), OUT);
}

static void full(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	set(CAPACITY, 4);
	fill(4, 0);
	SAME(ready(fd, ALL, 0), IN);
	GIVES(io->read(fd, memory_new(1), 1), 1);
	SAME(ready(fd, ALL, 0), IN | OUT);
}

static void neither(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	set(CAPACITY, 0);
	SAME(ready(fd, ALL, 0), 0);
	SAME(ready(fd, ALL, 30), 0);
}

static void at_end(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	set(AT_EOF, 1);
	SAME(ready(fd, ALL, 0), IN | OUT);
}

/* What the driver says is what the caller gets, with ERR and HUP asked for or not. */
static void bits(const struct test *t)
{
	int driver = (int)t->a, asked = (int)t->b;
	int expected = driver | (driver & POLLIN ? POLLRDNORM : 0) | (driver & POLLOUT ? POLLWRNORM : 0);

	set(POLL_BITS, (unsigned)driver);
	SAME(ready(dev(O_RDWR), (short)asked, 0), expected & (asked | POLLERR | POLLHUP));
}

static void access_mode_does_not_matter(const struct test *t)
{
	fill(1, 0);
	SAME(ready(dev((int)t->a), ALL, 0), IN | OUT);
}

static void timeout_passes(const struct test *t)
{
	int fd = dev(O_RDONLY);
	long before = now_ms();

	SAME(ready(fd, POLLIN, (int)t->a), 0);
	TRUE(now_ms() - before >= t->a);
}

static void woken(const struct test *t)
{
	int fd = dev(O_RDWR), other = dev(O_RDWR);
	struct call *call;

	set(CAPACITY, t->a == POLLOUT ? 4 : 65536);
	if (t->a == POLLOUT)
		fill(4, 0);
	call = start_poll(fd, (short)t->a, -1);
	await_count(POLLS, 1);
	thread_sleeps(call->thread);
	TRUE(!call->done);
	switch (t->a | t->b << 16) {
	case POLLIN:
		fill(1, 0);
		break;
	case POLLIN | 1 << 16:
		GIVES(io->write(other, "x", 1), 1);
		break;
	case POLLIN | 2 << 16:
		GIVES(io->write(fd, "x", 1), 1);
		break;
	case POLLOUT:
		GIVES(io->read(other, memory_new(1), 1), 1);
		break;
	case POLLPRI:
		set(PRI, 1);
		kick(KICK_URGENT, 0);
		break;
	default:
		/* The driver's own word about an error. */
		set(POLL_BITS, (unsigned)t->a ? (unsigned)t->a : POLLERR);
		kick(KICK_READABLE, 0);
	}
	SAME(finish(call), t->a ? t->a : POLLERR);
}

/* A wake-up after which nothing is ready is none for the caller. */
static void idle_wake_up(const struct test *t)
{
	struct call *call = start_poll(dev(O_RDONLY), POLLIN, -1);

	(void)t;
	await_count(POLLS, 1);
	for (unsigned i = 0; i < 10; i++) {
		thread_sleeps(call->thread);
		kick(KICK_WRITABLE, 0);
		await_count(POLLS, 2 + i);
	}
	TRUE(!call->done);
	fill(1, 0);
	SAME(finish(call), POLLIN);
}

static void many_pollers(const struct test *t)
{
	struct call *calls[64];
	int fd = dev(O_RDONLY);

	for (long i = 0; i < t->a; i++)
		calls[i] = start_poll(t->b ? fd : dev(O_RDONLY), POLLIN, -1);
	await_count(POLLS, (unsigned)t->a);
	for (long i = 0; i < t->a; i++)
		thread_sleeps(calls[i]->thread);
	fill(1, 0);
	for (long i = 0; i < t->a; i++)
		SAME(finish(calls[i]), POLLIN);
}

/* Of several files just those that are ready. */
static void several_files(const struct test *t)
{
	struct pollfd *fds = memory_new(sizeof(*fds) * 64);
	size_t count = (size_t)t->a;

	for (size_t i = 0; i < count; i++) {
		fds[i] = (struct pollfd){ .fd = dev(O_RDWR), .events = POLLIN };
		join(fds[i].fd, 1 + (unsigned)i);
	}
	SAME(io->poll(fds, count, 0), 0);
	GIVES(io->write(fds[count - 1].fd, "x", 1), 1);
	GIVES(io->write(fds[0].fd, "x", 1), 1);
	SAME(io->poll(fds, count, -1), 2);
	for (size_t i = 0; i < count; i++)
		SAME(fds[i].revents, i == 0 || i == count - 1 ? POLLIN : 0);
}

static void poll_them(void *given)
{
	struct call *call = given;

	call->result = io->poll(call->buffer, call->count, -1);
	call->done = true;
}

static void woken_by_one_of_several(const struct test *t)
{
	struct pollfd *fds = memory_new(sizeof(*fds) * 8);
	struct call call = { .buffer = fds, .count = 8 };

	(void)t;
	for (unsigned i = 0; i < 8; i++) {
		fds[i] = (struct pollfd){ .fd = dev(O_RDWR), .events = POLLIN };
		join(fds[i].fd, 1 + i);
	}
	call.thread = thread_start(poll_them, &call);
	thread_sleeps(call.thread);
	GIVES(io->write(fds[5].fd, "x", 1), 1);
	thread_join(call.thread);
	SAME(call.result, 1);
	SAME(fds[5].revents, POLLIN);
}

static void odd_descriptors(const struct test *t)
{
	struct pollfd *fds = memory_new(sizeof(*fds) * 4);
	int fd = dev(O_RDWR);

	(void)t;
	fill(1, 0);
	fds[0] = (struct pollfd){ .fd = -1, .events = POLLIN, .revents = 1 };
	fds[1] = (struct pollfd){ .fd = 999, .events = POLLIN };
	fds[2] = (struct pollfd){ .fd = fd, .events = POLLIN };
	fds[3] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	SAME(io->poll(fds, 4, 0), 3);
	SAME(fds[0].revents, 0);
	SAME(fds[1].revents, POLLNVAL);
	SAME(fds[2].revents, POLLIN);
	SAME(fds[3].revents, POLLOUT);
}

static void driver_fails(const struct test *t)
{
	int fd = dev(O_RDWR);

	set(ON_POLL, DO(t->a, 0));
	SAME(ready(fd, ALL, 0), POLLERR);
	set(ON_POLL, 0);
	SAME(ready(fd, ALL, 0), OUT);
}

static void no_poll(const struct test *t)
{
	int fd = (int)MUST(dev_open("bare", O_RDWR));

	(void)t;
	SAME(ready(fd, ALL, -1), IN | OUT);
}

static void interrupted(const struct test *t)
{
	struct call *call;

	on_signal(SIGUSR1, t->a ? SA_RESTART : 0);
	call = start_poll(dev(O_RDONLY), POLLIN, -1);
	await_count(POLLS, 1);
	thread_sleeps(call->thread);
	thread_signal(call->thread, SIGUSR1);
	FAILS(finish(call), EINTR);
}

struct echo {
	int from, to, rounds;
};

static void poll_then(int fd, short events)
{
	SAME(ready(fd, events, -1) & events, events);
}

static void echo(void *given)
{
	struct echo *e = given;
	char *byte = memory_new(1);

	for (int i = 0; i < e->rounds; i++) {
		poll_then(e->from, POLLIN);
		GIVES(io->read(e->from, byte, 1), 1);
		GIVES(io->write(e->to, byte, 1), 1);
	}
}

/* Whoever polls is told each time: with O_NONBLOCK nothing else would wake it. */
static void no_wake_up_is_lost(const struct test *t)
{
	int fds[4];
	struct echo work = { .rounds = (int)t->a };
	struct thread *thread;
	char *byte = memory_new(1);

	for (int i = 0; i < 4; i++) {
		fds[i] = dev(O_RDWR | O_NONBLOCK);
		join(fds[i], 1 + (unsigned)i / 2);
	}
	work.from = fds[0];
	work.to = fds[2];
	thread = thread_start(echo, &work);
	for (long i = 0; i < t->a; i++) {
		GIVES(io->write(fds[1], byte, 1), 1);
		poll_then(fds[3], POLLIN);
		GIVES(io->read(fds[3], byte, 1), 1);
	}
	thread_join(thread);
}

static void drain(void *given)
{
	struct echo *e = given;
	char *byte = memory_new(1);

	for (int i = 0; i < e->rounds; i++) {
		poll_then(e->from, POLLIN);
		GIVES(io->read(e->from, byte, 1), 1);
	}
}

/* The same in both directions: room for one byte. */
static void no_room_is_lost(const struct test *t)
{
	struct echo work = { .from = dev(O_RDONLY | O_NONBLOCK), .rounds = (int)t->a };
	int fd = dev(O_WRONLY | O_NONBLOCK);
	struct thread *thread;

	set(CAPACITY, 1);
	thread = thread_start(drain, &work);
	for (long i = 0; i < t->a; i++) {
		poll_then(fd, POLLOUT);
		GIVES(io->write(fd, "x", 1), 1);
	}
	thread_join(thread);
}

CASES
{
	static const struct { const char *name; int bits; } names[] = {
		{ "in", POLLIN }, { "pri", POLLPRI }, { "out", POLLOUT }, { "err", POLLERR }, { "hup", POLLHUP },
		{ "in-out", POLLIN | POLLOUT }, { "in-hup", POLLIN | POLLHUP }, { "err-hup", POLLERR | POLLHUP },
		{ "in-pri-out", POLLIN | POLLPRI | POLLOUT }, { "rdhup", POLLRDHUP }, { "msg", POLLMSG },
	};

	add(empty, NEEDS_NOTHING, "ready/ready/empty");
	add(with_data, NEEDS_NOTHING, "ready/ready/with-data");
	add(full, NEEDS_NOTHING, "ready/ready/full");
	add(neither, NEEDS_NOTHING, "ready/ready/neither");
	add(at_end, NEEDS_NOTHING, "ready/ready/at-the-end");
	for (size_t i = 0; i < COUNT(names); i++) {
		add_with(bits, NEEDS_NOTHING, names[i].bits, ALL | POLLRDHUP | POLLMSG, "ready/bits/%s", names[i].name);
		add_with(bits, NEEDS_NOTHING, names[i].bits, 0, "ready/bits/%s-not-asked-for", names[i].name);
	}
	add_with(access_mode_does_not_matter, NEEDS_NOTHING, O_RDONLY, 0, "ready/access-mode/rdonly");
	add_with(access_mode_does_not_matter, NEEDS_NOTHING, O_WRONLY, 0, "ready/access-mode/wronly");
	add_with(timeout_passes, NEEDS_NOTHING, 0, 0, "ready/timeout/0");
	add_with(timeout_passes, NEEDS_NOTHING, 1, 0, "ready/timeout/1");
	add_with(timeout_passes, NEEDS_NOTHING, 100, 0, "ready/timeout/100");
	add_with(woken, NEEDS_NOTHING, POLLIN, 0, "ready/woken/in-by-driver");
	add_with(woken, NEEDS_NOTHING, POLLIN, 1, "ready/woken/in-by-write");
	add_with(woken, NEEDS_NOTHING, POLLIN, 2, "ready/woken/in-by-write-on-the-same-file");
	add_with(woken, NEEDS_NOTHING, POLLOUT, 0, "ready/woken/out-by-read");
	add_with(woken, NEEDS_NOTHING, POLLPRI, 0, "ready/woken/pri");
	add_with(woken, NEEDS_NOTHING, 0, 0, "ready/woken/err");
	add(idle_wake_up, NEEDS_NOTHING, "ready/idle-wake-up");
	add_with(many_pollers, NEEDS_NOTHING, 2, 0, "ready/many/2-files");
	add_with(many_pollers, NEEDS_NOTHING, 32, 0, "ready/many/32-files");
	add_with(many_pollers, NEEDS_NOTHING, 2, 1, "ready/many/2-on-one-file");
	add_with(many_pollers, NEEDS_NOTHING, 32, 1, "ready/many/32-on-one-file");
	add_with(several_files, NEEDS_NOTHING, 2, 0, "ready/several-files/2");
	add_with(several_files, NEEDS_NOTHING, 32, 0, "ready/several-files/32");
	add(woken_by_one_of_several, NEEDS_NOTHING, "ready/several-files/woken-by-one");
	add(odd_descriptors, NEEDS_NOTHING, "ready/odd-descriptors");
	add_with(driver_fails, NEEDS_NOTHING, THROW, 0, "ready/driver-throws");
	add_with(driver_fails, NEEDS_NOTHING, ILLEGAL, 0, "ready/driver-answers-nonsense");
	add(no_poll, NEEDS_NOTHING, "ready/driver-without");
	add_with(interrupted, NEEDS_NOTHING, 0, 0, "ready/interrupted");
	add_with(interrupted, NEEDS_NOTHING, 1, 0, "ready/interrupted-sa-restart");
	add_with(no_wake_up_is_lost, NEEDS_NOTHING, 100, 0, "ready/no-wake-up-is-lost/100");
	add_with(no_room_is_lost, NEEDS_NOTHING, 100, 0, "ready/no-room-is-lost/100");
}
