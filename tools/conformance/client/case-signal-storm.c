// SPDX-License-Identifier: MIT
/* Many signals, timers, and ends of processes with calls under way: nothing is lost, and nobody else notices. */
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "harness.h"

enum { SIGNALS = 100000, ROUNDS = 100 };

struct victim {
	enum counter operation;
	int fd;
	volatile long done, eintr;
	volatile bool stop;
};

/* Calls that may be interrupted at any time, until it is told to stop. */
static void suffer(void *given)
{
	struct victim *v = given;
	char *bytes = memory_new(64);
	struct pollfd *polled = NEW(struct pollfd);

	*polled = (struct pollfd){ .fd = v->fd, .events = POLLIN };
	while (!v->stop) {
		long got = v->operation == READS  ? io->read(v->fd, bytes, 1) :
			   v->operation == WRITES ? io->write(v->fd, bytes, 64) :
			   v->operation == ACTS   ? io->ioctl(v->fd, C_ACT, 1) :
						    io->poll(polled, 1, -1);

		if (got > 0) {
			v->done += got;
		} else {
			FAILS(got, EINTR);
			v->eintr++;
		}
	}
}

/* Who has nothing to do with it works on: as many rounds as there are, in a room of its own. */
static void bystander(void *given)
{
	int fd = *(int *)given;
	char *bytes = memory_new(8);

	for (int i = 0; i < ROUNDS; i++) {
		GIVES(io->write(fd, "bystand", 7), 7);
		GIVES(io->read(fd, bytes, 8), 7);
		TRUE(!memcmp(bytes, "bystand", 7));
	}
}

static void storm(const struct test *t)
{
	struct victim v = { .operation = (enum counter)t->a, .fd = dev(O_RDWR) };
	int other = dev(O_RDWR);
	struct thread *victim, *by;
	sigset_t mask;
	long seen;

	on_signal(SIGUSR1, 0);
	join(other, 1);
	set(CAPACITY, v.operation == WRITES ? 10 : 65536);
	if (v.operation == ACTS)
		set(ON_ACT, DO(ASYNC, 0));
	victim = thread_start(suffer, &v);
	thread_id(victim);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &mask, NULL);
	by = thread_start(bystander, &other);
	for (int i = 0; i < SIGNALS; i++)
		thread_signal(victim, SIGUSR1);
	thread_join(by);
	/* It is free, or waits; the signal that ends its last call is one of many. */
	v.stop = true;
	set(CAPACITY, 65536);
	fill(1, 0);
	kick(KICK_WRITABLE, 0);
	thread_join(victim);
	TRUE(signals_seen > 0);
	if (v.operation == READS)
		SAME(v.done + counted(HELD), 1);
	if (v.operation == WRITES)
		SAME(v.done + 1, counted(HELD));
	seen = counted(ACTS);
	/* One that was interrupted may have been done, or not have come there. */
	if (v.operation == ACTS)
		TRUE(v.done <= seen && seen <= v.done + v.eintr);
	GIVES(io->ioctl(v.fd, S_NONE, 0), 42);
}

static void produce(void *given)
{
	int fd = dev(O_WRONLY);

	for (long i = 0; i < *(long *)given; i++) {
		GIVES(io->write(fd, "x", 1), 1);
		nap(1);
	}
}

/* A timer strikes every other millisecond, as in programs that show how far they are. */
static void timer(const struct test *t)
{
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } }, never = { { 0, 0 }, { 0, 0 } };
	int fd = dev(O_RDONLY);
	long count = ROUNDS, got = 0;
	struct pollfd *polled = NEW(struct pollfd);
	char *byte = memory_new(1);
	pid_t child;

	*polled = (struct pollfd){ .fd = fd, .events = POLLIN };
	control();
	child = child_start(produce, &count);
	on_signal(SIGALRM, SA_RESTART);
	MUST(setitimer(ITIMER_REAL, &often, NULL));
	while (got < count) {
		long result = 1;

		if (t->a == POLLS)
			result = io->poll(polled, 1, -1);
		if (result == 1)
			result = io->read(fd, byte, 1);
		if (result < 0)
			FAILS(result, EINTR);
		else
			got += result;
	}
	MUST(setitimer(ITIMER_REAL, &never, NULL));
	child_join(child);
	SAME(counted(HELD), 0);
}

/* Threads of one process, each in another call on a file of its own. */
static void wait_in_all(void *given)
{
	bool *ends_itself = given;
	struct call *calls[4];

	calls[0] = start_read(dev(O_RDWR), 1);
	calls[1] = start_ioctl(dev(O_RDWR), C_ACT_WAIT, 0);
	calls[2] = start_poll(dev(O_RDWR), POLLIN, -1);
	calls[3] = start_write(dev(O_RDWR), 10, 0);
	await_count(BLOCKED, 3);
	await_count(POLLS, 1);
	if (*ends_itself)
		_exit(0);
	for (int i = 0; i < 4; i++)
		finish(calls[i]);
}

static void all_end(const struct test *t)
{
	bool ends_itself = t->a == 0;
	pid_t child;
	int status;

	set(CAPACITY, 0);
	child = child_start(wait_in_all, &ends_itself);
	if (!ends_itself) {
		await_count(BLOCKED, 3);
		await_count(POLLS, 1);
		MUST(kill(child, (int)t->a));
	}
	GIVES(waitpid(child, &status, 0), child);
	SAME(WIFEXITED(status), ends_itself);
	await_count(RELEASES, 4);
	SAME(counted(FILES), CONTROL_FILES);
	/* None of them takes or gives anything any more. */
	set(CAPACITY, 100);
	kick(KICK_WRITABLE, 0);
	SAME(counted(HELD), 0);
}

static void open_for_ever(void *given)
{
	rule((enum action)*(long *)given, 0);
	dev_open("stream", O_RDWR);
}

/* Killed in open(2): it is undone when it succeeds after all. */
static void killed_in_open(const struct test *t)
{
	long action = t->a;
	pid_t child;
	int status;

	control();
	child = child_start(open_for_ever, &action);
	await_count(BLOCKED, 1);
	MUST(kill(child, SIGKILL));
	GIVES(waitpid(child, &status, 0), child);
	await_count(ABORTS, 1);
	if (t->a == DEAF) {
		kick(KICK_FINISH, 0);
		await_count(RELEASES, 1);
	}
	SAME(counted(FILES), CONTROL_FILES);
}

static void write_ten(void *given)
{
	io->write(*(int *)given, "0123456789", 10);
}

/* What a writer has given before it was killed stays given. */
static void killed_writer(const struct test *t)
{
	int fd = dev(O_RDWR), status;
	char *bytes = memory_new(16);
	pid_t child;

	(void)t;
	set(CAPACITY, 4);
	child = child_start(write_ten, &fd);
	await_count(BLOCKED, 1);
	MUST(kill(child, SIGKILL));
	GIVES(waitpid(child, &status, 0), child);
	set(CAPACITY, 100);
	kick(KICK_WRITABLE, 0);
	GIVES(io->read(fd, bytes, 16), 4);
	TRUE(!memcmp(bytes, "0123", 4));
}

static void read_one(void *given)
{
	io->read(*(int *)given, memory_new(1), 1);
}

/* One of many that wait on one open file is killed: the others wait on, and each gets its byte. */
static void killed_among_others(const struct test *t)
{
	enum { CHILDREN = 9 };
	int fd = dev(O_RDWR), status;
	pid_t children[CHILDREN];

	(void)t;
	control();
	for (unsigned i = 0; i < CHILDREN; i++) {
		children[i] = child_start(read_one, &fd);
		await_count(BLOCKED, i + 1);
	}
	for (int i = 1; i < CHILDREN; i += 2) {
		MUST(kill(children[i], SIGKILL));
		GIVES(waitpid(children[i], &status, 0), children[i]);
	}
	SAME(counted(RELEASES), 0);
	fill(CHILDREN / 2 + 1, 0);
	for (int i = 0; i < CHILDREN; i += 2)
		child_join(children[i]);
	SAME(counted(HELD), 0);
}

/* Calls and kills at random moments, again and again: the daemon has nothing left of them. */
static void call_all_the_time(void *given)
{
	char *bytes = memory_new(8);

	(void)given;
	for (;;) {
		int fd = dev(O_RDWR);

		io->write(fd, "12345678", 8);
		io->ioctl(fd, C_ACT, 1);
		io->read(fd, bytes, 8);
		io->close(fd);
	}
}

static void killed_at_random(const struct test *t)
{
	int status;

	set(ON_ACT, DO(ASYNC, 0));
	for (unsigned i = 0; i < (unsigned)t->a; i++) {
		pid_t child = child_start(call_all_the_time, NULL);

		await_count(ACTS, counted(ACTS) + 1 + i % 3);
		MUST(kill(child, SIGKILL));
		GIVES(waitpid(child, &status, 0), child);
	}
	await_count(RELEASES, counted(OPENS));
	SAME(counted(FILES), CONTROL_FILES);
	GIVES(io->ioctl(dev(O_RDWR), S_NONE, 0), 42);
}

CASES
{
	add_with(storm, NEEDS_NOTHING, READS, 0, "signal/storm/read");
	add_with(storm, NEEDS_NOTHING, WRITES, 0, "signal/storm/write");
	add_with(storm, NEEDS_NOTHING, ACTS, 0, "signal/storm/ioctl");
	add_with(storm, NEEDS_NOTHING, POLLS, 0, "signal/storm/poll");
	add_with(timer, NEEDS_DESCRIPTOR, READS, 0, "signal/timer/read");
	add_with(timer, NEEDS_DESCRIPTOR, POLLS, 0, "signal/timer/poll");
	add_with(all_end, NEEDS_DESCRIPTOR, 0, 0, "signal/all-threads-wait/exit");
	add_with(all_end, NEEDS_DESCRIPTOR, SIGKILL, 0, "signal/all-threads-wait/kill");
	add_with(all_end, NEEDS_DESCRIPTOR, SIGSEGV, 0, "signal/all-threads-wait/segv");
	add_with(killed_in_open, NEEDS_DESCRIPTOR, NEVER, 0, "signal/killed/open-heeds-abort");
	add_with(killed_in_open, NEEDS_DESCRIPTOR, DEAF, 0, "signal/killed/open-ignores-abort");
	add(killed_writer, NEEDS_DESCRIPTOR, "signal/killed/writer-keeps-what-it-gave");
	add(killed_among_others, NEEDS_DESCRIPTOR, "signal/killed/among-others");
	add_with(killed_at_random, NEEDS_DESCRIPTOR, 30, 0, "signal/killed/at-random");
}
