// SPDX-License-Identifier: MIT
/* select(2), pselect and ppoll, and who is killed while it polls. */
#include <signal.h>
#include <sys/select.h>
#include <sys/wait.h>
#include "harness.h"

static void selects(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct timeval none = { 0 };
	fd_set in, out, except;

	if (t->a & 1)
		fill(1, 0);
	if (t->a & 2)
		set(CAPACITY, 0);
	if (t->a & 4)
		set(PRI, 1);
	FD_ZERO(&in);
	FD_ZERO(&out);
	FD_ZERO(&except);
	FD_SET(fd, &in);
	FD_SET(fd, &out);
	FD_SET(fd, &except);
	SAME(select(fd + 1, &in, &out, &except, &none), !!(t->a & 1) + !(t->a & 2) + !!(t->a & 4));
	SAME(!!FD_ISSET(fd, &in), !!(t->a & 1));
	SAME(!!FD_ISSET(fd, &out), !(t->a & 2));
	SAME(!!FD_ISSET(fd, &except), !!(t->a & 4));
}

/* After a hang-up select(2) finds it readable, and writable when it is said so. */
static void select_hung_up(const struct test *t)
{
	int fd = dev(O_RDWR);
	fd_set in;

	(void)t;
	kick(KICK_HANGUP_OTHERS, ENODEV);
	FD_ZERO(&in);
	FD_SET(fd, &in);
	SAME(select(fd + 1, &in, NULL, NULL, NULL), 1);
	FAILS(read(fd, memory_new(1), 1), ENODEV);
}

struct selecting {
	int fd;
	bool masked;
};

static void select_it(void *given)
{
	struct selecting *s = given;
	sigset_t mask;
	fd_set in;

	FD_ZERO(&in);
	FD_SET(s->fd, &in);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	SAME(pselect(s->fd + 1, &in, NULL, NULL, NULL, s->masked ? &mask : NULL), 1);
}

static void pselect_masks(const struct test *t)
{
	struct selecting s = { dev(O_RDWR), true };
	struct thread *thread;

	(void)t;
	on_signal(SIGUSR1, 0);
	thread = thread_start(select_it, &s);
	thread_sleeps(thread);
	thread_signal(thread, SIGUSR1);
	fill(1, 0);
	thread_join(thread);
}

static void ppoll_it(void *given)
{
	struct pollfd polled = { .fd = *(int *)given, .events = POLLIN };
	sigset_t mask;

	sigemptyset(&mask);
	FAILS(ppoll(&polled, 1, NULL, &mask), EINTR);
}

static void ppoll_unmasks(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct thread *thread;
	sigset_t mask;

	(void)t;
	on_signal(SIGUSR1, 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	thread = thread_start(ppoll_it, &fd);
	thread_sleeps(thread);
	thread_signal(thread, SIGUSR1);
	thread_join(thread);
	SAME(signals_seen, 1);
}

static void killed(void *given)
{
	struct pollfd polled = { .fd = *(int *)given, .events = POLLIN };

	poll(&polled, 1, -1);
}

static void killed_while_polling(const struct test *t)
{
	int fd = dev(O_RDWR), status;
	pid_t child = child_start(killed, &fd);

	(void)t;
	task_sleeps(child, child);
	MUST(kill(child, SIGKILL));
	GIVES(waitpid(child, &status, 0), child);
	fill(1, 0);
	SAME(ready(fd, POLLIN, 0), POLLIN);
	MUST(close(fd));
	await_count(RELEASES, 1);
}

CASES
{
	unsigned needs = NEEDS_DESCRIPTOR;

	for (long i = 0; i < 8; i++)
		add_with(selects, needs, i, 0, "events/select/%s%s%s", i & 1 ? "in" : "no-in", i & 2 ? "-no-out" : "-out",
			 i & 4 ? "-except" : "");
	add(select_hung_up, needs, "events/select-hung-up");
	add(pselect_masks, needs, "events/select-pselect-masks");
	add(ppoll_unmasks, needs, "events/ppoll-unmasks");
	add(killed_while_polling, needs, "events/killed-while-polling");
}
