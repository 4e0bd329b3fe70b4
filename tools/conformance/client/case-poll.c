// SPDX-License-Identifier: MIT
/* poll(2): which bits are reported for which that were asked for, of one file and of several. */
#include "waiting.h"

enum { ALL = POLLIN | POLLPRI | POLLOUT | POLLRDNORM | POLLRDBAND | POLLWRNORM | POLLWRBAND };

/* Every set of bits that can be asked for: do_pollfd() in fs/select.c adds ERR and HUP to it. */
static void every_mask(const struct test *t)
{
	int fd = dev(O_RDWR);

	set(POLL_BITS, (unsigned)t->a);
	for (int mask = 0; mask < 0x400; mask++) {
		if (mask & POLLNVAL)
			continue;
		SAME(ready(fd, (short)mask, 0), t->b & (mask | POLLERR | POLLHUP));
	}
}

/* A file's state changes under its one poller. */
static void follows(const struct test *t)
{
	char *bytes = memory_new(4);
	int fd = dev(O_RDWR);

	(void)t;
	set(CAPACITY, 4);
	for (int round = 0; round < 20; round++) {
		SAME(ready(fd, POLLIN | POLLOUT, 0), POLLOUT);
		GIVES(io->write(fd, "ab", 2), 2);
		SAME(ready(fd, POLLIN | POLLOUT, 0), POLLIN | POLLOUT);
		GIVES(io->write(fd, "cd", 2), 2);
		SAME(ready(fd, POLLIN | POLLOUT, 0), POLLIN);
		GIVES(io->read(fd, bytes, 4), 4);
	}
}

/* The kernel asks the driver whatever the file was opened for. */
static void access_mode(const struct test *t)
{
	int fd = dev((int)t->a);

	fill(1, 0);
	SAME(ready(fd, POLLIN | POLLOUT, -1), POLLIN | POLLOUT);
}

/* fuse_file_poll() in fs/fuse/file.c has ERR for every error; one must not switch poll off, as ENOSYS would. */
static void driver_fails(const struct test *t)
{
	int fd = dev(O_RDWR);

	fill(1, 0);
	set(ON_POLL, DO(t->a, t->b));
	SAME(ready(fd, POLLIN, -1), POLLERR);
	SAME(ready(fd, 0, 0), POLLERR);
	set(ON_POLL, DO(NORMAL, 0));
	SAME(ready(fd, POLLIN, 0), POLLIN);
	GIVES(io->read(fd, memory_new(1), 1), 1);
	SAME(ready(fd, POLLIN, 0), 0);
}

static void closed(const struct test *t)
{
	int fd = dev(O_RDWR);

	MUST(io->close(fd));
	SAME(ready(fd, (short)t->a, -1), POLLNVAL);
}

static void negative(const struct test *t)
{
	struct pollfd *polled = memory_new(2 * sizeof(*polled));
	int fd = dev(O_RDWR);

	(void)t;
	polled[0] = (struct pollfd){ .fd = -fd, .events = ALL, .revents = -1 };
	polled[1] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	GIVES(io->poll(polled, 2, -1), 1);
	SAME(polled[0].revents, 0);
	SAME(polled[1].revents, POLLOUT);
}

static void o_path(const struct test *t)
{
	(void)t;
	SAME(ready((int)MUST(open(node("stream"), O_PATH)), POLLIN, -1), POLLNVAL);
	SAME(counted(POLLS), 0);
}

static void no_files(const struct test *t)
{
	(void)t;
	dev(O_RDWR);
	GIVES(io->poll(NEW(struct pollfd), 0, 10), 0);
}

/* Each file in a room of its own; every third has something to read. */
static void several(const struct test *t)
{
	struct pollfd *polled = memory_new((size_t)t->a * sizeof(*polled));
	int expected = 0;

	for (int i = 0; i < t->a; i++) {
		polled[i] = (struct pollfd){ .fd = dev(O_RDWR), .events = POLLIN, .revents = -1 };
		join(polled[i].fd, (unsigned)i + 1);
		if (i % 3 == 2) {
			MUST(io->write(polled[i].fd, "x", 1));
			expected++;
		}
	}
	GIVES(io->poll(polled, (nfds_t)t->a, 0), expected);
	for (int i = 0; i < t->a; i++)
		SAME(polled[i].revents, i % 3 == 2 ? POLLIN : 0);
	/* Only those that are there are gone through. */
	MUST(io->close(polled[0].fd));
	GIVES(io->poll(polled, (nfds_t)t->a, 0), expected + 1);
	SAME(polled[0].revents, POLLNVAL);
}

/* One that sleeps on many is woken by the last of them. */
static void last_of_several(const struct test *t)
{
	struct pollfd *polled = memory_new((size_t)t->a * sizeof(*polled));
	struct call *call;

	for (int i = 0; i < t->a; i++) {
		polled[i] = (struct pollfd){ .fd = dev(O_RDWR), .events = POLLIN };
		join(polled[i].fd, i < t->a - 1 ? (unsigned)i + 1 : 0);
	}
	call = start_read(polled[t->a - 1].fd, 1);
	await_count(BLOCKED, 1);
	fill(2, 0);
	GIVES(io->poll(polled, (nfds_t)t->a, -1), 1);
	SAME(polled[t->a - 1].revents, POLLIN);
	GIVES(finish(call), 1);
}

static void twice_in_one_call(const struct test *t)
{
	struct pollfd *polled = memory_new(3 * sizeof(*polled));
	int fd = dev(O_RDWR);

	(void)t;
	polled[0] = (struct pollfd){ .fd = fd, .events = POLLOUT };
	polled[1] = (struct pollfd){ .fd = fd, .events = POLLIN };
	polled[2] = (struct pollfd){ .fd = fd, .events = POLLIN | POLLOUT };
	GIVES(io->poll(polled, 3, -1), 2);
	SAME(polled[0].revents, POLLOUT);
	SAME(polled[1].revents, 0);
	SAME(polled[2].revents, POLLOUT);
	fill(1, 0);
	GIVES(io->poll(polled, 3, -1), 3);
	SAME(polled[1].revents, POLLIN);
	SAME(polled[2].revents, POLLIN | POLLOUT);
}

/* A file of the device's beside one of another kind, each ready in turn. */
static void beside_a_pipe(const struct test *t)
{
	struct pollfd polled[2];
	int ends[2];

	(void)t;
	MUST(pipe2(ends, O_CLOEXEC));
	polled[0] = (struct pollfd){ .fd = dev(O_RDWR), .events = POLLIN };
	polled[1] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	MUST(write(ends[1], "x", 1));
	GIVES(poll(polled, 2, -1), 1);
	SAME(polled[0].revents, 0);
	MUST(read(ends[0], polled + 1, 1));
	polled[1] = (struct pollfd){ .fd = ends[0], .events = POLLIN };
	fill(1, 0);
	GIVES(poll(polled, 2, -1), 1);
	SAME(polled[0].revents, POLLIN);
	SAME(polled[1].revents, 0);
}

static void bad_array(const struct test *t)
{
	(void)t;
	dev(O_RDWR);
	FAILS(io->poll(memory_bad(), 1, 0), EFAULT);
}

CASES
{
	add_with(every_mask, NEEDS_NOTHING, POLLIN | POLLHUP, POLLIN | POLLRDNORM | POLLHUP, "poll/every-mask/in-and-hup");
	add_with(every_mask, NEEDS_NOTHING, POLLOUT | POLLERR, POLLOUT | POLLWRNORM | POLLERR,
		 "poll/every-mask/out-and-err");
	add(follows, NEEDS_NOTHING, "poll/follows-the-stream");
	add_with(access_mode, NEEDS_NOTHING, O_RDWR | O_NONBLOCK, 0, "poll/access/nonblock");
	add_with(access_mode, NEEDS_NOTHING, 3, 0, "poll/access/mode-3");
	add_with(driver_fails, NEEDS_NOTHING, FAIL_ERRNO, ENOSYS, "poll/driver/throws-enosys");
	add_with(driver_fails, NEEDS_NOTHING, ILLEGAL, 0, "poll/driver/illegal");
	add_with(closed, NEEDS_NOTHING, POLLIN, 0, "poll/nval/closed");
	add_with(closed, NEEDS_NOTHING, 0, 0, "poll/nval/closed-asks-nothing");
	add(o_path, NEEDS_DESCRIPTOR, "poll/nval/path");
	add(negative, NEEDS_NOTHING, "poll/negative-is-passed-over");
	add(no_files, NEEDS_NOTHING, "poll/no-files");
	add_with(several, NEEDS_NOTHING, 200, 0, "poll/several/200");
	add_with(last_of_several, NEEDS_NOTHING, 40, 0, "poll/several/woken-by-last-of-40");
	add(twice_in_one_call, NEEDS_NOTHING, "poll/several/same-file");
	add(beside_a_pipe, NEEDS_DESCRIPTOR, "poll/several/beside-a-pipe");
	add(bad_array, NEEDS_DESCRIPTOR, "poll/bad-array");
}
