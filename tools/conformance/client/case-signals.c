// SPDX-License-Identifier: MIT
/* Signals free a blocked caller, whatever its handler in the daemon does; those that nobody handles disturb nobody. */
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include "harness.h"

enum operation { READING, WRITING, ACTING };
static const char *const operations[] = { "read", "write", "ioctl" };

/* Makes the operation wait in the way given; `parked`: as wouldBlock does. */
static struct call *blocked(enum operation operation, enum action action, unsigned value, int fd)
{
	static const enum knob knobs[] = { ON_READ, ON_WRITE, ON_ACT };
	struct call *call;

	set(knobs[operation], DO(action, value));
	if (operation == WRITING && action == NORMAL) {
		set(CAPACITY, 1);
		fill(1, 0);
	}
	if (operation == READING)
		call = start_read(fd, 10);
	else if (operation == WRITING)
		call = start_write(fd, 10, 0);
	else
		call = start_ioctl(fd, action == NORMAL ? C_ACT_WAIT : C_ACT, 0);
	await_count(BLOCKED, 1);
	return call;
}

static void interrupted(const struct test *t)
{
	enum action action = (enum action)(t->b & 0xff);
	int fd = dev(O_RDWR), signals = 1;
	struct call *call;

	on_signal(SIGUSR1, t->b & 0x100 ? SA_RESTART : 0);
	call = blocked((enum operation)t->a, action, ETIMEDOUT, fd);
	thread_signal(call->thread, SIGUSR1);
	if ((t->b & 0x100) && channel_is("fusd")) {
		/* The call begins anew, until a signal comes whose handler does not want that. */
		await_count(BLOCKED, 2);
		on_signal(SIGUSR1, 0);
		thread_signal(call->thread, SIGUSR1);
		signals++;
	}
	FAILS(finish(call), action == ABORT_ERRNO ? ETIMEDOUT : EINTR);
	SAME(signals_seen, signals);
	if (action == DEAF)
		kick(KICK_FINISH, 0);
	if (action != NORMAL)
		SAME(counted(ABORTS), signals);
	/* The file is as good as before. */
	GIVES(io->ioctl(fd, S_NONE, 0), 42);
}

/* With SA_RESTART a kernel driver's call goes on. */
static void restarts(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	on_signal(SIGUSR1, SA_RESTART);
	call = blocked((enum operation)t->a, NORMAL, 0, fd);
	thread_signal(call->thread, SIGUSR1);
	while (!signals_seen || (!call->done && counted(BLOCKED) < 2))
		nap(1);
	TRUE(!call->done);
	if (t->a == WRITING) {
		set(CAPACITY, 100);
		kick(KICK_WRITABLE, 0);
	} else {
		fill(5, 0);
	}
	TRUE(finish(call) >= 5);
}

/* Stopped and continued, a program without a handler notices nothing of it. */
static void read_in_child(void *given)
{
	GIVES(io->read(*(int *)given, memory_new(8), 8), 5);
}

static void stopped_and_continued(const struct test *t)
{
	int fd = dev(O_RDWR), status;
	pid_t child;

	(void)t;
	control();
	child = child_start(read_in_child, &fd);
	await_count(BLOCKED, 1);
	MUST(kill(child, SIGSTOP));
	GIVES(waitpid(child, &status, WUNTRACED), child);
	TRUE(WIFSTOPPED(status));
	MUST(kill(child, SIGCONT));
	fill(5, 0);
	child_join(child);
}

/* A signal that is ignored, or masked, is none. */
static void not_for_us(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;
	sigset_t set_;

	if (t->a == 0)
		signal(SIGUSR1, SIG_IGN);
	if (t->a == 1) {
		on_signal(SIGUSR1, 0);
		sigemptyset(&set_);
		sigaddset(&set_, SIGUSR1);
		sigprocmask(SIG_BLOCK, &set_, NULL);
	}
	call = start_read(fd, 10);
	await_count(BLOCKED, 1);
	for (int i = 0; i < 50; i++)
		thread_signal(call->thread, t->a == 2 ? SIGWINCH : SIGUSR1);
	kick(KICK_READABLE, 0);
	await_count(BLOCKED, 2);
	TRUE(!call->done);
	fill(5, 0);
	GIVES(finish(call), 5);
	SAME(signals_seen, 0);
}

/* A signal frees the thread that it is for. */
static void one_of_two(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *one, *two;

	(void)t;
	on_signal(SIGUSR1, 0);
	one = start_read(fd, 10);
	two = start_read(fd, 10);
	await_count(BLOCKED, 2);
	thread_signal(two->thread, SIGUSR1);
	FAILS(finish(two), EINTR);
	TRUE(!one->done);
	fill(3, 0);
	GIVES(finish(one), 3);
}

static void again_and_again(const struct test *t)
{
	int fd = dev(O_RDWR);
	struct call *call;

	on_signal(SIGUSR1, 0);
	for (unsigned i = 0; i < (unsigned)t->a; i++) {
		call = start_read(fd, 10);
		await_count(BLOCKED, i + 1);
		thread_signal(call->thread, SIGUSR1);
		FAILS(finish(call), EINTR);
	}
	fill(3, 0);
	GIVES(io->read(fd, memory_new(10), 10), 3);
}

/* Data and a signal at the same time: the data is read, or still there. */
static void races_with_data(const struct test *t)
{
	int fd = dev(O_RDWR);
	unsigned total = 0;

	on_signal(SIGUSR1, 0);
	for (unsigned i = 0; i < (unsigned)t->a; i++) {
		struct call *call = start_read(fd, 1);
		long got;

		await_count(READS, i + 1);
		thread_signal(call->thread, SIGUSR1);
		fill(1, 0);
		got = finish(call);
		if (got < 0)
			FAILS(got, EINTR);
		else
			total += (unsigned)got;
	}
	SAME(total + counted(HELD), t->a);
}

/* A timer strikes all through a long write: the counts add up to what was taken. */
static void timer_and_writes(const struct test *t)
{
	struct itimerval timer = { .it_interval = { 0, 5000 }, .it_value = { 0, 5000 } };
	int fd = dev(O_WRONLY);
	char *bytes = memory_new(1000);
	long written = 0;

	(void)t;
	set(CAPACITY, 5000);
	/* The control file first: its calls have a right to be interrupted as well. */
	on_signal(SIGALRM, SA_RESTART);
	MUST(setitimer(ITIMER_REAL, &timer, NULL));
	while (written < 5000) {
		long got = io->write(fd, bytes, 1000);

		if (got < 0)
			FAILS(got, EINTR);
		else
			written += got;
	}
	timer = (struct itimerval){ 0 };
	setitimer(ITIMER_REAL, &timer, NULL);
	SAME(counted(HELD), written);
}

struct killed {
	enum operation operation;
	int fd;
};

static void call_in_child(void *given)
{
	struct killed *k = given;

	if (k->operation == READING)
		io->read(k->fd, memory_new(8), 8);
	else if (k->operation == WRITING)
		io->write(k->fd, memory_new(8), 8);
	else
		io->ioctl(k->fd, C_ACT, 0);
}

/* SIGKILL always ends the caller; the daemon is told, and its file is released. */
static void kills(const struct test *t)
{
	static const enum knob knobs[] = { ON_READ, ON_WRITE, ON_ACT };
	struct killed k = { (enum operation)t->a, dev(O_RDWR) };
	enum action action = (enum action)t->b;
	int status;
	pid_t child;

	set(knobs[k.operation], DO(action, 0));
	child = child_start(call_in_child, &k);
	await_count(BLOCKED, 1);
	MUST(kill(child, SIGKILL));
	GIVES(waitpid(child, &status, 0), child);
	TRUE(WIFSIGNALED(status));
	await_count(ABORTS, 1);
	if (action == DEAF)
		kick(KICK_FINISH, 0);
	MUST(io->close(k.fd));
	await_count(RELEASES, 1);
	SAME(counted(FILES), CONTROL_FILES);
}

static void dies_parked(void *given)
{
	(void)given;
	io->read(dev(O_RDONLY), memory_new(8), 8);
}

/* The file of who was killed while it waited for data is released. */
static void killed_while_parked(const struct test *t)
{
	int status;
	pid_t child;

	control();
	child = child_start(dies_parked, NULL);
	await_count(BLOCKED, 1);
	MUST(kill(child, (int)t->a));
	GIVES(waitpid(child, &status, 0), child);
	await_count(RELEASES, 1);
	SAME(counted(FILES), CONTROL_FILES);
	/* Bytes that come later are not lost to the dead. */
	fill(4, 0);
	GIVES(io->read(dev(O_RDONLY), memory_new(8), 8), 4);
}

/* F_SETOWN and O_ASYNC: a signal when there is something to read. */
static void sigio(const struct test *t)
{
	int fd = dev(O_RDWR);
	long until = now_ms() + 1000;

	(void)t;
	on_signal(SIGIO, 0);
	MUST(fcntl(fd, F_SETOWN, getpid()));
	MUST(fcntl(fd, F_SETFL, O_ASYNC));
	fill(1, 0);
	while (!signals_seen && now_ms() < until)
		nap(5);
	TRUE(signals_seen > 0);
}

CASES
{
	static const struct { const char *name; long how; } hows[] = {
		{ "parked", NORMAL }, { "heeds-abort", NEVER }, { "own-errno", ABORT_ERRNO }, { "ignores-abort", DEAF },
		{ "parked-sa-restart", NORMAL | 0x100 }, { "heeds-abort-sa-restart", NEVER | 0x100 },
	};

	for (long operation = READING; operation <= ACTING; operation++) {
		for (size_t i = 0; i < COUNT(hows); i++)
			add_with(interrupted, NEEDS_NOTHING, operation, hows[i].how, "signals/eintr/%s/%s",
				 operations[operation], hows[i].name);
		add_with(restarts, NEEDS_NOTHING, operation, 0, "signals/sa-restart-goes-on/%s", operations[operation]);
		add_with(kills, NEEDS_DESCRIPTOR, operation, NEVER, "signals/kill/%s/heeds-abort", operations[operation]);
		add_with(kills, NEEDS_DESCRIPTOR, operation, DEAF, "signals/kill/%s/ignores-abort", operations[operation]);
	}
	add(stopped_and_continued, NEEDS_DESCRIPTOR, "signals/stop-and-continue-goes-on");
	add_with(not_for_us, NEEDS_NOTHING, 0, 0, "signals/ignored");
	add_with(not_for_us, NEEDS_NOTHING, 1, 0, "signals/masked");
	add_with(not_for_us, NEEDS_NOTHING, 2, 0, "signals/ignored-by-default");
	add(one_of_two, NEEDS_NOTHING, "signals/one-of-two-threads");
	add_with(again_and_again, NEEDS_NOTHING, 50, 0, "signals/again-and-again/50");
	add_with(races_with_data, NEEDS_NOTHING, 100, 0, "signals/races-with-data/100");
	add(timer_and_writes, NEEDS_NOTHING, "signals/timer-and-writes");
	add_with(killed_while_parked, NEEDS_DESCRIPTOR, SIGKILL, 0, "signals/killed-while-parked/kill");
	add_with(killed_while_parked, NEEDS_DESCRIPTOR, SIGTERM, 0, "signals/killed-while-parked/term");
	add_with(killed_while_parked, NEEDS_DESCRIPTOR, SIGSEGV, 0, "signals/killed-while-parked/segv");
	add(sigio, NEEDS_DESCRIPTOR, "signals/sigio");
}
