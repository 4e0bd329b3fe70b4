// SPDX-License-Identifier: MIT
/* epoll: level and edge, one shot, exclusive, in both directions. */
#include <signal.h>
#include <sys/epoll.h>
#include "harness.h"

static int set_of(int fd, uint32_t events)
{
	int ep = (int)MUST(epoll_create1(EPOLL_CLOEXEC));
	struct epoll_event event = { .events = events, .data.fd = fd };

	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	return ep;
}

/* The events of the one file that is ready; 0 when there is none. */
static uint32_t next(int ep, int ms)
{
	struct epoll_event events[4];
	long count = MUST(epoll_wait(ep, events, 4, ms));

	TRUE(count <= 1);
	return count == 1 ? events[0].events : 0;
}

static void level(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, EPOLLIN);

	(void)t;
	SAME(next(ep, 0), 0);
	fill(2, 0);
	/* For as long as there is something. */
	for (int i = 0; i < 3; i++)
		SAME(next(ep, -1), EPOLLIN);
	GIVES(read(fd, memory_new(1), 1), 1);
	SAME(next(ep, -1), EPOLLIN);
	GIVES(read(fd, memory_new(1), 1), 1);
	SAME(next(ep, 0), 0);
	fill(1, 0);
	SAME(next(ep, -1), EPOLLIN);
}

static void level_out(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, EPOLLOUT);

	(void)t;
	SAME(next(ep, -1), EPOLLOUT);
	set(CAPACITY, 4);
	fill(4, 0);
	SAME(next(ep, 0), 0);
	GIVES(read(fd, memory_new(1), 1), 1);
	SAME(next(ep, -1), EPOLLOUT);
}

static void edge(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, EPOLLIN | EPOLLET);

	(void)t;
	SAME(next(ep, 0), 0);
	fill(2, 0);
	SAME(next(ep, -1), EPOLLIN);
	/* Nothing new: nothing is told, though there is something. */
	SAME(next(ep, 30), 0);
	fill(1, 0);
	SAME(next(ep, -1), EPOLLIN);
	SAME(next(ep, 30), 0);
}

/* Room is no news for who waits for data. */
static void edge_other_direction(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, EPOLLIN | EPOLLET);

	(void)t;
	fill(2, 0);
	SAME(next(ep, -1), EPOLLIN);
	GIVES(read(fd, memory_new(1), 1), 1);
	SAME(next(ep, 30), 0);
}

static void edge_at_add(const struct test *t)
{
	int fd = dev(O_RDWR), ep;

	(void)t;
	fill(1, 0);
	ep = set_of(fd, EPOLLIN | EPOLLET);
	SAME(next(ep, -1), EPOLLIN);
	SAME(next(ep, 30), 0);
}

static void edge_out(const struct test *t)
{
	int fd = dev(O_RDWR), ep;

	(void)t;
	set(CAPACITY, 4);
	fill(4, 0);
	ep = set_of(fd, EPOLLOUT | EPOLLET);
	SAME(next(ep, 0), 0);
	GIVES(read(fd, memory_new(1), 1), 1);
	SAME(next(ep, -1), EPOLLOUT);
	SAME(next(ep, 30), 0);
	GIVES(write(fd, "x", 1), 1);
	GIVES(read(fd, memory_new(1), 1), 1);
	SAME(next(ep, -1), EPOLLOUT);
}

/* Every change is told, however often it comes before somebody looks. */
static void edge_repeated(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, EPOLLIN | EPOLLET);

	for (long i = 0; i < t->a; i++) {
		fill(1, 0);
		fill(1, 0);
		SAME(next(ep, -1), EPOLLIN);
		GIVES(read(fd, memory_new(8), 8), 2);
	}
}

static void one_shot(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, EPOLLIN | EPOLLONESHOT);
	struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT };

	(void)t;
	fill(1, 0);
	SAME(next(ep, -1), EPOLLIN);
	fill(1, 0);
	SAME(next(ep, 30), 0);
	MUST(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event));
	SAME(next(ep, -1), EPOLLIN);
}

static void modified(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, EPOLLIN);
	struct epoll_event event = { .events = EPOLLOUT };

	(void)t;
	SAME(next(ep, 0), 0);
	MUST(epoll_ctl(ep, EPOLL_CTL_MOD, fd, &event));
	SAME(next(ep, -1), EPOLLOUT);
	MUST(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL));
	fill(1, 0);
	SAME(next(ep, 30), 0);
	FAILS(epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL), ENOENT);
	MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
	FAILS(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event), EEXIST);
}

static void urgent(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, EPOLLPRI | (uint32_t)t->a);

	SAME(next(ep, 0), 0);
	set(PRI, 1);
	kick(KICK_URGENT, 0);
	SAME(next(ep, -1), EPOLLPRI);
}

static void hung_up(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, (uint32_t)t->a);

	kick(KICK_HANGUP_OTHERS, (unsigned)t->b);
	SAME(next(ep, -1) & (EPOLLERR | EPOLLHUP), EPOLLERR | EPOLLHUP);
}

struct waiter {
	int ep;
	volatile uint32_t got;
};

static void wait_events(void *given)
{
	struct waiter *waiter = given;

	waiter->got = next(waiter->ep, -1);
}

static void woken(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct waiter waiter = { .ep = set_of(fd, (uint32_t)t->a | (uint32_t)t->b) };
	struct thread *thread;

	if (t->a == EPOLLOUT) {
		set(CAPACITY, 1);
		fill(1, 0);
	}
	thread = thread_start(wait_events, &waiter);
	thread_sleeps(thread);
	if (t->a == EPOLLIN) {
		fill(1, 0);
	} else if (t->a == EPOLLPRI) {
		set(PRI, 1);
		kick(KICK_URGENT, 0);
	} else {
		GIVES(read(fd, memory_new(1), 1), 1);
	}
	thread_join(thread);
	TRUE(waiter.got & (uint32_t)t->a);
}

/* Two sets, EPOLLEXCLUSIVE: at least one is told. Two without: both. */
static void two_sets(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct waiter waiters[2] = { { .ep = set_of(fd, EPOLLIN | (uint32_t)t->a) },
				     { .ep = set_of(fd, EPOLLIN | (uint32_t)t->a) } };
	struct thread *threads[2];

	for (int i = 0; i < 2; i++) {
		threads[i] = thread_start(wait_events, &waiters[i]);
		thread_sleeps(threads[i]);
	}
	fill(1, 0);
	if (t->a == EPOLLEXCLUSIVE) {
		while (!waiters[0].got && !waiters[1].got)
			nap(1);
		return;
	}
	for (int i = 0; i < 2; i++) {
		thread_join(threads[i]);
		SAME(waiters[i].got, EPOLLIN);
	}
}

static void nested(const struct test *t)
{
	int fd = dev(O_RDWR), inner = set_of(fd, EPOLLIN | (uint32_t)t->a), outer = set_of(inner, EPOLLIN);

	SAME(next(outer, 0), 0);
	fill(1, 0);
	SAME(next(outer, -1), EPOLLIN);
	SAME(next(inner, 0), EPOLLIN);
}

static void closed_while_in_set(const struct test *t)
{
	int fd = dev(O_RDWR), ep = set_of(fd, EPOLLIN), copy = t->a ? (int)MUST(dup(fd)) : -1;

	MUST(close(fd));
	if (!t->a)
		await_count(RELEASES, 1);
	fill(1, 0);
	/* The set goes by the open file, which a dup keeps. */
	SAME(next(ep, t->a ? -1 : 30), t->a ? EPOLLIN : 0);
	if (t->a)
		MUST(close(copy));
	await_count(RELEASES, 1);
}

static void many_files(const struct test *t)
{
	struct epoll_event events[64];
	int ep = (int)MUST(epoll_create1(0)), fds[64];

	for (int i = 0; i < 64; i++) {
		struct epoll_event event = { .events = EPOLLIN | (uint32_t)t->a, .data.u32 = (uint32_t)i };

		fds[i] = dev(O_RDWR);
		join(fds[i], 1 + (unsigned)i);
		MUST(epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &event));
	}
	for (int i = 0; i < 64; i += 7)
		GIVES(write(fds[i], "x", 1), 1);
	for (int left = 10; left > 0;) {
		long count = MUST(epoll_wait(ep, events, 64, -1));

		for (long i = 0; i < count; i++) {
			SAME(events[i].data.u32 % 7, 0);
			GIVES(read(fds[events[i].data.u32], memory_new(1), 1), 1);
		}
		left -= (int)count;
	}
	SAME(epoll_wait(ep, events, 64, 0), 0);
}

static void interrupted_wait(void *given)
{
	int ep = *(int *)given;
	struct epoll_event event;

	FAILS(epoll_wait(ep, &event, 1, -1), EINTR);
}

static void interrupted(const struct test *t)
{
	int ep = set_of(dev(O_RDWR), EPOLLIN);
	struct thread *thread;

	(void)t;
	on_signal(SIGUSR1, 0);
	thread = thread_start(interrupted_wait, &ep);
	thread_sleeps(thread);
	thread_signal(thread, SIGUSR1);
	thread_join(thread);
}

struct pumping {
	int fd, rounds;
};

static void pump(void *given)
{
	struct pumping *p = given;
	int ep = set_of(p->fd, EPOLLIN | EPOLLET);

	for (int left = p->rounds; left > 0;) {
		char byte;

		if (next(ep, -1) & EPOLLIN)
			while (left > 0 && read(p->fd, &byte, 1) == 1)
				left--;
	}
}

/* The loop that every server has: edge-triggered, drained until EAGAIN. No byte may stay behind unseen. */
static void edge_loses_nothing(const struct test *t)
{
	struct pumping p = { dev(O_RDONLY | O_NONBLOCK), (int)t->a };
	int fd = dev(O_WRONLY);
	struct thread *thread = thread_start(pump, &p);

	set(CAPACITY, 3);
	for (long i = 0; i < t->a; i++)
		GIVES(write(fd, "x", 1), 1);
	thread_join(thread);
}

CASES
{
	unsigned needs = NEEDS_DESCRIPTOR;

	add(level, needs, "events/level/in");
	add(level_out, needs, "events/level/out");
	add(edge, needs, "events/edge/in");
	add(edge_other_direction, needs, "events/edge/room-is-no-news-for-in");
	add(edge_out, needs, "events/edge/out");
	add(edge_at_add, needs, "events/edge/ready-at-add");
	add_with(edge_repeated, needs, 50, 0, "events/edge/repeated");
	add_with(edge_loses_nothing, needs, 100, 0, "events/edge/loses-nothing/100");
	add(one_shot, needs, "events/one-shot");
	add(modified, needs, "events/modified-and-removed");
	add_with(urgent, needs, 0, 0, "events/level/pri");
	add_with(urgent, needs, EPOLLET, 0, "events/edge/pri");
	add_with(hung_up, needs, EPOLLIN, 0, "events/hangup/tty-level");
	add_with(hung_up, needs, (long)(EPOLLIN | EPOLLET), 0, "events/hangup/tty-edge");
	add_with(hung_up, needs, 0, ENODEV, "events/hangup/enodev-level");
	add_with(hung_up, needs, (long)EPOLLET, ENODEV, "events/hangup/enodev-edge");
	add_with(woken, needs, EPOLLIN, 0, "events/woken/in-level");
	add_with(woken, needs, EPOLLIN, (long)EPOLLET, "events/woken/in-edge");
	add_with(woken, needs, EPOLLIN, EPOLLONESHOT, "events/woken/in-one-shot");
	add_with(woken, needs, EPOLLOUT, 0, "events/woken/out-level");
	add_with(woken, needs, EPOLLOUT, (long)EPOLLET, "events/woken/out-edge");
	add_with(woken, needs, EPOLLPRI, 0, "events/woken/pri-level");
	add_with(woken, needs, EPOLLPRI, (long)EPOLLET, "events/woken/pri-edge");
	add_with(two_sets, needs, 0, 0, "events/two-sets/both-are-told");
	add_with(two_sets, needs, EPOLLEXCLUSIVE, 0, "events/two-sets/exclusive");
	add_with(nested, needs, 0, 0, "events/nested/level");
	add_with(nested, needs, (long)EPOLLET, 0, "events/nested/edge");
	add_with(closed_while_in_set, needs, 0, 0, "events/closed/leaves-the-set");
	add_with(closed_while_in_set, needs, 1, 0, "events/closed/a-dup-stays");
	add_with(many_files, needs, 0, 0, "events/64-files/level");
	add_with(many_files, needs, (long)EPOLLET, 0, "events/64-files/edge");
	add(interrupted, needs, "events/interrupted");
}
