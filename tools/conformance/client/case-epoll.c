// SPDX-License-Identifier: MIT
/* epoll(7): the set itself, sets of sets, sets that several wait for. What wakes one is in case-poll-wake.c. */
#include <sys/epoll.h>
#include <sys/wait.h>
#include "harness.h"

static int new_set(void)
{
	return (int)MUST(epoll_create1(EPOLL_CLOEXEC));
}

static int control_set(int set, int op, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return epoll_ctl(set, op, fd, &event);
}

static int set_of(int fd, uint32_t events)
{
	int set = new_set();

	MUST(control_set(set, EPOLL_CTL_ADD, fd, events));
	return set;
}

/* How many are ready now: what the daemon tells of a change comes before its answer to the next call. */
static int count_ready(int set)
{
	struct epoll_event events[64];

	stats();
	return (int)MUST(epoll_wait(set, events, COUNT(events), 0));
}

static uint32_t next(int set)
{
	struct epoll_event event;

	GIVES(epoll_wait(set, &event, 1, -1), 1);
	return event.events;
}

static void ctl_errors(const struct test *t)
{
	int fd = dev(O_RDWR), set = new_set(), gone = dev(O_RDWR);

	(void)t;
	FAILS(control_set(set, EPOLL_CTL_MOD, fd, EPOLLIN), ENOENT);
	FAILS(control_set(set, EPOLL_CTL_DEL, fd, 0), ENOENT);
	MUST(control_set(set, EPOLL_CTL_ADD, fd, EPOLLIN));
	FAILS(control_set(set, EPOLL_CTL_ADD, fd, EPOLLOUT), EEXIST);
	FAILS(control_set(set, 99, fd, 0), EINVAL);
	FAILS(control_set(fd, EPOLL_CTL_ADD, set, EPOLLIN), EINVAL);
	FAILS(control_set(set, EPOLL_CTL_ADD, set, EPOLLIN), EINVAL);
	MUST(close(gone));
	FAILS(control_set(set, EPOLL_CTL_ADD, gone, EPOLLIN), EBADF);
}

/* EPOLLEXCLUSIVE is for adding alone, and with IN, OUT, ET and WAKEUP alone (do_epoll_ctl() in fs/eventpoll.c). */
static void exclusive_errors(const struct test *t)
{
	int fd = dev(O_RDWR), set = new_set();

	(void)t;
	FAILS(control_set(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLONESHOT), EINVAL);
	MUST(control_set(set, EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLEXCLUSIVE | EPOLLET));
	FAILS(control_set(set, EPOLL_CTL_MOD, fd, EPOLLIN), EINVAL);
	FAILS(control_set(set, EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLEXCLUSIVE), EINVAL);
}

/* ERR and HUP need not be asked for, even by who asks for nothing. */
static void always_told(const struct test *t)
{
	int events = set_of(dev(O_RDWR), 0);

	SAME(count_ready(events), 0);
	set(POLL_BITS, (unsigned)t->a);
	kick(KICK_READABLE, 0);
	SAME(next(events), t->a & (POLLERR | POLLHUP));
}

static void bits(const struct test *t)
{
	static const short says[] = { POLLIN, POLLOUT, POLLPRI, POLLRDBAND, POLLWRBAND, POLLMSG };
	int fd = dev(O_RDWR), set_fd = set_of(fd, 0xfff);

	(void)t;
	for (size_t i = 0; i < COUNT(says); i++) {
		int means = says[i] | (says[i] & POLLIN ? POLLRDNORM : 0) | (says[i] & POLLOUT ? POLLWRNORM : 0);

		set(POLL_BITS, (unsigned)says[i]);
		kick(KICK_READABLE, 0);
		SAME(next(set_fd), means);
	}
}

static void keeps_data(const struct test *t)
{
	struct epoll_event event = { .events = EPOLLOUT, .data.u64 = 0x123456789abcdef0 };
	int fd = dev(O_RDWR), set = new_set();

	(void)t;
	MUST(epoll_ctl(set, EPOLL_CTL_ADD, fd, &event));
	event = (struct epoll_event){ 0 };
	GIVES(epoll_wait(set, &event, 1, -1), 1);
	TRUE(event.data.u64 == 0x123456789abcdef0);
	event = (struct epoll_event){ .events = EPOLLOUT, .data.u64 = 7 };
	MUST(epoll_ctl(set, EPOLL_CTL_MOD, fd, &event));
	GIVES(epoll_wait(set, &event, 1, -1), 1);
	SAME(event.data.u64, 7);
}

/* One event at a time, and each of those that are ready has its turn. */
static void takes_turns(const struct test *t)
{
	int set = new_set(), seen = 0;
	struct epoll_event event;

	(void)t;
	for (uint32_t i = 0; i < 8; i++) {
		event = (struct epoll_event){ .events = EPOLLOUT, .data.u32 = i };
		MUST(epoll_ctl(set, EPOLL_CTL_ADD, dev(O_RDWR), &event));
	}
	for (int i = 0; i < 16; i++) {
		GIVES(epoll_wait(set, &event, 1, -1), 1);
		seen |= 1 << event.data.u32;
		if (i == 7)
			SAME(seen, 0xff);
	}
}

/* The key of a set is file and number: one file can be in it under two. */
static void same_file_twice(const struct test *t)
{
	int fd = dev(O_RDWR), copy = (int)MUST(dup(fd)), set = set_of(fd, EPOLLIN);

	(void)t;
	MUST(control_set(set, EPOLL_CTL_ADD, copy, EPOLLIN));
	SAME(count_ready(set), 0);
	fill(1, 0);
	SAME(count_ready(set), 2);
	MUST(control_set(set, EPOLL_CTL_DEL, fd, 0));
	SAME(count_ready(set), 1);
}

/* A set does not keep a file open, and forgets it when it is closed. */
static void does_not_keep_open(const struct test *t)
{
	int sets[20], fd = dev(O_RDWR);

	(void)t;
	for (int i = 0; i < 20; i++)
		sets[i] = set_of(fd, i % 2 ? EPOLLIN : EPOLLOUT | EPOLLET);
	MUST(close(fd));
	await_count(RELEASES, 1);
	fill(1, 0);
	for (int i = 0; i < 20; i++)
		SAME(count_ready(sets[i]), 0);
}

/* A set that is closed is woken no more, and the file is as good as ever. */
static void set_is_closed(const struct test *t)
{
	int fd = dev(O_RDWR);

	(void)t;
	for (int i = 0; i < 50; i++) {
		int set = set_of(fd, EPOLLIN);

		fill(1, 0);
		if (i % 2)
			SAME(next(set), EPOLLIN);
		MUST(close(set));
		GIVES(read(fd, memory_new(1), 1), 1);
	}
	SAME(ready(fd, POLLIN, 0), 0);
}

struct waiting {
	int set;
	uint32_t events;
	volatile bool done;
};

static void wait_on(void *given)
{
	struct waiting *w = given;

	w->events = next(w->set);
	w->done = true;
}

/* Added while somebody waits: a file that is ready is told at once, another when it becomes so. */
static void added_meanwhile(const struct test *t)
{
	struct waiting w = { .set = new_set() };
	struct thread *thread = thread_start(wait_on, &w);
	int fd = dev(O_RDWR);

	if (t->a)
		fill(1, 0);
	thread_sleeps(thread);
	MUST(control_set(w.set, EPOLL_CTL_ADD, fd, EPOLLIN | (uint32_t)t->b));
	if (!t->a)
		fill(1, 0);
	thread_join(thread);
	SAME(w.events, EPOLLIN);
}

static void modified_meanwhile(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct waiting w = { .set = set_of(fd, EPOLLIN) };
	struct thread *thread = thread_start(wait_on, &w);

	(void)t;
	thread_sleeps(thread);
	MUST(control_set(w.set, EPOLL_CTL_MOD, fd, EPOLLOUT));
	thread_join(thread);
	SAME(w.events, EPOLLOUT);
}

static void removed_meanwhile(const struct test *t)
{
	int fd = dev(O_RDWR), other = dev(O_RDWR);
	struct waiting w = { .set = set_of(fd, EPOLLIN) };
	struct thread *thread = thread_start(wait_on, &w);

	thread_sleeps(thread);
	if (t->a) {
		MUST(close(fd));
		await_count(RELEASES, 1);
	} else {
		MUST(control_set(w.set, EPOLL_CTL_DEL, fd, 0));
	}
	fill(1, 0);
	kick(KICK_READABLE, 0);
	TRUE(!w.done);
	MUST(control_set(w.set, EPOLL_CTL_ADD, other, EPOLLIN));
	thread_join(thread);
	SAME(w.events, EPOLLIN);
}

/* Level-triggered, one set: each of those who wait for it is told, because nobody reads. */
static void several_wait(const struct test *t)
{
	int set = set_of(dev(O_RDWR), EPOLLIN | (uint32_t)t->b);
	struct waiting waiting[8];
	struct thread *threads[8];
	int done = 0;

	for (long i = 0; i < t->a; i++) {
		waiting[i] = (struct waiting){ .set = set };
		threads[i] = thread_start(wait_on, &waiting[i]);
	}
	for (long i = 0; i < t->a; i++)
		thread_sleeps(threads[i]);
	if (!t->b) {
		fill(1, 0);
		for (long i = 0; i < t->a; i++)
			thread_join(threads[i]);
		return;
	}
	/* Edge-triggered: a change is for one of them. */
	for (long round = 1; round <= t->a; round++) {
		fill(1, 0);
		do {
			nap(1);
			done = 0;
			for (long i = 0; i < t->a; i++)
				done += waiting[i].done;
		} while (done < round);
		SAME(done, round);
	}
}

/* A child has the set of its parent. */
static void wait_in_child(void *given)
{
	SAME(next(*(int *)given), EPOLLIN);
}

static void inherited(const struct test *t)
{
	int set = set_of(dev(O_RDWR), EPOLLIN);
	pid_t child = child_start(wait_in_child, &set);

	(void)t;
	task_sleeps(child, child);
	fill(1, 0);
	child_join(child);
	SAME(next(set), EPOLLIN);
}

/* poll(2), select(2) and epoll see a set as a file that is readable while one of its files is ready. */
static void chain(const struct test *t)
{
	int fd = dev(O_RDWR), set = set_of(fd, EPOLLIN), sets[4];

	for (long i = 0; i < t->a; i++)
		sets[i] = set = set_of(set, EPOLLIN);
	GIVES(poll(&(struct pollfd){ .fd = set, .events = POLLIN }, 1, 0), 0);
	fill(1, 0);
	GIVES(poll(&(struct pollfd){ .fd = set, .events = POLLIN }, 1, -1), 1);
	for (long i = 0; i < t->a; i++)
		SAME(next(sets[i]), EPOLLIN);
	GIVES(read(fd, memory_new(1), 1), 1);
	SAME(count_ready(set), 0);
	GIVES(poll(&(struct pollfd){ .fd = set, .events = POLLIN }, 1, 0), 0);
}

/* A file of the device's and a pipe in one set. */
static void mixed(const struct test *t)
{
	int ends[2], set = set_of(dev(O_RDWR), EPOLLIN);
	struct epoll_event event;

	(void)t;
	MUST(pipe2(ends, O_CLOEXEC));
	MUST(control_set(set, EPOLL_CTL_ADD, ends[0], EPOLLIN));
	MUST(write(ends[1], "x", 1));
	GIVES(epoll_wait(set, &event, 1, -1), 1);
	SAME(event.data.fd, ends[0]);
	fill(1, 0);
	SAME(count_ready(set), 2);
}

CASES
{
	add(ctl_errors, NEEDS_DESCRIPTOR, "epoll/control/errors");
	add(exclusive_errors, NEEDS_DESCRIPTOR, "epoll/control/exclusive-errors");
	add_with(always_told, NEEDS_DESCRIPTOR, POLLERR | POLLIN, 0, "epoll/asks-for-nothing/err");
	add_with(always_told, NEEDS_DESCRIPTOR, POLLHUP | POLLOUT, 0, "epoll/asks-for-nothing/hup");
	add(bits, NEEDS_DESCRIPTOR, "epoll/bits");
	add(keeps_data, NEEDS_DESCRIPTOR, "epoll/keeps-data");
	add(takes_turns, NEEDS_DESCRIPTOR, "epoll/takes-turns");
	add(same_file_twice, NEEDS_DESCRIPTOR, "epoll/same-file-twice");
	add(does_not_keep_open, NEEDS_DESCRIPTOR, "epoll/does-not-keep-open");
	add(set_is_closed, NEEDS_DESCRIPTOR, "epoll/set-is-closed");
	add_with(added_meanwhile, NEEDS_DESCRIPTOR, 0, 0, "epoll/added-meanwhile/level");
	add_with(added_meanwhile, NEEDS_DESCRIPTOR, 0, (long)EPOLLET, "epoll/added-meanwhile/edge");
	add_with(added_meanwhile, NEEDS_DESCRIPTOR, 1, 0, "epoll/added-meanwhile/ready-level");
	add_with(added_meanwhile, NEEDS_DESCRIPTOR, 1, (long)EPOLLET, "epoll/added-meanwhile/ready-edge");
	add(modified_meanwhile, NEEDS_DESCRIPTOR, "epoll/modified-meanwhile");
	add_with(removed_meanwhile, NEEDS_DESCRIPTOR, 0, 0, "epoll/removed-meanwhile/by-del");
	add_with(removed_meanwhile, NEEDS_DESCRIPTOR, 1, 0, "epoll/removed-meanwhile/by-close");
	add_with(several_wait, NEEDS_DESCRIPTOR, 2, 0, "epoll/several-wait/level-2");
	add_with(several_wait, NEEDS_DESCRIPTOR, 8, 0, "epoll/several-wait/level-8");
	add_with(several_wait, NEEDS_DESCRIPTOR, 2, (long)EPOLLET, "epoll/several-wait/edge-2");
	add_with(several_wait, NEEDS_DESCRIPTOR, 8, (long)EPOLLET, "epoll/several-wait/edge-8");
	add(inherited, NEEDS_DESCRIPTOR, "epoll/inherited");
	add_with(chain, NEEDS_DESCRIPTOR, 1, 0, "epoll/chain/2");
	add_with(chain, NEEDS_DESCRIPTOR, 3, 0, "epoll/chain/4");
	add(mixed, NEEDS_DESCRIPTOR, "epoll/mixed");
}
