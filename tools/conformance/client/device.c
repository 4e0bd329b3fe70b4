// SPDX-License-Identifier: MIT
/* The reference device as cases see it: nodes, the case's room, and the channel that all calls go by. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include "harness.h"
#include "internal.h"

const struct io *io = &io_libc;
const char *channel;
static const char *folder;
static uint32_t room;
static int control_fd = -1;
static __thread bool rule_is_set;

void choose_channel(const char *name, const char *where)
{
	channel = name;
	folder = where;
#ifdef X32
	io = &io_raw;
#endif
	if (channel_is("memory")) {
		io = &io_memory;
		memory_socket = where;
		folder = "/dev/conformance";
	}
}

bool channel_is(const char *name)
{
	return !strcmp(channel, name);
}

void case_started(void)
{
	room = (uint32_t)getpid();
}

const char *node(const char *name)
{
	char path[PATH_MAX];
	char *copy;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	copy = memory_new(strlen(path) + 1);
	return strcpy(copy, path);
}

int control(void)
{
	if (control_fd < 0) {
		control_fd = MUST(io->open(node("stream"), O_RDWR | O_CLOEXEC));
		MUST(io->ioctl(control_fd, C_JOIN, room));
	}
	return control_fd;
}

static void order(unsigned long request, const void *argument)
{
	MUST(io->ioctl(control(), request, (uintptr_t)argument));
}

void rule(enum action action, unsigned value)
{
	struct rule *arg = NEW(struct rule);

	*arg = (struct rule){ (uint32_t)gettid(), room, action, value };
	order(C_RULE, arg);
	rule_is_set = true;
}

int dev_open(const char *name, int flags)
{
	if (!rule_is_set)
		rule(NORMAL, 0);
	rule_is_set = false;
	return io->open(node(name), flags);
}

int dev(int flags)
{
	return (int)MUST(dev_open("stream", flags));
}

void set(enum knob knob, unsigned value)
{
	struct setting *arg = NEW(struct setting);

	*arg = (struct setting){ knob, value };
	order(C_SET, arg);
}

void fill(unsigned count, unsigned seed)
{
	struct filling *arg = NEW(struct filling);

	*arg = (struct filling){ count, seed };
	order(C_FILL, arg);
}

void kick(enum kick_what what, unsigned value)
{
	struct kick *arg = NEW(struct kick);

	*arg = (struct kick){ what, value };
	order(C_KICK, arg);
}

void await_count(enum counter counter, unsigned least)
{
	struct await_counter *arg = NEW(struct await_counter);
	int result;

	*arg = (struct await_counter){ counter, least };
	do
		result = io->ioctl(control(), C_AWAIT, (uintptr_t)arg);
	while (result < 0 && errno == EINTR);
	MUST(result);
}

struct stats stats(void)
{
	struct stats *arg = NEW(struct stats);

	order(C_STATS, arg);
	return *arg;
}

unsigned counted(enum counter counter)
{
	struct stats s = stats();
	const uint32_t counts[] = { s.opens, s.releases, s.reads, s.writes, s.acts,
				    s.polls, s.aborts, s.blocked, s.held, s.files };

	return counts[counter];
}

int ready(int fd, short events, int ms)
{
	struct pollfd *polled = NEW(struct pollfd);

	*polled = (struct pollfd){ .fd = fd, .events = events };
	MUST(io->poll(polled, 1, ms));
	return (unsigned short)polled->revents;
}

void join(int fd, unsigned number)
{
	MUST(io->ioctl(fd, C_JOIN, room + (number << 24)));
}

const int errnos[] = {
	EPERM, ENOENT, EIO, ENXIO, EAGAIN, ENOMEM, EACCES, EBUSY, ENODEV, EINVAL, ENOSPC, EPIPE, ERANGE, EPROTO, EOVERFLOW,
	ENOTSUP, ECONNRESET, ETIMEDOUT, ENOMEDIUM, ERFKILL,
};
const size_t errno_count = COUNT(errnos);
