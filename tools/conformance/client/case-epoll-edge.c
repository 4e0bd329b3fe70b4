// SPDX-License-Identifier: MIT
/* epoll(7), edge-triggered and one-shot: told once for a change, and for each change. */
#include <sys/epoll.h>
#include "harness.h"

static int set_of(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int set = (int)MUST(epoll_create1(EPOLL_CLOEXEC));

	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	return set;
}

static void again(int set, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	MUST(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
}

static uint32_t next(int set)
{
	struct epoll_event event;

	GIVES(epoll_wait(set, &event, 1, -1), 1);
	return event.events;
}

/* The daemon tells the kernel of a change after the answer of the call that made it, and before the next answer. */
static void nothing(int set)
{
	struct epoll_event event;

	stats();
	GIVES(epoll_wait(set, &event, 1, 0), 0);
}

/* Changes while nobody waits are one event, with all that is there at the time of the wait. */
static void changes_while_nobody_waits(const struct test *t)
{
	int fd = dev(O_RDWR), events;

	set(CAPACITY, 4);
	fill(4, 0);
	events = set_of(fd, EPOLLIN | EPOLLOUT | EPOLLPRI | EPOLLET);
	SAME(next(events), EPOLLIN);
	GIVES(read(fd, memory_new(4), 4), 4);
	for (long i = 0; i < t->a; i++)
		fill(1, 0);
	set(PRI, 1);
	kick(KICK_URGENT, 0);
	SAME(next(events), EPOLLIN | EPOLLPRI | (t->a < 4 ? EPOLLOUT : 0));
	nothing(events);
}

/* What has come and gone before somebody looked is nothing. */
static void come_and_gone(const struct test *t)
{
	int fd = dev(O_RDWR), events = set_of(fd, EPOLLIN | (uint32_t)t->a);

	for (int i = 0; i < 20; i++) {
		fill(1, 0);
		GIVES(read(fd, memory_new(1), 1), 1);
		nothing(events);
	}
	fill(1, 0);
	SAME(next(events), EPOLLIN);
}

/* In one set edge-triggered and in another level-triggered: each as it was asked for. */
static void beside_level(const struct test *t)
{
	int fd = dev(O_RDWR), edge = set_of(fd, EPOLLIN | EPOLLET), level = set_of(fd, EPOLLIN);

	(void)t;
	for (int i = 0; i < 5; i++) {
		fill(1, 0);
		SAME(next(edge), EPOLLIN);
		nothing(edge);
		SAME(next(level), EPOLLIN);
		SAME(next(level), EPOLLIN);
		nothing(edge);
	}
}

/* What poll(2) is told in between takes no event from the set. */
static void beside_poll(const struct test *t)
{
	int fd = dev(O_RDWR), events = set_of(fd, EPOLLIN | EPOLLET);

	(void)t;
	for (int i = 0; i < 5; i++) {
		fill(1, 0);
		SAME(ready(fd, POLLIN, -1), POLLIN);
		SAME(next(events), EPOLLIN);
		nothing(events);
		SAME(ready(fd, POLLIN, 0), POLLIN);
		nothing(events);
	}
}

/* EPOLL_CTL_MOD looks at the file anew (ep_modify() in fs/eventpoll.c). */
static void modified(const struct test *t)
{
	int fd = dev(O_RDWR), events = set_of(fd, EPOLLIN | EPOLLET);

	(void)t;
	fill(1, 0);
	for (int i = 0; i < 5; i++) {
		SAME(next(events), EPOLLIN);
		nothing(events);
		again(events, fd, EPOLLIN | EPOLLET);
	}
	SAME(next(events), EPOLLIN);
	again(events, fd, EPOLLIN | EPOLLOUT | EPOLLET);
	SAME(next(events), EPOLLIN | EPOLLOUT);
	nothing(events);
}

static void hung_up(const struct test *t)
{
	int fd = dev(O_RDWR), events = set_of(fd, EPOLLET);

	nothing(events);
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	SAME(next(events), EPOLLERR | EPOLLHUP);
	nothing(events);
	/* Once: there is no second hang-up, and no news of a file that has ended. */
	kick(KICK_HANGUP_OTHERS, (unsigned)t->a);
	fill(1, 0);
	nothing(events);
}

/* Told once, then not even of new data, until it is armed anew: at once when there is something. */
static void one_shot(const struct test *t)
{
	uint32_t how = EPOLLIN | EPOLLONESHOT | (uint32_t)t->a;
	int fd = dev(O_RDWR), events = set_of(fd, how);

	for (int i = 0; i < 5; i++) {
		nothing(events);
		fill(1, 0);
		SAME(next(events), EPOLLIN);
		fill(1, 0);
		nothing(events);
		again(events, fd, how);
		SAME(next(events), EPOLLIN);
		GIVES(read(fd, memory_new(8), 8), 2);
		again(events, fd, how);
	}
}

/* Not even a hang-up is told of one that has had its shot. */
static void one_shot_hung_up(const struct test *t)
{
	int fd = dev(O_RDWR), events = set_of(fd, EPOLLOUT | EPOLLONESHOT);

	(void)t;
	SAME(next(events), EPOLLOUT);
	kick(KICK_HANGUP_OTHERS, ENODEV);
	nothing(events);
	again(events, fd, EPOLLOUT | EPOLLONESHOT);
	SAME(next(events), EPOLLERR | EPOLLHUP);
}

struct worker {
	int set, fd;
	uint32_t how;
	int *taken;
};

enum { ROUNDS = 200 };

/* The loop of a server with several threads on one set: armed anew after each byte. */
static void work(void *given)
{
	struct worker *w = given;
	char byte;

	while (__atomic_load_n(w->taken, __ATOMIC_SEQ_CST) < ROUNDS) {
		TRUE(next(w->set) & EPOLLIN);
		while (read(w->fd, &byte, 1) == 1)
			__atomic_add_fetch(w->taken, 1, __ATOMIC_SEQ_CST);
		if (w->how & EPOLLONESHOT)
			again(w->set, w->fd, w->how);
	}
}

/* Each byte when the last one is taken, so that it comes while somebody is about to wait, or to arm. */
static void loses_none(const struct test *t)
{
	int fd = dev(O_RDONLY | O_NONBLOCK), writer = dev(O_WRONLY), taken = 0;
	struct worker w = { set_of(fd, (uint32_t)t->a), fd, (uint32_t)t->a, &taken };
	struct thread *threads[8];

	for (long i = 0; i < t->b; i++)
		threads[i] = thread_start(work, &w);
	for (int i = 0; i < ROUNDS; i++) {
		while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < i)
			nap(0);
		GIVES(write(writer, "x", 1), 1);
	}
	while (__atomic_load_n(&taken, __ATOMIC_SEQ_CST) < ROUNDS)
		nap(0);
	if (t->b == 1)
		thread_join(threads[0]);
}

/* A writer that waits for room, edge-triggered, against a reader that takes what there is. */
static void fill_up(void *given)
{
	struct worker *w = given;
	char bytes[64] = { 0 };
	int left = 2000;

	while (left > 0) {
		ssize_t put = write(w->fd, bytes, left < 64 ? (size_t)left : 64);

		if (put > 0) {
			left -= (int)put;
			continue;
		}
		FAILS(put, EAGAIN);
		TRUE(next(w->set) & EPOLLOUT);
	}
}

static void loses_no_room(const struct test *t)
{
	int fd = dev(O_WRONLY | O_NONBLOCK), reader = dev(O_RDONLY);
	struct worker w = { .set = set_of(fd, EPOLLOUT | EPOLLET), .fd = fd };
	char *bytes = memory_new(256);
	struct thread *thread;

	set(CAPACITY, (unsigned)t->a);
	thread = thread_start(fill_up, &w);
	for (long got = 0; got < 2000;)
		got += MUST(read(reader, bytes, 256));
	thread_join(thread);
}

CASES
{
	unsigned needs = NEEDS_DESCRIPTOR;

	add_with(changes_while_nobody_waits, needs, 1, 0, "epoll/edge/changes-while-nobody-waits/some");
	add_with(changes_while_nobody_waits, needs, 4, 0, "epoll/edge/changes-while-nobody-waits/full");
	add_with(come_and_gone, needs, (long)EPOLLET, 0, "epoll/edge/come-and-gone");
	add_with(come_and_gone, needs, 0, 0, "epoll/level/come-and-gone");
	add(beside_level, needs, "epoll/edge/beside-level");
	add(beside_poll, needs, "epoll/edge/beside-poll");
	add(modified, needs, "epoll/edge/modified");
	add_with(hung_up, needs, 0, 0, "epoll/edge/hang-up-once/tty");
	add_with(hung_up, needs, ENODEV, 0, "epoll/edge/hang-up-once/enodev");
	add_with(one_shot, needs, 0, 0, "epoll/one-shot/level");
	add_with(one_shot, needs, (long)EPOLLET, 0, "epoll/one-shot/edge");
	add(one_shot_hung_up, needs, "epoll/one-shot/hung-up");
	add_with(loses_none, needs, EPOLLIN, 1, "epoll/loses-none/level");
	add_with(loses_none, needs, (long)(EPOLLIN | EPOLLET), 1, "epoll/loses-none/edge");
	add_with(loses_none, needs, (long)(EPOLLIN | EPOLLONESHOT), 1, "epoll/loses-none/one-shot");
	add_with(loses_none, needs, (long)(EPOLLIN | EPOLLET | EPOLLONESHOT), 4, "epoll/loses-none/one-shot-4-threads");
	add_with(loses_none, needs, EPOLLIN, 4, "epoll/loses-none/level-4-threads");
	add_with(loses_no_room, needs, 1, 0, "epoll/edge/loses-no-room/1");
	add_with(loses_no_room, needs, 100, 0, "epoll/edge/loses-no-room/100");
}
