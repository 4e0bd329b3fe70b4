// SPDX-License-Identifier: MIT
/* As a terminal, which is what hang-ups come from: the same on a pseudo terminal of the kernel's and on ours. */
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include "compare.h"
#include "harness.h"

#ifndef TIOCVHANGUP
#define TIOCVHANGUP 0x5437
#endif

enum { ALL = POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM };

struct pty {
	int master, slave;
};

static struct pty pty(int flags)
{
	struct pty p = { .master = (int)MUST(posix_openpt(O_RDWR | O_NOCTTY)) };
	struct termios raw;

	MUST(grantpt(p.master));
	MUST(unlockpt(p.master));
	p.slave = (int)MUST(open(ptsname(p.master), O_RDWR | O_NOCTTY | flags));
	MUST(tcgetattr(p.slave, &raw));
	cfmakeraw(&raw);
	MUST(tcsetattr(p.slave, TCSANOW, &raw));
	return p;
}

/* A hang-up of the terminal, as when its line drops; of our file. */
static void hang_up(struct pty p)
{
	MUST(ioctl(p.slave, TIOCVHANGUP));
	kick(KICK_HANGUP_OTHERS, 0);
}

/* What a call gave there and here. */
static void alike(long expected, int expected_errno, long got, int got_errno)
{
	SAME(got, expected);
	if (expected < 0)
		SAME(got_errno, expected_errno);
}

#define ALIKE(theirs, ours) \
	do { \
		long expected_ = (theirs); \
		int error_ = errno; \
		long got_ = (ours); \
		alike(expected_, error_, got_, errno); \
	} while (0)

static void after_hang_up(const struct test *t)
{
	struct pty p = pty(t->a ? O_NONBLOCK : 0);
	int fd = dev(O_RDWR | (t->a ? O_NONBLOCK : 0));
	struct pair *pair = NEW(struct pair);
	char *bytes = memory_new(256);

	hang_up(p);
	ALIKE(io->read(p.slave, bytes, 8), io->read(fd, bytes, 8));
	ALIKE(io->write(p.slave, bytes, 8), io->write(fd, bytes, 8));
	ALIKE(io->ioctl(p.slave, FIONREAD, (uintptr_t)bytes), io->ioctl(fd, S_PAIR, (uintptr_t)pair));
	ALIKE(io->read(p.slave, bytes, 0), io->read(fd, bytes, 0));
	SAME(ready(fd, ALL, 0), ready(p.slave, ALL, 0));
	SAME(ready(fd, 0, 0), ready(p.slave, 0, 0));
	SAME(ready(fd, POLLIN, 0), ready(p.slave, POLLIN, 0));
	ALIKE(close(p.slave), close(fd));
}

static void frees_reader(const struct test *t)
{
	struct pty p = pty(0);
	struct call *theirs = start_read(p.slave, 8), *ours = start_read(dev(O_RDWR), 8);

	(void)t;
	await_count(BLOCKED, 1);
	thread_sleeps(theirs->thread);
	hang_up(p);
	ALIKE(finish(theirs), finish(ours));
}

static void frees_poller(const struct test *t)
{
	struct pty p = pty(0);
	struct call *theirs = start_poll(p.slave, (short)t->a, -1), *ours = start_poll(dev(O_RDWR), (short)t->a, -1);

	await_count(POLLS, 1);
	thread_sleeps(theirs->thread);
	thread_sleeps(ours->thread);
	hang_up(p);
	SAME(finish(ours), finish(theirs));
}

static void signal_frees_reader(const struct test *t)
{
	struct pty p = pty(0);
	struct call *theirs = start_read(p.slave, 8), *ours = start_read(dev(O_RDWR), 8);

	(void)t;
	on_signal(SIGUSR1, 0);
	await_count(BLOCKED, 1);
	thread_sleeps(theirs->thread);
	thread_signal(theirs->thread, SIGUSR1);
	thread_signal(ours->thread, SIGUSR1);
	ALIKE(finish(theirs), finish(ours));
}

static void reads(const struct test *t)
{
	struct pty p = pty(O_NONBLOCK);
	int fd = dev(O_RDWR | O_NONBLOCK);
	char *bytes = memory_new(64);

	(void)t;
	ALIKE(io->read(p.slave, bytes, 8), io->read(fd, bytes, 8));
	SAME(ready(fd, ALL, 0), ready(p.slave, ALL, 0));
	GIVES(write(p.master, "0123456789", 10), 10);
	fill(10, '0');
	/* The line discipline works on its own time. */
	SAME(ready(p.slave, POLLIN, -1), POLLIN);
	SAME(ready(fd, ALL, 0), ready(p.slave, ALL, 0));
	ALIKE(io->read(p.slave, bytes, 4), io->read(fd, bytes, 4));
	ALIKE(io->read(p.slave, bytes, 64), io->read(fd, bytes, 64));
	ALIKE(io->read(p.slave, bytes, 64), io->read(fd, bytes, 64));
}

static void refuses(const struct test *t)
{
	struct pty p = pty(0);
	int fd = dev(O_RDWR);
	char *bytes = memory_new(64);

	(void)t;
	ALIKE(io->ioctl(p.slave, _IO('Z', 99), 0), io->ioctl(fd, _IO('Z', 99), 0));
	ALIKE(io->ioctl(p.slave, _IOR('Z', 99, int), (uintptr_t)bytes), io->ioctl(fd, _IOR('Z', 99, int), (uintptr_t)bytes));
	ALIKE(io->ioctl(p.slave, 0x5526, (uintptr_t)bytes), io->ioctl(fd, 0x5599, (uintptr_t)bytes));
	ALIKE(io->write(p.slave, memory_bad(), 8), io->write(fd, memory_bad(), 8));
	SAME(ready(fd, ALL, 0), ready(p.slave, ALL, 0));
}

/* TCGETS, a number from before _IOC, with pointers good and bad. */
static void legacy_ioctl(const struct test *t)
{
	struct pty p = pty(0);
	int fd = dev(O_RDWR);
	char *bytes = memory_new(64);

	(void)t;
	ALIKE(io->ioctl(p.slave, TCGETS, (uintptr_t)bytes), io->ioctl(fd, S_LEGACY_TERMIOS, (uintptr_t)bytes));
	ALIKE(io->ioctl(p.slave, TCGETS, 0), io->ioctl(fd, S_LEGACY_TERMIOS, 0));
	ALIKE(io->ioctl(p.slave, TCGETS, (uintptr_t)memory_bad()),
	      io->ioctl(fd, S_LEGACY_TERMIOS, (uintptr_t)memory_bad()));
	ALIKE(io->ioctl(p.slave, TCGETS, (uintptr_t)memory_guarded(35)),
	      io->ioctl(fd, S_LEGACY_TERMIOS, (uintptr_t)memory_guarded(35)));
}

CASES
{
	unsigned needs = NEEDS_DESCRIPTOR | NEEDS_ROOT;

	add_with(after_hang_up, needs, 0, 0, "as-ptmx/after-hang-up/blocking");
	add_with(after_hang_up, needs, 1, 0, "as-ptmx/after-hang-up/nonblocking");
	add(frees_reader, needs, "as-ptmx/hang-up-frees-reader");
	add_with(frees_poller, needs, POLLIN, 0, "as-ptmx/hang-up-frees-poll/in");
	add_with(frees_poller, needs, 0, 0, "as-ptmx/hang-up-frees-poll/nothing");
	add(signal_frees_reader, needs, "as-ptmx/signal-frees-reader");
	add(reads, needs, "as-ptmx/reads");
	add(refuses, needs, "as-ptmx/refuses");
	add(legacy_ioctl, needs | NEEDS_UNRESTRICTED, "as-ptmx/legacy-ioctl");
}
