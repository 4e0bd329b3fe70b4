// SPDX-License-Identifier: MIT
/* select(2) and pselect(2): sets, numbers, times. Who is woken by what is in case-poll-wake.c. */
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/time.h>
#include "harness.h"

static fd_set only(int fd)
{
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	return set;
}

/* What the driver says, as the three sets show it: POLLIN_SET, POLLOUT_SET, POLLEX_SET in fs/select.c. */
static void shows(const struct test *t)
{
	int fd = dev(O_RDWR);
	fd_set in = only(fd), out = only(fd), except = only(fd);
	struct timeval none = { 0 };

	set(POLL_BITS, (unsigned)t->a);
	SAME(select(fd + 1, &in, &out, &except, &none), __builtin_popcountl((unsigned long)t->b));
	SAME(!!FD_ISSET(fd, &in), !!(t->b & POLLIN));
	SAME(!!FD_ISSET(fd, &out), !!(t->b & POLLOUT));
	SAME(!!FD_ISSET(fd, &except), !!(t->b & POLLPRI));
}

static void driver_fails(const struct test *t)
{
	int fd = dev(O_RDWR);
	fd_set in = only(fd), out = only(fd), except = only(fd);

	(void)t;
	set(ON_POLL, DO(THROW, 0));
	GIVES(select(fd + 1, &in, &out, &except, NULL), 2);
	TRUE(FD_ISSET(fd, &in) && FD_ISSET(fd, &out) && !FD_ISSET(fd, &except));
}

static void closed(const struct test *t)
{
	int fd = dev(O_RDWR);
	fd_set set = only(fd);

	MUST(close(fd));
	FAILS(select(fd + 1, t->a ? NULL : &set, t->a ? &set : NULL, NULL, NULL), EBADF);
}

/* Files from the number given on are not looked at. */
static void below_the_number(const struct test *t)
{
	int fd = dev(O_RDWR);
	fd_set out = only(fd);
	struct timeval none = { 0 };

	(void)t;
	GIVES(select(fd, NULL, &out, NULL, &none), 0);
	SAME(counted(POLLS), 0);
	FAILS(select(-1, NULL, &out, NULL, &none), EINVAL);
}

static void highest_number(const struct test *t)
{
	struct rlimit limit = { 4096, 4096 };
	int fd = dev(O_RDWR), high = FD_SETSIZE - 1;
	fd_set out = only(high);

	(void)t;
	setrlimit(RLIMIT_NOFILE, &limit);
	GIVES(dup2(fd, high), high);
	GIVES(select(FD_SETSIZE, NULL, &out, NULL, NULL), 1);
	TRUE(FD_ISSET(high, &out));
}

/* Linux takes from the time what it has waited (poll_select_finish() in fs/select.c). */
static void time_left(const struct test *t)
{
	struct timeval time = { 100, 0 };
	int fd = dev(O_RDWR);
	fd_set out = only(fd);

	(void)t;
	GIVES(select(fd + 1, NULL, &out, NULL, &time), 1);
	TRUE(time.tv_sec == 99 || (time.tv_sec == 100 && time.tv_usec == 0));
	time = (struct timeval){ 0, 20000 };
	out = only(fd);
	GIVES(select(fd + 1, &out, NULL, NULL, &time), 0);
	SAME(time.tv_sec, 0);
	SAME(time.tv_usec, 0);
}

static void pselect_leaves_the_time(const struct test *t)
{
	struct timespec time = { 0, 20000000 };
	int fd = dev(O_RDWR);
	fd_set in = only(fd);

	(void)t;
	GIVES(pselect(fd + 1, &in, NULL, NULL, &time, NULL), 0);
	SAME(time.tv_nsec, 20000000);
}

static void bad_time(const struct test *t)
{
	struct timespec time = { 0, 1000000000 };
	int fd = dev(O_RDWR);
	fd_set in = only(fd);

	(void)t;
	FAILS(pselect(fd + 1, &in, NULL, NULL, &time, NULL), EINVAL);
	time = (struct timespec){ -1, 0 };
	FAILS(pselect(fd + 1, &in, NULL, NULL, &time, NULL), EINVAL);
}

/* Every second file has something to read, and only those are left in the set. */
static void many(const struct test *t)
{
	int fds[100], highest = 0;
	fd_set in;

	FD_ZERO(&in);
	for (int i = 0; i < t->a; i++) {
		fds[i] = dev(O_RDWR);
		join(fds[i], (unsigned)i + 1);
		if (i % 2)
			GIVES(write(fds[i], "x", 1), 1);
		FD_SET(fds[i], &in);
		highest = fds[i] > highest ? fds[i] : highest;
	}
	GIVES(select(highest + 1, &in, NULL, NULL, NULL), t->a / 2);
	for (int i = 0; i < t->a; i++)
		SAME(!!FD_ISSET(fds[i], &in), i % 2);
}

CASES
{
	static const struct { const char *name; int says, shown; } states[] = {
		{ "nothing", POLLMSG, 0 }, { "in", POLLIN, POLLIN }, { "out", POLLOUT, POLLOUT }, { "pri", POLLPRI, POLLPRI },
		{ "rdband", POLLRDBAND, POLLIN }, { "wrband", POLLWRBAND, POLLOUT }, { "hup", POLLHUP, POLLIN },
		{ "err", POLLERR, POLLIN | POLLOUT }, { "err-and-hup", POLLERR | POLLHUP, POLLIN | POLLOUT },
		{ "everything", POLLIN | POLLOUT | POLLPRI, POLLIN | POLLOUT | POLLPRI },
	};

	for (size_t i = 0; i < COUNT(states); i++)
		add_with(shows, NEEDS_DESCRIPTOR, states[i].says, states[i].shown, "select/shows/%s", states[i].name);
	add(driver_fails, NEEDS_DESCRIPTOR, "select/driver-throws");
	add_with(closed, NEEDS_DESCRIPTOR, 0, 0, "select/closed/in");
	add_with(closed, NEEDS_DESCRIPTOR, 1, 0, "select/closed/out");
	add(below_the_number, NEEDS_DESCRIPTOR, "select/number/below");
	add(highest_number, NEEDS_DESCRIPTOR, "select/number/highest");
	add(time_left, NEEDS_DESCRIPTOR, "select/time-left");
	add(pselect_leaves_the_time, NEEDS_DESCRIPTOR, "select/pselect-leaves-the-time");
	add(bad_time, NEEDS_DESCRIPTOR, "select/bad-time");
	add_with(many, NEEDS_DESCRIPTOR, 2, 0, "select/many/2");
	add_with(many, NEEDS_DESCRIPTOR, 100, 0, "select/many/100");
}
