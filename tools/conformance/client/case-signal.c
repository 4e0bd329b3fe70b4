// SPDX-License-Identifier: MIT
/* Signals and the calls that wait for readiness; signals masked, pending, handled with calls, and jumps. */
#include <pthread.h>
#include <setjmp.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "waiting.h"

/* One signal can come before the call that it is for. */
static void signal_until_done(struct waiter *waiter)
{
	while (!waiter->done) {
		thread_signal(waiter->thread, SIGUSR1);
		nap(2);
	}
}

/* These calls are never restarted when a handler has run, SA_RESTART or not: signal(7). */
static void interrupted(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct waiter *waiter;

	on_signal(SIGUSR1, (int)t->b);
	waiter = start_wait((struct wait){ (enum way)t->a, fd, POLLIN, -1, NULL });
	await_count(POLLS, 1);
	signal_until_done(waiter);
	FAILS(waited(waiter), EINTR);
	TRUE(signals_seen > 0);
	/* The next wait on the file is as the first. */
	waiter = start_wait((struct wait){ (enum way)t->a, fd, POLLIN, -1, NULL });
	await_count(POLLS, 2);
	fill(1, 0);
	SAME(waited(waiter), POLLIN);
}

/* A signal that waits, masked, and that the call lets through: at once, but what is ready comes first. */
static void pending(const struct test *t)
{
	int fd = dev(O_RDWR);
	sigset_t mask, none;

	on_signal(SIGUSR1, 0);
	sigemptyset(&none);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	if (t->b)
		fill(1, 0);
	raise(SIGUSR1);
	SAME(signals_seen, 0);
	if (t->b) {
		SAME(wait_for(&(struct wait){ (enum way)t->a, fd, POLLIN, -1, &none }), POLLIN);
		SAME(signals_seen, 0);
		sigprocmask(SIG_UNBLOCK, &mask, NULL);
	} else {
		FAILS(wait_for(&(struct wait){ (enum way)t->a, fd, POLLIN, -1, &none }), EINTR);
	}
	SAME(signals_seen, 1);
}

struct stopping {
	enum way way;
	int fd;
};

static void wait_in_child(void *given)
{
	struct stopping *s = given;
	int got = wait_for(&(struct wait){ s->way, s->fd, POLLIN, 100000, NULL });

	/* A stop ends epoll_wait(2), and nothing else: signal(7). */
	if (s->way >= BY_EPOLL)
		FAILS(got, EINTR);
	else
		SAME(got, POLLIN);
}

static void stopped(const struct test *t)
{
	struct stopping s = { (enum way)t->a, dev(O_RDWR) };
	pid_t child;
	int status;

	control();
	child = child_start(wait_in_child, &s);
	await_count(POLLS, 1);
	task_sleeps(child, child);
	for (int i = 0; i < 3; i++) {
		MUST(kill(child, SIGSTOP));
		GIVES(waitpid(child, &status, WUNTRACED), child);
		if (WIFEXITED(status)) {
			SAME(status, 0);
			TRUE(s.way >= BY_EPOLL);
			return;
		}
		MUST(kill(child, SIGCONT));
	}
	fill(1, 0);
	child_join(child);
}

static void *read_one(void *given)
{
	return (void *)(intptr_t)read(*(int *)given, memory_new(1), 1);
}

static void *poll_one(void *given)
{
	return (void *)(intptr_t)poll(&(struct pollfd){ .fd = *(int *)given, .events = POLLIN }, 1, -1);
}

static void *open_one(void *given)
{
	(void)given;
	rule(NEVER, 0);
	return (void *)(intptr_t)open(node("stream"), O_RDWR);
}

/* pthread_cancel(3) is a signal whose handler does not come back. */
static void cancelled(const struct test *t)
{
	static void *(*const calls[])(void *) = { read_one, poll_one, open_one };
	int fd = dev(O_RDWR);
	pthread_t thread;
	void *result;

	control();
	SAME(pthread_create(&thread, NULL, calls[t->a], &fd), 0);
	await_count(t->a == 1 ? POLLS : BLOCKED, 1);
	SAME(pthread_cancel(thread), 0);
	SAME(pthread_join(thread, &result), 0);
	TRUE(result == PTHREAD_CANCELED);
	/* Nobody waits any more who could take the byte. */
	fill(1, 0);
	GIVES(io->read(fd, memory_new(1), 1), 1);
	SAME(counted(FILES), CONTROL_FILES + 1);
}

static sigjmp_buf jump_to;

static void jump(int number)
{
	(void)number;
	siglongjmp(jump_to, 1);
}

/* A timer's handler that jumps out of the call, as old programs do for a time limit. */
static void jumps(const struct test *t)
{
	struct sigaction action = { .sa_handler = jump };
	struct itimerval once = { .it_value = { 0, 20000 } };
	int fd = dev(O_RDWR);

	if (t->a)
		set(CAPACITY, 0);
	MUST(sigaction(SIGALRM, &action, NULL));
	for (volatile int i = 0; i < 3; i++) {
		if (sigsetjmp(jump_to, 1))
			continue;
		MUST(setitimer(ITIMER_REAL, &once, NULL));
		if (t->a)
			io->write(fd, "x", 1);
		else
			io->read(fd, memory_new(1), 1);
		TRUE(!"the call came back");
	}
	set(CAPACITY, 1);
	fill(1, 0);
	GIVES(io->read(fd, memory_new(1), 1), 1);
	SAME(counted(HELD), 0);
}

static int handler_fd;

static void write_from_handler(int number)
{
	(void)number;
	if (write(handler_fd, "x", 1) != 1)
		_exit(1);
}

/* A handler that uses the file that it has interrupted. */
static void handler_writes(const struct test *t)
{
	struct sigaction action = { .sa_handler = write_from_handler };
	struct itimerval once = { .it_value = { 0, 20000 } };

	handler_fd = dev(O_RDWR);
	MUST(sigaction(SIGALRM, &action, NULL));
	MUST(setitimer(ITIMER_REAL, &once, NULL));
	if (t->a == READS)
		FAILS(io->read(handler_fd, memory_new(1), 1), EINTR);
	else
		FAILS(wait_for(&(struct wait){ BY_POLL, handler_fd, POLLIN, -1, NULL }), EINTR);
	SAME(ready(handler_fd, POLLIN, 0), POLLIN);
	GIVES(io->read(handler_fd, memory_new(1), 1), 1);
}

/* A signal stops no handler that ends well by itself: its answer is the caller's, and nothing is lost. */
static void ends_well(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	on_signal(SIGUSR1, 0);
	fill(5, 3);
	set(t->a == READS ? ON_READ : ON_ACT, DO(DEAF, 0));
	call = t->a == READS ? start_read(fd, 5) : start_ioctl(fd, C_ACT, 7);
	await_count(BLOCKED, 1);
	thread_signal(call->thread, SIGUSR1);
	await_count(ABORTS, 1);
	/* More of them change nothing. */
	thread_signal(call->thread, SIGUSR1);
	kick(KICK_FINISH, 0);
	GIVES(finish(call), t->a == READS ? 5 : 7);
	SAME(counted(ABORTS), 1);
}

CASES
{
	for (int way = 0; way < WAYS; way++) {
		add_with(interrupted, way_needs((enum way)way), way, 0, "signal/eintr/%s", way_names[way]);
		add_with(interrupted, way_needs((enum way)way), way, SA_RESTART, "signal/eintr/%s-sa-restart", way_names[way]);
	}
	static const enum way masking[] = { BY_PPOLL, BY_PSELECT, BY_EPOLL_PWAIT };
	for (size_t i = 0; i < COUNT(masking); i++) {
		add_with(pending, NEEDS_DESCRIPTOR, masking[i], 0, "signal/pending/%s", way_names[masking[i]]);
		add_with(pending, NEEDS_DESCRIPTOR, masking[i], 1, "signal/pending/%s-ready", way_names[masking[i]]);
	}
	for (size_t i = 0; i < COUNT(main_ways); i++)
		add_with(stopped, NEEDS_DESCRIPTOR, main_ways[i], 0, "signal/stopped/%s", way_names[main_ways[i]]);
	add_with(cancelled, NEEDS_DESCRIPTOR, 0, 0, "signal/cancelled/read");
	add_with(cancelled, NEEDS_DESCRIPTOR, 1, 0, "signal/cancelled/poll");
	add_with(cancelled, NEEDS_DESCRIPTOR, 2, 0, "signal/cancelled/open");
	add_with(jumps, NEEDS_DESCRIPTOR, 0, 0, "signal/jumps-out/read");
	add_with(jumps, NEEDS_DESCRIPTOR, 1, 0, "signal/jumps-out/write");
	add_with(handler_writes, NEEDS_DESCRIPTOR, READS, 0, "signal/handler-writes/read");
	add_with(handler_writes, NEEDS_DESCRIPTOR, POLLS, 0, "signal/handler-writes/poll");
	add_with(ends_well, NEEDS_NOTHING, READS, 0, "signal/handler-ends-well/read");
	add_with(ends_well, NEEDS_NOTHING, ACTS, 0, "signal/handler-ends-well/ioctl");
}
